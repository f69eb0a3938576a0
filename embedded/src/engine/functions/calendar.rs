//! Functions of the calendar and of time zones.

use rusqlite::types::Value;

use super::super::datetime::{DateTime, days_in_month};
use super::super::{OraError, Result, zone};
use super::datetime::stored;
use super::{Args, Body, Nulls, text};

pub(super) const FUNCTIONS: &[(&str, i32, Nulls, Body)] = &[
    ("o_trunc_date", 2, Nulls::Propagate, |a| {
        let unit = Unit::parse(a.text(1)?).ok_or_else(|| OraError::new(1898, "too many precision specifiers"))?;
        stored(floor(&DateTime::from_stored(a.bytes(0)?)?, unit)?, "D")
    }),
    ("o_round_date", 2, Nulls::Propagate, |a| {
        let unit = Unit::parse(a.text(1)?).ok_or_else(|| OraError::new(1899, "bad precision specifier"))?;
        stored(round(&DateTime::from_stored(a.bytes(0)?)?, unit)?, "D")
    }),
    ("o_at_zone", 2, Nulls::Propagate, |a| stored(DateTime::from_stored(a.bytes(0)?)?.in_zone(zone::parse(a.text(1)?)?), "Z")),
    ("o_from_tz", 2, Nulls::Propagate, |a| stored(DateTime::from_stored(a.bytes(0)?)?.local_in(zone::parse(a.text(1)?)?)?, "Z")),
    ("o_tz_offset", 1, Nulls::Propagate, |a| Ok(text(zone::name(DateTime::now(zone::parse(a.text(0)?)?).offset_minutes)))),
    ("o_next_day", 2, Nulls::Propagate, next_day),
    ("o_new_time", 3, Nulls::Propagate, new_time),
];

const DAY_SECONDS: i64 = 86_400;

/// What ROUND and TRUNC cut dates to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Century,
    Year,
    IsoYear,
    Quarter,
    Month,
    /// Weeks that begin with the weekday of the year's first day.
    WeekOfYear,
    /// Weeks that begin with the weekday of the month's first day.
    WeekOfMonth,
    /// Weeks that begin on Monday.
    IsoWeek,
    /// Weeks that begin on Sunday, as in America.
    Week,
    Day,
    Hour,
    Minute,
}

impl Unit {
    fn parse(model: &str) -> Option<Unit> {
        Some(match model.to_uppercase().as_str() {
            "CC" | "SCC" => Unit::Century,
            "SYYYY" | "YYYY" | "YEAR" | "SYEAR" | "YYY" | "YY" | "Y" => Unit::Year,
            "IYYY" | "IYY" | "IY" | "I" => Unit::IsoYear,
            "Q" => Unit::Quarter,
            "MONTH" | "MON" | "MM" | "RM" => Unit::Month,
            "WW" => Unit::WeekOfYear,
            "W" => Unit::WeekOfMonth,
            "IW" => Unit::IsoWeek,
            "DAY" | "DY" | "D" => Unit::Week,
            "DDD" | "DD" | "J" => Unit::Day,
            "HH" | "HH12" | "HH24" => Unit::Hour,
            "MI" => Unit::Minute,
            _ => return None,
        })
    }
}

/// Days since the last day of this weekday, 0 for Sunday.
fn days_since(date: &DateTime, weekday: i64) -> i64 {
    (date.day_number() + 4 - weekday).rem_euclid(7)
}

fn plus_days(date: DateTime, days: i64) -> DateTime {
    date.with_second_number(date.second_number() + days * DAY_SECONDS)
}

/// The Monday that the year of ISO 8601 begins with which the date is in.
fn iso_year_start(date: &DateTime) -> DateTime {
    let start = |year: i32| {
        let fourth = DateTime::midnight(year, 1, 4);
        plus_days(fourth, -days_since(&fourth, 1))
    };
    let begun = [date.year + 1, date.year, date.year - 1].map(start);
    begun.into_iter().find(|start| start.day_number() <= date.day_number()).unwrap_or(begun[2])
}

fn floor(date: &DateTime, unit: Unit) -> Result<DateTime> {
    let midnight = DateTime::midnight(date.year, date.month, date.day);
    let first_of_month = DateTime { day: 1, ..midnight };
    let first_of_year = DateTime { month: 1, ..first_of_month };
    Ok(match unit {
        Unit::Century | Unit::IsoYear if date.year < 1 => return Err(OraError::unsupported("a century or ISO year before Christ")),
        Unit::Century => DateTime::midnight((date.year - 1) / 100 * 100 + 1, 1, 1),
        Unit::Year => first_of_year,
        Unit::IsoYear => iso_year_start(&midnight),
        Unit::Quarter => DateTime { month: (date.month - 1) / 3 * 3 + 1, ..first_of_month },
        Unit::Month => first_of_month,
        Unit::WeekOfYear => plus_days(midnight, -((midnight.day_number() - first_of_year.day_number()) % 7)),
        Unit::WeekOfMonth => plus_days(midnight, -(i64::from(date.day - 1) % 7)),
        Unit::IsoWeek => plus_days(midnight, -days_since(&midnight, 1)),
        Unit::Week => plus_days(midnight, -days_since(&midnight, 0)),
        Unit::Day => midnight,
        Unit::Hour => DateTime { hour: date.hour, ..midnight },
        Unit::Minute => DateTime { hour: date.hour, minute: date.minute, ..midnight },
    })
}

/// Years round up on 1 July, quarters on the 16th of their second month, months on the 16th, everything shorter from its middle.
fn round(date: &DateTime, unit: Unit) -> Result<DateTime> {
    let low = floor(date, unit)?;
    let seconds = date.second_number() - low.second_number();
    let later = |is_up: bool, years: i32, months: u8| {
        let month = low.month - 1 + months;
        let high = DateTime { year: low.year + years + i32::from(month / 12), month: month % 12 + 1, ..low };
        if is_up { high } else { low }
    };
    let longer = |span: i64| if seconds * 2 >= span { low.with_second_number(low.second_number() + span) } else { low };
    Ok(match unit {
        Unit::Century => later(date.year - low.year >= 50, 100, 0),
        Unit::Year => later(date.month >= 7, 1, 0),
        Unit::IsoYear => return Err(OraError::unsupported("ROUND to the ISO year")),
        Unit::Quarter => later((date.month - low.month, date.day) >= (1, 16), 0, 3),
        Unit::Month => later(date.day >= 16, 0, 1),
        Unit::WeekOfYear | Unit::WeekOfMonth | Unit::IsoWeek | Unit::Week => longer(7 * DAY_SECONDS),
        Unit::Day => longer(DAY_SECONDS),
        Unit::Hour => longer(3600),
        Unit::Minute => longer(60),
    })
}

/// The first day of that name after a date, at the same time.
fn next_day(arguments: &Args<'_, '_>) -> Result<Value> {
    const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let date = DateTime::from_stored(arguments.bytes(0)?)?;
    let name = arguments.text(1)?.trim().to_uppercase();
    // What follows the abbreviation is no matter.
    let wanted = DAYS.iter().position(|day| name.starts_with(day)).ok_or_else(|| OraError::new(1846, "not a valid day of the week"))?;
    stored(plus_days(date, 7 - days_since(&date, wanted as i64)), "D")
}

/// The time in another of the zones of North America that Oracle names.
fn new_time(arguments: &Args<'_, '_>) -> Result<Value> {
    const ZONES: [(&str, i64); 18] = [
        ("AST", -240),
        ("ADT", -180),
        ("BST", -660),
        ("BDT", -600),
        ("CST", -360),
        ("CDT", -300),
        ("EST", -300),
        ("EDT", -240),
        ("GMT", 0),
        ("HST", -600),
        ("HDT", -540),
        ("MST", -420),
        ("MDT", -360),
        ("NST", -210),
        ("PST", -480),
        ("PDT", -420),
        ("YST", -540),
        ("YDT", -480),
    ];
    let minutes = |index: usize| {
        let name = arguments.text(index)?.trim().to_uppercase();
        let found = ZONES.iter().find(|(known, _)| *known == name);
        found.map(|(_, minutes)| *minutes).ok_or_else(|| OraError::new(1857, "not a valid time zone"))
    };
    let date = DateTime::from_stored(arguments.bytes(0)?)?;
    let shift = (minutes(2)? - minutes(1)?) * 60;
    stored(date.with_second_number(date.second_number() + shift), "D")
}

/// The last day of a date's month, at the same time.
pub(super) fn last_day(arguments: &Args<'_, '_>) -> Result<Value> {
    let date = DateTime::from_stored(arguments.bytes(0)?)?;
    Ok(Value::Blob(DateTime { day: days_in_month(date.year, date.month), ..date }.to_date().to_vec()))
}
