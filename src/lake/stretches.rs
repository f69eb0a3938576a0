//! Rows of a Parquet file per batch where long values lie beside short ones: what the page index says of each page's texts and binary values decides, so
//! that a batch is a few megabytes wherever the long ones are.
//!
//! Without sizes in the page index (writers need not give them) the average of the row group decides alone.

use std::ops::Range;

use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::file::metadata::ParquetMetaData;

use super::read_ahead::BATCH_TEXT_BYTES;

/// Rows that are read in batches of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Rows of the file before it.
    pub first: usize,
    pub rows: usize,
    pub batch_rows: usize,
}

impl Stretch {
    /// The rows of it, for a reader of the whole file.
    pub(super) fn selection(&self) -> RowSelection {
        RowSelection::from(vec![RowSelector::skip(self.first), RowSelector::select(self.rows)])
    }
}

/// A page of texts or binary values: its rows in the file, and the bytes of the values.
struct Page {
    rows: Range<usize>,
    bytes: usize,
}

impl Page {
    fn bytes_in(&self, rows: &Range<usize>) -> usize {
        let shared = self.rows.end.min(rows.end).saturating_sub(self.rows.start.max(rows.start));
        (self.bytes as u128 * shared as u128 / self.rows.len().max(1) as u128) as usize
    }

    fn bytes_per_row(&self) -> usize {
        self.bytes.div_ceil(self.rows.len().max(1))
    }
}

/// All rows of the file; one stretch where no batch of `batch_rows` would be much more than [`BATCH_TEXT_BYTES`].
pub(super) fn stretches(metadata: &ParquetMetaData, roots: &[usize], batch_rows: usize) -> Vec<Stretch> {
    let rows = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
    let columns = pages(metadata, roots);
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut at = vec![0; columns.len()];
    for first in (0..rows).step_by(batch_rows.max(1)) {
        let window = first..rows.min(first + batch_rows);
        let window_rows = rows_of_a_batch(&columns, &mut at, &window, batch_rows);
        match stretches.last_mut() {
            Some(last) if (last.batch_rows == batch_rows) == (window_rows == batch_rows) => {
                last.rows += window.len();
                last.batch_rows = last.batch_rows.min(window_rows);
            }
            _ => stretches.push(Stretch { first, rows: window.len(), batch_rows: window_rows }),
        }
    }
    if stretches.is_empty() { vec![Stretch { first: 0, rows, batch_rows }] } else { stretches }
}

/// `at` has the page of each column in which the window begins or that is before it.
fn rows_of_a_batch(columns: &[Vec<Page>], at: &mut [usize], window: &Range<usize>, batch_rows: usize) -> usize {
    let (mut bytes, mut bytes_per_row) = (0usize, 0usize);
    for (pages, at) in columns.iter().zip(at) {
        while pages.get(*at).is_some_and(|page| page.rows.end <= window.start) {
            *at += 1;
        }
        let inside = pages[*at..].iter().take_while(|page| page.rows.start < window.end);
        let mut longest = 0;
        for page in inside {
            bytes += page.bytes_in(window);
            longest = longest.max(page.bytes_per_row());
        }
        bytes_per_row += longest;
    }
    if bytes <= 2 * BATCH_TEXT_BYTES { batch_rows } else { (BATCH_TEXT_BYTES / bytes_per_row.max(1)).clamp(1, batch_rows) }
}

/// The pages of each text or binary leaf of `roots`, as far as the page index has their sizes.
fn pages(metadata: &ParquetMetaData, roots: &[usize]) -> Vec<Vec<Page>> {
    let schema = metadata.file_metadata().schema_descr();
    let leaves = (0..schema.num_columns()).filter(|leaf| {
        schema.column(*leaf).physical_type() == parquet::basic::Type::BYTE_ARRAY && roots.contains(&schema.get_column_root_idx(*leaf))
    });
    leaves.map(|leaf| pages_of(metadata, leaf)).collect()
}

fn pages_of(metadata: &ParquetMetaData, leaf: usize) -> Vec<Page> {
    let (mut pages, mut group_first) = (Vec::new(), 0usize);
    for (group_index, group) in metadata.row_groups().iter().enumerate() {
        let group_end = group_first + usize::try_from(group.num_rows()).unwrap_or(0);
        let index = metadata.offset_index().and_then(|groups| groups.get(group_index)?.get(leaf));
        if let Some((index, sizes)) = index.and_then(|index| Some((index, index.unencoded_byte_array_data_bytes()?))) {
            let first_of = |page: usize| {
                let location = index.page_locations().get(page);
                location.map_or(group_end, |location| group_first + usize::try_from(location.first_row_index).unwrap_or(0)).min(group_end)
            };
            pages.extend(sizes.iter().enumerate().map(|(page, bytes)| {
                let first = first_of(page);
                Page { rows: first..first_of(page + 1).max(first), bytes: usize::try_from(*bytes).unwrap_or(0) }
            }));
        }
        group_first = group_end;
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn page(rows: Range<usize>, mebibytes: usize) -> Page {
        Page { rows, bytes: mebibytes * MIB }
    }

    #[test]
    fn a_batch_is_short_where_values_are_long_and_nowhere_else() {
        let columns = [vec![page(0..1000, 1), page(1000..1001, 100), page(1001..1002, 100), page(1002..3000, 1)], vec![page(0..3000, 2)]];
        let mut at = [0, 0];
        let of = |at: &mut [usize], window: Range<usize>| rows_of_a_batch(&columns, at, &window, 500);
        assert_eq!([of(&mut at, 0..500), of(&mut at, 500..1000)], [500, 500]);
        assert_eq!(of(&mut at, 1000..1500), 1);
        assert_eq!([of(&mut at, 1500..2000), of(&mut at, 2500..3000)], [500, 500]);
        // A page of several long values is taken for an even one.
        let even = [vec![page(0..100, 100)]];
        assert_eq!(rows_of_a_batch(&even, &mut [0], &(0..100), 100), 16);
    }
}
