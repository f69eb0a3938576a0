//! The transaction manager as a host drives it: on the embedded engine in this process, and its basics on Oracle's own client in a child process.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use olbridge::arrow::array::RecordBatch;
use olbridge::copy::Target;
use olbridge::error::Error;
use olbridge::load::Loader;
use olbridge::oci::{Secret, Session};
use olbridge::transaction::{Transaction, TransactionManager, TransactionState};

use crate::loader_api::{engine_directory, plan, session_with_table};
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};
use crate::support::{TIME_LIMIT, Workspace, finish};

fn manager(workspace: &Workspace) -> TransactionManager {
    TransactionManager::new(session_with_table(workspace, "ID NUMBER(9) PRIMARY KEY")).unwrap()
}

/// A second session on the same file, to see what is committed.
fn other(workspace: &Workspace) -> Session {
    let target: Target = format!("embedded:{}/T", workspace.file("api.db").display()).parse().unwrap();
    let mut options = target.connect_options(None);
    options.client_lib_dir = Some(engine_directory());
    Session::connect(&options).unwrap()
}

fn batch(range: std::ops::Range<i64>) -> RecordBatch {
    table(vec![("id", ids(range))])
}

/// Loads a batch within a transaction.
fn load(transaction: &Transaction<'_>, batch: &RecordBatch) -> Result<u64, Error> {
    let mut loader = Loader::new(transaction, plan(transaction.session(), batch))?;
    loader.write(batch, None, 1)?;
    Ok(loader.finish()?.rows_loaded)
}

fn count_by(query: impl FnOnce(&mut dyn FnMut(&[Option<String>]) -> Result<(), Error>) -> Result<(), Error>) -> u64 {
    let mut count = 0;
    query(&mut |cells| {
        count = cells[0].as_deref().unwrap().parse().unwrap();
        Ok(())
    })
    .unwrap();
    count
}

const COUNT: &str = "SELECT COUNT(*) FROM T";

fn own(manager: &TransactionManager) -> u64 {
    count_by(|row| manager.query(COUNT, row))
}

fn committed(session: &Session) -> u64 {
    count_by(|row| session.query_rows(COUNT, row))
}

#[test]
fn what_is_open_is_seen_inside_and_counted_and_outside_only_after_the_commit() {
    let workspace = Workspace::new();
    let manager = manager(&workspace);
    let other = other(&workspace);
    assert_eq!(manager.status().state, TransactionState::Autocommit);
    manager.begin().unwrap();
    assert!(manager.begin().unwrap_err().to_string().contains("open already"));
    assert_eq!(manager.run(|t| load(t, &batch(0..250))).unwrap(), 250);
    assert_eq!(manager.execute("DELETE FROM T WHERE ID < 50").unwrap(), 50);
    let status = manager.status();
    assert_eq!((status.state, status.rows_changed, status.database_says_open), (TransactionState::Open, 300, Some(true)));
    assert_eq!((own(&manager), committed(&other)), (200, 0));
    assert_eq!(manager.commit().unwrap(), 300);
    assert_eq!((own(&manager), committed(&other)), (200, 200));
    let status = manager.status();
    assert_eq!((status.state, status.rows_changed, status.database_says_open), (TransactionState::Autocommit, 0, Some(false)));
    assert!(manager.commit().unwrap_err().to_string().contains("no transaction is open"));
}

#[test]
fn savepoints_take_back_rows_and_their_count() {
    let workspace = Workspace::new();
    let manager = manager(&workspace);
    manager.begin().unwrap();
    manager.run(|t| load(t, &batch(0..10))).unwrap();
    manager.savepoint("A").unwrap();
    manager.run(|t| load(t, &batch(10..30))).unwrap();
    manager.savepoint("B").unwrap();
    manager.run(|t| load(t, &batch(30..60))).unwrap();
    assert_eq!((manager.status().rows_changed, manager.status().savepoints), (60, vec!["A".to_owned(), "B".to_owned()]));
    manager.rollback_to("A").unwrap();
    assert_eq!((own(&manager), manager.status().rows_changed, manager.status().savepoints.len()), (10, 10, 1));
    assert!(manager.rollback_to("B").unwrap_err().to_string().contains("no savepoint B"));
    manager.run(|t| load(t, &batch(10..15))).unwrap();
    assert_eq!(manager.commit().unwrap(), 15);
    assert_eq!(committed(&other(&workspace)), 15);
}

#[test]
fn a_piece_of_work_that_fails_takes_back_itself_and_nothing_else() {
    let workspace = Workspace::new();
    let manager = manager(&workspace);
    manager.begin().unwrap();
    manager.run(|t| load(t, &batch(0..10))).unwrap();
    // Rows 10 to 19 are in when row 9 is found to be there already.
    let failed = manager.run(|t| {
        load(t, &batch(10..20))?;
        load(t, &batch(9..12))
    });
    assert!(matches!(failed, Err(Error::Row(_))), "{failed:?}");
    assert_eq!((own(&manager), manager.status().rows_changed, manager.status().state), (10, 10, TransactionState::Open));
    // Rows that a host forgot to send are no success.
    let forgotten = manager.run(|t| {
        let rows = batch(100..103);
        let mut loader = Loader::new(t, plan(t.session(), &rows))?;
        loader.write(&rows, None, 1)
    });
    assert!(forgotten.is_err());
    manager.run(|t| load(t, &batch(10..20))).unwrap();
    assert_eq!(manager.commit().unwrap(), 20);
    assert_eq!(committed(&other(&workspace)), 20);
}

#[test]
fn without_a_transaction_each_piece_commits_by_itself_or_leaves_nothing() {
    let workspace = Workspace::new();
    let manager = manager(&workspace);
    let other = other(&workspace);
    manager.run(|t| load(t, &batch(0..10))).unwrap();
    assert_eq!(committed(&other), 10);
    assert_eq!(manager.execute("INSERT INTO T (ID) VALUES (10)").unwrap(), 1);
    assert_eq!(committed(&other), 11);
    let failed = manager.run(|t| {
        load(t, &batch(20..30))?;
        load(t, &batch(5..7))
    });
    assert!(failed.is_err());
    assert!(manager.execute("INSERT INTO T (ID) VALUES (10)").is_err());
    assert_eq!((committed(&other), manager.status().database_says_open), (11, Some(false)));
    manager.execute("CREATE TABLE U (A NUMBER)").unwrap();
    manager.begin().unwrap();
    manager.execute("INSERT INTO T (ID) VALUES (11)").unwrap();
    for ending in ["DROP TABLE U", "commit", "ROLLBACK", "/* x */ truncate table U"] {
        assert!(manager.execute(ending).unwrap_err().to_string().contains("ends the transaction"), "{ending}");
    }
    assert_eq!(manager.rollback().unwrap(), 1);
    assert_eq!(committed(&other), 11);
}

#[test]
fn a_transaction_that_something_else_has_ended_is_not_said_to_be_committed() {
    let workspace = Workspace::new();
    let manager = manager(&workspace);
    manager.begin().unwrap();
    manager.run(|t| load(t, &batch(0..10))).unwrap();
    // A procedure with COMMIT or ROLLBACK in it does the same.
    manager.session().rollback().unwrap();
    assert_eq!(manager.status().database_says_open, Some(false));
    // More work would be in a transaction of its own.
    let error = manager.run(|t| load(t, &batch(50..60))).unwrap_err().to_string();
    assert!(error.contains("10 changed rows has been ended by something else"), "{error}");
    assert_eq!(manager.status().state, TransactionState::MustRollBack);
    assert!(manager.commit().unwrap_err().to_string().contains("only be rolled back"));
    assert_eq!(manager.rollback().unwrap(), 10);
    assert_eq!(own(&manager), 0);
    manager.begin().unwrap();
    manager.run(|t| load(t, &batch(0..10))).unwrap();
    manager.session().rollback().unwrap();
    let error = manager.commit().unwrap_err().to_string();
    assert!(error.contains("10 changed rows has been ended by something else"), "{error}");
    assert_eq!(manager.status().state, TransactionState::Autocommit);
    // And one that was not begun here is not taken over.
    manager.session().execute_sql(olbridge::error::Phase::Execute, None, "INSERT INTO T (ID) VALUES (1)").unwrap();
    assert!(manager.begin().unwrap_err().to_string().contains("not begun here"));
    assert!(manager.execute("DELETE FROM T").unwrap_err().to_string().contains("not begun here"));
}

/// Calls that the engine has answered in this session.
fn round_trips(manager: &mut TransactionManager) -> u64 {
    let sql =
        "SELECT S.VALUE FROM V$MYSTAT S, V$STATNAME N WHERE S.STATISTIC# = N.STATISTIC# AND N.NAME = 'SQL*Net roundtrips to/from client'";
    count_by(|row| manager.query(sql, row))
}

#[test]
fn autocommit_is_one_round_trip_and_what_is_open_is_none() {
    let workspace = Workspace::new();
    let mut manager = manager(&workspace);
    let other = other(&workspace);
    let insert = |id: i64| format!("INSERT INTO T (ID) VALUES ({id})");
    let cost = |manager: &mut TransactionManager, work: &mut dyn FnMut(&mut TransactionManager)| {
        let asked = round_trips(manager);
        let asking = round_trips(manager) - asked;
        let before = round_trips(manager);
        work(manager);
        round_trips(manager) - before - asking
    };
    let alone = cost(&mut manager, &mut |manager| {
        manager.execute(&insert(1)).unwrap();
    });
    assert_eq!((alone, committed(&other)), (1, 1));
    let in_two = cost(&mut manager, &mut |manager| {
        manager.run(|t| t.execute(&insert(2))).unwrap();
    });
    assert_eq!((in_two, committed(&other)), (2, 2), "the statement and the commit");
    let asked = cost(&mut manager, &mut |manager| {
        manager.begin().unwrap();
        assert_eq!(manager.status().rows_changed, 0);
        manager.rollback().unwrap();
    });
    assert!(asked <= 1, "{asked}");
}

#[test]
fn work_is_done_again_after_a_deadlock_and_not_after_a_refused_row() {
    let workspace = Workspace::new();
    let mut manager = manager(&workspace);
    let mut holder = Some(other(&workspace));
    holder.as_ref().unwrap().execute_sql(olbridge::error::Phase::Execute, None, "INSERT INTO T (ID) VALUES (1)").unwrap();
    let mut attempts = 0;
    let loaded = manager.run_retrying(5, |t| {
        attempts += 1;
        if attempts == 3 {
            // Rolls back.
            drop(holder.take());
        }
        // The holder of the lock is a session of this thread, which waits for it: ORA-00060.
        load(t, &batch(0..10))
    });
    assert_eq!((loaded.unwrap(), attempts), (10, 3));
    let other = other(&workspace);
    assert_eq!(committed(&other), 10);
    let mut attempts = 0;
    let refused = manager.run_retrying(5, |t| {
        attempts += 1;
        load(t, &batch(9..12))
    });
    assert!(matches!(refused, Err(Error::Row(_))) && attempts == 1, "{refused:?}");
    other.execute_sql(olbridge::error::Phase::Execute, None, "INSERT INTO T (ID) VALUES (100)").unwrap();
    let mut attempts = 0;
    let given_up = manager.run_retrying(2, |t| {
        attempts += 1;
        load(t, &batch(20..30))
    });
    assert!(given_up.unwrap_err().to_string().contains("ORA-00060") && attempts == 2);
    other.rollback().unwrap();
    manager.begin().unwrap();
    assert!(manager.run_retrying(2, |_| Ok(())).unwrap_err().to_string().contains("a transaction is open"));
}

#[test]
fn dropping_the_manager_rolls_back() {
    let workspace = Workspace::new();
    let dropped = manager(&workspace);
    dropped.begin().unwrap();
    dropped.run(|t| load(t, &batch(0..10))).unwrap();
    drop(dropped);
    let given_back = TransactionManager::new(other(&workspace)).unwrap();
    given_back.begin().unwrap();
    given_back.run(|t| load(t, &batch(0..10))).unwrap();
    let session = given_back.into_session().unwrap();
    assert_eq!((committed(&session), session.transaction_in_progress()), (0, Some(false)));
}

/// On a thread of its own: waiting for a session of the same thread would be answered as a deadlock.
fn refused_elsewhere(waiting: TransactionManager) -> (TransactionManager, olbridge::error::Error) {
    thread::spawn(move || {
        let error = waiting.run(|t| load(t, &batch(20..30))).unwrap_err();
        (waiting, error)
    })
    .join()
    .unwrap()
}

#[test]
fn a_call_that_waits_too_long_ends_and_the_session_stays() {
    let workspace = Workspace::new();
    let holder = manager(&workspace);
    holder.begin().unwrap();
    holder.run(|t| load(t, &batch(0..10))).unwrap();
    let waiting = TransactionManager::new(other(&workspace)).unwrap();
    waiting.session().set_call_timeout(Some(200)).unwrap();
    let began = Instant::now();
    let (waiting, error) = refused_elsewhere(waiting);
    assert!(error.to_string().contains("ORA-03156"), "{error}");
    assert!(matches!(error, olbridge::error::Error::Database { .. }), "no row is bad: {error:?}");
    assert!(!error.is_lost_connection());
    assert!(began.elapsed() >= Duration::from_millis(190) && began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(waiting.status().state, TransactionState::Autocommit);
    holder.commit().unwrap();
    waiting.session().set_call_timeout(None).unwrap();
    waiting.run(|t| load(t, &batch(20..30))).unwrap();
    assert_eq!(committed(holder.session()), 20);
}

#[test]
fn another_thread_breaks_off_a_call_that_waits() {
    let workspace = Workspace::new();
    let holder = manager(&workspace);
    holder.begin().unwrap();
    holder.run(|t| load(t, &batch(0..10))).unwrap();
    let waiting = TransactionManager::new(other(&workspace)).unwrap();
    let cancel = waiting.cancel_handle();
    let breaker = thread::spawn(move || {
        // Harmless before the call has begun, so it is repeated.
        for _ in 0..100 {
            thread::sleep(Duration::from_millis(50));
            cancel.cancel().unwrap();
        }
    });
    let (waiting, error) = refused_elsewhere(waiting);
    assert!(error.to_string().contains("ORA-01013"), "{error}");
    assert_eq!(waiting.status().state, TransactionState::Autocommit);
    breaker.join().unwrap();
    holder.rollback().unwrap();
    waiting.run(|t| load(t, &batch(20..30))).unwrap();
    assert_eq!(committed(holder.session()), 10);
}

const CHILD_TARGET: &str = "OLBRIDGE_TEST_CHILD_TRANSACTIONS";

#[test]
fn oracles_client_and_the_manager_agree_on_what_is_open() {
    let Some(mut server) = Loopback::start("transactions::oracles_client") else { return };
    server.sql("CREATE TABLE T (ID NUMBER)");
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "transactions::child_on_oracles_client", "--ignored", "--nocapture"]);
    server.environment(&mut child);
    child.env(CHILD_TARGET, server.target("T"));
    child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = finish(child, TIME_LIMIT);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stdout.contains("1 passed"), "{outcome}");
    assert_eq!(server.rows("T").len(), 16);
    server.assert_clean();
}

#[test]
#[ignore = "a part of oracles_client_and_the_manager_agree_on_what_is_open, which runs it as a child process"]
fn child_on_oracles_client() {
    let Ok(target) = std::env::var(CHILD_TARGET) else {
        eprintln!("SKIPPED transactions::child_on_oracles_client: {CHILD_TARGET} is not set");
        return;
    };
    let target: Target = target.parse().unwrap();
    let session = Session::connect(&target.connect_options(Some(Secret::new("tiger")))).unwrap();
    // This client is older than 18.
    assert!(session.set_call_timeout(Some(1000)).unwrap_err().to_string().contains("release 18"));
    session.set_call_timeout(None).unwrap();
    let manager = TransactionManager::new(session).unwrap();
    manager.begin().unwrap();
    manager.run(|t| load(t, &batch(0..10))).unwrap();
    eprintln!("in an open transaction Oracle's client says {:?}", manager.status().database_says_open);
    manager.savepoint("A").unwrap();
    manager.run(|t| load(t, &batch(10..30))).unwrap();
    manager.rollback_to("A").unwrap();
    assert_eq!(own(&manager), 10);
    manager.run(|t| load(t, &batch(10..15))).unwrap();
    assert_eq!(manager.commit().unwrap(), 15);
    assert_ne!(manager.status().database_says_open, Some(true));
    assert_eq!(manager.execute("INSERT INTO T (ID) VALUES (77)").unwrap(), 1);
    manager.begin().unwrap();
    manager.run(|t| load(t, &batch(100..110))).unwrap();
    manager.rollback().unwrap();
    assert_eq!(own(&manager), 16);
}
