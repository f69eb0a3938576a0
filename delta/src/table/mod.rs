//! Delta tables: opened, made, written, read, changed and cared for; every face here blocks.

mod alter;
mod cache;
mod care;
mod changes;
mod clause;
mod commit;
mod convert;
mod create;
mod describe;
mod dml;
mod draft;
mod drop;
mod exact;
mod fault;
mod files;
mod guard;
mod mapping;
mod merge;
mod nan;
mod net;
mod protocol;
mod read;
mod repair;
mod statistics;
mod stream;
mod types;
mod widen;
mod write;

use std::future::Future;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use deltalake::DeltaTable;
use deltalake::logstore::object_store::prefix::PrefixStore;
use deltalake::logstore::{ObjectStoreRef, StorageConfig, default_logstore};
use url::Url;

pub use alter::Alter;
pub use cache::TableCache;
pub use care::{OptimizeMetrics, OptimizeOptions, RestoreMetrics, VacuumOptions};
pub use changes::{Changes, DataFile, FileDiff};
pub use clause::assignment;
pub use commit::{CommitOptions, Epoch, Outcome};
pub use create::{Created, NewTable};
pub use describe::{Description, HistoryEntry};
pub use dml::ChangeMetrics;
pub use drop::Dropped;
pub use files::{FileOptions, compression};
pub use merge::{Assignments, Clause, Merge, MergeMetrics};
pub use net::{CHANGE_COLUMN, ChangeWay, ChangesBy, NetChanges, NetQuery};
pub use read::{Scan, TableReader};
pub use stream::{Batches, Once, Source};
pub use types::{Loss, Losses, delta_schema, delta_type, needs_column_mapping};
pub use write::{SchemaMode, WriteMetrics, WriteMode, WriteOptions};

use crate::connection::StoreOptions;
use crate::error::{Error, Result};
use crate::location::Location;
use crate::runtime;
use crate::store::{self, Opened};
use fault::{delta_error, is_no_table};
use guard::{Guarded, guarded};

/// Which version of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum At {
    /// The newest.
    #[default]
    Latest,
    /// One by number.
    Version(u64),
    /// The newest that is not younger than this.
    Timestamp(DateTime<Utc>),
}

/// A Delta table, or a place where there is none yet. Operations of one value follow each other; open it again for another thread.
pub struct Table {
    opened: Opened,
    guard: Arc<Guarded>,
    inner: DeltaTable,
    files: FileOptions,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("location", &self.location().to_string()).field("version", &self.version()).finish()
    }
}

impl Table {
    /// Opens the newest version, or a place without a table.
    ///
    /// # Errors
    /// The store cannot be opened or read, or the log is damaged, or needs a feature that is not implemented.
    pub fn open(location: &Location, options: &StoreOptions) -> Result<Table> {
        let mut table = Table::unloaded(store::open(location, options)?);
        table.refresh()?;
        Ok(table)
    }

    /// Opens a version of a table that exists. It can be read; an operation that writes goes on from the newest version.
    ///
    /// # Errors
    /// As [`Table::open`], and [`Error::NoTable`], and [`Error::Invalid`] when there is no such version.
    pub fn open_at(location: &Location, options: &StoreOptions, at: At) -> Result<Table> {
        let mut table = Table::unloaded(store::open(location, options)?);
        table.load(at)?;
        Ok(table)
    }

    /// The kernel takes a local folder that is not there for a broken address.
    fn has_no_folder(&self) -> bool {
        self.location().local_path().is_some_and(|path| !path.exists())
    }

    fn load(&mut self, at: At) -> Result<()> {
        if self.has_no_folder() {
            return Err(Error::NoTable { location: self.location().to_string() });
        }
        let mut inner = self.inner.clone();
        let inner = self.wait(async move {
            match at {
                At::Latest => inner.load().await,
                At::Version(version) => inner.load_version(version).await,
                At::Timestamp(time) => inner.load_with_datetime(time).await,
            }
            .map(|()| inner)
        })?;
        self.inner = inner.map_err(|error| match (at, delta_error("open", self.location(), &error)) {
            (At::Version(version), Error::Invalid { .. }) => {
                self.invalid("open", &format!("there is no version {version}"), "a version from the history")
            }
            (_, error) => error,
        })?;
        if let (At::Version(asked), Some(found)) = (at, self.version())
            && asked != found
        {
            return Err(self.invalid("open", &format!("there is no version {asked}, the newest is {found}"), "a version from the history"));
        }
        Ok(())
    }

    fn unloaded(opened: Opened) -> Table {
        let guard = Arc::new(guarded(Arc::clone(&opened.store), &opened.path));
        let root: ObjectStoreRef = Arc::clone(&guard) as ObjectStoreRef;
        let table = PrefixStore::new(Arc::clone(&root), opened.path.clone());
        let url = Url::parse(&format!("{}/", opened.url.as_str().trim_end_matches('/'))).unwrap_or_else(|_| opened.url.clone());
        let inner = DeltaTable::new(default_logstore(Arc::new(table), root, &url, &StorageConfig::default()));
        Table { opened, guard, inner, files: FileOptions::default() }
    }

    /// The same version of the same table over the same connection, for another thread. What one writes the other finds with [`Table::refresh`].
    pub fn share(&self) -> Table {
        let mut table = Table { files: self.files.clone(), ..Table::unloaded(self.opened.clone()) };
        if let Ok(state) = self.inner.snapshot() {
            table.inner.state = Some(state.clone());
        }
        table
    }

    /// Goes on to the newest version.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn refresh(&mut self) -> Result<()> {
        if self.has_no_folder() && !self.exists() {
            return Ok(());
        }
        let mut inner = self.inner.clone();
        let loaded = self.wait(async move { inner.update_state().await.map(|()| inner) })?;
        match loaded {
            Ok(inner) => self.inner = inner,
            Err(error) if is_no_table(&error) && self.version().is_none() => {}
            Err(error) => return Err(delta_error("open", self.location(), &error)),
        }
        Ok(())
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.opened.location
    }

    /// Whether there is a table.
    pub fn exists(&self) -> bool {
        self.version().is_some()
    }

    /// The version that is open; `None` when there is no table.
    pub fn version(&self) -> Option<u64> {
        self.inner.version()
    }

    /// Its columns, partition columns included, in Arrow types: Utf8, Binary, Timestamp in microseconds.
    ///
    /// # Errors
    /// [`Error::NoTable`].
    pub fn schema(&self) -> Result<SchemaRef> {
        Ok(self.state()?.snapshot().arrow_schema())
    }

    /// Its partition columns.
    ///
    /// # Errors
    /// [`Error::NoTable`].
    pub fn partition_columns(&self) -> Result<Vec<String>> {
        Ok(self.state()?.metadata().partition_columns().to_vec())
    }

    fn state(&self) -> Result<&deltalake::table::state::DeltaTableState> {
        self.inner.snapshot().map_err(|_| Error::NoTable { location: self.location().to_string() })
    }

    /// Waits for deltalake.
    fn wait<F>(&self, future: F) -> Result<F::Output>
    where
        F: Future + Send,
        F::Output: Send,
    {
        runtime::block_on(future).map_err(|error| self.io_error(&error))
    }

    fn io_error(&self, error: &std::io::Error) -> Error {
        Error::Delta {
            action: "open",
            location: self.location().to_string(),
            message: error.to_string(),
            remedy: "fewer threads".into(),
            outcome_unknown: false,
        }
    }
}

#[cfg(test)]
mod tests;
