//! Upserts through a staging table: the table and the counts are those of the array way, and a bad row is named as there.

use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};

/// Rows (delete?, first half of the key, second half, value).
type Change = (bool, i64, u8, Option<u16>);

fn changes(rows: &[Change]) -> RecordBatch {
    let operations: ArrayRef = Arc::new(rows.iter().map(|row| Some(if row.0 { "D" } else { "U" })).collect::<StringArray>());
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1)));
    let halves: ArrayRef = Arc::new(rows.iter().map(|row| Some(format!("k{}", row.2))).collect::<StringArray>());
    let values: ArrayRef = Arc::new(rows.iter().map(|row| row.3.map(|v| format!("v{v}"))).collect::<StringArray>());
    table(vec![("op", operations), ("a", keys), ("b", halves), ("v", values)])
}

fn report(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_else(|e| panic!("{e}: {stdout}"))
}

const TABLE: &str =
    "(A NUMBER, B CHAR(4), V VARCHAR2(20), C CLOB, \"_deleted\" NUMBER(1) DEFAULT 0 NOT NULL, N NUMBER DEFAULT 7, PRIMARY KEY (A, B))";
const QUERY: &str = "SELECT A, B, V, \"_deleted\", N FROM";

#[test]
fn a_staged_upsert_leaves_and_counts_what_arrays_do() {
    let database = Database::embedded();
    let change = (any::<bool>(), 0_i64..6, 0_u8..3, prop::option::of(any::<u16>()));
    let rows = prop::collection::vec(change, 1..60);
    let strategy = (prop::collection::vec(0_i64..6, 0..5), rows, 0..3_usize);
    let mut runner = TestRunner::new(Config { cases: 12, max_shrink_iters: 30, failure_persistence: None, ..Config::default() });
    let case = std::cell::Cell::new(0);
    let result = runner.run(&strategy, |(before, rows, kind)| {
        case.set(case.get() + 1);
        let file = database.workspace().parquet("changes.parquet", &[changes(&rows)]);
        let more: &[&str] = [&[][..], &["--delete-when", "op=D"], &["--delete-when", "op=D", "--soft-delete"]][kind];
        let mut found = Vec::new();
        for way in ["arrays", "staged", "global"] {
            let name = format!("T{}_{way}", case.get());
            database.sql(&format!("CREATE TABLE {name} {TABLE}"));
            for a in &before {
                // Whichever way, a row that is there twice is there once.
                database.run(&["sql", &database.target("X"), &format!("INSERT INTO {name} (A, B, V, N) VALUES ({a}, 'k1', 'old', 1)")]);
            }
            let target = database.target(&name);
            let arguments = ["copy", &file, &target, "--mode", "upsert", "--key", "a,b", "--columns", "v,b,a", "--merge", way];
            let said = report(&database.ok(&[&arguments[..], more, &["--report", "json"]].concat()));
            let counts = ["rows_read", "rows_loaded", "rows_affected", "rows_deleted", "rows_not_found"].map(|name| said[name].clone());
            prop_assert_eq!(said["merge"]["way"].as_str(), Some(way));
            prop_assert!(!said["warnings"].to_string().contains("go by arrays"), "{}", said);
            found.push((counts, database.rows(&format!("{QUERY} {name} ORDER BY A, B"))));
        }
        prop_assert_eq!(&found[0], &found[1]);
        prop_assert_eq!(&found[0], &found[2]);
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{e}"));
}

fn numbered(ids: std::ops::Range<i64>, text: &str) -> RecordBatch {
    let values: ArrayRef = Arc::new(ids.clone().map(|id| Some(format!("{text}{id}"))).collect::<StringArray>());
    table(vec![("id", self::ids(ids)), ("v", values)])
}

#[test]
fn the_plan_says_which_way_and_why() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR2(20))");
    let target = database.target("T");
    let small = database.workspace().parquet("small.parquet", &[numbered(0..10, "n")]);
    let large = database.workspace().parquet("large.parquet", &[numbered(0..100_000, "n")]);
    let csv = database.workspace().file("t.csv");
    std::fs::write(&csv, "id,v\n1,a\n").unwrap();
    let upsert = |file: &str, more: &[&str]| {
        database.ok(&[&["copy", file, &target, "--mode", "upsert", "--key", "id", "--dry-run"][..], more].concat())
    };
    for (plan, parts) in [
        (upsert(&small, &[]), &["merge    arrays: 10 rows, fewer than 100000", "USING (SELECT :1 ID, :2 V FROM DUAL)"][..]),
        (
            upsert(&large, &[]),
            &[
                "merge    staged: 100000 rows, 100000 or more",
                "CREATE PRIVATE TEMPORARY TABLE ORA$PTT_OLBRIDGE_",
                ") ON COMMIT PRESERVE DEFINITION;",
                "MERGE INTO T T USING (SELECT ID, V FROM ORA$PTT_OLBRIDGE_",
                "DROP TABLE ORA$PTT_OLBRIDGE_",
            ],
        ),
        (upsert(&large, &["--merge", "arrays"]), &["merge    arrays: asked for"]),
        (upsert(&small, &["--merge", "staged"]), &["merge    staged: asked for"]),
        (upsert(csv.to_str().unwrap(), &[]), &["merge    arrays: the rows of the source are not counted"]),
        (upsert(&large, &["--rejects", "r.ndjson"]), &["merge    arrays: refused rows"]),
        (upsert(&large, &["--commit-rows", "10"]), &["merge    arrays: rows are committed on the way"]),
        (upsert(&large, &["--delete-when", "v=n1", "--columns", "id,v"]), &["merge    arrays: changes of one key"]),
    ] {
        for part in parts {
            assert!(plan.contains(part), "{part}: {plan}");
        }
    }
    let cases: &[(&[&str], &str)] = &[
        (&["--mode", "upsert", "--key", "id", "--merge", "staged", "--rejects", "r.ndjson"], "--rejects"),
        (&["--mode", "upsert", "--key", "id", "--merge", "staged", "--commit-rows", "5"], "--commit-rows"),
        (&["--mode", "update", "--key", "id", "--merge", "arrays"], "--mode upsert"),
    ];
    for (more, part) in cases {
        database.run(&[&["copy", &small, &target], *more].concat()).fails(2, &[part]);
    }
    // By itself, all of it.
    let said = report(&database.ok(&["copy", &large, &target, "--mode", "upsert", "--key", "id", "--report", "json"]));
    assert_eq!((&said["rows_loaded"], &said["rows_affected"], &said["merge"]["way"]), (&json!(100_000), &json!(100_000), &json!("staged")));
    assert_eq!(database.rows("SELECT COUNT(*), COUNT(DISTINCT V) FROM T"), [[Some("100000".into()), Some("100000".into())]]);
}

#[test]
fn a_row_that_the_merge_refuses_is_named_and_nothing_stays() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR2(20) NOT NULL CHECK (V <> 'n7'))");
    let target = database.target("T");
    database.sql("INSERT INTO T VALUES (3, 'old')");
    let staged = |file: &str| ["copy", file, &target, "--mode", "upsert", "--key", "id", "--merge", "staged"].map(str::to_owned);
    let run = |file: &str| database.run(&staged(file).iter().map(String::as_str).collect::<Vec<_>>());
    let file = database.workspace().parquet("bad.parquet", &[numbered(0..10, "n")]);
    run(&file).fails(5, &["ORA-02290", "bad.parquet row 8"]);
    let null: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let file = database.workspace().parquet("null.parquet", &[table(vec![("ID", null), ("v", texts)])]);
    run(&file).fails(5, &["null.parquet row 2", "the key is NULL"]);
    let long: ArrayRef = Arc::new(StringArray::from(vec!["a", "this is longer than twenty"]));
    let file = database.workspace().parquet("long.parquet", &[table(vec![("id", ids(0..2)), ("v", long)])]);
    run(&file).fails(5, &["long.parquet row 2", "column V"]);
    assert_eq!(database.rows("SELECT V FROM T"), [[Some("old".into())]]);
    // A key too often for rounds: the rows go by arrays, in their order.
    let batch = changes(&(0..200).map(|v| (false, 1, 1, Some(v))).collect::<Vec<_>>());
    let file = database.workspace().parquet("hot.parquet", &[batch]);
    database.sql("CREATE TABLE H (A NUMBER PRIMARY KEY, V VARCHAR2(20))");
    let target = database.target("H");
    let out = database.ok(&["copy", &file, &target, "--mode", "upsert", "--key", "a", "--columns", "a,v", "--merge", "staged"]);
    assert!(out.contains("warning: the rows go by arrays: a key of H occurs 200 times"), "{out}");
    assert_eq!(database.rows("SELECT V FROM H"), [[Some("v199".into())]]);
}

#[test]
fn long_texts_are_staged_too() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, C CLOB)");
    let target = database.target("T");
    let batch = |text: &str| {
        let values: ArrayRef = Arc::new((0..20).map(|id| Some(text.repeat(1 + id * 1000))).collect::<StringArray>());
        table(vec![("id", ids(0..20)), ("c", values)])
    };
    for (name, text) in [("a.parquet", "ä"), ("b.parquet", "bc")] {
        let file = database.workspace().parquet(name, &[batch(text)]);
        database.ok(&["copy", &file, &target, "--mode", "upsert", "--key", "id", "--merge", "staged"]);
    }
    let lengths = database.rows("SELECT LENGTH(C) FROM T ORDER BY ID");
    assert_eq!(lengths, (0..20).map(|id| [Some((2 * (1 + id * 1000)).to_string())]).collect::<Vec<_>>());
}

/// The server behind Oracle's own client is of release 12, which has no private temporary tables.
#[test]
fn an_older_server_is_told_apart() {
    let Some(mut server) = Loopback::start("staged::an_older_server") else { return };
    server.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR2(20))");
    let target = server.target("T");
    let file = server.workspace().parquet("t.parquet", &[numbered(0..100_000, "n")]);
    let upsert = ["copy", &file, &target, "--mode", "upsert", "--key", "id"];
    let plan = server.ok(&[&upsert[..], &["--merge", "staged", "--dry-run"]].concat());
    for part in
        ["merge    global: asked for; the server is of release 12", "is made, and stays", "CREATE GLOBAL TEMPORARY TABLE OLBRIDGE_GTT_"]
    {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let plan = server.ok(&[&upsert[..], &["--dry-run"]].concat());
    assert!(plan.contains("merge    arrays: the server is of release 12") && plan.contains("--merge global"), "{plan}");
    assert!(server.rows("T").is_empty());
    server.assert_clean();
}

#[test]
fn a_global_staging_table_is_made_once_used_again_and_never_another_one() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR2(20))");
    let target = database.target("T");
    let file = database.workspace().parquet("t.parquet", &[numbered(0..10, "n")]);
    let upsert = ["copy", &file, &target, "--mode", "upsert", "--key", "id", "--merge", "global"];
    let plan = database.ok(&[&upsert[..], &["--dry-run"]].concat());
    for part in [
        "merge    global: asked for; the global temporary table OLBRIDGE_GTT_",
        "is made, and stays",
        "CREATE GLOBAL TEMPORARY TABLE",
        ") ON COMMIT DELETE ROWS;",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    assert!(!plan.contains("DROP TABLE"), "{plan}");
    database.ok(&upsert);
    let stages = database.rows("SELECT TABLE_NAME FROM USER_TABLES WHERE TEMPORARY = 'Y'");
    let [stage] = &stages[..] else { panic!("{stages:?}") };
    let stage = stage[0].clone().unwrap();
    assert!(stage.starts_with("OLBRIDGE_GTT_") && stage.len() <= 30, "{stage}");
    let plan = database.ok(&[&upsert[..], &["--dry-run"]].concat());
    assert!(plan.contains("is there and used again") && !plan.contains("CREATE GLOBAL"), "{plan}");
    let said = report(&database.ok(&[&upsert[..], &["--report", "json"]].concat()));
    assert_eq!((&said["rows_loaded"], &said["merge"]["way"]), (&json!(10), &json!("global")));
    assert_eq!(database.count("T"), 10);
    // Somebody's own table of this name is not touched.
    database.sql(&format!("DROP TABLE {stage}"));
    database.sql(&format!("CREATE TABLE {stage} (ID NUMBER)"));
    database.run(&upsert).fails(2, &["is there, but is not the global temporary table", "--merge arrays"]);
    assert_eq!(database.count(&stage), 0);
}

#[test]
fn keys_that_a_language_compares_are_left_to_the_database_row_by_row() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (K VARCHAR2(10) PRIMARY KEY, N NUMBER, V NUMBER)");
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["abc", "ABC"]));
    database.workspace().parquet("t.parquet", &[table(vec![("k", keys), ("n", ids(0..2)), ("v", ids(0..2))])]);
    let target = database.target("T");
    let words = ["copy", "t.parquet", &target, "--mode", "upsert", "--pre-sql", "ALTER SESSION SET NLS_COMP = LINGUISTIC"];
    let plan = database.ok(&[&words[..], &["--key", "k", "--dry-run"]].concat());
    assert!(plan.contains("NLS_COMP = LINGUISTIC sets how the key is compared"), "{plan}");
    database.run(&[&words[..], &["--key", "k", "--merge", "staged"]].concat()).fails(4, &["--merge arrays", "how the key is compared"]);
    // A number is a number.
    let plan = database.ok(&[&words[..], &["--key", "n", "--dry-run"]].concat());
    assert!(!plan.contains("compared"), "{plan}");
}
