//! A commit in doubt: its outcome is asked for, never guessed.

use crate::oci::Session;

/// What became of a commit whose answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It has happened.
    Committed,
    /// It has not happened and never will: nothing of the transaction is in the database.
    RolledBack,
    /// Nobody can say, and why.
    Unknown(String),
}

/// Asks a new session, by Transaction Guard, what became of the last commit of one whose connection was lost.
pub fn outcome_of_last_commit(lost: &Session, new: &Session) -> CommitOutcome {
    let Some(id) = lost.last_commit_id() else {
        return CommitOutcome::Unknown("the service has no Transaction Guard (COMMIT_OUTCOME), or the client is older than 12.1".into());
    };
    match new.logical_transaction_outcome(&id) {
        Ok(outcome) if outcome.committed => CommitOutcome::Committed,
        Ok(_) => CommitOutcome::RolledBack,
        Err(error) => {
            let why = error.to_string().lines().next().unwrap_or_default().to_owned();
            CommitOutcome::Unknown(format!("Transaction Guard does not tell: {why}"))
        }
    }
}
