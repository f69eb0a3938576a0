//! Bind variables in use: resolved once per execute into a compact form, read cell by cell without allocation.

use std::ffi::c_void;

use super::bind::{BindBody, InCallback, Lengths};
use super::codes::{sqlt, status};
use super::descriptor;
use super::error::Failure;
use super::handle::Handle;
use super::interval::Interval;
use super::pieces::piece;
use super::timestamp;
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

    /// # Safety
    /// As `datum`; what the callback delivers stays valid until the row is executed.
    unsafe fn ask<'a>(&self, (callback, context): (InCallback, usize), row: usize) -> Result<Datum<'a>, Failure> {
        let mut value: *mut c_void = std::ptr::null_mut();
        let mut length_bytes = 0u32;
        let mut piece = 0u8;
        let mut indicator: *mut c_void = std::ptr::null_mut();
        // SAFETY: an `OCICallbackInBind` by contract; iterations count from 0, as every driver expects.
        let answer = unsafe {
            callback(context as *mut c_void, self.handle.cast(), row as u32, 0, &mut value, &mut length_bytes, &mut piece, &mut indicator)
        };
        if answer != status::CONTINUE {
            return Err(Failure::ora(24343, format_args!("user defined callback error (position {}, row {row})", self.position)));
        }
        if piece != piece::ONE {
            // SAFETY: the caller's contract; the first piece has the length that goes with it.
            let bytes = unsafe { self.gather((callback, context), row, (value, length_bytes, piece, indicator)) }?;
            return self.piece_value(bytes);
        }
        // SAFETY: a non-NULL indicator points to an i16 by contract.
        if (!indicator.is_null() && unsafe { indicator.cast::<i16>().read_unaligned() } == -1) || value.is_null() {
            return Ok(Datum::Null);
        }
        let cell = Cell { value: value.cast::<u8>().cast_const(), length_bytes: Some(length_bytes as usize) };
        let is_descriptor = matches!(
            self.external_type,
            sqlt::TIMESTAMP
                | sqlt::TIMESTAMP_TZ
                | sqlt::TIMESTAMP_LTZ
                | sqlt::INTERVAL_YM
                | sqlt::INTERVAL_DS
                | sqlt::CLOB
                | sqlt::BLOB
                | sqlt::RDD
        );
        if is_descriptor {
            // SAFETY: descriptors are delivered themselves, not by an array of pointers.
            return unsafe { self.descriptor_value(value) };
        }
        match length_bytes as usize > self.size_bytes {
            true => Err(self.too_long(length_bytes as usize)),
            // SAFETY: `value` has `length_bytes` by contract.
            false => unsafe { self.convert(&cell) },
        }
    }

    /// Asks the callback for the pieces behind the first one; the whole value stays until the next one is gathered.
    ///
    /// # Safety
    /// As `ask`; `first` is what the callback delivered: buffer, length, piece and indicator.
    unsafe fn gather<'a>(
        &self,
        (callback, context): (InCallback, usize),
        row: usize,
        first: (*mut c_void, u32, u8, *mut c_void),
    ) -> Result<Option<&'a [u8]>, Failure> {
        let (mut value, mut length_bytes, mut piece, mut indicator) = first;
        let mut whole = Vec::new();
        loop {
            // SAFETY: a non-NULL indicator points to an i16 by contract, the buffer has the length that goes with it.
            unsafe {
                if !indicator.is_null() && indicator.cast::<i16>().read_unaligned() == -1 {
                    return Ok(None);
                }
                if !value.is_null() {
                    whole.extend_from_slice(std::slice::from_raw_parts(value.cast::<u8>(), length_bytes as usize));
                }
            }
            if whole.len() > self.size_bytes {
                return Err(self.too_long(whole.len()));
            }
            if piece == piece::LAST {
                break;
            }
            (value, length_bytes, piece, indicator) = (std::ptr::null_mut(), 0, piece::NEXT, std::ptr::null_mut());
            // SAFETY: as in `ask`.
            let answer = unsafe {
                callback(context as *mut c_void, self.handle.cast(), row as u32, 0, &mut value, &mut length_bytes, &mut piece, &mut indicator)
            };
            if answer != status::CONTINUE {
                return Err(Failure::ora(24343, format_args!("user defined callback error (position {}, row {row})", self.position)));
            }
        }
        // SAFETY: bind handles outlive the execute; the vector is not touched before the next value is gathered.
        unsafe {
            let mut bind = (*self.handle).lock();
            bind.gathered = whole;
            Ok(Some(std::slice::from_raw_parts(bind.gathered.as_ptr(), bind.gathered.len())))
        }
    }

    /// The value of a row whose pieces the caller was asked for.
    ///
    /// # Safety
    /// The bind is neither bound nor executed anew while the value is used.
    unsafe fn put_together<'a>(&self, row: usize) -> Result<Datum<'a>, Failure> {
        let Some((polled, from)) = self.polled else { return Ok(Datum::Null) };
        // SAFETY: the caller's contract.
        let value = unsafe { &*polled }.get(row - from).and_then(Option::as_deref);
        self.piece_value(value)
    }

    fn piece_value<'a>(&self, bytes: Option<&'a [u8]>) -> Result<Datum<'a>, Failure> {
        match (bytes, self.external_type) {
            (None, _) => Ok(Datum::Null),
            (Some(bytes), sqlt::CHR | sqlt::LNG | sqlt::AFC) => self.text(bytes),
            (Some(bytes), sqlt::BIN | sqlt::LBI) => Ok(bytes_datum(bytes)),
            (_, other) => Err(Failure::unimplemented(format_args!("pieces of a bind of type {other} (position {})", self.position))),
        }
    }

    /// # Safety
    /// `cell` points to an element of this bind.
    #[inline]
    unsafe fn convert<'a>(&self, cell: &Cell) -> Result<Datum<'a>, Failure> {
        let value = cell.value;
        // SAFETY: the element has `size_bytes`, checked against the fixed size of its type by `resolve`; lengths are checked below.
        unsafe {
            match self.external_type {
                sqlt::CHR | sqlt::LNG => self.text(self.sized(cell, true)?),
                sqlt::AFC => self.text(self.sized(cell, false)?),
                sqlt::STR => {
                    let bytes = std::slice::from_raw_parts(value, self.size_bytes);
                    let end = bytes.iter().position(|byte| *byte == 0);
                    let end = end.ok_or_else(|| Failure::ora(1480, "trailing null missing from STR bind value"))?;
                    self.text(&bytes[..end])
                }
                sqlt::VCS => self.text(self.prefixed(value, usize::from(value.cast::<u16>().read_unaligned()), 2)?),
                sqlt::LVC => self.text(self.prefixed(value, value.cast::<u32>().read_unaligned() as usize, 4)?),
                sqlt::VBI => Ok(bytes_datum(self.prefixed(value, usize::from(value.cast::<u16>().read_unaligned()), 2)?)),
                sqlt::LVB => Ok(bytes_datum(self.prefixed(value, value.cast::<u32>().read_unaligned() as usize, 4)?)),
                sqlt::BIN | sqlt::LBI => Ok(bytes_datum(self.sized(cell, false)?)),
                sqlt::BOL => Ok(Datum::Boolean(value.cast::<i32>().read_unaligned() != 0)),
                sqlt::RSET => Ok(Datum::Null),
                sqlt::INT => Ok(Datum::Int(match self.size_bytes {
                    1 => i64::from(value.cast::<i8>().read()),
                    2 => i64::from(value.cast::<i16>().read_unaligned()),
                    4 => i64::from(value.cast::<i32>().read_unaligned()),
                    _ => value.cast::<i64>().read_unaligned(),
                })),
                sqlt::UIN => Ok(Datum::UInt(match self.size_bytes {
                    1 => u64::from(value.read()),
                    2 => u64::from(value.cast::<u16>().read_unaligned()),
                    4 => u64::from(value.cast::<u32>().read_unaligned()),
                    _ => value.cast::<u64>().read_unaligned(),
                })),
                sqlt::VNU => match usize::from(value.read()) {
                    0 => Ok(Datum::Null),
                    length @ 1..=21 => Ok(Datum::Number(std::slice::from_raw_parts(value.add(1), length))),
                    _ => Err(self.bad_length()),
                },
                sqlt::NUM => match self.sized(cell, false)? {
                    [] => Ok(Datum::Null),
                    bytes if bytes.len() <= 21 => Ok(Datum::Number(bytes)),
                    _ => Err(self.bad_length()),
                },
                sqlt::FLT | sqlt::BFLOAT | sqlt::BDOUBLE | sqlt::IBFLOAT | sqlt::IBDOUBLE => self.float(value),
                sqlt::DAT if cell.length_bytes == Some(0) => Ok(Datum::Null),
                sqlt::DAT if cell.length_bytes.is_some_and(|length| length != 7) => Err(self.bad_length()),
                sqlt::DAT => Ok(Datum::Date(value.cast::<[u8; 7]>().read())),
                sqlt::ODT => timestamp::from_oci_date(&value.cast::<[u8; 8]>().read()).map(Datum::Date),
                _ => self.descriptor_value(value.cast::<*mut c_void>().read_unaligned()),
            }
        }
    }

    /// # Safety
    /// `pointer` is NULL or a descriptor of this library.
    unsafe fn descriptor_value<'a>(&self, pointer: *mut c_void) -> Result<Datum<'a>, Failure> {
        let missing = || Failure::ora(1403, format_args!("no descriptor bound at position {}", self.position));
        if pointer.is_null() {
            return Err(missing());
        }
        // SAFETY: the caller's contract; descriptors outlive the execute.
        let found = unsafe { descriptor::get(pointer) }?;
        match self.external_type {
            sqlt::TIMESTAMP => found.timestamp()?.to_timestamp().map(Datum::Timestamp),
            sqlt::TIMESTAMP_TZ | sqlt::TIMESTAMP_LTZ => found.timestamp()?.to_timestamp_tz().map(Datum::TimestampTz),
            sqlt::INTERVAL_DS | sqlt::INTERVAL_YM => Ok(match *found.interval()? {
                Interval::DaySecond { nanos } => Datum::IntervalDs(nanos),
                Interval::YearMonth { months } => Datum::IntervalYm(months),
            }),
            sqlt::CLOB => match found.lob()?.content()? {
                [] => Ok(Datum::EmptyClob),
                bytes => self.text(bytes),
            },
            sqlt::BLOB => match found.lob()?.content()? {
                [] => Ok(Datum::EmptyBlob),
                bytes => Ok(Datum::Bytes(bytes)),
            },
            _ => Ok(Datum::Text(found.rowid()?)),
        }
    }

    /// # Safety
    /// `value` has the size checked at bind time.
    unsafe fn float<'a>(&self, value: *const u8) -> Result<Datum<'a>, Failure> {
        // SAFETY: the caller's contract.
        unsafe {
            match (self.external_type, self.size_bytes) {
                (sqlt::IBFLOAT, _) => Ok(Datum::BinaryFloat(decode_f32(value.cast::<[u8; 4]>().read()))),
                (sqlt::IBDOUBLE, _) => Ok(Datum::BinaryDouble(decode_f64(value.cast::<[u8; 8]>().read()))),
                (sqlt::BFLOAT, _) => Ok(Datum::BinaryFloat(value.cast::<f32>().read_unaligned())),
                (sqlt::BDOUBLE, _) => Ok(Datum::BinaryDouble(value.cast::<f64>().read_unaligned())),
                (_, 4) => self.finite(Datum::BinaryFloat(value.cast::<f32>().read_unaligned())),
                _ => self.finite(Datum::BinaryDouble(value.cast::<f64>().read_unaligned())),
            }
        }
    }

    /// SQLT_FLT is a number: NaN and infinity are none.
    fn finite<'a>(&self, datum: Datum<'a>) -> Result<Datum<'a>, Failure> {
        match datum {
            Datum::BinaryFloat(value) if !value.is_finite() => Err(Failure::ora(1426, "numeric overflow")),
            Datum::BinaryDouble(value) if !value.is_finite() => Err(Failure::ora(1426, "numeric overflow")),
            other => Ok(other),
        }
    }

    /// The bytes of a cell whose length is in the length array, or is the whole element.
    ///
    /// # Safety
    /// `cell` points to an element of this bind.
    #[inline]
    unsafe fn sized<'a>(&self, cell: &Cell, strip_blanks: bool) -> Result<&'a [u8], Failure> {
        match cell.length_bytes {
            Some(length) if length > self.size_bytes => Err(self.too_long(length)),
            // SAFETY: `length` ≤ element size.
            Some(length) => Ok(unsafe { std::slice::from_raw_parts(cell.value, length) }),
            None => {
                // SAFETY: the whole element.
                let bytes = unsafe { std::slice::from_raw_parts(cell.value, self.size_bytes) };
                // Text without a length array ends at its last character that is no blank.
                let end = if strip_blanks { bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1) } else { bytes.len() };
                Ok(&bytes[..end])
            }
        }
    }

    /// # Safety
    /// `value` points to an element of this bind.
    unsafe fn prefixed<'a>(&self, value: *const u8, length: usize, prefix_bytes: usize) -> Result<&'a [u8], Failure> {
        match length > self.size_bytes - prefix_bytes {
            true => Err(self.too_long(length)),
            // SAFETY: prefix and length are within the element.
            false => Ok(unsafe { std::slice::from_raw_parts(value.add(prefix_bytes), length) }),
        }
    }

    #[inline]
    fn text<'a>(&self, bytes: &'a [u8]) -> Result<Datum<'a>, Failure> {
        if bytes.is_empty() {
            return Ok(Datum::Null);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Datum::Text(text)),
            Err(error) => Err(Failure::ora(
                29275,
                format_args!(
                    "partial multibyte character (position {}: byte {} of the value is not UTF-8)",
                    self.position,
                    error.valid_up_to()
                ),
            )),
        }
    }

    fn bad_length(&self) -> Failure {
        Failure::ora(1483, format_args!("invalid length for DATE or NUMBER bind variable (position {})", self.position))
    }
}

fn bytes_datum(bytes: &[u8]) -> Datum<'_> {
    if bytes.is_empty() { Datum::Null } else { Datum::Bytes(bytes) }
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

/// Oracle's order-preserving big-endian form of a float: sign bit set for positive values, all bits flipped for negative ones.
fn decode_f32(bytes: [u8; 4]) -> f32 {
    let bits = u32::from_be_bytes(bytes);
    f32::from_bits(if bits >> 31 == 1 { bits & 0x7fff_ffff } else { !bits })
}

fn decode_f64(bytes: [u8; 8]) -> f64 {
    let bits = u64::from_be_bytes(bytes);
    f64::from_bits(if bits >> 63 == 1 { bits & (u64::MAX >> 1) } else { !bits })
}
