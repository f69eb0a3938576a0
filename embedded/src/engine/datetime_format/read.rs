//! Reading text by a format model.

use super::super::datetime::DateTime;
use super::super::{OraError, Result, zone};
use super::write::ROMAN_MONTHS;
use super::{Element, MONTHS};

/// What was read so far.
#[derive(Default)]
pub(super) struct Fields {
    year: Option<i32>,
    month: Option<u8>,
    day: Option<u8>,
    day_of_year: Option<u32>,
    julian: Option<i64>,
    hour: u8,
    hour12: Option<u8>,
    pm: Option<bool>,
    bc: bool,
    minute: u8,
    second: u8,
    second_of_day: Option<u32>,
    nanos: u32,
    offset: Option<i32>,
}

impl Fields {
    pub fn finish(self, now: &DateTime, default_offset: i32) -> Result<DateTime> {
        let year = self.year.map(|year| if self.bc { -year } else { year });
        let mut value = DateTime {
            hour: self.hour,
            minute: self.minute,
            second: self.second,
            nanos: self.nanos,
            ..DateTime::midnight(year.unwrap_or(now.year), self.month.unwrap_or(now.month), self.day.unwrap_or(1))
        };
        if year.is_some() && self.month.is_none() {
            value.month = now.month;
        }
        if let Some(hour) = self.hour12 {
            value.hour = hour % 12 + if self.pm.unwrap_or(hour == 12 && self.pm.is_none()) { 12 } else { 0 };
        }
        if let Some(second) = self.second_of_day {
            (value.hour, value.minute, value.second) = ((second / 3600) as u8, (second / 60 % 60) as u8, (second % 60) as u8);
        }
        let first_day = self
            .julian
            .map(|julian| julian - 2_440_588)
            .or_else(|| self.day_of_year.map(|day| DateTime::midnight(value.year, 1, 1).day_number() + i64::from(day) - 1));
        if let Some(day) = first_day {
            let date = DateTime::midnight(1970, 1, 1).with_second_number(day * 86_400);
            (value.year, value.month, value.day) = (date.year, date.month, date.day);
        }
        value.check()?;
        let value = value.local_in(self.offset.unwrap_or(default_offset))?;
        value.check()?;
        Ok(value)
    }
}

/// Text that is being read by a model.
pub(super) struct Reader<'a> {
    pub rest: &'a str,
    now: DateTime,
    pub fields: Fields,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str, now: &DateTime) -> Reader<'a> {
        Reader { rest: text.trim(), now: *now, fields: Fields::default() }
    }
}

impl Reader<'_> {
    pub fn skip_punctuation(&mut self) {
        if let Some(first) = self.rest.chars().next().filter(|first| !first.is_alphanumeric() && !matches!(first, '+')) {
            self.rest = &self.rest[first.len_utf8()..];
        }
    }

    fn number(&mut self, most_digits: usize) -> Result<u32> {
        self.rest = self.rest.trim_start_matches(' ');
        let digits = self.rest.bytes().take(most_digits).take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(OraError::new(1858, "a non-numeric character was found where a numeric was expected"));
        }
        let value = self.rest[..digits]
            .parse()
            .map_err(|_| OraError::new(1858, "a non-numeric character was found where a numeric was expected"))?;
        self.rest = &self.rest[digits..];
        Ok(value)
    }

    fn small(&mut self, most_digits: usize) -> Result<u8> {
        Ok(self.number(most_digits)?.min(255) as u8)
    }

    fn month_name(&mut self) -> Result<u8> {
        let matching = |name: &str| self.rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
        let found = MONTHS.iter().position(|name| matching(name)).map(|at| (at, MONTHS[at].len()));
        let found = found.or_else(|| MONTHS.iter().position(|name| matching(&name[..3])).map(|at| (at, 3)));
        let (index, length) = found.ok_or_else(|| OraError::new(1843, "not a valid month"))?;
        self.rest = &self.rest[length..];
        Ok(index as u8 + 1)
    }

    pub fn read_element(&mut self, element: Element) -> Result<()> {
        match element {
            Element::SignedYear => {
                let negative = self.rest.starts_with('-');
                self.rest = self.rest.trim_start_matches(['-', '+', ' ']);
                let year = self.number(4)? as i32;
                self.fields.year = Some(if negative { -year } else { year });
            }
            Element::Year(digits) => {
                let unit = 10i32.pow(u32::from(digits));
                let year = self.number(usize::from(digits))? as i32;
                self.fields.year = Some(if digits == 4 { year } else { self.now.year / unit * unit + year });
            }
            Element::RoundYear | Element::RoundYear2 => {
                let before = self.rest.len();
                let most =
                    if element == Element::RoundYear { 4 } else { 4.min(self.rest.bytes().take_while(u8::is_ascii_digit).count()).max(2) };
                let year = self.number(most)? as i32;
                self.fields.year = Some(if before - self.rest.len() > 2 { year } else { round_year(year, self.now.year) });
            }
            Element::Month | Element::MonthName | Element::MonthAbbreviation => {
                let named = self.rest.starts_with(|first: char| first.is_alphabetic());
                let month = if named || element != Element::Month { self.month_name()? } else { self.small(2)? };
                self.fields.month = Some(month);
            }
            Element::DayOfYear => self.fields.day_of_year = Some(self.number(3)?),
            Element::Day => self.fields.day = Some(self.small(2)?),
            Element::DayName | Element::DayAbbreviation => self.rest = self.rest.trim_start_matches(char::is_alphabetic),
            Element::Hour24 => self.fields.hour = self.small(2)?,
            Element::Hour12 => {
                let hour = self.small(2)?;
                if !(1..=12).contains(&hour) {
                    return Err(OraError::new(1849, "hour must be between 1 and 12"));
                }
                self.fields.hour12 = Some(hour);
            }
            Element::Minute => self.fields.minute = self.small(2)?,
            Element::Second => self.fields.second = self.small(2)?,
            Element::SecondOfDay => self.fields.second_of_day = Some(self.number(5)?),
            Element::Fraction(digits) => self.read_fraction(if digits == 0 { 9 } else { usize::from(digits) })?,
            Element::Radix => self.rest = self.rest.strip_prefix(['.', ',']).unwrap_or(self.rest),
            Element::ZoneHour | Element::Zone => self.read_zone(element == Element::Zone)?,
            Element::ZoneMinute => {
                let minutes = self.number(2)? as i32;
                let hours = self.fields.offset.unwrap_or(0);
                self.fields.offset = Some(if hours < 0 { hours - minutes } else { hours + minutes });
            }
            Element::Meridian(..) => self.fields.pm = Some(self.read_pair('P')?),
            Element::Era(..) => self.fields.bc = self.read_pair('B')?,
            Element::Julian => self.fields.julian = Some(i64::from(self.number(7)?)),
            Element::RomanMonth => {
                let length = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
                let month = ROMAN_MONTHS.iter().position(|roman| self.rest[..length].eq_ignore_ascii_case(roman));
                self.fields.month = Some(month.ok_or_else(|| OraError::new(1843, "not a valid month"))? as u8 + 1);
                self.rest = &self.rest[length..];
            }
            Element::GroupedYear => {
                let thousands = self.number(1)?;
                self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                self.fields.year = Some((thousands * 1000 + self.number(3)?) as i32);
            }
            Element::Century
            | Element::SignedCentury
            | Element::Weekday
            | Element::Quarter
            | Element::IsoYear(_)
            | Element::IsoWeek
            | Element::WeekOfYear
            | Element::WeekOfMonth => {
                return Err(OraError::new(1820, "format code cannot appear in date input format"));
            }
        }
        Ok(())
    }

    fn read_fraction(&mut self, most: usize) -> Result<()> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > most {
            return Err(OraError::new(1880, "the fractional seconds must be between 0 and 999999999"));
        }
        let value = if digits == 0 { 0 } else { self.number(digits)? };
        self.fields.nanos = value * 10u32.pow(9 - digits as u32);
        Ok(())
    }

    fn read_zone(&mut self, whole: bool) -> Result<()> {
        self.rest = self.rest.trim_start();
        let length = self.rest.find(|character: char| character == ' ' || (!whole && character == ':')).unwrap_or(self.rest.len());
        self.fields.offset = Some(zone::parse(&self.rest[..length])?);
        self.rest = &self.rest[length..];
        Ok(())
    }

    /// AM/PM, A.M./P.M., AD/BC …: whether the first letter is `second`.
    fn read_pair(&mut self, second: char) -> Result<bool> {
        self.rest = self.rest.trim_start();
        let length = self.rest.bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'.').count();
        let word: String = self.rest[..length].chars().filter(|character| *character != '.').collect::<String>().to_ascii_uppercase();
        if !matches!(word.as_str(), "AM" | "PM" | "AD" | "BC") {
            return Err(OraError::new(1855, "AM/A.M. or PM/P.M. required"));
        }
        self.rest = &self.rest[length..];
        Ok(word.starts_with(second))
    }
}

/// Two digits of RR: the nearest century as the server defines it.
fn round_year(year: i32, now: i32) -> i32 {
    let century = now / 100 * 100;
    match (year < 50, now % 100 < 50) {
        (true, true) | (false, false) => century + year,
        (true, false) => century + 100 + year,
        (false, true) => century - 100 + year,
    }
}
