//! Cancelling a session's call from another thread without harm to its transaction.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, InterruptHandle};

use super::{OraError, Result};

/// Interrupts whatever a session is doing, from any thread; harmless when nothing runs and when the session is gone.
#[derive(Clone, Default)]
pub struct Interrupt {
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    handles: Mutex<Handles>,
}

#[derive(Default)]
struct Handles {
    readers: Vec<InterruptHandle>,
    /// The session's own connection. SQLite rolls the whole transaction back when it interrupts a statement that writes, so this one is
    /// interrupted only while it reads; between rows that are written the session looks at `cancelled`.
    writer: Option<InterruptHandle>,
    is_reading: bool,
}

impl Interrupt {
    /// Makes the running call fail with ORA-01013. What the transaction did before stays.
    pub fn interrupt(&self) {
        let handles = self.handles();
        self.state.cancelled.store(true, Ordering::Release);
        let writer = handles.writer.iter().filter(|_| handles.is_reading);
        handles.readers.iter().chain(writer).for_each(InterruptHandle::interrupt);
    }

    /// The interrupts of a session that writes through `connection`.
    pub(super) fn new(connection: &Connection) -> Interrupt {
        let interrupt = Interrupt::default();
        interrupt.handles().writer = Some(connection.get_interrupt_handle());
        interrupt
    }

    /// Interrupts a connection that only reads, too.
    pub(super) fn add_reader(&self, connection: &Connection) {
        self.handles().readers.push(connection.get_interrupt_handle());
    }

    /// A call begins: what came before does not concern it.
    pub(super) fn reset(&self) {
        self.state.cancelled.store(false, Ordering::Release);
    }

    /// Whether the running call is to end.
    pub(super) fn is_cancelled(&self) -> bool {
        self.state.cancelled.load(Ordering::Acquire)
    }

    /// ORA-01013 when the running call is to end.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(OraError::new(1013, "user requested cancel of current operation")) } else { Ok(()) }
    }

    /// Runs a read on the session's own connection; an interrupt ends it.
    pub(super) fn reading<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        self.handles().is_reading = true;
        let result = self.check().and_then(|()| read());
        self.handles().is_reading = false;
        result
    }

    fn handles(&self) -> MutexGuard<'_, Handles> {
        self.state.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
