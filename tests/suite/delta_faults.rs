//! Copies into Delta tables when something comes in between: other writers, a store that loses an answer, rows and options that do not fit.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::database::Database;
use crate::support::{Outcome, TIME_LIMIT, finish};

fn database(rows: u32) -> Database {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER(9), NAME VARCHAR2(20), DAY DATE)");
    database.sql(&format!("INSERT INTO T SELECT LEVEL, 'row ' || LEVEL, DATE '2026-01-01' FROM DUAL CONNECT BY LEVEL <= {rows}"));
    database
}

/// The same copy by two processes at once.
fn twice(database: &Database, words: &[&str]) -> [Outcome; 2] {
    let commands = [database.command(words), database.command(words)];
    std::thread::scope(|scope| commands.map(|command| scope.spawn(|| finish(command, TIME_LIMIT))).map(|thread| thread.join().unwrap()))
}

/// Rows of a Delta table, by loading them.
fn count(database: &Database, location: &str) -> u64 {
    let back = database.target("COUNTED");
    database.ok(&["copy", location, &back, "--mode", "overwrite", "--allow-destructive"]);
    database.count("COUNTED")
}

/// Both see no table and make it; deltalake itself would let both have their way.
#[test]
fn two_copies_that_make_the_same_table_make_one() {
    let database = database(1000);
    let target = database.target("T");
    let scn = database.rows("SELECT TO_CHAR(CURRENT_SCN) FROM V$DATABASE")[0][0].clone().unwrap();
    let cases: [(&str, &[&str], [i32; 2], u64); 3] = [
        ("delta:lake/exists", &["--mode", "error-if-exists"], [0, 4], 1000),
        ("delta:lake/create", &["--mode", "create"], [0, 0], 2000),
        ("delta:lake/job", &["--mode", "create", "--job", "nightly", "--as-of-scn", &scn], [0, 0], 1000),
    ];
    for (location, options, expected, rows) in cases {
        let outcomes = twice(&database, &[&["copy", &target, location], options].concat());
        let mut codes = outcomes.each_ref().map(|outcome| outcome.code);
        codes.sort_unstable();
        assert_eq!(codes, expected, "{location}: {} {}", outcomes[0], outcomes[1]);
        assert_eq!(count(&database, location), rows, "{location}");
        let log = database.workspace().file(&location[6..]).join("_delta_log");
        let logs = std::fs::read_dir(log).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
        assert_eq!(logs.filter(|commit| commit.contains("\"metaData\"")).count(), 1, "{location}");
    }
}

#[test]
fn a_row_without_a_key_is_refused() {
    let database = database(3);
    let target = database.target("T");
    database.ok(&["copy", &target, "delta:lake/t", "--mode", "create"]);
    database.sql("INSERT INTO T VALUES (NULL, 'nobody', NULL)");
    let words = ["copy", &target, "delta:lake/t", "--mode", "upsert", "--key", "ID"];
    database.run(&words).fails(5, &["column id", "row 4", "NULL in the key", "a key of its own"]);
    let failed = database.run(&[&words[..], &["--report", "json"]].concat());
    let failed: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!((&failed["row"]["column"], &failed["row"]["source"]["row"]), (&"id".into(), &4.into()), "{failed}");
    assert_eq!(count(&database, "delta:lake/t"), 3);
}

/// As much of S3 as a Delta table needs, in memory. The answer to the commit of version 1 is lost, and nothing is answered after it.
#[derive(Default)]
struct Store {
    objects: BTreeMap<String, Vec<u8>>,
    is_away: bool,
}

fn serve(store: Arc<Mutex<Store>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let store = Arc::clone(&store);
            std::thread::spawn(move || answer(stream, &store));
        }
    });
    port
}

/// One request; the connection ends with it.
fn answer(mut stream: TcpStream, store: &Mutex<Store>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        head.iter().find_map(|line| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name))).map(|(_, value)| value.trim())
    };
    let mut body = vec![0; header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let (method, target) = head[0].split_once(' ')?;
    let target = target.split(' ').next()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let key = path.trim_start_matches("/b").trim_start_matches('/').to_owned();
    let mut store = store.lock().unwrap();
    if store.is_away {
        return None;
    }
    let (code, headers, content) = match method {
        "PUT" if header("if-none-match").is_some() && store.objects.contains_key(&key) => {
            ("412 Precondition Failed", String::new(), vec![])
        }
        "PUT" => {
            store.is_away = key.ends_with("_delta_log/00000000000000000001.json");
            store.objects.insert(key, body);
            if store.is_away {
                return None;
            }
            ("200 OK", "ETag: \"1\"\r\n".to_owned(), vec![])
        }
        "GET" if query.contains("list-type") => ("200 OK", String::new(), listing(&store.objects, query).into_bytes()),
        "GET" | "HEAD" => match store.objects.get(&key) {
            Some(object) => ranged(object, header("range")),
            None => ("404 Not Found", String::new(), b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
        },
        _ => {
            store.objects.remove(&key);
            ("204 No Content", String::new(), vec![])
        }
    };
    let length = content.len();
    let head = format!("HTTP/1.1 {code}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(if method == "HEAD" { &[] } else { &content }).ok()
}

fn ranged(object: &[u8], range: Option<&str>) -> (&'static str, String, Vec<u8>) {
    let dates = "ETag: \"1\"\r\nLast-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n";
    let Some((first, last)) = range.and_then(|range| range.strip_prefix("bytes=")).and_then(|range| range.split_once('-')) else {
        return ("200 OK", dates.to_owned(), object.to_vec());
    };
    let number = |text: &str| text.parse::<usize>().ok();
    let (first, last) = match number(first) {
        Some(first) => (first, number(last).unwrap_or(usize::MAX).min(object.len() - 1)),
        None => (object.len().saturating_sub(number(last).unwrap()), object.len() - 1),
    };
    let headers = format!("{dates}Content-Range: bytes {first}-{last}/{}\r\n", object.len());
    ("206 Partial Content", headers, object[first..=last].to_vec())
}

fn listing(objects: &BTreeMap<String, Vec<u8>>, query: &str) -> String {
    let decoded = |text: &str| text.replace("%2F", "/").replace("%20", " ");
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(decoded).unwrap_or_default();
    let (prefix, after) = (value("prefix"), value("start-after"));
    let entry = |(key, object): (&String, &Vec<u8>)| {
        let size = object.len();
        format!(
            "<Contents><Key>{key}</Key><LastModified>2026-11-21T10:00:00.000Z</LastModified><ETag>\"1\"</ETag><Size>{size}</Size></Contents>"
        )
    };
    let found: String = objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after).map(entry).collect();
    format!("<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>")
}

/// "The same again" would double the rows.
#[test]
fn a_commit_whose_answer_is_lost_is_in_doubt() {
    let database = database(20);
    let store = Arc::new(Mutex::new(Store::default()));
    let port = serve(Arc::clone(&store));
    let connections = format!(
        r#"{{"connections": {{"s": {{"url": "s3://b", "credential": {{"kind": "anonymous"}}, "options":
            {{"endpoint": "http://127.0.0.1:{port}", "allow_http": "true", "region": "us-east-1", "max_retries": "0"}}}}}}}}"#
    );
    std::fs::write(database.workspace().file("connections.json"), connections).unwrap();
    let run = |words: &[&str]| {
        let mut command = database.command(words);
        command.env("OLBRIDGE_CONNECTIONS", database.workspace().file("connections.json"));
        finish(command, TIME_LIMIT)
    };
    let target = database.target("T");
    let made = run(&["copy", &target, "delta:s3://b/t", "--mode", "create"]);
    assert_eq!(made.code, 0, "{made}");
    let failed = run(&["copy", &target, "delta:s3://b/t", "--report", "json"]);
    assert_eq!(failed.code, 6, "{failed}");
    let document: Value = serde_json::from_str(&failed.stdout).unwrap();
    let error = document["error"].as_str().unwrap();
    assert!(document["phase"] == "commit" && error.contains("whether version 1 was committed is not known"), "{document}");
    assert!(error.contains("olbridge.attempt") && !error.contains("the same again"), "{error}");
    // It was, and the error of a store that does not answer is none of a commit.
    let failed = run(&["copy", &target, "delta:s3://b/t", "--report", "json"]);
    let document: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!((failed.code, &document["phase"]), (6, &"describe".into()), "{document}");
    store.lock().unwrap().is_away = false;
    let back = run(&["copy", "delta:s3://b/t", &database.target("BACK"), "--mode", "create"]);
    assert_eq!(back.code, 0, "{back}");
    assert_eq!(database.count("BACK"), 40);
}

/// A name for two pieces of work would skip the rows of one.
#[test]
fn a_job_is_one_piece_of_work() {
    let database = database(30);
    let target = database.target("T");
    let scn = database.rows("SELECT TO_CHAR(CURRENT_SCN) FROM V$DATABASE")[0][0].clone().unwrap();
    let words = |condition: &'static str| {
        ["copy", &target, "delta:lake/t", "--mode", "create", "--job", "nightly", "--as-of-scn", &scn, "--where", condition]
            .map(str::to_owned)
    };
    let run = |words: &[String]| database.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run(&words("ID BETWEEN 11 AND 20")).code, 0);
    assert!(run(&words("ID BETWEEN 11 AND 20")).stdout.contains("nothing done"));
    run(&words("ID BETWEEN 21 AND 30"))
        .fails(2, &["--job nightly", "ID BETWEEN 11 AND 20", "ID BETWEEN 21 AND 30", "a --job name for each"]);
    assert_eq!(count(&database, "delta:lake/t"), 10);
    // A time is another SCN when it is asked for again.
    let time = ["copy", &target, "delta:lake/t", "--job", "nightly", "--as-of-timestamp", "2026-11-21T10:00:00Z"];
    database.run(&time).fails(2, &["--job", "--as-of-scn"]);
    // Another database, whose SCNs are lower, would do nothing for as long as they are.
    let far = ["copy", &target, "delta:lake/u", "--mode", "create"];
    database.ok(&far);
    let log = database.workspace().file("lake/u/_delta_log/00000000000000000001.json");
    std::fs::write(log, r#"{"txn":{"appId":"olbridge/nightly","version":9000000000000000000,"lastUpdated":0}}"#).unwrap();
    let upsert = ["copy", &target, "delta:lake/u", "--mode", "upsert", "--key", "ID", "--job", "nightly"];
    database.run(&upsert).fails(2, &["--job nightly", "another database, or an earlier state of it"]);
}

#[test]
fn options_that_make_a_table_are_not_left_aside_where_there_is_one() {
    let database = database(3);
    let target = database.target("T");
    let made = ["copy", &target, "delta:lake/t", "--mode", "create", "--partition-by", "NAME", "--property", "delta.appendOnly=false"];
    database.ok(&made);
    database.ok(&made);
    let words = ["copy", &target, "delta:lake/t", "--mode", "create"];
    database.run(&[&words[..], &["--partition-by", "DAY"]].concat()).fails(4, &["--partition-by day", "partitioned by name"]);
    let other = ["--property", "delta.appendOnly=true"];
    database.run(&[&words[..], &other].concat()).fails(4, &["--property delta.appendOnly=true", "\"false\""]);
    let overwrite = ["copy", &target, "delta:lake/t", "--mode", "overwrite", "--allow-destructive"];
    database.run(&[&overwrite[..], &["--property", "a.b=c"]].concat()).fails(4, &["--property a.b=c", "does not have it"]);
    assert_eq!(count(&database, "delta:lake/t"), 6);
}

#[test]
fn what_becomes_of_zones_and_times_of_day_is_said() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER(9), AT TIMESTAMP(6) WITH TIME ZONE, DAY DATE)");
    database.sql("INSERT INTO T VALUES (1, TIMESTAMP '2026-01-01 10:00:00 +05:30', DATE '2026-01-01')");
    let target = database.target("T");
    let words = ["copy", &target, "delta:lake/t", "--mode", "create", "--as", "DAY=date"];
    for words in [&[&words[..], &["--dry-run"]].concat(), &words.to_vec()] {
        assert!(database.ok(words).contains("column AT: the instants are kept, in UTC; their time zones are not"), "{words:?}");
    }
    assert!(!database.ok(&[&words[..], &["--lossy", "zone"]].concat()).contains("the instants are kept"));
    // The column of the table is a date, and less than a second is not a time of day.
    database.sql("UPDATE T SET DAY = DAY + 0.75");
    let words = ["copy", &target, "delta:lake/t", "--lossy", "subsecond,zone"];
    database.run(&words).fails(4, &["column DAY", "--as DAY=date"]);
    database.ok(&[&words[..], &["--as", "DAY=date"]].concat());
    database.run(&["copy", &target, "delta:lake/t"]).fails(5, &["DAY"]);
    assert_eq!(count(&database, "delta:lake/t"), 3);
}

/// What is cut is cut towards the past, as in a Parquet file.
#[test]
fn digits_below_the_microsecond_are_cut_the_same_way_before_1970() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (AT TIMESTAMP(9))");
    database.sql("INSERT INTO T VALUES (TIMESTAMP '1969-12-31 23:59:59.999999500')");
    database.sql("INSERT INTO T VALUES (TIMESTAMP '1950-06-01 12:00:00.000000001')");
    database.ok(&["copy", &database.target("T"), "delta:lake/t", "--mode", "create", "--lossy", "subsecond"]);
    database.ok(&["copy", "delta:lake/t", &database.target("BACK"), "--mode", "create"]);
    let found = database.rows("SELECT TO_CHAR(AT, 'YYYY-MM-DD HH24:MI:SS.FF6') FROM BACK ORDER BY AT");
    let found: Vec<_> = found.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(found, ["1950-06-01 12:00:00.000000", "1969-12-31 23:59:59.999999"]);
}

/// Out of a table in a folder: where a value is that does not fit.
#[test]
fn a_value_that_is_refused_has_the_address_of_its_file_and_row() {
    let database = database(20);
    let (from, to) = (database.target("T"), database.target("NARROW"));
    database.sql("UPDATE T SET NAME = 'a name of length' WHERE ID = 13");
    database.ok(&["copy", &from, "delta:lake/t", "--mode", "create"]);
    database.sql("CREATE TABLE NARROW (ID NUMBER(9), NAME VARCHAR2(10), DAY DATE)");
    let refused = database.run(&["copy", "delta:lake/t", &to]);
    refused.fails(5, &["column NAME", ".parquet", "row 13", "16 bytes"]);
    assert_eq!(database.count("NARROW"), 0);
}

#[test]
fn a_store_that_does_not_answer_is_named_with_what_to_look_at() {
    let database = Database::embedded();
    // Nobody listens there.
    let location = "http://127.0.0.1:1/lake/t";
    database.run(&["delta", "describe", location]).fails(6, &[location, "a look at the address"]);
    database.run(&["copy", &format!("delta:{location}"), &database.target("T")]).fails(6, &[location, "a look at the address"]);
}
