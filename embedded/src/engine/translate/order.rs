//! ORDER BY.

use sqlparser::ast::{Expr, OrderByExpr, OrderByKind, OrderBySort, Query as Ast, Value};

use super::super::tokens::normalise;
use super::super::types::Family;
use super::super::{OraError, Result};
use super::{Sql, Translator, unnested};

impl Translator<'_> {
    pub(super) fn order_by(&mut self, ast: &Ast, outputs: &[(String, Sql)], distinct: bool) -> Result<String> {
        let Some(order_by) = &ast.order_by else { return Ok(String::new()) };
        let OrderByKind::Expressions(items) = &order_by.kind else {
            return Err(OraError::unsupported("ORDER BY ALL"));
        };
        let keys = items.iter().map(|item| self.order_key(item, outputs, distinct)).collect::<Result<Vec<_>>>()?;
        Ok(format!(" ORDER BY {}", keys.join(", ")))
    }

    pub(super) fn order_key(&mut self, item: &OrderByExpr, outputs: &[(String, Sql)], distinct: bool) -> Result<String> {
        if item.with_fill.is_some() {
            return Err(OraError::unsupported("WITH FILL"));
        }
        let key = match unnested(&item.expr) {
            Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
                let position = value.value.to_string().parse::<usize>().ok().filter(|position| (1..=outputs.len()).contains(position));
                let position =
                    position.ok_or_else(|| OraError::new(1785, "ORDER BY item must be the number of a SELECT-list expression"))?;
                outputs[position - 1].1.clone()
            }
            Expr::Identifier(name) => {
                let text = normalise(&name.value, name.quote_style.is_some());
                match outputs.iter().find(|(output, _)| *output == text) {
                    Some((_, sql)) => sql.clone(),
                    None => self.value(&item.expr)?,
                }
            }
            expr => self.value(expr)?,
        };
        if distinct && !outputs.iter().any(|(_, output)| output.text == key.text) {
            return Err(OraError::new(1791, "not a SELECTed expression"));
        }
        if key.is_incomparable() || key.family() == Family::Cursor {
            return Err(OraError::inconsistent("-", key.data_type.dictionary_name()));
        }
        let descending = match &item.options.sort {
            Some(OrderBySort::Desc) => true,
            Some(OrderBySort::Asc) | None => false,
            Some(other) => return Err(OraError::unsupported(format_args!("ORDER BY … {other:?}"))),
        };
        let nulls_first = item.options.nulls_first.unwrap_or(descending);
        let text = match key.rowid {
            Some((rowid, _)) => rowid,
            None if key.data_type.family() == Family::Rowid => format!("o_rowid_key({})", key.text),
            None => key.text,
        };
        Ok(format!("{text} {} NULLS {}", if descending { "DESC" } else { "ASC" }, if nulls_first { "FIRST" } else { "LAST" }))
    }
}
