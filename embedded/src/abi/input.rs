//! Bind variables in use: resolved once per execute into a compact form, read cell by cell without allocation.

mod pieces;
mod values;

use std::ffi::c_void;

use super::bind::{BindBody, InCallback, Lengths};
use super::codes::sqlt;
use super::error::Failure;
use super::handle::Handle;
use crate::engine::{Datum, DatumKind};

/// One bind variable resolved for an execute.
#[derive(Clone, Copy)]
pub struct Input {
    value: *const u8,
    value_step: usize,
    size_bytes: usize,
    external_type: u16,
    indicators: *const i16,
    indicator_step: usize,
    lengths: Lengths,
    length_step: usize,
    codes: *mut u16,
    code_step: usize,
    callback: Option<(InCallback, usize)>,
    /// The values that came piece by piece, and their first row.
    polled: Option<(*const [Option<Vec<u8>>], usize)>,
    handle: *mut Handle<BindBody>,
    position: u32,
    /// Room and number of elements of an index-by table.
    array: Option<(u32, *mut u32)>,
}

/// Where the bytes of one cell are.
struct Cell {
    value: *const u8,
    length_bytes: Option<usize>,
}

impl Input {
    /// Resolves the bind at `position`.
    ///
    /// # Safety
    /// `handle` is a bind of a statement whose lock the caller holds.
    pub unsafe fn resolve(handle: *mut Handle<BindBody>, position: u32) -> Result<Input, Failure> {
        // SAFETY: bind handles live as long as their statement.
        let bind = unsafe { &*handle }.lock();
        // Without a callback the caller was asked for the pieces.
        let polled = (bind.dynamic && bind.callback.is_none()).then_some((&raw const *bind.polled, bind.polled_from));
        if matches!(bind.external_type, sqlt::INT | sqlt::UIN) && !matches!(bind.size_bytes, 1 | 2 | 4 | 8) {
            return Err(Failure::ora(
                3115,
                format_args!(
                    "unsupported network datatype or representation (integer of {} bytes at position {position})",
                    bind.size_bytes
                ),
            ));
        }
        let fixed_bytes = fixed_size(bind.external_type);
        if bind.size_bytes < fixed_bytes {
            return Err(Failure::ora(1483, format_args!("invalid length for DATE or NUMBER bind variable (position {position})")));
        }
        let skips = bind.skips;
        Ok(Input {
            value: bind.value,
            value_step: skips.map_or(bind.size_bytes, |skips| skips.value),
            size_bytes: bind.size_bytes,
            external_type: bind.external_type,
            indicators: bind.indicators,
            indicator_step: skips.map_or(2, |skips| skips.indicator),
            lengths: bind.lengths,
            length_step: skips.map_or(bind.lengths.width_bytes(), |skips| skips.length),
            codes: bind.codes,
            code_step: skips.map_or(2, |skips| skips.code),
            callback: bind.callback,
            polled,
            handle,
            position,
            array: bind.array,
        })
    }

    /// Sets the return codes of rows to 0: drivers read them after statements that may write their binds.
    ///
    /// # Safety
    /// The bound arrays hold `rows`.
    pub unsafe fn clear_codes(&self, rows: std::ops::Range<usize>) {
        if !self.codes.is_null() {
            for row in rows {
                // SAFETY: element `row` of the bound array.
                unsafe { self.codes.cast::<u8>().add(row * self.code_step).cast::<u16>().write_unaligned(0) };
            }
        }
    }

    /// What kind of values the bind delivers.
    pub fn kind(&self) -> DatumKind {
        match self.external_type {
            _ if self.array.is_some() => DatumKind::Table,
            sqlt::BOL => DatumKind::Boolean,
            sqlt::RSET => DatumKind::Cursor,
            sqlt::INT | sqlt::UIN | sqlt::NUM | sqlt::VNU => DatumKind::Number,
            sqlt::BFLOAT | sqlt::IBFLOAT => DatumKind::BinaryFloat,
            sqlt::FLT if self.size_bytes == 4 => DatumKind::BinaryFloat,
            sqlt::FLT | sqlt::BDOUBLE | sqlt::IBDOUBLE => DatumKind::BinaryDouble,
            sqlt::BIN | sqlt::LBI | sqlt::VBI | sqlt::LVB => DatumKind::Bytes,
            sqlt::CLOB => DatumKind::Clob,
            sqlt::BLOB => DatumKind::Blob,
            sqlt::DAT | sqlt::ODT => DatumKind::Date,
            sqlt::TIMESTAMP => DatumKind::Timestamp,
            sqlt::TIMESTAMP_TZ | sqlt::TIMESTAMP_LTZ => DatumKind::TimestampTz,
            sqlt::AFC => DatumKind::Char,
            sqlt::INTERVAL_DS => DatumKind::IntervalDs,
            sqlt::INTERVAL_YM => DatumKind::IntervalYm,
            _ => DatumKind::Text,
        }
    }

    /// The longest value of these rows in bytes, by one pass over the length array; 0 when there is none. Rows may be NULL all the same.
    ///
    /// # Safety
    /// The bound arrays hold `rows`.
    pub unsafe fn longest_bytes(&self, rows: std::ops::Range<usize>) -> u32 {
        if self.callback.is_some() || !matches!(self.external_type, sqlt::CHR | sqlt::LNG | sqlt::AFC | sqlt::BIN | sqlt::LBI) {
            return 0;
        }
        match self.lengths {
            Lengths::None => 0,
            Lengths::Short(lengths) => {
                // SAFETY: `rows` elements by the caller's contract, with the declared step.
                let at = |row: usize| unsafe { lengths.cast::<u8>().add(row * self.length_step).cast::<u16>().read_unaligned() };
                rows.map(at).max().unwrap_or(0).into()
            }
            Lengths::Wide(lengths) if self.length_step == 4 => {
                // SAFETY: `rows` elements by the caller's contract.
                let lengths = unsafe { std::slice::from_raw_parts(lengths.add(rows.start), rows.len()) };
                lengths.iter().copied().max().unwrap_or(0)
            }
            Lengths::Wide(lengths) => {
                // SAFETY: as above, with the declared step.
                let at = |row: usize| unsafe { lengths.cast::<u8>().add(row * self.length_step).cast::<u32>().read_unaligned() };
                rows.map(at).max().unwrap_or(0)
            }
        }
    }

    /// External type.
    pub fn external_type(&self) -> u16 {
        self.external_type
    }

    /// Whether its values are more than plain ones: index-by tables and queries.
    pub fn is_beyond(&self) -> bool {
        self.array.is_some() || self.external_type == sqlt::RSET
    }

    /// The elements of an index-by table; none for other binds.
    ///
    /// # Safety
    /// The bound array holds as many elements as it says, and they outlive the values.
    pub unsafe fn elements<'a>(&self) -> Option<Result<Vec<Datum<'a>>, Failure>> {
        let (most, count) = self.array?;
        // SAFETY: a non-NULL count is readable by contract.
        let count = if count.is_null() { most } else { unsafe { count.read() } };
        // SAFETY: the caller's contract.
        Some((0..count.min(most) as usize).map(|index| unsafe { self.datum(index) }).collect())
    }

    /// The pointer in element `row`.
    ///
    /// # Safety
    /// The bound array holds element `row`, a pointer.
    pub unsafe fn pointer(&self, row: usize) -> *mut c_void {
        if self.value.is_null() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's contract.
        unsafe { self.value.add(row * self.value_step).cast::<*mut c_void>().read_unaligned() }
    }

    /// Bytes of one element.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    fn too_long(&self, length_bytes: usize) -> Failure {
        Failure::ora(
            1458,
            format_args!(
                "invalid length inside variable character string (position {}: length {length_bytes} in a buffer of {})",
                self.position, self.size_bytes
            ),
        )
    }

    /// The value of one row.
    ///
    /// # Safety
    /// The bound arrays hold element `row`, and outlive the returned value.
    #[inline]
    pub unsafe fn datum<'a>(&self, row: usize) -> Result<Datum<'a>, Failure> {
        // SAFETY: the caller's contract.
        unsafe {
            match self.callback {
                None if self.polled.is_some() => self.put_together(row),
                None => {
                    if !self.indicators.is_null() {
                        let indicator = self.indicators.cast::<u8>().add(row * self.indicator_step).cast::<i16>().read_unaligned();
                        if indicator == -1 {
                            return Ok(Datum::Null);
                        }
                    }
                    let length_bytes = match self.lengths {
                        Lengths::None => None,
                        Lengths::Wide(lengths) => {
                            Some(lengths.cast::<u8>().add(row * self.length_step).cast::<u32>().read_unaligned() as usize)
                        }
                        Lengths::Short(lengths) => {
                            Some(usize::from(lengths.cast::<u8>().add(row * self.length_step).cast::<u16>().read_unaligned()))
                        }
                    };
                    if self.value.is_null() {
                        return Ok(Datum::Null);
                    }
                    self.convert(&Cell { value: self.value.add(row * self.value_step), length_bytes })
                }
                Some(callback) => self.ask(callback, row),
            }
        }
    }

    /// Whether the values of all rows are there at once: no callback delivers them one by one.
    pub fn is_whole(&self) -> bool {
        self.callback.is_none() && self.polled.is_none() && !self.is_beyond()
    }

    /// Appends the values of rows, for binds that are [whole](Input::is_whole).
    ///
    /// # Safety
    /// The bound arrays hold `rows`, and outlive the values.
    pub unsafe fn datums<'a>(&self, rows: std::ops::Range<usize>, datums: &mut Vec<Datum<'a>>) -> Result<(), Failure> {
        datums.reserve(rows.len());
        // What is the same for all rows is settled outside of the loop.
        if self.external_type == sqlt::INT && self.size_bytes == 8 && self.indicators.is_null() && !self.value.is_null() {
            for row in rows {
                // SAFETY: the caller's contract.
                datums.push(Datum::Int(unsafe { self.value.add(row * self.value_step).cast::<i64>().read_unaligned() }));
            }
            return Ok(());
        }
        for row in rows {
            // SAFETY: the caller's contract.
            datums.push(unsafe { self.datum(row) }?);
        }
        Ok(())
    }
}

/// Least element size of types that have one.
fn fixed_size(external_type: u16) -> usize {
    match external_type {
        sqlt::VNU => 22,
        sqlt::DAT => 7,
        sqlt::BOL => 4,
        sqlt::RSET => 8,
        sqlt::ODT | sqlt::TIMESTAMP | sqlt::TIMESTAMP_TZ | sqlt::TIMESTAMP_LTZ | sqlt::RDD | sqlt::CLOB | sqlt::BLOB => 8,
        sqlt::INTERVAL_YM | sqlt::INTERVAL_DS => 8,
        _ => 0,
    }
}
