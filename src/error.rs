//! One error type for the whole library: every variant names the phase and the place, and its message ends with what to do next.

use std::fmt;
use std::path::PathBuf;

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The step of a job in which something happened; part of every message and of the JSON report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Finding and loading the client library, logging in.
    Connect,
    /// Asking Oracle or a file for its columns.
    Describe,
    /// Matching columns and types before a row moves.
    Plan,
    /// CREATE, TRUNCATE, DROP of the target table.
    Ddl,
    /// Reading and decoding the source.
    Read,
    /// Arrow values into OCI buffers.
    Convert,
    /// Array DML in the database.
    Execute,
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// A query asked for by the user.
    Query,
    /// Writing the file of refused rows.
    Rejects,
    /// Writing the target file.
    Write,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Connect => "connect",
            Phase::Describe => "describe",
            Phase::Plan => "plan",
            Phase::Ddl => "ddl",
            Phase::Read => "read",
            Phase::Convert => "convert",
            Phase::Execute => "execute",
            Phase::Commit => "commit",
            Phase::Rollback => "rollback",
            Phase::Query => "query",
            Phase::Rejects => "rejects",
            Phase::Write => "write",
        })
    }
}

/// A position in the source: which file, and which row of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceRow {
    /// The file, as the user named it or the glob found it; `None` for batches that a library caller pushed.
    pub file: Option<PathBuf>,
    /// 1-based row number within that file (or within everything pushed); 0 when it is not known.
    pub row: u64,
}

impl fmt::Display for SourceRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{} row {}", file.display(), self.row),
            None if self.row == 0 => f.write_str("a row"),
            None => write!(f, "source row {}", self.row),
        }
    }
}

/// Everything that can go wrong, by what the user has to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request itself is wrong: bad target, unknown column in `--columns`, contradicting options.
    #[error("{message}\n  try: {remedy}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead.
        remedy: String,
    },
    /// No usable client library, or no login.
    #[error("connect: {target}: {message}\n  try: {remedy}")]
    Connect {
        /// The target without any secret.
        target: String,
        /// ORA code when the client or server gave one.
        ora_code: Option<i32>,
        /// The text that came with it.
        message: String,
        /// What to do next.
        remedy: String,
    },
    /// The plan cannot be carried out exactly; nothing has moved. One line per problem.
    #[error("plan: {table}: {}\n  nothing was loaded", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
    Plan {
        /// The target table.
        table: String,
        /// Every problem found, not only the first.
        problems: Vec<PlanProblem>,
    },
    /// A value or a row was refused, by the bridge or by the database.
    #[error("{0}")]
    Row(Box<RowError>),
    /// The database refused a statement as a whole, or the connection broke.
    #[error("{phase}: {}{}{message}\n  try: {remedy}", table.as_deref().unwrap_or(""), if table.is_some() { ": " } else { "" })]
    Database {
        /// When it happened.
        phase: Phase,
        /// The table concerned, if one is.
        table: Option<String>,
        /// ORA code; 0 when there is none.
        ora_code: i32,
        /// The database's text, starting with `ORA-`.
        message: String,
        /// What to do next.
        remedy: String,
        /// The session is gone: nothing can be said of it but that its open transaction is rolled back by the server.
        session_dead: bool,
    },
    /// A file cannot be found, read, decoded or written.
    #[error("{phase}: {}: {message}\n  try: {remedy}", path.display())]
    Source {
        /// Describe, read or write.
        phase: Phase,
        /// The file.
        path: PathBuf,
        /// What the reader said.
        message: String,
        /// What to do next.
        remedy: String,
    },
    /// A look at all values before the first row moves has found some that would be refused.
    #[error("preflight: {table}: {rows_refused} of {rows} rows would be refused:{}\n  nothing was loaded", lines_of(refused))]
    Preflight {
        /// The target table.
        table: String,
        /// Rows that were looked at.
        rows: u64,
        /// Of them, those with a value that would be refused.
        rows_refused: u64,
        /// By column.
        refused: Vec<RefusedValues>,
    },
    /// Ctrl-C or a cancel from another thread; the transaction has been rolled back.
    #[error("interrupted: rolled back, {} in {table}{}",
        if *rows_rolled_back == 0 { "nothing of this job is".to_owned() } else { format!("{rows_rolled_back} rows are not") },
        if *rows_committed > 0 { format!("; {rows_committed} rows had been committed before and stay") } else { String::new() })]
    Interrupted {
        /// The target table.
        table: String,
        /// Rows that had been sent and were taken back.
        rows_rolled_back: u64,
        /// Rows that had been committed before (`--commit-rows`) and stay.
        rows_committed: u64,
    },
    /// Whoever read standard output has gone away: nobody wants the rest.
    #[error("standard output was closed before the last row")]
    ClosedOutput,
    /// Ctrl-C or a cancel from another thread while a file was written.
    #[error("interrupted: {} was not written; {rows_fetched} rows had been read", path.display())]
    ExportInterrupted {
        /// The file that is not there, or still the old one.
        path: PathBuf,
        /// Rows read until then.
        rows_fetched: u64,
    },
}

impl Error {
    /// The connection to the database is gone, as opposed to a statement that the database refused. What was not committed is rolled back.
    pub fn is_lost_connection(&self) -> bool {
        matches!(self, Error::Database { session_dead: true, .. })
    }

    /// A commit that failed like this may have happened all the same. Only errors that are known to be the database's refusal are taken for one,
    /// because there is no end to the codes of a lost answer.
    pub fn is_commit_in_doubt(&self) -> bool {
        // A constraint or a materialized view that is checked at the commit, a privilege, a distributed lock.
        let is_refusal = |ora_code: i32| matches!(ora_code, 1 | 60 | 1031 | 2049 | 2091 | 2290..=2292 | 12008 | 12048);
        match self {
            Error::Database { phase: Phase::Commit, session_dead, ora_code, .. } => *session_dead || !is_refusal(*ora_code),
            // A commit of a Delta table whose answer was lost; what a store refuses has another phase.
            Error::Source { phase, .. } => *phase == Phase::Commit,
            _ => false,
        }
    }
}

fn lines_of(refused: &[RefusedValues]) -> String {
    refused.iter().map(|column| format!("\n  {column}")).collect()
}

/// The values of one column that would be refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RefusedValues {
    /// Column of the table.
    pub column: String,
    /// Its type.
    pub oracle_type: String,
    /// Column of the source.
    pub source_column: String,
    /// How many.
    pub rows: u64,
    /// The first of them.
    pub first: RowError,
}

impl fmt::Display for RefusedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = if self.rows == 1 { "1 row".to_owned() } else { format!("{} rows, first", self.rows) };
        write!(
            f,
            "{} {}: {rows} {}: {}\n    try: {}",
            self.column, self.oracle_type, self.first.source, self.first.message, self.first.remedy
        )
    }
}

/// One reason why a plan cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{}{reason}; try: {remedy}", column.as_ref().map(|c| format!("column {c}: ")).unwrap_or_default())]
pub struct PlanProblem {
    /// The source column, if the problem is one column's.
    pub column: Option<String>,
    /// What does not fit, with both types.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// A row that was refused: where it came from, why, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RowError {
    /// Convert (the bridge refused it) or execute (the database did).
    pub phase: Phase,
    /// Target table.
    pub table: String,
    /// Column, when known.
    pub column: Option<String>,
    /// File and row.
    pub source: SourceRow,
    /// Address of the row, where it was read from a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rowid: Option<String>,
    /// ORA code when the database refused it.
    pub ora_code: Option<i32>,
    /// Why.
    pub message: String,
    /// What to do next.
    pub remedy: String,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.phase, self.table)?;
        if let Some(column) = &self.column {
            write!(f, " column {column}")?;
        }
        match &self.rowid {
            Some(rowid) => write!(f, ": the row with ROWID {rowid}")?,
            None => write!(f, ": {}", self.source)?,
        }
        write!(f, ": {}\n  try: {}", self.message, self.remedy)
    }
}
