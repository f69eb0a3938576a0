//! A table as a newcomer wants to see it.

use std::fmt;

use super::format::{TextTable, count};
use crate::error::{Error, Phase, Result};
use crate::oci::Session;
use crate::oracle_type::{TableDesc, TableName};
use crate::sql;

/// A column for display.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TableColumn {
    /// Position in the table, 1-based.
    pub position: usize,
    /// Name.
    pub name: String,
    /// Oracle type as DDL spells it.
    pub oracle_type: String,
    /// NULL allowed.
    pub nullable: bool,
}

/// A table for display: `Display` shows columns, `Serialize` carries the DDL too.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TableDescription {
    /// The table.
    pub table: String,
    /// Columns in table order.
    pub columns: Vec<TableColumn>,
    /// A CREATE TABLE with the same columns; other constraints are not described.
    pub ddl: String,
}

/// Describes a table or view.
///
/// # Errors
/// [`Error::Database`] when there is none that the user may see.
pub fn describe_table(session: &Session, name: &TableName) -> Result<TableDescription> {
    let desc = session.describe_table(name)?.ok_or_else(|| Error::Database {
        phase: Phase::Describe,
        table: Some(name.to_string()),
        ora_code: 942,
        message: "ORA-00942: there is no such table or view, or this user may not see it".into(),
        remedy: "check the name and its owner (SCHEMA.TABLE); a name in lower or mixed case needs double quotes".into(),
        session_dead: false,
    })?;
    TableDescription::new(&desc)
}

impl TableDescription {
    /// From a described table.
    ///
    /// # Errors
    /// Names that SQL text cannot carry.
    pub fn new(desc: &TableDesc) -> Result<Self> {
        let columns = desc.columns.iter().enumerate().map(|(index, column)| TableColumn {
            position: index + 1,
            name: column.name.clone(),
            oracle_type: column.oracle_type.to_string(),
            nullable: column.nullable,
        });
        Ok(TableDescription { table: desc.name.to_string(), columns: columns.collect(), ddl: sql::describe_ddl(desc)? })
    }
}

impl fmt::Display for TableDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "table {}: {}\n", self.table, count(self.columns.len() as u64, "column"))?;
        let mut table = TextTable::new(["#", "column", "type", "null"]);
        for column in &self.columns {
            let null = if column.nullable { "" } else { "NOT NULL" };
            table.row([column.position.to_string(), column.name.clone(), column.oracle_type.clone(), null.to_owned()]);
        }
        write!(f, "{table}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle_type::{ColumnDesc, OracleType};

    #[test]
    fn shows_columns_and_carries_ddl() {
        let column =
            ColumnDesc { name: "ID".into(), oracle_type: OracleType::Number { precision: Some(10), scale: Some(0) }, nullable: false };
        let desc = TableDesc { name: TableName { schema: None, table: "T".into() }, columns: vec![column] };
        let shown = TableDescription::new(&desc).unwrap();
        assert_eq!(shown.to_string(), "table T: 1 column\n\n  #  column  type        null\n  1  ID      NUMBER(10)  NOT NULL\n");
        assert_eq!(shown.ddl, "CREATE TABLE T (\n  ID NUMBER(10) NOT NULL\n)");
    }
}
