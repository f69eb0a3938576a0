//! Conditions: comparisons, IN, LIKE and their combinations.

use sqlparser::ast::{BinaryOperator as Op, Expr, UnaryOperator};

use super::super::types::Family;
use super::super::{OraError, Result};
use super::{Sql, Translator, unnested};

impl Translator<'_> {
    /// A condition, true, false or unknown.
    pub fn condition(&mut self, expr: &Expr) -> Result<String> {
        self.deeper()?;
        let condition = self.condition_inner(expr);
        self.depth -= 1;
        condition
    }

    fn condition_inner(&mut self, expr: &Expr) -> Result<String> {
        match expr {
            Expr::Nested(inner) => Ok(format!("({})", self.condition(inner)?)),
            Expr::BinaryOp { op: op @ (Op::And | Op::Or), .. } => {
                let mut parts = Vec::new();
                split(expr, op, &mut parts);
                let parts = parts.into_iter().map(|part| self.condition(part)).collect::<Result<Vec<_>>>()?;
                Ok(balanced(&parts, if *op == Op::And { "AND" } else { "OR" }))
            }
            Expr::BinaryOp { left, op, right } => {
                let operator = match op {
                    Op::Eq => "=",
                    Op::NotEq => "<>",
                    Op::Lt => "<",
                    Op::LtEq => "<=",
                    Op::Gt => ">",
                    Op::GtEq => ">=",
                    other => return Err(OraError::unsupported(format_args!("the operator {other} in a condition"))),
                };
                self.comparison(left, operator, right)
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => Ok(format!("(NOT {})", self.condition(expr)?)),
            Expr::IsNull(inner) => Ok(format!("({} IS NULL)", self.value(inner)?.text)),
            Expr::IsNotNull(inner) => Ok(format!("({} IS NOT NULL)", self.value(inner)?.text)),
            Expr::Between { expr, negated, low, high } => {
                let not = if *negated { "NOT " } else { "" };
                Ok(format!("({not}({} AND {}))", self.comparison(expr, ">=", low)?, self.comparison(expr, "<=", high)?))
            }
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated),
            Expr::Like { negated, any: false, expr, pattern, escape_char } => self.like(*negated, expr, pattern, escape_char.as_deref()),
            Expr::Exists { subquery, negated } => {
                let query = self.query(subquery)?;
                Ok(format!("({}EXISTS ({}))", if *negated { "NOT " } else { "" }, query.text))
            }
            Expr::InSubquery { expr, subquery, negated } => self.in_subquery(expr, subquery, *negated),
            Expr::IsJson { expr, kind, unique_keys, negated } => self.is_json(expr, *kind, *unique_keys, *negated),
            other => self.truth_condition(other),
        }
    }

    pub fn comparison(&mut self, left: &Expr, operator: &str, right: &Expr) -> Result<String> {
        if let (Expr::Tuple(_), _) | (_, Expr::Tuple(_)) = (unnested(left), unnested(right)) {
            return Err(OraError::unsupported("a comparison of lists"));
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        if let Some(condition) = rowid_range(&left, operator, &right) {
            return Ok(condition);
        }
        let (left, right, collation) = self.comparable(left, right)?;
        Ok(format!("({left}{collation} {operator} {right}{collation})"))
    }

    /// IN of a list: one IN of SQLite where all items compare alike, else a test for each.
    fn in_list(&mut self, expr: &Expr, list: &[Expr], negated: bool) -> Result<String> {
        if matches!(unnested(expr), Expr::Tuple(_)) {
            return Err(OraError::unsupported("a comparison of lists"));
        }
        if list.len() > 1000 {
            return Err(OraError::new(1795, "maximum number of expressions in a list is 1000"));
        }
        let left = self.value(expr)?;
        let mut groups: Vec<((String, &'static str), Vec<String>)> = Vec::new();
        for item in list {
            let right = self.value(item)?;
            let (left, right, collation) = self.comparable(left.clone(), right)?;
            let key = (left, collation);
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, items)) => items.push(right),
                None => groups.push((key, vec![right])),
            }
        }
        let tests: Vec<String> =
            groups.iter().map(|((left, collation), items)| format!("({left}{collation} IN ({}))", items.join(", "))).collect();
        Ok(format!("({}{})", if negated { "NOT " } else { "" }, balanced(&tests, "OR")))
    }

    fn like(&mut self, negated: bool, expr: &Expr, pattern: &Expr, escape: Option<&Expr>) -> Result<String> {
        let text = |this: &mut Self, expr: &Expr| -> Result<String> {
            let value = this.value(expr)?;
            Ok(this.text_of(value)?.text)
        };
        let (value, pattern) = (text(self, expr)?, text(self, pattern)?);
        let escape = match escape {
            Some(escape) => text(self, escape)?,
            None => "NULL".into(),
        };
        Ok(format!("({}o_like({value}, {pattern}, {escape}))", if negated { "NOT " } else { "" }))
    }
}

/// A table's ROWID before or after another one: its place in SQLite's own key.
fn rowid_range(left: &Sql, operator: &str, right: &Sql) -> Option<String> {
    let (side, operator, other) = match (operator, &left.rowid, &right.rowid) {
        ("=" | "<>", ..) => return None,
        (_, Some(side), None) => (side, operator, right),
        ("<", None, Some(side)) => (side, ">", left),
        ("<=", None, Some(side)) => (side, ">=", left),
        (">", None, Some(side)) => (side, "<", left),
        (">=", None, Some(side)) => (side, "<=", left),
        _ => return None,
    };
    let is_rowid = other.is_text() || other.family() == Family::Rowid;
    let (rowid, table) = side;
    is_rowid.then(|| format!("({rowid} {operator} o_rowid_bound({table}, {}, '{operator}'))", other.text))
}

/// The operands of a chain of one operator, however long: the parser nests them to the left.
pub(super) fn split<'e>(expr: &'e Expr, operator: &Op, out: &mut Vec<&'e Expr>) {
    let mut rest = expr;
    let mut reversed = Vec::new();
    while let Expr::BinaryOp { left, op, right } = unnested(rest)
        && op == operator
    {
        reversed.push(right.as_ref());
        rest = left;
    }
    out.push(rest);
    for operand in reversed.into_iter().rev() {
        match unnested(operand) {
            Expr::BinaryOp { op, .. } if op == operator => split(operand, operator, out),
            _ => out.push(operand),
        }
    }
}

/// Joins conditions as a balanced tree, because SQLite limits the depth of expressions.
pub(super) fn balanced(parts: &[String], operator: &str) -> String {
    match parts {
        [] => "1".into(),
        [one] => one.clone(),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            format!("({} {operator} {})", balanced(left, operator), balanced(right, operator))
        }
    }
}
