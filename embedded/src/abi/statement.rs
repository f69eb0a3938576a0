//! Statement handles: what was prepared, bound, defined and described, and the open query.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::{Arc, PoisonError};

use super::bind::BindBody;
use super::codes::{kind, status};
pub use super::column::ColumnParam;
use super::define::DefineBody;
use super::descriptor::{self, Content};
use super::env::EnvBody;
use super::error::{ErrorBody, Failure, guard, report};
use super::handle::{self, Body, Handle};
use super::output::Output;
use super::pieces::{Asking, Handing};
use super::replay::Replay;
use super::session::{ServiceBody, SessionCore, session_of, text_argument};
use crate::engine::{ColumnInfo, Cursor, Shape, Statement, StatementKind, shape};

/// A statement handle.
pub type StatementHandle = Handle<StatementBody>;

const LANGUAGE_NATIVE: u32 = 1;
const SEARCH_CACHE_ONLY: u32 = 0x10;
const DELETE_FROM_CACHE: u32 = 0x10;

/// A query being read.
pub struct OpenQuery {
    pub cursor: Cursor,
    pub core: Arc<SessionCore>,
    /// Defines resolved for the current fetches; emptied when one changes.
    pub outputs: Vec<Output>,
    pub finished: bool,
    /// Rows of a scrollable query; none for one that only goes forward.
    pub held_rows: Option<usize>,
    /// The row last fetched, 1-based.
    pub position: u64,
    /// Rows that a client would have by now of what a server sent: those it prefetched and those it fetched.
    pub sent_rows: u64,
    /// Its first fetch, while measurements ask for it again.
    pub replay: Option<Replay>,
    /// Values of the row fetched last that go to the caller piece by piece.
    pub handing: VecDeque<Handing>,
}

impl OpenQuery {
    /// A query that goes forward, of which nothing was fetched.
    pub fn new(cursor: Cursor, core: Arc<SessionCore>) -> OpenQuery {
        let (outputs, handing) = (Vec::new(), VecDeque::new());
        OpenQuery { cursor, core, outputs, finished: false, held_rows: None, position: 0, sent_rows: 0, replay: None, handing }
    }
}

/// Content of a statement handle.
#[derive(Default)]
pub struct StatementBody {
    pub sql: Arc<str>,
    pub shape: Option<Shape>,
    /// Bind handle of each placeholder, duplicates included.
    pub binds: Vec<Option<*mut Handle<BindBody>>>,
    /// Every bind handle ever made for this statement; freed with it.
    pub bind_handles: Vec<*mut Handle<BindBody>>,
    /// Define handle of each column.
    pub defines: Vec<Option<*mut Handle<DefineBody>>>,
    pub columns: Arc<Vec<ColumnParam>>,
    /// Older descriptions: callers hold pointers to their names.
    retired_columns: Vec<Arc<Vec<ColumnParam>>>,
    pub query: Option<OpenQuery>,
    /// The values that an execute waits for, piece by piece.
    pub asking: Option<Asking>,
    /// The engine's statement of the last execute, and the session it belongs to.
    pub prepared: Option<(Arc<SessionCore>, Statement)>,
    /// Statement handles of the implicit results that were not asked for yet.
    pub implicit_results: VecDeque<usize>,
    /// Rows that a client asks for with the execute.
    pub prefetch_rows: u32,
    /// ROWID of the last row changed.
    pub last_rowid: Option<String>,
    pub row_count: u64,
    pub rows_fetched: u32,
    /// Rows of each iteration; none unless the execute was asked for them.
    pub row_counts: Option<Vec<u64>>,
    pub row_error_count: u32,
    pub parse_error_offset: u16,
}

impl Body for StatementBody {
    const KIND: u32 = kind::STMT;
}

impl StatementBody {
    /// Names of the placeholders, upper-cased, duplicates included.
    pub fn bind_names(&self) -> &[String] {
        self.shape.as_ref().map_or(&[], |shape| &shape.binds)
    }

    /// Whether this is a PL/SQL block or a call, whose placeholders are counted by their names.
    pub fn is_block(&self) -> bool {
        self.shape.as_ref().is_some_and(|shape| matches!(shape.kind, StatementKind::Begin | StatementKind::Declare | StatementKind::Call))
    }

    /// Index of each placeholder that a position (0-based) stands for: one, or in a block every place of a name.
    pub fn places(&self, position: usize) -> Vec<usize> {
        let names = self.bind_names();
        let first = match self.is_block() {
            true => (0..names.len()).filter(|index| !names[..*index].contains(&names[*index])).nth(position),
            false => Some(position).filter(|index| *index < names.len()),
        };
        match first {
            None => Vec::new(),
            Some(first) if self.is_block() => (first..names.len()).filter(|index| names[*index] == names[first]).collect(),
            Some(first) => vec![first],
        }
    }

    /// Attribute 190.
    pub fn bind_count(&self) -> usize {
        let names = self.bind_names();
        (0..names.len()).filter(|index| !(self.is_block() && names[..*index].contains(&names[*index]))).count()
    }

    /// Takes a statement text; binds and defines of an earlier one are gone.
    fn prepare(&mut self, sql: String) {
        self.close_query();
        let shape = shape(&sql);
        self.free_parts();
        self.prepared = None;
        self.binds = vec![None; shape.binds.len()];
        self.sql = sql.into();
        self.shape = Some(shape);
        let columns = std::mem::take(&mut self.columns);
        self.retired_columns.push(columns);
        (self.row_count, self.rows_fetched, self.row_error_count, self.parse_error_offset) = (0, 0, 0, 0);
        self.row_counts = None;
        self.last_rowid = None;
        self.prefetch_rows = 1;
    }

    /// Takes the description of a query; an equal one keeps the pointers callers hold.
    pub fn describe(&mut self, columns: &[ColumnInfo]) {
        let described: Vec<ColumnParam> = columns.iter().map(ColumnParam::new).collect();
        if *self.columns != described {
            let old = std::mem::replace(&mut self.columns, Arc::new(described));
            self.retired_columns.push(old);
        }
    }

    /// Closes the open query while nobody else uses its session.
    pub fn close_query(&mut self) {
        if let Some(OpenQuery { cursor, core, .. }) = self.query.take() {
            let _engine = core.enter();
            drop(cursor);
        }
    }

    fn free_parts(&mut self) {
        self.asking = None;
        self.binds.clear();
        // SAFETY: made by `create` for this statement, listed once each, and about to be forgotten.
        self.bind_handles.drain(..).for_each(|bind| unsafe { handle::dispose(bind) });
        // SAFETY: as above.
        self.defines.drain(..).flatten().for_each(|define| unsafe { handle::dispose(define) });
    }
}

impl Drop for StatementBody {
    fn drop(&mut self) {
        self.close_query();
        self.free_parts();
    }
}

fn check_language(language: u32) -> Result<(), Failure> {
    match language {
        // 0 and 2 mean "as the server is": there is one syntax.
        0..=2 => Ok(()),
        _ => Err(Failure::ora(24302, format_args!("bad value for language: {language}, expected {LANGUAGE_NATIVE}"))),
    }
}

/// Prepares a statement on a handle the caller allocated; needs no connection.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtPrepare(
    stmtp: *mut c_void,
    errhp: *mut c_void,
    sql: *const u8,
    sql_len: u32,
    language: u32,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIStmtPrepare", errhp, |_| {
            check_language(language)?;
            let statement = handle::get::<StatementBody>(stmtp)?;
            statement.lock().prepare(text_argument(sql, sql_len as usize)?);
            Ok(status::SUCCESS)
        })
    }
}

/// Prepares a statement and allocates its handle. Statements are parsed when they are executed, like by the real client.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtPrepare2(
    svchp: *mut c_void,
    stmtpp: *mut *mut c_void,
    errhp: *mut c_void,
    sql: *const u8,
    sql_len: u32,
    _key: *const u8,
    key_len: u32,
    language: u32,
    mode: u32,
) -> i32 {
    // SAFETY: the caller's contract; the environment of a service context outlives it.
    unsafe {
        guard("OCIStmtPrepare2", errhp, |_| {
            check_language(language)?;
            let service = handle::get::<ServiceBody>(svchp)?;
            session_of(service)?;
            if mode & SEARCH_CACHE_ONLY != 0 || (sql_len == 0 && key_len > 0) {
                return Err(Failure::ora(24431, "Statement does not exist in the cache"));
            }
            if stmtpp.is_null() {
                return Err(Failure::InvalidHandle);
            }
            let sql = text_argument(sql, sql_len as usize)?;
            let pointer = handle::allocate(&*service.env(), kind::STMT)?;
            handle::get::<StatementBody>(pointer)?.lock().prepare(sql);
            stmtpp.write(pointer);
            Ok(status::SUCCESS)
        })
    }
}

/// Frees a statement of `OCIStmtPrepare2`; unless told otherwise the session keeps what was parsed.
///
/// # Safety
/// Pointers as the OCI contract says; nobody uses the statement any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtRelease(stmtp: *mut c_void, errhp: *mut c_void, _key: *const u8, _key_len: u32, mode: u32) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIStmtRelease", errhp, |_| {
            {
                let mut statement = handle::get::<StatementBody>(stmtp)?.lock();
                statement.close_query();
                if mode & DELETE_FROM_CACHE == 0
                    && let Some((core, prepared)) = statement.prepared.take()
                {
                    core.keep(&statement.sql, prepared);
                }
            }
            Ok(handle::OCIHandleFree(stmtp, kind::STMT))
        })
    }
}

/// Names and duplicates of the placeholders from `first` (1-based) on. `found` is their total, negative when `size` was too small.
///
/// # Safety
/// Pointers as the OCI contract says; the arrays have `size` elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtGetBindInfo(
    stmtp: *mut c_void,
    errhp: *mut c_void,
    size: u32,
    first: u32,
    found: *mut i32,
    names: *mut *mut u8,
    name_lens: *mut u8,
    indicator_names: *mut *mut u8,
    indicator_lens: *mut u8,
    duplicates: *mut u8,
    binds: *mut *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract; the names live as long as the prepared text.
    unsafe {
        guard("OCIStmtGetBindInfo", errhp, |_| {
            let statement = handle::get::<StatementBody>(stmtp)?.lock();
            let all = statement.bind_names();
            let start = (first as usize).saturating_sub(1);
            let shown = all.len().saturating_sub(start).min(size as usize);
            for (slot, name) in all.iter().skip(start).take(shown).enumerate() {
                names.add(slot).write(name.as_ptr().cast_mut());
                name_lens.add(slot).write(name.len() as u8);
                if !indicator_names.is_null() {
                    indicator_names.add(slot).write(std::ptr::null_mut());
                }
                if !indicator_lens.is_null() {
                    indicator_lens.add(slot).write(0);
                }
                if !duplicates.is_null() {
                    duplicates.add(slot).write(u8::from(all[..start + slot].contains(name)));
                }
                if !binds.is_null() {
                    let bind = statement.binds[start + slot].map_or(std::ptr::null_mut(), <*mut Handle<BindBody>>::cast);
                    binds.add(slot).write(bind);
                }
            }
            let total = all.len() as i32;
            found.write(if start + shown < all.len() { -total } else { total });
            Ok(if all.is_empty() { status::NO_DATA } else { status::SUCCESS })
        })
    }
}

/// A column of a statement (1-based), or a row error of an error handle (0-based).
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIParamGet(
    hndlp: *const c_void,
    handle_kind: u32,
    errhp: *mut c_void,
    parmdpp: *mut *mut c_void,
    position: u32,
) -> i32 {
    // SAFETY: the caller's contract, for each handle looked at.
    unsafe {
        guard("OCIParamGet", errhp, |_| {
            if parmdpp.is_null() {
                return Err(Failure::InvalidHandle);
            }
            let out_of_range = || Failure::ora(24334, format_args!("no descriptor for this position: {position}"));
            match handle_kind {
                kind::STMT => {
                    let statement = handle::get::<StatementBody>(hndlp)?;
                    let columns = statement.lock().columns.clone();
                    let index = (position as usize).wrapping_sub(1);
                    if index >= columns.len() {
                        return Err(out_of_range());
                    }
                    let env: &Handle<EnvBody> = &*statement.env();
                    parmdpp.write(descriptor::allocate(env, kind::PARAM, 1, Content::Param(columns, index)).cast());
                }
                // The entries of a list: columns of a described object, or those of an application context.
                kind::PARAM => {
                    let list = descriptor::get(hndlp)?;
                    let index = (position as usize).wrapping_sub(1);
                    if let Content::ColumnList(columns) = list.content() {
                        if index >= columns.len() {
                            return Err(out_of_range());
                        }
                        let column = Content::Param(Arc::clone(columns), index);
                        parmdpp.write(descriptor::allocate(list.env(), kind::PARAM, 1, column).cast());
                        return Ok(status::SUCCESS);
                    }
                    let (entries, _) = list.application_context()?;
                    if index >= entries.lock().unwrap_or_else(PoisonError::into_inner).len() {
                        return Err(out_of_range());
                    }
                    let entry = Content::ApplicationContext(Arc::clone(entries), Some(index));
                    parmdpp.write(descriptor::allocate(list.env(), kind::PARAM, 1, entry).cast());
                }
                kind::ERROR => {
                    let source = handle::get::<ErrorBody>(hndlp)?;
                    let row_error = source.lock().row_errors.get(position as usize).cloned().ok_or_else(out_of_range)?;
                    // The caller brings the handle to fill; without one it gets a new one.
                    let target = match handle::get::<ErrorBody>(parmdpp.read()) {
                        Ok(target) => target,
                        Err(_) => {
                            parmdpp.write(handle::allocate(&*source.env(), kind::ERROR)?);
                            handle::get::<ErrorBody>(parmdpp.read())?
                        }
                    };
                    let mut target = target.lock();
                    target.row_index = row_error.row_index;
                    target.records = vec![row_error.record];
                }
                _ => return Err(Failure::unimplemented(format_args!("OCIParamGet on handle type {handle_kind}"))),
            }
            Ok(status::SUCCESS)
        })
    }
}

/// Reports a failed statement and keeps the parse error offset for attribute 129.
pub fn failed(statement: &mut StatementBody, error_handle: &Handle<ErrorBody>, failure: Failure) -> i32 {
    if let Failure::Ora { offset, .. } = &failure {
        statement.parse_error_offset = offset.unwrap_or(0);
    }
    report(error_handle, failure)
}
