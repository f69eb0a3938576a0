//! Delta tables: opened, made, written, read, changed and cared for; every face here blocks.

mod alter;
mod by_partition;
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
mod features;
mod files;
mod gather;
mod guard;
mod hold;
mod keys;
mod mapping;
mod merge;
mod nan;
mod net;
mod own_files;
mod partitioned;
mod peek;
mod pool;
mod property_values;
mod protocol;
mod read;
mod repair;
mod scratch;
mod session;
mod spill;
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
use deltalake::logstore::object_store::ObjectStoreExt;
use deltalake::logstore::object_store::path::Path;
use deltalake::logstore::object_store::prefix::PrefixStore;
use deltalake::logstore::{ObjectStoreRef, StorageConfig, default_logstore};
use url::Url;

pub use alter::Alter;
pub use cache::TableCache;
pub use care::{OptimizeMetrics, OptimizeOptions, RestoreMetrics, VacuumOptions};
pub use changes::{Changes, DataFile, FileDiff};
pub use clause::assignment;
pub use commit::{CommitOptions, Epoch, OWN_ROWS_KEY, Outcome};
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
use crate::location::{Location, Service};
use crate::runtime;
use crate::store::layer::Layered;
use crate::store::{self, Opened};
use fault::{delta_error, is_no_table};
use guard::{Guard, Guarded};

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

/// The place, if a table there could be read again. deltalake takes the path for a URL once more: of a name with `%41` it would read the log of
/// another table, and of one with `#` or `?` the log of none, after a commit that was made where it says.
fn readable(location: &Location) -> Result<&Location> {
    if matches!(location.service(), Service::OneLake { .. }) && !names_a_table(location.key()) {
        return Err(Error::Location {
            location: location.to_string(),
            message: "a workspace or a lakehouse, and no table in it".into(),
            remedy: "onelake://WORKSPACE/LAKEHOUSE/TABLE, or onelake://WORKSPACE/LAKEHOUSE/SCHEMA/TABLE".into(),
        });
    }
    let key = location.key();
    let is_hex = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let encoded = key.match_indices('%').any(|(at, _)| key.get(at + 1..at + 3).is_some_and(is_hex));
    let odd = key.chars().find(|letter| ODD_LETTERS.contains(letter));
    let what = match (encoded, odd) {
        (true, _) => "a '%' before two hexadecimal digits".to_owned(),
        (_, Some(letter)) => format!("{letter:?}"),
        _ => return Ok(location),
    };
    Err(Error::Location {
        location: location.to_string(),
        message: format!("a Delta table whose name, or that of a folder above it, has {what} could be written and not be read"),
        remedy: "another name; blanks and letters of any language will do".into(),
    })
}

/// A key of OneLake: `ITEM/Tables/[SCHEMA/]TABLE`, or a folder below `ITEM/Files`.
fn names_a_table(key: &str) -> bool {
    key.split('/').filter(|part| !part.is_empty()).count() > 2
}

/// Letters that the path of a table cannot have.
const ODD_LETTERS: [char; 7] = ['#', '?', '[', ']', '^', '|', '\\'];

/// deltalake's table over the root of a store.
fn unloaded_over(root: ObjectStoreRef, opened: &Opened) -> DeltaTable {
    let table = PrefixStore::new(Arc::clone(&root), opened.path.clone());
    let url = Url::parse(&format!("{}/", opened.url.as_str().trim_end_matches('/'))).unwrap_or_else(|_| opened.url.clone());
    DeltaTable::new(default_logstore(Arc::new(table), root, &url, &StorageConfig::default()))
}

/// A Delta table, or a place where there is none yet. Operations of one value follow each other; open it again for another thread.
pub struct Table {
    opened: Opened,
    guard: Arc<Guarded>,
    inner: DeltaTable,
    files: FileOptions,
    /// See [`Table::set_memory`].
    memory_bytes: Option<usize>,
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
        let mut table = Table::unloaded(store::open(readable(location)?, options)?);
        table.refresh()?;
        Ok(table)
    }

    /// Opens a version of a table that exists. It can be read; an operation that writes goes on from the newest version.
    ///
    /// # Errors
    /// As [`Table::open`], and [`Error::NoTable`], and [`Error::Invalid`] when there is no such version.
    pub fn open_at(location: &Location, options: &StoreOptions, at: At) -> Result<Table> {
        let mut table = Table::unloaded(store::open(readable(location)?, options)?);
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
        if let At::Timestamp(time) = at {
            self.refuse_younger(time)?;
        }
        if let (At::Version(asked), Some(found)) = (at, self.version())
            && asked != found
        {
            return Err(self.invalid("open", &format!("there is no version {asked}, the newest is {found}"), "a version from the history"));
        }
        Ok(())
    }

    /// deltalake gives the oldest version that is left where all are younger than the time asked for.
    fn refuse_younger(&self, time: DateTime<Utc>) -> Result<()> {
        let version = self.version().unwrap_or_default();
        let commit = Path::from_iter(["_delta_log".to_owned(), format!("{version:020}.json")]);
        let log = self.inner.log_store().object_store(None);
        let found = self.wait(async move { log.head(&commit).await })?;
        let made = found.map_err(|error| store::store_error("open", self.location(), &error))?.last_modified;
        match made.timestamp_millis() > time.timestamp_millis() {
            true => Err(self.invalid(
                "open",
                &format!("at {time} there was no version that is left; the oldest is {version}, of {made}"),
                "a later time, or a version from the history",
            )),
            false => Ok(()),
        }
    }

    fn unloaded(opened: Opened) -> Table {
        let guard = Arc::new(Layered(Guard::new(Arc::clone(&opened.store), &opened.path)));
        let inner = unloaded_over(Arc::clone(&guard) as ObjectStoreRef, &opened);
        Table { opened, guard, inner, files: FileOptions::default(), memory_bytes: None }
    }

    /// The same version of the same table over the same connection, for another thread. What one writes the other finds with [`Table::refresh`].
    pub fn share(&self) -> Table {
        let mut table = Table { files: self.files.clone(), memory_bytes: self.memory_bytes, ..Table::unloaded(self.opened.clone()) };
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
        Error::Delta { action: "open", location: self.location().to_string(), message: error.to_string(), remedy: "fewer threads".into() }
    }
}

#[cfg(test)]
mod tests;
