//! Integers and decimals as text, exactly.

use arrow::datatypes::i256;

/// Most significant digits of any Arrow decimal.
const MAX_DIGITS: usize = 76;

/// Appends a number without going through the formatting machinery.
pub(super) fn push_u64(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// As [`push_u64`], with its sign.
pub(super) fn push_i64(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    push_u64(out, number.unsigned_abs());
}

/// `mantissa × 10^-scale` with all its digits: `-12.340`, `12000` for a negative scale.
pub(super) fn push_decimal(out: &mut Vec<u8>, mantissa: i128, scale: i8) {
    let mut digits = Vec::new();
    match u64::try_from(mantissa.unsigned_abs()) {
        Ok(small) => push_u64(&mut digits, small),
        Err(_) => digits.extend_from_slice(mantissa.unsigned_abs().to_string().as_bytes()),
    }
    push_point(out, mantissa < 0, &digits, scale);
}

/// As [`push_decimal`].
pub(super) fn push_wide_decimal(out: &mut Vec<u8>, mantissa: i256, scale: i8) {
    let text = mantissa.to_string();
    let digits = text.strip_prefix('-');
    push_point(out, digits.is_some(), digits.unwrap_or(&text).as_bytes(), scale);
}

fn push_point(out: &mut Vec<u8>, negative: bool, digits: &[u8], scale: i8) {
    if negative {
        out.push(b'-');
    }
    let Ok(scale) = usize::try_from(scale) else {
        out.extend_from_slice(digits);
        if digits != b"0" {
            out.extend(std::iter::repeat_n(b'0', usize::from(scale.unsigned_abs())));
        }
        return;
    };
    let whole = digits.len().saturating_sub(scale);
    if whole == 0 {
        out.push(b'0');
    }
    out.extend_from_slice(&digits[..whole]);
    if scale > 0 {
        out.push(b'.');
        out.extend(std::iter::repeat_n(b'0', scale.saturating_sub(digits.len())));
        out.extend_from_slice(&digits[whole..]);
    }
}

/// A decimal number as it was written: `digits × 10^exponent`, without zeros at either end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: [u8; MAX_DIGITS],
    count: usize,
    exponent: i32,
}

impl Decimal {
    /// `[+-]digits[.digits][e[+-]digits]`, with a digit on at least one side of the point.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const NO_NUMBER: &str = "is no number";
        let bytes = text.as_bytes();
        let (negative, body) = match bytes.first() {
            Some(b'-') => (true, &bytes[1..]),
            Some(b'+') => (false, &bytes[1..]),
            _ => (false, bytes),
        };
        let (mantissa, exponent) = match body.iter().position(|b| matches!(b, b'e' | b'E')) {
            Some(at) => (&body[..at], parse_exponent(&body[at + 1..]).ok_or(NO_NUMBER)?),
            None => (body, 0),
        };
        let mut decimal = Decimal { negative, digits: [0; MAX_DIGITS], count: 0, exponent };
        let (mut seen_digit, mut after_point, mut pending_zeros) = (false, false, 0);
        for &byte in mantissa {
            match byte {
                b'.' if !after_point => after_point = true,
                b'0'..=b'9' => {
                    seen_digit = true;
                    decimal.exponent -= i32::from(after_point);
                    decimal.push(byte - b'0', &mut pending_zeros)?;
                }
                _ => return Err(NO_NUMBER),
            }
        }
        if !seen_digit {
            return Err(NO_NUMBER);
        }
        decimal.exponent += pending_zeros as i32;
        if decimal.count == 0 {
            (decimal.exponent, decimal.negative) = (0, false);
        }
        Ok(decimal)
    }

    /// Zeros count only when a digit follows.
    fn push(&mut self, digit: u8, pending_zeros: &mut usize) -> Result<(), &'static str> {
        if digit == 0 {
            *pending_zeros += usize::from(self.count > 0);
            return Ok(());
        }
        let place = self.count + std::mem::take(pending_zeros);
        *self.digits.get_mut(place).ok_or("has more than 76 significant digits")? = digit;
        self.count = place + 1;
        Ok(())
    }

    /// Digits left of the point when there are any, and right of it: what a decimal type needs.
    pub(super) fn digits(&self) -> (i32, i32) {
        let whole = (self.count as i32 + self.exponent).max(0);
        (whole, (-self.exponent).max(0))
    }

    /// The mantissa for a scale; `None` when it has more digits after the point, or does not fit.
    pub(super) fn to_i128(self, scale: i8) -> Option<i128> {
        let mut value: i128 = 0;
        for &digit in &self.digits[..self.count] {
            value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
        }
        let zeros = u32::try_from(self.exponent.checked_add(i32::from(scale))?);
        match zeros {
            _ if value == 0 => Some(0),
            Ok(zeros) => value.checked_mul(10i128.checked_pow(zeros)?).map(|value| if self.negative { -value } else { value }),
            Err(_) => None,
        }
    }

    /// As [`Self::to_i128`].
    pub(super) fn to_i256(self, scale: i8) -> Option<i256> {
        let ten = i256::from_i128(10);
        let mut value = i256::ZERO;
        for &digit in &self.digits[..self.count] {
            value = value.checked_mul(ten)?.checked_add(i256::from_i128(i128::from(digit)))?;
        }
        if value == i256::ZERO {
            return Some(value);
        }
        let zeros = u32::try_from(self.exponent.checked_add(i32::from(scale))?).ok()?;
        let value = value.checked_mul(ten.checked_pow(zeros)?)?;
        if self.negative { value.checked_neg() } else { Some(value) }
    }
}

fn parse_exponent(bytes: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(bytes).ok()?;
    // Beyond any decimal's digits, and far from overflow.
    text.parse::<i32>().ok().filter(|exponent| exponent.unsigned_abs() < 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(mantissa: i128, scale: i8) -> String {
        let (mut narrow, mut wide) = (Vec::new(), Vec::new());
        push_decimal(&mut narrow, mantissa, scale);
        push_wide_decimal(&mut wide, i256::from_i128(mantissa), scale);
        assert_eq!(narrow, wide);
        String::from_utf8(narrow).unwrap()
    }

    #[test]
    fn decimals_have_all_their_digits_and_no_more() {
        for (mantissa, scale, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (0, -3, "0"),
            (-5, 0, "-5"),
            (-5, 3, "-0.005"),
            (12_345, 2, "123.45"),
            (12, -3, "12000"),
            (i128::MIN, 38, "-1.70141183460469231731687303715884105728"),
        ] {
            assert_eq!(shown(mantissa, scale), text);
            assert_eq!(
                Decimal::parse(text).unwrap().to_i128(scale).or((mantissa == i128::MIN).then_some(mantissa)),
                Some(mantissa),
                "{text}"
            );
            assert_eq!(Decimal::parse(text).unwrap().to_i256(scale), Some(i256::from_i128(mantissa)), "{text}");
        }
    }

    #[test]
    fn every_way_to_write_a_number_is_the_same_number() {
        for text in ["1200", "+1200", "01200.00", "1.2e3", "12E2", "120000e-2", ".12e4", "1200.", "0000.0012e+6"] {
            let decimal = Decimal::parse(text).unwrap();
            assert_eq!((decimal.to_i128(0), decimal.to_i128(2), decimal.digits()), (Some(1200), Some(120_000), (4, 0)), "{text}");
        }
        let decimal = Decimal::parse("-0.00120").unwrap();
        assert_eq!((decimal.to_i128(4), decimal.to_i128(3), decimal.digits()), (Some(-12), None, (0, 4)));
        assert_eq!(Decimal::parse("1000000.000001").unwrap().to_i128(6), Some(1_000_000_000_001));
        assert_eq!(Decimal::parse("0e99999").unwrap().to_i128(0), Some(0));
        assert_eq!(Decimal::parse("1e99999").unwrap().to_i256(0), None);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "-", ".", "1 ", " 1", "1,5", "1.2.3", "0x10", "1e", "e5", "--1", "1_000", "NaN", "1e1000000000000", "1e-2147483648"]
        {
            assert!(Decimal::parse(text).is_err(), "{text}");
        }
        assert!(Decimal::parse(&"9".repeat(76)).is_ok());
        assert!(Decimal::parse(&"9".repeat(77)).is_err());
    }
}
