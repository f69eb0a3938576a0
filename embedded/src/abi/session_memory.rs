//! What a caller keeps with a session: values by key, and memory.

use std::ffi::c_void;

use super::codes::status;
use super::error::{Failure, guard};
use super::handle;
use super::session::SessionBody;

const MEMORY_CLEARED: u32 = 0x1;

/// A value that the caller keeps with a session; NULL when there is none.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIContextGetValue(
    hndl: *mut c_void,
    errhp: *mut c_void,
    key: *const u8,
    key_len: u8,
    value: *mut *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIContextGetValue", errhp, |_| {
            let key = std::slice::from_raw_parts(key, usize::from(key_len));
            let session = handle::get::<SessionBody>(hndl)?.lock();
            value.write(session.context.get(key).map_or(std::ptr::null_mut(), |address| *address as *mut c_void));
            Ok(status::SUCCESS)
        })
    }
}

/// Keeps a value with a session.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIContextSetValue(
    hndl: *mut c_void,
    errhp: *mut c_void,
    _duration: u16,
    key: *const u8,
    key_len: u8,
    value: *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIContextSetValue", errhp, |_| {
            let key = std::slice::from_raw_parts(key, usize::from(key_len));
            handle::get::<SessionBody>(hndl)?.lock().context.insert(key.into(), value as usize);
            Ok(status::SUCCESS)
        })
    }
}

/// Memory that lives as long as a session.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIMemoryAlloc(
    hndl: *mut c_void,
    errhp: *mut c_void,
    memory: *mut *mut c_void,
    _duration: u16,
    size_bytes: u32,
    flags: u32,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIMemoryAlloc", errhp, |_| {
            if flags & !MEMORY_CLEARED != 0 {
                return Err(Failure::unimplemented(format_args!("OCIMemoryAlloc with flags {flags:#x}")));
            }
            // Words of sixteen bytes: aligned for anything a caller puts there.
            let mut session = handle::get::<SessionBody>(hndl)?.lock();
            session.memory.push(vec![0u128; (size_bytes as usize).div_ceil(16).max(1)]);
            memory.write(session.memory.last_mut().map_or(std::ptr::null_mut(), |block| block.as_mut_ptr().cast()));
            Ok(status::SUCCESS)
        })
    }
}

/// Frees memory of `OCIMemoryAlloc`.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIMemoryFree(hndl: *mut c_void, errhp: *mut c_void, memory: *mut c_void) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIMemoryFree", errhp, |_| {
            handle::get::<SessionBody>(hndl)?.lock().memory.retain(|block| !std::ptr::eq(block.as_ptr().cast(), memory));
            Ok(status::SUCCESS)
        })
    }
}
