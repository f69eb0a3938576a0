//! Durations and intervals in ISO 8601: `P1Y2M`, `-P3DT4H5M6.789S`; the parts of an interval have signs of their own: `P-1DT2.5S`.

use super::calendar::{parse_fraction, parse_time, push_fraction};
use super::digits::{push_i64, push_u64};

/// Months, days and nanoseconds, as far as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Period {
    /// Years and months.
    pub months: i64,
    /// Weeks and days.
    pub days: i64,
    /// Hours, minutes and seconds.
    pub nanoseconds: i128,
}

/// A count of units, of which a second has `10^fraction_digits`: `-P1DT2H3M4.500S`, `PT0S`.
pub(super) fn push_duration(out: &mut Vec<u8>, count: i64, fraction_digits: u32) {
    let per_second = 10u64.pow(fraction_digits);
    if count < 0 {
        out.push(b'-');
    }
    let (seconds, fraction) = (count.unsigned_abs() / per_second, count.unsigned_abs() % per_second);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    out.push(b'P');
    if days > 0 {
        push_u64(out, days);
        out.push(b'D');
    }
    out.push(b'T');
    for (number, letter) in [(hours, b'H'), (minutes, b'M')] {
        if number > 0 {
            push_u64(out, number);
            out.push(letter);
        }
    }
    push_u64(out, seconds % 60);
    push_fraction(out, fraction, fraction_digits);
    out.push(b'S');
}

/// `P14M`, `P-3D`, `P1M2DT-3.5S`; the sign is that of each part.
pub(super) fn push_period(out: &mut Vec<u8>, period: Period) {
    out.push(b'P');
    let start = out.len();
    for (number, letter) in [(period.months, b'M'), (period.days, b'D')] {
        if number != 0 {
            push_i64(out, number);
            out.push(letter);
        }
    }
    if period.nanoseconds != 0 || out.len() == start {
        out.push(b'T');
        if period.nanoseconds < 0 {
            out.push(b'-');
        }
        let nanoseconds = period.nanoseconds.unsigned_abs();
        push_u64(out, (nanoseconds / 1_000_000_000) as u64);
        push_fraction(out, (nanoseconds % 1_000_000_000) as u64, 9);
        out.push(b'S');
    }
}

/// `[-]P[nY][nM][nW][nD][T[nH][nM][n[.f]S]]`, each number with a sign of its own if it has one.
pub(super) fn parse_period(text: &str) -> Option<Period> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (date, time) = match rest.strip_prefix('P')?.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return None,
        None => (rest.strip_prefix('P')?, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let mut period = Period::default();
    for (value, letter) in parts(date, "YMWD")? {
        let value = value.whole.checked_mul(sign).filter(|_| value.nanosecond == 0)?;
        let (months, days) = match letter {
            b'Y' => (value.checked_mul(12)?, 0),
            b'M' => (value, 0),
            b'W' => (0, value.checked_mul(7)?),
            _ => (0, value),
        };
        period.months = period.months.checked_add(months)?;
        period.days = period.days.checked_add(days)?;
    }
    for (value, letter) in parts(time, "HMS")? {
        let seconds = match letter {
            b'H' => 3600,
            b'M' => 60,
            _ => 1,
        };
        if value.nanosecond != 0 && letter != b'S' {
            return None;
        }
        let nanoseconds = i128::from(value.whole) * seconds * 1_000_000_000 + i128::from(value.nanosecond);
        period.nanoseconds = period.nanoseconds.checked_add(nanoseconds * i128::from(sign))?;
    }
    Some(period)
}

/// As Oracle writes intervals: `+02 10:30:00.5` or only the time of day of it, `-01-06` for years and months.
pub(super) fn parse_oracle_interval(text: &str) -> Option<Period> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let number = |text: &str| text.parse::<i64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    if let Some((years, months)) = rest.split_once('-') {
        let months = number(years)?.checked_mul(12)?.checked_add(number(months).filter(|months| *months < 12)?)?;
        return Some(Period { months: sign * months, ..Period::default() });
    }
    let (days, time) = rest.split_once(' ').unwrap_or(("0", rest));
    let (second, nanosecond) = parse_time(time)?;
    let nanoseconds = i128::from(second) * 1_000_000_000 + i128::from(nanosecond);
    Some(Period { months: 0, days: sign * number(days)?, nanoseconds: i128::from(sign) * nanoseconds })
}

struct Part {
    whole: i64,
    /// With the sign of the number.
    nanosecond: i64,
}

/// Numbers and their letters, which have to come in the order of `letters`.
fn parts(mut text: &str, letters: &str) -> Option<Vec<(Part, u8)>> {
    let mut found = Vec::new();
    let mut next_letter = 0;
    while !text.is_empty() {
        let at = text.find(|c: char| c.is_ascii_alphabetic())?;
        let letter = text.as_bytes()[at];
        let place = letters.bytes().position(|l| l == letter).filter(|place| *place >= next_letter)?;
        next_letter = place + 1;
        let number = &text[..at];
        let (whole, fraction) = number.split_once(['.', ',']).map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
        let negative = whole.starts_with('-');
        if !whole.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let nanosecond = i64::from(fraction.map_or(Some(0), parse_fraction)?);
        found.push((Part { whole: whole.parse().ok()?, nanosecond: if negative { -nanosecond } else { nanosecond } }, letter));
        text = &text[at + 1..];
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(push: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn durations_are_split_into_days_and_time() {
        for (count, digits, text) in
            [(0, 0, "PT0S"), (-93_784_500, 3, "-P1DT2H3M4.500S"), (60, 0, "PT1M0S"), (i64::MIN, 9, "-P106751DT23H47M16.854775808S")]
        {
            assert_eq!(shown(|out| push_duration(out, count, digits)), text);
            let period = parse_period(text).unwrap();
            let nanoseconds = i128::from(period.days) * 86_400_000_000_000 + period.nanoseconds;
            assert_eq!(nanoseconds, i128::from(count) * 10i128.pow(9 - digits), "{text}");
        }
    }

    #[test]
    fn the_parts_of_a_period_have_their_own_signs() {
        for (months, days, nanoseconds, text) in [
            (0, 0, 0, "PT0S"),
            (14, 0, 0, "P14M"),
            (-1, 2, -500_000_000, "P-1M2DT-0.500000000S"),
            (0, i64::from(i32::MIN), 0, "P-2147483648D"),
        ] {
            let period = Period { months, days, nanoseconds };
            assert_eq!(shown(|out| push_period(out, period)), text);
            assert_eq!(parse_period(text), Some(period), "{text}");
        }
        let period = |months, days, nanoseconds| Some(Period { months, days, nanoseconds });
        assert_eq!(parse_oracle_interval("+02 10:30:00.5"), period(0, 2, 37_800_500_000_000));
        assert_eq!(parse_oracle_interval("-00:00:01"), period(0, 0, -1_000_000_000));
        assert_eq!(parse_oracle_interval("-01-06"), period(-18, 0, 0));
        for text in ["", "1-12", "1 1", "+ 10:00:00", "x 10:00:00", "1--1"] {
            assert_eq!(parse_oracle_interval(text), None, "{text}");
        }
        assert_eq!(parse_period("-P1Y2M").unwrap().months, -14);
        assert_eq!(parse_period("P2W").unwrap().days, 14);
        for text in ["", "P", "PT", "P1", "1D", "P1H", "PT1D", "P1M1Y", "P1.5D", "PTS", "P--1D", "PT1.5M"] {
            assert_eq!(parse_period(text), None, "{text}");
        }
    }
}
