//! What becomes of a transaction when something fails in it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn an_interrupt_ends_the_call_and_keeps_the_transaction() {
    let directory = tempfile::tempdir().unwrap();
    let mut s = Session::connect(directory.path().join("a.db").to_str().unwrap(), "scott", "").unwrap();
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(100))").unwrap();
    let (interrupt, stop) = (s.interrupt(), AtomicBool::new(false));
    let mut kept = 0u64;
    let mut cancelled = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                interrupt.interrupt();
                std::thread::yield_now();
            }
        });
        let mut insert = s.prepare("INSERT INTO t VALUES (:1, 'x')").unwrap();
        for _ in 0..200 {
            s.execute_array(
                &mut insert,
                0..200,
                &mut |row, binds| {
                    binds[0] = Datum::Int(i64::from(row));
                    Ok(())
                },
                &mut |_, outcome| match outcome {
                    Ok(rows) => {
                        kept += rows;
                        true
                    }
                    Err(error) => {
                        assert_eq!(error.code, 1013);
                        cancelled += 1;
                        false
                    }
                },
            )
            .unwrap();
            let _ = run(&mut s, "UPDATE t SET v = v || 'y' WHERE id < 3").map_err(|error| assert_eq!(error.code, 1013));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(cancelled > 0);
    s.commit().unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), [kept.to_string()]);
}

#[test]
fn a_transaction_that_sqlite_took_back_is_never_committed() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(4000))").unwrap();
    let pages: i64 = s.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    s.connection.query_row(&format!("PRAGMA max_page_count = {}", pages + 20), [], |_| Ok(())).unwrap();
    let text = "x".repeat(4000);
    let mut insert = s.prepare("INSERT INTO t VALUES (1, :1)").unwrap();
    let mut outcomes = Vec::new();
    let fill_disk = |s: &mut Session, insert: &mut Statement, outcomes: &mut Vec<Option<i32>>| {
        s.execute_array(
            insert,
            0..100,
            &mut |_, binds| {
                binds[0] = Datum::Text(&text);
                Ok(())
            },
            &mut |_, outcome| {
                outcomes.push(outcome.err().map(|error| error.code));
                true
            },
        )
    };
    let error = fill_disk(&mut s, &mut insert, &mut outcomes).unwrap_err();
    assert!(error.code == 2091 && error.message.contains("\nORA-01653: "), "{error}");
    assert_eq!(outcomes[0], None, "rows went in before");
    assert_eq!(outcomes.last(), Some(&Some(1653)));
    assert_eq!(code(run(&mut s, "INSERT INTO t VALUES (2, 'x')")), 2091, "a part of the transaction must not begin another one");
    assert_eq!(code(s.commit()), 2091);
    s.commit().unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), ["0"]);
    assert_eq!(code(fill_disk(&mut s, &mut insert, &mut outcomes)), 2091);
    s.rollback().unwrap();
    run(&mut s, "INSERT INTO t VALUES (2, 'x')").unwrap();
    s.commit().unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), ["1"]);
}

#[test]
fn a_statement_that_fails_at_a_later_row_changes_none() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v NUMBER)").unwrap();
    for (id, v) in [(1, 1), (2, 1), (3, 0), (4, 1)] {
        run(&mut s, &format!("INSERT INTO t VALUES ({id}, {v})")).unwrap();
    }
    for sql in ["DELETE FROM t WHERE 1 / v = 1", "UPDATE t SET v = 7 WHERE 1 / v = 1", "UPDATE t SET v = 1 / v"] {
        assert_eq!(code(run(&mut s, sql)), 1476, "{sql}");
        assert_eq!(rows(&mut s, "SELECT id, v FROM t ORDER BY id"), ["1|1", "2|1", "3|0", "4|1"], "{sql}");
    }
}

#[test]
fn expressions_without_binds_have_one_value_for_a_whole_array() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, at TIMESTAMP(9) DEFAULT SYSTIMESTAMP, n NUMBER)").unwrap();
    for (sql, distinct) in [
        ("INSERT INTO t (id, n) VALUES (:1, 5)", "1"),
        // A subquery sees the rows of the iterations before.
        ("INSERT INTO t (id, n) VALUES (:1, (SELECT count(*) FROM t))", "50"),
    ] {
        run(&mut s, "DELETE FROM t").unwrap();
        let mut insert = s.prepare(sql).unwrap();
        s.execute_array(
            &mut insert,
            0..50,
            &mut |row, binds| {
                binds[0] = Datum::Int(i64::from(row));
                Ok(())
            },
            &mut |_, outcome| outcome.unwrap() == 1,
        )
        .unwrap();
        assert_eq!(rows(&mut s, "SELECT count(*), count(DISTINCT id), count(DISTINCT n) FROM t"), [format!("50|50|{distinct}")]);
        if distinct == "1" {
            assert_eq!(rows(&mut s, "SELECT count(DISTINCT at) FROM t"), ["1"]);
        }
    }
}

#[test]
fn a_query_that_failed_has_no_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut s = Session::connect(directory.path().join("a.db").to_str().unwrap(), "scott", "").unwrap();
    run(&mut s, "CREATE TABLE t (id NUMBER)").unwrap();
    for id in 1..=3 {
        run_with(&mut s, "INSERT INTO t VALUES (:1)", &[Datum::Int(id)]).unwrap();
    }
    s.commit().unwrap();
    let mut query = s.prepare("SELECT 1 / (2 - id) FROM t").unwrap();
    let mut cursor = s.open(&mut query, &[]).unwrap();
    assert!(cursor.next().unwrap());
    assert_eq!(code(cursor.next()), 1476);
    assert_eq!(code(cursor.next()), 1002);
    assert_eq!(code(cursor.next()), 1002);
}

#[test]
fn every_row_gets_an_identifier_of_its_own() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, g RAW(16) DEFAULT SYS_GUID())").unwrap();
    let mut insert = s.prepare("INSERT INTO t (id) VALUES (:1)").unwrap();
    let mut fill = |row: u32, binds: &mut [Datum<'_>]| {
        binds[0] = Datum::Int(i64::from(row));
        Ok(())
    };
    s.execute_array(&mut insert, 0..20, &mut fill, &mut |_, outcome| outcome.unwrap() == 1).unwrap();
    assert_eq!(rows(&mut s, "SELECT count(DISTINCT g) FROM t"), ["20"]);
}

#[test]
fn a_session_never_waits_for_another_one_of_its_thread() {
    let directory = tempfile::tempdir().unwrap();
    let connect = |file: &str| Session::connect(directory.path().join(file).to_str().unwrap(), "scott", "").unwrap();
    let (mut a, mut b) = (connect("a.db"), connect("a.db"));
    run(&mut a, "CREATE TABLE t (id NUMBER)").unwrap();
    run(&mut a, "INSERT INTO t VALUES (1)").unwrap();
    let started = std::time::Instant::now();
    let refused = [run(&mut b, "INSERT INTO t VALUES (2)").map(drop), rows_with(&mut b, "SELECT id FROM t FOR UPDATE", &[]).map(drop)];
    for outcome in refused {
        assert_eq!(outcome.unwrap_err().message, "ORA-00060: deadlock detected while waiting for resource");
    }
    assert!(started.elapsed().as_secs() < 10, "answered at once");
    // The transaction that holds the lock is not concerned.
    a.commit().unwrap();
    run(&mut b, "INSERT INTO t VALUES (2)").unwrap();
    b.commit().unwrap();
    assert_eq!(rows(&mut a, "SELECT count(*) FROM t"), ["2"]);
}

#[test]
fn a_session_that_two_threads_use_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let connect = || Session::connect(directory.path().join("a.db").to_str().unwrap(), "scott", "").unwrap();
    let (mut a, mut b) = (connect(), connect());
    run(&mut a, "CREATE TABLE t (id NUMBER)").unwrap();
    run(&mut a, "INSERT INTO t VALUES (1)").unwrap();
    std::thread::scope(|scope| {
        let used = scope.spawn(|| {
            run(&mut a, "INSERT INTO t VALUES (2)").unwrap();
            a
        });
        let mut a = used.join().unwrap();
        let ending = scope.spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            a.commit().unwrap();
        });
        run(&mut b, "INSERT INTO t VALUES (3)").unwrap();
        ending.join().unwrap();
    });
    b.commit().unwrap();
    assert_eq!(rows(&mut b, "SELECT count(*) FROM t"), ["3"]);
}

#[test]
fn threads_that_wait_for_each_other_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let connect = |file: &str| Session::connect(directory.path().join(file).to_str().unwrap(), "scott", "").unwrap();
    let (mut first, mut second) = (connect("a.db"), connect("b.db"));
    run(&mut first, "CREATE TABLE t (id NUMBER)").unwrap();
    run(&mut second, "CREATE TABLE t (id NUMBER)").unwrap();
    let both = std::sync::Barrier::new(2);
    let work = |mut own: Session, mut other: Session| {
        run(&mut own, "INSERT INTO t VALUES (1)").unwrap();
        both.wait();
        let outcome = run(&mut other, "INSERT INTO t VALUES (2)").map_err(|error| error.code);
        own.commit().unwrap();
        if outcome.is_ok() {
            other.commit().unwrap();
        }
        outcome
    };
    let (a_again, b_again) = (connect("a.db"), connect("b.db"));
    let outcomes = std::thread::scope(|scope| {
        let work = &work;
        let one = scope.spawn(move || work(first, b_again));
        let two = scope.spawn(move || work(second, a_again));
        [one.join().unwrap(), two.join().unwrap()]
    });
    assert!(outcomes.contains(&Err(60)), "{outcomes:?}");
}
