//! What takes rows away asks for a yes, and only a terminal is asked.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::database::Database;
use crate::support::tables::{ids, table};
use crate::support::{Outcome, finish, skipped};

fn database() -> Database {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER)");
    database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..3))])]);
    database.workspace().parquet("u.parquet", &[table(vec![("id", ids(0..7))])]);
    database.ok(&["copy", "t.parquet", &database.target("T")]);
    database
}

/// Runs an overwrite on a terminal on which `answer` is typed; `None` where there is no `script` to make one.
fn at_a_terminal(database: &Database, answer: &str) -> Option<Outcome> {
    let words = ["copy", "u.parquet", &database.target("T"), "--mode", "overwrite"].map(|word| format!("'{word}'")).join(" ");
    let mut command = Command::new("script");
    command.args(["-qec", &format!("'{}' {words}", env!("CARGO_BIN_EXE_olbridge")), "/dev/null"]).current_dir(database.workspace().path());
    let (mut typed, typing) = std::io::pipe().map(|(reader, writer)| (writer, reader)).unwrap();
    command.stdin(Stdio::from(typing)).stdout(Stdio::piped()).stderr(Stdio::piped());
    if !cfg!(target_os = "linux") || Command::new("script").arg("--version").stdout(Stdio::null()).status().is_err() {
        skipped("confirm", "there is no `script` (util-linux) to make a terminal");
        return None;
    }
    // A Ctrl-C that comes before the question is the terminal's, not an answer.
    let answer = answer.to_owned();
    let typist = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        typed.write_all(answer.as_bytes()).unwrap();
        typed
    });
    let outcome = finish(command, Duration::from_secs(60));
    drop(typist.join());
    Some(outcome)
}

#[test]
fn a_terminal_is_asked_and_only_yes_is_a_yes() {
    for (answer, rows) in [("yes\n", 7), ("y\n", 3), ("\n", 3), ("no\n", 3), ("\u{3}", 3)] {
        let database = database();
        let Some(outcome) = at_a_terminal(&database, answer) else { return };
        assert!(outcome.stdout.contains("This removes all rows of T that are there now."), "{answer:?}: {outcome}");
        assert_eq!(database.count("T"), rows, "{answer:?}: {outcome}");
        assert_eq!(outcome.code == 0, rows == 7, "{answer:?}: {outcome}");
    }
}

#[test]
fn a_pipe_is_not_asked_whatever_it_says() {
    let database = database();
    let mut command = database.command(&["copy", "u.parquet", &database.target("T"), "--mode", "truncate"]);
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"yes\nyes\n").unwrap();
    drop(writer);
    command.stdin(Stdio::from(reader));
    let outcome = finish(command, Duration::from_secs(60));
    outcome.fails(2, &["--mode truncate removes all rows of T", "nothing was done", "--allow-destructive", "type yes at a terminal"]);
    assert!(!outcome.stderr.contains("Type yes"), "{outcome}");
    assert_eq!(database.count("T"), 3);
}
