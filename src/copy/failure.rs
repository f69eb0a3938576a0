//! How a run fails: what is known of its commit, and what the error says beside itself.

use super::named_job::RunningJob;
use super::progress::Cancel;
use super::rejects::Rejects;
use crate::error::{Error, PlanProblem};
use crate::oci::Session;
use crate::transaction::{CommitOutcome, ORA_CANCELLED, commit_outcome_unknown, outcome_of_last_commit};

/// An error within the transaction, and whether a commit may have happened all the same.
pub(super) struct Failure {
    pub error: Error,
    pub outcome_unknown: bool,
}

impl Failure {
    pub fn of_commit(error: Error) -> Self {
        Failure { outcome_unknown: commit_outcome_unknown(&error), error }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, outcome_unknown: false }
    }
}

/// What the error's own remedy says does not hold: run again, the job may load its rows a second time.
pub(super) fn unknown_outcome(error: Error, table: &str) -> Error {
    match error {
        Error::Database { phase, table: place, ora_code, message, session_dead, .. } => Error::Database {
            phase,
            table: place,
            ora_code,
            message: format!("{message}\n  the answer to the commit was lost: either all rows of the transaction are in {table}, or none"),
            remedy: format!(
                "count the rows of {table} before running the job again; with --job NAME, or a service with Transaction Guard, olbridge would know"
            ),
            session_dead,
        },
        other => annotate(other, &format!("the answer to the commit was lost: count the rows of {table} before running the job again")),
    }
}

/// Finds out what became of a commit whose answer was lost. `Ok`, with the error that hid it, if it has happened; a failure that is no such thing is returned as it is.
pub(super) fn establish(failure: Failure, job: Option<&RunningJob>, session: &mut Session, cancel: &Cancel) -> Result<Error, Failure> {
    if !failure.outcome_unknown {
        return Err(failure);
    }
    let Some(job) = job else { return ask_transaction_guard(failure, session) };
    let (note, outcome_unknown) = match job.outcome(session, cancel) {
        Ok(CommitOutcome::Committed) => return Ok(failure.error),
        Ok(CommitOutcome::RolledBack) => ("the commit has not happened, as the job's mark says: run the job again".to_owned(), false),
        Ok(CommitOutcome::Unknown(why)) => (why, true),
        Err(error) => {
            (format!("whether the commit has happened could not be asked ({}): run the job again, it will know", first_line(&error)), true)
        }
    };
    Err(Failure { error: annotate(failure.error, &note), outcome_unknown })
}

/// Without a mark of the job's own there is Transaction Guard, where the service has it, if the connection is gone.
fn ask_transaction_guard(failure: Failure, session: &mut Session) -> Result<Error, Failure> {
    if session.last_commit_id().is_none() || !is_session_dead(&failure.error) {
        return Err(failure);
    }
    let asked = session.reconnect().map(|new| {
        let outcome = outcome_of_last_commit(session, &new);
        *session = new;
        outcome
    });
    let (note, outcome_unknown) = match asked {
        Ok(CommitOutcome::Committed) => return Ok(failure.error),
        Ok(CommitOutcome::RolledBack) => ("the commit has not happened, as Transaction Guard says: run the job again".to_owned(), false),
        Ok(CommitOutcome::Unknown(why)) => (why, true),
        Err(error) => (format!("Transaction Guard could not be asked ({})", first_line(&error)), true),
    };
    Err(Failure { error: annotate(failure.error, &note), outcome_unknown })
}

/// A call that the cancel itself broke off is an interruption, not an error of the database.
pub(super) fn was_broken_off(error: &Error, cancel: &Cancel) -> bool {
    let code = match error {
        Error::Database { ora_code, .. } => *ora_code,
        Error::Row(row) => row.ora_code.unwrap_or(0),
        _ => 0,
    };
    code == ORA_CANCELLED && cancel.is_requested()
}

pub(super) fn is_session_dead(error: &Error) -> bool {
    matches!(error, Error::Database { session_dead: true, .. })
}

pub(super) fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Refused rows are kept also when the job fails: they say what is wrong with the source, and with `--commit-rows` they are nowhere else.
pub(super) fn name_rejects(error: Error, rejects: &Rejects) -> Error {
    match rejects.publish() {
        Ok(None) => error,
        Ok(Some((path, rows))) => annotate(error, &format!("{rows} rows that were refused before are in {}", path.display())),
        Err(failed) => annotate(error, &first_line(&failed)),
    }
}

/// Rows that had been committed went with the dropped table.
pub(super) fn forget_committed(error: Error) -> Error {
    match error {
        Error::Interrupted { table, rows_rolled_back, rows_committed } => {
            Error::Interrupted { table, rows_rolled_back: rows_rolled_back + rows_committed, rows_committed: 0 }
        }
        other => other,
    }
}

/// Adds a sentence to what the user should do next.
pub(super) fn annotate(mut error: Error, note: &str) -> Error {
    let add = |remedy: &mut String| *remedy = format!("{remedy}\n  note: {note}");
    match &mut error {
        Error::Usage { remedy, .. } | Error::Connect { remedy, .. } | Error::Database { remedy, .. } | Error::Source { remedy, .. } => {
            add(remedy)
        }
        Error::Row(row) => add(&mut row.remedy),
        Error::Plan { problems, .. } => problems.push(PlanProblem { column: None, reason: note.to_owned(), remedy: "see above".into() }),
        Error::Interrupted { table, .. } => *table = format!("{table}; {note}"),
        // No load ends so.
        Error::ExportInterrupted { .. } | Error::ClosedOutput | Error::Preflight { .. } => {}
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_follow_the_remedy() {
        let error = Error::Usage { message: "m".into(), remedy: "r".into() };
        assert_eq!(annotate(error, "n").to_string(), "m\n  try: r\n  note: n");
        let error = Error::Interrupted { table: "T".into(), rows_rolled_back: 5, rows_committed: 2 };
        assert!(annotate(error, "could not be dropped").to_string().contains("could not be dropped"));
    }

    #[test]
    fn a_dropped_table_takes_committed_rows_with_it() {
        let error = forget_committed(Error::Interrupted { table: "T".into(), rows_rolled_back: 5, rows_committed: 2 });
        assert_eq!(error.to_string(), "interrupted: rolled back, 7 rows are not in T");
    }
}
