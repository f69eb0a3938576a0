//! NUMBER from and to text.

use super::{MAX_DIGITS, Number, NumberError, Parts};

impl Number {
    /// Reads a decimal number: sign, digits, point, exponent; blanks around it are skipped. Digits beyond 40 are rounded.
    pub fn parse(text: &str) -> Result<Number, NumberError> {
        let text = text.trim_matches(' ');
        let (negative, text) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if integer.len() + fraction.len() == 0 || !all_digits(integer) || !all_digits(fraction) {
            return Err(NumberError::Invalid);
        }
        let mut digits = integer.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').peekable();
        let mut power = integer.len() as i64 - 1 + exponent; // power of ten of the next digit
        while digits.next_if_eq(&0).is_some() {
            power -= 1;
        }
        if digits.peek().is_none() {
            return Ok(Number::ZERO);
        }
        if power > 200 {
            return Err(NumberError::Overflow);
        }
        if power < -200 {
            return Ok(Number::ZERO);
        }
        let mut parts = Parts { negative, weight: power.div_euclid(2) as i32, ..Parts::ZERO };
        if power.rem_euclid(2) == 0 {
            parts.push(digits.next().unwrap_or(0));
        }
        while let Some(tens) = digits.next() {
            parts.push(tens * 10 + digits.next().unwrap_or(0));
        }
        parts.pack()
    }

    /// Text as TO_CHAR without a format writes it: fixed notation up to 40 digits, else a scientific one of 40 characters.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(42);
        self.write_text(&mut text);
        text
    }

    /// [`Number::to_text`], appended to `out`.
    pub fn write_text(&self, out: &mut String) {
        let parts = self.parts();
        if fixed_digits(&parts) <= 40 { write_fixed(&parts, out) } else { write_scientific(&rounded_to(*self, 35).parts(), Some(34), out) }
    }

    /// Text as TO_CHAR(n, 'TM9') writes it: exact; fixed notation up to 64 characters, else scientific.
    pub fn to_text_tm9(&self) -> String {
        let parts = self.parts();
        let mut text = String::with_capacity(64);
        if fixed_digits(&parts) <= 63 {
            write_fixed(&parts, &mut text)
        } else {
            write_scientific(&parts, None, &mut text)
        }
        text
    }

    /// Exact scientific notation, whatever the size.
    pub fn scientific(&self) -> String {
        let mut text = String::with_capacity(48);
        write_scientific(&self.parts(), None, &mut text);
        text
    }

    /// Exact decimal digits without exponent, whatever the size: (negative, digits left of the point, digits right of it).
    pub fn decimal_digits(&self) -> (bool, String, String) {
        let mut text = String::new();
        write_fixed(&self.parts(), &mut text);
        let digits = text.trim_start_matches('-');
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        (self.is_negative(), if integer == "0" { String::new() } else { integer.to_owned() }, fraction.to_owned())
    }
}

fn parse_exponent(text: &str) -> Result<i64, NumberError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::Invalid);
    }
    let value = digits.parse::<i64>().unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
    Ok(if text.starts_with('-') { -value } else { value })
}

fn rounded_to(number: Number, digits: i32) -> Number {
    if number.is_zero() {
        return number;
    }
    number.round_scale(digits - number.digit_counts().0).unwrap_or(number)
}

/// Decimal digits that fixed notation needs.
fn fixed_digits(parts: &Parts) -> i32 {
    let integer = 2 * (parts.weight + 1);
    let integer = if parts.len > 0 && parts.digits[0] < 10 { integer - 1 } else { integer };
    let last = parts.digits[..parts.len].last().copied().unwrap_or(1);
    let fraction = 2 * (parts.len as i32 - 1 - parts.weight) - i32::from(last.is_multiple_of(10));
    integer.max(0) + fraction.max(0)
}

fn write_fixed(parts: &Parts, out: &mut String) {
    if parts.len == 0 {
        out.push('0');
        return;
    }
    if parts.negative {
        out.push('-');
    }
    let digits = &parts.digits[..parts.len];
    let start = out.len();
    for index in 0..=parts.weight {
        push_pair(out, digits.get(index as usize).copied().unwrap_or(0));
    }
    if parts.weight >= 0 && digits[0] < 10 {
        out.remove(start);
    }
    let fraction_pairs = parts.len as i32 - 1 - parts.weight;
    if fraction_pairs > 0 {
        out.push('.');
        for index in parts.weight + 1..parts.len as i32 {
            push_pair(out, usize::try_from(index).ok().and_then(|index| digits.get(index)).copied().unwrap_or(0));
        }
        if out.ends_with('0') {
            out.pop();
        }
    }
}

/// d.ddd…E±nn, with `fraction` digits after the point, or as many as there are.
fn write_scientific(parts: &Parts, fraction: Option<usize>, out: &mut String) {
    use std::fmt::Write;
    let mut digits = String::with_capacity(2 * MAX_DIGITS);
    for digit in &parts.digits[..parts.len] {
        push_pair(&mut digits, *digit);
    }
    let mut power = 2 * parts.weight + 1;
    if digits.starts_with('0') {
        digits.remove(0);
        power -= 1;
    }
    if digits.is_empty() {
        digits.push('0');
        power = 0;
    }
    match fraction {
        Some(fraction) => {
            while digits.len() <= fraction {
                digits.push('0');
            }
            digits.truncate(fraction + 1);
        }
        None => digits.truncate(digits.trim_end_matches('0').len().max(1)),
    }
    if parts.negative {
        out.push('-');
    }
    out.push_str(&digits[..1]);
    if digits.len() > 1 {
        out.push('.');
        out.push_str(&digits[1..]);
    }
    let sign = if power < 0 { '-' } else { '+' };
    // Writing to a String cannot fail.
    let _ = write!(out, "E{sign}{:02}", power.abs());
}

fn push_pair(out: &mut String, digit: u8) {
    out.push(char::from(b'0' + digit / 10));
    out.push(char::from(b'0' + digit % 10));
}
