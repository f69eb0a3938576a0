//! RAII for handles and descriptors. Every allocation has one owner, which frees it on drop and swallows the status: there is nobody left to tell.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::NonNull;

use oci_sys::*;

use crate::oci::check::{OciError, check};

/// Handle types that we allocate ourselves.
///
/// # Safety
/// `TYPE` is the `OCI_HTYPE_*` number of the opaque type.
pub(crate) unsafe trait HandleKind {
    const TYPE: u32;
}
// SAFETY: OCI_HTYPE_ERROR is OCIError's number.
unsafe impl HandleKind for OCIError {
    const TYPE: u32 = OCI_HTYPE_ERROR;
}
// SAFETY: OCI_HTYPE_SVCCTX is OCISvcCtx's number.
unsafe impl HandleKind for OCISvcCtx {
    const TYPE: u32 = OCI_HTYPE_SVCCTX;
}

/// A handle that is ours.
pub(crate) struct Handle<T: HandleKind> {
    api: &'static Api,
    pointer: NonNull<T>,
}

impl<T: HandleKind> Handle<T> {
    /// Allocates a handle.
    ///
    /// # Safety
    /// `env` is a live environment of `api`'s client, and outlives the handle.
    pub(crate) unsafe fn allocate(api: &'static Api, env: *mut OCIEnv) -> Result<Self, OciError> {
        let mut pointer: *mut c_void = std::ptr::null_mut();
        // SAFETY: `env` is live (caller); `pointer` is writable; no extra memory is asked for.
        let status = unsafe { (api.OCIHandleAlloc)(env.cast(), &mut pointer, T::TYPE, 0, std::ptr::null_mut()) };
        match NonNull::new(pointer.cast::<T>()).filter(|_| status == OCI_SUCCESS) {
            Some(pointer) => Ok(Handle { api, pointer }),
            None => Err(OciError::refused(
                "OCIHandleAlloc",
                "allocate a handle",
                format!("the client cannot allocate a handle (status {status})"),
            )),
        }
    }

    pub(crate) fn as_ptr(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T: HandleKind> Drop for Handle<T> {
    fn drop(&mut self) {
        // SAFETY: the handle was allocated by us, is freed once, and its environment is still alive (contract of `allocate`).
        unsafe { (self.api.OCIHandleFree)(self.pointer.as_ptr().cast(), T::TYPE) };
    }
}

impl Handle<OCIError> {
    /// Record `index` (0-based) of the batch errors that `executed` holds, written into this handle or one that the client keeps.
    ///
    /// # Safety
    /// `executed` is the live error handle of an execute with batch errors that nothing else has used since; all handles are of this thread.
    pub(crate) unsafe fn batch_record(
        &self,
        executed: *mut OCIError,
        reader: &Handle<OCIError>,
        index: u32,
    ) -> Result<*mut OCIError, OciError> {
        let mut record: *mut c_void = self.as_ptr().cast();
        // SAFETY: see above; `record` is writable.
        unsafe {
            let status = (self.api.OCIParamGet)(executed.cast(), OCI_HTYPE_ERROR, reader.as_ptr(), &mut record, index);
            check(self.api, reader.as_ptr(), status, "OCIParamGet", "read a failed row")?;
        }
        Ok(record.cast())
    }
}

/// A parameter descriptor from OCIParamGet.
pub(crate) struct Parameter<'a> {
    api: &'static Api,
    pointer: *mut c_void,
    /// It belongs to a statement or error handle that has to stay.
    _of: PhantomData<&'a ()>,
}

impl Parameter<'_> {
    /// The described column at `position` (1-based) of an executed statement.
    ///
    /// # Safety
    /// `statement` and `error` are live handles of `api`'s client, and the statement outlives the parameter.
    pub(crate) unsafe fn of_column(
        api: &'static Api,
        statement: *mut OCIStmt,
        error: *mut OCIError,
        position: u32,
    ) -> Result<Self, OciError> {
        let mut pointer = std::ptr::null_mut();
        // SAFETY: both handles are live (caller), `pointer` is writable.
        unsafe {
            let status = (api.OCIParamGet)(statement.cast(), OCI_HTYPE_STMT, error, &mut pointer, position);
            check(api, error, status, "OCIParamGet", "describe a column")?;
        }
        Ok(Parameter { api, pointer, _of: PhantomData })
    }

    pub(crate) fn as_ptr(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for Parameter<'_> {
    fn drop(&mut self) {
        // SAFETY: the descriptor came from OCIParamGet on a handle that is still alive, and is freed once.
        unsafe { (self.api.OCIDescriptorFree)(self.pointer, OCI_DTYPE_PARAM) };
    }
}

/// Memory that the client reads by address between calls: it never moves, and is only reached through the pointer that the client has too.
pub(crate) struct RawArray<T: Copy> {
    pointer: NonNull<[T]>,
}

// SAFETY: it owns its memory as a box does. The client, which may have the address, reads or writes it only inside calls on a statement: a statement
// makes none while its arrays are lent (`ArrayStatement::lend`), and does not fetch before all columns are defined on others (`FetchStatement::exchange`).
unsafe impl<T: Copy + Send> Send for RawArray<T> {}

/// Types that an array starts with.
pub(crate) trait Zero: Copy {
    const ZERO: Self;
}
impl Zero for i16 {
    const ZERO: Self = 0;
}
impl Zero for u16 {
    const ZERO: Self = 0;
}
impl Zero for u32 {
    const ZERO: Self = 0;
}
impl Zero for u64 {
    const ZERO: Self = 0;
}
impl Zero for *mut c_void {
    const ZERO: Self = std::ptr::null_mut();
}

impl Zero for *mut OCILobLocator {
    const ZERO: Self = std::ptr::null_mut();
}

impl<T: Zero> RawArray<T> {
    /// `count` zeroes. Large arrays take memory from the system only as they are written.
    pub(crate) fn zeroed(count: usize) -> Self {
        RawArray { pointer: NonNull::from(Box::leak(vec![T::ZERO; count].into_boxed_slice())) }
    }

    pub(crate) fn len(&self) -> usize {
        self.pointer.len()
    }

    pub(crate) fn as_ptr(&self) -> *mut T {
        self.pointer.cast::<T>().as_ptr()
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: the memory is ours and initialised; the client touches it only inside calls, which never run while a borrow is held.
        unsafe { self.pointer.as_ref() }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above, and `&mut self` makes the borrow unique.
        unsafe { self.pointer.as_mut() }
    }
}

impl RawArray<u64> {
    /// The same memory as bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        // SAFETY: as for `as_slice`; u64 has no padding, and eight times as many bytes lie there.
        unsafe { std::slice::from_raw_parts(self.as_ptr().cast(), self.len() * 8) }
    }

    /// The same memory as bytes.
    pub(crate) fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `as_mut_slice`; every byte pattern is a u64.
        unsafe { std::slice::from_raw_parts_mut(self.as_ptr().cast(), self.len() * 8) }
    }
}

impl<T: Copy> Drop for RawArray<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a leaked box of the same type and is given back once.
        drop(unsafe { Box::from_raw(self.pointer.as_ptr()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_arrays_are_zeroed_and_aligned() {
        let mut array = RawArray::<u64>::zeroed(3);
        assert_eq!(array.as_bytes(), &[0; 24]);
        assert_eq!(array.as_ptr() as usize % 8, 0);
        array.as_bytes_mut()[8] = 7;
        assert_eq!(array.as_slice()[1].to_ne_bytes()[0], 7);
        assert_eq!(RawArray::<i16>::zeroed(0).len(), 0);
    }
}
