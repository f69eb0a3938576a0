//! The command `olbridge`: arguments → a checked request → the library. Results go to standard output, everything else to standard error.

mod arguments;
mod command;
mod embedded_library;
mod exit_code;
mod export_arguments;
mod failure;
mod interrupt;
mod output;
mod password;
mod progress;
mod request;
mod session;
mod units;

use std::fmt;
use std::io::{self, Write};

use clap::Parser;

use arguments::{Arguments, Command};
use exit_code::ExitCode;
use failure::Failure;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(()) => ExitCode::Ok.into(),
        Err(failure) => {
            if failure.exit_code() != ExitCode::Ok {
                note(format_args!("error: {failure}"));
            }
            failure.exit_code().into()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Copy(arguments) if export_arguments::is_export(&arguments) => command::export::run(export_arguments::export(arguments)?),
        Command::Copy(arguments) => command::copy::run(request::copy(arguments)?),
        Command::Describe(arguments) => command::describe::run(&arguments),
        Command::Sql(arguments) => command::sql::run(&arguments),
        Command::Check(arguments) => command::check::run(&arguments),
        Command::Types => command::types::run(),
    }
}

/// A line on standard error. Unlike `eprintln!` it does not panic when nobody listens any more.
fn note(message: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}
