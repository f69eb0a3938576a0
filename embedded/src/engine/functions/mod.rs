//! Functions that translated SQL calls, registered with each SQLite connection. NULL in is NULL out unless said otherwise.

mod aggregate;
mod calendar;
mod character;
mod datetime;
mod hash;
mod interval;
mod number_format;
mod regexp;
mod rowid;
mod text;
mod truth;

use std::borrow::Cow;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};

use super::ddl::parse_type;
use super::nls::Nls;
use super::number::Number;
use super::types::Family;
use super::value::{self, Stored, Target, double_bytes, float_bytes, float_value, hex, unhex};
use super::{OraError, Result, undo};

/// A function body: arguments to value.
type Body = fn(&Args<'_, '_>) -> Result<Value>;

/// Arguments of a call.
pub(super) struct Args<'a, 'c>(&'a Context<'c>);

impl<'a> Args<'a, '_> {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn raw(&self, index: usize) -> ValueRef<'a> {
        self.0.get_raw(index)
    }

    pub fn is_null(&self, index: usize) -> bool {
        matches!(self.raw(index), ValueRef::Null)
    }

    pub fn text(&self, index: usize) -> Result<&'a str> {
        match self.raw(index) {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| OraError::internal("text that is not UTF-8")),
            _ => Err(OraError::internal("text argument expected")),
        }
    }

    pub fn bytes(&self, index: usize) -> Result<&'a [u8]> {
        match self.raw(index) {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(bytes),
            _ => Err(OraError::internal("bytes argument expected")),
        }
    }

    pub fn number(&self, index: usize) -> Result<Number> {
        match self.raw(index) {
            ValueRef::Blob(bytes) => Ok(Number::from_canonical(bytes)),
            ValueRef::Integer(value) => Ok(Number::from_i64(value)),
            _ => Err(OraError::internal("number argument expected")),
        }
    }

    pub fn integer(&self, index: usize) -> Result<i64> {
        match self.raw(index) {
            ValueRef::Integer(value) => Ok(value),
            _ => Ok(self.number(index)?.to_i64()?),
        }
    }

    pub fn float(&self, index: usize) -> Result<f64> {
        Ok(float_value(self.bytes(index)?))
    }
}

pub(super) fn number(value: Number) -> Value {
    Value::Blob(value.as_bytes().to_vec())
}

pub(super) fn text(value: impl Into<Cow<'static, str>>) -> Value {
    let value = value.into();
    if value.is_empty() { Value::Null } else { Value::Text(value.into_owned()) }
}

fn owned(stored: Stored<'_>) -> Value {
    value::owned(stored.as_value_ref())
}

/// How a function treats NULL arguments and whether equal arguments give equal results.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// Any NULL argument gives NULL.
    Propagate,
    /// The body looks itself.
    Seen,
}

fn register_one(connection: &Connection, name: &str, arguments: i32, nulls: Nulls, body: Body) -> Result<()> {
    let pure = if name == "o_now" { FunctionFlags::empty() } else { FunctionFlags::SQLITE_DETERMINISTIC };
    connection.create_scalar_function(name, arguments, FunctionFlags::SQLITE_UTF8 | pure, move |context| {
        let arguments = Args(context);
        if nulls == Nulls::Propagate && (0..arguments.len()).any(|index| arguments.is_null(index)) {
            return Ok(Value::Null);
        }
        body(&arguments).map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))
    })?;
    Ok(())
}

/// Registers everything.
pub(super) fn register(connection: &Connection) -> Result<()> {
    super::dml::register_moving(connection)?;
    use Nulls::{Propagate, Seen};
    let functions: &[(&str, i32, Nulls, Body)] = &[
        ("o_text_number", 1, Propagate, |a| Ok(number(Number::parse(a.text(0)?)?))),
        ("o_float_number", 1, Propagate, float_number),
        ("o_number_double", 1, Propagate, |a| Ok(double(a.number(0)?.to_f64()))),
        ("o_text_double", 1, Propagate, |a| Ok(double(value::parse_double(a.text(0)?)?))),
        ("o_float_double", 1, Propagate, |a| Ok(double(a.float(0)?))),
        ("o_double_float", 1, Propagate, |a| Ok(Value::Blob(float_bytes(a.float(0)? as f32).to_vec()))),
        ("o_number_text", 1, Propagate, |a| Ok(text(a.number(0)?.to_text()))),
        ("o_float_text", 1, Propagate, float_text),
        ("o_number_format", 2, Propagate, |a| Ok(text(number_format::format(&a.number(0)?, a.text(1)?)?))),
        ("o_parse_number", 2, Propagate, |a| Ok(number(number_format::parse(a.text(0)?, a.text(1)?)?))),
        ("o_hex", 1, Propagate, |a| Ok(text(hex(a.bytes(0)?)))),
        ("o_unhex", 1, Propagate, |a| Ok(Value::Blob(unhex(a.text(0)?)?))),
        ("o_integer", 1, Propagate, |a| Ok(number(Number::from_i64(a.integer(0)?)))),
        ("o_row_limit", 2, Propagate, row_limit),
        ("o_share", 2, Propagate, |a| {
            let whole = a.integer(1)?;
            let share = Number::from_i64(a.integer(0)?).div(&Number::from_i64(whole.max(1)))?;
            Ok(number(share))
        }),
        ("o_percent_rows", 2, Propagate, |a| {
            let rows = a.number(0)?.mul(&Number::from_i64(a.integer(1)?))?.div(&Number::from_i64(100))?;
            Ok(Value::Integer(floor(&rows.neg())?.neg().to_i64()?.max(0)))
        }),
        ("o_as_of", 4, Seen, as_of),
        ("o_as_of_limit", 6, Seen, as_of_limit),
        ("o_xid", 1, Propagate, |a| Ok(Value::Blob(a.integer(0)?.to_be_bytes().to_vec()))),
        ("o_scn_at", 1, Seen, |a| {
            if a.is_null(0) {
                Err(OraError::new(8180, "no snapshot found based on specified time"))
            } else {
                Ok(Value::Integer(a.integer(0)?))
            }
        }),
        ("o_sample", 1, Seen, |a| {
            let percent = if a.is_null(0) { 0.0 } else { a.number(0)?.to_f64() };
            // A fraction of 2^20, which is what is drawn from.
            if (0.000_001..100.0).contains(&percent) {
                Ok(Value::Integer((percent / 100.0 * 1_048_576.0) as i64))
            } else {
                Err(OraError::new(30562, "invalid SAMPLE percentage"))
            }
        }),
        ("o_fail", 1, Propagate, |a| Err(OraError::from_text(a.text(0)?).unwrap_or_else(|| OraError::internal("o_fail")))),
        ("o_fit", 2, Propagate, fit),
        ("o_dump", 3, Seen, dump),
        ("o_double_op", 3, Propagate, double_op),
        ("o_neg", 1, Propagate, |a| Ok(number(a.number(0)?.neg()))),
        ("o_add", 2, Propagate, |a| Ok(number(a.number(0)?.add(&a.number(1)?)?))),
        ("o_sub", 2, Propagate, |a| Ok(number(a.number(0)?.sub(&a.number(1)?)?))),
        ("o_mul", 2, Propagate, |a| Ok(number(a.number(0)?.mul(&a.number(1)?)?))),
        ("o_div", 2, Propagate, |a| Ok(number(a.number(0)?.div(&a.number(1)?)?))),
        ("o_mod", 2, Propagate, modulo),
        ("o_power", 2, Propagate, power),
        ("o_abs", 1, Propagate, |a| Ok(number(a.number(0)?.abs()))),
        ("o_sign", 1, Propagate, |a| {
            a.number(0).map(|n| {
                number(Number::from_i64(if n.is_zero() {
                    0
                } else if n.is_negative() {
                    -1
                } else {
                    1
                }))
            })
        }),
        ("o_floor", 1, Propagate, |a| Ok(number(floor(&a.number(0)?)?))),
        ("o_ceil", 1, Propagate, |a| Ok(number(floor(&a.number(0)?.neg())?.neg()))),
        ("o_round", -1, Propagate, |a| Ok(number(a.number(0)?.round_scale(scale_argument(a)?)?))),
        ("o_trunc", -1, Propagate, |a| Ok(number(a.number(0)?.trunc_scale(scale_argument(a)?)?))),
    ];
    for group in [
        functions,
        calendar::FUNCTIONS,
        truth::FUNCTIONS,
        character::FUNCTIONS,
        datetime::FUNCTIONS,
        hash::FUNCTIONS,
        interval::FUNCTIONS,
        regexp::FUNCTIONS,
        rowid::FUNCTIONS,
        text::FUNCTIONS,
    ] {
        for (name, arguments, nulls, body) in group {
            register_one(connection, name, *arguments, *nulls, *body)?;
        }
    }
    aggregate::register(connection)
}

/// The SCN of a flashback query: given, first of the table, oldest and newest of the file.
fn as_of(arguments: &Args<'_, '_>) -> Result<Value> {
    let given = |index: usize| if arguments.is_null(index) { Ok(-1) } else { arguments.integer(index) };
    undo::check_scn(given(0)?, given(1)?, given(2)?, given(3)?).map(Value::Integer)
}

/// One of the limits of a version query: both, first of the table, oldest and newest of the file, and which one.
fn as_of_limit(arguments: &Args<'_, '_>) -> Result<Value> {
    let given = |index: usize| if arguments.is_null(index) { Ok(-1) } else { arguments.integer(index) };
    let limits = undo::check_range([given(0)?, given(1)?, given(2)?, given(3)?, given(4)?])?;
    Ok(Value::Integer(limits[usize::from(given(5)? > 0)]))
}

fn double(value: f64) -> Value {
    Value::Blob(double_bytes(value).to_vec())
}

fn float_number(arguments: &Args<'_, '_>) -> Result<Value> {
    let bytes = arguments.bytes(0)?;
    Ok(number(if bytes.len() == 4 { Number::from_f32(value::float32_value(bytes))? } else { Number::from_f64(float_value(bytes))? }))
}

fn float_text(arguments: &Args<'_, '_>) -> Result<Value> {
    let bytes = arguments.bytes(0)?;
    let family = if bytes.len() == 4 { Family::BinaryFloat } else { Family::BinaryDouble };
    let datum = value::datum(family, arguments.raw(0), 0)?;
    Ok(text(value::to_text(datum, &Nls::new()?, "CHAR")?.into_owned()))
}

fn scale_argument(arguments: &Args<'_, '_>) -> Result<i32> {
    let scale = if arguments.len() > 1 { arguments.integer(1)? } else { 0 };
    Ok(scale.clamp(-200, 200) as i32)
}

fn floor(value: &Number) -> Result<Number> {
    let cut = value.trunc_scale(0)?;
    Ok(if value.is_negative() && cut != *value { cut.sub(&Number::from_i64(1))? } else { cut })
}

/// MOD takes the sign of the dividend; MOD(n, 0) is n.
fn modulo(arguments: &Args<'_, '_>) -> Result<Value> {
    let (dividend, divisor) = (arguments.number(0)?, arguments.number(1)?);
    if divisor.is_zero() {
        return Ok(number(dividend));
    }
    let quotient = dividend.div(&divisor)?.trunc_scale(0)?;
    Ok(number(dividend.sub(&quotient.mul(&divisor)?)?))
}

fn power(arguments: &Args<'_, '_>) -> Result<Value> {
    let (base, exponent) = (arguments.number(0)?, arguments.number(1)?);
    match exponent.to_i64() {
        Ok(count) if exponent.is_integer() && count.unsigned_abs() <= 1000 => {
            let mut product = Number::from_i64(1);
            for _ in 0..count.unsigned_abs() {
                product = product.mul(&base)?;
            }
            Ok(number(if count < 0 { Number::from_i64(1).div(&product)? } else { product }))
        }
        _ => Ok(number(Number::from_f64(base.to_f64().powf(exponent.to_f64()))?)),
    }
}

fn double_op(arguments: &Args<'_, '_>) -> Result<Value> {
    let (a, b) = (arguments.float(1)?, arguments.float(2)?);
    Ok(double(match arguments.text(0)? {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        _ => a / b,
    }))
}

/// Rows that a comparison with ROWNUM lets through, or that FETCH FIRST asks for.
fn row_limit(arguments: &Args<'_, '_>) -> Result<Value> {
    let bound = arguments.number(0)?;
    let whole = floor(&bound)?.to_i64().unwrap_or(if bound.is_negative() { 0 } else { i64::MAX });
    let rows = match arguments.text(1)? {
        "<" if bound.is_integer() => whole.saturating_sub(1),
        "=" => i64::from(bound == Number::from_i64(1)),
        // The first row, whose number is 1, decides about all.
        ">" if bound < Number::from_i64(1) => i64::MAX,
        ">=" if bound <= Number::from_i64(1) => i64::MAX,
        ">" | ">=" => 0,
        "<>" if bound.is_integer() && bound >= Number::from_i64(1) => whole.saturating_sub(1),
        "<>" => i64::MAX,
        _ => whole,
    };
    Ok(Value::Integer(rows.max(0)))
}

/// CAST: length, precision and padding of a type. Text is cut to the length, as CAST does.
fn fit(arguments: &Args<'_, '_>) -> Result<Value> {
    let data_type = parse_type(arguments.text(1)?)?;
    let nls = Nls::new()?;
    let datum = value::datum(data_type.family(), arguments.raw(0), 0)?;
    let target = Target { data_type, name: None };
    match value::assign(&target, datum, &nls) {
        Err(error) if error.code == 25137 => match (data_type, datum) {
            (super::DataType::Varchar2 { size, .. } | super::DataType::Char { size, .. }, super::Datum::Text(long)) => {
                let cut: String = long.chars().take(size as usize).collect();
                value::assign(&target, super::Datum::Text(&cut), &nls).map(owned)
            }
            _ => Err(error),
        },
        other => other.map(owned),
    }
}

fn dump(arguments: &Args<'_, '_>) -> Result<Value> {
    if arguments.is_null(0) {
        return Ok(text("NULL"));
    }
    let (bytes, code) = (arguments.bytes(0)?, arguments.integer(1)?);
    let shown: Vec<String> = match arguments.integer(2)? {
        10 => bytes.iter().map(u8::to_string).collect(),
        16 => bytes.iter().map(|byte| format!("{byte:x}")).collect(),
        other => return Err(OraError::unsupported(format_args!("DUMP in format {other}"))),
    };
    Ok(text(format!("Typ={code} Len={}: {}", bytes.len(), shown.join(","))))
}
