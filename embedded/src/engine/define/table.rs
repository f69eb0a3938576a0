//! CREATE TABLE, DROP TABLE, TRUNCATE and RENAME.

use std::sync::Arc;

use rusqlite::params;

use super::super::catalog::{Catalog, Column, ConstraintKind, Table};
use super::super::ddl::{ColumnDef, ConstraintDef, Lifetime};
use super::super::session::Session;
use super::super::tokens::ObjectName;
use super::super::types::{DataType, Family};
use super::super::{OraError, Result, parse, undo};
use super::rules;

/// How SQLite declares a column: text compares by bytes, CHAR without trailing blanks.
pub(super) fn affinity(data_type: DataType) -> &'static str {
    match data_type.family() {
        Family::Char => "TEXT COLLATE RTRIM",
        Family::Text | Family::Clob | Family::Rowid => "TEXT",
        Family::Json | Family::Vector => "TEXT",
        _ => "BLOB",
    }
}

/// `rid INTEGER PRIMARY KEY, c0 …`: what the storage of a table is declared as.
pub(super) fn storage_columns(table: &Table) -> String {
    let columns: String =
        table.columns.iter().enumerate().map(|(index, column)| format!(", c{index} {}", affinity(column.data_type))).collect();
    format!("rid INTEGER PRIMARY KEY{columns}, s INTEGER NOT NULL DEFAULT 0")
}

impl Session {
    /// Reads the catalog again within the transaction that changes it.
    pub(in super::super) fn reload(&mut self) -> Result<()> {
        let mut catalog = Catalog::load(&self.connection)?;
        self.add_private_tables(&mut catalog);
        self.catalog = Arc::new(catalog);
        // Plans of before do not know the change.
        self.nls.epoch += 1;
        Ok(())
    }

    pub(in super::super) fn find(&self, name: &ObjectName) -> Result<Table> {
        let owner = name.schema.as_deref().unwrap_or(&self.schema);
        self.catalog.table(owner, &name.name).map(|table| table.as_ref().clone()).ok_or_else(|| OraError::no_table().at(Some(name.offset)))
    }

    /// ORA-00955 unless the name is free for a table or an index.
    pub(in super::super) fn check_free(&self, owner: &str, name: &str) -> Result<()> {
        let taken = self.catalog.table(owner, name).is_some()
            || self.catalog.view(owner, name).is_some()
            || self.catalog.sequence(owner, name).is_some()
            || self.catalog.find_constraint(owner, name).is_some_and(|(_, item)| item.kind.has_index());
        if taken { Err(OraError::new(955, "name is already used by an existing object")) } else { Ok(()) }
    }

    pub(in super::super) fn create_table(
        &mut self,
        name: &ObjectName,
        columns: &[ColumnDef],
        constraints: &[ConstraintDef],
        lifetime: Lifetime,
    ) -> Result<()> {
        let owner = name.schema.clone().unwrap_or_else(|| self.schema.clone());
        self.check_free(&owner, &name.name).map_err(|error| error.at(Some(name.offset)))?;
        if columns.len() > 1000 {
            return Err(OraError::new(1792, "maximum number of columns in a table or view is 1000"));
        }
        if lifetime.is_private() {
            return self.create_private_table(owner, &name.name, columns, constraints, lifetime);
        }
        let id = Catalog::next_id(&self.connection)?;
        let mut table = Table {
            id,
            data_id: id,
            owner,
            name: name.name.clone(),
            columns: Vec::new(),
            constraints: Vec::new(),
            lifetime,
            is_parent: false,
        };
        for column in columns {
            let made = self.make_column(&table, column)?;
            table.columns.push(made);
        }
        let implied = columns.iter().filter(|column| column.identity.is_some() || column.default_on_null);
        let implied = implied.map(|column| ConstraintDef::new(ConstraintKind::NotNull, vec![column.name.clone()]));
        let told =
            |wanted: &ConstraintDef| constraints.iter().any(|item| item.kind == ConstraintKind::NotNull && item.columns == wanted.columns);
        for definition in constraints.iter().cloned().chain(implied.filter(|wanted| !told(wanted))) {
            if lifetime != Lifetime::Permanent && definition.kind == ConstraintKind::Foreign {
                return Err(OraError::new(14455, "attempt to create referential integrity constraint on temporary table"));
            }
            let made = self.make_constraint(&table, &definition)?;
            if matches!(made.kind, ConstraintKind::Primary | ConstraintKind::NotNull) {
                made.columns.iter().for_each(|index| table.columns[*index].nullable = false);
            }
            table.constraints.push(made);
        }
        Catalog::insert_table(&self.connection, &table)?;
        if lifetime != Lifetime::Permanent {
            return Ok(());
        }
        let text = format!("CREATE TABLE {} ({})", table.storage_name(), storage_columns(&table));
        self.connection.execute_batch(&text)?;
        undo::begin_table(&self.connection, &table)?;
        table.constraints.iter().try_for_each(|constraint| self.enforce(&table, constraint, 1452))
    }

    /// A column as the catalog has it; the sequence of an identity column is made.
    pub(super) fn make_column(&self, table: &Table, column: &ColumnDef) -> Result<Column> {
        if table.column_index(&column.name).is_some() {
            return Err(OraError::new(957, "duplicate column name"));
        }
        self.release.check(column.data_type)?;
        let mut default = column.default.clone();
        if let Some(default) = &default {
            parse::expression(default)?;
        }
        if let Some(identity) = &column.identity {
            if table.columns.iter().any(|column| column.identity.is_some()) {
                return Err(OraError::new(30669, "table can have only one identity column"));
            }
            if !matches!(column.data_type, DataType::Number { .. }) {
                return Err(OraError::new(30675, "identity column must be a numeric type"));
            }
            default = Some(self.create_identity(table, &identity.sequence)?);
        }
        Ok(Column {
            name: column.name.clone(),
            data_type: column.data_type,
            nullable: true,
            default,
            default_on_null: column.default_on_null,
            identity: column.identity.as_ref().map(|identity| identity.always),
            full_name: format!("\"{}\".\"{}\".\"{}\"", table.owner, table.name, column.name),
        })
    }

    pub(in super::super) fn drop_table(&mut self, table: &Table, cascade: bool) -> Result<()> {
        if table.lifetime.is_private() {
            return self.drop_private_table(table);
        }
        let referring: Vec<_> = self.catalog.referring(table).into_iter().filter(|(child, _)| child.id != table.id).collect();
        if !referring.is_empty() && !cascade {
            return Err(OraError::new(2449, "unique/primary keys in table referenced by foreign keys"));
        }
        for (_, constraint) in &referring {
            rules::drop_rules(&self.connection, constraint)?;
            Catalog::delete_constraint(&self.connection, constraint.id)?;
        }
        table.constraints.iter().try_for_each(|constraint| rules::drop_rules(&self.connection, constraint))?;
        if table.columns.iter().any(|column| column.identity.is_some()) {
            let name = format!("ISEQ$$_{}", table.id);
            if let Some(sequence) = self.catalog.sequence(&table.owner, &name) {
                Catalog::delete_sequence(&self.connection, sequence.id)?;
            }
        }
        if table.is_temporary() {
            self.connection.execute_batch(&format!("DROP TABLE IF EXISTS temp.{}", table.storage_name()))?;
        } else {
            undo::end_table(&self.connection, table)?;
            self.connection.execute_batch(&format!("DROP TABLE {}", table.storage_name()))?;
        }
        Catalog::delete_table(&self.connection, table.id)
    }

    pub(in super::super) fn truncate_table(&mut self, table: &Table) -> Result<()> {
        if self.catalog.referring(table).iter().any(|(child, _)| child.id != table.id) {
            return Err(OraError::new(2266, "unique/primary keys in table referenced by enabled foreign keys"));
        }
        if table.is_temporary() {
            self.ensure_temporary(table)?;
            self.connection.execute_batch(&format!("DELETE FROM {}", table.storage_name()))?;
            return Ok(());
        }
        undo::end_table(&self.connection, table)?;
        // A foreign key of the table to itself holds for no rows at all.
        let own: Vec<_> = table.constraints.iter().filter(|item| item.kind == ConstraintKind::Foreign).collect();
        own.iter().try_for_each(|constraint| rules::drop_rules(&self.connection, constraint))?;
        self.connection.execute_batch(&format!("DELETE FROM {}", table.storage_name()))?;
        own.iter().try_for_each(|constraint| self.enforce(table, constraint, 1452))?;
        Catalog::new_segment(&self.connection, table.id)?;
        undo::begin_table(&self.connection, table)
    }

    /// RENAME a TO b: a table, a view or a sequence.
    pub(in super::super) fn rename(&mut self, from: &ObjectName, name: &str) -> Result<()> {
        let owner = from.schema.clone().unwrap_or_else(|| self.schema.clone());
        let (sql, id) = if let Some(table) = self.catalog.table(&owner, &from.name) {
            ("UPDATE ora_table SET name = ?2 WHERE id = ?1", table.id)
        } else if let Some(view) = self.catalog.view(&owner, &from.name) {
            ("UPDATE ora_text SET name = ?2 WHERE id = ?1 AND kind = 'V'", view.id)
        } else if let Some(sequence) = self.catalog.sequence(&owner, &from.name) {
            ("UPDATE ora_text SET name = ?2 WHERE id = ?1 AND kind = 'S'", sequence.id)
        } else {
            return Err(OraError::new(4043, format_args!("object {} does not exist", from.name)).at(Some(from.offset)));
        };
        self.check_free(&owner, name)?;
        self.connection.execute(sql, params![id, name])?;
        Ok(())
    }
}
