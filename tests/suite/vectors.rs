//! VECTOR: written from lists of one length and from text, read as lists again. The embedded engine has the type as a server of release 23.

use std::sync::Arc;

use olbridge::arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, Float32Array, Float64Array, Int8Array, StringArray};
use olbridge::arrow::buffer::NullBuffer;
use olbridge::arrow::compute::{sort_to_indices, take};
use olbridge::arrow::datatypes::{DataType, Field};

use crate::exports::read;
use crate::support::database::Database;
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};

/// Lists of three numbers, the third of them NULL.
fn lists(items: ArrayRef) -> ArrayRef {
    let item = Arc::new(Field::new("item", items.data_type().clone(), false));
    let nulls = NullBuffer::from_iter((0..items.len() / 3).map(|row| row != 2));
    Arc::new(FixedSizeListArray::new(item, 3, items, Some(nulls)))
}

fn singles() -> ArrayRef {
    // What two of them lie between is no other float; -0.0 is a number of its own in a vector.
    lists(Arc::new(Float32Array::from(vec![0.1, -0.0, f32::MAX, f32::MIN_POSITIVE, 1e-45, 16_777_216.0, 0.0, 0.0, 0.0, -1.5, 34.6, 77.8])))
}

fn doubles() -> ArrayRef {
    lists(Arc::new(Float64Array::from(vec![
        0.1,
        -1e300,
        5e-324,
        f64::MAX,
        1.0 / 3.0,
        0.0,
        0.0,
        0.0,
        0.0,
        1e22,
        123_456_789.123_456_78,
        -2.5,
    ])))
}

fn bytes() -> ArrayRef {
    lists(Arc::new(Int8Array::from(vec![-128, 0, 127, 1, 2, 3, 0, 0, 0, -1, -2, -3])))
}

/// A column of a file, by `ID`.
fn column(database: &Database, file: &str, name: &str) -> ArrayRef {
    let batch = read(&database.workspace().file(file));
    let order = sort_to_indices(batch.column_by_name("ID").unwrap(), None, None).unwrap();
    take(batch.column_by_name(name).unwrap(), &order, None).unwrap()
}

const CREATED: [&str; 6] = ["--cast", "f=VECTOR(3,FLOAT32)", "--cast", "d=VECTOR(3,FLOAT64)", "--cast", "b=VECTOR(3,INT8)"];

fn loaded() -> Database {
    let database = Database::embedded_23();
    let batch = table(vec![("id", ids(0..4)), ("f", singles()), ("d", doubles()), ("b", bytes())]);
    database.workspace().parquet("in.parquet", &[batch]);
    let target = database.target("T");
    database.ok(&[&["copy", "in.parquet", &target, "--mode", "create"][..], &CREATED].concat());
    database
}

#[test]
fn lists_come_back_as_they_were_and_a_table_made_of_the_file_has_vectors_again() {
    let database = loaded();
    assert_eq!(
        database.rows("SELECT FROM_VECTOR(F), FROM_VECTOR(B) FROM T WHERE ID = 3"),
        [[Some("[-1.5E+000,3.45999985E+001,7.78000031E+001]".to_owned()), Some("[-1,-2,-3]".to_owned())]]
    );
    let (source, again) = (database.target("T"), database.target("U"));
    let plan = database.ok(&["copy", &source, "out.parquet", "--dry-run"]);
    assert!(plan.contains("FixedSizeList(3 x non-null Float32)") && plan.contains("FROM_VECTOR(F RETURNING CLOB) F"), "{plan}");
    for round in ["T", "U"] {
        let file = format!("{round}.parquet");
        database.ok(&["copy", &database.target(round), &file]);
        for (name, expected) in [("F", singles()), ("D", doubles()), ("B", bytes())] {
            let found = column(&database, &file, name);
            assert_eq!(found.as_fixed_size_list(), expected.as_fixed_size_list(), "{round} {name}");
        }
        if round == "T" {
            database.ok(&["copy", "T.parquet", &again, "--mode", "create"]);
            assert!(database.ok(&["copy", &again, "x.parquet", "--dry-run"]).contains("Float64"));
        }
    }
    // As text where that is asked for, and where the format has nothing else.
    database.ok(&["copy", &source, "text.parquet", "--as", "B=text"]);
    let text = column(&database, "text.parquet", "B");
    assert_eq!(text.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("[-128,0,127]"), Some("[1,2,3]"), None, Some("[-1,-2,-3]")]);
    database.ok(&["copy", &source, "t.csv", "--columns", "id,d"]);
    let csv = std::fs::read_to_string(database.workspace().file("t.csv")).unwrap();
    assert!(csv.contains("\"[1.0000000000000001E-001,-1.0000000000000001E+300,4.9406564584124654E-324]\""), "{csv}");
    // And from that text into the table again.
    database.ok(&["copy", "t.csv", &source, "--mode", "update", "--key", "id"]);
    database.ok(&["copy", "t.csv", &source, "--mode", "upsert", "--key", "id", "--as", "D=vector(3,float64)"]);
    database.ok(&["copy", &source, "back.parquet", "--columns", "id,d"]);
    assert_eq!(column(&database, "back.parquet", "D").as_fixed_size_list(), doubles().as_fixed_size_list());
}

#[test]
fn a_query_is_read_as_the_vectors_that_are_asked_for() {
    let database = loaded();
    let words =
        ["copy", &database.target(""), "q.parquet", "--mode", "overwrite", "--query", "SELECT ID, FROM_VECTOR(D RETURNING CLOB) V FROM T"];
    let with = |data_type: &str| database.run(&[&words[..], &["--as", data_type]].concat());
    assert_eq!(with("V=vector(3,float64)").code, 0);
    assert_eq!(column(&database, "q.parquet", "V").as_fixed_size_list(), doubles().as_fixed_size_list());
    // A third is no float, and four are not three.
    with("V=vector(3,float32)").fails(5, &["is no Float32 of a vector", "V"]);
    with("V=vector(4,float64)").fails(5, &["a vector of 3 dimensions, not 4"]);
    with("V=vector(0,float64)").fails(2, &["unknown type"]);
}

#[test]
fn what_the_column_does_not_hold_is_refused_with_its_row() {
    let database = loaded();
    let target = database.target("T");
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["[1,2,3]", "[1,2]", "[1,x,3]"]));
    database.workspace().parquet("bad.parquet", &[table(vec![("id", ids(10..13)), ("f", texts)])]);
    database.run(&["copy", "bad.parquet", &target]).fails(5, &["ORA-51803", "bad.parquet row 2"]);
    let kept = database.run(&["copy", "bad.parquet", &target, "--rejects", "rejected.ndjson"]);
    assert_eq!(kept.code, 9, "{kept}");
    let rejected = std::fs::read_to_string(database.workspace().file("rejected.ndjson")).unwrap();
    assert!(rejected.contains("51803") && rejected.contains("51805") && rejected.lines().count() == 2, "{rejected}");
    assert_eq!(database.count("T"), 5);
    // A format that is narrower rounds, which has to be asked for; so do other dimensions, and those are refused.
    let narrow = lists(Arc::new(Float64Array::from(vec![0.5; 12])));
    database.workspace().parquet("narrow.parquet", &[table(vec![("id", ids(20..24)), ("f", narrow)])]);
    database.run(&["copy", "narrow.parquet", &target]).fails(4, &["FLOAT64 is rounded to FLOAT32", "--lossy rounding"]);
    database.ok(&["copy", "narrow.parquet", &target, "--lossy", "rounding"]);
    assert_eq!(database.count("T"), 9);
}

/// The server has no VECTOR; its text is what a client before 23ai sees of one.
#[test]
fn the_text_of_vectors_comes_through_oracles_client_as_lists() {
    let Some(server) = Loopback::start("vectors::oracles_client") else { return };
    let long = format!("[{}1]", "1.0E+000,".repeat(383));
    server.sql("CREATE TABLE T (ID NUMBER(9), V VARCHAR2(100), L VARCHAR2(4000))");
    let column = |texts: [&str; 2]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let texts = ["[3.45999985E+001,-7.78000031E+001]", "[1.0E+000,0]"];
    let batch = table(vec![("id", ids(0..2)), ("v", column(texts)), ("l", column([&long, &long]))]);
    server.workspace().parquet("in.parquet", &[batch]);
    server.ok(&["copy", "in.parquet", &server.target("T")]);
    server.ok(&["copy", &server.target("T"), "out.parquet", "--as", "V=vector(2,float32)", "--as", "L=vector(384,float64)"]);
    let back = read(&server.workspace().file("out.parquet"));
    let item = |name: &str| back.column_by_name(name).unwrap().as_fixed_size_list().values().clone();
    assert_eq!(item("V").as_ref(), &Float32Array::from(vec![34.6, -77.8, 1.0, 0.0]) as &dyn Array);
    assert_eq!(item("L").as_ref(), &Float64Array::from(vec![1.0; 768]) as &dyn Array);
    assert!(matches!(back.column_by_name("L").unwrap().data_type(), DataType::FixedSizeList(_, 384)));
}
