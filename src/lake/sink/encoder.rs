//! Record batches into bytes, in each of the formats.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::options::{Codec, SinkOptions};
use super::sorted::sorting_columns;
use crate::error::{Error, Phase, Result};
use crate::lake::format::Format;
use crate::lake::source_error;
use crate::lake::text::{CsvWriter, NdjsonWriter, check_types};

/// A writer of one format on its output.
pub(super) enum Encoder<W: Write + Send> {
    Parquet { writer: Box<ArrowWriter<W>>, row_group_bytes: usize },
    ArrowFile(Box<FileWriter<W>>, SchemaRef),
    ArrowStream(Box<StreamWriter<W>>),
    Csv(CsvWriter, W),
    Ndjson(NdjsonWriter, W),
}

impl<W: Write + Send> Encoder<W> {
    /// Begins a file with batches of `schema`; `texts` go beside the rows where the format has a place for them.
    pub(super) fn new(out: W, schema: &SchemaRef, texts: &[(String, String)], options: &SinkOptions) -> Result<Self, EncodeError> {
        let texts: &[(String, String)] = &[texts, &options.metadata[..]].concat();
        Ok(match options.format {
            Format::Parquet => {
                let properties = parquet_properties(schema, texts, options)?;
                let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties))?;
                Encoder::Parquet { writer: Box::new(writer), row_group_bytes: options.row_group_bytes }
            }
            Format::Arrow => {
                let schema = Arc::new(without_dictionaries(&with_texts(schema, texts)));
                Encoder::ArrowFile(Box::new(FileWriter::try_new_with_options(out, &schema, ipc_options(options)?)?), schema)
            }
            Format::Arrows => {
                let schema = with_texts(schema, texts);
                Encoder::ArrowStream(Box::new(StreamWriter::try_new_with_options(out, &schema, ipc_options(options)?)?))
            }
            Format::Csv => {
                check_types(schema)?;
                let mut out = out;
                Encoder::Csv(CsvWriter::begin(&mut out, schema, &options.csv)?, out)
            }
            Format::Ndjson => {
                check_types(schema)?;
                Encoder::Ndjson(NdjsonWriter::new(schema), out)
            }
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), EncodeError> {
        match self {
            Encoder::Parquet { writer, row_group_bytes } => {
                writer.write(batch)?;
                if writer.in_progress_size() >= *row_group_bytes {
                    writer.flush()?;
                }
            }
            Encoder::ArrowFile(writer, schema) => writer.write(&unfold(batch, schema)?)?,
            Encoder::ArrowStream(writer) => writer.write(batch)?,
            Encoder::Csv(writer, out) => writer.write(out, batch)?,
            Encoder::Ndjson(writer, out) => writer.write(out, batch)?,
        }
        Ok(())
    }

    /// Bytes that are in memory until a row group ends; other formats than Parquet keep none.
    pub(super) fn in_progress_bytes(&self) -> usize {
        match self {
            Encoder::Parquet { writer, .. } => writer.in_progress_size(),
            _ => 0,
        }
    }

    /// Ends the row group.
    pub(super) fn flush_row_group(&mut self) -> Result<(), EncodeError> {
        match self {
            Encoder::Parquet { writer, .. } => Ok(writer.flush()?),
            _ => Ok(()),
        }
    }

    /// Writes the end: the output, and how many row groups it has.
    pub(super) fn finish(self) -> Result<(W, usize), EncodeError> {
        Ok(match self {
            Encoder::Parquet { mut writer, .. } => {
                writer.flush()?;
                let row_groups = writer.flushed_row_groups().len();
                (writer.into_inner()?, row_groups)
            }
            Encoder::ArrowFile(mut writer, _) => {
                writer.finish()?;
                (writer.into_inner()?, 0)
            }
            Encoder::ArrowStream(mut writer) => {
                writer.finish()?;
                (writer.into_inner()?, 0)
            }
            Encoder::Csv(_, out) | Encoder::Ndjson(_, out) => (out, 0),
        })
    }
}

fn parquet_properties(schema: &Schema, texts: &[(String, String)], options: &SinkOptions) -> Result<WriterProperties, EncodeError> {
    let texts = texts.iter().map(|(key, value)| KeyValue { key: key.clone(), value: Some(value.clone()) }).collect();
    let sorting = sorting_columns(schema, &options.sorted_by).map_err(|error| EncodeError::Format(error.to_string()))?;
    Ok(WriterProperties::builder()
        .set_compression(options.codec().for_parquet())
        .set_dictionary_enabled(options.dictionary)
        .set_statistics_enabled(options.statistics.for_parquet())
        .set_sorting_columns(sorting)
        .set_max_row_group_row_count(Some(options.row_group_rows.max(1)))
        .set_created_by(concat!("olbridge ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(texts))
        .build())
}

fn with_texts(schema: &SchemaRef, texts: &[(String, String)]) -> Schema {
    let mut metadata = schema.metadata().clone();
    metadata.extend(texts.iter().cloned());
    schema.as_ref().clone().with_metadata(metadata)
}

/// An Arrow file has one dictionary a column for all its batches, and the next batch may bring other values: plain values take its place.
fn without_dictionaries(schema: &Schema) -> Schema {
    let plain = |field: &FieldRef| match field.data_type() {
        DataType::Dictionary(_, values) => Arc::new(field.as_ref().clone().with_data_type(values.as_ref().clone())),
        _ => field.clone(),
    };
    Schema::new_with_metadata(schema.fields().iter().map(plain).collect::<Vec<_>>(), schema.metadata().clone())
}

fn unfold(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let plain = batch.columns().iter().zip(schema.fields()).map(|(array, field)| match array.data_type() {
        DataType::Dictionary(..) => arrow::compute::cast(array, field.data_type()),
        _ => Ok(array.clone()),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), plain.collect::<Result<_, _>>()?, &options)
}

fn ipc_options(options: &SinkOptions) -> Result<IpcWriteOptions, ArrowError> {
    let compression = match options.codec() {
        Codec::Zstd => Some(CompressionType::ZSTD),
        Codec::Lz4 => Some(CompressionType::LZ4_FRAME),
        Codec::Snappy | Codec::None => None,
    };
    IpcWriteOptions::default().try_with_compression(compression)
}

/// Why a batch could not be written.
#[derive(Debug)]
pub(super) enum EncodeError {
    Io(io::Error),
    /// A type or value that the format has no place for.
    Format(String),
}

impl EncodeError {
    /// As an error about `path`.
    pub(super) fn about(self, path: &Path) -> Error {
        match self {
            EncodeError::Io(error) => write_error(path, &error),
            EncodeError::Format(message) => {
                source_error(Phase::Write, path, message, "read the column as another type (--as COLUMN=TYPE), or write another --format")
            }
        }
    }
}

pub(super) fn write_error(path: &Path, error: &io::Error) -> Error {
    if path == Path::new(crate::lake::input::STANDARD_STREAM) && error.kind() == io::ErrorKind::BrokenPipe {
        return Error::ClosedOutput;
    }
    // A store's own words.
    if let Some(Error::Source { message, remedy, .. }) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return source_error(Phase::Write, path, message, remedy);
    }
    let remedy = match error.kind() {
        io::ErrorKind::AlreadyExists => "replace it with --mode overwrite, or name another file",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk, and run the job again: nothing was left",
        io::ErrorKind::FileTooLarge => {
            "raise the limit of file sizes (ulimit -f), or write several files with --file-bytes: nothing was left"
        }
        _ => "name a file in a directory that exists and can be written",
    };
    source_error(Phase::Write, path, error.to_string(), remedy)
}

impl From<io::Error> for EncodeError {
    fn from(error: io::Error) -> Self {
        EncodeError::Io(error)
    }
}

impl From<ArrowError> for EncodeError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, error) => EncodeError::Io(error),
            other => EncodeError::Format(other.to_string()),
        }
    }
}

impl From<ParquetError> for EncodeError {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(error) => EncodeError::Io(*error),
                Err(other) => EncodeError::Format(other.to_string()),
            },
            other => EncodeError::Format(other.to_string()),
        }
    }
}
