//! DATE and TIMESTAMP values: the stored bytes, calendar arithmetic and what Oracle refuses.

use super::{OraError, Result, zone};

/// Fields of a date and time. `offset_minutes` is the zone's distance from UTC, for values that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub nanos: u32,
    pub offset_minutes: i32,
    /// Number of the region that the zone is, 0 where it is an offset.
    pub region: u16,
}

const SECONDS_PER_DAY: i64 = 86_400;

impl DateTime {
    /// Midnight of a day, unchecked.
    pub fn midnight(year: i32, month: u8, day: u8) -> DateTime {
        DateTime { year, month, day, hour: 0, minute: 0, second: 0, nanos: 0, offset_minutes: 0, region: 0 }
    }

    /// Checks every field, with the codes of Oracle.
    pub fn check(&self) -> Result<()> {
        let complain = |code, text: &str| Err(OraError::new(code, text));
        if !(-4712..=9999).contains(&self.year) || self.year == 0 {
            return complain(1841, "(full) year must be between -4713 and +9999, and not be 0");
        }
        if !(1..=12).contains(&self.month) {
            return complain(1843, "not a valid month");
        }
        if !(1..=31).contains(&self.day) {
            return complain(1847, "day of month must be between 1 and last day of month");
        }
        if self.day > days_in_month(self.year, self.month) {
            return complain(1839, "date not valid for month specified");
        }
        if self.hour > 23 {
            return complain(1850, "hour must be between 0 and 23");
        }
        if self.minute > 59 {
            return complain(1851, "minutes must be between 0 and 59");
        }
        if self.second > 59 {
            return complain(1852, "seconds must be between 0 and 59");
        }
        if self.nanos > 999_999_999 {
            return complain(1880, "the fractional seconds must be between 0 and 999999999");
        }
        if !(-15 * 60 - 59..=15 * 60 + 59).contains(&self.offset_minutes) {
            return complain(1874, "time zone hour must be between -15 and 15");
        }
        Ok(())
    }

    /// Reads and checks the seven bytes of a DATE.
    pub fn from_date(bytes: [u8; 7]) -> Result<DateTime> {
        let value = DateTime::fields(&bytes);
        if bytes[4] == 0 || bytes[5] == 0 || bytes[6] == 0 {
            return Err(OraError::new(1850, "hour must be between 0 and 23"));
        }
        value.check()?;
        Ok(value)
    }

    /// Reads and checks the eleven bytes of a TIMESTAMP.
    pub fn from_timestamp(bytes: [u8; 11]) -> Result<DateTime> {
        let mut value = DateTime::from_date(prefix(&bytes))?;
        value.nanos = u32::from_be_bytes([bytes[7], bytes[8], bytes[9], bytes[10]]);
        value.check()?;
        Ok(value)
    }

    /// Reads and checks the thirteen bytes of a TIMESTAMP WITH TIME ZONE: the result holds local fields and the offset.
    pub fn from_timestamp_tz(bytes: [u8; 13]) -> Result<DateTime> {
        let mut value = DateTime::from_timestamp(prefix(&bytes))?;
        (value.region, value.offset_minutes) = zone::from_bytes([bytes[11], bytes[12]], value.second_number())?;
        value.check()?;
        Ok(value.plus_seconds(i64::from(value.offset_minutes) * 60))
    }

    /// Reads bytes that this engine stored: DATE, TIMESTAMP or TIMESTAMP WITH TIME ZONE by their length.
    pub fn from_stored(bytes: &[u8]) -> Result<DateTime> {
        match bytes.len() {
            7 => DateTime::from_date(prefix(bytes)),
            11 => DateTime::from_timestamp(prefix(bytes)),
            13 => DateTime::from_timestamp_tz(prefix(bytes)),
            length => Err(OraError::internal(format_args!("datetime of {length} bytes"))),
        }
    }

    fn fields(bytes: &[u8; 7]) -> DateTime {
        DateTime {
            year: (i32::from(bytes[0]) - 100) * 100 + i32::from(bytes[1]) - 100,
            month: bytes[2],
            day: bytes[3],
            hour: bytes[4].wrapping_sub(1),
            minute: bytes[5].wrapping_sub(1),
            second: bytes[6].wrapping_sub(1),
            nanos: 0,
            offset_minutes: 0,
            region: 0,
        }
    }

    /// The seven bytes of a DATE; fractions of a second are cut off.
    pub fn to_date(self) -> [u8; 7] {
        let (century, year) = (self.year / 100, self.year % 100);
        [(century + 100) as u8, (year + 100) as u8, self.month, self.day, self.hour + 1, self.minute + 1, self.second + 1]
    }

    /// The eleven bytes of a TIMESTAMP.
    pub fn to_timestamp(self) -> [u8; 11] {
        let mut bytes = [0; 11];
        bytes[..7].copy_from_slice(&self.to_date());
        bytes[7..].copy_from_slice(&self.nanos.to_be_bytes());
        bytes
    }

    /// The thirteen bytes of a TIMESTAMP WITH TIME ZONE: the UTC instant first, so that bytes sort by instant.
    pub fn to_timestamp_tz(self) -> [u8; 13] {
        let utc = self.plus_seconds(-i64::from(self.offset_minutes) * 60);
        let mut bytes = [0; 13];
        bytes[..11].copy_from_slice(&utc.to_timestamp());
        bytes[11..].copy_from_slice(&zone::to_bytes(self.region, self.offset_minutes));
        bytes
    }

    /// The same fields in UTC.
    pub fn to_utc(self) -> DateTime {
        DateTime { offset_minutes: 0, region: 0, ..self.plus_seconds(-i64::from(self.offset_minutes) * 60) }
    }

    /// The same instant in a zone: minutes from UTC or a region.
    pub fn in_zone(self, zone: i32) -> DateTime {
        let offset_minutes = zone::offset_at(zone, self.second_number() - i64::from(self.offset_minutes) * 60);
        DateTime { offset_minutes, region: 0, ..self.plus_seconds(i64::from(offset_minutes - self.offset_minutes) * 60) }
    }

    /// The same instant in the region of a number.
    pub fn in_region(self, number: u16) -> Result<DateTime> {
        Ok(DateTime { region: number, ..self.in_zone(zone::of_region(number)?) })
    }

    /// The moment when clocks in a zone show these fields.
    pub fn local_in(self, zone: i32) -> Result<DateTime> {
        Ok(DateTime { offset_minutes: zone::offset_of_local(zone, self.second_number())?, ..self })
    }

    /// Days since 1970-01-01, in the calendar that Oracle uses: Julian before 1582-10-15.
    pub fn day_number(&self) -> i64 {
        day_number(self.year, self.month, self.day)
    }

    /// Seconds since 1970-01-01 00:00:00 of the same fields.
    pub fn second_number(&self) -> i64 {
        self.day_number() * SECONDS_PER_DAY + i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second)
    }

    /// Fields of a second number, keeping fraction and offset.
    pub fn with_second_number(self, seconds: i64) -> DateTime {
        let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
        let second = seconds.rem_euclid(SECONDS_PER_DAY);
        DateTime { year, month, day, hour: (second / 3600) as u8, minute: (second / 60 % 60) as u8, second: (second % 60) as u8, ..self }
    }

    fn plus_seconds(self, seconds: i64) -> DateTime {
        if seconds == 0 { self } else { self.with_second_number(self.second_number() + seconds) }
    }

    /// Rounds to `digits` fractional digits, half up, carrying into the seconds.
    pub fn round_fraction(self, digits: u8) -> Result<DateTime> {
        if digits >= 9 {
            return Ok(self);
        }
        let unit = 10u32.pow(9 - u32::from(digits));
        let nanos = (self.nanos + unit / 2) / unit * unit;
        let rounded = if nanos >= 1_000_000_000 {
            DateTime { nanos: nanos - 1_000_000_000, ..self }.plus_seconds(1)
        } else {
            DateTime { nanos, ..self }
        };
        rounded.check()?;
        Ok(rounded)
    }

    /// The present moment in the zone `offset_minutes`.
    pub fn now(offset_minutes: i32) -> DateTime {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let utc = DateTime { nanos: since.subsec_nanos(), ..DateTime::midnight(1970, 1, 1) };
        utc.with_second_number(since.as_secs() as i64).in_zone(offset_minutes)
    }
}

fn prefix<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}

/// Days of a month; 1582-10 lacks ten of its days, which Oracle refuses elsewhere too rarely to matter here.
pub(crate) fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn is_leap(year: i32) -> bool {
    // Before Christ too by the number: 4 BC is leap, 1 BC is not. Oracle's client says so (OCIDateCheck), and counts days as if a leap year 0
    // were between 1 BC and 1 AD (OCIDateDaysBetween).
    if year < 1582 { year % 4 == 0 } else { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
}

fn day_number(year: i32, month: u8, day: u8) -> i64 {
    let gregorian = (year, month, day) >= (1582, 10, 15);
    let shifted_year = i64::from(year) - i64::from(month <= 2);
    let month_index = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_index + 2) / 5 + i64::from(day) - 1;
    let days = shifted_year * 365 + shifted_year.div_euclid(4) + day_of_year;
    if gregorian { days - shifted_year.div_euclid(100) + shifted_year.div_euclid(400) - 719_468 } else { days - 719_470 }
}

fn civil(days: i64) -> (i32, u8, u8) {
    let gregorian = days >= day_number(1582, 10, 15);
    let mut shifted_year = if gregorian { (days + 719_468) * 400 / 146_097 } else { ((days + 719_470) * 4).div_euclid(1461) };
    let start = |year: i64| {
        let days = year * 365 + year.div_euclid(4);
        if gregorian { days - year.div_euclid(100) + year.div_euclid(400) - 719_468 } else { days - 719_470 }
    };
    while start(shifted_year) > days {
        shifted_year -= 1;
    }
    while start(shifted_year + 1) <= days {
        shifted_year += 1;
    }
    let day_of_year = days - start(shifted_year);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_index + 2) / 5 + 1) as u8;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 } as u8;
    ((shifted_year + i64::from(month <= 2)) as i32, month, day)
}

/// Reads `+hh:mm`, `-hh:mm`, `UTC`, `GMT` or `Z` as minutes from UTC.
pub(crate) fn parse_offset(text: &str) -> Result<i32> {
    let text = text.trim();
    if matches!(text.to_ascii_uppercase().as_str(), "UTC" | "GMT" | "Z" | "ETC/UTC" | "DBTIMEZONE" | "LOCAL") {
        return Ok(0);
    }
    let invalid = || OraError::new(1882, format_args!("timezone region {text} not found"));
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let hours: i32 = hours.parse().map_err(|_| invalid())?;
    let minutes: i32 = minutes.parse().map_err(|_| invalid())?;
    if !(0..=15).contains(&hours) || !(0..=59).contains(&minutes) {
        return Err(OraError::new(1874, "time zone hour must be between -15 and 15"));
    }
    Ok(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn day_numbers_agree_with_known_days() {
        assert_eq!(day_number(1970, 1, 1), 0);
        assert_eq!(day_number(2000, 3, 1), 11_017);
        assert_eq!(day_number(1582, 10, 15) - day_number(1582, 10, 4), 1);
        assert_eq!(civil(day_number(-4, 2, 29)), (-4, 2, 29));
        // The year between has 366 days and no date.
        assert_eq!(day_number(1, 1, 1) - day_number(-1, 12, 31), 367);
        assert!((-1..=0).all(|year| DateTime::midnight(year, 2, 29).check().is_err()));
    }

    #[test]
    fn invalid_dates_have_their_codes() {
        let code = |bytes: [u8; 7]| DateTime::from_date(bytes).unwrap_err().code;
        assert_eq!(code([120, 124, 13, 1, 1, 1, 1]), 1843);
        assert_eq!(code([120, 124, 0, 1, 1, 1, 1]), 1843);
        assert_eq!(code([120, 123, 2, 29, 1, 1, 1]), 1839);
        assert_eq!(code([120, 124, 1, 32, 1, 1, 1]), 1847);
        assert_eq!(code([120, 124, 1, 1, 25, 1, 1]), 1850);
        assert_eq!(code([120, 124, 1, 1, 1, 61, 1]), 1851);
        assert_eq!(code([120, 124, 1, 1, 1, 1, 61]), 1852);
        assert_eq!(code([120, 124, 1, 1, 0, 1, 1]), 1850);
        assert_eq!(code([100, 100, 1, 1, 1, 1, 1]), 1841);
        assert_eq!(code([0, 0, 1, 1, 1, 1, 1]), 1841);
        assert_eq!(code([200, 200, 1, 1, 1, 1, 1]), 1841);
    }

    #[test]
    fn fractions_round_and_carry() {
        let value = DateTime { hour: 23, minute: 59, second: 59, nanos: 999_999_600, ..DateTime::midnight(2023, 12, 31) };
        assert_eq!(value.round_fraction(6).unwrap(), DateTime::midnight(2024, 1, 1));
        assert_eq!(value.round_fraction(9).unwrap(), value);
        let last = DateTime { hour: 23, minute: 59, second: 59, nanos: 900_000_000, ..DateTime::midnight(9999, 12, 31) };
        assert_eq!(last.round_fraction(0).unwrap_err().code, 1841);
    }

    proptest! {
        #[test]
        fn seconds_round_trip_and_bytes_sort(a in -210_000_000_000i64..253_402_300_799, b in -210_000_000_000i64..253_402_300_799, offset in -900i32..900) {
            let of = |seconds| DateTime::midnight(1970, 1, 1).with_second_number(seconds);
            prop_assert_eq!(of(a).second_number(), a);
            prop_assume!(of(a).year != 0 && of(b).year != 0);
            of(a).check().unwrap();
            prop_assert_eq!(DateTime::from_date(of(a).to_date()).unwrap(), of(a));
            prop_assert_eq!(of(a).to_date().cmp(&of(b).to_date()), a.cmp(&b));
            let zoned = of(a).in_zone(offset);
            if zoned.check().is_ok() {
                prop_assert_eq!(DateTime::from_timestamp_tz(zoned.to_timestamp_tz()).unwrap(), zoned);
            }
        }
    }
}
