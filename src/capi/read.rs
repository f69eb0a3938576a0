//! Tables and queries as Arrow C streams.

use std::ffi::c_char;

use arrow::ffi::FFI_ArrowSchema;
use arrow::ffi_stream::FFI_ArrowArrayStream;

use super::error::{OlbridgeError, guarded};
use super::session::{OlbridgeSession, session};
use super::stream::QueryReader;
use super::text::{options, usage};
use super::worker::Request;
use crate::copy::target::parse_table;
use crate::copy::{AsOf, Endpoint, ExportJob, Target};
use crate::error::{Error, Result};
use crate::type_map::parse_arrow_type;

/// What is read: the options of `olbridge_read`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ReadOptions {
    /// `[SCHEMA.]TABLE`, or `query`.
    table: Option<String>,
    query: Option<String>,
    columns: Option<Vec<String>>,
    /// A condition as SQL.
    r#where: Option<String>,
    limit: Option<u64>,
    as_of_scn: Option<u64>,
    /// Column → type.
    r#as: std::collections::BTreeMap<String, String>,
    /// The type of NUMBER and FLOAT columns without a scale.
    number: Option<String>,
    /// Kinds of loss, separated by commas.
    lossy: Option<String>,
    batch_rows: Option<u32>,
    batch_bytes: Option<usize>,
    max_lob_bytes: Option<u32>,
}

impl ReadOptions {
    fn job(self) -> Result<ExportJob> {
        let table = match (&self.table, &self.query) {
            (Some(table), None) => Some(parse_table(table)?),
            (None, Some(_)) => None,
            _ => return Err(usage("the options name neither a table nor a query, or both", r#"{"table": "T"} or {"query": "select …"}"#)),
        };
        // The session is there already; only the table of the target is looked at.
        let source = Target { endpoint: Endpoint::Embedded("session".into()), username: None, table };
        let mut job = ExportJob::new(source, "-".into());
        job.selection.query = self.query;
        job.selection.columns = self.columns;
        job.selection.condition = self.r#where;
        job.selection.limit = self.limit;
        job.reading.as_of = self.as_of_scn.map_or(AsOf::Now, AsOf::Scn);
        let arrow_type = |text: &String| parse_arrow_type(text).map_err(|reason| usage(reason, "see README.md for the names of types"));
        for (column, data_type) in &self.r#as {
            job.types.columns.push((column.clone(), arrow_type(data_type)?));
        }
        job.types.number = self.number.as_ref().map(arrow_type).transpose()?;
        job.fetch.lossy = super::load::lossy(self.lossy.as_deref())?;
        job.fetch.batch_rows = self.batch_rows;
        job.fetch.batch_bytes = self.batch_bytes.unwrap_or(job.fetch.batch_bytes);
        job.fetch.max_lob_bytes = self.max_lob_bytes.unwrap_or(job.fetch.max_lob_bytes);
        Ok(job)
    }
}

/// Starts reading a table or a query; it sees what the session's open transaction has changed. The stream may outlive the session, and then gives an
/// error.
///
/// # Safety
/// `session` is one that olbridge gave out and that was not closed; `options` is null or ends in a zero byte; `stream` points to a place for a stream,
/// which is written over; `error` is null or points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_read(
    session_pointer: *const OlbridgeSession,
    options_json: *const c_char,
    stream: *mut FFI_ArrowArrayStream,
    error: *mut *mut OlbridgeError,
) -> i32 {
    let body = || {
        // SAFETY: the caller's promises.
        let (session, options) = unsafe { (session(session_pointer)?, options::<ReadOptions>(options_json)?) };
        if stream.is_null() {
            return Err(usage("the stream is null", "pass a place for an ArrowArrayStream"));
        }
        let job = options.job()?;
        let (id, schema) = session.worker.ask(|reply| Request::Open(Box::new(job), reply))?;
        let reader = QueryReader::new(session.worker.clone(), id, schema);
        // SAFETY: the caller's place for a stream, not null; what was in it is not dropped.
        unsafe { stream.write(FFI_ArrowArrayStream::new(Box::new(reader))) };
        Ok(())
    };
    // SAFETY: the caller's promise about `error`.
    unsafe { guarded(error, body) }
}

/// The Arrow schema that `olbridge_read` would give, without reading.
///
/// # Safety
/// As `olbridge_read`; `schema` points to a place for a schema, which is written over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_read_schema(
    session_pointer: *const OlbridgeSession,
    options_json: *const c_char,
    schema: *mut FFI_ArrowSchema,
    error: *mut *mut OlbridgeError,
) -> i32 {
    let body = || {
        // SAFETY: the caller's promises.
        let (session, options) = unsafe { (session(session_pointer)?, options::<ReadOptions>(options_json)?) };
        if schema.is_null() {
            return Err(usage("the schema is null", "pass a place for an ArrowSchema"));
        }
        let job = options.job()?;
        let found = session.worker.ask(|reply| Request::Schema(Box::new(job), reply))?;
        let exported = FFI_ArrowSchema::try_from(&*found).map_err(|error| Error::Usage {
            message: format!("the schema has no form in the C data interface: {error}"),
            remedy: "choose other types with \"as\"".into(),
        })?;
        // SAFETY: the caller's place for a schema, not null; what was in it is not dropped.
        unsafe { schema.write(exported) };
        Ok(())
    };
    // SAFETY: the caller's promise about `error`.
    unsafe { guarded(error, body) }
}
