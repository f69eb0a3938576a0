//! Stored values, and the implicit conversion of any value into a column with its checks.
//!
//! Storage: NUMBER as its canonical bytes; BINARY_FLOAT and BINARY_DOUBLE as order-preserving big-endian bytes (SQLite's REAL would turn NaN
//! into NULL); DATE 7, TIMESTAMP 11, TIMESTAMP WITH TIME ZONE 13 bytes (LOCAL: 11 bytes of UTC); text as UTF-8 TEXT, CHAR padded; RAW and BLOB as they are.

mod convert;

use std::borrow::Cow;

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};

use super::datetime::DateTime;
use super::interval;
use super::nls::Nls;
use super::number::Number;
use super::types::{CharUnit, DataType, Family};
use super::vector;
use super::{Datum, OraError, Result};
use convert::{kind_name, not_in_sql, to_bytes, to_datetime, to_double, to_float, to_json, to_number, zoned};

pub(crate) use convert::{hex, parse_double, to_text, to_truth, unhex};

/// Longest text or bytes of a VARCHAR2 or RAW value.
pub(crate) const MAX_TEXT_BYTES: usize = 32_767;

/// A value in its stored form.
#[derive(Debug, Clone)]
pub(crate) enum Stored<'a> {
    Null,
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// BOOLEAN.
    Truth(bool),
    /// Short bytes in place: numbers, floats, dates.
    Inline(u8, [u8; 21]),
}

impl<'a> Stored<'a> {
    pub fn inline(bytes: &[u8]) -> Stored<'static> {
        let mut buffer = [0; 21];
        let len = bytes.len().min(21);
        buffer[..len].copy_from_slice(&bytes[..len]);
        Stored::Inline(len as u8, buffer)
    }

    pub fn number(number: &Number) -> Stored<'static> {
        Stored::inline(number.as_bytes())
    }

    pub fn text(text: impl Into<Cow<'a, str>>) -> Stored<'a> {
        let text = text.into();
        if text.is_empty() { Stored::Null } else { Stored::Text(text) }
    }

    pub fn bytes(bytes: impl Into<Cow<'a, [u8]>>) -> Stored<'a> {
        let bytes = bytes.into();
        if bytes.is_empty() { Stored::Null } else { Stored::Bytes(bytes) }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Stored::Null)
    }

    pub fn as_value_ref(&self) -> ValueRef<'_> {
        match self {
            Stored::Null => ValueRef::Null,
            Stored::Text(text) => ValueRef::Text(text.as_bytes()),
            Stored::Bytes(bytes) => ValueRef::Blob(bytes),
            Stored::Truth(value) => ValueRef::Integer(i64::from(*value)),
            Stored::Inline(len, bytes) => ValueRef::Blob(&bytes[..usize::from(*len)]),
        }
    }
}

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.as_value_ref()))
    }
}

/// A copy of a stored value.
pub(crate) fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// BINARY_DOUBLE as bytes that sort like the numbers, NaN last.
pub(crate) fn double_bytes(value: f64) -> [u8; 8] {
    let value = if value.is_nan() {
        f64::NAN
    } else if value == 0.0 {
        0.0
    } else {
        value
    };
    let bits = value.to_bits();
    (if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }).to_be_bytes()
}

/// BINARY_FLOAT as bytes that sort like the numbers, NaN last.
pub(crate) fn float_bytes(value: f32) -> [u8; 4] {
    let value = if value.is_nan() {
        f32::NAN
    } else if value == 0.0 {
        0.0
    } else {
        value
    };
    let bits = value.to_bits();
    (if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }).to_be_bytes()
}

/// Reads [`double_bytes`] or [`float_bytes`] back, by length.
pub(crate) fn float_value(bytes: &[u8]) -> f64 {
    if let Ok(bytes) = <[u8; 8]>::try_from(bytes) {
        let bits = u64::from_be_bytes(bytes);
        return f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits });
    }
    f64::from(float32_value(bytes))
}

pub(crate) fn float32_value(bytes: &[u8]) -> f32 {
    let bits = u32::from_be_bytes(<[u8; 4]>::try_from(bytes).unwrap_or_default());
    f32::from_bits(if bits >> 31 == 1 { bits & !(1 << 31) } else { !bits })
}

/// A stored value as a datum of its type; `offset_minutes` is the session's zone for LOCAL TIME ZONE.
pub(crate) fn datum<'a>(family: Family, value: ValueRef<'a>, offset_minutes: i32) -> Result<Datum<'a>> {
    let damaged = || OraError::internal("stored value of an unexpected type");
    let bytes = match value {
        ValueRef::Null => return Ok(Datum::Null),
        ValueRef::Integer(value) if family == Family::Boolean => return Ok(Datum::Boolean(value != 0)),
        ValueRef::Integer(_) | ValueRef::Real(_) => return Err(damaged()),
        ValueRef::Text([]) if family == Family::Clob => return Ok(Datum::EmptyClob),
        ValueRef::Text(bytes)
            if matches!(family, Family::Text | Family::Char | Family::Clob | Family::Rowid | Family::Json | Family::Vector) =>
        {
            return std::str::from_utf8(bytes).map(Datum::Text).map_err(|_| damaged());
        }
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
    };
    Ok(match family {
        Family::Number => Datum::Number(bytes),
        Family::BinaryFloat => Datum::BinaryFloat(float32_value(bytes)),
        Family::BinaryDouble => Datum::BinaryDouble(float_value(bytes)),
        Family::Date => Datum::Date(bytes.try_into().map_err(|_| damaged())?),
        Family::Timestamp => Datum::Timestamp(bytes.try_into().map_err(|_| damaged())?),
        Family::TimestampTz => Datum::TimestampTz(bytes.try_into().map_err(|_| damaged())?),
        Family::TimestampLtz => {
            let utc = DateTime::from_timestamp(bytes.try_into().map_err(|_| damaged())?)?;
            Datum::TimestampTz(utc.in_zone(offset_minutes).to_timestamp_tz())
        }
        Family::Blob if bytes.is_empty() => Datum::EmptyBlob,
        Family::Raw | Family::Blob | Family::Cursor => Datum::Bytes(bytes),
        Family::IntervalDs => match interval::fields(bytes)? {
            Some(fields) => Datum::IntervalFields(fields),
            None => Datum::IntervalDs(interval::nanos(bytes)?),
        },
        Family::IntervalYm => Datum::IntervalYm(interval::months(bytes)?),
        Family::Text | Family::Char | Family::Clob | Family::Rowid | Family::Json | Family::Vector | Family::Boolean => {
            return Err(damaged());
        }
    })
}

/// A bind value in stored form, without a column: what an expression sees.
pub(crate) fn store_plain<'a>(datum: Datum<'a>) -> Result<Stored<'a>> {
    Ok(match datum {
        Datum::Null => Stored::Null,
        Datum::Int(value) => Stored::number(&Number::from_i64(value)),
        Datum::UInt(value) => Stored::number(&Number::from_u64(value)),
        Datum::Number(bytes) => Stored::number(&Number::from_bytes(bytes)?),
        Datum::BinaryFloat(value) => Stored::inline(&float_bytes(value)),
        Datum::BinaryDouble(value) => Stored::inline(&double_bytes(value)),
        Datum::Text(text) => Stored::text(text),
        Datum::Bytes(bytes) => Stored::bytes(bytes),
        Datum::EmptyClob => Stored::Text(Cow::Borrowed("")),
        Datum::EmptyBlob => Stored::Bytes(Cow::Borrowed(&[])),
        Datum::Date(bytes) => Stored::inline(&DateTime::from_date(bytes)?.to_date()),
        Datum::Timestamp(bytes) => Stored::inline(&DateTime::from_timestamp(bytes)?.to_timestamp()),
        Datum::TimestampTz(bytes) => Stored::inline(&DateTime::from_timestamp_tz(bytes)?.to_timestamp_tz()),
        Datum::IntervalDs(nanos) => Stored::inline(&interval::nanos_bytes(interval::checked_nanos(Some(nanos))?)),
        Datum::IntervalFields(fields) => Stored::inline(&interval::fields_bytes(fields)?),
        Datum::IntervalYm(months) => Stored::inline(&interval::months_bytes(months)),
        Datum::Boolean(value) => Stored::Truth(value),
        Datum::Table(_) | Datum::Cursor(_) => return Err(not_in_sql(&datum)),
    })
}

/// A column as the target of a value: its type, and its names for ORA-12899.
pub(crate) struct Target<'c> {
    pub data_type: DataType,
    /// `"SCHEMA"."TABLE"."COLUMN"`; none in a CAST.
    pub name: Option<&'c str>,
}

/// Converts `datum` as Oracle does on assignment to a column of `target`, checks length and precision, and gives the stored form.
pub(crate) fn assign<'a>(target: &Target<'_>, datum: Datum<'a>, nls: &Nls) -> Result<Stored<'a>> {
    if datum.is_null() {
        return Ok(Stored::Null);
    }
    if matches!(datum, Datum::EmptyClob | Datum::EmptyBlob) {
        return assign_empty_lob(target, datum);
    }
    match target.data_type {
        DataType::Number { precision: None, scale: None } => Ok(Stored::number(&to_number(datum)?)),
        DataType::Number { precision, scale } => Ok(Stored::number(&to_number(datum)?.round(precision, scale)?)),
        DataType::Float { binary_precision } => Ok(Stored::number(&to_number(datum)?.round_float(binary_precision)?)),
        DataType::BinaryFloat => to_float(datum).map(|value| Stored::inline(&float_bytes(value))),
        DataType::BinaryDouble => to_double(datum).map(|value| Stored::inline(&double_bytes(value))),
        DataType::Varchar2 { size, unit, .. } => {
            let text = to_text(datum, nls, "CHAR")?;
            check_length(target, &text, size, unit, MAX_TEXT_BYTES)?;
            Ok(Stored::text(text))
        }
        DataType::Char { size, unit, .. } => pad_char(target, to_text(datum, nls, "CHAR")?, size, unit),
        DataType::Clob | DataType::Nclob | DataType::Long => Ok(Stored::text(to_text(datum, nls, "CLOB")?)),
        DataType::Rowid if !matches!(datum, Datum::Null | Datum::Text(_)) => Err(OraError::inconsistent("ROWID", kind_name(&datum))),
        DataType::Rowid => Ok(Stored::text(checked_rowid(to_text(datum, nls, "ROWID")?)?)),
        DataType::Urowid { size } => {
            let text = to_text(datum, nls, "ROWID")?;
            check_length(target, &text, size, CharUnit::Byte, MAX_TEXT_BYTES)?;
            Ok(Stored::text(checked_rowid(text)?))
        }
        DataType::Date => Ok(Stored::inline(&to_datetime(datum, nls, Nls::read_date, "DATE")?.to_date())),
        DataType::Timestamp { digits } => {
            let value = to_datetime(datum, nls, Nls::read_timestamp, "TIMESTAMP")?.round_fraction(digits)?;
            Ok(Stored::inline(&value.to_timestamp()))
        }
        DataType::TimestampTz { digits } => {
            let value = zoned(datum, nls)?.round_fraction(digits)?;
            Ok(Stored::inline(&value.to_timestamp_tz()))
        }
        DataType::TimestampLtz { digits } => {
            let value = zoned(datum, nls)?.to_utc().round_fraction(digits)?;
            Ok(Stored::inline(&value.to_timestamp()))
        }
        DataType::Raw { size } => {
            let bytes = to_bytes(datum, "BINARY")?;
            if bytes.len() > size as usize {
                return Err(too_large(target, bytes.len(), size));
            }
            Ok(Stored::bytes(bytes))
        }
        DataType::Boolean => to_truth(datum).map(Stored::Truth),
        DataType::Json => to_json(datum).map(Stored::text),
        DataType::Vector { dimensions, format } => match datum {
            Datum::Text(text) => vector::stored(text, vector::Wanted { dimensions, format }).map(Stored::text),
            other => Err(OraError::inconsistent("VECTOR", kind_name(&other))),
        },
        DataType::Blob => Ok(Stored::bytes(to_bytes(datum, "BLOB")?)),
        DataType::Cursor => Err(OraError::inconsistent("-", kind_name(&datum))),
        DataType::LongRaw => Ok(Stored::bytes(to_bytes(datum, "BINARY")?)),
        DataType::IntervalDs { day_digits, second_digits } => {
            let nanos = match datum {
                Datum::IntervalFields(fields) => {
                    return interval::fit_fields(fields, day_digits, second_digits).map(|bytes| Stored::inline(&bytes));
                }
                Datum::IntervalDs(nanos) => nanos,
                Datum::Text(text) => interval::parse_nanos(text, interval::Field::Day, interval::Field::Second)?,
                other => return Err(OraError::inconsistent("INTERVAL DAY TO SECOND", kind_name(&other))),
            };
            Ok(Stored::inline(&interval::nanos_bytes(interval::fit_nanos(nanos, day_digits, second_digits)?)))
        }
        DataType::IntervalYm { year_digits } => {
            let months = match datum {
                Datum::IntervalYm(months) => months,
                Datum::Text(text) => interval::parse_months(text, interval::Field::Year, interval::Field::Month)?,
                other => return Err(OraError::inconsistent("INTERVAL YEAR TO MONTH", kind_name(&other))),
            };
            Ok(Stored::inline(&interval::months_bytes(interval::fit_months(months, year_digits)?)))
        }
    }
}

/// A LOB without content goes to LOB columns as it is, and is NULL elsewhere.
fn assign_empty_lob<'a>(target: &Target<'_>, datum: Datum<'a>) -> Result<Stored<'a>> {
    match (target.data_type.family(), datum) {
        (Family::Clob, Datum::EmptyClob) => Ok(Stored::Text(Cow::Borrowed(""))),
        (Family::Blob, Datum::EmptyBlob) => Ok(Stored::Bytes(Cow::Borrowed(&[]))),
        (Family::Text | Family::Char, Datum::EmptyClob) | (Family::Raw, Datum::EmptyBlob) => Ok(Stored::Null),
        (_, Datum::EmptyClob) => Err(OraError::inconsistent(target.data_type.dictionary_name(), "CLOB")),
        _ => Err(OraError::inconsistent(target.data_type.dictionary_name(), "BLOB")),
    }
}

/// ORA-01410 for text that is no ROWID.
fn checked_rowid(text: Cow<'_, str>) -> Result<Cow<'_, str>> {
    super::rowid::Parts::parse(&text)?;
    Ok(text)
}

fn too_large(target: &Target<'_>, actual: usize, maximum: u32) -> OraError {
    match target.name {
        Some(name) => OraError::new(12899, format_args!("value too large for column {name} (actual: {actual}, maximum: {maximum})")),
        None => OraError::new(25137, "Data value out of range"),
    }
}

/// Length of `text` in `unit`.
fn length(text: &str, unit: CharUnit) -> usize {
    match unit {
        CharUnit::Byte => text.len(),
        CharUnit::Char => text.chars().count(),
    }
}

fn check_length(target: &Target<'_>, text: &str, size: u32, unit: CharUnit, most_bytes: usize) -> Result<()> {
    if text.len() <= (size as usize).min(most_bytes) {
        return Ok(());
    }
    let actual = length(text, unit);
    if actual > size as usize {
        return Err(too_large(target, actual, size));
    }
    if text.len() > most_bytes { Err(too_large(target, text.len(), most_bytes as u32)) } else { Ok(()) }
}

/// Pads with blanks to the declared length.
fn pad_char<'a>(target: &Target<'_>, text: Cow<'a, str>, size: u32, unit: CharUnit) -> Result<Stored<'a>> {
    // Characters of many bytes may not make more than CHAR can hold.
    const MOST_BYTES: usize = 2000;
    check_length(target, &text, size, unit, MOST_BYTES)?;
    let missing = (size as usize).saturating_sub(length(&text, unit)).min(MOST_BYTES - text.len());
    if missing == 0 {
        return Ok(Stored::text(text));
    }
    let mut padded = text.into_owned();
    padded.extend(std::iter::repeat_n(' ', missing));
    Ok(Stored::text(padded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(data_type: DataType, datum: Datum<'_>) -> Result<Vec<u8>> {
        let nls = Nls::new().unwrap();
        let target = Target { data_type, name: Some("\"S\".\"T\".\"C\"") };
        match assign(&target, datum, &nls)?.as_value_ref() {
            ValueRef::Null => Ok(Vec::new()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(bytes.to_vec()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lengths_are_checked_in_their_unit() {
        let error = put(DataType::varchar2(3), Datum::Text("äö")).unwrap_err();
        assert_eq!(error.message, "ORA-12899: value too large for column \"S\".\"T\".\"C\" (actual: 4, maximum: 3)");
        let chars = DataType::Varchar2 { size: 2, unit: CharUnit::Char, national: false };
        assert_eq!(put(chars, Datum::Text("äö")).unwrap(), "äö".as_bytes());
        assert_eq!(put(chars, Datum::Text("äöü")).unwrap_err().code, 12899);
        assert_eq!(put(DataType::char(4), Datum::Text("a")).unwrap(), b"a   ");
        assert_eq!(put(DataType::char(1), Datum::Text("a ")).unwrap_err().code, 12899);
        assert_eq!(put(DataType::Raw { size: 2 }, Datum::Bytes(&[1, 2, 3])).unwrap_err().code, 12899);
        assert_eq!(put(DataType::Raw { size: 2 }, Datum::Text("0aFF")).unwrap(), [0x0a, 0xff]);
        assert_eq!(put(DataType::Raw { size: 2 }, Datum::Text("xy")).unwrap_err().code, 1465);
        assert!(put(DataType::varchar2(3), Datum::Text("")).unwrap().is_empty());
    }

    #[test]
    fn what_does_not_convert_is_refused_with_its_code() {
        let date = Datum::Date([120, 124, 1, 1, 1, 1, 1]);
        for (data_type, datum, code) in [
            (DataType::NUMBER, Datum::Text("abc"), 1722),
            (DataType::NUMBER, date, 932),
            (DataType::NUMBER, Datum::BinaryDouble(f64::NAN), 1426),
            (DataType::NUMBER, Datum::Number(&[1, 2, 3]), 1722),
            (DataType::Number { precision: Some(3), scale: Some(1) }, Datum::Int(100), 1438),
            (DataType::Date, Datum::Int(1), 932),
            (DataType::Date, Datum::Text("31-FEB-24"), 1839),
            (DataType::Date, Datum::Text("x"), 1858),
            (DataType::Date, Datum::Date([120, 124, 13, 1, 1, 1, 1]), 1843),
            (DataType::Blob, Datum::Int(1), 932),
            (DataType::Clob, Datum::Bytes(b"x"), 932),
        ] {
            assert_eq!(put(data_type, datum).map_err(|error| error.code), Err(code), "{data_type} {datum:?}");
        }
    }

    #[test]
    fn timestamps_round_to_their_digits_and_zones_are_kept() {
        let value = DateTime { hour: 1, nanos: 123_456_789, ..DateTime::midnight(2024, 1, 1) };
        let stored = put(DataType::Timestamp { digits: 6 }, Datum::Timestamp(value.to_timestamp())).unwrap();
        assert_eq!(DateTime::from_stored(&stored).unwrap().nanos, 123_457_000);
        let zoned = DateTime { offset_minutes: 120, ..value };
        let stored = put(DataType::TimestampTz { digits: 9 }, Datum::TimestampTz(zoned.to_timestamp_tz())).unwrap();
        assert_eq!(DateTime::from_stored(&stored).unwrap(), zoned);
        let stored = put(DataType::TimestampLtz { digits: 9 }, Datum::TimestampTz(zoned.to_timestamp_tz())).unwrap();
        assert_eq!(stored, zoned.to_utc().to_timestamp());
    }

    proptest! {
        #[test]
        fn float_bytes_sort_and_round_trip(a in any::<f64>(), b in any::<f64>(), c in any::<f32>()) {
            prop_assert!(float_value(&double_bytes(a)) == a || a.is_nan());
            prop_assert!(float32_value(&float_bytes(c)) == c || c.is_nan());
            if let Some(order) = a.partial_cmp(&b) {
                prop_assert_eq!(double_bytes(a).cmp(&double_bytes(b)), order);
            }
            prop_assert!(double_bytes(f64::NAN) > double_bytes(f64::INFINITY));
        }
    }
}
