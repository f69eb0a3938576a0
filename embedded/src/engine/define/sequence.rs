//! CREATE, ALTER and DROP SEQUENCE, and the sequences of identity columns.

use super::super::catalog::{Catalog, Sequence, Table};
use super::super::ddl::SequenceOptions;
use super::super::session::Session;
use super::super::tokens::ObjectName;
use super::super::{OraError, Result};

/// The greatest number that a sequence can give: 28 digits.
const MOST: i128 = 10_i128.pow(28) - 1;
const LEAST: i128 = -(10_i128.pow(27) - 1);
const CACHE: i64 = 20;

/// A sequence as the options make it, from one that is there or from nothing, and its first number.
fn make(options: &SequenceOptions, before: Sequence) -> Result<(Sequence, i128)> {
    let increment = options.increment.unwrap_or(before.increment);
    let (least, most) = if increment > 0 { (1, MOST) } else { (LEAST, -1) };
    let is_new = before.increment == 0;
    let limit = |option: Option<Option<i128>>, known: i128, default: i128| match option {
        Some(value) => value.unwrap_or(default),
        None if is_new => default,
        None => known,
    };
    let increment = if increment == 0 { 1 } else { increment };
    let (least, most) = if increment > 0 { (least.max(1), MOST) } else { (LEAST, most) };
    let made = Sequence {
        increment,
        min: limit(options.min, before.min, least),
        max: limit(options.max, before.max, most),
        cycle: options.cycle.unwrap_or(before.cycle),
        order: options.order.unwrap_or(before.order),
        cache: options.cache.unwrap_or(before.cache),
        ..before
    };
    if made.min >= made.max {
        return Err(OraError::new(4004, "MINVALUE must be less than MAXVALUE"));
    }
    let start = options.start.unwrap_or(if increment > 0 { made.min } else { made.max });
    if start > made.max {
        return Err(OraError::new(4008, "START WITH cannot be more than MAXVALUE"));
    }
    if start < made.min {
        return Err(OraError::new(4006, "START WITH cannot be less than MINVALUE"));
    }
    Ok((made, start))
}

fn nothing(id: i64, owner: &str, name: &str) -> Sequence {
    Sequence {
        id,
        owner: owner.into(),
        name: name.into(),
        increment: 0,
        min: 0,
        max: 0,
        cycle: false,
        order: false,
        cache: CACHE,
        counter: 0,
    }
}

impl Session {
    pub(in super::super) fn create_sequence(&mut self, name: &ObjectName, options: &SequenceOptions) -> Result<()> {
        let owner = name.schema.clone().unwrap_or_else(|| self.schema.clone());
        self.check_free(&owner, &name.name).map_err(|error| error.at(Some(name.offset)))?;
        let options = SequenceOptions { increment: options.increment.or(Some(1)), ..options.clone() };
        let (mut sequence, start) = make(&options, nothing(Catalog::next_id(&self.connection)?, &owner, &name.name))?;
        sequence.counter = Catalog::new_counter(&self.connection)?;
        Catalog::put_sequence(&self.connection, &sequence, start)
    }

    /// The sequence of an identity column; the text of its default.
    pub(super) fn create_identity(&self, table: &Table, options: &SequenceOptions) -> Result<String> {
        let name = format!("ISEQ$$_{}", table.id);
        let options = SequenceOptions { increment: options.increment.or(Some(1)), ..options.clone() };
        let (mut sequence, start) = make(&options, nothing(Catalog::next_id(&self.connection)?, &table.owner, &name))?;
        sequence.counter = Catalog::new_counter(&self.connection)?;
        Catalog::put_sequence(&self.connection, &sequence, start)?;
        Ok(format!("\"{}\".\"{name}\".nextval", table.owner))
    }

    fn find_sequence(&self, name: &ObjectName) -> Result<Sequence> {
        let owner = name.schema.as_deref().unwrap_or(&self.schema);
        let missing = || OraError::new(2289, "sequence does not exist").at(Some(name.offset));
        self.catalog.sequence(owner, &name.name).map(|sequence| sequence.as_ref().clone()).ok_or_else(missing)
    }

    pub(in super::super) fn alter_sequence(&mut self, name: &ObjectName, options: &SequenceOptions) -> Result<()> {
        let before = self.find_sequence(name)?;
        if options.start.is_some() && !options.restart {
            return Err(OraError::new(2283, "cannot alter starting sequence number"));
        }
        let next = self.sequences.peek(&self.connection, &before)?;
        let step = i128::from(before.increment);
        let (mut after, start) = make(options, before)?;
        if options.restart {
            after.counter = Catalog::new_counter(&self.connection)?;
        }
        // The number before the next one, and one step of the new size from there.
        let next = if options.restart { start } else { next - step + i128::from(after.increment) };
        if !options.restart && next - i128::from(after.increment) > after.max {
            return Err(OraError::new(4009, "MAXVALUE cannot be made to be less than the current value"));
        }
        Catalog::put_sequence(&self.connection, &after, next)?;
        self.sequences.forget(after.id);
        Ok(())
    }

    pub(in super::super) fn drop_sequence(&mut self, name: &ObjectName) -> Result<()> {
        let sequence = self.find_sequence(name)?;
        if sequence.name.starts_with("ISEQ$$_") {
            return Err(OraError::new(32794, "cannot drop a system-generated sequence"));
        }
        Catalog::delete_sequence(&self.connection, sequence.id)
    }
}
