//! Bytes into RAW and BLOB as `SQLT_BIN`.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;

use super::decoded::broken;
use super::external_type::{SQLT_BIN, SQLT_LBI};
use super::variable::{self, ByteLimits, ByteSource, Check, Refusal};
use super::{ColumnBind, ColumnDefine, Origin, Planned, PlannedDefine, Target, ValueError, downcast, try_for_each_valid};
use crate::layout::{Cells, Layout, LobKind, LongCells, Slots};
use crate::oracle_type::OracleType;
use crate::type_map::{LossyKind, MAX_BIND_BYTES, MAX_STANDARD_TEXT_BYTES};

/// Limits of one binary column; bytes are all there is to count.
#[derive(Debug, Clone)]
struct RawCheck {
    oracle_type: OracleType,
    column: String,
    max_bytes: u32,
}

impl Check for RawCheck {
    fn fits(&self, _value: &[u8]) -> bool {
        true
    }

    fn longest_fit_bytes(&self, _value: &[u8]) -> Option<usize> {
        Some(self.max_bytes as usize)
    }

    #[cold]
    fn refuse(&self, row_index: usize, value: &[u8], refusal: Refusal) -> ValueError {
        let (oracle_type, column, bytes) = (&self.oracle_type, &self.column, value.len());
        let (reason, remedy) = match refusal {
            Refusal::Empty => {
                (format!("empty binary value, which {oracle_type} stores as NULL"), "store it as NULL with --lossy empty-text".into())
            }
            Refusal::Stride => (format!("binary value of {bytes} bytes is longer than the array buffer"), "report this as a bug".into()),
            Refusal::TooLong if *oracle_type == OracleType::Blob => (
                format!("binary value of {bytes} bytes exceeds the {MAX_BIND_BYTES} bytes that one bind into {oracle_type} carries"),
                "split or shorten the value in the source".into(),
            ),
            Refusal::TooLong => (
                format!("binary value of {bytes} bytes does not fit {oracle_type}"),
                format!("widen column {column} with ALTER TABLE … MODIFY, or cut such values off with --lossy truncate (but no keys)"),
            ),
        };
        ValueError { row_index, reason, remedy }
    }
}

struct RawBind<S> {
    check: RawCheck,
    limits: ByteLimits,
    first_stride_bytes: u32,
    truncated: Vec<u32>,
    array_type: PhantomData<fn() -> S>,
}

impl<S: ByteSource> ColumnBind for RawBind<S> {
    fn layout(&self) -> Layout {
        Layout::Variable {
            external_type: SQLT_BIN,
            stride_bytes: self.first_stride_bytes,
            national: false,
            long: self.limits.max_bytes > MAX_STANDARD_TEXT_BYTES,
        }
    }

    fn required_stride_bytes(&self, array: &dyn Array) -> Result<u32, ValueError> {
        variable::required_stride_bytes(downcast::<S>(array)?, &self.limits, &self.check)
    }

    fn max_stride_bytes(&self) -> u32 {
        self.limits.max_bytes
    }

    fn makes_nulls(&self) -> bool {
        self.limits.empty_is_null
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        variable::write(downcast::<S>(array)?, &self.limits, &self.check, slots, &mut self.truncated)
    }

    fn truncated_rows(&self) -> &[u32] {
        &self.truncated
    }
}

/// Whether values that are too long are cut off.
fn truncates(target: Target<'_>) -> bool {
    matches!(target.column.oracle_type, OracleType::Raw { .. }) && target.lossy.allows(LossyKind::Truncation)
}

/// Bytes into any binary column.
pub(crate) fn raw(target: Target<'_>) -> Planned {
    fn of<S: ByteSource>(target: Target<'_>, max_bytes: u32) -> Box<dyn ColumnBind> {
        let check = RawCheck { oracle_type: target.column.oracle_type.clone(), column: target.column.name.clone(), max_bytes };
        let (empty_is_null, truncate) = (target.lossy.allows(LossyKind::EmptyText), truncates(target));
        let limits = ByteLimits { max_bytes, surely_fits_bytes: max_bytes, empty_is_null, truncate };
        let first_stride_bytes = variable::first_stride_bytes(max_bytes);
        Box::new(RawBind::<S> { check, limits, first_stride_bytes, truncated: Vec::new(), array_type: PhantomData })
    }
    let max_bytes = match target.column.oracle_type {
        OracleType::Raw { max_bytes } => max_bytes.min(MAX_BIND_BYTES),
        _ => MAX_BIND_BYTES,
    };
    Ok(match *target.values {
        DataType::Binary => of::<BinaryArray>(target, max_bytes),
        DataType::LargeBinary => of::<LargeBinaryArray>(target, max_bytes),
        DataType::BinaryView => of::<BinaryViewArray>(target, max_bytes),
        DataType::FixedSizeBinary(width) if i64::from(width) > i64::from(max_bytes) && !truncates(target) => {
            return Err(target.problem(
                format!("every value has {width} bytes"),
                format!("widen column {} to at least {width} bytes, or cut values off with --lossy truncate", target.column.name),
            ));
        }
        DataType::FixedSizeBinary(_) => of::<FixedSizeBinaryArray>(target, max_bytes),
        _ => return Err(target.problem("not a binary value", "report this as a bug")),
    })
}

/// Fetched bytes.
struct RawCells {
    layout: Layout,
}

impl ColumnDefine for RawCells {
    fn layout(&self) -> Layout {
        self.layout
    }

    fn data_type(&self) -> DataType {
        DataType::Binary
    }

    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let (offsets, values) = variable::gather(&cells, nulls.as_ref())?;
        Ok(Arc::new(BinaryArray::try_new(offsets, values, nulls).map_err(broken)?))
    }

    fn read_long(&mut self, cells: LongCells, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let offsets = OffsetBuffer::new(cells.offsets.into());
        Ok(Arc::new(BinaryArray::try_new(offsets, cells.bytes.into(), nulls).map_err(broken)?))
    }
}

/// Fetched bytes that all have one length.
struct FixedRawCells {
    layout: Layout,
    width: i32,
}

impl ColumnDefine for FixedRawCells {
    fn layout(&self) -> Layout {
        self.layout
    }

    fn data_type(&self) -> DataType {
        DataType::FixedSizeBinary(self.width)
    }

    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let value = |index: usize| &cells.values[index * cells.stride_bytes..][..cells.lengths[index] as usize];
        self.gather(cells.rows, value, nulls)
    }

    fn read_long(&mut self, cells: LongCells, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let value = |index: usize| &cells.bytes[cells.offsets[index] as usize..cells.offsets[index + 1] as usize];
        self.gather(cells.offsets.len() - 1, value, nulls)
    }
}

impl FixedRawCells {
    fn gather<'a>(&self, rows: usize, value_of: impl Fn(usize) -> &'a [u8], nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let width = usize::try_from(self.width).map_err(broken)?;
        let mut values = vec![0u8; width * rows];
        try_for_each_valid(nulls.as_ref(), rows, |index| {
            let value = value_of(index);
            if value.len() != width {
                return Err(ValueError {
                    row_index: index,
                    reason: format!("binary value of {} bytes where each has to have {width}", value.len()),
                    remedy: "read the column as binary".into(),
                });
            }
            values[index * width..][..width].copy_from_slice(value);
            Ok(())
        })?;
        Ok(Arc::new(FixedSizeBinaryArray::try_new(self.width, values.into(), nulls).map_err(broken)?))
    }
}

/// Bytes of any binary column.
pub(crate) fn raw_cells(origin: Origin<'_>) -> PlannedDefine {
    let layout = match origin.column.oracle_type {
        OracleType::Raw { max_bytes } => {
            Layout::Variable { external_type: SQLT_BIN, stride_bytes: max_bytes.max(1), national: false, long: false }
        }
        OracleType::Other { ref name } if name == "LONG RAW" => {
            Layout::Variable { external_type: SQLT_LBI, stride_bytes: origin.max_lob_bytes.max(1), national: false, long: true }
        }
        OracleType::Blob => Layout::Lob { kind: LobKind::Blob, prefetch_bytes: origin.max_lob_bytes },
        _ => return Err(origin.problem("not a binary value", "report this as a bug")),
    };
    Ok(match *origin.wanted {
        DataType::FixedSizeBinary(width) => Box::new(FixedRawCells { layout, width }),
        _ => Box::new(RawCells { layout }),
    })
}
