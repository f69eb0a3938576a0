//! What a copy did.

use std::fmt;
use std::time::{Duration, Instant};

use super::format::{bytes, count, milliseconds, thousands};
use super::incremental::Followed;
use super::job::Mode;
use super::named_job::NamedJob;
use super::parallel::SessionReport;
use super::plan::{CopyPlan, TableAction};
use super::preflight::PreflightReport;
use super::staged::MergeChoice;
use super::tally::Tally;
use crate::load::{LoadReport, TruncatedValues};

/// Time of each stage in milliseconds, on the thread that runs the job. Decoding happens on another one, so `read_ms` is only the time
/// spent waiting for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct StageTimes {
    /// CREATE, TRUNCATE or DELETE.
    pub prepare_ms: u64,
    /// Waiting for decoded batches.
    pub read_ms: u64,
    /// Arrow to array buffers.
    pub convert_ms: u64,
    /// The next batch was converted on a thread of its own while the present one was executed: then `convert_ms` and `execute_ms` overlap, and
    /// this thread has spent `convert_wait_ms` of the former.
    pub overlapped: bool,
    /// Waiting for the conversion, where `overlapped`.
    pub convert_wait_ms: u64,
    /// Array executes.
    pub execute_ms: u64,
    /// Commits.
    pub commit_ms: u64,
    /// From the first statement to the last commit.
    pub total_ms: u64,
}

pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a copy did. `Display` is the closing summary, `Serialize` the JSON report.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CopyReport {
    /// The target without any secret.
    pub target: String,
    /// The table.
    pub table: String,
    /// As asked for.
    pub mode: Mode,
    /// What was done to the table.
    pub action: TableAction,
    /// This job created the table.
    pub table_created: bool,
    /// The statement before the first row, if there was one.
    pub first_statement: Option<String>,
    /// The way that an upsert took, and why.
    pub merge: Option<MergeChoice>,
    /// Rows that the source's footers count.
    pub rows_read: u64,
    /// Source rows that were carried out: rows that are in the table now because of this job, or that `delete` has removed.
    pub rows_loaded: u64,
    /// Rows of the table that changed: more than `rows_loaded`, where a key that is not unique finds several.
    pub rows_affected: u64,
    /// Source rows whose key was not in the table, where they are counted.
    pub rows_not_found: u64,
    /// Rows to be deleted were marked and stay.
    pub soft_delete: bool,
    /// Source rows that a conversion refused.
    pub rows_rejected_convert: u64,
    /// Source rows that the database refused or did not find.
    pub rows_rejected_execute: u64,
    /// Where the refused rows are.
    pub rejects_file: Option<String>,
    /// Rows that `overwrite` deleted, or that a delete mark has deleted or marked as deleted.
    pub rows_deleted: u64,
    /// Values that were cut off because their column is too narrow, by column (`--lossy truncate`).
    pub truncated: Vec<TruncatedValues>,
    /// Files of the source.
    pub files: u64,
    /// Their bytes on disk.
    pub source_bytes: u64,
    /// Array executes.
    pub executes: u64,
    /// Commits.
    pub commits: u64,
    /// Largest size of the array buffers.
    pub peak_buffer_bytes: u64,
    /// Rows loaded per second of the total time.
    pub rows_per_second: u64,
    /// Where the time went.
    pub times: StageTimes,
    /// What each session has done, where there were several: `times` and all counts are then sums over them, but for `read_ms` and `total_ms`.
    pub sessions: Vec<SessionReport>,
    /// Of which versions changes were read, and how.
    pub followed: Option<Followed>,
    /// The job, if it has a name, as it was before this run.
    pub job: Option<NamedJob>,
    /// What a look at all values had found before, if one was asked for.
    pub preflight: Option<PreflightReport>,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

impl CopyPlan {
    /// What a run comes to.
    pub(super) fn report(mut self, tally: &Tally, load: LoadReport, began: Instant) -> CopyReport {
        if let Some(why) = &tally.not_staged {
            self.go_by_arrays(why);
        }
        let total = began.elapsed();
        let times = StageTimes {
            prepare_ms: ms(tally.prepare),
            read_ms: ms(tally.read),
            convert_ms: ms(load.convert_time),
            overlapped: load.overlapped,
            convert_wait_ms: ms(load.convert_wait),
            execute_ms: ms(load.execute_time),
            commit_ms: ms(tally.commit),
            total_ms: ms(total),
        };
        CopyReport {
            table_created: self.action == TableAction::Create,
            target: self.target,
            table: self.table,
            mode: self.mode,
            action: self.action,
            first_statement: self.first_statement,
            merge: self.merge,
            rows_read: tally.rows_read,
            rows_loaded: load.rows_loaded,
            rows_affected: load.rows_affected,
            rows_not_found: load.rows_not_found,
            soft_delete: self.soft_delete,
            rows_rejected_convert: load.rows_rejected_convert,
            rows_rejected_execute: load.rows_rejected_execute,
            rejects_file: tally.rejects_file.as_ref().map(|path| path.display().to_string()),
            rows_deleted: tally.rows_deleted + load.rows_deleted,
            truncated: load.truncated,
            files: self.files,
            source_bytes: self.source_bytes,
            executes: load.executes,
            commits: tally.commits,
            peak_buffer_bytes: load.peak_buffer_bytes as u64,
            rows_per_second: (load.rows_loaded as f64 / total.as_secs_f64().max(1e-6)) as u64,
            times,
            followed: self.followed,
            job: self.job,
            sessions: tally.sessions.clone(),
            preflight: self.preflight,
            warnings: self.warnings,
        }
    }
}

impl CopyReport {
    /// Source rows that are not in the table, but in the file of refused rows.
    pub fn rows_rejected(&self) -> u64 {
        self.rows_rejected_convert + self.rows_rejected_execute
    }

    /// Whether rows of the source are not in the table because they were refused, by this run or an earlier one of the job.
    pub fn has_rejected_rows(&self) -> bool {
        self.rows_rejected() > 0 || self.job.as_ref().is_some_and(|job| job.rows_rejected_before > 0)
    }

    fn write_earlier_rejects(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.job.as_ref().filter(|job| job.rows_rejected_before > 0) {
            Some(job) => {
                writeln!(f, "  {} refused by then: {}", count(job.rows_rejected_before, "row"), job.reject_files.join(", "))
            }
            None => Ok(()),
        }
    }

    /// What was done, to how many rows.
    fn write_headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.action {
            TableAction::Create => " (created)".to_owned(),
            TableAction::Truncate => " (truncated before)".to_owned(),
            TableAction::Replace => format!(" (replacing {})", count(self.rows_deleted, "row")),
            TableAction::Append if self.mode == Mode::Create => " (the table existed, rows were added)".to_owned(),
            TableAction::Append | TableAction::Skip => String::new(),
            TableAction::Upsert | TableAction::Update | TableAction::Delete => self.by_key(),
        };
        let (rows, table) = (count(self.rows_loaded, "row"), &self.table);
        match self.action {
            TableAction::Upsert if self.rows_deleted > 0 => {
                writeln!(f, "{rows} merged into {table}, {} of them deleted{how}", thousands(self.rows_deleted))?;
            }
            TableAction::Upsert => writeln!(f, "{rows} merged into {table}{how}")?,
            TableAction::Update => writeln!(f, "{rows} updated in {table}{how}")?,
            TableAction::Delete if self.soft_delete => writeln!(f, "{rows} marked as deleted in {table}{how}")?,
            TableAction::Delete => writeln!(f, "{rows} deleted from {table}{how}")?,
            _ => writeln!(f, "{rows} loaded into {table}{how}")?,
        }
        Ok(())
    }

    /// What a key found that is not one row for each.
    fn by_key(&self) -> String {
        let mut how = String::new();
        if self.rows_not_found > 0 {
            how.push_str(&format!("; the key of {} was not there", count(self.rows_not_found, "row")));
        }
        if self.rows_affected != self.rows_loaded {
            how.push_str(&format!("; {} of the table changed", count(self.rows_affected, "row")));
        }
        how
    }
}

impl fmt::Display for CopyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(NamedJob { name, complete_since: Some(since), .. }), Some(followed)) = (&self.job, &self.followed) {
            return writeln!(f, "nothing done: job {name} has applied version {} to {} by {since}", followed.version, self.table);
        }
        if let Some(NamedJob { name, complete_since: Some(since), .. }) = &self.job {
            writeln!(f, "nothing done: job {name} has loaded this source into {} by {since}", self.table)?;
            return self.write_earlier_rejects(f);
        }
        if self.action == TableAction::Skip {
            return writeln!(f, "nothing done: {} exists (mode {})", self.table, self.mode);
        }
        self.write_headline(f)?;
        if let Some(followed) = &self.followed {
            writeln!(f, "  changes {followed}")?;
        }
        if let Some(job) = self.job.as_ref().filter(|job| job.rows_done_before > 0) {
            writeln!(f, "  job {}: the first {} had been done before", job.name, count(job.rows_done_before, "row"))?;
            self.write_earlier_rejects(f)?;
        }
        writeln!(
            f,
            "  {} in {}: {} rows/s from {}, {}, {}",
            count(self.files, "file"),
            milliseconds(self.times.total_ms),
            thousands(self.rows_per_second),
            bytes(self.source_bytes),
            count(self.executes, "execute"),
            count(self.commits, "commit"),
        )?;
        if let Some(file) = &self.rejects_file {
            let (rows, by_us, by_database) = (self.rows_rejected(), self.rows_rejected_convert, self.rows_rejected_execute);
            let rows = count(rows, "row");
            writeln!(f, "  {rows} refused ({} in conversion, {} by the database): {file}", thousands(by_us), thousands(by_database))?;
        }
        if !self.truncated.is_empty() {
            let columns = self.truncated.iter().map(|cut| format!("{} {}", cut.column, thousands(cut.values)));
            writeln!(f, "  values cut off: {}", columns.collect::<Vec<_>>().join(", "))?;
        }
        let t = &self.times;
        let convert = match t.overlapped {
            true => format!("convert {} beside the execute ({} waited for)", milliseconds(t.convert_ms), milliseconds(t.convert_wait_ms)),
            false => format!("convert {}", milliseconds(t.convert_ms)),
        };
        let named = |name: &str, time_ms| format!("{name} {}", milliseconds(time_ms));
        let stages = [
            named("prepare", t.prepare_ms),
            named("wait for source", t.read_ms),
            convert,
            named("execute", t.execute_ms),
            named("commit", t.commit_ms),
        ];
        match self.sessions.len() {
            0 => writeln!(f, "  {}", stages.join(", "))?,
            sessions => {
                writeln!(f, "  {} (sums over {sessions} sessions)", stages.join(", "))?;
                let of = |one: &SessionReport| thousands(one.rows_loaded);
                writeln!(f, "  rows by session: {}", self.sessions.iter().map(of).collect::<Vec<_>>().join(" + "))?;
            }
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(action: TableAction, mode: Mode) -> CopyReport {
        CopyReport {
            target: "embedded:demo.db/T".into(),
            table: "T".into(),
            mode,
            action,
            table_created: action == TableAction::Create,
            first_statement: None,
            merge: None,
            rows_read: 6_001_215,
            rows_loaded: 6_001_215,
            rows_affected: 6_001_215,
            rows_not_found: 0,
            soft_delete: false,
            rows_rejected_convert: 0,
            rows_rejected_execute: 0,
            rejects_file: None,
            rows_deleted: 12,
            truncated: vec![TruncatedValues { column: "NAME".into(), values: 1_200 }],
            files: 1,
            source_bytes: 200 << 20,
            executes: 184,
            commits: 1,
            peak_buffer_bytes: 4 << 20,
            rows_per_second: 1_000_000,
            times: StageTimes { total_ms: 6001, ..StageTimes::default() },
            followed: None,
            job: None,
            sessions: Vec::new(),
            preflight: None,
            warnings: vec!["look here".into()],
        }
    }

    #[test]
    fn the_summary_says_what_a_person_wants_to_know() {
        let text = report(TableAction::Create, Mode::Create).to_string();
        for word in [
            "6,001,215 rows loaded into T (created)",
            "1 file in 6.0 s: 1,000,000 rows/s from 200.0 MiB",
            "184 executes, 1 commit",
            "values cut off: NAME 1,200\n",
            "warning: look here",
        ] {
            assert!(text.contains(word), "{text}");
        }
        assert!(report(TableAction::Append, Mode::Create).to_string().contains("the table existed"));
        assert!(report(TableAction::Replace, Mode::Overwrite).to_string().contains("replacing 12 rows"));
        let deleted = CopyReport { rows_loaded: 5, rows_affected: 7, rows_not_found: 2, ..report(TableAction::Delete, Mode::Delete) };
        assert!(deleted.to_string().starts_with("5 rows deleted from T; the key of 2 rows was not there; 7 rows of the table changed\n"));
        assert_eq!(report(TableAction::Skip, Mode::Ignore).to_string(), "nothing done: T exists (mode ignore)\n");
    }

    #[test]
    fn the_json_names_units() {
        let json = serde_json::to_value(report(TableAction::Create, Mode::ErrorIfExists)).unwrap();
        assert_eq!(json["mode"], "error-if-exists");
        assert_eq!(json["action"], "create");
        assert_eq!(json["rows_loaded"], 6_001_215);
        assert_eq!(json["times"]["total_ms"], 6001);
    }
}
