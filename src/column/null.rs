//! The Null type: every row is NULL, in whatever column.

use arrow::array::Array;

use super::external_type::{SQLT_BIN, SQLT_CHR};
use super::{ColumnBind, Planned, Target, ValueError};
use crate::layout::{Layout, Slots};
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
