//! The file of refused rows: all their columns, and for each where it came from and why it was refused. Parquet or NDJSON, by its ending.
//!
//! It is written beside its place under another name and moved there at the end, so that a file of this name is always complete.

use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;

use super::source_error;
use super::text::NdjsonWriter;
use crate::error::{Error, Phase, Result, RowError};

/// Bytes that a row group takes in memory before it is written out.
const MAX_ROW_GROUP_BYTES: usize = 8 << 20;

/// Columns after those of the source.
const REASON_COLUMNS: [(&str, DataType); 6] = [
    ("_reject_file", DataType::Utf8),
    ("_reject_row", DataType::UInt64),
    ("_reject_column", DataType::Utf8),
    ("_reject_phase", DataType::Utf8),
    ("_reject_ora_code", DataType::Int32),
    ("_reject_message", DataType::Utf8),
];

/// How the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectFormat {
    /// Complete only when it is closed.
    Parquet,
    /// One JSON object a line: complete up to the last line at any time.
    Ndjson,
}

impl RejectFormat {
    /// By the ending of the name.
    ///
    /// # Errors
    /// [`Error::Usage`] for other endings than `.parquet`, `.ndjson` and `.jsonl`.
    pub fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("parquet") => Ok(RejectFormat::Parquet),
            Some("ndjson" | "jsonl") => Ok(RejectFormat::Ndjson),
            _ => Err(Error::Usage {
                message: format!("{}: a file of refused rows is Parquet or NDJSON", path.display()),
                remedy: "a name that ends in .parquet or .ndjson".into(),
            }),
        }
    }
}

enum Writer {
    Parquet(Box<ArrowWriter<File>>),
    Ndjson(NdjsonWriter, BufWriter<File>),
    Closed,
}

/// A file of refused rows that is being written. Dropping it without [`Self::publish`] removes it.
pub struct RejectFile {
    path: PathBuf,
    /// Its name until it is complete; `None` when it has been moved or has to stay.
    temporary: Option<PathBuf>,
    writer: Writer,
    schema: SchemaRef,
    rows: u64,
}

impl RejectFile {
    /// Begins the file, for rows of `source`.
    ///
    /// # Errors
    /// [`Error::Usage`] when the file exists (it may hold rows that are nowhere else) or has another ending; [`Error::Source`] when the folder
    /// cannot be written.
    pub fn create(path: &Path, source: &Schema) -> Result<Self> {
        let format = RejectFormat::of(path)?;
        if path.exists() {
            return Err(Error::Usage {
                message: format!("{} exists, and may hold refused rows that are nowhere else", path.display()),
                remedy: "move it away, or name another file".into(),
            });
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // In a container every process has the same number: a run that was killed may have left a file, whose rows are nowhere else.
        let unique = RandomState::new().build_hasher().finish() as u32;
        let temporary = path.with_file_name(format!(".{name}.{}-{unique:08x}.partial", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary).map_err(|e| cannot_write(&temporary, e))?;
        let schema = reject_schema(source);
        let mut this = RejectFile { path: path.to_owned(), temporary: Some(temporary), writer: Writer::Closed, schema, rows: 0 };
        this.writer = match format {
            RejectFormat::Ndjson => Writer::Ndjson(NdjsonWriter::new(&this.schema), BufWriter::new(file)),
            RejectFormat::Parquet => {
                let writer = ArrowWriter::try_new(file, this.schema.clone(), None).map_err(|e| cannot_write(&this.path, e))?;
                Writer::Parquet(Box::new(writer))
            }
        };
        Ok(this)
    }

    /// Rows written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is as long as it is not complete.
    pub fn temporary_path(&self) -> Option<&Path> {
        self.temporary.as_deref()
    }

    /// Adds rows of `batch` (0-based) with their reasons.
    pub fn write(&mut self, batch: &RecordBatch, rows: &[(usize, RowError)]) -> Result<()> {
        let described = describe(batch, rows, &self.schema).map_err(|e| cannot_write(&self.path, e))?;
        match &mut self.writer {
            Writer::Parquet(writer) => {
                writer.write(&described).map_err(|e| cannot_write(&self.path, e))?;
                if writer.in_progress_size() > MAX_ROW_GROUP_BYTES {
                    writer.flush().map_err(|e| cannot_write(&self.path, e))?;
                }
            }
            Writer::Ndjson(writer, out) => writer.write(out, &described).map_err(|e| cannot_write(&self.path, e))?,
            Writer::Closed => return Err(cannot_write(&self.path, "it has been closed before")),
        }
        self.rows += rows.len() as u64;
        Ok(())
    }

    /// Brings to disk what can be brought there, before rows that are not in it are committed. A Parquet file needs its end to be read.
    pub fn sync(&mut self) -> Result<()> {
        match &mut self.writer {
            Writer::Ndjson(_, out) => out.flush().and_then(|()| out.get_ref().sync_data()).map_err(|e| cannot_write(&self.path, e)),
            Writer::Parquet(_) | Writer::Closed => Ok(()),
        }
    }

    /// Writes the end, and brings everything to disk.
    pub fn close(&mut self) -> Result<()> {
        let synced = match std::mem::replace(&mut self.writer, Writer::Closed) {
            Writer::Parquet(writer) => {
                let file = writer.into_inner().map_err(|e| cannot_write(&self.path, e))?;
                file.sync_all()
            }
            Writer::Ndjson(_, out) => out.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(|file| file.sync_all()),
            Writer::Closed => Ok(()),
        };
        synced.map_err(|e| cannot_write(&self.path, e))
    }

    /// Closes the file and gives it its name; without a row there is none. The path, if there is a file.
    ///
    /// # Errors
    /// [`Error::Source`], whose message names the file under which the rows are then.
    pub fn publish(&mut self) -> Result<Option<PathBuf>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let closed = self.close();
        // From here on it stays, whatever happens: its rows may be nowhere else.
        let Some(temporary) = self.temporary.take() else { return Ok(Some(self.path.clone())) };
        let moved = closed.and_then(|()| give_name(&temporary, &self.path).map_err(|e| cannot_write(&self.path, e)));
        moved.map(|()| Some(self.path.clone())).map_err(|error| {
            let message = format!("{error}\n  the refused rows, as far as they could be written, are in {}", temporary.display());
            source_error(Phase::Rejects, &self.path, message, "move that file yourself")
        })
    }
}

impl Drop for RejectFile {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // Nobody is left to hear of an error, and a leftover is recognised by its name.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// Gives a file the name `path`, unless another file has it: that of another run holds rows, too.
fn give_name(temporary: &Path, path: &Path) -> std::io::Result<()> {
    match fs::hard_link(temporary, path) {
        Ok(()) => {
            // A second name does no harm.
            let _ = fs::remove_file(temporary);
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(error),
        // No links there: the name is taken by an empty file, which is ours to replace.
        Err(_) => OpenOptions::new().write(true).create_new(true).open(path).and_then(|_| fs::rename(temporary, path)),
    }
}

fn cannot_write(path: &Path, error: impl std::fmt::Display) -> Error {
    source_error(Phase::Rejects, path, error.to_string(), "name a file in a folder that exists, can be written and has room")
}

/// The columns of the source and those of the reason; underscores keep the names apart when a file of refused rows is loaded again.
fn reject_schema(source: &Schema) -> SchemaRef {
    let mut fields: Vec<Field> = source.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    let taken = |fields: &[Field], prefix: &str| {
        REASON_COLUMNS.iter().any(|(name, _)| fields.iter().any(|f| f.name().eq_ignore_ascii_case(&format!("{prefix}{name}"))))
    };
    let mut prefix = String::new();
    while taken(&fields, &prefix) {
        prefix.push('_');
    }
    fields.extend(REASON_COLUMNS.map(|(name, data_type)| Field::new(format!("{prefix}{name}"), data_type, true)));
    Arc::new(Schema::new(fields))
}

fn describe(batch: &RecordBatch, rows: &[(usize, RowError)], schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let indices: UInt32Array = rows.iter().map(|(row, _)| *row as u32).collect::<Vec<_>>().into();
    let taken = take_record_batch(batch, &indices)?;
    let errors = || rows.iter().map(|(_, error)| error);
    let reasons: [ArrayRef; 6] = [
        Arc::new(errors().map(|e| e.source.file.as_ref().map(|f| f.display().to_string())).collect::<StringArray>()),
        Arc::new(errors().map(|e| e.source.row).collect::<Vec<_>>().into_iter().map(Some).collect::<UInt64Array>()),
        Arc::new(errors().map(|e| e.column.as_deref()).collect::<StringArray>()),
        Arc::new(errors().map(|e| Some(e.phase.to_string())).collect::<StringArray>()),
        Arc::new(errors().map(|e| e.ora_code).collect::<Int32Array>()),
        Arc::new(errors().map(|e| Some(e.message.as_str())).collect::<StringArray>()),
    ];
    let columns = taken.columns().iter().cloned().chain(reasons).collect();
    RecordBatch::try_new(Arc::clone(schema), columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SourceRow;
    use arrow::array::{Array, AsArray, Int64Array};
    use arrow::datatypes::Int64Type;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    fn batch() -> RecordBatch {
        RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from_iter_values(0..10)) as ArrayRef)]).unwrap()
    }

    fn refused(row: u64) -> RowError {
        RowError {
            phase: Phase::Execute,
            table: "T".into(),
            column: Some("A".into()),
            source: SourceRow { file: Some("f.parquet".into()), row },
            rowid: None,
            ora_code: Some(1438),
            message: "ORA-01438: too large".into(),
            remedy: String::new(),
        }
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["r.parquet", "r.ndjson"] {
            let path = folder.path().join(name);
            let mut file = RejectFile::create(&path, &batch().schema()).unwrap();
            file.write(&batch(), &[(2, refused(3)), (9, refused(10))]).unwrap();
            assert!(!path.exists());
            assert_eq!(file.publish().unwrap().as_deref(), Some(path.as_path()));
            assert!(RejectFile::create(&path, &batch().schema()).is_err(), "rows of an earlier run are not overwritten");
        }
        let mut dropped = RejectFile::create(&folder.path().join("d.ndjson"), &batch().schema()).unwrap();
        dropped.write(&batch(), &[(0, refused(1))]).unwrap();
        drop(dropped);
        let mut empty = RejectFile::create(&folder.path().join("e.parquet"), &batch().schema()).unwrap();
        assert_eq!(empty.publish().unwrap(), None);
        drop(empty);
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["r.ndjson", "r.parquet"]);
    }

    #[test]
    fn two_runs_with_one_name_lose_no_row() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["r.parquet", "r.ndjson"] {
            let path = folder.path().join(name);
            let mut files = [(); 2].map(|()| RejectFile::create(&path, &batch().schema()).unwrap());
            files.iter_mut().zip(1..).for_each(|(file, row)| file.write(&batch(), &[(row, refused(row as u64))]).unwrap());
            let [mut first, mut second] = files;
            first.publish().unwrap();
            let bytes = fs::read(&path).unwrap();
            let error = second.publish().unwrap_err().to_string();
            drop(second);
            assert_eq!(fs::read(&path).unwrap(), bytes);
            let kept = error.split("are in ").nth(1).unwrap().lines().next().unwrap();
            assert!(fs::metadata(kept).unwrap().len() > 0, "{error}");
        }
    }

    #[test]
    fn rows_come_back_with_their_reasons() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.parquet");
        let mut file = RejectFile::create(&path, &batch().schema()).unwrap();
        file.write(&batch(), &[(2, refused(3)), (9, refused(10))]).unwrap();
        file.publish().unwrap();
        let mut reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build().unwrap();
        let read = reader.next().unwrap().unwrap();
        assert_eq!(read.column(0).as_primitive::<Int64Type>().values(), &[2, 9]);
        assert_eq!(read.column_by_name("_reject_column").unwrap().as_string::<i32>().value(1), "A");
        assert_eq!(read.column_by_name("_reject_phase").unwrap().as_string::<i32>().value(1), "execute");
        assert_eq!(read.column_by_name("_reject_row").unwrap().len(), 2);
        // Loaded again, the reasons of the first time are columns like others.
        assert_eq!(reject_schema(&read.schema()).field(7).name(), "__reject_file");
    }
}
