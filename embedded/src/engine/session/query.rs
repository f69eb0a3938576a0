//! Opening queries.

use std::sync::{Arc, PoisonError};

use rusqlite::Connection;

use super::super::catalog::Catalog;
use super::super::cursor::Cursor;
use super::super::dictionary::{Filling, View};
use super::super::shape::StatementKind;
use super::super::store::Location;
use super::super::types::Family;
use super::super::value::store_plain;
use super::super::{Datum, OraError, Result};
use super::Session;
use super::statement::{Plan, Statement};

impl Session {
    pub(super) fn fill_views(&self, connection: &Connection, views: &[View]) -> Result<()> {
        let filling = Filling {
            connection,
            catalog: &self.catalog,
            nls: &self.nls,
            user: &self.user,
            schema: &self.schema,
            settings: &self.settings,
            activity: &self.activity,
        };
        views.iter().try_for_each(|view| view.fill(&filling))
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
        if statement.locks {
            self.begin()?;
        }
        let shared = matches!(self.location, Location::File(_)) && !self.in_transaction() && !self.in_block;
        let reader = if shared { Some(self.reader()?) } else { None };
        if let Err(error) = self.plan_query(reader.as_ref(), statement, binds) {
            if let Some(reader) = reader
                && reader.execute_batch("ROLLBACK").is_ok()
            {
                self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            }
            return Err(error);
        }
        let Some((_, Plan::Query(query, views))) = &statement.plan else {
            return Err(OraError::internal("query without a plan"));
        };
        let families: Vec<Family> = query.outputs.iter().map(|(_, sql)| sql.family()).collect();
        let offset = self.nls.offset_minutes;
        match reader {
            Some(reader) => {
                self.fill_views(&reader, views)?;
                Cursor::stream(reader, &query.text, &values, families, offset, Arc::clone(&self.readers))
            }
            None => {
                self.fill_views(&self.connection, views)?;
                let read = || Cursor::read_all(&self.connection, &query.text, &values, families, offset, Arc::clone(&self.readers));
                self.interrupts.reading(read)
            }
        }
    }

    /// Plans a query by the catalog of the snapshot that it will read.
    fn plan_query(&mut self, reader: Option<&Connection>, statement: &mut Statement, binds: &[Datum<'_>]) -> Result<()> {
        match reader {
            Some(reader) if Catalog::stored_version(reader)? != self.catalog.version => self.catalog = Arc::new(Catalog::load(reader)?),
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
