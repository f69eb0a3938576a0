//! A slice of an export, and where a value that it refuses lies.

use crate::error::{Error, Result};
use crate::fetch::FetchPlan;
use crate::oci::Session;
use crate::sql::address;

/// One query of those that together are the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::copy) struct Slice {
    /// The SELECT.
    pub(in crate::copy) sql: String,
    /// `FROM …` of the same rows, which may have addresses.
    pub(super) rows: String,
}

impl Slice {
    /// The whole of a query. Its rows have addresses when each is one of a table; the database says so when it is asked.
    pub(super) fn of_query(sql: String) -> Self {
        let rows = format!("FROM ({sql}\n)");
        Slice { sql, rows }
    }

    /// `error` with the ROWID of the row it is about, if that can be found: by reading its column once more, with ROWIDs beside, until a value of it is refused
    /// again. Rows need not come in the order of the first reading, so the answer speaks of the row that the second one has met.
    pub(super) fn with_address(&self, session: &Session, plan: &FetchPlan, error: Error, is_stopped: impl Fn() -> bool) -> Error {
        let Error::Row(refused) = &error else { return error };
        let found = self.find(session, plan, refused.column.as_deref(), is_stopped);
        match found {
            Ok(Some(located)) if located.rowid.is_some() => Error::Row(Box::new(located)),
            // The refusal itself is the news.
            _ => error,
        }
    }

    fn find(
        &self,
        session: &Session,
        plan: &FetchPlan,
        column: Option<&str>,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Option<crate::error::RowError>> {
        let Some(column) = column else { return Ok(None) };
        let Some(planned) = plan.columns.iter().find(|planned| planned.column.name == column) else { return Ok(None) };
        plan.find_refused(session, address::select_with(&planned.column, &self.rows)?, column, is_stopped)
    }
}
