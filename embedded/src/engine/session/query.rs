//! Opening queries.

use std::sync::{Arc, PoisonError};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, params};

use super::super::catalog::Catalog;
use super::super::cursor::{Columns, Cursor, LobHome};
use super::super::dictionary::Filling;
use super::super::shape::StatementKind;
use super::super::store::Location;
use super::super::translate::Needs;
use super::super::types::Family;
use super::super::value::{Stored, store_plain};
use super::super::{Datum, OraError, Result, undo};
use super::Session;
use super::statement::{Plan, Statement};

impl Session {
    /// Makes ready what a plan needs on the connection that runs it.
    pub(super) fn make_ready(&self, connection: &Connection, needs: &Needs) -> Result<()> {
        let filling = Filling {
            connection,
            catalog: &self.catalog,
            nls: &self.nls,
            release: self.release,
            user: &self.user,
            schema: &self.schema,
            settings: &self.settings,
            activity: &self.activity,
            sequences: &self.sequences,
        };
        needs.views.iter().try_for_each(|view| view.fill(&filling))?;
        needs.temporary.iter().try_for_each(|table| self.ensure_temporary(table))?;
        if needs.takes_numbers { self.sequences.load(connection, &needs.sequences) } else { Ok(()) }
    }

    /// Opens a query. Outside a transaction it streams from a snapshot of its own; inside one its rows are read at once.
    ///
    /// # Errors
    /// As Oracle has them.
    pub fn open(&mut self, statement: &mut Statement, binds: &[Datum<'_>]) -> Result<Cursor> {
        if statement.shape.kind != StatementKind::Select {
            return Err(OraError::new(24338, "statement handle not executed"));
        }
        if binds.len() < statement.shape.binds.len() {
            return Err(OraError::new(1008, "not all variables bound"));
        }
        self.begin_call()?;
        let values = binds.iter().map(|datum| store_plain(*datum)).collect::<Result<Vec<_>>>()?;
        if let Some(lock) = statement.locks {
            self.begin_waiting(lock.wait_s.map(std::time::Duration::from_secs)).map_err(|error| match lock.wait_s {
                Some(1..) if error.code == 54 => OraError::new(30006, "resource busy; acquire with WAIT timeout expired"),
                _ => error,
            })?;
        }
        let shared = matches!(self.location, Location::File(_)) && !self.in_transaction() && !self.in_block;
        let mut reader = if shared { Some(self.reader()?) } else { None };
        if let Err(error) = self.plan_query(reader.as_ref(), statement, binds) {
            self.hand_back(reader);
            return Err(error);
        }
        let (own, takes_numbers) = match &statement.plan {
            Some((_, Plan::Query(_, needs))) => (needs.own_connection(), needs.takes_numbers),
            _ => return Err(OraError::internal("query without a plan")),
        };
        if own {
            self.hand_back(reader.take());
        }
        if takes_numbers {
            return self.open_with_numbers(statement, binds, &values);
        }
        let Some((_, Plan::Query(query, needs))) = &statement.plan else {
            return Err(OraError::internal("query without a plan"));
        };
        let columns = Columns::of(query);
        let offset = self.nls.offset_minutes;
        match reader {
            Some(reader) => {
                self.make_ready(&reader, needs)?;
                Cursor::stream(reader, query.reading_text(), &values, columns, offset, Arc::clone(&self.readers))
            }
            None => {
                self.make_ready(&self.connection, needs)?;
                let read = || Cursor::read_all(&self.connection, query.reading_text(), &values, columns, offset, Arc::clone(&self.readers));
                self.interrupts.reading(read)
            }
        }
    }

    /// A query that takes numbers of sequences.
    fn open_with_numbers(&mut self, statement: &mut Statement, binds: &[Datum<'_>], values: &[Stored<'_>]) -> Result<Cursor> {
        let is_alone = !self.in_transaction();
        if is_alone {
            self.connection.execute_batch("BEGIN")?;
        }
        let mut read = |this: &mut Session| {
            this.plan_query(None, statement, binds)?;
            let Some((_, Plan::Query(query, needs))) = &statement.plan else {
                return Err(OraError::internal("query without a plan"));
            };
            this.make_ready(&this.connection, needs)?;
            let columns = Columns::of(query);
            let (offset, pool) = (this.nls.offset_minutes, Arc::clone(&this.readers));
            this.interrupts.reading(|| Cursor::read_all(&this.connection, query.reading_text(), values, columns, offset, pool))
        };
        let cursor = read(self);
        if is_alone {
            self.connection.execute_batch("COMMIT")?;
        }
        self.sequences.settle()?;
        cursor
    }

    /// Writes the whole value of a stored LOB, as text where it is a character LOB.
    ///
    /// # Errors
    /// ORA-22920 outside a transaction, which is what locks rows; ORA-22922 when the row is gone.
    pub fn write_lob(&mut self, home: LobHome, value: &[u8]) -> Result<()> {
        self.begin_call()?;
        self.check_not_lost()?;
        if !self.in_transaction() {
            return Err(OraError::new(22920, "row containing the LOB value is not locked"));
        }
        let gone = || OraError::new(22922, "nonexistent LOB value");
        self.refresh()?;
        let table = self.catalog.tables.values().find(|table| table.data_id == home.table_id).ok_or_else(gone)?;
        let column = table.columns.get(home.column).ok_or_else(gone)?;
        let text = format!("UPDATE {} SET c{} = ?1, s = ?2 WHERE rid = ?3", table.storage_name(), home.column);
        let value = match column.data_type.family() {
            Family::Clob => ValueRef::Text(value),
            Family::Blob => ValueRef::Blob(value),
            _ => return Err(gone()),
        };
        let mut update = self.connection.prepare_cached(&text)?;
        let scn = undo::transaction_scn(&self.connection)?;
        let changed = update.execute(params![ToSqlOutput::Borrowed(value), scn, home.row])?;
        if changed == 1 { Ok(()) } else { Err(gone()) }
    }

    /// Ends the read transaction of a connection that is not needed.
    fn hand_back(&self, reader: Option<Connection>) {
        if let Some(reader) = reader
            && reader.execute_batch("ROLLBACK").is_ok()
        {
            self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        }
    }

    /// Plans a query by the catalog of the snapshot that it will read.
    fn plan_query(&mut self, reader: Option<&Connection>, statement: &mut Statement, binds: &[Datum<'_>]) -> Result<()> {
        match reader {
            Some(reader) if Catalog::stored_version(reader)? != self.catalog.version => {
                let mut catalog = Catalog::load(reader)?;
                self.add_private_tables(&mut catalog);
                self.catalog = Arc::new(catalog);
            }
            Some(_) => {}
            None => self.refresh()?,
        }
        let kinds = self.kinds(statement, binds);
        self.plan(statement, kinds)
    }

    /// A connection for one query, with a read transaction begun.
    fn reader(&self) -> Result<Connection> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match pooled {
            Some(reader) => reader,
            None => {
                let reader = self.location.open(self.lock_wait)?;
                self.interrupts.add_reader(&reader);
                reader
            }
        };
        reader.execute_batch("BEGIN")?;
        Ok(reader)
    }
}
