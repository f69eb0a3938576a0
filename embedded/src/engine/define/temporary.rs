//! Temporary tables: the rows of global ones, and private ones altogether, are in the session's own part of its connection.

use std::sync::Arc;

use super::super::catalog::{Catalog, ConstraintKind, Table};
use super::super::ddl::{ColumnDef, ConstraintDef, Lifetime};
use super::super::session::Session;
use super::super::{OraError, Result};
use super::constraint::create_index;
use super::rules;
use super::table::storage_columns;

/// Numbers of private tables, far from those that files give.
const FIRST_PRIVATE: i64 = 60_000_000_000;

impl Session {
    /// Makes the session's storage of a temporary table, unless it is there.
    pub(in super::super) fn ensure_temporary(&self, table: &Table) -> Result<()> {
        let exists = self
            .connection
            .prepare_cached("SELECT 1 FROM temp.sqlite_master WHERE type = 'table' AND name = ?")?
            .exists([table.storage_name()])?;
        if exists {
            return Ok(());
        }
        self.connection.execute_batch(&format!("CREATE TEMP TABLE {} ({})", table.storage_name(), storage_columns(table)))?;
        for constraint in &table.constraints {
            if constraint.kind.has_index() {
                create_index(&self.connection, table, constraint, 1452)?;
            } else if constraint.kind == ConstraintKind::Check {
                let (condition, _) = self.check_condition(table, constraint.condition.as_deref().unwrap_or_default())?;
                rules::create_check(&self.connection, table, constraint, &condition)?;
            }
        }
        Ok(())
    }

    /// CREATE PRIVATE TEMPORARY TABLE.
    pub(super) fn create_private_table(
        &mut self,
        owner: String,
        name: &str,
        columns: &[ColumnDef],
        constraints: &[ConstraintDef],
        lifetime: Lifetime,
    ) -> Result<()> {
        if !name.starts_with("ORA$PTT_") {
            return Err(OraError::new(903, "invalid table name"));
        }
        if !constraints.is_empty() || columns.iter().any(|column| column.default.is_some() || column.identity.is_some()) {
            return Err(OraError::new(14451, "unsupported feature with temporary table"));
        }
        let id = FIRST_PRIVATE + self.private_tables.len() as i64 + i64::from(self.private_dropped);
        let mut table = Table {
            id,
            data_id: id,
            owner,
            name: name.to_owned(),
            columns: Vec::new(),
            constraints: Vec::new(),
            lifetime,
            is_parent: false,
        };
        for column in columns {
            let made = self.make_column(&table, column)?;
            table.columns.push(made);
        }
        self.ensure_temporary(&table)?;
        self.private_tables.push(Arc::new(table));
        self.show_private_tables();
        Ok(())
    }

    pub(super) fn drop_private_table(&mut self, table: &Table) -> Result<()> {
        self.connection.execute_batch(&format!("DROP TABLE IF EXISTS temp.{}", table.storage_name()))?;
        let before = self.private_tables.len();
        self.private_tables.retain(|known| known.id != table.id);
        self.private_dropped += (before - self.private_tables.len()) as u32;
        let key = (table.owner.clone(), table.name.clone());
        Arc::make_mut(&mut self.catalog).tables.remove(&key);
        self.nls.epoch += 1;
        Ok(())
    }

    /// Puts the session's own tables into a catalog read from the file.
    pub(in super::super) fn add_private_tables(&self, catalog: &mut Catalog) {
        for table in &self.private_tables {
            catalog.tables.insert((table.owner.clone(), table.name.clone()), Arc::clone(table));
        }
    }

    fn show_private_tables(&mut self) {
        let mut catalog = self.catalog.as_ref().clone();
        self.add_private_tables(&mut catalog);
        self.catalog = Arc::new(catalog);
        self.nls.epoch += 1;
    }

    /// The transaction ended: rows, and private tables, that lived for it go.
    pub(in super::super) fn end_temporary(&mut self) -> Result<()> {
        for table in std::mem::take(&mut self.temporary_touched) {
            match table.lifetime {
                Lifetime::Transaction => self.connection.execute_batch(&format!("DELETE FROM temp.{}", table.storage_name()))?,
                _ => self.drop_private_table(&table)?,
            }
        }
        let gone: Vec<_> = self.private_tables.iter().filter(|table| table.lifetime == Lifetime::PrivateTransaction).cloned().collect();
        gone.iter().try_for_each(|table| self.drop_private_table(table))
    }
}
