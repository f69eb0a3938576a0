//! A query as an Arrow C stream.

use std::panic::{AssertUnwindSafe, catch_unwind};

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
        // The caller of a stream is in C: no panic of the session's thread goes on there.
        let next = catch_unwind(AssertUnwindSafe(|| self.worker.ask(|reply| Request::Next(self.id, reply))));
        self.ended = !matches!(next, Ok(Ok(Some(_))));
        match next {
            Ok(next) => next.map_err(|error| ArrowError::ExternalError(Box::new(error))).transpose(),
            Err(_) => Some(Err(ArrowError::CDataInterface("a defect of olbridge; the query is closed".into()))),
        }
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
