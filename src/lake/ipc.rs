//! Arrow IPC files and streams as sources.

use std::io::BufReader;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};

use super::format::Format;
use super::input::Input;
use super::parquet::guarded;
use super::read_ahead::SourceBatch;
use super::source_error;
use super::stream_source::{Each, Send};
use crate::error::{Error, Phase, Result};

/// The schema of a file, from its footer or from its first message.
pub(super) fn schema(format: Format, input: &Input) -> Result<Schema> {
    if format == Format::Arrow {
        let file = BufReader::new(input.open_file(Phase::Describe)?);
        return ours(guarded(&input.path, Phase::Describe, || FileReader::try_new(file, None)).map(|reader| owned(&reader.schema())));
    }
    input.peek(|reader| ours(guarded(&input.path, Phase::Describe, || StreamReader::try_new(reader, None)).map(|r| owned(&r.schema()))))
}

fn owned(schema: &SchemaRef) -> Schema {
    schema.as_ref().clone()
}

/// The guard speaks of Parquet.
fn ours<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Source { phase, path, message, .. } => {
            let message = message.replace("the Parquet decoder gave up", "the Arrow decoder gave up");
            let remedy = "the file is damaged or not Arrow IPC (files are .arrow, streams .arrows); write it again, or name its --format";
            Error::Source { phase, path, message, remedy: remedy.into() }
        }
        other => other,
    })
}

/// Sends every batch, cut to `batch_rows`; `false` when the consumer has gone away.
pub(super) fn read(each: &Each<'_>, batch_rows: usize, send: Send<'_>) -> Result<bool> {
    let (path, format) = (&each.input.path, each.source.format());
    let mut rows_done = 0;
    let mut hand_over = |batch: &RecordBatch| -> Result<bool> {
        for start in (0..batch.num_rows()).step_by(batch_rows) {
            let part = batch.slice(start, batch_rows.min(batch.num_rows() - start));
            let arranged = arrange(each, &part)?;
            let first_row = rows_done + 1;
            rows_done += part.num_rows() as u64;
            if !send(SourceBatch { batch: arranged, file: path.clone(), first_row, bytes_done: each.bytes_before }) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let mut batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>> = match format {
        Format::Arrow => {
            let file = BufReader::new(each.input.open_file(Phase::Read)?);
            Box::new(ours(guarded(path, Phase::Read, || FileReader::try_new(file, None)))?)
        }
        _ => {
            let input = each.input.open(Phase::Read)?;
            Box::new(ours(guarded(path, Phase::Read, || StreamReader::try_new(input, None)))?)
        }
    };
    let mut number = 0;
    loop {
        number += 1;
        let next = ours(guarded(path, Phase::Read, || batches.next().transpose()));
        let next = next.map_err(|error| match error {
            Error::Source { phase, path, message, remedy } => {
                Error::Source { phase, path, message: format!("record batch {number}: {message}"), remedy }
            }
            other => other,
        })?;
        match next {
            None => return Ok(true),
            Some(batch) if !hand_over(&batch)? => return Ok(false),
            Some(_) => {}
        }
    }
}

fn arrange(each: &Each<'_>, batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = each.source.schema();
    each.batch(batch.num_rows(), |column| {
        let field = schema.field(column);
        match batch.column_by_name(field.name()) {
            Some(array) if array.data_type() == field.data_type() => Ok(array.clone()),
            _ => {
                let message = format!("the file has changed: column {:?} is not what it was when the job was planned", field.name());
                Err(source_error(Phase::Read, &each.input.path, message, "run the job again when the file is complete"))
            }
        }
    })
}
