//! Bad rows: the good ones arrive, the bad ones are in the reject file with their reasons, and no row is in both or in neither.

use std::fs::File;
use std::sync::Arc;

use olbridge::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use olbridge::arrow::compute::concat_batches;
use olbridge::arrow::datatypes::{Float64Type, Int32Type, Int64Type, UInt64Type};
use olbridge::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::Workspace;
use crate::support::database::Database;
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};

fn lines(workspace: &Workspace, name: &str) -> Vec<Value> {
    std::fs::read_to_string(workspace.file(name)).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn parquet(workspace: &Workspace, name: &str) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(workspace.file(name)).unwrap()).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

#[test]
fn both_kinds_of_bad_rows_are_kept_with_their_reasons() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR2(5) NOT NULL, N NUMBER(3))");
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..1000).map(|v| if v == 700 { 3 } else { v })));
    let texts: ArrayRef = Arc::new(StringArray::from_iter((0..1000).map(|v| match v {
        10 => Some("too long"),
        20 => Some(""),
        30 => None,
        _ => Some("good"),
    })));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values((0..1000).map(|v| if v == 40 || v == 10 { 1000 } else { v % 100 })));
    let other: ArrayRef = Arc::new(Float64Array::from_iter_values((0..1000).map(|v| f64::from(v) / 2.0)));
    let batch = table(vec![("k", keys), ("v", texts), ("n", numbers), ("other", other)]);
    let file = database.workspace().parquet("t.parquet", &[batch.slice(0, 500), batch.slice(500, 500)]);
    let target = database.target("T");
    let arguments = ["copy", &file, &target, "--columns", "k,v,n", "--rename", "k=ID", "--batch-rows", "64"];

    let plan = database.ok(&[&arguments[..], &["--rejects", "bad.ndjson", "--max-errors", "9", "--dry-run"]].concat());
    assert!(plan.contains("rows that are refused go to bad.ndjson, at most 9"), "{plan}");
    let outcome = database.run(&[&arguments[..], &["--rejects", "bad.ndjson"]].concat());
    assert_eq!(outcome.code, 9, "{outcome}");
    assert!(outcome.stdout.contains("995 rows loaded into T"), "{outcome}");
    assert!(outcome.stdout.contains("5 rows refused (2 in conversion, 3 by the database): bad.ndjson"), "{outcome}");
    assert_eq!(database.count("T"), 995);

    let mut bad = lines(database.workspace(), "bad.ndjson");
    bad.sort_by_key(|row| row["_reject_row"].as_u64());
    let reasons: Vec<_> = bad.iter().map(|r| (r["_reject_row"].as_u64().unwrap(), r["_reject_phase"].as_str().unwrap())).collect();
    assert_eq!(reasons, [(11, "convert"), (21, "convert"), (31, "execute"), (41, "execute"), (701, "execute")]);
    assert_eq!((&bad[0]["k"], &bad[0]["v"], &bad[0]["n"], &bad[0]["other"]), (&json!(10), &json!("too long"), &json!(1000), &json!(5.0)));
    assert_eq!((&bad[0]["_reject_file"], &bad[0]["_reject_column"]), (&json!("t.parquet"), &json!("V")));
    assert_eq!(
        (&bad[0]["_reject_ora_code"], &bad[2]["_reject_ora_code"], &bad[4]["_reject_ora_code"]),
        (&json!(null), &json!(1400), &json!(1))
    );
    assert!(bad[3]["_reject_message"].as_str().unwrap().contains("ORA-01438"), "{}", bad[3]);
}

#[test]
fn a_parquet_file_of_rejects_can_be_loaded_again() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(5))");
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..300).map(|v| if v % 3 == 0 { "too long" } else { "good" })));
    let file = database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..300)), ("v", texts)])]);
    let arguments = ["copy", &file, &database.target("T"), "--on-error", "reject", "--rejects", "bad.parquet", "--report", "json"];
    let outcome = database.run(&arguments);
    assert_eq!(outcome.code, 9, "{outcome}");
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&report["rows_loaded"], &report["rows_rejected_convert"], &report["rejects_file"]),
        (&json!(200), &json!(100), &json!("bad.parquet"))
    );
    let bad = parquet(database.workspace(), "bad.parquet");
    assert_eq!(bad.column_by_name("_reject_row").unwrap().as_primitive::<UInt64Type>().values()[1], 4);
    assert_eq!(bad.column_by_name("_reject_ora_code").unwrap().as_primitive::<Int32Type>().null_count(), 100);

    // A second run does not overwrite the first one's rows.
    database.run(&arguments).fails(2, &["bad.parquet exists", "try:"]);
    assert_eq!(database.count("T"), 200);
    database.sql("DROP TABLE T");
    database.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(50))");
    database.ok(&["copy", "bad.parquet", &database.target("T"), "--columns", "id,v"]);
    assert_eq!(database.count("T"), 100);
}

#[test]
fn beyond_the_limit_everything_is_rolled_back_and_the_row_named() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY)");
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..1000).map(|v| if v % 100 == 99 { 0 } else { v })));
    let file = database.workspace().parquet("t.parquet", &[table(vec![("id", keys)])]);
    let target = database.target("T");
    for (limit, code, rows) in [("9", 5, 0), ("10", 9, 990)] {
        let rejects = format!("bad{limit}.ndjson");
        let outcome = database.run(&["copy", &file, &target, "--rejects", &rejects, "--max-errors", limit, "--batch-rows", "150"]);
        assert_eq!((outcome.code, database.count("T")), (code, rows), "{outcome}");
        if code == 5 {
            outcome.fails(5, &["ORA-00001", "t.parquet row 1000", "bad row 10, and --max-errors allows 9", "are in bad9.ndjson"]);
        }
        assert_eq!(lines(database.workspace(), &rejects).len(), 10);
    }
}

#[test]
fn every_row_bad_and_more_of_them_than_16_bits_count() {
    const ROWS: i64 = 70_000;
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(5) NOT NULL)");
    let database_refuses: ArrayRef = Arc::new(StringArray::from_iter((0..ROWS).map(|_| None::<&str>)));
    let we_refuse: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(|_| "too long")));
    for (name, texts, counted) in [("d", database_refuses, "0 in conversion, 70,000 by"), ("c", we_refuse, "70,000 in conversion, 0 by")] {
        let file = database.workspace().parquet(&format!("{name}.parquet"), &[table(vec![("id", ids(0..ROWS)), ("v", texts)])]);
        let rejects = format!("{name}-bad.parquet");
        let outcome = database.run(&["copy", &file, &database.target("T"), "--rejects", &rejects]);
        assert_eq!(outcome.code, 9, "{outcome}");
        assert!(outcome.stdout.contains(counted), "{outcome}");
        let bad = parquet(database.workspace(), &rejects);
        assert!(bad.column(0).as_primitive::<Int64Type>().values().iter().copied().eq(0..ROWS));
    }
    assert_eq!(database.count("T"), 0);
}

/// The database has not seen the rows before a value that a conversion refuses, when that is found.
#[test]
fn the_row_that_is_named_is_the_first_bad_one_whoever_refuses_it() {
    for (cast, batch_rows) in [(&[][..], "1000"), (&[][..], "7"), (&["--cast", "v=text"][..], "1000")] {
        let database = Database::embedded();
        database.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR2(5))");
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..300).map(|v| if v == 120 { 3 } else { v })));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..300).map(|v| if v == 150 { "too long" } else { "good" })));
        let file = database.workspace().parquet("t.parquet", &[table(vec![("id", keys), ("v", texts)])]);
        let words = ["copy", &file, &database.target("T"), "--batch-rows", batch_rows];
        database.run(&[&words[..], cast].concat()).fails(5, &["ORA-00001", "t.parquet row 121"]);
        assert_eq!(database.count("T"), 0);
    }
}

#[test]
fn without_a_bad_row_there_is_no_file_and_a_failed_job_leaves_none() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER)");
    let file = database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..10))])]);
    let target = database.target("T");
    database.ok(&["copy", &file, &target, "--rejects", "bad.parquet"]);
    std::fs::write(database.workspace().file("broken.parquet"), "no Parquet").unwrap();
    database.run(&["copy", "broken.parquet", &target, "--rejects", "bad.parquet"]).fails(6, &["broken.parquet"]);
    database.run(&["copy", &file, &target, "--rejects", "no/such/folder/bad.ndjson"]).fails(6, &["no/such/folder", "try:"]);
    database.run(&["copy", &file, &target, "--rejects", "bad.csv"]).fails(2, &[".parquet or .ndjson"]);
    database.run(&["copy", &file, &target, "--rejects", "bad.parquet", "--commit-rows", "5"]).fails(2, &[".ndjson"]);
    let left: Vec<_> = std::fs::read_dir(database.workspace().path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("bad")), "{left:?}");
    assert_eq!(database.count("T"), 10);
}

#[test]
fn commits_in_between_keep_their_refused_rows() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(5))");
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..1000).map(|v| if v % 10 == 0 { "too long" } else { "good" })));
    let file = database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..1000)), ("v", texts)])]);
    let arguments = ["copy", &file, &database.target("T"), "--rejects", "bad.ndjson", "--max-errors", "50", "--commit-rows", "90"];
    database.run(&arguments).fails(5, &["row 501", "had been committed before", "rows that were refused before are in bad.ndjson"]);
    let (loaded, refused) = (database.count("T"), lines(database.workspace(), "bad.ndjson").len() as u64);
    assert!(loaded > 0 && refused > 50 && loaded <= 450, "{loaded} loaded, {refused} refused");
}

#[test]
fn what_is_no_rows_fault_ends_the_job() {
    let Some(mut server) = Loopback::start("rejects::no_rows_fault") else { return };
    server.sql("CREATE TABLE T (ID NUMBER)");
    let file = server.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..50))])]);
    server.control(json!({"cmd": "fault", "sql": "INSERT", "rows": null, "code": 1653}));
    server.run(&["copy", &file, &server.target("T"), "--rejects", "bad.ndjson"]).fails(7, &["ORA-01653", "try:"]);
    assert_eq!(server.rows("T").len(), 0);
    assert!(!server.workspace().file("bad.ndjson").exists());
}

#[test]
fn a_row_that_is_not_there_is_a_bad_row_of_an_update() {
    let Some(mut server) = Loopback::start("rejects::update") else { return };
    server.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR2(5))");
    let texts = |text: &'static str, rows: usize| -> ArrayRef { Arc::new(StringArray::from(vec![text; rows])) };
    let file = server.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..50)), ("v", texts("old", 50))])]);
    server.ok(&["copy", &file, &server.target("T")]);
    let file = server.workspace().parquet("u.parquet", &[table(vec![("id", ids(40..60)), ("v", texts("new", 20))])]);
    server.control(json!({"cmd": "fault", "sql": "UPDATE", "rows": [3], "code": 1438}));
    let outcome = server.run(&["copy", &file, &server.target("T"), "--mode", "update", "--key", "id", "--rejects", "bad.ndjson"]);
    assert_eq!(outcome.code, 9, "{outcome}");
    assert!(outcome.stdout.contains("9 rows updated in T"), "{outcome}");
    let bad = lines(server.workspace(), "bad.ndjson");
    let found: Vec<_> = bad.iter().map(|row| (row["id"].as_i64().unwrap(), row["_reject_ora_code"].as_i64())).collect();
    let expected: Vec<_> = [(43, Some(1438))].into_iter().chain((50..60).map(|id| (id, None))).collect();
    assert_eq!(found, expected);
    server.assert_clean();
}

#[test]
fn upsert_rejects_on_oracles_client_keep_their_rows() {
    let Some(mut server) = Loopback::start("rejects::upsert") else { return };
    server.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR2(5))");
    let keys: ArrayRef = Arc::new(Int64Array::from_iter((0..2000).map(|v| (v % 500 != 250).then_some(v))));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..2000).map(|v| if v % 400 == 7 { "too long" } else { "good" })));
    let file = server.workspace().parquet("t.parquet", &[table(vec![("key", keys), ("v", texts)])]);
    server.control(json!({"cmd": "fault", "sql": "MERGE", "rows": [0, 99], "code": 20001}));
    let target = server.target("T");
    let arguments = ["copy", &file, &target, "--rename", "key=ID", "--mode", "upsert", "--key", "id", "--batch-rows", "700"];
    let outcome = server.run(&[&arguments[..], &["--rejects", "bad.parquet"]].concat());
    assert_eq!(outcome.code, 9, "{outcome}");
    // Four NULL keys, five long texts, two rows in each of three executes.
    assert!(
        outcome.stdout.contains("1,985 rows merged into T") && outcome.stdout.contains("(9 in conversion, 6 by the database)"),
        "{outcome}"
    );
    let bad = parquet(server.workspace(), "bad.parquet");
    let mut seen: Vec<i64> = server.rows("T").iter().map(|row| row[0].as_str().unwrap().parse().unwrap()).collect();
    seen.extend(bad.column(0).as_primitive::<Int64Type>().iter().flatten());
    seen.sort_unstable();
    assert!(seen.iter().copied().eq((0..2000).filter(|v| v % 500 != 250)));
    server.assert_clean();
}

/// One generated row: what is wrong with it, if anything.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flaw {
    LongText,
    EmptyText,
    NullText,
    NotANumber,
    LargeNumber,
    DuplicateKey,
}

const FLAWS: [Flaw; 6] = [Flaw::LongText, Flaw::EmptyText, Flaw::NullText, Flaw::NotANumber, Flaw::LargeNumber, Flaw::DuplicateKey];

fn flawed_table(rows: &[Option<Flaw>]) -> RecordBatch {
    let flaws = || rows.iter().copied().zip(1_i64..);
    let keys = Int64Array::from_iter_values(flaws().map(|(flaw, id)| if flaw == Some(Flaw::DuplicateKey) { 0 } else { id }));
    let texts = StringArray::from_iter(flaws().map(|(flaw, id)| match flaw {
        Some(Flaw::LongText) => Some("x".repeat(50 + id as usize % 50)),
        Some(Flaw::EmptyText) => Some(String::new()),
        Some(Flaw::NullText) => None,
        _ => Some(format!("row {id}")),
    }));
    let numbers = Float64Array::from_iter_values(flaws().map(|(flaw, id)| match flaw {
        Some(Flaw::NotANumber) => f64::NAN,
        Some(Flaw::LargeNumber) => 1e9,
        _ => (id % 1000) as f64,
    }));
    let row_id: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=rows.len() as i64));
    table(vec![("k", Arc::new(keys) as ArrayRef), ("v", Arc::new(texts)), ("n", Arc::new(numbers)), ("row_id", row_id)])
}

#[test]
fn an_arbitrary_table_ends_with_the_good_rows_in_it_and_the_bad_ones_in_the_file() {
    let flaw = prop_oneof![6 => Just(None), 1 => prop::sample::select(&FLAWS[..]).prop_map(Some)];
    let bad_only = prop::sample::select(&FLAWS[..]).prop_map(Some);
    let rows = prop_oneof![4 => prop::collection::vec(flaw, 1..600), 1 => prop::collection::vec(bad_only, 1..300)];
    let strategy = (rows, 1_usize..200, 1_u32..200, any::<bool>());
    let database = Database::embedded();
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    runner
        .run(&strategy, |(rows, row_group_rows, batch_rows, as_parquet)| {
            let database = &database;
            let table = database.table("T");
            if database.exists(&table) {
                database.sql(&format!("DROP TABLE {table}"));
            }
            database.sql(&format!("CREATE TABLE {table} (K NUMBER PRIMARY KEY, V VARCHAR2(20) NOT NULL, N NUMBER(5), ROW_ID NUMBER)"));
            database.sql(&format!("INSERT INTO {table} VALUES (0, 'there before', 0, 0)"));
            let batch = flawed_table(&rows);
            let parts: Vec<RecordBatch> = (0..batch.num_rows())
                .step_by(row_group_rows)
                .map(|start| batch.slice(start, row_group_rows.min(batch.num_rows() - start)))
                .collect();
            let file = database.workspace().parquet("t.parquet", &parts);
            let rejects = if as_parquet { "bad.parquet" } else { "bad.ndjson" };
            let _ = std::fs::remove_file(database.workspace().file(rejects));
            let batch_rows = batch_rows.to_string();
            let outcome = database.run(&["copy", &file, &database.target(&table), "--rejects", rejects, "--batch-rows", &batch_rows]);
            let any_bad = rows.iter().any(Option::is_some);
            prop_assert_eq!(outcome.code, if any_bad { 9 } else { 0 }, "{}", outcome);

            let expected =
                |bad: bool| (1_u64..).zip(&rows).filter(move |(_, flaw)| flaw.is_some() == bad).map(|(id, _)| id).collect::<Vec<_>>();
            let loaded = database.rows(&format!("SELECT ROW_ID FROM {table} WHERE ROW_ID > 0 ORDER BY ROW_ID"));
            let loaded: Vec<u64> = loaded.iter().map(|row| row[0].as_deref().unwrap().parse().unwrap()).collect();
            prop_assert_eq!(loaded, expected(false));
            let mut refused: Vec<(u64, u64)> = match (any_bad, as_parquet) {
                (false, _) => Vec::new(),
                (true, true) => {
                    let bad = parquet(database.workspace(), rejects);
                    let column = |name: &str| bad.column_by_name(name).unwrap().clone();
                    let rows = column("_reject_row");
                    prop_assert!(column("n").as_primitive::<Float64Type>().len() == bad.num_rows());
                    let ids = column("row_id");
                    let ids = ids.as_primitive::<Int64Type>().values().iter().map(|id| *id as u64);
                    ids.zip(rows.as_primitive::<UInt64Type>().values().iter().copied()).collect()
                }
                (true, false) => lines(database.workspace(), rejects)
                    .iter()
                    .map(|row| (row["row_id"].as_u64().unwrap(), row["_reject_row"].as_u64().unwrap()))
                    .collect(),
            };
            refused.sort_unstable();
            prop_assert_eq!(refused, expected(true).into_iter().map(|id| (id, id)).collect::<Vec<_>>());
            Ok(())
        })
        .unwrap();
}
