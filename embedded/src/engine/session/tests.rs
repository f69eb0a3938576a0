use super::*;
use crate::engine::{ColumnInfo, DataType, DatumKind, Number, StatementKind};

fn memory() -> Session {
    Session::connect(":memory:", "scott", "tiger").unwrap()
}

fn run(session: &mut Session, sql: &str) -> Result<u64> {
    run_with(session, sql, &[])
}

fn run_with(session: &mut Session, sql: &str, binds: &[Datum<'_>]) -> Result<u64> {
    let mut statement = session.prepare(sql)?;
    session.execute(&mut statement, binds)
}

fn show(datum: Datum<'_>) -> String {
    match datum {
        Datum::Null => "NULL".into(),
        Datum::EmptyClob | Datum::EmptyBlob => "EMPTY".into(),
        Datum::Number(bytes) => Number::from_bytes(bytes).unwrap().to_text(),
        Datum::Text(text) => text.into(),
        Datum::Bytes(bytes) => crate::engine::value::hex(bytes),
        Datum::BinaryFloat(value) => value.to_string(),
        Datum::BinaryDouble(value) => value.to_string(),
        Datum::Date(bytes) => crate::engine::value::hex(&bytes),
        Datum::Timestamp(bytes) => crate::engine::value::hex(&bytes),
        Datum::TimestampTz(bytes) => crate::engine::value::hex(&bytes),
        Datum::IntervalDs(nanos) => crate::engine::interval::nanos_text(nanos, 2, 6),
        Datum::IntervalFields(fields) => crate::engine::interval::fields_text(fields, 2, 6),
        Datum::IntervalYm(months) => crate::engine::interval::months_text(months, 2),
        Datum::Boolean(value) => value.to_string().to_uppercase(),
        Datum::Table(elements) => format!("{:?}", elements.iter().map(|element| show(*element)).collect::<Vec<_>>()),
        Datum::Cursor(_) => "CURSOR".into(),
        Datum::Int(_) | Datum::UInt(_) => panic!("the engine gives NUMBER as bytes"),
    }
}

/// All rows, columns joined with `|`.
fn rows_with(session: &mut Session, sql: &str, binds: &[Datum<'_>]) -> Result<Vec<String>> {
    let mut statement = session.prepare(sql)?;
    let mut cursor = session.open(&mut statement, binds)?;
    let mut rows = Vec::new();
    while cursor.next()? {
        rows.push((0..statement.columns().len()).map(|index| cursor.datum(index).map(show)).collect::<Result<Vec<_>>>()?.join("|"));
    }
    Ok(rows)
}

fn rows(session: &mut Session, sql: &str) -> Vec<String> {
    rows_with(session, sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn value(session: &mut Session, expression: &str) -> String {
    rows(session, &format!("SELECT {expression} FROM dual")).remove(0)
}

fn code(result: Result<impl std::fmt::Debug>) -> i32 {
    result.unwrap_err().code
}

#[test]
fn create_insert_select_commit() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, name VARCHAR2(10) NOT NULL, c CHAR(3), d DATE, x BINARY_DOUBLE)").unwrap();
    let mut insert = s.prepare("INSERT INTO t VALUES (:1, :2, :3, :4, :5)").unwrap();
    let date = Datum::Date([120, 124, 2, 29, 1, 1, 1]);
    assert_eq!(
        s.execute(&mut insert, &[Datum::Int(2), Datum::Text("two"), Datum::Text("b"), date, Datum::BinaryDouble(f64::NAN)]).unwrap(),
        1
    );
    assert_eq!(s.execute(&mut insert, &[Datum::Text("1"), Datum::Int(1), Datum::Null, Datum::Null, Datum::BinaryDouble(-0.5)]).unwrap(), 1);
    assert!(s.in_transaction());
    s.commit().unwrap();
    assert!(!s.in_transaction());
    assert_eq!(rows(&mut s, "SELECT * FROM t ORDER BY id"), ["1|1|NULL|NULL|-0.5", "2|two|b  |787C021D010101|NaN"]);
    assert_eq!(rows(&mut s, "select count(*), max(id), min(name), sum(id), avg(id) from t"), ["2|2|1|3|1.5"]);
    assert_eq!(rows(&mut s, "SELECT id FROM t WHERE c = 'b'"), ["2"]);
    assert_eq!(rows(&mut s, "SELECT id FROM t ORDER BY c"), ["2", "1"]);
    assert_eq!(rows(&mut s, "SELECT id FROM t ORDER BY c DESC, id"), ["1", "2"]);
    let described = s.prepare("SELECT id, name n, x FROM scott.t a").unwrap();
    assert_eq!(
        described.columns()[0],
        ColumnInfo { name: "ID".into(), data_type: DataType::Number { precision: Some(10), scale: Some(0) }, nullable: false }
    );
    assert_eq!(described.columns()[1].name, "N");
}

#[test]
fn errors_have_oracles_codes_and_words() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER(5,2) CONSTRAINT t_pk PRIMARY KEY, name VARCHAR2(3 CHAR) NOT NULL, d DATE)").unwrap();
    run(&mut s, "INSERT INTO t VALUES (1, 'a', NULL)").unwrap();
    for (sql, message) in [
        ("INSERT INTO t VALUES (1.001, 'b', NULL)", "ORA-00001: unique constraint (SCOTT.T_PK) violated"),
        ("INSERT INTO t VALUES (2, '', NULL)", "ORA-01400: cannot insert NULL into (\"SCOTT\".\"T\".\"NAME\")"),
        ("INSERT INTO t (name) VALUES ('x')", "ORA-01400: cannot insert NULL into (\"SCOTT\".\"T\".\"ID\")"),
        ("UPDATE t SET name = NULL", "ORA-01407: cannot update (\"SCOTT\".\"T\".\"NAME\") to NULL"),
        (
            "INSERT INTO t VALUES (2, 'abcd', NULL)",
            "ORA-12899: value too large for column \"SCOTT\".\"T\".\"NAME\" (actual: 4, maximum: 3)",
        ),
        ("INSERT INTO t VALUES (1000, 'b', NULL)", "ORA-01438: value larger than specified precision allowed for this column"),
        ("INSERT INTO t VALUES ('x', 'b', NULL)", "ORA-01722: invalid number"),
        ("INSERT INTO t VALUES (2, 'b', 5)", "ORA-00932: inconsistent datatypes: expected DATE got NUMBER"),
        ("INSERT INTO t VALUES (2, 'b', '31-FEB-24')", "ORA-01839: date not valid for month specified"),
        ("INSERT INTO t VALUES (2, 'b')", "ORA-00947: not enough values"),
        ("INSERT INTO t VALUES (2, 'b', NULL, 4)", "ORA-00913: too many values"),
        ("INSERT INTO t (nope) VALUES (1)", "ORA-00904: \"NOPE\": invalid identifier"),
        ("SELECT nope FROM t", "ORA-00904: \"NOPE\": invalid identifier"),
        ("SELECT * FROM missing", "ORA-00942: table or view does not exist"),
        ("DROP TABLE missing", "ORA-00942: table or view does not exist"),
        ("CREATE TABLE t (a NUMBER)", "ORA-00955: name is already used by an existing object"),
        ("SELECT id, count(*) FROM t", "ORA-00937: not a single-group group function"),
        ("SELECT 1/0 FROM dual", "ORA-01476: divisor is equal to zero"),
        ("ROLLBACK TO nowhere", "ORA-01086: savepoint 'NOWHERE' never established in this session or is invalid"),
    ] {
        let error = run(&mut s, sql).err().or_else(|| rows_with(&mut s, sql, &[]).err());
        let error = match error {
            Some(error) if error.code == 24333 => rows_with(&mut s, sql, &[]).unwrap_err(),
            other => other.unwrap_or_else(|| panic!("{sql} went through")),
        };
        assert_eq!(error.message, message, "{sql}");
    }
    assert_eq!(s.prepare("SELECT a, nope FROM t").err().unwrap().offset, Some(7));
    assert_eq!(s.prepare("SELECT * FROM missing").err().unwrap().offset, Some(14));
    assert_eq!(s.prepare("SELECT foo(id) FROM t").err().unwrap().code, 3001);
}

#[test]
fn statements_are_atomic_and_savepoints_work() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER UNIQUE, n NUMBER)").unwrap();
    for id in 1..=3 {
        run_with(&mut s, "INSERT INTO t VALUES (:a, :a)", &[Datum::Int(id), Datum::Int(id)]).unwrap();
    }
    assert_eq!(code(run(&mut s, "INSERT INTO t SELECT 5 - id, 0 FROM t")), 1);
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), ["3"]);
    assert_eq!(run(&mut s, "UPDATE t SET id = id + 1").unwrap(), 3);
    assert_eq!(rows(&mut s, "SELECT id FROM t ORDER BY 1"), ["2", "3", "4"]);
    assert_eq!(code(run(&mut s, "UPDATE t SET id = 9")), 1);
    assert_eq!(rows(&mut s, "SELECT id FROM t ORDER BY 1"), ["2", "3", "4"]);
    run(&mut s, "SAVEPOINT a").unwrap();
    assert_eq!(run(&mut s, "DELETE FROM t WHERE id > 2").unwrap(), 2);
    run(&mut s, "ROLLBACK TO SAVEPOINT a").unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), ["3"]);
    run(&mut s, "COMMIT").unwrap();
    run(&mut s, "DELETE t").unwrap();
    run(&mut s, "ROLLBACK").unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), ["3"]);
    run(&mut s, "DELETE t WHERE id = 2").unwrap();
    run(&mut s, "CREATE TABLE u (a NUMBER)").unwrap();
    s.rollback().unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), ["2"]);
    run(&mut s, "TRUNCATE TABLE t").unwrap();
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), ["0"]);
}

#[test]
fn composite_keys_with_nulls_are_compared_as_oracle_does() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (a NUMBER, b VARCHAR2(5), CONSTRAINT u UNIQUE (a, b))").unwrap();
    for values in ["NULL, NULL", "NULL, NULL", "1, NULL", "2, NULL", "NULL, 'x'"] {
        run(&mut s, &format!("INSERT INTO t VALUES ({values})")).unwrap();
    }
    assert_eq!(run(&mut s, "INSERT INTO t VALUES (1, NULL)").unwrap_err().message, "ORA-00001: unique constraint (SCOTT.U) violated");
    assert_eq!(code(run(&mut s, "INSERT INTO t VALUES (NULL, 'x')")), 1);
}

#[test]
fn expressions() {
    let mut s = memory();
    for (expression, expected) in [
        ("1 + 2 * 3 - 4 / 8", "6.5"),
        ("-5 + 2", "-3"),
        ("'a' || NULL || 'b' || 1.50", "ab1.5"),
        ("NVL(NULL, 'x')", "x"),
        ("NVL('', 'x')", "x"),
        ("UPPER('äb') || LOWER('ÄB')", "ÄBäb"),
        ("LENGTH('äb') || LENGTHB('äb')", "23"),
        ("SUBSTR('hello', -3, 2)", "ll"),
        ("SUBSTR('hello', 2)", "ello"),
        ("TRIM('  x ')", "x"),
        ("TO_CHAR(1234.5, '9,999.99')", " 1,234.50"),
        ("TO_CHAR(DATE '2024-02-29', 'YYYY/MM/DD')", "2024/02/29"),
        ("DATE '2024-02-29'", "78 7C 02 1D 01 01 01"),
        ("TO_DATE('2024-02-29 13:00', 'YYYY-MM-DD HH24:MI') - DATE '2024-02-28'", "1.54166666666666666666666666666666666667"),
        ("TO_CHAR(DATE '2024-02-29' + 1.5, 'YYYY-MM-DD HH24:MI')", "2024-03-01 12:00"),
        ("TO_NUMBER(' 12.5 ')", "12.5"),
        ("CAST('12.345' AS NUMBER(5,1))", "12.3"),
        ("CAST(5 AS VARCHAR2(10))", "5"),
        ("DUMP(123)", "Typ=2 Len=3: 194,2,24"),
        ("DUMP('ab')", "Typ=96 Len=2: 97,98"),
        ("RAWTOHEX(HEXTORAW('0aff'))", "0AFF"),
        ("USER", "SCOTT"),
        ("CASE WHEN 1 = 2 THEN 'a' ELSE 'b' END", "b"),
        ("DECODE(NULL, 1, 'one', NULL, 'null')", "null"),
        ("ROUND(2.567, 2) || TRUNC(2.567, 1)", "2.572.5"),
        ("MOD(-7, 3)", "-1"),
        ("TO_BINARY_DOUBLE(1.5) || ''", "1.5E+000"),
        ("TO_BINARY_DOUBLE(-100) || ''", "-1.0E+002"),
        ("TO_BINARY_DOUBLE(0.1) || ''", "1.0000000000000001E-001"),
        ("TO_BINARY_FLOAT(0.5) || ''", "5.0E-001"),
        ("TO_CHAR(TIMESTAMP '2024-01-01 10:00:00.123456 +02:00', 'HH24:MI:SS.FF6 TZH:TZM')", "10:00:00.123456 +02:00"),
        ("(SELECT 5 FROM dual)", "5"),
        ("q'[it's]'", "it's"),
    ] {
        assert_eq!(value(&mut s, expression), expected.replace("78 7C 02 1D 01 01 01", "787C021D010101"), "{expression}");
    }
}

#[test]
fn conditions_and_binds_convert_as_their_kinds_say() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(10), c CHAR(5), d DATE, f BINARY_DOUBLE)").unwrap();
    for (id, v) in [(1, "a"), (2, "b "), (3, "10")] {
        run_with(
            &mut s,
            "INSERT INTO t VALUES (:1, :2, :3, DATE '2024-01-01' + :4, :5)",
            &[Datum::Int(id), Datum::Text(v), Datum::Text(v), Datum::Int(id), Datum::Int(id)],
        )
        .unwrap();
    }
    for (condition, bind, expected) in [
        ("id = :1", Datum::Text("2"), "2"),
        ("id = :1", Datum::BinaryDouble(2.0), "2"),
        ("v = :1", Datum::Text("b"), ""),
        ("c = :1", Datum::Text("b"), ""),
        ("c = :1", Datum::Text("b    "), "2"),
        ("d = :1", Datum::Date([120, 124, 1, 2, 1, 1, 1]), "1"),
        ("d = :1", Datum::Text("02-JAN-24"), "1"),
        ("f > :1", Datum::Int(2), "3"),
        ("id IN (1, :1)", Datum::Int(3), "1,3"),
        ("id BETWEEN 2 AND :1", Datum::Int(3), "2,3"),
        ("NOT id < :1", Datum::Int(3), "3"),
        ("v LIKE :1", Datum::Text("_"), "1"),
        ("v IS NULL OR id = :1", Datum::Int(1), "1"),
        ("ROWNUM <= :1", Datum::Int(2), "1,2"),
        ("id = (SELECT max(id) FROM t) AND :1 = 1", Datum::Int(1), "3"),
    ] {
        let found = rows_with(&mut s, &format!("SELECT id FROM t WHERE {condition} ORDER BY id"), &[bind]).unwrap();
        assert_eq!(found.join(","), expected, "{condition} {bind:?}");
    }
    assert_eq!(rows(&mut s, "SELECT id FROM t WHERE c = 'b'"), ["2"]);
    assert_eq!(rows(&mut s, "SELECT id FROM t ORDER BY id DESC FETCH FIRST 1 ROWS ONLY"), ["3"]);
    assert_eq!(rows(&mut s, "SELECT id FROM t ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY"), ["2"]);
    assert_eq!(code(rows_with(&mut s, "SELECT id FROM t WHERE v = 5", &[])), 1722);
    let rowid = rows(&mut s, "SELECT ROWID FROM t WHERE id = 2").remove(0);
    assert_eq!(rowid.len(), 18);
    assert_eq!(rows_with(&mut s, "SELECT id FROM t WHERE ROWID = :1", &[Datum::Text(&rowid)]).unwrap(), ["2"]);
}

#[test]
fn long_lists_and_chains_are_no_problem() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER)").unwrap();
    run(&mut s, "INSERT INTO t VALUES (999)").unwrap();
    let items = (0..1000).map(|item| item.to_string()).collect::<Vec<_>>();
    assert_eq!(rows(&mut s, &format!("SELECT id FROM t WHERE id IN ({})", items.join(","))), ["999"]);
    let tests = items.iter().map(|item| format!("id = {item}")).collect::<Vec<_>>();
    assert_eq!(rows(&mut s, &format!("SELECT id FROM t WHERE {}", tests.join(" OR "))), ["999"]);
    assert_eq!(rows(&mut s, "SELECT id FROM t WHERE id NOT IN (1, NULL)"), Vec::<String>::new());
    let parentheses = format!("SELECT {}1{} FROM dual", "(".repeat(30), ")".repeat(30));
    assert_eq!(rows(&mut s, &parentheses), ["1"]);
    assert_eq!(code(rows_with(&mut s, &format!("SELECT 1{} FROM dual", "+1".repeat(6000)), &[])), 3001);
    assert_eq!(code(rows_with(&mut s, &format!("SELECT 1{} FROM dual", "+1".repeat(4000)), &[])), 3001);
    assert_eq!(rows(&mut s, &format!("SELECT 1{} FROM dual", "+1".repeat(90))), ["91"]);
}

#[test]
fn array_rows_fail_one_by_one() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER(2) PRIMARY KEY)").unwrap();
    let mut insert = s.prepare("INSERT INTO t VALUES (:1)").unwrap();
    let values = [Datum::Int(1), Datum::Int(1), Datum::Text("x"), Datum::Int(100), Datum::Text("2")];
    let mut outcomes = Vec::new();
    s.execute_array(
        &mut insert,
        0..5,
        &mut |row, binds| {
            binds[0] = values[row as usize];
            Ok(())
        },
        &mut |_, outcome| {
            outcomes.push(outcome.map_err(|error| error.code));
            true
        },
    )
    .unwrap();
    assert_eq!(outcomes, [Ok(1), Err(1), Err(1722), Err(1438), Ok(1)]);
    assert_eq!(rows(&mut s, "SELECT id FROM t ORDER BY id"), ["1", "2"]);
}

#[test]
fn two_sessions_on_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let path = path.to_str().unwrap();
    let mut a = Session::connect(path, "scott", "").unwrap();
    let mut b = Session::connect(path, "SCOTT", "").unwrap();
    run(&mut a, "CREATE TABLE t (id NUMBER)").unwrap();
    run(&mut a, "INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(rows(&mut a, "SELECT count(*) FROM t"), ["1"]);
    assert_eq!(rows(&mut b, "SELECT count(*) FROM t"), ["0"]);
    b.set_lock_timeout(Duration::from_millis(50)).unwrap();
    let waited = std::thread::scope(|scope| scope.spawn(|| code(run(&mut b, "INSERT INTO t VALUES (2)"))).join().unwrap());
    assert_eq!(waited, 54);
    let mut query = b.prepare("SELECT id FROM t").unwrap();
    let mut cursor = b.open(&mut query, &[]).unwrap();
    a.commit().unwrap();
    assert!(!cursor.next().unwrap(), "a query keeps the snapshot of its beginning");
    assert_eq!(rows(&mut b, "SELECT count(*) FROM t"), ["1"]);
    run(&mut b, "INSERT INTO t VALUES (2)").unwrap();
    b.commit().unwrap();
    run(&mut a, "DROP TABLE t").unwrap();
    assert_eq!(code(b.open(&mut query, &[]).map(drop)), 942);
    run(&mut a, "CREATE TABLE t (id VARCHAR2(5))").unwrap();
    run(&mut a, "INSERT INTO t VALUES ('x')").unwrap();
    drop(a);
    assert_eq!(rows(&mut b, "SELECT count(*) FROM t"), ["0"], "a session that ends without commit leaves nothing");
}

#[test]
fn a_cursor_goes_on_while_its_session_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let mut s = Session::connect(path.to_str().unwrap(), "scott", "").unwrap();
    run(&mut s, "CREATE TABLE t (id NUMBER)").unwrap();
    for id in 0..100 {
        run_with(&mut s, "INSERT INTO t VALUES (:1)", &[Datum::Int(id)]).unwrap();
    }
    s.commit().unwrap();
    let mut query = s.prepare("SELECT id FROM t").unwrap();
    let mut cursor = s.open(&mut query, &[]).unwrap();
    assert!(cursor.next().unwrap());
    run(&mut s, "DELETE FROM t").unwrap();
    s.commit().unwrap();
    let mut count = 1;
    while cursor.next().unwrap() {
        count += 1;
    }
    assert_eq!(count, 100);
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), ["0"]);
}

#[test]
fn committed_rows_and_passwords_are_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let path = path.to_str().unwrap();
    let mut s = Session::connect(path, "scott", "any").unwrap();
    run(&mut s, "CREATE TABLE \"Mixed\" (a NUMBER DEFAULT 7, \"b\" VARCHAR2(3) DEFAULT 'x', t TIMESTAMP(9) WITH TIME ZONE)").unwrap();
    run(&mut s, "INSERT INTO \"Mixed\" (t) VALUES (NULL)").unwrap();
    s.commit().unwrap();
    run(&mut s, "ALTER USER scott IDENTIFIED BY tiger").unwrap();
    drop(s);
    assert_eq!(Session::connect(path, "scott", "wrong").err().unwrap().message, "ORA-01017: invalid username/password; logon denied");
    let mut s = Session::connect(path, "scott", "tiger").unwrap();
    assert_eq!(rows(&mut s, "SELECT a, \"b\", t FROM \"Mixed\""), ["7|x|NULL"]);
    assert_eq!(code(Session::connect("/nonexistent/dir/a.db", "a", "").map(drop)), 12154);
}

#[test]
fn the_dictionary_describes_what_was_made() {
    let mut s = memory();
    run(
        &mut s,
        "CREATE TABLE t (id NUMBER(10,2) CONSTRAINT pk PRIMARY KEY, v VARCHAR2(20 CHAR) NOT NULL, ts TIMESTAMP(3), u NUMBER UNIQUE)",
    )
    .unwrap();
    assert_eq!(
        rows(
            &mut s,
            "SELECT column_name, data_type, data_length, data_precision, data_scale, nullable, char_length, char_used FROM user_tab_columns WHERE table_name = 'T' ORDER BY column_id"
        ),
        [
            "ID|NUMBER|22|10|2|N|0|NULL",
            "V|VARCHAR2|80|NULL|NULL|N|20|C",
            "TS|TIMESTAMP(3)|11|NULL|3|Y|0|NULL",
            "U|NUMBER|22|NULL|NULL|Y|0|NULL"
        ]
    );
    assert_eq!(
        rows(&mut s, "SELECT constraint_type, count(*) FROM all_constraints GROUP BY constraint_type ORDER BY 1"),
        ["C|1", "P|1", "U|1"]
    );
    assert_eq!(rows(&mut s, "SELECT column_name FROM user_cons_columns WHERE constraint_name = 'PK'"), ["ID"]);
    assert_eq!(rows(&mut s, "SELECT value FROM nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'"), ["AL32UTF8"]);
    run(&mut s, "ALTER TABLE t RENAME TO t2").unwrap();
    assert_eq!(rows(&mut s, "SELECT table_name FROM user_tables"), ["T2"]);
    run(&mut s, "CREATE UNIQUE INDEX i ON t2 (ts)").unwrap();
    assert_eq!(code(run(&mut s, "CREATE INDEX i ON t2 (v)")), 955);
    run(&mut s, "DROP INDEX i").unwrap();
    assert_eq!(code(run(&mut s, "DROP INDEX i")), 1418);
    assert!(rows(&mut s, "SELECT banner FROM v$version")[0].contains("embedded"));
}

#[test]
fn session_settings_steer_conversions() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (d DATE, l TIMESTAMP WITH LOCAL TIME ZONE)").unwrap();
    run(&mut s, "ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY-MM-DD' TIME_ZONE = '+02:00'").unwrap();
    run(&mut s, "INSERT INTO t VALUES ('2024-02-29', TIMESTAMP '2024-01-01 12:00:00')").unwrap();
    assert_eq!(rows(&mut s, "SELECT d || '', TO_CHAR(l, 'HH24 TZH') FROM t"), ["2024-02-29|12 +02"]);
    run(&mut s, "ALTER SESSION SET TIME_ZONE = '-01:00'").unwrap();
    assert_eq!(rows(&mut s, "SELECT TO_CHAR(l, 'HH24 TZH') FROM t"), ["09 -01"]);
    run(&mut s, "ALTER SESSION SET CURRENT_SCHEMA = other").unwrap();
    assert_eq!(code(rows_with(&mut s, "SELECT * FROM t", &[])), 942);
    assert_eq!(rows(&mut s, "SELECT count(*) FROM scott.t"), ["1"]);
    assert_eq!(code(run(&mut s, "ALTER SESSION SET NLS_NUMERIC_CHARACTERS = ',.'")), 3001);
    for (setting, expected) in [
        ("NLS_LENGTH_SEMANTICS = CHAR", 3001),
        ("NLS_TERRITORY = GERMANY", 3001),
        ("NLS_LANGUAGE = GERMAN", 3001),
        ("NLS_CURRENCY = 'x'", 3001),
        ("NLS_ISO_CURRENCY = GERMANY", 3001),
        ("NLS_FOO = 1", 2248),
    ] {
        assert_eq!(code(run(&mut s, &format!("ALTER SESSION SET {setting}"))), expected, "{setting}");
    }
    run(&mut s, "ALTER SESSION SET NLS_LENGTH_SEMANTICS = BYTE NLS_TERRITORY = AMERICA NLS_LANGUAGE = AMERICAN").unwrap();
}

#[test]
fn null_keeps_nothing_and_checks_kinds() {
    let mut s = Session::connect("null", "scott", "").unwrap();
    assert!(!s.keeps_rows());
    run(&mut s, "CREATE TABLE t (id NUMBER, b BLOB)").unwrap();
    let mut insert = s.prepare("INSERT INTO t VALUES (:1, :2)").unwrap();
    s.check_execute(&mut insert, &[DatumKind::Text, DatumKind::Bytes], &[]).unwrap();
    assert_eq!(code(s.check_execute(&mut insert, &[DatumKind::Date, DatumKind::Bytes], &[])), 932);
    assert_eq!(code(s.check_execute(&mut insert, &[DatumKind::Number, DatumKind::Number], &[])), 932);
    assert_eq!(run_with(&mut s, "INSERT INTO t VALUES (:1, :2)", &[Datum::Int(1), Datum::Null]).unwrap(), 1);
    assert_eq!(rows(&mut s, "SELECT count(*) FROM t"), ["0"]);
}

#[test]
fn a_session_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Session>();
    is_send::<Statement>();
    is_send::<Interrupt>();
    is_sync::<Interrupt>();
}

/// Run by the next test in a process of its own: inserts and commits one row after another until it is killed.
#[test]
fn kill_child() {
    let Ok(path) = std::env::var("OLBRIDGE_TEST_KILL_PATH") else { return };
    let mut s = Session::connect(&path, "scott", "").unwrap();
    for id in 0..i64::MAX {
        run_with(&mut s, "INSERT INTO t VALUES (:1)", &[Datum::Int(id)]).unwrap();
        run_with(&mut s, "INSERT INTO t VALUES (:1)", &[Datum::Int(-id)]).unwrap();
        s.commit().unwrap();
        eprintln!("committed {id}");
    }
}

#[test]
fn a_killed_process_leaves_exactly_what_it_committed() {
    use std::io::{BufRead, BufReader};
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let path = directory.path().join(format!("{round}.db"));
        let path = path.to_str().unwrap();
        run(&mut Session::connect(path, "scott", "").unwrap(), "CREATE TABLE t (id NUMBER)").unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "engine::session::tests::kill_child", "--nocapture"])
            .env("OLBRIDGE_TEST_KILL_PATH", path)
            .stderr(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut committed = -1i64;
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        for line in lines.by_ref().take(20 + round) {
            committed = line.unwrap().strip_prefix("committed ").unwrap().parse().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(std::result::Result::ok) {
            committed = line.strip_prefix("committed ").and_then(|id| id.parse().ok()).unwrap_or(committed);
        }
        let mut s = Session::connect(path, "scott", "").unwrap();
        let count: i64 = rows(&mut s, "SELECT count(*) FROM t")[0].parse().unwrap();
        // The commit that was under way may have come through without its line.
        assert!(count == 2 * (committed + 1) || count == 2 * (committed + 2), "{count} rows after {committed}");
    }
}

#[test]
fn sessions_that_make_the_same_file_at_once_all_get_in() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db").to_str().unwrap().to_owned();
        let threads: Vec<_> = (0..6)
            .map(|id| {
                let path = path.clone();
                std::thread::spawn(move || {
                    let mut s = Session::connect(&path, "scott", "")?;
                    run(&mut s, &format!("CREATE TABLE t{id} (a NUMBER)"))
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Ok(0));
        }
        let mut s = Session::connect(&path, "scott", "").unwrap();
        assert_eq!(rows(&mut s, "SELECT count(*) FROM user_tables"), ["6"]);
    }
}

#[test]
fn forms_of_queries_and_dml() {
    let mut s = memory();
    run(&mut s, "CREATE USER other IDENTIFIED BY secret DEFAULT TABLESPACE users QUOTA UNLIMITED ON users").unwrap();
    assert_eq!(code(run(&mut s, "CREATE USER other IDENTIFIED BY x")), 1920);
    run(&mut s, "CREATE TABLE other.o (k NUMBER, name VARCHAR2(10))").unwrap();
    run(&mut s, "CREATE TABLE t (id NUMBER, g VARCHAR2(5), n NUMBER(8,2) DEFAULT 1.5, at DATE DEFAULT SYSDATE)").unwrap();
    run(&mut s, "INSERT INTO t (id, g) VALUES (1, 'a')").unwrap();
    assert_eq!(run(&mut s, "INSERT INTO t (id, g) SELECT id + 1, 'b' FROM t").unwrap(), 1);
    assert_eq!(run(&mut s, "INSERT INTO t SELECT id + 10, g, NULL, at FROM t").unwrap(), 2);
    run(&mut s, "INSERT INTO t VALUES (3, 'b', DEFAULT, TO_DATE('2024-01-01', 'YYYY-MM-DD'))").unwrap();
    run(&mut s, "INSERT INTO other.o VALUES (1, 'one')").unwrap();
    for (sql, expected) in [
        ("SELECT g, count(*), sum(n) FROM t GROUP BY g HAVING count(*) > 1 ORDER BY g", "a|2|1.5 b|3|3"),
        ("SELECT count(*) FROM t WHERE ROWNUM <= 3", "3"),
        ("SELECT id FROM t WHERE ROWNUM < 3 ORDER BY id DESC", "2 1"),
        ("SELECT id FROM (SELECT id FROM t ORDER BY id DESC) WHERE ROWNUM <= 2", "12 11"),
        ("SELECT id, ROWNUM FROM t WHERE g = 'b' AND id < 10", "2|1 3|2"),
        ("SELECT DISTINCT g FROM t ORDER BY g", "a b"),
        ("SELECT count(DISTINCT g) FROM t", "2"),
        ("SELECT n FROM t ORDER BY n DESC, id", "NULL NULL 1.5 1.5 1.5"),
        ("SELECT n FROM t ORDER BY n NULLS FIRST, id FETCH FIRST 3 ROWS ONLY", "NULL NULL 1.5"),
        ("SELECT a.id, b.name FROM t a JOIN other.o b ON a.id = b.k", "1|one"),
        ("SELECT a.id FROM t a, other.o b WHERE a.id = b.k", "1"),
        ("SELECT x.m FROM (SELECT max(id) m FROM t) x", "12"),
        ("SELECT id FROM t WHERE id IN (SELECT k FROM other.o)", "1"),
        ("SELECT id FROM t a WHERE EXISTS (SELECT 1 FROM other.o WHERE k = a.id)", "1"),
        ("SELECT count(*) FROM t WHERE at > SYSDATE - 1", "4"),
        ("SELECT t.*, 1 x FROM other.o t", "1|one|1"),
    ] {
        assert_eq!(rows(&mut s, sql).join(" "), expected, "{sql}");
    }
    assert_eq!(run(&mut s, "UPDATE t SET n = n * 2, g = UPPER(g) WHERE n IS NOT NULL").unwrap(), 3);
    assert_eq!(rows(&mut s, "SELECT g, n FROM t WHERE id = 3"), ["B|3"]);
    assert_eq!(run(&mut s, "DELETE FROM t x WHERE x.id > 10").unwrap(), 2);
    assert_eq!(run(&mut s, "DELETE FROM t WHERE ROWNUM <= 1").unwrap(), 1);
    assert_eq!(code(rows_with(&mut s, "SELECT g, count(*) FROM t GROUP BY id", &[])), 979);
    assert_eq!(code(rows_with(&mut s, "SELECT id FROM t WHERE count(*) > 1", &[])), 934);
    assert_eq!(code(rows_with(&mut s, "SELECT id FROM t LIMIT 1", &[])), 933);
    assert_eq!(code(rows_with(&mut s, "SELEC 1 FROM dual", &[])), 900);
    assert_eq!(code(rows_with(&mut s, "SELECT (SELECT id FROM t) FROM dual", &[])), 1427);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    #[test]
    fn no_text_makes_the_engine_panic(words in proptest::collection::vec(0usize..56, 0..24), start in 0usize..7) {
        const WORDS: [&str; 56] = [
            "t", "id", "v", "FROM", "WHERE", "=", "(", ")", ",", "'x'", "1", "NULL", "*", "AND", "OR", "NOT", "IN", "VALUES", "INTO", "SET", ":1", "\"q\"", "+",
            "-", "/", "||", "ORDER", "BY", "GROUP", "count(*)", "TO_CHAR(id)", "TO_CHAR(SYSDATE, 'é')", "DATE '2024-01-01'", "ROWNUM", "<=", "BETWEEN", "LIKE", "SELECT", "dual", "CASE",
            "WHEN", "THEN", "END", "TABLE", "NUMBER", "VARCHAR2(10)", "PRIMARY KEY", "DEFAULT", "é", "FETCH FIRST 1 ROWS ONLY", "TIMESTAMP '1'", "CAST(v AS DATE)", ".", ";", "JOIN", "ON",
        ];
        const STARTS: [&str; 7] = ["SELECT", "INSERT INTO t", "UPDATE t SET", "DELETE", "CREATE TABLE u (", "ALTER", "SELECT id FROM t WHERE"];
        let mut s = memory();
        run(&mut s, "CREATE TABLE t (id NUMBER, v VARCHAR2(10))").unwrap();
        run(&mut s, "INSERT INTO t VALUES (1, 'x')").unwrap();
        let mut sql = STARTS[start].to_owned();
        for word in words {
            sql.push(' ');
            sql.push_str(WORDS[word]);
        }
        if let Ok(mut statement) = s.prepare(&sql) {
            let binds = vec![Datum::Int(1); statement.shape().binds.len()];
            let outcome = if statement.shape().kind == StatementKind::Select {
                s.open(&mut statement, &binds).and_then(|mut cursor| cursor.next()).map(drop)
            } else {
                s.execute(&mut statement, &binds).map(drop)
            };
            if let Err(error) = outcome {
                proptest::prop_assert!(error.code != 600, "{}: {}", sql, error);
            }
        }
    }
}

#[test]
fn damaged_bytes_are_an_error_and_not_null() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (d DATE)").unwrap();
    run(&mut s, "INSERT INTO t VALUES (SYSDATE)").unwrap();
    let storage = s.catalog.table("SCOTT", "T").unwrap().storage_name();
    s.connection.execute(&format!("UPDATE {storage} SET c0 = x'0102'"), []).unwrap();
    assert_eq!(code(rows_with(&mut s, "SELECT d FROM t", &[])), 600);
}

mod blocks;
mod clauses;
mod datetimes;
mod definitions;
mod dictionary;
mod errors;
mod flashback;
mod functions;
mod hierarchies;
mod keys;
mod lasting;
mod logon;
mod merge;
mod objects;
mod queries;
mod release_23;
mod select;
mod transactions;
mod types;
mod units;
mod versions;
mod wide;
