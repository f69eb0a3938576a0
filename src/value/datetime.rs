//! Civil dates and times: `SQLT_DAT` (7 bytes) and [`DateTimeFields`], from days and fractions since 1970-01-01.
//!
//! Which day has which name in Oracle is told by [`super::calendar`].

use std::sync::OnceLock;

use super::calendar::{days_from_oracle, oracle_from_days};
use crate::layout::DateTimeFields;

pub use super::calendar::{Calendar, DateTimeError, FIRST_DAY, FIRST_GREGORIAN_DAY, LAST_DAY};

/// Bytes of one `SQLT_DAT` value.
pub const DAT_SLOT_BYTES: usize = 7;

/// One `SQLT_DAT` value: century + 100, year of century + 100, month, day, hour + 1, minute + 1, second + 1.
pub type DatSlot = [u8; DAT_SLOT_BYTES];

/// Seconds of a day.
pub const SECONDS_PER_DAY: i64 = 86_400;
const FIRST_SECOND: i64 = FIRST_DAY as i64 * SECONDS_PER_DAY;
const LAST_SECOND: i64 = LAST_DAY as i64 * SECONDS_PER_DAY + SECONDS_PER_DAY - 1;

/// The kind of range error of a count that is not in range.
#[cold]
fn range_error(too_small: bool) -> DateTimeError {
    if too_small { DateTimeError::BeforeFirstDay } else { DateTimeError::AfterLastDay }
}

/// Encodes a day at midnight.
#[inline]
pub fn encode_dat_days(days: i32, calendar: Calendar, slot: &mut DatSlot) -> Result<(), DateTimeError> {
    if !(FIRST_DAY..=LAST_DAY).contains(&days) {
        return Err(range_error(days < FIRST_DAY));
    }
    let (year, month, day) = oracle_from_days(days, calendar)?;
    *slot = [(year / 100 + 100) as u8, (year % 100 + 100) as u8, month, day, 1, 1, 1];
    Ok(())
}

/// The midnights of 1900 to 2099, encoded: most dates of business lie there, and close together, so that the few entries in use stay in the
/// nearest cache. A look-up costs a fourth of the calculation.
#[derive(Debug, Clone, Copy)]
pub struct DatTable(&'static [u64]);

impl DatTable {
    /// 1900-01-01.
    const FIRST_DAY: i32 = -25_567;
    /// Up to 2099-12-31.
    const DAYS: usize = 73_049;

    /// The table, made on first use: 584 KB, under a millisecond.
    pub fn get() -> Self {
        static TABLE: OnceLock<Box<[u64]>> = OnceLock::new();
        DatTable(TABLE.get_or_init(|| (0..Self::DAYS).map(|index| Self::entry(Self::FIRST_DAY + index as i32)).collect()))
    }

    fn entry(days: i32) -> u64 {
        let mut word = [0; 8];
        if let Some((slot, _)) = word.split_first_chunk_mut::<DAT_SLOT_BYTES>() {
            // Every day of the table is in Oracle's range.
            let encoded = encode_dat_days(days, Calendar::SameDay, slot);
            debug_assert!(encoded.is_ok());
        }
        u64::from_le_bytes(word)
    }

    /// [`encode_dat_days`], by the table where it reaches.
    #[inline]
    pub fn encode_days(&self, days: i32, calendar: Calendar, slot: &mut DatSlot) -> Result<(), DateTimeError> {
        match self.0.get(days.wrapping_sub(Self::FIRST_DAY) as u32 as usize) {
            Some(entry) => {
                slot.copy_from_slice(&entry.to_le_bytes()[..DAT_SLOT_BYTES]);
                Ok(())
            }
            None => encode_dat_days(days, calendar, slot),
        }
    }
}

/// Encodes seconds since 1970-01-01 00:00:00.
#[inline]
pub fn encode_dat_seconds(seconds: i64, calendar: Calendar, slot: &mut DatSlot) -> Result<(), DateTimeError> {
    let (days, second_of_day) = split_seconds(seconds)?;
    let (year, month, day) = oracle_from_days(days, calendar)?;
    let (hour, minute, second) = clock(second_of_day);
    *slot = [(year / 100 + 100) as u8, (year % 100 + 100) as u8, month, day, hour + 1, minute + 1, second + 1];
    Ok(())
}

/// Fields of seconds since 1970-01-01 00:00:00 UTC plus nanoseconds (0..=999,999,999), as a clock at `offset_minutes` east shows them.
#[inline]
pub fn fields_from_seconds(
    seconds: i64,
    nanosecond: u32,
    offset_minutes: i16,
    calendar: Calendar,
) -> Result<DateTimeFields, DateTimeError> {
    let local = seconds.saturating_add(i64::from(offset_minutes) * 60);
    // Oracle stores the UTC fields of a zoned timestamp, so both have to be in range.
    split_seconds(seconds)?;
    let (days, second_of_day) = split_seconds(local)?;
    let (year, month, day) = oracle_from_days(days, calendar)?;
    let (hour, minute, second) = clock(second_of_day);
    Ok(DateTimeFields { year, month, day, hour, minute, second, nanosecond, offset_minutes, region: 0 })
}

/// Encodes any date that Oracle has, -4712..=9999, from its fields; the fraction and the offset have no place in a DATE.
pub fn encode_dat_fields(fields: &DateTimeFields) -> DatSlot {
    let (century, year) = (fields.year / 100 + 100, fields.year % 100 + 100);
    [century as u8, year as u8, fields.month, fields.day, fields.hour + 1, fields.minute + 1, fields.second + 1]
}

/// Reads a `SQLT_DAT` value; years before Christ are negative. Fails on bytes that no date has.
pub fn decode_dat(slot: &DatSlot) -> Result<DateTimeFields, DateTimeError> {
    let [century, year, month, day, hour, minute, second] = *slot;
    let year = (i16::from(century) - 100) * 100 + i16::from(year) - 100;
    let in_range = (-4712..=9999).contains(&year)
        && year != 0
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (1..=24).contains(&hour)
        && (1..=60).contains(&minute)
        && (1..=60).contains(&second);
    match in_range {
        true => Ok(DateTimeFields {
            year,
            month,
            day,
            hour: hour - 1,
            minute: minute - 1,
            second: second - 1,
            nanosecond: 0,
            offset_minutes: 0,
            region: 0,
        }),
        false => Err(DateTimeError::Malformed),
    }
}

/// Days since 1970-01-01 and second of the day of a `SQLT_DAT` value; fails before year 1 and on bytes that no date has.
#[inline(always)]
pub fn decode_dat_days(slot: &DatSlot, calendar: Calendar) -> Result<(i32, u32), DateTimeError> {
    let [century, year, month, day, hour, minute, second] = *slot;
    let year = (i16::from(century) - 100) * 100 + i16::from(year) - 100;
    let (hour, minute, second) = (hour.wrapping_sub(1), minute.wrapping_sub(1), second.wrapping_sub(1));
    if !((hour < 24) & (minute < 60) & (second < 60)) {
        return Err(DateTimeError::Malformed);
    }
    let days = match year {
        // There is no year 0, and none before -4712: these bytes are no date, while other years before Christ are one that is not carried.
        ..-4712 | 0 => return Err(DateTimeError::Malformed),
        year => days_from_oracle(year, month, day, calendar)?,
    };
    Ok((days, u32::from(hour) * 3600 + u32::from(minute) * 60 + u32::from(second)))
}

/// Seconds since 1970-01-01 00:00:00 of a `SQLT_DAT` value; fails before year 1 and on bytes that no date has.
#[inline(always)]
pub fn decode_dat_seconds(slot: &DatSlot, calendar: Calendar) -> Result<i64, DateTimeError> {
    let (days, second_of_day) = decode_dat_days(slot, calendar)?;
    Ok(i64::from(days) * SECONDS_PER_DAY + i64::from(second_of_day))
}

/// Seconds since 1970-01-01 00:00:00 UTC of fields that came from Oracle, without their fraction; fails before year 1 and on what is no time.
#[inline]
pub fn seconds_from_fields(fields: &DateTimeFields, calendar: Calendar) -> Result<i64, DateTimeError> {
    let days = i64::from(days_from_oracle(fields.year, fields.month, fields.day, calendar)?);
    let clock = i64::from(fields.hour) * 3600 + i64::from(fields.minute) * 60 + i64::from(fields.second);
    match fields.hour < 24 && fields.minute < 60 && fields.second < 60 && fields.nanosecond < 1_000_000_000 {
        true => Ok(days * SECONDS_PER_DAY + clock - i64::from(fields.offset_minutes) * 60),
        false => Err(DateTimeError::Malformed),
    }
}

/// Days since 1970-01-01 and second of the day, in range.
#[inline]
fn split_seconds(seconds: i64) -> Result<(i32, u32), DateTimeError> {
    // From the first second on all is unsigned, which divides without corrections; earlier seconds wrap around to beyond the last.
    let since_first = seconds.wrapping_sub(FIRST_SECOND) as u64;
    if since_first > (LAST_SECOND - FIRST_SECOND) as u64 {
        return Err(range_error(seconds < FIRST_SECOND));
    }
    let days = since_first / SECONDS_PER_DAY as u64;
    Ok((days as i32 + FIRST_DAY, (since_first - days * SECONDS_PER_DAY as u64) as u32))
}

#[inline]
fn clock(second_of_day: u32) -> (u8, u8, u8) {
    let minute_of_day = second_of_day / 60;
    ((minute_of_day / 60) as u8, (minute_of_day % 60) as u8, (second_of_day % 60) as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::calendar::{civil_from_days, days_from_civil};
    use super::*;

    const DAY: Calendar = Calendar::SameDay;

    #[test]
    fn dat_bytes_equal_the_sample() {
        let seconds = i64::from(days_from_civil(2024, 2, 29)) * SECONDS_PER_DAY + 23 * 3600 + 59 * 60 + 58;
        let mut slot = [0; 7];
        encode_dat_seconds(seconds, DAY, &mut slot).unwrap();
        assert_eq!(slot, [0x78, 0x7c, 0x02, 0x1d, 0x18, 0x3c, 0x3b]);
        assert_eq!(decode_dat_seconds(&slot, DAY), Ok(seconds));
        encode_dat_days(0, DAY, &mut slot).unwrap();
        assert_eq!(slot, [119, 170, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn days_by_the_table_and_by_calculation_are_the_same() {
        let table = DatTable::get();
        for days in (FIRST_DAY..=LAST_DAY).chain([i32::MIN, FIRST_DAY - 1, LAST_DAY + 1, i32::MAX]) {
            let (mut calculated, mut looked_up) = ([0; 7], [0; 7]);
            assert_eq!(encode_dat_days(days, DAY, &mut calculated), table.encode_days(days, DAY, &mut looked_up));
            assert_eq!(calculated, looked_up, "{days}");
            if (FIRST_GREGORIAN_DAY..=LAST_DAY).contains(&days) {
                let (year, month, day) = civil_from_days(days);
                assert_eq!(days_from_civil(year, month, day), days);
            }
        }
    }

    #[test]
    fn the_ends_of_the_range_and_one_beyond() {
        let mut slot = [0; 7];
        encode_dat_seconds(FIRST_SECOND, DAY, &mut slot).unwrap();
        assert_eq!(slot, [100, 101, 1, 1, 1, 1, 1]);
        encode_dat_seconds(LAST_SECOND, DAY, &mut slot).unwrap();
        assert_eq!(slot, [199, 199, 12, 31, 24, 60, 60]);
        for (seconds, error) in [
            (FIRST_SECOND - 1, DateTimeError::BeforeFirstDay),
            (i64::MIN, DateTimeError::BeforeFirstDay),
            (LAST_SECOND + 1, DateTimeError::AfterLastDay),
            (i64::MAX, DateTimeError::AfterLastDay),
        ] {
            assert_eq!(encode_dat_seconds(seconds, DAY, &mut slot), Err(error));
            assert_eq!(fields_from_seconds(seconds, 0, 0, DAY), Err(error));
        }
        assert_eq!(encode_dat_days(i32::MIN, DAY, &mut slot), Err(DateTimeError::BeforeFirstDay));
        assert_eq!(encode_dat_days(LAST_DAY + 1, DAY, &mut slot), Err(DateTimeError::AfterLastDay));
        // In range at UTC, out of range on the local clock, and the other way round.
        assert!(fields_from_seconds(LAST_SECOND, 0, 60, DAY).is_err());
        assert!(fields_from_seconds(LAST_SECOND + 1, 0, -60, DAY).is_err());
    }

    #[test]
    fn years_before_christ_come_back() {
        for year in [-4712i16, -101, -100, -99, -1, 1, 99, 100, 9999] {
            let fields = DateTimeFields { year, month: 3, day: 4, hour: 5, minute: 6, second: 7, ..Default::default() };
            assert_eq!(decode_dat(&encode_dat_fields(&fields)), Ok(fields), "{year}");
        }
        // -4712 as the client has it: 53 88.
        assert_eq!(encode_dat_fields(&DateTimeFields { year: -4712, month: 1, day: 1, ..Default::default() })[..2], [53, 88]);
        for malformed in
            [[0u8; 7], [100, 100, 1, 1, 1, 1, 1], [120, 124, 13, 1, 1, 1, 1], [120, 124, 1, 1, 0, 1, 1], [120, 124, 1, 1, 1, 61, 1]]
        {
            assert_eq!(decode_dat(&malformed), Err(DateTimeError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn seconds_and_fields_come_back(seconds in FIRST_SECOND + 60_000..LAST_SECOND - 60_000, nanosecond in 0u32..1_000_000_000, offset in -899i16..=840) {
            let fields = fields_from_seconds(seconds, nanosecond, offset, DAY).unwrap();
            prop_assert_eq!((seconds_from_fields(&fields, DAY), fields.nanosecond), (Ok(seconds), nanosecond));
            let mut slot = [0; 7];
            encode_dat_seconds(seconds, DAY, &mut slot).unwrap();
            prop_assert_eq!(decode_dat_seconds(&slot, DAY), Ok(seconds));
            prop_assert_eq!(encode_dat_fields(&decode_dat(&slot).unwrap()), slot);
        }

        #[test]
        fn dat_bytes_order_like_the_seconds(a in FIRST_SECOND..=LAST_SECOND, b in FIRST_SECOND..=LAST_SECOND) {
            let (mut left, mut right) = ([0; 7], [0; 7]);
            encode_dat_seconds(a, DAY, &mut left).unwrap();
            encode_dat_seconds(b, DAY, &mut right).unwrap();
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        }
    }
}
