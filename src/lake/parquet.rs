//! Parquet files as one table: opening them, agreeing on a schema, reading record batches.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::reader::ChunkReader;

use super::discover::{FoundFile, discover};
use super::narrow;
use super::object::SourceFile;
use super::parquet_decode::decode_parquet;
use super::partition::partition_field;
use super::read_ahead::BatchReader;
use super::source_error;
use crate::error::{Error, Phase, Result};

/// A Parquet file of a source.
#[derive(Debug, Clone)]
pub struct ParquetFile {
    /// As named or found.
    pub path: Arc<Path>,
    /// Rows, as its footer says.
    pub rows: u64,
    /// Size on disk.
    pub size_bytes: u64,
    /// Values of the partition columns, which come after the columns of the files.
    pub(super) partitions: Vec<Option<String>>,
}

/// Files with one schema. Holds no file open: a source of a million files needs as little memory as their names.
#[derive(Debug, Clone)]
pub struct ParquetSource {
    files: Vec<ParquetFile>,
    schema: SchemaRef,
    partition_columns: usize,
    /// Key → text of the footers, as far as all files agree.
    footer_texts: HashMap<String, String>,
    /// Columns that are machine integers in every file.
    integer_columns: HashSet<String>,
}

/// What to read, and in which pieces.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Indices into [`ParquetSource::schema`], in the order the batches shall have.
    pub columns: Vec<usize>,
    /// Rows of a batch at most.
    pub batch_rows: usize,
}

impl ParquetSource {
    /// Finds the files (see [`discover`]) and reads their footers.
    ///
    /// The schema is that of the first file, then the partition columns. Every other file must have the same columns by name and type, in
    /// any order; a column is nullable when it is in one of them.
    ///
    /// # Errors
    /// [`Error::Source`] naming the file: not found, not Parquet, damaged, or a schema that differs.
    pub fn open(sources: &[String]) -> Result<Self> {
        Self::open_found(&discover(sources)?)
    }

    /// As [`Self::open`], for files that were found.
    pub(super) fn open_found(found: &[FoundFile]) -> Result<Self> {
        let mut files = Vec::with_capacity(found.len());
        let mut fields: Vec<Field> = Vec::new();
        let mut footer_texts = HashMap::new();
        let mut integer_columns = HashSet::new();
        for file in found {
            let metadata = load_metadata(&file.path, Phase::Describe, ArrowReaderOptions::new())?;
            let rows = row_count(&file.path, &metadata)?;
            let names = unique_names(&file.path, metadata.schema())?;
            let texts = own_footer_texts(&metadata);
            let integers = narrow::integer_columns(&metadata);
            if files.is_empty() {
                (footer_texts, integer_columns) = (texts, integers);
                fields = metadata.schema().fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), f.is_nullable())).collect();
            } else {
                footer_texts.retain(|key, text| texts.get(key) == Some(text));
                integer_columns.retain(|name| integers.contains(name));
                agree(&mut fields, &found[0].path, &file.path, metadata.schema(), &names)?;
            }
            let partitions = file.partitions.iter().map(|(_, value)| value.clone()).collect();
            files.push(ParquetFile { path: file.path.clone(), rows, size_bytes: file.size_bytes, partitions });
        }
        let file_columns = fields.len();
        add_partition_fields(&mut fields, found)?;
        let partition_columns = fields.len() - file_columns;
        Ok(ParquetSource { files, schema: Arc::new(Schema::new(fields)), partition_columns, footer_texts, integer_columns })
    }

    /// Files of which somebody else says what is in them: `schema` has their columns, then `partition_columns`.
    #[cfg(feature = "delta")]
    pub(super) fn of_files(files: Vec<ParquetFile>, schema: SchemaRef, partition_columns: usize) -> ParquetSource {
        ParquetSource { files, schema, partition_columns, footer_texts: HashMap::new(), integer_columns: HashSet::new() }
    }

    /// The files in the order in which they are read.
    pub fn files(&self) -> &[ParquetFile] {
        &self.files
    }

    /// Columns of the files, then partition columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What olbridge itself has written into the footers under `key`, if all files say the same.
    pub fn footer_text(&self, key: &str) -> Option<&str> {
        self.footer_texts.get(key).map(String::as_str)
    }

    /// How many columns at the end of the schema come from directory names.
    pub fn partition_columns(&self) -> usize {
        self.partition_columns
    }

    /// Rows of all files.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }

    /// Size of all files on disk.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|f| f.size_bytes).sum()
    }

    /// Starts decoding on a thread of its own; the reader hands out what is ready.
    pub fn read(&self, options: ReadOptions) -> BatchReader {
        let source = self.clone();
        BatchReader::start(move |send| decode_parquet(&source, &options, send))
    }

    /// Whether schema column `index` comes from the files rather than from directory names.
    pub(super) fn is_file_column(&self, index: usize) -> bool {
        index < self.schema.fields().len() - self.partition_columns
    }

    /// Whether the column is a 32-bit or 64-bit integer in every file, whatever it means.
    pub(super) fn is_integer_column(&self, name: &str) -> bool {
        self.integer_columns.contains(name)
    }

    /// Changes the type that column `index` is decoded into.
    pub(super) fn set_column_type(&mut self, index: usize, data_type: DataType) {
        let mut fields: Vec<FieldRef> = self.schema.fields().iter().cloned().collect();
        fields[index] = Arc::new(fields[index].as_ref().clone().with_data_type(data_type));
        self.schema = Arc::new(Schema::new(fields));
    }
}

/// Opens `path` and reads its footer, with panics of the decoder turned into errors.
pub(super) fn load_metadata(path: &Path, phase: Phase, options: ArrowReaderOptions) -> Result<ArrowReaderMetadata> {
    load_metadata_of(&open_file(path, phase)?, path, phase, options)
}

/// The same of a file that is open.
pub(super) fn load_metadata_of(file: &SourceFile, path: &Path, phase: Phase, options: ArrowReaderOptions) -> Result<ArrowReaderMetadata> {
    guarded(path, phase, || ArrowReaderMetadata::load(file, options)).map_err(|error| match (error, hint(file)) {
        (Error::Source { phase, path, message, .. }, Some(remedy)) => Error::Source { phase, path, message, remedy: remedy.into() },
        (error, _) => error,
    })
}

pub(super) fn open_file(path: &Path, phase: Phase) -> Result<SourceFile> {
    SourceFile::open(path, phase)
}

/// Runs decoder code on untrusted bytes: what it panics with becomes an error about `path`.
pub(super) fn guarded<T, E: std::fmt::Display>(path: &Path, phase: Phase, decode: impl FnOnce() -> Result<T, E>) -> Result<T> {
    const REMEDY: &str = "the file is damaged or not Parquet; write it again, or check it with another reader";
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            let text = error.to_string();
            // A store has its own words.
            let (message, remedy) = text.split_once("\n  try: ").unwrap_or((&text, REMEDY));
            Err(source_error(phase, path, message.trim_start_matches("External: "), remedy))
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Err(source_error(phase, path, format!("the Parquet decoder gave up: {}", text.unwrap_or("no reason given")), REMEDY))
        }
    }
}

/// What a file that is not Parquet probably is, from its first bytes.
fn hint(file: &SourceFile) -> Option<&'static str> {
    const MAGIC_BYTES: usize = 6;
    match &file.get_bytes(0, MAGIC_BYTES).ok()?[..] {
        [b'P', b'A', b'R', b'1', ..] => Some("the file begins as Parquet, so its end is missing or damaged: copy or write it again"),
        [b'P', b'A', b'R', b'E', ..] => Some("the footer is encrypted, which is not supported: decrypt the file first"),
        b"ARROW1" => Some("this is an Arrow IPC file: --format arrow"),
        [0x1f, 0x8b, ..] => Some("this is a gzip file: unpack it first"),
        [b'O', b'R', b'C', ..] => Some("this is an ORC file: convert it to Parquet first"),
        _ => None,
    }
}

/// Those of a schema's texts that olbridge itself has written.
pub(super) fn own_texts(texts: &HashMap<String, String>) -> HashMap<String, String> {
    texts.iter().filter(|(key, _)| key.starts_with("olbridge.")).map(|(key, text)| (key.clone(), text.clone())).collect()
}

/// Other programs' texts may be large, and mean nothing here.
fn own_footer_texts(metadata: &ArrowReaderMetadata) -> HashMap<String, String> {
    let pairs = metadata.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    pairs.filter(|pair| pair.key.starts_with("olbridge.")).filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect()
}

pub(super) fn row_count(path: &Path, metadata: &ArrowReaderMetadata) -> Result<u64> {
    let damaged = |message: String| source_error(Phase::Describe, path, message, "the footer is damaged; write the file again");
    let total = metadata.metadata().file_metadata().num_rows();
    let by_group: i128 = metadata.metadata().row_groups().iter().map(|g| i128::from(g.num_rows())).sum();
    if by_group != i128::from(total) {
        return Err(damaged(format!("the footer counts {total} rows, its row groups {by_group}")));
    }
    u64::try_from(total).map_err(|_| damaged(format!("the footer counts {total} rows")))
}

fn unique_names<'a>(path: &Path, schema: &'a Schema) -> Result<HashMap<&'a str, usize>> {
    let mut names = HashMap::new();
    for (index, field) in schema.fields().iter().enumerate() {
        if names.insert(field.name().as_str(), index).is_some() {
            let message = format!("two columns are called {:?}", field.name());
            return Err(source_error(Phase::Describe, path, message, "write the file with different column names"));
        }
    }
    Ok(names)
}

fn agree(fields: &mut [Field], first: &Path, path: &Path, schema: &Schema, names: &HashMap<&str, usize>) -> Result<()> {
    let differs = |message: String| {
        source_error(Phase::Describe, path, message, "load files of different schemas one by one, or write them with one schema")
    };
    for field in fields.iter_mut() {
        let Some(other) = names.get(field.name().as_str()).map(|&index| schema.field(index)) else {
            return Err(differs(format!("column {:?} is missing, which {} has", field.name(), first.display())));
        };
        if !same_values(field.data_type(), other.data_type()) {
            let (name, here, there) = (field.name(), other.data_type(), field.data_type());
            return Err(differs(format!("column {name:?} has type {here}, but {there} in {}", first.display())));
        }
        field.set_nullable(field.is_nullable() || other.is_nullable());
    }
    if names.len() > fields.len() {
        let extra = schema.fields().iter().find(|f| fields.iter().all(|known| known.name() != f.name()));
        let name = extra.map(|f| f.name().as_str()).unwrap_or_default();
        return Err(differs(format!("column {name:?} is not in {}", first.display())));
    }
    Ok(())
}

/// Types that hold the same values, so that a file of one can be decoded as the other: offsets and dictionaries do not matter, nullability
/// of nested fields does.
pub(super) fn same_values(left: &DataType, right: &DataType) -> bool {
    fn plain(data_type: &DataType) -> &DataType {
        match data_type {
            DataType::Dictionary(_, value) => plain(value),
            DataType::LargeUtf8 | DataType::Utf8View => &DataType::Utf8,
            DataType::LargeBinary | DataType::BinaryView => &DataType::Binary,
            other => other,
        }
    }
    plain(left).equals_datatype(plain(right))
}

fn add_partition_fields(fields: &mut Vec<Field>, found: &[FoundFile]) -> Result<()> {
    let Some(first) = found.first() else { return Ok(()) };
    for index in 0..first.partitions.len() {
        let Some(field) = partition_field(found, index) else { continue };
        if fields.iter().any(|f| f.name().eq_ignore_ascii_case(field.name())) {
            let message = format!("column {:?} is in the file and in the directory name as well", field.name());
            return Err(source_error(Phase::Describe, &first.path, message, "name the files or their innermost directories instead"));
        }
        fields.push(field);
    }
    Ok(())
}
