//! The right of a run to write the marks of its job and table.
//!
//! * Before the rows, a run *claims* the row `*` of the job and table: it puts its own id there and commits. A run that claimed it earlier can no
//!   longer commit, whatever its source is.
//! * With every commit, the mark says how many rows of the source are done, on condition that the claim still holds.
//! * When the answer to a commit is lost, another session locks the row, which waits until the database has ended the lost transaction, and reads.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use super::failure::with_remedy;
use super::plan::TableAction;
use super::progress::Cancel;
use super::state::{JobKey, JobState, Mark, STATE_TABLE, UNKNOWN_TABLE, create_state_table, ora_code, read_marks, table_id};
use crate::error::{Error, Phase, Result};
use crate::oci::{BindValue, Session};

const INSERT: &str = "INSERT INTO OLBRIDGE_STATE (EPOCH, ROWS_DONE, ROWS_REJECTED, REJECT_FILES, COMPLETE, ASKED, TABLE_ID, RUN_ID, UPDATED_AT, \
     JOB, TARGET, SOURCE) VALUES (:1, :2, :3, :4, :5, :6, :7, :8, SYSTIMESTAMP, :9, :10, :11)";
const UPDATE: &str = "UPDATE OLBRIDGE_STATE SET EPOCH = :1, ROWS_DONE = :2, ROWS_REJECTED = :3, REJECT_FILES = :4, COMPLETE = :5, ASKED = :6, \
     TABLE_ID = :7, RUN_ID = :8, UPDATED_AT = SYSTIMESTAMP WHERE JOB = :9 AND TARGET = :10 AND SOURCE = :11";
const CLAIM: &str = "UPDATE OLBRIDGE_STATE SET RUN_ID = :1, EPOCH = :2, UPDATED_AT = SYSTIMESTAMP \
     WHERE JOB = :3 AND TARGET = :4 AND SOURCE = '*' AND RUN_ID = :5";
const HOLD: &str = "UPDATE OLBRIDGE_STATE SET UPDATED_AT = SYSTIMESTAMP WHERE JOB = :1 AND TARGET = :2 AND SOURCE = '*' AND RUN_ID = :3";
const HOLDER: &str = "SELECT RUN_ID FROM OLBRIDGE_STATE WHERE JOB = :1 AND TARGET = :2 AND SOURCE = '*' FOR UPDATE NOWAIT";
const FORGET_ALL: &str = "DELETE FROM OLBRIDGE_STATE WHERE TARGET = :1 AND SOURCE <> '*'";
const FORGET_ONE: &str = "DELETE FROM OLBRIDGE_STATE WHERE JOB = :1 AND TARGET = :2 AND SOURCE = :3";
const FORGET_EARLIER_TABLES: &str = "DELETE FROM OLBRIDGE_STATE WHERE TARGET = :1 AND SOURCE <> '*' AND TABLE_ID <> :2";

/// ORA-00001: unique constraint violated.
const ORA_DUPLICATE: i32 = 1;
/// ORA-00054: resource busy and acquire with NOWAIT specified.
const ORA_BUSY: i32 = 54;
/// How long a lost transaction has to end: its server process may not have heard that the client is gone.
const END_OF_LOST: Duration = Duration::from_secs(60);
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// What came of a commit whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitOutcome {
    Committed,
    RolledBack,
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Done {
    pub rows: u64,
    pub rows_rejected: u64,
    pub reject_files: String,
    pub complete: bool,
}

/// The right of this run to write the mark of its source.
#[derive(Debug)]
pub(super) struct Claim {
    key: JobKey,
    asked: String,
    run_id: String,
    epoch: u64,
    table_id: RefCell<String>,
    /// The mark as of the last commit.
    committed: RefCell<Option<Mark>>,
    /// What it says if the commit that is under way happens.
    in_commit: RefCell<Option<Mark>>,
    /// Whether there is a mark, as the open transaction sees it.
    has_mark: Cell<bool>,
    /// Marks that go when this one is written.
    superseded: Vec<String>,
}

impl Claim {
    /// Takes the right to write from any earlier run, and commits. No mark is changed.
    ///
    /// # Errors
    /// [`Error::Usage`] when another run was faster.
    pub fn take(session: &Session, state: &JobState, epoch: u64) -> Result<Claim> {
        let run_id = new_run_id();
        if !state.state_table_exists {
            create_state_table(session)?;
        }
        let key = &state.key;
        let (job, target) = (BindValue::Text(&key.job), key.target());
        let target = BindValue::Text(&target);
        let last_epoch = epoch.max(state.holder.as_ref().map_or(0, |holder| holder.epoch));
        let claimed = match &state.holder {
            None => {
                let holder = Mark { source: "*".into(), epoch, asked: "-".into(), table_id: UNKNOWN_TABLE.into(), ..Mark::default() };
                write_mark(session, INSERT, key, &holder, &run_id).or_else(|error| match ora_code(&error) {
                    ORA_DUPLICATE => Ok(0),
                    _ => Err(error),
                })?
            }
            Some(seen) => {
                execute(session, CLAIM, &[BindValue::Text(&run_id), integer(last_epoch), job, target, BindValue::Text(&seen.run_id)])?
            }
        };
        // The row is locked now, so no other run of the job changes the marks; they may have changed since the plan was made.
        if claimed != 1 || read_marks(session, key)?.1 != state.marks {
            // Nothing was changed, and the next run will say so too if this fails.
            let _ = session.rollback();
            return Err(key.taken_over());
        }
        // No row has moved.
        session.commit().map_err(|e| with_remedy(e.into_error(Phase::Commit, Some(STATE_TABLE)), "run the job again"))?;
        let mark = state.mark().cloned();
        Ok(Claim {
            key: key.clone(),
            asked: state.asked.clone(),
            run_id,
            epoch,
            table_id: RefCell::new(state.table_id.clone()),
            has_mark: Cell::new(mark.is_some()),
            superseded: state.superseded.clone(),
            in_commit: RefCell::new(mark.clone()),
            committed: RefCell::new(mark),
        })
    }

    /// At the begin of the first transaction: the marks of rows that go with this run are forgotten in the transaction that removes the rows,
    /// and before they are removed. So another job that adds rows at the same time either has them removed or keeps its mark.
    pub fn enter(&self, session: &Session, action: TableAction) -> Result<()> {
        let target = self.key.target();
        if action == TableAction::Create {
            *self.table_id.borrow_mut() = table_id(session, &self.key.table)?;
        }
        let id = self.table_id.borrow();
        match action {
            TableAction::Create if *id != UNKNOWN_TABLE => {
                execute(session, FORGET_EARLIER_TABLES, &[BindValue::Text(&target), BindValue::Text(&id)])?
            }
            TableAction::Create | TableAction::Replace => execute(session, FORGET_ALL, &[BindValue::Text(&target)])?,
            _ => return Ok(()),
        };
        self.has_mark.set(false);
        Ok(())
    }

    /// Writes the mark in the open transaction. The caller commits, and then calls [`Self::committed`].
    ///
    /// # Errors
    /// [`Error::Usage`] when another run has taken over, or the table is another one.
    pub fn write(&self, session: &Session, done: &Done) -> Result<()> {
        let target = self.key.target();
        let holder = [BindValue::Text(&self.key.job), BindValue::Text(&target), BindValue::Text(&self.run_id)];
        if execute(session, HOLD, &holder)? != 1 {
            return Err(self.key.taken_over());
        }
        let id = self.table_id.borrow().clone();
        // The rows of the transaction keep the table from being dropped until the commit.
        if table_id(session, &self.key.table)? != id {
            return Err(Error::Usage {
                message: format!("{target} has been dropped and created anew while the job was running"),
                remedy: "run the job again when nobody changes the table".into(),
            });
        }
        let mark = Mark {
            source: self.key.source.clone(),
            epoch: self.epoch,
            rows_done: done.rows,
            rows_rejected: done.rows_rejected,
            reject_files: done.reject_files.clone(),
            complete: done.complete,
            updated_at: String::new(),
            asked: self.asked.clone(),
            table_id: id,
        };
        let statement = if self.has_mark.get() { UPDATE } else { INSERT };
        if write_mark(session, statement, &self.key, &mark, &self.run_id)? != 1 {
            return Err(self.key.taken_over());
        }
        self.has_mark.set(true);
        for source in &self.superseded {
            execute(session, FORGET_ONE, &[BindValue::Text(&self.key.job), BindValue::Text(&target), BindValue::Text(source)])?;
        }
        *self.in_commit.borrow_mut() = Some(mark);
        Ok(())
    }

    /// The commit has returned.
    pub fn committed(&self) {
        *self.committed.borrow_mut() = self.in_commit.borrow().clone();
    }

    /// Whether the commit after the last [`Self::write`] has happened, asked in a session of its own. It locks the row `*`, which is free when the
    /// database has ended the lost transaction: so what is read is final. Asked until then, for a minute or until `cancel`.
    ///
    /// # Errors
    /// The row cannot be locked or read, or another run has taken it over: the outcome stays unknown.
    pub fn outcome(&self, session: &Session, cancel: &Cancel) -> Result<CommitOutcome> {
        let began = Instant::now();
        let holder = when_free(|| self.lock_holder(session), || began.elapsed() >= END_OF_LOST || cancel.is_requested())?;
        let marks = read_marks(session, &self.key)?.1;
        session.rollback().map_err(|e| e.into_error(Phase::Rollback, Some(STATE_TABLE)))?;
        if holder.as_ref() != Some(&self.run_id) {
            return Err(self.key.taken_over());
        }
        let found = marks.into_iter().find(|mark| mark.source == self.key.source).map(progress_of);
        let is = |mark: &RefCell<Option<Mark>>| mark.borrow().clone().map(progress_of) == found;
        match (is(&self.in_commit), is(&self.committed)) {
            (true, false) => Ok(CommitOutcome::Committed),
            (false, true) => Ok(CommitOutcome::RolledBack),
            _ => Err(self.key.taken_over()),
        }
    }

    fn lock_holder(&self, session: &Session) -> Result<Option<String>> {
        let target = self.key.target();
        let mut holder = None;
        session.query_bound(Phase::Describe, HOLDER, &[BindValue::Text(&self.key.job), BindValue::Text(&target)], &mut |cells| {
            holder = cells.first().cloned().flatten();
            Ok(())
        })?;
        Ok(holder)
    }
}

/// Asks until what is asked for is not locked, or the caller gives up.
fn when_free<T>(mut ask: impl FnMut() -> Result<T>, gives_up: impl Fn() -> bool) -> Result<T> {
    loop {
        match ask() {
            Err(error) if ora_code(&error) == ORA_BUSY && !gives_up() => std::thread::sleep(ASK_AGAIN),
            answer => return answer,
        }
    }
}

/// What a commit changes.
fn progress_of(mark: Mark) -> (u64, u64, bool, String) {
    (mark.epoch, mark.rows_done, mark.complete, mark.table_id)
}

fn write_mark(session: &Session, statement: &str, key: &JobKey, mark: &Mark, run_id: &str) -> Result<u64> {
    let target = key.target();
    let values = [
        integer(mark.epoch),
        integer(mark.rows_done),
        integer(mark.rows_rejected),
        BindValue::Text(&mark.reject_files),
        BindValue::Integer(i64::from(mark.complete)),
        BindValue::Text(&mark.asked),
        BindValue::Text(&mark.table_id),
        BindValue::Text(run_id),
        BindValue::Text(&key.job),
        BindValue::Text(&target),
        BindValue::Text(&mark.source),
    ];
    execute(session, statement, &values)
}

fn execute(session: &Session, sql: &str, binds: &[BindValue<'_>]) -> Result<u64> {
    session.execute_bound(Phase::Execute, Some(STATE_TABLE), sql, binds)
}

fn integer<'a>(rows: u64) -> BindValue<'a> {
    BindValue::Integer(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// 128 bits that no other run has: the keys of `RandomState` come from the operating system, the time and the process make them differ also
/// where two values of one process are drawn.
fn new_run_id() -> String {
    let half = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        hasher.write_u128(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos()));
        hasher.finish()
    };
    format!("{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(ora_code: i32) -> Error {
        Error::Database {
            phase: Phase::Describe,
            table: None,
            ora_code,
            message: String::new(),
            remedy: String::new(),
            session_dead: false,
        }
    }

    #[test]
    fn a_row_that_is_locked_is_asked_for_again_until_the_caller_gives_up() {
        let asked = Cell::new(0);
        let busy_twice = || {
            asked.set(asked.get() + 1);
            if asked.get() < 3 { Err(refused(ORA_BUSY)) } else { Ok(asked.get()) }
        };
        assert_eq!(when_free(busy_twice, || false).unwrap(), 3);
        assert_eq!(ora_code(&when_free(|| Err::<(), _>(refused(ORA_BUSY)), || true).unwrap_err()), ORA_BUSY);
        assert_eq!(ora_code(&when_free(|| Err::<(), _>(refused(942)), || false).unwrap_err()), 942);
    }

    #[test]
    fn run_ids_differ() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| new_run_id()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }
}
