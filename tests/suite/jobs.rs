//! Named jobs (`--job`): nothing lost, nothing twice, whatever is killed or lost, and however often it is run again.

use std::env;
use std::process::Command;
use std::thread;
use std::time::Duration;

use olbridge::arrow::array::{ArrayRef, StringArray};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::support::cutter::{self, Cut};
use crate::support::database::Database;
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};
use crate::support::{Outcome, Running, TIME_LIMIT, finish};

pub(crate) const TARGET: &str = "embedded:data.db/T";

/// A database with table T (ID NUMBER) and `t.parquet` of `rows` rows.
pub(crate) fn with_rows(rows: i64) -> Database {
    let database = Database::embedded();
    write(&database, "t.parquet", 0..rows);
    database.sql("CREATE TABLE T (ID NUMBER)");
    database
}

pub(crate) fn write(database: &Database, name: &str, range: std::ops::Range<i64>) {
    database.workspace().parquet(name, &[table(vec![("id", ids(range))])]);
}

/// The job `j` with more words.
pub(crate) fn job<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["copy", "t.parquet", TARGET, "--job", "j", "--quiet"], more].concat()
}

/// Every id from 0 to `rows` is in T once.
#[track_caller]
pub(crate) fn assert_once(database: &Database, rows: i64) {
    assert_eq!(sums(&database.rows("SELECT COUNT(*), COUNT(DISTINCT ID), SUM(ID) FROM T")[0]), [rows, rows, rows * (rows - 1) / 2]);
}

fn sums(cells: &[Option<String>]) -> Vec<i64> {
    cells.iter().map(|cell| cell.as_deref().map_or(0, |text| text.parse().unwrap())).collect()
}

pub(crate) fn faulty(database: &Database, arguments: &[&str], fault: &str, at: u32) -> Outcome {
    let mut command: Command = database.command(arguments);
    command.env("OLBRIDGE_EMBEDDED_FAULT", format!("{fault}:{at}"));
    finish(command, TIME_LIMIT)
}

#[test]
fn a_source_is_loaded_once_however_often_the_job_runs() {
    let database = with_rows(1000);
    for _ in 0..3 {
        let report: Value = serde_json::from_str(&database.ok(&job(&["--report", "json"]))).unwrap();
        assert_once(&database, 1000);
        assert_eq!(report["job"]["epoch"], 1);
    }
    let said = database.run(&["copy", "t.parquet", TARGET, "--job", "j"]);
    assert!(said.stdout.contains("nothing done: job j has loaded this source into T by 20"), "{said}");
    assert!(database.ok(&job(&["--dry-run"])).contains("nothing is done"));
    // The same bytes elsewhere are the same source; other bytes, or another job, are not.
    database.workspace().parquet("elsewhere/t.parquet", &[table(vec![("id", ids(0..1000))])]);
    database.ok(&["copy", "elsewhere/t.parquet", TARGET, "--job", "j", "--quiet"]);
    assert_once(&database, 1000);
    write(&database, "t.parquet", 1000..1500);
    let report: Value = serde_json::from_str(&database.ok(&job(&["--report", "json"]))).unwrap();
    assert_eq!((&report["job"]["epoch"], &report["rows_loaded"]), (&json!(2), &json!(500)));
    assert_once(&database, 1500);
    database.ok(&["copy", "t.parquet", TARGET, "--job", "other", "--quiet"]);
    assert_eq!(database.count("T"), 2000);
}

#[test]
fn the_outcome_of_a_commit_whose_answer_was_lost_is_known() {
    // Commits of a run: the claim, then every 300 rows, then the rest.
    for (commit_rows, commits) in [(None, 2), (Some("300"), 5)] {
        for fault in ["lost-commit", "lost-answer"] {
            for at in 1..=commits {
                let database = with_rows(1000);
                let words = job(commit_rows.map(|rows| vec!["--commit-rows", rows]).unwrap_or_default().as_slice());
                let outcome = faulty(&database, &words, fault, at);
                let place = format!("{fault} at {at} of {commits}: {outcome}");
                let done = at == commits && fault == "lost-answer";
                assert_eq!(outcome.code, if done { 0 } else { 7 }, "{place}");
                let committed = match fault {
                    "lost-answer" => at - 1,
                    _ => at.saturating_sub(2),
                };
                let there = if commit_rows.is_none() { u64::from(committed) * 1000 } else { (u64::from(committed) * 300).min(1000) };
                assert_eq!(database.count("T"), there, "{place}");
                if !done {
                    assert!(outcome.stderr.contains("run the"), "{place}");
                }
                database.ok(&words);
                assert_once(&database, 1000);
            }
        }
    }
}

#[test]
fn without_a_job_a_lost_answer_is_said_to_be_unknown() {
    let database = with_rows(10);
    for fault in ["lost-answer", "lost-commit"] {
        let outcome = faulty(&database, &["copy", "t.parquet", TARGET], fault, 1);
        outcome.fails(7, &["ORA-03113", "the answer to the commit was lost", "count the rows of T", "--job"]);
        assert!(!outcome.stderr.contains("run the same command again"), "{outcome}");
    }
}

#[test]
fn a_table_that_a_lost_job_created_is_filled_by_the_next_run() {
    for fault in ["lost-commit", "lost-answer"] {
        let database = Database::embedded();
        write(&database, "t.parquet", 0..1000);
        let words = job(&["--mode", "create", "--commit-rows", "300"]);
        faulty(&database, &words, fault, 3).fails(7, &["ORA-03113"]);
        database.ok(&words);
        assert_once(&database, 1000);
        database.ok(&words);
        assert_once(&database, 1000);
        // The rows are gone with the table: the mark does not count.
        database.sql("DROP TABLE T");
        database.ok(&words);
        assert_once(&database, 1000);
    }
}

#[test]
fn overwriting_begins_again() {
    let database = with_rows(1000);
    let words = job(&["--commit-rows", "300"]);
    faulty(&database, &words, "lost-answer", 3).fails(7, &["ORA-03113"]);
    assert_eq!(database.count("T"), 600);
    let overwrite = job(&["--mode", "overwrite", "--allow-destructive"]);
    // One that fails has removed nothing, neither rows nor what is known of them.
    faulty(&database, &overwrite, "lost-commit", 2).fails(7, &["ORA-03113"]);
    assert_eq!(database.count("T"), 600);
    assert!(database.ok(&[&words[..], &["--dry-run"]].concat()).contains("goes on after row 600"));
    database.ok(&overwrite);
    assert_once(&database, 1000);
}

#[test]
fn half_of_another_source_is_not_forgotten() {
    let database = with_rows(1000);
    let words = job(&["--commit-rows", "300"]);
    faulty(&database, &words, "lost-commit", 4).fails(7, &["ORA-03113"]);
    assert_eq!(database.count("T"), 600);
    write(&database, "t.parquet", 0..2000);
    database
        .run(&words)
        .fails(4, &["job j has loaded 600 rows of another source", "DELETE FROM OLBRIDGE_STATE WHERE JOB = 'j' AND TARGET = "]);
    assert_eq!(database.count("T"), 600);
    // What replaces the rows of the table needs no rest of them.
    database.ok(&job(&["--mode", "overwrite", "--allow-destructive"]));
    assert_once(&database, 2000);
    write(&database, "t.parquet", 0..1000);
    database.ok(&job(&["--mode", "append", "--dry-run"]));
    database.ok(&words);
    assert_eq!(database.count("T"), 3000, "the mark of the half was forgotten with its rows");
}

#[test]
fn refused_rows_count_as_done_and_none_is_loaded_or_refused_twice() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER, S VARCHAR2(3))");
    let texts: ArrayRef = Arc::new((0..1000).map(|id| if id % 50 == 7 { "long" } else { "abc" }).map(Some).collect::<StringArray>());
    database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..1000)), ("s", texts)])]);
    let words = |file: &'static str| job(&["--commit-rows", "300", "--rejects", file]);
    let first = faulty(&database, &words("a.ndjson"), "lost-answer", 3);
    first.fails(7, &["12 rows that were refused before are in a.ndjson"]);
    assert_eq!(database.count("T"), 588);
    let second = database.run(&words("b.ndjson"));
    assert_eq!(second.code, 9, "{second}");
    assert_eq!(database.count("T"), 980);
    let refused = |name: &str| std::fs::read_to_string(database.workspace().file(name)).unwrap().lines().count();
    assert_eq!((refused("a.ndjson"), refused("b.ndjson")), (12, 8));
    let rows = database.rows("SELECT COUNT(DISTINCT ID), MIN(S), MAX(S) FROM T");
    assert_eq!(rows[0][0].as_deref(), Some("980"));
}

#[test]
fn two_runs_of_a_job_at_once_load_its_rows_once() {
    const ROWS: i64 = 20_000;
    let database = with_rows(ROWS);
    let words = job(&["--commit-rows", "1000", "--batch-rows", "500"]);
    let started: Vec<Running> = (0..3).map(|_| Running::new(database.command(&words).spawn().unwrap())).collect();
    for running in started {
        let outcome = running.wait(TIME_LIMIT);
        // A run that another one has overtaken says so, or could not get at the table.
        assert!([0, 2, 4, 7].contains(&outcome.code), "{outcome}");
        let overtaken = ["another run", "ORA-00054", "changed since", "ORA-00955", "ORA-00001"];
        assert!(outcome.code == 0 || overtaken.iter().any(|reason| outcome.stderr.contains(reason)), "{outcome}");
    }
    database.ok(&words);
    assert_once(&database, ROWS);
}

#[test]
fn a_job_has_a_mode_that_it_can_go_on_in() {
    let database = with_rows(10);
    for mode in ["ignore", "error-if-exists"] {
        database.run(&job(&["--mode", mode])).fails(2, &["--mode create"]);
    }
    database.run(&job(&["--mode", "truncate", "--allow-destructive"])).fails(2, &["TRUNCATE commits by itself", "--mode overwrite"]);
    database.run(&job(&["--pre-sql", "TRUNCATE TABLE T"])).fails(2, &["--pre-sql TRUNCATE", "olbridge sql"]);
    database.run(&["copy", "t.parquet", TARGET, "--job", ""]).fails(2, &["1 to 128 bytes"]);
    assert!(!database.exists("OLBRIDGE_STATE"));
}

/// A generator that needs no more than to be different each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Kills runs of a job at random instants until one ends by itself; `OLBRIDGE_KILL_ROUNDS` jobs (24 without it).
#[test]
fn killed_at_random_instants_and_run_again_every_row_is_there_once() {
    const ROWS: i64 = 4_000;
    let rounds = env::var("OLBRIDGE_KILL_ROUNDS").map_or(24, |rounds| rounds.parse::<u32>().unwrap());
    let seed = env::var("OLBRIDGE_KILL_SEED").map_or(0x9e37_79b9_7f4a_7c15, |seed| seed.parse().unwrap());
    let mut random = Random(seed);
    let shapes: [&[&str]; 4] = [
        &["--mode", "create", "--batch-rows", "100"],
        &["--mode", "create", "--batch-rows", "100", "--commit-rows", "400"],
        &["--mode", "append", "--commit-rows", "100"],
        &["--mode", "upsert", "--key", "id", "--commit-rows", "900", "--batch-rows", "300"],
    ];
    let (mut kills, mut kills_within) = (0, 0);
    for round in 0..rounds {
        let shape = shapes[round as usize % shapes.len()];
        let database = Database::embedded();
        write(&database, "t.parquet", 0..ROWS);
        match shape[1] {
            "create" => {}
            "upsert" => drop(database.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY)")),
            _ => drop(database.sql("CREATE TABLE T (ID NUMBER)")),
        }
        let words = job(shape);
        for attempt in 0u64.. {
            let mut running = Running::new(database.command(&words).spawn().unwrap());
            // Longer with each attempt, so that it ends also where nothing stays of what was killed.
            thread::sleep(Duration::from_micros(random.below(40_000 + attempt * 30_000)));
            let ended = running.child.try_wait().unwrap();
            if ended.is_none() {
                running.child.kill().unwrap(); // SIGKILL
                kills += 1;
            }
            let outcome = running.wait(TIME_LIMIT);
            if ended.is_some() {
                assert_eq!(outcome.code, 0, "round {round}, seed {seed}: {outcome}");
                break;
            }
            kills_within += i32::from(database.workspace().file("data.db").exists() && database.exists("OLBRIDGE_STATE"));
        }
        assert_once(&database, ROWS);
        // And it knows that it is done.
        database.ok(&words);
        assert_once(&database, ROWS);
    }
    eprintln!("{rounds} jobs, {kills} kills, {kills_within} of them after the claim");
    assert!(kills >= rounds as i32 && kills_within > 0, "the kills came too late to test anything");
}

/// The loopback server behind a proxy that cuts at a commit of Oracle's own client.
#[test]
fn oracles_client_loses_the_answer_to_a_commit_and_the_mark_tells() {
    for (commit_rows, cuts) in [("1000000", 2), ("400", 4)] {
        for cut in [Cut::Commit, Cut::Answer] {
            for at in 1..=cuts {
                let Some(mut server) = Loopback::start("jobs::oracles_client") else { return };
                server.sql("CREATE TABLE T (ID NUMBER)");
                server.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..1000))])]);
                let words = |target: String| {
                    ["copy", "t.parquet", "TARGET", "--job", "j", "--commit-rows", commit_rows, "--quiet"]
                        .map(|word| if word == "TARGET" { target.clone() } else { word.to_owned() })
                };
                let through = |port: u16| format!("oracle://scott@127.0.0.1:{port}/svc/SCOTT.T");
                let cutting = words(through(cutter::start(server.port(), cut, at)));
                let outcome = server.run(&cutting.each_ref().map(String::as_str));
                let done = at == cuts && cut == Cut::Answer;
                assert_eq!(outcome.code, if done { 0 } else { 7 }, "{cut:?} at {at} of {cuts}: {outcome}");
                assert!(done || outcome.stderr.contains("ORA-03113") || outcome.stderr.contains("ORA-03135"), "{outcome}");
                let again = words(through(server.port()));
                server.ok(&again.each_ref().map(String::as_str));
                let mut found: Vec<i64> = server.rows("T").iter().map(|row| row[0].as_str().unwrap().parse().unwrap()).collect();
                found.sort_unstable();
                assert_eq!(found, (0..1000).collect::<Vec<i64>>(), "{cut:?} at {at} of {cuts}");
            }
        }
    }
}

#[test]
fn what_removes_rows_has_to_be_asked_for() {
    let database = with_rows(10);
    database.ok(&["copy", "t.parquet", TARGET, "--quiet"]);
    for mode in ["truncate", "overwrite"] {
        let words = ["copy", "t.parquet", TARGET, "--quiet", "--mode", mode];
        database.run(&words).fails(2, &["removes all rows of T", "nothing was done", "--allow-destructive"]);
        assert_eq!(database.count("T"), 10);
        assert!(database.ok(&[&words[..], &["--dry-run"]].concat()).contains("refused  without --allow-destructive"));
        database.ok(&[&words[..], &["--allow-destructive"]].concat());
        assert_once(&database, 10);
    }
    // Where there is nothing to remove, nothing has to be said.
    database.ok(&["copy", "t.parquet", "embedded:data.db/NEW", "--quiet", "--mode", "overwrite"]);
}

#[test]
fn statements_around_the_rows_are_in_their_transaction() {
    let database = with_rows(10);
    database.sql("CREATE TABLE LOG (WHAT VARCHAR2(20))");
    let around = |more: &[&str]| {
        let words = ["copy", "t.parquet", TARGET, "--pre-sql", "INSERT INTO LOG VALUES ('before')", "--post-sql"];
        database.run(&[&words[..], more].concat())
    };
    let logged = || database.count("LOG");
    assert_eq!(around(&["INSERT INTO LOG SELECT 'after ' || COUNT(*) FROM T"]).code, 0);
    assert_eq!(database.rows("SELECT WHAT FROM LOG ORDER BY WHAT DESC"), [[Some("before".to_owned())], [Some("after 10".to_owned())]]);
    // A statement that fails takes the rows with it, and the rows take it with them.
    around(&["INSERT INTO MISSING VALUES (1)"]).fails(7, &["ORA-00942"]);
    assert_eq!((database.count("T"), logged()), (10, 2));
    around(&["DROP TABLE LOG"]).fails(2, &["--post-sql DROP", "olbridge sql"]);
    let late = around(&["DELETE FROM LOG", "--pre-sql", "CREATE TABLE X (A NUMBER)"]);
    late.fails(2, &["--pre-sql CREATE", "first"]);
    assert!(!database.exists("X"));
    let plan = database.ok(&["copy", "t.parquet", TARGET, "--pre-sql", "create table X (A number)", "--dry-run"]);
    assert!(plan.contains("create table X (A number) (commits by itself)"), "{plan}");
    database.ok(&["copy", "t.parquet", TARGET, "--pre-sql", "create table X (A number)", "--post-sql", "insert into X values (1)"]);
    assert_eq!((database.count("T"), database.count("X")), (20, 1));
}
