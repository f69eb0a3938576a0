//! Everything that is done to a Delta table but copying into and out of it: made, looked at, changed, merged into, cared for, dropped. The command
//! `olbridge delta` and the C ABI ask for the same things in the same words: [`asked`] is what they ask, [`Done`] the answer.
//!
//! Tables are opened through [`DeltaTables`], which keeps what it has read of their logs for a while.

pub mod asked;
mod care;
mod change;
mod columns;
mod done;
mod failure;
mod lifecycle;
mod look;
mod rows;

use std::time::Duration;

pub use olbridge_delta::connection::is_secret_option;
pub use olbridge_delta::table::{At, Once, Source, TableReader, assignment};
use olbridge_delta::table::{Table, TableCache};
pub use olbridge_delta::{Credential, Location, Secret, StoreOptions};

pub use columns::{columns_of_files, columns_of_query};
pub use done::{Done, Outcome};
pub use look::{Described, Histories};
pub use rows::{FileRows, QueryRows};

use crate::error::{Error, Result};
use failure::failed;

/// How long a table that was opened counts as new.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(60);

/// Delta tables by location. Those that were opened are kept for a while, so that a job over many tables reads each log once; what writes looks at the
/// log itself in any case.
pub struct DeltaTables {
    cache: TableCache,
}

impl DeltaTables {
    /// Tables that are opened with `options` and count as new for `time_to_live`.
    pub fn new(options: StoreOptions, time_to_live: Duration) -> Self {
        DeltaTables { cache: TableCache::new(options, time_to_live) }
    }

    /// The table at a location, or the place where there is none yet.
    ///
    /// # Errors
    /// [`Error::Source`] when the store or the log cannot be read; [`Error::Usage`] for what names no place or no connection.
    pub fn open(&self, location: &Location) -> Result<Table> {
        self.cache.open(location).map_err(|error| failed(error, &location.to_string()))
    }

    /// The table at a location, which is there.
    ///
    /// # Errors
    /// As [`Self::open`], and [`Error::Source`] when there is no table.
    pub fn open_existing(&self, location: &Location) -> Result<Table> {
        let table = self.open(location)?;
        match table.exists() {
            true => Ok(table),
            false => Err(failed(olbridge_delta::Error::NoTable { location: location.to_string() }, &location.to_string())),
        }
    }

    /// Does `work` with the table, and keeps the version that it has made.
    fn with<T>(&self, location: &Location, work: impl FnOnce(&mut Table) -> Result<T>) -> Result<T> {
        let mut table = self.open_existing(location)?;
        let done = work(&mut table)?;
        self.cache.keep(&table);
        Ok(done)
    }
}

impl std::fmt::Debug for DeltaTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeltaTables").finish_non_exhaustive()
    }
}

/// Where a table is: `delta:` may stand before it.
///
/// # Errors
/// [`Error::Usage`] with the forms that there are.
pub fn location(text: &str) -> Result<Location> {
    crate::lake::delta::parse_location(crate::lake::delta::delta_location(text).unwrap_or(text))
}

/// What removes something is asked for by name.
fn refuse_unasked(what: &str, is_allowed: bool) -> Result<()> {
    match is_allowed {
        true => Ok(()),
        false => Err(Error::Usage {
            message: format!("this removes {what}; nothing was done"),
            remedy: "add --allow-destructive (\"allow_destructive\": true) if that is meant; --dry-run (\"dry_run\": true) shows what would happen"
                .into(),
        }),
    }
}
