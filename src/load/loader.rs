//! A load in progress: what fills the array buffers, and what executes them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;

use crate::error::{Error, Phase, RowError};
use crate::layout::Layout;
use crate::transaction::Transaction;

use super::ahead::{Ahead, SETS};
use super::filler::Filler;
use super::plan::LoadPlan;
use super::returning::{Returned, Returning};
use super::sender::{Rejects, Sender};

/// Values of a column that were cut off, as [`crate::type_map::LossyKind::Truncation`] allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct TruncatedValues {
    /// Name in the table.
    pub column: String,
    /// How many.
    pub values: u64,
}

/// What a load did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Source rows that were inserted, updated, deleted or merged.
    pub rows_loaded: u64,
    /// Rows of the table that the database counts for them: more, where a key that is not unique finds several.
    pub rows_affected: u64,
    /// Of `rows_loaded`, those that a delete mark has deleted, or marked as deleted.
    pub rows_deleted: u64,
    /// Source rows whose key no row of the table has, where they are counted.
    pub rows_not_found: u64,
    /// Source rows that a conversion refused and the reject sink took.
    pub rows_rejected_convert: u64,
    /// Source rows that the database refused, or did not find, and the reject sink took.
    pub rows_rejected_execute: u64,
    /// Of the loaded rows, values that were cut off, by column.
    pub truncated: Vec<TruncatedValues>,
    /// Array executes, which is round trips for rows without long values.
    pub executes: u64,
    /// Largest size of all array buffers together.
    pub peak_buffer_bytes: usize,
    /// Arrow to array buffers, on a thread of its own where `overlapped`.
    pub convert_time: Duration,
    /// Conversion and executes ran at the same time.
    pub overlapped: bool,
    /// Where `overlapped`, the part of the conversion that this thread has waited for.
    pub convert_wait: Duration,
    /// Inside OCIStmtExecute.
    pub execute_time: Duration,
}

impl LoadReport {
    /// Adds what another session of the same load did: rows, buffers and times are sums.
    pub fn add(&mut self, other: &LoadReport) {
        self.rows_loaded += other.rows_loaded;
        self.rows_affected += other.rows_affected;
        self.rows_deleted += other.rows_deleted;
        self.rows_not_found += other.rows_not_found;
        self.rows_rejected_convert += other.rows_rejected_convert;
        self.rows_rejected_execute += other.rows_rejected_execute;
        self.executes += other.executes;
        self.peak_buffer_bytes += other.peak_buffer_bytes;
        self.convert_time += other.convert_time;
        for cut in &other.truncated {
            match self.truncated.iter_mut().find(|known| known.column == cut.column) {
                Some(known) => known.values += cut.values,
                None => self.truncated.push(cut.clone()),
            }
        }
        self.overlapped |= other.overlapped;
        self.convert_wait += other.convert_wait;
        self.execute_time += other.execute_time;
    }

    /// All rows that the reject sink took.
    pub fn rows_rejected(&self) -> u64 {
        self.rows_rejected_convert + self.rows_rejected_execute
    }
}

/// Takes the rows that are refused, so that the good ones can go on.
pub trait RejectSink {
    /// Rows of `batch` (0-based index, ascending) and why each was refused. An error ends the load.
    fn reject(&mut self, batch: &RecordBatch, rows: &[(usize, RowError)]) -> Result<(), Error>;
}

/// A load in progress within a [`Transaction`]. After an error it refuses further rows; roll the transaction back.
///
/// Rows that are still in the buffers when it is dropped are not sent, and the transaction then refuses to commit.
#[must_use = "rows stay in the buffers until `finish`"]
pub struct Loader<'t> {
    fill: Fill,
    sender: Sender<'t>,
    failed: bool,
}

/// Where the arrays are filled.
enum Fill {
    Here(Box<Filler>),
    Ahead(Ahead),
}

impl<'t> Loader<'t> {
    /// Prepares the statement and binds its buffers; both stay for the whole load. The first bad row ends the load.
    pub fn new(transaction: &'t Transaction<'_>, mut plan: LoadPlan) -> Result<Self, Error> {
        let table = plan.table.to_string();
        let layouts: Vec<Layout> = plan.columns.iter().map(|c| c.layout).collect();
        let rows_per_execute = plan.rows_per_execute();
        let returning = plan.returning.take().map(Returning::new);
        let returned = returning.as_ref().map_or_else(Vec::new, |returning| returning.layouts().to_vec());
        let mut statement = transaction
            .session()
            .returning_statement(&plan.sql, &layouts, &returned, rows_per_execute)
            .map_err(|e| e.into_error(Phase::Execute, Some(&table)))?;
        let arrays = statement.lend();
        let mut sender = Sender::new(statement, transaction, &plan);
        sender.returning = returning;
        let mut this = Loader { sender, fill: Fill::Here(Box::new(Filler::new(plan, arrays))), failed: false };
        this.note_stats();
        Ok(this)
    }

    /// Hands bad rows to `sink` and goes on with the others, unless more than `max_rows` of them come up. Batches are kept until they have been
    /// executed, which is memory of up to one execute's rows more. Before [`Self::overlapping`].
    pub fn with_rejects(mut self, sink: Box<dyn RejectSink + 't>, max_rows: Option<u64>) -> Self {
        if let Fill::Here(filler) = &mut self.fill {
            filler.rejects = true;
            self.sender.rejects = Some(Rejects { sink, max_rows });
        }
        self
    }

    /// Hands what the statement gives back ([`LoadPlan::returning`]) to `sink`, once for each execute that gives anything. An error of it ends the
    /// load. Without it such a plan is refused.
    pub fn with_returned(mut self, sink: impl FnMut(Returned) -> Result<(), Error> + 't) -> Self {
        if let Some(returning) = &mut self.sender.returning {
            returning.sink = Some(Box::new(sink));
        }
        self
    }

    /// Converts a batch on a thread of its own while the rows of the one before are executed, which takes a second set of array buffers. What
    /// [`Self::write`] is given is then executed by the next call of it or by [`Self::settle`], whose error is that of the batch before.
    ///
    /// A load with LOB columns stays on this thread: their values are bound from where they lie, and what waits for an execute is limited by bytes.
    pub fn overlapping(mut self) -> Self {
        self.fill = match self.fill {
            Fill::Here(filler) if filler.has_no_lobs() => match Ahead::start(*filler) {
                Ok(ahead) => Fill::Ahead(ahead),
                Err(filler) => Fill::Here(filler),
            },
            other => other,
        };
        self.sender.report.overlapped = matches!(self.fill, Fill::Ahead(_));
        self.note_stats();
        self
    }

    /// Errors are about `table` rather than about the one that the rows go to. Before [`Self::overlapping`].
    pub(super) fn on_behalf_of(mut self, table: &str) -> Self {
        self.sender.table = table.to_owned();
        if let Fill::Here(filler) = &mut self.fill {
            filler.table = table.to_owned();
        }
        self
    }

    /// Where in a batch the values of a column of the target are.
    pub(super) fn source_index_of(&self, target: &str) -> Option<usize> {
        self.sender.columns.iter().find(|column| column.target == target).map(|column| column.source_index)
    }

    /// Takes all rows of `batch`, executing whenever the buffers are full. `first_row` is the 1-based number of the batch's
    /// first row in `file`; it is what an error names.
    pub fn write(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Error> {
        self.attempt(|fill, sender| {
            sender.check_returned()?;
            sender.check_types(batch, file, first_row)?;
            sender.note_taken(batch.num_rows());
            match fill {
                Fill::Here(filler) => filler.write_pushed(batch, file, first_row, sender),
                Fill::Ahead(ahead) => ahead.write(batch, file, first_row, sender),
            }
        })
    }

    /// Executes what the batches given so far have filled, as it is after each [`Self::write`] of a load that is not [`Self::overlapping`].
    pub fn settle(&mut self) -> Result<(), Error> {
        self.attempt(|fill, sender| match fill {
            Fill::Here(_) => Ok(()),
            Fill::Ahead(ahead) => ahead.settle(0, sender),
        })
    }

    /// Sends what is still in the buffers. Rows given to [`Self::write`] are all in the transaction afterwards.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.attempt(|fill, sender| match fill {
            Fill::Here(filler) => filler.flush(sender),
            Fill::Ahead(ahead) => ahead.flush(sender),
        })
    }

    fn attempt(&mut self, work: impl FnOnce(&mut Fill, &mut Sender<'t>) -> Result<(), Error>) -> Result<(), Error> {
        if self.failed {
            return Err(Error::Usage {
                message: format!("the load into {} has failed before; its rows are not complete", self.sender.table),
                remedy: "roll the transaction back and begin a new load".into(),
            });
        }
        let result = work(&mut self.fill, &mut self.sender);
        if result.is_err() {
            self.failed = true;
            self.sender.transaction.note_failed_load();
            self.sender.give_up();
        }
        self.note_stats();
        result
    }

    fn note_stats(&mut self) {
        let (stats, sets) = match &self.fill {
            Fill::Here(filler) => (&filler.stats, 1),
            Fill::Ahead(ahead) => (&ahead.stats, SETS),
        };
        self.sender.report.convert_time = stats.convert_time();
        self.sender.report.peak_buffer_bytes = stats.peak_buffer_bytes() * sets;
    }

    /// Flushes and closes the statement. The transaction is still open: nothing is durable before it commits.
    pub fn finish(mut self) -> Result<LoadReport, Error> {
        self.flush()?;
        Ok(self.sender.report)
    }

    /// Rows executed so far, without those still in the buffers.
    pub fn rows_loaded(&self) -> u64 {
        self.sender.report.rows_loaded
    }

    /// What was done so far.
    pub fn report(&self) -> &LoadReport {
        &self.sender.report
    }
}

#[cfg(test)]
mod tests {
    use super::super::LoadOptions;

    #[test]
    fn rows_per_execute_stay_within_budget_and_protocol() {
        let options = LoadOptions { batch_bytes: 1 << 20, ..LoadOptions::default() };
        assert_eq!(options.rows_per_execute(1 << 30), 1);
        assert_eq!(options.rows_per_execute(1), 32_767);
        assert_eq!(options.rows_per_execute(1 << 10), 1 << 10);
        let few = LoadOptions { batch_rows: Some(7), ..options };
        assert_eq!(few.rows_per_execute(1 << 10), 7);
    }
}
