//! Arrow C streams into tables.

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::error::ArrowError;
use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};

use super::error::{OlbridgeError, guarded};
use super::session::{OlbridgeSession, session};
use super::text::{give_json, options, usage};
use super::worker::{Loaded, Request, Worker};
use crate::copy::TableLoad;
use crate::error::{Error, Phase, Result};
use crate::load::{Dml, LoadReport, NotFound};
use crate::type_map::LossySet;

/// What becomes of the rows: the options of `olbridge_load`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LoadOptions {
    /// `[SCHEMA.]TABLE`
    table: Option<String>,
    mode: LoadMode,
    key: Vec<String>,
    columns: Option<Vec<String>>,
    /// Source column → table column.
    rename: std::collections::BTreeMap<String, String>,
    /// Rows whose key is not there are counted rather than refused.
    count_not_found: Option<bool>,
    /// Kinds of loss, separated by commas.
    lossy: Option<String>,
    batch_rows: Option<u32>,
    batch_bytes: Option<usize>,
}

#[derive(Debug, Default, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LoadMode {
    #[default]
    Append,
    Upsert,
    Update,
    Delete,
}

impl LoadMode {
    fn dml(self) -> Dml {
        match self {
            LoadMode::Append => Dml::Insert,
            LoadMode::Upsert => Dml::Upsert,
            LoadMode::Update => Dml::Update,
            LoadMode::Delete => Dml::Delete,
        }
    }
}

impl LoadOptions {
    fn load(self) -> Result<TableLoad> {
        let table = self.table.ok_or_else(|| usage("the options name no table", r#"{"table": "T"}"#))?;
        let mut load = TableLoad::try_from(table.as_str())?;
        load.dml = self.mode.dml();
        (load.key, load.columns, load.rename) = (self.key, self.columns, self.rename.into_iter().collect());
        let counts = self.count_not_found.unwrap_or(load.dml == Dml::Delete);
        load.options.not_found = if counts { NotFound::Count } else { NotFound::Refuse };
        load.options.lossy = lossy(self.lossy.as_deref())?;
        load.options.batch_rows = self.batch_rows;
        load.options.batch_bytes = self.batch_bytes.unwrap_or(load.options.batch_bytes);
        if load.options.batch_rows == Some(0) || load.options.batch_bytes == 0 {
            return Err(usage("buffers without room for a row", "leave out batch_rows and batch_bytes"));
        }
        Ok(load)
    }
}

pub(super) fn lossy(kinds: Option<&str>) -> Result<LossySet> {
    kinds.unwrap_or_default().parse().map_err(|reason: String| usage(reason, "see README.md for the kinds of loss"))
}

/// What a load did.
#[derive(Debug, serde::Serialize)]
struct Report {
    rows_loaded: u64,
    rows_affected: u64,
    rows_not_found: u64,
    executes: u64,
    convert_ms: u64,
    execute_ms: u64,
}

impl From<&LoadReport> for Report {
    fn from(report: &LoadReport) -> Self {
        Report {
            rows_loaded: report.rows_loaded,
            rows_affected: report.rows_affected,
            rows_not_found: report.rows_not_found,
            executes: report.executes,
            convert_ms: report.convert_time.as_millis() as u64,
            execute_ms: report.execute_time.as_millis() as u64,
        }
    }
}

/// Loads all rows of a stream into a table: all of them or, on an error, none. They belong to the open transaction, or are committed at the end when
/// none is open. The stream is consumed in any case. Streams of `olbridge_read` of the same session may feed it.
///
/// # Safety
/// `session` is one that olbridge gave out and that was not closed; `options` is null or ends in a zero byte; `stream` points to a stream as the
/// Arrow C stream interface defines it, and is released by the call; `report_json` and `error` are null or point to places for pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_load(
    session_pointer: *const OlbridgeSession,
    options_json: *const c_char,
    stream: *mut FFI_ArrowArrayStream,
    report_json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    let body = || {
        if !report_json.is_null() {
            // SAFETY: the caller's place for a pointer. Whatever comes, it is not left as it was.
            unsafe { report_json.write(std::ptr::null_mut()) };
        }
        if stream.is_null() {
            return Err(usage("the stream is null", "pass an ArrowArrayStream"));
        }
        // SAFETY: a valid stream is the caller's promise; it is moved out, so that it is released whatever comes now.
        let reader = unsafe { ArrowArrayStreamReader::from_raw(stream) }.map_err(|error| stream_failed(&error))?;
        // SAFETY: the caller's promises.
        let (session, options) = unsafe { (session(session_pointer)?, options::<LoadOptions>(options_json)?) };
        let report = load_all(&session.worker, options.load()?, reader)?;
        // SAFETY: the caller's promise.
        unsafe { give_json(report_json, &Report::from(&report)) }
    };
    // SAFETY: the caller's promise about `error`.
    unsafe { guarded(error, body) }
}

fn load_all(worker: &Worker, load: TableLoad, mut reader: ArrowArrayStreamReader) -> Result<LoadReport> {
    let schema = reader.schema();
    let ended = || usage("the load did not go as it does", "report this as a bug");
    let Loaded::Open(id) = worker.ask(|reply| Request::Load(Box::new(load), schema, reply))? else { return Err(ended()) };
    let _given_up = GivenUp(worker, id);
    while let Some(batch) = next_of(&mut reader)? {
        worker.ask(|reply| Request::Batch(id, batch, reply))?;
    }
    match worker.ask(|reply| Request::Finish(id, reply))? {
        Loaded::Whole(report) => Ok(*report),
        Loaded::Open(_) => Err(ended()),
    }
}

/// The next batch of the caller's stream. The reader panics where a stream fails without a text, which it may.
pub(super) fn next_of(reader: &mut ArrowArrayStreamReader) -> Result<Option<RecordBatch>> {
    let next = catch_unwind(AssertUnwindSafe(|| reader.next()));
    next.map_err(|_| stream_failed(&ArrowError::CDataInterface("it has failed without saying why".into())))?
        .transpose()
        .map_err(|error| stream_failed(&error))
}

/// Ends the load with that number if it is still under way, also when the caller's stream panics: the session would wait for its next batch for ever.
struct GivenUp<'w>(&'w Worker, u64);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        self.0.tell(Request::Abort(self.1));
    }
}

pub(super) fn stream_failed(error: &ArrowError) -> Error {
    Error::Source {
        phase: Phase::Read,
        path: "the caller's stream".into(),
        message: error.to_string(),
        remedy: "the rows that it gave before were taken back; mend the source and load again".into(),
    }
}
