//! `OCI_ATTR_CALL_TIMEOUT`: a call that takes longer is broken off like by `OCIBreak`, and fails with ORA-03156 instead of ORA-01013.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::error::Failure;

thread_local! {
    /// The call that has just ended on this thread was broken off by its limit.
    static STRUCK: Cell<bool> = const { Cell::new(false) };
}

/// A limit that runs; dropping it at the end of the call takes it back.
pub struct TimeLimit {
    struck: Arc<AtomicBool>,
    _ends_the_thread: Sender<()>,
}

impl TimeLimit {
    /// `strike` runs on a thread of its own when the limit is reached.
    pub fn start(limit_ms: u32, strike: impl FnOnce() + Send + 'static) -> Option<TimeLimit> {
        let (sender, receiver) = channel();
        let struck = Arc::new(AtomicBool::new(false));
        let seen = struck.clone();
        let watch = move || {
            if receiver.recv_timeout(Duration::from_millis(limit_ms.into())) == Err(RecvTimeoutError::Timeout) {
                seen.store(true, Ordering::Release);
                strike();
            }
        };
        std::thread::Builder::new().name("olbridge-call-limit".into()).spawn(watch).ok()?;
        Some(TimeLimit { struck, _ends_the_thread: sender })
    }
}

impl Drop for TimeLimit {
    fn drop(&mut self) {
        STRUCK.set(self.struck.load(Ordering::Acquire));
    }
}

/// The failure of the call that has just ended, as its limit makes it.
pub fn explain(failure: Failure) -> Failure {
    let struck = STRUCK.take();
    match failure {
        Failure::Ora { code: 1013, .. } if struck => Failure::ora(3156, "OCI call timed out"),
        other => other,
    }
}
