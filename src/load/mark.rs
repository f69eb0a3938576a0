//! The delete mark: whether a source column says that its row is to be deleted, bound as 1 or 0.

use arrow::array::{Array, AsArray, Int8Array};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;

use crate::column::external_type::SQLT_INT;
use crate::column::{ColumnBind, ValueError};
use crate::layout::{Layout, Slots};
use crate::oracle_type::OracleType;
use crate::sql::form::Form;

use super::plan::PlannedColumn;

/// The column of a MERGE's source that carries the mark. A `$` keeps it apart from names that files have.
pub(super) const MARK_COLUMN: &str = "DELETE$MARK";

/// Which rows of an upsert are deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteMark {
    /// Index of the column in the record batches.
    pub source_index: usize,
    /// Its Arrow field.
    pub field: Field,
    /// The text of the value that marks a row; NULL never does.
    pub value: String,
}

impl DeleteMark {
    /// Whether values of this type have a text to compare.
    pub fn is_comparable(data_type: &DataType) -> bool {
        !data_type.is_nested() && can_cast_types(data_type, &DataType::Utf8)
    }

    /// Which rows are marked.
    ///
    /// # Errors
    /// Values without a text.
    pub fn is_marked(&self, array: &dyn Array) -> Result<Vec<bool>, ArrowError> {
        Ok(self.marks(array)?.values().iter().map(|mark| *mark == 1).collect())
    }

    /// 1 for a marked row, 0 for another.
    pub(super) fn marks(&self, array: &dyn Array) -> Result<Int8Array, ArrowError> {
        let texts = cast(array, &DataType::Utf8)?;
        Ok(texts.as_string::<i32>().iter().map(|text| Some(i8::from(text == Some(self.value.as_str())))).collect())
    }

    pub(super) fn planned(&self) -> PlannedColumn {
        PlannedColumn {
            source_index: self.source_index,
            bound_index: self.source_index,
            preparation: None,
            converter: Box::new(MarkBind { value: self.value.clone() }),
            source: self.field.name().clone(),
            source_type: self.field.data_type().clone(),
            target: MARK_COLUMN.into(),
            target_type: OracleType::Number { precision: Some(1), scale: Some(0) },
            layout: MarkBind::LAYOUT,
            is_key: false,
            is_whole: false,
            is_mark: true,
            form: Form::AsIs,
        }
    }
}

struct MarkBind {
    value: String,
}

impl MarkBind {
    const LAYOUT: Layout = Layout::Fixed { external_type: SQLT_INT, stride_bytes: 1 };
}

impl ColumnBind for MarkBind {
    fn layout(&self) -> Layout {
        Self::LAYOUT
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let refuse = |reason: String| ValueError { row_index: 0, reason, remedy: "name another column in --delete-when".into() };
        let texts = cast(array, &DataType::Utf8).map_err(|error| refuse(error.to_string()))?;
        // What is NULL is not marked, rather than of unknown mark.
        slots.indicators.fill(0);
        for (slot, text) in slots.values.iter_mut().zip(texts.as_string::<i32>()) {
            *slot = u8::from(text == Some(self.value.as_str()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BooleanArray, DictionaryArray, Int16Array, StringViewArray};
    use arrow::datatypes::Int8Type;

    use super::*;

    #[test]
    fn values_are_compared_by_their_text_and_null_marks_nothing() {
        let dictionary: DictionaryArray<Int8Type> = [Some("D"), Some("U"), None].into_iter().collect();
        let cases: [(ArrayRef, &str); 4] = [
            (Arc::new(StringViewArray::from(vec![Some("D"), Some("d"), None])), "D"),
            (Arc::new(dictionary), "D"),
            (Arc::new(Int16Array::from(vec![Some(1), Some(0), None])), "1"),
            (Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])), "true"),
        ];
        for (array, value) in cases {
            assert!(DeleteMark::is_comparable(array.data_type()));
            let (mut values, mut indicators) = ([9; 3], [-1; 3]);
            let slots = Slots { values: &mut values, stride_bytes: 1, lengths: &mut [], indicators: &mut indicators };
            MarkBind { value: value.into() }.write(&array, slots).unwrap();
            assert_eq!((values, indicators), ([1, 0, 0], [0; 3]), "{:?}", array.data_type());
        }
        assert!(!DeleteMark::is_comparable(&DataType::new_list(DataType::Int8, true)));
    }
}
