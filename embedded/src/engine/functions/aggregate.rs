//! SUM and AVG over NUMBER and BINARY_DOUBLE.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::types::{Value, ValueRef};

use super::super::number::Number;
use super::super::value::{double_bytes, float_value};
use super::super::{OraError, Result, packed_rows};

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
        self.result(state.as_ref())
    }
}

impl NumberFold {
    fn result(&self, state: Option<&(Option<Number>, i64)>) -> rusqlite::Result<Value> {
        let Some((Some(sum), count)) = state else { return Ok(Value::Null) };
        let result = if self.average { sum.div(&Number::from_i64(*count)).map_err(wrapped)? } else { *sum };
        Ok(Value::Blob(result.as_bytes().to_vec()))
    }
}

/// Rows never leave a window: moving frames are refused.
fn no_inverse() -> rusqlite::Error {
    wrapped(OraError::unsupported("a moving window"))
}

impl WindowAggregate<(Option<Number>, i64), Value> for NumberFold {
    fn value(&self, state: Option<&mut (Option<Number>, i64)>) -> rusqlite::Result<Value> {
        self.result(state.as_deref())
    }

    fn inverse(&self, _: &mut Context<'_>, _: &mut (Option<Number>, i64)) -> rusqlite::Result<()> {
        Err(no_inverse())
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
        Ok(self.result(state.as_ref()))
    }
}

impl DoubleFold {
    fn result(&self, state: Option<&(f64, i64)>) -> Value {
        let Some((sum, count)) = state.filter(|(_, count)| *count > 0) else { return Value::Null };
        Value::Blob(double_bytes(if self.average { sum / *count as f64 } else { *sum }).to_vec())
    }
}

impl WindowAggregate<(f64, i64), Value> for DoubleFold {
    fn value(&self, state: Option<&mut (f64, i64)>) -> rusqlite::Result<Value> {
        Ok(self.result(state.as_deref()))
    }

    fn inverse(&self, _: &mut Context<'_>, _: &mut (f64, i64)) -> rusqlite::Result<()> {
        Err(no_inverse())
    }
}

/// The rows of a nested query as one value.
struct Rows;

impl Aggregate<Vec<u8>, Vec<u8>> for Rows {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn step(&self, context: &mut Context<'_>, rows: &mut Vec<u8>) -> rusqlite::Result<()> {
        (0..context.len()).try_for_each(|index| packed_rows::push(rows, context.get_raw(index))).map_err(wrapped)
    }

    fn finalize(&self, _: &mut Context<'_>, rows: Option<Vec<u8>>) -> rusqlite::Result<Vec<u8>> {
        Ok(rows.unwrap_or_default())
    }
}

pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_aggregate_function("o_rows", -1, flags, Rows)?;
    connection.create_window_function("o_sum", 1, flags, NumberFold { average: false })?;
    connection.create_window_function("o_avg", 1, flags, NumberFold { average: true })?;
    connection.create_window_function("o_double_sum", 1, flags, DoubleFold { average: false })?;
    connection.create_window_function("o_double_avg", 1, flags, DoubleFold { average: true })?;
    Ok(())
}
