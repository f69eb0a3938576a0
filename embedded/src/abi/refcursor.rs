//! Queries that PL/SQL opens for its caller, or gets from it: statement handles bound as `SQLT_RSET`, and implicit results.

use std::ffi::c_void;
use std::sync::Arc;

use super::codes::{kind, sqlt, status};
use super::error::{Failure, guard};
use super::handle::{self, Handle};
use super::input::Input;
use super::session::{EngineGuard, SessionCore};
use super::statement::{OpenQuery, StatementBody};
use crate::engine::{ColumnInfo, Cursor, Datum, Shape, StatementKind};

const RESULT_IS_QUERY: u32 = 1;

/// What binds give to a block that no array of plain values holds: index-by tables and open queries.
#[derive(Default)]
pub struct Beyond {
    tables: Vec<Option<Vec<Datum<'static>>>>,
    /// Input, row, statement handle and number of the query.
    cursors: Vec<(usize, usize, *mut c_void, Option<u32>)>,
}

impl Beyond {
    /// Reads tables and takes queries over.
    ///
    /// # Safety
    /// The bound arrays hold `rows`, and outlive the execute.
    pub unsafe fn new(inputs: &[Input], rows: std::ops::Range<usize>, engine: &mut EngineGuard<'_>) -> Result<Beyond, Failure> {
        let mut beyond = Beyond::default();
        if !inputs.iter().any(Input::is_beyond) {
            return Ok(beyond);
        }
        for (index, input) in inputs.iter().enumerate() {
            // SAFETY: the caller's contract.
            beyond.tables.push(unsafe { input.elements() }.transpose()?);
            if input.external_type() != sqlt::RSET {
                continue;
            }
            for row in rows.clone() {
                // SAFETY: the caller's contract.
                let pointer = unsafe { input.pointer(row) };
                // SAFETY: a bound statement handle, or NULL.
                let number = match unsafe { handle::get::<StatementBody>(pointer) } {
                    Ok(statement) => take_over(&mut statement.lock(), engine)?,
                    Err(_) => None,
                };
                beyond.cursors.push((index, row, pointer, number));
            }
        }
        Ok(beyond)
    }

    /// The value of a bind that is one of these.
    ///
    /// # Safety
    /// This outlives what the value is given to.
    pub unsafe fn datum<'a>(&self, input: usize, row: usize) -> Option<Datum<'a>> {
        if let Some(Some(table)) = self.tables.get(input) {
            // SAFETY: the caller's contract.
            return Some(Datum::Table(unsafe { std::slice::from_raw_parts(table.as_ptr().cast(), table.len()) }));
        }
        let found = self.cursors.iter().find(|(index, at, ..)| (*index, *at) == (input, row));
        found.map(|(.., number)| number.map_or(Datum::Null, Datum::Cursor))
    }

    /// Gives queries back to the handles they came from, or new ones: `given` has input, row and number of those that a block wrote.
    ///
    /// # Safety
    /// The statement handles are still bound.
    pub unsafe fn give_back(
        &self,
        given: &[(usize, usize, Option<u32>)],
        core: &Arc<SessionCore>,
        engine: &mut EngineGuard<'_>,
    ) -> Result<(), Failure> {
        for (input, row, pointer, number) in &self.cursors {
            let written = given.iter().find(|(index, at, _)| (index, at) == (input, row));
            let number = written.map_or(*number, |(.., number)| *number);
            // SAFETY: the caller's contract.
            if let Ok(statement) = unsafe { handle::get::<StatementBody>(*pointer) } {
                let query = match number {
                    Some(number) => engine.session()?.take_cursor(number),
                    None => None,
                };
                open(&mut statement.lock(), query, core);
            }
        }
        Ok(())
    }
}

/// Takes the open query of a statement handle.
fn take_over(statement: &mut StatementBody, engine: &mut EngineGuard<'_>) -> Result<Option<u32>, Failure> {
    let columns: Vec<ColumnInfo> = statement.columns.iter().map(|column| column.info()).collect();
    match statement.query.take() {
        Some(query) => Ok(Some(engine.session()?.keep_cursor(columns, query.cursor)?)),
        None => Ok(None),
    }
}

/// Makes a statement handle the one of a query that is open already.
fn open(statement: &mut StatementBody, query: Option<(Vec<ColumnInfo>, Cursor)>, core: &Arc<SessionCore>) {
    // The session is locked by the caller, which is all that closing needs.
    drop(statement.query.take());
    (statement.row_count, statement.rows_fetched) = (0, 0);
    let Some((columns, cursor)) = query else { return };
    statement.prepared = None;
    statement.shape = Some(Shape { kind: StatementKind::Select, binds: Vec::new(), is_returning: false });
    statement.describe(&columns);
    statement.query = Some(OpenQuery::new(cursor, Arc::clone(core)));
}

/// Makes a defined statement handle the one of a query nested in a row.
///
/// # Safety
/// `pointer` is a statement handle, or NULL. The session is locked by the caller.
pub unsafe fn open_nested(pointer: *mut c_void, query: (Vec<ColumnInfo>, Cursor), core: &Arc<SessionCore>) -> Result<(), Failure> {
    // SAFETY: the caller's contract.
    let statement = unsafe { handle::get::<StatementBody>(pointer) }?;
    open(&mut statement.lock(), Some(query), core);
    Ok(())
}

/// Statement handles for the implicit results of a block; they live as long as the environment.
pub fn implicit_results(
    parent: &Handle<StatementBody>,
    queries: Vec<(Vec<ColumnInfo>, Cursor)>,
    core: &Arc<SessionCore>,
) -> Result<Vec<usize>, Failure> {
    let mut made = Vec::new();
    for query in queries {
        // SAFETY: an environment outlives its handles; the handle was just made.
        unsafe {
            let pointer = handle::allocate(&*parent.env(), kind::STMT)?;
            open(&mut handle::get::<StatementBody>(pointer)?.lock(), Some(query), core);
            made.push(pointer as usize);
        }
    }
    Ok(made)
}

/// The next implicit result of a block; 100 after the last.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtGetNextResult(
    stmtp: *mut c_void,
    errhp: *mut c_void,
    result: *mut *mut c_void,
    result_type: *mut u32,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIStmtGetNextResult", errhp, |_| {
            let mut statement = handle::get::<StatementBody>(stmtp)?.lock();
            if result.is_null() {
                return Err(Failure::InvalidHandle);
            }
            let Some(next) = statement.implicit_results.pop_front() else {
                result.write(std::ptr::null_mut());
                return Ok(status::NO_DATA);
            };
            result.write(next as *mut c_void);
            if !result_type.is_null() {
                result_type.write(RESULT_IS_QUERY);
            }
            Ok(status::SUCCESS)
        })
    }
}
