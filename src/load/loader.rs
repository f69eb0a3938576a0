//! The loop: convert into the buffers, execute when they are full, name the row when something is wrong.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch};

use crate::column::ValueError;
use crate::error::{Error, Phase, RowError, SourceRow};
use crate::layout::Layout;
use crate::oci::{ArrayMode, ArrayStatement, ExecuteOptions};
use crate::transaction::Transaction;

use super::dml::Dml;
use super::long::{LongColumns, kept_arrays};
use super::plan::{LoadOptions, LoadPlan, PlannedColumn};
use super::screen::{BadValue, bad_values, write_column};

/// What a load did. Times are those of the stages on this thread.
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
    /// Array executes, which is round trips for rows without long values.
    pub executes: u64,
    /// Largest size of all array buffers together.
    pub peak_buffer_bytes: usize,
    /// Arrow to array buffers.
    pub convert_time: Duration,
    /// Inside OCIStmtExecute.
    pub execute_time: Duration,
}

impl LoadReport {
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

/// Rows of one source file that lie together in the buffers.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) buffer_row: u32,
    file: Option<Arc<Path>>,
    first_row: u64,
    /// Its rows, kept where a row that the database refuses has to be handed over.
    pub(super) rows: Option<RecordBatch>,
    /// By placeholder, the arrays whose values are bound from where they lie.
    pub(super) long: Vec<(usize, ArrayRef)>,
}

/// Where bad rows go, and how many may.
pub(super) struct Rejects<'t> {
    pub(super) sink: Box<dyn RejectSink + 't>,
    max_rows: Option<u64>,
}

/// A load in progress within a [`Transaction`]. After an error it refuses further rows; roll the transaction back.
///
/// Rows that are still in the buffers when it is dropped are not sent, and the transaction then refuses to commit.
#[must_use = "rows stay in the buffers until `finish`"]
pub struct Loader<'t> {
    // The statement owns the buffers it has bound and is released before the session it borrows.
    pub(super) statement: ArrayStatement<'t>,
    pub(super) transaction: &'t Transaction<'t>,
    pub(super) table: String,
    pub(super) dml: Dml,
    pub(super) columns: Vec<PlannedColumn>,
    pub(super) options: LoadOptions,
    pub(super) long: LongColumns,
    pub(super) rejects: Option<Rejects<'t>>,
    filled_rows: u32,
    pub(super) segments: Vec<Segment>,
    failed: bool,
    pub(super) report: LoadReport,
}

/// Why rows were not taken into the buffers.
pub(super) enum Stop {
    /// A value in the rows from this one on is refused; those before are in the buffers. The error names it, but there may be others.
    BadValue(usize, Error),
    /// Anything else.
    Fatal(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Fatal(error)
    }
}

impl<'t> Loader<'t> {
    /// Prepares the statement and binds its buffers; both stay for the whole load. The first bad row ends the load.
    pub fn new(transaction: &'t Transaction<'_>, plan: LoadPlan) -> Result<Self, Error> {
        let table = plan.table.to_string();
        let layouts: Vec<Layout> = plan.columns.iter().map(|c| c.layout).collect();
        let statement = transaction
            .session()
            .array_statement(&plan.sql, &layouts, plan.rows_per_execute())
            .map_err(|e| e.into_error(Phase::Execute, Some(&table)))?;
        let report = LoadReport { peak_buffer_bytes: plan.buffer_bytes(), ..LoadReport::default() };
        Ok(Loader {
            statement,
            transaction,
            table,
            dml: plan.dml,
            long: LongColumns::of(plan.dml, &plan.columns),
            columns: plan.columns,
            options: plan.options,
            rejects: None,
            filled_rows: 0,
            segments: Vec::new(),
            failed: false,
            report,
        })
    }

    /// Hands bad rows to `sink` and goes on with the others, unless more than `max_rows` of them come up. Batches are kept until they have been
    /// executed, which is memory of up to one execute's rows more.
    pub fn with_rejects(self, sink: Box<dyn RejectSink + 't>, max_rows: Option<u64>) -> Self {
        Loader { rejects: Some(Rejects { sink, max_rows }), ..self }
    }

    /// Takes all rows of `batch`, executing whenever the buffers are full. `first_row` is the 1-based number of the batch's
    /// first row in `file`; it is what an error names.
    pub fn write(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Error> {
        if self.failed {
            return Err(self.usage_after_failure());
        }
        let result = self.try_write(batch, file, first_row);
        self.note_failure(&result);
        result
    }

    /// Sends what is still in the buffers. Rows given to [`Self::write`] are all in the transaction afterwards.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.failed {
            return Err(self.usage_after_failure());
        }
        let result = self.execute();
        self.note_failure(&result);
        result
    }

    fn note_failure(&mut self, result: &Result<(), Error>) {
        if result.is_err() {
            self.failed = true;
            self.transaction.note_failed_load();
            self.transaction.rows_unbuffered(std::mem::take(&mut self.filled_rows));
        }
    }

    /// Flushes and closes the statement. The transaction is still open: nothing is durable before it commits.
    pub fn finish(mut self) -> Result<LoadReport, Error> {
        self.flush()?;
        Ok(self.report)
    }

    /// Rows executed so far, without those still in the buffers.
    pub fn rows_loaded(&self) -> u64 {
        self.report.rows_loaded
    }

    /// What was done so far.
    pub fn report(&self) -> &LoadReport {
        &self.report
    }

    fn try_write(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Error> {
        self.check_types(batch, file, first_row)?;
        self.write_pushed(batch, file, first_row)
    }

    /// Takes rows whose columns are as they are bound.
    pub(super) fn write_prepared(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Error> {
        match self.take_rows(batch, file, first_row) {
            Ok(()) => Ok(()),
            Err(Stop::Fatal(error)) => Err(error),
            Err(Stop::BadValue(taken, error)) => {
                let rest = batch.slice(taken, batch.num_rows() - taken);
                self.write_screened(&rest, file, first_row + taken as u64, error)
            }
        }
    }

    /// Takes the good rows of a batch that has bad ones. `named` is what the failed attempt said.
    fn write_screened(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64, named: Error) -> Result<(), Error> {
        let bad = bad_values(&mut self.columns, batch);
        let refused: Vec<(usize, RowError)> =
            bad.into_iter().map(|bad| (bad.row_index, self.value_refused(bad, file, first_row))).collect();
        if self.rejects.is_none() || refused.is_empty() {
            return Err(refused.into_iter().next().map_or(named, |(_, first)| Error::Row(Box::new(first))));
        }
        self.report.rows_rejected_convert += refused.len() as u64;
        self.reject(&self.pushed(batch), &refused)?;
        let mut start = 0;
        for end in refused.iter().map(|(row, _)| *row).chain([batch.num_rows()]) {
            let good = batch.slice(start, end - start);
            self.take_rows(&good, file, first_row + start as u64).map_err(|stop| match stop {
                Stop::BadValue(_, error) | Stop::Fatal(error) => error,
            })?;
            start = end + 1;
        }
        Ok(())
    }

    /// Hands rows over, and ends the load when they are too many. The counts of the report are those after these rows.
    pub(super) fn reject(&mut self, batch: &RecordBatch, rows: &[(usize, RowError)]) -> Result<(), Error> {
        let total = self.report.rows_rejected();
        let Some(rejects) = &mut self.rejects else { return Ok(()) };
        rejects.sink.reject(batch, rows)?;
        let Some(max_rows) = rejects.max_rows.filter(|&max_rows| total > max_rows) else { return Ok(()) };
        // The first row beyond the limit; the last one when the rows before have reached it already.
        let beyond = usize::try_from(total - max_rows).unwrap_or(usize::MAX).min(rows.len());
        let mut error = rows[rows.len() - beyond].1.clone();
        error.message = format!("{} (bad row {}, and --max-errors allows {max_rows})", error.message, max_rows + 1);
        Err(Error::Row(Box::new(error)))
    }

    /// Takes rows whose LOBs are bound alike.
    pub(super) fn take_run(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Stop> {
        self.fit_strides(batch, file, first_row)?;
        let mut start = 0;
        while start < batch.num_rows() {
            let free_rows = (self.statement.capacity_rows() - self.filled_rows) as usize;
            let rows = free_rows.min(batch.num_rows() - start);
            let rows = self.rows_within_budget(batch, start, rows).map_err(|(index, error)| {
                let row = refused(&self.table, &self.columns[index], file, first_row + start as u64, error);
                Stop::BadValue(start, Error::Row(Box::new(row)))
            })?;
            self.convert(batch, start, rows, file, first_row)?;
            self.segments.push(Segment {
                buffer_row: self.filled_rows,
                file: file.cloned(),
                first_row: first_row + start as u64,
                rows: self.rejects.is_some().then(|| self.pushed(&batch.slice(start, rows))),
                long: kept_arrays(&self.columns, &self.long, batch, start, rows),
            });
            self.filled_rows += rows as u32;
            self.transaction.rows_buffered(rows as u32);
            start += rows;
            if self.filled_rows == self.statement.capacity_rows() || self.long_is_full() {
                self.execute()?;
            }
        }
        Ok(())
    }

    /// A batch of other types would be read wrongly: a decimal of another scale is the same Rust type and another number.
    fn check_types(&self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Error> {
        let found = |column: &PlannedColumn| batch.columns().get(column.source_index).map(|array| array.data_type());
        let Some(column) = self.columns.iter().find(|column| found(column) != Some(&column.source_type)) else { return Ok(()) };
        let place = SourceRow { file: file.map(|f| f.to_path_buf()), row: first_row };
        let found = match found(column) {
            Some(data_type) => format!("has Arrow type {data_type}"),
            None => format!("is missing, the batch has {} columns", batch.num_columns()),
        };
        Err(Error::Usage {
            message: format!(
                "{}: batch from {place}: column {} ({}) {found}, the plan has seen {}",
                self.table,
                column.source_index + 1,
                column.source,
                column.source_type
            ),
            remedy: "push batches of the schema that was planned, or plan again".into(),
        })
    }

    /// Grows buffers that are too narrow for this batch. Strides come in a few sizes, so this happens a handful of times in a load.
    fn fit_strides(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Stop> {
        let mut strides_bytes = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let present = self.statement.layout(index);
            let Layout::Variable { stride_bytes, .. } = present else { continue };
            if stride_bytes >= column.converter.max_stride_bytes() || !self.long.is_array(index) {
                continue;
            }
            let array = column.bound_in(batch);
            let needed = column.converter.required_stride_bytes(array);
            let needed = needed.map_err(|e| Stop::BadValue(0, Error::Row(Box::new(refused(&self.table, column, file, first_row, e)))))?;
            if needed > stride_bytes {
                if strides_bytes.is_empty() {
                    strides_bytes = (0..self.columns.len()).map(|i| self.statement.layout(i).stride_bytes()).collect();
                }
                strides_bytes[index] = needed;
            }
        }
        if strides_bytes.is_empty() {
            return Ok(());
        }
        self.execute()?;
        let row_bytes: usize = (0..self.columns.len())
            .map(|i| {
                let layout = self.statement.layout(i);
                (layout.row_bytes() - layout.stride_bytes() + strides_bytes[i]) as usize
            })
            .sum();
        let capacity_rows = self.options.rows_per_execute(row_bytes);
        self.report.peak_buffer_bytes = self.report.peak_buffer_bytes.max(row_bytes * capacity_rows as usize);
        Ok(self.statement.reshape(&strides_bytes, capacity_rows).map_err(|e| e.into_error(Phase::Execute, Some(&self.table)))?)
    }

    fn convert(&mut self, batch: &RecordBatch, start: usize, rows: usize, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Stop> {
        let began = Instant::now();
        let window = self.filled_rows as usize..self.filled_rows as usize + rows;
        for (index, column) in self.columns.iter_mut().enumerate() {
            if !self.long.is_array(index) {
                continue;
            }
            let array = column.bound_in(batch).slice(start, rows);
            let slots = self.statement.slots(index, window.clone());
            if let Err(error) = write_column(column, &array, slots) {
                let row = refused(&self.table, column, file, first_row + start as u64, error);
                return Err(Stop::BadValue(start, Error::Row(Box::new(row))));
            }
        }
        self.report.convert_time += began.elapsed();
        Ok(())
    }

    pub(super) fn execute(&mut self) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.filled_rows);
        if rows == 0 {
            return Ok(());
        }
        self.transaction.rows_unbuffered(rows);
        let began = Instant::now();
        let outcome = self.execute_with_long(rows)?;
        self.report.execute_time += began.elapsed();
        self.report.executes += 1;
        self.settle(rows, outcome)?;
        self.segments.clear();
        Ok(())
    }

    /// With a key, an execute that stops does not say at which row: the rows it counts are those of the table. So it goes on, and says which
    /// rows failed; the transaction is rolled back all the same.
    pub(super) fn execute_options(&self) -> ExecuteOptions {
        let stop = self.dml == Dml::Insert && self.rejects.is_none();
        let mode = if stop { ArrayMode::StopAtFirstError } else { ArrayMode::BatchErrors };
        ExecuteOptions { mode, row_counts: self.dml.has_key(), commit_on_success: false }
    }

    pub(super) fn source_row(&self, buffer_row: u32) -> SourceRow {
        let after = self.segments.partition_point(|s| s.buffer_row <= buffer_row);
        match after.checked_sub(1).and_then(|i| self.segments.get(i)) {
            Some(s) => {
                SourceRow { file: s.file.as_deref().map(Path::to_path_buf), row: s.first_row + u64::from(buffer_row - s.buffer_row) }
            }
            None => SourceRow { file: None, row: u64::from(buffer_row) + 1 },
        }
    }

    pub(super) fn value_refused(&self, bad: BadValue, file: Option<&Arc<Path>>, first_row: u64) -> RowError {
        refused(&self.table, &self.columns[bad.column_index], file, first_row, ValueError { row_index: bad.row_index, ..bad.error })
    }

    fn usage_after_failure(&self) -> Error {
        Error::Usage {
            message: format!("the load into {} has failed before; its rows are not complete", self.table),
            remedy: "roll the transaction back and begin a new load".into(),
        }
    }
}

pub(super) fn refused(table: &str, column: &PlannedColumn, file: Option<&Arc<Path>>, first_row: u64, error: ValueError) -> RowError {
    RowError {
        phase: Phase::Convert,
        table: table.to_string(),
        column: Some(column.target.clone()),
        source: SourceRow { file: file.map(|f| f.to_path_buf()), row: first_row + error.row_index as u64 },
        ora_code: None,
        message: error.reason,
        remedy: error.remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
