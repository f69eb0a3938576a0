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
        assert!(exceeds_precision(&number(5, 3), fixed(SQLT_VNU, 22), &[2, 194, 2]));
        assert!(!exceeds_precision(&number(5, 2), fixed(SQLT_VNU, 22), &[2, 194, 2]));
        assert!(!exceeds_precision(&OracleType::Number { precision: None, scale: None }, fixed(SQLT_VNU, 22), &[2, 194, 2]));
    }
}
