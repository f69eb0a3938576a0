//! Outer joins by `(+)`: the conditions that carry it become the ON of a LEFT JOIN, all others stay in WHERE.

use sqlparser::ast::{BinaryOperator as Op, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, TableWithJoins};

use super::super::tokens::normalise;
use super::super::{OraError, Result};
use super::condition::{balanced, split};
use super::{Source, Translator, unnested};

/// Whether a text has `(+)` anywhere.
fn spells_plus(sql: &str) -> bool {
    let is_open = |at: usize| sql[..at].trim_end().ends_with('(') && sql[at + 1..].trim_start().starts_with(')');
    sql.match_indices('+').any(|(at, _)| is_open(at))
}

/// Whether an expression carries a `(+)`.
fn has_plus(expr: &Expr) -> bool {
    expr.to_string().contains("(+)") && !plus_columns(&mut expr.clone()).is_empty()
}

/// Takes the `(+)` off the columns of an expression, which it gives.
fn plus_columns(expr: &mut Expr) -> Vec<Expr> {
    let mut found = Vec::new();
    strip(expr, &mut found);
    found
}

fn strip(expr: &mut Expr, found: &mut Vec<Expr>) {
    match expr {
        Expr::OuterJoin(inner) => {
            found.push((**inner).clone());
            *expr = (**inner).clone();
        }
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } | Expr::IsNull(inner) | Expr::IsNotNull(inner) => strip(inner, found),
        Expr::Cast { expr: inner, .. } | Expr::Extract { expr: inner, .. } | Expr::Trim { expr: inner, .. } => strip(inner, found),
        Expr::BinaryOp { left, right, .. } => [left, right].into_iter().for_each(|side| strip(side, found)),
        Expr::Between { expr, low, high, .. } => [expr, low, high].into_iter().for_each(|part| strip(part, found)),
        Expr::Like { expr, pattern, .. } => [expr, pattern].into_iter().for_each(|part| strip(part, found)),
        Expr::InList { expr, list, .. } => {
            strip(expr, found);
            list.iter_mut().for_each(|item| strip(item, found));
        }
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            strip(expr, found);
            [substring_from, substring_for].into_iter().flatten().for_each(|part| strip(part, found));
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            [operand, else_result].into_iter().flatten().for_each(|part| strip(part, found));
            for when in conditions {
                strip(&mut when.condition, found);
                strip(&mut when.result, found);
            }
        }
        Expr::Function(Function { args: FunctionArguments::List(list), .. }) => {
            for argument in &mut list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                    strip(expr, found);
                }
            }
        }
        _ => {}
    }
}

/// The row sources of FROM whose columns an SQL text names.
pub(super) fn sources_in(text: &str, names: &[String]) -> Vec<usize> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let names_it = |name: &String| {
        let dotted = format!("{name}.");
        text.match_indices(&dotted).any(|(at, _)| !text[..at].ends_with(is_word))
    };
    names.iter().enumerate().filter(|(_, name)| names_it(name)).map(|(index, _)| index).collect()
}

/// A source of FROM while the joins are made.
struct Part {
    text: String,
    /// Conditions of its LEFT JOIN, with the sources that they name; none where it is no outer one.
    outer: Vec<(String, Vec<usize>)>,
}

impl Translator<'_> {
    /// FROM with the outer joins of a condition, and what is left of the condition; none where it has no `(+)`.
    pub(super) fn plus_from(&mut self, from: &[TableWithJoins], selection: Option<&Expr>) -> Result<Option<(String, Option<Expr>)>> {
        // Few statements have any: the text is looked at first, because a long condition is a deep tree.
        if !spells_plus(self.context.sql) {
            return Ok(None);
        }
        let mut conjuncts = Vec::new();
        if let Some(selection) = selection {
            split(selection, &Op::And, &mut conjuncts);
        }
        if !conjuncts.iter().any(|conjunct| has_plus(conjunct)) {
            return Ok(None);
        }
        if from.iter().any(|item| !item.joins.is_empty()) {
            return Err(OraError::new(25156, "old style outer join (+) cannot be used with ANSI joins"));
        }
        self.scopes.push(Vec::new());
        let (mut names, mut parts) = (Vec::new(), Vec::new());
        for item in from {
            let name = self.source_name();
            let text = self.source_named(&item.relation, &name)?;
            names.push(name);
            parts.push(Part { text, outer: Vec::new() });
        }
        let mut rest: Option<Expr> = None;
        for conjunct in conjuncts {
            if has_plus(conjunct) {
                let (optional, condition, named) = self.plus_condition(conjunct, &names)?;
                parts[optional].outer.push((condition, named));
            } else {
                let conjunct = conjunct.clone();
                rest = Some(match rest {
                    None => conjunct,
                    Some(rest) => Expr::BinaryOp { left: Box::new(rest), op: Op::And, right: Box::new(conjunct) },
                });
            }
        }
        let (text, outer) = joined(parts)?;
        self.bare_columns.clear();
        for (_, source) in self.scopes.last_mut().into_iter().flatten().enumerate().filter(|(index, _)| outer.contains(index)) {
            source.columns.iter_mut().for_each(|column| column.nullable = true);
        }
        Ok(Some((text, rest)))
    }

    /// The source that a condition makes an outer one, the condition as SQL and the sources that it names.
    fn plus_condition(&mut self, conjunct: &Expr, names: &[String]) -> Result<(usize, String, Vec<usize>)> {
        let mut plain = conjunct.clone();
        let columns = plus_columns(&mut plain);
        if matches!(unnested(conjunct), Expr::BinaryOp { op: Op::Or, .. }) {
            return Err(OraError::new(1719, "outer join operator (+) not allowed in operand of OR or IN"));
        }
        if plain.to_string().contains("(+)") {
            return Err(OraError::unsupported(format_args!("(+) in {conjunct}")));
        }
        let mut optional = None;
        for column in &columns {
            let index = self.scopes.last().and_then(|scope| source_of(scope, column));
            let index = index.ok_or_else(|| OraError::invalid_identifier(format_args!("{column}")))?;
            if optional.is_some_and(|known| known != index) {
                return Err(OraError::new(1468, "a predicate may reference only one outer-joined table"));
            }
            optional = Some(index);
        }
        let condition = self.condition(&plain)?;
        let named = sources_in(&condition, names);
        Ok((optional.ok_or_else(|| OraError::internal("(+) without a column"))?, condition, named))
    }
}

/// The source that a column with `(+)` is of.
fn source_of(scope: &[Source], column: &Expr) -> Option<usize> {
    let names: Vec<String> = match column {
        Expr::Identifier(name) => vec![normalise(&name.value, name.quote_style.is_some())],
        Expr::CompoundIdentifier(parts) => parts.iter().map(|part| normalise(&part.value, part.quote_style.is_some())).collect(),
        _ => return None,
    };
    let (column, path) = names.split_last()?;
    scope.iter().position(|source| match path {
        [] => source.columns.iter().any(|known| known.name == *column),
        [.., name] => source.name.as_ref() == Some(name),
    })
}

/// FROM with each outer source after those that its conditions name, and which sources are outer ones.
fn joined(parts: Vec<Part>) -> Result<(String, Vec<usize>)> {
    let outer: Vec<usize> = (0..parts.len()).filter(|index| !parts[*index].outer.is_empty()).collect();
    let names_others = |index: &usize| parts[*index].outer.iter().any(|(_, named)| named.iter().any(|other| other != index));
    if let Some(index) = outer.iter().find(|index| !names_others(index)) {
        return Err(OraError::unsupported(format_args!("(+) without a condition that joins {}", parts[*index].text)));
    }
    let mut placed: Vec<usize> = (0..parts.len()).filter(|index| !outer.contains(index)).collect();
    let mut text = placed.iter().map(|index| parts[*index].text.as_str()).collect::<Vec<_>>().join(", ");
    while placed.len() < parts.len() {
        let ready = |index: &usize| {
            let known = |other: &usize| other == index || placed.contains(other);
            !placed.contains(index) && parts[*index].outer.iter().all(|(_, named)| named.iter().all(known))
        };
        let Some(next) = outer.iter().copied().find(ready) else {
            return Err(OraError::new(1416, "two tables cannot be outer-joined to each other"));
        };
        let conditions: Vec<String> = parts[next].outer.iter().map(|(condition, _)| condition.clone()).collect();
        text.push_str(&format!(" LEFT JOIN {} ON {}", parts[next].text, balanced(&conditions, "AND")));
        placed.push(next);
    }
    Ok((text, outer))
}
