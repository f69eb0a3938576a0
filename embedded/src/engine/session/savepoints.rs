//! Savepoints of a transaction: those of the user by name, and the ones that failing blocks go back to.

use rusqlite::Connection;

use super::super::{OraError, Result};
use super::Session;

/// The savepoints that are there, the oldest first, as SQLite's: a name given anew is another one.
#[derive(Default)]
pub(in super::super) struct Savepoints {
    /// Name and number; no name for that of a block.
    made: Vec<(Option<String>, u64)>,
    next: u64,
}

impl Savepoints {
    fn make(&mut self, connection: &Connection, name: Option<&str>) -> Result<()> {
        connection.execute_batch(&format!("SAVEPOINT p{}", self.next))?;
        self.made.retain(|(known, _)| known.is_none() || known.as_deref() != name);
        self.made.push((name.map(str::to_owned), self.next));
        self.next += 1;
        Ok(())
    }

    /// Goes back to a savepoint, which stays; those made after it are gone. False where there is none of the name.
    fn go_back(&mut self, connection: &Connection, name: Option<&str>) -> Result<bool> {
        let Some(place) = self.made.iter().rposition(|(known, _)| known.as_deref() == name) else { return Ok(false) };
        connection.execute_batch(&format!("ROLLBACK TO p{}", self.made[place].1))?;
        self.made.truncate(place + 1);
        Ok(true)
    }

    /// The savepoint of a block is needed no more. Those of the user that it holds keep it there.
    fn forget_block(&mut self, connection: &Connection) -> Result<()> {
        if let Some((None, number)) = self.made.last() {
            connection.execute_batch(&format!("RELEASE p{number}"))?;
        }
        self.made.retain(|(name, _)| name.is_some());
        Ok(())
    }
}

/// Where a failing block goes back to.
pub(super) struct BlockStart {
    /// The transaction that was open when the block began; none was without.
    transaction: Option<u64>,
}

impl Session {
    /// SAVEPOINT.
    pub(in super::super) fn set_savepoint(&mut self, name: &str) -> Result<()> {
        self.begin()?;
        self.savepoints.make(&self.connection, Some(name))
    }

    /// ROLLBACK TO SAVEPOINT. Where the running block began is before it no more: the block goes back to the same place when it fails.
    pub(in super::super) fn roll_back_to(&mut self, name: &str) -> Result<()> {
        let blocks = |savepoints: &Savepoints| savepoints.made.iter().filter(|(name, _)| name.is_none()).count();
        let before = blocks(&self.savepoints);
        if !self.in_transaction() || !self.savepoints.go_back(&self.connection, Some(name))? {
            let text = format_args!("savepoint '{name}' never established in this session or is invalid");
            return Err(OraError::new(1086, text));
        }
        match blocks(&self.savepoints) < before {
            true => self.savepoints.make(&self.connection, None),
            false => Ok(()),
        }
    }

    /// A block begins.
    pub(super) fn start_block(&mut self) -> Result<BlockStart> {
        if !self.in_transaction() {
            return Ok(BlockStart { transaction: None });
        }
        self.savepoints.make(&self.connection, None)?;
        Ok(BlockStart { transaction: Some(self.transactions) })
    }

    /// A block ends. One that fails takes back what it changed, but for what it committed itself.
    pub(super) fn end_block(&mut self, start: &BlockStart, failed: bool) -> Result<()> {
        if !self.in_transaction() {
            return Ok(());
        }
        let is_same = start.transaction == Some(self.transactions);
        if failed && is_same {
            self.savepoints.go_back(&self.connection, None)?;
        } else if failed {
            self.rollback()?;
        }
        self.savepoints.forget_block(&self.connection)
    }
}
