//! Keys lose nothing, whatever `--lossy` allows for other values: each is exact, or refused with its row and nothing is written.

use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, RecordBatch, StringArray};
use olbridge_delta::table::{Batches, CommitOptions, NewTable, Source, WriteOptions};
use serde_json::Value;

use crate::delta_incremental::{of_database, of_delta, open};
use crate::support::database::Database;
use crate::support::tables::table;

const VERSIONS: &str = "--incremental=versions";
const OVERWRITE: [&str; 3] = ["--mode", "overwrite", "--allow-destructive"];

fn words<'a>(more: &[&[&'a str]]) -> Vec<&'a str> {
    [&["copy", "embedded:data.db/T", "delta:lake/t", "--job", "t"][..], &more.concat()].concat()
}

/// A key and a column beside it of each kind that a loss is for, and a value that does not go into the Delta table as it is.
#[test]
fn a_key_of_a_database_is_exact_and_other_columns_lose_what_they_may() {
    for (key, other, good, bad, value, lossy) in [
        (
            "TIMESTAMP(9)",
            "TIMESTAMP '2026-01-01 00:00:00.123456789'",
            "TIMESTAMP '2026-01-01 00:00:00.000001' + NUMTODSINTERVAL(LEVEL, 'SECOND')",
            "TIMESTAMP '2026-01-01 00:00:01.000001001'",
            "00:00:01.000001001",
            &["--lossy", "subsecond"][..],
        ),
        (
            "NUMBER",
            "9007199254740993",
            "LEVEL / 4",
            "9007199254740993",
            "of a key nothing is lost whatever is allowed",
            &["--lossy", "rounding", "--number", "float64"],
        ),
    ] {
        for way in [
            &[VERSIONS][..],
            &["--incremental=rowscn", "--deletes", "compare"],
            &["--incremental=watermark", "--watermark", "N"],
            &OVERWRITE,
        ] {
            let database = Database::embedded();
            database.sql(&format!("CREATE TABLE T (K {key}, V {key}, N NUMBER(9))"));
            database.sql(&format!("INSERT INTO T SELECT {good}, {other}, LEVEL FROM DUAL CONNECT BY LEVEL <= 5"));
            let copy = words(&[&["--key", "k"], lossy, way]);
            database.ok(&copy);
            let expected = of_database(&database, "SELECT TO_CHAR(N) FROM T");
            assert_eq!(of_delta(&mut open(&database, "lake/t")).len(), expected.len());
            let version = open(&database, "lake/t").version();
            database.sql(&format!("INSERT INTO T VALUES ({bad}, {bad}, 6)"));
            database.run(&copy).fails(5, &["column K", "source row ", value]);
            assert_eq!(open(&database, "lake/t").version(), version, "{key} {way:?}");
            database.sql(&format!("DELETE FROM T WHERE K = {bad}"));
            // It has been there for a moment only, and no row of the table is taken for it.
            if way == [VERSIONS] {
                database.run(&copy).fails(5, &["column K", "the key of a row that has been deleted or changed since", "--deletes compare"]);
            }
            let once = if way == [VERSIONS] { &["--incremental=rowscn", "--deletes", "compare"][..] } else { way };
            database.ok(&words(&[&["--key", "k"], lossy, once]));
            let rows = of_delta(&mut open(&database, "lake/t"));
            assert_eq!(rows.len(), 5, "{key} {way:?}: {rows:?}");
        }
    }
}

/// A date of the table as its key: midnights are days.
#[test]
fn times_of_day_of_a_key_are_refused() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (K DATE, V DATE, N NUMBER(9))");
    database.sql("INSERT INTO T VALUES (DATE '2026-01-01', TO_DATE('2026-01-01 10:00:00', 'YYYY-MM-DD HH24:MI:SS'), 1)");
    let copy = words(&[&["--key", "k", "--as", "K=date", "--as", "V=date", "--lossy", "subsecond", "--incremental=rowscn"]]);
    database.ok(&copy);
    database.sql("UPDATE T SET K = V");
    database.run(&copy).fails(5, &["column K", "of a key nothing is lost"]);
    assert_eq!(open(&database, "lake/t").version(), Some(0));
    assert_eq!(of_delta(&mut open(&database, "lake/t")), [["2026-01-01", "2026-01-01", "1"].map(|text| Some(text.to_owned()))]);
}

/// A load of all rows that is given a key looks at it, and says so.
#[test]
fn a_load_of_all_rows_says_which_key_it_has_looked_at() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (AT TIMESTAMP(9), F NUMBER, N NUMBER(9))");
    database.sql("INSERT INTO T SELECT TIMESTAMP '2026-01-01 00:00:00.000001', LEVEL, LEVEL FROM DUAL CONNECT BY LEVEL <= 5");
    let copy = words(&[&OVERWRITE, &["--key", "n", "--lossy", "subsecond,rounding", "--number", "float64"]]);
    database.ok(&copy);
    let info = &open(&database, "lake/t").history(Some(1)).unwrap()[0].info;
    assert_eq!(info["olbridge.key"], Value::from(vec!["n"]));
    database.sql("UPDATE T SET N = 4 WHERE N = 5");
    database.run(&copy).fails(5, &["column n", "key is not unique"]);
}

/// The same on the way back: in a load of all rows, in changes, and in what is put in place by its key.
#[test]
fn a_key_of_a_table_of_a_database_is_not_rounded() {
    for (key, made, bad, value) in
        [("K BINARY_DOUBLE", "K NUMBER(9)", "1.5", "1.5"), ("K TIMESTAMP(6)", "K DATE", "TIMESTAMP '2026-01-01 00:00:01.5'", "2026-01-01")]
    {
        let database = Database::embedded();
        let good = if key.contains("DOUBLE") { "LEVEL" } else { "TIMESTAMP '2026-01-01 00:00:00' + NUMTODSINTERVAL(LEVEL, 'SECOND')" };
        database.sql(&format!("CREATE TABLE D ({key}, {})", key.replace("K ", "V ")));
        database.sql(&format!("INSERT INTO D SELECT {good}, {bad} FROM DUAL CONNECT BY LEVEL <= 5"));
        let out = |mode: &str| database.ok(&["copy", "embedded:data.db/D", "delta:lake/d", "--mode", mode, "--allow-destructive"]);
        out("create");
        let copy = ["copy", "delta:lake/d", "embedded:data.db/T", "--lossy", "rounding,subsecond", "--key", "k"];
        let with = |more: &[&'static str]| [&copy[..], more].concat();
        let ways = [
            &["--incremental", "--job", "b"][..],
            &["--mode", "upsert", "--merge", "staged"],
            &["--mode", "upsert"],
            &["--mode", "delete"],
        ];
        database.sql(&format!("CREATE TABLE T ({made}, {})", made.replace("K ", "V ")));
        for way in &ways[..3] {
            database.ok(&with(way));
            assert_eq!(database.count("T"), 5, "{way:?}");
        }
        database.sql(&format!("UPDATE D SET K = {bad} WHERE ROWNUM = 1"));
        out("overwrite");
        let before = database.rows("SELECT K, V FROM T ORDER BY K");
        for way in ways {
            database.run(&with(way)).fails(5, &["column K", "lake/d", " row ", value, "of a key nothing is lost whatever is allowed"]);
            assert_eq!(database.rows("SELECT K, V FROM T ORDER BY K"), before, "{way:?}");
        }
        // A table that is made, whose key no row is found by yet.
        let cast = if key.contains("DOUBLE") { "k=NUMBER(9)" } else { "k=DATE" };
        let make = ["copy", "delta:lake/d", "embedded:data.db/N", "--lossy", "rounding,subsecond", "--key", "k", "--cast", cast];
        database.run(&[&make[..], ways[0]].concat()).fails(5, &["column K", value, "of a key nothing is lost"]);
        assert!(!database.exists("N") || database.count("N") == 0);
    }
}

/// A database whose character set lacks a letter: it may be replaced in a text, and not in a key.
#[test]
fn a_key_of_text_keeps_its_characters() {
    let database = Database::embedded().with_environment(vec![("OLBRIDGE_EMBEDDED_CHARACTERSET".into(), "WE8ISO8859P1".into())]);
    database.sql("CREATE TABLE T (K VARCHAR2(9) NOT NULL, V VARCHAR2(9))");
    let rows = |keys: [&'static str; 2]| -> RecordBatch {
        let texts = |texts: [&'static str; 2]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
        table(vec![("k", texts(keys)), ("v", texts(["Ж", "x"]))])
    };
    let good = database.workspace().parquet("good.parquet", &[rows(["a", "b"])]);
    let bad = database.workspace().parquet("bad.parquet", &[rows(["c", "Ж"])]);
    let target = database.target("T");
    for merge in ["arrays", "staged"] {
        let upsert = |file| ["copy", file, &target, "--mode", "upsert", "--key", "k", "--merge", merge, "--lossy", "charset"];
        database.ok(&upsert(&good));
        assert_eq!(database.count("T"), 2);
        let reason = ["bad.parquet", "row 2", "column K", "WE8ISO8859P1, with characters beyond ASCII", "of a key nothing is lost"];
        database.run(&upsert(&bad)).fails(5, &reason);
        assert_eq!(database.count("T"), 2, "{merge}");
    }
    for mode in ["update", "delete"] {
        database
            .run(&["copy", &bad, &target, "--mode", mode, "--key", "k", "--not-found", "count", "--lossy", "charset"])
            .fails(5, &["row 2", "column K"]);
    }
    assert_eq!(database.count("T"), 2);
    // Without a key it is a text like any other.
    database.ok(&["copy", &bad, &target, "--lossy", "charset"]);
    assert_eq!(database.count("T"), 4);
    // A Delta table, into a table that is made, and into the next one.
    let mut lake = open(&database, "lake/c");
    for (rows, made) in [(rows(["a", "b"]), true), (rows(["c", "Ж"]), false)] {
        let mut batches = Batches::new(rows.schema(), vec![rows]);
        let options = WriteOptions { create: (!lake.exists()).then(|| NewTable::new(batches.schema())), ..WriteOptions::default() };
        lake.write(&mut batches, &options, &CommitOptions::default()).unwrap();
        let copy = |into: &'static str| ["copy", "delta:lake/c", into, "--key", "k", "--incremental", "--job", "n", "--lossy", "charset"];
        match made {
            true => drop(database.ok(&copy("embedded:data.db/N"))),
            false => {
                database.run(&copy("embedded:data.db/N")).fails(5, &["row ", "column K", "characters beyond ASCII"]);
                database.run(&copy("embedded:data.db/M")).fails(5, &["row ", "column K", "of a key nothing is lost"]);
                assert!(!database.exists("M") || database.count("M") == 0);
            }
        }
        assert_eq!(database.count("N"), 2);
    }
}
