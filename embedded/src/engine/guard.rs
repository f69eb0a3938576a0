//! Transaction Guard: with `OLBRIDGE_EMBEDDED_TRANSACTION_GUARD=1`, as with a service that has COMMIT_OUTCOME, every commit leaves its number in the
//! database, in the transaction itself, and DBMS_APP_CONT.GET_LTXID_OUTCOME answers from there. Without it sessions have no logical transaction ID.

use rusqlite::{Connection, OptionalExtension, params};

use super::{OraError, Result};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS ora_ltxid (session BLOB PRIMARY KEY, commits INTEGER NOT NULL, is_closed INTEGER NOT NULL)";
const SESSION_BYTES: usize = 16;

/// A session's side: which it is, and how many commits its client knows of.
pub(super) struct Guard {
    session: [u8; SESSION_BYTES],
    commits: u64,
}

/// What the database knows of a logical transaction.
pub(super) struct Outcome {
    pub committed: bool,
    pub call_completed: bool,
}

impl Guard {
    /// `None` unless the environment asks for it.
    pub fn new(connection: &Connection) -> Result<Option<Guard>> {
        if std::env::var_os("OLBRIDGE_EMBEDDED_TRANSACTION_GUARD").is_none_or(|value| value != "1") {
            return Ok(None);
        }
        connection.execute_batch(TABLE)?;
        let session = connection.query_row("SELECT randomblob(16)", [], |row| row.get(0))?;
        Ok(Some(Guard { session, commits: 0 }))
    }

    /// The logical transaction ID (LTXID) of the next commit.
    pub fn ltxid(&self) -> Vec<u8> {
        [&self.session[..], &self.commits.to_be_bytes()].concat()
    }

    /// Leaves the number of the commit in the transaction that it ends.
    pub fn record(&self, connection: &Connection) -> Result<()> {
        let sql = "INSERT INTO ora_ltxid VALUES (?1, ?2, 0) ON CONFLICT (session) DO UPDATE SET commits = ?2 WHERE is_closed = 0";
        match connection.prepare_cached(sql)?.execute(params![self.session, self.commits as i64 + 1])? {
            0 => Err(OraError::new(14_906, "the outcome of this session's transaction was asked for, so that it commits no more")),
            _ => Ok(()),
        }
    }

    /// The commit has happened.
    pub fn committed(&mut self) {
        self.commits += 1;
    }
}

/// What became of a logical transaction. One that has not committed does not commit any more.
pub(super) fn outcome(connection: &Connection, ltxid: &[u8]) -> Result<Outcome> {
    if !connection.is_autocommit() {
        return Err(OraError::new(14_908, "cannot invoke get LTXID outcome while a transaction is open"));
    }
    let Some((session, number)) = ltxid.split_first_chunk::<SESSION_BYTES>() else { return Err(corrupt()) };
    let number = u64::from_be_bytes(number.try_into().map_err(|_| corrupt())?);
    connection.execute_batch(TABLE)?;
    // The answer is as lasting as a commit: whoever still holds the transaction finds the session closed.
    let close = "INSERT INTO ora_ltxid VALUES (?1, ?2, 1) ON CONFLICT (session) DO UPDATE SET is_closed = 1";
    let known =
        connection.query_row("SELECT commits FROM ora_ltxid WHERE session = ?", [session], |row| row.get::<_, i64>(0)).optional()?;
    if known.unwrap_or(0) as u64 == number {
        connection.execute(close, params![session, number as i64])?;
    }
    let commits = connection.query_row("SELECT commits FROM ora_ltxid WHERE session = ?", [session], |row| row.get::<_, i64>(0));
    match (commits.optional()?.unwrap_or(0) as u64).checked_sub(number) {
        Some(0) => Ok(Outcome { committed: false, call_completed: false }),
        Some(1) => Ok(Outcome { committed: true, call_completed: true }),
        Some(_) => Err(OraError::new(14_950, "the server is ahead of the client: the transaction is an old one and has committed")),
        None => Err(OraError::new(14_951, "the client is ahead of the server: the outcome cannot be determined")),
    }
}

fn corrupt() -> OraError {
    OraError::new(14_951, "no logical transaction ID of this database")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Connection, Guard) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLE).unwrap();
        (connection, Guard { session: [7; SESSION_BYTES], commits: 0 })
    }

    fn ask(connection: &Connection, ltxid: &[u8]) -> std::result::Result<bool, i32> {
        outcome(connection, ltxid).map(|outcome| outcome.committed).map_err(|error| error.code)
    }

    #[test]
    fn a_commit_is_known_by_its_number() {
        let (connection, mut guard) = pair();
        let ids: Vec<Vec<u8>> = (0..3)
            .map(|_| {
                let id = guard.ltxid();
                guard.record(&connection).unwrap();
                guard.committed();
                id
            })
            .collect();
        assert_eq!(ids.iter().map(|id| ask(&connection, id)).collect::<Vec<_>>(), [Err(14_950), Err(14_950), Ok(true)]);
        guard.committed();
        assert_eq!(ask(&connection, &guard.ltxid()), Err(14_951));
        assert_eq!(ask(&connection, b"short"), Err(14_951));
    }

    #[test]
    fn what_has_not_committed_when_it_is_asked_for_never_does() {
        let (connection, mut guard) = pair();
        assert_eq!(ask(&connection, &guard.ltxid()), Ok(false));
        assert_eq!(guard.record(&connection).unwrap_err().code, 14_906);
        assert_eq!(ask(&connection, &guard.ltxid()), Ok(false));
        // Another session is another matter.
        guard.session = [8; SESSION_BYTES];
        guard.record(&connection).unwrap();
        assert_eq!(ask(&connection, &guard.ltxid()), Ok(true));
        connection.execute_batch("BEGIN").unwrap();
        assert_eq!(ask(&connection, &guard.ltxid()), Err(14_908));
    }
}
