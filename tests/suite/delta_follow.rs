//! Changes of a table of a database carried out on a Delta table: since an SCN, or since a value of a column.

use serde_json::Value;

use crate::delta_incremental::{of_database, of_delta, open};
use crate::support::database::Database;

const COLUMNS: &str = "ID NUMBER(19), NAME VARCHAR2(40), BIG NUMBER(38,2), AT TIMESTAMP(6)";

fn database() -> Database {
    let database = Database::embedded();
    database.sql(&format!("CREATE TABLE S ({COLUMNS})"));
    database.sql(
        "INSERT INTO S SELECT LEVEL, 'row ' || LEVEL, LEVEL + 10000000000000000000000000000000000.01, \
         TIMESTAMP '2026-01-01 10:00:00.5' + NUMTODSINTERVAL(LEVEL, 'SECOND') FROM DUAL CONNECT BY LEVEL <= 300",
    );
    database
}

fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["copy", "embedded:data.db/S", "delta:lake/s", "--key", "id", "--job", "out"], more].concat()
}

fn run(database: &Database, more: &[&str]) -> Value {
    serde_json::from_str(&database.ok(&[&words(more)[..], &["--report", "json"]].concat())).unwrap()
}

#[track_caller]
fn assert_same(database: &Database) {
    // `AT` as Arrow writes it.
    let query = "SELECT ID, NAME, TO_CHAR(BIG, 'FM99999999999999999999999999999999999990.00'), NVL2(AT, TO_CHAR(AT, 'YYYY-MM-DD') || 'T' || TO_CHAR(AT, 'HH24:MI:SS.FF6'), NULL) FROM S";
    let mut delta = of_delta(&mut open(database, "lake/s"));
    for row in &mut delta {
        if let Some(at) = &mut row[3]
            && !at.contains('.')
        {
            at.push('.');
        }
        row[3] = row[3].as_ref().map(|at| format!("{at:0<26}"));
    }
    assert_eq!(of_database(database, query), delta);
}

fn metrics(done: &Value) -> [u64; 3] {
    let metrics = &done["change"]["merged"]["metrics"];
    ["rows_updated", "rows_inserted", "rows_deleted"].map(|name| metrics[name].as_u64().unwrap_or_else(|| panic!("{done}")))
}

#[test]
fn rows_that_have_changed_since_the_last_epoch_are_merged() {
    let database = database();
    let rowscn = ["--incremental=rowscn", "--deletes", "compare"];
    let first = run(&database, &rowscn);
    assert_eq!((&first["change"]["written"]["created"], &first["rows"]), (&true.into(), &300.into()), "{first}");
    assert_same(&database);
    assert!(database.ok(&words(&rowscn)).contains("nothing done: "), "nothing was committed in between, so the SCN is the epoch");
    database.sql("UPDATE S SET NAME = 'changed' WHERE ID <= 10");
    database.sql("INSERT INTO S VALUES (1000, NULL, NULL, NULL)");
    database.sql("DELETE FROM S WHERE ID BETWEEN 20 AND 24");
    // One that goes and comes back under its key, and a key that changes.
    database.sql("DELETE FROM S WHERE ID = 50");
    database.sql("INSERT INTO S VALUES (50, 'again', 1, NULL)");
    database.sql("UPDATE S SET ID = 2000 WHERE ID = 60");
    let done = run(&database, &rowscn);
    assert_eq!(metrics(&done), [11, 2, 6], "{done}");
    assert_eq!(done["rows"], 10 + 1 + 1 + 1 + 6, "changed rows and deleted keys, no others: {done}");
    assert_same(&database);
    // A commit that changes nothing of the table: the epoch goes on, no file does.
    database.sql("CREATE TABLE OTHER (A NUMBER)");
    database.sql("INSERT INTO OTHER VALUES (1)");
    let before = open(&database, "lake/s").describe().unwrap();
    let done = run(&database, &rowscn);
    assert_eq!((metrics(&done), &done["rows"]), ([0, 0, 0], &0.into()), "{done}");
    let after = open(&database, "lake/s").describe().unwrap();
    assert_eq!((before.files, before.bytes), (after.files, after.bytes));
    assert!(!database.ok(&words(&rowscn)).contains("warning"), "the moment has been compared");
    // Without the comparison, what is deleted stays.
    database.sql("DELETE FROM S WHERE ID = 1");
    run(&database, &["--incremental=rowscn"]);
    let late = database.ok(&words(&rowscn));
    assert!(late.contains("nothing done") && late.contains("--deletes compare has compared nothing"), "{late}");
    assert_eq!(of_delta(&mut open(&database, "lake/s")).len() as u64, database.count("S") + 1);
    database.sql("INSERT INTO OTHER VALUES (2)");
    run(&database, &rowscn);
    assert_same(&database);
    epochs_are_once(&database, "out");
}

/// Each commit of the job has an epoch of its own, and a later one than the commit before.
#[track_caller]
pub fn epochs_are_once(database: &Database, job: &str) -> usize {
    let table = open(database, "lake/s");
    let history = table.history(None).unwrap();
    let of_job = history.iter().filter(|entry| entry.info.get("olbridge.job").and_then(Value::as_str) == Some(job));
    let scns: Vec<u64> = of_job.map(|entry| entry.info["olbridge.scn"].as_u64().unwrap()).collect();
    assert!(scns.is_sorted_by(|newer, older| newer > older), "{scns:?}");
    assert_eq!(table.epoch(&format!("olbridge/{job}")).unwrap().map(|epoch| epoch as u64), scns.first().copied());
    scns.len()
}

#[test]
fn a_watermark_column_is_followed_with_an_overlap_and_ties_are_not_lost() {
    let database = database();
    let of = |overlap: &'static str| ["--incremental=watermark", "--watermark", "AT", "--overlap", overlap];
    let first = run(&database, &of("10s"));
    assert_eq!(first["followed"]["watermark"][1], "2026-01-01 10:05:00.500000", "{first}");
    assert_same(&database);
    // The same time as the last row, a little earlier (a transaction that has committed late), no time, and later.
    database.sql("INSERT INTO S VALUES (401, 'tie', 1, TIMESTAMP '2026-01-01 10:05:00.5')");
    database.sql("INSERT INTO S VALUES (402, 'late', 1, TIMESTAMP '2026-01-01 10:04:55')");
    database.sql("INSERT INTO S VALUES (403, 'none', 1, NULL)");
    database.sql("INSERT INTO S VALUES (404, 'next', 1, TIMESTAMP '2026-01-01 10:06:00')");
    database.sql("UPDATE S SET NAME = 'touched', AT = TIMESTAMP '2026-01-01 10:07:00' WHERE ID = 7");
    let done = run(&database, &of("10s"));
    // Rows of the overlap are read again, and left alone where they are as they were.
    assert_eq!(metrics(&done), [1, 4, 0], "{done}");
    assert!(done["rows"].as_u64().unwrap() >= 5 + 10, "{done}");
    assert_same(&database);
    // Earlier than the overlap reaches: not found, which is what the option is for.
    database.sql("INSERT INTO S VALUES (405, 'too late', 1, TIMESTAMP '2026-01-01 10:06:30')");
    assert_eq!(metrics(&run(&database, &of("10s"))), [0, 0, 0]);
    // Another moment: the epoch of one that is done is not done again.
    database.sql("CREATE TABLE OTHER (A NUMBER)");
    database.sql("INSERT INTO OTHER VALUES (1)");
    assert_eq!(metrics(&run(&database, &of("1m"))), [0, 1, 0]);
    assert_same(&database);
    // A sequence: numbers, and keys that a float does not hold.
    let by_id = ["--incremental=watermark", "--watermark", "ID", "--job", "by-id", "--overlap", "0"];
    let copy = ["copy", "embedded:data.db/S", "delta:lake/n", "--key", "big"];
    database.sql("UPDATE S SET BIG = ID + 10000000000000000000000000000000000.01 WHERE BIG = 1");
    database.ok(&[&copy[..], &by_id].concat());
    database.sql("INSERT INTO S VALUES (500, 'seq', 10000000000000000000000000000000500.01, NULL)");
    let done: Value = serde_json::from_str(&database.ok(&[&copy[..], &by_id, &["--report", "json"]].concat())).unwrap();
    assert_eq!((metrics(&done), &done["rows"]), ([0, 1, 0], &2.into()), "{done}");
    assert_eq!(of_delta(&mut open(&database, "lake/n")).len() as u64, database.count("S"));
    // After a full load there is no watermark in the commit: the rows have it.
    database.ok(&["copy", "embedded:data.db/S", "delta:lake/s", "--mode", "overwrite", "--allow-destructive", "--job", "out"]);
    database.sql("INSERT INTO S VALUES (600, 'after', 1, TIMESTAMP '2026-01-01 10:08:00')");
    let done = run(&database, &of("0"));
    assert_eq!(metrics(&done), [0, 1, 0], "{done}");
    assert!(done["followed"]["how"].as_str().unwrap().contains("10:07:00"), "{done}");
    assert_same(&database);
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let database = database();
    let rowscn = words(&["--incremental=rowscn"]);
    database.ok(&["copy", "embedded:data.db/S", "delta:lake/s", "--mode", "create"]);
    let refused = database.run(&rowscn);
    refused.fails(4, &["job out has not loaded it yet, and it has rows", "--mode overwrite --allow-destructive --job out"]);
    database.ok(&["copy", "embedded:data.db/S", "delta:lake/s", "--mode", "overwrite", "--allow-destructive", "--job", "out"]);
    database.sql("DELETE FROM S WHERE ID = 3");
    database.ok(&[&rowscn[..], &["--deletes", "compare"]].concat());
    assert_same(&database);
    // Rows that a narrower job had left out have not changed since: a wider one would never bring them.
    database
        .run(&[&rowscn[..], &["--where", "id > 0"]].concat())
        .fails(4, &["other work under this name", "--mode overwrite --allow-destructive"]);
    let without = |word: &str| -> Vec<&str> {
        let at = rowscn.iter().position(|known| *known == word).unwrap();
        [&rowscn[..at], &rowscn[at + 2..]].concat()
    };
    database.run(&without("--job")).fails(2, &["job has no name"]);
    database.run(&without("--key")).fails(2, &["--key"]);
    database.run(&words(&["--incremental"])).fails(2, &["does not say what has changed", "--incremental=rowscn"]);
    database.run(&words(&["--incremental=watermark"])).fails(2, &["--watermark"]);
    database.run(&words(&["--incremental=watermark", "--watermark", "NAME"])).fails(4, &["VARCHAR2(40)"]);
    database.run(&words(&["--incremental=watermark", "--watermark", "NONE"])).fails(4, &["no such column"]);
    database.run(&words(&["--deletes", "compare", "--mode", "upsert"])).fails(2, &["--incremental"]);
    database.run(&[&rowscn[..], &["--query", "select * from s"]].concat()).fails(2, &["reads a table"]);
    database
        .run(&["copy", "delta:lake/s", "embedded:data.db/S", "--key", "id", "--job", "j", "--incremental=rowscn"])
        .fails(2, &["says itself"]);
    // A database whose SCNs are behind the table's: another one, or one that was restored. Here: a Delta table that is ahead.
    let other = Database::embedded();
    other.sql(&format!("CREATE TABLE S ({COLUMNS})"));
    let target = format!("delta:{}", database.workspace().file("lake/s").display());
    for _ in 0..40 {
        database.sql("INSERT INTO S VALUES (NULL, 'scn', NULL, NULL)");
    }
    database.sql("DELETE FROM S WHERE ID IS NULL");
    database.ok(&rowscn);
    other
        .run(&["copy", "embedded:data.db/S", &target, "--key", "id", "--job", "out", "--incremental=rowscn"])
        .fails(4, &["another one, or restored"]);
}

/// Of a watermark changed rows alone are read: a second row of a key that has not changed is looked for, also where a view has no ROWIDs.
#[test]
fn an_unchanged_twin_of_a_changed_row_is_refused() {
    let database = database();
    database.sql("CREATE VIEW V AS SELECT * FROM S");
    for source in ["S", "V"] {
        let (from, to) = (format!("embedded:data.db/{source}"), format!("delta:lake/{source}"));
        let words =
            ["copy", &from, &to, "--key", "id", "--job", "out", "--incremental=watermark", "--watermark", "AT", "--where", "id < 5000"];
        database.ok(&words);
        let before = open(&database, &to[6..]).version();
        // The row itself has not changed; another one gets its key.
        database.sql("INSERT INTO S VALUES (9, 'twin', 1, TIMESTAMP '2027-01-01 00:00:00')");
        for more in [&[][..], &["--dry-run"]] {
            let outcome = database.run(&[&words[..], more].concat());
            outcome.fails(4, &["column id", "not unique in the source: 9 names two rows", "--mode overwrite", "--where 'id < 5000'"]);
        }
        assert_eq!(open(&database, &to[6..]).version(), before);
        // Both in the rows that are read; and one that the job does not have.
        database.sql("UPDATE S SET ID = 9000 WHERE NAME = 'twin'");
        database.sql("UPDATE S SET AT = TIMESTAMP '2027-01-01 00:00:01' WHERE ID = 10");
        database.sql("INSERT INTO S VALUES (9000, 'other twin', 1, TIMESTAMP '2027-01-01 00:00:01')");
        database.ok(&words);
        database.sql("DELETE FROM S WHERE ID = 9000");
        let expected = of_database(&database, "SELECT ID, NAME, BIG, TO_CHAR(AT, 'YYYY') FROM S");
        let year =
            |row: Vec<Option<String>>| row[..3].iter().cloned().chain([row[3].as_deref().map(|at| at[..4].to_owned())]).collect::<Vec<_>>();
        let of_delta: Vec<_> = of_delta(&mut open(&database, &to[6..])).into_iter().map(year).collect();
        assert_eq!(of_delta.len(), expected.len());
        let info = &open(&database, &to[6..]).history(Some(1)).unwrap()[0].info;
        assert_eq!(info["olbridge.key"], Value::from(vec!["id"]), "each run has looked");
    }
}

/// Rows that others have put into the Delta table say nothing of what the job has brought.
#[test]
fn a_watermark_is_not_taken_from_rows_of_others() {
    let database = database();
    let full = ["copy", "embedded:data.db/S", "delta:lake/s", "--mode", "overwrite", "--allow-destructive", "--job", "out"];
    let watermark = ["--incremental=watermark", "--watermark", "AT", "--overlap", "0"];
    database.ok(&full);
    database.sql("INSERT INTO S VALUES (701, 'mine', 1, TIMESTAMP '2026-01-01 11:00:00')");
    // Somebody else's row of much later.
    database.sql("CREATE TABLE FOREIGN_ROWS AS SELECT * FROM S WHERE ID = 1");
    database.sql("UPDATE FOREIGN_ROWS SET ID = 9999, AT = TIMESTAMP '2030-01-01 00:00:00'");
    let theirs = ["copy", "embedded:data.db/FOREIGN_ROWS", "delta:lake/s", "--mode", "append"];
    database.ok(&theirs);
    let done = run(&database, &watermark);
    assert_eq!(metrics(&done), [0, 1, 0], "{done}");
    assert!(done["followed"]["how"].as_str().unwrap().contains("10:05:00"), "of the load: {done}");
    // Changes by another way say no watermark: all rows are read once.
    run(&database, &["--incremental=rowscn"]);
    database.sql("INSERT INTO S VALUES (702, 'mine', 1, TIMESTAMP '2026-01-01 12:00:00')");
    run(&database, &["--incremental=rowscn"]);
    database.sql("INSERT INTO S VALUES (703, 'late', 1, TIMESTAMP '2026-01-01 10:00:01')");
    let done = run(&database, &watermark);
    assert_eq!((metrics(&done), &done["rows"]), ([0, 1, 0], &database.count("S").into()), "{done}");
    database.sql("INSERT INTO S VALUES (704, 'mine', 1, TIMESTAMP '2026-01-01 13:00:00')");
    assert_eq!(metrics(&run(&database, &watermark)), [0, 1, 0]);
    assert_eq!(of_delta(&mut open(&database, "lake/s")).len() as u64, database.count("S") + 1);
}
