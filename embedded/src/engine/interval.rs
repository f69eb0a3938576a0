//! INTERVAL values: their stored bytes, text and rounding.
//!
//! Storage keeps the order of the values: nanoseconds in 16 bytes, months in 4, big-endian, the sign bit turned. Days to seconds that do not all have
//! one sign, as a client may give them, are kept so: hours, minutes and seconds by 60 more, and whether the fraction is negative, follow the value.

use super::{OraError, Result};

/// Nanoseconds of a day.
pub(crate) const DAY: i128 = 86_400 * SECOND;
/// Nanoseconds of a second.
pub(crate) const SECOND: i128 = 1_000_000_000;
/// Days that an interval can have at most: nine digits.
const MOST_DAYS: i128 = 999_999_999;

/// Stored bytes of an INTERVAL DAY TO SECOND.
pub(crate) fn nanos_bytes(nanos: i128) -> [u8; 16] {
    ((nanos as u128) ^ (1 << 127)).to_be_bytes()
}

/// Stored bytes of an INTERVAL YEAR TO MONTH.
pub(crate) fn months_bytes(months: i32) -> [u8; 4] {
    ((months as u32) ^ (1 << 31)).to_be_bytes()
}

/// Reads [`nanos_bytes`] back.
pub(crate) fn nanos(bytes: &[u8]) -> Result<i128> {
    let bytes = bytes.first_chunk().ok_or_else(|| OraError::internal("stored interval"))?;
    Ok((u128::from_be_bytes(*bytes) ^ (1 << 127)) as i128)
}

/// The value of days, hours, minutes, seconds and nanoseconds.
pub(crate) fn nanos_of([days, hours, minutes, seconds, nanos]: [i32; 5]) -> i128 {
    let seconds = i128::from(days) * 86_400 + i128::from(hours) * 3600 + i128::from(minutes) * 60 + i128::from(seconds);
    seconds * SECOND + i128::from(nanos)
}

/// Stored bytes of fields of different signs, within their limits.
pub(crate) fn fields_bytes(fields: [i32; 5]) -> Result<Vec<u8>> {
    let mut bytes = nanos_bytes(checked_nanos(Some(nanos_of(fields)))?).to_vec();
    bytes.extend(fields[1..4].iter().map(|field| (field + 60) as u8));
    bytes.push(u8::from(fields[4] < 0));
    Ok(bytes)
}

/// Reads [`fields_bytes`] back; none where all fields have one sign.
pub(crate) fn fields(bytes: &[u8]) -> Result<Option<[i32; 5]>> {
    let Some((value, &[hours, minutes, seconds, is_negative])) = bytes.split_at_checked(16) else { return Ok(None) };
    let total = nanos(value)?;
    let [hours, minutes, seconds] = [hours, minutes, seconds].map(|field| i32::from(field) - 60);
    let rest = total - nanos_of([0, hours, minutes, seconds, 0]);
    let fraction = if is_negative == 1 { rest.rem_euclid(SECOND) - SECOND } else { rest.rem_euclid(SECOND) };
    let days = i32::try_from((rest - fraction) / DAY).map_err(|_| too_small())?;
    Ok(Some([days, hours, minutes, seconds, fraction as i32]))
}

/// As [`fit_nanos`], for fields of different signs: stored bytes.
pub(crate) fn fit_fields(fields: [i32; 5], day_digits: u8, second_digits: u8) -> Result<Vec<u8>> {
    let fitted = fit_nanos(nanos_of(fields), day_digits, second_digits)?;
    let unit = 10i64.pow(9 - u32::from(second_digits.min(9)));
    let half = if fields[4] < 0 { -unit / 2 } else { unit / 2 };
    let fraction = (i64::from(fields[4]) + half) / unit * unit;
    let rounded = [fields[0], fields[1], fields[2], fields[3], fraction as i32];
    // A fraction that became a second leaves no fields to keep.
    let is_whole = fraction.abs() < SECOND as i64 && rounded[0].unsigned_abs() < 10u32.pow(u32::from(day_digits));
    if is_whole { fields_bytes(rounded) } else { Ok(nanos_bytes(fitted).to_vec()) }
}

/// As [`nanos_text`], the fields as they are: the first that is not 0 has the sign.
pub(crate) fn fields_text(fields: [i32; 5], day_digits: usize, second_digits: usize) -> String {
    let sign = if fields.iter().find(|field| **field != 0).is_some_and(|field| *field < 0) { -1 } else { 1 };
    nanos_text(sign * nanos_of(fields.map(i32::abs)), day_digits, second_digits)
}

/// Reads [`months_bytes`] back.
pub(crate) fn months(bytes: &[u8]) -> Result<i32> {
    let bytes = bytes.try_into().map_err(|_| OraError::internal("stored interval"))?;
    Ok((u32::from_be_bytes(bytes) ^ (1 << 31)) as i32)
}

fn too_small() -> OraError {
    OraError::new(1873, "the leading precision of the interval is too small")
}

/// Rounds to the digits of the seconds and checks those of the days.
pub(crate) fn fit_nanos(value: i128, day_digits: u8, second_digits: u8) -> Result<i128> {
    let unit = 10i128.pow(9 - u32::from(second_digits.min(9)));
    let half = if value < 0 { -unit / 2 } else { unit / 2 };
    let rounded = (value + half) / unit * unit;
    if rounded.abs() / DAY >= 10i128.pow(u32::from(day_digits)) { Err(too_small()) } else { Ok(rounded) }
}

/// Checks the digits of the years.
pub(crate) fn fit_months(value: i32, year_digits: u8) -> Result<i32> {
    if i64::from(value).abs() / 12 >= 10i64.pow(u32::from(year_digits)) { Err(too_small()) } else { Ok(value) }
}

/// The sum, or ORA-01873.
pub(crate) fn checked_nanos(value: Option<i128>) -> Result<i128> {
    value.filter(|value| value.abs() / DAY <= MOST_DAYS).ok_or_else(too_small)
}

/// `+DD HH:MI:SS.FFFFFF`.
pub(crate) fn nanos_text(value: i128, day_digits: usize, second_digits: usize) -> String {
    let sign = if value < 0 { '-' } else { '+' };
    let value = value.unsigned_abs();
    let (days, rest) = (value / DAY as u128, value % DAY as u128);
    let (seconds, fraction) = (rest / SECOND as u128, rest % SECOND as u128);
    let mut text = format!("{sign}{days:0day_digits$} {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if second_digits > 0 {
        let digits = format!("{fraction:09}");
        text.push('.');
        text.push_str(&digits[..second_digits.min(9)]);
    }
    text
}

/// `+YY-MM`.
pub(crate) fn months_text(value: i32, year_digits: usize) -> String {
    let sign = if value < 0 { '-' } else { '+' };
    let value = value.unsigned_abs();
    format!("{sign}{:0year_digits$}-{:02}", value / 12, value % 12)
}

fn invalid() -> OraError {
    OraError::new(1867, "the interval is invalid")
}

fn signed(text: &str) -> (bool, &str) {
    let text = text.trim();
    match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text).trim_start()),
    }
}

fn part(text: &str) -> Result<i128> {
    let fits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fits).ok_or_else(invalid)
}

fn limited(value: i128, most: i128, code: i32, text: &str) -> Result<i128> {
    if value > most { Err(OraError::new(code, text)) } else { Ok(value) }
}

fn seconds_part(text: &str) -> Result<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    if fraction.len() > 9 {
        return Err(invalid());
    }
    Ok(part(whole)? * SECOND + part(&digits)?)
}

/// Units of an interval's fields, greatest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Field {
    /// The field of this name.
    pub fn parse(name: &str) -> Option<Field> {
        Some(match name {
            "YEAR" => Field::Year,
            "MONTH" => Field::Month,
            "DAY" => Field::Day,
            "HOUR" => Field::Hour,
            "MINUTE" => Field::Minute,
            "SECOND" => Field::Second,
            _ => return None,
        })
    }

    /// Nanoseconds of one; none for years and months.
    pub fn nanos(self) -> Option<i128> {
        match self {
            Field::Year | Field::Month => None,
            Field::Day => Some(DAY),
            Field::Hour => Some(3600 * SECOND),
            Field::Minute => Some(60 * SECOND),
            Field::Second => Some(SECOND),
        }
    }
}

/// `D HH:MI:SS.F` from the first to the last field, as literals have it; `+5 10:20:30` is DAY TO SECOND.
pub(crate) fn parse_nanos(text: &str, first: Field, last: Field) -> Result<i128> {
    let (negative, rest) = signed(text);
    let (days, clock) = match first {
        Field::Day if last == Field::Day => (Some(rest), ""),
        Field::Day => {
            let (days, clock) = rest.split_once(' ').ok_or_else(invalid)?;
            (Some(days), clock.trim_start())
        }
        _ => (None, rest),
    };
    let mut value = days.map(part).transpose()?.unwrap_or(0) * DAY;
    let field = if first == Field::Day { Field::Hour } else { first };
    if !clock.is_empty() || first != Field::Day {
        let pieces: Vec<&str> = clock.split(':').collect();
        let names = [Field::Hour, Field::Minute, Field::Second];
        let wanted: Vec<Field> = names.into_iter().filter(|name| *name >= field && *name <= last).collect();
        if pieces.len() != wanted.len() {
            return Err(invalid());
        }
        for (piece, unit) in pieces.into_iter().zip(wanted) {
            let is_leading = unit == first;
            value += match unit {
                Field::Hour if is_leading => part(piece)? * 3600 * SECOND,
                Field::Hour => limited(part(piece)?, 23, 1850, "hour must be between 0 and 23")? * 3600 * SECOND,
                Field::Minute if is_leading => part(piece)? * 60 * SECOND,
                Field::Minute => limited(part(piece)?, 59, 1851, "minutes must be between 0 and 59")? * 60 * SECOND,
                _ if is_leading => seconds_part(piece)?,
                _ => limited(seconds_part(piece)?, 60 * SECOND - 1, 1852, "seconds must be between 0 and 59")?,
            };
        }
    }
    checked_nanos(Some(if negative { -value } else { value }))
}

/// `Y-MM` from the first to the last field, as literals have it.
pub(crate) fn parse_months(text: &str, first: Field, last: Field) -> Result<i32> {
    let (negative, rest) = signed(text);
    let value = match (first, last) {
        (Field::Year, Field::Month) => {
            let (years, months) = rest.split_once('-').ok_or_else(invalid)?;
            part(years)? * 12 + limited(part(months.trim())?, 11, 1843, "not a valid month")?
        }
        (Field::Year, _) => part(rest)? * 12,
        _ => part(rest)?,
    };
    let value = i32::try_from(value).map_err(|_| too_small())?;
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_of_intervals() {
        for (text, first, last, shown) in [
            ("5 10:20:30", Field::Day, Field::Second, "+05 10:20:30.000000"),
            ("-1 00:00:00.5", Field::Day, Field::Second, "-01 00:00:00.500000"),
            ("400", Field::Hour, Field::Hour, "+16 16:00:00.000000"),
            ("10:22", Field::Minute, Field::Second, "+00 00:10:22.000000"),
            ("3", Field::Day, Field::Day, "+03 00:00:00.000000"),
            ("4 5:12", Field::Day, Field::Minute, "+04 05:12:00.000000"),
        ] {
            assert_eq!(nanos_text(parse_nanos(text, first, last).unwrap(), 2, 6), shown, "{text}");
        }
        assert_eq!(months_text(parse_months("-123-2", Field::Year, Field::Month).unwrap(), 2), "-123-02");
        assert_eq!(months_text(parse_months("14", Field::Month, Field::Month).unwrap(), 2), "+01-02");
        for (text, code) in [("x", 1867), ("1 25:00:00", 1850), ("1 1:1", 1867), ("1 1:1:60", 1852), ("", 1867)] {
            assert_eq!(parse_nanos(text, Field::Day, Field::Second).unwrap_err().code, code, "{text}");
        }
        assert_eq!(fit_nanos(100 * DAY, 2, 6).unwrap_err().code, 1873);
        assert_eq!(fit_nanos(1_500, 2, 6).unwrap(), 2_000);
        assert_eq!(fit_months(1200, 2).unwrap_err().code, 1873);
    }

    #[test]
    fn fields_of_different_signs_are_kept_as_they_are() {
        let days = [-1, 23, 58, 34, 431_152_000];
        assert_eq!(fields_text(days, 9, 9), "-000000001 23:58:34.431152000");
        assert_eq!(nanos_text(nanos_of(days), 2, 6), "-00 00:01:25.568848");
        assert_eq!(fields(&fit_fields(days, 2, 3).unwrap()).unwrap(), Some([-1, 23, 58, 34, 431_000_000]));
        let second = [-1, 23, 59, 59, 999_999_999];
        assert_eq!((fields(&fit_fields(second, 2, 6).unwrap()).unwrap(), nanos(&fit_fields(second, 2, 6).unwrap()).unwrap()), (None, 0));
        assert_eq!(fit_fields([-100, 1, 0, 0, 0], 2, 6).map_err(|error| error.code).map(|bytes| fields(&bytes).unwrap()), Ok(None));
        assert_eq!(fit_fields([-101, 1, 0, 0, 0], 2, 6).unwrap_err().code, 1873);
        assert_eq!(fields(&nanos_bytes(5)).unwrap(), None);
    }

    proptest! {
        #[test]
        fn fields_round_trip(days in -999_999_998..=999_999_998i32, h in -23..=23i32, m in -59..=59i32, s in -59..=59i32, f in -999_999_999..=999_999_999i32) {
            let given = [days, h, m, s, f];
            prop_assert_eq!(fields(&fields_bytes(given).unwrap()).unwrap(), Some(given));
        }

        #[test]
        fn bytes_sort_and_round_trip(a in -MOST_DAYS * DAY..MOST_DAYS * DAY, b in -MOST_DAYS * DAY..MOST_DAYS * DAY, c in any::<i32>(), d in any::<i32>()) {
            prop_assert_eq!(nanos(&nanos_bytes(a)).unwrap(), a);
            prop_assert_eq!(nanos_bytes(a).cmp(&nanos_bytes(b)), a.cmp(&b));
            prop_assert_eq!(months(&months_bytes(c)).unwrap(), c);
            prop_assert_eq!(months_bytes(c).cmp(&months_bytes(d)), c.cmp(&d));
            prop_assert_eq!(parse_nanos(&nanos_text(a, 2, 9), Field::Day, Field::Second).unwrap(), a);
        }
    }
}
