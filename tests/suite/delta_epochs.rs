//! What changes of a database do not go on from: keys that name no row, a Delta table that is no longer what the job has made, epochs that have left
//! something behind, conditions that look beyond the row. Refused, with a remedy that works.

use olbridge_delta::table::{At, Batches, CommitOptions, WriteMode, WriteOptions};
use serde_json::Value;

use crate::delta_incremental::{of_database, of_delta, open};
use crate::support::database::Database;

const COPY: [&str; 7] = ["copy", "embedded:data.db/S", "delta:lake/s", "--key", "id", "--job", "out"];
const VERSIONS: &str = "--incremental=versions";
const FULL: [&str; 8] = ["copy", "embedded:data.db/S", "delta:lake/s", "--mode", "overwrite", "--allow-destructive", "--job", "out"];
const REMEDY: &str = "lake/s --mode overwrite --allow-destructive --job out";

fn database() -> Database {
    let database = Database::embedded();
    database.sql("CREATE TABLE S (ID NUMBER(9), NAME VARCHAR2(40))");
    database.sql("INSERT INTO S SELECT LEVEL, 'row ' || LEVEL FROM DUAL CONNECT BY LEVEL <= 20");
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

/// The key is checked when all rows are loaded, and each row that has the key of a changed one is read.
#[test]
fn two_rows_of_a_key_are_refused_whether_or_not_both_have_changed() {
    for way in [VERSIONS, "--incremental=rowscn"] {
        let database = database();
        // By the first load, which makes no table.
        for (statement, problem) in
            [("INSERT INTO S VALUES (1, 'twin')", "key is not unique"), ("UPDATE S SET ID = NULL WHERE ID = 2", "NULL in the key")]
        {
            database.sql(statement);
            database.run(&words(&[way])).fails(5, &["column id", problem]);
            assert!(!open(&database, "lake/s").exists(), "{statement}");
            database.sql("DELETE FROM S WHERE NAME = 'twin'");
        }
        database.sql("UPDATE S SET ID = 2 WHERE ID IS NULL");
        run(&database, &[way]);
        // A twin of a row that has not changed, one that gets its key, and one that a row loses which stays as it is.
        for (comes, goes) in [
            ("INSERT INTO S VALUES (1, 'twin')", "DELETE FROM S WHERE NAME = 'twin'"),
            ("UPDATE S SET ID = 3 WHERE ID = 4", "UPDATE S SET ID = 4 WHERE NAME = 'row 4'"),
        ] {
            let before = open(&database, "lake/s").version();
            database.sql(comes);
            database.run(&words(&[way])).fails(5, &["column id", "key is not unique in the source"]);
            assert_eq!(open(&database, "lake/s").version(), before, "{comes}");
            database.sql(goes);
            run(&database, &[way]);
            assert_same(&database);
        }
        // NULL, and no longer.
        database.sql("UPDATE S SET ID = NULL WHERE ID = 5");
        database.run(&words(&[way])).fails(5, &["column id", "NULL in the key"]);
        database.sql("UPDATE S SET ID = 5 WHERE ID IS NULL");
        run(&database, &[way]);
        assert_same(&database);
    }
}

#[test]
fn keys_that_a_load_of_all_rows_has_not_looked_at_are_looked_at_once() {
    for (statement, problem) in
        [("INSERT INTO S VALUES (1, 'twin')", "one and the same key"), ("INSERT INTO S VALUES (NULL, 'x')", "NULL in this key")]
    {
        let database = database();
        database.sql(statement);
        database.ok(&FULL);
        database.sql("DELETE FROM S WHERE ID IS NULL OR NAME = 'twin'");
        for way in [VERSIONS, "--incremental=rowscn"] {
            database.run(&words(&[way])).fails(4, &["column id", problem, REMEDY]);
        }
        database.ok(&FULL);
        database.sql("UPDATE S SET NAME = 'x' WHERE ID = 2");
        run(&database, &[VERSIONS]);
        assert_same(&database);
        let info = &open(&database, "lake/s").history(Some(1)).unwrap()[0].info;
        assert_eq!((&info["olbridge.key"], &info["olbridge.deleted_rows"]), (&Value::from(vec!["id"]), &"by_versions".into()));
    }
    // Other columns than the job has had so far.
    let database = database();
    database.sql("UPDATE S SET NAME = 'same' WHERE ID < 3");
    run(&database, &[VERSIONS]);
    database.sql("UPDATE S SET NAME = 'x' WHERE ID = 9");
    let by_name = ["copy", "embedded:data.db/S", "delta:lake/s", "--key", "name", "--job", "out", VERSIONS];
    database.run(&by_name).fails(4, &["column name", "one and the same key"]);
}

/// Keys of several columns that are never NULL are found by themselves, others by way of ROWIDs.
#[test]
fn a_primary_key_of_several_columns_is_followed() {
    let database = Database::embedded();
    database.sql("CREATE TABLE P (A NUMBER(9), B VARCHAR2(9), N NUMBER(9), PRIMARY KEY (A, B))");
    database.sql("INSERT INTO P SELECT MOD(LEVEL, 5), 'b' || LEVEL, LEVEL FROM DUAL CONNECT BY LEVEL <= 50");
    for way in [VERSIONS, "--incremental=rowscn"] {
        let target = format!("delta:lake/{}", &way[14..]);
        let words = ["copy", "embedded:data.db/P", &target, "--key", "b,a", "--job", "p", way];
        let compare: &[&str] = if way == VERSIONS { &[] } else { &["--deletes", "compare"] };
        let words = [&words[..], compare].concat();
        database.ok(&words[..8]);
        database.sql("UPDATE P SET N = N + 1 WHERE A = 1");
        database.sql("UPDATE P SET B = 'new' || B WHERE A = 2 AND MOD(N, 3) = 0");
        database.sql("DELETE FROM P WHERE A = 3 AND MOD(N, 2) = 0");
        let plan = database.ok(&[&words[..], &["--dry-run"]].concat());
        assert!(plan.contains("(B, A) IN (SELECT B, A FROM P"), "{plan}");
        database.ok(&words);
        assert_eq!(of_database(&database, "SELECT A, B, N FROM P"), of_delta(&mut open(&database, &target[6..])), "{way}");
    }
}

#[test]
fn a_table_that_was_restored_is_loaded_anew() {
    for way in [VERSIONS, "--incremental=rowscn"] {
        let database = database();
        run(&database, &[way]);
        database.sql("UPDATE S SET NAME = 'changed' WHERE ID = 1");
        run(&database, &[way]);
        // To the job's own last version: what others have done since is gone, and nothing else.
        let mut table = open(&database, "lake/s");
        table.delete(Some("id = 2"), &CommitOptions::default()).unwrap();
        table.restore(At::Version(1), &CommitOptions::default()).unwrap();
        database.sql("INSERT INTO S VALUES (21, 'x')");
        run(&database, &[way]);
        assert_same(&database);
        let last = open(&database, "lake/s").version().unwrap();
        let first = ["delta", "restore", "lake/s", "--delta-version", "0", "--allow-destructive"];
        database.ok(&first);
        database.sql("INSERT INTO S VALUES (22, 'x')");
        for more in [&[way][..], &[way, "--dry-run"]] {
            database.run(&words(more)).fails(4, &["has restored the table to an earlier one", &format!("than version {last}"), REMEDY]);
        }
        database.ok(&FULL);
        database.sql("DELETE FROM S WHERE ID = 22");
        run(&database, &[&[way][..], if way == VERSIONS { &[] } else { &["--deletes", "compare"] }].concat());
        assert_same(&database);
    }
}

/// Rows that the job has written may be gone, and no change of the source brings them back.
#[test]
fn a_table_that_another_has_overwritten_or_cut_to_its_own_rows_is_loaded_anew() {
    let part = ["copy", "embedded:data.db/S", "delta:lake/s", "--key", "id", "--job", "part", "--where", "id > 10"];
    let overwritten = |database: &Database| {
        let mut table = open(database, "lake/s");
        let mut nothing = Batches::new(table.schema().unwrap(), vec![]);
        let overwrite = WriteOptions { mode: WriteMode::Overwrite, ..WriteOptions::default() };
        table.write(&mut nothing, &overwrite, &CommitOptions::default()).unwrap();
    };
    let cut = |database: &Database| drop(database.ok(&[&part[..], &["--incremental=rowscn", "--deletes", "compare"]].concat()));
    for way in [VERSIONS, "--incremental=rowscn"] {
        for (others, rows) in [(&overwritten as &dyn Fn(&Database), 0), (&cut, 10)] {
            let database = database();
            run(&database, &[way]);
            // Their rows beside those of the job take nothing away.
            database.ok(&[&part[..], &["--mode", "upsert"]].concat());
            database.sql("UPDATE S SET NAME = 'changed' WHERE ID = 1");
            run(&database, &[way]);
            assert_same(&database);
            others(&database);
            assert_eq!(of_delta(&mut open(&database, "lake/s")).len(), rows);
            database.sql("UPDATE S SET NAME = 'changed' WHERE ID = 11");
            for more in [&[way][..], &[way, "--dry-run"]] {
                database.run(&words(more)).fails(4, &["is of another writer", "may be gone", REMEDY]);
            }
            database.ok(&FULL);
            database.sql("UPDATE S SET NAME = 'again' WHERE ID = 11");
            run(&database, &[way]);
            assert_same(&database);
        }
    }
}

#[test]
fn versions_go_on_only_from_an_epoch_that_has_left_no_deletions_behind() {
    let database = database();
    run(&database, &[VERSIONS]);
    let upsert = words(&["--mode", "upsert"]);
    for stays in [words(&["--incremental=rowscn"]), upsert] {
        for remedy in [words(&["--incremental=rowscn", "--deletes", "compare"]), FULL.to_vec()] {
            database.sql("DELETE FROM S WHERE ID = (SELECT MIN(ID) FROM S)");
            database.ok(&stays);
            database.sql("UPDATE S SET NAME = NAME || '.' WHERE ID > 15");
            let outcome = database.run(&words(&[VERSIONS]));
            outcome.fails(4, &["has left rows that the source had no more", "--incremental=rowscn --deletes compare", REMEDY]);
            database.ok(&remedy);
            assert_same(&database);
            database.sql("DELETE FROM S WHERE ID = (SELECT MIN(ID) FROM S)");
            run(&database, &[VERSIONS]);
            assert_same(&database);
        }
    }
}

/// Without the commit nobody knows which rows the table has of the job.
#[test]
fn an_epoch_whose_commit_is_no_longer_in_the_log_is_not_gone_on_from() {
    let database = database();
    run(&database, &[VERSIONS]);
    let mut table = open(&database, "lake/s");
    table.delete(Some("id = 2"), &CommitOptions::default()).unwrap();
    table.checkpoint().unwrap();
    std::fs::remove_file(database.workspace().file("lake/s/_delta_log/00000000000000000000.json")).unwrap();
    database.sql("DELETE FROM S WHERE ID = 1");
    for way in [VERSIONS, "--incremental=rowscn"] {
        database.run(&words(&[way, "--where", "id > 5"])).fails(4, &["no longer has the commit", REMEDY]);
    }
    database.ok(&FULL);
    database.sql("DELETE FROM S WHERE ID = 3");
    run(&database, &[VERSIONS]);
    assert_same(&database);
}

#[test]
fn conditions_that_look_beyond_the_row_are_refused_by_name() {
    let database = database();
    database.sql("CREATE TABLE G (ID NUMBER(9))");
    for way in [VERSIONS, "--incremental=rowscn"] {
        for (condition, word) in
            [("id in (select id from g)", "SELECT"), ("sysdate > date '2026-01-01'", "SYSDATE"), ("name <> user", "USER")]
        {
            database.run(&words(&[way, "--where", condition])).fails(2, &["looks beyond the row", word, "--mode overwrite"]);
        }
    }
    run(&database, &[VERSIONS, "--where", "name <> 'select' and id > 0 -- sysdate"]);
    assert_same(&database);
}
