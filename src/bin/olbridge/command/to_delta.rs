//! `olbridge copy TARGET delta:LOCATION`: plan, run, report.

use olbridge::copy::Cancel;
use olbridge::copy::delta::{DeltaPlan, DeltaReport};

use super::outcome::{Done, tell};
use crate::delta_arguments::ToDeltaRequest;
use crate::failure::Failure;
use crate::{interrupt, progress, session};

pub fn run(request: ToDeltaRequest) -> Result<(), Failure> {
    tell(&request.telling, false, DeltaReport::has_committed, || attempt(&request)).map(drop)
}

fn attempt(request: &ToDeltaRequest) -> Result<Done<DeltaPlan, DeltaReport>, Failure> {
    let source = &request.job.export.source;
    let session = session::open_with(&session::options(source, &request.connection)?, source)?;
    let cancel = Cancel::new();
    interrupt::on_signal(cancel.clone());
    let plan = request.job.plan(&session)?;
    if request.telling.dry_run {
        return Ok(Done::Planned(Box::new(plan)));
    }
    let mut listener = progress::listener(request.telling.quiet);
    let result = plan.run(&session, listener.as_mut(), &cancel);
    drop(listener); // clears the bar
    Ok(Done::Copied(Box::new(result?)))
}
