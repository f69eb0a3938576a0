//! The transaction guard: what is sent within it is in the table after [`Transaction::commit`], and nowhere after anything else.

use std::num::NonZeroU64;

use crate::error::{Error, Phase};
use crate::oci::Session;
use crate::sql;

/// When a load commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitPolicy {
    /// Once, after the last row. Whatever fails before leaves the table as it was: a job can simply be run again.
    #[default]
    AtEnd,
    /// After every so many rows (rounded up to whole executes). Bounds undo, but a failed job leaves the rows committed so far,
    /// and the report says how many those are.
    EveryRows(NonZeroU64),
}

/// An open transaction of a session. Dropping it rolls back; nesting is a compile error, because it holds the session mutably.
///
/// Oracle begins a transaction with the first DML by itself, so opening the guard costs no round trip. DDL commits (Oracle
/// Database SQL Language Reference, "COMMIT"): run none while a guard is open.
#[derive(Debug)]
#[must_use = "dropping a transaction rolls it back"]
pub struct Transaction<'s> {
    session: &'s mut Session,
    finished: bool,
}

impl<'s> Transaction<'s> {
    /// Opens the guard.
    pub fn begin(session: &'s mut Session) -> Self {
        Transaction { session, finished: false }
    }

    /// The session, for statements inside the transaction.
    pub fn session(&self) -> &Session {
        self.session
    }

    /// Makes everything since [`Self::begin`] durable and visible.
    pub fn commit(mut self) -> Result<(), Error> {
        // A failed commit is not rolled back on drop: the outcome is the server's, and a second call would hide the first error.
        self.finished = true;
        self.session.commit().map_err(|e| e.into_error(Phase::Commit, None))
    }

    /// Commits what was done so far and goes on in a new transaction; for [`CommitPolicy::EveryRows`].
    pub fn commit_and_continue(&self) -> Result<(), Error> {
        self.session.commit().map_err(|e| e.into_error(Phase::Commit, None))
    }

    /// Takes everything back, and says if that failed (which Drop could not).
    pub fn rollback(mut self) -> Result<(), Error> {
        self.finished = true;
        self.session.rollback().map_err(|e| e.into_error(Phase::Rollback, None))
    }

    /// Sets a savepoint; one round trip.
    pub fn savepoint(&self, name: &str) -> Result<(), Error> {
        self.session.execute_sql(Phase::Execute, None, &sql::savepoint(name)?).map(drop)
    }

    /// Takes back everything after the savepoint, which stays set.
    pub fn rollback_to(&self, name: &str) -> Result<(), Error> {
        self.session.execute_sql(Phase::Rollback, None, &sql::rollback_to_savepoint(name)?).map(drop)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // The error has nowhere to go; the server rolls back by itself when the session is gone.
            let _ = self.session.rollback();
        }
    }
}
