//! `olbridge copy`: plan, run, report.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use olbridge::Error;
use olbridge::copy::{Cancel, CopyPlan, CopyReport};
use serde::Serialize;
use serde_json::{Value, json};

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::request::{CopyRequest, ReportTo};
use crate::{interrupt, note, progress, session};

pub fn run(request: CopyRequest) -> Result<ExitCode, Failure> {
    // Opened before anything moves: a report that cannot be written must not be found out after the load.
    let report = request.report.as_ref().map(Report::open).transpose()?;
    match attempt(&request) {
        Ok(done) => match tell(&done, &request, report) {
            Ok(()) => Ok(done.exit_code()),
            Err(failure) => Err(match done {
                Done::Copied(copied) if copied.commits > 0 => failure.after_commit(),
                _ => failure,
            }),
        },
        Err(failure) => {
            if let (Failure::Library(error), Some(report)) = (&failure, report)
                && let Err(unreported) = report.write("failed", &error_document(error))
            {
                // Why the load failed matters more, and its exit code.
                note(format_args!("warning: the report could not be written: {unreported}"));
            }
            Err(failure)
        }
    }
}

/// What came of it.
enum Done {
    Planned(Box<CopyPlan>),
    Copied(Box<CopyReport>),
}

impl Done {
    fn exit_code(&self) -> ExitCode {
        match self {
            Done::Copied(report) if report.rows_rejected() > 0 => ExitCode::Rejected,
            Done::Copied(_) | Done::Planned(_) => ExitCode::Ok,
        }
    }
}

fn attempt(request: &CopyRequest) -> Result<Done, Failure> {
    let mut session = session::open(&request.job.target, &request.connection)?;
    // Planning may read the whole source, so the handler comes before it; a login that hangs may be ended at once.
    let cancel = Cancel::new();
    interrupt::on_signal(cancel.clone());
    let plan = request.job.plan_until(&session, &cancel)?;
    if request.dry_run {
        return Ok(Done::Planned(Box::new(plan)));
    }
    let mut listener = progress::listener(request.quiet);
    let result = plan.run(&mut session, listener.as_mut(), &cancel);
    drop(listener); // clears the bar
    Ok(Done::Copied(Box::new(result?)))
}

fn tell(done: &Done, request: &CopyRequest, report: Option<Report<'_>>) -> Result<(), Failure> {
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

pub(super) fn print(text: &impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.to_string().trim_end())?;
    Ok(out.flush()?)
}

/// Where the JSON goes.
pub(super) enum Report<'r> {
    StandardOutput,
    File { file: File, path: &'r Path },
}

impl<'r> Report<'r> {
    pub(super) fn open(to: &'r ReportTo) -> Result<Self, Failure> {
        match to {
            ReportTo::StandardOutput => Ok(Report::StandardOutput),
            ReportTo::File(path) => match File::create(path) {
                Ok(file) => Ok(Report::File { file, path }),
                Err(error) => Err(Failure::File { path: path.clone(), error }),
            },
        }
    }

    pub(super) fn write(self, status: &str, document: &impl Serialize) -> Result<(), Failure> {
        let document = Outcome { status, document };
        match self {
            Report::StandardOutput => Ok(write_json(&mut io::stdout().lock(), &document)?),
            Report::File { file, path } => {
                write_json(&mut BufWriter::new(file), &document).map_err(|error| Failure::File { path: path.to_path_buf(), error })
            }
        }
    }
}

/// The JSON document: `status` is `planned`, `done` or `failed`, the rest follows from it.
#[derive(Serialize)]
struct Outcome<'d, D> {
    status: &'d str,
    #[serde(flatten)]
    document: &'d D,
}

fn write_json(out: &mut impl Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)?;
    out.flush()
}

/// An error with its place in fields of their own.
pub(super) fn error_document(error: &Error) -> Value {
    let mut document = match error {
        Error::Row(row) => json!({"row": row}),
        Error::Plan { table, problems } => json!({"phase": "plan", "table": table, "problems": problems}),
        Error::Database { phase, table, ora_code, session_dead, .. } => {
            json!({"phase": phase, "table": table, "ora_code": ora_code, "session_dead": session_dead})
        }
        Error::Source { phase, path, .. } => json!({"phase": phase, "file": path}),
        Error::Connect { target, ora_code, .. } => json!({"phase": "connect", "target": target, "ora_code": ora_code}),
        Error::Interrupted { table, rows_rolled_back, rows_committed } => {
            json!({"table": table, "rows_rolled_back": rows_rolled_back, "rows_committed": rows_committed})
        }
        Error::ExportInterrupted { path, rows_fetched } => json!({"file": path, "rows_fetched": rows_fetched}),
        _ => json!({}),
    };
    document["exit_code"] = json!(ExitCode::from(error) as u8);
    document["error"] = json!(error.to_string());
    document
}
