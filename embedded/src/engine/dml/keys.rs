//! UPDATE of keys that foreign keys refer to. Keys are unique, and parents are there, when the statement ends and not after each row: the rows get
//! keys that no row can have, then their new ones, and then it is looked whether children lost a parent.

use std::cell::Cell;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;

use super::super::catalog::{Constraint, Table};
use super::super::translate::Assigned;
use super::super::types::Family;
use super::super::{Datum, OraError, Result, undo};
use super::write::{Given, RowWriter};

thread_local! {
    /// Whether this thread gives rows keys of no meaning, which rules do not concern.
    static MOVING: Cell<bool> = const { Cell::new(false) };
}

/// Registers `o_moving`, which the triggers of rules ask.
pub(in super::super) fn register(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("o_moving", 0, FunctionFlags::SQLITE_UTF8, |_| Ok(MOVING.get()))?;
    Ok(())
}

/// A foreign key of another table, or of the table itself, and the key that it refers to.
struct Referring<'t> {
    key: &'t Constraint,
    /// Of a child whose parent, with the key that is bound, is not there.
    query: String,
    name: String,
}

impl<'t> Referring<'t> {
    /// Those that refer to keys among these columns.
    fn find(connection: &Connection, table: &'t Table, changed: &[usize]) -> Result<Vec<Referring<'t>>> {
        let sql = "SELECT c.table_id, c.name, c.columns, t.owner FROM ora_text AS f JOIN ora_constraint AS c ON c.id = f.id \
                   JOIN ora_table AS t ON t.id = c.table_id WHERE f.kind = 'F' AND f.text = ?";
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = Vec::new();
        for key in table.constraints.iter().filter(|key| key.kind.is_unique() && key.columns.iter().any(|column| changed.contains(column)))
        {
            let mut rows = statement.query([key.id.to_string()])?;
            while let Some(row) = rows.next()? {
                let (child, name, columns, owner): (i64, String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                let equal = |columns: Vec<String>| {
                    let terms = columns.iter().enumerate().map(|(place, column)| format!("c{column} = ?{}", place + 1));
                    terms.collect::<Vec<_>>().join(" AND ")
                };
                let parent = equal(key.columns.iter().map(usize::to_string).collect());
                let child_is = equal(columns.split(',').map(str::to_owned).collect());
                let query = format!(
                    "SELECT CASE WHEN EXISTS (SELECT 1 FROM {} WHERE {parent}) THEN 0 ELSE EXISTS (SELECT 1 FROM t{child} WHERE {child_is}) END",
                    table.storage_name()
                );
                found.push(Referring { key, query, name: format!("{owner}.{name}") });
            }
        }
        Ok(found)
    }

    fn check(&self, connection: &Connection, old_keys: &[Vec<Value>], columns: &[usize]) -> Result<()> {
        let mut statement = connection.prepare_cached(&self.query)?;
        for old in old_keys {
            let values = self.key.columns.iter().filter_map(|column| old.get(columns.iter().position(|known| known == column)?));
            if statement.query_row(rusqlite::params_from_iter(values), |row| row.get(0))? {
                let text = format_args!("integrity constraint ({}) violated - child record found", self.name);
                return Err(OraError::new(2292, text));
            }
        }
        Ok(())
    }
}

impl RowWriter<'_> {
    /// Updates rows of a parent whose keys change.
    pub(super) fn move_keys(&mut self, assigned: &[Assigned], binds: &[Datum<'_>], rows: &[&[Value]]) -> Result<()> {
        let (table, connection) = (self.table, self.connection);
        let mut columns: Vec<usize> =
            table.constraints.iter().filter(|key| key.kind.is_unique()).flat_map(|key| key.columns.clone()).collect();
        columns.sort_unstable();
        columns.dedup();
        let changed: Vec<usize> = columns.iter().copied().filter(|column| assigned.iter().any(|(index, _)| index == column)).collect();
        let referring = Referring::find(connection, table, &changed)?;
        let storage = table.storage_name();
        let list = columns.iter().map(|column| format!("c{column}")).collect::<Vec<_>>().join(", ");
        let mut read = connection.prepare_cached(&format!("SELECT {list} FROM {storage} WHERE rid = ?"))?;
        // Of a kind of value that the column never has.
        let parked = changed.iter().map(|column| match table.columns[*column].data_type.family() {
            Family::Text | Family::Char | Family::Rowid => format!("c{column} = CAST(rid AS BLOB)"),
            _ => format!("c{column} = CAST(rid AS TEXT)"),
        });
        let park = format!("UPDATE {storage} SET {}, s = ?1 WHERE rid = ?2", parked.collect::<Vec<_>>().join(", "));
        let mut park = connection.prepare_cached(&park)?;
        let scn = undo::transaction_scn(connection)?;
        let mut old_keys = Vec::with_capacity(rows.len());
        for row in rows {
            old_keys.push(
                read.query_row([&row[0]], |read| {
                    (0..columns.len()).map(|index| read.get(index)).collect::<rusqlite::Result<Vec<Value>>>()
                })?,
            );
            MOVING.set(true);
            let moved = park.execute(rusqlite::params![scn, row[0]]);
            MOVING.set(false);
            moved?;
        }
        rows.iter().try_for_each(|row| self.update(assigned, Given { binds, outputs: row }))?;
        referring.iter().try_for_each(|reference| reference.check(connection, &old_keys, &columns))
    }
}
