//! SELECT.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, OrderByExpr, OrderByKind, OrderBySort, Query as Ast, Select, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, Value,
};

use super::super::tokens::normalise;
use super::super::types::{DataType, Family};
use super::super::{OraError, Result};
use super::clauses::{check_query, check_select, check_wildcard};
use super::from::ADDRESS;
use super::{Sql, Translator, unnested};

/// A translated query: columns are named `o0`, `o1` … in `text`.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub text: String,
    pub outputs: Vec<(String, Sql)>,
    /// The same query with the rows of the stored LOBs that it reads.
    pub located: Option<Located>,
    /// The table whose ROWIDs are those of the rows; a hidden column [`super::from::ADDRESS`] has them.
    pub addressed: Option<i64>,
}

/// A query that tells the rows of its LOBs in hidden columns after all others.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    pub text: String,
    pub lobs: Vec<Option<LobPlace>>,
    /// How many columns are hidden.
    pub hidden: usize,
}

/// The table and column of a stored LOB, 0-based, and the hidden column with the number of its row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LobPlace {
    pub table_id: i64,
    pub column: usize,
    pub hidden: usize,
}

impl Query {
    pub fn new(text: String, outputs: Vec<(String, Sql)>) -> Query {
        Query { text, outputs, located: None, addressed: None }
    }

    /// The text to run for a reader that may write through locators.
    pub fn reading_text(&self) -> &str {
        self.located.as_ref().map_or(&self.text, |located| &located.text)
    }
}

impl Translator<'_> {
    /// Translates a query, in a scope of its own.
    pub fn query(&mut self, ast: &Ast) -> Result<Query> {
        check_query(ast)?;
        let addresses = std::mem::take(&mut self.wants_addresses);
        if !ast.locks.is_empty() || ast.for_clause.is_some() {
            return Err(OraError::new(907, "missing right parenthesis"));
        }
        let known = self.named_queries.len();
        let with = ast.with.as_ref().map(|with| self.with(with)).transpose();
        let result = with.and_then(|with| {
            self.wants_addresses = addresses && ast.with.is_none();
            let query = self.body(ast.body.as_ref(), ast)?;
            let with = with.unwrap_or_default();
            let located = query.located.map(|located| Located { text: format!("{with}{}", located.text), ..located });
            Ok(Query { text: with + &query.text, outputs: query.outputs, located, addressed: query.addressed })
        });
        self.named_queries.truncate(known);
        result
    }

    pub(super) fn body(&mut self, body: &SetExpr, ast: &Ast) -> Result<Query> {
        match body {
            SetExpr::Select(select) => self.in_own_scope(|this| this.select(select, ast)),
            SetExpr::Query(inner) if ast.order_by.is_none() && ast.fetch.is_none() && ast.limit_clause.is_none() => self.query(inner),
            SetExpr::SetOperation { op, set_quantifier, left, right } => {
                self.wants_addresses = false;
                let set = self.set_operation(*op, *set_quantifier, left, right)?;
                self.sorted_set(set, ast)
            }
            _ => Err(OraError::unsupported("this form of query")),
        }
    }

    /// State that belongs to one query is put aside while another one is translated.
    fn in_own_scope(&mut self, work: impl FnOnce(&mut Self) -> Result<Query>) -> Result<Query> {
        let saved = (
            std::mem::take(&mut self.group_keys),
            std::mem::take(&mut self.bare_columns),
            std::mem::take(&mut self.aggregates),
            std::mem::take(&mut self.aggregate_depth),
            self.aggregates_allowed,
            self.rownum_allowed,
            self.level.take(),
            std::mem::replace(&mut self.nextval_allowed, false),
        );
        self.query_depth += 1;
        let depth = self.scopes.len();
        let is_inner = depth > 0;
        if is_inner {
            self.outer_keys.push((depth - 1, saved.0.clone()));
        }
        let result = work(self);
        self.scopes.truncate(depth);
        if is_inner {
            self.outer_keys.pop();
        }
        self.query_depth -= 1;
        (
            self.group_keys,
            self.bare_columns,
            self.aggregates,
            self.aggregate_depth,
            self.aggregates_allowed,
            self.rownum_allowed,
            self.level,
            self.nextval_allowed,
        ) = saved;
        self.note_outer_columns();
        result
    }

    /// Columns of this query that a query in it named stand outside its aggregates too.
    fn note_outer_columns(&mut self) {
        let Some(own) = self.scopes.len().checked_sub(1) else { return };
        let (mine, others) = std::mem::take(&mut self.outer_columns).into_iter().partition(|(scope, ..)| *scope == own);
        self.outer_columns = others;
        let mine: Vec<(usize, String, Option<usize>)> = mine;
        if self.aggregate_depth == 0 {
            self.bare_columns.extend(mine.into_iter().map(|(.., place)| place));
        }
    }

    /// An expression that is a key of a grouped query around this one names none of its columns by themselves.
    pub(super) fn forget_columns_of_outer_key(&mut self, text: &str, mark: usize) {
        for (scope, keys) in &self.outer_keys {
            if keys.iter().any(|key| key == text) {
                let kept = self.outer_columns.split_off(mark.min(self.outer_columns.len()));
                self.outer_columns.extend(kept.into_iter().filter(|(column_scope, ..)| column_scope != scope));
            }
        }
    }

    fn select(&mut self, select: &Select, ast: &Ast) -> Result<Query> {
        check_select(select)?;
        let wants_addresses = std::mem::take(&mut self.wants_addresses);
        let mut from = if select.connect_by.is_empty() { self.from(&select.from)? } else { self.generator(select)? };
        (self.aggregates_allowed, self.rownum_allowed) = (false, false);
        let (condition, row_limit) = self.where_clause(select.selection.as_ref())?;
        let GroupByExpr::Expressions(group_by, modifiers) = &select.group_by else {
            return Err(OraError::unsupported("GROUP BY ALL"));
        };
        if !modifiers.is_empty() {
            return Err(OraError::unsupported("GROUP BY with a modifier"));
        }
        self.group_keys = group_by.iter().map(|key| self.group_key(key)).collect::<Result<_>>()?;
        self.bare_columns.clear();
        self.aggregates_allowed = true;
        self.rownum_allowed = group_by.is_empty();
        // Only what makes one row of each row it reads may take numbers.
        self.nextval_allowed = self.query_depth == 1 && group_by.is_empty() && select.distinct.is_none() && ast.order_by.is_none();
        let outputs = self.select_list(select);
        self.nextval_allowed = false;
        let outputs = outputs?;
        let is_nesting = outputs.iter().any(|(_, sql)| sql.nested.is_some());
        let having = select.having.as_ref().map(|having| self.condition(having)).transpose()?;
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return Err(OraError::unsupported("DISTINCT ON")),
        };
        if let (true, Some((_, output))) = (distinct, outputs.iter().find(|(_, output)| output.is_incomparable())) {
            return Err(OraError::inconsistent("-", output.data_type.dictionary_name()));
        }
        let order = self.order_by(ast, &outputs, distinct)?;
        if is_nesting && distinct {
            return Err(OraError::inconsistent("-", "CURSER"));
        }
        let aggregated = self.aggregates > 0 || !group_by.is_empty() || having.is_some();
        if let (true, Some(place)) = (aggregated, self.bare_columns.first()) {
            let (code, text) =
                if group_by.is_empty() { (937, "not a single-group group function") } else { (979, "not a GROUP BY expression") };
            return Err(OraError::new(code, text).at(*place));
        }
        let mut condition = condition.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        let limit = self.limit(ast)?;
        let mut first_rows = String::new();
        if let Some(rows) = row_limit {
            if order.is_empty() && !distinct && !aggregated && limit.is_none() {
                first_rows = format!(" LIMIT {rows}");
            } else {
                from = self.limited_source(&from, &condition, &rows)?;
                condition.clear();
            }
        }
        let address = if wants_addresses && !aggregated && !distinct { self.address() } else { None };
        let list = outputs.iter().enumerate().map(|(index, (_, sql))| format!("{} AS o{index}", sql.text)).collect::<Vec<_>>().join(", ");
        let list = address.iter().fold(list, |list, (rowid, _)| format!("{list}, {rowid} AS {ADDRESS}"));
        let group = if self.group_keys.is_empty() { String::new() } else { format!(" GROUP BY {}", self.group_keys.join(", ")) };
        let having = having.map(|having| format!(" HAVING {having}")).unwrap_or_default();
        let distinct = if distinct { "DISTINCT " } else { "" };
        let text = |list: &str, tail: &str| format!("SELECT {distinct}{list} FROM {from}{condition}{group}{having}{tail}{first_rows}");
        if !distinct.is_empty() && limit.needs_numbers() {
            // Numbers would tell equal rows apart.
            return Err(OraError::unsupported("DISTINCT with FETCH … PERCENT or WITH TIES"));
        }
        let is_plain = self.query_depth == 1 && !aggregated && distinct.is_empty() && !limit.needs_numbers() && !from.contains("o_as_of");
        let located = if is_plain { self.located(&outputs) } else { None };
        let limited = |list: &str| limit.apply(outputs.len(), &order, |more, tail| text(&format!("{list}{more}"), tail));
        let located = located.map(|(rows, lobs)| {
            let text = limited(&format!("{list}, {}", rows.join(", ")));
            Located { text, lobs, hidden: rows.len() }
        });
        let text = limited(&list);
        Ok(Query { text, outputs, located, addressed: address.map(|(_, table)| table) })
    }

    /// A key of GROUP BY as SQL.
    fn group_key(&mut self, key: &Expr) -> Result<String> {
        let key = self.value(key)?;
        match key.is_incomparable() {
            true => Err(OraError::inconsistent("-", key.data_type.dictionary_name())),
            false => Ok(key.text),
        }
    }

    /// The rows of the LOBs among the outputs that are columns of a table in sight, as SQL.
    fn located(&self, outputs: &[(String, Sql)]) -> Option<(Vec<String>, Vec<Option<LobPlace>>)> {
        let mut rows: Vec<String> = Vec::new();
        let mut place = |sql: &Sql| {
            if !matches!(sql.data_type, DataType::Clob | DataType::Nclob | DataType::Blob) {
                return None;
            }
            let has_it = |source: &&super::Source| source.columns.iter().any(|column| column.sql == sql.text);
            let (row, table_id) = self.scopes.last()?.iter().find(has_it)?.rowid.clone()?;
            let column = sql.text.strip_prefix(row.strip_suffix("rid")?)?.strip_prefix('c')?.parse().ok()?;
            let hidden = rows.iter().position(|known| *known == row).unwrap_or(rows.len());
            if hidden == rows.len() {
                rows.push(row);
            }
            Some(LobPlace { table_id, column, hidden })
        };
        let lobs: Vec<Option<LobPlace>> = outputs.iter().map(|(_, sql)| place(sql)).collect();
        (!rows.is_empty()).then_some((rows, lobs))
    }

    fn select_list(&mut self, select: &Select) -> Result<Vec<(String, Sql)>> {
        let mut outputs = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(options) => {
                    check_wildcard(options)?;
                    if select.projection.len() > 1 {
                        return Err(OraError::new(923, "FROM keyword not found where expected"));
                    }
                    self.expand(None, &mut outputs)?;
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    check_wildcard(options)?;
                    let (_, name, offset) = self.object_name(name)?;
                    self.expand(Some(&name), &mut outputs).map_err(|error| error.at(offset))?;
                }
                SelectItem::UnnamedExpr(expr) => {
                    let sql = self.list_item(expr)?;
                    outputs.push((self.implicit_name(expr), sql));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let sql = self.list_item(expr)?;
                    outputs.push((normalise(&alias.value, alias.quote_style.is_some()), sql));
                }
                other => return Err(OraError::unsupported(format_args!("{other} in a SELECT list"))),
            }
        }
        Ok(outputs)
    }

    fn expand(&mut self, source: Option<&str>, outputs: &mut Vec<(String, Sql)>) -> Result<()> {
        let before = outputs.len();
        for item in self.scopes.last().into_iter().flatten() {
            if source.is_none_or(|source| item.name.as_deref() == Some(source)) {
                outputs.extend(item.columns.iter().map(|column| {
                    (column.name.clone(), Sql { nullable: column.nullable, ..Sql::new(column.sql.clone(), column.data_type) })
                }));
            }
        }
        if outputs.len() == before {
            return Err(OraError::invalid_identifier(format_args!("\"{}\"", source.unwrap_or("*"))));
        }
        self.bare_columns.push(None);
        Ok(())
    }

    /// The name of a column without alias: its own, or the expression's text in upper case without blanks.
    fn implicit_name(&self, expr: &Expr) -> String {
        match expr {
            Expr::Identifier(name) => normalise(&name.value, name.quote_style.is_some()),
            Expr::CompoundIdentifier(parts) => {
                parts.last().map(|name| normalise(&name.value, name.quote_style.is_some())).unwrap_or_default()
            }
            other => other.to_string().chars().filter(|character| !character.is_whitespace()).collect::<String>().to_uppercase(),
        }
    }

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
