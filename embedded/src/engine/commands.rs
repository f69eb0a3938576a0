//! DDL, transaction control and ALTER SESSION.

use std::time::Duration;

use rusqlite::Connection;

use super::catalog::{Catalog, Column, Constraint, ConstraintKind, Table};
use super::ddl::{ColumnDef, Command, ConstraintDef};
use super::session::Session;
use super::tokens::ObjectName;
use super::types::{DataType, Family};
use super::{OraError, Result, parse, password, undo};

impl Session {
    /// Runs a command. DDL commits what was open, and itself.
    pub(super) fn run_command(&mut self, command: &Command) -> Result<()> {
        if command.is_ddl() {
            self.commit()?;
            self.begin()?;
            let result = self.ddl(command).and_then(|()| Catalog::bump(&self.connection)).and_then(|()| self.commit());
            if result.is_err() {
                self.rollback()?;
            }
            self.refresh()?;
            return result;
        }
        match command {
            Command::Commit => self.commit(),
            Command::Rollback => self.rollback(),
            Command::Savepoint { name } => {
                self.begin()?;
                Ok(self.connection.execute_batch(&format!("SAVEPOINT {}", savepoint(name)))?)
            }
            Command::RollbackTo { name } => {
                let missing = || OraError::new(1086, format_args!("savepoint '{name}' never established in this session or is invalid"));
                if !self.in_transaction() {
                    return Err(missing());
                }
                self.connection
                    .execute_batch(&format!("ROLLBACK TO {}", savepoint(name)))
                    .map_err(|error| if error.to_string().contains("no such savepoint") { missing() } else { error.into() })
            }
            Command::KillSession { sid, serial } => match self.activity.kill(*sid, *serial) {
                true => Ok(()),
                false => Err(OraError::new(30, "User session ID does not exist.")),
            },
            Command::AlterSession { settings } => settings.iter().try_for_each(|(name, value)| self.set(name, value)),
            _ => Err(OraError::internal("command")),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "CURRENT_SCHEMA" => (self.schema, self.schema_is_chosen) = (value.to_owned(), true),
            "DDL_LOCK_TIMEOUT" => {
                let seconds = value.parse().map_err(|_| OraError::new(2248, "invalid option for ALTER SESSION"))?;
                self.set_lock_timeout(Duration::from_secs(seconds))?;
            }
            "EDITION" => self.set_edition(value)?,
            "TIME_ZONE" => self.nls.set(name, value)?,
            _ if name.starts_with("NLS_") => self.nls.set(name, value)?,
            _ => return Err(OraError::unsupported(format_args!("ALTER SESSION SET {name}"))),
        }
        Ok(())
    }

    /// There is one edition for each that `CREATE EDITION` made, and ORA$BASE; without editioned objects they only have names.
    pub fn set_edition(&mut self, name: &str) -> Result<()> {
        let name = name.to_uppercase();
        if name != "ORA$BASE" && !self.catalog.editions.contains(&name) {
            return Err(OraError::new(38802, "edition does not exist"));
        }
        self.set_context("CURRENT_EDITION_NAME", &name);
        Ok(())
    }

    fn ddl(&mut self, command: &Command) -> Result<()> {
        match command {
            Command::CreateTable { table, columns, constraints } => self.create_table(table, columns, constraints),
            Command::CreateTableAs { table, query } => self.create_table_as(table, query),
            Command::CreateView { view, names, query, replace } => self.create_view(view, names, query, *replace),
            Command::DropView { view } => self.drop_view(view),
            Command::AddConstraint { table, constraint } => {
                let table = self.find(table)?;
                let made = self.make_constraint(&table, constraint)?;
                self.add_index(&table, &made, 2437)
            }
            Command::CreateIndex { index, table, unique, columns } => {
                let kind = if *unique { ConstraintKind::UniqueIndex } else { ConstraintKind::Index };
                let table = self.find(table)?;
                let made =
                    self.make_constraint(&table, &ConstraintDef { name: Some(index.name.clone()), kind, columns: columns.clone() })?;
                self.add_index(&table, &made, 1452)
            }
            Command::DropIndex { index } => self.drop_index(index),
            Command::DropTable { table, if_exists } => match self.find(table) {
                Err(error) if error.code == 942 && *if_exists => Ok(()),
                found => {
                    let table = found?;
                    undo::end_table(&self.connection, &table)?;
                    self.connection.execute_batch(&format!("DROP TABLE {}", table.storage_name()))?;
                    Catalog::delete_table(&self.connection, table.id)
                }
            },
            Command::Truncate { table } => {
                let table = self.find(table)?;
                undo::end_table(&self.connection, &table)?;
                self.connection.execute_batch(&format!("DELETE FROM {}", table.storage_name()))?;
                undo::begin_table(&self.connection, &table)
            }
            Command::Rename { table, name } => {
                let table = self.find(table)?;
                self.check_free(&table.owner, name)?;
                self.connection.execute("UPDATE ora_table SET name = ?2 WHERE id = ?1", rusqlite::params![table.id, name])?;
                Ok(())
            }
            Command::DropUnit { kind, unit } => self.drop_unit(*kind, unit),
            Command::CreateEdition { name } => {
                if name == "ORA$BASE" || self.catalog.editions.contains(name) {
                    return Err(OraError::new(955, "name is already used by an existing object"));
                }
                let id = Catalog::next_id(&self.connection)?;
                self.connection.execute("INSERT INTO ora_text VALUES (?, 'E', 'SYS', ?, '', '')", rusqlite::params![id, name])?;
                Ok(())
            }
            Command::SetUser { name, password, create } => self.set_user(name, password, *create),
            _ => Err(OraError::internal("command")),
        }
    }

    fn set_user(&mut self, name: &str, password: &str, create: bool) -> Result<()> {
        if create && self.catalog.users.contains_key(name) {
            return Err(OraError::new(1920, format_args!("user name '{name}' conflicts with another user or role name")));
        }
        let exists =
            self.catalog.users.contains_key(name) || *name == *self.user || self.catalog.tables.values().any(|table| table.owner == *name);
        if !create && !exists {
            return Err(OraError::new(1918, format_args!("user '{name}' does not exist")));
        }
        let salt: String = self.connection.query_row("SELECT hex(randomblob(8))", [], |row| row.get(0))?;
        let sealed = password::seal(password, &salt);
        self.connection.execute("INSERT INTO ora_user VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET password = ?2", [name, &sealed])?;
        Ok(())
    }

    pub(super) fn find(&self, name: &ObjectName) -> Result<Table> {
        let owner = name.schema.as_deref().unwrap_or(&self.schema);
        self.catalog.table(owner, &name.name).map(|table| table.as_ref().clone()).ok_or_else(|| OraError::no_table().at(Some(name.offset)))
    }

    /// ORA-00955 unless the name is free for a table or an index.
    pub(super) fn check_free(&self, owner: &str, name: &str) -> Result<()> {
        let taken = self.catalog.table(owner, name).is_some()
            || self.catalog.view(owner, name).is_some()
            || self.catalog.find_constraint(owner, name).is_some_and(|(_, item)| item.kind != ConstraintKind::NotNull);
        if taken { Err(OraError::new(955, "name is already used by an existing object")) } else { Ok(()) }
    }

    pub(super) fn create_table(&mut self, name: &ObjectName, columns: &[ColumnDef], constraints: &[ConstraintDef]) -> Result<()> {
        let owner = name.schema.clone().unwrap_or_else(|| self.schema.clone());
        self.check_free(&owner, &name.name).map_err(|error| error.at(Some(name.offset)))?;
        if columns.len() > 1000 {
            return Err(OraError::new(1792, "maximum number of columns in a table or view is 1000"));
        }
        let mut table =
            Table { id: Catalog::next_id(&self.connection)?, owner, name: name.name.clone(), columns: Vec::new(), constraints: Vec::new() };
        for column in columns {
            if table.column_index(&column.name).is_some() {
                return Err(OraError::new(957, "duplicate column name"));
            }
            if let Some(default) = &column.default {
                parse::expression(default)?;
            }
            let full_name = format!("\"{}\".\"{}\".\"{}\"", table.owner, table.name, column.name);
            table.columns.push(Column {
                name: column.name.clone(),
                data_type: column.data_type,
                nullable: true,
                default: column.default.clone(),
                full_name,
            });
        }
        for definition in constraints {
            let made = self.make_constraint(&table, definition)?;
            if matches!(made.kind, ConstraintKind::Primary | ConstraintKind::NotNull) {
                made.columns.iter().for_each(|index| table.columns[*index].nullable = false);
            }
            table.constraints.push(made);
        }
        let storage: String =
            table.columns.iter().enumerate().map(|(index, column)| format!(", c{index} {}", affinity(column.data_type))).collect();
        self.connection.execute_batch(&format!(
            "CREATE TABLE {} (rid INTEGER PRIMARY KEY{storage}, s INTEGER NOT NULL DEFAULT 0)",
            table.storage_name()
        ))?;
        Catalog::insert_table(&self.connection, &table)?;
        undo::begin_table(&self.connection, &table)?;
        table.constraints.iter().try_for_each(|constraint| create_index(&self.connection, &table, constraint, 1452))
    }

    /// Checks a constraint or index against its table and the names in use.
    fn make_constraint(&self, table: &Table, definition: &ConstraintDef) -> Result<Constraint> {
        let id = Catalog::next_id(&self.connection)?;
        let mut columns = Vec::new();
        for name in &definition.columns {
            let index = table.column_index(name).ok_or_else(|| OraError::invalid_identifier(format_args!("\"{name}\"")))?;
            if columns.contains(&index) {
                return Err(OraError::new(957, "duplicate column name"));
            }
            if definition.kind != ConstraintKind::NotNull && matches!(table.columns[index].data_type.family(), Family::Clob | Family::Blob)
            {
                return Err(OraError::new(2329, "column of datatype LOB cannot be unique or a primary key"));
            }
            if definition.kind.is_constraint()
                && definition.kind != ConstraintKind::NotNull
                && table.columns[index].data_type.family() == Family::TimestampTz
            {
                let text = "column of datatype TIME/TIMESTAMP WITH TIME ZONE cannot be unique or a primary key";
                return Err(OraError::new(2329, text));
            }
            columns.push(index);
        }
        if definition.kind == ConstraintKind::Primary && table.constraints.iter().any(|item| item.kind == ConstraintKind::Primary) {
            return Err(OraError::new(2260, "table can have only one primary key"));
        }
        if definition.kind != ConstraintKind::NotNull
            && table.constraints.iter().any(|item| item.kind != ConstraintKind::NotNull && item.columns == columns)
        {
            let (code, text) = if definition.kind.is_constraint() {
                (2261, "such unique or primary key already exists in the table")
            } else {
                (1408, "such column list already indexed")
            };
            return Err(OraError::new(code, text));
        }
        let name = definition.name.clone().unwrap_or_else(|| format!("SYS_C{id:07}"));
        let taken = table.constraints.iter().any(|item| item.name == name) || self.catalog.find_constraint(&table.owner, &name).is_some();
        if taken && definition.kind.is_constraint() {
            return Err(OraError::new(2264, "name already used by an existing constraint"));
        }
        if taken || (!definition.kind.is_constraint() && self.catalog.table(&table.owner, &name).is_some()) {
            return Err(OraError::new(955, "name is already used by an existing object"));
        }
        Ok(Constraint { id, name, kind: definition.kind, generated: definition.name.is_none(), columns })
    }

    /// Adds a constraint or index to a table that may have rows; `duplicate_code` is the error for equal keys.
    fn add_index(&mut self, table: &Table, made: &Constraint, duplicate_code: i32) -> Result<()> {
        if made.kind == ConstraintKind::Primary {
            for index in &made.columns {
                let nulls: bool = self.connection.query_row(
                    &format!("SELECT EXISTS (SELECT 1 FROM {} WHERE c{index} IS NULL)", table.storage_name()),
                    [],
                    |row| row.get(0),
                )?;
                if nulls {
                    return Err(OraError::new(1449, "column contains NULL values; cannot alter to NOT NULL"));
                }
                self.connection.execute(
                    "UPDATE ora_column SET nullable = 0 WHERE table_id = ? AND position = ?",
                    rusqlite::params![table.id, *index as i64],
                )?;
            }
        }
        let duplicate_code = if made.kind == ConstraintKind::Unique { 2299 } else { duplicate_code };
        create_index(&self.connection, table, made, duplicate_code)?;
        Catalog::insert_constraint(&self.connection, table.id, made)
    }

    fn drop_index(&mut self, index: &ObjectName) -> Result<()> {
        let owner = index.schema.as_deref().unwrap_or(&self.schema);
        let missing = || OraError::new(1418, "specified index does not exist").at(Some(index.offset));
        let (_, found) = self
            .catalog
            .find_constraint(owner, &index.name)
            .filter(|(_, item)| item.kind != ConstraintKind::NotNull)
            .ok_or_else(missing)?;
        if found.kind.is_constraint() {
            return Err(OraError::new(2429, "cannot drop index used for enforcement of unique/primary key"));
        }
        self.connection.execute_batch(&format!("DROP INDEX u{}", found.id))?;
        self.connection.execute("DELETE FROM ora_constraint WHERE id = ?", [found.id])?;
        Ok(())
    }
}

fn savepoint(name: &str) -> String {
    format!("\"p_{}\"", name.replace('"', "\"\""))
}

/// How SQLite declares a column: text compares by bytes, CHAR without trailing blanks.
fn affinity(data_type: DataType) -> &'static str {
    match data_type.family() {
        Family::Char => "TEXT COLLATE RTRIM",
        Family::Text | Family::Clob | Family::Rowid => "TEXT",
        _ => "BLOB",
    }
}

/// The index of a key. Oracle counts keys as equal when their NULLs stand in the same places and not all are NULL; SQLite never does:
/// composite keys with nullable columns index '' for NULL, which no column can hold.
fn create_index(connection: &Connection, table: &Table, constraint: &Constraint, duplicate_code: i32) -> Result<()> {
    if constraint.kind == ConstraintKind::NotNull {
        return Ok(());
    }
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
    let text = format!("CREATE {unique}INDEX u{} ON {} ({keys}){partial}", constraint.id, table.storage_name());
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
