//! Dictionary arrays: unpacked a batch at a time by `take`, then written by the converter of their values.
//!
//! Converting the dictionary's values once and gathering slots would save the copy, but it would also check values that no row refers to
//! (a slice keeps the whole dictionary) and refuse loads that are right; and gathered text slots of 32 bytes cost what the copy costs.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_empty_array};
use arrow::buffer::NullBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;

use super::decoded::broken;
use super::{ColumnBind, ColumnDefine, Origin, PlannedDefine, ValueError};
use crate::layout::{Cells, Layout, LongCells, Slots};

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

    fn check_long(&self, array: &dyn Array) -> Result<(), ValueError> {
        let dictionary = array.as_any_dictionary_opt().map(|dictionary| Arc::clone(dictionary.values()));
        match dictionary.map(|values| self.values.check_long(&values)) {
            Some(Ok(())) => Ok(()),
            // Perhaps no row refers to the value that is refused.
            _ => self.values.check_long(&unpack(array)?),
        }
    }

    fn long_values<'a>(&self, array: &'a dyn Array) -> Result<Vec<Option<&'a [u8]>>, ValueError> {
        let dictionary = array.as_any_dictionary_opt().ok_or_else(|| broken("not a dictionary"))?;
        if dictionary.values().is_empty() {
            return Ok(vec![None; array.len()]);
        }
        let values = self.values.long_values(dictionary.values().as_ref())?;
        let keys = dictionary.normalized_keys().into_iter().enumerate();
        Ok(keys.map(|(row, key)| values[key].filter(|_| array.is_valid(row))).collect())
    }

    fn max_stride_bytes(&self) -> u32 {
        self.values.max_stride_bytes()
    }

    fn makes_nulls(&self) -> bool {
        self.values.makes_nulls()
    }

    fn truncated_rows(&self) -> &[u32] {
        self.values.truncated_rows()
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

/// The same values in another form of array: as a dictionary, with wide offsets, as views.
struct Recast {
    values: Box<dyn ColumnDefine>,
    form: DataType,
}

impl ColumnDefine for Recast {
    fn layout(&self) -> Layout {
        self.values.layout()
    }

    fn data_type(&self) -> DataType {
        self.form.clone()
    }

    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        // A batch can have more distinct values than the keys of a small dictionary type can number.
        cast(&self.values.read(cells, nulls)?, &self.form).map_err(broken)
    }

    fn read_long(&mut self, cells: LongCells, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        cast(&self.values.read_long(cells, nulls)?, &self.form).map_err(broken)
    }
}

/// What `values` reads, as an array in the wanted form, which holds the same values.
pub(crate) fn recast(values: Box<dyn ColumnDefine>, origin: Origin<'_>) -> PlannedDefine {
    let from = values.data_type();
    // Arrow packs some types only, and says so whether there are values or not.
    match cast(&new_empty_array(&from), origin.wanted) {
        Ok(_) => Ok(Box::new(Recast { values, form: origin.wanted.clone() })),
        Err(error) => Err(origin.problem(error, format!("read it as {from}, which is the same without a dictionary"))),
    }
}
