//! Which column a database meant when it refused a row without naming one.

use oci_sys::{SQLT_INT, SQLT_UIN, SQLT_VNU};

use crate::layout::Layout;
use crate::oracle_type::OracleType;

/// "value larger than specified precision allowed for this column": servers before 23ai do not say which.
pub(super) const ORA_PRECISION: i32 = 1438;

/// Whether the value in the slot has more digits before the point than the column takes.
pub(super) fn exceeds_precision(target: &OracleType, layout: Layout, slot: &[u8]) -> bool {
    let OracleType::Number { precision: Some(precision), scale } = *target else { return false };
    let allowed = i32::from(precision) - i32::from(scale.unwrap_or(0));
    let Layout::Fixed { external_type, .. } = layout else { return false };
    let digits = match external_type {
        SQLT_VNU if rounds_up(slot, usize::from(precision)) => vnu_integer_digits(slot).map(|digits| digits + 1),
        SQLT_VNU => vnu_integer_digits(slot),
        SQLT_INT => native(slot, true).map(integer_digits),
        SQLT_UIN => native(slot, false).map(integer_digits),
        _ => None,
    };
    digits.is_some_and(|digits| digits > allowed)
}

/// Decimal digits before the point of a NUMBER with its length byte in front; 0 or less for a fraction. `None` for zero.
fn vnu_integer_digits(slot: &[u8]) -> Option<i32> {
    let (&length, bytes) = slot.split_first()?;
    let [exponent, first, ..] = *bytes.get(..usize::from(length))? else { return None };
    let (exponent, first) = if exponent & 0x80 != 0 {
        (i32::from(exponent) - 193, i32::from(first) - 1)
    } else {
        (62 - i32::from(exponent), 101 - i32::from(first))
    };
    Some(exponent * 2 + if first >= 10 { 2 } else { 1 })
}

/// Whether a NUMBER that is rounded to its first `precision` digits has one more before the point, as 9.996 has.
///
/// A number with fewer digits before the point than the column takes keeps more of them, and still has room.
fn rounds_up(slot: &[u8], precision: usize) -> bool {
    let Some((&length, bytes)) = slot.split_first() else { return false };
    let [exponent, mantissa @ ..] = bytes.get(..usize::from(length)).unwrap_or_default() else { return false };
    let pair = |byte: &u8| match exponent & 0x80 {
        0 => 101u8.saturating_sub(*byte),
        _ => byte.saturating_sub(1),
    };
    // A negative number ends with 102, which is no digit.
    let pairs = mantissa.iter().filter(|byte| exponent & 0x80 != 0 || **byte < 102).map(pair);
    let mut digits = pairs.flat_map(|pair| [pair / 10, pair % 10]).skip_while(|digit| *digit == 0);
    digits.by_ref().take(precision).filter(|digit| *digit == 9).count() == precision && digits.next().is_some_and(|digit| digit >= 5)
}

/// The magnitude of a native integer of 1, 2, 4 or 8 bytes.
fn native(slot: &[u8], signed: bool) -> Option<u64> {
    let value = match *slot {
        [a] if signed => i64::from(a as i8),
        [a] => i64::from(a),
        [a, b] if signed => i64::from(i16::from_ne_bytes([a, b])),
        [a, b] => i64::from(u16::from_ne_bytes([a, b])),
        [a, b, c, d] if signed => i64::from(i32::from_ne_bytes([a, b, c, d])),
        [a, b, c, d] => i64::from(u32::from_ne_bytes([a, b, c, d])),
        _ => {
            let bytes = slot.try_into().ok()?;
            return Some(if signed { i64::from_ne_bytes(bytes).unsigned_abs() } else { u64::from_ne_bytes(bytes) });
        }
    };
    Some(value.unsigned_abs())
}

fn integer_digits(magnitude: u64) -> i32 {
    magnitude.checked_ilog10().map_or(0, |log| log as i32 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(precision: u8, scale: i8) -> OracleType {
        OracleType::Number { precision: Some(precision), scale: Some(scale) }
    }

    fn fixed(external_type: u16, stride_bytes: u32) -> Layout {
        Layout::Fixed { external_type, stride_bytes }
    }

    #[test]
    fn native_integers_are_counted_by_digits() {
        for (value, precision, exceeds) in
            [(99_999_i64, 5, false), (100_000, 5, true), (-100_000, 5, true), (0, 1, false), (i64::MIN, 18, true)]
        {
            let bytes = value.to_ne_bytes();
            assert_eq!(exceeds_precision(&number(precision, 0), fixed(SQLT_INT, 8), &bytes), exceeds, "{value}");
        }
        assert!(exceeds_precision(&number(2, 0), fixed(SQLT_UIN, 1), &[255]));
        assert!(!exceeds_precision(&number(2, 0), fixed(SQLT_INT, 1), &[255]), "-1");
    }

    #[test]
    fn numbers_are_counted_from_their_exponent() {
        // 1, 99.9, 100, -100, 0.01, 0
        let samples: [(&[u8], i32); 5] =
            [(&[2, 193, 2], 1), (&[3, 193, 100, 91], 2), (&[2, 194, 2], 3), (&[3, 61, 100, 102], 3), (&[2, 192, 2], -1)];
        for (slot, digits) in samples {
            assert_eq!(vnu_integer_digits(slot), Some(digits), "{slot:?}");
        }
        assert_eq!(vnu_integer_digits(&[1, 128]), None);
        // 9.996, 9.994 and -9.996 into NUMBER(3,2), 99.96 into NUMBER(4,1).
        assert!(exceeds_precision(&number(3, 2), fixed(SQLT_VNU, 22), &[4, 193, 10, 100, 61]));
        assert!(!exceeds_precision(&number(3, 2), fixed(SQLT_VNU, 22), &[4, 193, 10, 100, 41]));
        assert!(exceeds_precision(&number(3, 2), fixed(SQLT_VNU, 22), &[5, 62, 92, 2, 41, 102]));
        assert!(!exceeds_precision(&number(4, 1), fixed(SQLT_VNU, 22), &[3, 193, 100, 97]));
        assert!(exceeds_precision(&number(3, 1), fixed(SQLT_VNU, 22), &[3, 193, 100, 97]));
        assert!(exceeds_precision(&number(5, 3), fixed(SQLT_VNU, 22), &[2, 194, 2]));
        assert!(!exceeds_precision(&number(5, 2), fixed(SQLT_VNU, 22), &[2, 194, 2]));
        assert!(!exceeds_precision(&OracleType::Number { precision: None, scale: None }, fixed(SQLT_VNU, 22), &[2, 194, 2]));
    }
}
