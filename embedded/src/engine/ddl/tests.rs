use super::*;
use crate::engine::catalog::ConstraintKind;

fn create(sql: &str) -> Result<(Vec<ColumnDef>, Vec<ConstraintDef>)> {
    match parse_command(sql, StatementKind::Create)? {
        Command::CreateTable { columns, constraints, .. } => Ok((columns, constraints)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_type_is_read_and_written_alike() {
    for (text, canonical) in [
        ("NUMBER", "NUMBER"),
        ("NUMBER(*)", "NUMBER"),
        ("number(5)", "NUMBER(5,0)"),
        ("NUMBER(10,-2)", "NUMBER(10,-2)"),
        ("NUMBER(*,2)", "NUMBER(*,2)"),
        ("INTEGER", "NUMBER(38,0)"),
        ("DECIMAL(9,3)", "NUMBER(9,3)"),
        ("FLOAT", "FLOAT(126)"),
        ("FLOAT(10)", "FLOAT(10)"),
        ("DOUBLE PRECISION", "FLOAT(126)"),
        ("BINARY_FLOAT", "BINARY_FLOAT"),
        ("BINARY_DOUBLE", "BINARY_DOUBLE"),
        ("VARCHAR2(10)", "VARCHAR2(10 BYTE)"),
        ("VARCHAR2(10 CHAR)", "VARCHAR2(10 CHAR)"),
        ("VARCHAR2(32767 BYTE)", "VARCHAR2(32767 BYTE)"),
        ("NVARCHAR2(10)", "NVARCHAR2(10)"),
        ("CHAR", "CHAR(1 BYTE)"),
        ("NCHAR(3)", "NCHAR(3)"),
        ("DATE", "DATE"),
        ("TIMESTAMP", "TIMESTAMP(6)"),
        ("TIMESTAMP(9) WITH TIME ZONE", "TIMESTAMP(9) WITH TIME ZONE"),
        ("TIMESTAMP WITH LOCAL TIME ZONE", "TIMESTAMP(6) WITH LOCAL TIME ZONE"),
        ("RAW(16)", "RAW(16)"),
        ("CLOB", "CLOB"),
        ("BLOB", "BLOB"),
        ("ROWID", "ROWID"),
    ] {
        let data_type = parse_type(text).unwrap();
        assert_eq!(data_type.to_string(), canonical, "{text}");
        assert_eq!(parse_type(canonical).unwrap(), data_type);
    }
}

#[test]
fn bad_types_have_their_codes() {
    for (text, code) in [
        ("NUMBER(39)", 1727),
        ("NUMBER(0)", 1727),
        ("NUMBER(5,128)", 1728),
        ("VARCHAR2", 906),
        ("VARCHAR2(0)", 1723),
        ("VARCHAR2(32768)", 910),
        ("CHAR(2001)", 910),
        ("TIMESTAMP(10)", 30088),
        ("RAW", 906),
        ("FLOAT(127)", 1724),
        ("STRING", 902),
        ("NUMBER(5", 907),
    ] {
        assert_eq!(parse_type(text).map_err(|error| error.code), Err(code), "{text}");
    }
}

#[test]
fn constraints_inline_and_out_of_line() {
    let (columns, constraints) = create(
        "CREATE TABLE s.t (id NUMBER(10) CONSTRAINT pk PRIMARY KEY, \"Mixed\" VARCHAR2(10 CHAR) DEFAULT 'a, b' NOT NULL,\n d DATE DEFAULT SYSDATE, CONSTRAINT u UNIQUE (id, d)) TABLESPACE users NOLOGGING;",
    )
    .unwrap();
    assert_eq!(columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["ID", "Mixed", "D"]);
    assert_eq!(columns[1].default.as_deref(), Some("'a, b'"));
    assert_eq!(columns[2].default.as_deref(), Some("SYSDATE"));
    assert_eq!(constraints.len(), 3);
    assert_eq!(constraints[0], ConstraintDef { name: Some("PK".into()), ..ConstraintDef::new(ConstraintKind::Primary, vec!["ID".into()]) });
    assert_eq!(constraints[1].kind, ConstraintKind::NotNull);
    assert_eq!(constraints[2].columns, ["ID", "D"]);
}

#[test]
fn what_is_not_supported_is_named() {
    for (sql, word) in [
        ("CREATE TABLE t (a NUMBER, b NUMBER AS (a + 1))", "AS"),
        ("CREATE TABLE t (a NUMBER INVISIBLE)", "INVISIBLE"),
        ("CREATE TABLE t (a NUMBER UNIQUE DEFERRABLE)", "DEFERRABLE"),
        ("CREATE TABLE t (a NUMBER) PARTITION BY HASH (a)", "PARTITION"),
        ("CREATE TRIGGER t BEFORE INSERT ON u BEGIN NULL; END;", "TRIGGER"),
    ] {
        let error = parse_command(sql, StatementKind::Create).unwrap_err();
        assert_eq!(error.code, 3001, "{sql}");
        assert!(error.message.contains(word), "{}", error.message);
    }
    assert_eq!(unsupported_statement("EXPLAIN PLAN FOR SELECT 1 FROM dual").code, 3001);
    assert_eq!(unsupported_statement("SELEC 1").code, 900);
}

#[test]
fn commands_of_sessions_and_tables() {
    assert_eq!(
        parse_command("alter session set nls_date_format = 'YYYY-MM-DD' time_zone = '+01:00'", StatementKind::Alter).unwrap(),
        Command::AlterSession { settings: vec![("NLS_DATE_FORMAT".into(), "YYYY-MM-DD".into()), ("TIME_ZONE".into(), "+01:00".into())] }
    );
    assert!(matches!(parse_command("DROP TABLE a.b CASCADE CONSTRAINTS PURGE", StatementKind::Drop).unwrap(), Command::DropTable { .. }));
    assert!(matches!(parse_command("truncate table t", StatementKind::Truncate).unwrap(), Command::Truncate { .. }));
    assert_eq!(parse_command("rollback to savepoint x", StatementKind::Rollback).unwrap(), Command::RollbackTo { name: "X".into() });
    assert_eq!(parse_command("DROP TABLE t garbage", StatementKind::Drop).unwrap_err().code, 933);
    assert_eq!(parse_command("CREATE TABLE select (a NUMBER)", StatementKind::Create).unwrap_err().code, 903);
}
