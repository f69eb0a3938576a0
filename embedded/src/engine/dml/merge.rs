//! MERGE: the source's rows joined to the target's, then updates, deletions and insertions.

use std::collections::HashSet;

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection};

use super::super::interrupt::Interrupt;
use super::super::nls::Nls;
use super::super::sequence::Sequences;
use super::super::session::plain_binds;
use super::super::translate::MergePlan;
use super::super::{Datum, OraError, Result};
use super::write::{Given, RowWriter};
use super::{RowQuery, atomically};

/// A MERGE with its prepared statements.
pub(super) struct MergeRunner<'a> {
    connection: &'a Connection,
    plan: &'a MergePlan,
    rows: RowQuery<'a>,
    writer: RowWriter<'a>,
    /// Whether an updated row is to be deleted; the source's columns are binds after those of the statement.
    delete_test: Option<CachedStatement<'a>>,
    delete: Option<CachedStatement<'a>>,
}

impl<'a> MergeRunner<'a> {
    pub fn new(
        connection: &'a Connection,
        nls: &'a Nls,
        plan: &'a MergePlan,
        interrupt: &'a Interrupt,
        sequences: &'a Sequences,
    ) -> Result<MergeRunner<'a>> {
        let mut writer = RowWriter::new(connection, nls, &plan.table, interrupt, sequences);
        let (mut delete_test, mut delete) = (None, None);
        if let Some(update) = &plan.update {
            writer = writer.with_update(&update.assigned)?;
            if let Some(text) = &update.delete_test {
                delete_test = Some(connection.prepare_cached(text)?);
                delete = Some(connection.prepare_cached(&format!("DELETE FROM {} WHERE rid = ?", plan.table.storage_name()))?);
            }
        }
        if plan.insert.is_some() {
            writer = writer.with_insert()?;
        }
        Ok(MergeRunner { connection, plan, rows: RowQuery::new(connection, &plan.rows, interrupt)?, writer, delete_test, delete })
    }

    /// One iteration: rows updated and inserted.
    pub fn run(&mut self, binds: &[Datum<'_>]) -> Result<u64> {
        let rows = self.rows.all(&plain_binds(binds)?)?;
        let is_one = |value: &Value| *value == Value::Integer(1);
        let mut seen = HashSet::new();
        let (mut updated, mut inserted): (Vec<&[Value]>, Vec<&[Value]>) = (Vec::new(), Vec::new());
        for row in &rows {
            match row.first() {
                Some(Value::Integer(rowid)) if row.get(1).is_some_and(is_one) => {
                    if rows.len() > 1 && !seen.insert(*rowid) {
                        return Err(OraError::new(30926, "unable to get a stable set of rows in the source tables"));
                    }
                    updated.push(row);
                }
                _ if row.get(2).is_some_and(is_one) => inserted.push(row),
                _ => {}
            }
        }
        let (connection, deletes) = (self.connection, self.plan.deletes());
        let mut work = || self.write(binds, &updated, &inserted);
        if rows.len() > 1 || deletes {
            atomically(connection, work)?
        } else {
            work()?
        }
        Ok((updated.len() + inserted.len()) as u64)
    }

    /// Keys are unique when the statement ends: what goes, goes before what comes.
    fn write(&mut self, binds: &[Datum<'_>], updated: &[&[Value]], inserted: &[&[Value]]) -> Result<()> {
        if let Some(update) = &self.plan.update {
            self.writer.update_all(&update.assigned, binds, updated)?;
            for row in updated {
                self.delete_if_asked(binds, row)?;
            }
        }
        if let Some(cells) = &self.plan.insert {
            for row in inserted {
                self.writer.insert(cells, Given { binds, outputs: row })?;
            }
        }
        Ok(())
    }

    fn delete_if_asked(&mut self, binds: &[Datum<'_>], row: &[Value]) -> Result<()> {
        let (Some(test), Some(delete)) = (&mut self.delete_test, &mut self.delete) else { return Ok(()) };
        for (index, value) in plain_binds(binds)?.iter().enumerate() {
            if index < test.parameter_count() {
                test.raw_bind_parameter(index + 1, value)?;
            }
        }
        let source = &row[self.plan.first_source_output..];
        for (index, value) in row[..1].iter().chain(source).enumerate() {
            test.raw_bind_parameter(binds.len() + index + 1, value)?;
        }
        let hit = test.raw_query().next()?.is_some();
        if hit {
            delete.execute([&row[0]])?;
        }
        Ok(())
    }
}
