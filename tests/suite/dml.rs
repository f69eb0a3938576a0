//! Upsert, update and delete in arrays, on Oracle's own client: statements, row counts, and which row is named when something is wrong.

use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};

fn texts(values: impl IntoIterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn numbered(ids: std::ops::Range<i64>, text: &str) -> RecordBatch {
    let values = texts(ids.clone().map(|id| Some(format!("{text}{id}"))));
    table(vec![("id", self::ids(ids)), ("v", values)])
}

/// The rows by their number in column 0, sorted.
fn sorted(server: &mut Loopback, table: &str) -> Vec<(i64, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut rows: Vec<_> = server.rows(table).iter().map(|row| (text(&row[0]).unwrap().parse().unwrap(), text(&row[1]))).collect();
    rows.sort();
    rows
}

fn report(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_else(|e| panic!("{e}: {stdout}"))
}

/// A table T (ID, V) with rows 0 to 999, `old0` to `old999`.
fn with_rows(test: &str) -> Option<Loopback> {
    let server = Loopback::start(&format!("dml::{test}"))?;
    server.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR2(20))");
    server.workspace().parquet("old.parquet", &[numbered(0..1000, "old")]);
    server.ok(&["copy", "old.parquet", &server.target("T")]);
    Some(server)
}

#[test]
fn upsert_updates_what_is_there_and_inserts_what_is_not() {
    let Some(mut server) = with_rows("upsert") else { return };
    server.workspace().parquet("new.parquet", &[numbered(500..1500, "new")]);
    let target = server.target("T");
    let plan = server.ok(&["copy", "new.parquet", &target, "--mode", "upsert", "--key", "id", "--dry-run"]);
    for part in ["MERGE INTO T T USING (SELECT :1 ID, :2 V FROM DUAL) S ON (T.ID = S.ID)", "no staging table", "ID (key)"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let arguments = ["copy", "new.parquet", &target, "--mode", "upsert", "--key", "id", "--batch-rows", "300", "--report", "json"];
    let report = report(&server.ok(&arguments));
    assert_eq!((&report["rows_loaded"], &report["rows_affected"], &report["executes"]), (&json!(1000), &json!(1000), &json!(4)));
    let expected: Vec<_> = (0..1500).map(|id| (id, Some(format!("{}{id}", if id < 500 { "old" } else { "new" })))).collect();
    assert_eq!(sorted(&mut server, "T"), expected);
    server.assert_clean();
}

#[test]
fn of_rows_with_one_key_the_last_one_stays() {
    let Some(mut server) = with_rows("duplicates") else { return };
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![5, 2000, 5, 2000]));
    let values = texts(["a", "b", "c", "d"].map(|v| Some(v.to_owned())));
    server.workspace().parquet("new.parquet", &[table(vec![("id", keys), ("v", values)])]);
    server.ok(&["copy", "new.parquet", &server.target("T"), "--mode", "upsert", "--key", "id"]);
    let rows = sorted(&mut server, "T");
    assert_eq!((rows.len(), &rows[5], &rows[1000]), (1001, &(5, Some("c".into())), &(2000, Some("d".into()))));
}

#[test]
fn update_sets_and_names_the_first_row_that_is_not_there() {
    let Some(mut server) = with_rows("update") else { return };
    server.workspace().parquet("new.parquet", &[numbered(900..1000, "new")]);
    let target = server.target("T");
    let out = server.ok(&["copy", "new.parquet", &target, "--mode", "update", "--key", "ID"]);
    assert!(out.contains("100 rows updated in T"), "{out}");
    let rows = sorted(&mut server, "T");
    assert_eq!((rows.len(), &rows[899].1, &rows[900].1), (1000, &Some("old899".into()), &Some("new900".into())));

    server.workspace().parquet("beyond.parquet", &[numbered(995..1005, "beyond")]);
    let arguments = ["copy", "beyond.parquet", &target, "--mode", "update", "--key", "id"];
    server.run(&arguments).fails(5, &["beyond.parquet row 6", "no row of the table has this key (ID)", "--not-found count"]);
    assert_eq!(sorted(&mut server, "T")[995].1, Some("new995".into()), "rolled back");
    let counted = report(&server.ok(&[&arguments[..], &["--not-found", "count", "--report", "json"]].concat()));
    assert_eq!((&counted["rows_loaded"], &counted["rows_not_found"]), (&json!(5), &json!(5)));
    assert_eq!(sorted(&mut server, "T")[995].1, Some("beyond995".into()));
    server.assert_clean();
}

#[test]
fn delete_needs_the_key_alone_and_counts_what_was_gone() {
    let Some(mut server) = with_rows("delete") else { return };
    // A column that the table does not have is no obstacle.
    let batch = table(vec![("other", texts((0..20).map(|_| None))), ("id", ids(990..1010))]);
    server.workspace().parquet("gone.parquet", &[batch]);
    let target = server.target("T");
    let arguments = ["copy", "gone.parquet", &target, "--mode", "delete", "--key", "id"];
    let out = server.ok(&arguments);
    assert!(out.contains("10 rows deleted from T; the key of 10 rows was not there"), "{out}");
    assert_eq!(sorted(&mut server, "T").len(), 990);
    server.run(&[&arguments[..], &["--not-found", "refuse"]].concat()).fails(5, &["gone.parquet row 1:", "no row"]);
    server.assert_clean();
}

#[test]
fn a_key_that_finds_several_rows_says_so() {
    let Some(mut server) = Loopback::start("dml::several") else { return };
    server.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(20))");
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..30).map(|v| v % 3)));
    server.workspace().parquet("t.parquet", &[table(vec![("id", keys), ("v", texts((0..30).map(|v| Some(v.to_string()))))])]);
    server.ok(&["copy", "t.parquet", &server.target("T")]);
    server.workspace().parquet("u.parquet", &[numbered(2..5, "x")]);
    // The row of the failing one does not follow from the rows that changed: 10 for the first source row, none for the second.
    server.control(json!({"cmd": "fault", "sql": "UPDATE", "rows": [2], "code": 1438}));
    let arguments = ["copy", "u.parquet", &server.target("T"), "--mode", "update", "--key", "id", "--not-found", "count"];
    server.run(&arguments).fails(5, &["ORA-01438", "u.parquet row 3"]);
    server.control(json!({"cmd": "fault", "sql": "UPDATE", "rows": [2], "code": 0}));
    let out = server.ok(&arguments);
    assert!(out.contains("1 row updated in T; the key of 2 rows was not there; 10 rows of the table changed"), "{out}");
}

#[test]
fn rows_are_found_by_rowid() {
    let Some(mut server) = with_rows("rowid") else { return };
    let target = server.target("T");
    let out = server.ok(&["sql", &target, "SELECT ROWID, ID FROM T WHERE ID < 100 ORDER BY ID", "--format", "csv"]);
    let addresses: Vec<String> = out.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect();
    assert!(addresses.len() == 100 && addresses.iter().all(|a| a.len() == 18), "{out}");
    let batch = |addresses: &[String]| {
        let values = texts((0..addresses.len()).map(|v| Some(format!("by{v}"))));
        table(vec![("ROWID", texts(addresses.iter().cloned().map(Some))), ("v", values)])
    };
    server.workspace().parquet("u.parquet", &[batch(&addresses[50..])]);
    let out = server.ok(&["copy", "u.parquet", &target, "--mode", "update", "--key", "rowid", "--dry-run"]);
    assert!(out.contains("UPDATE T SET V = :1 WHERE ROWID = :2") && out.contains("no index is needed"), "{out}");
    server.ok(&["copy", "u.parquet", &target, "--mode", "update", "--key", "rowid"]);
    let rows = sorted(&mut server, "T");
    assert_eq!((&rows[49].1, &rows[50].1, &rows[99].1), (&Some("old49".into()), &Some("by0".into()), &Some("by49".into())));

    server.workspace().parquet("d.parquet", &[batch(&addresses[..50])]);
    let out = server.ok(&["copy", "d.parquet", &target, "--mode", "delete", "--key", "ROWID"]);
    assert!(out.contains("50 rows deleted"), "{out}");
    assert_eq!(sorted(&mut server, "T").first().map(|row| row.0), Some(50));
    server.run(&["copy", "d.parquet", &target, "--mode", "upsert", "--key", "ROWID"]).fails(4, &["no ROWID yet"]);
    server.assert_clean();
}

#[test]
fn a_char_key_is_found_whatever_its_padding() {
    let Some(mut server) = Loopback::start("dml::char_key") else { return };
    server.sql("CREATE TABLE T (ID NUMBER, K CHAR(6), V VARCHAR2(20))");
    let batch = |text: &str| {
        let keys = texts((0..20).map(|v| Some(format!("k{v}"))));
        table(vec![("id", ids(0..20)), ("k", keys), ("v", texts((0..20).map(|v| Some(format!("{text}{v}")))))])
    };
    server.workspace().parquet("a.parquet", &[batch("a")]);
    server.workspace().parquet("b.parquet", &[batch("b")]);
    let target = server.target("T");
    server.ok(&["copy", "a.parquet", &target]);
    let plan = server.ok(&["copy", "b.parquet", &target, "--mode", "upsert", "--key", "k", "--dry-run"]);
    assert!(plan.contains("SQLT_AFC"), "{plan}");
    server.ok(&["copy", "b.parquet", &target, "--mode", "upsert", "--key", "k"]);
    let rows = server.rows("T");
    assert_eq!(rows.len(), 20);
    assert_eq!((&rows[7][1], &rows[7][2]), (&json!("k7    "), &json!("b7")));
    // A bind of type 96 is what makes the comparison blank-padded.
    let observed = server.control(json!({"cmd": "observed"}));
    let merged = observed["observed"].as_array().unwrap().iter().find(|row| row[0].as_str().unwrap().starts_with("MERGE")).unwrap();
    assert_eq!((&merged[1][1][0], &merged[1][1][2]), (&json!(96), &json!("k0")));
    server.assert_clean();
}

#[test]
fn a_null_key_is_refused_before_it_is_inserted_twice() {
    let Some(mut server) = with_rows("null_key") else { return };
    let keys: ArrayRef = Arc::new((0..100).map(|v| (v != 77).then_some(v)).collect::<Int64Array>());
    let key_field = table(vec![("k", keys), ("v", texts((0..100).map(|v| Some(v.to_string()))))]);
    server.workspace().parquet("n.parquet", &[key_field]);
    for mode in ["upsert", "update", "delete"] {
        let arguments = ["copy", "n.parquet", &server.target("T"), "--rename", "k=ID", "--mode", mode, "--key", "id", "--batch-rows", "30"];
        server.run(&arguments).fails(5, &["column ID: n.parquet row 78: the key is NULL", "try:"]);
    }
    assert_eq!(sorted(&mut server, "T"), (0..1000).map(|id| (id, Some(format!("old{id}")))).collect::<Vec<_>>());
}

#[test]
fn a_created_table_gets_its_primary_key() {
    let database = Database::embedded();
    let keys: ArrayRef = Arc::new(Int64Array::from_iter((0..100).map(|v| Some(if v == 60 { 5 } else { v }))));
    let batch = table(vec![("Order", keys), ("line", ids(0..100)), ("v", texts((0..100).map(|v| Some(v.to_string()))))]);
    database.workspace().parquet("t.parquet", &[batch]);
    let target = database.target("T");
    let both = ["copy", "t.parquet", &target, "--mode", "create", "--primary-key", "order,line"];
    let plan = database.ok(&[&both[..], &["--dry-run"]].concat());
    for part in ["\"ORDER\" NUMBER(19) NOT NULL,", "PRIMARY KEY (\"ORDER\", LINE)"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    database
        .run(&["copy", "t.parquet", &target, "--mode", "create", "--primary-key", "order"])
        .fails(5, &["ORA-00001", "t.parquet row 61"]);
    assert!(!database.exists("T"));
    database.ok(&both);
    let again = database.run(&both);
    assert!(again.code == 5 && again.stderr.contains("ORA-00001"), "{again}");
    let overwritten = database.ok(&["copy", "t.parquet", &target, "--mode", "overwrite", "--allow-destructive", "--primary-key", "order"]);
    assert!(overwritten.contains("warning: the table exists: --primary-key is not applied"), "{overwritten}");
    database.run(&["copy", "t.parquet", &target, "--primary-key", "order"]).fails(2, &["creates no table"]);
}

/// Upsert, update and delete by several keys of several types, judged by a model; on the engine, which is quick.
#[test]
fn keyed_changes_leave_what_a_model_says() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (A NUMBER, B CHAR(4), C DATE, V VARCHAR2(20), PRIMARY KEY (A, B, C))");
    let target = database.target("T");
    let mut model = std::collections::BTreeMap::new();
    let batch = |numbers: std::ops::Range<i64>, text: &str| {
        let a: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers.clone().map(|v| v % 7)));
        let b = texts(numbers.clone().map(|v| Some(format!("b{}", v % 5))));
        let c: ArrayRef = Arc::new(Date32Array::from_iter_values(numbers.clone().map(|v| (v % 11) as i32)));
        let v = texts(numbers.map(|v| Some(format!("{text}{v}"))));
        table(vec![("a", a), ("b", b), ("c", c), ("v", v)])
    };
    let key = |v: i64| (v % 7, v % 5, v % 11);
    let steps =
        [("upsert", 0..300), ("update", 100..200), ("delete", 0..90), ("upsert", 50..400), ("delete", 350..420), ("update", 60..61)];
    for (step, (mode, numbers)) in steps.into_iter().enumerate() {
        let text = format!("s{step}_");
        let file = database.workspace().parquet("t.parquet", &[batch(numbers.clone(), &text)]);
        database.ok(&["copy", &file, &target, "--mode", mode, "--key", "c,a,b", "--batch-rows", "37"]);
        for number in numbers {
            match mode {
                "delete" => drop(model.remove(&key(number))),
                "update" => drop(model.get_mut(&key(number)).map(|value| *value = format!("{text}{number}"))),
                _ => drop(model.insert(key(number), format!("{text}{number}"))),
            }
        }
        let found = database.rows("SELECT V FROM T ORDER BY A, B, C");
        let found: Vec<&str> = found.iter().map(|row| row[0].as_deref().unwrap()).collect();
        assert_eq!(found, model.values().map(String::as_str).collect::<Vec<_>>(), "step {step}: {mode}");
    }
    assert!(model.len() > 100);
}

/// Rows (operation, key, text); the text of a deletion is NULL, as change streams have it.
fn changes(rows: &[(&str, i64, &str)]) -> RecordBatch {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1)));
    let operations = texts(rows.iter().map(|row| some(row.0)));
    table(vec![("op", operations), ("k", keys), ("v", texts(rows.iter().map(|row| some(row.2))))])
}

#[test]
fn marked_rows_of_an_upsert_are_deleted_in_the_order_of_the_source() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (K NUMBER PRIMARY KEY, V VARCHAR2(20) NOT NULL)");
    let target = database.target("T");
    let file =
        database.workspace().parquet("a.parquet", &[changes(&[("I", 1, "one"), ("I", 2, "two"), ("", 3, "three"), ("I", 4, "four")])]);
    let arguments = ["copy", &file, &target, "--mode", "upsert", "--key", "k", "--delete-when", "op=D"];
    database.ok(&arguments);
    let batch = changes(&[
        ("D", 1, ""),
        ("U", 2, "zwei"),
        ("D", 9, ""),
        ("I", 5, "five"),
        ("D", 5, ""),
        ("D", 3, ""),
        ("I", 3, "drei"),
        ("d", 4, "small letters"),
    ]);
    for (batch_rows, summary) in [
        ("1000", "7 rows merged into T, 3 of them deleted; the key of 1 row was not there"),
        ("3", "6 rows merged into T, 2 of them deleted; the key of 2 rows was not there"),
    ] {
        let file = database.workspace().parquet("b.parquet", &[batch.slice(0, 4), batch.slice(4, 4)]);
        let arguments = ["copy", &file, &target, "--mode", "upsert", "--key", "k", "--delete-when", "op=D", "--batch-rows", batch_rows];
        let out = database.ok(&arguments);
        assert!(out.contains(summary), "{out}");
        let found = database.rows("SELECT K, V FROM T ORDER BY K");
        let found: Vec<_> = found.iter().map(|row| (row[0].as_deref().unwrap(), row[1].as_deref().unwrap())).collect();
        assert_eq!(found, [("2", "zwei"), ("3", "drei"), ("4", "small letters")], "{out}");
    }
}

#[test]
fn soft_deletes_mark_and_an_upsert_revives() {
    let database = Database::embedded();
    database
        .sql("CREATE TABLE T (K NUMBER PRIMARY KEY, V VARCHAR2(20), \"_deleted\" NUMBER(1) DEFAULT 0 NOT NULL, \"_updated\" TIMESTAMP(6))");
    let target = database.target("T");
    let file = database.workspace().parquet("a.parquet", &[changes(&[("I", 1, "a"), ("I", 2, "b"), ("I", 3, "c")])]);
    database.ok(&["copy", &file, &target, "--columns", "k,v"]);
    let state = || -> Vec<String> {
        let rows = database.rows("SELECT K, V, \"_deleted\", CASE WHEN \"_updated\" IS NULL THEN 0 ELSE 1 END FROM T ORDER BY K");
        rows.iter().map(|row| row.iter().map(|v| v.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ")).collect()
    };
    let gone = database.workspace().parquet("d.parquet", &[changes(&[("", 1, ""), ("", 7, "")])]);
    let delete = ["copy", &gone, &target, "--mode", "delete", "--key", "k", "--soft-delete"];
    let plan = database.ok(&[&delete[..], &["--dry-run"]].concat());
    assert!(plan.contains("UPDATE T SET \"_deleted\" = 1, \"_updated\" = SYSTIMESTAMP WHERE K = :1"), "{plan}");
    let out = database.ok(&delete);
    assert!(out.contains("1 row marked as deleted in T; the key of 1 row was not there"), "{out}");
    assert_eq!(state(), ["1 a 1 1", "2 b 0 0", "3 c 0 0"]);

    let file = database.workspace().parquet("u.parquet", &[changes(&[("U", 1, "again"), ("D", 2, ""), ("I", 4, "new"), ("D", 5, "")])]);
    database.ok(&["copy", &file, &target, "--mode", "upsert", "--key", "k", "--delete-when", "op=D", "--soft-delete"]);
    assert_eq!(state(), ["1 again 0 1", "2 b 1 1", "3 c 0 0", "4 new 0 1"]);

    // The mark is a decimal that is copied too.
    database.sql("CREATE TABLE M (K NUMBER PRIMARY KEY, S NUMBER(5,1))");
    let s: ArrayRef = Arc::new(Decimal128Array::from(vec![15, 25]).with_precision_and_scale(5, 1).unwrap());
    let decimals = database.workspace().parquet("m.parquet", &[table(vec![("k", ids(1..3)), ("s", s)])]);
    database.sql("INSERT INTO M VALUES (1, 9)");
    let marked = ["--mode", "upsert", "--key", "k", "--delete-when", "s=1.5", "--columns", "k,s"];
    database.ok(&[&["copy", &decimals, &database.target("M")][..], &marked].concat());
    assert_eq!(database.rows("SELECT K, S FROM M"), [[Some("2".to_owned()), Some("2.5".to_owned())]]);

    database.sql("CREATE TABLE U (K NUMBER, V VARCHAR2(20))");
    let target = database.target("U");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["--mode", "delete", "--key", "k", "--soft-delete"], 4, "ALTER TABLE"),
        (&["--mode", "upsert", "--key", "k", "--soft-delete"], 2, "nothing is deleted"),
        (&["--mode", "upsert", "--key", "k", "--delete-when", "nothing=D"], 4, "--delete-when names it"),
        (&["--mode", "update", "--key", "k", "--delete-when", "op=D"], 2, "--mode upsert"),
        (&["--mode", "upsert", "--key", "k", "--delete-when", "op=D", "--columns", "k"], 4, "nothing to set"),
    ];
    for (more, code, part) in cases {
        database.run(&[&["copy", &file, &target], *more].concat()).fails(*code, &[part]);
    }
}

#[test]
fn soft_deletes_reach_oracles_server() {
    let Some(mut server) = Loopback::start("dml::soft_delete") else { return };
    server.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, \"_deleted\" NUMBER(1))");
    let target = server.target("T");
    let file = server.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..10))])]);
    server.ok(&["copy", &file, &target]);
    let file = server.workspace().parquet("d.parquet", &[table(vec![("id", ids(3..5))])]);
    server.ok(&["copy", &file, &target, "--mode", "delete", "--key", "id", "--soft-delete"]);
    let marked: Vec<String> = server.rows("T").iter().filter(|r| r[1] == json!("1")).map(|r| r[0].as_str().unwrap().into()).collect();
    assert_eq!(marked, ["3", "4"]);
    server.assert_clean();
}

#[test]
fn keys_are_asked_for_and_checked_before_a_row_moves() {
    let Some(server) = with_rows("usage") else { return };
    server.workspace().parquet("n.parquet", &[numbered(0..1, "n")]);
    let target = server.target("T");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["--mode", "upsert"], 2, "--key id"),
        (&["--key", "id"], 2, "no use for --key"),
        (&["--mode", "upsert", "--key", "id", "--not-found", "count"], 2, "--not-found"),
        (&["--mode", "update", "--key", "nothing"], 4, "ID, V"),
        (&["--mode", "update", "--key", "id,v"], 4, "nothing to set"),
        (&["--mode", "delete", "--key", "nothing"], 4, "--key names it"),
    ];
    for (more, code, part) in cases {
        server.run(&[&["copy", "n.parquet", &target], *more].concat()).fails(*code, &[part]);
    }
    let missing = server.target("MISSING");
    server.run(&["copy", "n.parquet", &missing, "--mode", "delete", "--key", "id"]).fails(4, &["no such table"]);
}
