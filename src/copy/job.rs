//! What a user asks for.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::cast::Cast;
use super::staged::MergeWay;
use super::target::Target;
use crate::error::{Error, Result};
use crate::lake::input::STANDARD_STREAM;
use crate::lake::rejects::RejectFormat;
use crate::lake::source::{ChangeWay, Source, SourceOptions};
use crate::load::{Dml, LoadOptions, NotFound};
use crate::oracle_type::DatabaseCharset;
use crate::transaction::CommitPolicy;
use crate::type_map::LossySet;

/// A call may take long; but one that waits for a transaction of its own load would never end.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What happens with a table that is there, and with one that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The table must exist; rows are added.
    #[default]
    Append,
    /// The table must exist; it is emptied by TRUNCATE, which commits, so that a load that then fails leaves it empty.
    Truncate,
    /// Creates the table if it is missing, else replaces its rows by DELETE and INSERT in one transaction: readers never see it empty.
    Overwrite,
    /// Creates the table if it is missing, else adds rows.
    Create,
    /// Creates the table; an error if it is there.
    ErrorIfExists,
    /// Creates the table; does nothing if it is there.
    Ignore,
    /// The table must exist; rows are updated where their key is there and inserted where it is not.
    Upsert,
    /// The table must exist; the rows with the key of a source row get its other columns.
    Update,
    /// The table must exist; the rows with the key of a source row are removed.
    Delete,
}

impl Mode {
    /// All modes, in the order of the documentation.
    pub const ALL: [Mode; 9] = [
        Mode::Append,
        Mode::Truncate,
        Mode::Overwrite,
        Mode::Create,
        Mode::ErrorIfExists,
        Mode::Ignore,
        Mode::Upsert,
        Mode::Update,
        Mode::Delete,
    ];

    /// As `--mode` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Append => "append",
            Mode::Truncate => "truncate",
            Mode::Overwrite => "overwrite",
            Mode::Create => "create",
            Mode::ErrorIfExists => "error-if-exists",
            Mode::Ignore => "ignore",
            Mode::Upsert => "upsert",
            Mode::Update => "update",
            Mode::Delete => "delete",
        }
    }

    /// What is done with each source row.
    pub const fn dml(self) -> Dml {
        match self {
            Mode::Append | Mode::Truncate | Mode::Overwrite | Mode::Create | Mode::ErrorIfExists | Mode::Ignore => Dml::Insert,
            Mode::Upsert => Dml::Upsert,
            Mode::Update => Dml::Update,
            Mode::Delete => Dml::Delete,
        }
    }

    /// A row that is not there to be updated is a bad row, because its values would be lost; one that is not there to be deleted is counted,
    /// because the table then is what was asked for.
    pub const fn default_not_found(self) -> NotFound {
        match self {
            Mode::Delete => NotFound::Count,
            _ => NotFound::Refuse,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Mode::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| Error::Usage {
            message: format!("unknown mode {text:?}"),
            remedy: format!("one of {}", Mode::ALL.map(Mode::name).join(", ")),
        })
    }
}

/// What a row does that a conversion or the database refuses.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// Ends the job; nothing of the transaction stays.
    #[default]
    Abort,
    /// Goes to a file, and the others go on.
    Reject {
        /// Where refused rows go: `.parquet` or `.ndjson`. It must not exist, and is there at the end if a row was refused.
        file: PathBuf,
        /// More refused rows than this end the job, and nothing of the transaction stays.
        max_rows: Option<u64>,
    },
}

/// A copy from Parquet files into an Oracle table, as asked for. [`CopyJob::plan`] turns it into what will happen.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyJob {
    /// Files, globs and directories, or `-` for standard input.
    pub source: Vec<String>,
    /// How the files are read, where they do not say it themselves.
    pub reading: SourceOptions,
    /// Where to; must name a table.
    pub target: Target,
    /// What to do with a table that is there or not.
    pub mode: Mode,
    /// Source columns to load, in this order; `None` for all. Matched exactly first, then without regard to case.
    pub columns: Option<Vec<String>>,
    /// Source column → table column. A table column in double quotes is taken literally, another one as Oracle takes unquoted names.
    pub rename: Vec<(String, String)>,
    /// Columns by which [`Mode::Upsert`], [`Mode::Update`] and [`Mode::Delete`] find rows: names of the table or of the source, or `ROWID`.
    pub key: Vec<String>,
    /// A source column and the text of the value that marks a row to be deleted, in [`Mode::Upsert`]. Not loaded unless `columns` names it.
    pub delete_when: Option<(String, String)>,
    /// Rows to be deleted stay: the table's column `_deleted` becomes 1, and `_updated`, if there is one, the time.
    pub soft_delete: bool,
    /// The table has columns `_updated` and `_deleted`, which a created one gets, and rows that are inserted or updated are stamped there.
    pub system_columns: bool,
    /// How [`Mode::Upsert`] is carried out.
    pub merge: MergeWay,
    /// Columns of the primary key of a table that is created, named like `key`.
    pub primary_key: Vec<String>,
    /// What becomes of a source row whose key is not in the table; `None` for [`Mode::default_not_found`].
    pub not_found: Option<NotFound>,
    /// What a bad row does.
    pub on_error: OnError,
    /// Rows of an execute at most.
    pub batch_rows: Option<u32>,
    /// Memory for the array buffers of an execute; with `overlap` they are there twice.
    pub batch_bytes: usize,
    /// The next batch is converted, on a thread of its own, while the present one is executed. Not into `embedded:null`: there is no execute to hide.
    pub overlap: bool,
    /// Sessions that load at the same time, each in a transaction of its own; 1 for the caller's alone.
    pub parallel: u32,
    /// How long one of several sessions may be in one call while all others have nothing to do: it may be one of them that it waits for. 60 s.
    pub longest_wait: Duration,
    /// All values are looked at before the first row moves.
    pub preflight: bool,
    /// When to commit.
    pub commit: CommitPolicy,
    /// Losses that are accepted.
    pub lossy: LossySet,
    /// Source columns that are cast before they are bound, or whose column gets another type when the table is created.
    pub cast: Vec<(String, Cast)>,
    /// Lists, structs and maps as JSON text; without it they are refused.
    pub nested_json: bool,
    /// Of a Delta table, only what has changed since the version that the job has applied last; [`Mode::Upsert`], by `key`, with a `job`.
    pub incremental: Option<ChangeWay>,
    /// Name under which the database remembers what was loaded, in the transaction of the rows: see [`super::state`].
    pub job: Option<String>,
    /// [`Mode::Truncate`] and [`Mode::Overwrite`] may remove the rows that are there.
    pub allow_destructive: bool,
    /// Statements before the rows, in their order: those that commit by themselves (DDL) first, the others in the transaction of the rows.
    pub pre_sql: Vec<String>,
    /// Statements after the rows, in the transaction of the last of them; none that commits by itself.
    pub post_sql: Vec<String>,
}

impl CopyJob {
    /// A job with the defaults: append, all columns, one transaction, nothing lost.
    pub fn new(source: Vec<String>, target: Target) -> Self {
        CopyJob {
            source,
            reading: SourceOptions::default(),
            target,
            mode: Mode::default(),
            columns: None,
            rename: Vec::new(),
            key: Vec::new(),
            delete_when: None,
            soft_delete: false,
            system_columns: false,
            merge: MergeWay::Auto,
            primary_key: Vec::new(),
            not_found: None,
            on_error: OnError::Abort,
            batch_rows: None,
            batch_bytes: LoadOptions::DEFAULT_BATCH_BYTES,
            overlap: true,
            parallel: 1,
            longest_wait: LONGEST_WAIT,
            preflight: false,
            commit: CommitPolicy::default(),
            lossy: LossySet::NONE,
            cast: Vec::new(),
            nested_json: false,
            incremental: None,
            job: None,
            allow_destructive: false,
            pre_sql: Vec::new(),
            post_sql: Vec::new(),
        }
    }

    /// Limits of the load. Executes are no longer than the stretch between commits.
    pub(super) fn load_options(&self, charset: DatabaseCharset, whole: Vec<String>) -> LoadOptions {
        let between_commits = match self.commit {
            CommitPolicy::AtEnd => None,
            CommitPolicy::EveryRows(rows) => Some(u32::try_from(rows.get()).unwrap_or(u32::MAX)),
        };
        let batch_rows = match (self.batch_rows, between_commits) {
            (Some(rows), Some(limit)) => Some(rows.min(limit)),
            (rows, limit) => rows.or(limit),
        };
        let not_found = self.not_found.unwrap_or(self.mode.default_not_found());
        LoadOptions {
            batch_rows,
            batch_bytes: self.batch_bytes,
            lossy: self.lossy,
            whole,
            not_found,
            charset,
            casts: self.casts(),
            nested: self.nested(),
        }
    }

    /// What a failed load leaves is told by the numbers of its rows, unless it leaves nothing.
    pub(super) fn check_order(&self, source: &Source) -> Result<()> {
        if source.has_row_order() || (self.commit == CommitPolicy::AtEnd && self.parallel <= 1) {
            return Ok(());
        }
        let option = if self.commit == CommitPolicy::AtEnd { "--parallel" } else { "--commit-rows" };
        Err(Error::Usage {
            message: format!(
                "{option} may leave some rows of a load that fails, and those of a Delta table have no order that tells which"
            ),
            remedy: format!("leave out {option}: all rows of one transaction are there, or none"),
        })
    }

    /// Contradictions that need no session to see.
    pub(super) fn check(&self) -> Result<()> {
        let usage = |message: &str, remedy: &str| Err(Error::Usage { message: message.into(), remedy: remedy.into() });
        if self.batch_rows == Some(0) {
            return usage("--batch-rows 0 would never send a row", "give at least 1, or leave it out");
        }
        if self.batch_bytes == 0 {
            return usage("--batch-bytes 0 leaves no room for a row", "leave it out for 2 MiB");
        }
        if self.mode == Mode::Overwrite && self.commit != CommitPolicy::AtEnd {
            return usage(
                "--mode overwrite replaces the rows in one transaction, --commit-rows asks for several",
                "leave out --commit-rows, or use --mode truncate if readers may see the table while it fills",
            );
        }
        if let OnError::Reject { file, .. } = &self.on_error
            && RejectFormat::of(file)? == RejectFormat::Parquet
            && self.commit != CommitPolicy::AtEnd
        {
            return usage(
                "--commit-rows commits rows while the refused ones are in a Parquet file that cannot be read before its end is written",
                "a name that ends in .ndjson, or leave out --commit-rows",
            );
        }
        self.check_parallel()?;
        self.check_incremental()?;
        if self.preflight && self.source.iter().any(|source| source == STANDARD_STREAM) {
            return usage(
                "--preflight reads the source before the load does, and standard input has it only once",
                "name a file, or leave out --preflight",
            );
        }
        self.check_job()?;
        self.check_sql()?;
        self.check_merge()?;
        self.check_key()
    }

    fn check_key(&self) -> Result<()> {
        let usage = |message: String, remedy: &str| Err(Error::Usage { message, remedy: remedy.into() });
        let mode = self.mode;
        match (mode.dml().has_key(), self.key.is_empty()) {
            (true, true) => return usage(format!("--mode {mode} finds rows by key columns, and none are named"), "--key id, or --key a,b"),
            (false, false) => {
                return usage(format!("--mode {mode} has no use for --key"), "leave out --key, or use --mode upsert, update or delete");
            }
            _ => {}
        }
        if !self.primary_key.is_empty() && !matches!(mode, Mode::Create | Mode::Overwrite | Mode::ErrorIfExists | Mode::Ignore) {
            return usage(format!("--mode {mode} creates no table, so --primary-key says nothing"), "--mode create, or leave it out");
        }
        if self.delete_when.is_some() && mode != Mode::Upsert {
            return usage(format!("--mode {mode} has no use for --delete-when"), "--mode upsert, or leave it out");
        }
        if self.system_columns && mode == Mode::Delete && !self.soft_delete {
            return usage(
                format!("--mode {mode} leaves no row to be stamped, so --system-columns says nothing"),
                "--soft-delete, or leave it out",
            );
        }
        if self.soft_delete && mode != Mode::Delete && self.delete_when.is_none() && self.incremental.is_none() {
            return usage(
                "--soft-delete, but nothing is deleted".into(),
                "--mode delete, or --mode upsert with --delete-when COLUMN=VALUE",
            );
        }
        if self.not_found.is_some() && !matches!(mode, Mode::Update | Mode::Delete) {
            return usage(format!("--mode {mode} finds or makes every row, so --not-found says nothing"), "leave out --not-found");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU64;

    fn job() -> CopyJob {
        CopyJob::new(vec!["f.parquet".into()], "embedded:null/T".parse().unwrap())
    }

    #[test]
    fn modes_parse_as_they_print() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse::<Mode>().unwrap(), mode);
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
        }
        assert!("replace".parse::<Mode>().unwrap_err().to_string().contains("append, truncate, overwrite"));
    }

    #[test]
    fn executes_are_no_longer_than_the_stretch_between_commits() {
        let every = |rows| CommitPolicy::EveryRows(NonZeroU64::new(rows).unwrap());
        for (batch_rows, commit, want) in [
            (None, CommitPolicy::AtEnd, None),
            (Some(7), CommitPolicy::AtEnd, Some(7)),
            (None, every(100), Some(100)),
            (Some(7), every(100), Some(7)),
            (Some(700), every(100), Some(100)),
            (None, every(u64::MAX), Some(u32::MAX)),
        ] {
            assert_eq!(CopyJob { batch_rows, commit, ..job() }.load_options(DatabaseCharset::default(), Vec::new()).batch_rows, want);
        }
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(job().check().is_ok());
        let every = CommitPolicy::EveryRows(NonZeroU64::MIN);
        for bad in [
            CopyJob { batch_rows: Some(0), ..job() },
            CopyJob { batch_bytes: 0, ..job() },
            CopyJob { mode: Mode::Overwrite, commit: every, ..job() },
        ] {
            assert!(matches!(bad.check(), Err(Error::Usage { .. })));
        }
    }
}
