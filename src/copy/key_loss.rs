//! Losses that make one key of several: a row would be updated or deleted in place of another. So what is accepted for values is not for keys.

use arrow::datatypes::{DataType, TimeUnit};

use super::keys::resolve_keys;
use crate::copy::job::CopyJob;
use crate::error::PlanProblem;
use crate::load::{ColumnPair, Keyed};
use crate::oracle_type::{DatabaseCharset, OracleType};
use crate::type_map::{ArrowFamily, Conversion, LossyKind, LossySet, conversion_of};

/// The problem of a column of the key.
pub(super) fn problem(column: &str, kind: LossyKind) -> PlanProblem {
    PlanProblem {
        column: Some(column.to_owned()),
        reason: format!(
            "is in the key, and --lossy {kind} may make one key of two: a row would take the place of another, or take it away"
        ),
        remedy: format!("leave out --lossy {kind}, give the column a type that holds its values, or --key with other columns"),
    }
}

/// Digits after the second of a time.
fn digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

/// What may be lost of values of a column of the database that become `wanted`, where times have at most `most_digits` after the second.
#[cfg(any(feature = "delta", test))]
pub(super) fn of_reading(column: &OracleType, wanted: &DataType, most_digits: u8, lossy: LossySet) -> Option<LossyKind> {
    let time_digits = match column {
        OracleType::Date => Some(0),
        OracleType::Timestamp { fractional_digits }
        | OracleType::TimestampTz { fractional_digits }
        | OracleType::TimestampLtz { fractional_digits }
        | OracleType::IntervalDaySecond { fractional_digits, .. } => Some(*fractional_digits),
        _ => None,
    };
    let (kind, is_lossy) = match (time_digits, wanted) {
        // A time of day goes as a whole.
        (Some(_), DataType::Date32 | DataType::Date64) => (LossyKind::SubSecond, true),
        (Some(digits_there), DataType::Timestamp(unit, _) | DataType::Duration(unit) | DataType::Time64(unit) | DataType::Time32(unit)) => {
            (LossyKind::SubSecond, digits_there > digits(*unit).min(most_digits))
        }
        (None, DataType::Float16 | DataType::Float32 | DataType::Float64) => {
            let is_held = match column {
                OracleType::BinaryFloat => *wanted != DataType::Float16,
                OracleType::BinaryDouble => *wanted == DataType::Float64,
                OracleType::Number { precision: Some(precision), .. } => *wanted == DataType::Float64 && *precision <= 15,
                _ => false,
            };
            (LossyKind::Rounding, !is_held)
        }
        _ => return None,
    };
    (is_lossy && lossy.allows(kind)).then_some(kind)
}

/// What may be lost of source values that go into a column of the database.
pub(super) fn of_binding(source: &DataType, target: &OracleType, lossy: LossySet, charset: &DatabaseCharset) -> Option<LossyKind> {
    let source = match source {
        DataType::Dictionary(_, values) => values,
        other => other,
    };
    let is_text = ArrowFamily::of(source) == ArrowFamily::Text;
    if is_text && matches!(target, OracleType::Varchar2(_) | OracleType::Char(_) | OracleType::Clob) && !charset.is_unicode() {
        return lossy.allows(LossyKind::Charset).then_some(LossyKind::Charset);
    }
    let (Conversion::Checked { lossy: Some(kind), .. } | Conversion::Lossy { kind, .. }) = conversion_of(source, target) else {
        return None;
    };
    // What is empty is a NULL, and refused as a key; an instant stays the same in any zone; and what is too long is not cut off in a key.
    (matches!(kind, LossyKind::Rounding | LossyKind::SubSecond) && lossy.allows(kind) && !is_held(source, target))
        .then_some(kind)
        .or_else(|| cuts_instants(source, target, lossy))
}

/// In UTC, and to the digits of the column.
fn cuts_instants(source: &DataType, target: &OracleType, lossy: LossySet) -> Option<LossyKind> {
    let is_instant = matches!(source, DataType::Timestamp(_, Some(_)));
    (is_instant && lossy.allows(LossyKind::SubSecond) && !is_held(source, target)).then_some(LossyKind::SubSecond)
}

/// Every value of the source has a place of its own, whatever may be lost of others.
fn is_held(source: &DataType, target: &OracleType) -> bool {
    let is_integer = source.is_integer();
    match (source, target) {
        (DataType::Decimal128(_, of_source), OracleType::Number { scale: Some(scale), .. }) => of_source <= scale,
        (DataType::Decimal128(..), OracleType::Number { scale: None, .. }) => true,
        (DataType::Float16 | DataType::Float32 | DataType::Float64, OracleType::Number { scale: None, .. }) => true,
        (DataType::Float16 | DataType::Float32, OracleType::BinaryFloat) => true,
        (_, OracleType::Number { scale, .. }) if is_integer => scale.is_none_or(|scale| scale >= 0),
        (_, OracleType::Float { binary_precision }) if is_integer => *binary_precision >= 64,
        (_, OracleType::BinaryDouble) if is_integer => !matches!(source, DataType::Int64 | DataType::UInt64),
        (_, OracleType::BinaryFloat) if is_integer => {
            matches!(source, DataType::Int8 | DataType::UInt8 | DataType::Int16 | DataType::UInt16)
        }
        (DataType::Date32, _) => true,
        (DataType::Timestamp(unit, _) | DataType::Duration(unit) | DataType::Time32(unit) | DataType::Time64(unit), _) => {
            let held = match target {
                OracleType::Timestamp { fractional_digits }
                | OracleType::TimestampTz { fractional_digits }
                | OracleType::TimestampLtz { fractional_digits }
                | OracleType::IntervalDaySecond { fractional_digits, .. } => *fractional_digits,
                _ => 0,
            };
            digits(*unit) <= held
        }
        _ => false,
    }
}

impl CopyJob {
    /// The problems of the columns by which rows are found, or will be when changes are followed.
    pub(super) fn lossy_keys(&self, pairs: &[ColumnPair], keyed: &Keyed, charset: &DatabaseCharset) -> Vec<PlanProblem> {
        let keys = match keyed.keys.is_empty() && self.incremental.is_some() {
            true => resolve_keys("--key", &self.primary_key, pairs, &mut Vec::new()),
            false => keyed.keys.clone(),
        };
        let of_pair = |pair: &ColumnPair| {
            let kind = of_binding(pair.field.data_type(), &pair.target.oracle_type, self.lossy, charset)?;
            Some(problem(&pair.target.name, kind))
        };
        pairs.iter().filter(|pair| keys.contains(&pair.target.name)).filter_map(of_pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(precision: u8, scale: i8) -> OracleType {
        OracleType::Number { precision: Some(precision), scale: Some(scale) }
    }

    #[test]
    fn only_what_may_lose_something_of_a_key_is_lossy() {
        let plain = OracleType::Number { precision: None, scale: None };
        let time = |fractional_digits| OracleType::Timestamp { fractional_digits };
        let us = DataType::Timestamp(TimeUnit::Microsecond, None);
        let unicode = DatabaseCharset::default();
        let bound = |source: &DataType, target: &OracleType| of_binding(source, target, LossySet::ALL, &unicode);
        let text = OracleType::Varchar2(crate::oracle_type::TextSize::bytes(10));
        for (source, target) in [
            (DataType::Int64, number(9, 0)),
            (DataType::Decimal128(20, 2), number(20, 2)),
            (DataType::Decimal128(20, 2), plain.clone()),
            (DataType::Float64, plain.clone()),
            (us.clone(), time(6)),
            (DataType::Date32, OracleType::Date),
            (DataType::Utf8, text.clone()),
            (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), time(9)),
            (DataType::Int32, OracleType::BinaryDouble),
        ] {
            assert_eq!(bound(&source, &target), None, "{source} {target}");
        }
        for (source, target, kind) in [
            (DataType::Int64, number(9, -2), LossyKind::Rounding),
            (DataType::Decimal128(20, 2), number(20, 1), LossyKind::Rounding),
            (DataType::Float64, number(9, 0), LossyKind::Rounding),
            (DataType::Float64, OracleType::BinaryFloat, LossyKind::Rounding),
            (DataType::Int64, OracleType::BinaryDouble, LossyKind::Rounding),
            (us.clone(), time(3), LossyKind::SubSecond),
            (us.clone(), OracleType::Date, LossyKind::SubSecond),
            (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), OracleType::Date, LossyKind::SubSecond),
        ] {
            assert_eq!(bound(&source, &target), Some(kind), "{source} {target}");
            assert_eq!(of_binding(&source, &target, LossySet::NONE, &unicode), None);
        }
        let latin = DatabaseCharset::named("WE8ISO8859P1");
        assert_eq!(of_binding(&DataType::Utf8, &text, LossySet::ALL, &latin), Some(LossyKind::Charset));
        let nvarchar = OracleType::Nvarchar2(crate::oracle_type::TextSize::bytes(10));
        assert_eq!(of_binding(&DataType::Utf8, &nvarchar, LossySet::ALL, &latin), None, "it is a Unicode one anyway");
    }

    #[test]
    fn what_is_read_is_lossy_by_its_digits() {
        let read = |column: OracleType, wanted: DataType| of_reading(&column, &wanted, 6, LossySet::ALL);
        let time = |fractional_digits| OracleType::Timestamp { fractional_digits };
        let stamp = |unit| DataType::Timestamp(unit, None);
        assert_eq!(read(time(6), stamp(TimeUnit::Nanosecond)), None);
        assert_eq!(read(time(9), stamp(TimeUnit::Nanosecond)), Some(LossyKind::SubSecond), "Delta has microseconds");
        assert_eq!(read(time(6), stamp(TimeUnit::Millisecond)), Some(LossyKind::SubSecond));
        assert_eq!(read(OracleType::Date, stamp(TimeUnit::Second)), None);
        assert_eq!(read(OracleType::Date, DataType::Date32), Some(LossyKind::SubSecond));
        assert_eq!(read(number(15, 2), DataType::Float64), None);
        assert_eq!(read(number(20, 0), DataType::Float64), Some(LossyKind::Rounding));
        assert_eq!(read(number(20, 0), DataType::Decimal128(20, 0)), None);
        assert_eq!(read(OracleType::BinaryDouble, DataType::Float64), None);
        assert_eq!(of_reading(&OracleType::Date, &DataType::Date32, 6, LossySet::NONE), None);
    }
}
