//! The engine's session behind the handles: locked for each call, with cancels, time limits and the statements it keeps.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::Failure;
use super::time_limit::TimeLimit;
use crate::engine::{ColumnInfo, Cursor, Interrupt, Session, Statement};

/// The engine's side of a session.
#[derive(Default)]
pub struct SessionCore {
    engine: Mutex<Option<Session>>,
    interrupt: Mutex<Option<Interrupt>>,
    running: AtomicBool,
    cancelled: Arc<AtomicBool>,
    /// Whether it was the time limit that cancelled.
    timed_out: Arc<AtomicBool>,
    call_timeout_ms: AtomicU32,
    /// Statements that were parsed and released, oldest first.
    cache: Mutex<Vec<(Arc<str>, Statement)>>,
    cache_size: AtomicU32,
}

/// An engine session locked for one call.
pub struct EngineGuard<'a> {
    guard: MutexGuard<'a, Option<Session>>,
    core: &'a SessionCore,
    _limit: Option<TimeLimit>,
}

impl SessionCore {
    /// Locks the engine's session for a call; ORA-01012 when nobody is logged on.
    pub fn enter(&self) -> Result<EngineGuard<'_>, Failure> {
        let mut guard = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        match guard.as_mut() {
            None => return Err(Failure::ora(1012, "not logged on")),
            Some(session) if session.activity().is_killed() => {
                session.rollback()?;
                return Err(Failure::ora(28, "your session has been killed"));
            }
            Some(_) => {}
        }
        self.cancelled.store(false, Ordering::Relaxed);
        self.timed_out.store(false, Ordering::Relaxed);
        self.running.store(true, Ordering::Release);
        Ok(EngineGuard { guard, core: self, _limit: self.limit() })
    }

    /// Sets the time limit of calls; 0 for none.
    pub fn set_call_timeout(&self, timeout_ms: u32) {
        self.call_timeout_ms.store(timeout_ms, Ordering::Relaxed);
    }

    /// The time limit of calls; 0 for none.
    pub fn call_timeout_ms(&self) -> u32 {
        self.call_timeout_ms.load(Ordering::Relaxed)
    }

    fn limit(&self) -> Option<TimeLimit> {
        let timeout_ms = self.call_timeout_ms();
        let interrupt = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let flags = [Arc::clone(&self.cancelled), Arc::clone(&self.timed_out)];
        (timeout_ms > 0).then(|| TimeLimit::start(Duration::from_millis(timeout_ms.into()), flags, interrupt))
    }

    /// A cancel by the time limit is ORA-03156.
    pub fn explained(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Ora { code: 1013, .. } if self.timed_out.load(Ordering::Relaxed) => Failure::ora(3156, "OCI call timed out"),
            other => other,
        }
    }

    /// What the last block returned besides its binds.
    pub fn take_implicit_results(&self) -> Result<Vec<(Vec<ColumnInfo>, Cursor)>, Failure> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(engine.as_mut().map(Session::take_implicit_results).unwrap_or_default())
    }

    /// Sets how many statements are kept, attribute 176.
    pub fn set_cache_size(&self, statements: u32) {
        self.cache_size.store(statements, Ordering::Relaxed);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let excess = cache.len().saturating_sub(statements as usize);
        cache.drain(..excess);
    }

    /// Takes a kept statement.
    pub fn cached(&self, sql: &str) -> Option<Statement> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let index = cache.iter().position(|(text, _)| **text == *sql)?;
        Some(cache.remove(index).1)
    }

    /// Keeps a statement that its handle does not need any more.
    pub fn keep(&self, sql: &Arc<str>, prepared: Statement) {
        let size = self.cache_size.load(Ordering::Relaxed) as usize;
        if size == 0 {
            return;
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.retain(|(text, _)| text != sql);
        let excess = (cache.len() + 1).saturating_sub(size);
        cache.drain(..excess);
        cache.push((Arc::clone(sql), prepared));
    }

    /// ORA-01013 when another thread called `OCIBreak` since the call began.
    pub fn check_cancelled(&self) -> Result<(), Failure> {
        match self.cancelled.load(Ordering::Relaxed) {
            true => Err(Failure::ora(1013, "user requested cancel of current operation")),
            false => Ok(()),
        }
    }

    /// Asks the running call to stop with ORA-01013; harmless when nothing runs.
    pub(super) fn cancel(&self) {
        if self.running.load(Ordering::Acquire) {
            self.cancelled.store(true, Ordering::Relaxed);
            if let Some(interrupt) = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
                interrupt.interrupt();
            }
        }
    }

    pub(super) fn begin(&self, session: Session) {
        *self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.interrupt());
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }

    pub(super) fn end(&self) -> Option<Session> {
        *self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn is_open(&self) -> bool {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Counts a call that a client would send to a server.
    pub(super) fn count_round_trip(&self) {
        if let Some(session) = self.engine.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            session.activity().add_round_trips(1);
        }
    }

    /// A setting of the engine's session.
    pub(super) fn context(&self, name: &str) -> Option<String> {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.as_ref().and_then(|session| session.context(name)).map(str::to_owned)
    }

    pub(super) fn current_schema(&self) -> Option<String> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|session| session.chosen_schema().map(str::to_owned))
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(Session::in_transaction)
    }
}

impl EngineGuard<'_> {
    /// The engine's session.
    pub fn session(&mut self) -> Result<&mut Session, Failure> {
        self.guard.as_mut().ok_or_else(|| Failure::ora(1012, "not logged on"))
    }
}

impl Drop for EngineGuard<'_> {
    fn drop(&mut self) {
        self.core.running.store(false, Ordering::Release);
    }
}
