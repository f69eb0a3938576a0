//! What an export will do, decided before a row moves.

use std::fmt;
use std::path::PathBuf;

use super::{ExportJob, FileMode};
use crate::copy::columns::external_type_name;
use crate::copy::format::{TextTable, bytes, thousands};
use crate::error::{Error, PlanProblem, Result};
use crate::fetch::{FetchColumn, FetchPlan};
use crate::lake::parquet_sink::SinkOptions;
use crate::oci::Session;
use crate::oracle_type::ColumnDesc;
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
    /// Rows of one fetch.
    pub rows_per_fetch: u32,
    /// Memory of the array buffers.
    pub buffer_bytes: u64,
    /// Layout of the file.
    pub file: SinkOptions,
    /// What is worth knowing.
    pub warnings: Vec<String>,
    #[serde(skip)]
    pub(super) fetch: Option<FetchPlan>,
}

impl ExportJob {
    /// Describes the query, chooses types, looks at the file. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Plan`] with every problem found; [`Error::Usage`] for contradicting options.
    pub fn plan(&self, session: &Session) -> Result<ExportPlan> {
        self.check()?;
        let action = match (self.path.exists(), self.mode) {
            (false, _) => FileAction::Create,
            (true, FileMode::Overwrite) => FileAction::Replace,
            (true, FileMode::Ignore) => FileAction::Skip,
            (true, FileMode::ErrorIfExists) => {
                let remedy = "replace it with --mode overwrite, or name another file";
                return Err(self.refused(vec![problem(format!("{} exists", self.path.display()), remedy)]));
            }
        };
        let fetch = if action == FileAction::Skip { None } else { Some(self.fetch_plan(session)?) };
        let columns = fetch.as_ref().map(shown_columns).unwrap_or_default();
        Ok(ExportPlan {
            source: self.source.to_string(),
            path: self.path.clone(),
            action,
            select_sql: fetch.as_ref().map(|fetch| fetch.sql.clone()),
            columns,
            rows_per_fetch: fetch.as_ref().map_or(0, FetchPlan::rows_per_fetch),
            buffer_bytes: fetch.as_ref().map_or(0, |fetch| fetch.buffer_bytes() as u64),
            file: self.sink,
            warnings: Vec::new(),
            fetch,
        })
    }

    fn fetch_plan(&self, session: &Session) -> Result<FetchPlan> {
        let mut problems = Vec::new();
        let sql = self.select_sql(session, &mut problems)?;
        if !problems.is_empty() {
            return Err(self.refused(problems));
        }
        let columns = self.types.fields(session.describe_query(&sql)?, &mut problems);
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

    fn select_sql(&self, session: &Session, problems: &mut Vec<PlanProblem>) -> Result<String> {
        let selection = &self.selection;
        let (condition, limit) = (selection.condition.as_deref(), selection.limit);
        if let Some(query) = &selection.query {
            let wanted = match &selection.columns {
                Some(wanted) => {
                    find_columns(wanted, &session.describe_query(&sql::select_from_query::<&str>(query, &[], None, None)?)?, problems)
                }
                None => Vec::new(),
            };
            return sql::select_from_query(query, &wanted, condition, limit);
        }
        let name = self.source.require_table()?;
        let Some(table) = session.describe_table(name)? else {
            problems.push(problem("the table does not exist, or this user may not see it", "check the name, or GRANT SELECT on it"));
            return Ok(String::new());
        };
        let wanted = match &selection.columns {
            Some(wanted) => find_columns(wanted, &table.columns, problems),
            None => table.columns.into_iter().map(|column| column.name).collect(),
        };
        sql::select(name, &wanted, condition, limit)
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

impl fmt::Display for ExportPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "source   {}", self.source)?;
        let action = match self.action {
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
        writeln!(f, "\n{} rows per fetch, {} of array buffers", thousands(u64::from(self.rows_per_fetch)), bytes(self.buffer_bytes))?;
        let SinkOptions { codec, row_group_rows, row_group_bytes } = self.file;
        let (rows, size) = (thousands(row_group_rows as u64), bytes(row_group_bytes as u64));
        writeln!(f, "Parquet with {codec}, row groups of {rows} rows or {size}")?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}
