//! Keys that come twice, found within a bound of memory: as long as there are few they are in a table, and sorted runs of a temporary file beyond that.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

use super::scratch::{Reader, Run, Scratch};

/// Keys in memory at most: some 30 MB.
const KEYS_IN_MEMORY: usize = 512 << 10;
/// The part of an operation's memory that keys may have.
const MEMORY_PART: usize = 16;
/// What a key in the table costs at most, and while it is put away.
const KEY_BYTES: usize = 64;
/// Runs that are read at once, with so many bytes held of each.
const RUNS_AT_ONCE: usize = 64;
const RUN_BUFFER_BYTES: usize = 8 << 10;

/// Two independent 64-bit hashes of a key.
type Print = (u64, u64);

/// The keys of the rows so far.
pub(crate) struct Keys {
    columns: Vec<usize>,
    rows: RowConverter,
    hashers: [RandomState; 2],
    /// With the row, from 0, that has it.
    seen: HashMap<Print, u64>,
    scratch: Scratch,
    runs: Vec<Run>,
    most: usize,
}

impl Keys {
    /// Keys of these columns of a batch.
    pub fn new(columns: Vec<(usize, DataType)>) -> Result<Keys, ArrowError> {
        let fields = columns.iter().map(|(_, of)| SortField::new(of.clone())).collect();
        let hashers = [RandomState::new(), RandomState::new()];
        let columns = columns.into_iter().map(|(index, _)| index).collect();
        let (scratch, runs) = (Scratch::default(), Vec::new());
        Ok(Keys { columns, rows: RowConverter::new(fields)?, hashers, seen: HashMap::new(), scratch, runs, most: KEYS_IN_MEMORY })
    }

    /// Their part of an operation's memory.
    pub fn keep_within(&mut self, memory_bytes: usize) {
        self.most = (memory_bytes / MEMORY_PART / KEY_BYTES).clamp(1 << 10, KEYS_IN_MEMORY);
    }

    /// The columns.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Takes a batch, whose first row is `rows_before` from 0. Gives a row, from 0, whose key an earlier one has, if that is seen already.
    pub fn repeated(&mut self, batch: &RecordBatch, rows_before: u64) -> Result<Option<u64>, ArrowError> {
        let columns: Vec<ArrayRef> = self.columns.iter().map(|index| as_compared(batch.column(*index))).collect();
        let rows = self.rows.convert_columns(&columns)?;
        let [first, second] = &self.hashers;
        for (row, key) in rows.iter().enumerate() {
            let row = rows_before + row as u64;
            match self.seen.entry((first.hash_one(key.as_ref()), second.hash_one(key.as_ref()))) {
                Entry::Occupied(_) => return Ok(Some(row)),
                Entry::Vacant(place) => place.insert(row),
            };
        }
        if self.seen.len() >= self.most {
            self.put_away()?;
            if self.runs.len() >= RUNS_AT_ONCE {
                return Ok(self.merge(true)?);
            }
        }
        Ok(None)
    }

    /// Gives a row, from 0, whose key an earlier one has; there are no more rows.
    pub fn repeated_at_last(&mut self) -> Result<Option<u64>, ArrowError> {
        if self.runs.is_empty() {
            return Ok(None);
        }
        self.put_away()?;
        Ok(self.merge(false)?)
    }

    fn put_away(&mut self) -> io::Result<()> {
        let mut keys: Vec<(Print, u64)> = self.seen.drain().collect();
        keys.sort_unstable();
        let run = self.scratch.run()?;
        let mut to = run.writer();
        keys.into_iter().try_for_each(|(print, row)| write(&mut to, print, row))?;
        to.flush()?;
        self.runs.push(run);
        Ok(())
    }

    /// Reads all runs at once, and makes one of them where they are to be read `again`. Gives a row whose key comes twice.
    fn merge(&mut self, again: bool) -> io::Result<Option<u64>> {
        let buffered = |run: Run| BufReader::with_capacity(RUN_BUFFER_BYTES, run.reader());
        let mut runs: Vec<BufReader<Reader>> = self.runs.drain(..).map(buffered).collect();
        let run = self.scratch.run()?;
        let (mut to, mut next, mut last) = (run.writer(), BinaryHeap::new(), None);
        for (number, run) in runs.iter_mut().enumerate() {
            next.extend(read(run)?.map(|(print, row)| Reverse((print, row, number))));
        }
        while let Some(Reverse((print, row, number))) = next.pop() {
            if last == Some(print) {
                return Ok(Some(row));
            }
            if again {
                write(&mut to, print, row)?;
            }
            last = Some(print);
            next.extend(read(&mut runs[number])?.map(|(print, row)| Reverse((print, row, number))));
        }
        to.flush()?;
        if again {
            self.runs.push(run);
        }
        Ok(None)
    }
}

fn write(to: &mut impl Write, (first, second): Print, row: u64) -> io::Result<()> {
    [first, second, row].iter().try_for_each(|part| to.write_all(&part.to_le_bytes()))
}

/// Zeros of both signs are one key, as in the join, and so is every NaN.
fn as_compared(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float32 => {
            let one = |number: f32| if number.is_nan() { f32::NAN } else { number + 0.0 };
            Arc::new(column.as_primitive::<Float32Type>().unary::<_, Float32Type>(one))
        }
        DataType::Float64 => {
            let one = |number: f64| if number.is_nan() { f64::NAN } else { number + 0.0 };
            Arc::new(column.as_primitive::<Float64Type>().unary::<_, Float64Type>(one))
        }
        _ => Arc::clone(column),
    }
}

fn read(run: &mut impl Read) -> io::Result<Option<(Print, u64)>> {
    let mut bytes = [0; 24];
    match run.read_exact(&mut bytes) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut parts = bytes.as_chunks::<8>().0.iter().map(|part| u64::from_le_bytes(*part));
    Ok(parts.next().zip(parts.next()).zip(parts.next()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    fn batch(ids: &[i64]) -> RecordBatch {
        RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef)]).unwrap()
    }

    /// The row of the first key that comes twice, by whichever way it is found.
    fn found(ids: &[i64], most: usize) -> Option<u64> {
        let mut keys = Keys::new(vec![(0, DataType::Int64)]).unwrap();
        keys.most = most;
        for (number, part) in ids.chunks(3).enumerate() {
            if let Some(row) = keys.repeated(&batch(part), number as u64 * 3).unwrap() {
                return Some(row);
            }
        }
        keys.repeated_at_last().unwrap()
    }

    #[test]
    fn a_key_that_comes_twice_is_found_across_runs() {
        let mut ids: Vec<i64> = (0..100).map(|id| id * 7919 % 101).collect();
        for most in [1, 4, 7, 50, 1000] {
            assert_eq!(found(&ids, most), None, "{most}");
        }
        ids[97] = ids[2];
        for most in [1, 4, 7, 50, 1000] {
            assert_eq!(found(&ids, most), Some(97), "{most}");
        }
        // Runs of one key and of four, so that there are more of them than are read at once.
        let mut many: Vec<i64> = (0..900).map(|id| id * 7919 % 1009).collect();
        assert_eq!([1, 4].map(|most| found(&many, most)), [None, None]);
        for (first, again) in [(0, 2), (1, 899), (250, 260), (640, 641)] {
            let kept = many[again];
            many[again] = many[first];
            assert_eq!([1, 4].map(|most| found(&many, most)), [Some(again as u64); 2], "{first}");
            many[again] = kept;
        }
        ids.truncate(2);
        assert_eq!(found(&ids, 1), None);
        assert_eq!(found(&[], 1), None);
    }
}
