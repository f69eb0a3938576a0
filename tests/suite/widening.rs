//! `--widen`: a value that does not fit the type of its column gives the column a type that holds it, and the export begins again.

use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, AsArray, Int32Array};
use olbridge::arrow::datatypes::{DataType, Decimal128Type};
use serde_json::Value;

use crate::exports::read;
use crate::support::database::Database;
use crate::support::tables::{ids, table};

/// `N` with a column of each kind, of which one value does not fit the usual type.
fn wide() -> Database {
    let database = Database::embedded();
    database.sql("CREATE TABLE N (ID NUMBER(9), X NUMBER, D DATE, T TIMESTAMP(9), Z TIMESTAMP(9) WITH TIME ZONE)");
    let usual = "INSERT INTO N SELECT LEVEL, LEVEL, DATE '2024-01-01' + LEVEL, TIMESTAMP '2024-01-01 00:00:00.5', TIMESTAMP '2024-01-01 00:00:00 +01:00' FROM DUAL CONNECT BY LEVEL <= 30000";
    database.sql(usual);
    database
}

fn export(database: &Database, more: &[&str]) -> Value {
    let words = [&["copy", "embedded:data.db/N", "o.parquet", "--mode", "overwrite", "--report", "json"], more].concat();
    serde_json::from_str(&database.ok(&words)).unwrap()
}

fn type_of(database: &Database, column: &str) -> DataType {
    read(&database.workspace().file("o.parquet")).schema().field_with_name(column).unwrap().data_type().clone()
}

#[test]
fn a_number_that_does_not_fit_gets_the_narrowest_type_that_holds_all() {
    let database = wide();
    database.sql("UPDATE N SET X = 4294967296.25 WHERE ID = 29876");
    let address = database.rows("SELECT ROWID FROM N WHERE ID = 29876")[0][0].clone().unwrap();
    let narrow = ["copy", "embedded:data.db/N", "o.parquet", "--columns", "id,x", "--as", "x=int32"];
    database.run(&narrow).fails(5, &["4294967296.25", &address]);
    database.run(&[&narrow[..], &["--widen=dates"]].concat()).fails(5, &["4294967296.25", &address]);
    for more in [&[][..], &["--parallel", "2"], &["--query", "SELECT ID, X FROM N"], &["--widen=numbers"]] {
        let widen: &[&str] = if more.contains(&"--widen=numbers") { &[] } else { &["--widen"] };
        let report = export(&database, &[&["--columns", "id,x", "--as", "x=int32"], more, widen].concat());
        assert_eq!(report["rows"].as_u64(), Some(30_000), "{report}");
        let warnings = report["warnings"].to_string();
        assert!(warnings.contains("column X is read as Decimal128(12, 2)") && warnings.contains(&address), "{warnings}");
        assert_eq!(type_of(&database, "X"), DataType::Decimal128(12, 2));
        let found = read(&database.workspace().file("o.parquet"));
        let sum: i128 = found.column(1).as_primitive::<Decimal128Type>().values().iter().sum();
        assert_eq!(sum, (30_000 * 30_001 / 2 - 29_876) * 100 + 429_496_729_625);
    }
    // A float that would not be exact.
    database.sql("UPDATE N SET X = 9007199254740993 WHERE ID = 29876");
    export(&database, &["--columns", "id,x", "--number", "float64", "--widen"]);
    assert_eq!(type_of(&database, "X"), DataType::Int64);
}

#[test]
fn dates_that_arrow_does_not_hold_become_text_when_asked() {
    let database = wide();
    database.sql("UPDATE N SET D = TO_DATE('-0044-03-15', 'SYYYY-MM-DD') WHERE ID = 77");
    database.sql("UPDATE N SET T = TIMESTAMP '9999-12-31 23:59:59.123456789' WHERE ID = 78");
    let plain = ["copy", "embedded:data.db/N", "o.parquet", "--number", "int64"];
    database.run(&plain).fails(5, &["column ", "ROWID"]);
    database.run(&[&plain[..], &["--widen=numbers"]].concat()).fails(5, &["column ", "ROWID"]);
    let report = export(&database, &["--widen=dates"]);
    assert_eq!((report["rows"].as_u64(), report["warnings"].as_array().map(Vec::len)), (Some(30_000), Some(3)), "{report}");
    assert_eq!([type_of(&database, "D"), type_of(&database, "T")], [DataType::Utf8, DataType::Utf8]);
    assert!(matches!(type_of(&database, "Z"), DataType::Timestamp(..)));
    let found = read(&database.workspace().file("o.parquet"));
    let (d, t) = (found.column(2).as_string::<i32>(), found.column(3).as_string::<i32>());
    assert_eq!((d.value(76), d.value(0)), ("-0044-03-15 00:00:00", "2024-01-02 00:00:00"));
    assert_eq!(t.value(77), "9999-12-31 23:59:59.123456789");
    // Directories begin again as a whole, too.
    let words = ["copy", "embedded:data.db/N", "dir", "--format", "csv", "--file-bytes", "64KiB", "--widen", "--columns", "id,d"];
    database.ok(&words);
    let all: String = std::fs::read_dir(database.workspace().file("dir"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(all.lines().filter(|line| !line.starts_with("ID,")).count(), 30_000);
    assert!(all.contains("\n77,-0044-03-15 00:00:00\n"));
}

#[test]
fn a_column_that_is_like_one_of_a_file_keeps_its_name() {
    let database = wide();
    let x: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    database.workspace().parquet("like.parquet", &[table(vec![("id", ids(0..1)), ("x", x)])]);
    database.sql("UPDATE N SET X = 1.5 WHERE ID = 3");
    export(&database, &["--columns", "id,x", "--like", "like.parquet", "--widen"]);
    assert_eq!(type_of(&database, "x"), DataType::Decimal128(6, 1));
}

#[test]
fn what_cannot_be_taken_back_is_not_widened() {
    let database = wide();
    database.run(&["copy", "embedded:data.db/N", "-", "--format", "csv", "--widen"]).fails(2, &["--widen", "name a file"]);
    // What no other type would hold either ends the job as ever.
    database.sql("CREATE TABLE W (D VARCHAR2(20))");
    database.sql("INSERT INTO W VALUES ('x')");
    database.run(&["copy", "embedded:data.db/W", "w.parquet", "--as", "D=int32", "--widen"]).fails(4, &["D"]);
}
