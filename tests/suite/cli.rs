//! The command line itself: help, usage errors, exit codes, what goes to which stream.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::tables::{ids, table};
use crate::support::{Running, TIME_LIMIT, Workspace, finish};

/// A directory with `three.parquet`: rows 1, 2, 3.
fn three_rows() -> Workspace {
    let workspace = Workspace::new();
    workspace.parquet("three.parquet", &[table(vec![("id", ids(1..4))])]);
    workspace
}

#[test]
fn help_goes_to_standard_output_and_lists_commands_and_exit_codes() {
    let help = Workspace::new().ok(&["--help"]);
    for word in ["copy", "describe", "sql", "check", "types", "Exit codes:", "interrupted, rolled back"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    let copy = Workspace::new().ok(&["copy", "--help"]);
    for word in ["oracle://USER@HOST:PORT/SERVICE/[SCHEMA.]TABLE", "embedded:PATH/TABLE", "--mode", "--dry-run", "OLBRIDGE_PASSWORD"] {
        assert!(copy.contains(word), "{word}: {copy}");
    }
    assert!(Workspace::new().ok(&["--version"]).starts_with("olbridge "));
}

#[test]
fn wrong_usage_is_exit_code_2_and_says_what_to_type() {
    let target = "embedded:x.db/T";
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["copi"], "copi"),
        (&["copy"], "SOURCE"),
        (&["copy", "only-one"], "2 values"),
        (&["copy", "three.parquet", target, "--mode", "replace"], "overwrite"),
        (&["copy", "three.parquet", target, "--batch-bytes", "many"], "8MiB"),
        (&["copy", "three.parquet", target, "--batch-rows", "0"], "--batch-rows"),
        (&["copy", "three.parquet", target, "--batch-rows", "40000"], "32767"),
        (&["copy", "three.parquet", target, "--commit-rows", "0"], "--commit-rows"),
        (&["copy", "three.parquet", target, "--rename", "id"], "SRC=DST"),
        (&["copy", "three.parquet", target, "--rename", "=x"], "SRC=DST"),
        (&["copy", "three.parquet", target, "--report", "xml"], "json"),
        (&["copy", "three.parquet", target, "--lossy", "everything"], "everything"),
        (&["copy", "three.parquet", target, "--password", "tiger"], "--password"),
        (&["sql", target], "STATEMENT"),
        (&["sql", target, "  "], "statement"),
        (&["describe", target, "--format", "csv"], "json"),
    ];
    let workspace = three_rows();
    for (arguments, part) in cases {
        workspace.run(arguments).fails(2, &[part]);
    }
    assert!(!workspace.file("x.db").exists(), "a usage error must not open the target");
}

#[test]
fn near_misses_of_a_target_are_refused_with_the_right_form() {
    let targets = [
        "three.parquet",
        "embedded:x.db",
        "embedded:/T",
        "embedded:x.db/",
        "embeded:x.db/T",
        "embedded://x.db",
        "oracle:/scott@localhost:1521/svc/T",
        "oracle://scott@localhost:1521/svc",
        "oracle://scott@localhost:port/svc/T",
        "oracle://scott@localhost:1521/svc/A.B.C",
        "oracle://scott@/T",
        "scott@localhost:1521/svc/T",
        "jdbc:oracle:thin:@localhost:1521/svc",
        "",
    ];
    let workspace = three_rows();
    for target in targets {
        workspace.run(&["copy", "three.parquet", target]).fails(2, &["error:", "try:"]);
    }
}

#[test]
fn a_password_in_the_target_is_refused_and_not_repeated() {
    let outcome = three_rows().run(&["copy", "three.parquet", "oracle://scott:t1ger-s3cret@localhost:1521/svc/T"]);
    outcome.fails(2, &["OLBRIDGE_PASSWORD"]);
    assert!(!outcome.stderr.contains("t1ger-s3cret"), "{outcome}");
}

#[test]
fn the_password_is_never_shown() {
    let workspace = three_rows();
    let empty = workspace.path().to_str().unwrap().to_owned();
    for arguments in [&["copy", "three.parquet", "oracle://scott@127.0.0.1:9/svc/T"][..], &["check", "oracle://scott@127.0.0.1:9/svc/T"]] {
        let mut command = workspace.command(arguments);
        command.env("OLBRIDGE_PASSWORD", "t1ger-s3cret").env("OLBRIDGE_OCI_LIB_DIR", &empty);
        let outcome = finish(command, TIME_LIMIT);
        outcome.fails(3, &["error:"]);
        assert!(!outcome.stderr.contains("t1ger") && !outcome.stdout.contains("t1ger"), "{outcome}");
    }
}

#[test]
fn without_a_password_and_a_terminal_the_ways_to_give_one_are_named() {
    three_rows().run(&["describe", "oracle://scott@127.0.0.1:9/svc/T"]).fails(3, &["OLBRIDGE_PASSWORD", "--password-file"]);
}

#[test]
fn no_client_library_is_exit_code_3_and_says_what_was_tried() {
    let workspace = three_rows();
    let empty = workspace.path().to_str().unwrap().to_owned();
    let mut command = workspace.command(["copy", "three.parquet", "oracle://scott@127.0.0.1:9/svc/T", "--client-lib", &empty]);
    command.env("OLBRIDGE_PASSWORD", "x");
    finish(command, TIME_LIMIT).fails(3, &["error:", &empty, "try:"]);
}

#[test]
fn a_missing_embedded_engine_is_exit_code_3_and_says_where_it_was_looked_for() {
    let workspace = three_rows();
    let mut command = workspace.command(["check", "embedded:x.db/T"]);
    command.env("OLBRIDGE_EMBEDDED_LIB_DIR", workspace.path());
    finish(command, TIME_LIMIT).fails(3, &["looked in", workspace.path().to_str().unwrap(), "OLBRIDGE_EMBEDDED_LIB_DIR"]);
}

#[test]
fn an_installed_layout_finds_the_engine_beside_it_or_in_lib() {
    let built = Path::new(env!("CARGO_BIN_EXE_olbridge")).parent().unwrap().join("deps");
    let library = if cfg!(target_os = "macos") { "libclntsh.dylib" } else { "libclntsh.so" };
    for place in ["bin", "lib"] {
        let workspace = three_rows();
        fs::create_dir_all(workspace.file("prefix/bin")).unwrap();
        fs::create_dir_all(workspace.file("prefix/lib")).unwrap();
        let executable = workspace.file("prefix/bin/olbridge");
        fs::copy(env!("CARGO_BIN_EXE_olbridge"), &executable).unwrap();
        fs::copy(built.join(library), workspace.file("prefix").join(place).join(library)).unwrap();
        let mut command = std::process::Command::new(&executable);
        command.args(["check", "embedded:x.db/T"]).current_dir(workspace.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let outcome = finish(command, TIME_LIMIT);
        assert_eq!(outcome.code, 0, "{outcome}");
        assert!(outcome.stdout.contains(&format!("prefix/{place}")), "{outcome}");
    }
}

#[test]
fn check_names_the_client_its_version_and_the_login() {
    let out = Workspace::new().ok(&["check", "embedded:x.db/T"]);
    for part in ["libclntsh", "19.3", "login"] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn check_names_the_client_also_when_the_login_fails() {
    let outcome = Workspace::new().run(&["check", "embedded:no/such/folder/x.db"]);
    outcome.fails(3, &["no/such/folder/x.db", "try:"]);
    for part in ["client library:", "libclntsh", "client version: 19.3", "login:          failed"] {
        assert!(outcome.stdout.contains(part), "{part}: {outcome}");
    }
}

#[test]
fn dry_run_prints_the_plan_and_moves_nothing() {
    let workspace = three_rows();
    let plan = workspace.ok(&["copy", "three.parquet", "embedded:x.db/T", "--mode", "create", "--dry-run"]);
    for part in ["CREATE TABLE", "INSERT INTO", "NUMBER", "Int64", "rows per execute"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    workspace.run(&["describe", "embedded:x.db/T"]).fails(7, &["ORA-00942", "T"]);
}

#[test]
fn dry_run_as_json_is_one_document_on_standard_output() {
    let out = three_rows().ok(&["copy", "three.parquet", "embedded:x.db/T", "--mode", "create", "--dry-run", "--report", "json"]);
    let plan: Value = serde_json::from_str(&out).unwrap();
    assert!(plan["statement"].as_str().unwrap().starts_with("INSERT INTO"), "{plan}");
    assert!(plan["first_statement"].as_str().unwrap().starts_with("CREATE TABLE"), "{plan}");
    assert_eq!(plan["columns"].as_array().unwrap().len(), 1, "{plan}");
}

#[test]
fn the_report_has_the_numbers_and_standard_output_nothing_else() {
    let workspace = three_rows();
    let arguments = ["copy", "three.parquet", "embedded:x.db/T", "--mode", "create", "--report", "json"];
    let report: Value = serde_json::from_str(&workspace.ok(&arguments)).unwrap();
    assert_eq!(report["rows_loaded"], 3, "{report}");
    let arguments = ["copy", "three.parquet", "embedded:x.db/T", "--report", "json=report.json", "--quiet"];
    assert_eq!(workspace.ok(&arguments), "");
    let report: Value = serde_json::from_str(&fs::read_to_string(workspace.file("report.json")).unwrap()).unwrap();
    assert_eq!(report["rows_loaded"], 3, "{report}");
    assert_eq!(workspace.count("embedded:x.db/T", "T"), 6);
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_a_row_moves() {
    let workspace = three_rows();
    let arguments = ["copy", "three.parquet", "embedded:x.db/T", "--mode", "create", "--report", "json=no/such/folder/r.json"];
    workspace.run(&arguments).fails(6, &["no/such/folder/r.json"]);
    workspace.run(&["describe", "embedded:x.db/T"]).fails(7, &["ORA-00942", "T"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_fails_after_the_commit_is_exit_code_8() {
    let workspace = three_rows();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let copy = ["copy", "three.parquet", "embedded:x.db/T", "--mode", "create"];
    for (rows, more) in [(3, &[][..]), (6, &["--report", "json"]), (9, &["--report", "json=/dev/full"])] {
        let mut command = workspace.command([&copy[..], more].concat());
        command.stdout(full());
        finish(command, TIME_LIMIT).fails(8, &["committed", "do not load them again", "No space left"]);
        assert_eq!(workspace.count("embedded:x.db/T", "T"), rows);
    }
    // Nothing has moved: the old codes.
    let mut command = workspace.command([&copy[..], &["--dry-run"]].concat());
    command.stdout(full());
    finish(command, TIME_LIMIT).fails(6, &["No space left"]);
    workspace
        .run(&["copy", "three.parquet", "embedded:x.db/MISSING", "--report", "json=/dev/full"])
        .fails(4, &["no such table", "warning:"]);
}

#[test]
fn quiet_says_nothing() {
    let outcome = three_rows().run(&["copy", "three.parquet", "embedded:x.db/T", "--mode", "create", "--quiet"]);
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, "", ""));
}

#[test]
fn without_a_terminal_nothing_is_coloured_and_the_summary_is_plain() {
    let outcome = three_rows().run(&["copy", "three.parquet", "embedded:x.db/T", "--mode", "create"]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stdout.contains("3 rows"), "{outcome}");
    assert!(!outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}') && !outcome.stderr.contains('\r'), "{outcome}");
}

#[test]
fn sql_prints_tables_csv_and_json() {
    let workspace = three_rows();
    let target = "embedded:x.db/T";
    workspace.ok(&["copy", "three.parquet", target, "--mode", "create"]);
    let query = "SELECT ID FROM T ORDER BY ID";
    assert_eq!(workspace.ok(&["sql", target, query]), "ID\n--\n 1\n 2\n 3\n");
    assert_eq!(workspace.ok(&["sql", target, query, "--format", "csv"]), "ID\n1\n2\n3\n");
    assert_eq!(workspace.ok(&["sql", target, query, "--format", "json"]), "{\"ID\":1}\n{\"ID\":2}\n{\"ID\":3}\n");
}

#[test]
fn sql_needs_no_table_in_the_target_and_commits_what_it_executes() {
    let workspace = Workspace::new();
    workspace.ok(&["sql", "embedded:x.db", "CREATE TABLE T (ID NUMBER)"]);
    let outcome = workspace.run(&["sql", "embedded:x.db", "INSERT INTO T VALUES (7)"]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stderr.contains("1 row"), "{outcome}");
    assert_eq!(workspace.sql("embedded:x.db", "SELECT ID FROM T"), "ID\n7\n");
}

#[test]
fn sql_that_the_database_refuses_is_exit_code_7_with_its_words() {
    let workspace = Workspace::new();
    workspace.run(&["sql", "embedded:x.db", "SELECT * FROM NOT_THERE"]).fails(7, &["ORA-00942", "error:"]);
    workspace
        .run(&["sql", "embedded:x.db", "CREATE TRIGGER t BEFORE INSERT ON x BEGIN NULL; END;"])
        .fails(7, &["ORA-03001", "TRIGGER", "README"]);
    workspace
        .run(&["sql", "embedded:x.db", "CREATE MATERIALIZED VIEW V AS SELECT 1 A FROM DUAL"])
        .fails(7, &["ORA-03001", "MATERIALIZED", "README"]);
    workspace.run(&["sql", "embedded:x.db", "/* a comment */ SELECT * FROM NOT_THERE;"]).fails(7, &["query: ORA-00942"]);
    workspace.run(&["sql", "embedded:x.db", "SELEKT 1"]).fails(7, &["ORA-00900", "error:"]);
}

#[test]
fn describe_shows_tables_and_files() {
    let workspace = three_rows();
    workspace.ok(&["sql", "embedded:x.db", "CREATE TABLE T (ID NUMBER(9) NOT NULL, NAME VARCHAR2(20 CHAR))"]);
    let out = workspace.ok(&["describe", "embedded:x.db/T"]);
    for part in ["ID", "NUMBER(9)", "NOT NULL", "NAME", "VARCHAR2(20 CHAR)"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let document: Value = serde_json::from_str(&workspace.ok(&["describe", "embedded:x.db/T", "--format", "json"])).unwrap();
    assert_eq!(document["columns"][0]["name"], "ID");
    assert_eq!(document["columns"][0]["nullable"], false);
    assert_eq!(document["columns"][1]["oracle_type"], "VARCHAR2(20 CHAR)");

    let out = workspace.ok(&["describe", "three.parquet"]);
    for part in ["1 file: 3 rows", "id", "Int64", "INT64", "three.parquet"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let document: Value = serde_json::from_str(&workspace.ok(&["describe", "three.parquet", "--format", "json"])).unwrap();
    assert_eq!(document["rows"], 3);
    assert_eq!(document["columns"][0]["arrow_type"], "Int64");
    assert_eq!(document["columns"][0]["parquet_type"], "INT64");
    assert_eq!(document["files"][0]["path"], "three.parquet");
}

#[test]
fn a_closed_pipe_is_a_clean_end() {
    let workspace = Workspace::new();
    workspace.parquet("many.parquet", &[table(vec![("id", ids(0..50_000))])]);
    workspace.ok(&["copy", "many.parquet", "embedded:x.db/T", "--mode", "create"]);
    let mut child = workspace.command(["sql", "embedded:x.db/T", "SELECT ID FROM T", "--format", "csv"]).spawn().unwrap();
    let mut first = [0_u8; 3];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let outcome = Running::new(child).wait(TIME_LIMIT);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
}

#[test]
fn the_readme_shows_the_type_table_that_the_code_follows() {
    let table = Workspace::new().ok(&["types"]);
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(table.lines().count() > 10, "{table}");
    for line in table.lines().filter(|line| line.starts_with('|')) {
        assert!(readme.contains(line), "not in README.md (put the output of `olbridge types` there): {line}");
    }
}

#[test]
fn the_readme_shows_every_exit_code() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/olbridge/exit_code.rs")).unwrap();
    for line in source.lines().filter_map(|line| line.strip_prefix("//! ")).filter(|line| line.starts_with('|')) {
        assert!(readme.contains(line), "not in README.md: {line}");
    }
}

#[test]
fn the_readme_shows_library_code_that_compiles() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let example = fs::read_to_string(folder.join("examples/load_from_rust.rs")).unwrap();
    let function = &example[example.find("fn load(").unwrap()..example.find("fn main(").unwrap()];
    assert!(readme.contains(function.trim_end()), "{function}");
}

#[test]
fn the_example_is_what_its_program_makes() {
    let workspace = Workspace::new();
    crate::make_orders::write(&workspace.file("again.parquet")).unwrap();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/orders.parquet");
    assert!(fs::metadata(&committed).unwrap().len() < 60_000);
    let read = |path: &Path| {
        let file = fs::File::open(path).unwrap();
        let reader = olbridge::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        reader.map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(read(&committed), read(&workspace.file("again.parquet")));
}
