//! Doing a piece of work again, where that is safe.

use std::time::Duration;

use super::{TransactionManager, TransactionState, usage};
use crate::error::{Error, Result};
use crate::transaction::{CommitOutcome, Transaction};

/// Before the second attempt; twice as long before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// What a failed attempt leads to.
enum Next {
    /// Its commit has happened all the same.
    Done,
    Again,
    GiveUp,
}

impl TransactionManager {
    /// As [`Self::run`] without an open transaction, and does the work again, up to `attempts` times in all, where nothing of the attempt before is in
    /// the database and it may go better: after a deadlock (ORA-00060), where the transaction could not be serialised (ORA-08177), and when the
    /// connection was lost before the commit, or in a commit that has not happened, as Transaction Guard says. A commit that has happened although its
    /// answer was lost is a success.
    ///
    /// `work` has to begin anew each time: what it did outside of the database is not taken back.
    ///
    /// # Errors
    /// Those of the last attempt. Whatever else fails is not tried again: a row that is refused, and above all a commit whose outcome nobody
    /// knows. [`Error::Usage`] when a transaction is open: what was done in it before could not be done again from here.
    pub fn run_retrying<T>(&mut self, attempts: u32, mut work: impl FnMut(&Transaction<'_>) -> Result<T>) -> Result<T> {
        match self.state.get() {
            TransactionState::Autocommit => {}
            TransactionState::Lost { .. } => return Err(self.lost()),
            _ => return Err(usage("a transaction is open, whose earlier work could not be done again", "run the work without retrying")),
        }
        let (mut left, mut wait) = (attempts.max(1), FIRST_WAIT);
        loop {
            left -= 1;
            let mut done = None;
            let result = self.run(|transaction| {
                done = Some(work(transaction)?);
                Ok(())
            });
            let error = match (result, done) {
                (Ok(()), Some(value)) => return Ok(value),
                (Ok(()), None) => return Err(usage("the work was not done", "report this as a bug")),
                (Err(error), done) => match (self.after_failure(&error, left, wait), done) {
                    (Next::Done, Some(value)) => return Ok(value),
                    (Next::Again, _) => error,
                    _ => return Err(error),
                },
            };
            debug_assert!(left > 0, "{error}");
            std::thread::sleep(wait);
            wait *= 2;
        }
    }

    fn after_failure(&mut self, error: &Error, left: u32, wait: Duration) -> Next {
        match self.state.get() {
            TransactionState::Lost { .. } => match self.reconnect_trying(left, wait) {
                Some(CommitOutcome::Committed) => Next::Done,
                Some(CommitOutcome::RolledBack) if left > 0 => Next::Again,
                _ => Next::GiveUp,
            },
            TransactionState::Autocommit if left > 0 && may_pass(error) => Next::Again,
            _ => Next::GiveUp,
        }
    }

    /// A database that has just failed may need a moment.
    fn reconnect_trying(&mut self, more: u32, wait: Duration) -> Option<CommitOutcome> {
        for turn in 0..=more {
            match self.reconnect() {
                Ok(outcome) => return Some(outcome),
                Err(_) if turn < more => std::thread::sleep(wait * (turn + 1)),
                Err(_) => {}
            }
        }
        None
    }
}

/// Failures of the moment, after which the transaction is rolled back as a whole.
fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Database { ora_code: 60 | 8177, session_dead: false, .. })
}
