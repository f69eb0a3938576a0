//! What a load was planned for stays what it is: the schema in which its names are looked up, and the columns of its table.

use crate::support::Outcome;
use crate::support::database::Database;
use crate::support::tables::{ids, table};

/// T in two schemas: the user's own, unless it is to be made, and APP, with one row.
fn in_two_schemas(has_own: bool) -> Database {
    let database = Database::embedded();
    database.sql("CREATE TABLE APP.T (ID NUMBER(3))");
    database.sql("INSERT INTO APP.T VALUES (77)");
    if has_own {
        database.sql("CREATE TABLE T (ID NUMBER(3))");
        database.sql("INSERT INTO T VALUES (1)");
    }
    // The last row does not fit.
    database.workspace().parquet("bad.parquet", &[table(vec![("id", ids(998..1001))])]);
    database.workspace().parquet("good.parquet", &[table(vec![("id", ids(10..13))])]);
    database
}

fn copy(database: &Database, file: &str, more: &[&str]) -> Outcome {
    let target = database.target("T");
    database.run(&[&["copy", file, &target], more].concat())
}

#[track_caller]
fn assert_app_untouched(database: &Database) {
    assert_eq!(database.rows("SELECT ID FROM APP.T"), [[Some("77".to_owned())]]);
}

const SET: &str = "ALTER SESSION SET CURRENT_SCHEMA = APP";
const BLOCK: &str = "BEGIN EXECUTE IMMEDIATE 'ALTER SESSION SET CURRENT_SCHEMA = APP'; END;";

#[test]
fn statements_of_the_user_do_not_lead_the_load_into_another_table() {
    let create = ["--mode", "create", "--cast", "id=NUMBER(3)"];
    for (has_own, file, more) in [
        (false, "bad.parquet", &create[..]),
        (true, "good.parquet", &["--mode", "overwrite", "--allow-destructive"]),
        (true, "good.parquet", &[]),
        (true, "good.parquet", &["--job", "j"]),
    ] {
        for (option, statement, code) in [
            ("--pre-sql", SET, 2),
            ("--post-sql", SET, 2),
            ("--pre-sql", BLOCK, 2),
            ("--post-sql", BLOCK, 2),
            ("--pre-sql", "alter session set container = x", 2),
        ] {
            let database = in_two_schemas(has_own);
            let outcome = copy(&database, file, &[more, &[option, statement]].concat());
            // A block is seen when it has run, and the bad row comes before what is run after it.
            let code = if (file, option, statement) == ("bad.parquet", "--post-sql", BLOCK) { 5 } else { code };
            assert_eq!(outcome.code, code, "{more:?} {option} {statement}: {outcome}");
            assert_app_untouched(&database);
            assert_eq!(database.exists("T"), has_own, "{more:?} {option} {statement}: {outcome}");
            if has_own {
                assert_eq!(database.count("T"), 1, "{more:?} {option} {statement}: {outcome}");
            }
        }
    }
}

#[test]
fn a_job_that_goes_on_sets_its_session_as_before() {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER, AT VARCHAR2(10) DEFAULT TO_CHAR(CURRENT_TIMESTAMP, 'TZH:TZM'))");
    database.sql("CREATE TABLE LOG (A NUMBER)");
    database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..1000))])]);
    let words = ["copy", "t.parquet", "embedded:data.db/T", "--job", "j", "--commit-rows", "300"];
    let around = ["--pre-sql", "ALTER SESSION SET TIME_ZONE = '+11:00'", "--pre-sql", "INSERT INTO LOG VALUES (1)"];
    let words = [&words[..], &around].concat();
    crate::jobs::faulty(&database, &words, "lost-commit", 4).fails(7, &["ORA-03113"]);
    assert_eq!(database.count("T"), 600);
    database.ok(&words);
    assert_eq!(database.rows("SELECT AT, COUNT(*) FROM T GROUP BY AT"), [["+11:00", "1000"].map(|text| Some(text.to_owned()))]);
    assert_eq!(database.count("LOG"), 1, "what changes rows is done once");
}

#[test]
fn a_table_whose_columns_change_before_the_first_row_is_not_loaded() {
    let database = in_two_schemas(true);
    let outcome = copy(&database, "good.parquet", &["--pre-sql", "DROP TABLE T", "--pre-sql", "CREATE TABLE T (ID VARCHAR2(9))"]);
    outcome.fails(2, &["--pre-sql has changed the columns of T"]);
    assert_eq!(database.count("T"), 0);
    // What leaves them as they are does no harm.
    let database = in_two_schemas(true);
    assert_eq!(copy(&database, "good.parquet", &["--pre-sql", "DELETE FROM T"]).code, 0);
    assert_eq!(database.count("T"), 3);
}
