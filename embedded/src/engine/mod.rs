//! The engine: Oracle's types, SQL and transactions over SQLite. Safe Rust, no OCI in it; see `abi` for the front door.

mod datum;
mod error;
mod number;
mod session;
mod shape;
mod types;

pub use datum::{Datum, DatumKind};
pub use error::{OraError, Result};
pub use number::{Number, NumberError};
pub use session::{Cursor, Interrupt, Session, Statement};
pub use shape::{Shape, StatementKind, shape};
pub use types::{CharUnit, ColumnInfo, DataType};
