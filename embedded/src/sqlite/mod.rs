//! What SQLite's C interface is needed for beyond `rusqlite`'s safe one: tables whose rows are in memory. Beside [`crate::abi`] the only unsafe
//! code; it knows nothing of Oracle.
#![allow(unsafe_code)]

mod rows;

pub(crate) use rows::{HandedRows, RowTable};
