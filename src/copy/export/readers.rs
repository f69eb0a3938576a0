//! Several sessions that read the slices of a query, each at the same SCN.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use arrow::array::RecordBatch;

use super::refusal::Slice;
use super::slices::CutBy;
use crate::copy::progress::{Cancel, Progress, ProgressEvent};
use crate::error::{Error, Phase, Result};
use crate::fetch::FetchPlan;
use crate::oci::Session;

/// A slice's batches are held back until it is whole, so that it can be read again; from this size on they are not.
const HELD_BYTES: usize = 64 << 20;
/// How often a slice is read again before the job gives up.
const MOST_RETRIES: u32 = 3;
/// Snapshot too old.
const ORA_SNAPSHOT_TOO_OLD: i32 = 1555;
/// How often the progress of other readers is told when this thread has nothing more to read.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// How many sessions read, and what.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Readers {
    /// Sessions, this one included.
    pub sessions: u32,
    /// Pieces of the table, each one query.
    pub slices: usize,
    /// Where they come from.
    pub cut_by: CutBy,
    /// Rows come in the order of the slices.
    pub ordered: bool,
    /// Why there are fewer sessions than asked for.
    pub note: Option<String>,
}

/// What was read.
#[derive(Debug, Default)]
pub(in crate::copy) struct Tally {
    pub(in crate::copy) rows: u64,
    pub(in crate::copy) batches: u64,
    pub(in crate::copy) slices_retried: u64,
    /// Of all readers together.
    pub(in crate::copy) fetch: Duration,
    /// Of all readers together.
    pub(in crate::copy) convert: Duration,
}

/// The work and what all readers share.
struct Shared<'a> {
    slices: &'a [Slice],
    ordered: bool,
    cancel: &'a Cancel,
    next: AtomicUsize,
    /// Index of the slice whose batches may be sent, where there is an order.
    turn: Mutex<usize>,
    turned: Condvar,
    stopped: AtomicBool,
    error: Mutex<Option<Error>>,
    rows: AtomicU64,
    bytes: AtomicU64,
    batches: AtomicU64,
    retries: AtomicU64,
    fetch_ns: AtomicU64,
    convert_ns: AtomicU64,
}

/// Reads `slices` with `session` on this thread and with each of `others` on one of its own; the batches go to `sender`. When the receiver is gone,
/// reading ends without an error.
pub(in crate::copy) fn read_slices(
    plan: &FetchPlan,
    slices: &[Slice],
    ordered: bool,
    sessions: (&Session, Vec<Session>),
    sender: SyncSender<RecordBatch>,
    rows_expected: Option<u64>,
    listeners: (&mut dyn Progress, &Cancel),
) -> (Tally, Result<()>) {
    let (session, others) = sessions;
    let (progress, cancel) = listeners;
    progress.event(&ProgressEvent::Started { rows_total: rows_expected.unwrap_or(0), bytes_total: 0 });
    let shared = Shared::new(slices, ordered, cancel);
    let mut plans = Vec::with_capacity(others.len());
    for other in others {
        cancel.arm_also(other.cancel_handle());
        match plan.with_sql(plan.sql.clone()) {
            Ok(plan) => plans.push((other, plan)),
            Err(error) => return (Tally::default(), Err(error)),
        }
    }
    thread::scope(|scope| {
        let shared = &shared;
        let workers: Vec<_> = plans
            .into_iter()
            .map(|(other, plan)| {
                let sender = sender.clone();
                scope.spawn(move || Reader { shared, session: &other, plan: &plan, sender }.run(&mut || {}))
            })
            .collect();
        let mut tell = || progress.event(&shared.progress());
        Reader { shared, session, plan, sender }.run(&mut tell);
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::park_timeout(PROGRESS_INTERVAL);
            tell();
        }
        for worker in workers {
            if worker.join().is_err() {
                shared.fail(panicked());
            }
        }
    });
    shared.finish()
}

fn panicked() -> Error {
    Error::Database {
        phase: Phase::Query,
        table: None,
        ora_code: 0,
        message: "a reader panicked".into(),
        remedy: "report this as a bug; nothing was written".into(),
        session_dead: false,
    }
}

impl<'a> Shared<'a> {
    fn new(slices: &'a [Slice], ordered: bool, cancel: &'a Cancel) -> Self {
        let zero = AtomicU64::default;
        Shared {
            slices,
            ordered,
            cancel,
            next: AtomicUsize::new(0),
            turn: Mutex::new(0),
            turned: Condvar::new(),
            stopped: AtomicBool::new(false),
            error: Mutex::new(None),
            rows: zero(),
            bytes: zero(),
            batches: zero(),
            retries: zero(),
            fetch_ns: zero(),
            convert_ns: zero(),
        }
    }

    fn progress(&self) -> ProgressEvent {
        ProgressEvent::Batch { rows_done: self.rows.load(Ordering::Relaxed), bytes_done: self.bytes.load(Ordering::Relaxed) }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire) || self.cancel.is_requested()
    }

    /// The others stop at their next batch. The first error is the job's.
    fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.turned.notify_all();
    }

    fn fail(&self, error: Error) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stop();
    }

    fn turn(&self) -> MutexGuard<'_, usize> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the slices before are sent; false when the job ends.
    fn wait_for_turn(&self, slice: usize) -> bool {
        let mut turn = self.turn();
        while self.ordered && *turn != slice && !self.is_stopped() {
            // A cancel does not notify.
            turn = self.turned.wait_timeout(turn, PROGRESS_INTERVAL).unwrap_or_else(PoisonError::into_inner).0;
        }
        !self.is_stopped()
    }

    fn pass_turn(&self) {
        *self.turn() += 1;
        self.turned.notify_all();
    }

    fn finish(self) -> (Tally, Result<()>) {
        let tally = Tally {
            rows: self.rows.into_inner(),
            batches: self.batches.into_inner(),
            slices_retried: self.retries.into_inner(),
            fetch: Duration::from_nanos(self.fetch_ns.into_inner()),
            convert: Duration::from_nanos(self.convert_ns.into_inner()),
        };
        let error = self.error.into_inner().unwrap_or_else(PoisonError::into_inner);
        (tally, error.map_or(Ok(()), Err))
    }
}

/// Ends the job when the thread panics: the others may be waiting for its slice.
struct FailOnPanic<'a>(&'a Shared<'a>);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(panicked());
        }
    }
}

/// One session at work.
struct Reader<'a> {
    shared: &'a Shared<'a>,
    session: &'a Session,
    plan: &'a FetchPlan,
    sender: SyncSender<RecordBatch>,
}

/// Batches of a slice.
#[derive(Default)]
struct Held {
    batches: Vec<RecordBatch>,
    bytes: usize,
    /// Some are sent, so that the slice cannot be read again.
    is_sent: bool,
}

/// The job ends: an error of a reader, a cancel, or nobody takes the batches.
struct Ended;

impl Reader<'_> {
    fn run(self, tell: &mut dyn FnMut()) {
        let shared = self.shared;
        let _guard = FailOnPanic(shared);
        while !shared.is_stopped() {
            let slice = shared.next.fetch_add(1, Ordering::Relaxed);
            if slice >= shared.slices.len() || self.read_with_retries(slice, tell).is_err() {
                break;
            }
            shared.pass_turn();
        }
    }

    fn read_with_retries(&self, slice: usize, tell: &mut dyn FnMut()) -> std::result::Result<(), Ended> {
        let mut retries = 0;
        loop {
            // One slice is the whole query: it streams.
            let mut held = Held { is_sent: self.shared.slices.len() == 1, ..Held::default() };
            match self.read(slice, &mut held, tell) {
                Ok(result) => {
                    result?;
                    return self.send(slice, held.batches, tell);
                }
                Err(error) if is_too_old(&error) && !held.is_sent && retries < MOST_RETRIES => {
                    retries += 1;
                    self.shared.retries.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    // The others need not go on while this one looks for the row.
                    self.shared.stop();
                    let error =
                        self.shared.slices[slice].with_address(self.session, self.plan, error, || self.shared.cancel.is_requested());
                    self.shared.fail(error);
                    return Err(Ended);
                }
            }
        }
    }

    /// Reads a slice and holds its batches, unless they become too many.
    fn read(&self, slice: usize, held: &mut Held, tell: &mut dyn FnMut()) -> Result<std::result::Result<(), Ended>> {
        let mut fetcher = self.plan.with_sql(self.shared.slices[slice].sql.clone())?.open(self.session)?;
        let fetched = loop {
            if self.shared.is_stopped() {
                break Ok(Err(Ended));
            }
            let batch = match fetcher.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => break Ok(Ok(())),
                Err(error) => break Err(error),
            };
            held.bytes += batch.get_array_memory_size();
            held.batches.push(batch);
            held.is_sent |= held.bytes > HELD_BYTES;
            if held.is_sent && self.send(slice, std::mem::take(&mut held.batches), tell).is_err() {
                break Ok(Err(Ended));
            }
        };
        self.shared.fetch_ns.fetch_add(fetcher.fetch_time().as_nanos() as u64, Ordering::Relaxed);
        self.shared.convert_ns.fetch_add(fetcher.convert_time().as_nanos() as u64, Ordering::Relaxed);
        fetched
    }

    fn send(&self, slice: usize, batches: Vec<RecordBatch>, tell: &mut dyn FnMut()) -> std::result::Result<(), Ended> {
        let shared = self.shared;
        if !shared.wait_for_turn(slice) {
            return Err(Ended);
        }
        for batch in batches {
            let (rows, bytes) = (batch.num_rows() as u64, batch.get_array_memory_size() as u64);
            if self.sender.send(batch).is_err() {
                shared.stop();
                return Err(Ended);
            }
            shared.rows.fetch_add(rows, Ordering::Relaxed);
            shared.bytes.fetch_add(bytes, Ordering::Relaxed);
            shared.batches.fetch_add(1, Ordering::Relaxed);
            tell();
        }
        Ok(())
    }
}

fn is_too_old(error: &Error) -> bool {
    matches!(error, Error::Database { ora_code: ORA_SNAPSHOT_TOO_OLD, .. })
}
