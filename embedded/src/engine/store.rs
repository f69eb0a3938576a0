//! Connections to the SQLite file.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::catalog::Catalog;
use super::{OraError, Result, functions};

/// How long a writer waits for another one, unless `OLBRIDGE_LOCK_WAIT_MS` says otherwise.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// Where the rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// A file, which sessions and processes share.
    File(PathBuf),
    /// Memory, private to the session.
    Memory,
    /// Nowhere: rows are checked and dropped.
    Null,
}

impl Location {
    pub fn parse(connect_string: &str) -> Location {
        match connect_string {
            ":memory:" => Location::Memory,
            "null" => Location::Null,
            path => Location::File(PathBuf::from(path)),
        }
    }

    /// Opens a connection and makes the catalog where it is missing.
    pub fn open(&self, wait: Duration) -> Result<Connection> {
        let connection = match self {
            Location::File(path) => open_file(path)?,
            Location::Memory | Location::Null => Connection::open_in_memory()?,
        };
        connection.busy_timeout(wait)?;
        connection.set_prepared_statement_cache_capacity(128);
        connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = ON; PRAGMA cache_size = -16384;")?;
        if let Location::File(_) = self {
            use_write_ahead_log(&connection, wait)?;
            // FULL: the log is on the disk before a commit returns.
            connection.execute_batch("PRAGMA synchronous = FULL;")?;
        }
        functions::register(&connection)?;
        Catalog::create(&connection)?;
        Ok(connection)
    }
}

/// Other sessions may be opening the same new file: SQLite does not always wait for them here.
fn use_write_ahead_log(connection: &Connection, wait: Duration) -> Result<()> {
    let deadline = Instant::now() + wait;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            // Without it readers would see no snapshot and wait for writers.
            Ok(mode) => {
                return Err(OraError::new(
                    12154,
                    format_args!("TNS:could not resolve the connect identifier specified: no write-ahead log there (mode {mode})"),
                ));
            }
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn open_file(path: &Path) -> Result<Connection> {
    if path.as_os_str().is_empty() {
        return Err(OraError::new(
            12154,
            "TNS:could not resolve the connect identifier specified (the embedded engine wants a file, :memory: or null)",
        ));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(|error| {
        OraError::new(
            12154,
            format_args!("TNS:could not resolve the connect identifier specified: cannot open {} ({error})", path.display()),
        )
    })
}

/// The lock wait that the environment asks for, or thirty seconds.
pub(crate) fn default_lock_wait() -> Duration {
    let text = std::env::var("OLBRIDGE_LOCK_WAIT_MS").ok();
    text.and_then(|text| text.parse().ok()).map_or(LOCK_WAIT, Duration::from_millis)
}
