//! `olbridge copy SOURCE TARGET` between databases: plan, run, report.

use olbridge::copy::{Cancel, PipePlan, PipeReport};

use super::copy::{Report, error_document, print};
use crate::failure::Failure;
use crate::pipe_arguments::PipeRequest;
use crate::{interrupt, note, progress, session};

pub fn run(request: PipeRequest) -> Result<(), Failure> {
    // Opened before anything moves: a report that cannot be written must not be found out after the work.
    let report = request.report.as_ref().map(Report::open).transpose()?;
    match attempt(&request) {
        Ok(done) => tell(&done, &request, report),
        Err(failure) => {
            if let (Failure::Library(error), Some(report)) = (&failure, report)
                && let Err(unreported) = report.write("failed", &error_document(error))
            {
                // Why the copy failed matters more, and its exit code.
                note(format_args!("warning: the report could not be written: {unreported}"));
            }
            Err(failure)
        }
    }
}

/// What came of it.
enum Done {
    Planned(Box<PipePlan>),
    Copied(Box<PipeReport>),
}

fn attempt(request: &PipeRequest) -> Result<Done, Failure> {
    let from = session::open_source(&request.job.source, &request.connection)?;
    let mut to = session::open(&request.job.target, &request.connection)?;
    let cancel = Cancel::new();
    interrupt::on_signal(cancel.clone());
    let plan = request.job.plan(&from, &to)?;
    if request.dry_run {
        return Ok(Done::Planned(Box::new(plan)));
    }
    let mut listener = progress::listener(request.quiet);
    let result = plan.run(&from, &mut to, listener.as_mut(), &cancel);
    drop(listener); // clears the bar
    Ok(Done::Copied(Box::new(result?)))
}

fn tell(done: &Done, request: &PipeRequest, report: Option<Report<'_>>) -> Result<(), Failure> {
    let json_on_stdout = matches!(report, Some(Report::StandardOutput));
    let written = report.map_or(Ok(()), |report| match done {
        Done::Planned(plan) => report.write("planned", plan.as_ref()),
        Done::Copied(copied) => report.write("done", copied.as_ref()),
    });
    let written = written.and_then(|()| match done {
        Done::Planned(plan) if !json_on_stdout => print(plan),
        Done::Copied(copied) if !request.quiet && !json_on_stdout => print(copied),
        Done::Copied(copied) if !request.quiet => {
            note(format_args!("{}", copied.to_string().trim_end()));
            Ok(())
        }
        _ => Ok(()),
    });
    match done {
        Done::Copied(_) => written.map_err(Failure::after_commit),
        Done::Planned(_) => written,
    }
}
