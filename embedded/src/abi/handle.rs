//! Handles: a box behind an opaque pointer, recognised by a check word and its kind. An environment owns every handle and descriptor
//! allocated from it, and frees what is left when it is freed itself.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bind::BindBody;
use super::codes::{kind, status};
use super::define::DefineBody;
use super::describe::DescribeBody;
use super::descriptor;
use super::env::EnvBody;
use super::error::{ErrorBody, Failure, guard_bare};
use super::pool::PoolBody;
use super::session::{ServerBody, ServiceBody, SessionBody};
use super::statement::StatementBody;

const ALIVE: u32 = 0x6f6c_6272;
const DEAD: u32 = 0xdead_6f63;

/// What a handle of one kind holds.
pub trait Body {
    /// OCI handle kind.
    const KIND: u32;
}

/// First fields of every handle, readable before its kind is known.
#[repr(C)]
struct Header {
    check: AtomicU32,
    kind: u32,
}

/// A handle: header, the environment it belongs to, and its content behind a lock.
#[repr(C)]
pub struct Handle<T> {
    header: Header,
    env: *const Handle<EnvBody>,
    body: Mutex<T>,
}

impl<T> Handle<T> {
    /// The content; a panic of an earlier holder does not lock the others out.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Address of the environment.
    pub fn env(&self) -> *const Handle<EnvBody> {
        self.env
    }
}

/// A new handle as a raw pointer; `dispose` takes it back.
pub fn create<T: Body>(env: *const Handle<EnvBody>, body: T) -> *mut Handle<T> {
    create_kind(T::KIND, env, body)
}

fn create_kind<T>(kind: u32, env: *const Handle<EnvBody>, body: T) -> *mut Handle<T> {
    Box::into_raw(Box::new(Handle { header: Header { check: AtomicU32::new(ALIVE), kind }, env, body: Mutex::new(body) }))
}

/// Kind of the handle behind `pointer`, when it is one.
///
/// # Safety
/// `pointer` is NULL or readable for eight bytes.
pub unsafe fn kind_of(pointer: *const c_void) -> Option<u32> {
    if pointer.is_null() || !pointer.cast::<Header>().is_aligned() {
        return None;
    }
    // SAFETY: non-NULL and aligned, readable by the caller's contract; any bit pattern is a valid Header.
    let header = unsafe { &*pointer.cast::<Header>() };
    (header.check.load(Ordering::Relaxed) == ALIVE).then_some(header.kind)
}

/// The handle behind a caller's pointer, checked for its kind.
///
/// # Safety
/// `pointer` is NULL or points to memory of a handle that is not freed while the reference lives.
pub unsafe fn get<'a, T: Body>(pointer: *const c_void) -> Result<&'a Handle<T>, Failure> {
    // SAFETY: the caller's contract.
    match unsafe { kind_of(pointer) } {
        // SAFETY: check word and kind say that `create::<T>` made it.
        Some(kind) if kind == T::KIND => Ok(unsafe { &*pointer.cast::<Handle<T>>() }),
        _ => Err(Failure::InvalidHandle),
    }
}

/// Frees a handle made by `create`.
///
/// # Safety
/// `pointer` came from `create::<T>` and is not used again.
pub unsafe fn dispose<T>(pointer: *mut Handle<T>) {
    // SAFETY: the caller's contract.
    let handle = unsafe { Box::from_raw(pointer) };
    handle.header.check.store(DEAD, Ordering::Relaxed);
}

/// Content of handle kinds that can be allocated but whose functions are refused by name (two-phase transactions, subscriptions, …).
#[derive(Default)]
pub struct PlainBody;

/// What an environment has to free.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Child {
    Handle(u32),
    /// A block of descriptors, by the address of its first.
    Descriptors,
}

/// Children of an environment by address.
pub type Children = HashMap<usize, Child>;

/// Frees one child of an environment.
///
/// # Safety
/// `address` was registered as `child` and nobody uses it again.
pub unsafe fn free_child(address: usize, child: Child) {
    let pointer = address as *mut c_void;
    // SAFETY: the registered kind is the type that `create` was called with, for every arm.
    unsafe {
        match child {
            Child::Descriptors => descriptor::free_block(pointer),
            Child::Handle(kind::ERROR) => dispose(pointer.cast::<Handle<ErrorBody>>()),
            Child::Handle(kind::SVCCTX) => dispose(pointer.cast::<Handle<ServiceBody>>()),
            Child::Handle(kind::STMT) => dispose(pointer.cast::<Handle<StatementBody>>()),
            Child::Handle(kind::SERVER) => dispose(pointer.cast::<Handle<ServerBody>>()),
            Child::Handle(kind::SESSION) => dispose(pointer.cast::<Handle<SessionBody>>()),
            Child::Handle(kind::SPOOL) => dispose(pointer.cast::<Handle<PoolBody>>()),
            Child::Handle(kind::BIND) => dispose(pointer.cast::<Handle<BindBody>>()),
            Child::Handle(kind::DEFINE) => dispose(pointer.cast::<Handle<DefineBody>>()),
            Child::Handle(kind::DESCRIBE) => dispose(pointer.cast::<Handle<DescribeBody>>()),
            Child::Handle(_) => dispose(pointer.cast::<Handle<PlainBody>>()),
        }
    }
}

/// A new handle of `handle_kind`, registered with its environment.
pub fn allocate(env: &Handle<EnvBody>, handle_kind: u32) -> Result<*mut c_void, Failure> {
    let env_pointer: *const Handle<EnvBody> = env;
    let pointer: *mut c_void = match handle_kind {
        kind::ERROR => create(env_pointer, ErrorBody::default()).cast(),
        kind::SVCCTX => create(env_pointer, ServiceBody::default()).cast(),
        kind::STMT => create(env_pointer, StatementBody::default()).cast(),
        kind::SERVER => create(env_pointer, ServerBody::default()).cast(),
        kind::SESSION => create(env_pointer, SessionBody::default()).cast(),
        kind::SPOOL => create(env_pointer, PoolBody::default()).cast(),
        kind::DESCRIBE => create(env_pointer, DescribeBody::default()).cast(),
        kind::TRANS | kind::SUBSCRIPTION | kind::DIRPATH_CTX | kind::CPOOL | kind::ADMIN => {
            create_kind(handle_kind, env_pointer, PlainBody).cast()
        }
        other => {
            return Err(Failure::ora(24302, format_args!("host connection in use by another thread or handle type {other} is not known")));
        }
    };
    env.lock().children.insert(pointer as usize, Child::Handle(handle_kind));
    Ok(pointer)
}

/// Allocates a handle of the given kind from an environment.
///
/// # Safety
/// `parent` is NULL or an environment; `hndlpp` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIHandleAlloc(
    parent: *const c_void,
    hndlpp: *mut *mut c_void,
    handle_kind: u32,
    _extra_bytes: usize,
    _user_memory: *mut *mut c_void,
) -> i32 {
    guard_bare(|| {
        // SAFETY: the caller's contract.
        let env = unsafe { get::<EnvBody>(parent) }?;
        if hndlpp.is_null() {
            return Err(Failure::InvalidHandle);
        }
        let pointer = allocate(env, handle_kind).inspect_err(|failure| env.lock().remember(failure))?;
        // SAFETY: not NULL, writable by contract.
        unsafe { hndlpp.write(pointer) };
        Ok(status::SUCCESS)
    })
}

/// Frees a handle and what it owns. Freeing an environment frees everything allocated from it.
///
/// # Safety
/// `hndlp` is NULL or a handle nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIHandleFree(hndlp: *mut c_void, handle_kind: u32) -> i32 {
    guard_bare(|| {
        // SAFETY: the caller's contract.
        if unsafe { kind_of(hndlp) } != Some(handle_kind) {
            return Err(Failure::InvalidHandle);
        }
        if handle_kind == kind::ENV {
            let env = hndlp.cast::<Handle<EnvBody>>();
            // SAFETY: kind checked; the reference and its lock end with the statement.
            let children = unsafe { &*env }.lock().take_children();
            super::audit::freed(&children);
            // Statements first: they hold cursors of the sessions.
            let (statements, others): (Vec<_>, Vec<_>) = children.into_iter().partition(|(_, child)| *child == Child::Handle(kind::STMT));
            for (address, child) in statements.into_iter().chain(others) {
                // SAFETY: registered and not freed, else it would have been removed.
                unsafe { free_child(address, child) };
            }
            // SAFETY: made by `create`, kind checked.
            unsafe { dispose(env) };
            return Ok(status::SUCCESS);
        }
        // SAFETY: header checked; every handle has its environment at the same place, and that outlives its children.
        let env = unsafe { &*(*hndlp.cast::<Handle<PlainBody>>()).env };
        let Some(child) = env.lock().children.remove(&(hndlp as usize)) else {
            return Err(Failure::InvalidHandle);
        };
        if handle_kind == kind::SPOOL {
            env.lock().pools.retain(|_, pool| *pool != hndlp as usize);
        }
        // SAFETY: just taken out of the registry.
        unsafe { free_child(hndlp as usize, child) };
        Ok(status::SUCCESS)
    })
}
