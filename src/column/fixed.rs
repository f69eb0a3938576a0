//! Values that OCI takes in native form: integers, floats, Boolean. A copy of the Arrow buffer where the widths agree.

use std::marker::PhantomData;

use arrow::array::{Array, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow::datatypes::*;

use super::decoded::{Explain, copied_cells, decoded};
use super::external_type::{SQLT_BDOUBLE, SQLT_BFLOAT, SQLT_INT, SQLT_UIN};
use super::{ColumnBind, Origin, Planned, PlannedDefine, Target, ValueError, downcast, try_for_each_valid, value_text};
use crate::layout::{Layout, Slots};
use crate::oracle_type::OracleType;
use crate::type_map::LossyKind;

const ROUNDING_REMEDY: &str = "load into BINARY_DOUBLE or NUMBER, or ask for the nearest float with --lossy rounding";

/// A memcpy of the Arrow values.
struct Copied<A> {
    external_type: u16,
    arrow_type: PhantomData<fn() -> A>,
}

impl<A: ArrowPrimitiveType> ColumnBind for Copied<A> {
    fn layout(&self) -> Layout {
        Layout::Fixed { external_type: self.external_type, stride_bytes: size_of::<A::Native>() as u32 }
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let array = downcast::<PrimitiveArray<A>>(array)?;
        let bytes = size_of::<A::Native>() * array.len();
        slots.values[..bytes].copy_from_slice(&array.values().inner().as_slice()[..bytes]);
        Ok(())
    }
}

fn copied<A: ArrowPrimitiveType>(external_type: u16) -> Box<dyn ColumnBind> {
    Box::new(Copied::<A> { external_type, arrow_type: PhantomData })
}

/// Integers as `SQLT_INT` or `SQLT_UIN`: exact, and the database itself refuses what exceeds the precision (ORA-01438).
pub(crate) fn native_integer(target: Target<'_>) -> Planned {
    Ok(match target.values {
        DataType::Int8 => copied::<Int8Type>(SQLT_INT),
        DataType::Int16 => copied::<Int16Type>(SQLT_INT),
        DataType::Int32 => copied::<Int32Type>(SQLT_INT),
        DataType::Int64 => copied::<Int64Type>(SQLT_INT),
        DataType::UInt8 => copied::<UInt8Type>(SQLT_UIN),
        DataType::UInt16 => copied::<UInt16Type>(SQLT_UIN),
        DataType::UInt32 => copied::<UInt32Type>(SQLT_UIN),
        DataType::UInt64 => copied::<UInt64Type>(SQLT_UIN),
        _ => return Err(target.problem("not an integer", "report this as a bug")),
    })
}

/// Another native width; `convert` answers `None` for a value that does not fit.
struct Mapped<A, const N: usize, F> {
    external_type: u16,
    refusal: &'static str,
    convert: F,
    arrow_type: PhantomData<fn() -> A>,
}

impl<A, const N: usize, F> ColumnBind for Mapped<A, N, F>
where
    A: ArrowPrimitiveType,
    F: Fn(A::Native) -> Option<[u8; N]> + Send,
{
    fn layout(&self) -> Layout {
        Layout::Fixed { external_type: self.external_type, stride_bytes: N as u32 }
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let array = downcast::<PrimitiveArray<A>>(array)?;
        let (values, (out, _)) = (array.values(), slots.values.as_chunks_mut::<N>());
        try_for_each_valid(array.nulls(), array.len(), |index| {
            out[index] = (self.convert)(values[index]).ok_or_else(|| self.refuse(array, index))?;
            Ok(())
        })
    }
}

impl<A: ArrowPrimitiveType, const N: usize, F> Mapped<A, N, F> {
    #[cold]
    fn refuse(&self, array: &PrimitiveArray<A>, row_index: usize) -> ValueError {
        ValueError { row_index, reason: format!("{} {}", value_text(array, row_index), self.refusal), remedy: ROUNDING_REMEDY.into() }
    }
}

fn mapped<A, const N: usize>(
    external_type: u16,
    refusal: &'static str,
    convert: impl Fn(A::Native) -> Option<[u8; N]> + Send + 'static,
) -> Box<dyn ColumnBind>
where
    A: ArrowPrimitiveType,
{
    Box::new(Mapped::<A, N, _> { external_type, refusal, convert, arrow_type: PhantomData })
}

/// Any number into BINARY_DOUBLE, exactly or, with `rounding`, to the nearest.
pub(crate) fn binary_double(target: Target<'_>) -> Planned {
    fn widened<A: ArrowPrimitiveType>() -> Box<dyn ColumnBind>
    where
        A::Native: Into<f64>,
    {
        mapped::<A, 8>(SQLT_BDOUBLE, "", |value| Some(Into::<f64>::into(value).to_ne_bytes()))
    }
    const REFUSAL: &str = "is not exact as a BINARY_DOUBLE";
    let rounding = target.lossy.allows(LossyKind::Rounding);
    // Through i128: `as` saturates at the ends of i64 and u64, which would make 2^63 - 1 look exact.
    let exact = move |value: i128| Some(value as f64).filter(|float| rounding || *float as i128 == value).map(f64::to_ne_bytes);
    Ok(match target.values {
        DataType::Float64 => copied::<Float64Type>(SQLT_BDOUBLE),
        DataType::Float32 => widened::<Float32Type>(),
        DataType::Float16 => mapped::<Float16Type, 8>(SQLT_BDOUBLE, "", |value| Some(value.to_f64().to_ne_bytes())),
        DataType::Int8 => widened::<Int8Type>(),
        DataType::Int16 => widened::<Int16Type>(),
        DataType::Int32 => widened::<Int32Type>(),
        DataType::UInt8 => widened::<UInt8Type>(),
        DataType::UInt16 => widened::<UInt16Type>(),
        DataType::UInt32 => widened::<UInt32Type>(),
        DataType::Int64 => mapped::<Int64Type, 8>(SQLT_BDOUBLE, REFUSAL, move |value| exact(value.into())),
        DataType::UInt64 => mapped::<UInt64Type, 8>(SQLT_BDOUBLE, REFUSAL, move |value| exact(value.into())),
        _ => return Err(target.problem("not a number", "report this as a bug")),
    })
}

/// Any number into BINARY_FLOAT, exactly or, with `rounding`, to the nearest.
pub(crate) fn binary_float(target: Target<'_>) -> Planned {
    fn widened<A: ArrowPrimitiveType>() -> Box<dyn ColumnBind>
    where
        A::Native: Into<f32>,
    {
        mapped::<A, 4>(SQLT_BFLOAT, "", |value| Some(Into::<f32>::into(value).to_ne_bytes()))
    }
    const REFUSAL: &str = "is not exact as a BINARY_FLOAT";
    let rounding = target.lossy.allows(LossyKind::Rounding);
    let exact = move |value: i128| Some(value as f32).filter(|float| rounding || *float as i128 == value).map(f32::to_ne_bytes);
    // A finite value that turns infinite is never what rounding means.
    let narrow = move |value: f64| match value as f32 {
        float if f64::from(float) == value || value.is_nan() => Some(float.to_ne_bytes()),
        float => Some(float.to_ne_bytes()).filter(|_| rounding && float.is_finite()),
    };
    Ok(match target.values {
        DataType::Float64 => mapped::<Float64Type, 4>(SQLT_BFLOAT, REFUSAL, narrow),
        DataType::Float32 => copied::<Float32Type>(SQLT_BFLOAT),
        DataType::Float16 => mapped::<Float16Type, 4>(SQLT_BFLOAT, "", |value| Some(value.to_f32().to_ne_bytes())),
        DataType::Int8 => widened::<Int8Type>(),
        DataType::Int16 => widened::<Int16Type>(),
        DataType::UInt8 => widened::<UInt8Type>(),
        DataType::UInt16 => widened::<UInt16Type>(),
        DataType::Int32 => mapped::<Int32Type, 4>(SQLT_BFLOAT, REFUSAL, move |value| exact(value.into())),
        DataType::UInt32 => mapped::<UInt32Type, 4>(SQLT_BFLOAT, REFUSAL, move |value| exact(value.into())),
        DataType::Int64 => mapped::<Int64Type, 4>(SQLT_BFLOAT, REFUSAL, move |value| exact(value.into())),
        DataType::UInt64 => mapped::<UInt64Type, 4>(SQLT_BFLOAT, REFUSAL, move |value| exact(value.into())),
        _ => return Err(target.problem("not a number", "report this as a bug")),
    })
}

/// Boolean as 0 and 1, `SQLT_INT` of one byte.
struct BooleanBind;

impl ColumnBind for BooleanBind {
    fn layout(&self) -> Layout {
        Layout::Fixed { external_type: SQLT_INT, stride_bytes: 1 }
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let array = downcast::<BooleanArray>(array)?;
        for (out, value) in slots.values.iter_mut().zip(array.values().iter()) {
            *out = u8::from(value);
        }
        Ok(())
    }
}

/// Boolean into NUMBER or FLOAT; a negative scale has no place for a 1 and would round it to 0 without a word.
pub(crate) fn boolean(target: Target<'_>) -> Planned {
    match target.column.oracle_type {
        OracleType::Number { scale: Some(..=-1), .. } => Err(target.problem("1 would be rounded to 0", "load into NUMBER(1)")),
        _ => Ok(Box::new(BooleanBind)),
    }
}

/// Integers that the column guarantees to fit, as the client converts them.
pub(crate) fn native_integer_cells(origin: Origin<'_>) -> PlannedDefine {
    Ok(match origin.wanted {
        DataType::Int8 => copied_cells::<Int8Type>(SQLT_INT),
        DataType::Int16 => copied_cells::<Int16Type>(SQLT_INT),
        DataType::Int32 => copied_cells::<Int32Type>(SQLT_INT),
        DataType::Int64 => copied_cells::<Int64Type>(SQLT_INT),
        _ => return Err(origin.problem("not a signed integer", "report this as a bug")),
    })
}

/// BINARY_DOUBLE and BINARY_FLOAT as floats; a narrower one only of a value that it holds exactly, or rounded if that was asked for.
pub(crate) fn float_cells(origin: Origin<'_>) -> PlannedDefine {
    const LAYOUT_F32: Layout = Layout::Fixed { external_type: SQLT_BFLOAT, stride_bytes: 4 };
    const LAYOUT_F64: Layout = Layout::Fixed { external_type: SQLT_BDOUBLE, stride_bytes: 8 };
    let rounding = origin.lossy.allows(LossyKind::Rounding);
    let narrow = move |value: f64| {
        let float = value as f32;
        Some(float).filter(|_| f64::from(float) == value || value.is_nan() || rounding && float.is_finite())
    };
    let half = move |value: f64| {
        let float = half::f16::from_f64(value);
        Some(float).filter(|_| float.to_f64() == value || value.is_nan() || rounding && float.is_finite())
    };
    let (from_f32, from_f64) = (|slot: &[u8; 4]| f64::from(f32::from_ne_bytes(*slot)), |slot: &[u8; 8]| f64::from_ne_bytes(*slot));
    let wanted = origin.wanted;
    Ok(match (&origin.column.oracle_type, wanted) {
        (OracleType::BinaryFloat, DataType::Float32) => copied_cells::<Float32Type>(SQLT_BFLOAT),
        (OracleType::BinaryFloat, DataType::Float64) => {
            decoded::<Float64Type, 4>(LAYOUT_F32, wanted, move |slot| Some(from_f32(slot)), too_narrow(wanted, from_f32))
        }
        (OracleType::BinaryFloat, DataType::Float16) => {
            decoded::<Float16Type, 4>(LAYOUT_F32, wanted, move |slot| half(from_f32(slot)), too_narrow(wanted, from_f32))
        }
        (OracleType::BinaryDouble, DataType::Float64) => copied_cells::<Float64Type>(SQLT_BDOUBLE),
        (OracleType::BinaryDouble, DataType::Float32) => {
            decoded::<Float32Type, 8>(LAYOUT_F64, wanted, move |slot| narrow(from_f64(slot)), too_narrow(wanted, from_f64))
        }
        (OracleType::BinaryDouble, DataType::Float16) => {
            decoded::<Float16Type, 8>(LAYOUT_F64, wanted, move |slot| half(from_f64(slot)), too_narrow(wanted, from_f64))
        }
        _ => return Err(origin.problem("not a float", "read it as float64")),
    })
}

fn too_narrow<const N: usize>(wanted: &DataType, value: impl Fn(&[u8; N]) -> f64 + Send + 'static) -> Explain<N> {
    let wanted = wanted.clone();
    Box::new(move |slot| {
        (
            format!("{:?} is not exact as {wanted}", value(slot)),
            "read the column as float64, or ask for the nearest float with --lossy rounding".into(),
        )
    })
}
