//! Every file of the Parquet project's own test suite loads or is refused with a clear error; none panics.

use std::fs;
use std::path::{Path, PathBuf};

use olbridge::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::exports::read;
use crate::support::Workspace;
use crate::support::beside_the_project;
use crate::support::tables::{canonical, expected};

#[test]
fn every_file_loads_or_is_refused() {
    let Some(folder) = beside_the_project("parquet_testing", "data/parquet-testing/data") else { return };
    let files = parquet_files(&folder);
    assert!(files.len() > 40, "{} files", files.len());
    let workspace = Workspace::new();
    let mut loaded = 0;
    let mut wrong = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let (target, path) = (format!("embedded:all.db/T{index}"), file.to_str().unwrap());
        let outcome = workspace.run(&["copy", path, &target, "--mode", "create"]);
        let name = file.file_name().unwrap().to_string_lossy();
        match outcome.code {
            0 => {
                loaded += 1;
                let described = workspace.ok(&["describe", path, "--format", "json"]);
                let rows = serde_json::from_str::<serde_json::Value>(&described).unwrap()["rows"].as_u64().unwrap();
                let found = workspace.rows(&target, &format!("SELECT * FROM T{index}"));
                assert_eq!(found.len() as u64, rows, "{name}");
                assert_equal(&name, file, &found);
                assert_comes_back(&workspace, &name, file, &target);
            }
            4..=6 if outcome.stderr.contains("try:") && !outcome.stderr.contains("panicked") => {
                assert_eq!(workspace.run(&["describe", &target]).code, 7, "{name}: the table of a refused file is still there");
                eprintln!("{name}: refused ({}): {}", outcome.code, outcome.stderr.lines().next().unwrap_or_default());
            }
            _ => wrong.push(format!("{name}: {outcome}")),
        }
    }
    eprintln!("{loaded} of {} files loaded", files.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(loaded > 50, "only {loaded} of {} files loaded", files.len());
}

/// Copies the table back like the file, and compares the two.
fn assert_comes_back(workspace: &Workspace, name: &str, file: &Path, target: &str) {
    let words = ["copy", target, "back.parquet", "--like", file.to_str().unwrap(), "--mode", "overwrite"];
    let outcome = workspace.run(&words);
    assert_eq!(outcome.code, 0, "{name}: {outcome}");
    let (found, whole) = (read(&workspace.file("back.parquet")), read(file));
    assert_eq!((found.num_rows(), found.num_columns()), (whole.num_rows(), whole.num_columns()), "{name}");
    for (index, (found, whole)) in found.columns().iter().zip(whole.columns()).enumerate() {
        assert_eq!(found.data_type(), whole.data_type(), "{name}: column {index}");
        // Value by value where they differ as bits: Oracle has no negative zero and one NaN.
        if found != whole {
            for row in 0..whole.len() {
                assert_eq!(expected(found, row), expected(whole, row), "{name}: column {index}, row {row}");
            }
        }
    }
}

/// Compares the table, in the order in which it was loaded, with what the Parquet crate reads.
fn assert_equal(name: &str, file: &Path, found: &[Vec<Option<String>>]) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(file).unwrap()).unwrap().build().unwrap();
    let mut found = found.iter();
    for batch in reader.map(Result::unwrap) {
        for row in 0..batch.num_rows() {
            let values = found.next().unwrap_or_else(|| panic!("{name}: too few rows"));
            for (column, value) in batch.columns().iter().zip(values) {
                let value = value.as_deref().map(|text| canonical(column.data_type(), text));
                assert_eq!(value, expected(column.as_ref(), row), "{name}: row {row} of a batch, {:?}", column.data_type());
            }
        }
    }
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(parquet_files(&path));
        } else if path.extension().is_some_and(|e| e == "parquet") {
            files.push(path);
        }
    }
    files.sort();
    files
}
