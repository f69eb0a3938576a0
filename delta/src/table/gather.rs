//! Puts rows of small batches together. deltalake's nodes of a MERGE cut a batch in as many as it has files, and each of these costs a page of counters to
//! the end of the operation, a check, and a call of the writer, as much as a thousand rows would.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use deltalake::datafusion::common::tree_node::TreeNodeRecursion;
use deltalake::datafusion::common::{Result, internal_err};
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use deltalake::datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties, ReplaceChildrenOptions,
};
use futures::StreamExt;

/// Of a batch at least, as far as there are rows.
const ENOUGH_BYTES: usize = 512 << 10;
const ENOUGH_ROWS: usize = 8192;

/// The node.
#[derive(Debug)]
pub(super) struct Gather(pub Arc<dyn ExecutionPlan>);

impl DisplayAs for Gather {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "GatherRows")
    }
}

impl ExecutionPlan for Gather {
    fn name(&self) -> &str {
        "GatherRows"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.0]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else { return internal_err!("rows are gathered of one place") };
        Ok(Arc::new(Gather(input)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let gathered = futures::stream::try_unfold(self.0.execute(partition, context)?, |mut input| async move {
            let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
            while rows < ENOUGH_ROWS && bytes < ENOUGH_BYTES {
                let Some(batch) = input.next().await.transpose()? else { break };
                rows += batch.num_rows();
                bytes += own_bytes(&batch)?;
                batches.push(batch);
            }
            Ok(match &batches[..] {
                [] => None,
                [one] => Some((one.clone(), input)),
                [first, ..] => Some((concat_batches(first.schema_ref(), &batches)?, input)),
            })
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, gathered)))
    }
}

/// Without dictionaries, which batches share.
fn own_bytes(batch: &RecordBatch) -> Result<usize> {
    let own = batch.columns().iter().filter(|column| !matches!(column.data_type(), DataType::Dictionary(..)));
    let mut bytes = 0;
    for column in own {
        bytes += column.to_data().get_slice_memory_size()?;
    }
    Ok(bytes)
}
