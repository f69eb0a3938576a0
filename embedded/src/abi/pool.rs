//! Session pools: sessions of one database kept open between uses.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::codes::{attr, kind, status};
use super::env::EnvBody;
use super::error::{Failure, Outcome, guard};
use super::handle::{self, Body, Handle};
use super::logon;
use super::session::{ServiceBody, SessionBody, TextAttributes, text_argument};

const GET_FROM_POOL: u32 = 0x1;
const REINITIALIZE: u32 = 0x1;
const HOMOGENEOUS: u32 = 0x2;
/// `OCI_SESSGET_CREDPROXY`: the pool's own user logs on for the one who is named.
const BY_PROXY: u32 = 0x8;
const MATCH_ANY: u32 = 0x20;
const DROP_SESSION: u32 = 0x1;
const RETAG: u32 = 0x2;
const PROPERTIES_TAG: u32 = 0x4;
/// `OCI_ATTR_PURITY_NEW`: a session that nobody used before.
const PURITY_NEW: u32 = 1;
const FORCE_DESTROY: u32 = 0x1;

/// What a caller does when every session is busy, attribute 309.
mod get_mode {
    pub const WAIT: u8 = 0;
    pub const FORCE: u8 = 2;
    pub const TIMED_WAIT: u8 = 3;
}

static NEXT_POOL: AtomicU64 = AtomicU64::new(1);

/// Content of a session pool handle.
#[derive(Default)]
pub struct PoolBody {
    name: String,
    connect_string: String,
    username: String,
    password: String,
    is_homogeneous: bool,
    max_sessions: u32,
    open_sessions: u32,
    /// Sessions that nobody uses.
    idle: Vec<Idle>,
    /// Attributes that its sessions are made with, such as the driver's name and the edition.
    pub(super) texts: TextAttributes,
    get_mode: u8,
    wait_timeout_ms: u32,
    /// Attributes that are kept without an effect: time outs, statement cache size.
    settings: std::collections::HashMap<u32, u32>,
}

/// A session that nobody uses: its service context, and the tag it was released with.
struct Idle {
    service: usize,
    tag: Box<[u8]>,
}

/// What a session is asked for with.
struct Wish {
    credentials: (String, String),
    tag: Box<[u8]>,
    /// Whether a session of another tag will do.
    takes_any: bool,
    is_new: bool,
    by_proxy: bool,
}

impl Body for PoolBody {
    const KIND: u32 = kind::SPOOL;
}

impl PoolBody {
    /// A numeric attribute.
    pub fn value(&self, attribute: u32) -> Option<u32> {
        match attribute {
            attr::SPOOL_GETMODE => Some(u32::from(self.get_mode)),
            attr::SPOOL_BUSY_COUNT => Some(self.open_sessions - self.idle.len() as u32),
            attr::SPOOL_OPEN_COUNT => Some(self.open_sessions),
            attr::SPOOL_WAIT_TIMEOUT => Some(self.wait_timeout_ms),
            _ if is_setting(attribute) => Some(self.settings.get(&attribute).copied().unwrap_or(0)),
            _ => None,
        }
    }

    /// Sets a numeric attribute; whether it is one.
    pub fn set_value(&mut self, attribute: u32, value: u32) -> bool {
        match attribute {
            attr::SPOOL_GETMODE => self.get_mode = value as u8,
            attr::SPOOL_WAIT_TIMEOUT => self.wait_timeout_ms = value,
            _ if is_setting(attribute) => drop(self.settings.insert(attribute, value)),
            _ => return false,
        }
        true
    }
}

fn is_setting(attribute: u32) -> bool {
    matches!(attribute, attr::SPOOL_TIMEOUT | attr::SPOOL_STMTCACHESIZE | attr::SPOOL_MAX_LIFETIME_SESSION | attr::SPOOL_MAX_PER_SHARD)
}

/// Creates a pool; its sessions are opened when they are first asked for.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCISessionPoolCreate(
    envhp: *mut c_void,
    errhp: *mut c_void,
    spoolhp: *mut c_void,
    pool_name: *mut *mut u8,
    pool_name_len: *mut u32,
    connect_string: *const u8,
    connect_string_len: u32,
    _min_sessions: u32,
    max_sessions: u32,
    _increment: u32,
    username: *const u8,
    username_len: u32,
    password: *const u8,
    password_len: u32,
    mode: u32,
) -> i32 {
    // SAFETY: the caller's contract; the name lives in the pool's handle.
    unsafe {
        guard("OCISessionPoolCreate", errhp, |_| {
            let env = handle::get::<EnvBody>(envhp)?;
            let pool = handle::get::<PoolBody>(spoolhp)?;
            if mode & REINITIALIZE != 0 {
                pool.lock().max_sessions = max_sessions.max(1);
                return Ok(status::SUCCESS);
            }
            let connect_string = text_argument(connect_string, connect_string_len as usize)?;
            let connect_string = logon::resolve_connect_string(connect_string)?;
            let name = format!("OCI:SP:olbridge{}", NEXT_POOL.fetch_add(1, Ordering::Relaxed));
            let mut body = pool.lock();
            body.connect_string = connect_string;
            body.username = text_argument(username, username_len as usize)?;
            body.password = text_argument(password, password_len as usize)?;
            body.is_homogeneous = mode & HOMOGENEOUS != 0;
            body.max_sessions = max_sessions.max(1);
            body.name.clone_from(&name);
            if !pool_name.is_null() && !pool_name_len.is_null() {
                pool_name.write(body.name.as_mut_ptr());
                pool_name_len.write(name.len() as u32);
            }
            drop(body);
            env.lock().pools.insert(name, spoolhp as usize);
            Ok(status::SUCCESS)
        })
    }
}

/// Closes the idle sessions of a pool; busy ones are refused unless forced, and end when they are released.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCISessionPoolDestroy(spoolhp: *mut c_void, errhp: *mut c_void, mode: u32) -> i32 {
    // SAFETY: the caller's contract; idle service contexts belong to the pool.
    unsafe {
        guard("OCISessionPoolDestroy", errhp, |_| {
            let pool = handle::get::<PoolBody>(spoolhp)?;
            let (name, idle, busy) = {
                let mut body = pool.lock();
                let idle = std::mem::take(&mut body.idle);
                body.open_sessions -= idle.len() as u32;
                (body.name.clone(), idle, body.open_sessions)
            };
            if busy > 0 && mode & FORCE_DESTROY == 0 {
                pool.lock().open_sessions += idle.len() as u32;
                pool.lock().idle = idle;
                return Err(Failure::ora(24422, "error occurred while trying to destroy the Session Pool: sessions are in use"));
            }
            (*pool.env()).lock().pools.remove(&name);
            for svchp in idle {
                logon::OCILogoff(svchp.service as *mut c_void, errhp);
            }
            Ok(status::SUCCESS)
        })
    }
}

/// A session of a pool, or a new one without a pool.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCISessionGet(
    envhp: *mut c_void,
    errhp: *mut c_void,
    svchp: *mut *mut c_void,
    authhp: *mut c_void,
    pool_name: *const u8,
    pool_name_len: u32,
    tag: *const u8,
    tag_len: u32,
    found_tag: *mut *const u8,
    found_tag_len: *mut u32,
    found: *mut i32,
    mode: u32,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCISessionGet", errhp, |_| {
            let env = handle::get::<EnvBody>(envhp)?;
            let name = text_argument(pool_name, pool_name_len as usize)?;
            let (credentials, purity) = match handle::get::<SessionBody>(authhp) {
                Ok(session) => {
                    let session = session.lock();
                    (session.credentials()?, session.purity)
                }
                Err(_) => ((String::new(), String::new()), 0),
            };
            let tag: Box<[u8]> = text_argument(tag, tag_len as usize)?.into_bytes().into();
            let service = match mode & GET_FROM_POOL {
                0 => logon::logon(env, &name, &credentials.0, &credentials.1, &TextAttributes::default())?,
                _ => {
                    let pool = env.lock().pools.get(&name).copied();
                    let pool = pool.ok_or_else(|| Failure::ora(24417, format_args!("Session pool {name} does not exist")))?;
                    let wish = Wish {
                        credentials,
                        tag: tag.clone(),
                        takes_any: mode & MATCH_ANY != 0,
                        is_new: purity == PURITY_NEW,
                        by_proxy: mode & BY_PROXY != 0,
                    };
                    from_pool(env, handle::get::<PoolBody>(pool as *const c_void)?, wish)?
                }
            };
            svchp.write(service);
            // The tag lives in the service context while the session is out.
            let service = handle::get::<ServiceBody>(service)?.lock();
            if !found_tag.is_null() && !found_tag_len.is_null() {
                found_tag.write(if service.tag.is_empty() { std::ptr::null() } else { service.tag.as_ptr() });
                found_tag_len.write(service.tag.len() as u32);
            }
            if !found.is_null() {
                found.write(i32::from(!tag.is_empty() && service.tag == tag));
            }
            Ok(status::SUCCESS)
        })
    }
}

/// An idle session, or a new one while the pool may grow, or what the get mode says.
fn from_pool(env: &Handle<EnvBody>, pool: &Handle<PoolBody>, wish: Wish) -> Result<*mut c_void, Failure> {
    let began = Instant::now();
    loop {
        let mut body = pool.lock();
        // Sessions of a pool for many users are not interchangeable.
        if body.is_homogeneous || wish.credentials.0.is_empty() {
            if let Some(at) = fitting(&body.idle, &wish) {
                let Idle { service, tag } = body.idle.remove(at);
                // SAFETY: a service context of the pool, which nobody else uses.
                unsafe { handle::get::<ServiceBody>(service as *const c_void) }?.lock().tag = tag;
                return Ok(service as *mut c_void);
            }
            // A full pool makes room for a session that is wanted new, or without another's tag.
            if body.open_sessions >= body.max_sessions
                && let Some(Idle { service, .. }) = body.idle.pop()
            {
                body.open_sessions -= 1;
                drop(body);
                // SAFETY: as above; it is forgotten here.
                unsafe { logon::OCILogoff(service as *mut c_void, std::ptr::null_mut()) };
                continue;
            }
        }
        if body.open_sessions < body.max_sessions || body.get_mode == get_mode::FORCE {
            let (username, password) = match (wish.credentials.0.as_str(), wish.by_proxy) {
                ("", _) => (body.username.clone(), body.password.clone()),
                (client, true) => (format!("{}[{client}]", body.username), body.password.clone()),
                _ => wish.credentials,
            };
            // The place is taken before the logon and the pool unlocked for it: logging on locks the environment and may take long.
            body.open_sessions += 1;
            let (connect_string, texts) = (body.connect_string.clone(), body.texts.clone());
            drop(body);
            let service =
                logon::logon(env, &connect_string, &username, &password, &texts).inspect_err(|_| pool.lock().open_sessions -= 1)?;
            // SAFETY: just allocated by `logon`.
            unsafe { handle::get::<ServiceBody>(service) }?.lock().pool = Some(std::ptr::from_ref(pool) as usize);
            return Ok(service);
        }
        let body_mode = body.get_mode;
        let wait = match body_mode {
            get_mode::WAIT => true,
            get_mode::TIMED_WAIT => began.elapsed() < Duration::from_millis(u64::from(body.wait_timeout_ms)),
            _ => false,
        };
        drop(body);
        match wait {
            true => std::thread::sleep(Duration::from_millis(2)),
            false if body_mode == get_mode::TIMED_WAIT => {
                return Err(Failure::ora(24457, "OCISessionGet() could not find a free session in the specified timeout period"));
            }
            false => return Err(Failure::ora(24459, "OCISessionGet() timed out waiting for pool to create new connections")),
        }
    }
}

/// The idle session that fits a wish best: one of the same tag, or, when any will do, the one with most properties of the tag in common.
fn fitting(idle: &[Idle], wish: &Wish) -> Option<usize> {
    if wish.is_new {
        return None;
    }
    let exact = idle.iter().rposition(|idle| idle.tag == wish.tag);
    if exact.is_some() || wish.tag.is_empty() {
        return exact;
    }
    let properties = |tag: &[u8]| tag.split(|byte| *byte == b';').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let wanted = properties(&wish.tag);
    let common = |idle: &Idle| properties(&idle.tag).iter().filter(|part| wanted.contains(part)).count();
    match wish.takes_any {
        true => (0..idle.len()).max_by_key(|at| common(&idle[*at])),
        false => idle.iter().rposition(|idle| idle.tag.is_empty()),
    }
}

/// ORA-24488 for a tag that is not made of properties (`NAME=VALUE;NAME=VALUE`).
fn check_properties(tag: &str) -> Result<(), Failure> {
    match tag.split(';').all(|part| part.split_once('=').is_some_and(|(name, value)| !name.is_empty() && !value.is_empty())) {
        true => Ok(()),
        false => Err(Failure::ora(24488, "Invalid properties or values provided for OCISessionRelease")),
    }
}

/// Gives a session back to its pool after a rollback, or ends it.
///
/// # Safety
/// Pointers as the OCI contract says; nobody uses the service context any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCISessionRelease(svchp: *mut c_void, errhp: *mut c_void, tag: *const u8, tag_len: u32, mode: u32) -> i32 {
    // SAFETY: the caller's contract; a pool outlives its sessions, as ODPI-C and the OCI contract have it.
    unsafe {
        guard("OCISessionRelease", errhp, |_| -> Outcome {
            let pool = handle::get::<ServiceBody>(svchp)?.lock().pool;
            let given = text_argument(tag, tag_len as usize)?;
            if mode & PROPERTIES_TAG != 0 && !given.is_empty() {
                check_properties(&given)?;
            }
            // Logging off would commit. Without a transaction there is nothing to ask the database: who was killed meanwhile hears it later.
            let core = super::session::session_of(handle::get::<ServiceBody>(svchp)?);
            let is_rolled_back =
                core.is_ok_and(|core| !core.in_transaction() || super::calls::OCITransRollback(svchp, errhp, 0) == status::SUCCESS);
            let Some(pool) = pool else { return Ok(logon::OCILogoff(svchp, errhp)) };
            let pool = handle::get::<PoolBody>(pool as *const c_void)?;
            // One lock at a time.
            let name = pool.lock().name.clone();
            let is_known = (*pool.env()).lock().pools.contains_key(&name);
            let reusable = mode & DROP_SESSION == 0 && is_known && pool.lock().is_homogeneous && is_rolled_back;
            match reusable {
                true => {
                    let kept = std::mem::take(&mut handle::get::<ServiceBody>(svchp)?.lock().tag);
                    let tag = if mode & RETAG != 0 { given.into_bytes().into() } else { kept };
                    pool.lock().idle.push(Idle { service: svchp as usize, tag });
                }
                false => {
                    pool.lock().open_sessions -= 1;
                    logon::OCILogoff(svchp, errhp);
                }
            }
            Ok(status::SUCCESS)
        })
    }
}
