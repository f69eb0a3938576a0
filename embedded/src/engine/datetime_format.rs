//! Format models of dates and timestamps, for TO_CHAR, TO_DATE and the implicit conversions by NLS formats.

mod read;
mod write;

use super::datetime::DateTime;
use super::{OraError, Result};
use read::Reader;
use write::write_element;

/// Elements, longest first where one begins another.
const ELEMENTS: [(&str, Element); 48] = [
    ("IYYY", Element::IsoYear(4)),
    ("IYY", Element::IsoYear(3)),
    ("IY", Element::IsoYear(2)),
    ("IW", Element::IsoWeek),
    ("I", Element::IsoYear(1)),
    ("WW", Element::WeekOfYear),
    ("W", Element::WeekOfMonth),
    ("RM", Element::RomanMonth),
    ("Y,YYY", Element::GroupedYear),
    ("SCC", Element::SignedCentury),
    ("SYYYY", Element::SignedYear),
    ("YYYY", Element::Year(4)),
    ("YYY", Element::Year(3)),
    ("YY", Element::Year(2)),
    ("Y", Element::Year(1)),
    ("RRRR", Element::RoundYear),
    ("RR", Element::RoundYear2),
    ("CC", Element::Century),
    ("MONTH", Element::MonthName),
    ("MON", Element::MonthAbbreviation),
    ("MM", Element::Month),
    ("MI", Element::Minute),
    ("DDD", Element::DayOfYear),
    ("DD", Element::Day),
    ("DAY", Element::DayName),
    ("DY", Element::DayAbbreviation),
    ("D", Element::Weekday),
    ("HH24", Element::Hour24),
    ("HH12", Element::Hour12),
    ("HH", Element::Hour12),
    ("SSSSS", Element::SecondOfDay),
    ("SS", Element::Second),
    ("FF1", Element::Fraction(1)),
    ("FF2", Element::Fraction(2)),
    ("FF3", Element::Fraction(3)),
    ("FF4", Element::Fraction(4)),
    ("FF5", Element::Fraction(5)),
    ("FF6", Element::Fraction(6)),
    ("FF7", Element::Fraction(7)),
    ("FF8", Element::Fraction(8)),
    ("FF9", Element::Fraction(9)),
    ("FF", Element::Fraction(0)),
    ("TZH", Element::ZoneHour),
    ("TZM", Element::ZoneMinute),
    ("TZR", Element::Zone),
    ("Q", Element::Quarter),
    ("J", Element::Julian),
    ("X", Element::Radix),
];
const MERIDIANS: [(&str, Element); 8] = [
    ("A.M.", Element::Meridian("A.M.", "P.M.")),
    ("P.M.", Element::Meridian("A.M.", "P.M.")),
    ("AM", Element::Meridian("AM", "PM")),
    ("PM", Element::Meridian("AM", "PM")),
    ("B.C.", Element::Era("A.D.", "B.C.")),
    ("A.D.", Element::Era("A.D.", "B.C.")),
    ("BC", Element::Era("AD", "BC")),
    ("AD", Element::Era("AD", "BC")),
];
/// Elements that Oracle has and this engine has not: spelled years, eras, formats of a territory, names of daylight saving.
const REFUSED: [&str; 9] = ["SYEAR", "YEAR", "SP", "EE", "E", "DL", "DS", "TS", "TZD"];
pub(crate) const MONTHS: [&str; 12] =
    ["JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER"];
const DAYS: [&str; 7] = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    SignedYear,
    Year(u8),
    RoundYear,
    RoundYear2,
    Century,
    SignedCentury,
    IsoYear(u8),
    GroupedYear,
    IsoWeek,
    WeekOfYear,
    WeekOfMonth,
    RomanMonth,
    MonthName,
    MonthAbbreviation,
    Month,
    DayOfYear,
    Day,
    DayName,
    DayAbbreviation,
    Weekday,
    Hour24,
    Hour12,
    Minute,
    SecondOfDay,
    Second,
    Fraction(u8),
    ZoneHour,
    ZoneMinute,
    Zone,
    Quarter,
    Julian,
    Radix,
    Meridian(&'static str, &'static str),
    Era(&'static str, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    Upper,
    Lower,
    Initial,
}

#[derive(Debug, Clone)]
enum Item {
    Element(Element, Letters),
    Literal(String),
    Punctuation(char),
    /// FM.
    ToggleFill,
    /// FX.
    Exact,
    /// TH behind an element.
    Ordinal(Letters),
}

/// A parsed format model.
#[derive(Debug, Clone)]
pub(crate) struct DateFormat(Vec<Item>);

impl DateFormat {
    /// Parses a model; ORA-01821 for what it does not know.
    pub fn parse(model: &str) -> Result<DateFormat> {
        let mut items = Vec::new();
        let mut rest = model;
        while let Some(first) = rest.chars().next() {
            if first == '"' {
                let end = rest[1..].find('"').ok_or_else(|| OraError::new(1861, "literal does not match format string"))?;
                items.push(Item::Literal(rest[1..1 + end].to_owned()));
                rest = &rest[end + 2..];
                continue;
            }
            let upper: String = rest.chars().take(6).collect::<String>().to_ascii_uppercase();
            if upper.starts_with("FM") || upper.starts_with("FX") {
                items.push(if upper.starts_with("FM") { Item::ToggleFill } else { Item::Exact });
                rest = &rest[2..];
                continue;
            }
            if upper.starts_with("TH") && matches!(items.last(), Some(Item::Element(..))) {
                items.push(Item::Ordinal(letters(&rest[..2])));
                rest = &rest[2..];
                continue;
            }
            if let Some(name) = REFUSED.iter().find(|name| upper.starts_with(*name)) {
                return Err(OraError::unsupported(format_args!("{name} in a format model")));
            }
            if let Some((name, element)) = ELEMENTS.iter().chain(&MERIDIANS).find(|(name, _)| upper.starts_with(name)) {
                items.push(Item::Element(*element, letters(&rest[..name.len()])));
                rest = &rest[name.len()..];
            } else if first.is_alphanumeric() {
                return Err(OraError::new(1821, "date format not recognized"));
            } else {
                items.push(Item::Punctuation(first));
                rest = &rest[first.len_utf8()..];
            }
        }
        Ok(DateFormat(items))
    }

    /// The model with FF counting `digits`, as in the text of a TIMESTAMP(digits); without digits neither point nor fraction is written.
    pub fn with_fraction(&self, digits: u8) -> DateFormat {
        let mut items: Vec<Item> = Vec::with_capacity(self.0.len());
        for item in &self.0 {
            match item {
                Item::Element(Element::Fraction(0), letters) if digits > 0 => {
                    items.push(Item::Element(Element::Fraction(digits), *letters))
                }
                Item::Element(Element::Fraction(0), _) => {
                    items.pop_if(|last| matches!(last, Item::Element(Element::Radix, _) | Item::Punctuation('.')));
                }
                other => items.push(other.clone()),
            }
        }
        DateFormat(items)
    }

    /// TO_CHAR.
    pub fn format(&self, value: &DateTime) -> String {
        let mut out = String::new();
        let mut fill = true;
        for item in &self.0 {
            match item {
                Item::ToggleFill => fill = !fill,
                Item::Exact => {}
                Item::Ordinal(letters) => write::push_ordinal(&mut out, *letters),
                Item::Literal(text) => out.push_str(text),
                Item::Punctuation(character) => out.push(*character),
                Item::Element(element, letters) => write_element(&mut out, *element, *letters, value, fill),
            }
        }
        out
    }

    /// TO_DATE and TO_TIMESTAMP. Missing fields come from `now`: its year and month, the first day, midnight.
    pub fn read(&self, text: &str, now: &DateTime, default_offset: i32) -> Result<DateTime> {
        let mut reader = Reader::new(text, now);
        for (index, item) in self.0.iter().enumerate() {
            match item {
                Item::ToggleFill => {}
                Item::Exact => return Err(OraError::unsupported("FX in a format model that is read by")),
                Item::Ordinal(_) => return Err(OraError::new(1820, "format code cannot appear in date input format")),
                Item::Literal(literal) => {
                    reader.rest = reader
                        .rest
                        .strip_prefix(literal.as_str())
                        .ok_or_else(|| OraError::new(1861, "literal does not match format string"))?;
                }
                Item::Punctuation(_) => reader.skip_punctuation(),
                Item::Element(element, _) => {
                    if reader.rest.is_empty() {
                        if optional_tail(&self.0[index..]) {
                            break;
                        }
                        return Err(OraError::new(1840, "input value not long enough for date format"));
                    }
                    reader.read_element(*element)?;
                }
            }
        }
        if !reader.rest.trim().is_empty() {
            return Err(OraError::new(1830, "date format picture ends before converting entire input string"));
        }
        reader.fields.finish(now, default_offset)
    }
}

/// Time elements may be missing at the end of the text.
fn optional_tail(items: &[Item]) -> bool {
    use Element as E;
    items.iter().all(|item| {
        !matches!(item, Item::Element(element, _) if !matches!(element, E::Hour24 | E::Hour12 | E::Minute | E::Second | E::Fraction(_) | E::Radix | E::Meridian(..) | E::Zone | E::ZoneHour | E::ZoneMinute))
    })
}

fn letters(text: &str) -> Letters {
    let mut characters = text.chars().filter(|character| character.is_alphabetic());
    match (characters.next(), characters.next()) {
        (Some(first), _) if first.is_lowercase() => Letters::Lower,
        (_, Some(second)) if second.is_lowercase() => Letters::Initial,
        _ => Letters::Upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, model: &str) -> Result<String> {
        let now = DateTime { hour: 10, ..DateTime::midnight(2026, 11, 21) };
        let value = DateFormat::parse(model)?.read(text, &now, 0)?;
        Ok(DateFormat::parse("SYYYY-MM-DD HH24:MI:SS.FF9 TZR")?.format(&value))
    }

    #[test]
    fn text_is_read_by_its_model() {
        for (text, model, expected) in [
            ("01-JAN-24", "DD-MON-RR", " 2024-01-01 00:00:00.000000000 +00:00"),
            ("1-jan-1999", "DD-MON-RR", " 1999-01-01 00:00:00.000000000 +00:00"),
            ("01-JAN-74", "DD-MON-RR", " 1974-01-01 00:00:00.000000000 +00:00"),
            ("2024-02-29 13:14:15", "YYYY-MM-DD HH24:MI:SS", " 2024-02-29 13:14:15.000000000 +00:00"),
            ("20240229131415", "YYYYMMDDHH24MISS", " 2024-02-29 13:14:15.000000000 +00:00"),
            ("2024-02-29T13:14:15.123456", "YYYY-MM-DD\"T\"HH24:MI:SS.FF", " 2024-02-29 13:14:15.123456000 +00:00"),
            ("2024-02-29", "YYYY-MM-DD HH24:MI:SS", " 2024-02-29 00:00:00.000000000 +00:00"),
            ("01-JAN-24 01.02.03.5 PM", "DD-MON-RR HH.MI.SSXFF AM", " 2024-01-01 13:02:03.500000000 +00:00"),
            ("01-JAN-24 12.02.03.5 AM +02:30", "DD-MON-RR HH.MI.SSXFF AM TZR", " 2024-01-01 00:02:03.500000000 +02:30"),
            ("2024-01-01 00:00:00 -05:30", "YYYY-MM-DD HH24:MI:SS TZH:TZM", " 2024-01-01 00:00:00.000000000 -05:30"),
            ("-0044-03-15", "SYYYY-MM-DD", "-0044-03-15 00:00:00.000000000 +00:00"),
            ("12", "DD", " 2026-11-12 00:00:00.000000000 +00:00"),
        ] {
            assert_eq!(read(text, model).as_deref(), Ok(expected), "{text} by {model}");
        }
    }

    #[test]
    fn errors_have_their_codes() {
        for (text, model, code) in [
            ("2024-13-01", "YYYY-MM-DD", 1843),
            ("01-XXX-24", "DD-MON-RR", 1843),
            ("2023-02-29", "YYYY-MM-DD", 1839),
            ("abc", "YYYY-MM-DD", 1858),
            ("2024-01-01 extra", "YYYY-MM-DD", 1830),
            ("2024", "YYYY-MM-DD", 1840),
            ("2024-01-01", "YYYY-ZZ", 1821),
            ("2024-01-01 25", "YYYY-MM-DD HH24", 1850),
            ("2024-01-01 13", "YYYY-MM-DD HH", 1849),
            ("2024x01", "YYYY\"T\"MM", 1861),
        ] {
            assert_eq!(read(text, model).unwrap_err().code, code, "{text} by {model}");
        }
    }

    #[test]
    fn dates_are_written_by_their_model() {
        let value = DateTime { hour: 15, minute: 4, second: 5, nanos: 120_000_000, offset_minutes: -90, ..DateTime::midnight(2024, 2, 9) };
        for (model, expected) in [
            ("DD-MON-RR", "09-FEB-24"),
            ("fmDD Month YYYY", "9 February 2024"),
            ("Day, DDD D Q", "Friday   , 040 6 1"),
            ("HH:MI:SS PM FF3 X TZH:TZM", "03:04:05 PM 120 . -01:30"),
            ("J", "2460350"),
            ("IYYY-IW IY I WW W", "2024-06 24 4 06 2"),
            ("Y,YYY SCC CC RM|fmRM", "2,024  21 21 II  |II"),
            ("fmDDTH ddth Month", "9TH 9th February"),
            ("FXYYYY", "2024"),
        ] {
            assert_eq!(DateFormat::parse(model).unwrap().format(&value), expected);
        }
        for (year, month, day, expected) in
            [(2021, 1, 3, "2020-53 01 1 03RD"), (2024, 12, 31, "2025-01 53 5 31ST"), (2026, 11, 12, "2026-46 46 2 12TH")]
        {
            assert_eq!(DateFormat::parse("IYYY-IW WW W DDTH").unwrap().format(&DateTime::midnight(year, month, day)), expected);
        }
        assert_eq!(read("2024-IV-01", "YYYY-RM-DD").as_deref(), Ok(" 2024-04-01 00:00:00.000000000 +00:00"));
        for (model, code) in [("YEAR", 3001), ("DDSP", 3001), ("DS", 3001), ("IYYY", 1820), ("WW", 1820), ("FXYYYY", 3001)] {
            assert_eq!(read("2024", model).unwrap_err().code, code, "{model}");
        }
    }
}
