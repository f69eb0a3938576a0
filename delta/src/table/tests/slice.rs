//! Create, write, read, change.

use super::*;
use arrow::array::{BinaryViewArray, Int32Array, StringViewArray, UInt8Array};

#[test]
fn what_is_written_is_read_back_with_projection_and_condition() {
    let (fixture, table) = Fixture::with_ids(&[1, 2, 3]);
    assert_eq!(ids(&table), [1, 2, 3]);
    assert_eq!(ids(&fixture.open()), [1, 2, 3]);
    let found = read(
        &table,
        &Scan { columns: Some(vec!["name".into()]), predicate: Some("id >= 2 AND name <> 'name 3'".into()), ..Scan::default() },
    );
    assert_eq!(found.num_columns(), 1);
    assert_eq!(found.column(0).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["name 2"]);
    assert!(table.read(&Scan { predicate: Some("nothing = 1".into()), ..Scan::default() }).is_err());
}

#[test]
fn a_missing_table_is_an_error_unless_it_is_to_be_made() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    assert!(!table.exists() && table.version().is_none());
    assert!(matches!(table.write(&mut rows(&[1]), &WriteOptions::default(), &CommitOptions::default()), Err(Error::NoTable { .. })));
    assert!(matches!(table.read(&Scan::default()), Err(Error::NoTable { .. })));
    let metrics = committed(table.write(&mut rows(&[1]), &creating(), &CommitOptions::default()).unwrap());
    assert_eq!(metrics, WriteMetrics { rows_written: 1, files_added: 1, files_removed: 0, created: true });
    assert_eq!(table.version(), Some(0), "the table and its first rows are one commit");
}

#[test]
fn create_says_whether_it_was_there_and_whether_it_is_the_same() {
    let fixture = Fixture::new();
    let new = NewTable { partition_columns: vec!["name".into()], ..NewTable::new(batch(&[]).schema()) };
    let created = fixture.open().create(&new, true, &CommitOptions::default()).unwrap();
    assert!(created.created);
    let again = fixture.open().create(&new, true, &CommitOptions::default()).unwrap();
    assert_eq!(again, Created { created: false, same_schema: true, same_partitions: true, version: 0 });
    let other = NewTable::new(batch(&[]).schema());
    assert!(!fixture.open().create(&other, true, &CommitOptions::default()).unwrap().same_partitions);
    assert!(matches!(fixture.open().create(&new, false, &CommitOptions::default()), Err(Error::TableExists { .. })));
}

#[test]
fn write_modes() {
    let (_fixture, mut table) = Fixture::with_ids(&[1, 2, 3]);
    let mut write = |mode: WriteMode, ids: &[i64]| {
        let options = WriteOptions { mode, ..WriteOptions::default() };
        table.write(&mut rows(ids), &options, &CommitOptions::default()).map(|outcome| (outcome, super::ids(&table)))
    };
    assert_eq!(write(WriteMode::Append, &[4]).unwrap().1, [1, 2, 3, 4]);
    assert_eq!(write(WriteMode::OverwriteWhere("id > 2".into()), &[9]).unwrap().1, [1, 2, 9]);
    assert!(write(WriteMode::OverwriteWhere("id > 2".into()), &[1]).is_err(), "a new row must fulfil the condition");
    assert!(matches!(write(WriteMode::ErrorIfExists, &[5]), Err(Error::TableExists { .. })));
    assert_eq!(write(WriteMode::Overwrite, &[7]).unwrap().1, [7]);
    assert_eq!(write(WriteMode::Overwrite, &[]).unwrap().1, [] as [i64; 0]);
}

#[test]
fn schema_modes() {
    let (_fixture, mut table) = Fixture::with_ids(&[1]);
    let wider = || columns(vec![("id", Arc::new(Int64Array::from(vec![2])) as ArrayRef), ("extra", Arc::new(UInt8Array::from(vec![200])))]);
    let mut write = |mode, schema_mode| {
        let options = WriteOptions { mode, schema_mode, ..WriteOptions::default() };
        table.write(&mut wider(), &options, &CommitOptions::default()).map(|_| table.schema().unwrap())
    };
    let Err(Error::Plan { problems, .. }) = write(WriteMode::Append, SchemaMode::Strict) else { panic!("taken") };
    assert_eq!(problems.len(), 2, "{problems:?}");
    let names =
        |schema: SchemaRef| schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect::<Vec<_>>();
    assert_eq!(names(write(WriteMode::Append, SchemaMode::Merge).unwrap()), ["id Int64", "name Utf8", "extra Int16"]);
    assert!(write(WriteMode::Append, SchemaMode::Overwrite).is_err());
    assert_eq!(names(write(WriteMode::Overwrite, SchemaMode::Overwrite).unwrap()), ["id Int64", "extra Int16"]);
    assert_eq!(read(&table, &Scan::default()).column(1).as_primitive::<arrow::datatypes::Int16Type>().value(0), 200);
}

#[test]
fn a_failing_source_commits_nothing_and_leaves_no_file() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    let files = || walk(fixture.folder.path());
    let before = files();
    let failing = || {
        let good: Vec<i64> = (0..50_000).collect();
        let batches = vec![Ok(batch(&good)), Ok(batch(&good)), Err(arrow::error::ArrowError::ComputeError("the cursor is gone".into()))];
        arrow::array::RecordBatchIterator::new(batches, batch(&[]).schema())
    };
    let options = WriteOptions { target_file_bytes: Some(10_000), ..WriteOptions::default() };
    let error = table.write(&mut Once::new(failing()), &options, &CommitOptions::default()).unwrap_err();
    assert!(matches!(&error, Error::Source { .. }) && error.to_string().contains("the cursor is gone"), "{error}");
    assert_eq!(ids(&fixture.open()), [1]);
    assert_eq!(files(), before, "files of a write that failed are removed");
}

#[test]
fn a_panic_of_the_source_commits_nothing() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    let batches = (0..3).map(|index| if index < 2 { Ok(batch(&[index])) } else { panic!("in the source") });
    let reader = arrow::array::RecordBatchIterator::new(batches, batch(&[]).schema());
    let write = std::panic::AssertUnwindSafe(|| table.write(&mut Once::new(reader), &WriteOptions::default(), &CommitOptions::default()));
    let before = walk(fixture.folder.path());
    assert!(std::panic::catch_unwind(write).is_err());
    assert_eq!(walk(fixture.folder.path()), before, "files of a write that failed are removed");
    assert_eq!(ids(&fixture.open()), [1], "a source that breaks off is not one that ends");
}

#[test]
fn partitions_are_written_and_read() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    let new = NewTable { partition_columns: vec!["name".into()], ..NewTable::new(batch(&[]).schema()) };
    let options = WriteOptions { create: Some(new), ..WriteOptions::default() };
    let metrics = committed(table.write(&mut rows(&[1, 2]), &options, &CommitOptions::default()).unwrap());
    assert_eq!(metrics.files_added, 2);
    let found = read(&table, &Scan { predicate: Some("name = 'name 2'".into()), ..Scan::default() });
    assert_eq!(found.schema().field(1).data_type(), &DataType::Utf8);
    assert_eq!(found.num_rows(), 1);
}

#[test]
fn rows_are_deleted_and_updated_and_counted() {
    let (_fixture, mut table) = Fixture::with_ids(&[1, 2, 3, 4]);
    let metrics = committed(table.delete(Some("id = 2 OR name = 'name 3'"), &CommitOptions::default()).unwrap());
    assert_eq!((metrics.rows, metrics.rows_copied), (Some(2), 2));
    let set = [("name".to_owned(), "upper(name)".to_owned())];
    let metrics = committed(table.update(&set, Some("id = 4"), &CommitOptions::default()).unwrap());
    assert_eq!(metrics.rows, Some(1));
    let found = read(&table, &Scan { predicate: Some("name = 'NAME 4'".into()), ..Scan::default() });
    assert_eq!((found.num_rows(), ids(&table)), (1, vec![1, 4]));
    assert!(table.delete(Some("nothing = 1"), &CommitOptions::default()).is_err());
    assert_eq!(committed(table.delete(None, &CommitOptions::default()).unwrap()).rows, Some(2));
    assert!(ids(&table).is_empty());
}

#[test]
fn merge_has_every_clause_and_counts() {
    let (_fixture, mut table) = Fixture::with_ids(&[1, 2, 3, 4]);
    let mut source = columns(vec![
        ("ID", Arc::new(Int32Array::from(vec![1, 2, 5, 6])) as ArrayRef),
        ("name", Arc::new(StringArray::from(vec!["one", "two", "five", "six"]))),
        ("op", Arc::new(StringArray::from(vec!["U", "D", "I", "X"]))),
    ]);
    let merge = Merge {
        clauses: vec![
            Clause::MatchedDelete { condition: Some("source.op = 'D'".into()) },
            Clause::MatchedUpdate { condition: None, set: Assignments::Only(vec![("name".into(), "source.name".into())]) },
            Clause::NotMatchedInsert {
                condition: Some("source.op = 'I'".into()),
                set: Assignments::Only(vec![("id".into(), "source.id".into()), ("name".into(), "upper(source.name)".into())]),
            },
            Clause::NotMatchedBySourceDelete { condition: Some("target.id = 4".into()) },
            Clause::NotMatchedBySourceUpdate { condition: None, set: Assignments::Only(vec![("name".into(), "'gone'".into())]) },
        ],
        ..Merge::upsert(&["id".into()])
    };
    let metrics = committed(table.merge(&mut source, &merge, &CommitOptions::default()).unwrap());
    assert_eq!((metrics.source_rows, metrics.rows_inserted, metrics.rows_updated, metrics.rows_deleted), (4, 1, 2, 2), "{metrics:?}");
    assert_eq!(ids(&table), [1, 3, 5]);
    let names = read(&table, &Scan { predicate: Some("name IN ('one', 'gone', 'FIVE')".into()), ..Scan::default() });
    assert_eq!(names.num_rows(), 3);
}

#[test]
fn two_rows_of_a_source_for_one_of_the_table_are_an_error() {
    let (_fixture, mut table) = Fixture::with_ids(&[1]);
    // A key that the table does not have as well: both would be inserted, and no later merge by it would work.
    for source in [[1, 1], [2, 2]] {
        let mut source = Batches::new(batch(&[]).schema(), source.map(|id| batch(&[id])).to_vec());
        let error = table.merge(&mut source, &Merge::upsert(&["id".into()]), &CommitOptions::default()).unwrap_err();
        assert!(matches!(&error, Error::Value { column, row: 2, .. } if column == "id"), "{error}");
    }
    assert_eq!(table.version(), Some(0));
}

#[test]
fn an_old_version_is_read_by_number_and_by_time() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    std::thread::sleep(std::time::Duration::from_millis(20));
    let between = chrono::Utc::now();
    std::thread::sleep(std::time::Duration::from_millis(20));
    table.write(&mut rows(&[2]), &WriteOptions::default(), &CommitOptions::default()).unwrap();
    let at = |at| Table::open_at(&fixture.location, &StoreOptions::default(), at);
    assert_eq!(ids(&at(At::Version(0)).unwrap()), [1]);
    assert_eq!(ids(&at(At::Timestamp(between)).unwrap()), [1]);
    assert_eq!(ids(&at(At::Latest).unwrap()), [1, 2]);
    let before = between - chrono::TimeDelta::days(1);
    let error = at(At::Timestamp(before)).unwrap_err().to_string();
    assert!(error.contains("no version") && error.contains("the oldest is 0"), "{error}");
    assert!(matches!(at(At::Version(9)), Err(Error::Invalid { .. })), "{:?}", at(At::Version(9)));
}

#[test]
fn a_null_where_none_may_be_is_told_with_its_row() {
    let (_fixture, mut table) = Fixture::with_ids(&[1]);
    let mut source = columns(vec![
        ("id", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef),
        ("name", Arc::new(StringArray::from(vec!["a", "b"]))),
    ]);
    let error = table.write(&mut source, &WriteOptions::default(), &CommitOptions::default()).unwrap_err();
    assert!(matches!(&error, Error::Value { column, row: 2, .. } if column == "id"), "{error}");
}

#[test]
fn views_of_text_and_bytes_become_text_and_bytes() {
    let long = "longer than what a view holds itself";
    let texts = StringViewArray::from(vec![Some("before"), Some(long), None, Some(""), Some("short"), Some("after")]).slice(1, 4);
    let bytes = BinaryViewArray::from(vec![Some(long.as_bytes()), None, Some(b""), Some(&[0, 255])]);
    let parts = StringViewArray::from(vec!["a", "b", "a", long]);
    let mut source = columns(vec![("text", Arc::new(texts) as ArrayRef), ("bytes", Arc::new(bytes)), ("part", Arc::new(parts))]);
    for partition_columns in [vec![], vec!["part".to_owned()]] {
        let fixture = Fixture::new();
        let new = NewTable { partition_columns, ..NewTable::new(Arc::new(Schema::empty())) };
        let options = WriteOptions { create: Some(new), held_bytes: Some(1), ..WriteOptions::default() };
        for times in 1..3 {
            committed(fixture.open().write(&mut source, &options, &CommitOptions::default()).unwrap());
            let found = read(&fixture.open(), &Scan::default());
            let types: Vec<String> = fixture.open().schema().unwrap().fields().iter().map(|field| field.data_type().to_string()).collect();
            assert_eq!(types, ["Utf8", "Binary", "Utf8"]);
            let texts = arrow::compute::cast(found.column_by_name("text").unwrap(), &DataType::Utf8).unwrap();
            let mut texts: Vec<Option<&str>> = texts.as_string::<i32>().iter().collect();
            let mut want = [Some(long), None, Some(""), Some("short")].repeat(times);
            want.sort_unstable();
            texts.sort_unstable();
            assert_eq!(texts, want);
            let bytes = arrow::compute::cast(found.column_by_name("bytes").unwrap(), &DataType::Binary).unwrap();
            let bytes: Vec<Option<&[u8]>> = bytes.as_binary::<i32>().iter().collect();
            assert_eq!(bytes.iter().filter(|value| **value == Some(long.as_bytes())).count(), times);
            assert_eq!(bytes.iter().filter(|value| value.is_none()).count(), times);
        }
    }
}
