//! A directory as a target: several files, by size or by the values of partition columns. All is written into a hidden directory beside the target, which takes the
//! target's name when it is whole.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;

use super::SinkReport;
use super::encoder::{Encoder, write_error};
use super::options::SinkOptions;
use super::output::{Output, Written, sync_directory};
use super::partition::Partitioning;
use crate::error::{Error, Phase, Result};
use crate::lake::format::Format;
use crate::lake::source_error;

/// Files that are open at once; beyond it the one that has not been written to for longest is finished, and its partition gets another file if more rows come.
const MAX_OPEN_FILES: usize = 64;

/// A directory that is being written. Dropped before [`Self::finish`] it leaves nothing.
pub(super) struct DirectorySink {
    path: PathBuf,
    work: WorkDirectory,
    schema: SchemaRef,
    texts: Vec<(String, String)>,
    options: SinkOptions,
    partitioning: Option<Partitioning>,
    /// By the directory within the target.
    open: HashMap<String, OpenFile>,
    /// Files of each directory so far.
    numbers: HashMap<String, u32>,
    clock: u64,
    done: SinkReport,
}

struct OpenFile {
    encoder: Encoder<Output>,
    path: PathBuf,
    written: Written,
    last_used: u64,
}

impl OpenFile {
    /// On disk and still in memory.
    fn bytes(&self) -> u64 {
        self.written.bytes() + self.encoder.in_progress_bytes() as u64
    }
}

impl DirectorySink {
    pub(super) fn create(path: &Path, schema: &SchemaRef, texts: &[(String, String)], options: &SinkOptions) -> Result<Self> {
        let partitioning = match options.partition_by.is_empty() {
            true => None,
            false => Some(Partitioning::new(path, schema, &options.partition_by)?),
        };
        let inner = match &partitioning {
            Some(partitioning) => Arc::new(partitioning.inner_schema(schema)),
            None => schema.clone(),
        };
        let work = WorkDirectory::create(path).map_err(|error| write_error(path, &error))?;
        let mut sink = DirectorySink {
            path: path.to_owned(),
            work,
            schema: inner,
            texts: texts.to_vec(),
            options: options.clone(),
            partitioning,
            open: HashMap::new(),
            numbers: HashMap::new(),
            clock: 0,
            done: SinkReport::default(),
        };
        // Types that the format has no place for are found before a row is read; and a table without rows still has its columns.
        sink.file_of(String::new())?;
        if sink.partitioning.is_some() {
            sink.open.clear();
            sink.numbers.clear();
            fs::remove_file(sink.work.path.join(sink.file_name(1))).map_err(|error| write_error(path, &error))?;
        }
        Ok(sink)
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some(partitioning) = &self.partitioning else {
            return self.write_to(String::new(), batch);
        };
        let inner = batch.project(&partitioning.inner_columns(batch.num_columns())).map_err(|error| self.error(error.to_string()))?;
        for (directory, rows) in partitioning.split(&self.path, batch)? {
            let rows = UInt32Array::from(rows);
            let part = take_record_batch(&inner, &rows).map_err(|error| self.error(error.to_string()))?;
            self.write_to(directory, &part)?;
        }
        Ok(())
    }

    fn write_to(&mut self, directory: String, batch: &RecordBatch) -> Result<()> {
        self.clock += 1;
        let (clock, limit, path) = (self.clock, self.options.file_bytes, self.path.clone());
        let file = self.file_of(directory.clone())?;
        file.encoder.write(batch).map_err(|error| error.about(&path))?;
        file.last_used = clock;
        let is_full = limit.is_some_and(|limit| file.bytes() >= limit);
        self.done.rows += batch.num_rows() as u64;
        if is_full {
            self.close(&directory)?;
        }
        self.bound_memory()
    }

    /// The open file of a directory within the target; another one is finished when too many are open.
    fn file_of(&mut self, directory: String) -> Result<&mut OpenFile> {
        if !self.open.contains_key(&directory) {
            if self.open.len() >= MAX_OPEN_FILES {
                let oldest = self.open.iter().min_by_key(|(_, file)| file.last_used).map(|(directory, _)| directory.clone());
                oldest.map_or(Ok(()), |oldest| self.close(&oldest))?;
            }
            let number = self.numbers.entry(directory.clone()).or_default();
            *number += 1;
            let (number, folder) = (*number, self.work.path.join(&directory));
            let path = folder.join(self.file_name(number));
            let file =
                fs::create_dir_all(&folder).and_then(|()| File::create_new(&path)).map_err(|error| write_error(&self.path, &error))?;
            let output = Output::file(file);
            let written = output.written();
            let encoder = Encoder::new(output, &self.schema, &self.texts, &self.options).map_err(|e| e.about(&self.path))?;
            self.open.insert(directory.clone(), OpenFile { encoder, path, written, last_used: self.clock });
        }
        match self.open.get_mut(&directory) {
            Some(file) => Ok(file),
            None => Err(source_error(Phase::Write, &self.path, "a file that was opened is not there", "report this as a bug")),
        }
    }

    fn file_name(&self, number: u32) -> String {
        format!("part-{number:05}.{}", self.options.format.ending())
    }

    /// What all writers keep in memory is bounded as if there were one.
    fn bound_memory(&mut self) -> Result<()> {
        if self.options.format != Format::Parquet || self.partitioning.is_none() {
            return Ok(());
        }
        let total: usize = self.open.values().map(|file| file.encoder.in_progress_bytes()).sum();
        if total >= self.options.row_group_bytes
            && let Some(largest) = self.open.values_mut().max_by_key(|file| file.encoder.in_progress_bytes())
        {
            largest.encoder.flush_row_group().map_err(|error| error.about(&self.path))?;
        }
        Ok(())
    }

    fn close(&mut self, directory: &str) -> Result<()> {
        let Some(file) = self.open.remove(directory) else { return Ok(()) };
        let (output, row_groups) = file.encoder.finish().map_err(|error| error.about(&self.path))?;
        self.done.size_bytes += output.finish().map_err(|error| write_error(&self.path, &error))?;
        self.done.row_groups += row_groups;
        self.done.files += 1;
        sync_directory(&file.path);
        Ok(())
    }

    pub(super) fn rows(&self) -> u64 {
        self.done.rows
    }

    /// Gives the directory its name; with `replace` in the place of one that is there.
    pub(super) fn finish(mut self, replace: bool) -> Result<SinkReport> {
        let mut open: Vec<String> = self.open.keys().cloned().collect();
        open.sort();
        open.iter().try_for_each(|directory| self.close(directory))?;
        if replace {
            refuse_strangers(&self.path, &self.path)?;
        }
        self.work.publish(&self.path, replace).map_err(|error| write_error(&self.path, &error))?;
        Ok(self.done)
    }

    fn error(&self, message: String) -> Error {
        source_error(Phase::Write, &self.path, message, "run the job again, and report this if it happens twice")
    }
}

/// Whether a directory has no entry that this user can see.
pub(super) fn is_empty_directory(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

/// Before a directory is replaced: everything in it is a data file, a marker such as `_SUCCESS`, or a partition.
pub(super) fn refuse_strangers(target: &Path, directory: &Path) -> Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| write_error(target, &error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| write_error(target, &error))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().map_err(|error| write_error(target, &error))?;
        let belongs = match kind.is_dir() {
            true => name.contains('=') && refuse_strangers(target, &path).map(|()| true)?,
            false => kind.is_file() && (name.starts_with(['_', '.']) || Format::of_path(&path).is_some()),
        };
        if !belongs {
            let message = format!("the directory holds {}, which no copy has written: it is not replaced", path.display());
            return Err(source_error(Phase::Plan, target, message, "name a directory of its own, or empty it yourself"));
        }
    }
    Ok(())
}

impl std::fmt::Debug for DirectorySink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectorySink").field("path", &self.path).field("rows", &self.done.rows).finish_non_exhaustive()
    }
}

/// The hidden directory; removed on drop unless it has been moved.
struct WorkDirectory {
    path: PathBuf,
    is_moved: bool,
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        if !self.is_moved {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

impl WorkDirectory {
    fn create(target: &Path) -> io::Result<Self> {
        const TRIES: u32 = 1000;
        let mut number = 0;
        loop {
            let path = beside(target, &format!("{number}.part"))?;
            match fs::create_dir(&path) {
                Ok(()) => return Ok(WorkDirectory { path, is_moved: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < TRIES => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn publish(&mut self, target: &Path, replace: bool) -> io::Result<()> {
        let old = beside(target, "old")?;
        let has_old = replace && target.exists() && !is_empty_directory(target);
        if has_old {
            // Two renames: between them the name is not there, for as long as a rename takes.
            fs::rename(target, &old)?;
        } else if target.exists() && !is_empty_directory(target) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        if let Err(error) = fs::rename(&self.path, target) {
            if has_old {
                fs::rename(&old, target)?;
            }
            return Err(error);
        }
        self.is_moved = true;
        sync_directory(target);
        if has_old {
            // The new table is there; what is left of the old one is hidden, and its name says what it is.
            let _ = fs::remove_dir_all(&old);
        }
        Ok(())
    }
}

fn beside(target: &Path, ending: &str) -> io::Result<PathBuf> {
    let name = target.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this names no directory"))?;
    Ok(target.with_file_name(format!(".{}.{}-{ending}", name.to_string_lossy(), std::process::id())))
}
