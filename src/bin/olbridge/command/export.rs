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
    let source = &request.job.source;
    let options = session::options(source, &request.connection)?;
    let session = session::open_with(&options, source)?;
    let cancel = Cancel::new();
    interrupt::on_signal(cancel.clone());
    let mut job = request.job.clone();
    loop {
        let plan = job.plan(&session)?;
        if request.telling.dry_run {
            return Ok(Done::Planned(Box::new(plan)));
        }
        let others = (1..plan.readers.sessions).map(|_| session::open_with(&options, source)).collect::<Result<Vec<_>, _>>()?;
        let mut listener = progress::listener(request.telling.quiet);
        let scn = plan.snapshot.scn;
        let result = plan.run_parallel(&session, others, listener.as_mut(), &cancel);
        drop(listener); // clears the bar
        match result {
            Ok(report) => return Ok(Done::Copied(Box::new(report))),
            Err(error) => match job.widened(&session, scn, &error)? {
                Some(wider) => job = wider,
                None => return Err(error.into()),
            },
        }
    }
}
