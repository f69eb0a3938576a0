//! What can end a command other than success, and how it is told.

use std::fmt;
use std::io;
use std::path::PathBuf;

use olbridge::Error;

use crate::exit_code::ExitCode;

/// Why a command ends early.
#[derive(Debug)]
pub enum Failure {
    /// The library's error.
    Library(Error),
    /// Standard output was closed by the reader (`| head`): a clean end.
    ClosedOutput,
    /// Standard output could not be written for another reason.
    Output(io::Error),
    /// A file that the command writes (the report).
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The rows are committed, but this kept the report or the summary from being written.
    LoadedUnreported(Box<Failure>),
}

impl Failure {
    /// How the process ends.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Library(error) => ExitCode::from(error),
            Failure::ClosedOutput => ExitCode::Ok,
            Failure::Output(_) | Failure::File { .. } => ExitCode::Storage,
            Failure::LoadedUnreported(_) => ExitCode::LoadedUnreported,
        }
    }

    /// The same after the commit: running the command again would load the rows twice.
    pub fn after_commit(self) -> Failure {
        match self {
            // Whoever closed the output did not want the rest.
            Failure::ClosedOutput => Failure::ClosedOutput,
            other => Failure::LoadedUnreported(Box::new(other)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Library(error) => error.fmt(f),
            Failure::LoadedUnreported(reason) => {
                write!(f, "the rows are loaded and committed, do not load them again; only the report could not be written: {reason}")
            }
            Failure::ClosedOutput => f.write_str("standard output was closed"),
            Failure::Output(error) => write!(f, "standard output: {error}\n  try: write to a file or disk that has room"),
            Failure::File { path, error } => {
                write!(f, "{}: {error}\n  try: name a file in a folder that exists and can be written", path.display())
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::ClosedOutput => Failure::ClosedOutput,
            error => Failure::Library(error),
        }
    }
}

/// Errors of standard output; those of files are made with their path.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Failure::ClosedOutput } else { Failure::Output(error) }
    }
}

/// A mistake on the command line that clap cannot see.
pub fn usage(message: impl Into<String>, remedy: impl Into<String>) -> Failure {
    Failure::Library(Error::Usage { message: message.into(), remedy: remedy.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).exit_code(), ExitCode::Ok);
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::StorageFull)).exit_code(), ExitCode::Storage);
    }
}
