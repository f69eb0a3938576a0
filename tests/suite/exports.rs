//! From a table into a Parquet file: what was loaded comes back as it was, and a failed export leaves nothing.

use std::fs;
use std::path::Path;
use std::slice;
use std::sync::Arc;

use olbridge::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, DurationMicrosecondArray,
    DurationNanosecondArray, FixedSizeBinaryArray, Float16Array, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array,
    IntervalDayTimeArray, IntervalYearMonthArray, NullArray, RecordBatch, StringArray, Time32MillisecondArray, Time64MicrosecondArray,
    Time64NanosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
    UInt8Array, UInt16Array, UInt64Array,
};
use olbridge::arrow::compute::concat_batches;
use olbridge::arrow::datatypes::{
    DataType, DurationMillisecondType, DurationSecondType, Int8Type, Int32Type, Int64Type, IntervalDayTime, Time64NanosecondType, TimeUnit,
    i256,
};
use olbridge::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use crate::support::database::Database;
use crate::support::tables::{every_type, ids, table};
use crate::support::{Running, TIME_LIMIT, Workspace};

/// A Parquet file as one batch.
pub fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// Same names, types, nullability and values. (Metadata may differ.)
#[track_caller]
pub fn assert_same(found: &RecordBatch, expected: &RecordBatch) {
    let shape = |batch: &RecordBatch| {
        let fields = batch.schema();
        fields.fields().iter().map(|f| format!("{} {} {}", f.name(), f.data_type(), f.is_nullable())).collect::<Vec<_>>()
    };
    assert_eq!(shape(found), shape(expected));
    assert_eq!(found.num_rows(), expected.num_rows());
    for (index, (found, expected_column)) in found.columns().iter().zip(expected.columns()).enumerate() {
        assert_eq!(found, expected_column, "column {}", expected.schema().field(index).name());
    }
}

/// Loads `batch`, copies the table back like the file, and compares.
#[track_caller]
fn round_trip(workspace: &Workspace, batch: &RecordBatch, more: &[&str]) {
    workspace.parquet("in.parquet", slice::from_ref(batch));
    workspace.ok(&["copy", "in.parquet", "embedded:r.db/T", "--mode", "overwrite", "--allow-destructive"]);
    let mut words = vec!["copy", "embedded:r.db/T", "out.parquet", "--like", "in.parquet", "--mode", "overwrite"];
    words.extend(more);
    workspace.ok(&words);
    assert_same(&read(&workspace.file("out.parquet")), &read(&workspace.file("in.parquet")));
}

#[test]
fn every_type_comes_back_from_oracle_as_it_was_in_the_file() {
    let workspace = Workspace::new();
    round_trip(&workspace, &every_type(), &[]);
    round_trip(&workspace, &every_type(), &["--batch-rows", "1", "--compression", "none", "--row-group-rows", "4"]);
    // The second load of what came back makes the same table.
    workspace.ok(&["copy", "out.parquet", "embedded:r.db/T2", "--mode", "create"]);
    let columns = |table: &str| workspace.ok(&["describe", &format!("embedded:r.db/{table}"), "--format", "json"]).replace(table, "T");
    assert_eq!(columns("T2"), columns("T"));
}

#[test]
fn an_empty_table_and_one_of_nulls_come_back() {
    let workspace = Workspace::new();
    let whole = every_type();
    round_trip(&workspace, &whole.slice(0, 0), &[]);
    let last = whole.num_rows() - 1;
    workspace.ok(&["sql", "embedded:r.db", "DROP TABLE T PURGE"]);
    round_trip(&workspace, &whole.slice(last, 1), &[]);
}

/// A table with a column of each type of the map that Parquet has: the types of [`common`], and beside them all others with the same values.
fn generated() -> impl Strategy<Value = RecordBatch> {
    common().prop_map(|batch| {
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let cast = |name: &str, data_type: DataType| olbridge::arrow::compute::cast(column(name), &data_type).unwrap();
        let zoned = |name: &str, zone: &str| {
            let seconds = column(name).as_primitive::<Int32Type>().iter().map(|value| value.map(|value| i64::from(value & i32::MAX)));
            Arc::new(TimestampSecondArray::from_iter(seconds).with_timezone(zone)) as ArrayRef
        };
        let bytes = column("bytes")
            .as_binary::<i32>()
            .iter()
            .map(|value| value.map(|value| std::array::from_fn::<u8, 16, _>(|place| value.get(place).copied().unwrap_or(7))));
        let small = || column("i8").as_primitive::<Int8Type>().iter();
        let microseconds = column("time_ns").as_primitive::<Time64NanosecondType>().iter().map(|value| value.map(|value| value / 1000));
        let long = cast("i32", DataType::Int64);
        let long = long.as_primitive::<Int64Type>();
        let mut columns: Vec<(String, ArrayRef)> =
            batch.schema().fields().iter().zip(batch.columns()).map(|(field, array)| (field.name().clone(), array.clone())).collect();
        let others: Vec<(&str, ArrayRef)> = vec![
            ("u8", Arc::new(UInt8Array::from_iter(small().map(|value| value.map(|value| value as u8))))),
            ("u32", cast("u16", DataType::UInt32)),
            ("f16", Arc::new(Float16Array::from_iter(small().map(|value| value.map(|value| half::f16::from_f32(f32::from(value) / 8.0)))))),
            ("d9", cast("i16", DataType::Decimal32(9, 2))),
            ("d18", cast("d12", DataType::Decimal64(18, 4))),
            ("large_text", cast("text", DataType::LargeUtf8)),
            ("text_view", cast("text", DataType::Utf8View)),
            ("dictionary", cast("text", DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))),
            ("large_bytes", cast("bytes", DataType::LargeBinary)),
            ("bytes_view", cast("bytes", DataType::BinaryView)),
            ("sixteen", Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, 16).unwrap())),
            ("day64", cast("day", DataType::Date64)),
            ("ts_offset", zoned("i32", "-03:30")),
            ("ts_region", zoned("i32", "Europe/Berlin")),
            ("time_s", cast("time_ms", DataType::Time32(TimeUnit::Second))),
            ("time_us", Arc::new(Time64MicrosecondArray::from_iter(microseconds))),
            ("dur_s", Arc::new(long.reinterpret_cast::<DurationSecondType>())),
            ("dur_ms", Arc::new(long.reinterpret_cast::<DurationMillisecondType>())),
            ("nothing", Arc::new(NullArray::new(batch.num_rows()))),
        ];
        columns.extend(others.into_iter().map(|(name, array)| (name.to_owned(), array)));
        table(columns.iter().map(|(name, array)| (name.as_str(), array.clone())).collect())
    })
}

/// A table with a column of each common type.
fn common() -> impl Strategy<Value = RecordBatch> {
    fn rows<T: std::fmt::Debug + Clone>(count: usize, values: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<Option<T>>> {
        prop::collection::vec(prop::option::weighted(0.8, values), count)
    }
    // Oracle's days, from 0001-01-01 to 9999-12-30.
    const DAYS: std::ops::Range<i32> = -719_164..2_932_895;
    let seconds = i64::from(DAYS.start) * 86_400..i64::from(DAYS.end) * 86_400;
    let nines = 10i128.pow(38) - 1;
    (1usize..300).prop_flat_map(move |count| {
        let seconds = || seconds.clone();
        let numbers = (
            rows(count, any::<i8>()),
            rows(count, any::<i16>()),
            rows(count, any::<i32>()),
            rows(count, any::<i64>()),
            rows(count, any::<u16>()),
            rows(count, any::<u64>()),
            rows(count, any::<bool>()),
            rows(count, prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::INFINITE),
            rows(count, prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::INFINITE),
        );
        let others = (
            rows(count, -nines..=nines),
            rows(count, -999_999_999_999i128..=999_999_999_999),
            rows(count, "\\PC{1,30}"),
            rows(count, prop::collection::vec(any::<u8>(), 1..40)),
            rows(count, DAYS),
            rows(count, seconds()),
            rows(count, seconds().prop_flat_map(|s| (0..1000i64).prop_map(move |ms| s * 1000 + ms))),
            rows(count, seconds().prop_flat_map(|s| (0..1_000_000i64).prop_map(move |us| s * 1_000_000 + us))),
            rows(count, i64::MIN + 1..i64::MAX),
        );
        let spans = (
            rows(count, 0..86_400_000i32),
            rows(count, 0..86_400_000_000_000i64),
            rows(count, any::<i64>()),
            rows(count, any::<i64>()),
            rows(count, any::<i32>()),
            rows(count, (0..=999_999_999i32, 0..86_400_000i32, any::<bool>())),
        );
        (numbers, others, spans).prop_map(|(n, o, s)| {
            let days = |v: Option<(i32, i32, bool)>| {
                v.map(|(days, ms, negative)| if negative { IntervalDayTime::new(-days, -ms) } else { IntervalDayTime::new(days, ms) })
            };
            let decimal = |values: Vec<Option<i128>>, precision, scale| {
                Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap()) as ArrayRef
            };
            let wide: Decimal256Array = o.0.iter().map(|v| v.map(i256::from_i128)).collect();
            table(vec![
                ("i8", Arc::new(Int8Array::from(n.0))),
                ("i16", Arc::new(Int16Array::from(n.1))),
                ("i32", Arc::new(Int32Array::from(n.2))),
                ("i64", Arc::new(Int64Array::from(n.3))),
                ("u16", Arc::new(UInt16Array::from(n.4))),
                ("u64", Arc::new(UInt64Array::from(n.5))),
                ("flag", Arc::new(BooleanArray::from(n.6))),
                ("f32", Arc::new(Float32Array::from(n.7))),
                ("f64", Arc::new(Float64Array::from(n.8))),
                ("d38", decimal(o.0, 38, 17)),
                ("d12", decimal(o.1, 12, 3)),
                ("wide", Arc::new(wide.with_precision_and_scale(38, 0).unwrap())),
                ("text", Arc::new(StringArray::from(o.2))),
                ("bytes", Arc::new(o.3.iter().map(Option::as_deref).collect::<BinaryArray>())),
                ("day", Arc::new(Date32Array::from(o.4))),
                ("ts_s", Arc::new(TimestampSecondArray::from(o.5))),
                ("ts_ms", Arc::new(TimestampMillisecondArray::from(o.6))),
                ("ts_us", Arc::new(TimestampMicrosecondArray::from(o.7.clone()))),
                ("ts_utc", Arc::new(TimestampMicrosecondArray::from(o.7).with_timezone("UTC"))),
                ("ts_ns", Arc::new(TimestampNanosecondArray::from(o.8))),
                ("time_ms", Arc::new(Time32MillisecondArray::from(s.0))),
                ("time_ns", Arc::new(Time64NanosecondArray::from(s.1))),
                ("dur_us", Arc::new(DurationMicrosecondArray::from(s.2))),
                ("dur_ns", Arc::new(DurationNanosecondArray::from(s.3))),
                ("months", Arc::new(IntervalYearMonthArray::from(s.4))),
                ("days", Arc::new(s.5.into_iter().map(days).collect::<IntervalDayTimeArray>())),
            ])
        })
    })
}

proptest! {
    // Each case is two runs of the command.
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn generated_tables_come_back_as_they_were(batch in generated(), rows_per_fetch in 1u32..400) {
        let workspace = Workspace::new();
        round_trip(&workspace, &batch, &["--batch-rows", &rows_per_fetch.to_string()]);
    }
}

#[test]
fn without_a_model_each_column_gets_the_type_that_holds_all_its_values() {
    let database = Database::embedded();
    database.sql(
        "CREATE TABLE T (A NUMBER(9), B NUMBER(18) NOT NULL, C NUMBER(20), D NUMBER(10,2), E BINARY_FLOAT, F VARCHAR2(10 CHAR), G CHAR(4), \
         H RAW(4), I DATE, J TIMESTAMP(9), K TIMESTAMP(3) WITH TIME ZONE, L CLOB, M BLOB, N NUMBER)",
    );
    database.sql(
        "INSERT INTO T VALUES (-7, 999999999999999999, 18446744073709551616, 12.5, 0.5, 'Grüße', 'ab', HEXTORAW('00ff'), \
         TO_DATE('2024-02-29 23:59:58', 'YYYY-MM-DD HH24:MI:SS'), TO_TIMESTAMP('2024-02-29 23:59:58.123456789', 'YYYY-MM-DD HH24:MI:SS.FF9'), \
         TO_TIMESTAMP_TZ('2024-02-29 23:59:58.5 +05:30', 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM'), 'long', HEXTORAW('01'), 1.25)",
    );
    let out = database.ok(&["copy", "embedded:data.db/T", "n.parquet"]);
    assert!(out.contains("column N is NUMBER without a scale and read as Decimal128(3, 2)"), "{out}");
    // Only the blanks that pad go.
    database.ok(&["copy", "embedded:data.db/T", "g.csv", "--columns", "g,n", "--trim-char"]);
    assert_eq!(fs::read_to_string(database.workspace().file("g.csv")).unwrap(), "G,N\nab,1.25\n");
    let out = database.ok(&["copy", "embedded:data.db/T", "t.parquet", "--number", "decimal(38,10)", "--as", "m=binary"]);
    assert!(!out.contains("warning"), "{out}");
    let found = read(&database.workspace().file("t.parquet"));
    let shown: Vec<String> = found.schema().fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
    assert_eq!(
        shown,
        [
            "A Int32",
            "B Int64",
            "C Decimal128(20, 0)",
            "D Decimal128(10, 2)",
            "E Float32",
            "F Utf8",
            "G Utf8",
            "H Binary",
            "I Timestamp(ms)",
            "J Timestamp(ns)",
            "K Timestamp(ms, \"UTC\")",
            "L Utf8",
            "M Binary",
            "N Decimal128(38, 10)"
        ]
    );
    let text = |column: usize| {
        olbridge::arrow::util::display::array_value_to_string(found.column(column), 0).unwrap_or_else(|error| error.to_string())
    };
    assert_eq!([text(0), text(1), text(2), text(3)], ["-7", "999999999999999999", "18446744073709551616", "12.50"]);
    assert_eq!([text(5), text(6), text(7), text(8)], ["Grüße", "ab  ", "00ff", "2024-02-29T23:59:58"]);
    assert_eq!([text(9), text(11), text(13)], ["2024-02-29T23:59:58.123456789", "long", "1.2500000000"].map(str::to_owned));
    // 18:29:58.5 UTC.
    let zoned = found.column(10).as_any().downcast_ref::<TimestampMillisecondArray>().unwrap();
    assert_eq!(zoned.value(0), 1_709_231_398_500);
    assert!(!found.schema().field(1).is_nullable() && found.schema().field(0).is_nullable());
}

#[test]
fn a_table_that_is_made_from_an_export_has_the_same_columns() {
    let database = Database::embedded();
    let ddl = "(A NUMBER(5) NOT NULL, B NUMBER(7,2), C VARCHAR2(30 CHAR), D VARCHAR2(40), E CHAR(3), F DATE, G TIMESTAMP(2), \
               H TIMESTAMP(4) WITH TIME ZONE, I RAW(20), J CLOB, K NVARCHAR2(12), L BINARY_FLOAT, M NUMBER, N FLOAT(20), O BLOB, \
               P INTERVAL DAY(3) TO SECOND(2), Q INTERVAL YEAR(4) TO MONTH)";
    database.sql(&format!("CREATE TABLE T {ddl}"));
    database.sql(
        "INSERT INTO T (A, C, E, F, M, P, Q) VALUES (1, 'ü', 'x', TO_DATE('2024-01-02 03:04:05', 'YYYY-MM-DD HH24:MI:SS'), 1.5, \
         INTERVAL '-100 04:03:02.01' DAY(3) TO SECOND(2), INTERVAL '1001-11' YEAR(4) TO MONTH)",
    );
    database.ok(&["copy", "embedded:data.db/T", "t.parquet", "--number", "decimal(38,10)"]);
    database.ok(&["copy", "t.parquet", "embedded:data.db/T2", "--mode", "create"]);
    let columns = |table: &str| {
        let described: serde_json::Value =
            serde_json::from_str(&database.ok(&["describe", &database.target(table), "--format", "json"])).unwrap();
        described["columns"].clone()
    };
    assert_eq!(columns("T2"), columns("T"));
    assert_eq!(database.rows("SELECT * FROM T2"), database.rows("SELECT * FROM T"));
}

fn numbered(rows: i64) -> Database {
    let database = Database::embedded();
    let names: ArrayRef = Arc::new((0..rows).map(|row| Some(format!("name {row}"))).collect::<StringArray>());
    database.workspace().parquet("in.parquet", &[table(vec![("id", ids(0..rows)), ("name", names)])]);
    database.ok(&["copy", "in.parquet", "embedded:data.db/T", "--mode", "create"]);
    database
}

#[test]
fn the_database_selects_columns_and_rows() {
    let database = numbered(100);
    let shape = |words: &[&str]| {
        let words: Vec<&str> = ["copy", "embedded:data.db/T", "o.parquet", "--mode", "overwrite"].iter().chain(words).copied().collect();
        database.ok(&words);
        let found = read(&database.workspace().file("o.parquet"));
        let names: Vec<String> = found.schema().fields().iter().map(|f| f.name().clone()).collect();
        (names.join(","), found.num_rows())
    };
    assert_eq!(shape(&[]), ("ID,NAME".into(), 100));
    assert_eq!(shape(&["--columns", "name,id", "--limit", "7"]), ("NAME,ID".into(), 7));
    assert_eq!(shape(&["--where", "ID >= 10 AND ID < 30 -- a comment"]), ("ID,NAME".into(), 20));
    assert_eq!(shape(&["--query", "SELECT ID FROM T WHERE ID < 5;"]), ("ID".into(), 5));
    assert_eq!(shape(&["--query", "SELECT ID, NAME FROM T", "--columns", "name", "--limit", "3"]), ("NAME".into(), 3));
    assert_eq!(shape(&["--query", "SELECT ROWID, ID FROM T", "--where", "ID = 4"]), ("ROWID,ID".into(), 1));
    let report = database.ok(&["copy", "embedded:data.db/T", "o.parquet", "--mode", "overwrite", "--report", "json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((report["status"].as_str(), report["rows"].as_u64()), (Some("done"), Some(100)));
    database.run(&["copy", "embedded:data.db/T", "p.parquet", "--columns", "id,nope"]).fails(4, &["no column nope"]);
    database.run(&["copy", "embedded:data.db/NOPE", "p.parquet"]).fails(4, &["NOPE", "does not exist"]);
    database.run(&["copy", "embedded:data.db/T", "p.parquet", "--query", "DELETE FROM T"]).fails(2, &["SELECT"]);
    assert_eq!(database.count("T"), 100);
}

/// Names in the directory other than the database's own.
fn files(database: &Database) -> Vec<String> {
    let names = fs::read_dir(database.workspace().path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with("data.db") && name != "in.parquet").collect();
    names.sort();
    names
}

#[test]
fn a_file_that_is_there_is_kept_unless_it_is_to_be_replaced() {
    let database = numbered(5);
    let path = database.workspace().file("o.parquet");
    fs::write(&path, "mine").unwrap();
    database.run(&["copy", "embedded:data.db/T", "o.parquet"]).fails(4, &["o.parquet exists", "--mode overwrite"]);
    let out = database.ok(&["copy", "embedded:data.db/T", "o.parquet", "--mode", "ignore"]);
    assert!(out.contains("nothing done"), "{out}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    // A replacement that fails leaves the old one.
    database.sql("CREATE TABLE N (X NUMBER)");
    database.sql("INSERT INTO N VALUES (1.5)");
    let failed = database.run(&["copy", "embedded:data.db/N", "o.parquet", "--mode", "overwrite", "--number", "int64"]);
    failed.fails(5, &["N column X", "ROWID A", "1.5 is not exact as Int64"]);
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    database.ok(&["copy", "embedded:data.db/T", "o.parquet", "--mode", "overwrite"]);
    assert_eq!(read(&path).num_rows(), 5);
    assert_eq!(files(&database), ["o.parquet"]);
}

#[test]
fn a_value_that_cannot_be_read_exactly_leaves_no_file() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER(9), N NUMBER, D DATE, C CLOB)");
    let long = "x".repeat(40_000);
    database.sql("INSERT INTO T VALUES (1, 1, TO_DATE('2024-01-01', 'YYYY-MM-DD'), 'short')");
    database.sql("INSERT INTO T VALUES (2, 9007199254740993, TO_DATE('-0044-03-15', 'SYYYY-MM-DD'), 'short')");
    let values: ArrayRef = Arc::new(StringArray::from(vec![long[..32_000].to_owned()]));
    database.workspace().parquet("in.parquet", &[table(vec![("id", Arc::new(Int32Array::from(vec![3])) as ArrayRef), ("c", values)])]);
    database.ok(&["copy", "in.parquet", "embedded:data.db/T"]);
    for (words, parts) in [
        (&["--columns", "id,n", "--number", "float64"][..], &["T column N", "ROWID A", "9007199254740993", "--lossy rounding"][..]),
        (&["--columns", "id,d"], &["T column D", "ROWID A", "-044-03-15", "year 1", "--as D=text"]),
    ] {
        let words: Vec<&str> = ["copy", "embedded:data.db/T", "o.parquet"].iter().chain(words).copied().collect();
        database.run(&words).fails(5, parts);
        assert!(files(&database).is_empty(), "{words:?}: {:?}", files(&database));
    }
    database.ok(&["copy", "embedded:data.db/T", "o.parquet", "--columns", "id,n,c", "--number", "float64", "--lossy", "rounding"]);
    database.ok(&["copy", "embedded:data.db/T", "p.parquet", "--columns", "id,n,c", "--as", "n=text"]);
    database.run(&["copy", "embedded:data.db/T", "nowhere/p.parquet", "--columns", "id"]).fails(6, &["nowhere/p.parquet", "directory"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_file() {
    let database = numbered(200_000);
    let words = ["copy", "embedded:data.db/T", "o.parquet", "--batch-rows", "1", "--query", "SELECT A.ID X, B.ID Y FROM T A, T B"];
    let running = Running::new(database.command(&words).spawn().unwrap());
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert!(std::process::Command::new("kill").args(["-INT", &running.child.id().to_string()]).status().unwrap().success());
    running.wait(TIME_LIMIT).fails(130, &["interrupted", "o.parquet was not written"]);
    assert!(files(&database).is_empty(), "{:?}", files(&database));
}
