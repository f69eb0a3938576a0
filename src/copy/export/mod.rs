//! From Oracle into a file: [`ExportJob`] → [`ExportPlan`] → run → [`ExportReport`], as for loads.

mod cut;
mod expected;
mod key_ranges;
mod numbers;
mod plan;
mod plan_display;
mod readers;
mod refusal;
mod report;
mod rowids;
mod run;
mod slices;
mod snapshot;
mod types;

use std::path::PathBuf;

use super::target::Target;
use crate::error::{Error, Result};
use crate::fetch::FetchOptions;
use crate::lake::sink::{SinkOptions, SortKey};

pub use expected::ExpectedRows;
pub use plan::{ExportColumn, ExportPlan, FileAction};
pub use readers::Readers;
#[cfg(feature = "delta")]
pub(in crate::copy) use readers::{Tally, read_slices};
#[cfg(feature = "delta")]
pub(in crate::copy) use refusal::Slice;
pub use report::{ExportReport, ExportTimes};
pub use slices::CutBy;
pub use snapshot::{AsOf, Snapshot};
pub use types::TypeChoices;

/// What happens with a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileMode {
    /// It is an error.
    #[default]
    ErrorIfExists,
    /// It is replaced, at once and as a whole.
    Overwrite,
    /// Nothing is done.
    Ignore,
}

/// Which rows and columns; all of it is carried out by the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// A query instead of the source's table.
    pub query: Option<String>,
    /// Columns in this order; `None` for all.
    pub columns: Option<Vec<String>>,
    /// A condition, as SQL.
    pub condition: Option<String>,
    /// Rows at most; the first ones of `order_by`.
    pub limit: Option<u64>,
    /// The order of the rows, NULLs last; none for tables that are read as they lie.
    pub order_by: Vec<SortKey>,
    /// The ROWID of each row as one more column, of this name.
    pub rowid: Option<String>,
}

/// Which moment, and by how many sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The moment.
    pub as_of: AsOf,
    /// Sessions that read at the same time; 0 and 1 are one.
    pub parallel: u32,
    /// With several sessions: cut the table into even ranges of this column, rather than of ROWIDs.
    pub split_by: Option<String>,
    /// With several sessions: rows in the order of their ROWIDs (or of `split_by`, NULLs last), rather than as they come.
    pub ordered: bool,
}

/// A copy from a table or query into a file or to standard output, as asked for. [`ExportJob::plan`] turns it into what will happen.
#[derive(Debug, Clone)]
pub struct ExportJob {
    /// Where from; names a table unless there is a query.
    pub source: Target,
    /// Which rows and columns.
    pub selection: Selection,
    /// The file, or `-` for standard output.
    pub path: PathBuf,
    /// What to do with one that is there.
    pub mode: FileMode,
    /// Snapshot and readers.
    pub reading: Reading,
    /// Arrow types where the defaults are not wanted.
    pub types: TypeChoices,
    /// Buffers and losses of the fetch.
    pub fetch: FetchOptions,
    /// Layout of the file.
    pub sink: SinkOptions,
}

impl ExportJob {
    /// A job with the defaults: the whole table into a new file.
    pub fn new(source: Target, path: PathBuf) -> Self {
        ExportJob {
            source,
            selection: Selection::default(),
            path,
            mode: FileMode::default(),
            reading: Reading::default(),
            types: TypeChoices::default(),
            fetch: FetchOptions::default(),
            sink: SinkOptions::default(),
        }
    }

    /// The order that the file is said to have is the begin of the one that is asked for.
    fn sorts_as_said(&self) -> bool {
        let (asked, said) = (&self.selection.order_by, &self.sink.sorted_by);
        let same =
            |(asked, said): (&SortKey, &SortKey)| asked.column.eq_ignore_ascii_case(&said.column) && asked.descending == said.descending;
        said.len() <= asked.len() && asked.iter().zip(said).all(same)
    }

    /// Slices of the key that the file is said to be sorted by, one after the other.
    fn sorts_by_key(&self) -> bool {
        let [key] = &self.sink.sorted_by[..] else { return false };
        let is_split = self.reading.split_by.as_ref().is_some_and(|split| split.eq_ignore_ascii_case(&key.column));
        is_split && !key.descending && self.reading.ordered && self.reading.parallel > 1
    }

    /// Contradictions that need no session to see.
    fn check(&self) -> Result<()> {
        let usage = |message: &str, remedy: &str| Err(Error::Usage { message: message.into(), remedy: remedy.into() });
        if self.fetch.batch_rows == Some(0) || self.fetch.batch_bytes == 0 {
            return usage("buffers without room for a row", "leave out --batch-rows and --batch-bytes");
        }
        self.sink.check()?;
        if self.selection.query.is_some() && !self.selection.order_by.is_empty() {
            return usage("--order-by sorts a table", "write ORDER BY into --query");
        }
        if self.selection.query.is_none() && !self.sorts_as_said() && !self.sorts_by_key() {
            return usage("--sorted-by says an order that nothing makes", "--order-by with the same columns, or ORDER BY in --query");
        }
        if self.selection.query.is_none() && self.source.table.is_none() {
            return self.source.require_table().map(drop);
        }
        Ok(())
    }
}
