//! What a named job has done: one row of `OLBRIDGE_STATE` for each job, table and source. It is written in the same transaction as the rows, so
//! that whoever reads it knows which rows are there: after a kill, and when the answer to a commit was lost.
//!
//! * Before the rows, a run *claims* the row: it puts its own id there and commits. A run that claimed it earlier can no longer commit.
//! * With every commit, the row says how many rows of the source are done, on condition that the claim still holds.
//! * When the answer to a commit is lost, another session locks the row, which waits until the database has ended the lost transaction, and reads.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use crate::error::{Error, Phase, Result};
use crate::oci::{BindValue, Session};
use crate::oracle_type::TableName;

/// The table, in the schema of whoever runs the job.
pub const STATE_TABLE: &str = "OLBRIDGE_STATE";
/// Most bytes of a job's name.
pub const MAX_JOB_NAME_BYTES: usize = 128;

const CREATE: &str = "CREATE TABLE OLBRIDGE_STATE (
  JOB        VARCHAR2(128) NOT NULL,
  TARGET     VARCHAR2(261) NOT NULL,
  SOURCE     VARCHAR2(128) NOT NULL,
  EPOCH      NUMBER(19) NOT NULL,
  ROWS_DONE  NUMBER(19) NOT NULL,
  COMPLETE   NUMBER(1) NOT NULL,
  RUN_ID     VARCHAR2(32) NOT NULL,
  UPDATED_AT TIMESTAMP(6) NOT NULL,
  PRIMARY KEY (JOB, TARGET, SOURCE)
)";
const SELECT: &str = "SELECT SOURCE, EPOCH, ROWS_DONE, COMPLETE, RUN_ID, UPDATED_AT FROM OLBRIDGE_STATE WHERE JOB = :1 AND TARGET = :2";
const INSERT: &str = "INSERT INTO OLBRIDGE_STATE (JOB, TARGET, SOURCE, EPOCH, ROWS_DONE, COMPLETE, RUN_ID, UPDATED_AT) \
     VALUES (:1, :2, :3, :4, 0, 0, :5, SYSTIMESTAMP)";
const CLAIM: &str = "UPDATE OLBRIDGE_STATE SET RUN_ID = :1, ROWS_DONE = :2, COMPLETE = 0, UPDATED_AT = SYSTIMESTAMP \
     WHERE JOB = :3 AND TARGET = :4 AND SOURCE = :5 AND RUN_ID = :6 AND ROWS_DONE = :7";
const PROGRESS: &str = "UPDATE OLBRIDGE_STATE SET ROWS_DONE = :1, COMPLETE = :2, UPDATED_AT = SYSTIMESTAMP \
     WHERE JOB = :3 AND TARGET = :4 AND SOURCE = :5 AND RUN_ID = :6 AND ROWS_DONE = :7";
const FENCE: &str = "UPDATE OLBRIDGE_STATE SET RUN_ID = :1 WHERE JOB = :2 AND TARGET = :3 AND SOURCE = :4 AND RUN_ID = :5";
const FORGET: &str = "DELETE FROM OLBRIDGE_STATE WHERE JOB = :1 AND TARGET = :2 AND SOURCE = :3 AND COMPLETE = 0";

/// ORA-00001: unique constraint violated.
const ORA_DUPLICATE: i32 = 1;
/// ORA-00955: name is already used by an existing object.
const ORA_NAME_IN_USE: i32 = 955;

/// Which row of the state table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobKey {
    /// Name of the job.
    pub job: String,
    /// `SCHEMA.TABLE`, as the dictionary has them.
    pub target: String,
    /// Fingerprint of files; the id of a Delta table.
    pub source: String,
}

/// A row of the state table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mark {
    /// What was loaded.
    pub source: String,
    /// Counts the sources of a job and table; for a Delta table its last version that was applied.
    pub epoch: u64,
    /// Rows of the source, from its first on, that are done and committed.
    pub rows_done: u64,
    /// All of them are.
    pub complete: bool,
    /// When the row was last written, by the database's clock.
    pub updated_at: String,
    #[serde(skip)]
    run_id: String,
}

/// What the state table says of a job before it runs.
#[derive(Debug)]
pub(super) struct JobState {
    key: JobKey,
    table_exists: bool,
    /// The row of this source.
    pub mark: Option<Mark>,
    /// Another source of the same job and table of which some rows are there and some are not.
    pub unfinished: Option<Mark>,
    last_epoch: u64,
}

impl JobState {
    /// Reads it; changes nothing.
    pub fn read(session: &Session, key: JobKey) -> Result<Self> {
        let table = TableName { schema: None, table: STATE_TABLE.into() };
        let table_exists = session.describe_table(&table)?.is_some();
        let marks = if table_exists { read_marks(session, &key)? } else { Vec::new() };
        let last_epoch = marks.iter().map(|mark| mark.epoch).max().unwrap_or(0);
        let (own, others): (Vec<Mark>, Vec<Mark>) = marks.into_iter().partition(|mark| mark.source == key.source);
        let unfinished = others.into_iter().find(|mark| !mark.complete && mark.rows_done > 0);
        Ok(JobState { key, table_exists, mark: own.into_iter().next(), unfinished, last_epoch })
    }

    /// Rows that were committed before.
    pub fn rows_done(&self) -> u64 {
        self.mark.as_ref().map_or(0, |mark| mark.rows_done)
    }

    /// The epoch of this source.
    pub fn epoch(&self) -> u64 {
        self.mark.as_ref().map_or(self.last_epoch + 1, |mark| mark.epoch)
    }

    /// Makes the row this run's own, and commits. `rows_done` is what it says from now on: 0 to begin again.
    ///
    /// # Errors
    /// [`Error::Usage`] when another run was faster.
    pub fn claim(&self, session: &Session, rows_done: u64) -> Result<Claim> {
        let run_id = new_run_id();
        if !self.table_exists {
            create_state_table(session)?;
        }
        let JobKey { job, target, source } = &self.key;
        let (job, target, source) = (BindValue::Text(job), BindValue::Text(target), BindValue::Text(source));
        let id = BindValue::Text(&run_id);
        let claimed = match &self.mark {
            None => {
                execute(session, INSERT, &[job, target, source, integer(self.epoch()), id]).or_else(|error| match ora_code(&error) {
                    ORA_DUPLICATE => Ok(0),
                    _ => Err(error),
                })?
            }
            Some(mark) => {
                let seen = [BindValue::Text(&mark.run_id), integer(mark.rows_done)];
                execute(session, CLAIM, &[id, integer(rows_done), job, target, source, seen[0], seen[1]])?
            }
        };
        if claimed != 1 {
            // Nothing was changed, and the next run will say so too if this fails.
            let _ = session.rollback();
            return Err(self.key.taken_over());
        }
        if let (Some(unfinished), 0) = (&self.unfinished, rows_done) {
            // Its rows go with the table's.
            execute(session, FORGET, &[job, target, BindValue::Text(&unfinished.source)])?;
        }
        session.commit().map_err(|e| e.into_error(Phase::Commit, Some(STATE_TABLE)))?;
        Ok(Claim { key: self.key.clone(), run_id, rows_done: Cell::new(rows_done), in_commit: Cell::new((rows_done, false)) })
    }
}

impl JobKey {
    fn taken_over(&self) -> Error {
        Error::Usage {
            message: format!(
                "job {}: another run of it into {} has begun meanwhile; this one has changed nothing more",
                self.job, self.target
            ),
            remedy: "wait for the other run; run the job again if that one fails".into(),
        }
    }
}

/// What came of a commit whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitOutcome {
    Committed,
    RolledBack,
}

/// The right of this run to write its row.
#[derive(Debug)]
pub(super) struct Claim {
    key: JobKey,
    run_id: String,
    /// Rows that the row says are done, as of the last commit.
    rows_done: Cell<u64>,
    /// What the row says if the commit that is under way happens.
    in_commit: Cell<(u64, bool)>,
}

impl Claim {
    /// Writes in the open transaction that the first `rows_done` rows of the source are done. The caller commits, and then calls
    /// [`Self::committed`].
    ///
    /// # Errors
    /// [`Error::Usage`] when another run has taken the row over.
    pub fn write(&self, session: &Session, rows_done: u64, complete: bool) -> Result<()> {
        let JobKey { job, target, source } = &self.key;
        let key = [BindValue::Text(job), BindValue::Text(target), BindValue::Text(source), BindValue::Text(&self.run_id)];
        let values = [integer(rows_done), BindValue::Integer(i64::from(complete))];
        let written = execute(session, PROGRESS, &[&values[..], &key[..], &[integer(self.rows_done.get())]].concat())?;
        if written != 1 {
            return Err(self.key.taken_over());
        }
        self.in_commit.set((rows_done, complete));
        Ok(())
    }

    /// The commit has returned.
    pub fn committed(&self) {
        self.rows_done.set(self.in_commit.get().0);
    }

    /// Whether the commit after the last [`Self::write`] has happened, asked in a session of its own. It locks the row, which waits until the
    /// database has ended the lost transaction: so what is read is final.
    ///
    /// # Errors
    /// The row cannot be read, or another run has taken it over: the outcome stays unknown.
    pub fn outcome(&self, session: &Session) -> Result<CommitOutcome> {
        let JobKey { job, target, source } = &self.key;
        let next_id = new_run_id();
        let key = [BindValue::Text(job), BindValue::Text(target), BindValue::Text(source), BindValue::Text(&self.run_id)];
        if execute(session, FENCE, &[&[BindValue::Text(&next_id)], &key[..]].concat())? != 1 {
            let _ = session.rollback();
            return Err(self.key.taken_over());
        }
        let found = read_marks(session, &self.key)?.into_iter().find(|mark| mark.source == self.key.source);
        session.commit().map_err(|e| e.into_error(Phase::Commit, Some(STATE_TABLE)))?;
        let before = (self.rows_done.get(), false);
        match found.map(|mark| (mark.rows_done, mark.complete)) {
            Some(found) if found == self.in_commit.get() => Ok(CommitOutcome::Committed),
            Some(found) if found == before => Ok(CommitOutcome::RolledBack),
            _ => Err(self.key.taken_over()),
        }
    }
}

fn read_marks(session: &Session, key: &JobKey) -> Result<Vec<Mark>> {
    let mut marks = Vec::new();
    session.query_bound(Phase::Describe, SELECT, &[BindValue::Text(&key.job), BindValue::Text(&key.target)], &mut |cells| {
        marks.push(mark_of(cells).ok_or_else(unreadable)?);
        Ok(())
    })?;
    Ok(marks)
}

fn mark_of(cells: &[Option<String>]) -> Option<Mark> {
    let [Some(source), Some(epoch), Some(rows_done), Some(complete), Some(run_id), Some(updated_at)] = cells else { return None };
    Some(Mark {
        source: source.clone(),
        epoch: epoch.parse().ok()?,
        rows_done: rows_done.parse().ok()?,
        complete: complete == "1",
        updated_at: updated_at.clone(),
        run_id: run_id.clone(),
    })
}

fn unreadable() -> Error {
    Error::Usage {
        message: format!("the table {STATE_TABLE} holds a row that olbridge has not written"),
        remedy: format!("olbridge sql TARGET \"select * from {STATE_TABLE}\"; drop the table if it is not olbridge's"),
    }
}

/// Another run may create it at the same time.
fn create_state_table(session: &Session) -> Result<()> {
    match session.execute_sql(Phase::Ddl, Some(STATE_TABLE), CREATE) {
        Err(error) if ora_code(&error) == ORA_NAME_IN_USE => Ok(()),
        Err(Error::Database { phase, table, ora_code: 1031, message, session_dead, .. }) => {
            let remedy = format!("have someone with the right to create tables run this once, or leave out --job:\n{CREATE}");
            Err(Error::Database { phase, table, ora_code: 1031, message, remedy, session_dead })
        }
        other => other.map(drop),
    }
}

fn execute(session: &Session, sql: &str, binds: &[BindValue<'_>]) -> Result<u64> {
    session.execute_bound(Phase::Execute, Some(STATE_TABLE), sql, binds)
}

fn ora_code(error: &Error) -> i32 {
    match error {
        Error::Database { ora_code, .. } => *ora_code,
        _ => 0,
    }
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

    #[test]
    fn run_ids_differ() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| new_run_id()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }
}
