//! deltalake's errors → ours, and what may be done about each.

use deltalake::kernel::transaction::{CommitConflictError, TransactionError};
use deltalake::{DeltaTableError, ObjectStoreError};

use crate::error::Error;
use crate::location::Location;
use crate::store::store_error;

/// Whether another writer was faster, so that the operation may be run again on the new version.
pub(crate) fn is_conflict(error: &DeltaTableError) -> bool {
    match error {
        DeltaTableError::VersionAlreadyExists(_) | DeltaTableError::VersionMismatch(..) => true,
        DeltaTableError::Transaction { source } => match source {
            TransactionError::CommitConflict(conflict) => {
                !matches!(conflict, CommitConflictError::UnsupportedReaderVersion(_) | CommitConflictError::UnsupportedWriterVersion(_))
            }
            source => matches!(source, TransactionError::MaxCommitAttempts(_) | TransactionError::VersionAlreadyExists(_)),
        },
        // A file of the version that was read has been removed by a vacuum or a compaction since; the new version does not name it.
        error => matches!(error, DeltaTableError::ObjectStore { source: ObjectStoreError::AlreadyExists { .. } }),
    }
}

/// Says whether the error means that there is no table.
pub(crate) fn is_no_table(error: &DeltaTableError) -> bool {
    matches!(error, DeltaTableError::NotATable(_))
}

/// What the reader of logs says where a store does not answer.
const STORE: &str = "interacting with object store";

/// How DataFusion says that an expression is wrong, or a constant of it.
const EXPRESSION: [&str; 6] =
    ["Error during planning", "type_coercion", "Cannot infer common argument type", "Cannot cast string", "Schema error", "non-boolean"];

/// The error as the user sees it.
pub(crate) fn delta_error(action: &'static str, location: &Location, error: &DeltaTableError) -> Error {
    let (location_text, message) = (location.to_string(), crate::store::without_queries(&error.to_string()));
    match error {
        DeltaTableError::NotATable(_) => Error::NoTable { location: location_text },
        DeltaTableError::ObjectStore { source } => store_error(action, location, source),
        DeltaTableError::Transaction { source: TransactionError::UnsupportedTableFeatures(features) } => Error::Unsupported {
            action,
            location: location_text,
            message: format!("the table needs features that are not implemented: {features:?}"),
            remedy: "the engine that made the table; where it can, ALTER TABLE … DROP FEATURE there".into(),
        },
        DeltaTableError::UnsupportedColumnMapping { .. } => {
            Error::Unsupported { action, remedy: without_mapping(location), location: location_text, message }
        }
        DeltaTableError::SchemaMismatch { .. } | DeltaTableError::InvalidData { .. } => {
            Error::Invalid { action, location: location_text, message, remedy: "rows that keep the constraints of the table".into() }
        }
        // The rows themselves follow in the text, and are not repeated.
        _ if message.contains("failed validation check") => {
            let rows =
                message.split("Invalid data found: ").nth(1).and_then(|rest| rest.split_once(" failed")).map_or("rows", |(rows, _)| rows);
            let message = format!("{rows} do not keep the constraints of the table");
            Error::Invalid {
                action,
                location: location_text,
                message,
                remedy: "other rows, or dropping the constraint that describe shows".into(),
            }
        }
        _ if message.contains("Resources exhausted") => Error::Delta {
            action,
            location: location_text,
            message: format!("the memory that it may have is not enough: {}", last_line(&message)),
            remedy: "more of it, as OLBRIDGE_DELTA_MEMORY_MB=2048, or a source in parts".into(),
        },
        _ if is_full(&message) => Error::Delta {
            action,
            location: location_text,
            message: format!("the disk of temporary files, or of the table, is full: {}", last_line(&message)),
            remedy: "room there, or TMPDIR=… on a disk that has some".into(),
        },
        DeltaTableError::InvalidVersion(version) => Error::Invalid {
            action,
            location: location_text,
            message: format!("there is no version {version}"),
            remedy: "a version from the history".into(),
        },
        DeltaTableError::KernelError(_) if message.contains("not the same as the specified end version") => Error::Invalid {
            action,
            location: location_text,
            message: "there is no such version".into(),
            remedy: "a version from the history".into(),
        },
        DeltaTableError::KernelError(_) | DeltaTableError::Kernel { .. } if message.contains("nsupported") => {
            Error::Unsupported { action, location: location_text, message, remedy: "the engine that made the table".into() }
        }
        _ if action != "read" && EXPRESSION.iter().any(|text| message.contains(text)) => Error::Invalid {
            action,
            location: location_text,
            message: last_line(&message).to_owned(),
            remedy: "SQL that fits the types of the columns (describe shows them), as \"day = DATE '2026-01-31'\"".into(),
        },
        _ if message.contains(STORE) => {
            let remedy = "a look at the address (the endpoint, too), the network and the credential; then the same again".into();
            Error::Delta { action, location: location_text, message, remedy }
        }
        _ => Error::Delta {
            action,
            location: location_text,
            message,
            remedy: "the same again; if it stays, a look at the table's history".into(),
        },
    }
}

/// What to do with a table whose column mapping is in the way.
pub(crate) fn without_mapping(location: &Location) -> String {
    format!("a copy, which has no column mapping: olbridge delta write COPY --from delta:{location} --mode create")
}

/// What a chain of errors ends with.
fn last_line(message: &str) -> &str {
    message.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(message).trim()
}

fn is_full(message: &str) -> bool {
    ["No space left on device", "os error 28", "not enough space on the disk"].iter().any(|text| message.contains(text))
}
