//! Values handed to the caller in pieces, with `OCI_DYNAMIC_FETCH` and the callbacks of binds.

use std::ffi::c_void;

use super::codes::{sqlt, status};
use super::define::DefineCallback;
use super::error::Failure;
use super::output::{CellNote, Output};
use crate::engine::Datum;

impl Output {
    /// The bytes of a value that is handed over in pieces.
    pub(super) fn long_bytes<'a>(&'a self, datum: Datum<'a>) -> Result<&'a [u8], Failure> {
        match self.external_type {
            _ if datum.inline().is_null() => Ok(&[]),
            sqlt::BIN | sqlt::LBI => self.binary(datum),
            sqlt::CHR | sqlt::LNG | sqlt::AFC => self.characters(datum),
            other => Err(Failure::unimplemented(format_args!("pieces of type {other} ({})", self.name))),
        }
    }

    /// Hands a value to the caller's buffers, in as many pieces as they take.
    ///
    /// # Safety
    /// The callback is an `OCICallbackDefine`.
    pub(super) unsafe fn put_dynamic(
        &self,
        (callback, context): (DefineCallback, usize),
        row: usize,
        datum: Datum<'_>,
    ) -> Result<CellNote, Failure> {
        let is_null = datum.inline().is_null();
        let mut rest = self.long_bytes(datum)?;
        let mut piece = 1u8;
        loop {
            let mut buffer: *mut c_void = std::ptr::null_mut();
            let mut length: *mut u32 = std::ptr::null_mut();
            let mut indicator: *mut c_void = std::ptr::null_mut();
            let mut code: *mut u16 = std::ptr::null_mut();
            // SAFETY: an `OCICallbackDefine` by contract; rows count from 0, as every driver expects.
            let answer = unsafe {
                callback(
                    context as *mut c_void,
                    self.handle.cast(),
                    row as u32,
                    &mut buffer,
                    &mut length,
                    &mut piece,
                    &mut indicator,
                    &mut code,
                )
            };
            if answer != status::CONTINUE || buffer.is_null() || length.is_null() {
                return Err(Failure::ora(24343, format_args!("user defined callback error (column {}, row {row})", self.name)));
            }
            // SAFETY: the callback's buffer has the length it wrote; the other pointers are NULL or writable.
            unsafe {
                let taken = rest.len().min(length.read() as usize);
                if taken == 0 && !rest.is_empty() {
                    return Err(Failure::ora(24343, format_args!("user defined callback gave an empty buffer (column {})", self.name)));
                }
                std::ptr::copy_nonoverlapping(rest.as_ptr(), buffer.cast(), taken);
                length.write(taken as u32);
                rest = &rest[taken..];
                if !indicator.is_null() {
                    indicator.cast::<i16>().write_unaligned(if is_null { -1 } else { 0 });
                }
                if !code.is_null() {
                    code.write(0);
                }
            }
            if rest.is_empty() {
                return Ok(CellNote::Clean);
            }
            piece = 2;
        }
    }
}
