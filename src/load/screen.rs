//! Which rows of a batch have a value that is refused, all of them and not only the first. Runs only after a conversion has failed.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, RecordBatch};

use crate::column::ValueError;
use crate::layout::{Layout, Slots};

use super::plan::PlannedColumn;

/// Rows looked at together. A converter names one row at a time and is then called again for the rest, so this bounds what a batch that is bad
/// throughout costs.
const CHUNK_ROWS: usize = 256;

/// A refused value.
#[derive(Debug)]
pub(super) struct BadValue {
    /// Row in the batch, 0-based.
    pub row_index: usize,
    /// Which of the planned columns.
    pub column_index: usize,
    /// Why.
    pub error: ValueError,
}

/// The refused rows in ascending order, each with the first column that refuses it.
pub(super) fn bad_values(columns: &mut [PlannedColumn], batch: &RecordBatch) -> Vec<BadValue> {
    let mut bad = Vec::new();
    for start in (0..batch.num_rows()).step_by(CHUNK_ROWS) {
        let rows = CHUNK_ROWS.min(batch.num_rows() - start);
        let mut found: Vec<Option<BadValue>> = (0..rows).map(|_| None).collect();
        for (column_index, column) in columns.iter_mut().enumerate() {
            let array = column.bound_in(batch).slice(start, rows);
            let mut note = |error: ValueError| {
                let row = error.row_index;
                let bad = BadValue { row_index: start + row, column_index, error };
                found[row].get_or_insert(bad);
            };
            screen_column(column, &array, &mut note, &mut |_, _| {});
        }
        bad.extend(found.into_iter().flatten());
    }
    bad
}

/// Tells every refused value of a column, and of the others what is bound, `None` for NULL; of a LOB column whether it is NULL, by an empty value if
/// it is not.
pub(super) fn screen_column(
    column: &mut PlannedColumn,
    array: &ArrayRef,
    note: &mut dyn FnMut(ValueError),
    bound: &mut dyn FnMut(usize, Option<&[u8]>),
) {
    if array.is_empty() {
        return;
    }
    if column.target_type.takes_long_values() {
        // Values of any length: not into a scratch buffer.
        let nulls = array.logical_nulls();
        let check = &mut |range: Range<usize>| {
            column.converter.check_long(&array.slice(range.start, range.len()))?;
            range.for_each(|row| bound(row, nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)).then_some(&[][..])));
            Ok(())
        };
        return each_error(0..array.len(), note, check);
    }
    for start in (0..array.len()).step_by(CHUNK_ROWS) {
        let part = array.slice(start, CHUNK_ROWS.min(array.len() - start));
        let mut note = |error: ValueError| note(ValueError { row_index: start + error.row_index, ..error });
        screen_chunk(column, &part, &mut note, &mut |row, value| bound(start + row, value));
    }
}

/// As [`screen_column`], of few rows.
fn screen_chunk(
    column: &mut PlannedColumn,
    array: &ArrayRef,
    note: &mut dyn FnMut(ValueError),
    bound: &mut dyn FnMut(usize, Option<&[u8]>),
) {
    let mut stride_bytes = column.layout.stride_bytes();
    each_error(0..array.len(), note, &mut |range| {
        let needed = column.converter.required_stride_bytes(&array.slice(range.start, range.len()))?;
        stride_bytes = stride_bytes.max(needed);
        Ok(())
    });
    let mut scratch = Scratch::new(column.layout, stride_bytes as usize, array.len());
    let mut indicators_are_zero = true;
    each_error(0..array.len(), note, &mut |range| {
        let part = array.slice(range.start, range.len());
        write_column(column, &part, scratch.slots(range.clone()), &mut indicators_are_zero)?;
        range.for_each(|row| bound(row, scratch.value(row)));
        Ok(())
    });
}

/// Runs `attempt` on `range` and, where it fails, again on the rows before and after the failing one. Errors are relative to the range given.
fn each_error(range: Range<usize>, note: &mut dyn FnMut(ValueError), attempt: &mut dyn FnMut(Range<usize>) -> Result<(), ValueError>) {
    let mut start = range.start;
    while start < range.end {
        let Err(mut error) = attempt(start..range.end) else { return };
        let row = (start + error.row_index).min(range.end - 1);
        // Nothing says that a converter looks at the rows in order.
        each_error(start..row, note, attempt);
        error.row_index = row;
        note(error);
        start = row + 1;
    }
}

/// Buffers like those of a statement, for a look.
pub(super) struct Scratch {
    values: Vec<u8>,
    stride_bytes: usize,
    lengths: Vec<u32>,
    indicators: Vec<i16>,
}

impl Scratch {
    pub(super) fn new(layout: Layout, stride_bytes: usize, rows: usize) -> Self {
        let lengths = if matches!(layout, Layout::Variable { .. }) { rows } else { 0 };
        Scratch { values: vec![0; stride_bytes * rows], stride_bytes, lengths: vec![0; lengths], indicators: vec![0; rows] }
    }

    pub(super) fn slots(&mut self, rows: Range<usize>) -> Slots<'_> {
        Slots {
            values: &mut self.values[rows.start * self.stride_bytes..rows.end * self.stride_bytes],
            stride_bytes: self.stride_bytes,
            lengths: if self.lengths.is_empty() { &mut [] } else { &mut self.lengths[rows.clone()] },
            indicators: &mut self.indicators[rows],
        }
    }

    /// What is bound of a row, `None` for NULL.
    pub(super) fn value(&self, row: usize) -> Option<&[u8]> {
        let slot = &self.values[row * self.stride_bytes..(row + 1) * self.stride_bytes];
        let length = self.lengths.get(row).map_or(slot.len(), |&length| length as usize);
        (self.indicators[row] != -1).then(|| &slot[..length.min(slot.len())])
    }
}

/// Indicators from the validity bitmap; those of `slots` are 0 before.
pub(super) fn write_indicators(array: &dyn Array, slots: &mut Slots<'_>) {
    if let Some(nulls) = array.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        for (indicator, valid) in slots.indicators.iter_mut().zip(nulls.iter()) {
            *indicator = i16::from(valid) - 1;
        }
    }
}

/// Indicators from the validity bitmap, then the values; a key has to have one. `indicators_are_zero`: no indicator of these arrays has been
/// anything but 0 so far.
pub(super) fn write_column(
    column: &mut PlannedColumn,
    array: &dyn Array,
    slots: Slots<'_>,
    indicators_are_zero: &mut bool,
) -> Result<(), ValueError> {
    match array.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        // Indicators are 0 from the beginning and in most columns for good: to write that again costs as much as converting a column.
        None if *indicators_are_zero => {}
        None => slots.indicators.fill(0),
        Some(nulls) => {
            *indicators_are_zero = false;
            for (indicator, valid) in slots.indicators.iter_mut().zip(nulls.iter()) {
                *indicator = i16::from(valid) - 1;
            }
        }
    }
    let Slots { values, stride_bytes, lengths, indicators } = slots;
    *indicators_are_zero &= !column.converter.makes_nulls();
    column.converter.write(array, Slots { values, stride_bytes, lengths, indicators: &mut *indicators })?;
    match indicators.iter().position(|&indicator| column.is_key && indicator == -1) {
        None => Ok(()),
        Some(row_index) => Err(ValueError {
            row_index,
            reason: "the key is NULL, which no row matches: it would be inserted again each time, or never be found".into(),
            remedy: "fill the key in the source, or leave such rows out".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use proptest::prelude::*;

    use super::super::plan::{ColumnPair, LoadOptions, LoadPlan};
    use super::super::{Dml, Keyed};
    use super::*;
    use crate::oracle_type::{ColumnDesc, OracleType, TableName, TextSize};

    fn plan(batch: &RecordBatch, key: &str) -> LoadPlan {
        let types = [
            OracleType::Number { precision: None, scale: None },
            OracleType::Varchar2(TextSize::bytes(40)),
            OracleType::Number { precision: Some(3), scale: Some(-1) },
        ];
        let pairs: Vec<ColumnPair> = batch
            .schema()
            .fields()
            .iter()
            .zip(types)
            .enumerate()
            .map(|(source_index, (field, oracle_type))| ColumnPair {
                source_index,
                field: field.as_ref().clone(),
                target: ColumnDesc { name: field.name().to_uppercase(), oracle_type, nullable: true },
            })
            .collect();
        let table = TableName { schema: None, table: "T".into() };
        LoadPlan::dml(Dml::Upsert, &table, &pairs, &Keyed { keys: vec![key.to_owned()], ..Keyed::default() }, LoadOptions::default())
            .unwrap()
    }

    proptest! {
        #[test]
        fn every_bad_row_is_found_once_and_no_other(rows in prop::collection::vec((any::<Option<i64>>(), 0_usize..60, -50_i64..50), 0..700)) {
            let texts: Vec<String> = rows.iter().map(|(_, length, _)| "x".repeat(*length)).collect();
            let batch = RecordBatch::try_from_iter_with_nullable([
                ("k", Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()) as ArrayRef, true),
                ("v", Arc::new(texts.iter().map(Some).collect::<StringArray>()), true),
                ("n", Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Int64Array>()), true),
            ]).unwrap();
            let mut plan = plan(&batch, "K");
            let found: Vec<usize> = bad_values(&mut plan.columns, &batch).iter().map(|bad| bad.row_index).collect();
            let is_bad = |(key, length, number): &(Option<i64>, usize, i64)| key.is_none() || *length == 0 || *length > 40 || number % 10 != 0;
            let expected: Vec<usize> = rows.iter().enumerate().filter(|(_, row)| is_bad(row)).map(|(index, _)| index).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_converter_that_names_a_later_row_first_is_asked_again() {
        let (bad, mut found) = ([1_usize, 4, 5], Vec::new());
        each_error(0..7, &mut |error| found.push(error.row_index), &mut |range| match bad.iter().rev().find(|row| range.contains(row)) {
            None => Ok(()),
            Some(row) => Err(ValueError { row_index: row - range.start, reason: String::new(), remedy: String::new() }),
        });
        assert_eq!(found, [1, 4, 5]);
    }
}
