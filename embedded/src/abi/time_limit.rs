//! Time limits of calls, attribute 531.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::engine::Interrupt;

/// Cancels a call that is not over in time; its end ends the watch.
pub struct TimeLimit {
    is_over: Arc<(Mutex<bool>, Condvar)>,
}

impl TimeLimit {
    /// Sets the flags and interrupts the session after `limit`.
    pub fn start(limit: Duration, flags: [Arc<AtomicBool>; 2], interrupt: Interrupt) -> TimeLimit {
        let is_over = Arc::new((Mutex::new(false), Condvar::new()));
        let watched = Arc::clone(&is_over);
        std::thread::spawn(move || {
            let (over, ended) = &*watched;
            let guard = over.lock().unwrap_or_else(PoisonError::into_inner);
            let (guard, _) = ended.wait_timeout_while(guard, limit, |over| !*over).unwrap_or_else(PoisonError::into_inner);
            // The lock is held: the call cannot end and another begin meanwhile.
            if !*guard {
                flags.iter().for_each(|flag| flag.store(true, Ordering::Relaxed));
                interrupt.interrupt();
            }
        });
        TimeLimit { is_over }
    }
}

impl Drop for TimeLimit {
    fn drop(&mut self) {
        let (over, ended) = &*self.is_over;
        *over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        ended.notify_one();
    }
}
