//! ALTER TABLE.

use super::super::catalog::{Catalog, Column, Constraint, ConstraintKind, Table};
use super::super::ddl::{ColumnChange, ColumnDef, ConstraintDef, TableChange};
use super::super::session::Session;
use super::super::tokens::ObjectName;
use super::super::types::DataType;
use super::super::{OraError, Result, parse, undo};
use super::rules;
use super::table::{affinity, storage_columns};

impl Session {
    pub(in super::super) fn alter_table(&mut self, name: &ObjectName, change: &TableChange) -> Result<()> {
        let table = self.find(name)?;
        let constraint = |wanted: &dyn Fn(&Constraint) -> bool, code: i32, text: &str| {
            table
                .constraints
                .iter()
                .find(|item| item.kind.is_constraint() && wanted(item))
                .cloned()
                .ok_or_else(|| OraError::new(code, text))
        };
        if table.is_temporary() && !matches!(change, TableChange::Rename(_) | TableChange::Nothing) {
            return Err(OraError::unsupported("ALTER TABLE of a temporary table"));
        }
        match change {
            TableChange::Rename(to) => self.rename(name, to),
            TableChange::Add { columns, constraints } => self.add_columns(table, columns, constraints),
            TableChange::Modify(changes) => changes.iter().try_for_each(|change| self.modify_column(name, change)),
            TableChange::DropColumns { columns, cascade } => self.drop_columns(&table, columns, *cascade),
            TableChange::DropConstraint { name, cascade } => {
                let found = constraint(&|item| item.name == *name, 2443, "Cannot drop constraint  - nonexistent constraint")?;
                self.drop_constraint(&table, &found, *cascade)
            }
            TableChange::DropPrimaryKey { cascade } => {
                let found = constraint(&|item| item.kind == ConstraintKind::Primary, 2441, "Cannot drop nonexistent primary key")?;
                self.drop_constraint(&table, &found, *cascade)
            }
            TableChange::DropUnique { columns, cascade } => {
                let places: Vec<_> = columns.iter().filter_map(|column| table.column_index(column)).collect();
                let is_it = |item: &Constraint| item.kind == ConstraintKind::Unique && item.columns == places;
                let found = constraint(&is_it, 2442, "Cannot drop nonexistent unique key")?;
                self.drop_constraint(&table, &found, *cascade)
            }
            TableChange::RenameColumn { from, to } => self.rename_column(&table, from, to),
            TableChange::RenameConstraint { from, to } => {
                let found = constraint(&|item| item.name == *from, 23292, "The constraint does not exist")?;
                if self.catalog.find_constraint(&table.owner, to).is_some() {
                    return Err(OraError::new(2264, "name already used by an existing constraint"));
                }
                self.connection
                    .execute("UPDATE ora_constraint SET name = ?, generated = 0 WHERE id = ?", rusqlite::params![to, found.id])?;
                self.reload()?;
                // Triggers say the name.
                let table = self.find(name)?;
                match table.constraints.iter().find(|item| item.id == found.id) {
                    Some(renamed) if matches!(renamed.kind, ConstraintKind::Check | ConstraintKind::Foreign) => {
                        rules::drop_rules(&self.connection, renamed)?;
                        self.enforce(&table, renamed, 1452)
                    }
                    _ => Ok(()),
                }
            }
            TableChange::Nothing => Ok(()),
        }
    }

    fn add_columns(&mut self, mut table: Table, columns: &[ColumnDef], constraints: &[ConstraintDef]) -> Result<()> {
        if !columns.is_empty() {
            undo::end_table(&self.connection, &table)?;
        }
        for column in columns {
            let mut made = self.make_column(&table, column).map_err(|error| {
                if error.code == 957 { OraError::new(1430, "column being added already exists in table") } else { error }
            })?;
            let is_required = |item: &ConstraintDef| {
                matches!(item.kind, ConstraintKind::NotNull | ConstraintKind::Primary) && item.columns == [column.name.clone()]
            };
            let required = column.identity.is_some() || column.default_on_null || constraints.iter().any(is_required);
            if required && column.default.is_none() && column.identity.is_none() && self.has_row(&table, "1")? {
                return Err(OraError::new(1758, "table must be empty to add mandatory (NOT NULL) column"));
            }
            made.nullable = !required;
            let position = table.columns.len();
            let storage = table.storage_name();
            self.connection.execute_batch(&format!("ALTER TABLE {storage} ADD COLUMN c{position} {}", affinity(made.data_type)))?;
            Catalog::put_column(&self.connection, table.id, position, &made)?;
            table.columns.push(made);
            self.reload()?;
            self.fill_default(&table, position)?;
        }
        if !columns.is_empty() {
            undo::begin_table(&self.connection, &table)?;
        }
        let implied = columns.iter().filter(|column| column.identity.is_some() || column.default_on_null);
        let implied: Vec<_> = implied.map(|column| ConstraintDef::new(ConstraintKind::NotNull, vec![column.name.clone()])).collect();
        for constraint in implied.iter().chain(constraints) {
            let table = self.catalog.tables.values().find(|known| known.id == table.id).map(|table| table.as_ref().clone());
            let table = table.ok_or_else(OraError::no_table)?;
            self.add_constraint(&table, constraint, 1452)?;
        }
        Ok(())
    }

    /// Gives the rows that are there the default of a new column.
    fn fill_default(&mut self, table: &Table, position: usize) -> Result<()> {
        let column = &table.columns[position];
        let Some(default) = &column.default else { return Ok(()) };
        let (text, sequences) = self.default_value(column, default)?;
        self.sequences.load(&self.connection, &sequences)?;
        self.connection.execute(&format!("UPDATE {} SET c{position} = {text}", table.storage_name()), [])?;
        self.sequences.settle()
    }

    fn modify_column(&mut self, name: &ObjectName, change: &ColumnChange) -> Result<()> {
        let mut table = self.find(name)?;
        let invalid = || OraError::invalid_identifier(format_args!("\"{}\"", change.name));
        let position = table.column_index(&change.name).ok_or_else(invalid)?;
        let is_required = |item: &Constraint| item.kind == ConstraintKind::NotNull && item.columns == [position];
        let required = table.constraints.iter().find(|item| is_required(item)).cloned();
        if let Some(default) = &change.default {
            parse::expression(default)?;
            table.columns[position].default = Some(default.clone());
            Catalog::put_column(&self.connection, table.id, position, &table.columns[position])?;
        }
        if let Some(data_type) = change.data_type
            && data_type != table.columns[position].data_type
        {
            self.change_type(&mut table, position, data_type)?;
        }
        if change.becomes_nullable {
            let required = required.ok_or_else(|| OraError::new(1451, "column to be modified to NULL cannot be modified to NULL"))?;
            return self.drop_constraint(&table, &required, false);
        }
        for constraint in &change.constraints {
            if constraint.kind == ConstraintKind::NotNull {
                if !table.columns[position].nullable {
                    return Err(OraError::new(1442, "column to be modified to NOT NULL is already NOT NULL"));
                }
                if self.has_row(&table, &format!("c{position} IS NULL"))? {
                    let owner = &table.owner;
                    return Err(OraError::new(2296, format_args!("cannot enable ({owner}.) - null values found")));
                }
                let sql = "UPDATE ora_column SET nullable = 0 WHERE table_id = ? AND position = ?";
                self.connection.execute(sql, rusqlite::params![table.id, position as i64])?;
            }
            self.add_constraint(&table, constraint, 1452)?;
        }
        self.reload()
    }

    /// Another type for a column: what is there has to be fit for it, or nothing may be there.
    fn change_type(&mut self, table: &mut Table, position: usize, to: DataType) -> Result<()> {
        let from = table.columns[position].data_type;
        let has_values = self.has_row(table, &format!("c{position} IS NOT NULL"))?;
        if has_values {
            check_fits(self, table, position, from, to)?;
        }
        undo::end_table(&self.connection, table)?;
        let fitted = match to {
            DataType::Char { .. } if has_values => format!("o_fit(c{position}, '{to}')"),
            // Text that was padded stays so, as Oracle keeps it.
            _ => format!("c{position}"),
        };
        let mut expressions: Vec<String> = (0..table.columns.len()).map(|index| format!("c{index}")).collect();
        expressions[position] = fitted;
        table.columns[position].data_type = to;
        Catalog::put_column(&self.connection, table.id, position, &table.columns[position])?;
        self.rebuild(table, &expressions)
    }

    fn drop_columns(&mut self, table: &Table, names: &[String], cascade: bool) -> Result<()> {
        let mut dropped = Vec::new();
        for name in names {
            let invalid = || OraError::invalid_identifier(format_args!("\"{name}\""));
            dropped.push(table.column_index(name).ok_or_else(invalid)?);
        }
        if dropped.len() >= table.columns.len() {
            return Err(OraError::new(12983, "cannot drop all columns in a table"));
        }
        let mut after = table.clone();
        for constraint in &table.constraints {
            if !constraint.columns.iter().any(|column| dropped.contains(column)) {
                continue;
            }
            let all_go = constraint.columns.iter().all(|column| dropped.contains(column));
            if constraint.kind.is_constraint() && !all_go && !cascade {
                return Err(OraError::new(12991, "column is referenced in a multi-column constraint"));
            }
            let is_referred = self
                .catalog
                .referring(table)
                .iter()
                .any(|(_, item)| item.references.is_some_and(|reference| reference.constraint == constraint.id));
            if is_referred && !cascade {
                return Err(OraError::new(12992, "cannot drop parent key column"));
            }
            self.drop_constraint(table, constraint, cascade)?;
            after.constraints.retain(|item| item.id != constraint.id);
        }
        undo::end_table(&self.connection, table)?;
        let kept: Vec<usize> = (0..table.columns.len()).filter(|index| !dropped.contains(index)).collect();
        after.columns = kept.iter().map(|index| table.columns[*index].clone()).collect();
        for constraint in &mut after.constraints {
            constraint.columns = constraint.columns.iter().filter_map(|old| kept.iter().position(|index| index == old)).collect();
        }
        for index in &dropped {
            Catalog::set_comment(&self.connection, table.id, &table.columns[*index].name, "")?;
        }
        if let Some(sequence) = dropped.iter().find_map(|index| {
            table.columns[*index].identity.and_then(|_| self.catalog.sequence(&table.owner, &format!("ISEQ$$_{}", table.id)))
        }) {
            Catalog::delete_sequence(&self.connection, sequence.id)?;
        }
        let comments: Vec<_> =
            self.catalog.comments.iter().filter(|((id, _), _)| *id == table.id).map(|(key, text)| (key.1.clone(), text.clone())).collect();
        Catalog::delete_table(&self.connection, table.id)?;
        Catalog::insert_table(&self.connection, &after)?;
        for (column, text) in comments.iter().filter(|(column, _)| column.is_empty() || after.column_index(column).is_some()) {
            Catalog::set_comment(&self.connection, table.id, column, text)?;
        }
        let expressions: Vec<String> = kept.iter().map(|index| format!("c{index}")).collect();
        self.rebuild(&after, &expressions)
    }

    /// Makes the storage of a table anew; its columns are the expressions over what is there. The caller ended its undo.
    fn rebuild(&mut self, table: &Table, expressions: &[String]) -> Result<()> {
        let referring = self.catalog.referring(table);
        for constraint in table.constraints.iter().chain(referring.iter().map(|(_, constraint)| constraint)) {
            rules::drop_rules(&self.connection, constraint)?;
        }
        let (storage, id) = (table.storage_name(), table.id);
        let columns: String = (0..table.columns.len()).map(|index| format!(", c{index}")).collect();
        let values: String = expressions.iter().map(|expression| format!(", {expression}")).collect();
        self.connection.execute_batch(&format!(
            "CREATE TABLE n{id} ({}); INSERT INTO n{id} (rid, s{columns}) SELECT rid, s{values} FROM {storage};
             DROP TABLE {storage}; ALTER TABLE n{id} RENAME TO {storage};",
            storage_columns(table)
        ))?;
        undo::begin_table(&self.connection, table)?;
        self.reload()?;
        table.constraints.iter().try_for_each(|constraint| self.enforce(table, constraint, 1452))?;
        let others = referring.iter().filter(|(child, _)| child.id != table.id);
        others.into_iter().try_for_each(|(child, constraint)| self.enforce(child, constraint, 1452))
    }

    fn rename_column(&mut self, table: &Table, from: &str, to: &str) -> Result<()> {
        let position = table.column_index(from).ok_or_else(|| OraError::invalid_identifier(format_args!("\"{from}\"")))?;
        if table.column_index(to).is_some() {
            return Err(OraError::new(957, "duplicate column name"));
        }
        let in_check = |item: &&Constraint| item.kind == ConstraintKind::Check && item.columns.contains(&position);
        if let Some(check) = table.constraints.iter().find(in_check) {
            return Err(OraError::unsupported(format_args!("RENAME COLUMN of a column in the check constraint {}", check.name)));
        }
        let owner = table.id.to_string();
        let renamed = Column { name: to.to_owned(), ..table.columns[position].clone() };
        self.connection.execute("DELETE FROM ora_text WHERE kind = 'I' AND owner = ? AND name = ?", [owner.as_str(), from])?;
        self.connection.execute("UPDATE ora_text SET name = ? WHERE kind = 'M' AND owner = ? AND name = ?", [to, owner.as_str(), from])?;
        Catalog::put_column(&self.connection, table.id, position, &renamed)?;
        self.reload()
    }
}

/// Whether values of a column stay what they are in another type.
fn check_fits(session: &Session, table: &Table, position: usize, from: DataType, to: DataType) -> Result<()> {
    let too_long = || OraError::new(1441, "cannot decrease column length because some value is too big");
    match (from, to) {
        (
            DataType::Varchar2 { national: a, .. } | DataType::Char { national: a, .. },
            DataType::Varchar2 { national: b, .. } | DataType::Char { national: b, .. },
        ) if a == b => {
            let (size, unit) = match to {
                DataType::Varchar2 { size, unit, .. } | DataType::Char { size, unit, .. } => (size, unit),
                _ => return Ok(()),
            };
            let value = match (from, to) {
                (DataType::Char { .. }, DataType::Char { .. }) => format!("rtrim(c{position}, ' ')"),
                _ => format!("c{position}"),
            };
            let length = if unit == super::super::CharUnit::Byte && !a {
                format!("length(CAST({value} AS BLOB))")
            } else {
                format!("length({value})")
            };
            if session.has_row(table, &format!("{length} > {size}"))? { Err(too_long()) } else { Ok(()) }
        }
        (DataType::Raw { .. }, DataType::Raw { size }) => {
            if session.has_row(table, &format!("length(c{position}) > {size}"))? {
                Err(too_long())
            } else {
                Ok(())
            }
        }
        (DataType::Number { .. } | DataType::Float { .. }, DataType::NUMBER) => Ok(()),
        (DataType::Number { precision: Some(p), scale: Some(s) }, DataType::Number { precision: Some(q), scale: Some(t) })
            if t >= s && i16::from(q) - i16::from(t) >= i16::from(p) - i16::from(s) =>
        {
            Ok(())
        }
        (DataType::Number { .. }, DataType::Number { .. }) => {
            Err(OraError::new(1440, "column to be modified must be empty to decrease precision or scale"))
        }
        (DataType::Timestamp { digits: a }, DataType::Timestamp { digits: b })
        | (DataType::TimestampTz { digits: a }, DataType::TimestampTz { digits: b })
        | (DataType::TimestampLtz { digits: a }, DataType::TimestampLtz { digits: b })
            if b >= a =>
        {
            Ok(())
        }
        (DataType::Long, DataType::Clob | DataType::Nclob) | (DataType::LongRaw, DataType::Blob) => Ok(()),
        _ => Err(OraError::new(1439, "column to be modified must be empty to change datatype")),
    }
}
