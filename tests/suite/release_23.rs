//! BOOLEAN and JSON, both ways: types that the embedded engine has as a server of release 23.

use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};

use crate::exports::read;
use crate::support::database::Database;
use crate::support::tables::{ids, table};

#[test]
fn booleans_and_json_go_both_ways() {
    let database = Database::embedded_23();
    database.sql("CREATE TABLE T (ID NUMBER(10), B BOOLEAN, J JSON)");
    let flags = [Some(true), Some(false), None, Some(false), Some(true)];
    // Blanks go; a value longer than a VARCHAR2 travels as well.
    let long = format!("[{}\"é\"]", "1234567, ".repeat(5_000));
    let texts = [Some(r#"{"a": [1, 2.50, "é"]}"#), None, Some("null"), Some(r#""text""#), Some(long.as_str())];
    let compact = texts.map(|text| text.map(|text| text.replace(", ", ",").replace(": ", ":")));
    let flags_column: ArrayRef = Arc::new(BooleanArray::from(flags.to_vec()));
    let texts_column: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    let source = table(vec![("id", ids(0..5)), ("b", flags_column), ("j", texts_column)]);
    database.workspace().parquet("in.parquet", &[source]);
    database.ok(&["copy", "in.parquet", &database.target("T")]);
    assert_eq!(database.rows("SELECT COUNT(*) FROM T WHERE B IS NOT NULL AND J IS NOT NULL")[0][0].as_deref(), Some("3"));
    assert_eq!(database.rows("SELECT ID FROM T WHERE B ORDER BY ID"), [[Some("0".into())], [Some("4".into())]]);
    assert_eq!(database.rows("SELECT B FROM T WHERE ID < 2 ORDER BY ID"), [[Some("true".into())], [Some("false".into())]]);
    database.ok(&["copy", &database.target("T"), "out.parquet"]);
    let back: RecordBatch = read(&database.workspace().file("out.parquet"));
    let order = back.column_by_name("ID").unwrap();
    assert_eq!(order.len(), 5);
    let boolean = back.column_by_name("B").unwrap();
    let found: Vec<Option<bool>> = boolean.as_boolean().iter().collect();
    assert_eq!(found, flags);
    let json = back.column_by_name("J").unwrap().as_string::<i32>();
    assert_eq!(json.iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>(), compact);
    // And in once more from what came out.
    database.ok(&["copy", "out.parquet", &database.target("T"), "--mode", "overwrite", "--allow-destructive"]);
    assert_eq!(database.count("T"), 5);
    assert_eq!(database.rows("SELECT COUNT(*) FROM T WHERE NOT B")[0][0].as_deref(), Some("2"));
}

#[test]
fn what_is_no_json_is_a_row_error_and_19_has_no_such_types() {
    let database = Database::embedded_23();
    database.sql("CREATE TABLE T (ID NUMBER(10), J JSON)");
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["[1]", "{", "{}"]));
    database.workspace().parquet("in.parquet", &[table(vec![("id", ids(0..3)), ("j", texts)])]);
    database.run(&["copy", "in.parquet", &database.target("T")]).fails(5, &["ORA-40441", "row 2"]);
    assert_eq!(database.count("T"), 0);
    let kept = database.run(&["copy", "in.parquet", &database.target("T"), "--rejects", "bad.parquet", "--max-errors", "1"]);
    assert_eq!(kept.code, 9, "{kept}");
    assert_eq!(database.count("T"), 2);
    let old = Database::embedded();
    old.run(&["sql", &old.target(""), "CREATE TABLE T (B BOOLEAN)"]).fails(7, &["ORA-00902", "OLBRIDGE_EMBEDDED_RELEASE=23"]);
}
