//! `olbridge copy TARGET FILE.parquet`: plan, run, report.

use olbridge::copy::{Cancel, ExportPlan, ExportReport};

use super::copy::{Report, error_document, print};
use crate::export_arguments::ExportRequest;
use crate::failure::Failure;
use crate::{interrupt, note, progress, session};

pub fn run(request: ExportRequest) -> Result<(), Failure> {
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
    Planned(Box<ExportPlan>),
    Copied(Box<ExportReport>),
}

fn attempt(request: &ExportRequest) -> Result<Done, Failure> {
    let source = &request.job.source;
    let options = session::options(source, &request.connection)?;
    let session = session::open_with(&options, source)?;
    let cancel = Cancel::new();
    interrupt::on_signal(cancel.clone());
    let plan = request.job.plan(&session)?;
    if request.dry_run {
        return Ok(Done::Planned(Box::new(plan)));
    }
    let others = (1..plan.readers.sessions).map(|_| session::open_with(&options, source)).collect::<Result<Vec<_>, _>>()?;
    let mut listener = progress::listener(request.quiet);
    let result = plan.run_parallel(&session, others, listener.as_mut(), &cancel);
    drop(listener); // clears the bar
    Ok(Done::Copied(Box::new(result?)))
}

fn tell(done: &Done, request: &ExportRequest, report: Option<Report<'_>>) -> Result<(), Failure> {
    let json_on_stdout = matches!(report, Some(Report::StandardOutput));
    if let Some(report) = report {
        match done {
            Done::Planned(plan) => report.write("planned", plan.as_ref())?,
            Done::Copied(copied) => report.write("done", copied.as_ref())?,
        }
    }
    match done {
        Done::Planned(plan) if !json_on_stdout => print(plan),
        Done::Copied(copied) if !request.quiet && !json_on_stdout => print(copied),
        Done::Copied(copied) if !request.quiet => {
            note(format_args!("{}", copied.to_string().trim_end()));
            Ok(())
        }
        _ => Ok(()),
    }
}
