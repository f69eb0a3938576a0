//! The rows of a query: fetched by the caller's thread, converted there or behind it.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::decode::{Behind, Decoder, Names};
use crate::error::Result;
use crate::layout::{Cells, Layout, LongCells};
use crate::oci::{ArraySet, FetchStatement};

/// Rows that a fetch has left in the array buffers.
#[derive(Debug)]
pub(crate) struct FetchedRows {
    /// Which of the buffers.
    pub(crate) rows: Range<usize>,
    /// The LOBs of these rows, for each column; nothing for columns of other types.
    pub(crate) lobs: Vec<LongCells>,
}

/// Where rows are converted.
enum Decoding {
    Here(Decoder),
    Behind(Behind),
    /// Only while it changes, and after a panic.
    Nowhere,
}

/// The rows of a query, a batch at a time. As an Arrow `RecordBatchReader` it goes wherever one is taken.
///
/// After the first batch, the fetch of the next rows goes on while a thread converts those before; an error of a fetch is told after the rows that
/// came before it.
pub struct Fetcher<'s> {
    statement: FetchStatement<'s>,
    names: Arc<Names>,
    decoding: Decoding,
    decodes_behind: bool,
    /// Most bytes of LOBs in a batch, but for one value.
    lob_budget_bytes: usize,
    /// Rows of the last fetch that have not been taken out of the buffers.
    buffered: Range<usize>,
    /// Rows that were taken before the first row of the buffers.
    rows_before_buffer: u64,
    /// Why there are no rows in the buffers: what the fetch ahead ended with.
    ahead: Option<Result<()>>,
    /// The set of buffers that is neither filled nor converted.
    spare: Option<ArraySet>,
    /// Rows taken out of the buffers.
    rows_taken: u64,
    failed: bool,
    fetch_time: Duration,
    convert_time: Duration,
}

impl<'s> Fetcher<'s> {
    pub(super) fn new(statement: FetchStatement<'s>, decoder: Decoder, decodes_behind: bool, lob_budget_bytes: usize) -> Self {
        Fetcher {
            statement,
            names: Arc::clone(&decoder.names),
            decoding: Decoding::Here(decoder),
            decodes_behind,
            lob_budget_bytes,
            buffered: 0..0,
            rows_before_buffer: 0,
            ahead: None,
            spare: None,
            rows_taken: 0,
            failed: false,
            fetch_time: Duration::ZERO,
            convert_time: Duration::ZERO,
        }
    }

    /// The next rows; `None` at the end, and after an error.
    ///
    /// # Errors
    /// [`crate::error::Error::Row`] for a value that did not arrive whole or that its type does not hold, with column and row;
    /// [`crate::error::Error::Database`].
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.failed {
            return Ok(None);
        }
        let next = self.advance();
        self.failed = next.is_err();
        next
    }

    /// Brings the next rows into the array buffers and leaves them there, for [`Self::cells`]; their LOBs are read. `None` at the end.
    ///
    /// # Errors
    /// As [`Self::next_batch`], but for what a conversion would refuse.
    pub(crate) fn next_rows(&mut self) -> Result<Option<FetchedRows>> {
        if self.failed {
            return Ok(None);
        }
        let fetched = self.take_rows();
        self.failed = fetched.is_err();
        fetched
    }

    /// `rows` of the array buffer of column `index` (0-based) after [`Self::next_rows`], and their indicators (-1 is NULL).
    pub(crate) fn cells(&self, index: usize, rows: Range<usize>) -> (Cells<'_>, &[i16]) {
        self.statement.cells(index, rows)
    }

    /// Whether there are LOBs, which stay with the statement.
    pub(crate) fn has_lobs(&self) -> bool {
        self.names.layouts.iter().any(|layout| matches!(layout, Layout::Lob { .. }))
    }

    /// Takes the array buffers out as [`Self::next_rows`] left them; the next rows go into `spare`. Not where there are LOBs.
    ///
    /// # Errors
    /// As [`FetchStatement::exchange`].
    pub(crate) fn exchange(&mut self, spare: ArraySet) -> Result<ArraySet> {
        self.statement.exchange(spare).map_err(|error| self.names.fetch_failed(error))
    }

    /// Where row `row` (1-based, of all) lies in the array buffers; `None` where they do not hold it. Not for rows that are decoded behind.
    pub(super) fn buffer_index(&self, row: u64) -> Option<usize> {
        let index = row.checked_sub(self.rows_before_buffer + 1)?;
        usize::try_from(index).ok().filter(|&index| index < self.statement.capacity_rows() as usize)
    }

    /// Rows handed out so far.
    pub fn rows_fetched(&self) -> u64 {
        self.rows_taken
    }

    /// Time within the client and the network.
    pub fn fetch_time(&self) -> Duration {
        self.fetch_time
    }

    /// Time from array buffers to Arrow, on whichever thread.
    pub fn convert_time(&self) -> Duration {
        self.convert_time
    }

    fn take_rows(&mut self) -> Result<Option<FetchedRows>> {
        if self.buffered.is_empty() {
            match self.ahead.take() {
                Some(ended) => ended?,
                None => self.fetch()?,
            }
        }
        if self.buffered.is_empty() {
            return Ok(None);
        }
        let began = Instant::now();
        let (rows, lobs) = self.read_lobs()?;
        self.fetch_time += began.elapsed();
        self.rows_taken += rows.len() as u64;
        self.buffered.start = rows.end;
        Ok(Some(FetchedRows { rows, lobs }))
    }

    /// Fills the buffers; they stay empty at the end.
    fn fetch(&mut self) -> Result<()> {
        let began = Instant::now();
        self.rows_before_buffer = self.rows_taken;
        let outcome = self.statement.fetch().map_err(|error| self.names.fetch_failed(error))?;
        self.fetch_time += began.elapsed();
        if let Some(cell) = outcome.bad_cell {
            return Err(self.names.bad_cell(cell, self.rows_taken));
        }
        self.buffered = 0..outcome.rows;
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        let is_first = self.rows_taken == 0;
        let Some(FetchedRows { rows, lobs }) = self.take_rows()? else { return Ok(None) };
        let rows_before = self.rows_taken - rows.len() as u64;
        // The first rows are not kept waiting for the second, and after the last there is nothing to fetch.
        if is_first || !self.decodes_behind || self.statement.is_at_end() {
            self.decode_here(rows, rows_before, lobs).map(Some)
        } else {
            self.decode_while_fetching(rows, rows_before).map(Some)
        }
    }

    fn decode_here(&mut self, rows: Range<usize>, rows_before: u64, lobs: Vec<LongCells>) -> Result<RecordBatch> {
        let began = Instant::now();
        let mut decoder = match std::mem::replace(&mut self.decoding, Decoding::Nowhere) {
            Decoding::Here(decoder) => decoder,
            Decoding::Behind(behind) => behind.end(),
            Decoding::Nowhere => unreachable!("after a panic nothing is read"),
        };
        let batch = decoder.decode(rows.len(), rows_before, lobs, |index| self.statement.cells(index, rows.clone()));
        self.decoding = Decoding::Here(decoder);
        self.convert_time += began.elapsed();
        batch
    }

    fn decode_while_fetching(&mut self, rows: Range<usize>, rows_before: u64) -> Result<RecordBatch> {
        let behind = match std::mem::replace(&mut self.decoding, Decoding::Nowhere) {
            Decoding::Behind(behind) => behind,
            Decoding::Here(decoder) => match Behind::start(decoder) {
                Ok(behind) => behind,
                Err(decoder) => {
                    (self.decoding, self.decodes_behind) = (Decoding::Here(decoder), false);
                    return self.decode_here(rows, rows_before, Vec::new());
                }
            },
            Decoding::Nowhere => unreachable!("after a panic nothing is read"),
        };
        let spare = self.spare.take().unwrap_or_else(|| ArraySet::zeroed(&self.names.layouts, self.statement.capacity_rows()));
        let filled = self.statement.exchange(spare).map_err(|error| self.names.fetch_failed(error))?;
        behind.begin(filled, rows, rows_before);
        self.ahead = Some(self.fetch());
        let Some(decoded) = behind.finish() else {
            behind.end();
            unreachable!("the thread's panic has gone on here");
        };
        self.decoding = Decoding::Behind(behind);
        self.spare = Some(decoded.set);
        self.convert_time += decoded.time;
        decoded.batch
    }

    /// The LOBs of the next rows: as many rows as the byte budget has room for, at least one. All that are left where there are no LOBs.
    fn read_lobs(&self) -> Result<(Range<usize>, Vec<LongCells>)> {
        let layouts = &self.names.layouts;
        let columns: Vec<usize> = (0..layouts.len()).filter(|&index| matches!(layouts[index], Layout::Lob { .. })).collect();
        if columns.is_empty() {
            return Ok((self.buffered.clone(), Vec::new()));
        }
        let mut cells: Vec<LongCells> = layouts.iter().map(|_| LongCells::default()).collect();
        for row in self.buffered.clone() {
            for &column in &columns {
                let read = self.statement.read_lob(column, row, &mut cells[column]);
                read.map_err(|error| self.names.lob_failed(column, self.rows_taken + (row - self.buffered.start) as u64, error))?;
            }
            let bytes: usize = columns.iter().map(|&column| cells[column].bytes.len()).sum();
            if bytes >= self.lob_budget_bytes {
                return Ok((self.buffered.start..row + 1, cells));
            }
        }
        Ok((self.buffered.clone(), cells))
    }
}

impl std::fmt::Debug for Fetcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("statement", &self.statement).field("rows_fetched", &self.rows_taken).finish_non_exhaustive()
    }
}

impl Iterator for Fetcher<'_> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().map_err(|error| ArrowError::ExternalError(Box::new(error))).transpose()
    }
}

impl RecordBatchReader for Fetcher<'_> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.names.schema)
    }
}
