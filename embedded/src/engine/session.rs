//! Sessions: connect, prepare, execute, query, commit.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};

use super::catalog::Catalog;
use super::cursor::Pool;
use super::nls::Nls;
use super::store::{Location, default_lock_wait};
use super::tokens::normalise;
use super::value::{Stored, store_plain};
use super::{Datum, OraError, Result, password};

mod block;
mod query;
mod statement;

pub use statement::Statement;

/// Name of a user who connects without one, as with external authentication.
const DEFAULT_USER: &str = "OLBRIDGE";

/// One user's connection to a database.
pub struct Session {
    pub(super) location: Location,
    pub(super) connection: Connection,
    pub(super) catalog: Arc<Catalog>,
    pub(super) nls: Nls,
    pub(super) user: String,
    pub(super) schema: String,
    pub(super) lock_wait: Duration,
    settings: BTreeMap<String, String>,
    readers: Pool,
    interrupts: Interrupt,
}

/// Interrupts whatever a session is doing, from any thread; harmless when nothing runs and when the session is gone.
#[derive(Clone, Default)]
pub struct Interrupt {
    handles: Arc<Mutex<Vec<InterruptHandle>>>,
}

impl Interrupt {
    /// Makes the running call fail with ORA-01013.
    pub fn interrupt(&self) {
        for handle in self.handles.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            handle.interrupt();
        }
    }

    fn add(&self, connection: &Connection) {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).push(connection.get_interrupt_handle());
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
        let interrupts = Interrupt::default();
        interrupts.add(&connection);
        let schema = user.clone();
        static SESSIONS: AtomicU32 = AtomicU32::new(1);
        let number = SESSIONS.fetch_add(1, Ordering::Relaxed).to_string();
        let settings = ["SID", "SESSIONID"].into_iter().map(|name| (name.to_owned(), number.clone())).collect();
        Ok(Session {
            settings,
            location,
            connection,
            catalog,
            nls: Nls::new()?,
            user,
            schema,
            lock_wait,
            readers: Pool::default(),
            interrupts,
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

    /// Sets what `SYS_CONTEXT('USERENV', name)` answers: MODULE, ACTION, CLIENT_IDENTIFIER and the like, in upper case.
    pub fn set_context(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
        self.nls.epoch += 1;
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

    /// Makes all changes of the transaction last.
    ///
    /// # Errors
    /// Of SQLite; the transaction is still open then.
    pub fn commit(&mut self) -> Result<()> {
        if self.in_transaction() {
            self.connection.execute_batch("COMMIT")?;
        }
        Ok(())
    }

    /// Takes all changes of the transaction back.
    ///
    /// # Errors
    /// Of SQLite.
    pub fn rollback(&mut self) -> Result<()> {
        if self.in_transaction() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        Ok(())
    }

    /// Begins the transaction if there is none; true when it did. Waits for another writer up to the lock timeout.
    pub(super) fn begin(&mut self) -> Result<bool> {
        if self.in_transaction() {
            return Ok(false);
        }
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        match self.refresh() {
            Ok(()) => Ok(true),
            Err(error) => {
                self.rollback()?;
                Err(error)
            }
        }
    }

    /// Reads the catalog again when another session changed it.
    pub(super) fn refresh(&mut self) -> Result<()> {
        if Catalog::stored_version(&self.connection)? != self.catalog.version {
            self.catalog = Arc::new(Catalog::load(&self.connection)?);
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
