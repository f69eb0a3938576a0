//! Running DML plans, one iteration after another.

use std::sync::Arc;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{CachedStatement, Connection};

use super::catalog::Table;
use super::cursor::bind_all;
use super::nls::Nls;
use super::session::plain_binds;
use super::translate::{Assigned, Cell, DmlPlan, InsertSource};
use super::value::{self, Stored, Target};
use super::{Datum, DatumKind, OraError, Result};

/// A plan with its prepared statement.
pub(super) struct Runner<'a> {
    connection: &'a Connection,
    nls: &'a Nls,
    plan: &'a DmlPlan,
    /// INSERT of one row, UPDATE of one row, or the DELETE.
    statement: CachedStatement<'a>,
}

impl<'a> Runner<'a> {
    pub fn new(connection: &'a Connection, nls: &'a Nls, plan: &'a DmlPlan) -> Result<Runner<'a>> {
        let text = match plan {
            DmlPlan::Insert { table, .. } => insert_text(table, false),
            DmlPlan::Update { table, assigned, .. } => {
                let sets = assigned
                    .iter()
                    .enumerate()
                    .map(|(place, (index, _))| format!("c{index} = ?{}", place + 2))
                    .collect::<Vec<_>>()
                    .join(", ");
                format!("UPDATE {} SET {sets} WHERE rid = ?1", table.storage_name())
            }
            DmlPlan::Delete { text } => text.clone(),
        };
        Ok(Runner { connection, nls, plan, statement: connection.prepare_cached(&text)? })
    }

    /// Whether the plan, made for binds of `kinds`, fits these too. An INSERT of binds alone converts each value by itself.
    pub fn fits(&self, kinds: &[DatumKind], binds: &[Datum<'_>]) -> bool {
        matches!(self.plan, DmlPlan::Insert { source: InsertSource::Binds, .. })
            || binds.iter().zip(kinds).all(|(datum, kind)| datum.kind() == *kind || datum.kind() == DatumKind::Null)
    }

    /// One iteration: rows affected.
    pub fn run(&mut self, binds: &[Datum<'_>]) -> Result<u64> {
        match self.plan {
            DmlPlan::Insert { table, cells, source } => self.insert(table, cells, source, binds),
            DmlPlan::Update { table, assigned, rows } => self.update(table, assigned, rows, binds),
            DmlPlan::Delete { .. } => {
                bind_all(&mut self.statement, &plain_binds(binds)?)?;
                Ok(self.statement.raw_execute()? as u64)
            }
        }
    }

    fn insert(&mut self, table: &Table, cells: &[Cell], source: &InsertSource, binds: &[Datum<'_>]) -> Result<u64> {
        match source {
            InsertSource::Binds => self.insert_row(table, cells, binds, &[]),
            InsertSource::Expressions(text) => {
                let rows = self.evaluate(text, binds)?;
                rows.iter().try_for_each(|row| self.insert_row(table, cells, binds, row).map(drop))?;
                Ok(rows.len() as u64)
            }
            InsertSource::Query(text) => {
                let rows = self.evaluate(text, binds)?;
                self.atomically(|this| rows.iter().try_for_each(|row| this.insert_row(table, cells, binds, row).map(drop)))?;
                Ok(rows.len() as u64)
            }
        }
    }

    fn insert_row(&mut self, table: &Table, cells: &[Cell], binds: &[Datum<'_>], outputs: &[Value]) -> Result<u64> {
        for (index, (column, cell)) in table.columns.iter().zip(cells).enumerate() {
            let target = Target { data_type: column.data_type, name: Some(&column.full_name) };
            let stored = value::assign(&target, self.cell_datum(cell, binds, outputs)?, self.nls)?;
            if !column.nullable && stored.is_null() {
                return Err(OraError::new(1400, format_args!("cannot insert NULL into ({})", column.full_name)));
            }
            self.statement.raw_bind_parameter(index + 1, &stored)?;
        }
        self.statement.raw_execute().map(|rows| rows as u64).map_err(|error| write_error(table, error))
    }

    fn cell_datum<'v>(&self, cell: &Cell, binds: &[Datum<'v>], outputs: &'v [Value]) -> Result<Datum<'v>> {
        match cell {
            Cell::Null => Ok(Datum::Null),
            Cell::Bind(index) => binds.get(*index).copied().ok_or_else(|| OraError::new(1008, "not all variables bound")),
            Cell::Output(index, family) => {
                let output = outputs.get(*index).ok_or_else(|| OraError::internal("missing output"))?;
                value::datum(*family, ValueRef::from(output), self.nls.offset_minutes)
            }
        }
    }

    /// All rows of a query on this connection.
    fn evaluate(&self, text: &str, binds: &[Datum<'_>]) -> Result<Vec<Vec<Value>>> {
        let mut statement = self.connection.prepare_cached(text)?;
        bind_all(&mut statement, &plain_binds(binds)?)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut values = Vec::new();
        while let Some(row) = rows.next()? {
            values.push((0..columns).map(|index| row.get(index)).collect::<rusqlite::Result<Vec<Value>>>()?);
        }
        Ok(values)
    }

    /// A failing statement takes all its rows back.
    fn atomically(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.connection.execute_batch("SAVEPOINT o_statement")?;
        let result = work(self);
        let end = if result.is_ok() { "RELEASE o_statement" } else { "ROLLBACK TO o_statement; RELEASE o_statement" };
        self.connection.execute_batch(end)?;
        result
    }

    fn update(&mut self, table: &Arc<Table>, assigned: &[Assigned], rows: &str, binds: &[Datum<'_>]) -> Result<u64> {
        let rows = self.evaluate(rows, binds)?;
        let keyed =
            table.constraints.iter().any(|item| item.kind.is_unique() && assigned.iter().any(|(index, _)| item.columns.contains(index)));
        match rows.len() {
            0 => {}
            1 => self.update_row(table, assigned, &rows[0], binds)?,
            _ if keyed => self.atomically(|this| this.replace_rows(table, assigned, &rows, binds))?,
            _ => self.atomically(|this| rows.iter().try_for_each(|row| this.update_row(table, assigned, row, binds)))?,
        }
        Ok(rows.len() as u64)
    }

    fn new_value<'v>(&self, table: &Table, (index, cell): &Assigned, binds: &[Datum<'v>], row: &'v [Value]) -> Result<Stored<'v>> {
        let column = &table.columns[*index];
        let target = Target { data_type: column.data_type, name: Some(&column.full_name) };
        let stored = value::assign(&target, self.cell_datum(cell, binds, row)?, self.nls)?;
        if !column.nullable && stored.is_null() {
            return Err(OraError::new(1407, format_args!("cannot update ({}) to NULL", column.full_name)));
        }
        Ok(stored)
    }

    fn update_row(&mut self, table: &Table, assigned: &[Assigned], row: &[Value], binds: &[Datum<'_>]) -> Result<()> {
        for (place, item) in assigned.iter().enumerate() {
            let stored = self.new_value(table, item, binds, row)?;
            self.statement.raw_bind_parameter(place + 2, &stored)?;
        }
        self.statement.raw_bind_parameter(1, &row[0])?;
        self.statement.raw_execute().map(drop).map_err(|error| write_error(table, error))
    }

    /// Keys are unique when the statement ends, not after each row (SET id = id + 1): the rows leave and come back changed.
    fn replace_rows(&mut self, table: &Table, assigned: &[Assigned], rows: &[Vec<Value>], binds: &[Datum<'_>]) -> Result<()> {
        let storage = table.storage_name();
        let columns = (0..table.columns.len()).map(|index| format!("c{index}")).collect::<Vec<_>>().join(", ");
        let mut read = self.connection.prepare_cached(&format!("SELECT {columns} FROM {storage} WHERE rid = ?"))?;
        let mut delete = self.connection.prepare_cached(&format!("DELETE FROM {storage} WHERE rid = ?"))?;
        let mut changed: Vec<Vec<Value>> = Vec::with_capacity(rows.len());
        for row in rows {
            let mut whole = read.query_row([&row[0]], |read| {
                (0..table.columns.len()).map(|index| read.get(index)).collect::<rusqlite::Result<Vec<Value>>>()
            })?;
            for item in assigned {
                whole[item.0] = value::owned(self.new_value(table, item, binds, row)?.as_value_ref());
            }
            whole.push(row[0].clone());
            delete.execute([&row[0]])?;
            changed.push(whole);
        }
        let mut insert = self.connection.prepare_cached(&insert_text(table, true))?;
        for row in &changed {
            insert.execute(rusqlite::params_from_iter(row)).map_err(|error| write_error(table, error))?;
        }
        Ok(())
    }
}

fn insert_text(table: &Table, with_rowid: bool) -> String {
    let count = table.columns.len() + usize::from(with_rowid);
    let mut columns: Vec<String> = (0..table.columns.len()).map(|index| format!("c{index}")).collect();
    if with_rowid {
        columns.push("rid".into());
    }
    format!("INSERT INTO {} ({}) VALUES ({})", table.storage_name(), columns.join(", "), vec!["?"; count].join(", "))
}

/// SQLite's refusal of a duplicate key as ORA-00001.
fn write_error(table: &Table, error: rusqlite::Error) -> OraError {
    match &error {
        rusqlite::Error::SqliteFailure(failure, Some(message)) if failure.code == rusqlite::ErrorCode::ConstraintViolation => {
            table.violated(message)
        }
        _ => error.into(),
    }
}

/// Whether values of these kinds convert to the columns that they are bound to, judged by a sample of each.
pub(super) fn check_kinds(plan: &DmlPlan, kinds: &[DatumKind], nls: &Nls) -> Result<()> {
    let (table, cells): (&Table, Vec<(usize, &Cell)>) = match plan {
        DmlPlan::Insert { table, cells, .. } => (table, cells.iter().enumerate().collect()),
        DmlPlan::Update { table, assigned, .. } => (table, assigned.iter().map(|(index, cell)| (*index, cell)).collect()),
        DmlPlan::Delete { .. } => return Ok(()),
    };
    for (index, cell) in cells {
        let Cell::Bind(bind) = cell else { continue };
        let column = &table.columns[index];
        let sample = match kinds.get(*bind).copied().unwrap_or_default() {
            // Text converts, or not, by what it says.
            DatumKind::Null | DatumKind::Text => continue,
            DatumKind::Number => Datum::Int(0),
            DatumKind::BinaryFloat => Datum::BinaryFloat(0.0),
            DatumKind::BinaryDouble => Datum::BinaryDouble(0.0),
            DatumKind::Bytes => Datum::Bytes(&[0]),
            DatumKind::Date => Datum::Date([120, 100, 1, 1, 1, 1, 1]),
            DatumKind::Timestamp => Datum::Timestamp([120, 100, 1, 1, 1, 1, 1, 0, 0, 0, 0]),
            DatumKind::TimestampTz => Datum::TimestampTz([120, 100, 1, 1, 1, 1, 1, 0, 0, 0, 0, 20, 60]),
        };
        let target = Target { data_type: column.data_type, name: Some(&column.full_name) };
        if let Err(error) = value::assign(&target, sample, nls)
            && error.code == 932
        {
            return Err(error);
        }
    }
    Ok(())
}
