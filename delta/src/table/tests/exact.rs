//! Values that a SET makes become their column's type exactly, and rows with NaN are found.

use arrow::array::{Float32Array, Float64Array, Int32Array, TimestampMicrosecondArray};
use arrow::datatypes::{Decimal128Type, Int32Type, Int64Type};

use super::*;

fn set(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(column, value)| ((*column).into(), (*value).into())).collect()
}

/// One row: id 1, money 10.25 of decimal(18,2), small 7 of int32, big of int64, at of timestamp_ntz.
fn money(fixture: &Fixture) -> Table {
    let source = columns(vec![
        ("id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("money", decimals(&[1025], 18, 2)),
        ("small", Arc::new(Int32Array::from(vec![7]))),
        ("big", Arc::new(Int64Array::from(vec![i64::MAX - 5]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![1]))),
        ("text", Arc::new(StringArray::from(vec!["x"]))),
    ]);
    let mut table = fixture.open();
    table.write(&mut source.clone(), &creating(), &CommitOptions::default()).unwrap();
    table
}

fn money_of(table: &Table) -> i128 {
    let batch = read(table, &Scan { columns: Some(vec!["money".into()]), ..Scan::default() });
    batch.column(0).as_primitive::<Decimal128Type>().value(0)
}

#[test]
fn a_value_that_fits_is_set_whatever_its_type_would_hold() {
    let fixture = Fixture::new();
    let mut table = money(&fixture);
    for (value, expected) in [
        ("money * 2", 2050),
        ("money + 1", 2150),
        ("money * 1.10", 2365),
        ("round(money / 3, 2)", 788),
        ("CAST(money / 3 AS DECIMAL(18,2))", 263),
        ("small", 700),
        ("12.5", 1250),
        ("-3", -300),
        ("CASE WHEN id = 1 THEN 0.01 ELSE money END", 1),
    ] {
        committed(
            table.update(&set(&[("money", value)]), Some("id = 1"), &CommitOptions::default()).unwrap_or_else(|e| panic!("{value}: {e}")),
        );
        assert_eq!(money_of(&table), expected, "{value}");
    }
    committed(
        table
            .update(
                &set(&[("small", "small + 1"), ("text", "NULL"), ("at", "TIMESTAMP '2026-01-01 10:00:00.123456'")]),
                None,
                &CommitOptions::default(),
            )
            .unwrap(),
    );
    let batch = read(&table, &Scan::default());
    assert_eq!(batch.column_by_name("small").unwrap().as_primitive::<Int32Type>().value(0), 8);
    assert!(batch.column_by_name("text").unwrap().is_null(0));
}

#[test]
fn a_value_that_does_not_fit_is_refused_and_nothing_is_changed() {
    let fixture = Fixture::new();
    let mut table = money(&fixture);
    let version = table.version();
    for (column, value, part) in [
        ("money", "money / 3", "exactly"),
        ("money", "money * 1.333", "exactly"),
        ("money", "10.125", "exactly"),
        ("money", "money * 10000000000000000.00", "column money"),
        ("small", "small * 1000000000", "column small"),
        ("small", "3000000000", "fit"),
        ("big", "big + 6", "column big"),
        ("big", "big * 2", "column big"),
        ("big", "-big - 10000000000", "column big"),
        ("big", "big / 3.0", "column big"),
        ("small", "text", "CAST"),
        ("at", "TIMESTAMP '2026-01-01 10:00:00.123456789'", "at"),
        ("at", "'2026-01-01'", "arrow_cast"),
        ("nowhere", "1", "no column nowhere"),
    ] {
        let error = table.update(&set(&[(column, value)]), Some("id = 1"), &CommitOptions::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.to_lowercase().contains(&part.to_lowercase()), "{column} = {value}: {text}");
    }
    table.refresh().unwrap();
    assert_eq!((table.version(), money_of(&table)), (version, 1025));
    let files: Vec<_> = std::fs::read_dir(fixture.folder.path().join("table")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(
        files.iter().filter(|name| name.to_string_lossy().ends_with(".parquet")).count(),
        1,
        "files of failed updates stay: {files:?}"
    );
}

#[test]
fn a_row_that_the_condition_leaves_out_is_not_judged() {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    let source = columns(vec![("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef), ("money", decimals(&[100, 101], 18, 2))]);
    table.write(&mut source.clone(), &creating(), &CommitOptions::default()).unwrap();
    // Half of 1.00 fits, half of 1.01 does not.
    let outcome = table.update(&set(&[("money", "money * 0.5")]), Some("id = 1"), &CommitOptions::default()).unwrap();
    assert_eq!(committed(outcome).rows, Some(1));
    assert!(table.update(&set(&[("money", "money * 0.5")]), Some("id = 2"), &CommitOptions::default()).is_err());
}

#[test]
fn a_merge_sets_exact_values_or_none() {
    let fixture = Fixture::new();
    let mut table = money(&fixture);
    let source = columns(vec![("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef), ("factor", decimals(&[1333, 2000], 18, 3))]);
    let merge = |when: &[&str]| Merge {
        clauses: when.iter().map(|text| text.parse().unwrap()).collect(),
        source_only: vec!["factor".into()],
        ..Merge::upsert(&["id".into()])
    };
    let rounding = merge(&["matched then update set money = target.money * source.factor"]);
    let error = table.merge(&mut source.clone(), &rounding, &CommitOptions::default()).unwrap_err();
    assert!(matches!(&error, crate::Error::Value { column, .. } if column == "money"), "{error}");
    assert_eq!(money_of(&table), 1025);
    let meant = merge(&[
        "matched then update set money = round(target.money * source.factor, 2), small = target.small + 1",
        "not matched then insert (id, money) values (source.id, source.factor * 2)",
    ]);
    let metrics = committed(table.merge(&mut source.clone(), &meant, &CommitOptions::default()).unwrap());
    assert_eq!((metrics.rows_updated, metrics.rows_inserted), (1, 1));
    let batch = read(&table, &Scan { predicate: Some("id = 2".into()), ..Scan::default() });
    assert_eq!(batch.column_by_name("money").unwrap().as_primitive::<Decimal128Type>().value(0), 400);
    assert!(batch.column_by_name("small").unwrap().is_null(0));
}

/// Two files: 1..=5 and NaN, and NaN alone beside 2.
fn with_nan(fixture: &Fixture) -> Table {
    let mut table = fixture.open();
    for (first, values) in [(0, vec![1.0, 5.0, f64::NAN]), (10, vec![2.0, f64::NAN]), (20, vec![3.0, 4.0])] {
        let ids: Vec<i64> = (first..).take(values.len()).collect();
        let narrow: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        let source = columns(vec![
            ("id", Arc::new(Int64Array::from(ids)) as ArrayRef),
            ("x", Arc::new(Float64Array::from(values))),
            ("y", Arc::new(Float32Array::from(narrow))),
        ]);
        table.write(&mut source.clone(), &creating(), &CommitOptions::default()).unwrap();
    }
    table
}

fn found(table: &Table, predicate: &str) -> Vec<i64> {
    let batch = read(table, &Scan { columns: Some(vec!["id".into()]), predicate: Some(predicate.into()), ..Scan::default() });
    let mut ids = batch.column(0).as_primitive::<Int64Type>().values().to_vec();
    ids.sort_unstable();
    ids
}

#[test]
fn a_file_that_holds_nan_is_not_passed_over() {
    let fixture = Fixture::new();
    let mut table = with_nan(&fixture);
    for column in ["x", "y"] {
        assert_eq!(found(&table, &format!("{column} > 100")), [2, 11], "{column}");
        assert_eq!(found(&table, &format!("{column} >= 5 AND id < 10")), [1, 2], "{column}");
        assert_eq!(found(&table, &format!("NOT ({column} < 100)")), [2, 11], "{column}");
        assert_eq!(found(&table, &format!("isnan({column})")), [2, 11], "{column}");
        assert_eq!(table.count_rows(Some(&format!("{column} > 100"))).unwrap(), 2, "{column}");
    }
    let updated = table.update(&set(&[("y", "0")]), Some("x > 100"), &CommitOptions::default()).unwrap();
    assert_eq!(committed(updated).rows, Some(2));
    let deleted = table.delete(Some("x > 4.5"), &CommitOptions::default()).unwrap();
    assert_eq!(committed(deleted).rows, Some(3));
    assert_eq!(found(&table, "id >= 0"), [0, 10, 20, 21]);
}

#[test]
fn a_merge_and_an_overwrite_find_nan_too() {
    let fixture = Fixture::new();
    let mut table = with_nan(&fixture);
    let source = columns(vec![("id", Arc::new(Int64Array::from(vec![2, 11, 20])) as ArrayRef)]);
    let merge = Merge {
        on: "target.id = source.id AND target.x > 100".into(),
        clauses: vec!["matched then delete".parse().unwrap()],
        ..Merge::upsert(&["id".into()])
    };
    assert_eq!(committed(table.merge(&mut source.clone(), &merge, &CommitOptions::default()).unwrap()).rows_deleted, 2);
    let fixture = Fixture::new();
    let mut table = with_nan(&fixture);
    let mode = WriteMode::OverwriteWhere("x > 4".into());
    let rows = columns(vec![
        ("id", Arc::new(Int64Array::from(vec![100])) as ArrayRef),
        ("x", Arc::new(Float64Array::from(vec![f64::NAN]))),
        ("y", Arc::new(Float32Array::from(vec![1.0]))),
    ]);
    table.write(&mut rows.clone(), &WriteOptions { mode, ..WriteOptions::default() }, &CommitOptions::default()).unwrap();
    assert_eq!(found(&table, "id >= 0"), [0, 10, 20, 21, 100]);
}

#[test]
fn files_have_the_layout_that_is_asked_for_whatever_writes_them() {
    use parquet::basic::Compression;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let (fixture, mut table) = Fixture::with_ids(&(0..100).collect::<Vec<_>>());
    let files = FileOptions {
        compression: Some(compression("zstd:3").unwrap()),
        row_group_rows: Some(10),
        page_bytes: Some(4096),
        dictionary: Some(false),
        bloom_filters: vec!["id".into()],
    };
    table.set_file_options(files);
    let newest = |table: &Table| {
        let diff = table.diff(table.version().unwrap() - 1, table.version().unwrap()).unwrap();
        fixture.folder.path().join("table").join(&diff.added[0].path)
    };
    let check = |table: &Table, what: &str| {
        let file = SerializedFileReader::new(std::fs::File::open(newest(table)).unwrap()).unwrap();
        let group = file.metadata().row_group(0);
        assert!(group.num_rows() <= 10, "{what}");
        assert!(matches!(group.column(0).compression(), Compression::ZSTD(_)), "{what}");
        assert!(group.column(0).bloom_filter_offset().is_some(), "{what}");
        assert!(group.column(1).dictionary_page_offset().is_none(), "{what}");
    };
    table.write(&mut rows(&(100..200).collect::<Vec<_>>()), &WriteOptions::default(), &CommitOptions::default()).unwrap();
    check(&table, "write");
    table.update(&set(&[("name", "'x'")]), Some("id < 150"), &CommitOptions::default()).unwrap();
    check(&table, "update");
    table.delete(Some("id = 3"), &CommitOptions::default()).unwrap();
    check(&table, "delete");
    table.merge(&mut rows(&[5, 500]), &Merge::upsert(&["id".into()]), &CommitOptions::default()).unwrap();
    check(&table, "merge");
    table.optimize(&OptimizeOptions::default(), &CommitOptions::default()).unwrap();
    check(&table, "optimize");
}

#[test]
fn a_conflict_is_still_seen_through_a_condition_on_floats() {
    let fixture = Fixture::new();
    let mut table = with_nan(&fixture);
    table.refresh().unwrap();
    let source = columns(vec![
        ("id", Arc::new(Int64Array::from(vec![50])) as ArrayRef),
        ("x", Arc::new(Float64Array::from(vec![f64::NAN]))),
        ("y", Arc::new(Float32Array::from(vec![1.0]))),
    ]);
    fixture.open().write(&mut source.clone(), &WriteOptions::default(), &CommitOptions::default()).unwrap();
    // Judged by the version before that, the new row would stay; the text of the condition is read back by the check for conflicts.
    match table.delete_once(Some("x > 100"), Default::default()) {
        Err(super::super::commit::Failure::Delta(error)) => {
            assert!(super::super::fault::is_conflict(&error), "{error}");
        }
        Err(super::super::commit::Failure::Final(error)) => panic!("{error}"),
        Ok(_) => panic!("a row that came meanwhile was passed over"),
    }
    assert_eq!(committed(table.delete(Some("x > 100"), &CommitOptions::default()).unwrap()).rows, Some(3));
}
