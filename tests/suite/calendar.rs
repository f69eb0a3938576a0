//! Days before 1582-10-15, which Oracle and Arrow call by other names, and values that only a text holds.

use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, AsArray, Date32Array};
use olbridge::arrow::datatypes::Date32Type;

use crate::exports::{assert_same, read};
use crate::support::database::Database;
use crate::support::tables::table;

/// 0001-01-01, 1500-02-28, 1500-03-01, 1582-10-04 and 2024-02-29 of the Gregorian calendar.
const DAYS: [i32; 5] = [-719_162, -171_606, -171_605, -141_438, 19_782];

fn loaded(words: &[&str]) -> Database {
    let database = Database::embedded();
    let days: ArrayRef = Arc::new(Date32Array::from(DAYS.to_vec()));
    database.workspace().parquet("in.parquet", &[table(vec![("d", days)])]);
    database.ok(&[&["copy", "in.parquet", "embedded:data.db/T", "--mode", "create"], words].concat());
    database
}

#[test]
fn a_day_before_1582_stays_the_same_day_or_keeps_its_name_as_asked() {
    for (words, names) in [
        (&[][..], ["0001-01-03", "1500-02-19", "1500-02-20", "1582-09-24", "2024-02-29"]),
        (&["--lossy", "calendar"], ["0001-01-01", "1500-02-28", "1500-03-01", "1582-10-04", "2024-02-29"]),
    ] {
        let database = loaded(words);
        assert_eq!(
            database.rows("SELECT TO_CHAR(D, 'YYYY-MM-DD') FROM T ORDER BY D"),
            names.map(|name| vec![Some(name.to_owned())]),
            "{words:?}"
        );
        database.ok(&[&["copy", "embedded:data.db/T", "out.parquet", "--like", "in.parquet"], words].concat());
        let file = |name: &str| read(&database.workspace().file(name));
        assert_same(&file("out.parquet"), &file("in.parquet"));
    }
}

#[test]
fn a_day_that_has_no_name_on_the_other_side_is_refused() {
    let database = Database::embedded();
    let gap: ArrayRef = Arc::new(Date32Array::from(vec![-141_428]));
    database.workspace().parquet("in.parquet", &[table(vec![("d", gap)])]);
    database.ok(&["copy", "in.parquet", "embedded:data.db/T", "--mode", "create"]);
    assert_eq!(database.rows("SELECT TO_CHAR(D, 'YYYY-MM-DD') FROM T"), [[Some("1582-10-04".to_owned())]]);
    database
        .run(&["copy", "in.parquet", "embedded:data.db/T", "--lossy", "calendar"])
        .fails(5, &["1582-10-14", "1582-10-04 to 1582-10-15"]);
    let before: ArrayRef = Arc::new(Date32Array::from(vec![-719_165]));
    database.workspace().parquet("bc.parquet", &[table(vec![("d", before)])]);
    database.run(&["copy", "bc.parquet", "embedded:data.db/T"]).fails(5, &["column D", "row 1", "before year 1"]);
    assert_eq!(database.count("T"), 1);
}

#[test]
fn what_no_arrow_type_of_time_holds_is_read_as_text() {
    let database = Database::embedded();
    database.sql(
        "CREATE TABLE T (D DATE, TS TIMESTAMP(2), TZ TIMESTAMP(9) WITH TIME ZONE, I INTERVAL DAY(9) TO SECOND(9), J INTERVAL DAY(2) TO SECOND(0), \
         M INTERVAL YEAR(9) TO MONTH)",
    );
    database.sql(
        "INSERT INTO T VALUES (TO_DATE('-0044-03-15', 'SYYYY-MM-DD'), TO_TIMESTAMP('1999-01-01 00:00:00.25', 'YYYY-MM-DD HH24:MI:SS.FF9'), \
         TO_TIMESTAMP_TZ('9999-12-30 23:59:58.000000001 -08:00', 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM'), \
         INTERVAL '-999999999 04:03:02.000000001' DAY(9) TO SECOND(9), INTERVAL '1 00:00:01' DAY(2) TO SECOND(0), \
         INTERVAL '99999999-11' YEAR(9) TO MONTH)",
    );
    database
        .run(&["copy", "embedded:data.db/T", "o.parquet", "--columns", "i"])
        .fails(5, &["-999999999 04:03:02.000000001", "--as I=text"]);
    let mut words = vec!["copy", "embedded:data.db/T", "o.parquet"];
    for column in ["d=text", "ts=text", "tz=text", "i=text", "j=text", "m=text"] {
        words.extend(["--as", column]);
    }
    database.ok(&words);
    let found = read(&database.workspace().file("o.parquet"));
    let texts: Vec<&str> = found.columns().iter().map(|column| column.as_string::<i32>().value(0)).collect();
    assert_eq!(
        texts,
        [
            "-0044-03-15 00:00:00",
            "1999-01-01 00:00:00.25",
            "9999-12-30 23:59:58.000000001 -08:00",
            "-999999999 04:03:02.000000001",
            "+1 00:00:01",
            "+99999999-11"
        ]
    );
}

#[test]
fn a_local_time_zone_holds_the_instant_of_any_zone() {
    use olbridge::arrow::array::TimestampMicrosecondArray;
    let database = Database::embedded();
    let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_709_231_398_500_000]).with_timezone("Europe/Berlin"));
    let days: ArrayRef = Arc::new(Date32Array::from(vec![0]));
    database.workspace().parquet("in.parquet", &[table(vec![("l", instants), ("d", days)])]);
    database.sql("CREATE TABLE T (L TIMESTAMP(6) WITH LOCAL TIME ZONE, D DATE)");
    database.ok(&["copy", "in.parquet", "embedded:data.db/T"]);
    database.ok(&["copy", "embedded:data.db/T", "out.parquet", "--like", "in.parquet"]);
    assert_same(&read(&database.workspace().file("out.parquet")), &read(&database.workspace().file("in.parquet")));
    // The footer has the Oracle type, so that the next load makes the same table.
    database.ok(&["copy", "out.parquet", "embedded:data.db/T2", "--mode", "create"]);
    let described = database.ok(&["describe", &database.target("T2")]);
    assert!(described.contains("TIMESTAMP(6) WITH LOCAL TIME ZONE"), "{described}");
    let read_back = read(&database.workspace().file("out.parquet"));
    assert_eq!(read_back.column(1).as_primitive::<Date32Type>().value(0), 0);
}
