//! Where rows come from: files, or a query. Both are read anew when another writer was faster.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use olbridge_delta::table::Source;

use crate::copy::ExportJob;
use crate::copy::delta::lake_name;
use crate::error::Result;
use crate::fetch::FetchPlan;
use crate::lake::parquet::ReadOptions;
use crate::lake::read_ahead::BatchReader;
use crate::lake::source::{Source as Files, SourceOptions};
use crate::oci::Session;

/// Rows of a batch read from files.
const BATCH_ROWS: usize = 8192;

/// Rows of files.
#[derive(Debug)]
pub struct FileRows {
    files: Files,
    again: bool,
}

impl FileRows {
    /// Opens files, globs, directories, `-` or `delta:LOCATION`. Text columns whose type nobody has said have that of the column of `like` of the same
    /// name, else that of their values.
    ///
    /// # Errors
    /// As [`Files::open`].
    pub fn open(files: &[String], options: &SourceOptions, like: Option<&Schema>) -> Result<Self> {
        let mut files = Files::open(files, options)?;
        let all: Vec<usize> = (0..files.schema().fields().len()).collect();
        files.settle_int96(&all)?;
        files.settle_intervals(&all)?;
        for index in all.iter().copied().filter(|&index| files.is_undecided(index)).collect::<Vec<_>>() {
            let name = files.schema().field(index).name().clone();
            let same = like.and_then(|like| like.fields().iter().find(|field| field.name().eq_ignore_ascii_case(&name)));
            if let Some(field) = same {
                files.decide(index, field.data_type().clone());
            }
        }
        let open: Vec<usize> = all.into_iter().filter(|&index| files.is_undecided(index)).collect();
        if !open.is_empty() {
            files.infer(&open, &|| Ok(()))?;
        }
        let again = files.paths().is_some();
        Ok(FileRows { files, again })
    }
}

impl Source for FileRows {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(self.files.schema())
    }

    fn open(&mut self) -> Result<Box<dyn RecordBatchReader + '_>, ArrowError> {
        let columns = (0..self.files.schema().fields().len()).collect();
        let reader = self.files.read(ReadOptions { columns, batch_rows: BATCH_ROWS });
        Ok(Box::new(FileBatches { reader, schema: Source::schema(self) }))
    }

    fn can_open_again(&self) -> bool {
        self.again
    }
}

struct FileBatches {
    reader: BatchReader,
    schema: SchemaRef,
}

impl Iterator for FileBatches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map(|found| found.batch).map_err(|error| ArrowError::ExternalError(Box::new(error))))
    }
}

impl RecordBatchReader for FileBatches {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

/// Rows of a table or query. Columns are called as in the lakehouse: lower case where the database's name is all upper case.
pub struct QueryRows<'s> {
    plan: FetchPlan,
    session: &'s Session,
}

impl<'s> QueryRows<'s> {
    /// Describes the query. Columns have the types of the columns of `like` of the same name.
    ///
    /// # Errors
    /// As for planning an export.
    pub fn new(job: &ExportJob, session: &'s Session, like: Option<SchemaRef>) -> Result<Self> {
        let mut job = job.clone();
        job.types.like = job.types.like.or(like);
        let plan = job.read_plan(session)?;
        let mut columns = plan.columns.clone();
        for column in &mut columns {
            let name = column.field.name().clone();
            let same = job.types.like.as_ref().and_then(|like| like.fields().iter().find(|field| field.name().eq_ignore_ascii_case(&name)));
            column.field = column.field.clone().with_name(same.map_or_else(|| lake_name(&name), |field| field.name().clone()));
        }
        Ok(QueryRows { plan: plan.with_columns(columns)?, session })
    }
}

impl Source for QueryRows<'_> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.plan.schema)
    }

    fn open(&mut self) -> Result<Box<dyn RecordBatchReader + '_>, ArrowError> {
        let plan = self.plan.with_sql(self.plan.sql.clone()).and_then(|plan| plan.open(self.session));
        Ok(Box::new(plan.map_err(|error| ArrowError::ExternalError(Box::new(error)))?))
    }

    /// Each attempt reads one snapshot, whole, and one attempt alone is committed.
    fn can_open_again(&self) -> bool {
        true
    }
}
