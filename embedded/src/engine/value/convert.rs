//! Values of one kind as values of another, as Oracle converts them without being asked.

use std::borrow::Cow;

use super::super::datetime::DateTime;
use super::super::interval;
use super::super::json;
use super::super::nls::Nls;
use super::super::number::Number;
use super::super::{Datum, OraError, Result};

/// BOOLEAN of text by its words, and of numbers: all but 0 are true.
pub(crate) fn to_truth(datum: Datum<'_>) -> Result<bool> {
    const WORDS: [(&str, bool); 12] = [
        ("TRUE", true),
        ("T", true),
        ("YES", true),
        ("Y", true),
        ("ON", true),
        ("1", true),
        ("FALSE", false),
        ("F", false),
        ("NO", false),
        ("N", false),
        ("OFF", false),
        ("0", false),
    ];
    match datum {
        Datum::Boolean(value) => Ok(value),
        Datum::Text(text) => {
            let word = text.trim_matches(' ');
            let found = WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
            found.map(|(_, value)| *value).ok_or_else(|| OraError::new(61800, format_args!("invalid boolean literal: {text}")))
        }
        Datum::BinaryDouble(value) => Ok(value != 0.0),
        Datum::BinaryFloat(value) => Ok(value != 0.0),
        Datum::Int(_) | Datum::UInt(_) | Datum::Number(_) => Ok(!to_number(datum)?.is_zero()),
        other => Err(OraError::inconsistent("BOOLEAN", kind_name(&other))),
    }
}

/// JSON of its text, in characters or in bytes of UTF-8.
pub(super) fn to_json(datum: Datum<'_>) -> Result<String> {
    match datum {
        Datum::Text(text) => json::stored(text),
        Datum::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json::stored(text),
            // Binary JSON begins with this; it is no text.
            Err(_) if bytes.starts_with(&[0xff, 0x4a, 0x5a]) => Err(OraError::unsupported("binary JSON (OSON)")),
            Err(_) => Err(OraError::new(40441, "JSON syntax error")),
        },
        other => Err(OraError::inconsistent("JSON", kind_name(&other))),
    }
}

pub(super) fn to_number(datum: Datum<'_>) -> Result<Number> {
    Ok(match datum {
        Datum::Number(bytes) => Number::from_bytes(bytes)?,
        Datum::Int(value) => Number::from_i64(value),
        Datum::UInt(value) => Number::from_u64(value),
        Datum::Boolean(value) => Number::from_i64(value.into()),
        Datum::BinaryFloat(value) => Number::from_f32(value)?,
        Datum::BinaryDouble(value) => Number::from_f64(value)?,
        Datum::Text(text) => Number::parse(text)?,
        other => return Err(OraError::inconsistent("NUMBER", kind_name(&other))),
    })
}

/// Text to a float, as TO_BINARY_DOUBLE reads it; NaN and infinities by name.
pub(crate) fn parse_double(text: &str) -> Result<f64> {
    let text = text.trim_matches(' ');
    match text.to_ascii_lowercase().as_str() {
        "nan" => return Ok(f64::NAN),
        "inf" | "+inf" | "infinity" => return Ok(f64::INFINITY),
        "-inf" | "-infinity" => return Ok(f64::NEG_INFINITY),
        _ => {}
    }
    let number_like = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|_| number_like).ok_or_else(OraError::invalid_number)
}

pub(super) fn to_double(datum: Datum<'_>) -> Result<f64> {
    match datum {
        Datum::BinaryDouble(value) => Ok(value),
        Datum::BinaryFloat(value) => Ok(value.into()),
        Datum::Text(text) => parse_double(text),
        other => to_number(other).map(|number| number.to_f64()).map_err(|error| renamed(error, "BINARY_DOUBLE")),
    }
}

pub(super) fn to_float(datum: Datum<'_>) -> Result<f32> {
    match datum {
        Datum::BinaryFloat(value) => Ok(value),
        Datum::BinaryDouble(value) => Ok(value as f32),
        Datum::Text(text) => parse_double(text).map(|value| value as f32),
        other => to_number(other).map(|number| number.to_f32()).map_err(|error| renamed(error, "BINARY_FLOAT")),
    }
}

fn renamed(error: OraError, expected: &str) -> OraError {
    if error.code == 932 { OraError::new(932, error.message.replacen("ORA-00932: ", "", 1).replacen("NUMBER", expected, 1)) } else { error }
}

/// Text of any value as the implicit conversion to a character type writes it.
pub(crate) fn to_text<'a>(datum: Datum<'a>, nls: &Nls, expected: &str) -> Result<Cow<'a, str>> {
    Ok(match datum {
        Datum::Null | Datum::EmptyClob => Cow::Borrowed(""),
        Datum::EmptyBlob => return Err(OraError::inconsistent(expected, "BLOB")),
        Datum::Text(text) => Cow::Borrowed(text),
        Datum::Int(value) => Cow::Owned(value.to_string()),
        Datum::UInt(value) => Cow::Owned(value.to_string()),
        Datum::Number(bytes) => Cow::Owned(Number::from_bytes(bytes)?.to_text()),
        Datum::BinaryFloat(value) => Cow::Owned(float_text(value.is_nan(), value.is_infinite(), value < 0.0, format!("{value:.8E}"))),
        Datum::BinaryDouble(value) => Cow::Owned(float_text(value.is_nan(), value.is_infinite(), value < 0.0, format!("{value:.16E}"))),
        Datum::Bytes(_) if expected == "CLOB" => return Err(OraError::inconsistent("CLOB", "BINARY")),
        Datum::Bytes(bytes) => Cow::Owned(hex(bytes)),
        Datum::Date(bytes) => Cow::Owned(nls.write(&DateTime::from_date(bytes)?, 7)),
        Datum::Timestamp(bytes) => Cow::Owned(nls.write(&DateTime::from_timestamp(bytes)?, 11)),
        Datum::TimestampTz(bytes) => Cow::Owned(nls.write(&DateTime::from_timestamp_tz(bytes)?, 13)),
        Datum::IntervalDs(nanos) => Cow::Owned(interval::nanos_text(nanos, 9, 9)),
        Datum::IntervalFields(fields) => Cow::Owned(interval::fields_text(fields, 9, 9)),
        Datum::IntervalYm(months) => Cow::Owned(interval::months_text(months, 9)),
        Datum::Boolean(value) => Cow::Borrowed(if value { "TRUE" } else { "FALSE" }),
        Datum::Table(_) | Datum::Cursor(_) => return Err(not_in_sql(&datum)),
    })
}

/// Types of PL/SQL have no place in SQL.
pub(super) fn not_in_sql(datum: &Datum<'_>) -> OraError {
    OraError::new(902, format_args!("invalid datatype: {} of PL/SQL in SQL", kind_name(datum)))
}

/// BINARY_FLOAT and BINARY_DOUBLE as text: `1.5E+000`, `Nan`, `Inf`.
fn float_text(nan: bool, infinite: bool, negative: bool, scientific: String) -> String {
    if nan {
        return "Nan".into();
    }
    if infinite {
        return if negative { "-Inf" } else { "Inf" }.into();
    }
    let (mantissa, exponent) = scientific.split_once('E').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if mantissa.trim_matches(['-', '0', '.']).is_empty() {
        return "0".into();
    }
    // Zeros at the end say nothing; one digit stays after the point.
    let digits = mantissa.trim_end_matches('0');
    let zero = if digits.ends_with('.') { "0" } else { "" };
    format!("{digits}{zero}E{}{:03}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).map(char::from).collect()
}

pub(crate) fn unhex(text: &str) -> Result<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|character| character.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.ok_or_else(|| OraError::new(1465, "invalid hex number"))?;
    let padded: Vec<u8> = if digits.len() % 2 == 1 { std::iter::once(0).chain(digits).collect() } else { digits };
    Ok(padded.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

pub(super) fn to_bytes<'a>(datum: Datum<'a>, expected: &str) -> Result<Cow<'a, [u8]>> {
    match datum {
        Datum::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        Datum::Text(text) => unhex(text).map(Cow::Owned),
        other => Err(OraError::inconsistent(expected, kind_name(&other))),
    }
}

pub(super) fn to_datetime(datum: Datum<'_>, nls: &Nls, read: fn(&Nls, &str) -> Result<DateTime>, expected: &str) -> Result<DateTime> {
    match datum {
        Datum::Date(bytes) => DateTime::from_date(bytes),
        Datum::Timestamp(bytes) => DateTime::from_timestamp(bytes),
        Datum::TimestampTz(bytes) => DateTime::from_timestamp_tz(bytes),
        Datum::Text(text) => read(nls, text),
        other => Err(OraError::inconsistent(expected, kind_name(&other))),
    }
}

/// A value with a zone: the session's where it has none of its own.
pub(super) fn zoned(datum: Datum<'_>, nls: &Nls) -> Result<DateTime> {
    let value = to_datetime(datum, nls, Nls::read_timestamp_tz, "TIMESTAMP WITH TIME ZONE")?;
    let local = matches!(datum, Datum::Date(_) | Datum::Timestamp(_));
    let value = if local { value.local_in(nls.offset_minutes)? } else { value };
    value.to_utc().check()?;
    Ok(value)
}

pub(super) fn kind_name(datum: &Datum<'_>) -> &'static str {
    match datum {
        Datum::Null | Datum::Text(_) => "CHAR",
        Datum::Int(_) | Datum::UInt(_) | Datum::Number(_) => "NUMBER",
        Datum::BinaryFloat(_) => "BINARY_FLOAT",
        Datum::BinaryDouble(_) => "BINARY_DOUBLE",
        Datum::Bytes(_) => "BINARY",
        Datum::EmptyClob => "CLOB",
        Datum::EmptyBlob => "BLOB",
        Datum::Date(_) => "DATE",
        Datum::Timestamp(_) => "TIMESTAMP",
        Datum::TimestampTz(_) => "TIMESTAMP WITH TIME ZONE",
        Datum::IntervalDs(_) | Datum::IntervalFields(_) => "INTERVAL DAY TO SECOND",
        Datum::IntervalYm(_) => "INTERVAL YEAR TO MONTH",
        Datum::Boolean(_) => "BOOLEAN",
        Datum::Table(_) => "TABLE",
        Datum::Cursor(_) => "CURSOR",
    }
}
