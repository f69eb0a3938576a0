//! Long values: asked for by the client one by one when they are bound, and LOB locators, which are read in pieces and bound where a long
//! value cannot be.

use std::ffi::c_void;
use std::ptr::NonNull;

use oci_sys::*;

use crate::layout::{Layout, LobKind};
use crate::oci::check::{OciError, check};
use crate::oci::handle::RawArray;
use crate::oci::session::Session;

/// Bytes or characters of a LOB up to which it is read at once, into a buffer that surely has the room.
const WHOLE_UNITS: u64 = 1 << 18;
/// Room for each further piece of a longer one.
const PIECE_BYTES: usize = 1 << 20;
/// Room for a character: the client takes as many as surely fit (seen with 12.1: of 5 characters into 15 bytes it reads 3).
const BYTES_PER_UNIT: u64 = 4;

impl LobKind {
    fn form(self) -> u8 {
        if self == LobKind::Nclob { SQLCS_NCHAR } else { SQLCS_IMPLICIT }
    }

    fn charset(self) -> u16 {
        if self == LobKind::Blob { 0 } else { OCI_AL32UTF8_ID }
    }

    /// `SQLT_*` of its locators.
    pub(crate) fn locator_type(self) -> u16 {
        if self == LobKind::Blob { SQLT_BLOB } else { SQLT_CLOB }
    }

    /// `SQLT_*` of its values by the data interface.
    pub(crate) fn data_type(self) -> u16 {
        if self == LobKind::Blob { SQLT_LBI } else { SQLT_LNG }
    }

    /// The placeholder that takes its values otherwise than from an array.
    pub(crate) fn value_layout(self) -> Layout {
        let external_type = if self == LobKind::Blob { SQLT_BIN } else { SQLT_CHR };
        Layout::Variable { external_type, stride_bytes: 1, national: self.is_national(), long: true }
    }

    pub(crate) fn is_national(self) -> bool {
        self == LobKind::Nclob
    }
}

/// The values that the client asks for while it executes an array: where each lies in the source's own memory, without a copy.
pub(crate) struct DataSource {
    // From a leaked box: the client's callback reads it by address, and no reference of ours is alive then.
    cells: NonNull<Vec<DataCell>>,
}

#[derive(Clone, Copy)]
struct DataCell {
    value: *const u8,
    bytes: u32,
    indicator: i16,
}

impl DataSource {
    pub(crate) fn new() -> Self {
        DataSource { cells: NonNull::from(Box::leak(Box::default())) }
    }

    /// What [`give_value`] takes; it stays the same.
    pub(crate) fn context(&self) -> *mut c_void {
        self.cells.as_ptr().cast()
    }

    fn cells_mut(&mut self) -> &mut Vec<DataCell> {
        // SAFETY: from a leaked box that is ours; the callback, which alone reads it beside us, runs within an execute, while nothing borrows `self`.
        unsafe { self.cells.as_mut() }
    }

    /// Sets the values of the next execute. They have to stay where they are until [`Self::clear`]; the callback only reads them.
    pub(crate) fn fill(&mut self, values: &[Option<&[u8]>]) -> Result<(), OciError> {
        let cells = self.cells_mut();
        cells.clear();
        cells.reserve(values.len());
        for value in values {
            cells.push(match value {
                None => DataCell { value: std::ptr::null(), bytes: 0, indicator: -1 },
                Some(value) => {
                    let bytes = u32::try_from(value.len()).ok().filter(|bytes| i32::try_from(*bytes).is_ok()).ok_or_else(|| {
                        let message = format!("a value of {} bytes: the data interface carries at most {}", value.len(), i32::MAX);
                        OciError::refused("OCIBindDynamic", "execute the array", message)
                    })?;
                    DataCell { value: value.as_ptr(), bytes, indicator: 0 }
                }
            });
        }
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.cells_mut().clear();
    }
}

impl Drop for DataSource {
    fn drop(&mut self) {
        // SAFETY: from a leaked box, given back once, after the statement that had its address.
        drop(unsafe { Box::from_raw(self.cells.as_ptr()) });
    }
}

/// `OCICallbackInBind` of a [`DataSource`].
///
/// # Safety
/// `context` is that of a live [`DataSource`] which nothing changes meanwhile; the other pointers are writable, as the client promises.
pub(crate) unsafe extern "C" fn give_value(
    context: *mut c_void,
    _bind: *mut OCIBind,
    iteration: u32,
    _index: u32,
    value: *mut *mut c_void,
    bytes: *mut u32,
    piece: *mut u8,
    indicator: *mut *mut c_void,
) -> i32 {
    // SAFETY: see above. Nothing here panics. The client reads indicator and value, although their types do not say so.
    unsafe {
        let cells: &Vec<DataCell> = &*context.cast::<Vec<DataCell>>();
        let Some(cell) = cells.get(iteration as usize) else { return OCI_ERROR };
        value.write(cell.value.cast_mut().cast());
        bytes.write(cell.bytes);
        piece.write(OCI_ONE_PIECE);
        indicator.write(std::ptr::from_ref(&cell.indicator).cast_mut().cast());
    }
    OCI_CONTINUE
}

/// LOB locators allocated at once: the array of their pointers is what a column is defined as, and a placeholder bound to.
pub(crate) struct LocatorArray<'s> {
    session: &'s Session,
    kind: LobKind,
    pointers: RawArray<*mut OCILobLocator>,
    /// Locators of temporary LOBs that are ours to free.
    temporary: Vec<usize>,
}

impl<'s> LocatorArray<'s> {
    /// Allocates `count` (at least 1) locators.
    pub(crate) fn allocate(session: &'s Session, kind: LobKind, count: usize) -> Result<Self, OciError> {
        let pointers = RawArray::<*mut OCILobLocator>::zeroed(count);
        // SAFETY: the session's environment outlives what borrows the session; `pointers` has room for `count` pointers and is passed by the
        // address of its first, as OCI wants.
        let status = unsafe {
            (session.api().OCIArrayDescriptorAlloc)(
                session.env().cast(),
                pointers.as_ptr().cast(),
                OCI_DTYPE_LOB,
                count as u32,
                0,
                std::ptr::null_mut(),
            )
        };
        if status != OCI_SUCCESS {
            let message = format!("the client cannot allocate {count} LOB locators (status {status})");
            return Err(OciError::refused("OCIArrayDescriptorAlloc", "allocate LOB locators", message));
        }
        Ok(LocatorArray { session, kind, pointers, temporary: Vec::new() })
    }

    pub(crate) fn as_ptr(&self) -> *mut *mut OCILobLocator {
        self.pointers.as_ptr()
    }

    /// Locator `index` itself.
    pub(crate) fn pointer(&self, index: usize) -> *mut OCILobLocator {
        self.pointers.as_slice()[index]
    }

    pub(crate) fn kind(&self) -> LobKind {
        self.kind
    }

    /// Reads the LOB of row `index`, which a fetch has filled, and appends it to `bytes`; text as UTF-8.
    ///
    /// The value goes straight where it is to be: nothing is held twice, whatever its size.
    pub(crate) fn read(&self, index: usize, error: *mut OCIError, bytes: &mut Vec<u8>) -> Result<(), OciError> {
        let (api, locator) = (self.session.api(), self.pointers.as_slice()[index]);
        let mut units = 0;
        // SAFETY: live handles, a locator of ours that a fetch has filled, a writable length.
        unsafe {
            let status = (api.OCILobGetLength2)(self.session.service(), error, locator, &mut units);
            check(api, error, status, "OCILobGetLength2", "ask for the length of a LOB")?;
        }
        if units == 0 {
            return Ok(());
        }
        let expected = if self.kind == LobKind::Blob { units } else { units.saturating_mul(BYTES_PER_UNIT) };
        let is_whole = self.kind == LobKind::Blob || units <= WHOLE_UNITS;
        let mut room = if is_whole { to_usize(expected)? } else { PIECE_BYTES.max(to_usize(units)?) };
        let mut piece = if is_whole { OCI_ONE_PIECE } else { OCI_FIRST_PIECE };
        let begin = bytes.len();
        loop {
            bytes.try_reserve(room).map_err(|_| no_memory(room))?;
            let (mut byte_amount, mut char_amount) = if self.kind == LobKind::Blob { (units, 0) } else { (0, units) };
            let free = bytes.spare_capacity_mut();
            let free_bytes = free.len().min(room);
            // SAFETY: live handles and a filled locator; the buffer is writable for the bytes that are announced; amounts are writable.
            let done = unsafe {
                let status = (api.OCILobRead2)(
                    self.session.service(),
                    error,
                    locator,
                    &mut byte_amount,
                    &mut char_amount,
                    1,
                    free.as_mut_ptr().cast(),
                    free_bytes as u64,
                    piece,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                    self.kind.charset(),
                    self.kind.form(),
                );
                let done = status != OCI_NEED_DATA || is_whole;
                if done {
                    check(api, error, status, "OCILobRead2", "read a LOB")?;
                }
                let read = to_usize(byte_amount)?;
                if read > free_bytes {
                    let message = format!("the client says that it read {read} bytes into {free_bytes}");
                    return Err(OciError::refused("OCILobRead2", "read a LOB", message));
                }
                bytes.set_len(bytes.len() + read);
                done
            };
            if done {
                return self.check_whole(units, &bytes[begin..]);
            }
            (piece, room) = (OCI_NEXT_PIECE, PIECE_BYTES);
        }
    }

    /// A LOB that was cut short would be taken for the whole.
    fn check_whole(&self, units: u64, read: &[u8]) -> Result<(), OciError> {
        let found = match self.kind {
            LobKind::Blob => read.len() as u64,
            LobKind::Clob | LobKind::Nclob => utf16_units(read),
        };
        if found == units {
            return Ok(());
        }
        let message = format!("a LOB of length {units} was read as one of {found}");
        Err(OciError::refused("OCILobRead2", "read a LOB", message))
    }

    /// Makes the locator of row `index` one of `value`, to be bound: of a temporary LOB on the server, or of an empty LOB.
    pub(crate) fn write(&mut self, index: usize, error: *mut OCIError, value: &[u8], empty_is_temporary: bool) -> Result<(), OciError> {
        let (api, locator) = (self.session.api(), self.pointers.as_slice()[index]);
        if value.is_empty() && !empty_is_temporary {
            let mut zero = 0u32;
            // SAFETY: a locator of ours; the attribute is an unsigned 32-bit number, which the client copies.
            return unsafe {
                let status = (api.OCIAttrSet)(locator.cast(), OCI_DTYPE_LOB, (&raw mut zero).cast(), 0, OCI_ATTR_LOBEMPTY, error);
                check(api, error, status, "OCIAttrSet", "make a locator empty").map(drop)
            };
        }
        let lob_type = if self.kind == LobKind::Blob { OCI_TEMP_BLOB } else { OCI_TEMP_CLOB };
        // SAFETY: live handles, a locator of ours; the value is readable for its length, and the client writes nothing to it.
        unsafe {
            let status =
                (api.OCILobCreateTemporary)(self.session.service(), error, locator, 0, self.kind.form(), lob_type, 1, OCI_DURATION_SESSION);
            check(api, error, status, "OCILobCreateTemporary", "create a temporary LOB")?;
            self.temporary.push(index);
            if value.is_empty() {
                return Ok(());
            }
            let (mut byte_amount, mut char_amount) = (value.len() as u64, 0);
            let status = (api.OCILobWrite2)(
                self.session.service(),
                error,
                locator,
                &mut byte_amount,
                &mut char_amount,
                1,
                value.as_ptr().cast_mut().cast(),
                value.len() as u64,
                OCI_ONE_PIECE,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                self.kind.charset(),
                self.kind.form(),
            );
            check(api, error, status, "OCILobWrite2", "write a temporary LOB").map(drop)
        }
    }

    /// Frees those LOBs that a fetch has brought into the first locators, one for each indicator, and that are temporary: a query makes one for each value
    /// of an expression, and leaves it to the client.
    pub(crate) fn free_fetched(&mut self, error: *mut OCIError, indicators: &[i16]) -> Result<(), OciError> {
        let api = self.session.api();
        for (index, _) in indicators.iter().enumerate().filter(|(_, indicator)| **indicator != -1) {
            let mut is_temporary = 0;
            // SAFETY: live handles, a locator of ours that a fetch has filled, a writable answer.
            unsafe {
                let status = (api.OCILobIsTemporary)(self.session.env(), error, self.pointers.as_slice()[index], &mut is_temporary);
                check(api, error, status, "OCILobIsTemporary", "ask whether a LOB is temporary")?;
            }
            if is_temporary != 0 {
                self.temporary.push(index);
            }
        }
        self.free_temporary(error)
    }

    /// Frees the temporary LOBs on the server; it keeps them until the session ends otherwise.
    pub(crate) fn free_temporary(&mut self, error: *mut OCIError) -> Result<(), OciError> {
        let api = self.session.api();
        let mut first = Ok(());
        for index in self.temporary.drain(..) {
            // SAFETY: live handles, and a locator of a temporary LOB that we have not freed.
            let freed = unsafe {
                let status = (api.OCILobFreeTemporary)(self.session.service(), error, self.pointers.as_slice()[index]);
                check(api, error, status, "OCILobFreeTemporary", "free a temporary LOB")
            };
            first = first.and(freed.map(drop));
        }
        first
    }
}

impl Drop for LocatorArray<'_> {
    fn drop(&mut self) {
        // SAFETY: allocated by OCIArrayDescriptorAlloc with the same type and array, freed once; the environment is still alive. Temporary LOBs
        // that an error has left go with the session.
        unsafe { (self.session.api().OCIArrayDescriptorFree)(self.pointers.as_ptr().cast(), OCI_DTYPE_LOB) };
    }
}

fn utf16_units(text: &[u8]) -> u64 {
    text.iter().map(|&byte| u64::from(byte & 0xc0 != 0x80) + u64::from(byte >= 0xf0)).sum()
}

fn to_usize(count: u64) -> Result<usize, OciError> {
    usize::try_from(count).map_err(|_| no_memory(usize::MAX))
}

#[cold]
fn no_memory(bytes: usize) -> OciError {
    OciError::refused("OCILobRead2", "read a LOB", format!("no memory for a LOB that needs {bytes} bytes"))
}
