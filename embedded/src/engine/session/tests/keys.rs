//! Keys are checked when a statement ends.

use super::*;

fn family(s: &mut Session) {
    run(s, "CREATE TABLE p (id NUMBER PRIMARY KEY, code VARCHAR2(5) CONSTRAINT p_code UNIQUE, v NUMBER CHECK (v > 0), CHECK (id < 100))")
        .unwrap();
    run(s, "CREATE TABLE c (id NUMBER CONSTRAINT c_p REFERENCES p, code VARCHAR2(5) CONSTRAINT c_code REFERENCES p (code))").unwrap();
    run(s, "INSERT INTO p SELECT level, chr(64 + level), level FROM dual CONNECT BY level <= 4").unwrap();
    s.commit().unwrap();
}

#[test]
fn keys_of_parents_change_as_a_whole() {
    let mut s = memory();
    family(&mut s);
    run(&mut s, "UPDATE p SET id = id + 1").unwrap();
    run(&mut s, "UPDATE p SET id = id - 1, v = v * 2").unwrap();
    run(&mut s, "UPDATE p SET id = 5 - id").unwrap();
    assert_eq!(rows(&mut s, "SELECT id, code, v FROM p ORDER BY id"), ["1|D|8", "2|C|6", "3|B|4", "4|A|2"]);
    s.rollback().unwrap();
    // Children keep what is still there, whichever row it is, and only that.
    run(&mut s, "INSERT INTO c VALUES (2, 'C')").unwrap();
    run(&mut s, "UPDATE p SET id = 5 - id, code = chr(69 - id)").unwrap();
    assert_eq!(
        message(run(&mut s, "UPDATE p SET id = id + 2")),
        "ORA-02292: integrity constraint (SCOTT.C_P) violated - child record found"
    );
    assert_eq!(
        message(run(&mut s, "UPDATE p SET code = code || 'x'")),
        "ORA-02292: integrity constraint (SCOTT.C_CODE) violated - child record found"
    );
    assert_eq!(rows(&mut s, "SELECT id, code FROM p ORDER BY id"), ["1|A", "2|B", "3|C", "4|D"]);
    // Equal keys, rules of the row and NULL are told as ever, and nothing is changed then.
    assert_eq!(code(run(&mut s, "UPDATE p SET id = trunc(id / 2)")), 1);
    assert_eq!(message(run(&mut s, "UPDATE p SET code = 'E' WHERE id > 2")), "ORA-00001: unique constraint (SCOTT.P_CODE) violated");
    assert_eq!(code(run(&mut s, "UPDATE p SET id = id + 97, code = code || '2' WHERE id > 2")), 2290);
    assert_eq!(code(run(&mut s, "UPDATE p SET id = CASE WHEN id < 3 THEN id + 10 END")), 1407);
    assert_eq!(rows(&mut s, "SELECT id, code FROM p ORDER BY id"), ["1|A", "2|B", "3|C", "4|D"]);
    let merge =
        "MERGE INTO p USING (SELECT level n FROM dual CONNECT BY level <= 4) q ON (p.v = q.n) WHEN MATCHED THEN UPDATE SET id = 5 - id";
    assert_eq!(run(&mut s, merge).unwrap(), 4);
    assert_eq!(rows(&mut s, "SELECT id FROM p ORDER BY v"), ["1", "2", "3", "4"]);
}

#[test]
fn former_keys_of_parents_are_remembered() {
    let mut s = memory();
    family(&mut s);
    let before = rows(&mut s, "SELECT current_scn FROM v$database").remove(0);
    run(&mut s, "UPDATE p SET id = id + 1, code = code || '2'").unwrap();
    s.commit().unwrap();
    let sql = format!("SELECT id, code FROM p AS OF SCN {before} ORDER BY id");
    assert_eq!(rows(&mut s, &sql), ["1|A", "2|B", "3|C", "4|D"]);
    assert_eq!(rows(&mut s, "SELECT id, code FROM p ORDER BY id"), ["2|A2", "3|B2", "4|C2", "5|D2"]);
}

#[test]
fn a_table_that_refers_to_itself_is_renumbered() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE e (id NUMBER PRIMARY KEY, boss NUMBER CONSTRAINT e_boss REFERENCES e)").unwrap();
    run(&mut s, "INSERT INTO e SELECT level, nullif(level - 1, 0) FROM dual CONNECT BY level <= 4").unwrap();
    run(&mut s, "UPDATE e SET id = id + 1, boss = boss + 1").unwrap();
    assert_eq!(rows(&mut s, "SELECT id, boss FROM e ORDER BY id"), ["2|NULL", "3|2", "4|3", "5|4"]);
    let lost = "ORA-02292: integrity constraint (SCOTT.E_BOSS) violated - child record found";
    assert_eq!(message(run(&mut s, "UPDATE e SET id = id + 1")), lost);
    assert_eq!(message(run(&mut s, "UPDATE e SET id = 9 WHERE id = 2")), lost);
    assert_eq!(
        message(run(&mut s, "UPDATE e SET boss = 77 WHERE id = 2")),
        "ORA-02291: integrity constraint (SCOTT.E_BOSS) violated - parent key not found"
    );
    run(&mut s, "UPDATE e SET id = 6 WHERE id = 5").unwrap();
}

fn message(result: Result<impl std::fmt::Debug>) -> String {
    result.unwrap_err().message
}

#[test]
fn columns_of_a_grouped_query_are_its_keys_in_subqueries_too() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (a NUMBER, b NUMBER, d DATE)").unwrap();
    run(&mut s, "CREATE TABLE u (a NUMBER, n NUMBER)").unwrap();
    run(&mut s, "INSERT INTO t SELECT mod(level, 2), level, DATE '2024-01-01' + level FROM dual CONNECT BY level <= 4").unwrap();
    run(&mut s, "INSERT INTO u SELECT level - 1, level * 10 FROM dual CONNECT BY level <= 3").unwrap();
    for (sql, expected) in [
        ("SELECT a, (SELECT n FROM u WHERE u.a = t.a) FROM t GROUP BY a ORDER BY a", vec!["0|10", "1|20"]),
        ("SELECT a + 1, (SELECT n FROM u WHERE u.a = t.a + 1) FROM t GROUP BY a + 1 ORDER BY 1", vec!["1|20", "2|30"]),
        ("SELECT a, sum((SELECT n FROM u WHERE u.a = t.a)) FROM t GROUP BY a ORDER BY a", vec!["0|20", "1|40"]),
        ("SELECT a FROM t GROUP BY a HAVING EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND n > 10)", vec!["1"]),
        (
            "SELECT (SELECT max(n) FROM u WHERE EXISTS (SELECT 1 FROM dual WHERE u.a = trunc(t.a))) FROM t GROUP BY trunc(t.a) ORDER BY 1",
            vec!["10", "20"],
        ),
        ("SELECT a, count(*) FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.n = t.b * 10) GROUP BY a ORDER BY a", vec!["0|1", "1|2"]),
    ] {
        assert_eq!(rows(&mut s, sql), expected, "{sql}");
    }
    for (sql, expected) in [
        ("SELECT a + 1, (SELECT n FROM u WHERE u.a = t.b) FROM t GROUP BY a + 1", 979),
        ("SELECT a + 1, (SELECT n FROM u WHERE u.a = t.a) FROM t GROUP BY a + 1", 979),
        ("SELECT trunc(d), (SELECT max(n) FROM u WHERE EXISTS (SELECT 1 FROM dual WHERE u.a = t.b)) FROM t GROUP BY trunc(d)", 979),
        ("SELECT a + 1 FROM t GROUP BY a + 1 HAVING EXISTS (SELECT 1 FROM u WHERE u.a = t.b)", 979),
        ("SELECT a + 1 FROM t GROUP BY a + 1 ORDER BY (SELECT n FROM u WHERE u.a = t.b)", 979),
        ("SELECT x.k FROM (SELECT a + 1 k, (SELECT n FROM u WHERE u.a = t.b) n FROM t GROUP BY a + 1) x", 979),
        ("SELECT count(*), (SELECT n FROM u WHERE u.a = t.b) FROM t", 937),
        ("SELECT count(*) FROM t HAVING EXISTS (SELECT 1 FROM u WHERE u.a = t.b)", 937),
        ("SELECT a, max(b), CASE WHEN b > 1 THEN 1 END FROM t GROUP BY a", 979),
    ] {
        assert_eq!(rows_with(&mut s, sql, &[]).map_err(|error| error.code), Err(expected), "{sql}");
    }
}
