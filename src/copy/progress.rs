//! What a run tells while it goes, and how it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Not requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop; safe to call from a signal handler's thread, any number of times.
    pub fn request(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was asked to stop.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire)
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
