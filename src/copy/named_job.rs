//! A job with a name (`--job`): what its rows in [`super::state::STATE_TABLE`] mean for the plan and for the run.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use super::asked::ASKED;
use super::claim::{Claim, CommitOutcome, Done};
use super::guard::current_schema;
use super::job::{CopyJob, Mode};
use super::plan::{TableAction, plan_error};
use super::progress::Cancel;
use super::rejects::{Rejects, present_files};
use super::state::{JobKey, JobState, MAX_JOB_NAME_BYTES, MAX_REJECT_FILES_BYTES, Mark};
use crate::error::{Error, PlanProblem, Result};
use crate::lake::fingerprint::fingerprint;
use crate::lake::read_ahead::SourceBatch;
use crate::lake::source::Source;
use crate::lake::stamp::FileStamps;
use crate::oci::Session;
use crate::oracle_type::TableName;
use crate::sql;

/// What is known of a named job before it runs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NamedJob {
    /// As the user calls it.
    pub name: String,
    /// `SCHEMA.TABLE`, under which its state is kept.
    pub target: String,
    /// Fingerprint of the files.
    pub source: String,
    /// Counts the loads of this job into this table; what goes on has the number that it was begun with.
    pub epoch: u64,
    /// Rows of the source that an earlier run has committed: this one begins after them.
    pub rows_done_before: u64,
    /// Of those, how many were refused.
    pub rows_rejected_before: u64,
    /// Where those are.
    pub reject_files: Vec<String>,
    /// When an earlier run has loaded the whole source; nothing is to be done then.
    pub complete_since: Option<String>,
}

impl CopyJob {
    /// What `--job` asks for, without a session.
    pub(super) fn check_job(&self) -> Result<()> {
        let usage = |message: String, remedy: &str| Err(Error::Usage { message, remedy: remedy.into() });
        let Some(name) = &self.job else { return Ok(()) };
        if name.is_empty() || name.len() > MAX_JOB_NAME_BYTES || name.contains('\0') {
            return usage(format!("--job {name:?}: a name has 1 to {MAX_JOB_NAME_BYTES} bytes"), "--job orders-nightly");
        }
        match self.mode {
            Mode::ErrorIfExists | Mode::Ignore => usage(
                format!("--mode {} leaves alone what a killed run of a job has begun", self.mode),
                "--mode create with --job: it knows which rows are there",
            ),
            Mode::Truncate => usage(
                "--mode truncate with --job: TRUNCATE commits by itself, so that a run that comes late would empty the table for good"
                    .into(),
                "--mode overwrite with --job: it replaces the rows in one transaction",
            ),
            _ => match self.pre_sql.iter().find_map(|sql| sql::ends_transaction(sql)) {
                Some(keyword) => usage(
                    format!("--pre-sql {keyword} … commits by itself, and --job would not know whether it was done"),
                    "run it with `olbridge sql` before the load",
                ),
                None => Ok(()),
            },
        }
    }

    /// Reads what the job has done with this source, if it has a name.
    pub(super) fn job_state(
        &self,
        session: &Session,
        table: &TableName,
        action: TableAction,
        source: &Source,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<Option<(NamedJob, JobState)>> {
        let Some(name) = &self.job else { return Ok(None) };
        let qualified = qualified(session, table)?;
        let Some(paths) = source.paths() else {
            let message = "--job remembers files by their content, which standard input has only once".into();
            return Err(Error::Usage { message, remedy: "name a file, or leave out --job".into() });
        };
        let (stamps, source) = match source.identity() {
            Some(identity) => (FileStamps::take(std::iter::empty())?, identity),
            None => (FileStamps::take(paths.iter().copied())?, fingerprint(paths.into_iter(), proceed)?),
        };
        let target = qualified.to_string();
        let key = JobKey { job: name.clone(), table: qualified, source: source.clone() };
        let state = JobState::read(session, key, self.asked(), stamps)?;
        let refused = |(reason, remedy)| plan_error(table, vec![PlanProblem { column: None, reason, remedy }]);
        let standing = standing(&state, action).map_err(refused)?;
        let (complete, goes_on) = match standing {
            Standing::Complete(mark) => (Some(mark), Some(mark)),
            Standing::GoesOn(mark) => (None, Some(mark)),
            Standing::Begins => (None, None),
        };
        let job = NamedJob {
            name: name.clone(),
            target,
            source,
            epoch: state.epoch(goes_on.is_some()),
            rows_done_before: goes_on.map_or(0, |mark| mark.rows_done),
            rows_rejected_before: goes_on.map_or(0, |mark| mark.rows_rejected),
            reject_files: goes_on.map(|mark| present_files(&mark.reject_files)).unwrap_or_default(),
            complete_since: complete.map(|mark| mark.updated_at.clone()),
        };
        Ok(Some((job, state)))
    }
}

/// What a mark comes to for the run that is planned.
enum Standing<'a> {
    /// Nothing is to be done.
    Complete(&'a Mark),
    /// After the rows that are done.
    GoesOn(&'a Mark),
    /// With the first row: none is there, or they are removed or written once more.
    Begins,
}

/// What the marks say, or the reason and remedy when they say something that the run would not heed.
fn standing(state: &JobState, action: TableAction) -> Result<Standing<'_>, (String, String)> {
    let name = &state.key.job;
    let mark = state.mark().filter(|mark| mark.has_rows());
    let removes_all = match action {
        // A table that is not there has none of the rows, whatever was said of an earlier one.
        TableAction::Create => return Ok(Standing::Begins),
        TableAction::Replace => true,
        _ => false,
    };
    if removes_all {
        let holds = |mark: &&Mark| mark.complete && mark.asked == state.asked && state.is_same_table(mark) && state.is_latest(mark);
        return Ok(mark.filter(holds).map_or(Standing::Begins, Standing::Complete));
    }
    if let Some(unfinished) = state.unfinished() {
        return Err((
            format!(
                "job {name} has loaded {} rows of another source by {} and not the rest of it: those files have changed, or are others",
                unfinished.rows_done, unfinished.updated_at
            ),
            format!("run it with the files as they were, or give up the rest: {}", state.key.forget_statement(&unfinished.source)),
        ));
    }
    let Some(mark) = mark else { return Ok(Standing::Begins) };
    let forget = state.key.forget_statement(&mark.source);
    let loaded = format!("job {name} has loaded {} rows of this source by {}", mark.rows_done, mark.updated_at);
    if !state.is_same_table(mark) {
        return Err((
            format!("{loaded}, but into another table of this name, which has been dropped since"),
            format!("if its rows are not in the table that is there now: {forget}"),
        ));
    }
    if mark.asked != state.asked {
        return Err((
            format!("{loaded}, with other options ({ASKED})"),
            format!("run it with the options as they were, under another --job name, or load the source from its first row: {forget}"),
        ));
    }
    // Added rows stay, whatever is added after them; rows that were changed by key may have been changed again by a later source.
    let stays = action == TableAction::Append || state.is_latest(mark);
    match (mark.complete, stays) {
        (true, true) => Ok(Standing::Complete(mark)),
        (true, false) => Ok(Standing::Begins),
        (false, _) => Ok(Standing::GoesOn(mark)),
    }
}

/// `SCHEMA.TABLE`: the same table under one name, whether or not the user named the schema.
pub(super) fn qualified(session: &Session, table: &TableName) -> Result<TableName> {
    let schema = match &table.schema {
        Some(schema) => Some(schema.clone()),
        None => current_schema(session)?,
    };
    let name = TableName { schema, table: table.table.clone() };
    if name.schema.is_none() {
        return Err(Error::Usage {
            message: format!("the database does not tell in which schema {} is", table.table),
            remedy: format!("name it: SCHEMA.{}", table.table),
        });
    }
    Ok(name)
}

/// A named job while it runs: the claim is made before the first row.
pub(super) struct RunningJob {
    claim: Claim,
    stamps: FileStamps,
    /// Files that were read since the last commit.
    files: RefCell<Vec<Arc<Path>>>,
    rows_rejected_before: u64,
    reject_files_before: String,
}

impl RunningJob {
    /// Claims the job, if it has a name.
    pub fn begin(session: &Session, job: Option<&NamedJob>, state: Option<JobState>) -> Result<Option<Self>> {
        let (Some(job), Some(state)) = (job, state) else { return Ok(None) };
        let claim = Claim::take(session, &state, job.epoch)?;
        let before = state.mark().filter(|_| job.rows_done_before > 0);
        Ok(Some(RunningJob {
            claim,
            files: RefCell::default(),
            rows_rejected_before: job.rows_rejected_before,
            reject_files_before: before.map(|mark| mark.reject_files.clone()).unwrap_or_default(),
            stamps: state.stamps,
        }))
    }

    /// At the begin of the first transaction, before rows are removed.
    pub fn enter(&self, session: &Session, action: TableAction) -> Result<()> {
        self.claim.enter(session, action)
    }

    /// A batch of this file was read.
    pub fn has_read(&self, file: &Arc<Path>) {
        let mut files = self.files.borrow_mut();
        if files.last() != Some(file) {
            files.push(Arc::clone(file));
        }
    }

    /// In the open transaction: the first `rows_done` rows of the source are done. They are those of the files that the job was planned with.
    pub fn write(&self, session: &Session, rows_done: u64, complete: bool, rejects: &Rejects) -> Result<()> {
        if complete {
            self.stamps.check_all()?;
        } else {
            self.files.borrow().iter().try_for_each(|file| self.stamps.check(file))?;
        }
        let (rows_rejected, file) = rejects.so_far();
        let mut lines: Vec<&str> = self.reject_files_before.lines().chain(file.as_deref()).collect();
        // The newest are the ones to be found.
        while lines.iter().map(|line| line.len() + 1).sum::<usize>() > MAX_REJECT_FILES_BYTES {
            lines.remove(0);
        }
        let (rows_rejected, reject_files) = (self.rows_rejected_before + rows_rejected, lines.join("\n"));
        self.claim.write(session, &Done { rows: rows_done, rows_rejected, reject_files, complete })
    }

    /// The commit has returned.
    pub fn committed(&self) {
        self.claim.committed();
        let mut files = self.files.borrow_mut();
        // More of the last one may come.
        let read = files.len().saturating_sub(1);
        files.drain(..read);
    }

    /// After a commit whose answer was lost: logs in again, puts the new session in the place of the lost one, which ends, and waits until the
    /// database has ended the lost transaction. The wait is limited, and `cancel` breaks it off.
    pub fn outcome(&self, session: &mut Session, cancel: &Cancel) -> Result<CommitOutcome> {
        *session = session.reconnect()?;
        cancel.arm(session.cancel_handle());
        let outcome = self.claim.outcome(session, cancel);
        cancel.disarm();
        outcome
    }
}

/// The batches after the first `rows` rows.
pub(super) struct Skipping<I> {
    batches: I,
    rows: u64,
}

impl<I> Skipping<I> {
    pub fn new(batches: I, rows: u64) -> Self {
        Skipping { batches, rows }
    }
}

impl<I: Iterator<Item = Result<SourceBatch>>> Iterator for Skipping<I> {
    type Item = Result<SourceBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = match self.batches.next()? {
                Ok(next) => next,
                error => return Some(error),
            };
            let batch_rows = next.batch.num_rows();
            if self.rows >= batch_rows as u64 {
                self.rows -= batch_rows as u64;
                continue;
            }
            let skipped = std::mem::take(&mut self.rows) as usize;
            let batch = next.batch.slice(skipped, batch_rows - skipped);
            return Some(Ok(SourceBatch { batch, first_row: next.first_row + skipped as u64, ..next }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Int64Array, RecordBatch};
    use arrow::datatypes::Int64Type;
    use std::path::Path;
    use std::sync::Arc;

    #[test]
    fn what_is_skipped_is_the_beginning_and_no_row_more() {
        let batch = |values: std::ops::Range<i64>| {
            let first_row = values.start as u64 + 1;
            let array = Arc::new(values.collect::<Int64Array>());
            let batch = RecordBatch::try_from_iter([("v", array as _)]).unwrap();
            Ok(SourceBatch { batch, file: Path::new("f").into(), first_row, bytes_done: 0 })
        };
        for skipped in 0..=9u64 {
            let batches = [batch(0..3), batch(3..4), batch(4..9)];
            let left: Vec<(u64, Vec<i64>)> = Skipping::new(batches.into_iter(), skipped)
                .map(|next| next.unwrap())
                .map(|next| (next.first_row, next.batch.column(0).as_primitive::<Int64Type>().values().to_vec()))
                .collect();
            let values: Vec<i64> = left.iter().flat_map(|(_, values)| values.clone()).collect();
            assert_eq!(values, (skipped as i64..9).collect::<Vec<_>>());
            assert!(left.iter().all(|(first_row, values)| *first_row == values[0] as u64 + 1));
        }
    }
}
