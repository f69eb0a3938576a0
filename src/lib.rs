//! olbridge moves tables between Oracle and the lakehouse through OCI array binding.
#![deny(unsafe_code)]

pub mod bind;
#[allow(unsafe_code)]
pub mod capi;
mod collation;
pub mod column;
pub mod copy;
pub mod define;
#[cfg(feature = "delta")]
pub mod delta;
pub mod error;
pub mod fetch;
pub mod lake;
pub mod layout;
pub mod load;
#[allow(unsafe_code)]
pub mod oci;
pub mod oracle_type;
mod percent;
pub mod scan;
pub mod sql;
pub mod transaction;
pub mod type_map;
pub mod value;

pub use arrow;
pub use error::{Error, Result};
pub use parquet;
