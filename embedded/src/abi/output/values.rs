//! Writing values into elements, by external type.

use std::ffi::c_void;

use super::super::codes::sqlt;
use super::super::convert;
use super::super::descriptor::{self, Content};
use super::super::error::Failure;
use super::super::lob::LobValue;
use super::{CellNote, Output, native_offset};
use crate::engine::{DataType, Datum};

impl Output {
    /// Writes types of a fixed size; gives the bytes written.
    ///
    /// # Safety
    /// `value` has the size checked at define time.
    pub(super) unsafe fn put_fixed(&self, value: *mut u8, datum: Datum<'_>) -> Result<usize, Failure> {
        // SAFETY: the caller's contract; descriptors belong to this call's thread.
        unsafe {
            match self.external_type {
                sqlt::INT => {
                    let number = convert::to_i64(datum, self.size_bytes)?;
                    std::ptr::copy_nonoverlapping(
                        number.to_ne_bytes().as_ptr().add(native_offset(self.size_bytes)),
                        value,
                        self.size_bytes,
                    );
                }
                sqlt::UIN => {
                    let number = convert::to_u64(datum, self.size_bytes)?;
                    std::ptr::copy_nonoverlapping(
                        number.to_ne_bytes().as_ptr().add(native_offset(self.size_bytes)),
                        value,
                        self.size_bytes,
                    );
                }
                sqlt::BOL => {
                    value.cast::<i32>().write_unaligned(convert::to_boolean(datum)?.into());
                    return Ok(4);
                }
                sqlt::VNU => {
                    let number = convert::to_number(datum)?;
                    let bytes = number.as_bytes();
                    value.write(bytes.len() as u8);
                    std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.add(1), bytes.len());
                    return Ok(22);
                }
                sqlt::NUM => {
                    let number = convert::to_number(datum)?;
                    let bytes = number.as_bytes();
                    std::ptr::copy_nonoverlapping(bytes.as_ptr(), value, bytes.len());
                    return Ok(bytes.len());
                }
                sqlt::BFLOAT => value.cast::<f32>().write_unaligned(convert::to_f32(datum)?),
                sqlt::FLT if self.size_bytes == 4 => value.cast::<f32>().write_unaligned(convert::to_f32(datum)?),
                sqlt::FLT | sqlt::BDOUBLE => value.cast::<f64>().write_unaligned(convert::to_f64(datum)?),
                sqlt::IBFLOAT => value.cast::<[u8; 4]>().write(convert::encode_f32(convert::to_f32(datum)?)),
                sqlt::IBDOUBLE => value.cast::<[u8; 8]>().write(convert::encode_f64(convert::to_f64(datum)?)),
                sqlt::DAT => {
                    value.cast::<[u8; 7]>().write(self.moment(datum)?.to_date());
                    return Ok(7);
                }
                sqlt::ODT => {
                    value.cast::<[u8; 8]>().write(self.moment(datum)?.to_oci_date());
                    return Ok(8);
                }
                sqlt::TIMESTAMP | sqlt::TIMESTAMP_TZ | sqlt::TIMESTAMP_LTZ => {
                    let mut moment = self.moment(datum)?;
                    if self.external_type == sqlt::TIMESTAMP {
                        moment.offset_minutes = 0;
                    }
                    self.put_descriptor(value, Content::Timestamp(moment))?;
                }
                sqlt::INTERVAL_YM | sqlt::INTERVAL_DS => self.put_descriptor(value, Content::Interval(convert::to_interval(datum)?))?,
                sqlt::CLOB => {
                    self.put_descriptor(value, Content::Lob(LobValue::text(self.characters(datum)?, self.data_type == DataType::Nclob)))?
                }
                sqlt::BLOB => self.put_descriptor(value, Content::Lob(LobValue::binary(self.binary(datum)?)))?,
                sqlt::RDD => self.put_descriptor(value, Content::Rowid(String::from_utf8_lossy(self.characters(datum)?).into_owned()))?,
                other => return Err(Failure::ora(3115, format_args!("unsupported network datatype or representation (type {other})"))),
            }
        }
        Ok(self.size_bytes)
    }

    /// # Safety
    /// `value` points to a pointer to a descriptor.
    pub(super) unsafe fn put_descriptor(&self, value: *mut u8, content: Content) -> Result<(), Failure> {
        // SAFETY: the caller's contract.
        unsafe { descriptor::set(value.cast::<*mut c_void>().read_unaligned(), content) }
    }

    /// Writes bytes; the buffer is padded when `pad` says so, the length reported is that of the value.
    ///
    /// # Safety
    /// `value` is element `row`.
    pub(super) unsafe fn put_bytes(&self, row: usize, value: *mut u8, bytes: &[u8], pad: Option<u8>) -> Result<CellNote, Failure> {
        let length = bytes.len().min(self.size_bytes);
        // SAFETY: at most the element size is written.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), value, length);
            if let Some(pad) = pad {
                std::ptr::write_bytes(value.add(length), pad, self.size_bytes - length);
            }
            self.finish_text(row, length, bytes.len(), self.size_bytes)
        }
    }

    /// # Safety
    /// `value` is element `row`.
    pub(super) unsafe fn put_string(&self, row: usize, value: *mut u8, bytes: &[u8]) -> Result<CellNote, Failure> {
        if self.size_bytes == 0 {
            return Err(self.truncated());
        }
        let length = bytes.len().min(self.size_bytes - 1);
        // SAFETY: text and NUL fit the element.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), value, length);
            value.add(length).write(0);
            self.finish_text(row, length, bytes.len(), self.size_bytes - 1)
        }
    }

    /// # Safety
    /// `value` is element `row`, at least `prefix_bytes` long.
    pub(super) unsafe fn put_prefixed(&self, row: usize, value: *mut u8, bytes: &[u8], prefix_bytes: usize) -> Result<CellNote, Failure> {
        let room = self.size_bytes - prefix_bytes;
        let length = bytes.len().min(room);
        // SAFETY: prefix and bytes fit the element.
        unsafe {
            match prefix_bytes {
                2 => value.cast::<u16>().write_unaligned(length as u16),
                _ => value.cast::<u32>().write_unaligned(length as u32),
            }
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.add(prefix_bytes), length);
            self.finish_text(row, length, bytes.len(), room)
        }
    }
}
