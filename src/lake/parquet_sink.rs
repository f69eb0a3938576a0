//! A Parquet file as a target: written beside its place and moved there when it is whole, so that a reader never sees half a file.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::source_error;
use crate::error::{Error, Phase, Result};

/// Key in the footer of a file that was copied from Oracle: its columns with their Oracle types, so that a later load can make the same table.
pub const ORACLE_COLUMNS_KEY: &str = "olbridge.oracle_columns";

/// Key in the footer of a file that was copied from Oracle: the system change number that it is as of.
pub const SCN_KEY: &str = "olbridge.scn";

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// Zstandard, level 1.
    #[default]
    Zstd,
    /// Snappy.
    Snappy,
    /// None.
    None,
}

impl Codec {
    /// All codecs, as `--compression` spells them.
    pub const ALL: [(&str, Codec); 3] = [("zstd", Codec::Zstd), ("snappy", Codec::Snappy), ("none", Codec::None)];

    fn compression(self) -> Compression {
        match self {
            Codec::Zstd => Compression::ZSTD(ZstdLevel::default()),
            Codec::Snappy => Compression::SNAPPY,
            Codec::None => Compression::UNCOMPRESSED,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Codec::ALL.iter().find(|(_, codec)| codec == self).map_or("", |(name, _)| name))
    }
}

impl FromStr for Codec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Codec::ALL.into_iter().find(|(name, _)| *name == text).map(|(_, codec)| codec).ok_or_else(|| Error::Usage {
            message: format!("unknown compression {text:?}"),
            remedy: "--compression zstd, snappy or none".into(),
        })
    }
}

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct SinkOptions {
    /// Compression of all columns.
    pub codec: Codec,
    /// Rows of a row group at most.
    pub row_group_rows: usize,
    /// Encoded bytes after which a row group ends: what the writer keeps in memory.
    pub row_group_bytes: usize,
}

impl Default for SinkOptions {
    fn default() -> Self {
        SinkOptions { codec: Codec::default(), row_group_rows: 1 << 20, row_group_bytes: 64 << 20 }
    }
}

/// What a finished file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct SinkReport {
    /// Rows.
    pub rows: u64,
    /// Row groups.
    pub row_groups: usize,
    /// Size on disk.
    pub size_bytes: u64,
}

/// A file that is being written. Dropped before [`Self::finish`] it leaves nothing.
#[derive(Debug)]
pub struct ParquetSink {
    path: PathBuf,
    part: Part,
    writer: ArrowWriter<File>,
    row_group_bytes: usize,
    rows: u64,
}

/// The file beside the target; removed on drop unless it has been moved.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    is_moved: bool,
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_moved {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl ParquetSink {
    /// Opens a file beside `path` for batches of `schema`, with `metadata` in its footer.
    ///
    /// # Errors
    /// [`Error::Source`] when the directory is not there or cannot be written, or when Parquet has no place for a type.
    pub fn create(path: &Path, schema: SchemaRef, metadata: Vec<(String, String)>, options: SinkOptions) -> Result<Self> {
        let (part, file) = create_part(path).map_err(|error| write_error(path, error))?;
        let metadata = metadata.into_iter().map(|(key, value)| KeyValue { key, value: Some(value) }).collect();
        let properties = WriterProperties::builder()
            .set_compression(options.codec.compression())
            .set_max_row_group_row_count(Some(options.row_group_rows.max(1)))
            .set_created_by(concat!("olbridge ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(metadata))
            .build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| parquet_error(path, error))?;
        Ok(ParquetSink { path: path.to_owned(), part, writer, row_group_bytes: options.row_group_bytes, rows: 0 })
    }

    /// Adds a batch of the schema.
    ///
    /// # Errors
    /// [`Error::Source`] when the disk is full or the like.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|error| parquet_error(&self.path, error))?;
        self.rows += batch.num_rows() as u64;
        if self.writer.in_progress_size() >= self.row_group_bytes {
            self.writer.flush().map_err(|error| parquet_error(&self.path, error))?;
        }
        Ok(())
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the footer, makes the file durable, and moves it to its place; with `replace` over one that is there.
    ///
    /// # Errors
    /// [`Error::Source`]; the target is then what it was before. Without `replace` also when a file has come to be there meanwhile.
    pub fn finish(self, replace: bool) -> Result<SinkReport> {
        let ParquetSink { path, mut part, mut writer, rows, .. } = self;
        let metadata = writer.finish().map_err(|error| parquet_error(&path, error))?;
        let file = writer.inner();
        let publish = || -> io::Result<u64> {
            file.sync_all()?;
            let size_bytes = file.metadata()?.len();
            move_into_place(&part.path, &path, replace)?;
            Ok(size_bytes)
        };
        let size_bytes = publish().map_err(|error| write_error(&path, error))?;
        part.is_moved = true;
        sync_directory(&path);
        Ok(SinkReport { rows, row_groups: metadata.num_row_groups(), size_bytes })
    }
}

fn create_part(path: &Path) -> io::Result<(Part, File)> {
    const TRIES: u32 = 1000;
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this names no file"))?;
    let mut number = 0;
    loop {
        // Hidden, and without the ending: whoever reads the directory as a table does not see it.
        let part = path.with_file_name(format!(".{}.{}-{number}.part", name.to_string_lossy(), std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&part) {
            Ok(file) => return Ok((Part { path: part, is_moved: false }, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < TRIES => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn move_into_place(part: &Path, path: &Path, replace: bool) -> io::Result<()> {
    if replace {
        return fs::rename(part, path);
    }
    // A link fails when the name is taken, where a rename would replace what is there.
    match fs::hard_link(part, path) {
        Ok(()) => fs::remove_file(part),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // No links on this file system: the time between look and rename is the price.
        Err(_) if !path.exists() => fs::rename(part, path),
        Err(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
    }
}

/// The new name itself becomes durable; where a directory cannot be opened (Windows) the system does it by itself.
fn sync_directory(path: &Path) {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(directory) = File::open(parent) {
        let _ = directory.sync_all();
    }
}

fn write_error(path: &Path, error: io::Error) -> Error {
    let remedy = match error.kind() {
        io::ErrorKind::AlreadyExists => "replace it with --mode overwrite, or name another file",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk, and run the job again: nothing was left",
        _ => "name a file in a directory that exists and can be written",
    };
    source_error(Phase::Write, path, error.to_string(), remedy)
}

fn parquet_error(path: &Path, error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => write_error(path, *error),
            Err(other) => source_error(Phase::Write, path, other.to_string(), "make room on the disk, or name another file"),
        },
        other => source_error(Phase::Write, path, other.to_string(), "read the column as another type: --as COLUMN=TYPE"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn batch(range: std::ops::Range<i64>) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("ID", DataType::Int64, false)]);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from_iter_values(range))]).unwrap()
    }

    fn names(directory: &Path) -> Vec<String> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn sink(path: &Path, options: SinkOptions) -> ParquetSink {
        ParquetSink::create(path, batch(0..0).schema(), vec![("k".into(), "v".into())], options).unwrap()
    }

    #[test]
    fn a_file_is_there_when_it_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.parquet");
        let mut sink = sink(&path, SinkOptions { row_group_rows: 60, ..SinkOptions::default() });
        sink.write(&batch(0..100)).unwrap();
        assert!(!path.exists());
        let report = sink.finish(false).unwrap();
        assert_eq!((report.rows, report.row_groups), (100, 2));
        assert_eq!(report.size_bytes, fs::metadata(&path).unwrap().len());
        assert_eq!(names(directory.path()), ["t.parquet"]);
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
        let metadata = reader.metadata().file_metadata();
        assert!(metadata.key_value_metadata().unwrap().iter().any(|pair| pair.key == "k" && pair.value.as_deref() == Some("v")));
        assert!(metadata.created_by().unwrap().starts_with("olbridge "));
        assert_eq!(reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 100);
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut sink = sink(&directory.path().join("t.parquet"), SinkOptions::default());
        sink.write(&batch(0..10)).unwrap();
        assert_eq!(names(directory.path()).len(), 1);
        drop(sink);
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_when_asked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.parquet");
        fs::write(&path, "old").unwrap();
        let error = sink(&path, SinkOptions::default()).finish(false).unwrap_err().to_string();
        assert!(error.contains("--mode overwrite"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        sink(&path, SinkOptions::default()).finish(true).unwrap();
        assert_ne!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["t.parquet"]);
    }

    #[test]
    fn a_row_group_ends_by_its_bytes_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.parquet");
        let mut sink = sink(&path, SinkOptions { row_group_bytes: 1, ..SinkOptions::default() });
        sink.write(&batch(0..10)).unwrap();
        sink.write(&batch(10..20)).unwrap();
        assert_eq!(sink.finish(false).unwrap().row_groups, 2);
    }

    #[test]
    fn a_missing_directory_is_an_error_that_names_the_file() {
        let path = Path::new("/nowhere/at/all/t.parquet");
        let error = ParquetSink::create(path, batch(0..0).schema(), Vec::new(), SinkOptions::default()).unwrap_err().to_string();
        assert!(error.contains("t.parquet") && error.contains("directory"), "{error}");
    }
}
