//! What a run counts, and what it holds, while it goes.

use std::path::PathBuf;
use std::time::Duration;

use super::named_job::RunningJob;
use super::parallel::SessionReport;
use super::progress::Cancel;
use super::rejects::Rejects;
use crate::oracle_type::TableName;

/// Rows and times of a run in progress.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Those that an earlier run of the job has done included.
    pub(super) rows_read: u64,
    /// Of those, how many the job's row counted at the last commit.
    pub(super) rows_marked: u64,
    pub(super) rows_deleted: u64,
    pub(super) rows_committed: u64,
    /// Sent to the database since the last commit.
    pub(super) rows_open: u64,
    pub(super) commits: u64,
    /// The table that was made, with its schema where that is known.
    pub(super) created: Option<TableName>,
    /// The last commit has returned.
    pub(super) complete: bool,
    pub(super) prepare: Duration,
    pub(super) read: Duration,
    pub(super) commit: Duration,
    pub(super) rejects_file: Option<PathBuf>,
    /// Why a staged MERGE was taken back.
    pub(super) not_staged: Option<String>,
    /// Of each session of a parallel load.
    pub(super) sessions: Vec<SessionReport>,
    /// The error says by itself what is in the table.
    pub(super) tells_what_is_left: bool,
}

/// What a run holds beside the session.
pub(super) struct Parts<'a> {
    pub(super) rejects: &'a Rejects,
    pub(super) job: Option<&'a RunningJob>,
    pub(super) cancel: &'a Cancel,
}
