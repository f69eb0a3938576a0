//! Clauses of other dialects are refused, never dropped.

use super::*;

#[test]
fn select_all_keeps_duplicates() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER)").unwrap();
    for _ in 0..2 {
        run(&mut s, "INSERT INTO t VALUES (1)").unwrap();
    }
    assert_eq!(rows(&mut s, "SELECT ALL id FROM t"), ["1", "1"]);
    assert_eq!(rows(&mut s, "SELECT DISTINCT id FROM t"), ["1"]);
}

#[test]
fn what_is_not_known_is_refused_and_changes_nothing() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v NUMBER)").unwrap();
    for id in 1..=3 {
        run_with(&mut s, "INSERT INTO t VALUES (:1, 1)", &[Datum::Int(id)]).unwrap();
    }
    for sql in [
        "DELETE FROM t SAMPLE (1)",
        "DELETE FROM t TABLESAMPLE BERNOULLI (1)",
        "DELETE FROM t SUBPARTITION (p)",
        "DELETE FROM t PARTITION (p)",
        "DELETE FROM t x (a, b)",
        "DELETE FROM t WITH (NOLOCK)",
        "DELETE FROM t (1)",
        "DELETE FROM t AS OF TIMESTAMP SYSDATE",
        "DELETE FROM t ORDER BY id LIMIT 1",
        "DELETE FROM t USING t u",
        "DELETE FROM t RETURNING id",
        "UPDATE t SAMPLE (1) SET v = 2",
        "UPDATE t x (a, b) SET v = 2",
        "UPDATE t SUBPARTITION (p) SET v = 2",
        "UPDATE t WITH (NOLOCK) SET v = 2",
        "UPDATE OR REPLACE t SET v = 2",
        "UPDATE t SET v = 2 FROM t u",
        "UPDATE t SET v = 2 LIMIT 1",
        "INSERT OR REPLACE INTO t VALUES (4, 1)",
        "INSERT OVERWRITE TABLE t VALUES (4, 1)",
        "INSERT OVERWRITE INTO t VALUES (4, 1)",
        "INSERT INTO TABLE t VALUES (4, 1)",
        "INSERT INTO t PARTITION (id = 1) VALUES (4, 1)",
        "INSERT INTO t VALUES (4, 1) ORDER BY 1",
        "INSERT INTO t VALUES (4, 1) LIMIT 0",
        "INSERT INTO t VALUES (4, 1) FETCH FIRST 1 ROWS ONLY",
        "INSERT INTO t VALUES (4, 1) FOR UPDATE",
        "INSERT INTO t VALUES (4, 1) ON CONFLICT DO NOTHING",
        "INSERT INTO t VALUES (4, 1), (5, 1)",
        "INSERT INTO t WITH x AS (SELECT 1 FROM dual) VALUES (4, 1)",
        "INSERT t VALUES (4, 1)",
        "INSERT INTO t SET id = 4",
        "REPLACE INTO t VALUES (4, 1)",
    ] {
        let error = run(&mut s, sql).expect_err(sql);
        assert_ne!(error.code, 600, "{sql}");
        assert_eq!(rows(&mut s, "SELECT count(*), sum(id), sum(v) FROM t"), ["3|6|3"], "{sql}");
    }
    for sql in [
        "SELECT id FROM t SAMPLE (1) SEED (1)",
        "SELECT id FROM t SUBPARTITION (p)",
        "SELECT id FROM t x (a, b)",
        "SELECT a FROM (SELECT id FROM t) x (a)",
        "SELECT id FROM t WITH (NOLOCK)",
        "SELECT * EXCLUDE (v) FROM t",
        "SELECT * EXCEPT (v) FROM t",
        "SELECT * REPLACE (1 AS v) FROM t",
        "SELECT t.* EXCLUDE (v) FROM t",
        "SELECT id FROM t SETTINGS max_threads = 1",
        "SELECT id FROM t FORMAT CSV",
        "FROM t SELECT id",
        "FROM t",
        "SELECT id FROM t GLOBAL JOIN t u ON t.id = u.id",
        "SELECT count(*) FILTER (WHERE id = 1) FROM t",
        "SELECT count(*, 1) FROM t",
        "SELECT id FROM t ORDER BY id WITH FILL",
        "SELECT id FROM t QUALIFY id = 1",
        "SELECT id FROM t |> LIMIT 1",
        "SELECT DISTINCT ON (id) id FROM t",
    ] {
        let error = rows_with(&mut s, sql, &[]).expect_err(sql);
        assert_ne!(error.code, 600, "{sql}");
    }
    assert_eq!(run(&mut s, "UPDATE t x SET x.v = 2 WHERE x.id = 1").unwrap(), 1);
    assert_eq!(run(&mut s, "DELETE t x WHERE x.id = 1").unwrap(), 1);
}

#[test]
fn dml_reads_dictionary_views_as_they_are_now() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (name VARCHAR2(30))").unwrap();
    run(&mut s, "INSERT INTO t SELECT table_name FROM user_tables").unwrap();
    assert_eq!(rows(&mut s, "SELECT name FROM t"), ["T"]);
    run(&mut s, "CREATE TABLE u (a NUMBER)").unwrap();
    run(&mut s, "UPDATE t SET name = (SELECT max(table_name) FROM user_tables)").unwrap();
    assert_eq!(rows(&mut s, "SELECT name FROM t"), ["U"]);
    run(&mut s, "DROP TABLE u").unwrap();
    assert_eq!(run(&mut s, "DELETE FROM t WHERE name NOT IN (SELECT table_name FROM user_tables)").unwrap(), 1);
    run(
        &mut s,
        "MERGE INTO t USING (SELECT table_name n FROM user_tables) x ON (t.name = x.n) WHEN NOT MATCHED THEN INSERT (name) VALUES (x.n)",
    )
    .unwrap();
    assert_eq!(rows(&mut s, "SELECT name FROM t"), ["T"]);
}

#[test]
fn joins_bind_and_are_described_as_in_oracle() {
    let mut s = memory();
    for name in ["a", "b", "c"] {
        run(&mut s, &format!("CREATE TABLE {name} (x NUMBER NOT NULL)")).unwrap();
    }
    let nullable = |s: &mut Session, from: &str| {
        let statement = s.prepare(&format!("SELECT a.x, b.x FROM {from}")).unwrap();
        statement.columns().iter().map(|column| column.nullable).collect::<Vec<_>>()
    };
    assert_eq!(nullable(&mut s, "a JOIN b ON a.x = b.x"), [false, false]);
    assert_eq!(nullable(&mut s, "a LEFT JOIN b ON a.x = b.x"), [false, true]);
    assert_eq!(nullable(&mut s, "a RIGHT JOIN b ON a.x = b.x"), [true, false]);
    assert_eq!(nullable(&mut s, "a FULL JOIN b ON a.x = b.x"), [true, true]);
    assert_eq!(nullable(&mut s, "c, a LEFT JOIN b ON a.x = b.x"), [false, true]);
    let described = s.prepare("SELECT y FROM (SELECT b.x y FROM a LEFT JOIN b ON a.x = b.x)").unwrap();
    assert!(described.columns()[0].nullable);
    for (sql, expected) in [
        ("SELECT a.x FROM a, b RIGHT JOIN c ON b.x = c.x", 3001),
        ("SELECT a.x FROM a, b FULL JOIN c ON b.x = c.x", 3001),
        ("SELECT a.x FROM a, b LEFT JOIN c ON a.x = c.x", 904),
        ("SELECT a.x FROM a, b JOIN c ON a.x = c.x", 904),
    ] {
        assert_eq!(s.prepare(sql).err().unwrap().code, expected, "{sql}");
    }
    assert_eq!(rows(&mut s, "SELECT a.x FROM a, b LEFT JOIN c ON b.x = c.x"), Vec::<String>::new());
}

#[test]
fn literals_compare_blank_padded() {
    let mut s = memory();
    assert_eq!(value(&mut s, "CASE WHEN 'a' = 'a  ' THEN 1 ELSE 0 END"), "1");
    assert_eq!(value(&mut s, "CASE WHEN 'a' = ' a' THEN 1 ELSE 0 END"), "0");
    assert_eq!(value(&mut s, "CASE WHEN 'a' || '' = 'a ' THEN 1 ELSE 0 END"), "0");
}

#[test]
fn char_holds_two_thousand_bytes() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (c CHAR(2000 CHAR))").unwrap();
    let insert = "INSERT INTO t VALUES (:1)";
    assert_eq!(code(run_with(&mut s, insert, &[Datum::Text(&"ä".repeat(1001))])), 12899);
    run_with(&mut s, insert, &[Datum::Text(&"ä".repeat(999))]).unwrap();
    assert_eq!(rows(&mut s, "SELECT LENGTHB(c), LENGTH(c) FROM t"), ["2000|1001"]);
}

#[test]
fn what_oracle_refuses_is_not_left_to_sqlite() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v NUMBER, z TIMESTAMP WITH TIME ZONE, l TIMESTAMP WITH LOCAL TIME ZONE)").unwrap();
    for (sql, expected) in [
        ("SELECT DISTINCT id FROM t ORDER BY v", 1791),
        ("SELECT a.id FROM t a JOIN t b", 905),
        ("SELECT a.id FROM t a LEFT JOIN t b", 905),
        ("SELECT a.id FROM t a CROSS JOIN t b ON a.id = b.id", 933),
        ("ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (z)", 2329),
        ("ALTER TABLE t ADD CONSTRAINT u UNIQUE (id, z)", 2329),
        ("CREATE TABLE u (z TIMESTAMP WITH TIME ZONE PRIMARY KEY)", 2329),
        ("ALTER USER nobody IDENTIFIED BY x", 1918),
        ("CREATE USER x IDENTIFIED BY y PASSWORD EXPIRE", 922),
        ("CREATE USER x IDENTIFIED BY y ACCOUNT LOCK", 922),
        ("ALTER USER scott IDENTIFIED BY y REPLACE z", 922),
    ] {
        let error = run(&mut s, sql).map(drop).expect_err(sql);
        let code = if error.code == 24333 { rows_with(&mut s, sql, &[]).unwrap_err().code } else { error.code };
        assert_eq!(code, expected, "{sql}");
    }
    for sql in [
        "SELECT DISTINCT id, v FROM t ORDER BY v, id DESC",
        "SELECT DISTINCT id x FROM t ORDER BY x",
        "SELECT DISTINCT id FROM t ORDER BY 1",
    ] {
        assert_eq!(rows(&mut s, sql), Vec::<String>::new());
    }
    run(&mut s, "ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (l)").unwrap();
    run(&mut s, "CREATE USER x IDENTIFIED BY y DEFAULT TABLESPACE users TEMPORARY TABLESPACE temp QUOTA 10 M ON users PROFILE default")
        .unwrap();
    run(&mut s, "ALTER USER x IDENTIFIED BY z ACCOUNT UNLOCK").unwrap();
}

#[test]
fn extract_takes_all_fields_from_utc() {
    let mut s = memory();
    let zoned = "TIMESTAMP '2024-01-01 01:10:02.5 +03:30'";
    for (field, expected) in
        [("YEAR", "2023"), ("MONTH", "12"), ("DAY", "31"), ("HOUR", "21"), ("MINUTE", "40"), ("SECOND", "2.5"), ("TIMEZONE_MINUTE", "30")]
    {
        assert_eq!(value(&mut s, &format!("EXTRACT({field} FROM {zoned})")), expected, "{field}");
    }
    assert_eq!(value(&mut s, "EXTRACT(HOUR FROM TIMESTAMP '2024-01-01 01:10:02')"), "1");
}
