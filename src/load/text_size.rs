//! How many rows of nested columns are made into text at once: so many that their text stays within the byte budget of a load, however large the
//! batches are that a source gives.
//!
//! The text is estimated from the values that belong to the rows, without writing it: digits at their longest, texts by their length. Escapes are
//! not counted, which may make a text of nothing but quotes and control characters longer.

use arrow::array::{Array, ArrayRef, AsArray, GenericByteArray, GenericListArray, OffsetSizeTrait, RecordBatch};
use arrow::datatypes::{ArrowNativeType, ByteArrayType, DataType, GenericBinaryType, GenericStringType};
use std::ops::Range;

use super::plan::PlannedColumn;
use super::prepare::Preparation;

/// Of a number, a date or a timestamp at its longest, with a comma.
const LEAF_BYTES: usize = 28;
/// Quotes, colon and comma around a member, brackets around a list.
const PUNCTUATION_BYTES: usize = 4;

/// Ranges of rows of a batch whose made texts are within `budget_bytes` each, or of one row alone; all of them without such columns.
pub(super) fn ranges_within(columns: &[PlannedColumn], batch: &RecordBatch, budget_bytes: usize) -> Vec<Range<usize>> {
    let made = columns.iter().filter(|column| matches!(column.preparation, Some(Preparation::Text(_) | Preparation::Vector)));
    let arrays: Vec<&ArrayRef> = made.map(|column| batch.column(column.source_index)).collect();
    let size = |rows: Range<usize>| arrays.iter().map(|array| text_bytes(array.as_ref(), rows.clone())).sum::<usize>();
    let rows = batch.num_rows();
    let mut ranges = Vec::new();
    let mut start = 0;
    while start < rows {
        let end = if size(start..rows) <= budget_bytes { rows } else { end_within(start, rows, &|end| size(start..end) <= budget_bytes) };
        ranges.push(start..end);
        start = end;
    }
    ranges
}

/// The last end in `start + 1..=rows` that fits, or `start + 1`; sizes grow with the rows.
fn end_within(start: usize, rows: usize, fits: &dyn Fn(usize) -> bool) -> usize {
    let (mut fitting, mut beyond) = (start + 1, rows);
    while fitting + 1 < beyond {
        let middle = fitting.midpoint(beyond);
        if fits(middle) { fitting = middle } else { beyond = middle }
    }
    fitting
}

/// About the bytes of the text of these rows.
fn text_bytes(array: &dyn Array, rows: Range<usize>) -> usize {
    use DataType::*;
    let count = rows.len();
    match array.data_type() {
        List(_) => list_bytes(array.as_list::<i32>(), rows),
        LargeList(_) => list_bytes(array.as_list::<i64>(), rows),
        FixedSizeList(_, size) => {
            let (lists, size) = (array.as_fixed_size_list(), usize::try_from(*size).unwrap_or(0));
            count * PUNCTUATION_BYTES + text_bytes(lists.values(), rows.start * size..rows.end * size)
        }
        Map(..) => {
            let map = array.as_map();
            let entries = map.value_offsets()[rows.start] as usize..map.value_offsets()[rows.end] as usize;
            count * PUNCTUATION_BYTES + text_bytes(map.entries(), entries)
        }
        Struct(fields) => {
            let names: usize = fields.iter().map(|field| field.name().len() + PUNCTUATION_BYTES).sum();
            let members = array.as_struct().columns().iter().map(|member| text_bytes(member, rows.clone()));
            count * (names + PUNCTUATION_BYTES) + members.sum::<usize>()
        }
        Utf8 => leaf_bytes::<GenericStringType<i32>>(array, rows),
        LargeUtf8 => leaf_bytes::<GenericStringType<i64>>(array, rows),
        // Two hexadecimal digits a byte.
        Binary => 2 * leaf_bytes::<GenericBinaryType<i32>>(array, rows),
        LargeBinary => 2 * leaf_bytes::<GenericBinaryType<i64>>(array, rows),
        Utf8View => array.as_string_view().views()[rows].iter().map(|view| *view as u32 as usize + PUNCTUATION_BYTES).sum(),
        BinaryView => array.as_binary_view().views()[rows].iter().map(|view| 2 * (*view as u32 as usize) + PUNCTUATION_BYTES).sum(),
        FixedSizeBinary(width) => count * (2 * usize::try_from(*width).unwrap_or(0) + PUNCTUATION_BYTES),
        Dictionary(..) => dictionary_bytes(array, rows),
        // Whatever has no buffers that are looked into here counts by its memory.
        ListView(_) | LargeListView(_) => array.slice(rows.start, count).get_array_memory_size(),
        Decimal256(..) => count * 3 * LEAF_BYTES,
        Decimal128(..) => count * 2 * LEAF_BYTES,
        _ => count * LEAF_BYTES,
    }
}

fn list_bytes<O: OffsetSizeTrait>(lists: &GenericListArray<O>, rows: Range<usize>) -> usize {
    let items = lists.value_offsets()[rows.start].as_usize()..lists.value_offsets()[rows.end].as_usize();
    rows.len() * PUNCTUATION_BYTES + text_bytes(lists.values(), items)
}

fn leaf_bytes<T: ByteArrayType>(array: &dyn Array, rows: Range<usize>) -> usize {
    let Some(texts) = array.as_any().downcast_ref::<GenericByteArray<T>>() else { return 0 };
    let offsets = texts.value_offsets();
    rows.len() * PUNCTUATION_BYTES + offsets[rows.end].as_usize() - offsets[rows.start].as_usize()
}

fn dictionary_bytes(array: &dyn Array, rows: Range<usize>) -> usize {
    let Some(dictionary) = array.as_any_dictionary_opt() else { return rows.len() * LEAF_BYTES };
    let values = dictionary.values();
    let sizes: Vec<usize> = (0..values.len()).map(|index| text_bytes(values.as_ref(), index..index + 1)).collect();
    let keys = dictionary.normalized_keys();
    keys[rows].iter().map(|&key| sizes.get(key).copied().unwrap_or(LEAF_BYTES)).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, LargeStringArray, ListArray, StringArray, StructArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{Field, Schema};

    use super::super::plan::{ColumnPair, LoadOptions, LoadPlan};
    use super::super::prepare::NestedText;
    use super::*;
    use crate::column::ValueError;
    use crate::oracle_type::{ColumnDesc, OracleType, TableName};

    /// Not JSON, but as long.
    fn as_text(array: &dyn Array) -> Result<ArrayRef, ValueError> {
        let texts = (0..array.len()).map(|row| arrow::util::display::array_value_to_string(array, row).unwrap());
        Ok(Arc::new(LargeStringArray::from_iter_values(texts)))
    }

    /// Rows with lists of `lengths` texts of 100 letters and a number, and their plan.
    fn batch(lengths: &[usize]) -> (RecordBatch, LoadPlan) {
        let items: usize = lengths.iter().sum();
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..items).map(|_| "x".repeat(100))));
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..items as i64));
        let members = [("text", texts), ("number", numbers)];
        let item =
            StructArray::from(members.map(|(name, array)| (Arc::new(Field::new(name, array.data_type().clone(), true)), array)).to_vec());
        let field = Arc::new(Field::new("item", item.data_type().clone(), true));
        let lists: ArrayRef = Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths.iter().copied()), Arc::new(item), None));
        let field = Field::new("l", lists.data_type().clone(), true);
        let target = ColumnDesc { name: "L".into(), oracle_type: OracleType::Clob, nullable: true };
        let pair = ColumnPair { source_index: 0, field: field.clone(), target };
        let options = LoadOptions { nested: Some(NestedText(as_text)), ..LoadOptions::default() };
        let plan = LoadPlan::new(&TableName { schema: None, table: "T".into() }, &[pair], options).unwrap();
        (RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![lists]).unwrap(), plan)
    }

    #[test]
    fn texts_of_a_range_are_within_the_budget_unless_one_row_is_not() {
        const BUDGET_BYTES: usize = 20_000;
        let lengths: Vec<usize> = (0..2_000).map(|row| if row == 700 { 1_000 } else { row % 7 }).collect();
        let (batch, plan) = batch(&lengths);
        let batch = batch.slice(3, 1_900);
        let ranges = ranges_within(&plan.columns, &batch, BUDGET_BYTES);
        assert!(ranges.len() > 30 && ranges.len() < 200, "{}", ranges.len());
        let mut next = 0;
        for range in ranges {
            assert_eq!(range.start, next);
            next = range.end;
            let text = as_text(&batch.column(0).slice(range.start, range.len())).unwrap();
            let bytes = text.as_string::<i64>().value_data().len();
            assert!(bytes <= BUDGET_BYTES || range.len() == 1, "{range:?}: {bytes}");
        }
        assert_eq!(next, batch.num_rows());
        assert!(ranges_within(&plan.columns, &batch.slice(0, 5), BUDGET_BYTES).into_iter().eq(std::iter::once(0..5)));
    }
}
