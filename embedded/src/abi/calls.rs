//! Calls of a service context or server by itself: the end of transactions, ping, break, and what the server is.

use std::ffi::c_void;
use std::sync::Weak;

use super::codes::{kind, status};
use super::error::{ErrorBody, Failure, guard, write_text};
use super::fault::{self, Fault};
use super::handle::{self, Handle};
use super::session::{ServerBody, ServiceBody, session_of};
use crate::engine::{Release, Session};

/// The release in one word, as servers since 18 tell it: bytes of the first two parts, four bits, a byte and four bits of the others.
fn version_word(release: Release) -> u32 {
    let [major, minor, update, port, port_update] = release.parts().map(u32::from);
    major << 24 | minor << 16 | update << 12 | port << 4 | port_update
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
            let release = Release::of_environment()?;
            write_text(buffer, buffer_bytes as usize, &release.banner());
            if !version.is_null() {
                version.write(version_word(release));
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
