//! Options of `olbridge copy` into a table: how rows are found, what is done with them, and what becomes of bad ones.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use olbridge::copy::{MergeWay, OnError};
use olbridge::load::NotFound;

use crate::cast_arguments::CastArguments;
use crate::failure::{Failure, usage};

/// What only a copy into a table takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "From files into a table")]
pub struct ChangeArguments {
    /// Columns by which upsert, update and delete find rows, or ROWID
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub key: Vec<String>,
    /// In an upsert, delete the rows whose source column has this value (the column itself is loaded only if --columns names it)
    #[arg(long, value_name = "COLUMN=VALUE")]
    pub delete_when: Option<String>,
    /// Do not delete rows: set the table's column _deleted to 1, and _updated to the time if there is one
    #[arg(long)]
    pub soft_delete: bool,
    /// Give a created table the columns _updated and _deleted, and stamp there every row that is inserted or updated
    #[arg(long)]
    pub system_columns: bool,
    /// How an upsert is carried out (default: auto, which stages 100,000 rows and more and says why)
    #[arg(long, value_enum, value_name = "WAY")]
    pub merge: Option<MergeArgument>,
    /// Primary key of a table that is created
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub primary_key: Vec<String>,
    /// What becomes of a row whose key is not in the table (default: refuse for update, count for delete)
    #[arg(long, value_enum, value_name = "WHAT")]
    pub not_found: Option<NotFoundArgument>,
    /// What a bad row does (default: abort; with --rejects: reject)
    #[arg(long, value_enum, value_name = "WHAT")]
    pub on_error: Option<OnErrorArgument>,
    /// Put refused rows into FILE (.parquet or .ndjson, must not exist) with the reason, and go on with the others
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Roll back when more than N rows are refused (default: no limit)
    #[arg(long, value_name = "N")]
    pub max_errors: Option<u64>,
    /// Look at every value before the first row moves, and end with exit code 5 if one would be refused (with --rejects: if more are than --max-errors)
    #[arg(long)]
    pub preflight: bool,
    /// Name of the job: the table OLBRIDGE_STATE remembers what it has loaded, so that running it again loads nothing twice
    #[arg(long, value_name = "NAME")]
    pub job: Option<String>,
    /// With --parallel: how long one session may be in one call while all others have nothing to do, and may be what it waits for (default: 60)
    #[arg(long, value_name = "SECONDS", requires = "parallel")]
    pub longest_wait: Option<NonZeroU32>,
    /// Let --mode truncate and --mode overwrite remove the rows that are there (without it a terminal is asked)
    #[arg(long)]
    pub allow_destructive: bool,
    /// Statement before the rows (repeatable): in their transaction, unless it commits by itself
    #[arg(long, value_name = "SQL")]
    pub pre_sql: Vec<String>,
    /// Statement after the rows, in their transaction (repeatable)
    #[arg(long, value_name = "SQL")]
    pub post_sql: Vec<String>,
    /// Other types.
    #[command(flatten)]
    pub cast: CastArguments,
}

/// `--on-error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnErrorArgument {
    /// Name the first bad row and roll back
    Abort,
    /// Put bad rows into --rejects FILE and go on
    Reject,
}

/// `--merge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MergeArgument {
    /// As the rows and the server suggest
    Auto,
    /// A MERGE executed for arrays of binds
    Arrays,
    /// Array INSERT into a private temporary table, then one MERGE from there (before server release 18: as global)
    Staged,
    /// The same through a global temporary table, which is made once and stays
    Global,
}

impl From<MergeArgument> for MergeWay {
    fn from(argument: MergeArgument) -> Self {
        match argument {
            MergeArgument::Auto => MergeWay::Auto,
            MergeArgument::Arrays => MergeWay::Arrays,
            MergeArgument::Staged => MergeWay::Staged,
            MergeArgument::Global => MergeWay::Global,
        }
    }
}

/// `--not-found`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NotFoundArgument {
    /// It is a bad row
    Refuse,
    /// It is counted, and the others go on
    Count,
}

impl From<NotFoundArgument> for NotFound {
    fn from(argument: NotFoundArgument) -> Self {
        match argument {
            NotFoundArgument::Refuse => NotFound::Refuse,
            NotFoundArgument::Count => NotFound::Count,
        }
    }
}

impl ChangeArguments {
    /// The first option that was given, for a copy that takes none of them.
    pub fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--key", !self.key.is_empty()),
            ("--on-error", self.on_error.is_some()),
            ("--rejects", self.rejects.is_some()),
            ("--max-errors", self.max_errors.is_some()),
            ("--preflight", self.preflight),
            ("--delete-when", self.delete_when.is_some()),
            ("--soft-delete", self.soft_delete),
            ("--system-columns", self.system_columns),
            ("--merge", self.merge.is_some()),
            ("--primary-key", !self.primary_key.is_empty()),
            ("--not-found", self.not_found.is_some()),
            ("--job", self.job.is_some()),
            ("--allow-destructive", self.allow_destructive),
            ("--longest-wait", self.longest_wait.is_some()),
            ("--pre-sql", !self.pre_sql.is_empty()),
            ("--post-sql", !self.post_sql.is_empty()),
            ("--cast", !self.cast.cast.is_empty()),
            ("--nested", self.cast.nested.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }

    /// What a bad row does.
    pub fn on_error(&self) -> Result<OnError, Failure> {
        let max_rows = self.max_errors;
        match (self.on_error, self.rejects.clone()) {
            (None | Some(OnErrorArgument::Abort), None) if max_rows.is_none() => Ok(OnError::Abort),
            (None | Some(OnErrorArgument::Reject), Some(file)) => Ok(OnError::Reject { file, max_rows }),
            (Some(OnErrorArgument::Abort), Some(_)) => {
                Err(usage("--on-error abort ends at the first bad row, so --rejects says nothing", "leave out one of them"))
            }
            (_, None) => Err(usage("refused rows have to go somewhere", "--rejects bad.parquet (or bad.ndjson)")),
        }
    }

    /// Source column and value of `--delete-when`.
    pub fn delete_when(&self) -> Result<Option<(String, String)>, Failure> {
        let Some(text) = &self.delete_when else { return Ok(None) };
        match text.split_once('=') {
            Some((column, value)) if !column.is_empty() => Ok(Some((column.to_owned(), value.to_owned()))),
            _ => Err(usage(format!("--delete-when {text} is not COLUMN=VALUE"), "--delete-when op=D")),
        }
    }
}
