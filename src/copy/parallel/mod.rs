//! A load by several sessions (`--parallel`): one thread reads, each session converts and executes what it is handed, in a transaction of its own.
//!
//! ```text
//!                  ┌─> session 1: convert, execute ─┐
//! reader ─ batches ├─> session 2: convert, execute ─┤ all ready? ─> commit 1, commit 2, …
//!                  └─> session 3: convert, execute ─┘     else ─> roll all back
//! ```
//! Where rows have a key, those of one key go to one session ([`crate::load::KeyRouter`]), in the order of the source. Nothing is committed before
//! every session has executed all its rows; but N commits are N, and what is there when one of them fails is said to the row.

mod board;
mod numbering;
mod outcome;
mod plan;
mod run;
mod tally;
mod worker;

pub use plan::Sessions;
pub(super) use plan::{Crew, sets_session};

/// One session's part of a load.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SessionReport {
    /// Number of the session, from 1.
    pub session: usize,
    /// Source rows that it has carried out.
    pub rows_loaded: u64,
    /// Source rows that were refused of those it was handed.
    pub rows_rejected: u64,
    /// Array executes.
    pub executes: u64,
    /// Commits.
    pub commits: u64,
    /// Waiting for rows.
    pub wait_ms: u64,
    /// Arrow to array buffers.
    pub convert_ms: u64,
    /// Array executes.
    pub execute_ms: u64,
    /// Commits.
    pub commit_ms: u64,
}
