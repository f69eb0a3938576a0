//! One error type for the crate. Every message says what happened, where, and what to do next; none holds a secret.

use std::fmt;

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a store answered, by what the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreFault {
    /// No such object, folder, bucket, container or workspace.
    NotFound,
    /// The object is there already, and was asked for as new.
    AlreadyExists,
    /// The store knows who asks, and says no.
    Denied,
    /// The store does not accept the credential, or none could be had.
    Unauthenticated,
    /// The object has changed since it was looked at.
    Changed,
    /// The store cannot do this at all (for example: writing over plain HTTP).
    Unsupported,
    /// No answer, or a server error after all retries: a write may or may not have happened.
    OutcomeUnknown,
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreFault::NotFound => "not found",
            StoreFault::AlreadyExists => "exists already",
            StoreFault::Denied => "permission denied",
            StoreFault::Unauthenticated => "not authenticated",
            StoreFault::Changed => "changed meanwhile",
            StoreFault::Unsupported => "not supported there",
            StoreFault::OutcomeUnknown => "failed",
        })
    }
}

/// Why a column cannot be carried into a Delta table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnProblem {
    /// The column, with a path for a nested one.
    pub column: String,
    /// Its type and what is wrong with it.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for ColumnProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}; {}", self.column, self.message, self.remedy)
    }
}

/// Why a value is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueCause {
    /// It would not be the same in the table.
    Loss,
    /// The key that it is part of names no row, or names two.
    Key,
    /// It is NULL, and the column may not be.
    Null,
}

impl ValueCause {
    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            ValueCause::Loss => "a cast by name if the loss is wanted, or another type",
            ValueCause::Key => "such rows of the source changed or left out: each needs a key of its own, without NULL",
            ValueCause::Null => "such rows of the source changed or left out, or the column made nullable",
        }
    }
}

/// Everything that can go wrong here, by what the user has to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text names no place that can be opened.
    #[error("location {location}: {message}\n  try: {remedy}")]
    Location {
        /// As the user typed it, without a query (which may hold a signature).
        location: String,
        /// What is wrong with it.
        message: String,
        /// What to type instead.
        remedy: String,
    },
    /// The connections file, or a connection in it, cannot be used.
    #[error("connection {name}: {message}\n  try: {remedy}")]
    Connection {
        /// Its name, or the file when it is the file that is wrong.
        name: String,
        /// What is wrong.
        message: String,
        /// What to do next.
        remedy: String,
    },
    /// A credential cannot be had, or does not fit the service.
    #[error("credential for {location}: {message}\n  try: {remedy}")]
    Credential {
        /// What was to be opened.
        location: String,
        /// What is wrong.
        message: String,
        /// What to do next.
        remedy: String,
    },
    /// A storage option is unknown, or its value is not of its kind.
    #[error("storage option {key} for {location}: {message}\n  try: {remedy}")]
    Option {
        /// What was to be opened.
        location: String,
        /// The option's name.
        key: String,
        /// What is wrong.
        message: String,
        /// What to do next.
        remedy: String,
    },
    /// A store refused, or did not answer.
    #[error("{action} {location}: {fault}: {message}\n  try: {remedy}")]
    Store {
        /// What was being done: `read`, `list`, `write`, `delete`, `open`.
        action: &'static str,
        /// On what.
        location: String,
        /// By what can be done about it.
        fault: StoreFault,
        /// What the store said.
        message: String,
        /// What to do next.
        remedy: String,
    },
    /// There is no Delta table at the location.
    #[error("{location}: no Delta table is there\n  try: a look at the name, or creating it")]
    NoTable {
        /// Where one was looked for.
        location: String,
    },
    /// There is a Delta table at the location, and there was to be none.
    #[error("{location}: a Delta table is there already\n  try: mode append, overwrite or ignore")]
    TableExists {
        /// Where it is.
        location: String,
    },
    /// The columns do not fit; nothing has been written. One line per problem.
    #[error("plan: {location}: {}\n  nothing was written", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
    Plan {
        /// The table.
        location: String,
        /// Every problem found, not only the first.
        problems: Vec<ColumnProblem>,
    },
    /// A value cannot be carried exactly.
    #[error(
        "{location}: column {column}, row {row} of the source: {message}\n  try: {}",
        cause.remedy()
    )]
    Value {
        /// The table.
        location: String,
        /// The column.
        column: String,
        /// 1-based, in the order in which the source gave the rows; 0 when the row is not known.
        row: u64,
        /// What is wrong with the value; the value itself is not repeated.
        message: String,
        /// Why it is refused.
        cause: ValueCause,
    },
    /// The source of the rows has failed; nothing was committed.
    #[error("{location}: the source has failed, nothing was committed: {message}")]
    Source {
        /// The table that was to be written.
        location: String,
        /// What the source said.
        message: String,
        /// The source's own error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The table, or deltalake, cannot do this.
    #[error("{action} {location}: {message}\n  try: {remedy}")]
    Unsupported {
        /// What was asked for.
        action: &'static str,
        /// The table.
        location: String,
        /// The feature, and why it is in the way.
        message: String,
        /// What to do instead.
        remedy: String,
    },
    /// Other writers were faster, every time.
    #[error("{action} {location}: another writer was faster {attempts} times: {message}\n  try: the same again; nothing of it was written")]
    Conflict {
        /// What was being done.
        action: &'static str,
        /// The table.
        location: String,
        /// How often it was tried.
        attempts: u32,
        /// What the last conflict was.
        message: String,
    },
    /// A statement, or the data it would make, is not valid for the table.
    #[error("{action} {location}: {message}\n  try: {remedy}")]
    Invalid {
        /// What was being done.
        action: &'static str,
        /// The table.
        location: String,
        /// What is wrong.
        message: String,
        /// What to do next.
        remedy: String,
    },
    /// Something failed in deltalake.
    #[error("{action} {location}: {message}\n  try: {remedy}")]
    Delta {
        /// What was being done.
        action: &'static str,
        /// The table.
        location: String,
        /// What it said.
        message: String,
        /// What to do next.
        remedy: String,
    },
    /// A commit was sent and its answer was lost: it may be in the table.
    #[error("{action} {location}: whether version {version} was committed is not known: {message}\n  try: {remedy}")]
    InDoubt {
        /// What was being done.
        action: &'static str,
        /// The table.
        location: String,
        /// The version that the commit would have made.
        version: u64,
        /// What the store said.
        message: String,
        /// How to find out.
        remedy: String,
    },
}

impl Error {
    /// Whether a commit that failed with this may be in the table all the same. Everything else says of itself that nothing was committed.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Error::InDoubt { .. })
    }

    /// Whether the thing asked for is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::Store { fault: StoreFault::NotFound, .. } | Error::NoTable { .. })
    }
}
