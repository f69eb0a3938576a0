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
}

impl Error {
    /// Whether a write that failed with this may have happened all the same.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Error::Store { fault: StoreFault::OutcomeUnknown, .. })
    }

    /// Whether the thing asked for is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::Store { fault: StoreFault::NotFound, .. })
    }
}
