//! Reading a version: projection and condition pushed down, batches as they come.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::compute::cast_with_options;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use deltalake::DeltaTableError;
use deltalake::datafusion::catalog::{Session, TableProvider};
use deltalake::datafusion::common::DFSchema;
use deltalake::datafusion::error::{DataFusionError, Result as DataFusionResult};
use deltalake::datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use deltalake::datafusion::physical_plan::ExecutionPlan;
use deltalake::datafusion::prelude::{DataFrame, ident};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Table;
use super::convert::STRICT;
use super::nan::as_floats;
use super::session::session;
use crate::error::Result;
use crate::runtime;

/// Batches read ahead.
const BATCHES_AHEAD: usize = 4;

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// Columns, in this order; all of them where nothing is said.
    pub columns: Option<Vec<String>>,
    /// A condition in SQL over the table's columns; names in double quotes keep every letter, and so do names without.
    pub predicate: Option<String>,
    /// Rows of a batch at most; 8192 where nothing is said.
    pub batch_rows: Option<usize>,
}

impl Table {
    /// SQL over the columns of `schema` → an expression. deltalake's own parser would take a number of more than 19 digits for a double.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] with what is not understood.
    pub(crate) fn expression(&self, text: &str, schema: &DFSchema) -> Result<Expr> {
        let parsed = session(None).map_err(|error| self.fault("understand", &error))?.parse_sql_expr(text, schema);
        let parsed = parsed.and_then(|expression| as_floats(expression, schema));
        parsed.map_err(|error| {
            self.invalid("understand", &format!("{text}: {error}"), "SQL over the columns of the table, names in their own case")
        })
    }

    /// A condition: the same, and no file is passed over by statistics that leave NaN out.
    pub(crate) fn condition(&self, text: &str, schema: &DFSchema) -> Result<Expr> {
        self.judged_by_rows(self.expression(text, schema)?, schema)
    }

    /// A condition over the table's own columns.
    pub(crate) fn own_condition(&self, text: &str) -> Result<Expr> {
        self.condition(text, &self.own_names()?)
    }

    /// The table's own columns, under no name.
    pub(crate) fn own_names(&self) -> Result<DFSchema> {
        let own = self.schema()?;
        self.qualified(None, &own)
    }

    /// Counts the rows that fulfil a condition, all of them without one: what a DELETE or an UPDATE would touch.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn count_rows(&self, predicate: Option<&str>) -> Result<u64> {
        self.state()?;
        let frame = self.filtered(predicate, None)?;
        let rows = self.wait(async move { frame.count().await })?.map_err(|error| self.fault("read", &error.into()))?;
        Ok(rows as u64)
    }

    /// Columns under a name, or under none.
    pub(crate) fn qualified(&self, name: Option<&str>, schema: &Schema) -> Result<DFSchema> {
        let schema = match name {
            Some(name) => DFSchema::try_from_qualified_schema(name, schema),
            None => DFSchema::try_from(schema.clone()),
        };
        schema.map_err(|error| self.fault("understand", &error.into()))
    }

    /// Reads the version that is open. Order of rows is not kept.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`], [`crate::Error::Invalid`] for a column or a condition that the table does not understand; what fails later is an error of the
    /// reader.
    pub fn read(&self, scan: &Scan) -> Result<TableReader> {
        let schema = self.schema()?;
        let columns = match &scan.columns {
            Some(columns) => columns.clone(),
            None => schema.fields().iter().map(|field| field.name().clone()).collect(),
        };
        let indices: Vec<usize> = columns
            .iter()
            .map(|name| {
                schema
                    .index_of(name)
                    .map_err(|_| self.invalid("read", &format!("no column {name}"), "a column of the table, in its own case"))
            })
            .collect::<Result<_>>()?;
        let projected = Arc::new(schema.project(&indices).map_err(|error| self.fault("read", &error.into()))?);
        let invalid = |error: DataFusionError| self.invalid("read", &error.to_string(), "a condition in SQL over the columns of the table");
        let frame = self.filtered(scan.predicate.as_deref(), scan.batch_rows)?;
        let frame = frame.select(columns.iter().map(ident)).map_err(invalid)?;
        TableReader::start(frame, projected).map_err(|error| self.io_error(&error))
    }

    /// The rows that fulfil a condition.
    fn filtered(&self, predicate: Option<&str>, batch_rows: Option<usize>) -> Result<DataFrame> {
        let invalid = |error: DataFusionError| self.invalid("read", &error.to_string(), "a condition in SQL over the columns of the table");
        let distrusted = if predicate.is_some() { self.rounded_columns()? } else { Vec::new() };
        let frame = self.wait(self.frame_without(distrusted, batch_rows))?.map_err(|error| self.fault("read", &error))?;
        let Some(predicate) = predicate else { return Ok(frame) };
        let condition = frame.parse_sql_expr(predicate).map_err(invalid)?;
        let condition = self.judged_by_rows(condition, frame.schema())?;
        frame.filter(condition).map_err(invalid)
    }

    /// The version that is open, as a DataFrame, where conditions on some columns do not choose files.
    async fn frame_without(&self, distrusted: Vec<String>, batch_rows: Option<usize>) -> Result<DataFrame, DeltaTableError> {
        let context = session(batch_rows)?;
        self.inner.update_datafusion_session(&context.state())?;
        let provider = self.inner.table_provider().await?;
        Ok(match distrusted.is_empty() {
            true => context.read_table(provider)?,
            false => context.read_table(Arc::new(Distrusting { inner: provider, distrusted }))?,
        })
    }
}

/// A table some of whose statistics are not believed: conditions on those columns are judged by the rows.
#[derive(Debug)]
struct Distrusting {
    inner: Arc<dyn TableProvider>,
    distrusted: Vec<String>,
}

#[async_trait::async_trait]
impl TableProvider for Distrusting {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn table_type(&self) -> TableType {
        self.inner.table_type()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let believed = |filter: &Expr| !filter.column_refs().iter().any(|column| self.distrusted.contains(&column.name));
        let mut answers = self.inner.supports_filters_pushdown(filters)?;
        for (answer, filter) in answers.iter_mut().zip(filters) {
            if !believed(filter) {
                *answer = TableProviderFilterPushDown::Unsupported;
            }
        }
        Ok(answers)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        self.inner.scan(state, projection, filters, limit).await
    }
}

/// Batches of a table, decoded ahead on the crate's runtime.
pub struct TableReader {
    schema: SchemaRef,
    /// `None` is the end. A channel that is closed without it is a failure: half a table must not be taken for the whole.
    receiver: mpsc::Receiver<Option<Result<RecordBatch, ArrowError>>>,
    task: JoinHandle<()>,
    ended: bool,
}

impl TableReader {
    pub(crate) fn start(frame: DataFrame, schema: SchemaRef) -> std::io::Result<TableReader> {
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let target = Arc::clone(&schema);
        let task = runtime::handle()?.spawn(async move {
            let mut stream = match frame.execute_stream().await {
                Ok(stream) => stream,
                Err(error) => return drop(sender.send(Some(Err(error.into()))).await),
            };
            while let Some(batch) = stream.next().await {
                let batch = batch.map_err(ArrowError::from).and_then(|batch| in_schema(&batch, &target));
                if sender.send(Some(batch)).await.is_err() {
                    return;
                }
            }
            let _ = sender.send(None).await;
        });
        Ok(TableReader { schema, receiver, task, ended: false })
    }
}

/// Dictionaries of partition values and the like → the types of the schema.
fn in_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| match column.data_type() == field.data_type() {
            true => Ok(Arc::clone(column)),
            false => cast_with_options(column, field.data_type(), &STRICT),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

impl Iterator for TableReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match runtime::block_on(self.receiver.recv()) {
            Ok(Some(Some(batch))) => Some(batch),
            Ok(Some(None)) => {
                self.ended = true;
                None
            }
            Ok(None) => {
                self.ended = true;
                Some(Err(ArrowError::ComputeError("reading the table broke off before its end".into())))
            }
            Err(error) => Some(Err(ArrowError::IoError(error.to_string(), error))),
        }
    }
}

impl RecordBatchReader for TableReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Drop for TableReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array};
    use arrow::datatypes::{DataType, Field};
    use deltalake::datafusion::common::ScalarValue;
    use deltalake::datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
    use deltalake::datafusion::prelude::col;

    /// A defect below must not make the first half of a table the whole.
    #[test]
    fn rows_that_break_off_are_no_end() {
        let context = session(Some(1)).unwrap();
        let batch = |id: i64| RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![id])) as ArrayRef)]).unwrap();
        let panics = |values: &[ColumnarValue]| {
            let ColumnarValue::Array(ids) = &values[0] else { return Ok(ColumnarValue::Scalar(ScalarValue::Int64(None))) };
            assert!(ids.as_ref() != &Int64Array::from(vec![3]) as &dyn arrow::array::Array, "a defect in the middle of the rows");
            Ok(values[0].clone())
        };
        let identity = create_udf("panics", vec![DataType::Int64], DataType::Int64, Volatility::Volatile, Arc::new(panics));
        let read = |ids: &[i64]| {
            let frame = context.read_batches(ids.iter().map(|id| batch(*id))).unwrap();
            let frame = frame.select(vec![identity.call(vec![col("id")]).alias("id")]).unwrap();
            let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
            TableReader::start(frame, schema).unwrap().collect::<Vec<_>>()
        };
        assert!(read(&[1, 2]).iter().all(Result::is_ok));
        let broken = read(&[1, 2, 3, 4]);
        assert!(broken.last().unwrap().is_err(), "{broken:?}");
    }
}
