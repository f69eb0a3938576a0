//! Fetched cells of a fixed size through a function, one array a batch: what numbers and dates share.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::DataType;

use super::{ColumnDefine, ValueError};
use crate::layout::{Cells, Layout};

/// Why a value is refused, and what to do: asked only for a value that was.
pub(super) type Explain<const N: usize> = Box<dyn Fn(&[u8; N]) -> (String, String) + Send>;

/// Each cell through `decode`, which answers `None` for a value that it refuses.
struct Decoded<A, const N: usize, D> {
    layout: Layout,
    data_type: DataType,
    decode: D,
    explain: Explain<N>,
    arrow_type: PhantomData<fn() -> A>,
}

impl<A, const N: usize, D> ColumnDefine for Decoded<A, N, D>
where
    A: ArrowPrimitiveType,
    D: Fn(&[u8; N]) -> Option<A::Native> + Send,
{
    fn layout(&self) -> Layout {
        self.layout
    }

    fn data_type(&self) -> DataType {
        self.data_type.clone()
    }

    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let (slots, _) = cells.values.as_chunks::<N>();
        let mut values = vec![A::Native::default(); cells.rows];
        for (start, end) in valid_runs(nulls.as_ref(), cells.rows) {
            if let Some(refused) = self.decode_run(&slots[start..end], &mut values[start..end]) {
                return Err(refuse(start + refused, (self.explain)(&slots[start + refused])));
            }
        }
        finish::<A>(values.into(), nulls, &self.data_type)
    }
}

impl<A, const N: usize, D> Decoded<A, N, D>
where
    A: ArrowPrimitiveType,
    D: Fn(&[u8; N]) -> Option<A::Native> + Send,
{
    /// Decodes until a value is refused; its index. One loop without a test of validity or of bounds, in one place.
    #[inline(never)]
    fn decode_run(&self, slots: &[[u8; N]], values: &mut [A::Native]) -> Option<usize> {
        for (index, (value, slot)) in values.iter_mut().zip(slots).enumerate() {
            match (self.decode)(slot) {
                Some(decoded) => *value = decoded,
                None => return Some(index),
            }
        }
        None
    }
}

/// Ranges of rows that are not NULL.
fn valid_runs(nulls: Option<&NullBuffer>, rows: usize) -> impl Iterator<Item = (usize, usize)> {
    let whole = nulls.is_none().then_some((0, rows));
    whole.into_iter().chain(nulls.into_iter().flat_map(NullBuffer::valid_slices))
}

#[cold]
fn refuse(row_index: usize, (reason, remedy): (String, String)) -> ValueError {
    ValueError { row_index, reason, remedy }
}

/// A converter that runs `decode` over slots of `N` bytes.
pub(super) fn decoded<A: ArrowPrimitiveType, const N: usize>(
    layout: Layout,
    data_type: &DataType,
    decode: impl Fn(&[u8; N]) -> Option<A::Native> + Send + 'static,
    explain: Explain<N>,
) -> Box<dyn ColumnDefine> {
    Box::new(Decoded::<A, N, _> { layout, data_type: data_type.clone(), decode, explain, arrow_type: PhantomData })
}

/// Cells that are Arrow values already: one copy of the buffer.
struct CopiedCells<A> {
    external_type: u16,
    arrow_type: PhantomData<fn() -> A>,
}

impl<A: ArrowPrimitiveType> ColumnDefine for CopiedCells<A> {
    fn layout(&self) -> Layout {
        Layout::Fixed { external_type: self.external_type, stride_bytes: size_of::<A::Native>() as u32 }
    }

    fn data_type(&self) -> DataType {
        A::DATA_TYPE
    }

    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let bytes = size_of::<A::Native>() * cells.rows;
        let values = ScalarBuffer::new(Buffer::from(&cells.values[..bytes]), 0, cells.rows);
        finish::<A>(values, nulls, &A::DATA_TYPE)
    }
}

/// A converter that copies native values.
pub(super) fn copied_cells<A: ArrowPrimitiveType>(external_type: u16) -> Box<dyn ColumnDefine> {
    Box::new(CopiedCells::<A> { external_type, arrow_type: PhantomData })
}

/// The array of these values, with the parameters (scale, zone) of `data_type`.
fn finish<A: ArrowPrimitiveType>(
    values: ScalarBuffer<A::Native>,
    nulls: Option<NullBuffer>,
    data_type: &DataType,
) -> Result<ArrayRef, ValueError> {
    let array = PrimitiveArray::<A>::try_new(values, nulls).map_err(broken)?;
    // `with_data_type` panics on another type's parameters; the plan has chosen `A` for this very type.
    Ok(if array.data_type() == data_type { Arc::new(array) } else { Arc::new(array.with_data_type(data_type.clone())) })
}

/// An array that Arrow does not accept: never a matter of the data.
pub(super) fn broken(error: impl std::fmt::Display) -> ValueError {
    ValueError { row_index: 0, reason: error.to_string(), remedy: "report this as a bug".into() }
}
