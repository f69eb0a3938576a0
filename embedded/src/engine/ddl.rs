//! Parser of the statements that sqlparser does not read as Oracle writes them: DDL, transaction control and ALTER SESSION.

use sqlparser::tokenizer::Token;

use super::block::UnitKind;
use super::tokens::TokenReader;
use super::{OraError, Result, StatementKind};

mod alter;
mod command;
mod object;
mod table;
mod types;

pub(crate) use alter::TableChange;
pub(crate) use command::{ColumnChange, ColumnDef, Command, ConstraintDef, IdentityDef, Lifetime};
pub(crate) use object::SequenceOptions;

pub(crate) use types::{data_type, parse_type};

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
        _ => return other_command(sql),
    }?;
    reader.take_token(&Token::SemiColon);
    reader.expect_end()?;
    Ok(command)
}

/// Commands whose first word is no kind of its own.
fn other_command(sql: &str) -> Result<Command> {
    let mut reader = TokenReader::new(sql)?;
    let command = if reader.take("COMMENT") {
        object::comment(&mut reader)
    } else if reader.take("GRANT") {
        object::grant(&mut reader)
    } else if reader.take("LOCK") {
        object::lock_table(&mut reader)
    } else if reader.take("RENAME") {
        let table = reader.object_name()?;
        reader.expect("TO")?;
        reader.identifier().map(|name| Command::Rename { table, name })
    } else {
        return Err(unsupported_statement(sql));
    }?;
    reader.take_token(&Token::SemiColon);
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
    for (words, lifetime) in [
        ("TABLE", Lifetime::Permanent),
        ("GLOBAL TEMPORARY TABLE", Lifetime::Transaction),
        ("PRIVATE TEMPORARY TABLE", Lifetime::PrivateTransaction),
    ] {
        if reader.take(words) {
            return table::create_table(reader, lifetime);
        }
    }
    if reader.take("UNIQUE INDEX") {
        return object::create_index(reader, true);
    }
    if reader.take("INDEX") {
        return object::create_index(reader, false);
    }
    if reader.take("SEQUENCE") {
        let sequence = reader.object_name()?;
        return Ok(Command::CreateSequence { sequence, options: object::sequence_options(reader)? });
    }
    if reader.take("USER") {
        return set_user(reader, true);
    }
    if reader.take("EDITION") {
        return Ok(Command::CreateEdition { name: reader.identifier()? });
    }
    if reader.take("OR REPLACE VIEW") || reader.take("OR REPLACE FORCE VIEW") {
        return object::create_view(reader, true);
    }
    if reader.take("VIEW") {
        return object::create_view(reader, false);
    }
    let what = reader.peek_word().unwrap_or_default();
    Err(OraError::unsupported(format_args!("CREATE {what}")).at(Some(reader.offset())))
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
    if reader.take("SEQUENCE") {
        return Ok(Command::DropSequence { sequence: reader.object_name()? });
    }
    if reader.take("USER") {
        let name = reader.identifier()?;
        return Ok(Command::DropUser { name, cascade: reader.take("CASCADE") });
    }
    if !reader.take("TABLE") {
        let what = reader.peek_word().unwrap_or_default();
        return Err(OraError::unsupported(format_args!("DROP {what}")).at(Some(reader.offset())));
    }
    let if_exists = reader.take("IF EXISTS");
    let table = reader.object_name()?;
    let cascade = reader.take("CASCADE CONSTRAINTS");
    reader.take("PURGE");
    Ok(Command::DropTable { table, if_exists, cascade })
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
        return alter::alter_table(reader);
    }
    if reader.take("SEQUENCE") {
        let sequence = reader.object_name()?;
        return Ok(Command::AlterSequence { sequence, options: object::sequence_options(reader)? });
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
    if !create
        && let Some(granted) =
            [("GRANT", true), ("REVOKE", false)].into_iter().find_map(|(word, granted)| reader.take(word).then_some(granted))
    {
        reader.expect("CONNECT THROUGH")?;
        let proxy = reader.identifier()?;
        return if reader.is_end() {
            Ok(Command::ConnectThrough { client: name, proxy, granted })
        } else {
            Err(reader.error(922, "missing or invalid option"))
        };
    }
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

#[cfg(test)]
mod tests;
