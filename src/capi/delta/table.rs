//! Functions about a table as a whole.

use std::ffi::c_char;

use super::super::error::OlbridgeError;
use super::{Call, OlbridgeDelta, Operation, nothing};

/// Describes a version.
///
/// # Safety
/// As [`super::olbridge_delta_delete`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_describe(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::Describe, nothing) }
}

/// The commits, newest first.
///
/// # Safety
/// As [`super::olbridge_delta_delete`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_history(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::History, nothing) }
}

/// Changes columns, properties or constraints.
///
/// # Safety
/// As [`super::olbridge_delta_delete`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_alter(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::Alter, nothing) }
}

/// Makes the table what it was at an earlier version, as a new version.
///
/// # Safety
/// As [`super::olbridge_delta_delete`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_restore(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::Restore, nothing) }
}

/// Removes the table with all its versions, or says what would go.
///
/// # Safety
/// As [`super::olbridge_delta_delete`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_drop(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::Drop, nothing) }
}

/// Puts small files together, or orders rows along a Z curve.
///
/// # Safety
/// As [`super::olbridge_delta_delete`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_optimize(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::Optimize, nothing) }
}

/// Removes files that the newest version does not need, or says which would go.
///
/// # Safety
/// As [`super::olbridge_delta_delete`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_vacuum(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::Vacuum, nothing) }
}

/// Writes a checkpoint of the newest version.
///
/// # Safety
/// As [`super::olbridge_delta_delete`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_checkpoint(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::Checkpoint, nothing) }
}

/// Removes commits that a checkpoint has made superfluous.
///
/// # Safety
/// As [`super::olbridge_delta_delete`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_clean_log(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::CleanLog, nothing) }
}
