//! Opened tables, kept for a while: a job over many tables opens each of them once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Table;
use crate::connection::StoreOptions;
use crate::error::Result;
use crate::location::Location;

struct Kept {
    table: Table,
    seen: Instant,
}

/// Tables by location, opened with the same options. What is older than the time to live is looked at again in the log, from the version that is known:
/// that is one listing. Operations that write look at the log themselves in any case, so that a version that is too old costs nothing but reading it.
pub struct TableCache {
    options: StoreOptions,
    time_to_live: Duration,
    kept: Mutex<HashMap<Location, Kept>>,
}

impl TableCache {
    /// A cache of tables opened with `options`.
    pub fn new(options: StoreOptions, time_to_live: Duration) -> TableCache {
        TableCache { options, time_to_live, kept: Mutex::default() }
    }

    /// The table at `location`, at a version that was the newest within the time to live.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn open(&self, location: &Location) -> Result<Table> {
        let known = self.lock().get(location).map(|kept| (kept.table.share(), kept.seen));
        let table = match known {
            Some((table, seen)) if seen.elapsed() < self.time_to_live => return Ok(table),
            Some((mut table, _)) => {
                table.refresh()?;
                table
            }
            None => Table::open(location, &self.options)?,
        };
        self.keep(&table);
        Ok(table)
    }

    /// Keeps the version of a table that was just written.
    pub fn keep(&self, table: &Table) {
        self.lock().insert(table.location().clone(), Kept { table: table.share(), seen: Instant::now() });
    }

    /// Forgets a table, one that was dropped for example.
    pub fn forget(&self, location: &Location) {
        self.lock().remove(location);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Location, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
