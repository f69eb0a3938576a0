//! Options → what the library is asked for → its answer as JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ffi_stream::ArrowArrayStreamReader;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::load::next_of;
use super::super::text::{parse, parse_or_default, usage};
use super::{Input, Operation};
use crate::delta::asked::{Alter, CleanLog, Create, Delete, Drop, Merge, Optimize, Read, Restore, Update, Vacuum, Version, Write};
use crate::delta::{Credential, DeltaTables, Once, Secret, StoreOptions, TIME_TO_LIVE, location};
use crate::error::Result;

/// What an opened place holds.
pub(super) type Tables = DeltaTables;

/// The options of `olbridge_delta_open`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Opening {
    connection: Option<String>,
    connections_file: Option<PathBuf>,
    credential: Option<Credential>,
    options: BTreeMap<String, String>,
    /// How long a table that was opened counts as new.
    cache_ms: Option<u64>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limit {
    limit: Option<usize>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NoOptions {}

pub(super) fn open(options: Option<&str>) -> Result<Tables> {
    let asked: Opening = parse_or_default(options)?;
    let store = StoreOptions {
        connection: asked.connection,
        connections_file: asked.connections_file,
        credential: asked.credential,
        options: asked.options.into_iter().map(|(key, value)| (key, Secret::new(value))).collect(),
    };
    Ok(DeltaTables::new(store, asked.cache_ms.map_or(TIME_TO_LIVE, Duration::from_millis)))
}

pub(super) fn read(tables: &Tables, table: &str, options: Option<&str>) -> Result<Box<dyn RecordBatchReader + Send>> {
    Ok(Box::new(tables.read(&location(table)?, &parse_or_default::<Read>(options)?)?))
}

/// Carries out `operation`; the answer is JSON.
pub(super) fn run(operation: Operation, tables: &Tables, table: &str, options: Option<&str>, input: Input) -> Result<String> {
    let location = location(table)?;
    let at = &location;
    let answer = match operation {
        Operation::Create => value(&tables.create(at, &parse_or_default::<Create>(options)?, input.schema())?),
        Operation::Describe => value(&tables.describe(at, &parse_or_default::<Version>(options)?)?),
        Operation::History => value(&tables.history(at, parse_or_default::<Limit>(options)?.limit)?),
        Operation::Alter => value(&tables.alter(at, &parse::<Alter>(options.unwrap_or_default())?)?),
        Operation::Restore => value(&tables.restore(at, &parse_or_default::<Restore>(options)?)?),
        Operation::Drop => value(&tables.drop_table(at, &parse_or_default::<Drop>(options)?)?),
        Operation::Write => value(&tables.write(at, &parse_or_default::<Write>(options)?, &mut input.rows()?)?),
        Operation::Delete => value(&tables.delete(at, &parse_or_default::<Delete>(options)?)?),
        Operation::Update => value(&tables.update(at, &parse_or_default::<Update>(options)?)?),
        Operation::Merge => value(&tables.merge(at, &parse_or_default::<Merge>(options)?, &mut input.rows()?)?),
        Operation::Optimize => value(&tables.optimize(at, &parse_or_default::<Optimize>(options)?)?),
        Operation::Vacuum => value(&tables.vacuum(at, &parse_or_default::<Vacuum>(options)?)?),
        Operation::Checkpoint => parse_or_default::<NoOptions>(options).and_then(|NoOptions {}| Ok(value(&tables.checkpoint(at)?)))?,
        Operation::CleanLog => value(&tables.clean_log(at, &parse_or_default::<CleanLog>(options)?)?),
    };
    Ok(answer.to_string())
}

fn value(answer: &impl Serialize) -> Value {
    serde_json::to_value(answer).unwrap_or_else(|error| json!({"error": error.to_string()}))
}

impl Input {
    fn schema(self) -> Option<SchemaRef> {
        match self {
            Input::Schema(schema) => Some(schema),
            _ => None,
        }
    }

    fn rows(self) -> Result<Once<CallerRows>> {
        match self {
            Input::Rows(reader) => Ok(Once::new(CallerRows(reader))),
            _ => Err(usage("no rows are given", "pass an ArrowArrayStream")),
        }
    }
}

/// The caller's stream, whose failures are errors of ours.
struct CallerRows(Box<ArrowArrayStreamReader>);

impl Iterator for CallerRows {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        next_of(&mut self.0).map_err(|error| ArrowError::ExternalError(Box::new(error))).transpose()
    }
}

impl RecordBatchReader for CallerRows {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }
}
