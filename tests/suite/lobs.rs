//! CLOB, NCLOB and BLOB: of any size, empty or NULL, both ways and in every mode, in bounded memory.

use std::slice;
use std::sync::Arc;

use olbridge::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, DictionaryArray, Int64Array, RecordBatch, StringArray, StringViewArray,
};
use olbridge::arrow::compute::filter_record_batch;
use olbridge::arrow::datatypes::{Int8Type, Schema};

use crate::exports::{assert_same, read};
use crate::support::database::Database;
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};

/// Characters of one to four bytes of UTF-8; the last one is a pair of UTF-16 units.
const MIXED: &str = "aé個𠜎";

/// Values at every bound of the ways in which they travel, the ways mixed.
fn texts() -> Vec<Option<String>> {
    let ascii = |length: usize| Some("x".repeat(length));
    let mixed = |times: usize| Some(MIXED.repeat(times));
    vec![
        ascii(1),
        None,
        ascii(4_000),
        Some(String::new()),
        ascii(4_001),
        mixed(200),
        Some(String::new()),
        ascii(2_001),
        mixed(100_000),
        None,
        ascii(32_767),
        ascii(32_768),
        Some("é".repeat(2_000)),
        mixed(300_001),
        Some(String::new()),
        ascii(2),
    ]
}

/// `texts` by rows, in a column of its own rotation each.
fn lobs() -> RecordBatch {
    let rotated = |by: usize| {
        let mut texts = texts();
        texts.rotate_left(by);
        texts
    };
    let bytes = rotated(5).into_iter().map(|text| text.map(String::into_bytes)).collect::<Vec<_>>();
    let rows = texts().len() as i64;
    table(vec![
        ("c", Arc::new(StringArray::from(rotated(0))) as ArrayRef),
        ("id", ids(0..rows)),
        ("n", Arc::new(rotated(3).iter().map(Option::as_deref).collect::<StringViewArray>()) as ArrayRef),
        ("b", Arc::new(bytes.iter().map(Option::as_deref).collect::<BinaryArray>()) as ArrayRef),
        ("v", Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("row {row}")))) as ArrayRef),
    ])
}

const COLUMNS: &str = "(ID NUMBER(9) PRIMARY KEY, C CLOB, V VARCHAR2(20), N NCLOB, B BLOB)";

/// As [`assert_same`], but a column may be nullable in one of them, and there may be more columns.
#[track_caller]
fn assert_values(found: &RecordBatch, expected: &RecordBatch) {
    assert_eq!(found.num_rows(), expected.num_rows());
    for (index, column) in expected.columns().iter().enumerate() {
        assert_eq!(found.column(index), column, "column {index}");
    }
}

/// What the table holds is what the file has.
#[track_caller]
fn assert_holds(database: &Database, file: &str, more: &[&str]) {
    let source = database.target("T");
    let mut words = vec!["copy", source.as_str(), "out.parquet", "--mode", "overwrite", "--like", file];
    words.extend(["--query", "SELECT C, ID, N, B, V FROM T ORDER BY ID"]);
    words.extend(more);
    database.ok(&words);
    assert_same(&read(&database.workspace().file("out.parquet")), &read(&database.workspace().file(file)));
}

#[test]
fn a_pipe_moves_values_of_any_size_and_empty_is_not_null() {
    let database = Database::embedded();
    database.workspace().parquet("in.parquet", &[lobs()]);
    database.sql(&format!("CREATE TABLE T {COLUMNS}"));
    database.ok(&["copy", "in.parquet", "embedded:data.db/T"]);
    for more in [&[][..], &["--batch-rows", "3"], &["--batch-bytes", "1000"], &["--max-lob-bytes", "0"]] {
        let mut words = vec!["copy", "embedded:data.db/T", "embedded:other.db/S", "--mode", "overwrite", "--allow-destructive"];
        words.extend(more);
        database.ok(&words);
        let query = ["--query", "SELECT C, ID, N, B, V FROM S ORDER BY ID"];
        let export = ["copy", "embedded:other.db/S", "out.parquet", "--mode", "overwrite", "--like", "in.parquet"];
        database.ok(&[&export[..], &query].concat());
        assert_values(&read(&database.workspace().file("out.parquet")), &lobs());
    }
    // The row that the database refuses is named, whatever order the rows were sent in.
    database.workspace().sql("embedded:other.db", "DROP TABLE S");
    database.workspace().sql("embedded:other.db", &format!("CREATE TABLE S {COLUMNS}"));
    database.workspace().sql("embedded:other.db", "INSERT INTO S (ID) VALUES (6)");
    let words = ["copy", "embedded:data.db/T", "embedded:other.db/S", "--query", "SELECT C, ID, N, B, V FROM T ORDER BY ID"];
    database.workspace().run(&words).fails(5, &["row 7", "ORA-00001"]);
    assert_eq!(database.workspace().count("embedded:other.db", "S"), 1);
}

#[test]
fn values_of_any_size_come_back_as_they_were_and_empty_is_not_null() {
    let database = Database::embedded();
    database.workspace().parquet("in.parquet", &[lobs()]);
    database.sql(&format!("CREATE TABLE T {COLUMNS}"));
    for more in [&[][..], &["--batch-rows", "3"], &["--batch-bytes", "1000"]] {
        let mut words = vec!["copy", "in.parquet", "embedded:data.db/T", "--mode", "truncate", "--allow-destructive"];
        words.extend(more);
        database.ok(&words);
        assert_eq!(database.rows("SELECT COUNT(*) FROM T WHERE C IS NULL OR N IS NULL OR B IS NULL")[0][0].as_deref(), Some("6"));
        assert_eq!(database.rows("SELECT COUNT(*) FROM T WHERE DBMS_LOB.GETLENGTH(B) = 0")[0][0].as_deref(), Some("3"));
        assert_holds(&database, "in.parquet", &[]);
    }
    for more in [&["--max-lob-bytes", "0"][..], &["--max-lob-bytes", "1MiB"], &["--batch-rows", "3", "--batch-bytes", "100"]] {
        assert_holds(&database, "in.parquet", more);
    }
    // A table that is made from the file, and a dictionary of texts.
    let keys = vec![Some(1_i8), None, Some(0), Some(2), Some(1)];
    let long = MIXED.repeat(2_000);
    let values: ArrayRef = Arc::new(StringArray::from(vec!["", long.as_str(), "short"]));
    let words: DictionaryArray<Int8Type> = DictionaryArray::try_new(keys.into(), values).unwrap();
    database.workspace().parquet("d.parquet", &[table(vec![("id", ids(0..5)), ("w", Arc::new(words) as ArrayRef)])]);
    database.ok(&["copy", "d.parquet", "embedded:data.db/D", "--mode", "create"]);
    database.ok(&["copy", "embedded:data.db/D", "e.parquet", "--like", "d.parquet", "--query", "SELECT ID, W FROM D ORDER BY ID"]);
    assert_same(&read(&database.workspace().file("e.parquet")), &read(&database.workspace().file("d.parquet")));
    assert!(database.ok(&["describe", "embedded:data.db/D"]).contains("CLOB"));
}

#[test]
fn update_and_upsert_write_lobs_and_the_last_row_of_a_key_stays() {
    let database = Database::embedded();
    let batch = lobs();
    database.workspace().parquet("in.parquet", slice::from_ref(&batch));
    database.sql(&format!("CREATE TABLE T {COLUMNS}"));
    for row in 0..batch.num_rows() / 2 {
        database.sql(&format!("INSERT INTO T VALUES ({row}, 'old', 'old', NULL, HEXTORAW('00'))"));
    }
    database.ok(&["copy", "in.parquet", "embedded:data.db/T", "--mode", "upsert", "--key", "id"]);
    assert_holds(&database, "in.parquet", &[]);
    database.sql("UPDATE T SET C = 'gone', N = EMPTY_CLOB(), B = NULL");
    database.ok(&["copy", "in.parquet", "embedded:data.db/T", "--mode", "update", "--key", "id", "--batch-rows", "4"]);
    assert_holds(&database, "in.parquet", &[]);
    // Every row twice, the other way round first: short, empty, long and NULL meet in one key.
    let reversed: Vec<ArrayRef> = ["c", "n", "b"]
        .iter()
        .map(|name| {
            let indexes = Int64Array::from_iter_values((0..batch.num_rows() as i64).rev());
            olbridge::arrow::compute::take(batch.column_by_name(name).unwrap(), &indexes, None).unwrap()
        })
        .collect();
    let columns = vec![reversed[0].clone(), batch.column(1).clone(), reversed[1].clone(), reversed[2].clone(), batch.column(4).clone()];
    let schema: Arc<Schema> = batch.schema();
    let first = RecordBatch::try_new(schema, columns).unwrap();
    database.workspace().parquet("twice.parquet", &[first, batch]);
    for mode in ["update", "upsert"] {
        database.ok(&["copy", "twice.parquet", "embedded:data.db/T", "--mode", mode, "--key", "id"]);
        assert_holds(&database, "in.parquet", &[]);
    }
}

#[test]
fn an_upsert_with_a_delete_mark_keeps_lobs_of_the_rows_that_stay() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER(9) PRIMARY KEY, C CLOB NOT NULL, B BLOB)");
    for row in 0..4 {
        database.sql(&format!("INSERT INTO T VALUES ({row}, 'old', NULL)"));
    }
    let long = MIXED.repeat(5_000);
    let text = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
    let batch = table(vec![
        ("id", ids(1..5)),
        ("c", text(vec![Some(&long), None, Some(""), Some("new")])),
        ("b", Arc::new(BinaryArray::from(vec![Some(&b""[..]), None, Some(b"\x01"), Some(long.as_bytes())])) as ArrayRef),
        ("op", text(vec![Some("U"), Some("D"), Some("U"), Some("U")])),
    ]);
    database.workspace().parquet("in.parquet", &[batch]);
    database.ok(&["copy", "in.parquet", "embedded:data.db/T", "--mode", "upsert", "--key", "id", "--delete-when", "op=D"]);
    let lengths = "SELECT ID, DBMS_LOB.GETLENGTH(C), DBMS_LOB.GETLENGTH(B) FROM T ORDER BY ID";
    let shown: Vec<String> = database
        .rows(lengths)
        .iter()
        .map(|row| row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(shown.len(), 4, "{shown:?}");
    assert_eq!((shown[0].as_str(), shown[2].as_str()), ("0 3 NULL", "3 0 1"));
    assert!(shown[3].starts_with("4 3 ") && shown[1].starts_with("1 "), "{shown:?}");
}

#[test]
fn a_refused_row_is_named_in_the_middle_of_long_and_empty_values() {
    let database = Database::embedded();
    database.workspace().parquet("in.parquet", &[lobs()]);
    database.sql(&format!("CREATE TABLE T {COLUMNS}"));
    // Row 9 of the file.
    database.sql("INSERT INTO T VALUES (8, 'there', 'there', NULL, NULL)");
    database.run(&["copy", "in.parquet", "embedded:data.db/T"]).fails(5, &["in.parquet row 9", "ORA-00001"]);
    assert_eq!(database.count("T"), 1);
    let words = ["copy", "in.parquet", "embedded:data.db/T", "--rejects", "bad.parquet"];
    database.run(&words).fails(9, &[]);
    let bad = read(&database.workspace().file("bad.parquet"));
    assert_eq!(bad.num_rows(), 1);
    assert_values(&bad, &read(&database.workspace().file("in.parquet")).slice(8, 1));
    database.sql("DELETE FROM T WHERE ID = 8");
    // Mended and loaded again, the LOBs of the reject file are whole.
    database.ok(&["copy", "bad.parquet", "embedded:data.db/T", "--columns", "c,id,n,b,v"]);
    assert_holds(&database, "in.parquet", &[]);
    // Not NULL is told from empty.
    database.sql("CREATE TABLE M (ID NUMBER(9), C CLOB NOT NULL)");
    database.run(&["copy", "in.parquet", "embedded:data.db/M", "--columns", "id,c"]).fails(5, &["in.parquet row 2", "ORA-01400"]);
}

/// The loopback server knows no prefetch, no NCLOB and no locator that is merely empty: empty values go by MERGE, which sends temporary LOBs.
#[test]
fn lobs_travel_through_oracles_client() {
    let Some(mut server) = Loopback::start("lobs::oracles_client") else { return };
    server.sql("CREATE TABLE T (ID NUMBER(9), C CLOB, V VARCHAR2(20), B BLOB)");
    let batch = lobs().project(&[0, 1, 3, 4]).unwrap();
    let is_empty = |row: usize| {
        batch.column(0).as_string::<i32>().value(row).is_empty() && batch.column(0).is_valid(row)
            || batch.column(2).as_binary::<i32>().value(row).is_empty() && batch.column(2).is_valid(row)
    };
    let full = filter_record_batch(&batch, &(0..batch.num_rows()).map(|row| Some(!is_empty(row))).collect()).unwrap();
    server.workspace().parquet("full.parquet", slice::from_ref(&full));
    server.workspace().parquet("all.parquet", slice::from_ref(&batch));
    let target = server.target("T");
    for (file, more) in [
        ("full.parquet", &["--batch-rows", "4"][..]),
        ("full.parquet", &["--mode", "update", "--key", "id"]),
        ("all.parquet", &["--mode", "upsert", "--key", "id"]),
    ] {
        server.ok(&[&["copy", file, &target], more].concat());
        let words = ["copy", &target, "out.parquet", "--like", file, "--max-lob-bytes", "0", "--mode", "overwrite"];
        server.ok(&[&words[..], &["--query", "SELECT C, ID, B, V FROM T ORDER BY ID"]].concat());
        assert_values(&read(&server.workspace().file("out.parquet")), &read(&server.workspace().file(file)));
    }
    server.assert_clean();
}
