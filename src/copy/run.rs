//! Carrying out a plan: statements, rows, commit; and on failure everything back as it was.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use arrow::datatypes::Schema;

use super::failure::{
    Failure, JOB_OR_GUARD, LOAD_THE_OTHERS, annotate, establish, first_line, forget_committed, is_session_dead, name_rejects,
    unknown_outcome, was_broken_off, with_remedy, with_rows_left,
};
use super::guard::{SchemaHeld, with_schema};
use super::named_job::RunningJob;
use super::plan::{CopyPlan, TableAction, Work, plan_error};
use super::progress::{Cancel, Progress, ProgressEvent};
use super::rejects::Rejects;
use super::report::CopyReport;
use super::tally::{Parts, Tally};
use crate::error::{Error, Phase, PlanProblem, Result};
use crate::load::{LoadPlan, LoadReport};
use crate::oci::Session;
use crate::sql;
use crate::transaction::Transaction;

impl CopyPlan {
    /// Moves the rows. One transaction unless the plan says otherwise.
    ///
    /// # Errors
    /// Whatever happens before the last commit, the open transaction is rolled back and a table that this run created is dropped again, unless the job
    /// has a name; the error says if that was not possible, or if rows had been committed before (`--commit-rows`). [`Error::Interrupted`] when `cancel`
    /// was requested.
    pub fn run(mut self, session: &mut Session, progress: &mut dyn Progress, cancel: &Cancel) -> Result<CopyReport> {
        let began = Instant::now();
        let mut tally = Tally::default();
        let Some(load) = self.work.load.take() else {
            return Ok(self.report(&tally, LoadReport::default(), began));
        };
        let (job_state, crew) = (self.work.job.take(), self.work.crew.take());
        cancel.arm(session.cancel_handle());
        let (created, rejects, job, others) = self
            .refuse_unasked_destruction()
            .and_then(|()| self.refuse_by_preflight())
            .and_then(|()| self.check_unchanged(session))
            .and_then(|()| self.refuse_if_cancelled(cancel, &tally))
            .and_then(|()| Rejects::begin(&self.on_error, &self.read_schema()))
            .and_then(|rejects| Ok((rejects, RunningJob::begin(session, self.job.as_ref(), job_state)?)))
            .and_then(|(rejects, job)| Ok((rejects, job, self.open_crew(session)?)))
            .and_then(|(rejects, job, others)| Ok((self.run_ddl(session, progress, &mut tally)?, rejects, job, others)))
            .map_err(|error| {
                cancel.disarm();
                self.as_interruption(error, cancel, &tally)
            })?;
        if let Err(error) = self.create_stage(session) {
            cancel.disarm();
            return Err(self.as_interruption(error, cancel, &tally));
        }
        let staged_insert = self.work.staged.as_mut().and_then(|(_, insert)| insert.take());
        let loaded = catch_unwind(AssertUnwindSafe(|| {
            let parts = Parts { rejects: &rejects, job: job.as_ref(), cancel };
            match crew {
                Some(crew) => self.load_parallel(session, (load, crew, others), &parts, &mut tally, progress),
                None => self.load_rows(session, (load, staged_insert), &parts, &mut tally, progress),
            }
        }));
        cancel.disarm();
        self.drop_stage(session);
        match loaded {
            Ok(Ok(load_report)) => {
                let published = rejects.publish().map_err(|error| annotate(error, "the good rows are committed"))?;
                tally.rejects_file = published.map(|(path, _)| path);
                Ok(self.report(&tally, load_report, began))
            }
            Ok(Err(Failure { error, outcome_unknown })) => {
                Err(name_rejects(self.clean_up(session, created, outcome_unknown, &tally, error), &rejects))
            }
            Err(panic) => {
                // What was refused may be nowhere else, and rows after it may be committed.
                let _ = catch_unwind(AssertUnwindSafe(|| rejects.publish()));
                if !tally.complete {
                    // The guard has rolled back; the table that was created goes too. The panic is the news, not this.
                    let _ = self.clean_up(session, created, false, &tally, self.interrupted(&tally));
                }
                resume_unwind(panic)
            }
        }
    }

    /// The schema of the batches that are read.
    pub(super) fn read_schema(&self) -> Schema {
        let schema = self.work.source.schema();
        Schema::new(self.work.read.columns.iter().map(|&index| schema.field(index).clone()).collect::<Vec<_>>())
    }

    /// The table is what it was when the plan was made.
    pub(super) fn check_unchanged(&self, session: &Session) -> Result<()> {
        let Work { name, existing, .. } = &self.work;
        if session.describe_table(name)? == *existing {
            return Ok(());
        }
        let reason = if existing.is_none() {
            "the table has been created by someone else since the plan was made"
        } else {
            "the table has been changed since the plan was made"
        };
        Err(plan_error(name, vec![PlanProblem { column: None, reason: reason.into(), remedy: "run the job again".into() }]))
    }

    /// CREATE or TRUNCATE, which commit by themselves; whether the table is ours to drop.
    pub(super) fn run_ddl(&self, session: &Session, progress: &mut dyn Progress, tally: &mut Tally) -> Result<bool> {
        let schema = SchemaHeld::note(self, session)?;
        self.run_committing_pre_sql(session, progress)?;
        schema.check(self, session)?;
        let (TableAction::Create | TableAction::Truncate, Some(statement)) = (self.action, &self.first_statement) else {
            return Ok(false);
        };
        let began = Instant::now();
        progress.event(&ProgressEvent::Statement { sql: statement.clone() });
        // Whatever becomes of the session, it is this table that is dropped again.
        let name = if self.action == TableAction::Create { Some(with_schema(session, &self.work.name)?) } else { None };
        session.execute_sql(Phase::Ddl, Some(&self.table), statement)?;
        tally.prepare += began.elapsed();
        tally.created = name;
        Ok(self.action == TableAction::Create)
    }

    fn load_rows(
        &self,
        session: &mut Session,
        load: (LoadPlan, Option<LoadPlan>),
        parts: &Parts<'_>,
        tally: &mut Tally,
        progress: &mut dyn Progress,
    ) -> Result<LoadReport, Failure> {
        let transaction = Transaction::begin(session);
        let filled = self.fill(&transaction, load, parts, tally, progress);
        // Neither a commit nor a rollback is broken off. What was broken off before the commit shows now.
        parts.cancel.disarm();
        let filled = filled.and_then(|report| self.refuse_if_cancelled(parts.cancel, tally).map(|()| report).map_err(Failure::from));
        // No row is committed before those that were refused are safe.
        let filled = filled.and_then(|report| parts.rejects.close().map(|()| report).map_err(Failure::from));
        let filled = filled.and_then(|report| match parts.job {
            Some(job) => job.write(transaction.session(), tally.rows_read, true, parts.rejects).map(|()| report).map_err(Failure::from),
            None => Ok(report),
        });
        match filled {
            Ok(report) => {
                let began = Instant::now();
                // What can be rolled back, the guard has rolled back when the commit fails.
                let committed = transaction.commit().map_err(Failure::of_commit);
                committed.or_else(|failure| establish(failure, parts.job, session, parts.cancel).map(drop))?;
                tally.complete = true;
                tally.commit += began.elapsed();
                tally.commits += 1;
                tally.rows_committed = report.rows_loaded;
                progress.event(&ProgressEvent::Committed { rows_committed: tally.rows_committed });
                Ok(report)
            }
            Err(failure) => {
                progress.event(&ProgressEvent::RollingBack { rows: tally.rows_open });
                let failure = self.roll_back(transaction, failure, parts, tally);
                Err(match establish(failure, parts.job, session, parts.cancel) {
                    Ok(lost) => self.lost_after_commit(lost, parts, tally),
                    Err(failure) => failure,
                })
            }
        }
    }

    /// The failure, with what becomes of its transaction.
    fn roll_back(&self, transaction: Transaction<'_>, failure: Failure, parts: &Parts<'_>, tally: &Tally) -> Failure {
        // A commit that was broken off may have happened: that is no "rolled back".
        let error = match failure.outcome_unknown {
            true => failure.error,
            false => self.as_interruption(failure.error, parts.cancel, tally),
        };
        let error = match transaction.rollback() {
            Ok(()) => error,
            // The server rolls back when the session is gone, so that is not news.
            Err(_) if is_session_dead(&error) => error,
            Err(rollback) => {
                annotate(error, &format!("the rollback failed too ({}); it happens when the session ends", first_line(&rollback)))
            }
        };
        Failure { error, ..failure }
    }

    /// The connection was lost, and the commit before that has happened.
    fn lost_after_commit(&self, lost: Error, parts: &Parts<'_>, tally: &mut Tally) -> Failure {
        tally.rows_committed += std::mem::take(&mut tally.rows_open);
        let (remedy, note) = match parts.job {
            Some(_) => ("run the job again: it goes on there", "the last commit has happened, as the job's mark says".to_owned()),
            None => (
                LOAD_THE_OTHERS,
                format!(
                    "the last commit has happened, as Transaction Guard says: the first {} good rows of the source are in {}",
                    tally.rows_committed, self.table
                ),
            ),
        };
        Failure::from(annotate(with_remedy(lost, remedy), &note))
    }

    fn interrupted(&self, tally: &Tally) -> Error {
        Error::Interrupted { table: self.table.clone(), rows_rolled_back: tally.rows_open, rows_committed: tally.rows_committed }
    }

    pub(super) fn refuse_if_cancelled(&self, cancel: &Cancel, tally: &Tally) -> Result<()> {
        if cancel.is_requested() { Err(self.interrupted(tally)) } else { Ok(()) }
    }

    fn as_interruption(&self, error: Error, cancel: &Cancel, tally: &Tally) -> Error {
        if was_broken_off(&error, cancel) { self.interrupted(tally) } else { error }
    }

    /// Drops a table that this run created, and says what could not be undone.
    pub(super) fn clean_up(&self, session: &Session, created: bool, outcome_unknown: bool, tally: &Tally, error: Error) -> Error {
        if outcome_unknown {
            return match self.job.is_some() || tally.tells_what_is_left {
                true => error,
                false => self.name_committed(tally, unknown_outcome(error, &self.table, JOB_OR_GUARD)),
            };
        }
        if created && self.job.is_some() {
            // Another run of the job may be filling it by now.
            let stays = format!("{} was created and stays: the next run of the job goes on in it", self.table);
            return self.name_committed(tally, annotate(error, &stays));
        }
        if created {
            let name = tally.created.as_ref().unwrap_or(&self.work.name);
            let dropped = sql::drop_table(name, false).and_then(|sql| session.execute_sql(Phase::Ddl, Some(&self.table), &sql));
            return match dropped {
                Ok(_) => forget_committed(error),
                Err(drop_error) => annotate(
                    error,
                    &format!(
                        "the table {} was created by this job and could not be dropped again ({})",
                        self.table,
                        first_line(&drop_error)
                    ),
                ),
            };
        }
        self.name_committed(tally, error)
    }

    fn name_committed(&self, tally: &Tally, error: Error) -> Error {
        match (&error, tally.rows_committed) {
            (Error::Interrupted { .. }, _) | (_, 0) => error,
            _ if tally.tells_what_is_left => error,
            (_, rows) => {
                // A job that goes on begins after them.
                let error = if self.job.is_some() { error } else { with_rows_left(error, self.action) };
                annotate(error, &format!("the first {rows} rows had been committed before and are in {}", self.table))
            }
        }
    }
}
