//! Features of SELECT, each with the rows that Oracle's SQL reference says, or the error.

use super::*;

fn tables() -> Session {
    let mut s = memory();
    run(&mut s, "CREATE TABLE e (id NUMBER, dept NUMBER, sal NUMBER, name VARCHAR2(10))").unwrap();
    run(&mut s, "CREATE TABLE d (dept NUMBER, dname VARCHAR2(10))").unwrap();
    for (id, dept, sal, name) in [(1, "10", 100, "ann"), (2, "10", 200, "bob"), (3, "20", 200, "cid"), (4, "NULL", 300, "dan")] {
        run(&mut s, &format!("INSERT INTO e VALUES ({id}, {dept}, {sal}, '{name}')")).unwrap();
    }
    for (dept, name) in [(10, "ten"), (20, "twenty"), (30, "thirty")] {
        run(&mut s, &format!("INSERT INTO d VALUES ({dept}, '{name}')")).unwrap();
    }
    s
}

/// Rows joined with `;`, or the error's code.
#[track_caller]
fn check(s: &mut Session, table: &[(&str, &str)]) {
    for (sql, expected) in table {
        let found = rows_with(s, sql, &[]).map_or_else(|error| format!("ORA-{:05}", error.code), |rows| rows.join(";"));
        assert_eq!(found, *expected, "{sql}");
    }
}

#[test]
fn joins_by_column_names_and_conditions() {
    let mut s = tables();
    check(
        &mut s,
        &[
            ("SELECT name, dname FROM e JOIN d USING (dept) ORDER BY id", "ann|ten;bob|ten;cid|twenty"),
            ("SELECT dept, name FROM e LEFT JOIN d USING (dept) WHERE dname IS NULL", "NULL|dan"),
            ("SELECT dept, name FROM e RIGHT JOIN d USING (dept) WHERE name IS NULL", "30|NULL"),
            ("SELECT dept, COUNT(*) FROM e FULL JOIN d USING (dept) GROUP BY dept ORDER BY dept", "10|2;20|1;30|1;NULL|1"),
            ("SELECT * FROM e NATURAL JOIN d WHERE id = 3", "20|3|200|cid|twenty"),
            ("SELECT 1 FROM e JOIN d USING (nope)", "ORA-00904"),
            ("SELECT COUNT(*) FROM e CROSS JOIN d", "12"),
            ("SELECT dname FROM d WHERE NOT EXISTS (SELECT 1 FROM e WHERE e.dept = d.dept)", "thirty"),
        ],
    );
}

#[test]
fn lists_and_quantifiers_compare() {
    let mut s = tables();
    check(
        &mut s,
        &[
            ("SELECT id FROM e WHERE (dept, sal) IN ((10, 200), (20, 200)) ORDER BY id", "2;3"),
            ("SELECT id FROM e WHERE (dept, sal) NOT IN ((10, 200))  ORDER BY id", "1;3;4"),
            ("SELECT id FROM e WHERE (dept, sal) IN (SELECT 10, MAX(sal) FROM e)", ""),
            ("SELECT id FROM e WHERE (dept, sal) IN (SELECT dept, MAX(sal) FROM e GROUP BY dept) ORDER BY id", "2;3"),
            ("SELECT id FROM e WHERE (dept, sal) IN (SELECT dept FROM d)", "ORA-00947"),
            ("SELECT id FROM e WHERE sal > ALL (100, 150) ORDER BY id", "2;3;4"),
            ("SELECT id FROM e WHERE sal = ANY (SELECT 300 FROM dual UNION SELECT 100 FROM dual) ORDER BY id", "1;4"),
            ("SELECT id FROM e WHERE sal >= ALL (SELECT sal FROM e)", "4"),
            ("SELECT COUNT(*) FROM e WHERE sal > ALL (SELECT sal FROM e WHERE id > 9)", "4"),
            ("SELECT COUNT(*) FROM e WHERE sal > ANY (SELECT sal FROM e WHERE id > 9)", "0"),
            // Unknown where a NULL leaves it open.
            ("SELECT COUNT(*) FROM e WHERE NOT 15 = ANY (SELECT dept FROM e)", "0"),
            ("SELECT COUNT(*) FROM e WHERE NOT 15 = ANY (SELECT dept FROM e WHERE dept IS NOT NULL)", "4"),
        ],
    );
}

#[test]
fn rows_are_limited() {
    let mut s = tables();
    check(
        &mut s,
        &[
            ("SELECT id FROM e ORDER BY sal FETCH FIRST 2 ROWS WITH TIES", "1;2;3"),
            ("SELECT id FROM e ORDER BY sal DESC OFFSET 1 ROW FETCH NEXT 1 ROW WITH TIES", "2;3"),
            ("SELECT id FROM e ORDER BY id FETCH FIRST 30 PERCENT ROWS ONLY", "1;2"),
            ("SELECT sal FROM e ORDER BY sal FETCH FIRST 50 PERCENT ROWS WITH TIES", "100;200;200"),
            ("SELECT dept, COUNT(*) FROM e GROUP BY dept ORDER BY COUNT(*) DESC FETCH FIRST 1 ROW WITH TIES", "10|2"),
            ("SELECT id FROM e UNION SELECT 9 FROM dual ORDER BY 1 DESC FETCH FIRST 20 PERCENT ROWS ONLY", "9"),
            ("SELECT id FROM e ORDER BY id OFFSET 3 ROWS", "4"),
            ("SELECT COUNT(*) FROM e WHERE ROWNUM <= 2", "2"),
            ("SELECT COUNT(*) FROM e WHERE 3 >= ROWNUM AND ROWNUM <> 3", "2"),
            ("SELECT COUNT(*) FROM e WHERE ROWNUM > 1", "0"),
            ("SELECT COUNT(*) FROM e WHERE ROWNUM >= 1", "4"),
            ("SELECT COUNT(*) FROM e WHERE ROWNUM BETWEEN 1 AND 3", "3"),
            ("SELECT COUNT(*) FROM e WHERE ROWNUM BETWEEN 2 AND 3", "0"),
            ("SELECT ROWNUM, id FROM (SELECT id FROM e ORDER BY id DESC)", "1|4;2|3;3|2;4|1"),
        ],
    );
}

#[test]
fn what_is_outside_aggregates_must_be_a_key() {
    let mut s = tables();
    check(
        &mut s,
        &[
            ("SELECT ROWNUM, COUNT(*) FROM e", "ORA-00937"),
            ("SELECT COUNT(*), id FROM e", "ORA-00937"),
            ("SELECT dept, sal, COUNT(*) FROM e GROUP BY dept", "ORA-00979"),
            ("SELECT COUNT(*), (SELECT dname FROM d WHERE d.dept = e.dept) FROM e", "ORA-00937"),
            ("SELECT sal, (SELECT dname FROM d WHERE d.dept = e.dept) FROM e GROUP BY sal", "ORA-00979"),
            (
                "SELECT dept, (SELECT dname FROM d WHERE d.dept = e.dept), COUNT(*) FROM e WHERE dept IS NOT NULL GROUP BY dept ORDER BY 1",
                "10|ten|2;20|twenty|1",
            ),
            ("SELECT MAX((SELECT dname FROM d WHERE d.dept = e.dept)) FROM e", "twenty"),
            ("SELECT COUNT(*) FROM e GROUP BY dept HAVING MAX(sal) = 200 ORDER BY 1", "1;2"),
            ("SELECT dept FROM e WHERE COUNT(*) > 1", "ORA-00934"),
        ],
    );
}

#[test]
fn windows_move_and_rank() {
    let mut s = tables();
    check(
        &mut s,
        &[
            ("SELECT SUM(sal) OVER (ORDER BY id ROWS 1 PRECEDING) FROM e", "100;300;400;500"),
            ("SELECT AVG(sal) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) FROM e ORDER BY id", "150;200;250;300"),
            (
                "SELECT SUM(sal) OVER (PARTITION BY dept ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM e ORDER BY id",
                "300;300;200;300",
            ),
            (
                "SELECT LAST_VALUE(name) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM e WHERE id < 3",
                "bob;bob",
            ),
            ("SELECT NTILE(2) OVER (ORDER BY id) FROM e", "1;1;2;2"),
            (
                "SELECT id, PERCENT_RANK() OVER (ORDER BY sal), ROUND(CUME_DIST() OVER (ORDER BY sal), 3) FROM e WHERE id > 1 ORDER BY id",
                "2|0|.667;3|0|.667;4|1|1",
            ),
            ("SELECT RATIO_TO_REPORT(sal) OVER () FROM e ORDER BY id", ".125;.25;.25;.375"),
            ("SELECT NTH_VALUE(name, 2) OVER (ORDER BY id) FROM e ORDER BY id", "NULL;bob;bob;bob"),
            ("SELECT DENSE_RANK() OVER (ORDER BY sal DESC), RANK() OVER (ORDER BY sal DESC) FROM e ORDER BY id", "3|4;2|2;2|2;1|1"),
            ("SELECT SUM(sal) OVER (ROWS 1 PRECEDING) FROM e", "ORA-00907"),
            ("SELECT RANK() OVER (PARTITION BY dept) FROM e", "ORA-30485"),
        ],
    );
}

#[test]
fn sets_sort_nulls_and_generators() {
    let mut s = tables();
    check(
        &mut s,
        &[
            ("SELECT dept FROM e ORDER BY dept NULLS FIRST, id", "NULL;10;10;20"),
            ("SELECT dept FROM e ORDER BY dept DESC NULLS LAST", "20;10;10;NULL"),
            ("SELECT dept FROM d MINUS SELECT dept FROM e ORDER BY 1", "30"),
            ("SELECT dept FROM d INTERSECT SELECT dept FROM e ORDER BY 1", "10;20"),
            ("WITH t AS (SELECT dept, SUM(sal) s FROM e GROUP BY dept) SELECT MAX(s) FROM t", "300"),
            ("SELECT LEVEL * 2 FROM dual CONNECT BY LEVEL <= 3", "2;4;6"),
            ("SELECT name FROM e WHERE sal = (SELECT MAX(sal) FROM e)", "dan"),
            ("SELECT name FROM e WHERE sal = (SELECT sal FROM e)", "ORA-01427"),
        ],
    );
}
