//! What an export did.

use std::fmt;
use std::path::PathBuf;

use super::expected::ExpectedRows;
use super::plan::FileAction;
use super::readers::Readers;
use super::snapshot::Snapshot;
use crate::copy::format::{bytes, count, milliseconds, thousands};
use crate::lake::sink::is_standard_output;

/// Time of each stage in milliseconds. Writing happens on a thread of its own, beside the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct ExportTimes {
    /// Within the client and the network, of all readers together.
    pub fetch_ms: u64,
    /// Array buffers to Arrow, of all readers together.
    pub convert_ms: u64,
    /// Encoding and writing.
    pub write_ms: u64,
    /// From the query to the file in its place.
    pub total_ms: u64,
}

/// What an export did. `Display` is the closing summary, `Serialize` the JSON report.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ExportReport {
    /// The source without any secret.
    pub source: String,
    /// The file.
    pub path: PathBuf,
    /// What was done to it.
    pub action: FileAction,
    /// The query.
    pub select_sql: Option<String>,
    /// The moment that was read.
    pub snapshot: Snapshot,
    /// Sessions that read it, and the pieces.
    pub readers: Readers,
    /// Pieces that were read again because their undo was gone (ORA-01555).
    pub slices_retried: u64,
    /// Rows that were expected before.
    pub expected: ExpectedRows,
    /// Rows in the file.
    pub rows: u64,
    /// Array fetches that brought rows.
    pub fetches: u64,
    /// Row groups.
    pub row_groups: u64,
    /// Size on disk.
    pub file_bytes: u64,
    /// Memory of the array buffers.
    pub buffer_bytes: u64,
    /// Rows per second of the total time.
    pub rows_per_second: u64,
    /// Where the time went.
    pub times: ExportTimes,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

impl fmt::Display for ExportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let how = match self.action {
            FileAction::Skip => return writeln!(f, "nothing done: {path} exists (mode ignore)"),
            FileAction::Create => "",
            FileAction::Replace => " (replaced)",
        };
        let to = if is_standard_output(&self.path) { "standard output".to_owned() } else { path.to_string() };
        writeln!(f, "{} written to {to}{how}", count(self.rows, "row"))?;
        let t = &self.times;
        write!(
            f,
            "  {} in {}: {} rows/s, {}",
            bytes(self.file_bytes),
            milliseconds(t.total_ms),
            thousands(self.rows_per_second),
            count(self.fetches, "fetch").replace("fetchs", "fetches"),
        )?;
        match self.row_groups {
            0 => writeln!(f)?,
            groups => writeln!(f, ", {}", count(groups, "row group"))?,
        }
        let stages = [("fetch", t.fetch_ms), ("convert", t.convert_ms), ("write (beside them)", t.write_ms)];
        let stages: Vec<String> = stages.iter().map(|(name, time_ms)| format!("{name} {}", milliseconds(*time_ms))).collect();
        writeln!(f, "  {}", stages.join(", "))?;
        match self.snapshot.scn {
            Some(scn) => writeln!(f, "  as of SCN {scn}{}", self.readers())?,
            None => writeln!(f, "  SCN not known: {}{}", self.snapshot.how, self.readers())?,
        }
        self.readers.note.iter().chain(&self.warnings).try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

impl ExportReport {
    fn readers(&self) -> String {
        let readers = match self.readers.sessions {
            0 | 1 => String::new(),
            several => format!(", {several} readers"),
        };
        match (self.readers.slices, self.slices_retried) {
            (0 | 1, _) => readers,
            (slices, 0) => format!("{readers}, {slices} slices"),
            (slices, again) => format!("{readers}, {slices} slices, {again} read again (ORA-01555)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(action: FileAction) -> ExportReport {
        ExportReport {
            source: "embedded:demo.db/T".into(),
            path: "t.parquet".into(),
            action,
            select_sql: Some("SELECT A FROM T".into()),
            snapshot: Snapshot { scn: Some(77), how: "current".into() },
            readers: Readers { sessions: 4, slices: 32, cut_by: crate::copy::export::CutBy::Extents, ordered: false, note: None },
            slices_retried: 1,
            expected: ExpectedRows::counted(20_000),
            rows: 20_000,
            fetches: 3,
            row_groups: 1,
            file_bytes: 1 << 20,
            buffer_bytes: 16 << 20,
            rows_per_second: 1_000_000,
            times: ExportTimes { total_ms: 20, ..ExportTimes::default() },
            warnings: vec!["look here".into()],
        }
    }

    #[test]
    fn the_summary_says_what_a_person_wants_to_know() {
        let text = report(FileAction::Replace).to_string();
        for part in [
            "20,000 rows written to t.parquet (replaced)",
            "1.0 MiB in 20 ms: 1,000,000 rows/s, 3 fetches, 1 row group",
            "as of SCN 77, 4 readers, 32 slices, 1 read again (ORA-01555)",
            "warning: look here",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(report(FileAction::Skip).to_string(), "nothing done: t.parquet exists (mode ignore)\n");
    }

    #[test]
    fn the_json_names_units() {
        let json = serde_json::to_value(report(FileAction::Create)).unwrap();
        assert_eq!(json["action"], "create");
        assert_eq!(json["times"]["total_ms"], 20);
        assert_eq!(json["file_bytes"], 1 << 20);
    }
}
