//! What a table is, and what was done to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use deltalake::kernel::CommitInfo;
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde_json::Value;

use super::Table;
use super::guard::info_of;
use crate::error::Result;

/// Commits of the history that are read at once.
const COMMITS_AHEAD: usize = 16;

/// A version of a table, described.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// Canonical URL, or local path.
    pub location: String,
    /// Id in the metadata.
    pub id: String,
    /// Name in the metadata.
    pub name: Option<String>,
    /// Description in the metadata.
    pub comment: Option<String>,
    /// When it was made.
    pub created: Option<DateTime<Utc>>,
    /// The version described.
    pub version: u64,
    /// Columns in Arrow types.
    #[serde(skip)]
    pub schema: SchemaRef,
    /// Columns as texts: name, Arrow type, whether it may be NULL.
    pub columns: Vec<(String, String, bool)>,
    /// Partition columns.
    pub partition_columns: Vec<String>,
    /// Table properties, constraints included.
    pub properties: BTreeMap<String, String>,
    /// Protocol version that a reader must have.
    pub reader_version: i32,
    /// Protocol version that a writer must have.
    pub writer_version: i32,
    /// Features that a reader must have.
    pub reader_features: Vec<String>,
    /// Features that a writer must have.
    pub writer_features: Vec<String>,
    /// Files of the version.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// Rows, where every file says how many it has.
    pub rows: Option<u64>,
}

/// A commit.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryEntry {
    /// The version that it made.
    pub version: u64,
    /// When.
    pub timestamp: Option<DateTime<Utc>>,
    /// What was done, as the writer calls it.
    pub operation: Option<String>,
    /// With which parameters.
    pub parameters: BTreeMap<String, Value>,
    /// Everything else that is said of it: metrics, and keys of ours (`olbridge.…`).
    pub info: BTreeMap<String, Value>,
}

impl Table {
    /// Describes the version that is open.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`].
    pub fn describe(&self) -> Result<Description> {
        let state = self.state()?;
        let metadata = serde_json::to_value(state.metadata()).unwrap_or_default();
        let protocol = serde_json::to_value(state.protocol()).unwrap_or_default();
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| protocol.get(name).and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok()).unwrap_or(0);
        let schema = self.schema()?;
        let (mut files, mut bytes, mut rows) = (0, 0, Some(0u64));
        for file in state.log_data().iter() {
            files += 1;
            bytes += u64::try_from(file.size()).unwrap_or(0);
            let deleted = file.deletion_vector_descriptor().map_or(0, |deleted| u64::try_from(deleted.cardinality).unwrap_or(0));
            rows = rows.zip(file.num_records()).map(|(rows, more)| rows + (more as u64).saturating_sub(deleted));
        }
        Ok(Description {
            location: self.location().to_string(),
            id: text("id").unwrap_or_default(),
            name: text("name"),
            comment: text("description"),
            created: metadata.get("createdTime").and_then(Value::as_i64).and_then(DateTime::from_timestamp_millis),
            version: state.version(),
            columns: schema.fields().iter().map(|f| (f.name().clone(), f.data_type().to_string(), f.is_nullable())).collect(),
            schema,
            partition_columns: self.partition_columns()?,
            properties: self.properties()?,
            reader_version: number("minReaderVersion"),
            writer_version: number("minWriterVersion"),
            reader_features: texts(&protocol["readerFeatures"]),
            writer_features: texts(&protocol["writerFeatures"]),
            files,
            bytes,
            rows,
        })
    }

    /// Table properties.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`].
    pub fn properties(&self) -> Result<BTreeMap<String, String>> {
        Ok(self.state()?.metadata().configuration().iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// The commits up to the version that is open, newest first; older ones may have been cleaned up.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`]; the log cannot be read.
    pub fn history(&self, limit: Option<usize>) -> Result<Vec<HistoryEntry>> {
        let newest = self.state()?.version();
        let log = self.inner.log_store();
        let read = |version: u64| {
            let log = Arc::clone(&log);
            async move { log.read_commit_entry(version).await.map(|commit| Some((version, commit?))) }
        };
        // deltalake's own history begins at the newest commit of the store, whichever version is open.
        let commits = futures::stream::iter((0..=newest).rev().take(limit.unwrap_or(usize::MAX))).map(read).buffered(COMMITS_AHEAD);
        let commits = commits.try_take_while(|commit| std::future::ready(Ok(commit.is_some())));
        let commits: Vec<_> = self.wait(commits.try_collect())?.map_err(|error| self.fault("read the history of", &error))?;
        Ok(commits.into_iter().flatten().map(|(version, commit)| entry(&commit, version)).collect())
    }
}

fn entry(commit: &[u8], version: u64) -> HistoryEntry {
    let info = serde_json::to_value(info_of(commit)).and_then(serde_json::from_value::<CommitInfo>).unwrap_or_default();
    HistoryEntry {
        version,
        timestamp: info.in_commit_timestamp.or(info.timestamp).and_then(DateTime::from_timestamp_millis),
        operation: info.operation,
        parameters: info.operation_parameters.unwrap_or_default().into_iter().collect(),
        info: info.info.into_iter().collect(),
    }
}

fn texts(list: &Value) -> Vec<String> {
    let mut texts: Vec<String> = list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect();
    texts.sort();
    texts
}
