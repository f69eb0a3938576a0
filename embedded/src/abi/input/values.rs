//! What the bytes of an element are, by its external type.

use std::ffi::c_void;

use super::super::codes::sqlt;
use super::super::descriptor;
use super::super::error::Failure;
use super::super::interval::Interval;
use super::super::timestamp;
use super::{Cell, Input};
use crate::engine::Datum;

impl Input {
    /// # Safety
    /// `cell` points to an element of this bind.
    #[inline]
    pub(super) unsafe fn convert<'a>(&self, cell: &Cell) -> Result<Datum<'a>, Failure> {
        let value = cell.value;
        // SAFETY: the element has `size_bytes`, checked against the fixed size of its type by `resolve`; lengths are checked below.
        unsafe {
            match self.external_type {
                sqlt::CHR | sqlt::LNG => self.text(self.sized(cell, true)?),
                sqlt::AFC => self.text(self.sized(cell, false)?),
                sqlt::STR => {
                    let bytes = std::slice::from_raw_parts(value, self.size_bytes);
                    let end = bytes.iter().position(|byte| *byte == 0);
                    let end = end.ok_or_else(|| Failure::ora(1480, "trailing null missing from STR bind value"))?;
                    self.text(&bytes[..end])
                }
                sqlt::VCS => self.text(self.prefixed(value, usize::from(value.cast::<u16>().read_unaligned()), 2)?),
                sqlt::LVC => self.text(self.prefixed(value, value.cast::<u32>().read_unaligned() as usize, 4)?),
                sqlt::VBI => Ok(bytes_datum(self.prefixed(value, usize::from(value.cast::<u16>().read_unaligned()), 2)?)),
                sqlt::LVB => Ok(bytes_datum(self.prefixed(value, value.cast::<u32>().read_unaligned() as usize, 4)?)),
                sqlt::BIN | sqlt::LBI => Ok(bytes_datum(self.sized(cell, false)?)),
                sqlt::BOL => Ok(Datum::Boolean(value.cast::<i32>().read_unaligned() != 0)),
                sqlt::RSET => Ok(Datum::Null),
                sqlt::INT => Ok(Datum::Int(match self.size_bytes {
                    1 => i64::from(value.cast::<i8>().read()),
                    2 => i64::from(value.cast::<i16>().read_unaligned()),
                    4 => i64::from(value.cast::<i32>().read_unaligned()),
                    _ => value.cast::<i64>().read_unaligned(),
                })),
                sqlt::UIN => Ok(Datum::UInt(match self.size_bytes {
                    1 => u64::from(value.read()),
                    2 => u64::from(value.cast::<u16>().read_unaligned()),
                    4 => u64::from(value.cast::<u32>().read_unaligned()),
                    _ => value.cast::<u64>().read_unaligned(),
                })),
                sqlt::VNU => match usize::from(value.read()) {
                    0 => Ok(Datum::Null),
                    length @ 1..=21 => Ok(Datum::Number(std::slice::from_raw_parts(value.add(1), length))),
                    _ => Err(self.bad_length()),
                },
                sqlt::NUM => match self.sized(cell, false)? {
                    [] => Ok(Datum::Null),
                    bytes if bytes.len() <= 21 => Ok(Datum::Number(bytes)),
                    _ => Err(self.bad_length()),
                },
                sqlt::FLT | sqlt::BFLOAT | sqlt::BDOUBLE | sqlt::IBFLOAT | sqlt::IBDOUBLE => self.float(value),
                sqlt::DAT if cell.length_bytes == Some(0) => Ok(Datum::Null),
                sqlt::DAT if cell.length_bytes.is_some_and(|length| length != 7) => Err(self.bad_length()),
                sqlt::DAT => Ok(Datum::Date(value.cast::<[u8; 7]>().read())),
                sqlt::ODT => timestamp::from_oci_date(&value.cast::<[u8; 8]>().read()).map(Datum::Date),
                _ => self.descriptor_value(value.cast::<*mut c_void>().read_unaligned()),
            }
        }
    }

    /// # Safety
    /// `pointer` is NULL or a descriptor of this library.
    pub(super) unsafe fn descriptor_value<'a>(&self, pointer: *mut c_void) -> Result<Datum<'a>, Failure> {
        let missing = || Failure::ora(1403, format_args!("no descriptor bound at position {}", self.position));
        if pointer.is_null() {
            return Err(missing());
        }
        // SAFETY: the caller's contract; descriptors outlive the execute.
        let found = unsafe { descriptor::get(pointer) }?;
        match self.external_type {
            sqlt::TIMESTAMP => found.timestamp()?.to_timestamp().map(Datum::Timestamp),
            sqlt::TIMESTAMP_TZ | sqlt::TIMESTAMP_LTZ => found.timestamp()?.to_timestamp_tz().map(Datum::TimestampTz),
            sqlt::INTERVAL_DS | sqlt::INTERVAL_YM => Ok(match *found.interval()? {
                Interval::DaySecond { nanos } => Datum::IntervalDs(nanos),
                Interval::Fields(fields) => Datum::IntervalFields(fields),
                Interval::YearMonth { months } => Datum::IntervalYm(months),
            }),
            sqlt::CLOB => match found.lob()?.content()? {
                [] => Ok(Datum::EmptyClob),
                bytes => self.text(bytes),
            },
            sqlt::BLOB => match found.lob()?.content()? {
                [] => Ok(Datum::EmptyBlob),
                bytes => Ok(Datum::Bytes(bytes)),
            },
            _ => Ok(Datum::Text(found.rowid()?)),
        }
    }

    /// # Safety
    /// `value` has the size checked at bind time.
    pub(super) unsafe fn float<'a>(&self, value: *const u8) -> Result<Datum<'a>, Failure> {
        // SAFETY: the caller's contract.
        unsafe {
            match (self.external_type, self.size_bytes) {
                (sqlt::IBFLOAT, _) => Ok(Datum::BinaryFloat(decode_f32(value.cast::<[u8; 4]>().read()))),
                (sqlt::IBDOUBLE, _) => Ok(Datum::BinaryDouble(decode_f64(value.cast::<[u8; 8]>().read()))),
                (sqlt::BFLOAT, _) => Ok(Datum::BinaryFloat(value.cast::<f32>().read_unaligned())),
                (sqlt::BDOUBLE, _) => Ok(Datum::BinaryDouble(value.cast::<f64>().read_unaligned())),
                (_, 4) => self.finite(Datum::BinaryFloat(value.cast::<f32>().read_unaligned())),
                _ => self.finite(Datum::BinaryDouble(value.cast::<f64>().read_unaligned())),
            }
        }
    }

    /// SQLT_FLT is a number: NaN and infinity are none.
    pub(super) fn finite<'a>(&self, datum: Datum<'a>) -> Result<Datum<'a>, Failure> {
        match datum {
            Datum::BinaryFloat(value) if !value.is_finite() => Err(Failure::ora(1426, "numeric overflow")),
            Datum::BinaryDouble(value) if !value.is_finite() => Err(Failure::ora(1426, "numeric overflow")),
            other => Ok(other),
        }
    }

    /// The bytes of a cell whose length is in the length array, or is the whole element.
    ///
    /// # Safety
    /// `cell` points to an element of this bind.
    #[inline]
    pub(super) unsafe fn sized<'a>(&self, cell: &Cell, strip_blanks: bool) -> Result<&'a [u8], Failure> {
        match cell.length_bytes {
            Some(length) if length > self.size_bytes => Err(self.too_long(length)),
            // SAFETY: `length` ≤ element size.
            Some(length) => Ok(unsafe { std::slice::from_raw_parts(cell.value, length) }),
            None => {
                // SAFETY: the whole element.
                let bytes = unsafe { std::slice::from_raw_parts(cell.value, self.size_bytes) };
                // Text without a length array ends at its last character that is no blank.
                let end = if strip_blanks { bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1) } else { bytes.len() };
                Ok(&bytes[..end])
            }
        }
    }

    /// # Safety
    /// `value` points to an element of this bind.
    pub(super) unsafe fn prefixed<'a>(&self, value: *const u8, length: usize, prefix_bytes: usize) -> Result<&'a [u8], Failure> {
        match length > self.size_bytes - prefix_bytes {
            true => Err(self.too_long(length)),
            // SAFETY: prefix and length are within the element.
            false => Ok(unsafe { std::slice::from_raw_parts(value.add(prefix_bytes), length) }),
        }
    }

    #[inline]
    pub(super) fn text<'a>(&self, bytes: &'a [u8]) -> Result<Datum<'a>, Failure> {
        if bytes.is_empty() {
            return Ok(Datum::Null);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Datum::Text(text)),
            Err(error) => Err(Failure::ora(
                29275,
                format_args!(
                    "partial multibyte character (position {}: byte {} of the value is not UTF-8)",
                    self.position,
                    error.valid_up_to()
                ),
            )),
        }
    }

    pub(super) fn bad_length(&self) -> Failure {
        Failure::ora(1483, format_args!("invalid length for DATE or NUMBER bind variable (position {})", self.position))
    }
}

pub(super) fn bytes_datum(bytes: &[u8]) -> Datum<'_> {
    if bytes.is_empty() { Datum::Null } else { Datum::Bytes(bytes) }
}

/// Oracle's order-preserving big-endian form of a float: sign bit set for positive values, all bits flipped for negative ones.
fn decode_f32(bytes: [u8; 4]) -> f32 {
    let bits = u32::from_be_bytes(bytes);
    f32::from_bits(if bits >> 31 == 1 { bits & 0x7fff_ffff } else { !bits })
}

fn decode_f64(bytes: [u8; 8]) -> f64 {
    let bits = u64::from_be_bytes(bytes);
    f64::from_bits(if bits >> 63 == 1 { bits & (u64::MAX >> 1) } else { !bits })
}
