//! NaN, zeros, and the statistics of files. A writer leaves NaN out of a file's minimum and maximum, and NaN is greater than every number: a file whose
//! maximum is 5 may hold rows that fulfil `x > 5`. Conditions on floating-point columns are therefore put so that no file is judged by them; rows are.
//! DataFusion takes -0.0 and 0.0 for two numbers, which in SQL are one: as `x + 0.0` both are the same.

use arrow::datatypes::DataType;
use deltalake::datafusion::common::DFSchema;
use deltalake::datafusion::common::tree_node::{Transformed, TreeNode};
use deltalake::datafusion::error::{DataFusionError, Result as DataFusionResult};
use deltalake::datafusion::functions::math::nanvl;
use deltalake::datafusion::logical_expr::expr::InList;
use deltalake::datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, cast, lit};

use super::Table;
use crate::error::Result;

impl Table {
    /// The same condition with `nanvl(x + 0.0, x + 0.0)`, which is x, for every floating-point `x`: the function is one that any reader of the commit's text knows,
    /// and none that statistics can see through. The values of a partition are exact, and stay.
    pub(crate) fn judged_by_rows(&self, condition: Expr, names: &DFSchema) -> Result<Expr> {
        let condition = as_floats(condition, names).map_err(|error| self.fault("understand", &error.into()))?;
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

/// The same expression, where what meets a floating-point number becomes one. DataFusion would make a decimal of 15 digits after the point of both, which
/// a small number is not, and NaN and a large one cannot be.
pub(crate) fn as_floats(expression: Expr, names: &DFSchema) -> DataFusionResult<Expr> {
    let of = |part: &Expr| part.get_type(names).unwrap_or(DataType::Null);
    let meets = |parts: &[&Expr]| {
        let float = parts.iter().map(|part| of(part)).find(DataType::is_floating);
        float.filter(|_| parts.iter().any(|part| of(part).is_decimal()))
    };
    let fitted = |part: Expr, float: &DataType| match (of(&part), &part) {
        // A number that is written down is one of the other side's kind.
        (of, Expr::Literal(..)) if of.is_decimal() => cast(part, float.clone()),
        (of, _) if of.is_decimal() => cast(part, DataType::Float64),
        _ => part,
    };
    let change = |part: Expr| {
        Ok(match part {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match meets(&[&left, &right]) {
                Some(float) => {
                    let (left, right) = (Box::new(fitted(*left, &float)), Box::new(fitted(*right, &float)));
                    Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
                }
                None => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
            },
            Expr::Between(Between { expr, negated, low, high }) => match meets(&[&expr, &low, &high]) {
                Some(float) => {
                    let [expr, low, high] = [expr, low, high].map(|part| Box::new(fitted(*part, &float)));
                    Transformed::yes(Expr::Between(Between { expr, negated, low, high }))
                }
                None => Transformed::no(Expr::Between(Between { expr, negated, low, high })),
            },
            Expr::InList(InList { expr, list, negated }) => {
                let float = meets(&std::iter::once(expr.as_ref()).chain(&list).collect::<Vec<_>>());
                match float {
                    Some(float) => {
                        let list = list.into_iter().map(|part| fitted(part, &float)).collect();
                        Transformed::yes(Expr::InList(InList { expr: Box::new(fitted(*expr, &float)), list, negated }))
                    }
                    None => Transformed::no(Expr::InList(InList { expr, list, negated })),
                }
            }
            other => Transformed::no(other),
        })
    };
    expression.transform_up(change).map(|done| done.data)
}
