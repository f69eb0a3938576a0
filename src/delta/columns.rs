//! Where the columns of a new table come from: named by the caller, those of a file, or those of a table or query in a database.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use olbridge_delta::Location;

use super::asked::{Column, losses, usage};
use super::rows::FileRows;
use crate::copy::ExportJob;
use crate::copy::delta::{DeltaJob, DeltaMode};
use crate::error::Result;
use crate::lake::source::SourceOptions;
use crate::oci::Session;
use crate::type_map::parse_arrow_type;

/// A type by name: those of `--as`, and `timestamp_utc`, which is an instant.
pub(super) fn data_type(column: &str, text: &str) -> Result<DataType> {
    if text.trim().eq_ignore_ascii_case("timestamp_utc") {
        return Ok(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    }
    parse_arrow_type(text).map_err(|reason| usage(format!("column {column}: {reason}; or timestamp_utc"), "\"id=int64 not null\""))
}

/// The column as Arrow has it.
pub(super) fn field(column: &Column) -> Result<Field> {
    if column.name.is_empty() {
        return Err(usage("a column without a name", "\"id=int64 not null\""));
    }
    let field = Field::new(&column.name, data_type(&column.name, &column.r#type)?, column.nullable);
    Ok(match &column.comment {
        Some(comment) => field.with_metadata([("comment".to_owned(), comment.clone())].into()),
        None => field,
    })
}

/// The columns of files.
///
/// # Errors
/// As for reading them.
pub fn columns_of_files(files: &[String], options: &SourceOptions) -> Result<SchemaRef> {
    use olbridge_delta::table::Source;
    Ok(FileRows::open(files, options, None)?.schema())
}

/// The columns that a copy of a table or query into a new Delta table would give it: names in lower case, types that hold the values there are, with
/// the losses of that name.
///
/// # Errors
/// As for planning that copy.
pub fn columns_of_query(job: &ExportJob, location: &Location, lossy: &[String], session: &Session) -> Result<SchemaRef> {
    let copy = DeltaJob {
        export: job.clone(),
        mode: DeltaMode::Create,
        losses: losses(lossy)?,
        ..DeltaJob::new(job.source.clone(), location.clone())
    };
    let schema = copy.new_columns(session)?;
    Ok(Arc::new(Schema::new(schema.fields().clone())))
}
