//! The query as a source of rows for a Delta table: read anew for each attempt, counted, and broken off when that is asked for.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use olbridge_delta::table::Source;

use crate::copy::progress::{Cancel, Progress, ProgressEvent};
use crate::error::{Error, Result};
use crate::fetch::{FetchPlan, Fetcher};
use crate::oci::Session;

/// What the attempt that was carried out last has read, and why it failed if the database or the caller was the reason.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub rows: u64,
    pub batches: u64,
    pub fetch: Duration,
    pub convert: Duration,
    /// Time in which rows were asked for, that is, in which nothing was waited for on the other side.
    pub busy: Duration,
    pub attempts: u32,
    pub error: Option<Error>,
}

/// Everything but the listener of the progress is only borrowed.
pub(super) struct QuerySource<'a> {
    pub plan: FetchPlan,
    pub session: &'a Session,
    pub progress: &'a mut dyn Progress,
    pub cancel: &'a Cancel,
    pub read: Rc<RefCell<Read>>,
}

impl Source for QuerySource<'_> {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.plan.schema)
    }

    fn open(&mut self) -> Result<Box<dyn RecordBatchReader + '_>, ArrowError> {
        {
            let mut read = self.read.borrow_mut();
            *read = Read { attempts: read.attempts + 1, ..Read::default() };
        }
        let fetcher = match self.plan.with_sql(self.plan.sql.clone()).and_then(|plan| plan.open(self.session)) {
            Ok(fetcher) => fetcher,
            Err(error) => return Err(keep(&self.read, error)),
        };
        self.progress.event(&ProgressEvent::Started { rows_total: 0, bytes_total: 0 });
        Ok(Box::new(Counted { fetcher, progress: self.progress, cancel: self.cancel, read: Rc::clone(&self.read) }))
    }

    /// Each attempt reads one snapshot, whole, and one attempt alone is committed.
    fn can_open_again(&self) -> bool {
        true
    }
}

struct Counted<'a> {
    fetcher: Fetcher<'a>,
    progress: &'a mut dyn Progress,
    cancel: &'a Cancel,
    read: Rc<RefCell<Read>>,
}

impl Iterator for Counted<'_> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.cancel.is_requested() {
            return Some(Err(ArrowError::ExternalError("interrupted".into())));
        }
        let began = Instant::now();
        let next = self.fetcher.next_batch();
        let mut read = self.read.borrow_mut();
        read.busy += began.elapsed();
        (read.fetch, read.convert) = (self.fetcher.fetch_time(), self.fetcher.convert_time());
        match next {
            Ok(None) => None,
            Ok(Some(batch)) => {
                read.rows += batch.num_rows() as u64;
                read.batches += 1;
                let rows_done = read.rows;
                drop(read);
                self.progress.event(&ProgressEvent::Batch { rows_done, bytes_done: 0 });
                Some(Ok(batch))
            }
            Err(error) => {
                drop(read);
                Some(Err(keep(&self.read, error)))
            }
        }
    }
}

impl RecordBatchReader for Counted<'_> {
    fn schema(&self) -> SchemaRef {
        RecordBatchReader::schema(&self.fetcher)
    }
}

/// The error itself is kept here: what comes back through the writer of the table is its text.
fn keep(read: &RefCell<Read>, error: Error) -> ArrowError {
    let text = error.to_string();
    read.borrow_mut().error = Some(error);
    ArrowError::ExternalError(text.into())
}
