//! The other direction: NUMBER and FLOAT cells, decoded by us, into integers, decimals, floats, Boolean and text. Exact or refused.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray, StringBuilder};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::*;

use super::{SQLT_VNU, shortest_of_f16};
use crate::column::decoded::{Explain, decoded};
use crate::column::{ColumnDefine, Origin, PlannedDefine, ValueError, fixed, try_for_each_valid};
use crate::layout::{Cells, Layout};
use crate::oracle_type::OracleType;
use crate::type_map::LossyKind;
use crate::value::number::{
    Digits, NUMBER_SLOT_BYTES, NumberSlot, ScaledDecoder, decode_f64_of_15_digits, encode_f32_shortest, encode_f64_shortest,
};

const VNU: Layout = Layout::Fixed { external_type: SQLT_VNU, stride_bytes: NUMBER_SLOT_BYTES as u32 };

/// What a value is and why the wanted type has no place for it.
fn explain(origin: Origin<'_>, remedy: &'static str) -> Explain<NUMBER_SLOT_BYTES> {
    let wanted = origin.wanted.clone();
    Box::new(move |slot| {
        let value = Digits::decode(slot).map_or_else(|error| error.to_string(), |digits| digits.to_string());
        (format!("{value} is not exact as {wanted}"), remedy.to_owned())
    })
}

const WIDER: &str = "read the column as another type: --as COLUMN=decimal(p,s) with more digits, or --as COLUMN=text";

fn number<A: ArrowPrimitiveType>(
    origin: Origin<'_>,
    decode: impl Fn(&NumberSlot) -> Option<A::Native> + Send + 'static,
) -> Box<dyn ColumnDefine> {
    decoded::<A, NUMBER_SLOT_BYTES>(VNU, origin.wanted, decode, explain(origin, WIDER))
}

/// Into integers: by the client where the column guarantees that every value fits, else by our codec, which refuses fractions and what is too large.
pub(crate) fn integer_cells(origin: Origin<'_>) -> PlannedDefine {
    const WHOLE: ScaledDecoder = ScaledDecoder::new(0);
    fn checked<A: ArrowPrimitiveType>(origin: Origin<'_>) -> Box<dyn ColumnDefine>
    where
        A::Native: TryFrom<i64>,
    {
        number::<A>(origin, |slot| WHOLE.decode_i64(slot)?.try_into().ok())
    }
    if native_digits(origin.wanted).is_some_and(|digits| is_whole_with(&origin.column.oracle_type, digits)) {
        return fixed::native_integer_cells(origin);
    }
    Ok(match origin.wanted {
        DataType::Int8 => checked::<Int8Type>(origin),
        DataType::Int16 => checked::<Int16Type>(origin),
        DataType::Int32 => checked::<Int32Type>(origin),
        DataType::Int64 => checked::<Int64Type>(origin),
        DataType::UInt8 => checked::<UInt8Type>(origin),
        DataType::UInt16 => checked::<UInt16Type>(origin),
        DataType::UInt32 => checked::<UInt32Type>(origin),
        DataType::UInt64 => number::<UInt64Type>(origin, |slot| WHOLE.decode_i128(slot).ok()?.try_into().ok()),
        _ => return Err(origin.problem("not an integer", "report this as a bug")),
    })
}

/// Decimal digits that every value of a signed integer type has room for.
fn native_digits(wanted: &DataType) -> Option<u8> {
    match wanted {
        DataType::Int8 => Some(2),
        DataType::Int16 => Some(4),
        DataType::Int32 => Some(9),
        DataType::Int64 => Some(18),
        _ => None,
    }
}

fn is_whole_with(oracle_type: &OracleType, digits: u8) -> bool {
    matches!(*oracle_type, OracleType::Number { precision: Some(precision), scale: Some(0) } if precision <= digits)
}

/// Into decimals: digits beyond the scale or the precision are refused.
pub(crate) fn decimal_cells(origin: Origin<'_>) -> PlannedDefine {
    /// The largest value of `precision` digits.
    fn largest(precision: u8) -> i128 {
        10i128.checked_pow(u32::from(precision)).map_or(i128::MAX, |power| power - 1)
    }
    let is_within = |value: i128, largest: i128| value.unsigned_abs() <= largest.unsigned_abs();
    Ok(match *origin.wanted {
        DataType::Decimal32(precision, scale) => {
            let (decoder, largest) = (ScaledDecoder::new(scale.into()), largest(precision));
            let within = move |slot: &NumberSlot| decoder.decode_i64(slot).filter(|value| is_within((*value).into(), largest));
            number::<Decimal32Type>(origin, move |slot| within(slot)?.try_into().ok())
        }
        DataType::Decimal64(precision, scale) => {
            let (decoder, largest) = (ScaledDecoder::new(scale.into()), largest(precision));
            number::<Decimal64Type>(origin, move |slot| decoder.decode_i64(slot).filter(|value| is_within((*value).into(), largest)))
        }
        DataType::Decimal128(precision, scale) => {
            let (decoder, largest) = (ScaledDecoder::new(scale.into()), largest(precision));
            number::<Decimal128Type>(origin, move |slot| decoder.decode_i128(slot).ok().filter(|value| is_within(*value, largest)))
        }
        DataType::Decimal256(precision, scale) => {
            let (decoder, largest) = (ScaledDecoder::new(scale.into()), largest(precision));
            number::<Decimal256Type>(origin, move |slot| match decoder.decode_i128(slot) {
                Ok(value) => (precision > 38 || is_within(value, largest)).then(|| i256::from_i128(value)),
                Err(_) => wide(slot, precision, scale),
            })
        }
        _ => return Err(origin.problem("not a decimal", "report this as a bug")),
    })
}

/// What 128 bits do not hold.
#[cold]
fn wide(slot: &NumberSlot, precision: u8, scale: i8) -> Option<i256> {
    let digits = Digits::decode(slot).ok()?;
    // A zero's digits are negative; every precision holds it.
    (digits.shape().integer_digits + i32::from(scale) <= i32::from(precision)).then_some(())?;
    let (low, high) = digits.to_i256(i32::from(scale)).ok()?;
    Some(i256::from_parts(low, high))
}

/// Into floats: a NUMBER that is the shortest text of a float is that float, as it is on the way in. Others are refused, or rounded if asked for.
pub(crate) fn float_number_cells(origin: Origin<'_>) -> PlannedDefine {
    const REMEDY: &str = "read the column as --as COLUMN=decimal(p,s) or text, or ask for the nearest float with --lossy rounding";
    let rounding = origin.lossy.allows(LossyKind::Rounding);
    let same = |slot: &NumberSlot, other: &NumberSlot| slot[..=usize::from(slot[0]).min(21)] == other[..=usize::from(other[0]).min(21)];
    let of_many_digits = move |slot: &NumberSlot| {
        let (value, mut again) = (Digits::decode(slot).ok()?.to_f64(), [0; NUMBER_SLOT_BYTES]);
        (rounding || encode_f64_shortest(value, &mut again).is_ok() && same(slot, &again)).then_some(value)
    };
    let as_f64 = move |slot: &NumberSlot| decode_f64_of_15_digits(slot).or_else(|| of_many_digits(slot));
    let as_f32 = move |slot: &NumberSlot| {
        let (value, mut again) = (Digits::decode(slot).ok()?.to_f64() as f32, [0; NUMBER_SLOT_BYTES]);
        let exact = encode_f32_shortest(value, &mut again).is_ok() && same(slot, &again);
        (exact || rounding && value.is_finite()).then_some(value)
    };
    let explain = explain(origin, REMEDY);
    Ok(match origin.wanted {
        DataType::Float64 => decoded::<Float64Type, NUMBER_SLOT_BYTES>(VNU, origin.wanted, as_f64, explain),
        DataType::Float32 => decoded::<Float32Type, NUMBER_SLOT_BYTES>(VNU, origin.wanted, as_f32, explain),
        DataType::Float16 => {
            let as_f16 = move |slot: &NumberSlot| {
                let (value, mut again) = (half::f16::from_f64(Digits::decode(slot).ok()?.to_f64()), [0; NUMBER_SLOT_BYTES]);
                let exact = encode_f64_shortest(shortest_of_f16(value), &mut again).is_ok() && same(slot, &again);
                (exact || rounding && value.is_finite()).then_some(value)
            };
            decoded::<Float16Type, NUMBER_SLOT_BYTES>(VNU, origin.wanted, as_f16, explain)
        }
        _ => return Err(origin.problem("not a float", "report this as a bug")),
    })
}

/// 0 and 1 as Boolean.
struct BooleanCells;

/// Into Boolean: 0 and 1, nothing else.
pub(crate) fn boolean_cells(_origin: Origin<'_>) -> PlannedDefine {
    Ok(Box::new(BooleanCells))
}

impl ColumnDefine for BooleanCells {
    fn layout(&self) -> Layout {
        VNU
    }

    fn data_type(&self) -> DataType {
        DataType::Boolean
    }

    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let (slots, _) = cells.values.as_chunks::<NUMBER_SLOT_BYTES>();
        const BIT: ScaledDecoder = ScaledDecoder::new(0);
        let mut values = vec![false; cells.rows];
        try_for_each_valid(nulls.as_ref(), cells.rows, |index| {
            values[index] = match BIT.decode_i64(&slots[index]) {
                Some(value @ 0..=1) => value == 1,
                _ => return Err(not_boolean(index, &slots[index])),
            };
            Ok(())
        })?;
        Ok(Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls)))
    }
}

#[cold]
fn not_boolean(row_index: usize, slot: &NumberSlot) -> ValueError {
    let value = Digits::decode(slot).map_or_else(|error| error.to_string(), |digits| digits.to_string());
    ValueError { row_index, reason: format!("{value} is neither 0 nor 1"), remedy: "read the column as a number".into() }
}

/// Exact decimal text.
struct NumberText;

/// Into text: all digits, no exponent.
pub(crate) fn text_of_number_cells(_origin: Origin<'_>) -> PlannedDefine {
    Ok(Box::new(NumberText))
}

impl ColumnDefine for NumberText {
    fn layout(&self) -> Layout {
        VNU
    }

    fn data_type(&self) -> DataType {
        DataType::Utf8
    }

    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let (slots, _) = cells.values.as_chunks::<NUMBER_SLOT_BYTES>();
        let mut texts = StringBuilder::with_capacity(cells.rows, cells.rows * 16);
        for (index, slot) in slots.iter().enumerate().take(cells.rows) {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(index)) {
                texts.append_null();
                continue;
            }
            let digits = Digits::decode(slot).map_err(|error| ValueError {
                row_index: index,
                reason: error.to_string(),
                remedy: "mend the value in the table: no NUMBER that Oracle makes looks like this".into(),
            })?;
            // Writing into the builder's own buffer cannot fail.
            let written = digits.write_text(&mut texts);
            debug_assert!(written.is_ok());
            texts.append_value("");
        }
        Ok(Arc::new(texts.finish()))
    }
}
