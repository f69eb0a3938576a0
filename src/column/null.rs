//! The Null type: every row is NULL, in whatever column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, NullArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

use super::external_type::{SQLT_BIN, SQLT_CHR};
use super::{ColumnBind, ColumnDefine, Origin, Planned, PlannedDefine, Target, ValueError};
use crate::layout::{Cells, Layout, Slots};
use crate::type_map::OracleFamily;

struct NullBind {
    external_type: u16,
}

impl ColumnBind for NullBind {
    fn layout(&self) -> Layout {
        Layout::Variable { external_type: self.external_type, stride_bytes: 1, national: false, long: false }
    }

    fn write(&mut self, _array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        // A NullArray has no validity bitmap that a caller could have read.
        slots.indicators.fill(-1);
        slots.lengths.fill(0);
        Ok(())
    }
}

/// NULLs, as text or as bytes: every column takes one of them.
pub(crate) fn null(target: Target<'_>) -> Planned {
    let external_type = match OracleFamily::of(&target.column.oracle_type) {
        OracleFamily::Raw | OracleFamily::BinaryLob => SQLT_BIN,
        _ => SQLT_CHR,
    };
    Ok(Box::new(NullBind { external_type }))
}

struct NullCells;

impl ColumnDefine for NullCells {
    fn layout(&self) -> Layout {
        Layout::Variable { external_type: SQLT_CHR, stride_bytes: 1, national: false, long: false }
    }

    fn data_type(&self) -> DataType {
        DataType::Null
    }

    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let valued = match &nulls {
            None => (cells.rows > 0).then_some(0),
            Some(nulls) => nulls.valid_indices().next(),
        };
        match valued {
            None => Ok(Arc::new(NullArray::new(cells.rows))),
            Some(row_index) => {
                Err(ValueError { row_index, reason: "a value where all have to be NULL".into(), remedy: "read the column as text".into() })
            }
        }
    }
}

/// A character column that is NULL in every row.
pub(crate) fn null_cells(origin: Origin<'_>) -> PlannedDefine {
    match OracleFamily::of(&origin.column.oracle_type) {
        OracleFamily::Character => Ok(Box::new(NullCells)),
        _ => Err(origin.problem("only a character column can be read as nothing but NULL", "leave the column out with --columns")),
    }
}
