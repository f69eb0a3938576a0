//! `--nested json`: lists, structs and maps as JSON text.

use std::sync::Arc;

use olbridge::arrow::array::{
    Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, ListArray, MapBuilder, StringBuilder, StructArray,
};
use olbridge::arrow::array::{AsArray, FixedSizeListArray, Int32Array, Int64Builder, StringArray};
use olbridge::arrow::buffer::{NullBuffer, OffsetBuffer};
use olbridge::arrow::datatypes::Field;

use crate::exports::read;
use crate::support::database::Database;
use crate::support::tables::{ids, table};

const TARGET: &str = "embedded:data.db/T";

fn list(values: ArrayRef, lengths: &[usize], valid: &[bool]) -> ArrayRef {
    let item = Arc::new(Field::new("item", values.data_type().clone(), true));
    let nulls = Some(NullBuffer::from(valid.to_vec()));
    Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(lengths.iter().copied()), values, nulls))
}

fn nested() -> Database {
    let database = Database::embedded();
    let decimals =
        Decimal128Array::from(vec![Some(i128::from(i64::MAX) * 1000 + 5), None, Some(-1)]).with_precision_and_scale(38, 3).unwrap();
    let member = |name: &str, array: ArrayRef| (Arc::new(Field::new(name, array.data_type().clone(), true)), array);
    let names: ArrayRef = Arc::new(StringArray::from(vec!["\"quoted\"\n", "é𠜎", ""]));
    let structs = StructArray::from(vec![member("amount", Arc::new(decimals)), member("name", names)]);
    // One of 300,000 items: longer than an array bind and than a piece of it.
    let long = list(Arc::new(Int64Array::from_iter_values(1_000_000_000_000..1_000_000_300_002)), &[1, 300_000, 1], &[true, true, false]);
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for row in 0..3 {
        map.keys().append_value("k");
        map.values().append_value(i64::MAX - row);
        map.append(row != 1).unwrap();
    }
    let item = Arc::new(Field::new("item", structs.data_type().clone(), true));
    let fixed = FixedSizeListArray::new(item, 1, Arc::new(structs.clone()), None);
    database.workspace().parquet(
        "in.parquet",
        &[table(vec![
            ("id", ids(0..3)),
            ("s", Arc::new(structs)),
            ("l", long),
            ("m", Arc::new(map.finish())),
            ("deep", list(Arc::new(fixed), &[2, 0, 1], &[true, true, true])),
        ])],
    );
    database
}

#[test]
fn nested_values_are_refused_by_name_unless_they_are_asked_for() {
    let database = nested();
    let refused = database.run(&["copy", "in.parquet", TARGET, "--mode", "create"]);
    refused.fails(4, &["column s", "column l", "column m", "column deep", "--nested json"]);
    assert!(!database.exists("T"));
}

#[test]
fn nested_values_become_json_of_any_length_with_all_their_digits() {
    let database = nested();
    database.ok(&["copy", "in.parquet", TARGET, "--mode", "create", "--nested", "json"]);
    let described = database.ok(&["describe", TARGET]);
    assert!(described.contains("CLOB") && described.contains("VARCHAR2(56)"), "{described}");
    let rows = database.rows("SELECT S, M, DEEP FROM T ORDER BY ID");
    let (first, second) = (r#"{"amount":9223372036854775807.005,"name":"\"quoted\"\n"}"#, r#"{"amount":null,"name":"é𠜎"}"#);
    let third = r#"{"amount":-0.001,"name":""}"#;
    let want = [
        [
            Some(first.to_owned()),
            Some(r#"[{"keys":"k","values":9223372036854775807}]"#.to_owned()),
            Some(format!("[[{first}],[{second}]]")),
        ],
        [Some(second.to_owned()), None, Some("[]".to_owned())],
        [Some(third.to_owned()), Some(r#"[{"keys":"k","values":9223372036854775805}]"#.to_owned()), Some(format!("[[{third}]]"))],
    ];
    assert_eq!(rows, want.map(|row| row.to_vec()));
    database.ok(&["copy", TARGET, "out.parquet"]);
    let back = read(&database.workspace().file("out.parquet"));
    let long = back.column_by_name("L").unwrap().as_string::<i32>();
    let items: Vec<String> = (1_000_000_000_001_i64..1_000_000_300_001).map(|item| item.to_string()).collect();
    assert_eq!(long.value(1), format!("[{}]", items.join(",")));
    assert!(long.is_null(2));
    // What was loaded once goes on: append, and by key.
    database.ok(&["copy", "in.parquet", TARGET, "--mode", "upsert", "--key", "id", "--nested", "json"]);
    assert_eq!(database.count("T"), 3);
}

#[test]
fn what_json_has_not_is_a_bad_row_and_the_good_ones_are_kept_with_their_own_columns() {
    let database = Database::embedded();
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![10.25, f64::NAN, f64::INFINITY, 2.0]));
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 1000, 4]));
    let lists = list(floats, &[1, 1, 1, 1], &[true, true, false, true]);
    database.workspace().parquet("in.parquet", &[table(vec![("id", ids(0..4)), ("n", numbers), ("l", lists)])]);
    database.sql("CREATE TABLE T (ID NUMBER, N NUMBER(3), L VARCHAR2(5))");
    let copy = ["copy", "in.parquet", TARGET, "--nested", "json"];
    database.run(&copy).fails(5, &["row 1", "column L", "VARCHAR2(5)"]);
    assert_eq!(database.count("T"), 0);
    // "[10.25]" has 7 bytes: refused by its column. 1000 has 4 digits: refused by the database.
    database.run(&[&copy[..], &["--rejects", "bad.ndjson"]].concat()).fails(9, &[]);
    assert_eq!(database.rows("SELECT ID, L FROM T"), [["3", "[2.0]"].map(|v| Some(v.to_owned())).to_vec()]);
    let rejected = std::fs::read_to_string(database.workspace().file("bad.ndjson")).unwrap();
    assert_eq!(rejected.lines().count(), 3, "{rejected}");
    assert!(rejected.contains(r#""l":["NaN"]"#) && !rejected.contains(r#""L":"#), "{rejected}");
}

#[test]
fn a_cast_goes_into_lobs_of_any_length_too() {
    let database = nested();
    database.sql("CREATE TABLE T (ID CLOB)");
    database.ok(&["copy", "in.parquet", TARGET, "--columns", "id", "--cast", "id=text"]);
    assert_eq!(database.rows("SELECT ID FROM T ORDER BY ROWID").concat(), ["0", "1", "2"].map(|id| Some(id.to_owned())));
}
