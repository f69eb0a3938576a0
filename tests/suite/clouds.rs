//! Objects of stores as sources and targets: whole or not at all, and read by ranges. A small store of the tests' own is always there; moto (S3) and Azurite
//! (Azure) where `delta/tests/peers.sh` has installed them, and the tests that need them skip loudly elsewhere.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use olbridge::arrow::array::{ArrayRef, Int32Array, StringArray};

use crate::support::object_server::{BUCKET, ObjectServer};
use crate::support::tables::{ids, table};
use crate::support::{Outcome, Running, TIME_LIMIT, Workspace, finish, peers};

/// In no message.
const SECRET: &str = "hunter2hunter2";

/// A place for objects, and the environment that opens it.
struct Cloud {
    workspace: Workspace,
    url: String,
    environment: Vec<(&'static str, String)>,
}

impl Cloud {
    fn s3_at(port: u16, url: String) -> Self {
        let environment = vec![
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", "eu-central-1".into()),
            ("AWS_ACCESS_KEY_ID", "tester".into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.into()),
        ];
        Cloud { workspace: Workspace::new(), url, environment }
    }

    fn own(server: &ObjectServer) -> Self {
        Self::s3_at(server.port, format!("s3://{BUCKET}/own"))
    }

    fn s3(test: &str) -> Option<Self> {
        Some(Self::s3_at(peers::moto()?.port, format!("s3://olbridge/{test}")))
    }

    fn azure(test: &str) -> Option<Self> {
        let endpoint = format!("http://127.0.0.1:{}", peers::azurite()?.port);
        let environment = vec![
            ("AZURITE_BLOB_STORAGE_URL", endpoint),
            ("AZURE_STORAGE_USE_EMULATOR", "true".into()),
            ("AZURE_STORAGE_ACCOUNT_NAME", "olbridge".into()),
            ("AZURE_STORAGE_ACCOUNT_KEY", peers::AZURITE_KEY.into()),
        ];
        Some(Cloud { workspace: Workspace::new(), url: format!("az://sales-ws/{test}"), environment })
    }

    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.workspace.command(words);
        let settings = std::env::vars_os()
            .filter(|(name, _)| name.to_str().is_some_and(|name| name.starts_with("AWS_") || name.starts_with("AZURE_")));
        settings.for_each(|(name, _)| {
            command.env_remove(name);
        });
        command.env_remove("HTTP_PROXY").env_remove("http_proxy").env("NO_PROXY", "127.0.0.1").envs(self.environment.iter().cloned());
        command
    }

    fn run(&self, words: &[&str]) -> Outcome {
        let outcome = finish(self.command(words), TIME_LIMIT);
        assert!(
            !outcome.stderr.contains(SECRET) && !outcome.stdout.contains(SECRET) && !outcome.stderr.contains(peers::AZURITE_KEY),
            "{outcome}"
        );
        outcome
    }

    #[track_caller]
    fn ok(&self, words: &[&str]) -> String {
        let outcome = self.run(words);
        assert_eq!(outcome.code, 0, "{words:?}\n{outcome}");
        outcome.stdout
    }
}

/// Bytes that do not compress, so that a file of them has several parts.
fn noise(rows: i64) -> ArrayRef {
    let mut state = 1u64;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state)
    };
    Arc::new(StringArray::from_iter_values((0..rows).map(|_| (0..24).map(|_| word()).collect::<String>())))
}

fn check(cloud: &Cloud) {
    const ROWS: i64 = 70_000;
    cloud.workspace.parquet("in.parquet", &[table(vec![("id", ids(0..ROWS)), ("noise", noise(ROWS))])]);
    cloud.ok(&["copy", "in.parquet", "embedded:c.db/T", "--mode", "create"]);
    let url = cloud.at("out/whole.parquet");
    cloud.ok(&["copy", "embedded:c.db/T", &url, "--compression", "none"]);
    // What is there is left alone unless it is to be replaced.
    cloud.run(&["copy", "embedded:c.db/T", &url]).fails(4, &["whole.parquet exists", "--mode overwrite"]);
    let described = cloud.ok(&["describe", &url]);
    assert!(described.contains("NOISE"), "{described}");
    cloud.ok(&["copy", &url, "embedded:c.db/BACK", "--mode", "create"]);
    let same = "SELECT COUNT(*) FROM T JOIN BACK B ON B.ID = T.ID AND B.NOISE = T.NOISE";
    assert_eq!(cloud.workspace.rows("embedded:c.db", same)[0][0].as_deref(), Some(ROWS.to_string().as_str()));
    // Other formats, read from the begin and from the end.
    for name in ["t.csv", "t.ndjson", "t.arrow", "t.arrows"] {
        let url = cloud.at(name);
        cloud.ok(&["copy", "embedded:c.db/T", &url, "--where", "ID < 1000"]);
        cloud.ok(&["copy", &url, "embedded:c.db/F", "--mode", "overwrite", "--allow-destructive"]);
        assert_eq!(
            cloud.workspace.rows("embedded:c.db", "SELECT COUNT(*), SUM(ID) FROM F")[0],
            [Some("1000".into()), Some("499500".into())],
            "{name}"
        );
    }
    // Directories are names with slashes; globs and partitions as of files.
    for day in [1, 2] {
        cloud.ok(&["copy", "embedded:c.db/T", &cloud.at(&format!("days/day={day}/a.parquet")), "--where", &format!("ID < {day}00")]);
    }
    cloud.ok(&["copy", "embedded:c.db/T", &cloud.at("days/_hidden.parquet"), "--where", "ID < 5"]);
    for (number, (source, rows)) in
        [("days", 300), ("days/day=*/*.parquet", 300), ("days/day=2/*.parquet", 200), ("days/*.parquet", 0)].into_iter().enumerate()
    {
        let table = format!("D{number}");
        let outcome = cloud.run(&["copy", &cloud.at(source), &format!("embedded:c.db/{table}"), "--mode", "create"]);
        match rows {
            0 => outcome.fails(6, &["no such object"]),
            rows => assert_eq!(cloud.workspace.count("embedded:c.db", &table), rows, "{source}: {outcome}"),
        }
    }
    let days = cloud.workspace.rows("embedded:c.db", "SELECT DAY, COUNT(*) FROM D0 GROUP BY DAY ORDER BY DAY");
    assert_eq!(days, [["1", "100"], ["2", "200"]].map(|row| row.map(|text| Some(text.to_owned())).to_vec()));
    cloud.run(&["copy", &cloud.at("nothing.parquet"), "embedded:c.db/N"]).fails(6, &["nothing.parquet", "no such object"]);
}

/// A copy that fails after parts of the object have gone leaves nothing under its name.
fn check_failure(cloud: &Cloud) {
    const ROWS: i64 = 70_000;
    let bad: ArrayRef = Arc::new(Int32Array::from_iter_values((0..ROWS as i32).map(|row| row % 7)));
    cloud.workspace.parquet("in.parquet", &[table(vec![("id", ids(0..ROWS)), ("noise", noise(ROWS)), ("n", bad)])]);
    cloud.workspace.ok(&["sql", "embedded:f.db", "CREATE TABLE T (ID NUMBER(9), NOISE VARCHAR2(400), N NUMBER)"]);
    cloud.ok(&["copy", "in.parquet", "embedded:f.db/T"]);
    cloud.workspace.ok(&["sql", "embedded:f.db", "UPDATE T SET N = 0.5 WHERE ID = 69990"]);
    let url = cloud.at("failed/t.parquet");
    let words = ["copy", "embedded:f.db/T", &url, "--as", "N=int32", "--compression", "none", "--row-group-rows", "5000"];
    cloud.run(&words).fails(5, &["0.5 is not exact"]);
    cloud.run(&["describe", &url]).fails(6, &["no such object"]);
}

/// Many objects below one place: by the values of columns, and by size.
fn check_directories(cloud: &Cloud) {
    const ROWS: i64 = 30_000;
    let days: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| ["Mo", "a/b %", "#?"][row as usize % 3])));
    cloud.workspace.parquet("in.parquet", &[table(vec![("id", ids(0..ROWS)), ("noise", noise(ROWS)), ("day", days)])]);
    cloud.ok(&["copy", "in.parquet", "embedded:d.db/T", "--mode", "create"]);
    for (name, more) in [("by-day", &["--partition-by", "DAY"][..]), ("by-size", &["--file-bytes", "2MiB"])] {
        let url = cloud.at(name);
        let copy = [&["copy", "embedded:d.db/T", &url, "--compression", "none", "--row-group-rows", "5000"], more].concat();
        cloud.ok(&copy);
        let described: serde_json::Value = serde_json::from_str(&cloud.ok(&["describe", &url, "--format", "json"])).unwrap();
        assert!(described["files"].as_array().unwrap().len() >= 3, "{described}");
        cloud.ok(&["copy", &url, "embedded:d.db/BACK", "--mode", "overwrite", "--allow-destructive"]);
        let same = "SELECT COUNT(*) FROM T JOIN BACK B ON B.ID = T.ID AND B.NOISE = T.NOISE AND B.DAY = T.DAY";
        assert_eq!(cloud.workspace.rows("embedded:d.db", same)[0][0].as_deref(), Some(ROWS.to_string().as_str()), "{name}");
        cloud.run(&copy).fails(4, &["exists"]);
        cloud.run(&[&copy[..], &["--mode", "overwrite"]].concat()).fails(6, &["cannot replace several at once"]);
    }
}

#[test]
fn a_file_url_is_a_path() {
    let workspace = Workspace::new();
    workspace.parquet("in file.parquet", &[table(vec![("id", ids(0..7))])]);
    let folder = workspace.path().display().to_string();
    workspace.ok(&["copy", &format!("file://{folder}/in%20file.parquet"), "embedded:u.db/T", "--mode", "create"]);
    workspace.ok(&["copy", "embedded:u.db/T", &format!("file://{folder}/out%20file.csv")]);
    assert_eq!(fs::read_to_string(workspace.file("out file.csv")).unwrap().lines().count(), 8);
}

#[test]
fn objects_of_a_store_are_whole_or_not_there() {
    let server = ObjectServer::start();
    let cloud = Cloud::own(&server);
    check(&cloud);
    assert!(server.requests("PUT own/out/whole.parquet?partNumber") >= 2);
    check_failure(&cloud);
    check_directories(&cloud);
    assert_eq!(server.open_uploads(), 0);
    assert!(server.keys().contains(&"own/by-day/_SUCCESS".to_owned()), "{:?}", server.keys());
    assert!(!server.keys().iter().any(|key| key.contains("failed")), "{:?}", server.keys());
}

#[test]
fn a_part_that_the_store_refuses_leaves_nothing_and_no_secret_in_the_message() {
    let server = ObjectServer::start();
    let cloud = Cloud::own(&server);
    cloud.workspace.parquet("in.parquet", &[table(vec![("id", ids(0..100_000)), ("noise", noise(100_000))])]);
    cloud.ok(&["copy", "in.parquet", "embedded:p.db/T", "--mode", "create"]);
    for (number, (begin, more)) in [
        ("PUT own/r0/", &[][..]),
        ("POST own/r1/", &[]),
        ("PUT own/r2/", &["--file-bytes", "8MiB"]),
        ("POST own/r3/t/part-00002.parquet?uploadId", &["--file-bytes", "8MiB"]),
    ]
    .into_iter()
    .enumerate()
    {
        server.refuse(begin, if number == 3 { 0 } else { 1 });
        let url = cloud.at(&format!("r{number}/t"));
        let words =
            [&["copy", "embedded:p.db/T", &url, "--format", "parquet", "--compression", "none", "--row-group-rows", "5000"], more].concat();
        cloud.run(&words).fails(6, &["write", "permission denied", "try:"]);
        assert!(server.requests(begin) > usize::from(number != 3), "{begin}");
        assert_eq!((server.open_uploads(), server.keys()), (0, Vec::new()), "{begin}");
    }
    server.refuse("GET own/in", 0);
    cloud.run(&["describe", &cloud.at("in.parquet")]).fails(6, &["in.parquet"]);
    let mut words = cloud.command(&["describe", &cloud.at("in.parquet")]);
    words.env_remove("AWS_SECRET_ACCESS_KEY");
    assert_ne!(finish(words, TIME_LIMIT).code, 0);
    for url in ["s3://tester:hunter2hunter2@olbridge/t.parquet", "https://a.blob.core.windows.net/c/t.parquet?sig=hunter2hunter2"] {
        cloud.run(&["copy", "embedded:p.db/T", url]).fails(2, &["try:"]);
        cloud.run(&["copy", url, "embedded:p.db/T"]).fails(2, &["try:"]);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_takes_the_parts_back() {
    let server = ObjectServer::start();
    let cloud = Cloud::own(&server);
    cloud.workspace.parquet("in.parquet", &[table(vec![("id", ids(0..20_000)), ("noise", noise(20_000))])]);
    cloud.ok(&["copy", "in.parquet", "embedded:i.db/T", "--mode", "create"]);
    let url = cloud.at("stopped.csv");
    let running = Running::new(
        cloud.command(&["copy", "embedded:i.db/T", &url, "--query", "SELECT A.NOISE X, B.NOISE Y FROM T A, T B"]).spawn().unwrap(),
    );
    let began = std::time::Instant::now();
    while server.requests("PUT own/stopped.csv?partNumber") == 0 {
        assert!(began.elapsed() < TIME_LIMIT, "no part came");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-INT", &running.child.id().to_string()]).status().unwrap().success());
    running.wait(TIME_LIMIT).fails(130, &["interrupted", "stopped.csv was not written"]);
    assert_eq!((server.open_uploads(), server.keys()), (0, Vec::new()));
}

#[test]
fn an_object_that_is_replaced_while_it_is_loaded_ends_the_job() {
    let server = ObjectServer::start();
    let cloud = Cloud::own(&server);
    cloud.workspace.parquet("in.parquet", &[table(vec![("id", ids(0..70_000)), ("noise", noise(70_000))])]);
    cloud.ok(&["copy", "in.parquet", "embedded:j.db/T", "--mode", "create"]);
    let url = cloud.at("t.csv");
    cloud.ok(&["copy", "embedded:j.db/T", &url]);
    // A named job remembers an object by its bytes, as it does a file.
    cloud.ok(&["sql", "embedded:j.db", "CREATE TABLE S (ID NUMBER(9), NOISE VARCHAR2(400))"]);
    for rows in [70_000, 70_000] {
        cloud.ok(&["copy", &url, "embedded:j.db/S", "--job", "objects"]);
        assert_eq!(cloud.workspace.count("embedded:j.db", "S"), rows);
    }
    server.refuse("GET own/t.csv", 3);
    cloud.run(&["copy", &url, "embedded:j.db/S", "--job", "others"]).fails(6, &["t.csv", "permission denied"]);
    assert_eq!(cloud.workspace.count("embedded:j.db", "S"), 70_000);
}

#[test]
fn objects_of_s3_are_whole_or_not_there() {
    let Some(cloud) = Cloud::s3("clouds") else { return };
    check(&cloud);
    check_failure(&cloud);
    check_directories(&cloud);
    // The parts are taken back, too.
    let mut stream = TcpStream::connect(("127.0.0.1", peers::moto().unwrap().port)).unwrap();
    write!(stream, "GET /olbridge?uploads HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("ListMultipartUploadsResult") && !answer.contains("<Upload>"), "{answer}");
    let wrong = cloud.run(&["describe", "s3://no-such-bucket/t.parquet"]);
    wrong.fails(6, &["no-such-bucket"]);
}

#[test]
fn objects_of_azure_are_whole_or_not_there() {
    let Some(cloud) = Cloud::azure("clouds") else { return };
    check(&cloud);
    check_failure(&cloud);
    check_directories(&cloud);
}

/// A web server with one file: its port, and how many bytes of the file it has given.
fn serve(content: Vec<u8>) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (port, given) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU64::new(0)));
    let counter = Arc::clone(&given);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = answer(stream.unwrap(), &content, &counter);
        }
    });
    (port, given)
}

fn answer(mut stream: TcpStream, content: &[u8], given: &AtomicU64) -> std::io::Result<()> {
    let (mut request, mut range) = (String::new(), None);
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if request.is_empty() {
            request = line;
        } else if let Some((_, bytes)) = line.to_ascii_lowercase().split_once("range: bytes=") {
            let (start, end) = bytes.split_once('-').unwrap();
            range = Some((start.parse::<usize>().unwrap(), end.parse::<usize>().unwrap() + 1));
        } else if line.is_empty() {
            break;
        }
    }
    let always = "Connection: close\r\nETag: \"1\"\r\nLast-Modified: Sat, 01 Jan 2028 00:00:00 GMT";
    if !request.contains("/t.parquet") {
        return write!(stream, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
    let (start, end) = range.unwrap_or((0, content.len()));
    let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{always}\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{}\r\n\r\n",
        end - start,
        end - 1,
        content.len()
    )?;
    if !request.starts_with("HEAD") {
        given.fetch_add((end - start) as u64, Ordering::Relaxed);
        stream.write_all(&content[start..end])?;
    }
    Ok(())
}

#[test]
fn a_file_of_a_web_server_is_read_by_ranges_and_not_written() {
    const ROWS: i64 = 70_000;
    let cloud = Cloud { workspace: Workspace::new(), url: String::new(), environment: Vec::new() };
    cloud.workspace.parquet("in.parquet", &[table(vec![("id", ids(0..ROWS)), ("noise", noise(ROWS))])]);
    let content = fs::read(cloud.workspace.file("in.parquet")).unwrap();
    let size_bytes = content.len() as u64;
    assert!(size_bytes > 12 << 20);
    let (port, given) = serve(content);
    let url = format!("http://127.0.0.1:{port}/t.parquet");
    cloud.ok(&["copy", &url, "embedded:w.db/T", "--mode", "create", "--columns", "id"]);
    assert_eq!(
        cloud.workspace.rows("embedded:w.db", "SELECT COUNT(*), SUM(ID) FROM T")[0],
        [Some("70000".into()), Some("2449965000".into())]
    );
    assert!(given.load(Ordering::Relaxed) < size_bytes / 2 + (8 << 20), "{} of {size_bytes} bytes", given.load(Ordering::Relaxed));
    cloud.run(&["copy", &format!("http://127.0.0.1:{port}/no.parquet"), "embedded:w.db/T"]).fails(6, &["no.parquet"]);
    cloud.run(&["copy", "embedded:w.db/T", &format!("http://127.0.0.1:{port}/new.parquet")]).fails(6, &["read, not written"]);
}
