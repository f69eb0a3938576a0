//! Objects of stores as sources and targets: whole or not at all, and read by ranges. S3 is moto and Azure is Azurite, where `delta/tests/peers.sh` has
//! installed them; the tests skip loudly elsewhere.

#[path = "../../delta/tests/it/peers.rs"]
#[allow(dead_code)]
mod peers;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use olbridge::arrow::array::{ArrayRef, Int32Array, StringArray};

use crate::support::tables::{ids, table};
use crate::support::{Outcome, TIME_LIMIT, Workspace, finish};

/// A place for objects, and the environment that opens it.
struct Cloud {
    workspace: Workspace,
    url: String,
    environment: Vec<(&'static str, String)>,
}

impl Cloud {
    fn local() -> Self {
        let workspace = Workspace::new();
        let folder = workspace.file("store");
        fs::create_dir(&folder).unwrap();
        Cloud { workspace, url: format!("file://{}", folder.display()), environment: Vec::new() }
    }

    fn s3(test: &str) -> Option<Self> {
        let endpoint = format!("http://127.0.0.1:{}", peers::moto()?.port);
        let environment = vec![
            ("AWS_ENDPOINT", endpoint),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", "eu-central-1".into()),
            ("AWS_ACCESS_KEY_ID", "tester".into()),
            ("AWS_SECRET_ACCESS_KEY", "tester".into()),
        ];
        Some(Cloud { workspace: Workspace::new(), url: format!("s3://olbridge/{test}"), environment })
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
        settings.for_each(|(name, _)| drop(command.env_remove(name)));
        command.env_remove("HTTP_PROXY").env_remove("http_proxy").env("NO_PROXY", "127.0.0.1").envs(self.environment.iter().cloned());
        command
    }

    fn run(&self, words: &[&str]) -> Outcome {
        finish(self.command(words), TIME_LIMIT)
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
    Arc::new(StringArray::from_iter_values((0..rows).map(|_| (0..12).map(|_| word()).collect::<String>())))
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
    for (source, rows) in [("days", 300), ("days/day=*/*.parquet", 300), ("days/day=2/*.parquet", 200), ("days/*.parquet", 0)] {
        let outcome = cloud.run(&["copy", &cloud.at(source), "embedded:c.db/D", "--mode", "overwrite", "--allow-destructive"]);
        match rows {
            0 => outcome.fails(6, &["no such object"]),
            rows => assert_eq!(cloud.workspace.count("embedded:c.db", "D"), rows, "{source}: {outcome}"),
        }
    }
    assert_eq!(cloud.workspace.rows("embedded:c.db", "SELECT COUNT(*) FROM D")[0][0].as_deref(), Some("200"));
    let outcome = cloud.run(&["copy", "embedded:c.db/T", &cloud.at("dir"), "--partition-by", "ID"]);
    outcome.fails(6, &["a store renames nothing"]);
    cloud.run(&["copy", &cloud.at("nothing.parquet"), "embedded:c.db/N"]).fails(6, &["nothing.parquet", "no such object"]);
}

/// A copy that fails after parts of the object have gone leaves nothing under its name.
fn check_failure(cloud: &Cloud) {
    const ROWS: i64 = 70_000;
    let bad: ArrayRef = Arc::new(Int32Array::from_iter_values((0..ROWS as i32).map(|row| row % 7)));
    cloud.workspace.parquet("in.parquet", &[table(vec![("id", ids(0..ROWS)), ("noise", noise(ROWS)), ("n", bad)])]);
    cloud.workspace.ok(&["sql", "embedded:f.db", "CREATE TABLE T (ID NUMBER(9), NOISE VARCHAR2(200), N NUMBER)"]);
    cloud.ok(&["copy", "in.parquet", "embedded:f.db/T"]);
    cloud.workspace.ok(&["sql", "embedded:f.db", "UPDATE T SET N = 0.5 WHERE ID = 69990"]);
    let url = cloud.at("failed/t.parquet");
    let words = ["copy", "embedded:f.db/T", &url, "--as", "N=int32", "--compression", "none", "--row-group-rows", "5000"];
    cloud.run(&words).fails(5, &["0.5 is not exact"]);
    cloud.run(&["describe", &url]).fails(6, &["no such object"]);
}

#[test]
fn objects_by_file_url_are_whole_or_not_there() {
    let cloud = Cloud::local();
    check(&cloud);
    check_failure(&cloud);
    let left: Vec<_> = fs::read_dir(cloud.workspace.file("store/failed")).into_iter().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn objects_of_s3_are_whole_or_not_there() {
    let Some(cloud) = Cloud::s3("clouds") else { return };
    check(&cloud);
    check_failure(&cloud);
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
    let cloud = Cloud::local();
    const ROWS: i64 = 70_000;
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
