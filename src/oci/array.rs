//! Array DML: buffers that are allocated and bound once, refilled, and executed again.

use std::ops::Range;

use oci_sys::*;

use crate::layout::{DateTimeFields, Layout, LobKind, LongBinding, Slots};
use crate::oci::check::{Done, OciError, is_statement_level};
use crate::oci::handle::{DescriptorArray, RawArray, zone_text};
use crate::oci::lob::{DataSource, LocatorArray, give_value};
use crate::oci::session::Session;
use crate::oci::statement::{BindTarget, Statement};

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
    capacity_rows: u32,
    /// Row counts were asked for once, so they are asked for always: client 12.1 goes on to write them, and after a larger execute without the
    /// mode it writes beyond the array that it made for the smaller one (seen as heap corruption).
    counts_rows: bool,
}

/// The arrays of one placeholder. They never move while bound; see [`RawArray`].
struct ArrayBuffer<'s> {
    layout: Layout,
    /// As words, so that native integers and doubles are aligned. For datetimes the staging area of [`DateTimeFields`].
    values: RawArray<u64>,
    indicators: RawArray<i16>,
    /// Empty unless [`Layout::Variable`].
    lengths: RawArray<u32>,
    descriptors: Option<DescriptorArray>,
    long: LongArrays<'s>,
}

/// What a placeholder of long values has instead of an array of values.
enum LongArrays<'s> {
    None,
    Data(DataSource),
    Locators(LocatorArray<'s>, bool),
}

/// The shape of one placeholder; see [`ArrayStatement::rebind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of a slot; with another binding than [`LongBinding::Array`] there are none, and this is 1.
    pub stride_bytes: u32,
    /// How its values are given.
    pub binding: LongBinding,
}

impl<'s> ArrayStatement<'s> {
    pub(crate) fn prepare(session: &'s Session, sql: &str, layouts: &[Layout], capacity_rows: u32) -> Result<Self, OciError> {
        let statement = Statement::prepare(session, sql)?;
        // SAFETY: the attribute is an unsigned 32-bit number.
        let placeholders: u32 = unsafe { statement.attributes().scalar(OCI_ATTR_BIND_COUNT, "count the placeholders") }?;
        if placeholders as usize != layouts.len() {
            let message = format!("the statement has {placeholders} placeholders but {} layouts were given", layouts.len());
            return Err(OciError::refused("OCIStmtPrepare2", "prepare the array statement", message));
        }
        let buffers = allocate(session, layouts, capacity_rows)?;
        let this = ArrayStatement { statement, buffers, capacity_rows, counts_rows: false };
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
        self.buffers[index].layout
    }

    /// The window of `rows` in the buffers of placeholder `index` (0-based). For [`Layout::DateTime`] the values are [`DateTimeFields`].
    ///
    /// # Panics
    /// When there is no such placeholder or the rows exceed the capacity.
    pub fn slots(&mut self, index: usize, rows: Range<usize>) -> Slots<'_> {
        let buffer = &mut self.buffers[index];
        let stride_bytes = buffer.layout.stride_bytes() as usize;
        let lengths = match buffer.layout {
            Layout::Variable { .. } => &mut buffer.lengths.as_mut_slice()[rows.clone()],
            Layout::Fixed { .. } | Layout::DateTime { .. } | Layout::Lob { .. } => &mut [],
        };
        Slots {
            values: &mut buffer.values.as_bytes_mut()[rows.start * stride_bytes..rows.end * stride_bytes],
            stride_bytes,
            lengths,
            indicators: &mut buffer.indicators.as_mut_slice()[rows],
        }
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
        let layouts = self.buffers.iter().zip(shapes).map(|(buffer, shape)| with_stride(buffer.layout, shape.stride_bytes));
        let layouts: Vec<Layout> = layouts.collect::<Result<_, _>>()?;
        if layouts.len() != self.buffers.len() {
            let message = format!("{} shapes were given for {} placeholders", shapes.len(), self.buffers.len());
            return Err(OciError::refused("OCIBindByPos2", "reshape the array", message));
        }
        let mut new = allocate(self.statement.session(), &layouts, capacity_rows)?;
        for (buffer, shape) in new.iter_mut().zip(shapes) {
            buffer.bind_long(self.statement.session(), shape.binding, capacity_rows as usize)?;
        }
        // The old arrays live until every position is bound to a new one.
        let old = std::mem::replace(&mut self.buffers, new);
        let old_capacity_rows = std::mem::replace(&mut self.capacity_rows, capacity_rows);
        if let Err(error) = self.bind_all() {
            self.buffers = old;
            self.capacity_rows = old_capacity_rows;
            // What was bound to the dropped new arrays must not be executed: bind the old ones again, or hold no row at all.
            if self.bind_all().is_err() {
                self.capacity_rows = 0;
            }
            return Err(error);
        }
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
        let freed = self.clear_long();
        let outcome = result?;
        freed?;
        Ok(outcome)
    }

    fn execute_filled(&mut self, rows: u32, options: ExecuteOptions) -> Result<ArrayOutcome, OciError> {
        if rows == 0 {
            return Ok(ArrayOutcome::default());
        }
        if rows > self.capacity_rows {
            let message = format!("{rows} rows are more than the {} that the array holds", self.capacity_rows);
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
        // SAFETY: every placeholder is bound to arrays of `capacity_rows` elements, and `make_ready` has seen that lengths stay within the stride.
        match unsafe { self.statement.execute(rows, mode, EXECUTE) } {
            Ok(done) => self.outcome(done, options.mode, row_counts),
            Err(error) if options.mode == ArrayMode::BatchErrors || error.ora_code == 0 || is_statement_level(error.ora_code) => Err(error),
            Err(error) => self.stopped_at(error, rows),
        }
    }

    fn bind_all(&self) -> Result<(), OciError> {
        for (position, buffer) in (1..).zip(&self.buffers) {
            let national = matches!(buffer.layout, Layout::Variable { national: true, .. });
            if let (LongArrays::Data(source), Some(kind)) = (&buffer.long, lob_kind(buffer.layout)) {
                // SAFETY: the context does not move, and outlives the statement or this binding as the arrays below do.
                unsafe { self.statement.bind_dynamic(position, kind.data_type(), national, source.context(), give_value) }?;
                continue;
            }
            // SAFETY: the arrays hold `capacity_rows` elements, do not move, and outlive the statement (order of the fields) or this binding
            // (`reshape` keeps the old ones until all positions are bound anew).
            unsafe { self.statement.bind(position, &buffer.bind_target(self.statement.session()), national) }?;
        }
        Ok(())
    }

    /// Hands the long values over: none is missing, and none is given to a placeholder that has an array.
    fn fill_long(&mut self, rows: u32, long: &[LongValues<'_>]) -> Result<(), OciError> {
        let error = self.statement.error();
        for (index, buffer) in self.buffers.iter_mut().enumerate() {
            let given = long.iter().find(|long| long.index == index).map(|long| long.values.as_slice());
            let is_long = !matches!(buffer.long, LongArrays::None);
            if is_long != given.is_some() || given.is_some_and(|values| values.len() != rows as usize) {
                let message = format!("placeholder {}: {} long values for {rows} rows", index + 1, given.map_or(0, |values| values.len()));
                return Err(OciError::refused("OCIStmtExecute", EXECUTE, message));
            }
            let Some(values) = given else { continue };
            for (indicator, value) in buffer.indicators.as_mut_slice().iter_mut().zip(values) {
                *indicator = if value.is_some() { 0 } else { -1 };
            }
            match &mut buffer.long {
                LongArrays::None => {}
                LongArrays::Data(source) => source.fill(values)?,
                LongArrays::Locators(locators, empty_is_temporary) => {
                    for (row, value) in values.iter().enumerate() {
                        if let Some(value) = value {
                            locators.write(row, error, value, *empty_is_temporary)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn clear_long(&mut self) -> Result<(), OciError> {
        let mut result = Ok(());
        for buffer in &mut self.buffers {
            match &mut buffer.long {
                LongArrays::None => {}
                LongArrays::Data(source) => source.clear(),
                // With an error handle of its own: that of the statement may hold the errors of the execute.
                LongArrays::Locators(locators, _) => {
                    let error = self.statement.session().new_error_handle()?;
                    result = result.and(locators.free_temporary(error.as_ptr()));
                }
            }
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

const MAX_NANOSECOND: u32 = 999_999_999;
/// As [`DateTimeFields::offset_minutes`] says; `-14:59` to `+14:00`.
const ZONE_MINUTES: std::ops::RangeInclusive<i16> = -899..=840;

const EXECUTE: &str = "execute the array";

/// The values of one placeholder whose binding is not [`LongBinding::Array`], for one execute.
#[derive(Debug)]
pub struct LongValues<'v> {
    /// 0-based placeholder.
    pub index: usize,
    /// One per row; `None` is NULL.
    pub values: Vec<Option<&'v [u8]>>,
}

/// The LOB type that long values of a placeholder go to.
fn lob_kind(layout: Layout) -> Option<LobKind> {
    match layout {
        Layout::Variable { long: true, external_type: SQLT_BIN | SQLT_LBI, .. } => Some(LobKind::Blob),
        Layout::Variable { long: true, national: true, .. } => Some(LobKind::Nclob),
        Layout::Variable { long: true, .. } => Some(LobKind::Clob),
        _ => None,
    }
}

impl<'s> ArrayBuffer<'s> {
    fn binding(&self) -> LongBinding {
        match &self.long {
            LongArrays::None => LongBinding::Array,
            LongArrays::Data(_) => LongBinding::Data,
            LongArrays::Locators(_, empty_is_temporary) => LongBinding::Locators { empty_is_temporary: *empty_is_temporary },
        }
    }

    fn bind_long(&mut self, session: &'s Session, binding: LongBinding, rows: usize) -> Result<(), OciError> {
        self.long = match (binding, lob_kind(self.layout)) {
            (LongBinding::Array, _) => LongArrays::None,
            (LongBinding::Data, Some(_)) => LongArrays::Data(DataSource::new()),
            (LongBinding::Locators { empty_is_temporary }, Some(kind)) => {
                LongArrays::Locators(LocatorArray::allocate(session, kind, rows)?, empty_is_temporary)
            }
            (_, None) => {
                let message = format!("{:?} takes no long values", self.layout);
                return Err(OciError::refused("OCIBindByPos2", "reshape the array", message));
            }
        };
        Ok(())
    }

    fn allocate(session: &Session, layout: Layout, rows: usize) -> Result<Self, OciError> {
        let lengths = if matches!(layout, Layout::Variable { .. }) { rows } else { 0 };
        let descriptors = match layout {
            Layout::DateTime { with_zone } => {
                let kind = if with_zone { OCI_DTYPE_TIMESTAMP_TZ } else { OCI_DTYPE_TIMESTAMP };
                // SAFETY: the session's environment outlives the descriptors, which live in a statement that borrows the session.
                Some(unsafe { DescriptorArray::allocate(session.api(), session.env(), kind, rows) }?)
            }
            Layout::Fixed { .. } | Layout::Variable { .. } | Layout::Lob { .. } => None,
        };
        Ok(ArrayBuffer {
            layout,
            values: RawArray::zeroed((layout.stride_bytes() as usize * rows).div_ceil(8)),
            indicators: RawArray::zeroed(rows),
            lengths: RawArray::zeroed(lengths),
            descriptors,
            long: LongArrays::None,
        })
    }

    fn bind_target(&self, session: &Session) -> BindTarget {
        let values = self.values.as_ptr().cast::<u8>();
        if let LongArrays::Locators(locators, _) = &self.long {
            return BindTarget {
                values: locators.as_ptr().cast(),
                stride_bytes: size_of::<*mut OCILobLocator>() as u32,
                external_type: locators.kind().locator_type(),
                indicators: self.indicators.as_ptr(),
                lengths: std::ptr::null_mut(),
                server_bytes: 0,
            };
        }
        let (values, stride_bytes, external_type) = match (self.layout, &self.descriptors) {
            (Layout::DateTime { with_zone }, Some(descriptors)) => {
                let external_type = if with_zone { SQLT_TIMESTAMP_TZ } else { SQLT_TIMESTAMP };
                (descriptors.as_ptr().cast::<u8>(), size_of::<*mut OCIDateTime>() as u32, external_type)
            }
            (Layout::Fixed { external_type, stride_bytes } | Layout::Variable { external_type, stride_bytes, .. }, _) => {
                (values, stride_bytes, external_type)
            }
            (Layout::DateTime { .. } | Layout::Lob { .. }, _) => {
                unreachable!("`allocate` gives every datetime placeholder its descriptors and refuses `Lob`")
            }
        };
        let lengths = if self.lengths.len() == 0 { std::ptr::null_mut() } else { self.lengths.as_ptr() };
        let server_bytes = server_bytes(self.layout, session.converts_text());
        BindTarget { values, stride_bytes, external_type, indicators: self.indicators.as_ptr(), lengths, server_bytes }
    }

    /// Checks or constructs what the client is about to read.
    fn make_ready(&mut self, session: &Session, error: *mut OCIError, index: usize, rows: usize) -> Result<(), OciError> {
        match self.layout {
            Layout::Fixed { external_type: SQLT_VNU, .. } => self.check_numbers(index, rows),
            Layout::Fixed { .. } | Layout::Lob { .. } => Ok(()),
            Layout::Variable { .. } if !matches!(self.long, LongArrays::None) => Ok(()),
            Layout::Variable { stride_bytes, .. } => self.check_lengths(stride_bytes, index, rows),
            Layout::DateTime { with_zone } => self.construct_descriptors(session, error, with_zone, index, rows),
        }
    }

    /// The client would read beyond the value; converters are safe code, so this is checked here.
    fn check_lengths(&self, stride_bytes: u32, index: usize, rows: usize) -> Result<(), OciError> {
        let lengths = &self.lengths.as_slice()[..rows];
        if lengths.iter().fold(0, |most, &length| most.max(length)) <= stride_bytes {
            return Ok(());
        }
        let too_long =
            lengths.iter().zip(self.indicators.as_slice()).position(|(&length, &indicator)| length > stride_bytes && indicator != -1);
        let Some(row) = too_long else { return Ok(()) };
        let message = format!("placeholder {}, row {}: {} bytes do not fit in {stride_bytes}", index + 1, row + 1, lengths[row]);
        Err(OciError::refused("OCIStmtExecute", EXECUTE, message))
    }

    /// The client takes the first byte for a length: more than the slot holds would be read from beyond it, and 0 is stored as NULL.
    fn check_numbers(&self, index: usize, rows: usize) -> Result<(), OciError> {
        const NUMBER_BYTES: u8 = 21;
        let (slots, _) = self.values.as_bytes().as_chunks::<{ NUMBER_BYTES as usize + 1 }>();
        let mut numbers = slots.iter().zip(self.indicators.as_slice()).take(rows);
        let Some(row) = numbers.position(|(slot, &indicator)| slot[0].wrapping_sub(1) >= NUMBER_BYTES && indicator != -1) else {
            return Ok(());
        };
        let message =
            format!("placeholder {}, row {}: a NUMBER of {} bytes; it has 1 to {NUMBER_BYTES}", index + 1, row + 1, slots[row][0]);
        Err(OciError::refused("OCIStmtExecute", EXECUTE, message))
    }

    fn construct_descriptors(
        &self,
        session: &Session,
        error: *mut OCIError,
        with_zone: bool,
        index: usize,
        rows: usize,
    ) -> Result<(), OciError> {
        let Some(descriptors) = &self.descriptors else { return Ok(()) };
        // All values of a column are at one offset, as a rule.
        let mut zone = (0, zone_text(0));
        let (staged, _) = self.values.as_bytes().as_chunks::<{ DateTimeFields::SIZE_BYTES }>();
        for (row, (slot, &indicator)) in staged.iter().zip(self.indicators.as_slice()).take(rows).enumerate() {
            if indicator == -1 {
                continue;
            }
            let fields = DateTimeFields::read_from(slot);
            if fields.nanosecond > MAX_NANOSECOND || with_zone && !ZONE_MINUTES.contains(&fields.offset_minutes) {
                let message = format!("placeholder {}, row {}: {fields:?} is no time", index + 1, row + 1);
                return Err(OciError::refused("OCIDateTimeConstruct", EXECUTE, message));
            }
            if zone.0 != fields.offset_minutes {
                zone = (fields.offset_minutes, zone_text(fields.offset_minutes));
            }
            // SAFETY: the descriptor is ours and of the kind that the layout says; the error handle is the statement's.
            unsafe { descriptors.construct(row, session.env(), error, &fields, with_zone.then_some(&zone.1)) }
                .map_err(|error| OciError { message: format!("placeholder {}, row {}: {}", index + 1, row + 1, error.message), ..error })?;
        }
        Ok(())
    }
}

/// Room in the server for a value of a full slot (OCI_ATTR_MAXDATA_SIZE). A byte of UTF-8 becomes two of AL16UTF16, and up to two where the
/// database has another character set; but a bind that may exceed 4000 bytes is another kind of bind there (ORA-24816).
fn server_bytes(layout: Layout, converts_text: bool) -> u32 {
    let Layout::Variable { external_type: SQLT_CHR | SQLT_AFC, stride_bytes, national, long } = layout else {
        return layout.stride_bytes();
    };
    const MAX_BYTES: u32 = 4_000;
    const MAX_LONG_BYTES: u32 = 32_767;
    let most_bytes = if long { MAX_LONG_BYTES } else { MAX_BYTES };
    match national || converts_text {
        true => stride_bytes.saturating_mul(2).min(most_bytes).max(stride_bytes),
        false => stride_bytes,
    }
}

fn allocate<'s>(session: &'s Session, layouts: &[Layout], capacity_rows: u32) -> Result<Vec<ArrayBuffer<'s>>, OciError> {
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
    layouts.iter().map(|&layout| ArrayBuffer::allocate(session, layout, capacity_rows as usize)).collect()
}

/// External types with the sizes that the client takes. Others could make it read beyond a value or, unknown to it, crash (client 12.1 with JSON, VECTOR).
pub(super) fn is_bindable(layout: &Layout) -> bool {
    match *layout {
        Layout::Fixed { external_type, stride_bytes } => matches!(
            (external_type, stride_bytes),
            (SQLT_INT | SQLT_UIN, 1 | 2 | 4 | 8) | (SQLT_BFLOAT, 4) | (SQLT_BDOUBLE, 8) | (SQLT_VNU, 22) | (SQLT_DAT, 7) | (SQLT_ODT, 8)
        ),
        Layout::Variable { external_type, stride_bytes, .. } => {
            matches!(external_type, SQLT_CHR | SQLT_AFC | SQLT_LNG | SQLT_BIN | SQLT_LBI) && stride_bytes > 0
        }
        Layout::DateTime { .. } => true,
        Layout::Lob { .. } => false,
    }
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
        let layouts: Vec<Layout> = self.buffers.iter().map(|buffer| buffer.layout).collect();
        f.debug_struct("ArrayStatement").field("capacity_rows", &self.capacity_rows).field("layouts", &layouts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_gets_room_for_what_a_value_becomes_there() {
        let of = |external_type, stride_bytes, national, long, converts_text| {
            server_bytes(Layout::Variable { external_type, stride_bytes, national, long }, converts_text)
        };
        assert_eq!(of(SQLT_CHR, 10, true, false, false), 20, "10 ASCII letters are 20 bytes of an NVARCHAR2(10)");
        assert_eq!(of(SQLT_CHR, 3000, true, false, false), 4000, "NVARCHAR2(1000) holds 2000 bytes");
        assert_eq!(of(SQLT_CHR, 6000, true, true, false), 12_000);
        assert_eq!(of(SQLT_CHR, 32_767, true, true, false), 32_767);
        assert_eq!([of(SQLT_CHR, 10, false, false, false), of(SQLT_CHR, 10, false, false, true)], [10, 20]);
        assert_eq!(of(SQLT_BIN, 10, false, false, true), 10);
        assert_eq!(server_bytes(Layout::Fixed { external_type: SQLT_VNU, stride_bytes: 22 }, true), 22);
    }
}
