//! What may be asked of a table as a whole: altered, put back, dropped, cared for.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Column, Commit, Files};

/// One change of a table's metadata.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Change {
    /// A column more.
    AddColumn(Column),
    /// Another name for a column.
    RenameColumn {
        /// Present name.
        from: String,
        /// New name.
        to: String,
    },
    /// A column less.
    DropColumn(String),
    /// A wider type; the table is written anew.
    WidenColumn {
        /// The column.
        column: String,
        /// The new type.
        r#type: String,
    },
    /// A column may be NULL.
    SetNullable(String),
    /// A column may not be NULL.
    SetNotNull(String),
    /// Properties; null takes one away.
    SetProperties(BTreeMap<String, Option<String>>),
    /// A CHECK constraint more.
    AddConstraint {
        /// Its name.
        name: String,
        /// SQL over the columns.
        expression: String,
    },
    /// A CHECK constraint less.
    DropConstraint(String),
}

/// A change of a table's metadata, and what it may need.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alter {
    /// What.
    pub change: Change,
    /// Column mapping may be turned on, where the change needs it: readers and writers of the table must then know it.
    #[serde(default)]
    pub upgrade: bool,
    /// A column may be dropped.
    #[serde(default)]
    pub allow_destructive: bool,
    /// The commit.
    #[serde(default)]
    pub commit: Commit,
}

/// A version to go back to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restore {
    /// One by number.
    pub version: Option<u64>,
    /// The newest at this time, with its zone.
    pub timestamp: Option<String>,
    /// What came after it may go.
    pub allow_destructive: bool,
    /// The commit.
    pub commit: Commit,
}

/// A table to be dropped.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drop {
    /// Say what would go.
    pub dry_run: bool,
    /// It may go.
    pub allow_destructive: bool,
}

/// Files to be put together.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimize {
    /// Columns to order by along a Z curve; empty: files are only put together.
    pub z_order: Vec<String>,
    /// Size of the files made.
    pub target_file_bytes: Option<u64>,
    /// Files made at once; as many as there are cores where nothing is said.
    pub max_concurrent: Option<usize>,
    /// Layout of the files.
    pub files: Files,
    /// The commit.
    pub commit: Commit,
}

/// Files to be removed that the newest version does not need.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vacuum {
    /// Say what would go (the default).
    pub dry_run: bool,
    /// They may go.
    pub allow_destructive: bool,
    /// Age from which a file may go; the table's own (a week) where nothing is said.
    pub retention_hours: Option<u32>,
    /// A retention shorter than the table's own is meant.
    pub short_retention: bool,
    /// Files that no version has ever had, too: orphans of writes that failed.
    pub orphans: bool,
}

impl Default for Vacuum {
    fn default() -> Self {
        Vacuum { dry_run: true, allow_destructive: false, retention_hours: None, short_retention: false, orphans: false }
    }
}

/// Commits to be removed from the log.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CleanLog {
    /// They may go: versions that only they describe cannot be read any more.
    pub allow_destructive: bool,
}
