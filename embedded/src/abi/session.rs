//! Servers, sessions and service contexts. The engine's session lives in a core that every service context of the pair shares, so two
//! service contexts on one session see one transaction.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::codes::{attr, kind, status};
use super::error::{ErrorBody, Failure, guard, write_text};
use super::fault::{self, Fault};
use super::handle::{self, Body, Handle};
use super::time_limit::TimeLimit;
use crate::engine::{ColumnInfo, Cursor, Interrupt, Session, Statement};

/// Banner and version word of the "server": release 19.3.
const BANNER: &str = "Oracle Database 19c compatible embedded engine of olbridge, Release 19.0.0.0.0 - Version 19.3.0.0.0";
const VERSION_WORD: u32 = 19 << 24 | 3 << 16;

/// Text attributes of a handle; the pointers given out stay valid until the attribute is set again.
pub type TextAttributes = HashMap<u32, Box<[u8]>>;

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
    fn cancel(&self) {
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

    fn current_schema(&self) -> Option<String> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|session| session.chosen_schema().map(str::to_owned))
    }

    fn in_transaction(&self) -> bool {
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

/// What the service contexts on one server handle share.
#[derive(Default)]
pub struct ServerCore {
    connect_string: Mutex<Option<String>>,
    sessions: Mutex<Vec<Weak<SessionCore>>>,
}

impl ServerCore {
    /// Attaches, or detaches with `None`.
    pub(super) fn set_connect_string(&self, connect_string: Option<String>) {
        *self.connect_string.lock().unwrap_or_else(PoisonError::into_inner) = connect_string;
    }

    pub(super) fn connect_string(&self) -> Option<String> {
        self.connect_string.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Vec<Weak<SessionCore>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Content of a server handle.
#[derive(Default)]
pub struct ServerBody {
    pub core: Arc<ServerCore>,
    pub texts: TextAttributes,
    pub receive_timeout_ms: u32,
    pub send_timeout_ms: u32,
    pub break_on_timeout: u8,
}

impl Body for ServerBody {
    const KIND: u32 = kind::SERVER;
}

impl ServerBody {
    /// Attribute 143: 1 when attached.
    pub fn status(&self) -> u32 {
        u32::from(self.core.connect_string().is_some())
    }

    /// Name of the database, its service and instance, as the engine's SQL tells it too.
    pub fn database_name(&self) -> &'static str {
        "EMBEDDED"
    }
}

/// Attributes that SYS_CONTEXT('USERENV', …) shows under a name.
const CONTEXT: [(u32, &str); 7] = [
    (attr::MODULE, "MODULE"),
    (attr::ACTION, "ACTION"),
    (attr::CLIENT_INFO, "CLIENT_INFO"),
    (attr::CLIENT_IDENTIFIER, "CLIENT_IDENTIFIER"),
    (attr::DRIVER_NAME, "CLIENT_DRIVER"),
    (attr::DBOP, "DBOP"),
    (attr::ECONTEXT_ID, "ECID"),
];
/// All of them, for a session that begins.
pub const CONTEXT_ATTRIBUTES: [u32; 7] =
    [attr::MODULE, attr::ACTION, attr::CLIENT_INFO, attr::CLIENT_IDENTIFIER, attr::DRIVER_NAME, attr::DBOP, attr::ECONTEXT_ID];

/// Namespace, name and value of the entries of an application context.
pub type ContextEntries = Arc<Mutex<Vec<[String; 3]>>>;

/// Content of a session (authentication information) handle.
#[derive(Default)]
pub struct SessionBody {
    pub core: Arc<SessionCore>,
    pub texts: TextAttributes,
    pub purity: u32,
    pub lob_prefetch_bytes: u32,
    /// Namespace, name and value of each entry of the application context, for the logon.
    pub application_context: ContextEntries,
    /// What the caller keeps with the session (`OCIContextSetValue`).
    pub context: HashMap<Box<[u8]>, usize>,
    /// Memory that the caller allocated for as long as the session (`OCIMemoryAlloc`).
    pub memory: Vec<Vec<u128>>,
}

impl Body for SessionBody {
    const KIND: u32 = kind::SESSION;
}

impl SessionBody {
    /// Attribute 224; none before the logon.
    pub fn current_schema(&self) -> Option<String> {
        self.core.current_schema()
    }

    /// Sets attribute 224 on the server's side.
    pub fn set_current_schema(&self, schema: &str) -> Result<(), Failure> {
        let quoted = schema.replace('"', "\"\"");
        let mut engine = self.core.enter()?;
        let mut statement = engine.session()?.prepare(&format!("ALTER SESSION SET CURRENT_SCHEMA = \"{quoted}\""))?;
        engine.session()?.execute(&mut statement, &[])?;
        Ok(())
    }

    /// Tells the engine the tracing attributes that SYS_CONTEXT shows; before the logon they only wait.
    pub(super) fn tell_context(&self, attributes: &[u32]) -> Result<(), Failure> {
        if !self.core.is_open() {
            return Ok(());
        }
        let mut engine = self.core.enter()?;
        for (attribute, name) in CONTEXT.into_iter().filter(|(attribute, _)| attributes.contains(attribute)) {
            if self.texts.contains_key(&attribute) {
                engine.session()?.set_context(name, self.text(attribute)?);
            }
        }
        Ok(())
    }

    /// Tells the engine the edition and the application context that the logon was asked for.
    pub(super) fn tell_logon(&self) -> Result<(), Failure> {
        let mut engine = self.core.enter()?;
        let edition = self.text(attr::EDITION)?;
        if !edition.is_empty() {
            engine.session()?.set_edition(edition)?;
        }
        for [namespace, name, value] in self.application_context.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            engine.session()?.set_application_context(namespace, name, value);
        }
        Ok(())
    }

    /// Attribute 484.
    pub fn in_transaction(&self) -> bool {
        self.core.in_transaction()
    }

    /// User name and password.
    pub(super) fn credentials(&self) -> Result<(String, String), Failure> {
        Ok((self.text(attr::USERNAME)?.to_owned(), self.text(attr::PASSWORD)?.to_owned()))
    }

    /// A text attribute.
    pub(super) fn text(&self, attribute: u32) -> Result<&str, Failure> {
        let bytes = self.texts.get(&attribute).map_or(&[][..], |bytes| bytes);
        std::str::from_utf8(bytes).map_err(|_| Failure::ora(1017, "invalid username/password; logon denied (not UTF-8)"))
    }
}

/// Content of a service context: who it points to, by address for the attributes and by reference for the calls.
#[derive(Default)]
pub struct ServiceBody {
    server: Option<(usize, Arc<ServerCore>)>,
    session: Option<(usize, Arc<SessionCore>)>,
    pub statement_cache_size: u32,
    /// Made by `OCILogon2`, so `OCILogoff` frees server and session too.
    pub(super) owns_parts: bool,
    /// Address of the pool the session came from.
    pub(super) pool: Option<usize>,
}

impl Body for ServiceBody {
    const KIND: u32 = kind::SVCCTX;
}

impl ServiceBody {
    /// Attribute 6 as a pointer.
    pub fn server_pointer(&self) -> *mut c_void {
        self.server.as_ref().map_or(std::ptr::null_mut(), |(address, _)| *address as *mut c_void)
    }

    /// Attribute 531.
    pub fn call_timeout_ms(&self) -> u32 {
        self.session.as_ref().map_or(0, |(_, core)| core.call_timeout_ms())
    }

    /// Attribute 7 as a pointer.
    pub fn session_pointer(&self) -> *mut c_void {
        self.session.as_ref().map_or(std::ptr::null_mut(), |(address, _)| *address as *mut c_void)
    }

    /// Sets attribute 6.
    pub fn set_server(&mut self, server: &Handle<ServerBody>) {
        let address: *const Handle<ServerBody> = server;
        self.server = Some((address as usize, server.lock().core.clone()));
    }

    /// Sets attribute 7.
    pub fn set_session(&mut self, session: &Handle<SessionBody>) {
        let address: *const Handle<SessionBody> = session;
        self.session = Some((address as usize, session.lock().core.clone()));
    }

    /// Unsets attribute 6 or 7.
    pub fn clear(&mut self, attribute: u32) {
        match attribute {
            attr::SERVER => self.server = None,
            _ => self.session = None,
        }
    }

    /// The server and its connect string, when attached.
    pub(super) fn attached_server(&self) -> Result<(&Arc<ServerCore>, String), Failure> {
        let (_, server) = self.server.as_ref().ok_or_else(|| Failure::ora(24324, "service handle not initialized"))?;
        let connect_string = server.connect_string().ok_or_else(|| Failure::ora(3114, "not connected to ORACLE"))?;
        Ok((server, connect_string))
    }
}

/// The session core behind a service context, attached and logged on.
pub fn session_of(service: &Handle<ServiceBody>) -> Result<Arc<SessionCore>, Failure> {
    let service = service.lock();
    service.attached_server()?;
    let (_, core) = service.session.as_ref().ok_or_else(|| Failure::ora(1012, "not logged on"))?;
    Ok(core.clone())
}

/// Text argument of a call as UTF-8.
///
/// # Safety
/// `pointer` is NULL or readable for `length_bytes`.
pub unsafe fn text_argument(pointer: *const u8, length_bytes: usize) -> Result<String, Failure> {
    if pointer.is_null() || length_bytes == 0 {
        return Ok(String::new());
    }
    // SAFETY: the caller's contract.
    let bytes = unsafe { std::slice::from_raw_parts(pointer, length_bytes) };
    String::from_utf8(bytes.to_vec())
        .map_err(|_| Failure::ora(12705, "Cannot access NLS data files or invalid environment specified (text is not UTF-8)"))
}

fn with_session(
    function: &str,
    svchp: *mut c_void,
    errhp: *mut c_void,
    inside: impl FnOnce(&mut Session, &Handle<ErrorBody>) -> Result<(), Failure>,
) -> i32 {
    // SAFETY: called with the arguments of an OCI function, whose contract covers both handles.
    unsafe {
        guard(function, errhp, |error_handle| {
            let core = session_of(handle::get::<ServiceBody>(svchp)?)?;
            let mut engine = core.enter()?;
            engine.session()?.activity().add_round_trips(1);
            inside(engine.session()?, error_handle)?;
            Ok(status::SUCCESS)
        })
    }
}

/// Commits.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCITransCommit(svchp: *mut c_void, errhp: *mut c_void, flags: u32) -> i32 {
    const TWO_PHASE: u32 = 0x0100_0000;
    let fault = fault::of_this_commit();
    let result = with_session("OCITransCommit", svchp, errhp, |session, _| match flags & TWO_PHASE {
        0 if fault == Some(Fault::LostCommit) => Ok(()),
        0 => Ok(session.commit()?),
        _ => Err(Failure::unimplemented("OCITransCommit with OCI_TRANS_TWOPHASE")),
    });
    match fault {
        Some(_) if result == status::SUCCESS => lose_session(svchp, errhp),
        _ => result,
    }
}

/// The connection is gone: what was not committed is rolled back, and every later call fails.
fn lose_session(svchp: *mut c_void, errhp: *mut c_void) -> i32 {
    // SAFETY: called with the arguments of an OCI function, whose contract covers both handles.
    unsafe {
        guard("OCITransCommit", errhp, |_| {
            drop(session_of(handle::get::<ServiceBody>(svchp)?)?.end());
            Err(Failure::ora(3113, "end-of-file on communication channel"))
        })
    }
}

/// Rolls back.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCITransRollback(svchp: *mut c_void, errhp: *mut c_void, _flags: u32) -> i32 {
    with_session("OCITransRollback", svchp, errhp, |session, _| Ok(session.rollback()?))
}

/// Succeeds while somebody is logged on.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIPing(svchp: *mut c_void, errhp: *mut c_void, _mode: u32) -> i32 {
    with_session("OCIPing", svchp, errhp, |_, _| Ok(()))
}

/// Makes the call that runs on a service context or server fail with ORA-01013.
///
/// # Safety
/// Pointers as the OCI contract says; `errhp` is not the one of the running call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIBreak(hndlp: *mut c_void, errhp: *mut c_void) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIBreak", errhp, |_| {
            let not_attached = || Failure::ora(1041, "internal error. hostdef extension doesn't exist");
            match handle::kind_of(hndlp) {
                Some(kind::SVCCTX) => {
                    let core = session_of(handle::get::<ServiceBody>(hndlp)?).map_err(|_| not_attached())?;
                    core.cancel();
                }
                Some(kind::SERVER) => {
                    let core = handle::get::<ServerBody>(hndlp)?.lock().core.clone();
                    core.connect_string().ok_or_else(not_attached)?;
                    let sessions: Vec<_> = core.sessions().iter().filter_map(Weak::upgrade).collect();
                    sessions.iter().for_each(|session| session.cancel());
                }
                _ => return Err(Failure::InvalidHandle),
            }
            Ok(status::SUCCESS)
        })
    }
}

/// Nothing to reset: calls block, so a break ends with the call.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIReset(hndlp: *mut c_void, errhp: *mut c_void) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIReset", errhp, |_| match handle::kind_of(hndlp) {
            Some(kind::SVCCTX | kind::SERVER) => Ok(status::SUCCESS),
            _ => Err(Failure::InvalidHandle),
        })
    }
}

/// Banner and version word.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIServerRelease2(
    hndlp: *mut c_void,
    errhp: *mut c_void,
    buffer: *mut u8,
    buffer_bytes: u32,
    handle_kind: u8,
    version: *mut u32,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIServerRelease2", errhp, |_| {
            match u32::from(handle_kind) {
                kind::SVCCTX => drop(session_of(handle::get::<ServiceBody>(hndlp)?)?),
                kind::SERVER if handle::get::<ServerBody>(hndlp)?.lock().status() == 0 => {
                    return Err(Failure::ora(3114, "not connected to ORACLE"));
                }
                kind::SERVER => {}
                _ => return Err(Failure::InvalidHandle),
            }
            write_text(buffer, buffer_bytes as usize, BANNER);
            if !version.is_null() {
                version.write(VERSION_WORD);
            }
            Ok(status::SUCCESS)
        })
    }
}

/// Banner and version word, older form.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIServerRelease(
    hndlp: *mut c_void,
    errhp: *mut c_void,
    buffer: *mut u8,
    buffer_bytes: u32,
    handle_kind: u8,
    version: *mut u32,
) -> i32 {
    // SAFETY: the same contract.
    unsafe { OCIServerRelease2(hndlp, errhp, buffer, buffer_bytes, handle_kind, version, 0) }
}

/// Banner.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIServerVersion(
    hndlp: *mut c_void,
    errhp: *mut c_void,
    buffer: *mut u8,
    buffer_bytes: u32,
    handle_kind: u8,
) -> i32 {
    // SAFETY: the same contract.
    unsafe { OCIServerRelease2(hndlp, errhp, buffer, buffer_bytes, handle_kind, std::ptr::null_mut(), 0) }
}
