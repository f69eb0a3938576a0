//! `OCIStmtExecute`: array DML, DDL and transaction control, and the start of a query.

mod tally;

use std::cell::RefCell;
use std::ffi::c_void;
use std::ops::Range;
use std::sync::Arc;

use super::codes::{mode, status};
use super::error::{ErrorBody, Failure, Outcome, guard, note};
use super::fetch;
use super::handle::{self, Handle};
use super::input::Input;
use super::pieces;
use super::refcursor::{self, Beyond};
use super::returning::{Kept, OutBind};
use super::session::{EngineGuard, ServiceBody, SessionCore, session_of};
use super::statement::{OpenQuery, StatementBody, failed};
use tally::Tally;

use crate::engine::{Columns, Datum, DatumKind, Nls, OraError, Statement, StatementKind};

const KNOWN_MODES: u32 = mode::DESCRIBE_ONLY
    | mode::EXACT_FETCH
    | mode::SCROLLABLE
    | mode::COMMIT_ON_SUCCESS
    | mode::BATCH_ERRORS
    | mode::PARSE_ONLY
    | mode::RETURN_ROW_COUNT_ARRAY
    | 0x1;
/// The protocol counts errors in 16 bits: of more the real client tells a wrong number, this library refuses what could make them.
const MAX_BATCH_ITERATIONS: u32 = 65_535;

/// Executes a prepared statement `iters - rowoff` times.
///
/// # Safety
/// Pointers as the OCI contract says; bound and defined buffers hold `iters` elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtExecute(
    svchp: *mut c_void,
    stmtp: *mut c_void,
    errhp: *mut c_void,
    iters: u32,
    rowoff: u32,
    _snap_in: *const c_void,
    _snap_out: *mut c_void,
    mode: u32,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIStmtExecute", errhp, |error_handle| {
            let core = session_of(handle::get::<ServiceBody>(svchp)?)?;
            let statement_handle = handle::get::<StatementBody>(stmtp)?;
            let mut statement = statement_handle.lock();
            statement.close_query();
            statement.parse_error_offset = 0;
            statement.row_error_count = 0;
            (statement.row_count, statement.rows_fetched) = (0, 0);
            statement.row_counts = (mode & super::codes::mode::RETURN_ROW_COUNT_ARRAY != 0).then(Vec::new);
            statement.last_rowid = None;
            error_handle.lock().row_errors.clear();
            let call = Call { core, iters, rowoff, mode };
            let outcome = call.run(&mut statement, error_handle).and_then(|status| {
                let results = call.core.take_implicit_results()?;
                statement.implicit_results = refcursor::implicit_results(statement_handle, results, &call.core)?.into();
                Ok(status)
            });
            match outcome {
                Ok(status) => Ok(status),
                Err(failure) => Ok(failed(&mut statement, error_handle, call.core.explained(failure))),
            }
        })
    }
}

struct Call {
    core: Arc<SessionCore>,
    iters: u32,
    rowoff: u32,
    mode: u32,
}

impl Call {
    fn has(&self, bit: u32) -> bool {
        self.mode & bit != 0
    }

    fn run(&self, statement: &mut StatementBody, error_handle: &Handle<ErrorBody>) -> Outcome {
        let unknown = self.mode & !KNOWN_MODES;
        if unknown != 0 {
            return Err(Failure::unimplemented(format_args!("OCIStmtExecute with mode {unknown:#x}")));
        }
        let kind = match &statement.shape {
            Some(shape) => shape.kind,
            None => return Err(Failure::ora(24337, "statement handle not prepared")),
        };
        let is_query = kind == StatementKind::Select;
        if self.has(mode::EXACT_FETCH) && !is_query {
            return Err(Failure::unimplemented("OCI_EXACT_FETCH of anything but a query"));
        }
        if !is_query && !self.has(mode::DESCRIBE_ONLY | mode::PARSE_ONLY) {
            self.check_iterations()?;
        }
        if self.has(mode::BATCH_ERRORS) && !kind.is_dml() {
            return Err(Failure::ora(24304, "datatype not allowed for this call: batch errors are for INSERT, UPDATE, DELETE and MERGE"));
        }
        // A query takes its binds of one row.
        let bound_rows = if is_query { self.rowoff as usize..self.rowoff as usize + 1 } else { self.rows() };
        if !self.has(mode::DESCRIBE_ONLY | mode::PARSE_ONLY) && pieces::need_data(statement, bound_rows)? {
            return Ok(status::NEED_DATA);
        }
        let core = self.core.clone();
        let mut engine = core.enter()?;
        engine.session()?.activity().add_round_trips(1);
        let resolved = resolve_inputs(statement);
        let kinds: Vec<DatumKind> = resolved.iter().flatten().map(Input::kind).collect();
        let mut prepared = self.prepare(statement, &mut engine, &kinds)?;
        if is_query {
            statement.describe(prepared.columns());
        }
        let outcome = match self.has(mode::DESCRIBE_ONLY | mode::PARSE_ONLY) {
            true => Ok(status::SUCCESS),
            false => resolved.and_then(|inputs| match is_query {
                true => self.open(statement, error_handle, engine, &mut prepared, &inputs),
                false => self.change(statement, error_handle, engine, &mut prepared, &inputs),
            }),
        };
        statement.prepared = Some((self.core.clone(), prepared));
        outcome
    }

    /// The engine's statement: the one of the last execute when the session is the same, checked again, or a new one.
    fn prepare(&self, statement: &mut StatementBody, engine: &mut EngineGuard<'_>, kinds: &[DatumKind]) -> Result<Statement, Failure> {
        match statement.prepared.take() {
            Some((core, mut prepared)) if Arc::ptr_eq(&core, &self.core) => {
                engine.session()?.replan(&mut prepared, kinds)?;
                Ok(prepared)
            }
            _ => {
                if let Some(mut prepared) = self.core.cached(&statement.sql)
                    && engine.session()?.replan(&mut prepared, kinds).is_ok()
                {
                    return Ok(prepared);
                }
                engine.session()?.activity().add_parse();
                Ok(engine.session()?.prepare_for(&statement.sql, kinds)?)
            }
        }
    }

    /// Runs anything but a query.
    fn change(
        &self,
        statement: &mut StatementBody,
        error_handle: &Handle<ErrorBody>,
        mut engine: EngineGuard<'_>,
        prepared: &mut Statement,
        inputs: &[Input],
    ) -> Outcome {
        let runs_rows = prepared.shape().kind.is_dml() || statement.is_block();
        let status = match (runs_rows, engine.session()?.keeps_rows()) {
            (true, true) => self.run_rows(statement, error_handle, &mut engine, prepared, inputs)?,
            (true, false) => self.check_only(statement, error_handle, &mut engine, prepared, inputs)?,
            (false, _) => {
                let datums = self.first_row(inputs)?;
                engine.session()?.execute(prepared, &datums)?;
                match engine.session()?.take_warning() {
                    None => status::SUCCESS,
                    Some(warning) => {
                        note(error_handle, warning.code, warning.message.split_once(": ").map_or("", |(_, text)| text));
                        status::SUCCESS_WITH_INFO
                    }
                }
            }
        };
        if status == status::SUCCESS && self.has(mode::COMMIT_ON_SUCCESS) {
            engine.session()?.commit()?;
        }
        Ok(status)
    }

    /// What queries and statements that are not DML take of the bound arrays.
    fn first_row<'a>(&self, inputs: &[Input]) -> Result<Vec<Datum<'a>>, Failure> {
        // SAFETY: the caller of OCIStmtExecute promises at least one element in every bound array; they outlive the call.
        inputs.iter().map(|input| unsafe { input.datum(self.rowoff as usize) }).collect()
    }

    fn check_iterations(&self) -> Result<(), Failure> {
        if self.iters == 0 {
            return Err(Failure::ora(24333, "zero iteration count"));
        }
        if self.has(mode::BATCH_ERRORS) && self.iters > MAX_BATCH_ITERATIONS {
            return Err(Failure::unimplemented(format_args!(
                "OCI_BATCH_ERRORS with an array of {} iterations (at most {MAX_BATCH_ITERATIONS})",
                self.iters
            )));
        }
        match self.rowoff >= self.iters {
            true => Err(Failure::ora(24333, format_args!("zero iteration count: row offset {} of {} iterations", self.rowoff, self.iters))),
            false => Ok(()),
        }
    }

    fn rows(&self) -> Range<usize> {
        self.rowoff as usize..self.iters as usize
    }

    /// For sessions that keep no rows: types and lengths are checked, values are looked at only where something seems wrong.
    fn check_only(
        &self,
        statement: &mut StatementBody,
        error_handle: &Handle<ErrorBody>,
        engine: &mut EngineGuard<'_>,
        prepared: &mut Statement,
        inputs: &[Input],
    ) -> Outcome {
        let kinds: Vec<DatumKind> = inputs.iter().map(Input::kind).collect();
        // SAFETY: the caller of OCIStmtExecute promises `iters` elements in every bound array.
        let longest: Vec<u32> = inputs.iter().map(|input| unsafe { input.longest_bytes(self.rows()) }).collect();
        let in_size = inputs.iter().zip(&longest).all(|(input, longest)| *longest as usize <= input.size_bytes());
        if !prepared.out_binds().is_empty() || !in_size || engine.session()?.check_execute(prepared, &kinds, &longest).is_err() {
            return self.run_rows(statement, error_handle, engine, prepared, inputs);
        }
        statement.row_count = self.rows().len() as u64;
        if let Some(counts) = &mut statement.row_counts {
            counts.resize(self.rows().len(), 1);
        }
        Ok(status::SUCCESS)
    }

    fn run_rows(
        &self,
        statement: &mut StatementBody,
        error_handle: &Handle<ErrorBody>,
        engine: &mut EngineGuard<'_>,
        prepared: &mut Statement,
        inputs: &[Input],
    ) -> Outcome {
        let mut outs = out_binds(statement, prepared, engine.session()?.nls())?;
        if !outs.is_empty() || statement.is_block() {
            // SAFETY: the caller of OCIStmtExecute promises `iters` elements in every bound array.
            inputs.iter().for_each(|input| unsafe { input.clear_codes(self.rows()) });
        }
        // RETURNING only writes; the variables of a block may be read first.
        let is_written_only = prepared.shape().kind.is_dml();
        let written: Vec<bool> = (0..inputs.len()).map(|index| is_written_only && outs.iter().any(|out| out.index == index)).collect();
        // SAFETY: the caller of OCIStmtExecute promises `iters` elements in every bound array; they outlive the call.
        let beyond = unsafe { Beyond::new(inputs, self.rows(), engine) }?;
        let returned = RefCell::new(Vec::new());
        let mut tally =
            Tally { takes_errors: self.has(mode::BATCH_ERRORS), statement: &mut *statement, row_errors: Vec::new(), failure: None };
        let mut fill = |row: u32, datums: &mut [Datum<'_>]| -> Result<(), OraError> {
            self.core.check_cancelled()?;
            for (index, ((datum, input), is_written)) in datums.iter_mut().zip(inputs).zip(&written).enumerate() {
                // SAFETY: `beyond` outlives the statement's run.
                if let Some(more) = unsafe { beyond.datum(index, row as usize) } {
                    *datum = more;
                    continue;
                }
                *datum = match is_written {
                    true => Datum::Null,
                    // SAFETY: the caller of OCIStmtExecute promises `iters` elements in every bound array; they outlive the call.
                    false => unsafe { input.datum(row as usize) }?,
                };
            }
            Ok(())
        };
        if outs.is_empty() {
            let mut done = |row: u32, result: Result<u64, OraError>| tally.add(row, result);
            let rows = self.rowoff..self.iters;
            match inputs.iter().all(Input::is_whole) {
                true => {
                    let columns = BoundColumns { core: &self.core, inputs };
                    engine.session()?.execute_columns(prepared, rows, &columns, &mut fill, &mut done)?;
                }
                false => engine.session()?.execute_array(prepared, rows, &mut fill, &mut done)?,
            }
        } else {
            let mut keep = |_: u32, values: &[Datum<'_>]| {
                returned.borrow_mut().push(values.iter().map(|value| Kept::new(*value)).collect::<Vec<_>>());
                Ok(())
            };
            let mut done = |row: u32, result: Result<u64, OraError>| {
                let rows = returned.take();
                let result = result.and_then(|affected| {
                    for (column, out) in outs.iter_mut().enumerate() {
                        // SAFETY: as for `fill`; callbacks keep the OCI contract.
                        unsafe { out.deliver(row, &rows, column) }?;
                    }
                    Ok(affected)
                });
                tally.add(row, result)
            };
            engine.session()?.execute_array_out(prepared, self.rowoff..self.iters, &mut fill, &mut keep, &mut done)?;
        }
        let Tally { row_errors, failure, .. } = tally;
        let given: Vec<_> = outs.iter().flat_map(|out| out.cursors.iter().map(|(row, number)| (out.index, *row, *number))).collect();
        // SAFETY: statement handles stay bound during the call.
        unsafe { beyond.give_back(&given, &self.core, engine) }?;
        statement.last_rowid = engine.session()?.last_rowid();
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        if row_errors.is_empty() {
            return Ok(status::SUCCESS);
        }
        let mut row_errors = row_errors;
        if prepared.shape().kind == StatementKind::Insert {
            // The values of an array are converted before its rows are inserted: errors of constraints come last.
            row_errors.sort_by_key(|error| matches!(error.record.code, 1 | 2290 | 2291));
        }
        statement.row_error_count = row_errors.len() as u32;
        note(error_handle, 24381, "error(s) in array DML");
        error_handle.lock().row_errors = row_errors;
        Ok(status::SUCCESS_WITH_INFO)
    }

    fn open(
        &self,
        statement: &mut StatementBody,
        error_handle: &Handle<ErrorBody>,
        mut engine: EngineGuard<'_>,
        prepared: &mut Statement,
        inputs: &[Input],
    ) -> Outcome {
        let datums = self.first_row(inputs)?;
        let mut cursor = engine.session()?.open(prepared, &datums)?;
        let held_rows = if self.has(mode::SCROLLABLE) { Some(cursor.hold()?) } else { None };
        self.core.check_cancelled()?;
        // Planned again where a value is not of its bind's kind.
        statement.describe(prepared.columns());
        drop(engine);
        let sent_rows = u64::from(statement.prefetch_rows.max(self.iters));
        statement.query = Some(OpenQuery { held_rows, sent_rows, ..OpenQuery::new(cursor, self.core.clone()) });
        if self.iters == 0 {
            return Ok(status::SUCCESS);
        }
        let fetched = fetch::fetch_rows(statement, error_handle, self.iters as usize, fetch::Start::Next);
        if self.has(mode::EXACT_FETCH) { end_exactly(statement, fetched) } else { fetched }
    }
}

/// `OCI_EXACT_FETCH`: the query ends with the rows asked for, and it must have no more.
fn end_exactly(statement: &mut StatementBody, fetched: Outcome) -> Outcome {
    let has_more = match (&fetched, &mut statement.query) {
        (Ok(status::SUCCESS | status::SUCCESS_WITH_INFO), Some(query)) => {
            let _engine = query.core.enter()?;
            query.cursor.next()?
        }
        _ => false,
    };
    statement.close_query();
    match has_more {
        true => Err(Failure::ora(1422, "exact fetch returns more than requested number of rows")),
        false => fetched,
    }
}

/// The bound arrays of an execute.
struct BoundColumns<'c> {
    core: &'c SessionCore,
    inputs: &'c [Input],
}

impl<'b> Columns<'b> for BoundColumns<'_> {
    fn values(&self, bind: usize, rows: Range<u32>, values: &mut Vec<Datum<'b>>) -> Result<(), OraError> {
        self.core.check_cancelled()?;
        let input = self.inputs.get(bind).ok_or_else(|| OraError::new(1008, "not all variables bound"))?;
        // SAFETY: the caller of OCIStmtExecute promises `iters` elements in every bound array; they outlive the call.
        Ok(unsafe { input.datums(rows.start as usize..rows.end as usize, values) }?)
    }
}

/// The binds that a statement writes.
fn out_binds(statement: &StatementBody, prepared: &Statement, nls: &Nls) -> Result<Vec<OutBind>, Failure> {
    let resolve = |index: &usize| match statement.binds.get(*index).copied().flatten() {
        // SAFETY: a bind of the statement that the caller has locked.
        Some(bind) => unsafe { OutBind::resolve(bind, *index, &statement.bind_names()[*index], nls) },
        None => Err(Failure::ora(1008, "not all variables bound")),
    };
    prepared.out_binds().iter().map(resolve).collect()
}

fn resolve_inputs(statement: &StatementBody) -> Result<Vec<Input>, Failure> {
    let resolve = |(index, bind): (usize, &Option<_>)| match bind {
        // SAFETY: a bind of the statement that the caller has locked.
        Some(bind) => unsafe { Input::resolve(*bind, index as u32 + 1) },
        None => {
            Err(Failure::ora(1008, format_args!("not all variables bound (:{} at position {})", statement.bind_names()[index], index + 1)))
        }
    };
    statement.binds.iter().enumerate().map(resolve).collect()
}
