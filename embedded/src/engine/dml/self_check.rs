//! Foreign keys of a table to itself, which hold when the statement ends.

use rusqlite::{CachedStatement, Connection};

use super::super::catalog::Table;
use super::super::translate::{Assigned, DmlPlan};
use super::super::{OraError, Result};

/// A query that finds a row without its parent.
pub(super) struct SelfCheck<'a> {
    statement: CachedStatement<'a>,
    error: OraError,
}

impl<'a> SelfCheck<'a> {
    /// Those of the table that a plan changes.
    pub fn of_plan(connection: &'a Connection, plan: &DmlPlan) -> Result<Vec<SelfCheck<'a>>> {
        let (table, deletes, assigned): (&Table, bool, &[Assigned]) = match plan {
            DmlPlan::Insert { table, .. } => (table, false, &[]),
            DmlPlan::Update { table, assigned, .. } => (table, false, assigned),
            DmlPlan::Delete { table, .. } => (table, true, &[]),
            DmlPlan::Merge(plan) => (&plan.table, false, &[]),
        };
        let changes = |columns: &[usize]| assigned.iter().any(|(index, _)| columns.contains(index));
        let mut checks = Vec::new();
        for constraint in &table.constraints {
            let Some(reference) = constraint.references else { continue };
            let Some(key) = table.constraints.iter().find(|item| item.id == reference.constraint) else { continue };
            let storage = table.storage_name();
            let set = constraint.columns.iter().map(|column| format!("c.c{column} IS NOT NULL")).collect::<Vec<_>>().join(" AND ");
            let pairs = constraint.columns.iter().zip(&key.columns);
            let joined = pairs.map(|(column, key)| format!("p.c{key} = c.c{column}")).collect::<Vec<_>>().join(" AND ");
            let text =
                format!("SELECT 1 FROM {storage} AS c WHERE {set} AND NOT EXISTS (SELECT 1 FROM {storage} AS p WHERE {joined}) LIMIT 1");
            // What an UPDATE of keys alone leaves behind are children.
            let loses_parents = deletes || (changes(&key.columns) && !changes(&constraint.columns));
            let (code, found) = if loses_parents { (2292, "child record found") } else { (2291, "parent key not found") };
            let error = OraError::new(code, format_args!("integrity constraint ({}.{}) violated - {found}", table.owner, constraint.name));
            checks.push(SelfCheck { statement: connection.prepare_cached(&text)?, error });
        }
        Ok(checks)
    }

    pub fn check(&mut self) -> Result<()> {
        if self.statement.exists([])? { Err(self.error.clone()) } else { Ok(()) }
    }
}
