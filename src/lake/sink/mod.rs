//! Files as targets, in every format: written beside their place and moved there when they are whole, so that a reader never sees half a
//! file; objects of stores in parts, which are joined then. Standard output has no place to move to: whoever reads it learns from the exit code whether it is whole.

mod directory;
mod encoder;
mod options;
mod output;
mod partition;
mod place;
mod sorted;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::input::STANDARD_STREAM;
use super::object::is_url_path;
use super::store::{self, Upload};
use crate::error::Result;
use directory::DirectorySink;
use encoder::{Encoder, write_error};
use output::{Output, Part};
use sorted::OrderCheck;

pub use options::{Codec, SinkOptions, Statistics};
pub use sorted::SortKey;

/// Key beside the rows of a file that was copied from Oracle: its columns with their Oracle types, so that a later load can make the same table.
pub const ORACLE_COLUMNS_KEY: &str = "olbridge.oracle_columns";

/// Key beside the rows of a file that was copied from Oracle: the system change number that it is as of.
pub const SCN_KEY: &str = "olbridge.scn";

/// Key of a text column whose values are numbers: NDJSON writes them as such, with all their digits.
pub const NUMBER_TEXT_KEY: &str = "olbridge.number_text";

/// What a finished file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct SinkReport {
    /// Rows.
    pub rows: u64,
    /// Files.
    pub files: u64,
    /// Row groups; 0 in formats without them.
    pub row_groups: usize,
    /// Bytes written.
    pub size_bytes: u64,
}

/// A file or a directory of files that is being written. Dropped before [`Self::finish`] it leaves nothing.
#[derive(Debug)]
pub struct Sink {
    kind: Kind,
    path: PathBuf,
    order: Option<OrderCheck>,
}

#[derive(Debug)]
enum Kind {
    File(Box<FileSink>),
    Directory(Box<DirectorySink>),
}

struct FileSink {
    path: PathBuf,
    /// `None` on standard output and in a store.
    part: Option<Part>,
    encoder: Encoder<Output>,
    rows: u64,
}

/// Whether rows go to standard output, where nothing else may go then.
pub fn is_standard_output(path: &Path) -> bool {
    path == Path::new(STANDARD_STREAM)
}

/// Whether the target is taken: by a file, by a directory with something in it, by an object, or (where a directory is to be written) by objects below.
///
/// # Errors
/// A store that does not answer, or does not permit the look.
pub fn is_taken(path: &Path, options: &SinkOptions) -> Result<bool> {
    match path.to_str() {
        Some(url) if is_url_path(path) => store::is_taken(url, options.is_directory()),
        _ => Ok(!is_standard_output(path) && path.exists() && !place::is_empty_directory(path)),
    }
}

impl Sink {
    /// Opens a file beside `path` (or an object, if that is a URL), or standard output for `-`, for batches of `schema`; `texts` go into the footer or schema.
    ///
    /// # Errors
    /// [`crate::Error::Source`] when the directory is not there or cannot be written, or when the format has no place for a type;
    /// [`crate::Error::Usage`] for options that the format has no place for.
    pub fn create(path: &Path, schema: &SchemaRef, texts: &[(String, String)], options: &SinkOptions) -> Result<Self> {
        options.check()?;
        let order = OrderCheck::new(schema, &options.sorted_by)?;
        Ok(Sink { kind: Self::open(path, schema, texts, options)?, path: path.to_owned(), order })
    }

    fn open(path: &Path, schema: &SchemaRef, texts: &[(String, String)], options: &SinkOptions) -> Result<Kind> {
        if options.is_directory() && !is_standard_output(path) {
            return Ok(Kind::Directory(Box::new(DirectorySink::create(path, schema, texts, options)?)));
        }
        let (part, output) = match is_standard_output(path) {
            true => (None, Output::standard_output()),
            false if is_url_path(path) => (None, Output::object(Upload::begin(&path.to_string_lossy())?)),
            false => {
                let (part, file) = Part::create(path).map_err(|error| write_error(path, &error))?;
                (Some(part), Output::file(file))
            }
        };
        let encoder = Encoder::new(output, schema, texts, options).map_err(|error| error.about(path))?;
        Ok(Kind::File(Box::new(FileSink { path: path.to_owned(), part, encoder, rows: 0 })))
    }

    /// Adds a batch of the schema.
    ///
    /// # Errors
    /// [`crate::Error::Source`] when the disk is full or the like, or when the rows have not the order that the file is said to have; [`crate::Error::ClosedOutput`] when nobody reads standard output any more.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if let Some(order) = &mut self.order {
            order.see(&self.path, batch)?;
        }
        match &mut self.kind {
            Kind::File(file) => {
                file.encoder.write(batch).map_err(|error| error.about(&file.path))?;
                file.rows += batch.num_rows() as u64;
                Ok(())
            }
            Kind::Directory(directory) => directory.write(batch),
        }
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        match &self.kind {
            Kind::File(file) => file.rows,
            Kind::Directory(directory) => directory.rows(),
        }
    }

    /// Writes the end, makes the file durable, and moves it to its place; with `replace` over one that is there.
    ///
    /// # Errors
    /// [`crate::Error::Source`]; the target is then what it was before. Without `replace` also when a file has come to be there meanwhile.
    pub fn finish(self, replace: bool) -> Result<SinkReport> {
        let FileSink { path, part, encoder, rows } = match self.kind {
            Kind::File(file) => *file,
            Kind::Directory(directory) => return directory.finish(replace),
        };
        let (output, row_groups) = encoder.finish().map_err(|error| error.about(&path))?;
        let size_bytes = output.finish(replace).map_err(|error| write_error(&path, &error))?;
        if let Some(part) = part {
            part.publish(&path, replace).map_err(|error| write_error(&path, &error))?;
        }
        Ok(SinkReport { rows, files: 1, row_groups, size_bytes })
    }
}

impl std::fmt::Debug for FileSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSink").field("path", &self.path).field("rows", &self.rows).finish_non_exhaustive()
    }
}
