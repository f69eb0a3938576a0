//! Numbers into NUMBER and FLOAT as `SQLT_VNU`, encoded by us: Oracle rounds what exceeds a scale without a word, so we look first.

use std::marker::PhantomData;

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow::datatypes::*;

use super::external_type::SQLT_VNU;
use super::{ColumnBind, Planned, Target, ValueError, downcast, fixed, try_for_each_valid, value_text};
use crate::layout::{Layout, Slots};
use crate::oracle_type::OracleType;
use crate::type_map::LossyKind;
use crate::value::number::{
    NUMBER_SLOT_BYTES, NumberError, NumberShape, NumberSlot, encode_f32_shortest, encode_f64_shortest, encode_i64, encode_i128,
    encode_i256, encode_u64,
};

mod cells;
pub(crate) use cells::{boolean_cells, decimal_cells, float_number_cells, integer_cells, text_of_number_cells};

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
            refused => Err(self.refuse(array, index, refused)),
        })
    }
}

impl<A: ArrowPrimitiveType, F> NumberBind<A, F> {
    #[cold]
    fn refuse(&self, array: &PrimitiveArray<A>, row_index: usize, refused: Result<NumberShape, NumberError>) -> ValueError {
        let (value, oracle_type) = (value_text(array, row_index), &self.oracle_type);
        let (reason, remedy) = match refused {
            Err(error) => {
                (format!("{value} does not fit {oracle_type}: {error}"), "load into BINARY_DOUBLE or VARCHAR2, or mend the source")
            }
            Ok(shape) if shape.integer_digits > self.limits.integer_digits => (
                format!(
                    "{value} has {} digits before the point, {oracle_type} holds {}",
                    shape.integer_digits,
                    self.limits.integer_digits.max(0)
                ),
                "widen the column with ALTER TABLE … MODIFY, or mend the source",
            ),
            Ok(_) => (
                format!("{value} has more digits than {oracle_type} holds, and the database would round it"),
                "widen the column with ALTER TABLE … MODIFY, or let the database round with --lossy rounding",
            ),
        };
        ValueError { row_index, reason, remedy: remedy.into() }
    }
}

fn encoded<A: ArrowPrimitiveType>(
    target: Target<'_>,
    encode: impl Fn(A::Native, &mut NumberSlot) -> Result<NumberShape, NumberError> + Send + 'static,
) -> Box<dyn ColumnBind> {
    let oracle_type = target.column.oracle_type.clone();
    let limits = match (target.lossy.allows(LossyKind::Rounding), Limits::of(&oracle_type)) {
        (true, limits) => limits.without_rounding_checks(),
        (false, limits) => limits,
    };
    Box::new(NumberBind::<A, _> { limits, oracle_type, encode, arrow_type: PhantomData })
}

/// Decimals, at the scale of their type.
pub(crate) fn decimal(target: Target<'_>) -> Planned {
    Ok(match *target.values {
        DataType::Decimal32(_, scale) => encoded::<Decimal32Type>(target, move |value, slot| encode_i64(value.into(), scale, slot)),
        DataType::Decimal64(_, scale) => encoded::<Decimal64Type>(target, move |value, slot| encode_i64(value, scale, slot)),
        DataType::Decimal128(_, scale) => encoded::<Decimal128Type>(target, move |value, slot| encode_i128(value, scale, slot)),
        DataType::Decimal256(_, scale) => encoded::<Decimal256Type>(target, move |value, slot| {
            let (low, high) = value.to_parts();
            encode_i256(low, high, scale, slot)
        }),
        _ => return Err(target.problem("not a decimal", "report this as a bug")),
    })
}

/// Floats, by the shortest digits that read back as the same float.
pub(crate) fn float(target: Target<'_>) -> Planned {
    Ok(match target.values {
        DataType::Float16 => encoded::<Float16Type>(target, |value, slot| encode_f32_shortest(value.to_f32(), slot)),
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
