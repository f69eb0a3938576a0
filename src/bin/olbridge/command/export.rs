//! `olbridge copy TARGET FILE`: plan, run, report.

use olbridge::copy::{Cancel, ExportPlan, ExportReport};
use olbridge::lake::sink::is_standard_output;

use super::outcome::{Done, tell};
use crate::export_arguments::ExportRequest;
use crate::failure::Failure;
use crate::{interrupt, progress, session};

pub fn run(request: ExportRequest) -> Result<(), Failure> {
    tell(&request.telling, is_standard_output(&request.job.path), |_| false, || attempt(&request)).map(drop)
}

fn attempt(request: &ExportRequest) -> Result<Done<ExportPlan, ExportReport>, Failure> {
    let session = session::open(&request.job.source, &request.connection)?;
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
