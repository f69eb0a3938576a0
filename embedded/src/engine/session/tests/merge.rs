//! MERGE.

use super::*;

fn target() -> Session {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v NUMBER(5), name VARCHAR2(5) DEFAULT 'new')").unwrap();
    run(&mut s, "INSERT INTO t VALUES (1, 10, 'one')").unwrap();
    run(&mut s, "INSERT INTO t VALUES (2, 20, 'two')").unwrap();
    s
}

const UPSERT: &str = "MERGE INTO t USING (SELECT :1 k, CAST(:2 AS NUMBER) v FROM dual) s ON (t.id = s.k)
    WHEN MATCHED THEN UPDATE SET t.v = s.v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.k, s.v)";

#[test]
fn upsert_updates_what_is_there_and_inserts_what_is_not() {
    let mut s = target();
    let mut merge = s.prepare(UPSERT).unwrap();
    assert_eq!(s.execute(&mut merge, &[Datum::Int(1), Datum::Int(11)]).unwrap(), 1);
    assert_eq!(s.execute(&mut merge, &[Datum::Int(3), Datum::Text("33")]).unwrap(), 1);
    assert_eq!(s.execute(&mut merge, &[Datum::Int(2), Datum::Null]).unwrap(), 1);
    assert_eq!(rows(&mut s, "SELECT * FROM t ORDER BY id"), ["1|11|one", "2|NULL|two", "3|33|new"]);
}

#[test]
fn arrays_report_each_row_and_keep_the_good_ones() {
    let mut s = target();
    let mut merge = s.prepare(UPSERT).unwrap();
    let values = [(1, Datum::Int(100)), (5, Datum::Int(5)), (6, Datum::Int(100_000)), (5, Datum::Int(6)), (7, Datum::Text("x"))];
    let mut outcomes = Vec::new();
    s.execute_array(
        &mut merge,
        0..5,
        &mut |row, binds| {
            let (key, value) = values[row as usize];
            binds.copy_from_slice(&[Datum::Int(key), value]);
            Ok(())
        },
        &mut |_, outcome| {
            outcomes.push(outcome.map_err(|error| error.code));
            true
        },
    )
    .unwrap();
    assert_eq!(outcomes, [Ok(1), Ok(1), Err(1438), Ok(1), Err(1722)]);
    assert_eq!(rows(&mut s, "SELECT id, v FROM t ORDER BY id"), ["1|100", "2|20", "5|6"]);
}

#[test]
fn tables_and_queries_as_sources_with_conditions_and_deletion() {
    let mut s = target();
    run(&mut s, "CREATE TABLE u (k NUMBER, v NUMBER, gone CHAR(1))").unwrap();
    for (k, v, gone) in [(1, 15, "n"), (2, 25, "y"), (3, 35, "n"), (4, 45, "y")] {
        run_with(&mut s, "INSERT INTO u VALUES (:1, :2, :3)", &[Datum::Int(k), Datum::Int(v), Datum::Text(gone)]).unwrap();
    }
    let merged = run(
        &mut s,
        "MERGE INTO t a USING u b ON (a.id = b.k) WHEN MATCHED THEN UPDATE SET v = a.v + b.v DELETE WHERE b.gone = 'y' AND a.v = 45
         WHEN NOT MATCHED THEN INSERT (id, v, name) VALUES (b.k, b.v, DEFAULT) WHERE b.gone = 'n'",
    );
    assert_eq!(merged.unwrap(), 3);
    assert_eq!(rows(&mut s, "SELECT * FROM t ORDER BY id"), ["1|25|one", "3|35|new"]);
    let merged = run(
        &mut s,
        "MERGE INTO t USING (SELECT k, sum(v) v FROM u GROUP BY k) s ON (t.id = s.k) WHEN MATCHED THEN UPDATE SET v = s.v WHERE t.v > 30",
    );
    assert_eq!(merged.unwrap(), 1);
    assert_eq!(
        run(&mut s, "MERGE INTO t USING u ON (t.id = u.k) WHEN NOT MATCHED THEN INSERT VALUES (u.k, 1 / (u.k - 1), 'x')").unwrap(),
        2
    );
    assert_eq!(rows(&mut s, "SELECT id FROM t ORDER BY id"), ["1", "2", "3", "4"]);
    assert_eq!(
        run_with(
            &mut s,
            "MERGE INTO t USING (SELECT :k k FROM dual) s ON (t.id = s.k) WHEN MATCHED THEN UPDATE SET v = 0 DELETE WHERE t.id = s.k AND v = :v",
            &[Datum::Int(4), Datum::Int(0)]
        )
        .unwrap(),
        1
    );
    assert_eq!(rows(&mut s, "SELECT id FROM t ORDER BY id"), ["1", "2", "3"]);
}

#[test]
fn keys_may_move_within_a_merge() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v NUMBER UNIQUE)").unwrap();
    run(&mut s, "INSERT INTO t SELECT 1, 1 FROM dual").unwrap();
    run(&mut s, "INSERT INTO t SELECT 2, 2 FROM dual").unwrap();
    run(&mut s, "MERGE INTO t USING (SELECT id, v FROM t) s ON (t.id = s.id) WHEN MATCHED THEN UPDATE SET v = s.v + 1").unwrap();
    assert_eq!(rows(&mut s, "SELECT id, v FROM t ORDER BY id"), ["1|2", "2|3"]);
}

#[test]
fn errors_of_merge() {
    let mut s = target();
    run(&mut s, "CREATE TABLE u (k NUMBER, v NUMBER)").unwrap();
    for v in [1, 2] {
        run_with(&mut s, "INSERT INTO u VALUES (1, :1)", &[Datum::Int(v)]).unwrap();
    }
    for (tail, message) in [
        ("u ON (t.id = u.k) WHEN MATCHED THEN UPDATE SET v = u.v", "ORA-30926: unable to get a stable set of rows in the source tables"),
        (
            "u ON (t.id = u.k) WHEN MATCHED THEN UPDATE SET id = u.v",
            "ORA-38104: Columns referenced in the ON Clause cannot be updated: \"T\".\"ID\"",
        ),
        (
            "u ON (t.id = u.k + 5) WHEN NOT MATCHED THEN INSERT (id) VALUES (t.name)",
            "ORA-38101: Invalid column in the INSERT VALUES Clause: \"T\".\"NAME\"",
        ),
        ("u ON (t.id = u.k + 5) WHEN NOT MATCHED THEN INSERT (id) VALUES (u.nope)", "ORA-00904: \"U\".\"NOPE\": invalid identifier"),
        ("u ON (t.id = u.k + 5) WHEN NOT MATCHED THEN INSERT (id) VALUES (1)", "ORA-00001: unique constraint (SCOTT.T_PK) violated"),
        (
            "u ON (t.id = u.k + 5) WHEN NOT MATCHED THEN INSERT (v) VALUES (1)",
            "ORA-01400: cannot insert NULL into (\"SCOTT\".\"T\".\"ID\")",
        ),
        ("u ON (t.id = u.k + 5) WHEN NOT MATCHED THEN INSERT (id, v) VALUES (1)", "ORA-00947: not enough values"),
        ("missing ON (1 = 1) WHEN MATCHED THEN UPDATE SET v = 1", "ORA-00942: table or view does not exist"),
        ("u ON (t.id = u.k)", "ORA-00905: missing keyword"),
        ("u ON (t.id = u.k) WHEN MATCHED THEN DELETE", "ORA-00905: missing keyword"),
    ] {
        let error = run(&mut s, &format!("MERGE INTO t USING {tail}")).expect_err(tail);
        let expected =
            message.replace("T_PK", &rows(&mut s, "SELECT constraint_name FROM user_constraints WHERE constraint_type = 'P'")[0]);
        assert_eq!(error.message, expected, "{tail}");
        assert_eq!(rows(&mut s, "SELECT * FROM t ORDER BY id"), ["1|10|one", "2|20|two"], "{tail}");
    }
    // Rows that WHERE leaves out do not count.
    run(&mut s, "MERGE INTO t USING u ON (t.id = u.k) WHEN MATCHED THEN UPDATE SET v = u.v WHERE u.v = 2").unwrap();
    assert_eq!(rows(&mut s, "SELECT v FROM t ORDER BY id"), ["2", "20"]);
}

#[test]
fn updates_and_deletes_by_key_and_rowid_are_one_statement() {
    let mut s = target();
    let by_rowid = rows(&mut s, "SELECT rowid FROM t WHERE id = 2");
    let name = [Datum::Text("TWO"), Datum::Text(&by_rowid[0])];
    assert_eq!(run_with(&mut s, "UPDATE t SET name = :1 WHERE rowid = :2", &name).unwrap(), 1);
    assert_eq!(run_with(&mut s, "UPDATE t x SET x.name = :1 WHERE x.id = :2", &[Datum::Text("One"), Datum::Int(1)]).unwrap(), 1);
    // A value that does not fit is an error only where a row is hit.
    let long = Datum::Text("too long");
    assert_eq!(run_with(&mut s, "UPDATE t SET name = :1 WHERE id = :2", &[long, Datum::Int(9)]).unwrap(), 0);
    assert_eq!(code(run_with(&mut s, "UPDATE t SET name = :1 WHERE id = :2", &[long, Datum::Int(1)])), 12899);
    assert_eq!(rows(&mut s, "SELECT name FROM t ORDER BY id"), ["One", "TWO"]);
    assert_eq!(run_with(&mut s, "DELETE FROM t WHERE rowid = :1", &[Datum::Text(&by_rowid[0])]).unwrap(), 1);
    assert_eq!(run_with(&mut s, "DELETE FROM t x WHERE x.id IN (SELECT id FROM t WHERE id = :1)", &[Datum::Int(1)]).unwrap(), 1);
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), ["0"]);
}
