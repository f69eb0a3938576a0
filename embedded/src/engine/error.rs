//! Errors in Oracle's words: a number, the whole message text and, where it is known, the place in the SQL text.

use std::fmt::Display;

/// What every engine call returns.
pub type Result<T> = std::result::Result<T, OraError>;

/// An error as Oracle would report it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OraError {
    /// ORA number, positive (942 for ORA-00942).
    pub code: i32,
    /// Whole text, with its prefix: `ORA-00942: table or view does not exist`.
    pub message: String,
    /// Offset in bytes of the error in the SQL text, 0-based, where known.
    pub offset: Option<u16>,
}

impl Display for OraError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OraError {}

impl OraError {
    /// An error with `text` after the prefix `ORA-nnnnn: `.
    pub fn new(code: i32, text: impl Display) -> OraError {
        OraError { code, message: format!("ORA-{code:05}: {text}"), offset: None }
    }

    /// The same error, at `offset` bytes in the SQL text.
    #[must_use]
    pub fn at(mut self, offset: Option<usize>) -> OraError {
        self.offset = self.offset.or(offset.and_then(|offset| u16::try_from(offset).ok()));
        self
    }

    /// ORA-03001, naming what this engine does not do.
    pub fn unsupported(what: impl Display) -> OraError {
        OraError::new(3001, format_args!("unimplemented feature: {what} is not supported by the embedded engine"))
    }

    /// ORA-00942.
    pub fn no_table() -> OraError {
        OraError::new(942, "table or view does not exist")
    }

    /// ORA-00904 for the identifier as the user would quote it.
    pub fn invalid_identifier(name: impl Display) -> OraError {
        OraError::new(904, format_args!("{name}: invalid identifier"))
    }

    /// ORA-00932 with both type names.
    pub fn inconsistent(expected: impl Display, got: impl Display) -> OraError {
        OraError::new(932, format_args!("inconsistent datatypes: expected {expected} got {got}"))
    }

    /// ORA-01722.
    pub fn invalid_number() -> OraError {
        OraError::new(1722, "invalid number")
    }

    /// ORA-01426.
    pub fn numeric_overflow() -> OraError {
        OraError::new(1426, "numeric overflow")
    }

    /// ORA-00600 with the failing part named: a defect of the engine or a damaged file, never a mistake of the caller.
    pub fn internal(what: impl Display) -> OraError {
        OraError::new(600, format_args!("internal error code, arguments: [{what}], [], [], [], [], [], [], []"))
    }

    /// Reads back an error that travelled through SQLite as text.
    pub(crate) fn from_text(message: &str) -> Option<OraError> {
        let at = message.find("ORA-")?;
        let code = message.get(at + 4..at + 9)?.parse().ok()?;
        Some(OraError { code, message: message[at..].to_owned(), offset: None })
    }
}

/// Maps what SQLite itself can fail with; constraint errors that need the catalog are mapped by the statement that met them.
impl From<rusqlite::Error> for OraError {
    fn from(error: rusqlite::Error) -> OraError {
        use rusqlite::ErrorCode as C;
        let text = error.to_string();
        if let Some(error) = OraError::from_text(&text) {
            return error;
        }
        match error.sqlite_error_code() {
            Some(C::DatabaseBusy | C::DatabaseLocked) => OraError::new(
                54,
                "resource busy and acquire with NOWAIT specified or timeout expired (another session is writing to this file)",
            ),
            Some(C::OperationInterrupted) => OraError::new(1013, "user requested cancel of current operation"),
            Some(C::DiskFull) => OraError::new(1653, format_args!("unable to extend table: {text}")),
            Some(C::ReadOnly) => OraError::new(16000, "database or pluggable database open for read-only access"),
            Some(C::CannotOpen) => OraError::new(12154, format_args!("could not open the database file: {text}")),
            Some(C::NotADatabase) => OraError::new(1251, format_args!("not a database file of the embedded engine: {text}")),
            Some(C::TooBig) => OraError::new(1460, "unimplemented or unreasonable conversion requested (value too large)"),
            Some(C::SystemIoFailure | C::DatabaseCorrupt) => {
                OraError::new(1115, format_args!("IO error reading or writing the file: {text}"))
            }
            _ => OraError::internal(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_padded_to_five_digits_and_survives_a_trip_as_text() {
        let error = OraError::new(1, "unique constraint (A.B) violated");
        assert_eq!(error.message, "ORA-00001: unique constraint (A.B) violated");
        assert_eq!(OraError::from_text(&format!("sqlite: {error}")), Some(error));
        assert_eq!(OraError::from_text("no such table"), None);
    }
}
