//! Versions of rows between two SCNs.

use std::collections::BTreeMap;

use super::*;

fn scn(session: &mut Session) -> i64 {
    rows(session, "SELECT current_scn FROM v$database")[0].parse().unwrap()
}

/// Runs statements as one transaction: its SCN.
fn commit(session: &mut Session, statements: &[&str]) -> i64 {
    for sql in statements {
        run(session, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    session.commit().unwrap();
    scn(session)
}

const SHOWN: &str = "id, v, versions_startscn, versions_endscn, versions_operation";

fn between(session: &mut Session, low: impl std::fmt::Display, high: impl std::fmt::Display) -> Vec<String> {
    rows(session, &format!("SELECT {SHOWN} FROM t VERSIONS BETWEEN SCN {low} AND {high} x ORDER BY x.id, versions_startscn NULLS FIRST"))
}

#[test]
fn each_committed_state_of_a_row_is_a_version() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(10))").unwrap();
    let made = commit(&mut s, &["INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (2, 'b')", "INSERT INTO t VALUES (3, 'c')"]);
    // Several changes of a row in a transaction are one version, and a row that comes and goes in one is none.
    let changed = commit(
        &mut s,
        &[
            "UPDATE t SET v = 'B' WHERE id = 1",
            "UPDATE t SET v = 'BB' WHERE id = 1",
            "INSERT INTO t VALUES (9, '-')",
            "DELETE FROM t WHERE id = 9",
        ],
    );
    let deleted = commit(&mut s, &["UPDATE t SET v = 'last' WHERE id = 1", "DELETE FROM t WHERE id = 1"]);
    let again = commit(&mut s, &["INSERT INTO t VALUES (1, 'again')"]);
    let expected = [
        format!("1|a|{made}|{changed}|I"),
        format!("1|BB|{changed}|{deleted}|U"),
        format!("1|BB|{deleted}|NULL|D"),
        format!("1|again|{again}|NULL|I"),
        format!("2|b|{made}|NULL|I"),
        format!("3|c|{made}|NULL|I"),
    ];
    assert_eq!(between(&mut s, "MINVALUE", "MAXVALUE"), expected);
    assert_eq!(between(&mut s, made, again), expected);
    // What is not committed is nobody's.
    run(&mut s, "UPDATE t SET v = 'open'").unwrap();
    run(&mut s, "INSERT INTO t VALUES (8, 'open')").unwrap();
    assert_eq!(between(&mut s, "minvalue", "maxvalue"), expected);
    s.rollback().unwrap();
    // Beyond the limits nothing is said: neither since when a version was there, nor that it has ended since.
    let part = [format!("1|BB|{changed}|NULL|U"), "2|b|NULL|NULL|NULL".into(), "3|c|NULL|NULL|NULL".into()];
    assert_eq!(between(&mut s, changed, changed), part);
    let after = commit(&mut s, &["UPDATE t SET v = v WHERE id = 2"]);
    run(&mut s, "CREATE TABLE other (a NUMBER)").unwrap();
    assert_eq!(between(&mut s, after + 1, "MAXVALUE").len(), 3, "a moment in which nothing was changed");
    // The limits are inclusive, so that the state before a change is there when the moment before it is the lower one.
    let low = commit(&mut s, &["UPDATE t SET v = 'c2' WHERE id = 3"]);
    let high = commit(&mut s, &["UPDATE t SET id = 30 WHERE id = 3"]);
    let of_3 = "FROM t VERSIONS BETWEEN SCN :1 AND :2 WHERE versions_startscn > :3 OR versions_endscn > :4 ORDER BY id";
    let binds = [low, high, low, low].map(Datum::Int);
    let found = rows_with(&mut s, &format!("SELECT {SHOWN} {of_3}"), &binds).unwrap();
    assert_eq!(found, [format!("3|c2|{low}|{high}|U"), format!("30|c2|{high}|NULL|U")]);
}

#[test]
fn versions_are_joined_grouped_addressed_and_timed() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(10))").unwrap();
    let made = commit(&mut s, &["INSERT INTO t SELECT LEVEL, 'x' FROM dual CONNECT BY LEVEL <= 5"]);
    let changed = commit(&mut s, &["UPDATE t SET v = 'y' WHERE id < 4", "DELETE FROM t WHERE id = 5"]);
    let changes = format!("FROM t VERSIONS BETWEEN SCN {made} AND MAXVALUE WHERE versions_startscn > {made}");
    assert_eq!(
        rows(&mut s, &format!("SELECT versions_operation, count(*) {changes} GROUP BY versions_operation ORDER BY 1")),
        ["D|1", "U|3"]
    );
    assert_eq!(rows(&mut s, &format!("SELECT id FROM t WHERE ROWID IN (SELECT ROWID {changes}) ORDER BY id")), ["1", "2", "3"]);
    let gone = format!(
        "SELECT id FROM t VERSIONS BETWEEN SCN {made} AND {changed} WHERE versions_endscn <= {changed} MINUS SELECT id FROM t AS OF SCN {changed}"
    );
    assert_eq!(rows(&mut s, &gone), ["5"]);
    run(&mut s, &format!("CREATE VIEW history AS SELECT id, versions_xid x, versions_operation o {changes}")).unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*), count(DISTINCT x), max(LENGTH(RAWTOHEX(x))) FROM history"), ["4|1|16"]);
    let sql = "SELECT count(*) FROM t VERSIONS BETWEEN TIMESTAMP SYSTIMESTAMP - INTERVAL '0' SECOND AND SYSTIMESTAMP \
               WHERE versions_endtime IS NULL";
    assert_eq!(rows(&mut s, sql), ["4"], "what is there, and what was deleted at that SCN");
    let sql = format!(
        "SELECT count(*) FROM t VERSIONS BETWEEN SCN {made} AND {changed} WHERE versions_starttime = SCN_TO_TIMESTAMP(versions_startscn) \
         AND versions_endtime = SCN_TO_TIMESTAMP({changed})"
    );
    assert_eq!(rows(&mut s, &sql), ["4"]);
    // No columns of the table: `*` does not have them, and elsewhere nobody knows them.
    assert_eq!(rows(&mut s, &format!("SELECT * FROM t VERSIONS BETWEEN SCN {changed} AND {changed} WHERE id = 4")), ["4|x"]);
    assert_eq!(code(rows_with(&mut s, "SELECT versions_startscn FROM t", &[])), 904);
    // A column of this name is one.
    run(&mut s, "CREATE TABLE w (versions NUMBER, scn NUMBER)").unwrap();
    run(&mut s, "INSERT INTO w VALUES (2, 1)").unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*) FROM w WHERE versions BETWEEN scn AND 3"), ["1"]);
}

#[test]
fn what_has_no_versions_is_refused_with_oracles_codes() {
    let mut s = memory();
    let before = scn(&mut s);
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(10))").unwrap();
    let made = commit(&mut s, &["INSERT INTO t VALUES (1, 'a')"]);
    run(&mut s, "CREATE VIEW w AS SELECT id FROM t").unwrap();
    run(&mut s, "CREATE GLOBAL TEMPORARY TABLE g (id NUMBER)").unwrap();
    let newest = scn(&mut s);
    let versions = |table: &str, low: String, high: String| format!("SELECT count(*) FROM {table} VERSIONS BETWEEN SCN {low} AND {high}");
    for (table, low, high, expected) in [
        ("t", before, newest, 1466),
        ("t", 1, newest, 30052),
        ("t", made, newest + 1, 30053),
        ("t", newest, made, 30054),
        ("w", made, newest, 30051),
        ("g", made, newest, 30051),
        ("dual", made, newest, 30051),
        ("user_tables", made, newest, 30051),
        ("missing", made, newest, 942),
    ] {
        let sql = versions(table, low.to_string(), high.to_string());
        assert_eq!(code(rows_with(&mut s, &sql, &[])), expected, "{sql}");
    }
    assert_eq!(code(rows_with(&mut s, &versions("t", "NULL".into(), "MAXVALUE".into()), &[])), 30055);
    let named = format!("WITH q AS (SELECT id FROM t) {}", versions("q", made.to_string(), newest.to_string()));
    assert_eq!(code(rows_with(&mut s, &named, &[])), 30051);
    assert!(code(run(&mut s, &format!("DELETE FROM t VERSIONS BETWEEN SCN {made} AND {newest}"))) > 0);
    run(&mut s, "ALTER TABLE t ADD (w NUMBER)").unwrap();
    let sql = versions("t", made.to_string(), "MAXVALUE".into());
    assert_eq!(code(rows_with(&mut s, &sql, &[])), 1466);
    assert_eq!(rows(&mut s, &versions("t", "MINVALUE".into(), "MAXVALUE".into())), ["1"]);
    run(&mut s, "UPDATE t SET w = 1").unwrap();
    s.commit().unwrap();
    let catalog = std::sync::Arc::clone(&s.catalog);
    let updated = scn(&mut s);
    crate::engine::undo::prune(&s.connection, &catalog, std::time::Duration::ZERO).unwrap();
    assert_eq!(rows(&mut s, "SELECT versions_operation FROM t VERSIONS BETWEEN SCN MINVALUE AND MAXVALUE"), ["U"], "not an insertion");
    let sql = versions("t", (updated - 1).to_string(), "MAXVALUE".into());
    assert_eq!(code(rows_with(&mut s, &sql, &[])), 30052);
}

/// What a table was at an SCN, by ROWID.
type State = BTreeMap<String, String>;

fn state(session: &mut Session, scn: i64) -> State {
    let rows = rows(session, &format!("SELECT ROWIDTOCHAR(ROWID), id, v FROM t AS OF SCN {scn}"));
    rows.into_iter().map(|row| row.split_once('|').map(|(rowid, row)| (rowid.to_owned(), row.to_owned())).unwrap()).collect()
}

/// The versions from one moment to another, told from the state at each SCN alone. Every change makes another row, so that states tell them apart.
fn versions_of(states: &BTreeMap<i64, State>, low: i64, high: i64) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: BTreeMap<String, (String, Option<i64>, &str)> = BTreeMap::new();
    let mut before = &states[&(low - 1)];
    let null = |scn: Option<i64>| scn.map_or("NULL".to_owned(), |scn| scn.to_string());
    open.extend(before.iter().map(|(rowid, row)| (rowid.clone(), (row.clone(), None, "NULL"))));
    for (at, now) in states.range(low..=high) {
        for (rowid, row) in before {
            if now.get(rowid) == Some(row) {
                continue;
            }
            let (row, since, made_by) = open.remove(rowid).unwrap();
            // A version that ends at the lower limit has not met the interval.
            if *at > low {
                found.push(format!("{rowid}|{row}|{}|{at}|{made_by}", null(since)));
            }
            match now.get(rowid) {
                Some(changed) => drop(open.insert(rowid.clone(), (changed.clone(), Some(*at), "U"))),
                None => found.push(format!("{rowid}|{row}|{at}|NULL|D")),
            }
        }
        for (rowid, row) in now.iter().filter(|(rowid, _)| !before.contains_key(*rowid)) {
            open.insert(rowid.clone(), (row.clone(), Some(*at), "I"));
        }
        before = now;
    }
    found.extend(open.into_iter().map(|(rowid, (row, since, made_by))| format!("{rowid}|{row}|{}|NULL|{made_by}", null(since))));
    found.sort();
    found
}

#[test]
fn versions_are_what_the_states_at_every_scn_tell() {
    for seed in 1..=6u64 {
        let mut s = memory();
        run(&mut s, "CREATE TABLE t (id NUMBER, v NUMBER)").unwrap();
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let first = scn(&mut s);
        let mut states = BTreeMap::from([(first, State::new())]);
        let mut stamp = 0;
        for _ in 0..40 {
            for _ in 0..1 + next(4) {
                stamp += 1;
                let (low, many) = (next(30), next(6));
                let sql = match next(5) {
                    0 | 1 => format!("INSERT INTO t SELECT {low} + LEVEL, {stamp} FROM dual CONNECT BY LEVEL <= {}", many + 1),
                    2 => format!("UPDATE t SET v = {stamp} WHERE id BETWEEN {low} AND {}", low + many),
                    3 => format!("UPDATE t SET id = MOD(id * 7, 31), v = {stamp} WHERE id BETWEEN {low} AND {}", low + many),
                    _ => format!("DELETE FROM t WHERE id BETWEEN {low} AND {}", low + many),
                };
                run(&mut s, &sql).unwrap();
            }
            if next(5) == 0 {
                s.rollback().unwrap();
                continue;
            }
            s.commit().unwrap();
            let at = scn(&mut s);
            let now = state(&mut s, at);
            // A transaction that has changed nothing has no SCN.
            states.insert(at, now);
        }
        let scns: Vec<i64> = states.keys().copied().collect();
        assert!(scns.len() > 20 && scns.is_sorted_by(|a, b| a + 1 == *b), "{scns:?}");
        for _ in 0..25 {
            let from = 1 + next(scns.len() as u64 - 1) as usize;
            let to = from + next((scns.len() - from) as u64) as usize;
            let (low, high) = (scns[from], scns[to]);
            let mut found = rows(&mut s, &format!("SELECT ROWIDTOCHAR(ROWID), {SHOWN} FROM t VERSIONS BETWEEN SCN {low} AND {high}"));
            found.sort();
            assert_eq!(found, versions_of(&states, low, high), "seed {seed}, {low} to {high}");
        }
    }
}
