//! `olbridge delta`: Delta tables made, looked at, changed, cared for and dropped.

pub mod arguments;
#[cfg(feature = "delta")]
mod rows;
#[cfg(feature = "delta")]
mod run;
mod shared_arguments;

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use arguments::DeltaCommand;

/// Does what was asked for.
#[cfg(feature = "delta")]
pub fn run(command: DeltaCommand) -> Result<ExitCode, Failure> {
    run::run(command.verb).map(|()| ExitCode::Ok)
}

/// Says that this build cannot.
#[cfg(not(feature = "delta"))]
pub fn run(_: DeltaCommand) -> Result<ExitCode, Failure> {
    Err(crate::failure::usage("this olbridge was built without Delta Lake", "cargo install --path . --features delta"))
}
