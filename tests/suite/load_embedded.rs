//! Loads into the embedded engine, and what only an engine in a file of one's own can show: kill -9, Ctrl-C, several processes.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::database::Database;
use crate::support::tables::{ids, table};
use crate::support::{Running, TIME_LIMIT};

crate::loads::load_suite!(|_test: &str| Some(Database::embedded()));

/// A database with table T (ID NUMBER) and a file of `rows` rows.
fn with_rows(rows: i64) -> Database {
    let database = Database::embedded();
    database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..rows))])]);
    database.sql("CREATE TABLE T (ID NUMBER)");
    database
}

#[test]
fn the_example_of_the_readme_arrives() {
    let database = Database::embedded();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/orders.parquet");
    database.ok(&["copy", file, "embedded:data.db/ORDERS", "--mode", "create"]);
    let mut batch = crate::make_orders::orders().unwrap();
    batch = batch.project(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap();
    let rows = database.rows("SELECT * FROM ORDERS ORDER BY ORDER_ID");
    assert_eq!(rows.len(), crate::make_orders::ROWS);
    for (row, found) in rows.iter().enumerate() {
        for (column, text) in batch.columns().iter().zip(found) {
            let text = text.as_deref().map(|t| crate::support::tables::canonical(column.data_type(), t));
            assert_eq!(text, crate::support::tables::expected(column.as_ref(), row), "row {row}");
        }
    }
}

#[test]
fn killed_in_the_middle_the_table_is_empty_or_complete() {
    const ROWS: i64 = 300_000;
    let mut seen_empty = false;
    for delay_ms in [30, 80, 200, 400] {
        let database = with_rows(ROWS);
        let child = database.command(&["copy", "t.parquet", "embedded:data.db/T", "--quiet", "--batch-rows", "500"]).spawn().unwrap();
        let mut running = Running::new(child);
        thread::sleep(Duration::from_millis(delay_ms));
        running.child.kill().unwrap(); // SIGKILL
        running.wait(TIME_LIMIT);
        let rows = database.count("T");
        assert!(rows == 0 || rows == ROWS as u64, "{rows} rows after kill -9 at {delay_ms} ms");
        seen_empty |= rows == 0;
        database.ok(&["copy", "t.parquet", "embedded:data.db/T", "--mode", "overwrite", "--allow-destructive"]);
        assert_eq!(database.count("T"), ROWS as u64);
    }
    assert!(seen_empty, "every kill came too late to test anything");
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_sigterm_roll_back_and_say_so() {
    for (signal, times) in [("INT", 1), ("TERM", 1), ("INT", 3)] {
        let database = with_rows(2_000_000);
        let child = database
            .command(&["copy", "t.parquet", "embedded:data.db/T", "--mode", "truncate", "--allow-destructive", "--batch-rows", "1000"])
            .spawn()
            .unwrap();
        let running = Running::new(child);
        // Written when the handler is there; rows are on their way soon after.
        running.wait_for_stderr("TRUNCATE");
        thread::sleep(Duration::from_millis(200));
        for _ in 0..times {
            let sent = std::process::Command::new("kill").args([format!("-{signal}"), running.child.id().to_string()]).status().unwrap();
            assert!(sent.success(), "it had ended before the signal");
        }
        running.wait(TIME_LIMIT).fails(130, &["interrupted", "rolled back"]);
        assert_eq!(database.count("T"), 0, "SIG{signal} × {times}");
    }
}

#[test]
fn two_processes_load_one_file_one_after_the_other() {
    let database = with_rows(20_000);
    let start = || Running::new(database.command(&["copy", "t.parquet", "embedded:data.db/T"]).spawn().unwrap());
    let (first, second) = (start(), start());
    for running in [first, second] {
        let outcome = running.wait(TIME_LIMIT);
        assert_eq!(outcome.code, 0, "{outcome}");
    }
    assert_eq!(database.count("T"), 40_000);
}

#[test]
fn null_takes_everything_and_keeps_nothing() {
    let database = Database::embedded();
    database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..10_000))])]);
    let out = database.ok(&["copy", "t.parquet", "embedded:null/T", "--mode", "create"]);
    assert!(out.contains("10,000 rows"), "{out}");
}

#[test]
fn a_database_in_a_folder_that_is_missing_is_a_connect_error() {
    let database = with_rows(1);
    database.run(&["copy", "t.parquet", "embedded:no/such/folder/x.db/T"]).fails(3, &["no/such/folder/x.db", "try:"]);
}

#[cfg(unix)]
#[test]
fn a_commit_that_the_database_refuses_leaves_nothing_behind() {
    let database = Database::embedded();
    database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..100_000))])]);
    database.sql("CREATE TABLE OTHER (ID NUMBER)");
    // Files stay small: the rows fit into the engine's cache, the commit does not fit into the file.
    let script = "trap '' XFSZ; ulimit -f 512; exec \"$0\" copy t.parquet embedded:data.db/T --mode create";
    let mut limited = Command::new("sh");
    limited.args(["-c", script, env!("CARGO_BIN_EXE_olbridge")]).current_dir(database.workspace().path());
    limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = crate::support::finish(limited, TIME_LIMIT);
    outcome.fails(7, &["commit", "try:"]);
    assert!(!outcome.stderr.contains("answer to the commit was lost"), "{outcome}");
    assert!(!database.exists("T"), "{outcome}");
}
