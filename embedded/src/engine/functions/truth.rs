//! BOOLEAN, JSON and VECTOR. A BOOLEAN is 1 or 0 to SQLite.

use rusqlite::types::{Value, ValueRef};

use super::super::json::{self, Kind, Syntax};
use super::super::types::VectorFormat;
use super::super::value::to_truth;
use super::super::{Datum, OraError, Result, vector};
use super::{Args, Body, Nulls, text};

pub(super) const FUNCTIONS: &[(&str, i32, Nulls, Body)] = &[
    ("o_truth", 1, Nulls::Propagate, |a| {
        let datum = match a.raw(0) {
            ValueRef::Text(_) => Datum::Text(a.text(0)?),
            ValueRef::Integer(value) => Datum::Int(value),
            _ => Datum::Number(a.bytes(0)?),
        };
        Ok(Value::Integer(to_truth(datum)?.into()))
    }),
    ("o_boolean_text", 1, Nulls::Propagate, |a| Ok(text(if a.integer(0)? == 0 { "FALSE" } else { "TRUE" }))),
    ("o_json", 1, Nulls::Propagate, |a| Ok(text(json::stored(json_argument(a)?)?))),
    ("o_json_text", 2, Nulls::Propagate, |a| {
        let (json, most) = (a.text(0)?, a.integer(1)?);
        if json.len() as i64 > most {
            return Err(OraError::new(40478, format_args!("output value too large (maximum: {most})")));
        }
        Ok(text(json.to_owned()))
    }),
    ("o_is_json", 3, Nulls::Propagate, is_json),
    ("o_vector", 3, Nulls::Propagate, |a| {
        let format = VectorFormat::named(a.text(2)?).unwrap_or(VectorFormat::Any);
        let wanted = vector::Wanted { dimensions: u32::try_from(a.integer(1)?).unwrap_or(0), format };
        Ok(text(vector::stored(a.text(0)?, wanted)?))
    }),
    ("o_vector_text", 1, Nulls::Propagate, |a| Ok(text(vector::text(a.text(0)?).to_owned()))),
];

fn json_argument<'a>(arguments: &Args<'a, '_>) -> Result<&'a str> {
    std::str::from_utf8(arguments.bytes(0)?).map_err(|_| OraError::new(40441, "JSON syntax error"))
}

fn is_json(arguments: &Args<'_, '_>) -> Result<Value> {
    let wanted = arguments.text(1)?;
    let json = json_argument(arguments).ok().and_then(|text| json::read(text, Syntax::Lax));
    let fits = json.is_some_and(|json| {
        let is_kind = match wanted {
            "OBJECT" => json.kind == Kind::Object,
            "ARRAY" => json.kind == Kind::Array,
            "SCALAR" => json.kind == Kind::Scalar,
            _ => true,
        };
        is_kind && (json.duplicate.is_none() || arguments.integer(2) == Ok(0))
    });
    Ok(Value::Integer(fits.into()))
}
