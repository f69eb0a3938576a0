//! `olbridge copy`: plan, run, report.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use olbridge::copy::Cancel;
use serde::Serialize;

use crate::failure::Failure;
use crate::request::{CopyRequest, ReportTo};
use crate::{interrupt, note, progress, session};

pub fn run(request: CopyRequest) -> Result<(), Failure> {
    // Opened before anything moves: a report that cannot be written must not be found out after the load.
    let report = request.report.as_ref().map(Report::open).transpose()?;
    let mut session = session::open(&request.job.target, &request.connection)?;
    let plan = request.job.plan(&session)?;
    if request.dry_run {
        return match report {
            Some(report) => report.write(&plan),
            None => print(&plan),
        };
    }
    let cancel = Cancel::new();
    let running_call = session.cancel_handle();
    interrupt::on_signal(
        {
            let cancel = cancel.clone();
            move || cancel.request()
        },
        move || {
            // It fails when nothing runs any more, and then there is nothing to hurry.
            let _ = running_call.cancel();
        },
    );
    let mut listener = progress::listener(request.quiet);
    let result = plan.run(&mut session, listener.as_mut(), &cancel);
    drop(listener); // clears the bar
    let done = result?;
    let report_on_stdout = matches!(request.report, Some(ReportTo::StandardOutput));
    if let Some(report) = report {
        report.write(&done)?;
    }
    match (request.quiet, report_on_stdout) {
        (true, _) => Ok(()),
        (false, true) => {
            note(format_args!("{done}"));
            Ok(())
        }
        (false, false) => print(&done),
    }
}

fn print(text: &impl std::fmt::Display) -> Result<(), Failure> {
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

    fn write(self, document: &impl Serialize) -> Result<(), Failure> {
        match self {
            Report::StandardOutput => Ok(write_json(&mut io::stdout().lock(), document)?),
            Report::File { file, path } => {
                write_json(&mut BufWriter::new(file), document).map_err(|error| Failure::File { path: path.to_path_buf(), error })
            }
        }
    }
}

fn write_json(out: &mut impl Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)?;
    out.flush()
}
