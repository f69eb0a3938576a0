//! The thread that a session lives on. Calls reach it one after another; queries that are read stay open beside each other and beside a load, because
//! all of them only borrow the session.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::text::usage;
use crate::copy::{ExportJob, TableLoad};
use crate::error::{Error, Phase, Result};
use crate::fetch::Fetcher;
use crate::load::{LoadReport, Loader};
use crate::oci::{CancelHandle, Session};
use crate::transaction::{CommitOutcome, Transaction, TransactionManager};

type Reply<T> = SyncSender<Result<T>>;
type Work = Box<dyn FnOnce(&TransactionManager) + Send>;

/// What the thread is asked for.
pub(super) enum Request {
    /// Anything that takes the session for itself. The closure replies; dropped, it was refused.
    Work(Work),
    /// A query.
    Open(Box<ExportJob>, Reply<(u64, SchemaRef)>),
    /// The next batch of a query.
    Next(u64, Reply<Option<RecordBatch>>),
    /// Nobody reads the query any more.
    Close(u64),
    /// A load into a table, of batches of the schema.
    Load(Box<TableLoad>, SchemaRef, Reply<Loaded>),
    /// A batch of the load.
    Batch(RecordBatch, Reply<Loaded>),
    /// The load is whole.
    Finish(Reply<Loaded>),
    /// The load ends without its rows.
    Abort,
    /// A new login.
    Reconnect(Reply<CommitOutcome>),
    /// The session ends; streams that are still open get an error.
    End,
}

/// How far a load is.
pub(super) enum Loaded {
    /// It takes rows.
    Open,
    /// It is whole, and committed unless a transaction is open.
    Whole(Box<LoadReport>),
}

/// A session on its thread.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    requests: Sender<Request>,
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
        self.requests.send(request(reply)).map_err(|_| closed())?;
        answer.recv().map_err(|_| closed())?
    }

    /// Does what needs the session for itself.
    pub fn work<T: Send + 'static>(&self, work: impl FnOnce(&TransactionManager) -> Result<T> + Send + 'static) -> Result<T> {
        self.ask(|reply: Reply<T>| {
            Request::Work(Box::new(move |manager| {
                // Whoever has asked waits for it.
                let _ = reply.send(work(manager));
            }))
        })
    }

    /// Tells without an answer.
    pub fn tell(&self, request: Request) {
        // A thread that has ended has nothing to do.
        let _ = self.requests.send(request);
    }

    /// Breaks off the call that runs.
    pub fn cancel(&self) -> Result<()> {
        let cancel = self.cancel.lock().unwrap_or_else(PoisonError::into_inner).clone();
        cancel.cancel().map(drop).map_err(|error| error.into_error(Phase::Execute, None))
    }
}

fn closed() -> Error {
    usage("the session is closed, or a load of it is under way", "end the load first; open a session with olbridge_connect")
}

fn run(mut manager: TransactionManager, requests: &Receiver<Request>, cancel: &Mutex<CancelHandle>) {
    // Each round is one login.
    while let Some(reply) = serve(&manager, requests) {
        let result = manager.reconnect();
        *cancel.lock().unwrap_or_else(PoisonError::into_inner) = manager.cancel_handle();
        let _ = reply.send(result);
    }
}

/// Until the session ends, or has to log in again: all queries are closed then.
fn serve(manager: &TransactionManager, requests: &Receiver<Request>) -> Option<Reply<CommitOutcome>> {
    let mut queries = Queries { manager, open: HashMap::new(), last_id: 0, ended: false };
    while !queries.ended {
        match requests.recv().ok()? {
            Request::End => return None,
            Request::Reconnect(reply) => return Some(reply),
            Request::Work(work) => work(manager),
            Request::Load(load, schema, reply) => queries.load(&load, &schema, reply, requests),
            // Of a load that has failed and whose error the caller has.
            Request::Batch(_, reply) | Request::Finish(reply) => drop(reply.send(Err(usage("no load is under way", "begin one")))),
            Request::Abort => {}
            reading => queries.serve(reading),
        }
    }
    None
}

/// The queries that are being read.
struct Queries<'m> {
    manager: &'m TransactionManager,
    open: HashMap<u64, Fetcher<'m>>,
    last_id: u64,
    /// The session was closed while a load was under way.
    ended: bool,
}

impl<'m> Queries<'m> {
    fn serve(&mut self, request: Request) {
        match request {
            Request::Open(job, reply) => drop(reply.send(self.open(&job))),
            Request::Next(id, reply) => drop(reply.send(self.next(id))),
            Request::Close(id) => drop(self.open.remove(&id)),
            // The closure or the reply is dropped, which tells the caller.
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
        let gone = || usage("the query was closed by a new login", "read it again");
        let next = self.open.get_mut(&id).ok_or_else(gone)?.next_batch();
        if !matches!(next, Ok(Some(_))) {
            self.open.remove(&id);
        }
        if let Err(error) = &next {
            self.manager.note_error(error);
        }
        next
    }

    /// A load as one piece of work; the batches come as requests, and queries are read in between.
    fn load(&mut self, load: &TableLoad, schema: &SchemaRef, reply: Reply<Loaded>, requests: &Receiver<Request>) {
        let mut waiting = Some(reply);
        let manager = self.manager;
        let result = manager.run(|transaction| self.take_batches(transaction, load, schema, &mut waiting, requests));
        if let Some(waiting) = waiting {
            let _ = waiting.send(result.map(|report| Loaded::Whole(Box::new(report))));
        }
    }

    /// `waiting` is the caller that has no answer yet.
    fn take_batches(
        &mut self,
        transaction: &Transaction<'_>,
        load: &TableLoad,
        schema: &SchemaRef,
        waiting: &mut Option<Reply<Loaded>>,
        requests: &Receiver<Request>,
    ) -> Result<LoadReport> {
        let plan = load.plan(transaction.session(), schema)?;
        let mut loader = Loader::new(transaction, plan)?;
        let mut next_row = 1;
        let given_up = || usage("the load was given up; its rows are taken back", "load them again");
        loop {
            if let Some(waiting) = waiting.take() {
                let _ = waiting.send(Ok(Loaded::Open));
            }
            match requests.recv().map_err(|_| given_up())? {
                Request::Batch(batch, reply) => {
                    *waiting = Some(reply);
                    loader.write(&batch, None, next_row)?;
                    next_row += batch.num_rows() as u64;
                }
                Request::Finish(reply) => {
                    *waiting = Some(reply);
                    return loader.finish();
                }
                Request::Abort => return Err(given_up()),
                Request::End => {
                    self.ended = true;
                    return Err(given_up());
                }
                other => self.serve(other),
            }
        }
    }
}
