//! Changes of a table whose columns all are its key: there is nothing to set, and a MERGE deletes only rows that it updates. So they are two statements, a
//! MERGE that inserts what is not there and a DELETE, and the rows of each go in their order.

use std::sync::Mutex;

use arrow::array::RecordBatch;

use super::failure::Failure;
use super::job::CopyJob;
use super::tally::Parts;
use crate::error::{Error, Phase, Result};
use crate::lake::read_ahead::SourceBatch;
use crate::load::{ColumnPair, DeleteMark, Dml, Keyed, LoadOptions, LoadPlan, LoadReport, Loader, NotFound};
use crate::oracle_type::{DatabaseCharset, TableName};
use crate::transaction::Transaction;

/// The DELETE, and which rows are for it.
pub(super) struct Removal {
    /// Taken by the run.
    load: Mutex<Option<LoadPlan>>,
    mark: DeleteMark,
    /// Its text.
    pub sql: String,
}

impl CopyJob {
    /// Takes the mark out of changes that one MERGE cannot carry out.
    pub(super) fn split_removal(
        &self,
        name: &TableName,
        pairs: &[ColumnPair],
        keyed: &mut Keyed,
        charset: &DatabaseCharset,
    ) -> Result<Option<Removal>> {
        let only_keys = pairs.iter().all(|pair| keyed.keys.contains(&pair.target.name));
        let sets_nothing = only_keys && keyed.soft_delete.is_none() && keyed.stamp.is_none();
        if self.incremental.is_none() || keyed.keys.is_empty() || !sets_nothing {
            return Ok(None);
        }
        if keyed.delete_mark.is_none() {
            return Ok(None);
        }
        // A row that is to be deleted may be gone already.
        let options = LoadOptions { not_found: NotFound::Count, ..self.load_options(charset.clone(), Vec::new()) };
        let by_key = Keyed { keys: keyed.keys.clone(), ..Keyed::default() };
        let load = LoadPlan::dml(Dml::Delete, name, pairs, &by_key, options)?;
        let Some(mark) = keyed.delete_mark.take() else { return Ok(None) };
        Ok(Some(Removal { sql: load.sql.clone(), load: Mutex::new(Some(load)), mark }))
    }
}

impl Removal {
    /// Begins to delete.
    pub fn begin<'a>(&'a self, transaction: &'a Transaction<'_>, parts: &Parts<'_>) -> Result<Option<Removing<'a>>> {
        let load = self.load.lock().ok().and_then(|mut load| load.take());
        let Some(load) = load else { return Ok(None) };
        Ok(Some(Removing { loader: parts.rejects.attach(Loader::new(transaction, load)?), mark: &self.mark, is_deleting: false }))
    }
}

/// A DELETE that is being carried out beside a MERGE.
pub(super) struct Removing<'t> {
    loader: Loader<'t>,
    mark: &'t DeleteMark,
    /// The rows so far end with such that are deleted.
    is_deleting: bool,
}

impl Removing<'_> {
    /// Gives the rows of a batch to the two statements, in their order.
    pub fn write(&mut self, others: &mut Loader<'_>, next: &SourceBatch) -> Result<(), Failure> {
        let marks = self.mark.is_marked(next.batch.column(self.mark.source_index).as_ref()).map_err(|error| Error::Source {
            phase: Phase::Read,
            path: next.file.to_path_buf(),
            message: error.to_string(),
            remedy: "report this as a bug".into(),
        })?;
        let mut begin = 0;
        for run in marks.chunk_by(|left, right| left == right) {
            let (rows, first_row): (RecordBatch, _) = (next.batch.slice(begin, run.len()), next.first_row + begin as u64);
            begin += run.len();
            if run[0] != self.is_deleting {
                if self.is_deleting {
                    self.loader.flush()?
                } else {
                    others.flush()?
                };
                self.is_deleting = run[0];
            }
            match run[0] {
                true => self.loader.write(&rows, Some(&next.file), first_row)?,
                false => others.write(&rows, Some(&next.file), first_row)?,
            }
        }
        Ok(())
    }

    /// Rows so far.
    pub fn rows_loaded(&self) -> u64 {
        self.loader.rows_loaded()
    }

    /// The end of the source.
    pub fn finish(mut self) -> Result<LoadReport, Failure> {
        self.loader.flush()?;
        let report = self.loader.finish()?;
        Ok(LoadReport { rows_deleted: report.rows_loaded, ..report })
    }
}
