//! Changing passwords.

use std::ffi::c_void;

use super::codes::status;
use super::error::{Failure, guard};
use super::handle;
use super::logon;
use super::session::{ServiceBody, SessionBody, session_of, text_argument};
use crate::engine::Session;

/// Log on with the old password first.
const MODE_AUTHENTICATE: u32 = 0x8;
const MAX_PASSWORD_BYTES: usize = 1024;

/// Changes the password of a user who knows the old one.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIPasswordChange(
    svchp: *mut c_void,
    errhp: *mut c_void,
    username: *const u8,
    username_len: u32,
    old_password: *const u8,
    old_password_len: u32,
    new_password: *const u8,
    new_password_len: u32,
    mode: u32,
) -> i32 {
    // SAFETY: the caller's contract, for handles and texts.
    unsafe {
        guard("OCIPasswordChange", errhp, |_| {
            let service = handle::get::<ServiceBody>(svchp)?;
            let username = text_argument(username, username_len as usize)?;
            let old = text_argument(old_password, old_password_len as usize)?;
            let new = text_argument(new_password, new_password_len as usize)?;
            if new.is_empty() || new.len() > MAX_PASSWORD_BYTES || new.contains(['"', '\0']) {
                return Err(Failure::ora(988, "missing or invalid password(s)"));
            }
            if mode & MODE_AUTHENTICATE != 0 {
                let session = service.lock().session_pointer();
                logon::begin_with_password(service, handle::get::<SessionBody>(session)?, &username, &old)?;
            } else {
                let (_, connect_string) = service.lock().attached_server().map(|(server, text)| (server.clone(), text))?;
                if connect_string != ":memory:" {
                    Session::connect(&connect_string, &username, &old).map_err(|_| Failure::ora(28008, "invalid old password"))?;
                }
            }
            let core = session_of(service)?;
            let mut engine = core.enter()?;
            let session = engine.session()?;
            let name = if username.starts_with('"') { username } else { format!("\"{}\"", username.to_uppercase().replace('"', "\"\"")) };
            let mut statement = session.prepare(&format!("ALTER USER {name} IDENTIFIED BY \"{new}\""))?;
            session.execute(&mut statement, &[])?;
            Ok(status::SUCCESS)
        })
    }
}
