//! Intervals in expressions: literals, arithmetic and their functions.

use sqlparser::ast::{Expr, Interval, Value};

use super::super::interval::{self, Field};
use super::super::types::{DataType, Family};
use super::super::{OraError, Result};
use super::{Sql, Translator, blob_literal, unnested};

/// What computed intervals are.
pub(super) const INTERVAL_DS: DataType = DataType::IntervalDs { day_digits: 9, second_digits: 9 };
pub(super) const INTERVAL_YM: DataType = DataType::IntervalYm { year_digits: 9 };

impl Sql {
    pub fn is_interval(&self) -> bool {
        matches!(self.family(), Family::IntervalDs | Family::IntervalYm)
    }
}

impl Translator<'_> {
    /// `INTERVAL '…' DAY(n) TO SECOND(m)` and its kin.
    pub(super) fn interval_literal(&self, literal: &Interval) -> Result<Sql> {
        let Expr::Value(value) = unnested(&literal.value) else {
            return Err(OraError::unsupported("an INTERVAL of an expression"));
        };
        let Value::SingleQuotedString(text) = &value.value else {
            return Err(OraError::new(1867, "the interval is invalid"));
        };
        let field = |name: &Option<sqlparser::ast::DateTimeField>| name.as_ref().and_then(|name| Field::parse(&name.to_string()));
        let first = field(&literal.leading_field).ok_or_else(|| OraError::new(30089, "missing or invalid <datetime field>"))?;
        let last = if literal.last_field.is_some() { field(&literal.last_field) } else { Some(first) };
        let last = last.filter(|last| *last >= first).ok_or_else(|| OraError::new(30089, "missing or invalid <datetime field>"))?;
        let digits =
            |value: Option<u64>, default: u8| value.map_or(Some(default), |value| u8::try_from(value).ok()).filter(|digits| *digits <= 9);
        let range = || OraError::new(30088, "datetime/interval precision is out of range");
        let leading = digits(literal.leading_precision, 2).ok_or_else(range)?;
        let (bytes, data_type) = if first.nanos().is_some() {
            let second_digits =
                digits(literal.fractional_seconds_precision, if last == Field::Second { 6 } else { 0 }).ok_or_else(range)?;
            let day_digits = if first == Field::Day { leading } else { 2 };
            let nanos = interval::parse_nanos(text, first, last)?;
            let checked = interval::fit_nanos(nanos, if first == Field::Day { day_digits } else { 9 }, second_digits)?;
            (interval::nanos_bytes(checked).to_vec(), DataType::IntervalDs { day_digits, second_digits })
        } else {
            let months = interval::fit_months(interval::parse_months(text, first, last)?, if first == Field::Year { leading } else { 9 })?;
            (interval::months_bytes(months).to_vec(), DataType::IntervalYm { year_digits: leading })
        };
        Ok(Sql { nullable: false, ..Sql::new(blob_literal(&bytes), data_type) })
    }

    /// Arithmetic where at least one side is an interval.
    pub(super) fn interval_arithmetic(&self, a: Sql, sign: char, b: Sql) -> Result<Sql> {
        let nullable = a.nullable || b.nullable;
        let made = |text: String, data_type: DataType| Ok(Sql { nullable, ..Sql::new(text, data_type) });
        let wrong = || OraError::new(30081, "invalid data type for datetime/interval arithmetic");
        if a.is_datetime() || b.is_datetime() {
            let (moment, shift) = match sign {
                '+' if b.is_datetime() => (b, a),
                '+' | '-' if a.is_datetime() && b.is_interval() => (a, b),
                _ => return Err(wrong()),
            };
            return made(format!("o_shift({}, {}, '{sign}')", moment.text, shift.text), moment.data_type);
        }
        match sign {
            '+' | '-' if a.family() == b.family() => {
                let data_type = if a.family() == Family::IntervalDs { INTERVAL_DS } else { INTERVAL_YM };
                made(format!("o_interval_add({}, {}, '{sign}')", a.text, b.text), data_type)
            }
            '*' | '/' => {
                let (value, factor) = if a.is_interval() { (a, b) } else { (b, a) };
                if !value.is_interval() || factor.is_interval() {
                    return Err(wrong());
                }
                let data_type = if value.family() == Family::IntervalDs { INTERVAL_DS } else { INTERVAL_YM };
                let factor = factor.into_number()?;
                made(format!("o_interval_scale({}, {}, '{sign}')", value.text, factor.text), data_type)
            }
            _ => Err(wrong()),
        }
    }

    /// TIMESTAMP - TIMESTAMP.
    pub(super) fn moment_difference(&self, a: Sql, b: Sql) -> Result<Sql> {
        let zoned = |sql: &Sql| matches!(sql.family(), Family::TimestampTz | Family::TimestampLtz);
        let family = if zoned(&a) || zoned(&b) { Family::TimestampTz } else { Family::Timestamp };
        let nullable = a.nullable || b.nullable;
        let (a, b) = (self.datetime_of(a, family)?, self.datetime_of(b, family)?);
        Ok(Sql { nullable, ..Sql::new(format!("o_moment_diff({}, {})", a.text, b.text), INTERVAL_DS) })
    }

    /// Text or an interval of the other precision as an interval.
    pub(super) fn interval_of(&self, sql: Sql, family: Family) -> Result<Sql> {
        let (data_type, function, name) = match family {
            Family::IntervalDs => (INTERVAL_DS, "o_text_ds", "INTERVAL DAY TO SECOND"),
            _ => (INTERVAL_YM, "o_text_ym", "INTERVAL YEAR TO MONTH"),
        };
        if sql.is_null {
            return Ok(Sql { data_type, ..sql });
        }
        if sql.family() == family {
            return Ok(sql);
        }
        if sql.is_text() {
            return Ok(Sql { nullable: sql.nullable, ..Sql::new(format!("{function}({})", sql.text), data_type) });
        }
        Err(OraError::inconsistent(name, sql.data_type.dictionary_name()))
    }

    /// An interval as text.
    pub(super) fn interval_text(&self, sql: &Sql) -> Sql {
        let text = match sql.data_type {
            DataType::IntervalDs { day_digits, second_digits } => format!("o_ds_text({}, {day_digits}, {second_digits})", sql.text),
            DataType::IntervalYm { year_digits } => format!("o_ym_text({}, {year_digits})", sql.text),
            _ => sql.text.clone(),
        };
        Sql { nullable: sql.nullable, ..Sql::new(text, DataType::varchar2(30)) }
    }

    /// TO_DSINTERVAL, TO_YMINTERVAL, NUMTODSINTERVAL, NUMTOYMINTERVAL.
    pub(super) fn interval_function(&self, name: &str, values: Vec<Sql>) -> Result<Sql> {
        let mut values = values.into_iter();
        let (value, unit) = (values.next().unwrap_or_else(Sql::null), values.next());
        match (name, unit) {
            ("TO_DSINTERVAL", _) => self.interval_of(self.text_of(value)?, Family::IntervalDs),
            ("TO_YMINTERVAL", _) => self.interval_of(self.text_of(value)?, Family::IntervalYm),
            (_, Some(unit)) => {
                let data_type = if name == "NUMTODSINTERVAL" { INTERVAL_DS } else { INTERVAL_YM };
                let function = name.to_lowercase();
                Ok(Sql::new(format!("o_{function}({}, {})", value.into_number()?.text, self.text_of(unit)?.text), data_type))
            }
            _ => Err(OraError::new(909, "invalid number of arguments")),
        }
    }
}
