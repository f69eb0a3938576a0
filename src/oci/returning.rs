//! What DML gives back by RETURNING … INTO: the client asks a callback for a place for each value, because only the execute tells how many rows an
//! iteration changes. Places never move while a statement is executed.

use std::ffi::c_void;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use oci_sys::*;

use crate::layout::{Cells, Layout, LongCells};
use crate::oci::array::ArrayStatement;
use crate::oci::attribute::Attributes;
use crate::oci::buffer::Element;
use crate::oci::check::OciError;
use crate::oci::fetch::{BadCell, FetchBuffer, check_layouts};
use crate::oci::handle::{Handle, RawArray};
use crate::oci::session::Session;
use crate::oci::statement::Statement;

const FUNCTION: &str = "OCIBindDynamic";
const ACTION: &str = "take what the statement returns";

/// The placeholders of a RETURNING clause.
pub(super) struct Returning<'s> {
    sinks: Vec<SinkBox<'s>>,
    /// Of the last execute, for each returned row, the executed one.
    rows: Vec<u32>,
    bad_cell: Option<BadCell>,
}

/// A sink whose address the client's callback has. It is reached through this pointer alone, so that both may.
struct SinkBox<'s>(NonNull<Sink<'s>>);

/// The values of one placeholder.
struct Sink<'s> {
    session: &'s Session,
    /// Its own: the statement's keeps the errors of the execute.
    error: Handle<OCIError>,
    layout: Layout,
    chunks: Vec<Chunk<'s>>,
    chunk_rows: usize,
    /// The iteration of each value.
    rows: Vec<u32>,
    /// Values of the present iteration that are still to come, and those that came.
    awaited: u32,
    taken: u32,
    /// What the callback could not say to the client.
    failure: Option<OciError>,
}

/// Memory for some values; all chunks of a sink are alike.
struct Chunk<'s> {
    buffer: FetchBuffer<'s>,
    /// For types that have no lengths in their buffer: the client writes one all the same.
    lengths: RawArray<u32>,
}

/// Where the client is to write.
struct Place {
    element: Element,
    length: *mut u32,
    code: *mut u16,
}

impl<'s> Returning<'s> {
    /// Memory for the values of `layouts`, `chunk_rows` of them to begin with.
    pub(super) fn allocate(session: &'s Session, layouts: &[Layout], chunk_rows: u32) -> Result<Self, OciError> {
        if !layouts.is_empty() {
            check_layouts(layouts, chunk_rows)?;
        }
        let sinks = layouts.iter().map(|&layout| Sink::new(session, layout, chunk_rows as usize).map(SinkBox::new));
        Ok(Returning { sinks: sinks.collect::<Result<_, _>>()?, rows: Vec::new(), bad_cell: None })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sinks.is_empty()
    }

    /// Binds the placeholders from `first_position` (1-based) on.
    pub(super) fn bind(&self, statement: &Statement<'_>, first_position: u32) -> Result<(), OciError> {
        for (position, sink) in (first_position..).zip(&self.sinks) {
            let cells = &sink.get().chunks[0].buffer.cells;
            let (target, national) = (cells.bind_target(statement.session()), cells.is_national());
            // SAFETY: the sink does not move, and outlives the statement (order of the fields of `ArrayStatement`).
            unsafe { statement.bind_out(position, &target, national, sink.0.as_ptr().cast(), (give_nothing, take_value)) }?;
        }
        Ok(())
    }

    /// Forgets the values of the execute before.
    pub(super) fn begin(&mut self) {
        self.rows.clear();
        self.bad_cell = None;
        self.sinks.iter_mut().for_each(|sink| sink.get_mut().begin());
    }

    /// What the callbacks could not take comes before what the client makes of it.
    pub(super) fn failure(&mut self) -> Option<OciError> {
        self.sinks.iter_mut().find_map(|sink| sink.get_mut().failure.take())
    }

    /// Checks that every placeholder has the values of the same rows, and makes them readable.
    pub(super) fn finish(&mut self) -> Result<(), OciError> {
        let mut sinks = self.sinks.iter_mut().map(|sink| sink.get_mut()).enumerate();
        let Some((_, first)) = sinks.next() else { return Ok(()) };
        first.finish()?;
        let mut bad_cell = first.bad_cell(0);
        for (index, sink) in sinks {
            sink.finish()?;
            if sink.rows != first.rows {
                let message =
                    format!("placeholder {} of RETURNING has {} values, the first has {}", index + 1, sink.rows.len(), first.rows.len());
                return Err(OciError::refused(FUNCTION, ACTION, message));
            }
            bad_cell = [bad_cell, sink.bad_cell(index)].into_iter().flatten().min_by_key(|cell| (cell.row_index, cell.column_index));
        }
        self.rows.extend_from_slice(&first.rows);
        self.bad_cell = bad_cell;
        if self.bad_cell.is_none() {
            self.sinks.iter_mut().try_for_each(|sink| sink.get_mut().stage())?;
        }
        Ok(())
    }

    fn sink(&self, index: usize) -> &Sink<'s> {
        self.sinks[index].get()
    }
}

impl<'s> SinkBox<'s> {
    fn new(sink: Sink<'s>) -> Self {
        SinkBox(NonNull::from(Box::leak(Box::new(sink))))
    }

    fn get(&self) -> &Sink<'s> {
        // SAFETY: live until `drop`. The client uses the address within `OCIStmtExecute` alone, whose caller has the statement, and so this, mutably.
        unsafe { self.0.as_ref() }
    }

    fn get_mut(&mut self) -> &mut Sink<'s> {
        // SAFETY: as above, and `&mut self` makes the borrow unique.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for SinkBox<'_> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a leaked box and is given back once, after the statement that had it was released.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<'s> Sink<'s> {
    fn new(session: &'s Session, layout: Layout, chunk_rows: usize) -> Result<Self, OciError> {
        let error = session.new_error_handle()?;
        let chunks = vec![Chunk::allocate(session, layout, chunk_rows)?];
        Ok(Sink { session, error, layout, chunks, chunk_rows, rows: Vec::new(), awaited: 0, taken: 0, failure: None })
    }

    fn begin(&mut self) {
        self.rows.clear();
        (self.awaited, self.taken, self.failure) = (0, 0, None);
    }

    /// A place for value `index` of `iteration`.
    fn place(&mut self, bind: *mut OCIBind, iteration: u32, index: u32) -> Result<Place, OciError> {
        if index == 0 {
            self.complete()?;
            if self.rows.last().is_some_and(|&last| last >= iteration) {
                return Err(refused(format!("iteration {iteration} came after {}", self.rows[self.rows.len() - 1])));
            }
            // SAFETY: the client has given its live bind handle; the error handle is this sink's; the number is an unsigned 32-bit one.
            let rows: u32 = unsafe {
                let attributes = Attributes::of(self.session.api(), bind.cast(), OCI_HTYPE_BIND, self.error.as_ptr());
                attributes.scalar(OCI_ATTR_ROWS_RETURNED, "count the returned rows")
            }?;
            (self.awaited, self.taken) = (rows, 0);
        }
        if self.awaited == 0 && index == 0 {
            // No row, but the client wants a place all the same: the next one, which is not taken.
            return self.place_of(self.rows.len());
        }
        if index != self.taken || self.awaited == 0 {
            return Err(refused(format!(
                "value {index} of iteration {iteration}, where {} is next of {}",
                self.taken,
                self.taken + self.awaited
            )));
        }
        let place = self.place_of(self.rows.len())?;
        self.rows.push(iteration);
        (self.awaited, self.taken) = (self.awaited - 1, self.taken + 1);
        Ok(place)
    }

    fn place_of(&mut self, row: usize) -> Result<Place, OciError> {
        let (chunk, row) = (row / self.chunk_rows, row % self.chunk_rows);
        if chunk == self.chunks.len() {
            self.chunks.push(Chunk::allocate(self.session, self.layout, self.chunk_rows)?);
        }
        Ok(self.chunks[chunk].place(row))
    }

    fn complete(&self) -> Result<(), OciError> {
        match self.awaited {
            0 => Ok(()),
            missing => Err(refused(format!("{missing} of {} values of an iteration did not come", self.taken + missing))),
        }
    }

    fn finish(&mut self) -> Result<(), OciError> {
        self.complete()
    }

    fn used(&self, chunk: usize) -> usize {
        self.rows.len().saturating_sub(chunk * self.chunk_rows).min(self.chunk_rows)
    }

    fn bad_cell(&self, column_index: usize) -> Option<BadCell> {
        self.chunks.iter().enumerate().find_map(|(chunk, Chunk { buffer, .. })| {
            let cell = buffer.bad_cell(column_index, self.used(chunk))?;
            Some(BadCell { row_index: cell.row_index + chunk * self.chunk_rows, ..cell })
        })
    }

    fn stage(&mut self) -> Result<(), OciError> {
        for index in 0..self.chunks.len() {
            let rows = self.used(index);
            self.chunks[index].buffer.cells.stage_descriptors(self.session, self.error.as_ptr(), rows)?;
        }
        Ok(())
    }
}

impl<'s> Chunk<'s> {
    fn allocate(session: &'s Session, layout: Layout, rows: usize) -> Result<Self, OciError> {
        let lengths = if layout.is_variable() { 0 } else { rows };
        Ok(Chunk { buffer: FetchBuffer::allocate(session, layout, rows)?, lengths: RawArray::zeroed(lengths) })
    }

    /// The place of `row`, as if nothing had been there.
    fn place(&mut self, row: usize) -> Place {
        let element = self.buffer.cells.element(row);
        let length = element.length.unwrap_or_else(|| &raw mut self.lengths.as_mut_slice()[row]);
        let code = &raw mut self.buffer.return_codes.as_mut_slice()[row];
        // SAFETY: all three are elements of arrays that are ours.
        unsafe {
            element.indicator.write(-1);
            length.write(element.stride_bytes);
            code.write(0);
        }
        Place { element, length, code }
    }
}

#[cold]
fn refused(message: String) -> OciError {
    OciError::refused(FUNCTION, ACTION, format!("{message}; report this as a bug"))
}

/// `OCICallbackInBind` of a placeholder that is written alone.
///
/// # Safety
/// The pointers are writable, as the client promises.
unsafe extern "C" fn give_nothing(
    _context: *mut c_void,
    _bind: *mut OCIBind,
    _iteration: u32,
    _index: u32,
    value: *mut *mut c_void,
    bytes: *mut u32,
    piece: *mut u8,
    indicator: *mut *mut c_void,
) -> i32 {
    /// The client only reads it, although the type does not say so.
    static IS_NULL: i16 = -1;
    // SAFETY: see above. Nothing here panics.
    unsafe {
        value.write(std::ptr::null_mut());
        bytes.write(0);
        piece.write(OCI_ONE_PIECE);
        indicator.write((&raw const IS_NULL).cast_mut().cast());
    }
    OCI_CONTINUE
}

/// `OCICallbackOutBind` of a [`Sink`].
///
/// # Safety
/// `context` is a live [`Sink`] that nothing else refers to meanwhile; the other pointers are writable, as the client promises.
unsafe extern "C" fn take_value(
    context: *mut c_void,
    bind: *mut OCIBind,
    iteration: u32,
    index: u32,
    value: *mut *mut c_void,
    bytes: *mut *mut u32,
    piece: *mut u8,
    indicator: *mut *mut c_void,
    return_code: *mut *mut u16,
) -> i32 {
    // SAFETY: see above; the lifetime is that of this call.
    let sink = unsafe { &mut *context.cast::<Sink<'_>>() };
    let found = catch_unwind(AssertUnwindSafe(|| sink.place(bind, iteration, index)));
    match found.unwrap_or_else(|_| Err(refused("a place for a value could not be found".into()))) {
        Ok(Place { element, length, code }) => {
            // SAFETY: see above; places stay where they are until the next execute.
            unsafe {
                value.write(element.value);
                bytes.write(length);
                piece.write(OCI_ONE_PIECE);
                indicator.write(element.indicator.cast());
                return_code.write(code);
            }
            OCI_CONTINUE
        }
        Err(error) => {
            sink.failure.get_or_insert(error);
            OCI_ERROR
        }
    }
}

impl Session {
    /// As [`Self::array_statement`], with a RETURNING clause whose placeholders are the last: `returned` has one entry for each. See
    /// [`ArrayStatement::returned_rows`].
    pub fn returning_statement(
        &self,
        sql: &str,
        layouts: &[Layout],
        returned: &[Layout],
        capacity_rows: u32,
    ) -> Result<ArrayStatement<'_>, OciError> {
        ArrayStatement::prepare(self, sql, layouts, returned, capacity_rows)
    }
}

impl ArrayStatement<'_> {
    /// For each row that the last execute has given back, by ascending index the 0-based executed row that it belongs to: once for an INSERT, as often
    /// as rows were changed for UPDATE and DELETE, never for a row that failed.
    pub fn returned_rows(&self) -> &[u32] {
        &self.returning.rows
    }

    /// The first returned value that did not arrive whole, if any: then none of them are to be used.
    pub fn bad_returned_cell(&self) -> Option<BadCell> {
        self.returning.bad_cell
    }

    /// The pieces that the returned rows lie in, one after the other.
    pub fn returned_chunks(&self) -> impl Iterator<Item = Range<usize>> {
        let rows = self.returning.rows.len();
        let chunk_rows = if self.returning.is_empty() { 1 } else { self.returning.sink(0).chunk_rows };
        (0..rows).step_by(chunk_rows).map(move |start| start..(start + chunk_rows).min(rows))
    }

    /// Cells of placeholder `index` (0-based, among those of RETURNING) in one of [`Self::returned_chunks`], and their indicators (-1 is NULL). LOBs
    /// have none: [`Self::read_returned_lob`].
    ///
    /// # Panics
    /// When there is no such placeholder or chunk.
    pub fn returned_cells(&self, index: usize, chunk: Range<usize>) -> (Cells<'_>, &[i16]) {
        let sink = self.returning.sink(index);
        sink.chunks[chunk.start / sink.chunk_rows].buffer.cells.cells(0..chunk.len())
    }

    /// Appends the LOB of placeholder `index` (0-based, among those of RETURNING) in returned row `row` to `cells`; nothing where it is NULL.
    ///
    /// # Errors
    /// What reading it fails with.
    ///
    /// # Panics
    /// When there is no such placeholder or row.
    pub fn read_returned_lob(&self, index: usize, row: usize, cells: &mut LongCells) -> Result<(), OciError> {
        let sink = self.returning.sink(index);
        sink.chunks[row / sink.chunk_rows].buffer.cells.read_lob(row % sink.chunk_rows, sink.error.as_ptr(), cells)
    }
}
