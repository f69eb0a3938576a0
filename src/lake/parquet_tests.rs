//! Files are written with the parquet crate into temporary directories; the corpus is `parquet-testing` when it lies beside the repository.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Date32Type, Field, Int32Type, Int64Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::describe::describe_source;
use super::parquet::{ParquetSource, ReadOptions};
use super::read_ahead::SourceBatch;
use super::source::Source;
use super::text_stats::{Lengths, scan_lengths};
use crate::error::{Error, Result};

fn write(path: &Path, columns: Vec<(&str, ArrayRef, bool)>, row_group_rows: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let fields: Vec<_> = columns.iter().map(|(name, array, nullable)| Field::new(*name, array.data_type().clone(), *nullable)).collect();
    let schema = Arc::new(Schema::new(fields));
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(row_group_rows)).build();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), schema.clone(), Some(properties)).unwrap();
    writer.write(&RecordBatch::try_new(schema, columns.into_iter().map(|(_, array, _)| array).collect()).unwrap()).unwrap();
    writer.close().unwrap();
}

fn ids(range: std::ops::Range<i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(range))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn open(path: &Path) -> Result<ParquetSource> {
    ParquetSource::open(&[path.to_str().unwrap().to_owned()])
}

fn read(source: &ParquetSource, columns: &[usize], batch_rows: usize) -> Vec<SourceBatch> {
    source.read(ReadOptions { columns: columns.to_vec(), batch_rows }).collect::<Result<_>>().unwrap()
}

#[test]
fn files_with_columns_in_another_order_are_one_table() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.parquet"), vec![("id", ids(0..3), false), ("t", texts(&["a", "b", "c"]), false)], 2);
    write(&dir.path().join("b.parquet"), vec![("t", texts(&["d"]), true), ("id", ids(3..4), false)], 10);
    let source = open(dir.path()).unwrap();
    assert_eq!(
        source.schema().as_ref(),
        &Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("t", DataType::Utf8, true)])
    );
    assert_eq!((source.rows(), source.files().len()), (4, 2));
    let batches = read(&source, &[1, 0], 2);
    let rows: Vec<_> = batches.iter().map(|b| (b.file.file_name().unwrap().to_str().unwrap(), b.first_row, b.batch.num_rows())).collect();
    assert_eq!(rows, [("a.parquet", 1, 2), ("a.parquet", 3, 1), ("b.parquet", 1, 1)]);
    assert_eq!(batches[2].batch.column(0).as_string::<i32>().value(0), "d");
    assert_eq!(batches[2].batch.column(1).as_primitive::<Int64Type>().value(0), 3);
    assert!(batches.is_sorted_by_key(|b| b.bytes_done));
    assert_eq!(batches[2].bytes_done, source.size_bytes());
}

#[test]
fn text_of_another_width_or_a_dictionary_is_the_same_column() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.parquet"), vec![("t", texts(&["a"]), false)], 2);
    write(&dir.path().join("b.parquet"), vec![("t", Arc::new(LargeStringArray::from(vec!["b"])), false)], 2);
    write(&dir.path().join("c.parquet"), vec![("t", Arc::new(["c", "c"].into_iter().collect::<DictionaryArray<Int32Type>>()), false)], 2);
    let batches = read(&open(dir.path()).unwrap(), &[0], 10);
    let values: Vec<_> = batches.iter().flat_map(|b| b.batch.column(0).as_string::<i32>().iter().map(|v| v.unwrap().to_owned())).collect();
    assert_eq!(values, ["a", "b", "c", "c"]);
}

#[test]
fn partition_directories_become_columns() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("y=2024/d=2024-01-02/a.parquet"), vec![("id", ids(0..2), false)], 10);
    write(&dir.path().join("y=2025/d=2025-01-02/a.parquet"), vec![("id", ids(2..3), false)], 10);
    let source = open(dir.path()).unwrap();
    assert_eq!(source.partition_columns(), 2);
    let batches = read(&source, &[2, 0, 1], 10);
    assert_eq!(batches[0].batch.column(0).as_primitive::<Date32Type>().values(), &[19724, 19724]);
    assert_eq!(batches[1].batch.column(1).as_primitive::<Int64Type>().values(), &[2]);
    assert_eq!(batches[1].batch.column(2).as_primitive::<Int64Type>().values(), &[2025]);
    let only_partition = read(&source, &[1], 10);
    assert_eq!(only_partition.iter().map(|b| b.batch.num_rows()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn schemas_that_differ_are_refused_with_both_files_and_types() {
    let int32: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    for (second, words) in [
        (vec![("id", int32.clone(), false)], vec!["b.parquet", "type Int32, but Int64", "a.parquet"]),
        (vec![("other", int32.clone(), false)], vec!["b.parquet", "\"id\" is missing", "a.parquet"]),
        (vec![("id", ids(0..1), false), ("extra", int32.clone(), false)], vec!["b.parquet", "\"extra\" is not in", "a.parquet"]),
        (vec![("id", ids(0..1), false), ("id", ids(0..1), false)], vec!["b.parquet", "two columns are called \"id\""]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("a.parquet"), vec![("id", ids(0..1), false)], 10);
        write(&dir.path().join("b.parquet"), second, 10);
        let message = open(dir.path()).unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("ID=1/a.parquet"), vec![("id", ids(0..1), false)], 10);
    assert!(open(dir.path()).unwrap_err().to_string().contains("in the directory name as well"));
}

#[test]
fn a_reader_that_is_dropped_early_stops() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.parquet"), vec![("id", ids(0..100_000), false)], 1000);
    let mut reader = open(dir.path()).unwrap().read(ReadOptions { columns: vec![0], batch_rows: 10 });
    assert_eq!(reader.next().unwrap().unwrap().batch.num_rows(), 10);
    drop(reader);
}

#[test]
fn empty_files_have_a_schema_and_no_rows() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.parquet"), vec![("id", ids(0..0), false)], 10);
    let source = open(dir.path()).unwrap();
    assert_eq!((source.rows(), read(&source, &[0], 10).len()), (0, 0));
}

#[test]
fn lengths_are_scanned_over_all_files() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.parquet"), vec![("id", ids(0..2), false), ("t", texts(&["a", "€uro"]), false)], 1);
    write(&dir.path().join("b.parquet"), vec![("id", ids(0..1), false), ("t", texts(&["abcde"]), false)], 1);
    let lengths =
        scan_lengths(&Source::Parquet(open(dir.path()).unwrap()), &[0, 1], &|_| false, &|_, array| array.clone(), &|| Ok(())).unwrap();
    assert_eq!(lengths, [Lengths::default(), Lengths { max_bytes: 6, max_chars: 5 }]);
}

#[test]
fn a_description_tells_files_and_columns() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("y=2024/a.parquet"), vec![("id", ids(0..5), false), ("t", texts(&["x"; 5]), true)], 2);
    let description = describe_source(&[dir.path().to_str().unwrap().to_owned()], &Default::default()).unwrap();
    assert_eq!(
        (description.rows, description.row_groups, description.files[0].compression.clone()),
        (5, 3, vec!["UNCOMPRESSED".to_owned()])
    );
    let columns: Vec<_> =
        description.columns.iter().map(|c| format!("{} {} {} {}", c.name, c.arrow_type, c.parquet_type, c.nullable)).collect();
    assert_eq!(columns, ["id Int64 INT64 false", "t Utf8 BYTE_ARRAY true", "y Int64 directory false"]);
}

#[test]
fn a_file_that_changes_after_planning_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write(&path, vec![("id", ids(0..3), false)], 10);
    let source = open(&path).unwrap();
    for (columns, word) in [(vec![("id", ids(0..4), false)], "3 rows"), (vec![("id", texts(&["a", "b", "c"]), false)], "column \"id\"")] {
        write(&path, columns, 10);
        let error = source.read(ReadOptions { columns: vec![0], batch_rows: 10 }).next().unwrap().unwrap_err().to_string();
        assert!(error.contains("the file has changed") && error.contains(word), "{error}");
    }
}

#[test]
fn damaged_files_are_named_with_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write(&path, vec![("id", ids(0..1000), false)], 100);
    let good = std::fs::read(&path).unwrap();
    for (bytes, word) in [
        (good[..good.len() - 20].to_vec(), "end is missing"),
        (b"ARROW1\0\0....".to_vec(), "Arrow IPC"),
        (vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0], "gzip"),
        (b"id,name\n1,x\n".to_vec(), "not Parquet"),
        (Vec::new(), "not Parquet"),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let message = open(&path).unwrap_err().to_string();
        assert!(message.contains(word) && message.contains("a.parquet"), "{message}");
    }
}

#[test]
fn no_single_damaged_byte_panics_or_changes_the_row_count() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write(&path, vec![("id", ids(0..60), false), ("t", texts(&["x"; 60]), true)], 20);
    let good = std::fs::read(&path).unwrap();
    for position in (4..good.len()).step_by(3) {
        let mut bytes = good.clone();
        bytes[position] ^= 0x5a;
        std::fs::write(&path, &bytes).unwrap();
        let Ok(source) = open(&path) else { continue };
        let columns = (0..source.schema().fields().len()).collect();
        match source.read(ReadOptions { columns, batch_rows: 7 }).map(|b| b.map(|b| b.batch.num_rows() as u64)).sum::<Result<u64>>() {
            Ok(rows) => assert_eq!(rows, source.rows(), "byte {position}"),
            Err(Error::Source { message, .. }) => {
                assert!(message.contains("row") || message.contains("changed"), "byte {position}: {message}")
            }
            Err(other) => panic!("byte {position}: {other}"),
        }
    }
}

/// The corpus of Apache Parquet, beside the repository.
fn corpus() -> Option<Vec<PathBuf>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/parquet-testing/data");
    let Ok(entries) = std::fs::read_dir(&data) else {
        eprintln!("SKIPPED: no parquet-testing corpus beside the repository");
        return None;
    };
    let mut files: Vec<_> =
        entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.extension().is_some_and(|e| e == "parquet")).collect();
    files.sort();
    assert!(files.len() > 50, "{} files", files.len());
    Some(files)
}

/// Rows, or what was said, of each file of the corpus.
fn read_corpus_file(path: &Path) -> Result<u64> {
    let mut source = open(path)?;
    let columns: Vec<usize> = (0..source.schema().fields().len()).collect();
    source.settle_int96(&columns)?;
    scan_lengths(&Source::Parquet(source.clone()), &columns, &|_| false, &|_, array| array.clone(), &|| Ok(()))?;
    let rows = source.read(ReadOptions { columns, batch_rows: 100 }).map(|b| b.map(|b| b.batch.num_rows() as u64)).sum::<Result<u64>>()?;
    assert_eq!(rows, source.rows(), "{}", path.display());
    Ok(rows)
}

#[test]
fn the_corpus_reads_or_says_why_not() {
    let Some(files) = corpus() else { return };
    let mut refused = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "large_string_map.brotli.parquet" {
            eprintln!("SKIPPED: {name}, values of 2 GiB take half a minute; it is refused with an overflow of a 32-bit offset");
            assert_eq!(open(&path).unwrap().rows(), 2, "{name}");
            continue;
        }
        match read_corpus_file(&path) {
            Ok(_) => {}
            Err(Error::Source { message, path: named, .. }) => {
                assert_eq!(named, path);
                refused.push((name, message));
            }
            Err(other) => panic!("{name}: {other}"),
        }
    }
    let names: Vec<&str> = refused.iter().map(|(name, _)| name.as_str()).collect();
    for must_fail in
        ["datapage_v1-corrupt-checksum.parquet", "rle-dict-uncompressed-corrupt-checksum.parquet", "nation.dict-malformed.parquet"]
    {
        assert!(names.contains(&must_fail), "{must_fail} should be refused; refused: {refused:#?}");
    }
    assert!(refused.len() <= 6, "more than the damaged files of the corpus: {refused:#?}");
}
