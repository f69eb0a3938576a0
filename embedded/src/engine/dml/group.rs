//! Array INSERT by groups of rows: values are converted column by column, and one statement of SQLite inserts the whole group. Where anything is
//! wrong with a group none of it is in, and the caller inserts its rows one by one, each with its own outcome.

use std::ops::Range;

use rusqlite::CachedStatement;
use rusqlite::types::ValueRef;

use super::super::catalog::Column;
use super::super::nls::Nls;
use super::super::number::Number;
use super::super::translate::{Cell, DmlPlan, InsertSource};
use super::super::types::{DataType, Family};
use super::super::value::{self, MAX_TEXT_BYTES, Stored, Target};
use super::super::{Datum, OraError, Result, undo};
use super::write::next_number;
use super::{Runner, Work};
use crate::sqlite::{HandedRows, RowTable};

/// Rows of a group: enough to make the statement's own cost nothing, few enough to stay in the cache.
pub(in super::super) const GROUP_ROWS: u32 = 512;
/// Fewer rows are not worth a statement of their own.
const LEAST_ROWS: u32 = 8;

/// The values of an array by column.
pub trait Columns<'b> {
    /// Appends the values of a bind (0-based) in these rows. They live as long as the array's execute.
    ///
    /// # Errors
    /// Those of any row; the rows are then asked for one by one.
    fn values(&self, bind: usize, rows: Range<u32>, values: &mut Vec<Datum<'b>>) -> Result<()>;
}

/// A group with its statement.
pub(in super::super) struct Group<'c, 'b> {
    table: &'c RowTable,
    insert: CachedStatement<'c>,
    stored: StoredColumns<'b>,
    given: Vec<Datum<'b>>,
}

/// Converted values, one vector per column; without values a column is NULL.
struct StoredColumns<'b> {
    columns: Vec<Vec<Stored<'b>>>,
    rows: usize,
}

impl HandedRows for StoredColumns<'_> {
    fn rows(&self) -> usize {
        self.rows
    }

    #[inline]
    fn value(&self, row: usize, column: usize) -> ValueRef<'_> {
        self.columns.get(column).and_then(|values| values.get(row)).map_or(ValueRef::Null, Stored::as_value_ref)
    }
}

impl<'a> Runner<'a> {
    /// What rows go in by groups with, where they can: their values are binds and defaults, nothing is told of each row, no LOBs are held.
    pub fn group<'b>(&self, table: &'a RowTable) -> Result<Option<Group<'a, 'b>>> {
        let DmlPlan::Insert { table: target, cells, source: InsertSource::Binds } = self.plan else { return Ok(None) };
        let is_plain = self.returning.is_none()
            && self.self_checks.is_empty()
            && cells.iter().all(|cell| matches!(cell, Cell::Bind(_) | Cell::Null | Cell::Next(_)))
            && !target.columns.iter().any(|column| matches!(column.data_type.family(), Family::Clob | Family::Blob));
        if !is_plain {
            return Ok(None);
        }
        let width = target.columns.len();
        let source = table.name(self.connection, width)?;
        let columns: String = (0..width).map(|index| format!("c{index}, ")).collect();
        let text = format!("INSERT INTO {} ({columns}s) SELECT {columns}?1 FROM {source}", target.storage_name());
        let mut insert = self.connection.prepare_cached(&text)?;
        insert.raw_bind_parameter(1, undo::transaction_scn(self.connection)?)?;
        let stored = StoredColumns { columns: (0..width).map(|_| Vec::new()).collect(), rows: 0 };
        Ok(Some(Group { table, insert, stored, given: Vec::new() }))
    }

    /// Inserts the rows of a group; false when they are to go one by one.
    ///
    /// # Errors
    /// ORA-02091 when SQLite ended the transaction.
    pub fn insert_group<'b>(&mut self, group: &mut Group<'a, 'b>, rows: Range<u32>, source: &dyn Columns<'b>) -> Result<bool> {
        if rows.len() < LEAST_ROWS as usize || self.interrupt.is_cancelled() {
            return Ok(false);
        }
        // Rows of a group that fails go in one by one, with the same numbers.
        let mark = match &self.work {
            Work::Insert(insert) if insert.cells.iter().any(|cell| matches!(cell, Cell::Next(_))) => Some(insert.writer.sequences.mark()?),
            _ => None,
        };
        let result = self.insert_converted(group, rows, source);
        if let (Some(mark), Work::Insert(insert), Ok(false)) = (&mark, &self.work, &result) {
            insert.writer.sequences.go_back(mark);
        }
        result
    }

    fn insert_converted<'b>(&self, group: &mut Group<'a, 'b>, rows: Range<u32>, source: &dyn Columns<'b>) -> Result<bool> {
        if !self.convert_group(group, rows, source) {
            return Ok(false);
        }
        match group.table.insert(&group.stored, &mut group.insert) {
            Ok(_) => Ok(true),
            Err(error) if self.connection.is_autocommit() => {
                let cause = OraError::from(error).message;
                Err(OraError::new(2091, format_args!("transaction rolled back\n{cause}")))
            }
            Err(_) => Ok(false),
        }
    }

    fn convert_group<'b>(&self, group: &mut Group<'a, 'b>, rows: Range<u32>, source: &dyn Columns<'b>) -> bool {
        let (DmlPlan::Insert { table, cells, .. }, Work::Insert(insert)) = (self.plan, &self.work) else { return false };
        let Group { stored, given, .. } = group;
        stored.rows = rows.len();
        for ((column, cell), values) in table.columns.iter().zip(cells).zip(&mut stored.columns) {
            values.clear();
            given.clear();
            let taken = match cell {
                Cell::Bind(bind) => source.values(*bind, rows.clone(), given),
                Cell::Next(sequence) => rows.clone().try_for_each(|_| {
                    given.push(next_number(insert.writer.sequences, *sequence)?);
                    Ok(())
                }),
                _ if column.nullable => continue,
                _ => return false,
            };
            if taken.is_err() || given.len() != rows.len() || convert_column(column, given, insert.writer.nls, values).is_err() {
                return false;
            }
        }
        true
    }
}

/// Converts the values of a column; the commonest pairs of types by themselves.
fn convert_column<'b>(column: &Column, given: &[Datum<'b>], nls: &Nls, stored: &mut Vec<Stored<'b>>) -> Result<()> {
    stored.reserve(given.len());
    let target = Target { data_type: column.data_type, name: Some(&column.full_name) };
    let assign = |datum: &Datum<'b>| value::assign(&target, *datum, nls);
    match column.data_type {
        DataType::Number { precision: None, scale: None } => {
            for datum in given {
                stored.push(match datum {
                    Datum::Int(value) => Stored::number(&Number::from_i64(*value)),
                    other => assign(other)?,
                });
            }
        }
        DataType::Varchar2 { size, .. } => {
            // As many bytes are never more characters.
            let most_bytes = (size as usize).min(MAX_TEXT_BYTES);
            for datum in given {
                stored.push(match datum {
                    Datum::Text(text) if !text.is_empty() && text.len() <= most_bytes => Stored::Text((*text).into()),
                    other => assign(other)?,
                });
            }
        }
        DataType::Date => {
            for datum in given {
                stored.push(match datum {
                    Datum::Date(bytes) if is_plain_date(bytes) => Stored::inline(bytes),
                    other => assign(other)?,
                });
            }
        }
        _ => {
            for datum in given {
                stored.push(assign(datum)?);
            }
        }
    }
    match column.nullable || !stored.iter().any(Stored::is_null) {
        true => Ok(()),
        false => Err(OraError::new(1400, format_args!("cannot insert NULL into ({})", column.full_name))),
    }
}

/// Whether a DATE is good whatever its month: of our era, and not after the 28th.
fn is_plain_date(bytes: &[u8; 7]) -> bool {
    let [century, year, month, day, hour, minute, second] = *bytes;
    (101..=199).contains(&century)
        && (100..=199).contains(&year)
        && (1..=12).contains(&month)
        && (1..=28).contains(&day)
        && (1..=24).contains(&hour)
        && (1..=60).contains(&minute)
        && (1..=60).contains(&second)
}
