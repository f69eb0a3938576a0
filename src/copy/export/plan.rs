//! What an export will do, decided before a row moves.

use std::fmt;
use std::path::PathBuf;

use super::readers::Readers;
use super::slices::{CutBy, Slices};
use super::snapshot::{Snapshot, is_refusal};
use super::{ExportJob, FileMode, Selection};
use crate::copy::columns::external_type_name;
use crate::copy::format::{TextTable, bytes, thousands};
use crate::error::{Error, PlanProblem, Result};
use crate::fetch::{FetchColumn, FetchPlan};
use crate::lake::format::Format;
use crate::lake::sink::{SinkOptions, is_standard_output, is_taken};
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
    pub(super) slices: Vec<String>,
}

/// What is read, and how.
pub(in crate::copy) struct Source {
    pub(in crate::copy) fetch: FetchPlan,
    pub(in crate::copy) snapshot: Snapshot,
    readers: Readers,
    slices: Vec<String>,
    pub(in crate::copy) warnings: Vec<String>,
}

impl Source {
    fn whole(fetch: FetchPlan, snapshot: Snapshot, note: Option<String>) -> Self {
        let readers = Readers { sessions: 1, slices: 1, cut_by: CutBy::Nothing, ordered: true, note };
        Source { snapshot, readers, slices: vec![fetch.sql.clone()], warnings: Vec::new(), fetch }
    }
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
        let (fetch, snapshot, readers, slices, warnings) = match found {
            Some(Source { fetch, snapshot, readers, slices, warnings }) => (Some(fetch), snapshot, readers, slices, warnings),
            None => {
                let readers = Readers { sessions: 0, slices: 0, cut_by: CutBy::Nothing, ordered: false, note: None };
                (None, Snapshot::none("nothing is read"), readers, Vec::new(), Vec::new())
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
            rows_per_fetch: fetch.as_ref().map_or(0, FetchPlan::rows_per_fetch),
            buffer_bytes: fetch.as_ref().map_or(0, |fetch| fetch.buffer_bytes() as u64 * u64::from(readers.sessions)),
            readers,
            file: self.sink.clone(),
            warnings,
            fetch,
            slices,
        })
    }

    /// The query alone, for a reader that wants batches and no file: [`FetchPlan::open`] reads it. Unless a certain moment is asked for it is read as the
    /// session's transaction sees it, which flashback would not. The path is not looked at, and there is one reader.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub fn read_plan(&self, session: &Session) -> Result<FetchPlan> {
        self.check()?;
        if self.reading.as_of.is_past() {
            let whole = super::Reading { parallel: 1, ..self.reading.clone() };
            return Ok(ExportJob { reading: whole, ..self.clone() }.find(session)?.fetch);
        }
        let mut problems = Vec::new();
        let (sql, table) = match self.selected(session, &mut problems)? {
            Some((name, columns)) => (self.select_table(name, &columns, None, None), columns),
            None if problems.is_empty() => (self.query_sql(session, &mut problems), Vec::new()),
            None => return Err(self.refused(problems)),
        };
        if !problems.is_empty() {
            return Err(self.refused(problems));
        }
        self.fetch_plan(session, sql?, &table)
    }

    /// Finds the moment, describes the query as of it, and cuts the table.
    pub(in crate::copy) fn find(&self, session: &Session) -> Result<Source> {
        let mut problems = Vec::new();
        let table = self.selected(session, &mut problems)?;
        if !problems.is_empty() {
            return Err(self.refused(problems));
        }
        let Some((name, columns)) = table else {
            if self.reading.as_of.is_past() {
                let remedy = "write AS OF SCN n behind each table of the query";
                return Err(self.refused(vec![problem("a query cannot be read as of another moment from outside", remedy)]));
            }
            let sql = self.query_sql(session, &mut problems)?;
            if !problems.is_empty() {
                return Err(self.refused(problems));
            }
            let fetch = self.fetch_plan(session, sql, &[])?;
            let snapshot = Snapshot::none("a query sees one snapshot of its own, and does not say which");
            return Ok(Source::whole(fetch, snapshot, self.why_one_reader("a query is not cut into pieces")));
        };
        let select = |scn, range: Option<&str>| self.select_table(name, &columns, scn, range);
        let mut snapshot = self.reading.as_of.find(session)?;
        let mut described = snapshot.scn.map(|scn| self.fetch_plan(session, select(Some(scn), None)?, &columns));
        if let (Some(Err(error)), false) = (&described, self.reading.as_of.is_past())
            && is_refusal(error)
        {
            let reason = error.to_string();
            let reason = reason.lines().next().unwrap_or_default();
            snapshot = Snapshot::none(format!("flashback is not permitted here ({reason}); the query sees one snapshot of its own"));
            described = None;
        }
        let fetch = match described {
            Some(fetch) => fetch?,
            None => self.fetch_plan(session, select(None, None)?, &columns)?,
        };
        if self.reading.parallel < 2 {
            return Ok(Source::whole(fetch, snapshot, None));
        }
        let cut = match (snapshot.scn, self.selection.limit) {
            (None, _) => Slices::whole("several readers need one SCN"),
            (_, Some(_)) => Slices::whole("--limit counts rows of one query"),
            (Some(_), None) => Slices::of_table(session, name, self.reading.parallel)?,
        };
        let slices = cut.conditions.iter().map(|range| select(snapshot.scn, range.as_deref())).collect::<Result<Vec<_>>>()?;
        let sessions = self.reading.parallel.min(slices.len() as u32);
        let note = cut.why_whole.and_then(|why| self.why_one_reader(&why));
        let warnings = Vec::new();
        let readers = Readers { sessions, slices: slices.len(), cut_by: cut.by, ordered: self.reading.ordered, note };
        Ok(Source { fetch, snapshot, readers, slices, warnings })
    }

    fn why_one_reader(&self, why: &str) -> Option<String> {
        (self.reading.parallel > 1).then(|| format!("one reader instead of {}: {why}", self.reading.parallel))
    }

    /// `table` has the columns as they are in the table, where they are read from one.
    fn fetch_plan(&self, session: &Session, sql: String, table: &[ColumnDesc]) -> Result<FetchPlan> {
        let mut problems = Vec::new();
        let columns = self.types.of_table(table).fields(session.describe_query(&sql)?, &mut problems);
        match FetchPlan::new(session, &self.label(), sql, columns, self.fetch) {
            Ok(plan) if problems.is_empty() => Ok(plan),
            Ok(_) => Err(self.refused(problems)),
            Err(Error::Plan { problems: more, .. }) => {
                problems.extend(more);
                Err(self.refused(problems))
            }
            Err(other) => Err(other),
        }
    }

    fn query_sql(&self, session: &Session, problems: &mut Vec<PlanProblem>) -> Result<String> {
        let Selection { query, columns, condition, limit } = &self.selection;
        let query = query.as_deref().unwrap_or_default();
        let wanted = match columns {
            Some(wanted) => {
                find_columns(wanted, &session.describe_query(&sql::select_from_query::<&str>(query, &[], None, None)?)?, problems)
            }
            None => Vec::new(),
        };
        sql::select_from_query(query, &wanted, condition.as_deref(), *limit)
    }

    /// The table and its columns that are read; `None` when a query is.
    fn selected(&self, session: &Session, problems: &mut Vec<PlanProblem>) -> Result<Option<(&TableName, Vec<ColumnDesc>)>> {
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
        Ok(Some((name, wanted)))
    }

    fn select_table(&self, name: &TableName, columns: &[ColumnDesc], scn: Option<u64>, range: Option<&str>) -> Result<String> {
        let Selection { condition, limit, .. } = &self.selection;
        let both = match (condition, range) {
            (Some(condition), Some(range)) => Some(format!("({condition}\n) AND {range}")),
            (condition, range) => condition.as_deref().or(range).map(str::to_owned),
        };
        let sql = sql::select_at(name, columns, scn, both.as_deref(), *limit)?;
        // Slices follow one another; within one the database reads as it likes.
        Ok(if range.is_some() && self.reading.ordered { sql + " ORDER BY ROWID" } else { sql })
    }

    /// What messages call the source.
    fn label(&self) -> String {
        match (&self.selection.query, &self.source.table) {
            (None, Some(table)) => table.to_string(),
            _ => "query".into(),
        }
    }

    fn refused(&self, problems: Vec<PlanProblem>) -> Error {
        Error::Plan { table: self.label(), problems }
    }
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

fn shown_columns(plan: &FetchPlan) -> Vec<ExportColumn> {
    let described = |(index, (FetchColumn { column, field }, layout)): (usize, (&FetchColumn, _))| ExportColumn {
        position: index + 1,
        source: column.name.clone(),
        oracle_type: format!("{}{}", column.oracle_type, if column.nullable { "" } else { " NOT NULL" }),
        external_type: external_type_name(&layout),
        target: field.name().clone(),
        arrow_type: field.data_type().to_string(),
    };
    plan.columns.iter().zip(plan.layouts()).enumerate().map(described).collect()
}

fn layout_line(file: &SinkOptions) -> String {
    let codec = file.codec();
    let format = match file.format {
        Format::Parquet => {
            let (rows, size) = (thousands(file.row_group_rows as u64), bytes(file.row_group_bytes as u64));
            format!("Parquet with {codec}, row groups of {rows} rows or {size}")
        }
        Format::Arrow => format!("Arrow IPC file, compression {codec}"),
        Format::Arrows => format!("Arrow IPC stream, compression {codec}"),
        Format::Csv => format!("CSV, {:?} between fields, NULL is {:?}", file.csv.delimiter, file.csv.null),
        Format::Ndjson => "NDJSON, one object a line".to_owned(),
    };
    let partitions = match file.partition_by.is_empty() {
        true => String::new(),
        false => format!("; a directory for each {}", file.partition_by.join(", ")),
    };
    let limit = file.file_bytes.map(|limit| format!("; another file after {}", bytes(limit))).unwrap_or_default();
    format!("{format}{partitions}{limit}")
}

impl fmt::Display for ExportPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "source   {}", self.source)?;
        let action = match self.action {
            FileAction::Create if is_standard_output(&self.path) => "standard output: the exit code tells whether it is whole",
            FileAction::Create => "written, and there when it is whole",
            FileAction::Replace => "replaced when the new one is whole",
            FileAction::Skip => "exists: nothing is done",
        };
        writeln!(f, "target   {}: {action}", self.path.display())?;
        let Some(select) = &self.select_sql else { return Ok(()) };
        writeln!(f, "\n{select};\n")?;
        let mut table = TextTable::new(["#", "column", "Oracle", "OCI", "target", "Arrow"]);
        for c in &self.columns {
            let c = c.clone();
            table.row([c.position.to_string(), c.source, c.oracle_type, c.external_type, c.target, c.arrow_type]);
        }
        write!(f, "{table}")?;
        match self.snapshot.scn {
            Some(scn) => writeln!(f, "\nsnapshot SCN {scn} ({})", self.snapshot.how)?,
            None => writeln!(f, "\nsnapshot {}", self.snapshot.how)?,
        }
        if self.readers.sessions > 1 {
            let Readers { sessions, slices, cut_by, ordered, .. } = &self.readers;
            let (from, order) = (cut_by.description(), if *ordered { "in the order of ROWIDs" } else { "rows as they come" });
            writeln!(f, "{sessions} readers, {slices} slices by {from}, {order}")?;
        }
        self.readers.note.iter().try_for_each(|note| writeln!(f, "{note}"))?;
        writeln!(f, "{} rows per fetch, {} of array buffers", thousands(u64::from(self.rows_per_fetch)), bytes(self.buffer_bytes))?;
        writeln!(f, "{}", layout_line(&self.file))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}
