//! SELECT.

use sqlparser::ast::{
    BinaryOperator as Op, Distinct, Expr, GroupByExpr, JoinConstraint, JoinOperator, LimitClause, OrderByExpr, OrderByKind, OrderBySort,
    Query as Ast, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins, Value,
};

use super::super::catalog::{Column, Table};
use super::super::dictionary;
use super::super::tokens::normalise;
use super::super::types::{DataType, Family};
use super::super::{OraError, Result};
use super::clauses::{alias_name, check_join, check_query, check_select, check_wildcard, plain_table};
use super::expression::{balanced, split};
use super::{ScopeColumn, Source, Sql, Translator, unnested};

/// A translated query: columns are named `o0`, `o1` … in `text`.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub text: String,
    pub outputs: Vec<(String, Sql)>,
}

impl Translator<'_> {
    /// Translates a query, in a scope of its own.
    pub fn query(&mut self, ast: &Ast) -> Result<Query> {
        check_query(ast)?;
        if ast.with.is_some() {
            return Err(OraError::unsupported("WITH"));
        }
        if !ast.locks.is_empty() || ast.for_clause.is_some() {
            return Err(OraError::unsupported("FOR UPDATE"));
        }
        let select = match ast.body.as_ref() {
            SetExpr::Select(select) => select,
            SetExpr::Query(inner) if ast.order_by.is_none() && ast.fetch.is_none() && ast.limit_clause.is_none() => {
                return self.query(inner);
            }
            SetExpr::SetOperation { op, .. } => return Err(OraError::unsupported(op)),
            _ => return Err(OraError::unsupported("this form of query")),
        };
        let saved = (
            std::mem::take(&mut self.group_keys),
            std::mem::take(&mut self.bare_columns),
            std::mem::take(&mut self.aggregates),
            std::mem::take(&mut self.aggregate_depth),
            self.aggregates_allowed,
            self.rownum_allowed,
        );
        let depth = self.scopes.len();
        let result = self.select(select, ast);
        self.scopes.truncate(depth);
        (self.group_keys, self.bare_columns, self.aggregates, self.aggregate_depth, self.aggregates_allowed, self.rownum_allowed) = saved;
        result
    }

    fn select(&mut self, select: &Select, ast: &Ast) -> Result<Query> {
        check_select(select)?;
        let mut from = self.from(&select.from)?;
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
        let outputs = self.select_list(select)?;
        let having = select.having.as_ref().map(|having| self.condition(having)).transpose()?;
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return Err(OraError::unsupported("DISTINCT ON")),
        };
        let order = self.order_by(ast, &outputs, distinct)?;
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
        let list = outputs.iter().enumerate().map(|(index, (_, sql))| format!("{} AS o{index}", sql.text)).collect::<Vec<_>>().join(", ");
        let group = if self.group_keys.is_empty() { String::new() } else { format!(" GROUP BY {}", self.group_keys.join(", ")) };
        let having = having.map(|having| format!(" HAVING {having}")).unwrap_or_default();
        let distinct = if distinct { "DISTINCT " } else { "" };
        Ok(Query { text: format!("SELECT {distinct}{list} FROM {from}{condition}{group}{having}{order}{limit}"), outputs })
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

    fn from(&mut self, from: &[TableWithJoins]) -> Result<String> {
        self.scopes.push(Vec::new());
        if from.is_empty() {
            return Err(OraError::new(923, "FROM keyword not found where expected"));
        }
        let mut text = Vec::new();
        for item in from {
            let first = self.scopes.last().map_or(0, Vec::len);
            let mut part = self.source(&item.relation)?;
            for join in &item.joins {
                check_join(join)?;
                let joined = self.scopes.last().map_or(0, Vec::len);
                let (words, constraint) = match &join.join_operator {
                    JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => ("JOIN", constraint),
                    JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => ("LEFT JOIN", constraint),
                    JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => ("RIGHT JOIN", constraint),
                    JoinOperator::FullOuter(constraint) => ("FULL JOIN", constraint),
                    JoinOperator::CrossJoin(constraint) => ("CROSS JOIN", constraint),
                    other => return Err(OraError::unsupported(format_args!("the join {other:?}"))),
                };
                // SQLite joins what stands before the comma too.
                if from.len() > 1 && matches!(words, "RIGHT JOIN" | "FULL JOIN") {
                    return Err(OraError::unsupported(format_args!("{words} beside other tables in FROM")));
                }
                let source = self.source(&join.relation)?;
                part.push_str(&format!(" {words} {source}"));
                match constraint {
                    JoinConstraint::On(_) if words == "CROSS JOIN" => return Err(OraError::new(933, "SQL command not properly ended")),
                    JoinConstraint::On(condition) => part.push_str(&format!(" ON {}", self.join_condition(condition, first)?)),
                    JoinConstraint::None if words == "CROSS JOIN" => {}
                    JoinConstraint::None => return Err(OraError::new(905, "missing keyword")),
                    _ => return Err(OraError::unsupported("NATURAL and USING joins")),
                }
                let missing = match words {
                    "LEFT JOIN" => joined..usize::MAX,
                    "RIGHT JOIN" => first..joined,
                    "FULL JOIN" => first..usize::MAX,
                    _ => 0..0,
                };
                for (_, source) in self.scopes.last_mut().into_iter().flatten().enumerate().filter(|(index, _)| missing.contains(index)) {
                    source.columns.iter_mut().for_each(|column| column.nullable = true);
                }
            }
            text.push(part);
        }
        self.bare_columns.clear();
        Ok(text.join(", "))
    }

    /// ON sees the sources of its own item of FROM: those from `first` on.
    fn join_condition(&mut self, condition: &Expr, first: usize) -> Result<String> {
        let hidden: Vec<Source> = self.scopes.last_mut().map(|scope| scope.drain(..first).collect()).unwrap_or_default();
        let condition = self.condition(condition);
        if let Some(scope) = self.scopes.last_mut() {
            scope.splice(0..0, hidden);
        }
        condition
    }

    fn source(&mut self, factor: &TableFactor) -> Result<String> {
        let name = self.source_name();
        self.source_named(factor, &name)
    }

    /// A row source under the name that SQL of SQLite calls it by.
    pub(super) fn source_named(&mut self, factor: &TableFactor, name: &str) -> Result<String> {
        match factor {
            TableFactor::Table { .. } => {
                let (table, alias) = plain_table(factor)?;
                self.named_source(table, alias, name)
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let query = self.query(subquery)?;
                let source = self.derived(&query, alias.as_ref(), name)?;
                self.add_source(source);
                Ok(format!("({}) AS {name}", query.text))
            }
            other => Err(OraError::unsupported(format_args!("{other} in FROM"))),
        }
    }

    /// A subquery as a row source.
    pub(super) fn derived(&self, query: &Query, alias: Option<&TableAlias>, name: &str) -> Result<Source> {
        let column = |(index, (column, sql)): (usize, &(String, Sql))| ScopeColumn {
            name: column.clone(),
            sql: format!("{name}.o{index}"),
            data_type: sql.data_type,
            nullable: sql.nullable,
        };
        let columns = query.outputs.iter().enumerate().map(column).collect();
        Ok(Source { schema: None, name: alias.map(alias_name).transpose()?, columns, rowid: None })
    }

    pub(super) fn add_source(&mut self, source: Source) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(source);
        }
    }

    /// A table, a dictionary view or DUAL.
    pub fn named_source(&mut self, table: &sqlparser::ast::ObjectName, alias: Option<String>, name: &str) -> Result<String> {
        let (schema, object, offset) = self.object_name(table)?;
        let owner = schema.clone().unwrap_or_else(|| self.context.schema.to_owned());
        if let Some(table) = self.context.catalog.table(&owner, &object) {
            let source = self.table_source(table, alias, name);
            let storage = table.storage_name();
            self.add_source(source);
            return Ok(format!("{storage} AS {name}"));
        }
        if schema.as_deref().is_none_or(|schema| matches!(schema, "SYS" | "PUBLIC")) {
            if object == "DUAL" {
                let column =
                    ScopeColumn { name: "DUMMY".into(), sql: format!("{name}.c0"), data_type: DataType::varchar2(1), nullable: true };
                self.add_source(Source { schema, name: Some(alias.unwrap_or(object)), columns: vec![column], rowid: None });
                return Ok(format!("(SELECT 'X' AS c0) AS {name}"));
            }
            if let Some(view) = dictionary::find(&object) {
                let columns = view
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(index, (column, data_type))| ScopeColumn {
                        name: (*column).to_owned(),
                        sql: format!("{name}.c{index}"),
                        data_type: *data_type,
                        nullable: true,
                    })
                    .collect();
                if !self.views.iter().any(|known| known.name == view.name) {
                    self.views.push(view);
                }
                self.add_source(Source { schema, name: Some(alias.unwrap_or(object)), columns, rowid: None });
                return Ok(format!("temp.\"{}\" AS {name}", view.name));
            }
        }
        Err(OraError::no_table().at(offset))
    }

    /// A table under the name that SQL of SQLite calls it by.
    pub(super) fn table_source(&self, table: &Table, alias: Option<String>, name: &str) -> Source {
        let column = |(index, column): (usize, &Column)| ScopeColumn {
            name: column.name.clone(),
            sql: format!("{name}.c{index}"),
            data_type: column.data_type,
            nullable: column.nullable,
        };
        Source {
            schema: Some(table.owner.clone()),
            name: Some(alias.unwrap_or_else(|| table.name.clone())),
            columns: table.columns.iter().enumerate().map(column).collect(),
            rowid: Some((format!("{name}.rid"), table.id)),
        }
    }

    /// Schema, name and place of an object's name.
    pub fn object_name(&self, name: &sqlparser::ast::ObjectName) -> Result<(Option<String>, String, Option<usize>)> {
        let parts: Option<Vec<_>> = name.0.iter().map(|part| part.as_ident()).collect();
        let parts = parts.ok_or_else(|| OraError::new(903, "invalid table name"))?;
        let text = |part: &sqlparser::ast::Ident| normalise(&part.value, part.quote_style.is_some());
        match parts.as_slice() {
            [table] => Ok((None, text(table), self.offset(table))),
            [schema, table] => Ok((Some(text(schema)), text(table), self.offset(schema))),
            _ => Err(OraError::new(903, "invalid table name")),
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

    fn limit(&mut self, ast: &Ast) -> Result<String> {
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
                    let sql = self.value(expr)?;
                    outputs.push((self.implicit_name(expr), sql));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let sql = self.value(expr)?;
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

    fn order_by(&mut self, ast: &Ast, outputs: &[(String, Sql)], distinct: bool) -> Result<String> {
        let Some(order_by) = &ast.order_by else { return Ok(String::new()) };
        let OrderByKind::Expressions(items) = &order_by.kind else {
            return Err(OraError::unsupported("ORDER BY ALL"));
        };
        let keys = items.iter().map(|item| self.order_key(item, outputs, distinct)).collect::<Result<Vec<_>>>()?;
        Ok(format!(" ORDER BY {}", keys.join(", ")))
    }

    fn order_key(&mut self, item: &OrderByExpr, outputs: &[(String, Sql)], distinct: bool) -> Result<String> {
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
        if matches!(key.family(), Family::Clob | Family::Blob) {
            return Err(OraError::inconsistent("-", key.data_type.dictionary_name()));
        }
        let descending = match &item.options.sort {
            Some(OrderBySort::Desc) => true,
            Some(OrderBySort::Asc) | None => false,
            Some(other) => return Err(OraError::unsupported(format_args!("ORDER BY … {other:?}"))),
        };
        let nulls_first = item.options.nulls_first.unwrap_or(descending);
        let text = key.rowid.map_or(key.text, |(rowid, _)| rowid);
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
