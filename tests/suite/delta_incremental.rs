//! Changes of a Delta table carried out on a table of a database: every change once, whatever was changed and however it is found.

use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use olbridge::arrow::util::display::array_value_to_string;
use olbridge_delta::StoreOptions;
use olbridge_delta::table::{
    Alter, Batches, CommitOptions, Merge, NewTable, OptimizeOptions, Scan, SchemaMode, Table, VacuumOptions, WriteMode, WriteOptions,
};
use serde_json::Value;

use crate::support::database::Database;

type Rows = Vec<(i64, String)>;

pub fn open(database: &Database, path: &str) -> Table {
    let path = database.workspace().file(path);
    Table::open(&path.to_string_lossy().parse().unwrap(), &StoreOptions::default()).unwrap()
}

fn batch(rows: &[(i64, String)]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(rows.iter().map(|(id, _)| Some(*id)).collect::<Int64Array>());
    let names: ArrayRef = Arc::new(rows.iter().map(|(_, name)| Some(name.as_str())).collect::<StringArray>());
    RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("name", names, true)]).unwrap()
}

fn batches(rows: &[(i64, String)]) -> Batches {
    let batch = batch(rows);
    Batches::new(batch.schema(), vec![batch])
}

fn rows(ids: impl IntoIterator<Item = i64>, name: &str) -> Rows {
    ids.into_iter().map(|id| (id, format!("{name} {id}"))).collect()
}

/// A table with 100 rows; `feed`: with a change data feed.
fn made(database: &Database, path: &str, feed: bool) -> Table {
    let mut table = open(database, path);
    let rows = rows(1..=100, "row");
    let mut new = NewTable::new(batch(&rows).schema());
    new.properties.insert("delta.enableChangeDataFeed".into(), feed.to_string());
    let options = WriteOptions { create: Some(new), target_file_bytes: Some(1), batch_rows: Some(30), ..WriteOptions::default() };
    table.write(&mut batches(&rows), &options, &CommitOptions::default()).unwrap();
    table
}

fn append(table: &mut Table, rows: &[(i64, String)]) {
    table.write(&mut batches(rows), &WriteOptions::default(), &CommitOptions::default()).unwrap();
}

fn upsert(table: &mut Table, rows: &[(i64, String)]) {
    table.merge(&mut batches(rows), &Merge::upsert(&["id".into()]), &CommitOptions::default()).unwrap();
}

fn delete(table: &mut Table, condition: &str) {
    table.delete(Some(condition), &CommitOptions::default()).unwrap();
}

fn set(table: &mut Table, column: &str, value: &str, condition: &str) {
    table.update(&[(column.into(), value.into())], Some(condition), &CommitOptions::default()).unwrap();
}

/// The rows of a Delta table as texts, sorted.
pub fn of_delta(table: &mut Table) -> Vec<Vec<Option<String>>> {
    table.refresh().unwrap();
    let mut found = Vec::new();
    for batch in table.read(&Scan::default()).unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let text = |column: &ArrayRef| column.is_valid(row).then(|| array_value_to_string(column, row).unwrap());
            found.push(batch.columns().iter().map(text).collect::<Vec<_>>());
        }
    }
    found.sort();
    found
}

/// The rows of a table of the database, sorted the same way.
pub fn of_database(database: &Database, query: &str) -> Vec<Vec<Option<String>>> {
    let mut found = database.rows(query);
    found.sort();
    found
}

#[track_caller]
fn assert_same(database: &Database, table: &mut Table) {
    assert_eq!(of_database(database, "SELECT ID, NAME FROM T"), of_delta(table));
}

fn words(way: &str) -> Vec<String> {
    let words = ["copy", "delta:lake/t", "embedded:data.db/T", "--key", "id", "--job", "sync"];
    words.into_iter().map(str::to_owned).chain([format!("--incremental={way}")]).collect()
}

fn run(database: &Database, way: &str) -> Value {
    let words = words(way);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--report", "json"]).collect();
    serde_json::from_str(&database.ok(&words)).unwrap()
}

#[test]
fn every_kind_of_change_arrives_once() {
    for (feed, how) in [(true, "change data feed"), (false, "comparing files")] {
        let database = Database::embedded();
        let mut table = made(&database, "lake/t", feed);
        let first = run(&database, "auto");
        assert_eq!((&first["action"], &first["rows_loaded"]), (&"create".into(), &100.into()), "{first}");
        assert_same(&database, &mut table);
        // A row of the database that nobody has touched in the Delta table stays as it is: only changes are carried out.
        database.sql("UPDATE T SET NAME = 'own' WHERE ID = 50");
        append(&mut table, &rows(101..=110, "new"));
        upsert(&mut table, &[rows(1..=5, "merged"), rows(111..=112, "merged")].concat());
        delete(&mut table, "id = 7 OR id = 111");
        // A key that changes is a row that goes and one that comes; one that goes and comes back is an update.
        set(&mut table, "id", "id + 1000", "id IN (8, 9)");
        delete(&mut table, "id = 10");
        append(&mut table, &rows([10], "again"));
        let last = table.version().unwrap();
        let done = run(&database, "auto");
        assert!(done["followed"]["how"].as_str().unwrap().contains(how), "{done}");
        assert_eq!((&done["followed"]["after_version"], &done["followed"]["version"]), (&0.into(), &last.into()));
        assert_eq!(database.rows("SELECT NAME FROM T WHERE ID = 50"), [[Some("own".to_owned())]]);
        set(&mut table, "name", "'own'", "id = 50");
        assert_eq!(run(&database, "auto")["rows_loaded"], 1);
        assert_same(&database, &mut table);
        assert!(
            database
                .ok(&words("auto").iter().map(String::as_str).collect::<Vec<_>>())
                .contains("nothing done: job sync has applied version")
        );
        // New files with the same rows are no change; the version is applied all the same, once.
        table.optimize(&OptimizeOptions::default(), &CommitOptions::default()).unwrap();
        let done = run(&database, "auto");
        assert_eq!((&done["rows_loaded"], &done["commits"]), (&0.into(), &1.into()), "{done}");
        assert_eq!(run(&database, "auto")["commits"], 0);
        assert_eq!(database.rows("SELECT COUNT(*) FROM OLBRIDGE_STATE")[0][0].as_deref(), Some("2"), "the claim and one version");
        // All rows replaced at once: what is the same in both is not written again when files are compared.
        let options = WriteOptions { mode: WriteMode::Overwrite, ..WriteOptions::default() };
        table.write(&mut batches(&rows(40..=60, "row")), &options, &CommitOptions::default()).unwrap();
        run(&database, "auto");
        assert_same(&database, &mut table);
    }
}

#[test]
fn deleted_rows_are_marked_where_that_is_asked_for() {
    let database = Database::embedded();
    let mut table = made(&database, "lake/t", true);
    let words = words("auto");
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--soft-delete", "--system-columns"]).collect();
    database.ok(&words);
    delete(&mut table, "id <= 3");
    let done = database.ok(&words);
    assert!(done.contains("3 of them deleted"), "{done}");
    assert_eq!(database.rows("SELECT COUNT(*), SUM(\"_deleted\") FROM T")[0], [Some("100".to_owned()), Some("3".to_owned())]);
    append(&mut table, &rows([2], "back"));
    database.ok(&words);
    assert_eq!(database.rows("SELECT ID FROM T WHERE \"_deleted\" = 1 ORDER BY ID"), [[Some("1".to_owned())], [Some("3".to_owned())]]);
}

#[test]
fn what_cannot_be_followed_is_refused_with_the_load_that_begins_anew() {
    let database = Database::embedded();
    let mut table = made(&database, "lake/t", false);
    let of = |words: &[String]| words.iter().map(String::as_str).map(str::to_owned).collect::<Vec<String>>();
    let words = of(&words("auto"));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let full = ["copy", "delta:lake/t", "embedded:data.db/T", "--mode", "overwrite", "--allow-destructive", "--job", "sync"];
    database.sql("CREATE TABLE T (ID NUMBER(19), NAME VARCHAR2(20))");
    database.sql("INSERT INTO T VALUES (1, 'mine')");
    database.run(&words).fails(4, &["job sync has not loaded it yet, and it has rows", "--mode overwrite --allow-destructive --job sync"]);
    database.ok(&full);
    assert!(database.ok(&words).contains("nothing done"), "the full load is where changes go on from");
    // Options that make other rows of the same table.
    delete(&mut table, "id = 1");
    database.run(&[&words[..], &["--columns", "id"]].concat()).fails(4, &["has applied version 0", "with other options"]);
    database.ok(&words);
    // The files of the version that was applied are gone.
    set(&mut table, "name", "'x'", "id < 50");
    let vacuum =
        VacuumOptions { dry_run: false, retention: Some(chrono::TimeDelta::zero()), short_retention: true, ..VacuumOptions::default() };
    table.vacuum(&vacuum).unwrap();
    let outcome = database.run(&words);
    outcome.fails(6, &["changes of versions 2 to", "--mode overwrite --allow-destructive"]);
    database.ok(&full);
    assert_same(&database, &mut table);
    // Two rows with one key: which one is it?
    append(&mut table, &rows([60], "twin"));
    append(&mut table, &[rows([60], "one"), rows([60], "other")].concat());
    database.run(&words).fails(6, &["rows of the table have the key id = 60"]);
    delete(&mut table, "id = 60");
    database.ok(&words);
    assert_same(&database, &mut table);
    // A feed that is not there, when it has to be that.
    set(&mut table, "name", "'y'", "id < 5");
    database
        .run(&["copy", "delta:lake/t", "embedded:data.db/T", "--key", "id", "--job", "sync", "--incremental=feed"])
        .fails(6, &["no change data feed"]);
    // Another table in its place.
    std::fs::remove_dir_all(database.workspace().file("lake/t")).unwrap();
    made(&database, "lake/t", false);
    database.run(&words).fails(4, &["another Delta table", "--mode overwrite"]);
    for (missing, part) in [("--job", "job has no name"), ("--key", "by their key")] {
        let at = words.iter().position(|word| *word == missing).unwrap();
        let left = [&words[..at], &words[at + 2..]].concat();
        database.run(&left).fails(2, &[part]);
    }
}

#[test]
fn a_column_that_is_added_is_followed_when_the_table_has_it_too() {
    let database = Database::embedded();
    let mut table = made(&database, "lake/t", true);
    run(&database, "auto");
    let field = olbridge::arrow::datatypes::Field::new("extra", olbridge::arrow::datatypes::DataType::Int64, true);
    table.alter(&Alter::AddColumn(field), &CommitOptions::default()).unwrap();
    set(&mut table, "extra", "5", "id = 3");
    let words = words("auto");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    database.run(&words).fails(4, &["extra"]);
    database.sql("ALTER TABLE T ADD (EXTRA NUMBER(19))");
    database.ok(&words);
    assert_eq!(of_database(&database, "SELECT ID, NAME, EXTRA FROM T"), of_delta(&mut table));
}

/// One that has gone, has another name or another type: what the rows of the database have there is nobody's any more. Nothing is applied, whichever
/// way the changes are read.
#[test]
fn a_column_that_goes_or_gets_another_type_is_refused_and_a_full_load_goes_on() {
    let integers: ArrayRef = Arc::new((1..=9).map(Some).collect::<Int64Array>());
    let retyped = RecordBatch::try_from_iter_with_nullable([("id", Arc::clone(&integers), true), ("name", integers, true)]).unwrap();
    for (feed, change) in [(true, "drop"), (false, "drop"), (false, "rename"), (true, "retype"), (false, "retype")] {
        let database = Database::embedded();
        let mut table = made(&database, "lake/t", feed);
        let extra = olbridge::arrow::datatypes::Field::new("extra", olbridge::arrow::datatypes::DataType::Int64, true);
        table.alter(&Alter::AddColumn(extra), &CommitOptions::default()).unwrap();
        run(&database, "auto");
        let (column, to) = ("name".to_owned(), "title".to_owned());
        let commit = CommitOptions::default();
        match change {
            "drop" => drop(table.alter(&Alter::DropColumn { column, upgrade: true }, &commit).unwrap()),
            "rename" => drop(table.alter(&Alter::RenameColumn { from: column, to, upgrade: true }, &commit).unwrap()),
            _ => {
                let options = WriteOptions { mode: WriteMode::Overwrite, schema_mode: SchemaMode::Overwrite, ..WriteOptions::default() };
                table.write(&mut Batches::new(retyped.schema(), vec![retyped.clone()]), &options, &commit).unwrap();
            }
        }
        delete(&mut table, "id = 1");
        let words = words("auto");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let outcome = database.run(&words);
        outcome.fails(6, &["column name has gone, or has got another type", "--mode overwrite --allow-destructive --job sync"]);
        assert_eq!(database.count("T"), 100, "{feed} {change}");
        assert_eq!(database.rows("SELECT NAME FROM T WHERE ID = 1"), [[Some("row 1".to_owned())]]);
        if change == "drop" {
            database.ok(&["copy", "delta:lake/t", "embedded:data.db/T", "--mode", "overwrite", "--allow-destructive", "--job", "sync"]);
            delete(&mut table, "id = 2");
            database.ok(&words);
            assert_eq!(of_database(&database, "SELECT ID, EXTRA FROM T"), of_delta(&mut table));
        }
    }
}

/// Whatever is done in whatever order, both ways, a version or many at a time.
#[test]
fn any_changes_are_followed() {
    for seed in 0..4u64 {
        let database = Database::embedded();
        let mut table = made(&database, "lake/t", seed % 2 == 0);
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        run(&database, "auto");
        let mut fresh = 200;
        for step in 0..24 {
            let low = next(100) as i64 + 1;
            let some = format!("id BETWEEN {low} AND {}", low + next(9) as i64);
            match next(6) {
                0 => {
                    fresh += 3;
                    append(&mut table, &rows(fresh - 3..fresh, "appended"));
                }
                1 => upsert(&mut table, &rows(low..low + 5, &format!("step{step}"))),
                2 => delete(&mut table, &some),
                3 => set(&mut table, "name", &format!("'set {step}'"), &some),
                4 => {
                    fresh += 200;
                    set(&mut table, "id", &format!("id + {fresh}"), &some);
                }
                _ => drop(table.optimize(&OptimizeOptions::default(), &CommitOptions::default()).unwrap()),
            }
            if next(4) == 0 {
                run(&database, "auto");
                assert_same(&database, &mut table);
            }
        }
        run(&database, "auto");
        assert_same(&database, &mut table);
    }
}

/// Rows of nothing but a key come and go, and none is changed.
#[test]
fn a_table_of_nothing_but_keys_is_followed() {
    for (feed, soft) in [(true, false), (false, false), (false, true)] {
        let database = Database::embedded();
        database.sql("CREATE TABLE P (A NUMBER(9), B VARCHAR2(9), PRIMARY KEY (A, B))");
        database.sql("INSERT INTO P SELECT LEVEL, 'b' || MOD(LEVEL, 7) FROM DUAL CONNECT BY LEVEL <= 60");
        let property = format!("delta.enableChangeDataFeed={feed}");
        let there = ["copy", "embedded:data.db/P", "delta:lake/p", "--key", "a,b", "--job", "there", "--incremental=versions"];
        database.ok(&[&there[..], &["--property", &property]].concat());
        // Another constraint, for which a row has to go before the next one comes.
        let soft_columns = if soft { ", \"_deleted\" NUMBER(1) DEFAULT 0 NOT NULL" } else { "" };
        database.sql(&format!(
            "CREATE TABLE T (A NUMBER(9) {}, B VARCHAR2(9){soft_columns}, PRIMARY KEY (A, B))",
            if soft { "" } else { "UNIQUE" }
        ));
        let back = ["copy", "delta:lake/p", "embedded:data.db/T", "--key", "a,b", "--job", "back", "--incremental"];
        let back = if soft { [&back[..], &["--soft-delete"]].concat() } else { back.to_vec() };
        database.ok(&back);
        let same = |database: &Database| {
            let is_there = if soft { " WHERE \"_deleted\" = 0" } else { "" };
            assert_eq!(of_database(database, "SELECT A, B FROM P"), of_database(database, &format!("SELECT A, B FROM T{is_there}")));
        };
        same(&database);
        for step in 0..3 {
            database.sql(&format!("DELETE FROM P WHERE MOD(A, 5) = {step}"));
            database.sql(&format!("UPDATE P SET B = 'c{step}' WHERE MOD(A, 3) = {step}"));
            database.sql(&format!("INSERT INTO P SELECT 1000 + {step} * 10 + LEVEL, 'new' FROM DUAL CONNECT BY LEVEL <= 5"));
            database.ok(&there);
            if !soft {
                let plan = database.ok(&[&back[..], &["--dry-run"]].concat());
                assert!(plan.contains("DELETE FROM T WHERE A = :1 AND B = :2;\nMERGE INTO T"), "{plan}");
            }
            let done: Value = serde_json::from_str(&database.ok(&[&back[..], &["--report", "json"]].concat())).unwrap();
            assert!(done["rows_deleted"].as_u64().unwrap() > 10, "{done}");
            same(&database);
            assert!(database.ok(&back).contains("nothing"), "the version has been applied");
        }
        // What a hand has put there or taken away is as it should be afterwards.
        if !soft {
            database.sql("DELETE FROM T WHERE A = 1001");
            database.sql("DELETE FROM P WHERE A IN (1001, 1002)");
            database.ok(&there);
            database.ok(&back);
            same(&database);
        }
    }
}
