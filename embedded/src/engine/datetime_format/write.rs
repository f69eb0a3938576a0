//! Writing a date or timestamp by the elements of a format model.

use super::super::datetime::DateTime;
use super::super::zone;
use super::{DAYS, Element, Letters, MONTHS};

pub(super) const ROMAN_MONTHS: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

pub(super) fn write_element(out: &mut String, element: Element, case: Letters, value: &DateTime, fill: bool) {
    use std::fmt::Write;
    let year = value.year.unsigned_abs();
    let hour12 = (u32::from(value.hour) + 11) % 12 + 1;
    let offset = value.offset_minutes;
    let mut number = |value: u32, width: usize| {
        let width = if fill { width } else { 0 };
        // Writing to a String cannot fail.
        let _ = write!(out, "{value:0width$}");
    };
    match element {
        Element::SignedYear => {
            out.push(if value.year < 0 { '-' } else { ' ' });
            let _ = write!(out, "{year:04}");
        }
        Element::Year(digits) => number(year % 10u32.pow(u32::from(digits)), usize::from(digits)),
        Element::RoundYear => number(year, 4),
        Element::RoundYear2 => number(year % 100, 2),
        Element::Century => number(year.div_ceil(100), 2),
        Element::SignedCentury => {
            out.push(if value.year < 0 { '-' } else { ' ' });
            let _ = write!(out, "{:02}", year.div_ceil(100));
        }
        Element::IsoYear(digits) => number(iso_week(value).0.unsigned_abs() % 10u32.pow(u32::from(digits)), usize::from(digits)),
        Element::GroupedYear => {
            let _ = write!(out, "{},{:03}", year / 1000, year % 1000);
        }
        Element::IsoWeek => number(iso_week(value).1, 2),
        Element::WeekOfYear => number(day_of_year(value).div_ceil(7), 2),
        Element::WeekOfMonth => number(u32::from(value.day).div_ceil(7), 1),
        Element::RomanMonth => push_name(out, ROMAN_MONTHS[usize::from(value.month - 1)], case, if fill { 4 } else { 0 }),
        Element::MonthName => push_name(out, MONTHS[usize::from(value.month - 1)], case, if fill { 9 } else { 0 }),
        Element::MonthAbbreviation => push_name(out, &MONTHS[usize::from(value.month - 1)][..3], case, 0),
        Element::Month => number(value.month.into(), 2),
        Element::DayOfYear => number(day_of_year(value), 3),
        Element::Day => number(value.day.into(), 2),
        Element::DayName => push_name(out, DAYS[weekday(value)], case, if fill { 9 } else { 0 }),
        Element::DayAbbreviation => push_name(out, &DAYS[weekday(value)][..3], case, 0),
        Element::Weekday => number(weekday(value) as u32 + 1, 1),
        Element::Hour24 => number(value.hour.into(), 2),
        Element::Hour12 => number(hour12, 2),
        Element::Minute => number(value.minute.into(), 2),
        Element::SecondOfDay => number(u32::from(value.hour) * 3600 + u32::from(value.minute) * 60 + u32::from(value.second), 5),
        Element::Second => number(value.second.into(), 2),
        Element::Fraction(digits) => {
            let digits = if digits == 0 { 9 } else { digits };
            let _ = write!(out, "{:0width$}", value.nanos / 10u32.pow(9 - u32::from(digits)), width = usize::from(digits));
        }
        Element::ZoneHour => {
            let _ = write!(out, "{}{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
        }
        Element::ZoneMinute => number(offset.unsigned_abs() % 60, 2),
        Element::Zone if value.region != 0 => {
            out.push_str(&zone::of_region(value.region).map(zone::name).unwrap_or_default().to_uppercase())
        }
        Element::Zone => {
            let _ = write!(out, "{}{:02}:{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 60, offset.abs() % 60);
        }
        Element::Quarter => number(u32::from(value.month - 1) / 3 + 1, 1),
        Element::Julian => number((value.day_number() + 2_440_588) as u32, 7),
        Element::Radix => out.push('.'),
        Element::Meridian(am, pm) => {
            push_name(out, if value.hour < 12 { am } else { pm }, if case == Letters::Lower { case } else { Letters::Upper }, 0)
        }
        Element::Era(ad, bc) => push_name(out, if value.year < 0 { bc } else { ad }, Letters::Upper, 0),
    }
}

fn day_of_year(value: &DateTime) -> u32 {
    (value.day_number() - DateTime::midnight(value.year, 1, 1).day_number() + 1) as u32
}

/// Year and week of ISO 8601: those of the Thursday of the week.
fn iso_week(value: &DateTime) -> (i32, u32) {
    let from_monday = (weekday(value) as i64 + 6) % 7;
    let midnight = DateTime::midnight(value.year, value.month, value.day);
    let thursday = midnight.with_second_number(midnight.second_number() + (3 - from_monday) * 86_400);
    (thursday.year, day_of_year(&thursday).div_ceil(7))
}

/// ST, ND, RD or TH of the number at the end.
pub(super) fn push_ordinal(out: &mut String, letters: Letters) {
    let digits = out.bytes().rev().take(2).take_while(u8::is_ascii_digit).map(|digit| digit - b'0').collect::<Vec<_>>();
    let suffix = match (digits.first(), digits.get(1)) {
        (_, Some(1)) => "TH",
        (Some(1), _) => "ST",
        (Some(2), _) => "ND",
        (Some(3), _) => "RD",
        _ => "TH",
    };
    push_name(out, suffix, letters, 0);
}

fn weekday(value: &DateTime) -> usize {
    (value.day_number() + 4).rem_euclid(7) as usize
}

fn push_name(out: &mut String, name: &str, case: Letters, width: usize) {
    match case {
        Letters::Upper => out.push_str(name),
        Letters::Lower => out.push_str(&name.to_ascii_lowercase()),
        Letters::Initial => {
            out.push_str(&name[..1]);
            out.push_str(&name[1..].to_ascii_lowercase());
        }
    }
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(name.len())));
}
