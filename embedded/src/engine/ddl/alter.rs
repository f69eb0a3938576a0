//! ALTER TABLE.

use sqlparser::tokenizer::Token;

use super::super::tokens::TokenReader;
use super::super::{OraError, Result};
use super::table::{column, column_rest, elements, table_constraint};
use super::{ColumnChange, ColumnDef, Command, ConstraintDef, data_type};

/// A change of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TableChange {
    Rename(String),
    Add {
        columns: Vec<ColumnDef>,
        constraints: Vec<ConstraintDef>,
    },
    Modify(Vec<ColumnChange>),
    DropColumns {
        columns: Vec<String>,
        cascade: bool,
    },
    DropConstraint {
        name: String,
        cascade: bool,
    },
    DropPrimaryKey {
        cascade: bool,
    },
    DropUnique {
        columns: Vec<String>,
        cascade: bool,
    },
    RenameColumn {
        from: String,
        to: String,
    },
    RenameConstraint {
        from: String,
        to: String,
    },
    /// What is a matter of storage alone.
    Nothing,
}

/// After ALTER TABLE.
pub(super) fn alter_table(reader: &mut TokenReader<'_>) -> Result<Command> {
    let table = reader.object_name()?;
    let change = if reader.take("RENAME TO") {
        TableChange::Rename(reader.identifier()?)
    } else if reader.take("RENAME COLUMN") {
        let (from, to) = renamed(reader)?;
        TableChange::RenameColumn { from, to }
    } else if reader.take("RENAME CONSTRAINT") {
        let (from, to) = renamed(reader)?;
        TableChange::RenameConstraint { from, to }
    } else if reader.take("ADD") {
        add(reader)?
    } else if reader.take("MODIFY") {
        modify(reader)?
    } else if reader.take("DROP") {
        drop(reader)?
    } else if ["ENABLE ROW MOVEMENT", "DISABLE ROW MOVEMENT", "LOGGING", "NOLOGGING", "NOPARALLEL", "NOCACHE", "CACHE"]
        .iter()
        .any(|words| reader.take(words))
    {
        TableChange::Nothing
    } else {
        return Err(OraError::unsupported("this form of ALTER TABLE").at(Some(reader.offset())));
    };
    Ok(Command::AlterTable { table, change })
}

fn renamed(reader: &mut TokenReader<'_>) -> Result<(String, String)> {
    let from = reader.identifier()?;
    reader.expect("TO")?;
    Ok((from, reader.identifier()?))
}

fn add(reader: &mut TokenReader<'_>) -> Result<TableChange> {
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    while !reader.is_end() && reader.peek() != Some(&Token::SemiColon) {
        reader.take("ADD");
        if reader.take_token(&Token::LParen) {
            let (more, rules) = elements(reader)?;
            columns.extend(more);
            constraints.extend(rules);
        } else {
            match table_constraint(reader)? {
                Some(constraint) => constraints.push(constraint),
                None => {
                    reader.take("COLUMN");
                    columns.push(column(reader, &mut constraints)?);
                }
            }
        }
    }
    Ok(TableChange::Add { columns, constraints })
}

fn modify(reader: &mut TokenReader<'_>) -> Result<TableChange> {
    let mut changes = Vec::new();
    if !reader.take_token(&Token::LParen) {
        return Ok(TableChange::Modify(vec![column_change(reader)?]));
    }
    loop {
        changes.push(column_change(reader)?);
        if reader.take_token(&Token::RParen) {
            return Ok(TableChange::Modify(changes));
        }
        if !reader.take_token(&Token::Comma) {
            return Err(reader.error(907, "missing right parenthesis"));
        }
    }
}

/// `column [type] [DEFAULT …] [NULL | NOT NULL | other constraints]`.
fn column_change(reader: &mut TokenReader<'_>) -> Result<ColumnChange> {
    let name = reader.identifier()?;
    let keeps_type = matches!(
        reader.peek_word().as_deref(),
        Some("DEFAULT" | "NULL" | "NOT" | "CONSTRAINT" | "PRIMARY" | "UNIQUE" | "CHECK" | "REFERENCES" | "GENERATED")
    ) || matches!(reader.peek(), Some(Token::Comma | Token::RParen) | None);
    let data_type = if keeps_type { None } else { Some(data_type(reader)?) };
    let mut made = ColumnDef {
        name,
        data_type: data_type.unwrap_or(super::super::DataType::NUMBER),
        default: None,
        default_on_null: false,
        identity: None,
    };
    let mut constraints = Vec::new();
    let before = reader.offset();
    column_rest(reader, &mut made, &mut constraints)?;
    if made.identity.is_some() || made.default_on_null {
        return Err(OraError::unsupported("MODIFY of an identity column").at(Some(before)));
    }
    let words = reader.text_since(before).to_uppercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    let nullable = words.last() == Some(&"NULL")
        && words.len().checked_sub(2).and_then(|at| words.get(at)) != Some(&"NOT")
        && made.default.as_deref().is_none_or(|default| !default.eq_ignore_ascii_case("NULL") || words.len() > 2);
    Ok(ColumnChange { name: made.name, data_type, default: made.default, becomes_nullable: nullable, constraints })
}

fn drop(reader: &mut TokenReader<'_>) -> Result<TableChange> {
    let change = if reader.take("COLUMN") {
        let columns = vec![reader.identifier()?];
        TableChange::DropColumns { columns, cascade: reader.take("CASCADE CONSTRAINTS") }
    } else if reader.peek() == Some(&Token::LParen) {
        let columns = reader.identifier_list()?;
        TableChange::DropColumns { columns, cascade: reader.take("CASCADE CONSTRAINTS") }
    } else if reader.take("CONSTRAINT") {
        let name = reader.identifier()?;
        TableChange::DropConstraint { name, cascade: reader.take("CASCADE") }
    } else if reader.take("PRIMARY KEY") {
        TableChange::DropPrimaryKey { cascade: reader.take("CASCADE") }
    } else if reader.peek_word().as_deref() == Some("UNIQUE") {
        reader.next();
        let columns = reader.identifier_list()?;
        TableChange::DropUnique { columns, cascade: reader.take("CASCADE") }
    } else {
        return Err(reader.error(905, "missing keyword"));
    };
    let _ = reader.take("DROP INDEX") || reader.take("KEEP INDEX");
    Ok(change)
}
