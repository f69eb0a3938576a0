//! Tables as of an earlier SCN.

use super::*;

fn scn(session: &mut Session) -> i64 {
    rows(session, "SELECT current_scn FROM v$database")[0].parse().unwrap()
}

fn as_of(session: &mut Session, scn: i64) -> Vec<String> {
    rows(session, &format!("SELECT id, v FROM t AS OF SCN {scn} x WHERE x.id > 0 ORDER BY id"))
}

#[test]
fn a_table_is_what_it_was_at_each_scn() {
    let directory = tempfile::tempdir().unwrap();
    let mut s = Session::connect(directory.path().join("a.db").to_str().unwrap(), "scott", "").unwrap();
    run(&mut s, "CREATE TABLE t (id NUMBER PRIMARY KEY, v VARCHAR2(10))").unwrap();
    let mut history = vec![(scn(&mut s), Vec::new())];
    let steps: &[&[&str]] = &[
        &["INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (2, 'b')", "INSERT INTO t VALUES (3, 'c')"],
        &["UPDATE t SET v = 'B' WHERE id = 2", "UPDATE t SET v = v || '!' WHERE id >= 2"],
        // The last row's place is taken by the next one.
        &["DELETE FROM t WHERE id = 3", "INSERT INTO t VALUES (4, 'd')"],
        &["UPDATE t SET id = id + 1"],
        &["MERGE INTO t USING (SELECT 2 k FROM dual UNION ALL SELECT 9 FROM dual) s ON (t.id = s.k) \
           WHEN MATCHED THEN UPDATE SET v = 'm' WHEN NOT MATCHED THEN INSERT VALUES (s.k, 'n')"],
        &["DELETE FROM t"],
        &["INSERT INTO t SELECT LEVEL, 'z' FROM dual CONNECT BY LEVEL <= 3"],
    ];
    for step in steps {
        for sql in *step {
            run(&mut s, sql).unwrap();
        }
        s.commit().unwrap();
        let now = rows(&mut s, "SELECT id, v FROM t ORDER BY id");
        history.push((scn(&mut s), now));
    }
    assert_eq!(history[4].1, ["2|a", "3|B!", "5|d"]);
    assert_eq!(history[5].1, ["2|m", "3|B!", "5|d", "9|n"]);
    for (scn, then) in &history {
        assert_eq!(as_of(&mut s, *scn), *then, "as of {scn}");
    }
    // Changes that are not committed are nobody's yet, and one that is rolled back never was.
    let last = history.last().unwrap().clone();
    run(&mut s, "DELETE FROM t").unwrap();
    assert_eq!((scn(&mut s), as_of(&mut s, last.0)), last);
    s.rollback().unwrap();
    assert_eq!(as_of(&mut s, last.0), last.1);
    run(&mut s, "CREATE VIEW w AS SELECT v FROM t").unwrap();
    let sql = "SELECT count(*) FROM w AS OF SCN :1 x, t WHERE x.v = 'm' AND t.id = 1";
    assert_eq!(rows_with(&mut s, sql, &[Datum::Int(history[5].0)]).unwrap(), ["1"]);
    assert_eq!(rows(&mut s, "SELECT ora_rowscn FROM t WHERE id = 1"), [last.0.to_string()]);
}

#[test]
fn rowid_ranges_hold_in_every_version() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(10))").unwrap();
    run(&mut s, "INSERT INTO t SELECT LEVEL, 'x' FROM dual CONNECT BY LEVEL <= 40000").unwrap();
    s.commit().unwrap();
    let then = scn(&mut s);
    let cut = &rows(&mut s, "SELECT rowid FROM t WHERE id = 30000")[0];
    run(&mut s, "DELETE FROM t WHERE MOD(id, 2) = 0").unwrap();
    run(&mut s, "INSERT INTO t SELECT LEVEL, 'y' FROM dual CONNECT BY LEVEL <= 100").unwrap();
    s.commit().unwrap();
    let mut count =
        |condition: &str| rows(&mut s, &format!("SELECT count(*), min(v) FROM t AS OF SCN {then} WHERE {condition}"))[0].clone();
    assert_eq!(count(&format!("ROWID < '{cut}'")), "29999|x");
    assert_eq!(count(&format!("ROWID >= '{cut}' AND id > 0")), "10001|x");
}

#[test]
fn what_cannot_be_read_is_refused_with_oracles_codes() {
    let mut s = memory();
    let before = scn(&mut s);
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(10))").unwrap();
    run(&mut s, "INSERT INTO t VALUES (1, 'a')").unwrap();
    s.commit().unwrap();
    let made = scn(&mut s);
    let mut error = |sql: String| code(rows_with(&mut s, &sql, &[]));
    assert_eq!(error(format!("SELECT * FROM t AS OF SCN {before}")), 1466);
    assert_eq!(error(format!("SELECT * FROM t AS OF SCN {}", made + 1)), 8181);
    assert_eq!(error("SELECT * FROM t AS OF SCN 1".into()), 1555);
    assert_eq!(error("SELECT * FROM t AS OF TIMESTAMP SYSTIMESTAMP - 1".into()), 8180);
    assert_eq!(error(format!("SELECT * FROM user_tables AS OF SCN {made}")), 3001);
    run(&mut s, "TRUNCATE TABLE t").unwrap();
    assert_eq!(code(rows_with(&mut s, &format!("SELECT * FROM t AS OF SCN {made}"), &[])), 1466);
    let emptied = scn(&mut s);
    run(&mut s, "INSERT INTO t VALUES (2, 'b')").unwrap();
    s.commit().unwrap();
    assert_eq!(as_of(&mut s, emptied), Vec::<String>::new());
}

#[test]
fn times_are_scns() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(10))").unwrap();
    let made = scn(&mut s);
    std::thread::sleep(Duration::from_millis(5));
    let time = rows(&mut s, "SELECT TO_CHAR(SYSTIMESTAMP, 'YYYY-MM-DD HH24:MI:SS.FF6 TZH:TZM') FROM dual")[0].clone();
    run(&mut s, "INSERT INTO t VALUES (1, 'a')").unwrap();
    std::thread::sleep(Duration::from_millis(5));
    s.commit().unwrap();
    let time = format!("TO_TIMESTAMP_TZ('{time}', 'YYYY-MM-DD HH24:MI:SS.FF6 TZH:TZM')");
    assert_eq!(value(&mut s, &format!("TIMESTAMP_TO_SCN({time})")), made.to_string());
    assert_eq!(rows(&mut s, &format!("SELECT count(*) FROM t AS OF TIMESTAMP {time}")), ["0"]);
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t AS OF TIMESTAMP SYSTIMESTAMP"), ["1"]);
    let back = format!("CASE WHEN SCN_TO_TIMESTAMP({made}) <= SYS_EXTRACT_UTC({time}) THEN 'then' END");
    assert_eq!(value(&mut s, &back), "then");
    let current = value(&mut s, "dbms_flashback.get_system_change_number()");
    assert_eq!(current, scn(&mut s).to_string());
}

#[test]
fn old_versions_go_when_their_time_is_over() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(10))").unwrap();
    run(&mut s, "INSERT INTO t VALUES (1, 'a')").unwrap();
    s.commit().unwrap();
    let then = scn(&mut s);
    run(&mut s, "UPDATE t SET v = 'b'").unwrap();
    s.commit().unwrap();
    assert_eq!(as_of(&mut s, then), ["1|a"]);
    let catalog = std::sync::Arc::clone(&s.catalog);
    crate::engine::undo::prune(&s.connection, &catalog, Duration::ZERO).unwrap();
    assert_eq!(code(rows_with(&mut s, &format!("SELECT * FROM t AS OF SCN {then}"), &[])), 1555);
    let now = scn(&mut s);
    assert_eq!(as_of(&mut s, now), ["1|b"]);
    let left: i64 = s.connection.query_row("SELECT count(*) FROM ora_commit", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
}

#[test]
fn a_file_from_before_there_was_undo_gets_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let mut s = Session::connect(path.to_str().unwrap(), "scott", "").unwrap();
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(10))").unwrap();
    run(&mut s, "INSERT INTO t VALUES (1, 'a')").unwrap();
    s.commit().unwrap();
    let table = s.catalog.table("SCOTT", "T").unwrap().clone();
    let old = format!("ALTER TABLE {} DROP COLUMN s; DROP TABLE ora_commit; DROP TABLE ora_undo", table.storage_name());
    crate::engine::undo::end_table(&s.connection, &table).unwrap();
    s.connection.execute_batch(&old).unwrap();
    drop(s);
    let mut s = Session::connect(path.to_str().unwrap(), "scott", "").unwrap();
    let then = scn(&mut s);
    run(&mut s, "UPDATE t SET v = 'b'").unwrap();
    s.commit().unwrap();
    assert_eq!((as_of(&mut s, then), rows(&mut s, "SELECT v FROM t")), (vec!["1|a".to_owned()], vec!["b".to_owned()]));
}

#[test]
fn a_sample_is_about_as_large_as_asked_for() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER)").unwrap();
    run(&mut s, "INSERT INTO t SELECT LEVEL FROM dual CONNECT BY LEVEL <= 20000").unwrap();
    let count: i64 = rows(&mut s, "SELECT count(rowid) FROM t SAMPLE BLOCK (10)")[0].parse().unwrap();
    assert!((1500..2500).contains(&count), "{count}");
    assert_eq!(code(rows_with(&mut s, "SELECT id FROM t SAMPLE (100)", &[])), 30562);
}

#[test]
fn extents_cover_every_row_of_every_state() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER)").unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*) FROM user_extents WHERE segment_name = 'T'"), ["0"]);
    run(&mut s, "INSERT INTO t SELECT level FROM dual CONNECT BY level <= 3000").unwrap();
    s.commit().unwrap();
    let then = scn(&mut s);
    run(&mut s, "DELETE FROM t WHERE id > 10").unwrap();
    s.commit().unwrap();
    let slices = rows(
        &mut s,
        "SELECT dbms_rowid.rowid_create(1, o.data_object_id, e.relative_fno, e.block_id, 0),
                dbms_rowid.rowid_create(1, o.data_object_id, e.relative_fno, e.block_id + e.blocks - 1, 32767)
         FROM dba_extents e JOIN dba_objects o ON o.owner = e.owner AND o.object_name = e.segment_name
         WHERE e.owner = user AND e.segment_name = 'T' ORDER BY e.extent_id",
    );
    assert_eq!(slices.len(), 3);
    let mut seen = Vec::new();
    for slice in &slices {
        let (low, high) = slice.split_once('|').unwrap();
        let sql = format!("SELECT id FROM t AS OF SCN {then} WHERE ROWID BETWEEN :1 AND :2 ORDER BY id");
        seen.extend(rows_with(&mut s, &sql, &[Datum::Text(low), Datum::Text(high)]).unwrap());
    }
    assert_eq!(seen.len(), 3000);
    assert_eq!(seen[2999], "3000");
    let sql = "SELECT count(*) FROM t WHERE ROWID >= (SELECT min(r) FROM (SELECT rowid r FROM t)) AND ROWID < (SELECT max(rowid) FROM t)";
    assert_eq!(rows(&mut s, sql), ["9"]);
    assert_eq!(rows(&mut s, "SELECT sum(extents) FROM user_segments"), ["3"]);
}

#[test]
fn slices_read_only_their_part_of_the_file() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER)").unwrap();
    let mut statement = s.prepare("SELECT id FROM t AS OF SCN 1000000 WHERE ROWID BETWEEN :1 AND :2").unwrap();
    let _ = s.open(&mut statement, &[Datum::Null, Datum::Null]);
    let Some((_, crate::engine::session::statement::Plan::Query(query, _))) = &statement.plan else { panic!("no query") };
    let mut explain = s.connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.text)).unwrap();
    let steps: Vec<String> = explain.query_map([None::<i64>, None], |row| row.get(3)).unwrap().map(|step| step.unwrap()).collect();
    for (part, range) in [("SEARCH t", "rowid>? AND rowid<?"), ("SEARCH v", "rid>? AND rid<?")] {
        assert!(steps.iter().any(|step| step.starts_with(part) && step.contains(range)), "{steps:?}");
    }
}
