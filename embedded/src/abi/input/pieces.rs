//! Values of binds that are delivered by callbacks or by the caller between executes, whole or in pieces.

use std::ffi::c_void;

use super::super::bind::InCallback;
use super::super::codes::{sqlt, status};
use super::super::error::Failure;
use super::super::pieces::piece;
use super::values::bytes_datum;
use super::{Cell, Input};
use crate::engine::Datum;

/// What the callback of a bind delivered: a value, or a piece of one.
struct Delivery {
    value: *mut c_void,
    length_bytes: usize,
    piece: u8,
    is_null: bool,
}

impl Input {
    /// Asks the callback for a value, or for the next piece of it.
    ///
    /// # Safety
    /// An `OCICallbackInBind` and its context.
    unsafe fn deliver(&self, (callback, context): (InCallback, usize), row: usize, mut piece: u8) -> Result<Delivery, Failure> {
        let (mut value, mut length_bytes, mut indicator) = (std::ptr::null_mut(), 0, std::ptr::null_mut());
        // SAFETY: the caller's contract; iterations count from 0, as every driver expects.
        let answer = unsafe {
            callback(context as *mut c_void, self.handle.cast(), row as u32, 0, &mut value, &mut length_bytes, &mut piece, &mut indicator)
        };
        if answer != status::CONTINUE {
            return Err(Failure::ora(24343, format_args!("user defined callback error (position {}, row {row})", self.position)));
        }
        // SAFETY: a non-NULL indicator points to an i16 by contract.
        let is_null = !indicator.is_null() && unsafe { indicator.cast::<i16>().read_unaligned() } == -1;
        Ok(Delivery { value, length_bytes: length_bytes as usize, piece, is_null })
    }

    /// # Safety
    /// As `datum`; what the callback delivers stays valid until the row is executed.
    pub(super) unsafe fn ask<'a>(&self, callback: (InCallback, usize), row: usize) -> Result<Datum<'a>, Failure> {
        // SAFETY: the caller's contract.
        let given = unsafe { self.deliver(callback, row, piece::ONE) }?;
        if given.piece != piece::ONE {
            // SAFETY: the caller's contract.
            let bytes = unsafe { self.gather(callback, row, given) }?;
            return self.piece_value(bytes);
        }
        if given.is_null || given.value.is_null() {
            return Ok(Datum::Null);
        }
        if sqlt::is_descriptor(self.external_type) {
            // SAFETY: descriptors are delivered themselves, not by an array of pointers.
            return unsafe { self.descriptor_value(given.value) };
        }
        let cell = Cell { value: given.value.cast::<u8>().cast_const(), length_bytes: Some(given.length_bytes) };
        match given.length_bytes > self.size_bytes {
            true => Err(self.too_long(given.length_bytes)),
            // SAFETY: the value has as many bytes by contract.
            false => unsafe { self.convert(&cell) },
        }
    }

    /// Asks for the pieces behind the first one; the whole value stays until the next one is gathered.
    ///
    /// # Safety
    /// As `ask`.
    unsafe fn gather<'a>(&self, callback: (InCallback, usize), row: usize, first: Delivery) -> Result<Option<&'a [u8]>, Failure> {
        let mut given = first;
        let mut whole = Vec::new();
        loop {
            if given.is_null {
                return Ok(None);
            }
            if !given.value.is_null() {
                // SAFETY: the buffer has the length that goes with it.
                whole.extend_from_slice(unsafe { std::slice::from_raw_parts(given.value.cast::<u8>(), given.length_bytes) });
            }
            if whole.len() > self.size_bytes {
                return Err(self.too_long(whole.len()));
            }
            if given.piece == piece::LAST {
                break;
            }
            // SAFETY: the caller's contract.
            given = unsafe { self.deliver(callback, row, piece::NEXT) }?;
        }
        // SAFETY: bind handles outlive the execute; the vector is not touched before the next value is gathered.
        unsafe {
            let mut bind = (*self.handle).lock();
            bind.gathered = whole;
            Ok(Some(std::slice::from_raw_parts(bind.gathered.as_ptr(), bind.gathered.len())))
        }
    }

    /// The value of a row whose pieces the caller was asked for.
    ///
    /// # Safety
    /// The bind is neither bound nor executed anew while the value is used.
    pub(super) unsafe fn put_together<'a>(&self, row: usize) -> Result<Datum<'a>, Failure> {
        let Some((polled, from)) = self.polled else { return Ok(Datum::Null) };
        // SAFETY: the caller's contract.
        let value = unsafe { &*polled }.get(row - from).and_then(Option::as_deref);
        self.piece_value(value)
    }

    pub(super) fn piece_value<'a>(&self, bytes: Option<&'a [u8]>) -> Result<Datum<'a>, Failure> {
        match (bytes, self.external_type) {
            (None, _) => Ok(Datum::Null),
            (Some(bytes), sqlt::CHR | sqlt::LNG | sqlt::AFC) => self.text(bytes),
            (Some(bytes), sqlt::BIN | sqlt::LBI) => Ok(bytes_datum(bytes)),
            (_, other) => Err(Failure::unimplemented(format_args!("pieces of a bind of type {other} (position {})", self.position))),
        }
    }
}
