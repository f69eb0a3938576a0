//! A job with a name (`--job`): what its row in [`STATE_TABLE`] means for the plan and for the run.

use super::job::{CopyJob, Mode};
use super::plan::{TableAction, plan_error};
use super::state::{Claim, CommitOutcome, JobKey, JobState, MAX_JOB_NAME_BYTES, STATE_TABLE};
use crate::error::{Error, PlanProblem, Result};
use crate::lake::fingerprint::fingerprint;
use crate::lake::read_ahead::SourceBatch;
use crate::lake::source::Source;
use crate::oci::Session;
use crate::oracle_type::TableName;

/// What is known of a named job before it runs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NamedJob {
    /// As the user calls it.
    pub name: String,
    /// `SCHEMA.TABLE`, under which its state is kept.
    pub target: String,
    /// Fingerprint of the files.
    pub source: String,
    /// Counts the sources that this job has loaded into this table, this one included.
    pub epoch: u64,
    /// Rows of the source that an earlier run has committed: this one begins after them.
    pub rows_done_before: u64,
    /// When an earlier run has loaded the whole source; nothing is to be done then.
    pub complete_since: Option<String>,
}

impl CopyJob {
    /// What `--job` asks for, without a session.
    pub(super) fn check_job(&self) -> Result<()> {
        let usage = |message: String, remedy: &str| Err(Error::Usage { message, remedy: remedy.into() });
        match &self.job {
            Some(name) if name.is_empty() || name.len() > MAX_JOB_NAME_BYTES || name.contains('\0') => {
                usage(format!("--job {name:?}: a name has 1 to {MAX_JOB_NAME_BYTES} bytes"), "--job orders-nightly")
            }
            Some(_) if matches!(self.mode, Mode::ErrorIfExists | Mode::Ignore) => usage(
                format!("--mode {} leaves alone what a killed run of a job has begun", self.mode),
                "--mode create with --job: it knows which rows are there",
            ),
            _ => Ok(()),
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
        let target = qualified(session, table)?;
        let Some(paths) = source.paths() else {
            let message = "--job remembers files by their content, which standard input has only once".into();
            return Err(Error::Usage { message, remedy: "name a file, or leave out --job".into() });
        };
        let source = fingerprint(paths.into_iter(), proceed)?;
        let state = JobState::read(session, JobKey { job: name.clone(), target: target.clone(), source: source.clone() })?;
        let afresh = begins_afresh(action);
        if let (Some(unfinished), false) = (&state.unfinished, afresh) {
            let reason = format!(
                "job {name} has loaded {} rows of another source by {} and not the rest of it: those files have changed, or are others",
                unfinished.rows_done, unfinished.updated_at
            );
            let remedy = format!(
                "run it with the files as they were, or give up the rest: DELETE FROM {STATE_TABLE} WHERE JOB = '{}' AND COMPLETE = 0",
                name.replace('\'', "''")
            );
            return Err(plan_error(table, vec![PlanProblem { column: None, reason, remedy }]));
        }
        // A table that is not there has none of the rows, whatever was said of an earlier one.
        let complete = state.mark.as_ref().filter(|mark| mark.complete && action != TableAction::Create);
        let job = NamedJob {
            name: name.clone(),
            target,
            source,
            epoch: state.epoch(),
            rows_done_before: if afresh && complete.is_none() { 0 } else { state.rows_done() },
            complete_since: complete.map(|mark| mark.updated_at.clone()),
        };
        Ok(Some((job, state)))
    }
}

/// Whether the table holds no row of an earlier run when the first one of this run arrives.
fn begins_afresh(action: TableAction) -> bool {
    matches!(action, TableAction::Create | TableAction::Truncate | TableAction::Replace)
}

/// `SCHEMA.TABLE`: the same table under one name, whether or not the user named the schema.
fn qualified(session: &Session, table: &TableName) -> Result<String> {
    let schema = match &table.schema {
        Some(schema) => Some(schema.clone()),
        None => {
            let mut schema = None;
            session.query_rows("SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM DUAL", &mut |cells| {
                schema = cells.first().cloned().flatten();
                Ok(())
            })?;
            schema
        }
    };
    let name = TableName { schema, table: table.table.clone() };
    if name.schema.is_none() {
        return Err(Error::Usage {
            message: format!("the database does not tell in which schema {} is", table.table),
            remedy: format!("name it: SCHEMA.{}", table.table),
        });
    }
    Ok(name.to_string())
}

/// A named job while it runs: the claim is made before the first row.
pub(super) struct RunningJob {
    claim: Claim,
}

impl RunningJob {
    /// Claims the job's row, if the job has a name.
    pub fn begin(session: &Session, job: Option<&NamedJob>, state: Option<&JobState>) -> Result<Option<Self>> {
        let (Some(job), Some(state)) = (job, state) else { return Ok(None) };
        Ok(Some(RunningJob { claim: state.claim(session, job.rows_done_before)? }))
    }

    /// In the open transaction: the first `rows_done` rows of the source are done.
    pub fn write(&self, session: &Session, rows_done: u64, complete: bool) -> Result<()> {
        self.claim.write(session, rows_done, complete)
    }

    /// The commit has returned.
    pub fn committed(&self) {
        self.claim.committed();
    }

    /// After a commit whose answer was lost: logs in again, and puts the new session in the place of the lost one.
    pub fn outcome(&self, session: &mut Session) -> Result<CommitOutcome> {
        let next = session.reconnect()?;
        let outcome = self.claim.outcome(&next);
        *session = next;
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
