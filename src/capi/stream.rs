//! A query as an Arrow C stream.

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::worker::{Request, Worker};

/// The batches of a query, asked for one by one.
pub(super) struct QueryReader {
    worker: Worker,
    id: u64,
    schema: SchemaRef,
    ended: bool,
}

impl QueryReader {
    pub fn new(worker: Worker, id: u64, schema: SchemaRef) -> Self {
        QueryReader { worker, id, schema, ended: false }
    }
}

impl Iterator for QueryReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.worker.ask(|reply| Request::Next(self.id, reply));
        self.ended = !matches!(next, Ok(Some(_)));
        next.map_err(|error| ArrowError::ExternalError(Box::new(error))).transpose()
    }
}

impl RecordBatchReader for QueryReader {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

impl Drop for QueryReader {
    fn drop(&mut self) {
        if !self.ended {
            self.worker.tell(Request::Close(self.id));
        }
    }
}
