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
        "SELECT id FROM t SAMPLE (1)",
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
