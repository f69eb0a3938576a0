//! Integers and floats → NUMBER bytes, from the integer limbs by reciprocal multiplication and a table of digit pairs: no text, no OCI call, no allocation.
//!
//! Base-100 digits are kept as bytes of an integer, most significant digit in the lowest byte, so that leading zeros, trailing zeros and
//! the `+ 1` or `101 -` of every digit are each one integer operation. An odd scale is made even by peeling off the lowest decimal
//! digit; multiplying by 10 instead would overflow with 38 digits.

use super::{MAX_PAIRS, NUMBER_SLOT_BYTES, NumberError, NumberShape, NumberSlot};

pub(super) const TEN_8: u64 = 100_000_000;
pub(super) const TEN_16: u64 = 10_000_000_000_000_000;
const TEN_17: u64 = 100_000_000_000_000_000;

/// `0x01` in every byte.
const ONES: u128 = u128::MAX / 0xff;

/// Ends a negative number of fewer than 20 base-100 digits.
pub(super) const NEGATIVE_TERMINATOR: u8 = 102;

/// Encodes `value × 10^-scale`.
#[inline]
pub fn encode_i64(value: i64, scale: i8, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    encode_magnitude_u64(value < 0, value.unsigned_abs(), i32::from(scale), slot)
}

/// Encodes `value × 10^-scale`.
#[inline]
pub fn encode_u64(value: u64, scale: i8, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    encode_magnitude_u64(false, value, i32::from(scale), slot)
}

/// Encodes `value × 10^-scale`; any i128 fits, the exponent may not.
#[inline]
pub fn encode_i128(value: i128, scale: i8, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    encode_u128(value < 0, value.unsigned_abs(), i32::from(scale), slot)
}

/// Encodes the 256-bit two's complement integer `high:low × 10^-scale`; refused beyond 40 significant digits.
#[inline]
pub fn encode_i256(low: u128, high: i128, scale: i8, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    let (negative, low, high) = match high < 0 {
        // Two's complement negation over both halves: the carry goes up only when the low half is 0.
        true => (true, low.wrapping_neg(), (!(high as u128)).wrapping_add(u128::from(low == 0))),
        false => (false, low, high as u128),
    };
    match high {
        0 => encode_u128(negative, low, i32::from(scale), slot),
        _ => encode_wide(negative, low, high, i32::from(scale), slot),
    }
}

/// Encodes a float by the shortest decimal digits that read back as the same f64. Negative zero becomes zero.
pub fn encode_f64_shortest(value: f64, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    /// Integers up to 2^53 are their own shortest digits.
    const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;
    if value.abs() <= MAX_EXACT_INTEGER && value as i64 as f64 == value {
        return encode_i64(value as i64, 0, slot);
    }
    if let Some(ten_thousandths) = as_ten_thousandths(value) {
        return encode_i64(ten_thousandths, 4, slot);
    }
    if !value.is_finite() {
        return Err(NumberError::NotFinite);
    }
    encode_float_text(zmij::Buffer::new().format_finite(value).as_bytes(), slot)
}

/// `value × 10^4` when `value` is the f64 nearest to a decimal of at most 15 digits, 4 of them after the point: amounts of money.
///
/// No two decimals of at most 15 digits have the same nearest f64, so that such a decimal is also the shortest one that reads back.
/// Both operands of the division are exact, so that it answers the nearest f64.
#[inline]
fn as_ten_thousandths(value: f64) -> Option<i64> {
    /// Added and taken away again, it rounds to an integer.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let scaled = (value * 1e4 + ROUND) - ROUND;
    (scaled.abs() < 1e15 && scaled / 1e4 == value).then_some(scaled as i64)
}

/// Encodes a float by the shortest decimal digits that read back as the same f32. Negative zero becomes zero.
pub fn encode_f32_shortest(value: f32, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    /// Integers up to 2^24 are their own shortest digits.
    const MAX_EXACT_INTEGER: f32 = 16_777_216.0;
    if value.abs() <= MAX_EXACT_INTEGER && value as i64 as f32 == value {
        return encode_i64(value as i64, 0, slot);
    }
    if !value.is_finite() {
        return Err(NumberError::NotFinite);
    }
    encode_float_text(zmij::Buffer::new().format_finite(value).as_bytes(), slot)
}

/// `[-]digits[.digits][e[-]digits]` with at most 18 digits, as zmij writes it.
#[inline]
fn encode_float_text(text: &[u8], slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mut mantissa, mut rest) = append_digits(0, text);
    let mut scale = 0;
    if let [b'.', fraction @ ..] = rest {
        (mantissa, rest) = append_digits(mantissa, fraction);
        scale = (fraction.len() - rest.len()) as i32;
    }
    if let [b'e', digits @ ..] = rest {
        scale -= exponent(digits);
    }
    encode_magnitude_u64(negative, mantissa, scale, slot)
}

/// Appends the decimal digits at the head of `text` to `value`; answers what follows them.
#[inline]
fn append_digits(mut value: u64, mut text: &[u8]) -> (u64, &[u8]) {
    while let Some((&head, tail)) = text.split_first_chunk::<8>() {
        let digits = u64::from_le_bytes(head) ^ 0x3030_3030_3030_3030;
        if (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080 != 0 {
            break;
        }
        // Pairs, then fours, then all eight, by one multiplication each.
        let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
        value = value * TEN_8 + ((fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff);
        text = tail;
    }
    while let [digit @ b'0'..=b'9', tail @ ..] = text {
        value = value * 10 + u64::from(digit - b'0');
        text = tail;
    }
    (value, text)
}

#[inline]
fn exponent(text: &[u8]) -> i32 {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let magnitude = text.iter().fold(0, |sum, &byte| sum * 10 + i32::from(byte - b'0'));
    if negative { -magnitude } else { magnitude }
}

/// The two base-100 digits of every number below 10^4, the higher one in the lower byte: 20 KB, of which a column uses what its values use.
static PAIRS_4: [u16; 10_000] = {
    let mut table = [0; 10_000];
    let mut value = 0;
    while value < table.len() {
        table[value] = ((value / 100) | ((value % 100) << 8)) as u16;
        value += 1;
    }
    table
};

/// Base-100 digits of `value < 10^8`: four bytes, most significant lowest.
#[inline(always)]
pub(super) fn pairs_8(value: u32) -> u32 {
    let (high, low) = ((value / 10_000) as usize, (value % 10_000) as usize);
    // `high` is below 10^4 as `value` is below 10^8; the check that the compiler cannot leave out costs one comparison.
    u32::from(PAIRS_4.get(high).copied().unwrap_or(0)) | u32::from(PAIRS_4[low]) << 16
}

/// Base-100 digits of `value < 10^16`: eight bytes, most significant lowest.
#[inline(always)]
pub(super) fn pairs_16(value: u64) -> u64 {
    u64::from(pairs_8((value / TEN_8) as u32)) | u64::from(pairs_8((value % TEN_8) as u32)) << 32
}

#[inline]
fn encode_zero(slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    slot[0] = 1;
    slot[1] = 0x80;
    Ok(NumberShape::ZERO)
}

/// The exponent byte for `0.d1 d2… × 100^exponent`.
#[inline(always)]
fn exponent_byte(negative: bool, exponent: i32) -> Result<u8, NumberError> {
    if !(-64..=63).contains(&exponent) {
        return Err(NumberError::OutOfRange);
    }
    Ok(if negative { 63 - exponent } else { 192 + exponent } as u8)
}

#[inline(always)]
fn shape(exponent: i32, count: i32, first: u8, last: u8) -> NumberShape {
    NumberShape { integer_digits: 2 * exponent - i32::from(first < 10), scale: 2 * (count - exponent) - i32::from(last.is_multiple_of(10)) }
}

/// Up to 20 decimal digits. Inlined by force: a call would hand the answer over in memory, and the shape that nobody reads would be made.
#[inline(always)]
fn encode_magnitude_u64(negative: bool, magnitude: u64, scale: i32, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    // Below 10^15 there is room to multiply by 10, so that eight base-100 digits in a u64 are enough.
    let odd = scale & 1 == 1;
    match if odd { magnitude.checked_mul(10) } else { Some(magnitude) } {
        Some(0) => encode_zero(slot),
        Some(even) if even < TEN_16 => encode_magnitude_16(negative, even, (scale + 1) >> 1, slot),
        _ => encode_magnitude_20(negative, magnitude, scale, slot),
    }
}

/// 1 to 16 decimal digits of `magnitude × 100^-pair_scale`: at most 8 base-100 digits.
#[inline(always)]
fn encode_magnitude_16(negative: bool, magnitude: u64, pair_scale: i32, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    let pairs = pairs_16(magnitude);
    let leading = pairs.trailing_zeros() / 8;
    let trailing = pairs.leading_zeros() / 8;
    let last = (pairs >> (56 - 8 * trailing)) as u8;
    let pairs = pairs >> (leading * 8);
    let count = 8 - leading - trailing;
    let exponent = 8 - leading as i32 - pair_scale;
    slot[0] = count as u8 + 1 + u8::from(negative);
    slot[1] = exponent_byte(negative, exponent)?;
    // Bytes beyond the length have no meaning, so that all eight are written.
    let body = if negative { ONES as u64 * 101 - pairs } else { pairs + ONES as u64 };
    slot[2..10].copy_from_slice(&body.to_le_bytes());
    if negative {
        slot[2 + count as usize] = NEGATIVE_TERMINATOR;
    }
    Ok(shape(exponent, count as i32, pairs as u8, last))
}

/// 16 to 20 decimal digits: at most 11 base-100 digits, which fit one u128.
fn encode_magnitude_20(negative: bool, magnitude: u64, scale: i32, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    let (even, peeled) = match scale & 1 {
        0 => (magnitude, 0),
        _ => (magnitude / 10, magnitude % 10 * 10),
    };
    let top = (even / TEN_16) as u32;
    let pairs = u128::from((top / 100) | ((top % 100) << 8)) | u128::from(pairs_16(even % TEN_16)) << 16 | u128::from(peeled) << 80;
    let leading = pairs.trailing_zeros() / 8;
    let trailing = pairs.leading_zeros() / 8;
    let last = (pairs >> (120 - 8 * trailing)) as u8;
    let pairs = pairs >> (leading * 8);
    let count = 16 - leading - trailing;
    let exponent = 10 - leading as i32 - (scale >> 1);
    slot[0] = count as u8 + 1 + u8::from(negative);
    slot[1] = exponent_byte(negative, exponent)?;
    let body = if negative { ONES * 101 - pairs } else { pairs + ONES };
    slot[2..18].copy_from_slice(&body.to_le_bytes());
    if negative {
        slot[2 + count as usize] = NEGATIVE_TERMINATOR;
    }
    Ok(shape(exponent, count as i32, pairs as u8, last))
}

/// High 128 bits of a 256-bit product.
#[inline]
fn multiply_high(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let middle = a_high * b_low + ((a_low * b_low) >> 64);
    let middle_2 = a_low * b_high + (middle & LOW);
    a_high * b_high + (middle >> 64) + (middle_2 >> 64)
}

/// `value / 10^16` and `value % 10^16`.
///
/// `m = value >> 16 < 2^112` is divided by `5^16 < 2^38`: with `M = ceil(2^150 / 5^16)` the error `m × (M × 5^16 - 2^150)` stays below 2^150,
/// so `m × M >> 150` is the exact quotient.
#[inline]
fn divide_ten_16(value: u128) -> (u128, u64) {
    const RECIPROCAL: u128 = reciprocal(TEN_16 >> 16, 150);
    let quotient = multiply_high(value >> 16, RECIPROCAL) >> 22;
    (quotient, (value as u64).wrapping_sub((quotient as u64).wrapping_mul(TEN_16)))
}

/// `value / 10^17` and `value % 10^17`; as [`divide_ten_16`] with `m < 2^111`, `5^17 < 2^40` and 2^151.
#[inline]
fn divide_ten_17(value: u128) -> (u128, u64) {
    const RECIPROCAL: u128 = reciprocal(TEN_17 >> 17, 151);
    let quotient = multiply_high(value >> 17, RECIPROCAL) >> 23;
    (quotient, (value as u64).wrapping_sub((quotient as u64).wrapping_mul(TEN_17)))
}

/// `floor(2^bits / divisor) + 1`, by long division; the divisor is odd, so this is the ceiling.
const fn reciprocal(divisor: u64, bits: u32) -> u128 {
    let (mut quotient, mut remainder, mut bit) = (0u128, 1u128, 0);
    while bit < bits {
        remainder *= 2;
        quotient *= 2;
        if remainder >= divisor as u128 {
            remainder -= divisor as u128;
            quotient += 1;
        }
        bit += 1;
    }
    quotient + 1
}

/// Up to 39 decimal digits: at most 20 base-100 digits, in two u128.
#[inline(always)]
pub(super) fn encode_u128(negative: bool, magnitude: u128, scale: i32, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    if let Ok(small) = u64::try_from(magnitude) {
        return encode_magnitude_u64(negative, small, scale, slot);
    }
    encode_magnitude_u128(negative, magnitude, scale, slot)
}

fn encode_magnitude_u128(negative: bool, magnitude: u128, scale: i32, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    // rest × 10^16 + low, and a peeled digit below when the scale is odd.
    let (rest, low, peeled) = match scale & 1 {
        0 => {
            let (rest, low) = divide_ten_16(magnitude);
            (rest, low, 0)
        }
        _ => {
            let (rest, low) = divide_ten_17(magnitude);
            (rest, low / 10, low % 10 * 10)
        }
    };
    // rest < 2^128 / 10^16 < 2^75, so that rest >> 16 is a u64.
    let top = (rest >> 16) as u64 / (TEN_16 >> 16);
    let middle = (rest as u64).wrapping_sub(top.wrapping_mul(TEN_16));
    let (top, middle, low) = (pairs_8(top as u32), pairs_16(middle), pairs_16(low));
    // 21 bytes: 4 top, 8 middle, 8 low, 1 peeled. A magnitude of 2^64 and more leaves top or middle with a digit.
    let lower = u128::from(top) | u128::from(middle) << 32 | u128::from(low) << 96;
    let upper = u128::from(low >> 32) | u128::from(peeled) << 32;
    let leading = lower.trailing_zeros() / 8;
    let end = match upper {
        0 => 16 - lower.leading_zeros() / 8,
        _ => 32 - upper.leading_zeros() / 8,
    };
    let (shift, count) = (leading * 8, end - leading);
    let first_16 = lower >> shift | (upper << 1) << (127 - shift);
    let next_4 = (upper >> shift) as u32;
    let exponent = 20 - leading as i32 - (scale >> 1);
    slot[1] = exponent_byte(negative, exponent)?;
    slot[0] = count as u8 + 1;
    let (first_pair, last_pair) =
        (first_16 as u8, if count > 16 { next_4 >> (8 * (count - 17)) } else { (first_16 >> (8 * (count - 1))) as u32 } as u8);
    if negative {
        slot[2..18].copy_from_slice(&(ONES * 101 - first_16).to_le_bytes());
        slot[18..22].copy_from_slice(&(ONES as u32 * 101 - next_4).to_le_bytes());
        terminate_negative(slot, count as usize);
    } else {
        slot[2..18].copy_from_slice(&(first_16 + ONES).to_le_bytes());
        slot[18..22].copy_from_slice(&(next_4 + ONES as u32).to_le_bytes());
    }
    Ok(shape(exponent, count as i32, first_pair, last_pair))
}

#[inline]
fn terminate_negative(slot: &mut NumberSlot, count: usize) {
    if count < MAX_PAIRS {
        slot[2 + count] = NEGATIVE_TERMINATOR;
        slot[0] += 1;
    }
}

/// 40 to 77 decimal digits (Decimal256 beyond 128 bits): rare, so by plain long division.
#[cold]
fn encode_wide(negative: bool, low: u128, high: u128, scale: i32, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
    let mut limbs = [low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64];
    // 39 base-100 digits and a peeled one.
    let mut pairs = [0u8; 41];
    if scale & 1 == 1 {
        pairs[40] = (divide_limbs(&mut limbs, 10) * 10) as u8;
    }
    for chunk in pairs[..40].rchunks_exact_mut(8) {
        chunk.copy_from_slice(&pairs_16(divide_limbs(&mut limbs, TEN_16)).to_le_bytes());
    }
    let leading = pairs.iter().position(|&pair| pair != 0).unwrap_or(0);
    let end = pairs.iter().rposition(|&pair| pair != 0).map_or(0, |last| last + 1);
    let significant = &pairs[leading..end];
    let count = significant.len();
    if count > MAX_PAIRS {
        return Err(NumberError::TooManyDigits);
    }
    let exponent = 40 - leading as i32 - (scale >> 1);
    slot[1] = exponent_byte(negative, exponent)?;
    slot[0] = count as u8 + 1;
    for (byte, &pair) in slot[2..NUMBER_SLOT_BYTES].iter_mut().zip(significant) {
        *byte = if negative { 101 - pair } else { pair + 1 };
    }
    if negative {
        terminate_negative(slot, count);
    }
    Ok(shape(exponent, count as i32, significant[0], significant[count - 1]))
}

/// Divides 256 bits (lowest limb first) in place and returns the remainder.
fn divide_limbs(limbs: &mut [u64; 4], divisor: u64) -> u64 {
    let mut remainder = 0;
    for limb in limbs.iter_mut().rev() {
        let part = u128::from(remainder) << 64 | u128::from(*limb);
        *limb = (part / u128::from(divisor)) as u64;
        remainder = (part % u128::from(divisor)) as u64;
    }
    remainder
}
