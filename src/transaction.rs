//! The transaction guard: what is sent within it is in the table after [`Transaction::commit`], and nowhere after anything else.

use std::cell::{Cell, RefCell};
use std::num::NonZeroU64;

use crate::error::{Error, Phase, Result};
use crate::oci::{OciError, Session};
use crate::sql;

mod doubt;
mod manager;

pub use doubt::{CommitOutcome, outcome_of_last_commit};
pub use manager::{TransactionManager, TransactionState, TransactionStatus};

/// User requested cancel of current operation.
pub(crate) const ORA_CANCELLED: i32 = 1013;

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
///
/// It refuses to commit a load that is not whole: rows still in the buffers of a [`crate::load::Loader`] that was dropped without
/// `finish`, or a load that failed.
#[derive(Debug)]
#[must_use = "dropping a transaction rolls it back"]
pub struct Transaction<'s> {
    session: &'s Session,
    finished: bool,
    /// Rows that loaders were given and have not sent.
    unsent_rows: Cell<u64>,
    load_failed: Cell<bool>,
    /// Rows of tables that it holds changed.
    rows_changed: Cell<u64>,
    /// The database has said that a transaction is open since it began.
    seen_open: Cell<bool>,
    /// Name, and `rows_changed` when it was set.
    savepoints: RefCell<Vec<(String, u64)>>,
}

impl<'s> Transaction<'s> {
    /// Opens the guard.
    pub fn begin(session: &'s mut Session) -> Self {
        Self::of(session)
    }

    /// For the manager, which sees to it that there is one at a time.
    fn of(session: &'s Session) -> Self {
        Transaction {
            session,
            finished: false,
            unsent_rows: Cell::new(0),
            load_failed: Cell::new(false),
            rows_changed: Cell::new(0),
            seen_open: Cell::new(false),
            savepoints: RefCell::default(),
        }
    }

    /// Rows of tables that were changed in it, by loads and by [`Self::execute`], and not taken back.
    pub fn rows_changed(&self) -> u64 {
        self.rows_changed.get()
    }

    /// Runs a statement without placeholders; rows affected.
    ///
    /// # Errors
    /// [`Error::Usage`] for a statement that would end the transaction by itself: DDL commits, and COMMIT and ROLLBACK are methods here.
    pub fn execute(&self, sql: &str) -> Result<u64> {
        if let Some(keyword) = sql::ends_transaction(sql) {
            return Err(Error::Usage {
                message: format!("{keyword} ends the transaction, with {} changed rows in it", self.rows_changed.get()),
                remedy: "commit or roll back first, and run it outside of a transaction".into(),
            });
        }
        let rows = self.session.execute_sql(Phase::Execute, None, sql)?;
        self.note_changed(rows);
        Ok(rows)
    }

    /// Runs a query, which sees what the transaction has changed; every value as text, see [`Session::query_text`].
    pub fn query(&self, sql: &str, each_row: &mut dyn FnMut(&[Option<String>]) -> Result<()>) -> Result<()> {
        self.session.query_rows(sql, each_row)
    }

    /// Rows of a table were changed.
    pub(crate) fn note_changed(&self, rows: u64) {
        self.rows_changed.set(self.rows_changed.get() + rows);
        if rows > 0 && !self.seen_open.get() {
            self.seen_open.set(self.session.transaction_in_progress() == Some(true));
        }
    }

    /// The database knew of the transaction and no longer does: something in it has committed or rolled back, and nobody can say of which rows.
    fn refuse_ended(&self) -> Result<()> {
        if !self.seen_open.get() || self.session.transaction_in_progress() != Some(false) {
            return Ok(());
        }
        Err(Error::Database {
            // No commit was sent.
            phase: Phase::Execute,
            table: None,
            ora_code: 0,
            message: format!(
                "the transaction with {} changed rows has been ended by something else than its commit: DDL, or a procedure or trigger that \
                 commits or rolls back",
                self.rows_changed.get()
            ),
            remedy: "look at what is in the table, and at what its triggers call".into(),
            session_dead: false,
        })
    }

    /// The session, for statements inside the transaction.
    pub fn session(&self) -> &Session {
        self.session
    }

    /// Makes everything since [`Self::begin`] durable and visible.
    ///
    /// # Errors
    /// [`Error::Usage`] when a load in it failed or has rows that were never sent. Whatever the error, what can be rolled back is rolled
    /// back; whether the commit happened all the same is told by [`commit_outcome_unknown`].
    pub fn commit(mut self) -> Result<()> {
        self.refuse_failed_load()?;
        self.refuse_unsent()?;
        self.refuse_ended()?;
        let result = self.session.commit();
        // A failed commit is rolled back on drop, unless there is nobody to ask.
        self.finished = result.as_ref().err().is_none_or(OciError::is_session_dead);
        result.map_err(|error| self.failed_commit(error))
    }

    /// Commits what was sent so far and goes on in a new transaction; for [`CommitPolicy::EveryRows`].
    ///
    /// # Errors
    /// As [`Self::commit`], but rows in the buffers of a loader stay there: they belong to the next commit.
    pub fn commit_and_continue(&self) -> Result<()> {
        self.refuse_failed_load()?;
        self.refuse_ended()?;
        self.session.commit().map_err(|error| self.failed_commit(error))?;
        self.rows_changed.set(0);
        self.seen_open.set(false);
        self.savepoints.borrow_mut().clear();
        Ok(())
    }

    /// A commit that was broken off has not happened where the database says that the transaction is still open.
    fn failed_commit(&self, error: OciError) -> Error {
        let error = error.into_error(Phase::Commit, None);
        if error.is_lost_connection() || !commit_outcome_unknown(&error) || self.session.transaction_in_progress() != Some(true) {
            return error;
        }
        match error {
            Error::Database { ora_code, message, .. } => Error::Database {
                phase: Phase::Execute,
                table: None,
                ora_code,
                message: format!("{message}\n  it was the commit, which has not happened: the transaction was still open"),
                remedy: "run the job again".into(),
                session_dead: false,
            },
            other => other,
        }
    }

    fn refuse_unsent(&self) -> Result<()> {
        if self.unsent_rows.get() > 0 {
            return Err(Error::Usage {
                message: format!("{} rows were written and not sent; nothing was committed", self.unsent_rows.get()),
                remedy: "call Loader::finish before the commit".into(),
            });
        }
        Ok(())
    }

    /// Ends the guard and leaves the transaction open, for whoever goes on with it.
    pub(crate) fn leave_open(mut self) {
        self.finished = true;
    }

    fn refuse_failed_load(&self) -> Result<()> {
        if !self.load_failed.get() {
            return Ok(());
        }
        Err(Error::Usage {
            message: "a load in this transaction has failed, so its rows are not complete; nothing was committed".into(),
            remedy: "roll back, to a savepoint or everything, and load again".into(),
        })
    }

    /// A loader took rows into its buffers.
    pub(crate) fn rows_buffered(&self, rows: u64) {
        self.unsent_rows.set(self.unsent_rows.get() + rows);
    }

    /// A loader sent rows from its buffers, or gave them up.
    pub(crate) fn rows_unbuffered(&self, rows: u64) {
        self.unsent_rows.set(self.unsent_rows.get().saturating_sub(rows));
    }

    /// A load has failed: only a rollback makes the transaction whole again.
    pub(crate) fn note_failed_load(&self) {
        self.load_failed.set(true);
    }

    /// Takes everything back, and says if that failed (which Drop could not).
    pub fn rollback(mut self) -> Result<()> {
        self.finished = true;
        let result = match self.session.rollback() {
            // A break that was meant for the call before.
            Err(error) if error.ora_code == ORA_CANCELLED => self.session.rollback(),
            result => result,
        };
        result.map_err(|e| e.into_error(Phase::Rollback, None))
    }

    /// Sets a savepoint; one round trip.
    pub fn savepoint(&self, name: &str) -> Result<()> {
        self.session.execute_sql(Phase::Execute, None, &sql::savepoint(name)?)?;
        let mut savepoints = self.savepoints.borrow_mut();
        savepoints.retain(|(other, _)| other != name);
        savepoints.push((name.to_owned(), self.rows_changed.get()));
        Ok(())
    }

    /// Takes back everything after the savepoint, which stays set. A load that failed is forgiven: set the savepoint before a load, not
    /// within it.
    pub fn rollback_to(&self, name: &str) -> Result<()> {
        self.session.execute_sql(Phase::Rollback, None, &sql::rollback_to_savepoint(name)?)?;
        self.load_failed.set(false);
        let mut savepoints = self.savepoints.borrow_mut();
        if let Some(index) = savepoints.iter().position(|(other, _)| other == name) {
            self.rows_changed.set(savepoints[index].1);
            savepoints.truncate(index + 1);
        }
        Ok(())
    }
}

/// Whether a commit that failed like this may have happened all the same: the connection was lost before its answer came, or the call was
/// broken off. Only errors that are known to be the database's refusal are taken for one, because there is no end to the codes of a lost
/// answer.
pub fn commit_outcome_unknown(error: &Error) -> bool {
    error.is_commit_in_doubt()
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // The error has nowhere to go; the server rolls back by itself when the session is gone.
            let _ = self.session.rollback();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lost_connection_or_a_break_leaves_the_outcome_open() {
        let failed = |phase, ora_code, session_dead| Error::Database {
            phase,
            table: None,
            ora_code,
            message: String::new(),
            remedy: String::new(),
            session_dead,
        };
        assert!(commit_outcome_unknown(&failed(Phase::Commit, 3113, true)));
        assert!(commit_outcome_unknown(&failed(Phase::Commit, 1013, false)));
        assert!(commit_outcome_unknown(&failed(Phase::Commit, 3156, false)));
        // Codes of a lost answer that no list has.
        assert!(commit_outcome_unknown(&failed(Phase::Commit, 25408, false)));
        assert!(commit_outcome_unknown(&failed(Phase::Commit, 12609, false)));
        // ORA-02091: transaction rolled back, as a deferred constraint does.
        assert!(!commit_outcome_unknown(&failed(Phase::Commit, 2091, false)));
        // The client gives no reason for the failure of the call.
        assert!(commit_outcome_unknown(&failed(Phase::Commit, 0, false)));
        assert!(!commit_outcome_unknown(&failed(Phase::Execute, 3113, true)));
        let stored = |phase| Error::Source { phase, path: "t".into(), message: String::new(), remedy: String::new() };
        assert!(commit_outcome_unknown(&stored(Phase::Commit)) && !commit_outcome_unknown(&stored(Phase::Write)));
        assert!(!commit_outcome_unknown(&Error::Usage { message: String::new(), remedy: String::new() }));
    }
}
