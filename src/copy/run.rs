//! Carrying out a plan: statements, rows, commit; and on failure everything back as it was.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use arrow::datatypes::Schema;

use super::plan::{CopyPlan, TableAction, Work, plan_error};
use super::progress::{Cancel, Progress, ProgressEvent};
use super::rejects::Rejects;
use super::report::{CopyReport, StageTimes, ms};
use crate::error::{Error, Phase, PlanProblem, Result};
use crate::load::{LoadPlan, LoadReport, Loader};
use crate::oci::Session;
use crate::sql;
use crate::transaction::{CommitPolicy, ORA_CANCELLED, Transaction, commit_outcome_unknown};

/// Rows and times of a run in progress.
#[derive(Debug, Default)]
struct Tally {
    rows_read: u64,
    rows_deleted: u64,
    rows_committed: u64,
    /// Sent to the database since the last commit.
    rows_open: u64,
    commits: u64,
    /// The last commit has returned.
    complete: bool,
    prepare: Duration,
    read: Duration,
    commit: Duration,
    rejects_file: Option<PathBuf>,
}

impl CopyPlan {
    /// Moves the rows. One transaction unless the plan says otherwise.
    ///
    /// # Errors
    /// Whatever happens before the last commit, the open transaction is rolled back and a table that this run created is dropped again; the
    /// error says if that was not possible, or if rows had been committed before (`--commit-rows`). [`Error::Interrupted`] when `cancel`
    /// was requested.
    pub fn run(mut self, session: &mut Session, progress: &mut dyn Progress, cancel: &Cancel) -> Result<CopyReport> {
        let began = Instant::now();
        let mut tally = Tally::default();
        let Some(load) = self.work.load.take() else {
            return Ok(self.report(&tally, LoadReport::default(), began));
        };
        cancel.arm(session.cancel_handle());
        let (created, rejects) = self
            .check_unchanged(session)
            .and_then(|()| self.refuse_if_cancelled(cancel, &tally))
            .and_then(|()| Rejects::begin(&self.on_error, &self.read_schema()))
            .and_then(|rejects| Ok((self.run_ddl(session, progress, &mut tally)?, rejects)))
            .map_err(|error| {
                cancel.disarm();
                self.as_interruption(error, cancel, &tally)
            })?;
        let loaded = catch_unwind(AssertUnwindSafe(|| self.load_rows(session, load, &rejects, &mut tally, progress, cancel)));
        cancel.disarm();
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
                if !tally.complete {
                    // The guard has rolled back; the table that was created goes too. The panic is the news, not this.
                    let _ = self.clean_up(session, created, false, &tally, self.interrupted(&tally));
                }
                resume_unwind(panic)
            }
        }
    }

    /// The schema of the batches that are read.
    fn read_schema(&self) -> Schema {
        let schema = self.work.source.schema();
        Schema::new(self.work.read.columns.iter().map(|&index| schema.field(index).clone()).collect::<Vec<_>>())
    }

    /// The table is what it was when the plan was made.
    fn check_unchanged(&self, session: &Session) -> Result<()> {
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
    fn run_ddl(&self, session: &Session, progress: &mut dyn Progress, tally: &mut Tally) -> Result<bool> {
        let (TableAction::Create | TableAction::Truncate, Some(statement)) = (self.action, &self.first_statement) else {
            return Ok(false);
        };
        let began = Instant::now();
        progress.event(&ProgressEvent::Statement { sql: statement.clone() });
        session.execute_sql(Phase::Ddl, Some(&self.table), statement)?;
        tally.prepare += began.elapsed();
        Ok(self.action == TableAction::Create)
    }

    fn load_rows(
        &self,
        session: &mut Session,
        load: LoadPlan,
        rejects: &Rejects,
        tally: &mut Tally,
        progress: &mut dyn Progress,
        cancel: &Cancel,
    ) -> Result<LoadReport, Failure> {
        let transaction = Transaction::begin(session);
        let filled = self.fill(&transaction, load, rejects, tally, progress, cancel);
        // Neither a commit nor a rollback is broken off. What was broken off before the commit shows now.
        cancel.disarm();
        let filled = filled.and_then(|report| self.refuse_if_cancelled(cancel, tally).map(|()| report).map_err(Failure::from));
        // No row is committed before those that were refused are safe.
        let filled = filled.and_then(|report| rejects.close().map(|()| report).map_err(Failure::from));
        match filled {
            Ok(report) => {
                let began = Instant::now();
                // What can be rolled back, the guard has rolled back when the commit fails.
                transaction.commit().map_err(Failure::of_commit)?;
                tally.complete = true;
                tally.commit += began.elapsed();
                tally.commits += 1;
                tally.rows_committed = report.rows_loaded;
                progress.event(&ProgressEvent::Committed { rows_committed: tally.rows_committed });
                Ok(report)
            }
            Err(failure) => {
                progress.event(&ProgressEvent::RollingBack { rows: tally.rows_open });
                // A commit that was broken off may have happened: that is no "rolled back".
                let error = match failure.outcome_unknown {
                    true => failure.error,
                    false => self.as_interruption(failure.error, cancel, tally),
                };
                let error = match transaction.rollback() {
                    Ok(()) => error,
                    // The server rolls back when the session is gone, so that is not news.
                    Err(_) if is_session_dead(&error) => error,
                    Err(rollback) => {
                        annotate(error, &format!("the rollback failed too ({}); it happens when the session ends", first_line(&rollback)))
                    }
                };
                Err(Failure { error, ..failure })
            }
        }
    }

    /// Everything between the start of the transaction and its last commit.
    fn fill(
        &self,
        transaction: &Transaction<'_>,
        load: LoadPlan,
        rejects: &Rejects,
        tally: &mut Tally,
        progress: &mut dyn Progress,
        cancel: &Cancel,
    ) -> Result<LoadReport, Failure> {
        if let (TableAction::Replace, Some(statement)) = (self.action, &self.first_statement) {
            let began = Instant::now();
            progress.event(&ProgressEvent::Statement { sql: statement.clone() });
            tally.rows_deleted = transaction.session().execute_sql(Phase::Execute, Some(&self.table), statement)?;
            tally.prepare += began.elapsed();
        }
        progress.event(&ProgressEvent::Started { rows_total: self.source_rows.unwrap_or(0), bytes_total: self.source_bytes });
        let mut loader = rejects.attach(Loader::new(transaction, load)?);
        let mut reader = self.work.source.read(self.work.read.clone());
        loop {
            self.refuse_if_cancelled(cancel, tally)?;
            let began = Instant::now();
            let next = reader.next().transpose()?;
            tally.read += began.elapsed();
            let Some(next) = next else { break };
            let written = loader.write(&next.batch, Some(&next.file), next.first_row);
            tally.rows_open = loader.rows_loaded() - tally.rows_committed;
            written?;
            tally.rows_read += next.batch.num_rows() as u64;
            progress.event(&ProgressEvent::Batch { rows_done: tally.rows_read, bytes_done: next.bytes_done });
            self.commit_if_due(transaction, rejects, tally, progress, cancel)?;
        }
        let flushed = loader.flush();
        tally.rows_open = loader.rows_loaded() - tally.rows_committed;
        flushed?;
        let report = loader.finish()?;
        self.check_counts(tally, &report)?;
        Ok(report)
    }

    fn commit_if_due(
        &self,
        transaction: &Transaction<'_>,
        rejects: &Rejects,
        tally: &mut Tally,
        progress: &mut dyn Progress,
        cancel: &Cancel,
    ) -> Result<(), Failure> {
        let CommitPolicy::EveryRows(every) = self.commit else { return Ok(()) };
        if tally.rows_open < every.get() {
            return Ok(());
        }
        rejects.sync()?;
        let breakable = cancel.disarm();
        self.refuse_if_cancelled(cancel, tally)?;
        let began = Instant::now();
        transaction.commit_and_continue().map_err(Failure::of_commit)?;
        tally.commit += began.elapsed();
        tally.commits += 1;
        tally.rows_committed += std::mem::take(&mut tally.rows_open);
        progress.event(&ProgressEvent::Committed { rows_committed: tally.rows_committed });
        if let Some(breakable) = breakable {
            cancel.arm(breakable);
        }
        Ok(())
    }

    /// Nothing lost, nothing twice: what the files say, what was decoded and what the database counted are one number.
    fn check_counts(&self, tally: &Tally, report: &LoadReport) -> Result<()> {
        let accounted_for = report.rows_loaded + report.rows_not_found + report.rows_rejected();
        let source_rows = self.source_rows.unwrap_or(tally.rows_read);
        if tally.rows_read == source_rows && accounted_for == source_rows {
            return Ok(());
        }
        Err(Error::Database {
            phase: Phase::Execute,
            table: Some(self.table.clone()),
            ora_code: 0,
            message: format!("the source has {source_rows} rows, {} were read and {accounted_for} accounted for", tally.rows_read),
            remedy: "rolled back; run the job again, and report this if it happens twice".into(),
            session_dead: false,
        })
    }

    fn interrupted(&self, tally: &Tally) -> Error {
        Error::Interrupted { table: self.table.clone(), rows_rolled_back: tally.rows_open, rows_committed: tally.rows_committed }
    }

    fn refuse_if_cancelled(&self, cancel: &Cancel, tally: &Tally) -> Result<()> {
        if cancel.is_requested() { Err(self.interrupted(tally)) } else { Ok(()) }
    }

    fn as_interruption(&self, error: Error, cancel: &Cancel, tally: &Tally) -> Error {
        if was_broken_off(&error, cancel) { self.interrupted(tally) } else { error }
    }

    /// Drops a table that this run created, and says what could not be undone.
    fn clean_up(&self, session: &Session, created: bool, outcome_unknown: bool, tally: &Tally, error: Error) -> Error {
        if outcome_unknown {
            let note = format!("the answer to the commit was lost: count the rows of {} before running the job again", self.table);
            return annotate(error, &note);
        }
        if created {
            let dropped = sql::drop_table(&self.work.name, false).and_then(|sql| session.execute_sql(Phase::Ddl, Some(&self.table), &sql));
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
        match (&error, tally.rows_committed) {
            (Error::Interrupted { .. }, _) | (_, 0) => error,
            (_, rows) => annotate(error, &format!("the first {rows} rows had been committed before and are in {}", self.table)),
        }
    }

    fn report(self, tally: &Tally, load: LoadReport, began: Instant) -> CopyReport {
        let total = began.elapsed();
        let times = StageTimes {
            prepare_ms: ms(tally.prepare),
            read_ms: ms(tally.read),
            convert_ms: ms(load.convert_time),
            execute_ms: ms(load.execute_time),
            commit_ms: ms(tally.commit),
            total_ms: ms(total),
        };
        CopyReport {
            table_created: self.action == TableAction::Create,
            target: self.target,
            table: self.table,
            mode: self.mode,
            action: self.action,
            first_statement: self.first_statement,
            rows_read: tally.rows_read,
            rows_loaded: load.rows_loaded,
            rows_affected: load.rows_affected,
            rows_not_found: load.rows_not_found,
            soft_delete: self.soft_delete,
            rows_rejected_convert: load.rows_rejected_convert,
            rows_rejected_execute: load.rows_rejected_execute,
            rejects_file: tally.rejects_file.as_ref().map(|path| path.display().to_string()),
            rows_deleted: tally.rows_deleted + load.rows_deleted,
            files: self.files,
            source_bytes: self.source_bytes,
            executes: load.executes,
            commits: tally.commits,
            peak_buffer_bytes: load.peak_buffer_bytes as u64,
            rows_per_second: (load.rows_loaded as f64 / total.as_secs_f64().max(1e-6)) as u64,
            times,
            warnings: self.warnings,
        }
    }
}

/// An error within the transaction, and whether a commit may have happened all the same.
struct Failure {
    error: Error,
    outcome_unknown: bool,
}

impl Failure {
    fn of_commit(error: Error) -> Self {
        Failure { outcome_unknown: commit_outcome_unknown(&error), error }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, outcome_unknown: false }
    }
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

fn is_session_dead(error: &Error) -> bool {
    matches!(error, Error::Database { session_dead: true, .. })
}

fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Refused rows are kept also when the job fails: they say what is wrong with the source, and with `--commit-rows` they are nowhere else.
fn name_rejects(error: Error, rejects: &Rejects) -> Error {
    match rejects.publish() {
        Ok(None) => error,
        Ok(Some((path, rows))) => annotate(error, &format!("{rows} rows that were refused before are in {}", path.display())),
        Err(failed) => annotate(error, &first_line(&failed)),
    }
}

/// Rows that had been committed went with the dropped table.
fn forget_committed(error: Error) -> Error {
    match error {
        Error::Interrupted { table, rows_rolled_back, rows_committed } => {
            Error::Interrupted { table, rows_rolled_back: rows_rolled_back + rows_committed, rows_committed: 0 }
        }
        other => other,
    }
}

/// Adds a sentence to what the user should do next.
fn annotate(mut error: Error, note: &str) -> Error {
    let add = |remedy: &mut String| *remedy = format!("{remedy}\n  note: {note}");
    match &mut error {
        Error::Usage { remedy, .. } | Error::Connect { remedy, .. } | Error::Database { remedy, .. } | Error::Source { remedy, .. } => {
            add(remedy)
        }
        Error::Row(row) => add(&mut row.remedy),
        Error::Plan { problems, .. } => problems.push(PlanProblem { column: None, reason: note.to_owned(), remedy: "see above".into() }),
        Error::Interrupted { table, .. } => *table = format!("{table}; {note}"),
        // No load ends so.
        Error::ExportInterrupted { .. } | Error::ClosedOutput => {}
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
