//! The fetch engine: a query's rows as record batches.
//!
//! ```text
//! OCIStmtFetch2 ──> array buffers ──> converter per column ──> RecordBatch
//! ```
//!
//! A batch is one array fetch. Its rows follow from the byte budget and the width of a row, so memory does not grow with the table. Everything
//! about a column is decided in [`FetchPlan`].
//!
//! CLOBs, NCLOBs and BLOBs are fetched as locators, with the first bytes of each prefetched: only so an empty LOB is told from NULL, and one of any
//! size is read, straight into the batch. A batch ends early where its LOBs reach the byte budget: it has at most the budget and one value more.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, RecordBatchReader};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::column::{ColumnDefine, Origin, ValueError};
use crate::define::plan_define;
use crate::error::{Error, Phase, PlanProblem, Result, RowError, SourceRow};
use crate::layout::{Cells, Layout, LongCells};
use crate::oci::{BadCell, FetchStatement, OciError, Session};
use crate::oracle_type::ColumnDesc;
use crate::type_map::{DEFAULT_MAX_LOB_BYTES, LossySet};

/// Rows of a fetch at most: beyond it a round trip is no longer what costs, and a batch stays in the cache.
const MAX_ROWS_PER_FETCH: u32 = 8_192;

/// How a fetch sizes its buffers, and what it may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchOptions {
    /// Rows per fetch at most; `None` leaves it to the byte budget.
    pub batch_rows: Option<u32>,
    /// Memory for all array buffers.
    pub batch_bytes: usize,
    /// Bytes (or characters) of each CLOB and BLOB that come with its row. A longer one is read by round trips of its own, in pieces.
    pub max_lob_bytes: u32,
    /// Losses that the user asked for by name.
    pub lossy: LossySet,
}

impl FetchOptions {
    /// 16 MiB: text columns take their declared length in each row, most of which is never touched.
    pub const DEFAULT_BATCH_BYTES: usize = 16 << 20;

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
            lossy: LossySet::default(),
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
    options: FetchOptions,
    utf8_database: bool,
}

impl FetchPlan {
    /// Chooses a converter for every column; all problems are collected, not only the first. `columns` are those of `session`'s describe of `sql`.
    ///
    /// # Errors
    /// [`Error::Plan`] with each column that cannot be read as its field says.
    pub fn new(session: &Session, label: &str, sql: String, columns: Vec<FetchColumn>, options: FetchOptions) -> Result<Self> {
        let utf8_database = session.database_charset()?.is_some_and(|charset| charset.is_unicode());
        Self::for_database(label, sql, columns, options, utf8_database)
    }

    /// The same columns from another query, for the same database.
    ///
    /// # Errors
    /// None that [`Self::new`] had not.
    pub fn with_sql(&self, sql: String) -> Result<Self> {
        Self::for_database(&self.label, sql, self.columns.clone(), self.options, self.utf8_database)
    }

    fn for_database(label: &str, sql: String, columns: Vec<FetchColumn>, options: FetchOptions, utf8_database: bool) -> Result<Self> {
        let (mut problems, mut converters) = (Vec::new(), Vec::with_capacity(columns.len()));
        for FetchColumn { column, field } in &columns {
            let (wanted, FetchOptions { lossy, max_lob_bytes, .. }) = (field.data_type(), options);
            match plan_define(Origin { column, wanted, lossy, max_lob_bytes, utf8_database }) {
                Ok(converter) => converters.push(converter),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(Error::Plan { table: label.to_owned(), problems });
        }
        let schema = Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
        Ok(FetchPlan { label: label.to_owned(), sql, columns, schema, converters, options, utf8_database })
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
        self.options.rows_per_fetch(self.row_bytes())
    }

    /// Memory of all array buffers, within [`FetchOptions::batch_bytes`] unless one row alone is larger. A record batch made of them comes on top.
    pub fn buffer_bytes(&self) -> usize {
        self.row_bytes() * self.rows_per_fetch() as usize
    }

    /// Executes the query.
    ///
    /// # Errors
    /// [`Error::Database`]; [`Error::Plan`] when the columns are no longer what they were described as.
    pub fn open(self, session: &Session) -> Result<Fetcher<'_>> {
        let refused = |error: OciError| error.into_error(Phase::Query, Some(&self.label));
        let statement = session.fetch_statement(&self.sql, &self.layouts(), self.rows_per_fetch()).map_err(refused)?;
        let unchanged = statement.columns().iter().zip(&self.columns).all(|(now, then)| *now == then.column);
        if !unchanged {
            let reason = "its columns have been changed since the plan was made".into();
            let problem = PlanProblem { column: None, reason, remedy: "run the job again".into() };
            return Err(Error::Plan { table: self.label, problems: vec![problem] });
        }
        Ok(Fetcher {
            statement,
            plan: self,
            buffered: 0..0,
            rows_fetched: 0,
            failed: false,
            fetch_time: Duration::ZERO,
            convert_time: Duration::ZERO,
        })
    }
}

impl std::fmt::Debug for FetchPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FetchPlan").field("sql", &self.sql).field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// Rows that a fetch has left in the array buffers.
#[derive(Debug)]
pub(crate) struct FetchedRows {
    /// Which of the buffers.
    pub(crate) rows: Range<usize>,
    /// The LOBs of these rows, for each column; nothing for columns of other types.
    pub(crate) lobs: Vec<LongCells>,
}

/// The rows of a query, a batch at a time. As an Arrow `RecordBatchReader` it goes wherever one is taken.
#[derive(Debug)]
pub struct Fetcher<'s> {
    statement: FetchStatement<'s>,
    plan: FetchPlan,
    /// Rows of the last fetch that have not been handed out.
    buffered: Range<usize>,
    rows_fetched: u64,
    failed: bool,
    fetch_time: Duration,
    convert_time: Duration,
}

impl Fetcher<'_> {
    /// The next rows; `None` at the end, and after an error.
    ///
    /// # Errors
    /// [`Error::Row`] for a value that did not arrive whole or that its type does not hold, with column and row; [`Error::Database`].
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.failed {
            return Ok(None);
        }
        let next = self.advance();
        self.failed = next.is_err();
        next
    }

    /// Brings the next rows into the array buffers and leaves them there, for [`Self::cells`]; their LOBs are read. `None` at the end.
    ///
    /// # Errors
    /// As [`Self::next_batch`], but for what a conversion would refuse.
    pub(crate) fn next_rows(&mut self) -> Result<Option<FetchedRows>> {
        if self.failed {
            return Ok(None);
        }
        let fetched = self.fetch();
        self.failed = fetched.is_err();
        let fetched = fetched?;
        fetched.iter().for_each(|fetched| self.take(&fetched.rows));
        Ok(fetched)
    }

    fn take(&mut self, rows: &Range<usize>) {
        self.rows_fetched += rows.len() as u64;
        self.buffered.start = rows.end;
    }

    /// `rows` of the array buffer of column `index` (0-based) after [`Self::next_rows`], and their indicators (-1 is NULL).
    pub(crate) fn cells(&self, index: usize, rows: Range<usize>) -> (Cells<'_>, &[i16]) {
        self.statement.cells(index, rows)
    }

    /// Rows handed out so far.
    pub fn rows_fetched(&self) -> u64 {
        self.rows_fetched
    }

    /// Time within the client and the network.
    pub fn fetch_time(&self) -> Duration {
        self.fetch_time
    }

    /// Time from array buffers to Arrow.
    pub fn convert_time(&self) -> Duration {
        self.convert_time
    }

    fn fetch(&mut self) -> Result<Option<FetchedRows>> {
        if self.buffered.is_empty() {
            let began = Instant::now();
            let outcome = self.statement.fetch().map_err(|error| self.fetch_failed(error))?;
            self.fetch_time += began.elapsed();
            if let Some(cell) = outcome.bad_cell {
                return Err(self.bad_cell(cell));
            }
            if outcome.rows == 0 {
                return Ok(None);
            }
            self.buffered = 0..outcome.rows;
        }
        let began = Instant::now();
        let (rows, lobs) = self.read_lobs()?;
        self.fetch_time += began.elapsed();
        Ok(Some(FetchedRows { rows, lobs }))
    }

    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        let Some(FetchedRows { rows, lobs }) = self.fetch()? else { return Ok(None) };
        let began = Instant::now();
        let batch = self.convert(rows.clone(), lobs)?;
        self.convert_time += began.elapsed();
        self.take(&rows);
        Ok(Some(batch))
    }

    /// The LOBs of the next rows: as many rows as the byte budget has room for, at least one. All that are left where there are no LOBs.
    fn read_lobs(&self) -> Result<(Range<usize>, Vec<LongCells>)> {
        let mut cells: Vec<LongCells> = self.plan.converters.iter().map(|_| LongCells::default()).collect();
        let is_lob = |index: &usize| matches!(self.plan.converters[*index].layout(), Layout::Lob { .. });
        let columns: Vec<usize> = (0..cells.len()).filter(is_lob).collect();
        if columns.is_empty() {
            return Ok((self.buffered.clone(), cells));
        }
        for row in self.buffered.clone() {
            for &column in &columns {
                let read = self.statement.read_lob(column, row, &mut cells[column]);
                read.map_err(|error| self.lob_failed(column, row - self.buffered.start, error))?;
            }
            let bytes: usize = columns.iter().map(|&column| cells[column].bytes.len()).sum();
            if bytes >= self.plan.options.batch_bytes {
                return Ok((self.buffered.start..row + 1, cells));
            }
        }
        Ok((self.buffered.clone(), cells))
    }

    #[cold]
    fn lob_failed(&self, column_index: usize, row_index: usize, error: OciError) -> Error {
        if error.is_session_dead() {
            return error.into_error(Phase::Query, Some(&self.plan.label));
        }
        let ora_code = (error.ora_code != 0).then_some(error.ora_code);
        let remedy = match ora_code {
            None => "leave the column out with --columns".into(),
            Some(code) => crate::oci::remedy(code).to_owned(),
        };
        self.row_error(column_index, row_index, ora_code, error.message, remedy)
    }

    #[cold]
    fn fetch_failed(&self, error: OciError) -> Error {
        error.into_error(Phase::Query, Some(&self.plan.label))
    }

    fn convert(&mut self, rows: Range<usize>, lobs: Vec<LongCells>) -> Result<RecordBatch> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.plan.converters.len());
        for (index, lob) in lobs.into_iter().enumerate() {
            let (cells, indicators) = self.statement.cells(index, rows.clone());
            let nulls = nulls_of(indicators);
            let converter = &mut self.plan.converters[index];
            let array = match converter.layout() {
                Layout::Lob { .. } => converter.read_long(lob, nulls),
                _ => converter.read(cells, nulls),
            };
            match array {
                Ok(array) => arrays.push(array),
                Err(error) => return Err(self.refused(index, error)),
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.plan.schema), arrays, &options).map_err(|error| Error::Database {
            phase: Phase::Convert,
            table: Some(self.plan.label.clone()),
            ora_code: 0,
            message: error.to_string(),
            remedy: "if a NOT NULL column has NULLs (a constraint that is not validated), read it with --query and NVL".into(),
            session_dead: false,
        })
    }

    #[cold]
    fn refused(&self, column_index: usize, error: ValueError) -> Error {
        self.row_error(column_index, error.row_index, None, error.reason, error.remedy)
    }

    #[cold]
    fn bad_cell(&self, cell: BadCell) -> Error {
        let column = &self.plan.columns[cell.column_index].column;
        let room_bytes = self.plan.converters[cell.column_index].layout().stride_bytes();
        let (message, remedy) = match cell.ora_code {
            1406 => (
                format!("ORA-01406: a value of more than {room_bytes} bytes, more than {} can have", column.oracle_type),
                "report this as a bug".to_owned(),
            ),
            code => (
                format!("ORA-{code:05}: a value cannot be read as {}", self.plan.columns[cell.column_index].field.data_type()),
                "read the column as another type: --as COLUMN=TYPE".to_owned(),
            ),
        };
        self.row_error(cell.column_index, cell.row_index, Some(i32::from(cell.ora_code)), message, remedy)
    }

    fn row_error(&self, column_index: usize, row_index: usize, ora_code: Option<i32>, message: String, remedy: String) -> Error {
        Error::Row(Box::new(RowError {
            phase: Phase::Convert,
            table: self.plan.label.clone(),
            column: Some(self.plan.columns[column_index].column.name.clone()),
            source: SourceRow { file: None, row: self.rows_fetched + row_index as u64 + 1 },
            ora_code,
            message,
            remedy,
        }))
    }
}

/// Validity from indicators; `None` when nothing is NULL.
fn nulls_of(indicators: &[i16]) -> Option<NullBuffer> {
    let valid = BooleanBuffer::collect_bool(indicators.len(), |index| indicators[index] != -1);
    Some(NullBuffer::new(valid)).filter(|nulls| nulls.null_count() > 0)
}

impl Iterator for Fetcher<'_> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().map_err(|error| ArrowError::ExternalError(Box::new(error))).transpose()
    }
}

impl RecordBatchReader for Fetcher<'_> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.plan.schema)
    }
}
