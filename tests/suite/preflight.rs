//! `--preflight`: what would be refused is known before a row moves, and it is what the load then refuses.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use olbridge::copy::{Cancel, CopyJob, NoProgress, OnError, Target};
use olbridge::type_map::{LossyKind, LossySet};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::loader_api::session_with_table;
use crate::support::Workspace;
use crate::support::database::Database;
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};

fn two_columns(rows: i64, text: impl Fn(i64) -> Option<&'static str>, number: impl Fn(i64) -> i64) -> RecordBatch {
    let texts: ArrayRef = Arc::new((0..rows).map(text).collect::<StringArray>());
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(number)));
    table(vec![("id", ids(0..rows)), ("v", texts), ("n", numbers)])
}

#[test]
fn every_column_is_told_of_and_nothing_moves() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR2(5) NOT NULL, N NUMBER(3))");
    let text = |v: i64| match v % 1000 {
        10 => Some("too long"),
        20 => Some(""),
        30 => None,
        _ => Some("äö"),
    };
    let batch = two_columns(20_000, text, |v| if v % 500 == 10 { 1000 } else { v % 1000 });
    database.workspace().parquet("a.parquet", &[batch.slice(0, 5)]);
    database.workspace().parquet("b.parquet", &[batch.slice(5, 19_995)]);
    let target = database.target("T");
    let words = ["copy", "a.parquet", "b.parquet", &target, "--preflight"];
    let outcome = database.run(&words);
    let parts = [
        "preflight: T: 80 of 20000 rows would be refused",
        "V VARCHAR2(5): 60 rows, first b.parquet row 6:",
        "N NUMBER(3): 40 rows, first b.parquet row 6:",
        "ORA-01438",
        "nothing was loaded",
    ];
    outcome.fails(5, &parts);
    assert_eq!(database.count("T"), 0);
    let dry = database.run(&[&words[..], &["--dry-run", "--report", "json"]].concat());
    assert_eq!(dry.code, 5, "{dry}");
    let plan: Value = serde_json::from_str(&dry.stdout).unwrap();
    assert_eq!(
        (&plan["status"], &plan["preflight"]["rows_refused"], &plan["preflight"]["rows"]),
        (&json!("planned"), &json!(80), &json!(20_000))
    );
    let first = &plan["preflight"]["refused"][0]["first"];
    assert_eq!((&first["column"], &first["source"]["row"]), (&json!("V"), &json!(6)));
    let failed = database.run(&[&words[..], &["--report", "json=r.json"]].concat());
    let report: Value = serde_json::from_str(&std::fs::read_to_string(database.workspace().file("r.json")).unwrap()).unwrap();
    assert_eq!((failed.code, &report["rows_refused"], &report["phase"]), (5, &json!(80), &json!("preflight")));

    // With --rejects it is no reason to stop, unless there are too many.
    let rejects = [&words[..], &["--rejects", "bad.ndjson", "--max-errors"]].concat();
    database.run(&[&rejects[..], &["79"]].concat()).fails(5, &["80 of 20000"]);
    assert!(!database.workspace().file("bad.ndjson").exists());
    let outcome = database.run(&[&rejects[..], &["80"]].concat());
    assert_eq!((outcome.code, database.count("T")), (9, 19_920), "{outcome}");
}

#[test]
fn a_source_that_fits_is_loaded() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(5), N NUMBER(3))");
    database.workspace().parquet("t.parquet", &[two_columns(300, |_| None, |v| v - 999)]);
    let target = database.target("T");
    let plan = database.ok(&["copy", "t.parquet", &target, "--preflight", "--dry-run"]);
    assert!(plan.contains("preflight: all values of 300 rows fit"), "{plan}");
    let report: Value = serde_json::from_str(&database.ok(&["copy", "t.parquet", &target, "--preflight", "--report", "json"])).unwrap();
    assert_eq!((&report["preflight"]["rows"], &report["rows_loaded"]), (&json!(300), &json!(300)));
    let outcome = database.run(&["copy", "-", &target, "--format", "csv", "--preflight"]);
    outcome.fails(2, &["standard input", "--preflight"]);
}

#[test]
fn of_a_row_that_an_upsert_deletes_only_the_key_is_looked_at() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER(3) PRIMARY KEY, V VARCHAR2(5) NOT NULL)");
    let texts: ArrayRef = Arc::new((0..20).map(|v| (v % 2 == 0).then_some("x")).collect::<StringArray>());
    let marks: ArrayRef = Arc::new((0..20).map(|v| Some(if v % 2 == 0 { "U" } else { "D" })).collect::<StringArray>());
    database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..20)), ("v", texts), ("op", marks)])]);
    let words = ["copy", "t.parquet", &database.target("T"), "--mode", "upsert", "--key", "id", "--preflight"];
    database.ok(&[&words[..], &["--delete-when", "op=D"]].concat());
    assert_eq!(database.count("T"), 10);
    database
        .run(&[&words[..], &["--columns", "id,v"]].concat())
        .fails(5, &["10 of 20 rows", "V VARCHAR2(5): 10 rows, first t.parquet row 2"]);
}

#[test]
fn lengths_are_those_of_the_database() {
    let Some(mut server) = Loopback::start("preflight::real_client") else { return };
    server.sql("CREATE TABLE T (ID NUMBER(4), V VARCHAR2(6), N NUMBER(3))");
    server.workspace().parquet("t.parquet", &[two_columns(1000, |v| Some(if v == 777 { "äöüß" } else { "äöü" }), |v| v)]);
    server
        .run(&["copy", "t.parquet", &server.target("T"), "--preflight"])
        .fails(5, &["1 of 1000 rows", "V VARCHAR2(6): 1 row t.parquet row 778"]);
    assert_eq!(server.rows("T").len(), 0);
    assert_eq!(server.assert_clean()["bind_rows"], 0);
}

type Row = (i64, Option<usize>, i64, f64, Option<i64>, bool);

/// Oracle's own client has the tables of every character set.
#[test]
fn lengths_are_those_of_a_database_that_is_not_a_unicode_one() {
    let Some(mut server) = Loopback::start("preflight::charset") else { return };
    server.sql("CREATE TABLE NLS_DATABASE_PARAMETERS (PARAMETER VARCHAR2(30), VALUE VARCHAR2(40))");
    server.sql("INSERT INTO NLS_DATABASE_PARAMETERS VALUES ('NLS_CHARACTERSET', 'WE8MSWIN1252')");
    server.sql("CREATE TABLE T (ID NUMBER(4), V VARCHAR2(6), N NUMBER(3))");
    let text = |v: i64| {
        Some(match v {
            // Six bytes there, up to eighteen of UTF-8.
            0..700 => "äöüß€—",
            700 => "seven b",
            701 => "äöüßéèê",
            // Which a client would make `Z` and `?` without a word.
            702 => "Ｚ",
            703 => "Ж",
            _ => "äöüß",
        })
    };
    server.workspace().parquet("t.parquet", &[two_columns(1000, text, |v| v)]);
    let words = ["copy", "t.parquet", &server.target("T"), "--preflight", "--rejects", "bad.ndjson", "--max-errors", "3"];
    server.run(&words).fails(5, &["4 of 1000 rows", "V VARCHAR2(6): 4 rows, first t.parquet row 701"]);
    let reasons = |name: &str| {
        let text = std::fs::read_to_string(server.workspace().file(name)).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| line["_reject_message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // The loopback server itself is AL32UTF8.
    server.sql("CREATE TABLE U (ID NUMBER(4), V VARCHAR2(24), N NUMBER(3))");
    let load = ["copy", "t.parquet", &server.target("U"), "--rejects", "u.ndjson"];
    assert_eq!(server.run(&load).code, 9);
    let reasons = reasons("u.ndjson");
    assert!(
        reasons.len() == 2 && reasons.iter().all(|reason| reason.contains("in WE8MSWIN1252, with a character that it lacks")),
        "{reasons:?}"
    );
    assert_eq!(server.rows("U").len(), 998);
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        prop_oneof![30 => -999..999_i64, 1 => -1003..1003_i64, 1 => any::<i64>()],
        prop_oneof![40 => (1..20_usize).prop_map(Some), 1 => (0..24_usize).prop_map(Some), 1 => Just(None)],
        prop_oneof![20 => -99_999..99_999_i64, 2 => 99_900..100_100_i64, 1 => any::<i32>().prop_map(i64::from)],
        prop_oneof![20 => -50.0..50.0_f64, 1 => Just(9.996), 1 => Just(-99.95), 1 => Just(99.9949), 1 => any::<f64>()],
        prop::option::weighted(0.97, prop_oneof![20 => 0..4_000_000_000_000_000_i64, 1 => any::<i64>()]),
        any::<bool>(),
    );
    prop::collection::vec(row, 0..600)
}

fn batch(rows: &[Row]) -> RecordBatch {
    let text = |row: &Row| row.1.map(|length| (if row.5 { "ä" } else { "x" }).repeat(length));
    let decimals = rows.iter().map(|row| Some(i128::from(row.2))).collect::<Decimal128Array>().with_precision_and_scale(20, 3).unwrap();
    table(vec![
        ("i", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0))) as ArrayRef),
        ("t", Arc::new(rows.iter().map(text).collect::<StringArray>())),
        ("d", Arc::new(decimals)),
        ("f", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.3)))),
        ("m", Arc::new(rows.iter().map(|row| row.4).collect::<TimestampMicrosecondArray>())),
        ("c", Arc::new(rows.iter().map(text).collect::<StringArray>())),
    ])
}

#[test]
fn what_it_finds_is_what_a_load_refuses() {
    let (clean, bad) = (Cell::new(0), Cell::new(0));
    let lossy = prop_oneof![Just(&[][..]), Just(&[LossyKind::Rounding, LossyKind::EmptyText, LossyKind::SubSecond][..])];
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    runner
        .run(&(rows(), lossy, 0..4_u8), |(mut rows, lossy, keep)| {
            if keep == 0 {
                // Some have nothing bad at all.
                rows = rows.into_iter().map(|row| (row.0 % 999, Some(3), row.2 % 999 * 10, 1.5, row.4.map(|_| 1_000_000), row.5)).collect();
            }
            let workspace = Workspace::new();
            let columns = "I NUMBER(3), T VARCHAR2(20) NOT NULL, D NUMBER(4,2), F NUMBER(4,2), M DATE, C CLOB NOT NULL";
            let mut session = session_with_table(&workspace, columns);
            let target: Target = format!("embedded:{}/T", workspace.file("api.db").display()).parse().unwrap();
            workspace.parquet("t.parquet", &[batch(&rows)]);
            let file = workspace.file("bad.ndjson");
            let mut job = CopyJob::new(vec![workspace.file("t.parquet").display().to_string()], target);
            job.lossy = lossy.iter().fold(LossySet::NONE, |set, kind| set.with(*kind));
            (job.preflight, job.on_error) = (true, OnError::Reject { file: file.clone(), max_rows: None });
            let plan = job.plan(&session).unwrap();
            let found = plan.preflight.clone().unwrap();
            let report = plan.run(&mut session, &mut NoProgress, &Cancel::new()).unwrap();
            prop_assert_eq!(found.rows_refused, report.rows_rejected(), "{:?}", found.refused);
            prop_assert_eq!(found.rows, rows.len() as u64);
            // The first row of all is the first that was refused, and every row is refused for a column that was told of.
            let refused: Vec<Value> = std::fs::read_to_string(&file)
                .map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
                .unwrap_or_default();
            let first = found.refused.iter().map(|column| column.first.source.row).min();
            prop_assert_eq!(first, refused.iter().map(|row| row["_reject_row"].as_u64().unwrap()).min());
            let told: BTreeSet<&str> = found.refused.iter().map(|column| column.column.as_str()).collect();
            for row in &refused {
                let column = row["_reject_column"].as_str();
                prop_assert!(column.is_none_or(|column| told.contains(column)), "{row}");
            }
            let count = if refused.is_empty() { &clean } else { &bad };
            count.set(count.get() + 1);
            Ok(())
        })
        .unwrap();
    assert!(clean.get() > 3 && bad.get() > 3, "{clean:?} {bad:?}");
}
