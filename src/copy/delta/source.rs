//! The query as a source of rows for a Delta table: read anew for each attempt, counted, and broken off when that is asked for.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchReader, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use olbridge_delta::table::{CHANGE_COLUMN, Source};

use super::deleted::{Deleted, UPSERT};

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
    /// Rows of the table to be deleted, which come behind those of the query.
    pub deleted: Option<Deleted>,
}

impl QuerySource<'_> {
    /// What the rows are made of when some are to be deleted: the columns, and which of both it is.
    fn marked(schema: &SchemaRef) -> SchemaRef {
        let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
        fields.push(Field::new(CHANGE_COLUMN, DataType::Utf8, false));
        Arc::new(Schema::new(fields))
    }
}

impl Source for QuerySource<'_> {
    fn schema(&self) -> SchemaRef {
        match self.deleted {
            Some(_) => Self::marked(&self.plan.schema),
            None => SchemaRef::clone(&self.plan.schema),
        }
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
        let schema = Source::schema(self);
        let rows = Counted { fetcher, progress: self.progress, cancel: self.cancel, read: Rc::clone(&self.read) };
        Ok(match &self.deleted {
            None => Box::new(rows),
            Some(deleted) => {
                Box::new(WithDeletes { rows, schema, deleted, batches: None })
            }
        })
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

/// The rows of the query, then those to be deleted.
struct WithDeletes<'a> {
    rows: Counted<'a>,
    schema: SchemaRef,
    deleted: &'a Deleted,
    batches: Option<std::vec::IntoIter<RecordBatch>>,
}

impl WithDeletes<'_> {
    fn mark(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let marks: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(UPSERT, batch.num_rows())));
        RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().iter().cloned().chain([marks]).collect())
    }

    fn delete(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        if self.batches.is_none() {
            match self.deleted.keys.deletes(self.deleted.rows.iter().map(|key| &key[..]), &self.schema) {
                Ok(batches) => self.batches = Some(batches.into_iter()),
                Err(error) => return Some(Err(error)),
            }
        }
        let batch = self.batches.as_mut()?.next()?;
        self.rows.read.borrow_mut().rows += batch.num_rows() as u64;
        Some(Ok(batch))
    }
}

impl Iterator for WithDeletes<'_> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.next() {
            Some(batch) => Some(batch.and_then(|batch| self.mark(&batch))),
            None => self.delete(),
        }
    }
}

impl RecordBatchReader for WithDeletes<'_> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// The error itself is kept here: what comes back through the writer of the table is its text.
fn keep(read: &RefCell<Read>, error: Error) -> ArrowError {
    let text = error.to_string();
    read.borrow_mut().error = Some(error);
    ArrowError::ExternalError(text.into())
}
