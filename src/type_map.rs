//! THE table: which Arrow type goes into which Oracle type, and what is checked on the way. Planning, README and tests all read it here.

use std::fmt;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

use crate::error::PlanProblem;
use crate::oracle_type::{OracleType, TextSize};

mod families;
mod lossy;
mod reading;
mod samples;

pub use families::{ArrowFamily, OracleFamily, vector_format};
pub(crate) use lossy::remedy_for_key;
pub use lossy::{LossyKind, LossySet};
pub use reading::{DEFAULT_MAX_LOB_BYTES, default_arrow_type, parse_arrow_type, spell_arrow_type, vector_type};
pub use samples::{sample_arrow_types, sample_named_types, sample_oracle_types};

/// Most bytes of one value in an array bind; longer ones need LOB locators or pieces.
pub const MAX_BIND_BYTES: u32 = 32_767;
/// Most bytes of a VARCHAR2 or CHAR bind without `MAX_STRING_SIZE = EXTENDED`.
pub const MAX_STANDARD_TEXT_BYTES: u32 = 4_000;
/// Most bytes of a RAW column without `MAX_STRING_SIZE = EXTENDED`.
pub const MAX_STANDARD_RAW_BYTES: u32 = 2_000;

/// What to do with a type that no column holds.
const NO_TYPE: &str =
    "load lists, structs and maps as text with --nested json, or leave the column out with --columns, or cast it in the source";

/// What happens to a value of one Arrow type on its way into one Oracle type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conversion {
    /// Every value fits as it is.
    Exact,
    /// Every value fits as it is, except those that Oracle stores in one form.
    ExactExcept {
        /// Which values, and what they become.
        what: &'static str,
    },
    /// Every value is checked and refused, with its row, when it does not fit.
    Checked {
        /// What is checked.
        what: &'static str,
        /// The loss by which such a value may be carried all the same.
        lossy: Option<LossyKind>,
    },
    /// Refused at plan time unless this loss was asked for.
    Lossy {
        /// The loss.
        kind: LossyKind,
        /// What is lost.
        what: &'static str,
    },
    /// Refused at plan time.
    Refused {
        /// What to do instead.
        remedy: &'static str,
    },
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Conversion::Exact => f.write_str("exact"),
            Conversion::ExactExcept { what } => write!(f, "exact, except {what}"),
            Conversion::Checked { what, lossy: None } => write!(f, "checked: {what}"),
            Conversion::Checked { what, lossy: Some(kind) } => write!(f, "checked: {what} (else `{kind}`)"),
            Conversion::Lossy { kind, what } => write!(f, "only with `{kind}`: {what}"),
            Conversion::Refused { .. } => f.write_str("refused"),
        }
    }
}

/// The table itself.
pub fn conversion(arrow: ArrowFamily, oracle: OracleFamily) -> Conversion {
    use ArrowFamily as A;
    use OracleFamily as O;
    const fn checked(what: &'static str) -> Conversion {
        Conversion::Checked { what, lossy: None }
    }
    const fn checked_or(what: &'static str, kind: LossyKind) -> Conversion {
        Conversion::Checked { what, lossy: Some(kind) }
    }
    match (arrow, oracle) {
        (A::Other, _) => Conversion::Refused { remedy: NO_TYPE },
        (_, O::Other) => Conversion::Refused { remedy: "leave the column out with --columns; this version does not write the type" },
        (A::Null, _) => Conversion::Exact,
        (A::Boolean, O::Number) => checked("stored as 0 and 1; precision, by the database"),
        (A::Boolean, O::Float) => Conversion::Exact,
        (A::Integer, O::Number) => checked_or("precision, by the database; digits above a negative scale", LossyKind::Rounding),
        (A::Integer, O::Float) => checked_or("significant digits", LossyKind::Rounding),
        (A::Integer, O::BinaryFloat | O::BinaryDouble) => checked_or("the integer is a float exactly", LossyKind::Rounding),
        // The client normalises both (seen with 12.1; SQL Language Reference, "Floating-Point Numbers").
        (A::Float, O::BinaryDouble) => Conversion::ExactExcept { what: "-0.0 becomes 0.0, every NaN the same one" },
        (A::Float, O::BinaryFloat) => {
            checked_or("a Float64 is a BINARY_FLOAT exactly; -0.0 becomes 0.0, every NaN the same one", LossyKind::Rounding)
        }
        (A::Float, O::Number) => {
            checked_or("no NaN, no infinity; shortest digits within precision and scale; -0.0 becomes 0", LossyKind::Rounding)
        }
        (A::Float, O::Float) => {
            checked_or("no NaN, no infinity; shortest digits within the significant digits; -0.0 becomes 0", LossyKind::Rounding)
        }
        (A::Decimal, O::Number) => checked_or("precision and scale", LossyKind::Rounding),
        (A::Decimal, O::Float) => checked_or("significant digits", LossyKind::Rounding),
        (A::Text, O::Character) => checked_or(
            "bytes and characters, unless `truncate`; only what a database that is not Unicode has, unless `charset`; not empty; CHAR and NCHAR are padded with blanks",
            LossyKind::EmptyText,
        ),
        (A::Text, O::CharacterLob) => checked_or("a CLOB only what a database that is not Unicode has", LossyKind::Charset),
        (A::Boolean, O::Boolean) => Conversion::Exact,
        (A::Text, O::Json) => checked("one JSON value, by the database"),
        (A::Text, O::Xml) => checked("one XML document, by the database, which may keep it in another spelling"),
        (A::Text, O::Vector) => checked("the text of a vector, by the database"),
        (A::Vector, O::Vector) => checked("no NULL, NaN or infinity inside; dimensions, by the database; a format as wide as the source's"),
        (A::Vector, _) => Conversion::Refused { remedy: NO_TYPE },
        (A::Text, O::RowAddress) => checked("the address of a row, by the database; not empty"),
        (A::Binary, O::Raw) => checked_or("bytes, unless `truncate`; not empty", LossyKind::EmptyText),
        (A::Binary, O::BinaryLob) => Conversion::Exact,
        (A::Date, O::Date | O::Timestamp) => checked_or("years 1 to 9999; whole seconds", LossyKind::SubSecond),
        (A::Timestamp, O::Date) => checked_or("years 1 to 9999; whole seconds", LossyKind::SubSecond),
        (A::Timestamp, O::Timestamp) => checked_or("years 1 to 9999; fractional digits", LossyKind::SubSecond),
        (A::ZonedTimestamp, O::ZonedTimestamp) => checked_or(
            "years 1 to 9999; fractional digits; offset or region kept, unless `zone`; a region that the client knows",
            LossyKind::SubSecond,
        ),
        (A::TimeOfDay, O::IntervalDaySecond) => {
            checked_or("a time of a day, counted from midnight; fractional digits", LossyKind::SubSecond)
        }
        (A::Duration, O::IntervalDaySecond) => checked_or("digits of the days; fractional digits", LossyKind::SubSecond),
        (A::DayInterval, O::IntervalDaySecond) => {
            checked_or("one sign, the rest less than a day; digits of the days; fractional digits", LossyKind::SubSecond)
        }
        (A::MixedInterval, O::IntervalDaySecond) => {
            checked_or("no months; one sign, the rest less than a day; digits of the days; fractional digits", LossyKind::SubSecond)
        }
        (A::MonthInterval, O::IntervalYearMonth) => checked("digits of the years"),
        (A::MixedInterval, O::IntervalYearMonth) => checked("months alone; digits of the years"),
        (A::ZonedTimestamp, O::LocalTimestamp) => {
            checked_or("the instant, whatever its zone; years 1 to 9999; fractional digits", LossyKind::SubSecond)
        }
        (A::ZonedTimestamp, O::Date | O::Timestamp) => Conversion::Lossy { kind: LossyKind::Zone, what: "stored in UTC, without its zone" },
        (A::Timestamp | A::Date, O::ZonedTimestamp | O::LocalTimestamp) => {
            Conversion::Refused { remedy: "load into TIMESTAMP, or give the source column a time zone: without one it is no instant" }
        }
        (A::Integer | A::Float | A::Decimal | A::Boolean, _) => Conversion::Refused { remedy: "load into NUMBER, or cast in the source" },
        (A::Text, _) => Conversion::Refused { remedy: "load into VARCHAR2 or CLOB, or parse the text in the source" },
        (A::Binary, _) => Conversion::Refused { remedy: "load into RAW or BLOB, or decode the bytes in the source" },
        (A::MonthInterval, _) => Conversion::Refused { remedy: "load into INTERVAL YEAR TO MONTH, or cast in the source" },
        (A::TimeOfDay | A::Duration | A::DayInterval | A::MixedInterval, _) => {
            Conversion::Refused { remedy: "load into INTERVAL DAY TO SECOND, or cast in the source" }
        }
        (A::Date | A::Timestamp | A::ZonedTimestamp, _) => {
            Conversion::Refused { remedy: "load into DATE, TIMESTAMP or TIMESTAMP WITH TIME ZONE, or cast in the source" }
        }
    }
}

/// The conversion of a field into a column type.
pub fn conversion_of(source: &DataType, target: &OracleType) -> Conversion {
    conversion(ArrowFamily::of(source), OracleFamily::of(target))
}

/// The table as GitHub Markdown: a row for each pair that is not refused.
pub fn markdown() -> String {
    let mut table = String::from("| Arrow | Oracle | conversion |\n|---|---|---|\n");
    for arrow in ArrowFamily::ALL.into_iter().filter(|&arrow| arrow != ArrowFamily::Null) {
        for oracle in OracleFamily::ALL {
            match conversion(arrow, oracle) {
                Conversion::Refused { .. } => {}
                conversion => table.push_str(&format!("| {} | {} | {conversion} |\n", arrow.types(), oracle.types())),
            }
        }
    }
    table.push_str("| Null | any of these | exact |\n");
    table
}

/// What is known of the values of a text or binary column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextStats {
    /// Bytes of the longest value; `None` when nobody looked.
    pub max_bytes: Option<u64>,
}

/// The type of a column that the bridge creates for `field`; text and binary columns are as wide as their longest value.
pub fn default_oracle_type(field: &Field, stats: &TextStats) -> Result<OracleType, PlanProblem> {
    default_for(field.data_type(), stats).ok_or_else(|| PlanProblem {
        column: Some(field.name().clone()),
        reason: format!("Arrow type {} has no Oracle type in this version", field.data_type()),
        remedy: NO_TYPE.into(),
    })
}

fn default_for(data_type: &DataType, stats: &TextStats) -> Option<OracleType> {
    use DataType::*;
    const fn integer(precision: u8) -> OracleType {
        OracleType::Number { precision: Some(precision), scale: Some(0) }
    }
    Some(match data_type {
        Null => OracleType::Varchar2(TextSize::bytes(1)),
        Boolean => integer(1),
        Int8 | UInt8 => integer(3),
        Int16 | UInt16 => integer(5),
        Int32 | UInt32 => integer(10),
        Int64 => integer(19),
        UInt64 => integer(20),
        Float16 | Float32 => OracleType::BinaryFloat,
        Float64 => OracleType::BinaryDouble,
        Decimal32(p, s) | Decimal64(p, s) | Decimal128(p, s) | Decimal256(p, s) => default_number(*p, *s),
        Utf8 | LargeUtf8 | Utf8View => default_text(stats),
        Binary | LargeBinary | BinaryView => default_raw(stats.max_bytes),
        FixedSizeBinary(width) => default_raw(Some(u64::from(width.unsigned_abs()))),
        Date32 | Date64 => OracleType::Date,
        Timestamp(unit, None) => OracleType::Timestamp { fractional_digits: fractional_digits(*unit) },
        Timestamp(unit, Some(_)) => OracleType::TimestampTz { fractional_digits: fractional_digits(*unit) },
        Time32(unit) | Time64(unit) => OracleType::IntervalDaySecond { day_digits: 2, fractional_digits: fractional_digits(*unit) },
        Duration(unit) => OracleType::IntervalDaySecond { day_digits: 9, fractional_digits: fractional_digits(*unit) },
        Interval(IntervalUnit::YearMonth) => OracleType::IntervalYearMonth { year_digits: 9 },
        Interval(IntervalUnit::DayTime) => OracleType::IntervalDaySecond { day_digits: 9, fractional_digits: 3 },
        Interval(IntervalUnit::MonthDayNano) => OracleType::IntervalDaySecond { day_digits: 9, fractional_digits: 9 },
        Dictionary(_, values) if ArrowFamily::of(data_type) != ArrowFamily::Other => return default_for(values, stats),
        RunEndEncoded(_, values) if ArrowFamily::of(data_type) != ArrowFamily::Other => return default_for(values.data_type(), stats),
        _ => return None,
    })
}

/// `NUMBER(p,s)` where Oracle has it, else plain NUMBER, which takes any scale.
fn default_number(precision: u8, scale: i8) -> OracleType {
    match precision <= 38 && scale >= -84 {
        true => OracleType::Number { precision: Some(precision), scale: Some(scale) },
        false => OracleType::Number { precision: None, scale: None },
    }
}

fn default_text(stats: &TextStats) -> OracleType {
    match stats.max_bytes.unwrap_or(u64::from(MAX_STANDARD_TEXT_BYTES)) {
        bytes if bytes > u64::from(MAX_STANDARD_TEXT_BYTES) => OracleType::Clob,
        bytes => OracleType::Varchar2(TextSize::bytes((bytes as u32).max(1))),
    }
}

fn default_raw(max_bytes: Option<u64>) -> OracleType {
    match max_bytes.unwrap_or(u64::from(MAX_STANDARD_RAW_BYTES)) {
        bytes if bytes > u64::from(MAX_STANDARD_RAW_BYTES) => OracleType::Blob,
        bytes => OracleType::Raw { max_bytes: (bytes as u32).max(1) },
    }
}

/// Digits after the second that a unit has.
pub const fn fractional_digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_cover_every_family() {
        for family in ArrowFamily::ALL {
            assert!(sample_arrow_types().iter().any(|t| ArrowFamily::of(t) == family), "{family:?}");
        }
        for family in OracleFamily::ALL {
            let types = sample_oracle_types().into_iter().chain(sample_named_types());
            assert!(types.into_iter().any(|t| OracleFamily::of(&t) == family), "{family:?}");
        }
    }

    #[test]
    fn values_that_oracle_stores_in_another_form_are_told() {
        for (oracle, form) in [
            (OracleFamily::BinaryDouble, "-0.0 becomes 0.0"),
            (OracleFamily::BinaryFloat, "-0.0 becomes 0.0"),
            (OracleFamily::Number, "-0.0"),
        ] {
            let shown = conversion(ArrowFamily::Float, oracle).to_string();
            assert!(shown.contains(form), "{shown}");
        }
        assert!(conversion(ArrowFamily::Text, OracleFamily::Character).to_string().contains("padded with blanks"));
    }

    #[test]
    fn a_created_column_takes_what_it_was_made_for() {
        for data_type in sample_arrow_types() {
            for max_bytes in [None, Some(0), Some(1), Some(4000), Some(4001)] {
                match default_oracle_type(&Field::new("c", data_type.clone(), true), &TextStats { max_bytes }) {
                    Ok(oracle_type) => {
                        assert!(
                            !matches!(conversion_of(&data_type, &oracle_type), Conversion::Refused { .. } | Conversion::Lossy { .. }),
                            "{data_type}"
                        )
                    }
                    Err(problem) => {
                        assert!(matches!(ArrowFamily::of(&data_type), ArrowFamily::Other | ArrowFamily::Vector));
                        assert_eq!(problem.column.as_deref(), Some("c"));
                    }
                }
            }
        }
    }

    #[test]
    fn created_text_columns_are_as_wide_as_the_data() {
        let ddl =
            |data_type, max_bytes| default_oracle_type(&Field::new("c", data_type, true), &TextStats { max_bytes }).unwrap().to_string();
        assert_eq!(ddl(DataType::Utf8, Some(44)), "VARCHAR2(44)");
        assert_eq!(ddl(DataType::Utf8View, Some(0)), "VARCHAR2(1)");
        assert_eq!(ddl(DataType::LargeUtf8, Some(4001)), "CLOB");
        assert_eq!(ddl(DataType::Utf8, None), "VARCHAR2(4000)");
        assert_eq!(ddl(DataType::Binary, Some(2001)), "BLOB");
        assert_eq!(ddl(DataType::FixedSizeBinary(16), None), "RAW(16)");
        assert_eq!(ddl(DataType::Decimal128(15, 2), None), "NUMBER(15,2)");
        assert_eq!(ddl(DataType::Decimal256(76, 3), None), "NUMBER");
        assert_eq!(ddl(DataType::Timestamp(TimeUnit::Microsecond, None), None), "TIMESTAMP(6)");
    }

    #[test]
    fn the_markdown_table_has_a_row_for_every_pair_that_is_written() {
        let table = markdown();
        assert!(table.contains("| Boolean | NUMBER | checked: stored as 0 and 1; precision, by the database |"));
        assert!(table.lines().all(|line| line.matches('|').count() == 4));
    }
}
