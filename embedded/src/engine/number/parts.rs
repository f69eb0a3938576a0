//! Numbers taken apart, as arithmetic wants them.

use super::{MAX_DIGITS, MAX_WEIGHT, MIN_WEIGHT, Number, NumberError};

/// A value in parts: `digits[0]` (base 100) weighs 100^`weight`. Not normalised.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub negative: bool,
    pub weight: i32,
    pub len: usize,
    pub digits: [u8; 48],
}

impl Parts {
    pub const ZERO: Parts = Parts { negative: false, weight: 0, len: 0, digits: [0; 48] };

    pub fn push(&mut self, digit: u8) {
        if self.len < self.digits.len() {
            self.digits[self.len] = digit;
            self.len += 1;
        }
    }

    /// Adds one to the digit before `index`, carrying leftwards.
    pub fn carry_into(&mut self, index: usize) {
        for at in (0..index).rev() {
            self.digits[at] += 1;
            if self.digits[at] < 100 {
                return;
            }
            self.digits[at] = 0;
        }
        let last = self.digits.len() - 1;
        self.digits.copy_within(0..last, 1);
        self.digits[0] = 1;
        self.len = (self.len + 1).min(self.digits.len());
        self.weight += 1;
    }

    /// Rounds half away from zero so that no decimal digit right of 10^-`scale` is left.
    pub fn round(&mut self, scale: i32) {
        let dropped_power = -scale - 1;
        let index = self.weight - dropped_power.div_euclid(2);
        if index < 0 {
            self.len = 0;
            return;
        }
        let index = index as usize;
        if index >= self.len {
            return;
        }
        let digit = self.digits[index];
        if dropped_power.rem_euclid(2) == 1 {
            self.len = index;
            if digit >= 50 {
                self.carry_into(index);
            }
            return;
        }
        self.len = index + 1;
        let ones = digit % 10;
        self.digits[index] = digit - ones;
        if ones >= 5 {
            self.digits[index] += 10;
            if self.digits[index] == 100 {
                self.len = index;
                self.carry_into(index);
            }
        }
    }

    pub fn normalise(&mut self) {
        let leading = self.digits[..self.len].iter().take_while(|digit| **digit == 0).count();
        if leading > 0 {
            self.digits.copy_within(leading..self.len, 0);
            self.len -= leading;
            self.weight -= leading as i32;
        }
        while self.len > 0 && self.digits[self.len - 1] == 0 {
            self.len -= 1;
        }
    }

    /// Canonical bytes, rounded to 20 digits of base 100.
    pub fn pack(mut self) -> Result<Number, NumberError> {
        self.normalise();
        if self.len > MAX_DIGITS {
            let round_up = self.digits[MAX_DIGITS] >= 50;
            self.len = MAX_DIGITS;
            if round_up {
                self.carry_into(MAX_DIGITS);
                self.len = self.len.min(MAX_DIGITS);
            }
            self.normalise();
        }
        if self.len == 0 || self.weight < MIN_WEIGHT {
            return Ok(Number::ZERO);
        }
        if self.weight > MAX_WEIGHT {
            return Err(NumberError::Overflow);
        }
        let mut number = Number { len: 0, bytes: [0; 21] };
        let digits = &self.digits[..self.len];
        number.bytes[0] = if self.negative { (MAX_WEIGHT - self.weight) as u8 } else { (193 + self.weight) as u8 };
        for (byte, digit) in number.bytes[1..].iter_mut().zip(digits) {
            *byte = if self.negative { 101 - digit } else { digit + 1 };
        }
        let mut len = 1 + digits.len();
        if self.negative && digits.len() < MAX_DIGITS {
            number.bytes[len] = 102;
            len += 1;
        }
        number.len = len as u8;
        Ok(number)
    }
}
