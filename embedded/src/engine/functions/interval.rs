//! Functions on intervals, and dates and timestamps with intervals.

use rusqlite::types::Value;

use super::super::datetime::{DateTime, days_in_month};
use super::super::interval::{self, Field, SECOND};
use super::super::number::Number;
use super::super::{OraError, Result};
use super::{Args, Body, Nulls, text};

pub(super) const FUNCTIONS: &[(&str, i32, Nulls, Body)] = &[
    ("o_text_ds", 1, Nulls::Propagate, |a| ds(interval::parse_nanos(a.text(0)?, Field::Day, Field::Second)?)),
    ("o_text_ym", 1, Nulls::Propagate, |a| Ok(ym(interval::parse_months(a.text(0)?, Field::Year, Field::Month)?))),
    ("o_ds_text", 3, Nulls::Propagate, |a| {
        let (bytes, day_digits, second_digits) = (a.bytes(0)?, a.integer(1)? as usize, a.integer(2)? as usize);
        Ok(text(match interval::fields(bytes)? {
            Some(fields) => interval::fields_text(fields, day_digits, second_digits),
            None => interval::nanos_text(interval::nanos(bytes)?, day_digits, second_digits),
        }))
    }),
    ("o_ym_text", 2, Nulls::Propagate, |a| Ok(text(interval::months_text(interval::months(a.bytes(0)?)?, a.integer(1)? as usize)))),
    ("o_numtodsinterval", 2, Nulls::Propagate, number_to_ds),
    ("o_numtoyminterval", 2, Nulls::Propagate, number_to_ym),
    ("o_interval_add", 3, Nulls::Propagate, add),
    ("o_interval_scale", 3, Nulls::Propagate, scale),
    ("o_shift", 3, Nulls::Propagate, shift),
    ("o_moment_diff", 2, Nulls::Propagate, moment_diff),
    ("o_add_months", 2, Nulls::Propagate, add_months),
    ("o_interval_field", 2, Nulls::Propagate, field),
];

fn ds(nanos: i128) -> Result<Value> {
    Ok(Value::Blob(interval::nanos_bytes(interval::checked_nanos(Some(nanos))?).to_vec()))
}

fn ym(months: i32) -> Value {
    Value::Blob(interval::months_bytes(months).to_vec())
}

/// A number times a whole, rounded to a whole.
fn times(number: &Number, factor: i128) -> Result<i128> {
    let product = number.mul(&Number::parse(&factor.to_string())?)?.round_scale(0)?;
    product.to_text().parse().map_err(|_| OraError::new(1873, "the leading precision of the interval is too small"))
}

fn number_to_ds(arguments: &Args<'_, '_>) -> Result<Value> {
    let unit = Field::parse(&arguments.text(1)?.trim().to_uppercase()).and_then(Field::nanos);
    ds(times(&arguments.number(0)?, unit.ok_or_else(|| OraError::new(1760, "illegal argument for function"))?)?)
}

fn number_to_ym(arguments: &Args<'_, '_>) -> Result<Value> {
    let months = match Field::parse(&arguments.text(1)?.trim().to_uppercase()) {
        Some(Field::Year) => 12,
        Some(Field::Month) => 1,
        _ => return Err(OraError::new(1760, "illegal argument for function")),
    };
    let months = times(&arguments.number(0)?, months)?;
    Ok(ym(i32::try_from(months).map_err(|_| OraError::new(1873, "the leading precision of the interval is too small"))?))
}

fn overflow() -> OraError {
    OraError::new(1873, "the leading precision of the interval is too small")
}

fn add(arguments: &Args<'_, '_>) -> Result<Value> {
    let (a, b) = (arguments.bytes(0)?, arguments.bytes(1)?);
    let minus = arguments.text(2)? == "-";
    if a.len() == 4 {
        let (a, b) = (interval::months(a)?, interval::months(b)?);
        return Ok(ym(if minus { a.checked_sub(b) } else { a.checked_add(b) }.ok_or_else(overflow)?));
    }
    let (a, b) = (interval::nanos(a)?, interval::nanos(b)?);
    ds(if minus { a - b } else { a + b })
}

fn scale(arguments: &Args<'_, '_>) -> Result<Value> {
    let value = arguments.bytes(0)?;
    let factor = arguments.number(1)?;
    let factor = if arguments.text(2)? == "/" { Number::from_i64(1).div(&factor)? } else { factor };
    if value.len() == 4 {
        let months = times(&factor, interval::months(value)?.into())?;
        return Ok(ym(i32::try_from(months).map_err(|_| overflow())?));
    }
    ds(times(&factor, interval::nanos(value)?)?)
}

/// Stored bytes of the same length.
fn stored(value: DateTime, length: usize) -> Result<Value> {
    value.check()?;
    value.to_utc().check()?;
    Ok(Value::Blob(match length {
        7 => value.to_date().to_vec(),
        11 => value.to_timestamp().to_vec(),
        _ => value.to_timestamp_tz().to_vec(),
    }))
}

/// A date or timestamp plus or minus an interval. Months keep the day, which must exist (ORA-01839).
fn shift(arguments: &Args<'_, '_>) -> Result<Value> {
    let (moment, by) = (arguments.bytes(0)?, arguments.bytes(1)?);
    let minus = arguments.text(2)? == "-";
    let value = DateTime::from_stored(moment)?;
    if by.len() == 4 {
        let months = interval::months(by)?;
        let (year, month) = month_after(&value, if minus { -i64::from(months) } else { months.into() })?;
        return stored(DateTime { year, month, ..value }, moment.len());
    }
    let nanos = interval::nanos(by)?;
    // In a region the clock may be put forward or back on the way.
    let (region, value) = (value.region, if value.region == 0 { value } else { value.to_utc() });
    let total = i128::from(value.second_number()) * SECOND + i128::from(value.nanos) + if minus { -nanos } else { nanos };
    let seconds = total.div_euclid(SECOND);
    if seconds.abs() > 1 << 40 {
        return Err(OraError::new(1841, "(full) year must be between -4713 and +9999, and not be 0"));
    }
    let shifted = DateTime { nanos: total.rem_euclid(SECOND) as u32, ..value }.with_second_number(seconds as i64);
    stored(if region == 0 { shifted } else { shifted.in_region(region)? }, moment.len())
}

/// Year and month so many months later; there is no year 0.
fn month_after(value: &DateTime, months: i64) -> Result<(i32, u8)> {
    let astronomical = i64::from(if value.year < 0 { value.year + 1 } else { value.year });
    let total = astronomical * 12 + i64::from(value.month) - 1 + months;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) as u8 + 1);
    let year = if year <= 0 { year - 1 } else { year };
    let year = i32::try_from(year).ok().filter(|year| (-4712..=9999).contains(year));
    year.map(|year| (year, month)).ok_or_else(|| OraError::new(1841, "(full) year must be between -4713 and +9999, and not be 0"))
}

/// ADD_MONTHS: the last day of a month stays the last day.
fn add_months(arguments: &Args<'_, '_>) -> Result<Value> {
    let date = DateTime::from_stored(arguments.bytes(0)?)?;
    let (year, month) = month_after(&date, arguments.number(1)?.trunc_scale(0)?.to_i64()?)?;
    let last = days_in_month(year, month);
    let is_last = date.day == days_in_month(date.year, date.month);
    stored(DateTime { year, month, day: if is_last { last } else { date.day.min(last) }, ..date }, 7)
}

fn moment_diff(arguments: &Args<'_, '_>) -> Result<Value> {
    let nanos = |index: usize| -> Result<i128> {
        let utc = DateTime::from_stored(arguments.bytes(index)?)?.to_utc();
        Ok(i128::from(utc.second_number()) * SECOND + i128::from(utc.nanos))
    };
    ds(nanos(0)? - nanos(1)?)
}

/// EXTRACT from an interval.
fn field(arguments: &Args<'_, '_>) -> Result<Value> {
    let bytes = arguments.bytes(0)?;
    let wrong = || OraError::new(30076, "invalid extract field for extract source");
    let field = Field::parse(arguments.text(1)?).ok_or_else(wrong)?;
    if bytes.len() == 4 {
        let months = interval::months(bytes)?;
        let value = match field {
            Field::Year => months / 12,
            Field::Month => months % 12,
            _ => return Err(wrong()),
        };
        return Ok(super::number(Number::from_i64(value.into())));
    }
    let nanos = interval::nanos(bytes)?;
    if let Some([days, hours, minutes, seconds, fraction]) = interval::fields(bytes)? {
        let value = match field {
            Field::Day => days,
            Field::Hour => hours,
            Field::Minute => minutes,
            Field::Second => {
                let nanos = Number::from_i64(i64::from(seconds) * SECOND as i64 + i64::from(fraction));
                return Ok(super::number(nanos.div(&Number::from_i64(SECOND as i64))?));
            }
            _ => return Err(wrong()),
        };
        return Ok(super::number(Number::from_i64(value.into())));
    }
    let value = match field {
        Field::Day => nanos / interval::DAY,
        Field::Hour => nanos / (3600 * SECOND) % 24,
        Field::Minute => nanos / (60 * SECOND) % 60,
        Field::Second => {
            let nanos = Number::from_i64((nanos % (60 * SECOND)) as i64);
            return Ok(super::number(nanos.div(&Number::from_i64(SECOND as i64))?));
        }
        _ => return Err(wrong()),
    };
    Ok(super::number(Number::from_i64(value as i64)))
}
