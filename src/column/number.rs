//! Numbers into NUMBER and FLOAT as `SQLT_VNU`, encoded by us: Oracle rounds what exceeds a scale without a word, so we look first.

use std::marker::PhantomData;

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow::datatypes::*;
use half::f16;

use super::external_type::SQLT_VNU;
use super::{ColumnBind, Planned, Target, ValueError, downcast, fixed, try_for_each_valid, value_text};
use crate::layout::{Layout, Slots};
use crate::oracle_type::OracleType;
use crate::type_map::LossyKind;
use crate::value::number::{
    NUMBER_SLOT_BYTES, NumberError, NumberShape, NumberSlot, encode_f32_shortest, encode_f64_shortest, encode_i64, encode_u64,
};

mod cells;
mod decimal;
pub(crate) use cells::{boolean_cells, decimal_cells, float_number_cells, integer_cells, text_of_number_cells};
pub(crate) use decimal::decimal;

/// What a column holds, in decimal digits; `i32::MAX` where there is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    /// Before the point.
    integer_digits: i32,
    /// After the point.
    scale: i32,
    /// From the first to the last.
    significant_digits: i32,
}

impl Limits {
    const NONE: Limits = Limits { integer_digits: i32::MAX, scale: i32::MAX, significant_digits: i32::MAX };

    fn of(oracle_type: &OracleType) -> Limits {
        match *oracle_type {
            OracleType::Number { precision: None, scale: None } => Limits::NONE,
            OracleType::Number { precision, scale } => {
                let (precision, scale) = (i32::from(precision.unwrap_or(38)), i32::from(scale.unwrap_or(0)));
                Limits { integer_digits: precision - scale, scale, ..Limits::NONE }
            }
            // ceil(b × 0.30103), as Oracle's SQL reference has it.
            OracleType::Float { binary_precision } => {
                Limits { significant_digits: (i32::from(binary_precision) * 30_103 + 99_999) / 100_000, ..Limits::NONE }
            }
            _ => Limits::NONE,
        }
    }

    /// Digits below the scale, or more than are significant, are rounded by the database.
    fn without_rounding_checks(self) -> Limits {
        Limits { scale: i32::MAX, significant_digits: i32::MAX, ..self }
    }

    #[inline]
    fn fits(&self, shape: NumberShape) -> bool {
        shape.integer_digits <= self.integer_digits && shape.scale <= self.scale && shape.significant_digits() <= self.significant_digits
    }
}

struct NumberBind<A, F> {
    limits: Limits,
    oracle_type: OracleType,
    encode: F,
    arrow_type: PhantomData<fn() -> A>,
}

impl<A, F> ColumnBind for NumberBind<A, F>
where
    A: ArrowPrimitiveType,
    F: Fn(A::Native, &mut NumberSlot) -> Result<NumberShape, NumberError> + Send,
{
    fn layout(&self) -> Layout {
        Layout::Fixed { external_type: SQLT_VNU, stride_bytes: NUMBER_SLOT_BYTES as u32 }
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let array = downcast::<PrimitiveArray<A>>(array)?;
        let (values, (out, _)) = (array.values(), slots.values.as_chunks_mut::<NUMBER_SLOT_BYTES>());
        try_for_each_valid(array.nulls(), array.len(), |index| match (self.encode)(values[index], &mut out[index]) {
            Ok(shape) if self.limits.fits(shape) => Ok(()),
            refused => Err(refuse(array, index, &self.oracle_type, self.limits, refused)),
        })
    }
}

#[cold]
fn refuse(
    array: &dyn Array,
    row_index: usize,
    oracle_type: &OracleType,
    limits: Limits,
    refused: Result<NumberShape, NumberError>,
) -> ValueError {
    let value = value_text(array, row_index);
    let (reason, remedy) = match refused {
        Err(error) => (format!("{value} does not fit {oracle_type}: {error}"), "load into BINARY_DOUBLE or VARCHAR2, or mend the source"),
        Ok(shape) if shape.integer_digits > limits.integer_digits => (
            format!("{value} has {} digits before the point, {oracle_type} holds {}", shape.integer_digits, limits.integer_digits.max(0)),
            "widen the column with ALTER TABLE … MODIFY, or mend the source",
        ),
        Ok(_) => (
            format!("{value} has more digits than {oracle_type} holds, and the database would round it"),
            "widen the column with ALTER TABLE … MODIFY, or let the database round with --lossy rounding",
        ),
    };
    ValueError { row_index, reason, remedy: remedy.into() }
}
fn limits_of(target: Target<'_>) -> Limits {
    let limits = Limits::of(&target.column.oracle_type);
    if target.lossy.allows(LossyKind::Rounding) { limits.without_rounding_checks() } else { limits }
}

fn encoded<A: ArrowPrimitiveType>(
    target: Target<'_>,
    encode: impl Fn(A::Native, &mut NumberSlot) -> Result<NumberShape, NumberError> + Send + 'static,
) -> Box<dyn ColumnBind> {
    let (limits, oracle_type) = (limits_of(target), target.column.oracle_type.clone());
    Box::new(NumberBind::<A, _> { limits, oracle_type, encode, arrow_type: PhantomData })
}

/// The double whose shortest digits are the shortest that read back as `value`: those of 0.1 in 16 bits are 0.1, not 0.09997559. Integers have
/// five digits at most and keep them all.
fn shortest_of_f16(value: f16) -> f64 {
    let exact = value.to_f64();
    if !exact.is_finite() || exact.fract() == 0.0 {
        return exact;
    }
    let exponent = exact.abs().log10().floor() as i32;
    // Five digits tell any two values of 11 bits apart. What is no integer is below 1024, and all powers of ten here are exact.
    let rounded_to = |digits: i32| {
        let shift = 10_f64.powi(digits - 1 - exponent);
        (exact * shift).round_ties_even() / shift
    };
    (1..5).map(rounded_to).find(|candidate| f16::from_f64(*candidate) == value).unwrap_or_else(|| rounded_to(5))
}

/// Floats, by the shortest digits that read back as the same float.
pub(crate) fn float(target: Target<'_>) -> Planned {
    Ok(match target.values {
        DataType::Float16 => encoded::<Float16Type>(target, |value, slot| encode_f64_shortest(shortest_of_f16(value), slot)),
        DataType::Float32 => encoded::<Float32Type>(target, encode_f32_shortest),
        DataType::Float64 => encoded::<Float64Type>(target, encode_f64_shortest),
        _ => return Err(target.problem("not a float", "report this as a bug")),
    })
}

/// Integers: native where the database stores or refuses every digit, encoded and checked where it would round.
pub(crate) fn integer(target: Target<'_>) -> Planned {
    /// Digits of `u64::MAX`.
    const MOST_DIGITS: i32 = 20;
    let limits = Limits::of(&target.column.oracle_type);
    if target.lossy.allows(LossyKind::Rounding) || (limits.scale >= 0 && limits.significant_digits >= MOST_DIGITS) {
        return fixed::native_integer(target);
    }
    Ok(match target.values {
        DataType::Int8 => encoded::<Int8Type>(target, |value, slot| encode_i64(value.into(), 0, slot)),
        DataType::Int16 => encoded::<Int16Type>(target, |value, slot| encode_i64(value.into(), 0, slot)),
        DataType::Int32 => encoded::<Int32Type>(target, |value, slot| encode_i64(value.into(), 0, slot)),
        DataType::Int64 => encoded::<Int64Type>(target, |value, slot| encode_i64(value, 0, slot)),
        DataType::UInt8 => encoded::<UInt8Type>(target, |value, slot| encode_u64(value.into(), 0, slot)),
        DataType::UInt16 => encoded::<UInt16Type>(target, |value, slot| encode_u64(value.into(), 0, slot)),
        DataType::UInt32 => encoded::<UInt32Type>(target, |value, slot| encode_u64(value.into(), 0, slot)),
        DataType::UInt64 => encoded::<UInt64Type>(target, |value, slot| encode_u64(value, 0, slot)),
        _ => return Err(target.problem("not an integer", "report this as a bug")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_float_has_the_shortest_digits_that_read_back() {
        assert_eq!(shortest_of_f16(f16::from_f32(0.1)), 0.1);
        for integer in [0.0, -2048.0, 10_008.0, 65_504.0] {
            assert_eq!(shortest_of_f16(f16::from_f64(integer)), integer);
        }
        for value in (0..=u16::MAX).map(f16::from_bits).filter(|value| value.is_finite() && value.to_f32().fract() != 0.0) {
            // The reference: the first number of digits whose correctly rounded text reads back.
            let reads_back = |text: &String| f16::from_f64(text.parse().unwrap()) == value;
            let expected = (0..6).map(|digits| format!("{:.digits$e}", value.to_f64())).find(reads_back).unwrap();
            assert_eq!(shortest_of_f16(value), expected.parse::<f64>().unwrap(), "{value:?}");
        }
        assert!(shortest_of_f16(f16::NAN).is_nan() && shortest_of_f16(f16::NEG_INFINITY) == f64::NEG_INFINITY);
    }
}
