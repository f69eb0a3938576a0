//! Attributes: one flat table per kind of handle for reading, one for setting. An attribute a table does not know is ORA-24315.

mod set;

use std::ffi::c_void;
use std::sync::Arc;

use super::bind::BindBody;
use super::codes::{attr, kind, status};
use super::describe::{DescribeBody, object_kind};
use super::descriptor;
use super::env::EnvBody;
use super::error::{ErrorBody, Failure, guard};
use super::handle::{self, Handle};
use super::pool::PoolBody;
use super::session::{ServerBody, ServiceBody, SessionBody, TextAttributes};
use super::statement::{ColumnParam, StatementBody};
pub use set::OCIAttrSet;

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

/// Attributes of a parameter: a described object, its list of columns, or a column.
fn parameter_value(param: &descriptor::Descriptor, attribute: u32) -> Result<Value, Failure> {
    let list = |columns: &Arc<Vec<ColumnParam>>| {
        let content = descriptor::Content::ColumnList(Arc::clone(columns));
        Value::Pointer(descriptor::allocate(param.env(), kind::PARAM, 1, content).cast())
    };
    Ok(match (param.content(), attribute) {
        (descriptor::Content::Object(object), attr::PTYPE) => Value::U8(object.kind),
        (descriptor::Content::Object(object), attr::OBJ_NAME | attr::NAME) => text(object.name.as_bytes()),
        (descriptor::Content::Object(object), attr::OBJ_SCHEMA | attr::SCHEMA_NAME) => text(object.schema.as_bytes()),
        (descriptor::Content::Object(object), attr::NUM_COLS) => Value::U16(object.columns.len() as u16),
        (descriptor::Content::Object(object), attr::LIST_COLUMNS) => list(&object.columns),
        (descriptor::Content::Object(_), _) => return Err(illegal(attribute, "a table or view")),
        (descriptor::Content::ColumnList(_), attr::PTYPE) => Value::U8(object_kind::LIST),
        (descriptor::Content::ColumnList(columns), attr::NUM_PARAMS) => Value::U16(columns.len() as u16),
        (descriptor::Content::ColumnList(_), _) => return Err(illegal(attribute, "a list of columns")),
        _ => return column_value(param.param()?, attribute),
    })
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
        attr::PTYPE => Value::U8(object_kind::COLUMN),
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
            kind::PARAM | kind::DESCRIBE => match handle::get::<DescribeBody>(target) {
                Ok(describe) if attribute == attr::PARAM => Ok(Value::Pointer(describe.lock().param(&*describe.env())?)),
                Ok(_) => Err(illegal(attribute, "a describe handle")),
                Err(_) => parameter_value(descriptor::get(target)?, attribute),
            },
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
