//! The first half of a load: record batches into array buffers. It knows no session, so that it can run on a thread of its own; what it fills and
//! what it refuses goes out through an [`Outlet`], in the order in which one thread would come to it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch};

use crate::column::ValueError;
use crate::error::{Error, Phase, RowError, SourceRow};
use crate::layout::{Layout, LongBinding};
use crate::oci::{ArraySet, Shape};
use crate::type_map::remedy_for_key;

use super::dml::Dml;
use super::long::{LongColumns, MAX_LOCATOR_ROWS, kept_arrays};
use super::plan::{LoadOptions, LoadPlan, PlannedColumn};
use super::screen::{BadValue, bad_values, write_column};

/// Rows of one source file that lie together in the buffers.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) buffer_row: u32,
    pub(super) file: Option<Arc<Path>>,
    pub(super) first_row: u64,
    /// Its rows, kept where a row that the database refuses has to be handed over.
    pub(super) rows: Option<RecordBatch>,
    /// By placeholder, the arrays whose values are bound from where they lie.
    pub(super) long: Vec<(usize, ArrayRef)>,
}

/// Arrays with rows to be executed.
pub(super) struct Filled {
    pub(super) arrays: ArraySet,
    pub(super) rows: u32,
    pub(super) segments: Vec<Segment>,
    /// Placeholders whose values are not in the arrays, but in the segments.
    pub(super) long: Vec<usize>,
    /// By placeholder, the rows whose values were cut off; ascending.
    pub(super) truncated: Vec<(usize, Vec<u32>)>,
}

/// Where filled arrays and refused rows go.
pub(super) trait Outlet {
    /// Has rows executed; arrays of the same shape for the next ones.
    fn execute(&mut self, columns: &[PlannedColumn], filled: Filled) -> Result<ArraySet, Error>;

    /// Arrays of another shape, in the place of `arrays`, which are empty.
    fn reshape(&mut self, arrays: ArraySet, shapes: &[Shape], capacity_rows: u32) -> Result<ArraySet, Error>;

    /// Hands over rows of `batch` that a conversion has refused.
    fn refuse(&mut self, batch: &RecordBatch, rows: Vec<(usize, RowError)>) -> Result<(), Error>;
}

/// What filling has cost so far; read by another thread.
#[derive(Debug, Default)]
pub(super) struct FillStats {
    convert_ns: AtomicU64,
    buffer_bytes: AtomicUsize,
}

impl FillStats {
    pub(super) fn convert_time(&self) -> Duration {
        Duration::from_nanos(self.convert_ns.load(Ordering::Relaxed))
    }

    pub(super) fn note_convert(&self, time: Duration) {
        self.convert_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Of one set of arrays at its largest.
    pub(super) fn peak_buffer_bytes(&self) -> usize {
        self.buffer_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn note_buffer(&self, bytes: usize) {
        self.buffer_bytes.fetch_max(bytes, Ordering::Relaxed);
    }
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

/// Fills one set of arrays after the other.
pub(super) struct Filler {
    pub(super) table: String,
    pub(super) dml: Dml,
    pub(super) columns: Vec<PlannedColumn>,
    pub(super) options: LoadOptions,
    pub(super) long: LongColumns,
    /// Refused rows are handed over rather than ending the load.
    pub(super) rejects: bool,
    pub(super) arrays: ArraySet,
    /// For each placeholder, whether no indicator of any set of its arrays has been anything but 0 so far.
    indicators_are_zero: Vec<bool>,
    filled_rows: u32,
    segments: Vec<Segment>,
    truncated: Vec<(usize, Vec<u32>)>,
    pub(super) stats: Arc<FillStats>,
}

impl Filler {
    pub(super) fn new(plan: LoadPlan, arrays: ArraySet) -> Self {
        let stats = FillStats::default();
        stats.note_buffer(plan.buffer_bytes());
        Filler {
            table: plan.table.to_string(),
            dml: plan.dml,
            long: LongColumns::of(plan.dml, &plan.columns),
            options: plan.options,
            rejects: false,
            arrays,
            indicators_are_zero: vec![true; plan.columns.len()],
            columns: plan.columns,
            filled_rows: 0,
            segments: Vec::new(),
            truncated: Vec::new(),
            stats: Arc::new(stats),
        }
    }

    /// Takes all rows of a batch, whose columns are as they are bound.
    pub(super) fn write_prepared(
        &mut self,
        batch: &RecordBatch,
        file: Option<&Arc<Path>>,
        first_row: u64,
        out: &mut dyn Outlet,
    ) -> Result<(), Error> {
        match self.take_rows(batch, file, first_row, out) {
            Ok(()) => Ok(()),
            Err(Stop::Fatal(error)) => Err(error),
            Err(Stop::BadValue(taken, error)) => {
                let rest = batch.slice(taken, batch.num_rows() - taken);
                self.write_screened(&rest, file, first_row + taken as u64, error, out)
            }
        }
    }

    /// Has the rows in the arrays executed.
    pub(super) fn flush(&mut self, out: &mut dyn Outlet) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.filled_rows);
        if rows == 0 {
            return Ok(());
        }
        self.long.emptied();
        let (arrays, segments) = (std::mem::replace(&mut self.arrays, ArraySet::none()), std::mem::take(&mut self.segments));
        let long = self.long.not_in_arrays();
        self.arrays =
            out.execute(&self.columns, Filled { arrays, rows, segments, long, truncated: std::mem::take(&mut self.truncated) })?;
        Ok(())
    }

    /// Takes the good rows of a batch that has bad ones. `named` is what the failed attempt said.
    fn write_screened(
        &mut self,
        batch: &RecordBatch,
        file: Option<&Arc<Path>>,
        first_row: u64,
        named: Error,
        out: &mut dyn Outlet,
    ) -> Result<(), Error> {
        let bad = bad_values(&mut self.columns, batch);
        let refused: Vec<(usize, RowError)> =
            bad.into_iter().map(|bad| (bad.row_index, self.value_refused(bad, file, first_row))).collect();
        let pushed = self.pushed(batch);
        self.go_around((batch, &pushed), first_row, (refused, named), out, |filler, good, first_row, out| {
            filler.take_rows(good, file, first_row, out).map_err(|stop| match stop {
                Stop::BadValue(_, error) | Stop::Fatal(error) => error,
            })
        })
    }

    /// What becomes of a batch with refused rows: they are handed over as they were `pushed`, and `take` gets the runs between them. Where they end the
    /// load it gets those before the first; `named` is the error where none is refused by itself.
    pub(super) fn go_around(
        &mut self,
        (batch, pushed): (&RecordBatch, &RecordBatch),
        first_row: u64,
        (refused, named): (Vec<(usize, RowError)>, Error),
        out: &mut dyn Outlet,
        mut take: impl FnMut(&mut Self, &RecordBatch, u64, &mut dyn Outlet) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !self.rejects || refused.is_empty() {
            if let Some((first @ 1.., _)) = refused.first() {
                take(self, &batch.slice(0, *first), first_row, out)?;
            }
            // The database may refuse one of the rows before, which is the first bad one then.
            self.flush(out)?;
            return Err(refused.into_iter().next().map_or(named, |(_, first)| Error::Row(Box::new(first))));
        }
        let ends: Vec<usize> = refused.iter().map(|(row, _)| *row).chain([batch.num_rows()]).collect();
        out.refuse(pushed, refused)?;
        let mut start = 0;
        for end in ends {
            if end > start {
                take(self, &batch.slice(start, end - start), first_row + start as u64, out)?;
            }
            start = end + 1;
        }
        Ok(())
    }

    /// Takes rows whose LOBs are bound alike.
    pub(super) fn take_run(
        &mut self,
        batch: &RecordBatch,
        file: Option<&Arc<Path>>,
        first_row: u64,
        out: &mut dyn Outlet,
    ) -> Result<(), Stop> {
        self.fit_strides(batch, file, first_row, out)?;
        let mut start = 0;
        while start < batch.num_rows() {
            let free_rows = (self.arrays.capacity_rows() - self.filled_rows) as usize;
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
                rows: self.rejects.then(|| self.pushed(&batch.slice(start, rows))),
                long: kept_arrays(&self.columns, &self.long, batch, start, rows),
            });
            self.filled_rows += rows as u32;
            start += rows;
            if self.filled_rows == self.arrays.capacity_rows() || self.long_is_full() {
                self.flush(out)?;
            }
        }
        Ok(())
    }

    /// Grows buffers that are too narrow for this batch. Strides come in a few sizes, so this happens a handful of times in a load.
    fn fit_strides(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64, out: &mut dyn Outlet) -> Result<(), Stop> {
        let mut grown: Vec<(usize, u32)> = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let Layout::Variable { stride_bytes, .. } = self.arrays.layout(index) else { continue };
            if stride_bytes >= column.converter.max_stride_bytes() || !self.long.is_array(index) {
                continue;
            }
            let array = column.bound_in(batch);
            let needed = column.converter.required_stride_bytes(array);
            let needed = needed.map_err(|e| Stop::BadValue(0, Error::Row(Box::new(refused(&self.table, column, file, first_row, e)))))?;
            if needed > stride_bytes {
                grown.push((index, needed));
            }
        }
        if grown.is_empty() {
            return Ok(());
        }
        let mut shapes = self.shapes();
        for (index, stride_bytes) in grown {
            shapes[index].stride_bytes = stride_bytes;
        }
        Ok(self.reshape(&shapes, out)?)
    }

    fn shapes(&self) -> Vec<Shape> {
        let shape = |index| Shape { stride_bytes: self.arrays.layout(index).stride_bytes(), binding: self.long.binding(index) };
        (0..self.columns.len()).map(shape).collect()
    }

    /// Goes on in arrays of another shape; what is in the present ones is executed before.
    pub(super) fn reshape(&mut self, shapes: &[Shape], out: &mut dyn Outlet) -> Result<(), Error> {
        self.flush(out)?;
        let row_bytes = |(index, shape): (usize, &Shape)| {
            let layout = self.arrays.layout(index);
            (layout.row_bytes() - layout.stride_bytes() + shape.stride_bytes) as usize
        };
        let row_bytes: usize = shapes.iter().enumerate().map(row_bytes).sum();
        let locators = shapes.iter().any(|shape| matches!(shape.binding, LongBinding::Locators { .. }));
        let capacity_rows = self.options.rows_per_execute(row_bytes).min(if locators { MAX_LOCATOR_ROWS } else { u32::MAX });
        self.stats.note_buffer(row_bytes * capacity_rows as usize);
        let arrays = std::mem::replace(&mut self.arrays, ArraySet::none());
        self.arrays = out.reshape(arrays, shapes, capacity_rows)?;
        Ok(())
    }

    fn convert(&mut self, batch: &RecordBatch, start: usize, rows: usize, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Stop> {
        let began = Instant::now();
        let window = self.filled_rows as usize..self.filled_rows as usize + rows;
        for (index, column) in self.columns.iter_mut().enumerate() {
            if !self.long.is_array(index) {
                continue;
            }
            let array = column.bound_in(batch).slice(start, rows);
            let slots = self.arrays.slots(index, window.clone());
            if let Err(error) = write_column(column, &array, slots, &mut self.indicators_are_zero[index]) {
                let row = refused(&self.table, column, file, first_row + start as u64, error);
                return Err(Stop::BadValue(start, Error::Row(Box::new(row))));
            }
        }
        self.note_truncated();
        self.stats.note_convert(began.elapsed());
        Ok(())
    }

    /// Remembers which of the rows just converted have values that were cut off.
    fn note_truncated(&mut self) {
        for (index, column) in self.columns.iter().enumerate().filter(|(index, _)| self.long.is_array(*index)) {
            let rows = column.converter.truncated_rows();
            if rows.is_empty() {
                continue;
            }
            let rows = rows.iter().map(|row| row + self.filled_rows);
            match self.truncated.iter_mut().find(|(known, _)| *known == index) {
                Some((_, known)) => known.extend(rows),
                None => self.truncated.push((index, rows.collect())),
            }
        }
    }

    pub(super) fn value_refused(&self, bad: BadValue, file: Option<&Arc<Path>>, first_row: u64) -> RowError {
        refused(&self.table, &self.columns[bad.column_index], file, first_row, ValueError { row_index: bad.row_index, ..bad.error })
    }

    /// All values are bound in arrays, and always will be.
    pub(super) fn has_no_lobs(&self) -> bool {
        self.long.is_empty()
    }
}

pub(super) fn refused(table: &str, column: &PlannedColumn, file: Option<&Arc<Path>>, first_row: u64, error: ValueError) -> RowError {
    RowError {
        phase: Phase::Convert,
        table: table.to_string(),
        column: Some(column.target.clone()),
        source: SourceRow { file: file.map(|f| f.to_path_buf()), row: first_row + error.row_index as u64 },
        rowid: None,
        ora_code: None,
        message: error.reason,
        remedy: if column.is_whole { remedy_for_key(error.remedy) } else { error.remedy },
    }
}

/// Layouts with the strides of `shapes`.
pub(super) fn layouts_of(layouts: &[Layout], shapes: &[Shape]) -> Vec<Layout> {
    let with = |(layout, shape): (&Layout, &Shape)| match *layout {
        Layout::Variable { external_type, national, long, .. } => {
            Layout::Variable { external_type, stride_bytes: shape.stride_bytes, national, long }
        }
        fixed => fixed,
    };
    debug_assert!(shapes.iter().all(|shape| shape.binding == LongBinding::Array));
    layouts.iter().zip(shapes).map(with).collect()
}
