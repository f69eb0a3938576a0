//! What a named job has done: one row of `OLBRIDGE_STATE` for each job, table and source, its *mark*. It is written in the same transaction as the
//! rows, so that whoever reads it knows which rows are there: after a kill, and when the answer to a commit was lost. One more row for each job and
//! table, whose source is `*`, says which run may write (see `claim.rs`).

use crate::error::{Error, Phase, Result};
use crate::lake::stamp::FileStamps;
use crate::oci::{BindValue, Session};
use crate::oracle_type::TableName;

/// The table, in the schema of whoever runs the job.
pub const STATE_TABLE: &str = "OLBRIDGE_STATE";
/// Most bytes of a job's name.
pub const MAX_JOB_NAME_BYTES: usize = 128;
/// Most bytes of the names of files with refused rows.
pub(super) const MAX_REJECT_FILES_BYTES: usize = 4000;
/// Stands for the id of a table that the dictionary does not tell.
pub(super) const UNKNOWN_TABLE: &str = "-";

const CREATE: &str = "CREATE TABLE OLBRIDGE_STATE (
  JOB           VARCHAR2(128) NOT NULL,
  TARGET        VARCHAR2(261) NOT NULL,
  SOURCE        VARCHAR2(128) NOT NULL,
  EPOCH         NUMBER(19) NOT NULL,
  ROWS_DONE     NUMBER(19) NOT NULL,
  ROWS_REJECTED NUMBER(19) NOT NULL,
  REJECT_FILES  VARCHAR2(4000),
  COMPLETE      NUMBER(1) NOT NULL,
  ASKED         VARCHAR2(32) NOT NULL,
  TABLE_ID      VARCHAR2(40) NOT NULL,
  RUN_ID        VARCHAR2(32) NOT NULL,
  UPDATED_AT    TIMESTAMP(6) NOT NULL,
  PRIMARY KEY (JOB, TARGET, SOURCE)
)";
const SELECT: &str = "SELECT SOURCE, EPOCH, ROWS_DONE, ROWS_REJECTED, REJECT_FILES, COMPLETE, ASKED, TABLE_ID, RUN_ID, UPDATED_AT \
     FROM OLBRIDGE_STATE WHERE JOB = :1 AND TARGET = :2 ORDER BY SOURCE";
/// A table, a view or a synonym has its own name in the schema; a materialized view is also a table.
const TABLE_ID: &str = "SELECT OBJECT_ID FROM ALL_OBJECTS WHERE OWNER = :1 AND OBJECT_NAME = :2 \
     AND OBJECT_TYPE IN ('TABLE', 'VIEW', 'SYNONYM')";

/// ORA-00904, ORA-00942: no such column, no such view.
const DICTIONARY_LACKS: [i32; 2] = [904, 942];
/// ORA-00955: name is already used by an existing object.
const ORA_NAME_IN_USE: i32 = 955;

/// Which row of the state table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobKey {
    /// Name of the job.
    pub job: String,
    /// The table, always with its schema: `SCHEMA.TABLE` is what the row says.
    pub table: TableName,
    /// Fingerprint of files; the id of a Delta table.
    pub source: String,
}

impl JobKey {
    /// As the row says it.
    pub fn target(&self) -> String {
        self.table.to_string()
    }

    pub fn taken_over(&self) -> Error {
        Error::Usage {
            message: format!("job {}: another run into {} has begun meanwhile; this one has changed nothing more", self.job, self.target()),
            remedy: "wait for the other run; run the job again if that one fails".into(),
        }
    }

    /// The statement by which a user says that the mark of `source` does not hold.
    pub fn forget_statement(&self, source: &str) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let (job, target, source) = (quoted(&self.job), quoted(&self.target()), quoted(source));
        format!("DELETE FROM {STATE_TABLE} WHERE JOB = {job} AND TARGET = {target} AND SOURCE = {source}")
    }
}

/// A row of the state table.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Mark {
    /// What was loaded.
    pub source: String,
    /// Counts the sources of a job and table: a later load has a higher one.
    pub epoch: u64,
    /// Rows of the source, from its first on, that are done and committed.
    pub rows_done: u64,
    /// Of those, how many were refused.
    pub rows_rejected: u64,
    /// Where those are: a line for each file, its name and, after a tab, its name until it is complete.
    pub reject_files: String,
    /// All rows are done.
    pub complete: bool,
    /// When the row was last written, by the database's clock.
    pub updated_at: String,
    /// Digest of the options that say which rows become what.
    pub asked: String,
    /// Number of the table in the dictionary.
    pub table_id: String,
}

impl Mark {
    /// Whether rows of the source are in the table.
    pub fn has_rows(&self) -> bool {
        self.complete || self.rows_done > 0
    }
}

/// The row that says which run may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub run_id: String,
    /// The last that was given.
    pub epoch: u64,
}

/// What the state table says of a job before it runs.
#[derive(Debug)]
pub(super) struct JobState {
    pub key: JobKey,
    pub state_table_exists: bool,
    pub holder: Option<Holder>,
    /// One for each source, in their order.
    pub marks: Vec<Mark>,
    /// Digest of what is asked for now.
    pub asked: String,
    /// Of the table that is there.
    pub table_id: String,
    /// The files as they were before the fingerprint was taken.
    pub stamps: FileStamps,
    /// Marks that go when this one is written: of earlier versions of the same table.
    pub superseded: Vec<String>,
}

impl JobState {
    /// Reads it; changes nothing.
    pub fn read(session: &Session, key: JobKey, asked: String, stamps: FileStamps) -> Result<Self> {
        let table = TableName { schema: None, table: STATE_TABLE.into() };
        let state_table_exists = session.describe_table(&table)?.is_some();
        let (holder, marks) = if state_table_exists { read_marks(session, &key)? } else { Default::default() };
        let table_id = table_id(session, &key.table)?;
        Ok(JobState { key, state_table_exists, holder, marks, asked, table_id, stamps, superseded: Vec::new() })
    }

    /// The mark of this source.
    pub fn mark(&self) -> Option<&Mark> {
        self.marks.iter().find(|mark| mark.source == self.key.source)
    }

    /// Another source of the same job and table of which some rows are there and some are not.
    pub fn unfinished(&self) -> Option<&Mark> {
        self.marks.iter().find(|mark| mark.source != self.key.source && !mark.complete && mark.rows_done > 0)
    }

    /// Whether no other source was loaded after this one.
    pub fn is_latest(&self, mark: &Mark) -> bool {
        self.marks.iter().filter(|other| other.has_rows()).all(|other| other.epoch <= mark.epoch)
    }

    /// Whether the mark is of the table that is there, as far as the dictionary tells.
    pub fn is_same_table(&self, mark: &Mark) -> bool {
        mark.table_id == self.table_id || [&mark.table_id, &self.table_id].iter().any(|id| *id == UNKNOWN_TABLE)
    }

    /// The epoch of the next source, or of what goes on.
    pub fn epoch(&self, goes_on: bool) -> u64 {
        let next = self.holder.as_ref().map_or(0, |holder| holder.epoch) + 1;
        self.mark().filter(|_| goes_on).map_or(next, |mark| mark.epoch)
    }
}

/// The number of a table in the dictionary: another table of the same name has another one.
pub(super) fn table_id(session: &Session, table: &TableName) -> Result<String> {
    let mut id = None;
    let names = [table.schema.as_deref().unwrap_or_default(), &table.table].map(BindValue::Text);
    let found = session.query_bound(Phase::Describe, TABLE_ID, &names, &mut |cells| {
        id = cells.first().cloned().flatten();
        Ok(())
    });
    match found {
        // A server that speaks Oracle's protocol without Oracle's dictionary.
        Err(error) if DICTIONARY_LACKS.contains(&ora_code(&error)) => Ok(UNKNOWN_TABLE.into()),
        found => found.map(|_| id.unwrap_or_else(|| UNKNOWN_TABLE.into())),
    }
}

/// What the state table says of the job and table now.
pub(super) fn read_marks(session: &Session, key: &JobKey) -> Result<(Option<Holder>, Vec<Mark>)> {
    let (mut holder, mut marks) = (None, Vec::new());
    session.query_bound(Phase::Describe, SELECT, &[BindValue::Text(&key.job), BindValue::Text(&key.target())], &mut |cells| {
        let (mark, run_id) = mark_of(cells).ok_or_else(unreadable)?;
        match mark.source.as_str() {
            "*" => holder = Some(Holder { run_id, epoch: mark.epoch }),
            _ => marks.push(mark),
        }
        Ok(())
    })?;
    Ok((holder, marks))
}

fn mark_of(cells: &[Option<String>]) -> Option<(Mark, String)> {
    let [
        Some(source),
        Some(epoch),
        Some(rows_done),
        Some(rows_rejected),
        reject_files,
        Some(complete),
        Some(asked),
        Some(table_id),
        Some(run_id),
        Some(updated_at),
    ] = cells
    else {
        return None;
    };
    let mark = Mark {
        source: source.clone(),
        epoch: epoch.parse().ok()?,
        rows_done: rows_done.parse().ok()?,
        rows_rejected: rows_rejected.parse().ok()?,
        reject_files: reject_files.clone().unwrap_or_default(),
        complete: complete == "1",
        updated_at: updated_at.clone(),
        asked: asked.clone(),
        table_id: table_id.clone(),
    };
    Some((mark, run_id.clone()))
}

fn unreadable() -> Error {
    Error::Usage {
        message: format!("the table {STATE_TABLE} holds a row that olbridge has not written"),
        remedy: format!("olbridge sql TARGET \"select * from {STATE_TABLE}\"; drop the table if it is not olbridge's"),
    }
}

/// Another run may create it at the same time.
pub(super) fn create_state_table(session: &Session) -> Result<()> {
    match session.execute_sql(Phase::Ddl, Some(STATE_TABLE), CREATE) {
        Err(error) if ora_code(&error) == ORA_NAME_IN_USE => Ok(()),
        Err(Error::Database { phase, table, ora_code: 1031, message, session_dead, .. }) => {
            let remedy = format!("have someone with the right to create tables run this once, or leave out --job:\n{CREATE}");
            Err(Error::Database { phase, table, ora_code: 1031, message, remedy, session_dead })
        }
        other => other.map(drop),
    }
}

pub(super) fn ora_code(error: &Error) -> i32 {
    match error {
        Error::Database { ora_code, .. } => *ora_code,
        _ => 0,
    }
}
