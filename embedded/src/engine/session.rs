//! Sessions: connect, prepare, execute, query, commit.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use sqlparser::ast::Statement as Ast;

use super::catalog::Catalog;
use super::cursor::{Cursor, Pool};
use super::ddl::{Command, parse_command, unsupported_statement};
use super::dictionary::{Filling, View};
use super::dml;
use super::interrupt::Interrupt;
use super::nls::Nls;
use super::shape::{Shape, StatementKind, shape};
use super::store::{Location, default_lock_wait};
use super::tokens::normalise;
use super::translate::{Context, DmlPlan, Query, Translator, describe};
use super::types::Family;
use super::value::{Stored, store_plain};
use super::{ColumnInfo, Datum, DatumKind, OraError, Result, parse, password};

/// Name of a user who connects without one, as with external authentication.
const DEFAULT_USER: &str = "OLBRIDGE";

/// One user's connection to a database.
pub struct Session {
    /// Tells sessions apart: plans of one are nothing to another.
    id: u64,
    pub(super) location: Location,
    pub(super) connection: Connection,
    pub(super) catalog: Arc<Catalog>,
    pub(super) nls: Nls,
    pub(super) user: String,
    pub(super) schema: String,
    pub(super) lock_wait: Duration,
    readers: Pool,
    interrupts: Interrupt,
    /// Whether a transaction was begun and not ended by this session.
    is_open: bool,
}

/// What a statement was when it was prepared.
enum Body {
    Command(Command),
    Sql(Box<Ast>),
}

/// What everything a plan depends on was when it was made.
#[derive(PartialEq, Eq, Clone, Default)]
struct PlanKey {
    session: u64,
    catalog_version: i64,
    nls_epoch: u64,
    schema: String,
    kinds: Vec<DatumKind>,
}

enum Plan {
    Query(Query, Vec<&'static View>),
    Dml(DmlPlan, Vec<&'static View>),
}

/// A prepared statement.
pub struct Statement {
    sql: String,
    shape: Shape,
    body: Body,
    columns: Vec<ColumnInfo>,
    plan: Option<(PlanKey, Plan)>,
}

impl Statement {
    /// The outline of the text.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The SELECT list; empty for anything but a query.
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }
}

impl Session {
    /// Opens a session: `connect_string` is a file, `:memory:` (private to the session) or `null` (rows are checked and dropped).
    /// A user without a stored password may come with any; other users are made by name.
    ///
    /// # Errors
    /// ORA-12154 when the file cannot be opened, ORA-01017 for a wrong password.
    pub fn connect(connect_string: &str, username: &str, password: &str) -> Result<Session> {
        let location = Location::parse(connect_string);
        let lock_wait = default_lock_wait();
        let connection = location.open(lock_wait)?;
        let catalog = Arc::new(Catalog::load(&connection)?);
        let user = match username.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
            Some(quoted) => quoted.to_owned(),
            None if username.is_empty() => DEFAULT_USER.to_owned(),
            None => normalise(username, false),
        };
        if let Some(Some(sealed)) = catalog.users.get(&user)
            && !password::fits(password, sealed)
        {
            return Err(OraError::new(1017, "invalid username/password; logon denied"));
        }
        let interrupts = Interrupt::new(&connection);
        let schema = user.clone();
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Ok(Session {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            location,
            connection,
            catalog,
            nls: Nls::new()?,
            user,
            schema,
            lock_wait,
            readers: Pool::default(),
            interrupts,
            is_open: false,
        })
    }

    /// The user, as stored.
    pub fn username(&self) -> &str {
        &self.user
    }

    /// The schema that unqualified names are looked up in.
    pub fn current_schema(&self) -> &str {
        &self.schema
    }

    /// Minutes of the session's time zone from UTC.
    pub fn time_zone_minutes(&self) -> i32 {
        self.nls.offset_minutes
    }

    /// False for `null`, where [`Session::check_execute`] stands for executing DML.
    pub fn keeps_rows(&self) -> bool {
        self.location != Location::Null
    }

    /// How long a writer waits for another one before ORA-00054.
    ///
    /// # Errors
    /// Of SQLite.
    pub fn set_lock_timeout(&mut self, wait: Duration) -> Result<()> {
        self.lock_wait = wait;
        Ok(self.connection.busy_timeout(wait)?)
    }

    /// What interrupts this session.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupts.clone()
    }

    /// Whether a transaction is open.
    pub fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// ORA-02091 when SQLite ended the transaction by itself, as it does when the disk is full or fails while it writes.
    fn check_not_lost(&self) -> Result<()> {
        match self.is_open && !self.in_transaction() {
            true => Err(OraError::new(2091, "transaction rolled back: an error while writing took all its changes back")),
            false => Ok(()),
        }
    }

    /// Makes all changes of the transaction last.
    ///
    /// # Errors
    /// Of SQLite; the transaction is still open then. ORA-02091 when its changes are lost.
    pub fn commit(&mut self) -> Result<()> {
        let lost = self.check_not_lost();
        if self.in_transaction() {
            self.connection.execute_batch("COMMIT")?;
        }
        self.is_open = false;
        lost
    }

    /// Takes all changes of the transaction back.
    ///
    /// # Errors
    /// Of SQLite.
    pub fn rollback(&mut self) -> Result<()> {
        if self.in_transaction() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.is_open = false;
        Ok(())
    }

    /// Begins the transaction if there is none; true when it did. Waits for another writer up to the lock timeout.
    pub(super) fn begin(&mut self) -> Result<bool> {
        self.check_not_lost()?;
        if self.in_transaction() {
            return Ok(false);
        }
        self.wait_for_writer()?;
        self.is_open = true;
        match self.refresh() {
            Ok(()) => Ok(true),
            Err(error) => {
                self.rollback()?;
                Err(error)
            }
        }
    }

    /// Begins to write. Waits in slices, so that a cancel ends the wait.
    fn wait_for_writer(&self) -> Result<()> {
        const SLICE: Duration = Duration::from_millis(20);
        let deadline = Instant::now() + self.lock_wait;
        self.connection.busy_timeout(SLICE.min(self.lock_wait))?;
        let begun = loop {
            let begun = self.connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([]));
            let is_busy = begun.as_ref().is_err_and(|error| error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy));
            if !is_busy || Instant::now() >= deadline {
                break begun.map(drop).map_err(OraError::from);
            }
            if let Err(cancelled) = self.interrupts.check() {
                break Err(cancelled);
            }
        };
        self.connection.busy_timeout(self.lock_wait)?;
        begun
    }

    /// Reads the catalog again when another session changed it.
    pub(super) fn refresh(&mut self) -> Result<()> {
        if Catalog::stored_version(&self.connection)? != self.catalog.version {
            self.catalog = Arc::new(Catalog::load(&self.connection)?);
        }
        Ok(())
    }

    /// Parses a statement and resolves its names.
    ///
    /// # Errors
    /// ORA-00900 and its family for syntax, ORA-00942, ORA-00904 … for names, ORA-03001 for what the engine does not do.
    pub fn prepare(&mut self, sql: &str) -> Result<Statement> {
        let mut statement = self.parse(sql)?;
        self.resolve(&mut statement, &[])?;
        Ok(statement)
    }

    /// Parses a statement; [`Session::resolve`] does the rest.
    ///
    /// # Errors
    /// ORA-00900 and its family for syntax, ORA-03001 for what the engine does not do.
    pub fn parse(&self, sql: &str) -> Result<Statement> {
        let shape = shape(sql);
        if shape.is_returning {
            return Err(OraError::unsupported("RETURNING … INTO"));
        }
        let body = match shape.kind {
            StatementKind::Select | StatementKind::Insert | StatementKind::Update | StatementKind::Delete | StatementKind::Merge => {
                Body::Sql(Box::new(parse::statement(sql)?))
            }
            StatementKind::Create
            | StatementKind::Drop
            | StatementKind::Alter
            | StatementKind::Truncate
            | StatementKind::Commit
            | StatementKind::Rollback
            | StatementKind::Savepoint => Body::Command(parse_command(sql, shape.kind)?),
            _ => return Err(unsupported_statement(sql)),
        };
        Ok(Statement { sql: sql.to_owned(), shape, body, columns: Vec::new(), plan: None })
    }

    /// Resolves a statement's names by the catalog of now, for binds of these kinds in order of appearance; kinds that are missing are not
    /// known yet. Nothing is done again when nothing changed since the last time, also in another session.
    ///
    /// # Errors
    /// ORA-00942, ORA-00904, ORA-00932 and what else planning finds.
    pub fn resolve(&mut self, statement: &mut Statement, kinds: &[DatumKind]) -> Result<()> {
        if !matches!(statement.body, Body::Sql(_)) {
            return Ok(());
        }
        self.refresh()?;
        let mut kinds = kinds.to_vec();
        kinds.resize(statement.shape.binds.len(), DatumKind::Null);
        self.plan(statement, kinds)
    }

    /// Plans a query or DML for binds of these kinds, unless the present plan still fits.
    fn plan(&self, statement: &mut Statement, kinds: Vec<DatumKind>) -> Result<()> {
        let Body::Sql(ast) = &statement.body else { return Ok(()) };
        let key = PlanKey {
            session: self.id,
            catalog_version: self.catalog.version,
            nls_epoch: self.nls.epoch,
            schema: self.schema.clone(),
            kinds,
        };
        if statement.plan.as_ref().is_some_and(|(known, _)| *known == key) {
            return Ok(());
        }
        let context = Context {
            sql: &statement.sql,
            catalog: &self.catalog,
            nls: &self.nls,
            user: &self.user,
            schema: &self.schema,
            bind_kinds: &key.kinds,
        };
        let mut translator = Translator::new(context);
        let plan = match ast.as_ref() {
            Ast::Query(query) => {
                let query = translator.query(query)?;
                statement.columns = describe(&query.outputs);
                Plan::Query(query, translator.views)
            }
            Ast::Insert(insert) => Plan::Dml(translator.insert(insert)?, translator.views),
            Ast::Update(update) => Plan::Dml(translator.update(update)?, translator.views),
            Ast::Delete(delete) => Plan::Dml(translator.delete(delete)?, translator.views),
            Ast::Merge(merge) => Plan::Dml(DmlPlan::Merge(Box::new(translator.merge(merge)?)), translator.views),
            _ => return Err(unsupported_statement(&statement.sql)),
        };
        statement.plan = Some((key, plan));
        Ok(())
    }

    fn fill_views(&self, connection: &Connection, views: &[&'static View]) -> Result<()> {
        let filling = Filling { catalog: &self.catalog, nls: &self.nls, user: &self.user, schema: &self.schema };
        views.iter().try_for_each(|view| view.fill(connection, &filling))
    }

    /// Runs one iteration of DML, DDL or transaction control: rows affected. A failing statement changes nothing.
    ///
    /// # Errors
    /// As Oracle has them; ORA-01008 when binds are missing.
    pub fn execute(&mut self, statement: &mut Statement, binds: &[Datum<'_>]) -> Result<u64> {
        if let Body::Command(command) = &statement.body {
            let command = command.clone();
            self.interrupts.reset();
            return self.run_command(&command).map(|()| 0);
        }
        let mut outcome = Ok(0);
        self.execute_array(
            statement,
            0..1,
            &mut |_, row| {
                if binds.len() < row.len() {
                    return Err(OraError::new(1008, "not all variables bound"));
                }
                row.copy_from_slice(&binds[..row.len()]);
                Ok(())
            },
            &mut |_, result| {
                outcome = result;
                false
            },
        )?;
        outcome
    }

    /// Runs many iterations of a DML statement, prepared once. `fill` fills the binds of a row; `done` takes each row's outcome (rows
    /// affected, or its error) and says whether to go on. Each iteration is atomic by itself.
    ///
    /// # Errors
    /// What fails for the statement as a whole: names, the lock wait. Errors of rows go to `done`.
    pub fn execute_array<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        if statement.shape.kind == StatementKind::Select {
            return Err(OraError::new(24333, "zero iteration count"));
        }
        self.interrupts.reset();
        let began = self.begin()?;
        let mut changed = 0u64;
        let result = self.run_rows(statement, rows, fill, &mut |row, outcome| {
            changed += outcome.as_ref().copied().unwrap_or(0);
            done(row, outcome)
        });
        // A transaction that changed nothing would only keep other writers out; `null` keeps nothing at all.
        if began && (changed == 0 || !self.keeps_rows()) {
            self.rollback()?;
        }
        result
    }

    fn run_rows<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        let mut binds = vec![Datum::Null; statement.shape.binds.len()];
        let mut row = rows.start;
        while row < rows.end {
            if let Err(error) = fill(row, &mut binds) {
                if !done(row, Err(error)) {
                    return Ok(());
                }
                row += 1;
                continue;
            }
            // Rows of the same kinds share one plan; NULL fits the plan at hand.
            let kinds = self.kinds(statement, &binds);
            self.plan(statement, kinds)?;
            let Some((key, Plan::Dml(plan, views))) = &statement.plan else {
                return Err(OraError::internal("DML without a plan"));
            };
            self.fill_views(&self.connection, views)?;
            let mut runner = dml::Runner::new(&self.connection, &self.nls, plan, &self.interrupts)?;
            loop {
                let outcome = runner.run(&binds);
                let cause = outcome.as_ref().err().map(|error| error.message.clone());
                let more = done(row, outcome);
                if let Some(cause) = cause
                    && self.check_not_lost().is_err()
                {
                    return Err(OraError::new(2091, format_args!("transaction rolled back\n{cause}")));
                }
                if !more {
                    return Ok(());
                }
                row += 1;
                if row >= rows.end {
                    return Ok(());
                }
                if let Err(error) = fill(row, &mut binds) {
                    if !done(row, Err(error)) {
                        return Ok(());
                    }
                    row += 1;
                    break;
                }
                if !runner.fits(&key.kinds, &binds) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The kinds of binds; a NULL keeps the kind that the present plan was made for.
    fn kinds(&self, statement: &Statement, binds: &[Datum<'_>]) -> Vec<DatumKind> {
        let known = statement.plan.as_ref().map(|(key, _)| key.kinds.as_slice()).unwrap_or_default();
        let kind = |(index, datum): (usize, &Datum<'_>)| match datum.kind() {
            DatumKind::Null => known.get(index).copied().unwrap_or_default(),
            kind => kind,
        };
        binds.iter().enumerate().map(kind).collect()
    }

    /// For `null`: checks that values of these kinds convert to the columns they are bound to, that the longest of each fits (bytes; 0
    /// when not known), and that what the statement itself says may be stored.
    ///
    /// # Errors
    /// ORA-00932, ORA-12899 and ORA-01400 where they do not, and what planning finds. The rows themselves may still be good, as NULL is.
    pub fn check_execute(&mut self, statement: &mut Statement, bind_kinds: &[DatumKind], longest_bytes: &[u32]) -> Result<()> {
        if matches!(statement.body, Body::Command(_)) {
            return Ok(());
        }
        self.refresh()?;
        self.plan(statement, bind_kinds.to_vec())?;
        match &statement.plan {
            Some((_, Plan::Dml(plan, _))) => {
                dml::check_kinds(plan, bind_kinds, &self.nls)?;
                dml::check_lengths(plan, bind_kinds, longest_bytes)?;
                dml::check_constants(&self.connection, plan, &self.nls)
            }
            _ => Ok(()),
        }
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
        self.interrupts.reset();
        let values = binds.iter().map(|datum| store_plain(*datum)).collect::<Result<Vec<_>>>()?;
        let shared = matches!(self.location, Location::File(_)) && !self.in_transaction();
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

/// Values bound to SQL of SQLite by their place.
pub(super) fn plain_binds<'a>(binds: &[Datum<'a>]) -> Result<Vec<Stored<'a>>> {
    binds.iter().map(|datum| store_plain(*datum)).collect()
}

#[cfg(test)]
mod tests;
