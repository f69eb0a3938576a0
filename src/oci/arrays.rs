//! The plain memory of array buffers, which can be lent to whoever fills it, on any thread, while its statement does something else.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::layout::{Layout, Slots};
use crate::oci::handle::RawArray;

/// Values, indicators and lengths of one placeholder or fetched column. They never move while bound or defined; see [`RawArray`].
pub(super) struct ColumnArrays {
    pub(super) layout: Layout,
    /// As words, so that native integers and doubles are aligned. For descriptors the staging area of their fields; for locators nothing.
    pub(super) values: RawArray<u64>,
    pub(super) indicators: RawArray<i16>,
    /// Empty unless [`Layout::Variable`].
    pub(super) lengths: RawArray<u32>,
}

impl ColumnArrays {
    pub(super) fn zeroed(layout: Layout, rows: usize) -> Self {
        let value_bytes = if matches!(layout, Layout::Lob { .. }) { 0 } else { layout.stride_bytes() as usize * rows };
        ColumnArrays {
            layout,
            values: RawArray::zeroed(value_bytes.div_ceil(8)),
            indicators: RawArray::zeroed(rows),
            lengths: RawArray::zeroed(if layout.is_variable() { rows } else { 0 }),
        }
    }

    /// The window of `rows` for a converter to write into.
    pub(super) fn slots(&mut self, rows: Range<usize>) -> Slots<'_> {
        let stride_bytes = self.layout.stride_bytes() as usize;
        let lengths = if self.layout.is_variable() { &mut self.lengths.as_mut_slice()[rows.clone()] } else { &mut [] };
        Slots {
            values: &mut self.values.as_bytes_mut()[rows.start * stride_bytes..rows.end * stride_bytes],
            stride_bytes,
            lengths,
            indicators: &mut self.indicators.as_mut_slice()[rows],
        }
    }
}

/// The arrays of all placeholders of a statement, to be filled and given to [`super::ArrayStatement::take_back`].
pub struct ArraySet {
    /// Never used twice: what a statement has bound is known by it, and not by addresses, which may come again.
    pub(super) id: u64,
    pub(super) columns: Vec<ColumnArrays>,
    pub(super) capacity_rows: u32,
}

impl ArraySet {
    /// Zeroed arrays for `capacity_rows` rows.
    pub fn zeroed(layouts: &[Layout], capacity_rows: u32) -> Self {
        let columns = layouts.iter().map(|&layout| ColumnArrays::zeroed(layout, capacity_rows as usize)).collect();
        ArraySet { id: next_id(), columns, capacity_rows }
    }

    /// Room for no row.
    pub fn none() -> Self {
        ArraySet { id: 0, columns: Vec::new(), capacity_rows: 0 }
    }

    /// Rows that the arrays hold.
    pub fn capacity_rows(&self) -> u32 {
        self.capacity_rows
    }

    /// Layout of placeholder `index` (0-based).
    ///
    /// # Panics
    /// When there is no such placeholder.
    pub fn layout(&self, index: usize) -> Layout {
        self.columns[index].layout
    }

    /// All layouts, in order of placeholders.
    pub fn layouts(&self) -> Vec<Layout> {
        self.columns.iter().map(|column| column.layout).collect()
    }

    /// The window of `rows` in the arrays of placeholder `index` (0-based). For descriptors the values are a staging area.
    ///
    /// # Panics
    /// When there is no such placeholder or the rows exceed the capacity.
    pub fn slots(&mut self, index: usize, rows: Range<usize>) -> Slots<'_> {
        self.columns[index].slots(rows)
    }
}

impl std::fmt::Debug for ArraySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArraySet").field("capacity_rows", &self.capacity_rows).field("layouts", &self.layouts()).finish_non_exhaustive()
    }
}

/// 1 and up.
pub(super) fn next_id() -> u64 {
    static LAST_ID: AtomicU64 = AtomicU64::new(0);
    LAST_ID.fetch_add(1, Ordering::Relaxed) + 1
}
