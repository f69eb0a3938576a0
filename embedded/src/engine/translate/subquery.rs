//! Queries as values and as the lists of IN.

use sqlparser::ast::{Expr, Query as Ast};

use super::super::{OraError, Result};
use super::{Sql, Translator, unnested};

impl Translator<'_> {
    pub fn scalar_subquery(&mut self, ast: &Ast) -> Result<Sql> {
        let query = self.query(ast)?;
        let [(_, output)] = query.outputs.as_slice() else {
            return Err(OraError::new(913, "too many values"));
        };
        // SQLite takes the first row of many: the count is checked so that many rows are ORA-01427.
        let inner = &query.text;
        Ok(Sql::new(
            format!(
                "(SELECT CASE WHEN count(*) > 1 THEN o_fail('ORA-01427: single-row subquery returns more than one row') ELSE max(o0) END FROM ({inner}))"
            ),
            output.data_type,
        ))
    }

    pub fn in_subquery(&mut self, expr: &Expr, ast: &Ast, negated: bool) -> Result<String> {
        let items = match unnested(expr) {
            Expr::Tuple(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let values = items.iter().map(|item| self.value(item)).collect::<Result<Vec<_>>>()?;
        let query = self.query(ast)?;
        if query.outputs.len() != values.len() {
            let (code, text) = if query.outputs.len() < values.len() { (947, "not enough values") } else { (913, "too many values") };
            return Err(OraError::new(code, text));
        }
        let (mut lefts, mut rights) = (Vec::new(), Vec::new());
        for (index, (left, (_, output))) in values.into_iter().zip(&query.outputs).enumerate() {
            let right = Sql { is_literal: false, rowid: None, text: format!("q.o{index}"), ..output.clone() };
            let (left, right, collation) = self.comparable(Sql { rowid: None, ..left }, right)?;
            lefts.push(format!("{left}{collation}"));
            rights.push(right);
        }
        let left = if lefts.len() == 1 { lefts.remove(0) } else { format!("({})", lefts.join(", ")) };
        let right = rights.join(", ");
        Ok(format!("({left} {}IN (SELECT {right} FROM ({}) AS q))", if negated { "NOT " } else { "" }, query.text))
    }
}
