//! Tables looked at.

use std::fmt;

use olbridge_delta::Location;
use olbridge_delta::table::{At, Description, HistoryEntry, Scan, Table, TableReader};
use serde::Serialize;

use super::DeltaTables;
use super::asked;
use super::failure::failed;
use crate::copy::format::{TextTable, bytes, count, thousands};
use crate::error::Result;

/// A version of a table, described.
#[derive(Debug, Serialize)]
pub struct Described(pub Description);

/// Commits, newest first.
#[derive(Debug, Serialize)]
pub struct Histories {
    /// Where the table is.
    pub table: String,
    /// The commits.
    pub commits: Vec<HistoryEntry>,
}

impl DeltaTables {
    /// Describes a version.
    ///
    /// # Errors
    /// [`crate::Error::Plan`] when there is no such version.
    pub fn describe(&self, location: &Location, asked: &asked::Version) -> Result<Described> {
        let described = self.at(location, asked)?.describe();
        described.map(Described).map_err(|error| failed(error, &location.to_string()))
    }

    /// The newest commits, `limit` of them at most.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn history(&self, location: &Location, limit: Option<usize>) -> Result<Histories> {
        let commits = self.with(location, |table| {
            let found = table.refresh().and_then(|()| table.history(limit));
            found.map_err(|error| failed(error, &location.to_string()))
        })?;
        Ok(Histories { table: location.to_string(), commits })
    }

    /// Reads a version.
    ///
    /// # Errors
    /// [`crate::Error::Plan`] for a version, a column or a condition that the table does not have or understand.
    pub fn read(&self, location: &Location, asked: &asked::Read) -> Result<TableReader> {
        let version = asked::Version { version: asked.version, timestamp: asked.timestamp.clone() };
        let scan = Scan { columns: asked.columns.clone(), predicate: asked.r#where.clone(), batch_rows: asked.batch_rows };
        self.at(location, &version)?.read(&scan).map_err(|error| failed(error, &location.to_string()))
    }

    fn at(&self, location: &Location, asked: &asked::Version) -> Result<Table> {
        let table = self.open_existing(location)?;
        let table = match asked.at()? {
            At::Latest => return Ok(table),
            At::Version(version) => table.at(version),
            At::Timestamp(time) => table.at_time(time),
        };
        table.map_err(|error| failed(error, &location.to_string()))
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let d = &self.0;
        let rows = d.rows.map_or("rows not known".into(), |rows| count(rows, "row"));
        writeln!(f, "{}: version {}, {rows}, {}, {}", d.location, d.version, count(d.files, "file"), bytes(d.bytes))?;
        for (name, value) in [("name", &d.name), ("comment", &d.comment)] {
            if let Some(value) = value {
                writeln!(f, "{name:<10} {value}")?;
            }
        }
        if let Some(created) = d.created {
            writeln!(f, "created    {}", created.format("%Y-%m-%dT%H:%M:%S%.3fZ"))?;
        }
        let features = |of: &[String]| if of.is_empty() { String::new() } else { format!(" ({})", of.join(", ")) };
        let (readers, writers) = (features(&d.reader_features), features(&d.writer_features));
        writeln!(f, "protocol   reader {}{readers}, writer {}{writers}", d.reader_version, d.writer_version)?;
        if !d.partition_columns.is_empty() {
            writeln!(f, "partitions {}", d.partition_columns.join(", "))?;
        }
        for (key, value) in &d.properties {
            writeln!(f, "property   {key} = {value}")?;
        }
        let mut table = TextTable::new(["column", "type", ""]);
        for (name, of, nullable) in &d.columns {
            table.row([name.clone(), of.clone(), if *nullable { String::new() } else { "not null".into() }]);
        }
        write!(f, "\n{table}")
    }
}

impl fmt::Display for Histories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = TextTable::new(["version", "time", "operation", "rows"]);
        for commit in &self.commits {
            let time = commit.timestamp.map(|time| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()).unwrap_or_default();
            table.row([commit.version.to_string(), time, commit.operation.clone().unwrap_or_default(), changed_rows(commit)]);
        }
        write!(f, "{table}")
    }
}

/// The counts that a commit gives of its rows, by the names of either family of writers.
fn changed_rows(commit: &HistoryEntry) -> String {
    const NAMES: [(&str, &str); 9] = [
        ("num_added_rows", "added"),
        ("num_target_rows_inserted", "inserted"),
        ("num_target_rows_updated", "updated"),
        ("num_target_rows_deleted", "deleted"),
        ("num_updated_rows", "updated"),
        ("num_deleted_rows", "deleted"),
        ("numOutputRows", "written"),
        ("numUpdatedRows", "updated"),
        ("numDeletedRows", "deleted"),
    ];
    let Some(metrics) = commit.info.get("operationMetrics") else { return String::new() };
    let number = |value: &serde_json::Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let counts = NAMES.iter().filter_map(|(name, word)| Some((metrics.get(name).and_then(number)?, word)));
    counts.filter(|(rows, _)| *rows > 0).map(|(rows, word)| format!("{} {word}", thousands(rows))).collect::<Vec<_>>().join(", ")
}
