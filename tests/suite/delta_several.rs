//! Several tables of one job, several sessions that read one, and types that come back.

use serde_json::Value;

use crate::delta_incremental::{of_database, of_delta, open};
use crate::support::database::Database;

fn database() -> Database {
    let database = Database::embedded();
    database.sql("CREATE TABLE ORDERS (ID NUMBER(9), DAY DATE NOT NULL, NAME VARCHAR2(30))");
    database.sql("CREATE TABLE LINES (ORDER_ID NUMBER(9), LINE NUMBER(4), TOTAL NUMBER(12,2))");
    database.sql("INSERT INTO ORDERS SELECT LEVEL, DATE '2026-01-01' + LEVEL, 'order ' || LEVEL FROM DUAL CONNECT BY LEVEL <= 100");
    database.sql("INSERT INTO LINES SELECT MOD(LEVEL, 100) + 1, LEVEL, LEVEL / 4 FROM DUAL CONNECT BY LEVEL <= 400");
    database
}

const KEYS: [&str; 4] = ["--table-key", "orders=id", "--table-key", "lines=order_id,line"];

fn json(database: &Database, words: &[&str]) -> Value {
    serde_json::from_str(&database.ok(&[words, &["--report", "json"]].concat())).unwrap()
}

fn same(database: &Database, of: &str, to: &str) {
    for columns in ["ID, DAY, NAME FROM ORDERS", "ORDER_ID, LINE, TOTAL FROM LINES"] {
        let rows = |path: &str| {
            let text = database.ok(&["sql", path, &format!("SELECT {columns} ORDER BY 1, 2"), "--format", "csv"]);
            assert!(text.lines().count() > 1, "{text}");
            text
        };
        assert_eq!(rows(of), rows(to));
    }
}

#[test]
fn tables_go_out_at_one_scn_and_come_back_in_one_transaction() {
    let database = database();
    let out = [&["copy", "embedded:data.db", "delta:lake", "--tables", "orders,lines", "--job", "out"], &KEYS[..]].concat();
    let out = [&out[..], &["--incremental=rowscn", "--deletes", "compare"]].concat();
    let done = json(&database, &out);
    let scn = &done["snapshot"]["scn"];
    for (at, folder) in ["lake/orders", "lake/lines"].iter().enumerate() {
        assert_eq!(&done["tables"][at]["snapshot"]["scn"], scn, "{done}");
        assert_eq!(&open(&database, folder).history(Some(1)).unwrap()[0].info["olbridge.scn"], scn);
    }
    let back =
        [&["copy", "delta:lake", "embedded:back.db", "--tables", "orders,lines", "--job", "back", "--incremental"], &KEYS[..]].concat();
    let done = json(&database, &back);
    assert_eq!((&done["tables"][0]["rows_loaded"], &done["tables"][1]["rows_loaded"]), (&100.into(), &400.into()), "{done}");
    same(&database, "embedded:data.db", "embedded:back.db");
    // Oracle's own types come back: a DATE is no TIMESTAMP, and texts are as wide as they were.
    let described = database.ok(&["describe", "embedded:back.db/ORDERS"]);
    assert!(described.contains("DATE") && described.contains("VARCHAR2(30)") && !described.contains("TIMESTAMP"), "{described}");
    // Changes of both; one that cannot be loaded keeps the other away.
    database.sql("UPDATE ORDERS SET NAME = 'changed' WHERE ID = 1");
    database.sql("DELETE FROM LINES WHERE ORDER_ID = 1");
    database.sql("INSERT INTO LINES VALUES (2, 9000, NULL)");
    let done = json(&database, &out);
    assert_eq!(done["tables"][0]["snapshot"]["scn"], done["tables"][1]["snapshot"]["scn"]);
    database.ok(&["sql", "embedded:back.db", "ALTER TABLE LINES MODIFY (TOTAL NOT NULL)"]);
    let outcome = database.run(&back);
    assert!(outcome.code != 0 && outcome.stderr.contains("LINES"), "{outcome}");
    let changed = || database.ok(&["sql", "embedded:back.db", "SELECT COUNT(*) FROM ORDERS WHERE NAME = 'changed'", "--format", "csv"]);
    assert_eq!(changed().lines().last(), Some("0"), "the first table of the transaction was rolled back with the second");
    database.ok(&["sql", "embedded:back.db", "ALTER TABLE LINES MODIFY (TOTAL NULL)"]);
    database.ok(&back);
    assert_eq!(changed().lines().last(), Some("1"));
    same(&database, "embedded:data.db", "embedded:back.db");
    let text = database.ok(&back);
    assert_eq!(text.matches("nothing done").count(), 2, "{text}");
}

#[test]
fn tables_that_a_failed_load_has_created_are_dropped() {
    let database = database();
    database.ok(&["copy", "embedded:data.db", "delta:lake", "--tables", "orders,lines", "--mode", "create"]);
    database.ok(&["sql", "embedded:back.db", "CREATE TABLE LINES (ORDER_ID NUMBER(9), LINE NUMBER(4), TOTAL NUMBER(2))"]);
    let back = ["copy", "delta:lake", "embedded:back.db", "--tables", "orders,lines", "--mode", "create"];
    let outcome = database.run(&back);
    assert!(outcome.code != 0 && outcome.stderr.contains("LINES"), "{outcome}");
    database.run(&["describe", "embedded:back.db/ORDERS"]).fails(7, &["ORA-00942"]);
    // What one transaction cannot be, and names that are none.
    database.run(&[&back[..], &["--commit-rows", "10"]].concat()).fails(2, &["one transaction"]);
    database.run(&[&back[..], &["--pre-sql", "DELETE FROM X"]].concat()).fails(2, &["one table"]);
    database.run(&[&back[..], &["--table-key", "nobody=id"]].concat()).fails(2, &["--table-key"]);
    database.run(&["copy", "delta:lake", "embedded:back.db", "--tables", "lines,lines"]).fails(2, &["named twice"]);
    database.run(&["copy", "a.parquet", "embedded:back.db", "--tables", "lines"]).fails(2, &["--tables"]);
}

#[test]
fn several_sessions_read_one_table_into_one_commit() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER(9), NAME VARCHAR2(30))");
    database.sql("INSERT INTO T SELECT LEVEL, 'row ' || LEVEL FROM DUAL CONNECT BY LEVEL <= 20000");
    let words = ["copy", "embedded:data.db/T", "delta:lake/t", "--mode", "create", "--parallel", "3", "--compression", "zstd"];
    let done = json(&database, &words);
    assert_eq!((&done["readers"]["sessions"], &done["rows"]), (&3.into(), &20000.into()), "{done}");
    let mut table = open(&database, "lake/t");
    assert_eq!(table.version(), Some(0));
    assert_eq!(of_database(&database, "SELECT ID, NAME FROM T"), of_delta(&mut table));
    assert!(done["times"]["source_percent"].as_u64().unwrap() + done["times"]["table_percent"].as_u64().unwrap() == 100, "{done}");
    // One of the readers fails: nothing is committed, and it is that reader's error.
    database.sql("CREATE TABLE N (ID NUMBER(9), V NUMBER)");
    database.sql("INSERT INTO N SELECT LEVEL, LEVEL FROM DUAL CONNECT BY LEVEL <= 20000");
    database.sql("UPDATE N SET V = 0.5 WHERE ID = 15000");
    let words = ["copy", "embedded:data.db/N", "delta:lake/n", "--mode", "create", "--parallel", "3", "--as", "V=int32"];
    database.run(&words).fails(5, &["column V"]);
    assert!(!open(&database, "lake/n").exists());
}
