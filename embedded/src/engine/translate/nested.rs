//! `CURSOR (SELECT …)` in a SELECT list: the rows of the query come with the row around it, as one value.

use std::sync::Arc;

use sqlparser::ast::{Expr, Query as Ast};

use super::super::types::{DataType, Family};
use super::super::{ColumnInfo, OraError, Result};
use super::{Sql, Translator, describe, unnested};

/// What the rows of a nested query are.
#[derive(Debug)]
pub(crate) struct Nested {
    pub columns: Vec<ColumnInfo>,
    pub families: Vec<Family>,
    /// Of columns that are nested queries again.
    pub nested: Vec<Option<Arc<Nested>>>,
}

impl Nested {
    pub fn of(outputs: &[(String, Sql)]) -> Nested {
        Nested {
            columns: describe(outputs),
            families: outputs.iter().map(|(_, sql)| sql.family()).collect(),
            nested: outputs.iter().map(|(_, sql)| sql.nested.clone()).collect(),
        }
    }
}

/// The query of a CURSOR expression.
pub(super) fn cursor_query<'e>(name: &str, arguments: &'e [Expr]) -> Option<&'e Ast> {
    match arguments {
        [argument] if name == "CURSOR" => match unnested(argument) {
            Expr::Subquery(query) => Some(query),
            _ => None,
        },
        _ => None,
    }
}

impl Translator<'_> {
    /// An item of the SELECT list, the one place where a CURSOR expression may stand.
    pub(super) fn list_item(&mut self, expr: &Expr) -> Result<Sql> {
        let is_cursor = matches!(expr, Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("CURSOR"));
        let was_allowed = std::mem::replace(&mut self.cursor_allowed, is_cursor && (self.query_depth == 1 || self.in_cursor));
        let sql = self.value(expr);
        self.cursor_allowed = was_allowed;
        sql
    }

    /// SQLite keeps the order of a sorted query under an aggregate function that is not its own.
    pub(super) fn cursor_expression(&mut self, query: &Ast) -> Result<Sql> {
        if !std::mem::take(&mut self.cursor_allowed) {
            return Err(OraError::new(22902, "CURSOR expression not allowed"));
        }
        let was_in_cursor = std::mem::replace(&mut self.in_cursor, true);
        let query = self.query(query);
        self.in_cursor = was_in_cursor;
        let query = query?;
        let columns = (0..query.outputs.len()).map(|index| format!("o{index}")).collect::<Vec<_>>().join(", ");
        let nested = Some(Arc::new(Nested::of(&query.outputs)));
        Ok(Sql { nested, ..Sql::new(format!("(SELECT o_rows({columns}) FROM ({}))", query.text), DataType::Cursor) })
    }
}
