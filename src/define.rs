//! Plan of a read: one flat match, Oracle column × wanted Arrow type → column converter.

use arrow::datatypes::DataType;

use crate::column::{
    ColumnDefine, Origin, PlannedDefine, datetime, dictionary, fixed, interval, null, number, raw, text, text_form_cells, vector_cells,
};
use crate::error::PlanProblem;
use crate::oracle_type::OracleType as O;
use crate::type_map::ArrowFamily as A;

/// The converter of a query's column into arrays of the wanted type; refused when the pair cannot be carried exactly and the losses allowed
/// do not make up for it.
pub fn plan_define(origin: Origin<'_>) -> Result<Box<dyn ColumnDefine>, PlanProblem> {
    let values = match origin.wanted {
        DataType::Dictionary(_, values) => values,
        DataType::LargeUtf8 | DataType::Utf8View => &DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => &DataType::Binary,
        wanted => wanted,
    };
    match values == origin.wanted {
        true => plan_values(origin),
        // The values may want another form in their turn: a dictionary of views.
        false => dictionary::recast(plan_define(Origin { wanted: values, ..origin })?, origin),
    }
}

fn plan_values(origin: Origin<'_>) -> PlannedDefine {
    match (&origin.column.oracle_type, A::of(origin.wanted)) {
        (_, A::Null) => null::null_cells(origin),
        (O::Number { .. } | O::Float { .. }, A::Integer) => number::integer_cells(origin),
        (O::Number { .. } | O::Float { .. }, A::Decimal) => number::decimal_cells(origin),
        (O::Number { .. } | O::Float { .. }, A::Float) => number::float_number_cells(origin),
        (O::Number { .. } | O::Float { .. }, A::Boolean) => number::boolean_cells(origin),
        (O::Number { .. } | O::Float { .. }, A::Text) => number::text_of_number_cells(origin),
        (O::BinaryFloat | O::BinaryDouble, A::Float) => fixed::float_cells(origin),
        (O::Varchar2(_) | O::Nvarchar2(_) | O::Char(_) | O::Nchar(_) | O::Clob | O::Nclob, A::Text) => text::text_cells(origin),
        (O::Varchar2(_) | O::Nvarchar2(_) | O::Clob | O::Nclob, A::Vector) => vector_cells(origin),
        (O::Other { name }, A::Text) if matches!(name.as_str(), "ROWID" | "UROWID" | "LONG") => text::text_cells(origin),
        (O::Other { name }, A::Binary) if name == "LONG RAW" => raw::raw_cells(origin),
        (O::Raw { .. } | O::Blob, A::Binary) => raw::raw_cells(origin),
        (O::Date | O::Timestamp { .. } | O::TimestampTz { .. } | O::TimestampLtz { .. }, A::Date | A::Timestamp | A::ZonedTimestamp) => {
            datetime::datetime_cells(origin)
        }
        (
            O::Date
            | O::Timestamp { .. }
            | O::TimestampTz { .. }
            | O::TimestampLtz { .. }
            | O::IntervalDaySecond { .. }
            | O::IntervalYearMonth { .. },
            A::Text,
        ) => text_form_cells(origin),
        (O::IntervalDaySecond { .. }, A::TimeOfDay | A::Duration | A::DayInterval | A::MixedInterval) => interval::day_second_cells(origin),
        (O::IntervalYearMonth { .. }, A::MonthInterval | A::MixedInterval) => interval::year_month_cells(origin),
        _ => Err(origin.problem("not carried", "choose another type with --as COLUMN=TYPE, or convert it in SQL with --query")),
    }
}
