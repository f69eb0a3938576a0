//! SUM and AVG over NUMBER and BINARY_DOUBLE.

use std::collections::VecDeque;

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

/// Numbers that are in the window. Where one left it the sum is made anew of those that are there: taking it off again would keep its rounding.
#[derive(Default)]
struct Numbers {
    values: VecDeque<Number>,
    sum: Option<Number>,
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

/// SUM and AVG over windows whose rows come and go.
struct MovingFold {
    average: bool,
}

impl Aggregate<Numbers, Value> for MovingFold {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Numbers> {
        Ok(Numbers::default())
    }

    fn step(&self, context: &mut Context<'_>, numbers: &mut Numbers) -> rusqlite::Result<()> {
        if let ValueRef::Blob(bytes) = context.get_raw(0) {
            let value = Number::from_canonical(bytes);
            numbers.sum = match (&numbers.sum, numbers.values.is_empty()) {
                (Some(sum), _) => Some(sum.add(&value).map_err(wrapped)?),
                (None, true) => Some(value),
                (None, false) => None,
            };
            numbers.values.push_back(value);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, numbers: Option<Numbers>) -> rusqlite::Result<Value> {
        self.value(Some(&mut numbers.unwrap_or_default()))
    }
}

impl WindowAggregate<Numbers, Value> for MovingFold {
    fn value(&self, numbers: Option<&mut Numbers>) -> rusqlite::Result<Value> {
        let Some(numbers) = numbers.filter(|numbers| !numbers.values.is_empty()) else { return Ok(Value::Null) };
        if numbers.sum.is_none() {
            let mut values = numbers.values.iter();
            let first = values.next().copied().unwrap_or_else(|| Number::from_i64(0));
            numbers.sum = Some(values.try_fold(first, |sum, value| sum.add(value)).map_err(wrapped)?);
        }
        NumberFold { average: self.average }.result(Some(&(numbers.sum, numbers.values.len() as i64)))
    }

    fn inverse(&self, context: &mut Context<'_>, numbers: &mut Numbers) -> rusqlite::Result<()> {
        if let ValueRef::Blob(_) = context.get_raw(0) {
            numbers.values.pop_front();
            numbers.sum = None;
        }
        Ok(())
    }
}

/// Sums of floats are made of rows as they come; what leaves cannot be taken off exactly.
fn no_inverse() -> rusqlite::Error {
    wrapped(OraError::unsupported("a moving window over BINARY_FLOAT or BINARY_DOUBLE"))
}

impl WindowAggregate<(Option<Number>, i64), Value> for NumberFold {
    fn value(&self, state: Option<&mut (Option<Number>, i64)>) -> rusqlite::Result<Value> {
        self.result(state.as_deref())
    }

    fn inverse(&self, _: &mut Context<'_>, _: &mut (Option<Number>, i64)) -> rusqlite::Result<()> {
        Err(wrapped(OraError::internal("a moving window")))
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
    connection.create_window_function("o_moving_sum", 1, flags, MovingFold { average: false })?;
    connection.create_window_function("o_moving_avg", 1, flags, MovingFold { average: true })?;
    connection.create_window_function("o_double_sum", 1, flags, DoubleFold { average: false })?;
    connection.create_window_function("o_double_avg", 1, flags, DoubleFold { average: true })?;
    Ok(())
}
