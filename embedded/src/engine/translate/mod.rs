//! From Oracle's SQL to SQLite's: names are resolved, every expression gets an Oracle type, implicit conversions become calls of our functions.
//! Nothing is passed through as text: what is not known here is refused.

mod boolean;
mod call;
mod clauses;
mod condition;
mod convert;
mod datetime;
mod dml;
mod expression;
mod from;
mod function;
mod grouping;
mod hierarchy;
mod interval;
mod join_using;
mod json;
mod limit;
mod merge;
mod nested;
mod order;
mod plus_join;
mod query;
mod regexp;
mod sequence;
mod set;
mod set_columns;
mod subquery;
mod sys_context;
mod vector;
mod versions;
mod window;
mod with;

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlparser::ast::{Expr, Ident};

use super::catalog::{Catalog, Sequence, Table};
use super::dictionary::View;
use super::nls::Nls;
use super::release::Release;
use super::tokens::{normalise, offset_of};
use super::types::DataType;
use super::{ColumnInfo, DatumKind, OraError, Result, undo};

pub(crate) use dml::{Assigned, Cell, DmlPlan, InsertSource, ReturningPlan};
pub(crate) use hierarchy::SIBLINGS;
pub(crate) use merge::MergePlan;
pub(crate) use nested::Nested;
pub(crate) use query::{LobPlace, Query};

/// An expression in SQLite's SQL with its Oracle type.
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    pub text: String,
    pub data_type: DataType,
    pub nullable: bool,
    /// NULL by itself: takes on any type.
    pub is_null: bool,
    /// A text literal, which compares blank-padded as CHAR does.
    pub is_literal: bool,
    /// The rowid in SQLite and the table's number, for the pseudo-column ROWID.
    pub rowid: Option<(String, i64)>,
    /// What the rows of a CURSOR expression are.
    pub nested: Option<Arc<Nested>>,
}

impl Sql {
    pub fn new(text: impl Into<String>, data_type: DataType) -> Sql {
        Sql { text: text.into(), data_type, nullable: true, is_null: false, is_literal: false, rowid: None, nested: None }
    }

    pub fn null() -> Sql {
        Sql { is_null: true, ..Sql::new("NULL", DataType::varchar2(0)) }
    }
}

/// A column that expressions can name.
#[derive(Debug, Clone)]
pub(crate) struct ScopeColumn {
    pub name: String,
    pub sql: String,
    pub data_type: DataType,
    pub nullable: bool,
}

/// One row source of FROM.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub schema: Option<String>,
    /// Alias, or name of the table.
    pub name: Option<String>,
    pub columns: Vec<ScopeColumn>,
    pub rowid: Option<(String, i64)>,
}

/// What a statement is translated against.
pub(crate) struct Context<'a> {
    pub sql: &'a str,
    pub catalog: &'a Catalog,
    pub nls: &'a Nls,
    pub user: &'a str,
    pub schema: &'a str,
    pub bind_kinds: &'a [DatumKind],
    /// What the engine says it is: types and functions that came later are unknown.
    pub release: Release,
    /// What SYS_CONTEXT('USERENV', …) knows of the session besides.
    pub settings: &'a BTreeMap<String, String>,
    /// Variables of the block around the statement, the innermost last.
    pub locals: &'a [Local],
}

/// A variable of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Local {
    pub name: String,
    /// Its place among the binds, 1-based, after the block's own.
    pub place: usize,
    pub data_type: DataType,
}

/// What a plan needs before it runs.
#[derive(Default)]
pub(crate) struct Needs {
    /// Dictionary views to be filled.
    pub views: Vec<View>,
    /// Temporary tables, whose rows only the session's own connection has.
    pub temporary: Vec<Arc<Table>>,
    /// Sequences that it names.
    pub sequences: Vec<Arc<Sequence>>,
    /// Whether it asks for new numbers.
    pub takes_numbers: bool,
}

impl Needs {
    /// Whether only the session's own connection can run it.
    pub fn own_connection(&self) -> bool {
        !self.temporary.is_empty() || !self.sequences.is_empty()
    }
}

/// State of one translation.
pub(crate) struct Translator<'a> {
    pub context: Context<'a>,
    /// Row sources in sight: the innermost query's last.
    pub scopes: Vec<Vec<Source>>,
    /// What must be made ready before the statement runs.
    pub needs: Needs,
    /// Whether NEXTVAL and CURRVAL may stand here.
    pub nextval_allowed: bool,
    /// Sequences that the present row took a number of.
    numbers_taken: Vec<i64>,
    /// Queries around the expression being translated.
    query_depth: usize,
    /// Queries of WITH in sight, the innermost last.
    named_queries: Vec<from::NamedQuery>,
    /// SQL of LEVEL in a query with CONNECT BY.
    level: Option<String>,
    /// The hierarchical query being translated, after its clauses.
    hierarchy: Option<hierarchy::Hierarchy>,
    /// While CONNECT BY is translated: the sources that PRIOR means, and whether it was met.
    prior_sources: Option<(Vec<Source>, bool)>,
    next_source: usize,
    /// Views around the query being translated.
    view_depth: usize,
    /// Keys of GROUP BY as SQL; none outside an aggregate query.
    group_keys: Vec<String>,
    /// Keys of GROUP BY of the queries around this one, with the places of their scopes.
    outer_keys: Vec<(usize, Vec<String>)>,
    /// The set of keys that the query about to be translated is grouped by, where there are several.
    group_set: Option<grouping::GroupSet>,
    /// Keys that are none of the present set, and which of equal sets it is.
    absent_keys: Vec<String>,
    group_number: i64,
    /// Columns named outside aggregates and group keys, with their place.
    bare_columns: Vec<Option<usize>>,
    /// Aggregates met in the current query.
    aggregates: usize,
    aggregate_depth: usize,
    /// Whether aggregates may stand here.
    aggregates_allowed: bool,
    /// Whether ROWNUM may stand here as a value.
    rownum_allowed: bool,
    /// Columns of queries around the one being translated that it named: place of the scope, SQL and place in the text.
    outer_columns: Vec<(usize, String, Option<usize>)>,
    /// SQL of the columns named since this was last emptied.
    columns_met: Vec<String>,
    /// Alias of the table that DML changes.
    target_alias: Option<String>,
    /// SQL of the SCN that tables are read as of: that of the view around the query.
    as_of: Option<String>,
    /// The limits of VERSIONS BETWEEN behind the table being translated.
    between: Option<versions::Range>,
    /// Names in SQL of the sources whose rows are versions.
    versioned: Vec<String>,
    /// Levels of the expression being translated.
    depth: usize,
    /// Whether the expression being translated may be a CURSOR expression.
    cursor_allowed: bool,
    /// Whether the query being translated is that of a CURSOR expression.
    in_cursor: bool,
    /// Whether the query about to be translated is a source of rows, whose ROWIDs may be asked for.
    wants_addresses: bool,
}

impl<'a> Translator<'a> {
    pub fn new(context: Context<'a>) -> Translator<'a> {
        Translator {
            context,
            scopes: Vec::new(),
            needs: Needs::default(),
            nextval_allowed: false,
            wants_addresses: false,
            numbers_taken: Vec::new(),
            query_depth: 0,
            named_queries: Vec::new(),
            level: None,
            hierarchy: None,
            prior_sources: None,
            next_source: 0,
            view_depth: 0,
            group_keys: Vec::new(),
            outer_keys: Vec::new(),
            group_set: None,
            absent_keys: Vec::new(),
            group_number: 0,
            bare_columns: Vec::new(),
            aggregates: 0,
            aggregate_depth: 0,
            aggregates_allowed: false,
            rownum_allowed: false,
            outer_columns: Vec::new(),
            columns_met: Vec::new(),
            target_alias: None,
            as_of: None,
            between: None,
            versioned: Vec::new(),
            depth: 0,
            cursor_allowed: false,
            in_cursor: false,
        }
        .with_locals()
    }

    /// Variables are seen where no column has the name.
    fn with_locals(mut self) -> Translator<'a> {
        let mut columns: Vec<ScopeColumn> = Vec::new();
        for local in self.context.locals.iter().rev() {
            if !columns.iter().any(|column| column.name == local.name) {
                let sql = format!("?{}", local.place);
                columns.push(ScopeColumn { name: local.name.clone(), sql, data_type: local.data_type, nullable: true });
            }
        }
        if !columns.is_empty() {
            self.scopes.push(vec![Source { schema: None, name: None, columns, rowid: None }]);
        }
        self
    }

    /// Scopes around the statement.
    fn outer_scopes(&self) -> usize {
        usize::from(!self.context.locals.is_empty())
    }

    /// Puts a row of a table in sight, under a name of SQLite's SQL.
    pub fn show_row(&mut self, table: &Table, name: &str) {
        let source = self.table_source(table, None, name);
        self.scopes.push(vec![source]);
        self.columns_met.clear();
    }

    /// Columns named so far of the source that SQLite calls `name`.
    pub fn columns_of(&self, name: &str) -> Vec<usize> {
        let number = |text: &String| text.strip_prefix(name)?.strip_prefix(".c")?.parse().ok();
        let mut columns: Vec<usize> = self.columns_met.iter().filter_map(number).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    fn need_temporary(&mut self, table: &Arc<Table>) {
        if table.is_temporary() && !self.needs.temporary.iter().any(|known| known.id == table.id) {
            self.needs.temporary.push(Arc::clone(table));
        }
    }

    pub fn offset(&self, identifier: &Ident) -> Option<usize> {
        (identifier.span.start.line > 0).then(|| offset_of(self.context.sql, identifier.span.start))
    }

    /// A fresh name for a row source.
    fn source_name(&mut self) -> String {
        self.next_source += 1;
        format!("s{}", self.next_source - 1)
    }

    /// Resolves `[[schema.]source.]column`.
    fn column(&mut self, parts: &[Ident]) -> Result<Sql> {
        let names: Vec<String> = parts.iter().map(|part| normalise(&part.value, part.quote_style.is_some())).collect();
        let offset = parts.first().and_then(|part| self.offset(part));
        let (schema, source, column) = match names.as_slice() {
            [column] => (None, None, column),
            [source, column] => (None, Some(source), column),
            [schema, source, column] => (Some(schema), Some(source), column),
            _ => return Err(OraError::unsupported("a name of more than three parts").at(offset)),
        };
        let quoted = || names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(".");
        for (depth, scope) in self.scopes.iter().rev().enumerate() {
            let mut found = Vec::new();
            for item in scope {
                let fits = source.is_none_or(|source| item.name.as_ref() == Some(source))
                    && schema.is_none_or(|schema| item.schema.as_ref() == Some(schema));
                if !fits {
                    continue;
                }
                let rowscn = item.rowid.as_ref().filter(|_| column == "ORA_ROWSCN").and_then(|(rowid, _)| rowid.strip_suffix(".rid"));
                if let Some(column) = item.columns.iter().find(|candidate| candidate.name == *column) {
                    found.push(Sql { nullable: column.nullable, ..Sql::new(column.sql.clone(), column.data_type) });
                } else if let Some((rowid, table)) = item.rowid.as_ref().filter(|_| column == "ROWID") {
                    found.push(Sql {
                        nullable: false,
                        rowid: Some((rowid.clone(), *table)),
                        ..Sql::new(format!("o_rowid({table}, {rowid})"), DataType::Rowid)
                    });
                } else if let Some(source) = rowscn {
                    // NULL while the change is not committed.
                    let committed = format!("o_integer(CASE WHEN {source}.s <= {} THEN {source}.s END)", undo::CURRENT_SCN);
                    found.push(Sql::new(committed, DataType::NUMBER));
                } else if let Some(sql) = self.version_column(item, column) {
                    found.push(sql);
                }
            }
            if found.len() > 1 {
                return Err(OraError::new(918, "column ambiguously defined").at(offset));
            }
            if let Some(found) = found.pop() {
                if depth == 0 && self.aggregate_depth == 0 {
                    self.bare_columns.push(offset);
                }
                if depth > 0 {
                    self.outer_columns.push((self.scopes.len() - 1 - depth, found.text.clone(), offset));
                }
                self.columns_met.push(found.text.clone());
                return Ok(found);
            }
        }
        Err(OraError::invalid_identifier(quoted()).at(offset))
    }
}

/// The columns of a translated SELECT list as a client describes them.
pub(crate) fn describe(outputs: &[(String, Sql)]) -> Vec<ColumnInfo> {
    // Only a column of a table is known never to be NULL.
    let is_column = |sql: &Sql| !sql.text.contains(['(', ' ', '?', '\'']);
    let column = |(name, sql): &(String, Sql)| ColumnInfo {
        name: name.clone(),
        data_type: sql.data_type,
        nullable: sql.nullable || !is_column(sql),
    };
    outputs.iter().map(column).collect()
}

/// Text as an SQLite literal.
pub(crate) fn text_literal(text: &str) -> String {
    if text.is_empty() {
        "NULL".into()
    } else if text.contains('\0') {
        format!("CAST(x'{}' AS TEXT)", super::value::hex(text.as_bytes()))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Bytes as an SQLite literal.
pub(crate) fn blob_literal(bytes: &[u8]) -> String {
    format!("x'{}'", super::value::hex(bytes))
}

/// Strips parentheses.
fn unnested(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => unnested(inner),
        other => other,
    }
}
