//! SELECT.

use std::borrow::Cow;

use sqlparser::ast::{Distinct, Expr, GroupByExpr, Query as Ast, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr};

use super::super::tokens::normalise;
use super::super::types::DataType;
use super::super::{OraError, Result};
use super::clauses::{check_query, check_select, check_wildcard};
use super::from::ADDRESS;
use super::grouping::{self, GroupSet};
use super::hierarchy::{Hierarchy, siblings};
use super::{Sql, Translator};

/// A translated query: columns are named `o0`, `o1` … in `text`.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub text: String,
    pub outputs: Vec<(String, Sql)>,
    /// The same query with the rows of the stored LOBs that it reads.
    pub located: Option<Located>,
    /// The table whose ROWIDs are those of the rows; a hidden column [`super::from::ADDRESS`] has them.
    pub addressed: Option<i64>,
    /// Whether its rows are groups.
    pub is_aggregate: bool,
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
        Query { text, outputs, located: None, addressed: None, is_aggregate: false }
    }

    /// The same, known to have groups as its rows.
    pub fn grouped(self) -> Query {
        Query { is_aggregate: true, ..self }
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
            let located = query.located.clone().map(|located| Located { text: format!("{with}{}", located.text), ..located });
            Ok(Query { text: with + &query.text, located, ..query })
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
    pub(super) fn in_own_scope(&mut self, work: impl FnOnce(&mut Self) -> Result<Query>) -> Result<Query> {
        let saved = (
            std::mem::take(&mut self.group_keys),
            std::mem::take(&mut self.bare_columns),
            std::mem::take(&mut self.aggregates),
            std::mem::take(&mut self.aggregate_depth),
            self.aggregates_allowed,
            self.rownum_allowed,
            self.level.take(),
            std::mem::replace(&mut self.nextval_allowed, false),
            self.hierarchy.take(),
            self.prior_sources.take(),
            std::mem::take(&mut self.absent_keys),
            std::mem::take(&mut self.group_number),
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
            self.hierarchy,
            self.prior_sources,
            self.absent_keys,
            self.group_number,
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

    pub(super) fn select(&mut self, select: &Select, ast: &Ast) -> Result<Query> {
        check_select(select)?;
        let set = self.group_set.take();
        if let (None, GroupByExpr::Expressions(group_by, _)) = (&set, &select.group_by)
            && let Some(sets) = grouping::sets(group_by)?
        {
            return self.select_by_sets(select, ast, sets);
        }
        let wants_addresses = std::mem::take(&mut self.wants_addresses);
        let (mut from, selection) = self.rows_of_select(select, ast)?;
        (self.aggregates_allowed, self.rownum_allowed) = (false, false);
        let (condition, row_limit) = self.where_clause(selection.as_deref())?;
        let group_by = grouping::plain_keys(select, set.as_ref())?;
        let keys = group_by.iter().map(|key| self.group_key(key)).collect::<Result<_>>()?;
        self.begin_groups(keys, set.as_ref())?;
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
        let mut order = if siblings(ast).is_some() { String::new() } else { self.order_by(ast, &outputs, distinct)? };
        if is_nesting && distinct {
            return Err(OraError::inconsistent("-", "CURSER"));
        }
        let aggregated = self.aggregates > 0 || !group_by.is_empty() || having.is_some() || set.is_some();
        if let (true, Some(place)) = (aggregated, self.bare_columns.first()) {
            let (code, text) = if group_by.is_empty() && set.is_none() {
                (937, "not a single-group group function")
            } else {
                (979, "not a GROUP BY expression")
            };
            return Err(OraError::new(code, text).at(*place));
        }
        let mut condition = condition.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        let limit = self.limit(ast)?;
        let hierarchy = self.hierarchy.take();
        from = hierarchy.as_ref().map_or(from, Hierarchy::text);
        let mut first_rows = String::new();
        if let Some(rows) = row_limit {
            if order.is_empty() && !distinct && !aggregated && limit.is_none() {
                first_rows = format!(" LIMIT {rows}");
            } else {
                from = self.limited_source(&from, &condition, &rows)?;
                condition.clear();
            }
        }
        if let (Some(hierarchy), true) = (&hierarchy, order.is_empty() && !distinct && !aggregated) {
            order = hierarchy.order();
        }
        let address = if wants_addresses && !aggregated && !distinct { self.address() } else { None };
        let list = outputs.iter().enumerate().map(|(index, (_, sql))| format!("{} AS o{index}", sql.text)).collect::<Vec<_>>().join(", ");
        let list = address.iter().fold(list, |list, (rowid, _)| format!("{list}, {rowid} AS {ADDRESS}"));
        let group = match (self.group_keys.as_slice(), &set) {
            ([], None) => String::new(),
            // The group of all rows, where there are any.
            ([], Some(_)) => " GROUP BY NULL".into(),
            (keys, _) => format!(" GROUP BY {}", keys.join(", ")),
        };
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
        Ok(Query { text, outputs, located, addressed: address.map(|(_, table)| table), is_aggregate: aggregated })
    }

    /// FROM with CONNECT BY, and what is left of WHERE.
    fn rows_of_select<'s>(&mut self, select: &'s Select, ast: &Ast) -> Result<(String, Option<Cow<'s, Expr>>)> {
        if siblings(ast).is_some() && select.connect_by.is_empty() {
            return Err(OraError::new(30929, "ORDER SIBLINGS BY clause not allowed here"));
        }
        // A condition may be a deep tree: it is copied where it has to be.
        let whole = select.selection.as_ref().map(Cow::Borrowed);
        if super::from::is_generator(select) {
            return Ok((self.generator(select)?, whole));
        }
        let (from, selection) = match self.plus_from(&select.from, select.selection.as_ref())? {
            Some((from, rest)) => (from, rest.map(Cow::Owned)),
            None => (self.from(&select.from)?, whole),
        };
        if select.connect_by.is_empty() {
            return Ok((from, selection));
        }
        let rest = self.begin_hierarchy(select, ast, &from, selection.map(Cow::into_owned))?;
        Ok((from, rest.map(Cow::Owned)))
    }

    /// The keys of the groups are known, and with them what the other sets have.
    fn begin_groups(&mut self, keys: Vec<String>, set: Option<&GroupSet>) -> Result<()> {
        if let Some(set) = set {
            let all = set.all.iter().map(|key| self.group_key(key)).collect::<Result<Vec<_>>>()?;
            self.absent_keys = all.into_iter().filter(|key| !keys.contains(key)).collect();
            self.group_number = set.number;
        }
        self.group_keys = keys;
        Ok(())
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
}
