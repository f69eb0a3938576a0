//! Plan: one flat match, Arrow field × Oracle column → column converter.

use arrow::datatypes::{DataType, Field};

use crate::column::{ColumnBind, Target, datetime, dictionary, fixed, interval, lob, null, number, raw, text};
use crate::error::PlanProblem;
use crate::oracle_type::{ColumnDesc, DatabaseCharset, OracleType as O, is_vector};
use crate::type_map::{ArrowFamily as A, Conversion, LossySet, conversion_of};

/// The converter of `field`'s values into `column`; refused when the pair cannot be carried exactly and `lossy` does not allow the loss.
/// For a Unicode database; see [`plan_bind_in`].
pub fn plan_bind(field: &Field, column: &ColumnDesc, lossy: LossySet) -> Result<Box<dyn ColumnBind>, PlanProblem> {
    plan_bind_in(field, column, lossy, &DatabaseCharset::default())
}

/// As [`plan_bind`], for a database of this character set.
pub fn plan_bind_in(
    field: &Field,
    column: &ColumnDesc,
    lossy: LossySet,
    charset: &DatabaseCharset,
) -> Result<Box<dyn ColumnBind>, PlanProblem> {
    match field.data_type() {
        DataType::Dictionary(_, values) => plan_values(Target { field, values, column, lossy, charset }).map(dictionary::dictionary),
        values => plan_values(Target { field, values, column, lossy, charset }),
    }
}

fn plan_values(target: Target<'_>) -> Result<Box<dyn ColumnBind>, PlanProblem> {
    match conversion_of(target.values, &target.column.oracle_type) {
        Conversion::Refused { remedy } => return Err(target.problem("not carried", remedy)),
        Conversion::Lossy { kind, what } if !target.lossy.allows(kind) => {
            return Err(target.problem(what, format!("ask for it with --lossy {kind}, or choose another column type")));
        }
        _ => {}
    }
    match (A::of(target.values), &target.column.oracle_type) {
        (A::Null, _) => null::null(target),
        (A::Boolean, O::Number { .. } | O::Float { .. }) => fixed::boolean(target),
        (A::Boolean, O::Other { name }) if name == "BOOLEAN" => fixed::boolean(target),
        (A::Text, O::Other { name }) if matches!(name.as_str(), "JSON" | "XMLTYPE") || is_vector(name) => lob::lob(target),
        (A::Vector, O::Other { name }) if is_vector(name) => Err(target.problem("vectors are bound as text", "report this as a bug")),
        (A::Text, O::Other { name }) if matches!(name.as_str(), "ROWID" | "UROWID") => text::text(target),
        (A::Integer, O::Number { .. } | O::Float { .. }) => number::integer(target),
        (A::Float, O::Number { .. } | O::Float { .. }) => number::float(target),
        (A::Decimal, O::Number { .. } | O::Float { .. }) => number::decimal(target),
        (A::Integer | A::Float, O::BinaryFloat) => fixed::binary_float(target),
        (A::Integer | A::Float, O::BinaryDouble) => fixed::binary_double(target),
        (A::Text, O::Varchar2(_) | O::Nvarchar2(_) | O::Char(_) | O::Nchar(_)) => text::text(target),
        (A::Text, O::Clob | O::Nclob) | (A::Binary, O::Blob) => lob::lob(target),
        (A::Binary, O::Raw { .. }) => raw::raw(target),
        (A::Date | A::Timestamp | A::ZonedTimestamp, O::Date) => datetime::date(target),
        (A::Date | A::Timestamp | A::ZonedTimestamp, O::Timestamp { fractional_digits }) => datetime::timestamp(target, *fractional_digits),
        (A::ZonedTimestamp, O::TimestampTz { fractional_digits }) => datetime::timestamp_tz(target, *fractional_digits),
        (A::ZonedTimestamp, O::TimestampLtz { fractional_digits }) => datetime::instant(target, *fractional_digits),
        (A::TimeOfDay | A::Duration | A::DayInterval | A::MixedInterval, O::IntervalDaySecond { day_digits, fractional_digits }) => {
            interval::day_second(target, *day_digits, *fractional_digits)
        }
        (A::MonthInterval | A::MixedInterval, O::IntervalYearMonth { year_digits }) => interval::year_month(target, *year_digits),
        _ => Err(target.problem("no converter", "report this as a bug")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::external_type::{SQLT_CHR, SQLT_INT};
    use crate::layout::Layout;

    #[test]
    fn types_that_the_database_converts_are_bound_as_text_and_numbers() {
        let plan = |data_type: DataType, name: &str| {
            let column = ColumnDesc { name: "C".into(), oracle_type: O::Other { name: name.into() }, nullable: true };
            plan_bind(&Field::new("c", data_type, true), &column, LossySet::NONE)
        };
        // Long, so that it comes last and its values may have any length.
        let json = plan(DataType::LargeUtf8, "JSON").unwrap().layout();
        assert!(matches!(json, Layout::Variable { external_type: SQLT_CHR, long: true, national: false, .. }), "{json:?}");
        let boolean = plan(DataType::Boolean, "BOOLEAN").unwrap().layout();
        assert!(matches!(boolean, Layout::Fixed { external_type: SQLT_INT, stride_bytes: 1 }), "{boolean:?}");
        for name in ["UROWID", "XMLTYPE", "VECTOR", "VECTOR(3,FLOAT32)"] {
            assert!(plan(DataType::Utf8, name).is_ok(), "{name}");
        }
        for (data_type, name) in
            [(DataType::Utf8, "SDO_GEOMETRY"), (DataType::Int64, "XMLTYPE"), (DataType::Int64, "JSON"), (DataType::Utf8, "BOOLEAN")]
        {
            assert!(plan(data_type, name).is_err(), "{name}");
        }
    }
}
