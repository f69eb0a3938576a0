//! `SET (a, b) = (SELECT x, y …)` as one assignment for each column.

use sqlparser::ast::{Assignment, AssignmentTarget, Expr, ObjectName, SelectItem, SetExpr};

use super::super::{OraError, Result};
use super::dml::count_matches;
use super::unnested;

/// The columns that an item of SET assigns, each with its value: a query for several columns is asked once for each of them.
///
/// # Errors
/// ORA-00913 and ORA-00947 where the query has more or fewer columns.
pub(super) fn by_column(item: &Assignment) -> Result<Vec<(ObjectName, Expr)>> {
    let names = match &item.target {
        AssignmentTarget::ColumnName(name) => return Ok(vec![(name.clone(), item.value.clone())]),
        AssignmentTarget::Tuple(names) => names,
    };
    let Expr::Subquery(query) = unnested(&item.value) else {
        return Err(OraError::new(1767, "UPDATE ... SET expression must be a subquery"));
    };
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Err(OraError::unsupported("SET (columns) = a query with a set operator"));
    };
    let is_plain = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
    if !select.projection.iter().all(is_plain) {
        return Err(OraError::unsupported("SET (columns) = (SELECT * …)"));
    }
    count_matches(select.projection.len(), names.len())?;
    let one = |(name, column): (&ObjectName, &SelectItem)| {
        let (mut query, mut select) = (query.clone(), select.clone());
        select.projection = vec![column.clone()];
        *query.body = SetExpr::Select(select);
        (name.clone(), Expr::Subquery(query))
    };
    Ok(names.iter().zip(&select.projection).map(one).collect())
}
