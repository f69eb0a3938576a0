//! Functions on dates and timestamps.

use rusqlite::types::Value;

use super::super::datetime::DateTime;
use super::super::datetime_format::DateFormat;
use super::super::number::Number;
use super::super::zone;
use super::super::{OraError, Result};
use super::{Args, Body, Nulls, number, text};

pub(super) const FUNCTIONS: &[(&str, i32, Nulls, Body)] = &[
    ("o_now", 2, Nulls::Propagate, now),
    ("o_datetime_text", 2, Nulls::Propagate, |a| Ok(text(DateFormat::parse(a.text(1)?)?.format(&DateTime::from_stored(a.bytes(0)?)?)))),
    ("o_text_datetime", 4, Nulls::Propagate, text_datetime),
    ("o_datetime", 4, Nulls::Propagate, datetime),
    ("o_unix_us", 1, Nulls::Propagate, |a| {
        let time = DateTime::from_stored(a.bytes(0)?)?;
        let seconds = time.second_number() - DateTime::midnight(1970, 1, 1).second_number();
        Ok(Value::Integer(seconds * 1_000_000 + i64::from(time.nanos / 1000)))
    }),
    ("o_scn_time", 1, Nulls::Seen, |a| {
        if a.is_null(0) {
            return Err(OraError::new(8181, "specified number is not a valid system change number"));
        }
        let (seconds, micros) = (a.integer(0)?.div_euclid(1_000_000), a.integer(0)?.rem_euclid(1_000_000));
        let epoch = DateTime::midnight(1970, 1, 1);
        let time = DateTime { nanos: micros as u32 * 1000, ..epoch.with_second_number(epoch.second_number() + seconds) };
        stored(time, "T")
    }),
    ("o_date_add", 2, Nulls::Propagate, date_add),
    ("o_date_diff", 2, Nulls::Propagate, date_diff),
    ("o_extract", 2, Nulls::Propagate, extract),
    ("o_region", 1, Nulls::Propagate, |a| {
        let value = DateTime::from_stored(a.bytes(0)?)?;
        Ok(text(if value.region == 0 { "UNKNOWN".into() } else { zone::name(zone::of_region(value.region)?) }))
    }),
];

/// Stored bytes of the type that `letter` names: D, T, Z or L.
pub(super) fn stored(value: DateTime, letter: &str) -> Result<Value> {
    value.check()?;
    value.to_utc().check()?;
    Ok(Value::Blob(match letter {
        "D" => value.to_date().to_vec(),
        "T" => value.to_timestamp().to_vec(),
        "L" => value.to_utc().to_timestamp().to_vec(),
        _ => value.to_timestamp_tz().to_vec(),
    }))
}

fn now(arguments: &Args<'_, '_>) -> Result<Value> {
    stored(DateTime::now(arguments.integer(1)? as i32).round_fraction(6)?, arguments.text(0)?)
}

fn text_datetime(arguments: &Args<'_, '_>) -> Result<Value> {
    let offset = arguments.integer(3)? as i32;
    let value = DateFormat::parse(arguments.text(1)?)?.read(arguments.text(0)?, &DateTime::now(offset), offset)?;
    stored(value, arguments.text(2)?)
}

/// From one datetime type to another; the session's offset is the zone of values without one.
fn datetime(arguments: &Args<'_, '_>) -> Result<Value> {
    let offset = arguments.integer(3)? as i32;
    let value = DateTime::from_stored(arguments.bytes(0)?)?;
    let value = match arguments.text(1)? {
        "Z" => value,
        "L" => value.in_zone(offset),
        _ => value.local_in(offset)?,
    };
    stored(value, arguments.text(2)?)
}

/// DATE plus days: rounded to whole seconds.
fn date_add(arguments: &Args<'_, '_>) -> Result<Value> {
    let date = DateTime::from_stored(arguments.bytes(0)?)?;
    let seconds = arguments.number(1)?.mul(&Number::from_i64(86_400))?.round_scale(0)?.to_i64()?;
    if seconds.unsigned_abs() > 1 << 40 {
        return Err(OraError::new(1841, "(full) year must be between -4713 and +9999, and not be 0"));
    }
    stored(date.with_second_number(date.second_number() + seconds), "D")
}

fn date_diff(arguments: &Args<'_, '_>) -> Result<Value> {
    let seconds = |index: usize| DateTime::from_stored(arguments.bytes(index)?).map(|value| value.second_number());
    Ok(number(Number::from_i64(seconds(0)? - seconds(1)?).div(&Number::from_i64(86_400))?))
}

fn extract(arguments: &Args<'_, '_>) -> Result<Value> {
    let value = DateTime::from_stored(arguments.bytes(0)?)?;
    // Of a value with a zone everything but the zone itself is of the instant in UTC.
    let utc = value.to_utc();
    let whole = match arguments.text(1)? {
        "YEAR" => i64::from(utc.year),
        "MONTH" => utc.month.into(),
        "DAY" => utc.day.into(),
        "HOUR" => utc.hour.into(),
        "MINUTE" => utc.minute.into(),
        "TIMEZONE_HOUR" => i64::from(value.offset_minutes / 60),
        "TIMEZONE_MINUTE" => i64::from(value.offset_minutes % 60),
        _ => {
            let fraction = Number::from_i64(value.nanos.into()).div(&Number::from_i64(1_000_000_000))?;
            return Ok(number(Number::from_i64(value.second.into()).add(&fraction)?));
        }
    };
    Ok(number(Number::from_i64(whole)))
}
