//! Making, adding and dropping constraints and indexes.

use rusqlite::{Connection, params};

use super::super::catalog::{Catalog, Constraint, ConstraintKind, Reference, Table};
use super::super::ddl::ConstraintDef;
use super::super::session::Session;
use super::super::tokens::ObjectName;
use super::super::types::Family;
use super::super::{OraError, Result};
use super::rules::{self, Ends};

impl Session {
    /// Checks a constraint or index against its table and the names in use.
    pub(super) fn make_constraint(&self, table: &Table, definition: &ConstraintDef) -> Result<Constraint> {
        let id = Catalog::next_id(&self.connection)?;
        let name = definition.name.clone().unwrap_or_else(|| format!("SYS_C{id:07}"));
        let mut made = Constraint {
            id,
            name,
            kind: definition.kind,
            generated: definition.name.is_none(),
            columns: Vec::new(),
            condition: definition.condition.clone(),
            references: None,
        };
        for column in &definition.columns {
            let index = table.column_index(column).ok_or_else(|| OraError::invalid_identifier(format_args!("\"{column}\"")))?;
            if made.columns.contains(&index) {
                return Err(OraError::new(957, "duplicate column name"));
            }
            check_key_type(table, index, made.kind)?;
            made.columns.push(index);
        }
        match made.kind {
            ConstraintKind::Check => made.columns = self.check_condition(table, definition.condition.as_deref().unwrap_or_default())?.1,
            ConstraintKind::Foreign => self.find_parent(table, definition, &mut made)?,
            _ => check_only_key(table, &made)?,
        }
        let taken =
            table.constraints.iter().any(|item| item.name == made.name) || self.catalog.find_constraint(&table.owner, &made.name).is_some();
        if taken && made.kind.is_constraint() {
            return Err(OraError::new(2264, "name already used by an existing constraint"));
        }
        if taken || (!made.kind.is_constraint() && self.catalog.table(&table.owner, &made.name).is_some()) {
            return Err(OraError::new(955, "name is already used by an existing object"));
        }
        Ok(made)
    }

    /// The key that a foreign key refers to; the columns are put in the order of that key.
    fn find_parent(&self, table: &Table, definition: &ConstraintDef, made: &mut Constraint) -> Result<()> {
        let Some((name, keys, on_delete)) = &definition.references else { return Err(OraError::internal("foreign key")) };
        let owner = name.schema.as_deref().unwrap_or(&self.schema);
        let is_own = table.owner == owner && table.name == name.name;
        let parent = if is_own { table.clone() } else { self.find(name)? };
        let wanted: Vec<usize> = keys
            .iter()
            .map(|key| parent.column_index(key).ok_or_else(|| OraError::invalid_identifier(format_args!("\"{key}\""))))
            .collect::<Result<_>>()?;
        let key = if wanted.is_empty() {
            let primary = parent.constraints.iter().find(|item| item.kind == ConstraintKind::Primary);
            primary.ok_or_else(|| OraError::new(2268, "referenced table does not have a primary key"))?
        } else {
            let same = |item: &&Constraint| item.columns.len() == wanted.len() && wanted.iter().all(|index| item.columns.contains(index));
            let unique = |item: &&Constraint| matches!(item.kind, ConstraintKind::Primary | ConstraintKind::Unique);
            parent
                .constraints
                .iter()
                .filter(unique)
                .find(same)
                .ok_or_else(|| OraError::new(2270, "no matching unique or primary key for this column-list"))?
        };
        if key.columns.len() != made.columns.len() {
            return Err(OraError::new(2256, "number of referencing columns must match referenced columns"));
        }
        if !wanted.is_empty() {
            let place = |key: &usize| wanted.iter().position(|index| index == key).map(|at| made.columns[at]);
            made.columns = key.columns.iter().filter_map(place).collect();
        }
        let family = |table: &Table, index: usize| match table.columns[index].data_type.family() {
            Family::Char => Family::Text,
            family => family,
        };
        if made.columns.iter().zip(&key.columns).any(|(column, key)| family(table, *column) != family(&parent, *key)) {
            return Err(OraError::new(2267, "column type incompatible with referenced column type"));
        }
        made.references = Some(Reference { constraint: key.id, on_delete: *on_delete });
        Ok(())
    }

    /// Puts a constraint or index of the catalog to work.
    pub(super) fn enforce(&self, table: &Table, made: &Constraint, duplicate_code: i32) -> Result<()> {
        match made.kind {
            ConstraintKind::NotNull => Ok(()),
            ConstraintKind::Check => {
                let (condition, _) = self.check_condition(table, made.condition.as_deref().unwrap_or_default())?;
                rules::create_check(&self.connection, table, made, &condition)
            }
            ConstraintKind::Foreign => match Ends::find(&self.catalog, table, made) {
                Some(ends) => rules::create_foreign(&self.connection, &ends),
                None => Err(OraError::internal("parent of a foreign key")),
            },
            _ => create_index(&self.connection, table, made, duplicate_code),
        }
    }

    /// Adds a constraint or index to a table that may have rows; `duplicate_code` is the error for equal keys.
    pub(super) fn add_constraint(&mut self, table: &Table, definition: &ConstraintDef, duplicate_code: i32) -> Result<()> {
        let made = self.make_constraint(table, definition)?;
        let name = format!("{}.{}", table.owner, made.name);
        match made.kind {
            ConstraintKind::Primary => {
                for index in &made.columns {
                    if self.has_row(table, &format!("c{index} IS NULL"))? {
                        return Err(OraError::new(1449, "column contains NULL values; cannot alter to NOT NULL"));
                    }
                    let sql = "UPDATE ora_column SET nullable = 0 WHERE table_id = ? AND position = ?";
                    self.connection.execute(sql, params![table.id, *index as i64])?;
                }
            }
            ConstraintKind::Check => {
                let (condition, _) = self.check_condition(table, made.condition.as_deref().unwrap_or_default())?;
                let text = format!("SELECT EXISTS (SELECT 1 FROM {} AS \"NEW\" WHERE NOT ({condition}))", table.storage_name());
                if self.connection.query_row(&text, [], |row| row.get(0))? {
                    return Err(OraError::new(2293, format_args!("cannot validate ({name}) - check constraint violated")));
                }
            }
            ConstraintKind::Foreign => {
                let orphan = Ends::find(&self.catalog, table, &made).map(|ends| ends.orphan(&table.storage_name()));
                if self.has_row(table, &orphan.unwrap_or_default())? {
                    return Err(OraError::new(2298, format_args!("cannot validate ({name}) - parent keys not found")));
                }
            }
            _ => {}
        }
        let duplicate_code = match made.kind {
            ConstraintKind::Primary => 2437,
            ConstraintKind::Unique => 2299,
            _ => duplicate_code,
        };
        self.enforce(table, &made, duplicate_code)?;
        Catalog::insert_constraint(&self.connection, table.id, &made)?;
        self.reload()
    }

    /// CREATE INDEX.
    pub(in super::super) fn add_index(&mut self, table: &Table, definition: &ConstraintDef) -> Result<()> {
        if table.is_temporary() {
            let made = self.make_constraint(table, definition)?;
            self.connection.execute_batch(&format!("DROP TABLE IF EXISTS temp.{}", table.storage_name()))?;
            return Catalog::insert_constraint(&self.connection, table.id, &made);
        }
        self.add_constraint(table, definition, 1452)
    }

    /// Whether a table has a row for which a condition of SQLite holds.
    pub(super) fn has_row(&self, table: &Table, condition: &str) -> Result<bool> {
        let text = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {condition})", table.storage_name());
        Ok(self.connection.query_row(&text, [], |row| row.get(0))?)
    }

    /// Drops a constraint, and with `cascade` the foreign keys that refer to it.
    pub(super) fn drop_constraint(&mut self, table: &Table, constraint: &Constraint, cascade: bool) -> Result<()> {
        let referring = self.catalog.referring(table);
        let referring: Vec<_> = referring
            .iter()
            .filter(|(_, item)| item.references.is_some_and(|reference| reference.constraint == constraint.id) && item.id != constraint.id)
            .collect();
        if !referring.is_empty() && !cascade {
            return Err(OraError::new(2273, "this unique/primary key is referenced by some foreign keys"));
        }
        for (_, item) in referring {
            rules::drop_rules(&self.connection, item)?;
            Catalog::delete_constraint(&self.connection, item.id)?;
        }
        rules::drop_rules(&self.connection, constraint)?;
        if constraint.kind.has_index() {
            self.connection.execute_batch(&format!("DROP INDEX u{}", constraint.id))?;
        }
        Catalog::delete_constraint(&self.connection, constraint.id)?;
        if matches!(constraint.kind, ConstraintKind::NotNull | ConstraintKind::Primary) {
            for index in &constraint.columns {
                let still = table.constraints.iter().any(|item| {
                    item.id != constraint.id
                        && matches!(item.kind, ConstraintKind::NotNull | ConstraintKind::Primary)
                        && item.columns.contains(index)
                });
                if !still {
                    let sql = "UPDATE ora_column SET nullable = 1 WHERE table_id = ? AND position = ?";
                    self.connection.execute(sql, params![table.id, *index as i64])?;
                }
            }
        }
        self.reload()
    }

    /// DROP INDEX.
    pub(in super::super) fn drop_index(&mut self, index: &ObjectName) -> Result<()> {
        let owner = index.schema.as_deref().unwrap_or(&self.schema);
        let missing = || OraError::new(1418, "specified index does not exist").at(Some(index.offset));
        let (_, found) = self.catalog.find_constraint(owner, &index.name).filter(|(_, item)| item.kind.has_index()).ok_or_else(missing)?;
        if found.kind.is_constraint() {
            return Err(OraError::new(2429, "cannot drop index used for enforcement of unique/primary key"));
        }
        self.connection.execute_batch(&format!("DROP INDEX IF EXISTS u{}", found.id))?;
        Catalog::delete_constraint(&self.connection, found.id)
    }
}

fn check_key_type(table: &Table, index: usize, kind: ConstraintKind) -> Result<()> {
    let family = table.columns[index].data_type.family();
    if kind != ConstraintKind::NotNull && matches!(family, Family::Clob | Family::Blob) {
        return Err(OraError::new(2329, "column of datatype LOB cannot be unique or a primary key"));
    }
    if matches!(kind, ConstraintKind::Primary | ConstraintKind::Unique) && family == Family::TimestampTz {
        return Err(OraError::new(2329, "column of datatype TIME/TIMESTAMP WITH TIME ZONE cannot be unique or a primary key"));
    }
    Ok(())
}

/// One primary key, and one index for a list of columns.
fn check_only_key(table: &Table, made: &Constraint) -> Result<()> {
    if made.kind == ConstraintKind::Primary && table.constraints.iter().any(|item| item.kind == ConstraintKind::Primary) {
        return Err(OraError::new(2260, "table can have only one primary key"));
    }
    let same = |item: &Constraint| item.kind.has_index() && item.columns == made.columns;
    if !made.kind.has_index() || !table.constraints.iter().any(same) {
        return Ok(());
    }
    Err(if made.kind.is_constraint() {
        OraError::new(2261, "such unique or primary key already exists in the table")
    } else {
        OraError::new(1408, "such column list already indexed")
    })
}

/// The index of a key. Oracle counts keys as equal when their NULLs stand in the same places and not all are NULL; SQLite never does:
/// composite keys with nullable columns index '' for NULL, which no column can hold.
pub(super) fn create_index(connection: &Connection, table: &Table, constraint: &Constraint, duplicate_code: i32) -> Result<()> {
    let nullable: Vec<usize> = constraint.columns.iter().copied().filter(|index| table.columns[*index].nullable).collect();
    let folded = constraint.kind.is_unique() && constraint.columns.len() > 1 && !nullable.is_empty();
    let key = |index: &usize| if folded && nullable.contains(index) { format!("ifnull(c{index}, '')") } else { format!("c{index}") };
    let keys = constraint.columns.iter().map(key).collect::<Vec<_>>().join(", ");
    let partial = if folded && nullable.len() == constraint.columns.len() {
        format!(" WHERE {}", nullable.iter().map(|index| format!("c{index} IS NOT NULL")).collect::<Vec<_>>().join(" OR "))
    } else {
        String::new()
    };
    let unique = if constraint.kind.is_unique() { "UNIQUE " } else { "" };
    let schema = if table.is_temporary() { "temp." } else { "" };
    let text = format!("CREATE {unique}INDEX {schema}u{} ON {} ({keys}){partial}", constraint.id, table.storage_name());
    connection.execute_batch(&text).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => {
            let name = format!("{}.{}", table.owner, constraint.name);
            match duplicate_code {
                2437 => OraError::new(2437, format_args!("cannot validate ({name}) - primary key violated")),
                2299 => OraError::new(2299, format_args!("cannot validate ({name}) - duplicate keys found")),
                code => OraError::new(code, "cannot CREATE UNIQUE INDEX; duplicate keys found"),
            }
        }
        _ => error.into(),
    })
}
