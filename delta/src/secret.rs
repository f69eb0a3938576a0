//! Secrets, and where they come from. Configuration names the place of a secret, never the secret.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long a command may take that prints a secret.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// How long its output is waited for after its end.
const PIPE_TIMEOUT: Duration = Duration::from_secs(5);

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret is: `{"env": "NAME"}`, `{"file": "PATH"}` or `{"command": ["PROGRAM", "ARGUMENT", …]}`; as a text `env:NAME`,
/// `file:PATH` or `command:SHELL TEXT`. What is found is trimmed of blanks at both ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file that holds the secret and nothing else.
    File(PathBuf),
    /// A program, with its arguments, that prints the secret; it has 60 seconds.
    Command(Vec<String>),
}

impl std::str::FromStr for SecretSource {
    type Err = String;

    fn from_str(text: &str) -> Result<SecretSource, String> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(SecretSource::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(SecretSource::File(path.into())),
            Some(("command", line)) if !line.trim().is_empty() => {
                Ok(SecretSource::Command(vec!["sh".into(), "-c".into(), line.to_owned()]))
            }
            // The text itself may be a secret pasted by mistake: it is not repeated.
            _ => Err("a secret is given by its place: env:NAME, file:PATH or command:TEXT".into()),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::Env(name) => write!(f, "environment variable {name}"),
            SecretSource::File(path) => write!(f, "file {}", path.display()),
            SecretSource::Command(words) => write!(f, "command {}", words.first().map_or("", String::as_str)),
        }
    }
}

impl SecretSource {
    /// Reads the secret now. Blocks for as long as a command takes.
    ///
    /// # Errors
    /// A text that names the place and says why nothing is there; it never holds what was found.
    pub fn read(&self) -> Result<Secret, String> {
        let text = match self {
            SecretSource::Env(name) => std::env::var(name).map_err(|_| format!("{self} is not set"))?,
            SecretSource::File(path) => std::fs::read_to_string(path).map_err(|error| format!("{self}: {error}"))?,
            SecretSource::Command(words) => run(words).map_err(|message| format!("{self}: {message}"))?,
        };
        match text.trim() {
            "" => Err(format!("{self} is empty")),
            secret => Ok(Secret::new(secret)),
        }
    }
}

/// Standard output of a program; what it says on standard error goes into the message, for that is where `az` says "run az login".
fn run(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("no program is named")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let deadline = Instant::now() + COMMAND_TIMEOUT;
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no answer within {} s", COMMAND_TIMEOUT.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    // A child that the command has left behind may hold the pipes open for ever; what the command itself said is in them by now.
    let text = stdout.read(deadline.min(Instant::now() + PIPE_TIMEOUT));
    if status.success() {
        return Ok(text);
    }
    let said = stderr.read(deadline.min(Instant::now() + PIPE_TIMEOUT));
    let last_line = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("").chars().take(300).collect::<String>();
    Err(format!("{status}: {last_line}"))
}

/// What came out of a pipe so far.
struct Drained {
    bytes: Arc<Mutex<Vec<u8>>>,
    ended: Receiver<()>,
}

impl Drained {
    /// Everything until the pipe's end, or until then.
    fn read(&self, until: Instant) -> String {
        let _ = self.ended.recv_timeout(until.saturating_duration_since(Instant::now()));
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> Drained {
    let (bytes, (sender, ended)) = (Arc::new(Mutex::new(Vec::new())), channel());
    let drained = Arc::clone(&bytes);
    std::thread::spawn(move || {
        let (mut pipe, mut chunk) = (pipe, [0; 4096]);
        while let Some(Ok(length @ 1..)) = pipe.as_mut().map(|pipe| pipe.read(&mut chunk)) {
            drained.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..length]);
        }
        drop(sender);
    });
    Drained { bytes, ended }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("tiger")), "***");
    }

    #[test]
    fn a_secret_comes_from_a_file_a_variable_or_a_command_and_is_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "  abc\n").unwrap();
        let from = |text: &str| text.parse::<SecretSource>().unwrap().read().map(|secret| secret.expose().to_owned());
        assert_eq!(from(&format!("file:{}", file.display())).unwrap(), "abc");
        assert_eq!(from("command:echo abc").unwrap(), "abc");
        let began = Instant::now();
        assert_eq!(from("command:echo abc; sleep 30 &").unwrap(), "abc");
        assert!(began.elapsed() < Duration::from_secs(20), "a child that was left behind is not waited for");
        assert!(from("env:PATH").unwrap().contains('/'));
    }

    #[test]
    fn what_fails_is_named_without_what_it_printed() {
        let message = "command:echo tiger; echo 'run az login' >&2; exit 3".parse::<SecretSource>().unwrap().read().unwrap_err();
        assert!(message.contains("run az login") && !message.contains("tiger"), "{message}");
        let message = "command:true".parse::<SecretSource>().unwrap().read().unwrap_err();
        assert!(message.contains("is empty"), "{message}");
        let message = "env:OLBRIDGE_NO_SUCH_VARIABLE".parse::<SecretSource>().unwrap().read().unwrap_err();
        assert!(message.contains("OLBRIDGE_NO_SUCH_VARIABLE is not set"), "{message}");
    }

    #[test]
    fn a_pasted_secret_is_refused_and_not_repeated() {
        let message = "hunter2".parse::<SecretSource>().unwrap_err();
        assert!(!message.contains("hunter2"), "{message}");
    }
}
