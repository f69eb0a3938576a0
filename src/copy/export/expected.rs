//! How many rows an export will have, as far as that costs nothing to know.

use super::Selection;
use super::snapshot::{is_refusal, text};
use crate::error::Result;
use crate::oci::Session;
use crate::oracle_type::TableName;
use crate::sql;

/// Rows that are expected, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ExpectedRows {
    /// Of the query; `None` when nobody knows.
    pub rows: Option<u64>,
    /// Where the number comes from, or why there is none.
    pub how: String,
}

impl ExpectedRows {
    pub(super) fn unknown(how: &str) -> Self {
        ExpectedRows { rows: None, how: how.into() }
    }

    /// They have been counted beside something else.
    pub(super) fn counted(rows: u64) -> Self {
        ExpectedRows { rows: Some(rows), how: "counted".into() }
    }

    /// What the optimizer's statistics say of a table. They are as old as `LAST_ANALYZED`: a guess for a progress bar, and for nothing else.
    ///
    /// # Errors
    /// Of a lost connection; a dictionary that may not be read knows nothing.
    pub(super) fn of_table(session: &Session, name: &TableName, selection: &Selection) -> Result<Self> {
        if selection.condition.is_some() {
            return Ok(Self::unknown("nobody knows how many rows meet the condition"));
        }
        let owner = name.schema.as_deref().map_or_else(|| "SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')".to_owned(), sql::literal);
        let table = sql::literal(&name.table);
        let sql = format!("SELECT NUM_ROWS FROM ALL_TABLES WHERE OWNER = {owner} AND TABLE_NAME = {table}");
        let rows = match text(session, &sql) {
            Ok(rows) => rows.parse::<u64>().ok(),
            Err(error) if is_refusal(&error) => None,
            Err(error) => return Err(error),
        };
        Ok(match (rows, selection.limit) {
            (None, None) => Self::unknown("the table has no statistics"),
            (Some(rows), None) => ExpectedRows { rows: Some(rows), how: "statistics of ALL_TABLES".into() },
            (rows, Some(limit)) => ExpectedRows { rows: Some(rows.map_or(limit, |rows| rows.min(limit))), how: "--limit at most".into() },
        })
    }
}
