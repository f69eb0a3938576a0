//! CREATE TABLE: columns, constraints and options.

use sqlparser::tokenizer::Token;

use super::super::catalog::{ConstraintKind, OnDelete};
use super::super::tokens::TokenReader;
use super::super::{OraError, Result};
use super::object::sequence_options;
use super::{ColumnDef, Command, ConstraintDef, IdentityDef, Lifetime, data_type, rest_of_text};

/// After CREATE TABLE, of any lifetime.
pub(super) fn create_table(reader: &mut TokenReader<'_>, mut lifetime: Lifetime) -> Result<Command> {
    let table = reader.object_name()?;
    if reader.peek() != Some(&Token::LParen) {
        table_options(reader, &mut lifetime)?;
    }
    if reader.take("AS") {
        return Ok(Command::CreateTableAs { table, lifetime, query: rest_of_text(reader) });
    }
    reader.expect_token(&Token::LParen)?;
    let (columns, constraints) = elements(reader)?;
    table_options(reader, &mut lifetime)?;
    Ok(Command::CreateTable { table, columns, constraints, lifetime })
}

/// Columns and constraints up to the closing parenthesis.
pub(super) fn elements(reader: &mut TokenReader<'_>) -> Result<(Vec<ColumnDef>, Vec<ConstraintDef>)> {
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    loop {
        match table_constraint(reader)? {
            Some(constraint) => constraints.push(constraint),
            None => columns.push(column(reader, &mut constraints)?),
        }
        if reader.take_token(&Token::RParen) {
            return Ok((columns, constraints));
        }
        if !reader.take_token(&Token::Comma) {
            return Err(reader.error(907, "missing right parenthesis"));
        }
    }
}

/// Physical options that change nothing here, and how long rows of a temporary table live.
fn table_options(reader: &mut TokenReader<'_>, lifetime: &mut Lifetime) -> Result<()> {
    const WITH_VALUE: [&str; 5] = ["TABLESPACE", "PCTFREE", "PCTUSED", "INITRANS", "PARALLEL"];
    const ALONE: [&str; 10] = [
        "NOLOGGING",
        "LOGGING",
        "NOCOMPRESS",
        "COMPRESS",
        "NOPARALLEL",
        "CACHE",
        "NOCACHE",
        "SEGMENT",
        "ROWDEPENDENCIES",
        "NOROWDEPENDENCIES",
    ];
    while let Some(word) = reader.peek_word().filter(|word| word != "AS") {
        if reader.take("ORGANIZATION INDEX") || reader.take("ORGANIZATION HEAP") {
            continue;
        }
        match lifetime {
            Lifetime::Transaction | Lifetime::Session if reader.take("ON COMMIT DELETE ROWS") => *lifetime = Lifetime::Transaction,
            Lifetime::Transaction | Lifetime::Session if reader.take("ON COMMIT PRESERVE ROWS") => *lifetime = Lifetime::Session,
            Lifetime::PrivateTransaction | Lifetime::PrivateSession if reader.take("ON COMMIT DROP DEFINITION") => {
                *lifetime = Lifetime::PrivateTransaction;
            }
            Lifetime::PrivateTransaction | Lifetime::PrivateSession if reader.take("ON COMMIT PRESERVE DEFINITION") => {
                *lifetime = Lifetime::PrivateSession;
            }
            _ if WITH_VALUE.contains(&word.as_str()) => {
                reader.next();
                reader.next();
            }
            _ if ALONE.contains(&word.as_str()) => {
                reader.next();
                let _ = reader.take("CREATION IMMEDIATE") || reader.take("CREATION DEFERRED");
            }
            _ => return Err(OraError::unsupported(format_args!("{word} in CREATE TABLE")).at(Some(reader.offset()))),
        }
    }
    Ok(())
}

fn skip_constraint_state(reader: &mut TokenReader<'_>) -> Result<()> {
    for words in ["NOT DEFERRABLE", "INITIALLY IMMEDIATE", "USING INDEX", "RELY", "NORELY", "ENABLE VALIDATE", "ENABLE", "VALIDATE"] {
        reader.take(words);
    }
    match reader.peek_word().as_deref() {
        Some(word @ ("DISABLE" | "DEFERRABLE" | "INITIALLY" | "NOVALIDATE" | "EXCEPTIONS")) => {
            Err(OraError::unsupported(format_args!("{word} of a constraint")).at(Some(reader.offset())))
        }
        _ => Ok(()),
    }
}

/// An out-of-line constraint, if one begins here.
pub(super) fn table_constraint(reader: &mut TokenReader<'_>) -> Result<Option<ConstraintDef>> {
    let name = if reader.take("CONSTRAINT") { Some(reader.identifier()?) } else { None };
    let mut made = if reader.take("PRIMARY KEY") {
        ConstraintDef::new(ConstraintKind::Primary, reader.identifier_list()?)
    } else if reader.peek_word().as_deref() == Some("UNIQUE") {
        reader.next();
        ConstraintDef::new(ConstraintKind::Unique, reader.identifier_list()?)
    } else if reader.take("CHECK") {
        check(reader)?
    } else if reader.take("FOREIGN KEY") {
        let columns = reader.identifier_list()?;
        reader.expect("REFERENCES")?;
        references(reader, columns)?
    } else if name.is_some() {
        return Err(reader.error(904, ": invalid identifier"));
    } else {
        return Ok(None);
    };
    skip_constraint_state(reader)?;
    made.name = name;
    Ok(Some(made))
}

/// `(condition)`.
fn check(reader: &mut TokenReader<'_>) -> Result<ConstraintDef> {
    reader.expect_token(&Token::LParen)?;
    let start = reader.offset();
    let mut depth = 0;
    while let Some(token) = reader.peek() {
        match token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => break,
            Token::RParen => depth -= 1,
            _ => {}
        }
        reader.next();
    }
    let condition = reader.text_since(start).to_owned();
    reader.expect_token(&Token::RParen)?;
    Ok(ConstraintDef { condition: Some(condition), ..ConstraintDef::new(ConstraintKind::Check, Vec::new()) })
}

/// `table [(columns)] [ON DELETE …]`.
fn references(reader: &mut TokenReader<'_>, columns: Vec<String>) -> Result<ConstraintDef> {
    let parent = reader.object_name()?;
    let keys = if reader.peek() == Some(&Token::LParen) { reader.identifier_list()? } else { Vec::new() };
    let on_delete = if reader.take("ON DELETE CASCADE") {
        OnDelete::Cascade
    } else if reader.take("ON DELETE SET NULL") {
        OnDelete::SetNull
    } else {
        OnDelete::Refuse
    };
    Ok(ConstraintDef { references: Some((parent, keys, on_delete)), ..ConstraintDef::new(ConstraintKind::Foreign, columns) })
}

/// A column with its constraints.
pub(super) fn column(reader: &mut TokenReader<'_>, constraints: &mut Vec<ConstraintDef>) -> Result<ColumnDef> {
    let name = reader.identifier()?;
    let data_type = if reader.peek_word().as_deref() == Some("GENERATED") { super::super::DataType::NUMBER } else { data_type(reader)? };
    let mut column = ColumnDef { name, data_type, default: None, default_on_null: false, identity: None };
    column_rest(reader, &mut column, constraints)?;
    Ok(column)
}

/// DEFAULT, identity and constraints of a column.
pub(super) fn column_rest(reader: &mut TokenReader<'_>, column: &mut ColumnDef, constraints: &mut Vec<ConstraintDef>) -> Result<()> {
    if reader.take("DEFAULT") {
        column.default_on_null = reader.take("ON NULL");
        let start = reader.offset();
        skip_expression(reader);
        column.default = Some(reader.text_since(start).to_owned());
    } else if reader.peek_word().as_deref() == Some("GENERATED") {
        identity(reader, column)?;
    }
    while !matches!(reader.peek(), Some(Token::Comma | Token::RParen | Token::SemiColon) | None) {
        let constraint_name = if reader.take("CONSTRAINT") { Some(reader.identifier()?) } else { None };
        let named = || vec![column.name.clone()];
        let mut made = if reader.take("NOT NULL") {
            ConstraintDef::new(ConstraintKind::NotNull, named())
        } else if reader.take("PRIMARY KEY") {
            ConstraintDef::new(ConstraintKind::Primary, named())
        } else if reader.take("UNIQUE") {
            ConstraintDef::new(ConstraintKind::Unique, named())
        } else if reader.take("CHECK") {
            check(reader)?
        } else if reader.take("REFERENCES") {
            references(reader, named())?
        } else if constraint_name.is_none() && reader.take("NULL") {
            continue;
        } else {
            let what = reader.peek_word().unwrap_or_default();
            let known = matches!(what.as_str(), "INVISIBLE" | "VISIBLE" | "AS" | "ENCRYPT" | "COLLATE");
            return Err(if known {
                OraError::unsupported(format_args!("{what} on a column")).at(Some(reader.offset()))
            } else {
                reader.error(907, "missing right parenthesis")
            });
        };
        skip_constraint_state(reader)?;
        made.name = constraint_name;
        constraints.push(made);
    }
    Ok(())
}

/// `GENERATED ALWAYS | BY DEFAULT [ON NULL] AS IDENTITY [(options)]`.
fn identity(reader: &mut TokenReader<'_>, column: &mut ColumnDef) -> Result<()> {
    reader.expect("GENERATED")?;
    let always = reader.take("ALWAYS");
    if !always {
        reader.expect("BY DEFAULT")?;
        column.default_on_null = reader.take("ON NULL");
    }
    reader.expect("AS")?;
    if !reader.take("IDENTITY") {
        return Err(OraError::unsupported("a virtual column").at(Some(reader.offset())));
    }
    let sequence = if reader.take_token(&Token::LParen) {
        let options = sequence_options(reader)?;
        reader.expect_token(&Token::RParen)?;
        options
    } else {
        sequence_options(reader)?
    };
    column.identity = Some(IdentityDef { always, sequence });
    Ok(())
}

/// Skips a DEFAULT expression: up to a comma, a closing parenthesis or a constraint.
fn skip_expression(reader: &mut TokenReader<'_>) {
    let mut depth = 0;
    let mut first = true;
    while let Some(token) = reader.peek() {
        match token {
            Token::LParen => depth += 1,
            Token::RParen | Token::Comma | Token::SemiColon if depth == 0 => return,
            Token::RParen => depth -= 1,
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
