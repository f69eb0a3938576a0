//! Sequences at work: a statement takes their numbers from memory, and what it took is written back with it, in its transaction. A rollback
//! takes that back too; the session itself goes on with new numbers all the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::catalog::Sequence;
use super::number::Number;
use super::{OraError, Result};

/// The sequences that a session used; shared with the functions of its connection.
#[derive(Clone, Default)]
pub(crate) struct Sequences(Arc<Mutex<BTreeMap<i64, Counter>>>);

struct Counter {
    sequence: Arc<Sequence>,
    next: i128,
    current: Option<i128>,
    /// Whether numbers were taken that are not written yet.
    is_dirty: bool,
}

impl Sequences {
    fn counters(&self) -> MutexGuard<'_, BTreeMap<i64, Counter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sequences ready for a statement.
    pub fn load(&self, connection: &Connection, sequences: &[Arc<Sequence>]) -> Result<()> {
        for sequence in sequences {
            let stored: String =
                connection.prepare_cached("SELECT next FROM ora_sequence WHERE id = ?")?.query_row([sequence.id], |row| row.get(0))?;
            let stored: i128 = stored.parse().map_err(|_| OraError::internal("number of a sequence"))?;
            let mut counters = self.counters();
            let known = counters.get(&sequence.id).filter(|known| *known.sequence == **sequence && !sequence.cycle);
            let next = match known {
                Some(known) if sequence.increment > 0 => known.next.max(stored),
                Some(known) => known.next.min(stored),
                None => stored,
            };
            let current = counters.get(&sequence.id).and_then(|known| known.current);
            counters.insert(sequence.id, Counter { sequence: Arc::clone(sequence), next, current, is_dirty: false });
        }
        Ok(())
    }

    /// Writes what was taken; in the statement's transaction.
    pub fn save(&self, connection: &Connection) -> Result<()> {
        for (id, counter) in self.counters().iter_mut().filter(|(_, counter)| counter.is_dirty) {
            connection.prepare_cached("UPDATE ora_sequence SET next = ? WHERE id = ?")?.execute(params![counter.next.to_string(), id])?;
            counter.is_dirty = false;
        }
        Ok(())
    }

    /// Forgets where a sequence was: it is another one now.
    pub fn forget(&self, id: i64) {
        self.counters().remove(&id);
    }

    /// The next number.
    pub fn next(&self, id: i64) -> Result<i128> {
        let mut counters = self.counters();
        let counter = counters.get_mut(&id).ok_or_else(|| OraError::internal("sequence not ready"))?;
        let sequence = &counter.sequence;
        let name = format!("{}.{}.NEXTVAL", sequence.owner, sequence.name);
        let mut value = counter.next;
        if sequence.increment > 0 && value > sequence.max {
            if !sequence.cycle {
                return Err(OraError::new(8004, format_args!("sequence {name} exceeds MAXVALUE and cannot be instantiated")));
            }
            value = sequence.min;
        } else if sequence.increment < 0 && value < sequence.min {
            if !sequence.cycle {
                return Err(OraError::new(8004, format_args!("sequence {name} goes below MINVALUE and cannot be instantiated")));
            }
            value = sequence.max;
        }
        counter.next = value + i128::from(sequence.increment);
        counter.current = Some(value);
        counter.is_dirty = true;
        Ok(value)
    }

    fn current(&self, id: i64, name: &str) -> Result<i128> {
        let current = self.counters().get(&id).and_then(|counter| counter.current);
        current.ok_or_else(|| OraError::new(8002, format_args!("sequence {name}.CURRVAL is not yet defined in this session")))
    }

    /// Registers `o_nextval` and `o_currval` with the session's connection.
    pub fn register(&self, connection: &Connection) -> Result<()> {
        let wrap = |result: Result<i128>| {
            let number = result.and_then(|value| Ok(Number::parse(&value.to_string())?));
            number
                .map(|number| Value::Blob(number.as_bytes().to_vec()))
                .map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))
        };
        let flags = FunctionFlags::SQLITE_UTF8;
        let (next, current) = (self.clone(), self.clone());
        connection.create_scalar_function("o_nextval", 1, flags, move |context| wrap(next.next(context.get(0)?)))?;
        connection.create_scalar_function("o_currval", 2, flags, move |context| {
            let name: String = context.get(1)?;
            wrap(current.current(context.get(0)?, &name))
        })?;
        Ok(())
    }
}
