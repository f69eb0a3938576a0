//! What the mark of a named job says must be so: of the table that is there, the files that were read, the options that were asked for.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use olbridge::arrow::array::{ArrayRef, StringArray};
use serde_json::Value;

use crate::jobs::{TARGET, assert_once, faulty, job, with_rows, write};
use crate::support::database::Database;
use crate::support::tables::{ids, table};
use crate::support::{Running, TIME_LIMIT};

/// Sends `signal` to a child; `STOP` makes it stall.
fn signal(running: &Running, signal: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &running.child.id().to_string()]).status().unwrap().success());
}

/// Waits until a query has an answer that will do.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < TIME_LIMIT, "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A run that has created the table stalls, another one finishes the job, the first one wakes.
#[test]
fn a_run_that_was_overtaken_takes_nothing_away() {
    const ROWS: i64 = 60_000;
    let database = Database::embedded();
    write(&database, "t.parquet", 0..ROWS);
    let words = job(&["--mode", "create", "--commit-rows", "200", "--batch-rows", "100"]);
    let mut tries = 0;
    // Stopped while it holds the lock of the file nobody can write; then it goes on for a moment and is stopped anew.
    let stalled = Running::new(database.command(&words).spawn().unwrap());
    wait_until("rows of the first run", || database.exists("T") && database.count("T") > 0);
    loop {
        signal(&stalled, "STOP");
        let mut probe = database.command(&["sql", "embedded:data.db", "CREATE TABLE PROBE (A NUMBER)"]);
        probe.env("OLBRIDGE_LOCK_WAIT_MS", "50");
        if crate::support::finish(probe, TIME_LIMIT).code == 0 {
            break;
        }
        tries += 1;
        assert!(tries < 500, "the run holds the lock all the time");
        signal(&stalled, "CONT");
        thread::sleep(Duration::from_millis(1 + tries % 7));
    }
    assert!(database.count("T") < ROWS as u64, "the first run has ended too early to test anything");
    database.ok(&job(&["--mode", "create"]));
    assert_once(&database, ROWS);
    signal(&stalled, "CONT");
    let outcome = stalled.wait(TIME_LIMIT);
    assert_eq!(outcome.code, 2, "{outcome}");
    assert!(outcome.stderr.contains("another run"), "{outcome}");
    assert_once(&database, ROWS);
    database.ok(&words);
    assert_once(&database, ROWS);
}

#[test]
fn a_table_that_a_failed_job_created_stays_and_is_filled() {
    let database = Database::embedded();
    // Nobody can give it up for a row that is refused in the end: 700 rows, then one that the key refuses.
    let with_last = |last: i64| {
        let parts = [table(vec![("id", ids(0..700))]), table(vec![("id", ids(last..last + 1))])];
        database.workspace().parquet("t.parquet", &parts);
    };
    with_last(5);
    let words = job(&["--mode", "create", "--commit-rows", "300", "--primary-key", "id"]);
    database.run(&words).fails(5, &["T was created and stays", "first 600 rows"]);
    assert_eq!(database.count("T"), 600);
    // The source is mended: it is another one, and the user says that what is there goes with it.
    with_last(700);
    let refused = database.run(&words);
    refused.fails(4, &["600 rows of another source"]);
    database.ok(&job(&["--mode", "overwrite", "--allow-destructive"]));
    assert_once(&database, 701);
}

#[test]
fn the_mark_of_another_table_of_the_name_is_not_heeded() {
    let database = with_rows(1000);
    let words = job(&["--commit-rows", "300"]);
    faulty(&database, &words, "lost-answer", 3).fails(7, &["ORA-03113"]);
    database.sql("DROP TABLE T");
    database.sql("CREATE TABLE T (ID NUMBER)");
    let refused = database.run(&words);
    refused.fails(4, &["into another table of this name, which has been dropped since"]);
    database.sql(remedy(&refused.stderr));
    database.ok(&words);
    assert_once(&database, 1000);
    // Complete or not.
    database.sql("DROP TABLE T");
    database.sql("CREATE TABLE T (ID NUMBER)");
    database.run(&words).fails(4, &["has loaded 1000 rows of this source"]);
    // What creates the table knows that nothing is in it, and forgets other sources too.
    database.sql("DROP TABLE T");
    write(&database, "other.parquet", 1000..1500);
    database.ok(&["copy", "other.parquet", TARGET, "--job", "j", "--mode", "create", "--quiet"]);
    database.ok(&words);
    assert_once(&database, 1500);
}

/// The statement that a message tells to run.
fn remedy(stderr: &str) -> &str {
    let start = stderr.find("DELETE FROM OLBRIDGE_STATE").unwrap_or_else(|| panic!("no statement in {stderr}"));
    stderr[start..].lines().next().unwrap()
}

#[test]
fn what_is_given_up_is_one_source_of_one_table() {
    let database = with_rows(1000);
    database.sql("CREATE TABLE U (ID NUMBER)");
    let into_u = ["copy", "t.parquet", "embedded:data.db/U", "--job", "j", "--commit-rows", "300", "--quiet"];
    let words = job(&["--commit-rows", "300"]);
    faulty(&database, &into_u, "lost-answer", 3).fails(7, &["ORA-03113"]);
    faulty(&database, &words, "lost-answer", 3).fails(7, &["ORA-03113"]);
    write(&database, "other.parquet", 1000..1100);
    let refused = database.run(&["copy", "other.parquet", TARGET, "--job", "j"]);
    refused.fails(4, &["600 rows of another source"]);
    let statement = remedy(&refused.stderr);
    let source = database.rows("SELECT MIN(SOURCE) FROM OLBRIDGE_STATE WHERE SOURCE <> '*'")[0][0].clone().unwrap();
    let target = database.rows("SELECT MAX(TARGET) FROM OLBRIDGE_STATE WHERE TARGET LIKE '%T'")[0][0].clone().unwrap();
    let whole = format!("DELETE FROM OLBRIDGE_STATE WHERE JOB = 'j' AND TARGET = '{target}' AND SOURCE = '{source}'");
    assert_eq!(statement, whole);
    database.sql(statement);
    database.ok(&["copy", "other.parquet", TARGET, "--job", "j", "--quiet"]);
    assert_eq!(database.count("T"), 700);
    // The half of the other table is known as before.
    database.ok(&into_u);
    assert_eq!(database.count("U"), 1000);
}

#[test]
fn what_was_replaced_is_loaded_again_and_what_was_added_is_not() {
    let contents = |database: &Database| database.rows("SELECT MIN(V), MAX(V), COUNT(*) FROM T")[0].clone();
    for mode in [&["--mode", "overwrite", "--allow-destructive"][..], &["--mode", "upsert", "--key", "id"]] {
        let database = Database::embedded();
        database.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V NUMBER)");
        for (name, value) in [("a.parquet", 1), ("b.parquet", 2)] {
            database.workspace().parquet(name, &[table(vec![("id", ids(0..1)), ("v", ids(value..value + 1))])]);
        }
        for (turn, (file, value)) in [("a", "1"), ("b", "2"), ("a", "1"), ("a", "1"), ("b", "2")].into_iter().enumerate() {
            let file = format!("{file}.parquet");
            database.ok(&[&["copy", &file, TARGET, "--job", "j", "--quiet"], mode].concat());
            let value = Some(value.to_owned());
            assert_eq!(contents(&database), [value.clone(), value, Some("1".to_owned())], "{mode:?}, turn {turn}");
        }
        let epochs = database.rows("SELECT COUNT(EPOCH), COUNT(DISTINCT EPOCH) FROM OLBRIDGE_STATE WHERE SOURCE <> '*'");
        assert_eq!(epochs[0][0], epochs[0][1]);
    }
}

#[test]
fn overwriting_forgets_what_other_jobs_have_added() {
    let database = with_rows(1000);
    database.ok(&job(&[]));
    write(&database, "other.parquet", 1000..1500);
    database.ok(&["copy", "other.parquet", TARGET, "--job", "k", "--mode", "overwrite", "--allow-destructive", "--quiet"]);
    assert_eq!(database.count("T"), 500);
    database.ok(&job(&[]));
    assert_once(&database, 1500);
}

#[test]
fn a_job_goes_on_only_with_what_it_was_asked_for() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER, V NUMBER)");
    database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..1000)), ("v", ids(0..1000))])]);
    let words = job(&["--commit-rows", "300"]);
    faulty(&database, &words, "lost-answer", 3).fails(7, &["ORA-03113"]);
    for other in [&["--columns", "id"][..], &["--rename", "v=id", "--rename", "id=v"], &["--lossy", "rounding"]] {
        database.run(&[&words[..], other].concat()).fails(4, &["600 rows of this source", "with other options", "--job name"]);
    }
    database.run(&job(&["--mode", "upsert", "--key", "id"])).fails(4, &["with other options"]);
    // How it is done is no matter.
    database.ok(&job(&["--mode", "create", "--batch-rows", "7"]));
    assert_once(&database, 1000);
    database.run(&job(&["--columns", "id"])).fails(4, &["1000 rows of this source", "with other options"]);
}

/// p2 becomes another file of as many rows while p1 is loaded.
#[test]
fn files_that_change_while_they_are_loaded_are_not_loaded() {
    const ROWS: i64 = 40_000;
    let database = with_rows(1);
    write(&database, "d/p1.parquet", 0..ROWS);
    write(&database, "d/p2.parquet", ROWS..ROWS + 10);
    write(&database, "p2.parquet", 0..10);
    let words = ["copy", "d", TARGET, "--job", "j", "--batch-rows", "20"];
    let running = Running::new(database.command(&words).spawn().unwrap());
    // The claim comes after the fingerprint.
    wait_until("the claim", || database.exists("OLBRIDGE_STATE") && database.count("OLBRIDGE_STATE") == 1);
    fs::rename(database.workspace().file("p2.parquet"), database.workspace().file("d/p2.parquet")).unwrap();
    let outcome = running.wait(TIME_LIMIT);
    outcome.fails(6, &["p2.parquet", "changed or replaced"]);
    assert_eq!(database.count("T"), 0);
}

/// A database with a table that refuses 20 of the 1000 rows of `t.parquet`.
fn with_bad_rows() -> Database {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER, S VARCHAR2(3))");
    let texts: ArrayRef = Arc::new((0..1000).map(|id| if id % 50 == 7 { "long" } else { "abc" }).map(Some).collect::<StringArray>());
    database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..1000)), ("s", texts)])]);
    database
}

#[test]
fn rows_that_were_refused_are_named_whenever_the_job_runs_again() {
    let database = with_bad_rows();
    let words = |file: &'static str| job(&["--commit-rows", "300", "--rejects", file]);
    faulty(&database, &words("a.ndjson"), "lost-answer", 3).fails(7, &["12 rows that were refused before are in a.ndjson"]);
    let file = |name: &str| database.workspace().file(name);
    // As a kill leaves it.
    let partial = {
        let recorded = database.rows("SELECT REJECT_FILES FROM OLBRIDGE_STATE WHERE SOURCE <> '*'")[0][0].clone().unwrap();
        let (whole, partial) = recorded.split_once('\t').unwrap();
        assert_eq!(fs::canonicalize(whole).unwrap(), fs::canonicalize(file("a.ndjson")).unwrap());
        fs::rename(file("a.ndjson"), partial).unwrap();
        partial.to_owned()
    };
    let words = |more: &[&'static str]| [&["copy", "t.parquet", TARGET, "--job", "j"], more].concat();
    let second = database.run(&words(&["--rejects", "b.ndjson", "--commit-rows", "300"]));
    assert_eq!(second.code, 9, "{second}");
    assert!(second.stdout.contains(&format!("12 rows refused by then: {partial}")), "{second}");
    let third = database.run(&words(&[]));
    assert_eq!(third.code, 9, "{third}");
    assert!(third.stdout.contains("nothing done") && third.stdout.contains("20 rows refused by then"), "{third}");
    assert!(third.stdout.contains(&partial) && third.stdout.contains("b.ndjson"), "{third}");
    let report: Value = serde_json::from_str(&database.run(&words(&["--quiet", "--report", "json"])).stdout).unwrap();
    assert_eq!(report["job"]["rows_rejected_before"], 20);
    assert_eq!(database.count("T"), 980);
}

/// Of two runs with different sources only the later one commits, too.
#[test]
fn two_runs_with_different_sources_do_not_mix() {
    const ROWS: i64 = 40_000;
    let database = with_rows(ROWS);
    write(&database, "other.parquet", ROWS..ROWS + 10);
    let words = job(&["--batch-rows", "20"]);
    let slow = Running::new(database.command(&words).spawn().unwrap());
    wait_until("the claim", || database.exists("OLBRIDGE_STATE") && database.count("OLBRIDGE_STATE") == 1);
    let other = database.run(&["copy", "other.parquet", TARGET, "--job", "j", "--quiet"]);
    let slow = slow.wait(TIME_LIMIT);
    // Either could have been the first to write; never have both, one unaware of the other.
    let codes = (slow.code, other.code);
    assert!(matches!(codes, (0, 0 | 2) | (2, 0)), "{slow}\n{other}");
    assert!([&slow, &other].iter().all(|run| run.code == 0 || run.stderr.contains("another run")), "{slow}\n{other}");
    database.ok(&words);
    database.ok(&["copy", "other.parquet", TARGET, "--job", "j", "--quiet"]);
    assert_once(&database, ROWS + 10);
}
