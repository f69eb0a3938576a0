//! Reads and writes of LOBs: whole, in pieces by polling, or in pieces through a callback. Reading and writing are one procedure; what differs
//! is what moves a piece.

use std::ffi::c_void;

use super::super::codes::status;
use super::super::error::{Failure, Outcome};
use super::value::{LobValue, Transfer, units_of};

/// `OCI_ONE_PIECE` and so on.
pub const ONE: u8 = 0;
const FIRST: u8 = 1;
const NEXT: u8 = 2;
const LAST: u8 = 3;

/// `OCICallbackLobRead2`: takes a piece, and may name another buffer for the next.
pub type ReadCallback = unsafe extern "C" fn(
    context: *mut c_void,
    piece: *const c_void,
    bytes: u64,
    kind: u8,
    next: *mut *mut c_void,
    next_bytes: *mut u64,
) -> i32;
/// `OCICallbackLobWrite2`: fills the buffer with the next piece, or names another.
pub type WriteCallback = unsafe extern "C" fn(
    context: *mut c_void,
    buffer: *mut c_void,
    bytes: *mut u64,
    kind: *mut u8,
    next: *mut *mut c_void,
    next_bytes: *mut u64,
) -> i32;

/// What a caller of `OCILobRead2` and its like gives.
#[derive(Clone, Copy)]
pub struct Request {
    pub byte_amount: *mut u64,
    pub char_amount: *mut u64,
    /// 1-based, in units.
    pub offset: u64,
    pub buffer: *mut c_void,
    pub buffer_bytes: u64,
    pub piece: u8,
    pub context: *mut c_void,
    pub callback: *mut c_void,
}

fn clipped(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// 0-based unit of a 1-based offset.
pub fn first_unit(offset: u64) -> Result<usize, Failure> {
    let first = offset.checked_sub(1).map(clipped);
    first.ok_or_else(|| Failure::ora(24801, "illegal parameter value in OCI lob function: offset 0"))
}

impl Request {
    /// Characters, where they count, and bytes asked for; 0 for what is not said.
    ///
    /// # Safety
    /// The amounts are NULL or readable.
    unsafe fn amounts(&self, lob: &LobValue) -> (usize, usize) {
        // SAFETY: the caller's contract.
        unsafe {
            // Characters win when they are given, as with the real client.
            let chars = if lob.is_text() && !self.char_amount.is_null() { clipped(self.char_amount.read()) } else { 0 };
            (chars, if self.byte_amount.is_null() { 0 } else { clipped(self.byte_amount.read()) })
        }
    }

    /// Tells how much was moved.
    ///
    /// # Safety
    /// The amounts are NULL or writable.
    unsafe fn tell(&self, lob: &LobValue, part: &[u8]) {
        // SAFETY: the caller's contract.
        unsafe {
            if !self.byte_amount.is_null() {
                self.byte_amount.write(part.len() as u64);
            }
            if lob.is_text() && !self.char_amount.is_null() {
                self.char_amount.write(units_of(part) as u64);
            }
        }
    }

    /// The transfer that this call begins or goes on with.
    ///
    /// # Safety
    /// As [`Request::amounts`].
    unsafe fn begin(&self, lob: &mut LobValue, is_write: bool) -> Result<Transfer, Failure> {
        if self.piece == NEXT || self.piece == LAST {
            let going_on = lob.transfer.take().filter(|transfer| transfer.is_write == is_write);
            return going_on.ok_or_else(|| Failure::ora(24801, "illegal parameter value in OCI lob function: no first piece"));
        }
        let first = first_unit(self.offset)?;
        if is_write {
            return Ok(Transfer { is_write, at: lob.reach(first), end: 0 });
        }
        let at = lob.offset(first);
        // SAFETY: the caller's contract.
        let end = match unsafe { self.amounts(lob) } {
            (0, 0) => usize::MAX,
            (0, bytes) => at.saturating_add(bytes),
            (chars, _) => lob.offset(first.saturating_add(chars)),
        };
        Ok(Transfer { is_write, at, end: lob.part(at, end).len() + at })
    }

    /// # Safety
    /// As the OCI contract says.
    pub unsafe fn read(self, lob: &mut LobValue) -> Outcome {
        // SAFETY: the caller's contract; a NULL callback is None.
        unsafe {
            let callback = std::mem::transmute::<*mut c_void, Option<ReadCallback>>(self.callback);
            // A polling caller asks for the next piece with NEXT, and some with FIRST again.
            let mut transfer = self.begin(lob, false)?;
            let (mut buffer, mut room) = (self.buffer, clipped(self.buffer_bytes));
            let mut kind = FIRST;
            loop {
                let part = lob.part(transfer.at, transfer.end.min(transfer.at.saturating_add(room)));
                std::ptr::copy_nonoverlapping(part.as_ptr(), buffer.cast(), part.len());
                transfer.at += part.len();
                let (moved, is_last) = (part.len(), transfer.at >= transfer.end);
                let Some(callback) = callback else {
                    self.tell(lob, part);
                    let goes_on = self.piece != ONE && !is_last;
                    lob.transfer = goes_on.then_some(transfer);
                    return Ok(if goes_on { status::NEED_DATA } else { status::SUCCESS });
                };
                if is_last {
                    kind = LAST;
                }
                let (mut next, mut next_bytes) = (std::ptr::null_mut(), 0);
                if callback(self.context, buffer, moved as u64, kind, &mut next, &mut next_bytes) != status::CONTINUE {
                    return Err(Failure::ora(24343, "user defined callback error (reading a LOB)"));
                }
                if is_last {
                    return Ok(status::SUCCESS);
                }
                if moved == 0 {
                    return Err(Failure::ora(24801, "illegal parameter value in OCI lob function: the buffer is too small"));
                }
                if !next.is_null() {
                    (buffer, room) = (next, clipped(next_bytes));
                }
                kind = NEXT;
            }
        }
    }

    /// # Safety
    /// As the OCI contract says.
    pub unsafe fn write(self, lob: &mut LobValue) -> Outcome {
        // SAFETY: the caller's contract; a NULL callback is None.
        unsafe {
            let callback = std::mem::transmute::<*mut c_void, Option<WriteCallback>>(self.callback);
            let mut transfer = self.begin(lob, true)?;
            let whole = if self.byte_amount.is_null() || self.piece != ONE { 0 } else { clipped(self.byte_amount.read()) };
            let room = clipped(self.buffer_bytes);
            let (mut buffer, mut bytes) = (self.buffer, if whole == 0 { room } else { whole.min(room) });
            let mut kind = self.piece;
            loop {
                let source: &[u8] = if bytes == 0 { &[] } else { std::slice::from_raw_parts(buffer.cast::<u8>(), bytes) };
                transfer.at = lob.put(transfer.at, source)?;
                let is_last = matches!(kind, ONE | LAST);
                let Some(callback) = callback.filter(|_| !is_last) else {
                    self.tell(lob, source);
                    lob.transfer = (!is_last).then_some(transfer);
                    return Ok(if is_last { status::SUCCESS } else { status::NEED_DATA });
                };
                let (mut next, mut next_bytes, mut length) = (std::ptr::null_mut(), 0, room as u64);
                kind = NEXT;
                if callback(self.context, self.buffer, &mut length, &mut kind, &mut next, &mut next_bytes) != status::CONTINUE {
                    return Err(Failure::ora(24343, "user defined callback error (writing a LOB)"));
                }
                (buffer, bytes) = if next.is_null() { (self.buffer, clipped(length)) } else { (next, clipped(next_bytes)) };
            }
        }
    }
}
