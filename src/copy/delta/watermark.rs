//! Values of a watermark column as texts, and what a little before one is in SQL.

use arrow::array::ArrayRef;
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, SortField};
use arrow::util::display::array_value_to_string;
use chrono::{NaiveDateTime, TimeDelta};
use olbridge_delta::table::{Scan, Table};
use rust_decimal::Decimal;

use crate::error::{Error, Result};
use crate::oracle_type::OracleType;
use crate::sql;

/// How far times are looked back unless it is said: transactions that take longer than that need `--overlap`.
const TIME_OVERLAP_S: u64 = 600;
/// How far numbers of a sequence are looked back unless it is said.
const NUMBER_OVERLAP: u64 = 1000;

/// What kind of values a watermark column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Date,
    Timestamp,
    /// With a time zone: compared as instants, known in UTC.
    Instant,
}

/// A value of the column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Watermark {
    pub kind: Kind,
    pub text: String,
}

/// Where reading begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LowerBound {
    /// In SQL.
    pub literal: String,
    /// For people.
    pub shown: String,
}

impl Kind {
    /// `None` for types without an order that changes follow.
    pub fn of(oracle_type: &OracleType) -> Option<Kind> {
        match oracle_type {
            OracleType::Date => Some(Kind::Date),
            OracleType::Timestamp { .. } => Some(Kind::Timestamp),
            OracleType::TimestampTz { .. } | OracleType::TimestampLtz { .. } => Some(Kind::Instant),
            OracleType::Number { .. } => Some(Kind::Number),
            _ => None,
        }
    }

    /// The aggregate that finds the greatest value of a column.
    pub fn greatest(self, column: &str) -> String {
        match self {
            Kind::Instant => format!("SYS_EXTRACT_UTC(MAX({column}))"),
            _ => format!("MAX({column})"),
        }
    }
}

impl Watermark {
    /// The value less the overlap.
    ///
    /// # Errors
    /// [`Error::Usage`] for a text that is none of the kind: the commit was not olbridge's, or the column has another type since.
    pub fn lower_bound(&self, overlap: Option<u64>) -> Result<LowerBound> {
        let bad = || Error::Usage {
            message: format!("the watermark {:?} of the table's last commit is no value of the column", self.text),
            remedy: "load the table anew with --mode overwrite, or follow another column".into(),
        };
        if self.kind == Kind::Number {
            // With more digits than it holds it would be rounded, and rows of the value itself be left out.
            let value = Decimal::from_str_exact(self.text.trim()).map_err(|_| bad())?;
            let from = value.checked_sub(Decimal::from(overlap.unwrap_or(NUMBER_OVERLAP))).ok_or_else(bad)?.to_string();
            return Ok(LowerBound { literal: from.clone(), shown: from });
        }
        let back = i64::try_from(overlap.unwrap_or(TIME_OVERLAP_S)).ok().and_then(TimeDelta::try_seconds).ok_or_else(bad)?;
        let from = parse_time(&self.text).and_then(|time| time.checked_sub_signed(back)).ok_or_else(bad)?;
        let seconds = sql::literal(&from.format("%Y-%m-%d %H:%M:%S").to_string());
        let precise = from.format("%Y-%m-%d %H:%M:%S%.9f").to_string();
        let literal = match self.kind {
            // A date before the fraction is before the time.
            Kind::Date => format!("TO_DATE({seconds}, 'YYYY-MM-DD HH24:MI:SS')"),
            Kind::Instant => format!("TIMESTAMP {}", sql::literal(&format!("{precise} +00:00"))),
            Kind::Timestamp | Kind::Number => format!("TIMESTAMP {}", sql::literal(&precise)),
        };
        let zone = if self.kind == Kind::Instant { " UTC" } else { "" };
        Ok(LowerBound { literal, shown: format!("{}{zone}", from.format("%Y-%m-%d %H:%M:%S%.f")) })
    }
}

/// As Oracle's texts and as Arrow's: with a blank or a `T`, with `Z`, without a fraction, or a date alone.
fn parse_time(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim().trim_end_matches('Z').replace('T', " ");
    let time = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f");
    time.ok().or_else(|| chrono::NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
}

/// The greatest value of a column of a Delta table; `None` where there is none, or no such column.
pub(super) fn greatest(table: &Table, column: &str) -> olbridge_delta::Result<Option<String>> {
    let schema = table.schema()?;
    let Some(field) = schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(column)) else { return Ok(None) };
    let unreadable = |error: ArrowError| olbridge_delta::Error::Source {
        location: table.location().to_string(),
        message: error.to_string(),
        source: Some(Box::new(error)),
    };
    let converter = RowConverter::new(vec![SortField::new(field.data_type().clone())]).map_err(unreadable)?;
    let mut greatest: Option<OwnedRow> = None;
    for batch in table.read(&Scan { columns: Some(vec![field.name().clone()]), ..Scan::default() })? {
        let batch = batch.map_err(unreadable)?;
        let values: ArrayRef = batch.column(0).clone();
        let rows = converter.convert_columns(std::slice::from_ref(&values)).map_err(unreadable)?;
        let known = (0..rows.num_rows()).filter(|row| values.is_valid(*row)).map(|row| rows.row(row));
        if let Some(most) = known.max()
            && greatest.as_ref().is_none_or(|known| most > known.row())
        {
            greatest = Some(most.owned());
        }
    }
    let Some(greatest) = greatest else { return Ok(None) };
    let values = converter.convert_rows([greatest.row()]).map_err(unreadable)?;
    array_value_to_string(&values[0], 0).map(Some).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(kind: Kind, text: &str, overlap: Option<u64>) -> String {
        Watermark { kind, text: text.into() }.lower_bound(overlap).unwrap().literal
    }

    #[test]
    fn reading_begins_a_little_before_the_greatest_known_value() {
        assert_eq!(from(Kind::Number, "12345678901234567890.5", Some(0)), "12345678901234567890.5");
        assert_eq!(from(Kind::Number, "5", None), "-995");
        assert_eq!(from(Kind::Date, "2026-01-01 00:05:00", None), "TO_DATE('2025-12-31 23:55:00', 'YYYY-MM-DD HH24:MI:SS')");
        assert_eq!(from(Kind::Timestamp, "2026-01-01T10:00:00.123456", Some(1)), "TIMESTAMP '2026-01-01 09:59:59.123456000'");
        assert_eq!(from(Kind::Instant, "2026-01-01T10:00:00Z", Some(0)), "TIMESTAMP '2026-01-01 10:00:00.000000000 +00:00'");
        assert_eq!(from(Kind::Date, "2026-01-02", Some(0)), "TO_DATE('2026-01-02 00:00:00', 'YYYY-MM-DD HH24:MI:SS')");
        assert!(Watermark { kind: Kind::Date, text: "x".into() }.lower_bound(None).is_err());
        // It would be rounded up, and its own rows be left out.
        assert!(Watermark { kind: Kind::Number, text: "0.123456789012345678901234567899".into() }.lower_bound(Some(0)).is_err());
    }
}
