//! Lists, structs and maps as JSON text, for a column of a database: the conventions of NDJSON (docs/formats.md), and no value that JSON has not.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericListArray, LargeStringBuilder, OffsetSizeTrait, StructArray};
use arrow::datatypes::{DataType, Field, Float16Type, Float32Type, Float64Type};

use super::text::{Form, column_text, span};

/// Why a value, or a whole type (`row` is then 0), has no JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoJson {
    /// 0-based row in the array.
    pub row: usize,
    /// What the value is.
    pub reason: String,
}

/// The JSON text of every row as LargeUtf8; NULL stays NULL.
///
/// # Errors
/// A union or a run-end encoded array inside; an object with two members of one name; NaN or an infinity, which JSON has not.
pub fn nested_json(array: &dyn Array) -> Result<ArrayRef, NoJson> {
    check_names(array.data_type()).map_err(|reason| NoJson { row: 0, reason })?;
    let text = column_text(array, Form::Json).map_err(|error| NoJson { row: 0, reason: error.to_string() })?;
    if has_floats(array.data_type())
        && !leaves_are_finite(array)
        && let Some(row) = (0..array.len()).find(|&row| !is_finite(&array.slice(row, 1)))
    {
        return Err(NoJson { row, reason: "NaN or an infinity inside, which JSON has not".into() });
    }
    let bytes = (0..array.len()).map(|row| text.cell(row).len()).sum();
    let mut texts = LargeStringBuilder::with_capacity(array.len(), bytes);
    let nulls = array.logical_nulls();
    for row in 0..array.len() {
        match &nulls {
            Some(nulls) if nulls.is_null(row) => texts.append_null(),
            _ => {
                let cell = std::str::from_utf8(text.cell(row)).map_err(|error| NoJson { row, reason: error.to_string() })?;
                texts.append_value(cell);
            }
        }
    }
    Ok(Arc::new(texts.finish()))
}

fn members(data_type: &DataType) -> Vec<&Field> {
    use DataType::*;
    match data_type {
        List(item) | LargeList(item) | FixedSizeList(item, _) | Map(item, _) => vec![item],
        Struct(fields) => fields.iter().map(|field| field.as_ref()).collect(),
        _ => Vec::new(),
    }
}

/// Readers of JSON keep the last of two members of one name.
fn check_names(data_type: &DataType) -> Result<(), String> {
    let members = members(data_type);
    let mut names = HashSet::new();
    if let Some(twice) = members.iter().find(|field| !names.insert(field.name())) {
        return Err(format!("{data_type} has two members {}, and a JSON object keeps one", twice.name()));
    }
    members.into_iter().try_for_each(|field| check_names(field.data_type()))
}

fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => has_floats(values),
        leaf => leaf.is_floating() || members(leaf).into_iter().any(|field| has_floats(field.data_type())),
    }
}

/// Of everything that lies in the buffers.
fn leaves_are_finite(array: &dyn Array) -> bool {
    use DataType::*;
    match array.data_type() {
        Float32 => array.as_primitive::<Float32Type>().values().iter().all(|value| value.is_finite()),
        Float64 => array.as_primitive::<Float64Type>().values().iter().all(|value| value.is_finite()),
        List(_) => leaves_are_finite(&items(array.as_list::<i32>())),
        LargeList(_) => leaves_are_finite(&items(array.as_list::<i64>())),
        FixedSizeList(..) => leaves_are_finite(array.as_fixed_size_list().values()),
        Struct(_) => array.as_struct().columns().iter().all(|member| leaves_are_finite(member)),
        other => !has_floats(other),
    }
}

fn items<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> ArrayRef {
    let (first, count) = span(lists.value_offsets());
    lists.values().slice(first, count)
}

/// Of all values inside. What lies under a NULL is no value.
fn is_finite(array: &ArrayRef) -> bool {
    use DataType::*;
    let rows = |each: &dyn Fn(usize) -> bool| (0..array.len()).all(|row| array.is_null(row) || each(row));
    let members = |structs: &StructArray| structs.columns().iter().all(is_finite);
    match array.data_type() {
        Float16 => array.as_primitive::<Float16Type>().iter().flatten().all(|value| value.is_finite()),
        Float32 => array.as_primitive::<Float32Type>().iter().flatten().all(f32::is_finite),
        Float64 => array.as_primitive::<Float64Type>().iter().flatten().all(f64::is_finite),
        Dictionary(_, values) if values.is_floating() => arrow::compute::cast(array, values).is_ok_and(|values| is_finite(&values)),
        List(_) => rows(&|row| is_finite(&array.as_list::<i32>().value(row))),
        LargeList(_) => rows(&|row| is_finite(&array.as_list::<i64>().value(row))),
        FixedSizeList(..) => rows(&|row| is_finite(&array.as_fixed_size_list().value(row))),
        Map(..) => rows(&|row| members(&array.as_map().value(row))),
        Struct(_) => rows(&|row| members(array.slice(row, 1).as_struct())),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, Int32Builder, TimestampMicrosecondArray};
    use arrow::array::{Decimal128Array, Float64Array, Int64Array, ListArray, MapBuilder, StringArray, StringBuilder};
    use arrow::buffer::{NullBuffer, OffsetBuffer};
    use arrow::datatypes::TimeUnit;

    use super::*;

    fn texts(array: &dyn Array) -> Vec<Option<String>> {
        nested_json(array).unwrap().as_string::<i64>().iter().map(|text| text.map(str::to_owned)).collect()
    }

    fn list(values: ArrayRef, lengths: &[usize], valid: Vec<bool>) -> ListArray {
        let item = Arc::new(Field::new("item", values.data_type().clone(), true));
        ListArray::new(item, OffsetBuffer::from_lengths(lengths.iter().copied()), values, Some(NullBuffer::from(valid)))
    }

    #[test]
    fn numbers_keep_their_digits_and_null_is_null() {
        let integers =
            list(Arc::new(Int64Array::from(vec![Some(i64::MAX), None, Some(i64::MIN)])), &[2, 0, 0, 1], vec![true, true, false, true]);
        let want = [Some("[9223372036854775807,null]"), Some("[]"), None, Some("[-9223372036854775808]")];
        assert_eq!(texts(&integers), want.map(|text| text.map(str::to_owned)));
        let decimals = Decimal128Array::from(vec![i128::from(i64::MAX) * 100, -5]).with_precision_and_scale(38, 4).unwrap();
        let when = TimestampMicrosecondArray::from(vec![1_709_210_096_000_001, 0]).with_timezone("Europe/Berlin");
        let fields =
            [("d", Arc::new(decimals) as ArrayRef), ("t", Arc::new(when)), ("b", Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..], b""])))];
        let of =
            StructArray::from(fields.map(|(name, array)| (Arc::new(Field::new(name, array.data_type().clone(), true)), array)).to_vec());
        assert!(matches!(of.column(1).data_type(), DataType::Timestamp(TimeUnit::Microsecond, Some(_))));
        let want = [
            r#"{"d":92233720368547758.0700,"t":"2024-02-29T12:34:56.000001Z","b":"00ff"}"#,
            r#"{"d":-0.0005,"t":"1970-01-01T00:00:00Z","b":""}"#,
        ];
        assert_eq!(texts(&of), want.map(|text| Some(text.to_owned())));
    }

    #[test]
    fn maps_keep_keys_that_come_twice() {
        let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
        for (key, value) in [("a\"", 1), ("a\"", 2)] {
            map.keys().append_value(key);
            map.values().append_value(value);
        }
        map.append(true).unwrap();
        map.keys().append_value("z");
        map.values().append_value(3);
        map.append(true).unwrap();
        let map = map.finish();
        let want =
            [r#"[{"keys":"a\"","values":1},{"keys":"a\"","values":2}]"#, r#"[{"keys":"z","values":3}]"#].map(|text| Some(text.to_owned()));
        assert_eq!(texts(&map), want);
        assert_eq!(texts(&map.slice(1, 1)), want[1..]);
    }

    #[test]
    fn a_slice_has_its_own_items_alone() {
        let inner = list(Arc::new(Int64Array::from(vec![1, 2, 3, 4])), &[1, 1, 2], vec![true; 3]);
        let outer = list(Arc::new(inner), &[1, 2], vec![true; 2]);
        assert_eq!(texts(&outer.slice(1, 1)), [Some("[[2],[3,4]]".to_owned())]);
        assert_eq!(texts(&outer.slice(1, 0)), []);
    }

    #[test]
    fn what_json_has_not_is_refused_with_its_row() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.5, f64::NAN, f64::INFINITY]));
        // The NaN lies under a NULL.
        let lists = list(floats, &[1, 1, 1], vec![true, false, true]);
        assert_eq!(nested_json(&lists).unwrap_err().row, 2);
        assert_eq!(texts(&lists.slice(0, 2)), [Some("[1.5]".to_owned()), None]);
        let twice = Arc::new(Field::new("a", DataType::Utf8, true));
        let text: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        let structs = StructArray::from(vec![(twice.clone(), text.clone()), (twice, text)]);
        assert!(nested_json(&structs).unwrap_err().reason.contains("two members a"));
    }
}
