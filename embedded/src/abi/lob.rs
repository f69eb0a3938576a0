//! LOB locators. A locator of a query holds a copy of the value; a temporary one is written by its owner and bound.

mod array;
mod state;
mod transfer;
mod value;

use std::ffi::c_void;

use super::codes::status;
use super::descriptor;
use super::error::{Failure, Outcome, guard};
use super::handle;
use super::session::{ServiceBody, session_of};
pub use array::*;
pub use state::*;
use transfer::{Request, first_unit};
pub use value::{LobKind, LobValue};

const LOB_BLOB: u8 = 1;
const LOB_CLOB: u8 = 2;
const FORM_NATIONAL: u8 = 2;

/// # Safety
/// `errhp` and `locator` as the OCI contract says.
unsafe fn with_lob(function: &str, errhp: *mut c_void, locator: *mut c_void, inside: impl FnOnce(&mut LobValue) -> Outcome) -> i32 {
    // SAFETY: the caller's contract: one thread uses a locator at a time.
    unsafe { guard(function, errhp, |_| inside(descriptor::lob_mut(locator)?)) }
}

/// As [`with_lob`], for calls that change the LOB: what a stored one has come to goes into its row. A write in pieces gets there with the last one.
///
/// # Safety
/// As `with_lob`; `svchp` too.
unsafe fn with_written(
    function: &str,
    svchp: *mut c_void,
    errhp: *mut c_void,
    locator: *mut c_void,
    inside: impl FnOnce(&mut LobValue) -> Outcome,
) -> i32 {
    let change = |lob: &mut LobValue| {
        lob.check_writable()?;
        let Some(home) = lob.home else { return inside(lob) };
        // SAFETY: the caller's contract.
        let core = session_of(unsafe { handle::get::<ServiceBody>(svchp) }?)?;
        let mut changed = lob.clone();
        let status = inside(&mut changed)?;
        if changed.transfer.is_none() {
            core.enter()?.session()?.write_lob(home, changed.content()?)?;
        }
        *lob = changed;
        Ok(status)
    };
    // SAFETY: the caller's contract.
    unsafe { with_lob(function, errhp, locator, change) }
}

/// The kind of a temporary LOB.
fn kind_of(lob_type: u8, form: u8) -> Result<LobKind, Failure> {
    match (lob_type, form) {
        (LOB_BLOB, _) => Ok(LobKind::Binary),
        (LOB_CLOB, FORM_NATIONAL) => Ok(LobKind::National),
        (LOB_CLOB, _) => Ok(LobKind::Text),
        _ => Err(Failure::unimplemented(format_args!("temporary LOB of type {lob_type}"))),
    }
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
    form: u8,
    lob_type: u8,
    _cache: i32,
    _duration: u16,
) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobCreateTemporary", errhp, locator, |lob| {
            *lob = LobValue::temporary(kind_of(lob_type, form)?);
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
            lob.check()?;
            if !lob.is_temporary {
                return Err(Failure::ora(22275, "invalid LOB locator specified"));
            }
            *lob = LobValue::default();
            Ok(status::SUCCESS)
        })
    }
}

/// Reads from `offset` (1-based, characters or bytes): whole, in pieces by polling, or through a callback. Amounts come in and go out.
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
    context: *mut c_void,
    callback: *mut c_void,
    _charset: u16,
    _form: u8,
) -> i32 {
    let request = Request { byte_amount, char_amount, offset, buffer, buffer_bytes, piece, context, callback };
    // SAFETY: the same contract.
    unsafe {
        with_lob("OCILobRead2", errhp, locator, |lob| {
            lob.check()?;
            request.read(lob)
        })
    }
}

/// Writes at `offset` (1-based, characters or bytes): whole, in pieces by polling, or through a callback.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobWrite2(
    svchp: *mut c_void,
    errhp: *mut c_void,
    locator: *mut c_void,
    byte_amount: *mut u64,
    char_amount: *mut u64,
    offset: u64,
    buffer: *mut c_void,
    buffer_bytes: u64,
    piece: u8,
    context: *mut c_void,
    callback: *mut c_void,
    _charset: u16,
    _form: u8,
) -> i32 {
    let request = Request { byte_amount, char_amount, offset, buffer, buffer_bytes, piece, context, callback };
    // SAFETY: the same contract.
    unsafe { with_written("OCILobWrite2", svchp, errhp, locator, |lob| request.write(lob)) }
}

/// Writes at the end.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobWriteAppend2(
    svchp: *mut c_void,
    errhp: *mut c_void,
    locator: *mut c_void,
    byte_amount: *mut u64,
    char_amount: *mut u64,
    buffer: *mut c_void,
    buffer_bytes: u64,
    piece: u8,
    context: *mut c_void,
    callback: *mut c_void,
    _charset: u16,
    _form: u8,
) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_written("OCILobWriteAppend2", svchp, errhp, locator, |lob| {
            let offset = lob.length() as u64 + 1;
            Request { byte_amount, char_amount, offset, buffer, buffer_bytes, piece, context, callback }.write(lob)
        })
    }
}

/// Overwrites with blanks or zeros; `amount` comes in and goes out.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobErase2(svchp: *mut c_void, errhp: *mut c_void, locator: *mut c_void, amount: *mut u64, offset: u64) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_written("OCILobErase2", svchp, errhp, locator, |lob| {
            let units = usize::try_from(amount.read()).unwrap_or(usize::MAX);
            amount.write(lob.erase(first_unit(offset)?, units) as u64);
            Ok(status::SUCCESS)
        })
    }
}

/// The part of `from` that begins at `offset` (1-based) and has up to `amount` units.
///
/// # Safety
/// `from` as the OCI contract says.
unsafe fn part_of(from: *const c_void, offset: u64, amount: u64, to: &LobValue) -> Result<Vec<u8>, Failure> {
    // SAFETY: the caller's contract.
    let source = unsafe { descriptor::get(from) }?.lob()?;
    source.check()?;
    if source.is_text() != to.is_text() {
        return Err(Failure::ora(932, "inconsistent datatypes: expected CLOB got BLOB"));
    }
    let first = first_unit(offset)?;
    let end = source.offset(first.saturating_add(usize::try_from(amount).unwrap_or(usize::MAX)));
    Ok(source.part(source.offset(first), end).to_vec())
}

/// Copies a part of one LOB over a part of another. Offsets are 1-based.
///
/// # Safety
/// Pointers as the OCI contract says; the locators are two.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobCopy2(
    svchp: *mut c_void,
    errhp: *mut c_void,
    to: *mut c_void,
    from: *const c_void,
    amount: u64,
    to_offset: u64,
    from_offset: u64,
) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_written("OCILobCopy2", svchp, errhp, to, |lob| {
            let part = part_of(from, from_offset, amount, lob)?;
            let at = lob.reach(first_unit(to_offset)?);
            lob.put(at, &part)?;
            Ok(status::SUCCESS)
        })
    }
}

/// Appends one LOB to another.
///
/// # Safety
/// Pointers as the OCI contract says; the locators are two.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobAppend(svchp: *mut c_void, errhp: *mut c_void, to: *mut c_void, from: *const c_void) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        with_written("OCILobAppend", svchp, errhp, to, |lob| {
            let part = part_of(from, 1, u64::MAX, lob)?;
            let at = lob.reach(lob.length());
            lob.put(at, &part)?;
            Ok(status::SUCCESS)
        })
    }
}

/// Cuts a temporary LOB to a length in characters or bytes.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobTrim2(svchp: *mut c_void, errhp: *mut c_void, locator: *mut c_void, new_length: u64) -> i32 {
    // SAFETY: the same contract.
    unsafe {
        // A locator that never had a value is told by the status alone, by which ODPI-C knows that it has to make a temporary LOB.
        if descriptor::get(locator).and_then(|locator| locator.lob()).is_ok_and(|lob| !lob.is_filled()) {
            return status::INVALID_HANDLE;
        }
        with_written("OCILobTrim2", svchp, errhp, locator, |lob| {
            lob.trim(usize::try_from(new_length).unwrap_or(usize::MAX))?;
            Ok(status::SUCCESS)
        })
    }
}
