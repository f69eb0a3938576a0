//! What a user asks for.

use std::fmt;
use std::str::FromStr;

use super::target::Target;
use crate::error::{Error, Result};
use crate::load::LoadOptions;
use crate::oracle_type::DatabaseCharset;
use crate::transaction::CommitPolicy;
use crate::type_map::LossySet;

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
}

impl Mode {
    /// All modes, in the order of the documentation.
    pub const ALL: [Mode; 6] = [Mode::Append, Mode::Truncate, Mode::Overwrite, Mode::Create, Mode::ErrorIfExists, Mode::Ignore];

    /// As `--mode` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Append => "append",
            Mode::Truncate => "truncate",
            Mode::Overwrite => "overwrite",
            Mode::Create => "create",
            Mode::ErrorIfExists => "error-if-exists",
            Mode::Ignore => "ignore",
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

/// A copy from Parquet files into an Oracle table, as asked for. [`CopyJob::plan`] turns it into what will happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyJob {
    /// Files, globs and directories.
    pub source: Vec<String>,
    /// Where to; must name a table.
    pub target: Target,
    /// What to do with a table that is there or not.
    pub mode: Mode,
    /// Source columns to load, in this order; `None` for all. Matched exactly first, then without regard to case.
    pub columns: Option<Vec<String>>,
    /// Source column → table column. A table column in double quotes is taken literally, another one as Oracle takes unquoted names.
    pub rename: Vec<(String, String)>,
    /// Rows of an execute at most.
    pub batch_rows: Option<u32>,
    /// Memory for the array buffers.
    pub batch_bytes: usize,
    /// When to commit.
    pub commit: CommitPolicy,
    /// Losses that are accepted.
    pub lossy: LossySet,
}

impl CopyJob {
    /// A job with the defaults: append, all columns, one transaction, nothing lost.
    pub fn new(source: Vec<String>, target: Target) -> Self {
        CopyJob {
            source,
            target,
            mode: Mode::default(),
            columns: None,
            rename: Vec::new(),
            batch_rows: None,
            batch_bytes: LoadOptions::DEFAULT_BATCH_BYTES,
            commit: CommitPolicy::default(),
            lossy: LossySet::NONE,
        }
    }

    /// Limits of the load. Executes are no longer than the stretch between commits.
    pub(super) fn load_options(&self, charset: DatabaseCharset) -> LoadOptions {
        let between_commits = match self.commit {
            CommitPolicy::AtEnd => None,
            CommitPolicy::EveryRows(rows) => Some(u32::try_from(rows.get()).unwrap_or(u32::MAX)),
        };
        let batch_rows = match (self.batch_rows, between_commits) {
            (Some(rows), Some(limit)) => Some(rows.min(limit)),
            (rows, limit) => rows.or(limit),
        };
        LoadOptions { batch_rows, batch_bytes: self.batch_bytes, lossy: self.lossy, charset }
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
            assert_eq!(CopyJob { batch_rows, commit, ..job() }.load_options(DatabaseCharset::default()).batch_rows, want);
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
