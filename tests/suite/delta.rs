//! Copies between a database and a Delta table, both ways.

use serde_json::Value;

use crate::support::database::Database;
use crate::support::tables::{ids, table};

fn database() -> Database {
    let database = Database::embedded();
    for name in ["T", "BACK"] {
        let columns = "ID NUMBER(9), NAME VARCHAR2(20) NOT NULL, PRICE NUMBER(38,4), DAY DATE, AT TIMESTAMP(6)";
        database.sql(&format!("CREATE TABLE {name} ({columns})"));
    }
    database.sql(
        "INSERT INTO T SELECT LEVEL, 'row ' || LEVEL, LEVEL * 1000000000000000000000000000000.0001, DATE '2026-01-01' + LEVEL, \
         TIMESTAMP '2026-01-01 10:00:00.123456' FROM DUAL CONNECT BY LEVEL <= 2000",
    );
    database
}

/// All rows of a table as texts.
fn rows(database: &Database, name: &str) -> Vec<Vec<Option<String>>> {
    database.rows(&format!("SELECT ID, NAME, PRICE, DAY, AT FROM {name} ORDER BY ID"))
}

fn report(database: &Database, arguments: &[&str]) -> Value {
    serde_json::from_str(&database.ok(&[arguments, &["--report", "json"]].concat())).unwrap()
}

#[test]
fn a_table_goes_into_a_delta_table_and_back_as_it_was() {
    let database = database();
    let plan = database.ok(&["copy", &database.target("T"), "delta:lake/t", "--mode", "create", "--dry-run"]);
    assert!(plan.contains("is made") && plan.contains("price"), "{plan}");
    assert!(!database.workspace().file("lake/t/_delta_log").exists(), "a plan changes nothing");
    let done = report(&database, &["copy", &database.target("T"), "delta:lake/t", "--mode", "create"]);
    assert_eq!((&done["rows"], &done["change"]["written"]["created"]), (&Value::from(2000), &Value::from(true)), "{done}");
    assert!(done["snapshot"]["scn"].is_u64(), "{done}");
    database.ok(&["copy", "delta:lake/t", &database.target("BACK")]);
    assert_eq!(rows(&database, "BACK"), rows(&database, "T"));
    // Into a file, the columns of which are the table's.
    let described = database.ok(&["describe", "delta:lake/t"]);
    assert!(described.contains("price") && described.contains("Decimal128(38, 4)"), "{described}");
}

#[test]
fn what_is_there_is_kept_replaced_or_merged_as_asked_for() {
    let database = database();
    let target = database.target("T");
    database.run(&["copy", &target, "delta:lake/t"]).fails(4, &["no Delta table is there", "--mode create"]);
    database.ok(&["copy", &target, "delta:lake/t", "--mode", "create"]);
    database.run(&["copy", &target, "delta:lake/t", "--mode", "error-if-exists"]).fails(4, &["a Delta table is there"]);
    assert!(database.ok(&["copy", &target, "delta:lake/t", "--mode", "ignore"]).contains("nothing done"));
    database.run(&["copy", &target, "delta:lake/t", "--mode", "overwrite"]).fails(2, &["--allow-destructive"]);
    // Keys beyond what a float holds are merged, not added twice.
    database.sql("UPDATE T SET NAME = 'changed' WHERE ID <= 10");
    database.sql("INSERT INTO T VALUES (5000, 'new', 1, NULL, NULL)");
    let done = report(&database, &["copy", &target, "delta:lake/t", "--mode", "upsert", "--key", "PRICE"]);
    let metrics = &done["change"]["merged"]["metrics"];
    assert_eq!((&metrics["rows_updated"], &metrics["rows_inserted"]), (&Value::from(2000), &Value::from(1)), "{done}");
    database.ok(&["copy", "delta:lake/t", &database.target("BACK")]);
    assert_eq!(rows(&database, "BACK"), rows(&database, "T"));
    // The version before is still there.
    database.ok(&["copy", "delta:lake/t", &database.target("BEFORE"), "--mode", "create", "--delta-version", "0"]);
    assert_eq!(database.count("BEFORE"), 2000);
    database.sql("DELETE FROM T WHERE ID > 7");
    database.ok(&["copy", &target, "delta:lake/t", "--mode", "overwrite", "--allow-destructive"]);
    database.ok(&["copy", "delta:lake/t", &database.target("BACK"), "--mode", "overwrite", "--allow-destructive"]);
    assert_eq!(rows(&database, "BACK"), rows(&database, "T"));
}

#[test]
fn rows_that_are_added_take_the_types_that_the_table_has() {
    let database = Database::embedded();
    // A NUMBER without a scale gets its type from its values, and those of the second copy fit a narrower one.
    database.sql("CREATE TABLE T (N NUMBER, D DATE)");
    let words = ["copy", &database.target("T"), "delta:lake/t", "--mode", "create"];
    database.sql("INSERT INTO T VALUES (1234567.25, DATE '2026-01-01')");
    database.ok(&words);
    database.sql("UPDATE T SET N = 5");
    database.ok(&words);
    database.ok(&["copy", "delta:lake/t", &database.target("BACK"), "--mode", "create"]);
    let found = database.rows("SELECT N FROM BACK ORDER BY N");
    assert_eq!(found, [[Some("5".to_owned())], [Some("1234567.25".to_owned())]]);
    // One that does not fit is refused, and nothing is added.
    database.sql("UPDATE T SET N = 0.125");
    database.run(&words).fails(5, &["column N"]);
    assert_eq!(
        report(&database, &["copy", "delta:lake/t", &database.target("BACK"), "--mode", "overwrite", "--allow-destructive"])["rows_loaded"],
        2
    );
}

#[test]
fn a_job_commits_a_moment_once_and_loads_a_version_once() {
    let database = database();
    let target = database.target("T");
    database.ok(&["copy", &target, "delta:lake/t", "--mode", "create"]);
    database.run(&["copy", &target, "delta:lake/t", "--job", "nightly"]).fails(2, &["--job", "--as-of-scn"]);
    let scn = database.rows("SELECT TO_CHAR(CURRENT_SCN) FROM V$DATABASE")[0][0].clone().unwrap();
    let words = ["copy", &target, "delta:lake/t", "--job", "nightly", "--as-of-scn", &scn];
    assert!(database.ok(&words).contains("2,000 rows written"));
    assert!(database.ok(&words).contains("nothing done"));
    let load = ["copy", "delta:lake/t", &database.target("BACK"), "--job", "back"];
    assert!(database.ok(&load).contains("4,000 rows loaded"));
    assert!(database.ok(&load).contains("nothing done"));
    assert_eq!(database.count("BACK"), 4000);
    // What such a load would leave could not be told.
    for option in ["--commit-rows", "--parallel"] {
        let words = ["copy", "delta:lake/t", &database.target("BACK"), option, "2"];
        database.run(&words).fails(2, &[option, "Delta"]);
    }
}

#[test]
fn what_delta_cannot_hold_is_refused_before_a_row_moves() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER(9), SPAN INTERVAL DAY(2) TO SECOND(6), AT TIMESTAMP(9))");
    let target = database.target("T");
    database.run(&["copy", &target, "delta:lake/t", "--mode", "create"]).fails(4, &["column SPAN", "Delta has no durations"]);
    assert!(!database.workspace().file("lake/t/_delta_log").exists());
    // A value below the microsecond is refused where it comes up, and nothing is committed.
    database.sql("INSERT INTO T VALUES (1, NULL, TIMESTAMP '2026-01-01 10:00:00.123456789')");
    let words = ["copy", &target, "delta:lake/t", "--mode", "create", "--columns", "ID,AT"];
    database.run(&words).fails(5, &["column at", "row 1"]);
    database.run(&["describe", "delta:lake/t"]).fails(6, &["no Delta table is there"]);
    database.ok(&[&words[..], &["--lossy", "subsecond"]].concat());
    database.run(&["copy", &target, "delta:lake/t", "--compression", "best"]).fails(2, &["--compression", "zstd"]);
    database.run(&["copy", "delta:lake/nowhere", &target]).fails(6, &["no Delta table is there"]);
    database.workspace().parquet("in.parquet", &[table(vec![("id", ids(0..3))])]);
    database.run(&["copy", "in.parquet", &target, "--delta-version", "1"]).fails(2, &["--delta-version"]);
}
