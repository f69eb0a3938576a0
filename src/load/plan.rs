//! What is decided before a row moves: converter, buffer and place of each column.

use arrow::array::{ArrayRef, RecordBatch, new_empty_array};
use arrow::datatypes::{DataType, Field};

use crate::bind::plan_bind_in;
use crate::column::vector::refused_vector;
use crate::column::{Cast, ColumnBind};
use crate::error::{Error, PlanProblem};
use crate::layout::Layout;
use crate::oci::MAX_ROWS_PER_EXECUTE;
use crate::oracle_type::{ColumnDesc, DatabaseCharset, OracleType, TableName};
use crate::sql::form::Form;
use crate::type_map::{ArrowFamily, LossyKind, LossySet, OracleFamily, vector_format};

use super::dml::{Dml, Keyed, NotFound};
use super::long::LongColumns;
use super::prepare::{NestedText, Preparation, is_nested};
use super::returning::ReturningPlan;

/// How a load sizes its executes, and what it may lose.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Rows per execute at most; `None` leaves it to the byte budget.
    pub batch_rows: Option<u32>,
    /// Memory for the array buffers of an execute; a load that overlaps has them twice.
    pub batch_bytes: usize,
    /// Losses that the user asked for by name. The values of a key are exact or refused all the same, but for empty texts, zones and calendars.
    pub lossy: LossySet,
    /// Columns of the table that are kept as keys are, though no row is found by them now.
    pub whole: Vec<String>,
    /// What becomes of a source row whose key is not in the table.
    pub not_found: NotFound,
    /// How the database stores text: [`crate::oci::Session::database_charset`].
    pub charset: DatabaseCharset,
    /// Source columns that are cast before they are bound, exactly or refused value by value, and the types.
    pub casts: Vec<(String, DataType)>,
    /// Lists, structs and maps as text, before they are bound; without it they are refused.
    pub nested: Option<NestedText>,
}

impl LoadOptions {
    /// 2 MiB: several thousand rows, beyond which a round trip is no longer what costs, and few enough bytes that the buffers stay in the
    /// processor's cache from one execute to the next (measured: docs/performance.md).
    pub const DEFAULT_BATCH_BYTES: usize = 2 << 20;

    /// What a field is made into before it is bound, and the type of that.
    fn preparation(
        &self,
        field: &Field,
        target: Option<&ColumnDesc>,
        lossy: LossySet,
    ) -> Result<Option<(Preparation, DataType)>, PlanProblem> {
        if let Some(target) = target.filter(|target| is_vector_into_vector(field.data_type(), &target.oracle_type)) {
            return match refused_vector(field.data_type(), &target.oracle_type, lossy) {
                None => Ok(Some((Preparation::Vector, NestedText::DATA_TYPE))),
                Some((reason, remedy)) => {
                    let reason = format!("Arrow {} into Oracle {}: {reason}", field.data_type(), target.oracle_type);
                    Err(PlanProblem { column: Some(field.name().clone()), reason, remedy })
                }
            };
        }
        let cast = self.casts.iter().find(|(name, _)| name == field.name());
        Ok(match (cast, self.nested) {
            (Some((_, wanted)), _) => Some((Preparation::Cast(Cast::of(field, wanted, lossy)?), wanted.clone())),
            (None, Some(text)) if is_nested(field.data_type()) => {
                // Whether a type inside has no text form does not depend on values.
                text.0(&new_empty_array(field.data_type())).map_err(|error| PlanProblem {
                    column: Some(field.name().clone()),
                    reason: error.reason,
                    remedy: error.remedy,
                })?;
                Some((Preparation::Text(text), NestedText::DATA_TYPE))
            }
            _ => run_values(field.data_type()).map(|values| (Preparation::Cast(Cast::unpacking(values)), values.clone())),
        })
    }

    /// What a field is made into before it is bound; `None` also where it cannot be, which the plan tells.
    pub(crate) fn preparation_of(&self, field: &Field) -> Option<Preparation> {
        self.preparation(field, None, self.lossy).ok().flatten().map(|(preparation, _)| preparation)
    }

    /// The converter of a pair, and what is made of its source column before.
    ///
    /// A key that is rounded or cut off would find the row of another one, and cut JSON is none: neither is done.
    fn plan_bind(
        &self,
        field: &Field,
        target: &ColumnDesc,
        is_whole: bool,
    ) -> Result<(Box<dyn ColumnBind>, Option<Preparation>), PlanProblem> {
        let lossy = if is_whole { self.lossy.of_keys() } else { self.lossy };
        Ok(match self.preparation(field, Some(target), lossy)? {
            None => (plan_bind_in(field, target, lossy, &self.charset)?, None),
            Some((preparation, data_type)) => {
                let is_text = matches!(preparation, Preparation::Text(_) | Preparation::Vector);
                let lossy = if is_text { lossy.without(LossyKind::Truncation) } else { lossy };
                let made = field.clone().with_data_type(data_type);
                (plan_bind_in(&made, target, lossy, &self.charset)?, Some(preparation))
            }
        })
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
            whole: Vec::new(),
            not_found: NotFound::default(),
            charset: DatabaseCharset::default(),
            casts: Vec::new(),
            nested: None,
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
    /// Its place among the columns that are bound: behind those of the batch, if it is made of another.
    pub(super) bound_index: usize,
    pub(super) preparation: Option<Preparation>,
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
    /// Its values lose nothing, whatever was asked for: it is a key, or will be one.
    pub(super) is_whole: bool,
    /// It says which rows are deleted, and goes into no column.
    pub is_mark: bool,
    /// What stands for its placeholder in the statement.
    pub form: Form,
}

/// The values of runs.
fn run_values(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::RunEndEncoded(_, values) => Some(values.data_type()),
        _ => None,
    }
}

/// A list of one length into a VECTOR.
fn is_vector_into_vector(source: &DataType, target: &OracleType) -> bool {
    ArrowFamily::of(source) == ArrowFamily::Vector && OracleFamily::of(target) == OracleFamily::Vector
}

/// What stands for a value of this type on its way into this column.
fn form_of(source: &DataType, target: &OracleType) -> Form {
    match (OracleFamily::of(target), source) {
        (OracleFamily::Xml, _) => Form::Xml,
        (OracleFamily::Vector, DataType::FixedSizeList(item, _)) => vector_format(item.data_type()).map_or(Form::AsIs, Form::Vector),
        _ => Form::AsIs,
    }
}

impl PlannedColumn {
    /// Its nested values are bound as text.
    pub fn is_made_of_nested(&self) -> bool {
        matches!(self.preparation, Some(Preparation::Text(_)))
    }

    /// What is bound of it in a batch.
    pub(super) fn bound_in<'b>(&self, batch: &'b RecordBatch) -> &'b ArrayRef {
        batch.column(self.bound_index)
    }
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
    /// What the statement gives back: [`Self::returning`].
    pub(super) returning: Option<ReturningPlan>,
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
            let is_key = keyed.keys.contains(&pair.target.name);
            let is_whole = is_key || options.whole.contains(&pair.target.name);
            match options.plan_bind(&pair.field, &pair.target, is_whole) {
                Ok((converter, preparation)) => columns.push(PlannedColumn {
                    source_index: pair.source_index,
                    bound_index: pair.source_index,
                    preparation,
                    source: pair.field.name().clone(),
                    source_type: pair.field.data_type().clone(),
                    target: pair.target.name.clone(),
                    target_type: pair.target.oracle_type.clone(),
                    layout: converter.layout(),
                    is_key,
                    is_whole,
                    is_mark: false,
                    form: form_of(pair.field.data_type(), &pair.target.oracle_type),
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
        Ok(LoadPlan { table: table.clone(), dml, sql, columns, options, returning: None })
    }

    /// Bytes of one row in all buffers, with the strides that the load begins with.
    pub fn row_bytes(&self) -> usize {
        let returned_bytes = self.returning.as_ref().map_or(0, ReturningPlan::row_bytes);
        self.columns.iter().map(|c| c.layout.row_bytes() as usize).sum::<usize>() + returned_bytes
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
