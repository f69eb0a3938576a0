//! What was done to a table.

use std::fmt;

use olbridge_delta::table;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::copy::format::thousands;

/// What became of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is in the table, or nothing had to be changed.
    Committed,
    /// The table has this epoch, or a later one, already: nothing was done.
    AlreadyCommitted,
    /// The table is there (or is not), and was to be left alone then.
    Nothing,
    /// It was only looked at what would be done.
    Planned,
    /// Done, without a commit.
    Done,
}

/// The answer. `Display` is for people, `Serialize` for `--report json` and the C ABI.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    /// `create`, `merge into`, …
    pub operation: &'static str,
    /// Where the table is.
    pub table: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The version that the table has then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// How often it was run, because other writers were faster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// The epoch that the table has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// Counts, by name.
    #[serde(flatten)]
    pub counts: Map<String, Value>,
    /// Files that went or would go, below the table's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<String>>,
}

impl Done {
    /// Without counts.
    pub(super) fn new(operation: &'static str, table: &table::Table, outcome: Outcome) -> Done {
        Done {
            operation,
            table: table.location().to_string(),
            outcome,
            version: table.version(),
            attempts: None,
            epoch: None,
            counts: Map::new(),
            files: None,
        }
    }

    /// From the outcome of an operation.
    pub(super) fn of<M: Serialize>(operation: &'static str, table: &table::Table, outcome: table::Outcome<M>) -> Done {
        match outcome {
            table::Outcome::Committed { version, metrics, attempts } => {
                let done = Done { version: Some(version), attempts: Some(attempts), ..Done::new(operation, table, Outcome::Committed) };
                done.with(&metrics)
            }
            table::Outcome::AlreadyCommitted { epoch } => {
                Done { epoch: Some(epoch), ..Done::new(operation, table, Outcome::AlreadyCommitted) }
            }
            table::Outcome::Ignored => Done::new(operation, table, Outcome::Nothing),
        }
    }

    /// With counts.
    pub(super) fn with(mut self, counts: &impl Serialize) -> Done {
        if let Ok(Value::Object(counts)) = serde_json::to_value(counts) {
            self.counts.extend(counts.into_iter().filter(|(name, _)| name != "version"));
        }
        self
    }

    /// With one count.
    pub(super) fn count(mut self, name: &str, value: impl Into<Value>) -> Done {
        self.counts.insert(name.to_owned(), value.into());
        self
    }

    /// With files.
    pub(super) fn files(self, files: Vec<String>) -> Done {
        Done { files: Some(files), ..self }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.map(|version| format!(", version {version}")).unwrap_or_default();
        let outcome = match (self.outcome, self.epoch) {
            (Outcome::Committed, _) => format!("done{version}"),
            (Outcome::AlreadyCommitted, Some(epoch)) => format!("nothing done, the table has epoch {epoch} already"),
            (Outcome::AlreadyCommitted, None) => "nothing done, the table has it already".into(),
            (Outcome::Nothing, _) => format!("nothing done{version}"),
            (Outcome::Planned, _) => format!("nothing done yet{version}; this is what would be"),
            (Outcome::Done, _) => "done".into(),
        };
        writeln!(f, "{} {}: {outcome}", self.operation, self.table)?;
        if let Some(attempts) = self.attempts.filter(|attempts| *attempts > 1) {
            writeln!(f, "  attempts        {attempts}: other writers were faster")?;
        }
        for (name, value) in &self.counts {
            let value = match value {
                Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), thousands),
                Value::String(text) => text.clone(),
                Value::Null => "not known".into(),
                Value::Bool(answer) => if *answer { "yes" } else { "no" }.into(),
                other => other.to_string(),
            };
            writeln!(f, "  {:<15} {value}", name.replace('_', " "))?;
        }
        self.files.iter().flatten().try_for_each(|file| writeln!(f, "  {file}"))
    }
}
