//! Record batches as JSON lines in which every value keeps all it has: numbers with all digits, instants in UTC, bytes in hexadecimal.

use std::io::Write;

use arrow::array::{Array, ArrayRef, RecordBatch, make_array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// One object a row. What JSON has no form for (NaN, nested values) is text.
pub(super) fn write(out: &mut impl Write, batch: &RecordBatch) -> Result<(), ArrowError> {
    let columns: Vec<(String, ArrayRef, bool)> = batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, array)| {
            let utc = matches!(field.data_type(), DataType::Timestamp(_, Some(_)));
            Ok((quoted(field.name()), if utc { without_zone(array)? } else { array.clone() }, utc))
        })
        .collect::<Result<_, ArrowError>>()?;
    let options = FormatOptions::new();
    let formatters = columns.iter().map(|(_, array, _)| ArrayFormatter::try_new(array.as_ref(), &options));
    let formatters = formatters.collect::<Result<Vec<_>, _>>()?;
    let mut line = String::new();
    for row in 0..batch.num_rows() {
        line.clear();
        for ((name, array, utc), formatter) in columns.iter().zip(&formatters) {
            line.push(if line.is_empty() { '{' } else { ',' });
            line.push_str(name);
            line.push(':');
            if array.is_null(row) || array.logical_nulls().is_some_and(|nulls| nulls.is_null(row)) {
                line.push_str("null");
                continue;
            }
            // Years that the calendar library does not have: the stored count says which value it is.
            let text = formatter.value(row).try_to_string().or_else(|_| stored_count(array, row))?;
            line.push_str(&value(array.data_type(), text, *utc));
        }
        line.push_str("}\n");
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn value(data_type: &DataType, text: String, utc: bool) -> String {
    match data_type {
        DataType::Dictionary(_, values) => value(values, text, utc),
        DataType::Boolean => text,
        t if t.is_numeric() && serde_json::from_str::<serde_json::Number>(&text).is_ok() => text,
        _ if utc => quoted(&format!("{text}Z")),
        _ => quoted(&text),
    }
}

/// The same instants without their zone, which the formatter may not know by its name.
fn without_zone(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            Ok(make_array(array.to_data().into_builder().data_type(DataType::Timestamp(*unit, None)).build()?))
        }
        _ => Ok(array.clone()),
    }
}

fn stored_count(array: &ArrayRef, row: usize) -> Result<String, ArrowError> {
    let count = cast(&array.slice(row, 1), &DataType::Int64)?;
    Ok(format!("stored count {}", arrow::util::display::array_value_to_string(&count, 0)?))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, BooleanArray, Decimal128Array, Float64Array, StringArray, TimestampSecondArray};

    use super::*;

    #[test]
    fn values_keep_all_they_have() {
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("d", Arc::new(Decimal128Array::from(vec![Some(-12_345), None]).with_precision_and_scale(38, 3).unwrap()) as ArrayRef, true),
            ("f", Arc::new(Float64Array::from(vec![0.1, f64::NAN])), true),
            ("t", Arc::new(StringArray::from(vec!["say \"hi\"\n", "ü"])), true),
            ("b", Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..], b""])), true),
            ("z", Arc::new(TimestampSecondArray::from(vec![0, i64::MAX]).with_timezone("Europe/Berlin")), true),
            ("l", Arc::new(BooleanArray::from(vec![true, false])), true),
        ])
        .unwrap();
        let mut out = Vec::new();
        write(&mut out, &batch).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], r#"{"d":-12.345,"f":0.1,"t":"say \"hi\"\n","b":"00ff","z":"1970-01-01T00:00:00Z","l":true}"#);
        assert_eq!(lines[1], r#"{"d":null,"f":"NaN","t":"ü","b":"","z":"stored count 9223372036854775807Z","l":false}"#);
    }
}
