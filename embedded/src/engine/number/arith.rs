//! Arithmetic on NUMBER, rounded to 20 base-100 digits as the server does.

use std::cmp::Ordering;

use super::{Number, NumberError, Parts};

/// Digits kept while adding and dividing: 20 and enough beyond them to round.
const WORK_DIGITS: usize = 44;

impl Number {
    /// The negative of this value.
    pub fn neg(&self) -> Number {
        let mut parts = self.parts();
        parts.negative = !parts.negative;
        parts.pack().unwrap_or(*self)
    }

    /// The magnitude of this value.
    pub fn abs(&self) -> Number {
        if self.is_negative() { self.neg() } else { *self }
    }

    /// Sum.
    pub fn add(&self, other: &Number) -> Result<Number, NumberError> {
        if self.is_zero() {
            return Ok(*other);
        }
        if other.is_zero() {
            return Ok(*self);
        }
        let (mut large, mut small) = (self.parts(), other.parts());
        if magnitude_cmp(&large, &small) == Ordering::Less {
            std::mem::swap(&mut large, &mut small);
        }
        let shift = (large.weight - small.weight) as usize;
        if shift > 22 {
            return large.pack();
        }
        let mut sum = [0i16; WORK_DIGITS + 1]; // one place before the first digit for the carry
        for (index, digit) in large.digits[..large.len].iter().enumerate() {
            sum[index + 1] += i16::from(*digit);
        }
        let sign = if large.negative == small.negative { 1 } else { -1 };
        for (index, digit) in small.digits[..small.len].iter().enumerate() {
            sum[index + shift + 1] += sign * i16::from(*digit);
        }
        let mut parts = Parts { negative: large.negative, weight: large.weight + 1, ..Parts::ZERO };
        let mut carry = 0i16;
        for index in (0..sum.len()).rev() {
            let value = sum[index] + carry;
            carry = value.div_euclid(100);
            parts.digits[index] = value.rem_euclid(100) as u8;
        }
        parts.len = sum.len();
        parts.pack()
    }

    /// Difference.
    pub fn sub(&self, other: &Number) -> Result<Number, NumberError> {
        self.add(&other.neg())
    }

    /// Product.
    pub fn mul(&self, other: &Number) -> Result<Number, NumberError> {
        let (a, b) = (self.parts(), other.parts());
        let mut product = [0u32; 41];
        for (i, x) in a.digits[..a.len].iter().enumerate() {
            for (j, y) in b.digits[..b.len].iter().enumerate() {
                product[i + j + 1] += u32::from(*x) * u32::from(*y);
            }
        }
        let mut parts = Parts { negative: a.negative != b.negative, weight: a.weight + b.weight + 1, ..Parts::ZERO };
        let mut carry = 0;
        for index in (0..product.len()).rev() {
            let value = product[index] + carry;
            carry = value / 100;
            parts.digits[index] = (value % 100) as u8;
        }
        parts.len = product.len();
        parts.pack()
    }

    /// Quotient.
    pub fn div(&self, other: &Number) -> Result<Number, NumberError> {
        if other.is_zero() {
            return Err(NumberError::ZeroDivide);
        }
        let (a, b) = (self.parts(), other.parts());
        let divisor = Places::of(&b.digits[..b.len]);
        let mut remainder = Places::default();
        let mut parts = Parts { negative: a.negative != b.negative, weight: a.weight - b.weight + b.len as i32 - 1, ..Parts::ZERO };
        for index in 0..WORK_DIGITS {
            remainder.shift_in(a.digits[..a.len].get(index).copied().unwrap_or(0));
            parts.push(remainder.take_multiples(&divisor));
        }
        // Leading zeros of the quotient: the first digit belongs to the place of the first dividend digit against the last divisor digit.
        parts.weight = a.weight - (b.weight - (b.len as i32 - 1));
        parts.pack()
    }
}

fn magnitude_cmp(a: &Parts, b: &Parts) -> Ordering {
    a.weight.cmp(&b.weight).then_with(|| a.digits[..a.len].cmp(&b.digits[..b.len]))
}

/// A whole number of at most 22 base-100 digits, right-aligned.
#[derive(Default, Clone, Copy)]
struct Places([u8; 22]);

impl Places {
    fn of(digits: &[u8]) -> Places {
        let mut places = Places::default();
        places.0[22 - digits.len()..].copy_from_slice(digits);
        places
    }

    fn shift_in(&mut self, digit: u8) {
        self.0.copy_within(1.., 0);
        self.0[21] = digit;
    }

    /// Subtracts `divisor` as often as it goes (under 100 times) and counts.
    fn take_multiples(&mut self, divisor: &Places) -> u8 {
        let first = divisor.0.iter().position(|digit| *digit != 0).unwrap_or(21);
        let (start, end) = (first.saturating_sub(1), (first + 6).min(22));
        let lead = |places: &Places| places.0[start..end].iter().fold(0u64, |value, digit| value * 100 + u64::from(*digit));
        let mut count = lead(self) / (lead(divisor) + 1);
        if count > 0 {
            self.subtract(divisor, count as i32);
        }
        while self.0 >= divisor.0 {
            self.subtract(divisor, 1);
            count += 1;
        }
        count as u8
    }

    fn subtract(&mut self, divisor: &Places, times: i32) {
        let mut borrow = 0i32;
        for index in (0..22).rev() {
            let value = i32::from(self.0[index]) - times * i32::from(divisor.0[index]) + borrow;
            borrow = value.div_euclid(100);
            self.0[index] = value.rem_euclid(100) as u8;
        }
    }
}
