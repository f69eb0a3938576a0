//! Sessions and their transactions.

use std::ffi::c_char;
use std::path::PathBuf;

use super::error::{OlbridgeError, guarded};
use super::text::{give_json, options, text, usage};
use super::worker::{Request, Worker};
use crate::copy::Target;
use crate::error::{Error, Result};
use crate::oci::{Secret, Session};
use crate::transaction::{CommitOutcome, TransactionManager, TransactionState};

/// A session. Its functions may be called from any thread, also at the same time.
#[derive(Debug)]
pub struct OlbridgeSession {
    pub(super) worker: Worker,
}

/// How to log in: the options of `olbridge_connect`.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConnectOptions {
    password: Option<String>,
    /// An environment variable that holds it.
    password_env: Option<String>,
    /// A file whose first line it is.
    password_file: Option<PathBuf>,
    client_lib_dir: Option<PathBuf>,
    call_timeout_ms: Option<u32>,
}

impl ConnectOptions {
    fn secret(&mut self) -> Result<Option<Secret>> {
        let given = [self.password.is_some(), self.password_env.is_some(), self.password_file.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            return Err(usage("more than one password", "give one of password, password_env and password_file"));
        }
        if let Some(variable) = &self.password_env {
            let value =
                std::env::var(variable).map_err(|_| usage(format!("{variable} is not set, or not UTF-8"), "set it, or name another"))?;
            return Ok(Some(Secret::new(value)));
        }
        if let Some(file) = &self.password_file {
            let content = std::fs::read_to_string(file).map_err(|error| Error::Source {
                phase: crate::error::Phase::Connect,
                path: file.clone(),
                message: error.to_string(),
                remedy: "check the path and the permissions".into(),
            })?;
            return Ok(Some(Secret::new(content.lines().next().unwrap_or_default().to_owned())));
        }
        Ok(self.password.take().map(Secret::new))
    }
}

/// The session behind a pointer.
///
/// # Errors
/// [`Error::Usage`] for null.
///
/// # Safety
/// `pointer` is null or one that olbridge gave out and that is not closed while `'a` lasts.
pub(super) unsafe fn session<'a>(pointer: *const OlbridgeSession) -> Result<&'a OlbridgeSession> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| usage("the session is null", "open one with olbridge_connect"))
}

/// Logs in. `target` is as for the command: `oracle://USER@HOST:PORT/SERVICE`, `oracle://USER@TNS_ALIAS` or `embedded:PATH`, without a table.
///
/// # Safety
/// The texts end in a zero byte, `options_json` may be null; `session` points to a place for a pointer; `error` is null or points to a place for a
/// pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_connect(
    target: *const c_char,
    options_json: *const c_char,
    session: *mut *mut OlbridgeSession,
    error: *mut *mut OlbridgeError,
) -> i32 {
    let body = || {
        if session.is_null() {
            return Err(usage("the place for the session is null", "pass a place for a pointer"));
        }
        // SAFETY: the caller's place for a pointer. Whatever comes, it is not left as it was.
        unsafe { session.write(std::ptr::null_mut()) };
        // SAFETY: the caller's promises.
        let (target, mut options) = unsafe { (text(target, "the target")?, options::<ConnectOptions>(options_json)?) };
        let target: Target = target.parse()?;
        let mut connect = target.connect_options(options.secret()?);
        connect.client_lib_dir = options.client_lib_dir;
        connect.call_timeout_ms = options.call_timeout_ms;
        let opened = OlbridgeSession { worker: Worker::start(Session::connect(&connect)?)? };
        // SAFETY: as above.
        unsafe { session.write(Box::into_raw(Box::new(opened))) };
        Ok(())
    };
    // SAFETY: the caller's promise about `error`.
    unsafe { guarded(error, body) }
}

/// Closes a session; what is not committed is rolled back. Streams of it that are still open give an error from now on. Null is left alone.
///
/// # Safety
/// `session` is null or one that olbridge gave out; no other call uses it, now or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_disconnect(session: *mut OlbridgeSession) {
    if !session.is_null() {
        // SAFETY: made by `Box::into_raw` in `olbridge_connect`, and freed once.
        let session = unsafe { Box::from_raw(session) };
        session.worker.tell(Request::End);
    }
}

/// A call that does something with the session's transaction.
///
/// # Safety
/// As the functions of the ABI: `session` is null or open, `error` is null or points to a place for a pointer.
unsafe fn with_manager<T: Send + 'static>(
    pointer: *const OlbridgeSession,
    error: *mut *mut OlbridgeError,
    work: impl FnOnce(&TransactionManager) -> Result<T> + Send + 'static,
    then: impl FnOnce(T) -> Result<()>,
) -> i32 {
    // SAFETY: the caller's promise about both pointers.
    unsafe { guarded(error, || then(session(pointer)?.worker.work(work)?)) }
}

/// # Safety
/// `place` is null or points to a place for a number.
unsafe fn give_rows(place: *mut u64, rows: u64) -> Result<()> {
    if !place.is_null() {
        // SAFETY: the caller's place.
        unsafe { place.write(rows) };
    }
    Ok(())
}

/// Opens a transaction; without one, each call commits by itself.
///
/// # Safety
/// `session` is one that olbridge gave out and that was not closed; `error` is null or points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_begin(session: *const OlbridgeSession, error: *mut *mut OlbridgeError) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { with_manager(session, error, TransactionManager::begin, Ok) }
}

/// Makes the open transaction durable; `rows`, unless null, gets the rows that it has changed.
///
/// # Safety
/// As [`olbridge_begin`]; `rows` is null or points to a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_commit(session: *const OlbridgeSession, rows: *mut u64, error: *mut *mut OlbridgeError) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { with_manager(session, error, TransactionManager::commit, |changed| give_rows(rows, changed)) }
}

/// Takes the open transaction back; `rows`, unless null, gets the rows that it had changed.
///
/// # Safety
/// As [`olbridge_commit`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_rollback(session: *const OlbridgeSession, rows: *mut u64, error: *mut *mut OlbridgeError) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { with_manager(session, error, TransactionManager::rollback, |changed| give_rows(rows, changed)) }
}

/// Sets a savepoint in the open transaction.
///
/// # Safety
/// As [`olbridge_begin`]; `name` ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_savepoint(session: *const OlbridgeSession, name: *const c_char, error: *mut *mut OlbridgeError) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { with_name(session, name, error, |manager, name| manager.savepoint(&name)) }
}

/// Takes back everything after a savepoint, which stays set.
///
/// # Safety
/// As [`olbridge_savepoint`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_rollback_to(session: *const OlbridgeSession, name: *const c_char, error: *mut *mut OlbridgeError) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { with_name(session, name, error, |manager, name| manager.rollback_to(&name)) }
}

/// # Safety
/// As [`olbridge_savepoint`].
unsafe fn with_name(
    pointer: *const OlbridgeSession,
    name: *const c_char,
    error: *mut *mut OlbridgeError,
    work: impl FnOnce(&TransactionManager, String) -> Result<()> + Send + 'static,
) -> i32 {
    let body = || {
        // SAFETY: the caller's promises.
        let (session, name) = unsafe { (session(pointer)?, text(name, "the name")?.to_owned()) };
        session.worker.work(move |manager| work(manager, name))
    };
    // SAFETY: the caller's promise about `error`.
    unsafe { guarded(error, body) }
}

/// Runs a statement without placeholders, in the open transaction or in one of its own; `rows`, unless null, gets the rows affected.
///
/// # Safety
/// As [`olbridge_commit`]; `sql` ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_execute(
    session_pointer: *const OlbridgeSession,
    sql: *const c_char,
    rows: *mut u64,
    error: *mut *mut OlbridgeError,
) -> i32 {
    let body = || {
        // SAFETY: the caller's promises.
        let (session, sql) = unsafe { (session(session_pointer)?, text(sql, "the statement")?.to_owned()) };
        let affected = session.worker.work(move |manager| manager.execute(&sql))?;
        // SAFETY: the caller's place for a number, or null.
        unsafe { give_rows(rows, affected) }
    };
    // SAFETY: the caller's promise about `error`.
    unsafe { guarded(error, body) }
}

/// What is open, as JSON.
#[derive(Debug, serde::Serialize)]
struct StatusJson {
    state: &'static str,
    rows_changed: u64,
    savepoints: Vec<String>,
    database_says_open: Option<bool>,
}

/// What is open: `{"state": …, "rows_changed": …, "savepoints": […], "database_says_open": …}`; freed by `olbridge_string_free`.
///
/// # Safety
/// As [`olbridge_begin`]; `json` points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_transaction_status(
    session: *const OlbridgeSession,
    json: *mut *mut c_char,
    error: *mut *mut OlbridgeError,
) -> i32 {
    let status = |manager: &TransactionManager| {
        let status = manager.status();
        let state = match status.state {
            TransactionState::Autocommit => "autocommit",
            TransactionState::Open => "open",
            TransactionState::MustRollBack => "must_roll_back",
            TransactionState::Lost { commit_in_doubt: false } => "lost",
            TransactionState::Lost { commit_in_doubt: true } => "lost_in_commit",
        };
        let (rows_changed, savepoints, database_says_open) = (status.rows_changed, status.savepoints, status.database_says_open);
        Ok(StatusJson { state, rows_changed, savepoints, database_says_open })
    };
    // SAFETY: the caller's promises.
    unsafe { with_manager(session, error, status, |status| give_json(json, &status)) }
}

/// Logs in again after the connection was lost. Streams of before are closed. `outcome`, unless null, gets what became of the work that was under way:
/// 0 rolled back, 1 a commit that has happened all the same, 2 a commit of which nobody knows.
///
/// # Safety
/// As [`olbridge_begin`]; `outcome` is null or points to a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_reconnect(
    session_pointer: *const OlbridgeSession,
    outcome: *mut i32,
    error: *mut *mut OlbridgeError,
) -> i32 {
    let body = || {
        // SAFETY: the caller's promise.
        let found = unsafe { session(session_pointer) }?.worker.ask(Request::Reconnect)?;
        if !outcome.is_null() {
            let number = match found {
                CommitOutcome::RolledBack => 0,
                CommitOutcome::Committed => 1,
                CommitOutcome::Unknown(_) => 2,
            };
            // SAFETY: the caller's place for a number, not null.
            unsafe { outcome.write(number) };
        }
        Ok(())
    };
    // SAFETY: the caller's promise about `error`.
    unsafe { guarded(error, body) }
}

/// Breaks off the call that another thread has under way in this session; it then fails with status 130 and is taken back. Harmless when none runs.
///
/// # Safety
/// As [`olbridge_begin`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_cancel(session_pointer: *const OlbridgeSession, error: *mut *mut OlbridgeError) -> i32 {
    // SAFETY: the caller's promises.
    unsafe { guarded(error, || session(session_pointer)?.worker.cancel()) }
}
