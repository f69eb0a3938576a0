//! Views and CREATE TABLE … AS.

use super::*;

#[test]
fn views_show_what_their_query_gives() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER PRIMARY KEY, name VARCHAR2(10))").unwrap();
    run(&mut s, "CREATE VIEW v (k, n) AS SELECT id, upper(name) FROM t WHERE id > 1").unwrap();
    run(&mut s, "INSERT INTO t SELECT level, 'n' || level FROM dual CONNECT BY level <= 3").unwrap();
    assert_eq!(rows(&mut s, "SELECT v.k, n, name FROM v JOIN t ON t.id = v.k ORDER BY k"), ["2|N2|n2", "3|N3|n3"]);
    run(&mut s, "CREATE OR REPLACE VIEW v AS SELECT * FROM t").unwrap();
    run(&mut s, "CREATE VIEW w AS SELECT count(*) c FROM v").unwrap();
    assert_eq!(rows(&mut s, "SELECT c FROM w"), ["3"]);
    assert_eq!(rows(&mut s, "SELECT view_name, text FROM user_views ORDER BY 1"), ["V|SELECT * FROM t", "W|SELECT count(*) c FROM v"]);
    assert_eq!(code(run(&mut s, "CREATE VIEW v AS SELECT 1 a FROM dual")), 955);
    assert_eq!(code(run(&mut s, "CREATE VIEW bad AS SELECT nope FROM t")), 904);
    assert_eq!(code(run(&mut s, "INSERT INTO v VALUES (9, 'x')")), 3001);
    run(&mut s, "DROP VIEW v").unwrap();
    assert_eq!(code(rows_with(&mut s, "SELECT c FROM w", &[])), 942);
    assert_eq!(code(run(&mut s, "DROP VIEW v")), 942);
}

#[test]
fn a_table_from_a_query_has_its_types_and_rows() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER(5) NOT NULL, name VARCHAR2(10) DEFAULT 'x') ORGANIZATION HEAP").unwrap();
    run(&mut s, "INSERT INTO t VALUES (1, 'a')").unwrap();
    run(&mut s, "CREATE TABLE u AS SELECT id, name, id + 1 AS more FROM t").unwrap();
    assert!(!s.in_transaction());
    assert_eq!(rows(&mut s, "SELECT * FROM u"), ["1|a|2"]);
    let columns = s.prepare("SELECT * FROM u").unwrap();
    let nullable: Vec<bool> = columns.columns().iter().map(|column| column.nullable).collect();
    assert_eq!(nullable, [false, true, true]);
    assert_eq!(columns.columns()[1].data_type, DataType::varchar2(10));
    assert_eq!(code(run(&mut s, "CREATE TABLE w AS SELECT id + 1 FROM t")), 998);
    run(&mut s, "CREATE TABLE none AS SELECT * FROM t WHERE 1 = 0").unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*) FROM none"), ["0"]);
}
