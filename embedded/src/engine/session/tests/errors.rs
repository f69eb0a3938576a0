//! The errors that loaders meet, each with Oracle's whole text and its place in the statement.

use super::*;

#[test]
fn errors_name_what_they_concern_and_where() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE p (id NUMBER CONSTRAINT p_pk PRIMARY KEY)").unwrap();
    run(
        &mut s,
        "CREATE TABLE t (id NUMBER(4,2) CONSTRAINT t_pk PRIMARY KEY, v VARCHAR2(3), n NUMBER NOT NULL, d DATE, \
         p NUMBER CONSTRAINT t_fk REFERENCES p, CONSTRAINT t_ck CHECK (n > 0))",
    )
    .unwrap();
    run(&mut s, "INSERT INTO p VALUES (1)").unwrap();
    run(&mut s, "INSERT INTO t VALUES (1, 'a', 1, NULL, 1)").unwrap();
    for (sql, message, offset) in [
        ("INSERT INTO t (id, n) VALUES (1, 1)", "ORA-00001: unique constraint (SCOTT.T_PK) violated", None),
        ("INSERT INTO t (id, x) VALUES (1, 1)", "ORA-00904: \"X\": invalid identifier", Some(19)),
        ("UPDATE t SET n = y", "ORA-00904: \"Y\": invalid identifier", Some(17)),
        ("SELECT t.z FROM t", "ORA-00904: \"T\".\"Z\": invalid identifier", Some(7)),
        ("INSERT INTO t (id) VALUES (1, 2)", "ORA-00913: too many values", None),
        ("INSERT INTO t (id, n) VALUES (1)", "ORA-00947: not enough values", None),
        ("INSERT INTO t (id, n) VALUES (DATE '2024-01-01', 1)", "ORA-00932: inconsistent datatypes: expected NUMBER got DATE", None),
        ("INSERT INTO nowhere VALUES (1)", "ORA-00942: table or view does not exist", Some(12)),
        ("DELETE FROM scott.nowhere", "ORA-00942: table or view does not exist", Some(12)),
        ("INSERT INTO t (id, n) VALUES (2, NULL)", "ORA-01400: cannot insert NULL into (\"SCOTT\".\"T\".\"N\")", None),
        ("UPDATE t SET n = NULL", "ORA-01407: cannot update (\"SCOTT\".\"T\".\"N\") to NULL", None),
        ("UPDATE t SET id = 100", "ORA-01438: value larger than specified precision allowed for this column", None),
        ("UPDATE t SET n = 'x'", "ORA-01722: invalid number", None),
        ("UPDATE t SET d = '01-JAN-24 1'", "ORA-01830: date format picture ends before converting entire input string", None),
        ("UPDATE t SET d = '01-XXX-24'", "ORA-01843: not a valid month", None),
        ("UPDATE t SET d = '32-JAN-24'", "ORA-01847: day of month must be between 1 and last day of month", None),
        ("UPDATE t SET d = '31-APR-24'", "ORA-01839: date not valid for month specified", None),
        ("UPDATE t SET d = 'JAN'", "ORA-01858: a non-numeric character was found where a numeric was expected", None),
        ("UPDATE t SET d = '01-JAN'", "ORA-01840: input value not long enough for date format", None),
        ("INSERT INTO t (id, n) VALUES (2, 0)", "ORA-02290: check constraint (SCOTT.T_CK) violated", None),
        ("UPDATE t SET p = 9", "ORA-02291: integrity constraint (SCOTT.T_FK) violated - parent key not found", None),
        ("DELETE FROM p", "ORA-02292: integrity constraint (SCOTT.T_FK) violated - child record found", None),
        ("UPDATE t SET v = 'abcde'", "ORA-12899: value too large for column \"SCOTT\".\"T\".\"V\" (actual: 5, maximum: 3)", None),
        ("UPDATE t SET v = 'ää'", "ORA-12899: value too large for column \"SCOTT\".\"T\".\"V\" (actual: 4, maximum: 3)", None),
        ("UPDATE t SET n = 1 / 0", "ORA-01476: divisor is equal to zero", None),
        ("UPDATE t SET n = POWER(10, 200)", "ORA-01426: numeric overflow", None),
    ] {
        let error = run(&mut s, sql).expect_err(sql);
        assert_eq!(error.message, message, "{sql}");
        if offset.is_some() {
            assert_eq!(error.offset, offset, "{sql}");
        }
    }
    assert_eq!(rows(&mut s, "SELECT id, v, n, d, p FROM t"), ["1|a|1|NULL|1"], "a statement that fails changes nothing");
}

#[test]
fn what_the_engine_does_not_have_is_refused_by_name() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(10))").unwrap();
    for (sql, named) in [
        ("CREATE TRIGGER tr BEFORE INSERT ON t BEGIN NULL; END;", "TRIGGER"),
        ("CREATE MATERIALIZED VIEW m AS SELECT 1 FROM dual", "MATERIALIZED"),
        ("CREATE SYNONYM x FOR t", "SYNONYM"),
        ("CREATE TYPE o AS OBJECT (a NUMBER)", "TYPE"),
        ("CREATE TABLE x (a BFILE)", "BFILE"),
        ("CREATE TABLE x (a XMLTYPE)", "XMLTYPE"),
        ("CREATE TABLE x (a NUMBER, b NUMBER GENERATED ALWAYS AS (a + 1))", "virtual column"),
        ("SELECT MEDIAN(id) FROM t", "MEDIAN"),
        ("INSERT ALL INTO t VALUES (1, 'a') INTO t VALUES (2, 'b') SELECT * FROM dual", "INSERT ALL"),
        ("SELECT max(v) KEEP (DENSE_RANK FIRST ORDER BY id) FROM t", "KEEP"),
        (
            "WITH r (n) AS (SELECT 1 FROM dual UNION ALL SELECT n + 1 FROM r WHERE n < 3) SEARCH DEPTH FIRST BY n SET o SELECT n FROM r",
            "SEARCH",
        ),
        ("WITH r (n) AS (SELECT 1 FROM dual UNION ALL SELECT 1 FROM r) CYCLE n SET c TO 1 DEFAULT 0 SELECT n FROM r", "CYCLE"),
        ("SELECT dbms_lob.substr(to_clob(v), 1, 1) FROM t", "DBMS_LOB.SUBSTR"),
        ("SELECT XMLELEMENT(v) FROM t", "XMLELEMENT"),
        ("SELECT * FROM t FOR UPDATE SKIP LOCKED", "SKIP LOCKED"),
        ("EXPLAIN PLAN FOR SELECT 1 FROM dual", "EXPLAIN"),
    ] {
        let error = run(&mut s, sql).map(drop).and_then(|()| rows_with(&mut s, sql, &[]).map(drop)).expect_err(sql);
        assert_eq!(error.code, 3001, "{sql}: {error}");
        assert!(error.message.contains(named), "{sql}: {error}");
    }
}
