//! Tables kept quick and small.

use chrono::TimeDelta;
use olbridge_delta::Location;
use olbridge_delta::table::{OptimizeOptions, VacuumOptions};

use super::asked;
use super::done::{Done, Outcome};
use super::failure::failed;
use super::{DeltaTables, refuse_unasked};
use crate::error::Result;

impl DeltaTables {
    /// Puts small files together, or orders rows along a Z curve. Rows do not change.
    ///
    /// # Errors
    /// [`crate::Error::Plan`] for a table with column mapping.
    pub fn optimize(&self, location: &Location, asked: &asked::Optimize) -> Result<Done> {
        let options = OptimizeOptions {
            z_order: asked.z_order.clone(),
            target_file_bytes: asked.target_file_bytes,
            max_concurrent: asked.max_concurrent,
        };
        self.with(location, |table| {
            table.set_file_options(asked.files.options()?);
            let done = table.optimize(&options, &asked.commit.options()?).map_err(|error| failed(error, &location.to_string()))?;
            Ok(Done::of("optimize", table, done))
        })
    }

    /// Removes files that the newest version does not need and that are old enough, or says which would go.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] unless removing is allowed; [`crate::Error::Plan`] for a retention that is shorter than the table's own.
    pub fn vacuum(&self, location: &Location, asked: &asked::Vacuum) -> Result<Done> {
        if !asked.dry_run {
            refuse_unasked(&format!("files of older versions of {location}"), asked.allow_destructive)?;
        }
        let options = VacuumOptions {
            dry_run: asked.dry_run,
            retention: asked.retention_hours.map(|hours| TimeDelta::hours(hours.into())),
            orphans: asked.orphans,
            short_retention: asked.short_retention,
        };
        self.with(location, |table| {
            let files = table.vacuum(&options).map_err(|error| failed(error, &location.to_string()))?;
            let outcome = if asked.dry_run { Outcome::Planned } else { Outcome::Done };
            Ok(Done::new("vacuum", table, outcome).count("file_count", files.len()).files(files))
        })
    }

    /// Writes a checkpoint of the newest version, so that it opens without reading the commits before it.
    ///
    /// # Errors
    /// What a store may fail with.
    pub fn checkpoint(&self, location: &Location) -> Result<Done> {
        self.with(location, |table| {
            table.refresh().and_then(|()| table.checkpoint()).map_err(|error| failed(error, &location.to_string()))?;
            Ok(Done::new("checkpoint", table, Outcome::Done))
        })
    }

    /// Removes commits that a checkpoint has made superfluous and that are older than the table's log retention.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] unless that is allowed.
    pub fn clean_log(&self, location: &Location, asked: &asked::CleanLog) -> Result<Done> {
        refuse_unasked(&format!("old commits from the log of {location}"), asked.allow_destructive)?;
        self.with(location, |table| {
            let removed = table.refresh().and_then(|()| table.clean_log()).map_err(|error| failed(error, &location.to_string()))?;
            Ok(Done::new("clean the log of", table, Outcome::Done).count("commits_removed", removed))
        })
    }
}
