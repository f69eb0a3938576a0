//! Rows put together by partition, in bounded memory. deltalake's writer keeps a file of each partition open until the end, so that its memory grows
//! with their number. Here batches are held up to a budget and then turned out, partition by partition: those of which many rows come go to a file at
//! once, the rest to a spill file, from which each partition is written at the end, one after the other.

use std::collections::HashMap;
use std::mem::take;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use deltalake::datafile::writer::{DeltaWriter, WriterConfig};
use deltalake::kernel::Add;
use deltalake::logstore::ObjectStoreRef;
use deltalake::{DeltaResult, DeltaTableError};
use tokio::task::JoinSet;

use super::spill::{Spill, Stretch};

/// Rows that are taken out of the held batches, and handed to a writer, at once.
const CHUNK_ROWS: usize = 8_192;
/// What is kept of each held row beside it: its partition, and its place in the order.
const BOOKED_BYTES: usize = size_of::<usize>() + size_of::<(usize, usize)>();
/// Files that are open at once while rows come. Each holds a row group and the parts that are on their way.
const OPEN_FILES: usize = 2;
/// A partition has a file at once when this part of what is held is of it.
const LARGE_PART: usize = 16;
/// Files that are being closed at once, and the bytes of their rows.
const CLOSING_FILES: usize = 8;

/// A partition: where rows of it are that are not in a file.
#[derive(Default)]
struct Partition {
    spilled: Vec<Stretch>,
    /// Rows among the held batches, counted while they are put in order.
    rows: usize,
}

/// The held batches, read partition after partition.
struct Order {
    held: Vec<RecordBatch>,
    /// Batch and row.
    rows: Vec<(usize, usize)>,
    /// Number of the partition, and the end of its rows.
    ends: Vec<(usize, usize)>,
    /// The next row.
    next: usize,
    /// [`CHUNK_ROWS`] of the rows put together, and which.
    chunk: Option<(usize, RecordBatch)>,
}

impl Order {
    /// The next rows before `end`: a slice of a chunk, so that beside what is held there is never more than one.
    fn next_before(&mut self, end: usize) -> Result<Option<RecordBatch>, ArrowError> {
        if self.next >= end {
            return Ok(None);
        }
        let index = self.next / CHUNK_ROWS;
        let begin = index * CHUNK_ROWS;
        let chunk = match self.chunk.take().filter(|(present, _)| *present == index) {
            Some((_, chunk)) => chunk,
            None => {
                let rows = &self.rows[begin..self.rows.len().min(begin + CHUNK_ROWS)];
                interleave_record_batch(&self.held.iter().collect::<Vec<_>>(), rows)?
            }
        };
        let last = end.min(begin + chunk.num_rows());
        let slice = chunk.slice(self.next - begin, last - self.next);
        self.chunk = Some((index, chunk));
        self.next = last;
        Ok(Some(slice))
    }
}

/// Takes batches, gives files.
pub(super) struct ByPartition {
    store: ObjectStoreRef,
    config: WriterConfig,
    schema: SchemaRef,
    budget_bytes: usize,
    columns: Vec<usize>,
    rows: RowConverter,
    numbers: HashMap<Box<[u8]>, usize>,
    partitions: Vec<Partition>,
    held: Vec<RecordBatch>,
    /// The partition of each row of each held batch.
    held_numbers: Vec<Vec<usize>>,
    held_bytes: usize,
    spill: Option<Spill>,
    open: HashMap<usize, DeltaWriter>,
    closing: JoinSet<(usize, DeltaResult<Vec<Add>>)>,
    closing_bytes: usize,
    adds: Vec<Add>,
}

impl ByPartition {
    /// For batches of `schema`, of which `columns` are the partition columns.
    pub fn new(
        store: ObjectStoreRef,
        config: WriterConfig,
        schema: &SchemaRef,
        columns: &[String],
        budget_bytes: usize,
    ) -> DeltaResult<ByPartition> {
        let columns = columns.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
        let fields = columns.iter().map(|index| SortField::new(schema.field(*index).data_type().clone())).collect();
        Ok(ByPartition {
            store,
            config,
            schema: schema.clone(),
            budget_bytes: budget_bytes.max(1),
            columns,
            rows: RowConverter::new(fields)?,
            numbers: HashMap::new(),
            partitions: Vec::new(),
            held: Vec::new(),
            held_numbers: Vec::new(),
            held_bytes: 0,
            spill: None,
            open: HashMap::new(),
            closing: JoinSet::new(),
            closing_bytes: 0,
            adds: Vec::new(),
        })
    }

    /// Takes the next rows.
    pub async fn push(&mut self, batch: RecordBatch) -> DeltaResult<()> {
        let bytes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size()).sum::<Result<usize, ArrowError>>()?;
        let numbers = self.number(&batch)?;
        self.held_bytes += bytes + batch.num_rows() * BOOKED_BYTES;
        self.held.push(batch);
        self.held_numbers.push(numbers);
        if self.held_bytes >= self.budget_bytes { self.turn_out().await } else { Ok(()) }
    }

    /// Writes what is left.
    pub async fn finish(mut self) -> DeltaResult<Vec<Add>> {
        let finished = self.finish_all().await;
        match finished {
            Ok(()) => Ok(take(&mut self.adds)),
            Err(error) => {
                self.abort().await;
                Err(error)
            }
        }
    }

    /// Gives up: what is on its way is waited for, so that it can be removed.
    pub async fn abort(&mut self) {
        for (_, writer) in self.open.drain() {
            let _ = writer.abort().await;
        }
        while self.closing.join_next().await.is_some() {}
    }

    /// The partition of each row; new ones get the next number.
    fn number(&mut self, batch: &RecordBatch) -> DeltaResult<Vec<usize>> {
        let columns: Vec<ArrayRef> = self.columns.iter().map(|index| batch.column(*index).clone()).collect();
        let rows = self.rows.convert_columns(&columns)?;
        let (numbers, partitions) = (&mut self.numbers, &mut self.partitions);
        let number = |row: arrow::row::Row<'_>| match numbers.get(row.as_ref()) {
            Some(number) => *number,
            None => {
                partitions.push(Partition::default());
                numbers.insert(row.as_ref().into(), partitions.len() - 1);
                partitions.len() - 1
            }
        };
        Ok(rows.iter().map(number).collect())
    }

    /// Counting sort: rows of a partition keep their order.
    fn order(&mut self) -> Order {
        self.partitions.iter_mut().for_each(|partition| partition.rows = 0);
        self.held_numbers.iter().flatten().for_each(|number| self.partitions[*number].rows += 1);
        let (mut ends, mut starts, mut end) = (Vec::new(), vec![0; self.partitions.len()], 0);
        for (number, partition) in self.partitions.iter().enumerate().filter(|(_, partition)| partition.rows > 0) {
            starts[number] = end;
            end += partition.rows;
            ends.push((number, end));
        }
        let mut rows = vec![(0, 0); end];
        for (batch, numbers) in take(&mut self.held_numbers).into_iter().enumerate() {
            for (row, number) in numbers.into_iter().enumerate() {
                rows[starts[number]] = (batch, row);
                starts[number] += 1;
            }
        }
        Order { held: take(&mut self.held), rows, ends, next: 0, chunk: None }
    }

    /// The budget is used up: rows go to files or to the spill file.
    async fn turn_out(&mut self) -> DeltaResult<()> {
        let mut order = self.order();
        let large_rows = order.rows.len() / LARGE_PART;
        let idle: Vec<usize> = self.open.keys().copied().filter(|number| self.partitions[*number].rows == 0).collect();
        for number in idle {
            self.close(number, self.budget_bytes / CLOSING_FILES).await?;
        }
        let mut begin = 0;
        self.held_bytes = 0;
        for (number, end) in take(&mut order.ends) {
            let is_large = end - begin > large_rows && self.open.len() < OPEN_FILES;
            begin = end;
            if is_large || self.open.contains_key(&number) {
                while let Some(batch) = order.next_before(end)? {
                    self.writer(number).write(&batch).await?;
                }
            } else {
                let stretch = tokio::task::block_in_place(|| {
                    let spill = match &mut self.spill {
                        Some(spill) => spill,
                        none => none.insert(Spill::new(self.schema.clone())?),
                    };
                    spill.write(std::iter::from_fn(|| order.next_before(end).transpose()))
                })?;
                self.partitions[number].spilled.push(stretch);
            }
        }
        Ok(())
    }

    /// The file of the partition, which is made if need be.
    fn writer(&mut self, number: usize) -> &mut DeltaWriter {
        self.open.entry(number).or_insert_with(|| DeltaWriter::new(self.store.clone(), self.config.clone()))
    }

    /// Closes the file beside what goes on, which waits while too much is being closed.
    async fn close(&mut self, number: usize, bytes: usize) -> DeltaResult<()> {
        let Some(writer) = self.open.remove(&number) else { return Ok(()) };
        let bytes = bytes.min(self.budget_bytes);
        while !self.closing.is_empty() && (self.closing.len() >= CLOSING_FILES || self.closing_bytes + bytes > self.budget_bytes) {
            self.closed().await?;
        }
        self.closing_bytes += bytes;
        self.closing.spawn(async move { (bytes, writer.close().await) });
        Ok(())
    }

    async fn closed(&mut self) -> DeltaResult<()> {
        let Some(closed) = self.closing.join_next().await else { return Ok(()) };
        let (bytes, adds) = closed.map_err(|error| DeltaTableError::generic(format!("a file could not be closed: {error}")))?;
        self.closing_bytes -= bytes;
        self.adds.extend(adds?);
        Ok(())
    }

    async fn finish_all(&mut self) -> DeltaResult<()> {
        let mut order = self.order();
        let mean_bytes = self.held_bytes / order.rows.len().max(1);
        let mut ends = take(&mut order.ends).into_iter().peekable();
        let mut spill = self.spill.take();
        for number in 0..self.partitions.len() {
            let mut bytes = 0;
            for stretch in take(&mut self.partitions[number].spilled) {
                bytes += stretch.bytes;
                let mut batches = spill.as_mut().map(|spill| spill.read(&stretch)).transpose()?;
                while let Some(batch) = tokio::task::block_in_place(|| batches.as_mut().and_then(Iterator::next)) {
                    self.writer(number).write(&batch?).await?;
                }
            }
            if let Some((_, end)) = ends.next_if(|(next, _)| *next == number) {
                bytes += (end - order.next) * mean_bytes;
                while let Some(batch) = order.next_before(end)? {
                    self.writer(number).write(&batch).await?;
                }
            }
            self.close(number, bytes).await?;
        }
        while !self.closing.is_empty() {
            self.closed().await?;
        }
        Ok(())
    }
}
