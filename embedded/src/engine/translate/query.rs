//! SELECT.

use sqlparser::ast::{
    BinaryOperator as Op, Distinct, Expr, GroupByExpr, LimitClause, OrderByExpr, OrderByKind, OrderBySort, Query as Ast, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Value,
};

use super::super::tokens::normalise;
use super::super::types::{DataType, Family};
use super::super::{OraError, Result};
use super::clauses::{check_query, check_select, check_wildcard};
use super::condition::{balanced, split};
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
        let result = work(self);
        self.scopes.truncate(depth);
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
        result
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
        self.group_keys = group_by.iter().map(|key| Ok(self.value(key)?.text)).collect::<Result<_>>()?;
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
        let mut limit = self.limit(ast)?;
        if let Some(rows) = row_limit {
            if order.is_empty() && !distinct && !aggregated && limit.is_empty() {
                limit = format!(" LIMIT {rows}");
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
        let text = |list: &str| format!("SELECT {distinct}{list} FROM {from}{condition}{group}{having}{order}{limit}");
        let is_plain = self.query_depth == 1 && !aggregated && distinct.is_empty() && !from.contains("o_as_of");
        let located = if is_plain { self.located(&outputs) } else { None };
        let located = located.map(|(rows, lobs)| Located { text: text(&format!("{list}, {}", rows.join(", "))), lobs, hidden: rows.len() });
        Ok(Query { text: text(&list), outputs, located, addressed: address.map(|(_, table)| table) })
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

    /// ROWNUM limits rows before sorting and grouping: the one source becomes a limited one of the same name.
    fn limited_source(&self, from: &str, condition: &str, rows: &str) -> Result<String> {
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

    fn rownum_limit(&mut self, expr: &Expr) -> Result<Option<String>> {
        let Expr::BinaryOp { left, op, right } = unnested(expr) else { return Ok(None) };
        if !matches!(unnested(left), Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("ROWNUM")) {
            return Ok(None);
        }
        let mode = match op {
            Op::LtEq => "'<='",
            Op::Lt => "'<'",
            Op::Eq => "'='",
            _ => return Err(OraError::unsupported("this comparison of ROWNUM")),
        };
        let rows = self.value(right)?.into_number()?;
        Ok(Some(format!("o_row_limit({}, {mode})", rows.text)))
    }

    pub(super) fn limit(&mut self, ast: &Ast) -> Result<String> {
        let mut offset = None;
        match &ast.limit_clause {
            None => {}
            Some(LimitClause::LimitOffset { limit: None, offset: Some(rows), limit_by }) if limit_by.is_empty() => {
                offset = Some(&rows.value)
            }
            Some(_) => return Err(OraError::new(933, "SQL command not properly ended")),
        }
        let rows = |this: &mut Self, expr: &Expr| -> Result<String> {
            Ok(format!("o_row_limit({}, '<=')", this.value(expr)?.into_number()?.text))
        };
        let quantity = match &ast.fetch {
            Some(fetch) if fetch.percent || fetch.with_ties => return Err(OraError::unsupported("FETCH … PERCENT and WITH TIES")),
            Some(fetch) => Some(match &fetch.quantity {
                Some(quantity) => rows(self, quantity)?,
                None => "1".into(),
            }),
            None => None,
        };
        let offset = offset.map(|offset| rows(self, offset)).transpose()?;
        Ok(match (quantity, offset) {
            (None, None) => String::new(),
            (quantity, offset) => {
                let offset = offset.map(|offset| format!(" OFFSET {offset}")).unwrap_or_default();
                format!(" LIMIT {}{offset}", quantity.unwrap_or("-1".into()))
            }
        })
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
        if matches!(key.family(), Family::Clob | Family::Blob | Family::Cursor) {
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
        let left = self.value(expr)?;
        let query = self.query(ast)?;
        let [(_, output)] = query.outputs.as_slice() else {
            return Err(OraError::new(913, "too many values"));
        };
        let right = Sql { is_literal: false, rowid: None, text: "q.o0".into(), ..output.clone() };
        let (left, right, collation) = self.comparable(Sql { rowid: None, ..left }, right)?;
        Ok(format!("({left}{collation} {}IN (SELECT {right} FROM ({}) AS q))", if negated { "NOT " } else { "" }, query.text))
    }
}
