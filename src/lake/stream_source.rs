//! Arrow IPC, CSV and NDJSON as sources: read from the begin to the end, without knowing how many rows will come.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use super::discover::FoundFile;
use super::format::{CsvOptions, Format};
use super::input::{Counted, Input};
use super::parquet::{ReadOptions, guarded, own_texts};
use super::partition::{partition_array, partition_field};
use super::read_ahead::{BatchReader, SourceBatch};
use super::stream_head::{add_named_columns, agree, head};
use super::text::{BadCell, Cells, Guess, JsonLines, ParseOptions, Records, parse_column};
use super::{ipc, source_error};
use crate::error::{Error, Phase, Result};

/// Text of a batch at most, so that long values make short batches.
const MAX_BATCH_TEXT_BYTES: usize = 8 << 20;

/// How text is read where it does not say so itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceOptions {
    /// The format; `None` goes by the ending of the name.
    pub format: Option<Format>,
    /// How CSV is written.
    pub csv: CsvOptions,
    /// Column → type, for CSV and NDJSON.
    pub types: Vec<(String, DataType)>,
    /// Columns of the same name have the type and nullability that they have here.
    pub like: Option<SchemaRef>,
    /// Offsets other than that of the column's zone are taken for the instants that they name.
    pub any_offset: bool,
    /// Which version of a Delta table.
    pub version: TableVersion,
}

/// Which version of a table that keeps several.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TableVersion {
    /// The newest.
    #[default]
    Latest,
    /// One by number.
    Number(u64),
    /// The newest at this time, as RFC 3339 with its zone.
    AsOf(String),
}

impl SourceOptions {
    /// The field that was asked for under a name that is in the file.
    fn field_of(&self, name: &str) -> Option<Field> {
        let is_named = |other: &str| other == name || other.eq_ignore_ascii_case(name);
        let chosen = self.types.iter().find(|(other, _)| is_named(other)).map(|(_, data_type)| Field::new(name, data_type.clone(), true));
        let like = || self.like.as_ref()?.fields().iter().find(|f| is_named(f.name()));
        chosen.or_else(|| like().map(|f| Field::new(name, f.data_type().clone(), f.is_nullable())))
    }
}

/// Files of one format that are read from begin to end, or standard input.
#[derive(Debug, Clone)]
pub struct StreamSource {
    format: Format,
    inputs: Vec<Input>,
    schema: SchemaRef,
    partition_columns: usize,
    csv: CsvOptions,
    parse: ParseOptions,
    /// Columns of text whose type nobody has said yet; they are Utf8 until then.
    undecided: Vec<bool>,
    footer_texts: HashMap<String, String>,
}

impl StreamSource {
    /// Looks at the head of each file: names of columns, and of Arrow files their types.
    ///
    /// # Errors
    /// [`Error::Source`] naming the file.
    pub(super) fn open(format: Format, found: Option<&[FoundFile]>, options: &SourceOptions) -> Result<Self> {
        let inputs: Vec<Input> = found.map_or_else(|| vec![Input::stdin()], |found| found.iter().map(Input::file).collect());
        let mut first: Option<Schema> = None;
        for input in &inputs {
            let schema = head(format, input, &options.csv)?;
            match &mut first {
                None => first = Some(schema),
                Some(first) => agree(format, first, schema, &inputs[0], input)?,
            }
        }
        let first = first.unwrap_or_else(Schema::empty);
        let mut fields: Vec<FieldRef> = first.fields().iter().cloned().collect();
        let mut undecided = vec![false; fields.len()];
        if format.is_text() {
            add_named_columns(format, &mut fields, options);
            undecided = vec![true; fields.len()];
            for (index, field) in fields.iter_mut().enumerate() {
                if let Some(chosen) = options.field_of(field.name()) {
                    *field = Arc::new(chosen);
                    undecided[index] = false;
                }
            }
        }
        let footer_texts = own_texts(first.metadata());
        let file_columns = fields.len();
        for index in 0..inputs[0].partitions.len() {
            let field = found.and_then(|found| partition_field(found, index));
            let Some(field) = field else { continue };
            if fields.iter().any(|f| f.name().eq_ignore_ascii_case(field.name())) {
                let message = format!("column {:?} is in the file and in the directory name as well", field.name());
                return Err(source_error(
                    Phase::Describe,
                    &inputs[0].path,
                    message,
                    "name the files or their innermost directories instead",
                ));
            }
            fields.push(Arc::new(field));
        }
        let partition_columns = fields.len() - file_columns;
        let parse = ParseOptions { any_offset: options.any_offset };
        let (schema, csv) = (Arc::new(Schema::new(fields)), options.csv);
        Ok(StreamSource { format, inputs, schema, partition_columns, csv, parse, undecided, footer_texts })
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many columns at the end of the schema come from directory names.
    pub(super) fn partition_columns(&self) -> usize {
        self.partition_columns
    }

    pub(super) fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    pub(super) fn footer_text(&self, key: &str) -> Option<&str> {
        self.footer_texts.get(key).map(String::as_str)
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.inputs.iter().map(|input| input.size_bytes).sum()
    }

    pub(super) fn is_undecided(&self, column: usize) -> bool {
        self.undecided.get(column).copied().unwrap_or(false)
    }

    pub(super) fn decide(&mut self, column: usize, data_type: DataType) {
        let mut fields: Vec<FieldRef> = self.schema.fields().iter().cloned().collect();
        fields[column] = Arc::new(fields[column].as_ref().clone().with_data_type(data_type));
        self.schema = Arc::new(Schema::new(fields));
        if let Some(undecided) = self.undecided.get_mut(column) {
            *undecided = false;
        }
    }

    /// Reads all values of the undecided ones among `columns`, and gives them the narrowest types that hold them.
    pub(super) fn infer(&mut self, columns: &[usize], proceed: &dyn Fn() -> Result<()>) -> Result<()> {
        let wanted: Vec<usize> = columns.iter().copied().filter(|column| self.is_undecided(*column)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        self.keep(proceed)?;
        let mut guesses = vec![Guess::new(self.format == Format::Csv); wanted.len()];
        for input in &self.inputs {
            let mut rows = self.rows_of(input, Phase::Plan)?;
            loop {
                proceed()?;
                rows.cells.clear();
                let more = rows.fill(usize::MAX, MAX_BATCH_TEXT_BYTES)?;
                for row in 0..rows.cells.rows() {
                    wanted.iter().zip(&mut guesses).for_each(|(column, guess)| guess.add(rows.cells.cell(row, *column)));
                }
                if !more {
                    break;
                }
            }
        }
        for (column, guess) in wanted.into_iter().zip(guesses) {
            let data_type = guess.data_type().ok_or_else(|| {
                let name = self.schema.field(column).name();
                let message = format!("column {name:?} has strings and other JSON values, which a text column would not tell apart");
                source_error(Phase::Plan, &self.inputs[0].path, message, format!("say what it is: --as {name}=text"))
            })?;
            self.decide(column, data_type);
        }
        Ok(())
    }

    /// From here on the source can be read more than once.
    pub(super) fn keep(&self, proceed: &dyn Fn() -> Result<()>) -> Result<()> {
        self.inputs.iter().try_for_each(|input| input.keep(proceed))
    }

    pub(super) fn read(&self, options: ReadOptions) -> BatchReader {
        let source = self.clone();
        BatchReader::start(move |send| {
            let mut bytes_before = 0;
            for input in &source.inputs {
                let each = Each { source: &source, input, columns: &options.columns, bytes_before };
                let go_on = match source.format {
                    Format::Csv | Format::Ndjson => each.text(options.batch_rows.max(1), send)?,
                    _ => ipc::read(&each, options.batch_rows.max(1), send)?,
                };
                if !go_on {
                    break;
                }
                bytes_before += input.size_bytes;
            }
            Ok(())
        })
    }

    fn rows_of<'s>(&'s self, input: &'s Input, phase: Phase) -> Result<Rows<'s>> {
        let file_columns = self.schema.fields().len() - self.partition_columns;
        let names = &self.schema.fields()[..file_columns];
        let counted = Counted::new(input.open(phase)?);
        let reader = match self.format {
            Format::Csv => {
                let mut records = Records::new(counted, &self.csv);
                let header = records.header().map_err(|bad| bad_line(phase, input, bad.line, None, &bad.reason))?;
                let places = header.iter().map(|name| names.iter().position(|field| field.name() == name)).collect();
                Reader::Csv(Box::new(records), places)
            }
            _ => {
                let places = names.iter().enumerate().map(|(index, field)| (field.name().clone(), index)).collect();
                Reader::Ndjson(Box::new(JsonLines::new(counted)), places)
            }
        };
        Ok(Rows { input, phase, reader, cells: Cells::new(file_columns), lines: Vec::new(), rows_before: 0 })
    }
}

pub(super) fn bad_line(phase: Phase, input: &Input, line: u64, row: Option<u64>, reason: &str) -> Error {
    let place = match row {
        Some(row) => format!("line {line}, row {row}"),
        None => format!("line {line}"),
    };
    source_error(phase, &input.path, format!("{place} {reason}"), "correct the file there (docs/formats.md has the conventions)")
}

/// One file on its way through the decoder, and what of it is wanted.
pub(super) struct Each<'a> {
    pub source: &'a StreamSource,
    pub input: &'a Input,
    pub columns: &'a [usize],
    pub bytes_before: u64,
}

/// Sends a batch; `false` when the consumer has gone away.
pub(super) type Send<'a> = &'a dyn Fn(SourceBatch) -> bool;

impl Each<'_> {
    fn text(&self, batch_rows: usize, send: Send<'_>) -> Result<bool> {
        let mut rows = self.source.rows_of(self.input, Phase::Read)?;
        loop {
            rows.rows_before += rows.cells.rows() as u64;
            rows.cells.clear();
            let more = rows.fill(batch_rows, MAX_BATCH_TEXT_BYTES)?;
            let count = rows.cells.rows();
            if count > 0 {
                let batch = self.batch(count, |column| rows.parse(self.source, column))?;
                let bytes_done = self.bytes_before + rows.bytes_read().min(self.input.size_bytes);
                let first_row = rows.rows_before + 1;
                if !send(SourceBatch { batch, file: self.input.path.clone(), first_row, bytes_done }) {
                    return Ok(false);
                }
            }
            if !more {
                return Ok(true);
            }
        }
    }

    /// Columns in the order asked for, partition values added.
    pub(super) fn batch(&self, rows: usize, mut file_column: impl FnMut(usize) -> Result<ArrayRef>) -> Result<RecordBatch> {
        let schema = &self.source.schema;
        let first_partition = schema.fields().len() - self.source.partition_columns;
        let mut arrays = Vec::with_capacity(self.columns.len());
        for &column in self.columns {
            arrays.push(match column.checked_sub(first_partition) {
                None => file_column(column)?,
                Some(partition) => {
                    let value = self.input.partitions.get(partition).and_then(Option::as_deref);
                    partition_array(value, schema.field(column).data_type(), rows)
                }
            });
        }
        let fields: Vec<_> = self.columns.iter().map(|&column| schema.fields()[column].clone()).collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
        guarded(&self.input.path, Phase::Read, || RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options))
    }
}

/// The rows of a text file, some at a time.
struct Rows<'s> {
    input: &'s Input,
    phase: Phase,
    reader: Reader,
    cells: Cells,
    /// The line on which each row of `cells` begins.
    lines: Vec<u64>,
    rows_before: u64,
}

type Bytes = Counted<Box<dyn std::io::BufRead + std::marker::Send>>;

enum Reader {
    Csv(Box<Records<Bytes>>, Vec<Option<usize>>),
    Ndjson(Box<JsonLines<Bytes>>, HashMap<String, usize>),
}

impl Rows<'_> {
    /// Adds rows until there are enough, or enough text; whether there may be more.
    fn fill(&mut self, max_rows: usize, max_text_bytes: usize) -> Result<bool> {
        self.lines.clear();
        while self.cells.rows() < max_rows && self.cells.text_bytes() < max_text_bytes {
            let row = self.rows_before + self.cells.rows() as u64 + 1;
            let read = match &mut self.reader {
                Reader::Csv(records, places) => records.read(&mut self.cells, places),
                Reader::Ndjson(lines, places) => lines.read(&mut self.cells, |name| places.get(name).copied()),
            };
            match read.map_err(|bad| bad_line(self.phase, self.input, bad.line, Some(row), &bad.reason))? {
                Some(line) => self.lines.push(line),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn bytes_read(&self) -> u64 {
        match &self.reader {
            Reader::Csv(records, _) => records.input().bytes(),
            Reader::Ndjson(lines, _) => lines.input().bytes(),
        }
    }

    fn parse(&self, source: &StreamSource, column: usize) -> Result<ArrayRef> {
        let field = source.schema.field(column);
        let cells = self.cells.column(column, 0..self.cells.rows());
        let not_null = |array: ArrayRef| match array.nulls().filter(|nulls| !field.is_nullable() && nulls.null_count() > 0) {
            Some(nulls) => {
                let row = (0..nulls.len()).find(|row| nulls.is_null(*row)).unwrap_or(0);
                Err(BadCell { row, reason: "is NULL, which --like does not allow".into() })
            }
            None => Ok(array),
        };
        parse_column(field.data_type(), &cells, source.parse).and_then(not_null).map_err(|bad| {
            let (line, row) = (self.lines.get(bad.row).copied().unwrap_or(0), self.rows_before + bad.row as u64 + 1);
            let message = format!("line {line}, row {row}, column {:?}: {} (read as {})", field.name(), bad.reason, field.data_type());
            let remedy = format!("correct the value, or read the column as another type: --as {}=TYPE", field.name());
            source_error(self.phase, &self.input.path, message, remedy)
        })
    }
}
