//! DDL, transaction control and ALTER SESSION.

use std::time::Duration;

use super::catalog::{Catalog, ConstraintKind};
use super::ddl::{Command, ConstraintDef};
use super::session::Session;
use super::tokens::ObjectName;
use super::{OraError, Result};

impl Session {
    /// Runs a command. DDL commits what was open, and itself.
    pub(super) fn run_command(&mut self, command: &Command) -> Result<()> {
        if command.is_ddl() {
            self.commit()?;
            self.begin()?;
            let touched = self.touched(command);
            let result = self
                .ddl(command)
                .and_then(|()| Catalog::stamp(&self.connection, &touched))
                .and_then(|()| Catalog::bump(&self.connection))
                .and_then(|()| self.commit());
            if result.is_err() {
                self.rollback()?;
                // What was read of the catalog meanwhile never was.
                self.reload()?;
            }
            self.refresh()?;
            return result;
        }
        match command {
            Command::CreateTable { .. } | Command::CreateTableAs { .. } => self.ddl(command),
            Command::LockTable { tables, wait_s } => self.lock_tables(tables, *wait_s),
            Command::Commit => self.commit(),
            Command::Rollback => self.rollback(),
            Command::Savepoint { name } => self.set_savepoint(name),
            Command::RollbackTo { name } => self.roll_back_to(name),
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
            Command::CreateTable { table, columns, constraints, lifetime } => self.create_table(table, columns, constraints, *lifetime),
            Command::CreateTableAs { table, query, lifetime } => self.create_table_as(table, query, *lifetime),
            Command::CreateView { view, names, query, replace } => self.create_view(view, names, query, *replace),
            Command::DropView { view } => self.drop_view(view),
            Command::AlterTable { table, change } => self.alter_table(table, change),
            Command::CreateIndex { index, table, unique, columns } => {
                let kind = if *unique { ConstraintKind::UniqueIndex } else { ConstraintKind::Index };
                let table = self.find(table)?;
                let definition = ConstraintDef { name: Some(index.name.clone()), ..ConstraintDef::new(kind, columns.clone()) };
                self.add_index(&table, &definition)
            }
            Command::DropIndex { index } => self.drop_index(index),
            Command::DropTable { table, if_exists, cascade } => match self.find(table) {
                Err(error) if error.code == 942 && *if_exists => Ok(()),
                found => self.drop_table(&found?, *cascade),
            },
            Command::Truncate { table } => {
                let table = self.find(table)?;
                self.truncate_table(&table)
            }
            Command::DropUnit { kind, unit } => self.drop_unit(*kind, unit),
            Command::Rename { table, name } => self.rename(table, name),
            Command::CreateSequence { sequence, options } => self.create_sequence(sequence, options),
            Command::AlterSequence { sequence, options } => self.alter_sequence(sequence, options),
            Command::DropSequence { sequence } => self.drop_sequence(sequence),
            Command::Comment { table, column, text } => self.comment(table, column.as_deref(), text),
            Command::Grant { object, users } => self.grant(object.as_ref(), users),
            Command::CreateEdition { name } => {
                if name == "ORA$BASE" || self.catalog.editions.contains(name) {
                    return Err(OraError::new(955, "name is already used by an existing object"));
                }
                let id = Catalog::next_id(&self.connection)?;
                self.connection.execute("INSERT INTO ora_text VALUES (?, 'E', 'SYS', ?, '', '')", rusqlite::params![id, name])?;
                Ok(())
            }
            Command::SetUser { name, password, create } => self.set_user(name, password, *create),
            Command::ConnectThrough { client, proxy, granted } => self.connect_through(client, proxy, *granted),
            Command::DropUser { name, cascade } => self.drop_user(name, *cascade),
            _ => Err(OraError::internal("command")),
        }
    }

    /// Numbers of objects that a command concerns, and whether it changes what they are.
    fn touched(&self, command: &Command) -> Vec<(i64, bool)> {
        let catalog = &self.catalog;
        let find = |name: &ObjectName| {
            let owner = name.schema.as_deref().unwrap_or(&self.schema);
            let table = catalog.table(owner, &name.name).map(|table| table.id);
            let view = || catalog.view(owner, &name.name).map(|view| view.id);
            let sequence = || catalog.sequence(owner, &name.name).map(|sequence| sequence.id);
            table.or_else(view).or_else(sequence)
        };
        let (object, is_spec) = match command {
            Command::AlterTable { table, .. } | Command::Rename { table, .. } => (find(table), true),
            Command::Truncate { table } | Command::CreateIndex { table, .. } => (find(table), false),
            Command::CreateView { view, .. } => (find(view), true),
            Command::AlterSequence { sequence, .. } => (find(sequence), true),
            Command::Grant { object: Some(object), .. } => (find(object), false),
            Command::DropIndex { index } => {
                let owner = index.schema.as_deref().unwrap_or(&self.schema);
                (catalog.find_constraint(owner, &index.name).map(|(table, _)| table.id), false)
            }
            _ => (None, false),
        };
        object.map(|id| (id, is_spec)).into_iter().collect()
    }

    /// LOCK TABLE: the file has one lock, for every table and mode.
    fn lock_tables(&mut self, tables: &[ObjectName], wait_s: Option<u64>) -> Result<()> {
        self.refresh()?;
        tables.iter().try_for_each(|table| self.find(table).map(drop))?;
        self.begin_waiting(wait_s.map(Duration::from_secs)).map(drop)
    }
}
