//! Traps of deltalake 1.1, each with a test that fails without what is done about it.

use super::*;
use arrow::datatypes::{Decimal128Type, TimeUnit};
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake::protocol::SaveMode;

const HUGE: i128 = 10_000_000_000_000_000_000_000_000_000_000_000_000;

fn keyed(keys: &[i128], text: &str) -> Batches {
    let texts: Vec<&str> = keys.iter().map(|_| text).collect();
    columns(vec![("k", decimals(keys, 38, 0)), ("v", Arc::new(StringArray::from(texts)))])
}

fn keys(table: &Table, predicate: Option<&str>) -> Vec<i128> {
    let scan = Scan { columns: Some(vec!["k".into()]), predicate: predicate.map(str::to_owned), ..Scan::default() };
    let mut keys = read(table, &scan).column(0).as_primitive::<Decimal128Type>().values().to_vec();
    keys.sort_unstable();
    keys
}

/// 1: statistics of wide decimals are rounded.
#[test]
fn merge_and_delete_find_keys_of_38_digits() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    table.write(&mut keyed(&[HUGE + 1, HUGE + 3], "old"), &creating(), &CommitOptions::default()).unwrap();
    let metrics =
        committed(table.merge(&mut keyed(&[HUGE + 1, HUGE + 2], "new"), &Merge::upsert(&["k".into()]), &CommitOptions::default()).unwrap());
    assert_eq!((metrics.rows_updated, metrics.rows_inserted), (1, 1));
    assert_eq!(keys(&table, Some(&format!("k >= {}", HUGE + 1))), [HUGE + 1, HUGE + 2, HUGE + 3]);
    let metrics = committed(table.delete(Some(&format!("k = {}", HUGE + 3)), &CommitOptions::default()).unwrap());
    assert_eq!(metrics.rows, Some(1));
    assert_eq!(keys(&table, None), [HUGE + 1, HUGE + 2]);
}

/// 1, where the rounded statistics come between two tries, and where the rows that go are chosen by them.
#[test]
fn rounded_statistics_that_come_in_between_mislead_nobody() {
    let fixture = Fixture::new();
    foreign(&fixture, &keyed(&[HUGE + 1], "old"));
    let other = || {
        let inner = fixture.open().inner.clone();
        let _ = runtime::block_on(async { inner.write(collect(&keyed(&[HUGE + 3], "other"))).await.unwrap() }).unwrap();
    };
    let mut source = super::faulty::Disturbed::new(keyed(&[HUGE + 3], "own"), other);
    let metrics = committed(fixture.open().merge(&mut source, &Merge::upsert(&["k".into()]), &CommitOptions::default()).unwrap());
    assert_eq!((metrics.rows_updated, metrics.rows_inserted), (1, 0));

    let fixture = Fixture::new();
    foreign(&fixture, &keyed(&[HUGE + 1, HUGE + 3], "old"));
    let options = WriteOptions { mode: WriteMode::OverwriteWhere(format!("k = {}", HUGE + 3)), ..WriteOptions::default() };
    committed(fixture.open().write(&mut keyed(&[HUGE + 3], "new"), &options, &CommitOptions::default()).unwrap());
    assert_eq!(keys(&fixture.open(), None), [HUGE + 1, HUGE + 3]);
}

/// A table as another program with deltalake makes it.
fn foreign(fixture: &Fixture, source: &Batches) {
    let batches = collect(source);
    let table = fixture.open();
    let kernel: deltalake::kernel::StructType = source.schema().as_ref().try_into_kernel().unwrap();
    runtime::block_on(async {
        let made = table.inner.create().with_columns(kernel.fields().cloned()).with_save_mode(SaveMode::Ignore).await.unwrap();
        made.write(batches).await.unwrap();
    })
    .unwrap();
}

fn collect(source: &Batches) -> Vec<RecordBatch> {
    let mut again = source.clone();
    again.open().unwrap().map(|batch| batch.unwrap()).collect()
}

/// 1, in a table that others have made: its statistics are taken out of the log first.
#[test]
fn rounded_statistics_of_others_are_taken_out_of_the_log() {
    let fixture = Fixture::new();
    foreign(&fixture, &keyed(&[HUGE + 1, HUGE + 3], "old"));
    let raw = fixture.open();
    let (_, missed) =
        runtime::block_on(async { raw.inner.clone().delete().with_predicate(format!("k = {}", HUGE + 3)).await.unwrap() }).unwrap();
    assert_eq!(missed.num_deleted_rows.unwrap_or(0), 0, "deltalake's statistics are exact now: the handling can go");

    let mut table = fixture.open();
    let metrics = committed(table.delete(Some(&format!("k = {}", HUGE + 3)), &CommitOptions::default()).unwrap());
    assert_eq!(metrics.rows, Some(1));
    let metrics = committed(table.merge(&mut keyed(&[HUGE + 1], "new"), &Merge::upsert(&["k".into()]), &CommitOptions::default()).unwrap());
    assert_eq!((metrics.rows_updated, metrics.rows_inserted), (1, 0));
    assert_eq!(table.repair_statistics().unwrap(), 0, "what was written since has none either");
}

/// 1, for a reader, who may not write into the log.
#[test]
fn a_read_does_not_trust_rounded_statistics() {
    let fixture = Fixture::new();
    foreign(&fixture, &keyed(&[HUGE + 1, HUGE + 3], "old"));
    let table = fixture.open();
    let before = table.version();
    assert_eq!(keys(&table, Some(&format!("k = {}", HUGE + 3))), [HUGE + 3]);
    assert_eq!(fixture.open().version(), before);
}

/// 2: `SaveMode::Ignore` appends.
#[test]
fn ignore_leaves_a_table_alone() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    let options = WriteOptions { mode: WriteMode::Ignore, ..creating() };
    assert_eq!(table.write(&mut rows(&[2]), &options, &CommitOptions::default()).unwrap(), Outcome::Ignored);
    assert_eq!(ids(&fixture.open()), [1]);
    let raw =
        runtime::block_on(async { table.inner.clone().write(vec![batch(&[2])]).with_save_mode(SaveMode::Ignore).await.unwrap() }).unwrap();
    assert_eq!(raw.version(), Some(1), "deltalake's Ignore ignores now: the handling can go");
}

/// 3: a source that can be read once merges nothing, without an error.
#[test]
fn merge_reads_a_source_once() {
    let (_fixture, mut table) = Fixture::with_ids(&[1, 2]);
    let batches: Vec<_> = [vec![2], vec![3], vec![4]].iter().map(|ids| Ok(batch(ids))).collect();
    let reader = arrow::array::RecordBatchIterator::new(batches, batch(&[]).schema());
    let metrics = committed(table.merge(&mut Once::new(reader), &Merge::upsert(&["id".into()]), &CommitOptions::default()).unwrap());
    assert_eq!((metrics.rows_updated, metrics.rows_inserted), (1, 2));
    assert_eq!(ids(&table), [1, 2, 3, 4]);
}

/// 6: column mapping beside timestamp_ntz gives a protocol without column mapping.
#[test]
fn column_mapping_is_in_the_protocol_beside_timestamp_ntz() {
    let fixture = Fixture::new();
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("a name", DataType::Utf8, true),
        Field::new("t", DataType::Timestamp(TimeUnit::Microsecond, None), true),
    ]);
    let refused = NewTable::new(Arc::new(schema.clone()));
    let error = fixture.open().create(&refused, false, &CommitOptions::default()).unwrap_err().to_string();
    assert!(error.contains("a name") && error.contains("delta.columnMapping.mode=name"), "{error}");
    let mut new = NewTable::new(Arc::new(schema));
    new.properties.insert("delta.columnMapping.mode".into(), "name".into());
    let mut table = fixture.open();
    table.create(&new, false, &CommitOptions::default()).unwrap();
    let protocol = serde_json::to_value(table.state().unwrap().protocol()).unwrap().to_string();
    assert!(protocol.contains("columnMapping") && protocol.contains("timestampNtz"), "{protocol}");
}

/// Section 8: unsigned values are written as they are read.
#[test]
fn unsigned_values_are_read_back() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    let source = vec![
        ("a", Arc::new(arrow::array::UInt8Array::from(vec![200])) as ArrayRef),
        ("b", Arc::new(arrow::array::UInt64Array::from(vec![u64::MAX]))),
    ];
    table.write(&mut columns(source), &creating(), &CommitOptions::default()).unwrap();
    let found = read(&fixture.open(), &Scan::default());
    assert_eq!(found.column(0).as_primitive::<arrow::datatypes::Int16Type>().value(0), 200);
    assert_eq!(found.column(1).as_primitive::<Decimal128Type>().value(0), i128::from(u64::MAX));
}

/// Section 8: '' as a partition value is NULL to everyone else.
#[test]
fn an_empty_text_has_no_place_in_a_partition_column() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    let new = NewTable { partition_columns: vec!["p".into()], ..NewTable::new(Arc::new(Schema::empty())) };
    let options = WriteOptions { create: Some(new), ..WriteOptions::default() };
    let source = |text| {
        let texts = StringArray::from(vec![Some("a"), None, text]);
        columns(vec![("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef), ("p", Arc::new(texts))])
    };
    for text in ["", "__HIVE_DEFAULT_PARTITION__"] {
        let error = table.write(&mut source(Some(text)), &options, &CommitOptions::default()).unwrap_err();
        assert!(matches!(&error, Error::Value { row: 3, .. }), "{text:?}: {error}");
    }
    committed(table.write(&mut source(Some("b")), &options, &CommitOptions::default()).unwrap());
    let error = table.merge(&mut source(Some("")), &Merge::upsert(&["id".into()]), &CommitOptions::default()).unwrap_err();
    assert!(matches!(&error, Error::Value { row: 3, .. }), "{error}");
    // Nor by a SET, as a literal, as the value of an expression, or of a merge.
    let before = table.version();
    for value in ["''", "'__HIVE_DEFAULT_PARTITION__'", "substr(p, 2)", "concat('__HIVE_DEFAULT_', 'PARTITION__')"] {
        let error = table.update(&[("p".into(), value.into())], Some("id = 1"), &CommitOptions::default()).unwrap_err();
        assert!(matches!(&error, Error::Value { column, .. } if column == "p"), "{value}: {error}");
        assert!(error.to_string().contains("would be read back as NULL"), "{value}: {error}");
        let set = Assignments::Only(vec![("p".into(), value.replace("(p,", "(target.p,"))]);
        let merge = Merge { clauses: vec![Clause::MatchedUpdate { condition: None, set }], ..Merge::upsert(&["id".into()]) };
        let error = table.merge(&mut source(Some("c")), &merge, &CommitOptions::default()).unwrap_err();
        assert!(error.to_string().contains("would be read back as NULL"), "{value}: {error}");
    }
    assert_eq!(table.version(), before);
    committed(table.update(&[("p".into(), "concat(p, 'z')".into())], Some("id = 1"), &CommitOptions::default()).unwrap());
    committed(table.update(&[("p".into(), "NULL".into())], Some("id = 3"), &CommitOptions::default()).unwrap());
    assert_eq!(table.partition_columns().unwrap(), ["p"]);
    assert_eq!(ids(&table), [1, 2, 3]);
}
