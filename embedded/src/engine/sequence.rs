//! Sequences at work: a statement reserves numbers, few at first and more with every time, and gives back at its end what it did not use.
//! Numbers stay taken whatever becomes of the statement or of its transaction. A commit writes where sequences are into the database too.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::catalog::Sequence;
use super::counters::Counters;
use super::number::Number;
use super::{OraError, Result};

/// Most numbers reserved at once.
const MOST_RESERVED: u32 = 4096;

/// The sequences that a session used; shared with the functions of its connection.
#[derive(Clone)]
pub(crate) struct Sequences(Arc<Mutex<State>>);

struct State {
    counters: BTreeMap<i64, Counter>,
    taken: Counters,
}

struct Counter {
    sequence: Arc<Sequence>,
    /// What the database says comes next: the file of counters may be lost.
    stored: i128,
    next: i128,
    /// Numbers from `next` on that are this session's.
    reserved: u32,
    /// How many to reserve next.
    wanted: u32,
    /// Changes when `next` is not the number after the one before.
    run: u64,
    current: Option<i128>,
    /// Whether numbers were taken that are not in the database yet.
    is_dirty: bool,
}

/// Where the sequences of a session were.
pub(crate) struct Mark(Vec<(i64, i128, u64, Option<i128>)>);

impl Sequences {
    /// Those of a database; none for one in memory.
    pub fn new(database: Option<&Path>) -> Sequences {
        Sequences(Arc::new(Mutex::new(State { counters: BTreeMap::new(), taken: Counters::new(database) })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sequences ready for a statement.
    pub fn load(&self, connection: &Connection, sequences: &[Arc<Sequence>]) -> Result<()> {
        for sequence in sequences {
            let stored = stored_next(connection, sequence.id)?;
            let mut state = self.state();
            match state.counters.get_mut(&sequence.id) {
                Some(known) if *known.sequence == **sequence => known.stored = stored,
                known => {
                    let current = known.and_then(|known| known.current);
                    let sequence = Arc::clone(sequence);
                    let counter = Counter { sequence, stored, next: stored, reserved: 0, wanted: 1, run: 0, current, is_dirty: false };
                    state.counters.insert(counter.sequence.id, counter);
                }
            }
        }
        Ok(())
    }

    /// The number that comes next, as far as one can tell without taking it.
    pub fn peek(&self, connection: &Connection, sequence: &Sequence) -> Result<i128> {
        let stored = stored_next(connection, sequence.id)?;
        let last = self.state().taken.last(sequence.counter)?;
        Ok(number_after(sequence, last, stored))
    }

    /// Gives back what the statement reserved and did not use, unless others took numbers after it.
    pub fn settle(&self) -> Result<()> {
        let State { counters, taken } = &mut *self.state();
        for counter in counters.values_mut() {
            counter.wanted = 1;
            if counter.reserved == 0 {
                continue;
            }
            let step = i128::from(counter.sequence.increment);
            let (before, end) = (counter.next - step, counter.next + step * i128::from(counter.reserved - 1));
            taken.change(counter.sequence.counter, |last| Ok(((last == Some(end)).then_some(before), ())))?;
            counter.reserved = 0;
            counter.run += 1;
        }
        Ok(())
    }

    /// Writes into the database where the sequences are, in the transaction that is about to commit.
    pub fn save(&self, connection: &Connection) -> Result<()> {
        let State { counters, taken } = &mut *self.state();
        for counter in counters.values().filter(|counter| counter.is_dirty) {
            let sequence = &counter.sequence;
            let next = number_after(sequence, taken.last(sequence.counter)?, counter.stored);
            connection.prepare_cached("UPDATE ora_sequence SET next = ? WHERE id = ?")?.execute(params![next.to_string(), sequence.id])?;
        }
        Ok(())
    }

    /// The transaction that [`Sequences::save`] wrote in is committed.
    pub fn saved(&self) {
        self.state().counters.values_mut().for_each(|counter| counter.is_dirty = false);
    }

    /// Whether there is anything to save.
    pub fn is_dirty(&self) -> bool {
        self.state().counters.values().any(|counter| counter.is_dirty)
    }

    /// Forgets where a sequence was: it is another one now.
    pub fn forget(&self, id: i64) {
        self.state().counters.remove(&id);
    }

    /// Where all sequences are, for [`Sequences::go_back`].
    pub fn mark(&self) -> Result<Mark> {
        let State { counters, taken } = &mut *self.state();
        for counter in counters.values_mut().filter(|counter| counter.reserved == 0) {
            counter.next = number_after(&counter.sequence, taken.last(counter.sequence.counter)?, counter.stored);
        }
        Ok(Mark(counters.iter().map(|(id, counter)| (*id, counter.next, counter.run, counter.current)).collect()))
    }

    /// Numbers taken since `mark` were not used after all. They come again, where they are in one run.
    pub fn go_back(&self, mark: &Mark) {
        let mut state = self.state();
        for (id, next, run, current) in &mark.0 {
            let Some(counter) = state.counters.get_mut(id).filter(|counter| counter.run == *run) else { continue };
            let unused = (counter.next - next) / i128::from(counter.sequence.increment);
            counter.reserved += u32::try_from(unused).unwrap_or(0);
            (counter.next, counter.current) = (*next, *current);
        }
    }

    /// The next number.
    pub fn next(&self, id: i64) -> Result<i128> {
        let State { counters, taken } = &mut *self.state();
        let counter = counters.get_mut(&id).ok_or_else(|| OraError::internal("sequence not ready"))?;
        if counter.reserved == 0 {
            counter.reserve(taken)?;
        }
        let value = counter.next;
        counter.next += i128::from(counter.sequence.increment);
        counter.reserved -= 1;
        counter.current = Some(value);
        counter.is_dirty = true;
        Ok(value)
    }

    fn current(&self, id: i64, name: &str) -> Result<i128> {
        let current = self.state().counters.get(&id).and_then(|counter| counter.current);
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

impl Counter {
    /// Makes numbers this session's.
    fn reserve(&mut self, taken: &mut Counters) -> Result<()> {
        let (sequence, stored, wanted) = (&self.sequence, self.stored, self.wanted);
        let (next, count) = taken.change(sequence.counter, |last| {
            let next = first_of_more(sequence, number_after(sequence, last, stored))?;
            let step = i128::from(sequence.increment);
            let limit = if step > 0 { sequence.max } else { sequence.min };
            let count = ((limit - next) / step + 1).clamp(1, i128::from(wanted));
            Ok((Some(next + step * (count - 1)), (next, count as u32)))
        })?;
        if next != self.next {
            self.run += 1;
        }
        (self.next, self.reserved) = (next, count);
        self.wanted = (wanted * 2).min(MOST_RESERVED);
        Ok(())
    }
}

/// What comes after the last number taken, or is stored as coming next, whichever is further.
fn number_after(sequence: &Sequence, last: Option<i128>, stored: i128) -> i128 {
    let step = i128::from(sequence.increment);
    match last.map(|last| last + step) {
        None => stored,
        Some(next) if sequence.cycle => next,
        Some(next) if step > 0 => next.max(stored),
        Some(next) => next.min(stored),
    }
}

/// The number itself, or where that is beyond the limits the one that a cycle begins with.
fn first_of_more(sequence: &Sequence, next: i128) -> Result<i128> {
    let name = format_args!("{}.{}.NEXTVAL", sequence.owner, sequence.name);
    match (sequence.increment > 0, sequence.cycle) {
        (true, true) if next > sequence.max => Ok(sequence.min),
        (false, true) if next < sequence.min => Ok(sequence.max),
        (true, _) if next > sequence.max => {
            Err(OraError::new(8004, format_args!("sequence {name} exceeds MAXVALUE and cannot be instantiated")))
        }
        (false, _) if next < sequence.min => {
            Err(OraError::new(8004, format_args!("sequence {name} goes below MINVALUE and cannot be instantiated")))
        }
        _ => Ok(next),
    }
}

fn stored_next(connection: &Connection, id: i64) -> Result<i128> {
    let stored: String = connection.prepare_cached("SELECT next FROM ora_sequence WHERE id = ?")?.query_row([id], |row| row.get(0))?;
    stored.parse().map_err(|_| OraError::internal("number of a sequence"))
}
