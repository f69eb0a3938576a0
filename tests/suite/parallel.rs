//! `--parallel`: several sessions load one source. Every row once, nothing when one of them fails, and what stays when a commit fails is said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use olbridge::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use olbridge::copy::{Cancel, CopyJob, NoProgress, Target};
use olbridge::oci::Session;
use serde_json::{Value, json};

use crate::support::Workspace;
use crate::support::cutter::{self, Cut};
use crate::support::database::Database;
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};

const LIMIT: Duration = Duration::from_secs(180);

fn report(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap()
}

fn texts(rows: std::ops::Range<i64>, text: impl Fn(i64) -> Option<String>) -> ArrayRef {
    Arc::new(rows.map(text).collect::<StringArray>())
}

fn batch(rows: std::ops::Range<i64>, text: impl Fn(i64) -> Option<String>) -> RecordBatch {
    table(vec![("id", ids(rows.clone())), ("v", texts(rows, text))])
}

/// ID and V of the server's rows, by ID.
fn by_id(server: &mut Loopback) -> BTreeMap<i64, Vec<String>> {
    let mut found: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for row in server.rows("T") {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        found.entry(text(&row[0]).parse().unwrap()).or_default().push(text(&row[1]));
    }
    found
}

#[test]
fn all_sessions_load_and_no_row_is_lost_or_doubled() {
    const ROWS: i64 = 60_000;
    let workspace = Workspace::new();
    let all = batch(0..ROWS, |v| Some(format!("text {v}")));
    workspace.parquet("t.parquet", &[all.slice(0, 20_000), all.slice(20_000, 40_000)]);
    let words = ["copy", "t.parquet", "embedded:null/T", "--mode", "create", "--parallel", "3"];
    let plan = workspace.ok(&[&words[..], &["--dry-run"]].concat());
    for part in ["parallel 3 sessions, each takes the next batch", "3 transactions, committed one after the other", "for each session"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let told = workspace.ok(&words);
    assert!(told.contains("60,000 rows loaded into T (created)") && told.contains("(sums over 3 sessions)"), "{told}");
    assert!(told.contains("3 commits") && told.contains("rows by session: "), "{told}");
    let report = report(&workspace.ok(&[&words[..], &["--report", "json"]].concat()));
    assert_eq!((&report["rows_loaded"], &report["rows_read"], &report["commits"]), (&json!(ROWS), &json!(ROWS), &json!(3)));
    let sessions = report["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 3);
    assert_eq!(sessions.iter().map(|one| one["rows_loaded"].as_i64().unwrap()).sum::<i64>(), ROWS);
    assert_eq!(sessions.iter().map(|one| one["executes"].as_i64().unwrap()).sum::<i64>(), report["executes"].as_i64().unwrap());
    assert!(sessions.iter().filter(|one| one["rows_loaded"].as_i64().unwrap() > 0).count() > 1, "{report}");
}

#[test]
fn a_database_with_one_writer_has_one_session_and_says_so() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(20))");
    database.workspace().parquet("t.parquet", &[batch(0..1000, |_| Some("x".into()))]);
    let target = database.target("T");
    let told = database.ok(&["copy", "t.parquet", &target, "--parallel", "4"]);
    assert!(told.contains("warning: one session instead of 4: the embedded engine has one writer at a time"), "{told}");
    assert_eq!(database.count("T"), 1000);
    database
        .run(&["copy", "t.parquet", &target, "--parallel", "4", "--mode", "overwrite", "--allow-destructive"])
        .fails(4, &["overwrite replaces the rows in one transaction", "--mode truncate"]);
    database.run(&["copy", "t.parquet", &target, "--parallel", "4", "--job", "j"]).fails(2, &["--job", "--parallel"]);
    assert_eq!(database.count("T"), 1000);
}

#[test]
fn the_first_bad_row_is_named_whichever_session_has_it() {
    let workspace = Workspace::new();
    for (first, second) in [(5_000, 30_000), (29_999, 30_001), (12_345, 12_346), (0, 59_999), (59_998, 59_999)] {
        let text = |v: i64| Some(if v == first || v == second { "too long for it".to_owned() } else { "short".to_owned() });
        workspace.parquet("t.parquet", &[batch(0..60_000, text)]);
        let words = ["copy", "t.parquet", "embedded:null/T", "--mode", "create", "--cast", "v=VARCHAR2(9)", "--batch-rows", "700"];
        for sessions in ["1", "2", "5"] {
            let outcome = workspace.run(&[&words[..], &["--parallel", sessions]].concat());
            outcome.fails(5, &[&format!("t.parquet row {}:", first + 1)]);
        }
    }
}

#[test]
fn bad_rows_of_all_sessions_are_kept_with_their_places() {
    const ROWS: i64 = 40_000;
    let workspace = Workspace::new();
    let is_bad = |v: i64| v % 97 == 5;
    workspace.parquet("a.parquet", &[batch(0..ROWS / 2, |v| Some(if is_bad(v) { "too long for it" } else { "short" }.into()))]);
    workspace.parquet("b.parquet", &[batch(ROWS / 2..ROWS, |v| Some(if is_bad(v) { "too long for it" } else { "short" }.into()))]);
    let bad = (0..ROWS).filter(|&v| is_bad(v)).count();
    let words = ["copy", "a.parquet", "b.parquet", "embedded:null/T", "--mode", "create", "--cast", "v=VARCHAR2(9)", "--parallel", "4"];
    // By batch, and by key.
    for (more, name) in [(&[][..], "x.ndjson"), (&["--primary-key", "id"][..], "y.ndjson")] {
        let outcome = workspace.run(&[&words[..], more, &["--rejects", name, "--report", "json"]].concat());
        assert_eq!(outcome.code, 9, "{outcome}");
        let report = report(&outcome.stdout);
        assert_eq!((&report["rows_loaded"], &report["rows_rejected_convert"]), (&json!(ROWS - bad as i64), &json!(bad)));
        let text = std::fs::read_to_string(workspace.file(name)).unwrap();
        let mut kept: Vec<i64> = Vec::new();
        for line in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let (id, row) = (line["id"].as_i64().unwrap(), line["_reject_row"].as_i64().unwrap());
            let (file, before) = if id < ROWS / 2 { ("a.parquet", 0) } else { ("b.parquet", ROWS / 2) };
            assert_eq!((line["_reject_file"].as_str().unwrap(), row), (file, id - before + 1), "{line}");
            kept.push(id);
        }
        kept.sort_unstable();
        assert_eq!(kept, (0..ROWS).filter(|&v| is_bad(v)).collect::<Vec<_>>());
    }
    let limited = [&words[..], &["--rejects", "z.ndjson", "--max-errors"]].concat();
    workspace.run(&[&limited[..], &["50"]].concat()).fails(5, &["bad row 51, and --max-errors allows 50", "z.ndjson"]);
    std::fs::remove_file(workspace.file("z.ndjson")).unwrap();
    assert_eq!(workspace.run(&[&limited[..], &[&bad.to_string()]].concat()).code, 9);
}

#[test]
fn oracles_client_loads_with_several_sessions() {
    const ROWS: i64 = 9_000;
    let Some(mut server) = Loopback::start("parallel::sessions") else { return };
    let before = |server: &mut Loopback| server.control(json!({"cmd": "stats"}))["sessions"].as_u64().unwrap();
    server.workspace().parquet("t.parquet", &[batch(0..ROWS, |v| (v % 7 != 0).then(|| format!("text {v}")))]);
    let sessions = before(&mut server);
    let words =
        ["copy", "t.parquet", &server.target("T"), "--mode", "create", "--batch-rows", "500", "--report", "json", "--parallel", "3"];
    let report = report(&server.ok(&words));
    assert_eq!((&report["rows_loaded"], &report["commits"]), (&json!(ROWS), &json!(3)));
    assert_eq!(before(&mut server) - sessions, 3);
    let found = by_id(&mut server);
    assert_eq!(found.len() as i64, ROWS);
    for (id, values) in found {
        assert_eq!(values, [if id % 7 == 0 { String::new() } else { format!("text {id}") }]);
    }
    assert_eq!(server.assert_clean()["bind_rows"], ROWS);
}

#[test]
fn rows_of_one_key_are_merged_in_the_order_of_the_source() {
    const ROWS: i64 = 6_000;
    let Some(mut server) = Loopback::start("parallel::upsert") else { return };
    server.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR2(20))");
    // Each of 500 keys comes 12 times; what comes last stays.
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..ROWS).map(|v| v * 7 % 500)));
    let file = server.workspace().parquet("t.parquet", &[table(vec![("id", keys), ("v", texts(0..ROWS, |v| Some(format!("v{v}"))))])]);
    let words = ["copy", &file, &server.target("T"), "--mode", "upsert", "--key", "id", "--batch-rows", "200", "--parallel", "3"];
    let plan = server.ok(&[&words[..], &["--dry-run"]].concat());
    assert!(plan.contains("rows of one key (ID) go to one of them"), "{plan}");
    server.ok(&words);
    let mut last: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for v in 0..ROWS {
        last.insert(v * 7 % 500, vec![format!("v{v}")]);
    }
    assert_eq!(by_id(&mut server), last);
    server.run(&[&words[..], &["--merge", "staged"]].concat()).fails(2, &["--merge staged", "--parallel"]);
    server.assert_clean();
}

#[test]
fn rows_of_one_session_that_the_server_refuses_take_all_back() {
    let Some(mut server) = Loopback::start("parallel::refused") else { return };
    server.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(20) NOT NULL)");
    server.workspace().parquet("t.parquet", &[batch(0..20_000, |v| (v != 15_432 && v != 15_999).then(|| "x".into()))]);
    let words = ["copy", "t.parquet", &server.target("T"), "--batch-rows", "300", "--parallel", "3"];
    server.run(&words).fails(5, &["ORA-01400", "t.parquet row 15433:"]);
    assert_eq!(server.rows("T").len(), 0);
    assert!(server.assert_clean()["rollbacks"].as_u64().unwrap() >= 3);
    // And a table that the load has made goes again.
    let create =
        ["copy", "t.parquet", &server.target("U"), "--mode", "create", "--primary-key", "v", "--batch-rows", "300", "--parallel", "3"];
    server.run(&create).fails(5, &["ORA-00001"]);
    let tables = server.control(json!({"cmd": "stats"}))["tables"].clone();
    assert!(!tables.as_array().unwrap().contains(&json!("U")), "{tables}");
}

#[test]
fn rows_that_the_server_refuses_any_session_are_kept_with_their_places() {
    const ROWS: i64 = 20_000;
    let Some(mut server) = Loopback::start("parallel::rejected") else { return };
    server.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(20) NOT NULL)");
    let (is_null, is_long) = (|v: i64| v % 700 == 13, |v: i64| v % 900 == 77);
    let text = |v: i64| (!is_null(v)).then(|| if is_long(v) { "far too long for a column of twenty" } else { "x" }.to_owned());
    server.workspace().parquet("t.parquet", &[batch(0..ROWS, text)]);
    let words = ["copy", "t.parquet", &server.target("T"), "--batch-rows", "300", "--parallel", "3", "--on-error", "reject"];
    let bad: Vec<i64> = (0..ROWS).filter(|&v| is_null(v) || is_long(v)).collect();
    let nulls = bad.iter().filter(|&&v| is_null(v)).count();
    let few = (bad.len() - 1).to_string();
    server
        .run(&[&words[..], &["--rejects", "few.ndjson", "--max-errors", &few]].concat())
        .fails(5, &[&format!("bad row {}, and --max-errors allows {few}", bad.len()), "few.ndjson"]);
    assert_eq!(server.rows("T").len(), 0);

    let outcome =
        server.run(&[&words[..], &["--rejects", "bad.ndjson", "--max-errors", &bad.len().to_string(), "--report", "json"]].concat());
    assert_eq!(outcome.code, 9, "{outcome}");
    let report = report(&outcome.stdout);
    let counts = ["rows_loaded", "rows_rejected_execute", "rows_rejected_convert"].map(|name| report[name].as_u64().unwrap() as usize);
    assert_eq!(counts, [ROWS as usize - bad.len(), nulls, bad.len() - nulls]);
    let text = std::fs::read_to_string(server.workspace().file("bad.ndjson")).unwrap();
    let mut kept: Vec<i64> = Vec::new();
    for line in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let id = line["id"].as_i64().unwrap();
        let code = if is_null(id) { json!(1400) } else { json!(null) };
        assert_eq!((&line["_reject_row"], &line["_reject_ora_code"]), (&json!(id + 1), &code), "{line}");
        kept.push(id);
    }
    kept.sort_unstable();
    assert_eq!(kept, bad);
    let loaded: Vec<i64> = by_id(&mut server).into_keys().collect();
    assert!(loaded.iter().copied().eq((0..ROWS).filter(|&v| !is_null(v) && !is_long(v))));
    server.assert_clean();
}

#[test]
fn a_session_that_is_lost_takes_all_back() {
    let Some(mut server) = Loopback::start("parallel::lost") else { return };
    server.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(20))");
    server.workspace().parquet("t.parquet", &[batch(0..20_000, |_| Some("x".into()))]);
    server.control(json!({"cmd": "set", "name": "drop_after_rows", "value": 9000}));
    let outcome = server.run(&["copy", "t.parquet", &server.target("T"), "--batch-rows", "250", "--parallel", "3"]);
    outcome.fails(7, &["ORA-031", "try:"]);
    assert!(!outcome.stderr.contains("had been committed"), "{outcome}");
    assert_eq!(server.rows("T").len(), 0);
}

#[test]
fn a_commit_that_fails_after_another_says_which_rows_are_there() {
    const ROWS: i64 = 24_000;
    for (cut, is_there) in [(Cut::Commit, false), (Cut::Answer, true)] {
        let Some(mut server) = Loopback::start("parallel::commit") else { return };
        server.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(20))");
        server.workspace().parquet("t.parquet", &[batch(0..ROWS, |_| Some("x".into()))]);
        let port = cutter::start(server.port(), cut, 2);
        let target = format!("oracle://scott@127.0.0.1:{port}/svc/T");
        let outcome = server.run(&["copy", "t.parquet", &target, "--batch-rows", "1000", "--parallel", "3"]);
        let parts = [
            "commit",
            "ORA-03113",
            "the commit of session 2 of 3",
            "either all of its",
            "had been committed before and stay in T: t.parquet rows",
        ];
        outcome.fails(7, &parts);
        assert!(!outcome.stderr.contains("run the job again\n"), "{outcome}");
        let stretches = |after: &str| -> Vec<(i64, i64)> {
            let text = outcome.stderr.split_once(after).unwrap().1;
            let text = text.lines().next().unwrap().split(')').next().unwrap().trim_start_matches("t.parquet rows ");
            text.split(", ").map(|part| part.split_once('-').unwrap()).map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())).collect()
        };
        let mut expected: Vec<i64> = Vec::new();
        let mut add = |stretches: Vec<(i64, i64)>| stretches.iter().for_each(|(first, last)| expected.extend(first - 1..=last - 1));
        add(stretches("stay in T: "));
        if is_there {
            // In doubt for the client; the server has them.
            add(stretches(" rows ("));
        }
        expected.sort_unstable();
        // The server takes the lost session's rows back when it notices.
        for _ in 0..100 {
            if by_id(&mut server).len() == expected.len() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(by_id(&mut server).into_keys().collect::<Vec<_>>(), expected, "{cut:?}: {outcome}");
        assert!(!expected.is_empty() && expected.len() < ROWS as usize, "{outcome}");
    }
}

#[test]
fn commits_on_the_way_stay_and_are_said() {
    const ROWS: i64 = 30_000;
    let Some(mut server) = Loopback::start("parallel::commit_rows") else { return };
    server.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(20) NOT NULL)");
    server.workspace().parquet("t.parquet", &[batch(0..ROWS, |v| (v != 29_500).then(|| "x".into()))]);
    let words = ["copy", "t.parquet", &server.target("T"), "--batch-rows", "500", "--commit-rows", "1000", "--parallel", "3"];
    let outcome = server.run(&words);
    outcome.fails(5, &["t.parquet row 29501:", "had been committed before and are in T: t.parquet rows 1-"]);
    let found = by_id(&mut server);
    assert!(found.len() > 1000 && found.values().all(|values| values.len() == 1), "{}", found.len());
    let said = outcome.stderr.split_once("note: ").unwrap().1.split(' ').next().unwrap().replace(',', "");
    assert_eq!(said.parse::<usize>().unwrap(), found.len(), "{outcome}");
    // The rows of the stretches are those that are there.
    let text = outcome.stderr.split_once("are in T: t.parquet rows ").unwrap().1.lines().next().unwrap();
    let mut told: Vec<i64> = Vec::new();
    for part in text.split(", ") {
        let (first, last) = part.split_once('-').unwrap();
        told.extend(first.parse::<i64>().unwrap() - 1..last.parse::<i64>().unwrap());
    }
    assert_eq!(told, found.into_keys().collect::<Vec<_>>());
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_all_sessions() {
    let Some(mut server) = Loopback::start("parallel::ctrl_c") else { return };
    server.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(20))");
    server.workspace().parquet("t.parquet", &[batch(0..400_000, |_| Some("x".into()))]);
    let running = server.start_command(&["copy", "t.parquet", &server.target("T"), "--batch-rows", "500", "--parallel", "3"]);
    for _ in 0..600 {
        if server.control(json!({"cmd": "stats"}))["bind_rows"].as_u64().unwrap() >= 3000 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(std::process::Command::new("kill").args(["-INT", &running.child.id().to_string()]).status().unwrap().success());
    running.wait(LIMIT).fails(130, &["interrupted: rolled back", "rows are not in T"]);
    assert_eq!(server.rows("T").len(), 0);
    server.assert_clean();
}

/// Tells the child test where its database is.
const CHILD_DIRECTORY: &str = "OLBRIDGE_TEST_PARALLEL_DIRECTORY";

#[test]
fn a_session_that_waits_for_another_one_of_the_load_does_not_wait_for_ever() {
    let workspace = Workspace::new();
    workspace.sql("embedded:data.db", "CREATE TABLE T (ID NUMBER, V VARCHAR2(20))");
    workspace.parquet("t.parquet", &[batch(0..40_000, |_| Some("x".into()))]);
    // Connect strings of servers lead to the engine's file: to the bridge it is a database like any other, but it has one writer at a time.
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "parallel::child_that_waits", "--ignored", "--nocapture"]).current_dir(workspace.path());
    command.env(CHILD_DIRECTORY, workspace.path()).env("OLBRIDGE_EMBEDDED_DATABASE", workspace.file("data.db"));
    command.env("OLBRIDGE_LOCK_WAIT_MS", "600000");
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let outcome = crate::support::finish(command, LIMIT);
    assert!(outcome.code == 0 && outcome.stdout.contains("1 passed"), "{outcome}");
    assert_eq!(workspace.count("embedded:data.db", "T"), 0);
}

#[test]
#[ignore = "a part of a_session_that_waits_for_another_one_of_the_load_does_not_wait_for_ever, which runs it as a child process"]
fn child_that_waits() {
    let Ok(directory) = std::env::var(CHILD_DIRECTORY) else {
        eprintln!("SKIPPED parallel::child_that_waits: {CHILD_DIRECTORY} is not set");
        return;
    };
    let target: Target = "oracle://localhost:1521/svc/T".parse().unwrap();
    let mut options = target.connect_options(None);
    options.client_lib_dir = Some(crate::loader_api::engine_directory());
    let mut session = Session::connect(&options).unwrap();
    let mut job = CopyJob::new(vec![format!("{directory}/t.parquet")], target);
    (job.parallel, job.longest_wait) = (3, Duration::from_secs(2));
    let began = std::time::Instant::now();
    let error = job.plan(&session).unwrap().run(&mut session, &mut NoProgress, &Cancel::new()).unwrap_err().to_string();
    assert!(error.contains("has been in one call for 2 s while the others had nothing to do"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
