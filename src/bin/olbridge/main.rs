//! The command `olbridge`: arguments → a checked request → the library. Results go to standard output, everything else to standard error.

mod arguments;
mod cast_arguments;
mod change_arguments;
mod command;
mod confirm;
#[cfg_attr(not(feature = "delta"), allow(dead_code))]
mod delta;
mod delta_arguments;
mod embedded_library;
mod exit_code;
mod export_arguments;
mod failure;
mod format_arguments;
mod interrupt;
mod output;
mod password;
mod pipe_arguments;
mod progress;
mod request;
mod session;
mod sink_arguments;
mod tables_arguments;
mod units;

use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::Parser;

use arguments::{Arguments, Command};
use exit_code::ExitCode;
use failure::Failure;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    finish(|| run(arguments.command)).into()
}

/// Runs a command and says on standard error how it failed. A panic is a defect: by then everything was rolled back while it unwound.
fn finish(command: impl FnOnce() -> Result<ExitCode, Failure>) -> ExitCode {
    match catch_unwind(AssertUnwindSafe(command)) {
        Ok(Ok(code)) => code,
        Ok(Err(failure)) => {
            if failure.exit_code() != ExitCode::Ok {
                note(format_args!("error: {failure}"));
            }
            failure.exit_code()
        }
        Err(_) => {
            note(format_args!(
                "error: this is a defect of olbridge; what was not committed is rolled back\n  try: report it with the lines above"
            ));
            ExitCode::Unexpected
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    let done = match command {
        Command::Copy(arguments) if !arguments.delta.tables.is_empty() => return tables_arguments::run(&arguments),
        Command::Copy(arguments) if delta_arguments::is_to_delta(&arguments) => return delta_arguments::run(arguments),
        Command::Copy(arguments) if export_arguments::is_export(&arguments) => command::export::run(export_arguments::export(arguments)?),
        Command::Copy(arguments) if pipe_arguments::is_pipe(&arguments) => command::pipe::run(pipe_arguments::pipe(arguments)?),
        Command::Copy(arguments) => return command::copy::run(request::copy(arguments)?),
        Command::Delta(arguments) => return delta::run(arguments),
        Command::Describe(arguments) => command::describe::run(&arguments),
        Command::Sql(arguments) => command::sql::run(&arguments),
        Command::Check(arguments) => command::check::run(&arguments),
        Command::Types => command::types::run(),
    };
    done.map(|()| ExitCode::Ok)
}

/// A line on standard error. Unlike `eprintln!` it does not panic when nobody listens any more.
fn note(message: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_exit_code_1() {
        assert_eq!(finish(|| panic!("a defect")), ExitCode::Unexpected);
        assert_eq!(finish(|| Err(failure::usage("m", "r"))), ExitCode::Usage);
        assert_eq!(finish(|| Err(Failure::ClosedOutput)), ExitCode::Ok);
        assert_eq!(finish(|| Ok(ExitCode::Ok)), ExitCode::Ok);
    }
}
