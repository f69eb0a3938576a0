//! A table whose rows are handed over in memory: `INSERT INTO t SELECT c0, c1 FROM o_rows2` inserts a whole array by one statement, where a
//! loop would begin and end a statement, and look for the end of the table, once for each row.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_int};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::vtab::{Context, Filters, IndexInfo, Module, VTab, VTabConfig, VTabConnection, VTabCursor};
use rusqlite::{Connection, ffi};

/// Rows of values, kept one behind the other.
#[derive(Default)]
pub(crate) struct RowBuffer {
    width: usize,
    cells: Vec<Place>,
    bytes: Vec<u8>,
}

/// Where a value is in `bytes`.
#[derive(Clone, Copy)]
enum Place {
    Null,
    Text { start: usize, length: usize },
    Blob { start: usize, length: usize },
}

impl RowBuffer {
    /// For rows of `width` values.
    pub fn new(width: usize) -> RowBuffer {
        RowBuffer { width, cells: Vec::new(), bytes: Vec::new() }
    }

    /// Appends the next value of the row, a copy. Integers and reals, which this engine does not store, become NULL.
    pub fn push(&mut self, value: ValueRef<'_>) {
        let start = self.bytes.len();
        self.cells.push(match value {
            ValueRef::Text(text) => {
                self.bytes.extend_from_slice(text);
                Place::Text { start, length: text.len() }
            }
            ValueRef::Blob(bytes) => {
                self.bytes.extend_from_slice(bytes);
                Place::Blob { start, length: bytes.len() }
            }
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => Place::Null,
        });
    }

    /// Whole rows.
    pub fn rows(&self) -> usize {
        self.cells.len() / self.width.max(1)
    }

    /// Bytes of all values.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Drops the values of a row that did not become whole.
    pub fn drop_unfinished(&mut self) {
        self.cells.truncate(self.rows() * self.width);
    }

    /// Drops all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.bytes.clear();
    }

    /// The values of a row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = ValueRef<'_>> {
        let start = row * self.width;
        self.cells.get(start..start + self.width).unwrap_or_default().iter().map(|place| self.at(*place))
    }

    fn value(&self, row: usize, column: usize) -> ValueRef<'_> {
        self.cells.get(row * self.width + column).map_or(ValueRef::Null, |place| self.at(*place))
    }

    fn at(&self, place: Place) -> ValueRef<'_> {
        let bytes = |start: usize, length: usize| self.bytes.get(start..start + length).unwrap_or_default();
        match place {
            Place::Null => ValueRef::Null,
            Place::Text { start, length } => ValueRef::Text(bytes(start, length)),
            Place::Blob { start, length } => ValueRef::Blob(bytes(start, length)),
        }
    }
}

/// Tables of one connection that read a [`RowBuffer`]; one for each width.
#[derive(Clone, Default)]
pub(crate) struct RowTable {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    registered: Vec<usize>,
    buffer: RowBuffer,
}

impl RowTable {
    /// The name of the table of `width` columns `c0`, `c1` …, which is made when it is missing.
    pub fn name(&self, connection: &Connection, width: usize) -> rusqlite::Result<String> {
        const MODULE: &Module<'_, Table> = &Module::eponymous_only_module();
        let name = format!("o_rows{width}");
        let is_missing = !self.shared().registered.contains(&width);
        if is_missing {
            connection.create_module(name.as_str(), MODULE, Some(Source { width, shared: Arc::clone(&self.shared) }))?;
            self.shared().registered.push(width);
        }
        Ok(name)
    }

    /// Runs a statement that reads the table once; meanwhile its rows are those of `buffer`.
    pub fn reading<T>(&self, buffer: &mut RowBuffer, statement: impl FnOnce() -> T) -> T {
        self.shared().buffer = std::mem::take(buffer);
        let result = statement();
        *buffer = std::mem::take(&mut self.shared().buffer);
        result
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a table is registered with.
struct Source {
    width: usize,
    shared: Arc<Mutex<Shared>>,
}

/// SQLite reads and writes the base through pointers to the whole.
#[repr(C)]
struct Table {
    base: ffi::sqlite3_vtab,
    shared: Arc<Mutex<Shared>>,
}

// SAFETY: `repr(C)` with the base in front, as the trait asks.
unsafe impl<'vtab> VTab<'vtab> for Table {
    type Aux = Source;
    type Cursor = Cursor<'vtab>;

    fn connect(
        db: &mut VTabConnection,
        aux: Option<&Source>,
        _module_name: &[u8],
        _database_name: &[u8],
        _table_name: &[u8],
        _args: &[&[u8]],
    ) -> rusqlite::Result<(Cow<'static, CStr>, Table)> {
        let source = aux.ok_or_else(|| rusqlite::Error::ModuleError("no rows to read".into()))?;
        db.config(VTabConfig::DirectOnly)?;
        let columns = (0..source.width).map(|index| format!("c{index}")).collect::<Vec<_>>().join(", ");
        let schema = CString::new(format!("CREATE TABLE x({columns})"))?;
        Ok((Cow::Owned(schema), Table { base: ffi::sqlite3_vtab::default(), shared: Arc::clone(&source.shared) }))
    }

    fn best_index(&self, _info: &mut IndexInfo) -> rusqlite::Result<bool> {
        Ok(true)
    }

    fn open(&'vtab mut self) -> rusqlite::Result<Cursor<'vtab>> {
        Ok(Cursor {
            base: ffi::sqlite3_vtab_cursor::default(),
            shared: Arc::clone(&self.shared),
            buffer: RowBuffer::default(),
            row: 0,
            rows: 0,
            table: PhantomData,
        })
    }
}

/// Holds the buffer while it reads.
#[repr(C)]
struct Cursor<'vtab> {
    base: ffi::sqlite3_vtab_cursor,
    shared: Arc<Mutex<Shared>>,
    buffer: RowBuffer,
    row: usize,
    rows: usize,
    table: PhantomData<&'vtab Table>,
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        if self.rows > 0 {
            lock(&self.shared).buffer = std::mem::take(&mut self.buffer);
        }
    }
}

// SAFETY: `repr(C)` with the base in front, as the trait asks.
unsafe impl VTabCursor for Cursor<'_> {
    fn filter(&mut self, _idx_num: c_int, _idx_str: Option<&str>, _args: &Filters<'_>) -> rusqlite::Result<()> {
        if self.rows == 0 {
            self.buffer = std::mem::take(&mut lock(&self.shared).buffer);
            self.rows = self.buffer.rows();
        }
        self.row = 0;
        Ok(())
    }

    fn next(&mut self) -> rusqlite::Result<()> {
        self.row += 1;
        Ok(())
    }

    fn eof(&self) -> bool {
        self.row >= self.rows
    }

    fn column(&self, context: &mut Context, index: c_int) -> rusqlite::Result<()> {
        let value = usize::try_from(index).map_or(ValueRef::Null, |index| self.buffer.value(self.row, index));
        context.set_result(ToSqlOutput::Borrowed(value))
    }

    fn rowid(&self) -> rusqlite::Result<i64> {
        Ok(self.row as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(rows: &[[Option<&str>; 2]]) -> RowBuffer {
        let mut buffer = RowBuffer::new(2);
        for value in rows.iter().flatten() {
            buffer.push(value.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())));
        }
        buffer
    }

    fn texts(connection: &Connection) -> Vec<(Option<String>, Option<String>)> {
        let mut select = connection.prepare("SELECT a, b FROM t ORDER BY rowid").unwrap();
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn rows_go_in_by_one_statement_and_come_back_for_the_next_array() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a, b)").unwrap();
        let table = RowTable::default();
        let name = table.name(&connection, 2).unwrap();
        let mut insert = connection.prepare(&format!("INSERT INTO t SELECT c0, c1 FROM {name}")).unwrap();
        let mut rows = buffer(&[[Some("a"), None], [Some("b"), Some("")], [None, Some("c")]]);
        assert_eq!(table.reading(&mut rows, || insert.execute([])).unwrap(), 3);
        assert_eq!(rows.rows(), 3, "the buffer is given back");
        rows.clear();
        rows.push(ValueRef::Text(b"d"));
        rows.push(ValueRef::Null);
        rows.push(ValueRef::Text(b"half a row"));
        rows.drop_unfinished();
        assert_eq!(table.reading(&mut rows, || insert.execute([])).unwrap(), 1);
        assert_eq!(insert.execute([]).unwrap(), 0, "without rows there are none");
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(texts(&connection), [(some("a"), None), (some("b"), some("")), (None, some("c")), (some("d"), None)]);
        assert_eq!(table.name(&connection, 2).unwrap(), name, "made once");
    }

    #[test]
    fn a_refused_row_leaves_none_and_the_buffer_comes_back() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a UNIQUE, b); BEGIN").unwrap();
        let table = RowTable::default();
        let name = table.name(&connection, 2).unwrap();
        let mut insert = connection.prepare(&format!("INSERT INTO t SELECT c0, c1 FROM {name}")).unwrap();
        let mut rows = buffer(&[[Some("a"), None], [Some("a"), None]]);
        table.reading(&mut rows, || insert.execute([])).unwrap_err();
        assert!(texts(&connection).is_empty() && !connection.is_autocommit());
        assert_eq!(rows.row(1).collect::<Vec<_>>(), [ValueRef::Text(b"a"), ValueRef::Null]);
    }
}
