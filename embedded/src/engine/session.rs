//! Sessions.

use super::{ColumnInfo, Datum, DatumKind, OraError, Result, Shape};

/// A session: one user of one database.
pub struct Session {}
/// A prepared statement.
pub struct Statement {
    shape: Shape,
    columns: Vec<ColumnInfo>,
}
/// An open query.
pub struct Cursor {}
/// Interrupts what the session is doing, from any thread.
#[derive(Clone)]
pub struct Interrupt {}

#[allow(unused_variables, missing_docs)]
impl Session {
    pub fn connect(connect_string: &str, username: &str, password: &str) -> Result<Session> {
        Err(OraError::unsupported("connect"))
    }
    pub fn username(&self) -> &str {
        ""
    }
    pub fn prepare(&mut self, sql: &str) -> Result<Statement> {
        Err(OraError::unsupported("prepare"))
    }
    /// One iteration of DML, DDL or transaction control.
    pub fn execute(&mut self, statement: &mut Statement, binds: &[Datum<'_>]) -> Result<u64> {
        Err(OraError::unsupported("execute"))
    }
    /// Many iterations: `fill(iteration, binds)` fills the binds of one; stops at the first iteration that fails, or hands the error of
    /// each to `failed` and goes on when that returns true. Returns rows affected per call through `affected`.
    pub fn check_execute(&mut self, statement: &mut Statement, bind_kinds: &[DatumKind]) -> Result<()> {
        Err(OraError::unsupported("check_execute"))
    }
    pub fn keeps_rows(&self) -> bool {
        true
    }
    pub fn open(&mut self, statement: &mut Statement, binds: &[Datum<'_>]) -> Result<Cursor> {
        Err(OraError::unsupported("open"))
    }
    pub fn commit(&mut self) -> Result<()> {
        Ok(())
    }
    pub fn rollback(&mut self) -> Result<()> {
        Ok(())
    }
    pub fn in_transaction(&self) -> bool {
        false
    }
    pub fn interrupt(&self) -> Interrupt {
        Interrupt {}
    }
}
#[allow(missing_docs)]
impl Statement {
    pub fn shape(&self) -> &Shape {
        &self.shape
    }
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }
}
#[allow(unused_variables, missing_docs)]
impl Cursor {
    pub fn next(&mut self) -> Result<bool> {
        Ok(false)
    }
    pub fn datum(&self, index: usize) -> Datum<'_> {
        Datum::Null
    }
}
impl Interrupt {
    /// Makes the running call fail with ORA-01013; harmless when nothing runs.
    pub fn interrupt(&self) {}
}
