//! `--lossy truncate`: what is too long is cut off where that was asked for, counted by column, and never in a key.

use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, BinaryArray, DictionaryArray, Int64Array, RecordBatch, StringArray};
use olbridge::arrow::datatypes::Int32Type;
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::tables::{ids, table};

const COLUMNS: &str = "(ID NUMBER PRIMARY KEY, V VARCHAR2(5 CHAR), D VARCHAR2(3), R RAW(2), N NUMBER(3))";

fn rows() -> RecordBatch {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("12345"), Some("ééééééé"), None, Some("123456"), Some("too long")]));
    let repeated: DictionaryArray<Int32Type> = [Some("abc"), Some("a日本"), Some("abcd"), Some("abcd"), None].into_iter().collect();
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(&b"\0\x01"[..]), Some(b"\0\x01\x02"), None, Some(b"\xff"), Some(b"abcd")]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4, 1000]));
    table(vec![("id", ids(0..5)), ("v", texts), ("d", Arc::new(repeated)), ("r", bytes), ("n", numbers)])
}

fn text(rows: &[[Option<&str>; 4]]) -> Vec<Vec<Option<String>>> {
    rows.iter().map(|row| row.iter().map(|cell| cell.map(str::to_owned)).collect()).collect()
}

#[test]
fn values_that_are_too_long_are_cut_off_and_counted_by_column() {
    let database = Database::embedded();
    database.sql(&format!("CREATE TABLE T {COLUMNS}"));
    let (file, target) = (database.workspace().parquet("t.parquet", &[rows()]), database.target("T"));
    // Never by default, and the refusal says how.
    database.run(&["copy", &file, &target]).fails(5, &["row 2", "column V", "7 characters (14 bytes)", "--lossy truncate"]);
    database.run(&["copy", &file, &target, "--columns", "id,r"]).fails(5, &["row 2", "column R", "3 bytes", "--lossy truncate"]);
    assert_eq!(database.count("T"), 0);
    // Row 5 the database refuses, so its cut values are not in the table and not counted.
    let arguments = ["copy", &file, &target, "--lossy", "truncate", "--rejects", "bad.ndjson", "--report", "json", "--batch-rows", "2"];
    let outcome = database.run(&arguments);
    assert_eq!(outcome.code, 9, "{outcome}");
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let mut truncated = report["truncated"].as_array().unwrap().clone();
    truncated.sort_by_key(|cut| cut["column"].to_string());
    assert_eq!(Value::from(truncated), json!([{"column": "D", "values": 3}, {"column": "R", "values": 1}, {"column": "V", "values": 2}]));
    // The row that was refused keeps its values whole.
    let bad: Value = serde_json::from_str(std::fs::read_to_string(database.workspace().file("bad.ndjson")).unwrap().trim()).unwrap();
    assert_eq!((&bad["v"], &bad["_reject_ora_code"]), (&json!("too long"), &json!(1438)));
    let expected = text(&[
        [Some("12345"), Some("abc"), Some("0001"), Some("1")],
        [Some("ééééé"), Some("a"), Some("0001"), Some("2")],
        [None, Some("abc"), None, Some("3")],
        [Some("12345"), Some("abc"), Some("FF"), Some("4")],
    ]);
    assert_eq!(database.rows("SELECT V, D, RAWTOHEX(R), N FROM T ORDER BY ID"), expected);
    let said = database.ok(&[
        "copy",
        &file,
        &target,
        "--columns",
        "id,v",
        "--mode",
        "update",
        "--key",
        "id",
        "--lossy",
        "truncate",
        "--not-found",
        "count",
    ]);
    assert!(said.contains("values cut off: V 2\n"), "{said}");
}

#[test]
fn keys_are_never_cut_off_and_neither_is_json() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (K VARCHAR2(3) PRIMARY KEY, V VARCHAR2(3))");
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["abc", "abcd"]));
    let file = database.workspace().parquet("t.parquet", &[table(vec![("k", keys.clone()), ("v", keys)])]);
    let target = database.target("T");
    for merge in ["arrays", "staged"] {
        let arguments = ["copy", &file, &target, "--mode", "upsert", "--key", "k", "--merge", merge, "--lossy", "truncate"];
        database.run(&arguments).fails(5, &["row 2", "column K"]);
    }
    assert_eq!(database.count("T"), 0);
    let lists = olbridge::arrow::array::ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), Some(2), Some(3)])]);
    let file = database.workspace().parquet("l.parquet", &[table(vec![("v", Arc::new(lists))])]);
    database.run(&["copy", &file, &target, "--nested", "json", "--lossy", "truncate"]).fails(5, &["row 1", "column V"]);
    // Staged, what is no key is cut off, and counted, as by arrays.
    let texts = |values: [&'static str; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let file = database.workspace().parquet("u.parquet", &[table(vec![("k", texts(["a", "b"])), ("v", texts(["abc", "abcd"]))])]);
    for merge in ["arrays", "staged"] {
        let arguments = ["copy", &file, &target, "--mode", "upsert", "--key", "k", "--merge", merge, "--lossy", "truncate"];
        assert!(database.ok(&arguments).contains("values cut off: V 1\n"), "{merge}");
        assert_eq!(database.rows("SELECT V FROM T WHERE K = 'b'"), [[Some("abc".to_owned())]]);
    }
}
