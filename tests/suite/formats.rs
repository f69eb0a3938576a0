//! CSV, NDJSON and Arrow IPC beside Parquet, in both directions; standard input and output.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use olbridge::arrow::array::AsArray;
use olbridge::arrow::datatypes::Int64Type;

use crate::exports::{assert_same, read};
use crate::support::database::Database;
use crate::support::tables::every_type;
use crate::support::{Outcome, Running, TIME_LIMIT, Workspace};

/// Runs the command with these bytes on standard input.
fn with_stdin(workspace: &Workspace, arguments: &[&str], input: Vec<u8>) -> Outcome {
    let mut command = workspace.command(arguments);
    command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that does not want its input closes the pipe.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let outcome = Running::new(child).wait(TIME_LIMIT);
    writer.join().unwrap();
    outcome
}

#[test]
fn every_type_comes_back_through_every_format() {
    let workspace = Workspace::new();
    workspace.parquet("in.parquet", &[every_type()]);
    workspace.ok(&["copy", "in.parquet", "embedded:r.db/T", "--mode", "create"]);
    for file in ["t.csv", "t.ndjson", "t.arrow", "t.arrows"] {
        workspace.ok(&["copy", "embedded:r.db/T", file, "--like", "in.parquet", "--batch-rows", "2"]);
        let types: &[&str] = if file.contains("arrow") { &[] } else { &["--like", "in.parquet"] };
        let load: Vec<&str> =
            ["copy", file, "embedded:r.db/S", "--mode", "overwrite", "--allow-destructive"].iter().chain(types).copied().collect();
        workspace.ok(&load);
        workspace.ok(&["copy", "embedded:r.db/S", "out.parquet", "--like", "in.parquet", "--mode", "overwrite"]);
        assert_same(&read(&workspace.file("out.parquet")), &read(&workspace.file("in.parquet")));
        // Into a table that is there, its columns say how the text is read.
        let flag: &[&str] = if file.contains("arrow") { &[] } else { &["--as", "flag=boolean", "--lossy", "zone"] };
        let load: Vec<&str> =
            ["copy", file, "embedded:r.db/T", "--mode", "truncate", "--allow-destructive"].iter().chain(flag).copied().collect();
        workspace.ok(&load);
        workspace.ok(&["copy", "embedded:r.db/T", "out.parquet", "--like", "in.parquet", "--mode", "overwrite"]);
        assert_same(&read(&workspace.file("out.parquet")), &read(&workspace.file("in.parquet")));
    }
    // An Arrow file carries the Oracle types, so that the same table is made of it.
    workspace.ok(&["copy", "embedded:r.db/T", "o.arrow", "--number", "text"]);
    workspace.ok(&["copy", "o.arrow", "embedded:r.db/T3", "--mode", "create"]);
    let columns = |table: &str| workspace.ok(&["describe", &format!("embedded:r.db/{table}"), "--format", "json"]).replace(table, "T");
    let types_of = |json: &str| json.matches("TIMESTAMP").count();
    assert_eq!(types_of(&columns("T3")), types_of(&columns("T")));
}

#[test]
fn standard_output_carries_rows_alone_and_standard_input_takes_them() {
    let workspace = Workspace::new();
    workspace.parquet("in.parquet", &[every_type()]);
    workspace.ok(&["copy", "in.parquet", "embedded:r.db/T", "--mode", "create"]);
    for format in ["csv", "ndjson", "arrows"] {
        let out = workspace.file("piped");
        let mut command = workspace.command(["copy", "embedded:r.db/T", "-", "--format", format, "--like", "in.parquet"]);
        command.stdout(fs::File::create(&out).unwrap());
        let outcome = crate::support::finish(command, TIME_LIMIT);
        assert_eq!(outcome.code, 0, "{outcome}");
        assert!(outcome.stderr.contains("rows written to standard output"), "{outcome}");
        let rows = fs::read(&out).unwrap();
        // Into a table that is there, and into a new one, for which standard input is read twice.
        let flag: &[&str] = if format == "arrows" { &[] } else { &["--as", "flag=boolean", "--lossy", "zone"] };
        let load: Vec<&str> = ["copy", "-", "embedded:r.db/T", "--format", format, "--mode", "overwrite", "--allow-destructive"]
            .iter()
            .chain(flag)
            .copied()
            .collect();
        let outcome = with_stdin(&workspace, &load, rows.clone());
        assert_eq!(outcome.code, 0, "{outcome}");
        let types: &[&str] = if format == "arrows" { &[] } else { &["--like", "in.parquet"] };
        let load: Vec<&str> = ["copy", "-", "embedded:r.db/NEW", "--format", format, "--mode", "overwrite", "--allow-destructive"]
            .iter()
            .chain(types)
            .copied()
            .collect();
        let outcome = with_stdin(&workspace, &load, rows);
        assert_eq!(outcome.code, 0, "{outcome}");
        for table in ["T", "NEW"] {
            let table = format!("embedded:r.db/{table}");
            workspace.ok(&["copy", &table, "out.parquet", "--like", "in.parquet", "--mode", "overwrite"]);
            assert_same(&read(&workspace.file("out.parquet")), &read(&workspace.file("in.parquet")));
        }
    }
    workspace.run(&["copy", "-", "embedded:r.db/T"]).fails(2, &["--format csv"]);
    workspace.run(&["copy", "-", "embedded:r.db/T", "--format", "parquet"]).fails(2, &["pipe", "--format arrows"]);
    workspace.run(&["copy", "embedded:r.db/T", "-"]).fails(2, &["--format csv"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let workspace = Workspace::new();
    workspace.sql("embedded:r.db", "CREATE TABLE T (ID NUMBER(9))");
    let lines = (0..2000).map(|n| format!("{n}\n")).collect::<String>();
    fs::write(workspace.file("in.csv"), format!("id\n{lines}")).unwrap();
    workspace.ok(&["copy", "in.csv", "embedded:r.db/T"]);
    let query = "SELECT A.ID X, B.ID Y FROM T A, T B";
    let mut command = workspace.command(["copy", "embedded:r.db/T", "-", "--format", "csv", "--query", query]);
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let outcome = Running::new(child).wait(TIME_LIMIT);
    assert_eq!((outcome.code, outcome.stderr.contains("panicked")), (0, false), "{outcome}");
}

#[test]
fn a_new_table_gets_the_types_of_the_values() {
    let workspace = Workspace::new();
    let csv = "id,price,day,at,flag,code,note\n1,1.50,2024-02-29,2024-02-29T10:00:00,true,007,\n-20,100,2024-03-01,2024-03-01 11:00:00.25,false,008,\"\"\"x\"\"\"\n";
    fs::write(workspace.file("in.csv"), csv).unwrap();
    let described = workspace.ok(&["describe", "in.csv"]);
    for part in ["Int64", "Decimal128(4, 1)", "Date32", "Timestamp(µs)", "Boolean", "Utf8", "2 rows"] {
        assert!(described.contains(part), "{part}: {described}");
    }
    workspace.ok(&["copy", "in.csv", "embedded:r.db/T", "--mode", "create"]);
    let rows = workspace.rows("embedded:r.db", "SELECT ID, PRICE, CODE, NOTE FROM T ORDER BY ID");
    let text = |s: &str| Some(s.to_owned());
    assert_eq!(rows, [[text("-20"), text("100"), text("008"), text("\"x\"")], [text("1"), text("1.5"), text("007"), None]]);
    fs::write(workspace.file("in.ndjson"), "{\"id\":12345678901234567890,\"tags\":[1,2],\"s\":\"1\"}\n\n{\"s\":null}\n").unwrap();
    workspace.ok(&["copy", "in.ndjson", "embedded:r.db/J", "--mode", "create"]);
    assert_eq!(
        workspace.rows("embedded:r.db", "SELECT ID, TAGS, S FROM J WHERE ID > 0")[0],
        [text("12345678901234567890"), text("[1,2]"), text("1")]
    );
    fs::write(workspace.file("mixed.ndjson"), "{\"a\":1}\n{\"a\":\"1\"}\n").unwrap();
    workspace.run(&["copy", "mixed.ndjson", "embedded:r.db/M", "--mode", "create"]).fails(6, &["mixed.ndjson", "\"a\"", "--as a=text"]);
    workspace.ok(&["copy", "mixed.ndjson", "embedded:r.db/M", "--mode", "create", "--as", "a=int64"]);
    assert_eq!(workspace.count("embedded:r.db", "M"), 2);
}

#[test]
fn mistakes_in_text_name_file_line_and_column_and_leave_nothing() {
    let workspace = Workspace::new();
    workspace.sql("embedded:r.db", "CREATE TABLE T (ID NUMBER(4), D DATE, N NUMBER)");
    for (name, text, parts) in [
        ("a.csv", "id,d\n1,2024-01-01\n\"2\n\",2024-01-01\n", &["a.csv", "line 3, row 2", "column \"id\"", "no number"][..]),
        ("b.csv", "id,d\n1,2024-01-01\n2,2024-02-30\n", &["line 3, row 2", "column \"d\"", "2024-02-30", "YYYY-MM-DD"]),
        ("c.csv", "id,d\n1\n", &["line 2, row 1", "1 fields, the header 2"]),
        ("d.csv", "id,d\n1,\"x\n", &["line 2, row 1", "quote that never ends"]),
        ("e.ndjson", "{\"id\":1}\n{\"id\":1.5}\n", &["e.ndjson", "line 2, row 2", "column \"id\"", "1 digits after the point"]),
        ("f.ndjson", "{\"id\":1}\n{\"id\":}\n", &["line 2", "expected value"]),
        ("g.ndjson", "{\"n\":1e-39}\n", &["line 1", "column \"n\"", "39 after the point"]),
    ] {
        fs::write(workspace.file(name), text).unwrap();
        workspace.run(&["copy", name, "embedded:r.db/T"]).fails(6, parts);
        assert_eq!(workspace.count("embedded:r.db", "T"), 0, "{name}");
    }
    let late = (0..1001).map(|n| format!("{{\"id\":{n}}}\n")).collect::<String>() + "{\"id\":1,\"n\":0.125}\n";
    fs::write(workspace.file("late.ndjson"), late).unwrap();
    workspace.run(&["copy", "late.ndjson", "embedded:r.db/T"]).fails(6, &["line 1002", "no column \"n\""]);
    workspace.ok(&["copy", "late.ndjson", "embedded:r.db/T", "--as", "n=decimal(9,3)"]);
    assert_eq!(workspace.rows("embedded:r.db", "SELECT N FROM T WHERE N IS NOT NULL"), [[Some("0.125".to_owned())]]);
    fs::write(workspace.file("x.parquet"), "PAR1").unwrap();
    workspace.run(&["copy", "c.csv", "e.ndjson", "embedded:r.db/T"]).fails(2, &["c.csv is csv", "e.ndjson is ndjson"]);
    workspace.run(&["copy", "in.parquet", "embedded:r.db/T", "--as", "nope=int64"]).fails(6, &["in.parquet"]);
    workspace.run(&["copy", "b.csv", "embedded:r.db/T", "--as", "nope=int64"]).fails(2, &["nope", "id, d"]);
}

#[test]
fn refused_rows_in_ndjson_can_be_loaded_again() {
    let workspace = Workspace::new();
    workspace.sql("embedded:r.db", "CREATE TABLE T (ID NUMBER(2), NOTE VARCHAR2(20))");
    fs::write(workspace.file("in.csv"), "id,note\n1,a\n100,\"b, \"\"c\"\"\"\n3,d\n").unwrap();
    let load = ["copy", "in.csv", "embedded:r.db/T", "--as", "id=int64", "--rejects", "bad.ndjson"];
    workspace.run(&load).fails(9, &[]);
    workspace.sql("embedded:r.db", "CREATE TABLE BIG (ID NUMBER(9), NOTE VARCHAR2(20))");
    workspace.ok(&["copy", "bad.ndjson", "embedded:r.db/BIG", "--columns", "id,note"]);
    workspace.ok(&["copy", "embedded:r.db/BIG", "out.arrow"]);
    workspace.ok(&["copy", "embedded:r.db/BIG", "out.parquet", "--as", "id=int64"]);
    assert_eq!(read(&workspace.file("out.parquet")).column(0).as_primitive::<Int64Type>().values(), &[100]);
}

#[test]
fn hive_directories_of_csv_are_a_table_too() {
    let workspace = Workspace::new();
    for (part, text) in [("k=1", "a,b\n1,x\n"), ("k=2", "b,a\ny,2\n")] {
        fs::create_dir_all(workspace.file(&format!("in/{part}"))).unwrap();
        fs::write(workspace.file(&format!("in/{part}/f.csv")), text).unwrap();
    }
    workspace.ok(&["copy", "in", "embedded:r.db/T", "--mode", "create"]);
    let rows = workspace.rows("embedded:r.db", "SELECT A, B, K FROM T ORDER BY A");
    let row = |a: &str, b: &str, k: &str| [a, b, k].map(|s| Some(s.to_owned())).to_vec();
    assert_eq!(rows, [row("1", "x", "1"), row("2", "y", "2")]);
}

/// Names within a directory, sorted.
fn tree(directory: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let (path, name) = {
            let e = entry.unwrap();
            (e.path(), e.file_name().into_string().unwrap())
        };
        match path.is_dir() {
            true => names.extend(tree(&path).into_iter().map(|inner| format!("{name}/{inner}"))),
            false => names.push(name),
        }
    }
    names.sort();
    names
}

#[test]
fn a_partitioned_directory_comes_back_as_the_same_table() {
    let workspace = Workspace::new();
    workspace.sql("embedded:r.db", "CREATE TABLE T (ID NUMBER(9), COUNTRY VARCHAR2(20), D NUMBER(4))");
    let lines: String = (0..300).map(|n| format!("{n},{},{}\n", ["DE", "a/b %", ""][n % 3], n % 50)).collect();
    fs::write(workspace.file("in.csv"), format!("id,country,d\n{lines}")).unwrap();
    workspace.ok(&["copy", "in.csv", "embedded:r.db/T"]);
    // More partitions than files that may be open at once.
    for format in ["parquet", "csv"] {
        let out = format!("out-{format}");
        let copy = ["copy", "embedded:r.db/T", &out, "--partition-by", "country,d", "--batch-rows", "70", "--format", format];
        workspace.ok(&copy);
        let names = tree(&workspace.file(&out));
        assert!(names.iter().any(|name| name.starts_with("COUNTRY=a%2Fb%20%25/D=1/part-00001.")), "{names:?}");
        assert!(names.iter().any(|name| name.starts_with("COUNTRY=__HIVE_DEFAULT_PARTITION__/D=2/")), "{names:?}");
        workspace.ok(&["copy", &out, "embedded:r.db/S", "--mode", "overwrite", "--allow-destructive"]);
        let rows = |table: &str| workspace.rows("embedded:r.db", &format!("SELECT ID, COUNTRY, D FROM {table} ORDER BY ID"));
        assert_eq!(rows("S"), rows("T"));
        workspace.run(&copy).fails(4, &["exists", "--mode overwrite"]);
        fs::write(workspace.file(&out).join("letter.doc"), "mine").unwrap();
        workspace.run(&[&copy[..], &["--mode", "overwrite"]].concat()).fails(6, &["letter.doc", "not replaced"]);
        fs::remove_file(workspace.file(&out).join("letter.doc")).unwrap();
        workspace.ok(&[&copy[..], &["--mode", "overwrite", "--where", "id < 3"]].concat());
        assert_eq!(tree(&workspace.file(&out)).len(), 3);
    }
    workspace.ok(&["copy", "embedded:r.db/T", "split", "--file-bytes", "1", "--batch-rows", "100"]);
    assert_eq!(tree(&workspace.file("split")), ["part-00001.parquet", "part-00002.parquet", "part-00003.parquet"]);
    workspace.run(&["copy", "embedded:r.db/T", "fails", "--partition-by", "nope"]).fails(6, &["nope"]);
    let hidden = fs::read_dir(workspace.path()).unwrap().filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with(".out"));
    assert_eq!(hidden.count(), 0);
}

#[test]
fn rows_without_a_column_of_the_file_are_rows_all_the_same() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (DAY NUMBER)");
    std::fs::create_dir_all(database.workspace().file("part/day=1")).unwrap();
    std::fs::write(database.workspace().file("part/day=1/a.ndjson"), "{}\n".repeat(5)).unwrap();
    database.ok(&["copy", "part", &database.target("T")]);
    assert_eq!(database.rows("SELECT DAY, COUNT(*) FROM T GROUP BY DAY"), [["1", "5"].map(|text| Some(text.to_owned()))]);
}
