//! Values in pieces by polling: an execute or a fetch answers `OCI_NEED_DATA`, the caller asks what is wanted (`OCIStmtGetPieceInfo`), offers a
//! buffer (`OCIStmtSetPieceInfo`) and calls again, until the call succeeds.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::ops::Range;

use super::bind::BindBody;
use super::codes::{kind, sqlt, status};
use super::define::DefineBody;
use super::error::{Failure, Outcome, guard};
use super::handle::{self, Handle};
use super::statement::StatementBody;

/// `OCI_ONE_PIECE` and its kin.
pub mod piece {
    pub const ONE: u8 = 0;
    pub const FIRST: u8 = 1;
    pub const NEXT: u8 = 2;
    pub const LAST: u8 = 3;
}
const PARAM_IN: u8 = 1;
const PARAM_OUT: u8 = 2;

/// A buffer that the caller offered for the next piece.
#[derive(Clone, Copy)]
pub struct Offered {
    buffer: *mut u8,
    length: *mut u32,
    piece: u8,
    indicator: *mut i16,
    code: *mut u16,
}

/// The values of one bind, by row; none for NULL.
pub type Polled = Vec<Option<Vec<u8>>>;

/// The values of an execute that are asked for piece by piece, row by row.
pub struct Asking {
    binds: Vec<*mut Handle<BindBody>>,
    rows: Range<usize>,
    row: usize,
    /// Index in `binds` of the one that is asked for.
    at: usize,
    /// Of the value that is asked for; none before its first piece.
    begun: Option<Vec<u8>>,
}

/// Asks for the next piece of the binds that nobody else delivers; false when every value is there.
pub fn need_data(statement: &mut StatementBody, rows: Range<usize>) -> Result<bool, Failure> {
    if statement.asking.is_none() {
        let mut binds: Vec<*mut Handle<BindBody>> = Vec::new();
        for bind in statement.binds.iter().flatten().copied().filter(|bind| !bind.is_null()) {
            // SAFETY: bind handles live as long as their statement, which the caller has locked.
            let body = &mut *unsafe { &*bind }.lock();
            if !body.dynamic || body.callback.is_some() || binds.contains(&bind) {
                continue;
            }
            if !matches!(body.external_type, sqlt::CHR | sqlt::LNG | sqlt::AFC | sqlt::BIN | sqlt::LBI) {
                return Err(Failure::unimplemented(format_args!("pieces of a bind of type {}", body.external_type)));
            }
            (body.offered, body.polled) = (None, Vec::new());
            body.polled_from = rows.start;
            binds.push(bind);
        }
        if binds.is_empty() {
            return Ok(false);
        }
        statement.asking = Some(Asking { binds, row: rows.start, rows, at: 0, begun: None });
        return Ok(true);
    }
    let Some(asking) = &mut statement.asking else { return Ok(false) };
    // SAFETY: as above; what is offered is valid until this call by contract.
    let goes_on = unsafe { asking.take() }?;
    if !goes_on {
        statement.asking = None;
    }
    Ok(goes_on)
}

impl Asking {
    /// Takes the piece that was offered; whether more are needed.
    ///
    /// # Safety
    /// The bind handles live, and what was offered is valid.
    unsafe fn take(&mut self) -> Result<bool, Failure> {
        // SAFETY: the caller's contract.
        let body = &mut *unsafe { &*self.binds[self.at] }.lock();
        let Some(offered) = body.offered.take() else { return Ok(true) };
        let value = self.begun.get_or_insert_default();
        // SAFETY: a non-NULL indicator points to an i16 by contract.
        let is_null = !offered.indicator.is_null() && unsafe { offered.indicator.read_unaligned() } == -1;
        if !is_null && !offered.buffer.is_null() && !offered.length.is_null() {
            // SAFETY: the buffer has the length that goes with it.
            value.extend_from_slice(unsafe { std::slice::from_raw_parts(offered.buffer, offered.length.read_unaligned() as usize) });
        }
        if !is_null && !matches!(offered.piece, piece::ONE | piece::LAST) {
            return Ok(true);
        }
        let whole = self.begun.take().filter(|value| !is_null && !value.is_empty());
        body.polled.push(whole);
        self.at += 1;
        if self.at == self.binds.len() {
            (self.at, self.row) = (0, self.row + 1);
        }
        Ok(self.row < self.rows.end)
    }
}

/// A value on its way to the caller.
pub struct Handing {
    define: *mut Handle<DefineBody>,
    bytes: Vec<u8>,
    is_null: bool,
    handed: usize,
    begun: bool,
}

impl Handing {
    /// The value of a column of the row fetched.
    pub fn new(define: *mut Handle<DefineBody>, bytes: Vec<u8>, is_null: bool) -> Handing {
        Handing { define, bytes, is_null, handed: 0, begun: false }
    }
}

/// Fills the buffer that was offered; 99 while there is more to hand over.
pub fn hand_over(handing: &mut VecDeque<Handing>) -> Outcome {
    let Some(value) = handing.front_mut() else { return Ok(status::SUCCESS) };
    // SAFETY: define handles live as long as their statement, which the caller has locked.
    let Some(offered) = unsafe { &*value.define }.lock().offered.take() else { return Ok(status::NEED_DATA) };
    if offered.length.is_null() {
        return Err(Failure::ora(24309, "OCIStmtSetPieceInfo without a length"));
    }
    let rest = &value.bytes[value.handed..];
    // SAFETY: the buffer has the length that goes with it; the other pointers are NULL or writable by contract.
    unsafe {
        let taken = if offered.buffer.is_null() { 0 } else { rest.len().min(offered.length.read_unaligned() as usize) };
        if taken == 0 && !rest.is_empty() {
            return Err(Failure::ora(24309, "OCIStmtSetPieceInfo with an empty buffer"));
        }
        if taken > 0 {
            std::ptr::copy_nonoverlapping(rest.as_ptr(), offered.buffer, taken);
        }
        offered.length.write_unaligned(taken as u32);
        if !offered.indicator.is_null() {
            offered.indicator.write_unaligned(if value.is_null { -1 } else { 0 });
        }
        if !offered.code.is_null() {
            offered.code.write_unaligned(0);
        }
        value.handed += taken;
    }
    value.begun = true;
    if value.handed == value.bytes.len() {
        handing.pop_front();
    }
    Ok(if handing.is_empty() { status::SUCCESS } else { status::NEED_DATA })
}

/// Which bind or define the statement waits for, and whether it is the first piece.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtGetPieceInfo(
    stmtp: *mut c_void,
    errhp: *mut c_void,
    hndlpp: *mut *mut c_void,
    typep: *mut u32,
    in_outp: *mut u8,
    iterp: *mut u32,
    indexp: *mut u32,
    piecep: *mut u8,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIStmtGetPieceInfo", errhp, |_| {
            let statement = handle::get::<StatementBody>(stmtp)?.lock();
            let fetching = statement.query.as_ref().and_then(|query| query.handing.front());
            let (waiting, handle_kind, direction, row, begun): (*mut c_void, _, _, _, _) = match (&statement.asking, fetching) {
                (Some(asking), _) => (asking.binds[asking.at].cast(), kind::BIND, PARAM_IN, asking.row, asking.begun.is_some()),
                (None, Some(value)) => (value.define.cast(), kind::DEFINE, PARAM_OUT, 0, value.begun),
                (None, None) => return Err(Failure::ora(3129, "the next piece to be inserted is required: no call waits for a piece")),
            };
            if hndlpp.is_null() {
                return Err(Failure::InvalidHandle);
            }
            hndlpp.write(waiting);
            let answers = [(typep, handle_kind), (iterp, row as u32), (indexp, 0)];
            answers.into_iter().filter(|(place, _)| !place.is_null()).for_each(|(place, value)| place.write(value));
            if !in_outp.is_null() {
                in_outp.write(direction);
            }
            if !piecep.is_null() {
                piecep.write(if begun { piece::NEXT } else { piece::FIRST });
            }
            Ok(status::SUCCESS)
        })
    }
}

/// Offers the buffer of the next piece of a bind or define.
///
/// # Safety
/// Pointers as the OCI contract says; they stay valid until the next execute or fetch of the statement.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtSetPieceInfo(
    hndlp: *mut c_void,
    handle_kind: u32,
    errhp: *mut c_void,
    buffer: *const c_void,
    lengthp: *mut u32,
    piece: u8,
    indicator: *const c_void,
    codep: *mut u16,
) -> i32 {
    let offered = Offered { buffer: buffer.cast_mut().cast(), length: lengthp, piece, indicator: indicator.cast_mut().cast(), code: codep };
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIStmtSetPieceInfo", errhp, |_| {
            match handle_kind {
                kind::BIND => handle::get::<BindBody>(hndlp)?.lock().offered = Some(offered),
                kind::DEFINE => handle::get::<DefineBody>(hndlp)?.lock().offered = Some(offered),
                _ => return Err(Failure::InvalidHandle),
            }
            Ok(status::SUCCESS)
        })
    }
}
