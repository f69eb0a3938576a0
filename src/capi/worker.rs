//! The thread that a session lives on. Calls reach it one after another; queries that are read stay open beside each other and beside a load, because
//! all of them only borrow the session. What needs the session for itself waits until a load is at its end.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::text::usage;
use crate::copy::{ExportJob, TableLoad};
use crate::error::{Error, Phase, Result};
use crate::fetch::Fetcher;
use crate::load::{LoadReport, Loader};
use crate::oci::{CancelHandle, Session};
use crate::transaction::{CommitOutcome, TransactionManager};

/// A panic of the session's thread goes on in the thread that has asked.
type Reply<T> = SyncSender<thread::Result<Result<T>>>;
type Work = Box<dyn FnOnce(Result<&TransactionManager>) + Send>;

/// What the thread is asked for.
pub(super) enum Request {
    /// Anything that takes the session for itself. The closure replies, also when it gets a refusal.
    Work(Work),
    /// The schema that a query would have.
    Schema(Box<ExportJob>, Reply<SchemaRef>),
    /// A query.
    Open(Box<ExportJob>, Reply<(u64, SchemaRef)>),
    /// The next batch of a query.
    Next(u64, Reply<Option<RecordBatch>>),
    /// Nobody reads the query any more.
    Close(u64),
    /// A load into a table, of batches of the schema; it is told its number.
    Load(Box<TableLoad>, SchemaRef, Reply<Loaded>),
    /// A batch of the load with that number.
    Batch(u64, RecordBatch, Reply<Loaded>),
    /// The load is whole.
    Finish(u64, Reply<Loaded>),
    /// The load ends without its rows, if it has not ended.
    Abort(u64),
    /// A new login.
    Reconnect(Reply<CommitOutcome>),
    /// The session ends; streams that are still open get an error.
    End,
}

/// A request, and the thread that it comes from.
type Asked = (ThreadId, Request);

/// How far a load is.
pub(super) enum Loaded {
    /// It takes rows, under this number.
    Open(u64),
    /// It is whole, and committed unless a transaction is open.
    Whole(Box<LoadReport>),
}

/// A session on its thread.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    requests: Sender<Asked>,
    cancel: Arc<Mutex<CancelHandle>>,
}

impl Worker {
    /// Moves the session to a thread of its own.
    pub fn start(session: Session) -> Result<Worker> {
        let manager = TransactionManager::new(session)?;
        let cancel = Arc::new(Mutex::new(manager.cancel_handle()));
        let (requests, received) = channel();
        let cancel_of_thread = Arc::clone(&cancel);
        let thread = thread::Builder::new().name("olbridge session".into());
        thread.spawn(move || run(manager, &received, &cancel_of_thread)).map_err(|error| Error::Connect {
            target: "session".into(),
            ora_code: None,
            message: format!("no thread for the session: {error}"),
            remedy: "raise the limit of threads of the process".into(),
        })?;
        Ok(Worker { requests, cancel })
    }

    /// Asks, and waits for the answer.
    pub fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T> {
        let (reply, answer) = sync_channel(1);
        self.requests.send((thread::current().id(), request(reply))).map_err(|_| closed())?;
        match answer.recv() {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(closed()),
        }
    }

    /// Does what needs the session for itself.
    pub fn work<T: Send + 'static>(&self, work: impl FnOnce(&TransactionManager) -> Result<T> + Send + 'static) -> Result<T> {
        self.ask(|reply: Reply<T>| Request::Work(Box::new(move |manager| answer(&reply, || work(manager?)))))
    }

    /// Tells without an answer.
    pub fn tell(&self, request: Request) {
        // A thread that has ended has nothing to do.
        let _ = self.requests.send((thread::current().id(), request));
    }

    /// Breaks off the call that runs.
    pub fn cancel(&self) -> Result<()> {
        let cancel = self.cancel.lock().unwrap_or_else(PoisonError::into_inner).clone();
        cancel.cancel().map(drop).map_err(|error| error.into_error(Phase::Execute, None))
    }
}

fn closed() -> Error {
    usage("the session is closed", "open a session with olbridge_connect")
}

/// Does what was asked for, and replies. Whoever has asked waits for it.
fn answer<T>(reply: &Reply<T>, work: impl FnOnce() -> Result<T>) {
    let _ = reply.send(catch_unwind(AssertUnwindSafe(work)));
}

fn run(mut manager: TransactionManager, requests: &Receiver<Asked>, cancel: &Mutex<CancelHandle>) {
    let mut later = VecDeque::new();
    // Each round is one login.
    while let Some(reply) = serve(&manager, requests, &mut later) {
        answer(&reply, || manager.reconnect());
        *cancel.lock().unwrap_or_else(PoisonError::into_inner) = manager.cancel_handle();
    }
}

/// Until the session ends, or has to log in again: all queries are closed then. `later` is what has come during a load and waits for its end.
fn serve(manager: &TransactionManager, requests: &Receiver<Asked>, later: &mut VecDeque<Asked>) -> Option<Reply<CommitOutcome>> {
    let mut desk = Desk { manager, open: HashMap::new(), last_id: 0, ended: false };
    while !desk.ended {
        let (by, request) = later.pop_front().map_or_else(|| requests.recv().ok(), Some)?;
        match request {
            Request::End => return None,
            Request::Reconnect(reply) => return Some(reply),
            Request::Work(work) => work(Ok(manager)),
            Request::Load(load, schema, reply) => desk.load((&load, &schema), (by, reply), requests, later),
            // Of a load that has failed and whose error the caller has.
            Request::Batch(_, _, reply) | Request::Finish(_, reply) => answer(&reply, || Err(no_such_load())),
            Request::Abort(_) => {}
            reading => desk.read(reading),
        }
    }
    None
}

fn no_such_load() -> Error {
    usage("the load has ended", "begin one")
}

/// Of a call from within the stream that is loaded: it would wait for itself.
fn refuse(request: Request) {
    let error = || usage("a load of this session waits for the stream that this call comes from", "make the call when the load has ended");
    match request {
        Request::Work(work) => work(Err(error())),
        Request::Load(_, _, reply) => answer(&reply, || Err(error())),
        Request::Reconnect(reply) => answer(&reply, || Err(error())),
        // What reads is not refused.
        _ => {}
    }
}

/// What is read and loaded.
struct Desk<'m> {
    manager: &'m TransactionManager,
    open: HashMap<u64, Fetcher<'m>>,
    /// Of queries and loads.
    last_id: u64,
    /// The session was closed while a load was under way.
    ended: bool,
}

impl<'m> Desk<'m> {
    /// What is possible also during a load.
    fn read(&mut self, request: Request) {
        match request {
            Request::Schema(job, reply) => answer(&reply, || job.read_plan(self.manager.session()).map(|plan| plan.schema)),
            Request::Open(job, reply) => answer(&reply, || self.open(&job)),
            Request::Next(id, reply) => answer(&reply, || self.next(id)),
            Request::Close(id) => drop(self.open.remove(&id)),
            // All others are served elsewhere.
            _ => {}
        }
    }

    fn open(&mut self, job: &ExportJob) -> Result<(u64, SchemaRef)> {
        let plan = job.read_plan(self.manager.session())?;
        let schema = Arc::clone(&plan.schema);
        self.last_id += 1;
        self.open.insert(self.last_id, plan.open(self.manager.session())?);
        Ok((self.last_id, schema))
    }

    fn next(&mut self, id: u64) -> Result<Option<RecordBatch>> {
        // Back in its place only when there may be more, also after a panic.
        let mut query = self.open.remove(&id).ok_or_else(|| usage("the query was closed by a new login", "read it again"))?;
        let next = query.next_batch();
        match &next {
            Ok(Some(_)) => drop(self.open.insert(id, query)),
            Ok(None) => {}
            Err(error) => self.manager.note_error(error),
        }
        next
    }

    /// A load as one piece of work; the batches come as requests, and queries are read in between.
    fn load(
        &mut self,
        (load, schema): (&TableLoad, &SchemaRef),
        (by, reply): (ThreadId, Reply<Loaded>),
        requests: &Receiver<Asked>,
        later: &mut VecDeque<Asked>,
    ) {
        let manager = self.manager;
        self.last_id += 1;
        let mut under_way = UnderWay { id: self.last_id, by, waiting: Some(reply), requests, later };
        let result = catch_unwind(AssertUnwindSafe(|| {
            manager.run(|transaction| {
                let plan = load.plan(transaction.session(), schema)?;
                self.take_batches(Loader::new(transaction, plan)?, &mut under_way)
            })
        }));
        if let Some(waiting) = under_way.waiting {
            let _ = waiting.send(result.map(|result| result.map(|report| Loaded::Whole(Box::new(report)))));
        }
    }

    fn take_batches(&mut self, mut loader: Loader<'_>, load: &mut UnderWay<'_>) -> Result<LoadReport> {
        let mut next_row = 1;
        let given_up = || usage("the load was given up; its rows are taken back", "load them again");
        loop {
            if let Some(waiting) = load.waiting.take() {
                answer(&waiting, || Ok(Loaded::Open(load.id)));
            }
            let (by, request) = load.requests.recv().map_err(|_| given_up())?;
            match request {
                Request::Batch(id, batch, reply) if id == load.id => {
                    load.waiting = Some(reply);
                    loader.write(&batch, None, next_row)?;
                    next_row += batch.num_rows() as u64;
                }
                Request::Finish(id, reply) if id == load.id => {
                    load.waiting = Some(reply);
                    return loader.finish();
                }
                Request::Abort(id) if id == load.id => return Err(given_up()),
                // Of a load that has ended.
                Request::Batch(_, _, reply) | Request::Finish(_, reply) => answer(&reply, || Err(no_such_load())),
                Request::Abort(_) => {}
                Request::End => {
                    self.ended = true;
                    return Err(given_up());
                }
                Request::Work(_) | Request::Load(..) | Request::Reconnect(_) => match by == load.by {
                    true => refuse(request),
                    false => load.later.push_back((by, request)),
                },
                reading => self.read(reading),
            }
        }
    }
}

/// The load that is under way.
struct UnderWay<'r> {
    id: u64,
    /// The thread that it comes from, which reads its stream.
    by: ThreadId,
    /// The caller that has no answer yet.
    waiting: Option<Reply<Loaded>>,
    requests: &'r Receiver<Asked>,
    /// What waits for its end.
    later: &'r mut VecDeque<Asked>,
}
