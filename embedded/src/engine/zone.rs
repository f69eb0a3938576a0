//! Time zones: an offset in minutes, or a region whose offset depends on the moment. Both are one number, so that a session's zone goes
//! wherever an offset does: regions are numbered from [`FIRST_REGION`].

use chrono::{Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::{OraError, Result};

const FIRST_REGION: i32 = 1_000_000;

fn region(zone: i32) -> Option<Tz> {
    usize::try_from(zone.checked_sub(FIRST_REGION)?).ok().and_then(|index| TZ_VARIANTS.get(index)).copied()
}

/// The number of a region in stored values, from 1; 0 for an offset.
pub(crate) fn region_number(zone: i32) -> u16 {
    region(zone).map_or(0, |_| (zone - FIRST_REGION + 1) as u16)
}

/// The zone of a region's number.
pub(crate) fn of_region(number: u16) -> Result<i32> {
    let zone = FIRST_REGION + i32::from(number) - 1;
    region(zone).map(|_| zone).ok_or_else(|| OraError::internal(format_args!("time zone region {number}")))
}

/// The two bytes of a zone at the end of a TIMESTAMP WITH TIME ZONE: hours and minutes, or the number of the region with the first bit set.
pub(crate) fn to_bytes(region: u16, offset_minutes: i32) -> [u8; 2] {
    match region {
        0 => [(offset_minutes / 60 + 20) as u8, (offset_minutes % 60 + 60) as u8],
        region => [0x80 | (region >> 6) as u8, ((region & 0x3f) << 2) as u8],
    }
}

/// The number of the region, 0 for none, and the offset at a moment, in seconds since 1970 in UTC.
pub(crate) fn from_bytes([first, second]: [u8; 2], utc_seconds: i64) -> Result<(u16, i32)> {
    if first & 0x80 == 0 {
        return Ok((0, (i32::from(first) - 20) * 60 + i32::from(second) - 60));
    }
    let number = u16::from(first & 0x7f) << 6 | u16::from(second >> 2);
    Ok((number, offset_at(of_region(number)?, utc_seconds)))
}

/// Reads `+hh:mm`, `-hh:mm` or the name of a region.
pub(crate) fn parse(text: &str) -> Result<i32> {
    let text = text.trim();
    if text.contains(|character: char| character.is_ascii_alphabetic())
        && let Some(index) = TZ_VARIANTS.iter().position(|known| known.name().eq_ignore_ascii_case(text))
        && !matches!(text.to_ascii_uppercase().as_str(), "UTC" | "GMT" | "ETC/UTC")
    {
        return Ok(FIRST_REGION + index as i32);
    }
    super::datetime::parse_offset(text)
}

/// Minutes from UTC at a moment, in seconds since 1970 in UTC.
pub(crate) fn offset_at(zone: i32, utc_seconds: i64) -> i32 {
    let Some(region) = region(zone) else { return zone };
    let moment = chrono::DateTime::from_timestamp(utc_seconds, 0).unwrap_or_default().naive_utc();
    region.offset_from_utc_datetime(&moment).fix().local_minus_utc() / 60
}

/// Minutes from UTC where clocks of the zone show `local_seconds`. Times that come twice are the earlier ones, in standard time as Oracle takes
/// them; times that never come are ORA-01878.
pub(crate) fn offset_of_local(zone: i32, local_seconds: i64) -> Result<i32> {
    let Some(region) = region(zone) else { return Ok(zone) };
    let local = chrono::DateTime::from_timestamp(local_seconds, 0).unwrap_or_default().naive_utc();
    match region.offset_from_local_datetime(&local) {
        chrono::LocalResult::Single(offset) => Ok(offset.fix().local_minus_utc() / 60),
        // Of two the smaller offset is standard time.
        chrono::LocalResult::Ambiguous(a, b) => Ok(a.fix().local_minus_utc().min(b.fix().local_minus_utc()) / 60),
        chrono::LocalResult::None => Err(OraError::new(1878, "specified field not found in datetime or interval")),
    }
}

/// The zone as SESSIONTIMEZONE shows it.
pub(crate) fn name(zone: i32) -> String {
    match region(zone) {
        Some(region) => region.name().to_owned(),
        None => format!("{}{:02}:{:02}", if zone < 0 { '-' } else { '+' }, zone.abs() / 60, zone.abs() % 60),
    }
}
