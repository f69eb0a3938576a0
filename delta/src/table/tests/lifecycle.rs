//! Metadata changes, care, change feeds, the cache.

use std::time::Duration;

use chrono::TimeDelta;

use super::*;

fn none() -> CommitOptions {
    CommitOptions::default()
}

fn write(table: &mut Table, ids: &[i64]) {
    committed(table.write(&mut rows(ids), &WriteOptions::default(), &none()).unwrap());
}

fn names(table: &Table) -> Vec<String> {
    table.schema().unwrap().fields().iter().map(|field| field.name().clone()).collect()
}

/// Trap 7: there is no builder for renaming and dropping; and a renamed column must not read as NULL.
#[test]
fn a_column_is_renamed_dropped_and_added_and_everything_goes_on() {
    let (fixture, mut table) = Fixture::with_ids(&[1, 2]);
    let rename = |upgrade| Alter::RenameColumn { from: "name".into(), to: "title".into(), upgrade };
    let error = table.alter(&rename(false), &none()).unwrap_err();
    assert!(matches!(&error, Error::Unsupported { .. }) && error.to_string().contains("column mapping"), "{error}");
    table.alter(&rename(true), &none()).unwrap();
    assert_eq!(names(&table), ["id", "title"]);
    let titles = |table: &Table| read(table, &Scan { predicate: Some("title = 'name 1'".into()), ..Scan::default() }).num_rows();
    assert_eq!((titles(&table), titles(&fixture.open())), (1, 1), "a renamed column keeps its values");

    table.alter(&Alter::AddColumn(Field::new("more", DataType::Decimal128(38, 0), true)), &none()).unwrap();
    let mut source = columns(vec![
        ("id", Arc::new(Int64Array::from(vec![2, 3])) as ArrayRef),
        ("title", Arc::new(StringArray::from(vec!["two", "three"]))),
        ("more", decimals(&[20, 30], 38, 0)),
    ]);
    let metrics = committed(table.merge(&mut source, &Merge::upsert(&["id".into()]), &none()).unwrap());
    assert_eq!((metrics.rows_updated, metrics.rows_inserted), (1, 1));
    committed(table.write(&mut source, &WriteOptions::default(), &none()).unwrap());
    assert_eq!(committed(table.delete(Some("title = 'two' AND more = 20"), &none()).unwrap()).rows, Some(2));
    table.checkpoint().unwrap();

    table.alter(&Alter::DropColumn { column: "title".into(), upgrade: false }, &none()).unwrap();
    let fresh = fixture.open();
    assert_eq!((names(&fresh), ids(&fresh)), (vec!["id".to_owned(), "more".to_owned()], vec![1, 3, 3]));
    // A column of the same name again is a new one: the old values must not come back.
    table.alter(&Alter::AddColumn(Field::new("title", DataType::Utf8, true)), &none()).unwrap();
    assert_eq!(read(&fixture.open(), &Scan { predicate: Some("title IS NULL".into()), ..Scan::default() }).num_rows(), 3);
    let error = table.optimize(&OptimizeOptions::default(), &none()).unwrap_err();
    assert!(matches!(&error, Error::Unsupported { .. }), "{error}");
}

/// Trap 6, to its end: a column of a table with column mapping and timestamp_ntz is renamed and keeps its values.
#[test]
fn a_column_beside_timestamp_ntz_is_renamed() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    let mut new = NewTable::new(Arc::new(Schema::empty()));
    new.properties.insert("delta.columnMapping.mode".into(), "name".into());
    let options = WriteOptions { create: Some(new), ..WriteOptions::default() };
    let mut source = columns(vec![
        ("a", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("t", Arc::new(arrow::array::TimestampMicrosecondArray::from(vec![5]))),
    ]);
    table.write(&mut source, &options, &none()).unwrap();
    table.alter(&Alter::RenameColumn { from: "a".into(), to: "b".into(), upgrade: false }, &none()).unwrap();
    let found = read(&fixture.open(), &Scan::default());
    assert_eq!(found.column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0), 1);
}

#[test]
fn a_change_that_the_rows_or_the_table_do_not_allow_is_refused() {
    let (_fixture, mut table) = Fixture::with_ids(&[1, 2]);
    let mut refused = |change: Alter| table.alter(&change, &none()).unwrap_err().to_string();
    assert!(refused(Alter::AddColumn(Field::new("ID", DataType::Int32, true))).contains("already"));
    assert!(refused(Alter::AddColumn(Field::new("x", DataType::Int32, false))).contains("no value"));
    assert!(refused(Alter::AddColumn(Field::new("a b", DataType::Int32, true))).contains("column mapping"));
    assert!(refused(Alter::DropColumn { column: "nothing".into(), upgrade: true }).contains("no column"));
    assert!(refused(Alter::SetProperties([("custom".to_owned(), None)].into())).contains("no property"));
    table.alter(&Alter::AddConstraint { name: "positive".into(), expression: "id > 0".into() }, &none()).unwrap();
    assert!(table.write(&mut rows(&[-1]), &WriteOptions::default(), &none()).is_err(), "the constraint holds");
    let error = table.alter(&Alter::RenameColumn { from: "id".into(), to: "key".into(), upgrade: true }, &none()).unwrap_err().to_string();
    assert!(error.contains("positive"), "{error}");
    assert!(table.alter(&Alter::AddConstraint { name: "big".into(), expression: "id > 1".into() }, &none()).is_err());
    table.alter(&Alter::DropConstraint { name: "positive".into() }, &none()).unwrap();
    write(&mut table, &[-1]);
}

#[test]
fn null_is_turned_off_when_there_is_none_and_on_again() {
    let (_fixture, mut table) = Fixture::with_ids(&[1]);
    let nullable = |nullable| Alter::SetNullable { column: "name".into(), nullable };
    table.update(&[("name".into(), "NULL".into())], None, &none()).unwrap();
    assert!(table.alter(&nullable(false), &none()).unwrap_err().to_string().contains("has NULLs"));
    table.update(&[("name".into(), "'x'".into())], None, &none()).unwrap();
    table.alter(&nullable(false), &none()).unwrap();
    let null = || {
        columns(vec![("id", Arc::new(Int64Array::from(vec![2])) as ArrayRef), ("name", Arc::new(StringArray::from(vec![None::<&str>])))])
    };
    assert!(matches!(table.write(&mut null(), &WriteOptions::default(), &none()), Err(Error::Value { .. })));
    assert!(table.update(&[("name".into(), "NULL".into())], None, &none()).is_err(), "nor by an update");
    table.alter(&nullable(true), &none()).unwrap();
    committed(table.write(&mut null(), &WriteOptions::default(), &none()).unwrap());
}

#[test]
fn a_type_is_widened_and_nothing_else_changes() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    let mut source = columns(vec![
        ("id", Arc::new(arrow::array::Int32Array::from(vec![Some(1), None])) as ArrayRef),
        ("v", Arc::new(StringArray::from(vec!["a", "b"]))),
    ]);
    table.write(&mut source, &creating(), &none()).unwrap();
    assert!(matches!(table.widen_column("id", &DataType::Int16, &none()), Err(Error::Plan { .. })));
    table.widen_column("id", &DataType::Decimal128(38, 0), &none()).unwrap();
    let found = read(&fixture.open(), &Scan::default());
    assert_eq!(found.schema().field(0).data_type(), &DataType::Decimal128(38, 0));
    assert_eq!(found.column(0).null_count(), 1);
    assert!(table.properties().unwrap().contains_key("delta.dataSkippingStatsColumns"), "a wide decimal more: no statistics of it");
    assert_eq!(names(&table), ["id", "v"]);
}

#[test]
fn properties_description_and_history() {
    let (_fixture, mut table) = Fixture::with_ids(&[1, 2]);
    let set = Alter::SetProperties([("delta.logRetentionDuration".to_owned(), Some("interval 1 day".to_owned()))].into());
    table.alter(&set, &none()).unwrap();
    let options = CommitOptions { metadata: [("olbridge.scn".to_owned(), serde_json::json!(4711))].into(), ..epoch(4711) };
    table.write(&mut rows(&[3]), &WriteOptions::default(), &options).unwrap();
    let described = table.describe().unwrap();
    assert_eq!((described.version, described.files, described.rows), (2, 2, Some(3)));
    assert_eq!(described.properties["delta.logRetentionDuration"], "interval 1 day");
    assert_eq!(described.columns[0], ("id".into(), "Int64".into(), false));
    let history = table.history(None).unwrap();
    assert_eq!(history.iter().map(|entry| entry.version).collect::<Vec<_>>(), [2, 1, 0]);
    assert_eq!(history[0].info["olbridge.scn"], serde_json::json!(4711));
    assert_eq!(table.history(Some(1)).unwrap().len(), 1);
}

#[test]
fn small_files_are_put_together_and_what_is_left_is_vacuumed() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    (2..6).for_each(|id| write(&mut table, &[id]));
    let metrics = committed(table.optimize(&OptimizeOptions::default(), &none()).unwrap());
    assert_eq!((metrics.files_added, metrics.files_removed), (1, 5));
    assert_eq!(ids(&table), [1, 2, 3, 4, 5]);
    let now = |dry_run| VacuumOptions { dry_run, retention: Some(TimeDelta::zero()), orphans: false, short_retention: true };
    assert_eq!(table.vacuum(&now(true)).unwrap().len(), 5);
    assert_eq!(ids(&fixture.open().at(0).unwrap()), [1], "a dry run removes nothing");
    assert_eq!(table.vacuum(&now(false)).unwrap().len(), 5);
    assert_eq!(ids(&fixture.open()), [1, 2, 3, 4, 5]);
    assert_eq!(table.vacuum(&VacuumOptions::default()).unwrap(), Vec::<String>::new(), "a week by default, and dry");
}

#[test]
fn orphans_of_failed_writes_are_found() {
    let (_fixture, mut table) = Fixture::with_ids(&[1]);
    let orphan = table.location().local_path().unwrap().join("part-00000-orphan.snappy.parquet");
    std::fs::write(&orphan, "left behind").unwrap();
    let options = |dry_run| VacuumOptions { dry_run, retention: Some(TimeDelta::zero()), orphans: true, short_retention: true };
    assert_eq!(table.vacuum(&options(true)).unwrap(), ["part-00000-orphan.snappy.parquet"]);
    table.vacuum(&options(false)).unwrap();
    assert!(!orphan.exists());
    assert_eq!(ids(&table), [1]);
}

/// A lake whose root is a table itself, with others below it, and what people put beside them.
fn crowded(partitioned: bool) -> (Fixture, Table, Vec<std::path::PathBuf>) {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    let mut options = creating();
    if partitioned {
        options.create.as_mut().unwrap().partition_columns = vec!["name".into(), "id".into()];
    }
    let mut source = columns(vec![
        ("id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("name", Arc::new(StringArray::from(vec!["a"]))),
        ("more", Arc::new(Int64Array::from(vec![1]))),
    ]);
    table.write(&mut source, &options, &none()).unwrap();
    let root = table.location().local_path().unwrap();
    let mut foreign = Vec::new();
    for nested in ["orders", "deep/er/orders", "name=a/id=1"] {
        let place: Location = root.join(nested).to_str().unwrap().parse().unwrap();
        let mut table = Table::open(&place, &StoreOptions::default()).unwrap();
        table.write(&mut rows(&[7, 8]), &creating(), &none()).unwrap();
        for folder in [root.join(nested), root.join(nested).join("_delta_log")] {
            foreign.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()));
        }
    }
    for file in ["README.txt", "rows.csv", "raw/rows.parquet", "model.bin"] {
        std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        std::fs::write(root.join(file), "of somebody").unwrap();
        foreign.push(root.join(file));
    }
    (fixture, table, foreign)
}

#[test]
fn orphans_are_those_of_this_table_and_of_no_other() {
    for partitioned in [false, true] {
        let (_fixture, mut table, foreign) = crowded(partitioned);
        let own: Vec<String> = table.inner.get_file_uris().unwrap().collect();
        let is_foreign = |path: &&std::path::PathBuf| !own.iter().any(|uri| uri.ends_with(path.to_str().unwrap()));
        let root = table.location().local_path().unwrap();
        let mut orphans = vec!["left.snappy.parquet", "deletion_vector_1.bin", "_change_data/cdc-1.parquet"];
        if partitioned {
            orphans.push("name=b/id=2/left.parquet");
        }
        for orphan in &orphans {
            std::fs::create_dir_all(root.join(orphan).parent().unwrap()).unwrap();
            std::fs::write(root.join(orphan), "left behind").unwrap();
        }
        orphans.sort_unstable();
        let options = |dry_run| VacuumOptions { dry_run, retention: Some(TimeDelta::zero()), orphans: true, short_retention: true };
        for dry_run in [true, false] {
            let mut found = table.vacuum(&options(dry_run)).unwrap();
            found.sort_unstable();
            assert_eq!(found, orphans, "partitioned: {partitioned}, dry: {dry_run}");
        }
        let lost: Vec<_> = foreign.iter().filter(is_foreign).filter(|path| !path.exists()).collect();
        assert!(lost.is_empty(), "{lost:?}");
        assert!(orphans.iter().all(|orphan| !root.join(orphan).exists()));
        assert_eq!(ids(&table), [1]);
        let commits: Vec<_> = table.history(Some(2)).unwrap().into_iter().map(|entry| entry.operation).collect();
        assert_eq!(commits, [Some("VACUUM END".to_owned()), Some("VACUUM START".to_owned())]);
    }
}

#[test]
fn a_table_with_another_below_it_is_not_dropped() {
    let (_fixture, mut table, foreign) = crowded(false);
    for dry_run in [true, false] {
        let error = table.drop_table(dry_run).unwrap_err().to_string();
        assert!(error.contains("deep/er/orders (and 2 more)") && error.contains("olbridge delta drop"), "{error}");
    }
    assert!(foreign.iter().all(|path| path.exists()) && ids(&table) == [1]);
    let root = table.location().local_path().unwrap();
    for nested in ["deep", "orders", "name=a"] {
        std::fs::remove_dir_all(root.join(nested)).unwrap();
    }
    assert_eq!(table.drop_table(true).unwrap().foreign_files, 4);
    assert_eq!(table.drop_table(false).unwrap().foreign_files, 4);
    assert!(!root.exists());
}

#[test]
fn widening_keeps_what_is_said_of_the_columns() {
    let fixture = Fixture::new();
    let invariant = r#"{"expression":{"expression":"id > 0"}}"#;
    let made = r#"{"name":"id","type":"integer","nullable":true,"metadata":{"delta.invariants":INVARIANT,"comment":"the key"}}"#;
    let field: deltalake::kernel::StructField =
        serde_json::from_str(&made.replace("INVARIANT", &serde_json::to_string(invariant).unwrap())).unwrap();
    let raw = fixture.open().inner.clone();
    runtime::block_on(async { raw.create().with_columns(vec![field]).await.unwrap() }).unwrap();
    let mut table = fixture.open();
    let source = || columns(vec![("id", Arc::new(arrow::array::Int32Array::from(vec![1])) as ArrayRef)]);
    committed(table.write(&mut source(), &WriteOptions::default(), &none()).unwrap());
    table.widen_column("id", &DataType::Int64, &none()).unwrap();
    let field = fixture.open().schema().unwrap().field(0).clone();
    assert_eq!((field.data_type(), field.metadata()["delta.invariants"].as_str()), (&DataType::Int64, invariant));
    assert_eq!(field.metadata()["comment"], "the key");
    assert!(
        table
            .write(&mut columns(vec![("id", Arc::new(Int64Array::from(vec![-1])) as ArrayRef)]), &WriteOptions::default(), &none())
            .is_err()
    );
}

#[test]
fn rows_are_ordered_along_a_z_curve_and_stay() {
    let (_fixture, mut table) = Fixture::with_ids(&[5, 1, 4]);
    write(&mut table, &[3, 2]);
    let options = OptimizeOptions { z_order: vec!["id".into(), "name".into()], ..OptimizeOptions::default() };
    committed(table.optimize(&options, &none()).unwrap());
    assert_eq!(ids(&table), [1, 2, 3, 4, 5]);
}

/// Keys that fall as ids grow: rows come back the other way round.
#[test]
fn rows_are_ordered_by_a_field_of_a_structure() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    let part = |ids: Vec<i64>| {
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(ids.iter().map(|id| 1000 - id)));
        let inner: ArrayRef = Arc::new(arrow::array::StructArray::from(vec![(Arc::new(Field::new("k", DataType::Int64, true)), keys)]));
        let outer = arrow::array::StructArray::from(vec![(Arc::new(Field::new("b", inner.data_type().clone(), true)), inner)]);
        columns(vec![("id", Arc::new(Int64Array::from(ids)) as ArrayRef), ("a", Arc::new(outer))])
    };
    for first in 0..3 {
        committed(table.write(&mut part((0..50).map(|n| n * 3 + first).collect()), &creating(), &none()).unwrap());
    }
    let order = |by: &str| OptimizeOptions { z_order: vec![by.into()], ..OptimizeOptions::default() };
    for (by, why) in [("a.b.k.x", "no column"), ("a.c", "no column"), ("id.b", "no column")] {
        let error = table.optimize(&order(by), &none()).unwrap_err().to_string();
        assert!(error.contains(why), "{by}: {error}");
    }
    assert_eq!(committed(table.optimize(&order("a.b.k"), &none()).unwrap()).files_added, 1);
    let found = read(&table, &Scan { columns: Some(vec!["id".into()]), ..Scan::default() });
    let ids = found.column(0).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
    assert_eq!(ids, (0..150).rev().collect::<Vec<i64>>());
}

#[test]
fn a_table_is_restored_as_a_new_version() {
    let (_fixture, mut table) = Fixture::with_ids(&[1]);
    write(&mut table, &[2]);
    table.delete(None, &none()).unwrap();
    committed(table.restore(At::Version(1), &none()).unwrap());
    assert_eq!((ids(&table), table.version()), (vec![1, 2], Some(3)));
    assert!(table.restore(At::Version(99), &none()).is_err());
}

#[test]
fn dropping_says_what_goes_and_takes_all_of_it() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    let dry = table.drop_table(true).unwrap();
    assert_eq!(dry.files.len(), 2);
    assert!(dry.files[1].starts_with("_delta_log/") && dry.bytes > 0, "{dry:?}");
    assert!(fixture.open().exists());
    assert_eq!(table.drop_table(false).unwrap(), dry);
    assert!(!fixture.open().exists() && !table.exists());
    assert!(!fixture.location.local_path().unwrap().exists());
    assert!(matches!(table.drop_table(false), Err(Error::NoTable { .. })));
}

fn feed(reader: TableReader) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let text = |name: &str| arrow::compute::cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
        let (version, id, kind) = (text("_commit_version"), text("id"), text("_change_type"));
        let value = |column: &ArrayRef, row| column.as_string::<i32>().value(row).to_owned();
        lines.extend((0..batch.num_rows()).map(|row| format!("{} {} {}", value(&version, row), value(&id, row), value(&kind, row))));
    }
    lines.sort();
    lines
}

#[test]
fn a_change_feed_is_read_where_there_is_one_for_every_version() {
    let (_fixture, mut table) = Fixture::with_ids(&[1, 2]);
    write(&mut table, &[3]);
    let on = Alter::SetProperties([("delta.enableChangeDataFeed".to_owned(), Some("true".to_owned()))].into());
    table.alter(&on, &none()).unwrap();
    table.delete(Some("id = 2"), &none()).unwrap();
    table.update(&[("name".into(), "'x'".into())], Some("id = 1"), &none()).unwrap();
    write(&mut table, &[4]);
    let changes = |first, last| table.changes(first, last).unwrap();
    let Changes::Feed(reader) = changes(3, 5) else { panic!("no feed") };
    assert_eq!(feed(reader), ["3 2 delete", "4 1 update_postimage", "4 1 update_preimage", "5 4 insert"]);
    let Changes::Feed(reader) = changes(2, 3) else { panic!("no feed") };
    assert_eq!(feed(reader), ["3 2 delete"]);
    let Changes::NotAvailable(why) = changes(1, 5) else { panic!("a feed from before it was turned on") };
    assert!(why.contains("version 1"), "{why}");
    assert!(table.changes(3, 99).is_err());

    let add = Alter::AddColumn(Field::new("more", DataType::Int32, true));
    table.alter(&add, &none()).unwrap();
    write_wide(&mut table);
    let Changes::NotAvailable(why) = table.changes(3, 7).unwrap() else { panic!("a feed over a change of columns") };
    assert!(why.contains("columns have changed"), "{why}");
    let Changes::Feed(reader) = table.changes(7, 7).unwrap() else { panic!("no feed") };
    assert_eq!(feed(reader), ["7 9 insert"]);
}

fn write_wide(table: &mut Table) {
    let mut source = columns(vec![
        ("id", Arc::new(Int64Array::from(vec![9])) as ArrayRef),
        ("name", Arc::new(StringArray::from(vec!["nine"]))),
        ("more", Arc::new(arrow::array::Int32Array::from(vec![9]))),
    ]);
    committed(table.write(&mut source, &WriteOptions::default(), &none()).unwrap());
}

#[test]
fn files_that_came_and_went_are_read_alone() {
    let (_fixture, mut table) = Fixture::with_ids(&[1, 2]);
    write(&mut table, &[3]);
    table.delete(Some("id = 1"), &none()).unwrap();
    let diff = table.diff(1, 2).unwrap();
    assert_eq!((diff.added.len(), diff.removed.len(), diff.same_schema), (1, 1, true));
    let read = |table: &Table, files: &[DataFile]| {
        let mut found: Vec<i64> = table
            .read_files(files)
            .unwrap()
            .flat_map(|batch| batch.unwrap().column(0).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec())
            .collect();
        found.sort_unstable();
        found
    };
    assert_eq!(read(&table, &diff.added), [2]);
    assert_eq!(read(&table.at(1).unwrap(), &diff.removed), [1, 2]);
    assert_eq!(diff.removed[0].rows, Some(2));
}

#[test]
fn a_cached_table_is_looked_at_again_after_its_time() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    let cache = TableCache::new(StoreOptions::default(), Duration::from_secs(3600));
    assert_eq!(cache.open(&fixture.location).unwrap().version(), Some(0));
    write(&mut table, &[2]);
    assert_eq!(cache.open(&fixture.location).unwrap().version(), Some(0), "within the time to live");
    cache.keep(&table);
    assert_eq!(cache.open(&fixture.location).unwrap().version(), Some(1));
    let short = TableCache::new(StoreOptions::default(), Duration::ZERO);
    assert_eq!(short.open(&fixture.location).unwrap().version(), Some(1));
    write(&mut table, &[3]);
    let mut cached = short.open(&fixture.location).unwrap();
    assert_eq!(cached.version(), Some(2));
    write(&mut cached, &[4]);
    assert_eq!(ids(&fixture.open()), [1, 2, 3, 4]);
}
