//! The C ABI as a host in C uses it: `tests/c/host.c` is compiled with the header and run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::loader_api::engine_directory;
use crate::support::{TIME_LIMIT, Workspace, finish};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo has put `libolbridge.so`.
fn library_directory() -> PathBuf {
    engine_directory()
}

/// Compiles a host with every warning an error.
fn compile(workspace: &Workspace, source: &str) -> PathBuf {
    let program = workspace.file("host");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let output = Command::new(&compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-pthread"])
        .arg("-I")
        .arg(root().join("include"))
        .arg(root().join(source))
        .arg("-o")
        .arg(&program)
        .arg("-L")
        .arg(library_directory())
        .args(["-lolbridge", "-Wl,-rpath"])
        .arg(format!("-Wl,{}", library_directory().display()))
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}: the tests need a C compiler"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

#[test]
fn a_host_in_c_reads_loads_and_rolls_back() {
    runs("tests/c/host.c");
}

#[test]
fn threads_of_a_host_share_a_session_and_no_row_goes_astray() {
    runs("tests/c/threads.c");
}

#[test]
fn a_call_that_is_broken_off_and_a_read_that_locks_leave_a_session_that_can_be_used() {
    runs("tests/c/doubt.c");
}

/// Compiles a host, and runs it with a database of its own.
#[track_caller]
fn runs(source: &str) {
    let workspace = Workspace::new();
    let mut command = Command::new(compile(&workspace, source));
    command.arg(format!("embedded:{}", workspace.file("c.db").display()));
    command.arg(format!("{{\"client_lib_dir\": {:?}}}", engine_directory().display().to_string()));
    command.current_dir(workspace.path()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let outcome = finish(command, TIME_LIMIT);
    assert_eq!((outcome.code, outcome.stdout.trim()), (0, "ok"), "{}", outcome.stderr);
}

#[test]
fn a_host_in_c_writes_merges_and_drops_a_delta_table() {
    let workspace = Workspace::new();
    let mut command = Command::new(compile(&workspace, "tests/c/delta.c"));
    command.arg(workspace.path());
    if cfg!(not(feature = "delta")) {
        command.arg("without");
    }
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let outcome = finish(command, TIME_LIMIT);
    assert_eq!((outcome.code, outcome.stdout.trim()), (0, "ok"), "{}", outcome.stderr);
}

/// Names that follow `before` in a text.
fn names_after(text: &str, before: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = text.match_indices(before).map(|(at, _)| &text[at + before.len()..]);
    starts.map(|rest| rest.chars().take_while(|&c| is_name(c)).collect::<String>()).filter(|name| name.starts_with("olbridge_")).collect()
}

#[test]
fn the_header_declares_every_function_of_the_abi_and_no_other() {
    let mut exported = BTreeSet::new();
    let inside = |folder: &str| fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    for path in inside("src/capi").chain(inside("src/capi/delta")).filter(|path| path.is_file()) {
        exported.extend(names_after(&fs::read_to_string(path).unwrap(), "extern \"C\" fn "));
    }
    let header = fs::read_to_string(root().join("include/olbridge.h")).unwrap();
    let declared: BTreeSet<String> = header
        .lines()
        .filter(|line| line.contains('(') && !line.trim_start().starts_with(['*', '/']))
        .flat_map(|line| names_after(line, " ").into_iter().chain(names_after(line, "*")))
        .collect();
    assert!(exported.len() > 15, "{exported:?}");
    assert_eq!(declared, exported);
}
