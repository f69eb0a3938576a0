//! Dates and timestamps in expressions: literals, arithmetic, time zones and the fields of EXTRACT.

use sqlparser::ast::{Expr, Value};

use super::super::datetime::DateTime;
use super::super::datetime_format::DateFormat;
use super::super::types::{DataType, Family};
use super::super::value::hex;
use super::super::{OraError, Result};
use super::{Sql, Translator, blob_literal};

impl Translator<'_> {
    /// DATE ± days, days + DATE, DATE - DATE. A TIMESTAMP becomes a DATE first, as in Oracle; differences of timestamps are intervals.
    pub(super) fn datetime_arithmetic(&mut self, a: Sql, sign: char, b: Sql) -> Result<Sql> {
        let nullable = a.nullable || b.nullable;
        if a.is_datetime() && b.is_datetime() {
            if sign != '-' {
                return Err(OraError::new(975, "date + date not allowed"));
            }
            if a.family() != Family::Date || b.family() != Family::Date {
                return self.moment_difference(a, b);
            }
            return Ok(Sql { nullable, ..Sql::new(format!("o_date_diff({}, {})", a.text, b.text), DataType::NUMBER) });
        }
        let (date, days) = match sign {
            '+' if b.is_datetime() => (b, a),
            '+' | '-' if a.is_datetime() => (a, b),
            _ => return Err(OraError::inconsistent("NUMBER", "DATE")),
        };
        let (date, days) = (self.datetime_of(date, Family::Date)?, days.into_number()?);
        let days = if sign == '-' { format!("o_neg({})", days.text) } else { days.text };
        Ok(Sql { nullable, ..Sql::new(format!("o_date_add({}, {days})", date.text), DataType::Date) })
    }

    /// `moment AT TIME ZONE zone`. A moment without a zone is of the session's.
    pub(super) fn at_time_zone(&mut self, moment: &Expr, zone: &Expr) -> Result<Sql> {
        let (moment, zone) = (self.value(moment)?, self.value(zone)?);
        let digits = match moment.data_type {
            DataType::Timestamp { digits } | DataType::TimestampTz { digits } | DataType::TimestampLtz { digits } => digits,
            _ if moment.is_null => 9,
            _ => return Err(OraError::new(30084, "invalid data type for datetime primary with time zone modifier")),
        };
        let (zoned, zone) = (self.datetime_of(moment, Family::TimestampTz)?, self.text_of(zone)?);
        Ok(Sql::new(format!("o_at_zone({}, {})", zoned.text, zone.text), DataType::TimestampTz { digits }))
    }

    /// Functions that take dates and timestamps apart or put them together.
    pub(super) fn datetime_function(&self, name: &str, mut values: Vec<Sql>) -> Result<Sql> {
        let first = values.remove(0);
        let mut texts = values.into_iter().map(|value| Ok(self.text_of(value)?.text)).collect::<Result<Vec<_>>>()?.into_iter();
        let mut next = || texts.next().unwrap_or_else(|| "NULL".into());
        match name {
            "FROM_TZ" => {
                let digits = match first.data_type {
                    DataType::Timestamp { digits } => digits,
                    _ if first.is_null => 9,
                    _ => return Err(first.inconsistent("TIMESTAMP")),
                };
                Ok(Sql::new(format!("o_from_tz({}, {})", first.text, next()), DataType::TimestampTz { digits }))
            }
            "TZ_OFFSET" => Ok(Sql::new(format!("o_tz_offset({})", self.text_of(first)?.text), DataType::varchar2(7))),
            "NEXT_DAY" => {
                let date = self.datetime_of(first, Family::Date)?;
                Ok(Sql::new(format!("o_next_day({}, {})", date.text, next()), DataType::Date))
            }
            "NEW_TIME" => {
                let date = self.datetime_of(first, Family::Date)?;
                Ok(Sql::new(format!("o_new_time({}, {}, {})", date.text, next(), next()), DataType::Date))
            }
            other => Err(OraError::unsupported(format_args!("the function {other}"))),
        }
    }

    /// `SYSTIMESTAMP(digits)` and its kin.
    pub(super) fn now_with_digits(&self, name: &str, digits: &Expr) -> Result<Sql> {
        let range = || OraError::new(30088, "datetime/interval precision is out of range");
        let Expr::Value(value) = digits else { return Err(range()) };
        let Value::Number(text, _) = &value.value else { return Err(range()) };
        let digits = text.parse::<u8>().ok().filter(|digits| *digits <= 9).ok_or_else(range)?;
        let now = self.niladic(name).ok_or_else(|| OraError::invalid_identifier(format_args!("\"{name}\"")))?;
        let data_type = match now.data_type {
            DataType::TimestampTz { .. } => DataType::TimestampTz { digits },
            _ => DataType::Timestamp { digits },
        };
        Ok(Sql { nullable: false, ..Sql::new(format!("o_fit({}, '{data_type}')", now.text), data_type) })
    }

    pub(super) fn extract(&mut self, field: &str, expr: &Expr) -> Result<Sql> {
        let value = self.value(expr)?;
        let made = |text: String, data_type: DataType| Ok(Sql { nullable: value.nullable, ..Sql::new(text, data_type) });
        let wrong = || Err(OraError::new(30076, "invalid extract field for extract source"));
        if value.is_interval() {
            let is_days = value.family() == Family::IntervalDs;
            let known = if is_days { matches!(field, "DAY" | "HOUR" | "MINUTE" | "SECOND") } else { matches!(field, "YEAR" | "MONTH") };
            return if known { made(format!("o_interval_field({}, '{field}')", value.text), DataType::NUMBER) } else { wrong() };
        }
        let source = match (field, value.family()) {
            ("YEAR" | "MONTH" | "DAY", Family::Date) => value.clone(),
            ("YEAR" | "MONTH" | "DAY" | "HOUR" | "MINUTE" | "SECOND", Family::Timestamp | Family::TimestampTz) => value.clone(),
            // Its fields are those that the session sees.
            ("YEAR" | "MONTH" | "DAY" | "HOUR" | "MINUTE" | "SECOND", Family::TimestampLtz) => {
                self.datetime_of(value.clone(), Family::Timestamp)?
            }
            ("TIMEZONE_HOUR" | "TIMEZONE_MINUTE", Family::TimestampTz) => value.clone(),
            ("TIMEZONE_REGION", Family::TimestampTz) => return made(format!("o_region({})", value.text), DataType::varchar2(64)),
            ("TIMEZONE_ABBR", Family::TimestampTz) => {
                return made(format!("CASE WHEN {} IS NOT NULL THEN 'UNK' END", value.text), DataType::varchar2(10));
            }
            _ if value.is_null => return Ok(Sql { data_type: DataType::NUMBER, ..value }),
            _ => return wrong(),
        };
        made(format!("o_extract({}, '{field}')", source.text), DataType::NUMBER)
    }
}

/// `DATE '…'` and `TIMESTAMP '…'`.
pub(super) fn typed_literal(type_text: &str, value: &Value) -> Result<Sql> {
    let Value::SingleQuotedString(text) = value else {
        return Err(OraError::unsupported(format_args!("the literal {type_text} {value}")));
    };
    let now = DateTime::midnight(1, 1, 1);
    match type_text {
        "DATE" => {
            let date = DateFormat::parse("SYYYY-MM-DD")?.read(text, &now, 0)?;
            Ok(Sql { nullable: false, ..Sql::new(format!("x'{}'", hex(&date.to_date())), DataType::Date) })
        }
        "TIMESTAMP" => {
            // A zone follows the time after a blank, or with its sign; the date has its own signs at the beginning.
            let time = text.trim().find([' ', 'T']).map_or("", |at| &text.trim()[at..]);
            let zoned = time.contains(['+', '-']) || time.trim_end().ends_with(|last: char| last.is_alphabetic());
            let model = if zoned { "SYYYY-MM-DD HH24:MI:SSXFF TZR" } else { "SYYYY-MM-DD HH24:MI:SSXFF" };
            let value = DateFormat::parse(model)?.read(text, &now, 0)?;
            let (bytes, data_type) = if zoned {
                (value.to_timestamp_tz().to_vec(), DataType::TimestampTz { digits: 9 })
            } else {
                (value.to_timestamp().to_vec(), DataType::Timestamp { digits: 9 })
            };
            Ok(Sql { nullable: false, ..Sql::new(blob_literal(&bytes), data_type) })
        }
        other => Err(OraError::unsupported(format_args!("the literal {other} '…'"))),
    }
}
