//! Several tables loaded in one transaction: all of them have their new rows at the same moment, or none has.

use std::fmt;
use std::time::Instant;

use super::failure::{Failure, annotate, establish, first_line, is_session_dead, was_broken_off};
use super::job::{CopyJob, OnError};
use super::named_job::RunningJob;
use super::plan::CopyPlan;
use super::progress::{Cancel, Progress, ProgressEvent};
use super::rejects::Rejects;
use super::report::CopyReport;
use super::tally::{Parts, Tally};
use crate::error::{Error, Result};
use crate::load::{LoadPlan, LoadReport};
use crate::oci::Session;
use crate::transaction::{CommitPolicy, Transaction};

/// What loads of several tables in one transaction will do.
#[derive(Debug, serde::Serialize)]
pub struct SeveralPlan {
    /// Of each table, in the order in which they are loaded.
    pub tables: Vec<CopyPlan>,
}

/// What they did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SeveralReport {
    /// Of each table.
    pub tables: Vec<CopyReport>,
}

impl SeveralReport {
    /// Something was committed.
    pub fn has_committed(&self) -> bool {
        self.tables.iter().any(|table| table.commits > 0)
    }
}

/// A table on its way.
struct Part {
    load: Option<LoadPlan>,
    rejects: Rejects,
    job: Option<RunningJob>,
    tally: Tally,
    created: bool,
    report: LoadReport,
}

impl SeveralPlan {
    /// Plans each load as if it were alone. Changes nothing.
    ///
    /// # Errors
    /// As [`CopyJob::plan_until`]; [`Error::Usage`] for what one transaction cannot be: several commits, several sessions, rejected rows, staged merges.
    pub fn new(jobs: &[CopyJob], session: &Session, cancel: &Cancel) -> Result<SeveralPlan> {
        let usage = |message: &str, remedy: &str| Err(Error::Usage { message: message.into(), remedy: remedy.into() });
        for (at, job) in jobs.iter().enumerate() {
            if job.commit != CommitPolicy::AtEnd || job.parallel > 1 || job.on_error != OnError::Abort {
                return usage("several tables are one transaction of one session", "leave out --commit-rows, --parallel and --rejects");
            }
            if !job.pre_sql.is_empty() || !job.post_sql.is_empty() {
                return usage("--pre-sql and --post-sql go with one table", "load the tables one by one, or leave them out");
            }
            if jobs[..at].iter().any(|other| other.target.table == job.target.table) {
                return usage(&format!("{} is named twice", job.target), "name each table once");
            }
        }
        let plan = |job: &CopyJob| {
            // A staged merge creates a table, which commits in some releases.
            let arrays = if job.mode.dml() == crate::load::Dml::Upsert { super::staged::MergeWay::Arrays } else { job.merge };
            CopyJob { merge: arrays, ..job.clone() }.plan_until(session, cancel)
        };
        Ok(SeveralPlan { tables: jobs.iter().map(plan).collect::<Result<_>>()? })
    }

    /// Moves the rows of all tables, and commits once.
    ///
    /// # Errors
    /// As [`CopyPlan::run`]: nothing of any table is there then, and tables that were created are dropped, unless the job has a name.
    pub fn run(mut self, session: &mut Session, progress: &mut dyn Progress, cancel: &Cancel) -> Result<SeveralReport> {
        let began = Instant::now();
        let mut parts = Vec::with_capacity(self.tables.len());
        cancel.arm(session.cancel_handle());
        if let Err(error) = self.begin(session, progress, &mut parts, cancel) {
            cancel.disarm();
            return Err(self.clean_up(session, &parts, Failure::from(error), cancel));
        }
        let loaded = self.load(session, &mut parts, progress, cancel);
        cancel.disarm();
        if let Err(failure) = loaded {
            return Err(self.clean_up(session, &parts, failure, cancel));
        }
        let reports = self.tables.into_iter().zip(parts).map(|(plan, mut part)| {
            let moved = part.report != LoadReport::default() || part.job.is_some() || part.tally.complete;
            part.tally.commits = u64::from(moved);
            part.tally.rows_committed = part.report.rows_loaded;
            plan.report(&part.tally, part.report, began)
        });
        Ok(SeveralReport { tables: reports.collect() })
    }

    /// Checks, claims and DDL: what commits by itself.
    fn begin(&mut self, session: &Session, progress: &mut dyn Progress, parts: &mut Vec<Part>, cancel: &Cancel) -> Result<()> {
        for plan in &mut self.tables {
            let load = plan.work.load.take();
            if load.is_some() {
                plan.refuse_unasked_destruction()?;
                plan.refuse_by_preflight()?;
                plan.check_unchanged(session)?;
            }
            plan.refuse_if_cancelled(cancel, &Tally::default())?;
            let rejects = Rejects::begin(&plan.on_error, &plan.read_schema())?;
            parts.push(Part { load, rejects, job: None, tally: Tally::default(), created: false, report: LoadReport::default() });
        }
        for (plan, part) in self.tables.iter_mut().zip(parts.iter_mut()).filter(|(_, part)| part.load.is_some()) {
            part.job = RunningJob::begin(session, plan.job.as_ref(), plan.work.job.take())?;
        }
        for (plan, part) in self.tables.iter_mut().zip(parts).filter(|(_, part)| part.load.is_some()) {
            part.created = plan.run_ddl(session, progress, &mut part.tally)?;
        }
        Ok(())
    }

    fn load(&self, session: &mut Session, parts: &mut [Part], progress: &mut dyn Progress, cancel: &Cancel) -> Result<(), Failure> {
        let transaction = Transaction::begin(session);
        let filled = self.fill(&transaction, parts, progress, cancel);
        cancel.disarm();
        let filled = filled.and_then(|()| match self.tables.first() {
            Some(plan) => plan.refuse_if_cancelled(cancel, &Tally::default()).map_err(Failure::from),
            None => Ok(()),
        });
        match filled {
            Ok(()) => {
                let began = Instant::now();
                let committed = transaction.commit().map_err(Failure::of_commit);
                // The marks of all tables are in the same commit, so that one tells of all.
                let job = parts.iter().find_map(|part| part.job.as_ref());
                committed.or_else(|failure| establish(failure, job, session, cancel).map(drop))?;
                for part in parts.iter_mut().filter(|part| part.tally.rows_read > 0 || part.job.is_some()) {
                    (part.tally.complete, part.tally.commit) = (true, began.elapsed());
                }
                progress.event(&ProgressEvent::Committed { rows_committed: parts.iter().map(|part| part.report.rows_loaded).sum() });
                Ok(())
            }
            Err(failure) => {
                progress.event(&ProgressEvent::RollingBack { rows: parts.iter().map(|part| part.tally.rows_open).sum() });
                let Failure { error, outcome_unknown } = failure;
                let error = match transaction.rollback() {
                    Err(rollback) if !is_session_dead(&error) => {
                        annotate(error, &format!("the rollback failed too ({})", first_line(&rollback)))
                    }
                    _ => error,
                };
                Err(Failure { error, outcome_unknown })
            }
        }
    }

    fn fill(&self, transaction: &Transaction<'_>, parts: &mut [Part], progress: &mut dyn Progress, cancel: &Cancel) -> Result<(), Failure> {
        for (plan, part) in self.tables.iter().zip(parts.iter_mut()) {
            let Some(load) = part.load.take() else { continue };
            let held = Parts { rejects: &part.rejects, job: part.job.as_ref(), cancel };
            part.report = plan.fill(transaction, (load, None), &held, &mut part.tally, progress)?;
        }
        for part in parts.iter().filter(|part| part.job.is_some()) {
            if let Some(job) = &part.job {
                job.write(transaction.session(), part.tally.rows_read, true, &part.rejects)?;
            }
        }
        Ok(())
    }

    /// Drops the tables that were created, and says what could not be undone.
    fn clean_up(&self, session: &Session, parts: &[Part], failure: Failure, cancel: &Cancel) -> Error {
        let Failure { mut error, outcome_unknown } = failure;
        if was_broken_off(&error, cancel) {
            let table = self.tables.iter().map(|plan| plan.table.as_str()).collect::<Vec<_>>().join(", ");
            error = Error::Interrupted { table, rows_rolled_back: parts.iter().map(|part| part.tally.rows_open).sum(), rows_committed: 0 };
        }
        for (plan, part) in self.tables.iter().zip(parts) {
            if part.created || outcome_unknown {
                error = plan.clean_up(session, part.created, outcome_unknown, &part.tally, error);
            }
            if outcome_unknown {
                break;
            }
        }
        error
    }
}

impl fmt::Display for SeveralPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} tables in one transaction", self.tables.len())?;
        self.tables.iter().try_for_each(|plan| writeln!(f, "\n{plan}"))
    }
}

impl fmt::Display for SeveralReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tables.iter().try_for_each(|report| write!(f, "{report}"))
    }
}
