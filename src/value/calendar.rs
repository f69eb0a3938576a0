//! Two calendars: Arrow counts days, and names them in the proleptic Gregorian calendar; Oracle names them in the Julian calendar before
//! 1582-10-15, so that the same day has another name there.
//!
//! Years before Christ are refused. Oracle calls the year before 1 the year -1, but its arithmetic counts 367 days from -1-12-31 to 1-01-01, as if
//! there were a leap year 0 between them, and takes -4 for a leap year (seen with client 12.1: OCIDateDaysBetween, OCIDateCheck): by name and by
//! arithmetic such a date is another day.

/// 0001-01-01 of Oracle's calendar, in days since 1970-01-01 (client 12.1 counts as many).
pub const FIRST_DAY: i32 = -719_164;
/// 1582-10-15, the first day that has the same name in both calendars, in days since 1970-01-01.
pub const FIRST_GREGORIAN_DAY: i32 = -141_427;
/// 9999-12-31, Oracle's last day, in days since 1970-01-01.
pub const LAST_DAY: i32 = 2_932_896;
/// 0001-01-01 of the proleptic Gregorian calendar, in days since 1970-01-01.
const FIRST_NAMED_DAY: i32 = -719_162;

const FIRST_GREGORIAN_DATE: (i16, u8, u8) = (1582, 10, 15);
const LAST_JULIAN_DATE: (i16, u8, u8) = (1582, 10, 4);

/// What becomes of a day before 1582-10-15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Calendar {
    /// It stays the same day, under the name that it has on the other side.
    #[default]
    SameDay,
    /// It keeps its name (year, month and day) and becomes another day.
    SameName,
}

/// Why a date or time cannot be carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DateTimeError {
    /// Before 0001-01-01.
    #[error("it is before year 1: Oracle's names and Oracle's arithmetic disagree on which days these are")]
    BeforeFirstDay,
    /// After 9999-12-31.
    #[error("it is after 9999-12-31, Oracle's last day")]
    AfterLastDay,
    /// 1582-10-05 to 1582-10-14 by name.
    #[error("Oracle's calendar goes from 1582-10-04 to 1582-10-15")]
    BetweenCalendars,
    /// A 29 February that the Gregorian calendar has not, by name.
    #[error("the Gregorian calendar has no such date")]
    NotGregorian,
    /// Bytes that no date has.
    #[error("these bytes are not a DATE")]
    Malformed,
}

/// Year, month and day of a day number since 1970-01-01; exact for years -32,767..=32,767 and far beyond.
///
/// Neri and Schneider, "Euclidean affine functions and their application to calendar algorithms" (2022): multiplications only, no loop.
#[inline]
pub fn civil_from_days(days: i32) -> (i16, u8, u8) {
    /// 400-year cycles added so that everything below is unsigned.
    const CYCLES: u32 = 82;
    const SHIFT_DAYS: u32 = 719_468 + 146_097 * CYCLES;
    let n_1 = 4 * (days as u32).wrapping_add(SHIFT_DAYS) + 3;
    let century = n_1 / 146_097;
    let n_2 = (n_1 % 146_097) | 3;
    let product = 2_939_745 * u64::from(n_2);
    let year_of_century = (product >> 32) as u32;
    let day_of_year = (product as u32) / 2_939_745 / 4;
    let n_3 = 2_141 * day_of_year + 197_913;
    let (month, day) = (n_3 >> 16, (n_3 & 0xffff) / 2_141 + 1);
    let next_year = u32::from(day_of_year >= 306);
    let year = (100 * century + year_of_century + next_year) as i32 - 400 * CYCLES as i32;
    (year as i16, (month - 12 * next_year) as u8, day as u8)
}

/// Day number since 1970-01-01 of a civil date of the proleptic Gregorian calendar.
pub fn days_from_civil(year: i16, month: u8, day: u8) -> i32 {
    let (month, year) = (i32::from(month), i32::from(year) - i32::from(month <= 2));
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + i32::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Oracle's year, month and day of a day number since 1970-01-01 in [`FIRST_DAY`]`..=`[`LAST_DAY`].
///
/// # Errors
/// For a day before [`FIRST_GREGORIAN_DAY`] whose name, if it is to be kept, Oracle has not.
#[inline]
pub fn oracle_from_days(days: i32, calendar: Calendar) -> Result<(i16, u8, u8), DateTimeError> {
    if days >= FIRST_GREGORIAN_DAY { Ok(civil_from_days(days)) } else { early_from_days(days, calendar) }
}

#[cold]
fn early_from_days(days: i32, calendar: Calendar) -> Result<(i16, u8, u8), DateTimeError> {
    match calendar {
        Calendar::SameDay if days >= FIRST_DAY => Ok(julian_from_days(days)),
        Calendar::SameName if days >= FIRST_NAMED_DAY => {
            Some(civil_from_days(days)).filter(|date| *date <= LAST_JULIAN_DATE).ok_or(DateTimeError::BetweenCalendars)
        }
        _ => Err(DateTimeError::BeforeFirstDay),
    }
}

/// First year of [`MONTHS`].
const FIRST_TABLE_YEAR: i16 = 1900;
/// 1900-01-01, in days since 1970-01-01.
const FIRST_TABLE_DAY: i32 = -25_567;

/// The day before the first of each month from 1900 to 2099, and the days of that month: most dates of business lie there, and close together.
static MONTHS: [(i32, u32); 2_400] = {
    let (mut months, mut index, mut day_before) = ([(0, 0); 2_400], 0, FIRST_TABLE_DAY - 1);
    while index < months.len() {
        let year = FIRST_TABLE_YEAR + (index / 12) as i16;
        let days = days_of_month((index % 12) as u8 + 1, is_gregorian_leap(year));
        months[index] = (day_before, days as u32);
        day_before += days as i32;
        index += 1;
    }
    months
};

/// Day number since 1970-01-01 of one of Oracle's dates.
///
/// # Errors
/// Before year 1, after 9999, and for what is no date.
#[inline]
pub fn days_from_oracle(year: i16, month: u8, day: u8, calendar: Calendar) -> Result<i32, DateTimeError> {
    let (years, months) = (year.wrapping_sub(FIRST_TABLE_YEAR) as u16, u32::from(month).wrapping_sub(1));
    match MONTHS.get(usize::from(years) * 12 + months as usize) {
        Some((day_before, days)) if months < 12 && u32::from(day).wrapping_sub(1) < *days => Ok(day_before + i32::from(day)),
        _ => days_by_calculation(year, month, day, calendar),
    }
}

#[inline(never)]
fn days_by_calculation(year: i16, month: u8, day: u8, calendar: Calendar) -> Result<i32, DateTimeError> {
    let date = (year, month, day);
    if date < FIRST_GREGORIAN_DATE {
        return days_from_early(date, calendar);
    }
    match year <= 9999 && (1..=12).contains(&month) && (1..=days_of_month(month, is_gregorian_leap(year))).contains(&day) {
        true => Ok(days_from_civil(year, month, day)),
        false => Err(DateTimeError::Malformed),
    }
}

#[cold]
fn days_from_early((year, month, day): (i16, u8, u8), calendar: Calendar) -> Result<i32, DateTimeError> {
    if year < 1 {
        return Err(DateTimeError::BeforeFirstDay);
    }
    let is_date = (1..=12).contains(&month) && (1..=days_of_month(month, year % 4 == 0)).contains(&day);
    if !is_date || (year, month, day) > LAST_JULIAN_DATE {
        return Err(DateTimeError::Malformed);
    }
    match calendar {
        Calendar::SameDay => Ok(days_from_julian(year, month, day)),
        Calendar::SameName if day > days_of_month(month, is_gregorian_leap(year)) => Err(DateTimeError::NotGregorian),
        Calendar::SameName => Ok(days_from_civil(year, month, day)),
    }
}

const fn is_gregorian_leap(year: i16) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_of_month(month: u8, is_leap: bool) -> u8 {
    match month {
        2 => 28 + is_leap as u8,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 0000-03-01 of the Julian calendar, in days before 1970-01-01: years that begin in March have their leap day at the end.
const JULIAN_MARCH_DAYS: i32 = 719_470;

fn days_from_julian(year: i16, month: u8, day: u8) -> i32 {
    let (month, year) = (i32::from(month), i32::from(year) - i32::from(month <= 2));
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + i32::from(day) - 1;
    year * 365 + year.div_euclid(4) + day_of_year - JULIAN_MARCH_DAYS
}

fn julian_from_days(days: i32) -> (i16, u8, u8) {
    let quarters = (days + JULIAN_MARCH_DAYS) * 4 + 3;
    let (year, day_of_year) = (quarters.div_euclid(1_461), quarters.rem_euclid(1_461) / 4);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let next_year = i32::from(march_month >= 10);
    ((year + next_year) as i16, (march_month + 3 - 12 * next_year) as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_the_range_agrees_with_counting_in_oracles_calendar() {
        let (mut year, mut month, mut day) = (1i16, 1u8, 1u8);
        for days in FIRST_DAY..=LAST_DAY {
            assert_eq!(oracle_from_days(days, Calendar::SameDay), Ok((year, month, day)));
            assert_eq!(days_from_oracle(year, month, day, Calendar::SameDay), Ok(days));
            let is_leap = year % 4 == 0 && (year < 1582 || year % 100 != 0 || year % 400 == 0);
            let length = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][usize::from(month) - 1];
            (year, month, day) = match (year, month, day) {
                (1582, 10, 4) => (1582, 10, 15),
                (year, 12, 31) => (year + 1, 1, 1),
                (year, month, day) if day == length => (year, month + 1, 1),
                (year, month, day) => (year, month, day + 1),
            };
        }
        assert_eq!((year, month, day), (10_000, 1, 1));
        // As client 12.1 counts them with OCIDateDaysBetween.
        assert_eq!(days_from_oracle(1, 1, 1, Calendar::SameDay), Ok(-719_164));
        assert_eq!(days_from_oracle(1582, 10, 4, Calendar::SameDay), Ok(FIRST_GREGORIAN_DAY - 1));
    }

    #[test]
    fn names_are_kept_where_both_calendars_have_them() {
        for days in FIRST_NAMED_DAY..FIRST_GREGORIAN_DAY {
            let named = civil_from_days(days);
            match oracle_from_days(days, Calendar::SameName) {
                Ok(date) => {
                    assert_eq!(date, named);
                    assert_eq!(days_from_oracle(date.0, date.1, date.2, Calendar::SameName), Ok(days));
                }
                Err(error) => {
                    assert_eq!(error, DateTimeError::BetweenCalendars);
                    assert!(((1582, 10, 5)..=(1582, 10, 14)).contains(&named), "{named:?}");
                }
            }
        }
        assert_eq!(oracle_from_days(FIRST_NAMED_DAY, Calendar::SameName), Ok((1, 1, 1)));
        assert_eq!(days_from_oracle(1500, 2, 29, Calendar::SameName), Err(DateTimeError::NotGregorian));
        assert!(days_from_oracle(1500, 2, 29, Calendar::SameDay).is_ok());
    }

    #[test]
    fn what_is_no_date_or_has_no_certain_day_is_refused() {
        for calendar in [Calendar::SameDay, Calendar::SameName] {
            for (year, month, day) in
                [(1582, 10, 5), (1582, 10, 14), (1501, 2, 29), (2026, 2, 30), (2024, 13, 1), (2024, 0, 1), (1500, 4, 31), (4, 1, 0)]
            {
                assert_eq!(days_from_oracle(year, month, day, calendar), Err(DateTimeError::Malformed), "{year}-{month}-{day}");
            }
            for year in [-4712, -1, 0] {
                assert_eq!(days_from_oracle(year, 12, 31, calendar), Err(DateTimeError::BeforeFirstDay));
            }
            assert_eq!(oracle_from_days(FIRST_DAY - 1, calendar), Err(DateTimeError::BeforeFirstDay));
            assert_eq!(oracle_from_days(i32::MIN, calendar), Err(DateTimeError::BeforeFirstDay));
        }
        assert_eq!(oracle_from_days(FIRST_DAY, Calendar::SameName), Err(DateTimeError::BeforeFirstDay));
    }
}
