//! Options that several verbs of `olbridge delta` take.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::Args;

use crate::arguments::ConnectionArguments;
use crate::format_arguments::FormatArguments;

/// Where a table is, how its store is opened, and who hears what.
#[derive(Debug, Args)]
pub struct TableArguments {
    /// Where the table is
    pub location: String,
    /// How its store is opened.
    #[command(flatten)]
    pub store: StoreArguments,
    /// Who hears what.
    #[command(flatten)]
    pub telling: TellArguments,
}

/// The same for several tables.
#[derive(Debug, Args)]
pub struct ManyArguments {
    /// Where the tables are
    #[arg(required = true, value_name = "LOCATION")]
    pub locations: Vec<String>,
    /// How their stores are opened.
    #[command(flatten)]
    pub store: StoreArguments,
    /// Who hears what.
    #[command(flatten)]
    pub telling: TellArguments,
}

/// How a store is opened.
#[derive(Debug, Args)]
#[command(next_help_heading = "Store")]
pub struct StoreArguments {
    /// Use this connection of the connections file (default: the one whose url fits best)
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,
    /// The connections file (default: OLBRIDGE_CONNECTIONS, ~/.config/olbridge/connections.json)
    #[arg(long, value_name = "FILE")]
    pub connections_file: Option<PathBuf>,
    /// Pass an option through to the object store: timeout=60s, region=eu-west-1, … (repeatable; secrets belong into the environment or the
    /// connections file)
    #[arg(long, value_name = "KEY=VALUE")]
    pub storage_option: Vec<String>,
}

/// What becomes of the report.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub struct TellArguments {
    /// Write the report as JSON to standard output or to FILE
    #[arg(long, value_name = "json[=FILE]")]
    pub report: Option<String>,
    /// No summary
    #[arg(long, short)]
    pub quiet: bool,
}

/// What is said of a commit.
#[derive(Debug, Args)]
#[command(next_help_heading = "Commit")]
pub struct CommitArguments {
    /// Application of --epoch: an epoch that the table has already, or a later one, is not committed again
    #[arg(long, value_name = "NAME", requires = "epoch")]
    pub app_id: Option<String>,
    /// Number of this piece of work
    #[arg(long, value_name = "N", requires = "app_id")]
    pub epoch: Option<i64>,
    /// Key and value of the commit info, seen in the history (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub commit_info: Vec<String>,
    /// How often the whole operation is run when other writers are faster (default: 10)
    #[arg(long, value_name = "N")]
    pub max_attempts: Option<NonZeroU32>,
}

/// Layout of files.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files")]
pub struct FilesArguments {
    /// none, snappy, gzip, lz4, zstd or zstd:LEVEL (default: snappy)
    #[arg(long, value_name = "CODEC")]
    pub compression: Option<String>,
    /// Rows of a row group at most (default: 1048576)
    #[arg(long, value_name = "ROWS")]
    pub row_group_rows: Option<NonZeroUsize>,
    /// Bytes of a data page at most, such as 1MiB
    #[arg(long, value_name = "BYTES")]
    pub page_bytes: Option<String>,
    /// Keep values that repeat without a dictionary
    #[arg(long)]
    pub no_dictionary: bool,
    /// Columns that get a bloom filter
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub bloom_filter: Vec<String>,
}

/// A table whose rows change, the layout of the files that are written for it, and the commit.
#[derive(Debug, Args)]
pub struct ChangedArguments {
    /// The table.
    #[command(flatten)]
    pub table: TableArguments,
    /// Layout of the files.
    #[command(flatten)]
    pub files: FilesArguments,
    /// The commit.
    #[command(flatten)]
    pub commit: CommitArguments,
}

/// Where rows or columns come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub struct SourceArguments {
    /// Files, globs, directories, - or delta:LOCATION (repeatable); or one table of a database, oracle://… or embedded:…
    #[arg(long, value_name = "SOURCE")]
    pub from: Vec<String>,
    /// Rows of this SELECT of the database of --from
    #[arg(long, value_name = "SQL")]
    pub query: Option<String>,
    /// How to read NUMBER columns that have no scale: decimal(p,s), float64, text, int64
    #[arg(long, value_name = "TYPE")]
    pub number: Option<String>,
    /// Formats of files.
    #[command(flatten)]
    pub format: FormatArguments,
    /// How to connect to the database.
    #[command(flatten, next_help_heading = "Connection to a database")]
    pub connection: ConnectionArguments,
}

/// Which version.
#[derive(Debug, Args)]
#[command(next_help_heading = "Version")]
pub struct VersionArguments {
    /// This version
    #[arg(long, value_name = "VERSION", conflicts_with = "delta_timestamp")]
    pub delta_version: Option<u64>,
    /// The newest version at this time, with its zone: 2026-11-21T10:30:00+01:00
    #[arg(long, value_name = "TIME")]
    pub delta_timestamp: Option<String>,
}
