//! Rows of a source into a plan of DataFusion: the caller's thread reads and converts, deltalake's tasks encode and upload, a few batches are in
//! between. The source need be neither `Send` nor `'static`, so that a cursor of the caller's own session will do.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use deltalake::DeltaTableError;
use deltalake::datafusion::catalog::streaming::StreamingTable;
use deltalake::datafusion::error::DataFusionError;
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use deltalake::datafusion::physical_plan::streaming::PartitionStream;

use super::Table;
use super::commit::Failure;
use super::convert::{BatchPlan, ValueProblem};
use crate::error::{Error, Result};

/// Batches between the caller's thread and the writer.
const BATCHES_BETWEEN: usize = 2;

/// Where rows come from; opened anew for each run of an operation, if it can be.
pub trait Source {
    /// Of the rows.
    fn schema(&self) -> SchemaRef;

    /// The rows from the first on.
    ///
    /// # Errors
    /// They cannot be read (again).
    fn open(&mut self) -> Result<Box<dyn RecordBatchReader + '_>, ArrowError>;

    /// Whether [`Source::open`] works more than once and gives the same rows. Where not, an operation that another writer has disturbed is an
    /// error at once.
    fn can_open_again(&self) -> bool;
}

/// A reader that can be read once.
pub struct Once<R> {
    schema: SchemaRef,
    reader: Option<R>,
}

impl<R: RecordBatchReader> Once<R> {
    /// Wraps `reader`.
    pub fn new(reader: R) -> Once<R> {
        Once { schema: reader.schema(), reader: Some(reader) }
    }
}

impl<R: RecordBatchReader> Source for Once<R> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn open(&mut self) -> Result<Box<dyn RecordBatchReader + '_>, ArrowError> {
        match self.reader.take() {
            Some(reader) => Ok(Box::new(reader)),
            None => Err(ArrowError::InvalidArgumentError("the source can be read once only".into())),
        }
    }

    fn can_open_again(&self) -> bool {
        false
    }
}

/// Batches in memory.
#[derive(Clone)]
pub struct Batches {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Batches {
    /// Batches of one schema, which is given for the case that there are none.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Batches {
        Batches { schema, batches }
    }
}

impl Source for Batches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn open(&mut self) -> Result<Box<dyn RecordBatchReader + '_>, ArrowError> {
        let batches = self.batches.clone().into_iter().map(Ok);
        Ok(Box::new(arrow::array::RecordBatchIterator::new(batches, Arc::clone(&self.schema))))
    }

    fn can_open_again(&self) -> bool {
        true
    }
}

/// What goes to the writer. A channel that ends without `End` is a failure: half a source must not become a commit.
enum Message {
    Batch(RecordBatch),
    End,
    Failed,
}

/// The writer's side: rows that can be read once, for a plan as a table of one partition.
pub(crate) struct SourceRows {
    schema: SchemaRef,
    receiver: Mutex<Option<Receiver<Message>>>,
}

impl fmt::Debug for SourceRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows of the source")
    }
}

impl PartitionStream for SourceRows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        self.stream()
    }
}

impl SourceRows {
    /// The batches, once.
    pub fn stream(&self) -> SendableRecordBatchStream {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A second scan would find nothing, and an operation that scans twice would do nothing and say that it is done.
        let failed = |text: &str| Some(Err(DataFusionError::Execution(text.into())));
        let stream = futures::stream::unfold(Some(receiver), move |state| async move {
            let Some(receiver) = state? else { return Some((failed("the source was scanned twice")?, None)) };
            let received = tokio::task::spawn_blocking(move || (receiver.recv(), receiver)).await;
            match received {
                Ok((Ok(Message::Batch(batch)), receiver)) => Some((Ok(batch), Some(Some(receiver)))),
                Ok((Ok(Message::End), _)) => None,
                _ => Some((failed("the source has failed")?, None)),
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream))
    }
}

impl Table {
    /// Runs the operation that `start` makes of the source's rows, as a table that can be scanned once, while this thread reads them.
    pub(crate) fn feed<T, F>(
        &self,
        source: &mut dyn Source,
        plan: BatchPlan,
        start: impl FnOnce(Arc<StreamingTable>) -> F,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DeltaTableError>> + Send + 'static,
    {
        self.feed_rows(source, plan, |rows| {
            let table = StreamingTable::try_new(Arc::clone(&rows.schema), vec![rows])?;
            Ok(start(Arc::new(table)))
        })
    }

    /// The same without a plan.
    pub(crate) fn feed_rows<T, F>(
        &self,
        source: &mut dyn Source,
        mut plan: BatchPlan,
        start: impl FnOnce(Arc<SourceRows>) -> Result<F, DeltaTableError>,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DeltaTableError>> + Send + 'static,
    {
        let (sender, receiver) = sync_channel(BATCHES_BETWEEN);
        let rows = SourceRows { schema: plan.schema(), receiver: Mutex::new(Some(receiver)) };
        let operation = start(Arc::new(rows))?;
        let task = crate::runtime::handle().map_err(|error| self.io_error(&error))?.spawn(operation);
        let pumped = catch_unwind(AssertUnwindSafe(|| self.pump(source, &mut plan, &sender)));
        let last = if matches!(pumped, Ok(Ok(()))) { Message::End } else { Message::Failed };
        let _ = sender.send(last);
        drop(sender);
        let result = self.wait(task)?;
        match pumped {
            Err(panic) => {
                let _ = self.remove_written();
                resume_unwind(panic)
            }
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(())) => match result {
                Ok(result) => result.map_err(Failure::Delta),
                Err(error) => Err(Failure::Delta(DeltaTableError::generic(error))),
            },
        }
    }

    /// Reads until the end, or until the writer does not listen any more: it has failed then, and says why itself.
    fn pump(&self, source: &mut dyn Source, plan: &mut BatchPlan, sender: &SyncSender<Message>) -> Result<()> {
        let failed = |error: ArrowError| Error::Source {
            location: self.location().to_string(),
            message: error.to_string(),
            source: match error {
                ArrowError::ExternalError(source) => Some(source),
                error => Some(Box::new(error)),
            },
        };
        let value = |ValueProblem { column, row, message, cause }| Error::Value {
            location: self.location().to_string(),
            column,
            row,
            message,
            cause,
        };
        for batch in source.open().map_err(failed)? {
            let batch = batch.map_err(failed)?;
            let batch = plan.convert(&batch).map_err(value)?;
            if batch.num_rows() > 0 && sender.send(Message::Batch(batch)).is_err() {
                return Ok(());
            }
        }
        plan.finish().map_err(value)
    }
}
