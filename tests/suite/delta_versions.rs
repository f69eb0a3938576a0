//! Changes of a table of a database carried out on a Delta table by flashback version queries: updates, insertions and deletions, whatever was changed,
//! and what is said when the database does not keep them.

use serde_json::Value;

use crate::delta_ddl::{carry_out, remedies};
use crate::delta_follow::epochs_are_once;
use crate::delta_incremental::{of_database, of_delta, open};
use crate::support::database::Database;
use crate::support::{Outcome, TIME_LIMIT, finish};

const COPY: [&str; 8] = ["copy", "embedded:data.db/S", "delta:lake/s", "--key", "id", "--job", "out", "--incremental=versions"];

fn database(rows: u32) -> Database {
    let database = Database::embedded();
    database.sql("CREATE TABLE S (ID NUMBER(9), NAME VARCHAR2(40), N NUMBER(9))");
    database.sql(&format!("INSERT INTO S SELECT LEVEL, 'row ' || LEVEL, LEVEL FROM DUAL CONNECT BY LEVEL <= {rows}"));
    database
}

fn run(database: &Database, more: &[&str]) -> Value {
    serde_json::from_str(&database.ok(&[&COPY[..], more, &["--report", "json"]].concat())).unwrap()
}

/// Updated, inserted and deleted rows, and how many rows were read for that.
fn counts(done: &Value) -> [u64; 4] {
    let metrics = &done["change"]["merged"]["metrics"];
    let count = |name: &str| metrics[name].as_u64().unwrap_or_else(|| panic!("{done}"));
    [count("rows_updated"), count("rows_inserted"), count("rows_deleted"), done["rows"].as_u64().unwrap()]
}

#[track_caller]
fn assert_same(database: &Database, condition: &str) {
    let expected = of_database(database, &format!("SELECT ID, NAME, N FROM S WHERE {condition}"));
    assert_eq!(expected, of_delta(&mut open(database, "lake/s")));
}

/// One transaction of several statements.
fn transaction(database: &Database, statements: &[&str]) {
    database.sql(&format!("BEGIN {}; END;", statements.join("; ")));
}

#[test]
fn versions_bring_every_kind_of_change_and_nothing_else() {
    let database = database(300);
    let first = run(&database, &[]);
    assert_eq!((&first["change"]["written"]["created"], &first["rows"]), (&true.into(), &300.into()), "{first}");
    assert!(database.ok(&COPY).contains("nothing done: "), "nothing was committed in between");
    // Right after the epoch: what a row was before is there at the epoch, and at no later SCN.
    database.sql("UPDATE S SET ID = 1001 WHERE ID = 1");
    let done = run(&database, &[]);
    assert_eq!(counts(&done), [0, 1, 1, 2], "{done}");
    assert_eq!(done["followed"]["deleted_rows"], "by_versions", "{done}");
    assert_same(&database, "1 = 1");
    database.sql("UPDATE S SET NAME = 'changed' WHERE ID BETWEEN 2 AND 10");
    database.sql("UPDATE S SET NAME = 'changed again' WHERE ID BETWEEN 9 AND 12");
    database.sql("DELETE FROM S WHERE ID BETWEEN 20 AND 24");
    // Gone and back under the same key, in two transactions and in one; the second row has another ROWID.
    database.sql("DELETE FROM S WHERE ID = 50");
    transaction(&database, &["INSERT INTO S VALUES (400, 'new', 400)", "INSERT INTO S VALUES (50, 'again', 1)"]);
    transaction(&database, &["DELETE FROM S WHERE ID = 51", "INSERT INTO S VALUES (51, 'at once', 1)"]);
    // Two rows that change places, and a row that takes the key of one that goes.
    transaction(&database, &["UPDATE S SET ID = CASE ID WHEN 60 THEN 61 ELSE 60 END WHERE ID IN (60, 61)"]);
    transaction(&database, &["DELETE FROM S WHERE ID = 70", "UPDATE S SET ID = 70 WHERE ID = 71"]);
    // A key that has only been there in between, changed and then deleted; and a row that has only been there in between.
    database.sql("UPDATE S SET ID = 5000 WHERE ID = 80");
    database.sql("DELETE FROM S WHERE ID = 5000");
    database.sql("INSERT INTO S VALUES (6000, 'passing', 0)");
    database.sql("DELETE FROM S WHERE ID = 6000");
    let plan = database.ok(&[&COPY[..], &["--dry-run"]].concat());
    assert!(plan.contains("MINUS\nSELECT ID FROM S AS OF SCN") && plan.contains("VERSIONS_STARTSCN >"), "{plan}");
    let done = run(&database, &[]);
    assert_eq!(done["action"], "merge");
    // Read are, besides what is counted, the deletions of 5000 and 6000, which the table has never had.
    assert_eq!(counts(&done), [11 + 2 + 2 + 1, 1, 5 + 1 + 1, 16 + 1 + 7 + 2], "{done}");
    assert_same(&database, "1 = 1");
    // Only what was changed is written: a row of the Delta table that is another stays so.
    let mut table = open(&database, "lake/s");
    table.update(&[("name".into(), "'own'".into())], Some("id = 100"), &Default::default()).unwrap();
    database.sql("UPDATE S SET N = N + 1 WHERE ID = 101");
    assert_eq!(counts(&run(&database, &[])), [1, 0, 0, 1]);
    assert!(of_delta(&mut open(&database, "lake/s")).iter().any(|row| row[1].as_deref() == Some("own")));
    // Nothing of this table: the epoch goes on, no file does.
    database.sql("CREATE TABLE OTHER (A NUMBER)");
    let before = open(&database, "lake/s").describe().unwrap();
    assert_eq!(counts(&run(&database, &["--parallel", "2"])), [0, 0, 0, 0]);
    let after = open(&database, "lake/s").describe().unwrap();
    assert_eq!((before.files, before.bytes), (after.files, after.bytes));
    epochs_are_once(&database, "out");
    // A key that is NULL names no row: refused while it is there.
    database.sql("INSERT INTO S VALUES (NULL, 'nobody', 0)");
    database.run(&COPY).fails(5, &["column id", "NULL in the key"]);
    // Come and gone, it is nothing that either end has.
    database.sql("DELETE FROM S WHERE ID IS NULL");
    assert_eq!(counts(&run(&database, &[])), [0, 0, 0, 0]);
}

/// Random transactions of random changes: after each run the Delta table is what the condition selects of the source.
#[test]
fn any_changes_are_followed() {
    for seed in 0..4u64 {
        let database = database(60);
        let condition = if seed % 2 == 0 { "1 = 1" } else { "MOD(N, 3) <> 0" };
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        run(&database, &["--where", condition]);
        let mut fresh = 1000;
        for step in 0..16 {
            let mut statements = Vec::new();
            for _ in 0..1 + next(4) {
                let (low, many) = (next(70), next(6));
                let some = format!("ID BETWEEN {low} AND {}", low + many);
                fresh += 100;
                statements.push(match next(7) {
                    0 => format!("INSERT INTO S SELECT {fresh} + LEVEL, 'new', LEVEL FROM DUAL CONNECT BY LEVEL <= {}", many + 1),
                    // Back under a key that may be free.
                    1 => format!(
                        "INSERT INTO S SELECT {low}, 'back {step}', {fresh} FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM S WHERE ID = {low})"
                    ),
                    2 => format!("UPDATE S SET NAME = 'step {step}', N = N + 1 WHERE {some}"),
                    // As they were.
                    3 => format!("UPDATE S SET N = N WHERE {some}"),
                    // Keys that change places, and keys that go to free ones.
                    4 => format!("UPDATE S SET ID = {} - ID WHERE {some}", 2 * low + many),
                    5 => format!("UPDATE S SET ID = ID + {fresh} WHERE {some}"),
                    _ => format!("DELETE FROM S WHERE {some}"),
                });
            }
            transaction(&database, &statements.iter().map(String::as_str).collect::<Vec<_>>());
            if next(3) == 0 {
                run(&database, &["--where", condition]);
                assert_same(&database, condition);
            }
        }
        database.sql("CREATE TABLE OTHER (A NUMBER)");
        run(&database, &["--where", condition]);
        assert_same(&database, condition);
        epochs_are_once(&database, "out");
    }
}

/// Keys of several columns and of texts, also such as a language takes for one.
#[test]
fn keys_of_texts_are_compared_as_bytes_or_refused() {
    let database = Database::embedded();
    database.sql("CREATE TABLE K (CODE VARCHAR2(10), AT DATE, N NUMBER(9))");
    database.sql("INSERT INTO K SELECT CASE MOD(LEVEL, 2) WHEN 0 THEN 'a' ELSE 'A' END, DATE '2026-01-01' + LEVEL, LEVEL FROM DUAL CONNECT BY LEVEL <= 9");
    let words = ["copy", "embedded:data.db/K", "delta:lake/k", "--key", "at,code", "--job", "k", "--incremental=versions"];
    database.ok(&words);
    database.sql("UPDATE K SET CODE = 'a' WHERE CODE = 'A' AND N < 6");
    database.sql("DELETE FROM K WHERE N = 8");
    let done: Value = serde_json::from_str(&database.ok(&[&words[..], &["--report", "json"]].concat())).unwrap();
    assert_eq!(counts(&done), [0, 3, 4, 7], "{done}");
    let expected = of_database(&database, "SELECT CODE, TO_CHAR(AT, 'YYYY-MM-DD') || 'T00:00:00', N FROM K");
    assert_eq!(expected, of_delta(&mut open(&database, "lake/k")));
    // A table that hides the dictionary's says what the engine never does.
    database.sql("UPDATE K SET N = 0");
    database.sql("CREATE TABLE NLS_SESSION_PARAMETERS AS SELECT 'NLS_COMP' PARAMETER, 'LINGUISTIC' VALUE FROM DUAL");
    let outcome = database.run(&words);
    outcome.fails(4, &["column CODE", "by the rules of a language (NLS_COMP)", "--incremental=rowscn --deletes compare"]);
}

fn with(database: &Database, words: &[&str], (name, value): (&str, &str)) -> Outcome {
    let mut command = database.command(words);
    command.env(name, value);
    finish(command, TIME_LIMIT)
}

#[test]
fn versions_that_cannot_be_had_are_refused_with_the_next_command() {
    let database = database(20);
    let load = "lake/s --mode overwrite --allow-destructive --job out";
    let full = ["copy", "embedded:data.db/S", "delta:lake/s", "--mode", "overwrite", "--allow-destructive", "--job", "out"];
    run(&database, &[]);
    let version = |database: &Database| open(database, "lake/s").version();
    let goes_on = |database: &Database, fresh: u32| {
        database.ok(&full);
        database.sql(&format!("INSERT INTO S VALUES ({fresh}, 'fresh', 0)"));
        assert_eq!(counts(&run(database, &[])), [0, 1, 0, 1]);
        assert_same(database, "1 = 1");
    };
    // The undo is gone: known before anything is read, also by --dry-run.
    database.sql("DELETE FROM S WHERE ID = 20");
    let forgetful = ["sql", "embedded:data.db", "UPDATE S SET N = 0 WHERE ID = 2"];
    assert_eq!(with(&database, &forgetful, ("OLBRIDGE_UNDO_RETENTION_S", "0")).code, 0);
    let before = version(&database);
    for words in [&COPY[..], &[&COPY[..], &["--dry-run"]].concat()] {
        database.run(words).fails(7, &["ORA-30052", "are not kept any more", load, "--incremental=rowscn --deletes compare"]);
    }
    assert_eq!(version(&database), before);
    goes_on(&database, 800);
    // It goes while the rows are read.
    database.sql("UPDATE S SET N = N + 1");
    let before = version(&database);
    with(&database, &COPY, ("OLBRIDGE_EMBEDDED_FAULT", "too-old:1")).fails(7, &["ORA-01555", "are not kept any more", load]);
    // And while deletions are, which come last.
    with(&database, &COPY, ("OLBRIDGE_EMBEDDED_FAULT", "too-old:2")).fails(7, &["ORA-01555", "are not kept any more", load]);
    assert_eq!(version(&database), before, "nothing is committed");
    run(&database, &[]);
    // The other way needs no undo of before.
    database.sql("DELETE FROM S WHERE ID = 3");
    assert_eq!(with(&database, &forgetful, ("OLBRIDGE_UNDO_RETENTION_S", "0")).code, 0);
    database.ok(&[&COPY[..7], &["--incremental=rowscn", "--deletes", "compare"]].concat());
    assert_same(&database, "1 = 1");
    // Altered, and emptied.
    for (at, ddl) in ["ALTER TABLE S MODIFY (NAME VARCHAR2(50))", "TRUNCATE TABLE S"].into_iter().enumerate() {
        database.sql(ddl);
        database.sql(&format!("INSERT INTO S VALUES (90{at}, 'after', 0)"));
        database.run(&COPY).fails(7, &["ORA-01466", "altered, truncated or made anew", load]);
        goes_on(&database, 801 + at as u32);
    }
    // A privilege that is missing is named.
    database.sql("UPDATE S SET N = N + 1");
    let outcome = with(&database, &COPY, ("OLBRIDGE_EMBEDDED_FAULT", "no-flashback:1"));
    outcome.fails(7, &["ORA-01031", "not its former versions", "GRANT FLASHBACK ON S"]);
    // A view has no versions.
    database.sql("CREATE VIEW W AS SELECT * FROM S");
    let of_view = ["copy", "embedded:data.db/W", "delta:lake/w", "--key", "id", "--job", "w", "--incremental=versions"];
    database.run(&of_view).fails(4, &["/W: a view has no versions", "--incremental=watermark --watermark COLUMN"]);
    assert!(!open(&database, "lake/w").exists());
    // What goes without saying.
    database.run(&[&COPY[..], &["--deletes", "compare"]].concat()).fails(2, &["say themselves which are deleted"]);
    database
        .run(&["copy", "delta:lake/s", "embedded:data.db/S", "--key", "id", "--job", "j", "--incremental=versions"])
        .fails(2, &["says itself"]);
}

/// Rows of a direct-path insert have no undo, and so no version that says when they came: their ORA_ROWSCN does.
#[test]
fn rows_without_a_version_are_found_by_their_rowscn() {
    let database = database(20).with_environment(vec![("OLBRIDGE_EMBEDDED_DIRECT_PATH".into(), "1".into())]);
    run(&database, &[]);
    database.sql("INSERT INTO S SELECT 100 + LEVEL, 'direct', LEVEL FROM DUAL CONNECT BY LEVEL <= 7");
    let began = "SELECT COUNT(*) FROM S VERSIONS BETWEEN SCN MINVALUE AND MAXVALUE WHERE ID > 100 AND VERSIONS_STARTSCN IS NOT NULL";
    assert_eq!(database.rows(began)[0][0].as_deref(), Some("0"), "as it is after a direct-path insert");
    let done = run(&database, &[]);
    assert_eq!(counts(&done), [0, 7, 0, 7], "{done}");
    assert_same(&database, "1 = 1");
    database.sql("UPDATE S SET NAME = 'x' WHERE ID = 103");
    database.sql("DELETE FROM S WHERE ID = 104");
    assert_eq!(counts(&run(&database, &[])), [1, 0, 1, 2]);
    assert_same(&database, "1 = 1");
}

/// A key that was there in between, and that the Delta table's type does not hold.
#[test]
fn a_former_key_that_does_not_convert_is_named_as_one() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (AT TIMESTAMP(9), N NUMBER(9))");
    database.sql(
        "INSERT INTO T SELECT TIMESTAMP '2026-01-01 00:00:00' + NUMTODSINTERVAL(LEVEL, 'SECOND'), LEVEL FROM DUAL CONNECT BY LEVEL <= 5",
    );
    let words = ["copy", "embedded:data.db/T", "delta:lake/t", "--key", "at", "--job", "t", "--incremental=versions"];
    database.ok(&words);
    let at = "TIMESTAMP '2026-01-01 00:00:01.000000777'";
    database.sql(&format!("INSERT INTO T VALUES ({at}, 6)"));
    // While it is there it is a row as any other.
    let there = database.run(&words);
    there.fails(5, &["AT"]);
    assert!(!there.stderr.contains("has been deleted or changed since"), "{there}");
    database.sql(&format!("DELETE FROM T WHERE AT = {at}"));
    database.sql("DELETE FROM T WHERE N = 2");
    let before = open(&database, "lake/t").version();
    let outcome = database.run(&words);
    outcome.fails(5, &["AT", "it is the key of a row that has been deleted or changed since", "--incremental=rowscn --deletes compare"]);
    assert_eq!(open(&database, "lake/t").version(), before);
    carry_out(&database, &remedies(&outcome)[0]);
    assert_eq!(of_delta(&mut open(&database, "lake/t")).len(), 4);
    database.sql("DELETE FROM T WHERE N = 3");
    database.ok(&words);
    assert_eq!(of_delta(&mut open(&database, "lake/t")).len(), 3);
}
