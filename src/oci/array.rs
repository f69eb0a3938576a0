//! Array DML: buffers that are allocated and bound once, refilled, and executed again.

use std::ops::Range;

use oci_sys::*;

use crate::layout::{Layout, LongBinding, Slots};
use crate::oci::arrays::{ArraySet, next_id};
use crate::oci::buffer::{ArrayBuffer, is_bindable};
use crate::oci::check::{Done, OciError, is_statement_level};
use crate::oci::lob::give_value;
use crate::oci::returning::Returning;
use crate::oci::session::Session;
use crate::oci::statement::Statement;

/// Most rows of one execute. The 12.1 client refuses 65,535, batch errors are counted in 16 bits, and Oracle's manual recommends no more than this.
pub const MAX_ROWS_PER_EXECUTE: u32 = 32_767;

/// Most bytes of one placeholder's values: `value_sz` and buffers are limited to 31 bits (ORA-24452).
const MAX_BUFFER_BYTES: u64 = i32::MAX as u64;

/// What a failing row does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrayMode {
    /// Ends the execute; the rows before it stay in the transaction.
    StopAtFirstError,
    /// Is skipped; all failures are reported together.
    BatchErrors,
}

/// How to execute; an [`ArrayMode`] alone converts into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecuteOptions {
    /// What a failing row does.
    pub mode: ArrayMode,
    /// Ask for one row count an iteration (client 12.1 and later; ignored before).
    pub row_counts: bool,
    /// Commit in the same round trip; nothing is committed when a row fails.
    pub commit_on_success: bool,
}

impl From<ArrayMode> for ExecuteOptions {
    fn from(mode: ArrayMode) -> Self {
        ExecuteOptions { mode, row_counts: false, commit_on_success: false }
    }
}

/// What an execute did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArrayOutcome {
    /// Rows inserted, updated, deleted or merged.
    pub rows_affected: u64,
    /// Failed rows by ascending index; at most one with [`ArrayMode::StopAtFirstError`].
    pub row_errors: Vec<ArrayRowError>,
    /// One count an iteration, when asked for and the client can tell.
    pub row_counts: Option<Vec<u64>>,
}

/// A row that the database refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayRowError {
    /// 0-based, in the executed array.
    pub row_index: u32,
    /// ORA code.
    pub ora_code: i32,
    /// The database's text.
    pub message: String,
}

/// Array DML: owns statement and buffers, binds once, refills, executes again.
pub struct ArrayStatement<'s> {
    // The statement is released before the arrays that it has bound.
    statement: Statement<'s>,
    buffers: Vec<ArrayBuffer<'s>>,
    pub(super) returning: Returning<'s>,
    capacity_rows: u32,
    /// [`ArraySet::id`] of the arrays whose addresses the client has; 0 when it may have several.
    bound_id: u64,
    /// The arrays are elsewhere, to be filled.
    is_lent: bool,
    /// Row counts were asked for once, so they are asked for always: client 12.1 goes on to write them, and after a larger execute without the
    /// mode it writes beyond the array that it made for the smaller one (seen as heap corruption).
    counts_rows: bool,
}

/// The shape of one placeholder; see [`ArrayStatement::rebind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of a slot; with another binding than [`LongBinding::Array`] there are none, and this is 1.
    pub stride_bytes: u32,
    /// How its values are given.
    pub binding: LongBinding,
}

/// The values of one placeholder whose binding is not [`LongBinding::Array`], for one execute.
#[derive(Debug)]
pub struct LongValues<'v> {
    /// 0-based placeholder.
    pub index: usize,
    /// One per row; `None` is NULL.
    pub values: Vec<Option<&'v [u8]>>,
}

impl<'s> ArrayStatement<'s> {
    /// The placeholders of a RETURNING clause, which come last, are those of `returned`.
    pub(crate) fn prepare(
        session: &'s Session,
        sql: &str,
        layouts: &[Layout],
        returned: &[Layout],
        capacity_rows: u32,
    ) -> Result<Self, OciError> {
        let statement = Statement::prepare(session, sql)?;
        // SAFETY: the attribute is an unsigned 32-bit number.
        let placeholders: u32 = unsafe { statement.attributes().scalar(OCI_ATTR_BIND_COUNT, "count the placeholders") }?;
        let given = layouts.len() + returned.len();
        if placeholders as usize != given {
            let message = format!("the statement has {placeholders} placeholders but {given} layouts were given");
            return Err(OciError::refused("OCIStmtPrepare2", "prepare the array statement", message));
        }
        let buffers = allocate(session, layouts, capacity_rows)?;
        let returning = Returning::allocate(session, returned, capacity_rows)?;
        returning.bind(&statement, layouts.len() as u32 + 1)?;
        let this = ArrayStatement { statement, buffers, returning, capacity_rows, bound_id: next_id(), is_lent: false, counts_rows: false };
        this.bind_all()?;
        Ok(this)
    }

    /// Rows that the buffers hold.
    pub fn capacity_rows(&self) -> u32 {
        self.capacity_rows
    }

    /// Present layout of placeholder `index` (0-based); strides grow with [`Self::reshape`].
    ///
    /// # Panics
    /// When there is no such placeholder.
    pub fn layout(&self, index: usize) -> Layout {
        self.buffers[index].layout()
    }

    /// The window of `rows` in the buffers of placeholder `index` (0-based). For descriptors the values are a staging area.
    ///
    /// # Panics
    /// When there is no such placeholder or the rows exceed the capacity.
    pub fn slots(&mut self, index: usize, rows: Range<usize>) -> Slots<'_> {
        self.buffers[index].slots(rows)
    }

    /// Gives the placeholders other strides (one each; only those of [`Layout::Variable`] may change) and another capacity: allocates and binds
    /// anew. Only between executes; the contents are lost.
    pub fn reshape(&mut self, strides_bytes: &[u32], capacity_rows: u32) -> Result<(), OciError> {
        let shapes =
            self.buffers.iter().zip(strides_bytes).map(|(buffer, &stride_bytes)| Shape { stride_bytes, binding: buffer.binding() });
        let shapes: Vec<Shape> = shapes.collect();
        self.rebind(&shapes, capacity_rows)
    }

    /// As [`Self::reshape`], with the way in which long values are given.
    pub fn rebind(&mut self, shapes: &[Shape], capacity_rows: u32) -> Result<(), OciError> {
        let layouts = self.buffers.iter().zip(shapes).map(|(buffer, shape)| with_stride(buffer.layout(), shape.stride_bytes));
        let layouts: Vec<Layout> = layouts.collect::<Result<_, _>>()?;
        if layouts.len() != self.buffers.len() {
            let message = format!("{} shapes were given for {} placeholders", shapes.len(), self.buffers.len());
            return Err(OciError::refused("OCIBindByPos2", "reshape the array", message));
        }
        let mut new = allocate(self.statement.session(), &layouts, capacity_rows)?;
        for (buffer, shape) in new.iter_mut().zip(shapes) {
            buffer.give_long(self.statement.session(), shape.binding, capacity_rows as usize)?;
        }
        // The old arrays live until every position is bound to a new one.
        let old = std::mem::replace(&mut self.buffers, new);
        let old_capacity_rows = std::mem::replace(&mut self.capacity_rows, capacity_rows);
        if let Err(error) = self.bind_all() {
            self.buffers = old;
            self.capacity_rows = old_capacity_rows;
            // What was bound to the dropped new arrays must not be executed: bind the old ones again, or hold no row at all.
            if self.is_lent || self.bind_all().is_err() {
                (self.bound_id, self.capacity_rows) = (0, 0);
            }
            return Err(error);
        }
        self.bound_id = next_id();
        self.is_lent = false;
        Ok(())
    }

    /// Takes the arrays out, so that they can be filled elsewhere. Until arrays are given back the statement has no slots and executes nothing.
    pub fn lend(&mut self) -> ArraySet {
        self.is_lent = true;
        let columns = self.buffers.iter_mut().map(ArrayBuffer::lend).collect();
        ArraySet { id: self.bound_id, columns, capacity_rows: self.capacity_rows }
    }

    /// Takes arrays for the next execute: those that were lent, or others, which are bound in their place. Strides and capacity may differ.
    ///
    /// # Errors
    /// Of arrays that belong to another statement; of the binding, after which the statement holds no row.
    pub fn take_back(&mut self, set: ArraySet) -> Result<(), OciError> {
        let refused = |message: &str| Err(OciError::refused("OCIBindByPos2", "take the arrays back", message.to_owned()));
        let layouts = set.layouts();
        let alike = |(buffer, layout): (&ArrayBuffer<'_>, &Layout)| with_stride(buffer.layout(), layout.stride_bytes()) == Ok(*layout);
        if !self.is_lent || layouts.len() != self.buffers.len() || !self.buffers.iter().zip(&layouts).all(alike) {
            return refused("they are not those of this statement");
        }
        check_layouts(&layouts, set.capacity_rows)?;
        let (is_bound, session) = (set.id == self.bound_id, self.statement.session());
        if set.capacity_rows == self.capacity_rows {
            self.buffers.iter_mut().zip(set.columns).for_each(|(buffer, arrays)| buffer.take_back(arrays));
        } else {
            if self.buffers.iter().any(|buffer| buffer.binding() != LongBinding::Array) {
                return refused("they hold another number of rows, and long values are bound");
            }
            let rows = set.capacity_rows as usize;
            let new = set.columns.into_iter().map(|arrays| ArrayBuffer::around(session, arrays, rows));
            // The old descriptors are freed here; the client has their address until all positions are bound, but executes nothing.
            self.buffers = new.collect::<Result<_, _>>()?;
        }
        if !is_bound {
            (self.bound_id, self.capacity_rows) = (0, 0);
            self.bind_all()?;
            (self.bound_id, self.capacity_rows) = (set.id, set.capacity_rows);
        }
        self.is_lent = false;
        Ok(())
    }

    /// Executes the first `rows` rows. Zero rows are no call at all.
    ///
    /// # Errors
    /// What concerns the statement or the session as a whole. A row that the database refuses is in the outcome.
    pub fn execute(&mut self, rows: u32, options: impl Into<ExecuteOptions>) -> Result<ArrayOutcome, OciError> {
        self.execute_long(rows, options.into(), &[])
    }

    /// As [`Self::execute`], with the values of the placeholders that have none in arrays.
    pub fn execute_long(&mut self, rows: u32, options: ExecuteOptions, long: &[LongValues<'_>]) -> Result<ArrayOutcome, OciError> {
        let result = self.fill_long(rows, long).and_then(|()| self.execute_filled(rows, options));
        // The values are borrowed for this call alone.
        let cleared = self.clear_long();
        let outcome = result?;
        cleared?;
        Ok(outcome)
    }

    fn execute_filled(&mut self, rows: u32, options: ExecuteOptions) -> Result<ArrayOutcome, OciError> {
        if rows == 0 {
            return Ok(ArrayOutcome::default());
        }
        if rows > self.capacity_rows || self.is_lent {
            let message =
                format!("{rows} rows are more than the {} that the array holds", if self.is_lent { 0 } else { self.capacity_rows });
            return Err(OciError::refused("OCIStmtExecute", EXECUTE, message));
        }
        for (index, buffer) in self.buffers.iter_mut().enumerate() {
            buffer.make_ready(self.statement.session(), self.statement.error(), index, rows as usize)?;
        }
        let row_counts = options.row_counts && self.statement.session().api().version().has_row_count_array();
        self.counts_rows |= row_counts;
        let mut mode = OCI_DEFAULT;
        mode |= if options.mode == ArrayMode::BatchErrors { OCI_BATCH_ERRORS } else { 0 };
        mode |= if self.counts_rows { OCI_RETURN_ROW_COUNT_ARRAY } else { 0 };
        mode |= if options.commit_on_success { OCI_COMMIT_ON_SUCCESS } else { 0 };
        self.returning.begin();
        // SAFETY: every placeholder is bound to arrays of `capacity_rows` elements, and `make_ready` has seen that lengths stay within the stride.
        let executed = unsafe { self.statement.execute(rows, mode, EXECUTE) };
        if let Some(error) = self.returning.failure() {
            return Err(error);
        }
        let outcome = match executed {
            Ok(done) => self.outcome(done, options.mode, row_counts),
            Err(error) if options.mode == ArrayMode::BatchErrors || error.ora_code == 0 || is_statement_level(error.ora_code) => Err(error),
            Err(error) => self.stopped_at(error, rows),
        }?;
        self.returning.finish()?;
        Ok(outcome)
    }

    fn bind_all(&self) -> Result<(), OciError> {
        for (position, buffer) in (1..).zip(&self.buffers) {
            // SAFETY: the arrays hold `capacity_rows` elements, and they and the context of a callback do not move, and outlive the statement (order
            // of the fields) or this binding (`rebind` keeps the old ones until all positions are bound anew).
            unsafe {
                match buffer.data_source() {
                    Some((kind, source)) => {
                        self.statement.bind_dynamic(position, kind.data_type(), kind.is_national(), source.context(), give_value)
                    }
                    None => self.statement.bind(position, &buffer.bind_target(self.statement.session()), buffer.is_national()),
                }
            }?;
        }
        Ok(())
    }

    /// Hands the long values over: none is missing, and none is given to a placeholder that has an array.
    fn fill_long(&mut self, rows: u32, long: &[LongValues<'_>]) -> Result<(), OciError> {
        for (index, buffer) in self.buffers.iter_mut().enumerate() {
            let given = long.iter().find(|long| long.index == index).map(|long| long.values.as_slice());
            let is_long = buffer.binding() != LongBinding::Array;
            if is_long != given.is_some() || given.is_some_and(|values| values.len() != rows as usize || rows > self.capacity_rows) {
                let message = format!("placeholder {}: {} long values for {rows} rows", index + 1, given.map_or(0, <[_]>::len));
                return Err(OciError::refused("OCIStmtExecute", EXECUTE, message));
            }
            if let Some(values) = given {
                buffer.fill_long(self.statement.error(), values)?;
            }
        }
        Ok(())
    }

    /// With an error handle of its own: that of the statement may hold the errors of the execute.
    fn clear_long(&mut self) -> Result<(), OciError> {
        let session = self.statement.session();
        let mut result = Ok(());
        // All of them, also after one has failed.
        for buffer in &mut self.buffers {
            let cleared = buffer.clear_long(session);
            result = result.and(cleared);
        }
        result
    }

    fn outcome(&self, done: Done, mode: ArrayMode, row_counts: bool) -> Result<ArrayOutcome, OciError> {
        let row_errors = match (done, mode) {
            (Done::WithInfo, ArrayMode::BatchErrors) => self.statement.batch_errors()?,
            _ => Vec::new(),
        };
        // SAFETY: executed with the mode that fills the counts, by a client that has it.
        let row_counts = if row_counts { Some(unsafe { self.statement.attributes().row_counts() }?) } else { None };
        Ok(ArrayOutcome { rows_affected: self.row_count()?, row_errors, row_counts })
    }

    /// The execute ended at a row: its index is the number of rows done before it.
    fn stopped_at(&self, error: OciError, rows: u32) -> Result<ArrayOutcome, OciError> {
        let rows_done = self.row_count()?;
        let Some(row_index) = u32::try_from(rows_done).ok().filter(|&index| index < rows) else { return Err(error) };
        let row_error = ArrayRowError { row_index, ora_code: error.ora_code, message: error.message };
        Ok(ArrayOutcome { rows_affected: rows_done, row_errors: vec![row_error], row_counts: None })
    }

    fn row_count(&self) -> Result<u64, OciError> {
        let attributes = self.statement.attributes();
        // SAFETY: 457 is an unsigned 64-bit number for clients that have it, 9 an unsigned 32-bit one.
        unsafe {
            if self.statement.session().api().version().has_u64_row_count() {
                attributes.scalar::<u64>(OCI_ATTR_UB8_ROW_COUNT, "read the row count")
            } else {
                attributes.scalar::<u32>(OCI_ATTR_ROW_COUNT, "read the row count").map(u64::from)
            }
        }
    }
}

pub(super) const EXECUTE: &str = "execute the array";

fn allocate<'s>(session: &'s Session, layouts: &[Layout], capacity_rows: u32) -> Result<Vec<ArrayBuffer<'s>>, OciError> {
    check_layouts(layouts, capacity_rows)?;
    layouts.iter().map(|&layout| ArrayBuffer::allocate(session, layout, capacity_rows as usize)).collect()
}

fn check_layouts(layouts: &[Layout], capacity_rows: u32) -> Result<(), OciError> {
    let refused = |message: String| OciError::refused("OCIBindByPos2", "allocate the array", message);
    if capacity_rows == 0 || capacity_rows > MAX_ROWS_PER_EXECUTE {
        return Err(refused(format!("{capacity_rows} rows: an array holds 1 to {MAX_ROWS_PER_EXECUTE}")));
    }
    for (position, layout) in (1..).zip(layouts) {
        if !is_bindable(layout) {
            return Err(refused(format!("placeholder {position}: {layout:?} is no array that the client takes")));
        }
        let bytes = u64::from(layout.stride_bytes()) * u64::from(capacity_rows);
        if bytes > MAX_BUFFER_BYTES {
            return Err(refused(format!("placeholder {position}: {bytes} bytes for {capacity_rows} rows exceed 2 GB; take fewer rows")));
        }
    }
    Ok(())
}

fn with_stride(layout: Layout, stride_bytes: u32) -> Result<Layout, OciError> {
    match layout {
        Layout::Variable { external_type, national, long, .. } => Ok(Layout::Variable { external_type, stride_bytes, national, long }),
        fixed if fixed.stride_bytes() == stride_bytes => Ok(fixed),
        fixed => Err(OciError::refused("OCIBindByPos2", "reshape the array", format!("{fixed:?} cannot get a stride of {stride_bytes}"))),
    }
}

impl std::fmt::Debug for ArrayStatement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let layouts: Vec<Layout> = self.buffers.iter().map(ArrayBuffer::layout).collect();
        f.debug_struct("ArrayStatement").field("capacity_rows", &self.capacity_rows).field("layouts", &layouts).finish_non_exhaustive()
    }
}
