//! Record batches from any source into a table that is there, matched by name: for a host that has batches rather than files.

use arrow::datatypes::Schema;

use super::columns::charset_for;
use super::keys::{keep_keys, resolve_keys, with_row_address};
use super::matching::{match_table, select};
use super::plan::plan_error;
use crate::error::{Error, PlanProblem, Result};
use crate::load::{Dml, Keyed, LoadOptions, LoadPlan};
use crate::oci::Session;
use crate::oracle_type::TableName;

/// What is to become of the batches. [`Self::plan`] turns it into a [`LoadPlan`] for a [`crate::load::Loader`].
#[derive(Debug, Clone)]
pub struct TableLoad {
    /// The table, which must exist.
    pub table: TableName,
    /// What is done with each row.
    pub dml: Dml,
    /// Columns by which rows are found, unless `dml` is [`Dml::Insert`]: names of the table or of the source, or `ROWID`.
    pub key: Vec<String>,
    /// Source columns to load, in this order; `None` for all. Matched exactly first, then without regard to case.
    pub columns: Option<Vec<String>>,
    /// Source column → table column. A table column in double quotes is taken literally, another one as Oracle takes unquoted names.
    pub rename: Vec<(String, String)>,
    /// Sizes and losses. The character set is the database's, whatever this says.
    pub options: LoadOptions,
}

impl TableLoad {
    /// Inserts all columns.
    pub fn new(table: TableName) -> Self {
        TableLoad { table, dml: Dml::Insert, key: Vec::new(), columns: None, rename: Vec::new(), options: LoadOptions::default() }
    }

    /// Matches columns and types. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Plan`] with every problem found, as that there is no such table.
    pub fn plan(&self, session: &Session, schema: &Schema) -> Result<LoadPlan> {
        let mut problems = Vec::new();
        let Some(table) = session.describe_table(&self.table)? else {
            let reason = "the table does not exist, or this user may not see it".into();
            let remedy = "create it, check the name, or GRANT privileges on it".into();
            return Err(plan_error(&self.table, vec![PlanProblem { column: None, reason, remedy }]));
        };
        let table = with_row_address(&table, &self.key);
        let mut selected = select(schema, self.columns.as_deref(), &self.rename, &mut problems);
        if self.dml == Dml::Delete {
            keep_keys(schema, &mut selected, &self.key);
        }
        let pairs = match_table(schema, &selected, &table, &mut problems);
        let keys = if self.dml.has_key() { resolve_keys("key", &self.key, &pairs, &mut problems) } else { Vec::new() };
        if self.dml.has_key() && self.key.is_empty() {
            let reason = "rows are found by a key, and none is named".into();
            problems.push(PlanProblem { column: None, reason, remedy: "name the key columns, or ROWID".into() });
        }
        if !problems.is_empty() {
            return Err(plan_error(&self.table, problems));
        }
        let (charset, _) = charset_for(session, &pairs)?;
        let options = LoadOptions { charset, ..self.options.clone() };
        LoadPlan::dml(self.dml, &self.table, &pairs, &Keyed { keys, ..Keyed::default() }, options)
    }
}

impl TryFrom<&str> for TableLoad {
    type Error = Error;

    /// `[SCHEMA.]TABLE`.
    fn try_from(table: &str) -> Result<Self> {
        super::target::parse_table(table).map(TableLoad::new)
    }
}
