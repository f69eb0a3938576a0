//! What is told of a copy between databases: before, and after.

use std::fmt;
use std::time::{Duration, Instant};

use super::PipePlan;
use crate::copy::format::{TextTable, bytes, count, milliseconds, thousands};
use crate::copy::plan::TableAction;
use crate::copy::report::ms;

/// Where the time went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct PipeTimes {
    /// In the client of the source.
    pub fetch_ms: u64,
    /// From buffer to buffer.
    pub copy_ms: u64,
    /// In the client of the target, at the same time as the fetches where no column is a LOB.
    pub execute_ms: u64,
    /// Of the execution: what the fetching thread waited for.
    pub execute_wait_ms: u64,
    /// The commit.
    pub commit_ms: u64,
    /// All of it.
    pub total_ms: u64,
}

/// What a pipe did. `Display` is the closing summary, `Serialize` the JSON report.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PipeReport {
    /// The source without any secret.
    pub source: String,
    /// The target's table.
    pub table: String,
    /// What was done to it.
    pub action: TableAction,
    /// SCN that was read, where it is known.
    pub scn: Option<u64>,
    /// Rows read and inserted.
    pub rows: u64,
    /// Rows that were deleted before.
    pub rows_deleted: u64,
    /// Array executes.
    pub executes: u64,
    /// Rows per second of the total time.
    pub rows_per_second: u64,
    /// Where the time went.
    pub times: PipeTimes,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

/// Rows and times of a run in progress.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// This run has created the table.
    pub(super) created: bool,
    pub(super) rows: u64,
    pub(super) rows_deleted: u64,
    pub(super) executes: u64,
    pub(super) fetch: Duration,
    pub(super) copy: Duration,
    pub(super) execute: Duration,
    pub(super) wait: Duration,
    pub(super) commit: Duration,
}

impl PipePlan {
    pub(super) fn report(self, tally: &Tally, began: Instant) -> PipeReport {
        let total = began.elapsed();
        PipeReport {
            source: self.source,
            table: self.table,
            action: self.action,
            scn: self.scn,
            rows: tally.rows,
            rows_deleted: tally.rows_deleted,
            executes: tally.executes,
            rows_per_second: (tally.rows as f64 / total.as_secs_f64().max(1e-6)) as u64,
            times: PipeTimes {
                fetch_ms: ms(tally.fetch),
                copy_ms: ms(tally.copy),
                execute_ms: ms(tally.execute),
                execute_wait_ms: ms(tally.wait),
                commit_ms: ms(tally.commit),
                total_ms: ms(total),
            },
            warnings: self.warnings,
        }
    }
}

impl fmt::Display for PipePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "source   {}", self.source)?;
        writeln!(f, "target   {}", self.target)?;
        writeln!(f, "\n{};", self.select_sql)?;
        self.first_statement.iter().try_for_each(|statement| writeln!(f, "{statement};"))?;
        writeln!(f, "{};\n", self.statement)?;
        let mut table = TextTable::new(["column", "source", "target"]);
        for column in self.columns.clone() {
            table.row([column.name, column.source_type, column.target_type]);
        }
        write!(f, "{table}")?;
        if let Some(scn) = self.scn {
            writeln!(f, "\nsnapshot SCN {scn}")?;
        }
        writeln!(f, "{} rows per batch, {} of array buffers", thousands(u64::from(self.rows_per_batch)), bytes(self.buffer_bytes))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

impl fmt::Display for PipeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.action == TableAction::Skip {
            return writeln!(f, "nothing done: {} exists (mode ignore)", self.table);
        }
        let scn = self.scn.map(|scn| format!(" as of SCN {scn}")).unwrap_or_default();
        writeln!(f, "{} copied from {}{scn} into {}", count(self.rows, "row"), self.source, self.table)?;
        let t = &self.times;
        writeln!(f, "  in {}: {} rows/s, {}", milliseconds(t.total_ms), thousands(self.rows_per_second), count(self.executes, "execute"))?;
        let stages = [
            ("fetch", t.fetch_ms),
            ("copy", t.copy_ms),
            ("execute", t.execute_ms),
            ("waited for it", t.execute_wait_ms),
            ("commit", t.commit_ms),
        ];
        let stages: Vec<String> = stages.iter().map(|(name, time_ms)| format!("{name} {}", milliseconds(*time_ms))).collect();
        writeln!(f, "  {}", stages.join(", "))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}
