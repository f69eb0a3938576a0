//! Filling one batch ahead, on a thread of its own.
//!
//! ```text
//! this thread     submit k+1 │ execute what batch k has filled │ submit k+2 │ …
//! the other one              │ fill from batch k+1             │            │ …
//! ```
//! What comes from the other thread comes in the order in which one thread would have done it, and each batch is settled before the one after the
//! next is taken: so what is executed, refused and committed, and when, does not depend on which thread is faster.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender as Channel, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use arrow::array::RecordBatch;

use crate::error::{Error, RowError};
use crate::oci::{ArraySet, Shape};

use super::filler::{FillStats, Filled, Filler, Outlet};
use super::plan::PlannedColumn;
use super::sender::{Sender, new_set};

/// Sets of arrays: one is filled while the other one is executed.
pub(super) const SETS: usize = 2;

/// What is to be done.
enum Work {
    Batch { batch: RecordBatch, file: Option<Arc<Path>>, first_row: u64 },
    Flush,
}

/// What was done.
enum Event {
    Execute(Filled),
    Refuse(RecordBatch, Vec<(usize, RowError)>),
    /// A piece of work.
    Done,
    Failed(Error),
}

/// The thread that fills. Dropping it stops the thread.
pub(super) struct Ahead {
    // `None` only while dropping: the closed channels are what stops the thread.
    work: Option<Channel<Work>>,
    free: Option<Channel<ArraySet>>,
    events: Receiver<Event>,
    thread: Option<JoinHandle<()>>,
    /// Pieces of work that are not done.
    open: usize,
    pub(super) stats: Arc<FillStats>,
}

impl Ahead {
    /// Gives the filler a thread; it comes back when there is none to be had.
    pub(super) fn start(filler: Filler) -> Result<Self, Box<Filler>> {
        let ((work, works), (free, frees), (event, events)) = (channel(), channel(), channel());
        let stats = Arc::clone(&filler.stats);
        // Not moved into the closure directly: a thread that cannot be started would take it along.
        let handover = Arc::new(std::sync::Mutex::new(Some(filler)));
        let filler = Arc::clone(&handover);
        let spawned = std::thread::Builder::new().name("olbridge-convert".into()).spawn(move || {
            let filler = filler.lock().ok().and_then(|mut filler| filler.take());
            if let Some(filler) = filler {
                run(filler, &works, Line { event, frees, sets: 1 });
            }
        });
        match spawned {
            Ok(thread) => Ok(Ahead { work: Some(work), free: Some(free), events, thread: Some(thread), open: 0, stats }),
            Err(_) => Err(Box::new(handover.lock().ok().and_then(|mut filler| filler.take()).expect("no thread has taken it"))),
        }
    }

    /// Takes a batch, and settles the one before.
    pub(super) fn write(
        &mut self,
        batch: &RecordBatch,
        file: Option<&Arc<Path>>,
        first_row: u64,
        sender: &mut Sender<'_>,
    ) -> Result<(), Error> {
        self.submit(Work::Batch { batch: batch.clone(), file: file.cloned(), first_row });
        self.settle(1, sender)
    }

    /// Has everything executed.
    pub(super) fn flush(&mut self, sender: &mut Sender<'_>) -> Result<(), Error> {
        self.submit(Work::Flush);
        self.settle(0, sender)
    }

    fn submit(&mut self, work: Work) {
        // A thread that has ended says so where its events are awaited.
        let _ = self.work.as_ref().map(|channel| channel.send(work));
        self.open += 1;
    }

    /// Executes what is filled until no more than `open` pieces of work are left.
    pub(super) fn settle(&mut self, open: usize, sender: &mut Sender<'_>) -> Result<(), Error> {
        while self.open > open {
            let began = Instant::now();
            let event = self.events.recv();
            sender.report.convert_wait += began.elapsed();
            match event {
                Ok(Event::Execute(filled)) => {
                    let free = sender.execute(&[], filled)?;
                    let _ = self.free.as_ref().map(|channel| channel.send(free));
                }
                Ok(Event::Refuse(batch, rows)) => sender.refuse(&batch, rows)?,
                Ok(Event::Done) => self.open -= 1,
                Ok(Event::Failed(error)) => return Err(error),
                Err(_) => return Err(self.ended()),
            }
        }
        Ok(())
    }

    /// The thread has ended by itself, which is a panic of a converter: it goes on here.
    fn ended(&mut self) -> Error {
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        Error::Usage { message: "the thread that converts has ended".into(), remedy: "report this as a bug".into() }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        drop((self.work.take(), self.free.take()));
        if let Some(thread) = self.thread.take() {
            // What it has to say is no longer awaited.
            let _ = thread.join();
        }
    }
}

fn run(mut filler: Filler, works: &Receiver<Work>, mut line: Line) {
    while let Ok(work) = works.recv() {
        let done = match work {
            Work::Batch { batch, file, first_row } => filler.write_pushed(&batch, file.as_ref(), first_row, &mut line),
            Work::Flush => filler.flush(&mut line),
        };
        // Nobody listens when the load has ended.
        let told = match done {
            Ok(()) => line.event.send(Event::Done),
            Err(error) => {
                let _ = line.event.send(Event::Failed(error));
                return;
            }
        };
        if told.is_err() {
            return;
        }
    }
}

/// The way to the thread with the session.
struct Line {
    event: Channel<Event>,
    frees: Receiver<ArraySet>,
    sets: usize,
}

impl Line {
    fn tell(&self, event: Event) -> Result<(), Error> {
        self.event.send(event).map_err(|_| hung_up())
    }
}

impl Outlet for Line {
    fn execute(&mut self, _columns: &[PlannedColumn], filled: Filled) -> Result<ArraySet, Error> {
        let (layouts, capacity_rows) = (filled.arrays.layouts(), filled.arrays.capacity_rows());
        self.tell(Event::Execute(filled))?;
        let free = if self.sets < SETS {
            self.sets += 1;
            None
        } else {
            Some(self.frees.recv().map_err(|_| hung_up())?)
        };
        // One that was filled before a column became wider has done its duty.
        let fits = |set: &ArraySet| set.capacity_rows() == capacity_rows && set.layouts() == layouts;
        Ok(free.filter(fits).unwrap_or_else(|| ArraySet::zeroed(&layouts, capacity_rows)))
    }

    fn reshape(&mut self, arrays: ArraySet, shapes: &[Shape], capacity_rows: u32) -> Result<ArraySet, Error> {
        Ok(new_set(&arrays, shapes, capacity_rows))
    }

    fn refuse(&mut self, batch: &RecordBatch, rows: Vec<(usize, RowError)>) -> Result<(), Error> {
        self.tell(Event::Refuse(batch.clone(), rows))
    }
}

fn hung_up() -> Error {
    Error::Usage { message: "the load has ended".into(), remedy: "see its error".into() }
}
