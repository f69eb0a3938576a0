//! NaN, zeros, and the statistics of files. A writer leaves NaN out of a file's minimum and maximum, and NaN is greater than every number: a file whose
//! maximum is 5 may hold rows that fulfil `x > 5`. Conditions on floating-point columns are therefore put so that no file is judged by them; rows are.
//! DataFusion takes -0.0 and 0.0 for two numbers, which in SQL are one: as `x + 0.0` both are the same.

use arrow::datatypes::DataType;
use deltalake::datafusion::common::DFSchema;
use deltalake::datafusion::common::tree_node::{Transformed, TreeNode};
use deltalake::datafusion::error::DataFusionError;
use deltalake::datafusion::functions::math::nanvl;
use deltalake::datafusion::logical_expr::{Expr, ExprSchemable, lit};

use super::Table;
use crate::error::Result;

impl Table {
    /// The same condition with `nanvl(x + 0.0, x + 0.0)`, which is x, for every floating-point `x`: the function is one that any reader of the commit's text knows,
    /// and none that statistics can see through. The values of a partition are exact, and stay.
    pub(crate) fn judged_by_rows(&self, condition: Expr, names: &DFSchema) -> Result<Expr> {
        let partitions = self.inner.snapshot().map(|state| state.metadata().partition_columns().to_vec()).unwrap_or_default();
        let opaque = |part: Expr| {
            let is_value = match &part {
                Expr::Column(column) => !partitions.contains(&column.name),
                Expr::ScalarFunction(call) => call.func.name() == "get_field",
                _ => false,
            };
            let zero = match part.get_type(names) {
                Ok(DataType::Float32) if is_value => lit(0f32),
                Ok(DataType::Float64) if is_value => lit(0f64),
                _ => return Ok::<_, DataFusionError>(Transformed::no(part)),
            };
            let number = part + zero;
            Ok(Transformed::yes(nanvl().call(vec![number.clone(), number])))
        };
        condition.transform_up(opaque).map(|done| done.data).map_err(|error| self.fault("understand", &error.into()))
    }
}
