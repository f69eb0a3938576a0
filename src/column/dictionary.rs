//! Dictionary arrays: unpacked a batch at a time by `take`, then written by the converter of their values.
//!
//! Converting the dictionary's values once and gathering slots would save the copy, but it would also check values that no row refers to
//! (a slice keeps the whole dictionary) and refuse loads that are right; and gathered text slots of 32 bytes cost what the copy costs.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::take;

use super::{ColumnBind, ValueError};
use crate::layout::{Layout, Slots};

struct DictionaryBind {
    values: Box<dyn ColumnBind>,
}

fn unpack(array: &dyn Array) -> Result<ArrayRef, ValueError> {
    let unpacked = match array.as_any_dictionary_opt() {
        Some(dictionary) => take(dictionary.values(), dictionary.keys(), None).map_err(|error| error.to_string()),
        None => Err(format!("the batch has Arrow type {} where the plan has seen a dictionary", array.data_type())),
    };
    unpacked.map_err(|reason| ValueError {
        row_index: 0,
        reason,
        remedy: "push batches of the schema that was planned, or smaller ones".into(),
    })
}

impl ColumnBind for DictionaryBind {
    fn layout(&self) -> Layout {
        self.values.layout()
    }

    fn required_stride_bytes(&self, array: &dyn Array) -> Result<u32, ValueError> {
        // The longest value of the whole dictionary is a good bound; only when that does not fit the column do the rows themselves count.
        let dictionary = array.as_any_dictionary_opt().map(|dictionary| Arc::clone(dictionary.values()));
        match dictionary.and_then(|values| self.values.required_stride_bytes(&values).ok()) {
            Some(stride_bytes) => Ok(stride_bytes),
            None => self.values.required_stride_bytes(&unpack(array)?),
        }
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let unpacked = unpack(array)?;
        // A key may be valid and its value NULL: that NULL is not in the array's own bitmap.
        if let Some(nulls) = unpacked.nulls().filter(|nulls| nulls.null_count() > array.null_count()) {
            slots.indicators.iter_mut().zip(nulls.iter()).for_each(|(indicator, valid)| *indicator = i16::from(valid) - 1);
        }
        self.values.write(&unpacked, slots)
    }
}

/// The converter of a dictionary whose values `values` converts.
pub(crate) fn dictionary(values: Box<dyn ColumnBind>) -> Box<dyn ColumnBind> {
    Box::new(DictionaryBind { values })
}
