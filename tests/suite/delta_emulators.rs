//! Copy jobs between a database and Delta tables in stores of others: moto as S3, Azurite as Azure and as OneLake, through the built command. The tests skip
//! loudly where `delta/tests/peers.sh` has not installed them.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::delta_kills::{Random, change, killed_and_run_again};
use crate::support::database::Database;
use crate::support::{Running, TIME_LIMIT, finish, peers};

/// A database, and a folder for Delta tables in a store that the command finds by its environment.
struct Lake {
    database: Database,
    /// The folder, as `delta:LOCATION` has it.
    url: String,
    /// The store for Python's deltalake: a URL of the folder, and its storage options.
    python: (String, Value),
}

const S3_SECRET: &str = "hunter2hunter2";

/// Variables of the tests' caller that would lead the command elsewhere are covered.
fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = [("NO_PROXY", "127.0.0.1"), ("http_proxy", ""), ("HTTP_PROXY", "")];
    all.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Lake {
    /// S3 by the environment's variables.
    fn s3(test: &str) -> Option<Self> {
        let endpoint = format!("http://127.0.0.1:{}", peers::moto()?.port);
        let settings = [
            ("AWS_ENDPOINT", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "tester"),
            ("AWS_SECRET_ACCESS_KEY", S3_SECRET),
        ];
        let url = format!("s3://olbridge/jobs/{test}");
        let options: serde_json::Map<_, _> = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        Some(Lake { database: Database::embedded().with_environment(variables(&settings)), python: (url.clone(), options.into()), url })
    }

    /// Azure or OneLake by a connections file, which names the variable that has the key.
    fn azure(account: &str, url: String, path: &str) -> Option<Self> {
        let endpoint = format!("http://127.0.0.1:{}/{account}", peers::azurite()?.port);
        let database = Database::embedded();
        let file = database.workspace().file("connections.json");
        let options = serde_json::json!({"endpoint": endpoint, "allow_http": "true", "account_key": {"env": "KEY_OF_THE_TEST"}});
        let connections =
            serde_json::json!({"connections": {"other": {"url": "onelake://other"}, "test": {"url": url, "options": options}}});
        std::fs::write(&file, connections.to_string()).unwrap();
        let settings = [("OLBRIDGE_CONNECTIONS", file.to_str().unwrap()), ("KEY_OF_THE_TEST", peers::AZURITE_KEY)];
        let database = database.with_environment(variables(&settings));
        let options =
            serde_json::json!({"account_name": account, "account_key": peers::AZURITE_KEY, "endpoint": endpoint, "allow_http": "true"});
        Some(Lake { database, python: (format!("az://sales-ws/{path}"), options), url })
    }

    fn at(&self, table: &str) -> String {
        format!("delta:{}/{table}", self.url)
    }

    fn json(&self, words: &[&str]) -> Value {
        let words = [words, &["--report", "json"]].concat();
        let outcome = self.database.run(&words);
        assert_eq!(outcome.code, 0, "{words:?}\n{outcome}");
        for secret in [S3_SECRET, peers::AZURITE_KEY] {
            assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret), "{outcome}");
        }
        serde_json::from_str(&outcome.stdout).unwrap()
    }

    /// Both tables have the same rows.
    #[track_caller]
    fn assert_equal(&self, one: &str, other: &str) {
        let minus = |one: &str, other: &str| format!("SELECT COUNT(*) FROM (SELECT * FROM {one} MINUS SELECT * FROM {other})");
        for query in [minus(one, other), minus(other, one)] {
            assert_eq!(self.database.rows(&query)[0][0].as_deref(), Some("0"), "{query}");
        }
        assert_eq!(self.database.count(one), self.database.count(other));
    }

    /// What Python's deltalake reads of the table: how many rows, and the sum of a column. The script leaves without the interpreter's farewell, in which
    /// threads of the package are sometimes aborted.
    fn read_by_python(&self, table: &str, column: &str) -> Option<(u64, i64)> {
        const SCRIPT: &str = "
import json, os, sys
from deltalake import DeltaTable
url, options, column = sys.argv[1:]
table = DeltaTable(url, storage_options=json.loads(options)).to_pyarrow_table()
print(json.dumps([table.num_rows, sum(value for value in table[column].to_pylist() if value is not None)]), flush=True)
os._exit(0)
";
        let python = peers::program("python/bin/python")?;
        let mut command = Command::new(python);
        command.args(["-c", SCRIPT, &format!("{}/{table}", self.python.0), &self.python.1.to_string(), column]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).env("NO_PROXY", "127.0.0.1");
        let outcome = finish(command, TIME_LIMIT);
        assert_eq!(outcome.code, 0, "{outcome}");
        Some(serde_json::from_str(&outcome.stdout).unwrap())
    }
}

fn s(lake: &Lake) {
    lake.database.sql("CREATE TABLE S (ID NUMBER(19), NAME VARCHAR2(40), BIG NUMBER(38,2))");
    lake.database
        .sql("INSERT INTO S SELECT LEVEL, 'row ' || LEVEL, LEVEL + 10000000000000000000000000000000000 FROM DUAL CONNECT BY LEVEL <= 500");
}

/// Modes, moments, partitions and names, each read back.
fn copies(lake: &Lake) {
    let database = &lake.database;
    let whole = lake.at("whole");
    assert_eq!(lake.json(&["copy", "embedded:data.db/S", &whole, "--mode", "create"])["rows"], 500);
    let again = database.run(&["copy", "embedded:data.db/S", &whole, "--mode", "error-if-exists"]);
    again.fails(4, &["a Delta table is there"]);
    let scn = database.rows("SELECT TO_CHAR(CURRENT_SCN) FROM V$DATABASE")[0][0].clone().unwrap();
    let append = ["copy", "embedded:data.db/S", &whole, "--mode", "append", "--job", "more", "--as-of-scn", &scn, "--where", "ID <= 100"];
    lake.json(&append);
    assert!(database.ok(&append).contains("nothing done"), "the same moment of the same job is committed once");
    lake.json(&["copy", &whole, "embedded:data.db/TWICE", "--mode", "create"]);
    assert_eq!(database.rows("SELECT COUNT(*), COUNT(DISTINCT ID) FROM TWICE")[0], [Some("600".into()), Some("500".into())]);
    lake.json(&["copy", &whole, "embedded:data.db/FIRST", "--mode", "create", "--delta-version", "0"]);
    lake.assert_equal("S", "FIRST");
    lake.json(&["copy", "embedded:data.db/S", &whole, "--mode", "overwrite", "--allow-destructive"]);
    let merged = lake.json(&["copy", "embedded:data.db/S", &whole, "--mode", "upsert", "--key", "id", "--where", "ID > 490"]);
    assert_eq!(merged["change"]["merged"]["metrics"]["rows_inserted"], 0, "{merged}");
    lake.json(&["copy", &whole, "embedded:data.db/BACK", "--mode", "create"]);
    lake.assert_equal("S", "BACK");
    if let Some(found) = lake.read_by_python("whole", "id") {
        assert_eq!(found, (500, 500 * 501 / 2));
    }
    // Values that are no names of folders.
    database.sql("CREATE TABLE P AS SELECT ID, DECODE(MOD(ID, 4), 0, 'a/b %', 1, 'Größe=1', 2, '#?', NULL) PART FROM S");
    let parts = lake.at("by part/p");
    lake.json(&["copy", "embedded:data.db/P", &parts, "--mode", "create", "--partition-by", "PART"]);
    lake.json(&["copy", &parts, "embedded:data.db/P_BACK", "--mode", "create", "--columns", "id,part"]);
    lake.assert_equal("P", "P_BACK");
    let location = parts.strip_prefix("delta:").unwrap();
    for words in [&["optimize", location][..], &["checkpoint", location], &["vacuum", location], &["history", location]] {
        database.ok(&[&["delta"], words].concat());
    }
    lake.json(&["copy", &parts, "embedded:data.db/P_AGAIN", "--mode", "create", "--columns", "id,part"]);
    lake.assert_equal("P", "P_AGAIN");
}

/// Several tables at one SCN, and back in one transaction.
fn several(lake: &Lake) {
    let folder = format!("delta:{}/several", lake.url);
    let done = lake.json(&["copy", "embedded:data.db", &folder, "--tables", "s,p", "--mode", "create"]);
    assert_eq!(done["tables"][0]["snapshot"]["scn"], done["tables"][1]["snapshot"]["scn"], "{done}");
    let back = ["copy", &folder, "embedded:back.db", "--tables", "s,p", "--mode", "create"];
    let done = lake.json(&back);
    assert_eq!((&done["tables"][0]["rows_loaded"], &done["tables"][1]["rows_loaded"]), (&500.into(), &500.into()), "{done}");
}

/// Incremental both ways; each run is killed one to three times before it ends.
fn killed(lake: &Lake, rounds: u64) {
    let database = &lake.database;
    let followed = lake.at("followed");
    let out = ["copy", "embedded:data.db/S", &followed, "--key", "id", "--job", "out", "--incremental=rowscn", "--deletes", "compare"];
    let back = ["copy", &followed, "embedded:data.db/T", "--key", "id", "--job", "back", "--incremental"];
    let seed = u64::from(std::process::id());
    let (mut random, mut hits) = (Random(seed), 0);
    let (mut usual_out, mut usual_back) = (Duration::from_millis(1500), Duration::from_millis(1000));
    let mut round = 0;
    // More rounds than asked for, if no kill has met a command at work.
    while round < rounds || (hits == 0 && round < 10 * rounds) {
        if round > 0 {
            change(database, &mut random, round);
        }
        hits += killed_and_run_again(database, &out, &mut usual_out, &mut random);
        hits += killed_and_run_again(database, &back, &mut usual_back, &mut random);
        lake.assert_equal("S", "T");
        if let Some((rows, sum)) = lake.read_by_python("followed", "id") {
            let ours = &database.rows("SELECT COUNT(*), SUM(ID) FROM S")[0];
            assert_eq!([Some(rows.to_string()), Some(sum.to_string())], ours[..], "round {round} of seed {seed}");
        }
        round += 1;
    }
    assert!(hits > 0, "no kill has met a command at work");
    eprintln!("{}: {round} rounds, {hits} kills that met a command at work", lake.url);
    let location = followed.strip_prefix("delta:").unwrap();
    let history: Value = serde_json::from_str(&database.ok(&["delta", "history", location, "--report", "json"])).unwrap();
    let mut scns = Vec::new();
    epochs(&history, &mut scns);
    assert!(scns.len() as u64 >= rounds && scns.is_sorted_by(|newer, older| newer > older), "{history}");
}

/// The SCNs of the commits, wherever the report has them, newest first.
fn epochs(report: &Value, scns: &mut Vec<u64>) {
    match report {
        Value::Object(fields) => {
            scns.extend(fields.get("olbridge.scn").and_then(Value::as_u64));
            fields.values().for_each(|value| epochs(value, scns));
        }
        Value::Array(values) => values.iter().for_each(|value| epochs(value, scns)),
        _ => {}
    }
}

/// Commands that write one table at the same time: all get through, and no row is lost or there twice.
fn writers(lake: &Lake) {
    let database = &lake.database;
    let target = lake.at("writers");
    lake.json(&["copy", "embedded:data.db/S", &target, "--mode", "create", "--where", "ID < 0"]);
    let scn = database.rows("SELECT TO_CHAR(CURRENT_SCN) FROM V$DATABASE")[0][0].clone().unwrap();
    let started: Vec<Running> = (0..3)
        .map(|writer| {
            let (job, part) = (format!("w{writer}"), format!("MOD(ID, 3) = {writer}"));
            let how: &[&str] = if writer == 0 { &["--mode", "append"] } else { &["--mode", "upsert", "--key", "id"] };
            let words = [&["copy", "embedded:data.db/S", &target, "--job", &job, "--as-of-scn", &scn, "--where", &part], how].concat();
            Running::new(database.command(&words).spawn().unwrap())
        })
        .collect();
    for running in started {
        let outcome = running.wait(TIME_LIMIT);
        assert_eq!(outcome.code, 0, "{outcome}");
    }
    lake.json(&["copy", &target, "embedded:data.db/W", "--mode", "create"]);
    lake.assert_equal("S", "W");
}

fn check(lake: &Lake, rounds: u64) {
    s(lake);
    copies(lake);
    several(lake);
    writers(lake);
    killed(lake, rounds);
}

#[test]
fn jobs_to_and_from_s3_lose_nothing() {
    let Some(lake) = Lake::s3("both ways") else { return };
    check(&lake, 3);
    let nowhere = lake.database.run(&["copy", "embedded:data.db/S", "delta:s3://no-such-bucket/t", "--mode", "create"]);
    nowhere.fails(6, &["no-such-bucket", "try:"]);
}

#[test]
fn jobs_to_and_from_azure_lose_nothing() {
    let url = "abfss://sales-ws@olbridge.dfs.core.windows.net/jobs".to_owned();
    let Some(lake) = Lake::azure("olbridge", url, "jobs") else { return };
    check(&lake, 2);
}

#[test]
fn jobs_to_and_from_onelake_lose_nothing() {
    let Some(lake) = Lake::azure("onelake", "onelake://sales-ws/Jobs Lake".to_owned(), "Jobs Lake.Lakehouse/Tables") else {
        return;
    };
    check(&lake, 2);
    let other = lake.database.run(&["copy", "embedded:data.db/S", "delta:onelake://other/lake/t", "--mode", "create"]);
    assert_ne!(other.code, 0, "{other}");
}
