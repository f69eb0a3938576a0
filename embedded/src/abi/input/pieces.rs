//! Values of binds that are delivered by callbacks or by the caller between executes, whole or in pieces.

use std::ffi::c_void;

use super::super::bind::InCallback;
use super::super::codes::{sqlt, status};
use super::super::error::Failure;
use super::super::pieces::piece;
use super::values::bytes_datum;
use super::{Cell, Input};
use crate::engine::Datum;

impl Input {
    /// # Safety
    /// As `datum`; what the callback delivers stays valid until the row is executed.
    pub(super) unsafe fn ask<'a>(&self, (callback, context): (InCallback, usize), row: usize) -> Result<Datum<'a>, Failure> {
        let mut value: *mut c_void = std::ptr::null_mut();
        let mut length_bytes = 0u32;
        let mut piece = 0u8;
        let mut indicator: *mut c_void = std::ptr::null_mut();
        // SAFETY: an `OCICallbackInBind` by contract; iterations count from 0, as every driver expects.
        let answer = unsafe {
            callback(context as *mut c_void, self.handle.cast(), row as u32, 0, &mut value, &mut length_bytes, &mut piece, &mut indicator)
        };
        if answer != status::CONTINUE {
            return Err(Failure::ora(24343, format_args!("user defined callback error (position {}, row {row})", self.position)));
        }
        if piece != piece::ONE {
            // SAFETY: the caller's contract; the first piece has the length that goes with it.
            let bytes = unsafe { self.gather((callback, context), row, (value, length_bytes, piece, indicator)) }?;
            return self.piece_value(bytes);
        }
        // SAFETY: a non-NULL indicator points to an i16 by contract.
        if (!indicator.is_null() && unsafe { indicator.cast::<i16>().read_unaligned() } == -1) || value.is_null() {
            return Ok(Datum::Null);
        }
        let cell = Cell { value: value.cast::<u8>().cast_const(), length_bytes: Some(length_bytes as usize) };
        let is_descriptor = matches!(
            self.external_type,
            sqlt::TIMESTAMP
                | sqlt::TIMESTAMP_TZ
                | sqlt::TIMESTAMP_LTZ
                | sqlt::INTERVAL_YM
                | sqlt::INTERVAL_DS
                | sqlt::CLOB
                | sqlt::BLOB
                | sqlt::RDD
        );
        if is_descriptor {
            // SAFETY: descriptors are delivered themselves, not by an array of pointers.
            return unsafe { self.descriptor_value(value) };
        }
        match length_bytes as usize > self.size_bytes {
            true => Err(self.too_long(length_bytes as usize)),
            // SAFETY: `value` has `length_bytes` by contract.
            false => unsafe { self.convert(&cell) },
        }
    }

    /// Asks the callback for the pieces behind the first one; the whole value stays until the next one is gathered.
    ///
    /// # Safety
    /// As `ask`; `first` is what the callback delivered: buffer, length, piece and indicator.
    pub(super) unsafe fn gather<'a>(
        &self,
        (callback, context): (InCallback, usize),
        row: usize,
        first: (*mut c_void, u32, u8, *mut c_void),
    ) -> Result<Option<&'a [u8]>, Failure> {
        let (mut value, mut length_bytes, mut piece, mut indicator) = first;
        let mut whole = Vec::new();
        loop {
            // SAFETY: a non-NULL indicator points to an i16 by contract, the buffer has the length that goes with it.
            unsafe {
                if !indicator.is_null() && indicator.cast::<i16>().read_unaligned() == -1 {
                    return Ok(None);
                }
                if !value.is_null() {
                    whole.extend_from_slice(std::slice::from_raw_parts(value.cast::<u8>(), length_bytes as usize));
                }
            }
            if whole.len() > self.size_bytes {
                return Err(self.too_long(whole.len()));
            }
            if piece == piece::LAST {
                break;
            }
            (value, length_bytes, piece, indicator) = (std::ptr::null_mut(), 0, piece::NEXT, std::ptr::null_mut());
            // SAFETY: as in `ask`.
            let answer = unsafe {
                callback(
                    context as *mut c_void,
                    self.handle.cast(),
                    row as u32,
                    0,
                    &mut value,
                    &mut length_bytes,
                    &mut piece,
                    &mut indicator,
                )
            };
            if answer != status::CONTINUE {
                return Err(Failure::ora(24343, format_args!("user defined callback error (position {}, row {row})", self.position)));
            }
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
