//! Errors of Delta tables as the library's own.

use olbridge_delta::Error as DeltaError;
use olbridge_delta::error::{ColumnProblem, ValueCause};

use crate::error::{Error, Phase, PlanProblem, RowError, SourceRow};
use crate::lake::delta::store_error;

fn problem(problem: ColumnProblem) -> PlanProblem {
    PlanProblem { column: Some(problem.column), reason: problem.message, remedy: problem.remedy }
}

/// What the user has to do about it decides the kind; a source's own error comes back as it was.
pub(super) fn failed(error: DeltaError, table: &str) -> Error {
    let refused = |reason: String, remedy: String| Error::Plan {
        table: table.to_owned(),
        problems: vec![PlanProblem { column: None, reason, remedy }],
    };
    match error {
        DeltaError::Plan { problems, .. } => Error::Plan { table: table.to_owned(), problems: problems.into_iter().map(problem).collect() },
        DeltaError::Connection { name, message, remedy } => Error::Usage { message: format!("connection {name}: {message}"), remedy },
        DeltaError::Invalid { action, message, remedy, .. } | DeltaError::Unsupported { action, message, remedy, .. } => {
            refused(format!("{action}: {message}"), remedy)
        }
        DeltaError::TableExists { .. } => refused("a Delta table is there already".into(), "another name, or --if-not-exists".into()),
        DeltaError::Value { column, row, message, cause, .. } => Error::Row(Box::new(RowError {
            phase: Phase::Convert,
            table: table.to_owned(),
            column: Some(column),
            source: SourceRow { file: None, row },
            rowid: None,
            ora_code: None,
            message,
            remedy: match cause {
                ValueCause::Loss => "round(…) or a cast in the expression or the source, if the loss is meant; nothing was written".into(),
                other => format!("{}; nothing was written", other.remedy()),
            },
        })),
        DeltaError::Source { source: Some(source), message, location } => match source.downcast::<Error>() {
            Ok(own) => *own,
            Err(_) => store_error(&DeltaError::Source { location, message, source: None }, Phase::Read, table),
        },
        other => store_error(&other, phase_of(&other), table),
    }
}

/// Who only looks at a table reads.
fn phase_of(error: &DeltaError) -> Phase {
    match error {
        DeltaError::NoTable { .. } => Phase::Read,
        DeltaError::Delta { action, .. } | DeltaError::Store { action, .. } if is_reading(action) => Phase::Read,
        _ => Phase::Write,
    }
}

fn is_reading(action: &str) -> bool {
    ["open", "read", "list", "find", "look", "understand"].iter().any(|word| action.starts_with(word))
}
