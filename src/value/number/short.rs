//! Decimals of one scale and at most 18 or 19 digits → NUMBER bytes: what most columns of money hold.
//!
//! All that depends on the scale is decided once for a column, and how many digits are to be expected once for a block of values, so that no
//! branch is left that depends on a value but for the rare long ones: random digits and signs would make a processor guess wrong half the time.

use super::NumberSlot;
use super::encode::{NEGATIVE_TERMINATOR, TEN_8, TEN_16, pairs_8, pairs_16};

/// `0x01` in every byte.
const ONES: u64 = u64::MAX / 0xff;

/// What is added to base-100 digits to make digit bytes. For a negative number the complement of the digits is added: `!d + 1 + 101` = `101 - d`.
const DIGIT_BASES: [u64; 2] = [ONES, ONES * 101 + 1];

/// Length and exponent byte of zero.
const ZERO_HEAD: u64 = 0x8001;

/// Encodes decimals of one scale, up to a number of digits.
#[derive(Debug, Clone, Copy)]
pub struct ShortDecimal {
    /// Magnitudes from here on are left to the general encoder.
    limit: u64,
    /// 10 for an odd scale, to make it even; 1 otherwise.
    factor: u64,
    /// Even scale divided by 2.
    pair_scale: i32,
}

/// How a block of values is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShortForm {
    /// Every value by [`ShortDecimal::encode_8`].
    Digits8,
    /// Every value by [`ShortDecimal::encode_19`].
    Digits19,
    /// At least one value has too many digits.
    Mixed,
}

impl ShortDecimal {
    /// For values `× 10^-scale` with fewer than `digits` decimal digits or exactly as many.
    pub fn new(scale: i8, digits: u32) -> Self {
        let odd = scale & 1 == 1;
        let digits = if scale < -84 { 0 } else { digits.min(if odd { 18 } else { 19 }) };
        let limit = if digits == 0 { 0 } else { 10u64.pow(digits) };
        ShortDecimal { limit, factor: if odd { 10 } else { 1 }, pair_scale: (i32::from(scale) + 1) >> 1 }
    }

    /// The form for values of which `largest` is the largest magnitude.
    #[inline]
    pub fn form(&self, largest: u64) -> ShortForm {
        if largest >= self.limit {
            ShortForm::Mixed
        } else if largest * self.factor < TEN_8 {
            ShortForm::Digits8
        } else {
            ShortForm::Digits19
        }
    }

    /// Writes `value` and answers true, or answers false when it has too many digits.
    #[inline]
    pub fn encode(&self, value: i64, slot: &mut NumberSlot) -> bool {
        match self.form(value.unsigned_abs()) {
            ShortForm::Digits8 => self.encode_8(value, slot),
            ShortForm::Digits19 => self.encode_19(value, slot),
            ShortForm::Mixed => return false,
        }
        true
    }

    /// A value whose [`form`](Self::form) is [`ShortForm::Digits8`]: at most 4 base-100 digits, so that all goes out as one word.
    #[inline(always)]
    pub fn encode_8(&self, value: i64, slot: &mut NumberSlot) {
        let sign = Sign::of(value);
        let even = value.unsigned_abs().wrapping_mul(self.factor);
        let pairs = u64::from(pairs_8(even as u32));
        let leading = (pairs | 1 << 32).trailing_zeros() / 8;
        // Zero has its own head; what is computed for it is thrown away.
        let count = 8u32.wrapping_sub(leading).wrapping_sub(pairs.leading_zeros() / 8);
        let digits = sign.digits(pairs >> (leading * 8)).wrapping_add(sign.bit.wrapping_shl(count.wrapping_mul(8)));
        let word = sign.head(count, 4 - leading as i32 - self.pair_scale) | digits << 16;
        let word = if even == 0 { ZERO_HEAD } else { word };
        slot[..8].copy_from_slice(&word.to_le_bytes());
    }

    /// A value whose [`form`](Self::form) is not [`ShortForm::Mixed`].
    #[inline(always)]
    pub fn encode_19(&self, value: i64, slot: &mut NumberSlot) {
        let sign = Sign::of(value);
        let even = value.unsigned_abs().wrapping_mul(self.factor);
        if even < TEN_16 { self.encode_16(sign, even, slot) } else { self.encode_long(sign, even, slot) }
    }

    /// Up to 16 decimal digits of an even scale: at most 8 base-100 digits, written as one word after the first two bytes.
    #[inline(always)]
    fn encode_16(&self, sign: Sign, even: u64, slot: &mut NumberSlot) {
        let pairs = pairs_16(even);
        let leading = pairs.trailing_zeros() / 8;
        let count = 8u32.wrapping_sub(leading).wrapping_sub(pairs.leading_zeros() / 8);
        // The terminator of eight digits falls out of the word; the byte behind it is written in any case.
        let terminator = sign.bit.wrapping_shl(count.wrapping_mul(4)).wrapping_shl(count.wrapping_mul(4));
        let digits = sign.digits(pairs.wrapping_shr(leading * 8)).wrapping_add(terminator);
        let head = sign.head(count, 8 - leading as i32 - self.pair_scale);
        let head = if even == 0 { ZERO_HEAD } else { head };
        slot[..2].copy_from_slice(&(head as u16).to_le_bytes());
        slot[2..10].copy_from_slice(&digits.to_le_bytes());
        slot[10] = NEGATIVE_TERMINATOR;
    }

    /// 17 to 19 decimal digits of an even scale: one or two base-100 digits, and eight more.
    #[inline(always)]
    fn encode_long(&self, sign: Sign, even: u64, slot: &mut NumberSlot) {
        let (top, low) = (even / TEN_16, even % TEN_16);
        let (high, first) = (top / 100, top % 100);
        let pairs = pairs_16(low);
        // Base-100 digits up to the last that is not 0, counted from `high`.
        let end = match low {
            0 => 1 + u32::from(first != 0),
            _ => 10 - pairs.leading_zeros() / 8,
        };
        let skipped = u32::from(high == 0);
        let count = end - skipped;
        let two = sign.digits(high | first << 8) as u16;
        let at = 4 - skipped as usize;
        // The one digit that is not wanted is overwritten.
        slot[2..4].copy_from_slice(&two.to_le_bytes());
        slot[at - 1] = (two >> 8) as u8;
        slot[at..at + 8].copy_from_slice(&sign.digits(pairs).to_le_bytes());
        let head = sign.head(count, 10 - skipped as i32 - self.pair_scale);
        slot[..2].copy_from_slice(&(head as u16).to_le_bytes());
        if sign.bit == 1 {
            slot[2 + count as usize] = NEGATIVE_TERMINATOR;
        }
    }
}

/// The sign of a value as masks, so that nothing branches on it.
#[derive(Clone, Copy)]
struct Sign {
    /// 1 for a negative value.
    bit: u64,
    /// All ones for a negative value.
    mask: u64,
}

impl Sign {
    #[inline(always)]
    fn of(value: i64) -> Sign {
        let mask = (value >> 63) as u64;
        Sign { bit: mask & 1, mask }
    }

    /// Digit bytes of base-100 digits, for all eight: those behind the last have no meaning, but that a 1 added there makes the terminator.
    #[inline(always)]
    fn digits(self, pairs: u64) -> u64 {
        (pairs ^ self.mask).wrapping_add(DIGIT_BASES[0] + (self.mask & (DIGIT_BASES[1] - DIGIT_BASES[0])))
    }

    /// Length byte and exponent byte of `count` base-100 digits beginning with `100^(exponent - 1)`. The exponent is in range by the scale.
    #[inline(always)]
    fn head(self, count: u32, exponent: i32) -> u64 {
        let exponent_byte = (192 + exponent) as u64 ^ self.mask;
        (u64::from(count) + 1 + self.bit) & 0xff | (exponent_byte & 0xff) << 8
    }
}
