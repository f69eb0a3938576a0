//! What goes wrong while a table is read: the undo is gone, the connection is lost, the table changes, the disk is full. The error says what happened,
//! the exit code what kind it is, and no half of a file is left.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, StringArray};
use serde_json::Value;

use crate::exports::read;
use crate::jobs::faulty;
use crate::support::database::Database;
use crate::support::tables::{ids, table};
use crate::support::{Outcome, Running, TIME_LIMIT, finish};

const ROWS: i64 = 40_000;

/// Rows `ID` 0 to [`ROWS`] with `V`, 60 bytes: more than a pipe and the writer's buffer hold.
pub(crate) fn filled() -> Database {
    let database = Database::embedded();
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(|id| format!("{id:060}"))));
    database.workspace().parquet("in.parquet", &[table(vec![("id", ids(0..ROWS)), ("v", texts)])]);
    database.ok(&["copy", "in.parquet", "embedded:data.db/T", "--mode", "create"]);
    database
}

/// Every file but the database's and the source, hidden ones too.
fn left(database: &Database) -> Vec<String> {
    let names = fs::read_dir(database.workspace().path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with("data.db") && name != "in.parquet").collect()
}

fn parallel<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["copy", "embedded:data.db/T", "o.parquet", "--parallel", "2", "--batch-rows", "500", "--report", "json"], more].concat()
}

#[test]
fn a_snapshot_that_is_too_old_costs_one_slice_which_is_read_again() {
    let database = filled();
    let mut retried = 0;
    for at in [1, 2, 9, 30, 70] {
        let outcome = faulty(&database, &parallel(&["--ordered", "--mode", "overwrite"]), "too-old", at);
        assert_eq!(outcome.code, 0, "{at}: {outcome}");
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!((report["rows"].as_u64(), report["slices_retried"].as_u64()), (Some(ROWS as u64), Some(1)), "{at}: {report}");
        assert!(report["readers"]["slices"].as_u64() > Some(8), "{report}");
        retried += 1;
        let found = read(&database.workspace().file("o.parquet"));
        let expected = read(&database.workspace().file("in.parquet"));
        assert_eq!(found.column(1), expected.column(1), "fault at fetch {at}: rows lost, twice or out of order");
    }
    assert_eq!(retried, 5);
    // One reader reads slices when it is asked to.
    let one = [
        "copy",
        "embedded:data.db/T",
        "o.parquet",
        "--parallel",
        "1",
        "--ordered",
        "--batch-rows",
        "500",
        "--mode",
        "overwrite",
        "--report",
        "json",
    ];
    let outcome = faulty(&database, &one, "too-old", 20);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome}"));
    assert_eq!((report["readers"]["sessions"].as_u64(), report["slices_retried"].as_u64()), (Some(1), Some(1)), "{report}");
    assert_eq!(read(&database.workspace().file("o.parquet")).column(1), read(&database.workspace().file("in.parquet")).column(1));
    // A query that is not in slices has sent its first rows on by then: it cannot begin again.
    fs::remove_file(database.workspace().file("o.parquet")).unwrap();
    let whole = faulty(&database, &["copy", "embedded:data.db/T", "o.parquet", "--batch-rows", "500"], "too-old", 20);
    whole.fails(7, &["ORA-01555", "--parallel"]);
    assert_eq!(left(&database), Vec::<String>::new());
}

#[test]
fn a_connection_that_is_lost_in_any_fetch_leaves_no_half_of_a_file() {
    let database = filled();
    let (mut lost, mut whole) = (0, 0);
    for readers in ["1", "3"] {
        fs::write(database.workspace().file("o.parquet"), "former").unwrap();
        for at in [1, 2, 3, 5, 8, 13, 30, 60, 100_000] {
            let words = ["copy", "embedded:data.db/T", "o.parquet", "--parallel", readers, "--batch-rows", "500", "--mode", "overwrite"];
            let outcome = faulty(&database, &words, "lost-fetch", at);
            if outcome.code == 0 {
                whole += 1;
                assert_eq!(read(&database.workspace().file("o.parquet")).num_rows(), ROWS as usize);
                fs::write(database.workspace().file("o.parquet"), "former").unwrap();
                continue;
            }
            lost += 1;
            outcome.fails(7, &["ORA-03113", "try:"]);
            assert_eq!(fs::read(database.workspace().file("o.parquet")).unwrap(), b"former", "{at}");
            assert_eq!(left(&database), ["o.parquet"], "{at}");
        }
    }
    assert!(lost >= 10 && whole >= 2, "{lost} lost, {whole} whole");
}

/// An export to standard output that nobody takes further than its first byte before `meanwhile` has been done.
pub(crate) fn stalled(database: &Database, words: &[&str], meanwhile: impl FnOnce()) -> (String, Outcome) {
    let mut child = database.command(words).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0; 1];
    out.read_exact(&mut first).unwrap();
    meanwhile();
    assert!(child.try_wait().unwrap().is_none(), "the export has ended although nobody took its rows");
    child.stdout = Some(out);
    let outcome = Running::new(child).wait(TIME_LIMIT);
    (format!("{}{}", first[0] as char, outcome.stdout), outcome)
}

#[test]
fn a_table_that_is_changed_between_two_slices_ends_the_job() {
    for (statement, parts) in [
        ("DROP TABLE T PURGE", &["ORA-00942"][..]),
        ("TRUNCATE TABLE T", &["ORA-01466"]),
        ("ALTER TABLE T DROP COLUMN V", &["ORA-00904", "V"]),
    ] {
        let database = filled();
        let words = ["copy", "embedded:data.db/T", "-", "--format", "csv", "--parallel", "2", "--batch-rows", "500"];
        let (_, outcome) = stalled(&database, &words, || drop(database.sql(statement)));
        outcome.fails(7, &[parts, &["try:"]].concat());
    }
}

/// Each format, as a file and as a directory of files.
const SINKS: [(&str, &[&str]); 7] = [
    ("o.parquet", &[]),
    ("o.arrow", &[]),
    ("o.arrows", &[]),
    ("o.csv", &[]),
    ("o.ndjson", &[]),
    ("o", &["--format", "csv", "--file-bytes", "1MiB"]),
    ("o", &["--format", "parquet", "--file-bytes", "1MiB"]),
];

/// The command in a shell that `limits` it first.
#[cfg(unix)]
fn limited(database: &Database, limits: &str, words: &[&str]) -> Outcome {
    let inner = database.command(words);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{limits} && exec \"$0\" \"$@\"")]).arg(inner.get_program()).args(inner.get_args());
    shell.current_dir(database.workspace().path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(shell, TIME_LIMIT)
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow_leaves_nothing() {
    let database = filled();
    for (name, more) in SINKS {
        let words = [&["copy", "embedded:data.db/T", name, "--compression", "none"], more].concat();
        // Blocks of 512 bytes, or of 1024 in some shells: more than the engine's own files grow, less than any of these. Without the trap the
        // signal ends the process before the write can fail.
        let outcome = limited(&database, "trap '' XFSZ && ulimit -f 600", &words);
        outcome.fails(6, &[name, "File too large", "try:"]);
        assert_eq!(left(&database), Vec::<String>::new(), "{words:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_and_says_so() {
    let database = filled();
    fs::create_dir(database.workspace().file("small")).unwrap();
    // In a mount namespace of its own, so that nothing has to be unmounted.
    let mounted = "unshare -rm true && unshare -rm sh -c 'mount -t tmpfs -o size=300k tmpfs small'";
    let can_mount = Command::new("sh").args(["-c", mounted]).current_dir(database.workspace().path()).stderr(Stdio::null()).status();
    if !can_mount.is_ok_and(|status| status.success()) {
        crate::support::skipped("export_faults::a_full_disk", "this user may not mount a tmpfs in a namespace of its own");
        return;
    }
    for (name, more) in SINKS {
        let target = format!("small/{name}");
        let inner = database.command(&[&["copy", "embedded:data.db/T", target.as_str(), "--compression", "none"], more].concat());
        let script = "mount -t tmpfs -o size=300k tmpfs small && { \"$0\" \"$@\"; code=$?; ls -A small >&2; exit $code; }";
        let mut shell = Command::new("unshare");
        shell.args(["-rm", "sh", "-c", script]).arg(inner.get_program()).args(inner.get_args());
        shell.current_dir(database.workspace().path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let outcome = finish(shell, TIME_LIMIT);
        outcome.fails(6, &[name, "No space left on device", "make room on the disk"]);
        let last = outcome.stderr.trim_end().lines().last().unwrap_or_default();
        assert!(last.contains("make room"), "the file system is not empty: {outcome}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_behind_standard_output_is_told() {
    let database = filled();
    for format in ["parquet", "arrow", "arrows", "csv", "ndjson"] {
        let mut command = database.command(&["copy", "embedded:data.db/T", "-", "--format", format]);
        command.stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        finish(command, TIME_LIMIT).fails(6, &["No space left on device"]);
    }
    assert_eq!(left(&database), Vec::<String>::new());
}
