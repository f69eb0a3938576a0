//! `olbridge delta`: tables made, looked at, changed, merged into, cared for and dropped.

use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, Float64Array, StringArray};
use serde_json::Value;

use crate::support::database::Database;
use crate::support::tables::{ids, table};
use crate::support::{Running, TIME_LIMIT, Workspace};

fn names(range: std::ops::Range<i64>, prefix: &str) -> ArrayRef {
    Arc::new(range.map(|id| Some(format!("{prefix} {id}"))).collect::<StringArray>())
}

/// Files of (id, name).
fn file(workspace: &Workspace, name: &str, range: std::ops::Range<i64>, prefix: &str) -> String {
    workspace.parquet(name, &[table(vec![("id", ids(range.clone())), ("name", names(range, prefix))])])
}

/// Runs `olbridge delta …` and reads its report.
fn done(workspace: &Workspace, words: &[&str]) -> Value {
    serde_json::from_str(&workspace.ok(&[&["delta"], words, &["--report", "json"]].concat())).unwrap()
}

fn number(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_else(|| panic!("{name} in {report}"))
}

/// Compression and row groups of a file of a table; taken out of it, for there it may be one that is gone.
fn layout_of(workspace: &Workspace, file: &std::path::Path) -> (String, u64) {
    std::fs::copy(file, workspace.file("taken-out.parquet")).unwrap();
    let described: Value = serde_json::from_str(&workspace.ok(&["describe", "taken-out.parquet", "--format", "json"])).unwrap();
    let file = &described["files"][0];
    (file["compression"][0].as_str().unwrap().to_owned(), number(file, "row_groups"))
}

/// Rows of the newest version, by its description.
fn count(workspace: &Workspace, location: &str) -> u64 {
    number(&done(workspace, &["describe", location]), "rows")
}

#[test]
fn a_table_is_made_of_columns_and_says_whether_it_was_there() {
    let workspace = Workspace::new();
    let create = ["create", "t", "--column", "id=int64 not null", "--column", "price=decimal(18, 2)", "--column", "day=date"];
    let more = ["--partition-by", "day", "--property", "delta.enableChangeDataFeed=true", "--comment", "orders"];
    let made = done(&workspace, &[&create[..], &more].concat());
    assert_eq!(
        (&made["created"], &made["outcome"], number(&made, "version")),
        (&Value::from(true), &Value::from("committed"), 0),
        "{made}"
    );
    workspace.run(&[&["delta"], &create[..]].concat()).fails(4, &["there already"]);
    let again = done(&workspace, &[&create[..], &["--if-not-exists", "--partition-by", "day"]].concat());
    let told = ["created", "same_schema", "same_partitions"].map(|name| again[name].as_bool().unwrap());
    assert_eq!(told, [false, true, true], "{again}");
    let other = done(&workspace, &["create", "delta:t", "--column", "id=int32", "--if-not-exists"]);
    assert_eq!((&other["same_schema"], &other["same_partitions"]), (&Value::from(false), &Value::from(false)), "{other}");
    let shown = workspace.ok(&["delta", "describe", "t"]);
    for part in ["not null", "Decimal128(18, 2)", "partitions day", "orders", "delta.enableChangeDataFeed = true", "writer"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    workspace.run(&["delta", "create", "u", "--column", "at=time_us"]).fails(4, &["column at", "times of day"]);
    workspace.run(&["delta", "create", "u", "--column", "id=number"]).fails(2, &["column id", "int64"]);
    workspace.run(&["delta", "create", "u"]).fails(2, &["--column", "--from"]);
    assert!(!workspace.file("u").exists());
}

#[test]
fn a_table_is_made_like_a_file_or_a_table_of_a_database() {
    let database = Database::embedded();
    let workspace = database.workspace();
    let source = file(workspace, "in.parquet", 0..3, "row");
    done(workspace, &["create", "like_file", "--from", &source]);
    assert!(workspace.ok(&["delta", "describe", "like_file"]).contains("name"), "columns of the file");
    std::fs::write(workspace.file("in.csv"), "id,price\n1,2.50\n").unwrap();
    done(workspace, &["create", "like_csv", "--from", "in.csv", "--as", "price=decimal(9,2)"]);
    assert!(workspace.ok(&["delta", "describe", "like_csv"]).contains("Decimal128(9, 2)"));
    database
        .sql("CREATE TABLE T (ID NUMBER(9) NOT NULL, N NUMBER, AT TIMESTAMP(6), \"Mixed\" VARCHAR2(5), SPAN INTERVAL DAY(2) TO SECOND(6))");
    database.sql("INSERT INTO T VALUES (1, 12.25, NULL, 'x', NULL)");
    let words = ["delta", "create", "like_table", "--from", &database.target("T")];
    database.run(&words).fails(4, &["SPAN", "durations"]);
    database.ok(&[&words[..], &["--lossy", "duration"]].concat());
    let shown = workspace.ok(&["delta", "describe", "like_table"]);
    for part in ["id", "Int32", "not null", "Decimal128(", "Mixed", "Timestamp(µs)", "Int64"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // The copy finds the table as it would have made it.
    database.ok(&["delta", "create", "like_query", "--from", &database.target(""), "--query", "SELECT ID, N FROM T"]);
    let copied = database.ok(&["copy", &database.target("T"), "delta:like_query", "--columns", "ID,N"]);
    assert!(copied.contains("1 row"), "{copied}");
}

#[test]
fn rows_are_deleted_updated_and_counted_behind_a_guard() {
    let workspace = Workspace::new();
    let source = file(&workspace, "in.parquet", 0..100, "row");
    let made = done(&workspace, &["write", "t", "--from", &source, "--mode", "create"]);
    assert_eq!((number(&made, "rows_written"), &made["created"]), (100, &Value::from(true)), "{made}");
    let delete = ["delete", "t", "--where", "id >= 90"];
    workspace.run(&[&["delta"], &delete[..]].concat()).fails(2, &["id >= 90", "--allow-destructive"]);
    let planned = done(&workspace, &[&delete[..], &["--dry-run"]].concat());
    assert_eq!((&planned["status"], number(&planned, "rows")), (&Value::from("planned"), 10), "{planned}");
    assert_eq!(count(&workspace, "t"), 100);
    let deleted = done(&workspace, &[&delete[..], &["--allow-destructive"]].concat());
    assert_eq!((number(&deleted, "rows"), number(&deleted, "rows_copied")), (10, 90), "{deleted}");
    workspace.run(&["delta", "update", "t", "--set", "name = 'x'"]).fails(2, &["all rows", "--allow-destructive"]);
    let updated = done(&workspace, &["update", "t", "--set", "name = name || '!'", "--set", "id = id + 1000", "--where", "id < 5"]);
    assert_eq!((number(&updated, "rows"), number(&updated, "rows_copied")), (5, 85), "{updated}");
    for (words, part) in [
        (&["delete", "t", "--where", "nowhere = 1", "--allow-destructive"][..], "nowhere"),
        (&["update", "t", "--set", "nowhere = 1", "--where", "id = 1"], "nowhere"),
        (&["update", "t", "--set", "name", "--where", "id = 1"], "--set"),
        (&["update", "t", "--set", "id = 1", "--set", "id = 2", "--where", "id = 1"], "twice"),
    ] {
        let outcome = workspace.run(&[&["delta"], words].concat());
        assert!(outcome.code != 0 && outcome.stderr.contains(part), "{words:?}: {}", outcome.stderr);
    }
    // Half of an odd number is no integer.
    workspace.run(&["delta", "update", "t", "--set", "id = id / 2.0", "--where", "id = 7"]).fails(5, &["column id", "exactly"]);
    assert_eq!(count(&workspace, "t"), 90);
    let history = done(&workspace, &["history", "t", "--limit", "2"]);
    let operations: Vec<&str> = history["commits"].as_array().unwrap().iter().map(|commit| commit["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["UPDATE", "DELETE"]);
    assert!(workspace.ok(&["delta", "history", "t"]).contains("5 updated"));
}

#[test]
fn files_tables_and_queries_are_merged_with_every_clause() {
    let database = Database::embedded();
    let workspace = database.workspace();
    done(workspace, &["write", "t", "--from", &file(workspace, "in.parquet", 0..10, "row"), "--mode", "create"]);
    let upsert = done(workspace, &["merge", "t", "--from", &file(workspace, "more.parquet", 8..12, "new"), "--key", "id"]);
    let counts =
        |report: &Value| ["source_rows", "rows_inserted", "rows_updated", "rows_deleted", "rows_copied"].map(|name| number(report, name));
    assert_eq!(counts(&upsert), [4, 2, 2, 0, 8], "{upsert}");
    // A table of the database, by condition, with a column that only it has.
    database.sql("CREATE TABLE CHANGES (ID NUMBER(9), NAME VARCHAR2(20), OP CHAR(1))");
    for row in ["(1, NULL, 'D')", "(2, 'two', 'U')", "(50, 'fifty', 'I')", "(51, 'none', 'X')"] {
        database.sql(&format!("INSERT INTO CHANGES VALUES {row}"));
    }
    let from = database.target("CHANGES");
    let words = [
        "delta",
        "merge",
        "t",
        "--from",
        &from,
        "--on",
        "target.id = source.id",
        "--source-only",
        "op",
        "--when",
        "matched and source.op = 'D' then delete",
        "--when",
        "matched then update set name = upper(source.name)",
        "--when",
        "not matched and source.op = 'I' then insert (id, name) values (source.id, source.name)",
        "--when",
        "not matched by source and target.id >= 10 then delete",
        "--when",
        "not matched by source and target.id = 9 then update set name = 'nine'",
    ];
    database.run(&words).fails(2, &["that the source does not have", "--allow-destructive"]);
    let merged: Value = serde_json::from_str(&database.ok(&[&words[..], &["--allow-destructive", "--report", "json"]].concat())).unwrap();
    assert_eq!(counts(&merged)[..4], [4, 1, 2, 3], "{merged}");
    database.ok(&["copy", "delta:t", &database.target("BACK"), "--mode", "create"]);
    let rows = database.rows("SELECT ID, NAME FROM BACK WHERE ID IN (2, 9, 50) ORDER BY ID");
    let names: Vec<String> = rows.into_iter().map(|row| row[1].clone().unwrap()).collect();
    assert_eq!((names, database.count("BACK")), (vec!["TWO".into(), "nine".into(), "fifty".into()], 10));
    // A query; a second row for one of the table is an error.
    let query = ["delta", "merge", "t", "--from", &database.target(""), "--key", "id", "--query"];
    let once: Value =
        serde_json::from_str(&database.ok(&[&query[..], &["SELECT 3 ID, 'q' NAME FROM DUAL", "--report", "json"]].concat())).unwrap();
    assert_eq!(number(&once, "rows_updated"), 1, "{once}");
    let twice = database.run(&[&query[..], &["SELECT 3 ID, 'q' NAME FROM DUAL UNION ALL SELECT 3, 'r' FROM DUAL"]].concat());
    assert_ne!(twice.code, 0, "{}", twice.stdout);
    database
        .run(&["delta", "merge", "t", "--from", &from, "--on", "target.id = source.id", "--when", "matched then explode"])
        .fails(2, &["--when"]);
}

#[test]
fn an_epoch_is_merged_once_and_seen_in_the_history() {
    let workspace = Workspace::new();
    done(&workspace, &["create", "t", "--column", "id=int64", "--column", "name=text"]);
    let source = file(&workspace, "in.parquet", 0..3, "row");
    let words = ["write", "t", "--from", &source, "--app-id", "job", "--epoch", "7", "--commit-info", "olbridge.note=first"];
    assert_eq!(done(&workspace, &words)["outcome"], "committed");
    let again = done(&workspace, &words);
    assert_eq!((&again["outcome"], again["epoch"].as_i64()), (&Value::from("already_committed"), Some(7)), "{again}");
    assert_eq!(count(&workspace, "t"), 3);
    let history = done(&workspace, &["history", "t", "--limit", "1"]);
    assert_eq!(history["commits"][0]["info"]["olbridge.note"], "first", "{history}");
    workspace.run(&["delta", "write", "t", "--from", &source, "--epoch", "8"]).fails(2, &["--app-id"]);
}

#[test]
fn rows_are_replaced_by_condition_and_files_are_made_as_asked() {
    let workspace = Workspace::new();
    let days = |range: std::ops::Range<i64>, day: &str| {
        let of_day: ArrayRef = Arc::new(range.clone().map(|_| Some(day)).collect::<StringArray>());
        table(vec![("id", ids(range)), ("day", of_day)])
    };
    let first = workspace.parquet("a.parquet", &[days(0..10, "mon"), days(10..30, "tue")]);
    done(&workspace, &["write", "t", "--from", &first, "--mode", "create", "--partition-by", "day"]);
    let next = workspace.parquet("b.parquet", &[days(100..105, "tue")]);
    workspace
        .run(&["delta", "write", "u", "--from", &next, "--mode", "overwrite", "--replace-where", "id > 0"])
        .fails(2, &["there is none yet"]);
    let words = ["write", "t", "--from", &next, "--mode", "overwrite", "--replace-where", "day = 'tue'"];
    workspace.run(&[&["delta"], &words[..]].concat()).fails(2, &["day = 'tue'", "--allow-destructive"]);
    let layout = ["--allow-destructive", "--compression", "zstd", "--row-group-rows", "2", "--file-bytes", "64MiB", "--batch-rows", "100"];
    done(&workspace, &[&words[..], &layout].concat());
    assert_eq!(count(&workspace, "t"), 15);
    let wrong = workspace.parquet("c.parquet", &[days(0..1, "wed")]);
    let refused = workspace.run(&[
        "delta",
        "write",
        "t",
        "--from",
        &wrong,
        "--mode",
        "overwrite",
        "--replace-where",
        "day = 'tue'",
        "--allow-destructive",
    ]);
    assert_ne!(refused.code, 0, "{}", refused.stdout);
    let newest =
        std::fs::read_dir(workspace.file("t/day=tue")).unwrap().flatten().max_by_key(|e| e.metadata().unwrap().modified().unwrap());
    assert_eq!(layout_of(&workspace, &newest.unwrap().path()), ("ZSTD".into(), 3));
    workspace.run(&["delta", "write", "t", "--from", &next, "--compression", "best"]).fails(2, &["zstd"]);
}

#[test]
fn a_copy_makes_files_as_asked() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER(9))");
    database.sql("INSERT INTO T SELECT LEVEL FROM DUAL CONNECT BY LEVEL <= 10");
    let layout = ["--mode", "create", "--compression", "zstd:7", "--row-group-rows", "5"];
    database.ok(&[&["copy", &database.target("T"), "delta:t"], &layout[..]].concat());
    let files = std::fs::read_dir(database.workspace().file("t")).unwrap().flatten().map(|entry| entry.path());
    let file = files.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "parquet")).unwrap();
    assert_eq!(layout_of(database.workspace(), &file), ("ZSTD".into(), 2));
}

#[test]
fn a_table_is_altered_one_change_a_commit() {
    let workspace = Workspace::new();
    let source = file(&workspace, "in.parquet", 0..5, "row");
    done(&workspace, &["write", "t", "--from", &source, "--mode", "create"]);
    let alter = |more: &[&str]| workspace.run(&[&["delta", "alter", "t"], more].concat());
    let ok = |more: &[&str]| assert_eq!(done(&workspace, &[&["alter", "t"], more].concat())["outcome"], "committed", "{more:?}");
    ok(&["--add-column", "price=decimal(10,2)"]);
    alter(&["--add-column", "NAME=text"]).fails(4, &["NAME already"]);
    alter(&["--add-column", "n=int64 not null"]).fails(4, &["no value"]);
    ok(&["--widen-column", "price=decimal(20,2)"]);
    alter(&["--widen-column", "price=decimal(5,2)"]).fails(4, &["price"]);
    alter(&["--set-not-null", "price"]).fails(4, &["has NULLs"]);
    ok(&["--set-not-null", "name"]);
    ok(&["--set-nullable", "name"]);
    ok(&["--add-constraint", "positive=id >= 0"]);
    alter(&["--add-constraint", "large=id >= 3"]).fails(4, &["3 rows", "constraints"]);
    let bad = workspace.parquet("bad.parquet", &[table(vec![("id", ids(-1..0)), ("name", names(-1..0, "bad"))])]);
    workspace.run(&["delta", "write", "t", "--from", &bad, "--schema-mode", "merge"]).fails(4, &["constraints"]);
    ok(&["--drop-constraint", "positive"]);
    ok(&["--set-property", "delta.logRetentionDuration=interval 3 days", "--set-property", "owner=me"]);
    ok(&["--unset-property", "owner"]);
    alter(&["--rename-column", "name=title"]).fails(4, &["column mapping", "upgrade"]);
    ok(&["--rename-column", "name=title", "--upgrade"]);
    alter(&["--drop-column", "price"]).fails(2, &["--allow-destructive"]);
    ok(&["--drop-column", "price", "--allow-destructive"]);
    // What deltalake cannot do on a table with column mapping is refused by name.
    alter(&["--widen-column", "id=decimal(38,0)"]).fails(4, &["column mapping"]);
    workspace.run(&["delta", "optimize", "t"]).fails(4, &["olumn mapping"]);
    let shown = workspace.ok(&["delta", "describe", "t"]);
    assert!(
        shown.contains("title") && !shown.contains("price") && shown.contains("columnMapping") && shown.contains("interval 3 days"),
        "{shown}"
    );
    alter(&[]).fails(2, &[]);
    alter(&["--add-column", "a=text", "--drop-column", "b"]).fails(2, &[]);
}

#[test]
fn a_table_is_put_back_and_read_as_it_was() {
    let database = Database::embedded();
    let workspace = database.workspace();
    done(workspace, &["write", "t", "--from", &file(workspace, "a.parquet", 0..10, "row"), "--mode", "create"]);
    let pause = || std::thread::sleep(std::time::Duration::from_millis(600));
    pause();
    let between = chrono::Utc::now().to_rfc3339();
    pause();
    done(workspace, &["write", "t", "--from", &file(workspace, "b.parquet", 10..15, "row")]);
    assert_eq!(number(&done(workspace, &["describe", "t", "--delta-version", "0"]), "rows"), 10);
    assert_eq!(number(&done(workspace, &["describe", "t", "--delta-timestamp", &between]), "rows"), 10);
    workspace.run(&["delta", "describe", "t", "--delta-version", "9"]).fails(4, &["no version 9"]);
    // A copy reads a version by time too.
    database.ok(&["copy", "delta:t", &database.target("OLD"), "--mode", "create", "--delta-timestamp", &between]);
    assert_eq!(database.count("OLD"), 10);
    workspace.run(&["delta", "restore", "t", "--delta-version", "0"]).fails(2, &["--allow-destructive"]);
    workspace.run(&["delta", "restore", "t", "--allow-destructive"]).fails(2, &["--delta-version"]);
    let restored = done(workspace, &["restore", "t", "--delta-version", "0", "--allow-destructive"]);
    assert_eq!((number(&restored, "version"), number(&restored, "files_removed")), (2, 1), "{restored}");
    assert_eq!(count(workspace, "t"), 10);
    assert_eq!(number(&done(workspace, &["describe", "t", "--delta-version", "1"]), "rows"), 15);
}

#[test]
fn dropping_lists_what_goes_and_needs_leave() {
    let workspace = Workspace::new();
    done(&workspace, &["write", "t", "--from", &file(&workspace, "a.parquet", 0..10, "row"), "--mode", "create"]);
    let listed = workspace.ok(&["delta", "drop", "t", "--dry-run"]);
    assert!(listed.contains(".parquet") && listed.contains("_delta_log/00000000000000000000.json"), "{listed}");
    workspace.run(&["delta", "drop", "t"]).fails(2, &["with all its versions", "--allow-destructive"]);
    assert_eq!(count(&workspace, "t"), 10);
    let dropped = done(&workspace, &["drop", "t", "--allow-destructive"]);
    assert_eq!(number(&dropped, "file_count"), dropped["files"].as_array().unwrap().len() as u64, "{dropped}");
    assert!(!workspace.file("t").exists());
    workspace.run(&["delta", "drop", "t", "--allow-destructive"]).fails(6, &["no Delta table"]);
}

#[test]
fn small_files_are_put_together_and_old_ones_and_orphans_removed() {
    let workspace = Workspace::new();
    for name in ["t", "u"] {
        for part in 0..3 {
            let source = file(&workspace, "a.parquet", part * 10..part * 10 + 10, "row");
            done(&workspace, &["write", name, "--from", &source, "--mode", "create"]);
        }
    }
    let optimized = done(&workspace, &["optimize", "t", "u", "--compression", "zstd"]);
    let tables = optimized["tables"].as_array().unwrap();
    assert_eq!(
        tables.iter().map(|done| (number(done, "files_removed"), number(done, "files_added"))).collect::<Vec<_>>(),
        [(3, 1), (3, 1)]
    );
    let ordered = done(&workspace, &["optimize", "t", "--z-order", "name,id"]);
    assert_eq!(ordered["outcome"], "committed", "{ordered}");
    assert_eq!(count(&workspace, "t"), 30);
    // A file that a write has left behind when it was killed.
    std::fs::copy(workspace.file("a.parquet"), workspace.file("u/part-orphan.parquet")).unwrap();
    let now = ["vacuum", "u", "--retention-hours", "0"];
    workspace.run(&[&["delta"], &now[..]].concat()).fails(4, &["retention"]);
    let listed = done(&workspace, &[&now[..], &["--short-retention"]].concat());
    assert_eq!((&listed["status"], number(&listed, "file_count")), (&Value::from("planned"), 3), "{listed}");
    let removed = done(&workspace, &[&now[..], &["--short-retention", "--allow-destructive"]].concat());
    assert_eq!((&removed["status"], number(&removed, "file_count")), (&Value::from("done"), 3), "{removed}");
    assert!(workspace.file("u/part-orphan.parquet").exists(), "an orphan goes when it is asked for");
    let orphans = [&now[..], &["--short-retention", "--orphans"]].concat();
    assert_eq!(done(&workspace, &orphans)["files"], serde_json::json!(["part-orphan.parquet"]));
    done(&workspace, &[&orphans[..], &["--allow-destructive"]].concat());
    assert!(!workspace.file("u/part-orphan.parquet").exists());
    done(&workspace, &["checkpoint", "t", "u"]);
    assert!(workspace.file("u/_delta_log/_last_checkpoint").exists());
    workspace.run(&["delta", "cleanup", "t"]).fails(2, &["--allow-destructive"]);
    assert_eq!(number(&done(&workspace, &["cleanup", "t", "--allow-destructive"]), "commits_removed"), 0);
    assert_eq!((count(&workspace, "t"), count(&workspace, "u")), (30, 30));
}

#[test]
fn a_condition_finds_rows_with_nan() {
    let workspace = Workspace::new();
    let values: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN]));
    let source = workspace.parquet("n.parquet", &[table(vec![("id", ids(0..2)), ("x", values)])]);
    done(&workspace, &["write", "t", "--from", &source, "--mode", "create"]);
    assert_eq!(number(&done(&workspace, &["delete", "t", "--where", "x > 100", "--dry-run"]), "rows"), 1);
    assert_eq!(number(&done(&workspace, &["delete", "t", "--where", "x > 100", "--allow-destructive"]), "rows"), 1);
}

#[test]
fn secrets_stay_off_the_command_line() {
    let workspace = Workspace::new();
    let refused = workspace.run(&["delta", "describe", "s3://b/t", "--storage-option", "secret_access_key=tiger"]);
    refused.fails(2, &["secret_access_key", "connections file"]);
    workspace.run(&["delta", "describe", "s3://b/t", "--connection", "nowhere"]).fails(2, &["nowhere"]);
    workspace.run(&["delta", "describe", "ftp://x/t"]).fails(2, &["scheme"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_commits_nothing_and_leaves_no_file() {
    let database = Database::embedded();
    let workspace = database.workspace();
    database.sql("CREATE TABLE T (ID NUMBER(9))");
    database.sql("INSERT INTO T SELECT LEVEL FROM DUAL CONNECT BY LEVEL <= 20000");
    done(workspace, &["create", "t", "--column", "x=int32", "--column", "y=int32"]);
    let query = "SELECT A.ID X, B.ID Y FROM T A, T B";
    let words = ["delta", "write", "t", "--from", &database.target(""), "--query", query, "--file-bytes", "100KB"];
    let running = Running::new(database.command(&words).spawn().unwrap());
    let has_files =
        || std::fs::read_dir(workspace.file("t")).unwrap().flatten().any(|e| e.path().extension().is_some_and(|x| x == "parquet"));
    let began = std::time::Instant::now();
    while !has_files() && began.elapsed() < TIME_LIMIT {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(std::process::Command::new("kill").args(["-INT", &running.child.id().to_string()]).status().unwrap().success());
    running.wait(TIME_LIMIT).fails(130, &["interrupted", "was not written"]);
    assert!(!has_files(), "files of a write that was broken off stay");
    assert_eq!(count(workspace, "t"), 0);
}

/// Of several tables the second is missing: the first is done, and the user knows.
#[test]
fn what_was_done_before_a_table_that_fails_is_told() {
    let workspace = Workspace::new();
    let rows = file(&workspace, "a.parquet", 0..9, "row");
    for mode in ["create", "append"] {
        workspace.ok(&["delta", "write", "a", "--from", &rows, "--mode", mode]);
    }
    let outcome = workspace.run(&["delta", "optimize", "a", "nix", "--report", "json"]);
    outcome.fails(6, &["nix: no Delta table"]);
    assert!(outcome.stderr.contains("done: ") && outcome.stderr.contains("/a"), "{}", outcome.stderr);
    assert_eq!(number(&done(&workspace, &["describe", "a"]), "files"), 1);
}

/// What the user has written is wrong, and not the store.
#[test]
fn conditions_that_do_not_fit_the_columns_are_the_users() {
    let workspace = Workspace::new();
    let rows = file(&workspace, "a.parquet", 0..9, "row");
    workspace.ok(&["delta", "write", "a", "--from", &rows, "--mode", "create"]);
    for condition in ["id = 'x'", "name", "id"] {
        workspace.run(&["delta", "delete", "a", "--where", condition, "--allow-destructive"]).fails(4, &["describe shows them"]);
    }
    assert_eq!(count(&workspace, "a"), 9);
}
