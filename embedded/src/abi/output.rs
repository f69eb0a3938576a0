//! Define variables in use: resolved once per query, written cell by cell.

mod values;

use std::ffi::c_void;

use super::bind::{BindBody, Lengths, Skips};
use super::codes::sqlt;
use super::convert::{self, Scratch};
use super::define::{DefineBody, DefineCallback};
use super::descriptor;
use super::error::Failure;
use super::handle::Handle;
use super::statement::ColumnParam;
use super::timestamp::Timestamp;
use crate::engine::{DataType, Datum, LobHome, Nls};

/// Whether a return code of a cell is not 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CellNote {
    Clean,
    Noted,
}

/// One define resolved for a query.
pub struct Output {
    /// 0-based.
    pub column: usize,
    data_type: DataType,
    pub(super) name: String,
    value: *mut u8,
    value_step: usize,
    size_bytes: usize,
    pub(super) external_type: u16,
    indicators: *mut i16,
    indicator_step: usize,
    lengths: Lengths,
    length_step: usize,
    codes: *mut u16,
    code_step: usize,
    callback: Option<(DefineCallback, usize)>,
    /// Whether its values are handed over piece by piece between the fetches.
    pub(super) is_polled: bool,
    pub(super) handle: *mut Handle<DefineBody>,
    scratch: Scratch,
}

impl Output {
    /// Resolves the define of column `column` (0-based).
    ///
    /// # Safety
    /// `handle` is a define of a statement whose lock the caller holds.
    pub(super) unsafe fn resolve(
        handle: *mut Handle<DefineBody>,
        column: usize,
        param: &ColumnParam,
        nls: &Nls,
    ) -> Result<Output, Failure> {
        // SAFETY: define handles live as long as their statement.
        let define = unsafe { &*handle }.lock();
        let is_polled = define.dynamic && define.callback.is_none();
        if !convert::is_convertible(&param.data_type, define.external_type) {
            return Err(Failure::ora(
                932,
                format_args!(
                    "inconsistent datatypes: column {} is {}, external type {} asked for",
                    param.name, param.data_type, define.external_type
                ),
            ));
        }
        if define.value.is_null() && !define.dynamic {
            let text = format_args!("define not done before fetch or execute and fetch (column {} has no buffer)", param.name);
            return Err(Failure::ora(24374, text));
        }
        let length_step = match define.lengths {
            Lengths::Short(_) => 2,
            _ => 4,
        };
        let skips = define.skips.unwrap_or(Skips { value: define.size_bytes, indicator: 2, length: length_step, code: 2 });
        Ok(Output {
            column,
            data_type: param.data_type,
            name: param.name.clone(),
            value: define.value,
            value_step: skips.value,
            size_bytes: define.size_bytes,
            external_type: define.external_type,
            indicators: define.indicators,
            indicator_step: skips.indicator,
            lengths: define.lengths,
            length_step: skips.length,
            codes: define.codes,
            code_step: skips.code,
            callback: define.callback,
            is_polled,
            handle,
            scratch: Scratch::new(&param.data_type, define.external_type, nls),
        })
    }

    /// For a bind that is written: the element of the bound array, or a place aimed at for each value.
    pub(super) fn for_bind(bind: &BindBody, name: &str, nls: &Nls) -> Output {
        // The type given back is known by its values only; this one has every part that text can show.
        let data_type = DataType::TimestampTz { digits: 6 };
        let length_step = bind.lengths.width_bytes();
        let skips = bind.skips.unwrap_or(Skips { value: bind.size_bytes, indicator: 2, length: length_step, code: 2 });
        Output {
            column: 0,
            data_type,
            name: format!(":{name}"),
            value: bind.value,
            value_step: skips.value,
            size_bytes: bind.size_bytes,
            external_type: bind.external_type,
            indicators: bind.indicators,
            indicator_step: skips.indicator,
            lengths: bind.lengths,
            length_step: skips.length,
            codes: bind.codes,
            code_step: skips.code,
            callback: None,
            is_polled: false,
            handle: std::ptr::null_mut(),
            scratch: Scratch::new(&data_type, bind.external_type, nls),
        }
    }

    /// Whether values are written into descriptors.
    pub(super) fn is_descriptor(&self) -> bool {
        sqlt::is_descriptor(self.external_type)
    }

    /// The arrays of `rows` elements, each with its bytes: values, indicators, lengths, return codes.
    ///
    /// # Errors
    /// Where elements are more than the bytes that lie one after the other.
    pub(super) fn arrays(&self, rows: usize) -> Result<[(*mut u8, usize); 4], Failure> {
        let lengths: (*mut u8, usize) = match self.lengths {
            Lengths::None => (std::ptr::null_mut(), 0),
            Lengths::Short(lengths) => (lengths.cast(), 2),
            Lengths::Wide(lengths) => (lengths.cast(), 4),
        };
        let is_dense = self.value_step == self.size_bytes
            && (self.indicator_step, self.code_step) == (2, 2)
            && (lengths.1 == 0 || self.length_step == lengths.1);
        if !is_dense || self.callback.is_some() || self.is_descriptor() {
            return Err(Failure::unimplemented(format_args!("OLBRIDGE_EMBEDDED_REPLAY_ROWS with column {}", self.name)));
        }
        let (indicators, codes) = ((self.indicators.cast(), 2 * rows), (self.codes.cast(), 2 * rows));
        Ok([(self.value, self.size_bytes * rows), indicators, (lengths.0, lengths.1 * rows), codes])
    }

    /// Whether it is written into locators.
    pub fn is_lob(&self) -> bool {
        matches!(self.external_type, sqlt::CLOB | sqlt::BLOB) && self.callback.is_none()
    }

    /// The pointer in element `row`.
    ///
    /// # Safety
    /// The defined array holds element `row`, a pointer.
    pub unsafe fn pointer(&self, row: usize) -> *mut c_void {
        if self.value.is_null() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's contract.
        unsafe { self.value.add(row * self.value_step).cast::<*mut c_void>().read_unaligned() }
    }

    /// Tells the locator in element `row` where its value is stored; one that is stored nowhere is temporary, and the caller's to free.
    ///
    /// # Safety
    /// The defined array holds element `row`, a pointer to a locator.
    pub unsafe fn locate(&self, row: usize, home: Option<LobHome>) {
        // SAFETY: the caller's contract. A NULL has no value to write to.
        if let Ok(lob) = unsafe { descriptor::lob_mut(self.pointer(row)) } {
            lob.home = home;
            lob.set_temporary(home.is_none() && lob.is_filled());
        }
    }

    /// Tells whether element `row` is NULL, for values that are not written here.
    ///
    /// # Safety
    /// The arrays hold `row`.
    pub(super) unsafe fn tell_null(&self, row: usize, is_null: bool) {
        // SAFETY: the caller's contract.
        unsafe { self.finish(row, 0, if is_null { -1 } else { 0 }, 0) };
    }

    /// Sets where element 0 is.
    pub(super) fn aim(&mut self, value: *mut c_void, indicators: *mut i16, lengths: Lengths, codes: *mut u16) {
        (self.value, self.indicators, self.lengths, self.codes) = (value.cast(), indicators, lengths, codes);
    }

    /// Writes one cell.
    ///
    /// # Safety
    /// The defined arrays hold element `row`.
    #[inline]
    pub unsafe fn put(&self, row: usize, datum: Datum<'_>) -> Result<CellNote, Failure> {
        // SAFETY: the caller's contract.
        unsafe {
            if let Some(callback) = self.callback {
                return self.put_dynamic(callback, row, datum);
            }
            // Fetched inline, an empty LOB looks like NULL; only a locator can tell.
            let datum = if matches!(self.external_type, sqlt::CLOB | sqlt::BLOB) { datum } else { datum.inline() };
            if datum.is_null() {
                return self.put_null(row);
            }
            if self.value.is_null() {
                return Err(Failure::ora(24309, format_args!("the buffer of column {} is NULL", self.name)));
            }
            let value = self.value.add(row * self.value_step);
            match self.external_type {
                sqlt::CHR | sqlt::LNG => self.put_bytes(row, value, self.characters(datum)?, None),
                sqlt::AFC => self.put_bytes(row, value, self.characters(datum)?, Some(b' ')),
                sqlt::STR => self.put_string(row, value, self.characters(datum)?),
                sqlt::BIN | sqlt::LBI => self.put_bytes(row, value, self.binary(datum)?, None),
                sqlt::VCS => self.put_prefixed(row, value, self.characters(datum)?, 2),
                sqlt::LVC => self.put_prefixed(row, value, self.characters(datum)?, 4),
                sqlt::VBI => self.put_prefixed(row, value, self.binary(datum)?, 2),
                sqlt::LVB => self.put_prefixed(row, value, self.binary(datum)?, 4),
                _ => {
                    let written = self.put_fixed(value, datum)?;
                    self.finish(row, written, 0, 0);
                    Ok(CellNote::Clean)
                }
            }
        }
    }

    fn moment(&self, datum: Datum<'_>) -> Result<Timestamp, Failure> {
        convert::to_timestamp(datum).map_err(|failure| self.with_name(failure))
    }

    pub(super) fn characters<'a>(&'a self, datum: Datum<'a>) -> Result<&'a [u8], Failure> {
        self.scratch.characters(datum, &self.data_type)
    }

    pub(super) fn binary<'a>(&'a self, datum: Datum<'a>) -> Result<&'a [u8], Failure> {
        match datum {
            Datum::Bytes(bytes) => Ok(bytes),
            Datum::EmptyBlob => Ok(&[]),
            other => self.scratch.unhex(other).map_err(|failure| self.with_name(failure)),
        }
    }

    fn with_name(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Ora { code, text, offset } => Failure::Ora { code, text: format!("{text} (column {})", self.name), offset },
            other => other,
        }
    }

    /// Indicator, length and return code of a text or raw cell: truncation is an error unless there is a return code to tell it.
    ///
    /// # Safety
    /// The arrays hold `row`.
    unsafe fn finish_text(&self, row: usize, written: usize, whole: usize, room: usize) -> Result<CellNote, Failure> {
        let truncated = whole > room;
        let indicator = match (truncated, i16::try_from(whole)) {
            (false, _) => 0,
            (true, Ok(whole)) => whole,
            (true, Err(_)) => -2,
        };
        // SAFETY: the caller's contract.
        unsafe { self.finish(row, written, indicator, if truncated { 1406 } else { 0 }) };
        match truncated {
            false => Ok(CellNote::Clean),
            true if self.codes.is_null() => Err(self.truncated()),
            true => Ok(CellNote::Noted),
        }
    }

    fn truncated(&self) -> Failure {
        Failure::ora(1406, format_args!("fetched column value was truncated (column {}, {} bytes of room)", self.name, self.size_bytes))
    }

    /// # Safety
    /// The arrays hold `row`.
    unsafe fn put_null(&self, row: usize) -> Result<CellNote, Failure> {
        let untold = self.indicators.is_null();
        // SAFETY: the caller's contract.
        unsafe { self.finish(row, 0, -1, if untold { 1405 } else { 0 }) };
        match (untold, self.codes.is_null()) {
            (false, _) => Ok(CellNote::Clean),
            (true, true) => Err(Failure::ora(1405, format_args!("fetched column value is NULL (column {})", self.name))),
            (true, false) => Ok(CellNote::Noted),
        }
    }

    /// # Safety
    /// The arrays hold `row`.
    #[inline]
    unsafe fn finish(&self, row: usize, length: usize, indicator: i16, code: u16) {
        // SAFETY: element `row` of each array that is there.
        unsafe {
            if !self.indicators.is_null() {
                self.indicators.cast::<u8>().add(row * self.indicator_step).cast::<i16>().write_unaligned(indicator);
            }
            match self.lengths {
                Lengths::None => {}
                Lengths::Wide(lengths) => lengths.cast::<u8>().add(row * self.length_step).cast::<u32>().write_unaligned(length as u32),
                Lengths::Short(lengths) => {
                    lengths
                        .cast::<u8>()
                        .add(row * self.length_step)
                        .cast::<u16>()
                        .write_unaligned(u16::try_from(length).unwrap_or(u16::MAX));
                }
            }
            if !self.codes.is_null() {
                self.codes.cast::<u8>().add(row * self.code_step).cast::<u16>().write_unaligned(code);
            }
        }
    }
}

/// Where the low `size_bytes` of a native eight-byte integer start.
fn native_offset(size_bytes: usize) -> usize {
    if cfg!(target_endian = "big") { 8 - size_bytes } else { 0 }
}
