//! What programs use of SELECT and of the common functions, each at least once with its result.

use super::*;

fn answer(session: &mut Session, sql: &str) -> String {
    rows_with(session, sql, &[]).map_or_else(|error| error.to_string(), |rows| rows.join(";"))
}

fn employees() -> Session {
    let mut s = memory();
    run(&mut s, "CREATE TABLE d (dept NUMBER PRIMARY KEY, dname VARCHAR2(10))").unwrap();
    run(&mut s, "CREATE TABLE e (id NUMBER PRIMARY KEY, dept NUMBER, sal NUMBER(8,2), name VARCHAR2(10))").unwrap();
    for row in ["10, 'ten'", "20, 'twenty'", "30, 'thirty'"] {
        run(&mut s, &format!("INSERT INTO d VALUES ({row})")).unwrap();
    }
    for row in ["1, 10, 100, 'ann'", "2, 10, 200, 'bob'", "3, 20, 300, 'cid'", "4, NULL, NULL, 'dot'"] {
        run(&mut s, &format!("INSERT INTO e VALUES ({row})")).unwrap();
    }
    s
}

#[test]
fn queries_of_every_form() {
    let mut s = employees();
    for (sql, expected) in [
        ("SELECT e.name, d.dname FROM e, d WHERE e.dept = d.dept ORDER BY 1", "ann|ten;bob|ten;cid|twenty"),
        ("SELECT e.name FROM e LEFT JOIN d ON e.dept = d.dept WHERE d.dept IS NULL", "dot"),
        ("SELECT dept FROM d MINUS SELECT dept FROM e", "30"),
        ("SELECT dept FROM d INTERSECT SELECT dept FROM e ORDER BY 1", "10;20"),
        ("SELECT dept FROM d UNION SELECT dept FROM e ORDER BY 1 NULLS FIRST", "NULL;10;20;30"),
        ("SELECT COUNT(*) FROM (SELECT dept FROM d UNION ALL SELECT dept FROM e)", "7"),
        ("SELECT name FROM e WHERE sal > (SELECT AVG(sal) FROM e) ORDER BY 1", "cid"),
        ("SELECT dname FROM d WHERE EXISTS (SELECT 1 FROM e WHERE e.dept = d.dept) ORDER BY 1", "ten;twenty"),
        ("SELECT name FROM e WHERE (dept, sal) IN (SELECT dept, MAX(sal) FROM e GROUP BY dept) ORDER BY 1", "bob;cid"),
        ("WITH top AS (SELECT dept, SUM(sal) total FROM e GROUP BY dept) SELECT total FROM top WHERE dept = 10", "300"),
        (
            "SELECT dept, COUNT(*), SUM(sal), AVG(sal), MIN(name), MAX(name) FROM e GROUP BY dept HAVING COUNT(*) > 1",
            "10|2|300|150|ann|bob",
        ),
        ("SELECT COUNT(DISTINCT dept), COUNT(dept), COUNT(*) FROM e", "2|3|4"),
        ("SELECT DISTINCT dept FROM e ORDER BY dept NULLS LAST", "10;20;NULL"),
        ("SELECT id, SUM(sal) OVER (PARTITION BY dept ORDER BY id) FROM e ORDER BY id", "1|100;2|300;3|300;4|NULL"),
        (
            "SELECT id, ROW_NUMBER() OVER (ORDER BY sal DESC NULLS LAST), LAG(name) OVER (ORDER BY id) FROM e ORDER BY id",
            "1|3|NULL;2|2|ann;3|1|bob;4|4|cid",
        ),
        ("SELECT name FROM e ORDER BY sal DESC NULLS LAST FETCH FIRST 2 ROWS ONLY", "cid;bob"),
        ("SELECT name FROM e ORDER BY sal NULLS FIRST OFFSET 1 ROW FETCH NEXT 1 ROW WITH TIES", "ann"),
        ("SELECT name FROM (SELECT name FROM e ORDER BY id DESC) WHERE ROWNUM <= 2", "dot;cid"),
        ("SELECT ROWNUM, name FROM e WHERE ROWNUM < 3", "1|ann;2|bob"),
        ("SELECT LEVEL * 10 FROM dual CONNECT BY LEVEL <= 3", "10;20;30"),
        ("SELECT 'a' || dummy FROM dual", "aX"),
        ("SELECT CASE dept WHEN 10 THEN 'x' WHEN 20 THEN 'y' ELSE 'z' END FROM e ORDER BY id", "x;x;y;z"),
        ("SELECT name FROM e WHERE name LIKE 'b_b' OR name BETWEEN 'c' AND 'd' ORDER BY 1", "bob;cid"),
        ("SELECT name FROM e WHERE name LIKE 'x%' ESCAPE 'x' OR NOT (sal >= 200) ORDER BY 1", "ann"),
        ("SELECT LISTAGG(name, '/') WITHIN GROUP (ORDER BY name DESC) FROM e", "dot/cid/bob/ann"),
    ] {
        assert_eq!(answer(&mut s, sql), expected, "{sql}");
    }
}

#[test]
fn functions_of_every_kind() {
    let mut s = memory();
    for (expression, expected) in [
        ("NVL(NULL, 1) || NVL2(NULL, 'a', 'b') || COALESCE(NULL, NULL, 'c') || NULLIF('d', 'd')", "1bc"),
        ("DECODE(NULL, NULL, 'null', 'other') || DECODE(2, 1, 'a', 2, 'b', 'c')", "nullb"),
        ("GREATEST(1, 3, 2) || LEAST('b', 'a')", "3a"),
        ("UPPER('aé') || LOWER('BÉ') || INITCAP('two words')", "AÉbéTwo Words"),
        ("SUBSTR('abcdef', -3, 2) || SUBSTR('abc', 2)", "debc"),
        ("INSTR('banana', 'a', 1, 2) || INSTR('banana', 'a', -1)", "46"),
        ("REPLACE('banana', 'na', 'x') || REPLACE('banana', 'a') || TRANSLATE('abc', 'ab', 'x')", "baxxbnnxc"),
        ("LPAD('7', 3, '0') || RPAD('a', 3, 'xy')", "007axy"),
        ("TRIM('  a ') || LTRIM('xxa', 'x') || RTRIM('ayy', 'y') || TRIM(BOTH 'z' FROM 'zaz')", "aaaa"),
        ("LENGTH('äb') || LENGTHB('äb') || ASCII('A') || CHR(66) || CONCAT('x', 'y')", "2365Bxy"),
        ("ABS(-5) || SIGN(-2) || CEIL(1.2) || FLOOR(-1.2) || MOD(7, 3) || POWER(2, 10)", "5-12-211024"),
        ("ROUND(125.315, 2) || ' ' || ROUND(125, -1) || ' ' || TRUNC(-1.99, 1)", "125.32 130 -1.9"),
        ("TO_CHAR(1234567.891, 'FM9G999G999D00')", "1,234,567.89"),
        ("TO_CHAR(DATE '2024-02-29', 'DD.MM.YYYY')", "29.02.2024"),
        ("TO_CHAR(TIMESTAMP '2024-02-29 13:14:15.5', 'YYYY-MM-DD\"T\"HH24:MI:SS.FF3')", "2024-02-29T13:14:15.500"),
        ("TO_CHAR(TO_DATE('31/12/2023 23:59:58', 'DD/MM/YYYY HH24:MI:SS') + 1, 'YYYYMMDD HH24MISS')", "20240101 235958"),
        ("TO_NUMBER('1,234.5', '9,999.9') + TO_NUMBER('-.5')", "1234"),
        ("TO_CHAR(ADD_MONTHS(DATE '2024-01-31', 1), 'DD') || TO_CHAR(LAST_DAY(DATE '2023-02-01'), 'DD')", "2928"),
        ("MONTHS_BETWEEN(DATE '2024-03-31', DATE '2024-02-29')", "1"),
        ("TO_CHAR(TRUNC(DATE '2024-05-17', 'MM'), 'DD') || TO_CHAR(NEXT_DAY(DATE '2024-05-17', 'MONDAY'), 'DD')", "0120"),
        ("EXTRACT(YEAR FROM DATE '2024-05-17')", "2024"),
        ("TO_CHAR(NUMTODSINTERVAL(90, 'MINUTE')) || TO_CHAR(TO_YMINTERVAL('1-2'))", "+000000000 01:30:00.000000000+000000001-02"),
        ("RAWTOHEX(HEXTORAW('0AFF')) || UTL_RAW.CAST_TO_VARCHAR2(HEXTORAW('4142'))", "0AFFAB"),
        ("CAST('12.5' AS NUMBER(5,1)) || CAST(3.14159 AS NUMBER(3,2)) || CAST('abc' AS CHAR(4))", "12.53.14abc "),
        ("BITAND(12, 10)", "8"),
        ("LENGTH(SYS_GUID())", "16"),
        ("CASE WHEN SYSDATE BETWEEN SYSDATE - 1 AND SYSTIMESTAMP + INTERVAL '1' DAY THEN 'now' END", "now"),
        ("USER || SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') || SYS_CONTEXT('USERENV', 'SESSION_USER')", "SCOTTSCOTTSCOTT"),
        ("DUMP(2023, 16) || DUMP(2023)", "Typ=2 Len=3: c2,15,18Typ=2 Len=3: 194,21,24"),
    ] {
        assert_eq!(answer(&mut s, &format!("SELECT {expression} FROM dual")), expected, "{expression}");
    }
    run(&mut s, "ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY/MM/DD' NLS_TIMESTAMP_FORMAT = 'HH24:MI'").unwrap();
    assert_eq!(value(&mut s, "TO_CHAR(DATE '2024-02-29') || TO_CHAR(TIMESTAMP '2024-02-29 13:14:15')"), "2024/02/2913:14");
}

#[test]
fn several_columns_are_set_from_one_query() {
    let mut s = employees();
    let update = "UPDATE e SET (sal, name) = (SELECT d.dept * 2, d.dname || e.id FROM d WHERE d.dept = e.dept), dept = 99 WHERE id < 4";
    assert_eq!(run(&mut s, update).unwrap(), 3);
    assert_eq!(answer(&mut s, "SELECT sal, name, dept FROM e ORDER BY id"), "20|ten1|99;20|ten2|99;40|twenty3|99;NULL|dot|NULL");
    for (sql, expected) in [
        ("UPDATE e SET (sal, name) = (SELECT 1 FROM dual)", 947),
        ("UPDATE e SET (sal) = (SELECT 1, 2 FROM dual)", 913),
        ("UPDATE e SET (sal, name) = (SELECT dept, dname FROM d)", 1427),
        ("UPDATE e SET (sal, name) = (SELECT * FROM d)", 3001),
    ] {
        assert_eq!(code(run(&mut s, sql)), expected, "{sql}");
    }
}
