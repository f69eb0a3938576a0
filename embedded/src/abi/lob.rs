//! LOB locators: values in memory. A locator of a query holds a copy of the value and cannot write to the table; a temporary one is
//! written by its owner and bound.

use std::ffi::c_void;

use super::codes::status;
use super::descriptor::{self, Content};
use super::error::{Failure, Outcome, guard};

/// Size that reads and writes are best multiples of, in bytes or characters.
const CHUNK: u32 = 8060;
const LOB_BLOB: u8 = 1;
const LOB_CLOB: u8 = 2;

/// The value behind a locator.
#[derive(Clone, Default)]
pub struct LobValue {
    bytes: Vec<u8>,
    is_text: bool,
    is_filled: bool,
    is_temporary: bool,
    is_open: bool,
}

impl LobValue {
    /// A CLOB of a query.
    pub fn text(bytes: &[u8]) -> LobValue {
        LobValue { bytes: bytes.to_vec(), is_text: true, is_filled: true, ..LobValue::default() }
    }

    /// A BLOB of a query.
    pub fn binary(bytes: &[u8]) -> LobValue {
        LobValue { bytes: bytes.to_vec(), is_filled: true, ..LobValue::default() }
    }

    /// The value: UTF-8 or bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Length in characters or bytes.
    fn length(&self) -> usize {
        if self.is_text { self.bytes.iter().filter(|byte| is_char_start(**byte)).count() } else { self.bytes.len() }
    }

    /// Byte offset of the element `index` (0-based, characters or bytes); the end when beyond it.
    fn offset(&self, index: usize) -> usize {
        match self.is_text {
            true => {
                self.bytes.iter().enumerate().filter(|(_, byte)| is_char_start(**byte)).nth(index).map_or(self.bytes.len(), |(at, _)| at)
            }
            false => index.min(self.bytes.len()),
        }
    }

    fn check(&self) -> Result<(), Failure> {
        if self.is_filled { Ok(()) } else { Err(Failure::ora(22275, "invalid LOB locator specified")) }
    }

    fn check_writable(&self) -> Result<(), Failure> {
        self.check()?;
        match self.is_temporary {
            true => Ok(()),
            false => Err(Failure::unimplemented("writing through the locator of a stored LOB (update the column instead)")),
        }
    }
}

fn is_char_start(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// # Safety
/// `errhp` and `locator` as the OCI contract says.
unsafe fn with_lob(function: &str, errhp: *mut c_void, locator: *mut c_void, inside: impl FnOnce(&mut LobValue) -> Outcome) -> i32 {
    // SAFETY: the caller's contract: one thread uses a locator at a time.
    unsafe { guard(function, errhp, |_| inside(descriptor::lob_mut(locator)?)) }
}

/// Makes a locator temporary and empty.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobCreateTemporary(
    _svchp: *mut c_void,
    errhp: *mut c_void,
    locator: *mut c_void,
    _charset: u16,
    _form: u8,
    lob_type: u8,
    _cache: i32,
    _duration: u16,
) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobCreateTemporary", errhp, locator, |lob| {
            if !matches!(lob_type, LOB_BLOB | LOB_CLOB) {
                return Err(Failure::unimplemented(format_args!("temporary LOB of type {lob_type}")));
            }
            *lob = LobValue { is_text: lob_type == LOB_CLOB, is_filled: true, is_temporary: true, ..LobValue::default() };
            Ok(status::SUCCESS)
        })
    }
}

/// Empties a temporary LOB.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobFreeTemporary(_svchp: *mut c_void, errhp: *mut c_void, locator: *mut c_void) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobFreeTemporary", errhp, locator, |lob| {
            lob.check_writable()?;
            *lob = LobValue::default();
            Ok(status::SUCCESS)
        })
    }
}

/// Whether a locator is temporary.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobIsTemporary(_envhp: *mut c_void, errhp: *mut c_void, locator: *mut c_void, answer: *mut i32) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobIsTemporary", errhp, locator, |lob| {
            answer.write(i32::from(lob.is_temporary));
            Ok(status::SUCCESS)
        })
    }
}

/// Length in characters or bytes.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobGetLength2(_svchp: *mut c_void, errhp: *mut c_void, locator: *mut c_void, length: *mut u64) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobGetLength2", errhp, locator, |lob| {
            lob.check()?;
            length.write(lob.length() as u64);
            Ok(status::SUCCESS)
        })
    }
}

/// Best unit of reads and writes.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobGetChunkSize(_svchp: *mut c_void, errhp: *mut c_void, locator: *mut c_void, chunk: *mut u32) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobGetChunkSize", errhp, locator, |lob| {
            lob.check()?;
            chunk.write(CHUNK);
            Ok(status::SUCCESS)
        })
    }
}

/// Reads from `offset` (1-based, characters or bytes). Amounts come in and go out; one piece only.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobRead2(
    _svchp: *mut c_void,
    errhp: *mut c_void,
    locator: *mut c_void,
    byte_amount: *mut u64,
    char_amount: *mut u64,
    offset: u64,
    buffer: *mut c_void,
    buffer_bytes: u64,
    piece: u8,
    _context: *mut c_void,
    callback: *mut c_void,
    _charset: u16,
    _form: u8,
) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobRead2", errhp, locator, |lob| {
            lob.check()?;
            if piece != 0 || !callback.is_null() {
                return Err(Failure::unimplemented("OCILobRead2 in pieces"));
            }
            let first = usize::try_from(offset).ok().and_then(|offset| offset.checked_sub(1));
            let first = first.ok_or_else(|| Failure::ora(24801, "illegal parameter value in OCI lob function: offset 0"))?;
            let start = lob.offset(first);
            // Characters win when they are given, as with the real client.
            let chars = if lob.is_text && !char_amount.is_null() { char_amount.read() } else { 0 };
            let bytes = if byte_amount.is_null() { 0 } else { byte_amount.read() };
            let wanted_end = match (chars, bytes) {
                (0, 0) => lob.bytes.len(),
                (0, bytes) => start.saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX)).min(lob.bytes.len()),
                (chars, _) => lob.offset(first.saturating_add(usize::try_from(chars).unwrap_or(usize::MAX))),
            };
            let mut end = wanted_end.min(start.saturating_add(usize::try_from(buffer_bytes).unwrap_or(usize::MAX)));
            while lob.is_text && end > start && end < lob.bytes.len() && !is_char_start(lob.bytes[end]) {
                end -= 1;
            }
            let part = &lob.bytes[start.min(end)..end];
            std::ptr::copy_nonoverlapping(part.as_ptr(), buffer.cast(), part.len());
            if !byte_amount.is_null() {
                byte_amount.write(part.len() as u64);
            }
            if lob.is_text && !char_amount.is_null() {
                char_amount.write(part.iter().filter(|byte| is_char_start(**byte)).count() as u64);
            }
            Ok(status::SUCCESS)
        })
    }
}

/// Writes at `offset` (1-based, characters or bytes) of a temporary LOB; one piece only.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobWrite2(
    _svchp: *mut c_void,
    errhp: *mut c_void,
    locator: *mut c_void,
    byte_amount: *mut u64,
    char_amount: *mut u64,
    offset: u64,
    buffer: *mut c_void,
    buffer_bytes: u64,
    piece: u8,
    _context: *mut c_void,
    callback: *mut c_void,
    _charset: u16,
    _form: u8,
) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobWrite2", errhp, locator, |lob| {
            lob.check_writable()?;
            if piece != 0 || !callback.is_null() {
                return Err(Failure::unimplemented("OCILobWrite2 in pieces"));
            }
            let first = usize::try_from(offset).ok().and_then(|offset| offset.checked_sub(1));
            let first = first.ok_or_else(|| Failure::ora(24801, "illegal parameter value in OCI lob function: offset 0"))?;
            let bytes = if byte_amount.is_null() || byte_amount.read() == 0 { buffer_bytes } else { byte_amount.read() };
            let source = std::slice::from_raw_parts(buffer.cast::<u8>(), usize::try_from(bytes.min(buffer_bytes)).unwrap_or(0));
            if lob.is_text && std::str::from_utf8(source).is_err() {
                return Err(Failure::ora(29275, "partial multibyte character (CLOB text that is not UTF-8)"));
            }
            // A gap is filled with blanks in text and zeros in bytes.
            let missing = first.saturating_sub(lob.length());
            let filler = if lob.is_text { b' ' } else { 0 };
            lob.bytes.resize(lob.bytes.len() + missing, filler);
            let units = if lob.is_text { source.iter().filter(|byte| is_char_start(**byte)).count() } else { source.len() };
            let (start, end) = (lob.offset(first), lob.offset(first + units));
            lob.bytes.splice(start..end, source.iter().copied());
            if !char_amount.is_null() {
                char_amount.write(units as u64);
            }
            Ok(status::SUCCESS)
        })
    }
}

/// Cuts a temporary LOB to a length in characters or bytes.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobTrim2(_svchp: *mut c_void, errhp: *mut c_void, locator: *mut c_void, new_length: u64) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobTrim2", errhp, locator, |lob| {
            lob.check_writable()?;
            let end = lob.offset(usize::try_from(new_length).unwrap_or(usize::MAX));
            lob.bytes.truncate(end);
            Ok(status::SUCCESS)
        })
    }
}

/// Copies the locator and its value.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobLocatorAssign(_svchp: *mut c_void, errhp: *mut c_void, from: *const c_void, to: *mut *mut c_void) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCILobLocatorAssign", errhp, |_| {
            let copy = descriptor::get(from)?.lob()?.clone();
            descriptor::set(to.read(), Content::Lob(copy))?;
            Ok(status::SUCCESS)
        })
    }
}

/// Opens a LOB; nothing but the flag.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobOpen(_svchp: *mut c_void, errhp: *mut c_void, locator: *mut c_void, _mode: u8) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobOpen", errhp, locator, |lob| {
            lob.check()?;
            match std::mem::replace(&mut lob.is_open, true) {
                true => Err(Failure::ora(22293, "LOB already opened in the same transaction")),
                false => Ok(status::SUCCESS),
            }
        })
    }
}

/// Closes a LOB; nothing but the flag.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobClose(_svchp: *mut c_void, errhp: *mut c_void, locator: *mut c_void) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobClose", errhp, locator, |lob| match std::mem::replace(&mut lob.is_open, false) {
            true => Ok(status::SUCCESS),
            false => Err(Failure::ora(22289, "cannot perform CLOSE operation on an unopened file or LOB")),
        })
    }
}

/// Whether a LOB is open.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobIsOpen(_svchp: *mut c_void, errhp: *mut c_void, locator: *mut c_void, answer: *mut i32) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobIsOpen", errhp, locator, |lob| {
            answer.write(i32::from(lob.is_open));
            Ok(status::SUCCESS)
        })
    }
}

/// Whether a CLOB is a national one: never.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobCharSetForm(_envhp: *mut c_void, errhp: *mut c_void, locator: *mut c_void, form: *mut u8) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobCharSetForm", errhp, locator, |lob| {
            form.write(u8::from(lob.is_text));
            Ok(status::SUCCESS)
        })
    }
}
