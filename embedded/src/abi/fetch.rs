//! `OCIStmtFetch2`: rows into the defined buffers.

use std::ffi::c_void;

use super::codes::{mode, status};
use super::error::{ErrorBody, Failure, Outcome, guard, note};
use super::fault::{self, Fault};
use super::handle::{self, Handle};
use super::output::{CellNote, Output};
use super::pieces::{Handing, hand_over};
use super::refcursor;
use super::replay::Replay;
use super::statement::{OpenQuery, StatementBody, failed};
use crate::engine::Nls;

/// Fetches up to `rows` rows; 100 when the query ended, with the rows before the end in the buffers.
///
/// # Safety
/// Pointers as the OCI contract says; the defined buffers hold `rows` elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtFetch2(
    stmtp: *mut c_void,
    errhp: *mut c_void,
    rows: u32,
    orientation: u16,
    offset: i32,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIStmtFetch2", errhp, |error_handle| {
            let mut statement = handle::get::<StatementBody>(stmtp)?.lock();
            let start = match orientation {
                0 | mode::FETCH_NEXT => Start::Next,
                mode::FETCH_CURRENT => Start::Relative(0),
                mode::FETCH_FIRST => Start::Absolute(1),
                mode::FETCH_LAST => Start::Last,
                mode::FETCH_PRIOR => Start::Relative(-1),
                mode::FETCH_ABSOLUTE => Start::Absolute(i64::from(offset)),
                mode::FETCH_RELATIVE => Start::Relative(i64::from(offset)),
                _ => return Err(Failure::ora(24333, format_args!("illegal fetch orientation {orientation:#x}"))),
            };
            statement.rows_fetched = 0;
            match fetch_rows(&mut statement, error_handle, rows as usize, start) {
                Ok(status) => Ok(status),
                Err(failure) => {
                    let failure = match &statement.query {
                        Some(query) => query.core.explained(failure),
                        None => failure,
                    };
                    Ok(failed(&mut statement, error_handle, failure))
                }
            }
        })
    }
}

/// The first row that a fetch asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The one after the last fetched.
    Next,
    Last,
    /// By its number, from 1.
    Absolute(i64),
    /// By its distance from the last fetched.
    Relative(i64),
}

/// Goes to the first row asked for; false when there is no such row. Only a scrollable query goes anywhere but to the next row.
fn go_to(query: &mut OpenQuery, start: Start) -> Result<bool, Failure> {
    let Some(held_rows) = query.held_rows else {
        return match start {
            Start::Next => Ok(true),
            _ => Err(Failure::ora(24391, "invalid fetch operation: the statement was not executed as scrollable")),
        };
    };
    let row = match start {
        Start::Next => query.position as i64 + 1,
        Start::Last => held_rows as i64,
        Start::Absolute(row) => row,
        Start::Relative(distance) => query.position as i64 + distance,
    };
    query.finished = false;
    match usize::try_from(row) {
        Ok(row) if row >= 1 && row <= held_rows => {
            query.cursor.seek(row - 1);
            query.position = row as u64 - 1;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Whether a server would be asked for these rows: those sent before, and the end of the rows, are known here.
fn asks_server(query: &mut OpenQuery, before: u64, asked: usize, fetched: usize) -> bool {
    let (end, reached) = (before + asked as u64, before + fetched as u64);
    let is_known = end <= query.sent_rows || (fetched < asked && reached < query.sent_rows);
    query.sent_rows = query.sent_rows.max(end);
    !is_known
}

/// Fetches for `OCIStmtFetch2` and for an execute with iterations. 0 rows cancel the query.
pub fn fetch_rows(statement: &mut StatementBody, error_handle: &Handle<ErrorBody>, rows: usize, start: Start) -> Outcome {
    if statement.query.is_none() {
        return Err(Failure::ora(24338, "statement handle not executed"));
    }
    if rows == 0 {
        statement.close_query();
        return Ok(status::SUCCESS);
    }
    let outputs = match &statement.query {
        // Rows without a place to go would be lost.
        Some(query) if query.outputs.is_empty() => {
            let core = query.core.clone();
            let mut engine = core.enter()?;
            let outputs = resolve_outputs(statement, engine.session()?.nls())?;
            if outputs.is_empty() {
                return Err(Failure::ora(24374, "define not done before fetch or execute and fetch"));
            }
            outputs
        }
        _ => Vec::new(),
    };
    let Some(query) = statement.query.as_mut() else {
        return Err(Failure::ora(24338, "statement handle not executed"));
    };
    if query.outputs.is_empty() {
        query.outputs = outputs;
    }
    if !query.handing.is_empty() {
        statement.rows_fetched = 1;
        return hand_over(&mut query.handing);
    }
    if rows > 1 && query.outputs.iter().any(|output| output.is_polled) {
        return Err(Failure::unimplemented("a piecewise fetch (OCI_DYNAMIC_FETCH without OCIDefineDynamic) of more than one row"));
    }
    if let Some(fault) = fault::of_this_fetch(&statement.sql) {
        return Err(strike(statement, fault));
    }
    let Some(query) = statement.query.as_mut() else {
        return Err(Failure::ora(24338, "statement handle not executed"));
    };
    let mut fetched = 0;
    let was_finished = query.finished;
    let found = go_to(query, start)?;
    let before = query.position;
    let outcome = if found { read_rows(query, rows, &mut fetched) } else { Ok(false) };
    query.position += fetched as u64;
    if !was_finished && asks_server(query, before, rows, fetched) {
        query.core.count_round_trip();
    }
    statement.rows_fetched = fetched as u32;
    statement.row_count = match query.held_rows {
        Some(_) => statement.row_count.max(query.position),
        None => statement.row_count + fetched as u64,
    };
    let noted = outcome?;
    if fetched < rows {
        if let Some(query) = statement.query.as_mut() {
            query.finished = true;
        }
        note(error_handle, 1403, "no data found");
        return Ok(status::NO_DATA);
    }
    if statement.query.as_ref().is_some_and(|query| !query.handing.is_empty()) {
        return Ok(status::NEED_DATA);
    }
    if noted {
        note(error_handle, 24345, "A Truncation or null fetch error occurred");
        return Ok(status::SUCCESS_WITH_INFO);
    }
    Ok(status::SUCCESS)
}

/// Ends the query, and the session where the connection is lost.
fn strike(statement: &mut StatementBody, fault: Fault) -> Failure {
    let core = statement.query.as_ref().map(|query| query.core.clone());
    statement.close_query();
    match core {
        Some(core) if fault == Fault::LostFetch => {
            drop(core.end());
            Failure::ora(3113, "end-of-file on communication channel")
        }
        _ if fault == Fault::NoFlashback => Failure::ora(1031, "insufficient privileges"),
        _ => Failure::ora(1555, "snapshot too old: rollback segment number with name \"\" too small"),
    }
}

/// Reads up to `rows` rows; whether a cell has something to tell by its return code.
fn read_rows(query: &mut OpenQuery, rows: usize, fetched: &mut usize) -> Result<bool, Failure> {
    let mut noted = false;
    if query.finished {
        return Ok(noted);
    }
    if let Some(replay) = &mut query.replay {
        // SAFETY: the caller of the fetch promises `rows` elements in every defined buffer.
        *fetched = unsafe { replay.give(&query.outputs, rows) }?;
        return Ok(noted);
    }
    let _engine = query.core.enter()?;
    while *fetched < rows {
        query.core.check_cancelled()?;
        if !query.cursor.next()? {
            break;
        }
        for output in &query.outputs {
            if let Some(nested) = query.cursor.nested(output.column)? {
                // SAFETY: as below; a column of this type is defined as SQLT_RSET, whose elements are statement handles.
                unsafe { refcursor::open_nested(output.pointer(*fetched), nested, &query.core) }?;
                // SAFETY: as below.
                unsafe { output.tell_null(*fetched, false) };
                continue;
            }
            if output.is_polled {
                let datum = query.cursor.datum(output.column)?;
                let bytes = output.long_bytes(datum)?.to_vec();
                query.handing.push_back(Handing::new(output.handle, bytes, datum.inline().is_null()));
                continue;
            }
            // SAFETY: the caller of the fetch promises `rows` elements in every defined buffer.
            noted |= unsafe { output.put(*fetched, query.cursor.datum(output.column)?) }? == CellNote::Noted;
            if output.is_lob() {
                // SAFETY: as above; the element is a pointer to a locator.
                unsafe { output.locate(*fetched, query.cursor.lob_home(output.column)) };
            }
        }
        *fetched += 1;
    }
    if *fetched == rows && query.position == 0 {
        // SAFETY: as above.
        query.replay = unsafe { Replay::record(&query.outputs, rows) }?;
    }
    Ok(noted)
}

fn resolve_outputs(statement: &StatementBody, nls: &Nls) -> Result<Vec<Output>, Failure> {
    let columns = &statement.columns;
    if statement.defines.len() > columns.len() && statement.defines[columns.len()..].iter().any(Option::is_some) {
        return Err(Failure::ora(1007, "variable not in select list"));
    }
    if statement.defines.iter().all(Option::is_none) {
        return Err(Failure::ora(24374, "define not done before fetch or execute and fetch"));
    }
    let defined = statement.defines.iter().enumerate().filter_map(|(index, define)| define.map(|define| (index, define)));
    // SAFETY: the defines of the statement that the caller has locked.
    defined.map(|(index, define)| unsafe { Output::resolve(define, index, &columns[index], nls) }).collect()
}
