//! Oracle through OCI: the safe side of `oci-sys`, and all of this crate's unsafe code.
//!
//! What was decided here:
//! * One client library per process, shared with rust-oracle, which logs in and runs DDL and queries. Arrays are executed in the same session
//!   through a service context of our own on its environment, server and session handles; see [`Session`].
//! * Every allocation has one owner (`handle`); what depends on another is declared before it or borrows it. Drop never panics and never commits.
//! * Each OCI function is called in one place, which turns its status into an [`OciError`] with the function and what it was called for.
//! * Array buffers are allocated once, reached by the client and us through the same raw pointer, and bound once; `rowoff` is always 0, no more
//!   than [`MAX_ROWS_PER_EXECUTE`] rows an execute, lengths are checked against the stride before the client sees them.
//! * Character data always has a length array: without one the client strips trailing blanks.

mod array;
mod arrays;
mod attribute;
mod buffer;
mod cancel;
mod charset;
mod check;
#[cfg(test)]
pub(crate) mod client_numbers;
mod describe;
mod descriptor;
mod fetch;
mod guard;
mod handle;
mod library;
mod lob;
mod options;
mod query;
mod region;
mod remedy;
mod returning;
mod session;
mod statement;

pub use array::{ArrayMode, ArrayOutcome, ArrayRowError, ArrayStatement, ExecuteOptions, LongValues, MAX_ROWS_PER_EXECUTE, Shape};
pub use arrays::ArraySet;
pub use cancel::CancelHandle;
pub use check::OciError;
pub(crate) use check::is_statement_level;
pub use fetch::{BadCell, FetchOutcome, FetchStatement};
pub use guard::LogicalOutcome;
pub use library::ClientInfo;
pub use options::{ConnectOptions, Secret};
pub use query::BindValue;
pub use remedy::remedy;
pub use session::Session;
