//! What an export will do, decided before a row moves.

use std::collections::HashMap;
use std::path::PathBuf;

use arrow::datatypes::DataType;

use super::expected::ExpectedRows;
use super::numbers;
use super::plan_display::shown_columns;
use super::readers::Readers;
use super::refusal::Slice;
use super::slices::CutBy;
use super::snapshot::{Snapshot, is_refusal};
use super::{ExportJob, FileMode, Selection};
use crate::copy::vectors::complete_vectors;
use crate::error::{Error, PlanProblem, Result};
use crate::fetch::{FetchColumn, FetchPlan};
use crate::lake::sink::{NUMBER_TEXT_KEY, SinkOptions, is_taken};
use crate::oci::Session;
use crate::oracle_type::{ColumnDesc, TableName};
use crate::sql;

/// What a run does to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileAction {
    /// It is not there and will be written.
    Create,
    /// It is there and will be replaced when the new one is whole.
    Replace,
    /// It is there, so nothing is done.
    Skip,
}

/// A column of the query on its way into the file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ExportColumn {
    /// In the select list, 1-based.
    pub position: usize,
    /// Name in the query.
    pub source: String,
    /// Oracle type, with NOT NULL.
    pub oracle_type: String,
    /// What OCI is asked for.
    pub external_type: String,
    /// Name in the file.
    pub target: String,
    /// Arrow type.
    pub arrow_type: String,
}

/// The plan of an export. `Display` is for people, `Serialize` for `--report json`.
#[derive(Debug, serde::Serialize)]
pub struct ExportPlan {
    /// The source without any secret.
    pub source: String,
    /// The file.
    pub path: PathBuf,
    /// What happens to it.
    pub action: FileAction,
    /// The SELECT; `None` when nothing is done.
    pub select_sql: Option<String>,
    /// Its columns.
    pub columns: Vec<ExportColumn>,
    /// The moment that is read.
    pub snapshot: Snapshot,
    /// Rows, as far as that is known.
    pub expected: ExpectedRows,
    /// Sessions and the pieces that they read.
    pub readers: Readers,
    /// Rows of one fetch.
    pub rows_per_fetch: u32,
    /// Memory of the array buffers of all readers.
    pub buffer_bytes: u64,
    /// Layout of the file.
    pub file: SinkOptions,
    /// What is worth knowing.
    pub warnings: Vec<String>,
    #[serde(skip)]
    pub(super) fetch: Option<FetchPlan>,
    /// Queries that together are the one of `fetch`.
    #[serde(skip)]
    pub(super) slices: Vec<Slice>,
    /// Columns of the table whose type the query changes, as they are there.
    #[serde(skip)]
    pub(super) named: Vec<ColumnDesc>,
}

/// What is read, and how.
pub(in crate::copy) struct Source {
    pub(in crate::copy) fetch: FetchPlan,
    pub(in crate::copy) snapshot: Snapshot,
    pub(in crate::copy) expected: ExpectedRows,
    pub(in crate::copy) readers: Readers,
    pub(in crate::copy) slices: Vec<Slice>,
    pub(in crate::copy) warnings: Vec<String>,
    /// Columns of the table whose type the query changes, as they are there.
    pub(in crate::copy) named: Vec<ColumnDesc>,
}

/// A query that has been described, and what is worth knowing of its columns.
pub(super) struct Described {
    pub(super) fetch: FetchPlan,
    notes: Vec<String>,
    /// How many rows it has, where that was counted on the way.
    rows: Option<u64>,
}

impl Source {
    fn whole(described: Described, slice: Slice, snapshot: Snapshot, note: Option<String>) -> Self {
        let readers = Readers { sessions: 1, slices: 1, cut_by: CutBy::Nothing, ordered: true, note };
        let expected = described.rows.map_or_else(|| ExpectedRows::unknown("a query is not counted"), ExpectedRows::counted);
        let (fetch, warnings) = (described.fetch, described.notes);
        Source { snapshot, expected, readers, slices: vec![slice], warnings, named: Vec::new(), fetch }
    }
}

/// The columns that the SELECT list makes others of (JSON, BOOLEAN, XMLTYPE, VECTOR), for the footer.
fn named_columns(session: &Session, name: &TableName, columns: &[ColumnDesc]) -> Vec<ColumnDesc> {
    let is_changed = |column: &&ColumnDesc| ["JSON", "BOOLEAN", "XMLTYPE", "VECTOR"].iter().any(|named| column.oracle_type.is_named(named));
    let mut named: Vec<ColumnDesc> = columns.iter().filter(is_changed).cloned().collect();
    complete_vectors(session, name, named.iter_mut().filter(|column| column.oracle_type.is_named("VECTOR")));
    named
}

impl ExportJob {
    /// Describes the query, chooses types, looks at the file. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Plan`] with every problem found; [`Error::Usage`] for contradicting options.
    pub fn plan(&self, session: &Session) -> Result<ExportPlan> {
        self.check()?;
        let action = match (is_taken(&self.path), self.mode) {
            (false, _) => FileAction::Create,
            (true, FileMode::Overwrite) => FileAction::Replace,
            (true, FileMode::Ignore) => FileAction::Skip,
            (true, FileMode::ErrorIfExists) => {
                let remedy = "replace it with --mode overwrite, or name another file";
                return Err(self.refused(vec![problem(format!("{} exists", self.path.display()), remedy)]));
            }
        };
        let found = if action == FileAction::Skip { None } else { Some(self.find(session)?) };
        let (fetch, snapshot, expected, readers, slices, warnings, named) = match found {
            Some(Source { fetch, snapshot, expected, readers, slices, warnings, named }) => {
                (Some(fetch), snapshot, expected, readers, slices, warnings, named)
            }
            None => {
                let readers = Readers { sessions: 0, slices: 0, cut_by: CutBy::Nothing, ordered: false, note: None };
                let nothing = "nothing is read";
                (None, Snapshot::none(nothing), ExpectedRows::unknown(nothing), readers, Vec::new(), Vec::new(), Vec::new())
            }
        };
        let columns = fetch.as_ref().map(shown_columns).unwrap_or_default();
        Ok(ExportPlan {
            source: self.source.to_string(),
            path: self.path.clone(),
            action,
            select_sql: fetch.as_ref().map(|fetch| fetch.sql.clone()),
            columns,
            snapshot,
            expected,
            rows_per_fetch: fetch.as_ref().map_or(0, FetchPlan::rows_per_fetch),
            buffer_bytes: fetch.as_ref().map_or(0, |fetch| fetch.buffer_bytes() as u64 * u64::from(readers.sessions)),
            readers,
            file: self.sink.clone(),
            warnings,
            fetch,
            slices,
            named,
        })
    }

    /// Finds the moment, describes the query as of it, and cuts the table.
    pub(in crate::copy) fn find(&self, session: &Session) -> Result<Source> {
        let mut problems = Vec::new();
        let table = self.selected(session, &mut problems)?;
        if !problems.is_empty() {
            return Err(self.refused(problems));
        }
        let Some((name, columns)) = table else { return self.find_query(session) };
        let (described, snapshot) = self.describe_at(session, name, &columns)?;
        let expected = match described.rows {
            Some(rows) => ExpectedRows::counted(rows),
            None => ExpectedRows::of_table(session, name, &self.selection)?,
        };
        if self.reading.parallel < 2 {
            let whole = Source::whole(described, self.select_table(name, &columns, snapshot.scn)?, snapshot, None);
            return Ok(Source { expected, named: named_columns(session, name, &columns), ..whole });
        }
        let cut = self.cut(session, name, snapshot.scn)?;
        let order = self.reading.ordered.then_some(cut.order_by.as_str());
        let select = |range: &Option<String>| self.select_range(name, &columns, snapshot.scn, range.as_deref(), order);
        let slices = cut.conditions.iter().map(select).collect::<Result<Vec<_>>>()?;
        let sessions = self.reading.parallel.min(slices.len() as u32);
        let note = cut.why_whole.and_then(|why| self.why_one_reader(&why));
        let Described { fetch, notes: warnings, .. } = described;
        let readers = Readers { sessions, slices: slices.len(), cut_by: cut.by, ordered: self.reading.ordered, note };
        let named = named_columns(session, name, &columns);
        Ok(Source { fetch, snapshot, expected, readers, slices, warnings, named })
    }

    fn find_query(&self, session: &Session) -> Result<Source> {
        if self.reading.as_of.is_past() {
            let remedy = "write AS OF SCN n behind each table of the query";
            return Err(self.refused(vec![problem("a query cannot be read as of another moment from outside", remedy)]));
        }
        let mut problems = Vec::new();
        let sql = self.query_sql(session, &mut problems)?;
        if !problems.is_empty() {
            return Err(self.refused(problems));
        }
        let described = self.fetch_plan(session, &sql, &[])?;
        let snapshot = Snapshot::none("a query sees one snapshot of its own, and does not say which");
        let note = self.why_one_reader("a query is not cut into pieces");
        Ok(Source::whole(described, Slice::of_query(sql), snapshot, note))
    }

    /// The columns as of the moment, or of the present where flashback is not permitted.
    fn describe_at(&self, session: &Session, name: &TableName, columns: &[ColumnDesc]) -> Result<(Described, Snapshot)> {
        let mut snapshot = self.reading.as_of.find(session)?;
        if snapshot.scn.is_some() {
            match self.fetch_plan(session, &self.select_table(name, columns, snapshot.scn)?.sql, columns) {
                Err(error) if !self.reading.as_of.is_past() && is_refusal(&error) => {
                    let reason = error.to_string();
                    let reason = reason.lines().next().unwrap_or_default();
                    snapshot =
                        Snapshot::none(format!("flashback is not permitted here ({reason}); the query sees one snapshot of its own"));
                }
                described => return Ok((described?, snapshot)),
            }
        }
        Ok((self.fetch_plan(session, &self.select_table(name, columns, None)?.sql, columns)?, snapshot))
    }

    fn why_one_reader(&self, why: &str) -> Option<String> {
        (self.reading.parallel > 1).then(|| format!("one reader instead of {}: {why}", self.reading.parallel))
    }

    /// `table` has the columns as they are in the table, where they are read from one.
    pub(super) fn fetch_plan(&self, session: &Session, sql: &str, table: &[ColumnDesc]) -> Result<Described> {
        let (mut problems, mut notes, mut rows) = (Vec::new(), Vec::new(), None);
        let described = session.describe_query(sql).map_err(|error| self.explain_address(error))?;
        let mut choices = self.types.of_table(table);
        let open: Vec<ColumnDesc> = described.iter().filter(|column| numbers::is_open(&choices, column)).cloned().collect();
        if !open.is_empty() && self.sink.format.is_text() {
            choices.number = Some(DataType::Utf8);
        } else if !open.is_empty() {
            let (found, counted) = numbers::find(session, sql, &open)?;
            rows = counted;
            for numbers::Found { column, data_type, note } in found {
                choices.columns.push((column, data_type));
                notes.push(note);
            }
        }
        let mut columns = choices.fields(described, &mut problems);
        self.selection.name_address(&mut columns, &mut problems);
        if self.sink.format.is_text() {
            columns.iter_mut().filter(|column| open.contains(&column.column)).for_each(mark_number_text);
        }
        match FetchPlan::new(session, &self.label(), sql.to_owned(), columns, self.fetch) {
            Ok(fetch) if problems.is_empty() => Ok(Described { fetch, notes, rows }),
            Ok(_) => Err(self.refused(problems)),
            Err(Error::Plan { problems: more, .. }) => {
                problems.extend(more);
                Err(self.refused(problems))
            }
            Err(other) => Err(other),
        }
    }

    pub(super) fn query_sql(&self, session: &Session, problems: &mut Vec<PlanProblem>) -> Result<String> {
        let Selection { query, columns, condition, limit, .. } = &self.selection;
        let query = query.as_deref().unwrap_or_default();
        let wanted = match columns {
            Some(wanted) => {
                find_columns(wanted, &session.describe_query(&sql::select_from_query::<&str>(query, &[], None, None)?)?, problems)
            }
            None if self.selection.rowid.is_some() => {
                let all = session.describe_query(&sql::select_from_query::<&str>(query, &[], None, None)?)?;
                all.into_iter().map(|column| column.name).collect()
            }
            None => Vec::new(),
        };
        let wanted = self.selection.with_address_name(wanted, problems);
        sql::select_from_query(query, &wanted, condition.as_deref(), *limit)
    }

    /// The table and its columns that are read; `None` when a query is.
    pub(super) fn selected(&self, session: &Session, problems: &mut Vec<PlanProblem>) -> Result<Option<(&TableName, Vec<ColumnDesc>)>> {
        if self.selection.query.is_some() {
            return Ok(None);
        }
        let name = self.source.require_table()?;
        let Some(table) = session.describe_table(name)? else {
            problems.push(problem("the table does not exist, or this user may not see it", "check the name, or GRANT SELECT on it"));
            return Ok(None);
        };
        let wanted = match &self.selection.columns {
            Some(wanted) => {
                let names = find_columns(wanted, &table.columns, problems);
                names.iter().filter_map(|name| table.columns.iter().find(|column| column.name == *name).cloned()).collect()
            }
            None => table.columns,
        };
        Ok(Some((name, self.selection.with_address(wanted))))
    }

    /// What messages call the source.
    fn label(&self) -> String {
        match (&self.selection.query, &self.source.table) {
            (None, Some(table)) => table.to_string(),
            _ => "query".into(),
        }
    }

    pub(super) fn refused(&self, problems: Vec<PlanProblem>) -> Error {
        Error::Plan { table: self.label(), problems }
    }
}

/// All digits of a NUMBER as a number of the text format, rather than as a text.
fn mark_number_text(column: &mut FetchColumn) {
    let metadata = HashMap::from([(NUMBER_TEXT_KEY.to_owned(), "true".to_owned())]);
    column.field = column.field.clone().with_metadata(metadata);
}

fn problem(reason: impl Into<String>, remedy: &str) -> PlanProblem {
    PlanProblem { column: None, reason: reason.into(), remedy: remedy.into() }
}

/// The dictionary's names of these columns: exactly as given, or as Oracle takes unquoted names.
fn find_columns(wanted: &[String], columns: &[ColumnDesc], problems: &mut Vec<PlanProblem>) -> Vec<String> {
    let mut found: Vec<String> = Vec::with_capacity(wanted.len());
    for name in wanted {
        let in_dictionary = sql::dictionary_name(name);
        let column = columns.iter().find(|c| c.name == *name).or_else(|| columns.iter().find(|c| c.name == in_dictionary));
        match column {
            Some(column) if found.contains(&column.name) => {
                problems.push(problem(format!("{name} is named twice in --columns"), "name it once"))
            }
            Some(column) => found.push(column.name.clone()),
            None => problems.push(problem(format!("there is no column {name}"), "olbridge describe shows the columns that are there")),
        }
    }
    found
}
