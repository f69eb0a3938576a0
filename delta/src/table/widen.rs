//! The table itself as a source, with wider types: read anew at its newest version for each run.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;

use super::convert::{BatchPlan, Missing};
use super::read::TableReader;
use super::stream::Source;
use super::types::Losses;
use super::{Scan, Table};
use crate::error::ColumnProblem;
use crate::store::Opened;

/// Rows of a table, in wider types.
pub(super) struct Widened {
    opened: Opened,
    schema: SchemaRef,
}

impl Widened {
    /// Rows of the table at `opened`, whose columns are `present`, as `schema`.
    pub fn new(opened: Opened, schema: SchemaRef, present: &Schema) -> Result<Widened, Vec<ColumnProblem>> {
        BatchPlan::new(present, &schema, &Losses::new(), Missing::Refuse)?;
        Ok(Widened { opened, schema })
    }
}

struct Reader {
    inner: TableReader,
    plan: BatchPlan,
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match self.inner.next()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error)),
        };
        Some(self.plan.convert(&batch).map_err(|problem| ArrowError::CastError(format!("column {}: {}", problem.column, problem.message))))
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }
}

impl Source for Widened {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn open(&mut self) -> Result<Box<dyn RecordBatchReader + '_>, ArrowError> {
        let failed = |error: crate::Error| ArrowError::ExternalError(Box::new(error));
        let mut table = Table::unloaded(self.opened.clone());
        table.refresh().map_err(failed)?;
        let inner = table.read(&Scan::default()).map_err(failed)?;
        let plan = BatchPlan::new(&inner.schema(), &self.schema, &Losses::new(), Missing::Refuse)
            .map_err(|problems| ArrowError::SchemaError(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
        Ok(Box::new(Reader { inner, plan }))
    }

    fn can_open_again(&self) -> bool {
        true
    }
}
