//! Breaking off a session's running call from another thread.

use std::sync::{Arc, Mutex, PoisonError};

use oci_sys::*;

use crate::oci::check::{OciError, check};
use crate::oci::handle::Handle;

/// What OCIBreak is called on.
pub(super) struct BreakTarget {
    api: &'static Api,
    service: *mut OCISvcCtx,
    error: Handle<OCIError>,
}

// SAFETY: only reached through the mutex; OCIBreak may be called from any thread while another one is inside a call on the same service context.
unsafe impl Send for BreakTarget {}

/// Interrupts a session's running call, which then fails with ORA-01013. Harmless when nothing runs and after the session is gone.
#[derive(Clone)]
pub struct CancelHandle(Arc<Mutex<Option<BreakTarget>>>);

impl BreakTarget {
    /// A handle for the calls of a service context, until [`CancelHandle::forget`].
    ///
    /// # Safety
    /// The service context lives until then.
    pub(super) unsafe fn of(api: &'static Api, service: *mut OCISvcCtx, error: Handle<OCIError>) -> CancelHandle {
        CancelHandle(Arc::new(Mutex::new(Some(BreakTarget { api, service, error }))))
    }
}

impl CancelHandle {
    /// From here on a cancel does nothing; one that runs now is waited for.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Asks for the interruption; does not wait for it. `Ok(false)` when the session is gone.
    pub fn cancel(&self) -> Result<bool, OciError> {
        let target = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(target) = target.as_ref() else { return Ok(false) };
        // SAFETY: the target is taken away under this lock before its service context is freed; its error handle is used by this call alone.
        unsafe {
            let status = (target.api.OCIBreak)(target.service.cast(), target.error.as_ptr());
            check(target.api, target.error.as_ptr(), status, "OCIBreak", "interrupt the running call")?;
        }
        Ok(true)
    }
}

impl std::fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CancelHandle")
    }
}
