//! Functions on ROWIDs.

use rusqlite::types::Value;

use super::super::rowid::{self, Parts};
use super::super::{OraError, Result};
use super::{Args, Body, Nulls, number, text};
use crate::engine::Number;

pub(super) const FUNCTIONS: &[(&str, i32, Nulls, Body)] = &[
    ("o_rowid", 2, Nulls::Propagate, |a| Ok(text(rowid::encode(a.integer(0)?, a.integer(1)?)))),
    ("o_rowid_number", 2, Nulls::Propagate, |a| {
        rowid::decode(a.integer(0)?, a.text(1)?).map(|rowid| rowid.map_or(Value::Null, Value::Integer))
    }),
    ("o_rowid_bound", 3, Nulls::Propagate, |a| Ok(Value::Integer(rowid::bound(a.integer(0)?, a.text(1)?, a.text(2)?)?))),
    ("o_rowid_key", 1, Nulls::Propagate, |a| Ok(Value::Blob(Parts::parse(a.text(0)?)?.key()))),
    ("o_rowid_of_key", 1, Nulls::Propagate, |a| Ok(text(Parts::from_key(a.bytes(0)?)?.text()))),
    ("o_rowid_create", 4, Nulls::Propagate, rowid_create),
    ("o_rowid_part", 2, Nulls::Propagate, rowid_part),
];

fn rowid_create(arguments: &Args<'_, '_>) -> Result<Value> {
    let part = |index: usize, most: i64| {
        let value = arguments.number(index)?.to_i64()?;
        if (0..=most).contains(&value) { Ok(value) } else { Err(OraError::new(1410, "invalid ROWID")) }
    };
    let parts = Parts {
        object: part(0, (1 << 36) - 1)?,
        file: part(1, (1 << 18) - 1)?,
        block: part(2, (1 << 36) - 1)?,
        row: part(3, (1 << 18) - 1)?,
    };
    Ok(text(parts.text()))
}

fn rowid_part(arguments: &Args<'_, '_>) -> Result<Value> {
    let parts = Parts::parse(arguments.text(0)?)?;
    Ok(number(Number::from_i64(match arguments.text(1)? {
        "OBJECT" => parts.object,
        "FILE" => parts.file,
        "BLOCK" => parts.block,
        _ => parts.row,
    })))
}
