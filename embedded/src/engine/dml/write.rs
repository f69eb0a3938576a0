//! Writing rows of one table: every value goes through the conversion into its column, every failure gets Oracle's words.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{CachedStatement, Connection};

use super::super::catalog::Table;
use super::super::interrupt::Interrupt;
use super::super::nls::Nls;
use super::super::sequence::Sequences;
use super::super::translate::{Assigned, Cell};
use super::super::value::{self, Stored, Target};
use super::super::{Datum, OraError, Result, undo};

/// What a row is made of: the binds of the iteration and the outputs of the statement's query.
#[derive(Clone, Copy)]
pub(super) struct Given<'v> {
    pub binds: &'v [Datum<'v>],
    pub outputs: &'v [Value],
}

/// INSERT and UPDATE of single rows, prepared once.
pub(super) struct RowWriter<'a> {
    pub(super) connection: &'a Connection,
    pub(super) nls: &'a Nls,
    pub(super) table: &'a Table,
    interrupt: &'a Interrupt,
    pub(super) sequences: &'a Sequences,
    insert: Option<CachedStatement<'a>>,
    update: Option<CachedStatement<'a>>,
}

impl<'a> RowWriter<'a> {
    pub fn new(
        connection: &'a Connection,
        nls: &'a Nls,
        table: &'a Table,
        interrupt: &'a Interrupt,
        sequences: &'a Sequences,
    ) -> RowWriter<'a> {
        RowWriter { connection, nls, table, interrupt, sequences, insert: None, update: None }
    }

    /// Prepares [`RowWriter::insert`].
    pub fn with_insert(mut self) -> Result<RowWriter<'a>> {
        let mut insert = self.connection.prepare_cached(&insert_text(self.table, false))?;
        // Bound once for all rows.
        insert.raw_bind_parameter(self.table.columns.len() + 1, undo::transaction_scn(self.connection)?)?;
        self.insert = Some(insert);
        Ok(self)
    }

    /// Prepares [`RowWriter::update`] of these columns.
    pub fn with_update(mut self, assigned: &[Assigned]) -> Result<RowWriter<'a>> {
        let sets = assigned.iter().enumerate().map(|(place, (index, _))| format!("c{index} = ?{}", place + 2)).collect::<Vec<_>>();
        let scn_place = assigned.len() + 2;
        let text = format!("UPDATE {} SET {}, s = ?{scn_place} WHERE rid = ?1", self.table.storage_name(), sets.join(", "));
        let mut update = self.connection.prepare_cached(&text)?;
        update.raw_bind_parameter(scn_place, undo::transaction_scn(self.connection)?)?;
        self.update = Some(update);
        Ok(self)
    }

    /// Inserts a row; `cells` has one entry per column of the table.
    pub fn insert(&mut self, cells: &[Cell], given: Given<'_>) -> Result<()> {
        self.interrupt.check()?;
        let statement = self.insert.as_mut().ok_or_else(|| OraError::internal("INSERT not prepared"))?;
        for (index, (column, cell)) in self.table.columns.iter().zip(cells).enumerate() {
            let target = Target { data_type: column.data_type, name: Some(&column.full_name) };
            let datum = match cell {
                Cell::Next(sequence) => next_number(self.sequences, *sequence)?,
                cell => cell_datum(cell, given, self.nls)?,
            };
            let stored = value::assign(&target, datum, self.nls)?;
            if !column.nullable && stored.is_null() {
                return Err(OraError::new(1400, format_args!("cannot insert NULL into ({})", column.full_name)));
            }
            statement.raw_bind_parameter(index + 1, &stored)?;
        }
        statement.raw_execute().map(drop).map_err(|error| write_error(self.table, error))
    }

    /// Updates the row that the first output names.
    pub fn update(&mut self, assigned: &[Assigned], given: Given<'_>) -> Result<()> {
        self.interrupt.check()?;
        let statement = self.update.as_mut().ok_or_else(|| OraError::internal("UPDATE not prepared"))?;
        for (place, item) in assigned.iter().enumerate() {
            statement.raw_bind_parameter(place + 2, &new_value(self.table, item, given, self.nls)?)?;
        }
        statement.raw_bind_parameter(1, given.outputs.first())?;
        statement.raw_execute().map(drop).map_err(|error| write_error(self.table, error))
    }

    /// Updates many rows. Keys are unique when the statement ends, not after each row (SET id = id + 1): where keys change, the rows leave
    /// and come back changed.
    pub fn update_all(&mut self, assigned: &[Assigned], binds: &[Datum<'_>], rows: &[&[Value]]) -> Result<()> {
        if rows.len() < 2 || !self.table.changes_key(assigned.iter().map(|(index, _)| *index)) {
            return rows.iter().try_for_each(|row| self.update(assigned, Given { binds, outputs: row }));
        }
        // Children of a row that leaves would be orphans meanwhile.
        if self.table.is_parent {
            return self.move_keys(assigned, binds, rows);
        }
        let storage = self.table.storage_name();
        let count = self.table.columns.len();
        let columns = (0..count).map(|index| format!("c{index}")).collect::<Vec<_>>().join(", ");
        let mut read = self.connection.prepare_cached(&format!("SELECT {columns} FROM {storage} WHERE rid = ?"))?;
        let mut delete = self.connection.prepare_cached(&format!("DELETE FROM {storage} WHERE rid = ?"))?;
        let mut changed: Vec<Vec<Value>> = Vec::with_capacity(rows.len());
        let scn = undo::transaction_scn(self.connection)?;
        for row in rows {
            let mut whole =
                read.query_row([&row[0]], |read| (0..count).map(|index| read.get(index)).collect::<rusqlite::Result<Vec<Value>>>())?;
            for item in assigned {
                let stored = new_value(self.table, item, Given { binds, outputs: row }, self.nls)?;
                whole[item.0] = value::owned(stored.as_value_ref());
            }
            whole.extend([Value::Integer(scn), row[0].clone()]);
            delete.execute([&row[0]])?;
            changed.push(whole);
        }
        let mut insert = self.connection.prepare_cached(&insert_text(self.table, true))?;
        for row in &changed {
            insert.execute(rusqlite::params_from_iter(row)).map_err(|error| write_error(self.table, error))?;
        }
        Ok(())
    }
}

/// The value of a cell as it is given, before its conversion into the column.
pub(super) fn cell_datum<'v>(cell: &Cell, given: Given<'v>, nls: &Nls) -> Result<Datum<'v>> {
    match cell {
        Cell::Null => Ok(Datum::Null),
        Cell::Next(_) => Err(OraError::new(2287, "sequence number not allowed here")),
        Cell::Bind(index) => given.binds.get(*index).copied().ok_or_else(|| OraError::new(1008, "not all variables bound")),
        Cell::Output(index, family) => {
            let output = given.outputs.get(*index).ok_or_else(|| OraError::internal("missing output"))?;
            value::datum(*family, ValueRef::from(output), nls.offset_minutes)
        }
    }
}

/// The next number of a sequence as a value of a column.
pub(super) fn next_number(sequences: &Sequences, id: i64) -> Result<Datum<'static>> {
    i64::try_from(sequences.next(id)?).map(Datum::Int).map_err(|_| OraError::unsupported("a default of a sequence beyond 63 bits"))
}

/// The new value of a column in UPDATE.
pub(super) fn new_value<'v>(table: &Table, (index, cell): &Assigned, given: Given<'v>, nls: &Nls) -> Result<Stored<'v>> {
    let column = &table.columns[*index];
    let target = Target { data_type: column.data_type, name: Some(&column.full_name) };
    let datum = cell_datum(cell, given, nls)?;
    let stored = value::assign(&target, datum, nls)?;
    if !column.nullable && stored.is_null() {
        return Err(OraError::new(1407, format_args!("cannot update ({}) to NULL", column.full_name)));
    }
    Ok(stored)
}

fn insert_text(table: &Table, with_rowid: bool) -> String {
    let count = table.columns.len() + 1 + usize::from(with_rowid);
    let mut columns: Vec<String> = (0..table.columns.len()).map(|index| format!("c{index}")).collect();
    columns.push("s".into());
    if with_rowid {
        columns.push("rid".into());
    }
    format!("INSERT INTO {} ({}) VALUES ({})", table.storage_name(), columns.join(", "), vec!["?"; count].join(", "))
}

/// SQLite's refusal of a duplicate key as ORA-00001.
pub(super) fn write_error(table: &Table, error: rusqlite::Error) -> OraError {
    match &error {
        rusqlite::Error::SqliteFailure(failure, Some(message)) if failure.code == rusqlite::ErrorCode::ConstraintViolation => {
            OraError::from_text(message).unwrap_or_else(|| table.violated(message))
        }
        _ => error.into(),
    }
}
