//! What may be asked of a Delta table: the options of the command and the JSON objects of the C ABI. A member that is not known is refused.

mod lifecycle;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use olbridge_delta::table::{At, CommitOptions, Epoch, FileOptions, Losses, compression};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};

pub use lifecycle::{Alter, Change, CleanLog, Drop, Optimize, Restore, Vacuum};

pub(super) fn usage(message: impl Into<String>, remedy: impl Into<String>) -> Error {
    Error::Usage { message: message.into(), remedy: remedy.into() }
}

/// Layout of the files that are written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Files {
    /// `none`, `snappy` (the default), `gzip`, `lz4`, `zstd`, `zstd:LEVEL`.
    pub compression: Option<String>,
    /// Rows of a row group at most.
    pub row_group_rows: Option<usize>,
    /// Bytes of a data page at most.
    pub page_bytes: Option<usize>,
    /// Whether values that repeat are kept in dictionaries.
    pub dictionary: Option<bool>,
    /// Columns that get a bloom filter.
    pub bloom_filters: Vec<String>,
}

impl Files {
    pub(super) fn options(&self) -> Result<FileOptions> {
        if self.row_group_rows == Some(0) || self.page_bytes == Some(0) {
            return Err(usage("a row group or a page without room for a row", "leave out row_group_rows and page_bytes"));
        }
        let compression = self.compression.as_deref().map(compression).transpose();
        Ok(FileOptions {
            compression: compression.map_err(|reason| usage(format!("compression: {reason}"), "zstd"))?,
            row_group_rows: self.row_group_rows,
            page_bytes: self.page_bytes,
            dictionary: self.dictionary,
            bloom_filters: self.bloom_filters.clone(),
        })
    }
}

/// What is said of a commit, and how often it is tried.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Commit {
    /// Application of the epoch: a commit of an epoch that the table has already, or a later one, is not made.
    pub app_id: Option<String>,
    /// The epoch; both or none.
    pub epoch: Option<i64>,
    /// Keys and values of the commit info, seen in the history.
    pub info: BTreeMap<String, Value>,
    /// How often the whole operation is run when other writers are faster (default: 10).
    pub max_attempts: Option<u32>,
}

impl Commit {
    pub(super) fn options(&self) -> Result<CommitOptions> {
        let epoch = match (&self.app_id, self.epoch) {
            (Some(app_id), Some(epoch)) if !app_id.is_empty() => Some(Epoch { app_id: app_id.clone(), epoch }),
            (None, None) => None,
            _ => return Err(usage("an epoch is of an application, and both are given or none", "--app-id NAME --epoch N")),
        };
        let default = CommitOptions::default();
        Ok(CommitOptions { epoch, metadata: self.info.clone(), max_attempts: self.max_attempts.unwrap_or(default.max_attempts).max(1) })
    }
}

/// A column, by name and type.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as for `--as`: `int64`, `decimal(18,2)`, `text`, `timestamp_us`, `timestamp_utc`, …
    pub r#type: String,
    /// Whether it may be NULL (default: yes).
    #[serde(default = "yes")]
    pub nullable: bool,
    /// A comment in the metadata.
    #[serde(default)]
    pub comment: Option<String>,
}

fn yes() -> bool {
    true
}

/// A table to be made.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Create {
    /// Its columns, unless a schema is given beside.
    pub columns: Vec<Column>,
    /// Columns whose values name the folders of the files.
    pub partition_by: Vec<String>,
    /// Table properties.
    pub properties: BTreeMap<String, String>,
    /// Name in the metadata.
    pub name: Option<String>,
    /// Description in the metadata.
    pub comment: Option<String>,
    /// A table that is there is left alone, and compared.
    pub if_not_exists: bool,
    /// Losses of types that are accepted: `sub-microsecond`, `zone`, `duration`, `time`.
    pub cast: Vec<String>,
    /// The commit.
    pub commit: Commit,
}

/// What becomes of rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteMode {
    /// They stay; the table must be there.
    #[default]
    Append,
    /// They stay; a missing table is made.
    Create,
    /// They go, or those of `replace_where`.
    Overwrite,
    /// A table that is there is an error.
    ErrorIfExists,
    /// A table that is there is left alone.
    Ignore,
}

/// What becomes of columns that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemaMode {
    /// Refused.
    #[default]
    Strict,
    /// New columns are added, missing ones become NULL.
    Merge,
    /// The table takes the source's columns; with `overwrite`.
    Overwrite,
}

/// Rows to be written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Write {
    /// Rows that are there.
    pub mode: WriteMode,
    /// With `overwrite`: only the rows that fulfil this condition go, and every new one must fulfil it.
    pub replace_where: Option<String>,
    /// Columns that differ.
    pub schema_mode: SchemaMode,
    /// Of a table that is made.
    pub partition_by: Vec<String>,
    /// Of a table that is made.
    pub properties: BTreeMap<String, String>,
    /// Losses that are accepted: `sub-microsecond`, `zone`, `duration`, `time`, `narrow`.
    pub cast: Vec<String>,
    /// Size at which a file is closed and another begun.
    pub target_file_bytes: Option<u64>,
    /// Rows handed to the Parquet writer at once.
    pub batch_rows: Option<usize>,
    /// Layout of the files.
    pub files: Files,
    /// The commit.
    pub commit: Commit,
    /// Rows may be replaced.
    pub allow_destructive: bool,
}

/// Rows to be removed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delete {
    /// Which; all of them without a condition.
    pub r#where: Option<String>,
    /// Count them only.
    pub dry_run: bool,
    /// They may be removed.
    pub allow_destructive: bool,
    /// Layout of the files that are written anew.
    pub files: Files,
    /// The commit.
    pub commit: Commit,
}

/// Columns to be set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Update {
    /// Column → SQL expression over the table's columns.
    pub set: BTreeMap<String, String>,
    /// In which rows; in all of them without a condition.
    pub r#where: Option<String>,
    /// Count them only.
    pub dry_run: bool,
    /// All rows may be changed, where there is no condition.
    pub allow_destructive: bool,
    /// Layout of the files that are written anew.
    pub files: Files,
    /// The commit.
    pub commit: Commit,
}

/// Rows to be merged.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Merge {
    /// The join condition, SQL over `source` and `target`; or `key`.
    pub on: Option<String>,
    /// Columns that are the same on both sides.
    pub key: Vec<String>,
    /// Clauses in order, as texts (`matched then update set *`, `not matched then insert *`, …); those two where none is given.
    pub when: Vec<String>,
    /// Columns of the source that the table need not have.
    pub source_only: Vec<String>,
    /// Losses that are accepted, as for a write.
    pub cast: Vec<String>,
    /// Clauses may remove rows.
    pub allow_destructive: bool,
    /// Layout of the files.
    pub files: Files,
    /// The commit.
    pub commit: Commit,
}

/// Which version of a table; the newest where nothing is said.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Version {
    /// One by number.
    pub version: Option<u64>,
    /// The newest at this time, with its zone.
    pub timestamp: Option<String>,
}

impl Version {
    pub(super) fn at(&self) -> Result<At> {
        match (self.version, &self.timestamp) {
            (Some(_), Some(_)) => Err(usage("a version is named by number or by time, not by both", "leave out one")),
            (Some(version), None) => Ok(At::Version(version)),
            (None, Some(time)) => Ok(At::Timestamp(instant(time)?)),
            (None, None) => Ok(At::Latest),
        }
    }
}

fn instant(time: &str) -> Result<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(time)
        .map(|time| time.to_utc())
        .map_err(|_| usage(format!("{time}: this is no time with its zone"), "write it like 2026-11-21T10:30:00+01:00 (or Z for UTC)"))
}

/// Rows to be read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Read {
    /// Columns in this order; all of them where nothing is said.
    pub columns: Option<Vec<String>>,
    /// SQL over the table's columns.
    pub r#where: Option<String>,
    /// A version by number.
    pub version: Option<u64>,
    /// The newest version at this time, with its zone.
    pub timestamp: Option<String>,
    /// Rows of a batch at most.
    pub batch_rows: Option<usize>,
}

/// Losses by name.
pub(super) fn losses(names: &[String]) -> Result<Losses> {
    names.iter().map(|name| name.parse().map_err(|reason: String| usage(format!("cast {reason}"), "leave it out"))).collect()
}
