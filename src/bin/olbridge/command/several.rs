//! `olbridge copy … --tables a,b`: plan all, run all, one report.

use olbridge::copy::delta::{DeltaJob, SeveralDeltaPlan, SeveralDeltaReport};
use olbridge::copy::{Cancel, CopyJob, SeveralPlan, SeveralReport};

use super::outcome::{Done, tell};
use crate::delta_arguments::ToDeltaRequest;
use crate::failure::{Failure, usage};
use crate::request::CopyRequest;
use crate::{confirm, interrupt, progress, session};

fn none() -> Failure {
    usage("--tables names no table", "--tables orders,lines")
}

/// Delta tables into tables of a database, in one transaction.
pub fn load(requests: Vec<CopyRequest>) -> Result<(), Failure> {
    let first = requests.first().ok_or_else(none)?;
    let jobs: Vec<CopyJob> = requests.iter().map(|request| request.job.clone()).collect();
    tell(&first.telling, false, SeveralReport::has_committed, || {
        let mut session = session::open(&first.job.target, &first.connection)?;
        let cancel = Cancel::new();
        interrupt::on_signal(cancel.clone());
        let mut plan = SeveralPlan::new(&jobs, &session, &cancel)?;
        if first.telling.dry_run {
            return Ok(Done::Planned(Box::new(plan)));
        }
        for table in &mut plan.tables {
            if let (Some(what), false) = (table.destroys(), table.allow_destructive || table.preflight_refuses()) {
                table.allow_destructive = confirm::removal(&what, &cancel);
            }
        }
        let mut listener = progress::listener(first.telling.quiet);
        let result = plan.run(&mut session, listener.as_mut(), &cancel);
        drop(listener); // clears the bar
        Ok(Done::Copied(Box::new(result?)))
    })
    .map(drop)
}

/// Tables of a database into Delta tables, at one SCN.
pub fn into_delta(requests: Vec<ToDeltaRequest>) -> Result<(), Failure> {
    let first = requests.first().ok_or_else(none)?;
    let jobs: Vec<DeltaJob> = requests.iter().map(|request| request.job.clone()).collect();
    tell(&first.telling, false, SeveralDeltaReport::has_committed, || {
        let source = &first.job.export.source;
        let session = session::open_with(&session::options(source, &first.connection)?, source)?;
        let cancel = Cancel::new();
        interrupt::on_signal(cancel.clone());
        let plan = SeveralDeltaPlan::new(&jobs, &session)?;
        if first.telling.dry_run {
            return Ok(Done::Planned(Box::new(plan)));
        }
        let mut listener = progress::listener(first.telling.quiet);
        let result = plan.run(&session, listener.as_mut(), &cancel);
        drop(listener); // clears the bar
        Ok(Done::Copied(Box::new(result?)))
    })
    .map(drop)
}
