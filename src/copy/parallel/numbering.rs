//! Which row of which file a row is that one of several sessions was given.
//!
//! A session's loader numbers the rows that it is given from 1; here it is known what they are in the source.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use super::board::Rows;
use crate::error::{RowError, SourceRow};

struct Given {
    /// Number of its first row for the loader.
    first: u64,
    rows: u64,
    file: Arc<Path>,
    first_row: u64,
    rows_before: u64,
    picked: Option<Arc<[u32]>>,
}

/// The rows that a loader may still name.
#[derive(Default)]
pub(super) struct Numbering {
    given: VecDeque<Given>,
    rows: u64,
}

impl Numbering {
    /// The loader is given these rows: its number for the first of them.
    pub fn give(&mut self, rows: &Rows) -> u64 {
        let first = self.rows + 1;
        self.rows += rows.batch.num_rows() as u64;
        self.given.push_back(Given {
            first,
            rows: rows.batch.num_rows() as u64,
            file: Arc::clone(&rows.file),
            first_row: rows.first_row,
            rows_before: rows.rows_before,
            picked: rows.picked.clone(),
        });
        first
    }

    /// The first `rows` rows have been executed: none of them is named any more. Rows that a conversion has refused do not count.
    pub fn forget(&mut self, rows: u64) {
        while self.given.front().is_some_and(|given| given.first + given.rows <= rows + 1) {
            self.given.pop_front();
        }
    }

    /// Rows of the source before the one that the loader calls `number`, and its place.
    fn find(&self, number: u64) -> Option<(u64, SourceRow)> {
        let index = self.given.partition_point(|given| given.first <= number).checked_sub(1)?;
        let given = &self.given[index];
        let place = number - given.first;
        let offset = match &given.picked {
            Some(picked) => u64::from(*picked.get(usize::try_from(place).ok()?)?),
            None if place < given.rows => place,
            None => return None,
        };
        let source = SourceRow { file: Some(given.file.to_path_buf()), row: given.first_row + offset };
        Some((given.rows_before + offset, source))
    }

    /// Gives a row that the loader has named its place in the source; the rows before it, where it is known.
    pub fn place(&self, row: &mut RowError) -> Option<u64> {
        let (rows_before, source) = self.find(row.source.row)?;
        row.source = source;
        Some(rows_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};

    fn rows(count: usize, first_row: u64, rows_before: u64, picked: Option<&[u32]>) -> Rows {
        let array: ArrayRef = Arc::new(Int64Array::from(vec![0; count]));
        let batch = RecordBatch::try_from_iter([("v", array)]).unwrap();
        Rows { batch, file: Path::new("f").into(), first_row, rows_before, picked: picked.map(Arc::from) }
    }

    #[test]
    fn rows_are_what_they_are_in_the_source() {
        let mut numbering = Numbering::default();
        assert_eq!(numbering.give(&rows(3, 11, 100, None)), 1);
        assert_eq!(numbering.give(&rows(2, 21, 200, Some(&[4, 9]))), 4);
        assert_eq!(numbering.give(&rows(1, 1, 300, None)), 6);
        let found = |numbering: &Numbering, number| numbering.find(number).map(|(before, place)| (before, place.row));
        for (number, place) in [
            (0, None),
            (1, Some((100, 11))),
            (3, Some((102, 13))),
            (4, Some((204, 25))),
            (5, Some((209, 30))),
            (6, Some((300, 1))),
            (7, None),
        ] {
            assert_eq!(found(&numbering, number), place, "{number}");
        }
        // Two of the first three are executed, or all but the third is refused: the third may still be named.
        numbering.forget(2);
        assert_eq!(found(&numbering, 3), Some((102, 13)));
        numbering.forget(3);
        assert_eq!((found(&numbering, 3), found(&numbering, 4)), (None, Some((204, 25))));
        numbering.forget(6);
        assert!(numbering.given.is_empty());
    }
}
