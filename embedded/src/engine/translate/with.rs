//! WITH, recursive or not.

use sqlparser::ast::{Cte, SetExpr, SetOperator, SetQuantifier, With};

use super::super::tokens::normalise;
use super::super::types::{DataType, Family};
use super::super::{OraError, Result};
use super::from::NamedQuery;
use super::{Sql, Translator};

impl Translator<'_> {
    /// `WITH name AS (query), …` as text before a query.
    pub(super) fn with(&mut self, with: &With) -> Result<String> {
        let texts = with.cte_tables.iter().map(|item| self.named_query(item)).collect::<Result<Vec<_>>>()?;
        Ok(format!("WITH RECURSIVE {} ", texts.join(", ")))
    }

    fn named_query(&mut self, item: &Cte) -> Result<String> {
        let name = normalise(&item.alias.name.value, item.alias.name.quote_style.is_some());
        let place = self.named_queries.len();
        self.named_queries.push(NamedQuery { name: name.clone(), text_name: None, columns: Vec::new(), recursive_at: None });
        let text_name = format!("w{}", self.next_source);
        self.next_source += 1;
        if let Some((anchor, recursive)) = members(item, &name) {
            let text = self.recursive_query(item, place, &text_name, anchor, recursive)?;
            return Ok(format!("{text_name} AS ({text})"));
        }
        let query = self.query(&item.query)?;
        let columns = named_columns(item, query.outputs)?;
        self.know_columns(place, &text_name, columns, None);
        Ok(format!("{text_name} AS ({})", query.text))
    }

    fn know_columns(&mut self, place: usize, text_name: &str, columns: Vec<(String, Sql)>, recursive_at: Option<usize>) {
        if let Some(named) = self.named_queries.get_mut(place) {
            (named.text_name, named.columns, named.recursive_at) = (Some(text_name.to_owned()), columns, recursive_at);
        }
    }

    /// The first rows, and those that come of the rows before: SQLite's recursion has Oracle's order, level by level.
    fn recursive_query(&mut self, item: &Cte, place: usize, text_name: &str, anchor: &SetExpr, recursive: &SetExpr) -> Result<String> {
        if item.alias.columns.is_empty() {
            return Err(OraError::new(32039, "recursive WITH clause must have column alias list"));
        }
        let anchor = self.branch(anchor)?;
        // Text grows from row to row.
        let types = anchor.outputs.into_iter().map(|(name, sql)| {
            let data_type = if matches!(sql.family(), Family::Text | Family::Char) { DataType::varchar2(4000) } else { sql.data_type };
            (name, Sql { data_type, nullable: true, is_literal: false, rowid: None, ..sql })
        });
        let columns = named_columns(item, types.collect())?;
        self.know_columns(place, text_name, columns.clone(), Some(self.query_depth + 1));
        let next = self.branch(recursive)?;
        if next.outputs.len() != columns.len() {
            return Err(OraError::new(1789, "query block has incorrect number of result columns"));
        }
        if next.is_aggregate || next.text.contains(" OVER (") {
            return Err(OraError::new(32486, "unsupported operation in recursive branch of recursive WITH clause"));
        }
        for ((_, before), (_, after)) in columns.iter().zip(&next.outputs) {
            let text = |sql: &Sql| matches!(sql.family(), Family::Text | Family::Char);
            if !after.is_null && before.family() != after.family() && !(text(before) && text(after)) {
                return Err(OraError::new(1790, "expression must have same datatype as corresponding expression"));
            }
        }
        self.know_columns(place, text_name, columns, None);
        Ok(format!("{} UNION ALL {}", as_branch(&anchor.text), next.text))
    }
}

/// A query as the first of a compound: what has clauses of its own goes into parentheses.
fn as_branch(text: &str) -> String {
    format!("SELECT * FROM ({text})")
}

/// The two members of a query that names itself.
fn members<'c>(item: &'c Cte, name: &str) -> Option<(&'c SetExpr, &'c SetExpr)> {
    let SetExpr::SetOperation { op: SetOperator::Union, set_quantifier: SetQuantifier::All, left, right } = item.query.body.as_ref() else {
        return None;
    };
    let text = right.to_string().to_uppercase();
    let is_word = |character: char| character.is_alphanumeric() || "_$#".contains(character);
    let wanted = name.to_uppercase();
    let names_it =
        text.match_indices(&wanted).any(|(at, _)| !text[..at].ends_with(is_word) && !text[at + wanted.len()..].starts_with(is_word));
    names_it.then_some((left.as_ref(), right.as_ref()))
}

/// The columns under the names that the clause gives them.
fn named_columns(item: &Cte, mut columns: Vec<(String, Sql)>) -> Result<Vec<(String, Sql)>> {
    if item.alias.columns.is_empty() {
        return Ok(columns);
    }
    if item.alias.columns.len() != columns.len() {
        return Err(OraError::new(32038, "number of WITH clause column names does not match number of elements in select list"));
    }
    for (column, alias) in columns.iter_mut().zip(&item.alias.columns) {
        column.0 = normalise(&alias.name.value, alias.name.quote_style.is_some());
    }
    Ok(columns)
}
