//! How a run fails: what is known of its commit, and what the error says beside itself.

use super::claim::CommitOutcome;
use super::named_job::RunningJob;
use super::plan::TableAction;
use super::progress::Cancel;
use super::rejects::Rejects;
use crate::error::{Error, PlanProblem};
use crate::oci::Session;
use crate::transaction::{self, ORA_CANCELLED, commit_outcome_unknown, outcome_of_last_commit};

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

/// Between a remedy and what is said beside it.
const NOTE: &str = "\n  note: ";

/// What would have told whether a commit has happened.
pub(super) const JOB_OR_GUARD: &str = "with --job NAME, or a service with Transaction Guard, olbridge would know";
pub(super) const GUARD: &str = "with Transaction Guard in the service of the target, olbridge would know";

/// What the error's own remedy says does not hold: run again, the job may load its rows a second time.
pub(super) fn unknown_outcome(error: Error, table: &str, would_know: &str) -> Error {
    match error {
        Error::Database { phase, table: place, ora_code, message, session_dead, .. } => Error::Database {
            phase,
            table: place,
            ora_code,
            message: format!("{message}\n  the answer to the commit was lost: either all rows of the transaction are in {table}, or none"),
            remedy: format!("count the rows of {table} before anything is loaded again; {would_know}"),
            session_dead,
        },
        other => annotate(other, &format!("the answer to the commit was lost: count the rows of {table} before anything is loaded again")),
    }
}

/// Finds out what became of a commit whose answer was lost. `Ok`, with the error that hid it, if it has happened; a failure that is no such thing is returned as it is.
pub(super) fn establish(failure: Failure, job: Option<&RunningJob>, session: &mut Session, cancel: &Cancel) -> Result<Error, Failure> {
    if !failure.outcome_unknown {
        return Err(failure);
    }
    let Some(job) = job else { return ask_transaction_guard(failure, session) };
    let note = match job.outcome(session, cancel) {
        Ok(CommitOutcome::Committed) => return Ok(failure.error),
        Ok(CommitOutcome::RolledBack) => {
            return Err(not_committed(failure.error, "the commit has not happened, as the job's mark says"));
        }
        Err(error) => {
            format!("whether the commit has happened could not be asked ({}): run the job again, it will know", first_line(&error))
        }
    };
    Err(Failure { error: with_remedy(failure.error, &note), outcome_unknown: true })
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
    let note = match asked {
        Ok(transaction::CommitOutcome::Committed) => return Ok(failure.error),
        Ok(transaction::CommitOutcome::RolledBack) => {
            return Err(not_committed(failure.error, "the commit has not happened, as Transaction Guard says"));
        }
        Ok(transaction::CommitOutcome::Unknown(why)) => why,
        Err(error) => format!("Transaction Guard could not be asked ({})", first_line(&error)),
    };
    Err(Failure { error: annotate(failure.error, &note), outcome_unknown: true })
}

fn not_committed(error: Error, note: &str) -> Failure {
    Failure { error: annotate(with_remedy(error, "run the job again"), note), outcome_unknown: false }
}

/// The error with another remedy in the place of its own; notes stay.
pub(super) fn with_remedy(mut error: Error, new: &str) -> Error {
    let replace = |remedy: &mut String| *remedy = format!("{new}{}", remedy.find(NOTE).map_or("", |at| &remedy[at..]));
    match &mut error {
        Error::Usage { remedy, .. } | Error::Connect { remedy, .. } | Error::Database { remedy, .. } | Error::Source { remedy, .. } => {
            replace(remedy);
        }
        Error::Row(row) => replace(&mut row.remedy),
        // They have none of their own.
        _ => return annotate(error, new),
    }
    error
}

/// Rows of a load have been committed and stay. Where they were added, an error's own remedy to run it all again would add them twice.
pub(super) fn with_rows_left(error: Error, action: TableAction) -> Error {
    let own = match &error {
        Error::Usage { remedy, .. } | Error::Connect { remedy, .. } | Error::Database { remedy, .. } | Error::Source { remedy, .. } => {
            remedy
        }
        Error::Row(row) => &row.remedy,
        _ => return error,
    };
    let own = own.split(NOTE).next().unwrap_or_default();
    match action == TableAction::Append && ["run the same command again", "run the job again"].iter().any(|again| own.contains(again)) {
        true => with_remedy(error, LOAD_THE_OTHERS),
        false => error,
    }
}

/// What to do when a part of the rows has been inserted for good.
pub(super) const LOAD_THE_OTHERS: &str = "take the rows that are there away, or load the others alone, before running the job again";

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
    let add = |remedy: &mut String| *remedy = format!("{remedy}{NOTE}{note}");
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
    fn rows_that_stay_are_not_to_be_inserted_again() {
        let lost = || Error::Usage { message: "m".into(), remedy: "the connection is lost: run the same command again".into() };
        assert_eq!(with_rows_left(lost(), TableAction::Append).to_string(), format!("m\n  try: {LOAD_THE_OTHERS}"));
        let noted = with_rows_left(annotate(lost(), "n"), TableAction::Append).to_string();
        assert_eq!(noted, format!("m\n  try: {LOAD_THE_OTHERS}\n  note: n"));
        assert!(with_rows_left(lost(), TableAction::Upsert).to_string().contains("run the same command again"));
        let other = Error::Usage { message: "m".into(), remedy: "ask for space".into() };
        assert_eq!(with_rows_left(other, TableAction::Append).to_string(), "m\n  try: ask for space");
    }

    #[test]
    fn a_dropped_table_takes_committed_rows_with_it() {
        let error = forget_committed(Error::Interrupted { table: "T".into(), rows_rolled_back: 5, rows_committed: 2 });
        assert_eq!(error.to_string(), "interrupted: rolled back, 7 rows are not in T");
    }
}
