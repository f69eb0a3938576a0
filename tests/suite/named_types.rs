//! Types that are known by name alone: LONG, LONG RAW, UROWID.

use olbridge::arrow::array::AsArray;

use crate::exports::read;
use crate::support::database::Database;

#[test]
fn long_and_long_raw_are_read_whole_or_refused() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER(3), L LONG)");
    database.sql("CREATE TABLE R (ID NUMBER(3), L LONG RAW)");
    let long = "é".repeat(1_900);
    database.sql(&format!("INSERT INTO T VALUES (1, '{long}')"));
    database.sql("INSERT INTO T VALUES (2, NULL)");
    database.sql("INSERT INTO R VALUES (1, HEXTORAW('00FF'))");
    database.ok(&["copy", &database.target("T"), "t.parquet"]);
    database.ok(&["copy", &database.target("R"), "r.parquet"]);
    let texts = read(&database.workspace().file("t.parquet"));
    let texts = texts.column_by_name("L").unwrap().as_string::<i32>();
    assert_eq!(texts.iter().collect::<Vec<_>>(), [Some(long.as_str()), None]);
    let bytes = read(&database.workspace().file("r.parquet"));
    assert_eq!(bytes.column_by_name("L").unwrap().as_binary::<i32>().value(0), [0, 255]);
    database.run(&["copy", &database.target("T"), "u.parquet", "--max-lob-bytes", "100"]).fails(5, &["ROWID A", "LONG", "--max-lob-bytes"]);
    assert!(!database.workspace().file("u.parquet").exists());
}

#[test]
fn addresses_of_rows_go_both_ways_as_text() {
    let database = Database::embedded();
    database.sql("CREATE TABLE S (ID NUMBER(3))");
    database.sql("INSERT INTO S VALUES (1)");
    database.sql("CREATE TABLE T (U UROWID)");
    database.ok(&["copy", &database.target(""), "in.parquet", "--query", "SELECT ROWID U FROM S"]);
    database.ok(&["copy", "in.parquet", &database.target("T")]);
    database.ok(&["copy", &database.target("T"), "out.parquet"]);
    let (there, back) = (read(&database.workspace().file("in.parquet")), read(&database.workspace().file("out.parquet")));
    assert_eq!(there.column(0).as_string::<i32>(), back.column(0).as_string::<i32>());
    assert_eq!(there.num_rows(), 1);
}
