//! Settings of a session that steer conversions: NLS formats and the time zone.

use std::collections::BTreeMap;

use super::datetime::DateTime;
use super::datetime_format::DateFormat;
use super::{Datum, OraError, Result, zone};

/// What ALTER SESSION SET can change, with Oracle's defaults for AMERICAN_AMERICA.
#[derive(Debug, Clone)]
pub(crate) struct Nls {
    parameters: BTreeMap<String, String>,
    date: DateFormat,
    timestamp: DateFormat,
    timestamp_tz: DateFormat,
    /// The session's time zone: minutes from UTC, or a region by its number.
    pub offset_minutes: i32,
    /// Counts changes, so that plans made under other settings are made anew.
    pub epoch: u64,
}

const DEFAULTS: [(&str, &str); 12] = [
    ("NLS_LANGUAGE", "AMERICAN"),
    ("NLS_TERRITORY", "AMERICA"),
    ("NLS_CURRENCY", "$"),
    ("NLS_NUMERIC_CHARACTERS", ".,"),
    ("NLS_CALENDAR", "GREGORIAN"),
    ("NLS_DATE_FORMAT", "DD-MON-RR"),
    ("NLS_DATE_LANGUAGE", "AMERICAN"),
    ("NLS_SORT", "BINARY"),
    ("NLS_COMP", "BINARY"),
    ("NLS_LENGTH_SEMANTICS", "BYTE"),
    ("NLS_TIMESTAMP_FORMAT", "DD-MON-RR HH.MI.SSXFF AM"),
    ("NLS_TIMESTAMP_TZ_FORMAT", "DD-MON-RR HH.MI.SSXFF AM TZR"),
];

/// Values that only their default is accepted for, because the engine does nothing else.
const FIXED: [&str; 9] = [
    "NLS_NUMERIC_CHARACTERS",
    "NLS_CALENDAR",
    "NLS_DATE_LANGUAGE",
    "NLS_SORT",
    "NLS_COMP",
    "NLS_LANGUAGE",
    "NLS_TERRITORY",
    "NLS_CURRENCY",
    "NLS_LENGTH_SEMANTICS",
];

/// Parameters of Oracle that the engine has not.
const UNSUPPORTED: [&str; 5] = ["NLS_ISO_CURRENCY", "NLS_DUAL_CURRENCY", "NLS_NCHAR_CONV_EXCP", "NLS_TIME_FORMAT", "NLS_TIME_TZ_FORMAT"];

impl Nls {
    /// The defaults.
    pub fn new() -> Result<Nls> {
        let parameters: BTreeMap<String, String> = DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let format = |name: &str| DateFormat::parse(parameters.get(name).map_or("", String::as_str));
        Ok(Nls {
            date: format("NLS_DATE_FORMAT")?,
            timestamp: format("NLS_TIMESTAMP_FORMAT")?,
            timestamp_tz: format("NLS_TIMESTAMP_TZ_FORMAT")?,
            parameters,
            offset_minutes: 0,
            epoch: 0,
        })
    }

    /// All parameters, for NLS_SESSION_PARAMETERS.
    pub fn parameters(&self) -> &BTreeMap<String, String> {
        &self.parameters
    }

    /// A parameter's value.
    pub fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// Sets an NLS parameter or TIME_ZONE.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "TIME_ZONE" => self.offset_minutes = zone::parse(value)?,
            "NLS_DATE_FORMAT" => self.date = DateFormat::parse(value)?,
            "NLS_TIMESTAMP_FORMAT" => self.timestamp = DateFormat::parse(value)?,
            "NLS_TIMESTAMP_TZ_FORMAT" => self.timestamp_tz = DateFormat::parse(value)?,
            "NLS_LENGTH_SEMANTICS" if !matches!(value.to_ascii_uppercase().as_str(), "BYTE" | "CHAR") => {
                return Err(OraError::new(12705, "Cannot access NLS data files or invalid environment specified"));
            }
            _ if FIXED.contains(&name) && !value.eq_ignore_ascii_case(self.get(name)) => {
                return Err(OraError::unsupported(format_args!("{name} = '{value}'")));
            }
            _ if UNSUPPORTED.contains(&name) => return Err(OraError::unsupported(name)),
            _ if !self.parameters.contains_key(name) => return Err(OraError::new(2248, "invalid option for ALTER SESSION")),
            _ => {}
        }
        if name != "TIME_ZONE" {
            self.parameters.insert(name.to_owned(), value.to_owned());
        }
        self.epoch += 1;
        Ok(())
    }

    fn now(&self) -> DateTime {
        DateTime::now(self.offset_minutes)
    }

    /// Text to DATE by NLS_DATE_FORMAT.
    pub fn read_date(&self, text: &str) -> Result<DateTime> {
        self.date.read(text, &self.now(), self.offset_minutes)
    }

    /// Text to TIMESTAMP by NLS_TIMESTAMP_FORMAT.
    pub fn read_timestamp(&self, text: &str) -> Result<DateTime> {
        self.timestamp.read(text, &self.now(), self.offset_minutes)
    }

    /// Text to TIMESTAMP WITH TIME ZONE by NLS_TIMESTAMP_TZ_FORMAT.
    pub fn read_timestamp_tz(&self, text: &str) -> Result<DateTime> {
        self.timestamp_tz.read(text, &self.now(), self.offset_minutes)
    }

    /// The same settings for values of a type with `digits` of fractional seconds.
    pub fn for_digits(&self, digits: u8) -> Nls {
        Nls { timestamp: self.timestamp.with_fraction(digits), timestamp_tz: self.timestamp_tz.with_fraction(digits), ..self.clone() }
    }

    /// Text of a fetched date or timestamp; `with_zone` tells TIMESTAMP WITH TIME ZONE from the local one. None for other values.
    pub fn datum_text(&self, datum: Datum<'_>, with_zone: bool) -> Result<Option<String>> {
        Ok(Some(match datum {
            Datum::Date(bytes) => self.date.format(&DateTime::from_date(bytes)?),
            Datum::Timestamp(bytes) => self.timestamp.format(&DateTime::from_timestamp(bytes)?),
            Datum::TimestampTz(bytes) if with_zone => self.timestamp_tz.format(&DateTime::from_timestamp_tz(bytes)?),
            Datum::TimestampTz(bytes) => self.timestamp.format(&DateTime::from_timestamp_tz(bytes)?),
            _ => return Ok(None),
        }))
    }

    /// Text of stored datetime bytes by the NLS format of their type (7, 11 or 13 bytes).
    pub fn write(&self, value: &DateTime, stored_bytes: usize) -> String {
        match stored_bytes {
            7 => self.date.format(value),
            11 => self.timestamp.format(value),
            _ => self.timestamp_tz.format(value),
        }
    }
}
