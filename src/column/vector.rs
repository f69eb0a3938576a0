//! Vectors as the text that `TO_VECTOR` takes: each number in the shortest digits that read back as it is.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, LargeStringBuilder};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int8Type};

use super::ValueError;
use crate::oracle_type::{OracleType, vector_arguments};
use crate::type_map::{LossyKind, LossySet, vector_format};

/// Why vectors of this type do not go into a column of this one as they are.
pub(crate) fn refused_vector(source: &DataType, column: &OracleType, lossy: LossySet) -> Option<(String, String)> {
    let (DataType::FixedSizeList(item, width), OracleType::Other { name }) = (source, column) else { return None };
    let format = vector_format(item.data_type())?;
    let rounds = |reason: String| (!lossy.allows(LossyKind::Rounding)).then(|| (reason, "ask for it with --lossy rounding".to_owned()));
    match vector_arguments(name) {
        None => rounds("its format is not known, and one that is narrower rounds".into()),
        Some((Some(dimensions), _)) if i64::from(dimensions) != i64::from(*width) => {
            Some((format!("{width} dimensions"), "choose another column, or mend the source".into()))
        }
        Some((_, Some(column))) if !format.fits_in(column) => rounds(format!("{} is rounded to {}", format.name(), column.name())),
        Some(_) => None,
    }
}

/// LargeUtf8 of as many rows; NULL stays NULL.
///
/// # Errors
/// A NULL, NaN or infinity inside, which no vector has.
pub(crate) fn vector_text(array: &dyn Array) -> Result<ArrayRef, ValueError> {
    let refused = |row_index: usize, reason: &str| ValueError {
        row_index,
        reason: reason.to_owned(),
        remedy: "mend the vector in the source, or leave such rows out".into(),
    };
    let Some(lists) = array.as_fixed_size_list_opt() else { return Err(refused(0, "no list of one length")) };
    let mut texts = LargeStringBuilder::new();
    let mut text = String::new();
    for row in 0..lists.len() {
        if lists.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        write_vector(lists, row, &mut text).map_err(|reason| refused(row, reason))?;
        texts.append_value(&text);
    }
    Ok(Arc::new(texts.finish()))
}

fn write_vector(lists: &FixedSizeListArray, row: usize, text: &mut String) -> Result<(), &'static str> {
    const NO_NUMBER: &str = "NaN or an infinity in a vector";
    let items = lists.value(row);
    if items.null_count() > 0 {
        return Err("a NULL in a vector");
    }
    text.push('[');
    for index in 0..items.len() {
        if index > 0 {
            text.push(',');
        }
        match items.data_type() {
            DataType::Float32 => {
                let value = items.as_primitive::<Float32Type>().value(index);
                text.push_str(zmij::Buffer::new().format_finite(Some(value).filter(|value| value.is_finite()).ok_or(NO_NUMBER)?));
            }
            DataType::Float64 => {
                let value = items.as_primitive::<Float64Type>().value(index);
                text.push_str(zmij::Buffer::new().format_finite(Some(value).filter(|value| value.is_finite()).ok_or(NO_NUMBER)?));
            }
            DataType::Int8 => {
                // Writing into a String cannot fail.
                let _ = write!(text, "{}", items.as_primitive::<Int8Type>().value(index));
            }
            _ => return Err("numbers that no vector has"),
        }
    }
    text.push(']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float32Array, Float64Array, Int8Array};
    use arrow::datatypes::Field;

    use super::*;

    fn lists(values: ArrayRef, width: i32) -> FixedSizeListArray {
        let item = Arc::new(Field::new("item", values.data_type().clone(), true));
        FixedSizeListArray::new(item, width, values, None)
    }

    #[test]
    fn numbers_read_back_as_they_are() {
        let floats = [0.1f32, -0.0, f32::MAX, f32::MIN_POSITIVE, 1e-45, 16_777_216.0];
        let text = vector_text(&lists(Arc::new(Float32Array::from(floats.to_vec())), 3)).unwrap();
        let text = text.as_string::<i64>();
        let numbers = |row| text.value(row).trim_matches(['[', ']']).split(',').map(|n| n.parse().unwrap()).collect::<Vec<f32>>();
        let back = [numbers(0), numbers(1)].concat();
        assert_eq!(back.iter().map(|f| f.to_bits()).collect::<Vec<_>>(), floats.map(f32::to_bits));
        let doubles = vector_text(&lists(Arc::new(Float64Array::from(vec![0.1, 1e300])), 2)).unwrap();
        assert_eq!(doubles.as_string::<i64>().value(0), "[0.1,1e+300]");
        let bytes = vector_text(&lists(Arc::new(Int8Array::from(vec![-128, 127])), 2)).unwrap();
        assert_eq!(bytes.as_string::<i64>().value(0), "[-128,127]");
    }

    #[test]
    fn a_format_that_is_not_as_wide_needs_a_word() {
        let refused = |item: DataType, column: &str, lossy: LossySet| {
            let source = DataType::FixedSizeList(Arc::new(Field::new("item", item, true)), 3);
            refused_vector(&source, &OracleType::Other { name: column.into() }, lossy).map(|(reason, remedy)| format!("{reason}; {remedy}"))
        };
        use DataType::{Float32, Float64, Int8};
        for (item, column) in
            [(Float32, "VECTOR(3,FLOAT32)"), (Float32, "VECTOR(*,FLOAT64)"), (Int8, "VECTOR(3,FLOAT32)"), (Float64, "VECTOR(*,*)")]
        {
            assert_eq!(refused(item, column, LossySet::NONE), None, "{column}");
        }
        for (item, column) in [(Float64, "VECTOR(3,FLOAT32)"), (Float32, "VECTOR(3,INT8)"), (Float32, "VECTOR")] {
            assert!(refused(item.clone(), column, LossySet::NONE).unwrap().contains("--lossy rounding"), "{column}");
            assert_eq!(refused(item, column, LossySet::ALL), None, "{column}");
        }
        assert!(refused(Float32, "VECTOR(4,FLOAT32)", LossySet::ALL).unwrap().contains("3 dimensions"));
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_row() {
        let of = |values: Vec<Option<f64>>| vector_text(&lists(Arc::new(Float64Array::from(values)), 1)).unwrap_err();
        for bad in [None, Some(f64::NAN), Some(f64::INFINITY)] {
            assert_eq!(of(vec![Some(1.0), bad]).row_index, 1, "{bad:?}");
        }
    }
}
