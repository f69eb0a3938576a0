//! Record batches as CSV and as NDJSON.

use std::io::{self, Write};

use arrow::array::{RecordBatch, new_empty_array};
use arrow::datatypes::Schema;
use arrow::error::ArrowError;

use super::encode::{ColumnText, Form, column_text, push_json_string};
use crate::lake::format::CsvOptions;
use crate::lake::sink::NUMBER_TEXT_KEY;

/// Bytes gathered before they are written.
const FLUSH_BYTES: usize = 256 << 10;

/// Whether every column has a text form.
///
/// # Errors
/// The first type that has none.
pub(in crate::lake) fn check_types(schema: &Schema) -> Result<(), ArrowError> {
    schema.fields().iter().try_for_each(|field| column_text(&new_empty_array(field.data_type()), Form::Json).map(drop))
}

/// CSV: a header, then a line a row. NULL is an empty field, the empty text is `""`.
#[derive(Debug)]
pub(in crate::lake) struct CsvWriter {
    options: CsvOptions,
    line: Vec<u8>,
}

impl CsvWriter {
    /// Writes the header.
    pub(in crate::lake) fn begin(out: &mut impl Write, schema: &Schema, options: &CsvOptions) -> io::Result<Self> {
        let mut line = Vec::new();
        for (index, field) in schema.fields().iter().enumerate() {
            push_delimiter(&mut line, index, options);
            Form::Csv(options).push_text(&mut line, field.name());
        }
        line.push(b'\n');
        out.write_all(&line)?;
        Ok(CsvWriter { options: *options, line })
    }

    /// Adds rows.
    pub(in crate::lake) fn write(&mut self, out: &mut impl Write, batch: &RecordBatch) -> Result<(), ArrowError> {
        let form = Form::Csv(&self.options);
        let columns: Vec<ColumnText> = batch.columns().iter().map(|column| column_text(column, form)).collect::<Result<_, _>>()?;
        self.line.clear();
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                push_delimiter(&mut self.line, index, &self.options);
                self.line.extend_from_slice(column.cell(row));
            }
            self.line.push(b'\n');
            flush_if_full(out, &mut self.line, FLUSH_BYTES)?;
        }
        flush_if_full(out, &mut self.line, 1)
    }
}

fn push_delimiter(line: &mut Vec<u8>, index: usize, options: &CsvOptions) {
    if index > 0 {
        line.push(options.delimiter as u8);
    }
}

/// NDJSON: an object a line, with all keys.
#[derive(Debug)]
pub(in crate::lake) struct NdjsonWriter {
    /// `{"a":`, `,"b":`
    keys: Vec<Vec<u8>>,
    /// Columns whose text is a number.
    is_number: Vec<bool>,
    line: Vec<u8>,
}

impl NdjsonWriter {
    /// For batches of `schema`.
    pub(in crate::lake) fn new(schema: &Schema) -> Self {
        let key = |(index, name): (usize, &str)| {
            let mut key = vec![if index == 0 { b'{' } else { b',' }];
            push_json_string(&mut key, name);
            key.push(b':');
            key
        };
        let keys = schema.fields().iter().map(|field| field.name().as_str()).enumerate().map(key).collect();
        let is_number = schema.fields().iter().map(|field| field.metadata().contains_key(NUMBER_TEXT_KEY)).collect();
        NdjsonWriter { keys, is_number, line: Vec::new() }
    }

    /// Adds rows.
    pub(in crate::lake) fn write(&mut self, out: &mut impl Write, batch: &RecordBatch) -> Result<(), ArrowError> {
        let forms = self.is_number.iter().map(|is_number| if *is_number { Form::JsonNumber } else { Form::Json });
        let columns: Vec<ColumnText> =
            batch.columns().iter().zip(forms).map(|(column, form)| column_text(column, form)).collect::<Result<_, _>>()?;
        self.line.clear();
        for row in 0..batch.num_rows() {
            for (key, column) in self.keys.iter().zip(&columns) {
                self.line.extend_from_slice(key);
                self.line.extend_from_slice(column.cell(row));
            }
            self.line.extend_from_slice(if columns.is_empty() { b"{}\n" } else { b"}\n" });
            flush_if_full(out, &mut self.line, FLUSH_BYTES)?;
        }
        flush_if_full(out, &mut self.line, 1)
    }
}

fn flush_if_full(out: &mut impl Write, line: &mut Vec<u8>, bytes: usize) -> Result<(), ArrowError> {
    if line.len() >= bytes {
        out.write_all(line).map_err(|error| ArrowError::IoError(error.to_string(), error))?;
        line.clear();
    }
    Ok(())
}
