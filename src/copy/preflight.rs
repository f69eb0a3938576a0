//! `--preflight`: all values are looked at before a row moves.

use std::fmt;

use super::format::{count, thousands};
use super::job::OnError;
use super::named_job::Skipping;
use super::plan::CopyPlan;
use crate::error::{Error, RefusedValues, Result};
use crate::load::{ColumnPair, Dml, LoadPlan, Preflight};

/// What a look at all values has found. It tells what conversions and the types of the columns refuse; what depends on other rows, such as a key that
/// is there already, only the load tells.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PreflightReport {
    /// Rows that were looked at.
    pub rows: u64,
    /// Of them, those with a value that would be refused.
    pub rows_refused: u64,
    /// By column.
    pub refused: Vec<RefusedValues>,
}

impl fmt::Display for PreflightReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows_refused == 0 {
            return write!(f, "preflight: all values of {} fit", count(self.rows, "row"));
        }
        write!(f, "preflight: {} of {} would be refused:", thousands(self.rows_refused), count(self.rows, "row"))?;
        self.refused.iter().try_for_each(|column| write!(f, "\n  {column}"))
    }
}

impl CopyPlan {
    /// Reads the source once, as the load will, and looks at each value. `load` is a plan like that of the load.
    pub(super) fn look_at_values(&self, load: LoadPlan, pairs: &[ColumnPair], proceed: &dyn Fn() -> Result<()>) -> Result<PreflightReport> {
        // A DELETE writes nothing.
        let not_null: Vec<&str> = match load.dml {
            Dml::Delete => Vec::new(),
            _ => pairs.iter().filter(|pair| !pair.target.nullable).map(|pair| pair.target.name.as_str()).collect(),
        };
        let mut preflight = Preflight::new(load, &not_null);
        let mut rows = 0;
        for next in Skipping::new(self.work.source.read(self.work.read.clone()), self.rows_done_before()) {
            proceed()?;
            let next = next?;
            rows += next.batch.num_rows() as u64;
            preflight.check(&next.batch, Some(&next.file), next.first_row)?;
        }
        Ok(PreflightReport { rows, rows_refused: preflight.rows_refused(), refused: preflight.finish() })
    }

    /// Whether the load would end because of what a look at all values has found.
    pub fn preflight_refuses(&self) -> bool {
        let most = match &self.on_error {
            OnError::Abort => 0,
            OnError::Reject { max_rows, .. } => max_rows.unwrap_or(u64::MAX),
        };
        self.preflight.as_ref().is_some_and(|found| found.rows_refused > most)
    }

    /// Nothing moves when it is known that it would be taken back.
    pub(super) fn refuse_by_preflight(&mut self) -> Result<()> {
        if !self.preflight_refuses() {
            return Ok(());
        }
        let PreflightReport { rows, rows_refused, refused } =
            self.preflight.take().unwrap_or(PreflightReport { rows: 0, rows_refused: 0, refused: Vec::new() });
        Err(Error::Preflight { table: self.table.clone(), rows, rows_refused, refused })
    }
}
