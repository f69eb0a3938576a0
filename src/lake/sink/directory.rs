//! A directory as a target: several files, by size or by the values of partition columns, all of them in a place of their own until they are whole.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;

use super::SinkReport;
use super::encoder::Encoder;
use super::options::SinkOptions;
use super::output::{Output, Written};
use super::partition::Partitioning;
use super::place::Place;
use crate::error::{Error, Phase, Result};
use crate::lake::format::Format;
use crate::lake::source_error;

/// A directory that is being written. Dropped before [`Self::finish`] it leaves nothing.
pub(super) struct DirectorySink {
    path: PathBuf,
    place: Place,
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
    name: String,
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
        let place = Place::create(path)?;
        let mut sink = DirectorySink {
            path: path.to_owned(),
            place,
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
            sink.place.discard(&sink.file_name("", 1))?;
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
            if self.open.len() >= self.place.most_open_files() {
                let oldest = self.open.iter().min_by_key(|(_, file)| file.last_used).map(|(directory, _)| directory.clone());
                oldest.map_or(Ok(()), |oldest| self.close(&oldest))?;
            }
            *self.numbers.entry(directory.clone()).or_default() += 1;
            let name = self.file_name(&directory, *self.numbers.get(&directory).unwrap_or(&1));
            let output = self.place.open(&name)?;
            let written = output.written();
            let encoder = Encoder::new(output, &self.schema, &self.texts, &self.options).map_err(|e| e.about(&self.path))?;
            self.open.insert(directory.clone(), OpenFile { encoder, name, written, last_used: self.clock });
        }
        match self.open.get_mut(&directory) {
            Some(file) => Ok(file),
            None => Err(source_error(Phase::Write, &self.path, "a file that was opened is not there", "report this as a bug")),
        }
    }

    /// Its name within the target.
    fn file_name(&self, directory: &str, number: u32) -> String {
        let slash = if directory.is_empty() { "" } else { "/" };
        format!("{directory}{slash}part-{number:05}.{}", self.options.format.ending())
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
        self.done.size_bytes += self.place.close(&file.name, output)?;
        self.done.row_groups += row_groups;
        self.done.files += 1;
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
        self.place.publish(replace)?;
        Ok(self.done)
    }

    fn error(&self, message: String) -> Error {
        source_error(Phase::Write, &self.path, message, "run the job again, and report this if it happens twice")
    }
}

impl std::fmt::Debug for DirectorySink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectorySink").field("path", &self.path).field("rows", &self.done.rows).finish_non_exhaustive()
    }
}
