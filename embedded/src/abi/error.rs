//! How a failure travels: a [`Failure`] inside, records of the caller's error handle and a status outside. No panic crosses the boundary.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::codes::{kind, status};
use super::handle::{self, Handle};
use crate::engine::OraError;

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    /// A handle was NULL, freed or of another kind: status -2, nothing to write a text to.
    InvalidHandle,
    /// An error with a code and a whole text, without the closing newline.
    Ora { code: i32, text: String, offset: Option<u16> },
}

impl Failure {
    /// `ORA-NNNNN: text`.
    pub fn ora(code: i32, text: impl std::fmt::Display) -> Failure {
        Failure::Ora { code, text: format!("ORA-{code:05}: {text}"), offset: None }
    }

    /// `OCI-NNNNN: text`, the prefix of errors of the number and date functions.
    pub fn oci(code: i32, text: impl std::fmt::Display) -> Failure {
        Failure::Ora { code, text: format!("OCI-{code:05}: {text}"), offset: None }
    }

    /// ORA-03001 for what this engine does not do, by name.
    pub fn unimplemented(what: impl std::fmt::Display) -> Failure {
        Failure::ora(3001, format_args!("unimplemented feature: {what} in the embedded engine"))
    }
}

impl From<OraError> for Failure {
    fn from(error: OraError) -> Failure {
        Failure::Ora { code: error.code, text: error.message, offset: error.offset }
    }
}

/// For the engine's callbacks, which speak its errors.
impl From<Failure> for OraError {
    fn from(failure: Failure) -> OraError {
        match failure {
            Failure::Ora { code, text, offset } => OraError { code, message: text, offset },
            Failure::InvalidHandle => OraError::new(24316, "illegal handle type"),
        }
    }
}

/// Result of the inside of an OCI function: a status, or why not.
pub type Outcome = Result<i32, Failure>;

/// One record of an error handle.
#[derive(Clone, Debug)]
pub struct Record {
    pub code: i32,
    /// Without the closing newline; `OCIErrorGet` adds it.
    pub text: String,
}

/// A failed row of an array execute.
#[derive(Clone, Debug)]
pub struct RowError {
    /// 0-based index in the bound arrays.
    pub row_index: u32,
    pub record: Record,
}

/// Content of an error handle.
#[derive(Default)]
pub struct ErrorBody {
    pub records: Vec<Record>,
    /// Attribute 74 of a handle filled by `OCIParamGet`.
    pub row_index: u32,
    /// Errors of the last array execute in batch mode that used this handle.
    pub row_errors: Vec<RowError>,
}

impl handle::Body for ErrorBody {
    const KIND: u32 = kind::ERROR;
}

/// Runs the inside of an OCI function that reports to `errhp`.
///
/// # Safety
/// `errhp` is NULL or points to a handle of this library that is not freed during the call.
pub unsafe fn guard(function: &str, errhp: *mut c_void, inside: impl FnOnce(&Handle<ErrorBody>) -> Outcome) -> i32 {
    // SAFETY: the caller's contract.
    let Ok(error_handle) = (unsafe { handle::get::<ErrorBody>(errhp) }) else {
        return status::INVALID_HANDLE;
    };
    match catch_unwind(AssertUnwindSafe(|| inside(error_handle))) {
        Ok(Ok(status)) => status,
        Ok(Err(failure)) => report(error_handle, failure),
        Err(panic) => report(error_handle, internal_error(function, panic.as_ref())),
    }
}

/// Runs the inside of a function without an error handle; a failure is a bare status.
pub fn guard_bare(inside: impl FnOnce() -> Outcome) -> i32 {
    match catch_unwind(AssertUnwindSafe(inside)) {
        Ok(Ok(status)) => status,
        Ok(Err(Failure::InvalidHandle)) => status::INVALID_HANDLE,
        Ok(Err(Failure::Ora { .. })) | Err(_) => status::ERROR,
    }
}

fn internal_error(function: &str, panic: &(dyn std::any::Any + Send)) -> Failure {
    let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Failure::ora(600, format_args!("internal error code, arguments: [{function}], [{}] in the embedded engine", what.unwrap_or("unknown")))
}

/// Replaces the records of `error_handle` and gives the status of the failure.
pub fn report(error_handle: &Handle<ErrorBody>, failure: Failure) -> i32 {
    match failure {
        Failure::InvalidHandle => status::INVALID_HANDLE,
        Failure::Ora { code, text, .. } => {
            error_handle.lock().records = vec![Record { code, text }];
            status::ERROR
        }
    }
}

/// Puts a warning (status 1) or the reason of NO_DATA into the error handle.
pub fn note(error_handle: &Handle<ErrorBody>, code: i32, text: &str) {
    error_handle.lock().records = vec![Record { code, text: format!("ORA-{code:05}: {text}") }];
}

/// Writes `text` and a NUL into `buffer`, cut at a character boundary.
///
/// # Safety
/// `buffer` is NULL or has room for `size_bytes`.
pub unsafe fn write_text(buffer: *mut u8, size_bytes: usize, text: &str) {
    if buffer.is_null() || size_bytes == 0 {
        return;
    }
    let mut cut = text.len().min(size_bytes - 1);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    // SAFETY: `cut` < `size_bytes`, for which the caller gives room; a `str` and a caller's buffer do not overlap.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer, cut);
        buffer.add(cut).write(0);
    }
}

/// Reads record `recordno` (1-based) of an error or environment handle; 100 past the last one.
///
/// # Safety
/// Pointers as the OCI contract says: `buffer` has `buffer_bytes`, `errcode` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIErrorGet(
    hndlp: *mut c_void,
    recordno: u32,
    sqlstate: *mut u8,
    errcode: *mut i32,
    buffer: *mut u8,
    buffer_bytes: u32,
    handle_kind: u32,
) -> i32 {
    guard_bare(|| {
        let records = match handle_kind {
            // SAFETY: the caller's contract on `hndlp`.
            kind::ERROR => unsafe { handle::get::<ErrorBody>(hndlp) }?.lock().records.clone(),
            // SAFETY: as above.
            kind::ENV => unsafe { handle::get::<super::env::EnvBody>(hndlp) }?.lock().records.clone(),
            _ => return Err(Failure::InvalidHandle),
        };
        if !sqlstate.is_null() {
            // SAFETY: a non-NULL sqlstate has six bytes by contract.
            unsafe { write_text(sqlstate, 6, "HY000") };
        }
        let record = (recordno as usize).checked_sub(1).and_then(|index| records.get(index));
        let (code, text, status) = match record {
            Some(record) => (record.code, format!("{}\n", record.text), status::SUCCESS),
            None => (100, String::new(), status::NO_DATA),
        };
        if !errcode.is_null() {
            // SAFETY: non-NULL, an i32 by contract.
            unsafe { errcode.write(code) };
        }
        // SAFETY: `buffer` has `buffer_bytes` by contract.
        unsafe { write_text(buffer, buffer_bytes as usize, &text) };
        Ok(status)
    })
}
