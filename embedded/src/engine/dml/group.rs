//! Array INSERT by groups of rows: one statement of SQLite inserts a whole group. Where it refuses a row the group is inserted once more, row by
//! row, so that each row has its own outcome.

use rusqlite::CachedStatement;

use super::super::Datum;
use super::super::OraError;
use super::super::Result;
use super::super::translate::{Cell, DmlPlan, InsertSource};
use super::super::types::Family;
use super::super::undo;
use super::{Given, Runner, Work};
use crate::sqlite::{RowBuffer, RowTable};

/// Rows and bytes after which a group is inserted: large enough to make the statement's own cost nothing, small enough to stay in the cache.
const MOST_ROWS: usize = 1024;
const MOST_BYTES: usize = 128 * 1024;
/// Fewer rows are not worth a statement of their own.
const LEAST_ROWS: usize = 8;

/// Takes the outcome of a row; whether to go on.
pub(in super::super) type Done<'f> = dyn FnMut(u32, Result<u64>) -> bool + 'f;
/// Fills the binds of a row.
pub(in super::super) type Fill<'f, 'b> = dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()> + 'f;

/// Rows that wait for their insertion.
struct Group<'c> {
    table: &'c RowTable,
    insert: CachedStatement<'c>,
    rows: RowBuffer,
    first_row: u32,
}

impl Group<'_> {
    fn is_full(&self) -> bool {
        self.rows.rows() >= MOST_ROWS || self.rows.size_bytes() >= MOST_BYTES
    }
}

impl<'a> Runner<'a> {
    /// Whether so many rows can go in groups: their values are binds and defaults, nothing is told of each row, and no LOBs are to be held.
    pub fn can_group(&self, rows: u32) -> bool {
        let DmlPlan::Insert { table, cells, source: InsertSource::Binds } = self.plan else { return false };
        rows as usize >= LEAST_ROWS
            && self.returning.is_none()
            && self.self_checks.is_empty()
            && cells.iter().all(|cell| matches!(cell, Cell::Bind(_) | Cell::Null | Cell::Next(_)))
            && !table.columns.iter().any(|column| matches!(column.data_type.family(), Family::Clob | Family::Blob))
    }

    /// Runs the rows from `row` on, whose binds are filled already, up to `end`.
    pub fn run_groups<'b>(
        &mut self,
        handed: &RowTable,
        mut row: u32,
        end: u32,
        binds: &mut [Datum<'b>],
        fill: &mut Fill<'_, 'b>,
        done: &mut Done<'_>,
    ) -> Result<()> {
        let mut group = self.group(handed, row)?;
        let mut filled = Ok(());
        loop {
            let converted = filled.and_then(|()| self.convert(binds, &mut group.rows));
            row += 1;
            if converted.is_err() || row == end || group.is_full() {
                group.rows.drop_unfinished();
                if !self.flush(&mut group, done)? {
                    return Ok(());
                }
                if let Err(error) = converted
                    && !done(row - 1, Err(error))
                {
                    return Ok(());
                }
                group.first_row = row;
            }
            if row == end {
                return Ok(());
            }
            filled = fill(row, binds);
        }
    }

    fn group<'c>(&self, handed: &'c RowTable, first_row: u32) -> Result<Group<'c>>
    where
        'a: 'c,
    {
        let DmlPlan::Insert { table, .. } = self.plan else { return Err(OraError::internal("INSERT in groups")) };
        let width = table.columns.len();
        let source = handed.name(self.connection, width)?;
        let columns: String = (0..width).map(|index| format!("c{index}, ")).collect();
        let text = format!("INSERT INTO {} ({columns}s) SELECT {columns}?1 FROM {source}", table.storage_name());
        let mut insert = self.connection.prepare_cached(&text)?;
        insert.raw_bind_parameter(1, undo::transaction_scn(self.connection)?)?;
        Ok(Group { table: handed, insert, rows: RowBuffer::new(width), first_row })
    }

    /// Appends a row; a cancel ends the array here, with the rows before it inserted.
    fn convert(&self, binds: &[Datum<'_>], rows: &mut RowBuffer) -> Result<()> {
        let Work::Insert(insert) = &self.work else { return Err(OraError::internal("INSERT in groups")) };
        self.interrupt.check()?;
        insert.writer.convert(insert.cells, Given { binds, outputs: &[] }, |value| rows.push(value.as_value_ref()))
    }

    /// Inserts what was collected; whether to go on.
    fn flush(&mut self, group: &mut Group<'_>, done: &mut Done<'_>) -> Result<bool> {
        let Group { table, insert, rows, first_row } = group;
        let connection = self.connection;
        let lost = |cause: &str| OraError::new(2091, format_args!("transaction rolled back\n{cause}"));
        let whole = rows.rows() >= LEAST_ROWS
            && match table.reading(rows, || insert.raw_execute()) {
                Err(error) if connection.is_autocommit() => return Err(lost(&OraError::from(error).message)),
                inserted => inserted.is_ok(),
            };
        let Work::Insert(single) = &mut self.work else { return Err(OraError::internal("INSERT in groups")) };
        for (row, index) in (*first_row..).zip(0..rows.rows()) {
            let outcome = if whole { Ok(1) } else { single.writer.insert_stored(rows.row(index)).map(|()| 1) };
            let cause = outcome.as_ref().err().map(|error| error.message.clone());
            let more = done(row, outcome);
            if let (Some(cause), true) = (cause, connection.is_autocommit()) {
                return Err(lost(&cause));
            }
            if !more {
                return Ok(false);
            }
        }
        rows.clear();
        Ok(true)
    }
}
