//! What keeps a MERGE within its memory. deltalake holds every row of a file that has no change so far, in memory and to the end, and a row of the
//! table that is matched and not changed as a batch of its own. Both are the whole of a large table as soon as its keys lie in all files. This node
//! stands below deltalake's own: rows of files without a change so far, and matched rows that no clause changes, wait here, on disk where they are many.
//! Rows of a file go on with the first change of it, and at the end the rest of the files that have one; those of the others are not needed.
//! Two things more that grow with the rows are kept small: batches of a row or two, and what a join of sorted sides notes of each row without a match.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, RecordBatch, UInt64Array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int32Type, Schema, UInt16Type, UInt64Type};
use deltalake::datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use deltalake::datafusion::common::{JoinSide, JoinType, Result, internal_err};
use deltalake::datafusion::config::ConfigOptions;
use deltalake::datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use deltalake::datafusion::execution::{SendableRecordBatchStream, SpillFile, TaskContext};
use deltalake::datafusion::physical_expr::Distribution;
use deltalake::datafusion::physical_expr::expressions::{Column, lit};
use deltalake::datafusion::physical_optimizer::PhysicalOptimizerRule;
use deltalake::datafusion::physical_plan::joins::SortMergeJoinExec;
use deltalake::datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use deltalake::datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use deltalake::datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties, ReplaceChildrenOptions, SpillManager,
};
use futures::StreamExt;

use super::gather::Gather;

/// deltalake's node, and its columns.
const BARRIER: &str = "MergeBarrierExec";
const OPERATION: &str = "__delta_rs_operation";
const ORDINAL: &str = "__delta_rs_target_row_ordinal_in_file";
/// NULL in one of them says that the row is inserted, updated or deleted.
const CHANGES: [&str; 3] = ["__delta_rs_target_insert", "__delta_rs_target_update", "__delta_rs_target_delete"];

/// Which rows are matched and not changed, and whether there can be two for one row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unchanged {
    /// deltalake's number for them: it numbers the clauses from 0, then come matched rows, rows of the source and rows of the table that no clause
    /// applies to.
    pub operation: i32,
    /// No two rows of the source match one row of the table.
    pub is_unique: bool,
}

impl Unchanged {
    /// deltalake's number for rows of the table that nothing matches and no clause applies to, which it passes on without a look.
    fn passed_on(self) -> i32 {
        self.operation + 2
    }
}

/// Puts the node below deltalake's, and one above it that puts rows together again.
#[derive(Debug)]
pub(crate) struct HoldRows(pub Unchanged);

impl PhysicalOptimizerRule for HoldRows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let put = |node: Arc<dyn ExecutionPlan>| {
            if let Some(join) = node.downcast_ref::<SortMergeJoinExec>().filter(|_| self.0.is_unique) {
                return Ok(forgetful(join)?.map_or_else(|| Transformed::no(Arc::clone(&node)), Transformed::yes));
            }
            if node.name() != BARRIER {
                return Ok(Transformed::no(node));
            }
            let held = Hold::new(&node, self.0)?;
            let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            Ok(Transformed::yes(Arc::new(Gather(node.replace_children(vec![Arc::new(held)], options)?)) as _))
        };
        plan.transform_up(put).map(|done| done.data)
    }

    fn name(&self) -> &str {
        "hold rows of a merge"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same join with a filter that every pair fulfils. Of a full join without one DataFusion 55 notes 16 bytes and more for each row of the right side
/// that has no match, and keeps them to the end, though nothing asks for them; with a filter it takes them away batch by batch. It holds all pairs of a
/// row of the left side then, which are few where that has the key of the merge.
fn forgetful(join: &SortMergeJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if join.filter().is_some() || join.join_type() != JoinType::Full {
        return Ok(None);
    }
    let any = Arc::new(Schema::new(vec![join.left().schema().field(0).clone()]));
    let every_pair = JoinFilter::new(lit(true), vec![ColumnIndex { index: 0, side: JoinSide::Left }], any);
    let (left, right, on) = (Arc::clone(join.left()), Arc::clone(join.right()), join.on().to_vec());
    let options = join.sort_options().to_vec();
    let join = SortMergeJoinExec::try_new(left, right, on, Some(every_pair), join.join_type(), options, join.null_equality())?;
    Ok(Some(Arc::new(join)))
}

/// The node.
#[derive(Debug)]
struct Hold {
    input: Arc<dyn ExecutionPlan>,
    columns: Columns,
    unchanged: Unchanged,
    metrics: ExecutionPlanMetricsSet,
}

/// Where deltalake's columns are.
#[derive(Debug, Clone, Copy)]
struct Columns {
    file: usize,
    operation: usize,
    changes: [usize; 3],
    /// There is one where a clause changes matched rows.
    ordinal: Option<usize>,
}

impl Hold {
    fn new(barrier: &Arc<dyn ExecutionPlan>, unchanged: Unchanged) -> Result<Hold> {
        let [input] = barrier.children()[..] else { return internal_err!("{BARRIER} without rows") };
        let requirements = barrier.input_distribution_requirements();
        let file = requirements.per_child_distributions().next().and_then(|distribution| match distribution {
            Distribution::KeyPartitioned(keys) => keys.first()?.downcast_ref::<Column>().map(Column::index),
            _ => None,
        });
        let schema = input.schema();
        let Some(file) = file else { return internal_err!("{BARRIER} does not say which column names files") };
        let columns = Columns {
            file,
            operation: schema.index_of(OPERATION)?,
            changes: [schema.index_of(CHANGES[0])?, schema.index_of(CHANGES[1])?, schema.index_of(CHANGES[2])?],
            ordinal: schema.index_of(ORDINAL).ok(),
        };
        Ok(Hold { input: Arc::clone(input), columns, unchanged, metrics: ExecutionPlanMetricsSet::new() })
    }
}

impl DisplayAs for Hold {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "HoldRowsOfMerge")
    }
}

impl ExecutionPlan for Hold {
    fn name(&self) -> &str {
        "HoldRowsOfMerge"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else { return internal_err!("rows of a merge come from one place") };
        Ok(Arc::new(Hold { input, columns: self.columns, unchanged: self.unchanged, metrics: ExecutionPlanMetricsSet::new() }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let metrics = SpillMetrics::new(&self.metrics, partition);
        let held = Held {
            input: Some(self.input.execute(partition, Arc::clone(&context))?),
            columns: self.columns,
            unchanged: self.unchanged,
            files: Files::default(),
            waiting: Waiting {
                spill: SpillManager::new(context.runtime_env(), metrics, Arc::clone(&schema)),
                reservation: MemoryConsumer::new(format!("HoldRowsOfMerge[{partition}]"))
                    .with_can_spill(true)
                    .register(context.memory_pool()),
                batches: Vec::new(),
                files: VecDeque::new(),
            },
            rest: None,
        };
        let rows = futures::stream::try_unfold(held, |mut held| async move { Ok(held.next().await?.map(|batch| (batch, held))) });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

/// What is known of the files.
#[derive(Default)]
struct Files {
    /// Numbers by name.
    numbers: HashMap<String, usize>,
    /// Those with a change.
    changed: HashSet<usize>,
    /// Of each file the rows that a clause has changed, a bit for each.
    rows_changed: Vec<Bits>,
    /// Those of the rest that went on.
    rows_passed_on: Vec<Bits>,
}

#[derive(Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn has(&self, at: u64) -> bool {
        self.0.get((at / 64) as usize).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Whether it was not there.
    fn insert(&mut self, at: u64) -> bool {
        let word = (at / 64) as usize;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let is_new = !self.has(at);
        self.0[word] |= 1 << (at % 64);
        is_new
    }
}

impl Files {
    /// The number of each row's file; `None`: it is a row of the source.
    fn of(&mut self, names: &ArrayRef) -> Result<Vec<Option<usize>>> {
        let Some(names) = names.as_dictionary_opt::<UInt16Type>() else { return internal_err!("files are named by a dictionary") };
        let Some(texts) = names.values().as_string_opt::<i32>() else { return internal_err!("names of files are texts") };
        let numbers: Vec<Option<usize>> = texts
            .iter()
            .map(|name| {
                let next = self.numbers.len();
                Some(*self.numbers.entry(name?.to_owned()).or_insert(next))
            })
            .collect();
        self.rows_changed.resize_with(self.numbers.len(), Bits::default);
        self.rows_passed_on.resize_with(self.numbers.len(), Bits::default);
        Ok(names.keys().iter().map(|key| numbers[usize::from(key?)]).collect())
    }
}

/// Rows that wait, in memory as far as that is granted.
struct Waiting {
    spill: SpillManager,
    reservation: MemoryReservation,
    batches: Vec<RecordBatch>,
    files: VecDeque<Arc<dyn SpillFile>>,
}

impl Waiting {
    fn add(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let bytes = batch.get_array_memory_size();
        self.batches.push(batch);
        if self.reservation.try_grow(bytes).is_err() {
            self.files.extend(self.spill.spill_record_batch_and_finish(&self.batches, "rows of a merge")?);
            self.batches.clear();
            self.reservation.free();
        }
        Ok(())
    }
}

/// Rows on their way.
struct Held {
    /// `None` at its end.
    input: Option<SendableRecordBatchStream>,
    columns: Columns,
    unchanged: Unchanged,
    files: Files,
    waiting: Waiting,
    /// A file of what waited, while it is read again.
    rest: Option<SendableRecordBatchStream>,
}

impl Held {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(input) = &mut self.input {
            let Some(batch) = input.next().await.transpose()? else {
                self.input = None;
                break;
            };
            let go = self.first(&batch)?;
            if go.num_rows() > 0 {
                return Ok(Some(go));
            }
        }
        while let Some(batch) = self.waited().await? {
            let go = self.last(&batch)?;
            if go.num_rows() > 0 {
                return Ok(Some(go));
            }
        }
        Ok(None)
    }

    /// What waited, a file after the other.
    async fn waited(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(rest) = &mut self.rest
                && let Some(batch) = rest.next().await.transpose()?
            {
                return Ok(Some(batch));
            }
            self.rest = match self.waiting.files.pop_front() {
                Some(file) => Some(self.waiting.spill.read_spill_as_stream(file, None)?),
                None => return Ok(self.waiting.batches.pop()),
            };
        }
    }

    /// Of rows that come, those that go on at once.
    fn first(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let files = self.files.of(batch.column(self.columns.file))?;
        let ordinals = self.columns.ordinal.and_then(|index| batch.column(index).as_primitive_opt::<UInt64Type>());
        let operations = operations(batch, self.columns.operation)?;
        let changes = self.columns.changes.map(|index| batch.column(index));
        let mut row_changes = vec![false; batch.num_rows()];
        for (row, file) in files.iter().enumerate() {
            row_changes[row] = changes.iter().any(|change| change.is_null(row));
            if let (true, Some(file)) = (row_changes[row], file) {
                self.files.changed.insert(*file);
                if let Some(ordinals) = ordinals.filter(|ordinals| !self.unchanged.is_unique && ordinals.is_valid(row)) {
                    self.files.rows_changed[*file].insert(ordinals.value(row));
                }
            }
        }
        let may_double = |row: usize| !self.unchanged.is_unique && ordinals.is_some() && operations.value(row) == self.unchanged.operation;
        let goes = |row: usize| match files[row] {
            // A row of the source that no clause inserts goes nowhere.
            None => row_changes[row],
            Some(file) => self.files.changed.contains(&file) && !may_double(row),
        };
        let go: BooleanArray = (0..batch.num_rows()).map(|row| Some(goes(row))).collect();
        let wait: BooleanArray = (0..batch.num_rows()).map(|row| Some(files[row].is_some() && !go.value(row))).collect();
        if wait.true_count() > 0 {
            self.waiting.add(filter_record_batch(batch, &wait)?)?;
        }
        let go = if go.true_count() == batch.num_rows() { batch.clone() } else { filter_record_batch(batch, &go)? };
        self.passed_on(go)
    }

    /// Of rows that waited, those of files with a change; of a row that was matched by several and changed by none one.
    fn last(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let files = self.files.of(batch.column(self.columns.file))?;
        let ordinals: Option<&UInt64Array> = self.columns.ordinal.and_then(|index| batch.column(index).as_primitive_opt::<UInt64Type>());
        let operations = operations(batch, self.columns.operation)?;
        let mut go = Vec::with_capacity(batch.num_rows());
        for (row, file) in files.iter().enumerate() {
            let Some(file) = file.filter(|file| self.files.changed.contains(file)) else {
                go.push(false);
                continue;
            };
            let is_matched = operations.value(row) == self.unchanged.operation;
            go.push(match ordinals.filter(|ordinals| is_matched && !self.unchanged.is_unique && ordinals.is_valid(row)) {
                Some(ordinals) => {
                    let ordinal = ordinals.value(row);
                    !self.files.rows_changed[file].has(ordinal) && self.files.rows_passed_on[file].insert(ordinal)
                }
                None => true,
            });
        }
        self.passed_on(filter_record_batch(batch, &BooleanArray::from(go))?)
    }

    /// Rows that are matched and not changed, as such that nothing matches: deltalake would hold them to see whether another row changes them, which is
    /// known here.
    fn passed_on(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let from = self.unchanged.operation;
        let operations = operations(&batch, self.columns.operation)?;
        if self.columns.ordinal.is_none() || !operations.values().contains(&from) {
            return Ok(batch);
        }
        let to = self.unchanged.passed_on();
        let changed: Int32Array = operations.unary(|operation| if operation == from { to } else { operation });
        let mut columns = batch.columns().to_vec();
        columns[self.columns.operation] = Arc::new(changed);
        Ok(RecordBatch::try_new(batch.schema(), columns)?)
    }
}

fn operations(batch: &RecordBatch, index: usize) -> Result<&Int32Array> {
    match batch.column(index).as_primitive_opt::<Int32Type>() {
        Some(operations) => Ok(operations),
        None => internal_err!("operations of a merge are numbers"),
    }
}
