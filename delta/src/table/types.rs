//! Arrow types → Delta types: carried exactly, refused by name, or cast as asked for. Decided per column, done per batch.
//!
//! | Arrow | Delta | |
//! |---|---|---|
//! | Boolean, Int8 … Int64, Float32, Float64, Date32 | the same | exact |
//! | Float16 | float | exact |
//! | UInt8, UInt16, UInt32, UInt64 | short, integer, long, decimal(20,0) | exact; Delta has no unsigned types, and deltalake would write bytes that nobody reads back |
//! | Decimal of at most 38 digits | decimal(p,s); a negative scale becomes digits | exact; more digits are refused |
//! | Utf8, LargeUtf8, Utf8View | string | exact |
//! | Binary in any form | binary | exact |
//! | Timestamp s, ms, us | timestamp with UTC, timestamp_ntz without a zone | exact |
//! | Timestamp ns | the same | checked per value: digits below the microsecond are refused, or cut by `sub-microsecond` |
//! | Timestamp in another zone | timestamp | the instant is kept, the zone is lost: by `zone` |
//! | Date64 | date | checked per value: a time of day is refused |
//! | Duration | long, microseconds | by `duration` |
//! | Time32, Time64 | long, microseconds since midnight | by `time` |
//! | Interval, Null, Union, RunEndEncoded | | refused |
//! | Dictionary | as its values | exact |
//! | List, LargeList, FixedSizeList, Struct, Map | the same of these | |

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};

use crate::error::ColumnProblem;

/// A loss that is asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Digits below the microsecond are cut.
    SubMicrosecond,
    /// The name of a time zone is dropped; the instant stays.
    Zone,
    /// A duration becomes a number of microseconds.
    Duration,
    /// A time of day becomes a number of microseconds since midnight.
    Time,
    /// A value may become a narrower type of the table where it fits it exactly; where it does not, it is refused.
    Narrow,
}

impl FromStr for Loss {
    type Err = String;

    fn from_str(text: &str) -> Result<Loss, String> {
        match text {
            "sub-microsecond" => Ok(Loss::SubMicrosecond),
            "zone" => Ok(Loss::Zone),
            "duration" => Ok(Loss::Duration),
            "time" => Ok(Loss::Time),
            "narrow" => Ok(Loss::Narrow),
            _ => Err(format!("{text:?} is not one of sub-microsecond, zone, duration, time, narrow")),
        }
    }
}

/// The losses asked for.
pub type Losses = BTreeSet<Loss>;

/// The type that `from` has in a Delta table. Arrow for Delta: Utf8, Binary, Timestamp in microseconds, lists with items called `element`.
///
/// # Errors
/// What is in the way, and the remedy.
pub fn delta_type(from: &DataType, losses: &Losses) -> Result<DataType, (String, String)> {
    use DataType as T;
    let asked = |loss: Loss, name: &str, to: T, what: &str| match losses.contains(&loss) {
        true => Ok(to),
        false => Err((format!("{from}: {what}"), format!("the cast {name} by name, or a cast in the source"))),
    };
    match from {
        T::Boolean | T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Float32 | T::Float64 | T::Date32 => Ok(from.clone()),
        T::Float16 => Ok(T::Float32),
        T::UInt8 => Ok(T::Int16),
        T::UInt16 => Ok(T::Int32),
        T::UInt32 => Ok(T::Int64),
        T::UInt64 => Ok(T::Decimal128(20, 0)),
        T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s) | T::Decimal256(p, s) => decimal(from, *p, *s),
        T::Utf8 | T::LargeUtf8 | T::Utf8View => Ok(T::Utf8),
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => Ok(T::Binary),
        T::Date64 => Ok(T::Date32),
        T::Timestamp(_, None) => Ok(T::Timestamp(TimeUnit::Microsecond, None)),
        T::Timestamp(_, Some(zone)) => {
            let utc = T::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            match matches!(zone.as_ref(), "UTC" | "utc" | "Z" | "+00:00" | "Etc/UTC") {
                true => Ok(utc),
                false => asked(Loss::Zone, "zone", utc, "Delta keeps instants, not the names of zones"),
            }
        }
        T::Duration(_) => asked(Loss::Duration, "duration", T::Int64, "Delta has no durations"),
        T::Time32(_) | T::Time64(_) => asked(Loss::Time, "time", T::Int64, "Delta has no times of day"),
        T::Dictionary(_, value) => delta_type(value, losses),
        T::List(item) | T::LargeList(item) | T::FixedSizeList(item, _) | T::ListView(item) | T::LargeListView(item) => {
            let field = Field::new("element", inner_type(item.data_type(), losses)?, item.is_nullable());
            Ok(T::List(Arc::new(field)))
        }
        T::Struct(fields) => Ok(T::Struct(nested(fields, losses)?)),
        T::Map(entries, _) => map(from, entries, losses),
        _ => Err((format!("{from}: Delta has no such type"), "a cast in the source, or leaving the column out".into())),
    }
}

fn decimal(from: &DataType, precision: u8, scale: i8) -> Result<DataType, (String, String)> {
    let (precision, scale) = match scale {
        ..0 => (u16::from(precision) + u16::from(scale.unsigned_abs()), 0),
        // More digits behind the point than digits: Delta wants room for all of them.
        _ => (u16::from(precision).max(u16::from(scale.unsigned_abs())), scale),
    };
    match u8::try_from(precision) {
        Ok(precision @ ..=38) => Ok(DataType::Decimal128(precision, scale)),
        _ => Err((
            format!("{from}: Delta's decimals have at most 38 digits"),
            "a cast to decimal(38,s), double or string in the source".into(),
        )),
    }
}

fn nested(fields: &Fields, losses: &Losses) -> Result<Fields, (String, String)> {
    fields
        .iter()
        .map(|field| match inner_type(field.data_type(), losses) {
            Ok(to) => Ok(Arc::new(Field::new(field.name(), to, field.is_nullable()))),
            Err((message, remedy)) => Err((format!("field {}: {message}", field.name()), remedy)),
        })
        .collect()
}

/// The type of what is within another. Arrow makes a number of a time there in its own unit, which nobody would know afterwards.
fn inner_type(from: &DataType, losses: &Losses) -> Result<DataType, (String, String)> {
    let value = if let DataType::Dictionary(_, value) = from { value } else { from };
    match value {
        DataType::Duration(_) | DataType::Time32(_) | DataType::Time64(_) => Err((
            format!("{from}: Delta has no such type, and within a list, a struct or a map it is not cast"),
            "a cast in the source".into(),
        )),
        _ => delta_type(from, losses),
    }
}

fn map(from: &DataType, entries: &Field, losses: &Losses) -> Result<DataType, (String, String)> {
    let DataType::Struct(pair) = entries.data_type() else {
        return Err((format!("{from}: entries are no pairs"), "leaving the column out".into()));
    };
    let pair = nested(pair, losses)?;
    let [key, value] = pair.as_ref() else { return Err((format!("{from}: entries are no pairs"), "leaving the column out".into())) };
    let pair = [
        Arc::new(Field::new("key", key.data_type().clone(), false)),
        Arc::new(Field::new("value", value.data_type().clone(), value.is_nullable())),
    ];
    let entries = Field::new("key_value", DataType::Struct(pair.into_iter().collect()), false);
    Ok(DataType::Map(Arc::new(entries), false))
}

/// Metadata of a field that goes into the table: ours, and comments.
fn kept_metadata(field: &Field) -> std::collections::HashMap<String, String> {
    let is_kept = |key: &str| key.starts_with("olbridge.") || key == "comment";
    field.metadata().iter().filter(|(key, _)| is_kept(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The schema that a new table for `source` has.
///
/// # Errors
/// Every column that has no place in a Delta table, and names that differ only by case.
pub fn delta_schema(source: &Schema, losses: &Losses) -> Result<Schema, Vec<ColumnProblem>> {
    let mut problems = Vec::new();
    let mut fields = Vec::new();
    let mut names = BTreeSet::new();
    for field in source.fields() {
        let mut problem = |message: String, remedy: String| problems.push(ColumnProblem { column: field.name().clone(), message, remedy });
        if !names.insert(field.name().to_lowercase()) {
            problem("another column has this name; Delta compares names without case".into(), "renaming one of them".into());
        }
        if field.name().is_empty() {
            problem("it has no name".into(), "a name".into());
        }
        match delta_type(field.data_type(), losses) {
            Ok(to) => fields.push(Field::new(field.name(), to, field.is_nullable()).with_metadata(kept_metadata(field))),
            Err((message, remedy)) => problem(message, remedy),
        }
    }
    if problems.is_empty() { Ok(Schema::new(fields)) } else { Err(problems) }
}

/// Letters that need column mapping, for Spark writes names into Parquet without it (protocol, "Column Mapping").
pub fn needs_column_mapping(name: &str) -> bool {
    name.contains([' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '='])
}

/// Whether every value of `from` is one of `to`, both as Delta has them.
pub(crate) fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    let digits = |of: &T| match of {
        T::Int8 => Some(3),
        T::Int16 => Some(5),
        T::Int32 => Some(10),
        T::Int64 => Some(19u8),
        _ => None,
    };
    match (from, to) {
        // Their names count, which `equals_datatype` does not look at: arrow casts by position where they differ.
        (T::List(a), T::List(b)) => widens(a.data_type(), b.data_type()),
        (T::Struct(a), T::Struct(b)) => {
            let same_name = |a: &Field, b: &Field| a.name().to_lowercase() == b.name().to_lowercase();
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_name(a, b) && widens(a.data_type(), b.data_type()))
        }
        (T::Map(a, _), T::Map(b, _)) => widens(a.data_type(), b.data_type()),
        _ if from.equals_datatype(to) => true,
        (T::Decimal128(p, s), T::Decimal128(p2, s2)) => s2 >= s && i16::from(*p2) - i16::from(*s2) >= i16::from(*p) - i16::from(*s),
        (_, T::Decimal128(p, s)) => digits(from).is_some_and(|digits| i16::from(*p) - i16::from(*s) >= i16::from(digits)),
        (T::Int8 | T::Int16, T::Float32) | (T::Int8 | T::Int16 | T::Int32 | T::Float32, T::Float64) => true,
        _ => matches!((digits(from), digits(to)), (Some(from), Some(to)) if from <= to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(from: DataType, losses: &[Loss]) -> Result<DataType, String> {
        delta_type(&from, &losses.iter().copied().collect()).map_err(|(message, _)| message)
    }

    #[test]
    fn unsigned_numbers_get_room() {
        assert_eq!(to(DataType::UInt8, &[]), Ok(DataType::Int16));
        assert_eq!(to(DataType::UInt32, &[]), Ok(DataType::Int64));
        assert_eq!(to(DataType::UInt64, &[]), Ok(DataType::Decimal128(20, 0)));
    }

    #[test]
    fn decimals_end_at_38_digits() {
        assert_eq!(to(DataType::Decimal256(38, 4), &[]), Ok(DataType::Decimal128(38, 4)));
        assert_eq!(to(DataType::Decimal128(30, -8), &[]), Ok(DataType::Decimal128(38, 0)));
        assert_eq!(to(DataType::Decimal128(2, 5), &[]), Ok(DataType::Decimal128(5, 5)));
        assert!(to(DataType::Decimal256(39, 0), &[]).unwrap_err().contains("38 digits"));
        assert!(to(DataType::Decimal128(38, -1), &[]).unwrap_err().contains("38 digits"));
    }

    #[test]
    fn zones_times_and_durations_are_refused_unless_asked_for() {
        let berlin = DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into()));
        assert!(to(berlin.clone(), &[]).unwrap_err().contains("zones"));
        assert_eq!(to(berlin, &[Loss::Zone]), Ok(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))));
        assert!(to(DataType::Time64(TimeUnit::Microsecond), &[]).is_err() && to(DataType::Duration(TimeUnit::Second), &[]).is_err());
        assert_eq!(to(DataType::Duration(TimeUnit::Second), &[Loss::Duration]), Ok(DataType::Int64));
        assert!(to(DataType::Interval(arrow::datatypes::IntervalUnit::DayTime), &[Loss::Duration, Loss::Time]).is_err());
        assert!(to(DataType::Null, &[]).is_err());
    }

    #[test]
    fn a_nested_problem_is_named_and_so_are_names_that_differ_by_case() {
        let time = Field::new("t", DataType::Time64(TimeUnit::Microsecond), true);
        let schema = Schema::new(vec![
            Field::new("s", DataType::Struct(vec![time].into()), true),
            Field::new("id", DataType::Int64, true),
            Field::new("ID", DataType::Int64, true),
        ]);
        let problems = delta_schema(&schema, &Losses::new()).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].to_string().contains("column s: field t"), "{}", problems[0]);
        assert!(problems[1].to_string().contains("without case"), "{}", problems[1]);
    }

    #[test]
    fn widening_never_loses() {
        assert!(widens(&DataType::Int32, &DataType::Decimal128(10, 0)) && !widens(&DataType::Int32, &DataType::Decimal128(11, 2)));
        assert!(widens(&DataType::Decimal128(10, 2), &DataType::Decimal128(12, 4)));
        assert!(!widens(&DataType::Decimal128(10, 2), &DataType::Decimal128(12, 5)));
        assert!(!widens(&DataType::Int64, &DataType::Float64) && widens(&DataType::Int32, &DataType::Float64));
        assert!(!widens(&DataType::Int64, &DataType::Int32));
    }
}
