//! MERGE INTO t USING source ON (condition) WHEN MATCHED … WHEN NOT MATCHED …

use std::sync::Arc;

use sqlparser::ast::{
    Merge, MergeAction, MergeClauseKind, MergeInsertExpr, MergeInsertKind, MergeUpdateExpr, MergeUpdateKind, TableFactor, TableWithJoins,
};

use super::super::catalog::Table;
use super::super::{OraError, Result};
use super::dml::count_matches;
use super::{Assigned, Cell, Source, Translator};

/// How to run a MERGE. `rows` selects the target's rowid (NULL where nothing matches), whether to update, whether to insert, the outputs
/// of both, and then, if rows may be deleted, the source's columns.
#[derive(Debug, Clone)]
pub(crate) struct MergePlan {
    pub table: Arc<Table>,
    pub rows: String,
    pub update: Option<MergeUpdate>,
    /// One cell per column of the table.
    pub insert: Option<Vec<Cell>>,
    /// Index of the source's first column in `rows`.
    pub first_source_output: usize,
}

/// WHEN MATCHED.
#[derive(Debug, Clone)]
pub(crate) struct MergeUpdate {
    pub assigned: Vec<Assigned>,
    /// A query that has a row when the updated row is to be deleted. Its binds: the statement's, the rowid, the source's columns.
    pub delete_test: Option<String>,
}

impl MergePlan {
    /// Whether it has DELETE WHERE.
    pub fn deletes(&self) -> bool {
        self.update.as_ref().is_some_and(|update| update.delete_test.is_some())
    }
}

/// The clauses that a MERGE may have, once each.
#[derive(Default)]
struct Clauses<'e> {
    update: Option<&'e MergeUpdateExpr>,
    insert: Option<&'e MergeInsertExpr>,
}

fn clauses(merge: &Merge) -> Result<Clauses<'_>> {
    let mut found = Clauses::default();
    for clause in &merge.clauses {
        if clause.predicate.is_some() {
            return Err(OraError::new(905, "missing keyword"));
        }
        match (&clause.clause_kind, &clause.action) {
            (MergeClauseKind::Matched, MergeAction::Update(update)) if found.update.is_none() => found.update = Some(update),
            (MergeClauseKind::NotMatched, MergeAction::Insert(insert)) if found.insert.is_none() => found.insert = Some(insert),
            _ => return Err(OraError::new(905, "missing keyword")),
        }
    }
    if merge.clauses.is_empty() { Err(OraError::new(905, "missing keyword")) } else { Ok(found) }
}

impl Translator<'_> {
    /// MERGE.
    pub fn merge(&mut self, merge: &Merge) -> Result<MergePlan> {
        if merge.output.is_some() {
            return Err(OraError::unsupported("RETURNING in MERGE"));
        }
        let clauses = clauses(merge)?;
        let target = TableWithJoins { relation: merge.table.clone(), joins: Vec::new() };
        let (table, target_from) = self.target_source(&target)?;
        let source_from = self.merge_source(&merge.source)?;
        self.columns_met.clear();
        let on = self.condition(&merge.on)?;
        let met = std::mem::take(&mut self.columns_met);

        let mut texts = vec!["s0.rid".to_owned(), "0".to_owned(), "0".to_owned()];
        let update = clauses.update.map(|update| self.merge_update(&table, update, &met, &mut texts)).transpose()?;
        let (source, target) = self.merge_scopes()?;
        let insert = clauses.insert.map(|insert| self.merge_insert(&table, insert, &target, &mut texts)).transpose()?;
        let first_source_output = texts.len();
        if update.as_ref().is_some_and(|update| update.delete_test.is_some()) {
            texts.extend(source_columns(&source));
        }
        let join = if insert.is_some() { "LEFT JOIN" } else { "JOIN" };
        let rows = format!("SELECT {} FROM {source_from} {join} {target_from} ON {on}", texts.join(", "));
        Ok(MergePlan { table, rows, update, insert, first_source_output })
    }

    /// The source; where it is a row of binds, its columns are the binds themselves.
    fn merge_source(&mut self, factor: &TableFactor) -> Result<String> {
        // The target is not in sight of a subquery here.
        let target = self.scopes.last_mut().map(std::mem::take).unwrap_or_default();
        let name = self.source_name();
        let from = match factor {
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let query = self.query(subquery)?;
                let mut source = self.derived(&query, alias.as_ref(), &name)?;
                for (column, (_, sql)) in source.columns.iter_mut().zip(&query.outputs) {
                    if is_bind(&sql.text) {
                        column.sql.clone_from(&sql.text);
                    }
                }
                self.add_source(source);
                format!("({}) AS {name}", query.text)
            }
            factor => self.source_named(factor, &name)?,
        };
        if let Some(scope) = self.scopes.last_mut() {
            let source = std::mem::replace(scope, target);
            scope.extend(source);
        }
        Ok(from)
    }

    /// Source and target, as they are in sight.
    fn merge_scopes(&self) -> Result<(Source, Source)> {
        match self.scopes.last().map(Vec::as_slice) {
            Some([target, source]) => Ok((source.clone(), target.clone())),
            _ => Err(OraError::internal("sources of MERGE")),
        }
    }

    fn merge_update(
        &mut self,
        table: &Arc<Table>,
        update: &MergeUpdateExpr,
        met: &[String],
        texts: &mut Vec<String>,
    ) -> Result<MergeUpdate> {
        let MergeUpdateKind::Set(assignments) = &update.kind else {
            return Err(OraError::new(904, ": invalid identifier"));
        };
        let condition = update.update_predicate.as_ref().map(|condition| self.condition(condition)).transpose()?;
        let condition = condition.map_or("s0.rid IS NOT NULL".to_owned(), |condition| format!("s0.rid IS NOT NULL AND {condition}"));
        texts[1] = format!("({condition}) IS TRUE");
        let first = texts.len();
        let assigned = self.assignments(table, assignments, texts)?;
        guard(&mut texts[first..], &condition);
        let name = self.scopes.last().and_then(|scope| scope.first()).and_then(|source| source.name.clone()).unwrap_or_default();
        if let Some((index, _)) = assigned.iter().find(|(index, _)| met.contains(&format!("s0.c{index}"))) {
            let column = &table.columns[*index].name;
            return Err(OraError::new(
                38104,
                format_args!("Columns referenced in the ON Clause cannot be updated: \"{name}\".\"{column}\""),
            ));
        }
        let delete_test = match &update.delete_predicate {
            None => None,
            Some(condition) => {
                let condition = self.condition(condition)?;
                let (source, _) = self.merge_scopes()?;
                let first = self.context.bind_kinds.len() + 1;
                let columns = source_columns(&source)
                    .enumerate()
                    .map(|(index, column)| {
                        let name = column.rsplit('.').next().unwrap_or(&column).to_owned();
                        format!("?{} AS {name}", first + 1 + index)
                    })
                    .collect::<Vec<_>>();
                let columns = if columns.is_empty() { "1".to_owned() } else { columns.join(", ") };
                Some(format!(
                    "SELECT 1 FROM {} AS s0, (SELECT {columns}) AS s1 WHERE s0.rid = ?{first} AND {condition}",
                    table.storage_name()
                ))
            }
        };
        Ok(MergeUpdate { assigned, delete_test })
    }

    fn merge_insert(
        &mut self,
        table: &Arc<Table>,
        insert: &MergeInsertExpr,
        target: &Source,
        texts: &mut Vec<String>,
    ) -> Result<Vec<Cell>> {
        let MergeInsertKind::Values(values) = &insert.kind else {
            return Err(OraError::new(926, "missing VALUES keyword"));
        };
        let [row] = values.rows.as_slice() else {
            return Err(OraError::unsupported("VALUES of several rows"));
        };
        let row = &row.content;
        let columns = self.insert_columns(table, &insert.columns)?;
        count_matches(row.len(), columns.len())?;
        // The target's columns have no values here.
        if let Some(scope) = self.scopes.last_mut() {
            scope.remove(0);
        }
        let first = texts.len();
        let mut cells = Vec::new();
        let result = self.value_cells(table, &columns, row, texts).and_then(|made| {
            cells = made;
            insert.insert_predicate.as_ref().map(|condition| self.condition(condition)).transpose()
        });
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(0, target.clone());
        }
        let condition = result.map_err(|error| not_in_source(error, target))?;
        let condition = condition.map_or("s0.rid IS NULL".to_owned(), |condition| format!("s0.rid IS NULL AND {condition}"));
        texts[2] = format!("({condition}) IS TRUE");
        guard(&mut texts[first..], &condition);
        Ok(cells)
    }
}

/// Expressions of one branch are evaluated for its rows only: they may fail for the others.
fn guard(texts: &mut [String], condition: &str) {
    for text in texts {
        *text = format!("CASE WHEN {condition} THEN {text} END");
    }
}

/// The source's columns that are no binds, and its rowid.
fn source_columns(source: &Source) -> impl Iterator<Item = String> {
    let rowid = source.rowid.iter().map(|(rowid, _)| rowid.clone());
    source.columns.iter().map(|column| column.sql.clone()).filter(|sql| !is_bind(sql)).chain(rowid)
}

fn is_bind(sql: &str) -> bool {
    sql.strip_prefix('?').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// ORA-38101 for a column of the target in VALUES.
fn not_in_source(error: OraError, target: &Source) -> OraError {
    if !matches!(error.code, 904 | 984) {
        return error;
    }
    let named = target.columns.iter().find(|column| error.message.contains(&format!("\"{}\"", column.name)));
    match named {
        Some(column) => {
            let table = target.name.as_deref().unwrap_or_default();
            let text = format!("Invalid column in the INSERT VALUES Clause: \"{table}\".\"{}\"", column.name);
            OraError { offset: error.offset, ..OraError::new(38101, text) }
        }
        None => error,
    }
}
