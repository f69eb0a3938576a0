//! A cast before binding, as `--cast COLUMN=TYPE` asks for: exact or refused, like any other value.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;

use super::{ColumnBind, ValueError, value_text};
use crate::error::PlanProblem;
use crate::layout::{Layout, Slots};
use crate::type_map::{ArrowFamily, LossyKind, LossySet};

/// Kernels that fail instead of making a NULL of what they cannot cast.
const STRICT: CastOptions<'static> = CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };

/// Casts to `wanted`, then binds.
struct CastBind {
    wanted: DataType,
    /// The loss that the cast may have was asked for: values need not come back from it as they were.
    may_lose: bool,
    inner: Box<dyn ColumnBind>,
}

/// `inner`, which takes `wanted`, for values of the target's field.
pub(crate) fn casting(
    target_field: &arrow::datatypes::Field,
    wanted: &DataType,
    lossy: LossySet,
    inner: Box<dyn ColumnBind>,
) -> Result<Box<dyn ColumnBind>, PlanProblem> {
    let source = target_field.data_type();
    // Without the way back nobody can tell whether a value was changed.
    if !arrow::compute::can_cast_types(source, wanted) || !arrow::compute::can_cast_types(wanted, source) {
        return Err(PlanProblem {
            column: Some(target_field.name().clone()),
            reason: format!("--cast: {source} cannot be cast to {wanted} and back"),
            remedy: "choose another type, or cast in the source".into(),
        });
    }
    let is_time = matches!(
        ArrowFamily::of(wanted),
        ArrowFamily::Date | ArrowFamily::Timestamp | ArrowFamily::ZonedTimestamp | ArrowFamily::TimeOfDay | ArrowFamily::Duration
    );
    let may_lose = lossy.allows(if is_time { LossyKind::SubSecond } else { LossyKind::Rounding });
    Ok(Box::new(CastBind { wanted: wanted.clone(), may_lose, inner }))
}

impl CastBind {
    fn cast(&self, array: &dyn Array) -> Result<ArrayRef, ValueError> {
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
            Err(_) => Err(failed(0, "does not come back from")),
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

impl ColumnBind for CastBind {
    fn layout(&self) -> Layout {
        self.inner.layout()
    }

    fn required_stride_bytes(&self, array: &dyn Array) -> Result<u32, ValueError> {
        match self.layout().is_variable() {
            true => self.inner.required_stride_bytes(&self.cast(array)?),
            false => Ok(self.layout().stride_bytes()),
        }
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let cast = self.cast(array)?;
        self.inner.write(&cast, slots)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::TimeUnit;

    use super::*;

    fn cast(array: ArrayRef, wanted: &DataType, lossy: LossySet) -> Result<ArrayRef, ValueError> {
        struct Nowhere;
        impl ColumnBind for Nowhere {
            fn layout(&self) -> Layout {
                Layout::IntervalYearMonth
            }
            fn write(&mut self, _: &dyn Array, _: Slots<'_>) -> Result<(), ValueError> {
                Ok(())
            }
        }
        let field = arrow::datatypes::Field::new("c", array.data_type().clone(), true);
        casting(&field, wanted, lossy, Box::new(Nowhere)).unwrap();
        CastBind { wanted: wanted.clone(), may_lose: lossy != LossySet::NONE, inner: Box::new(Nowhere) }.cast(&array)
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
}
