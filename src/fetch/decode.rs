//! Array buffers → record batches, on the thread that fetches or on one behind it.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::SchemaRef;

use super::FetchColumn;
use crate::column::{ColumnDefine, ValueError};
use crate::error::{Error, Phase, Result, RowError, SourceRow};
use crate::layout::{Cells, Layout, LongCells};
use crate::oci::{ArraySet, BadCell, OciError};
use crate::type_map::remedy_for_key;

/// The converters of a query's columns, and what its errors name.
pub(crate) struct Decoder {
    pub(crate) names: Arc<Names>,
    converters: Vec<Box<dyn ColumnDefine>>,
}

/// What is needed to name a cell.
pub(crate) struct Names {
    pub(super) label: String,
    pub(super) columns: Vec<FetchColumn>,
    pub(crate) schema: SchemaRef,
    pub(crate) layouts: Vec<Layout>,
    /// Indices of columns that are kept as keys are.
    whole: Vec<usize>,
}

impl Decoder {
    pub(crate) fn new(
        label: String,
        columns: Vec<FetchColumn>,
        schema: SchemaRef,
        (converters, whole): (Vec<Box<dyn ColumnDefine>>, Vec<usize>),
    ) -> Self {
        let layouts = converters.iter().map(|converter| converter.layout()).collect();
        Decoder { names: Arc::new(Names { label, columns, schema, layouts, whole }), converters }
    }

    /// The record batch of `rows` rows, of which `rows_before` were before; `cells` gives each column's.
    pub(crate) fn decode<'a>(
        &mut self,
        rows: usize,
        rows_before: u64,
        lobs: Vec<LongCells>,
        cells: impl Fn(usize) -> (Cells<'a>, &'a [i16]),
    ) -> Result<RecordBatch> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.converters.len());
        let mut lobs = lobs.into_iter();
        for (index, converter) in self.converters.iter_mut().enumerate() {
            let (cells, indicators) = cells(index);
            let (nulls, lob) = (nulls_of(indicators), lobs.next());
            let array = match (self.names.layouts[index], lob) {
                (Layout::Lob { .. }, Some(lob)) => converter.read_long(lob, nulls),
                _ => converter.read(cells, nulls),
            };
            arrays.push(array.map_err(|error| self.names.refused(index, rows_before, error))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.names.schema), arrays, &options).map_err(|error| Error::Database {
            phase: Phase::Convert,
            table: Some(self.names.label.clone()),
            ora_code: 0,
            message: error.to_string(),
            remedy: "if a NOT NULL column has NULLs (a constraint that is not validated), read it with --query and NVL".into(),
            session_dead: false,
        })
    }
}

impl Names {
    #[cold]
    fn refused(&self, column_index: usize, rows_before: u64, error: ValueError) -> Error {
        let remedy = if self.whole.contains(&column_index) { remedy_for_key(error.remedy) } else { error.remedy };
        self.row_error(column_index, rows_before + error.row_index as u64, None, error.reason, remedy)
    }

    #[cold]
    pub(super) fn fetch_failed(&self, error: OciError) -> Error {
        error.into_error(Phase::Query, Some(&self.label))
    }

    #[cold]
    pub(crate) fn lob_failed(&self, column_index: usize, rows_before: u64, error: OciError) -> Error {
        if error.is_session_dead() {
            return self.fetch_failed(error);
        }
        let ora_code = (error.ora_code != 0).then_some(error.ora_code);
        let remedy = match ora_code {
            None => "leave the column out with --columns".into(),
            Some(code) => crate::oci::remedy(code).to_owned(),
        };
        self.row_error(column_index, rows_before, ora_code, error.message, remedy)
    }

    #[cold]
    pub(crate) fn bad_cell(&self, cell: BadCell, rows_before: u64) -> Error {
        let column = &self.columns[cell.column_index].column;
        let room_bytes = self.layouts[cell.column_index].stride_bytes();
        let (message, remedy) = match cell.ora_code {
            1406 if column.oracle_type.is_named("LONG") || column.oracle_type.is_named("LONG RAW") => (
                format!("ORA-01406: a {} of more than {room_bytes} bytes, which is what is read of one", column.oracle_type),
                "--max-lob-bytes for more".to_owned(),
            ),
            1406 => (
                format!("ORA-01406: a value of more than {room_bytes} bytes, more than {} can have", column.oracle_type),
                "report this as a bug".to_owned(),
            ),
            code => (
                format!("ORA-{code:05}: a value cannot be read as {}", self.columns[cell.column_index].field.data_type()),
                "read the column as another type: --as COLUMN=TYPE".to_owned(),
            ),
        };
        self.row_error(cell.column_index, rows_before + cell.row_index as u64, Some(i32::from(cell.ora_code)), message, remedy)
    }

    fn row_error(&self, column_index: usize, rows_before: u64, ora_code: Option<i32>, message: String, remedy: String) -> Error {
        Error::Row(Box::new(RowError {
            phase: Phase::Convert,
            table: self.label.clone(),
            column: Some(self.columns[column_index].column.name.clone()),
            source: SourceRow { file: None, row: rows_before + 1 },
            rowid: None,
            ora_code,
            message,
            remedy,
        }))
    }
}

/// Validity from indicators; `None` when nothing is NULL.
fn nulls_of(indicators: &[i16]) -> Option<NullBuffer> {
    // Without a branch on any cell; most columns end here.
    if !indicators.iter().fold(false, |is_any, &indicator| is_any | (indicator == -1)) {
        return None;
    }
    Some(NullBuffer::new(BooleanBuffer::collect_bool(indicators.len(), |index| indicators[index] != -1)))
}

struct Task {
    set: ArraySet,
    rows: Range<usize>,
    rows_before: u64,
}

/// What the thread has made of a set of buffers, and the set.
pub(super) struct Decoded {
    pub(super) set: ArraySet,
    pub(super) batch: Result<RecordBatch>,
    pub(super) time: Duration,
}

/// A thread that converts one set of buffers while the other is filled. It ends when it is dropped.
pub(super) struct Behind {
    tasks: SyncSender<Task>,
    decoded: Receiver<Decoded>,
    thread: JoinHandle<Decoder>,
}

impl Behind {
    /// Starts the thread; gives the decoder back where the system has none.
    pub(super) fn start(decoder: Decoder) -> std::result::Result<Self, Decoder> {
        let (hand_over, take) = sync_channel::<Decoder>(1);
        let (tasks, to_do) = sync_channel::<Task>(1);
        let (done, decoded) = sync_channel::<Decoded>(1);
        let work = move || {
            // The sender lives until the decoder is sent.
            let Ok(mut decoder) = take.recv() else { unreachable!("the decoder is handed over when the thread has started") };
            for Task { set, rows, rows_before } in to_do {
                let began = Instant::now();
                let batch = decoder.decode(rows.len(), rows_before, Vec::new(), |index| set.cells(index, rows.clone()));
                if done.send(Decoded { set, batch, time: began.elapsed() }).is_err() {
                    break;
                }
            }
            decoder
        };
        match thread::Builder::new().name("olbridge-decode".into()).spawn(work) {
            Ok(thread) => match hand_over.send(decoder) {
                Ok(()) => Ok(Behind { tasks, decoded, thread }),
                Err(unsent) => Err(unsent.0),
            },
            Err(_) => Err(decoder),
        }
    }

    /// Gives it a set of buffers; [`Self::finish`] gives them back.
    pub(super) fn begin(&self, set: ArraySet, rows: Range<usize>, rows_before: u64) {
        // A thread that has panicked is found by `finish`.
        let _ = self.tasks.send(Task { set, rows, rows_before });
    }

    /// Waits for what was given last; `None` when the thread has panicked, which [`Self::end`] passes on.
    pub(super) fn finish(&self) -> Option<Decoded> {
        self.decoded.recv().ok()
    }

    /// Ends the thread. Its panic goes on here.
    pub(super) fn end(self) -> Decoder {
        drop(self.tasks);
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}
