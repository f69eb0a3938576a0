//! Views of constraints and indexes.

use super::super::Result;
use super::super::catalog::{Constraint, ConstraintKind, Table};
use super::super::types::DataType;
use super::super::value::Stored;
use super::{Columns, Family, Filling, NAME, NUMBER, Row, TEXT, each_constraint, number, text, yes_no};

pub(super) const VIEWS: &[Family] = &[
    Family::scoped("CONSTRAINTS", CONSTRAINTS, &[], constraints),
    Family::scoped("CONS_COLUMNS", CONS_COLUMNS, &[], cons_columns),
    Family::scoped("INDEXES", INDEXES, &["OWNER"], indexes),
    Family::scoped("IND_EXPRESSIONS", IND_EXPRESSIONS, &["INDEX_OWNER", "TABLE_OWNER"], |_| Ok(Vec::new())),
    Family::scoped("IND_COLUMNS", IND_COLUMNS, &["INDEX_OWNER", "TABLE_OWNER"], index_columns),
];

const CONSTRAINTS: Columns = &[
    ("OWNER", NAME),
    ("CONSTRAINT_NAME", NAME),
    ("CONSTRAINT_TYPE", DataType::varchar2(1)),
    ("TABLE_NAME", NAME),
    ("SEARCH_CONDITION", TEXT),
    ("SEARCH_CONDITION_VC", TEXT),
    ("R_OWNER", NAME),
    ("R_CONSTRAINT_NAME", NAME),
    ("DELETE_RULE", DataType::varchar2(9)),
    ("STATUS", DataType::varchar2(8)),
    ("DEFERRABLE", DataType::varchar2(14)),
    ("DEFERRED", DataType::varchar2(9)),
    ("VALIDATED", DataType::varchar2(13)),
    ("GENERATED", DataType::varchar2(14)),
    ("INDEX_OWNER", NAME),
    ("INDEX_NAME", NAME),
];
const CONS_COLUMNS: Columns =
    &[("OWNER", NAME), ("CONSTRAINT_NAME", NAME), ("TABLE_NAME", NAME), ("COLUMN_NAME", TEXT), ("POSITION", NUMBER)];
const INDEXES: Columns = &[
    ("OWNER", NAME),
    ("INDEX_NAME", NAME),
    ("INDEX_TYPE", DataType::varchar2(27)),
    ("TABLE_OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("UNIQUENESS", DataType::varchar2(9)),
    ("STATUS", DataType::varchar2(8)),
    ("TABLE_TYPE", DataType::varchar2(11)),
    ("COMPRESSION", DataType::varchar2(13)),
    ("PREFIX_LENGTH", NUMBER),
    ("TABLESPACE_NAME", NAME),
    ("PARTITIONED", DataType::varchar2(3)),
    ("TEMPORARY", DataType::varchar2(1)),
    ("GENERATED", DataType::varchar2(1)),
    ("VISIBILITY", DataType::varchar2(9)),
    ("CONSTRAINT_INDEX", DataType::varchar2(3)),
];
/// No index of the engine is on an expression.
const IND_EXPRESSIONS: Columns = &[
    ("INDEX_OWNER", NAME),
    ("INDEX_NAME", NAME),
    ("TABLE_OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("COLUMN_EXPRESSION", TEXT),
    ("COLUMN_POSITION", NUMBER),
];
const IND_COLUMNS: Columns = &[
    ("INDEX_OWNER", NAME),
    ("INDEX_NAME", NAME),
    ("TABLE_OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("COLUMN_NAME", TEXT),
    ("COLUMN_POSITION", NUMBER),
    ("COLUMN_LENGTH", NUMBER),
    ("CHAR_LENGTH", NUMBER),
    ("DESCEND", DataType::varchar2(4)),
];

fn constraints(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let is_one = |item: &(&Table, &Constraint)| item.1.kind.is_constraint();
    Ok(each_constraint(filling).filter(is_one).map(|(table, constraint)| constraint_row(filling, table, constraint)).collect())
}

fn constraint_row(filling: &Filling<'_>, table: &Table, constraint: &Constraint) -> Row {
    let (code, condition) = match constraint.kind {
        ConstraintKind::Primary => ("P", Stored::Null),
        ConstraintKind::Unique => ("U", Stored::Null),
        ConstraintKind::Foreign => ("R", Stored::Null),
        ConstraintKind::Check => ("C", constraint.condition.clone().map_or(Stored::Null, text)),
        _ => {
            let column = constraint.columns.first().and_then(|index| table.columns.get(*index)).map_or("", |column| column.name.as_str());
            ("C", text(format!("\"{column}\" IS NOT NULL")))
        }
    };
    let parent = constraint.references.and_then(|reference| filling.catalog.constraint(reference.constraint));
    let rule = constraint.references.map_or(Stored::Null, |reference| text(reference.on_delete.name()));
    let generated = if constraint.generated { "GENERATED NAME" } else { "USER NAME" };
    let index = if constraint.kind.has_index() { text(&constraint.name) } else { Stored::Null };
    let mut row = vec![text(&table.owner), text(&constraint.name), text(code), text(&table.name), condition.clone(), condition];
    row.extend([
        parent.map_or(Stored::Null, |(table, _)| text(&table.owner)),
        parent.map_or(Stored::Null, |(_, key)| text(&key.name)),
        rule,
    ]);
    row.extend(["ENABLED", "NOT DEFERRABLE", "IMMEDIATE", "VALIDATED", generated].map(text));
    row.extend([if index.is_null() { Stored::Null } else { text(&table.owner) }, index]);
    row
}

fn key_columns<'a>(table: &'a Table, constraint: &'a Constraint) -> impl Iterator<Item = (&'a str, i64)> {
    constraint
        .columns
        .iter()
        .enumerate()
        .filter_map(|(position, index)| table.columns.get(*index).map(|column| (column.name.as_str(), position as i64 + 1)))
}

fn cons_columns(filling: &Filling<'_>) -> Result<Vec<Row>> {
    Ok(each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind.is_constraint())
        .flat_map(|(table, constraint)| {
            key_columns(table, constraint).map(move |(column, position)| {
                let position = if matches!(constraint.kind, ConstraintKind::NotNull | ConstraintKind::Check) {
                    Stored::Null
                } else {
                    number(position)
                };
                vec![text(&table.owner), text(&constraint.name), text(&table.name), text(column), position]
            })
        })
        .collect())
}

fn indexes(filling: &Filling<'_>) -> Result<Vec<Row>> {
    Ok(each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind.has_index())
        .map(|(table, index)| {
            let uniqueness = if index.kind.is_unique() { "UNIQUE" } else { "NONUNIQUE" };
            let flag = |value: bool| text(if value { "Y" } else { "N" });
            let mut row = vec![text(&table.owner), text(&index.name), text("NORMAL"), text(&table.owner), text(&table.name)];
            row.extend([text(uniqueness), text("VALID"), text("TABLE"), text("DISABLED"), Stored::Null]);
            row.extend([if table.is_temporary() { Stored::Null } else { text("USERS") }, yes_no(false)]);
            row.extend([flag(table.is_temporary()), flag(index.generated), text("VISIBLE"), yes_no(index.kind.is_constraint())]);
            row
        })
        .collect())
}

fn index_columns(filling: &Filling<'_>) -> Result<Vec<Row>> {
    Ok(each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind.has_index())
        .flat_map(|(table, index)| {
            key_columns(table, index).map(move |(column, position)| {
                let data_type = table.columns.iter().find(|candidate| candidate.name == column).map(|column| column.data_type);
                let chars = match data_type {
                    Some(DataType::Varchar2 { size, .. } | DataType::Char { size, .. }) => size,
                    _ => 0,
                };
                let mut row = vec![text(&table.owner), text(&index.name), text(&table.owner), text(&table.name), text(column)];
                row.extend([number(position), data_type.map_or(Stored::Null, |known| number(known.data_length())), number(chars)]);
                row.push(text("ASC"));
                row
            })
        })
        .collect())
}
