//! `kill -9` at random instants of a writer: what is there afterwards is exactly the last committed state.
//!
//! What sequences gave they never give again, whoever is killed.
//!
//! Some dozen rounds by default; `OLBRIDGE_KILL_ROUNDS` asks for more.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clntsh::engine::{Datum, Number, Session};

const ROWS: i64 = 40;
/// Transactions whose rows stay.
const KEPT: i64 = 5;

fn run(session: &mut Session, sql: &str, binds: &[Datum<'_>]) {
    let mut statement = session.prepare(sql).unwrap();
    session.execute(&mut statement, binds).unwrap();
}

fn numbers(session: &mut Session, sql: &str) -> Vec<i64> {
    let mut statement = session.prepare(sql).unwrap();
    let mut cursor = session.open(&mut statement, &[]).unwrap();
    assert!(cursor.next().unwrap());
    let number = |index| match cursor.datum(index).unwrap() {
        Datum::Number(bytes) => Number::from_bytes(bytes).unwrap().to_i64().unwrap(),
        other => panic!("{other:?}"),
    };
    (0..statement.columns().len()).map(number).collect()
}

/// Commits one transaction after another until it is killed, and says which.
#[test]
#[ignore = "a child process of the other test"]
fn writer() {
    let path = std::env::var("OLBRIDGE_KILL_FILE").unwrap();
    let mut session = Session::connect(&path, "scott", "").unwrap();
    let mut number = numbers(&mut session, "SELECT n FROM counter")[0];
    loop {
        number += 1;
        let mut insert = session.prepare("INSERT INTO t VALUES (:1, :2, :3)").unwrap();
        let text = "x".repeat((number % 900) as usize + 1);
        for row in 0..ROWS {
            session.execute(&mut insert, &[Datum::Int(number), Datum::Int(row), Datum::Text(&text)]).unwrap();
        }
        run(&mut session, "UPDATE t SET v = 'changed' WHERE n = :1", &[Datum::Int(number - 1)]);
        run(&mut session, "DELETE FROM t WHERE n <= :1", &[Datum::Int(number - KEPT)]);
        run(&mut session, "UPDATE counter SET n = :1", &[Datum::Int(number)]);
        session.commit().unwrap();
        println!("\ndone {number}");
        std::io::stdout().flush().unwrap();
    }
}

/// Takes numbers of a sequence and of an identity column until it is killed, and says which; every other transaction is taken back.
#[test]
#[ignore = "a child process of the other test"]
fn taker() {
    let path = std::env::var("OLBRIDGE_KILL_FILE").unwrap();
    let mut session = Session::connect(&path, "scott", "").unwrap();
    for turn in 0.. {
        let taken = numbers(&mut session, "SELECT q.NEXTVAL FROM dual")[0];
        run(&mut session, "INSERT INTO i (v) SELECT q.NEXTVAL FROM dual CONNECT BY level <= 20", &[]);
        let [most, id, rows] = numbers(&mut session, "SELECT max(v), max(id), count(*) FROM i WHERE id > (SELECT max(id) FROM i) - 20")[..]
        else {
            panic!("three numbers");
        };
        assert_eq!(rows, 20);
        println!("\ntook {taken}\ntook {most}\nmade {id}");
        std::io::stdout().flush().unwrap();
        if turn % 2 == 0 { session.commit().unwrap() } else { session.rollback().unwrap() }
    }
}

#[test]
fn numbers_of_sequences_are_given_once_whoever_is_killed() {
    let rounds = rounds().div_ceil(4);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("numbers.db");
    let path = path.to_str().unwrap();
    let mut session = Session::connect(path, "scott", "").unwrap();
    run(&mut session, "CREATE SEQUENCE q NOCACHE", &[]);
    run(&mut session, "CREATE TABLE i (id NUMBER GENERATED ALWAYS AS IDENTITY, v NUMBER)", &[]);
    drop(session);
    let mut said: Vec<String> = Vec::new();
    for round in 0..rounds {
        let readers: Vec<_> = (0..2)
            .map(|which| {
                let mut child = spawn("taker", path);
                let output = BufReader::new(child.stdout.take().unwrap());
                let reader = std::thread::spawn(move || output.lines().map_while(Result::ok).collect::<Vec<_>>());
                std::thread::sleep(Duration::from_micros((round * 7919 + which * 104_729) % 150_000));
                (child, reader)
            })
            .collect();
        for (mut child, reader) in readers {
            child.kill().unwrap();
            child.wait().unwrap();
            said.extend(reader.join().unwrap().into_iter().filter(|line| line.starts_with("took ") || line.starts_with("made ")));
        }
    }
    let count = said.len();
    said.sort_unstable();
    said.dedup();
    eprintln!("{rounds} rounds of two processes: {count} numbers");
    assert!(count > 0, "no round lived long enough to take a number");
    assert_eq!(said.len(), count, "a number was given twice");
    // A number is in one row, and the next one is a new one.
    let mut session = Session::connect(path, "scott", "").unwrap();
    let found = numbers(&mut session, "SELECT count(*), count(DISTINCT v), count(DISTINCT id), nvl(max(v), 0) FROM i");
    let next = numbers(&mut session, "SELECT q.NEXTVAL FROM dual")[0];
    assert!(found[0] == found[1] && found[0] == found[2] && found[3] < next, "{found:?} {next}");
}

fn rounds() -> u64 {
    std::env::var("OLBRIDGE_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(24)
}

fn spawn(what: &str, path: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([what, "--exact", "--ignored", "--nocapture"])
        .env("OLBRIDGE_KILL_FILE", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills a writer after a while; the last transaction that it said was committed, if any.
fn killed(path: &str, after: Duration) -> Option<i64> {
    let mut child = spawn("writer", path);
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let lines = output.lines().map_while(Result::ok);
        lines.filter_map(|line| line.strip_prefix("done ").and_then(|number| number.parse().ok())).last()
    });
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn a_killed_writer_leaves_the_last_committed_state() {
    let rounds = rounds();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kill.db");
    let path = path.to_str().unwrap();
    let mut session = Session::connect(path, "scott", "").unwrap();
    run(&mut session, "CREATE TABLE t (n NUMBER, r NUMBER, v VARCHAR2(1000), PRIMARY KEY (n, r))", &[]);
    run(&mut session, "CREATE TABLE counter (n NUMBER)", &[]);
    run(&mut session, "INSERT INTO counter VALUES (0)", &[]);
    session.commit().unwrap();
    drop(session);

    let mut seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    let (mut before, mut in_flight) = (0, 0);
    for round in 0..rounds {
        // xorshift: any instant within the first tenths of a second.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let said = killed(path, Duration::from_micros(seed % 250_000));
        let mut session = Session::connect(path, "scott", "").unwrap();
        let now = numbers(&mut session, "SELECT n FROM counter")[0];
        let said = said.unwrap_or(before);
        assert!(now == said || now == said + 1, "round {round}: {said} was said to be committed, {now} is there");
        in_flight += i64::from(now > said);
        let first = (now - KEPT + 1).max(1);
        let expected = [(now - first + 1).max(0) * ROWS, if now > 0 { first } else { 0 }, now];
        let found = numbers(&mut session, "SELECT count(*), nvl(min(n), 0), nvl(max(n), 0) FROM t");
        assert_eq!(found, expected, "round {round}");
        // Earlier transactions were changed by the one after them, the last one by none.
        let changed = numbers(&mut session, "SELECT count(*) FROM t WHERE v = 'changed'")[0];
        assert_eq!(changed, (now - first).max(0) * ROWS, "round {round}");
        // Former states are whole, too.
        let then = numbers(&mut session, "SELECT count(DISTINCT n) FROM t AS OF SCN dbms_flashback.get_system_change_number()")[0];
        assert_eq!(then * ROWS, expected[0], "round {round}");
        before = now;
    }
    eprintln!("{rounds} rounds, {before} transactions committed, {in_flight} of them killed before they could say so");
    assert!(before > 0, "no round lived long enough to commit anything");
}
