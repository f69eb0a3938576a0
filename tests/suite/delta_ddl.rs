//! DDL between two runs that follow the changes of a table: what came or went with it has no version and no later SCN. The engine answers here for moments
//! before DDL with what is left, as Oracle does when a partition is exchanged.

use olbridge::copy::delta::{DeltaJob, DeltaMode, DeltaPlan, Follow};
use olbridge::copy::{Cancel, NoProgress, Target};
use olbridge::oci::Session;
use olbridge_delta::table::CommitOptions;
use serde_json::Value;

use crate::delta_incremental::{of_database, of_delta, open};
use crate::loader_api::engine_directory;
use crate::support::database::Database;
use crate::support::{Outcome, TIME_LIMIT, finish};

const COPY: [&str; 7] = ["copy", "embedded:data.db/S", "delta:lake/s", "--key", "id", "--job", "out"];
const VERSIONS: &str = "--incremental=versions";
const ROWSCN: &str = "--incremental=rowscn";
const FULL: &str = "lake/s --mode overwrite --allow-destructive --job out --key id";
const COMPARE: &str = "lake/s --job out --key id --incremental=rowscn --deletes compare";

fn database() -> Database {
    let database = Database::embedded().with_environment(vec![("OLBRIDGE_EMBEDDED_SILENT_DDL".into(), "1".into())]);
    database.sql("CREATE TABLE S (ID NUMBER(9), NAME VARCHAR2(40))");
    database.sql("INSERT INTO S SELECT LEVEL, 'row ' || LEVEL FROM DUAL CONNECT BY LEVEL <= 20");
    database
}

fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&COPY[..], more].concat()
}

fn run(database: &Database, more: &[&str]) -> Value {
    serde_json::from_str(&database.ok(&[&words(more)[..], &["--report", "json"]].concat())).unwrap()
}

#[track_caller]
fn assert_same(database: &Database, columns: &str) {
    assert_eq!(of_database(database, &format!("SELECT {columns} FROM S")), of_delta(&mut open(database, "lake/s")));
}

/// The commands that a message names, taken apart as a shell does.
pub fn remedies(outcome: &Outcome) -> Vec<Vec<String>> {
    let commands = outcome.stderr.split("olbridge copy ").skip(1);
    commands
        .map(|text| {
            let command = text.split('\n').next().unwrap().split("; or ").next().unwrap();
            let output = std::process::Command::new("sh").args(["-c", &format!("printf '%s\\n' copy {command}")]).output().unwrap();
            String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
        })
        .collect()
}

/// Runs the command of a message as it stands.
#[track_caller]
pub fn carry_out(database: &Database, remedy: &[String]) -> String {
    database.ok(&remedy.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn versions_are_refused_after_ddl_of_any_kind_and_both_remedies_work() {
    for (ddl, what) in [
        (&["TRUNCATE TABLE S", "INSERT INTO S VALUES (100, 'other')"][..], "segments are others (TRUNCATE"),
        (&["ALTER TABLE S ADD (X NUMBER(9) DEFAULT 7)"], "columns are others"),
        (&["ALTER TABLE S MODIFY (NAME VARCHAR2(50))"], "columns are others"),
        (&["ALTER TABLE S RENAME TO OLD_S", "CREATE TABLE S AS SELECT * FROM OLD_S WHERE ID > 3"], "another table of this name"),
        (&["CREATE INDEX I ON S (NAME)", "DELETE FROM S WHERE ID = 3"], "DDL has touched it at 2"),
        (&["CREATE USER U IDENTIFIED BY P", "GRANT SELECT ON S TO U"], "DDL has touched it at 2"),
    ] {
        for at in 0..2 {
            let database = database();
            run(&database, &[VERSIONS, "--columns", "id,name"]);
            run(&database, &[VERSIONS, "--columns", "id,name"]);
            let before = open(&database, "lake/s").version();
            ddl.iter().for_each(|ddl| drop(database.sql(ddl)));
            for more in [&[VERSIONS, "--columns", "id,name"][..], &[VERSIONS, "--columns", "id,name", "--dry-run"]] {
                let outcome = database.run(&words(more));
                outcome.fails(4, &["may not tell all that has changed", what, FULL, COMPARE, "--columns id,name"]);
            }
            assert_eq!(open(&database, "lake/s").version(), before, "{what}");
            let remedies = remedies(&database.run(&words(&[VERSIONS, "--columns", "id,name"])));
            assert_eq!(remedies.len(), 2, "{remedies:?}");
            carry_out(&database, &remedies[at]);
            assert_same(&database, "ID, NAME");
            // And versions go on.
            database.sql("DELETE FROM S WHERE ID = 100 OR ID = 5");
            run(&database, &[VERSIONS, "--columns", "id,name"]);
            assert_same(&database, "ID, NAME");
        }
    }
}

/// Rows that come with DDL are as old as they were elsewhere: so all rows are read, and those that are as they are change nothing.
#[test]
fn rowscn_and_watermark_read_all_rows_after_ddl() {
    for way in [&[ROWSCN][..], &["--incremental=watermark", "--watermark", "ID", "--overlap", "0"]] {
        let database = database();
        run(&database, way);
        // As if they were not there: no later SCN, no later value tells of them.
        open(&database, "lake/s").delete(Some("id < 5"), &CommitOptions::default()).unwrap();
        database.sql("INSERT INTO S VALUES (21, 'new')");
        run(&database, way);
        assert_eq!(of_delta(&mut open(&database, "lake/s")).len(), 17, "nothing has happened to them");
        database.sql("CREATE INDEX I ON S (NAME)");
        let plan = database.ok(&[&words(way)[..], &["--dry-run"]].concat());
        assert!(plan.contains("all rows, because changes do not tell what DDL does: DDL has touched it"), "{plan}");
        let done = run(&database, way);
        let metrics = &done["change"]["merged"]["metrics"];
        assert_eq!((&metrics["rows_inserted"], &metrics["rows_updated"], &done["rows"]), (&4.into(), &0.into(), &21.into()), "{done}");
        assert_same(&database, "ID, NAME");
        // The next one has nothing to wonder at.
        database.sql("INSERT INTO S VALUES (22, 'new')");
        let done = run(&database, way);
        assert!(done["rows"].as_u64().unwrap() <= 2 || way.len() == 1, "{done}");
        assert!(!done["followed"]["how"].as_str().unwrap().contains("all rows"), "{done}");
    }
}

/// Takes what a commit says of the definition out of its text, as commits of before have none.
fn forget(database: &Database, version: u64) {
    let file = database.workspace().file(&format!("lake/s/_delta_log/{version:020}.json"));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("olbridge.definition"), "{text}");
    std::fs::write(file, text.replace("olbridge.definition", "another.name")).unwrap();
}

#[test]
fn an_epoch_that_does_not_say_how_the_table_was_is_compared_once() {
    let database = database();
    run(&database, &[VERSIONS]);
    forget(&database, 0);
    database.sql("DELETE FROM S WHERE ID = 3");
    database.run(&words(&[VERSIONS])).fails(4, &["does not say how it was defined", COMPARE, FULL]);
    let done = run(&database, &[ROWSCN, "--deletes", "compare"]);
    assert_eq!(done["rows"], 20, "19 rows and a deletion: {done}");
    assert_same(&database, "ID, NAME");
    database.sql("DELETE FROM S WHERE ID = 4");
    run(&database, &[VERSIONS]);
    assert_same(&database, "ID, NAME");
}

/// What is known before the moment that is read holds at it; of a moment that is past nothing is known, unless nothing has changed since.
#[test]
fn a_moment_of_the_past_does_not_say_how_the_table_was() {
    let database = database();
    let scn = |database: &Database| database.rows("SELECT TO_CHAR(CURRENT_SCN) FROM V$DATABASE")[0][0].clone().unwrap();
    let loaded = scn(&database);
    database.sql("UPDATE S SET NAME = 'x' WHERE ID = 1");
    run(&database, &[VERSIONS, "--as-of-scn", &loaded]);
    database.run(&words(&[VERSIONS])).fails(4, &["does not say how it was defined"]);
    run(&database, &[ROWSCN, "--deletes", "compare"]);
    database.sql("DELETE FROM S WHERE ID = 7");
    let past = scn(&database);
    database.sql("DELETE FROM S WHERE ID = 8");
    run(&database, &[VERSIONS, "--as-of-scn", &past]);
    run(&database, &[VERSIONS]);
    assert_same(&database, "ID, NAME");
}

#[test]
fn several_tables_say_how_they_were() {
    let database = database();
    database.sql("CREATE TABLE R (ID NUMBER(9), NAME VARCHAR2(40))");
    let several = ["copy", "embedded:data.db", "delta:lake", "--tables", "s,r", "--key", "id", "--job", "out", VERSIONS];
    database.ok(&several);
    database.sql("DELETE FROM S WHERE ID = 1");
    database.ok(&several);
    assert_same(&database, "ID, NAME");
    database.sql("TRUNCATE TABLE S");
    database.run(&several).fails(4, &["segments are others", "/S", COMPARE]);
}

pub fn session(database: &Database) -> (Session, DeltaJob) {
    let target: Target = format!("embedded:{}/S", database.workspace().file("data.db").display()).parse().unwrap();
    let mut options = target.connect_options(None);
    options.client_lib_dir = Some(engine_directory());
    let location = database.workspace().file("lake/s").to_string_lossy().parse().unwrap();
    let mut job = DeltaJob::new(target, location);
    (job.mode, job.key, job.job, job.compare_deletes) = (DeltaMode::Upsert, vec!["id".into()], Some("out".into()), true);
    job.follow = Some(Follow::Watermark { column: "ID".into(), overlap: Some(0) });
    (Session::connect(&options).unwrap(), job)
}

/// Between the plan and the last row.
#[test]
fn a_table_that_becomes_another_while_it_is_read_is_refused() {
    let other = "altered while it was read: it is another table of this name; nothing is committed";
    for (ddl, refused) in [
        (&["ALTER TABLE S ADD (X NUMBER(9) DEFAULT 7)"][..], Some("ORA-01466")),
        (&["TRUNCATE TABLE S"], Some("ORA-01466")),
        (&["DROP TABLE S"], Some("ORA-00942")),
        // The rows of that moment are there, and not those of the table.
        (&["ALTER TABLE S RENAME TO O", "CREATE VIEW S AS SELECT * FROM O WHERE ID > 3"], Some(other)),
        // Rows are what they were.
        (&["CREATE INDEX I ON S (NAME)"], None),
    ] {
        let database = database();
        let (session, job) = session(&database);
        let run = |plan: DeltaPlan| plan.run(&session, &mut NoProgress, &Cancel::new());
        run(job.plan(&session).unwrap()).unwrap();
        database.sql("INSERT INTO S VALUES (21, 'new')");
        let before = open(&database, "lake/s").version();
        let plan = job.plan(&session).unwrap();
        ddl.iter().for_each(|ddl| drop(database.sql(ddl)));
        let done = run(plan);
        let version = open(&database, "lake/s").version();
        let Some(refused) = refused else {
            done.unwrap();
            assert_same(&database, "ID, NAME");
            // What was known before it is what the commit says.
            let versions = DeltaJob { follow: Some(Follow::Versions), compare_deletes: false, ..job };
            let error = versions.plan(&session).unwrap_err().to_string();
            assert!(error.contains("DDL has touched it") && error.contains(COMPARE), "{error}");
            continue;
        };
        let error = done.unwrap_err().to_string();
        assert!(error.contains(refused), "{ddl:?}: {error}");
        assert_eq!(version, before, "{ddl:?}: nothing is committed");
    }
}

/// What Oracle does answer with an error is told as ever.
#[test]
fn an_answer_that_it_was_altered_is_the_databases() {
    let database = database();
    run(&database, &[VERSIONS]);
    database.sql("TRUNCATE TABLE S");
    let mut command = database.command(&words(&[VERSIONS]));
    command.env("OLBRIDGE_EMBEDDED_SILENT_DDL", "0");
    finish(command, TIME_LIMIT).fails(7, &["ORA-01466", "altered, truncated or made anew", FULL, COMPARE]);
}

/// SCNs of a database that was restored go on from an earlier one: it is not the one that the epoch is of.
#[test]
fn a_database_that_was_restored_is_told_from_the_one_before() {
    let database = database();
    run(&database, &[VERSIONS]);
    database.sql("DELETE FROM S WHERE ID = 3");
    let restored = |more: &[&str]| {
        let mut command = database.command(&words(more));
        command.env("OLBRIDGE_EMBEDDED_RESETLOGS", "77");
        finish(command, TIME_LIMIT)
    };
    restored(&[VERSIONS]).fails(4, &["another database, or an earlier state of it (RESETLOGS)", COMPARE, FULL]);
    let outcome = restored(&[ROWSCN, "--deletes", "compare", "--dry-run"]);
    assert!(outcome.stdout.contains("all rows, because changes do not tell"), "{outcome}");
    assert_eq!(restored(&[ROWSCN, "--deletes", "compare"]).code, 0);
    assert_same(&database, "ID, NAME");
    assert_eq!(restored(&[VERSIONS]).code, 0, "and goes on");
}

/// What a message says may be run as it stands, with all that decides which rows become what.
#[test]
fn commands_of_messages_repeat_the_job() {
    let database = Database::embedded();
    database.sql("CREATE TABLE S (ID NUMBER(9), NAME VARCHAR2(40), AT TIMESTAMP(9), N NUMBER, X NUMBER(9))");
    database.sql("INSERT INTO S SELECT LEVEL, 'it''s ' || LEVEL, TIMESTAMP '2026-01-01 00:00:00.123456789', LEVEL / 4, 0 FROM DUAL CONNECT BY LEVEL <= 20");
    let condition = "name like 'it''s %' and id <> 7";
    let more = ["--columns", "id,name,at,n", "--where", condition, "--lossy", "subsecond", "--as", "N=decimal(12,4)", VERSIONS];
    let job = words(&more);
    database.ok(&job);
    database.sql("TRUNCATE TABLE S");
    database.sql("INSERT INTO S VALUES (1, 'it''s new', TIMESTAMP '2026-02-02 00:00:00.987654321', 0.25, 9)");
    database.sql("INSERT INTO S VALUES (2, 'not of it', NULL, 0, 9)");
    for at in 0..2 {
        if at == 1 {
            database.sql("ALTER TABLE S ADD (Y NUMBER(9))");
        }
        let outcome = database.run(&job);
        let remedies = remedies(&outcome);
        assert_eq!(remedies.len(), 2, "{outcome}");
        carry_out(&database, &remedies[at]);
        let expected =
            vec![vec![Some("1".into()), Some("it's new".into()), Some("2026-02-02T00:00:00.987654".into()), Some("0.2500".into())]];
        assert_eq!(of_delta(&mut open(&database, "lake/s")), expected, "{remedies:?}");
        database.sql("UPDATE S SET X = X + 1");
        database.ok(&job);
    }
    // And back: the Delta table was made anew.
    let back = ["copy", "delta:lake/s", "embedded:data.db/T", "--key", "k", "--job", "back", "--incremental"];
    let back = [&back[..], &["--columns", "id,name", "--rename", "id=K", "--cast", "name=VARCHAR2(99)", "--lossy", "empty-text"]].concat();
    database.ok(&back);
    std::fs::remove_dir_all(database.workspace().file("lake/s")).unwrap();
    database.sql("UPDATE S SET NAME = 'it''s once more' WHERE ID = 1");
    database.ok(&job);
    let back = [&back[..12], &back[14..]].concat();
    let outcome = database.run(&[&back[..], &["--dry-run"]].concat());
    outcome.fails(
        4,
        &["was made anew", "--mode overwrite --allow-destructive --job back --columns id,name --rename id=K", "--lossy empty-text"],
    );
    carry_out(&database, &remedies(&outcome)[0]);
    assert_eq!(database.rows("SELECT * FROM T"), [[Some("1".to_owned()), Some("it's once more".to_owned())]]);
    database.sql("UPDATE S SET NAME = 'it''s the last' WHERE ID = 1");
    database.ok(&job);
    database.ok(&back);
    assert_eq!(database.rows("SELECT NAME FROM T"), [[Some("it's the last".to_owned())]]);
}
