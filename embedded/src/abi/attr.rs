//! Attributes: one flat table per kind of handle for reading, one for setting. An attribute a table does not know is ORA-24315.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use super::bind::{self, BindBody};
use super::codes::{attr, kind, status};
use super::define::{self, DefineBody};
use super::descriptor;
use super::env::EnvBody;
use super::error::{ErrorBody, Failure, guard};
use super::handle::{self, Handle};
use super::lob::LobValue;
use super::pool::PoolBody;
use super::session::{ServerBody, ServiceBody, SessionBody, TextAttributes};
use super::statement::{ColumnParam, StatementBody};

/// An attribute's value as it is written to the caller.
enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    U64(u64),
    Pointer(*mut c_void),
    /// A pointer and a length, or a count.
    Span(*const c_void, usize),
}

/// Longest identifier, and 2 for VARCHAR2 and RAW of up to 32767 bytes (MAX_STRING_SIZE = EXTENDED).
const MAX_IDENTIFIER_BYTES: u8 = 128;
const MAX_STRING_EXTENDED: u8 = 2;
const MAX_OPEN_CURSORS: u32 = 65_535;

/// ORA-24315 for an attribute of a handle.
pub fn illegal(attribute: u32, what: &str) -> Failure {
    Failure::ora(24315, format_args!("illegal attribute type: {attribute} on {what}"))
}

/// Text; NULL when there is none, which drivers tell from empty text.
fn text(bytes: &[u8]) -> Value {
    let start = if bytes.is_empty() { std::ptr::null() } else { bytes.as_ptr() };
    Value::Span(start.cast(), bytes.len())
}

fn stored_text(texts: &TextAttributes, attribute: u32) -> Value {
    text(texts.get(&attribute).map_or(&[], |bytes| bytes))
}

fn env_value(env: &EnvBody, attribute: u32) -> Result<Value, Failure> {
    Ok(match attribute {
        attr::CHARSET_ID => Value::U16(env.charset_id),
        attr::NCHARSET_ID => Value::U16(env.ncharset_id),
        _ => return Err(illegal(attribute, "an environment")),
    })
}

fn error_value(error: &ErrorBody, attribute: u32) -> Result<Value, Failure> {
    Ok(match attribute {
        attr::DML_ROW_OFFSET => Value::U32(error.row_index),
        attr::ERROR_IS_RECOVERABLE => Value::I32(0),
        _ => return Err(illegal(attribute, "an error handle")),
    })
}

fn service_value(service: &Handle<ServiceBody>, attribute: u32) -> Result<Value, Failure> {
    let body = service.lock();
    Ok(match attribute {
        attr::ENV => Value::Pointer(service.env().cast_mut().cast()),
        attr::SERVER => Value::Pointer(body.server_pointer()),
        attr::SESSION => Value::Pointer(body.session_pointer()),
        attr::TRANS => Value::Pointer(std::ptr::null_mut()),
        attr::STMTCACHESIZE => Value::U32(body.statement_cache_size),
        attr::CALL_TIMEOUT => Value::U32(body.call_timeout_ms()),
        attr::MAX_IDENTIFIER_LEN => Value::U8(MAX_IDENTIFIER_BYTES),
        attr::VARTYPE_MAXLEN_COMPAT => Value::U8(MAX_STRING_EXTENDED),
        _ => return Err(illegal(attribute, "a service context")),
    })
}

fn server_value(server: &mut ServerBody, attribute: u32) -> Result<Value, Failure> {
    Ok(match attribute {
        attr::CHARSET_ID => Value::U16(super::codes::charset::AL32UTF8),
        attr::SERVER_STATUS => Value::U32(server.status()),
        attr::INTERNAL_NAME | attr::EXTERNAL_NAME | attr::DBDOMAIN => stored_text(&server.texts, attribute),
        attr::DBNAME | attr::INSTNAME | attr::SERVICENAME => text(server.database_name().as_bytes()),
        attr::RECEIVE_TIMEOUT => Value::U32(server.receive_timeout_ms),
        attr::SEND_TIMEOUT => Value::U32(server.send_timeout_ms),
        attr::BREAK_ON_NET_TIMEOUT => Value::U8(server.break_on_timeout),
        _ => return Err(illegal(attribute, "a server handle")),
    })
}

/// Text attributes that a session keeps without a meaning for this engine.
fn is_session_text(attribute: u32) -> bool {
    matches!(
        attribute,
        attr::USERNAME
            | attr::PASSWORD
            | attr::DRIVER_NAME
            | attr::EDITION
            | attr::CONNECTION_CLASS
            | attr::MODULE
            | attr::ACTION
            | attr::CLIENT_INFO
            | attr::CLIENT_IDENTIFIER
            | attr::DBOP
            | attr::ECONTEXT_ID
            | attr::LTXID
    )
}

fn session_value(handle: &Handle<SessionBody>, attribute: u32) -> Result<Value, Failure> {
    let session = &mut *handle.lock();
    Ok(match attribute {
        attr::APPCTX_LIST => {
            let list = descriptor::Content::ApplicationContext(session.application_context.clone(), None);
            // SAFETY: an environment outlives its handles.
            let env = unsafe { &*handle.env() };
            Value::Pointer(descriptor::allocate(env, kind::PARAM, 1, list).cast())
        }
        attr::EDITION if session.core.is_open() => {
            let edition = session.core.context("CURRENT_EDITION_NAME").unwrap_or_default().into_bytes();
            // What the logon asked for is shown as it was written.
            let as_asked = session.texts.get(&attribute).is_some_and(|asked| asked.eq_ignore_ascii_case(&edition));
            if !as_asked {
                session.texts.insert(attribute, edition.into());
            }
            stored_text(&session.texts, attribute)
        }
        attr::PASSWORD => return Err(illegal(attribute, "a session handle (write only)")),
        attr::TRANSACTION_IN_PROGRESS => Value::I32(i32::from(session.in_transaction())),
        attr::MAX_OPEN_CURSORS => Value::U32(MAX_OPEN_CURSORS),
        attr::PURITY => Value::U32(session.purity),
        attr::DEFAULT_LOBPREFETCH_SIZE => Value::U32(session.lob_prefetch_bytes),
        attr::CURRENT_SCHEMA => {
            // As with a server, nothing is known here before the schema is changed.
            let schema = session.current_schema().unwrap_or_default().into_bytes();
            session.texts.insert(attribute, schema.into());
            stored_text(&session.texts, attribute)
        }
        attr::LTXID if session.core.is_open() => {
            // Kept, so that it can be asked for when the connection is lost.
            let ltxid = session.core.enter()?.session()?.ltxid().unwrap_or_default();
            session.texts.insert(attribute, ltxid.into());
            stored_text(&session.texts, attribute)
        }
        _ if is_session_text(attribute) => stored_text(&session.texts, attribute),
        _ => return Err(illegal(attribute, "a session handle")),
    })
}

fn statement_value(statement: &StatementBody, attribute: u32) -> Result<Value, Failure> {
    let shape = statement.shape.as_ref();
    Ok(match attribute {
        attr::STMT_TYPE => Value::U16(shape.map_or(0, |shape| shape.kind.oci_code())),
        attr::STMT_IS_RETURNING => Value::U8(u8::from(shape.is_some_and(|shape| shape.is_returning))),
        attr::BIND_COUNT => Value::U32(statement.bind_count() as u32),
        attr::PARAM_COUNT => Value::U32(statement.columns.len() as u32),
        attr::ROW_COUNT => Value::U32(statement.row_count as u32),
        attr::UB8_ROW_COUNT => Value::U64(statement.row_count),
        attr::ROWS_FETCHED => Value::U32(statement.rows_fetched),
        attr::NUM_DML_ERRORS => Value::U32(statement.row_error_count),
        attr::DML_ROW_COUNT_ARRAY => match &statement.row_counts {
            Some(counts) => Value::Span(counts.as_ptr().cast(), counts.len()),
            None => return Err(Failure::ora(24349, "Array DML row counts not available")),
        },
        attr::PARSE_ERROR_OFFSET => Value::U16(statement.parse_error_offset),
        attr::SQLFNCODE => Value::U16(shape.map_or(0, |shape| shape.kind.oci_code())),
        attr::STATEMENT => text(statement.sql.as_bytes()),
        // Hash of a server's cursor cache, which is not here.
        attr::SQL_ID => text(&[]),
        attr::CURRENT_POSITION => Value::U32(statement.query.as_ref().map_or(0, |query| query.position) as u32),
        attr::PREFETCH_ROWS => Value::U32(statement.prefetch_rows),
        attr::IMPLICIT_RESULT_COUNT => Value::U32(statement.implicit_results.len() as u32),
        attr::ENV => return Err(illegal(attribute, "a statement")),
        _ => return Err(illegal(attribute, "a statement")),
    })
}

fn pool_value(pool: &PoolBody, attribute: u32) -> Result<Value, Failure> {
    match (attribute, pool.value(attribute)) {
        (attr::SPOOL_GETMODE, Some(value)) => Ok(Value::U8(value as u8)),
        (_, Some(value)) => Ok(Value::U32(value)),
        (_, None) => Err(illegal(attribute, "a session pool")),
    }
}

fn column_value(column: &ColumnParam, attribute: u32) -> Result<Value, Failure> {
    Ok(match attribute {
        attr::NAME => text(column.name.as_bytes()),
        attr::DATA_TYPE => Value::U16(column.code),
        attr::DATA_SIZE => Value::U16(column.size_bytes),
        attr::CHAR_SIZE => Value::U16(column.size_chars),
        attr::CHAR_USED => Value::U8(u8::from(column.counts_chars)),
        attr::PRECISION => Value::I16(column.precision),
        attr::SCALE => Value::I8(column.scale),
        attr::IS_NULL => Value::U8(u8::from(column.nullable)),
        attr::CHARSET_FORM => Value::U8(column.charset_form),
        attr::CHARSET_ID => Value::U16(super::codes::charset::AL32UTF8),
        attr::TYPE_NAME | attr::SCHEMA_NAME => text(&[]),
        attr::JSON_COL => Value::U8(0),
        _ => return Err(illegal(attribute, "a column")),
    })
}

/// # Safety
/// `target` is NULL or a handle or descriptor of this library.
unsafe fn value_of(target: *const c_void, target_kind: u32, attribute: u32) -> Result<Value, Failure> {
    // SAFETY: the caller's contract, for every arm.
    unsafe {
        match target_kind {
            kind::ENV => env_value(&handle::get::<EnvBody>(target)?.lock(), attribute),
            kind::ERROR => error_value(&handle::get::<ErrorBody>(target)?.lock(), attribute),
            kind::SVCCTX => service_value(handle::get::<ServiceBody>(target)?, attribute),
            kind::SERVER => server_value(&mut handle::get::<ServerBody>(target)?.lock(), attribute),
            kind::SESSION => session_value(handle::get::<SessionBody>(target)?, attribute),
            kind::STMT => statement_value(&handle::get::<StatementBody>(target)?.lock(), attribute),
            kind::BIND => match attribute {
                attr::ROWS_RETURNED => Ok(Value::U32(handle::get::<BindBody>(target)?.lock().rows_returned)),
                _ => Err(illegal(attribute, "a bind handle")),
            },
            kind::SPOOL => pool_value(&handle::get::<PoolBody>(target)?.lock(), attribute),
            // Column parameters are asked by their own kind and, by ODPI-C, as describe handles.
            kind::PARAM | kind::DESCRIBE => column_value(descriptor::get(target)?.param()?, attribute),
            _ => Err(illegal(attribute, &format!("handle type {target_kind}"))),
        }
    }
}

/// Reads an attribute.
///
/// # Safety
/// Pointers as the OCI contract says: `value` has the size of the attribute.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIAttrGet(
    target: *const c_void,
    target_kind: u32,
    value: *mut c_void,
    size: *mut u32,
    attribute: u32,
    errhp: *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIAttrGet", errhp, |_| {
            if value.is_null() {
                return Err(Failure::InvalidHandle);
            }
            if (target_kind, attribute) == (kind::STMT, attr::ROWID) {
                let rowid = handle::get::<StatementBody>(target)?.lock().last_rowid.clone();
                let found = rowid.is_some();
                if let Some(rowid) = rowid {
                    descriptor::set(value, descriptor::Content::Rowid(rowid))?;
                }
                if !size.is_null() {
                    size.write(if found { size_of::<*const c_void>() as u32 } else { 0 });
                }
                return Ok(status::SUCCESS);
            }
            let size_bytes = match value_of(target, target_kind, attribute)? {
                Value::U8(found) => store(value, found),
                Value::I8(found) => store(value, found),
                Value::U16(found) => store(value, found),
                Value::I16(found) => store(value, found),
                Value::U32(found) => store(value, found),
                Value::I32(found) => store(value, found),
                Value::U64(found) => store(value, found),
                Value::Pointer(found) => store(value, found),
                Value::Span(start, length) => {
                    store(value, start);
                    length
                }
            };
            if !size.is_null() {
                size.write(size_bytes as u32);
            }
            Ok(status::SUCCESS)
        })
    }
}

/// # Safety
/// `target` is writable for a `T`.
unsafe fn store<T>(target: *mut c_void, value: T) -> usize {
    // SAFETY: the caller's contract; callers may keep attributes in packed structures.
    unsafe { target.cast::<T>().write_unaligned(value) };
    size_of::<T>()
}

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
                if let Ok(core) = super::session::session_of(service) {
                    core.set_cache_size(statements);
                }
            }
            attr::CALL_TIMEOUT => super::session::session_of(service)?.set_call_timeout(given.read::<u32>()?),
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
                        // Driver name and the like, which this engine does not look at.
                        attr::SPOOL_AUTH => return Ok(status::SUCCESS),
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
