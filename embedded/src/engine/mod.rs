//! The engine: Oracle's types, SQL and transactions over SQLite. Safe Rust, no OCI in it; see `abi` for the front door.
//!
//! SQL text → `shape` (outline) and `parse`/`ddl` (syntax) → `translate` (names, types, SQLite's SQL) → `session` with `dml`, `commands` and
//! `cursor` (running it) → `value` (one conversion into every column) → `store` (connections to the file).

mod activity;
mod block;
mod catalog;
mod commands;
mod counters;
mod cursor;
mod datetime;
mod datetime_format;
mod datum;
mod ddl;
mod define;
mod dialect;
mod dictionary;
mod dml;
mod error;
mod functions;
mod guard;
mod interrupt;
mod interval;
mod json;
mod last_row;
mod nls;
mod number;
mod objects;
mod packed_rows;
mod parse;
mod password;
mod regexp;
mod release;
mod rowid;
mod sequence;
mod session;
mod shape;
mod store;
mod tokens;
mod translate;
mod types;
mod undo;
mod value;
mod vector;
mod writers;
pub(crate) mod zone;

pub use cursor::{Cursor, LobHome};
pub use datum::{Datum, DatumKind};
pub use dml::Columns;
pub use error::{OraError, Result};
pub use interrupt::Interrupt;
pub(crate) use interval::{fields_text, months_text, nanos_of, nanos_text};
pub(crate) use nls::Nls;
pub use number::{Number, NumberError};
pub use release::Release;
pub use session::{Session, Statement};
pub use shape::{Shape, StatementKind, shape};
pub use types::{CharUnit, ColumnInfo, DataType};
