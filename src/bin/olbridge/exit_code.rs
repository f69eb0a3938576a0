//! Exit codes of the command: the one table that documents them, and the one place that maps an error to them.
//!
//! | code | meaning | what stays in the table |
//! |---|---|---|
//! | 0 | done, or nothing to do | everything |
//! | 1 | unexpected: a defect of olbridge | nothing (rolled back) |
//! | 2 | usage: the command line is wrong | nothing |
//! | 3 | no client library, no connection or no login | nothing |
//! | 4 | the plan does not fit: types, columns, no such table | nothing has moved |
//! | 5 | a row was refused, by olbridge or by the database, or would be (`--preflight`) | nothing, or what `--commit-rows` committed before |
//! | 6 | a file or storage could not be read or written | nothing, or what `--commit-rows` committed before; unknown if the answer to the commit of a Delta table was lost |
//! | 7 | the database refused a statement, or the connection was lost | nothing, or what `--commit-rows` committed before; unknown if the connection was lost in the commit |
//! | 8 | loaded and committed, but the report could not be written | everything: do not run it again |
//! | 9 | done, but rows were refused: they are in the file of `--rejects` | all other rows |
//! | 130 | interrupted by Ctrl-C or SIGTERM, rolled back | nothing, or what `--commit-rows` committed before |

use olbridge::Error;

/// How the process ends. The integers are part of the interface and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or nothing to do.
    Ok = 0,
    /// A defect of olbridge.
    Unexpected = 1,
    /// The command line is wrong; clap uses the same number.
    Usage = 2,
    /// No client library, no connection or no login.
    Connect = 3,
    /// The plan does not fit; nothing has moved.
    Plan = 4,
    /// A row was refused; nothing of its transaction stays.
    Row = 5,
    /// A file or storage could not be read or written.
    Storage = 6,
    /// The database refused a statement, or the connection was lost.
    Database = 7,
    /// Loaded and committed, but the report or the summary could not be written. Not a failure that may be tried again.
    LoadedUnreported = 8,
    /// Done, but rows were refused and are in a file.
    Rejected = 9,
    /// Ctrl-C or SIGTERM, after the rollback.
    Interrupted = 130,
}

impl ExitCode {
    /// Every code, in order.
    #[cfg(test)]
    pub const ALL: [ExitCode; 11] = [
        ExitCode::Ok,
        ExitCode::Unexpected,
        ExitCode::Usage,
        ExitCode::Connect,
        ExitCode::Plan,
        ExitCode::Row,
        ExitCode::Storage,
        ExitCode::Database,
        ExitCode::LoadedUnreported,
        ExitCode::Rejected,
        ExitCode::Interrupted,
    ];
}

impl From<&Error> for ExitCode {
    fn from(error: &Error) -> Self {
        match error {
            Error::Usage { .. } => ExitCode::Usage,
            Error::Connect { .. } => ExitCode::Connect,
            Error::Plan { .. } => ExitCode::Plan,
            Error::Row(_) | Error::Preflight { .. } => ExitCode::Row,
            Error::Source { .. } => ExitCode::Storage,
            Error::Database { .. } => ExitCode::Database,
            Error::Interrupted { .. } | Error::ExportInterrupted { .. } => ExitCode::Interrupted,
            _ => ExitCode::Unexpected,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        std::process::ExitCode::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use olbridge::error::{Phase, RowError, SourceRow};

    #[test]
    fn the_documented_numbers_are_the_real_ones() {
        let documented: Vec<u8> =
            include_str!("exit_code.rs").lines().filter_map(|line| line.strip_prefix("//! | ")?.split(' ').next()?.parse().ok()).collect();
        let real: Vec<u8> = ExitCode::ALL.iter().map(|&code| code as u8).collect();
        assert_eq!(documented, real);
    }

    #[test]
    fn each_error_has_its_code() {
        let row = RowError {
            phase: Phase::Convert,
            table: "T".into(),
            column: None,
            source: SourceRow { file: None, row: 1 },
            rowid: None,
            ora_code: None,
            message: String::new(),
            remedy: String::new(),
        };
        let s = String::new;
        let cases = [
            (Error::Usage { message: s(), remedy: s() }, 2),
            (Error::Connect { target: s(), ora_code: None, message: s(), remedy: s() }, 3),
            (Error::Plan { table: s(), problems: vec![] }, 4),
            (Error::Row(Box::new(row)), 5),
            (Error::Source { phase: Phase::Read, path: "f".into(), message: s(), remedy: s() }, 6),
            (Error::Database { phase: Phase::Execute, table: None, ora_code: 3113, message: s(), remedy: s(), session_dead: true }, 7),
            (Error::Interrupted { table: s(), rows_rolled_back: 0, rows_committed: 0 }, 130),
        ];
        for (error, code) in cases {
            assert_eq!(ExitCode::from(&error) as u8, code, "{error:?}");
        }
    }
}
