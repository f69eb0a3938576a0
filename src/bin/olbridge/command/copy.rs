//! `olbridge copy FILE… TARGET`: plan, run, report.

use olbridge::copy::{Cancel, CopyPlan, CopyReport};

use super::outcome::{Done, tell};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::request::CopyRequest;
use crate::{confirm, interrupt, progress, session};

pub fn run(request: CopyRequest) -> Result<ExitCode, Failure> {
    let is_committed = |report: &CopyReport| report.commits > 0;
    Ok(match tell(&request.telling, false, is_committed, || attempt(&request))? {
        Done::Copied(report) if report.has_rejected_rows() => ExitCode::Rejected,
        Done::Planned(plan) if plan.preflight_refuses() => ExitCode::Row,
        Done::Copied(_) | Done::Planned(_) => ExitCode::Ok,
    })
}

fn attempt(request: &CopyRequest) -> Result<Done<CopyPlan, CopyReport>, Failure> {
    let mut session = session::open(&request.job.target, &request.connection)?;
    // Planning may read the whole source, so the handler comes before it; a login that hangs may be ended at once.
    let cancel = Cancel::new();
    interrupt::on_signal(cancel.clone());
    let mut plan = request.job.plan_until(&session, &cancel)?;
    if request.telling.dry_run {
        return Ok(Done::Planned(Box::new(plan)));
    }
    if let (Some(what), false) = (plan.destroys(), plan.allow_destructive || plan.preflight_refuses()) {
        plan.allow_destructive = confirm::removal(&what, &cancel);
    }
    let mut listener = progress::listener(request.telling.quiet);
    let result = plan.run(&mut session, listener.as_mut(), &cancel);
    drop(listener); // clears the bar
    Ok(Done::Copied(Box::new(result?)))
}
