//! Several tables into Delta tables at one SCN: each is a commit of its own, and all of them say the same moment.

use std::fmt;

use super::definition::Known;
use super::dictionary::Looked;
use super::{DeltaJob, DeltaPlan, DeltaReport};
use crate::copy::export::{AsOf, Snapshot};
use crate::copy::failure::annotate;
use crate::copy::progress::{Cancel, Progress};
use crate::error::{Error, Result};
use crate::oci::Session;

/// What copies of several tables will do.
#[derive(Debug, serde::Serialize)]
pub struct SeveralDeltaPlan {
    /// The moment that all of them read.
    pub snapshot: Snapshot,
    /// Of each table, in their order.
    pub tables: Vec<DeltaPlan>,
}

/// What they did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SeveralDeltaReport {
    /// The moment that all of them have.
    pub snapshot: Snapshot,
    /// Of each table.
    pub tables: Vec<DeltaReport>,
}

impl SeveralDeltaReport {
    /// A commit was made, which a second run may make again.
    pub fn has_committed(&self) -> bool {
        self.tables.iter().any(DeltaReport::has_committed)
    }
}

impl SeveralDeltaPlan {
    /// Finds the moment, and plans each copy at it. Changes nothing.
    ///
    /// # Errors
    /// As [`DeltaJob::plan`]; [`Error::Usage`] where the database tells no SCN.
    pub fn new(jobs: &[DeltaJob], session: &Session) -> Result<SeveralDeltaPlan> {
        let as_of = jobs.first().map_or(AsOf::Now, |job| job.export.reading.as_of.clone());
        for job in jobs {
            job.check()?;
        }
        // Before the moment that all of them read.
        let defined = jobs.iter().map(|job| Known::before_moment(job, session)).collect::<Result<Vec<_>>>()?;
        let snapshot = as_of.find(session)?;
        let Some(scn) = snapshot.scn else {
            let message = format!("several tables are read at one SCN, and there is none: {}", snapshot.how);
            return Err(Error::Usage { message, remedy: "copy the tables one by one".into() });
        };
        let plan = |(job, defined): (&DeltaJob, Looked)| {
            let mut job = job.clone();
            job.export.reading.as_of = AsOf::Scn(scn);
            job.check()?;
            job.plan_defined(session, defined, !as_of.is_past())
        };
        Ok(SeveralDeltaPlan { tables: jobs.iter().zip(defined).map(plan).collect::<Result<_>>()?, snapshot })
    }

    /// Moves the rows, a commit for each table.
    ///
    /// # Errors
    /// As [`DeltaPlan::run`]; the message names the tables that have the moment already. Run again with a job, each goes on from its own epoch.
    pub fn run(self, session: &Session, progress: &mut dyn Progress, cancel: &Cancel) -> Result<SeveralDeltaReport> {
        let scn = self.snapshot.scn.unwrap_or_default();
        let mut tables: Vec<DeltaReport> = Vec::with_capacity(self.tables.len());
        for plan in self.tables {
            match plan.run(session, progress, cancel) {
                Ok(report) => tables.push(report),
                Err(error) if tables.is_empty() => return Err(error),
                Err(error) => {
                    let done: Vec<&str> = tables.iter().map(|table| table.location.as_str()).collect();
                    return Err(annotate(error, &format!("{} have been written at SCN {scn}, the others have not", done.join(", "))));
                }
            }
        }
        Ok(SeveralDeltaReport { snapshot: self.snapshot, tables })
    }
}

impl fmt::Display for SeveralDeltaPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} tables at SCN {}", self.tables.len(), self.snapshot.scn.unwrap_or_default())?;
        self.tables.iter().try_for_each(|plan| writeln!(f, "\n{plan}"))
    }
}

impl fmt::Display for SeveralDeltaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tables.iter().try_for_each(|report| write!(f, "{report}"))
    }
}
