//! What has changed between two versions, one change for each key: rows to be deleted first, then rows to be inserted or updated. By the change data feed
//! where there is one, else by comparing the files that went with those that came.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, RecordBatchReader};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use deltalake::datafusion::catalog::TableProvider;
use deltalake::datafusion::prelude::SessionContext;

use super::read::TableReader;
use super::session::{Join, bounded};
use super::{DataFile, Table};
use crate::error::{Error, Result};

/// The column behind the table's own that says what is to be done with a row: `upsert` or `delete`.
pub const CHANGE_COLUMN: &str = "_olbridge_change";
/// Whether more rows than this one, 1, have its key.
const COPIES_COLUMN: &str = "_olbridge_copies";

/// Where changes are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChangeWay {
    /// The feed where there is one for the whole range, else files.
    #[default]
    Auto,
    /// The change data feed; a range without one is an error.
    Feed,
    /// The files of both versions.
    Files,
}

/// Which changes.
#[derive(Debug, Clone)]
pub struct NetQuery {
    /// The changes after this version, up to the one that is open.
    pub after: u64,
    /// Columns that tell rows apart, as the table spells them. Of two rows with one key in a version nobody can say which one stays: an error.
    pub keys: Vec<String>,
    /// Columns that are read, the keys among them.
    pub columns: Vec<String>,
    /// Where they are read from.
    pub way: ChangeWay,
}

/// Where they were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangesBy {
    /// The change data feed.
    Feed,
    /// The files of both versions, and why.
    Files(String),
}

/// Changes as they come: the columns that were asked for, then [`CHANGE_COLUMN`].
pub struct NetChanges {
    /// Where they are read from.
    pub by: ChangesBy,
    keys: Vec<String>,
    schema: SchemaRef,
    reader: TableReader,
}

impl std::fmt::Debug for NetChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetChanges").field("by", &self.by).finish_non_exhaustive()
    }
}

impl Table {
    /// What the columns and [`CHANGE_COLUMN`] of [`Table::net_changes`] are.
    ///
    /// # Errors
    /// [`Error::NoTable`]; [`Error::Invalid`] for a column that is not there.
    pub fn net_schema(&self, columns: &[String]) -> Result<SchemaRef> {
        let schema = self.schema()?;
        let mut fields = Vec::with_capacity(columns.len() + 1);
        for name in columns {
            let field = schema
                .field_with_name(name)
                .map_err(|_| self.invalid("read changes of", &format!("no column {name}"), "a column of the table, in its own case"))?;
            // A row that is to be deleted may be one of before a column could not be NULL.
            fields.push(field.clone().with_nullable(true));
        }
        fields.push(Field::new(CHANGE_COLUMN, DataType::Utf8, false));
        Ok(Arc::new(Schema::new(fields)))
    }

    /// Where the changes after a version can be read from, without reading them.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the versions that are needed are gone, when columns have gone or got another type since, or when a feed is asked for
    /// that is not there.
    pub fn changes_by(&self, query: &NetQuery) -> Result<ChangesBy> {
        let latest = self.state()?.version();
        if query.after >= latest {
            return Ok(ChangesBy::Files("there is no later version".into()));
        }
        let why = match query.way {
            ChangeWay::Files => Some("as asked for".to_owned()),
            ChangeWay::Auto | ChangeWay::Feed => self.why_no_feed(query.after + 1, latest).map_err(|error| self.gone(query, &error))?,
        };
        let Some(why) = why else { return Ok(ChangesBy::Feed) };
        if query.way == ChangeWay::Feed {
            return Err(self.invalid("read changes of", &format!("there is no change data feed: {why}"), "comparing files instead"));
        }
        let then = self.at(query.after).map_err(|error| self.gone(query, &error))?;
        if let Some(column) = self.lost_column(&then)? {
            let message = format!("column {column} has gone, or has got another type, after version {}", query.after);
            return Err(self.invalid("read changes of", &message, "loading the table anew"));
        }
        Ok(ChangesBy::Files(why))
    }

    /// A column of the table as it was that it has no more, or with another type.
    pub(crate) fn lost_column(&self, then: &Table) -> Result<Option<String>> {
        let (before, now) = (then.schema()?, self.schema()?);
        let stays = |field: &Field| now.field_with_name(field.name()).is_ok_and(|now| now.data_type() == field.data_type());
        Ok(before.fields().iter().find(|field| !stays(field)).map(|field| field.name().clone()))
    }

    /// Reads the changes after a version. Deleted rows come first and have the values that they had.
    ///
    /// # Errors
    /// As [`Table::changes_by`]. Files that are gone, and keys that are not unique, are errors of the reader.
    pub fn net_changes(&self, query: &NetQuery) -> Result<NetChanges> {
        let schema = self.net_schema(&query.columns)?;
        if self.schema()?.index_of(CHANGE_COLUMN).is_ok() {
            return Err(self.invalid("read changes of", &format!("it has a column {CHANGE_COLUMN} of its own"), "renaming it"));
        }
        let by = self.changes_by(query)?;
        let mut read: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
        read.push(Field::new(COPIES_COLUMN, DataType::Int64, true));
        let frame = {
            let context = bounded(self.memory()?, Join::Sorted, self.row_bytes());
            let context = context.map_err(|error| self.fault("read changes of", &error))?;
            let sql = match &by {
                ChangesBy::Feed => {
                    let feed = self.feed_of(query.after + 1, self.state()?.version())?;
                    self.register(&context, &[("feed", feed)])?;
                    feed_sql(query)
                }
                ChangesBy::Files(_) => {
                    let then = self.at(query.after)?;
                    let diff = self.diff(query.after, self.state()?.version())?;
                    let of = |table: &Table, files: &[DataFile]| {
                        table.files(files, &context).map_err(|error| self.fault("read files of", &error))
                    };
                    let (removed, added) = (of(&then, &diff.removed)?, of(self, &diff.added)?);
                    self.register(&context, &[("removed", removed), ("added", added)])?;
                    let before = then.schema()?;
                    files_sql(query, &before, &schema)
                }
            };
            self.wait(async { context.sql(&sql).await })?.map_err(|error| self.fault("read changes of", &error.into()))?
        };
        let reader = TableReader::start(frame, Arc::new(Schema::new(read))).map_err(|error| self.io_error(&error))?;
        Ok(NetChanges { by, keys: query.keys.clone(), schema, reader })
    }

    fn register(&self, context: &SessionContext, tables: &[(&str, Arc<dyn TableProvider>)]) -> Result<()> {
        self.inner.update_datafusion_session(&context.state()).map_err(|error| self.fault("read changes of", &error))?;
        for (name, table) in tables {
            let registered = context.register_table(*name, Arc::clone(table));
            registered.map_err(|error| self.fault("read changes of", &error.into()))?;
        }
        Ok(())
    }

    fn gone(&self, query: &NetQuery, error: &Error) -> Error {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let message = format!("version {} can no longer be read ({first})", query.after);
        self.invalid("read changes of", &message, "loading the table anew")
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(names: &[String], each: impl Fn(&str) -> String) -> String {
    names.iter().map(|name| each(&quoted(name))).collect::<Vec<_>>().join(", ")
}

/// Of each key the last change. Within one commit what is there after it outranks what was there before. Every window ends at its row, and all of them
/// have one order: the rows are sorted once, on disk where they are many, and pass.
fn feed_sql(query: &NetQuery) -> String {
    let (columns, keys) = (list(&query.columns, str::to_owned), list(&query.keys, str::to_owned));
    // With its peers, whose order may be another one in each window.
    let so_far = "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW";
    format!(
        "SELECT {columns}, CASE WHEN _up = 1 THEN 'upsert' ELSE 'delete' END AS {CHANGE_COLUMN}, \
           CASE WHEN _up = 0 THEN 1 WHEN _net > _same THEN _net ELSE _same END AS {COPIES_COLUMN} \
         FROM (SELECT {columns}, _up, \
             LEAD(_up) OVER (PARTITION BY {keys} ORDER BY _v, _up) AS _next, \
             SUM(_up) OVER (PARTITION BY {keys}, _v ORDER BY _up {so_far}) AS _same, \
             SUM(CASE WHEN _up = 1 THEN 1 ELSE -1 END) OVER (PARTITION BY {keys} ORDER BY _v, _up {so_far}) AS _net \
           FROM (SELECT {columns}, _commit_version AS _v, \
               CASE WHEN _change_type IN ('insert', 'update_postimage') THEN 1 ELSE 0 END AS _up FROM feed)) \
         WHERE _next IS NULL ORDER BY _up"
    )
}

/// Of the files that went and those that came, the rows that are not the same in both.
fn files_sql(query: &NetQuery, before: &Schema, now: &Schema) -> String {
    let keys = list(&query.keys, str::to_owned);
    let has = |name: &String| before.field_with_name(name).is_ok();
    let value = |name: &String| match has(name) {
        true => format!("CASE WHEN a._same IS NULL THEN r.{0} ELSE a.{0} END AS {0}", quoted(name)),
        false => format!("a.{0} AS {0}", quoted(name)),
    };
    let columns = query.columns.iter().map(value).collect::<Vec<_>>().join(", ");
    let on = query.keys.iter().map(|key| format!("a.{0} = r.{0}", quoted(key))).collect::<Vec<_>>().join(" AND ");
    // What cannot be compared counts as changed.
    let nested = now.fields().iter().any(|field| field.data_type().is_nested());
    let differs = query.columns.iter().filter(|name| !query.keys.contains(name)).map(|name| match has(name) {
        // In brackets: the parser takes what follows for part of the right side.
        true => format!(" OR (a.{0} IS DISTINCT FROM r.{0})", quoted(name)),
        false => format!(" OR a.{} IS NOT NULL", quoted(name)),
    });
    // A constant of the side that may be missing would be taken for one of the whole, and what is ordered by it not be ordered: so the count tells.
    let differs: String = if nested { " OR TRUE".into() } else { differs.collect() };
    format!(
        "SELECT {columns}, CASE WHEN a._same IS NULL THEN 'delete' ELSE 'upsert' END AS {CHANGE_COLUMN}, a._same AS {COPIES_COLUMN} \
         FROM (SELECT *, CASE WHEN _nth > 1 OR _other IS NOT NULL THEN 2 ELSE 1 END AS _same FROM \
             (SELECT *, ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {keys}) AS _nth, \
               LEAD(1) OVER (PARTITION BY {keys} ORDER BY {keys}) AS _other FROM added)) a \
         FULL OUTER JOIN (SELECT *, 1 AS _in FROM removed) r ON {on} \
         WHERE a._same IS NULL OR r._in IS NULL{differs} ORDER BY {CHANGE_COLUMN}"
    )
}

impl NetChanges {
    fn checked(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let last = batch.num_columns() - 1;
        let copies = batch.column(last).as_primitive::<Int64Type>();
        if let Some(row) = copies.iter().position(|copies| copies > Some(1)) {
            let values = self.keys.iter().map(|key| {
                let column = batch.column_by_name(key).ok_or_else(|| ArrowError::SchemaError(format!("no column {key}")))?;
                Ok(format!("{key} = {}", array_value_to_string(column, row)?))
            });
            let values = values.collect::<Result<Vec<_>, ArrowError>>()?.join(", ");
            let message = format!("several rows of the table have the key {values}: nobody can say which one stays");
            return Err(ArrowError::InvalidArgumentError(message));
        }
        let columns = batch.columns()[..last].iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

impl Iterator for NetChanges {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.and_then(|batch| self.checked(&batch)))
    }
}

impl RecordBatchReader for NetChanges {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
