//! Oracle NUMBER as OCI carries it: `SQLT_VNU`, 22 bytes, byte 0 = length of what follows, byte 1 = exponent, then base-100 digits.
//!
//! A value is `0.d1 d2 d3… × 100^e` with at most 20 digits `0..=99`, the first and the last of them not 0. Positive: exponent byte
//! `192 + e`, digit byte `d + 1`. Negative: exponent byte `63 - e`, digit byte `101 - d`, and the byte 102 at the end when there are fewer
//! than 20 digits. Zero is the single byte 0x80. So bytes compare like numbers.

use std::cmp::Ordering;

mod decode;
mod encode;
mod short;
mod words;

pub use decode::{Digits, decode_i128};
pub use encode::{encode_f32_shortest, encode_f64_shortest, encode_i64, encode_i128, encode_i256, encode_u64};
pub use short::{ShortDecimal, ShortForm};
pub use words::{ScaledDecoder, decode_f64_of_15_digits};

/// Bytes of one `SQLT_VNU` value, length byte included.
pub const NUMBER_SLOT_BYTES: usize = 22;

/// One `SQLT_VNU` value. Bytes after the length that byte 0 gives have no meaning.
pub type NumberSlot = [u8; NUMBER_SLOT_BYTES];

/// Base-100 digits that a NUMBER holds: 40 decimal digits when aligned, always 38.
pub const MAX_PAIRS: usize = 20;

/// Why a value is no NUMBER, or a NUMBER not the asked type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// NaN or an infinity.
    #[error("NaN and infinity are not in NUMBER")]
    NotFinite,
    /// More than 40 significant digits (39 when they are not aligned to base 100).
    #[error("it has more significant digits than NUMBER holds (38, or 40 when aligned)")]
    TooManyDigits,
    /// Beyond 1e-130 .. 9.99e125.
    #[error("it is beyond the range of NUMBER, 1e-130 to 9.99e125")]
    OutOfRange,
    /// Not the canonical form (leading or trailing zero digit, wrong length, bad digit byte).
    #[error("these bytes are not a canonical NUMBER")]
    Malformed,
    /// A decoded value has digits beyond the asked scale, or does not fit the asked integer.
    #[error("the NUMBER does not fit the asked type at the asked scale")]
    NotRepresentable,
}

/// Where the decimal digits of an encoded number begin and end, relative to the decimal point: all that a precision or scale check needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberShape {
    /// Digits before the point; 0 for 0.5, -2 for 0.001.
    pub integer_digits: i32,
    /// Digits after the point that are needed; -2 for 1200.
    pub scale: i32,
}

impl NumberShape {
    /// Zero fits every precision and every scale.
    pub const ZERO: NumberShape = NumberShape { integer_digits: -1000, scale: -1000 };

    /// Decimal digits from the first to the last that is not 0; negative for zero.
    #[inline]
    pub fn significant_digits(self) -> i32 {
        self.integer_digits + self.scale
    }
}

/// A canonical NUMBER value; equality and order are those of its bytes, which are those of the numbers.
#[derive(Clone, Copy)]
pub struct Number(NumberSlot);

impl Number {
    /// Zero.
    pub const ZERO: Number = {
        let mut slot = [0; NUMBER_SLOT_BYTES];
        slot[0] = 1;
        slot[1] = 0x80;
        Number(slot)
    };

    /// Takes a slot as OCI has it; fails when it is not canonical.
    pub fn from_slot(slot: &NumberSlot) -> Result<Number, NumberError> {
        Digits::decode(slot).map(|_| Number(*slot))
    }

    /// `mantissa × 10^-scale`, `scale` -84..=127.
    pub fn from_i128(mantissa: i128, scale: i8) -> Result<Number, NumberError> {
        let mut slot = [0; NUMBER_SLOT_BYTES];
        encode_i128(mantissa, scale, &mut slot)?;
        Ok(Number(slot))
    }

    /// The bytes that Oracle stores: without the length byte, 1 to 21 of them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0[1..=usize::from(self.0[0])]
    }

    /// Its digits.
    pub fn digits(&self) -> Digits {
        // Every constructor has checked or made the canonical form; a zero is the only other answer that needs no error path.
        Digits::decode(&self.0).unwrap_or(Digits::ZERO)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Number({})", self.digits())
    }
}

impl std::fmt::Display for Number {
    /// Exact decimal text, no exponent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.digits().fmt(f)
    }
}

impl From<rust_decimal::Decimal> for Number {
    /// Always fits: 96 bits and a scale of at most 28.
    fn from(value: rust_decimal::Decimal) -> Self {
        let mut slot = Number::ZERO.0;
        let encoded = encode::encode_u128(value.is_sign_negative(), value.mantissa().unsigned_abs(), value.scale() as i32, &mut slot);
        debug_assert!(encoded.is_ok());
        Number(slot)
    }
}

impl TryFrom<Number> for rust_decimal::Decimal {
    type Error = NumberError;

    /// Fails when the value needs more than 96 bits or a scale beyond 28.
    fn try_from(value: Number) -> Result<Self, NumberError> {
        let digits = value.digits();
        let scale = digits.shape().scale.max(0);
        let mantissa = digits.to_i128(scale)?;
        rust_decimal::Decimal::try_from_i128_with_scale(mantissa, scale as u32).map_err(|_| NumberError::NotRepresentable)
    }
}

#[cfg(test)]
mod tests;
