//! ROWIDs in exports: as a column by which rows are found again, and in what is told of a value that does not fit.

use std::fs;
use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use olbridge::arrow::datatypes::Int64Type;
use olbridge::parquet::file::reader::{FileReader, SerializedFileReader};

use crate::exports::read;
use crate::support::database::Database;
use crate::support::tables::{ids, table};

const ROWS: i64 = 40_000;

/// Rows `ID` 0 to `rows` with `V` 0.
fn numbered(rows: i64) -> Database {
    let database = Database::embedded();
    let zeros: ArrayRef = Arc::new(Int32Array::from(vec![0; rows as usize]));
    database.workspace().parquet("in.parquet", &[table(vec![("id", ids(0..rows)), ("v", zeros)])]);
    database.ok(&["copy", "in.parquet", "embedded:data.db/T", "--mode", "create"]);
    database
}

fn exported(database: &Database, words: &[&str]) -> RecordBatch {
    let words: Vec<&str> = ["copy", "embedded:data.db/T", "o.parquet", "--mode", "overwrite"].iter().chain(words).copied().collect();
    database.ok(&words);
    read(&database.workspace().file("o.parquet"))
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    batch.column_by_name(column).unwrap().as_string::<i32>().iter().map(|text| text.unwrap().to_owned()).collect()
}

#[test]
fn rows_are_found_again_by_the_rowid_that_was_exported() {
    let database = numbered(ROWS);
    let whole = exported(&database, &["--rowid", "--parallel", "3"]);
    assert_eq!(whole.schema().fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["ID", "V", "ROWID"]);
    let addresses = texts(&whole, "ROWID");
    assert_eq!(addresses.iter().collect::<std::collections::BTreeSet<_>>().len(), ROWS as usize);
    // Every row gets another value, by its address alone.
    let numbers = whole.column(0).as_primitive::<Int64Type>().values();
    let squares: ArrayRef = Arc::new(Int32Array::from_iter_values(numbers.iter().map(|id| (*id as i32) * 3 + 1)));
    let address = |rows: usize| Arc::new(StringArray::from_iter_values(&addresses[..rows])) as ArrayRef;
    database.workspace().parquet("changed.parquet", &[table(vec![("rowid", address(ROWS as usize)), ("v", squares)])]);
    database.ok(&["copy", "changed.parquet", "embedded:data.db/T", "--mode", "update", "--key", "ROWID"]);
    assert_eq!(database.rows("SELECT COUNT(*) FROM T WHERE V = ID * 3 + 1")[0][0].as_deref(), Some("40000"));
    // Under another name, and gone.
    let gone = exported(&database, &["--rowid=address", "--columns", "id", "--where", "ID >= 30000"]);
    assert_eq!(gone.num_rows(), 10_000);
    assert_eq!(gone.schema().field(1).name(), "address");
    database.ok(&[
        "copy",
        "o.parquet",
        "embedded:data.db/T",
        "--mode",
        "delete",
        "--columns",
        "address",
        "--rename",
        "address=ROWID",
        "--key",
        "ROWID",
    ]);
    assert_eq!(database.rows("SELECT COUNT(*), MAX(ID) FROM T")[0], [Some("30000".into()), Some("29999".into())]);
}

#[test]
fn a_query_over_one_table_has_addresses_and_others_say_why_not() {
    let database = numbered(50);
    database.sql("CREATE VIEW W AS SELECT ID, V FROM T WHERE ID < 5");
    let of_table = texts(&exported(&database, &["--rowid", "--where", "ID < 5"]), "ROWID");
    let words = ["--query", "SELECT ID + 1 NEXT FROM T WHERE ID < 5", "--rowid"];
    let of_query = exported(&database, &words);
    assert_eq!((of_query.schema().field(0).name().as_str(), texts(&of_query, "ROWID")), ("NEXT", of_table.clone()));
    database.ok(&["copy", "embedded:data.db/W", "w.parquet", "--rowid=AT"]);
    assert_eq!(texts(&read(&database.workspace().file("w.parquet")), "AT"), of_table);
    let plan = database.ok(&["copy", "embedded:data.db/T", "p.parquet", "--rowid", "--dry-run"]);
    assert!(plan.contains("SELECT ID, V, ROWID FROM T") && plan.contains("ROWID"), "{plan}");
    for (words, code, parts) in [
        (&["--query", "SELECT V, COUNT(*) N FROM T GROUP BY V", "--rowid"][..], 4, &["no ROWID", "SELECT T.ROWID RID"][..]),
        (&["--query", "SELECT ROWID, ID FROM T", "--rowid"], 4, &["selects ROWID by itself"]),
        (&["--rowid=ID"], 4, &["ID is the name of a column", "--rowid=NAME"]),
    ] {
        let words: Vec<&str> = ["copy", "embedded:data.db/T", "p.parquet"].iter().chain(words).copied().collect();
        database.run(&words).fails(code, parts);
    }
    database.run(&["copy", "embedded:data.db/T", "embedded:other.db/T", "--rowid"]).fails(2, &["--rowid"]);
    database.run(&["copy", "in.parquet", "embedded:data.db/T", "--rowid"]).fails(2, &["--rowid"]);
}

#[test]
fn the_footer_knows_that_a_column_has_addresses() {
    let database = numbered(5);
    exported(&database, &["--rowid=AT"]);
    let file = fs::File::open(database.workspace().file("o.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let texts = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap();
    let columns = texts.into_iter().find(|text| text.key == "olbridge.oracle_columns").and_then(|text| text.value).unwrap();
    assert!(columns.contains(r#"{"field":"AT","name":"ROWID","type":"ROWID","#), "{columns}");
    // A table made of the file keeps them as addresses.
    database.ok(&["copy", "o.parquet", "embedded:data.db/COPIED", "--mode", "create"]);
    assert_eq!(database.rows("SELECT COUNT(*) FROM COPIED C JOIN T ON T.ROWID = C.AT AND T.ID = C.ID")[0][0].as_deref(), Some("5"));
    assert!(database.ok(&["describe", "embedded:data.db/COPIED"]).contains("ROWID"));
}

#[test]
fn a_value_that_does_not_fit_is_told_with_the_rowid_of_its_row() {
    let database = numbered(ROWS);
    database.sql("CREATE TABLE N (ID NUMBER(9), X NUMBER, C CLOB)");
    database.sql("INSERT INTO N SELECT ID, ID, 'c' FROM T");
    database.sql("UPDATE N SET X = 0.5 WHERE ID = 31234");
    let address = database.rows("SELECT ROWID FROM N WHERE ID = 31234")[0][0].clone().unwrap();
    let named = format!("the row with ROWID {address}");
    for more in [
        &[][..],
        &["--columns", "id,x"],
        &["--parallel", "3"],
        &["--parallel", "2", "--ordered", "--columns", "x"],
        &["--where", "ID > 5 -- x"],
    ] {
        let words: Vec<&str> = ["copy", "embedded:data.db/N", "n.parquet", "--as", "X=int64"].iter().chain(more).copied().collect();
        let failed = database.run(&words);
        failed.fails(5, &["N column X", &named, "0.5 is not exact as Int64"]);
        assert!(!database.workspace().file("n.parquet").exists());
    }
    let failed = database.run(&["copy", "embedded:data.db/N", "n.parquet", "--as", "X=int64", "--report", "json"]);
    let report: serde_json::Value = serde_json::from_str(&failed.stdout).unwrap();
    assert!(report.to_string().contains(&format!("\"rowid\":\"{address}\"")), "{report}");
}

#[test]
fn a_number_without_a_scale_gets_the_type_of_its_values() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER(4), I NUMBER, B NUMBER, D NUMBER, W NUMBER, F FLOAT, E NUMBER, T NUMBER, G NUMBER)");
    let insert = |values: &str| database.sql(&format!("INSERT INTO T VALUES ({values})"));
    insert("1, 7, -9223372036854775808, 12.25, 1e37, 0.5, NULL, 1e-100, 1");
    insert("2, NULL, 5, -1000.5, 0.001, 1e3, NULL, 3, 2");
    database.ok(&["copy", "embedded:data.db/T", "t.parquet", "--as", "g=float64", "--where", "ID < 3"]);
    let found = read(&database.workspace().file("t.parquet"));
    let types: Vec<String> = found.schema().fields()[1..].iter().map(|field| field.data_type().to_string()).collect();
    let expected = ["Int32", "Int64", "Decimal128(6, 2)", "Decimal256(41, 3)", "Decimal128(5, 1)", "Decimal128(38, 10)", "Utf8", "Float64"];
    assert_eq!(types, expected);
    assert_eq!(found.column(2).as_primitive::<Int64Type>().value(0), i64::MIN);
    let plan = database.ok(&["copy", "embedded:data.db/T", "p.parquet", "--dry-run"]);
    assert!(
        plan.contains("column D is NUMBER without a scale and read as Decimal128(6, 2): its values need it (-1000.5 to 12.25)"),
        "{plan}"
    );
    // Text formats have room for all digits of a number, whatever they are.
    database.ok(&["copy", "embedded:data.db/T", "t.ndjson", "--columns", "i,b,d,f,e"]);
    let lines = fs::read_to_string(database.workspace().file("t.ndjson")).unwrap();
    assert_eq!(lines.lines().next().unwrap(), r#"{"I":7,"B":-9223372036854775808,"D":12.25,"F":0.5,"E":null}"#);
    assert!(lines.contains(r#""D":-1000.5,"F":1000"#), "{lines}");
    database.ok(&["copy", "embedded:data.db/T", "t.csv", "--columns", "t,d"]);
    let lines = fs::read_to_string(database.workspace().file("t.csv")).unwrap();
    assert_eq!(lines, format!("T,D\n0.{}1,12.25\n3,-1000.5\n", "0".repeat(99)));
    // What is asked for by name is a text.
    database.ok(&["copy", "embedded:data.db/T", "u.ndjson", "--columns", "d", "--number", "text"]);
    assert!(fs::read_to_string(database.workspace().file("u.ndjson")).unwrap().starts_with(r#"{"D":"12.25"}"#));
}

#[test]
fn a_value_of_a_query_is_told_with_the_rowid_where_its_row_is_one_of_a_table() {
    let database = numbered(ROWS);
    database.sql("CREATE TABLE N (ID NUMBER(9), X NUMBER)");
    database.sql("INSERT INTO N SELECT ID, ID FROM T");
    database.sql("UPDATE N SET X = 0.5 WHERE ID = 31234");
    let address = database.rows("SELECT ROWID FROM N WHERE ID = 31234")[0][0].clone().unwrap();
    let refused = |query: &str, more: &[&str]| {
        let words = [&["copy", "embedded:data.db/N", "n.parquet", "--as", "X=int64", "--query", query], more].concat();
        database.run(&words)
    };
    for (query, more) in [
        ("SELECT ID, X FROM N WHERE ID > 5", &[][..]),
        ("SELECT N.X, N.ID + 1 NEXT FROM N;", &[]),
        ("SELECT * FROM N", &["--where", "ID > 5", "--columns", "x"]),
    ] {
        refused(query, more).fails(5, &["column X", &format!("the row with ROWID {address}"), "0.5 is not exact as Int64"]);
    }
    // No row of a table: its number in the result.
    for query in
        ["SELECT ID, MAX(X) X FROM N GROUP BY ID", "SELECT ID, X FROM N WHERE ID < 5 UNION ALL SELECT ID, X FROM N WHERE ID = 31234"]
    {
        let outcome = refused(query, &[]);
        outcome.fails(5, &["column X: source row ", "0.5 is not exact as Int64"]);
        assert!(!outcome.stderr.contains("ROWID"), "{outcome}");
    }
    refused("SELECT ID, X FROM N WHERE ID < 5 UNION ALL SELECT ID, X FROM N WHERE ID = 31234", &[]).fails(5, &["source row 6:"]);
}
