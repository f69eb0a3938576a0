//! UNION, INTERSECT and MINUS.

use sqlparser::ast::{Query as Ast, SetExpr, SetOperator, SetQuantifier};

use super::super::types::{DataType, Family};
use super::super::{OraError, Result};
use super::query::Query;
use super::{ScopeColumn, Source, Sql, Translator};

impl Translator<'_> {
    /// Two queries as one; names are those of the left one.
    pub(super) fn set_operation(
        &mut self,
        operator: SetOperator,
        quantifier: SetQuantifier,
        left: &SetExpr,
        right: &SetExpr,
    ) -> Result<Query> {
        let is_all = match quantifier {
            SetQuantifier::None | SetQuantifier::Distinct => false,
            SetQuantifier::All => true,
            other => return Err(OraError::unsupported(other)),
        };
        let words = match (operator, is_all) {
            (SetOperator::Union, true) => "UNION ALL",
            (SetOperator::Union, false) => "UNION",
            (SetOperator::Intersect, false) => "INTERSECT",
            (SetOperator::Minus | SetOperator::Except, false) => "EXCEPT",
            (other, true) => return Err(OraError::unsupported(format_args!("{other} ALL"))),
        };
        let (left, right) = (self.branch(left)?, self.branch(right)?);
        if left.outputs.len() != right.outputs.len() {
            return Err(OraError::new(1789, "query block has incorrect number of result columns"));
        }
        let mut outputs = Vec::new();
        let (mut left_list, mut right_list) = (Vec::new(), Vec::new());
        for (index, ((name, left), (_, right))) in left.outputs.iter().zip(&right.outputs).enumerate() {
            if words != "UNION ALL" && [left, right].iter().any(|side| side.is_incomparable()) {
                return Err(OraError::inconsistent("-", left.data_type.dictionary_name()));
            }
            let data_type = common_type(left, right)?;
            let column = |side: &Sql, source: &str| Sql { text: format!("{source}.o{index}"), rowid: None, ..side.clone() };
            let text = |side: Sql| self.convert(side, data_type.family()).map(|sql| format!("{} AS o{index}", sql.text));
            left_list.push(text(column(left, "a"))?);
            right_list.push(text(column(right, "b"))?);
            let nullable = left.nullable || right.nullable;
            outputs.push((name.clone(), Sql { nullable, ..Sql::new(format!("o{index}"), data_type) }));
        }
        let text = format!(
            "SELECT {} FROM ({}) AS a {words} SELECT {} FROM ({}) AS b",
            left_list.join(", "),
            left.text,
            right_list.join(", "),
            right.text
        );
        // SQLite gives all set operators one precedence, from left to right, as Oracle does; the queries stand alone all the same.
        Ok(Query::new(format!("SELECT * FROM ({text})"), outputs))
    }

    /// One side: it has no ORDER BY of its own, unless it is in parentheses.
    pub(super) fn branch(&mut self, body: &SetExpr) -> Result<Query> {
        let nothing = Ast {
            with: None,
            body: Box::new(SetExpr::Values(sqlparser::ast::Values { explicit_row: false, value_keyword: false, rows: Vec::new() })),
            order_by: None,
            limit_clause: None,
            fetch: None,
            locks: Vec::new(),
            for_clause: None,
            settings: None,
            format_clause: None,
            pipe_operators: Vec::new(),
        };
        self.body(body, &nothing)
    }

    /// ORDER BY and FETCH of a set of queries: by position or name of its columns.
    pub(super) fn sorted_set(&mut self, set: Query, ast: &Ast) -> Result<Query> {
        if ast.order_by.is_none() && ast.fetch.is_none() && ast.limit_clause.is_none() {
            return Ok(set);
        }
        let columns = set
            .outputs
            .iter()
            .enumerate()
            .map(|(index, (name, sql))| ScopeColumn {
                name: name.clone(),
                sql: format!("q.o{index}"),
                data_type: sql.data_type,
                nullable: sql.nullable,
            })
            .collect();
        self.scopes.push(vec![Source { schema: None, name: None, columns, rowid: None }]);
        let outputs: Vec<(String, Sql)> = set
            .outputs
            .iter()
            .enumerate()
            .map(|(index, (name, sql))| (name.clone(), Sql { text: format!("q.o{index}"), ..sql.clone() }))
            .collect();
        let tail = self.order_by(ast, &outputs, false).and_then(|order| Ok((order, self.limit(ast)?)));
        self.scopes.pop();
        let (order, limit) = tail?;
        let text = limit.apply(outputs.len(), &order, |more, tail| format!("SELECT q.*{more} FROM ({}) AS q{tail}", set.text));
        Ok(Query::new(text, set.outputs))
    }
}

/// What both sides of a set operator become.
pub(super) fn common_type(left: &Sql, right: &Sql) -> Result<DataType> {
    let (a, b) = (left.data_type, right.data_type);
    if left.is_null || a == b {
        return Ok(b);
    }
    if right.is_null {
        return Ok(a);
    }
    let is_number = |sql: &Sql| sql.family() == Family::Number || sql.is_float();
    let mismatch = || OraError::new(1790, "expression must have same datatype as corresponding expression");
    Ok(match (a, b) {
        _ if left.is_text() && right.is_text() => {
            let size = a.data_length().max(b.data_length()).max(1);
            let national =
                |data_type| matches!(data_type, DataType::Varchar2 { national: true, .. } | DataType::Char { national: true, .. });
            if national(a) || national(b) {
                DataType::Varchar2 { size, unit: super::super::CharUnit::Char, national: true }
            } else {
                DataType::varchar2(size)
            }
        }
        _ if is_number(left) && is_number(right) => {
            if left.is_float() || right.is_float() {
                DataType::BinaryDouble
            } else {
                DataType::NUMBER
            }
        }
        _ if left.is_datetime() && right.is_datetime() => {
            let has = |family: Family| left.family() == family || right.family() == family;
            if has(Family::TimestampTz) {
                DataType::TimestampTz { digits: 9 }
            } else if has(Family::TimestampLtz) {
                DataType::TimestampLtz { digits: 9 }
            } else {
                DataType::Timestamp { digits: 9 }
            }
        }
        (DataType::Raw { size: a }, DataType::Raw { size: b }) => DataType::Raw { size: a.max(b) },
        _ if left.family() == right.family() => a,
        _ => return Err(mismatch()),
    })
}
