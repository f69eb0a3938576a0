//! Slices of a key, the order of rows, and what a Parquet file says of itself.

use std::fs;

use olbridge::arrow::array::{AsArray, RecordBatch};
use olbridge::arrow::datatypes::{DataType, Int64Type};
use olbridge::parquet::file::metadata::ParquetMetaData;
use olbridge::parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use crate::exports::read;
use crate::support::database::Database;

/// 600 rows: ID; K, most of it small, some large and a few NULL; D, a day for most of them; A, nothing at all; F, with NaN.
fn keyed() -> Database {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER(9) NOT NULL, K NUMBER, D DATE, Z TIMESTAMP(3) WITH TIME ZONE, A NUMBER(5), F BINARY_DOUBLE, V VARCHAR2(10))");
    database.sql(
        "INSERT INTO T SELECT LEVEL, CASE WHEN MOD(LEVEL, 50) = 0 THEN NULL WHEN MOD(LEVEL, 97) = 0 THEN LEVEL * 1000.5 ELSE MOD(LEVEL, 7) END, \
         CASE WHEN MOD(LEVEL, 11) > 0 THEN DATE '2000-01-01' + MOD(LEVEL * 37, 500) END, \
         TO_TIMESTAMP_TZ('2024-01-01 00:00:00 +02:00', 'YYYY-MM-DD HH24:MI:SS TZH:TZM') + NUMTODSINTERVAL(MOD(LEVEL * 31, 600), 'MINUTE'), NULL, \
         LEVEL / 3, CHR(97 + MOD(LEVEL, 5)) FROM DUAL CONNECT BY LEVEL <= 600",
    );
    database.sql("UPDATE T SET F = TO_BINARY_DOUBLE('NaN') WHERE MOD(ID, 100) = 0");
    database
}

fn export(database: &Database, words: &[&str]) -> (Value, RecordBatch) {
    let words: Vec<&str> =
        ["copy", "embedded:data.db/T", "o.parquet", "--mode", "overwrite", "--report", "json"].iter().chain(words).copied().collect();
    let report = serde_json::from_str(&database.ok(&words)).unwrap();
    (report, read(&database.workspace().file("o.parquet")))
}

fn ids(batch: &RecordBatch) -> Vec<i64> {
    let ids = olbridge::arrow::compute::cast(batch.column_by_name("ID").unwrap(), &DataType::Int64).unwrap();
    ids.as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn slices_of_a_key_hold_every_row_once_whatever_its_values() {
    let database = keyed();
    for key in ["id", "K", "D", "Z", "F"] {
        let (report, batch) = export(&database, &["--parallel", "3", "--split-by", key]);
        assert_eq!(report["readers"]["cut_by"].as_str(), Some("key"), "{key}: {report}");
        assert!(report["readers"]["slices"].as_u64().unwrap() > 12, "{key}: {report}");
        if key == "id" {
            // 3 times 8 ranges, and NULLs although there should be none: NOT NULL may not have been validated.
            assert_eq!(report["readers"]["slices"], 25, "{report}");
        }
        let mut found = ids(&batch);
        found.sort_unstable();
        assert_eq!(found, (1..=600).collect::<Vec<_>>(), "{key}");
    }
    // Part of them, in order, with NULLs at the end: 11 rows in 24 slices and one of NULLs.
    let (report, batch) =
        export(&database, &["--parallel", "2", "--split-by", "k", "--ordered", "--where", "ID < 60 OR MOD(ID, 97) = 0 -- some"]);
    assert_eq!(report["readers"]["slices"].as_u64(), Some(17), "{report}");
    let k = olbridge::arrow::compute::cast(batch.column_by_name("K").unwrap(), &DataType::Float64).unwrap();
    let k = k.as_primitive::<olbridge::arrow::datatypes::Float64Type>();
    let found: Vec<Option<f64>> = k.iter().collect();
    let valid: Vec<f64> = found.iter().flatten().copied().collect();
    assert!(valid.is_sorted() && valid.len() == found.len() - 1 && found.last() == Some(&None), "{found:?}");
    for (key, why) in [("a", "no row has a A"), ("id", "are not to be cut")] {
        let words =
            ["copy", "embedded:data.db/T", "p.parquet", "--mode", "overwrite", "--parallel", "3", "--split-by", key, "--where", "ID = 7"];
        let out = database.ok(&words);
        assert!(out.contains("one reader instead of 3") && out.contains(why), "{out}");
    }
    let run = |key: &str| database.run(&["copy", "embedded:data.db/T", "q.parquet", "--parallel", "3", "--split-by", key]);
    run("v").fails(4, &["V", "VARCHAR2(10) has no even ranges"]);
    run("nope").fails(4, &["no such column to split by"]);
}

fn metadata(database: &Database, name: &str) -> ParquetMetaData {
    SerializedFileReader::new(fs::File::open(database.workspace().file(name)).unwrap()).unwrap().metadata().clone()
}

#[test]
fn an_order_is_written_only_when_the_rows_have_it() {
    let database = keyed();
    let (_, batch) =
        export(&database, &["--order-by", "v DESC,id", "--sorted-by", "V DESC,ID", "--columns", "id,v", "--row-group-rows", "200"]);
    assert_eq!(ids(&batch)[..3], [4, 9, 14]);
    let file = metadata(&database, "o.parquet");
    assert_eq!(file.num_row_groups(), 3);
    for group in file.row_groups() {
        let columns: Vec<_> = group.sorting_columns().unwrap().iter().map(|c| (c.column_idx, c.descending, c.nulls_first)).collect();
        assert_eq!(columns, [(1, true, false), (0, false, false)]);
    }
    // The first rows of the order, not some rows in order.
    let (_, batch) = export(&database, &["--order-by", "ID DESC", "--limit", "3"]);
    assert_eq!(ids(&batch), [600, 599, 598]);
    assert!(metadata(&database, "o.parquet").row_group(0).sorting_columns().is_none());
    export(&database, &["--parallel", "2", "--split-by", "D", "--ordered", "--sorted-by", "d"]);
    assert_eq!(metadata(&database, "o.parquet").row_group(0).sorting_columns().unwrap().len(), 1);
    export(&database, &["--query", "SELECT ID, K FROM T ORDER BY K NULLS LAST", "--sorted-by", "K"]);
    let run = |words: &[&str]| {
        let words: Vec<&str> = ["copy", "embedded:data.db/T", "p.parquet"].iter().chain(words).copied().collect();
        database.run(&words)
    };
    run(&["--query", "SELECT ID, K FROM T ORDER BY ID", "--sorted-by", "K"])
        .fails(6, &["is not in the order of --sorted-by K", "--order-by"]);
    run(&["--sorted-by", "ID"]).fails(2, &["nothing makes", "--order-by"]);
    run(&["--sorted-by", "ID", "--order-by", "V,ID"]).fails(2, &["nothing makes"]);
    run(&["--order-by", "ID", "--query", "SELECT 1 A FROM DUAL"]).fails(2, &["ORDER BY into --query"]);
    assert!(!database.workspace().file("p.parquet").exists());
    let csv = ["copy", "embedded:data.db/T", "p.csv", "--order-by", "ID", "--sorted-by", "ID"];
    database.run(&csv).fails(2, &["no place to say"]);
}

#[test]
fn a_parquet_file_is_laid_out_as_asked() {
    let database = keyed();
    export(&database, &["--columns", "id,v", "--metadata", "owner=finance", "--metadata", "url=a=b"]);
    let file = metadata(&database, "o.parquet");
    let texts = file.file_metadata().key_value_metadata().cloned().unwrap();
    let text = |key: &str| texts.iter().find(|text| text.key == key).and_then(|text| text.value.clone());
    assert_eq!((text("owner").as_deref(), text("url").as_deref()), (Some("finance"), Some("a=b")));
    assert!(file.row_group(0).column(1).dictionary_page_offset().is_some() && file.row_group(0).column(0).statistics().is_some());
    export(&database, &["--columns", "id,v", "--no-dictionary", "--statistics", "none"]);
    let file = metadata(&database, "o.parquet");
    assert!(file.row_group(0).column(1).dictionary_page_offset().is_none() && file.row_group(0).column(0).statistics().is_none());
    let bad = ["copy", "embedded:data.db/T", "p.parquet", "--metadata", "olbridge.scn=1"];
    database.run(&bad).fails(2, &["meaning of their own"]);
}
