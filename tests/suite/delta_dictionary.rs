//! What a dictionary tells and does not tell of a table whose changes are followed: partitions that come, segments that a user may not see, a table that is
//! in no dictionary, pluggable databases. The engine has no partitions: tables of the schema stand before the views of the dictionary, as they do in
//! Oracle, and say what a test wants them to.

use olbridge::copy::delta::{DeltaPlan, Follow};
use olbridge::copy::{Cancel, NoProgress};
use serde_json::Value;

use crate::delta_ddl::session;
use crate::delta_incremental::{of_database, of_delta, open};
use crate::support::database::Database;
use crate::support::{Outcome, TIME_LIMIT, finish};

const COPY: [&str; 7] = ["copy", "embedded:data.db/S", "delta:lake/s", "--key", "id", "--job", "out"];
const VERSIONS: &str = "--incremental=versions";
const WATERMARK: [&str; 5] = ["--incremental=watermark", "--watermark", "ID", "--overlap", "0"];
const ROWSCN: &str = "--incremental=rowscn";

fn database() -> Database {
    let database = Database::embedded();
    database.sql("CREATE TABLE S (ID NUMBER(9), NAME VARCHAR2(40))");
    database.sql("INSERT INTO S SELECT LEVEL, 'row ' || LEVEL FROM DUAL CONNECT BY LEVEL <= 20");
    database.sql(
        "CREATE TABLE ALL_OBJECTS (OWNER VARCHAR2(128), OBJECT_NAME VARCHAR2(128), OBJECT_TYPE VARCHAR2(23), OBJECT_ID NUMBER, \
         DATA_OBJECT_ID NUMBER, CREATED DATE, LAST_DDL_TIME DATE)",
    );
    database.sql("CREATE TABLE ALL_PART_TABLES (OWNER VARCHAR2(128), TABLE_NAME VARCHAR2(128), PARTITIONING_TYPE VARCHAR2(9))");
    database
}

/// A row of the dictionary; `at`: the day of its DDL.
fn object(kind: &str, id: u32, data: &str, at: u32) -> String {
    let day = format!("DATE '2026-01-{at:02}'");
    format!("INSERT INTO ALL_OBJECTS SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA'), 'S', '{kind}', {id}, {data}, {day}, {day} FROM DUAL")
}

/// A table of two partitions.
fn partitioned(by: &str) -> Database {
    let database = database();
    database.sql(&format!("INSERT INTO ALL_PART_TABLES SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA'), 'S', '{by}' FROM DUAL"));
    for (kind, id, data) in [("TABLE", 10, "NULL"), ("TABLE PARTITION", 11, "11"), ("TABLE PARTITION", 12, "12")] {
        database.sql(&object(kind, id, data, 1));
    }
    database
}

fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&COPY[..], more].concat()
}

fn run(database: &Database, more: &[&str]) -> Value {
    serde_json::from_str(&database.ok(&[&words(more)[..], &["--report", "json"]].concat())).unwrap()
}

#[track_caller]
fn assert_same(database: &Database) {
    assert_eq!(of_database(database, "SELECT ID, NAME FROM S"), of_delta(&mut open(database, "lake/s")));
}

#[test]
fn a_partition_that_comes_while_a_table_is_read_is_no_ddl() {
    let partition = |id: u32, data: &str| object("TABLE PARTITION", id, data, 2);
    let ddl = "UPDATE ALL_OBJECTS SET LAST_DDL_TIME = DATE '2026-01-02' WHERE OBJECT_TYPE = 'TABLE'".to_owned();
    for (by, ddl, refused) in [
        ("RANGE", vec![partition(13, "13"), ddl.clone()], false),
        ("LIST", vec![partition(13, "NULL"), object("TABLE SUBPARTITION", 14, "14", 2)], false),
        ("HASH", vec![partition(13, "13")], true),
        ("RANGE", vec![partition(13, "7000")], true),
        ("RANGE", vec![object("TABLE SUBPARTITION", 14, "14", 2)], true),
        ("RANGE", vec![partition(13, "13"), "UPDATE ALL_OBJECTS SET DATA_OBJECT_ID = 99 WHERE OBJECT_ID = 11".into()], true),
        ("RANGE", vec![partition(13, "13"), "DELETE FROM ALL_OBJECTS WHERE OBJECT_ID = 11".into()], true),
        // A GRANT or an index, where segments are seen.
        ("RANGE", vec![ddl], false),
    ] {
        let database = partitioned(by);
        let (session, job) = session(&database);
        let run = |plan: DeltaPlan| plan.run(&session, &mut NoProgress, &Cancel::new());
        run(job.plan(&session).unwrap()).unwrap();
        let before = open(&database, "lake/s").version();
        database.sql("INSERT INTO S VALUES (21, 'new')");
        let plan = job.plan(&session).unwrap();
        ddl.iter().for_each(|ddl| drop(database.sql(ddl)));
        match (run(plan), refused) {
            (Ok(_), false) => assert_same(&database),
            (Err(error), true) => {
                let error = error.to_string();
                assert!(error.contains("altered while it was read: its segments are others"), "{by} {ddl:?}: {error}");
                assert_eq!(open(&database, "lake/s").version(), before);
            }
            (outcome, _) => panic!("{by} {ddl:?}: {outcome:?}"),
        }
    }
}

/// Which owner of a table sees its partitions, and who may read it does not.
#[test]
fn any_ddl_matters_where_no_segment_is_seen() {
    for (kind, data, refused) in [("TABLE", "NULL", true), ("VIEW", "NULL", true), ("TABLE", "10", false)] {
        let database = database();
        database.sql(&object(kind, 10, data, 1));
        let (session, job) = session(&database);
        let run = |plan: DeltaPlan| plan.run(&session, &mut NoProgress, &Cancel::new());
        run(job.plan(&session).unwrap()).unwrap();
        database.sql("INSERT INTO S VALUES (21, 'new')");
        let plan = job.plan(&session).unwrap();
        database.sql("UPDATE ALL_OBJECTS SET LAST_DDL_TIME = DATE '2026-01-02'");
        match (run(plan), refused) {
            (Ok(_), false) => assert_same(&database),
            (Err(error), true) => {
                let error = error.to_string();
                assert!(error.contains("DDL has touched it at 2026-01-02") && error.contains("sees no segments"), "{error}");
                assert_eq!(open(&database, "lake/s").version(), Some(0));
            }
            (outcome, _) => panic!("{kind} {data}: {outcome:?}"),
        }
        // And when nothing happens it is read as ever.
        run(job.plan(&session).unwrap()).unwrap();
        assert_same(&database);
    }
}

#[test]
fn versions_go_on_when_an_insert_has_made_a_partition() {
    let database = partitioned("RANGE");
    run(&database, &[VERSIONS]);
    database.sql("DELETE FROM S WHERE ID = 3");
    database.sql(&object("TABLE PARTITION", 13, "13", 2));
    run(&database, &[VERSIONS]);
    assert_same(&database);
    database.sql("DELETE FROM S WHERE ID = 4");
    run(&database, &[VERSIONS]);
    assert_same(&database);
    // By DDL, which the table tells.
    database.sql(&object("TABLE PARTITION", 14, "14", 3));
    database.sql("UPDATE ALL_OBJECTS SET LAST_DDL_TIME = DATE '2026-01-03' WHERE OBJECT_TYPE = 'TABLE'");
    database.run(&words(&[VERSIONS])).fails(4, &["may not tell all that has changed", "segments are others"]);
    run(&database, &[ROWSCN, "--deletes", "compare"]);
    // Exchanged, though the table does not tell.
    database.sql(&object("TABLE PARTITION", 15, "7000", 4));
    database.run(&words(&[VERSIONS])).fails(4, &["segments are others"]);
}

/// A synonym for a table behind a database link, which only the dictionary over there has.
#[test]
fn a_table_in_no_dictionary_is_followed_by_its_watermark_and_the_plan_says_so() {
    let database = database();
    let reason = "embedded:data.db/S: the dictionary of this database does not tell how it is defined (it may be behind a database link)";
    for more in [&[VERSIONS][..], &[VERSIONS, "--dry-run"]] {
        database.run(&words(more)).fails(4, &[reason, "versions do not tell what DDL does", "--incremental=watermark --watermark COLUMN"]);
    }
    let warned = |report: &Value, what: &str| {
        let warnings: Vec<&str> = report["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(warnings.iter().any(|warning| warning.starts_with(reason) && warning.contains(what)), "{warnings:?}");
    };
    let unseen = "rows that come or go by DDL (TRUNCATE, a partition exchanged) are not seen; load all of it after that";
    assert!(database.ok(&words(&[&WATERMARK[..], &["--dry-run"]].concat())).contains(&format!("{reason}: {unseen}")));
    warned(&run(&database, &WATERMARK), unseen);
    for id in 21..23 {
        database.sql(&format!("INSERT INTO S VALUES ({id}, 'new')"));
        let report = run(&database, &WATERMARK);
        warned(&report, unseen);
        assert!(report["rows"].as_u64().unwrap() <= 2, "{report}");
        assert_same(&database);
    }
    // ORA_ROWSCN tells less than that.
    database.sql("UPDATE S SET NAME = 'x' WHERE ID = 1");
    let report = run(&database, &[ROWSCN, "--deletes", "compare"]);
    warned(&report, "every run reads all rows");
    assert_eq!(report["followed"]["how"], "all rows, because DDL on it cannot be seen");
    assert_eq!(report["rows"], 22);
    // When the dictionary begins to tell, nobody knows what it would have told before.
    database.sql(&object("TABLE", 10, "10", 1));
    database.run(&words(&[VERSIONS])).fails(4, &["does not say how it was defined then"]);
    let report = run(&database, &WATERMARK);
    assert_eq!((&report["rows"], report["warnings"].as_array().map(Vec::len)), (&22.into(), Some(0)), "{report}");
    database.sql("INSERT INTO S VALUES (23, 'new')");
    assert!(run(&database, &WATERMARK)["rows"].as_u64().unwrap() <= 2);
    // And when it ends to, all rows are read once.
    database.sql("DELETE FROM ALL_OBJECTS");
    let report = run(&database, &WATERMARK);
    assert!(report["followed"]["how"].as_str().unwrap().contains("does not tell this user any more"), "{report}");
    assert_eq!(report["rows"], 23);
    database.sql("INSERT INTO S VALUES (24, 'new')");
    assert!(run(&database, &WATERMARK)["rows"].as_u64().unwrap() <= 2);
    assert_same(&database);
}

#[test]
fn of_a_view_it_is_said_that_its_tables_are_not_looked_at() {
    let database = database();
    database.sql("DROP TABLE ALL_OBJECTS");
    database.sql("CREATE VIEW V AS SELECT * FROM S");
    let copy = |more: &[&'static str]| [&["copy", "embedded:data.db/V", "delta:lake/v", "--key", "id", "--job", "out"][..], more].concat();
    database.run(&copy(&[VERSIONS])).fails(4, &["/V: a view has no versions", "--incremental=watermark"]);
    for _ in 0..2 {
        let outcome = database.ok(&copy(&WATERMARK));
        assert!(outcome.contains("it is a view: DDL on its tables is not seen"), "{outcome}");
        database.sql("INSERT INTO S VALUES (21, 'new')");
    }
    assert_eq!(of_delta(&mut open(&database, "lake/v")).len(), 21);
}

fn with(database: &Database, more: &[&str], (name, value): (&str, &str)) -> Outcome {
    let mut command = database.command(&words(more));
    command.env(name, value);
    finish(command, TIME_LIMIT)
}

/// SCNs of a pluggable database that was recovered or flashed back go on from an earlier one, and those of the whole database do not tell.
#[test]
fn a_pluggable_database_that_was_restored_is_told_from_the_one_before() {
    const VARIABLE: &str = "OLBRIDGE_EMBEDDED_PDB_INCARNATION";
    let database = database();
    database.sql("DROP TABLE ALL_OBJECTS");
    assert_eq!(with(&database, &[VERSIONS], (VARIABLE, "0")).code, 0);
    let version = open(&database, "lake/s").version().unwrap();
    let file = database.workspace().file(&format!("lake/s/_delta_log/{version:020}.json"));
    let before = std::fs::read_to_string(&file).unwrap();
    assert!(before.contains(r#""container":"1""#) && before.contains(r#""container_incarnation":"1 0 1""#), "{before}");
    database.sql("DELETE FROM S WHERE ID = 3");
    for restored in ["1@900", "0@900"] {
        let outcome = with(&database, &[VERSIONS], (VARIABLE, restored));
        outcome.fails(4, &["an earlier state of the pluggable database, which was restored or flashed back", "--deletes compare"]);
    }
    let outcome = with(&database, &[ROWSCN, "--deletes", "compare", "--dry-run"], (VARIABLE, "1@900"));
    assert!(outcome.stdout.contains("all rows, because changes do not tell"), "{outcome}");
    // Who may not see it any more, and whose last commit does not say it, goes on.
    run(&database, &[VERSIONS, "--dry-run"]);
    let older = before.replace("container_incarnation", "another_name").replace(r#""container":"#, r#""other":"#);
    std::fs::write(&file, older.replace("own_ddl_time", "other_time")).unwrap();
    assert_eq!(with(&database, &[VERSIONS], (VARIABLE, "1@900")).code, 0);
    assert_same(&database);
    // From then on it is known.
    with(&database, &[VERSIONS], (VARIABLE, "2@1000")).fails(4, &["restored or flashed back"]);
}

/// The library says the same.
#[test]
fn a_plan_of_the_library_has_the_warning() {
    let database = database();
    let (session, mut job) = session(&database);
    assert!(job.plan(&session).unwrap().warnings[0].contains("are not seen; load all of it after that"));
    (job.follow, job.compare_deletes) = (Some(Follow::Versions), false);
    assert!(job.plan(&session).unwrap_err().to_string().contains("does not tell how it is defined"));
}
