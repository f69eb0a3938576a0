//! Servers, sessions and service contexts. The engine's session lives in a core that every service context of the pair shares, so two
//! service contexts on one session see one transaction.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::codes::{attr, kind};
pub use super::core::{EngineGuard, SessionCore};
use super::error::Failure;
use super::handle::{Body, Handle};

/// Text attributes of a handle; the pointers given out stay valid until the attribute is set again.
pub type TextAttributes = HashMap<u32, Box<[u8]>>;

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
    /// Tag of the session when it came from its pool.
    pub(super) tag: Box<[u8]>,
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
