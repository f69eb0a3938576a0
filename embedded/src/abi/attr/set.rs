//! Setting attributes: one flat table per kind of handle.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::bind::{self, BindBody};
use super::super::codes::{attr, kind, status};
use super::super::define::{self, DefineBody};
use super::super::descriptor;
use super::super::error::{Failure, guard};
use super::super::handle::{self, Handle};
use super::super::lob::LobValue;
use super::super::pool::PoolBody;
use super::super::session::{ServerBody, ServiceBody, SessionBody, session_of};
use super::super::statement::StatementBody;
use super::{illegal, is_session_text};

/// What `OCIAttrSet` was given.
struct Given {
    value: *mut c_void,
    size_bytes: u32,
}

impl Given {
    /// # Safety
    /// The attribute is a `T` and `value` points to one.
    unsafe fn read<T: Copy>(&self) -> Result<T, Failure> {
        if self.value.is_null() {
            return Err(Failure::ora(24315, "illegal attribute value: NULL"));
        }
        // SAFETY: the caller's contract.
        Ok(unsafe { self.value.cast::<T>().read_unaligned() })
    }

    /// # Safety
    /// The attribute is text and `value` points to `size_bytes` of it.
    unsafe fn bytes(&self) -> Box<[u8]> {
        if self.value.is_null() {
            return Box::default();
        }
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts(self.value.cast::<u8>(), self.size_bytes as usize) }.into()
    }
}

/// # Safety
/// `given` is what the attribute asks for.
unsafe fn set_service(service: &Handle<ServiceBody>, attribute: u32, given: &Given) -> Result<(), Failure> {
    // SAFETY: the caller's contract; handles are set by themselves, not by their address.
    unsafe {
        match attribute {
            attr::SERVER | attr::SESSION if given.value.is_null() => service.lock().clear(attribute),
            attr::SERVER => service.lock().set_server(handle::get::<ServerBody>(given.value)?),
            attr::SESSION => service.lock().set_session(handle::get::<SessionBody>(given.value)?),
            attr::TRANS if given.value.is_null() => {}
            attr::TRANS => return Err(Failure::unimplemented("two-phase transactions (OCI_ATTR_TRANS)")),
            attr::STMTCACHESIZE => {
                let statements = given.read()?;
                service.lock().statement_cache_size = statements;
                if let Ok(core) = session_of(service) {
                    core.set_cache_size(statements);
                }
            }
            attr::CALL_TIMEOUT => session_of(service)?.set_call_timeout(given.read::<u32>()?),
            _ => return Err(illegal(attribute, "a service context")),
        }
    }
    Ok(())
}

/// # Safety
/// `given` is what the attribute asks for.
unsafe fn set_server(server: &mut ServerBody, attribute: u32, given: &Given) -> Result<(), Failure> {
    // SAFETY: the caller's contract.
    unsafe {
        match attribute {
            attr::INTERNAL_NAME | attr::EXTERNAL_NAME => drop(server.texts.insert(attribute, given.bytes())),
            attr::RECEIVE_TIMEOUT => server.receive_timeout_ms = given.read()?,
            attr::SEND_TIMEOUT => server.send_timeout_ms = given.read()?,
            attr::BREAK_ON_NET_TIMEOUT => server.break_on_timeout = given.read()?,
            _ => return Err(illegal(attribute, "a server handle")),
        }
    }
    Ok(())
}

/// # Safety
/// `given` is what the attribute asks for.
unsafe fn set_session(session: &mut SessionBody, attribute: u32, given: &Given) -> Result<(), Failure> {
    // SAFETY: the caller's contract.
    unsafe {
        match attribute {
            attr::PURITY => session.purity = given.read()?,
            attr::APPCTX_SIZE => {
                let entries = vec![Default::default(); given.read::<u32>()? as usize];
                session.application_context = Arc::new(Mutex::new(entries));
            }
            attr::DEFAULT_LOBPREFETCH_SIZE => session.lob_prefetch_bytes = given.read()?,
            attr::LTXID => return Err(illegal(attribute, "a session handle (read only)")),
            attr::CURRENT_SCHEMA => session.set_current_schema(&String::from_utf8_lossy(&given.bytes()))?,
            _ if is_session_text(attribute) => {
                session.texts.insert(attribute, given.bytes());
                session.tell_context(&[attribute])?;
            }
            _ => return Err(illegal(attribute, "a session handle")),
        }
    }
    Ok(())
}

/// Namespace, name or value of an entry of an application context.
fn set_application_context(entry: &descriptor::Descriptor, attribute: u32, bytes: Box<[u8]>) -> Result<(), Failure> {
    let (entries, index) = entry.application_context()?;
    let part = match attribute {
        attr::APPCTX_NAME => 0,
        attr::APPCTX_ATTR => 1,
        attr::APPCTX_VALUE => 2,
        _ => return Err(illegal(attribute, "an application context")),
    };
    let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
    match index.and_then(|index| entries.get_mut(index)) {
        Some(entry) => entry[part] = String::from_utf8_lossy(&bytes).into_owned(),
        None => return Err(illegal(attribute, "the list of an application context")),
    }
    Ok(())
}

/// Attributes of a bind or define handle are read as 8, 16 or 32 bits by their number.
///
/// # Safety
/// `given` is what the attribute asks for.
unsafe fn variable_attribute(attribute: u32, given: &Given) -> Result<u32, Failure> {
    // SAFETY: the caller's contract.
    unsafe {
        Ok(match attribute {
            attr::CHARSET_FORM => u32::from(given.read::<u8>()?),
            attr::CHARSET_ID | attr::CHAR_COUNT => u32::from(given.read::<u16>()?),
            _ => given.read::<u32>()?,
        })
    }
}

/// Sets an attribute.
///
/// # Safety
/// Pointers as the OCI contract says: `value` points to what the attribute asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIAttrSet(
    target: *mut c_void,
    target_kind: u32,
    value: *mut c_void,
    size: u32,
    attribute: u32,
    errhp: *mut c_void,
) -> i32 {
    let given = Given { value, size_bytes: size };
    // SAFETY: the caller's contract, for every arm.
    unsafe {
        guard("OCIAttrSet", errhp, |_| {
            match target_kind {
                kind::SVCCTX => set_service(handle::get::<ServiceBody>(target)?, attribute, &given)?,
                kind::SERVER => set_server(&mut handle::get::<ServerBody>(target)?.lock(), attribute, &given)?,
                kind::SESSION => set_session(&mut handle::get::<SessionBody>(target)?.lock(), attribute, &given)?,
                kind::STMT => {
                    let statement = handle::get::<StatementBody>(target)?;
                    match attribute {
                        attr::PREFETCH_ROWS => statement.lock().prefetch_rows = given.read()?,
                        // Rows are read one by one from the same process: memory sets no limit.
                        attr::PREFETCH_MEMORY => {}
                        _ => return Err(illegal(attribute, "a statement")),
                    }
                }
                kind::PARAM => set_application_context(descriptor::get(target)?, attribute, given.bytes())?,
                kind::BIND => {
                    let mut body = handle::get::<BindBody>(target)?.lock();
                    bind::set_attribute(&mut body, attribute, variable_attribute(attribute, &given)?)?;
                }
                kind::DEFINE => {
                    let mut body = handle::get::<DefineBody>(target)?.lock();
                    define::set_attribute(&mut body, attribute, variable_attribute(attribute, &given)?)?;
                }
                kind::SPOOL => {
                    let mut pool = handle::get::<PoolBody>(target)?.lock();
                    let value = match attribute {
                        attr::SPOOL_AUTH => {
                            pool.texts.clone_from(&handle::get::<SessionBody>(given.value)?.lock().texts);
                            return Ok(status::SUCCESS);
                        }
                        attr::SPOOL_GETMODE => u32::from(given.read::<u8>()?),
                        _ => given.read()?,
                    };
                    if !pool.set_value(attribute, value) {
                        return Err(illegal(attribute, "a session pool"));
                    }
                }
                kind::LOB if attribute == attr::LOBEMPTY => descriptor::set(target, descriptor::Content::Lob(LobValue::empty()))?,
                kind::CPOOL => return Err(Failure::unimplemented("connection pools (OCI_HTYPE_CPOOL)")),
                _ => return Err(illegal(attribute, &format!("handle type {target_kind}"))),
            }
            Ok(status::SUCCESS)
        })
    }
}
