//! From Oracle into a Delta table: [`DeltaJob`] → [`DeltaPlan`] → run → [`DeltaReport`]. One snapshot becomes one commit, which says which.

mod beyond;
mod by_key;
mod checks;
mod columns;
mod definition;
mod deleted;
mod deletes;
mod dictionary;
mod difference;
mod epoch;
mod evolved;
mod follow;
mod plan;
mod plan_display;
mod remedy;
mod report;
mod run;
mod several;
mod sliced;
mod source;
mod versions;
mod watermark;

pub use olbridge_delta::table::{FileOptions, Loss, Losses, SchemaMode, compression};
use olbridge_delta::{Location, StoreOptions};

use super::export::{AsOf, ExportJob, FileMode};
use super::target::Target;
use crate::error::{Error, Result};

pub use deletes::DeletedRows;
pub use follow::{DeltaFollowed, Follow};
pub(crate) use plan::lake_name;
pub use plan::{DeltaAction, DeltaColumn, DeltaPlan};
pub use report::{Change, DeltaReport, DeltaTimes, Merged};
pub use several::{SeveralDeltaPlan, SeveralDeltaReport};

/// What happens with a table that is there, and with one that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeltaMode {
    /// It must exist; rows are added.
    #[default]
    Append,
    /// It is made if it is missing, else rows are added.
    Create,
    /// It is made if it is missing, else its rows are replaced, in one commit.
    Overwrite,
    /// It is made; an error if it is there.
    ErrorIfExists,
    /// It is made; nothing is done if it is there.
    Ignore,
    /// It must exist; rows are updated where their key is there and inserted where it is not.
    Upsert,
}

/// A copy from a table or query into a Delta table, as asked for. [`DeltaJob::plan`] turns it into what will happen.
#[derive(Debug, Clone)]
pub struct DeltaJob {
    /// Source, selection, moment, types and buffers; its path, mode and file layout are not looked at.
    pub export: ExportJob,
    /// Where the Delta table is.
    pub location: Location,
    /// How its store is opened.
    pub store: StoreOptions,
    /// What to do with a table that is there or not.
    pub mode: DeltaMode,
    /// Columns by which [`DeltaMode::Upsert`] finds rows, as the Delta table spells them or in other case; [`DeltaMode::Overwrite`] with a job refuses rows
    /// that they do not name.
    pub key: Vec<String>,
    /// Columns that a table that is made is partitioned by.
    pub partition_by: Vec<String>,
    /// Properties of a table that is made.
    pub properties: Vec<(String, String)>,
    /// What may change of its columns.
    pub schema_mode: SchemaMode,
    /// Losses of Delta's types that are accepted.
    pub losses: Losses,
    /// Bytes after which a file is closed; `None` for the table's own choice.
    pub target_file_bytes: Option<u64>,
    /// Layout of the files.
    pub files: FileOptions,
    /// Name of the job: the SCN is then an epoch of the application `olbridge/NAME`, which is committed once.
    pub job: Option<String>,
    /// Only rows that have changed since the epoch that the table has of the job; [`DeltaMode::Upsert`], by `key`.
    pub follow: Option<Follow>,
    /// With `follow`: rows of the Delta table whose key the source has no more are deleted.
    pub compare_deletes: bool,
    /// [`DeltaMode::Overwrite`] may replace the rows that are there.
    pub allow_destructive: bool,
}

impl DeltaJob {
    /// A job with the defaults: the whole table, appended.
    pub fn new(source: Target, location: Location) -> Self {
        DeltaJob {
            export: ExportJob { mode: FileMode::Overwrite, ..ExportJob::new(source, "-".into()) },
            location,
            store: StoreOptions::default(),
            mode: DeltaMode::default(),
            key: Vec::new(),
            partition_by: Vec::new(),
            properties: Vec::new(),
            schema_mode: SchemaMode::Strict,
            losses: Losses::new(),
            target_file_bytes: None,
            files: FileOptions::default(),
            job: None,
            follow: None,
            compare_deletes: false,
            allow_destructive: false,
        }
    }

    /// Contradictions that need no session to see.
    fn check(&self) -> Result<()> {
        let usage = |message: &str, remedy: &str| Err(Error::Usage { message: message.into(), remedy: remedy.into() });
        // A load of all rows looks whether the key names each: changes then go on from it.
        let looks = self.mode == DeltaMode::Overwrite && self.job.is_some();
        if self.follow.is_some() && self.key.is_empty() {
            return usage("--incremental updates, inserts and deletes rows by their key", "--key COLUMNS, such as --key id or --key a,b");
        }
        if self.mode == DeltaMode::Upsert && self.schema_mode == SchemaMode::Overwrite {
            return usage(
                "--schema-mode overwrite takes away columns of rows that stay",
                "--schema-mode merge, which adds columns, or --mode overwrite with it, without --incremental",
            );
        }
        if (self.mode == DeltaMode::Upsert) == self.key.is_empty() && !looks {
            return usage(
                "--mode upsert finds rows by --key, and --key is for --mode upsert, or for --mode overwrite with --job, which looks whether it is unique",
                "give both or none: --mode upsert --key COLUMNS",
            );
        }
        self.check_follow()?;
        let adds_rows = self.follow.is_none() && matches!(self.mode, DeltaMode::Append | DeltaMode::Create);
        if self.job.is_some() && adds_rows && !matches!(self.export.reading.as_of, AsOf::Scn(_)) {
            return usage(
                "--job with a mode that adds rows: a second run reads another moment (that of a time is found anew, to some seconds), which is \
                 another epoch, and would add them again",
                "name the moment (--as-of-scn N; the report of a copy says its SCN), or use --mode upsert or overwrite",
            );
        }
        if let Some(name) = &self.job
            && (name.is_empty() || name.len() > super::state::MAX_JOB_NAME_BYTES)
        {
            return usage("the name of a job has 1 to 128 bytes", "a shorter name");
        }
        Ok(())
    }
}
