//! Transactions for a host that keeps a session and does not know in advance what will come: an attached database, an ETL server.

use std::cell::{Cell, RefCell};

use super::{CommitOutcome, Transaction, commit_outcome_unknown, outcome_of_last_commit};
use crate::error::{Error, Phase, Result};
use crate::oci::{CancelHandle, Session};
use crate::sql;

mod retry;

/// Set before each piece of work in an open transaction, so that a piece that fails takes back itself and nothing else.
const PIECE: &str = "OLBRIDGE_PIECE";

/// A session with its transaction: autocommit until [`Self::begin`], then everything is one transaction until [`Self::commit`] or
/// [`Self::rollback`]. Dropping it rolls back.
///
/// Each piece of work is all or nothing: one that fails takes back what it did, and leaves an open transaction as it was before. What the
/// database says of the transaction is compared with what is known here, before and after. A lost connection ends everything:
/// [`TransactionState::Lost`]; whether a commit that was under way has happened is asked when it reconnects, and said to be unknown where nobody can
/// tell, never guessed.
///
/// Its methods take `&self`, so that queries of the same session can be read while rows are loaded; one piece of work at a time.
#[derive(Debug)]
pub struct TransactionManager {
    session: Session,
    state: Cell<TransactionState>,
    held: RefCell<Held>,
    /// A piece of work is under way, and its closure is not to begin another.
    in_work: Cell<bool>,
}

/// What an open transaction holds, between pieces of work.
#[derive(Debug, Default)]
struct Held {
    rows_changed: u64,
    seen_open: bool,
    must_roll_back: bool,
    /// Name, and rows changed when it was set.
    savepoints: Vec<(String, u64)>,
}

/// Where a [`TransactionManager`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionState {
    /// No transaction is open: each piece of work commits by itself.
    Autocommit,
    /// A transaction is open.
    Open,
    /// A transaction is open that can only be rolled back: a piece of work failed and could not be taken back by itself.
    MustRollBack,
    /// The connection is lost, or a commit was broken off. The database rolls back what was not committed.
    Lost {
        /// A commit was under way: whether it has happened is not known.
        commit_in_doubt: bool,
    },
}

/// What is open, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionStatus {
    /// Where it stands.
    pub state: TransactionState,
    /// Rows of tables that the open transaction has changed.
    pub rows_changed: u64,
    /// Savepoints that are set, oldest first.
    pub savepoints: Vec<String>,
    /// What the database says: a transaction is open. `None` when the client cannot tell (before 12.1).
    pub database_says_open: Option<bool>,
}

impl TransactionManager {
    /// Takes over a session.
    ///
    /// # Errors
    /// [`Error::Usage`] when the session has a transaction open already.
    pub fn new(session: Session) -> Result<Self> {
        let manager = TransactionManager {
            session,
            state: Cell::new(TransactionState::Autocommit),
            held: RefCell::default(),
            in_work: Cell::new(false),
        };
        manager.refuse_foreign_work()?;
        Ok(manager)
    }

    /// Gives the session back; what was open is rolled back.
    pub fn into_session(self) -> Result<Session> {
        if matches!(self.state.get(), TransactionState::Open | TransactionState::MustRollBack) {
            self.rollback()?;
        }
        Ok(self.session)
    }

    /// The session, to describe tables and to plan. Changes belong into [`Self::run`].
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What is open. No round trip.
    pub fn status(&self) -> TransactionStatus {
        let held = self.held.borrow();
        TransactionStatus {
            state: self.state.get(),
            rows_changed: held.rows_changed,
            savepoints: held.savepoints.iter().map(|(name, _)| name.clone()).collect(),
            database_says_open: self.session.transaction_in_progress(),
        }
    }

    /// Breaks off the running call from another thread, which then fails with ORA-01013 and is taken back.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.session.cancel_handle()
    }

    /// Opens a transaction. No round trip: Oracle begins it with the first change.
    ///
    /// # Errors
    /// [`Error::Usage`] when one is open; when the connection is lost.
    pub fn begin(&self) -> Result<()> {
        match self.state.get() {
            TransactionState::Autocommit => {}
            TransactionState::Lost { .. } => return Err(self.lost()),
            _ => return Err(usage("a transaction is open already", "commit it or roll it back first; savepoints nest")),
        }
        self.refuse_within_work()?;
        self.refuse_foreign_work()?;
        self.held.take();
        self.state.set(TransactionState::Open);
        Ok(())
    }

    /// Does a piece of work: in the open transaction, or, if none is open, in one of its own that is committed at the end. If it fails, what it
    /// did is taken back.
    ///
    /// # Errors
    /// Those of `work`; those of the commit.
    pub fn run<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.refuse_within_work()?;
        self.in_work.set(true);
        let _work = InWork(self);
        match self.state.get() {
            TransactionState::Autocommit => self.run_alone(work),
            TransactionState::Open => self.run_within(work),
            TransactionState::MustRollBack => Err(usage("an earlier error can only be rolled back", "roll back")),
            TransactionState::Lost { .. } => Err(self.lost()),
        }
    }

    /// Runs a statement without placeholders; rows affected. Without an open transaction it commits on success in the same round trip, and may be
    /// DDL. Where calls can be broken off (see [`Session::is_breakable`]) the commit is a round trip of its own: of a statement that is broken off in one
    /// with its commit, nobody could say what has become of it.
    pub fn execute(&self, sql: &str) -> Result<u64> {
        if self.state.get() != TransactionState::Autocommit {
            return self.run(|transaction| transaction.execute(sql));
        }
        self.refuse_within_work()?;
        self.refuse_foreign_work()?;
        if !self.session.is_breakable() {
            let result = self.session.execute_and_commit(sql);
            self.note_loss(&result);
            return result;
        }
        let result = self.session.execute_alone(sql);
        self.note_loss(&result);
        let rows = result?;
        // DDL has committed by itself.
        if self.session.transaction_in_progress() != Some(false) {
            let result = Transaction::of(&self.session).commit();
            self.note_loss(&result);
            result?;
        }
        Ok(rows)
    }

    /// Runs a query, which sees what the open transaction has changed.
    pub fn query(&self, sql: &str, each_row: &mut dyn FnMut(&[Option<String>]) -> Result<()>) -> Result<()> {
        if matches!(self.state.get(), TransactionState::Lost { .. }) {
            return Err(self.lost());
        }
        let result = self.session.query_rows(sql, each_row);
        self.note_loss(&result);
        result
    }

    /// Sets a savepoint.
    pub fn savepoint(&self, name: &str) -> Result<()> {
        self.require_open()?;
        let result = self.session.execute_sql(Phase::Execute, None, &sql::savepoint(name)?).map(drop);
        self.note_loss(&result);
        result?;
        let mut held = self.held.borrow_mut();
        let rows_changed = held.rows_changed;
        held.savepoints.retain(|(other, _)| other != name);
        held.savepoints.push((name.to_owned(), rows_changed));
        Ok(())
    }

    /// Takes back everything after the savepoint, which stays set; those after it are gone.
    ///
    /// # Errors
    /// [`Error::Usage`] for a savepoint that is not set.
    pub fn rollback_to(&self, name: &str) -> Result<()> {
        if self.state.get() != TransactionState::MustRollBack {
            self.require_open()?;
        }
        self.refuse_within_work()?;
        let Some(index) = self.held.borrow().savepoints.iter().position(|(other, _)| other == name) else {
            return Err(usage(&format!("no savepoint {name} is set"), "roll back to one of status().savepoints"));
        };
        let result = self.session.execute_sql(Phase::Rollback, None, &sql::rollback_to_savepoint(name)?).map(drop);
        self.note_loss(&result);
        result?;
        let mut held = self.held.borrow_mut();
        held.rows_changed = held.savepoints[index].1;
        held.savepoints.truncate(index + 1);
        held.must_roll_back = false;
        self.state.set(TransactionState::Open);
        Ok(())
    }

    /// Makes the open transaction durable; the rows that it has changed.
    ///
    /// # Errors
    /// Whatever the error, nothing is open afterwards; [`TransactionState::Lost`] says if the outcome is unknown, and [`Self::reconnect`] settles it.
    pub fn commit(&self) -> Result<u64> {
        if self.state.get() == TransactionState::MustRollBack {
            return Err(usage("an earlier error can only be rolled back; nothing was committed", "roll back"));
        }
        self.require_open()?;
        let held = self.held.take();
        self.state.set(TransactionState::Autocommit);
        let rows = held.rows_changed;
        let result = resume(&self.session, &held).commit();
        self.note_loss(&result);
        result?;
        self.refuse_foreign_work()?;
        Ok(rows)
    }

    /// Takes the open transaction back; the rows that were changed in it.
    /// One that the database has opened by itself, for a query with FOR UPDATE or over a database link, is taken back, too.
    pub fn rollback(&self) -> Result<u64> {
        let opened_by_database =
            || self.state.get() == TransactionState::Autocommit && self.session.transaction_in_progress() == Some(true);
        if self.state.get() != TransactionState::MustRollBack && !opened_by_database() {
            self.require_open()?;
        }
        self.refuse_within_work()?;
        let held = self.held.take();
        self.state.set(TransactionState::Autocommit);
        let result = resume(&self.session, &held).rollback();
        self.note_loss(&result);
        result?;
        self.refuse_foreign_work()?;
        Ok(held.rows_changed)
    }

    /// Logs in again after the connection was lost, and says what became of the work that was under way: rolled back, unless a commit was in doubt,
    /// whose outcome Transaction Guard tells where the service has it.
    ///
    /// # Errors
    /// Those of the login, after which it may be tried again; [`Error::Usage`] when the connection is not lost.
    pub fn reconnect(&mut self) -> Result<CommitOutcome> {
        let TransactionState::Lost { commit_in_doubt } = self.state.get() else {
            return Err(usage("the connection is not lost", "roll back to begin anew"));
        };
        let session = self.session.reconnect()?;
        let outcome = if commit_in_doubt { outcome_of_last_commit(&self.session, &session) } else { CommitOutcome::RolledBack };
        self.session = session;
        self.state.set(TransactionState::Autocommit);
        self.held.take();
        Ok(outcome)
    }

    fn run_alone<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.refuse_foreign_work()?;
        let transaction = Transaction::of(&self.session);
        let result = match work(&transaction) {
            Ok(value) => transaction.commit().map(|()| value),
            // The error of the work is the news; a rollback that fails too happens when the session ends.
            Err(error) => {
                let _ = transaction.rollback();
                Err(error)
            }
        };
        self.note_loss(&result);
        let value = result?;
        self.refuse_foreign_work()?;
        Ok(value)
    }

    fn run_within<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let transaction = resume(&self.session, &self.held.borrow());
        if let Err(error) = transaction.refuse_ended() {
            // What is done now would be a transaction of its own, and the rest is gone or committed.
            transaction.leave_open();
            self.state.set(TransactionState::MustRollBack);
            return Err(error);
        }
        let result = transaction.savepoint(PIECE).and_then(|()| {
            let done = work(&transaction).and_then(|value| transaction.refuse_unsent().map(|()| value));
            done.map_err(|error| (error, transaction.rollback_to(PIECE).is_ok())).map_err(|(error, taken_back)| {
                self.held.borrow_mut().must_roll_back = !taken_back;
                error
            })
        });
        if result.is_ok() {
            let mut held = self.held.borrow_mut();
            (held.rows_changed, held.seen_open) = (transaction.rows_changed.get(), transaction.seen_open.get());
        }
        transaction.leave_open();
        if self.held.borrow().must_roll_back {
            self.state.set(TransactionState::MustRollBack);
        }
        self.note_loss(&result);
        result
    }

    /// After an error of a query that was read beside. A commit of which nobody knows whether it has happened is settled by a new login, whether or
    /// not the connection is still there.
    pub(crate) fn note_error(&self, error: &Error) {
        // That of a Delta table is no business of the session.
        let commit_in_doubt = matches!(error, Error::Database { .. }) && commit_outcome_unknown(error);
        if error.is_lost_connection() || commit_in_doubt {
            self.state.set(TransactionState::Lost { commit_in_doubt });
            self.held.take();
        }
    }

    /// After an error that says that the connection is gone.
    fn note_loss<T>(&self, result: &Result<T>) {
        if let Err(error) = result {
            self.note_error(error);
        }
    }

    fn require_open(&self) -> Result<()> {
        self.refuse_within_work()?;
        match self.state.get() {
            TransactionState::Open => Ok(()),
            TransactionState::MustRollBack => Err(usage("an earlier error can only be rolled back", "roll back")),
            TransactionState::Autocommit => Err(usage("no transaction is open", "begin one")),
            TransactionState::Lost { .. } => Err(self.lost()),
        }
    }

    /// A piece of work ends before what it is a piece of.
    fn refuse_within_work(&self) -> Result<()> {
        match self.in_work.get() {
            true => Err(usage("a piece of work is under way", "let it end first")),
            false => Ok(()),
        }
    }

    /// Nothing is open here, so nothing may be open there.
    fn refuse_foreign_work(&self) -> Result<()> {
        match self.session.transaction_in_progress() {
            Some(true) => Err(usage(
                "the database says that a transaction is open which was not begun here",
                "roll it back: a query with FOR UPDATE or over a database link opens one; or commit it where it was begun",
            )),
            _ => Ok(()),
        }
    }

    fn lost(&self) -> Error {
        let in_doubt = self.state.get() == TransactionState::Lost { commit_in_doubt: true };
        let note = if in_doubt { "; whether the commit that was under way has happened is not known" } else { "" };
        usage(&format!("the connection was lost{note}"), "reconnect")
    }
}

/// Ends with the piece of work. When that panics, the guard of the transaction rolls back everything, which is more than the piece.
struct InWork<'m>(&'m TransactionManager);

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        self.0.in_work.set(false);
        if std::thread::panicking() && self.0.state.get() == TransactionState::Open {
            self.0.state.set(TransactionState::MustRollBack);
        }
    }
}

fn resume<'s>(session: &'s Session, held: &Held) -> Transaction<'s> {
    let transaction = Transaction::of(session);
    transaction.rows_changed.set(held.rows_changed);
    transaction.seen_open.set(held.seen_open);
    transaction.load_failed.set(held.must_roll_back);
    transaction
}

fn usage(message: &str, remedy: &str) -> Error {
    Error::Usage { message: message.into(), remedy: remedy.into() }
}
