//! What has changed between two versions: by the change data feed where the table has one for all of them, else by the files that came and went.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use deltalake::DeltaTableError;
use deltalake::datafusion::catalog::TableProvider;
use deltalake::datafusion::prelude::SessionContext;
use deltalake::delta_datafusion::{DeltaCdfTableProvider, DeltaScanConfig, DeltaScanNext, FileSelection, MissingSelectedFilePolicy};
use deltalake::kernel::{Action, Add, Metadata};
use deltalake::logstore::get_actions;
use serde_json::Value;

use super::read::TableReader;
use super::repair::add_of;
use super::session::session;
use super::{At, Table};
use crate::error::Result;

/// The change data feed of a range of versions.
pub enum Changes {
    /// The table's columns, then `_change_type` (`insert`, `update_preimage`, `update_postimage`, `delete`), `_commit_version` and
    /// `_commit_timestamp`. Rows come in no order.
    Feed(TableReader),
    /// There is none for this range: why.
    NotAvailable(String),
}

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Below the table's folder, as the log has it.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// Rows before deletion vectors, where the log says.
    pub rows: Option<u64>,
    /// Partition values as texts.
    pub partition_values: BTreeMap<String, Option<String>>,
    /// Name of its deletion vector: a file whose vector changed has both gone and come.
    pub deletion_vector: Option<String>,
}

/// Files that came and went between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// In the later version only.
    pub added: Vec<DataFile>,
    /// In the earlier version only.
    pub removed: Vec<DataFile>,
    /// The columns are the same in both.
    pub same_schema: bool,
}

impl Table {
    /// The changes that the commits `first` to `last` (inclusive) have made.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`], [`crate::Error::Invalid`] when there is no such range. A feed that is not there is no error.
    pub fn changes(&self, first: u64, last: u64) -> Result<Changes> {
        let latest = self.state()?.version();
        if first > last || last > latest {
            return Err(self.invalid(
                "read changes of",
                &format!("there are no versions {first} to {last}, the newest is {latest}"),
                "a range from the history",
            ));
        }
        if let Some(why) = self.why_no_feed(first, last)? {
            return Ok(Changes::NotAvailable(why));
        }
        let provider = self.feed_of(first, last)?;
        let schema = self.feed_schema(&provider.schema())?;
        let frame = self.wait(async {
            let context = session(None)?;
            self.inner.update_datafusion_session(&context.state())?;
            Ok::<_, DeltaTableError>(context.read_table(provider)?)
        })?;
        let frame = frame.map_err(|error| self.fault("read changes of", &error))?;
        let names = schema.fields().iter().map(|field| deltalake::datafusion::prelude::ident(field.name()));
        let frame = frame.select(names).map_err(|error| self.fault("read changes of", &error.into()))?;
        Ok(Changes::Feed(TableReader::start(frame, schema).map_err(|error| self.io_error(&error))?))
    }

    /// The feed of a range that has one ([`Table::why_no_feed`]), as a table.
    pub(crate) fn feed_of(&self, first: u64, last: u64) -> Result<Arc<dyn TableProvider>> {
        let builder = self.inner.clone().scan_cdf().with_starting_version(first).with_ending_version(last);
        let provider = DeltaCdfTableProvider::try_new(builder).map_err(|error| self.fault("read changes of", &error))?;
        Ok(Arc::new(provider))
    }

    /// The table's own types for its columns, the feed's for the rest.
    fn feed_schema(&self, feed: &Schema) -> Result<SchemaRef> {
        let own = self.schema()?;
        let fields = feed.fields().iter().map(|field| match own.field_with_name(field.name()) {
            Ok(own) => Field::new(own.name(), own.data_type().clone(), true),
            Err(_) => field.as_ref().clone(),
        });
        Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
    }

    /// deltalake looks at the first commit's own metadata only, and reads every commit with the newest columns.
    pub(crate) fn why_no_feed(&self, first: u64, last: u64) -> Result<Option<String>> {
        if self.properties()?.get("delta.columnMapping.mode").is_some_and(|mode| mode != "none") {
            return Ok(Some("the table has column mapping".into()));
        }
        let newest = columns_of(self.state()?.metadata());
        for version in first..=last {
            let Some(actions) = self.actions(version)? else {
                return Ok(Some(format!("the log of version {version} has been cleaned up")));
            };
            let of_this = actions.iter().find_map(|action| match action {
                Action::Metadata(metadata) => Some((has_feed(metadata), columns_of(metadata))),
                _ => None,
            });
            // The first commit may itself have changed the columns: the rows that it takes away have others.
            if version == first && first > 0 && of_this.is_some() {
                let lost = match self.at(first - 1) {
                    Ok(then) => self.lost_column(&then)?,
                    Err(_) => return Ok(Some(format!("version {} is gone, and the next one has changed the metadata", first - 1))),
                };
                if let Some(column) = lost {
                    return Ok(Some(format!("column {column} has gone, or has got another type, with version {first}")));
                }
            }
            // Before the first commit of the range the metadata is older than the range.
            let known = match of_this {
                None if version == first => {
                    let then = self.at(version)?;
                    let metadata = then.state()?.metadata();
                    Some((has_feed(metadata), columns_of(metadata)))
                }
                other => other,
            };
            match known {
                Some((false, _)) => return Ok(Some(format!("version {version} has no change data feed"))),
                Some((true, columns)) if columns != newest => {
                    return Ok(Some(format!("the columns have changed after version {version}")));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// The actions of a commit; `None` where its file is gone.
    fn actions(&self, version: u64) -> Result<Option<Vec<Action>>> {
        let log_store = self.inner.log_store();
        let read = self.wait(async move {
            match log_store.read_commit_entry(version).await? {
                Some(bytes) => get_actions(version, &bytes).map(Some),
                None => Ok(None),
            }
        })?;
        read.map_err(|error| self.fault("read the log of", &error))
    }

    /// The same table at a version, over the same connection.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] when the version is not there any more.
    pub fn at(&self, version: u64) -> Result<Table> {
        let mut table = Table::unloaded(self.opened.clone());
        table.load(At::Version(version))?;
        Ok(table)
    }

    /// The same table as it was at a time.
    ///
    /// # Errors
    /// As [`Table::at`].
    pub fn at_time(&self, time: chrono::DateTime<chrono::Utc>) -> Result<Table> {
        let mut table = Table::unloaded(self.opened.clone());
        table.load(At::Timestamp(time))?;
        Ok(table)
    }

    /// The files that came and went between two versions.
    ///
    /// # Errors
    /// As [`Table::at`].
    pub fn diff(&self, from: u64, to: u64) -> Result<FileDiff> {
        let (from, to) = (self.at(from)?, self.at(to)?);
        let files = |table: &Table| -> Result<BTreeMap<(String, Option<String>), DataFile>> {
            let files = table.data_files()?.into_iter();
            Ok(files.map(|file| ((file.path.clone(), file.deletion_vector.clone()), file)).collect())
        };
        let (mut before, mut after) = (files(&from)?, files(&to)?);
        before.retain(|key, _| after.remove(key).is_none());
        Ok(FileDiff {
            added: after.into_values().collect(),
            removed: before.into_values().collect(),
            same_schema: from.schema()? == to.schema()?,
        })
    }

    /// The files of the version that is open, in the order of the log.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`].
    pub fn data_files(&self) -> Result<Vec<DataFile>> {
        Ok(self.state()?.log_data().iter().map(|file| data_file(&add_of(&file))).collect())
    }

    /// Reads some files of the version that is open, whole: partition columns and deletion vectors are minded.
    ///
    /// # Errors
    /// As [`Table::read`]; a file that the version does not have is an error.
    pub fn read_files(&self, files: &[DataFile]) -> Result<TableReader> {
        let schema = self.schema()?;
        let names: Vec<_> = schema.fields().iter().map(|field| deltalake::datafusion::prelude::ident(field.name())).collect();
        let frame = self.wait(async {
            let context = session(None)?;
            let provider = self.files(files, &context)?;
            Ok::<_, DeltaTableError>(context.read_table(provider)?.select(names)?)
        })?;
        let frame = frame.map_err(|error| self.fault("read files of", &error))?;
        TableReader::start(frame, schema).map_err(|error| self.io_error(&error))
    }

    /// Some files of the version that is open, as a table for queries of `context`.
    pub(crate) fn files(&self, files: &[DataFile], context: &SessionContext) -> Result<Arc<dyn TableProvider>, DeltaTableError> {
        let selection = FileSelection::from_file_paths(files.iter().map(|file| file.path.clone()))
            .with_missing_file_policy(MissingSelectedFilePolicy::Error);
        self.inner.update_datafusion_session(&context.state())?;
        let config = DeltaScanConfig::new_from_session(&context.state());
        let snapshot = self.inner.snapshot()?.snapshot().clone();
        Ok(Arc::new(DeltaScanNext::new(snapshot, config)?.with_file_selection(selection)))
    }
}

fn has_feed(metadata: &Metadata) -> bool {
    metadata.configuration().get("delta.enableChangeDataFeed").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// The schema's own JSON.
fn columns_of(metadata: &Metadata) -> Option<Value> {
    let text = serde_json::to_value(metadata).ok()?.get("schemaString")?.as_str()?.to_owned();
    serde_json::from_str(&text).ok()
}

fn data_file(add: &Add) -> DataFile {
    let stats: Value = add.stats.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    DataFile {
        path: add.path.clone(),
        bytes: u64::try_from(add.size).unwrap_or(0),
        rows: stats.get("numRecords").and_then(Value::as_u64),
        partition_values: add.partition_values.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        deletion_vector: add.deletion_vector.as_ref().map(|vector| format!("{}@{:?}", vector.path_or_inline_dv, vector.offset)),
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Changes::Feed(_) => f.write_str("Feed"),
            Changes::NotAvailable(why) => write!(f, "NotAvailable({why})"),
        }
    }
}
