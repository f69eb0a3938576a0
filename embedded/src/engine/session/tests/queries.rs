//! Set operators, WITH, row generators, windows and functions.

use super::*;

fn numbers() -> Session {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (g VARCHAR2(1), n NUMBER)").unwrap();
    run(&mut s, "INSERT INTO t SELECT CASE WHEN level < 3 THEN 'a' ELSE 'b' END, level * 10 FROM dual CONNECT BY level <= 4").unwrap();
    s
}

#[test]
fn set_operators_have_common_types() {
    let mut s = numbers();
    assert_eq!(
        rows(&mut s, "SELECT n x FROM t UNION ALL SELECT n + 10 FROM t ORDER BY x DESC FETCH FIRST 3 ROWS ONLY"),
        ["50", "40", "40"]
    );
    assert_eq!(rows(&mut s, "SELECT g FROM t UNION SELECT 'c' FROM dual ORDER BY 1"), ["a", "b", "c"]);
    assert_eq!(rows(&mut s, "SELECT n FROM t INTERSECT SELECT 20 FROM dual"), ["20"]);
    assert_eq!(rows(&mut s, "SELECT n FROM t MINUS (SELECT 20 FROM dual UNION SELECT 30 FROM dual) ORDER BY n"), ["10", "40"]);
    assert_eq!(rows(&mut s, "SELECT NULL a FROM dual UNION ALL SELECT 1 FROM dual UNION ALL SELECT 1.5 FROM dual"), ["NULL", "1", "1.5"]);
    assert_eq!(rows(&mut s, "SELECT count(*) FROM (SELECT 1 FROM dual UNION SELECT 1 FROM dual)"), ["1"]);
    let types = s.prepare("SELECT 'ab' a, 1 b FROM dual UNION ALL SELECT 'abc', 2d FROM dual");
    assert_eq!(types.map(|statement| statement.columns()[0].data_type).unwrap(), DataType::varchar2(3));
    for (sql, code) in [
        ("SELECT 1 FROM dual UNION SELECT 'a' FROM dual", 1790),
        ("SELECT 1 FROM dual UNION SELECT 1, 2 FROM dual", 1789),
        ("SELECT 1 FROM dual INTERSECT ALL SELECT 1 FROM dual", 3001),
    ] {
        assert_eq!(s.prepare(sql).err().unwrap().code, code, "{sql}");
    }
}

#[test]
fn with_and_generators() {
    let mut s = numbers();
    assert_eq!(
        rows(
            &mut s,
            "WITH a AS (SELECT g, sum(n) total FROM t GROUP BY g), b (x) AS (SELECT max(total) FROM a) SELECT a.g FROM a, b WHERE total = x"
        ),
        ["b"]
    );
    assert_eq!(rows(&mut s, "SELECT level, dummy FROM dual CONNECT BY level <= 2"), ["1|X", "2|X"]);
    assert_eq!(rows(&mut s, "SELECT sum(l) FROM (SELECT level l FROM dual CONNECT BY rownum <= 3)"), ["6"]);
    assert_eq!(
        rows_with(&mut s, "SELECT count(*) FROM (SELECT level FROM dual CONNECT BY level <= :1)", &[Datum::Int(1000)]).unwrap(),
        ["1000"]
    );
    assert_eq!(code(rows_with(&mut s, "SELECT n FROM t CONNECT BY PRIOR n = n", &[])), 1436);
}

#[test]
fn windows_and_listagg() {
    let mut s = numbers();
    assert_eq!(
        rows(
            &mut s,
            "SELECT n, row_number() OVER (PARTITION BY g ORDER BY n DESC), sum(n) OVER (ORDER BY n), count(*) OVER (), lag(n, 1, 0) OVER (ORDER BY n) FROM t ORDER BY n"
        ),
        ["10|2|10|4|0", "20|1|30|4|10", "30|2|60|4|20", "40|1|100|4|30"]
    );
    assert_eq!(
        rows(&mut s, "SELECT g, listagg(n, ', ') WITHIN GROUP (ORDER BY n DESC) FROM t GROUP BY g ORDER BY g"),
        ["a|20, 10", "b|40, 30"]
    );
    assert_eq!(s.prepare("SELECT sum(n) OVER (ORDER BY n RANGE 1 PRECEDING) FROM t").err().unwrap().code, 3001);
    assert_eq!(s.prepare("SELECT n FROM t WHERE row_number() OVER (ORDER BY n) = 1").err().unwrap().code, 30483);
}

#[test]
fn more_functions() {
    let mut s = memory();
    for (expression, expected) in [
        ("1.5f", "1.5"),
        ("DUMP(2d)", "Typ=101 Len=8: 192,0,0,0,0,0,0,0"),
        ("GREATEST(1, 3, 2)", "3"),
        ("LEAST('b', 'a')", "a"),
        ("GREATEST(1, NULL)", "NULL"),
        ("INITCAP('hello wORLD')", "Hello World"),
        ("TRANSLATE('abc', 'abx', 'A')", "Ac"),
        ("UNISTR('\\3042x\\\\')", "あx\\"),
        ("UTL_RAW.CAST_TO_RAW('AB')", "4142"),
        ("UTL_RAW.CAST_TO_VARCHAR2(HEXTORAW('4142'))", "AB"),
        ("MONTHS_BETWEEN(DATE '2024-03-31', DATE '2024-02-29')", "1"),
        ("MONTHS_BETWEEN(DATE '2024-03-02', DATE '2024-02-01')", "1.03225806451612903225806451612903225806"),
        ("TO_CHAR(LAST_DAY(DATE '2024-02-10'), 'DD')", "29"),
        ("BITAND(6, 3)", "2"),
        ("DBMS_LOB.GETLENGTH(EMPTY_CLOB())", "0"),
        ("LENGTH(SYS_GUID())", "16"),
        ("SYS_CONTEXT('userenv', 'cloud_service')", "NULL"),
    ] {
        assert_eq!(value(&mut s, expression), expected, "{expression}");
    }
    s.set_context("MODULE", "loader");
    assert_eq!(value(&mut s, "SYS_CONTEXT('userenv', 'module')"), "loader");
}

#[test]
fn empty_lobs_are_null_as_text() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE l (id NUMBER, v VARCHAR2(10), r RAW(10), c CLOB, b BLOB)").unwrap();
    let mut insert = s.prepare("INSERT INTO l VALUES (:1, :2, :3, :4, :5)").unwrap();
    s.execute(&mut insert, &[Datum::Int(1), Datum::EmptyClob, Datum::EmptyBlob, Datum::EmptyClob, Datum::EmptyBlob]).unwrap();
    run(&mut s, "INSERT INTO l (id, v, c) SELECT 2, c, c FROM l").unwrap();
    run(&mut s, "INSERT INTO l (id, v, c) VALUES (3, 'x', '')").unwrap();
    run(&mut s, "UPDATE l SET v = c WHERE id = 3").unwrap();
    assert_eq!(
        rows(
            &mut s,
            "SELECT nvl2(v, 1, 0), nvl2(r, 1, 0), nvl2(c, 1, 0), nvl2(b, 1, 0), length(c), nvl2(to_char(c), 1, 0) FROM l ORDER BY id"
        ),
        ["0|0|1|1|0|0", "0|0|1|0|0|0", "0|0|0|0|NULL|0"]
    );
    let sql = "SELECT nvl2(:1, 1, 0), nvl2(to_char(:1), 1, 0), :1 || 'x', nvl2(CAST(:1 AS VARCHAR2(9)), 1, 0) FROM dual";
    assert_eq!(rows_with(&mut s, sql, &[Datum::EmptyClob; 4]).unwrap(), ["1|0|x|0"]);
    assert_eq!(rows(&mut s, "SELECT count(*) FROM l WHERE c IS NULL"), ["1"]);
}

#[test]
fn empty_lobs_are_not_null_and_for_update_locks() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE l (id NUMBER, c CLOB NOT NULL, b BLOB)").unwrap();
    run(&mut s, "INSERT INTO l VALUES (1, EMPTY_CLOB(), EMPTY_BLOB())").unwrap();
    assert_eq!(code(run(&mut s, "INSERT INTO l VALUES (2, '', NULL)")), 1400);
    assert_eq!(rows(&mut s, "SELECT count(*) FROM l WHERE b IS NOT NULL AND length(c) = 0"), ["1"]);
    s.commit().unwrap();
    assert_eq!(rows(&mut s, "SELECT id FROM l WHERE id = 1 FOR UPDATE OF c"), ["1"]);
    assert_eq!(code(run(&mut s, "SELECT id FROM l FOR UPDATE SKIP LOCKED")), 3001);
    assert_eq!(rows(&mut s, "SELECT id FROM l WHERE id = 1 FOR UPDATE OF c WAIT 5"), ["1"]);
    assert_eq!(code(run(&mut s, "SELECT id FROM l FOR UPDATE WAIT c")), 30005);
    assert!(s.in_transaction());
    s.commit().unwrap();
}
