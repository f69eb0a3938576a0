//! The command line as clap reads it. Nothing here is checked against anything else: `request.rs` does that.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::change_arguments::ChangeArguments;
use crate::delta::arguments::DeltaCommand;
use crate::delta_arguments::DeltaArguments;
use crate::export_arguments::ExportArguments;
use crate::format_arguments::FormatArguments;

const TARGET_HELP: &str = "\
Targets:
  oracle://USER@HOST:PORT/SERVICE/[SCHEMA.]TABLE   a database by address
  oracle://USER@TNS_ALIAS/[SCHEMA.]TABLE           a database by its name in tnsnames.ora (TNS_ADMIN)
  embedded:PATH/TABLE                              the engine that comes with olbridge; PATH is its file
  embedded:null/TABLE                              the same, keeps nothing: to measure the client side

Password: OLBRIDGE_PASSWORD, --password-file, or a prompt on a terminal. Without USER the client authenticates by
itself (wallet or operating system).";

const EXIT_CODES_HELP: &str = "\
Exit codes:
    0  done                                        5  a row was refused
    1  unexpected                                  6  file or storage
    2  usage                                       7  the database refused, or the connection was lost
    3  client library, connection or login         8  loaded and committed, but the report could not be written
    4  the plan does not fit, nothing has moved    9  done, but rows were refused: they are in --rejects FILE
                                                 130  interrupted, rolled back";

/// Moves tables between Oracle and the lakehouse through OCI array binding. Exact or refused; nothing lost, nothing twice.
#[derive(Debug, Parser)]
#[command(name = "olbridge", version, max_term_width = 120, after_help = EXIT_CODES_HELP)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value a process")]
pub enum Command {
    /// Copy files (Parquet, Arrow, CSV, NDJSON) into an Oracle table, or a table or query into a file
    #[command(after_help = TARGET_HELP, override_usage = "olbridge copy [OPTIONS] SOURCE… TARGET\n       olbridge copy [OPTIONS] TARGET FILE")]
    Copy(CopyArguments),
    /// Make, look at, change, merge into, care for and drop Delta tables (a build with --features delta)
    Delta(DeltaCommand),
    /// Show the columns of a table or of a file
    #[command(after_help = TARGET_HELP)]
    Describe(DescribeArguments),
    /// Run a query and print its rows; other statements are executed and committed
    #[command(after_help = TARGET_HELP)]
    Sql(SqlArguments),
    /// Say which client library is found, its version, and whether login works
    #[command(after_help = TARGET_HELP)]
    Check(CheckArguments),
    /// Print the type table: which Arrow types go into which Oracle types, and how
    Types,
}

/// `olbridge copy`.
#[derive(Debug, Clone, Args)]
pub struct CopyArguments {
    /// Files, globs or directories (hive partitions become columns) or - for standard input, and last the target table; or a table and a
    /// file or - for standard output
    #[arg(required = true, num_args = 2.., value_names = ["SOURCE", "TARGET"])]
    pub operands: Vec<String>,
    /// What to do with the target table
    #[arg(long, value_enum, default_value_t = ModeArgument::Append)]
    pub mode: ModeArgument,
    /// Source columns to copy, in this order (default: all)
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub columns: Option<Vec<String>>,
    /// Source column SRC goes into target column DST (repeatable)
    #[arg(long, value_name = "SRC=DST")]
    pub rename: Vec<String>,
    /// What only a copy into a table takes.
    #[command(flatten)]
    pub change: ChangeArguments,
    /// Rows per array execute, at most 32767 (default: from --batch-bytes)
    #[arg(long, value_name = "ROWS")]
    pub batch_rows: Option<NonZeroU32>,
    /// Memory for the array buffers, such as 8MiB or 512KiB (default: 2MiB)
    #[arg(long, value_name = "BYTES")]
    pub batch_bytes: Option<String>,
    /// Commit every so many rows instead of once at the end; a failed job then leaves the committed rows in the table
    #[arg(long, value_name = "ROWS")]
    pub commit_rows: Option<NonZeroU64>,
    /// Allow changes of values by name, comma-separated: `olbridge types` lists the kinds
    #[arg(long, value_name = "KINDS")]
    pub lossy: Option<String>,
    /// Print the plan (DDL, statement, types, rows per execute, memory) and move nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write the report (with --dry-run: the plan) as JSON to standard output or to FILE
    #[arg(long, value_name = "json[=FILE]")]
    pub report: Option<String>,
    /// No progress, no summary
    #[arg(long, short)]
    pub quiet: bool,
    /// Formats of files.
    #[command(flatten)]
    pub format: FormatArguments,
    /// From Oracle into a file.
    #[command(flatten)]
    pub export: ExportArguments,
    /// Delta tables.
    #[command(flatten)]
    pub delta: DeltaArguments,
    /// How to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// `olbridge describe`.
#[derive(Debug, Clone, Args)]
pub struct DescribeArguments {
    /// A target table or a file, glob or directory
    #[arg(value_name = "TARGET|FILE")]
    pub subject: String,
    /// How to print the columns
    #[arg(long, value_enum, default_value_t = DescribeFormat::Table)]
    pub format: DescribeFormat,
    /// How to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// `olbridge sql`.
#[derive(Debug, Clone, Args)]
pub struct SqlArguments {
    /// The database; a table name in it is not needed and ignored
    pub target: String,
    /// The statement
    pub statement: String,
    /// How to print the rows
    #[arg(long, value_enum, default_value_t = RowFormat::Table)]
    pub format: RowFormat,
    /// How to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// `olbridge check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArguments {
    /// The database; a table name in it is not needed and ignored
    pub target: String,
    /// How to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// What every command that opens a session takes.
#[derive(Debug, Clone, Args)]
pub struct ConnectionArguments {
    /// Read the password from the first line of FILE (instead of OLBRIDGE_PASSWORD or a prompt)
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Directory of the Oracle client library (default: OLBRIDGE_OCI_LIB_DIR, the loader's path, $ORACLE_HOME/lib)
    #[arg(long, value_name = "DIR")]
    pub client_lib: Option<PathBuf>,
    /// Give up a round trip to the database after so many milliseconds (client of release 18 or later)
    #[arg(long, value_name = "MS")]
    pub call_timeout_ms: Option<NonZeroU32>,
}

/// `--mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeArgument {
    /// Add rows to a table that exists
    Append,
    /// TRUNCATE the table (which commits at once), then load
    Truncate,
    /// Replace all rows in one transaction, so that readers never see the table empty; creates a missing table
    Overwrite,
    /// Create the table when it is missing, add rows when it exists
    Create,
    /// Create the table; refuse when it exists
    ErrorIfExists,
    /// Create the table; do nothing when it exists
    Ignore,
    /// Update the rows whose --key is there, insert the others (MERGE)
    Upsert,
    /// Set the other columns of the rows that have the --key of a source row
    Update,
    /// Remove the rows that have the --key of a source row
    Delete,
}

/// `describe --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DescribeFormat {
    /// Aligned columns for people
    Table,
    /// One JSON document
    Json,
}

/// `sql --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    /// Aligned columns for people
    Table,
    /// RFC 4180 with a header and line feeds; NULL is empty
    Csv,
    /// One JSON object a line; numbers with all their digits
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_option_takes_a_password() {
        for command in Arguments::command().get_subcommands() {
            assert!(command.get_arguments().all(|a| a.get_id() != "password"), "{}", command.get_name());
        }
    }
}
