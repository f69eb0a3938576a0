//! Points in time by their fields: checks, the calendar and the byte layouts of the engine. The calendar is Oracle's: Julian until
//! 1582-10-04, Gregorian from 1582-10-15, no year 0.

use std::fmt::Write as _;

use super::error::Failure;
use crate::engine::zone;

/// Nanoseconds of a second.
pub const NANOS_PER_SECOND: i128 = 1_000_000_000;
const SECONDS_PER_DAY: i128 = 86_400;
/// Julian day number of 1582-10-15, the first Gregorian day.
const FIRST_GREGORIAN_DAY: i64 = 2_299_161;
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// A point in time by its local fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Timestamp {
    pub year: i16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub nanos: u32,
    /// Of the local time against UTC; 0 for a timestamp without zone.
    pub offset_minutes: i16,
    /// Number of the region that the zone is, 0 where it is an offset.
    pub region: u16,
}

/// Julian day number of a date.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let before_march = (14 - month) / 12;
    let years = year + 4800 - before_march;
    let months = month + 12 * before_march - 3;
    let days = day + (153 * months + 2) / 5 + 365 * years + years.div_euclid(4);
    match (year, month, day) >= (1582, 10, 15) {
        true => days - years.div_euclid(100) + years.div_euclid(400) - 32_045,
        false => days - 32_083,
    }
}

/// Date of a Julian day number.
fn date_of_day(number: i64) -> (i64, u8, u8) {
    let correction = if number >= FIRST_GREGORIAN_DAY { ((4 * number + 274_277) / 146_097) * 3 / 4 - 38 } else { 0 };
    let e = 4 * (number + 1401 + correction) + 3;
    let h = 5 * (e.rem_euclid(1461) / 4) + 2;
    let day = h % 153 / 5 + 1;
    let month = (h / 153 + 2) % 12 + 1;
    (e.div_euclid(1461) - 4716 + (14 - month) / 12, month as u8, day as u8)
}

fn days_in_month(year: i16, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year < 1582 || year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Checks fields as Oracle does, with its errors.
pub fn check_fields(year: i16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Result<(), Failure> {
    if year == 0 || !(-4712..=9999).contains(&year) {
        return Err(Failure::ora(1841, "(full) year must be between -4713 and +9999, and not be 0"));
    }
    if !(1..=12).contains(&month) {
        return Err(Failure::ora(1843, "not a valid month"));
    }
    if !(1..=31).contains(&day) {
        return Err(Failure::ora(1847, "day of month must be between 1 and last day of month"));
    }
    if day > days_in_month(year, month) || ((year, month) == (1582, 10) && (5..=14).contains(&day)) {
        return Err(Failure::ora(1839, "date not valid for month specified"));
    }
    match (hour, minute, second) {
        (24.., _, _) => Err(Failure::ora(1850, "hour must be between 0 and 23")),
        (_, 60.., _) => Err(Failure::ora(1851, "minutes must be between 0 and 59")),
        (_, _, 60..) => Err(Failure::ora(1852, "seconds must be between 0 and 59")),
        _ => Ok(()),
    }
}

/// SQLT_DAT bytes of fields.
fn date_bytes(year: i16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> [u8; 7] {
    [(year / 100 + 100) as u8, (year % 100 + 100) as u8, month, day, hour + 1, minute + 1, second + 1]
}

/// SQLT_DAT bytes of an OCIDate (year in native order, month, day, hour, minute, second, filler), checked.
pub fn from_oci_date(bytes: &[u8; 8]) -> Result<[u8; 7], Failure> {
    let year = i16::from_ne_bytes([bytes[0], bytes[1]]);
    let [_, _, month, day, hour, minute, second, _] = *bytes;
    check_fields(year, month, day, hour, minute, second)?;
    Ok(date_bytes(year, month, day, hour, minute, second))
}

impl Timestamp {
    /// From the SQLT_DAT layout.
    pub fn from_date(bytes: [u8; 7]) -> Timestamp {
        let field = |byte: u8| byte.wrapping_sub(1);
        Timestamp {
            year: (i16::from(bytes[0]) - 100) * 100 + i16::from(bytes[1]) - 100,
            month: bytes[2],
            day: bytes[3],
            hour: field(bytes[4]),
            minute: field(bytes[5]),
            second: field(bytes[6]),
            ..Timestamp::default()
        }
    }

    /// From DATE bytes and nanoseconds.
    pub fn from_timestamp(bytes: [u8; 11]) -> Timestamp {
        let [date @ .., n0, n1, n2, n3] = bytes;
        Timestamp { nanos: u32::from_be_bytes([n0, n1, n2, n3]), ..Timestamp::from_date(date) }
    }

    /// From the UTC instant and the offset, to local fields.
    pub fn from_timestamp_tz(bytes: [u8; 13]) -> Timestamp {
        let [utc @ .., first, second] = bytes;
        let utc = Timestamp::from_timestamp(utc);
        // A region that the engine does not know cannot have been stored.
        let (region, offset) = zone::from_bytes([first, second], utc.unix_seconds()).unwrap_or((0, 0));
        utc.on_clock(region, offset as i16)
    }

    /// The fields of a UTC time on the clock of a zone.
    fn on_clock(self, region: u16, offset_minutes: i16) -> Timestamp {
        match (region, offset_minutes) {
            (0, 0) => self,
            _ => Timestamp { offset_minutes, region, ..self.shifted(i128::from(offset_minutes) * 60 * NANOS_PER_SECOND) },
        }
    }

    /// The same instant in UTC.
    pub fn to_utc(self) -> Timestamp {
        Timestamp { offset_minutes: 0, region: 0, ..self.shifted(-i128::from(self.offset_minutes) * 60 * NANOS_PER_SECOND) }
    }

    /// A UTC time in the region of a number.
    pub fn in_region(self, region: u16) -> Result<Timestamp, Failure> {
        let zone = zone::of_region(region).map_err(Failure::from)?;
        Ok(self.on_clock(region, zone::offset_at(zone, self.unix_seconds()) as i16))
    }

    /// Seconds since 1970-01-01 of the fields.
    pub fn unix_seconds(self) -> i64 {
        const JULIAN_DAY_OF_1970: i64 = 2_440_588;
        (self.total_nanos() / NANOS_PER_SECOND) as i64 - JULIAN_DAY_OF_1970 * SECONDS_PER_DAY as i64
    }

    /// The OCIDate layout, without fractional seconds.
    pub fn to_oci_date(self) -> [u8; 8] {
        let [y0, y1] = self.year.to_ne_bytes();
        [y0, y1, self.month, self.day, self.hour, self.minute, self.second, 0]
    }

    /// SQLT_DAT bytes, without fractional seconds.
    pub fn to_date(self) -> [u8; 7] {
        date_bytes(self.year, self.month, self.day, self.hour, self.minute, self.second)
    }

    /// DATE bytes and nanoseconds of the local fields.
    pub fn to_timestamp(self) -> Result<[u8; 11], Failure> {
        if self.nanos > 999_999_999 {
            return Err(Failure::ora(1880, "the fractional seconds must be between 0 and 999999999"));
        }
        let mut bytes = [0; 11];
        bytes[..7].copy_from_slice(&self.to_date());
        bytes[7..].copy_from_slice(&self.nanos.to_be_bytes());
        Ok(bytes)
    }

    /// The UTC instant and the offset.
    pub fn to_timestamp_tz(self) -> Result<[u8; 13], Failure> {
        let utc = match self.offset_minutes {
            0 => self,
            offset => self.shifted(-i128::from(offset) * 60 * NANOS_PER_SECOND),
        };
        check_fields(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second)?;
        let mut bytes = [0; 13];
        bytes[..11].copy_from_slice(&utc.to_timestamp()?);
        bytes[11..].copy_from_slice(&zone::to_bytes(self.region, i32::from(self.offset_minutes)));
        Ok(bytes)
    }

    /// Nanoseconds since Julian day 0 of the local fields.
    pub fn total_nanos(self) -> i128 {
        let days = day_number(i64::from(self.year), i64::from(self.month), i64::from(self.day));
        let seconds =
            i128::from(days) * SECONDS_PER_DAY + i128::from(self.hour) * 3600 + i128::from(self.minute) * 60 + i128::from(self.second);
        seconds * NANOS_PER_SECOND + i128::from(self.nanos)
    }

    /// The fields `nanos` later; a year out of range is left for the caller to check.
    pub fn shifted(self, nanos: i128) -> Timestamp {
        let total = self.total_nanos() + nanos;
        let seconds = total.div_euclid(NANOS_PER_SECOND);
        let (year, month, day) = date_of_day(seconds.div_euclid(SECONDS_PER_DAY) as i64);
        let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY) as u32;
        Timestamp {
            year: i16::try_from(year).unwrap_or(i16::MAX),
            month,
            day,
            hour: (second_of_day / 3600) as u8,
            minute: (second_of_day / 60 % 60) as u8,
            second: (second_of_day % 60) as u8,
            nanos: total.rem_euclid(NANOS_PER_SECOND) as u32,
            offset_minutes: self.offset_minutes,
            region: self.region,
        }
    }

    /// The same fields, when they are a date and time.
    pub fn checked(self) -> Result<Timestamp, Failure> {
        check_fields(self.year, self.month, self.day, self.hour, self.minute, self.second)?;
        Ok(self)
    }

    /// `DD-MON-RR`, Oracle's default for DATE, into `out`.
    pub fn write_date(self, out: &mut String) {
        let month = MONTHS.get(usize::from(self.month).wrapping_sub(1)).unwrap_or(&"???");
        let _ = write!(out, "{:02}-{month}-{:02}", self.day, self.year.unsigned_abs() % 100);
    }

    /// `DD-MON-RR HH.MI.SSXFF AM`, Oracle's default for TIMESTAMP, with `digits` of the fraction, and the offset when there is a zone.
    pub fn write_timestamp(self, out: &mut String, digits: u8, with_zone: bool) {
        self.write_date(out);
        let half = if self.hour < 12 { "AM" } else { "PM" };
        let hour = (self.hour + 11) % 12 + 1;
        let _ = write!(out, " {hour:02}.{:02}.{:02}", self.minute, self.second);
        if digits > 0 {
            let fraction = self.nanos / 10u32.pow(9 - u32::from(digits.min(9)));
            let _ = write!(out, ".{fraction:0width$}", width = usize::from(digits.min(9)));
        }
        let _ = write!(out, " {half}");
        if with_zone {
            let sign = if self.offset_minutes < 0 { '-' } else { '+' };
            let offset = self.offset_minutes.unsigned_abs();
            let _ = write!(out, " {sign}{:02}:{:02}", offset / 60, offset % 60);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_numbers_follow_both_calendars() {
        assert_eq!(day_number(-4712, 1, 1), 0);
        assert_eq!(day_number(1582, 10, 15) - day_number(1582, 10, 4), 1);
        assert_eq!(day_number(1970, 1, 1), 2_440_588);
        for number in [0, 1, 1_721_424, 2_299_160, 2_299_161, 2_440_588, 5_373_484] {
            let (year, month, day) = date_of_day(number);
            assert_eq!(day_number(year, i64::from(month), i64::from(day)), number);
        }
        assert_eq!(date_of_day(5_373_484), (9999, 12, 31));
    }

    #[test]
    fn a_zone_round_trips_through_utc() {
        let local = Timestamp { year: 2024, month: 3, day: 1, hour: 0, minute: 30, second: 5, nanos: 7, offset_minutes: -330, region: 0 };
        let bytes = local.to_timestamp_tz().unwrap();
        assert_eq!(bytes[..7], [120, 124, 3, 1, 7, 1, 6]);
        assert_eq!(bytes[11..], [15, 30]);
        assert_eq!(Timestamp::from_timestamp_tz(bytes), local);
    }

    #[test]
    fn fields_out_of_range_have_oracles_codes() {
        let code = |result: Result<(), Failure>| match result {
            Err(Failure::Ora { code, .. }) => code,
            _ => 0,
        };
        assert_eq!(code(check_fields(0, 1, 1, 0, 0, 0)), 1841);
        assert_eq!(code(check_fields(2023, 2, 29, 0, 0, 0)), 1839);
        assert_eq!(code(check_fields(1582, 10, 10, 0, 0, 0)), 1839);
        assert_eq!(code(check_fields(1500, 2, 29, 23, 59, 59)), 0);
        assert_eq!(code(check_fields(2024, 2, 29, 24, 0, 0)), 1850);
    }

    #[test]
    fn dates_before_christ_keep_their_century_bytes_below_100() {
        let bytes = date_bytes(-4712, 1, 1, 0, 0, 0);
        assert_eq!(bytes[..2], [53, 88]);
        assert_eq!(Timestamp::from_date(bytes).year, -4712);
    }
}
