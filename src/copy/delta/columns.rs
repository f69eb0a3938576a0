//! The columns that a new table would have, without a look at one that may be there.

use arrow::datatypes::SchemaRef;

use super::DeltaJob;
use crate::error::{Error, Result};
use crate::oci::Session;

impl DeltaJob {
    /// Names as the lakehouse has them, and types that hold every value there is.
    ///
    /// # Errors
    /// [`Error::Plan`] with every column that has no place in a Delta table.
    pub fn new_columns(&self, session: &Session) -> Result<SchemaRef> {
        let mut fetch = self.export.find(session)?.fetch;
        let mut problems = Vec::new();
        self.settle_types(&mut fetch, None, &mut problems)?;
        match problems.is_empty() {
            true => Ok(fetch.schema),
            false => Err(Error::Plan { table: self.location.to_string(), problems }),
        }
    }
}
