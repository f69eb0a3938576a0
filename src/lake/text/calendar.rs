//! Dates, times of day and timestamps in ISO 8601, proleptic Gregorian, for every year that 64 bits hold.

use super::digits::push_u64;

const DAY_SECONDS: i64 = 86_400;
/// Beyond it a year is no calendar's; keeps the arithmetic below far from overflow.
const MAX_YEAR: i64 = 300_000_000_000;

/// Year, month, day of a count of days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(super) fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = i128::from(days) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_index + 2) / 5 + 1) as u32;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 } as u32;
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    (year as i64, month, day)
}

/// The other way; `None` for a day that the month does not have.
pub(super) fn days_from_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 || day > days_of_month(year, month) || year.abs() > MAX_YEAR {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_index = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * month_index + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

fn days_of_month(year: i64, month: u32) -> u32 {
    match month {
        2 if year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn push_two(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&[b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]);
}

/// `2024-02-29`; years outside 0 to 9999 with a sign: `-0044-03-15`, `+12345-01-01`.
pub(super) fn push_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil_from_days(days);
    if year < 0 {
        out.push(b'-');
    } else if year > 9999 {
        out.push(b'+');
    }
    let year = year.unsigned_abs();
    if year <= 9999 {
        push_two(out, (year / 100) as u32);
        push_two(out, (year % 100) as u32);
    } else {
        push_u64(out, year);
    }
    out.push(b'-');
    push_two(out, month);
    out.push(b'-');
    push_two(out, day);
}

/// `12:34:56`, with `fraction_digits` more when they are not all zero.
pub(super) fn push_time(out: &mut Vec<u8>, second_of_day: u32, fraction: u64, fraction_digits: u32) {
    push_two(out, second_of_day / 3600);
    out.push(b':');
    push_two(out, second_of_day / 60 % 60);
    out.push(b':');
    push_two(out, second_of_day % 60);
    push_fraction(out, fraction, fraction_digits);
}

/// `.000250`; nothing for zero.
pub(super) fn push_fraction(out: &mut Vec<u8>, fraction: u64, digits: u32) {
    if fraction == 0 {
        return;
    }
    out.push(b'.');
    for place in (0..digits).rev() {
        out.push(b'0' + (fraction / 10u64.pow(place) % 10) as u8);
    }
}

/// `2024-02-29T12:34:56.789` of a count of units since 1970, of which a second has `10^fraction_digits`.
pub(super) fn push_timestamp(out: &mut Vec<u8>, count: i64, fraction_digits: u32) {
    let per_second = 10i64.pow(fraction_digits);
    push_seconds(out, count.div_euclid(per_second), count.rem_euclid(per_second) as u64, fraction_digits);
}

fn push_seconds(out: &mut Vec<u8>, seconds: i64, fraction: u64, fraction_digits: u32) {
    push_date(out, seconds.div_euclid(DAY_SECONDS));
    out.push(b'T');
    push_time(out, seconds.rem_euclid(DAY_SECONDS) as u32, fraction, fraction_digits);
}

/// As [`push_timestamp`], in the local time of an offset, which follows: `Z`, `+05:30`.
pub(super) fn push_zoned(out: &mut Vec<u8>, count: i64, fraction_digits: u32, offset_minutes: i32) {
    let per_second = 10i64.pow(fraction_digits);
    let seconds = count.div_euclid(per_second).saturating_add(i64::from(offset_minutes) * 60);
    push_seconds(out, seconds, count.rem_euclid(per_second) as u64, fraction_digits);
    if offset_minutes == 0 {
        out.push(b'Z');
        return;
    }
    out.push(if offset_minutes < 0 { b'-' } else { b'+' });
    push_two(out, offset_minutes.unsigned_abs() / 60);
    out.push(b':');
    push_two(out, offset_minutes.unsigned_abs() % 60);
}

/// The offset that an Arrow zone name stands for; `None` for a region, whose rules are not known here.
pub(super) fn offset_of_zone(zone: &str) -> Option<i32> {
    match zone {
        "UTC" | "utc" | "Z" | "Etc/UTC" => Some(0),
        other => parse_offset(other),
    }
}

fn parse_offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match rest.len() {
        5 if rest.as_bytes()[2] == b':' => (number(rest.get(..2)?)?, number(rest.get(3..)?)?),
        4 => (number(rest.get(..2)?)?, number(rest.get(2..)?)?),
        2 => (number(rest)?, 0),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours as i32 * 60 + minutes as i32))
}

fn number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// What a timestamp's text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Local seconds since 1970-01-01T00:00:00.
    pub seconds: i128,
    /// Nanoseconds of the second.
    pub nanosecond: u32,
    /// Offset from UTC, if one was written.
    pub offset_minutes: Option<i32>,
    /// A time of day was written.
    pub has_time: bool,
}

/// `YYYY-MM-DD`, then optionally `T` or a blank, `HH:MM[:SS[.fraction]]`, then optionally `Z` or an offset.
pub(super) fn parse_moment(text: &str) -> Option<Moment> {
    let (date, rest) = split_date(text)?;
    let days = parse_date(date)?;
    let Some(rest) = rest else {
        return Some(Moment { seconds: i128::from(days) * i128::from(DAY_SECONDS), nanosecond: 0, offset_minutes: None, has_time: false });
    };
    let (time, offset_minutes) = split_offset(rest)?;
    let (second_of_day, nanosecond) = parse_time(time)?;
    let seconds = i128::from(days) * i128::from(DAY_SECONDS) + i128::from(second_of_day);
    Some(Moment { seconds, nanosecond, offset_minutes, has_time: true })
}

fn split_date(text: &str) -> Option<(&str, Option<&str>)> {
    match text.find(['T', 't', ' ']) {
        Some(at) => Some((&text[..at], Some(&text[at + 1..]))),
        None => Some((text, None)),
    }
}

fn split_offset(time: &str) -> Option<(&str, Option<i32>)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, Some(0)));
    }
    match time.find(['+', '-']) {
        // Some write a blank before it.
        Some(at) => Some((time[..at].trim_end_matches(' '), Some(parse_offset(&time[at..])?))),
        None => Some((time, None)),
    }
}

/// Days since 1970-01-01.
pub(super) fn parse_date(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => (1, text),
    };
    let mut parts = rest.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let year_is_plain = year.len() == 4 || (year.len() > 4 && text.as_bytes()[0] == b'+') || (year.len() >= 4 && sign < 0);
    if parts.next().is_some() || month.len() != 2 || day.len() != 2 || !year_is_plain || !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    days_from_civil(sign * year.parse::<i64>().ok()?, number(month)?, number(day)?)
}

/// Second of the day and nanosecond.
pub(super) fn parse_time(text: &str) -> Option<(u32, u32)> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() || hour.len() != 2 || minute.len() != 2 || second.is_some_and(|s| s.len() != 2) {
        return None;
    }
    // A fraction of a minute is nothing that anybody writes.
    if fraction.is_some() && second.is_none() {
        return None;
    }
    let (hour, minute, second) = (number(hour)?, number(minute)?, second.map_or(Some(0), number)?);
    let nanosecond = fraction.map_or(Some(0), parse_fraction)?;
    (hour < 24 && minute < 60 && second < 60).then_some((hour * 3600 + minute * 60 + second, nanosecond))
}

/// Nanoseconds of `5`, `25`, `123456789`; more digits only when they are zeros.
pub(super) fn parse_fraction(text: &str) -> Option<u32> {
    let significant = text.trim_end_matches('0');
    if text.is_empty() || significant.len() > 9 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if significant.is_empty() {
        return Some(0);
    }
    Some(significant.parse::<u32>().ok()? * 10u32.pow(9 - significant.len() as u32))
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
    fn dates_are_proleptic_gregorian_in_every_year() {
        for (days, text) in [
            (0, "1970-01-01"),
            (19_782, "2024-02-29"),
            (-719_468, "0000-03-01"),
            (-719_529, "-0001-12-31"),
            (-719_528, "0000-01-01"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "+10000-01-01"),
            (i64::from(i32::MAX), "+5881580-07-11"),
        ] {
            assert_eq!(shown(|out| push_date(out, days)), text);
            assert_eq!(parse_date(text), Some(days), "{text}");
        }
        for days in (-4_000_000..4_000_000).step_by(97) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), Some(days));
        }
    }

    #[test]
    fn what_is_no_date_or_time_is_none() {
        for text in [
            "",
            "2024",
            "2024-1-1",
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-01",
            "24-01-01",
            "2024-01-01x",
            "20240101",
            "٢٠٢٤-01-01",
        ] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
        for text in ["24:00:00", "12:60:00", "12:00:60", "1:00:00", "12", "12:00.5", "12:00:00.", "12:00:00.1234567891"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn moments_have_the_forms_that_people_write() {
        let moment = |seconds, nanosecond, offset_minutes, has_time| Some(Moment { seconds, nanosecond, offset_minutes, has_time });
        assert_eq!(parse_moment("1970-01-02"), moment(86_400, 0, None, false));
        assert_eq!(parse_moment("1970-01-01 00:01"), moment(60, 0, None, true));
        assert_eq!(parse_moment("1970-01-01T00:00:01.5Z"), moment(1, 500_000_000, Some(0), true));
        assert_eq!(parse_moment("1970-01-01 00:00:01 -05:30"), moment(1, 0, Some(-330), true));
        assert_eq!(parse_moment("1970-01-01T00:00:01+0200"), moment(1, 0, Some(120), true));
        assert_eq!(shown(|out| push_zoned(out, 1, 3, -330)), "1969-12-31T18:30:00.001-05:30");
        assert_eq!(shown(|out| push_timestamp(out, i64::MIN, 0)), "-292277022657-01-27T08:29:52");
    }
}
