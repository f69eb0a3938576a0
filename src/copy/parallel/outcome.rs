//! What is in the table after a parallel load that did not get to its end.

use super::board::Board;
use crate::copy::failure::{LOAD_THE_OTHERS, annotate, with_remedy, with_rows_left};
use crate::copy::format::count;
use crate::copy::plan::TableAction;
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
    /// A table that the load has made is dropped when it fails, unless a commit is in doubt.
    pub action: TableAction,
    /// Sessions whose commit may have happened, beside the one that ended the load.
    pub in_doubt: &'a [usize],
}

impl Left<'_> {
    /// The commit of a session (0-based) has failed: the error with what is in the table now, and whether that is not known.
    pub fn after_commit(&self, session: usize, error: Error) -> (Error, bool) {
        let is_unknown = commit_outcome_unknown(&error);
        let keeps_table = is_unknown || !self.in_doubt.is_empty();
        let tallies = self.board.tallies();
        let committed_rows = tallies.iter().map(|tally| tally.rows_committed).sum::<u64>();
        let (committed, _) = self.board.stretches(session);
        let (table, sessions, number) = (self.table, self.sessions, session + 1);
        let is_dropped = self.action == TableAction::Create && !keeps_table;
        // What the database says to do after a failed commit may not hold when others have committed.
        let error = with_remedy(error, self.remedy(keeps_table || (committed_rows > 0 && !is_dropped)));
        let mut notes = vec![format!("it was the commit of session {number} of {sessions}")];
        if is_unknown {
            notes.push(format!("its answer was lost: {}", self.all_or_none(session)));
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
        let is_dropped = self.action == TableAction::Create && self.in_doubt.is_empty();
        if rows == 0 || is_dropped || matches!(error, Error::Interrupted { .. }) {
            return error;
        }
        let (committed, _) = self.board.stretches(0);
        let which = if self.by_key { String::new() } else { format!(": {committed}") };
        let error = with_rows_left(error, self.action);
        annotate(error, &format!("{} had been committed before and are in {}{which}", count(rows, "row"), self.table))
    }

    /// Adds the commits in doubt that are not the load's first error; that of session `told` has been told.
    pub fn others_in_doubt(&self, error: Error, told: Option<usize>) -> Error {
        let others: Vec<usize> = self.in_doubt.iter().copied().filter(|session| Some(*session) != told).collect();
        if others.is_empty() {
            return error;
        }
        let error = match told {
            Some(_) => error,
            None => with_rows_left(error, self.action),
        };
        others.iter().fold(error, |error, &session| {
            let (number, sessions) = (session + 1, self.sessions);
            let note = format!("session {number} of {sessions} was in a commit whose answer was lost: {}", self.all_or_none(session));
            annotate(error, &note)
        })
    }

    /// What a commit in doubt comes to.
    fn all_or_none(&self, session: usize) -> String {
        let (_, open) = self.board.stretches(session);
        let which = if self.by_key { String::new() } else { format!(" ({open})") };
        let rows = count(self.board.tallies()[session].rows_open, "row");
        format!("either all of its {rows}{which} are in {}, or none of them", self.table)
    }

    fn remedy(&self, is_partial: bool) -> &'static str {
        match (self.dml, is_partial) {
            (_, false) => "run the job again",
            (Dml::Insert, true) => LOAD_THE_OTHERS,
            (Dml::Upsert | Dml::Update | Dml::Delete, true) => {
                "run the job again: what has been done by key is done once more, to the same end"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copy::parallel::board::Ended;
    use crate::copy::parallel::tally::{SessionTally, Stretches};
    use crate::copy::progress::Cancel;
    use crate::error::Phase;
    use std::path::Path;
    use std::sync::Arc;

    fn failed(phase: Phase, ora_code: i32) -> Error {
        let (message, remedy) = (format!("ORA-{ora_code:05}"), "the connection is lost: run the same command again".to_owned());
        Error::Database { phase, table: None, ora_code, message, remedy, session_dead: ora_code == 3113 }
    }

    #[test]
    fn a_commit_in_doubt_is_told_of_whichever_session_failed_first() {
        for first in [failed(Phase::Execute, 1400), failed(Phase::Execute, 3113)] {
            let cancel = Cancel::new();
            let board = Board::new(2, false, &cancel);
            assert!(board.fail(0, Some(7), first).is_none());
            board.ended(0, Ended::default());
            let commit_error = board.fail(1, None, failed(Phase::Commit, 3113)).filter(commit_outcome_unknown);
            let mut open = Stretches::default();
            let file: Arc<Path> = Path::new("f").into();
            open.add(&file, 1, 10);
            let tally = SessionTally { rows_open: 10, ..SessionTally::default() };
            board.ended(1, Ended { tally, open, commit_error, ..Ended::default() });
            let error = board.take_fault().unwrap().error;
            assert!(board.decide(1, crate::copy::parallel::board::Verdict::RollBack).is_some(), "the commit's error is kept");
            let action = TableAction::Append;
            let left = Left { board: &board, table: "T", dml: Dml::Insert, by_key: false, sessions: 2, action, in_doubt: &[1] };
            let text = left.others_in_doubt(left.after_failure(error), None).to_string();
            assert!(
                text.contains("session 2 of 2 was in a commit") && text.contains("all of its 10 rows (f rows 1-10) are in T"),
                "{text}"
            );
            assert!(!text.contains("run the same command again"), "{text}");
        }
    }
}
