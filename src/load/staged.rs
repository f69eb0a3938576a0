//! An upsert of a large set: the rows go by array INSERT into a private temporary table, and from there by one MERGE into the table.
//!
//! Rows are numbered as they come. Where keys occur more than once, their rows are merged in rounds, the first of each key, then the second, and so
//! on: what an array MERGE does one row after the other, delete marks included, except that rows of different keys do not wait for each other.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};

use crate::error::{Error, Phase, Result};
use crate::oracle_type::{ColumnDesc, OracleType, TableName};
use crate::sql;
use crate::sql::dml::{MergeColumn, MergeOptions};
use crate::transaction::Transaction;

use super::dml::{Dml, Keyed};
use super::loader::{LoadReport, Loader};
use super::mark::{DeleteMark, MARK_COLUMN};
use super::plan::{ColumnPair, LoadOptions, LoadPlan};

/// The column of the staging table that numbers its rows. A `$` keeps it apart from names that files have.
const ROW_COLUMN: &str = "ROW$NUMBER";
/// What the names of private temporary tables begin with, unless `PRIVATE_TEMP_TABLE_PREFIX` says otherwise.
const PREFIX: &str = "ORA$PTT_";
/// Rounds at most: each reads the whole staging table.
const MAX_ROUNDS: u64 = 64;

/// The statements of a staged upsert.
pub struct StagedPlan {
    /// The table that is merged into.
    pub table: TableName,
    /// CREATE PRIVATE TEMPORARY TABLE. To be run before the transaction: some releases commit in it, although the manual says that they do not.
    pub create_sql: String,
    /// DROP TABLE. To be run after the transaction; the end of the session does it as well.
    pub drop_sql: String,
    /// The MERGE of all rows, where no key occurs twice.
    pub merge_sql: String,
    stage: TableName,
    columns: Vec<String>,
    keyed: Keyed,
}

impl StagedPlan {
    /// Plans the upsert that [`LoadPlan::dml`] plans with [`Dml::Upsert`], and the array INSERT of the source's rows, their numbers and marks into
    /// the staging table. Each plan has one of its own.
    ///
    /// # Errors
    /// As there; [`Error::Usage`] for a table that has a column of the name that the staging table adds.
    pub fn new(table: &TableName, pairs: &[ColumnPair], keyed: &Keyed, options: LoadOptions) -> Result<(Self, LoadPlan)> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let stage = TableName { schema: None, table: format!("{PREFIX}OLBRIDGE_{}", NEXT.fetch_add(1, Ordering::Relaxed)) };
        // The same checks, and the same words for what is wrong.
        LoadPlan::dml(Dml::Upsert, table, pairs, keyed, options.clone())?;
        let mut staged = pairs.to_vec();
        let width = pairs.iter().map(|pair| pair.source_index).chain(keyed.delete_mark.as_ref().map(|mark| mark.source_index)).max();
        let mut source_index = width.map_or(0, |last| last + 1);
        let mut add = |name: &str, data_type: DataType, digits: u8| {
            let oracle_type = OracleType::Number { precision: Some(digits), scale: Some(0) };
            let target = ColumnDesc { name: name.into(), oracle_type, nullable: false };
            staged.push(ColumnPair { source_index, field: Field::new(name, data_type, false), target });
            source_index += 1;
        };
        add(ROW_COLUMN, DataType::Int64, 19);
        if keyed.delete_mark.is_some() {
            add(MARK_COLUMN, DataType::Int8, 1);
        }
        for pair in &mut staged {
            // What may not be NULL is for the table to refuse.
            pair.target.nullable = true;
        }
        let columns: Vec<ColumnDesc> = staged.iter().map(|pair| pair.target.clone()).collect();
        let create = sql::create_table(&stage, &columns, &[])?;
        let create_sql = format!("{} ON COMMIT PRESERVE DEFINITION", create.replacen("CREATE TABLE", "CREATE PRIVATE TEMPORARY TABLE", 1));
        let drop_sql = sql::drop_table(&stage, false)?;
        let in_stage = Keyed { keys: keyed.keys.clone(), ..Keyed::default() };
        let insert = LoadPlan::dml(Dml::Insert, &stage, &staged, &in_stage, options)?;
        let columns = pairs.iter().map(|pair| pair.target.name.clone()).collect();
        let mut plan =
            StagedPlan { table: table.clone(), create_sql, drop_sql, merge_sql: String::new(), stage, columns, keyed: keyed.clone() };
        plan.merge_sql = plan.merge("")?;
        Ok((plan, insert))
    }

    /// MERGE of the staged rows for which `condition`, a WHERE clause or nothing, holds.
    fn merge(&self, condition: &str) -> Result<String> {
        let column = |name: &'_ String| self.keyed.keys.contains(name);
        let columns: Vec<MergeColumn<'_>> =
            self.columns.iter().map(|name| MergeColumn { name, is_key: column(name), cast: None }).collect();
        let mark = self.keyed.delete_mark.as_ref().map(|_| MARK_COLUMN);
        let names = self.columns.iter().map(|name| sql::identifier(name)).collect::<Result<Vec<_>>>()?;
        let marks = mark.map(|mark| format!(", {mark}")).unwrap_or_default();
        let source = format!("SELECT {}{marks} FROM {}{condition}", names.join(", "), self.stage.table);
        let Keyed { soft_delete, stamp, .. } = &self.keyed;
        sql::dml::merge_from(
            &self.table,
            &columns,
            MergeOptions { mark, soft_delete: soft_delete.as_ref(), stamp: stamp.as_ref() },
            &source,
        )
    }

    /// The key columns, each behind `alias`.
    fn keys(&self, alias: &str) -> Result<Vec<String>> {
        self.keyed.keys.iter().map(|key| Ok(format!("{alias}{}", sql::identifier(key)?))).collect()
    }

    /// Which staged rows belong to a round. The key is compared by its own subquery, so that no LOB is sorted.
    fn round_condition(&self, round: u64) -> Result<String> {
        Ok(format!(
            " WHERE {ROW_COLUMN} IN (SELECT N FROM (SELECT {ROW_COLUMN} N, ROW_NUMBER() OVER (PARTITION BY {} ORDER BY {ROW_COLUMN}) R FROM {}) WHERE R = {round})",
            self.keys("")?.join(", "),
            self.stage.table
        ))
    }

    /// How often the most frequent key occurs.
    fn rounds_query(&self) -> Result<String> {
        Ok(format!("SELECT MAX(N) FROM (SELECT COUNT(*) N FROM {} GROUP BY {})", self.stage.table, self.keys("")?.join(", ")))
    }

    /// How many marked rows find no row, and how many there are.
    fn marked_query(&self, condition: &str) -> Result<String> {
        let on: Vec<String> = self.keys("T.")?.into_iter().zip(self.keys("S.")?).map(|(t, s)| format!("{t} = {s}")).collect();
        let (stage, table, on) = (&self.stage.table, sql::table(&self.table)?, on.join(" AND "));
        Ok(format!(
            "SELECT COUNT(*), COUNT(CASE WHEN EXISTS (SELECT 1 FROM {table} T WHERE {on}) THEN 1 END) \
             FROM (SELECT * FROM {stage}{condition}) S WHERE S.{MARK_COLUMN} = 1"
        ))
    }
}

/// A staged upsert in progress within a [`Transaction`]: [`Self::write`] fills the staging table, [`Self::finish`] merges. What fails in between
/// leaves the table as it was only if the caller rolls back.
#[must_use = "nothing is in the table until `finish`"]
pub struct StagedLoader<'t, 'p> {
    plan: &'p StagedPlan,
    loader: Loader<'t>,
    transaction: &'t Transaction<'t>,
    rows: u64,
}

impl<'t, 'p> StagedLoader<'t, 'p> {
    /// `insert` is what [`StagedPlan::new`] has planned with `plan`, whose staging table exists and is empty.
    pub fn new(transaction: &'t Transaction<'_>, plan: &'p StagedPlan, insert: LoadPlan) -> Result<Self> {
        let loader = Loader::new(transaction, insert)?.on_behalf_of(&plan.table.to_string());
        Ok(StagedLoader { plan, loader, transaction, rows: 0 })
    }

    /// As [`Loader::write`].
    pub fn write(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64) -> Result<()> {
        let numbered = self.numbered(batch).map_err(|error| Error::Usage {
            message: format!("{}: {error}", self.plan.table),
            remedy: "push batches of the schema that was planned, or plan again".into(),
        })?;
        self.rows += batch.num_rows() as u64;
        self.loader.write(&numbered, file, first_row)
    }

    /// Rows sent so far.
    pub fn rows_staged(&self) -> u64 {
        self.loader.rows_loaded()
    }

    /// The columns that the plan has seen, the number of each row, and its mark.
    fn numbered(&self, batch: &RecordBatch) -> std::result::Result<RecordBatch, arrow::error::ArrowError> {
        let numbers = Int64Array::from_iter_values((self.rows as i64 + 1..).take(batch.num_rows()));
        let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
        let mut columns = batch.columns().to_vec();
        // Batches may have more columns than were planned.
        fields.truncate(self.loader.source_index_of(ROW_COLUMN).unwrap_or(fields.len()));
        columns.truncate(fields.len());
        let mut push = |name: &str, array: ArrayRef| {
            fields.push(Arc::new(Field::new(name, array.data_type().clone(), false)));
            columns.push(array);
        };
        push(ROW_COLUMN, Arc::new(numbers));
        if let Some(mark) = &self.plan.keyed.delete_mark {
            push(MARK_COLUMN, Arc::new(marks(mark, batch)?));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }

    /// Sends what is left and merges. The counts are those of an array MERGE of the same rows.
    ///
    /// # Errors
    /// Those of the database, which name no row; [`Error::Usage`] when a key occurs too often.
    pub fn finish(self) -> Result<LoadReport> {
        let StagedLoader { plan, loader, transaction, rows } = self;
        let mut report = loader.finish()?;
        let began = Instant::now();
        report.rows_affected = 0;
        let rounds = counts(transaction, &plan.rounds_query()?)?[0];
        if rounds > MAX_ROUNDS {
            return Err(Error::Usage {
                message: format!("a key of {} occurs {rounds} times in the source, and a staged MERGE takes {MAX_ROUNDS}", plan.table),
                remedy: "--merge arrays".into(),
            });
        }
        for round in 1..=rounds {
            let condition = if rounds > 1 { plan.round_condition(round)? } else { String::new() };
            if plan.keyed.delete_mark.is_some() {
                let marked = counts(transaction, &plan.marked_query(&condition)?)?;
                report.rows_deleted += marked[1];
                report.rows_not_found += marked[0] - marked[1];
            }
            let table = plan.table.to_string();
            let affected = transaction.session().execute_sql(Phase::Execute, Some(&table), &plan.merge(&condition)?)?;
            transaction.note_changed(affected);
            report.rows_affected += affected;
            report.executes += 1;
        }
        report.rows_loaded -= report.rows_not_found;
        report.execute_time += began.elapsed();
        plan.check_counts(rows, &report)?;
        Ok(report)
    }
}

impl StagedPlan {
    /// Each row that is not a mark without a row has to have changed one at least; where there is nothing but keys, a row that is there stays as it is.
    fn check_counts(&self, rows: u64, report: &LoadReport) -> Result<()> {
        let only_keys = self.columns.iter().all(|name| self.keyed.keys.contains(name));
        if report.rows_loaded + report.rows_not_found == rows && (only_keys || report.rows_affected >= report.rows_loaded) {
            return Ok(());
        }
        Err(Error::Database {
            phase: Phase::Execute,
            table: Some(self.table.to_string()),
            ora_code: 0,
            message: format!("{rows} rows were staged, but the MERGE counts {}", report.rows_affected),
            remedy: "look for a trigger or a policy on the table that swallows rows".into(),
            session_dead: false,
        })
    }
}

fn marks(mark: &DeleteMark, batch: &RecordBatch) -> std::result::Result<arrow::array::Int8Array, arrow::error::ArrowError> {
    match batch.columns().get(mark.source_index) {
        Some(array) => mark.marks(array),
        None => Err(arrow::error::ArrowError::SchemaError(format!("column {} is missing", mark.source_index + 1))),
    }
}

/// The numbers of a row of counts; 0 for NULL.
fn counts(transaction: &Transaction<'_>, query: &str) -> Result<Vec<u64>> {
    let mut found = vec![0, 0];
    transaction.query(query, &mut |cells| {
        for (found, cell) in found.iter_mut().zip(cells) {
            *found = cell.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        }
        Ok(())
    })?;
    Ok(found)
}
