//! Functions that need nothing but options: one signature, and one line for each.

use std::ffi::c_char;

use super::super::error::OlbridgeError;
use super::{Call, OlbridgeDelta, Operation, nothing};

/// Functions of the ABI by name and operation.
macro_rules! functions {
    ($($(#[doc = $what:literal])+ extern "C" fn $name:ident => $operation:ident;)+) => {$(
        $(#[doc = $what])+
        ///
        /// # Safety
        /// `delta` is one that olbridge gave out and that was not closed; `location` ends in a zero byte; `options_json` is null or does; `report_json`
        /// and `error` are null or point to places for pointers.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            delta: *const OlbridgeDelta,
            location: *const c_char,
            options_json: *const c_char,
            report_json: *mut *mut c_char,
            error: *mut *mut OlbridgeError,
        ) -> i32 {
            // SAFETY: the caller's promises.
            unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::$operation, nothing) }
        }
    )+};
}

functions! {
    /// Removes the rows that fulfil a condition.
    extern "C" fn olbridge_delta_delete => Delete;
    /// Sets columns in the rows that fulfil a condition.
    extern "C" fn olbridge_delta_update => Update;
    /// Describes a version.
    extern "C" fn olbridge_delta_describe => Describe;
    /// The commits, newest first.
    extern "C" fn olbridge_delta_history => History;
    /// Changes columns, properties or constraints.
    extern "C" fn olbridge_delta_alter => Alter;
    /// Makes the table what it was at an earlier version, as a new version.
    extern "C" fn olbridge_delta_restore => Restore;
    /// Removes the table with all its versions, or says what would go.
    extern "C" fn olbridge_delta_drop => Drop;
    /// Puts small files together, or orders rows along a Z curve.
    extern "C" fn olbridge_delta_optimize => Optimize;
    /// Removes files that the newest version does not need, or says which would go.
    extern "C" fn olbridge_delta_vacuum => Vacuum;
    /// Writes a checkpoint of the newest version.
    extern "C" fn olbridge_delta_checkpoint => Checkpoint;
    /// Removes commits that a checkpoint has made superfluous.
    extern "C" fn olbridge_delta_clean_log => CleanLog;
}
