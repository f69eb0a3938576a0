//! Tables of other writers may hold inexact statistics already. Before a change whose condition may be judged by them, they are taken out of the
//! log: the same files again, without those minima and maxima. Rows do not change.

use deltalake::DeltaTableError;
use deltalake::kernel::transaction::CommitBuilder;
use deltalake::kernel::{Action, Add, LogicalFileView};
use deltalake::protocol::DeltaOperation;
use serde_json::Value;

use super::Table;
use super::commit::{CommitOptions, Ran};
use super::statistics::{inexact_columns, inexact_physical};
use crate::error::Result;

impl Table {
    /// Takes statistics that may be inexact out of the log, where one of `conditions` may be about such a column. Where there are none, nothing is
    /// done. The table is at its newest version.
    pub(crate) fn repair_for(&mut self, conditions: &[&str]) -> Result<()> {
        if conditions.is_empty() || !self.exists() {
            return Ok(());
        }
        let schema = self.schema()?;
        let asked = |path: &Vec<String>| conditions.iter().any(|text| text.to_lowercase().contains(&path[0].to_lowercase()));
        if !inexact_columns(&schema).iter().any(asked) {
            return Ok(());
        }
        self.repair_statistics().map(|_| ())
    }

    /// Takes minima and maxima of decimals that a 64-bit float does not hold out of the log, and says of how many files. deltalake up to 1.1 writes
    /// them rounded, and every reader that trusts them misses rows.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`], [`crate::Error::Conflict`], and what a store may fail with.
    pub fn repair_statistics(&mut self) -> Result<u64> {
        let outcome = self.run(
            "repair the statistics of",
            &CommitOptions::default(),
            true,
            |table, commit| {
                let schema = table.schema()?;
                let inexact = inexact_physical(&schema);
                let state = table.state()?;
                let changed: Vec<Action> =
                    state.log_data().iter().filter_map(|file| without_bounds(add_of(&file), &inexact)).map(Action::Add).collect();
                if changed.is_empty() {
                    return Ok(Ran::Ignored);
                }
                let files = changed.len() as u64;
                let operation = DeltaOperation::SetTableProperties { properties: Default::default() };
                let snapshot = state.snapshot().clone();
                let log_store = table.inner.log_store();
                let mut after = table.inner.clone();
                // Onto this version only: a file that another writer removes meanwhile must not come back.
                let commit = commit.with_max_retries(0);
                let after = table.wait(async move {
                    CommitBuilder::from(commit).with_actions(changed).build(Some(&snapshot), log_store, operation).await?;
                    after.update_state().await?;
                    Ok::<_, DeltaTableError>(after)
                })??;
                Ok(Ran::Committed(Box::new(after), files))
            },
            |_| 0,
        )?;
        Ok(outcome.metrics().copied().unwrap_or(0))
    }
}

impl Table {
    /// The columns whose bounds in the log may be rounded, if there are any in it.
    pub(crate) fn rounded_columns(&self) -> Result<Vec<String>> {
        let schema = self.schema()?;
        let inexact = inexact_physical(&schema);
        let has_bounds = |add: Add| without_bounds(add, &inexact).is_some();
        if inexact.is_empty() || !self.state()?.log_data().iter().any(|file| has_bounds(add_of(&file))) {
            return Ok(Vec::new());
        }
        Ok(inexact_columns(&schema).into_iter().map(|path| path[0].clone()).collect())
    }
}

/// The log's own action of a file.
#[expect(deprecated, reason = "the Arrow form has no deletion vector and no tags, and an action that lacks them would change rows")]
pub(crate) fn add_of(file: &LogicalFileView) -> Add {
    file.add_action()
}

/// The file without bounds of those columns; `None` where it has none.
fn without_bounds(mut add: Add, columns: &[Vec<String>]) -> Option<Add> {
    let mut stats: Value = serde_json::from_str(add.stats.as_deref()?).ok()?;
    let mut changed = false;
    for bounds in ["minValues", "maxValues"] {
        for column in columns {
            changed |= stats.get_mut(bounds).is_some_and(|bounds| remove(bounds, column));
        }
    }
    if !changed {
        return None;
    }
    add.stats = Some(stats.to_string());
    add.data_change = false;
    Some(add)
}

fn remove(bounds: &mut Value, path: &[String]) -> bool {
    match path {
        [] => false,
        [last] => bounds.as_object_mut().and_then(|object| object.remove(last)).is_some_and(|bound| !bound.is_null()),
        [first, rest @ ..] => bounds.get_mut(first).is_some_and(|inner| remove(inner, rest)),
    }
}
