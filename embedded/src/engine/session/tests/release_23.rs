//! What a server of release 23 has besides: BOOLEAN and JSON.

use super::*;
use crate::engine::Release;

fn memory_23() -> Session {
    Session { release: Release::R23, ..memory() }
}

#[test]
fn booleans_are_stored_compared_and_converted() {
    let mut s = memory_23();
    run(&mut s, "CREATE TABLE t (id NUMBER, b BOOLEAN DEFAULT TRUE, n BOOLEAN NOT NULL, CONSTRAINT both CHECK (b OR n))").unwrap();
    for (id, datum) in [
        (1, Datum::Boolean(true)),
        (2, Datum::Int(0)),
        (3, Datum::Text(" yes ")),
        (4, Datum::Text("OFF")),
        (5, Datum::Null),
        (6, Datum::BinaryDouble(0.5)),
    ] {
        assert_eq!(run_with(&mut s, "INSERT INTO t VALUES (:1, :2, TRUE)", &[Datum::Int(id), datum]).unwrap(), 1);
    }
    run(&mut s, "INSERT INTO t (id, n) VALUES (7, 1 = 2)").unwrap();
    assert_eq!(
        rows(&mut s, "SELECT id, b FROM t ORDER BY b, id"),
        ["2|FALSE", "4|FALSE", "1|TRUE", "3|TRUE", "6|TRUE", "7|TRUE", "5|NULL"]
    );
    for (condition, expected) in [
        ("b", "1,3,6,7"),
        ("NOT b", "2,4"),
        ("b IS NOT TRUE", "2,4,5"),
        ("b IS FALSE", "2,4"),
        ("b = 'true'", "1,3,6,7"),
        ("b = 0", "2,4"),
        ("b > FALSE AND n", "1,3,6"),
        ("b = (id > 6)", "2,4,7"),
        ("b AND n IS NULL", ""),
    ] {
        let sql = format!("SELECT LISTAGG(id, ',') WITHIN GROUP (ORDER BY id) FROM t WHERE {condition}");
        assert_eq!(rows(&mut s, &sql)[0].replace("NULL", ""), expected, "{condition}");
    }
    for (expression, expected) in [
        ("TRUE", "TRUE"),
        ("TO_CHAR(FALSE)", "FALSE"),
        ("TO_NUMBER(TRUE) + TRUE", "2"),
        ("CAST(TRUE AS VARCHAR2(5)) || '!'", "TRUE!"),
        ("CAST('n' AS BOOLEAN)", "FALSE"),
        ("CAST(TRUE AS NUMBER(1))", "1"),
        ("TO_BOOLEAN('On')", "TRUE"),
        ("1 < 2 AND NULL IS NULL", "TRUE"),
        ("CASE WHEN TRUE THEN 'yes' END", "yes"),
        ("NVL(CAST(NULL AS BOOLEAN), FALSE)", "FALSE"),
        ("TRUE AND NULL", "NULL"),
        ("CAST(CASE WHEN FALSE THEN 1 WHEN NOT FALSE THEN 0 END AS NUMBER(1))", "0"),
    ] {
        assert_eq!(value(&mut s, expression), expected, "{expression}");
    }
    assert_eq!(rows(&mut s, "SELECT SUM(b), COUNT(DISTINCT b), MIN(b) FROM t"), ["4|2|FALSE"]);
    assert_eq!(rows_with(&mut s, "SELECT id FROM t WHERE b = :1 AND id < 3", &[Datum::Boolean(false)]).unwrap(), ["2"]);
    for (sql, message) in [
        ("INSERT INTO t VALUES (9, 'maybe', TRUE)", "ORA-61800: invalid boolean literal: maybe"),
        ("INSERT INTO t VALUES (9, DATE '2024-01-01', TRUE)", "ORA-00932: inconsistent datatypes: expected BOOLEAN got DATE"),
        ("INSERT INTO t VALUES (9, FALSE, FALSE)", "ORA-02290: check constraint (SCOTT.BOTH) violated"),
        ("INSERT INTO t VALUES (9, TRUE, NULL)", "ORA-01400: cannot insert NULL into (\"SCOTT\".\"T\".\"N\")"),
    ] {
        assert_eq!(run(&mut s, sql).unwrap_err().message, message, "{sql}");
    }
    assert_eq!(code(s.prepare("SELECT 1 FROM t WHERE id").map(drop)), 920);
    assert_eq!(s.prepare("SELECT b, id > 1 x FROM t").unwrap().columns()[1].data_type, DataType::Boolean);
    assert_eq!(rows(&mut s, "SELECT data_type, data_length FROM user_tab_columns WHERE column_name = 'B'"), ["BOOLEAN|1"]);
}

#[test]
fn json_is_checked_kept_and_serialised() {
    let mut s = memory_23();
    run(&mut s, "CREATE TABLE t (id NUMBER PRIMARY KEY, j JSON)").unwrap();
    let mut insert = s.prepare("INSERT INTO t VALUES (:1, JSON(:2))").unwrap();
    s.execute(&mut insert, &[Datum::Int(1), Datum::Text("{ \"a\" : [1, 2.50] }")]).unwrap();
    run_with(&mut s, "INSERT INTO t VALUES (:1, :2)", &[Datum::Int(2), Datum::Bytes(b"\"\\u00e4\"")]).unwrap();
    run(&mut s, "INSERT INTO t VALUES (3, 'null')").unwrap();
    run(&mut s, "INSERT INTO t VALUES (4, NULL)").unwrap();
    run(&mut s, "UPDATE t SET j = (SELECT j FROM t WHERE id = 2) WHERE id = 4").unwrap();
    assert_eq!(
        rows(&mut s, "SELECT id, JSON_SERIALIZE(j RETURNING CLOB) j FROM t ORDER BY id"),
        ["1|{\"a\":[1,2.50]}", "2|\"ä\"", "3|null", "4|\"ä\""]
    );
    assert_eq!(rows(&mut s, "SELECT JSON_SERIALIZE(j), JSON_SERIALIZE('[ 1 ]' RETURNING VARCHAR2(10)) FROM t WHERE id = 3"), ["null|[1]"]);
    for (sql, code_expected) in [
        ("INSERT INTO t VALUES (5, '{')", 40441),
        ("INSERT INTO t VALUES (5, '{\"a\":1,\"a\":2}')", 3001),
        ("INSERT INTO t VALUES (5, 1)", 932),
    ] {
        assert_eq!(code(run(&mut s, sql)), code_expected, "{sql}");
    }
    for (sql, code_expected) in [
        ("SELECT JSON_SERIALIZE(j RETURNING VARCHAR2(3)) FROM t WHERE id = 1", 40478),
        ("SELECT * FROM t ORDER BY j", 932),
        ("SELECT DISTINCT j FROM t", 932),
        ("SELECT 1 FROM t WHERE j = '1'", 932),
        ("SELECT JSON_VALUE(j, '$.a') FROM t", 3001),
    ] {
        assert_eq!(code(rows_with(&mut s, sql, &[])), code_expected, "{sql}");
    }
    let described = s.prepare("SELECT j FROM t").unwrap();
    assert_eq!(described.columns()[0].data_type, DataType::Json);
    assert_eq!(rows(&mut s, "SELECT data_type FROM user_tab_columns WHERE column_name = 'J'"), ["JSON"]);
}

#[test]
fn vectors_keep_their_format_and_are_read_as_text() {
    let mut s = memory_23();
    run(&mut s, "CREATE TABLE t (id NUMBER, f VECTOR(2, FLOAT32), d VECTOR(*, FLOAT64), b VECTOR(2, INT8), v VECTOR)").unwrap();
    let insert = "INSERT INTO t VALUES (:1, TO_VECTOR(:2, *, FLOAT32), TO_VECTOR(:3, *, FLOAT64), TO_VECTOR(:4, 2, INT8), TO_VECTOR(:5, *, FLOAT64))";
    let text = Datum::Text;
    run_with(&mut s, insert, &[Datum::Int(1), text("[0.1,-2]"), text("[0.1]"), text("[-128,127]"), text("[0.1]")]).unwrap();
    run_with(&mut s, "INSERT INTO t VALUES (2, :1, NULL, '[1, 2]', :2)", &[text("[1e-7,3]"), text("[0.1]")]).unwrap();
    run(&mut s, "INSERT INTO t SELECT 3, f, d, b, v FROM t WHERE id = 1").unwrap();
    run(&mut s, "UPDATE t SET f = TO_VECTOR('[0.1, 1]', 2, FLOAT64), d = f WHERE id = 3").unwrap();
    assert_eq!(
        rows(
            &mut s,
            "SELECT id, FROM_VECTOR(f RETURNING CLOB) f, FROM_VECTOR(d), FROM_VECTOR(b), FROM_VECTOR(v RETURNING CLOB) FROM t ORDER BY id"
        ),
        [
            "1|[1.00000001E-001,-2.0E+000]|[1.0000000000000001E-001]|[-128,127]|[1.0000000000000001E-001]",
            "2|[1.00000001E-007,3.0E+000]|NULL|[1,2]|[1.00000001E-001]",
            "3|[1.00000001E-001,1.0E+000]|[1.0000000149011612E-001,-2.0E+000]|[-128,127]|[1.0000000000000001E-001]",
        ]
    );
    for (sql, code_expected) in [
        ("INSERT INTO t (f) VALUES ('[1,2,3]')", 51_803),
        ("INSERT INTO t (f) VALUES ('1,2')", 51_805),
        ("INSERT INTO t (b) VALUES ('[1,200]')", 51_806),
        ("INSERT INTO t (b) VALUES (1)", 932),
        ("CREATE TABLE u (v VECTOR(3, BINARY))", 3001),
    ] {
        assert_eq!(code(run(&mut s, sql)), code_expected, "{sql}");
    }
    assert_eq!(code(rows_with(&mut s, "SELECT 1 FROM t WHERE f = f", &[])), 932);
    assert_eq!(
        rows(&mut s, "SELECT data_type, vector_info FROM user_tab_columns WHERE data_type = 'VECTOR' ORDER BY column_id"),
        [
            "VECTOR|VECTOR(2, FLOAT32, DENSE)",
            "VECTOR|VECTOR(*, FLOAT64, DENSE)",
            "VECTOR|VECTOR(2, INT8, DENSE)",
            "VECTOR|VECTOR(*, *, DENSE)"
        ]
    );
}

#[test]
fn release_19_knows_neither_and_says_19() {
    let mut s = memory();
    assert_eq!(code(run(&mut s, "CREATE TABLE t (v VECTOR(3, FLOAT32))")), 902);
    assert_eq!(code(run(&mut s, "CREATE TABLE t (b BOOLEAN)")), 902);
    assert_eq!(code(run(&mut s, "CREATE TABLE t (j JSON)")), 902);
    assert_eq!(code(s.prepare("SELECT TRUE FROM dual").map(drop)), 904);
    assert_eq!(code(s.prepare("SELECT CAST(1 AS BOOLEAN) FROM dual").map(drop)), 902);
    assert_eq!(code(s.prepare("SELECT dummy FROM dual WHERE (1)").map(drop)), 3001);
    assert_eq!(code(rows_with(&mut s, "SELECT :1 FROM dual", &[Datum::Boolean(true)])), 902);
    assert_eq!(rows(&mut s, "SELECT version, version_full FROM product_component_version"), ["19.0.0.0.0|19.3.0.0.0"]);
    let mut s = memory_23();
    assert_eq!(rows(&mut s, "SELECT version_full FROM v$instance"), ["23.4.0.24.5"]);
    assert_eq!(rows(&mut s, "SELECT value FROM v$parameter WHERE name = 'compatible'"), ["23.0.0"]);
}

/// The check is older than the type.
#[test]
fn text_is_tested_for_being_json() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, c CLOB CONSTRAINT c_json CHECK (c IS JSON), b BLOB CHECK (b IS JSON WITH UNIQUE KEYS))")
        .unwrap();
    run(&mut s, "INSERT INTO t VALUES (1, '{\"a\":{a:1,}}', UTL_RAW.CAST_TO_RAW('[1]'))").unwrap();
    run(&mut s, "INSERT INTO t VALUES (2, NULL, NULL)").unwrap();
    assert_eq!(run(&mut s, "INSERT INTO t (c) VALUES ('{')").unwrap_err().message, "ORA-02290: check constraint (SCOTT.C_JSON) violated");
    assert_eq!(code(run(&mut s, "INSERT INTO t (b) VALUES (UTL_RAW.CAST_TO_RAW('{\"a\":1,\"a\":1}'))")), 2290);
    assert_eq!(rows(&mut s, "SELECT id FROM t WHERE c IS JSON"), ["1"]);
    assert_eq!(rows(&mut s, "SELECT COUNT(*) FROM dual WHERE 'x' IS NOT JSON AND '[' || '1]' IS JSON"), ["1"]);
}
