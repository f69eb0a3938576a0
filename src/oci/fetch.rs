//! Array fetch: buffers that are allocated and defined once, filled by one round trip after the other.

use std::ops::Range;

use oci_sys::*;

use crate::layout::{BindCell, Cells, Layout, LongCells};
use crate::oci::array::MAX_ROWS_PER_EXECUTE;
use crate::oci::arrays::{ArraySet, next_id};
use crate::oci::buffer::{ArrayBuffer, is_bindable};
use crate::oci::check::OciError;
use crate::oci::describe::select_list;
use crate::oci::handle::RawArray;
use crate::oci::session::Session;
use crate::oci::statement::Statement;
use crate::oracle_type::ColumnDesc;

/// Most bytes of one column's values, as for binds.
const MAX_BUFFER_BYTES: u64 = i32::MAX as u64;

const DEFINE: &str = "define the columns of the query";

/// Return code of a cell that is NULL.
const CODE_NULL: u16 = 1405;
/// Return code of a cell that is longer than its buffer.
const CODE_TRUNCATED: u16 = 1406;

/// A cell that did not arrive whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadCell {
    /// 0-based, in this fetch.
    pub row_index: usize,
    /// 0-based column of the query.
    pub column_index: usize,
    /// ORA code: 1406 truncated, 1455 and the like for a conversion.
    pub ora_code: u16,
}

/// What a fetch brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchOutcome {
    /// Rows in the buffers; 0 at the end.
    pub rows: usize,
    /// The first cell by row that did not arrive whole.
    pub bad_cell: Option<BadCell>,
}

/// An executed query with its buffers.
pub struct FetchStatement<'s> {
    // The statement is released before the arrays that it has bound and defined.
    statement: Statement<'s>,
    _binds: Vec<ArrayBuffer<'s>>,
    columns: Vec<ColumnDesc>,
    buffers: Vec<FetchBuffer<'s>>,
    capacity_rows: u32,
    /// [`ArraySet::id`] of the arrays that are here.
    arrays_id: u64,
    at_end: bool,
    /// Rows of the last fetch, whose LOBs are there.
    lob_rows: usize,
}

/// The arrays of one column. They never move while defined; see [`RawArray`].
pub(super) struct FetchBuffer<'s> {
    pub(super) cells: ArrayBuffer<'s>,
    pub(super) return_codes: RawArray<u16>,
}

impl<'s> FetchStatement<'s> {
    pub(crate) fn execute(
        session: &'s Session,
        sql: &str,
        binds: &[BindCell],
        layouts: &[Layout],
        capacity_rows: u32,
    ) -> Result<Self, OciError> {
        check_layouts(layouts, capacity_rows)?;
        let statement = Statement::prepare(session, sql)?;
        let binds = bind_all(&statement, binds)?;
        // The client's own prefetch would only copy every row once more.
        // SAFETY: the attribute is an unsigned 32-bit number.
        unsafe { statement.attributes().set(OCI_ATTR_PREFETCH_ROWS, 0u32, "set the rows to prefetch") }?;
        // SAFETY: every placeholder is bound to one value, which lives as long as the statement; nothing is fetched into yet.
        unsafe { statement.execute(0, OCI_DEFAULT, "execute the query") }?;
        let columns = select_list(&statement)?;
        if columns.len() != layouts.len() {
            let message = format!("the query has {} columns but {} layouts were given", columns.len(), layouts.len());
            return Err(OciError::refused("OCIDefineByPos2", DEFINE, message));
        }
        let buffers = layouts.iter().map(|&layout| FetchBuffer::allocate(session, layout, capacity_rows as usize));
        let buffers = buffers.collect::<Result<Vec<_>, _>>()?;
        let this =
            FetchStatement { statement, _binds: binds, columns, buffers, capacity_rows, arrays_id: next_id(), at_end: false, lob_rows: 0 };
        this.define_all()?;
        Ok(this)
    }

    fn define_all(&self) -> Result<(), OciError> {
        for (position, buffer) in (1..).zip(&self.buffers) {
            // SAFETY: the arrays hold `capacity_rows` elements and do not move. They outlive the statement (order of the fields) or this definition:
            // when they are exchanged, the statement fetches nothing before all columns are defined anew.
            unsafe {
                self.statement.define(position, &buffer.cells.define_target(buffer.return_codes.as_ptr()), buffer.cells.is_national())
            }?;
        }
        Ok(())
    }

    /// The columns as the execute found them, which may be others than an earlier describe did.
    pub fn columns(&self) -> &[ColumnDesc] {
        &self.columns
    }

    /// Rows of a fetch at most.
    pub fn capacity_rows(&self) -> u32 {
        self.capacity_rows
    }

    /// Fetches the next rows into the buffers; none at the end, also when asked again.
    ///
    /// # Errors
    /// What the database or the client refuses as a whole. A cell that did not arrive whole is in the outcome.
    pub fn fetch(&mut self) -> Result<FetchOutcome, OciError> {
        self.free_lobs()?;
        if self.at_end {
            return Ok(FetchOutcome { rows: 0, bad_cell: None });
        }
        // SAFETY: every column is defined with `capacity_rows` elements and return codes.
        let fetched = unsafe { self.statement.fetch(self.capacity_rows) }?;
        self.at_end = fetched.at_end || fetched.rows == 0;
        let rows = fetched.rows as usize;
        if rows > self.capacity_rows as usize {
            let message = format!("the client says that it fetched {rows} rows into buffers for {}", self.capacity_rows);
            return Err(OciError::refused("OCIStmtFetch2", "fetch rows", message));
        }
        self.lob_rows = rows;
        let bad_cells = self.buffers.iter().enumerate().filter_map(|(column_index, buffer)| buffer.bad_cell(column_index, rows));
        let bad_cell = bad_cells.min_by_key(|cell| (cell.row_index, cell.column_index));
        if bad_cell.is_none() {
            for buffer in &mut self.buffers {
                buffer.cells.stage_descriptors(self.statement.session(), self.statement.error(), rows)?;
            }
        }
        Ok(FetchOutcome { rows, bad_cell })
    }

    /// Frees the temporary LOBs of the last fetch.
    fn free_lobs(&mut self) -> Result<(), OciError> {
        let rows = std::mem::take(&mut self.lob_rows);
        let mut lobs = self.buffers.iter_mut().filter(|buffer| matches!(buffer.cells.layout(), Layout::Lob { .. }));
        lobs.try_for_each(|buffer| buffer.cells.free_fetched_lobs(self.statement.error(), rows))
    }

    /// The end was met: another fetch brings nothing.
    pub fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Takes the arrays out as the last fetch left them, and has the next one fill `spare` instead, which has to have the same layouts and rows. Not
    /// for LOBs: their locators stay here.
    ///
    /// # Errors
    /// Of other arrays; of the definition, after which the statement fetches nothing more.
    pub fn exchange(&mut self, spare: ArraySet) -> Result<ArraySet, OciError> {
        let layouts: Vec<Layout> = self.buffers.iter().map(|buffer| buffer.cells.layout()).collect();
        if spare.layouts() != layouts || spare.capacity_rows() != self.capacity_rows {
            return Err(OciError::refused("OCIDefineByPos2", DEFINE, "the arrays are not alike".into()));
        }
        let columns = self.buffers.iter_mut().zip(spare.columns).map(|(buffer, arrays)| {
            let filled = buffer.cells.lend();
            buffer.cells.take_back(arrays);
            filled
        });
        let id = std::mem::replace(&mut self.arrays_id, spare.id);
        let filled = ArraySet { id, columns: columns.collect(), capacity_rows: self.capacity_rows };
        // Until every column is defined anew, the client knows the arrays that are given away.
        let was_at_end = std::mem::replace(&mut self.at_end, true);
        self.define_all()?;
        self.at_end = was_at_end;
        Ok(filled)
    }

    /// Cells of column `index` (0-based) as the last fetch left them, and their indicators (-1 is NULL). LOBs have none: [`Self::read_lob`].
    ///
    /// # Panics
    /// When there is no such column or the rows exceed the capacity.
    pub fn cells(&self, index: usize, rows: Range<usize>) -> (Cells<'_>, &[i16]) {
        self.buffers[index].cells.cells(rows)
    }

    /// Appends the LOB of column `index` in `row` to `cells`, whole, whatever its size up to 2 GB; nothing where it is NULL or no LOB column.
    ///
    /// # Errors
    /// What reading it fails with; also where `cells` would exceed 2 GB.
    ///
    /// # Panics
    /// When there is no such column or row.
    pub fn read_lob(&self, index: usize, row: usize, cells: &mut LongCells) -> Result<(), OciError> {
        self.buffers[index].cells.read_lob(row, self.statement.error(), cells)
    }
}

impl Drop for FetchStatement<'_> {
    fn drop(&mut self) {
        // What cannot be freed goes with the session.
        let _ = self.free_lobs();
    }
}

impl ArraySet {
    /// Cells of column `index` (0-based) in `rows`, and their indicators (-1 is NULL).
    ///
    /// # Panics
    /// When there is no such column or the rows exceed the capacity.
    pub fn cells(&self, index: usize, rows: Range<usize>) -> (Cells<'_>, &[i16]) {
        self.columns[index].cells(rows)
    }
}

impl<'s> FetchBuffer<'s> {
    pub(super) fn allocate(session: &'s Session, layout: Layout, rows: usize) -> Result<Self, OciError> {
        Ok(FetchBuffer { cells: ArrayBuffer::allocate(session, layout, rows)?, return_codes: RawArray::zeroed(rows) })
    }

    /// Truncation is told by the return code, by the indicator (-2, or the whole length) or by a length beyond the stride; any of them is enough.
    pub(super) fn bad_cell(&self, column_index: usize, rows: usize) -> Option<BadCell> {
        let (codes, (_, indicators)) = (&self.return_codes.as_slice()[..rows], self.cells.cells(0..rows));
        let stride_bytes = self.cells.layout().stride_bytes();
        let lengths = self.cells.fetched_lengths();
        let lengths = &lengths[..rows.min(lengths.len())];
        // Nearly always all is well, which is told without a branch on any cell.
        let is_odd = |code: u16, indicator: i16| !matches!((code, indicator), (0, 0) | (0 | CODE_NULL, -1));
        let odd_cells = codes.iter().zip(indicators).fold(false, |any, (&code, &indicator)| any | is_odd(code, indicator));
        let longest_bytes = lengths.iter().fold(0, |longest, &length| length.max(longest));
        if !odd_cells && longest_bytes <= stride_bytes {
            return None;
        }
        let code_of = |row: usize| match (codes[row], indicators[row]) {
            (0 | CODE_NULL, -1) => None,
            (0, 0) => lengths.get(row).filter(|&&length| length > stride_bytes).map(|_| CODE_TRUNCATED),
            (0, _) => Some(CODE_TRUNCATED),
            (code, _) => Some(code),
        };
        (0..rows).find_map(|row_index| code_of(row_index).map(|ora_code| BadCell { row_index, column_index, ora_code }))
    }
}

/// Binds a value to each placeholder. The buffers have to outlive the statement.
fn bind_all<'s>(statement: &Statement<'s>, cells: &[BindCell]) -> Result<Vec<ArrayBuffer<'s>>, OciError> {
    const BIND: &str = "bind the values of the query";
    let refused = |message: String| Err(OciError::refused("OCIBindByPos2", BIND, message));
    // SAFETY: the attribute is an unsigned 32-bit number.
    let placeholders: u32 = unsafe { statement.attributes().scalar(OCI_ATTR_BIND_COUNT, "count the placeholders") }?;
    if placeholders as usize != cells.len() {
        return refused(format!("the query has {placeholders} placeholders but {} values were given", cells.len()));
    }
    let mut buffers = Vec::with_capacity(cells.len());
    for (index, cell) in cells.iter().enumerate() {
        let stride_bytes = cell.layout.stride_bytes() as usize;
        if !is_bindable(&cell.layout) || cell.value.len() != stride_bytes || cell.length.is_some() != cell.layout.is_variable() {
            return refused(format!("placeholder {}: {:?} is no value that the client takes", index + 1, cell.layout));
        }
        let mut buffer = ArrayBuffer::allocate(statement.session(), cell.layout, 1)?;
        let slots = buffer.slots(0..1);
        slots.values.copy_from_slice(&cell.value);
        slots.indicators.fill(0);
        slots.lengths.fill(cell.length.unwrap_or(0));
        buffer.make_ready(statement.session(), statement.error(), index, 1)?;
        // SAFETY: the caller keeps the arrays, which do not move, for as long as the statement, and executes it once.
        unsafe { statement.bind(index as u32 + 1, &buffer.bind_target(statement.session()), buffer.is_national()) }?;
        buffers.push(buffer);
    }
    Ok(buffers)
}

pub(super) fn check_layouts(layouts: &[Layout], capacity_rows: u32) -> Result<(), OciError> {
    let refused = |message: String| Err(OciError::refused("OCIDefineByPos2", DEFINE, message));
    if capacity_rows == 0 || capacity_rows > MAX_ROWS_PER_EXECUTE {
        return refused(format!("{capacity_rows} rows: an array holds 1 to {MAX_ROWS_PER_EXECUTE}"));
    }
    for (position, layout) in (1..).zip(layouts) {
        if !is_bindable(layout) && !matches!(layout, Layout::Lob { .. }) {
            return refused(format!("column {position}: {layout:?} is no array that the client fills"));
        }
        let bytes = u64::from(layout.stride_bytes()) * u64::from(capacity_rows);
        if bytes > MAX_BUFFER_BYTES {
            return refused(format!("column {position}: {bytes} bytes for {capacity_rows} rows exceed 2 GB; take fewer rows"));
        }
    }
    Ok(())
}

impl std::fmt::Debug for FetchStatement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let layouts: Vec<Layout> = self.buffers.iter().map(|buffer| buffer.cells.layout()).collect();
        f.debug_struct("FetchStatement").field("capacity_rows", &self.capacity_rows).field("layouts", &layouts).finish_non_exhaustive()
    }
}
