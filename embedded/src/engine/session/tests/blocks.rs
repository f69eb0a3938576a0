//! RETURNING … INTO and anonymous blocks.

use super::*;

/// Runs once and gives the out values of each call of `returned`.
fn run_out(session: &mut Session, sql: &str, binds: &[Datum<'_>]) -> Result<Vec<String>> {
    let mut statement = session.prepare(sql)?;
    let mut rows = Vec::new();
    let mut outcome = Ok(0);
    session.execute_array_out(
        &mut statement,
        0..1,
        &mut |_, row| {
            row.copy_from_slice(binds);
            Ok(())
        },
        &mut |_, values| {
            rows.push(values.iter().map(|value| show(*value)).collect::<Vec<_>>().join("|"));
            Ok(())
        },
        &mut |_, result| {
            outcome = result;
            true
        },
    )?;
    outcome.map(|_| rows)
}

#[test]
fn returning_gives_the_rows_as_they_are_after_the_change() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER(9), name VARCHAR2(10) DEFAULT 'none')").unwrap();
    let statement = s.prepare("INSERT INTO t (id) VALUES (:1) RETURNING id * 2, name INTO :2, :3").unwrap();
    assert_eq!(statement.out_binds(), [1, 2]);
    let none = Datum::Null;
    assert_eq!(
        run_out(&mut s, "INSERT INTO t (id) VALUES (:1) RETURNING id * 2, name INTO :2, :3", &[Datum::Text("4"), none, none]).unwrap(),
        ["8|none"]
    );
    run(&mut s, "INSERT INTO t VALUES (5, 'five')").unwrap();
    assert_eq!(
        run_out(&mut s, "UPDATE t x SET id = id + 1 WHERE x.id > :1 RETURN x.id, upper(name) INTO :2, :3", &[Datum::Int(0), none, none])
            .unwrap(),
        ["5|NONE", "6|FIVE"]
    );
    assert_eq!(run_out(&mut s, "UPDATE t SET name = :1 WHERE id = 99 RETURNING id INTO :2", &[none, none]).unwrap(), [""; 0]);
    assert_eq!(run_out(&mut s, "DELETE FROM t WHERE id = :1 RETURNING name INTO :2", &[Datum::Int(6), none]).unwrap(), ["five"]);
    assert_eq!(rows(&mut s, "SELECT id FROM t"), ["5"]);
    assert_eq!(run_out(&mut s, "INSERT INTO t VALUES (1, 'a') RETURNING nope INTO :1", &[none]).unwrap_err().code, 904);
    assert_eq!(run_out(&mut s, "INSERT INTO t VALUES (1, 'a') RETURNING id, name INTO :1", &[none]).unwrap_err().code, 913);
    // A client that cannot take the value takes the row back.
    let mut statement = s.prepare("INSERT INTO t VALUES (7, 'g') RETURNING id INTO :1").unwrap();
    let mut outcome = Ok(0);
    s.execute_array_out(&mut statement, 0..1, &mut |_, _| Ok(()), &mut |_, _| Err(OraError::new(1406, "truncated")), &mut |_, result| {
        outcome = result;
        true
    })
    .unwrap();
    assert_eq!(code(outcome), 1406);
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), ["1"]);
}

#[test]
fn blocks_compute_loop_and_write() {
    let mut s = memory();
    assert_eq!(run_out(&mut s, "begin :out := to_char(:in); end;", &[Datum::Null, Datum::Int(12)]).unwrap(), ["12"]);
    assert_eq!(
        run_out(&mut s, "begin :x := :x + 1; :y := :x * 2; end;", &[Datum::Int(3), Datum::Int(3), Datum::Null, Datum::Int(3)]).unwrap(),
        ["4|8"]
    );
    run(&mut s, "CREATE TABLE t (i NUMBER(9), s VARCHAR2(20))").unwrap();
    run(&mut s, "begin for i in 1..10 loop insert into t values (i, 'Row ' || to_char(i)); end loop; end;\n").unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*), min(s), max(i) FROM t"), ["10|Row 1|10"]);
    let sql = "DECLARE n NUMBER := 0; v VARCHAR2(20); BEGIN
        FOR i IN REVERSE 1 .. 3 LOOP n := n * 10 + i; END LOOP;
        SELECT s INTO v FROM t WHERE i = n - 311;
        IF v IS NULL THEN :out := 'none'; ELSIF n = 321 THEN :out := v; ELSE :out := 'other'; END IF;
        LOOP n := n + 1; EXIT WHEN n > 330; END LOOP;
        :n := n;
    END;";
    assert_eq!(run_out(&mut s, sql, &[Datum::Null; 4]).unwrap(), ["Row 10|331"]);
    run(&mut s, "begin execute immediate 'drop table nowhere'; exception when others then if sqlcode != -942 then raise; end if; end;")
        .unwrap();
    let handled = "begin insert into t values (1, 'far too long for this column'); exception when others then :e := sqlerrm; end;";
    assert!(run_out(&mut s, handled, &[Datum::Null]).unwrap()[0].starts_with("ORA-12899: value too large"));
    let none_found = "declare v number; begin select i into v from t where i = 99; exception when no_data_found then :x := -1; end;";
    assert_eq!(run_out(&mut s, none_found, &[Datum::Null]).unwrap(), ["-1"]);
}

#[test]
fn a_failing_block_takes_its_changes_back() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (i NUMBER(1))").unwrap();
    for before in [0, 1] {
        if before == 1 {
            run(&mut s, "INSERT INTO t VALUES (9)").unwrap();
        }
        let error = run(&mut s, "begin\n  insert into t values (1);\n  insert into t values (10);\nend;").unwrap_err();
        assert_eq!((error.code, error.message.ends_with("\nORA-06512: at line 3")), (1438, true), "{}", error.message);
        assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), [before.to_string()]);
    }
    for (sql, code) in [
        ("begin raise_application_error(-20001, 'mine'); end;", 20001),
        ("begin nothing(1); end;", 6550),
        ("begin dbms_scheduler.run_job('x'); end;", 3001),
        ("declare v varchar2(2); begin v := 'abc'; end;", 6502),
        ("declare v number; begin v := 'abc'; end;", 6502),
        ("begin x := 1; end;", 6550),
        ("begin null end;", 6550),
        ("declare function f return number is begin return 1; end; begin null; end;", 3001),
        ("begin for r in (select 1 from dual) loop null; end loop; end;", 3001),
    ] {
        let found = run(&mut s, sql).unwrap_err();
        assert_eq!(found.code, code, "{sql}: {found}");
    }
    assert_eq!(
        run(&mut s, "begin raise_application_error(-20001, 'mine'); end;").unwrap_err().message,
        "ORA-20001: mine\nORA-06512: at line 1"
    );
}

#[test]
fn lobs_of_variables_are_changed_by_dbms_lob() {
    let mut s = memory();
    let mut changed = |steps: &str| -> std::result::Result<String, i32> {
        let sql = format!("DECLARE c CLOB := 'abcdef'; d CLOB := 'xy'; BEGIN {steps} :out := c; END;");
        let mut statement = s.prepare(&sql).map_err(|error| error.code)?;
        let (mut outcome, mut text) = (Ok(0), String::new());
        let mut keep = |_: u32, values: &[Datum<'_>]| {
            text = show(values[0]);
            Ok(())
        };
        s.execute_array_out(&mut statement, 0..1, &mut |_, _| Ok(()), &mut keep, &mut |_, result| {
            outcome = result;
            false
        })
        .map_err(|error| error.code)?;
        outcome.map(|_| text).map_err(|error| error.code)
    };
    assert_eq!(changed("DBMS_LOB.APPEND(c, d);"), Ok("abcdefxy".into()));
    assert_eq!(changed("DBMS_LOB.COPY(c, d, 1);"), Ok("xbcdef".into()));
    assert_eq!(changed("DBMS_LOB.COPY(c, d, 5, 8, 2);"), Ok("abcdef y".into()), "the gap is blank, and the source ends");
    assert_eq!(changed("DBMS_LOB.TRIM(c, 2);"), Ok("ab".into()));
    assert_eq!(changed("DBMS_LOB.TRIM(c, 7);"), Err(22926));
    assert_eq!(changed("DBMS_LOB.WRITE(c, 2, 3, 'ZZtop');"), Ok("abZZef".into()));
    assert_eq!(changed("DBMS_LOB.WRITEAPPEND(c, 3, 'ZZtop');"), Ok("abcdefZZt".into()));
    assert_eq!(changed("DBMS_LOB.WRITEAPPEND(c, 9, 'ZZtop');"), Err(21560));
    assert_eq!(changed("d := NULL; DBMS_LOB.APPEND(d, c);"), Err(6502));
}

#[test]
fn execute_immediate_fetches_one_row_into_its_targets() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, name VARCHAR2(10))").unwrap();
    run(&mut s, "INSERT INTO t VALUES (1, 'one')").unwrap();
    let block = "DECLARE n NUMBER; v VARCHAR2(10); BEGIN \
                 EXECUTE IMMEDIATE 'SELECT id, name FROM t WHERE id = :x' INTO n, v USING 1; \
                 INSERT INTO t VALUES (n + 1, v || '!'); END;";
    run(&mut s, block).unwrap();
    assert_eq!(rows(&mut s, "SELECT name FROM t WHERE id = 2"), ["one!"]);
    let into = |condition: &str| format!("DECLARE n NUMBER; BEGIN EXECUTE IMMEDIATE 'SELECT id FROM t WHERE {condition}' INTO n; END;");
    assert_eq!(code(run(&mut s, &into("id = 9"))), 1403);
    assert_eq!(code(run(&mut s, &into("id > 0"))), 1422);
    // Without a place for the row the query is not run.
    run(&mut s, "BEGIN EXECUTE IMMEDIATE 'SELECT 1/0 FROM t'; END;").unwrap();
}
