//! Character sets: AL32UTF8, and UTF8 and US7ASCII as its subsets.

use std::ffi::{CStr, c_void};

use super::codes::{charset, status};
use super::env::EnvBody;
use super::error::{Failure, guard, guard_bare, write_text};
use super::handle;

const ITEM_MAX_CHARACTER_BYTES: u16 = 91;
const ITEM_CHARSET_ID: u16 = 93;
const ITEM_NCHARSET_ID: u16 = 94;
const MAP_IANA_TO_ORACLE: u32 = 0;
const MAP_ORACLE_TO_IANA: u32 = 1;

/// Oracle's name, IANA's name, Oracle's id.
const CHARSETS: [(&str, &str, u16); 3] =
    [("AL32UTF8", "UTF-8", charset::AL32UTF8), ("UTF8", "CESU-8", charset::UTF8), ("US7ASCII", "US-ASCII", charset::US7ASCII)];

/// Whether text in this character set is taken and given as UTF-8.
pub fn is_utf8_compatible(id: u16) -> bool {
    id == 0 || CHARSETS.iter().any(|(_, _, known)| *known == id)
}

/// Most bytes of a character.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINlsNumericInfoGet(envhp: *mut c_void, errhp: *mut c_void, value: *mut i32, item: u16) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCINlsNumericInfoGet", errhp, |_| {
            let charset_id = handle::get::<EnvBody>(envhp)?.lock().charset_id;
            if item != ITEM_MAX_CHARACTER_BYTES || value.is_null() {
                return Err(Failure::unimplemented(format_args!("OCINlsNumericInfoGet of item {item}")));
            }
            value.write(match charset_id {
                charset::US7ASCII => 1,
                charset::UTF8 => 3,
                _ => 4,
            });
            Ok(status::SUCCESS)
        })
    }
}

/// The default character sets: AL32UTF8 whatever the environment says.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINlsEnvironmentVariableGet(
    value: *mut c_void,
    size_bytes: usize,
    item: u16,
    _charset: u16,
    result_bytes: *mut usize,
) -> i32 {
    guard_bare(|| {
        if !matches!(item, ITEM_CHARSET_ID | ITEM_NCHARSET_ID) || size_bytes < 2 && size_bytes != 0 || value.is_null() {
            return Err(Failure::unimplemented(format_args!("OCINlsEnvironmentVariableGet of item {item}")));
        }
        // SAFETY: the items are u16, non-NULL targets are writable by contract.
        unsafe {
            value.cast::<u16>().write_unaligned(charset::AL32UTF8);
            if !result_bytes.is_null() {
                result_bytes.write(2);
            }
        }
        Ok(status::SUCCESS)
    })
}

/// # Safety
/// `text` is NULL or NUL-terminated.
unsafe fn c_text<'a>(text: *const u8) -> &'a str {
    if text.is_null() {
        return "";
    }
    // SAFETY: the caller's contract.
    unsafe { CStr::from_ptr(text.cast()) }.to_str().unwrap_or("")
}

/// Oracle's id of a character set; 0 when unknown.
///
/// # Safety
/// `name` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINlsCharSetNameToId(_envhp: *mut c_void, name: *const u8) -> u16 {
    // SAFETY: the caller's contract.
    let name = unsafe { c_text(name) };
    CHARSETS.iter().find(|(oracle, _, _)| oracle.eq_ignore_ascii_case(name)).map_or(0, |(_, _, id)| *id)
}

/// Oracle's name of a character set.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINlsCharSetIdToName(_envhp: *mut c_void, buffer: *mut u8, buffer_bytes: usize, id: u16) -> i32 {
    guard_bare(|| {
        let found = CHARSETS.iter().find(|(_, _, known)| *known == id);
        let (name, _, _) = found.ok_or_else(|| Failure::ora(12715, "invalid character set specified"))?;
        // SAFETY: the caller's contract.
        unsafe { write_text(buffer, buffer_bytes, name) };
        Ok(status::SUCCESS)
    })
}

/// Between Oracle's and IANA's names of character sets.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINlsNameMap(_envhp: *mut c_void, buffer: *mut u8, buffer_bytes: usize, source: *const u8, flag: u32) -> i32 {
    guard_bare(|| {
        // SAFETY: the caller's contract.
        let source = unsafe { c_text(source) };
        let mapped = match flag {
            MAP_IANA_TO_ORACLE => CHARSETS.iter().find(|(_, iana, _)| iana.eq_ignore_ascii_case(source)).map(|(oracle, _, _)| oracle),
            MAP_ORACLE_TO_IANA => CHARSETS.iter().find(|(oracle, _, _)| oracle.eq_ignore_ascii_case(source)).map(|(_, iana, _)| iana),
            _ => None,
        };
        let name = mapped.ok_or_else(|| Failure::ora(12715, "invalid character set specified"))?;
        // SAFETY: the caller's contract.
        unsafe { write_text(buffer, buffer_bytes, name) };
        Ok(status::SUCCESS)
    })
}

/// Copies text between character sets that are the same for it.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINlsCharSetConvert(
    _envhp: *mut c_void,
    errhp: *mut c_void,
    to_id: u16,
    to: *mut c_void,
    to_bytes: usize,
    from_id: u16,
    from: *const c_void,
    from_bytes: usize,
    result_bytes: *mut usize,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCINlsCharSetConvert", errhp, |_| {
            if !is_utf8_compatible(to_id) || !is_utf8_compatible(from_id) {
                return Err(Failure::ora(12703, format_args!("this character set conversion is not supported ({from_id} to {to_id})")));
            }
            let source = std::slice::from_raw_parts(from.cast::<u8>(), from_bytes);
            if to_id != from_id && !source.is_ascii() {
                return Err(Failure::ora(
                    12703,
                    format_args!("this character set conversion is not supported ({from_id} to {to_id}) beyond ASCII"),
                ));
            }
            if to_bytes < from_bytes {
                return Err(Failure::ora(12714, "the target buffer is too small for the converted text"));
            }
            std::ptr::copy_nonoverlapping(source.as_ptr(), to.cast::<u8>(), from_bytes);
            if !result_bytes.is_null() {
                result_bytes.write(from_bytes);
            }
            Ok(status::SUCCESS)
        })
    }
}
