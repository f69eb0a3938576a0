//! Spans of time: counts of a unit and [`DaySecond`], both ways, and how Oracle writes them.
//!
//! An INTERVAL DAY TO SECOND is one span in which a day has 24 hours; days and the rest are of one sign.

use crate::layout::DaySecond;

/// Nanoseconds of a day.
pub const DAY_NANOSECONDS: i64 = 86_400_000_000_000;
/// Most days or years of an interval: nine digits.
pub const MAX_LEADING_FIELD: u32 = 999_999_999;

const NANOSECONDS: i64 = 1_000_000_000;

/// `count` units, of which a second has `UNITS` (a power of ten up to a billion); `None` beyond nine digits of days.
#[inline]
pub fn day_second_from_count<const UNITS: i64>(count: i64) -> Option<DaySecond> {
    let (days, rest) = (count / (86_400 * UNITS), count % (86_400 * UNITS));
    let days = i32::try_from(days).ok().filter(|days| days.unsigned_abs() <= MAX_LEADING_FIELD)?;
    Some(DaySecond { days, nanoseconds: rest * (NANOSECONDS / UNITS) })
}

/// The count of units of a span, cut off towards zero; `None` when it is beyond 64 bits.
#[inline]
pub fn count_from_day_second<const UNITS: i64>(span: DaySecond) -> Option<i64> {
    // In 128 bits: 999,999,999 days are beyond 64 bits of nanoseconds.
    let count = i128::from(span.days) * i128::from(86_400 * UNITS) + i128::from(span.nanoseconds / (NANOSECONDS / UNITS));
    i64::try_from(count).ok()
}

/// Days and nanoseconds as they are; `None` unless they are of one sign and the nanoseconds less than a day. The days may have ten digits.
#[inline]
pub fn day_second_from_parts(days: i32, nanoseconds: i64) -> Option<DaySecond> {
    let one_sign = i64::from(days.signum()) * nanoseconds.signum() >= 0;
    (one_sign && nanoseconds.unsigned_abs() < DAY_NANOSECONDS as u64).then_some(DaySecond { days, nanoseconds })
}

/// Nanoseconds of the last digit of `fractional_digits` (0 to 9).
pub const fn nanosecond_step(fractional_digits: u8) -> i64 {
    10i64.pow(9 - if fractional_digits > 9 { 9 } else { fractional_digits } as u32)
}

/// `+5 04:03:02.000000001`, as Oracle writes it.
pub fn day_second_text(span: DaySecond) -> String {
    let sign = if span.days < 0 || span.nanoseconds < 0 { '-' } else { '+' };
    let (seconds, fraction) = (span.nanoseconds.unsigned_abs() / NANOSECONDS as u64, span.nanoseconds.unsigned_abs() % NANOSECONDS as u64);
    format!("{sign}{} {:02}:{:02}:{:02}.{fraction:09}", span.days.unsigned_abs(), seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// `+5-04`, as Oracle writes it.
pub fn months_text(months: i64) -> String {
    let sign = if months < 0 { '-' } else { '+' };
    format!("{sign}{}-{:02}", months.unsigned_abs() / 12, months.unsigned_abs() % 12)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_have_one_sign_and_spans_nine_digits_of_days() {
        assert_eq!(day_second_from_count::<1_000>(-86_400_001), Some(DaySecond { days: -1, nanoseconds: -1_000_000 }));
        assert_eq!(day_second_from_count::<1>(86_400 * 999_999_999 + 86_399), day_second_from_parts(999_999_999, 86_399 * NANOSECONDS));
        for beyond in [86_400 * 1_000_000_000, i64::MIN, i64::MAX] {
            assert_eq!(day_second_from_count::<1>(beyond), None);
        }
        for (days, nanoseconds) in [(1, -1), (-1, 1), (0, DAY_NANOSECONDS), (0, -DAY_NANOSECONDS)] {
            assert_eq!(day_second_from_parts(days, nanoseconds), None, "{days} {nanoseconds}");
        }
        assert_eq!(day_second_from_parts(0, -1), Some(DaySecond { days: 0, nanoseconds: -1 }));
    }

    #[test]
    fn texts_are_oracles() {
        let parts = |days, nanoseconds| day_second_text(DaySecond { days, nanoseconds });
        assert_eq!(parts(5, 14_582_000_000_001), "+5 04:03:02.000000001");
        assert_eq!(parts(0, -1), "-0 00:00:00.000000001");
        assert_eq!([months_text(64), months_text(-1), months_text(0)], ["+5-04", "-0-01", "+0-00"]);
    }

    proptest! {
        #[test]
        fn counts_come_back(count in any::<i64>()) {
            prop_assert_eq!(count_from_day_second::<NANOSECONDS>(day_second_from_count::<NANOSECONDS>(count).unwrap()), Some(count));
            let span = day_second_from_count::<1_000_000>(count).unwrap();
            prop_assert_eq!(count_from_day_second::<1_000_000>(span), Some(count));
            prop_assert_eq!(day_second_from_parts(span.days, span.nanoseconds), Some(span));
            prop_assert_eq!(i128::from(span.days) * i128::from(DAY_NANOSECONDS) + i128::from(span.nanoseconds), i128::from(count) * 1_000);
        }
    }
}
