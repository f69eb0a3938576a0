//! Queries that PL/SQL opened, or got from its caller: rows in memory, because they outlive their statement.

use super::super::cursor::{Cursor, HeldRows};
use super::super::{ColumnInfo, Datum, OraError, Result};
use super::{Session, Statement};

/// An open query with its description.
pub(super) struct RefCursor {
    columns: Vec<ColumnInfo>,
    rows: HeldRows,
}

impl Session {
    /// Opens a query for a cursor variable.
    pub(super) fn open_ref_cursor(&mut self, statement: &mut Statement, binds: &[Datum<'_>]) -> Result<u32> {
        let cursor = self.open(statement, binds)?;
        self.keep_cursor(statement.columns().to_vec(), cursor)
    }

    /// Takes a query over from a caller; the number it has as [`Datum::Cursor`].
    ///
    /// # Errors
    /// Of reading the rows that are left.
    pub fn keep_cursor(&mut self, columns: Vec<ColumnInfo>, cursor: Cursor) -> Result<u32> {
        self.next_cursor += 1;
        self.cursors.insert(self.next_cursor, RefCursor { columns, rows: cursor.into_rows()? });
        Ok(self.next_cursor)
    }

    /// Hands an open query over; none when it is closed.
    pub fn take_cursor(&mut self, number: u32) -> Option<(Vec<ColumnInfo>, Cursor)> {
        let kept = self.cursors.remove(&number)?;
        Some((kept.columns, kept.rows.into_cursor()))
    }

    /// The queries that a block returned to its caller with DBMS_SQL.RETURN_RESULT, in order.
    pub fn take_implicit_results(&mut self) -> Vec<(Vec<ColumnInfo>, Cursor)> {
        let numbers = std::mem::take(&mut self.implicit_results);
        numbers.into_iter().filter_map(|number| self.take_cursor(number)).collect()
    }

    pub(super) fn close_cursor(&mut self, number: Option<u32>) -> Result<()> {
        match number.and_then(|number| self.cursors.remove(&number)) {
            Some(_) => Ok(()),
            None => Err(OraError::new(1001, "invalid cursor")),
        }
    }

    /// The next row of an open query, given to `each` value by value; false after the last.
    pub(super) fn fetch_cursor(&mut self, number: Option<u32>, each: &mut dyn FnMut(usize, Datum<'_>) -> Result<()>) -> Result<bool> {
        let cursor = number.and_then(|number| self.cursors.get_mut(&number)).ok_or_else(|| OraError::new(1001, "invalid cursor"))?;
        cursor.rows.next_row(each)
    }

    /// How many columns an open query has.
    pub(super) fn cursor_width(&self, number: Option<u32>) -> usize {
        number.and_then(|number| self.cursors.get(&number)).map_or(0, |cursor| cursor.columns.len())
    }
}
