//! What the catalog keeps as texts: conditions, foreign keys, sequences, comments, identity columns and lifetimes, each of a kind of its own.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::super::ddl::Lifetime;
use super::super::{OraError, Result};
use super::{Catalog, Column, Constraint, ConstraintKind, OnDelete, Reference, Sequence, Table};

impl OnDelete {
    fn code(self) -> &'static str {
        match self {
            OnDelete::Refuse => "NO ACTION",
            OnDelete::Cascade => "CASCADE",
            OnDelete::SetNull => "SET NULL",
        }
    }

    /// As DELETE_RULE of the dictionary.
    pub fn name(self) -> &'static str {
        self.code()
    }

    fn from_code(code: &str) -> OnDelete {
        match code {
            "CASCADE" => OnDelete::Cascade,
            "SET NULL" => OnDelete::SetNull,
            _ => OnDelete::Refuse,
        }
    }
}

impl Sequence {
    /// The text that the catalog keeps.
    pub fn text(&self) -> String {
        let flag = i64::from;
        format!("{},{},{},{},{},{}", self.increment, self.min, self.max, flag(self.cycle), flag(self.order), self.cache)
    }

    fn parse(id: i64, owner: String, name: String, text: &str, counter: &str) -> Result<Sequence> {
        let numbers: Vec<i128> = text.split(',').filter_map(|part| part.parse().ok()).collect();
        let [increment, min, max, cycle, order, cache] = numbers[..] else { return Err(OraError::internal("text of a sequence")) };
        let (increment, cache) = (increment as i64, cache as i64);
        Ok(Sequence {
            id,
            owner,
            name,
            increment,
            min,
            max,
            cycle: cycle == 1,
            order: order == 1,
            cache,
            counter: counter.parse().unwrap_or(id as u64),
        })
    }
}

/// Writes a text; in the caller's transaction.
pub(super) fn insert(connection: &Connection, id: i64, kind: &str, owner: &str, name: &str, text: &str, columns: &str) -> Result<()> {
    connection.execute("INSERT INTO ora_text VALUES (?, ?, ?, ?, ?, ?)", params![id, kind, owner, name, text, columns])?;
    Ok(())
}

/// Texts that belong to a table.
pub(super) fn insert_of_table(connection: &Connection, table: &Table) -> Result<()> {
    let owner = table.id.to_string();
    match table.lifetime {
        Lifetime::Transaction => insert(connection, table.id, "T", "", "", "DELETE", "")?,
        Lifetime::Session => insert(connection, table.id, "T", "", "", "PRESERVE", "")?,
        _ => {}
    }
    table.columns.iter().try_for_each(|column| insert_of_column(connection, &owner, column))
}

/// Texts that belong to a column of the table numbered `owner`.
pub(super) fn insert_of_column(connection: &Connection, owner: &str, column: &Column) -> Result<()> {
    let identity = column.identity.map(|always| if always { "ALWAYS" } else { "DEFAULT" });
    if identity.is_none() && !column.default_on_null {
        return Ok(());
    }
    let text = format!("{} {}", identity.unwrap_or_default(), if column.default_on_null { "ON NULL" } else { "" });
    insert(connection, Catalog::next_id(connection)?, "I", owner, &column.name, &text, "")
}

/// Texts that belong to a constraint.
pub(super) fn insert_of_constraint(connection: &Connection, constraint: &Constraint) -> Result<()> {
    if let Some(condition) = &constraint.condition {
        insert(connection, constraint.id, "K", "", "", condition, "")?;
    }
    if let Some(reference) = &constraint.references {
        insert(connection, constraint.id, "F", "", "", &reference.constraint.to_string(), reference.on_delete.code())?;
    }
    Ok(())
}

/// Forgets the texts of a table and its constraints; before these go themselves.
pub(super) fn delete_of_table(connection: &Connection, table_id: i64) -> Result<()> {
    connection.execute(
        "DELETE FROM ora_text WHERE kind IN ('K', 'F') AND id IN (SELECT id FROM ora_constraint WHERE table_id = ?)",
        [table_id],
    )?;
    connection.execute("DELETE FROM ora_text WHERE kind IN ('M', 'I', 'D') AND owner = ?", [table_id.to_string()])?;
    connection.execute("DELETE FROM ora_text WHERE kind = 'T' AND id = ?", [table_id])?;
    Ok(())
}

/// Reads all texts into a catalog whose tables are known.
pub(super) fn load(connection: &Connection, catalog: &mut Catalog) -> Result<()> {
    let mut statement = connection.prepare_cached("SELECT id, kind, owner, name, text, columns FROM ora_text WHERE kind <> 'V'")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, kind, owner): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (name, text, columns): (String, String, String) = (row.get(3)?, row.get(4)?, row.get(5)?);
        match kind.as_str() {
            "S" => {
                let sequence = Sequence::parse(id, owner.clone(), name.clone(), &text, &columns)?;
                catalog.sequences.insert((owner, name), Arc::new(sequence));
            }
            "M" => {
                catalog.comments.insert((owner.parse().unwrap_or(0), name), text);
            }
            "T" => {
                let lifetime = if text == "DELETE" { Lifetime::Transaction } else { Lifetime::Session };
                catalog.change(|table| table.id == id, |table| table.lifetime = lifetime);
            }
            "D" => catalog.change(|table| table.id.to_string() == owner, |table| table.data_id = id),
            "I" => catalog.change(
                |table| table.id.to_string() == owner,
                |table| {
                    for column in table.columns.iter_mut().filter(|column| column.name == name) {
                        column.default_on_null = text.ends_with("ON NULL");
                        column.identity = if text.starts_with(' ') { None } else { Some(text.starts_with("ALWAYS")) };
                    }
                },
            ),
            "K" => catalog.change_constraint(id, |constraint| constraint.condition = Some(text.clone())),
            "F" => {
                let reference = Reference { constraint: text.parse().unwrap_or(0), on_delete: OnDelete::from_code(&columns) };
                catalog.change_constraint(id, |constraint| constraint.references = Some(reference));
            }
            _ => {}
        }
    }
    let referred: Vec<i64> = catalog
        .tables
        .values()
        .flat_map(|table| table.constraints.iter().filter_map(|item| item.references.map(|reference| reference.constraint)))
        .collect();
    catalog.change(|table| table.constraints.iter().any(|item| referred.contains(&item.id)), |table| table.is_parent = true);
    Ok(())
}

impl Catalog {
    fn change(&mut self, is_it: impl Fn(&Table) -> bool, change: impl Fn(&mut Table)) {
        self.tables.values_mut().filter(|table| is_it(table)).for_each(|table| change(Arc::make_mut(table)));
    }

    fn change_constraint(&mut self, id: i64, change: impl Fn(&mut Constraint)) {
        for table in self.tables.values_mut().filter(|table| table.constraints.iter().any(|item| item.id == id)) {
            Arc::make_mut(table).constraints.iter_mut().filter(|item| item.id == id).for_each(&change);
        }
    }

    /// Sets or, with no text, removes a comment; in the caller's transaction.
    pub fn set_comment(connection: &Connection, table_id: i64, column: &str, text: &str) -> Result<()> {
        let owner = table_id.to_string();
        connection.execute("DELETE FROM ora_text WHERE kind = 'M' AND owner = ? AND name = ?", [owner.as_str(), column])?;
        if text.is_empty() { Ok(()) } else { insert(connection, Catalog::next_id(connection)?, "M", &owner, column, text, "") }
    }

    /// Gives a table another segment, in the caller's transaction.
    pub fn new_segment(connection: &Connection, table_id: i64) -> Result<()> {
        let owner = table_id.to_string();
        connection.execute("DELETE FROM ora_text WHERE kind = 'D' AND owner = ?", [owner.as_str()])?;
        insert(connection, Catalog::next_id(connection)?, "D", &owner, "", "", "")
    }

    /// Writes a sequence and the number it gives next.
    pub fn put_sequence(connection: &Connection, sequence: &Sequence, next: i128) -> Result<()> {
        Catalog::delete_sequence(connection, sequence.id)?;
        insert(connection, sequence.id, "S", &sequence.owner, &sequence.name, &sequence.text(), &sequence.counter.to_string())?;
        connection.execute("INSERT INTO ora_sequence VALUES (?, ?)", params![sequence.id, next.to_string()])?;
        Ok(())
    }

    /// A key that no other sequence has in the file of counters, nor had.
    pub fn new_counter(connection: &Connection) -> Result<u64> {
        Ok(connection.query_row("SELECT random()", [], |row| row.get::<_, i64>(0))? as u64)
    }

    pub fn delete_sequence(connection: &Connection, id: i64) -> Result<()> {
        connection.execute_batch("CREATE TABLE IF NOT EXISTS ora_sequence (id INTEGER PRIMARY KEY, next TEXT NOT NULL)")?;
        connection.execute("DELETE FROM ora_sequence WHERE id = ?", [id])?;
        connection.execute("DELETE FROM ora_text WHERE kind = 'S' AND id = ?", [id])?;
        Ok(())
    }

    /// The constraint of this number and its table.
    pub fn constraint(&self, id: i64) -> Option<(&Arc<Table>, &Constraint)> {
        self.tables.values().find_map(|table| table.constraints.iter().find(|item| item.id == id).map(|item| (table, item)))
    }

    /// Foreign keys that refer to constraints of a table, with the tables they are of.
    pub fn referring(&self, table: &Table) -> Vec<(Arc<Table>, Constraint)> {
        let keys: Vec<i64> = table.constraints.iter().map(|item| item.id).collect();
        let mut found = Vec::new();
        for child in self.tables.values() {
            for item in &child.constraints {
                if item.references.is_some_and(|reference| keys.contains(&reference.constraint)) {
                    found.push((Arc::clone(child), item.clone()));
                }
            }
        }
        found
    }

    /// Writes column `position` of a table anew, in the caller's transaction.
    pub fn put_column(connection: &Connection, table_id: i64, position: usize, column: &Column) -> Result<()> {
        connection.execute(
            "INSERT OR REPLACE INTO ora_column VALUES (?, ?, ?, ?, ?, ?)",
            params![table_id, position as i64, column.name, column.data_type.to_string(), column.nullable, column.default],
        )?;
        let owner = table_id.to_string();
        connection.execute("DELETE FROM ora_text WHERE kind = 'I' AND owner = ? AND name = ?", [owner.as_str(), column.name.as_str()])?;
        insert_of_column(connection, &owner, column)
    }

    /// Forgets a constraint or an index, in the caller's transaction.
    pub fn delete_constraint(connection: &Connection, id: i64) -> Result<()> {
        connection.execute("DELETE FROM ora_constraint WHERE id = ?", [id])?;
        connection.execute("DELETE FROM ora_text WHERE kind IN ('K', 'F') AND id = ?", [id])?;
        Ok(())
    }
}

/// The constraints and indexes of a table, as far as they are no texts.
pub(super) fn load_constraints(connection: &Connection, table_id: i64) -> Result<Vec<Constraint>> {
    let mut statement =
        connection.prepare_cached("SELECT id, name, kind, generated, columns FROM ora_constraint WHERE table_id = ? ORDER BY id")?;
    let mut rows = statement.query([table_id])?;
    let mut constraints = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, columns): (String, String) = (row.get(2)?, row.get(4)?);
        let columns = columns
            .split(',')
            .filter(|index| !index.is_empty())
            .map(|index| index.parse().map_err(|_| OraError::internal("constraint columns")))
            .collect::<Result<_>>()?;
        constraints.push(Constraint {
            id: row.get(0)?,
            name: row.get(1)?,
            kind: ConstraintKind::from_code(&kind)?,
            generated: row.get(3)?,
            columns,
            condition: None,
            references: None,
        });
    }
    Ok(constraints)
}
