//! Query results as exact text, for people and for tests.

use std::fmt::Write;
use std::io::Read;

use oracle::sql_type::{Blob, Clob, FromSql, InnerValue, Nclob, OracleType as RowType, Timestamp, ToSql};
use oracle::{ErrorKind, SqlValue};

use crate::error::{Error, Phase, Result};
use crate::oci::session::{Session, database_error};
use crate::oracle_type::ColumnDesc;

impl Session {
    /// Runs a query and hands every row on as text: NUMBER with all its digits, BINARY_FLOAT/DOUBLE by their shortest exact digits, LOBs whole (one round trip each), DATE as
    /// `YYYY-MM-DD HH:MM:SS`, TIMESTAMP with the digits and zone it has, RAW and BLOB as hexadecimal digits, NULL as `None`. The session's NLS settings play
    /// no part. Returns the columns.
    pub fn query_text(&self, sql: &str, each_row: &mut dyn FnMut(&[Option<String>]) -> Result<()>) -> Result<Vec<ColumnDesc>> {
        let columns = self.query_columns(sql)?;
        self.query_rows(sql, each_row)?;
        Ok(columns)
    }

    /// The columns of a query that is about to be run, so that an error is the query's.
    pub fn query_columns(&self, sql: &str) -> Result<Vec<ColumnDesc>> {
        self.describe_query(sql).map_err(as_query_phase)
    }

    /// As [`Self::query_text`], for a caller that has asked for the columns before.
    pub fn query_rows(&self, sql: &str, each_row: &mut dyn FnMut(&[Option<String>]) -> Result<()>) -> Result<()> {
        self.query_bound(Phase::Query, sql, &[], each_row)
    }

    /// As [`Self::query_rows`], with a value for each placeholder in the order of their positions.
    pub fn query_bound(
        &self,
        phase: Phase,
        sql: &str,
        binds: &[BindValue<'_>],
        each_row: &mut dyn FnMut(&[Option<String>]) -> Result<()>,
    ) -> Result<()> {
        let refused = |error: oracle::Error| database_error(&error, phase, None);
        let mut statement = self.connection().statement(sql).lob_locator().build().map_err(refused)?;
        let binds: Vec<&dyn ToSql> = binds.iter().map(BindValue::as_sql).collect();
        let mut cells: Vec<Option<String>> = Vec::new();
        for row in statement.query(&binds).map_err(refused)? {
            let row = row.map_err(refused)?;
            cells.clear();
            for value in row.sql_values() {
                let cell = if value.is_null().map_err(refused)? { None } else { Some(value.get::<ExactText>().map_err(refused)?.0) };
                cells.push(cell);
            }
            each_row(&cells)?;
        }
        Ok(())
    }

    /// Runs DML with a value for each placeholder; rows affected. One row at a time: for rows of a load there is [`Self::array_statement`].
    pub fn execute_bound(&self, phase: Phase, table: Option<&str>, sql: &str, binds: &[BindValue<'_>]) -> Result<u64> {
        let binds: Vec<&dyn ToSql> = binds.iter().map(BindValue::as_sql).collect();
        let statement = self.connection().execute(sql, &binds).map_err(|error| database_error(&error, phase, table))?;
        statement.row_count().map_err(|error| database_error(&error, phase, table))
    }
}

/// The value of a placeholder in a statement for a single row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindValue<'a> {
    /// VARCHAR2.
    Text(&'a str),
    /// NUMBER.
    Integer(i64),
}

impl<'a> BindValue<'a> {
    fn as_sql<'s>(&'s self) -> &'s dyn ToSql
    where
        'a: 's,
    {
        match self {
            BindValue::Text(text) => text,
            BindValue::Integer(number) => number,
        }
    }
}

fn as_query_phase(error: Error) -> Error {
    match error {
        Error::Database { table, ora_code, message, remedy, session_dead, .. } => {
            Error::Database { phase: Phase::Query, table, ora_code, message, remedy, session_dead }
        }
        other => other,
    }
}

/// A value that is not NULL as text.
struct ExactText(String);

impl FromSql for ExactText {
    fn from_sql(value: &SqlValue) -> oracle::Result<Self> {
        let text = match value.as_inner_value()? {
            InnerValue::Int64(number) => number.to_string(),
            InnerValue::UInt64(number) => number.to_string(),
            InnerValue::Float(number) => whole(format!("{number:?}")),
            InnerValue::Double(number) => whole(format!("{number:?}")),
            InnerValue::Number(digits) => digits.to_string(),
            InnerValue::Char(bytes) => {
                let text =
                    std::str::from_utf8(bytes).map_err(|error| oracle::Error::with_source(ErrorKind::InvalidTypeConversion, error))?;
                text.to_string()
            }
            InnerValue::Raw(bytes) => hex(bytes),
            InnerValue::Timestamp(_) => datetime_text(&value.get::<Timestamp>()?, value.oracle_type()?),
            InnerValue::Boolean(value) => value.to_string(),
            InnerValue::Clob(_) if matches!(value.oracle_type()?, RowType::NCLOB) => read_text(value.get::<Nclob>()?)?,
            InnerValue::Clob(_) => read_text(value.get::<Clob>()?)?,
            InnerValue::Blob(_) => read_hex(value.get::<Blob>()?)?,
            _ => value.get::<String>()?,
        };
        Ok(ExactText(text))
    }
}

/// Rust's shortest digits that read back as the same float, without the `.0` of whole numbers.
fn whole(text: String) -> String {
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

/// Through a locator: `get::<String>()` would show an empty text where the size of the LOB cannot be read.
fn read_text(mut lob: impl Read) -> oracle::Result<String> {
    let mut text = String::new();
    lob.read_to_string(&mut text).map_err(lob_error)?;
    Ok(text)
}

fn read_hex(mut lob: impl Read) -> oracle::Result<String> {
    let mut bytes = Vec::new();
    lob.read_to_end(&mut bytes).map_err(lob_error)?;
    Ok(hex(&bytes))
}

fn lob_error(error: std::io::Error) -> oracle::Error {
    oracle::Error::with_source(ErrorKind::Other, error)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

fn datetime_text(value: &Timestamp, row_type: &RowType) -> String {
    let (digits, with_zone) = match *row_type {
        RowType::Timestamp(digits) => (usize::from(digits), false),
        RowType::TimestampTZ(digits) | RowType::TimestampLTZ(digits) => (usize::from(digits), true),
        _ => (0, false),
    };
    let sign = if value.year() < 0 { "-" } else { "" };
    let mut text = format!(
        "{sign}{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        value.year().unsigned_abs(),
        value.month(),
        value.day(),
        value.hour(),
        value.minute(),
        value.second()
    );
    if digits > 0 {
        let nanoseconds = format!("{:09}", value.nanosecond());
        let _ = write!(text, ".{}", &nanoseconds[..digits.min(9)]);
    }
    if with_zone {
        let minutes = value.tz_offset() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let _ = write!(text, " {sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datetimes_show_the_digits_and_the_zone_of_their_type() {
        let value = Timestamp::new(2024, 2, 29, 23, 59, 58, 120_000_000).expect("a date").and_tz_hm_offset(-5, -30).expect("a zone");
        assert_eq!(datetime_text(&value, &RowType::Date), "2024-02-29 23:59:58");
        assert_eq!(datetime_text(&value, &RowType::Timestamp(3)), "2024-02-29 23:59:58.120");
        assert_eq!(datetime_text(&value, &RowType::TimestampTZ(6)), "2024-02-29 23:59:58.120000 -05:30");
        let ancient = Timestamp::new(-4712, 1, 1, 0, 0, 0, 0).expect("a date");
        assert_eq!(datetime_text(&ancient, &RowType::Date), "-4712-01-01 00:00:00");
    }

    #[test]
    fn floats_keep_all_digits_that_matter() {
        let text = |number: f64| whole(format!("{number:?}"));
        assert_eq!([text(1.0), text(1.0 / 3.0), text(1e300), text(-0.0)], ["1", "0.3333333333333333", "1e300", "-0"]);
    }

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hex(&[0, 10, 255]), "000AFF");
    }
}
