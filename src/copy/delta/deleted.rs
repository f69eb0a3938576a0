//! Rows of a Delta table that the source has no more, found by their keys.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use olbridge_delta::table::{CHANGE_COLUMN, Scan, Table};

use super::difference::{MOST_BYTES, difference};
use crate::copy::progress::Cancel;
use crate::error::{Error, Phase, Result};
use crate::fetch::FetchPlan;
use crate::lake::delta::store_error;
use crate::oci::Session;

/// Rows of a batch of deletes.
const BATCH_ROWS: usize = 8192;
/// What [`CHANGE_COLUMN`] says of a row that is there.
pub(super) const UPSERT: &str = "upsert";
/// What it says of one that is not.
pub(super) const DELETE: &str = "delete";

/// Keys in the order of [`Keys::names`].
pub(super) struct Keys {
    pub names: Vec<String>,
    converter: RowConverter,
    types: Vec<DataType>,
}

/// Keys that the Delta table has and the source has not.
pub(super) struct Deleted {
    pub keys: Keys,
    pub rows: HashSet<Box<[u8]>>,
}

impl Keys {
    pub fn new(names: &[String], schema: &SchemaRef) -> Result<Keys, ArrowError> {
        let data_type = |name: &String| schema.field_with_name(name).map(|field| field.data_type().clone());
        let types = names.iter().map(data_type).collect::<Result<Vec<_>, _>>()?;
        let converter = RowConverter::new(types.iter().cloned().map(SortField::new).collect())?;
        Ok(Keys { names: names.to_vec(), converter, types })
    }

    /// The keys of a batch that has their columns, in the table's types.
    pub fn of(&self, batch: &RecordBatch) -> Result<Rows, ArrowError> {
        let column = |(name, data_type): (&String, &DataType)| -> Result<ArrayRef, ArrowError> {
            let index = batch.schema().index_of(name)?;
            cast(batch.column(index), data_type)
        };
        let columns = self.names.iter().zip(&self.types).map(column).collect::<Result<Vec<_>, _>>()?;
        self.converter.convert_columns(&columns)
    }

    /// Batches of rows that have these keys and nothing else, marked as deleted.
    pub fn deletes<'a>(&self, keys: impl Iterator<Item = &'a [u8]>, schema: &SchemaRef) -> Result<Vec<RecordBatch>, ArrowError> {
        let parser = self.converter.parser();
        let keys: Vec<&[u8]> = keys.collect();
        let mut batches = Vec::new();
        for chunk in keys.chunks(BATCH_ROWS) {
            let columns = self.converter.convert_rows(chunk.iter().map(|key| parser.parse(key)))?;
            let value = |field: &Arc<arrow::datatypes::Field>| -> Result<ArrayRef, ArrowError> {
                if field.name() == CHANGE_COLUMN {
                    return Ok(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(DELETE, chunk.len()))));
                }
                match self.names.iter().position(|name| name == field.name()) {
                    Some(index) => cast(&columns[index], field.data_type()),
                    None => Ok(new_null_array(field.data_type(), chunk.len())),
                }
            };
            let values = schema.fields().iter().map(value).collect::<Result<Vec<_>, _>>()?;
            batches.push(RecordBatch::try_new(Arc::clone(schema), values)?);
        }
        Ok(batches)
    }
}

/// The keys of the Delta table less those of the source. Not all of them are in memory at once, see [`difference()`].
pub(super) fn find(table: &Table, names: &[String], source: &FetchPlan, session: &Session, cancel: &Cancel) -> Result<Deleted> {
    let location = table.location().to_string();
    let failed = |error: olbridge_delta::Error| store_error(&error, Phase::Read, &location);
    let unreadable = |error: ArrowError| Error::Source {
        phase: Phase::Read,
        path: location.clone().into(),
        message: format!("its keys cannot be compared: {error}"),
        remedy: "leave out --deletes compare".into(),
    };
    let proceed = || match cancel.is_requested() {
        true => Err(Error::ExportInterrupted { path: location.clone().into(), rows_fetched: 0 }),
        false => Ok(()),
    };
    let keys = Keys::new(names, &table.schema().map_err(failed)?).map_err(unreadable)?;
    let of_table = |each: &mut dyn FnMut(&[u8])| {
        for batch in table.read(&Scan { columns: Some(names.to_vec()), ..Scan::default() }).map_err(failed)? {
            proceed()?;
            let found = keys.of(&batch.map_err(unreadable)?).map_err(unreadable)?;
            found.iter().for_each(|key| each(key.data()));
        }
        Ok(())
    };
    let of_source = |each: &mut dyn FnMut(&[u8])| {
        let mut fetcher = source.with_sql(source.sql.clone())?.open(session)?;
        while let Some(batch) = fetcher.next_batch()? {
            proceed()?;
            let found = keys.of(&batch).map_err(unreadable)?;
            found.iter().for_each(|key| each(key.data()));
        }
        Ok(())
    };
    let rows = difference(MOST_BYTES, of_table, of_source)?;
    Ok(Deleted { keys, rows })
}
