//! A version of a Delta table as a source: what `delta:LOCATION` names.

use std::cell::Cell;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow::array::{RecordBatch, RecordBatchOptions, RecordBatchReader};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use olbridge_delta::table::{At, ChangeWay as Way, ChangesBy, NetQuery, Scan, Table};
use olbridge_delta::{Location, StoreOptions, ValueCause};

use super::delta_files::{OwnFiles, own_files, own_layout};
use super::parquet::ReadOptions;
use super::parquet_decode::decode_parquet;
use super::read_ahead::{BATCH_TEXT_BYTES, BatchReader, SourceBatch};
use super::sink::ORACLE_COLUMNS_KEY;
use super::source::{CHANGE_COLUMN, ChangeWay, TableVersion};
use super::source_error;
use crate::error::{Error, Phase, Result, RowError, SourceRow};

/// What stands before the location of a Delta table.
pub const DELTA_PREFIX: &str = "delta:";

/// A table at one version, which is the same whoever reads it and when.
#[derive(Debug, Clone)]
pub struct DeltaSource {
    table: Arc<Table>,
    schema: SchemaRef,
    /// What messages call it.
    label: Arc<Path>,
    id: String,
    version: u64,
    rows: Option<u64>,
    size_bytes: u64,
    /// Not the rows but what has changed of them.
    changes: Option<Arc<NetQuery>>,
    /// What the commits say of the Oracle types of the columns.
    oracle_columns: Arc<OnceLock<Option<String>>>,
}

/// The location behind the prefix; `None` for what names no Delta table.
pub fn delta_location(operand: &str) -> Option<&str> {
    operand.strip_prefix(DELTA_PREFIX)
}

/// Where a Delta table is.
///
/// # Errors
/// [`Error::Usage`] with the forms that there are.
pub fn parse_location(text: &str) -> Result<Location> {
    text.parse().map_err(|error: olbridge_delta::Error| store_error(&error, Phase::Plan, text))
}

impl DeltaSource {
    /// Opens a version.
    ///
    /// # Errors
    /// [`Error::Source`] when there is no such table or version, or it needs a feature that is not implemented.
    pub fn open(location: &str, version: &TableVersion) -> Result<Self> {
        let at = match version {
            TableVersion::Latest => At::Latest,
            TableVersion::Number(number) => At::Version(*number),
            TableVersion::AsOf(time) => At::Timestamp(instant(time)?),
        };
        let failed = |error: olbridge_delta::Error| store_error(&error, Phase::Describe, location);
        let table = Table::open_at(&parse_location(location)?, &StoreOptions::default(), at).map_err(failed)?;
        let described = table.describe().map_err(failed)?;
        Ok(DeltaSource {
            schema: Arc::new(own_layout(&table, &described.schema)),
            label: Arc::from(Path::new(&format!("{DELTA_PREFIX}{} version {}", described.location, described.version))),
            id: described.id,
            version: described.version,
            rows: described.rows,
            size_bytes: described.bytes,
            table: Arc::new(table),
            changes: None,
            oracle_columns: Arc::default(),
        })
    }

    /// What has changed after a version, in place of the rows: the columns, then [`CHANGE_COLUMN`], rows to be deleted first. And where it is read from.
    ///
    /// # Errors
    /// [`Error::Source`] when that version is gone, or columns have changed in a way that cannot be followed.
    pub fn changes_since(&self, after: u64, keys: Vec<String>, way: ChangeWay) -> Result<(Self, String)> {
        let failed = |error: olbridge_delta::Error| store_error(&error, Phase::Describe, &self.label.to_string_lossy());
        let columns: Vec<String> = self.schema.fields().iter().map(|field| field.name().clone()).collect();
        let schema = self.table.net_schema(&columns).map_err(failed)?;
        let way = match way {
            ChangeWay::Auto => Way::Auto,
            ChangeWay::Feed => Way::Feed,
            ChangeWay::Files => Way::Files,
        };
        let query = NetQuery { after, keys, columns, way };
        let how = match self.table.changes_by(&query).map_err(failed)? {
            ChangesBy::Feed => "by the change data feed".to_owned(),
            ChangesBy::Files(why) => format!("by comparing files: {why}"),
        };
        let label = format!("{DELTA_PREFIX}{} changes of versions {} to {}", self.table.location(), after + 1, self.version);
        let (label, changes) = (Arc::from(Path::new(&label)), Some(Arc::new(query)));
        Ok((DeltaSource { schema, label, rows: None, size_bytes: 0, changes, ..self.clone() }, how))
    }

    /// The id that the table was made with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The version that is read.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The Oracle types of the columns, as the newest commit has them that came from Oracle.
    pub fn oracle_columns(&self) -> Option<&str> {
        let look = || {
            let history = self.table.history(None).ok()?;
            let text = |entry: olbridge_delta::table::HistoryEntry| entry.info.get(ORACLE_COLUMNS_KEY)?.as_str().map(str::to_owned);
            history.into_iter().find_map(text)
        };
        self.oracle_columns.get_or_init(look).as_deref()
    }

    /// Its columns, those that it is partitioned by included.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows, where the log says.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Size of its files.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// What messages call it, with the version.
    pub fn label(&self) -> &Path {
        &self.label
    }

    /// What a job remembers it by: the id that the table was made with, and the version.
    pub fn identity(&self) -> String {
        format!("delta:{}@{}", self.id, self.version)
    }

    /// Decodes on threads of its own. Rows come in no certain order; those that lie as they are in files of this machine come from these files, and bear
    /// their names.
    pub fn read(&self, options: ReadOptions) -> BatchReader {
        let source = self.clone();
        BatchReader::start(move |send| source.decode(&options, send))
    }

    fn decode(&self, options: &ReadOptions, send: &dyn Fn(SourceBatch) -> bool) -> Result<()> {
        let schema = Arc::new(self.schema.project(&options.columns).map_err(|error| self.unreadable(&error))?);
        let (rows_done, is_wanted) = (Cell::new(0), Cell::new(true));
        let counted = |batch: SourceBatch| {
            rows_done.set(rows_done.get() + batch.batch.num_rows() as u64);
            is_wanted.set(send(batch));
            is_wanted.get()
        };
        let files = if self.changes.is_none() { own_files(&self.table, &schema) } else { None };
        match files {
            Some(OwnFiles { source, columns }) => decode_parquet(&source, &ReadOptions { columns, ..*options }, &counted)?,
            None => self.decode_scan(&schema, options.batch_rows, &counted)?,
        }
        match self.rows {
            Some(rows) if is_wanted.get() && rows != rows_done.get() => {
                let message = format!("the log counts {rows} rows, and {} were read", rows_done.get());
                Err(source_error(Phase::Read, &self.label, message, "the table is damaged: compare it with its history"))
            }
            _ => Ok(()),
        }
    }

    /// Rows that take more than their files to tell, and changes.
    fn decode_scan(&self, schema: &SchemaRef, batch_rows: usize, send: &dyn Fn(SourceBatch) -> bool) -> Result<()> {
        let names = schema.fields().iter().map(|field| field.name().clone());
        let failed = |error: olbridge_delta::Error| store_error(&error, Phase::Read, &self.label.to_string_lossy());
        let reader: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>> = match &self.changes {
            None => {
                let scan = Scan { columns: Some(names.collect()), predicate: None, batch_rows: Some(self.bounded_rows(batch_rows)) };
                Box::new(self.table.read(&scan).map_err(failed)?)
            }
            Some(query) => {
                let query = NetQuery { columns: names.filter(|name| name != CHANGE_COLUMN).collect(), ..query.as_ref().clone() };
                let changes = self.table.net_changes(&query).map_err(failed)?;
                let read = RecordBatchReader::schema(&changes);
                let order = schema.fields().iter().map(|field| read.index_of(field.name())).collect::<Result<Vec<_>, _>>();
                let order = order.map_err(|error| self.unreadable(&error))?;
                Box::new(changes.map(move |batch| batch.and_then(|batch| batch.project(&order))))
            }
        };
        let mut rows_done = 0u64;
        for batch in reader {
            let batch = batch.map_err(|error| self.unreadable(&error))?;
            let batch = in_layout(&batch, schema).map_err(|error| self.unreadable(&error))?;
            let first_row = rows_done + 1;
            rows_done += batch.num_rows() as u64;
            let share =
                u128::from(self.size_bytes) * u128::from(rows_done) / u128::from(self.rows.unwrap_or(rows_done).max(rows_done).max(1));
            if batch.num_rows() > 0 && !send(SourceBatch { batch, file: Arc::clone(&self.label), first_row, bytes_done: share as u64 }) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Rows of a batch so that their texts are bounded as those of a Parquet file are. The log has the size of the files, packed, and no more.
    fn bounded_rows(&self, batch_rows: usize) -> usize {
        let packed_bytes = usize::try_from(self.size_bytes / self.rows.unwrap_or(0).max(1)).unwrap_or(usize::MAX);
        batch_rows.min(BATCH_TEXT_BYTES / packed_bytes.max(1)).max(1)
    }

    fn unreadable(&self, error: &ArrowError) -> Error {
        let remedy = match self.changes {
            None => "check the table with another reader; nothing of it was loaded",
            Some(_) => {
                "if a vacuum has removed what is read, load the table anew: --mode overwrite --allow-destructive with the same --job"
            }
        };
        source_error(Phase::Read, &self.label, error.to_string(), remedy)
    }
}

/// Texts of a scan, as views where the schema has them.
pub(super) fn in_layout(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| match column.data_type() == field.data_type() {
        true => Ok(Arc::clone(column)),
        false => cast(column, field.data_type()),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &options)
}

fn instant(time: &str) -> Result<chrono::DateTime<chrono::Utc>> {
    chrono::DateTime::parse_from_rfc3339(time).map(|time| time.to_utc()).map_err(|_| Error::Usage {
        message: format!("--delta-timestamp {time}: this is no time with its zone"),
        remedy: "write it like 2026-11-21T10:30:00+01:00 (or Z for UTC)".into(),
    })
}

/// An error of a Delta table as the library's own: what is wrong and what to do stay as they are.
pub fn store_error(error: &olbridge_delta::Error, phase: Phase, location: &str) -> Error {
    let text = error.to_string();
    let (message, remedy) = text.split_once("\n  try: ").unwrap_or((&text, "run it again, and report this if it happens twice"));
    match error {
        olbridge_delta::Error::Location { .. } | olbridge_delta::Error::Option { .. } => {
            Error::Usage { message: message.to_owned(), remedy: remedy.to_owned() }
        }
        olbridge_delta::Error::Value { column, row, message, cause, .. } => Error::Row(Box::new(RowError {
            phase: Phase::Convert,
            table: location.to_owned(),
            column: Some(column.clone()),
            source: SourceRow { file: None, row: *row },
            rowid: None,
            ora_code: None,
            message: message.clone(),
            remedy: match cause {
                ValueCause::Loss => "change or leave out such rows in the source, or name the loss in --lossy if it is wanted".into(),
                other => other.remedy().into(),
            },
        })),
        // Its phase is what tells a commit in doubt from anything else that a store fails with.
        olbridge_delta::Error::InDoubt { .. } => {
            Error::Source { phase: Phase::Commit, path: location.into(), message: message.to_owned(), remedy: remedy.to_owned() }
        }
        _ => Error::Source { phase, path: location.into(), message: message.to_owned(), remedy: remedy.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::commit_outcome_unknown;

    #[test]
    fn a_commit_in_doubt_is_told_from_a_store_that_fails() {
        let text = || "timed out".to_owned();
        let told = |error: olbridge_delta::Error| store_error(&error, Phase::Write, "s3://b/t");
        let in_doubt =
            olbridge_delta::Error::InDoubt { action: "write", location: text(), version: 3, message: text(), remedy: "a look".into() };
        let failed = olbridge_delta::Error::Delta { action: "write", location: text(), message: text(), remedy: "the same again".into() };
        let error = told(in_doubt);
        assert!(commit_outcome_unknown(&error) && error.to_string().contains("version 3"), "{error}");
        assert!(error.to_string().ends_with("try: a look"), "{error}");
        assert!(!commit_outcome_unknown(&told(failed)));
    }
}
