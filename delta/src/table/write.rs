//! Writing: a source becomes files, and the files one commit.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use deltalake::datafusion::datasource::provider_as_source;
use deltalake::datafusion::logical_expr::LogicalPlanBuilder;
use deltalake::operations::write::{SchemaMode as RawSchemaMode, WriteBuilder};
use deltalake::protocol::SaveMode;
use serde_json::Value;

use super::Table;
use super::alter::Alter;
use super::commit::{CommitOptions, Failure, OWN_ROWS_KEY, Outcome, Ran, Said};
use super::convert::{BatchPlan, Missing};
use super::create::NewTable;
use super::statistics;
use super::stream::Source;
use super::types::{Losses, delta_schema};
use crate::error::{ColumnProblem, Error, Result};

/// What becomes of rows that are there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WriteMode {
    /// They stay.
    #[default]
    Append,
    /// They go.
    Overwrite,
    /// Those that fulfil the condition (SQL) go; every new row must fulfil it.
    OverwriteWhere(String),
    /// A table that is there is an error.
    ErrorIfExists,
    /// A table that is there is left alone.
    Ignore,
}

/// What becomes of columns that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SchemaMode {
    /// Refused.
    #[default]
    Strict,
    /// New columns are added to the table, those that the source lacks become NULL.
    Merge,
    /// The table takes the source's columns; with [`WriteMode::Overwrite`] only.
    Overwrite,
}

/// How to write.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Rows.
    pub mode: WriteMode,
    /// Columns.
    pub schema_mode: SchemaMode,
    /// The table to be made where there is none: its schema is the source's, its other properties are these. `None`: a missing table is an error.
    pub create: Option<NewTable>,
    /// Losses of types and values that are accepted.
    pub losses: Losses,
    /// Size at which a file is closed and another begun; deltalake's default is `delta.targetFileSize`, else 100 MiB.
    pub target_file_bytes: Option<u64>,
    /// Rows handed to the Parquet writer at once.
    pub batch_rows: Option<usize>,
    /// Arrow bytes of rows that are held in memory to be put together by partition; a quarter of [`Table::set_memory`] where nothing is said. What is more
    /// goes to a temporary file.
    pub held_bytes: Option<usize>,
    /// Columns that name a row: a NULL in one of them, and a row whose key an earlier one of the source has, are refused. 16 bytes a row are held for it.
    pub key: Vec<String>,
}

/// Counts of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct WriteMetrics {
    /// Rows written.
    pub rows_written: u64,
    /// Files added.
    pub files_added: u64,
    /// Files that are no longer part of the table.
    pub files_removed: u64,
    /// The table was made by this write.
    pub created: bool,
}

/// Whose rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// Those of a source.
    Given,
    /// Those of the table itself, in other types: its columns stay what they are beside that.
    Own,
}

/// What a run of a write needs, decided before the first row.
pub(super) struct Prepared {
    pub plan: BatchPlan,
    pub target: Schema,
    /// Those of the table to be made.
    pub properties: BTreeMap<String, String>,
    pub partition_columns: Vec<String>,
}

impl Table {
    /// Writes the source's rows as one commit. Batches stream: memory does not grow with the source.
    ///
    /// # Errors
    /// [`Error::Plan`] before a row moves; [`Error::Value`], [`Error::Source`] with nothing committed; [`Error::NoTable`],
    /// [`Error::TableExists`]; [`Error::Conflict`] when others were faster to the end.
    pub fn write(&mut self, source: &mut dyn Source, options: &WriteOptions, commit: &CommitOptions) -> Result<Outcome<WriteMetrics>> {
        if options.schema_mode == SchemaMode::Overwrite && options.mode != WriteMode::Overwrite {
            return Err(self.invalid("write", "schema mode overwrite takes away columns of rows that stay", "mode overwrite with it"));
        }
        self.write_rows(source, options, commit, Rows::Given)
    }

    /// The same, where a commit of another writer meanwhile is a conflict whatever it did: the source is the table itself.
    pub(crate) fn write_onto_this_version(
        &mut self,
        source: &mut dyn Source,
        options: &WriteOptions,
        commit: &CommitOptions,
    ) -> Result<Outcome<WriteMetrics>> {
        let mut commit = commit.clone();
        commit.metadata.insert(OWN_ROWS_KEY.into(), true.into());
        self.write_rows(source, options, &commit, Rows::Own)
    }

    fn write_rows(
        &mut self,
        source: &mut dyn Source,
        options: &WriteOptions,
        commit: &CommitOptions,
        rows: Rows,
    ) -> Result<Outcome<WriteMetrics>> {
        let again = source.can_open_again();
        let condition = if let WriteMode::OverwriteWhere(condition) = &options.mode { Some(condition.as_str()) } else { None };
        // Rows that others add meanwhile would stay, unlooked at.
        let strict = rows == Rows::Own || condition.is_some() || options.mode == WriteMode::Overwrite;
        if options.schema_mode != SchemaMode::Strict {
            self.protect_statistics(&source.schema(), options, rows)?;
        }
        let outcome = self.run_saying(
            "write",
            condition.as_slice(),
            commit,
            again,
            |table, commit| match (table.exists(), &options.mode) {
                (true, WriteMode::Ignore) => Ok(Ran::Ignored),
                (true, WriteMode::ErrorIfExists) => Err(Error::TableExists { location: table.location().to_string() }.into()),
                _ => table.write_once(source, options, rows, if strict { commit.without_retries() } else { commit }),
            },
            metrics_of,
        )?;
        Ok(match outcome {
            Outcome::Committed { version, metrics, attempts } => {
                Outcome::Committed { version, metrics: WriteMetrics { created: version == 0, ..metrics }, attempts }
            }
            outcome => outcome,
        })
    }

    fn write_once(&self, source: &mut dyn Source, options: &WriteOptions, rows: Rows, commit: Said) -> Result<Ran<WriteMetrics>, Failure> {
        let prepared = self.prepare(&source.schema(), options, rows)?;
        if self.is_by_partition(&prepared, options)? {
            return self.write_by_partition(source, prepared, options, commit);
        }
        let snapshot = self.inner.snapshot().ok().map(|state| state.snapshot().clone());
        let created = snapshot.is_none();
        let mut builder = WriteBuilder::new(self.inner.log_store(), snapshot)
            .with_save_mode(save_mode(&options.mode))
            .with_writer_properties(self.files.properties(&prepared.target))
            .with_commit_properties(commit.properties());
        if let WriteMode::OverwriteWhere(condition) = &options.mode {
            builder = builder.with_replace_where(self.condition(condition, &self.qualified(None, &prepared.target)?)?);
        }
        builder = match options.schema_mode {
            SchemaMode::Overwrite if !created => builder.with_schema_mode(RawSchemaMode::Overwrite),
            SchemaMode::Merge if !created && prepared.target.fields().len() > self.schema()?.fields().len() => {
                builder.with_schema_mode(RawSchemaMode::Merge)
            }
            _ => builder,
        };
        if let Some(new) = options.create.as_ref().filter(|_| created) {
            builder = builder
                .with_partition_columns(prepared.partition_columns)
                .with_configuration(prepared.properties.into_iter().map(|(key, value)| (key, Some(value))));
            builder = new.name.iter().fold(builder, |builder, name| builder.with_table_name(name));
            builder = new.comment.iter().fold(builder, |builder, comment| builder.with_description(comment));
        }
        if let Some(bytes) = options.target_file_bytes {
            builder = builder.with_target_file_size(NonZeroU64::new(bytes));
        }
        if let Some(rows) = options.batch_rows {
            builder = builder.with_write_batch_size(rows);
        }
        let table = self.feed(source, prepared.plan, move |rows| async move {
            let plan = LogicalPlanBuilder::scan("source", provider_as_source(rows), None)?.build()?;
            builder.with_input_plan(plan).await
        })?;
        Ok(Ran::Written(Box::new(table)))
    }

    /// Matches the source's columns to the table's, or makes the new table's.
    fn prepare(&self, source: &Schema, options: &WriteOptions, rows: Rows) -> Result<Prepared> {
        let location = self.location().to_string();
        let refused = |problems: Vec<ColumnProblem>| Error::Plan { location: location.clone(), problems };
        let (target, properties, new_partitions) = match (self.exists(), &options.create) {
            (false, None) => return Err(Error::NoTable { location }),
            (false, Some(new)) => {
                let new = NewTable { schema: Arc::new(source.clone()), losses: options.losses.clone(), ..new.clone() };
                let (schema, properties) = new.plan(&location)?;
                (schema, properties, new.partition_columns)
            }
            (true, _) => {
                let present = self.schema()?;
                let target = match options.schema_mode {
                    SchemaMode::Strict => present.as_ref().clone(),
                    SchemaMode::Merge => merged(&present, &delta_schema(source, &options.losses).map_err(refused)?),
                    SchemaMode::Overwrite if rows == Rows::Own => {
                        with_metadata(&delta_schema(source, &options.losses).map_err(refused)?, &present)
                    }
                    SchemaMode::Overwrite => delta_schema(source, &options.losses).map_err(refused)?,
                };
                (target, BTreeMap::new(), Vec::new())
            }
        };
        let missing = if options.schema_mode == SchemaMode::Merge { Missing::Null } else { Missing::Refuse };
        let partition_columns = if self.exists() { self.partition_columns()? } else { new_partitions };
        let plan = BatchPlan::new(source, &target, &options.losses, missing).map_err(refused)?.partitioned_by(&partition_columns);
        let plan = plan.keyed_by(&options.key).map_err(|error| self.fault("write", &error.into()))?.within(self.memory()?);
        // Into a table that is there deltalake would copy them itself; and a part of the rows would hold on to the values of all.
        let plan = if self.exists() || !partition_columns.is_empty() { plan } else { plan.keeping_views(source) };
        Ok(Prepared { plan, target, properties, partition_columns })
    }

    /// A table that gets a wide decimal by a write (schema mode merge or overwrite) gets the property that keeps other writers from giving it
    /// inexact statistics; before the write, for an error after it would say of rows that are there that they are not. Columns that come with the
    /// write are not listed, and have no statistics.
    fn protect_statistics(&mut self, source: &Schema, options: &WriteOptions, rows: Rows) -> Result<()> {
        self.refresh()?;
        if !self.exists() {
            return Ok(());
        }
        let target = self.prepare(source, options, rows)?.target;
        let (schema, present) = (self.schema()?, self.properties()?);
        let protected =
            present.contains_key(statistics::STATS_COLUMNS) || present.get(statistics::NUM_INDEXED).is_some_and(|count| count == "0");
        if protected || statistics::inexact_columns(&target).is_empty() {
            return Ok(());
        }
        let stay = schema.fields().iter().filter(|field| target.field_with_name(field.name()).is_ok()).cloned().collect::<Vec<_>>();
        let (key, value) = statistics::listed(&Schema::new(stay), &self.partition_columns()?);
        self.alter(&Alter::SetProperties(BTreeMap::from([(key.to_owned(), Some(value))])), &CommitOptions::default()).map(|_| ())
    }

    pub(crate) fn invalid(&self, action: &'static str, message: &str, remedy: &str) -> Error {
        Error::Invalid { action, location: self.location().to_string(), message: message.into(), remedy: remedy.into() }
    }
}

pub(super) fn save_mode(mode: &WriteMode) -> SaveMode {
    match mode {
        WriteMode::Overwrite | WriteMode::OverwriteWhere(_) => SaveMode::Overwrite,
        // Existence has been looked at, and the commit goes onto that very state: a table made since then is a conflict, after which it is looked
        // at again.
        WriteMode::Append | WriteMode::Ignore | WriteMode::ErrorIfExists => SaveMode::Append,
    }
}

/// The table's columns, then those that only the source has; they may be NULL in the rows that are there.
fn merged(present: &Schema, source: &Schema) -> Schema {
    let is_new = |field: &&Arc<Field>| !present.fields().iter().any(|known| known.name().to_lowercase() == field.name().to_lowercase());
    let new = source.fields().iter().filter(is_new).map(|field| Arc::new(field.as_ref().clone().with_nullable(true)));
    Schema::new(present.fields().iter().cloned().chain(new).collect::<Vec<_>>())
}

/// With everything that is said of the columns of the same names, such as invariants.
fn with_metadata(schema: &Schema, present: &Schema) -> Schema {
    let field = |field: &Arc<Field>| match present.field_with_name(field.name()) {
        Ok(known) => field.as_ref().clone().with_metadata(known.metadata().clone()),
        Err(_) => field.as_ref().clone(),
    };
    Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

fn metrics_of(info: &BTreeMap<String, Value>) -> WriteMetrics {
    let count = |name: &str| info.get("operationMetrics").and_then(|metrics| metrics.get(name)).and_then(Value::as_u64).unwrap_or(0);
    WriteMetrics {
        rows_written: count("num_added_rows"),
        files_added: count("num_added_files"),
        files_removed: count("num_removed_files"),
        created: false,
    }
}
