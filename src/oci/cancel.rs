//! Breaking off a session's running call from another thread.

use std::sync::{Arc, Mutex, PoisonError};

use oci_sys::*;

use crate::oci::check::{OciError, check};
use crate::oci::handle::Handle;

/// What OCIBreak is called on.
pub(super) struct BreakTarget {
    /// A call is under way that is not to be broken off.
    is_unbroken: bool,
    api: &'static Api,
    service: *mut OCISvcCtx,
    error: Handle<OCIError>,
}

// SAFETY: only reached through the mutex; OCIBreak may be called from any thread while another one is inside a call on the same service context.
unsafe impl Send for BreakTarget {}

/// Interrupts a session's running call, which then fails with ORA-01013. Harmless when nothing runs, in a commit, and after the session is gone.
#[derive(Clone)]
pub struct CancelHandle(Arc<Mutex<Option<BreakTarget>>>);

impl BreakTarget {
    /// A handle for the calls of a service context, until [`CancelHandle::forget`].
    ///
    /// # Safety
    /// The service context lives until then.
    pub(super) unsafe fn of(api: &'static Api, service: *mut OCISvcCtx, error: Handle<OCIError>) -> CancelHandle {
        CancelHandle(Arc::new(Mutex::new(Some(BreakTarget { is_unbroken: false, api, service, error }))))
    }
}

impl CancelHandle {
    /// From here on a cancel does nothing; one that runs now is waited for.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Until what it gives is dropped, a cancel does nothing; one that runs now is waited for.
    pub(super) fn unbroken(&self) -> Unbroken<'_> {
        self.set_unbroken(true);
        Unbroken(self)
    }

    fn set_unbroken(&self, is_unbroken: bool) {
        if let Some(target) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            target.is_unbroken = is_unbroken;
        }
    }

    /// Asks for the interruption; does not wait for it. `Ok(false)` when the session is gone, or in a commit.
    pub fn cancel(&self) -> Result<bool, OciError> {
        let target = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(target) = target.as_ref().filter(|target| !target.is_unbroken) else { return Ok(false) };
        // SAFETY: the target is taken away under this lock before its service context is freed; its error handle is used by this call alone.
        unsafe {
            let status = (target.api.OCIBreak)(target.service.cast(), target.error.as_ptr());
            check(target.api, target.error.as_ptr(), status, "OCIBreak", "interrupt the running call")?;
        }
        Ok(true)
    }
}

/// A call that no cancel breaks off.
pub(super) struct Unbroken<'s>(&'s CancelHandle);

impl Drop for Unbroken<'_> {
    fn drop(&mut self) {
        self.0.set_unbroken(false);
    }
}

impl std::fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CancelHandle")
    }
}
