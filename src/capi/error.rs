//! How a call ended, and the text that goes with it.

use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, RowError};
use crate::transaction::commit_outcome_unknown;

/// How a call ended. The integers are part of the ABI; up to 130 they are the exit codes of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// A defect of olbridge.
    Defect = 1,
    /// The call itself is wrong.
    Usage = 2,
    /// No client library, no connection or no login.
    Connect = 3,
    /// Types or columns do not fit; nothing has moved.
    Plan = 4,
    /// A row was refused.
    Row = 5,
    /// A file, a storage or the caller's stream could not be read or written.
    Storage = 6,
    /// The database refused a statement.
    Database = 7,
    /// The call was broken off.
    Interrupted = 130,
    /// The connection is lost; what was not committed is rolled back.
    Lost = 200,
    /// The answer to a commit was lost, of a database or of a Delta table, and nobody knows whether it has happened.
    CommitUnknown = 201,
}

impl Status {
    fn of(error: &Error) -> Status {
        match error {
            _ if commit_outcome_unknown(error) => Status::CommitUnknown,
            _ if error.is_lost_connection() => Status::Lost,
            Error::Usage { .. } => Status::Usage,
            Error::Connect { .. } => Status::Connect,
            Error::Plan { .. } => Status::Plan,
            Error::Row(_) | Error::Preflight { .. } => Status::Row,
            Error::Source { .. } => Status::Storage,
            Error::Database { ora_code: 1013, .. } | Error::Interrupted { .. } | Error::ExportInterrupted { .. } => Status::Interrupted,
            Error::Database { .. } => Status::Database,
            _ => Status::Defect,
        }
    }
}

/// What went wrong; freed by `olbridge_error_free`.
#[derive(Debug)]
pub struct OlbridgeError {
    status: Status,
    message: CString,
    column: Option<CString>,
    ora_code: i32,
    row: u64,
}

impl From<Error> for OlbridgeError {
    fn from(error: Error) -> Self {
        let (ora_code, column, row) = match &error {
            Error::Database { ora_code, .. } => (*ora_code, None, 0),
            Error::Connect { ora_code, .. } => (ora_code.unwrap_or(0), None, 0),
            Error::Row(row) => {
                let RowError { ora_code, column, source, .. } = &**row;
                (ora_code.unwrap_or(0), column.clone(), source.row)
            }
            Error::Plan { problems, .. } => (0, problems.first().and_then(|problem| problem.column.clone()), 0),
            _ => (0, None, 0),
        };
        let message = c_text(error.to_string());
        OlbridgeError { status: Status::of(&error), message, column: column.map(c_text), ora_code, row }
    }
}

/// Text without the zero bytes that C takes for its end.
pub(super) fn c_text(text: String) -> CString {
    CString::new(text).unwrap_or_else(|error| {
        let mut bytes = error.into_vec();
        bytes.retain(|&byte| byte != 0);
        CString::new(bytes).unwrap_or_default()
    })
}

/// Runs the body of a function of the ABI: no panic leaves it, and an error goes to `error` if the caller has a place for it.
///
/// # Safety
/// `error` is null or points to a place for a pointer.
pub(super) unsafe fn guarded(error: *mut *mut OlbridgeError, body: impl FnOnce() -> Result<(), Error>) -> i32 {
    let failed = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(OlbridgeError::from(error)),
        Err(_) => Some(OlbridgeError {
            status: Status::Defect,
            message: c_text("a defect of olbridge; what was not committed is rolled back when the session is closed".into()),
            column: None,
            ora_code: 0,
            row: 0,
        }),
    };
    let status = failed.as_ref().map_or(Status::Ok, |failed| failed.status);
    if !error.is_null() {
        let object = failed.map_or(std::ptr::null_mut(), |failed| Box::into_raw(Box::new(failed)));
        // SAFETY: the caller's place for a pointer, which is not null.
        unsafe { error.write(object) };
    }
    status as i32
}

/// Status of an error; [`Status::Ok`] for null.
///
/// # Safety
/// `error` is null or one that olbridge gave out and that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_error_status(error: *const OlbridgeError) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { error.as_ref() }.map_or(Status::Ok, |error| error.status) as i32
}

/// What happened, where, and what to do next, in UTF-8; it lives as long as the error. Null for null.
///
/// # Safety
/// As [`olbridge_error_status`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_error_message(error: *const OlbridgeError) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { error.as_ref() }.map_or(std::ptr::null(), |error| error.message.as_ptr())
}

/// The column that it is about; null when it is about none or several.
///
/// # Safety
/// As [`olbridge_error_status`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_error_column(error: *const OlbridgeError) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { error.as_ref() }.and_then(|error| error.column.as_ref()).map_or(std::ptr::null(), |column| column.as_ptr())
}

/// The ORA code; 0 when the database had no part in it.
///
/// # Safety
/// As [`olbridge_error_status`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_error_ora_code(error: *const OlbridgeError) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { error.as_ref() }.map_or(0, |error| error.ora_code)
}

/// The row of the caller's stream that was refused, 1-based; 0 when it is about no row.
///
/// # Safety
/// As [`olbridge_error_status`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_error_row(error: *const OlbridgeError) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { error.as_ref() }.map_or(0, |error| error.row)
}

/// Frees an error; null is left alone.
///
/// # Safety
/// As [`olbridge_error_status`], and it is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_error_free(error: *mut OlbridgeError) {
    if !error.is_null() {
        // SAFETY: made by `Box::into_raw` in `guarded`, and freed once.
        drop(unsafe { Box::from_raw(error) });
    }
}
