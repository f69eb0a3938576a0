//! What is decided before a row moves: converter, buffer and place of each column.

use arrow::datatypes::{DataType, Field};

use crate::bind::plan_bind_in;
use crate::column::{ColumnBind, casting};
use crate::error::{Error, PlanProblem};
use crate::layout::Layout;
use crate::oci::MAX_ROWS_PER_EXECUTE;
use crate::oracle_type::{ColumnDesc, DatabaseCharset, OracleType, TableName};
use crate::type_map::LossySet;

use super::dml::{Dml, Keyed, NotFound};
use super::long::LongColumns;

/// How a load sizes its executes, and what it may lose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadOptions {
    /// Rows per execute at most; `None` leaves it to the byte budget.
    pub batch_rows: Option<u32>,
    /// Memory for the array buffers of an execute; a load that overlaps has them twice.
    pub batch_bytes: usize,
    /// Losses that the user asked for by name.
    pub lossy: LossySet,
    /// What becomes of a source row whose key is not in the table.
    pub not_found: NotFound,
    /// How the database stores text: [`crate::oci::Session::database_charset`].
    pub charset: DatabaseCharset,
    /// Source columns that are cast before they are bound, exactly or refused value by value, and the types.
    pub casts: Vec<(String, DataType)>,
}

impl LoadOptions {
    /// 2 MiB: several thousand rows, beyond which a round trip is no longer what costs, and few enough bytes that the buffers stay in the
    /// processor's cache from one execute to the next (measured: docs/performance.md).
    pub const DEFAULT_BATCH_BYTES: usize = 2 << 20;

    /// The converter of a pair, behind the cast of its source column if there is one.
    fn plan_bind(&self, field: &Field, target: &ColumnDesc) -> Result<Box<dyn ColumnBind>, PlanProblem> {
        match self.casts.iter().find(|(name, _)| name == field.name()) {
            None => plan_bind_in(field, target, self.lossy, &self.charset),
            Some((_, wanted)) => {
                let cast = field.clone().with_data_type(wanted.clone());
                casting(field, wanted, self.lossy, plan_bind_in(&cast, target, self.lossy, &self.charset)?)
            }
        }
    }

    /// Rows per execute for rows of `row_bytes`: at least one, at most [`MAX_ROWS_PER_EXECUTE`].
    pub fn rows_per_execute(&self, row_bytes: usize) -> u32 {
        let by_budget = self.batch_bytes / row_bytes.max(1);
        let limit = self.batch_rows.unwrap_or(MAX_ROWS_PER_EXECUTE).clamp(1, MAX_ROWS_PER_EXECUTE);
        u32::try_from(by_budget).unwrap_or(u32::MAX).clamp(1, limit)
    }
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions {
            batch_rows: None,
            batch_bytes: Self::DEFAULT_BATCH_BYTES,
            lossy: LossySet::default(),
            not_found: NotFound::default(),
            charset: DatabaseCharset::default(),
            casts: Vec::new(),
        }
    }
}

/// A source column and the table column it goes to.
#[derive(Debug, Clone)]
pub struct ColumnPair {
    /// Index of the column in the record batches.
    pub source_index: usize,
    /// Its Arrow field.
    pub field: Field,
    /// Where it goes.
    pub target: ColumnDesc,
}

/// A column with its converter.
pub struct PlannedColumn {
    pub(super) source_index: usize,
    pub(super) converter: Box<dyn ColumnBind>,
    /// Name in the source.
    pub source: String,
    /// Arrow type of the source.
    pub source_type: DataType,
    /// Name in the table.
    pub target: String,
    /// Oracle type of the table column.
    pub target_type: OracleType,
    /// Buffer shape to begin with.
    pub layout: Layout,
    /// Rows of the table are found by it.
    pub is_key: bool,
    /// It says which rows are deleted, and goes into no column.
    pub is_mark: bool,
}

/// The array statement and its columns in placeholder order.
pub struct LoadPlan {
    /// The table.
    pub table: TableName,
    /// What is done with each row.
    pub dml: Dml,
    /// The statement, one placeholder a column.
    pub sql: String,
    /// Placeholder 1 is `columns[0]`.
    pub columns: Vec<PlannedColumn>,
    /// Limits and permitted losses.
    pub options: LoadOptions,
}

impl LoadPlan {
    /// An INSERT of every pair; all problems are collected, not only the first.
    pub fn new(table: &TableName, pairs: &[ColumnPair], options: LoadOptions) -> Result<Self, Error> {
        Self::dml(Dml::Insert, table, pairs, &Keyed::default(), options)
    }

    /// Chooses a converter for every pair and writes the statement.
    pub fn dml(dml: Dml, table: &TableName, pairs: &[ColumnPair], keyed: &Keyed, options: LoadOptions) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let mut columns = Vec::with_capacity(pairs.len());
        for pair in pairs {
            match options.plan_bind(&pair.field, &pair.target) {
                Ok(converter) => columns.push(PlannedColumn {
                    source_index: pair.source_index,
                    source: pair.field.name().clone(),
                    source_type: pair.field.data_type().clone(),
                    target: pair.target.name.clone(),
                    target_type: pair.target.oracle_type.clone(),
                    layout: converter.layout(),
                    is_key: keyed.keys.contains(&pair.target.name),
                    is_mark: false,
                    converter,
                }),
                Err(problem) => problems.push(problem),
            }
        }
        if pairs.is_empty() {
            problems.push(PlanProblem {
                column: None,
                reason: "no source column goes to a column of the table".into(),
                remedy: "name the columns with --columns and --rename".into(),
            });
        }
        dml.problems(&columns, keyed, &mut problems);
        if !problems.is_empty() {
            return Err(Error::Plan { table: table.to_string(), problems });
        }
        let sql = dml.statement(table, &mut columns, keyed)?;
        Ok(LoadPlan { table: table.clone(), dml, sql, columns, options })
    }

    /// Bytes of one row in all buffers, with the strides that the load begins with.
    pub fn row_bytes(&self) -> usize {
        self.columns.iter().map(|c| c.layout.row_bytes() as usize).sum()
    }

    /// Rows per execute to begin with; long texts may lower it while the load runs.
    pub fn rows_per_execute(&self) -> u32 {
        self.options.rows_per_execute(self.row_bytes())
    }

    /// Whether [`super::Loader::overlapping`] has an effect.
    pub fn can_overlap(&self) -> bool {
        LongColumns::of(self.dml, &self.columns).is_empty()
    }

    /// Memory of a set of array buffers, of which an overlapping load has two. It stays within [`LoadOptions::batch_bytes`] whatever the table's size, unless one row alone is larger.
    pub fn buffer_bytes(&self) -> usize {
        self.row_bytes() * self.rows_per_execute() as usize
    }
}
