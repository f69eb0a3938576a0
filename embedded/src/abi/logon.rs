//! Attaching to a database, logging on and off.

use std::ffi::c_void;
use std::path::Path;
use std::sync::{Arc, Weak};

use super::codes::{attr, kind, status};
use super::env::EnvBody;
use super::error::{Failure, Outcome, guard};
use super::handle::{self, Handle};
use super::session::{CONTEXT_ATTRIBUTES, ServerBody, ServiceBody, SessionBody, SessionCore, TextAttributes, session_of, text_argument};
use crate::engine::Session;

const CREDENTIALS_DATABASE: u32 = 1;
const CREDENTIALS_EXTERNAL: u32 = 2;
const MODE_STATEMENT_CACHE: u32 = 0x40;

/// Where a connect string leads; refused early when no file can be there.
pub fn check_connect_string(connect_string: &str) -> Result<(), Failure> {
    let unresolved = |why: String| Failure::ora(12154, format_args!("TNS:could not resolve the connect identifier specified: {why}"));
    if connect_string.is_empty() {
        return Err(unresolved("the embedded engine takes a file path, \":memory:\" or \"null\", and got nothing".into()));
    }
    if matches!(connect_string, ":memory:" | "null") {
        return Ok(());
    }
    let path = Path::new(connect_string);
    if path.is_dir() {
        return Err(unresolved(format!(
            "\"{connect_string}\" is a directory; the embedded engine takes a file path, \":memory:\" or \"null\""
        )));
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => Err(unresolved(format!(
            "tried to open the file \"{connect_string}\" with the embedded engine, but there is no directory \"{}\"",
            parent.display()
        ))),
        _ => Ok(()),
    }
}

/// Environment variable with the file that connect strings of servers lead to, so that programs written for a server run unchanged.
const DATABASE_VARIABLE: &str = "OLBRIDGE_EMBEDDED_DATABASE";

/// The database behind a connect string: a path, `:memory:` and `null` are themselves; a connect descriptor, and `host[:port]/service` when
/// there is no such directory, are the file of `OLBRIDGE_EMBEDDED_DATABASE`.
pub fn resolve_connect_string(connect_string: String) -> Result<String, Failure> {
    let is_descriptor = connect_string.trim_start().starts_with('(');
    let checked = if is_descriptor {
        Err(Failure::ora(
            12154,
            format_args!(
                "TNS:could not resolve the connect identifier specified: the embedded engine reads no connect descriptors; set \
                 {DATABASE_VARIABLE} to the file that they lead to, or connect to a file path"
            ),
        ))
    } else {
        check_connect_string(&connect_string)
    };
    match (checked, std::env::var(DATABASE_VARIABLE)) {
        (Err(_), Ok(file)) if !file.is_empty() && !connect_string.is_empty() => check_connect_string(&file).map(|()| file),
        (checked, _) => checked.map(|()| connect_string),
    }
}

fn attach(server: &Handle<ServerBody>, connect_string: String) -> Result<(), Failure> {
    let connect_string = resolve_connect_string(connect_string)?;
    let core = server.lock().core.clone();
    core.set_connect_string(Some(connect_string));
    Ok(())
}

fn begin(service: &Handle<ServiceBody>, session: &Handle<SessionBody>, credentials: u32, mode: u32) -> Result<(), Failure> {
    if !matches!(credentials, CREDENTIALS_DATABASE | CREDENTIALS_EXTERNAL) {
        return Err(Failure::ora(24311, "memory initialization failed: unknown credential type"));
    }
    if mode & !MODE_STATEMENT_CACHE != 0 {
        return Err(Failure::ora(
            1031,
            format_args!("insufficient privileges: session mode {mode:#x} is not known to the embedded engine"),
        ));
    }
    let (server, connect_string) = {
        let service = service.lock();
        let (server, connect_string) = service.attached_server()?;
        (server.clone(), connect_string)
    };
    let (core, username, password) = {
        let session = session.lock();
        let (username, password) = session.credentials()?;
        (session.core.clone(), username, password)
    };
    if core.is_open() {
        return Err(Failure::ora(1017, "a session is already begun on this handle"));
    }
    if credentials == CREDENTIALS_EXTERNAL && !(username.is_empty() && password.is_empty()) {
        return Err(Failure::ora(
            1017,
            "invalid username/password; logon denied: with external credentials the embedded engine knows only its default user, so give no user",
        ));
    }
    let connected = Session::connect(&connect_string, &username, &password).map_err(|error| match (error.code, password.is_empty()) {
        (1017, true) => Failure::ora(1005, "null password given; logon denied"),
        _ => Failure::from(error),
    });
    core.begin(connected?);
    let told = {
        let session = session.lock();
        session.tell_context(&CONTEXT_ATTRIBUTES).and_then(|()| session.tell_logon())
    };
    if let Err(failure) = told {
        core.end();
        return Err(failure);
    }
    core.set_cache_size(service.lock().statement_cache_size);
    let mut sessions = server.sessions();
    sessions.retain(|session| session.strong_count() > 0);
    sessions.push(Arc::downgrade(&core));
    drop(sessions);
    service.lock().set_session(session);
    Ok(())
}

/// Logs on with a user name and password of a call.
pub fn begin_with_password(
    service: &Handle<ServiceBody>,
    session: &Handle<SessionBody>,
    username: &str,
    password: &str,
) -> Result<(), Failure> {
    for (attribute, text) in [(attr::USERNAME, username), (attr::PASSWORD, password)] {
        session.lock().texts.insert(attribute, text.as_bytes().into());
    }
    begin(service, session, CREDENTIALS_DATABASE, 0)
}

/// What becomes of a transaction that is open when its session ends.
#[derive(Clone, Copy)]
enum Ending {
    /// A proper logoff commits, as OCI has it.
    Logoff,
    /// The connection goes away under the session.
    Lost,
}

/// Ends the engine's session.
fn end(core: &SessionCore, ending: Ending) -> Outcome {
    if let Some(mut session) = core.end() {
        match ending {
            Ending::Logoff => session.commit()?,
            Ending::Lost => session.rollback()?,
        }
    }
    Ok(status::SUCCESS)
}

/// Points a server handle at a database: a file path, `:memory:` or `null`.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIServerAttach(srvhp: *mut c_void, errhp: *mut c_void, dblink: *const u8, dblink_len: i32, _mode: u32) -> i32 {
    // SAFETY: the caller's contract, for the handles and the text.
    unsafe {
        guard("OCIServerAttach", errhp, |_| {
            let server = handle::get::<ServerBody>(srvhp)?;
            attach(server, text_argument(dblink, usize::try_from(dblink_len).unwrap_or(0))?)?;
            Ok(status::SUCCESS)
        })
    }
}

/// Detaches a server handle; sessions on it are ended, their transactions rolled back.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIServerDetach(srvhp: *mut c_void, errhp: *mut c_void, _mode: u32) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIServerDetach", errhp, |_| {
            let core = handle::get::<ServerBody>(srvhp)?.lock().core.clone();
            let sessions = std::mem::take(&mut *core.sessions());
            for session in sessions.iter().filter_map(Weak::upgrade) {
                end(&session, Ending::Lost)?;
            }
            core.set_connect_string(None);
            Ok(status::SUCCESS)
        })
    }
}

/// Logs on with the user name and password of the session handle.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCISessionBegin(svchp: *mut c_void, errhp: *mut c_void, usrhp: *mut c_void, credentials: u32, mode: u32) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCISessionBegin", errhp, |_| {
            begin(handle::get::<ServiceBody>(svchp)?, handle::get::<SessionBody>(usrhp)?, credentials, mode)?;
            Ok(status::SUCCESS)
        })
    }
}

/// Logs off; an open transaction is committed, as by a server (drivers roll back before they call this).
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCISessionEnd(svchp: *mut c_void, errhp: *mut c_void, usrhp: *mut c_void, _mode: u32) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCISessionEnd", errhp, |_| {
            let service = handle::get::<ServiceBody>(svchp)?;
            let core = match usrhp.is_null() {
                true => session_of(service)?,
                false => handle::get::<SessionBody>(usrhp)?.lock().core.clone(),
            };
            end(&core, Ending::Logoff)
        })
    }
}

/// A logged on service context with a server and session of its own.
pub fn logon(
    env: &Handle<EnvBody>,
    connect_string: &str,
    username: &str,
    password: &str,
    texts: &TextAttributes,
) -> Result<*mut c_void, Failure> {
    let mut made = Vec::new();
    let mut begun = || {
        for handle_kind in [kind::SERVER, kind::SESSION, kind::SVCCTX] {
            made.push((handle::allocate(env, handle_kind)?, handle_kind));
        }
        // SAFETY: just allocated as what they are.
        let (server, session, service) = unsafe {
            (handle::get::<ServerBody>(made[0].0)?, handle::get::<SessionBody>(made[1].0)?, handle::get::<ServiceBody>(made[2].0)?)
        };
        attach(server, connect_string.to_owned())?;
        session.lock().texts.clone_from(texts);
        for (attribute, text) in [(attr::USERNAME, username), (attr::PASSWORD, password)] {
            session.lock().texts.insert(attribute, text.as_bytes().into());
        }
        service.lock().set_server(server);
        begin(service, session, CREDENTIALS_DATABASE, MODE_STATEMENT_CACHE)?;
        service.lock().owns_parts = true;
        Ok(made[2].0)
    };
    let outcome = begun();
    if outcome.is_err() {
        for (pointer, handle_kind) in made.into_iter().rev() {
            // SAFETY: allocated above and given to nobody.
            unsafe { handle::OCIHandleFree(pointer, handle_kind) };
        }
    }
    outcome
}

/// Server, session and service context in one call.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILogon2(
    envhp: *mut c_void,
    errhp: *mut c_void,
    svchp: *mut *mut c_void,
    username: *const u8,
    username_len: u32,
    password: *const u8,
    password_len: u32,
    database: *const u8,
    database_len: u32,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller's contract, for handles and texts.
    unsafe {
        guard("OCILogon2", errhp, |_| {
            let env = handle::get::<EnvBody>(envhp)?;
            if svchp.is_null() {
                return Err(Failure::InvalidHandle);
            }
            let username = text_argument(username, username_len as usize)?;
            let password = text_argument(password, password_len as usize)?;
            svchp.write(logon(env, &text_argument(database, database_len as usize)?, &username, &password, &TextAttributes::default())?);
            Ok(status::SUCCESS)
        })
    }
}

/// Ends what `OCILogon2` began; an open transaction is committed.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILogoff(svchp: *mut c_void, errhp: *mut c_void) -> i32 {
    // SAFETY: the caller's contract; the parts were allocated by `OCILogon2`, nobody else frees them.
    unsafe {
        guard("OCILogoff", errhp, |_| {
            let service = handle::get::<ServiceBody>(svchp)?;
            let core = session_of(service)?;
            let (server, session, owns_parts) = {
                let service = service.lock();
                (service.server_pointer(), service.session_pointer(), service.owns_parts)
            };
            let outcome = end(&core, Ending::Logoff);
            if owns_parts {
                for (pointer, handle_kind) in [(svchp, kind::SVCCTX), (session, kind::SESSION), (server, kind::SERVER)] {
                    handle::OCIHandleFree(pointer, handle_kind);
                }
            }
            outcome
        })
    }
}
