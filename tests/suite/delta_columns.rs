//! Columns that come to the source, or go from it, while a Delta table follows it: what messages name works as it stands, and nothing is left aside
//! without a word.

use olbridge_delta::table::CommitOptions;
use serde_json::Value;

use crate::delta_ddl::{carry_out, remedies};
use crate::delta_incremental::{of_database, of_delta, open};
use crate::support::Outcome;
use crate::support::database::Database;

const COPY: [&str; 7] = ["copy", "embedded:data.db/S", "delta:lake/s", "--key", "id", "--job", "out"];
const VERSIONS: &str = "--incremental=versions";
const ROWSCN: &str = "--incremental=rowscn";

fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&COPY[..], more].concat()
}

fn run(database: &Database, more: &[&str]) -> Value {
    serde_json::from_str(&database.ok(&[&words(more)[..], &["--report", "json"]].concat())).unwrap()
}

/// Followed since a first load; then the source has a column more.
fn with_a_column_more(way: &str) -> Database {
    let database = Database::embedded().with_environment(vec![("OLBRIDGE_EMBEDDED_SILENT_DDL".into(), "1".into())]);
    database.sql("CREATE TABLE S (ID NUMBER(9), NAME VARCHAR2(40))");
    database.sql("INSERT INTO S SELECT LEVEL, 'row ' || LEVEL FROM DUAL CONNECT BY LEVEL <= 20");
    run(&database, &[way]);
    database.sql("ALTER TABLE S ADD (W NUMBER(3))");
    database.sql("INSERT INTO S VALUES (21, 'new', 7)");
    database.sql("DELETE FROM S WHERE ID = 3");
    database
}

#[track_caller]
fn assert_same(database: &Database) {
    assert_eq!(of_database(database, "SELECT ID, NAME, W FROM S"), of_delta(&mut open(database, "lake/s")));
}

/// The `olbridge delta alter` of a message, run as it stands.
fn alter_as_told(database: &Database, outcome: &Outcome) {
    let command = outcome.stderr.split("olbridge delta ").nth(1).unwrap_or_else(|| panic!("{outcome}"));
    let command = command.split("; or ").next().unwrap();
    database.ok(&["delta"].into_iter().chain(command.split_whitespace()).collect::<Vec<_>>());
}

#[test]
fn both_commands_that_versions_name_after_a_new_column_work() {
    for at in 0..2 {
        let database = with_a_column_more(VERSIONS);
        let outcome = database.run(&words(&[VERSIONS]));
        outcome.fails(4, &["columns are others", "--schema-mode merge"]);
        let remedies = remedies(&outcome);
        assert_eq!(remedies.len(), 2, "{outcome}");
        carry_out(&database, &remedies[at]);
        assert_same(&database);
        database.sql("UPDATE S SET W = 1 WHERE ID = 5");
        run(&database, &[VERSIONS]);
        assert_same(&database);
    }
}

#[test]
fn a_column_that_the_table_lacks_is_refused_with_commands_that_work() {
    for way in [&[ROWSCN, "--deletes", "compare"][..], &["--mode", "upsert"], &["--mode", "overwrite", "--allow-destructive"]] {
        for at in 0..2 {
            let database = with_a_column_more(ROWSCN);
            let before = open(&database, "lake/s").version();
            let names = ["column w: the table lacks it", "lake/s --add-column w=int32; or ", "--schema-mode merge"];
            database.run(&words(&[way, &["--dry-run"]].concat())).fails(4, &names);
            let outcome = database.run(&words(way));
            outcome.fails(4, &names);
            assert_eq!(open(&database, "lake/s").version(), before);
            if at == 0 {
                alter_as_told(&database, &outcome);
                database.ok(&words(way));
            } else {
                carry_out(&database, &remedies(&outcome)[0]);
            }
            if way == ["--mode", "upsert"] {
                // Which leaves rows that the source has no more.
                open(&database, "lake/s").delete(Some("id = 3"), &CommitOptions::default()).unwrap();
            }
            assert_same(&database);
        }
    }
}

#[test]
fn schema_mode_merge_adds_columns_before_rows_are_merged() {
    for way in [&[ROWSCN, "--deletes", "compare"][..], &["--mode", "upsert"]] {
        let database = with_a_column_more(ROWSCN);
        let more = [way, &["--schema-mode", "merge"]].concat();
        let before = open(&database, "lake/s").version().unwrap();
        let plan = database.ok(&words(&[&more[..], &["--dry-run"]].concat()));
        assert!(plan.contains("column w: the table lacks it; it is added first, in a commit of its own"), "{plan}");
        assert_eq!(open(&database, "lake/s").version(), Some(before));
        run(&database, &more);
        let mut table = open(&database, "lake/s");
        assert_eq!(table.version(), Some(before + 2));
        assert!(table.schema().unwrap().field_with_name("w").unwrap().is_nullable());
        let expected = if way.len() == 3 { 20 } else { 21 };
        let rows = of_delta(&mut table);
        assert_eq!(rows.len(), expected);
        assert_eq!(rows.iter().filter(|row| row[2] == Some("7".into())).count(), 1, "{rows:?}");
    }
    let database = with_a_column_more(ROWSCN);
    for way in [ROWSCN, "--mode=upsert"] {
        database
            .run(&words(&[way, "--schema-mode", "overwrite"]))
            .fails(2, &["takes away columns of rows that stay", "--schema-mode merge"]);
    }
}

#[test]
fn a_column_that_the_source_has_no_more_is_told() {
    let database = with_a_column_more(ROWSCN);
    run(&database, &[ROWSCN, "--schema-mode", "merge"]);
    database.sql("ALTER TABLE S DROP COLUMN NAME");
    let told = "column name: the source lacks it; rows of the table keep the values that it has";
    let plan = database.ok(&words(&[ROWSCN, "--dry-run"]));
    assert!(plan.contains(told), "{plan}");
    let report = run(&database, &[ROWSCN]);
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains(told), "{report}");
    // What it says takes the column away, at a later moment.
    database.sql("UPDATE S SET W = 2 WHERE ID = 21");
    let command = warnings.split("olbridge ").nth(1).unwrap().split('"').next().unwrap().to_owned();
    database.ok(&command.split_whitespace().collect::<Vec<_>>());
    let names: Vec<String> = open(&database, "lake/s").schema().unwrap().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["id", "w"]);
    assert!(!run(&database, &[ROWSCN])["warnings"].to_string().contains("lacks it"));
}

#[test]
fn a_plan_says_what_becomes_of_nanoseconds() {
    let database = Database::embedded();
    database.sql("CREATE TABLE S (ID NUMBER(9), AT TIMESTAMP(9), U TIMESTAMP(6))");
    let copy = ["copy", "embedded:data.db/S", "delta:lake/n", "--mode", "create", "--dry-run"];
    let refused = "values with digits below the microsecond are refused; --lossy subsecond cuts them";
    let plan = database.ok(&copy);
    assert_eq!(plan.matches(refused).count(), 1, "{plan}");
    let plan = database.ok(&[&copy[..], &["--lossy", "subsecond"]].concat());
    assert!(plan.contains("digits below the microsecond are cut") && !plan.contains(refused), "{plan}");
}
