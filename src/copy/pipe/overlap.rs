//! Fetching and inserting at the same time: what one set of array buffers holds is inserted by a thread while the next rows fill the other. No value
//! is copied on its way. There are two sets, whatever the size of the table.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::PipePlan;
use super::report::Tally;
use crate::copy::plan::TableAction;
use crate::copy::progress::{Cancel, Progress, ProgressEvent};
use crate::error::{Error, Phase, Result};
use crate::fetch::{FetchedRows, Fetcher};
use crate::layout::Layout;
use crate::oci::{ArrayMode, ArrayOutcome, ArraySet, OciError, Session};
use crate::transaction::Transaction;

/// What the inserting thread is to do.
enum Order {
    /// Insert so many rows.
    Insert(ArraySet, u32),
    /// All rows are there. Without it the thread ends with a rollback.
    Commit,
}

/// What it has done.
enum Answer {
    /// Rows of the target were deleted, and here are buffers to be filled.
    Begun { rows_deleted: u64, set: ArraySet },
    /// The rows were inserted, and the buffers may be filled again.
    Inserted { set: ArraySet, rows: u32, outcome: ArrayOutcome, execute: Duration },
    /// The transaction is committed.
    Committed,
}

/// The two ends that the fetching thread has.
struct Ends {
    orders: Sender<Order>,
    answers: Receiver<Result<Answer>>,
}

/// What the inserting thread knows of the plan.
#[derive(Clone, Copy)]
struct Work<'p> {
    table: &'p str,
    /// DELETE before the rows, in their transaction.
    delete: Option<&'p str>,
    insert: &'p str,
    layouts: &'p [Layout],
    rows_per_batch: u32,
}

impl PipePlan {
    /// Moves all rows in one transaction; `next` are in the buffers of `source`. Columns without LOBs only.
    pub(super) fn move_rows_overlapped(
        &self,
        source: &mut Fetcher<'_>,
        next: Option<FetchedRows>,
        to: &mut Session,
        (progress, cancel): (&mut dyn Progress, &Cancel),
        tally: &mut Tally,
    ) -> Result<()> {
        let work = Work {
            table: &self.table,
            delete: self.first_statement.as_deref().filter(|_| self.action == TableAction::Replace),
            insert: &self.statement,
            layouts: &self.layouts,
            rows_per_batch: self.rows_per_batch,
        };
        if let Some(delete) = work.delete {
            progress.event(&ProgressEvent::Statement { sql: delete.to_owned() });
        }
        progress.event(&ProgressEvent::Started { rows_total: 0, bytes_total: 0 });
        thread::scope(|scope| {
            let (orders, to_do) = channel();
            let (done, answers) = channel();
            // The session goes to the thread for as long as rows move: it is used by one thread at a time, and the thread ends its transaction.
            let inserter = move || {
                if let Err(error) = insert_all(to, work, &to_do, &done) {
                    // When the other end is gone, so is whoever would hear of it.
                    let _ = done.send(Err(error));
                }
            };
            thread::Builder::new().name("olbridge-insert".into()).spawn_scoped(scope, inserter).map_err(no_thread)?;
            // Dropped at the end of this closure, which ends the thread; the scope waits for it.
            let ends = Ends { orders, answers };
            self.fetch_all(source, next, &ends, (progress, cancel), tally)?;
            cancel.disarm();
            self.refuse_if_cancelled(cancel, tally)?;
            let began = Instant::now();
            let _ = ends.orders.send(Order::Commit);
            self.settle(&ends, progress, tally)?;
            tally.commit = began.elapsed();
            Ok(())
        })
    }

    fn fetch_all(
        &self,
        source: &mut Fetcher<'_>,
        next: Option<FetchedRows>,
        ends: &Ends,
        (progress, cancel): (&mut dyn Progress, &Cancel),
        tally: &mut Tally,
    ) -> Result<()> {
        let mut next = Ok(next);
        loop {
            // Rows that were sent before are told of before an error of those that came later.
            let began = Instant::now();
            let set = self.settle(ends, progress, tally)?;
            tally.wait += began.elapsed();
            let (Some(fetched), Some(set)) = (next?, set) else { return Ok(()) };
            self.refuse_if_cancelled(cancel, tally)?;
            // A thread that is gone has said why, or has panicked.
            let _ = ends.orders.send(Order::Insert(source.exchange(set)?, fetched.rows.len() as u32));
            let began = Instant::now();
            next = source.next_rows();
            tally.fetch += began.elapsed();
        }
    }

    /// Waits for what was ordered last; the buffers that it has emptied.
    fn settle(&self, ends: &Ends, progress: &mut dyn Progress, tally: &mut Tally) -> Result<Option<ArraySet>> {
        // The panic of a thread that is gone without a word goes on when the scope ends.
        match ends.answers.recv().unwrap_or_else(|_| Err(no_thread("the thread that inserts is gone")))? {
            Answer::Begun { rows_deleted, set } => {
                tally.rows_deleted = rows_deleted;
                Ok(Some(set))
            }
            Answer::Inserted { set, rows, outcome, execute } => {
                tally.execute += execute;
                tally.executes += 1;
                self.check_inserted(u64::from(rows), outcome.rows_affected, outcome.row_errors.into_iter().next(), tally)?;
                progress.event(&ProgressEvent::Batch { rows_done: tally.rows, bytes_done: 0 });
                Ok(Some(set))
            }
            Answer::Committed => Ok(None),
        }
    }
}

/// The thread that inserts: until something fails, or it is told to commit, or nothing comes any more.
fn insert_all(to: &mut Session, work: Work<'_>, orders: &Receiver<Order>, answers: &Sender<Result<Answer>>) -> Result<()> {
    let failed = |error: OciError| error.into_error(Phase::Execute, Some(work.table));
    let transaction = Transaction::begin(to);
    let delete = |sql: &str| transaction.session().execute_sql(Phase::Execute, Some(work.table), sql);
    let rows_deleted = work.delete.map_or(Ok(0), delete)?;
    let mut statement = transaction.session().array_statement(work.insert, work.layouts, work.rows_per_batch).map_err(failed)?;
    let mut answer = Answer::Begun { rows_deleted, set: statement.lend() };
    while answers.send(Ok(answer)).is_ok() {
        answer = match orders.recv() {
            Ok(Order::Insert(set, rows)) => {
                let began = Instant::now();
                statement.take_back(set).map_err(failed)?;
                let outcome = statement.execute(rows, ArrayMode::StopAtFirstError).map_err(failed)?;
                Answer::Inserted { set: statement.lend(), rows, outcome, execute: began.elapsed() }
            }
            Ok(Order::Commit) => {
                drop(statement);
                transaction.commit()?;
                let _ = answers.send(Ok(Answer::Committed));
                return Ok(());
            }
            // Dropped, the transaction is rolled back.
            Err(_) => return Ok(()),
        };
    }
    Ok(())
}

fn no_thread(reason: impl std::fmt::Display) -> Error {
    Error::Database {
        phase: Phase::Execute,
        table: None,
        ora_code: 0,
        message: format!("no thread to insert with: {reason}"),
        remedy: "run the job again when the system has room for more threads; nothing was changed".into(),
        session_dead: false,
    }
}
