//! Carrying out a copy between databases.

use std::time::Instant;

use super::PipePlan;
use super::insert::Insert;
use super::report::{PipeReport, Tally};
use crate::copy::failure::{Failure, GUARD, establish, unknown_outcome};
use crate::copy::guard;
use crate::copy::plan::{TableAction, plan_error};
use crate::copy::progress::{Cancel, Progress, ProgressEvent};
use crate::error::{Error, Phase, PlanProblem, Result, RowError, SourceRow};
use crate::fetch::{FetchedRows, Fetcher};
use crate::oci::{ArrayRowError, Session};
use crate::sql;
use crate::transaction::{ORA_CANCELLED, Transaction};

impl PipePlan {
    /// Moves the rows in one transaction of the target.
    ///
    /// # Errors
    /// The transaction is rolled back, and a table that this run created is dropped again. [`Error::Row`] names the row of the query that the
    /// database refused; [`Error::Interrupted`] when `cancel` was requested.
    pub fn run(self, from: &Session, to: &mut Session, progress: &mut dyn Progress, cancel: &Cancel) -> Result<PipeReport> {
        let began = Instant::now();
        let mut tally = Tally::default();
        if self.action == TableAction::Skip {
            return Ok(self.report(&tally, began));
        }
        guard::refuse_unasked(self.mode, guard::destroys(self.action, &self.table), self.allow_destructive)?;
        self.check_unchanged(to)?;
        cancel.arm(to.cancel_handle());
        cancel.arm_also(from.cancel_handle());
        let moved = self.move_all(from, to, progress, cancel, &mut tally);
        cancel.disarm();
        match moved {
            Ok(()) => Ok(self.report(&tally, began)),
            Err(failure) => Err(self.clean_up(to, failure, cancel, &tally)),
        }
    }

    /// The table is what it was when the plan was made.
    fn check_unchanged(&self, to: &Session) -> Result<()> {
        if to.describe_table(&self.name)? == self.existing {
            return Ok(());
        }
        let reason = "the table has been created or changed by someone else since the plan was made".into();
        Err(plan_error(&self.name, vec![PlanProblem { column: None, reason, remedy: "run the job again".into() }]))
    }

    fn move_all(
        &self,
        from: &Session,
        to: &mut Session,
        progress: &mut dyn Progress,
        cancel: &Cancel,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        // Before anything is done to the target: the source may refuse.
        let mut source = self.fetch.with_sql(self.select_sql.clone())?.open(from)?;
        let began = Instant::now();
        let first = source.next_rows()?;
        tally.fetch += began.elapsed();
        self.refuse_if_cancelled(cancel, tally)?;
        if let (TableAction::Create | TableAction::Truncate, Some(statement)) = (self.action, &self.first_statement) {
            progress.event(&ProgressEvent::Statement { sql: statement.clone() });
            to.execute_sql(Phase::Ddl, Some(&self.table), statement)?;
            tally.created = self.action == TableAction::Create;
        }
        let moved = match source.has_lobs() {
            false => self.move_rows_overlapped(&mut source, first, to, (progress, cancel), tally),
            true => self.move_in_turn(&mut source, first, to, (progress, cancel), tally),
        };
        moved.map_err(Failure::of_commit).or_else(|failure| establish(failure, None, to, cancel).map(drop))?;
        progress.event(&ProgressEvent::Committed { rows_committed: tally.rows });
        Ok(())
    }

    /// One after the other, in one transaction: the LOBs of a row are read over the connection that fetches, and have to stay where they are while
    /// they are bound.
    fn move_in_turn(
        &self,
        source: &mut Fetcher<'_>,
        first: Option<FetchedRows>,
        to: &mut Session,
        (progress, cancel): (&mut dyn Progress, &Cancel),
        tally: &mut Tally,
    ) -> Result<()> {
        let transaction = Transaction::begin(to);
        if let (TableAction::Replace, Some(statement)) = (self.action, &self.first_statement) {
            progress.event(&ProgressEvent::Statement { sql: statement.clone() });
            tally.rows_deleted = transaction.session().execute_sql(Phase::Execute, Some(&self.table), statement)?;
        }
        progress.event(&ProgressEvent::Started { rows_total: 0, bytes_total: 0 });
        self.move_rows(source, first, transaction.session(), progress, cancel, tally)?;
        cancel.disarm();
        self.refuse_if_cancelled(cancel, tally)?;
        let began = Instant::now();
        transaction.commit()?;
        tally.commit = began.elapsed();
        Ok(())
    }

    fn move_rows(
        &self,
        source: &mut Fetcher<'_>,
        mut next: Option<FetchedRows>,
        to: &Session,
        progress: &mut dyn Progress,
        cancel: &Cancel,
        tally: &mut Tally,
    ) -> Result<()> {
        let failed = |error: crate::oci::OciError| error.into_error(Phase::Execute, Some(&self.table));
        let mut insert = Insert::new(to, &self.statement, &self.fetch.layouts(), &self.layouts, self.rows_per_batch).map_err(failed)?;
        while let Some(fetched) = next {
            self.refuse_if_cancelled(cancel, tally)?;
            let rows = fetched.rows.len() as u64;
            let done = insert.take(source, &fetched).map_err(failed)?;
            tally.copy += done.copy;
            tally.execute += done.execute;
            tally.executes += done.executes;
            self.check_inserted(rows, done.rows_affected, done.refused, tally)?;
            progress.event(&ProgressEvent::Batch { rows_done: tally.rows, bytes_done: 0 });
            let began = Instant::now();
            next = source.next_rows()?;
            tally.fetch += began.elapsed();
        }
        Ok(())
    }

    /// All of `rows` rows are in the target.
    pub(super) fn check_inserted(&self, rows: u64, affected: u64, refused: Option<ArrayRowError>, tally: &mut Tally) -> Result<()> {
        if let Some(refused) = refused {
            return Err(self.row_refused(tally.rows + u64::from(refused.row_index) + 1, refused.ora_code, refused.message));
        }
        if affected != rows {
            let message = format!("{rows} rows were sent and {affected} inserted");
            return Err(self.row_refused(tally.rows + 1, 0, message));
        }
        tally.rows += rows;
        Ok(())
    }

    #[cold]
    fn row_refused(&self, row: u64, ora_code: i32, message: String) -> Error {
        Error::Row(Box::new(RowError {
            phase: Phase::Execute,
            table: self.table.clone(),
            column: None,
            source: SourceRow { file: None, row },
            rowid: None,
            ora_code: Some(ora_code).filter(|code| *code != 0),
            message,
            remedy: crate::oci::remedy(ora_code).to_owned(),
        }))
    }

    pub(super) fn refuse_if_cancelled(&self, cancel: &Cancel, tally: &Tally) -> Result<()> {
        if cancel.is_requested() { Err(self.interrupted(tally)) } else { Ok(()) }
    }

    fn interrupted(&self, tally: &Tally) -> Error {
        Error::Interrupted { table: self.table.clone(), rows_rolled_back: tally.rows, rows_committed: 0 }
    }

    /// The guard has rolled back; a table of this run goes too, unless its rows may have been committed.
    fn clean_up(&self, to: &Session, Failure { error, outcome_unknown }: Failure, cancel: &Cancel, tally: &Tally) -> Error {
        if outcome_unknown {
            return unknown_outcome(error, &self.table, GUARD);
        }
        let was_broken_off =
            matches!(error, Error::Database { ora_code: ORA_CANCELLED, phase: Phase::Execute | Phase::Query | Phase::Ddl, .. });
        let error = if was_broken_off && cancel.is_requested() { self.interrupted(tally) } else { error };
        if tally.created {
            // Why the rows did not arrive matters more than a table that is left empty.
            let _ = sql::drop_table(&self.name, false).and_then(|sql| to.execute_sql(Phase::Ddl, Some(&self.table), &sql));
        }
        error
    }
}
