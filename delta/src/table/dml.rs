//! DELETE and UPDATE: conditions and expressions are SQL over the table's columns; names keep their case.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use deltalake::datafusion::common::Column;
use deltalake::kernel::transaction::CommitProperties;
use serde_json::Value;

use super::Table;
use super::commit::{CommitOptions, Failure, Outcome, Ran};
use super::exact::Misfits;
use super::session::session;
use crate::error::Result;

/// Counts of a DELETE or an UPDATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct ChangeMetrics {
    /// Rows deleted or updated; `None` where whole files went and the log does not say how many rows they had.
    pub rows: Option<u64>,
    /// Rows that were written again unchanged, because they shared a file with changed ones.
    pub rows_copied: u64,
    /// Files added.
    pub files_added: u64,
    /// Files that are no longer part of the table.
    pub files_removed: u64,
}

impl Table {
    /// Deletes the rows that fulfil `predicate`, or all of them without one. Files that hold none are not touched.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for a condition that the table does not understand, [`crate::Error::NoTable`], [`crate::Error::Conflict`].
    pub fn delete(&mut self, predicate: Option<&str>, commit: &CommitOptions) -> Result<Outcome<ChangeMetrics>> {
        self.run_judging(
            "delete from",
            predicate.as_slice(),
            commit,
            true,
            |table, commit| table.delete_once(predicate, commit),
            |info| lost(info, "num_deleted_rows"),
        )
    }

    pub(crate) fn delete_once(&self, predicate: Option<&str>, commit: CommitProperties) -> Result<Ran<ChangeMetrics>, Failure> {
        let schema = self.schema()?;
        self.refuse_append_only("delete from")?;
        let mut builder = self
            .inner
            .clone()
            .delete()
            // Onto this version only: what others add meanwhile is judged by its rows, not by statistics, which are cut to milliseconds.
            .with_commit_properties(commit.with_max_retries(0))
            .with_session_state(Arc::new(session(None)?.state()))
            .with_writer_properties(self.files.properties(&schema));
        if let Some(predicate) = predicate {
            builder = builder.with_predicate(self.own_condition(predicate)?);
        }
        let (table, metrics) = self.wait(async move { builder.await })??;
        let metrics = ChangeMetrics {
            rows: metrics.num_deleted_rows.map(|rows| rows as u64),
            rows_copied: metrics.num_copied_rows as u64,
            files_added: metrics.num_added_files as u64,
            files_removed: metrics.num_removed_files as u64,
        };
        Ok(Ran::Committed(Box::new(table), metrics))
    }

    /// Sets columns to expressions in the rows that fulfil `predicate`, or in all of them without one.
    ///
    /// # Errors
    /// As [`Table::delete`]; [`crate::Error::Value`] for a value that its column cannot take exactly, and nothing is changed. Digits are rounded by
    /// `round` or a cast that is written down only.
    pub fn update(
        &mut self,
        assignments: &[(String, String)],
        predicate: Option<&str>,
        commit: &CommitOptions,
    ) -> Result<Outcome<ChangeMetrics>> {
        self.run_judging(
            "update",
            predicate.as_slice(),
            commit,
            true,
            |table, commit| table.update_once(assignments, predicate, commit),
            |info| lost(info, "num_updated_rows"),
        )
    }

    fn update_once(
        &self,
        assignments: &[(String, String)],
        predicate: Option<&str>,
        commit: CommitProperties,
    ) -> Result<Ran<ChangeMetrics>, Failure> {
        let schema = self.schema()?;
        self.refuse_append_only("update")?;
        let mut builder = self
            .inner
            .clone()
            .update()
            // Onto this version only: what others add meanwhile is judged by its rows, not by statistics, which are cut to milliseconds.
            .with_commit_properties(commit.with_max_retries(0))
            .with_session_state(Arc::new(session(None)?.state()))
            .with_writer_properties(self.files.properties(&schema));
        let (names, misfits) = (self.own_names()?, Misfits::default());
        for (column, expression) in assignments {
            let field = self.set_column("update", &schema, column)?;
            let value = self.expression(expression, &names)?;
            let value = self.fitted("update", (column, field.data_type()), value, &names, &misfits)?;
            builder = builder.with_update(Column::from_name(column), value);
        }
        if let Some(predicate) = predicate {
            builder = builder.with_predicate(self.own_condition(predicate)?);
        }
        let done = self.wait(async move { builder.await })?;
        let (table, metrics) = done.map_err(|error| misfits.take(self).map_or(Failure::Delta(error), Failure::Final))?;
        let metrics = ChangeMetrics {
            rows: Some(metrics.num_updated_rows as u64),
            rows_copied: metrics.num_copied_rows as u64,
            files_added: metrics.num_added_files as u64,
            files_removed: metrics.num_removed_files as u64,
        };
        Ok(Ran::Committed(Box::new(table), metrics))
    }
}

impl Table {
    /// Rows of a table that says so stay as they are, whether or not its protocol names the feature: who set the property meant it.
    pub(crate) fn refuse_append_only(&self, action: &'static str) -> Result<()> {
        match self.properties()?.get("delta.appendOnly").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            true => {
                Err(self.invalid(action, "delta.appendOnly is true: rows of the table may not change or go", "the property set to false"))
            }
            false => Ok(()),
        }
    }

    /// A column that a SET names. One that the files are laid out by moves rows between partitions, which is right.
    pub(crate) fn set_column<'s>(&self, action: &'static str, schema: &'s Schema, column: &str) -> Result<&'s Field> {
        let unknown = |_| self.invalid(action, &format!("no column {column}"), "a column of the table, in its own case");
        schema.field_with_name(column).map_err(unknown)
    }
}

/// Counts of a commit whose answer was lost, from the log.
fn lost(info: &BTreeMap<String, Value>, rows: &str) -> ChangeMetrics {
    let count = |name: &str| info.get("operationMetrics").and_then(|metrics| metrics.get(name)).and_then(Value::as_u64);
    ChangeMetrics {
        rows: count(rows),
        rows_copied: count("num_copied_rows").unwrap_or(0),
        files_added: count("num_added_files").unwrap_or(0),
        files_removed: count("num_removed_files").unwrap_or(0),
    }
}
