//! `--system-columns`: `_updated` and `_deleted` on tables that are created, and stamped in every row that is inserted, updated or upserted.

use std::sync::Arc;

use olbridge::arrow::array::{Array, ArrayRef, StringArray};
use olbridge::arrow::datatypes::{DataType, TimeUnit};

use crate::exports::read;
use crate::support::database::Database;
use crate::support::tables::{ids, table};

const EARLY: &str = "UPDATE T SET \"_updated\" = TO_TIMESTAMP_TZ('2001-01-01 00:00:00 +00:00', 'YYYY-MM-DD HH24:MI:SS TZH:TZM')";

fn file(database: &Database, name: &str, range: std::ops::Range<i64>, text: &str) -> String {
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(range.clone().map(|id| format!("{text}{id}"))));
    database.workspace().parquet(name, &[table(vec![("id", ids(range)), ("v", texts)])])
}

/// ID, V, _deleted, and whether the row was stamped since [`EARLY`].
fn rows(database: &Database) -> Vec<String> {
    let query = "SELECT ID, V, \"_deleted\", EXTRACT(YEAR FROM \"_updated\") FROM T ORDER BY ID";
    let is_new = |year: &str| if year == "2001" { "old" } else { "new" };
    let line = |row: Vec<Option<String>>| {
        let cells: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
        format!("{} {} {} {}", cells[0], cells[1], cells[2], is_new(&cells[3]))
    };
    database.rows(query).into_iter().map(line).collect()
}

#[test]
fn what_is_inserted_updated_or_upserted_is_stamped() {
    let database = Database::embedded();
    let target = database.target("T");
    let first = file(&database, "first.parquet", 0..3, "a");
    let create = ["copy", &first, &target, "--mode", "create", "--primary-key", "id", "--system-columns", "--cast", "v=VARCHAR2(20)"];
    let plan = database.ok(&[&create[..], &["--dry-run"]].concat());
    for part in [
        "\"_updated\" TIMESTAMP(6) WITH TIME ZONE DEFAULT SYSTIMESTAMP NOT NULL,",
        "\"_deleted\" NUMBER(1) DEFAULT 0 NOT NULL,",
        "INSERT INTO T (ID, V, \"_updated\", \"_deleted\") VALUES (:1, :2, SYSTIMESTAMP, 0)",
        "stamps   each row",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    database.ok(&create);
    assert_eq!(rows(&database), ["0 a0 0 new", "1 a1 0 new", "2 a2 0 new"]);
    for way in ["arrays", "staged"] {
        database.sql(EARLY);
        let second = file(&database, "second.parquet", 2..4, way);
        let said = database.ok(&["copy", &second, &target, "--mode", "upsert", "--key", "id", "--merge", way, "--system-columns"]);
        assert!(!said.contains("warning"), "{said}");
        let stamped = [format!("2 {way}2 0 new"), format!("3 {way}3 0 new")];
        assert_eq!(rows(&database)[..2], ["0 a0 0 old", "1 a1 0 old"]);
        assert_eq!(rows(&database)[2..], stamped);
    }
    database.sql(EARLY);
    let third = file(&database, "third.parquet", 1..2, "u");
    database.ok(&["copy", &third, &target, "--mode", "update", "--key", "id", "--system-columns"]);
    assert_eq!(rows(&database), ["0 a0 0 old", "1 u1 0 new", "2 staged2 0 old", "3 staged3 0 old"]);
    // A soft delete marks and stamps; an update does not bring the row back, an upsert does.
    database.sql(EARLY);
    database.ok(&["copy", &third, &target, "--mode", "delete", "--key", "id", "--soft-delete"]);
    assert_eq!(rows(&database)[1], "1 u1 1 new");
    database.sql(EARLY);
    database.ok(&["copy", &third, &target, "--mode", "update", "--key", "id", "--system-columns"]);
    assert_eq!(rows(&database)[1], "1 u1 1 new");
    database.sql(EARLY);
    database.ok(&["copy", &third, &target, "--mode", "upsert", "--key", "id", "--system-columns"]);
    assert_eq!(rows(&database)[..2], ["0 a0 0 old", "1 u1 0 new"]);
}

#[test]
fn system_columns_come_back_as_they_were() {
    let database = Database::embedded();
    let target = database.target("T");
    database.ok(&["copy", &file(&database, "in.parquet", 0..2, "a"), &target, "--mode", "create", "--system-columns"]);
    database.ok(&["copy", &target, "out.parquet"]);
    let back = read(&database.workspace().file("out.parquet"));
    let updated = back.column_by_name("_updated").unwrap();
    assert_eq!((updated.data_type(), updated.null_count()), (&DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), 0));
    assert_eq!(back.column_by_name("_deleted").unwrap().len(), 2);
    // As columns like any other they are loaded again, instants and all, but not stamped at the same time.
    database.ok(&["copy", "out.parquet", &database.target("U"), "--mode", "create"]);
    let difference = "SELECT COUNT(*) FROM T, U WHERE T.ID = U.ID AND T.\"_updated\" = U.\"_updated\" AND T.\"_deleted\" = U.\"_deleted\"";
    assert_eq!(database.rows(difference), [[Some("2".to_owned())]]);
    let again = ["copy", "out.parquet", &database.target("V"), "--mode", "create", "--system-columns"];
    database.run(&again).fails(4, &["--system-columns sets _updated", "the source has values for it", "--columns"]);
    database.ok(&[&again[..], &["--columns", "ID,V"]].concat());
    // A table that has no such columns is not stamped.
    database.sql("CREATE TABLE W (ID NUMBER, V VARCHAR2(10), \"_updated\" NUMBER)");
    let refused = database.run(&["copy", "in.parquet", &database.target("W"), "--system-columns"]);
    refused.fails(4, &["sets a column _deleted", "sets _updated to the time, but it is NUMBER", "ALTER TABLE"]);
    database.run(&["copy", "in.parquet", &target, "--mode", "delete", "--key", "id", "--system-columns"]).fails(2, &["--soft-delete"]);
}
