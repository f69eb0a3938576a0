//! The fetch engine: a query's rows as record batches.
//!
//! ```text
//! OCIStmtFetch2 ──> array buffers ──> converter per column ──> RecordBatch
//! ```
//!
//! There are two sets of buffers: while the client fills one, a thread converts the other. A batch is one array fetch. Its rows follow from the byte budget and the width of a row, so memory does not grow with the table. Everything
//! about a column is decided in [`FetchPlan`].
//!
//! CLOBs, NCLOBs and BLOBs are fetched as locators, with the first bytes of each prefetched: only so an empty LOB is told from NULL, and one of any
//! size is read, straight into the batch. A batch ends early where its LOBs reach the byte budget: it has at most the budget and one value more.

mod decode;
mod fetcher;
mod locate;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::column::{ColumnDefine, Origin};
use crate::define::plan_define;
use crate::error::{Error, Phase, PlanProblem, Result};
use crate::layout::{BindCell, Layout};
use crate::oci::{OciError, Session};
use crate::oracle_type::ColumnDesc;
use crate::type_map::{DEFAULT_MAX_LOB_BYTES, LossySet};

pub(crate) use decode::Decoder;
pub(crate) use fetcher::FetchedRows;
pub use fetcher::Fetcher;

/// Rows of a fetch at most: beyond it a round trip is no longer what costs, and a batch stays in the cache.
const MAX_ROWS_PER_FETCH: u32 = 8_192;

/// How a fetch sizes its buffers, and what it may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchOptions {
    /// Rows per fetch at most; `None` leaves it to the byte budget.
    pub batch_rows: Option<u32>,
    /// Memory for all array buffers, both sets of them.
    pub batch_bytes: usize,
    /// Bytes (or characters) of each CLOB and BLOB that come with its row. A longer one is read by round trips of its own, in pieces.
    pub max_lob_bytes: u32,
    /// The blanks that pad CHAR and NCHAR to their length are left out; a value of blanks alone is the empty text then.
    pub trim_char: bool,
    /// The buffers of TIMESTAMP WITH TIME ZONE hold the names of regions as well, a call of the client for each value. Record batches have no place
    /// for them: this is for who hands the buffers on.
    pub keep_regions: bool,
    /// Losses that the user asked for by name.
    pub lossy: LossySet,
    /// From the second fetch on, convert rows on a thread of its own while the next ones are fetched. Not where there are LOBs, which are read over
    /// the same connection.
    pub decode_behind: bool,
}

impl FetchOptions {
    /// 16 MiB: text columns take their declared length in each row, most of which is never touched.
    pub const DEFAULT_BATCH_BYTES: usize = 16 << 20;

    /// As keys are read.
    fn of_keys(self) -> Self {
        FetchOptions { lossy: self.lossy.of_keys(), ..self }
    }

    /// What a converter of a column is made for.
    fn origin<'a>(&self, column: &'a ColumnDesc, wanted: &'a DataType, utf8_database: bool) -> Origin<'a> {
        let FetchOptions { max_lob_bytes, trim_char, keep_regions, lossy, .. } = *self;
        Origin { column, wanted, lossy, max_lob_bytes, trim_char, keep_regions, utf8_database }
    }

    /// Rows per fetch for rows of `row_bytes`: at least one.
    fn rows_per_fetch(&self, row_bytes: usize) -> u32 {
        let by_budget = self.batch_bytes / row_bytes.max(1);
        let limit = self.batch_rows.unwrap_or(MAX_ROWS_PER_FETCH).clamp(1, crate::oci::MAX_ROWS_PER_EXECUTE);
        u32::try_from(by_budget).unwrap_or(u32::MAX).clamp(1, limit)
    }
}

impl Default for FetchOptions {
    fn default() -> Self {
        FetchOptions {
            batch_rows: None,
            batch_bytes: Self::DEFAULT_BATCH_BYTES,
            max_lob_bytes: DEFAULT_MAX_LOB_BYTES,
            trim_char: false,
            keep_regions: false,
            lossy: LossySet::default(),
            decode_behind: true,
        }
    }
}

/// A column of the query and what is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchColumn {
    /// The column as it was described.
    pub column: ColumnDesc,
    /// Name and type in the record batches.
    pub field: Field,
}

/// A query, its columns in order, and the converter of each.
pub struct FetchPlan {
    /// What messages call the source: a table, or `query`.
    pub label: String,
    /// The SELECT.
    pub sql: String,
    /// Its columns.
    pub columns: Vec<FetchColumn>,
    /// The record batches' schema.
    pub schema: SchemaRef,
    converters: Vec<Box<dyn ColumnDefine>>,
    /// Values of the query's placeholders.
    binds: Vec<BindCell>,
    options: FetchOptions,
    utf8_database: bool,
    /// Indices of columns that are kept as keys are.
    whole: Vec<usize>,
}

impl FetchPlan {
    /// Chooses a converter for every column; all problems are collected, not only the first. `columns` are those of `session`'s describe of `sql`.
    ///
    /// # Errors
    /// [`Error::Plan`] with each column that cannot be read as its field says.
    pub fn new(session: &Session, label: &str, sql: String, columns: Vec<FetchColumn>, options: FetchOptions) -> Result<Self> {
        let utf8_database = session.database_charset()?.is_some_and(|charset| charset.is_unicode());
        Self::for_database(label, sql, columns, (options, Vec::new()), utf8_database)
    }

    /// The same columns from another query with the same placeholders, for the same database.
    ///
    /// # Errors
    /// None that [`Self::new`] had not.
    pub fn with_sql(&self, sql: String) -> Result<Self> {
        let plan = Self::for_database(&self.label, sql, self.columns.clone(), (self.options, self.whole.clone()), self.utf8_database)?;
        Ok(plan.with_binds(self.binds.clone()))
    }

    /// With a value for each placeholder of the query, in order of position.
    pub fn with_binds(self, binds: Vec<BindCell>) -> Self {
        FetchPlan { binds, ..self }
    }

    /// The same query with other names or types of fields.
    #[cfg(feature = "delta")]
    pub(crate) fn with_columns(&self, columns: Vec<FetchColumn>) -> Result<Self> {
        Self::for_database(&self.label, self.sql.clone(), columns, (self.options, self.whole.clone()), self.utf8_database)
    }

    /// With columns, by their indices, of which nothing is lost whatever the options allow: each value is exact or refused.
    #[cfg(feature = "delta")]
    pub(crate) fn with_whole(&self, whole: Vec<usize>) -> Result<Self> {
        Self::for_database(&self.label, self.sql.clone(), self.columns.clone(), (self.options, whole), self.utf8_database)
    }

    fn for_database(
        label: &str,
        sql: String,
        columns: Vec<FetchColumn>,
        (options, whole): (FetchOptions, Vec<usize>),
        utf8_database: bool,
    ) -> Result<Self> {
        let (mut problems, mut converters) = (Vec::new(), Vec::with_capacity(columns.len()));
        for (index, FetchColumn { column, field }) in columns.iter().enumerate() {
            let options = if whole.contains(&index) { options.of_keys() } else { options };
            match plan_define(options.origin(column, field.data_type(), utf8_database)) {
                Ok(converter) => converters.push(converter),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(Error::Plan { table: label.to_owned(), problems });
        }
        let schema = Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
        Ok(FetchPlan { label: label.to_owned(), sql, columns, schema, converters, binds: Vec::new(), options, utf8_database, whole })
    }

    /// Buffer shape of each column.
    pub fn layouts(&self) -> Vec<Layout> {
        self.converters.iter().map(|converter| converter.layout()).collect()
    }

    /// Bytes of one row in all buffers.
    pub fn row_bytes(&self) -> usize {
        self.layouts().iter().map(|layout| layout.fetch_row_bytes() as usize).sum()
    }

    /// Rows of one fetch.
    pub fn rows_per_fetch(&self) -> u32 {
        self.options.rows_per_fetch(self.row_bytes() * self.buffer_sets())
    }

    /// Sets of array buffers: one is filled while the other is converted.
    fn buffer_sets(&self) -> usize {
        if self.options.decode_behind && !self.has_lobs() { 2 } else { 1 }
    }

    fn has_lobs(&self) -> bool {
        self.converters.iter().any(|converter| matches!(converter.layout(), Layout::Lob { .. }))
    }

    /// Memory of all array buffers, within [`FetchOptions::batch_bytes`] unless one row alone is larger. The
    /// record batches made of them come on top: the one being made and the one handed out.
    pub fn buffer_bytes(&self) -> usize {
        self.row_bytes() * self.rows_per_fetch() as usize * self.buffer_sets()
    }

    /// Executes the query.
    ///
    /// # Errors
    /// [`Error::Database`]; [`Error::Plan`] when the columns are no longer what they were described as.
    pub fn open(self, session: &Session) -> Result<Fetcher<'_>> {
        let refused = |error: OciError| error.into_error(Phase::Query, Some(&self.label));
        let statement = session.fetch_statement(&self.sql, &self.binds, &self.layouts(), self.rows_per_fetch()).map_err(refused)?;
        let unchanged = statement.columns().iter().zip(&self.columns).all(|(now, then)| *now == then.column);
        if !unchanged {
            let reason = "its columns have been changed since the plan was made".into();
            let problem = PlanProblem { column: None, reason, remedy: "run the job again".into() };
            return Err(Error::Plan { table: self.label, problems: vec![problem] });
        }
        let (decodes_behind, budget_bytes) = (self.buffer_sets() > 1, self.options.batch_bytes);
        let decoder = Decoder::new(self.label, self.columns, self.schema, (self.converters, self.whole));
        Ok(Fetcher::new(statement, decoder, decodes_behind, budget_bytes))
    }
}

impl std::fmt::Debug for FetchPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FetchPlan").field("sql", &self.sql).field("columns", &self.columns).finish_non_exhaustive()
    }
}
