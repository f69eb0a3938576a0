//! How large a source is, seen before it is joined: one that fits into memory is, and a larger one is sorted.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use deltalake::DeltaTableError;
use deltalake::datafusion::catalog::TableProvider;
use deltalake::datafusion::catalog::streaming::StreamingTable;
use deltalake::datafusion::error::DataFusionError;
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use deltalake::datafusion::physical_plan::streaming::PartitionStream;
use futures::{Stream, StreamExt};

use super::session::session;

/// Rows that were read ahead, and those that follow.
struct Peeked {
    schema: SchemaRef,
    rows: Mutex<Option<(Vec<RecordBatch>, SendableRecordBatchStream)>>,
}

impl fmt::Debug for Peeked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows of the source")
    }
}

impl PartitionStream for Peeked {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        match self.rows.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some((first, rest)) => {
                let rows = futures::stream::iter(first.into_iter().map(Ok)).chain(rest);
                let of_size =
                    OfSize { rows, cut: BatchCoalescer::new(Arc::clone(&schema), context.session_config().batch_size()), is_end: false };
                let rows =
                    futures::stream::try_unfold(of_size, |mut rows| async move { Ok(rows.next().await?.map(|batch| (batch, rows))) });
                Box::pin(RecordBatchStreamAdapter::new(schema, rows))
            }
            None => {
                let failed = Err(DataFusionError::Execution("the source was scanned twice".into()));
                Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::iter([failed])))
            }
        }
    }
}

/// Rows in batches of the session's size: what sorts them has room for some batches only, however large those of the source are.
struct OfSize<S> {
    rows: S,
    cut: BatchCoalescer,
    is_end: bool,
}

impl<S: Stream<Item = Result<RecordBatch, DataFusionError>> + Unpin> OfSize<S> {
    async fn next(&mut self) -> Result<Option<RecordBatch>, DataFusionError> {
        loop {
            if let Some(batch) = self.cut.next_completed_batch() {
                return Ok(Some(batch));
            }
            if self.is_end {
                return Ok(None);
            }
            match self.rows.next().await.transpose()? {
                Some(batch) => self.cut.push_batch(batch)?,
                None => {
                    self.is_end = true;
                    self.cut.finish_buffered_batch()?;
                }
            }
        }
    }
}

/// What is known of rows without their end.
pub(crate) struct Size {
    /// They are as many bytes as were asked for, or less.
    pub is_small: bool,
    /// Of a row, about.
    pub row_bytes: usize,
}

/// The same rows, to be scanned once, and whether they are `bytes` or less.
///
/// # Errors
/// The source has failed.
pub(crate) async fn peek(rows: Arc<dyn TableProvider>, bytes: usize) -> Result<(Arc<StreamingTable>, Size), DeltaTableError> {
    let schema = rows.schema();
    let mut rest = session(None)?.read_table(rows)?.execute_stream().await?;
    let (mut first, mut size) = (Vec::new(), 0);
    let is_small = loop {
        match rest.next().await.transpose()? {
            None => break true,
            Some(batch) => {
                size += batch.get_array_memory_size();
                first.push(batch);
            }
        }
        if size > bytes {
            break false;
        }
    };
    let rows = first.iter().map(RecordBatch::num_rows).sum::<usize>();
    let size = Size { is_small, row_bytes: size / rows.max(1) };
    let peeked = Peeked { schema: Arc::clone(&schema), rows: Mutex::new(Some((first, rest))) };
    Ok((Arc::new(StreamingTable::try_new(schema, vec![Arc::new(peeked)])?), size))
}
