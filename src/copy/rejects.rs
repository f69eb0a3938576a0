//! Refused rows on their way from the load into their file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::job::OnError;
use crate::error::{Error, Result, RowError};
use crate::lake::rejects::RejectFile;
use crate::load::{Loader, RejectSink};

/// A file that several sessions write to.
type SharedFile = Arc<Mutex<RejectFile>>;

fn lock(file: &SharedFile) -> MutexGuard<'_, RejectFile> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file of refused rows, if there is to be one; the load and the run share it.
#[derive(Clone)]
pub(super) struct Rejects {
    file: Option<SharedFile>,
    max_rows: Option<u64>,
}

impl Rejects {
    /// Begins the file, so that one that cannot be written is found out before anything moves.
    pub(super) fn begin(on_error: &OnError, source: &Schema) -> Result<Self> {
        match on_error {
            OnError::Abort => Ok(Rejects { file: None, max_rows: None }),
            OnError::Reject { file, max_rows } => {
                let file = RejectFile::create(file, source)?;
                Ok(Rejects { file: Some(Arc::new(Mutex::new(file))), max_rows: *max_rows })
            }
        }
    }

    /// Lets the load hand over its bad rows.
    pub(super) fn attach<'t>(&self, loader: Loader<'t>) -> Loader<'t> {
        match &self.file {
            Some(file) => loader.with_rejects(Box::new(Sink(Arc::clone(file))), self.max_rows),
            None => loader,
        }
    }

    /// Rows are refused rather than ending the load.
    pub(super) fn are_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Takes refused rows of one of several sessions; the limit is that of all together.
    pub(super) fn take(&self, batch: &RecordBatch, rows: &[(usize, RowError)]) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut file = lock(file);
        file.write(batch, rows)?;
        let Some(max_rows) = self.max_rows.filter(|&max_rows| file.rows() > max_rows) else { return Ok(()) };
        // The first row beyond the limit; the first of these when the limit was reached before.
        let beyond = usize::try_from(file.rows() - max_rows).unwrap_or(usize::MAX).min(rows.len());
        let mut error = rows[rows.len() - beyond].1.clone();
        error.message = format!("{} (bad row {}, and --max-errors allows {max_rows})", error.message, max_rows + 1);
        Err(Error::Row(Box::new(error)))
    }

    /// Before a commit in the middle: what has been refused so far is on disk.
    pub(super) fn sync(&self) -> Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| lock(file).sync())
    }

    /// Before the last commit: the file is complete, under its other name.
    pub(super) fn close(&self) -> Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| lock(file).close())
    }

    /// How many rows have been refused, and the line of [`super::state::Mark::reject_files`] for them.
    pub(super) fn so_far(&self) -> (u64, Option<String>) {
        let Some(file) = &self.file else { return (0, None) };
        let file = lock(file);
        let rows = file.rows();
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
        let names = || format!("{}\t{}", absolute(file.path()), absolute(file.temporary_path().unwrap_or(file.path())));
        (rows, (rows > 0).then(names))
    }

    /// Gives the file its name, if a row was refused.
    pub(super) fn publish(&self) -> Result<Option<(PathBuf, u64)>> {
        let Some(file) = &self.file else { return Ok(None) };
        let mut file = lock(file);
        let rows = file.rows();
        Ok(file.publish()?.map(|path| (path, rows)))
    }
}

/// The files that [`super::state::Mark::reject_files`] names, under the name that they have now: a killed run leaves the other one.
pub(super) fn present_files(lines: &str) -> Vec<String> {
    let present = |line: &str| {
        let (whole, partial) = line.split_once('\t').unwrap_or((line, line));
        if Path::new(partial).exists() { partial.to_owned() } else { whole.to_owned() }
    };
    lines.lines().map(present).collect()
}

struct Sink(SharedFile);

impl RejectSink for Sink {
    fn reject(&mut self, batch: &RecordBatch, rows: &[(usize, RowError)]) -> Result<()> {
        lock(&self.0).write(batch, rows)
    }
}
