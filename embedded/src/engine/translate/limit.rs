//! How many rows a query gives: ROWNUM in its condition, OFFSET and FETCH.

use sqlparser::ast::{BinaryOperator as Op, Expr, LimitClause, Query as Ast};

use super::super::{OraError, Result};
use super::condition::{balanced, split};
use super::{Translator, unnested};

/// What OFFSET and FETCH ask for, as SQL of SQLite's integers.
#[derive(Debug, Default)]
pub(super) struct RowLimit {
    offset: Option<String>,
    /// Rows, or a share of all rows in percent.
    quantity: Option<Quantity>,
    with_ties: bool,
}

#[derive(Debug)]
enum Quantity {
    Rows(String),
    /// A NUMBER.
    Percent(String),
}

impl RowLimit {
    pub fn is_none(&self) -> bool {
        self.offset.is_none() && self.quantity.is_none()
    }

    /// The clause of SQLite, for all but ties and percentages.
    fn clause(&self) -> String {
        if self.is_none() {
            return String::new();
        }
        let rows = match &self.quantity {
            Some(Quantity::Rows(rows)) => rows.as_str(),
            _ => "-1",
        };
        let offset = self.offset.as_ref().map(|offset| format!(" OFFSET {offset}")).unwrap_or_default();
        format!(" LIMIT {rows}{offset}")
    }

    /// A query of these columns with its rows limited. `select` gives its text with more columns at the end of its list, `order` is its ORDER BY
    /// with the words, or nothing.
    pub fn apply(&self, columns: usize, order: &str, select: impl Fn(&str, &str) -> String) -> String {
        let is_percent = matches!(self.quantity, Some(Quantity::Percent(_)));
        if !self.with_ties && !is_percent {
            return select("", &format!("{order}{}", self.clause()));
        }
        let list = (0..columns).map(|index| format!("l.o{index}")).collect::<Vec<_>>().join(", ");
        // Rows are numbered in their order, and equal ones have the number of their first.
        let numbers = format!(", row_number() OVER ({order}) AS n, rank() OVER ({order}) AS r, count(*) OVER () AS a");
        let offset = self.offset.as_deref().unwrap_or("0");
        let number = if self.with_ties && !order.is_empty() { "l.r" } else { "l.n" };
        let last = match &self.quantity {
            Some(Quantity::Rows(rows)) => rows.clone(),
            Some(Quantity::Percent(percent)) => format!("o_percent_rows({percent}, l.a)"),
            None => "l.a".into(),
        };
        let inner = select(&numbers, "");
        format!("SELECT {list} FROM ({inner}) AS l WHERE l.n > {offset} AND {number} <= {offset} + {last} ORDER BY l.n")
    }

    /// Whether it is more than a clause of SQLite.
    pub fn needs_numbers(&self) -> bool {
        self.with_ties || matches!(self.quantity, Some(Quantity::Percent(_)))
    }
}

impl Translator<'_> {
    /// ROWNUM limits rows before sorting and grouping: the one source becomes a limited one of the same name.
    pub(super) fn limited_source(&self, from: &str, condition: &str, rows: &str) -> Result<String> {
        let scope = self.scopes.last().map(Vec::as_slice).unwrap_or_default();
        match (from.rsplit_once(" AS "), scope) {
            (Some((_, name)), [source]) => {
                // Without an order of its own SQLite lets the outer ORDER BY choose the rows; Oracle takes them as it reads the table.
                let order = source.rowid.as_ref().map(|(rowid, _)| format!(" ORDER BY {rowid}")).unwrap_or_default();
                Ok(format!("(SELECT * FROM {from}{condition}{order} LIMIT {rows}) AS {name}"))
            }
            _ => Err(OraError::unsupported("ROWNUM with ORDER BY or grouping over several tables")),
        }
    }

    /// The condition without ROWNUM, and the limit that `ROWNUM <= n` asks for.
    pub(super) fn where_clause(&mut self, selection: Option<&Expr>) -> Result<(Option<String>, Option<String>)> {
        let mut conjuncts = Vec::new();
        if let Some(selection) = selection {
            split(selection, &Op::And, &mut conjuncts);
        }
        let (mut conditions, mut limits) = (Vec::new(), Vec::new());
        for conjunct in conjuncts {
            match self.rownum_limit(conjunct)? {
                Some(limit) => limits.push(limit),
                None => conditions.push(self.condition(conjunct)?),
            }
        }
        self.bare_columns.clear();
        let limit = match limits.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            many => Some(format!("min({})", many.join(", "))),
        };
        Ok(((!conditions.is_empty()).then(|| balanced(&conditions, "AND")), limit))
    }

    /// What `ROWNUM <= n` and its kin leave of the rows: the number counts rows as they come, so that a first row refused is the end.
    fn rownum_limit(&mut self, expr: &Expr) -> Result<Option<String>> {
        let is_rownum = |expr: &Expr| matches!(unnested(expr), Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("ROWNUM"));
        let (operator, bound) = match unnested(expr) {
            Expr::BinaryOp { left, op, right } if is_rownum(left) => (op.clone(), right),
            Expr::BinaryOp { left, op, right } if is_rownum(right) => (mirrored(op), left),
            Expr::Between { expr, negated: false, low, high } if is_rownum(expr) => {
                let low = self.row_limit(low, &Op::GtEq)?;
                let high = self.row_limit(high, &Op::LtEq)?;
                return Ok(Some(format!("min({low}, {high})")));
            }
            _ => return Ok(None),
        };
        self.row_limit(bound, &operator).map(Some)
    }

    fn row_limit(&mut self, bound: &Expr, operator: &Op) -> Result<String> {
        let mode = match operator {
            Op::LtEq | Op::Lt | Op::Eq | Op::Gt | Op::GtEq | Op::NotEq => operator,
            _ => return Err(OraError::unsupported("this comparison of ROWNUM")),
        };
        let rows = self.value(bound)?.into_number()?;
        Ok(format!("o_row_limit({}, '{mode}')", rows.text))
    }

    pub(super) fn limit(&mut self, ast: &Ast) -> Result<RowLimit> {
        let mut limit = RowLimit::default();
        match &ast.limit_clause {
            None => {}
            Some(LimitClause::LimitOffset { limit: None, offset: Some(rows), limit_by }) if limit_by.is_empty() => {
                limit.offset = Some(self.row_limit(&rows.value, &Op::LtEq)?);
            }
            Some(_) => return Err(OraError::new(933, "SQL command not properly ended")),
        }
        let Some(fetch) = &ast.fetch else { return Ok(limit) };
        limit.with_ties = fetch.with_ties;
        limit.quantity = Some(match &fetch.quantity {
            Some(quantity) if fetch.percent => Quantity::Percent(self.value(quantity)?.into_number()?.text),
            Some(quantity) => Quantity::Rows(self.row_limit(quantity, &Op::LtEq)?),
            None => Quantity::Rows("1".into()),
        });
        Ok(limit)
    }
}

/// The operator that means the same with its sides exchanged.
fn mirrored(operator: &Op) -> Op {
    match operator {
        Op::Lt => Op::Gt,
        Op::LtEq => Op::GtEq,
        Op::Gt => Op::Lt,
        Op::GtEq => Op::LtEq,
        other => other.clone(),
    }
}
