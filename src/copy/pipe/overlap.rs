//! Fetching and inserting at the same time: what one set of array buffers holds is inserted by a thread while the next rows fill the other. No value
//! is copied on its way. There are two sets, whatever the size of the table.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::PipePlan;
use super::report::Tally;
use crate::copy::progress::{Cancel, Progress, ProgressEvent};
use crate::error::{Error, Phase, Result};
use crate::fetch::{FetchedRows, Fetcher};
use crate::layout::Layout;
use crate::oci::{ArrayMode, ArrayOutcome, ArraySet, OciError, Session};
use crate::transaction::Transaction;

/// Rows on their way into the target.
struct Filled {
    set: ArraySet,
    rows: u32,
}

/// A set of buffers that may be filled, and what became of the rows that it held.
struct Emptied {
    set: ArraySet,
    inserted: Option<Inserted>,
}

struct Inserted {
    rows: u32,
    outcome: ArrayOutcome,
    execute: Duration,
}

/// The two ends of the pipe that the fetching thread has.
struct Ends {
    filled: Sender<Filled>,
    emptied: Receiver<std::result::Result<Emptied, OciError>>,
}

impl PipePlan {
    /// Moves all rows, in the transaction that is open in `to`; `next` are in the buffers of `source`. Columns without LOBs only. On an error, and when
    /// this panics, the transaction is rolled back.
    pub(super) fn move_rows_overlapped(
        &self,
        source: &mut Fetcher<'_>,
        next: Option<FetchedRows>,
        to: &mut Session,
        listeners: (&mut dyn Progress, &Cancel),
        tally: &mut Tally,
    ) -> Result<()> {
        thread::scope(|scope| {
            let (filled, to_insert) = channel();
            let (give_back, emptied) = channel();
            let (keep, is_kept) = channel();
            // The session goes to the thread for as long as it inserts: it is used by one thread at a time.
            let inserter = thread::Builder::new().name("olbridge-insert".into());
            let (sql, layouts, rows) = (self.statement.as_str(), self.layouts.as_slice(), self.rows_per_batch);
            let work = move || {
                let transaction = Transaction::begin(to);
                if let Err(error) = insert_all(&transaction, (sql, layouts, rows), &to_insert, &give_back) {
                    // When the other end is gone, so is whoever would hear of it.
                    let _ = give_back.send(Err(error));
                }
                drop(give_back);
                if is_kept.recv().is_ok() {
                    transaction.leave_open();
                }
            };
            inserter.spawn_scoped(scope, work).map_err(no_thread)?;
            // Dropped at the end of this closure, which ends the thread.
            let ends = Ends { filled, emptied };
            self.fetch_all(source, next, &ends, listeners, tally)?;
            // A thread that is gone has panicked, which goes on when the scope ends.
            let _ = keep.send(());
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
            let set = self.settle(ends, progress, tally)?;
            let Some(fetched) = next? else { return Ok(()) };
            self.refuse_if_cancelled(cancel, tally)?;
            let filled = Filled { set: source.exchange(set)?, rows: fetched.rows.len() as u32 };
            // A thread that is gone has said why, or has panicked.
            let _ = ends.filled.send(filled);
            let began = Instant::now();
            next = source.next_rows();
            tally.fetch += began.elapsed();
        }
    }

    /// Waits for the buffers that were given last.
    fn settle(&self, ends: &Ends, progress: &mut dyn Progress, tally: &mut Tally) -> Result<ArraySet> {
        let began = Instant::now();
        let emptied = ends.emptied.recv();
        tally.wait += began.elapsed();
        let Emptied { set, inserted } = match emptied {
            Ok(emptied) => emptied.map_err(|error| error.into_error(Phase::Execute, Some(&self.table)))?,
            // Its panic goes on when the scope ends.
            Err(_) => return Err(no_thread("the thread that inserts is gone")),
        };
        if let Some(Inserted { rows, outcome, execute }) = inserted {
            tally.execute += execute;
            tally.executes += 1;
            self.check_inserted(u64::from(rows), outcome.rows_affected, outcome.row_errors.into_iter().next(), tally)?;
            progress.event(&ProgressEvent::Batch { rows_done: tally.rows, bytes_done: 0 });
        }
        Ok(set)
    }
}

/// The thread that inserts: until an execute fails as a whole, or nothing comes any more.
fn insert_all(
    transaction: &Transaction<'_>,
    (sql, layouts, rows_per_batch): (&str, &[Layout], u32),
    filled: &Receiver<Filled>,
    emptied: &Sender<std::result::Result<Emptied, OciError>>,
) -> std::result::Result<(), OciError> {
    let mut statement = transaction.session().array_statement(sql, layouts, rows_per_batch)?;
    let mut is_wanted = emptied.send(Ok(Emptied { set: statement.lend(), inserted: None })).is_ok();
    while is_wanted {
        let Ok(Filled { set, rows }) = filled.recv() else { break };
        let began = Instant::now();
        statement.take_back(set)?;
        let outcome = statement.execute(rows, ArrayMode::StopAtFirstError)?;
        let inserted = Some(Inserted { rows, outcome, execute: began.elapsed() });
        is_wanted = emptied.send(Ok(Emptied { set: statement.lend(), inserted })).is_ok();
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
