//! Parser of the statements that sqlparser does not read as Oracle writes them: DDL, transaction control and ALTER SESSION.

use sqlparser::tokenizer::Token;

use super::block::UnitKind;
use super::catalog::ConstraintKind;
use super::tokens::{ObjectName, TokenReader};
use super::types::DataType;
use super::{OraError, Result, StatementKind};

mod types;

pub(crate) use types::{data_type, parse_type};

/// A column in CREATE TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnDef {
    pub name: String,
    pub data_type: DataType,
    pub default: Option<String>,
}

/// A constraint or index to be made; unnamed ones get a name later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConstraintDef {
    pub name: Option<String>,
    pub kind: ConstraintKind,
    pub columns: Vec<String>,
}

/// A statement that is neither a query nor DML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    CreateTable {
        table: ObjectName,
        columns: Vec<ColumnDef>,
        constraints: Vec<ConstraintDef>,
    },
    /// CREATE TABLE … AS query.
    CreateTableAs {
        table: ObjectName,
        query: String,
    },
    /// CREATE [OR REPLACE] VIEW; names of columns where given.
    CreateView {
        view: ObjectName,
        names: Vec<String>,
        query: String,
        replace: bool,
    },
    DropView {
        view: ObjectName,
    },
    AddConstraint {
        table: ObjectName,
        constraint: ConstraintDef,
    },
    DropTable {
        table: ObjectName,
        if_exists: bool,
    },
    Truncate {
        table: ObjectName,
    },
    Rename {
        table: ObjectName,
        name: String,
    },
    CreateIndex {
        index: ObjectName,
        table: ObjectName,
        unique: bool,
        columns: Vec<String>,
    },
    DropIndex {
        index: ObjectName,
    },
    SetUser {
        name: String,
        password: String,
        create: bool,
    },
    DropUnit {
        kind: UnitKind,
        unit: ObjectName,
    },
    CreateEdition {
        name: String,
    },
    KillSession {
        sid: u32,
        serial: u32,
    },
    AlterSession {
        settings: Vec<(String, String)>,
    },
    Savepoint {
        name: String,
    },
    RollbackTo {
        name: String,
    },
    Commit,
    Rollback,
}

impl Command {
    /// Whether it commits before and after, as DDL does.
    pub fn is_ddl(&self) -> bool {
        !matches!(
            self,
            Command::AlterSession { .. }
                | Command::KillSession { .. }
                | Command::Savepoint { .. }
                | Command::RollbackTo { .. }
                | Command::Commit
                | Command::Rollback
        )
    }
}

/// Parses a command by the kind of its first word.
pub(crate) fn parse_command(sql: &str, kind: StatementKind) -> Result<Command> {
    let mut reader = TokenReader::new(sql)?;
    reader.next();
    let command = match kind {
        StatementKind::Create => create(&mut reader),
        StatementKind::Drop => drop(&mut reader),
        StatementKind::Alter => alter(&mut reader),
        StatementKind::Truncate => truncate(&mut reader),
        StatementKind::Commit => {
            reader.take("WORK");
            Ok(Command::Commit)
        }
        StatementKind::Savepoint => reader.identifier().map(|name| Command::Savepoint { name }),
        StatementKind::Rollback => rollback(&mut reader),
        _ => return Err(unsupported_statement(sql)),
    }?;
    reader.expect_end()?;
    Ok(command)
}

/// ORA-00900 for what is no statement, ORA-03001 for one of Oracle's that the engine lacks.
pub(crate) fn unsupported_statement(sql: &str) -> OraError {
    const KNOWN: [&str; 20] = [
        "BEGIN",
        "DECLARE",
        "CALL",
        "EXPLAIN",
        "GRANT",
        "REVOKE",
        "COMMENT",
        "LOCK",
        "ANALYZE",
        "AUDIT",
        "NOAUDIT",
        "FLASHBACK",
        "PURGE",
        "RENAME",
        "SET",
        "ASSOCIATE",
        "DISASSOCIATE",
        "ADMINISTER",
        "WITH",
        "EXEC",
    ];
    let word = TokenReader::new(sql).ok().and_then(|reader| reader.peek_word()).unwrap_or_default();
    if KNOWN.contains(&word.as_str()) { OraError::unsupported(word) } else { OraError::new(900, "invalid SQL statement").at(Some(0)) }
}

fn rollback(reader: &mut TokenReader<'_>) -> Result<Command> {
    reader.take("WORK");
    if !reader.take("TO") {
        return Ok(Command::Rollback);
    }
    reader.take("SAVEPOINT");
    Ok(Command::RollbackTo { name: reader.identifier()? })
}

fn create(reader: &mut TokenReader<'_>) -> Result<Command> {
    if reader.take("TABLE") {
        return create_table(reader);
    }
    if reader.take("UNIQUE INDEX") {
        return create_index(reader, true);
    }
    if reader.take("INDEX") {
        return create_index(reader, false);
    }
    if reader.take("USER") {
        return set_user(reader, true);
    }
    if reader.take("EDITION") {
        return Ok(Command::CreateEdition { name: reader.identifier()? });
    }
    if reader.take("OR REPLACE VIEW") {
        return create_view(reader, true);
    }
    if reader.take("VIEW") {
        return create_view(reader, false);
    }
    let what = reader.peek_word().unwrap_or_default();
    Err(OraError::unsupported(format_args!("CREATE {what}")).at(Some(reader.offset())))
}

/// `name [(columns)] AS query`.
fn create_view(reader: &mut TokenReader<'_>, replace: bool) -> Result<Command> {
    let view = reader.object_name()?;
    let names = if reader.peek() == Some(&Token::LParen) { reader.identifier_list()? } else { Vec::new() };
    reader.expect("AS")?;
    Ok(Command::CreateView { view, names, query: rest_of_text(reader), replace })
}

/// The text up to the end, without a semicolon.
fn rest_of_text(reader: &mut TokenReader<'_>) -> String {
    let start = reader.offset();
    while reader.next().is_some() {}
    reader.text_since(start).trim_end_matches(';').trim_end().to_owned()
}

fn drop(reader: &mut TokenReader<'_>) -> Result<Command> {
    if let Some(kind) = UnitKind::read(reader) {
        return Ok(Command::DropUnit { kind, unit: reader.object_name()? });
    }
    if reader.take("VIEW") {
        return Ok(Command::DropView { view: reader.object_name()? });
    }
    if reader.take("INDEX") {
        return Ok(Command::DropIndex { index: reader.object_name()? });
    }
    if !reader.take("TABLE") {
        let what = reader.peek_word().unwrap_or_default();
        return Err(OraError::unsupported(format_args!("DROP {what}")).at(Some(reader.offset())));
    }
    let if_exists = reader.take("IF EXISTS");
    let table = reader.object_name()?;
    reader.take("CASCADE CONSTRAINTS");
    reader.take("PURGE");
    Ok(Command::DropTable { table, if_exists })
}

fn truncate(reader: &mut TokenReader<'_>) -> Result<Command> {
    reader.expect("TABLE")?;
    let table = reader.object_name()?;
    let _ = reader.take("DROP STORAGE") || reader.take("REUSE STORAGE") || reader.take("DROP ALL STORAGE");
    Ok(Command::Truncate { table })
}

fn alter(reader: &mut TokenReader<'_>) -> Result<Command> {
    if reader.take("SESSION SET") {
        return alter_session(reader);
    }
    if reader.take("USER") {
        return set_user(reader, false);
    }
    if reader.take("TABLE") {
        let table = reader.object_name()?;
        if reader.take("RENAME TO") {
            return Ok(Command::Rename { table, name: reader.identifier()? });
        }
        if reader.take("ADD")
            && let Some(constraint) = table_constraint(reader)?
        {
            skip_constraint_state(reader);
            return Ok(Command::AddConstraint { table, constraint });
        }
        return Err(OraError::unsupported("this form of ALTER TABLE").at(Some(reader.offset())));
    }
    if reader.take("SYSTEM KILL SESSION") {
        return kill_session(reader);
    }
    let what = reader.peek_word().unwrap_or_default();
    Err(OraError::unsupported(format_args!("ALTER {what}")).at(Some(reader.offset())))
}

/// `'sid,serial#[,@instance]' [IMMEDIATE]`.
fn kill_session(reader: &mut TokenReader<'_>) -> Result<Command> {
    let invalid = || OraError::new(26, "missing or invalid session ID");
    let Some(Token::SingleQuotedString(text)) = reader.next() else { return Err(invalid()) };
    let mut numbers = text.split(',').map(|part| part.trim().parse::<u32>());
    let (Some(Ok(sid)), Some(Ok(serial))) = (numbers.next(), numbers.next()) else { return Err(invalid()) };
    reader.take("IMMEDIATE");
    Ok(Command::KillSession { sid, serial })
}

fn alter_session(reader: &mut TokenReader<'_>) -> Result<Command> {
    let mut settings = Vec::new();
    while !reader.is_end() {
        let name = reader.identifier()?;
        reader.expect_token(&Token::Eq)?;
        let value = match reader.next() {
            Some(Token::SingleQuotedString(value)) => value,
            Some(Token::Word(word)) => super::tokens::normalise(&word.value, word.quote_style.is_some()),
            Some(Token::Number(value, _)) => value,
            _ => return Err(OraError::new(922, "missing or invalid option")),
        };
        settings.push((name, value));
    }
    if settings.is_empty() { Err(OraError::new(2248, "invalid option for ALTER SESSION")) } else { Ok(Command::AlterSession { settings }) }
}

fn set_user(reader: &mut TokenReader<'_>, create: bool) -> Result<Command> {
    let name = reader.identifier()?;
    reader.expect("IDENTIFIED BY")?;
    let password = match reader.next() {
        Some(Token::Word(word)) => word.value,
        Some(Token::SingleQuotedString(word)) => word,
        _ => return Err(OraError::new(988, "missing or invalid password(s)")),
    };
    // Quotas, tablespaces and profiles mean nothing here.
    while !reader.is_end() {
        if reader.take("PROFILE DEFAULT") || reader.take("ACCOUNT UNLOCK") {
        } else if reader.take("DEFAULT TABLESPACE") || reader.take("TEMPORARY TABLESPACE") || reader.take("PROFILE") {
            reader.identifier()?;
        } else if reader.take("QUOTA") {
            if !reader.take("UNLIMITED") {
                reader.integer()?;
            }
            if !reader.take("ON") {
                reader.identifier()?;
                reader.expect("ON")?;
            }
            reader.identifier()?;
        } else {
            return Err(reader.error(922, "missing or invalid option"));
        }
    }
    Ok(Command::SetUser { name, password, create })
}

fn create_index(reader: &mut TokenReader<'_>, unique: bool) -> Result<Command> {
    let index = reader.object_name()?;
    reader.expect("ON")?;
    let table = reader.object_name()?;
    let columns = reader.identifier_list()?;
    Ok(Command::CreateIndex { index, table, unique, columns })
}

fn create_table(reader: &mut TokenReader<'_>) -> Result<Command> {
    let table = reader.object_name()?;
    if reader.peek() != Some(&Token::LParen) {
        table_options(reader)?;
    }
    if reader.take("AS") {
        return Ok(Command::CreateTableAs { table, query: rest_of_text(reader) });
    }
    reader.expect_token(&Token::LParen)?;
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    loop {
        match table_constraint(reader)? {
            Some(constraint) => {
                skip_constraint_state(reader);
                constraints.push(constraint);
            }
            None => columns.push(column(reader, &mut constraints)?),
        }
        if reader.take_token(&Token::RParen) {
            break;
        }
        if !reader.take_token(&Token::Comma) {
            return Err(reader.error(907, "missing right parenthesis"));
        }
    }
    table_options(reader)?;
    Ok(Command::CreateTable { table, columns, constraints })
}

/// Physical options that change nothing here.
fn table_options(reader: &mut TokenReader<'_>) -> Result<()> {
    const WITH_VALUE: [&str; 5] = ["TABLESPACE", "PCTFREE", "PCTUSED", "INITRANS", "PARALLEL"];
    const ALONE: [&str; 8] = ["NOLOGGING", "LOGGING", "NOCOMPRESS", "COMPRESS", "NOPARALLEL", "CACHE", "NOCACHE", "SEGMENT"];
    while let Some(word) = reader.peek_word().filter(|word| word != "AS") {
        if reader.take("ORGANIZATION INDEX") || reader.take("ORGANIZATION HEAP") {
            continue;
        }
        if WITH_VALUE.contains(&word.as_str()) {
            reader.next();
            reader.next();
        } else if ALONE.contains(&word.as_str()) {
            reader.next();
            let _ = reader.take("CREATION IMMEDIATE") || reader.take("CREATION DEFERRED");
        } else {
            return Err(OraError::unsupported(format_args!("{word} in CREATE TABLE")).at(Some(reader.offset())));
        }
    }
    Ok(())
}

fn skip_constraint_state(reader: &mut TokenReader<'_>) {
    for words in ["NOT DEFERRABLE", "USING INDEX", "RELY", "ENABLE VALIDATE", "ENABLE", "VALIDATE"] {
        reader.take(words);
    }
}

/// An out-of-line constraint, if one begins here.
fn table_constraint(reader: &mut TokenReader<'_>) -> Result<Option<ConstraintDef>> {
    let name = if reader.take("CONSTRAINT") { Some(reader.identifier()?) } else { None };
    let kind = if reader.take("PRIMARY KEY") {
        ConstraintKind::Primary
    } else if reader.peek_word().as_deref() == Some("UNIQUE") {
        reader.next();
        ConstraintKind::Unique
    } else if let Some(word @ ("CHECK" | "FOREIGN")) = reader.peek_word().as_deref() {
        return Err(OraError::unsupported(format_args!("{word} constraint")).at(Some(reader.offset())));
    } else if name.is_some() {
        return Err(reader.error(904, ": invalid identifier"));
    } else {
        return Ok(None);
    };
    Ok(Some(ConstraintDef { name, kind, columns: reader.identifier_list()? }))
}

fn column(reader: &mut TokenReader<'_>, constraints: &mut Vec<ConstraintDef>) -> Result<ColumnDef> {
    let name = reader.identifier()?;
    let data_type = data_type(reader)?;
    let mut default = None;
    if reader.take("DEFAULT") {
        if reader.take("ON NULL") {
            return Err(OraError::unsupported("DEFAULT ON NULL").at(Some(reader.offset())));
        }
        let start = reader.offset();
        skip_expression(reader);
        default = Some(reader.text_since(start).to_owned());
    }
    while !matches!(reader.peek(), Some(Token::Comma | Token::RParen) | None) {
        let constraint_name = if reader.take("CONSTRAINT") { Some(reader.identifier()?) } else { None };
        let kind = if reader.take("NOT NULL") {
            ConstraintKind::NotNull
        } else if reader.take("PRIMARY KEY") {
            ConstraintKind::Primary
        } else if reader.take("UNIQUE") {
            ConstraintKind::Unique
        } else if constraint_name.is_none() && reader.take("NULL") {
            continue;
        } else {
            let what = reader.peek_word().unwrap_or_default();
            let known =
                matches!(what.as_str(), "CHECK" | "REFERENCES" | "GENERATED" | "INVISIBLE" | "VISIBLE" | "AS" | "ENCRYPT" | "COLLATE");
            return Err(if known {
                OraError::unsupported(format_args!("{what} on a column")).at(Some(reader.offset()))
            } else {
                reader.error(907, "missing right parenthesis")
            });
        };
        skip_constraint_state(reader);
        constraints.push(ConstraintDef { name: constraint_name, kind, columns: vec![name.clone()] });
    }
    Ok(ColumnDef { name, data_type, default })
}

/// Skips a DEFAULT expression: up to a comma, a closing parenthesis or a constraint.
fn skip_expression(reader: &mut TokenReader<'_>) {
    let mut depth = 0;
    let mut first = true;
    while let Some(token) = reader.peek() {
        match token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return,
            Token::RParen => depth -= 1,
            Token::Comma if depth == 0 => return,
            Token::Word(_) if depth == 0 && !first => {
                if matches!(
                    reader.peek_word().as_deref(),
                    Some("NOT" | "NULL" | "PRIMARY" | "UNIQUE" | "CONSTRAINT" | "CHECK" | "REFERENCES")
                ) {
                    return;
                }
            }
            _ => {}
        }
        first = false;
        reader.next();
    }
}

#[cfg(test)]
mod tests;
