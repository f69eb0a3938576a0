//! Both directions killed at random instants and run again: no row is lost, none is there twice, no epoch is skipped or written twice. And many writers
//! on one Delta table at the same time.

use std::thread;
use std::time::{Duration, Instant};

use crate::delta_follow::epochs_are_once;
use crate::delta_incremental::{of_database, of_delta, open};
use crate::support::database::Database;
use crate::support::{Running, TIME_LIMIT};

/// Rounds of the kill test; several hundred by `OLBRIDGE_TEST_KILL_ROUNDS`. A round has one to three kills in each direction.
fn rounds() -> u64 {
    std::env::var("OLBRIDGE_TEST_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Runs a command one to three times and kills it at a random instant of its usual time, then lets it end. How often it was still at work when it was
/// killed, and how long the last run took.
pub fn killed_and_run_again(database: &Database, words: &[&str], usual: &mut Duration, random: &mut Random) -> u64 {
    let mut hits = 0;
    for _ in 0..1 + random.below(3) {
        let mut running = Running::new(database.command(words).spawn().unwrap());
        thread::sleep(usual.mul_f64(random.below(1100) as f64 / 1000.0));
        if running.child.try_wait().unwrap().is_none() {
            running.child.kill().unwrap();
            hits += 1;
        }
        let _ = running.wait(TIME_LIMIT);
    }
    let began = Instant::now();
    database.ok(words);
    // A run that has little left to do says less about the usual time than one that was not killed.
    *usual = (*usual * 3 + began.elapsed().max(*usual / 2)) / 4;
    hits
}

pub fn change(database: &Database, random: &mut Random, round: u64) {
    let (low, fresh) = (random.below(400), 1000 + round * 10);
    let statements = [
        format!("INSERT INTO S SELECT {fresh} + LEVEL, 'round {round}', LEVEL FROM DUAL CONNECT BY LEVEL <= 7"),
        format!("UPDATE S SET NAME = 'updated {round}', BIG = BIG + 1 WHERE ID BETWEEN {low} AND {}", low + 30),
        format!("DELETE FROM S WHERE ID BETWEEN {} AND {}", low + 31, low + 34),
        format!("UPDATE S SET ID = ID + 100000 WHERE ID BETWEEN {} AND {}", low + 35, low + 36),
    ];
    for (at, statement) in statements.iter().enumerate() {
        if at == 0 || random.below(3) > 0 {
            database.sql(statement);
        }
    }
}

#[test]
fn killed_at_any_instant_and_run_again_every_row_is_there_once() {
    let (rounds, seed) = (rounds(), std::process::id().into());
    let database = Database::embedded();
    let mut random = Random(seed);
    database.sql("CREATE TABLE S (ID NUMBER(19), NAME VARCHAR2(40), BIG NUMBER(38,2))");
    database
        .sql("INSERT INTO S SELECT LEVEL, 'row ' || LEVEL, LEVEL + 10000000000000000000000000000000000 FROM DUAL CONNECT BY LEVEL <= 500");
    let out = ["copy", "embedded:data.db/S", "delta:lake/s", "--key", "id", "--job", "out"];
    let changes: [&[&str]; 2] = [&["--incremental=rowscn", "--deletes", "compare"], &["--incremental=versions"]];
    // Every other time the change data feed is the way back, else the files.
    let feed = ["--property", "delta.enableChangeDataFeed=true"];
    let out: Vec<&str> = if seed % 2 == 0 { [&out[..], &feed].concat() } else { out.to_vec() };
    // And versions every other time the way there: after kills, too, each round goes on from what the last commit has.
    let ways = changes.map(|way| [&out[..], way].concat());
    let back = ["copy", "delta:lake/s", "embedded:data.db/T", "--key", "id", "--job", "back", "--incremental"];
    let (mut usual_out, mut usual_back) = (Duration::from_millis(400), Duration::from_millis(400));
    let (mut hits, mut epochs) = ([0, 0], 0);
    for round in 0..rounds {
        if round > 0 {
            change(&database, &mut random, round);
        }
        let out = &ways[round as usize % 2];
        hits[0] += killed_and_run_again(&database, out, &mut usual_out, &mut random);
        hits[1] += killed_and_run_again(&database, &back, &mut usual_back, &mut random);
        let source = of_database(&database, "SELECT ID, NAME, TO_CHAR(BIG, 'FM99999999999999999999999999999999999990.00') FROM S");
        assert_eq!(source, of_delta(&mut open(&database, "lake/s")), "round {round} of seed {seed}: into the Delta table");
        let arrived = of_database(&database, "SELECT ID, NAME, TO_CHAR(BIG, 'FM99999999999999999999999999999999999990.00') FROM T");
        assert_eq!(source, arrived, "round {round} of seed {seed}: out of the Delta table");
        epochs = epochs_are_once(&database, "out");
        assert!(epochs as u64 >= round, "an epoch was skipped");
    }
    eprintln!("{rounds} rounds: killed at work {} times into the Delta table and {} times out of it, {epochs} epochs", hits[0], hits[1]);
    assert!(hits.iter().sum::<u64>() > 0, "no kill has met a command at work");
}

#[test]
fn many_writers_of_one_table_lose_nothing() {
    const WRITERS: usize = 4;
    let database = Database::embedded();
    for writer in 0..WRITERS {
        database.sql(&format!("CREATE TABLE W{writer} (ID NUMBER(9), NAME VARCHAR2(20))"));
        let first = writer * 1000;
        database.sql(&format!("INSERT INTO W{writer} SELECT {first} + LEVEL, 'writer {writer}' FROM DUAL CONNECT BY LEVEL <= 200"));
    }
    database.sql("CREATE TABLE NONE (ID NUMBER(9), NAME VARCHAR2(20))");
    database.ok(&["copy", "embedded:data.db/NONE", "delta:lake/s", "--mode", "create"]);
    let scn = database.rows("SELECT TO_CHAR(CURRENT_SCN) FROM V$DATABASE")[0][0].clone().unwrap();
    let started: Vec<Running> = (0..WRITERS)
        .map(|writer| {
            let (from, job) = (format!("embedded:data.db/W{writer}"), format!("w{writer}"));
            // Some add rows, others merge by a key: then the version that was read has to be the one before the commit.
            let how: &[&str] = if writer % 2 == 0 { &["--mode", "append"] } else { &["--mode", "upsert", "--key", "id"] };
            let words = [&["copy", &from, "delta:lake/s", "--job", &job, "--as-of-scn", &scn], how].concat();
            Running::new(database.command(&words).spawn().unwrap())
        })
        .collect();
    for running in started {
        let outcome = running.wait(TIME_LIMIT);
        assert_eq!(outcome.code, 0, "{outcome}");
    }
    let expected: Vec<String> = (0..WRITERS).map(|writer| format!("SELECT ID, NAME FROM W{writer}")).collect();
    assert_eq!(of_database(&database, &expected.join(" UNION ALL ")), of_delta(&mut open(&database, "lake/s")));
    // Run again, each finds its epoch.
    for writer in 0..WRITERS {
        let (from, job) = (format!("embedded:data.db/W{writer}"), format!("w{writer}"));
        let again = ["copy", &from, "delta:lake/s", "--job", &job, "--as-of-scn", &scn, "--mode", "upsert", "--key", "id"];
        assert!(database.ok(&again).contains("nothing done"));
    }
}
