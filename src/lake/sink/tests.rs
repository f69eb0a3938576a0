//! Files that appear whole or not at all.

use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use std::fs::{self, File};

use super::*;

fn batch(range: std::ops::Range<i64>) -> RecordBatch {
    let schema = Schema::new(vec![Field::new("ID", DataType::Int64, false)]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from_iter_values(range))]).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn sink(path: &Path, options: SinkOptions) -> Sink {
    Sink::create(path, &batch(0..0).schema(), &[("k".into(), "v".into())], &options).unwrap()
}

#[test]
fn a_file_is_there_when_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.parquet");
    let mut sink = sink(&path, SinkOptions { row_group_rows: 60, ..SinkOptions::default() });
    sink.write(&batch(0..100)).unwrap();
    assert!(!path.exists());
    let report = sink.finish(false).unwrap();
    assert_eq!((report.rows, report.row_groups), (100, 2));
    assert_eq!(report.size_bytes, fs::metadata(&path).unwrap().len());
    assert_eq!(names(directory.path()), ["t.parquet"]);
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
    let metadata = reader.metadata().file_metadata();
    assert!(metadata.key_value_metadata().unwrap().iter().any(|pair| pair.key == "k" && pair.value.as_deref() == Some("v")));
    assert!(metadata.created_by().unwrap().starts_with("olbridge "));
    assert_eq!(reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 100);
}

#[test]
fn an_unfinished_file_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut sink = sink(&directory.path().join("t.parquet"), SinkOptions::default());
    sink.write(&batch(0..10)).unwrap();
    assert_eq!(names(directory.path()).len(), 1);
    drop(sink);
    assert!(names(directory.path()).is_empty());
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.parquet");
    fs::write(&path, "old").unwrap();
    let error = sink(&path, SinkOptions::default()).finish(false).unwrap_err().to_string();
    assert!(error.contains("--mode overwrite"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    sink(&path, SinkOptions::default()).finish(true).unwrap();
    assert_ne!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(directory.path()), ["t.parquet"]);
}

#[test]
fn a_row_group_ends_by_its_bytes_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.parquet");
    let mut sink = sink(&path, SinkOptions { row_group_bytes: 1, ..SinkOptions::default() });
    sink.write(&batch(0..10)).unwrap();
    sink.write(&batch(10..20)).unwrap();
    assert_eq!(sink.finish(false).unwrap().row_groups, 2);
}

#[test]
fn a_missing_directory_is_an_error_that_names_the_file() {
    let path = Path::new("/nowhere/at/all/t.parquet");
    let error = Sink::create(path, &batch(0..0).schema(), &[], &SinkOptions::default()).unwrap_err().to_string();
    assert!(error.contains("t.parquet") && error.contains("directory"), "{error}");
}
