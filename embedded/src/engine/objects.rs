//! Views and CREATE TABLE … AS.

use rusqlite::params;

use super::catalog::{Catalog, ConstraintKind};
use super::ddl::{ColumnDef, ConstraintDef, Lifetime};
use super::session::Session;
use super::tokens::ObjectName;
use super::types::DataType;
use super::{OraError, Result, StatementKind};

impl Session {
    /// CREATE TABLE … AS query: the types of its columns, NOT NULL where the columns of tables are, and its rows.
    pub(super) fn create_table_as(&mut self, name: &ObjectName, query: &str, lifetime: Lifetime) -> Result<()> {
        let described = self.prepare(query)?;
        if described.shape().kind != StatementKind::Select {
            return Err(OraError::new(928, "missing SELECT keyword"));
        }
        let (mut columns, mut constraints) = (Vec::new(), Vec::new());
        for (index, column) in described.columns().iter().enumerate() {
            match column.data_type {
                DataType::Varchar2 { size: 0, .. } => return Err(OraError::new(1723, "zero-length columns are not allowed")),
                DataType::Long | DataType::LongRaw => return Err(OraError::new(997, "illegal use of LONG datatype")),
                _ => {}
            }
            if column.name.contains(|character: char| !(character.is_alphanumeric() || "_$#".contains(character))) {
                return Err(OraError::new(998, "must name this expression with a column alias"));
            }
            if !column.nullable && described.is_plain_column(index) {
                constraints.push(ConstraintDef::new(ConstraintKind::NotNull, vec![column.name.clone()]));
            }
            columns.push(ColumnDef {
                name: column.name.clone(),
                data_type: column.data_type,
                default: None,
                default_on_null: false,
                identity: None,
            });
        }
        if lifetime.is_private() {
            constraints.clear();
        }
        self.create_table(name, &columns, &constraints, lifetime)?;
        self.reload()?;
        let table = self.find(name)?;
        let mut insert = self.prepare(&format!("INSERT INTO \"{}\".\"{}\" {query}", table.owner, table.name))?;
        self.execute(&mut insert, &[]).map(drop)
    }

    /// CREATE [OR REPLACE] VIEW.
    pub(super) fn create_view(&mut self, name: &ObjectName, names: &[String], query: &str, replace: bool) -> Result<()> {
        let owner = name.schema.clone().unwrap_or_else(|| self.schema.clone());
        let known = self.catalog.view(&owner, &name.name).map(|view| view.id);
        match known {
            Some(id) if replace => {
                self.connection.execute("DELETE FROM ora_text WHERE id = ?", [id])?;
                self.connection.execute("DELETE FROM ora_text WHERE kind = 'M' AND owner = ?", [id.to_string()])?;
            }
            _ => self.check_free(&owner, &name.name).map_err(|error| error.at(Some(name.offset)))?,
        }
        let described = self.prepare(query)?;
        if described.shape().kind != StatementKind::Select {
            return Err(OraError::new(928, "missing SELECT keyword"));
        }
        if !described.shape().binds.is_empty() {
            return Err(OraError::new(1027, "bind variables not allowed for data definition operations"));
        }
        if !names.is_empty() && names.len() != described.columns().len() {
            return Err(OraError::new(1730, "invalid number of column names specified"));
        }
        let id = known.map_or_else(|| Catalog::next_id(&self.connection), Ok)?;
        let sql = "INSERT INTO ora_text VALUES (?, 'V', ?, ?, ?, ?)";
        self.connection.execute(sql, params![id, owner, name.name, query, names.join("\n")])?;
        Ok(())
    }

    /// DROP VIEW.
    pub(super) fn drop_view(&mut self, name: &ObjectName) -> Result<()> {
        let owner = name.schema.as_deref().unwrap_or(&self.schema);
        let view = self.catalog.view(owner, &name.name).ok_or_else(|| OraError::no_table().at(Some(name.offset)))?;
        self.connection.execute("DELETE FROM ora_text WHERE id = ?", [view.id])?;
        Ok(())
    }
}
