//! How long the values of a column chunk are: they are decoded a few at a time, and nothing is kept but their lengths.

use std::ops::Range;

use parquet::column::page::PageReader;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;

use super::text_sizes::Run;

/// Rows whose values were looked at are told together up to so many bytes.
const RUN_BYTES: usize = 256 << 10;

/// A reader of one chunk that goes forward only: pages that lie behind others are not read again for them.
pub(super) struct Lengths {
    reader: ColumnReaderImpl<ByteArrayType>,
    most_definition: i16,
    is_nested: bool,
    step_rows: usize,
    /// Of the chunk.
    next_row: usize,
    values: Vec<ByteArray>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

impl Lengths {
    /// `step_rows` are decoded at once.
    pub(super) fn new(descriptor: ColumnDescPtr, pages: Box<dyn PageReader>, step_rows: usize) -> Result<Self, ParquetError> {
        let (most_definition, is_nested) = (descriptor.max_def_level(), descriptor.max_rep_level() > 0);
        let ColumnReader::ByteArrayColumnReader(reader) = get_column_reader(descriptor, pages) else {
            return Err(ParquetError::General("a text column of another type".to_owned()));
        };
        let (values, definitions, repetitions) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Lengths { reader, most_definition, is_nested, step_rows, next_row: 0, values, definitions, repetitions })
    }

    /// Of these rows of the chunk, which begin where the last ones have ended or behind.
    pub(super) fn of(&mut self, rows: Range<usize>) -> Result<Vec<Run>, ParquetError> {
        let before = rows.start.checked_sub(self.next_row);
        let before = before.ok_or_else(|| ParquetError::General(format!("row {} is behind", rows.start)))?;
        self.reader.skip_records(before)?;
        self.next_row = rows.start;
        let mut runs = Runs::from(rows.start);
        while runs.next < rows.end {
            self.read(self.step_rows.min(rows.end - runs.next), &mut runs)?;
        }
        self.next_row = rows.end;
        Ok(runs.done)
    }

    fn read(&mut self, rows: usize, runs: &mut Runs) -> Result<(), ParquetError> {
        self.values.clear();
        self.definitions.clear();
        self.repetitions.clear();
        let levels = (Some(&mut self.definitions), Some(&mut self.repetitions));
        let (read, _, levels) = self.reader.read_records(rows, levels.0, levels.1, &mut self.values)?;
        if read == 0 {
            return Err(ParquetError::General(format!("the chunk ends at row {}", runs.next)));
        }
        let mut lengths = self.values.iter().map(ByteArray::len);
        let mut row_bytes = 0;
        for level in 0..levels {
            if level > 0 && (!self.is_nested || self.repetitions[level] == 0) {
                runs.push(std::mem::take(&mut row_bytes));
            }
            if self.most_definition == 0 || self.definitions[level] == self.most_definition {
                row_bytes += lengths.next().unwrap_or(0);
            }
        }
        runs.push(row_bytes);
        Ok(())
    }
}

/// Rows in order, told together as long as they are short.
struct Runs {
    done: Vec<Run>,
    next: usize,
}

impl Runs {
    fn from(first: usize) -> Self {
        Runs { done: Vec::new(), next: first }
    }

    fn push(&mut self, bytes: usize) {
        let row = self.next;
        self.next += 1;
        match self.done.last_mut() {
            Some(run) if run.bytes + bytes <= RUN_BYTES => (run.rows.end, run.bytes) = (row + 1, run.bytes + bytes),
            _ => self.done.push(Run { rows: row..row + 1, bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_rows_are_told_together_and_a_long_one_alone() {
        let mut runs = Runs::from(7);
        [10, 20, RUN_BYTES, 5, 6].into_iter().for_each(|bytes| runs.push(bytes));
        let told: Vec<_> = runs.done.iter().map(|run| (run.rows.clone(), run.bytes)).collect();
        assert_eq!(told, [(7..9, 30), (9..10, RUN_BYTES), (10..12, 11)]);
    }
}
