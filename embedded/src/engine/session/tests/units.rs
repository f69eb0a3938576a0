//! Stored procedures, functions and packages, and the types of PL/SQL.

use super::*;

/// Runs a block and shows what its binds were given.
fn block(session: &mut Session, sql: &str, binds: &[Datum<'_>]) -> Result<Vec<String>> {
    let kinds: Vec<DatumKind> = binds.iter().map(Datum::kind).collect();
    let mut statement = session.prepare_for(sql, &kinds)?;
    let (mut given, mut outcome) = (Vec::new(), Ok(0));
    session.execute_array_out(
        &mut statement,
        0..1,
        &mut |_, row| {
            row.copy_from_slice(binds);
            Ok(())
        },
        &mut |_, values| {
            given = values.iter().map(|value| show(*value)).collect();
            Ok(())
        },
        &mut |_, result| {
            outcome = result;
            false
        },
    )?;
    outcome.map(|_| given)
}

#[test]
fn procedures_and_functions_are_called_by_place_and_by_name() {
    let mut s = memory();
    run(&mut s, "CREATE PROCEDURE twice(a VARCHAR2, b IN OUT NUMBER, c OUT NUMBER) AS BEGIN b := b * 2; c := length(a); END;").unwrap();
    run(&mut s, "CREATE FUNCTION plus(a NUMBER, b NUMBER DEFAULT 10) RETURN NUMBER IS t NUMBER := a; BEGIN RETURN t + b; END plus;")
        .unwrap();
    let text = Datum::Text("abc");
    assert_eq!(block(&mut s, "BEGIN twice(:1, :2, :3); END;", &[text, Datum::Int(4), Datum::Null]).unwrap(), ["8", "3"]);
    let named = "BEGIN twice(c => :1, b => :2, a => :3); END;";
    assert_eq!(block(&mut s, named, &[Datum::Null, Datum::Int(5), text]).unwrap(), ["3", "10"]);
    assert_eq!(block(&mut s, "BEGIN :r := plus(1); END;", &[Datum::Null]).unwrap(), ["11"]);
    assert_eq!(block(&mut s, "BEGIN :r := scott.plus(b => 2, a => 1); END;", &[Datum::Null]).unwrap(), ["3"]);
    for wrong in
        ["twice('a', 1)", "twice('a', :x, :y, 1)", "twice('a', 1, :x)", "plus(1)", "nothing(1)", "twice(a => 'a', a => 'b', c => :x)"]
    {
        let binds = vec![Datum::Null; wrong.matches(':').count()];
        assert_eq!(code(block(&mut s, &format!("BEGIN {wrong}; END;"), &binds)), 6550, "{wrong}");
    }
    assert_eq!(code(block(&mut s, "BEGIN :r := plus('x'); END;", &[Datum::Null])), 6502);
    run(&mut s, "DROP FUNCTION plus").unwrap();
    assert_eq!(code(run(&mut s, "DROP FUNCTION plus")), 4043);
}

#[test]
fn packages_hold_tables_booleans_and_conditions() {
    let mut s = memory();
    run(
        &mut s,
        "CREATE PACKAGE p AS TYPE list IS TABLE OF NUMBER INDEX BY BINARY_INTEGER; FUNCTION total(a list) RETURN NUMBER;
         PROCEDURE fill(n NUMBER, a IN OUT list); FUNCTION small(n NUMBER) RETURN BOOLEAN; FUNCTION name(b BOOLEAN) RETURN VARCHAR2; END;",
    )
    .unwrap();
    run(
        &mut s,
        "CREATE PACKAGE BODY p AS
         FUNCTION total(a list) RETURN NUMBER IS t NUMBER := 0;
           BEGIN FOR i IN 1..a.COUNT LOOP t := t + a(i) * a(a.FIRST); END LOOP; RETURN t; END;
         PROCEDURE fill(n NUMBER, a IN OUT list) IS BEGIN FOR i IN 1..n LOOP a(i) := i * 10; END LOOP; END;
         FUNCTION small(n NUMBER) RETURN BOOLEAN IS BEGIN RETURN n < 10; END;
         FUNCTION name(b BOOLEAN) RETURN VARCHAR2 IS
           BEGIN IF b IS NULL THEN RETURN 'NULL'; ELSIF NOT b THEN RETURN 'NO'; END IF; RETURN 'YES'; END; END;",
    )
    .unwrap();
    let list = [Datum::Int(2), Datum::Int(3), Datum::Int(4)];
    assert_eq!(block(&mut s, "BEGIN :r := p.total(:a); END;", &[Datum::Null, Datum::Table(&list)]).unwrap(), ["18"]);
    assert_eq!(block(&mut s, "BEGIN p.fill(2, :a); END;", &[Datum::Table(&list)]).unwrap(), [r#"["10", "20", "4"]"#]);
    assert_eq!(block(&mut s, "BEGIN p.fill(4, :a); END;", &[Datum::Table(&list)]).unwrap(), [r#"["10", "20", "30", "40"]"#]);
    assert_eq!(code(block(&mut s, "BEGIN :r := p.total(:a); END;", &[Datum::Null, Datum::Int(1)])), 6550);
    let boolean = Datum::Boolean(false);
    assert_eq!(block(&mut s, "BEGIN :r := p.small(9); END;", &[boolean]).unwrap(), ["TRUE"]);
    assert_eq!(block(&mut s, "BEGIN :r := p.name(:b); END;", &[Datum::Null, boolean]).unwrap(), ["NO"]);
    assert_eq!(block(&mut s, "BEGIN :r := p.name(1 < 2 OR FALSE); END;", &[Datum::Null]).unwrap(), ["YES"]);
    assert_eq!(block(&mut s, "BEGIN :r := p.name(NULL); END;", &[Datum::Null]).unwrap(), ["NULL"]);
    assert_eq!(code(block(&mut s, "BEGIN :r := p.name(:b); END;", &[Datum::Null, Datum::Text("TRUE")])), 6550);
    assert_eq!(code(block(&mut s, "DECLARE a p.list; BEGIN :r := a(1); END;", &[Datum::Null])), 1403);
}

#[test]
fn cursor_variables_are_opened_fetched_and_handed_over() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER)").unwrap();
    run(&mut s, "INSERT INTO t SELECT LEVEL FROM dual CONNECT BY LEVEL <= 3").unwrap();
    let sql = "DECLARE c SYS_REFCURSOR; a NUMBER; BEGIN OPEN c FOR SELECT id FROM t WHERE id > :low ORDER BY id; FETCH c INTO a; :a := a; :c := c; END;";
    assert_eq!(block(&mut s, sql, &[Datum::Int(1), Datum::Null, Datum::Null]).unwrap(), ["2", "CURSOR"]);
    let (columns, mut cursor) = s.take_cursor(1).unwrap();
    assert_eq!(columns[0].name, "ID");
    assert!(cursor.next().unwrap());
    assert_eq!(show(cursor.datum(0).unwrap()), "3");
    assert!(!cursor.next().unwrap());
    assert!(s.take_cursor(1).is_none());
    let implicit = "DECLARE c SYS_REFCURSOR; BEGIN OPEN c FOR 'SELECT id FROM t WHERE id = :1' USING 3; DBMS_SQL.RETURN_RESULT(c); END;";
    block(&mut s, implicit, &[]).unwrap();
    assert_eq!(s.take_implicit_results().len(), 1);
    assert_eq!(code(block(&mut s, "DECLARE c SYS_REFCURSOR; BEGIN CLOSE c; END;", &[])), 1001);
}

#[test]
fn returning_in_a_block_gives_to_variables_and_binds() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, name VARCHAR2(10))").unwrap();
    let sql = "DECLARE n VARCHAR2(10); BEGIN INSERT INTO t VALUES (:1, 'one') RETURNING id, upper(name) INTO :2, n; :3 := n; END;";
    assert_eq!(block(&mut s, sql, &[Datum::Int(1), Datum::Null, Datum::Null]).unwrap(), ["1", "ONE"]);
    run(&mut s, "INSERT INTO t VALUES (2, 'two')").unwrap();
    let none = "BEGIN UPDATE t SET id = id WHERE id = 9 RETURNING id INTO :1; END;";
    assert_eq!(block(&mut s, none, &[Datum::Int(7)]).unwrap(), ["7"]);
    assert_eq!(code(block(&mut s, "BEGIN UPDATE t SET id = id RETURNING id INTO :1; END;", &[Datum::Null])), 1422);
}

#[test]
fn what_does_not_compile_is_kept_with_a_warning_and_what_is_not_known_is_refused() {
    let mut s = memory();
    run(&mut s, "CREATE PROCEDURE bad AS BEGIN NULL END;").unwrap();
    assert_eq!(s.take_warning().unwrap().code, 24344);
    assert_eq!(code(run(&mut s, "CREATE PROCEDURE bad AS BEGIN NULL; END;")), 955);
    run(&mut s, "CREATE OR REPLACE PROCEDURE bad AS BEGIN NULL; END;").unwrap();
    assert!(s.take_warning().is_none());
    block(&mut s, "BEGIN bad; END;", &[]).unwrap();
    assert_eq!(code(run(&mut s, "CREATE PROCEDURE other AS CURSOR c IS SELECT 1 FROM dual; BEGIN NULL; END;")), 3001);
    run(&mut s, "CREATE PROCEDURE again AS BEGIN again; END;").unwrap();
    assert_eq!(code(block(&mut s, "BEGIN again; END;", &[])), 36);
}
