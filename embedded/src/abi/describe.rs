//! `OCIDescribeAny`: tables and views with their columns, through a describe handle and a tree of parameters.

use std::ffi::c_void;
use std::sync::Arc;

use super::codes::{kind, status};
use super::descriptor::{self, Content};
use super::env::EnvBody;
use super::error::{Failure, guard};
use super::handle::{self, Body, Handle};
use super::session::{ServiceBody, session_of, text_argument};
use super::statement::ColumnParam;
use crate::engine::{Datum, Session};

/// `OCI_OTYPE_NAME`: the object is given by its name.
const BY_NAME: u8 = 1;

/// Kinds of objects (`OCI_PTYPE_…`).
pub mod object_kind {
    pub const UNKNOWN: u8 = 0;
    pub const TABLE: u8 = 1;
    pub const VIEW: u8 = 2;
    pub const COLUMN: u8 = 9;
    pub const LIST: u8 = 11;
}

/// Content of a describe handle.
#[derive(Default)]
pub struct DescribeBody {
    object: Option<Arc<DescribedObject>>,
}

impl Body for DescribeBody {
    const KIND: u32 = kind::DESCRIBE;
}

impl DescribeBody {
    /// Attribute 124: a parameter descriptor of what was described last, which lives as long as the environment.
    pub fn param(&self, env: &Handle<EnvBody>) -> Result<*mut c_void, Failure> {
        let object = self.object.clone().ok_or_else(|| Failure::ora(24316, "illegal handle type: nothing was described yet"))?;
        Ok(descriptor::allocate(env, kind::PARAM, 1, Content::Object(object)).cast())
    }
}

/// A table or view.
pub struct DescribedObject {
    pub kind: u8,
    pub schema: String,
    pub name: String,
    pub columns: Arc<Vec<ColumnParam>>,
}

/// Describes a table or view by its name into a describe handle.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDescribeAny(
    svchp: *mut c_void,
    errhp: *mut c_void,
    object: *mut c_void,
    object_len: u32,
    object_type: u8,
    _info_level: u8,
    wanted: u8,
    dschp: *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIDescribeAny", errhp, |_| {
            if object_type != BY_NAME {
                return Err(Failure::unimplemented(format_args!("OCIDescribeAny of an object by type {object_type}, not by its name")));
            }
            if !matches!(wanted, object_kind::UNKNOWN | object_kind::TABLE | object_kind::VIEW) {
                return Err(Failure::unimplemented(format_args!("OCIDescribeAny of objects of kind {wanted} (tables and views are)")));
            }
            let name = text_argument(object.cast(), object_len as usize)?;
            let target = handle::get::<DescribeBody>(dschp)?;
            let core = session_of(handle::get::<ServiceBody>(svchp)?)?;
            let mut engine = core.enter()?;
            engine.session()?.activity().add_round_trips(1);
            let described = describe(engine.session()?, &name, wanted)?;
            target.lock().object = Some(Arc::new(described));
            Ok(status::SUCCESS)
        })
    }
}

fn describe(session: &mut Session, text: &str, wanted: u8) -> Result<DescribedObject, Failure> {
    let missing = || Failure::ora(4043, format_args!("object {text} does not exist"));
    let mut parts = name_parts(text).ok_or_else(missing)?;
    let name = parts.pop().ok_or_else(missing)?;
    let schema = match parts.pop() {
        Some(schema) if parts.is_empty() => schema,
        None => first_text(session, "SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM dual")?.ok_or_else(missing)?,
        Some(_) => return Err(missing()),
    };
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let find = format!(
        "SELECT object_type FROM all_objects WHERE owner = {} AND object_name = {} AND object_type IN ('TABLE', 'VIEW')",
        literal(&schema),
        literal(&name)
    );
    let kind = match first_text(session, &find)?.as_deref() {
        Some("TABLE") => object_kind::TABLE,
        Some(_) => object_kind::VIEW,
        None => return Err(missing()),
    };
    if wanted != object_kind::UNKNOWN && wanted != kind {
        return Err(missing());
    }
    let statement = session.prepare(&format!("SELECT * FROM \"{schema}\".\"{name}\""))?;
    let columns = Arc::new(statement.columns().iter().map(ColumnParam::new).collect());
    Ok(DescribedObject { kind, schema, name, columns })
}

/// The names in `A.b."C d"`, as the dictionary has them; none when it is no name.
fn name_parts(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, behind) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (part, behind) = quoted.split_once('"')?;
                (part.to_owned(), behind)
            }
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                let part = &rest[..end];
                if !part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '#')) {
                    return None;
                }
                (part.to_uppercase(), &rest[end..])
            }
        };
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match behind.strip_prefix('.') {
            Some(next) => rest = next,
            None => return behind.is_empty().then_some(parts),
        }
    }
}

/// The first value of a query as text; none without rows.
fn first_text(session: &mut Session, sql: &str) -> Result<Option<String>, Failure> {
    let mut statement = session.prepare(sql)?;
    let mut cursor = session.open(&mut statement, &[])?;
    if !cursor.next()? {
        return Ok(None);
    }
    Ok(match cursor.datum(0)? {
        Datum::Text(text) => Some(text.to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_dictionary_has_them() {
        let parts = |text: &str| name_parts(text).map(|parts| parts.join("|"));
        assert_eq!(parts("t"), Some("T".into()));
        assert_eq!(parts("scott.\"My table\""), Some("SCOTT|My table".into()));
        for wrong in ["", ".", "t.", "t, u", "\"t", "\"t\"u", "t; DROP TABLE u"] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }
}
