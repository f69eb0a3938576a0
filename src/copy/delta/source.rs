//! The query as a source of rows for a Delta table: read anew for each attempt, counted, and broken off when that is asked for.

use std::cell::RefCell;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchReader, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use olbridge_delta::table::{CHANGE_COLUMN, Source};

use super::definition::Known;
use super::deleted::{KeySet, UPSERT};
use super::deletes::{DeleteBatches, Deletes, NoBatch};
use super::sliced::SlicedRows;
use crate::copy::export::Slice;
use crate::copy::progress::{Cancel, Progress, ProgressEvent};
use crate::error::{Error, Result};
use crate::fetch::{FetchPlan, Fetcher};
use crate::oci::Session;
use crate::oracle_type::TableName;

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
    /// How many sessions read, and the queries that together are the one of `plan`.
    pub slices: (u32, Vec<Slice>),
    pub session: &'a Session,
    pub progress: &'a mut dyn Progress,
    pub cancel: &'a Cancel,
    pub read: Rc<RefCell<Read>>,
    /// Rows of the table to be deleted, which come behind those of the query.
    pub deletes: Option<Deletes>,
    /// How the table was defined, and which it is: looked at again behind the last row.
    pub defined: (Known, Option<TableName>),
}

/// Where batches come from: one session, or several.
pub(super) trait Rows {
    /// The next batch; `None` at the end.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>>;

    /// Time spent fetching and converting so far.
    fn times(&self) -> (Duration, Duration);
}

impl Rows for Fetcher<'_> {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        Fetcher::next_batch(self)
    }

    fn times(&self) -> (Duration, Duration) {
        (self.fetch_time(), self.convert_time())
    }
}

impl Source for QuerySource<'_> {
    fn schema(&self) -> SchemaRef {
        match self.deletes {
            Some(_) => marked(&self.plan.schema),
            None => SchemaRef::clone(&self.plan.schema),
        }
    }

    fn open(&mut self) -> Result<Box<dyn RecordBatchReader + '_>, ArrowError> {
        {
            let mut read = self.read.borrow_mut();
            *read = Read { attempts: read.attempts + 1, ..Read::default() };
        }
        let opened = self.plan.with_sql(self.plan.sql.clone()).and_then(|plan| -> Result<Box<dyn Rows + '_>> {
            let (sessions, slices) = &self.slices;
            Ok(match sessions {
                0 | 1 => Box::new(plan.open(self.session)?),
                _ => Box::new(SlicedRows::start(plan, slices.clone(), *sessions, self.session, self.cancel)?),
            })
        });
        let rows = opened.map_err(|error| keep(&self.read, error))?;
        self.progress.event(&ProgressEvent::Started { rows_total: 0, bytes_total: 0 });
        let (schema, deletes) = (Source::schema(self), self.deletes.as_ref().map(DeletePhase::ToCome));
        let (session, read, written) = (self.session, Rc::clone(&self.read), KeySet::default());
        let defined = (&self.defined.0, self.defined.1.as_ref());
        Ok(Box::new(Counted { rows, schema, deletes, written, defined, session, progress: self.progress, cancel: self.cancel, read }))
    }

    /// Each attempt reads one snapshot, whole, and one attempt alone is committed.
    fn can_open_again(&self) -> bool {
        true
    }
}

/// What the rows are made of when some are to be deleted: the columns, and which of both it is.
fn marked(schema: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    fields.push(Field::new(CHANGE_COLUMN, DataType::Utf8, false));
    Arc::new(Schema::new(fields))
}

/// Rows to be deleted, which are asked for when the query has ended.
enum DeletePhase<'a> {
    ToCome(&'a Deletes),
    Begun(Box<DeleteBatches<'a>>),
}

struct Counted<'a> {
    rows: Box<dyn Rows + 'a>,
    schema: SchemaRef,
    deletes: Option<DeletePhase<'a>>,
    /// Keys of the rows so far.
    written: KeySet,
    defined: (&'a Known, Option<&'a TableName>),
    session: &'a Session,
    progress: &'a mut dyn Progress,
    cancel: &'a Cancel,
    read: Rc<RefCell<Read>>,
}

impl Counted<'_> {
    fn upserts(&mut self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        match &self.deletes {
            None => return Ok(batch),
            Some(DeletePhase::ToCome(deletes)) => deletes.note_written(&batch, &mut self.written)?,
            Some(DeletePhase::Begun(_)) => {}
        }
        let marks: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(UPSERT, batch.num_rows())));
        RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().iter().cloned().chain([marks]).collect())
    }

    fn delete(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        let began = Instant::now();
        let next = self.next_deletes();
        self.read.borrow_mut().busy += began.elapsed();
        match next {
            Ok(None) => self.check_definition().err().map(|error| Err(keep(&self.read, error))),
            Ok(Some(batch)) => {
                self.read.borrow_mut().rows += batch.num_rows() as u64;
                Some(Ok(batch))
            }
            Err(NoBatch::Database(error)) => Some(Err(keep(&self.read, error))),
            Err(NoBatch::Arrow(error)) => Some(Err(error)),
        }
    }

    /// Behind the last row: what was read is of the table that the commit says.
    fn check_definition(&self) -> Result<()> {
        match self.defined {
            (known, Some(name)) => known.check(self.session, name),
            (_, None) => Ok(()),
        }
    }

    fn next_deletes(&mut self) -> Result<Option<RecordBatch>, NoBatch> {
        if let Some(DeletePhase::ToCome(deletes)) = &self.deletes {
            let batches = deletes.open(self.session, &self.schema, mem::take(&mut self.written)).map_err(NoBatch::Database)?;
            self.deletes = Some(DeletePhase::Begun(Box::new(batches)));
        }
        let Some(DeletePhase::Begun(batches)) = &mut self.deletes else { return Ok(None) };
        let next = batches.next_batch();
        let (fetch, convert) = self.rows.times();
        let mut read = self.read.borrow_mut();
        (read.fetch, read.convert) = (fetch + batches.times().0, convert + batches.times().1);
        next
    }
}

impl Iterator for Counted<'_> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.cancel.is_requested() {
            return Some(Err(ArrowError::ExternalError("interrupted".into())));
        }
        let began = Instant::now();
        let next = self.rows.next_batch();
        let mut read = self.read.borrow_mut();
        read.busy += began.elapsed();
        (read.fetch, read.convert) = self.rows.times();
        match next {
            Ok(None) => {
                drop(read);
                self.delete()
            }
            Ok(Some(batch)) => {
                read.rows += batch.num_rows() as u64;
                read.batches += 1;
                let rows_done = read.rows;
                drop(read);
                self.progress.event(&ProgressEvent::Batch { rows_done, bytes_done: 0 });
                Some(self.upserts(batch))
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
        Arc::clone(&self.schema)
    }
}

/// The error itself is kept here: what comes back through the writer of the table is its text.
fn keep(read: &RefCell<Read>, error: Error) -> ArrowError {
    let text = error.to_string();
    read.borrow_mut().error = Some(error);
    ArrowError::ExternalError(text.into())
}
