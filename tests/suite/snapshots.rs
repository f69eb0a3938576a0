//! One moment for a whole export, by several readers, whatever others write meanwhile.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use olbridge::arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch};
use olbridge::arrow::datatypes::Int64Type;
use olbridge::parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use crate::export_faults::{filled, stalled};
use crate::exports::read;
use crate::support::csv;
use crate::support::database::Database;
use crate::support::tables::{ids, table};
use crate::support::{Running, TIME_LIMIT};

/// Enough for more than a dozen slices.
const ROWS: i64 = 70_000;

/// Rows `ID` 0 to `rows` with `V` 0.
fn numbered(rows: i64) -> Database {
    let database = Database::embedded();
    let zeros: ArrayRef = Arc::new(Int32Array::from(vec![0; rows as usize]));
    database.workspace().parquet("in.parquet", &[table(vec![("id", ids(0..rows)), ("v", zeros)])]);
    database.ok(&["copy", "in.parquet", "embedded:data.db/T", "--mode", "create"]);
    database
}

fn export(database: &Database, more: &[&str]) -> Value {
    let words: Vec<&str> =
        ["copy", "embedded:data.db/T", "o.parquet", "--mode", "overwrite", "--report", "json"].iter().chain(more).copied().collect();
    serde_json::from_str(&database.ok(&words)).unwrap()
}

fn exported(database: &Database) -> RecordBatch {
    read(&database.workspace().file("o.parquet"))
}

fn numbers(batch: &RecordBatch, column: &str) -> Vec<i64> {
    let column = olbridge::arrow::compute::cast(batch.column_by_name(column).unwrap(), &olbridge::arrow::datatypes::DataType::Int64);
    column.unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn scn(database: &Database) -> u64 {
    database.rows("SELECT CURRENT_SCN FROM V$DATABASE")[0][0].as_deref().unwrap().parse().unwrap()
}

fn metadata(database: &Database, key: &str) -> Option<String> {
    let file = fs::File::open(database.workspace().file("o.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let all = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    all.into_iter().find(|entry| entry.key == key).and_then(|entry| entry.value)
}

#[test]
fn parallel_readers_see_one_snapshot_while_others_write() {
    let database = numbered(ROWS);
    database.sql("CREATE UNIQUE INDEX T_ID ON T (ID)");
    let (stop, writes) = (AtomicBool::new(false), AtomicU32::new(0));
    let workspace = database.workspace();
    let write = |statement: &str| drop(workspace.sql("embedded:data.db", statement));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let marked = (0..ROWS / 5000).map(|mark| (mark * 5000 + 7).to_string()).collect::<Vec<_>>().join(", ");
            let mut next = ROWS;
            while !stop.load(Ordering::Relaxed) {
                // Rows of every slice get the same value in one transaction.
                write(&format!("UPDATE T SET V = V + 1 WHERE ID IN ({marked})"));
                write(&format!("DELETE FROM T WHERE ID = {}", (next - ROWS) * 7919 % 5000 * 13 + 11));
                write(&format!("INSERT INTO T VALUES ({next}, 0)"));
                next += 1;
                writes.fetch_add(3, Ordering::Relaxed);
            }
        });
        // Also when an assertion fails.
        let _stop = Stop(&stop);
        for round in 0..2 {
            let order: &[&str] = if round % 2 == 0 { &["--ordered"] } else { &[] };
            let before = writes.load(Ordering::Relaxed);
            let report = export(&database, &[&["--parallel", "3"], order].concat());
            assert_eq!(report["readers"]["sessions"].as_u64(), Some(3), "{report}");
            assert!(report["readers"]["slices"].as_u64().unwrap() > 12, "{report}");
            let scn = report["snapshot"]["scn"].as_u64().unwrap();
            // Each of them is a commit of its own.
            assert!(writes.load(Ordering::Relaxed) > before, "nothing was written while the table was read");
            let (found, marked) = (exported(&database), "SELECT MIN(V) FROM T AS OF SCN");
            let (found_ids, v) = (numbers(&found, "ID"), numbers(&found, "V"));
            let marks: Vec<i64> = found_ids.iter().zip(&v).filter(|(id, _)| **id < ROWS && *id % 5000 == 7).map(|(_, v)| *v).collect();
            assert_eq!(marks.len(), ROWS as usize / 5000);
            assert!(marks.iter().all(|mark| *mark == marks[0]), "{marks:?}");
            let then = database.rows(&format!("{marked} {scn} WHERE MOD(ID, 5000) = 7 AND ID < {ROWS}"));
            assert_eq!(then[0][0].as_deref(), Some(marks[0].to_string().as_str()));
            let then = database.rows(&format!("SELECT COUNT(*), SUM(ID), SUM(V) FROM T AS OF SCN {scn}"));
            let sums = [found_ids.len() as i64, found_ids.iter().sum(), v.iter().sum()].map(|sum| Some(sum.to_string()));
            assert_eq!(then[0], sums);
            assert_eq!(metadata(&database, "olbridge.scn"), Some(scn.to_string()));
        }
        assert!(writes.load(Ordering::Relaxed) > 3, "nothing was written meanwhile");
    });
}

/// Commits are certain to fall between slices: the export stands still, because nobody takes its rows, while each slice's rows are changed.
#[test]
fn what_is_committed_between_two_slices_is_not_read() {
    for order in [&["--ordered"][..], &[]] {
        let database = filled();
        let words = [&["copy", "embedded:data.db/T", "-", "--format", "csv", "--parallel", "3", "--batch-rows", "500"], order].concat();
        let plan = database.ok(&[&words[..], &["--dry-run"]].concat());
        assert!(plan.contains("3 readers"), "{plan}");
        let expected = database.rows("SELECT ID, V FROM T ORDER BY ID");
        let (text, outcome) = stalled(&database, &words, || {
            for statement in [
                "UPDATE T SET V = 'changed' WHERE MOD(ID, 200) = 0",
                "DELETE FROM T WHERE MOD(ID, 200) = 1",
                "INSERT INTO T SELECT 100000 + LEVEL, 'new' FROM DUAL CONNECT BY LEVEL <= 500",
            ] {
                database.sql(statement);
            }
        });
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let mut found = csv::parse(&text).split_off(1);
        if order.is_empty() {
            found.sort_by_key(|row| row[0].as_deref().unwrap().parse::<i64>().unwrap());
        }
        assert_eq!(found.len(), expected.len());
        assert!(found == expected, "rows of another moment, or out of order");
        assert_eq!(database.rows("SELECT COUNT(*) FROM T WHERE V = 'changed'")[0][0].as_deref(), Some("200"));
    }
}

/// Ends the writer.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn slices_come_in_order_when_asked_and_are_all_there() {
    let database = numbered(ROWS);
    export(&database, &["--parallel", "4", "--ordered", "--where", "MOD(ID, 2) = 0 -- half"]);
    let expected: Vec<i64> = (0..ROWS).filter(|id| id % 2 == 0).collect();
    assert_eq!(numbers(&exported(&database), "ID"), expected);
    export(&database, &["--parallel", "4", "--batch-rows", "1000"]);
    let mut found = numbers(&exported(&database), "ID");
    found.sort_unstable();
    assert_eq!(found, (0..ROWS).collect::<Vec<_>>());
    let plan = database.ok(&["copy", "embedded:data.db/T", "p.parquet", "--parallel", "4", "--dry-run"]);
    for part in ["AS OF SCN", "snapshot SCN", "4 readers, ", " slices by the extents of DBA_EXTENTS, rows as they come"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
}

#[test]
fn without_dba_extents_a_sample_of_blocks_says_where_to_cut() {
    let database = numbered(ROWS);
    // Hides the dictionary's, as a missing privilege does.
    database.sql("CREATE TABLE DBA_EXTENTS (NOTHING NUMBER)");
    let report = export(&database, &["--parallel", "2", "--ordered"]);
    assert_eq!((report["readers"]["cut_by"].as_str(), report["readers"]["slices"].as_u64()), (Some("sample"), Some(16)), "{report}");
    assert_eq!(numbers(&exported(&database), "ID"), (0..ROWS).collect::<Vec<_>>());
}

#[test]
fn an_export_of_the_past_is_what_the_table_was() {
    let database = numbered(10);
    let (then, time) = (scn(&database), "SELECT TO_CHAR(SYSTIMESTAMP, 'YYYY-MM-DD\"T\"HH24:MI:SS.FF6TZH:TZM') FROM DUAL");
    std::thread::sleep(std::time::Duration::from_millis(20));
    let time = database.rows(time)[0][0].clone().unwrap();
    database.sql("UPDATE T SET V = 1 WHERE ID < 5");
    database.sql("DELETE FROM T WHERE ID = 9");
    for moment in [["--as-of-scn", &then.to_string()], ["--as-of-timestamp", &time]] {
        let report = export(&database, &moment);
        assert_eq!(report["snapshot"]["scn"].as_u64(), Some(then), "{moment:?}");
        let mut found = numbers(&exported(&database), "ID");
        found.sort_unstable();
        assert_eq!(found, (0..10).collect::<Vec<_>>());
        assert_eq!(numbers(&exported(&database), "V"), [0; 10]);
    }
    let report = export(&database, &[]);
    assert_eq!((report["rows"].as_u64(), report["snapshot"]["scn"].as_u64()), (Some(9), Some(scn(&database))));
    let run = |more: &[&str]| {
        let words: Vec<&str> = ["copy", "embedded:data.db/T", "p.parquet"].iter().chain(more).copied().collect();
        database.run(&words)
    };
    run(&["--as-of-timestamp", "2026-01-01 10:00:00"]).fails(2, &["the time zone is missing", "+01:00"]);
    run(&["--as-of-timestamp", "2001-01-01T10:00:00Z"]).fails(7, &["ORA-08180"]);
    run(&["--as-of-scn", "99999999"]).fails(7, &["ORA-08181", "not in the future"]);
    run(&["--as-of-scn", &then.to_string(), "--query", "SELECT 1 A FROM DUAL"]).fails(4, &["AS OF SCN n behind each table"]);
    database.sql("TRUNCATE TABLE T");
    run(&["--as-of-scn", &then.to_string()]).fails(7, &["ORA-01466", "altered or truncated"]);
    assert!(!database.workspace().file("p.parquet").exists());
}

#[test]
fn undo_that_is_gone_ends_the_job_with_what_to_do() {
    let database = numbered(10);
    let then = scn(&database).to_string();
    for v in ["1", "2"] {
        let mut update = database.command(&["sql", "embedded:data.db", &format!("UPDATE T SET V = {v}")]);
        update.env("OLBRIDGE_UNDO_RETENTION_S", "0");
        assert!(update.status().unwrap().success());
    }
    let gone = database.run(&["copy", "embedded:data.db/T", "p.parquet", "--as-of-scn", &then, "--parallel", "2"]);
    gone.fails(7, &["ORA-01555", "later SCN"]);
    assert!(!database.workspace().file("p.parquet").exists());
}

#[test]
fn what_cannot_be_read_in_parallel_says_why_and_is_read_by_one() {
    let database = numbered(ROWS);
    database.sql("CREATE VIEW W AS SELECT ID, COUNT(*) N FROM T GROUP BY ID");
    for (words, why) in [
        (&["embedded:data.db/T", "o.parquet", "--query", "SELECT ID FROM T"][..], "a query is not cut into pieces"),
        (&["embedded:data.db/T", "o.parquet", "--limit", "5"], "--limit counts rows"),
        (&["embedded:data.db/W", "o.parquet", "--number", "int64"], "cannot be sampled by ROWID"),
        (&["embedded:data.db/USER_TABLES", "o.parquet", "--number", "int64"], "flashback is not permitted"),
    ] {
        let words: Vec<&str> = ["copy", "--mode", "overwrite", "--parallel", "4"].iter().chain(words).copied().collect();
        let out = database.ok(&words);
        assert!(out.contains("one reader instead of 4") && out.contains(why), "{words:?}: {out}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_all_readers() {
    let database = numbered(ROWS);
    let words = ["copy", "embedded:data.db/T", "p.parquet", "--batch-rows", "1", "--parallel", "3", "--ordered"];
    let running = Running::new(database.command(&words).spawn().unwrap());
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert!(std::process::Command::new("kill").args(["-INT", &running.child.id().to_string()]).status().unwrap().success());
    running.wait(TIME_LIMIT).fails(130, &["interrupted", "p.parquet was not written"]);
    assert!(!database.workspace().file("p.parquet").exists());
}
