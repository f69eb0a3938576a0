//! Attributes of handles: one place that reads them, one that writes them.

use std::ffi::c_void;

use oci_sys::*;

use crate::oci::check::{OciError, check};

/// A live handle or parameter descriptor with the error handle to report to.
#[derive(Clone, Copy)]
pub(crate) struct Attributes {
    api: &'static Api,
    handle: *mut c_void,
    handle_type: u32,
    error: *mut OCIError,
}

impl Attributes {
    /// # Safety
    /// For as long as the value is used, `handle` is a live handle or descriptor of type `handle_type` and `error` a live error handle, both of
    /// `api`'s client, and no other thread uses `error`.
    pub(crate) unsafe fn of(api: &'static Api, handle: *mut c_void, handle_type: u32, error: *mut OCIError) -> Self {
        Attributes { api, handle, handle_type, error }
    }

    /// Reads `attribute` into `value`, and its size if the client gives one.
    ///
    /// # Safety
    /// The client writes a `T` for this attribute (its type in the header).
    unsafe fn read<T>(self, attribute: u32, value: &mut T, action: &'static str) -> Result<u32, OciError> {
        let mut size = 0;
        // SAFETY: handles are live (`of`); `value` is writable and of the attribute's type (caller).
        unsafe {
            let status =
                (self.api.OCIAttrGet)(self.handle, self.handle_type, std::ptr::from_mut(value).cast(), &mut size, attribute, self.error);
            check(self.api, self.error, status, "OCIAttrGet", action)?;
        }
        Ok(size)
    }

    /// A scalar attribute.
    ///
    /// # Safety
    /// `T` is the type that the header gives for this attribute.
    pub(crate) unsafe fn scalar<T: Default>(self, attribute: u32, action: &'static str) -> Result<T, OciError> {
        let mut value = T::default();
        // SAFETY: passed on.
        unsafe { self.read(attribute, &mut value, action) }?;
        Ok(value)
    }

    /// A text attribute.
    ///
    /// # Safety
    /// The attribute is a text.
    pub(crate) unsafe fn text(self, attribute: u32, action: &'static str) -> Result<String, OciError> {
        let mut text: *const u8 = std::ptr::null();
        // SAFETY: text attributes are a pointer and a size in bytes; the bytes live as long as the handle.
        unsafe {
            let size = self.read(attribute, &mut text, action)?;
            if text.is_null() {
                return Ok(String::new());
            }
            Ok(String::from_utf8_lossy(std::slice::from_raw_parts(text, size as usize)).into_owned())
        }
    }

    /// An attribute of bytes.
    ///
    /// # Safety
    /// The attribute is bytes and their number, in memory of the handle.
    pub(crate) unsafe fn bytes(self, attribute: u32, action: &'static str) -> Result<Vec<u8>, OciError> {
        let mut bytes: *const u8 = std::ptr::null();
        // SAFETY: passed on; the bytes live as long as the handle, and are copied.
        unsafe {
            let size = self.read(attribute, &mut bytes, action)?;
            if bytes.is_null() {
                return Ok(Vec::new());
            }
            Ok(std::slice::from_raw_parts(bytes, size as usize).to_vec())
        }
    }

    /// `OCI_ATTR_DML_ROW_COUNT_ARRAY`: a copy of the statement's counts.
    ///
    /// # Safety
    /// The handle is a statement that was executed with `OCI_RETURN_ROW_COUNT_ARRAY`, by a client of release 12.1 or later.
    pub(crate) unsafe fn row_counts(self) -> Result<Vec<u64>, OciError> {
        let mut counts: *const u64 = std::ptr::null();
        // SAFETY: this attribute is a pointer to u64 and the number of them; they are valid until the next execute.
        unsafe {
            let count = self.read(OCI_ATTR_DML_ROW_COUNT_ARRAY, &mut counts, "read the row counts")?;
            if counts.is_null() {
                return Ok(Vec::new());
            }
            Ok(std::slice::from_raw_parts(counts, count as usize).to_vec())
        }
    }

    /// Sets a scalar attribute.
    ///
    /// # Safety
    /// `T` is the type that the header gives for this attribute.
    pub(crate) unsafe fn set<T>(self, attribute: u32, mut value: T, action: &'static str) -> Result<(), OciError> {
        // SAFETY: the client copies the value within the call.
        unsafe { self.write(attribute, std::ptr::from_mut(&mut value).cast(), size_of::<T>() as u32, action) }
    }

    /// Sets an attribute that is a handle.
    ///
    /// # Safety
    /// `value` is a live handle of the type that the attribute wants, and outlives its use by this handle.
    pub(crate) unsafe fn set_handle(self, attribute: u32, value: *mut c_void, action: &'static str) -> Result<(), OciError> {
        // SAFETY: handles are given as they are, with size 0.
        unsafe { self.write(attribute, value, 0, action) }
    }

    /// # Safety
    /// `value` and `size_bytes` are what the header wants for this attribute.
    unsafe fn write(self, attribute: u32, value: *mut c_void, size_bytes: u32, action: &'static str) -> Result<(), OciError> {
        // SAFETY: handles are live (`of`), the value is right (caller).
        unsafe {
            let status = (self.api.OCIAttrSet)(self.handle, self.handle_type, value, size_bytes, attribute, self.error);
            check(self.api, self.error, status, "OCIAttrSet", action).map(drop)
        }
    }
}
