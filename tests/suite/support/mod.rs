//! Runs the command as a child process with a time limit, in a temporary directory of its own.

pub mod csv;
pub mod cutter;
pub mod database;
pub mod loopback;
#[cfg(feature = "cloud")]
pub mod object_server;
#[cfg(feature = "cloud")]
#[path = "../../../delta/tests/it/peers.rs"]
#[allow(dead_code)] // what the crate's own tests use of it
pub mod peers;
pub mod tables;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use olbridge::arrow::array::RecordBatch;
use olbridge::parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// What a command may take on a busy machine.
pub const TIME_LIMIT: Duration = Duration::from_secs(120);

/// A temporary directory in which the command runs.
pub struct Workspace {
    directory: TempDir,
}

/// How a child ended.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; 128 + signal when it was killed.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workspace {
    pub fn new() -> Self {
        Workspace { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Absolute path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a Parquet file and returns its name, relative to the directory.
    pub fn parquet(&self, name: &str, batches: &[RecordBatch]) -> String {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batches[0].schema(), None).unwrap();
        for batch in batches {
            writer.write(batch).unwrap();
        }
        writer.close().unwrap();
        name.to_owned()
    }

    /// The command with these arguments; none of the caller's settings leak into it.
    pub fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_olbridge"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for variable in [
            "OLBRIDGE_PASSWORD",
            "OLBRIDGE_OCI_LIB_DIR",
            "OLBRIDGE_EMBEDDED_LIB_DIR",
            "ORACLE_HOME",
            "TNS_ADMIN",
            "LD_LIBRARY_PATH",
            "NO_COLOR",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the command to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        finish(self.command(arguments), TIME_LIMIT)
    }

    /// Runs the command, which has to succeed, and returns its standard output.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}\n{outcome}");
        outcome.stdout
    }

    /// Runs a statement in a database file of this directory.
    #[track_caller]
    pub fn sql(&self, target: &str, statement: &str) -> String {
        self.ok(&["sql", target, statement, "--format", "csv"])
    }

    /// The rows of a query, each value as text, `None` for NULL.
    #[track_caller]
    pub fn rows(&self, target: &str, query: &str) -> Vec<Vec<Option<String>>> {
        csv::parse(&self.sql(target, query)).split_off(1)
    }

    /// How many rows a table has.
    #[track_caller]
    pub fn count(&self, target: &str, table: &str) -> u64 {
        self.rows(target, &format!("SELECT COUNT(*) FROM {table}"))[0][0].as_deref().unwrap().parse().unwrap()
    }
}

impl Outcome {
    /// Asserts the exit code and that each part is somewhere in the error output.
    #[track_caller]
    pub fn fails(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self}");
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is missing\n{self}");
        }
        assert!(!self.stderr.contains("panicked"), "{self}");
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Runs a child to its end; kills it and fails the test when it takes longer than `limit`.
pub fn finish(mut command: Command, limit: Duration) -> Outcome {
    let child = command.spawn().unwrap();
    Running::new(child).wait(limit)
}

/// A child whose output is being read, so that it never blocks on a full pipe.
pub struct Running {
    pub child: Child,
    stdout: Captured,
    stderr: Captured,
}

impl Running {
    pub fn new(mut child: Child) -> Self {
        let stdout = Captured::read(child.stdout.take());
        let stderr = Captured::read(child.stderr.take());
        Running { child, stdout, stderr }
    }

    /// Waits until `text` is in the error output.
    pub fn wait_for_stderr(&self, text: &str) {
        let started = Instant::now();
        while !self.stderr.text().contains(text) {
            assert!(started.elapsed() < TIME_LIMIT, "`{text}` never came\n{}", self.stderr.text());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end.
    pub fn wait(mut self, limit: Duration) -> Outcome {
        let started = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break Some(status),
                None if started.elapsed() > limit => break None,
                None => thread::sleep(Duration::from_millis(10)),
            }
        };
        if status.is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        let Some(status) = status else { panic!("no end within {limit:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}") };
        Outcome { code: exit_code(status), stdout, stderr }
    }
}

/// What a pipe has delivered so far.
struct Captured {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Captured {
    fn read(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let reader = pipe.map(|mut pipe| {
            let bytes = Arc::clone(&bytes);
            thread::spawn(move || {
                let mut part = [0; 4096];
                while let Ok(length @ 1..) = pipe.read(&mut part) {
                    bytes.lock().unwrap().extend_from_slice(&part[..length]);
                }
            })
        });
        Captured { bytes, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}

#[cfg(unix)]
fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

#[cfg(not(unix))]
fn exit_code(status: std::process::ExitStatus) -> i32 {
    status.code().unwrap_or(1)
}

/// Says that a test cannot run here, and why; once for each reason. Written past the test harness, which hides what passing tests print.
pub fn skipped(test: &str, reason: &str) {
    static REASONS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if REASONS.lock().unwrap_or_else(PoisonError::into_inner).insert(reason.to_owned()) {
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}, and all tests that need the same: {reason}");
    }
}

/// A file or folder of the environment around the project, `None` (with the reason printed) where it is missing.
pub fn beside_the_project(test: &str, path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if found.exists() {
        return Some(found);
    }
    skipped(test, &format!("{} is missing", found.display()));
    None
}
