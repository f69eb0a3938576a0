//! Another writer who comes in between, at the worst moment.

use super::faulty::{Disturbed, Loss, lossy_store};
use super::*;
use arrow::array::TimestampMicrosecondArray;
use arrow::datatypes::TimeUnit;

fn none() -> CommitOptions {
    CommitOptions::default()
}

/// Makes the table, with other partitions and the id 1.
fn make(fixture: &Fixture, commit: &CommitOptions) {
    let new = NewTable { partition_columns: vec!["name".into()], ..NewTable::new(Arc::new(Schema::empty())) };
    let options = WriteOptions { create: Some(new), ..WriteOptions::default() };
    committed(fixture.open().write(&mut rows(&[1]), &options, commit).unwrap());
}

#[test]
fn a_table_that_another_makes_meanwhile_is_a_table_that_is_there() {
    type Check = fn(Result<Outcome<WriteMetrics>>);
    let cases: [(WriteMode, CommitOptions, &[i64], Check); 5] = [
        (WriteMode::ErrorIfExists, none(), &[1], |outcome| assert!(matches!(outcome, Err(Error::TableExists { .. })), "{outcome:?}")),
        (WriteMode::Append, none(), &[1, 2], |outcome| {
            let metrics = committed(outcome.unwrap());
            assert_eq!((metrics.rows_written, metrics.created), (1, false));
        }),
        (WriteMode::Append, epoch(7), &[1], |outcome| assert_eq!(outcome.unwrap(), Outcome::AlreadyCommitted { epoch: 7 })),
        (WriteMode::Ignore, none(), &[1], |outcome| assert_eq!(outcome.unwrap(), Outcome::Ignored)),
        (WriteMode::Overwrite, none(), &[2], |outcome| assert_eq!(committed(outcome.unwrap()).files_removed, 1)),
    ];
    for (mode, commit, expected, check) in cases {
        let fixture = Fixture::new();
        let mut source = Disturbed::new(rows(&[2]), || make(&fixture, &commit));
        let options = WriteOptions { mode: mode.clone(), ..creating() };
        check(fixture.open().write(&mut source, &options, &commit));
        let table = fixture.open();
        assert_eq!(ids(&table), expected, "{mode:?}");
        assert_eq!(metadata_commits(&fixture), 1, "{mode:?}");
        // A partition column that another's metadata lacks is read back as NULL.
        assert_eq!(read(&table, &Scan::default()).column_by_name("name").unwrap().null_count(), 0, "{mode:?}");
        let files = walk(fixture.folder.path()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "parquet")).count();
        assert_eq!(files, expected.len().max(table.version().unwrap() as usize + 1), "{mode:?}: a try that came to nothing leaves no file");
    }
}

#[test]
fn a_source_that_can_be_read_once_says_that_another_has_made_the_table() {
    let fixture = Fixture::new();
    let mut source = Disturbed { can_open_again: false, ..Disturbed::new(rows(&[2]), || make(&fixture, &none())) };
    let outcome = fixture.open().write(&mut source, &creating(), &none());
    assert!(matches!(outcome, Err(Error::Conflict { attempts: 1, .. })), "{outcome:?}");
    assert_eq!(ids(&fixture.open()), [1]);
}

/// Maxima of times in the log are cut to milliseconds: the file of the other seems to hold nothing as late as the key.
#[test]
fn an_upsert_finds_a_time_that_another_has_inserted_meanwhile() {
    let at = |micros: i64, name: &str| {
        columns(vec![
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![micros])) as ArrayRef),
            ("name", Arc::new(StringArray::from(vec![name]))),
        ])
    };
    let key = 1_767_261_600_123_456;
    let fixture = Fixture::new();
    committed(fixture.open().write(&mut at(1_000_000, "first"), &creating(), &none()).unwrap());
    let upsert = Merge::upsert(&["at".into()]);
    let other = || {
        committed(fixture.open().merge(&mut at(key, "other"), &upsert, &none()).unwrap());
    };
    let mut source = Disturbed::new(at(key, "own"), other);
    let metrics = committed(fixture.open().merge(&mut source, &upsert, &none()).unwrap());
    assert_eq!((metrics.rows_updated, metrics.rows_inserted), (1, 0));
    let found = read(&fixture.open(), &Scan::default());
    assert_eq!(found.num_rows(), 2);
    assert_eq!(found.schema().field(0).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
}

#[test]
fn of_two_overwrites_of_an_empty_table_the_rows_of_one_stay() {
    for mode in [WriteMode::Overwrite, WriteMode::OverwriteWhere("id > 0".into())] {
        let (fixture, mut table) = Fixture::with_ids(&[]);
        let options = WriteOptions { mode, ..WriteOptions::default() };
        let other = || {
            committed(fixture.open().write(&mut rows(&[1, 2]), &options, &none()).unwrap());
        };
        committed(table.write(&mut Disturbed::new(rows(&[3]), other), &options, &none()).unwrap());
        assert_eq!(ids(&fixture.open()), [3], "{:?}", options.mode);
    }
}

#[test]
fn counts_and_history_are_those_of_the_own_commit() {
    let (fixture, _) = Fixture::with_ids(&[1]);
    let (mut table, _) = lossy_store(&fixture, Loss::Followed, 0);
    let outcome = table.write(&mut rows(&[2, 3]), &WriteOptions::default(), &none()).unwrap();
    assert!(matches!(outcome, Outcome::Committed { version: 1, metrics: WriteMetrics { rows_written: 2, .. }, .. }), "{outcome:?}");
    assert_eq!(fixture.open().version(), Some(2));
    let old = Table::open_at(&fixture.location, &StoreOptions::default(), At::Version(0)).unwrap();
    let history = old.history(None).unwrap();
    assert_eq!(history.len(), 1, "{history:?}");
    assert_eq!((history[0].version, &history[0].info["operationMetrics"]["num_added_rows"]), (0, &serde_json::json!(1)));
    let versions = |limit| fixture.open().history(limit).unwrap().iter().map(|entry| entry.version).collect::<Vec<_>>();
    assert_eq!((versions(None), versions(Some(2))), (vec![2, 1, 0], vec![2, 1]));
}

/// A second commit that fails after the rows are in would say that nothing was written.
#[test]
fn a_write_that_changes_the_columns_fails_before_its_rows_are_in() {
    let (fixture, _) = Fixture::with_ids(&[1]);
    let wider = || {
        columns(vec![
            ("id", Arc::new(Int64Array::from(vec![2])) as ArrayRef),
            ("name", Arc::new(StringArray::from(vec!["two"]))),
            ("amount", decimals(&[1], 38, 0)),
        ])
    };
    let options = WriteOptions { schema_mode: SchemaMode::Merge, ..WriteOptions::default() };
    for commits_before in [0, 1] {
        let (mut table, _) = lossy_store(&fixture, Loss::Denied, commits_before);
        let error = table.write(&mut wider(), &options, &none()).map(|_| ()).err();
        let expected = if error.is_some() { vec![1] } else { vec![1, 2] };
        assert_eq!(ids(&fixture.open()), expected, "{commits_before}: {error:?}");
    }
    let mut table = fixture.open();
    committed(table.write(&mut wider(), &options, &none()).unwrap());
    let listed = table.properties().unwrap()["delta.dataSkippingStatsColumns"].clone();
    assert_eq!(listed, "id,name", "the new column has no bounds that are not exact");
}

#[test]
fn a_null_in_a_key_is_refused_with_its_row() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    let source = || {
        columns(vec![
            ("ID", Arc::new(Int64Array::from(vec![Some(1), Some(2), None])) as ArrayRef),
            ("name", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
        ])
    };
    for merge in [Merge::upsert(&["id".into()]), Merge::delete_by_key(&["id".into()])] {
        let error = table.merge(&mut source(), &merge, &none()).unwrap_err();
        assert!(matches!(&error, Error::Value { column, row: 3, .. } if column == "id"), "{error}");
    }
    assert_eq!((ids(&fixture.open()), fixture.open().version()), (vec![1], Some(0)));
}

/// Appends, upserts, updates, deletes, files put together and files removed, all at once: every row ends as what was done to it last says, and once.
#[test]
fn many_at_once_do_what_each_of_them_says() {
    let (fixture, mut table) = Fixture::with_ids(&(0..50).collect::<Vec<_>>());
    for part in 1..6 {
        committed(table.write(&mut rows(&(part * 50..part * 50 + 50).collect::<Vec<_>>()), &WriteOptions::default(), &none()).unwrap());
    }
    let started = std::time::Instant::now();
    let left = std::sync::atomic::AtomicUsize::new(5);
    let insist = |what: &dyn Fn(&mut Table) -> Result<()>| {
        for _ in 0..60 {
            match what(&mut fixture.open()) {
                Ok(()) => return,
                Err(error @ Error::InDoubt { .. }) => panic!("{error}"),
                // Others were faster ten times, or have removed a file that was being read.
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(50)),
            }
        }
        panic!("sixty times others were faster");
    };
    let named = |ids: &[i64], name: &str| {
        let names: StringArray = ids.iter().map(|_| Some(name)).collect();
        columns(vec![("id", Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef), ("name", Arc::new(names))])
    };
    let five_times = |what: &dyn Fn(i64, &mut Table) -> Result<()>| {
        (0..5).for_each(|time| insist(&|table| what(time, table)));
        left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
    };
    let while_others_work = |what: &dyn Fn(&mut Table) -> Result<()>| {
        while left.load(std::sync::atomic::Ordering::SeqCst) > 0 {
            let _ = what(&mut fixture.open());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    std::thread::scope(|scope| {
        for writer in [1000, 2000] {
            let five_times = &five_times;
            scope.spawn(move || {
                five_times(&|time, table| {
                    let ids: Vec<i64> = (writer + time * 10..writer + time * 10 + 10).collect();
                    table.write(&mut rows(&ids), &WriteOptions::default(), &none()).map(|_| ())
                });
            });
        }
        // Keys in all files, and new ones.
        scope.spawn(|| {
            five_times(&|time, table| {
                let ids = [time, 50 + time, 100 + time, 150 + time, 3000 + time];
                table.merge(&mut named(&ids, "merged"), &Merge::upsert(&["id".into()]), &none()).map(|_| ())
            });
        });
        scope.spawn(|| {
            five_times(&|time, table| {
                let predicate = format!("id >= {} and id < {}", 200 + time * 20, 220 + time * 20);
                table.delete(Some(&predicate), &none()).map(|_| ())
            });
        });
        scope.spawn(|| {
            five_times(&|time, table| {
                let predicate = format!("id = {} or id = {}", 20 + time, 120 + time);
                table.update(&[("name".into(), "'updated'".into())], Some(&predicate), &none()).map(|_| ())
            });
        });
        scope.spawn(|| while_others_work(&|table| table.optimize(&OptimizeOptions::default(), &none()).map(|_| ())));
        let now =
            VacuumOptions { dry_run: false, retention: Some(chrono::TimeDelta::zero()), short_retention: true, ..VacuumOptions::default() };
        let while_others_work = &while_others_work;
        scope.spawn(move || while_others_work(&|table| table.vacuum(&now).map(|_| ())));
    });
    let mut expected: Vec<(i64, String)> = (0..200).chain(1000..1050).chain(2000..2050).map(|id| (id, format!("name {id}"))).collect();
    for (id, name) in &mut expected {
        if *id < 200 && *id % 50 < 5 {
            *name = "merged".into();
        } else if (20..25).contains(id) || (120..125).contains(id) {
            *name = "updated".into();
        }
    }
    expected.extend((3000..3005).map(|id| (id, "merged".into())));
    let found = read(&fixture.open(), &Scan::default());
    let ids = found.column(0).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
    let names = found.column(1).as_string::<i32>();
    let mut found: Vec<(i64, String)> = ids.into_iter().enumerate().map(|(row, id)| (id, names.value(row).to_owned())).collect();
    found.sort();
    assert_eq!(found, expected);
    assert!(started.elapsed() < std::time::Duration::from_secs(300), "{:?}", started.elapsed());
}
