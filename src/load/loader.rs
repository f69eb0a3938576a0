//! The loop: convert into the buffers, execute when they are full, name the row when something is wrong.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, RecordBatch};

use crate::column::{ColumnBind, ValueError};
use crate::error::{Error, Phase, RowError, SourceRow};
use crate::layout::{Layout, Slots};
use crate::oci::{ArrayMode, ArrayRowError, ArrayStatement};
use crate::transaction::Transaction;

use super::blame::{ORA_PRECISION, exceeds_precision};
use super::plan::{LoadOptions, LoadPlan, PlannedColumn};

/// What a load did. Times are those of the stages on this thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Rows inserted.
    pub rows_loaded: u64,
    /// Array executes, which is round trips for rows without long values.
    pub executes: u64,
    /// Largest size of all array buffers together.
    pub peak_buffer_bytes: usize,
    /// Arrow to array buffers.
    pub convert_time: Duration,
    /// Inside OCIStmtExecute.
    pub execute_time: Duration,
}

/// Rows of one source file that lie together in the buffers.
#[derive(Debug)]
struct Segment {
    buffer_row: u32,
    file: Option<Arc<Path>>,
    first_row: u64,
}

/// A load in progress within a [`Transaction`]. After an error it refuses further rows; roll the transaction back.
///
/// Rows that are still in the buffers when it is dropped are not sent, and the transaction then refuses to commit.
#[must_use = "rows stay in the buffers until `finish`"]
pub struct Loader<'t> {
    // The statement owns the buffers it has bound and is released before the session it borrows.
    statement: ArrayStatement<'t>,
    transaction: &'t Transaction<'t>,
    table: String,
    columns: Vec<PlannedColumn>,
    options: LoadOptions,
    filled_rows: u32,
    segments: Vec<Segment>,
    failed: bool,
    report: LoadReport,
}

impl<'t> Loader<'t> {
    /// Prepares the INSERT and binds its buffers; both stay for the whole load.
    pub fn new(transaction: &'t Transaction<'_>, plan: LoadPlan) -> Result<Self, Error> {
        let table = plan.table.to_string();
        let layouts: Vec<Layout> = plan.columns.iter().map(|c| c.layout).collect();
        let statement = transaction
            .session()
            .array_statement(&plan.insert_sql, &layouts, plan.rows_per_execute())
            .map_err(|e| e.into_error(Phase::Execute, Some(&table)))?;
        let report = LoadReport { peak_buffer_bytes: plan.buffer_bytes(), ..LoadReport::default() };
        Ok(Loader {
            statement,
            transaction,
            table,
            columns: plan.columns,
            options: plan.options,
            filled_rows: 0,
            segments: Vec::new(),
            failed: false,
            report,
        })
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

    fn try_write(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Error> {
        self.check_types(batch, file, first_row)?;
        self.fit_strides(batch, file, first_row)?;
        let mut start = 0;
        while start < batch.num_rows() {
            let free_rows = (self.statement.capacity_rows() - self.filled_rows) as usize;
            let rows = free_rows.min(batch.num_rows() - start);
            self.convert(batch, start, rows, file, first_row)?;
            self.segments.push(Segment { buffer_row: self.filled_rows, file: file.cloned(), first_row: first_row + start as u64 });
            self.filled_rows += rows as u32;
            self.transaction.rows_buffered(rows as u32);
            start += rows;
            if self.filled_rows == self.statement.capacity_rows() {
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
    fn fit_strides(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Error> {
        let mut strides_bytes = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let present = self.statement.layout(index);
            let Layout::Variable { stride_bytes, .. } = present else { continue };
            let array = batch.column(column.source_index);
            let needed = column.converter.required_stride_bytes(array).map_err(|e| refused(&self.table, column, file, first_row, e))?;
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
        self.statement.reshape(&strides_bytes, capacity_rows).map_err(|e| e.into_error(Phase::Execute, Some(&self.table)))
    }

    fn convert(&mut self, batch: &RecordBatch, start: usize, rows: usize, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Error> {
        let began = Instant::now();
        let window = self.filled_rows as usize..self.filled_rows as usize + rows;
        for (index, column) in self.columns.iter_mut().enumerate() {
            let array = batch.column(column.source_index).slice(start, rows);
            let slots = self.statement.slots(index, window.clone());
            if let Err(error) = write_column(column.converter.as_mut(), &array, slots) {
                return Err(refused(&self.table, column, file, first_row + start as u64, error));
            }
        }
        self.report.convert_time += began.elapsed();
        Ok(())
    }

    fn execute(&mut self) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.filled_rows);
        if rows == 0 {
            return Ok(());
        }
        self.transaction.rows_unbuffered(rows);
        let began = Instant::now();
        let outcome =
            self.statement.execute(rows, ArrayMode::StopAtFirstError).map_err(|e| e.into_error(Phase::Execute, Some(&self.table)))?;
        self.report.execute_time += began.elapsed();
        self.report.executes += 1;
        if let Some(row_error) = outcome.row_errors.into_iter().next() {
            return Err(self.database_refused(row_error));
        }
        if outcome.rows_affected != u64::from(rows) {
            return Err(self.miscounted(rows, outcome.rows_affected));
        }
        self.report.rows_loaded += u64::from(rows);
        self.segments.clear();
        Ok(())
    }

    fn source_row(&self, buffer_row: u32) -> SourceRow {
        let after = self.segments.partition_point(|s| s.buffer_row <= buffer_row);
        match after.checked_sub(1).and_then(|i| self.segments.get(i)) {
            Some(s) => {
                SourceRow { file: s.file.as_deref().map(Path::to_path_buf), row: s.first_row + u64::from(buffer_row - s.buffer_row) }
            }
            None => SourceRow { file: None, row: u64::from(buffer_row) + 1 },
        }
    }

    fn database_refused(&mut self, error: ArrayRowError) -> Error {
        let remedy = crate::oci::remedy(error.ora_code).to_string();
        let (mut column, mut message) = (column_named_in(&error.message).map(str::to_string), error.message);
        if column.is_none()
            && error.ora_code == ORA_PRECISION
            && let Some(index) = self.column_that_exceeds(error.row_index)
        {
            let planned = &self.columns[index];
            message = format!("{message}: {} is {}", planned.target, planned.target_type);
            column = Some(planned.target.clone());
        }
        let (table, source) = (self.table.clone(), self.source_row(error.row_index));
        Error::Row(Box::new(RowError { phase: Phase::Execute, table, column, source, ora_code: Some(error.ora_code), message, remedy }))
    }

    /// The one column of a row whose value has too many digits; `None` when none or more than one may be meant.
    fn column_that_exceeds(&mut self, row_index: u32) -> Option<usize> {
        let row = row_index as usize..row_index as usize + 1;
        let mut found = None;
        for index in 0..self.columns.len() {
            let layout = self.statement.layout(index);
            let slots = self.statement.slots(index, row.clone());
            let exceeds = slots.indicators[0] == 0 && exceeds_precision(&self.columns[index].target_type, layout, slots.values);
            if exceeds && found.replace(index).is_some() {
                return None;
            }
        }
        found
    }

    fn miscounted(&self, sent_rows: u32, inserted_rows: u64) -> Error {
        Error::Database {
            phase: Phase::Execute,
            table: Some(self.table.clone()),
            ora_code: 0,
            message: format!("{sent_rows} rows were sent but the database counts {inserted_rows}"),
            remedy: "look for a trigger or a policy on the table that swallows rows".into(),
            session_dead: false,
        }
    }

    fn usage_after_failure(&self) -> Error {
        Error::Usage {
            message: format!("the load into {} has failed before; its rows are not complete", self.table),
            remedy: "roll the transaction back and begin a new load".into(),
        }
    }
}

/// Indicators from the validity bitmap, then the values.
fn write_column(converter: &mut dyn ColumnBind, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
    match array.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        None => slots.indicators.fill(0),
        Some(nulls) => {
            for (indicator, valid) in slots.indicators.iter_mut().zip(nulls.iter()) {
                *indicator = i16::from(valid) - 1;
            }
        }
    }
    converter.write(array, slots)
}

fn refused(table: &str, column: &PlannedColumn, file: Option<&Arc<Path>>, first_row: u64, error: ValueError) -> Error {
    Error::Row(Box::new(RowError {
        phase: Phase::Convert,
        table: table.to_string(),
        column: Some(column.target.clone()),
        source: SourceRow { file: file.map(|f| f.to_path_buf()), row: first_row + error.row_index as u64 },
        ora_code: None,
        message: error.reason,
        remedy: error.remedy,
    }))
}

/// The column in messages such as `ORA-12899: value too large for column "S"."T"."C" (…)` and `ORA-01400: cannot insert NULL into ("S"."T"."C")`.
fn column_named_in(message: &str) -> Option<&str> {
    let (_, after) = message.rsplit_once("\".\"")?;
    after.split_once('"').map(|(column, _)| column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_column_in_oracle_messages() {
        let too_large = "ORA-12899: value too large for column \"SCOTT\".\"T\".\"NAME\" (actual: 12, maximum: 10)";
        assert_eq!(column_named_in(too_large), Some("NAME"));
        assert_eq!(column_named_in("ORA-01400: cannot insert NULL into (\"SCOTT\".\"T\".\"ID\")"), Some("ID"));
        assert_eq!(column_named_in("ORA-01438: value larger than specified precision allowed for this column"), None);
    }

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
