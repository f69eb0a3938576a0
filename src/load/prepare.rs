//! Columns that are made into others before they are bound: what is cast, and nested values as text. Once a batch, so that what is bound is an
//! array like any other, a value of any length included.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, NullArray, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema};

use super::filler::{Filler, Outlet};
use super::plan::PlannedColumn;
use super::screen::BadValue;
use super::text_size::ranges_within;
use crate::column::vector::vector_text;
use crate::column::{Cast, ValueError};
use crate::error::{Error, RowError};

/// Nested values as text: an array of any nested type into a LargeUtf8 array of as many rows.
#[derive(Clone, Copy)]
pub struct NestedText(pub fn(&dyn Array) -> Result<ArrayRef, ValueError>);

impl NestedText {
    /// What it makes.
    pub const DATA_TYPE: DataType = DataType::LargeUtf8;
}

impl fmt::Debug for NestedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NestedText")
    }
}

/// What a source column is made into.
pub(crate) enum Preparation {
    Cast(Cast),
    Text(NestedText),
    /// A vector as text.
    Vector,
}

impl Preparation {
    pub(crate) fn apply(&self, array: &dyn Array) -> Result<ArrayRef, ValueError> {
        match self {
            Preparation::Cast(cast) => cast.apply(array),
            Preparation::Text(text) => text.0(array),
            Preparation::Vector => vector_text(array),
        }
    }

    /// The values that can be made, where some cannot: a load refuses those, and the others are to fit all the same.
    pub(crate) fn apply_to_good(&self, array: &ArrayRef) -> ArrayRef {
        self.apply(array).unwrap_or_else(|_| {
            let made: Vec<ArrayRef> = (0..array.len()).filter_map(|row| self.apply(&array.slice(row, 1)).ok()).collect();
            let made: Vec<&dyn Array> = made.iter().map(|array| array.as_ref()).collect();
            concat(&made).unwrap_or_else(|_| Arc::new(NullArray::new(0)))
        })
    }
}

/// Lists, structs and maps.
pub fn is_nested(data_type: &DataType) -> bool {
    use DataType::*;
    matches!(data_type, List(_) | LargeList(_) | FixedSizeList(..) | ListView(_) | LargeListView(_) | Struct(_) | Map(..))
}

/// The batch with the made columns behind its own. What is said of the first bad value is lost: [`bad_preparations`] finds all.
fn prepare(columns: &mut [PlannedColumn], batch: &RecordBatch) -> Option<RecordBatch> {
    let (mut fields, mut arrays) = (batch.schema().fields().to_vec(), batch.columns().to_vec());
    for column in columns {
        let Some(preparation) = &column.preparation else { continue };
        let array = preparation.apply(batch.column(column.source_index)).ok()?;
        column.bound_index = arrays.len();
        fields.push(Arc::new(Field::new(&column.source, array.data_type().clone(), true)));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).ok()
}

/// The rows with a value that cannot be made into what it is to be, in ascending order, each with the first such column.
fn bad_preparations(columns: &[PlannedColumn], batch: &RecordBatch) -> Vec<BadValue> {
    let mut found: Vec<Option<BadValue>> = (0..batch.num_rows()).map(|_| None).collect();
    for (column_index, column) in columns.iter().enumerate() {
        let Some(preparation) = &column.preparation else { continue };
        let array = batch.column(column.source_index);
        if preparation.apply(array).is_ok() {
            continue;
        }
        for (row_index, slot) in found.iter_mut().enumerate().filter(|(_, slot)| slot.is_none()) {
            *slot = preparation.apply(&array.slice(row_index, 1)).err().map(|error| BadValue { row_index, column_index, error });
        }
    }
    found.into_iter().flatten().collect()
}

impl Filler {
    /// Columns that are made of others.
    fn prepared_columns(&self) -> usize {
        self.columns.iter().filter(|column| column.preparation.is_some()).count()
    }

    /// The batch as it was pushed.
    pub(super) fn pushed(&self, batch: &RecordBatch) -> RecordBatch {
        match self.prepared_columns() {
            0 => batch.clone(),
            made => {
                let own: Vec<usize> = (0..batch.num_columns() - made).collect();
                batch.project(&own).unwrap_or_else(|_| batch.clone())
            }
        }
    }

    /// Makes what is to be made, then takes the rows; those that cannot be made are refused.
    pub(super) fn write_pushed(
        &mut self,
        batch: &RecordBatch,
        file: Option<&Arc<Path>>,
        first_row: u64,
        out: &mut dyn Outlet,
    ) -> Result<(), Error> {
        if self.prepared_columns() == 0 {
            return self.write_prepared(batch, file, first_row, out);
        }
        let budget_bytes = self.options.batch_bytes;
        match &ranges_within(&self.columns, batch, budget_bytes)[..] {
            [] | [_] => self.write_whole(batch, file, first_row, out),
            ranges => ranges
                .iter()
                .try_for_each(|range| self.write_whole(&batch.slice(range.start, range.len()), file, first_row + range.start as u64, out)),
        }
    }

    /// As [`Self::write_pushed`], for rows whose made columns are within the byte budget.
    fn write_whole(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64, out: &mut dyn Outlet) -> Result<(), Error> {
        let began = Instant::now();
        let prepared = prepare(&mut self.columns, batch);
        self.stats.note_convert(began.elapsed());
        match prepared {
            Some(prepared) => self.write_prepared(&prepared, file, first_row, out),
            None => self.write_preparable(batch, file, first_row, out),
        }
    }

    /// As the screening of converted values: the others go on, or the rows before the first bad one are looked at and the load ends.
    fn write_preparable(
        &mut self,
        batch: &RecordBatch,
        file: Option<&Arc<Path>>,
        first_row: u64,
        out: &mut dyn Outlet,
    ) -> Result<(), Error> {
        let bad = bad_preparations(&self.columns, batch);
        let refused: Vec<(usize, RowError)> =
            bad.into_iter().map(|bad| (bad.row_index, self.value_refused(bad, file, first_row))).collect();
        let named = Error::Usage {
            message: "a batch whose values can each be converted, but not together".into(),
            remedy: "push smaller batches".into(),
        };
        self.go_around((batch, batch), first_row, (refused, named), out, |filler, good, first_row, out| {
            filler.write_pushed(good, file, first_row, out)
        })
    }
}
