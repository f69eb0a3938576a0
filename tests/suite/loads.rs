//! The load suite: the same tests for the embedded engine and for a real database (`load_embedded.rs`, `live.rs`).

use std::fs;
use std::slice;
use std::sync::Arc;

use olbridge::arrow::array::{
    ArrayRef, Decimal128Array, DictionaryArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use olbridge::arrow::datatypes::{DataType, Field, Int32Type, Schema};
use serde_json::Value;

use crate::support::database::Database;
use crate::support::tables::{self, canonical, every_type, expected, ids, table};

/// Instantiates every test of the suite; `$open` takes the test's name and gives `Option<Database>`.
macro_rules! load_suite {
    ($open:expr; $($test:ident),* $(,)?) => {
        $(#[test]
        fn $test() {
            if let Some(database) = $open(stringify!($test)) {
                crate::loads::$test(&database);
            }
        })*
    };
    ($open:expr) => {
        crate::loads::load_suite!($open;
            every_type_reads_back_equal,
            every_type_reads_back_equal_from_small_batches,
            empty_and_all_null_tables_arrive,
            a_created_table_has_lengths_from_the_data,
            append_adds_and_truncate_and_overwrite_replace,
            modes_for_tables_that_exist,
            columns_and_renames_choose_what_goes_where,
            hive_partitions_become_columns,
            several_files_are_one_table,
            commit_rows_keeps_what_was_committed,
            a_column_that_is_missing_in_the_table_is_refused_before_a_row_moves,
            types_that_do_not_fit_are_refused_before_a_row_moves,
            nested_types_are_refused_by_name,
            a_missing_table_is_refused_with_the_mode_that_creates_it,
            a_number_that_overflows_leaves_nothing_behind,
            a_text_that_is_too_long_leaves_nothing_behind,
            a_null_in_a_not_null_column_leaves_nothing_behind,
            a_duplicate_key_leaves_nothing_behind,
            nan_is_refused_for_number_with_row_and_column,
            empty_text_is_refused_unless_its_loss_is_asked_for,
            digits_beyond_the_scale_are_refused_unless_rounding_is_asked_for,
            fractions_of_a_second_are_refused_for_date,
            a_failed_job_drops_the_table_it_created,
            a_failed_overwrite_keeps_the_old_rows,
            a_corrupt_file_leaves_nothing_behind,
        );
    };
}
pub(crate) use load_suite;

/// Loads `batches` as `t.parquet` in mode create and returns the table's name.
#[track_caller]
fn created(database: &Database, batches: &[RecordBatch], more: &[&str]) -> String {
    let table = database.table("T");
    let file = database.workspace().parquet("t.parquet", batches);
    let target = database.target(&table);
    let mut arguments = vec!["copy", &file, &target, "--mode", "create"];
    arguments.extend(more);
    database.ok(&arguments);
    table
}

/// A table with these columns.
#[track_caller]
fn empty_table(database: &Database, columns: &str) -> String {
    let table = database.table("T");
    database.sql(&format!("CREATE TABLE {table} ({columns})"));
    table
}

/// Every value of `batch`, as it should read in the database, in row order.
fn expected_rows(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| expected(column.as_ref(), row)).collect()).collect()
}

/// Compares a table with `batch`, ordered by ID, column by column.
#[track_caller]
fn assert_equal(database: &Database, table: &str, batch: &RecordBatch) {
    let names: Vec<String> = batch.schema().fields().iter().map(|f| f.name().to_uppercase()).collect();
    let rows = database.rows(&format!("SELECT {} FROM {table} ORDER BY ID", names.join(", ")));
    let expected = expected_rows(batch);
    assert_eq!(rows.len(), expected.len());
    for (row, (found, expected)) in rows.iter().zip(&expected).enumerate() {
        for (index, field) in batch.schema().fields().iter().enumerate() {
            let found = found[index].as_deref().map(|text| canonical(field.data_type(), text));
            assert_eq!(found, expected[index], "row {row} column {} {:?}", field.name(), field.data_type());
        }
    }
}

pub fn every_type_reads_back_equal(database: &Database) {
    let batch = every_type();
    let table = created(database, slice::from_ref(&batch), &[]);
    assert_equal(database, &table, &batch);
}

pub fn every_type_reads_back_equal_from_small_batches(database: &Database) {
    let batch = every_type();
    let parts: Vec<RecordBatch> = (0..tables::ROWS).map(|row| batch.slice(row, 1)).collect();
    let table = created(database, &parts, &["--batch-rows", "4"]);
    assert_equal(database, &table, &batch);
}

pub fn empty_and_all_null_tables_arrive(database: &Database) {
    let batch = every_type();
    let table = created(database, &[batch.slice(0, 0)], &[]);
    assert_eq!(database.count(&table), 0);
    let nulls = batch.slice(tables::ROWS - 1, 1);
    let file = database.workspace().parquet("nulls.parquet", slice::from_ref(&nulls));
    database.ok(&["copy", &file, &database.target(&table)]);
    assert_equal(database, &table, &nulls);
}

pub fn a_created_table_has_lengths_from_the_data(database: &Database) {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["four", "seventeen letters"]));
    let table = created(database, &[table(vec![("id", ids(0..2)), ("text_", text)])], &[]);
    let description: Value = serde_json::from_str(&database.ok(&["describe", &database.target(&table), "--format", "json"])).unwrap();
    let columns = description["columns"].as_array().unwrap();
    assert_eq!((&columns[0]["nullable"], &columns[1]["nullable"]), (&Value::Bool(false), &Value::Bool(true)), "{description}");
    let text_type = columns[1]["oracle_type"].as_str().unwrap();
    assert!(text_type.starts_with("VARCHAR2(") && !text_type.contains("4000"), "{description}");
}

pub fn append_adds_and_truncate_and_overwrite_replace(database: &Database) {
    let table = created(database, &[table(vec![("id", ids(0..3))])], &[]);
    let target = database.target(&table);
    database.ok(&["copy", "t.parquet", &target]);
    assert_eq!(database.count(&table), 6);
    database.ok(&["copy", "t.parquet", &target, "--mode", "truncate", "--allow-destructive"]);
    assert_eq!(database.count(&table), 3);
    database.ok(&["copy", "t.parquet", &target]);
    database.ok(&["copy", "t.parquet", &target, "--mode", "overwrite", "--allow-destructive"]);
    assert_eq!(database.count(&table), 3);
}

pub fn modes_for_tables_that_exist(database: &Database) {
    let table = created(database, &[table(vec![("id", ids(0..3))])], &[]);
    let target = database.target(&table);
    database.run(&["copy", "t.parquet", &target, "--mode", "error-if-exists"]).fails(4, &[&table, "exists"]);
    assert_eq!(database.count(&table), 3);
    let outcome = database.run(&["copy", "t.parquet", &target, "--mode", "ignore"]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stdout.contains("exists") || outcome.stderr.contains("exists"), "{outcome}");
    assert_eq!(database.count(&table), 3);
    database.ok(&["copy", "t.parquet", &target, "--mode", "create"]);
    assert_eq!(database.count(&table), 6);
    for mode in ["overwrite", "error-if-exists", "ignore"] {
        let fresh = database.table("N");
        database.ok(&["copy", "t.parquet", &database.target(&fresh), "--mode", mode]);
        assert_eq!(database.count(&fresh), 3, "{mode}");
        database.sql(&format!("DROP TABLE {fresh}"));
    }
}

pub fn columns_and_renames_choose_what_goes_where(database: &Database) {
    let a: ArrayRef = Arc::new(Int32Array::from(vec![10, 20]));
    let b: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
    let batch = table(vec![("id", ids(1..3)), ("a", a.clone()), ("b", b), ("unused", a)]);
    let file = database.workspace().parquet("t.parquet", &[batch]);
    let table = empty_table(database, "ID NUMBER, TEXT VARCHAR2(5), DEFAULTED NUMBER DEFAULT 7, A NUMBER");
    let summary = database.ok(&["copy", &file, &database.target(&table), "--columns", "b,id,a", "--rename", "b=text"]);
    assert!(summary.contains("warning: column DEFAULTED gets no value from the source"), "{summary}");
    let value = |v: &str| Some(v.to_owned());
    let rows = database.rows(&format!("SELECT ID, TEXT, A FROM {table} ORDER BY ID"));
    assert_eq!(rows, [[value("1"), value("x"), value("10")], [value("2"), value("y"), value("20")]]);
    database.run(&["copy", &file, &database.target(&table), "--columns", "id,nope"]).fails(4, &["nope", "olbridge describe"]);
    database.run(&["copy", &file, &database.target(&table), "--rename", "nope=ID"]).fails(4, &["nope"]);
}

pub fn hive_partitions_become_columns(database: &Database) {
    let workspace = database.workspace();
    for (folder, range) in [("year=2025/region=eu", 0..2), ("year=2026/region=us", 2..5)] {
        workspace.parquet(&format!("lake/{folder}/part.parquet"), &[table(vec![("id", ids(range))])]);
    }
    let table = database.table("T");
    database.ok(&["copy", "lake", &database.target(&table), "--mode", "create"]);
    let rows = database.rows(&format!("SELECT ID, YEAR, REGION FROM {table} ORDER BY ID"));
    let value = |v: &str| Some(v.to_owned());
    assert_eq!(rows[1], [value("1"), value("2025"), value("eu")]);
    assert_eq!(rows[4], [value("4"), value("2026"), value("us")]);
    assert_eq!(rows.len(), 5);
}

pub fn several_files_are_one_table(database: &Database) {
    let workspace = database.workspace();
    for (name, range) in [("a-1.parquet", 0..10), ("a-2.parquet", 10..30), ("b.parquet", 30..31)] {
        workspace.parquet(name, &[table(vec![("id", ids(range))])]);
    }
    let table = database.table("T");
    database.ok(&["copy", "a-*.parquet", "b.parquet", &database.target(&table), "--mode", "create"]);
    let rows = database.rows(&format!("SELECT COUNT(*), MIN(ID), MAX(ID) FROM {table}"));
    assert_eq!(rows, [["31", "0", "30"].map(|v| Some(v.to_owned()))]);
}

pub fn commit_rows_keeps_what_was_committed(database: &Database) {
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values((0..1000).map(|v| if v == 950 { 1_000_000 } else { v })));
    let batch = table(vec![("id", values)]);
    let file = database.workspace().parquet("t.parquet", &[batch]);
    let table = empty_table(database, "ID NUMBER(3)");
    let target = database.target(&table);
    let outcome = database.run(&["copy", &file, &target, "--commit-rows", "300", "--batch-rows", "100"]);
    outcome.fails(5, &["t.parquet row 951", "900"]);
    assert_eq!(database.count(&table), 900);
}

pub fn a_column_that_is_missing_in_the_table_is_refused_before_a_row_moves(database: &Database) {
    let a: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
    let file = database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..2)), ("surplus", a)])]);
    let table = empty_table(database, "ID NUMBER");
    database.run(&["copy", &file, &database.target(&table)]).fails(4, &["plan", &table, "surplus", "--columns", "nothing was loaded"]);
    assert_eq!(database.count(&table), 0);
}

pub fn types_that_do_not_fit_are_refused_before_a_row_moves(database: &Database) {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["one"]));
    let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0]));
    let file = database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..1)), ("a", text), ("b", time)])]);
    let table = empty_table(database, "ID NUMBER, A NUMBER, B RAW(16)");
    let outcome = database.run(&["copy", &file, &database.target(&table)]);
    outcome.fails(4, &["plan", &table, "column a", "column b", "Utf8", "NUMBER", "RAW(16)", "try:"]);
    assert_eq!(database.count(&table), 0);
}

pub fn nested_types_are_refused_by_name(database: &Database) {
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)])]));
    let file = database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..1)), ("list_", list)])]);
    let table = database.table("T");
    database.run(&["copy", &file, &database.target(&table), "--mode", "create"]).fails(4, &["list_", "List", "try:"]);
    assert!(!database.exists(&table));
}

pub fn a_missing_table_is_refused_with_the_mode_that_creates_it(database: &Database) {
    let file = database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..1))])]);
    let table = database.table("NOT_THERE");
    database.run(&["copy", &file, &database.target(&table)]).fails(4, &[&table, "--mode create"]);
}

/// Loads rows of which `refused_row` (1-based) cannot go into `columns`, and expects it named and nothing left.
#[track_caller]
fn refuses_row(database: &Database, columns: &str, batch: RecordBatch, refused_row: u64, parts: &[&str]) {
    let file = database.workspace().parquet("t.parquet", &[batch]);
    let table = empty_table(database, columns);
    let outcome = database.run(&["copy", &file, &database.target(&table), "--batch-rows", "64"]);
    let place = format!("t.parquet row {refused_row}");
    outcome.fails(5, &[&table, &place, "try:"]);
    outcome.fails(5, parts);
    assert_eq!(database.count(&table), 0, "{outcome}");
}

/// 200 rows, `value` in row 150 and `others` elsewhere.
fn one_in_200<T: Clone>(others: T, value: T) -> Vec<T> {
    let mut values = vec![others; 200];
    values[149] = value;
    values
}

pub fn a_number_that_overflows_leaves_nothing_behind(database: &Database) {
    let values: ArrayRef = Arc::new(Int64Array::from(one_in_200(99_999, 100_000)));
    refuses_row(database, "ID NUMBER, V NUMBER(5)", table(vec![("id", ids(0..200)), ("v", values)]), 150, &["column V", "NUMBER(5)"]);
}

pub fn a_text_that_is_too_long_leaves_nothing_behind(database: &Database) {
    let values: ArrayRef = Arc::new(StringArray::from(one_in_200("five5", "ünver")));
    refuses_row(database, "ID NUMBER, V VARCHAR2(5 BYTE)", table(vec![("id", ids(0..200)), ("v", values)]), 150, &["column V", "6", "5"]);
}

pub fn a_null_in_a_not_null_column_leaves_nothing_behind(database: &Database) {
    let values: ArrayRef = Arc::new(Int32Array::from(one_in_200(Some(1), None)));
    let batch = table(vec![("id", ids(0..200)), ("v", values)]);
    refuses_row(database, "ID NUMBER, V NUMBER NOT NULL", batch, 150, &["V", "NULL"]);
}

pub fn a_duplicate_key_leaves_nothing_behind(database: &Database) {
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..200).map(|v| if v == 149 { 3 } else { v })));
    refuses_row(database, "ID NUMBER PRIMARY KEY", table(vec![("id", keys)]), 150, &["ORA-00001"]);
}

pub fn nan_is_refused_for_number_with_row_and_column(database: &Database) {
    let values: ArrayRef = Arc::new(Float64Array::from(one_in_200(0.5, f64::NAN)));
    refuses_row(database, "ID NUMBER, V NUMBER", table(vec![("id", ids(0..200)), ("v", values)]), 150, &["column V", "NaN"]);
}

pub fn empty_text_is_refused_unless_its_loss_is_asked_for(database: &Database) {
    let values: ArrayRef = Arc::new(StringArray::from(one_in_200("x", "")));
    let batch = table(vec![("id", ids(0..200)), ("v", values)]);
    refuses_row(database, "ID NUMBER, V VARCHAR2(5)", batch, 150, &["column V", "empty", "--lossy empty-text"]);
    let table = empty_table_again(database, "ID NUMBER, V VARCHAR2(5)");
    database.ok(&["copy", "t.parquet", &database.target(&table), "--lossy", "empty-text"]);
    assert_eq!(database.rows(&format!("SELECT ID FROM {table} WHERE V IS NULL")), [[Some("149".to_owned())]]);
}

pub fn digits_beyond_the_scale_are_refused_unless_rounding_is_asked_for(database: &Database) {
    let values: ArrayRef = Arc::new(Decimal128Array::from(one_in_200(1_500, 1_235)).with_precision_and_scale(10, 3).unwrap());
    let batch = table(vec![("id", ids(0..200)), ("v", values)]);
    refuses_row(database, "ID NUMBER, V NUMBER(10,2)", batch, 150, &["column V", "1.235", "--lossy rounding"]);
    let table = empty_table_again(database, "ID NUMBER, V NUMBER(10,2)");
    database.ok(&["copy", "t.parquet", &database.target(&table), "--lossy", "rounding"]);
    let rows = database.rows(&format!("SELECT V FROM {table} WHERE ID = 149"));
    assert_eq!(rows[0][0].as_deref().map(|text| canonical(&DataType::Int64, text)).as_deref(), Some("1.24"));
}

pub fn fractions_of_a_second_are_refused_for_date(database: &Database) {
    let values: ArrayRef = Arc::new(TimestampMicrosecondArray::from(one_in_200(1_000_000, 1_000_001)));
    let batch = table(vec![("id", ids(0..200)), ("v", values)]);
    refuses_row(database, "ID NUMBER, V DATE", batch, 150, &["column V", "--lossy subsecond"]);
}

#[track_caller]
fn empty_table_again(database: &Database, columns: &str) -> String {
    let table = database.table("U");
    database.sql(&format!("CREATE TABLE {table} ({columns})"));
    table
}

pub fn a_failed_job_drops_the_table_it_created(database: &Database) {
    let values: ArrayRef = Arc::new(StringArray::from(one_in_200("x", "")));
    let file = database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..200)), ("v", values)])]);
    let table = database.table("T");
    database.run(&["copy", &file, &database.target(&table), "--mode", "create", "--batch-rows", "50"]).fails(5, &["t.parquet row 150"]);
    assert!(!database.exists(&table));
}

pub fn a_failed_overwrite_keeps_the_old_rows(database: &Database) {
    let table = created(database, &[table(vec![("id", ids(0..3))])], &[]);
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
    let values: ArrayRef = Arc::new(Int64Array::from(one_in_200(Some(1), None)));
    let file = database.workspace().parquet("bad.parquet", &[RecordBatch::try_new(schema, vec![values]).unwrap()]);
    let outcome =
        database.run(&["copy", &file, &database.target(&table), "--mode", "overwrite", "--allow-destructive", "--batch-rows", "50"]);
    outcome.fails(5, &["bad.parquet row 150"]);
    assert_eq!(database.count(&table), 3);
}

pub fn a_corrupt_file_leaves_nothing_behind(database: &Database) {
    let workspace = database.workspace();
    let dictionary = DictionaryArray::<Int32Type>::from_iter((0..20_000).map(|v| if v % 3 == 0 { "abc" } else { "defgh" }));
    let batch = table(vec![("id", ids(0..20_000)), ("v", Arc::new(dictionary) as ArrayRef)]);
    let parts: Vec<RecordBatch> = (0..20).map(|part| batch.slice(part * 1000, 1000)).collect();
    workspace.parquet("good.parquet", &parts);
    let bytes = fs::read(workspace.file("good.parquet")).unwrap();
    let table = empty_table(database, "ID NUMBER, V VARCHAR2(10)");
    let target = database.target(&table);

    fs::write(workspace.file("cut.parquet"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(workspace.file("text.parquet"), "this is no Parquet file at all").unwrap();
    fs::write(workspace.file("empty.parquet"), "").unwrap();
    for file in ["cut.parquet", "text.parquet", "empty.parquet", "missing.parquet", "nothing-*.parquet"] {
        database.run(&["copy", file, &target]).fails(6, &[file, "try:"]);
        assert_eq!(database.count(&table), 0, "{file}");
    }
    // Bytes overwritten in the middle of the data pages: refused in the middle of the load, or, where the damage makes other valid
    // values (Parquet pages carry no checksum by default), loaded. Never a panic, never half of it.
    for (index, at) in (1..8).map(|eighth| bytes.len() * eighth / 8).enumerate() {
        let mut damaged = bytes.clone();
        damaged[at..at + 8].fill(0xff);
        let file = format!("damaged-{index}.parquet");
        fs::write(workspace.file(&file), damaged).unwrap();
        let outcome = database.run(&["copy", &file, &target, "--mode", "truncate", "--allow-destructive"]);
        assert!(matches!(outcome.code, 0 | 4 | 5 | 6), "{outcome}");
        assert!(!outcome.stderr.contains("panicked"), "{outcome}");
        let rows = database.count(&table);
        assert_eq!(rows, if outcome.code == 0 { 20_000 } else { 0 }, "{file}: {outcome}");
    }
}
