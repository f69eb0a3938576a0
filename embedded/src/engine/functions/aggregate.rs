//! SUM and AVG over NUMBER and BINARY_DOUBLE.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};

use super::super::number::Number;
use super::super::value::{double_bytes, float_value};
use super::super::{OraError, Result};

fn wrapped(error: impl Into<OraError>) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(Box::new(error.into()))
}

struct NumberFold {
    average: bool,
}

impl Aggregate<(Option<Number>, i64), Value> for NumberFold {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<(Option<Number>, i64)> {
        Ok((None, 0))
    }

    fn step(&self, context: &mut Context<'_>, (sum, count): &mut (Option<Number>, i64)) -> rusqlite::Result<()> {
        if let ValueRef::Blob(bytes) = context.get_raw(0) {
            let value = Number::from_canonical(bytes);
            *sum = Some(match sum {
                Some(sum) => sum.add(&value).map_err(wrapped)?,
                None => value,
            });
            *count += 1;
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, state: Option<(Option<Number>, i64)>) -> rusqlite::Result<Value> {
        let Some((Some(sum), count)) = state else { return Ok(Value::Null) };
        let result = if self.average { sum.div(&Number::from_i64(count)).map_err(wrapped)? } else { sum };
        Ok(Value::Blob(result.as_bytes().to_vec()))
    }
}

struct DoubleFold {
    average: bool,
}

impl Aggregate<(f64, i64), Value> for DoubleFold {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<(f64, i64)> {
        Ok((0.0, 0))
    }

    fn step(&self, context: &mut Context<'_>, (sum, count): &mut (f64, i64)) -> rusqlite::Result<()> {
        if let ValueRef::Blob(bytes) = context.get_raw(0) {
            *sum += float_value(bytes);
            *count += 1;
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, state: Option<(f64, i64)>) -> rusqlite::Result<Value> {
        let Some((sum, count)) = state.filter(|(_, count)| *count > 0) else { return Ok(Value::Null) };
        Ok(Value::Blob(double_bytes(if self.average { sum / count as f64 } else { sum }).to_vec()))
    }
}

pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_aggregate_function("o_sum", 1, flags, NumberFold { average: false })?;
    connection.create_aggregate_function("o_avg", 1, flags, NumberFold { average: true })?;
    connection.create_aggregate_function("o_double_sum", 1, flags, DoubleFold { average: false })?;
    connection.create_aggregate_function("o_double_avg", 1, flags, DoubleFold { average: true })?;
    Ok(())
}
