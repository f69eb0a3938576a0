//! Keeping a table quick and small: files put together, files that no version needs removed, the log kept short.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use chrono::TimeDelta;
use deltalake::checkpoints;
use deltalake::operations::optimize::OptimizeType;
use deltalake::operations::vacuum::VacuumMode;

use super::commit::{CommitOptions, Outcome, Ran};
use super::session::{Join, bounded};
use super::{At, Table};
use crate::error::Result;

/// How to put files together.
#[derive(Debug, Clone, Default)]
pub struct OptimizeOptions {
    /// Columns to order by along a Z curve, fields of structures as `a.b`; empty: files are only put together.
    pub z_order: Vec<String>,
    /// Size of the files made; the table's `delta.targetFileSize`, else deltalake's default, where nothing is said.
    pub target_file_bytes: Option<u64>,
    /// Files made at once; as many as there are cores where nothing is said. Each holds its own memory.
    pub max_concurrent: Option<usize>,
}

/// Counts of an OPTIMIZE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct OptimizeMetrics {
    /// Files added.
    pub files_added: u64,
    /// Files that are no longer part of the table.
    pub files_removed: u64,
    /// Partitions touched.
    pub partitions: u64,
}

/// What to remove.
#[derive(Debug, Clone)]
pub struct VacuumOptions {
    /// Say what would go, and leave it.
    pub dry_run: bool,
    /// Age from which a file that the newest version does not need may go; the table's `delta.deletedFileRetentionDuration` (a week) where nothing is
    /// said. A shorter one ends time travel and change feeds, and readers at work lose their files.
    pub retention: Option<TimeDelta>,
    /// Files that no version has ever had, too: orphans of writes that failed. Only what bears the name of a file of this table: other tables below
    /// its folder stay, and so does what is no Parquet file or deletion vector, or lies in a folder that the table does not have.
    pub orphans: bool,
    /// A retention that is shorter than the table's own is meant.
    pub short_retention: bool,
}

impl Default for VacuumOptions {
    fn default() -> Self {
        VacuumOptions { dry_run: true, retention: None, orphans: false, short_retention: false }
    }
}

/// Counts of a RESTORE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct RestoreMetrics {
    /// Files that are part of the table again.
    pub files_restored: u64,
    /// Files that are no longer part of the table.
    pub files_removed: u64,
}

/// A field by its path.
fn field_of<'s>(fields: &'s Fields, path: &str) -> Option<&'s Field> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let field = fields.iter().find(|field| field.name() == name)?;
    match (rest, field.data_type()) {
        (None, _) => Some(field.as_ref()),
        (Some(rest), DataType::Struct(inner)) => field_of(inner, rest),
        _ => None,
    }
}

/// Partitions that are put in order along a curve at once, where nothing is said.
const ZORDERS_AT_ONCE: usize = 2;

impl Table {
    /// Puts small files together, or orders rows along a Z curve. Rows do not change.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] on a table with column mapping; [`crate::Error::NoTable`], [`crate::Error::Conflict`].
    pub fn optimize(&mut self, options: &OptimizeOptions, commit: &CommitOptions) -> Result<Outcome<OptimizeMetrics>> {
        self.run(
            "optimize",
            commit,
            true,
            |table, commit| {
                let schema = table.schema()?;
                table.can_order_by(&schema, &options.z_order)?;
                let kind = match options.z_order.is_empty() {
                    true => OptimizeType::Compact,
                    false => OptimizeType::ZOrder(options.z_order.clone()),
                };
                let mut builder = table
                    .inner
                    .clone()
                    .optimize()
                    .with_type(kind)
                    .with_session_state(Arc::new(bounded(table.memory()?, Join::Sorted, table.row_bytes())?.state()))
                    .with_writer_properties(table.files.properties(&schema))
                    .with_commit_properties(commit);
                if let Some(bytes) = options.target_file_bytes.and_then(NonZeroU64::new) {
                    builder = builder.with_target_size(bytes);
                }
                // The memory is that of one sort or two.
                let most = if options.z_order.is_empty() { None } else { Some(ZORDERS_AT_ONCE) };
                if let Some(tasks) = options.max_concurrent.or(most) {
                    builder = builder.with_max_concurrent_tasks(tasks);
                }
                let (after, metrics) = table.wait(async move { builder.await })??;
                let metrics = OptimizeMetrics {
                    files_added: metrics.num_files_added,
                    files_removed: metrics.num_files_removed,
                    partitions: metrics.partitions_optimized,
                };
                Ok(Ran::Committed(Box::new(after), metrics))
            },
            |_| OptimizeMetrics::default(),
        )
    }

    /// Columns by name, and fields of them by path: `a.b`. deltalake takes every dot for one between names.
    fn can_order_by(&self, schema: &Schema, columns: &[String]) -> Result<()> {
        for column in columns {
            let message = match (schema.field_with_name(column), field_of(schema.fields(), column)) {
                (Ok(_), None) => format!("{column}: a column with a dot in its own name cannot be ordered by"),
                (_, None) => format!("no column {column}"),
                _ => continue,
            };
            return Err(self.invalid("optimize", &message, "a column of the table, in its own case, or a field of one: a.b"));
        }
        Ok(())
    }

    /// Removes files that the newest version does not need and that are old enough, or says which would go. Returns their paths.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`], [`crate::Error::Invalid`] for a retention below zero, or below the table's own where that is not said to be meant;
    /// what a store may fail with.
    pub fn vacuum(&mut self, options: &VacuumOptions) -> Result<Vec<String>> {
        self.refresh()?;
        self.state()?;
        if options.retention.is_some_and(|retention| retention < TimeDelta::zero()) {
            return Err(self.invalid("vacuum", "a retention below zero", "a retention in hours, such as 168"));
        }
        let below = Arc::new(self.below()?);
        let there: BTreeSet<&str> = below.files.iter().map(|meta| below.path(&meta.location)).collect();
        // deltalake takes every file of the folder that it does not know for an orphan: other tables, and what anybody has put there.
        let table = if options.orphans { self.with_own_files_only(&below) } else { self.inner.clone() };
        let mut builder = table
            .vacuum()
            .parallel_scan(false)
            .with_dry_run(options.dry_run)
            .with_mode(if options.orphans { VacuumMode::Full } else { VacuumMode::Lite })
            .with_enforce_retention_duration(!options.short_retention);
        if let Some(retention) = options.retention {
            builder = builder.with_retention_period(retention);
        }
        let done = self.wait(async move { builder.await })?;
        let (_, metrics) = done.map_err(|error| match error.to_string() {
            text if text.contains("retention") => {
                self.invalid("vacuum", &text, "a longer retention, or --short-retention when nobody reads the table or goes back in time")
            }
            _ => self.fault("vacuum", &error),
        })?;
        if !options.dry_run {
            self.refresh()?;
        }
        // deltalake names files that an earlier run has removed as long as the log speaks of them.
        Ok(metrics.files_deleted.into_iter().filter(|file| there.contains(file.as_str())).collect())
    }

    /// Writes a checkpoint of the version that is open, so that it opens without reading the commits before it.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`]; what a store may fail with.
    pub fn checkpoint(&self) -> Result<()> {
        self.state()?;
        self.wait(checkpoints::create_checkpoint(&self.inner, None))?.map_err(|error| self.fault("checkpoint", &error))
    }

    /// Removes commits that a checkpoint has made superfluous and that are older than `delta.logRetentionDuration` (30 days). Returns how many.
    ///
    /// # Errors
    /// As [`Table::checkpoint`].
    pub fn clean_log(&self) -> Result<u64> {
        self.state()?;
        let removed = self.wait(checkpoints::cleanup_metadata(&self.inner, None))?;
        removed.map(|count| count as u64).map_err(|error| self.fault("clean the log of", &error))
    }

    /// Makes the table what it was at an earlier version, as a new version.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for a version that is not there; a file that has been vacuumed since.
    pub fn restore(&mut self, at: At, commit: &CommitOptions) -> Result<Outcome<RestoreMetrics>> {
        self.run(
            "restore",
            commit,
            true,
            |table, commit| {
                table.state()?;
                // Restoring to what another writer is replacing would undo that silently: no rebasing.
                let builder = table.inner.clone().restore().with_commit_properties(commit.with_max_retries(0));
                let builder = match at {
                    At::Latest => return Ok(Ran::Ignored),
                    At::Version(version) => builder.with_version_to_restore(version),
                    At::Timestamp(time) => builder.with_datetime_to_restore(time),
                };
                let (after, metrics) = table.wait(async move { builder.await })??;
                let metrics =
                    RestoreMetrics { files_restored: metrics.num_restored_file as u64, files_removed: metrics.num_removed_file as u64 };
                Ok(Ran::Committed(Box::new(after), metrics))
            },
            |_| RestoreMetrics::default(),
        )
    }
}
