//! Delta Lake and OneLake tables, and the stores that hold them.
//!
//! Three layers, by feature, so that nobody builds what is not used:
//!
//! | feature | modules | what |
//! |---|---|---|
//! | none | [`location`], [`credential`], [`connection`], [`secret`] | addresses and credentials as data |
//! | `store` | `store`, `runtime` | opens S3, Azure, OneLake, Google, HTTP and local stores |
//! | `table` | `table` | Delta tables on the `deltalake` crate |
//!
//! # A store
//!
//! ```
//! # #[cfg(feature = "store")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use olbridge_delta::{Location, StoreOptions, object_store::ObjectStoreExt, runtime, store};
//!
//! let folder = std::env::temp_dir();
//! let location: Location = folder.join("olbridge-doc.txt").to_string_lossy().parse()?;
//! let opened = store::open(&location, &StoreOptions::default())?;
//! runtime::block_on(opened.store.put(&opened.path, "hello".into()))??;
//! # std::fs::remove_file(location.local_path().ok_or("local")?)?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "store"))]
//! # fn main() {}
//! ```
//!
//! # A table
//!
//! Every function blocks; a runtime of the crate's own is behind them. Threads each have their own [`table::Table`] ([`table::Table::share`]).
//!
//! | what | call |
//! |---|---|
//! | open | [`table::Table::open`], [`table::Table::open_at`], [`table::TableCache`]; a place without a table opens too: [`table::Table::exists`] |
//! | make | [`table::Table::create`], or a write with `create` |
//! | write | [`table::Table::write`]: append, overwrite (whole or by condition), error-if-exists, ignore; schema strict, merge, overwrite |
//! | read | [`table::Table::read`], [`table::Table::changes`] (change data feed), [`table::Table::net_changes`] (one change for each key), [`table::Table::diff`] and [`table::Table::read_files`] (versions by files) |
//! | change rows | [`table::Table::delete`], [`table::Table::update`], [`table::Table::merge`]; clauses as texts by [`str::parse`]; [`table::Table::count_rows`] |
//! | files | [`table::Table::set_file_options`]: compression, row groups, pages, dictionaries, bloom filters of whatever writes |
//! | change the table | [`table::Table::alter`], [`table::Table::widen_column`], [`table::Table::restore`], [`table::Table::drop_table`] |
//! | care | [`table::Table::optimize`], [`table::Table::vacuum`], [`table::Table::checkpoint`], [`table::Table::clean_log`], [`table::Table::repair_statistics`] |
//! | look | [`table::Table::describe`], [`table::Table::history`], [`table::Table::epoch`] |
//!
//! Rows come from a [`table::Source`]: opened anew for each attempt if it can be ([`table::Batches`], your own), or once ([`table::Once`]). It is read on
//! the caller's thread and need be neither `Send` nor `'static`. **Exactly once**: a commit that carries a [`table::Epoch`] is made once, however often it
//! is asked for and whatever becomes of the answers; [`table::Outcome`] says what happened. Guards before destructive operations are the caller's.
//!
//! ```
//! # #[cfg(feature = "table")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use arrow::array::{Int64Array, RecordBatch};
//! use olbridge_delta::table::{Batches, CommitOptions, Epoch, Merge, NewTable, Outcome, Scan, Table, WriteOptions};
//! use olbridge_delta::{Location, StoreOptions};
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().join("orders");
//! let location: Location = folder.to_string_lossy().parse()?;
//! let batch = RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![1, 2])) as _)])?;
//! let mut rows = Batches::new(batch.schema(), vec![batch.clone()]);
//!
//! let mut table = Table::open(&location, &StoreOptions::default())?;
//! let options = WriteOptions { create: Some(NewTable::new(batch.schema())), ..WriteOptions::default() };
//! let commit = CommitOptions { epoch: Some(Epoch { app_id: "olbridge/orders".into(), epoch: 1 }), ..CommitOptions::default() };
//! table.write(&mut rows, &options, &commit)?;
//! assert_eq!(table.write(&mut rows, &options, &commit)?, Outcome::AlreadyCommitted { epoch: 1 });
//!
//! table.merge(&mut rows, &Merge::upsert(&["id".into()]), &CommitOptions::default())?;
//! let found: usize = table.read(&Scan::default())?.map(|batch| batch.map_or(0, |batch| batch.num_rows())).sum();
//! assert_eq!(found, 2);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "table"))]
//! # fn main() {}
//! ```

#![cfg_attr(not(feature = "table"), allow(rustdoc::broken_intra_doc_links))]

pub mod connection;
pub mod credential;
pub mod error;
pub mod location;
pub mod secret;

#[cfg(feature = "store")]
pub mod runtime;
#[cfg(feature = "store")]
pub mod store;

#[cfg(feature = "store")]
pub use object_store;

#[cfg(feature = "table")]
pub mod table;

pub use connection::StoreOptions;
pub use credential::Credential;
pub use error::{Error, Result, StoreFault, ValueCause};
pub use location::{Location, Service};
pub use secret::{Secret, SecretSource};
