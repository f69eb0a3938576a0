//! From one database into another without a file between.

use serde_json::Value;

use crate::support::Workspace;
use crate::support::tables::every_type;

const DDL: &str = "CREATE TABLE T (C CLOB, ID NUMBER(9) NOT NULL, N NUMBER, P NUMBER(12,3), F FLOAT(60), D DATE, TS TIMESTAMP(9), \
                   TZ TIMESTAMP(6) WITH TIME ZONE, BD BINARY_DOUBLE, BF BINARY_FLOAT, V VARCHAR2(40 CHAR), CH CHAR(6), NV NVARCHAR2(20), \
                   R RAW(16), B BLOB, DS INTERVAL DAY(4) TO SECOND(6), YM INTERVAL YEAR(4) TO MONTH)";

fn filled() -> Workspace {
    let workspace = Workspace::new();
    workspace.sql("embedded:a.db", DDL);
    for values in [
        "'a clob', 1, 1234567890123456789012345678901234567890, -123456789.125, 0.1, DATE '1066-10-14', \
         TIMESTAMP '2024-02-29 23:59:59.123456789', TIMESTAMP '2024-02-29 23:59:59.123456 +05:30', 1e300d, 0.5f, 'gr\u{f6}\u{df}e', 'ab', 'n\u{20ac}', \
         HEXTORAW('00FF'), HEXTORAW('CAFE'), INTERVAL '-1 02:03:04.5' DAY TO SECOND, INTERVAL '-3-4' YEAR TO MONTH",
        "NULL, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
        "'x', 3, 1e-130, 0, -0.25, DATE '9999-12-31', TIMESTAMP '0001-01-01 00:00:00', TIMESTAMP '0001-01-01 00:00:00 -11:00', 0, -1, ' ', ' ', \
         'z', HEXTORAW('01'), HEXTORAW('02'), INTERVAL '9999' DAY(4), INTERVAL '9999' YEAR(4)",
    ] {
        workspace.sql("embedded:a.db", &format!("INSERT INTO T VALUES ({values})"));
    }
    workspace
}

fn rows(workspace: &Workspace, target: &str, table: &str) -> Vec<Vec<Option<String>>> {
    workspace.rows(target, &format!("SELECT C, ID, N, P, F, D, TS, TZ, BD, BF, V, CH, NV, R, B, DS, YM FROM {table} ORDER BY ID"))
}

#[test]
fn a_table_arrives_with_its_types_and_values() {
    let workspace = filled();
    let words = ["copy", "embedded:a.db/T", "embedded:b.db/T2", "--mode", "create"];
    workspace.run(&words).fails(4, &["TZ", "regions would become offsets", "--lossy zone"]);
    let words = [&words[..], &["--lossy", "zone", "--batch-rows", "2", "--report", "json"]].concat();
    let report: Value = serde_json::from_str(&workspace.ok(&words)).unwrap();
    assert_eq!((report["rows"].as_u64(), report["executes"].as_u64(), report["action"].as_str()), (Some(3), Some(2), Some("create")));
    assert!(report["scn"].as_u64().is_some(), "{report}");
    let (found, expected) = (rows(&workspace, "embedded:b.db", "T2"), rows(&workspace, "embedded:a.db", "T"));
    assert_eq!(found, expected);
    assert_eq!(found[0][2].as_deref(), Some("1234567890123456789012345678901234567890"));
    let columns = |target: &str| {
        let described: Value = serde_json::from_str(&workspace.ok(&["describe", target, "--format", "json"])).unwrap();
        let mut columns: Vec<String> = described["columns"].as_array().unwrap().iter().map(Value::to_string).collect();
        columns
            .iter_mut()
            .for_each(|column| *column = column.split_once("\"position\"").map_or(column.clone(), |(head, _)| head.to_owned()));
        columns.sort();
        columns
    };
    assert_eq!(columns("embedded:b.db/T2"), columns("embedded:a.db/T"));
    // Again: rows are added, replaced, or left alone.
    for (mode, count) in [("append", 6), ("overwrite", 3), ("ignore", 3)] {
        let words = ["copy", "embedded:a.db/T", "embedded:b.db/T2", "--mode", mode, "--lossy", "zone"];
        if mode == "overwrite" {
            workspace.run(&words).fails(2, &["removes all rows of T2", "--allow-destructive"]);
            assert_eq!(workspace.count("embedded:b.db", "T2"), 6);
        }
        workspace.ok(&[&words[..], &["--allow-destructive"]].concat());
        assert_eq!(workspace.count("embedded:b.db", "T2"), count, "{mode}");
    }
}

#[test]
fn every_type_of_a_file_goes_through_two_databases() {
    let workspace = Workspace::new();
    workspace.parquet("in.parquet", &[every_type()]);
    workspace.ok(&["copy", "in.parquet", "embedded:a.db/T", "--mode", "create"]);
    let plan = workspace.ok(&["copy", "embedded:a.db/T", "embedded:b.db/T", "--mode", "create", "--lossy", "zone", "--dry-run"]);
    assert!(plan.contains("CREATE TABLE T") && plan.contains("INSERT INTO T") && plan.contains("snapshot SCN"), "{plan}");
    workspace.ok(&["copy", "embedded:a.db/T", "embedded:b.db/T", "--mode", "create", "--lossy", "zone"]);
    let select = |target: &str| workspace.sql(target, "SELECT * FROM T ORDER BY 1");
    let sorted = |text: String| text.split(['\n', ',']).map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(sorted(select("embedded:b.db")), sorted(select("embedded:a.db")));
}

#[test]
fn what_would_be_changed_or_refused_leaves_the_target_as_it_was() {
    let workspace = Workspace::new();
    workspace.sql("embedded:a.db", "CREATE TABLE T (ID NUMBER(9), N NUMBER, V VARCHAR2(10))");
    for id in 1..=3 {
        workspace.sql("embedded:a.db", &format!("INSERT INTO T VALUES ({id}, {id}.5, '{}')", "x".repeat(3 * id)));
    }
    workspace.sql("embedded:b.db", "CREATE TABLE S (ID NUMBER(9), N NUMBER(9), V VARCHAR2(6))");
    workspace.sql("embedded:b.db", "INSERT INTO S VALUES (0, 0, 'mine')");
    let copy = |more: &[&str]| {
        let words: Vec<&str> = ["copy", "embedded:a.db/T", "embedded:b.db/S"].iter().chain(more).copied().collect();
        workspace.run(&words)
    };
    copy(&[]).fails(4, &["column N", "NUMBER(9) does not hold every value of NUMBER", "--lossy rounding"]);
    for mode in ["append", "overwrite"] {
        let refused = copy(&["--columns", "id,v", "--mode", mode, "--batch-rows", "2", "--allow-destructive"]);
        refused.fails(5, &["S", "row 3", "ORA-12899"]);
        assert_eq!(workspace.rows("embedded:b.db", "SELECT V FROM S"), [[Some("mine".to_owned())]]);
    }
    let words = ["copy", "embedded:a.db/T", "embedded:b.db/NEW", "--mode", "create", "--query", "SELECT ID, 1/(ID-3) N FROM T"];
    workspace.run(&words).fails(7, &["ORA-01476"]);
    workspace.run(&["describe", "embedded:b.db/NEW"]).fails(7, &["ORA-00942"]);
    assert_eq!(copy(&["--where", "ID < 3", "--columns", "id,v"]).code, 0);
    assert_eq!(workspace.count("embedded:b.db", "S"), 3);
    copy(&["--mode", "upsert"]).fails(4, &["inserts"]);
}

#[test]
fn a_source_that_refuses_leaves_the_target_untruncated() {
    let workspace = Workspace::new();
    workspace.sql("embedded:a.db", "CREATE TABLE T (ID NUMBER(9))");
    workspace.sql("embedded:b.db", "CREATE TABLE T (ID NUMBER(9))");
    workspace.sql("embedded:b.db", "INSERT INTO T VALUES (1)");
    let words = ["copy", "embedded:a.db/T", "embedded:b.db/T", "--mode", "truncate", "--allow-destructive", "--as-of-scn", "999999999"];
    workspace.run(&words).fails(7, &["ORA-08181"]);
    assert_eq!(workspace.count("embedded:b.db", "T"), 1);
}

#[test]
fn a_table_is_not_truncated_while_it_is_read() {
    let workspace = Workspace::new();
    workspace.sql("embedded:a.db", "CREATE TABLE T (ID NUMBER(9))");
    workspace.sql("embedded:a.db", "INSERT INTO T VALUES (1)");
    let into = |mode| ["copy", "embedded:a.db/T", "embedded:a.db/T", "--mode", mode, "--allow-destructive"];
    workspace.run(&into("truncate")).fails(4, &["--mode overwrite"]);
    workspace.ok(&into("overwrite"));
    assert_eq!(workspace.count("embedded:a.db", "T"), 1);
    // Under another name.
    workspace.sql("embedded:a.db", "CREATE VIEW V AS SELECT ID FROM T WHERE ID > 0");
    workspace.sql("embedded:a.db", "CREATE TABLE U (ID NUMBER(9))");
    let other = |source: &str, more: &[&str]| {
        let source = format!("embedded:a.db/{source}");
        workspace.run(&[&["copy", &source, "embedded:a.db/T", "--mode", "truncate", "--allow-destructive"], more].concat())
    };
    other("V", &[]).fails(4, &["--mode overwrite"]);
    other("U", &["--where", "ID NOT IN (SELECT ID FROM T)"]).fails(4, &["--mode overwrite"]);
    assert_eq!(workspace.count("embedded:a.db", "T"), 1);
    // Of another table nothing is lost.
    workspace.sql("embedded:a.db", "INSERT INTO U VALUES (5)");
    assert_eq!(other("U", &["--where", "ID > 1"]).code, 0);
    assert_eq!(workspace.rows("embedded:a.db", "SELECT ID FROM T"), [[Some("5".to_owned())]]);
}

/// Rows `ID` 1 to 3000 in `embedded:a.db`.
fn numbered() -> Workspace {
    let workspace = Workspace::new();
    workspace.sql("embedded:a.db", "CREATE TABLE T (ID NUMBER(9) NOT NULL, N NUMBER, D TIMESTAMP(6), V VARCHAR2(40))");
    let insert = "INSERT INTO T SELECT LEVEL, LEVEL / 8, TIMESTAMP '2024-01-01 00:00:00.25' + NUMTODSINTERVAL(LEVEL, 'MINUTE'), \
                  CASE WHEN MOD(LEVEL, 7) = 0 THEN NULL ELSE 'text ' || LEVEL END FROM DUAL CONNECT BY LEVEL <= 3000";
    workspace.sql("embedded:a.db", insert);
    workspace
}

#[test]
fn rows_inserted_while_the_next_are_fetched_arrive_once_and_whole() {
    let workspace = numbered();
    for (batch_rows, executes) in [("1", 3000), ("7", 429), ("1000", 3), ("3000", 1), ("4000", 1)] {
        let words = ["copy", "embedded:a.db/T", "embedded:b.db/T", "--mode", "overwrite", "--allow-destructive", "--report", "json"];
        let report: Value = serde_json::from_str(&workspace.ok(&[&words[..], &["--batch-rows", batch_rows]].concat())).unwrap();
        assert_eq!((report["rows"].as_u64(), report["executes"].as_u64()), (Some(3000), Some(executes)), "{report}");
        assert!(report["times"]["execute_wait_ms"].is_u64() && report["times"]["copy_ms"] == 0, "{report}");
        let all = |target: &str| workspace.rows(target, "SELECT ID, N, D, V FROM T ORDER BY ID");
        assert_eq!(all("embedded:b.db"), all("embedded:a.db"), "{batch_rows}");
    }
    workspace.sql("embedded:a.db", "DELETE FROM T");
    workspace.ok(&["copy", "embedded:a.db/T", "embedded:b.db/T", "--mode", "overwrite", "--allow-destructive"]);
    assert_eq!(workspace.count("embedded:b.db", "T"), 0);
}

#[test]
fn a_source_that_breaks_off_does_not_hide_the_row_that_was_refused_before() {
    let workspace = numbered();
    workspace.sql("embedded:b.db", "CREATE TABLE T (ID NUMBER(9), N NUMBER, V VARCHAR2(12) CHECK (V <> 'text 1234'))");
    workspace.sql("embedded:b.db", "INSERT INTO T VALUES (0, 0, 'mine')");
    let copy = |divisor: u32, more: &[&str]| {
        let query = format!("SELECT ID, 1 / ({divisor} - ID) N, V FROM T");
        workspace.run(&[&["copy", "embedded:a.db/T", "embedded:b.db/T", "--query", &query, "--batch-rows", "100"], more].concat())
    };
    // Rows 1301 to 1400 are fetched, and fail, while those before them are inserted.
    copy(1350, &[]).fails(5, &["T", "row 1234", "ORA-02290"]);
    copy(1150, &[]).fails(7, &["ORA-01476"]);
    copy(1150, &["--mode", "overwrite", "--allow-destructive"]).fails(7, &["ORA-01476"]);
    assert_eq!(workspace.rows("embedded:b.db", "SELECT V FROM T"), [[Some("mine".to_owned())]]);
}

#[test]
fn a_connection_that_is_lost_on_either_side_leaves_the_target_as_it_was() {
    let workspace = numbered();
    workspace.sql("embedded:b.db", "CREATE TABLE T (ID NUMBER(9), N NUMBER, D TIMESTAMP(6), V VARCHAR2(40))");
    workspace.sql("embedded:b.db", "INSERT INTO T (ID) VALUES (0)");
    for (fault, at) in [("lost-fetch", 8), ("lost-fetch", 15), ("lost-fetch", 24), ("lost-commit", 1)] {
        let mut command = workspace.command(["copy", "embedded:a.db/T", "embedded:b.db/T", "--batch-rows", "100"]);
        command.env("OLBRIDGE_EMBEDDED_FAULT", format!("{fault}:{at}"));
        crate::support::finish(command, crate::support::TIME_LIMIT).fails(7, &["ORA-03113"]);
        assert_eq!(workspace.count("embedded:b.db", "T"), 1, "{fault} {at}");
    }
}
