//! Oracle NUMBER: up to 20 base-100 digits, bytes in canonical form. Written apart from the bridge's codec so that each checks the other.
//!
//! Form: zero is `80`. Positive: first byte 193 + weight, then digits + 1. Negative: 62 - weight, then 101 - digit, then `66` (102) when
//! there are fewer than 20 digits. The order of the bytes is the order of the values.

mod arith;
mod parts;
mod text;

use super::OraError;
use parts::Parts;

/// Greatest count of base-100 digits.
const MAX_DIGITS: usize = 20;
const MIN_WEIGHT: i32 = -65;
const MAX_WEIGHT: i32 = 62;

/// A NUMBER in canonical bytes.
#[derive(Clone, Copy)]
pub struct Number {
    len: u8,
    bytes: [u8; 21],
}

/// Why something is not a NUMBER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberError {
    /// Text or bytes that are no number.
    Invalid,
    /// Beyond 9.99…E+125, infinite or not a number.
    Overflow,
    /// More digits than the precision allows.
    Precision,
    /// Division by zero.
    ZeroDivide,
}

impl From<NumberError> for OraError {
    fn from(error: NumberError) -> OraError {
        match error {
            NumberError::Invalid => OraError::invalid_number(),
            NumberError::Overflow => OraError::numeric_overflow(),
            NumberError::Precision => OraError::new(1438, "value larger than specified precision allowed for this column"),
            NumberError::ZeroDivide => OraError::new(1476, "divisor is equal to zero"),
        }
    }
}

impl Number {
    /// Zero.
    pub const ZERO: Number = {
        let mut bytes = [0; 21];
        bytes[0] = 0x80;
        Number { len: 1, bytes }
    };

    /// The canonical bytes, without a length byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Checks that `bytes` are canonical (no infinity) and takes them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Number, NumberError> {
        let valid = match bytes {
            [0x80] => true,
            [0x80..=0xff, mantissa @ ..] => mantissa.len() <= MAX_DIGITS && canonical(mantissa, 1, 2..=100),
            [_, mantissa @ .., 102] => mantissa.len() < MAX_DIGITS && canonical(mantissa, 101, 2..=100),
            [_, mantissa @ ..] => mantissa.len() == MAX_DIGITS && canonical(mantissa, 101, 2..=100),
            [] => false,
        };
        if !valid {
            return Err(NumberError::Invalid);
        }
        Ok(Number::from_canonical(bytes))
    }

    /// Takes bytes that this engine wrote itself.
    pub(crate) fn from_canonical(bytes: &[u8]) -> Number {
        let mut number = Number::ZERO;
        let len = bytes.len().min(21);
        number.bytes[..len].copy_from_slice(&bytes[..len]);
        number.len = len as u8;
        number
    }

    /// An integer, exactly.
    pub fn from_i64(value: i64) -> Number {
        Number::from_magnitude(value < 0, value.unsigned_abs())
    }

    /// An integer, exactly.
    pub fn from_u64(value: u64) -> Number {
        Number::from_magnitude(false, value)
    }

    fn from_magnitude(negative: bool, mut value: u64) -> Number {
        if value == 0 {
            return Number::ZERO;
        }
        let mut reversed = [0u8; 10];
        let mut count = 0;
        let mut zeros = 0;
        while value > 0 {
            let digit = (value % 100) as u8;
            value /= 100;
            if count == 0 && digit == 0 {
                zeros += 1;
                continue;
            }
            reversed[count] = digit;
            count += 1;
        }
        let weight = (count + zeros - 1) as i32;
        let mut number = Number { len: 0, bytes: [0; 21] };
        number.bytes[0] = if negative { (MAX_WEIGHT - weight) as u8 } else { (193 + weight) as u8 };
        for (byte, digit) in number.bytes[1..].iter_mut().zip(reversed[..count].iter().rev()) {
            *byte = if negative { 101 - digit } else { digit + 1 };
        }
        let mut len = 1 + count;
        if negative {
            number.bytes[len] = 102;
            len += 1;
        }
        number.len = len as u8;
        number
    }

    /// The shortest decimal that reads back as `value`. NaN and infinity are an overflow.
    pub fn from_f64(value: f64) -> Result<Number, NumberError> {
        Number::from_display(value.is_finite(), format_args!("{value:e}"))
    }

    /// The shortest decimal that reads back as the 32-bit `value`.
    pub fn from_f32(value: f32) -> Result<Number, NumberError> {
        Number::from_display(value.is_finite(), format_args!("{value:e}"))
    }

    /// Fifteen significant digits, as OCINumberFromReal keeps them.
    pub fn from_f64_15(value: f64) -> Result<Number, NumberError> {
        Number::from_display(value.is_finite(), format_args!("{value:.14e}"))
    }

    fn from_display(finite: bool, text: std::fmt::Arguments<'_>) -> Result<Number, NumberError> {
        use std::io::Write;
        if !finite {
            return Err(NumberError::Overflow);
        }
        let mut buffer = [0u8; 40];
        let mut rest = &mut buffer[..];
        rest.write_fmt(text).map_err(|_| NumberError::Invalid)?;
        let left = rest.len();
        let used = buffer.len() - left;
        Number::parse(std::str::from_utf8(&buffer[..used]).map_err(|_| NumberError::Invalid)?)
    }

    fn parts(&self) -> Parts {
        let mut parts = Parts::ZERO;
        let bytes = self.as_bytes();
        if bytes.len() < 2 {
            return parts;
        }
        parts.negative = bytes[0] < 0x80;
        if parts.negative {
            parts.weight = MAX_WEIGHT - i32::from(bytes[0]);
            for byte in bytes[1..].iter().filter(|byte| **byte != 102) {
                parts.push(101 - byte);
            }
        } else {
            parts.weight = i32::from(bytes[0]) - 193;
            for byte in &bytes[1..] {
                parts.push(byte - 1);
            }
        }
        parts
    }

    /// Whether this is zero.
    pub fn is_zero(&self) -> bool {
        self.len == 1
    }

    /// Whether this is below zero.
    pub fn is_negative(&self) -> bool {
        self.bytes[0] < 0x80
    }

    /// Whether there are no digits right of the decimal point.
    pub fn is_integer(&self) -> bool {
        let parts = self.parts();
        parts.len == 0 || parts.len as i32 - 1 <= parts.weight
    }

    /// Rounds half away from zero to `scale` decimal digits (negative: left of the point).
    pub fn round_scale(&self, scale: i32) -> Result<Number, NumberError> {
        let mut parts = self.parts();
        parts.round(scale);
        parts.pack()
    }

    /// Cuts off after `scale` decimal digits.
    pub fn trunc_scale(&self, scale: i32) -> Result<Number, NumberError> {
        let rounded = self.round_scale(scale)?;
        let grew = if self.is_negative() { rounded < *self } else { rounded > *self };
        if !grew {
            return Ok(rounded);
        }
        let unit = Number::parse(&format!("{}1e{}", if self.is_negative() { "-" } else { "" }, -scale))?;
        rounded.sub(&unit)
    }

    /// Fits the value into NUMBER(`precision`, `scale`): rounds to the scale, then refuses more than `precision` digits.
    /// No precision counts as 38 when there is a scale, as in NUMBER(*,s).
    pub fn round(&self, precision: Option<u8>, scale: Option<i8>) -> Result<Number, NumberError> {
        let (precision, scale) = match (precision, scale) {
            (None, None) => return Ok(*self),
            (precision, scale) => (i32::from(precision.unwrap_or(38)), i32::from(scale.unwrap_or(0))),
        };
        if self.is_zero() {
            return Ok(*self);
        }
        let (integer_digits, fraction_digits) = self.digit_counts();
        let fitted = if fraction_digits <= scale { *self } else { self.round_scale(scale)? };
        let integer_digits = if fraction_digits <= scale || fitted.is_zero() { integer_digits } else { fitted.digit_counts().0 };
        if !fitted.is_zero() && integer_digits > precision - scale {
            return Err(NumberError::Precision);
        }
        Ok(fitted)
    }

    /// Fits the value into FLOAT(`binary_precision`): that many binary digits are ceil(b × 0.30103) decimal ones.
    pub fn round_float(&self, binary_precision: u8) -> Result<Number, NumberError> {
        if self.is_zero() {
            return Ok(*self);
        }
        let digits = (i32::from(binary_precision) * 30103 + 99_999) / 100_000;
        self.round_scale(digits - self.digit_counts().0)
    }

    /// Decimal digits left of the point (negative: zeros right of it before the first digit) and right of it (negative: zeros left of it).
    fn digit_counts(&self) -> (i32, i32) {
        let bytes = self.as_bytes();
        let negative = self.is_negative();
        let end = if negative && bytes[bytes.len() - 1] == 102 { bytes.len() - 1 } else { bytes.len() };
        let digit = |byte: u8| if negative { 101 - byte } else { byte - 1 };
        let weight = if negative { MAX_WEIGHT - i32::from(bytes[0]) } else { i32::from(bytes[0]) - 193 };
        let integer = 2 * (weight + 1) - i32::from(digit(bytes[1]) < 10);
        let last_weight = weight - (end as i32 - 2);
        let fraction = -2 * last_weight - i32::from(digit(bytes[end - 1]).is_multiple_of(10));
        (integer, fraction)
    }

    /// The integer part, when it fits.
    pub fn to_i64(&self) -> Result<i64, NumberError> {
        let magnitude = self.integer_part()?;
        let value = if self.is_negative() { -magnitude } else { magnitude };
        i64::try_from(value).map_err(|_| NumberError::Overflow)
    }

    /// The integer part, when it fits.
    pub fn to_u64(&self) -> Result<u64, NumberError> {
        let magnitude = self.integer_part()?;
        if self.is_negative() && magnitude != 0 {
            return Err(NumberError::Overflow);
        }
        u64::try_from(magnitude).map_err(|_| NumberError::Overflow)
    }

    fn integer_part(&self) -> Result<i128, NumberError> {
        let parts = self.parts();
        if parts.weight > 10 && parts.len > 0 {
            return Err(NumberError::Overflow);
        }
        let mut value = 0i128;
        for index in 0..=parts.weight {
            value = value * 100 + i128::from(parts.digits[..parts.len].get(index as usize).copied().unwrap_or(0));
        }
        Ok(if parts.len == 0 { 0 } else { value })
    }

    /// The nearest 64-bit float.
    pub fn to_f64(&self) -> f64 {
        self.scientific().parse().unwrap_or(f64::NAN)
    }

    /// The nearest 32-bit float.
    pub fn to_f32(&self) -> f32 {
        self.scientific().parse().unwrap_or(f32::NAN)
    }
}

fn canonical(mantissa: &[u8], zero: u8, digits: std::ops::RangeInclusive<u8>) -> bool {
    let inner = if zero == 1 { 1..=100 } else { 2..=101 };
    match mantissa {
        [first, .., last] => digits.contains(first) && digits.contains(last) && mantissa.iter().all(|byte| inner.contains(byte)),
        [only] => digits.contains(only),
        [] => false,
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}
impl Eq for Number {}
impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Number {
    fn cmp(&self, other: &Number) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}
impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_text_tm9())
    }
}

#[cfg(test)]
mod tests;
