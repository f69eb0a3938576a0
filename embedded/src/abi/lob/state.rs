//! What locators tell of themselves: state, length and form, which are asked without touching the value.

use std::ffi::c_void;

use super::super::codes::status;
use super::super::descriptor::{self, Content};
use super::super::error::{Failure, guard};
use super::{FORM_NATIONAL, LobKind, with_lob};

/// Size that reads and writes are best multiples of, in bytes or characters.
const CHUNK: u32 = 8060;

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

/// Whether a locator has a value.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobLocatorIsInit(_envhp: *mut c_void, errhp: *mut c_void, locator: *const c_void, answer: *mut i32) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobLocatorIsInit", errhp, locator.cast_mut(), |lob| {
            answer.write(i32::from(lob.is_filled()));
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

/// Whether a CLOB is a national one (2) or not (1).
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobCharSetForm(_envhp: *mut c_void, errhp: *mut c_void, locator: *mut c_void, form: *mut u8) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobCharSetForm", errhp, locator, |lob| {
            form.write(match lob.kind() {
                LobKind::Binary => 0,
                LobKind::Text => 1,
                LobKind::National => FORM_NATIONAL,
            });
            Ok(status::SUCCESS)
        })
    }
}
