//! Lengths of text and binary columns, so that a new table gets `VARCHAR2(17)` and not 4000 for everything.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{BinaryType, DataType, Int64Type, LargeBinaryType};
use arrow::{array::OffsetSizeTrait, error::ArrowError};

use super::parquet::ReadOptions;
use super::source::Source;
use super::source_error;
use crate::error::{Phase, Result};
use crate::oracle_type::count_chars;

/// Rows of a batch of the scan.
const SCAN_BATCH_ROWS: usize = 8192;

/// The longest value of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lengths {
    /// UTF-8 bytes, or bytes of binary data.
    pub max_bytes: u64,
    /// Characters (Unicode code points); for binary data as `max_bytes`.
    pub max_chars: u64,
}

/// Whether a column of this type has lengths to measure.
pub fn has_lengths(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
        DataType::Dictionary(_, value) => has_lengths(value),
        _ => false,
    }
}

/// The exact longest value of each of `columns` (schema indices), in that order; reads only those that have lengths, a batch at a time,
/// and asks `proceed` before each. What is measured of the nth column is what `bound` makes of it, for those of which `is_made` says so.
///
/// # Errors
/// As reading the source, or of `proceed`.
pub fn scan_lengths(
    source: &Source,
    columns: &[usize],
    is_made: &dyn Fn(usize) -> bool,
    bound: &dyn Fn(usize, &ArrayRef) -> ArrayRef,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<Vec<Lengths>> {
    let mut lengths = vec![Lengths::default(); columns.len()];
    let scanned: Vec<usize> =
        (0..columns.len()).filter(|&i| is_made(i) || has_lengths(source.schema().field(columns[i]).data_type())).collect();
    if scanned.is_empty() {
        return Ok(lengths);
    }
    let options = ReadOptions { columns: scanned.iter().map(|&i| columns[i]).collect(), batch_rows: SCAN_BATCH_ROWS };
    for batch in source.read(options) {
        proceed()?;
        let batch = batch?;
        for (&index, array) in scanned.iter().zip(batch.batch.columns()) {
            let made = if is_made(index) { bound(index, array) } else { array.clone() };
            if !has_lengths(made.data_type()) {
                continue;
            }
            measure(&made, &mut lengths[index])
                .map_err(|e| source_error(Phase::Plan, &batch.file, e.to_string(), "leave the column out with --columns"))?;
        }
    }
    Ok(lengths)
}

fn measure(array: &ArrayRef, lengths: &mut Lengths) -> Result<(), ArrowError> {
    match array.data_type() {
        DataType::Utf8 => measure_text(array, array.as_string::<i32>().offsets(), array.as_string::<i32>().value_data(), lengths),
        DataType::LargeUtf8 => measure_text(array, array.as_string::<i64>().offsets(), array.as_string::<i64>().value_data(), lengths),
        DataType::Utf8View => array.as_string_view().iter().flatten().for_each(|v| lengths.add(v.len(), count_chars(v.as_bytes()))),
        DataType::Binary => array.as_bytes::<BinaryType>().iter().flatten().for_each(|v| lengths.add(v.len(), v.len())),
        DataType::LargeBinary => array.as_bytes::<LargeBinaryType>().iter().flatten().for_each(|v| lengths.add(v.len(), v.len())),
        DataType::BinaryView => array.as_binary_view().iter().flatten().for_each(|v| lengths.add(v.len(), v.len())),
        DataType::Dictionary(_, _) => measure(&used_values(array)?, lengths)?,
        other => return Err(ArrowError::NotYetImplemented(format!("lengths of {other}"))),
    }
    Ok(())
}

/// The values of a dictionary array, unfolded: a dictionary may hold longer ones that no row uses.
fn used_values(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let dictionary = array.as_any_dictionary();
    let keys: ArrayRef = arrow::compute::cast(dictionary.keys(), &DataType::Int64).map(|keys| keys as ArrayRef)?;
    arrow::compute::take(dictionary.values().as_ref(), keys.as_primitive::<Int64Type>(), None)
}

fn measure_text<O: OffsetSizeTrait>(array: &ArrayRef, offsets: &OffsetBuffer<O>, data: &[u8], lengths: &mut Lengths) {
    let (first, last) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
    let ascii = data[first..last].is_ascii();
    for index in 0..array.len() {
        let value = &data[offsets[index].as_usize()..offsets[index + 1].as_usize()];
        // The bytes of a NULL slot, if there are any, are not a value.
        if array.is_valid(index) {
            lengths.add(value.len(), if ascii { value.len() } else { count_chars(value) });
        }
    }
}

impl Lengths {
    #[inline]
    fn add(&mut self, bytes: usize, chars: usize) {
        self.max_bytes = self.max_bytes.max(bytes as u64);
        self.max_chars = self.max_chars.max(chars as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BinaryArray, BinaryViewArray, DictionaryArray, LargeBinaryArray, LargeStringArray, StringArray, StringViewArray};
    use arrow::datatypes::Int32Type;
    use std::sync::Arc;

    fn lengths(array: ArrayRef) -> (u64, u64) {
        let mut lengths = Lengths::default();
        measure(&array, &mut lengths).unwrap();
        (lengths.max_bytes, lengths.max_chars)
    }

    #[test]
    fn every_text_and_binary_type_is_measured() {
        let text = vec![Some("a"), None, Some("€uro"), Some("abcde")];
        let bytes = vec![Some(&b"a"[..]), None, Some(b"\xff\xfe\xfd")];
        for (array, want) in [
            (Arc::new(StringArray::from(text.clone())) as ArrayRef, (6, 5)),
            (Arc::new(LargeStringArray::from(text.clone())), (6, 5)),
            (Arc::new(StringViewArray::from(text.clone())), (6, 5)),
            (Arc::new(text.iter().copied().collect::<DictionaryArray<Int32Type>>()), (6, 5)),
            (Arc::new(BinaryArray::from(bytes.clone())), (3, 3)),
            (Arc::new(LargeBinaryArray::from(bytes.clone())), (3, 3)),
            (Arc::new(BinaryViewArray::from(bytes)), (3, 3)),
            (Arc::new(StringArray::from(vec!["abc", "de"])), (3, 3)),
            (Arc::new(StringArray::from(Vec::<&str>::new())), (0, 0)),
        ] {
            assert!(has_lengths(array.data_type()));
            assert_eq!(lengths(array.clone()), want, "{}", array.data_type());
        }
    }

    #[test]
    fn only_rows_of_a_slice_and_values_in_use_count() {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["longest of all", "ü", "ab"]));
        assert_eq!(lengths(array.slice(1, 2)), (2, 2));
        assert_eq!(lengths(array.slice(1, 1)), (2, 1));
        let dictionary: ArrayRef = Arc::new(vec!["longest of all", "ab"].into_iter().collect::<DictionaryArray<Int32Type>>());
        assert_eq!(lengths(dictionary.slice(1, 1)), (2, 2));
    }

    #[test]
    fn other_types_have_no_lengths() {
        assert!(!has_lengths(&DataType::Int64) && !has_lengths(&DataType::FixedSizeBinary(16)));
    }
}
