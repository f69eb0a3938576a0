//! What happens between the begin of the transaction of a plan and its last commit: statements, the rows of the source, commits on the way.

use std::time::Instant;

use super::failure::Failure;
use super::guard::SchemaHeld;
use super::named_job::Skipping;
use super::only_keys::Removing;
use super::plan::{CopyPlan, TableAction};
use super::progress::{Progress, ProgressEvent};
use super::tally::{Parts, Tally};
use crate::error::{Error, Phase, Result};
use crate::load::{LoadPlan, LoadReport, Loader};
use crate::transaction::{CommitPolicy, Transaction};

impl CopyPlan {
    /// Everything between the start of the transaction and its last commit.
    pub(super) fn fill(
        &self,
        transaction: &Transaction<'_>,
        (load, staged_insert): (LoadPlan, Option<LoadPlan>),
        parts: &Parts<'_>,
        tally: &mut Tally,
        progress: &mut dyn Progress,
    ) -> Result<LoadReport, Failure> {
        if let Some(job) = parts.job {
            job.enter(transaction.session(), self.action)?;
        }
        let schema = SchemaHeld::note(self, transaction.session())?;
        self.run_pre_sql(transaction, progress)?;
        schema.check(self, transaction.session())?;
        if let (TableAction::Replace, Some(statement)) = (self.action, &self.first_statement) {
            let began = Instant::now();
            progress.event(&ProgressEvent::Statement { sql: statement.clone() });
            tally.rows_deleted = transaction.session().execute_sql(Phase::Execute, Some(&self.table), statement)?;
            tally.prepare += began.elapsed();
        }
        progress.event(&ProgressEvent::Started { rows_total: self.source_rows.unwrap_or(0), bytes_total: self.source_bytes });
        let staged = match (&self.work.staged, staged_insert) {
            (Some((staged, _)), Some(insert)) => Some(self.fill_staged(transaction, (staged, insert), parts, tally, progress)?),
            _ => None,
        };
        let report = match staged {
            Some(Ok(report)) => report,
            Some(Err(why)) => {
                tally.not_staged = Some(why);
                self.fill_by_arrays(transaction, load, parts, tally, progress)?
            }
            None => self.fill_by_arrays(transaction, load, parts, tally, progress)?,
        };
        self.check_counts(tally, &report)?;
        self.run_post_sql(transaction, progress)?;
        schema.check_schema(transaction.session())?;
        Ok(report)
    }

    /// The rows of the source by array statements.
    fn fill_by_arrays(
        &self,
        transaction: &Transaction<'_>,
        load: LoadPlan,
        parts: &Parts<'_>,
        tally: &mut Tally,
        progress: &mut dyn Progress,
    ) -> Result<LoadReport, Failure> {
        let mut loader = parts.rejects.attach(Loader::new(transaction, load)?);
        if self.overlap {
            loader = loader.overlapping();
        }
        let mut removing = self.work.removal.as_ref().map(|removal| removal.begin(transaction, parts)).transpose()?.flatten();
        tally.rows_read = self.rows_done_before();
        tally.rows_marked = tally.rows_read;
        let batches = self.work.source.read(self.work.read.clone());
        let decode_clock = batches.decode_clock();
        let batches = batches.inspect(|next| {
            if let (Some(job), Ok(next)) = (parts.job, next) {
                job.has_read(&next.file);
            }
        });
        let mut reader = Skipping::new(batches, tally.rows_read);
        loop {
            self.refuse_if_cancelled(parts.cancel, tally)?;
            let began = Instant::now();
            let next = reader.next();
            tally.read += began.elapsed();
            let Some(Ok(next)) = next else {
                // What was read before comes before the end, and before an error.
                let settled = loader.settle();
                tally.rows_open = loader.rows_loaded() - tally.rows_committed;
                settled?;
                self.commit_if_due(transaction, &mut loader, parts, tally, progress)?;
                next.transpose()?;
                break;
            };
            let written = match &mut removing {
                Some(removing) => removing.write(&mut loader, &next),
                None => loader.write(&next.batch, Some(&next.file), next.first_row).map_err(Failure::from),
            };
            tally.rows_open = loader.rows_loaded() + removing.as_ref().map_or(0, Removing::rows_loaded) - tally.rows_committed;
            written?;
            tally.rows_read += next.batch.num_rows() as u64;
            progress.event(&ProgressEvent::Batch { rows_done: tally.rows_read, bytes_done: next.bytes_done });
            self.commit_if_due(transaction, &mut loader, parts, tally, progress)?;
        }
        tally.decode += decode_clock.elapsed();
        let flushed = loader.flush();
        tally.rows_open = loader.rows_loaded() - tally.rows_committed;
        flushed?;
        let mut report = loader.finish()?;
        if let Some(removing) = removing {
            report.add(&removing.finish()?);
        }
        Ok(report)
    }

    fn commit_if_due(
        &self,
        transaction: &Transaction<'_>,
        loader: &mut Loader<'_>,
        parts: &Parts<'_>,
        tally: &mut Tally,
        progress: &mut dyn Progress,
    ) -> Result<(), Failure> {
        let Parts { rejects, job, cancel } = *parts;
        let CommitPolicy::EveryRows(every) = self.commit else { return Ok(()) };
        let rows_since = if job.is_some() { tally.rows_read - tally.rows_marked } else { tally.rows_open };
        if rows_since < every.get() {
            return Ok(());
        }
        if job.is_some() {
            // The mark counts rows of the source, so none of those that were read may be left behind in the buffers.
            loader.flush()?;
            tally.rows_open = loader.rows_loaded() - tally.rows_committed;
        }
        rejects.sync()?;
        let breakable = cancel.disarm();
        self.refuse_if_cancelled(cancel, tally)?;
        let began = Instant::now();
        if let Some(job) = job {
            job.write(transaction.session(), tally.rows_read, false, rejects)?;
        }
        transaction.commit_and_continue().map_err(Failure::of_commit)?;
        if let Some(job) = job {
            job.committed();
        }
        tally.rows_marked = tally.rows_read;
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
    pub(super) fn check_counts(&self, tally: &Tally, report: &LoadReport) -> Result<()> {
        let accounted_for = self.rows_done_before() + report.rows_loaded + report.rows_not_found + report.rows_rejected();
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

    /// Rows that an earlier run of the job has committed.
    pub(super) fn rows_done_before(&self) -> u64 {
        self.job.as_ref().map_or(0, |job| job.rows_done_before)
    }
}
