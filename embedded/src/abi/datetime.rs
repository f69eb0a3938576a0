//! OCIDateTime descriptors.

use std::ffi::c_void;

use super::codes::{kind, status};
use super::descriptor::{self, Content};
use super::error::{Failure, Outcome, guard};
use super::interval::Interval;
use super::timestamp::{NANOS_PER_SECOND, Timestamp};
use crate::engine::zone;

/// Offset of `+HH:MI`, `-HH:MI`, `UTC` or `GMT`.
fn parse_zone(text: &str) -> Result<i16, Failure> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("UTC") || text.eq_ignore_ascii_case("GMT") || text.eq_ignore_ascii_case("Z") {
        return Ok(0);
    }
    let region = || Failure::ora(1882, format_args!("timezone region not found (\"{text}\")"));
    let (sign, rest) = match text.as_bytes()[0] {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        byte if byte.is_ascii_digit() => (1, text),
        _ => return Err(region()),
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let hours: i16 = hours.parse().map_err(|_| region())?;
    let minutes: i16 = minutes.parse().map_err(|_| region())?;
    if !(0..=15).contains(&hours) {
        return Err(Failure::ora(1874, "time zone hour must be between -15 and 15"));
    }
    if !(0..=59).contains(&minutes) {
        return Err(Failure::ora(1875, "time zone minute must be between -59 and 59"));
    }
    Ok(sign * (hours * 60 + minutes))
}

impl Timestamp {
    /// Puts the fields on the clock of an offset or of a region; of times that come twice it is the one in standard time, as with Oracle.
    fn set_zone(&mut self, text: &str) -> Result<(), Failure> {
        let zone = if text.trim().starts_with(|first: char| first.is_ascii_alphabetic()) { zone::parse(text).unwrap_or(0) } else { 0 };
        self.region = zone::region_number(zone);
        self.offset_minutes = match self.region {
            0 => parse_zone(text)?,
            _ => zone::offset_of_local(zone, self.unix_seconds()).map_err(Failure::from)? as i16,
        };
        Ok(())
    }
}

/// Fills a timestamp descriptor. The zone (`+HH:MI`, UTC, GMT) counts for descriptors with a zone; without one it is the session's, UTC.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeConstruct(
    _hndl: *mut c_void,
    errhp: *mut c_void,
    datetime: *mut c_void,
    year: i16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanos: u32,
    zone: *const u8,
    zone_len: usize,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIDateTimeConstruct", errhp, |_| {
            let mut timestamp = Timestamp { year, month, day, hour, minute, second, nanos, ..Timestamp::default() }.checked()?;
            if !zone.is_null() && zone_len > 0 && descriptor::get(datetime)?.kind() != kind::TIMESTAMP {
                let zone = std::slice::from_raw_parts(zone, zone_len);
                match zone {
                    b"+00:00" => {}
                    _ => timestamp.set_zone(&String::from_utf8_lossy(zone))?,
                }
            }
            descriptor::set(datetime, Content::Timestamp(timestamp))?;
            Ok(status::SUCCESS)
        })
    }
}

/// # Safety
/// `errhp` and `datetime` as the OCI contract says.
unsafe fn read(function: &str, errhp: *mut c_void, datetime: *const c_void, inside: impl FnOnce(&Timestamp)) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard(function, errhp, |_| {
            inside(descriptor::get(datetime)?.timestamp()?);
            Ok(status::SUCCESS)
        })
    }
}

/// # Safety
/// `target` is NULL or writable.
unsafe fn put<T>(target: *mut T, value: T) {
    if !target.is_null() {
        // SAFETY: the caller's contract.
        unsafe { target.write(value) };
    }
}

/// Year, month and day.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeGetDate(
    _hndl: *mut c_void,
    errhp: *mut c_void,
    datetime: *const c_void,
    year: *mut i16,
    month: *mut u8,
    day: *mut u8,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        read("OCIDateTimeGetDate", errhp, datetime, |timestamp| {
            put(year, timestamp.year);
            put(month, timestamp.month);
            put(day, timestamp.day);
        })
    }
}

/// Hour, minute, second and nanoseconds.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeGetTime(
    _hndl: *mut c_void,
    errhp: *mut c_void,
    datetime: *mut c_void,
    hour: *mut u8,
    minute: *mut u8,
    second: *mut u8,
    nanos: *mut u32,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        read("OCIDateTimeGetTime", errhp, datetime, |timestamp| {
            put(hour, timestamp.hour);
            put(minute, timestamp.minute);
            put(second, timestamp.second);
            put(nanos, timestamp.nanos);
        })
    }
}

/// Offset against UTC; both parts carry the sign.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeGetTimeZoneOffset(
    _hndl: *mut c_void,
    errhp: *mut c_void,
    datetime: *const c_void,
    hour: *mut i8,
    minute: *mut i8,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        read("OCIDateTimeGetTimeZoneOffset", errhp, datetime, |timestamp| {
            put(hour, (timestamp.offset_minutes / 60) as i8);
            put(minute, (timestamp.offset_minutes % 60) as i8);
        })
    }
}

/// Name of the region, or the offset as `+HH:MI`, without an end mark; `len` comes with the room and goes with the length.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeGetTimeZoneName(
    _hndl: *mut c_void,
    errhp: *mut c_void,
    datetime: *const c_void,
    buf: *mut u8,
    len: *mut u32,
) -> i32 {
    // SAFETY: the caller's contract; as many bytes are written as `len` says there is room for.
    unsafe {
        guard("OCIDateTimeGetTimeZoneName", errhp, |_| {
            let timestamp = descriptor::get(datetime.cast_mut())?.timestamp()?;
            let zone = match timestamp.region {
                0 => i32::from(timestamp.offset_minutes),
                region => zone::of_region(region).map_err(Failure::from)?,
            };
            let name = zone::name(zone);
            if buf.is_null() || len.is_null() || (*len as usize) < name.len() {
                return Err(Failure::ora(1877, "string is too long for internal buffer"));
            }
            std::ptr::copy_nonoverlapping(name.as_ptr(), buf, name.len());
            *len = name.len() as u32;
            Ok(status::SUCCESS)
        })
    }
}

/// Copies a timestamp into a descriptor of this or another timestamp kind; without a zone its fields are UTC.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeConvert(_hndl: *mut c_void, errhp: *mut c_void, from: *mut c_void, to: *mut c_void) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIDateTimeConvert", errhp, |_| {
            let mut timestamp = *descriptor::get(from)?.timestamp()?;
            if descriptor::get(to)?.kind() == kind::TIMESTAMP {
                (timestamp.offset_minutes, timestamp.region) = (0, 0);
            }
            descriptor::set(to, Content::Timestamp(timestamp))?;
            Ok(status::SUCCESS)
        })
    }
}

/// Adds an interval.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeIntervalAdd(
    _hndl: *mut c_void,
    errhp: *mut c_void,
    datetime: *mut c_void,
    interval: *mut c_void,
    sum: *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIDateTimeIntervalAdd", errhp, |_| {
            let timestamp = *descriptor::get(datetime)?.timestamp()?;
            let added = match descriptor::get(interval)?.interval()?.by_value() {
                Interval::DaySecond { nanos } if timestamp.region != 0 => timestamp.to_utc().shifted(nanos).in_region(timestamp.region)?,
                Interval::DaySecond { nanos } => timestamp.shifted(nanos),
                Interval::Fields(_) => timestamp,
                Interval::YearMonth { months } => {
                    let month_number = i64::from(timestamp.year) * 12 + i64::from(timestamp.month) - 1 + i64::from(months);
                    let year = i16::try_from(month_number.div_euclid(12)).unwrap_or(i16::MAX);
                    Timestamp { year, month: (month_number.rem_euclid(12) + 1) as u8, ..timestamp }
                }
            };
            descriptor::set(sum, Content::Timestamp(added.checked()?))?;
            Ok(status::SUCCESS)
        })
    }
}

/// The interval from the second timestamp to the first, by their instants.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeSubtract(
    _hndl: *mut c_void,
    errhp: *mut c_void,
    first: *mut c_void,
    second: *mut c_void,
    difference: *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIDateTimeSubtract", errhp, |_| -> Outcome {
            let instant = |timestamp: &Timestamp| timestamp.total_nanos() - i128::from(timestamp.offset_minutes) * 60 * NANOS_PER_SECOND;
            let nanos = instant(descriptor::get(first)?.timestamp()?) - instant(descriptor::get(second)?.timestamp()?);
            let interval = match descriptor::get(difference)?.kind() {
                kind::INTERVAL_YM => return Err(Failure::unimplemented("OCIDateTimeSubtract into INTERVAL YEAR TO MONTH")),
                _ => Interval::DaySecond { nanos },
            };
            descriptor::set(difference, Content::Interval(interval))?;
            Ok(status::SUCCESS)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_offsets_or_utc() {
        assert_eq!(parse_zone("+05:30").unwrap(), 330);
        assert_eq!(parse_zone("-00:30").unwrap(), -30);
        assert_eq!(parse_zone("UTC").unwrap(), 0);
        assert!(parse_zone("Europe/Berlin").is_err());
        assert!(parse_zone("+16:00").is_err());
    }
}
