//! What we write, others read the same; what others write, we read the same, or refuse with the feature's name.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, Date32Array, Decimal128Array, Int64Array, ListArray, RecordBatch, RecordBatchReader, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::{cast, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit};
use olbridge_delta::table::{
    Alter, At, Batches, Changes, CommitOptions, FileOptions, Merge, NewTable, OptimizeOptions, Scan, Table, TableReader, VacuumOptions,
    WriteMode, WriteOptions, compression,
};
use olbridge_delta::{Location, StoreOptions};

use crate::peers;

/// Runs `peer.py`; `None` where the packages are not installed.
fn peer(arguments: &[&str]) -> Option<String> {
    let python = peers::program("python/bin/python")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/peer.py");
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn open(folder: &Path) -> Table {
    let location: Location = folder.to_str().unwrap().parse().unwrap();
    Table::open(&location, &StoreOptions::default()).unwrap()
}

fn all(reader: TableReader) -> RecordBatch {
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.unwrap()).collect();
    let batch = concat_batches(&schema, &batches).unwrap();
    let id = arrow::compute::SortColumn { values: batch.column_by_name("id").unwrap().clone(), options: None };
    take_record_batch(&batch, &lexsort_to_indices(&[id], None).unwrap()).unwrap()
}

/// As `peer.py` prints it.
fn dump(table: &Table) -> String {
    let batch = all(table.read(&Scan::default()).unwrap());
    let mut names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    names.sort();
    let mut out = String::new();
    for row in 0..batch.num_rows() {
        let pairs: Vec<String> =
            names.iter().map(|name| format!("\"{name}\": {}", text(batch.column_by_name(name).unwrap(), row))).collect();
        out += &format!("{{{}}}\n", pairs.join(", "));
    }
    out
}

fn text(column: &ArrayRef, row: usize) -> String {
    use arrow::array::AsArray;
    if column.is_null(row) {
        return "null".into();
    }
    match column.data_type() {
        DataType::Binary => {
            let bytes = column.as_binary::<i32>().value(row);
            format!("\"{}\"", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        DataType::Timestamp(_, zone) => {
            let micros = column.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().value(row);
            let time = chrono::DateTime::from_timestamp_micros(micros).unwrap().naive_utc();
            let zone = if zone.is_some() { "+00:00" } else { "" };
            let fraction = if micros % 1_000_000 == 0 { "" } else { "%.6f" };
            format!("\"{}{zone}\"", time.format(&format!("%Y-%m-%dT%H:%M:%S{fraction}")))
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            format!("[{}]", (0..items.len()).map(|index| text(&items, index)).collect::<Vec<_>>().join(", "))
        }
        DataType::Struct(fields) => {
            let column = column.as_struct();
            let mut pairs: Vec<_> =
                fields.iter().zip(column.columns()).map(|(field, column)| format!("\"{}\": {}", field.name(), text(column, row))).collect();
            pairs.sort();
            format!("{{{}}}", pairs.join(", "))
        }
        _ => format!("\"{}\"", cast(column, &DataType::Utf8).unwrap().as_string::<i32>().value(row)),
    }
}

fn assert_same(ours: &str, theirs: &str) {
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.lines().count(), theirs.lines().count());
}

fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    let ids: Vec<i64> = ids.collect();
    let list = |id: &i64| Some(vec![Some(*id as i32), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(ids.clone()))),
        ("p", Arc::new(ids.iter().map(|id| (id % 7 != 0).then(|| format!("a b/{}", id % 3))).collect::<StringArray>())),
        (
            "big",
            Arc::new(
                Decimal128Array::from_iter_values(ids.iter().map(|id| 10i128.pow(37) + i128::from(*id)))
                    .with_precision_and_scale(38, 0)
                    .unwrap(),
            ),
        ),
        (
            "money",
            Arc::new(Decimal128Array::from_iter_values(ids.iter().map(|id| i128::from(*id))).with_precision_and_scale(18, 2).unwrap()),
        ),
        ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(ids.iter().map(|id| 1_767_225_600_000_001 + id)).with_timezone("UTC"))),
        ("local", Arc::new(TimestampMicrosecondArray::from_iter_values(ids.iter().map(|id| -62_000_000_000_000_000 + id)))),
        ("day", Arc::new(Date32Array::from_iter_values(ids.iter().map(|id| *id as i32 * 300 - 30_000)))),
        ("raw", Arc::new(BinaryArray::from_iter_values(ids.iter().map(|id| id.to_be_bytes())))),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(ids.iter().map(list)))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn written(folder: &Path, partition_columns: &[&str]) -> Table {
    let mut table = open(folder);
    let batch = rows(0..200);
    let new =
        NewTable { partition_columns: partition_columns.iter().map(|name| (*name).to_owned()).collect(), ..NewTable::new(batch.schema()) };
    let options = WriteOptions { create: Some(new), ..WriteOptions::default() };
    table.write(&mut Batches::new(batch.schema(), vec![batch]), &options, &CommitOptions::default()).unwrap();
    table
}

#[test]
fn others_read_what_we_write() {
    for partitions in [&[][..], &["p"]] {
        let folder = tempfile::tempdir().unwrap();
        let mut table = written(folder.path(), partitions);
        let path = folder.path().to_str().unwrap();
        let Some(theirs) = peer(&["dump", path]) else { return };
        assert_same(&dump(&table), &theirs);
        if partitions.is_empty() {
            assert_same(&dump(&table), &peer(&["duckdb", path]).unwrap());
        }
        // After everything that changes a table.
        let more = rows(195..210);
        table.merge(&mut Batches::new(more.schema(), vec![more]), &Merge::upsert(&["id".into()]), &CommitOptions::default()).unwrap();
        table.delete(Some("id % 10 = 3"), &CommitOptions::default()).unwrap();
        table.update(&[("money".into(), "money + 1".into())], Some("id < 50"), &CommitOptions::default()).unwrap();
        table.optimize(&OptimizeOptions::default(), &CommitOptions::default()).unwrap();
        table.checkpoint().unwrap();
        table.alter(&Alter::AddColumn(Field::new("new", DataType::Float64, true)), &CommitOptions::default()).unwrap();
        assert_same(&dump(&table), &peer(&["dump", path]).unwrap());
        assert_same(&dump(&table.at(0).unwrap()), &peer(&["dump", path, "0"]).unwrap());
        others_read_files_of_every_layout(&mut table, path);
    }
}

/// Clauses of a MERGE with expressions, an ordered and compressed OPTIMIZE, a RESTORE, a VACUUM: rows and files as others see them.
fn others_read_files_of_every_layout(table: &mut Table, path: &str) {
    let files = FileOptions {
        compression: Some(compression("zstd:5").unwrap()),
        row_group_rows: Some(50),
        bloom_filters: vec!["id".into()],
        dictionary: Some(false),
        ..FileOptions::default()
    };
    table.set_file_options(files);
    let more = rows(205..215);
    let clauses = [
        "matched and source.id % 2 = 0 then delete",
        "matched then update set money = round(target.money * 1.075, 2), p = source.p",
        "not matched then insert *",
        "not matched by source and target.id < 5 then update set big = NULL",
    ];
    let clauses = clauses.iter().map(|text| text.parse().unwrap()).collect();
    let merge = Merge { clauses, ..Merge::upsert(&["id".into()]) };
    table.merge(&mut Batches::new(more.schema(), vec![more]), &merge, &CommitOptions::default()).unwrap();
    assert_same(&dump(table), &peer(&["dump", path]).unwrap());
    let merged = table.version().unwrap();
    let z_order = OptimizeOptions { z_order: vec!["id".into(), "day".into()], ..OptimizeOptions::default() };
    table.optimize(&z_order, &CommitOptions::default()).unwrap();
    table.delete(None, &CommitOptions::default()).unwrap();
    table.restore(At::Version(merged), &CommitOptions::default()).unwrap();
    let now = VacuumOptions { dry_run: false, retention: Some(chrono::TimeDelta::zero()), orphans: true, short_retention: true };
    table.vacuum(&now).unwrap();
    table.checkpoint().unwrap();
    assert_same(&dump(table), &peer(&["dump", path]).unwrap());
    if table.partition_columns().unwrap().is_empty() {
        assert_same(&dump(table), &peer(&["duckdb", path]).unwrap());
    }
}

#[test]
fn others_read_columns_that_we_renamed_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = written(folder.path(), &[]);
    let alter = |table: &mut Table, change| table.alter(&change, &CommitOptions::default()).unwrap();
    alter(&mut table, Alter::RenameColumn { from: "money".into(), to: "Geld".into(), upgrade: true });
    alter(&mut table, Alter::DropColumn { column: "raw".into(), upgrade: true });
    let Some(theirs) = peer(&["dump", folder.path().to_str().unwrap()]) else { return };
    assert!(theirs.contains("Geld") && !theirs.contains("raw"));
    assert_same(&dump(&table), &theirs);
}

#[test]
fn others_know_the_features_that_properties_have_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = written(folder.path(), &[]);
    let on = ["delta.appendOnly", "delta.enableChangeDataFeed", "delta.enableDeletionVectors"]
        .map(|key| (key.to_owned(), Some("true".to_owned())));
    let v2 = ("delta.checkpointPolicy".to_owned(), Some("v2".to_owned()));
    table.alter(&Alter::SetProperties(on.into_iter().chain([v2]).collect()), &CommitOptions::default()).unwrap();
    table.checkpoint().unwrap();
    let path = folder.path().to_str().unwrap();
    let Some(features) = peer(&["features", path]) else { return };
    for name in ["appendOnly", "changeDataFeed", "deletionVectors", "v2Checkpoint", "timestampNtz"] {
        assert!(features.split_whitespace().any(|feature| feature == name), "{name}: {features}");
    }
    assert_same(&dump(&table), &peer(&["dump", path]).unwrap());
}

/// A table whose files are named in sidecars of its checkpoint is written on, and given new checkpoints.
#[test]
fn a_table_with_sidecars_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let Some(_) = peer(&["make", "sidecars", path]) else { return };
    let mut table = open(folder.path());
    assert_eq!(table.count_rows(None).unwrap(), 20);
    let outcome = table.delete(Some("id = 5 or id = 15"), &CommitOptions::default()).unwrap();
    assert_eq!(outcome.metrics().and_then(|metrics| metrics.rows), Some(2));
    table.checkpoint().unwrap();
    let again = open(folder.path());
    assert_eq!(again.count_rows(None).unwrap(), 18);
    assert_same(&dump(&again), &peer(&["dump", path]).unwrap());
}

#[test]
fn we_read_what_others_write() {
    for kind in ["partitioned", "mapped", "vectors", "feed", "checkpoints", "v2checkpoint", "sidecars"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let Some(_) = peer(&["make", kind, path]) else { return };
        let table = open(folder.path());
        let ours = dump(&table);
        match kind {
            // Their own reader through Arrow refuses deletion vectors; the rows are known.
            "vectors" => {
                let ids: Vec<&str> = ours.lines().filter_map(|line| line.split("\"id\": \"").nth(1)?.split('"').next()).collect();
                let expected: Vec<String> = (0..100).filter(|id| ![3, 50, 99].contains(id)).map(|id: i32| id.to_string()).collect();
                assert_eq!(ids, expected);
            }
            _ => assert_same(&ours, &peer(&["dump", path]).unwrap()),
        }
    }
}

#[test]
fn we_write_to_what_others_made() {
    for kind in ["partitioned", "mapped", "checkpoints"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let Some(_) = peer(&["make", kind, path]) else { return };
        let mut table = open(folder.path());
        for predicate in ["id = 5", "big = 10000000000000000000000000000000000007"] {
            let outcome = table.delete(Some(predicate), &CommitOptions::default()).unwrap();
            assert_eq!(outcome.metrics().and_then(|metrics| metrics.rows), Some(1), "{kind}: {predicate}");
        }
        let again = all(table.read(&Scan { predicate: Some("id < 3".into()), ..Scan::default() }).unwrap());
        let count = again.num_rows();
        table
            .write(
                &mut Batches::new(again.schema(), vec![again]),
                &WriteOptions { mode: WriteMode::Append, ..WriteOptions::default() },
                &CommitOptions::default(),
            )
            .unwrap();
        let theirs = peer(&["dump", path]).unwrap();
        assert_eq!(theirs.lines().filter(|line| line.contains("\"id\": \"1\"")).count(), 2, "{count}");
        assert!(!theirs.contains("\"id\": \"5\"") && !theirs.contains("\"id\": \"7\""), "{kind}");
    }
}

#[test]
fn a_feed_of_others_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_) = peer(&["make", "feed", folder.path().to_str().unwrap()]) else { return };
    let Changes::Feed(reader) = open(folder.path()).changes(1, 3).unwrap() else { panic!("no feed") };
    let batch = all(reader);
    let column = |name: &str| cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
    let text = |column: &ArrayRef, row| arrow::array::AsArray::as_string::<i32>(column).value(row).to_owned();
    let (ids, kinds, versions) = (column("id"), column("_change_type"), column("_commit_version"));
    let mut found: Vec<_> =
        (0..batch.num_rows()).map(|row| format!("{} {} {}", text(&versions, row), text(&ids, row), text(&kinds, row))).collect();
    found.sort();
    assert_eq!(found, ["1 3 delete", "2 4 update_postimage", "2 4 update_preimage", "3 10 insert", "3 11 insert"]);
}

#[test]
fn a_feature_that_is_not_implemented_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_) = peer(&["make", "row-tracking", folder.path().to_str().unwrap()]) else { return };
    let location: Location = folder.path().to_str().unwrap().parse().unwrap();
    let told = match Table::open(&location, &StoreOptions::default()) {
        Err(error) => error.to_string(),
        Ok(mut table) => match table.read(&Scan::default()).map(|reader| reader.collect::<Result<Vec<_>, _>>()) {
            Err(error) => error.to_string(),
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(_)) => table.delete(None, &CommitOptions::default()).unwrap_err().to_string(),
        },
    };
    assert!(told.to_lowercase().contains("widening") || told.to_lowercase().contains("tracking"), "{told}");
}

/// The type of an Arrow timestamp without a zone is kept apart from one with.
#[test]
fn schemas_are_those_of_the_source() {
    let folder = tempfile::tempdir().unwrap();
    let table = written(folder.path(), &[]);
    let expected = rows(0..0).schema();
    let found: Schema = table.schema().unwrap().as_ref().clone();
    assert_eq!(found.field_with_name("local").unwrap().data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
    for (found, expected) in found.fields().iter().zip(expected.fields()) {
        assert!(found.data_type().equals_datatype(expected.data_type()) || matches!(found.data_type(), DataType::List(_)), "{found}");
    }
}
