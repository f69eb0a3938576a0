//! Delta Lake and OneLake tables, and the stores that hold them.
//!
//! Three layers, by feature, so that nobody builds what is not used:
//!
//! | feature | modules | what |
//! |---|---|---|
//! | none | [`location`], [`credential`], [`connection`], [`secret`] | addresses and credentials as data |
//! | `store` | `store`, `runtime` | opens S3, Azure, OneLake, Google, HTTP and local stores |
//! | `table` | | Delta tables on the `deltalake` crate |
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

pub use connection::StoreOptions;
pub use credential::Credential;
pub use error::{Error, Result, StoreFault};
pub use location::{Location, Service};
pub use secret::{Secret, SecretSource};
