//! What a run tells while it goes, and how it is told to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::oci::CancelHandle;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgressEvent {
    /// A statement that changes the table's definition or empties it is about to run.
    Statement {
        /// Its text.
        sql: String,
    },
    /// Rows begin to move.
    Started {
        /// Rows of the source; 0 when nobody knows.
        rows_total: u64,
        /// Bytes of the source on disk.
        bytes_total: u64,
    },
    /// A batch was taken; its rows are in the database or in the buffers for it.
    Batch {
        /// Rows read so far.
        rows_done: u64,
        /// Bytes of the source read so far.
        bytes_done: u64,
    },
    /// A commit returned: these rows stay, whatever happens.
    Committed {
        /// Rows committed so far.
        rows_committed: u64,
    },
    /// The transaction is about to be rolled back.
    RollingBack {
        /// Rows that had been sent since the last commit.
        rows: u64,
    },
}

/// Hears of events, on the thread that runs the job. Slow listeners slow the job.
pub trait Progress {
    /// Called for each event.
    fn event(&mut self, event: &ProgressEvent);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn event(&mut self, _event: &ProgressEvent) {}
}

/// A request to stop, shared between threads. The run looks at it between batches, rolls back and returns [`crate::Error::Interrupted`].
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<CancelState>);

#[derive(Debug, Default)]
struct CancelState {
    requested: AtomicBool,
    /// What [`Cancel::hurry`] may break off; nothing while a commit, a rollback or a clean-up runs.
    breakable: Mutex<Vec<(usize, CancelHandle)>>,
}

impl Cancel {
    /// Not requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop; safe to call from a signal handler's thread, any number of times.
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::Release);
    }

    /// Whether it was asked to stop.
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    /// Asks the run to stop and breaks off the call that it is in, for a statement that does not come back. A commit, a rollback and the
    /// clean-up after a failure are left alone: whether anything was broken off.
    pub fn hurry(&self) -> bool {
        self.request();
        // Held until the break is sent, so that none is sent after `disarm` has returned.
        let breakable = self.breakable();
        // It fails when nothing runs any more, and then there is nothing to hurry.
        breakable.iter().filter(|(_, call)| call.cancel() == Ok(true)).count() > 0
    }

    /// From here on [`Self::hurry`] may break off calls of this session.
    pub(crate) fn arm(&self, call: CancelHandle) {
        *self.breakable() = vec![(0, call)];
    }

    /// And of this one, too.
    pub(super) fn arm_also(&self, call: CancelHandle) {
        let mut breakable = self.breakable();
        let session = breakable.iter().map(|(session, _)| session + 1).max().unwrap_or(0);
        breakable.push((session, call));
    }

    /// And of this one of several sessions, which has been disarmed by itself.
    pub(super) fn arm_one(&self, session: usize, call: CancelHandle) {
        self.breakable().push((session, call));
    }

    /// From here on nothing is broken off. A break that was sent before has set the request.
    pub(crate) fn disarm(&self) -> Option<CancelHandle> {
        self.breakable().drain(..).next().map(|(_, call)| call)
    }

    /// From here on nothing of this one of several sessions is broken off.
    pub(super) fn disarm_one(&self, session: usize) -> Option<CancelHandle> {
        let mut breakable = self.breakable();
        let place = breakable.iter().position(|(known, _)| *known == session)?;
        Some(breakable.swap_remove(place).1)
    }

    fn breakable(&self) -> MutexGuard<'_, Vec<(usize, CancelHandle)>> {
        self.0.breakable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_seen_by_clones() {
        let cancel = Cancel::new();
        let other = cancel.clone();
        assert!(!other.is_requested());
        cancel.request();
        cancel.request();
        assert!(other.is_requested());
    }
}
