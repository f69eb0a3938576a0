//! NUMBER bytes → integers of one scale, eight base-100 digits in a word: what reading a column does for each value.
//!
//! What depends on the scale is decided once for a column. Sign, digits and length of a value are masks and shifts, for a branch on them would be
//! guessed wrong half the time; what is rare or no number at all is left to [`decode_i128`], which also knows why.

use super::{MAX_PAIRS, NumberError, NumberSlot, decode_i128};

/// `0x01` in every byte.
const ONES: u64 = u64::MAX / 0xff;
/// Base-100 digits of a word.
const WORD_PAIRS: usize = 8;
/// Length and exponent byte of zero.
const ZERO_HEAD: [u8; 2] = [1, 0x80];
const NEGATIVE_TERMINATOR: u8 = 102;

/// 10^0 to 10^19.
const POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1u64; 20];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// Decodes `value × 10^scale` of one scale.
#[derive(Debug, Clone, Copy)]
pub struct ScaledDecoder {
    scale: i32,
    /// The scale, or the next one that is even: digits come in pairs.
    even_scale: i32,
    /// The digit that an odd scale has not.
    is_odd: bool,
}

impl ScaledDecoder {
    /// For values `× 10^scale`.
    pub const fn new(scale: i32) -> Self {
        ScaledDecoder { scale, even_scale: scale + (scale & 1), is_odd: scale & 1 == 1 }
    }

    /// When it is an integer that fits.
    #[inline(always)]
    pub fn decode_i64(&self, slot: &NumberSlot) -> Option<i64> {
        match self.short(slot) {
            // Of `i64::MIN` the general decoder takes care.
            Some((magnitude, sign)) if magnitude <= i64::MAX as u64 => Some((magnitude ^ sign).wrapping_sub(sign) as i64),
            _ => decode_i128(slot, self.scale).ok()?.try_into().ok(),
        }
    }

    /// When it is an integer that fits.
    #[inline(always)]
    pub fn decode_i128(&self, slot: &NumberSlot) -> Result<i128, NumberError> {
        match self.short(slot) {
            Some((magnitude, sign)) => {
                let sign = i128::from(sign as i64);
                Ok((i128::from(magnitude) ^ sign).wrapping_sub(sign))
            }
            None => self.long(slot),
        }
    }

    /// Magnitude and sign (all ones for a negative value) of up to eight base-100 digits.
    #[inline(always)]
    fn short(&self, slot: &NumberSlot) -> Option<(u64, u64)> {
        let (digits, pairs_after_point, sign) = one_word(slot)?;
        if digits == 0 {
            return Some((0, 0));
        }
        let power = *POWERS_OF_TEN.get(usize::try_from(self.even_scale - 2 * pairs_after_point).ok()?)?;
        let even = u64::try_from(u128::from(digits) * u128::from(power)).ok()?;
        match self.is_odd {
            false => Some((even, sign)),
            true if even.is_multiple_of(10) => Some((even / 10, sign)),
            true => None,
        }
    }

    /// More base-100 digits than a word has.
    fn long(&self, slot: &NumberSlot) -> Result<i128, NumberError> {
        self.long_magnitude(slot).map_or_else(
            || decode_i128(slot, self.scale),
            |(magnitude, sign)| {
                let sign = i128::from(sign as i64);
                Ok((magnitude ^ sign).wrapping_sub(sign))
            },
        )
    }

    #[inline]
    fn long_magnitude(&self, slot: &NumberSlot) -> Option<(i128, u64)> {
        let (mut count, sign, exponent) = head(slot);
        if sign != 0 && *slot.get(slot[0] as usize)? != NEGATIVE_TERMINATOR {
            // The most digits have no terminator; fewer without one are no number.
            count = count.wrapping_add(1);
            if count != MAX_PAIRS as u64 {
                return None;
            }
        }
        let count = usize::try_from(count).ok().filter(|count| (WORD_PAIRS + 1..=MAX_PAIRS).contains(count))?;
        let (first, first_is_digits) = pairs_of(word(slot, 2), WORD_PAIRS as u32, sign);
        let (second_pairs, third_pairs) = ((count - WORD_PAIRS).min(WORD_PAIRS), count.saturating_sub(2 * WORD_PAIRS));
        let (second, second_is_digits) = pairs_of(word(slot, 10), second_pairs as u32, sign);
        // The slot ends after four more digits.
        let last_word = u64::from(u32::from_be_bytes([slot[18], slot[19], slot[20], slot[21]])) << 32;
        let (third, third_is_digits) = if third_pairs > 0 { pairs_of(last_word, third_pairs as u32, sign) } else { (0, true) };
        let (mut value, mut part, mut digits) = (u128::from(value_of(first)), value_of(second), 2 * second_pairs);
        let mut last = second & 0xff;
        if third_pairs > 0 {
            value = value * u128::from(POWERS_OF_TEN[2 * WORD_PAIRS]) + u128::from(part);
            (part, digits, last) = (value_of(third), 2 * third_pairs, third & 0xff);
        }
        let is_canonical = first >> 56 != 0 && last != 0;
        if !(is_canonical & first_is_digits & second_is_digits & third_is_digits) {
            return None;
        }
        let mut missing = self.scale - 2 * (count as i32 - exponent);
        if missing == -1 && part.is_multiple_of(10) {
            // The ending 0 of an odd scale: 39 digits would not fit where 38 do.
            (part, digits, missing) = (part / 10, digits - 1, 0);
        }
        let value = times_power(value, digits)?.checked_add(u128::from(part))?;
        let value = if missing == 0 { value } else { times_power(value, usize::try_from(missing).ok()?)? };
        Some((i128::try_from(value).ok()?, sign))
    }
}

/// Up to eight base-100 digits as a number, how many of them are after the point, and the sign; `None` for more and for what is no number.
#[inline(always)]
fn one_word(slot: &NumberSlot) -> Option<(u64, i32, u64)> {
    if slot.first_chunk() == Some(&ZERO_HEAD) {
        return Some((0, 0, 0));
    }
    let (count, sign, exponent) = head(slot);
    // 0 wraps around to beyond the most.
    if count.wrapping_sub(1) >= WORD_PAIRS as u64 {
        return None;
    }
    let is_ended = sign == 0 || slot[(slot[0] & 15) as usize] == NEGATIVE_TERMINATOR;
    let (pairs, is_digits) = pairs_of(word(slot, 2), count as u32, sign);
    let is_canonical = pairs >> (8 * (count as u32 - 1)) != 0 && pairs & 0xff != 0;
    (is_ended & is_digits & is_canonical).then(|| (value_of(pairs), count as i32 - exponent, sign))
}

/// The float nearest to a value of at most 15 digits, which no other value of as many has: its shortest text is the value again. `None` for what
/// has more, is very large or small, or is no number.
#[inline(always)]
pub fn decode_f64_of_15_digits(slot: &NumberSlot) -> Option<f64> {
    const LIMIT: u64 = POWERS_OF_TEN[15];
    let (mut digits, pairs_after_point, sign) = one_word(slot)?;
    let mut scale = 2 * pairs_after_point;
    if digits >= LIMIT {
        // The 0 that fills the last pair.
        (digits, scale) = (digits / 10, if digits.is_multiple_of(10) { scale - 1 } else { return None });
    }
    // Both are floats without rounding, so that the one operation rounds to the nearest.
    let (value, power) = (digits as f64, *FLOAT_POWERS_OF_TEN.get(scale.unsigned_abs() as usize)?);
    let magnitude = if scale > 0 { value / power } else { value * power };
    Some(f64::from_bits(magnitude.to_bits() | sign & 1 << 63))
}

/// The powers of ten that a double holds exactly.
const FLOAT_POWERS_OF_TEN: [f64; 23] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22];

/// Base-100 digits if a negative number has its terminator, the sign (all ones for a negative number), and the exponent.
#[inline(always)]
fn head(slot: &NumberSlot) -> (u64, u64, i32) {
    let is_negative = u64::from(slot[1] < 0x80);
    let sign = is_negative.wrapping_neg();
    let exponent = ((u64::from(slot[1]) ^ sign) & 0xff) as i32 - 192;
    (u64::from(slot[0]).wrapping_sub(1 + is_negative), sign, exponent)
}

#[inline(always)]
fn word(slot: &NumberSlot, at: usize) -> u64 {
    let mut bytes = [0; WORD_PAIRS];
    bytes.copy_from_slice(&slot[at..at + WORD_PAIRS]);
    u64::from_be_bytes(bytes)
}

/// The first `count` (1 to 8) digit bytes of a word as base-100 digits, the last in the lowest byte; and whether all are digits.
#[inline(always)]
fn pairs_of(word: u64, count: u32, sign: u64) -> (u64, bool) {
    let shift = (64 - 8 * count) & 63;
    let (bytes, ones) = (word >> shift, ONES >> shift);
    // Positive: the byte less 1; negative: 101 less the byte. What is no digit byte, or borrows from the next, becomes 100 or more.
    let base = (ones * 101 + 1) & sign | ones.wrapping_neg() & !sign;
    let pairs = (bytes ^ sign).wrapping_add(base);
    (pairs, (pairs | pairs.wrapping_add(ONES * 28)) & (ONES << 7) == 0)
}

/// `value × 10^power`; a comparison costs less than a multiplication that looks for an overflow.
#[inline(always)]
fn times_power(value: u128, power: usize) -> Option<u128> {
    const MOST: [u128; POWERS_OF_TEN.len()] = {
        let (mut most, mut index) = ([0; POWERS_OF_TEN.len()], 0);
        while index < most.len() {
            most[index] = u128::MAX / POWERS_OF_TEN[index] as u128;
            index += 1;
        }
        most
    };
    (value <= *MOST.get(power)?).then(|| value.wrapping_mul(u128::from(POWERS_OF_TEN[power])))
}

/// Eight base-100 digits, each in a byte, as a number.
#[inline(always)]
fn value_of(pairs: u64) -> u64 {
    const BYTES: u64 = 0x00ff_00ff_00ff_00ff;
    const SHORTS: u64 = 0x0000_ffff_0000_ffff;
    let fours = (pairs & BYTES) + 100 * (pairs >> 8 & BYTES);
    let eights = (fours & SHORTS) + 10_000 * (fours >> 16 & SHORTS);
    (eights & 0xffff_ffff) + 100_000_000 * (eights >> 32)
}
