//! A drop-in `libclntsh`: the OCI ABI of an Oracle client 19.3 over an engine on SQLite, to try olbridge, to test it and for CI without a
//! server. [`engine`] is safe Rust and knows nothing of OCI; [`abi`] is its front door and knows nothing of SQL;
//! `sqlite` is what the engine needs of SQLite's C interface.
#![deny(unsafe_code)]

pub mod abi;
pub mod engine;
mod sqlite;
