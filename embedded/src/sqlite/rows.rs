//! A table whose rows are handed over in memory: `INSERT INTO t SELECT c0, c1 FROM o_rows2` inserts a whole array by one statement, where a
//! loop would begin and end a statement, and look for the end of the table, once for each row. SQLite reads the values where they are.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement, ffi};

/// Rows that a statement may read.
pub(crate) trait HandedRows {
    /// Number of rows.
    fn rows(&self) -> usize;
    /// A value; NULL beyond the end.
    fn value(&self, row: usize, column: usize) -> ValueRef<'_>;
}

/// The rows that are being read; the lifetime is that of [`RowTable::insert`].
type Rows = NonNull<dyn HandedRows>;

/// Tables of one connection that read the rows at hand; one for each width.
#[derive(Default)]
pub(crate) struct RowTable {
    shared: Arc<Shared>,
    registered: Mutex<Vec<usize>>,
}

#[derive(Default)]
struct Shared {
    rows: Mutex<Option<Rows>>,
}

// SAFETY: the pointer is there only while `RowTable::insert` runs, whose statement reads it on the same thread.
unsafe impl Send for Shared {}
// SAFETY: as above; the mutex guards the pointer itself.
unsafe impl Sync for Shared {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RowTable {
    /// The name of the table of `width` columns `c0`, `c1` …, which is made when it is missing.
    pub fn name(&self, connection: &Connection, width: usize) -> rusqlite::Result<String> {
        let name = format!("o_rows{width}");
        let mut registered = lock(&self.registered);
        if !registered.contains(&width) {
            register(connection, &name, Source { width, shared: Arc::clone(&self.shared) })?;
            registered.push(width);
        }
        Ok(name)
    }

    /// Runs an INSERT that reads the table, whose rows are `rows` meanwhile: rows inserted.
    pub fn insert(&self, rows: &dyn HandedRows, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        /// Nobody finds the rows afterwards, whatever happens.
        struct Forget<'a>(&'a Shared);
        impl Drop for Forget<'_> {
            fn drop(&mut self) {
                *lock(&self.0.rows) = None;
            }
        }
        // SAFETY: only the lifetime is changed. `raw_execute` resets the statement, which closes its cursors, before it returns, and `Forget`
        // takes the pointer away from those to come.
        let erased = unsafe { std::mem::transmute::<&dyn HandedRows, &'static dyn HandedRows>(rows) };
        *lock(&self.shared.rows) = Some(NonNull::from(erased));
        let _forget = Forget(&self.shared);
        statement.raw_execute()
    }
}

/// What a table is registered with.
struct Source {
    width: usize,
    shared: Arc<Shared>,
}

/// SQLite reads and writes the base through pointers to the whole, so it comes first.
#[repr(C)]
struct Table {
    base: ffi::sqlite3_vtab,
    shared: Arc<Shared>,
}

#[repr(C)]
struct Cursor {
    base: ffi::sqlite3_vtab_cursor,
    rows: Option<Rows>,
    row: usize,
    count: usize,
}

/// The module of tables that exist by their name alone (no xCreate) and are only read.
static MODULE: ffi::sqlite3_module = ffi::sqlite3_module {
    iVersion: 1,
    xCreate: None,
    xConnect: Some(connect),
    xBestIndex: Some(best_index),
    xDisconnect: Some(disconnect),
    xDestroy: None,
    xOpen: Some(open),
    xClose: Some(close),
    xFilter: Some(filter),
    xNext: Some(next),
    xEof: Some(eof),
    xColumn: Some(column),
    xRowid: Some(rowid),
    xUpdate: None,
    xBegin: None,
    xSync: None,
    xCommit: None,
    xRollback: None,
    xFindFunction: None,
    xRename: None,
    xSavepoint: None,
    xRelease: None,
    xRollbackTo: None,
    xShadowName: None,
    xIntegrity: None,
};

fn register(connection: &Connection, name: &str, source: Source) -> rusqlite::Result<()> {
    let name = CString::new(name)?;
    let source: *mut Source = Box::into_raw(Box::new(source));
    // SAFETY: an open connection; SQLite owns `source` from here on and frees it by `free_source`, also when this fails.
    let code = unsafe { ffi::sqlite3_create_module_v2(connection.handle(), name.as_ptr(), &MODULE, source.cast(), Some(free_source)) };
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)) }
}

unsafe extern "C" fn free_source(source: *mut c_void) {
    // SAFETY: made by `register`, freed once.
    drop(unsafe { Box::from_raw(source.cast::<Source>()) });
}

unsafe extern "C" fn connect(
    db: *mut ffi::sqlite3,
    aux: *mut c_void,
    _argc: c_int,
    _argv: *const *const c_char,
    made: *mut *mut ffi::sqlite3_vtab,
    _error: *mut *mut c_char,
) -> c_int {
    // SAFETY: `aux` is the `Source` of `register`, which lives as long as the module.
    let source = unsafe { &*aux.cast::<Source>() };
    let columns = (0..source.width).map(|index| format!("c{index}")).collect::<Vec<_>>().join(", ");
    let Ok(schema) = CString::new(format!("CREATE TABLE x({columns})")) else { return ffi::SQLITE_ERROR };
    // SAFETY: called by SQLite within xConnect, where the declaration belongs.
    let code = unsafe { ffi::sqlite3_declare_vtab(db, schema.as_ptr()) };
    if code == ffi::SQLITE_OK {
        let table = Box::new(Table { base: ffi::sqlite3_vtab::default(), shared: Arc::clone(&source.shared) });
        // SAFETY: SQLite asks for the table here, and gives it back to `disconnect`.
        unsafe { made.write(Box::into_raw(table).cast()) };
    }
    code
}

unsafe extern "C" fn disconnect(table: *mut ffi::sqlite3_vtab) -> c_int {
    // SAFETY: made by `connect`, given back once.
    drop(unsafe { Box::from_raw(table.cast::<Table>()) });
    ffi::SQLITE_OK
}

unsafe extern "C" fn best_index(_table: *mut ffi::sqlite3_vtab, _info: *mut ffi::sqlite3_index_info) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn open(_table: *mut ffi::sqlite3_vtab, made: *mut *mut ffi::sqlite3_vtab_cursor) -> c_int {
    let cursor = Box::new(Cursor { base: ffi::sqlite3_vtab_cursor::default(), rows: None, row: 0, count: 0 });
    // SAFETY: SQLite asks for the cursor here, and gives it back to `close`.
    unsafe { made.write(Box::into_raw(cursor).cast()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(cursor: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: made by `open`, given back once.
    drop(unsafe { Box::from_raw(cursor.cast::<Cursor>()) });
    ffi::SQLITE_OK
}

unsafe extern "C" fn filter(
    cursor: *mut ffi::sqlite3_vtab_cursor,
    _index: c_int,
    _index_text: *const c_char,
    _argc: c_int,
    _argv: *mut *mut ffi::sqlite3_value,
) -> c_int {
    // SAFETY: a cursor of `open`; SQLite has set the table in its base.
    unsafe {
        let cursor = &mut *cursor.cast::<Cursor>();
        let table = &*cursor.base.pVtab.cast::<Table>();
        cursor.rows = *lock(&table.shared.rows);
        // The rows outlive the statement that runs.
        cursor.count = cursor.rows.map_or(0, |rows| rows.as_ref().rows());
        cursor.row = 0;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn next(cursor: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: a cursor of `open`.
    unsafe { (*cursor.cast::<Cursor>()).row += 1 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn eof(cursor: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: a cursor of `open`.
    let cursor = unsafe { &*cursor.cast::<Cursor>() };
    c_int::from(cursor.row >= cursor.count)
}

unsafe extern "C" fn rowid(cursor: *mut ffi::sqlite3_vtab_cursor, rowid: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: a cursor of `open`; SQLite's place for the answer.
    unsafe { rowid.write((*cursor.cast::<Cursor>()).row as i64) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn column(cursor: *mut ffi::sqlite3_vtab_cursor, context: *mut ffi::sqlite3_context, index: c_int) -> c_int {
    // SAFETY: a cursor of `open`. Its rows outlive the statement that runs, so that SQLite need not copy the values (no destructor: static).
    // Without a result the value is NULL.
    unsafe {
        let cursor = &*cursor.cast::<Cursor>();
        let Some(rows) = cursor.rows else { return ffi::SQLITE_OK };
        match rows.as_ref().value(cursor.row, index as usize) {
            ValueRef::Null => {}
            ValueRef::Integer(value) => ffi::sqlite3_result_int64(context, value),
            ValueRef::Real(value) => ffi::sqlite3_result_double(context, value),
            ValueRef::Text(text) => {
                ffi::sqlite3_result_text64(context, text.as_ptr().cast(), text.len() as u64, None, ffi::SQLITE_UTF8 as u8)
            }
            ValueRef::Blob(bytes) => ffi::sqlite3_result_blob64(context, bytes.as_ptr().cast(), bytes.len() as u64, None),
        }
    }
    ffi::SQLITE_OK
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Texts<'a>(&'a [[Option<&'a str>; 2]]);

    impl HandedRows for Texts<'_> {
        fn rows(&self) -> usize {
            self.0.len()
        }

        fn value(&self, row: usize, column: usize) -> ValueRef<'_> {
            self.0[row][column].map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()))
        }
    }

    fn content(connection: &Connection) -> Vec<(Option<String>, Option<String>)> {
        let mut select = connection.prepare("SELECT a, b FROM t ORDER BY rowid").unwrap();
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    fn insert<'c>(connection: &'c Connection, table: &RowTable) -> Statement<'c> {
        let name = table.name(connection, 2).unwrap();
        connection.prepare(&format!("INSERT INTO t SELECT c0, c1 FROM {name}")).unwrap()
    }

    #[test]
    fn rows_go_in_by_one_statement_and_are_gone_afterwards() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a, b)").unwrap();
        let table = RowTable::default();
        let mut statement = insert(&connection, &table);
        {
            let short_lived = String::from("b");
            let rows = [[Some("a"), None], [Some(short_lived.as_str()), Some("")], [None, Some("c")]];
            assert_eq!(table.insert(&Texts(&rows), &mut statement).unwrap(), 3);
        }
        assert_eq!(statement.raw_execute().unwrap(), 0, "without rows there are none");
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(content(&connection), [(some("a"), None), (some("b"), some("")), (None, some("c"))]);
        assert_eq!(table.name(&connection, 2).unwrap(), table.name(&connection, 2).unwrap());
    }

    #[test]
    fn a_refused_row_leaves_none() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a UNIQUE, b); BEGIN").unwrap();
        let table = RowTable::default();
        let mut statement = insert(&connection, &table);
        table.insert(&Texts(&[[Some("a"), None], [Some("a"), None]]), &mut statement).unwrap_err();
        assert!(content(&connection).is_empty() && !connection.is_autocommit());
        assert_eq!(table.insert(&Texts(&[[Some("a"), Some("b")]]), &mut statement).unwrap(), 1);
    }
}
