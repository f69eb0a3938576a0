//! Commands that mend what a job cannot go on from: they read the same rows and columns as the job itself.

use olbridge_delta::table::SchemaMode;

use super::{DeltaJob, DeltaMode, Follow};
use crate::copy::command_line::CommandLine;
use crate::type_map::spell_arrow_type;

impl DeltaJob {
    /// The load that makes the table and its epoch anew.
    pub(super) fn full_load(&self) -> String {
        let all = DeltaJob { mode: DeltaMode::Overwrite, allow_destructive: true, follow: None, compare_deletes: false, ..self.clone() };
        format!("load all of it: {}", all.command())
    }

    /// The run that compares both tables as they are, where that is all it takes.
    pub(super) fn compare_once(&self) -> String {
        format!("once, comparing all keys: {}", self.with_rowscn().command())
    }

    /// The job as it follows ORA_ROWSCN, and finds deleted rows by their keys.
    pub(super) fn with_rowscn(&self) -> DeltaJob {
        DeltaJob { mode: DeltaMode::Upsert, follow: Some(Follow::RowScn), compare_deletes: true, ..self.clone() }
    }

    /// The job as a command. How it reads is left out where that does not matter to what is read, and so is how files are laid out: the table is there.
    pub(super) fn command(&self) -> String {
        let (export, selection) = (&self.export, &self.export.selection);
        let (from, to) = (export.source.to_string(), format!("delta:{}", self.location));
        let mode = match self.mode {
            // What --incremental is.
            DeltaMode::Upsert if self.follow.is_some() => None,
            DeltaMode::Upsert => Some("upsert"),
            DeltaMode::Append => Some("append"),
            DeltaMode::Create => Some("create"),
            DeltaMode::Overwrite => Some("overwrite"),
            DeltaMode::ErrorIfExists => Some("error-if-exists"),
            DeltaMode::Ignore => Some("ignore"),
        };
        let schema_mode = match self.schema_mode {
            SchemaMode::Strict => None,
            SchemaMode::Merge => Some("merge"),
            SchemaMode::Overwrite => Some("overwrite"),
        };
        let overlap = match &self.follow {
            Some(Follow::Watermark { overlap: Some(overlap), .. }) => Some(overlap.to_string()),
            _ => None,
        };
        let (follow, watermark) = match &self.follow {
            None => (None, None),
            Some(Follow::RowScn) => (Some("--incremental=rowscn"), None),
            Some(Follow::Versions) => (Some("--incremental=versions"), None),
            Some(Follow::Watermark { column, .. }) => (Some("--incremental=watermark"), Some(column.as_str())),
        };
        let line = CommandLine::copy([&*from, &*to])
            .option("--mode", mode)
            .flag("--allow-destructive", self.allow_destructive)
            .option("--job", self.job.as_deref())
            .list("--key", &self.key)
            .flag(follow.unwrap_or_default(), follow.is_some())
            .option("--watermark", watermark)
            .option("--overlap", overlap.as_deref())
            .option("--deletes", self.compare_deletes.then_some("compare"))
            .option("--query", selection.query.as_deref())
            .list("--columns", selection.columns.as_deref().unwrap_or_default())
            .option("--where", selection.condition.as_deref())
            .types(&export.types.columns)
            .option("--number", export.types.number.as_ref().and_then(spell_arrow_type).as_deref())
            .flag("--trim-char", export.fetch.trim_char)
            .lossy(export.fetch.lossy)
            .option("--schema-mode", schema_mode);
        // The file is not known here.
        let like = if export.types.like.is_some() { " (with the same --like)" } else { "" };
        format!("{line}{like}")
    }
}
