//! NUMBER bytes → digits → integers with a scale, exact text, f64.

use std::fmt;

use super::{MAX_PAIRS, NumberError, NumberShape, NumberSlot};

/// A decoded NUMBER: `±0.d1 d2… × 100^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    negative: bool,
    exponent: i32,
    count: usize,
    pairs: [u8; MAX_PAIRS],
}

impl Digits {
    /// Zero.
    pub const ZERO: Digits = Digits { negative: false, exponent: 0, count: 0, pairs: [0; MAX_PAIRS] };

    /// Reads a slot; only the canonical form is accepted, infinities are [`NumberError::NotFinite`].
    pub fn decode(slot: &NumberSlot) -> Result<Digits, NumberError> {
        let bytes = slot.get(1..=usize::from(slot[0])).filter(|bytes| !bytes.is_empty()).ok_or(NumberError::Malformed)?;
        Digits::decode_bytes(bytes)
    }

    /// Reads the stored bytes: exponent byte and digits, without a length byte.
    pub fn decode_bytes(bytes: &[u8]) -> Result<Digits, NumberError> {
        let (&exponent, mut body) = bytes.split_first().ok_or(NumberError::Malformed)?;
        match bytes {
            [0x80] => return Ok(Digits::ZERO),
            [0x00] | [0xff, 0x65] => return Err(NumberError::NotFinite),
            _ => {}
        }
        let negative = exponent < 0x80;
        if negative && body.len() <= MAX_PAIRS {
            match body.split_last() {
                Some((102, rest)) => body = rest,
                _ if body.len() == MAX_PAIRS => {}
                _ => return Err(NumberError::Malformed),
            }
        }
        if body.is_empty() || body.len() > MAX_PAIRS {
            return Err(NumberError::Malformed);
        }
        let exponent = if negative { 63 - i32::from(exponent) } else { i32::from(exponent) - 192 };
        let mut digits = Digits { negative, exponent, count: body.len(), pairs: [0; MAX_PAIRS] };
        for (pair, &byte) in digits.pairs.iter_mut().zip(body) {
            *pair = if negative { 101u8.wrapping_sub(byte) } else { byte.wrapping_sub(1) };
        }
        let pairs = digits.pairs();
        match pairs.iter().any(|&pair| pair > 99) || pairs[0] == 0 || pairs[pairs.len() - 1] == 0 {
            true => Err(NumberError::Malformed),
            false => Ok(digits),
        }
    }

    /// Base-100 digits, most significant first; empty for zero.
    pub fn pairs(&self) -> &[u8] {
        &self.pairs[..self.count]
    }

    /// Below zero.
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// Where its decimal digits begin and end.
    pub fn shape(&self) -> NumberShape {
        match self.pairs() {
            [] => NumberShape::ZERO,
            pairs => NumberShape {
                integer_digits: 2 * self.exponent - i32::from(pairs[0] < 10),
                scale: 2 * (self.count as i32 - self.exponent) - i32::from(pairs[self.count - 1].is_multiple_of(10)),
            },
        }
    }

    /// `value × 10^scale` when it is an integer that fits.
    pub fn to_i128(&self, scale: i32) -> Result<i128, NumberError> {
        let (low, high) = self.magnitude(scale)?;
        match (high, self.negative) {
            (0, false) => i128::try_from(low).map_err(|_| NumberError::NotRepresentable),
            (0, true) if low <= 1 << 127 => Ok((low as i128).wrapping_neg()),
            _ => Err(NumberError::NotRepresentable),
        }
    }

    /// `value × 10^scale` as a 256-bit two's complement integer (low, high) when it is an integer that fits.
    pub fn to_i256(&self, scale: i32) -> Result<(u128, i128), NumberError> {
        let (low, high) = self.magnitude(scale)?;
        if high >> 127 != 0 {
            return Err(NumberError::NotRepresentable);
        }
        Ok(match self.negative {
            false => (low, high as i128),
            true => (low.wrapping_neg(), (!high).wrapping_add(u128::from(low == 0)) as i128),
        })
    }

    /// Absolute value × 10^scale as 256 bits.
    fn magnitude(&self, scale: i32) -> Result<(u128, u128), NumberError> {
        let shape = self.shape();
        if shape.scale > scale {
            return Err(NumberError::NotRepresentable);
        }
        // The pairs as an integer have the scale 2 × (count - exponent); the ending 0 of an odd scale puts that one digit above the asked one.
        let missing = scale - 2 * (self.count as i32 - self.exponent);
        let mut value = (0u128, 0u128);
        for (index, &pair) in self.pairs().iter().enumerate() {
            value = match missing < 0 && index + 1 == self.count {
                false => multiply_add(value, 100, u64::from(pair))?,
                true => multiply_add(value, 10, u64::from(pair / 10))?,
            };
        }
        if self.count > 0 {
            for _ in 0..missing {
                value = multiply_add(value, 10, 0)?;
            }
        }
        Ok(value)
    }

    /// The nearest f64; 0 and infinity never come out of a NUMBER that is neither.
    pub fn to_f64(&self) -> f64 {
        /// Sign, 40 digits, `e`, and an exponent of at most four bytes.
        const TEXT_BYTES: usize = 2 * MAX_PAIRS + 6;
        let (mut text, mut end) = ([0u8; TEXT_BYTES], 0);
        let mut push = |bytes: &[u8]| {
            text[end..end + bytes.len()].copy_from_slice(bytes);
            end += bytes.len();
        };
        push(if self.negative { b"-" } else { b"" });
        let (digits, length) = self.decimal_digits();
        push(if self.count == 0 { b"0" } else { &digits[..length] });
        let exponent = if self.count == 0 { 0 } else { 2 * (self.exponent - self.count as i32) };
        push(if exponent < 0 { b"e-" } else { b"e+" });
        let [hundreds, rest] = [exponent.unsigned_abs() / 100, exponent.unsigned_abs() % 100];
        push(&[b'0' + hundreds as u8]);
        push(&TWO_DIGITS[rest as usize]);
        std::str::from_utf8(&text[..end]).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
    }

    /// Two digits for each pair, and how many.
    fn decimal_digits(&self) -> ([u8; 2 * MAX_PAIRS], usize) {
        let mut digits = [b'0'; 2 * MAX_PAIRS];
        let (places, _) = digits.as_chunks_mut::<2>();
        for (place, &pair) in places.iter_mut().zip(self.pairs()) {
            *place = TWO_DIGITS[usize::from(pair.min(99))];
        }
        (digits, 2 * self.count)
    }
}

/// `00` to `99`.
const TWO_DIGITS: [[u8; 2]; 100] = {
    let (mut texts, mut index) = ([[0; 2]; 100], 0);
    while index < texts.len() {
        texts[index] = [b'0' + index as u8 / 10, b'0' + index as u8 % 10];
        index += 1;
    }
    texts
};

impl fmt::Display for Digits {
    /// Exact decimal text without an exponent: `-123.45`, `0.001`, `1200`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_text(f)
    }
}

impl Digits {
    /// As `Display`, without the cost of a formatter.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_text(&self, out: &mut impl fmt::Write) -> fmt::Result {
        /// More than are ever needed: a NUMBER has at most 130 of them.
        const ZEROS: &str = match std::str::from_utf8(&[b'0'; 256]) {
            Ok(zeros) => zeros,
            Err(_) => "",
        };
        let NumberShape { integer_digits, .. } = self.shape();
        let (digits, length) = self.decimal_digits();
        let text = std::str::from_utf8(&digits[..length]).map_err(|_| fmt::Error)?;
        if text.is_empty() {
            return out.write_char('0');
        }
        // The pairs begin and end with at most one 0 that is no digit of the number.
        let text = text.strip_prefix('0').unwrap_or(text);
        let text = text.strip_suffix('0').unwrap_or(text);
        if self.negative {
            out.write_char('-')?;
        }
        match usize::try_from(integer_digits) {
            Ok(before @ 1..) if before >= text.len() => {
                out.write_str(text)?;
                out.write_str(&ZEROS[..before - text.len()])
            }
            Ok(before @ 1..) => {
                out.write_str(&text[..before])?;
                out.write_char('.')?;
                out.write_str(&text[before..])
            }
            _ => {
                out.write_str("0.")?;
                out.write_str(&ZEROS[..integer_digits.unsigned_abs() as usize])?;
                out.write_str(text)
            }
        }
    }
}

/// `value × 10^scale` of a slot when it is an integer that fits, without going through [`Digits`]: what reading a column needs for each value.
#[inline]
pub fn decode_i128(slot: &NumberSlot, scale: i32) -> Result<i128, NumberError> {
    let bytes = slot.get(1..=usize::from(slot[0])).ok_or(NumberError::Malformed)?;
    let (exponent, body) = match *bytes {
        [0x80] => return Ok(0),
        [] | [0x00] | [0xff, 0x65] => return Digits::decode(slot).map(|_| 0),
        [exponent, ref body @ ..] => (exponent, body),
    };
    let negative = exponent < 0x80;
    let (exponent, body) = match (negative, body) {
        (true, [body @ .., 102]) if body.len() < MAX_PAIRS => (63 - i32::from(exponent), body),
        (true, body) if body.len() == MAX_PAIRS => (63 - i32::from(exponent), body),
        (true, _) => return Err(NumberError::Malformed),
        (false, body) => (i32::from(exponent) - 192, body),
    };
    let magnitude = pairs_times_power(body, negative, scale - 2 * (body.len() as i32 - exponent))?;
    match negative {
        false => i128::try_from(magnitude).map_err(|_| NumberError::NotRepresentable),
        true if magnitude <= 1 << 127 => Ok((magnitude as i128).wrapping_neg()),
        true => Err(NumberError::NotRepresentable),
    }
}

/// The digit bytes as an integer, times `10^missing`.
#[inline]
fn pairs_times_power(body: &[u8], negative: bool, missing: i32) -> Result<u128, NumberError> {
    /// Pairs that always fit a u64.
    const CHUNK_PAIRS: usize = 9;
    let pair_of = |byte: u8| if negative { 101u8.wrapping_sub(byte) } else { byte.wrapping_sub(1) };
    let (&last_byte, before_last) = body.split_last().ok_or(NumberError::Malformed)?;
    let (first, last) = (pair_of(body[0]), pair_of(last_byte));
    if body.len() > MAX_PAIRS || first == 0 || last == 0 || last > 99 {
        return Err(NumberError::Malformed);
    }
    // At an odd scale the ending 0 of the last pair is one digit too many: 39 digits would not fit where 38 do.
    let (pairs, single) = match missing {
        -1 if last.is_multiple_of(10) => (before_last, Some(last / 10)),
        ..0 => return Err(NumberError::NotRepresentable),
        _ => (body, None),
    };
    let (mut value, mut largest) = (0u128, 0u8);
    for chunk in pairs.chunks(CHUNK_PAIRS) {
        let mut part = 0u64;
        for &byte in chunk {
            let pair = pair_of(byte);
            largest = largest.max(pair);
            part = part.wrapping_mul(100).wrapping_add(u64::from(pair));
        }
        value = match value {
            0 => u128::from(part),
            before => multiply_add_u128(before, POWERS_OF_TEN[2 * chunk.len()], u128::from(part))?,
        };
    }
    if largest > 99 {
        return Err(NumberError::Malformed);
    }
    match (single, missing) {
        (Some(digit), _) => multiply_add_u128(value, 10, u128::from(digit)),
        (None, 0) => Ok(value),
        (None, power) => multiply_add_u128(value, *POWERS_OF_TEN.get(power as usize).ok_or(NumberError::NotRepresentable)?, 0),
    }
}

#[inline]
fn multiply_add_u128(value: u128, factor: u128, addend: u128) -> Result<u128, NumberError> {
    value.checked_mul(factor).and_then(|product| product.checked_add(addend)).ok_or(NumberError::NotRepresentable)
}

/// 10^0 to 10^38.
const POWERS_OF_TEN: [u128; 39] = {
    let mut powers = [1u128; 39];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// `value × factor + addend` over 256 bits.
fn multiply_add((low, high): (u128, u128), factor: u64, addend: u64) -> Result<(u128, u128), NumberError> {
    let mut limbs = [low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64];
    let mut carry = addend;
    for limb in &mut limbs {
        let product = u128::from(*limb) * u128::from(factor) + u128::from(carry);
        *limb = product as u64;
        carry = (product >> 64) as u64;
    }
    match carry {
        0 => Ok((u128::from(limbs[1]) << 64 | u128::from(limbs[0]), u128::from(limbs[3]) << 64 | u128::from(limbs[2]))),
        _ => Err(NumberError::NotRepresentable),
    }
}
