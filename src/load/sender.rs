//! The second half of a load: filled arrays into the database, on the thread that has the session.

use std::path::Path;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;

use crate::error::{Error, Phase, RowError, SourceRow};
use crate::oci::{ArrayMode, ArrayOutcome, ArraySet, ArrayStatement, ExecuteOptions, LongValues, Shape};
use crate::oracle_type::OracleType;
use crate::transaction::Transaction;

use super::dml::{Dml, NotFound};
use super::filler::{Filled, Outlet, Segment, layouts_of};
use super::loader::{LoadReport, RejectSink};
use super::plan::PlannedColumn;
use super::returning::Returning;

/// What has to be known of a column when its values are executed.
pub(super) struct SentColumn {
    pub(super) source_index: usize,
    pub(super) source: String,
    pub(super) source_type: DataType,
    pub(super) target: String,
    pub(super) target_type: OracleType,
    pub(super) is_key: bool,
    pub(super) is_mark: bool,
}

impl SentColumn {
    pub(super) fn of(column: &PlannedColumn) -> Self {
        SentColumn {
            source_index: column.source_index,
            source: column.source.clone(),
            source_type: column.source_type.clone(),
            target: column.target.clone(),
            target_type: column.target_type.clone(),
            is_key: column.is_key,
            is_mark: column.is_mark,
        }
    }
}

/// Where bad rows go, and how many may.
pub(super) struct Rejects<'t> {
    pub(super) sink: Box<dyn RejectSink + 't>,
    pub(super) max_rows: Option<u64>,
}

/// Executes arrays and accounts for their rows.
pub(super) struct Sender<'t> {
    pub(super) statement: ArrayStatement<'t>,
    pub(super) transaction: &'t Transaction<'t>,
    pub(super) table: String,
    pub(super) dml: Dml,
    pub(super) not_found: NotFound,
    pub(super) columns: Vec<SentColumn>,
    pub(super) rejects: Option<Rejects<'t>>,
    pub(super) returning: Option<Returning<'t>>,
    /// Of the rows that are executed.
    pub(super) segments: Vec<Segment>,
    /// Rows that were taken and neither executed nor refused.
    unsent_rows: u64,
    pub(super) report: LoadReport,
}

impl<'t> Sender<'t> {
    pub(super) fn new(statement: ArrayStatement<'t>, transaction: &'t Transaction<'t>, plan: &super::LoadPlan) -> Self {
        Sender {
            statement,
            transaction,
            table: plan.table.to_string(),
            dml: plan.dml,
            not_found: plan.options.not_found,
            columns: plan.columns.iter().map(SentColumn::of).collect(),
            rejects: None,
            returning: None,
            segments: Vec::new(),
            unsent_rows: 0,
            report: LoadReport::default(),
        }
    }

    /// Rows were taken; until they are executed or refused the transaction does not commit.
    pub(super) fn note_taken(&mut self, rows: usize) {
        self.unsent_rows += rows as u64;
        self.transaction.rows_buffered(rows as u64);
    }

    /// Rows are no longer waiting.
    pub(super) fn note_sent(&mut self, rows: u64) {
        self.unsent_rows = self.unsent_rows.saturating_sub(rows);
        self.transaction.rows_unbuffered(rows);
    }

    /// What waits will never be sent.
    pub(super) fn give_up(&mut self) {
        self.note_sent(self.unsent_rows);
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

    /// A batch of other types would be read wrongly: a decimal of another scale is the same Rust type and another number.
    pub(super) fn check_types(&self, batch: &RecordBatch, file: Option<&std::sync::Arc<Path>>, first_row: u64) -> Result<(), Error> {
        let found = |column: &SentColumn| batch.columns().get(column.source_index).map(|array| array.data_type());
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

    /// Executes with the long values of the batches that the rows came from. `converters` has those of the columns that have any.
    fn execute_long(&mut self, rows: u32, long: &[usize], converters: &[PlannedColumn]) -> Result<ArrayOutcome, Error> {
        let mut given = Vec::with_capacity(long.len());
        for &index in long {
            let mut values = Vec::with_capacity(rows as usize);
            for segment in &self.segments {
                let Some(array) = segment.long.iter().find(|(column, _)| *column == index).map(|(_, array)| array) else { continue };
                let found = converters[index].converter.long_values(array);
                values.extend(found.map_err(|error| Error::Usage { message: error.reason, remedy: error.remedy })?);
            }
            given.push(LongValues { index, values });
        }
        let options = self.execute_options();
        self.statement.execute_long(rows, options, &given).map_err(|error| error.into_error(Phase::Execute, Some(&self.table)))
    }

    /// With a key, an execute that stops does not say at which row: the rows it counts are those of the table. So it goes on, and says which
    /// rows failed; the transaction is rolled back all the same.
    fn execute_options(&self) -> ExecuteOptions {
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
}

impl Outlet for Sender<'_> {
    fn execute(&mut self, columns: &[PlannedColumn], filled: Filled) -> Result<ArraySet, Error> {
        let Filled { arrays, rows, segments, long, truncated } = filled;
        self.note_sent(u64::from(rows));
        self.segments = segments;
        self.statement.take_back(arrays).map_err(|error| error.into_error(Phase::Execute, Some(&self.table)))?;
        let began = Instant::now();
        let outcome = self.execute_long(rows, &long, columns)?;
        self.report.execute_time += began.elapsed();
        self.report.executes += 1;
        let returned = self.returned_rows()?;
        self.settle(rows, outcome, &truncated)?;
        self.hand_back(returned)?;
        self.segments.clear();
        Ok(self.statement.lend())
    }

    fn reshape(&mut self, arrays: ArraySet, shapes: &[Shape], capacity_rows: u32) -> Result<ArraySet, Error> {
        // Freed before their successors are there.
        drop(arrays);
        self.statement.rebind(shapes, capacity_rows).map_err(|error| error.into_error(Phase::Execute, Some(&self.table)))?;
        Ok(self.statement.lend())
    }

    fn refuse(&mut self, batch: &RecordBatch, rows: Vec<(usize, RowError)>) -> Result<(), Error> {
        self.note_sent(rows.len() as u64);
        self.report.rows_rejected_convert += rows.len() as u64;
        self.reject(batch, &rows)
    }
}

/// The layouts of a set that is made without a statement.
pub(super) fn new_set(arrays: &ArraySet, shapes: &[Shape], capacity_rows: u32) -> ArraySet {
    ArraySet::zeroed(&layouts_of(&arrays.layouts(), shapes), capacity_rows)
}
