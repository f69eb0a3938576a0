//! Where rows could be lost, doubled or changed unseen: old versions, partitions, deletion vectors, odd names, empty tables.

use arrow::array::{Array, Date32Array, Float64Array};
use arrow::datatypes::Int64Type;
use chrono::TimeDelta;

use super::*;
use crate::table::{Assignments, Clause};

fn none() -> CommitOptions {
    CommitOptions::default()
}

fn vacuum_now(table: &mut Table) -> Vec<String> {
    let options = VacuumOptions { dry_run: false, retention: Some(TimeDelta::zero()), orphans: false, short_retention: true };
    table.vacuum(&options).unwrap()
}

/// (id, the first other column as text), sorted.
fn pairs(table: &Table) -> Vec<(i64, Option<String>)> {
    let batch = read(table, &Scan::default());
    let texts = arrow::compute::cast(batch.column(1), &DataType::Utf8).unwrap();
    let (ids, texts) = (batch.column(0).as_primitive::<Int64Type>(), texts.as_string::<i32>());
    let mut pairs: Vec<_> =
        (0..batch.num_rows()).map(|row| (ids.value(row), texts.is_valid(row).then(|| texts.value(row).to_owned()))).collect();
    pairs.sort();
    pairs
}

#[test]
fn a_version_whose_files_are_gone_is_an_error_and_no_part_of_it_is_read() {
    let (fixture, mut table) = Fixture::with_ids(&[1, 2]);
    committed(table.write(&mut rows(&[3]), &WriteOptions::default(), &none()).unwrap());
    committed(table.delete(Some("id = 1"), &none()).unwrap());
    committed(table.write(&mut rows(&[4]), &WriteOptions::default(), &none()).unwrap());
    assert_eq!(vacuum_now(&mut table).len(), 1);
    // Version 1 has a file that is there and one that is gone.
    let then = table.at(1).unwrap();
    let batches: Vec<_> = then.read(&Scan::default()).unwrap().collect();
    assert!(batches.iter().any(Result::is_err), "{batches:?}");
    assert!(then.count_rows(Some("id > 0")).is_err());
    let restored = table.restore(At::Version(1), &none());
    assert!(restored.is_err(), "{restored:?}");
    assert_eq!(ids(&fixture.open()), [2, 3, 4]);
    // One that is whole can be gone back to, and written on from.
    committed(table.restore(At::Version(2), &none()).unwrap());
    committed(table.write(&mut rows(&[5]), &WriteOptions::default(), &none()).unwrap());
    assert_eq!(ids(&fixture.open()), [2, 3, 5]);
    // What was taken away by going back can be had again.
    committed(table.restore(At::Version(4), &none()).unwrap());
    assert_eq!(ids(&fixture.open()), [2, 3, 4]);
}

#[test]
fn a_constraint_holds_against_every_way_to_change_rows() {
    let (fixture, mut table) = Fixture::with_ids(&[1, 2]);
    let constraint = Alter::AddConstraint { name: "small".into(), expression: "id < 10".into() };
    table.alter(&constraint, &none()).unwrap();
    let version = table.version();
    let refused = |error: Error| assert!(error.to_string().contains("constraint"), "{error}");
    refused(table.write(&mut rows(&[3, 30]), &WriteOptions::default(), &none()).unwrap_err());
    refused(table.merge(&mut rows(&[2, 30]), &Merge::upsert(&["id".into()]), &none()).unwrap_err());
    let set = Clause::MatchedUpdate { condition: None, set: Assignments::Only(vec![("id".into(), "source.id + 20".into())]) };
    let merge = Merge { on: Merge::on_keys(&["id".into()]), clauses: vec![set], ..Merge::default() };
    refused(table.merge(&mut rows(&[2]), &merge, &none()).unwrap_err());
    refused(table.update(&[("id".into(), "id + 20".into())], None, &none()).unwrap_err());
    assert_eq!((ids(&fixture.open()), fixture.open().version()), (vec![1, 2], version));
    // No file of a refused change stays.
    let parquet = walk(fixture.location.local_path().unwrap().as_ref())
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "parquet"))
        .count();
    assert_eq!(parquet, 1);
}

#[test]
fn rows_move_between_partitions_whatever_their_values_are() {
    let odd = ["a b", "a/b", "a=b", "a%2Fb", "ü, 100 %", "it's \"x\"", "a:b?c#d", ".."];
    let fixture = Fixture::new();
    let mut table = fixture.open();
    let mut options = creating();
    if let Some(new) = &mut options.create {
        new.partition_columns = vec!["p".into()];
        new.properties.insert("delta.enableChangeDataFeed".into(), "true".into());
    }
    let source = |ids: &[i64], of: &dyn Fn(usize) -> Option<String>| {
        let texts: StringArray = (0..ids.len()).map(of).collect();
        columns(vec![("id", Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef), ("p", Arc::new(texts))])
    };
    let all: Vec<i64> = (0..odd.len() as i64 + 1).collect();
    committed(table.write(&mut source(&all, &|n| odd.get(n).map(|text| (*text).to_owned())), &options, &none()).unwrap());
    let expected: Vec<_> = all.iter().map(|id| (*id, odd.get(*id as usize).map(|text| (*text).to_owned()))).collect();
    assert_eq!(pairs(&fixture.open()), expected);
    for text in odd {
        let quoted = text.replace('\'', "''");
        assert_eq!(table.count_rows(Some(&format!("p = '{quoted}'"))).unwrap(), 1, "{text}");
    }
    for (id, text) in odd.iter().enumerate() {
        let quoted = text.replace('\'', "''");
        // To the next one's partition, by a condition on the partition itself.
        let next = odd[(id + 1) % odd.len()].replace('\'', "''");
        let set = [("p".to_owned(), format!("'{next}'"))];
        let updated = committed(table.update(&set, Some(&format!("p = '{quoted}' and id = {id}")), &none()).unwrap());
        assert_eq!(updated.rows, Some(1), "{text}");
    }
    let expected: Vec<_> =
        expected.iter().map(|(id, text)| (*id, text.as_ref().map(|_| odd[(*id as usize + 1) % odd.len()].to_owned()))).collect();
    assert_eq!(pairs(&fixture.open()), expected);
    // A MERGE moves them back, and a row of no partition to one.
    let mut back = source(&all, &|n| Some(odd.get(n).map_or("new".to_owned(), |text| (*text).to_owned())));
    let merged = committed(table.merge(&mut back, &Merge::upsert(&["id".into()]), &none()).unwrap());
    assert_eq!((merged.rows_updated, merged.rows_inserted), (9, 0));
    let expected: Vec<_> = all.iter().map(|id| (*id, Some(odd.get(*id as usize).unwrap_or(&"new").to_string()))).collect();
    assert_eq!(pairs(&fixture.open()), expected);
    // By the key and the partition: rows of the same key in another partition are others.
    let both = ["id".to_owned(), "p".to_owned()];
    let merged = committed(table.merge(&mut source(&[0, 1], &|_| Some("a b".into())), &Merge::upsert(&both), &none()).unwrap());
    assert_eq!((merged.rows_updated, merged.rows_inserted), (1, 1));
    committed(table.optimize(&OptimizeOptions::default(), &none()).unwrap());
    assert_eq!(committed(table.delete(Some("p in ('a b', 'new')"), &none()).unwrap()).rows, Some(3));
    assert_eq!(pairs(&fixture.open()), expected[1..8]);
    let changed = table.changes(1, table.version().unwrap()).unwrap();
    assert!(matches!(changed, Changes::Feed(_)));
}

#[test]
fn null_is_neither_equal_nor_different() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    let numbers: Float64Array = [Some(1.0), None, Some(f64::NAN), Some(-0.0), Some(f64::INFINITY)].into_iter().collect();
    let mut source = columns(vec![("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])) as ArrayRef), ("x", Arc::new(numbers))]);
    committed(table.write(&mut source, &creating(), &none()).unwrap());
    let found = |predicate: &str| {
        let batch = read(&fixture.open(), &Scan { predicate: Some(predicate.into()), ..Scan::default() });
        let mut ids = batch.column(0).as_primitive::<Int64Type>().values().to_vec();
        ids.sort_unstable();
        ids
    };
    assert_eq!(found("x <> 1"), [3, 4, 5]);
    assert_eq!(found("not (x = 1)"), [3, 4, 5]);
    assert_eq!(found("x = 0"), [4]);
    assert_eq!(found("x >= 0"), [1, 3, 4, 5]);
    assert_eq!(found("x < 0"), [0i64; 0]);
    assert_eq!(found("x in (0, 1)"), [1, 4]);
    assert_eq!(found("x between 0 and 1"), [1, 4]);
    assert_eq!(found("x = x"), [1, 3, 4, 5]);
    assert_eq!(found("x is null or x > 1e3"), [2, 3, 5]);
    // Numbers that are written with a point are not decimals beside a double, which NaN, a large one and a small one could not become.
    assert_eq!(found("x > 1.5"), [3, 5]);
    assert_eq!(found("x in (1.0, 2.5)"), [1]);
    assert_eq!(found("x between -0.5 and 1.0"), [1, 4]);
    let tiny = [("x".to_owned(), "x * 0.5e-20".to_owned())];
    assert_eq!(committed(table.update(&tiny, Some("id = 1 and x * 1.0 = 1.0"), &none()).unwrap()).rows, Some(1));
    assert_eq!((found("x > 0.0"), found("x = 0.5e-20")), (vec![1, 3, 5], vec![1]));
    assert_eq!(committed(table.update(&[("x".into(), "1.0".into())], Some("id = 1"), &none()).unwrap()).rows, Some(1));
    assert_eq!(committed(table.delete(Some("x <> 1"), &none()).unwrap()).rows, Some(3));
    assert_eq!(ids(&table), [1, 2]);
    assert_eq!(committed(table.update(&[("x".into(), "2".into())], Some("x > 0"), &none()).unwrap()).rows, Some(1));
    assert_eq!(committed(table.delete(Some("null"), &none()).unwrap()).rows, Some(0));
    assert_eq!(ids(&table), [1, 2]);
}

#[test]
fn odd_names_of_columns_go_through_everything() {
    for name in ["a.b", "a b", "it's", "say \"x\"", "ünï→", "source", "target", "select", "Id2", "a,b;{c}(d)=e"] {
        let fixture = Fixture::new();
        let mut table = fixture.open();
        let mut options = creating();
        if let Some(new) = &mut options.create {
            new.properties.insert("delta.columnMapping.mode".into(), "name".into());
        }
        let source = |ids: &[i64], text: &str| {
            let texts: StringArray = ids.iter().map(|_| Some(text)).collect();
            columns(vec![("id", Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef), (name, Arc::new(texts))])
        };
        committed(table.write(&mut source(&[1, 2], "old"), &options, &none()).unwrap());
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let text = |text: &str| Some(text.to_owned());
        committed(table.merge(&mut source(&[2, 3], "new"), &Merge::upsert(&["id".into()]), &none()).unwrap());
        assert_eq!(pairs(&table), [(1, text("old")), (2, text("new")), (3, text("new"))], "{name}");
        // As a key, in a SET and in conditions.
        let both = ["id".to_owned(), name.to_owned()];
        let merged = committed(table.merge(&mut source(&[3, 4], "new"), &Merge::upsert(&both), &none()).unwrap());
        assert_eq!((merged.rows_updated, merged.rows_inserted), (1, 1), "{name}");
        let set = [(name.to_owned(), format!("{quoted} || '!'"))];
        assert_eq!(committed(table.update(&set, Some(&format!("{quoted} = 'old'")), &none()).unwrap()).rows, Some(1), "{name}");
        assert_eq!(committed(table.delete(Some(&format!("{quoted} = 'new' and id > 3")), &none()).unwrap()).rows, Some(1), "{name}");
        assert_eq!(pairs(&fixture.open()), [(1, text("old!")), (2, text("new")), (3, text("new"))], "{name}");
        table.checkpoint().unwrap();
        let scan = Scan { columns: Some(vec![name.into()]), predicate: Some(format!("{quoted} = 'old!'")), ..Scan::default() };
        assert_eq!(read(&fixture.open(), &scan).num_rows(), 1, "{name}");
        let query = NetQuery { after: 0, keys: vec!["id".into()], columns: both.to_vec(), way: ChangeWay::Auto };
        let changes: usize = table.net_changes(&query).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(changes, 3, "{name}");
    }
}

#[test]
fn everything_works_on_a_table_without_rows() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    committed(table.write(&mut rows(&[]), &creating(), &none()).unwrap());
    assert_eq!(ids(&table), [0i64; 0]);
    assert_eq!(table.count_rows(Some("id = 1")).unwrap(), 0);
    assert_eq!(committed(table.delete(None, &none()).unwrap()).rows.unwrap_or(0), 0);
    assert_eq!(committed(table.update(&[("name".into(), "'x'".into())], None, &none()).unwrap()).rows, Some(0));
    assert_eq!(committed(table.merge(&mut rows(&[]), &Merge::upsert(&["id".into()]), &none()).unwrap()).source_rows, 0);
    committed(table.optimize(&OptimizeOptions::default(), &none()).unwrap());
    committed(table.optimize(&OptimizeOptions { z_order: vec!["id".into()], ..OptimizeOptions::default() }, &none()).unwrap());
    table.checkpoint().unwrap();
    assert_eq!(vacuum_now(&mut table), [""; 0]);
    assert_eq!(committed(table.merge(&mut rows(&[1, 2]), &Merge::upsert(&["id".into()]), &none()).unwrap()).rows_inserted, 2);
    committed(table.delete(None, &none()).unwrap());
    assert_eq!(committed(table.merge(&mut rows(&[2]), &Merge::upsert(&["id".into()]), &none()).unwrap()).rows_inserted, 1);
    let unmatched = Clause::NotMatchedBySourceDelete { condition: None };
    let merge = Merge { on: Merge::on_keys(&["id".into()]), clauses: vec![unmatched], ..Merge::default() };
    assert_eq!(committed(table.merge(&mut rows(&[]), &merge, &none()).unwrap()).rows_deleted, 1);
    assert_eq!(ids(&fixture.open()), [0i64; 0]);
}

#[test]
fn a_table_without_columns_is_refused() {
    let fixture = Fixture::new();
    let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
    let mut source = Batches::new(nothing.schema(), vec![]);
    let error = fixture.open().write(&mut source, &creating(), &none()).unwrap_err();
    assert!(error.to_string().contains("column"), "{error}");
    assert!(!fixture.open().exists());
}

/// A table that only grows.
#[test]
fn a_table_that_is_append_only_keeps_its_rows() {
    let (fixture, mut table) = Fixture::with_ids(&[1, 2]);
    let set = Alter::SetProperties([("delta.appendOnly".to_owned(), Some("true".to_owned()))].into());
    table.alter(&set, &none()).unwrap();
    committed(table.write(&mut rows(&[3]), &WriteOptions::default(), &none()).unwrap());
    let overwrite = WriteOptions { mode: WriteMode::Overwrite, ..WriteOptions::default() };
    for error in [
        table.delete(Some("id = 1"), &none()).unwrap_err(),
        table.delete(None, &none()).unwrap_err(),
        table.update(&[("name".into(), "'x'".into())], None, &none()).unwrap_err(),
        table.merge(&mut rows(&[1]), &Merge::upsert(&["id".into()]), &none()).unwrap_err(),
        table.write(&mut rows(&[9]), &overwrite, &none()).unwrap_err(),
    ] {
        assert!(error.to_string().to_lowercase().contains("append"), "{error}");
    }
    committed(table.optimize(&OptimizeOptions::default(), &none()).unwrap());
    assert_eq!(ids(&fixture.open()), [1, 2, 3]);
}

/// A wider type, and versions from before it.
#[test]
fn old_versions_are_read_in_their_own_types_and_the_new_one_goes_on() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    let days = |days: Vec<i32>| {
        let ids: Vec<i64> = (0..days.len() as i64).collect();
        columns(vec![("id", Arc::new(Int64Array::from(ids)) as ArrayRef), ("d", Arc::new(Date32Array::from(days)))])
    };
    committed(table.write(&mut days(vec![-700_000, 2_932_896]), &creating(), &none()).unwrap());
    assert_eq!(table.count_rows(Some("d < DATE '0100-01-01'")).unwrap(), 1);
    table.widen_column("id", &DataType::Decimal128(38, 0), &none()).unwrap();
    assert_eq!(table.schema().unwrap().field(0).data_type(), &DataType::Decimal128(38, 0));
    assert_eq!(ids(&table.at(0).unwrap()), [0, 1]);
    let merged = committed(table.merge(&mut days(vec![0, 0, 0]), &Merge::upsert(&["id".into()]), &none()).unwrap());
    assert_eq!((merged.rows_updated, merged.rows_inserted), (2, 1));
    table.restore(At::Version(0), &none()).unwrap();
    assert_eq!(ids(&fixture.open()), [0, 1]);
}

const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// A deletion vector in the log itself (protocol, "Deletion Vectors"): these rows of a file, from 0.
fn deleted(rows: &[u16]) -> serde_json::Value {
    let mut bytes = 1_681_511_377u32.to_le_bytes().to_vec();
    bytes.extend(1u64.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    // Roaring bitmap without runs: one container of an array.
    bytes.extend(12_346u32.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    bytes.extend(0u16.to_le_bytes());
    bytes.extend((rows.len() as u16 - 1).to_le_bytes());
    bytes.extend(16u32.to_le_bytes());
    rows.iter().for_each(|row| bytes.extend(row.to_le_bytes()));
    let size = bytes.len();
    bytes.resize(size.next_multiple_of(4), 0);
    let text: String = bytes
        .chunks(4)
        .flat_map(|four| {
            let number = u32::from_be_bytes(four.try_into().unwrap());
            (0..5).rev().map(move |power| ALPHABET[(number / 85u32.pow(power) % 85) as usize] as char)
        })
        .collect();
    serde_json::json!({"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": size, "cardinality": rows.len()})
}

/// Rows that another program has deleted by a vector stay deleted, whatever is done to their file.
#[test]
fn rows_that_a_vector_deletes_do_not_come_back() {
    let made = || {
        let (fixture, table) = Fixture::with_ids(&[0, 1, 2, 3, 4, 5]);
        drop(table);
        let log = fixture.location.local_path().unwrap().join("_delta_log");
        let first = std::fs::read_to_string(log.join("00000000000000000000.json")).unwrap();
        let lines: Vec<serde_json::Value> = first.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut add = lines.iter().find(|line| line.get("add").is_some()).unwrap().clone();
        let remove = serde_json::json!({"remove": {"path": add["add"]["path"], "deletionTimestamp": 1, "dataChange": true, "extendedFileMetadata": true,
            "partitionValues": {}, "size": add["add"]["size"]}});
        add["add"]["deletionVector"] = deleted(&[1, 4]);
        let mut protocol = lines.iter().find(|line| line.get("protocol").is_some()).unwrap().clone();
        crate::table::protocol::require(&mut protocol["protocol"], "deletionVectors", true);
        let mut metadata = lines.iter().find(|line| line.get("metaData").is_some()).unwrap().clone();
        metadata["metaData"]["configuration"]["delta.enableDeletionVectors"] = "true".into();
        let commit: String = [protocol, metadata, remove, add].iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(log.join("00000000000000000001.json"), commit).unwrap();
        fixture
    };
    let read_back = |fixture: &Fixture| {
        (ids(&fixture.open()), fixture.open().count_rows(Some("id >= 0")).unwrap(), fixture.open().describe().unwrap().rows)
    };
    let fixture = made();
    assert_eq!(read_back(&fixture), (vec![0, 2, 3, 5], 4, Some(4)));
    fixture.open().checkpoint().unwrap();
    assert_eq!(read_back(&fixture), (vec![0, 2, 3, 5], 4, Some(4)));
    let query = |after| NetQuery { after, keys: vec!["id".into()], columns: vec!["id".into()], way: ChangeWay::Files };
    let gone: usize = fixture.open().net_changes(&query(0)).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(gone, 2);
    let change = |name: &str, change: &dyn Fn(&mut Table) -> Result<()>, expected: &[i64]| {
        let fixture = made();
        match change(&mut fixture.open()) {
            Ok(()) => assert_eq!(read_back(&fixture), (expected.to_vec(), expected.len() as u64, Some(expected.len() as u64)), "{name}"),
            Err(error) => {
                assert!(matches!(error, Error::Unsupported { .. }), "{name}: {error}");
                eprintln!("{name}: {error}");
                assert_eq!(ids(&fixture.open()), [0, 2, 3, 5], "{name}");
            }
        }
    };
    change("update", &|table| table.update(&[("name".into(), "'x'".into())], Some("id = 2"), &none()).map(drop), &[0, 2, 3, 5]);
    change("delete", &|table| table.delete(Some("id = 2"), &none()).map(drop), &[0, 3, 5]);
    change("delete all", &|table| table.delete(None, &none()).map(drop), &[]);
    change("append", &|table| table.write(&mut rows(&[1]), &WriteOptions::default(), &none()).map(drop), &[0, 1, 2, 3, 5]);
    change("merge", &|table| table.merge(&mut rows(&[1, 2]), &Merge::upsert(&["id".into()]), &none()).map(drop), &[0, 1, 2, 3, 5]);
    change("optimize", &|table| table.optimize(&OptimizeOptions::default(), &none()).map(drop), &[0, 2, 3, 5]);
    let curve = OptimizeOptions { z_order: vec!["id".into()], ..OptimizeOptions::default() };
    change("z-order", &|table| table.optimize(&curve, &none()).map(drop), &[0, 2, 3, 5]);
    let wider = DataType::Decimal128(38, 0);
    change("widen", &|table| table.widen_column("id", &wider, &none()).map(drop), &[0, 2, 3, 5]);
    change("restore", &|table| table.restore(At::Version(0), &none()).map(drop), &[0, 1, 2, 3, 4, 5]);
}
