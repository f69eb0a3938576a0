//! Decimals into NUMBER: a look at the digits of a block of values first, then a loop without branches over those that have few, as most have.

use std::marker::PhantomData;

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow::datatypes::{DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type};

use super::{Limits, encoded, limits_of, refuse};
use crate::column::external_type::SQLT_VNU;
use crate::column::{ColumnBind, Planned, Target, ValueError, downcast, try_for_each_valid};
use crate::layout::{Layout, Slots};
use crate::oracle_type::OracleType;
use crate::value::number::{NUMBER_SLOT_BYTES, NumberError, NumberShape, NumberSlot, ShortDecimal, ShortForm, encode_i128, encode_i256};

/// Values looked at together: what is read for the look is still in the nearest cache for the conversion.
const BLOCK_ROWS: usize = 512;

/// The integer of a decimal of up to 128 bits.
trait Mantissa: Copy + Into<i128> {
    /// Its magnitude; `u64::MAX` for all that do not fit an i64.
    fn magnitude(self) -> u64;

    /// The largest magnitude of all.
    fn largest(values: &[Self]) -> u64 {
        values.iter().fold(0, |largest, value| value.magnitude().max(largest))
    }

    /// Itself, where the magnitude says that it fits.
    fn low(self) -> i64;
}

impl Mantissa for i32 {
    #[inline(always)]
    fn magnitude(self) -> u64 {
        self.unsigned_abs().into()
    }

    #[inline(always)]
    fn low(self) -> i64 {
        self.into()
    }
}

impl Mantissa for i64 {
    #[inline(always)]
    fn magnitude(self) -> u64 {
        self.unsigned_abs()
    }

    #[inline(always)]
    fn low(self) -> i64 {
        self
    }
}

impl Mantissa for i128 {
    #[inline(always)]
    fn magnitude(self) -> u64 {
        if i128::from(self as i64) == self { (self as i64).unsigned_abs() } else { u64::MAX }
    }

    fn largest(values: &[Self]) -> u64 {
        let (mut beyond, mut largest) = (0, 0);
        for &value in values {
            let low = value as i64;
            // The upper half of what fits is nothing but the sign of the lower one.
            beyond |= (value >> 64) as i64 ^ low >> 63;
            largest = low.unsigned_abs().max(largest);
        }
        if beyond == 0 { largest } else { u64::MAX }
    }

    #[inline(always)]
    fn low(self) -> i64 {
        self as i64
    }
}

struct DecimalBind<A> {
    limits: Limits,
    oracle_type: OracleType,
    scale: i8,
    short: ShortDecimal,
    arrow_type: PhantomData<fn() -> A>,
}

impl<A: ArrowPrimitiveType<Native: Mantissa>> ColumnBind for DecimalBind<A> {
    fn layout(&self) -> Layout {
        Layout::Fixed { external_type: SQLT_VNU, stride_bytes: NUMBER_SLOT_BYTES as u32 }
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let array = downcast::<PrimitiveArray<A>>(array)?;
        let (out, _) = slots.values.as_chunks_mut::<NUMBER_SLOT_BYTES>();
        for (block, (values, out)) in array.values().chunks(BLOCK_ROWS).zip(out.chunks_mut(BLOCK_ROWS)).enumerate() {
            // What lies under a NULL is looked at and encoded like the others: it is never sent, and to leave it out costs more.
            match self.short.form(Mantissa::largest(values)) {
                ShortForm::Digits8 => values.iter().zip(out).for_each(|(value, slot)| self.short.encode_8(value.low(), slot)),
                ShortForm::Digits19 => values.iter().zip(out).for_each(|(value, slot)| self.short.encode_19(value.low(), slot)),
                ShortForm::Mixed => self.write_mixed(array, block * BLOCK_ROWS, values, out)?,
            }
        }
        Ok(())
    }
}

impl<A: ArrowPrimitiveType<Native: Mantissa>> DecimalBind<A> {
    /// Values of a block in which not all surely fit; the first of them is value `first_index` of the array.
    fn write_mixed(
        &self,
        array: &PrimitiveArray<A>,
        first_index: usize,
        values: &[A::Native],
        out: &mut [NumberSlot],
    ) -> Result<(), ValueError> {
        let nulls = array.nulls().map(|nulls| nulls.slice(first_index, values.len()));
        try_for_each_valid(nulls.as_ref(), values.len(), |index| match self.encode_any(values[index], &mut out[index]) {
            Ok(shape) if self.limits.fits(shape) => Ok(()),
            refused => Err(refuse(array, first_index + index, &self.oracle_type, self.limits, refused)),
        })
    }

    #[inline]
    fn encode_any(&self, value: A::Native, slot: &mut NumberSlot) -> Result<NumberShape, NumberError> {
        match value.magnitude() != u64::MAX && self.short.encode(value.low(), slot) {
            true => Ok(NumberShape::ZERO),
            false => encode_i128(value.into(), self.scale, slot),
        }
    }
}

/// The short encoder for a source of `scale`, for as many digits as the column surely holds: none when the column has fewer digits
/// after the point than the source.
fn short_decimal(limits: Limits, scale: i8) -> ShortDecimal {
    let surely_held = match limits.scale >= i32::from(scale) {
        true => limits.integer_digits.saturating_add(i32::from(scale)).min(limits.significant_digits),
        false => 0,
    };
    ShortDecimal::new(scale, u32::try_from(surely_held).unwrap_or(0))
}

/// Decimals, at the scale of their type.
pub(crate) fn decimal(target: Target<'_>) -> Planned {
    fn narrow<A: ArrowPrimitiveType<Native: Mantissa>>(target: Target<'_>, scale: i8) -> Box<dyn ColumnBind> {
        let (limits, oracle_type) = (limits_of(target), target.column.oracle_type.clone());
        Box::new(DecimalBind::<A> { limits, oracle_type, scale, short: short_decimal(limits, scale), arrow_type: PhantomData })
    }
    Ok(match *target.values {
        DataType::Decimal32(_, scale) => narrow::<Decimal32Type>(target, scale),
        DataType::Decimal64(_, scale) => narrow::<Decimal64Type>(target, scale),
        DataType::Decimal128(_, scale) => narrow::<Decimal128Type>(target, scale),
        DataType::Decimal256(_, scale) => encoded::<Decimal256Type>(target, move |value, slot| {
            let (low, high) = value.to_parts();
            encode_i256(low, high, scale, slot)
        }),
        _ => return Err(target.problem("not a decimal", "report this as a bug")),
    })
}
