//! Column converters: one file per Oracle family. A converter is chosen once per column and called once per batch.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, TimeUnit};
use arrow::error::ArrowError;

use crate::error::PlanProblem;
use crate::layout::{Cells, Layout, LongCells, Slots};
use crate::oracle_type::{ColumnDesc, DatabaseCharset};
use crate::type_map::LossySet;

mod cast;
pub mod datetime;
mod decoded;
pub mod dictionary;
pub mod fixed;
mod foreign;
pub mod interval;
pub mod lob;
pub mod null;
pub mod number;
pub mod raw;
pub mod text;
mod text_form;
pub(crate) use cast::Cast;
pub(crate) use text_form::text_form_cells;

mod variable;
pub(crate) mod vector;
mod vector_cells;
pub(crate) use vector_cells::vector_cells;

/// External type codes (`ocidfn.h`) that the converters choose.
pub mod external_type {
    /// Text with a length.
    pub const SQLT_CHR: u16 = 1;
    /// Text with a length, of a CLOB.
    pub const SQLT_LNG: u16 = 8;
    /// Native signed integer of 1, 2, 4 or 8 bytes.
    pub const SQLT_INT: u16 = 3;
    /// Oracle NUMBER with a length byte, 22 bytes.
    pub const SQLT_VNU: u16 = 6;
    /// Oracle DATE, 7 bytes.
    pub const SQLT_DAT: u16 = 12;
    /// Native IEEE float, 4 bytes.
    pub const SQLT_BFLOAT: u16 = 21;
    /// Native IEEE double, 8 bytes.
    pub const SQLT_BDOUBLE: u16 = 22;
    /// Bytes with a length.
    pub const SQLT_BIN: u16 = 23;
    /// Bytes with a length, of a BLOB.
    pub const SQLT_LBI: u16 = 24;
    /// Native unsigned integer of 1, 2, 4 or 8 bytes.
    pub const SQLT_UIN: u16 = 68;
}

/// Arrow array → array buffer, for one column.
pub trait ColumnBind: Send {
    /// Buffer shape this converter writes.
    fn layout(&self) -> Layout;

    /// The stride that `array` needs, at least 1; only [`Layout::Variable`] can exceed its own stride. Fails when a value exceeds the column.
    fn required_stride_bytes(&self, _array: &dyn Array) -> Result<u32, ValueError> {
        Ok(self.layout().stride_bytes())
    }

    /// Fails on the first value that a LOB column does not take, whatever its length.
    fn check_long(&self, _array: &dyn Array) -> Result<(), ValueError> {
        Ok(())
    }

    /// The values themselves, one per row and `None` for NULL, to be bound from where they lie; only converters of LOB columns have them.
    fn long_values<'a>(&self, _array: &'a dyn Array) -> Result<Vec<Option<&'a [u8]>>, ValueError> {
        Err(ValueError { row_index: 0, reason: "not a LOB".into(), remedy: "report this as a bug".into() })
    }

    /// The widest stride that the column can come to need: a buffer of that stride takes every array, or `write` says which value is refused.
    fn max_stride_bytes(&self) -> u32 {
        self.layout().stride_bytes()
    }

    /// Whether `write` may set indicators of its own, for values that are not NULL in the array.
    fn makes_nulls(&self) -> bool {
        false
    }

    /// Rows of the array last written (0-based, ascending) whose values were cut off, as [`crate::type_map::LossyKind::Truncation`] allows.
    fn truncated_rows(&self) -> &[u32] {
        &[]
    }

    /// Writes `array.len()` values into `slots`, which has as many rows. Nulls are already in the indicators.
    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError>;
}

/// Array buffer → Arrow array, for one column: the mirror of [`ColumnBind`].
pub trait ColumnDefine: Send {
    /// Buffer shape this converter reads.
    fn layout(&self) -> Layout;

    /// Type of the arrays it makes.
    fn data_type(&self) -> DataType;

    /// The array of `cells.rows` values; `nulls` says which of them are NULL.
    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError>;

    /// The array of the values of [`Layout::Lob`], which takes their memory over.
    fn read_long(&mut self, _cells: LongCells, _nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        Err(ValueError { row_index: 0, reason: "not a LOB".into(), remedy: "report this as a bug".into() })
    }
}

/// A value that cannot be carried exactly. The load engine adds table, column, file and row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct ValueError {
    /// 0-based index in the array that was given.
    pub row_index: usize,
    /// What the value is and why it does not fit; carries lengths, types and limits, and the value itself only when it is a number or a date.
    pub reason: String,
    /// What the user can do.
    pub remedy: String,
}

/// What a converter is made for: one source field, one target column, the losses allowed.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The source field.
    pub field: &'a Field,
    /// The type of the values: the field's own, or that of its dictionary.
    pub values: &'a DataType,
    /// The column of the table.
    pub column: &'a ColumnDesc,
    /// What may be lost.
    pub lossy: LossySet,
    /// How the database stores text.
    pub charset: &'a DatabaseCharset,
}

impl Target<'_> {
    /// A refusal of the pair at plan time.
    pub fn problem(&self, reason: impl std::fmt::Display, remedy: impl Into<String>) -> PlanProblem {
        PlanProblem {
            column: Some(self.field.name().clone()),
            reason: format!("Arrow {} into Oracle {}: {reason}", self.field.data_type(), self.column.oracle_type),
            remedy: remedy.into(),
        }
    }
}

/// What a converter of fetched values is made for: one column of a query, the Arrow type wanted of it, the losses allowed.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The column of the query.
    pub column: &'a ColumnDesc,
    /// The type of the array, or of the values of the dictionary that is wanted.
    pub wanted: &'a DataType,
    /// What may be lost.
    pub lossy: LossySet,
    /// Most bytes of a LOB that is fetched with its row.
    pub max_lob_bytes: u32,
    /// The blanks that pad CHAR and NCHAR are left out.
    pub trim_char: bool,
    /// The names of time zone regions are kept in the buffers.
    pub keep_regions: bool,
    /// The database's character set is UTF-8: a text needs no more bytes here than there.
    pub utf8_database: bool,
}

impl Origin<'_> {
    /// A refusal of the pair at plan time.
    pub fn problem(&self, reason: impl std::fmt::Display, remedy: impl Into<String>) -> PlanProblem {
        PlanProblem {
            column: Some(self.column.name.clone()),
            reason: format!("Oracle {} as Arrow {}: {reason}", self.column.oracle_type, self.wanted),
            remedy: remedy.into(),
        }
    }
}

/// A converter of fetched values, or why there is none.
pub type PlannedDefine = Result<Box<dyn ColumnDefine>, PlanProblem>;

/// A converter, or why there is none.
pub type Planned = Result<Box<dyn ColumnBind>, PlanProblem>;

/// Runs `f` for the index of each valid value, in order.
///
/// `f` is called from one place alone, so that it is inlined there and what it holds stays in registers; the test of validity costs less than
/// a call would.
#[inline(always)]
pub fn try_for_each_valid<E>(nulls: Option<&NullBuffer>, len: usize, mut f: impl FnMut(usize) -> Result<(), E>) -> Result<(), E> {
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    for index in 0..len {
        if nulls.is_some_and(|nulls| nulls.is_null(index)) {
            continue;
        }
        f(index)?;
    }
    Ok(())
}

/// The array as the type that the plan has seen. A library caller may push another one: that is a refusal, not a panic.
fn downcast<A: Array + 'static>(array: &dyn Array) -> Result<&A, ValueError> {
    array.as_any().downcast_ref().ok_or_else(|| ValueError {
        row_index: 0,
        reason: format!("the batch has Arrow type {} where the plan has seen another", array.data_type()),
        remedy: "push batches of the schema that was planned".into(),
    })
}

/// Value `row_index` as text for a message: a number or a date, never a text.
#[cold]
fn value_text(array: &dyn Array, row_index: usize) -> String {
    let plain = arrow::util::display::array_value_to_string(array, row_index);
    // Dates beyond the years of the calendar library, and region names, have no text: then the stored count says which value it is.
    plain.or_else(|_| stored_count_text(array, row_index)).unwrap_or_else(|error| error.to_string())
}

fn stored_count_text(array: &dyn Array, row_index: usize) -> Result<String, ArrowError> {
    let unit = match array.data_type() {
        DataType::Date32 => "days",
        DataType::Timestamp(TimeUnit::Second, _) => "s",
        DataType::Timestamp(TimeUnit::Microsecond, _) => "µs",
        DataType::Timestamp(TimeUnit::Nanosecond, _) | DataType::Time64(TimeUnit::Nanosecond) => "ns",
        DataType::Time32(TimeUnit::Second) => "s",
        DataType::Time64(_) => "µs",
        _ => "ms",
    };
    let count = arrow::compute::cast(&array.slice(row_index, 1), &DataType::Int64)?;
    let since = if matches!(array.data_type(), DataType::Time32(_) | DataType::Time64(_)) { "midnight" } else { "1970-01-01" };
    Ok(format!("{} {unit} since {since}", arrow::util::display::array_value_to_string(&count, 0)?))
}

#[cfg(test)]
mod tests;
