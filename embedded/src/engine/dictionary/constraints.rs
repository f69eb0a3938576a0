//! Views of constraints and indexes.

use super::super::Result;
use super::super::catalog::{Constraint, ConstraintKind, Table};
use super::super::types::DataType;
use super::super::value::Stored;
use super::{Columns, Family, Filling, NAME, NUMBER, Row, TEXT, each_constraint, number, text};

pub(super) const VIEWS: &[Family] = &[
    Family::scoped("CONSTRAINTS", CONSTRAINTS, &[], constraints),
    Family::scoped("CONS_COLUMNS", CONS_COLUMNS, &[], cons_columns),
    Family::scoped("INDEXES", INDEXES, &["OWNER"], indexes),
    Family::scoped("IND_COLUMNS", IND_COLUMNS, &["INDEX_OWNER", "TABLE_OWNER"], index_columns),
];

const CONSTRAINTS: Columns = &[
    ("OWNER", NAME),
    ("CONSTRAINT_NAME", NAME),
    ("CONSTRAINT_TYPE", DataType::varchar2(1)),
    ("TABLE_NAME", NAME),
    ("SEARCH_CONDITION", TEXT),
    ("SEARCH_CONDITION_VC", TEXT),
    ("STATUS", DataType::varchar2(8)),
    ("GENERATED", DataType::varchar2(14)),
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
];
const IND_COLUMNS: Columns = &[
    ("INDEX_OWNER", NAME),
    ("INDEX_NAME", NAME),
    ("TABLE_OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("COLUMN_NAME", TEXT),
    ("COLUMN_POSITION", NUMBER),
];

fn constraints(filling: &Filling<'_>) -> Result<Vec<Row>> {
    Ok(each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind.is_constraint())
        .map(|(table, constraint)| {
            let (code, condition, index) = match constraint.kind {
                ConstraintKind::Primary => ("P", Stored::Null, text(&constraint.name)),
                ConstraintKind::Unique => ("U", Stored::Null, text(&constraint.name)),
                _ => {
                    let column =
                        constraint.columns.first().and_then(|index| table.columns.get(*index)).map_or("", |column| column.name.as_str());
                    ("C", text(format!("\"{column}\" IS NOT NULL")), Stored::Null)
                }
            };
            let generated = if constraint.generated { "GENERATED NAME" } else { "USER NAME" };
            vec![
                text(&table.owner),
                text(&constraint.name),
                text(code),
                text(&table.name),
                condition.clone(),
                condition,
                text("ENABLED"),
                text(generated),
                index,
            ]
        })
        .collect())
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
                let position = if constraint.kind == ConstraintKind::NotNull { Stored::Null } else { number(position) };
                vec![text(&table.owner), text(&constraint.name), text(&table.name), text(column), position]
            })
        })
        .collect())
}

fn indexes(filling: &Filling<'_>) -> Result<Vec<Row>> {
    Ok(each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind != ConstraintKind::NotNull)
        .map(|(table, index)| {
            let uniqueness = if index.kind.is_unique() { "UNIQUE" } else { "NONUNIQUE" };
            vec![
                text(&table.owner),
                text(&index.name),
                text("NORMAL"),
                text(&table.owner),
                text(&table.name),
                text(uniqueness),
                text("VALID"),
            ]
        })
        .collect())
}

fn index_columns(filling: &Filling<'_>) -> Result<Vec<Row>> {
    Ok(each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind != ConstraintKind::NotNull)
        .flat_map(|(table, index)| {
            key_columns(table, index).map(move |(column, position)| {
                vec![text(&table.owner), text(&index.name), text(&table.owner), text(&table.name), text(column), number(position)]
            })
        })
        .collect())
}
