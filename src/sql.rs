//! SQL text from descriptions: quoting, INSERT (others in [`dml`]), CREATE TABLE and the small statements around a load. Text only, no session.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::oracle_type::{ColumnDesc, TableDesc, TableName};

pub mod address;
pub mod dml;
pub mod form;
pub mod select_list;

/// Bytes of an identifier since Oracle 12.2 (30 before, which the server then refuses itself with ORA-00972).
pub const MAX_IDENTIFIER_BYTES: usize = 128;

/// Oracle's reserved words (`V$RESERVED_WORDS` where `RESERVED = 'Y'`, plus those reserved for column names), sorted.
#[rustfmt::skip]
const RESERVED_WORDS: &[&str] = &[
    "ACCESS", "ADD", "ALL", "ALTER", "AND", "ANY", "AS", "ASC", "AUDIT", "BETWEEN", "BY", "CHAR", "CHECK", "CLUSTER", "COLUMN",
    "COLUMN_VALUE", "COMMENT", "COMPRESS", "CONNECT", "CREATE", "CURRENT", "DATE", "DECIMAL", "DEFAULT", "DELETE", "DESC", "DISTINCT",
    "DROP", "ELSE", "EXCLUSIVE", "EXISTS", "FILE", "FLOAT", "FOR", "FROM", "GRANT", "GROUP", "HAVING", "IDENTIFIED", "IMMEDIATE", "IN",
    "INCREMENT", "INDEX", "INITIAL", "INSERT", "INTEGER", "INTERSECT", "INTO", "IS", "LEVEL", "LIKE", "LOCK", "LONG", "MAXEXTENTS",
    "MINUS", "MLSLABEL", "MODE", "MODIFY", "NESTED_TABLE_ID", "NOAUDIT", "NOCOMPRESS", "NOT", "NOWAIT", "NULL", "NUMBER", "OF",
    "OFFLINE", "ON", "ONLINE", "OPTION", "OR", "ORDER", "PCTFREE", "PRIOR", "PUBLIC", "RAW", "RENAME", "RESOURCE", "REVOKE", "ROW",
    "ROWID", "ROWNUM", "ROWS", "SELECT", "SESSION", "SET", "SHARE", "SIZE", "SMALLINT", "START", "SUCCESSFUL", "SYNONYM", "SYSDATE",
    "TABLE", "THEN", "TO", "TRIGGER", "UID", "UNION", "UNIQUE", "UPDATE", "USER", "VALIDATE", "VALUES", "VARCHAR", "VARCHAR2", "VIEW",
    "WHENEVER", "WHERE", "WITH",
];

/// Whether `name` may stand in SQL without quotes and still mean itself: an upper-case identifier that is not reserved.
pub fn is_bare(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_uppercase())
        && bytes.all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'_' | b'$' | b'#'))
        && RESERVED_WORDS.binary_search(&name).is_err()
}

/// Whether `name` is an identifier that Oracle accepts without quotes, in any case (reserved words included).
pub fn is_plain_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic()) && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'#'))
}

/// The name that the dictionary gets for a name somebody typed or a file carries: a plain identifier is upper-cased, as Oracle
/// does, anything else is kept as it is (and will be quoted).
pub fn dictionary_name(name: &str) -> String {
    if is_plain_identifier(name) { name.to_ascii_uppercase() } else { name.to_owned() }
}

/// `name` (as the dictionary has it) for SQL text, quoted where needed.
///
/// # Errors
/// [`Error::Usage`] when Oracle cannot have such a name: empty, more than [`MAX_IDENTIFIER_BYTES`], a double quote or a NUL in it.
pub fn identifier(name: &str) -> Result<String> {
    check_identifier(name)?;
    Ok(if is_bare(name) { name.to_owned() } else { format!("\"{name}\"") })
}

fn check_identifier(name: &str) -> Result<()> {
    let reason = if name.is_empty() {
        "is empty".to_owned()
    } else if name.len() > MAX_IDENTIFIER_BYTES {
        format!("has {} bytes, Oracle allows {MAX_IDENTIFIER_BYTES}", name.len())
    } else if name.contains('"') {
        "contains a double quote, which no Oracle name can".to_owned()
    } else if name.contains('\0') {
        "contains a NUL character".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::Usage {
        message: format!("the name {name:?} {reason}"),
        remedy: "choose another name, for a column with --rename OLD=NEW".into(),
    })
}

/// `SCHEMA.TABLE` or `TABLE`, quoted where needed.
///
/// # Errors
/// As [`identifier`].
pub fn table(name: &TableName) -> Result<String> {
    match &name.schema {
        Some(schema) => Ok(format!("{}.{}", identifier(schema)?, identifier(&name.table)?)),
        None => identifier(&name.table),
    }
}

/// `INSERT INTO t (A, B) VALUES (:1, :2)`.
///
/// # Errors
/// As [`identifier`]; also when there is no column.
pub fn insert<S: AsRef<str>>(name: &TableName, columns: &[S]) -> Result<String> {
    if columns.is_empty() {
        return Err(Error::Usage {
            message: format!("no column to insert into {name}"),
            remedy: "name at least one source column in --columns".into(),
        });
    }
    let mut sql = format!("INSERT INTO {} (", table(name)?);
    for (index, column) in columns.iter().enumerate() {
        sql.push_str(if index == 0 { "" } else { ", " });
        sql.push_str(&identifier(column.as_ref())?);
    }
    sql.push_str(") VALUES (");
    for position in 1..=columns.len() {
        let _ = write!(sql, "{}:{position}", if position == 1 { "" } else { ", " });
    }
    sql.push(')');
    Ok(sql)
}

/// `CREATE TABLE`, one column a line, names and types aligned, and a primary key if columns for it are named. Without a semicolon: OCI takes none.
///
/// # Errors
/// As [`identifier`]; also for the column name `ROWID`, which Oracle refuses even in quotes, for duplicate names and for no columns.
pub fn create_table(name: &TableName, columns: &[ColumnDesc], primary_key: &[String]) -> Result<String> {
    create_table_with(name, columns, &[], primary_key)
}

/// The same with more columns at the end, each with the expression of its DEFAULT.
///
/// # Errors
/// As [`create_table`].
pub fn create_table_with(
    name: &TableName,
    columns: &[ColumnDesc],
    defaulted: &[(ColumnDesc, &str)],
    primary_key: &[String],
) -> Result<String> {
    let columns: Vec<(&ColumnDesc, Option<&str>)> =
        columns.iter().map(|column| (column, None)).chain(defaulted.iter().map(|(column, default)| (column, Some(*default)))).collect();
    let mut names = Vec::with_capacity(columns.len());
    for (column, _) in &columns {
        check_new_column(name, column, &names)?;
        names.push(identifier(&column.name)?);
    }
    if names.is_empty() {
        return Err(Error::Usage { message: format!("a table {name} without columns"), remedy: "name a source with columns".into() });
    }
    let width = names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    let mut sql = format!("CREATE TABLE {} (\n", table(name)?);
    for (index, (quoted, (column, default))) in names.iter().zip(&columns).enumerate() {
        let default = default.map(|default| format!(" DEFAULT {default}")).unwrap_or_default();
        let not_null = if column.nullable { "" } else { " NOT NULL" };
        let comma = if index + 1 == columns.len() && primary_key.is_empty() { "" } else { "," };
        let _ = writeln!(sql, "  {quoted:width$} {}{default}{not_null}{comma}", column.oracle_type);
    }
    if !primary_key.is_empty() {
        let names = primary_key.iter().map(|name| identifier(name)).collect::<Result<Vec<_>>>()?;
        let _ = writeln!(sql, "  PRIMARY KEY ({})", names.join(", "));
    }
    sql.push(')');
    Ok(sql)
}

fn check_new_column(table: &TableName, column: &ColumnDesc, before: &[String]) -> Result<()> {
    let usage =
        |message: String| Error::Usage { message, remedy: format!("give the column another name with --rename {}=NEW_NAME", column.name) };
    if column.name == "ROWID" {
        return Err(usage(format!("{table}: Oracle does not allow a column called ROWID, not even in quotes")));
    }
    if before.contains(&identifier(&column.name)?) {
        return Err(usage(format!("{table}: two columns would be called {}", column.name)));
    }
    Ok(())
}

/// A described table as the `CREATE TABLE` that would make its columns (constraints other than NOT NULL are not described).
///
/// # Errors
/// As [`create_table`].
pub fn describe_ddl(desc: &TableDesc) -> Result<String> {
    create_table(&desc.name, &desc.columns, &[])
}

/// `DELETE FROM t`.
///
/// # Errors
/// As [`identifier`].
pub fn delete_all(name: &TableName) -> Result<String> {
    Ok(format!("DELETE FROM {}", table(name)?))
}

/// `TRUNCATE TABLE t`, which commits.
///
/// # Errors
/// As [`identifier`].
pub fn truncate(name: &TableName) -> Result<String> {
    Ok(format!("TRUNCATE TABLE {}", table(name)?))
}

/// `DROP TABLE t`; `purge` leaves nothing in the recycle bin.
///
/// # Errors
/// As [`identifier`].
pub fn drop_table(name: &TableName, purge: bool) -> Result<String> {
    Ok(format!("DROP TABLE {}{}", table(name)?, if purge { " PURGE" } else { "" }))
}

/// `SELECT * FROM t`, for a describe-only execute.
///
/// # Errors
/// As [`identifier`].
pub fn select_all(name: &TableName) -> Result<String> {
    Ok(format!("SELECT * FROM {}", table(name)?))
}

/// `SELECT A, B FROM t WHERE (condition) AND ROWNUM <= n`. The condition is the user's own text; a comment at its end does no harm.
///
/// # Errors
/// As [`identifier`].
pub fn select<S: AsRef<str>>(name: &TableName, columns: &[S], condition: Option<&str>, limit: Option<u64>) -> Result<String> {
    select_from(&table(name)?, columns, condition, limit)
}

/// The same as of an SCN, where one is given: `SELECT A, B FROM t AS OF SCN n …`.
///
/// # Errors
/// As [`identifier`].
pub fn select_at(
    name: &TableName,
    columns: &[ColumnDesc],
    scn: Option<u64>,
    condition: Option<&str>,
    limit: Option<u64>,
) -> Result<String> {
    let list = columns.iter().map(select_list::item).collect::<Result<Vec<_>>>()?.join(", ");
    Ok(format!("SELECT {list} {}", rows_at(name, scn, condition, limit)?))
}

/// `FROM t AS OF SCN n WHERE (condition) AND ROWNUM <= n`.
///
/// # Errors
/// As [`identifier`].
pub fn rows_at(name: &TableName, scn: Option<u64>, condition: Option<&str>, limit: Option<u64>) -> Result<String> {
    let version = scn.map(|scn| format!(" AS OF SCN {scn}")).unwrap_or_default();
    Ok(rows_from(&format!("{}{version}", table(name)?), condition, limit))
}

/// A text literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The same from a query, which is taken as it is.
///
/// # Errors
/// As [`identifier`].
pub fn select_from_query<S: AsRef<str>>(query: &str, columns: &[S], condition: Option<&str>, limit: Option<u64>) -> Result<String> {
    let query = query.trim().trim_end_matches(';').trim_end();
    match (columns.is_empty(), condition, limit) {
        (true, None, None) => Ok(query.to_owned()),
        _ => select_from(&format!("({query}\n)"), columns, condition, limit),
    }
}

fn select_from<S: AsRef<str>>(source: &str, columns: &[S], condition: Option<&str>, limit: Option<u64>) -> Result<String> {
    let item = |column: &S| if column.as_ref() == dml::ROWID { Ok(dml::ROWID.to_owned()) } else { identifier(column.as_ref()) };
    let columns = columns.iter().map(item).collect::<Result<Vec<_>>>()?;
    let list = if columns.is_empty() { "*".to_owned() } else { columns.join(", ") };
    Ok(format!("SELECT {list} {}", rows_from(source, condition, limit)))
}

fn rows_from(source: &str, condition: Option<&str>, limit: Option<u64>) -> String {
    let condition = condition.map(|condition| format!("({condition}\n)"));
    let conditions: Vec<String> = condition.into_iter().chain(limit.map(|limit| format!("ROWNUM <= {limit}"))).collect();
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    format!("FROM {source}{filter}")
}

/// The first word of a statement that ends the transaction it is in: DDL, which commits (Oracle Database SQL Language Reference, "COMMIT"),
/// and the statements that say so. `None` for DML, queries, blocks (which may contain such statements) and SAVEPOINT; ROLLBACK TO too is `None`.
pub fn ends_transaction(sql: &str) -> Option<String> {
    const ENDING: [&str; 20] = [
        "ALTER",
        "ANALYZE",
        "ASSOCIATE",
        "AUDIT",
        "COMMENT",
        "COMMIT",
        "CREATE",
        "DISASSOCIATE",
        "DROP",
        "FLASHBACK",
        "GRANT",
        "NOAUDIT",
        "PURGE",
        "RENAME",
        "REVOKE",
        "ROLLBACK",
        "TRUNCATE",
        "ADMINISTER",
        "IMPORT",
        "UPGRADE",
    ];
    let words = words_of(sql);
    let first = words.first()?;
    // ALTER SESSION and ALTER SYSTEM do not commit; ROLLBACK TO stays in the transaction.
    let stays = matches!(
        (first.as_str(), words.get(1).map(String::as_str), words.get(2).map(String::as_str)),
        ("ALTER", Some("SESSION" | "SYSTEM"), _) | ("ROLLBACK", Some("TO"), _) | ("ROLLBACK", Some("WORK"), Some("TO"))
    );
    (ENDING.contains(&first.as_str()) && !stays).then(|| first.clone())
}

/// The first three words of a statement in upper case, comments left out.
pub(crate) fn words_of(sql: &str) -> Vec<String> {
    let mut rest = sql.trim_start();
    let mut words = Vec::new();
    while !rest.is_empty() && words.len() < 3 {
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after).trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after).trim_start();
        } else {
            let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            if end == 0 {
                break;
            }
            words.push(rest[..end].to_ascii_uppercase());
            rest = rest[end..].trim_start();
        }
    }
    words
}

/// `SAVEPOINT name`.
///
/// # Errors
/// As [`identifier`].
pub fn savepoint(name: &str) -> Result<String> {
    Ok(format!("SAVEPOINT {}", identifier(name)?))
}

/// `ROLLBACK TO SAVEPOINT name`.
///
/// # Errors
/// As [`identifier`].
pub fn rollback_to_savepoint(name: &str) -> Result<String> {
    Ok(format!("ROLLBACK TO SAVEPOINT {}", identifier(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle_type::{OracleType, TextSize};

    fn name(schema: Option<&str>, table: &str) -> TableName {
        TableName { schema: schema.map(str::to_owned), table: table.to_owned() }
    }

    fn column(name: &str, oracle_type: OracleType, nullable: bool) -> ColumnDesc {
        ColumnDesc { name: name.into(), oracle_type, nullable }
    }

    #[test]
    fn reserved_words_are_sorted_for_the_search() {
        assert!(RESERVED_WORDS.is_sorted());
    }

    #[test]
    fn names_stay_bare_only_when_they_mean_themselves() {
        for (given, sql) in [
            ("ORDERS", "ORDERS"),
            ("A1_$#", "A1_$#"),
            ("orders", "\"orders\""),
            ("Mixed Case", "\"Mixed Case\""),
            ("1ST", "\"1ST\""),
            ("_ID", "\"_ID\""),
            ("DATE", "\"DATE\""),
            ("WITH", "\"WITH\""),
            ("ACCESS", "\"ACCESS\""),
            ("ÄRGER", "\"ÄRGER\""),
            ("semi;colon", "\"semi;colon\""),
        ] {
            assert_eq!(identifier(given).unwrap(), sql);
        }
    }

    #[test]
    fn names_that_oracle_cannot_have_are_refused() {
        assert!(identifier(&"X".repeat(128)).is_ok());
        for (given, word) in
            [("".to_owned(), "empty"), ("X".repeat(129), "129 bytes"), ("a\"b".into(), "double quote"), ("a\0b".into(), "NUL")]
        {
            let message = identifier(&given).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
        assert!(identifier(&"ü".repeat(65)).unwrap_err().to_string().contains("130 bytes"));
    }

    #[test]
    fn dictionary_names_are_upper_case_when_plain() {
        for (given, want) in
            [("l_orderkey", "L_ORDERKEY"), ("OrderId", "ORDERID"), ("Mixed Case", "Mixed Case"), ("_id", "_id"), ("é", "é")]
        {
            assert_eq!(dictionary_name(given), want);
        }
    }

    #[test]
    fn insert_numbers_its_placeholders() {
        let sql = insert(&name(Some("APP"), "T"), &["ID", "Mixed", "DATE"]).unwrap();
        assert_eq!(sql, "INSERT INTO APP.T (ID, \"Mixed\", \"DATE\") VALUES (:1, :2, :3)");
        assert_eq!(insert(&name(None, "t"), &["A"]).unwrap(), "INSERT INTO \"t\" (A) VALUES (:1)");
        assert!(insert::<&str>(&name(None, "T"), &[]).is_err());
    }

    #[test]
    fn create_table_aligns_columns_and_spells_types() {
        let columns = [
            column("ID", OracleType::Number { precision: Some(19), scale: Some(0) }, false),
            column("Long Name", OracleType::Varchar2(TextSize::bytes(40)), true),
            column("SIZE", OracleType::BinaryDouble, false),
        ];
        let sql = create_table(&name(None, "T"), &columns, &[]).unwrap();
        let want = "CREATE TABLE T (\n  ID          NUMBER(19) NOT NULL,\n  \"Long Name\" VARCHAR2(40),\n  \"SIZE\"      BINARY_DOUBLE NOT NULL\n)";
        assert_eq!(sql, want);
        let sql = create_table(&name(None, "T"), &columns, &["ID".into(), "SIZE".into()]).unwrap();
        assert!(sql.ends_with(" BINARY_DOUBLE NOT NULL,\n  PRIMARY KEY (ID, \"SIZE\")\n)"), "{sql}");
    }

    #[test]
    fn create_table_refuses_what_oracle_would() {
        let number = || OracleType::Number { precision: None, scale: None };
        for (columns, word) in [
            (vec![column("ROWID", number(), true)], "ROWID"),
            (vec![column("A", number(), true), column("A", number(), true)], "two columns"),
            (vec![], "without columns"),
        ] {
            let message = create_table(&name(None, "T"), &columns, &[]).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn selects_name_their_columns_and_keep_the_users_text_in_brackets() {
        let t = name(None, "T");
        assert_eq!(select(&t, &["A", "b c"], None, None).unwrap(), "SELECT A, \"b c\" FROM T");
        assert_eq!(select(&t, &["A"], Some("A > 1 -- x"), Some(5)).unwrap(), "SELECT A FROM T WHERE (A > 1 -- x\n) AND ROWNUM <= 5");
        assert_eq!(
            select_at(&t, &[column("A", OracleType::Date, true)], Some(7), Some("A > 1"), None).unwrap(),
            "SELECT A FROM T AS OF SCN 7 WHERE (A > 1\n)"
        );
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(select_from_query::<&str>(" select 1 from dual; ", &[], None, None).unwrap(), "select 1 from dual");
        assert_eq!(
            select_from_query(" select 1 a from dual;", &["A"], None, Some(2)).unwrap(),
            "SELECT A FROM (select 1 a from dual\n) WHERE ROWNUM <= 2"
        );
    }

    #[test]
    fn statements_that_end_a_transaction_are_known_by_their_first_words() {
        for (sql, ends) in [
            ("create table t (a number)", Some("CREATE")),
            ("  -- why\n/* and how */ Drop table t", Some("DROP")),
            ("TRUNCATE TABLE t", Some("TRUNCATE")),
            ("commit", Some("COMMIT")),
            ("rollback", Some("ROLLBACK")),
            ("rollback work", Some("ROLLBACK")),
            ("rollback to s", None),
            ("ROLLBACK WORK TO SAVEPOINT s", None),
            ("alter session set nls_date_format = 'YYYY'", None),
            ("alter table t add (b number)", Some("ALTER")),
            ("update t set a = 1", None),
            ("(select 1 from dual)", None),
            ("begin null; end;", None),
            ("savepoint s", None),
            ("-- nothing", None),
            ("", None),
        ] {
            assert_eq!(ends_transaction(sql).as_deref(), ends, "{sql}");
        }
    }

    #[test]
    fn small_statements() {
        let t = name(Some("app"), "T");
        assert_eq!(delete_all(&t).unwrap(), "DELETE FROM \"app\".T");
        assert_eq!(truncate(&t).unwrap(), "TRUNCATE TABLE \"app\".T");
        assert_eq!(drop_table(&t, true).unwrap(), "DROP TABLE \"app\".T PURGE");
        assert_eq!(drop_table(&t, false).unwrap(), "DROP TABLE \"app\".T");
        assert_eq!(select_all(&t).unwrap(), "SELECT * FROM \"app\".T");
        assert_eq!(savepoint("OLBRIDGE_1").unwrap(), "SAVEPOINT OLBRIDGE_1");
        assert_eq!(rollback_to_savepoint("OLBRIDGE_1").unwrap(), "ROLLBACK TO SAVEPOINT OLBRIDGE_1");
    }
}
