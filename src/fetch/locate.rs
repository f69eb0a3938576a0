//! Where a refused value lies: the ROWID of its row.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field};

use super::{FetchColumn, FetchOptions, FetchPlan};
use crate::define::plan_define;
use crate::error::{Error, Result, RowError};
use crate::oci::Session;
use crate::oracle_type::ColumnDesc;

/// The column and the ROWID.
const LOCATED_COLUMNS: usize = 2;

impl FetchPlan {
    /// Looks for a value that this plan refuses: `sql` selects the column called `column` and ROWID, in whatever order of rows. The refusal names
    /// the row by its address; `None` when no value is refused (any more), when there is no such column, and when `is_stopped`.
    ///
    /// # Errors
    /// [`Error::Database`], where the query is refused.
    pub(crate) fn find_refused(
        &self,
        session: &Session,
        sql: String,
        column: &str,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Option<RowError>> {
        let Some((index, planned)) = self.columns.iter().enumerate().find(|(_, planned)| planned.column.name == column) else {
            return Ok(None);
        };
        let Ok([found, address]) = <[ColumnDesc; LOCATED_COLUMNS]>::try_from(session.describe_query(&sql)?) else { return Ok(None) };
        let field = Field::new(&address.name, DataType::Utf8, true);
        let columns = vec![FetchColumn { column: found, field: planned.field.clone() }, FetchColumn { column: address.clone(), field }];
        let whole = if self.whole.contains(&index) { vec![0] } else { Vec::new() };
        let options = FetchOptions { decode_behind: false, ..self.options };
        let mut rows = Self::for_database(&self.label, sql, columns, (options, whole), self.utf8_database)?.open(session)?;
        while !is_stopped() {
            match rows.next_batch() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(Error::Row(error)) => {
                    let index = rows.buffer_index(error.source.row);
                    let rowid = index.and_then(|index| self.address_in(&rows, index, &address));
                    return Ok(Some(RowError { rowid, ..*error }));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The text of the second column in row `index` of the buffers.
    fn address_in(&self, rows: &super::Fetcher<'_>, index: usize, address: &ColumnDesc) -> Option<String> {
        let origin = self.options.origin(address, &DataType::Utf8, self.utf8_database);
        let (cells, indicators) = rows.cells(1, index..index + 1);
        if indicators != [0] {
            return None;
        }
        let texts = plan_define(origin).ok()?.read(cells, None).ok()?;
        let texts = texts.as_string_opt::<i32>().filter(|texts| texts.len() == 1)?;
        Some(texts.value(0).to_owned())
    }
}
