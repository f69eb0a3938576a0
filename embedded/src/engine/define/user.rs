//! Users, comments and privileges.

use super::super::catalog::Catalog;
use super::super::session::Session;
use super::super::tokens::ObjectName;
use super::super::{OraError, Result, password};

impl Session {
    /// CREATE USER and ALTER USER … IDENTIFIED BY.
    pub(in super::super) fn set_user(&mut self, name: &str, password: &str, create: bool) -> Result<()> {
        if create && self.catalog.users.contains_key(name) {
            return Err(OraError::new(1920, format_args!("user name '{name}' conflicts with another user or role name")));
        }
        if !create && !self.user_exists(name) {
            return Err(OraError::new(1918, format_args!("user '{name}' does not exist")));
        }
        let salt: String = self.connection.query_row("SELECT hex(randomblob(8))", [], |row| row.get(0))?;
        let sealed = password::seal(password, &salt);
        self.connection.execute("INSERT INTO ora_user VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET password = ?2", [name, &sealed])?;
        Ok(())
    }

    /// ALTER USER client GRANT or REVOKE CONNECT THROUGH proxy.
    pub(in super::super) fn connect_through(&mut self, client: &str, proxy: &str, granted: bool) -> Result<()> {
        if let Some(name) = [client, proxy].into_iter().find(|name| !self.user_exists(name)) {
            return Err(OraError::new(1918, format_args!("user '{name}' does not exist")));
        }
        self.connection.execute("DELETE FROM ora_text WHERE kind = 'P' AND owner = ? AND name = ?", [client, proxy])?;
        if granted {
            let id = Catalog::next_id(&self.connection)?;
            self.connection.execute("INSERT INTO ora_text VALUES (?, 'P', ?, ?, '', '')", rusqlite::params![id, client, proxy])?;
        }
        Ok(())
    }

    fn user_exists(&self, name: &str) -> bool {
        self.catalog.users.contains_key(name) || *name == *self.user || self.owns_something(name)
    }

    fn owns_something(&self, name: &str) -> bool {
        let catalog = &self.catalog;
        catalog.tables.keys().chain(catalog.views.keys()).chain(catalog.sequences.keys()).any(|(owner, _)| owner == name)
    }

    /// DROP USER name [CASCADE].
    pub(in super::super) fn drop_user(&mut self, name: &str, cascade: bool) -> Result<()> {
        if !self.user_exists(name) {
            return Err(OraError::new(1918, format_args!("user '{name}' does not exist")));
        }
        if *name == *self.user {
            return Err(OraError::new(1940, "cannot drop a user that is currently connected"));
        }
        if self.owns_something(name) && !cascade {
            return Err(OraError::new(1922, format_args!("CASCADE must be specified to drop '{name}'")));
        }
        let tables: Vec<_> = self.catalog.tables.values().filter(|table| table.owner == name).cloned().collect();
        for table in tables {
            self.drop_table(&table, true)?;
            self.reload()?;
        }
        for sequence in self.catalog.sequences.values().filter(|sequence| sequence.owner == name) {
            Catalog::delete_sequence(&self.connection, sequence.id)?;
        }
        self.connection.execute("DELETE FROM ora_text WHERE kind = 'V' AND owner = ?", [name])?;
        self.connection.execute("DELETE FROM ora_text WHERE kind = 'P' AND (owner = ?1 OR name = ?1)", [name])?;
        self.connection.execute("DELETE FROM ora_user WHERE name = ?", [name])?;
        Ok(())
    }

    /// COMMENT ON.
    pub(in super::super) fn comment(&mut self, name: &ObjectName, column: Option<&str>, text: &str) -> Result<()> {
        let owner = name.schema.as_deref().unwrap_or(&self.schema);
        if let Some(view) = self.catalog.view(owner, &name.name) {
            return Catalog::set_comment(&self.connection, view.id, column.unwrap_or_default(), text);
        }
        let table = self.find(name)?;
        if let Some(column) = column
            && table.column_index(column).is_none()
        {
            return Err(OraError::invalid_identifier(format_args!("\"{column}\"")));
        }
        Catalog::set_comment(&self.connection, table.id, column.unwrap_or_default(), text)
    }

    /// GRANT: everybody may do everything, so that nothing is to be done; what it names has to be there.
    pub(in super::super) fn grant(&self, object: Option<&ObjectName>, users: &[String]) -> Result<()> {
        if let Some(name) = object {
            let owner = name.schema.as_deref().unwrap_or(&self.schema);
            let catalog = &self.catalog;
            let exists = catalog.table(owner, &name.name).is_some()
                || catalog.view(owner, &name.name).is_some()
                || catalog.sequence(owner, &name.name).is_some();
            // Packages and views of SYS are everybody's.
            if !exists && owner != "SYS" && !name.name.starts_with("DBMS_") && super::super::dictionary::find(&name.name).is_none() {
                return Err(OraError::no_table().at(Some(name.offset)));
            }
        }
        match users.iter().find(|user| *user != "PUBLIC" && !self.user_exists(user)) {
            Some(user) => Err(OraError::new(1917, format_args!("user or role '{user}' does not exist"))),
            None => Ok(()),
        }
    }
}
