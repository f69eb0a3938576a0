//! Fetched values into external types.

use std::cell::UnsafeCell;
use std::fmt::Write as _;

use super::codes::sqlt;
use super::error::Failure;
use super::interval::Interval;
use super::timestamp::Timestamp;
use crate::engine::{DataType, Datum, Nls, Number, NumberError, OraError, fields_text, months_text, nanos_text};

fn is_text(external_type: u16) -> bool {
    matches!(external_type, sqlt::CHR | sqlt::LNG | sqlt::AFC | sqlt::STR | sqlt::VCS | sqlt::LVC)
}

/// Whether a column of this type can be defined as that external type.
pub fn is_convertible(data_type: &DataType, external_type: u16) -> bool {
    let is_text = is_text(external_type);
    let is_number = matches!(
        external_type,
        sqlt::INT | sqlt::UIN | sqlt::NUM | sqlt::VNU | sqlt::FLT | sqlt::BFLOAT | sqlt::BDOUBLE | sqlt::IBFLOAT | sqlt::IBDOUBLE
    );
    let is_binary = matches!(external_type, sqlt::BIN | sqlt::LBI | sqlt::VBI | sqlt::LVB);
    let is_moment = matches!(external_type, sqlt::DAT | sqlt::ODT | sqlt::TIMESTAMP | sqlt::TIMESTAMP_TZ | sqlt::TIMESTAMP_LTZ);
    match data_type {
        DataType::Number { .. } | DataType::Float { .. } | DataType::BinaryFloat | DataType::BinaryDouble => is_text || is_number,
        DataType::Varchar2 { .. } | DataType::Char { .. } => is_text || is_number || is_binary,
        DataType::Date | DataType::Timestamp { .. } | DataType::TimestampTz { .. } | DataType::TimestampLtz { .. } => is_text || is_moment,
        DataType::Raw { .. } => is_text || is_binary,
        DataType::Clob | DataType::Nclob => is_text || external_type == sqlt::CLOB,
        DataType::Long => is_text,
        DataType::LongRaw => is_binary || is_text,
        DataType::IntervalDs { .. } => is_text || external_type == sqlt::INTERVAL_DS,
        DataType::IntervalYm { .. } => is_text || external_type == sqlt::INTERVAL_YM,
        DataType::Blob => is_binary || external_type == sqlt::BLOB,
        DataType::Cursor => external_type == sqlt::RSET,
        DataType::Rowid | DataType::Urowid { .. } => is_text || external_type == sqlt::RDD,
        DataType::Boolean => is_text || is_number || external_type == sqlt::BOL,
        // Their own form on the wire is binary; their text comes from JSON_SERIALIZE and FROM_VECTOR.
        DataType::Json | DataType::Vector { .. } => false,
    }
}

fn inconsistent(expected: &str, datum: Datum<'_>) -> Failure {
    Failure::ora(932, format_args!("inconsistent datatypes: expected {expected} got {:?}", datum.kind()))
}

/// BOOLEAN of PL/SQL; a number is true unless it is 0.
pub fn to_boolean(datum: Datum<'_>) -> Result<bool, Failure> {
    match datum {
        Datum::Boolean(value) => Ok(value),
        Datum::Int(_) | Datum::Number(_) => Ok(to_i64(datum, 8)? != 0),
        other => Err(inconsistent("BOOLEAN", other)),
    }
}

fn overflow() -> Failure {
    Failure::ora(1455, "converting column overflows integer datatype")
}

fn number_failure(error: NumberError) -> Failure {
    Failure::from(OraError::from(error))
}

/// A number of any numeric value or numeric text.
pub fn to_number(datum: Datum<'_>) -> Result<Number, Failure> {
    match datum {
        Datum::Int(value) => Ok(Number::from_i64(value)),
        Datum::UInt(value) => Ok(Number::from_u64(value)),
        Datum::Boolean(value) => Ok(Number::from_i64(value.into())),
        Datum::Number(bytes) => Number::from_bytes(bytes).map_err(number_failure),
        Datum::BinaryFloat(value) => Number::from_f32(value).map_err(number_failure),
        Datum::BinaryDouble(value) => Number::from_f64(value).map_err(number_failure),
        Datum::Text(text) => Number::parse(text).map_err(number_failure),
        other => Err(inconsistent("NUMBER", other)),
    }
}

/// A signed integer of `size_bytes`; a fraction is cut off, an overflow is ORA-01455.
pub fn to_i64(datum: Datum<'_>, size_bytes: usize) -> Result<i64, Failure> {
    let value = match datum {
        Datum::Int(value) => value,
        other => {
            let number = to_number(other)?;
            number.trunc_scale(0).and_then(|whole| whole.to_i64()).map_err(|_| overflow())?
        }
    };
    let unused_bits = 64 - 8 * size_bytes as u32;
    if (value << unused_bits) >> unused_bits == value { Ok(value) } else { Err(overflow()) }
}

/// An unsigned integer of `size_bytes`; a fraction is cut off, an overflow or a negative value is ORA-01455.
pub fn to_u64(datum: Datum<'_>, size_bytes: usize) -> Result<u64, Failure> {
    let value = match datum {
        Datum::UInt(value) => value,
        other => {
            let number = to_number(other)?;
            number.trunc_scale(0).and_then(|whole| whole.to_u64()).map_err(|_| overflow())?
        }
    };
    let unused_bits = 64 - 8 * size_bytes as u32;
    if (value << unused_bits) >> unused_bits == value { Ok(value) } else { Err(overflow()) }
}

/// A double; NUMBER is rounded to the nearest.
pub fn to_f64(datum: Datum<'_>) -> Result<f64, Failure> {
    match datum {
        Datum::BinaryFloat(value) => Ok(f64::from(value)),
        Datum::BinaryDouble(value) => Ok(value),
        other => Ok(to_number(other)?.to_f64()),
    }
}

/// A float; NUMBER and BINARY_DOUBLE are rounded to the nearest.
pub fn to_f32(datum: Datum<'_>) -> Result<f32, Failure> {
    match datum {
        Datum::BinaryFloat(value) => Ok(value),
        Datum::BinaryDouble(value) => Ok(value as f32),
        other => Ok(to_number(other)?.to_f32()),
    }
}

/// Oracle's order-preserving big-endian form.
pub fn encode_f32(value: f32) -> [u8; 4] {
    let bits = value.to_bits();
    (if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }).to_be_bytes()
}

/// Oracle's order-preserving big-endian form.
pub fn encode_f64(value: f64) -> [u8; 8] {
    let bits = value.to_bits();
    (if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }).to_be_bytes()
}

/// Local fields of any date or timestamp.
pub fn to_timestamp(datum: Datum<'_>) -> Result<Timestamp, Failure> {
    match datum {
        Datum::Date(bytes) => Ok(Timestamp::from_date(bytes)),
        Datum::Timestamp(bytes) => Ok(Timestamp::from_timestamp(bytes)),
        Datum::TimestampTz(bytes) => Ok(Timestamp::from_timestamp_tz(bytes)),
        other => Err(inconsistent("DATE or TIMESTAMP", other)),
    }
}

/// An interval of either kind.
pub fn to_interval(datum: Datum<'_>) -> Result<Interval, Failure> {
    match datum {
        Datum::IntervalDs(nanos) => Ok(Interval::DaySecond { nanos }),
        Datum::IntervalFields(fields) => Ok(Interval::Fields(fields)),
        Datum::IntervalYm(months) => Ok(Interval::YearMonth { months }),
        other => Err(inconsistent("INTERVAL", other)),
    }
}

/// Buffers of a define for values that have to be rendered; reused from row to row.
#[derive(Default)]
pub struct Scratch {
    text: UnsafeCell<String>,
    bytes: UnsafeCell<Vec<u8>>,
    /// Formats of the session, when dates are asked for as text.
    nls: Option<Nls>,
}

impl Scratch {
    /// For a column of a type, defined as an external type, under the settings of its session.
    pub(super) fn new(data_type: &DataType, external_type: u16, nls: &Nls) -> Scratch {
        let is_moment =
            matches!(data_type, DataType::Date | DataType::Timestamp { .. } | DataType::TimestampTz { .. } | DataType::TimestampLtz { .. });
        let nls = (is_moment && is_text(external_type)).then(|| nls.for_digits(digits_of(data_type)));
        Scratch { nls, ..Scratch::default() }
    }

    /// The text of a value as the client would convert it, in UTF-8.
    pub fn characters<'a>(&'a self, datum: Datum<'a>, data_type: &DataType) -> Result<&'a [u8], Failure> {
        if let Datum::Text(text) = datum {
            return Ok(text.as_bytes());
        }
        // SAFETY: the define is used by one thread at a time, and the slice of an earlier value is consumed before the next value.
        let text = unsafe { &mut *self.text.get() };
        text.clear();
        match datum {
            Datum::Null | Datum::Text(_) | Datum::EmptyClob | Datum::EmptyBlob => {}
            Datum::Int(value) => write_display(text, value),
            Datum::UInt(value) => write_display(text, value),
            Datum::Number(bytes) => Number::from_bytes(bytes).map_err(number_failure)?.write_text(text),
            Datum::BinaryFloat(value) => write_float(text, &format!("{value:E}"), value.is_finite(), value.is_nan(), value < 0.0),
            Datum::BinaryDouble(value) => write_float(text, &format!("{value:E}"), value.is_finite(), value.is_nan(), value < 0.0),
            Datum::Bytes(bytes) => bytes.iter().for_each(|byte| write_display(text, format_args!("{byte:02X}"))),
            Datum::IntervalDs(nanos) => match *data_type {
                DataType::IntervalDs { day_digits, second_digits } => {
                    text.push_str(&nanos_text(nanos, day_digits.into(), second_digits.into()));
                }
                _ => text.push_str(&nanos_text(nanos, 9, 9)),
            },
            Datum::IntervalFields(fields) => match *data_type {
                DataType::IntervalDs { day_digits, second_digits } => {
                    text.push_str(&fields_text(fields, day_digits.into(), second_digits.into()));
                }
                _ => text.push_str(&fields_text(fields, 9, 9)),
            },
            Datum::IntervalYm(months) => match *data_type {
                DataType::IntervalYm { year_digits } => text.push_str(&months_text(months, year_digits.into())),
                _ => text.push_str(&months_text(months, 9)),
            },
            Datum::Boolean(value) => text.push_str(if value { "TRUE" } else { "FALSE" }),
            Datum::Table(_) | Datum::Cursor(_) => return Err(inconsistent("text", datum)),
            Datum::Date(_) | Datum::Timestamp(_) | Datum::TimestampTz(_) => {
                let with_zone = !matches!(data_type, DataType::TimestampLtz { .. });
                let nls = self.nls.as_ref().ok_or_else(|| inconsistent("text", datum))?;
                text.push_str(&nls.datum_text(datum, with_zone)?.unwrap_or_default());
            }
        }
        Ok(text.as_bytes())
    }

    /// The bytes that hexadecimal text stands for, as RAW takes them.
    pub fn unhex<'a>(&'a self, datum: Datum<'a>) -> Result<&'a [u8], Failure> {
        let Datum::Text(text) = datum else { return Err(inconsistent("RAW", datum)) };
        // SAFETY: as in `characters`.
        let bytes = unsafe { &mut *self.bytes.get() };
        bytes.clear();
        let invalid = || Failure::ora(1465, "invalid hex number");
        let digit = |byte: u8| (byte as char).to_digit(16).ok_or_else(invalid);
        // An odd count of digits has a leading zero.
        let (head, pairs) = text.as_bytes().split_at(text.len() % 2);
        for byte in head {
            bytes.push(digit(*byte)? as u8);
        }
        for pair in pairs.chunks_exact(2) {
            bytes.push((digit(pair[0])? * 16 + digit(pair[1])?) as u8);
        }
        Ok(bytes)
    }
}

/// Writing into a String cannot fail.
fn write_display(out: &mut String, value: impl std::fmt::Display) {
    let _ = write!(out, "{value}");
}

fn digits_of(data_type: &DataType) -> u8 {
    match data_type {
        DataType::Timestamp { digits } | DataType::TimestampTz { digits } | DataType::TimestampLtz { digits } => *digits,
        _ => 6,
    }
}

/// `1.5E+000` as Oracle writes binary floats, `Nan`, `Inf`, `-Inf`.
fn write_float(out: &mut String, scientific: &str, is_finite: bool, is_nan: bool, is_negative: bool) {
    if !is_finite {
        out.push_str(if is_nan {
            "Nan"
        } else if is_negative {
            "-Inf"
        } else {
            "Inf"
        });
        return;
    }
    let (mantissa, exponent) = scientific.split_once('E').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if mantissa.trim_start_matches('-') == "0" {
        out.push('0');
        return;
    }
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "{mantissa}{point}E{sign}{:03}", exponent.abs());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_that_do_not_fit_overflow() {
        assert_eq!(to_i64(Datum::Int(127), 1).unwrap(), 127);
        assert!(to_i64(Datum::Int(128), 1).is_err());
        assert_eq!(to_i64(Datum::Int(-128), 1).unwrap(), -128);
        assert_eq!(to_u64(Datum::UInt(u64::MAX), 8).unwrap(), u64::MAX);
        assert!(to_u64(Datum::Int(-1), 8).is_err());
        assert_eq!(to_i64(Datum::Text("12.75"), 8).unwrap(), 12);
    }

    #[test]
    fn ordered_floats_keep_the_order() {
        let values = [-1.5, -0.5, 0.0, 0.25, 3.0];
        let encoded: Vec<_> = values.iter().map(|value| encode_f64(*value)).collect();
        assert!(encoded.is_sorted());
        assert_eq!(encode_f32(1.0), [0xbf, 0x80, 0, 0]);
    }

    #[test]
    fn hex_text_becomes_bytes() {
        let scratch = Scratch::default();
        assert_eq!(scratch.unhex(Datum::Text("0aFF")).unwrap(), [10, 255]);
        assert_eq!(scratch.unhex(Datum::Text("fff")).unwrap(), [15, 255]);
        assert!(scratch.unhex(Datum::Text("xy")).is_err());
    }

    #[test]
    fn floats_are_written_like_oracle_writes_them() {
        let scratch = Scratch::default();
        let text = |value: f64| {
            String::from_utf8(scratch.characters(Datum::BinaryDouble(value), &DataType::BinaryDouble).unwrap().to_vec()).unwrap()
        };
        assert_eq!(text(1.5), "1.5E+000");
        assert_eq!(text(-0.01), "-1.0E-002");
        assert_eq!(text(f64::NAN), "Nan");
        assert_eq!(text(f64::NEG_INFINITY), "-Inf");
    }
}
