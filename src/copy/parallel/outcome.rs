//! What is in the table after a parallel load that did not get to its end.

use super::board::Board;
use crate::copy::failure::annotate;
use crate::copy::format::count;
use crate::error::Error;
use crate::load::Dml;
use crate::transaction::commit_outcome_unknown;

/// What a failed load leaves, beside its error.
pub(super) struct Left<'a> {
    pub board: &'a Board<'a>,
    pub table: &'a str,
    pub dml: Dml,
    /// Rows are spread by key, so that no stretches of the source tell which they are.
    pub by_key: bool,
    pub sessions: usize,
    /// The load has made the table, and drops it when it fails, unless a commit is in doubt.
    pub drops_table: bool,
}

impl Left<'_> {
    /// The commit of a session (0-based) has failed: the error with what is in the table now, and whether that is not known.
    pub fn after_commit(&self, session: usize, error: Error) -> (Error, bool) {
        let is_unknown = commit_outcome_unknown(&error);
        let tallies = self.board.tallies();
        let (committed_rows, open_rows) = (tallies.iter().map(|tally| tally.rows_committed).sum::<u64>(), tallies[session].rows_open);
        let (committed, open) = self.board.stretches(session);
        let (table, sessions, number) = (self.table, self.sessions, session + 1);
        let is_dropped = self.drops_table && !is_unknown;
        let error = without_remedy_to_repeat(error, self.remedy(is_unknown || (committed_rows > 0 && !is_dropped)));
        let mut notes = vec![format!("it was the commit of session {number} of {sessions}")];
        if is_unknown {
            let which = if self.by_key { String::new() } else { format!(" ({open})") };
            notes
                .push(format!("its answer was lost: either all of its {}{which} are in {table}, or none of them", count(open_rows, "row")));
        }
        notes.push(match committed_rows {
            _ if is_dropped => format!("{table} was made by this load and goes with all rows"),
            0 => format!("no other session has committed: nothing else of this load is in {table}"),
            rows if self.by_key => format!("{} of other sessions had been committed before and stay in {table}", count(rows, "row")),
            rows => format!("{} had been committed before and stay in {table}: {committed}", count(rows, "row")),
        });
        notes.push("all others are rolled back".to_owned());
        (notes.iter().fold(error, |error, note| annotate(error, note)), is_unknown)
    }

    /// Rows that `--commit-rows` has committed before the load failed.
    pub fn after_failure(&self, error: Error) -> Error {
        let rows: u64 = self.board.tallies().iter().map(|tally| tally.rows_committed).sum();
        if rows == 0 || self.drops_table || matches!(error, Error::Interrupted { .. }) {
            return error;
        }
        let (committed, _) = self.board.stretches(0);
        let which = if self.by_key { String::new() } else { format!(": {committed}") };
        annotate(error, &format!("{} had been committed before and are in {}{which}", count(rows, "row"), self.table))
    }

    fn remedy(&self, is_partial: bool) -> &'static str {
        match (self.dml, is_partial) {
            (_, false) => "run the job again",
            (Dml::Insert, true) => "take the rows that are there away, or load the others alone, before running the job again",
            (Dml::Upsert | Dml::Update | Dml::Delete, true) => {
                "run the job again: what has been done by key is done once more, to the same end"
            }
        }
    }
}

/// What the database says to do after a failed commit may not hold when others have committed.
fn without_remedy_to_repeat(error: Error, remedy: &str) -> Error {
    match error {
        Error::Database { phase, table, ora_code, message, session_dead, .. } => {
            Error::Database { phase, table, ora_code, message, remedy: remedy.to_owned(), session_dead }
        }
        other => other,
    }
}
