//! `olbridge delta` as clap reads it.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand, ValueEnum};

use super::shared_arguments::{
    ChangedArguments, CommitArguments, FilesArguments, ManyArguments, SourceArguments, TableArguments, VersionArguments,
};
use crate::delta_arguments::SchemaModeArgument;

const LOCATION_HELP: &str = "\
Locations: a path, s3://, gs://, abfss://, az://, https:// or onelake://WORKSPACE/LAKEHOUSE/[SCHEMA/]TABLE; delta: may stand before it.
Conditions and expressions are SQL over the table's columns; names keep their case. What removes something needs --allow-destructive.";

/// `olbridge delta`.
#[derive(Debug, Args)]
pub struct DeltaCommand {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
#[command(after_help = LOCATION_HELP)]
pub enum Verb {
    /// Make a table of given columns, or of those of a file, a table or a query
    Create(CreateArguments),
    /// Show columns, partitions, properties, protocol and size of a version
    Describe(DescribeArguments),
    /// Show the commits, newest first
    History(HistoryArguments),
    /// Change columns, properties or constraints
    Alter(AlterArguments),
    /// Make the table what it was at an earlier version, as a new version
    Restore(RestoreArguments),
    /// Remove the table with all its versions; --dry-run lists what goes
    Drop(DropArguments),
    /// Write files, a table or a query into the table
    Write(WriteArguments),
    /// Remove the rows that fulfil a condition
    Delete(DeleteArguments),
    /// Set columns to expressions in the rows that fulfil a condition
    Update(UpdateArguments),
    /// Merge files, a table or a query into the table
    Merge(MergeArguments),
    /// Put small files together, or order rows along a Z curve
    Optimize(OptimizeArguments),
    /// List the files that no version needs any more; with --allow-destructive remove them
    Vacuum(VacuumArguments),
    /// Write a checkpoint, so that the table opens without reading the commits before it
    Checkpoint(ManyArguments),
    /// Remove commits that a checkpoint has made superfluous and that are older than the log's retention
    Cleanup(CleanupArguments),
}

/// `create`.
#[derive(Debug, Args)]
pub struct CreateArguments {
    /// A column: "id=int64 not null", "amount=decimal(18,2)", "at=timestamp_utc"; types as for --as (repeatable)
    #[arg(long, value_name = "NAME=TYPE", conflicts_with = "from")]
    pub column: Vec<String>,
    /// Columns whose values name the folders of the files
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub partition_by: Vec<String>,
    /// Property of the table (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    pub property: Vec<String>,
    /// Name in the metadata
    #[arg(long)]
    pub name: Option<String>,
    /// Description in the metadata
    #[arg(long)]
    pub comment: Option<String>,
    /// Leave a table that is there alone, and say whether it has the same columns and partitions
    #[arg(long)]
    pub if_not_exists: bool,
    /// Accept losses of types: zone, duration, time, sub-microsecond
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub lossy: Vec<String>,
    /// The table.
    #[command(flatten)]
    pub table: TableArguments,
    /// Columns of a file, a table or a query.
    #[command(flatten)]
    pub source: SourceArguments,
    /// The commit.
    #[command(flatten)]
    pub commit: CommitArguments,
}

/// `describe`.
#[derive(Debug, Args)]
pub struct DescribeArguments {
    /// The table.
    #[command(flatten)]
    pub table: TableArguments,
    /// Which version (default: the newest).
    #[command(flatten)]
    pub version: VersionArguments,
}

/// `history`.
#[derive(Debug, Args)]
pub struct HistoryArguments {
    /// So many commits at most
    #[arg(long, value_name = "COMMITS")]
    pub limit: Option<usize>,
    /// The table.
    #[command(flatten)]
    pub table: TableArguments,
}

/// `alter`.
#[derive(Debug, Args)]
pub struct AlterArguments {
    /// Turn column mapping on where the change needs it: readers and writers of the table must then know it
    #[arg(long)]
    pub upgrade: bool,
    /// A column may be dropped
    #[arg(long)]
    pub allow_destructive: bool,
    /// The table.
    #[command(flatten)]
    pub table: TableArguments,
    /// What changes.
    #[command(flatten)]
    pub change: ChangeArguments,
    /// The commit.
    #[command(flatten)]
    pub commit: CommitArguments,
}

/// One change.
#[derive(Debug, Args)]
#[command(next_help_heading = "Change, one of these")]
#[group(required = true, multiple = false)]
pub struct ChangeArguments {
    /// Add a column, which is NULL in the rows that are there
    #[arg(long, value_name = "NAME=TYPE")]
    pub add_column: Option<String>,
    /// Give a column another name (column mapping)
    #[arg(long, value_name = "OLD=NEW")]
    pub rename_column: Option<String>,
    /// Take a column away (column mapping)
    #[arg(long, value_name = "NAME")]
    pub drop_column: Option<String>,
    /// Give a column a wider type: the table is written anew as one commit
    #[arg(long, value_name = "NAME=TYPE")]
    pub widen_column: Option<String>,
    /// Let a column be NULL
    #[arg(long, value_name = "NAME")]
    pub set_nullable: Option<String>,
    /// Let a column be NULL no more; every row is looked at first
    #[arg(long, value_name = "NAME")]
    pub set_not_null: Option<String>,
    /// Set a table property (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    pub set_property: Vec<String>,
    /// Take a table property away (repeatable)
    #[arg(long, value_name = "NAME")]
    pub unset_property: Vec<String>,
    /// Add a CHECK constraint, which every row that is there must fulfil
    #[arg(long, value_name = "NAME=SQL")]
    pub add_constraint: Option<String>,
    /// Take a CHECK constraint away
    #[arg(long, value_name = "NAME")]
    pub drop_constraint: Option<String>,
}

/// `restore`.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// What came after it may go from the newest version
    #[arg(long)]
    pub allow_destructive: bool,
    /// The table.
    #[command(flatten)]
    pub table: TableArguments,
    /// Which version.
    #[command(flatten)]
    pub version: VersionArguments,
    /// The commit.
    #[command(flatten)]
    pub commit: CommitArguments,
}

/// `drop`.
#[derive(Debug, Args)]
pub struct DropArguments {
    /// List what goes, and leave it
    #[arg(long)]
    pub dry_run: bool,
    /// It may go
    #[arg(long)]
    pub allow_destructive: bool,
    /// The table.
    #[command(flatten)]
    pub table: TableArguments,
}

/// `write --mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WriteModeArgument {
    /// Add rows to a table that exists
    Append,
    /// Make the table when it is missing, add rows when it exists
    Create,
    /// Replace all rows, or those of --replace-where; makes a missing table
    Overwrite,
    /// Make the table; refuse when it exists
    ErrorIfExists,
    /// Make the table; do nothing when it exists
    Ignore,
}

/// `write`.
#[derive(Debug, Args)]
pub struct WriteArguments {
    /// What to do with a table that is there, and with one that is not
    #[arg(long, value_enum, default_value_t = WriteModeArgument::Append)]
    pub mode: WriteModeArgument,
    /// With --mode overwrite: only rows with this condition are replaced, and every new one must fulfil it
    #[arg(long, value_name = "SQL")]
    pub replace_where: Option<String>,
    /// What may change of the columns (default: strict)
    #[arg(long, value_enum, value_name = "MODE")]
    pub schema_mode: Option<SchemaModeArgument>,
    /// Of a table that is made: columns whose values name the folders of the files
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub partition_by: Vec<String>,
    /// Of a table that is made: a property (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    pub property: Vec<String>,
    /// Accept losses: narrow (a narrower type where the value fits exactly), sub-microsecond, zone, duration, time
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub lossy: Vec<String>,
    /// Size at which a file is closed and another begun, such as 256MiB
    #[arg(long, value_name = "BYTES")]
    pub file_bytes: Option<String>,
    /// Rows handed to the Parquet writer at once
    #[arg(long, value_name = "ROWS")]
    pub batch_rows: Option<NonZeroUsize>,
    /// Rows may be replaced
    #[arg(long)]
    pub allow_destructive: bool,
    /// The table, its files and the commit.
    #[command(flatten)]
    pub changed: ChangedArguments,
    /// The rows.
    #[command(flatten)]
    pub source: SourceArguments,
}

/// `delete`.
#[derive(Debug, Args)]
pub struct DeleteArguments {
    /// Which rows (default: all)
    #[arg(long = "where", value_name = "SQL")]
    pub condition: Option<String>,
    /// Count them, and leave them
    #[arg(long)]
    pub dry_run: bool,
    /// They may be removed
    #[arg(long)]
    pub allow_destructive: bool,
    /// The table, its files and the commit.
    #[command(flatten)]
    pub changed: ChangedArguments,
}

/// `update`.
#[derive(Debug, Args)]
pub struct UpdateArguments {
    /// A column and its new value: "price = round(price * 1.1, 2)" (repeatable). A value that does not fit its column exactly is refused
    #[arg(long, value_name = "COLUMN = SQL", required = true)]
    pub set: Vec<String>,
    /// In which rows (default: all)
    #[arg(long = "where", value_name = "SQL")]
    pub condition: Option<String>,
    /// Count them, and leave them
    #[arg(long)]
    pub dry_run: bool,
    /// All rows may be changed, without --where
    #[arg(long)]
    pub allow_destructive: bool,
    /// The table, its files and the commit.
    #[command(flatten)]
    pub changed: ChangedArguments,
}

/// `merge`.
#[derive(Debug, Args)]
pub struct MergeArguments {
    /// Columns that say which row of the source is which of the table
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "on")]
    pub key: Vec<String>,
    /// The same as a condition over source and target: "target.id = source.id and target.day = source.day"
    #[arg(long, value_name = "SQL")]
    pub on: Option<String>,
    /// A clause; the first that applies to a row is carried out (repeatable): "matched and source.op = 'D' then delete", "matched then update set
    /// name = source.name", "not matched then insert (id, name) values (source.id, source.name)", "not matched by source then delete"; * stands for
    /// all columns of the source (default: "matched then update set *", "not matched then insert *")
    #[arg(long, value_name = "CLAUSE")]
    pub when: Vec<String>,
    /// Columns of the source that the table need not have
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub source_only: Vec<String>,
    /// Accept losses: narrow (a narrower type where the value fits exactly), sub-microsecond, zone, duration, time
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub lossy: Vec<String>,
    /// Clauses may remove rows
    #[arg(long)]
    pub allow_destructive: bool,
    /// The table, its files and the commit.
    #[command(flatten)]
    pub changed: ChangedArguments,
    /// The rows.
    #[command(flatten)]
    pub source: SourceArguments,
}

/// `optimize`.
#[derive(Debug, Args)]
pub struct OptimizeArguments {
    /// Order rows along a Z curve over these columns
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub z_order: Vec<String>,
    /// Size of the files made, such as 256MiB (default: the table's delta.targetFileSize, else 100 MiB)
    #[arg(long, value_name = "BYTES")]
    pub file_bytes: Option<String>,
    /// Files made at once (default: as many as there are cores)
    #[arg(long, value_name = "N")]
    pub max_concurrent: Option<NonZeroUsize>,
    /// The tables.
    #[command(flatten)]
    pub tables: ManyArguments,
    /// Layout of the files.
    #[command(flatten)]
    pub files: FilesArguments,
    /// The commit.
    #[command(flatten)]
    pub commit: CommitArguments,
}

/// `vacuum`.
#[derive(Debug, Args)]
pub struct VacuumArguments {
    /// Remove them; without this they are listed only
    #[arg(long)]
    pub allow_destructive: bool,
    /// List them only, also with --allow-destructive
    #[arg(long)]
    pub dry_run: bool,
    /// Age from which a file may go (default: the table's delta.deletedFileRetentionDuration, else a week)
    #[arg(long, value_name = "HOURS")]
    pub retention_hours: Option<u32>,
    /// A retention shorter than the table's own is meant: readers at work may lose their files
    #[arg(long)]
    pub short_retention: bool,
    /// Files that no version has ever had, too: orphans of writes that failed
    #[arg(long)]
    pub orphans: bool,
    /// The tables.
    #[command(flatten)]
    pub tables: ManyArguments,
}

/// `cleanup`.
#[derive(Debug, Args)]
pub struct CleanupArguments {
    /// Old commits may go
    #[arg(long)]
    pub allow_destructive: bool,
    /// The tables.
    #[command(flatten)]
    pub tables: ManyArguments,
}
