//! Conditions: comparisons, IN, LIKE and their combinations.

use sqlparser::ast::{BinaryOperator as Op, Expr, Function, UnaryOperator};

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
            Expr::BinaryOp { left, op, right } => self.comparison(left, operator_text(op)?, right),
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
            Expr::AnyOp { left, compare_op, right, .. } => self.quantified(left, compare_op, right, true),
            Expr::AllOp { left, compare_op, right } => self.quantified(left, compare_op, right, false),
            Expr::InSubquery { expr, subquery, negated } => self.in_subquery(expr, subquery, *negated),
            Expr::IsJson { expr, kind, unique_keys, negated } => self.is_json(expr, *kind, *unique_keys, *negated),
            Expr::Function(function) => self.function_condition(function, expr),
            other => self.truth_condition(other),
        }
    }

    fn function_condition(&mut self, function: &Function, expr: &Expr) -> Result<String> {
        match self.regexp_like(function)? {
            Some(condition) => Ok(condition),
            None => self.truth_condition(expr),
        }
    }

    pub fn comparison(&mut self, left: &Expr, operator: &str, right: &Expr) -> Result<String> {
        if let (Expr::Tuple(left), Expr::Tuple(right)) = (unnested(left), unnested(right)) {
            return self.list_comparison(left, operator, right);
        }
        if let (Expr::Tuple(_), _) | (_, Expr::Tuple(_)) = (unnested(left), unnested(right)) {
            return Err(OraError::unsupported("a comparison of a list with one value or a query"));
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        if let Some(condition) = rowid_range(&left, operator, &right) {
            return Ok(condition);
        }
        let (left, right, collation) = self.comparable(left, right)?;
        Ok(format!("({left}{collation} {operator} {right}{collation})"))
    }

    /// Lists are equal where all their values are.
    fn list_comparison(&mut self, left: &[Expr], operator: &str, right: &[Expr]) -> Result<String> {
        if left.len() != right.len() {
            let (code, text) = if right.len() < left.len() { (947, "not enough values") } else { (913, "too many values") };
            return Err(OraError::new(code, text));
        }
        let pairs = left.iter().zip(right).map(|(left, right)| self.comparison(left, "=", right)).collect::<Result<Vec<_>>>()?;
        match operator {
            "=" => Ok(balanced(&pairs, "AND")),
            "<>" => Ok(format!("(NOT {})", balanced(&pairs, "AND"))),
            _ => Err(OraError::new(1796, "this operator cannot be used with lists")),
        }
    }

    /// `value operator ANY | ALL (list or query)`.
    fn quantified(&mut self, left: &Expr, operator: &Op, right: &Expr, is_any: bool) -> Result<String> {
        let operator = operator_text(operator)?;
        let Expr::Subquery(query) = unnested(right) else {
            let items = match unnested(right) {
                Expr::Tuple(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            };
            let tests = items.iter().map(|item| self.comparison(left, operator, item)).collect::<Result<Vec<_>>>()?;
            return Ok(balanced(&tests, if is_any { "OR" } else { "AND" }));
        };
        let left = self.value(left)?;
        let query = self.query(query)?;
        let [(_, output)] = query.outputs.as_slice() else { return Err(OraError::new(913, "too many values")) };
        let right = Sql { is_literal: false, rowid: None, text: "q.o0".into(), ..output.clone() };
        let (left, right, collation) = self.comparable(Sql { rowid: None, ..left }, right)?;
        // One that decides; else unknown where one is unknown.
        let (decides, value, otherwise) = if is_any { ("max(c) = 1", 1, 0) } else { ("min(c) = 0", 0, 1) };
        let tests = format!("SELECT ({left}{collation} {operator} {right}{collation}) AS c FROM ({}) AS q", query.text);
        Ok(format!("(SELECT CASE WHEN {decides} THEN {value} WHEN count(*) > count(c) THEN NULL ELSE {otherwise} END FROM ({tests}))"))
    }

    /// IN of a list: one IN of SQLite where all items compare alike, else a test for each.
    fn in_list(&mut self, expr: &Expr, list: &[Expr], negated: bool) -> Result<String> {
        if list.len() > 1000 {
            return Err(OraError::new(1795, "maximum number of expressions in a list is 1000"));
        }
        if matches!(unnested(expr), Expr::Tuple(_)) {
            let tests = list.iter().map(|item| self.comparison(expr, "=", item)).collect::<Result<Vec<_>>>()?;
            return Ok(format!("({}{})", if negated { "NOT " } else { "" }, balanced(&tests, "OR")));
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

fn operator_text(operator: &Op) -> Result<&'static str> {
    Ok(match operator {
        Op::Eq => "=",
        Op::NotEq => "<>",
        Op::Lt => "<",
        Op::LtEq => "<=",
        Op::Gt => ">",
        Op::GtEq => ">=",
        other => return Err(OraError::unsupported(format_args!("the operator {other} in a condition"))),
    })
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
