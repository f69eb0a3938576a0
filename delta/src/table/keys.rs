//! Keys that come twice, found within a bound of memory: as long as there are few they are in a table, and sorted runs of a temporary file beyond that.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

/// Keys in memory at most: some 30 MB.
const KEYS_IN_MEMORY: usize = 512 << 10;

/// Two independent 64-bit hashes of a key.
type Print = (u64, u64);

/// The keys of the rows so far.
pub(crate) struct Keys {
    columns: Vec<usize>,
    rows: RowConverter,
    hashers: [RandomState; 2],
    /// With the row, from 0, that has it.
    seen: HashMap<Print, u64>,
    runs: Vec<File>,
    most: usize,
}

impl Keys {
    /// Keys of these columns of a batch.
    pub fn new(columns: Vec<(usize, DataType)>) -> Result<Keys, ArrowError> {
        Keys::within(columns, KEYS_IN_MEMORY)
    }

    fn within(columns: Vec<(usize, DataType)>, most: usize) -> Result<Keys, ArrowError> {
        let fields = columns.iter().map(|(_, of)| SortField::new(of.clone())).collect();
        let hashers = [RandomState::new(), RandomState::new()];
        let columns = columns.into_iter().map(|(index, _)| index).collect();
        Ok(Keys { columns, rows: RowConverter::new(fields)?, hashers, seen: HashMap::new(), runs: Vec::new(), most })
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
        }
        Ok(None)
    }

    /// Gives a row, from 0, whose key an earlier one has; there are no more rows.
    pub fn repeated_at_last(&mut self) -> Result<Option<u64>, ArrowError> {
        if self.runs.is_empty() {
            return Ok(None);
        }
        self.put_away()?;
        let mut runs: Vec<BufReader<File>> = self.runs.drain(..).map(BufReader::new).collect();
        let mut next = BinaryHeap::new();
        for (number, run) in runs.iter_mut().enumerate() {
            next.extend(read(run)?.map(|(print, row)| Reverse((print, row, number))));
        }
        let mut last = None;
        while let Some(Reverse((print, row, number))) = next.pop() {
            if last == Some(print) {
                return Ok(Some(row));
            }
            last = Some(print);
            next.extend(read(&mut runs[number])?.map(|(print, row)| Reverse((print, row, number))));
        }
        Ok(None)
    }

    fn put_away(&mut self) -> io::Result<()> {
        let mut keys: Vec<(Print, u64)> = self.seen.drain().collect();
        keys.sort_unstable();
        let mut run = BufWriter::new(tempfile::tempfile()?);
        for ((first, second), row) in keys {
            [first, second, row].iter().try_for_each(|part| run.write_all(&part.to_le_bytes()))?;
        }
        let mut run = run.into_inner().map_err(io::IntoInnerError::into_error)?;
        run.rewind()?;
        self.runs.push(run);
        Ok(())
    }
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
        let mut keys = Keys::within(vec![(0, DataType::Int64)], most).unwrap();
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
        ids.truncate(2);
        assert_eq!(found(&ids, 1), None);
        assert_eq!(found(&[], 1), None);
    }
}
