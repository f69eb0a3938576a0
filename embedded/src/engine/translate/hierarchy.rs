//! Hierarchical queries: `START WITH … CONNECT BY PRIOR …` as a recursive WITH of SQLite.
//!
//! The rows of FROM, joined by the conditions of WHERE that name several of its sources, are numbered as siblings are ordered. A row's path is made of the
//! numbers from its root on, so that rows sorted by their paths come as Oracle gives them, and a row that is in its own path is a loop.

use sqlparser::ast::{BinaryOperator as Op, ConnectByKind, Expr, OrderByExpr, OrderByKind, Query as Ast, Select, SelectItem, Value};

use super::super::tokens::normalise;
use super::super::types::DataType;
use super::super::{OraError, Result};
use super::condition::{balanced, split};
use super::plus_join::sources_in;
use super::{ScopeColumn, Source, Sql, Translator, unnested};

/// The first key of ORDER SIBLINGS BY, which the parser knows as ORDER BY.
pub(crate) const SIBLINGS: &str = "ORDER SIBLINGS BY";

/// What a row that is tested and its parent are called.
const CHILD: &str = "c";
const PARENT: &str = "p";

/// A value that comes down from parent to child.
struct Inherited {
    /// What tells it from others.
    key: String,
    /// Of a root, in terms of the child.
    root: String,
    /// Of any other, in terms of both.
    next: String,
}

/// A hierarchical query whose SELECT list is being translated.
pub(crate) struct Hierarchy {
    /// What SQLite calls its rows.
    name: String,
    base: String,
    start: Option<String>,
    connect: String,
    has_prior: bool,
    is_nocycle: bool,
    sources: Vec<Source>,
    inherited: Vec<Inherited>,
    wants_leaf: bool,
    wants_cycle: bool,
}

/// The keys of ORDER SIBLINGS BY.
pub(super) fn siblings(ast: &Ast) -> Option<&[OrderByExpr]> {
    let OrderByKind::Expressions(items) = &ast.order_by.as_ref()?.kind else { return None };
    let (first, rest) = items.split_first()?;
    matches!(&first.expr, Expr::Identifier(name) if name.quote_style.is_some() && name.value == SIBLINGS).then_some(rest)
}

/// The sources with columns of the rows that are called `name`.
fn renamed(sources: &[Source], name: &str) -> Vec<Source> {
    let mut place = 0;
    let mut column = |column: &ScopeColumn| {
        place += 1;
        ScopeColumn { sql: format!("{name}.b{}", place - 1), ..column.clone() }
    };
    let mut made = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let rowid = source.rowid.as_ref().map(|(_, table)| (format!("{name}.r{index}"), *table));
        made.push(Source { columns: source.columns.iter().map(&mut column).collect(), rowid, ..source.clone() });
    }
    made
}

impl Hierarchy {
    /// SQL of its rows, as a source of FROM.
    pub fn text(&self) -> String {
        let Hierarchy { name, base, connect, .. } = self;
        let number = "'/' || printf('%012d', c.n)";
        let in_path = format!("instr(p.path || '/', {number} || '/') > 0");
        let list = |value: fn(&Inherited) -> &String| {
            self.inherited.iter().enumerate().map(|(index, item)| format!(", {} AS e{index}", value(item))).collect::<String>()
        };
        let start = self.start.as_ref().map(|start| format!(" WHERE {start}")).unwrap_or_default();
        let no_loop = match (self.has_prior, self.is_nocycle) {
            (false, _) => String::new(),
            (true, true) => format!(" AND NOT {in_path}"),
            (true, false) => format!(
                " AND CASE WHEN {in_path} THEN CASE WHEN {connect} THEN o_fail('ORA-01436: CONNECT BY loop in user data') ELSE 0 END ELSE 1 END"
            ),
        };
        let mut flags = String::new();
        if self.wants_leaf {
            let other = if self.is_nocycle { format!(" AND NOT {in_path}") } else { String::new() };
            flags.push_str(&format!(", NOT EXISTS (SELECT 1 FROM b AS c WHERE {connect}{other}) AS leaf"));
        }
        if self.wants_cycle {
            flags.push_str(&format!(", EXISTS (SELECT 1 FROM b AS c WHERE {connect} AND {in_path}) AS cyc"));
        }
        format!(
            "(WITH RECURSIVE b AS MATERIALIZED ({base}), h AS (SELECT 1 AS l, {number} AS path, c.*{} FROM b AS c{start} \
             UNION ALL SELECT p.l + 1, p.path || {number}, c.*{} FROM h AS p JOIN b AS c ON {connect}{no_loop}) \
             SELECT p.*{flags} FROM h AS p ORDER BY p.path) AS {name}",
            list(|item| &item.root),
            list(|item| &item.next)
        )
    }

    /// ORDER BY of the rows as Oracle gives them.
    pub fn order(&self) -> String {
        format!(" ORDER BY {}.path", self.name)
    }
}

impl Translator<'_> {
    /// Begins a hierarchical query whose FROM is translated; what is left of WHERE.
    pub(super) fn begin_hierarchy(&mut self, select: &Select, ast: &Ast, from: &str, selection: Option<Expr>) -> Result<Option<Expr>> {
        let (mut start, mut connect) = (None, None);
        for clause in &select.connect_by {
            match clause {
                ConnectByKind::StartWith { condition, .. } if start.is_none() => start = Some(condition.as_ref()),
                ConnectByKind::ConnectBy { nocycle, relationships, .. } if connect.is_none() => connect = Some((*nocycle, relationships)),
                _ => return Err(OraError::new(933, "SQL command not properly ended")),
            }
        }
        let Some((is_nocycle, relationships)) = connect else {
            return Err(OraError::new(1788, "CONNECT BY clause required in this query block"));
        };
        let [relationship] = relationships.as_slice() else { return Err(OraError::new(933, "SQL command not properly ended")) };
        let sources = self.scopes.last().cloned().unwrap_or_default();
        let (joins, rest) = self.join_conditions(select, selection)?;
        let base = self.hierarchy_base(select, ast, from, &sources, &joins)?;
        let name = self.source_name();
        let start = start.map(|start| self.seen_as(&sources, CHILD, Some("1"), |this| this.condition(start))).transpose()?;
        self.prior_sources = Some((sources.clone(), false));
        let connect = self.seen_as(&sources, CHILD, Some("(p.l + 1)"), |this| this.condition(relationship));
        let has_prior = self.prior_sources.take().is_some_and(|(_, used)| used);
        let (wants_leaf, wants_cycle) = (false, false);
        if let Some(scope) = self.scopes.last_mut() {
            *scope = renamed(&sources, &name);
        }
        self.level = Some(format!("{name}.l"));
        let connect = format!("({})", connect?);
        self.hierarchy =
            Some(Hierarchy { name, base, start, connect, has_prior, is_nocycle, sources, inherited: Vec::new(), wants_leaf, wants_cycle });
        self.bare_columns.clear();
        Ok(rest)
    }

    /// Conditions of WHERE that join several sources of FROM, and the others: those are tested when the hierarchy is there.
    fn join_conditions(&mut self, select: &Select, selection: Option<Expr>) -> Result<(Vec<String>, Option<Expr>)> {
        let Some(selection) = selection else { return Ok((Vec::new(), None)) };
        if select.from.len() < 2 {
            return Ok((Vec::new(), Some(selection)));
        }
        let row_name = |source: &Source| source.columns.first().and_then(|column| Some(column.sql.split_once('.')?.0.to_owned()));
        let names: Vec<String> = self.scopes.last().into_iter().flatten().filter_map(row_name).collect();
        let (mut conjuncts, mut joins, mut rest) = (Vec::new(), Vec::new(), None);
        split(&selection, &Op::And, &mut conjuncts);
        for conjunct in conjuncts {
            let mentions_level = conjunct.to_string().to_uppercase().contains("LEVEL");
            let condition = if mentions_level { String::new() } else { self.condition(conjunct)? };
            if sources_in(&condition, &names).len() > 1 {
                joins.push(condition);
                continue;
            }
            let conjunct = conjunct.clone();
            rest = Some(match rest {
                None => conjunct,
                Some(rest) => Expr::BinaryOp { left: Box::new(rest), op: Op::And, right: Box::new(conjunct) },
            });
        }
        Ok((joins, rest))
    }

    /// The rows of FROM with their numbers.
    fn hierarchy_base(&mut self, select: &Select, ast: &Ast, from: &str, sources: &[Source], joins: &[String]) -> Result<String> {
        let keys = siblings(ast).unwrap_or_default();
        let mut order = Vec::new();
        for key in keys {
            let expr = selected(select, &key.expr).unwrap_or(&key.expr).clone();
            order.push(self.order_key(&OrderByExpr { expr, ..key.clone() }, &[], false)?);
        }
        let order = if order.is_empty() { String::new() } else { format!("ORDER BY {}", order.join(", ")) };
        let columns = sources.iter().flat_map(|source| &source.columns).enumerate();
        let columns: String = columns.map(|(index, column)| format!(", {} AS b{index}", column.sql)).collect();
        let rowid = |(index, source): (usize, &Source)| source.rowid.as_ref().map(|(rowid, _)| format!(", {rowid} AS r{index}"));
        let rowids: String = sources.iter().enumerate().filter_map(rowid).collect();
        let condition = if joins.is_empty() { String::new() } else { format!(" WHERE {}", balanced(joins, "AND")) };
        Ok(format!("SELECT row_number() OVER ({order}) AS n{columns}{rowids} FROM {from}{condition}"))
    }

    /// Translates something as of the rows called `name`.
    fn seen_as<T>(&mut self, sources: &[Source], name: &str, level: Option<&str>, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let scope = self.scopes.last_mut().map(|scope| std::mem::replace(scope, renamed(sources, name)));
        let level = std::mem::replace(&mut self.level, level.map(str::to_owned));
        let result = work(self);
        self.level = level;
        if let (Some(scope), Some(last)) = (scope, self.scopes.last_mut()) {
            *last = scope;
        }
        result
    }

    /// PRIOR, CONNECT_BY_ROOT and SYS_CONNECT_BY_PATH; none for any other function.
    pub(super) fn hierarchical(&mut self, name: &str, arguments: &[Expr]) -> Result<Option<Sql>> {
        match (name, arguments) {
            ("O$PRIOR", [expr]) => self.prior(expr).map(Some),
            ("O$ROOT", [expr]) => {
                let hierarchy = self.taken_hierarchy()?;
                let value = self.seen_as(&hierarchy.sources, CHILD, Some("1"), |this| this.value(expr));
                let place = hierarchy.inherited.len();
                let value =
                    self.inherit(hierarchy, value, |value| (format!("root {}", value.text), value.text.clone(), format!("p.e{place}")))?;
                Ok(Some(value))
            }
            ("SYS_CONNECT_BY_PATH", [expr, separator]) => {
                let Expr::Value(literal) = unnested(separator) else {
                    return Err(OraError::new(30003, "illegal parameter in SYS_CONNECT_BY_PATH function"));
                };
                let (Value::SingleQuotedString(_), Sql { text: separator, .. }) = (&literal.value, self.value(separator)?) else {
                    return Err(OraError::new(30003, "illegal parameter in SYS_CONNECT_BY_PATH function"));
                };
                let hierarchy = self.taken_hierarchy()?;
                let value = self.seen_as(&hierarchy.sources, CHILD, None, |this| {
                    let value = this.value(expr)?;
                    this.text_of(value)
                });
                let place = hierarchy.inherited.len();
                let fail = "o_fail('ORA-30004: when using SYS_CONNECT_BY_PATH function, cannot have separator as part of column value')";
                let value = self.inherit(hierarchy, value, |value| {
                    let text = &value.text;
                    let step = format!("{separator} || CASE WHEN instr({text}, {separator}) THEN {fail} ELSE coalesce({text}, '') END");
                    (format!("path {step}"), step.clone(), format!("p.e{place} || {step}"))
                })?;
                Ok(Some(Sql { data_type: DataType::varchar2(4000), ..value }))
            }
            ("O$PRIOR" | "O$ROOT" | "SYS_CONNECT_BY_PATH", _) => Err(OraError::new(909, "invalid number of arguments")),
            _ => Ok(None),
        }
    }

    fn prior(&mut self, expr: &Expr) -> Result<Sql> {
        // In CONNECT BY the parent is at hand; elsewhere its value comes down to the row.
        if let Some((sources, used)) = &mut self.prior_sources {
            *used = true;
            let sources = sources.clone();
            return self.seen_as(&sources, PARENT, Some("p.l"), |this| this.value(expr));
        }
        let hierarchy = self.taken_hierarchy()?;
        let value = self.seen_as(&hierarchy.sources, PARENT, Some("p.l"), |this| this.value(expr));
        let value = self.inherit(hierarchy, value, |value| (format!("prior {}", value.text), "NULL".into(), value.text.clone()))?;
        Ok(Sql { nullable: true, ..value })
    }

    fn taken_hierarchy(&mut self) -> Result<Hierarchy> {
        self.hierarchy.take().ok_or_else(|| OraError::new(1788, "CONNECT BY clause required in this query block"))
    }

    /// Puts a value that comes down from the parent into the hierarchy, which was taken.
    fn inherit(
        &mut self,
        mut hierarchy: Hierarchy,
        value: Result<Sql>,
        texts: impl FnOnce(&Sql) -> (String, String, String),
    ) -> Result<Sql> {
        let made = value.map(|value| {
            let (key, root, next) = texts(&value);
            let known = hierarchy.inherited.iter().position(|item| item.key == key);
            let place = known.unwrap_or(hierarchy.inherited.len());
            if known.is_none() {
                hierarchy.inherited.push(Inherited { key, root, next });
            }
            Sql { nullable: value.nullable, ..Sql::new(format!("{}.e{place}", hierarchy.name), value.data_type) }
        });
        self.hierarchy = Some(hierarchy);
        if self.aggregate_depth == 0 {
            self.bare_columns.push(None);
        }
        made
    }

    /// CONNECT_BY_ISLEAF and CONNECT_BY_ISCYCLE.
    pub(super) fn hierarchy_flag(&mut self, name: &str) -> Result<Option<Sql>> {
        let Some(hierarchy) = self.hierarchy.as_mut() else { return Ok(None) };
        let column = match name {
            "CONNECT_BY_ISLEAF" => {
                hierarchy.wants_leaf = true;
                "leaf"
            }
            "CONNECT_BY_ISCYCLE" if !hierarchy.is_nocycle => {
                return Err(OraError::new(30930, "NOCYCLE keyword is required with CONNECT_BY_ISCYCLE pseudocolumn"));
            }
            "CONNECT_BY_ISCYCLE" => {
                hierarchy.wants_cycle = true;
                "cyc"
            }
            _ => return Ok(None),
        };
        Ok(Some(Sql::new(format!("o_integer({}.{column})", hierarchy.name), DataType::NUMBER)))
    }
}

/// The expression of the SELECT list that a key of ORDER BY names by its alias or its place.
fn selected<'s>(select: &'s Select, key: &Expr) -> Option<&'s Expr> {
    let expr = |item: &'s SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    };
    match unnested(key) {
        Expr::Identifier(name) => {
            let name = normalise(&name.value, name.quote_style.is_some());
            let has_it = |item: &&SelectItem| matches!(item, SelectItem::ExprWithAlias { alias, .. } if normalise(&alias.value, alias.quote_style.is_some()) == name);
            select.projection.iter().find(has_it).and_then(expr)
        }
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => select.projection.get(text.parse::<usize>().ok()?.checked_sub(1)?).and_then(expr),
            _ => None,
        },
        _ => None,
    }
}
