//! Text into VARCHAR2, NVARCHAR2, CHAR and NCHAR as `SQLT_CHR`, in UTF-8.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, LargeStringArray, StringArray, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;

use super::external_type::{SQLT_CHR, SQLT_LNG};
use super::foreign::Foreign;
use super::variable::{self, ByteLimits, ByteReader, ByteSource, Check, Refusal};
use super::{ColumnBind, ColumnDefine, Origin, Planned, PlannedDefine, Target, ValueError, downcast, try_for_each_valid};
use crate::layout::{Cells, Layout, LobKind, LongCells, Slots};
use crate::oracle_type::{OracleType, TextSize, count_chars};
use crate::type_map::{LossyKind, LossySet, MAX_BIND_BYTES, MAX_STANDARD_TEXT_BYTES, OracleFamily};

/// How a column counts what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    /// Bytes alone.
    Bytes,
    /// Unicode characters, beside the bytes.
    Chars(u32),
    /// 16-bit units of the national character set AL16UTF16, where a character beyond the BMP counts twice.
    Utf16Units(u32),
}

/// Limits of one character column.
#[derive(Debug, Clone)]
struct TextCheck {
    oracle_type: OracleType,
    column: String,
    count: Count,
    max_bytes: u32,
    /// Where the database's character set is not a Unicode one, that, and how many bytes of it the column holds.
    foreign: Option<(Foreign, u32)>,
}

impl TextCheck {
    fn of(target: Target<'_>) -> TextCheck {
        let national = |size: TextSize| {
            let units = size.max_chars.unwrap_or(size.max_bytes / 2);
            // A 16-bit unit is at most 3 bytes of UTF-8, a pair of them 4.
            (Count::Utf16Units(units), units.saturating_mul(3))
        };
        let (count, mut max_bytes) = match target.column.oracle_type {
            OracleType::Varchar2(size) | OracleType::Char(size) => (size.max_chars.map_or(Count::Bytes, Count::Chars), size.max_bytes),
            OracleType::Nvarchar2(size) | OracleType::Nchar(size) => national(size),
            _ => (Count::Bytes, MAX_BIND_BYTES),
        };
        let foreign = Foreign::of(target).map(|foreign| (foreign, max_bytes));
        if foreign.is_some() {
            // The database counts bytes of its own character set: a character of one byte there is up to 4 bytes of UTF-8.
            max_bytes = max_bytes.saturating_mul(4);
        }
        let oracle_type = target.column.oracle_type.clone();
        TextCheck { oracle_type, column: target.column.name.clone(), count, max_bytes: max_bytes.min(MAX_BIND_BYTES), foreign }
    }

    /// In the bytes of the database, as far as they can be told.
    fn fits_there(&self, value: &[u8]) -> bool {
        let too_long = |(foreign, max_bytes): &(Foreign, u32)| foreign.bytes(value).is_some_and(|bytes| bytes > *max_bytes as usize);
        !self.foreign.as_ref().is_some_and(too_long)
    }

    fn limits(&self, lossy: LossySet) -> ByteLimits {
        // A character, and a UTF-16 unit, is at least one byte of UTF-8.
        let surely_fits_bytes = match self.count {
            Count::Bytes => self.max_bytes,
            Count::Chars(limit) | Count::Utf16Units(limit) => limit.min(self.max_bytes),
        };
        // No character set has more than twice as many bytes for a text as UTF-8 has.
        let surely_fits_bytes = self.foreign.as_ref().map_or(surely_fits_bytes, |(_, bytes)| surely_fits_bytes.min(bytes / 2));
        let empty_is_null = lossy.allows(LossyKind::EmptyText);
        let is_sized = OracleFamily::of(&self.oracle_type) == OracleFamily::Character;
        let truncate = is_sized && lossy.allows(LossyKind::Truncation);
        ByteLimits { max_bytes: self.max_bytes, surely_fits_bytes, empty_is_null, truncate }
    }

    fn is_lob(&self) -> bool {
        matches!(self.oracle_type, OracleType::Clob | OracleType::Nclob)
    }
}

fn count_utf16_units(value: &[u8]) -> usize {
    count_chars(value) + value.iter().filter(|&&byte| byte >= 0xf0).count()
}

impl Check for TextCheck {
    fn fits(&self, value: &[u8]) -> bool {
        let fits_counted = match self.count {
            Count::Bytes => true,
            Count::Chars(limit) => count_chars(value) <= limit as usize,
            Count::Utf16Units(limit) => count_utf16_units(value) <= limit as usize,
        };
        fits_counted && self.fits_there(value)
    }

    fn longest_fit_bytes(&self, value: &[u8]) -> Option<usize> {
        let mut units_left = match self.count {
            Count::Bytes => usize::MAX,
            Count::Chars(limit) | Count::Utf16Units(limit) => limit as usize,
        };
        let mut bytes_left = self.foreign.as_ref().map_or(self.max_bytes, |(_, max_bytes)| *max_bytes) as usize;
        let head = &value[..value.len().min(self.max_bytes as usize)];
        let whole_characters = match std::str::from_utf8(head) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).ok()?,
        };
        let counts_twice = |character: char| matches!(self.count, Count::Utf16Units(_)) && character.len_utf16() == 2;
        for (place, character) in whole_characters.char_indices() {
            let units = if counts_twice(character) { 2 } else { 1 };
            let text = &whole_characters.as_bytes()[place..place + character.len_utf8()];
            // What is too long by bytes that cannot be told is the database's to refuse.
            let bytes = self.foreign.as_ref().map_or(Some(text.len()), |(foreign, _)| foreign.bytes(text))?;
            if units > units_left || bytes > bytes_left {
                return Some(place);
            }
            (units_left, bytes_left) = (units_left - units, bytes_left - bytes);
        }
        Some(whole_characters.len())
    }

    #[cold]
    fn refuse(&self, row_index: usize, value: &[u8], refusal: Refusal) -> ValueError {
        let (oracle_type, column, bytes) = (&self.oracle_type, &self.column, value.len());
        let measured = match self.count {
            Count::Bytes => match self.foreign.as_ref().and_then(|(foreign, _)| Some((foreign.name(), foreign.bytes(value)?))) {
                Some((charset, bytes)) => format!("{bytes} bytes of {charset}"),
                None => format!("{bytes} bytes"),
            },
            Count::Chars(_) => format!("{} characters ({bytes} bytes)", count_chars(value)),
            Count::Utf16Units(_) => format!("{} UTF-16 units ({bytes} bytes of UTF-8)", count_utf16_units(value)),
        };
        let (reason, remedy) = match refusal {
            Refusal::Empty => {
                (format!("empty text, which {oracle_type} stores as NULL"), "store it as NULL with --lossy empty-text".into())
            }
            Refusal::Stride => (format!("text of {measured} is longer than the array buffer"), "report this as a bug".into()),
            Refusal::TooLong if self.is_lob() => (
                format!("text of {measured} exceeds the {MAX_BIND_BYTES} bytes that one bind into {oracle_type} carries"),
                "split or shorten the value in the source".into(),
            ),
            Refusal::TooLong => (
                format!("text of {measured} does not fit {oracle_type}"),
                format!("widen column {column} with ALTER TABLE … MODIFY, or cut such values off with --lossy truncate (but no keys)"),
            ),
        };
        ValueError { row_index, reason, remedy }
    }
}

fn is_national(oracle_type: &OracleType) -> bool {
    matches!(oracle_type, OracleType::Nvarchar2(_) | OracleType::Nchar(_) | OracleType::Nclob)
}

struct TextBind<S> {
    check: TextCheck,
    limits: ByteLimits,
    national: bool,
    truncated: Vec<u32>,
    array_type: PhantomData<fn() -> S>,
}

impl<S: ByteSource> ColumnBind for TextBind<S> {
    fn layout(&self) -> Layout {
        Layout::Variable {
            external_type: SQLT_CHR,
            stride_bytes: variable::first_stride_bytes(self.limits.max_bytes),
            national: self.national,
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
        let array = downcast::<S>(array)?;
        if let Some((foreign, _)) = self.check.foreign.as_ref().filter(|(foreign, _)| foreign.is_exact()) {
            let reader = array.reader();
            try_for_each_valid(array.nulls(), array.len(), |row_index| foreign.check(row_index, reader.value(row_index)))?;
        }
        variable::write(array, &self.limits, &self.check, slots, &mut self.truncated)
    }

    fn truncated_rows(&self) -> &[u32] {
        &self.truncated
    }
}

/// Text into any character column.
pub(crate) fn text(target: Target<'_>) -> Planned {
    fn of<S: ByteSource>(target: Target<'_>) -> Box<dyn ColumnBind> {
        let check = TextCheck::of(target);
        let limits = check.limits(target.lossy);
        let national = is_national(&target.column.oracle_type);
        Box::new(TextBind::<S> { check, limits, national, truncated: Vec::new(), array_type: PhantomData })
    }
    Ok(match target.values {
        DataType::Utf8 => of::<StringArray>(target),
        DataType::LargeUtf8 => of::<LargeStringArray>(target),
        DataType::Utf8View => of::<StringViewArray>(target),
        _ => return Err(target.problem("not a text", "report this as a bug")),
    })
}

/// Fetched text: copied once, and checked to be UTF-8.
struct TextCells {
    layout: Layout,
    /// Without the blanks at their ends.
    trims: bool,
}

impl ColumnDefine for TextCells {
    fn layout(&self) -> Layout {
        self.layout
    }

    fn data_type(&self) -> DataType {
        DataType::Utf8
    }

    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let trimmed: Vec<u32> = if self.trims { without_blanks(&cells) } else { Vec::new() };
        let cells = if self.trims { Cells { lengths: &trimmed, ..cells } } else { cells };
        let (offsets, values) = variable::gather(&cells, nulls.as_ref())?;
        texts(offsets, values, nulls)
    }

    fn read_long(&mut self, cells: LongCells, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        texts(OffsetBuffer::new(cells.offsets.into()), cells.bytes.into(), nulls)
    }
}

/// Lengths of the values without the blanks at their ends.
fn without_blanks(cells: &Cells<'_>) -> Vec<u32> {
    let slots = cells.values.chunks(cells.stride_bytes.max(1));
    let blanks = |(slot, &length): (&[u8], &u32)| {
        let value = &slot[..length as usize];
        (value.len() - value.iter().rev().take_while(|&&byte| byte == b' ').count()) as u32
    };
    slots.zip(cells.lengths).map(blanks).collect()
}

fn texts(offsets: OffsetBuffer<i32>, values: Buffer, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
    match StringArray::try_new(offsets.clone(), values.clone(), nulls) {
        Ok(array) => Ok(Arc::new(array)),
        Err(_) => Err(not_utf8(&offsets, &values)),
    }
}

#[cold]
fn not_utf8(offsets: &[i32], values: &[u8]) -> ValueError {
    let bad = offsets.windows(2).position(|pair| std::str::from_utf8(&values[pair[0] as usize..pair[1] as usize]).is_err());
    ValueError {
        row_index: bad.unwrap_or(0),
        reason: "these bytes are not text in the database's character set".into(),
        remedy: "mend the value in the table, or read its bytes: --query with UTL_RAW.CAST_TO_RAW(column)".into(),
    }
}

/// Bytes of UTF-8 that the longest value of a character column may need here.
fn most_bytes(size: TextSize, national: bool, utf8_database: bool) -> u32 {
    let bytes = match (national, size.max_chars) {
        // A 16-bit unit is at most 3 bytes of UTF-8, a pair of them 4.
        (true, units) => units.unwrap_or(size.max_bytes / 2).saturating_mul(3),
        (false, _) if utf8_database => size.max_bytes,
        (false, Some(chars)) => chars.saturating_mul(4),
        // One byte of another character set is at most 3 of UTF-8.
        (false, None) => size.max_bytes.saturating_mul(3),
    };
    bytes.clamp(1, 3 * MAX_BIND_BYTES)
}

/// Characters of any column, and ROWID, as text; blanks at the end of CHAR are kept unless they are not wanted.
pub(crate) fn text_cells(origin: Origin<'_>) -> PlannedDefine {
    /// Of a ROWID in its text form.
    const ROWID_BYTES: u32 = 18;
    /// Of the longest UROWID (3950 bytes) in its text form, as other drivers size it.
    const UROWID_BYTES: u32 = 5_267;
    let plain = |stride_bytes, national| Layout::Variable { external_type: SQLT_CHR, stride_bytes, national, long: false };
    let layout = match origin.column.oracle_type {
        OracleType::Varchar2(size) | OracleType::Char(size) => plain(most_bytes(size, false, origin.utf8_database), false),
        OracleType::Nvarchar2(size) | OracleType::Nchar(size) => plain(most_bytes(size, true, origin.utf8_database), true),
        OracleType::Clob => Layout::Lob { kind: LobKind::Clob, prefetch_bytes: origin.max_lob_bytes },
        OracleType::Nclob => Layout::Lob { kind: LobKind::Nclob, prefetch_bytes: origin.max_lob_bytes },
        OracleType::Other { ref name } if name == "LONG" => {
            Layout::Variable { external_type: SQLT_LNG, stride_bytes: origin.max_lob_bytes.max(1), national: false, long: true }
        }
        OracleType::Other { ref name } if name == "UROWID" => plain(UROWID_BYTES, false),
        OracleType::Other { .. } => plain(ROWID_BYTES, false),
        _ => return Err(origin.problem("not a text", "report this as a bug")),
    };
    let trims = origin.trim_char && matches!(origin.column.oracle_type, OracleType::Char(_) | OracleType::Nchar(_));
    Ok(Box::new(TextCells { layout, trims }))
}
