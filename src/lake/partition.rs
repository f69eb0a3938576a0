//! Hive partition values as columns: one type for all values of a key, exact.

use arrow::array::{ArrayRef, Date32Array, Int32Array, Int64Array, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field};
use chrono::NaiveDate;
use std::sync::Arc;

use super::discover::FoundFile;

/// The column of partition `index` of every file: Int64 when all values are integers as they would be printed (no leading zero, no `+`,
/// since `01` is not `1`), Date32 when all are `YYYY-MM-DD`, Utf8 otherwise. Nullable only when a file has the NULL value.
pub fn partition_field(files: &[FoundFile], index: usize) -> Option<Field> {
    let name = files.first()?.partitions.get(index)?.0.clone();
    let values = || files.iter().filter_map(|f| f.partitions.get(index).and_then(|(_, value)| value.as_deref()));
    let nullable = files.iter().any(|f| f.partitions.get(index).is_none_or(|(_, value)| value.is_none()));
    let data_type = if values().next().is_none() {
        DataType::Utf8
    } else if values().all(|v| parse_integer(v).is_some()) {
        DataType::Int64
    } else if values().all(|v| parse_date_days(v).is_some()) {
        DataType::Date32
    } else {
        DataType::Utf8
    };
    Some(Field::new(name, data_type, nullable))
}

/// Whether [`partition_array`] gives this value back, whatever prints it.
#[cfg(feature = "delta")]
pub fn holds(value: &str, data_type: &DataType) -> bool {
    match data_type {
        DataType::Int64 => parse_integer(value).is_some(),
        DataType::Int32 => parse_integer(value).is_some_and(|number| i32::try_from(number).is_ok()),
        DataType::Date32 => parse_date_days(value).is_some(),
        DataType::Utf8 => true,
        _ => false,
    }
}

/// `value` repeated for `rows` rows, of a type that [`partition_field`] chose, or of Int32.
pub fn partition_array(value: Option<&str>, data_type: &DataType, rows: usize) -> ArrayRef {
    match (value, data_type) {
        (Some(value), DataType::Int64) => Arc::new(Int64Array::from(vec![parse_integer(value); rows])),
        (Some(value), DataType::Int32) => {
            Arc::new(Int32Array::from(vec![parse_integer(value).and_then(|number| i32::try_from(number).ok()); rows]))
        }
        (Some(value), DataType::Date32) => Arc::new(Date32Array::from(vec![parse_date_days(value); rows])),
        (Some(value), _) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows))),
        (None, _) => new_null_array(data_type, rows),
    }
}

fn parse_integer(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|number| number.to_string() == text)
}

fn parse_date_days(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| date.format("%Y-%m-%d").to_string() == text)?;
    let days = date.signed_duration_since(NaiveDate::from_ymd_opt(1970, 1, 1)?).num_days();
    i32::try_from(days).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Date32Type, Int64Type};
    use std::path::Path;

    fn files(values: &[Option<&str>]) -> Vec<FoundFile> {
        let file = |v: &Option<&str>| FoundFile {
            path: Path::new("f").into(),
            size_bytes: 0,
            partitions: vec![("k".into(), v.map(str::to_owned))],
        };
        values.iter().map(file).collect()
    }

    #[test]
    fn the_type_holds_every_value_exactly() {
        for (values, data_type, nullable) in [
            (vec![Some("1"), Some("-20")], DataType::Int64, false),
            (vec![Some("1"), None], DataType::Int64, true),
            (vec![Some("01"), Some("02")], DataType::Utf8, false),
            (vec![Some("1"), Some("x")], DataType::Utf8, false),
            (vec![Some("9223372036854775808")], DataType::Utf8, false),
            (vec![Some("2024-02-29")], DataType::Date32, false),
            (vec![Some("2023-02-29")], DataType::Utf8, false),
            (vec![Some("2024-2-9")], DataType::Utf8, false),
            (vec![Some("2024-02-29"), Some("7")], DataType::Utf8, false),
            (vec![None], DataType::Utf8, true),
        ] {
            assert_eq!(partition_field(&files(&values), 0).unwrap(), Field::new("k", data_type, nullable), "{values:?}");
        }
        assert_eq!(partition_field(&files(&[None]), 1), None);
    }

    #[test]
    fn arrays_repeat_the_value() {
        assert_eq!(partition_array(Some("7"), &DataType::Int64, 3).as_primitive::<Int64Type>().values(), &[7, 7, 7]);
        assert_eq!(partition_array(Some("1970-01-02"), &DataType::Date32, 1).as_primitive::<Date32Type>().values(), &[1]);
        assert_eq!(partition_array(Some("x"), &DataType::Utf8, 2).as_string::<i32>().value(1), "x");
        assert_eq!(partition_array(None, &DataType::Int64, 4).null_count(), 4);
    }
}
