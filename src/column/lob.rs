//! Text into CLOB and NCLOB, bytes into BLOB: values of any length, an empty one included, which is a LOB without content and not NULL.
//!
//! The load engine decides how a value travels ([`crate::layout::LongBinding`]): short ones in an array, as other values do, long ones from
//! where they lie in the Arrow buffers.

use std::marker::PhantomData;

use arrow::array::{
    Array, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray, LargeStringArray, StringArray, StringViewArray,
};
use arrow::datatypes::DataType;

use super::external_type::{SQLT_BIN, SQLT_CHR};
use super::foreign::Foreign;
use super::variable::{self, ByteSource};
use super::{ColumnBind, Planned, Target, ValueError, downcast, try_for_each_valid};
use crate::layout::{Layout, Slots};
use crate::oracle_type::OracleType;
use crate::type_map::{LossyKind, MAX_STANDARD_RAW_BYTES, MAX_STANDARD_TEXT_BYTES};

/// Most bytes of a value that is bound in an array: what Oracle takes without treating the bind as long, in any statement, after its conversion to
/// the database's character set. A RAW in an expression has at most 2000 bytes, and a byte of UTF-8 becomes up to two of another character set.
pub(crate) fn inline_bytes(oracle_type: &OracleType, is_unicode: bool) -> u32 {
    match oracle_type {
        OracleType::Blob => MAX_STANDARD_RAW_BYTES,
        OracleType::Clob if is_unicode => MAX_STANDARD_TEXT_BYTES,
        _ => MAX_STANDARD_TEXT_BYTES / 2,
    }
}

struct LobBind<S> {
    external_type: u16,
    inline_bytes: u32,
    national: bool,
    empty_is_null: bool,
    foreign: Option<Foreign>,
    array_type: PhantomData<fn() -> S>,
}

impl<S: ByteSource> ColumnBind for LobBind<S> {
    fn layout(&self) -> Layout {
        let stride_bytes = variable::first_stride_bytes(self.inline_bytes);
        Layout::Variable { external_type: self.external_type, stride_bytes, national: self.national, long: true }
    }

    /// That of the values which fit an array; longer ones are bound otherwise.
    fn required_stride_bytes(&self, array: &dyn Array) -> Result<u32, ValueError> {
        let longest = u32::try_from(downcast::<S>(array)?.longest_bytes()).unwrap_or(u32::MAX);
        Ok(variable::stride_for(longest.min(self.inline_bytes), self.inline_bytes))
    }

    fn max_stride_bytes(&self) -> u32 {
        variable::stride_for(self.inline_bytes, self.inline_bytes)
    }

    fn makes_nulls(&self) -> bool {
        self.empty_is_null
    }

    fn check_long(&self, array: &dyn Array) -> Result<(), ValueError> {
        let array = downcast::<S>(array)?;
        let Some(foreign) = &self.foreign else { return Ok(()) };
        try_for_each_valid(array.nulls(), array.len(), |row_index| foreign.check(row_index, array.value_at(row_index)))
    }

    fn long_values<'a>(&self, array: &'a dyn Array) -> Result<Vec<Option<&'a [u8]>>, ValueError> {
        let array = downcast::<S>(array)?;
        let mut values: Vec<Option<&[u8]>> = vec![None; array.len()];
        try_for_each_valid(array.nulls(), array.len(), |row_index| {
            let value = array.value_at(row_index);
            values[row_index] = Some(value).filter(|value| !(self.empty_is_null && value.is_empty()));
            Ok(())
        })?;
        Ok(values)
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let array = downcast::<S>(array)?;
        let Slots { values, stride_bytes, lengths, indicators } = slots;
        try_for_each_valid(array.nulls(), array.len(), |row_index| {
            let value = array.value_at(row_index);
            let length = value.len();
            self.foreign.as_ref().map_or(Ok(()), |foreign| foreign.check(row_index, value))?;
            if value.is_empty() && self.empty_is_null {
                (indicators[row_index], lengths[row_index]) = (-1, 0);
                return Ok(());
            }
            if value.is_empty() || length > stride_bytes {
                let reason = format!("a value of {length} bytes cannot be bound in an array of {stride_bytes}");
                return Err(ValueError { row_index, reason, remedy: "report this as a bug".into() });
            }
            values[row_index * stride_bytes..][..length].copy_from_slice(value);
            lengths[row_index] = length as u32;
            Ok(())
        })
    }
}

fn of<S: ByteSource>(target: Target<'_>) -> Box<dyn ColumnBind> {
    let oracle_type = &target.column.oracle_type;
    Box::new(LobBind::<S> {
        external_type: if *oracle_type == OracleType::Blob { SQLT_BIN } else { SQLT_CHR },
        inline_bytes: inline_bytes(oracle_type, target.charset.is_unicode()),
        national: *oracle_type == OracleType::Nclob,
        empty_is_null: target.lossy.allows(LossyKind::EmptyText),
        foreign: Foreign::of(target).filter(Foreign::is_exact),
        array_type: PhantomData,
    })
}

/// Text into CLOB and NCLOB, bytes into BLOB.
pub(crate) fn lob(target: Target<'_>) -> Planned {
    Ok(match target.values {
        DataType::Utf8 => of::<StringArray>(target),
        DataType::LargeUtf8 => of::<LargeStringArray>(target),
        DataType::Utf8View => of::<StringViewArray>(target),
        DataType::Binary => of::<BinaryArray>(target),
        DataType::LargeBinary => of::<LargeBinaryArray>(target),
        DataType::BinaryView => of::<BinaryViewArray>(target),
        DataType::FixedSizeBinary(_) => of::<FixedSizeBinaryArray>(target),
        _ => return Err(target.problem("no text and no binary value", "report this as a bug")),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, DictionaryArray};
    use arrow::datatypes::{Field, Int8Type};

    use super::*;
    use crate::bind::plan_bind;
    use crate::oracle_type::ColumnDesc;
    use crate::type_map::LossySet;

    fn converter(array: &ArrayRef, oracle_type: OracleType, lossy: &str) -> Box<dyn ColumnBind> {
        let field = Field::new("c", array.data_type().clone(), true);
        let column = ColumnDesc { name: "C".into(), oracle_type, nullable: true };
        let lossy = if lossy.is_empty() { LossySet::default() } else { lossy.parse().unwrap() };
        plan_bind(&field, &column, lossy).unwrap()
    }

    #[test]
    fn values_are_given_where_they_lie_and_empty_is_not_null() {
        let long = "x".repeat(70_000);
        let texts = vec![Some("a"), None, Some(""), Some(long.as_str())];
        let dictionary: DictionaryArray<Int8Type> = texts.iter().copied().collect();
        let arrays: [ArrayRef; 4] = [
            Arc::new(StringArray::from(texts.clone())),
            Arc::new(LargeStringArray::from(texts.clone())),
            Arc::new(StringViewArray::from(texts.clone())),
            Arc::new(dictionary),
        ];
        for array in &arrays {
            let expected: Vec<Option<&[u8]>> = texts.iter().map(|text| text.map(str::as_bytes)).collect();
            assert_eq!(converter(array, OracleType::Clob, "").long_values(array).unwrap(), expected, "{:?}", array.data_type());
            let sliced = array.slice(1, 2);
            assert_eq!(converter(array, OracleType::Clob, "").long_values(&sliced).unwrap(), expected[1..3], "a slice");
            assert_eq!(converter(array, OracleType::Clob, "empty-text").long_values(&sliced).unwrap(), [None, None]);
            assert_eq!(converter(array, OracleType::Nclob, "").required_stride_bytes(array).unwrap(), 2000, "no stride of 70,000 bytes");
        }
        let array: ArrayRef = Arc::new(StringArray::from(texts));
        assert!(std::ptr::eq(
            converter(&array, OracleType::Clob, "").long_values(&array).unwrap()[3].unwrap().as_ptr(),
            array.as_any().downcast_ref::<StringArray>().unwrap().value(3).as_ptr()
        ));
    }
}
