//! FROM: tables, views of the dictionary, subqueries, WITH and row generators.

use sqlparser::ast::{ConnectByKind, Expr, JoinConstraint, JoinOperator, Select, TableAlias, TableFactor, TableVersion, TableWithJoins};

use super::super::catalog::{Column, Table, ViewDef};
use super::super::dictionary::{self, View};
use super::super::parse;
use super::super::tokens::{normalise, tokenise};
use super::super::types::{DataType, Family};
use super::super::{OraError, Result, undo};
use super::clauses::{QueriedTable, alias_name, check_join, queried_table};
use super::query::Query;
use super::{Context, ScopeColumn, Source, Sql, Translator};

/// LEVEL of the row that a generator is about to make.
pub(super) const NEXT_LEVEL: &str = "(g.l + 1)";

/// Hidden column of a subquery of FROM: the row of the one table that it reads.
pub(super) const ADDRESS: &str = "oa";

/// A query of WITH that later ones can name.
#[derive(Debug, Clone)]
pub(crate) struct NamedQuery {
    pub name: String,
    /// Its name in SQL of SQLite; none while it is being translated.
    pub text_name: Option<String>,
    pub columns: Vec<(String, Sql)>,
    /// How deep its own recursive member is, while that is being translated.
    pub recursive_at: Option<usize>,
}

impl Translator<'_> {
    pub(super) fn from(&mut self, from: &[TableWithJoins]) -> Result<String> {
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
                    JoinConstraint::Using(names) => part.push_str(&self.join_using(Some(names.as_slice()), words, first, joined)?),
                    JoinConstraint::Natural => part.push_str(&self.join_using(None, words, first, joined)?),
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
                let QueriedTable { name: table, alias, version, sample } = queried_table(factor)?;
                let outer = self.as_of.clone();
                if let Some(version) = version {
                    self.between = self.versions_between(version)?;
                    if self.between.is_none() {
                        self.as_of = Some(self.version_scn(version)?);
                    }
                }
                let source = self.named_source(table, alias, name);
                (self.as_of, self.between) = (outer, None);
                match sample {
                    Some(percent) => self.sampled(&source?, name, percent),
                    None => source,
                }
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                self.wants_addresses = true;
                let query = self.query(subquery)?;
                let source = self.derived(&query, alias.as_ref(), name)?;
                self.add_source(source);
                Ok(format!("({}) AS {name}", query.text))
            }
            other => Err(OraError::unsupported(format_args!("{other} in FROM"))),
        }
    }

    /// About so many rows in a hundred of a source. Rows, also where Oracle would take blocks: they are as good a sample.
    fn sampled(&mut self, source: &str, name: &str, percent: &Expr) -> Result<String> {
        let percent = self.value(percent)?.into_number()?.text;
        Ok(format!("(SELECT * FROM {source} WHERE (random() & 1048575) < o_sample({percent})) AS {name}"))
    }

    /// SQL of the SCN that a flashback clause names.
    fn version_scn(&mut self, version: &TableVersion) -> Result<String> {
        // The clause stands before the table is in sight.
        match version {
            TableVersion::ForSystemTimeAsOf(scn) => Ok(self.value(scn)?.into_number()?.text),
            TableVersion::TimestampAsOf(time) => {
                let time = self.value(time)?;
                Ok(undo::scn_at(&self.time_us(time)?))
            }
            other => Err(OraError::unsupported(format_args!("{other}"))),
        }
    }

    /// SQL of the microseconds since 1970 of a moment.
    pub(super) fn time_us(&self, time: Sql) -> Result<String> {
        Ok(format!("o_unix_us({})", self.datetime_of(time, Family::TimestampLtz)?.text))
    }

    /// A view: its query, translated as its owner sees it and with nothing of the statement around it in sight.
    fn view_source(&mut self, view: &ViewDef, owner: &str, name: String, source: &str) -> Result<String> {
        if self.view_depth >= 32 {
            return Err(OraError::new(1731, "circular view definition encountered"));
        }
        let (ast, _) = parse::dml(&view.text, tokenise(&view.text)?)?;
        let sqlparser::ast::Statement::Query(ast) = ast else {
            return Err(OraError::internal("text of a view"));
        };
        let (catalog, nls, user, settings) = (self.context.catalog, self.context.nls, self.context.user, self.context.settings);
        let context = Context {
            sql: &view.text,
            catalog,
            nls,
            user,
            schema: owner,
            bind_kinds: &[],
            release: self.context.release,
            settings,
            locals: &[],
        };
        let mut inner = Translator::new(context);
        inner.next_source = self.next_source;
        inner.view_depth = self.view_depth + 1;
        inner.as_of.clone_from(&self.as_of);
        inner.wants_addresses = true;
        let mut query = inner.query(&ast)?;
        self.next_source = inner.next_source;
        for view in inner.needs.views {
            self.add_view(view);
        }
        inner.needs.temporary.iter().for_each(|table| self.need_temporary(table));
        for (output, name) in query.outputs.iter_mut().zip(&view.columns) {
            output.0.clone_from(name);
        }
        let made = Source { schema: Some(owner.to_owned()), name: Some(name), ..self.derived(&query, None, source)? };
        self.add_source(made);
        Ok(format!("({}) AS {source}", query.text))
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
        let rowid = query.addressed.map(|table| (format!("{name}.{ADDRESS}"), table));
        Ok(Source { schema: None, name: alias.map(alias_name).transpose()?, columns, rowid })
    }

    fn add_view(&mut self, view: View) {
        if !self.needs.views.iter().any(|known| known.name() == view.name()) {
            self.needs.views.push(view);
        }
    }

    pub(super) fn add_source(&mut self, source: Source) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(source);
        }
    }

    /// The rows of a query over one table are addressed as the table's.
    pub(super) fn address(&self) -> Option<(String, i64)> {
        match self.scopes.last().map(Vec::as_slice) {
            Some([source]) => source.rowid.clone(),
            _ => None,
        }
    }

    /// A table, a dictionary view or DUAL.
    pub fn named_source(&mut self, table: &sqlparser::ast::ObjectName, alias: Option<String>, name: &str) -> Result<String> {
        let (schema, object, offset) = self.object_name(table)?;
        let owner = schema.clone().unwrap_or_else(|| self.context.schema.to_owned());
        if schema.is_none()
            && let Some(named) = self.named_queries.iter().rev().find(|named| named.name == object)
        {
            self.refuse_versions(offset)?;
            let Some(text_name) = named.text_name.clone() else {
                return Err(OraError::unsupported("a recursive WITH").at(offset));
            };
            if named.recursive_at.is_some_and(|depth| depth != self.query_depth) {
                return Err(OraError::unsupported("a recursive WITH that a subquery of itself names").at(offset));
            }
            let query = Query::new(String::new(), named.columns.clone());
            let source = Source { name: Some(alias.unwrap_or(object)), ..self.derived(&query, None, name)? };
            self.add_source(source);
            return Ok(format!("{text_name} AS {name}"));
        }
        if let Some(table) = self.context.catalog.table(&owner, &object).cloned() {
            let table = &table;
            self.need_temporary(table);
            if self.as_of.is_some() && table.is_temporary() {
                return Err(OraError::new(8198, "Flashback query is not supported on temporary tables").at(offset));
            }
            if table.is_temporary() {
                self.refuse_versions(offset)?;
            }
            let source = self.table_source(table, alias, name);
            let rows = self.rows_of(table, name);
            self.add_source(source);
            return Ok(format!("{rows} AS {name}"));
        }
        if let Some(view) = self.context.catalog.view(&owner, &object).cloned() {
            self.refuse_versions(offset)?;
            return self.view_source(&view, &owner, alias.unwrap_or(object), name).map_err(|error| OraError { offset: None, ..error });
        }
        if schema.as_deref().is_none_or(|schema| matches!(schema, "SYS" | "PUBLIC")) {
            if object == "DUAL" {
                self.refuse_versions(offset)?;
                let column =
                    ScopeColumn { name: "DUMMY".into(), sql: format!("{name}.c0"), data_type: DataType::varchar2(1), nullable: true };
                self.add_source(Source { schema, name: Some(alias.unwrap_or(object)), columns: vec![column], rowid: None });
                return Ok(format!("(SELECT 'X' AS c0) AS {name}"));
            }
            if let Some(view) = dictionary::find(&object) {
                self.refuse_versions(offset)?;
                if self.as_of.is_some() {
                    return Err(OraError::unsupported("AS OF of a view of the dictionary").at(offset));
                }
                let columns = view
                    .columns()
                    .map(|(index, column, data_type)| ScopeColumn {
                        name: column.to_owned(),
                        sql: format!("{name}.c{index}"),
                        data_type,
                        nullable: true,
                    })
                    .collect();
                self.add_view(view);
                self.add_source(Source { schema, name: Some(alias.unwrap_or(object)), columns, rowid: None });
                return Ok(format!("temp.\"{}\" AS {name}", view.name()));
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
            rowid: Some((format!("{name}.rid"), table.data_id)),
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

    /// `FROM dual CONNECT BY condition`: a row for each level as long as the condition holds; the first one always.
    pub(super) fn generator(&mut self, select: &Select) -> Result<String> {
        let [ConnectByKind::ConnectBy { relationships, .. }] = select.connect_by.as_slice() else {
            return Err(OraError::internal("row generator"));
        };
        let inner = self.from(&select.from)?;
        let name = inner.rsplit_once(" AS ").map(|(_, name)| name.to_owned()).ok_or_else(|| OraError::internal("name of DUAL"))?;
        self.level = Some(NEXT_LEVEL.into());
        let conditions = relationships.iter().map(|condition| self.condition(condition)).collect::<Result<Vec<_>>>()?;
        let conditions = conditions.join(" AND ").replace(&format!("{name}.c0"), "'X'");
        self.level = Some(format!("{name}.l"));
        Ok(format!(
            "(WITH RECURSIVE g(l) AS (SELECT 1 UNION ALL SELECT l + 1 FROM g WHERE {conditions}) SELECT 'X' AS c0, l FROM g) AS {name}"
        ))
    }
}

/// Whether a SELECT makes rows out of DUAL.
pub(super) fn is_generator(select: &Select) -> bool {
    let [ConnectByKind::ConnectBy { relationships, .. }] = select.connect_by.as_slice() else { return false };
    let is_plain = relationships.iter().all(|condition| !condition.to_string().to_lowercase().contains("o$prior("));
    match select.from.as_slice() {
        [TableWithJoins { relation: TableFactor::Table { name, .. }, joins }] if joins.is_empty() && is_plain => {
            name.to_string().trim_start_matches("SYS.").trim_start_matches("sys.").eq_ignore_ascii_case("dual")
        }
        _ => false,
    }
}
