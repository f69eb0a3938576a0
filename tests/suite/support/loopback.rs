//! Oracle's own client and the loopback server that it talks to (`../shared/real-client`), where the environment has them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Outcome, Running, Workspace, beside_the_project, finish, skipped};

/// What the bridge may take when it runs on Oracle's client against a server in Python.
const TIME_LIMIT: Duration = Duration::from_secs(180);

/// The server; it ends with this value, because its standard input closes then.
pub struct Loopback {
    workspace: Workspace,
    client_directory: PathBuf,
    port: u64,
    control: BufReader<TcpStream>,
    server: Child,
    _server_lives_until_this_closes: ChildStdin,
}

impl Loopback {
    /// Starts a server for one test. `None`, with the reason printed, where there is no such client.
    pub fn start(test: &str) -> Option<Self> {
        let folder = beside_the_project(test, "real-client")?;
        let client_directory = client_directory(test, &folder)?;
        let mut server = Command::new(folder.join("serve.sh"))
            .arg("--keep")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdin = server.stdin.take().unwrap();
        let mut first_line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut first_line).unwrap();
        if first_line.is_empty() {
            skipped(test, "the loopback server cannot be started");
            let _ = server.wait();
            return None;
        }
        let ports: Value = serde_json::from_str(&first_line).unwrap();
        let control = TcpStream::connect(("127.0.0.1", ports["control"].as_u64().unwrap() as u16)).unwrap();
        control.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let workspace = Workspace::new();
        std::fs::write(workspace.file("sqlnet.ora"), "DIAG_ADR_ENABLED=OFF\n").unwrap();
        Some(Loopback {
            workspace,
            client_directory,
            port: ports["port"].as_u64().unwrap(),
            control: BufReader::new(control),
            server,
            _server_lives_until_this_closes: stdin,
        })
    }

    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port as u16
    }

    /// The target for a table of user SCOTT.
    pub fn target(&self, table: &str) -> String {
        format!("oracle://scott@127.0.0.1:{}/svc/{table}", self.port)
    }

    /// The command on Oracle's client, logged in as SCOTT.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.workspace.command(arguments);
        self.environment(&mut command);
        command.env("OLBRIDGE_PASSWORD", "tiger");
        command
    }

    /// What a process needs to load Oracle's client, and to leave no trace folders behind.
    pub fn environment(&self, command: &mut Command) {
        command
            .env("OLBRIDGE_OCI_LIB_DIR", &self.client_directory)
            .env("LD_LIBRARY_PATH", &self.client_directory)
            .env("TNS_ADMIN", self.workspace.path());
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome {
        finish(self.command(arguments), TIME_LIMIT)
    }

    /// Starts the command without waiting for its end.
    pub fn start_command(&self, arguments: &[&str]) -> Running {
        Running::new(self.command(arguments).spawn().unwrap())
    }

    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}\n{outcome}");
        outcome.stdout
    }

    /// Runs DDL or DML.
    #[track_caller]
    pub fn sql(&self, statement: &str) -> String {
        self.ok(&["sql", &self.target("DUAL"), statement, "--format", "csv"])
    }

    /// One question on the control port.
    #[track_caller]
    pub fn control(&mut self, question: Value) -> Value {
        let stream = self.control.get_mut();
        stream.write_all(format!("{question}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        self.control.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer.get("error").is_none(), "{question}: {answer}");
        answer
    }

    /// The rows that the server decoded, in the order in which they arrived.
    #[track_caller]
    pub fn rows(&mut self, table: &str) -> Vec<Vec<Value>> {
        let answer = self.control(json!({"cmd": "rows", "table": table}));
        answer["rows"].as_array().unwrap().iter().map(|row| row.as_array().unwrap().clone()).collect()
    }

    /// Every bind value of every INSERT row that arrived, in hexadecimal as it was on the wire; `None` for NULL.
    #[track_caller]
    pub fn binds_of_inserts(&mut self) -> Vec<Vec<Option<String>>> {
        let answer = self.control(json!({"cmd": "observed"}));
        let rows = answer["observed"].as_array().unwrap().iter().filter(|row| row[0].as_str().unwrap().starts_with("INSERT"));
        rows.map(|row| row[1].as_array().unwrap().iter().map(|bind| bind[1].as_str().map(str::to_owned)).collect()).collect()
    }

    /// The server found nothing that Oracle would refuse: no malformed value, no protocol failure, no byte left over.
    #[track_caller]
    pub fn assert_clean(&mut self) -> Value {
        let stats = self.control(json!({"cmd": "stats"}));
        for key in ["bad_values", "failures"] {
            assert_eq!(stats[key], json!([]), "{key}: {stats}");
        }
        stats
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn client_directory(test: &str, folder: &std::path::Path) -> Option<PathBuf> {
    static DIRECTORY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = DIRECTORY.get_or_init(|| {
        let output = Command::new(folder.join("install.sh")).stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
        if output.status.success() {
            Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        }
    });
    match found {
        Ok(directory) => Some(directory.clone()),
        Err(reason) => {
            skipped(test, reason);
            None
        }
    }
}
