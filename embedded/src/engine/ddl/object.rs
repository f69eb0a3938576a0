//! Sequences, views, indexes, comments, users and privileges.

use sqlparser::tokenizer::Token;

use super::super::tokens::TokenReader;
use super::super::{OraError, Result};
use super::{Command, rest_of_text};

/// What CREATE SEQUENCE, ALTER SEQUENCE or an identity column says; what it does not say is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SequenceOptions {
    pub increment: Option<i64>,
    pub start: Option<i128>,
    /// Inner none: NOMINVALUE.
    pub min: Option<Option<i128>>,
    /// Inner none: NOMAXVALUE.
    pub max: Option<Option<i128>>,
    pub cycle: Option<bool>,
    pub order: Option<bool>,
    /// 0: NOCACHE.
    pub cache: Option<i64>,
    /// ALTER SEQUENCE … RESTART.
    pub restart: bool,
}

/// An integer of up to 28 digits.
fn big_integer(reader: &mut TokenReader<'_>) -> Result<i128> {
    let negative = reader.take_token(&Token::Minus);
    let invalid = |reader: &TokenReader<'_>| reader.error(1722, "invalid number");
    match reader.next() {
        Some(Token::Number(text, false)) => {
            let value: i128 = text.parse().map_err(|_| invalid(reader))?;
            Ok(if negative { -value } else { value })
        }
        _ => Err(invalid(reader)),
    }
}

/// Options of a sequence, up to what is none.
pub(super) fn sequence_options(reader: &mut TokenReader<'_>) -> Result<SequenceOptions> {
    let mut options = SequenceOptions::default();
    loop {
        if reader.take("INCREMENT BY") {
            options.increment = Some(reader.integer()?);
            if options.increment == Some(0) {
                return Err(OraError::new(4002, "INCREMENT must be a non-zero integer"));
            }
        } else if reader.take("START WITH LIMIT VALUE") {
            return Err(OraError::unsupported("START WITH LIMIT VALUE"));
        } else if reader.take("START WITH") {
            options.start = Some(big_integer(reader)?);
        } else if reader.take("MINVALUE") {
            options.min = Some(Some(big_integer(reader)?));
        } else if reader.take("MAXVALUE") {
            options.max = Some(Some(big_integer(reader)?));
        } else if reader.take("NOMINVALUE") {
            options.min = Some(None);
        } else if reader.take("NOMAXVALUE") {
            options.max = Some(None);
        } else if reader.take("CACHE") {
            options.cache = Some(reader.integer()?);
            if options.cache < Some(2) {
                return Err(OraError::new(4010, "the number of values to CACHE must be greater than 1"));
            }
        } else if reader.take("NOCACHE") {
            options.cache = Some(0);
        } else if reader.take("RESTART") {
            options.restart = true;
        } else {
            match reader.peek_word().as_deref() {
                Some(word @ ("CYCLE" | "NOCYCLE")) => options.cycle = Some(word == "CYCLE"),
                Some(word @ ("ORDER" | "NOORDER")) => options.order = Some(word == "ORDER"),
                Some("NOKEEP" | "NOSCALE" | "GLOBAL") => {}
                _ => return Ok(options),
            }
            reader.next();
        }
    }
}

/// `name [(columns)] AS query`.
pub(super) fn create_view(reader: &mut TokenReader<'_>, replace: bool) -> Result<Command> {
    let view = reader.object_name()?;
    let names = if reader.peek() == Some(&Token::LParen) { reader.identifier_list()? } else { Vec::new() };
    reader.expect("AS")?;
    Ok(Command::CreateView { view, names, query: rest_of_text(reader), replace })
}

pub(super) fn create_index(reader: &mut TokenReader<'_>, unique: bool) -> Result<Command> {
    let index = reader.object_name()?;
    reader.expect("ON")?;
    let table = reader.object_name()?;
    reader.expect_token(&Token::LParen)?;
    let mut columns = Vec::new();
    loop {
        columns.push(reader.identifier()?);
        // The order of an index decides nothing that a query can see.
        let _ = reader.take("ASC") || reader.take("DESC");
        if reader.take_token(&Token::RParen) {
            break;
        }
        if reader.peek() == Some(&Token::LParen) {
            return Err(OraError::unsupported("an index of expressions").at(Some(reader.offset())));
        }
        if !reader.take_token(&Token::Comma) {
            return Err(reader.error(907, "missing right parenthesis"));
        }
    }
    loop {
        let known = ["NOLOGGING", "LOGGING", "NOCOMPRESS", "NOPARALLEL", "REVERSE", "ONLINE", "COMPUTE STATISTICS", "VISIBLE"];
        if known.iter().any(|words| reader.take(words)) {
        } else if reader.take("TABLESPACE") {
            reader.identifier()?;
        } else if reader.take("PCTFREE") || reader.take("INITRANS") || reader.take("COMPRESS") || reader.take("PARALLEL") {
            reader.integer()?;
        } else {
            return Ok(Command::CreateIndex { index, table, unique, columns });
        }
    }
}

/// `COMMENT ON TABLE t IS '…'` and `COMMENT ON COLUMN t.c IS '…'`.
pub(super) fn comment(reader: &mut TokenReader<'_>) -> Result<Command> {
    reader.expect("ON")?;
    let is_column = reader.take("COLUMN");
    if !is_column {
        reader.expect("TABLE")?;
    }
    let mut table = reader.object_name()?;
    let column = match is_column {
        true if reader.take_token(&Token::Period) => Some(reader.identifier()?),
        true => {
            let column = std::mem::take(&mut table.name);
            table.name = table.schema.take().ok_or_else(|| reader.error(1748, "only simple column names allowed here"))?;
            Some(column)
        }
        false => None,
    };
    reader.expect("IS")?;
    let text = match reader.next() {
        Some(Token::SingleQuotedString(text)) => text,
        _ => return Err(OraError::new(1780, "string literal required")),
    };
    if text.len() > 4000 {
        return Err(OraError::new(1704, "string literal too long"));
    }
    Ok(Command::Comment { table, column, text })
}

/// `GRANT privileges [ON object] TO users`: everybody may do everything here already. The names are read; the object has to exist.
pub(super) fn grant(reader: &mut TokenReader<'_>) -> Result<Command> {
    let mut object = None;
    let mut depth = 0;
    while depth > 0 || !reader.take("TO") {
        if depth == 0 && object.is_none() && reader.take("ON") {
            reader.take("DIRECTORY");
            object = Some(reader.object_name()?);
            continue;
        }
        match reader.next() {
            Some(Token::LParen) => depth += 1,
            Some(Token::RParen) => depth -= 1,
            Some(Token::Word(_) | Token::Comma) if object.is_none() => {}
            _ => return Err(reader.error(990, "missing or invalid privilege")),
        }
    }
    let mut users = Vec::new();
    loop {
        users.push(if reader.take("PUBLIC") { "PUBLIC".to_owned() } else { reader.identifier()? });
        if !reader.take_token(&Token::Comma) {
            break;
        }
    }
    if reader.take("IDENTIFIED BY") {
        return Err(OraError::unsupported("GRANT … IDENTIFIED BY"));
    }
    let _ = reader.take("WITH GRANT OPTION") || reader.take("WITH ADMIN OPTION");
    Ok(Command::Grant { object, users })
}

/// `LOCK TABLE t, … IN mode MODE [NOWAIT | WAIT n]`.
pub(super) fn lock_table(reader: &mut TokenReader<'_>) -> Result<Command> {
    reader.expect("TABLE")?;
    let mut tables = vec![reader.object_name()?];
    while reader.take_token(&Token::Comma) {
        tables.push(reader.object_name()?);
    }
    reader.expect("IN")?;
    let modes = ["ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE", "SHARE ROW EXCLUSIVE", "SHARE", "EXCLUSIVE"];
    if !modes.iter().any(|mode| reader.take(mode)) {
        return Err(reader.error(1737, "valid modes: [ROW] SHARE, [[SHARE] ROW] EXCLUSIVE, SHARE UPDATE"));
    }
    reader.expect("MODE")?;
    let wait_s = if reader.take("NOWAIT") {
        Some(0)
    } else if reader.take("WAIT") {
        Some(reader.integer()?.max(0) as u64)
    } else {
        None
    };
    Ok(Command::LockTable { tables, wait_s })
}
