//! From one database into another: the array buffers of a fetch are those of an insert, so no value is converted on the way.

use std::path::PathBuf;

use arrow::datatypes::DataType;

use super::export::{AsOf, ExportJob, Reading, Selection, TypeChoices};
use super::guard::is_plain_table;
use super::job::Mode;
use super::plan::{TableAction, plan_error};
use super::target::Target;
use crate::error::{PlanProblem, Result};
use crate::fetch::{FetchColumn, FetchOptions, FetchPlan};
use crate::layout::{Layout, LobKind};
use crate::oci::Session;
use crate::oracle_type::{ColumnDesc, OracleType, TableDesc, TableName};
use crate::sql;
use crate::type_map::{LossyKind, LossySet};

mod fits;
mod insert;
mod overlap;
mod report;
mod run;

use fits::fits;
pub use report::{PipeReport, PipeTimes};

/// A copy of a table or query of one database into a table of another, as asked for.
#[derive(Debug, Clone)]
pub struct PipeJob {
    /// Where from.
    pub source: Target,
    /// Which rows and columns.
    pub selection: Selection,
    /// Which moment.
    pub as_of: AsOf,
    /// Where to.
    pub target: Target,
    /// What happens with a table that is there, and with one that is not.
    pub mode: Mode,
    /// The rows that are there may be removed, where the mode does so.
    pub allow_destructive: bool,
    /// Buffers, and losses that were asked for.
    pub fetch: FetchOptions,
}

/// A column on its way.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PipeColumn {
    /// Name in both tables.
    pub name: String,
    /// Type in the source, with NOT NULL.
    pub source_type: String,
    /// Type in the target, with NOT NULL.
    pub target_type: String,
}

/// What a pipe will do. `Display` is for people, `Serialize` for `--report json`.
#[derive(Debug, serde::Serialize)]
pub struct PipePlan {
    /// The source without any secret.
    pub source: String,
    /// The target without any secret.
    pub target: String,
    /// The target's table.
    pub table: String,
    /// As asked for.
    pub mode: Mode,
    /// What happens to it.
    pub action: TableAction,
    /// CREATE, TRUNCATE or DELETE before the rows.
    pub first_statement: Option<String>,
    /// The rows that are there may be removed, where the mode does so.
    pub allow_destructive: bool,
    /// The SELECT.
    pub select_sql: String,
    /// The INSERT.
    pub statement: String,
    /// The columns; LOBs are the last.
    pub columns: Vec<PipeColumn>,
    /// SCN that is read, where it is known.
    pub scn: Option<u64>,
    /// Rows of a fetch and of an execute.
    pub rows_per_batch: u32,
    /// Memory of both sets of array buffers.
    pub buffer_bytes: u64,
    /// What is worth knowing.
    pub warnings: Vec<String>,
    #[serde(skip)]
    fetch: FetchPlan,
    /// Shapes of the placeholders.
    #[serde(skip)]
    layouts: Vec<Layout>,
    #[serde(skip)]
    name: TableName,
    /// The table as it was described; `None` if it is to be created.
    #[serde(skip)]
    existing: Option<TableDesc>,
}

impl PipePlan {
    /// What the run takes away that was there before, if it does.
    pub fn destroys(&self) -> Option<String> {
        super::guard::destroys(self.action, &self.table)
    }
}

impl PipeJob {
    /// TRUNCATE takes the rows away at once, also from the query that still reads them.
    fn refuse_own_truncate(&self, action: TableAction, name: &TableName, session: &Session) -> Result<()> {
        if action != TableAction::Truncate || self.source.endpoint != self.target.endpoint {
            return Ok(());
        }
        // A view or a synonym may read it under another name; two tables do not.
        let source = self.source.table.as_ref().filter(|source| self.selection.query.is_none() && source.table != name.table);
        // A subquery or a function of the condition may read it, too.
        let source = source.filter(|_| self.selection.condition.as_ref().is_none_or(|condition| !condition.contains('(')));
        if let Some(source) = source
            && is_plain_table(session, source)?
            && is_plain_table(session, name)?
        {
            return Ok(());
        }
        let reason = "the rows to be read may be those that --mode truncate removes".into();
        let remedy = "--mode overwrite, which is one transaction, or go through a file".into();
        Err(plan_error(name, vec![PlanProblem { column: None, reason, remedy }]))
    }

    /// Describes both sides and compares them. Changes nothing.
    ///
    /// # Errors
    /// [`crate::error::Error::Plan`] with every column that would not arrive as it is.
    pub fn plan(&self, from: &Session, to: &Session) -> Result<PipePlan> {
        let name = self.target.require_table()?.clone();
        let existing = to.describe_table(&name)?;
        let action = action(self.mode, existing.is_some(), &name)?;
        self.refuse_own_truncate(action, &name, to)?;
        let found = self.select(from)?.find(from)?;
        let described: Vec<&ColumnDesc> = found.fetch.columns.iter().map(|column| &column.column).collect();
        let mut problems: Vec<PlanProblem> = described.iter().filter_map(|column| zone_problem(column, self.fetch.lossy)).collect();
        let mut columns = Vec::new();
        for column in &described {
            let target = match &existing {
                None => Some(*column),
                Some(table) => table.columns.iter().find(|target| target.name == column.name),
            };
            match target {
                Some(target) => {
                    problems.extend(fits(column, &target.oracle_type, self.fetch.lossy));
                    columns.push(PipeColumn { name: column.name.clone(), source_type: shown(column), target_type: shown(target) });
                }
                None => problems.push(problem(&column.name, "the target has no such column", "leave it out with --columns, or add it")),
            }
        }
        problems.extend(charset_problem(to, &described, self.fetch.lossy)?);
        if !problems.is_empty() {
            return Err(plan_error(&name, problems));
        }
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let first_statement = match action {
            TableAction::Create => {
                Some(sql::create_table(&name, &described.iter().map(|column| (*column).clone()).collect::<Vec<_>>(), &[])?)
            }
            TableAction::Truncate => Some(sql::truncate(&name)?),
            TableAction::Replace => Some(sql::delete_all(&name)?),
            _ => None,
        };
        Ok(PipePlan {
            source: self.source.to_string(),
            target: self.target.to_string(),
            table: name.to_string(),
            mode: self.mode,
            action,
            first_statement,
            allow_destructive: self.allow_destructive,
            select_sql: found.fetch.sql.clone(),
            statement: sql::insert(&name, &names)?,
            columns,
            scn: found.snapshot.scn,
            rows_per_batch: found.fetch.rows_per_fetch(),
            buffer_bytes: 2 * found.fetch.buffer_bytes() as u64,
            warnings: found.warnings,
            layouts: placeholder_layouts(&found.fetch, existing.as_ref()),
            fetch: found.fetch,
            name,
            existing,
        })
    }

    /// The reading half. LOB columns come last, because the binds of long values have to (ORA-24816).
    fn select(&self, from: &Session) -> Result<ExportJob> {
        let mut job = ExportJob::new(self.source.clone(), PathBuf::new());
        job.selection = self.selection.clone();
        job.reading = Reading { as_of: self.as_of.clone(), ..Reading::default() };
        job.fetch = FetchOptions { decode_behind: false, ..self.fetch };
        // Whatever a NUMBER without precision holds: its text is never made, only its buffer is used.
        job.types = TypeChoices { number: Some(DataType::Utf8), ..TypeChoices::default() };
        let columns = match &self.selection.query {
            Some(query) => from.describe_query(&sql::select_from_query::<&str>(query, &[], None, None)?)?,
            None => from.describe_table(self.source.require_table()?)?.map(|table| table.columns).unwrap_or_default(),
        };
        let wanted = |column: &&ColumnDesc| match &self.selection.columns {
            Some(names) => names.iter().any(|name| *name == column.name || sql::dictionary_name(name) == column.name),
            None => true,
        };
        let chosen: Vec<&ColumnDesc> = columns.iter().filter(wanted).collect();
        let is_named = self.selection.columns.as_ref().is_none_or(|names| names.len() == chosen.len());
        if is_named && chosen.iter().any(|column| column.oracle_type.is_lob()) {
            let (lobs, others): (Vec<&ColumnDesc>, Vec<&ColumnDesc>) = chosen.iter().partition(|column| column.oracle_type.is_lob());
            job.selection.columns = Some(others.iter().chain(&lobs).map(|column| column.name.clone()).collect());
        }
        Ok(job)
    }
}

fn action(mode: Mode, exists: bool, name: &TableName) -> Result<TableAction> {
    let refused = |reason: &str, remedy: &str| {
        Err(plan_error(name, vec![PlanProblem { column: None, reason: reason.into(), remedy: remedy.into() }]))
    };
    match (mode, exists) {
        (Mode::Append | Mode::Truncate, false) => refused("the table does not exist", "--mode create"),
        (Mode::ErrorIfExists, true) => refused("the table exists", "--mode append, or overwrite"),
        (Mode::Create | Mode::Overwrite | Mode::ErrorIfExists | Mode::Ignore, false) => Ok(TableAction::Create),
        (Mode::Append | Mode::Create, true) => Ok(TableAction::Append),
        (Mode::Truncate, true) => Ok(TableAction::Truncate),
        (Mode::Overwrite, true) => Ok(TableAction::Replace),
        (Mode::Ignore, true) => Ok(TableAction::Skip),
        (Mode::Upsert | Mode::Update | Mode::Delete, _) => {
            refused("a copy between databases inserts", "go through a Parquet file, or --mode append, create or overwrite")
        }
    }
}

fn problem(column: &str, reason: impl Into<String>, remedy: &str) -> PlanProblem {
    PlanProblem { column: Some(column.to_owned()), reason: reason.into(), remedy: remedy.into() }
}

/// The client gives offsets, not the names of regions.
fn zone_problem(column: &ColumnDesc, lossy: LossySet) -> Option<PlanProblem> {
    let has_regions = matches!(column.oracle_type, OracleType::TimestampTz { .. }) && !lossy.allows(LossyKind::Zone);
    has_regions.then(|| problem(&column.name, "names of time zone regions would become offsets", "--lossy zone, if offsets are enough"))
}

/// A database that is not a Unicode one replaces what it lacks.
fn charset_problem(to: &Session, columns: &[&ColumnDesc], lossy: LossySet) -> Result<Option<PlanProblem>> {
    let is_text = |column: &&&ColumnDesc| matches!(column.oracle_type, OracleType::Varchar2(_) | OracleType::Char(_) | OracleType::Clob);
    let Some(column) = columns.iter().find(is_text).filter(|_| !lossy.allows(LossyKind::Charset)) else { return Ok(None) };
    let charset = to.database_charset()?.filter(|charset| !charset.is_unicode());
    let reason = |name: String| format!("the target's character set {name} may lack characters of its text");
    Ok(charset.map(|charset| problem(&column.name, reason(charset.name), "--lossy charset, if that is no concern")))
}

/// What is fetched is bound as it lies, but LOBs: they come as locators of one database and go as values into the other.
fn placeholder_layouts(fetch: &FetchPlan, existing: Option<&TableDesc>) -> Vec<Layout> {
    let is_nclob = |name: &str| {
        let target = existing.and_then(|table| table.columns.iter().find(|target| target.name == name));
        target.is_some_and(|target| target.oracle_type == OracleType::Nclob)
    };
    let of = |(layout, column): (Layout, &FetchColumn)| match layout {
        Layout::Lob { kind: LobKind::Clob, .. } if is_nclob(&column.column.name) => LobKind::Nclob.value_layout(),
        Layout::Lob { kind, .. } => kind.value_layout(),
        other => other,
    };
    fetch.layouts().into_iter().zip(&fetch.columns).map(of).collect()
}

fn shown(column: &ColumnDesc) -> String {
    format!("{}{}", column.oracle_type, if column.nullable { "" } else { " NOT NULL" })
}
