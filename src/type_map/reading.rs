//! The table in the other direction: which Arrow type an Oracle column is read as when nobody says otherwise.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

use crate::oracle_type::{OracleType, VectorFormat};

/// Most bytes of a LOB that is fetched with its row unless the user says otherwise: what one bind writes.
pub const DEFAULT_MAX_LOB_BYTES: u32 = super::MAX_BIND_BYTES;

/// The Arrow type that holds every value of a column, or what to do where the column's type alone does not tell it.
///
/// Integers are as wide as their digits need (`Int32` to 9, `Int64` to 18), and `NUMBER(19)`, which is what the bridge creates for an `Int64`, is
/// read as one, checked value by value. `NUMBER(p,s)` is the decimal of the same digits. Plain NUMBER and FLOAT hold decimals of any scale: no
/// Arrow type does, so the user has to choose.
pub fn default_arrow_type(oracle_type: &OracleType) -> Result<DataType, &'static str> {
    const CHOOSE: &str = "say how to read it: --number decimal(38,10), --number float64 or --number text for all such columns, \
         or --as COLUMN=TYPE for one";
    Ok(match *oracle_type {
        OracleType::Number { scale: None, .. } | OracleType::Float { .. } => return Err(CHOOSE),
        OracleType::Number { precision, scale: Some(scale) } => {
            number(i32::from(precision.unwrap_or(38)), i32::from(scale)).ok_or(CHOOSE)?
        }
        OracleType::BinaryFloat => DataType::Float32,
        OracleType::BinaryDouble => DataType::Float64,
        OracleType::Varchar2(_) | OracleType::Nvarchar2(_) | OracleType::Char(_) | OracleType::Nchar(_) => DataType::Utf8,
        OracleType::Clob | OracleType::Nclob => DataType::Utf8,
        OracleType::Raw { .. } | OracleType::Blob => DataType::Binary,
        OracleType::Date => DataType::Timestamp(TimeUnit::Second, None),
        OracleType::Timestamp { fractional_digits } => DataType::Timestamp(unit_of(fractional_digits), None),
        OracleType::TimestampTz { fractional_digits } | OracleType::TimestampLtz { fractional_digits } => {
            DataType::Timestamp(unit_of(fractional_digits), Some("UTC".into()))
        }
        OracleType::IntervalDaySecond { fractional_digits, .. } => DataType::Duration(unit_of(fractional_digits)),
        OracleType::IntervalYearMonth { .. } => DataType::Interval(IntervalUnit::YearMonth),
        OracleType::Other { ref name } if matches!(name.as_str(), "ROWID" | "UROWID" | "LONG") => DataType::Utf8,
        OracleType::Other { ref name } if name == "LONG RAW" => DataType::Binary,
        OracleType::Other { .. } => return Err("leave the column out with --columns, or convert it in SQL with --query"),
    })
}

/// `NUMBER(precision,scale)`; `None` beyond 76 digits.
fn number(precision: i32, scale: i32) -> Option<DataType> {
    // A negative scale has zeros there, a scale beyond the precision zeros right after the point.
    let digits = precision.max(scale).max(precision - scale);
    Some(match (digits, scale) {
        (..=9, ..=0) => DataType::Int32,
        (..=19, ..=0) => DataType::Int64,
        (..=38, _) => DataType::Decimal128(digits as u8, scale.max(0) as i8),
        (..=76, _) => DataType::Decimal256(digits as u8, scale.max(0) as i8),
        _ => return None,
    })
}

/// The coarsest unit that holds so many digits after the second.
fn unit_of(fractional_digits: u8) -> TimeUnit {
    match fractional_digits {
        0 => TimeUnit::Second,
        1..=3 => TimeUnit::Millisecond,
        4..=6 => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    }
}

/// Types that are a word.
const KNOWN: [(&str, DataType); 30] = [
    ("boolean", DataType::Boolean),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("float16", DataType::Float16),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("text", DataType::Utf8),
    ("binary", DataType::Binary),
    ("date", DataType::Date32),
    ("timestamp_s", DataType::Timestamp(TimeUnit::Second, None)),
    ("timestamp_ms", DataType::Timestamp(TimeUnit::Millisecond, None)),
    ("timestamp_us", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("timestamp_ns", DataType::Timestamp(TimeUnit::Nanosecond, None)),
    ("time_s", DataType::Time32(TimeUnit::Second)),
    ("time_ms", DataType::Time32(TimeUnit::Millisecond)),
    ("time_us", DataType::Time64(TimeUnit::Microsecond)),
    ("time_ns", DataType::Time64(TimeUnit::Nanosecond)),
    ("duration_s", DataType::Duration(TimeUnit::Second)),
    ("duration_ms", DataType::Duration(TimeUnit::Millisecond)),
    ("duration_us", DataType::Duration(TimeUnit::Microsecond)),
    ("duration_ns", DataType::Duration(TimeUnit::Nanosecond)),
    ("interval_months", DataType::Interval(IntervalUnit::YearMonth)),
    ("interval_days", DataType::Interval(IntervalUnit::DayTime)),
    ("interval", DataType::Interval(IntervalUnit::MonthDayNano)),
];

/// A type as the command line spells it: `int64`, `decimal(20,4)`, `float64`, `text`, `timestamp_us`, …
pub fn parse_arrow_type(text: &str) -> Result<DataType, String> {
    let lower = text.trim().to_ascii_lowercase();
    if let Some((_, data_type)) = KNOWN.iter().find(|(name, _)| *name == lower) {
        return Ok(data_type.clone());
    }
    decimal(&lower).or_else(|| vector(&lower)).ok_or_else(|| {
        let names: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
        format!("unknown type {text:?}: one of {}, decimal(p,s) with p up to 76, or vector(n,float32|float64|int8)", names.join(", "))
    })
}

/// What [`parse_arrow_type`] reads as this type; `None` where there is nothing.
pub fn spell_arrow_type(data_type: &DataType) -> Option<String> {
    match data_type {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => Some(format!("decimal({precision},{scale})")),
        DataType::FixedSizeList(item, width) => {
            let item = KNOWN.iter().find(|(_, known)| known == item.data_type())?.0;
            Some(format!("vector({width},{item})"))
        }
        _ => KNOWN.iter().find(|(_, known)| known == data_type).map(|(name, _)| (*name).to_owned()),
    }
}

/// Lists of one length, for the text of vectors.
pub fn vector_type(format: VectorFormat, dimensions: u32) -> Option<DataType> {
    let item = match format {
        VectorFormat::Float32 => DataType::Float32,
        VectorFormat::Float64 => DataType::Float64,
        VectorFormat::Int8 => DataType::Int8,
    };
    let width = i32::try_from(dimensions).ok().filter(|width| *width > 0)?;
    // No vector has a NULL inside.
    Some(DataType::FixedSizeList(Arc::new(Field::new("item", item, false)), width))
}

fn vector(text: &str) -> Option<DataType> {
    let (dimensions, format) = text.strip_prefix("vector(")?.strip_suffix(')')?.split_once(',')?;
    vector_type(VectorFormat::named(&format.trim().to_ascii_uppercase())?, dimensions.trim().parse().ok()?)
}

fn decimal(text: &str) -> Option<DataType> {
    let (precision, scale) = text.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale): (u8, i8) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    let is_possible = scale >= 0 && i16::from(scale) <= i16::from(precision);
    match precision {
        1..=38 if is_possible => Some(DataType::Decimal128(precision, scale)),
        39..=76 if is_possible => Some(DataType::Decimal256(precision, scale)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::type_map::sample_oracle_types;

    #[test]
    fn numbers_get_the_type_of_their_digits() {
        let read = |precision, scale| default_arrow_type(&OracleType::Number { precision, scale }).map(|t| t.to_string());
        for (precision, scale, want) in [
            (Some(1), Some(0), "Int32"),
            (Some(9), Some(0), "Int32"),
            (Some(10), Some(0), "Int64"),
            (Some(19), Some(0), "Int64"),
            (Some(20), Some(0), "Decimal128(20, 0)"),
            (Some(15), Some(2), "Decimal128(15, 2)"),
            (Some(5), Some(-2), "Int32"),
            (Some(2), Some(5), "Decimal128(5, 5)"),
            (Some(38), Some(-10), "Decimal256(48, 0)"),
            (None, Some(0), "Decimal128(38, 0)"),
        ] {
            assert_eq!(read(precision, scale).as_deref(), Ok(want), "{precision:?} {scale:?}");
        }
        for (precision, scale) in [(None, None), (Some(38), Some(-84)), (Some(5), Some(127))] {
            assert!(read(precision, scale).unwrap_err().contains("--number"));
        }
    }

    #[test]
    fn every_type_has_an_arrow_type_or_a_remedy() {
        for oracle_type in sample_oracle_types() {
            if let Err(remedy) = default_arrow_type(&oracle_type) {
                assert!(remedy.contains("--"), "{oracle_type}");
            }
        }
    }

    #[test]
    fn types_are_spelled_as_they_are_read() {
        for (name, data_type) in &KNOWN {
            assert_eq!(spell_arrow_type(data_type).as_deref(), Some(*name));
        }
        for text in ["decimal(38,2)", "decimal(50,0)", "vector(3,float32)", "vector(2,int8)"] {
            assert_eq!(spell_arrow_type(&parse_arrow_type(text).unwrap()).as_deref(), Some(text));
        }
        assert_eq!(spell_arrow_type(&DataType::Null), None);
    }

    #[test]
    fn types_are_read_as_people_spell_them() {
        assert_eq!(parse_arrow_type("Decimal(20, 4)"), Ok(DataType::Decimal128(20, 4)));
        assert_eq!(parse_arrow_type("decimal(39,0)"), Ok(DataType::Decimal256(39, 0)));
        assert_eq!(parse_arrow_type(" int64 "), Ok(DataType::Int64));
        assert_eq!(parse_arrow_type("vector(3, float32)").ok(), vector_type(VectorFormat::Float32, 3));
        for bad in [
            "",
            "number",
            "decimal(77,0)",
            "decimal(5,6)",
            "decimal(5)",
            "decimal(0,0)",
            "decimal(5,-1)",
            "timestamp",
            "vector(0,int8)",
            "vector(3,int)",
        ] {
            assert!(parse_arrow_type(bad).unwrap_err().contains("int64"), "{bad}");
        }
    }
}
