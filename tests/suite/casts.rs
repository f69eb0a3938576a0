//! `--cast`: another type on the way, exactly or refused.

use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, Float64Array, Int64Array, RunArray, StringArray, Time64MicrosecondArray};
use olbridge::arrow::datatypes::Int32Type;
use olbridge::arrow::ipc::writer::FileWriter;

use crate::support::database::Database;
use crate::support::tables::{ids, table};

fn database() -> Database {
    let database = Database::embedded();
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None, Some(-3.0)]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["007", "12.50", "-1"]));
    let times: ArrayRef = Arc::new(Time64MicrosecondArray::from(vec![0, 43_200_000_001, 1]));
    database.workspace().parquet("in.parquet", &[table(vec![("id", ids(0..3)), ("f", floats), ("t", texts), ("clock", times)])]);
    database
}

#[test]
fn casts_choose_what_is_bound_and_what_a_created_column_is() {
    let database = database();
    let words = ["--cast", "F=int64", "--cast", "t=decimal(10,2)", "--cast", "clock=text", "--cast", "id=NUMBER(12,3)"];
    database.ok(&[&["copy", "in.parquet", "embedded:data.db/T", "--mode", "create"][..], &words].concat());
    let described = database.ok(&["describe", &database.target("T")]);
    for part in ["NUMBER(19)", "NUMBER(10,2)", "VARCHAR2(15)", "NUMBER(12,3)"] {
        assert!(described.contains(part), "{part}: {described}");
    }
    let rows = database.rows("SELECT F, T, CLOCK FROM T ORDER BY ID");
    let expected = [
        [Some("1"), Some("7"), Some("00:00:00")],
        [None, Some("12.5"), Some("12:00:00.000001")],
        [Some("-3"), Some("-1"), Some("00:00:00.000001")],
    ];
    assert_eq!(rows, expected.map(|row| row.map(|v| v.map(str::to_owned)).to_vec()));
}

#[test]
fn a_cast_that_would_change_a_value_is_refused_with_row_and_column() {
    let database = database();
    let copy = |words: &[&str]| database.run(&[&["copy", "in.parquet", "embedded:data.db/T", "--mode", "create"], words].concat());
    copy(&["--cast", "t=int64"]).fails(5, &["column T", "row 2", "--cast", "Int64"]);
    copy(&["--cast", "t=decimal(10,1)"]).fails(0, &[]);
    copy(&["--cast", "t=int64"]).fails(5, &["row 2"]);
    copy(&["--cast", "nope=int64"]).fails(4, &["nope", "--cast"]);
    copy(&["--cast", "t=NUMBER(3)"]).fails(4, &["t", "this one exists"]);
    copy(&["--cast", "t=whatever"]).fails(2, &["unknown type"]);
    assert_eq!(database.count("T"), 3);
}

/// Runs say a value once for the rows that have it; in a file they come from Arrow alone.
#[test]
fn runs_are_loaded_as_their_values() {
    let database = database();
    let numbers: RunArray<Int32Type> = RunArray::try_new(&vec![2, 3, 6].into(), &Int64Array::from(vec![Some(7), None, Some(-1)])).unwrap();
    let texts: RunArray<Int32Type> =
        RunArray::try_new(&vec![1, 4, 6].into(), &StringArray::from(vec![Some("a"), Some("bc"), None])).unwrap();
    let batch = table(vec![("id", ids(0..6)), ("n", Arc::new(numbers)), ("t", Arc::new(texts))]);
    let file = std::fs::File::create(database.workspace().file("runs.arrow")).unwrap();
    let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch.slice(1, 4)).unwrap();
    writer.finish().unwrap();
    database.ok(&["copy", "runs.arrow", &database.target("R"), "--mode", "create"]);
    let described = database.ok(&["describe", &database.target("R")]);
    assert!(described.contains("NUMBER(19)") && described.contains("VARCHAR2(2)"), "{described}");
    let counted = database.rows("SELECT N, T, COUNT(*) FROM R GROUP BY N, T ORDER BY 1, 2");
    let expected = [
        [Some("-1"), Some("bc"), Some("2")],
        [Some("-1"), None, Some("3")],
        [Some("7"), Some("a"), Some("1")],
        [Some("7"), Some("bc"), Some("2")],
        [None, Some("bc"), Some("2")],
    ];
    assert_eq!(counted, expected.map(|row| row.map(|v| v.map(str::to_owned)).to_vec()));
}
