//! What a copy in either direction tells when it ends: a plan or a report, for people and for machines.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use olbridge::Error;
use serde::Serialize;
use serde_json::{Value, json};

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::note;
use crate::request::{ReportTo, Telling};

/// What came of it.
pub enum Done<P, R> {
    /// Nothing has moved.
    Planned(Box<P>),
    /// It is done.
    Copied(Box<R>),
}

/// Runs `attempt` and tells of it. With `data_on_stdout` nothing is said there; a report that could not be written after `cannot_be_repeated` is
/// not a failure that may be tried again.
pub fn tell<P: Display + Serialize, R: Display + Serialize>(
    telling: &Telling,
    data_on_stdout: bool,
    cannot_be_repeated: impl FnOnce(&R) -> bool,
    attempt: impl FnOnce() -> Result<Done<P, R>, Failure>,
) -> Result<Done<P, R>, Failure> {
    // Opened before anything moves: a report that cannot be written must not be found out after the work.
    let report = telling.report.as_ref().map(Report::open).transpose()?;
    match attempt() {
        Ok(done) => match tell_done(&done, telling, data_on_stdout, report) {
            Ok(()) => Ok(done),
            Err(failure) => Err(match done {
                Done::Copied(copied) if cannot_be_repeated(&copied) => failure.after_commit(),
                _ => failure,
            }),
        },
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

fn tell_done<P: Display + Serialize, R: Display + Serialize>(
    done: &Done<P, R>,
    telling: &Telling,
    data_on_stdout: bool,
    report: Option<Report<'_>>,
) -> Result<(), Failure> {
    let json_on_stdout = matches!(report, Some(Report::StandardOutput));
    if let Some(report) = report {
        match done {
            Done::Planned(plan) => report.write("planned", plan)?,
            Done::Copied(copied) => report.write("done", copied)?,
        }
    }
    match done {
        Done::Planned(plan) if !json_on_stdout => print(plan),
        Done::Copied(copied) if !telling.quiet && !json_on_stdout && !data_on_stdout => print(copied),
        Done::Copied(copied) if !telling.quiet => {
            note(format_args!("{}", copied.to_string().trim_end()));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn print(text: &impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.to_string().trim_end())?;
    Ok(out.flush()?)
}

/// Where the JSON goes.
enum Report<'r> {
    StandardOutput,
    File { file: File, path: &'r Path },
}

impl<'r> Report<'r> {
    fn open(to: &'r ReportTo) -> Result<Self, Failure> {
        match to {
            ReportTo::StandardOutput => Ok(Report::StandardOutput),
            ReportTo::File(path) => match File::create(path) {
                Ok(file) => Ok(Report::File { file, path }),
                Err(error) => Err(Failure::File { path: path.clone(), error }),
            },
        }
    }

    fn write(self, status: &str, document: &impl Serialize) -> Result<(), Failure> {
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
fn error_document(error: &Error) -> Value {
    let mut document = match error {
        Error::Row(row) => json!({"row": row}),
        Error::Preflight { table, rows, rows_refused, refused } => {
            json!({"phase": "preflight", "table": table, "rows": rows, "rows_refused": rows_refused, "refused": refused})
        }
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
