//! LOB columns: which rows of a batch have to be bound how, and the values of the rows that are not in the arrays.
//!
//! | value | INSERT, UPDATE | MERGE |
//! |---|---|---|
//! | short | in the array | in the array |
//! | long | from the Arrow buffer ([`LongBinding::Data`]) | a temporary LOB ([`LongBinding::Locators`]) |
//! | empty | an empty locator | an empty temporary LOB |
//!
//! A placeholder is bound one way for all rows of an execute, so a batch is split into runs of rows that are bound alike. Only INSERT may put them
//! in another order: the rows of one key have to come as they are in the source.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::column::ValueError;
use crate::column::lob::inline_bytes;
use crate::error::Error;
use crate::layout::LongBinding;
use crate::oci::Shape;

use super::dml::Dml;
use super::filler::{Filler, Outlet, Stop, refused};
use super::plan::{LoadOptions, PlannedColumn};
use super::screen::bad_values;

/// Rows per execute at most where values go through temporary LOBs: each is a locator of the client and takes round trips of its own.
pub(super) const MAX_LOCATOR_ROWS: u32 = 1_024;

/// Rows whose LOBs are measured together: few, because where LOBs are long, few of them wait for an execute.
const WINDOW_ROWS: usize = 256;

/// The LOB columns of a load.
pub(super) struct LongColumns {
    /// Indexes of the placeholders.
    columns: Vec<usize>,
    /// How each placeholder of `columns` is bound now.
    bindings: Vec<LongBinding>,
    /// A long value has come up in this column, so that its values are bound from where they lie from now on.
    has_long: Vec<bool>,
    /// The column is JSON: the database parses what it is given, and it does not parse a long bind.
    is_parsed: Vec<bool>,
    merges: bool,
    /// A MERGE that deletes marked rows chooses between the old value and the new one, which then has to be a LOB as well (ORA-00932).
    only_locators: bool,
    /// Bytes of LOBs in the rows that wait for the next execute.
    buffered_bytes: usize,
}

/// Rows that are bound alike.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) rows: Range<usize>,
    pub(super) bindings: Vec<LongBinding>,
}

/// What a value of a LOB column needs.
fn binding_of(value: Option<&[u8]>, inline_bytes: usize, columns: &LongColumns, place: usize) -> LongBinding {
    let (has_long, is_parsed) = (columns.has_long[place], columns.is_parsed[place]);
    let locators = LongBinding::Locators { empty_is_temporary: columns.merges };
    let data = if has_long { LongBinding::Data } else { LongBinding::Array };
    match value {
        _ if columns.only_locators => locators,
        None => data,
        Some([]) => locators,
        Some(value) if value.len() <= inline_bytes => data,
        Some(value) if columns.merges || is_parsed || i32::try_from(value.len()).is_err() => locators,
        Some(_) => LongBinding::Data,
    }
}

impl LongColumns {
    pub(super) fn of(dml: Dml, columns: &[PlannedColumn]) -> Self {
        let is_lob =
            |column: &PlannedColumn| column.target_type.takes_long_values() && column.source_type != arrow::datatypes::DataType::Null;
        let indexes: Vec<usize> = (0..columns.len()).filter(|&index| is_lob(&columns[index])).collect();
        let merges = dml == Dml::Upsert;
        LongColumns {
            bindings: vec![LongBinding::Array; indexes.len()],
            has_long: vec![false; indexes.len()],
            is_parsed: indexes.iter().map(|&index| !columns[index].target_type.is_lob()).collect(),
            merges,
            only_locators: merges && columns.iter().any(|column| column.is_mark),
            columns: indexes,
            buffered_bytes: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// How a placeholder is bound now.
    pub(super) fn binding(&self, column_index: usize) -> LongBinding {
        self.columns.iter().position(|&column| column == column_index).map_or(LongBinding::Array, |place| self.bindings[place])
    }

    /// Whether a placeholder has its values in an array.
    pub(super) fn is_array(&self, column_index: usize) -> bool {
        self.binding(column_index) == LongBinding::Array
    }

    /// The placeholders that have not.
    pub(super) fn not_in_arrays(&self) -> Vec<usize> {
        self.columns.iter().copied().filter(|&column| !self.is_array(column)).collect()
    }

    /// No row waits for an execute any more.
    pub(super) fn emptied(&mut self) {
        self.buffered_bytes = 0;
    }

    /// The batch in runs of rows that are bound alike. `may_sort` puts runs that are bound alike one after the other.
    pub(super) fn runs(
        &mut self,
        planned: &[PlannedColumn],
        options: &LoadOptions,
        batch: &RecordBatch,
        may_sort: bool,
    ) -> Result<Vec<Run>, (usize, ValueError)> {
        let rows = batch.num_rows();
        let mut by_column: Vec<Vec<LongBinding>> = Vec::with_capacity(self.columns.len());
        for (place, &index) in self.columns.iter().enumerate() {
            let column = &planned[index];
            let array = column.bound_in(batch);
            let values = column.converter.check_long(array).and_then(|()| column.converter.long_values(array));
            let values = values.map_err(|error| (index, error))?;
            let inline_bytes = inline_bytes(&column.target_type, options.charset.is_unicode()) as usize;
            let needs = |value: &Option<&[u8]>| binding_of(*value, inline_bytes, self, place);
            let mut bindings: Vec<LongBinding> = values.iter().map(needs).collect();
            if bindings.contains(&LongBinding::Data) {
                self.has_long[place] = true;
                bindings.iter_mut().filter(|binding| **binding == LongBinding::Array).for_each(|binding| *binding = LongBinding::Data);
            }
            by_column.push(bindings);
        }
        let bindings_at = |row: usize| by_column.iter().map(|bindings| bindings[row]).collect::<Vec<_>>();
        let alike = |one: usize, other: usize| by_column.iter().all(|bindings| bindings[one] == bindings[other]);
        let mut runs: Vec<Run> = Vec::new();
        let mut start = 0;
        for row in 1..=rows {
            if row == rows || !alike(start, row) {
                runs.push(Run { rows: start..row, bindings: bindings_at(start) });
                start = row;
            }
        }
        if may_sort {
            // Stable, beginning with what is bound now.
            let mut kinds: Vec<Vec<LongBinding>> = vec![self.bindings.clone()];
            for run in &runs {
                if !kinds.contains(&run.bindings) {
                    kinds.push(run.bindings.clone());
                }
            }
            runs.sort_by_key(|run| kinds.iter().position(|kind| *kind == run.bindings));
        }
        Ok(runs)
    }
}

impl Filler {
    /// Takes rows into the buffers, executing whenever they are full, up to the first piece with a bad value.
    pub(super) fn take_rows(
        &mut self,
        batch: &RecordBatch,
        file: Option<&Arc<Path>>,
        first_row: u64,
        out: &mut dyn Outlet,
    ) -> Result<(), Stop> {
        if self.long.is_empty() || batch.num_rows() == 0 {
            return self.take_run(batch, file, first_row, out);
        }
        let runs = self.long.runs(&self.columns, &self.options, batch, self.dml == Dml::Insert);
        let runs = runs.map_err(|(index, error)| {
            Stop::BadValue(0, Error::Row(Box::new(refused(&self.table, &self.columns[index], file, first_row, error))))
        })?;
        if runs.len() > 1 {
            // The rows before a bad one are those of other runs: so all of them are looked at before the first is taken.
            if let Some(bad) = bad_values(&mut self.columns, batch).into_iter().next() {
                return Err(Stop::BadValue(0, Error::Row(Box::new(self.value_refused(bad, file, first_row)))));
            }
        }
        for run in runs {
            self.bind_long(&run.bindings, out)?;
            self.take_run(&batch.slice(run.rows.start, run.rows.len()), file, first_row + run.rows.start as u64, out)?;
        }
        // What waits keeps the whole batch in memory.
        if self.long_is_full() {
            self.flush(out)?;
        }
        Ok(())
    }

    /// Has the placeholders bound as a run of rows needs it; what is in the buffers is executed before.
    pub(super) fn bind_long(&mut self, bindings: &[LongBinding], out: &mut dyn Outlet) -> Result<(), Error> {
        if self.long.bindings == bindings {
            return Ok(());
        }
        self.flush(out)?;
        self.long.bindings = bindings.to_vec();
        let shape = |index: usize| match self.long.columns.iter().position(|&column| column == index) {
            Some(place) if self.long.bindings[place] != LongBinding::Array => Shape { stride_bytes: 1, binding: self.long.bindings[place] },
            // What an array of it had before it was bound otherwise.
            Some(_) => {
                let stride_bytes = self.arrays.layout(index).stride_bytes().max(self.columns[index].layout.stride_bytes());
                Shape { stride_bytes, binding: LongBinding::Array }
            }
            None => Shape { stride_bytes: self.arrays.layout(index).stride_bytes(), binding: LongBinding::Array },
        };
        let shapes: Vec<Shape> = (0..self.columns.len()).map(shape).collect();
        self.reshape(&shapes, out)
    }

    /// How many of up to `rows` rows from `start` on may wait for the next execute, so that the LOBs which wait stay within the byte budget; at
    /// least one. Counts them.
    pub(super) fn rows_within_budget(&mut self, batch: &RecordBatch, start: usize, rows: usize) -> Result<usize, (usize, ValueError)> {
        if self.long.bindings.iter().all(|binding| *binding == LongBinding::Array) {
            return Ok(rows);
        }
        let rows = rows.min(WINDOW_ROWS);
        let mut taken = 0;
        let mut bytes_of_row = vec![0; rows];
        for (place, &index) in self.long.columns.iter().enumerate() {
            if self.long.bindings[place] == LongBinding::Array {
                continue;
            }
            let column = &self.columns[index];
            let array = column.bound_in(batch).slice(start, rows);
            for (bytes, value) in bytes_of_row.iter_mut().zip(column.converter.long_values(&array).map_err(|error| (index, error))?) {
                *bytes += value.map_or(0, <[u8]>::len);
            }
        }
        while taken < rows && (taken == 0 || self.long.buffered_bytes < self.options.batch_bytes) {
            self.long.buffered_bytes += bytes_of_row[taken];
            taken += 1;
        }
        Ok(taken)
    }

    /// The LOBs that wait have reached the byte budget.
    pub(super) fn long_is_full(&self) -> bool {
        self.long.buffered_bytes >= self.options.batch_bytes
    }
}

/// The arrays of the columns that are not bound in arrays, to be kept until their rows have been executed.
pub(super) fn kept_arrays(
    columns: &[PlannedColumn],
    long: &LongColumns,
    batch: &RecordBatch,
    start: usize,
    rows: usize,
) -> Vec<(usize, arrow::array::ArrayRef)> {
    let kept = long.columns.iter().zip(&long.bindings).filter(|(_, binding)| **binding != LongBinding::Array);
    kept.map(|(&index, _)| (index, columns[index].bound_in(batch).slice(start, rows))).collect()
}
