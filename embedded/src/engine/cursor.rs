//! Open queries: rows streamed from a connection of their own, or held in memory.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Row, Rows};
use self_cell::{MutBorrow, self_cell};

use super::translate::{LobPlace, Nested, Query};
use super::types::Family;
use super::value::{self, Stored};
use super::{ColumnInfo, Datum, OraError, Result, packed_rows};

type SqliteStatement<'c> = CachedStatement<'c>;
type SqliteRows<'s> = Rows<'s>;

self_cell!(
    struct Prepared {
        owner: Connection,
        #[covariant]
        dependent: SqliteStatement,
    }
);

self_cell!(
    struct Stream {
        owner: MutBorrow<Prepared>,
        #[covariant]
        dependent: SqliteRows,
    }
);

/// Connections of a session that are free for the next query.
pub(super) type Pool = Arc<Mutex<Vec<Connection>>>;

/// Values of rows one after another, in one buffer.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    cells: Vec<Held>,
}

#[derive(Clone, Copy)]
enum Held {
    Null,
    Text(usize, usize),
    Bytes(usize, usize),
    /// The number of a row, which is no column.
    Integer(i64),
}

impl Buffer {
    fn clear(&mut self) {
        self.bytes.clear();
        self.cells.clear();
    }

    fn push(&mut self, row: &Row<'_>, columns: usize) -> Result<()> {
        (0..columns).try_for_each(|index| self.push_cell(row.get_ref(index)?))
    }

    fn push_cell(&mut self, cell: ValueRef<'_>) -> Result<()> {
        let start = self.bytes.len();
        let held = match cell {
            ValueRef::Null => Held::Null,
            ValueRef::Text(bytes) => {
                self.bytes.extend_from_slice(bytes);
                Held::Text(start, bytes.len())
            }
            ValueRef::Blob(bytes) => {
                self.bytes.extend_from_slice(bytes);
                Held::Bytes(start, bytes.len())
            }
            ValueRef::Integer(number) => Held::Integer(number),
            other => return Err(OraError::internal(format_args!("stored value of type {}", other.data_type()))),
        };
        self.cells.push(held);
        Ok(())
    }

    fn get(&self, index: usize) -> ValueRef<'_> {
        match self.cells.get(index) {
            Some(Held::Text(start, len)) => ValueRef::Text(&self.bytes[*start..start + len]),
            Some(Held::Bytes(start, len)) => ValueRef::Blob(&self.bytes[*start..start + len]),
            Some(Held::Integer(number)) => ValueRef::Integer(*number),
            Some(Held::Null) | None => ValueRef::Null,
        }
    }
}

/// Where a stored LOB is, for writing through its locator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LobHome {
    pub(super) table_id: i64,
    /// Column of the table, 0-based.
    pub(super) column: usize,
    pub(super) row: i64,
}

/// The columns of a query's rows.
#[derive(Default)]
pub(super) struct Columns {
    families: Vec<Family>,
    nested: Vec<Option<Arc<Nested>>>,
    /// Table and column of stored LOBs, and which hidden column after all others has the number of the row.
    lobs: Vec<Option<LobPlace>>,
    width: usize,
}

impl Columns {
    pub fn of(query: &Query) -> Columns {
        let families: Vec<Family> = query.outputs.iter().map(|(_, sql)| sql.family()).collect();
        let nested = query.outputs.iter().map(|(_, sql)| sql.nested.clone()).collect();
        let (lobs, hidden) = query.located.as_ref().map(|located| (located.lobs.clone(), located.hidden)).unwrap_or_default();
        Columns { width: families.len() + hidden, families, nested, lobs }
    }
}

enum Source {
    Stream(Stream),
    Memory {
        next_row: usize,
        rows: usize,
        /// Whether the rows stay to be read again.
        stays: bool,
    },
    Done,
    /// An error ended it: what came after is not known.
    Failed,
}

/// The rows of a query in memory, apart from any connection but to be a query again.
pub(super) struct HeldRows {
    buffer: Buffer,
    next_row: usize,
    rows: usize,
    columns: Columns,
    offset_minutes: i32,
    pool: Pool,
}

impl HeldRows {
    /// The query that goes on where reading stopped.
    pub fn into_cursor(self) -> Cursor {
        let HeldRows { buffer, next_row, rows, columns, offset_minutes, pool } = self;
        Cursor { source: Source::Memory { next_row, rows, stays: false }, buffer, start: 0, columns, offset_minutes, pool }
    }

    /// Gives the next row value by value; false after the last.
    pub fn next_row(&mut self, each: &mut dyn FnMut(usize, Datum<'_>) -> Result<()>) -> Result<bool> {
        if self.next_row >= self.rows {
            return Ok(false);
        }
        let start = self.next_row * self.columns.width;
        self.next_row += 1;
        for (index, family) in self.columns.families.iter().enumerate() {
            each(index, value::datum(*family, self.buffer.get(start + index), self.offset_minutes)?)?;
        }
        Ok(true)
    }
}

/// An open query. It owns all it touches: the session may go on, commit or close meanwhile, and the rows are those of the moment it was
/// opened. Not `Send` by type, because a rusqlite statement is not.
pub struct Cursor {
    source: Source,
    buffer: Buffer,
    /// First cell of the current row in `buffer`.
    start: usize,
    columns: Columns,
    offset_minutes: i32,
    pool: Pool,
}

impl Cursor {
    /// Streams from `connection`, which has a read transaction open and goes back to `pool`.
    pub(super) fn stream(
        connection: Connection,
        text: &str,
        binds: &[Stored<'_>],
        columns: Columns,
        offset_minutes: i32,
        pool: Pool,
    ) -> Result<Cursor> {
        let prepared = Prepared::try_new(connection, |connection| {
            let mut statement = connection.prepare_cached(text)?;
            bind_all(&mut statement, binds)?;
            Ok::<_, OraError>(statement)
        })?;
        let stream = Stream::new(MutBorrow::new(prepared), |prepared| {
            prepared.borrow_mut().with_dependent_mut(|_, statement| statement.raw_query())
        });
        Ok(Cursor { source: Source::Stream(stream), buffer: Buffer::default(), start: 0, columns, offset_minutes, pool })
    }

    /// Reads all rows at once.
    pub(super) fn read_all(
        connection: &Connection,
        text: &str,
        binds: &[Stored<'_>],
        columns: Columns,
        offset_minutes: i32,
        pool: Pool,
    ) -> Result<Cursor> {
        let mut statement = connection.prepare_cached(text)?;
        bind_all(&mut statement, binds)?;
        let mut buffer = Buffer::default();
        let mut count = 0;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            buffer.push(row, columns.width)?;
            count += 1;
        }
        Ok(Cursor { source: Source::Memory { next_row: 0, rows: count, stays: false }, buffer, start: 0, columns, offset_minutes, pool })
    }

    /// Moves to the next row; false after the last one.
    ///
    /// # Errors
    /// What an expression of the query fails with at this row, or ORA-01013 after an interrupt.
    #[expect(clippy::should_implement_trait, reason = "a row borrows from the cursor, which Iterator cannot say")]
    pub fn next(&mut self) -> Result<bool> {
        let columns = self.columns.width;
        match &mut self.source {
            Source::Done => Ok(false),
            Source::Failed => Err(OraError::new(1002, "fetch out of sequence")),
            Source::Memory { next_row, rows, stays } => {
                self.start = *next_row * columns;
                let more = *next_row < *rows;
                *next_row += usize::from(more);
                if !more && !*stays {
                    self.close();
                }
                Ok(more)
            }
            Source::Stream(stream) => {
                let buffer = &mut self.buffer;
                buffer.clear();
                let more = stream.with_dependent_mut(|_, rows| match rows.next()? {
                    Some(row) => buffer.push(row, columns).map(|()| true),
                    None => Ok(false),
                });
                if !matches!(more, Ok(true)) {
                    self.close();
                }
                if more.is_err() {
                    self.source = Source::Failed;
                }
                more
            }
        }
    }

    /// Reads all rows into memory, to be read in any order by [`Cursor::seek`]; their number.
    ///
    /// # Errors
    /// As `next`.
    pub fn hold(&mut self) -> Result<usize> {
        let columns = self.columns.width;
        let mut rows = 0;
        match &mut self.source {
            Source::Memory { rows, stays, .. } => {
                *stays = true;
                return Ok(*rows);
            }
            Source::Stream(stream) => {
                let buffer = &mut self.buffer;
                buffer.clear();
                stream.with_dependent_mut(|_, source| {
                    while let Some(row) = source.next()? {
                        buffer.push(row, columns)?;
                        rows += 1;
                    }
                    Ok::<_, OraError>(())
                })?;
            }
            Source::Done | Source::Failed => return Err(OraError::new(1002, "fetch out of sequence")),
        }
        let read = std::mem::take(&mut self.buffer);
        self.close();
        self.buffer = read;
        self.source = Source::Memory { next_row: 0, rows, stays: true };
        Ok(rows)
    }

    /// Reads what is left into memory.
    pub(super) fn into_rows(mut self) -> Result<HeldRows> {
        self.hold()?;
        let Source::Memory { next_row, rows, .. } = self.source else { return Err(OraError::internal("rows held")) };
        let (buffer, columns) = (std::mem::take(&mut self.buffer), std::mem::take(&mut self.columns));
        Ok(HeldRows { buffer, next_row, rows, columns, offset_minutes: self.offset_minutes, pool: Arc::clone(&self.pool) })
    }

    /// Makes `row` (0-based) the next one of a held cursor.
    pub fn seek(&mut self, row: usize) {
        if let Source::Memory { next_row, rows, .. } = &mut self.source {
            *next_row = row.min(*rows);
        }
    }

    /// A column of the current row.
    ///
    /// # Errors
    /// ORA-00600 when the stored bytes are no value of the column's type: the file is damaged.
    pub fn datum(&self, index: usize) -> Result<Datum<'_>> {
        let family = *self.columns.families.get(index).ok_or_else(|| OraError::new(1007, "variable not in select list"))?;
        value::datum(family, self.buffer.get(self.start + index), self.offset_minutes)
    }

    /// Where the LOB in a column of the current row is stored; none for an expression.
    pub fn lob_home(&self, index: usize) -> Option<LobHome> {
        let LobPlace { table_id, column, hidden } = (*self.columns.lobs.get(index)?)?;
        match self.buffer.get(self.start + self.columns.families.len() + hidden) {
            ValueRef::Integer(row) => Some(LobHome { table_id, column, row }),
            _ => None,
        }
    }

    /// Opens the nested query in a column of the current row, with its description.
    ///
    /// # Errors
    /// As `datum`.
    pub fn nested(&self, index: usize) -> Result<Option<(Vec<ColumnInfo>, Cursor)>> {
        let Some(Some(nested)) = self.columns.nested.get(index) else { return Ok(None) };
        let ValueRef::Blob(mut packed) = self.buffer.get(self.start + index) else { return Ok(None) };
        let width = nested.families.len();
        let mut buffer = Buffer::default();
        while let Some(cell) = packed_rows::take(&mut packed)? {
            buffer.push_cell(cell)?;
        }
        let columns = Columns { families: nested.families.clone(), nested: nested.nested.clone(), lobs: Vec::new(), width };
        let source = Source::Memory { next_row: 0, rows: buffer.cells.len() / width.max(1), stays: false };
        let (offset_minutes, pool) = (self.offset_minutes, Arc::clone(&self.pool));
        Ok(Some((nested.columns.clone(), Cursor { source, buffer, start: 0, columns, offset_minutes, pool })))
    }

    /// Ends the read transaction and hands the connection back.
    fn close(&mut self) {
        self.buffer.clear();
        if let Source::Stream(stream) = std::mem::replace(&mut self.source, Source::Done) {
            let connection = stream.into_owner().into_inner().into_owner();
            if connection.execute_batch("COMMIT").is_ok() {
                self.pool.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
        }
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.close();
    }
}

/// Binds values to `?1`, `?2` …; values that the statement does not use are left out.
pub(super) fn bind_all(statement: &mut rusqlite::Statement<'_>, binds: &[Stored<'_>]) -> Result<()> {
    for index in 1..=statement.parameter_count() {
        if let Some(value) = binds.get(index - 1) {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    Ok(())
}
