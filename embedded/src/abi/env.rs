//! Environments and what the client library says about itself.

use std::collections::HashMap;
use std::ffi::c_void;

use super::codes::{charset, kind, status};
use super::error::{Failure, Record, guard_bare};
use super::handle::{self, Body, Children};

/// Version the library reports: the most modern level that asks for the fewest extra attributes.
pub const CLIENT_VERSION: [i32; 5] = [19, 3, 0, 0, 0];

/// `OCI_UTF16`: text in UTF-16, which this library does not speak.
const MODE_UTF16: u32 = 0x4000;

/// Content of an environment.
#[derive(Default)]
pub struct EnvBody {
    pub children: Children,
    /// Errors of calls without an error handle.
    pub records: Vec<Record>,
    pub charset_id: u16,
    pub ncharset_id: u16,
    /// Session pools by name, as addresses of their handles.
    pub pools: HashMap<String, usize>,
}

impl Body for EnvBody {
    const KIND: u32 = kind::ENV;
}

impl EnvBody {
    /// Everything allocated and not freed, when the environment itself is freed.
    pub fn take_children(&mut self) -> Children {
        std::mem::take(&mut self.children)
    }

    /// Keeps a failure for `OCIErrorGet` on the environment.
    pub fn remember(&mut self, failure: &Failure) {
        if let Failure::Ora { code, text, .. } = failure {
            self.records = vec![Record { code: *code, text: text.clone() }];
        }
    }
}

/// The character set id to use for a requested one; 0 asks for the default. UTF8 and ASCII text is AL32UTF8 text.
fn accepted_charset(id: u16) -> Option<u16> {
    match id {
        0 | charset::AL32UTF8 => Some(charset::AL32UTF8),
        charset::UTF8 | charset::US7ASCII => Some(id),
        _ => None,
    }
}

/// Creates an environment. Character sets other than AL32UTF8, UTF8 and US7ASCII are refused.
///
/// # Safety
/// `envp` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIEnvNlsCreate(
    envp: *mut *mut c_void,
    mode: u32,
    _context: *mut c_void,
    _malloc: *mut c_void,
    _realloc: *mut c_void,
    _free: *mut c_void,
    _extra_bytes: usize,
    _user_memory: *mut *mut c_void,
    charset_id: u16,
    ncharset_id: u16,
) -> i32 {
    guard_bare(|| {
        if envp.is_null() {
            return Err(Failure::InvalidHandle);
        }
        let (Some(charset_id), Some(ncharset_id)) = (accepted_charset(charset_id), accepted_charset(ncharset_id)) else {
            return Err(Failure::ora(12715, "invalid character set specified"));
        };
        if mode & MODE_UTF16 != 0 {
            return Err(Failure::unimplemented("OCI_UTF16 environments"));
        }
        let env = handle::create(std::ptr::null(), EnvBody { charset_id, ncharset_id, ..EnvBody::default() });
        super::audit::created();
        // SAFETY: not NULL, writable by contract.
        unsafe { envp.write(env.cast()) };
        Ok(status::SUCCESS)
    })
}

/// Creates an environment with the default character sets.
///
/// # Safety
/// `envp` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIEnvCreate(
    envp: *mut *mut c_void,
    mode: u32,
    context: *mut c_void,
    malloc: *mut c_void,
    realloc: *mut c_void,
    free: *mut c_void,
    extra_bytes: usize,
    user_memory: *mut *mut c_void,
) -> i32 {
    // SAFETY: the same contract.
    unsafe { OCIEnvNlsCreate(envp, mode, context, malloc, realloc, free, extra_bytes, user_memory, 0, 0) }
}

/// Reports version 19.3.
///
/// # Safety
/// Every pointer is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIClientVersion(major: *mut i32, minor: *mut i32, update: *mut i32, patch: *mut i32, port_update: *mut i32) {
    for (part, value) in [major, minor, update, patch, port_update].into_iter().zip(CLIENT_VERSION) {
        if !part.is_null() {
            // SAFETY: not NULL, writable by contract.
            unsafe { part.write(value) };
        }
    }
}

/// Nothing to prepare for threads.
#[unsafe(no_mangle)]
pub extern "C" fn OCIThreadProcessInit() {}
