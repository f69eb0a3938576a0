//! One session of a parallel load, on a thread of its own: its rows, its transaction.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Instant;

use arrow::array::RecordBatch;

use super::board::{Board, Ended, Next, Rows, Verdict};
use super::numbering::Numbering;
use super::tally::{SessionTally, Stretches};
use crate::copy::progress::Cancel;
use crate::copy::rejects::Rejects;
use crate::error::{Error, Phase, Result, RowError};
use crate::load::{LoadPlan, LoadReport, Loader, RejectSink};
use crate::oci::Session;
use crate::transaction::{CommitPolicy, Transaction, commit_outcome_unknown};

/// A statement that the database does not know.
const UNKNOWN_STATEMENT: [i32; 3] = [900, 922, 3001];

/// What all sessions of a load hold.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub board: &'a Board<'a>,
    pub rejects: &'a Rejects,
    pub cancel: &'a Cancel,
    pub commit: CommitPolicy,
    pub overlap: bool,
}

/// One session at work.
pub(super) struct Worker<'a> {
    shared: Shared<'a>,
    /// 0-based.
    index: usize,
    numbering: Rc<RefCell<Numbering>>,
    tally: SessionTally,
    committed: Stretches,
    open: Stretches,
}

/// Why a session does not get to its end.
enum Stopped {
    /// Its own error; of a bad row, the rows of the source before it.
    Failed(Option<u64>, Error),
    /// Another session's, or a cancel.
    ByOthers,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Stopped::Failed(None, error)
    }
}

impl<'a> Worker<'a> {
    pub fn new(shared: Shared<'a>, index: usize) -> Self {
        Worker {
            shared,
            index,
            numbering: Rc::default(),
            tally: SessionTally::default(),
            committed: Stretches::default(),
            open: Stretches::default(),
        }
    }

    /// Loads until there are no more rows, then ends its transaction as it is told.
    pub fn run(mut self, session: &mut Session, plan: LoadPlan) {
        let board = self.shared.board;
        let transaction = Transaction::begin(session);
        let filled = catch_unwind(AssertUnwindSafe(|| self.fill(&transaction, plan)));
        let (mut commit_error, mut rollback_error) = (None, None);
        let verdict = match filled {
            Ok(Ok(report)) => board.ready(self.index, report),
            Ok(Err(stopped)) => {
                if let Stopped::Failed(row, error) = stopped {
                    // A commit in doubt is told of, whatever the load's end is due to.
                    commit_error = board.fail(self.index, row, error).filter(commit_outcome_unknown);
                }
                Verdict::RollBack
            }
            Err(panic) => {
                board.panicked(panic);
                Verdict::RollBack
            }
        };
        self.shared.cancel.disarm_one(self.index);
        let began = Instant::now();
        match verdict {
            Verdict::RollBack => rollback_error = transaction.rollback().err(),
            Verdict::Commit => {
                board.note_commit(self.index);
                match transaction.commit() {
                    Ok(()) => self.note_committed(began),
                    Err(error) => commit_error = Some(error),
                }
            }
        }
        let Worker { tally, committed, open, index, .. } = self;
        board.ended(index, Ended { tally, committed, open, commit_error, rollback_error });
    }

    /// Everything before the last commit.
    fn fill(&mut self, transaction: &Transaction<'_>, plan: LoadPlan) -> Result<LoadReport, Stopped> {
        let mut loader = Loader::new(transaction, plan)?;
        if self.shared.rejects.are_kept() {
            let sink = Sink { rejects: self.shared.rejects, numbering: Rc::clone(&self.numbering) };
            loader = loader.with_rejects(Box::new(sink), None);
        }
        if self.shared.overlap {
            loader = loader.overlapping();
        }
        loop {
            let began = Instant::now();
            let next = self.shared.board.next(self.index);
            self.tally.wait += began.elapsed();
            match next {
                Next::Rows(rows) => self.write(&mut loader, rows)?,
                Next::End => break,
                Next::Finish => {
                    loader.flush().map_err(|error| self.placed(error))?;
                    return Err(Stopped::ByOthers);
                }
                Next::Stop => return Err(Stopped::ByOthers),
            }
            self.commit_if_due(transaction, &mut loader)?;
        }
        loader.flush().map_err(|error| self.placed(error))?;
        self.note(&loader);
        refuse_deferred(transaction)?;
        Ok(loader.finish()?)
    }

    fn write(&mut self, loader: &mut Loader<'_>, rows: Rows) -> Result<(), Stopped> {
        let first = self.numbering.borrow_mut().give(&rows);
        if rows.picked.is_none() {
            self.open.add(&rows.file, rows.first_row, rows.batch.num_rows() as u64);
        }
        // Placed before what is executed is forgotten.
        let written = loader.write(&rows.batch, None, first).map_err(|error| self.placed(error));
        self.note(loader);
        written
    }

    fn note(&mut self, loader: &Loader<'_>) {
        let report = loader.report();
        self.numbering.borrow_mut().forget(report.rows_loaded + report.rows_not_found + report.rows_rejected_execute);
        self.tally.rows_open = report.rows_loaded - self.tally.rows_committed;
        self.shared.board.note(self.index, self.tally);
    }

    /// An error with the row's place in the source.
    fn placed(&self, error: Error) -> Stopped {
        match error {
            // Rows that the sink has seen have theirs.
            Error::Row(mut row) if row.source.file.is_none() => {
                let rows_before = self.numbering.borrow().place(&mut row);
                Stopped::Failed(rows_before, Error::Row(row))
            }
            other => Stopped::Failed(None, other),
        }
    }

    fn commit_if_due(&mut self, transaction: &Transaction<'_>, loader: &mut Loader<'_>) -> Result<(), Stopped> {
        let CommitPolicy::EveryRows(every) = self.shared.commit else { return Ok(()) };
        if self.tally.rows_open < every.get() {
            return Ok(());
        }
        // So that what is committed are all rows that were taken.
        loader.flush().map_err(|error| self.placed(error))?;
        self.note(loader);
        self.shared.rejects.sync()?;
        let breakable = self.shared.cancel.disarm_one(self.index);
        if self.shared.cancel.is_requested() {
            return Err(Stopped::ByOthers);
        }
        let began = Instant::now();
        self.shared.board.note_commit(self.index);
        transaction.commit_and_continue()?;
        self.note_committed(began);
        self.shared.board.note(self.index, self.tally);
        if let Some(breakable) = breakable {
            self.shared.cancel.arm_one(self.index, breakable);
        }
        Ok(())
    }

    fn note_committed(&mut self, began: Instant) {
        self.tally.commit += began.elapsed();
        self.tally.commits += 1;
        self.tally.rows_committed += std::mem::take(&mut self.tally.rows_open);
        self.committed.append(&mut self.open);
    }
}

/// A deferred constraint is looked at now rather than at the commit: one session's would fail after another's has happened.
fn refuse_deferred(transaction: &Transaction<'_>) -> Result<()> {
    match transaction.session().execute_sql(Phase::Execute, None, "SET CONSTRAINTS ALL IMMEDIATE") {
        // A server that does not know the statement has no such constraints.
        Err(Error::Database { ora_code, .. }) if UNKNOWN_STATEMENT.contains(&ora_code) => Ok(()),
        checked => checked.map(drop),
    }
}

struct Sink<'a> {
    rejects: &'a Rejects,
    numbering: Rc<RefCell<Numbering>>,
}

impl RejectSink for Sink<'_> {
    fn reject(&mut self, batch: &RecordBatch, rows: &[(usize, RowError)]) -> Result<()> {
        let numbering = self.numbering.borrow();
        let place = |(index, error): &(usize, RowError)| {
            let mut error = error.clone();
            numbering.place(&mut error);
            (*index, error)
        };
        self.rejects.take(batch, &rows.iter().map(place).collect::<Vec<_>>())
    }
}
