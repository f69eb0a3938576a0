//! Queries in Oracle's own forms: outer joins by (+), hierarchies, recursive WITH, several sets of groups, regular expressions.

use super::*;

fn staff() -> Session {
    let mut s = memory();
    run(
        &mut s,
        "CREATE TABLE emp (empno NUMBER PRIMARY KEY, ename VARCHAR2(10), job VARCHAR2(9), mgr NUMBER, sal NUMBER(7,2), deptno NUMBER)",
    )
    .unwrap();
    run(&mut s, "CREATE TABLE dept (deptno NUMBER PRIMARY KEY, dname VARCHAR2(14))").unwrap();
    for row in [
        "7839, 'KING', 'PRESIDENT', NULL, 5000, 10",
        "7698, 'BLAKE', 'MANAGER', 7839, 2850, 30",
        "7782, 'CLARK', 'MANAGER', 7839, 2450, 10",
        "7566, 'JONES', 'MANAGER', 7839, 2975, 20",
        "7788, 'SCOTT', 'ANALYST', 7566, 3000, 20",
        "7902, 'FORD', 'ANALYST', 7566, 3000, 20",
        "7369, 'SMITH', 'CLERK', 7902, 800, 20",
        "7499, 'ALLEN', 'SALESMAN', 7698, 1600, 30",
        "7876, 'ADAMS', 'CLERK', 7788, 1100, 20",
        "7900, 'JAMES', 'CLERK', 7698, 950, 30",
        "7934, 'MILLER', 'CLERK', 7782, 1300, 10",
    ] {
        run(&mut s, &format!("INSERT INTO emp VALUES ({row})")).unwrap();
    }
    run(&mut s, "INSERT INTO dept SELECT level * 10, decode(level, 1, 'ACCOUNTING', 2, 'RESEARCH', 3, 'SALES', 'OPERATIONS') FROM dual CONNECT BY level <= 4").unwrap();
    s.commit().unwrap();
    s
}

/// Rows of each query, joined by `;`, or `ORA-` and the code.
fn check(s: &mut Session, queries: &[(&str, &str)]) {
    for (sql, expected) in queries {
        let found = match rows_with(s, sql, &[]) {
            Ok(rows) => rows.join(";"),
            Err(error) => format!("ORA-{:05}", error.code),
        };
        assert_eq!(found, *expected, "{sql}");
    }
}

#[test]
fn outer_joins_by_plus() {
    check(
        &mut staff(),
        &[
            ("SELECT e.ename, d.dname FROM emp e, dept d WHERE e.deptno(+) = d.deptno AND d.deptno = 40", "NULL|OPERATIONS"),
            (
                "SELECT d.deptno, count(e.empno) FROM emp e, dept d WHERE d.deptno = e.deptno(+) AND e.job(+) = 'CLERK' GROUP BY d.deptno ORDER BY 1",
                "10|1;20|2;30|1;40|0",
            ),
            (
                "SELECT e.ename, m.ename, b.ename FROM emp e, emp m, emp b WHERE e.mgr = m.empno(+) AND m.mgr = b.empno(+) AND e.deptno = 10 ORDER BY 1",
                "CLARK|KING|NULL;KING|NULL|NULL;MILLER|CLARK|KING",
            ),
            // The columns of * stay in the order of FROM.
            ("SELECT * FROM dept e, (SELECT 40 n FROM dual) d WHERE e.deptno(+) = d.n + 1", "NULL|NULL|40"),
            ("SELECT dname FROM dept d, emp e WHERE e.deptno (+) = d.deptno AND e.empno IS NULL", "OPERATIONS"),
            (
                "SELECT d.dname FROM dept d, emp e WHERE nvl(e.deptno (+), 0) = d.deptno AND e.sal(+) BETWEEN 4000 AND 6000 AND empno > 0",
                "ACCOUNTING",
            ),
            ("SELECT 1 FROM emp e, dept d WHERE e.deptno(+) = d.deptno(+)", "ORA-01468"),
            ("SELECT 1 FROM emp e, dept d WHERE e.deptno(+) = d.deptno AND e.deptno = d.deptno(+)", "ORA-01416"),
            ("SELECT 1 FROM emp e, dept d WHERE e.deptno(+) = d.deptno OR d.deptno = 1", "ORA-01719"),
            ("SELECT 1 FROM emp e JOIN dept d ON d.deptno = e.deptno WHERE e.deptno(+) = d.deptno", "ORA-25156"),
            ("SELECT 1 FROM emp e, dept d WHERE e.nope(+) = d.deptno", "ORA-00904"),
            ("SELECT count(*) FROM emp WHERE ename || '(+)' = 'KING(+)'", "1"),
        ],
    );
}

#[test]
fn hierarchies_are_walked() {
    let mut s = staff();
    let tree = "START WITH mgr IS NULL CONNECT BY PRIOR empno = mgr";
    let all = "1|KING;2|BLAKE;3|ALLEN;3|JAMES;2|CLARK;3|MILLER;2|JONES;3|FORD;4|SMITH;3|SCOTT;4|ADAMS";
    check(
        &mut s,
        &[
            (&format!("SELECT level, ename FROM emp {tree} ORDER SIBLINGS BY ename"), all),
            (
                "SELECT ename, sys_connect_by_path(ename, '/') p, connect_by_root ename, connect_by_isleaf, prior ename FROM emp \
                 START WITH ename = 'JONES' CONNECT BY mgr = PRIOR empno",
                "JONES|/JONES|JONES|0|NULL;SCOTT|/JONES/SCOTT|JONES|0|JONES;ADAMS|/JONES/SCOTT/ADAMS|JONES|1|SCOTT;\
                 FORD|/JONES/FORD|JONES|0|JONES;SMITH|/JONES/FORD/SMITH|JONES|1|FORD",
            ),
            ("SELECT ename, level FROM emp START WITH empno = 7369 CONNECT BY PRIOR mgr = empno", "SMITH|1;FORD|2;JONES|3;KING|4"),
            ("SELECT count(*) FROM emp CONNECT BY PRIOR empno = mgr", "30"),
            (&format!("SELECT level, count(*) FROM emp {tree} GROUP BY level ORDER BY 1"), "1|1;2|3;3|5;4|2"),
            (&format!("SELECT ename FROM emp WHERE level = 2 {tree} ORDER BY ename DESC"), "JONES;CLARK;BLAKE"),
            (&format!("SELECT ename FROM emp WHERE deptno = 20 {tree} AND level <= 3"), "JONES;SCOTT;FORD"),
            (&format!("SELECT rownum, ename FROM emp WHERE rownum <= 3 {tree} ORDER SIBLINGS BY ename DESC"), "1|KING;2|JONES;3|SCOTT"),
            (
                "SELECT d.dname, e.ename, level FROM emp e, dept d WHERE e.deptno = d.deptno AND d.deptno = 10 \
                 START WITH e.mgr IS NULL CONNECT BY PRIOR e.empno = e.mgr",
                "ACCOUNTING|KING|1;ACCOUNTING|CLARK|2;ACCOUNTING|MILLER|3",
            ),
            (
                "SELECT connect_by_root ename boss, sum(sal) FROM emp START WITH job = 'MANAGER' CONNECT BY PRIOR empno = mgr \
                 GROUP BY connect_by_root ename ORDER BY 1",
                "BLAKE|5400;CLARK|3750;JONES|10875",
            ),
            (
                "SELECT ename, (SELECT count(*) - 1 FROM emp x START WITH x.empno = e.empno CONNECT BY PRIOR x.empno = x.mgr) FROM emp e \
                 WHERE deptno = 10 ORDER BY 1",
                "CLARK|1;KING|10;MILLER|0",
            ),
            (&format!("SELECT sys_connect_by_path(ename, 'A') FROM emp {tree}"), "ORA-30004"),
            ("SELECT level FROM emp", "ORA-01788"),
            ("SELECT ename FROM emp START WITH mgr IS NULL", "ORA-01788"),
            ("SELECT connect_by_iscycle FROM emp CONNECT BY PRIOR empno = mgr", "ORA-30930"),
        ],
    );
    run(&mut s, "UPDATE emp SET mgr = 7369 WHERE ename = 'KING'").unwrap();
    check(
        &mut s,
        &[
            ("SELECT ename FROM emp START WITH ename = 'FORD' CONNECT BY PRIOR empno = mgr", "ORA-01436"),
            (
                "SELECT ename, connect_by_iscycle, connect_by_isleaf FROM emp WHERE deptno = 20 START WITH ename = 'JONES' \
                 CONNECT BY NOCYCLE PRIOR mgr = empno",
                "JONES|0|0;SMITH|0|0;FORD|1|1",
            ),
        ],
    );
}

#[test]
fn with_names_itself() {
    let mut s = staff();
    check(
        &mut s,
        &[
            ("WITH t (n) AS (SELECT 1 FROM dual UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t", "1;2;3;4;5"),
            (
                "WITH r (empno, ename, lvl, path) AS (SELECT empno, ename, 1, ename FROM emp WHERE mgr IS NULL UNION ALL \
                 SELECT e.empno, e.ename, r.lvl + 1, r.path || '/' || e.ename FROM r JOIN emp e ON e.mgr = r.empno) \
                 SELECT lvl, path FROM r WHERE ename IN ('KING', 'SMITH', 'CLARK') ORDER BY 1, 2",
                "1|KING;2|KING/CLARK;4|KING/JONES/FORD/SMITH",
            ),
            (
                "WITH a AS (SELECT 1 n FROM dual), t (n) AS (SELECT n FROM a UNION ALL SELECT t.n * 2 FROM t WHERE n < 8) SELECT sum(n) FROM t, a",
                "ORA-00918",
            ),
            (
                "WITH a AS (SELECT 1 n FROM dual), t (n) AS (SELECT n FROM a UNION ALL SELECT t.n * 2 FROM t WHERE n < 8) SELECT sum(n) FROM t",
                "15",
            ),
            ("WITH t AS (SELECT 1 n FROM dual UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t", "ORA-32039"),
            ("WITH t (n) AS (SELECT 1 FROM dual UNION ALL SELECT max(n) FROM t) SELECT * FROM t", "ORA-32486"),
            ("WITH t (n) AS (SELECT 1 FROM dual UNION ALL SELECT 'a' FROM t) SELECT * FROM t", "ORA-01790"),
            ("WITH t (n) AS (SELECT 1 FROM dual UNION ALL SELECT 2 FROM dual WHERE EXISTS (SELECT 1 FROM t)) SELECT * FROM t", "ORA-03001"),
        ],
    );
}

#[test]
fn groups_by_several_sets_of_keys() {
    let mut s = staff();
    check(
        &mut s,
        &[
            ("SELECT deptno, sum(sal) FROM emp GROUP BY ROLLUP (deptno) ORDER BY 1", "10|8750;20|10875;30|5400;NULL|25025"),
            (
                "SELECT deptno, job, count(*), grouping(deptno), grouping_id(deptno, job) FROM emp WHERE deptno = 10 GROUP BY CUBE (deptno, job) \
                 ORDER BY grouping_id(deptno, job), job",
                "10|CLERK|1|0|0;10|MANAGER|1|0|0;10|PRESIDENT|1|0|0;10|NULL|3|0|1;NULL|CLERK|1|1|2;NULL|MANAGER|1|1|2;NULL|PRESIDENT|1|1|2;NULL|NULL|3|1|3",
            ),
            (
                "SELECT deptno d, job, sum(sal) s FROM emp WHERE deptno < 30 GROUP BY GROUPING SETS ((deptno), (job), ()) ORDER BY s DESC FETCH FIRST 2 ROWS ONLY",
                "NULL|NULL|19625;20|NULL|10875",
            ),
            (
                "SELECT nvl(job, 'ALL'), count(*) FROM emp GROUP BY ROLLUP (job) HAVING count(*) > 2 ORDER BY count(*), 1",
                "MANAGER|3;CLERK|4;ALL|11",
            ),
            (
                "SELECT deptno, job, count(*) FROM emp WHERE job = 'CLERK' GROUP BY deptno, ROLLUP (job) ORDER BY deptno, grouping(job)",
                "10|CLERK|1;10|NULL|1;20|CLERK|2;20|NULL|2;30|CLERK|1;30|NULL|1",
            ),
            (
                "SELECT max(sal), decode(grouping(deptno), 1, 'total', to_char(deptno)) t FROM emp GROUP BY ROLLUP ((deptno, job)) HAVING grouping(deptno) = 1",
                "5000|total",
            ),
            ("SELECT grouping(deptno) FROM emp GROUP BY deptno FETCH FIRST 1 ROW ONLY", "0"),
            ("SELECT group_id(), count(*) FROM emp GROUP BY GROUPING SETS ((deptno), (deptno)) HAVING deptno = 10", "0|3;1|3"),
            ("SELECT deptno, ename FROM emp GROUP BY ROLLUP (deptno)", "ORA-00979"),
            ("SELECT grouping(ename) FROM emp GROUP BY ROLLUP (deptno)", "ORA-00979"),
        ],
    );
}

#[test]
fn regular_expressions_search_and_replace() {
    let mut s = staff();
    for (expression, expected) in [
        ("regexp_substr('500 Oracle Parkway, Redwood Shores, CA', ',[^,]+,')", ", Redwood Shores,"),
        ("regexp_substr('a,b,,c', '[^,]+', 1, 3)", "c"),
        ("regexp_substr('a,b', '[^,]*', 1, 2)", "NULL"),
        ("regexp_substr('http://www.example.com/x', 'http://([[:alnum:]]+\\.?){3,4}/?')", "http://www.example.com/"),
        ("regexp_substr('1234567890', '(123)(4(56)(78))', 1, 1, 'i', 4)", "78"),
        ("regexp_replace('500   Oracle     Parkway', '( ){2,}', ' ')", "500 Oracle Parkway"),
        ("regexp_replace('5551234567', '(\\d{3})(\\d{3})(\\d{4})', '(\\1) \\2-\\3')", "(555) 123-4567"),
        ("regexp_replace('aXbXc', 'x', '-', 1, 2, 'i')", "aXb-c"),
        ("regexp_replace('abc', 'b')", "ac"),
        ("regexp_replace('abc', NULL, 'x')", "abc"),
        ("regexp_instr('500 Oracle Parkway, Redwood Shores, CA', '[^ ]+', 1, 6)", "37"),
        ("regexp_instr('1234567890', '(123)(4(56)(78))', 1, 1, 0, 'i', 4)", "7"),
        ("regexp_instr('abc', 'b', 1, 1, 1)", "3"),
        ("regexp_count('123123123123', '123', 3, 'i')", "3"),
        ("regexp_count('abc', 'x*')", "4"),
        ("regexp_count(NULL, 'x')", "NULL"),
    ] {
        assert_eq!(value(&mut s, expression), expected, "{expression}");
    }
    check(
        &mut s,
        &[
            ("SELECT ename FROM emp WHERE regexp_like(ename, '^(J|K).*[^g]$') ORDER BY 1", "JAMES;JONES;KING"),
            ("SELECT count(*) FROM emp WHERE NOT regexp_like(ename, 'a', 'i')", "6"),
            ("SELECT count(*) FROM emp WHERE regexp_like(ename, NULL)", "0"),
            (
                "SELECT regexp_substr('a,b,c', '[^,]+', 1, level) FROM dual CONNECT BY regexp_substr('a,b,c', '[^,]+', 1, level) IS NOT NULL",
                "a;b;c",
            ),
            ("SELECT regexp_substr('a', '(')  FROM dual", "ORA-12725"),
            ("SELECT regexp_substr('a', 'a', 0) FROM dual", "ORA-01428"),
            ("SELECT regexp_count('a', 'a', 1, 'z') FROM dual", "ORA-01760"),
        ],
    );
}
