//! Rows of a Parquet file per batch where long values lie beside short ones: shorter batches where their bytes are, so that a batch is a few megabytes or one
//! value, wherever the long ones lie.

use std::ops::Range;

use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::file::metadata::ParquetMetaData;

use super::read_ahead::BATCH_TEXT_BYTES;
use super::text_sizes::{Run, group_firsts};

/// Where a batch would have fewer rows than this, the neighbours of long values are told from them.
const FINE_ROWS: usize = 64;

/// Rows that are read in batches of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Rows of the file before it.
    pub first: usize,
    pub rows: usize,
    pub batch_rows: usize,
}

impl Stretch {
    /// The row groups that it is in, and the rows of it for a reader of them.
    pub(super) fn selection(&self, metadata: &ParquetMetaData) -> (Vec<usize>, RowSelection) {
        let firsts = group_firsts(metadata);
        let begin = firsts.partition_point(|first| *first <= self.first).saturating_sub(1);
        let end = firsts.partition_point(|first| *first < self.first + self.rows).max(begin);
        let skipped = self.first - firsts.get(begin).copied().unwrap_or(0);
        ((begin..end).collect(), RowSelection::from(vec![RowSelector::skip(skipped), RowSelector::select(self.rows)]))
    }
}

/// All `rows` of the file; one stretch where no batch of `batch_rows` would be much more than [`BATCH_TEXT_BYTES`]. `columns` has what lies where, in order.
pub(super) fn stretches(rows: usize, columns: &[Vec<Run>], batch_rows: usize) -> Vec<Stretch> {
    let mut cutter = Cutter { columns, at: vec![0; columns.len()], batch_rows, stretches: Vec::new() };
    for first in (0..rows).step_by(batch_rows.max(1)) {
        cutter.cut(first..rows.min(first + batch_rows));
    }
    if cutter.stretches.is_empty() { vec![Stretch { first: 0, rows, batch_rows }] } else { cutter.stretches }
}

struct Cutter<'a> {
    columns: &'a [Vec<Run>],
    /// The run of each column in which the rows begin that are looked at, or that is before it.
    at: Vec<usize>,
    batch_rows: usize,
    stretches: Vec<Stretch>,
}

impl Cutter<'_> {
    /// A window that would be a batch.
    fn cut(&mut self, window: Range<usize>) {
        let rows = self.rows_of_a_batch(&window);
        if rows >= FINE_ROWS.min(self.batch_rows) {
            self.push(window, rows);
            return;
        }
        let mut quiet = window.start..window.start;
        let mut quiet_bytes = 0;
        for first in window.clone().step_by(FINE_ROWS) {
            let piece = first..window.end.min(first + FINE_ROWS);
            let (bytes, rows) = (self.look(&piece).0, self.rows_of_a_batch(&piece));
            if rows == self.batch_rows && quiet_bytes + bytes <= 2 * BATCH_TEXT_BYTES {
                (quiet.end, quiet_bytes) = (piece.end, quiet_bytes + bytes);
                continue;
            }
            self.push(quiet.clone(), quiet.len());
            if rows == self.batch_rows {
                (quiet, quiet_bytes) = (piece, bytes);
            } else {
                (quiet, quiet_bytes) = (piece.end..piece.end, 0);
                self.push(piece, rows);
            }
        }
        self.push(quiet.clone(), quiet.len());
    }

    /// Neighbours of one kind are one stretch.
    fn push(&mut self, rows: Range<usize>, batch_rows: usize) {
        let kind = |batch_rows: usize| (batch_rows == self.batch_rows, batch_rows < FINE_ROWS);
        match self.stretches.last_mut() {
            _ if rows.is_empty() => {}
            Some(last) if kind(last.batch_rows) == kind(batch_rows) => {
                last.rows += rows.len();
                last.batch_rows = last.batch_rows.min(batch_rows);
            }
            _ => self.stretches.push(Stretch { first: rows.start, rows: rows.len(), batch_rows }),
        }
    }

    fn rows_of_a_batch(&mut self, window: &Range<usize>) -> usize {
        let (bytes, bytes_per_row) = self.look(window);
        if bytes <= 2 * BATCH_TEXT_BYTES { self.batch_rows } else { (BATCH_TEXT_BYTES / bytes_per_row.max(1)).clamp(1, self.batch_rows) }
    }

    /// Bytes of these rows, and of one where they are longest. Rows are looked at in order; a later window may begin anew where the one before did.
    fn look(&mut self, window: &Range<usize>) -> (usize, usize) {
        let (mut bytes, mut bytes_per_row) = (0usize, 0usize);
        for (runs, at) in self.columns.iter().zip(&mut self.at) {
            while runs.get(*at).is_some_and(|run| run.rows.end <= window.start) {
                *at += 1;
            }
            let inside = runs[*at..].iter().take_while(|run| run.rows.start < window.end);
            let mut longest = 0;
            for run in inside {
                bytes = bytes.saturating_add(bytes_in(run, window));
                longest = longest.max(run.bytes.div_ceil(run.rows.len().max(1)));
            }
            bytes_per_row = bytes_per_row.saturating_add(longest);
        }
        (bytes, bytes_per_row)
    }
}

fn bytes_in(run: &Run, rows: &Range<usize>) -> usize {
    let shared = run.rows.end.min(rows.end).saturating_sub(run.rows.start.max(rows.start));
    (run.bytes as u128 * shared as u128 / run.rows.len().max(1) as u128) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn run(rows: Range<usize>, mebibytes: usize) -> Run {
        Run { rows, bytes: mebibytes * MIB }
    }

    fn cut(rows: usize, columns: &[Vec<Run>], batch_rows: usize) -> Vec<(Range<usize>, usize)> {
        let stretches = stretches(rows, columns, batch_rows);
        stretches.iter().map(|stretch| (stretch.first..stretch.first + stretch.rows, stretch.batch_rows)).collect()
    }

    #[test]
    fn a_batch_is_short_where_values_are_long_and_nowhere_else() {
        let columns = [vec![run(0..1000, 1), run(1000..1001, 100), run(1001..1002, 100), run(1002..3000, 1)], vec![run(0..3000, 2)]];
        assert_eq!(cut(3000, &columns, 500), [(0..1000, 500), (1000..1064, 1), (1064..1500, 436), (1500..3000, 500)]);
        // Long ones everywhere are one stretch, and so are rows of a middle size.
        assert_eq!(cut(3000, &[(0..3000).map(|row| run(row..row + 1, 40)).collect()], 500), [(0..3000, 1)]);
        assert_eq!(cut(3000, &[vec![run(0..3000, 600)]], 500), [(0..3000, 79)]);
        assert_eq!(cut(3000, &[vec![run(0..3000, 1)]], 500), [(0..3000, 500)]);
        assert_eq!(cut(0, &[], 500), [(0..0, 500)]);
        assert_eq!(cut(10, &[vec![run(0..10, 100)]], 10), [(0..10, 1)]);
    }

    #[test]
    fn quiet_rows_among_long_ones_are_batches_within_the_bound() {
        // A megabyte in each eighth piece, a long one in the last.
        let mut runs: Vec<Run> = (0..40).map(|piece| run(piece * 100..(piece + 1) * 100, 1)).collect();
        runs.push(run(4000..4001, 64));
        let cut = cut(4001, &[runs.clone()], 5000);
        assert_eq!(cut.iter().map(|(rows, _)| rows.len()).sum::<usize>(), 4001);
        assert_eq!(cut.last(), Some(&(3968..4001, 1)));
        for (rows, batch_rows) in &cut[..cut.len() - 1] {
            assert!(*batch_rows <= 3264 && *batch_rows >= FINE_ROWS, "{rows:?} in batches of {batch_rows}");
        }
    }
}
