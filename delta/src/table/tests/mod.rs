//! The face of the crate on real tables in local folders, and the traps of deltalake that it is there for.

mod bounded;
mod exact;
mod exactly_once;
mod faulty;
mod features;
mod hunts;
mod lifecycle;
mod merge_model;
mod partitions;
mod places;
mod races;
mod slice;
mod traps;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::*;

/// A table in a folder of its own.
pub(super) struct Fixture {
    pub folder: tempfile::TempDir,
    pub location: Location,
}

impl Fixture {
    pub fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().join("table").to_str().unwrap().parse().unwrap();
        Fixture { folder, location }
    }

    pub fn open(&self) -> Table {
        Table::open(&self.location, &StoreOptions::default()).unwrap()
    }

    /// A table (id, name) with these ids.
    pub fn with_ids(ids: &[i64]) -> (Fixture, Table) {
        let fixture = Fixture::new();
        let mut table = fixture.open();
        table.write(&mut rows(ids), &creating(), &CommitOptions::default()).unwrap();
        (fixture, table)
    }
}

pub(super) fn creating() -> WriteOptions {
    WriteOptions { create: Some(NewTable::new(Arc::new(Schema::empty()))), ..WriteOptions::default() }
}

pub(super) fn batch(ids: &[i64]) -> RecordBatch {
    let names: Vec<String> = ids.iter().map(|id| format!("name {id}")).collect();
    let schema = Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("name", DataType::Utf8, true)]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(StringArray::from(names))]).unwrap()
}

pub(super) fn rows(ids: &[i64]) -> Batches {
    let batch = batch(ids);
    Batches::new(batch.schema(), vec![batch])
}

/// One batch of named columns, all of which may be NULL.
pub(super) fn columns(columns: Vec<(&str, ArrayRef)>) -> Batches {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap();
    Batches::new(batch.schema(), vec![batch])
}

pub(super) fn decimals(values: &[i128], precision: u8, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(precision, scale).unwrap())
}

pub(super) fn read(table: &Table, scan: &Scan) -> RecordBatch {
    let reader = table.read(scan).unwrap();
    let schema: SchemaRef = arrow::array::RecordBatchReader::schema(&reader);
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.unwrap()).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

/// The ids of the table, sorted.
pub(super) fn ids(table: &Table) -> Vec<i64> {
    let batch = read(table, &Scan { columns: Some(vec!["id".into()]), ..Scan::default() });
    let column = arrow::compute::cast(batch.column(0), &DataType::Int64).unwrap();
    let mut ids = column.as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
    ids.sort_unstable();
    ids
}

pub(super) fn epoch(epoch: i64) -> CommitOptions {
    CommitOptions { epoch: Some(Epoch { app_id: "olbridge/test".into(), epoch }), ..CommitOptions::default() }
}

pub(super) fn committed<M: std::fmt::Debug>(outcome: Outcome<M>) -> M {
    match outcome {
        Outcome::Committed { metrics, .. } => metrics,
        other => panic!("not committed: {other:?}"),
    }
}

/// Every file below a folder, sorted.
pub(super) fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path) } else { vec![path] }
        })
        .collect();
    files.sort();
    files
}

/// The commits of the log, oldest first, as texts.
pub(super) fn commits(fixture: &Fixture) -> Vec<String> {
    let is_commit = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "json");
    walk(&fixture.location.local_path().unwrap().join("_delta_log"))
        .iter()
        .filter(|path| is_commit(path))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

/// Commits that hold metadata: one, for a table that was made once and not changed.
pub(super) fn metadata_commits(fixture: &Fixture) -> usize {
    commits(fixture).iter().filter(|commit| commit.contains(r#"{"metaData":"#)).count()
}
