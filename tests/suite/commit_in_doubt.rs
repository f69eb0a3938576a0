//! A commit whose answer was lost, without a job's mark: Transaction Guard tells what became of it, where the service has it, and nobody guesses where
//! not. On the embedded engine, which loses connections on demand, in child processes; that Oracle's client gives no logical transaction ID where the
//! server has none is seen on it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use olbridge::copy::Target;
use olbridge::error::Error;
use olbridge::load::Loader;
use olbridge::oci::{Secret, Session};
use olbridge::transaction::{CommitOutcome, Transaction, TransactionManager, TransactionState};

use crate::loader_api::{engine_directory, plan};
use crate::support::database::Database;
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};
use crate::support::{Outcome, TIME_LIMIT, finish};

const FAULT: &str = "OLBRIDGE_EMBEDDED_FAULT";
const GUARD: &str = "OLBRIDGE_EMBEDDED_TRANSACTION_GUARD";

/// Runs the command with a connection that is lost.
fn faulty(database: &Database, words: &[&str], fault: &str, guard: bool) -> Outcome {
    let mut command = database.command(words);
    command.env(FAULT, fault).env(GUARD, if guard { "1" } else { "0" });
    finish(command, TIME_LIMIT)
}

fn with_rows() -> Database {
    let database = Database::embedded();
    database.sql("CREATE TABLE T (ID NUMBER)");
    database.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..1000))])]);
    database
}

#[test]
fn a_load_without_a_name_knows_what_became_of_its_commit() {
    // The answer is lost: the rows are there, and the load has succeeded.
    let database = with_rows();
    let target = database.target("T");
    let words = ["copy", "t.parquet", target.as_str()];
    let outcome = faulty(&database, &words, "lost-answer:1", true);
    assert_eq!((outcome.code, database.count("T")), (0, 1000), "{outcome}");
    assert!(outcome.stdout.contains("1,000 rows loaded into T"), "{outcome}");

    // The commit is lost: it has not happened, and a second run does it.
    let database = with_rows();
    let outcome = faulty(&database, &words, "lost-commit:1", true);
    outcome.fails(7, &["ORA-03113", "the commit has not happened, as Transaction Guard says", "run the job again"]);
    assert!(!outcome.stderr.contains("either all rows"), "{outcome}");
    assert_eq!(database.count("T"), 0);

    // Without Transaction Guard nobody knows, and it is said so.
    for (fault, rows) in [("lost-answer:1", 1000), ("lost-commit:1", 0)] {
        let database = with_rows();
        let outcome = faulty(&database, &words, fault, false);
        outcome.fails(7, &["ORA-03113", "either all rows of the transaction are in T, or none", "Transaction Guard"]);
        assert_eq!(database.count("T"), rows);
    }
}

#[test]
fn a_load_in_pieces_says_which_of_them_are_in_the_table() {
    let words = ["copy", "t.parquet", "embedded:data.db/T", "--commit-rows", "300"];
    let database = with_rows();
    let outcome = faulty(&database, &words, "lost-answer:2", true);
    outcome.fails(7, &["the last commit has happened, as Transaction Guard says: the first 600 good rows of the source are in T"]);
    assert_eq!(database.count("T"), 600);
    let database = with_rows();
    let outcome = faulty(&database, &words, "lost-commit:2", true);
    outcome.fails(7, &["the commit has not happened, as Transaction Guard says"]);
    assert_eq!(database.count("T"), 300);
}

#[test]
fn rows_that_are_or_may_be_there_are_not_to_be_loaded_again() {
    const AGAIN: [&str; 2] = ["run the same command again", "try: run the job again"];
    let may_not = |outcome: &Outcome| AGAIN.iter().for_each(|again| assert!(!outcome.stderr.contains(again), "{outcome}"));
    // Between databases.
    for (fault, rows) in [("lost-answer:1", 1000), ("lost-commit:1", 0)] {
        let database = with_rows();
        database.ok(&["copy", "t.parquet", &database.target("T")]);
        database.workspace().sql("embedded:other.db", "CREATE TABLE U (ID NUMBER)");
        let outcome = faulty(&database, &["copy", "embedded:data.db/T", "embedded:other.db/U"], fault, false);
        outcome.fails(7, &["ORA-03113", "either all rows of the transaction are in U, or none", "count the rows of U"]);
        may_not(&outcome);
        assert_eq!(database.workspace().count("embedded:other.db", "U"), rows);
    }
    // After commits on the way: the connection is lost in the rows, or in a commit that has happened or not.
    let words = ["copy", "t.parquet", "embedded:data.db/T", "--commit-rows", "300"];
    for (fault, guard, rows) in [("lost-answer:2", true, 600), ("lost-commit:2", true, 300), ("lost-commit:3", false, 600)] {
        let database = with_rows();
        let outcome = faulty(&database, &words, fault, guard);
        outcome.fails(7, &["ORA-03113"]);
        may_not(&outcome);
        assert!(outcome.stderr.contains(&format!("the first {rows}")), "{outcome}");
        assert_eq!(database.count("T"), rows, "{outcome}");
    }
    // With a job it is what is to be done.
    let database = with_rows();
    let outcome = faulty(&database, &[&words[..], &["--job", "j"]].concat(), "lost-answer:3", false);
    outcome.fails(7, &["ORA-03113", "run the job again: it goes on there"]);
}

#[test]
fn a_copy_between_databases_asks_too() {
    let database = with_rows();
    database.ok(&["copy", "t.parquet", &database.target("T")]);
    let words = ["copy", "embedded:data.db/T", "embedded:other.db/U", "--mode", "create"];
    let outcome = faulty(&database, &words, "lost-answer:1", true);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(database.workspace().count("embedded:other.db", "U"), 1000);
}

const CHILD: &str = "OLBRIDGE_TEST_CHILD_IN_DOUBT";

/// Fault, Transaction Guard, and what the manager has to find out.
const CASES: [(&str, &str, &str); 4] = [
    ("lost-answer:2", "1", "committed"),
    ("lost-commit:2", "1", "rolled back"),
    ("lost-answer:2", "0", "unknown"),
    ("lost-commit:2", "0", "unknown"),
];

#[test]
fn a_manager_that_reconnects_says_what_became_of_the_commit() {
    for (fault, guard, expected) in CASES {
        let database = Database::embedded();
        database.sql("CREATE TABLE T (ID NUMBER)");
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "commit_in_doubt::child_with_a_manager", "--ignored", "--nocapture"]);
        child.env(CHILD, database.workspace().file("data.db")).env(FAULT, fault).env(GUARD, guard);
        child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let outcome = finish(child, TIME_LIMIT);
        assert!(outcome.code == 0 && outcome.stdout.contains("1 passed"), "{fault}: {outcome}");
        assert!(outcome.stderr.contains(&format!("outcome: {expected}")), "{fault}, guard {guard}: {outcome}");
    }
}

fn load(transaction: &Transaction<'_>, range: std::ops::Range<i64>) -> Result<u64, Error> {
    let rows = table(vec![("id", ids(range))]);
    let mut loader = Loader::new(transaction, plan(transaction.session(), &rows))?;
    loader.write(&rows, None, 1)?;
    Ok(loader.finish()?.rows_loaded)
}

#[test]
#[ignore = "a part of a_manager_that_reconnects_says_what_became_of_the_commit, which runs it as a child process"]
fn child_with_a_manager() {
    let Some(path) = std::env::var_os(CHILD).map(PathBuf::from) else {
        eprintln!("SKIPPED commit_in_doubt::child_with_a_manager: {CHILD} is not set");
        return;
    };
    let target: Target = format!("embedded:{}/T", path.display()).parse().unwrap();
    let mut options = target.connect_options(None);
    options.client_lib_dir = Some(engine_directory());
    let mut manager = TransactionManager::new(Session::connect(&options).unwrap()).unwrap();
    manager.run(|t| load(t, 0..10)).unwrap();
    manager.begin().unwrap();
    manager.run(|t| load(t, 10..30)).unwrap();
    let error = manager.commit().unwrap_err();
    assert!(error.is_lost_connection(), "{error}");
    assert!(!error.to_string().contains("again\n") && error.to_string().contains("look at what is in the table"), "{error}");
    assert_eq!(manager.status().state, TransactionState::Lost { commit_in_doubt: true });
    assert!(manager.run(|t| load(t, 0..1)).unwrap_err().to_string().contains("not known"));
    let outcome = manager.reconnect().unwrap();
    let mut rows = 0;
    manager
        .query("SELECT COUNT(*) FROM T", &mut |cells| {
            rows = cells[0].as_deref().unwrap().parse().unwrap();
            Ok(())
        })
        .unwrap();
    let (word, expected) = match outcome {
        CommitOutcome::Committed => ("committed", [30, 30]),
        CommitOutcome::RolledBack => ("rolled back", [10, 10]),
        CommitOutcome::Unknown(why) => {
            assert!(why.contains("no Transaction Guard"), "{why}");
            ("unknown", [10, 30])
        }
    };
    assert!(expected.contains(&rows), "{word}, but there are {rows} rows");
    eprintln!("outcome: {word}");
    assert_eq!(manager.status().state, TransactionState::Autocommit);
    assert!(manager.reconnect().unwrap_err().to_string().contains("not lost"));
    manager.run(|t| load(t, 100..110)).unwrap();
}

const RETRYING: &str = "OLBRIDGE_TEST_CHILD_RETRYING";

#[test]
fn work_is_done_again_only_where_its_commit_has_not_happened() {
    // Attempts, and rows in the end.
    for (fault, guard, told) in [
        ("lost-commit:1", "1", "attempts 2, ok true, rows 10"),
        ("lost-answer:1", "1", "attempts 1, ok true, rows 10"),
        ("lost-commit:1", "0", "attempts 1, ok false, rows 0"),
        ("lost-answer:1", "0", "attempts 1, ok false, rows 10"),
        ("none", "0", "attempts 2, ok true, rows 10"),
    ] {
        let database = Database::embedded();
        database.sql("CREATE TABLE T (ID NUMBER)");
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "commit_in_doubt::child_that_tries_again", "--ignored", "--nocapture"]);
        child.env(RETRYING, database.workspace().file("data.db")).env(FAULT, fault).env(GUARD, guard);
        child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let outcome = finish(child, TIME_LIMIT);
        assert!(outcome.stderr.contains(told), "{fault}, guard {guard}: {told}? {outcome}");
    }
}

#[test]
#[ignore = "a part of work_is_done_again_only_where_its_commit_has_not_happened, which runs it as a child process"]
fn child_that_tries_again() {
    let Some(path) = std::env::var_os(RETRYING).map(PathBuf::from) else {
        eprintln!("SKIPPED commit_in_doubt::child_that_tries_again: {RETRYING} is not set");
        return;
    };
    let target: Target = format!("embedded:{}/T", path.display()).parse().unwrap();
    let mut options = target.connect_options(None);
    options.client_lib_dir = Some(engine_directory());
    let mut manager = TransactionManager::new(Session::connect(&options).unwrap()).unwrap();
    let mut attempts = 0;
    let done = manager.run_retrying(3, |t| {
        attempts += 1;
        let loaded = load(t, 0..10)?;
        // As a connection that is lost before the commit.
        match std::env::var(FAULT).as_deref() {
            Ok("none") if attempts == 1 => Err(Error::Database {
                phase: olbridge::error::Phase::Execute,
                table: None,
                ora_code: 3113,
                message: "ORA-03113".into(),
                remedy: String::new(),
                session_dead: true,
            }),
            _ => Ok(loaded),
        }
    });
    let mut rows = String::new();
    manager
        .query("SELECT COUNT(*) FROM T", &mut |cells| {
            rows = cells[0].clone().unwrap();
            Ok(())
        })
        .unwrap();
    eprintln!("attempts {attempts}, ok {}, rows {rows}", done.is_ok());
}

const CHILD_TARGET: &str = "OLBRIDGE_TEST_CHILD_LTXID";

#[test]
fn oracles_client_has_no_logical_transaction_id_where_the_service_has_none() {
    let Some(server) = Loopback::start("commit_in_doubt::oracles_client") else { return };
    server.sql("CREATE TABLE T (ID NUMBER)");
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "commit_in_doubt::child_on_oracles_client", "--ignored", "--nocapture"]);
    server.environment(&mut child);
    child.env(CHILD_TARGET, server.target("T"));
    child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = finish(child, TIME_LIMIT);
    assert!(outcome.code == 0 && outcome.stdout.contains("1 passed"), "{outcome}");
}

#[test]
#[ignore = "a part of oracles_client_has_no_logical_transaction_id_where_the_service_has_none, which runs it as a child process"]
fn child_on_oracles_client() {
    let Ok(target) = std::env::var(CHILD_TARGET) else {
        eprintln!("SKIPPED commit_in_doubt::child_on_oracles_client: {CHILD_TARGET} is not set");
        return;
    };
    let target: Target = target.parse().unwrap();
    let session = Session::connect(&target.connect_options(Some(Secret::new("tiger")))).unwrap();
    assert_eq!(session.logical_transaction_id(), None);
    session.execute_sql(olbridge::error::Phase::Execute, None, "INSERT INTO T (ID) VALUES (1)").unwrap();
    session.commit().unwrap();
    assert_eq!((session.last_commit_id(), session.logical_transaction_id()), (None, None));
    assert!(session.logical_transaction_outcome(&[1; 24]).is_err(), "the loopback server runs no PL/SQL");
}
