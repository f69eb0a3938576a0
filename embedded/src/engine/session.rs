//! Sessions: connect, prepare, execute, query, commit.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::activity::Activity;
use super::catalog::{Catalog, Table};
use super::cursor::Pool;
use super::guard::Guard;
use super::interrupt::Interrupt;
use super::nls::Nls;
use super::release::Release;
use super::sequence::Sequences;
use super::store::{Location, default_lock_wait};
use super::value::{Stored, store_plain};
use super::writers::{Hold, Wait};
use super::{Datum, OraError, Result, undo};
use crate::sqlite::RowTable;

mod block;
mod block_sql;
mod call;
mod check;
mod cursors;
mod execute;
mod lob_call;
mod logon;
mod query;
mod rules;
mod savepoints;
mod slot;
mod statement;
mod units;

pub(super) use savepoints::Savepoints;
pub use statement::Statement;

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
    /// The release that the engine says it is.
    pub(super) release: Release,
    settings: BTreeMap<String, String>,
    pub(super) activity: Arc<Activity>,
    readers: Pool,
    pub(super) sequences: Sequences,
    /// Rows of an array on their way into a table.
    handed_rows: RowTable,
    /// Private temporary tables, which no file knows.
    pub(super) private_tables: Vec<Arc<Table>>,
    pub(super) private_dropped: u32,
    /// Temporary tables whose rows end with the transaction.
    pub(super) temporary_touched: Vec<Arc<Table>>,
    interrupts: Interrupt,
    /// Whether a transaction was begun and not ended by this session.
    is_open: bool,
    /// Transactions begun so far.
    transactions: u64,
    /// Savepoints of the open transaction, the oldest first.
    pub(super) savepoints: Savepoints,
    /// Table and row of the last change, for its ROWID.
    last_row: Option<(i64, i64)>,
    /// Whether the schema was chosen by its name, be it the user's own.
    pub(super) schema_is_chosen: bool,
    /// Queries that cursor variables stand for, by number.
    cursors: BTreeMap<u32, cursors::RefCursor>,
    next_cursor: u32,
    /// Queries that the running block returned to its caller.
    implicit_results: Vec<u32>,
    output: call::Output,
    /// What the last statement said besides its success.
    warning: Option<OraError>,
    /// Whether a block runs: its statements are parts of one call.
    in_block: bool,
    /// Numbers the commits, where the environment asks for it.
    guard: Option<Guard>,
    /// The file, by its one name; none in memory.
    file: Option<PathBuf>,
    /// The open transaction as other sessions of this process see it. After the connection: it ends with it.
    hold: Option<Hold>,
}

impl Session {
    /// Opens a session: `connect_string` is a file, `:memory:` (private to the session) or `null` (rows are checked and dropped).
    /// A user without a stored password may come with any; other users are made by name. `PROXY[CLIENT]` logs on as CLIENT with PROXY's password.
    ///
    /// # Errors
    /// ORA-12154 when the file cannot be opened, ORA-01017 for a wrong password, ORA-28150 for a proxy that may not.
    pub fn connect(connect_string: &str, username: &str, password: &str) -> Result<Session> {
        let location = Location::parse(connect_string);
        let lock_wait = default_lock_wait();
        let connection = location.open(lock_wait)?;
        let file = match &location {
            Location::File(path) => std::fs::canonicalize(path).ok(),
            Location::Memory | Location::Null => None,
        };
        let guard = Guard::new(&connection)?;
        let sequences = Sequences::new(file.as_deref());
        sequences.register(&connection)?;
        let catalog = Arc::new(Catalog::load(&connection)?);
        let (proxy, user) = logon::authenticated(&connection, &catalog, username, password)?;
        let interrupts = Interrupt::new(&connection);
        let schema = user.clone();
        let activity = Activity::begin(&user, connect_string);
        let numbers = [("SID", activity.sid), ("SESSIONID", activity.sid), ("SERIAL", activity.serial())];
        let numbers = numbers.into_iter().map(|(name, number)| (name.to_owned(), number.to_string()));
        let settings = numbers.chain(proxy.map(|proxy| ("PROXY_USER".to_owned(), proxy))).collect();
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Ok(Session {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            release: Release::of_environment()?,
            settings,
            activity,
            location,
            connection,
            catalog,
            nls: Nls::new()?,
            user,
            schema,
            lock_wait,
            readers: Pool::default(),
            sequences,
            handed_rows: RowTable::default(),
            private_tables: Vec::new(),
            private_dropped: 0,
            temporary_touched: Vec::new(),
            interrupts,
            is_open: false,
            transactions: 0,
            savepoints: Savepoints::default(),
            last_row: None,
            schema_is_chosen: false,
            cursors: BTreeMap::new(),
            next_cursor: 0,
            implicit_results: Vec::new(),
            output: call::Output::default(),
            warning: None,
            in_block: false,
            guard,
            file,
            hold: None,
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

    /// The schema that `ALTER SESSION SET CURRENT_SCHEMA` chose; none before.
    pub fn chosen_schema(&self) -> Option<&str> {
        self.schema_is_chosen.then_some(self.schema.as_str())
    }

    /// Sets what `SYS_CONTEXT('USERENV', name)` answers: MODULE, ACTION, CLIENT_IDENTIFIER and the like, in upper case.
    pub fn set_context(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
        self.activity.set_context(name, value);
        self.nls.epoch += 1;
    }

    /// Sets what `SYS_CONTEXT(namespace, name)` answers in a namespace of the caller's own.
    pub fn set_application_context(&mut self, namespace: &str, name: &str, value: &str) {
        self.settings.insert(format!("{}.{}", namespace.to_uppercase(), name.to_uppercase()), value.to_owned());
        self.nls.epoch += 1;
    }

    /// ROWID of the last row that the last DML statement changed; none when it changed none.
    pub fn last_rowid(&self) -> Option<String> {
        self.last_row.map(|(table, row)| super::rowid::encode(table, row))
    }

    /// What the session did, as `V$SESSTAT` shows it.
    pub fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// The present setting of a name that [`Session::set_context`] sets.
    pub fn context(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// Minutes of the session's time zone from UTC, now.
    pub fn time_zone_minutes(&self) -> i32 {
        super::datetime::DateTime::now(self.nls.offset_minutes).offset_minutes
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

    /// The logical transaction ID of the next commit; none without Transaction Guard.
    pub fn ltxid(&self) -> Option<Vec<u8>> {
        self.guard.as_ref().map(Guard::ltxid)
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

    /// A call begins: an interrupt that came before does not concern it. Statements of a block belong to the block's call.
    fn begin_call(&self) -> Result<()> {
        if let Some(hold) = &self.hold {
            hold.touch();
        }
        if self.in_block {
            return self.interrupts.check();
        }
        self.interrupts.reset();
        Ok(())
    }

    /// Makes all changes of the transaction last.
    ///
    /// # Errors
    /// Of SQLite; the transaction is still open then. ORA-02091 when its changes are lost.
    pub fn commit(&mut self) -> Result<()> {
        let lost = self.check_not_lost();
        if self.in_transaction() {
            self.sequences.save(&self.connection)?;
            undo::commit_transaction(&self.connection)?;
            if let Some(guard) = &self.guard {
                guard.record(&self.connection)?;
            }
            if let Err(error) = self.connection.execute_batch("COMMIT") {
                return Err(self.commit_failed(error));
            }
            self.guard.iter_mut().for_each(Guard::committed);
            self.sequences.saved();
        } else if self.sequences.is_dirty() {
            self.save_sequences();
        }
        (self.is_open, self.hold) = (false, None);
        self.end_temporary()?;
        lost
    }

    /// Writes where sequences are that queries took numbers of, unless another session is writing: their numbers are taken in any case.
    fn save_sequences(&self) {
        let save = || -> Result<()> {
            self.connection.busy_timeout(Duration::ZERO)?;
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            let saved = self.sequences.save(&self.connection);
            self.connection.execute_batch(if saved.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
            saved
        };
        if save().is_ok() {
            self.sequences.saved();
        } else if self.in_transaction() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        let _ = self.connection.busy_timeout(self.lock_wait);
    }

    /// ORA-02091 where the record of the commit cannot have reached the file; any other error leaves it open whether it did (a failed sync).
    fn commit_failed(&mut self, error: rusqlite::Error) -> OraError {
        const NOT_WRITTEN: [i32; 3] = [rusqlite::ffi::SQLITE_IOERR_WRITE, rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_BUSY];
        let is_refused = error.sqlite_error().is_some_and(|cause| NOT_WRITTEN.contains(&cause.extended_code));
        let cause = OraError::from(error);
        if is_refused && self.rollback().is_ok() {
            return OraError::new(2091, format_args!("transaction rolled back\n{}", cause.message));
        }
        cause
    }

    /// Takes all changes of the transaction back.
    ///
    /// # Errors
    /// Of SQLite.
    pub fn rollback(&mut self) -> Result<()> {
        if self.in_transaction() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        (self.is_open, self.hold) = (false, None);
        self.end_temporary()
    }

    /// Begins the transaction if there is none; true when it did. Waits for another writer up to the lock timeout.
    pub(super) fn begin(&mut self) -> Result<bool> {
        self.begin_waiting(None)
    }

    /// As `begin`, for a lock wait of its own.
    pub(super) fn begin_waiting(&mut self, wait: Option<Duration>) -> Result<bool> {
        self.check_not_lost()?;
        if self.in_transaction() {
            return Ok(false);
        }
        self.wait_for_writer(wait)?;
        self.is_open = true;
        self.transactions += 1;
        self.savepoints = Savepoints::default();
        self.hold = self.file.as_ref().map(|file| Hold::begin(file, self.id));
        match self.refresh().and_then(|()| undo::begin_transaction(&self.connection, &self.catalog)) {
            Ok(()) => Ok(true),
            Err(error) => {
                self.rollback()?;
                Err(error)
            }
        }
    }

    /// Begins to write. Waits in slices, so that a cancel ends the wait. A wait whose end the statement itself names is not cut short.
    fn wait_for_writer(&self, own_wait: Option<Duration>) -> Result<()> {
        let wait = own_wait.unwrap_or(self.lock_wait);
        const SLICE: Duration = Duration::from_millis(20);
        let deadline = Instant::now() + wait;
        self.connection.busy_timeout(SLICE.min(wait))?;
        let mut waiting = None;
        let begun = loop {
            let begun = self.connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([]));
            let is_busy = begun.as_ref().is_err_and(|error| error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy));
            if !is_busy || Instant::now() >= deadline {
                break begun.map(drop).map_err(OraError::from);
            }
            if let Err(cancelled) = self.interrupts.check() {
                break Err(cancelled);
            }
            if let (None, Some(file)) = (own_wait, &self.file)
                && waiting.get_or_insert_with(|| Wait::begin(file)).is_deadlock()
            {
                break Err(OraError::new(60, "deadlock detected while waiting for resource"));
            }
        };
        self.connection.busy_timeout(self.lock_wait)?;
        begun
    }

    /// Reads the catalog again when another session changed it.
    pub(super) fn refresh(&mut self) -> Result<()> {
        if Catalog::stored_version(&self.connection)? != self.catalog.version {
            let mut catalog = Catalog::load(&self.connection)?;
            self.add_private_tables(&mut catalog);
            self.catalog = Arc::new(catalog);
        }
        Ok(())
    }
}

/// Values bound to SQL of SQLite by their place.
pub(super) fn plain_binds<'a>(binds: &[Datum<'a>]) -> Result<Vec<Stored<'a>>> {
    binds.iter().map(|datum| store_plain(*datum)).collect()
}

#[cfg(test)]
mod tests;
