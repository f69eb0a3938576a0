//! A cast before binding, as `--cast COLUMN=TYPE` asks for: exact or refused, like any other value.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, Field};

use super::{ValueError, value_text};
use crate::error::PlanProblem;
use crate::type_map::{ArrowFamily, LossyKind, LossySet};

/// Kernels that fail instead of making a NULL of what they cannot cast.
const STRICT: CastOptions<'static> = CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };

/// A cast to `wanted`, and back to see that no value was changed.
pub(crate) struct Cast {
    wanted: DataType,
    /// The loss that the cast may have was asked for: values need not come back from it as they were.
    may_lose: bool,
}

impl Cast {
    /// Of the values of a source field.
    pub(crate) fn of(source: &Field, wanted: &DataType, lossy: LossySet) -> Result<Self, PlanProblem> {
        let from = source.data_type();
        // Without the way back nobody can tell whether a value was changed.
        if !can_cast_types(from, wanted) || !can_cast_types(wanted, from) {
            return Err(PlanProblem {
                column: Some(source.name().clone()),
                reason: format!("--cast: {from} cannot be cast to {wanted} and back"),
                remedy: "choose another type, or cast in the source".into(),
            });
        }
        let is_time = matches!(
            ArrowFamily::of(wanted),
            ArrowFamily::Date | ArrowFamily::Timestamp | ArrowFamily::ZonedTimestamp | ArrowFamily::TimeOfDay | ArrowFamily::Duration
        );
        let may_lose = lossy.allows(if is_time { LossyKind::SubSecond } else { LossyKind::Rounding });
        Ok(Cast { wanted: wanted.clone(), may_lose })
    }

    /// Of runs to their values, which changes none.
    pub(crate) fn unpacking(values: &DataType) -> Self {
        Cast { wanted: values.clone(), may_lose: true }
    }

    /// The cast values, or the first one that is none.
    pub(crate) fn apply(&self, array: &dyn Array) -> Result<ArrayRef, ValueError> {
        let whole = arrow::array::make_array(array.to_data());
        let failed = |row_index: usize, reason: &str| ValueError {
            row_index,
            reason: format!("--cast: {} {reason} {}", value_text(&whole, row_index), self.wanted),
            remedy: "cast to another type, or allow the loss with --lossy rounding or --lossy subsecond".into(),
        };
        let Ok(cast) = cast_with_options(&whole, &self.wanted, &STRICT) else {
            let fails = |row: &usize| cast_with_options(&whole.slice(*row, 1), &self.wanted, &STRICT).is_err();
            return Err(failed((0..whole.len()).find(fails).unwrap_or(0), "is no"));
        };
        if self.may_lose {
            return Ok(cast);
        }
        match cast_with_options(&cast, whole.data_type(), &STRICT).map(|back| first_difference(&whole, &back)) {
            Ok(None) => Ok(cast),
            Ok(Some(row)) => Err(failed(row, "is not exact as")),
            Err(_) => {
                let fails = |row: &usize| cast_with_options(&cast.slice(*row, 1), whole.data_type(), &STRICT).is_err();
                Err(failed((0..cast.len()).find(fails).unwrap_or(0), "does not come back from"))
            }
        }
    }
}

/// The first row in which the way there and back has changed a value. Numbers and times as text may come back in another spelling.
fn first_difference(array: &ArrayRef, back: &ArrayRef) -> Option<usize> {
    if array.to_data() == back.to_data() {
        return None;
    }
    let text = |array: &ArrayRef| arrow::compute::cast(array, &DataType::Utf8).ok();
    match (ArrowFamily::of(array.data_type()), text(array), text(back)) {
        (ArrowFamily::Text, Some(array), Some(back)) => {
            let (array, back) = (array.as_string::<i32>(), back.as_string::<i32>());
            (0..array.len()).find(|&row| {
                array.is_null(row) != back.is_null(row) || array.is_valid(row) && spelling(array.value(row)) != spelling(back.value(row))
            })
        }
        _ => (0..array.len()).find(|&row| array.slice(row, 1).to_data() != back.slice(row, 1).to_data()),
    }
}

/// One spelling of plain decimals and of times: no plus, no zeros that say nothing, a blank before the time of day.
fn spelling(text: &str) -> Cow<'_, str> {
    let Some((whole, fraction)) = text.split_once('.').or(Some((text, ""))).filter(|_| text.bytes().any(|byte| byte.is_ascii_digit()))
    else {
        return Cow::Borrowed(text);
    };
    let zone_free = fraction.trim_end_matches('Z').trim_end_matches('0');
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole.trim_start_matches('+')), |digits| ("-", digits));
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let digits = if is_number { digits.trim_start_matches('0') } else { digits.trim_end_matches('Z') };
    let point = if zone_free.is_empty() { "" } else { "." };
    let sign = if is_number && digits.is_empty() && zone_free.is_empty() { "" } else { sign };
    Cow::Owned(format!("{sign}{}{point}{zone_free}", digits.replace('T', " ")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Float64Array, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray};
    use arrow::datatypes::TimeUnit;

    use super::*;

    fn cast(array: ArrayRef, wanted: &DataType, lossy: LossySet) -> Result<ArrayRef, ValueError> {
        let field = Field::new("c", array.data_type().clone(), true);
        Cast::of(&field, wanted, lossy).unwrap().apply(&array)
    }

    #[test]
    fn a_cast_is_exact_or_refused_with_its_row() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None, Some(1.5)]));
        let error = cast(floats.clone(), &DataType::Int64, LossySet::NONE).unwrap_err();
        assert_eq!((error.row_index, error.reason.contains("1.5 is not exact as Int64")), (2, true), "{error}");
        assert!(cast(floats.slice(0, 2), &DataType::Int64, LossySet::NONE).is_ok());
        assert!(cast(floats, &DataType::Int64, LossySet::ALL).is_ok());
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("007"), Some("+7.50"), None, Some("-0"), Some("12.345")]));
        let decimal = DataType::Decimal128(10, 2);
        assert!(cast(texts.slice(0, 4), &decimal, LossySet::NONE).is_ok());
        assert_eq!(cast(texts.clone(), &decimal, LossySet::NONE).unwrap_err().row_index, 4);
        assert_eq!(cast(texts, &DataType::Int32, LossySet::NONE).unwrap_err().row_index, 1);
        let times: ArrayRef = Arc::new(StringArray::from(vec!["2024-02-29T23:59:58.5Z", "2024-02-29 23:59:58.1234567"]));
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        assert_eq!(cast(times, &micros, LossySet::NONE).unwrap_err().row_index, 1);
        let noon: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0, 43_200_000_000]));
        assert_eq!(cast(noon, &DataType::Date32, LossySet::NONE).unwrap_err().row_index, 1);
    }

    #[test]
    fn a_value_that_does_not_come_back_is_named() {
        // Year 9999 is a date, but its nanoseconds are more than 64 bits hold.
        let days: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![0, 1]));
        assert!(cast(days, &DataType::Date32, LossySet::NONE).unwrap_err().reason.contains("not exact"));
        let wide: ArrayRef = Arc::new(Date32Array::from(vec![0, 2_932_896]));
        let error = cast(wide, &DataType::Timestamp(TimeUnit::Nanosecond, None), LossySet::NONE).unwrap_err();
        assert_eq!((error.row_index, error.reason.contains("9999-12-31")), (1, true), "{error}");
    }
}
