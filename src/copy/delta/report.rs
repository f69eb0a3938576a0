//! What a copy into a Delta table did.

use std::fmt;
use std::time::Duration;

use olbridge_delta::table::MergeMetrics;

use super::follow::DeltaFollowed;
use super::plan::DeltaAction;
use crate::copy::export::{Readers, Snapshot};
use crate::copy::format::{count, milliseconds, thousands};

/// Time of each stage in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct DeltaTimes {
    /// Within the client and the network.
    pub fetch_ms: u64,
    /// Array buffers to Arrow.
    pub convert_ms: u64,
    /// Waiting for the files and the commit.
    pub write_ms: u64,
    /// From the query to the commit.
    pub total_ms: u64,
    /// Of the total, the part in which rows were waited for: near 100 where the source alone is as slow.
    pub source_percent: u8,
    /// Of the total, the part in which the files and the commit were waited for.
    pub table_percent: u8,
}

impl DeltaTimes {
    /// With the parts of the total that each side was waited for.
    pub(super) fn with_parts(self, busy: Duration, total: Duration) -> Self {
        let percent = |part: Duration| (100.0 * part.as_secs_f64() / total.as_secs_f64().max(1e-9)).clamp(0.0, 100.0).round() as u8;
        let source_percent = percent(busy);
        DeltaTimes { source_percent, table_percent: 100 - source_percent, ..self }
    }
}

/// Counts of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Merged {
    /// Rows of the source.
    pub source_rows: u64,
    /// Rows inserted.
    pub rows_inserted: u64,
    /// Rows updated.
    pub rows_updated: u64,
    /// Rows deleted.
    pub rows_deleted: u64,
    /// Rows written again unchanged, because they shared a file with changed ones.
    pub rows_copied: u64,
    /// Files added.
    pub files_added: u64,
    /// Files that are no longer part of the table.
    pub files_removed: u64,
}

impl From<MergeMetrics> for Merged {
    fn from(metrics: MergeMetrics) -> Self {
        Merged {
            source_rows: metrics.source_rows,
            rows_inserted: metrics.rows_inserted,
            rows_updated: metrics.rows_updated,
            rows_deleted: metrics.rows_deleted,
            rows_copied: metrics.rows_copied,
            files_added: metrics.files_added,
            files_removed: metrics.files_removed,
        }
    }
}

/// What has become of the table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Rows were written.
    Written {
        /// The version that the commit made.
        version: u64,
        /// How often it was run, because other writers were faster.
        attempts: u32,
        /// Rows.
        rows: u64,
        /// Files added.
        files_added: u64,
        /// Files that are no longer part of the table.
        files_removed: u64,
        /// The table was made.
        created: bool,
    },
    /// Rows were merged.
    Merged {
        /// The version that the commit made.
        version: u64,
        /// How often it was run, because other writers were faster.
        attempts: u32,
        /// Counts.
        metrics: Merged,
    },
    /// The table has this epoch of the job, or a later one: nothing was done.
    AlreadyThere {
        /// The epoch that it has.
        epoch: i64,
    },
    /// Nothing was to be done.
    Nothing,
}

/// What a copy into a Delta table did. `Display` is the closing summary, `Serialize` the JSON report.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeltaReport {
    /// The source without any secret.
    pub source: String,
    /// The table.
    pub location: String,
    /// What was to be done to it.
    pub action: DeltaAction,
    /// The query.
    pub select_sql: Option<String>,
    /// The moment that was read.
    pub snapshot: Snapshot,
    /// What an incremental copy went on from.
    pub followed: Option<DeltaFollowed>,
    /// Name of the job.
    pub job: Option<String>,
    /// What has become of the table.
    pub change: Change,
    /// Rows read and committed.
    pub rows: u64,
    /// Sessions and the pieces that they read.
    pub readers: Option<Readers>,
    /// Array fetches that brought rows.
    pub fetches: u64,
    /// Memory of the array buffers.
    pub buffer_bytes: u64,
    /// Rows per second of the total time.
    pub rows_per_second: u64,
    /// Where the time went.
    pub times: DeltaTimes,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

impl DeltaReport {
    /// A commit was made, which a second run may make again.
    pub fn has_committed(&self) -> bool {
        matches!(self.change, Change::Written { .. } | Change::Merged { .. })
    }
}

impl fmt::Display for DeltaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = count(self.rows, "row");
        match &self.change {
            Change::Nothing => return writeln!(f, "nothing done: {} exists", self.location),
            Change::AlreadyThere { epoch } => {
                let job = self.job.as_deref().unwrap_or_default();
                writeln!(f, "nothing done: {} has epoch {epoch} of job {job}", self.location)?;
                return self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"));
            }
            Change::Written { version, created, .. } => {
                let created = if *created { ", which was made" } else { "" };
                writeln!(f, "{rows} written into {} as version {version}{created}", self.location)?;
            }
            Change::Merged { version, metrics, .. } => {
                let counted = [("updated", metrics.rows_updated), ("inserted", metrics.rows_inserted), ("deleted", metrics.rows_deleted)];
                let counted = counted.map(|(what, rows)| format!("{} {what}", thousands(rows))).join(", ");
                writeln!(f, "{rows} merged into {} as version {version}: {counted}", self.location)?;
            }
        }
        if let Some(followed) = &self.followed {
            writeln!(f, "  changes {followed}")?;
        }
        let scn = self.snapshot.scn.map(|scn| format!(" at SCN {scn}")).unwrap_or_default();
        let times = &self.times;
        writeln!(
            f,
            "  read{scn} in {}: {} rows/s, fetches {}",
            milliseconds(times.total_ms),
            thousands(self.rows_per_second),
            thousands(self.fetches)
        )?;
        let sessions = self.readers.as_ref().map_or(1, |readers| readers.sessions);
        let sums = if sessions > 1 { format!(" (fetch and convert: sums over {sessions} sessions)") } else { String::new() };
        writeln!(
            f,
            "  fetch {}, convert {}, write and commit {}{sums}",
            milliseconds(times.fetch_ms),
            milliseconds(times.convert_ms),
            milliseconds(times.write_ms)
        )?;
        writeln!(f, "  of the time, {} % waiting for the source and {} % for the table", times.source_percent, times.table_percent)?;
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}
