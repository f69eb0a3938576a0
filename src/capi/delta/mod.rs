//! Delta tables across the ABI. What is done is in `operations`; in a library that was built without the feature `delta` opening refuses by name, and
//! so does all else.

#[cfg(feature = "delta")]
mod operations;
#[cfg(not(feature = "delta"))]
#[path = "without.rs"]
mod operations;
mod options_only;

use std::ffi::c_char;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::ffi::FFI_ArrowSchema;
use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};

use super::error::{OlbridgeError, guarded};
use super::text::{give_text, optional_text, text, usage};
use crate::error::Result;
use operations::Tables;

/// Delta tables and how their stores are opened. Its functions may be called from any thread, also at the same time.
#[derive(Debug)]
pub struct OlbridgeDelta {
    tables: Tables,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    Describe,
    History,
    Alter,
    Restore,
    Drop,
    Write,
    Delete,
    Update,
    Merge,
    Optimize,
    Vacuum,
    Checkpoint,
    CleanLog,
}

/// What comes beside the options.
enum Input {
    Nothing,
    Schema(SchemaRef),
    Rows(Box<ArrowArrayStreamReader>),
}

/// # Safety
/// `pointer` is null or one that olbridge gave out and that is not closed while `'a` lasts.
unsafe fn opened<'a>(pointer: *const OlbridgeDelta) -> Result<&'a OlbridgeDelta> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| usage("the tables are null", "open them with olbridge_delta_open"))
}

/// The places that every call takes.
struct Call {
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options: *const c_char,
    report: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
}

impl Call {
    /// Does it, and gives the report.
    ///
    /// # Safety
    /// As the functions of the ABI; what `input` reads is the caller's as well.
    unsafe fn run(self, operation: Operation, input: impl FnOnce() -> Result<Input>) -> i32 {
        let body = || {
            // First of all: a stream is consumed whatever else is wrong.
            let input = input()?;
            // SAFETY: the caller's promises.
            let (opened, location) = unsafe { (opened(self.delta)?, text(self.location, "the location")?) };
            // SAFETY: the caller's promise.
            let options = unsafe { optional_text(self.options, "the options") }?;
            let json = operations::run(operation, &opened.tables, location, options, input)?;
            // SAFETY: the caller's promise.
            unsafe { give_text(self.report, json) };
            Ok(())
        };
        // SAFETY: the caller's promise about `error`.
        unsafe { guarded(self.error, body) }
    }
}

fn nothing() -> Result<Input> {
    Ok(Input::Nothing)
}

/// The rows of the caller's stream, which is moved out, so that it is released whatever comes.
///
/// # Safety
/// `stream` is null or points to a stream as the Arrow C stream interface defines it.
unsafe fn rows(stream: *mut FFI_ArrowArrayStream) -> Result<Input> {
    if stream.is_null() {
        return Err(usage("the stream is null", "pass an ArrowArrayStream"));
    }
    // SAFETY: the caller's promise.
    let reader = unsafe { ArrowArrayStreamReader::from_raw(stream) };
    reader.map(|reader| Input::Rows(Box::new(reader))).map_err(|error| super::load::stream_failed(&error))
}

/// Opens a place for Delta tables: who asks, and how. Nothing is sent yet.
///
/// # Safety
/// `options_json` is null or ends in a zero byte; `delta` points to a place for a pointer; `error` is null or points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_open(
    options_json: *const c_char,
    delta: *mut *mut OlbridgeDelta,
    error: *mut *mut OlbridgeError,
) -> i32 {
    let body = || {
        if delta.is_null() {
            return Err(usage("the place for the tables is null", "pass a place for a pointer"));
        }
        // SAFETY: the caller's place for a pointer. Whatever comes, it is not left as it was.
        unsafe { delta.write(std::ptr::null_mut()) };
        // SAFETY: the caller's promise.
        let options = unsafe { optional_text(options_json, "the options") }?;
        let opened = OlbridgeDelta { tables: operations::open(options)? };
        // SAFETY: as above.
        unsafe { delta.write(Box::into_raw(Box::new(opened))) };
        Ok(())
    };
    // SAFETY: the caller's promise about `error`.
    unsafe { guarded(error, body) }
}

/// Closes it. Streams that were read from its tables go on. Null is left alone.
///
/// # Safety
/// `delta` is null or one that olbridge gave out; no other call uses it, now or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_close(delta: *mut OlbridgeDelta) {
    if !delta.is_null() {
        // SAFETY: made by `Box::into_raw` in `olbridge_delta_open`, and freed once.
        drop(unsafe { Box::from_raw(delta) });
    }
}

/// Makes a table of the columns of `schema`, or where that is null of those in the options.
///
/// # Safety
/// `delta` is one that olbridge gave out and that was not closed; `location` ends in a zero byte; `options_json` is null or does; `schema` is null or
/// points to a schema as the Arrow C data interface defines it, which stays the caller's; `report_json` and `error` are null or point to places for
/// pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_create(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    schema: *const FFI_ArrowSchema,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    let input = || {
        // SAFETY: the caller's promise.
        let Some(schema) = (unsafe { schema.as_ref() }) else { return Ok(Input::Nothing) };
        let schema = Schema::try_from(schema).map_err(|error| usage(format!("the schema: {error}"), "pass the schema of a struct"))?;
        Ok(Input::Schema(SchemaRef::new(schema)))
    };
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::Create, input) }
}

/// Writes all rows of a stream as one commit. The stream is consumed and released in any case.
///
/// # Safety
/// As [`options_only::olbridge_delta_delete`]; `stream` points to a stream as the Arrow C stream interface defines it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_write(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    stream: *mut FFI_ArrowArrayStream,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::Write, || rows(stream)) }
}

/// Merges all rows of a stream as one commit. The stream is consumed and released in any case.
///
/// # Safety
/// As [`olbridge_delta_write`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_merge(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    stream: *mut FFI_ArrowArrayStream,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { Call { delta, location, options: options_json, report: report_json, error }.run(Operation::Merge, || rows(stream)) }
}

/// Reads a version, or a part of it. The stream may be read in parts and released early.
///
/// # Safety
/// As [`options_only::olbridge_delta_delete`]; `stream` points to a place for a stream, which is written over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_delta_read(
    delta: *const OlbridgeDelta,
    location: *const c_char,
    options_json: *const c_char,
    stream: *mut FFI_ArrowArrayStream,
    error: *mut *mut OlbridgeError,
) -> i32 {
    let body = || {
        if stream.is_null() {
            return Err(usage("the stream is null", "pass a place for an ArrowArrayStream"));
        }
        // SAFETY: the caller's promises.
        let (opened, location) = unsafe { (opened(delta)?, text(location, "the location")?) };
        // SAFETY: the caller's promise.
        let options = unsafe { optional_text(options_json, "the options") }?;
        let reader = operations::read(&opened.tables, location, options)?;
        // SAFETY: the caller's place for a stream, not null; what was in it is not dropped.
        unsafe { stream.write(FFI_ArrowArrayStream::new(reader)) };
        Ok(())
    };
    // SAFETY: the caller's promise about `error`.
    unsafe { guarded(error, body) }
}
