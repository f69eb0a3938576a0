//! The programs that the tests talk to: found in the folder of `peers.sh`, started once for the whole run, ended with it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Key of every Azurite account of these tests: any base64 will do.
pub const AZURITE_KEY: &str = "b2xicmlkZ2Utb2xicmlkZ2Utb2xicmlkZ2Utb2xicmlkZ2U=";

fn folder() -> PathBuf {
    let cache = || {
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        std::env::var_os("XDG_CACHE_HOME").map_or(home.join(".cache"), PathBuf::from).join("olbridge-peers")
    };
    std::env::var_os("OLBRIDGE_PEERS").map_or_else(cache, PathBuf::from)
}

/// A program of the folder, or a loud word that the test is skipped.
pub fn program(relative: &str) -> Option<PathBuf> {
    let path = folder().join(relative);
    if !path.exists() {
        eprintln!("SKIPPED: {} is missing (delta/tests/peers.sh installs it)", path.display());
        return None;
    }
    Some(path)
}

/// A server of ours, ended when this process ends, however it ends: its keeper waits for the end of a pipe that we hold.
pub struct Server {
    pub port: u16,
    _keeper: Child,
}

fn start(program: &Path, arguments: &[String], port: u16, environment: &[(&str, String)]) -> Option<Server> {
    let keeper = Command::new("sh")
        .args(["-c", "\"$@\" & child=$!; cat >/dev/null; kill $child", "keeper"])
        .arg(program)
        .args(arguments)
        .envs(environment.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > deadline {
            eprintln!("SKIPPED: {} does not answer", program.display());
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(Server { port, _keeper: keeper })
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A workspace of OneLake that is named by its GUID.
pub const WORKSPACE_GUID: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

/// Azurite with the accounts `onelake` and `olbridge`, and the container (workspace) `sales-ws` in both, and one by GUID.
pub fn azurite() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            let program = program("node_modules/.bin/azurite-blob")?;
            let port = free_port();
            let arguments =
                ["--silent", "--loose", "--skipApiVersionCheck", "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort"];
            let arguments = arguments.into_iter().map(str::to_owned).chain([port.to_string()]);
            let accounts = format!("onelake:{AZURITE_KEY};olbridge:{AZURITE_KEY}");
            let server = start(&program, &arguments.collect::<Vec<_>>(), port, &[("AZURITE_ACCOUNTS", accounts)])?;
            ["onelake", "olbridge"].iter().for_each(|account| create_container(port, account, "sales-ws"));
            create_container(port, "onelake", WORKSPACE_GUID);
            Some(server)
        })
        .as_ref()
}

/// Put Container, signed with the shared key.
fn create_container(port: u16, account: &str, container: &str) {
    let script = r#"
import base64, email.utils, hashlib, hmac, sys, urllib.request
port, account, container, key = sys.argv[1:]
date = email.utils.formatdate(usegmt=True)
text = "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:%s\nx-ms-version:2021-08-06\n/%s/%s/%s\nrestype:container" % (date, account, account, container)
sign = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
url = "http://127.0.0.1:%s/%s/%s?restype=container" % (port, account, container)
headers = {"x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": "SharedKey %s:%s" % (account, sign)}
urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers)).read()
"#;
    let status = Command::new("python3").args(["-c", script, &port.to_string(), account, container, AZURITE_KEY]).status().unwrap();
    assert!(status.success(), "Azurite makes no container");
}

/// moto with the bucket `olbridge`.
pub fn moto() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            let program = program("python/bin/moto_server")?;
            let port = free_port();
            let server = start(&program, &["-H".into(), "127.0.0.1".into(), "-p".into(), port.to_string()], port, &[])?;
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            write!(stream, "PUT /olbridge HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.contains(" 200 "), "moto makes no bucket: {answer}");
            Some(server)
        })
        .as_ref()
}
