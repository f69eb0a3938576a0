//! Column converters: one file per Oracle family. A converter is chosen once per column and called once per batch.

use arrow::array::Array;
use arrow::buffer::NullBuffer;

use crate::layout::{Layout, Slots};

/// Arrow array → array buffer, for one column.
pub trait ColumnBind: Send {
    /// Buffer shape this converter writes.
    fn layout(&self) -> Layout;

    /// The stride that `array` needs, at least 1; only [`Layout::Variable`] can exceed its own stride. Fails when a value exceeds the column.
    fn required_stride_bytes(&self, _array: &dyn Array) -> Result<u32, ValueError> {
        Ok(self.layout().stride_bytes())
    }

    /// Writes `array.len()` values into `slots`, which has as many rows. Nulls are already in the indicators.
    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError>;
}

/// A value that cannot be carried exactly. The load engine adds table, column, file and row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct ValueError {
    /// 0-based index in the array that was given.
    pub row_index: usize,
    /// What the value is and why it does not fit; carries lengths, types and limits, and the value itself only when it is a number or a date.
    pub reason: String,
    /// What the user can do.
    pub remedy: String,
}

/// Runs `f` for the index of each valid value, in order.
#[inline]
pub fn try_for_each_valid<E>(nulls: Option<&NullBuffer>, len: usize, mut f: impl FnMut(usize) -> Result<(), E>) -> Result<(), E> {
    match nulls.filter(|n| n.null_count() > 0) {
        None => (0..len).try_for_each(f),
        Some(nulls) => nulls.valid_indices().try_for_each(&mut f),
    }
}
