//! Outcomes of the rows of an array.

use super::super::error::{Record, RowError};
use super::super::statement::StatementBody;
use crate::engine::OraError;

/// What the rows of an array execute came to.
pub(super) struct Tally<'a> {
    /// Whether errors of rows are kept and the array goes on (`OCI_BATCH_ERRORS`).
    pub takes_errors: bool,
    pub statement: &'a mut StatementBody,
    pub row_errors: Vec<RowError>,
    /// The error that ended the array.
    pub failure: Option<OraError>,
}

impl Tally<'_> {
    /// Takes the result of a row; whether to go on.
    pub fn add(&mut self, row: u32, result: Result<u64, OraError>) -> bool {
        let affected = match result {
            Ok(affected) => affected,
            Err(error) if self.takes_errors && is_row_error(&error) => {
                self.row_errors.push(RowError { row_index: row, record: Record { code: error.code, text: error.message } });
                0
            }
            Err(error) => {
                self.failure = Some(error);
                return false;
            }
        };
        self.statement.row_count += affected;
        if let Some(counts) = &mut self.statement.row_counts {
            counts.push(affected);
        }
        true
    }
}

/// Whether an error belongs to one row; a lost session, a lock or a cancel ends the whole array.
fn is_row_error(error: &OraError) -> bool {
    !matches!(error.code, 54 | 60 | 600 | 904 | 942 | 1012 | 1013 | 1041 | 1115 | 1653 | 2091 | 3001 | 3113 | 3114)
}
