//! Decoding on a thread of its own, at most two batches ahead, so that it overlaps with what the consumer does.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, RowGroupMetaData};

use super::narrow::is_narrowed;
use super::parquet::{ParquetFile, ParquetSource, ReadOptions, guarded, load_metadata, open_file, same_values};
use super::partition::partition_array;
use super::source_error;
use super::stretches::{Stretch, stretches};
use super::text_sizes::{TextSizes, text_leaves};
use crate::error::{Error, Phase, Result};

/// Texts and binary values of a batch, on average: a batch of long ones has fewer rows.
pub(super) const BATCH_TEXT_BYTES: usize = 16 << 20;

/// Batches decoded ahead of the consumer.
const AHEAD_BATCHES: usize = 2;

/// Bytes of these batches; one alone may have more.
const AHEAD_BYTES: usize = 64 << 20;

/// Rows of one file, in the columns that were asked for.
#[derive(Debug, Clone)]
pub struct SourceBatch {
    /// The rows.
    pub batch: RecordBatch,
    /// Where they come from.
    pub file: Arc<Path>,
    /// 1-based number of the first row in that file.
    pub first_row: u64,
    /// Bytes on disk up to the end of this batch, over all files; within a file in proportion to its rows.
    pub bytes_done: u64,
}

/// Hands out batches while a thread decodes. Dropping it stops the thread.
#[derive(Debug)]
pub struct BatchReader {
    // `None` only while dropping: the closed channel is what stops the thread.
    receiver: Option<Receiver<Result<Word>>>,
    ahead: Arc<Ahead>,
    thread: Option<JoinHandle<()>>,
    has_ended: bool,
}

/// What the decoding thread says. The end is a word of its own: a thread that is gone without it has not read the whole source.
#[derive(Debug)]
enum Word {
    Batch(SourceBatch),
    End,
}

/// What both threads know of the batches between them.
#[derive(Debug, Default)]
struct Ahead {
    /// Bytes of the batches that are decoded and not taken; `None` when nobody takes any more.
    bytes: Mutex<Option<usize>>,
    taken: Condvar,
    /// Time that decoding has taken, without waiting for room.
    decode_nanoseconds: AtomicU64,
}

/// The time that decoding has taken so far.
#[derive(Debug, Clone)]
pub struct DecodeClock(Arc<Ahead>);

impl DecodeClock {
    /// On its own thread, beside what the consumer does.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.decode_nanoseconds.load(Ordering::Relaxed))
    }
}

impl Ahead {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<usize>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a batch of this size has room.
    fn reserve(&self, size: usize) {
        let full = |bytes: &mut Option<usize>| bytes.is_some_and(|bytes| bytes > 0 && bytes + size > AHEAD_BYTES);
        let mut bytes = self.taken.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        *bytes = bytes.map(|bytes| bytes + size);
    }

    fn give_back(&self, size: usize) {
        let mut bytes = self.lock();
        *bytes = bytes.map(|bytes| bytes.saturating_sub(size));
        self.taken.notify_one();
    }

    fn close(&self) {
        *self.lock() = None;
        self.taken.notify_one();
    }
}

impl BatchReader {
    /// Runs `decode` on a thread of its own; what it is given sends a batch, and says when nobody wants another one. A panic of it is an error of
    /// the source.
    pub(super) fn start(decode: impl FnOnce(&dyn Fn(SourceBatch) -> bool) -> Result<()> + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(AHEAD_BATCHES);
        let failed = sender.clone();
        let ahead = Arc::new(Ahead { bytes: Mutex::new(Some(0)), ..Ahead::default() });
        let shared = Arc::clone(&ahead);
        let spawned = std::thread::Builder::new().name("olbridge-decode".into()).spawn(move || {
            let began = Cell::new(Instant::now());
            let last = RefCell::new(None);
            let send = |batch: SourceBatch| {
                shared.decode_nanoseconds.fetch_add(began.get().elapsed().as_nanos() as u64, Ordering::Relaxed);
                shared.reserve(batch.batch.get_array_memory_size());
                *last.borrow_mut() = Some((Arc::clone(&batch.file), batch.first_row + batch.batch.num_rows() as u64 - 1));
                let is_wanted = sender.send(Ok(Word::Batch(batch))).is_ok();
                began.set(Instant::now());
                is_wanted
            };
            let decoded = catch_unwind(AssertUnwindSafe(|| decode(&send))).unwrap_or_else(|panic| Err(gave_up(&*panic, last.take())));
            // A consumer that has gone away does not need the last word.
            let _ = sender.send(decoded.map(|()| Word::End));
        });
        let thread = match spawned {
            Ok(thread) => Some(thread),
            Err(error) => {
                let message = format!("no thread for decoding: {error}");
                let _ = failed.send(Err(source_error(Phase::Read, Path::new(""), message, "raise the limit of processes (ulimit -u)")));
                None
            }
        };
        BatchReader { receiver: Some(receiver), ahead, thread, has_ended: false }
    }

    /// How long decoding takes; good after the reader is gone, too.
    pub fn decode_clock(&self) -> DecodeClock {
        DecodeClock(Arc::clone(&self.ahead))
    }
}

/// A panic of a decoder as an error of the source, with the last row that it has given.
fn gave_up(panic: &(dyn Any + Send), last: Option<(Arc<Path>, u64)>) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let reason = text.unwrap_or("no reason given");
    let (file, place) = match &last {
        Some((file, row)) => (&**file, format!("after row {row}")),
        None => (Path::new("the source"), "before the first row".to_owned()),
    };
    source_error(Phase::Read, file, format!("the decoder gave up {place}: {reason}"), "report this as a bug, with the file if possible")
}

impl Iterator for BatchReader {
    type Item = Result<SourceBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let word = self.receiver.as_ref()?.recv();
        self.has_ended = !matches!(word, Ok(Ok(Word::Batch(_))));
        match word {
            Ok(Ok(Word::Batch(batch))) => {
                self.ahead.give_back(batch.batch.get_array_memory_size());
                Some(Ok(batch))
            }
            Ok(Ok(Word::End)) => None,
            Ok(Err(error)) => Some(Err(error)),
            Err(_) => Some(Err(gave_up(&"its thread is gone without a word", None))),
        }
    }
}

impl Drop for BatchReader {
    fn drop(&mut self) {
        self.ahead.close();
        drop(self.receiver.take());
        if let Some(thread) = self.thread.take() {
            // Decoder panics were caught inside; there is nothing to learn from the result.
            let _ = thread.join();
        }
    }
}

/// Decodes the files one after the other.
pub(super) fn decode_parquet(source: &ParquetSource, options: &ReadOptions, send: &dyn Fn(SourceBatch) -> bool) -> Result<()> {
    let fields: Vec<_> = options.columns.iter().map(|&index| source.schema().field(index).clone()).collect();
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let mut bytes_before = 0;
    for file in source.files() {
        let decoder = FileDecoder::open(source, options, &schema, file, bytes_before)?;
        if !decoder.run(send)? {
            return Ok(());
        }
        bytes_before += file.size_bytes;
    }
    Ok(())
}

/// One file on its way through the decoder.
struct FileDecoder<'a> {
    source: &'a ParquetSource,
    columns: &'a [usize],
    schema: &'a SchemaRef,
    file: &'a ParquetFile,
    bytes_before: u64,
    metadata: Arc<ParquetMetaData>,
    /// For each column asked for, its place in a decoded batch; `None` for partition columns.
    places: Vec<Option<usize>>,
    batches: Batches<'a>,
}

/// The batches of a file, stretch by stretch.
struct Batches<'a> {
    file: &'a ParquetFile,
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
    left: VecDeque<Stretch>,
    /// Of the present stretch.
    reader: Option<ParquetRecordBatchReader>,
}

impl Batches<'_> {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(reader) = &mut self.reader {
                match guarded(&self.file.path, Phase::Read, || reader.next().transpose())? {
                    Some(batch) => return Ok(Some(batch)),
                    None => self.reader = None,
                }
            }
            let Some(stretch) = self.left.pop_front() else { return Ok(None) };
            let input = open_file(&self.file.path, Phase::Read)?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(input, self.metadata.clone())
                .with_projection(self.mask.clone())
                .with_batch_size(stretch.batch_rows);
            // The usual case: all rows alike.
            let is_whole = stretch.first == 0 && self.left.is_empty();
            let builder = if is_whole {
                builder
            } else {
                let (groups, rows) = stretch.selection(self.metadata.metadata());
                builder.with_row_groups(groups).with_row_selection(rows)
            };
            self.reader = Some(guarded(&self.file.path, Phase::Read, || builder.build())?);
        }
    }
}

impl<'a> FileDecoder<'a> {
    fn open(
        source: &'a ParquetSource,
        options: &'a ReadOptions,
        schema: &'a SchemaRef,
        file: &'a ParquetFile,
        bytes_before: u64,
    ) -> Result<Self> {
        let metadata = load_metadata_as(source, file, PageIndexPolicy::Skip)?;
        let rows = metadata.metadata().file_metadata().num_rows();
        if u64::try_from(rows).ok() != Some(file.rows) {
            let message = format!("the file has changed: it had {} rows when the job was planned and has {rows} now", file.rows);
            return Err(source_error(Phase::Read, &file.path, message, "run the job again when the file is complete"));
        }
        let mut roots = Vec::with_capacity(options.columns.len());
        for &column in &options.columns {
            roots.push(if source.is_file_column(column) { Some(root_index(source, file, &metadata, column)?) } else { None });
        }
        let mut decoded: Vec<usize> = roots.iter().flatten().copied().collect();
        decoded.sort_unstable();
        decoded.dedup();
        let places = roots.iter().map(|root| root.and_then(|r| decoded.binary_search(&r).ok())).collect();
        let batch_rows = bounded_rows(metadata.metadata(), &decoded, options.batch_rows);
        let uneven = TextSizes::new(&file.path, metadata.metadata(), &decoded, batch_rows).uneven_groups();
        let metadata = if uneven.is_empty() { metadata } else { load_metadata_as(source, file, PageIndexPolicy::Optional)? };
        let parquet_metadata = metadata.metadata().clone();
        let runs = TextSizes::new(&file.path, &parquet_metadata, &decoded, batch_rows).runs(&uneven);
        let left = stretches(usize::try_from(rows).unwrap_or(0), &runs, batch_rows).into();
        let batches = Batches {
            file,
            metadata,
            mask: ProjectionMask::roots(parquet_metadata.file_metadata().schema_descr(), decoded),
            left,
            reader: None,
        };
        Ok(FileDecoder { source, columns: &options.columns, schema, file, bytes_before, metadata: parquet_metadata, places, batches })
    }

    /// Sends every batch; `false` when the consumer has gone away.
    fn run(mut self, send: &dyn Fn(SourceBatch) -> bool) -> Result<bool> {
        let mut rows_done = 0u64;
        loop {
            let file = self.file;
            let decoded = self.batches.next().map_err(|e| self.locate(e, rows_done))?;
            let Some(decoded) = decoded else { break };
            if decoded.num_rows() == 0 {
                continue;
            }
            let first_row = rows_done + 1;
            rows_done += decoded.num_rows() as u64;
            let batch = self.arrange(&decoded)?;
            let bytes_in_file = u128::from(file.size_bytes) * u128::from(rows_done) / u128::from(file.rows.max(rows_done));
            let bytes_done = self.bytes_before + bytes_in_file as u64;
            if !send(SourceBatch { batch, file: file.path.clone(), first_row, bytes_done }) {
                return Ok(false);
            }
        }
        if rows_done != self.file.rows {
            let message = format!("the footer counts {} rows, but {rows_done} were decoded", self.file.rows);
            return Err(source_error(Phase::Read, &self.file.path, message, "the file is damaged; write it again"));
        }
        Ok(true)
    }

    /// Columns in the order asked for, partition values added.
    fn arrange(&self, decoded: &RecordBatch) -> Result<RecordBatch> {
        let rows = decoded.num_rows();
        let first_partition = self.source.schema().fields().len() - self.source.partition_columns();
        let arrays = self.columns.iter().zip(&self.places).map(|(&column, place)| -> ArrayRef {
            match place {
                Some(place) => decoded.column(*place).clone(),
                None => {
                    let value = self.file.partitions.get(column - first_partition).and_then(Option::as_deref);
                    partition_array(value, self.source.schema().field(column).data_type(), rows)
                }
            }
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        guarded(&self.file.path, Phase::Read, || RecordBatch::try_new_with_options(self.schema.clone(), arrays.collect(), &options))
    }

    /// Adds row group and row to a decode error.
    fn locate(&self, error: Error, rows_done: u64) -> Error {
        let mut rows_before = 0;
        let group = self.metadata.row_groups().iter().position(|group| {
            rows_before += u64::try_from(group.num_rows()).unwrap_or(0);
            rows_before > rows_done
        });
        let place = match group {
            Some(group) => format!("row group {} of {}, from row {}", group + 1, self.metadata.num_row_groups(), rows_done + 1),
            None => format!("after row {rows_done}"),
        };
        match error {
            Error::Source { phase, path, message, remedy } => Error::Source { phase, path, message: format!("{place}: {message}"), remedy },
            other => other,
        }
    }
}

/// Rows of a batch whose texts and binary values are at most [`BATCH_TEXT_BYTES`] on average, in the row group where they are longest.
fn bounded_rows(metadata: &ParquetMetaData, roots: &[usize], batch_rows: usize) -> usize {
    let bytes_per_row =
        |group: &RowGroupMetaData| usize::try_from(text_bytes(metadata, roots, group) / group.num_rows().max(1)).unwrap_or(usize::MAX);
    let longest = metadata.row_groups().iter().map(bytes_per_row).max().unwrap_or(0);
    batch_rows.min(BATCH_TEXT_BYTES / longest.max(1)).max(1)
}

/// Bytes of the texts and binary values of a row group, as far as the footer has them.
fn text_bytes(metadata: &ParquetMetaData, roots: &[usize], group: &RowGroupMetaData) -> i64 {
    let bytes = |leaf: usize| {
        let chunk = group.column(leaf);
        chunk.unencoded_byte_array_data_bytes().unwrap_or_else(|| chunk.uncompressed_size()).max(0)
    };
    text_leaves(metadata, roots).into_iter().map(bytes).fold(0, i64::saturating_add)
}

fn root_index(source: &ParquetSource, file: &ParquetFile, metadata: &ArrowReaderMetadata, column: usize) -> Result<usize> {
    let field = source.schema().field(column);
    match metadata.schema().fields().find(field.name()) {
        Some((index, found)) if found.data_type() == field.data_type() => Ok(index),
        _ => Err(column_changed(file, field.name())),
    }
}

/// The footer with the types of the source's schema, which can differ from the file's own in offsets, dictionary and INT96 unit.
fn load_metadata_as(source: &ParquetSource, file: &ParquetFile, offsets: PageIndexPolicy) -> Result<ArrowReaderMetadata> {
    let own = load_metadata(&file.path, Phase::Read, ArrowReaderOptions::new().with_offset_index_policy(offsets))?;
    let mut changed = false;
    let mut fields = Vec::with_capacity(own.schema().fields().len());
    for field in own.schema().fields() {
        match source.schema().field_with_name(field.name()) {
            Ok(wanted) if wanted.data_type() != field.data_type() => {
                if !same_values(field.data_type(), wanted.data_type())
                    && !is_settled_type(field.data_type(), wanted.data_type())
                    && !is_narrowed(field.data_type(), wanted.data_type())
                {
                    return Err(column_changed(file, field.name()));
                }
                changed = true;
                fields.push(Arc::new(field.as_ref().clone().with_data_type(wanted.data_type().clone())));
            }
            _ => fields.push(field.clone()),
        }
    }
    if !changed {
        return Ok(own);
    }
    let schema = Arc::new(Schema::new_with_metadata(fields, own.schema().metadata().clone()));
    let parquet_metadata = own.metadata().clone();
    guarded(&file.path, Phase::Read, || ArrowReaderMetadata::try_new(parquet_metadata, ArrowReaderOptions::new().with_schema(schema)))
}

/// What [`ParquetSource::settle_int96`] and [`ParquetSource::settle_intervals`] may have chosen.
fn is_settled_type(own: &DataType, wanted: &DataType) -> bool {
    matches!((own, wanted), (DataType::Interval(_), DataType::Interval(_)))
        || own == &DataType::Timestamp(TimeUnit::Nanosecond, None) && wanted == &DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn column_changed(file: &ParquetFile, name: &str) -> Error {
    let message = format!("the file has changed: column {name:?} is not what it was when the job was planned");
    source_error(Phase::Read, &file.path, message, "run the job again when the file is complete")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    fn batch() -> SourceBatch {
        let batch = RecordBatch::try_from_iter([("v", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef)]).unwrap();
        SourceBatch { batch, file: Path::new("f").into(), first_row: 5, bytes_done: 0 }
    }

    #[test]
    fn a_decoder_that_panics_is_not_one_that_is_at_the_end() {
        let mut reader = BatchReader::start(|send| {
            send(batch());
            panic!("on purpose")
        });
        assert_eq!(reader.next().unwrap().unwrap().batch.num_rows(), 3);
        let error = reader.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("f: the decoder gave up after row 7: on purpose"), "{error}");
        assert!(reader.next().is_none(), "and that is said once");
    }

    #[test]
    fn the_end_and_an_error_are_told_apart() {
        let mut whole = BatchReader::start(|send| {
            send(batch());
            Ok(())
        });
        assert!(whole.next().is_some_and(|next| next.is_ok()) && whole.next().is_none() && whole.next().is_none());
        let mut damaged = BatchReader::start(|_| Err(source_error(Phase::Read, Path::new("f"), "no".to_owned(), "")));
        assert!(damaged.next().is_some_and(|next| next.is_err()) && damaged.next().is_none());
    }
}
