//! Writes into partitioned tables: the same commit as deltalake's own write makes, of files that [`ByPartition`] makes in bounded memory.

use arrow::datatypes::Schema;
use deltalake::datafusion::physical_plan::streaming::PartitionStream;
use deltalake::kernel::transaction::{CommitBuilder, PROTOCOL, TableReference};
use deltalake::kernel::{Action, EagerSnapshot};
use deltalake::operations::write::WriterStatsConfig;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::table::config::TablePropertiesExt;
use deltalake::{DeltaResult, DeltaTable, DeltaTableError};
use futures::{StreamExt, TryStreamExt};
use serde_json::json;

use super::Table;
use super::by_partition::ByPartition;
use super::commit::{Failure, Ran, Said};
use super::create::{COLUMN_MAPPING, kernel_fields};
use super::stream::{Source, SourceRows};
use super::write::{Prepared, SchemaMode, WriteMetrics, WriteMode, WriteOptions, save_mode};
use crate::error::Result;

/// The part of an operation's memory in which rows are held to be put together by partition, where nothing is said.
const HELD_PART: usize = 4;

/// What is checked or computed of each row by expressions, or named otherwise in files, is left to deltalake's plans.
const EXPRESSIONS: [&str; 2] = ["delta.invariants", "delta.generationExpression"];

impl Table {
    /// Whether this write is done here: rows go into partitions, and nothing but the rows themselves is to be looked at.
    pub(super) fn is_by_partition(&self, prepared: &Prepared, options: &WriteOptions) -> Result<bool> {
        let properties = if self.exists() { self.properties()? } else { prepared.properties.clone() };
        let is_set = |key: &str| properties.get(key).is_some_and(|value| !matches!(value.as_str(), "none" | "false"));
        let same_schema = match options.schema_mode {
            SchemaMode::Strict => true,
            SchemaMode::Merge => !self.exists() || prepared.target.fields().len() == self.schema()?.fields().len(),
            SchemaMode::Overwrite => !self.exists(),
        };
        Ok(!prepared.partition_columns.is_empty()
            && same_schema
            && !matches!(options.mode, WriteMode::OverwriteWhere(_))
            && !is_set(COLUMN_MAPPING)
            && !is_set("delta.randomizeFilePrefixes")
            && !properties.keys().any(|key| key.starts_with("delta.constraints."))
            && is_plain(&prepared.target))
    }

    /// Writes the rows and commits their files.
    pub(super) fn write_by_partition(
        &self,
        source: &mut dyn Source,
        prepared: Prepared,
        options: &WriteOptions,
        commit: Said,
    ) -> Result<Ran<WriteMetrics>, Failure> {
        let snapshot = self.inner.snapshot().ok().map(|state| state.snapshot().clone());
        let mode = save_mode(&options.mode);
        if let Some(snapshot) = &snapshot {
            PROTOCOL.can_write_to(snapshot).map_err(DeltaTableError::from)?;
            if mode == SaveMode::Overwrite {
                PROTOCOL.check_append_only(snapshot).map_err(DeltaTableError::from)?;
            }
        }
        let writer = Writer {
            table: self.inner.clone(),
            base: match &snapshot {
                Some(snapshot) => snapshot.clone(),
                None => self.wait(draft(&prepared, options)?)?.map_err(Failure::Delta)?,
            },
            snapshot,
            files: self.files.properties(&prepared.target),
            mode,
            partition_columns: prepared.partition_columns,
            target_file_bytes: options.target_file_bytes,
            batch_rows: options.batch_rows,
            held_bytes: options.held_bytes.unwrap_or(self.memory()? / HELD_PART),
            commit,
        };
        let table = self.feed_rows(source, prepared.plan, move |rows| Ok(async move { writer.write(&rows).await }))?;
        Ok(Ran::Written(Box::new(table)))
    }
}

/// Columns without types within types, and without expressions.
fn is_plain(schema: &Schema) -> bool {
    schema.fields().iter().all(|field| !field.data_type().is_nested() && !EXPRESSIONS.iter().any(|key| field.metadata().contains_key(*key)))
}

/// The table to be made, as deltalake would make it: in memory, for its metadata and protocol.
fn draft(prepared: &Prepared, options: &WriteOptions) -> DeltaResult<impl Future<Output = DeltaResult<EagerSnapshot>> + Send + use<>> {
    let mut builder = DeltaTable::new_in_memory()
        .create()
        .with_columns(kernel_fields(&prepared.target)?)
        .with_partition_columns(prepared.partition_columns.clone())
        .with_configuration(prepared.properties.iter().map(|(key, value)| (key.clone(), Some(value.clone()))));
    if let Some(new) = &options.create {
        builder = new.name.iter().fold(builder, |builder, name| builder.with_table_name(name));
        builder = new.comment.iter().fold(builder, |builder, comment| builder.with_comment(comment));
    }
    Ok(async move { Ok(builder.await?.snapshot()?.snapshot().clone()) })
}

/// Everything that the task needs.
struct Writer {
    table: DeltaTable,
    /// The version that is written onto; none where the table is made.
    snapshot: Option<EagerSnapshot>,
    /// The same, or the table to be made.
    base: EagerSnapshot,
    files: deltalake::parquet::file::properties::WriterProperties,
    mode: SaveMode,
    partition_columns: Vec<String>,
    target_file_bytes: Option<u64>,
    batch_rows: Option<usize>,
    held_bytes: usize,
    commit: Said,
}

impl Writer {
    async fn write(self, rows: &SourceRows) -> DeltaResult<DeltaTable> {
        let (adds, rows_written) = self.write_files(rows).await?;
        let mut actions: Vec<Action> = match self.snapshot {
            Some(_) => Vec::new(),
            None => vec![Action::Protocol(self.base.protocol().clone()), Action::Metadata(self.base.metadata().clone())],
        };
        if let (Some(snapshot), SaveMode::Overwrite) = (&self.snapshot, self.mode) {
            let files = snapshot.file_views(&self.table.log_store(), None);
            actions.extend(files.map_ok(|file| Action::Remove(file.remove_action(true))).try_collect::<Vec<_>>().await?);
        }
        let removed = actions.iter().filter(|action| matches!(action, Action::Remove(_))).count();
        let counts = json!({ "num_added_rows": rows_written, "num_added_files": adds.len(), "num_removed_files": removed });
        actions.extend(adds.into_iter().map(Action::Add));
        let operation = DeltaOperation::Write { mode: self.mode, partition_by: Some(self.partition_columns), predicate: None };
        let commit = self.commit.with_metrics(counts).properties();
        let onto = self.snapshot.as_ref().map(|snapshot| snapshot as &dyn TableReference);
        CommitBuilder::from(commit).with_actions(actions).build(onto, self.table.log_store(), operation).await?;
        let mut after = self.table;
        after.update_state().await?;
        Ok(after)
    }

    async fn write_files(&self, rows: &SourceRows) -> DeltaResult<(Vec<deltalake::kernel::Add>, usize)> {
        let schema = rows.schema().clone();
        let statistics = WriterStatsConfig::from_config(self.base.table_configuration());
        let target_file_bytes = self.target_file_bytes.and_then(std::num::NonZeroU64::new);
        let config = deltalake::datafile::writer::WriterConfig::new(
            schema.clone(),
            self.partition_columns.clone(),
            Some(self.files.clone()),
            Some(target_file_bytes.unwrap_or_else(|| self.base.table_properties().target_file_size())),
            self.batch_rows,
            statistics.num_indexed_cols,
            statistics.stats_columns,
        );
        let store = self.table.log_store().object_store(None);
        let mut files = ByPartition::new(store, config, &schema, &self.partition_columns, self.held_bytes)?;
        let (mut batches, mut rows_written) = (rows.stream(), 0);
        while let Some(batch) = batches.next().await {
            let pushed = match batch {
                Ok(batch) => {
                    rows_written += batch.num_rows();
                    files.push(batch).await
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = pushed {
                files.abort().await;
                return Err(error);
            }
        }
        Ok((files.finish().await?, rows_written))
    }
}
