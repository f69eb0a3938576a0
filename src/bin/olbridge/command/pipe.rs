//! `olbridge copy SOURCE TARGET` between databases: plan, run, report.

use olbridge::copy::{Cancel, PipePlan, PipeReport};

use super::outcome::{Done, tell};
use crate::failure::Failure;
use crate::pipe_arguments::PipeRequest;
use crate::{confirm, interrupt, progress, session};

pub fn run(request: PipeRequest) -> Result<(), Failure> {
    tell(&request.telling, false, |_| true, || attempt(&request)).map(drop)
}

fn attempt(request: &PipeRequest) -> Result<Done<PipePlan, PipeReport>, Failure> {
    let from = session::open_source(&request.job.source, &request.connection)?;
    let mut to = session::open(&request.job.target, &request.connection)?;
    let cancel = Cancel::new();
    interrupt::on_signal(cancel.clone());
    let mut plan = request.job.plan(&from, &to)?;
    if request.telling.dry_run {
        return Ok(Done::Planned(Box::new(plan)));
    }
    if let (Some(what), false) = (plan.destroys(), plan.allow_destructive) {
        plan.allow_destructive = confirm::removal(&what, &cancel);
    }
    let mut listener = progress::listener(request.telling.quiet);
    let result = plan.run(&from, &mut to, listener.as_mut(), &cancel);
    drop(listener); // clears the bar
    Ok(Done::Copied(Box::new(result?)))
}
