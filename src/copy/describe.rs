//! A table, and a source, as a newcomer wants to see them.

use std::fmt;

use super::format::{TextTable, bytes, count, thousands};
use crate::error::{Error, Phase, Result};
use crate::lake::describe::SourceDescription;
use crate::oci::Session;
use crate::oracle_type::{TableDesc, TableName};
use crate::sql;

/// Files listed one by one.
const MAX_FILES_SHOWN: usize = 20;

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

impl fmt::Display for SourceDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (files, rows) = (count(self.files.len() as u64, "file"), count(self.rows, "row"));
        let groups = if self.row_groups > 0 { format!(" in {}", count(self.row_groups as u64, "row group")) } else { String::new() };
        writeln!(f, "{files}: {rows}{groups}, {}\n", bytes(self.size_bytes))?;
        let mut columns = TextTable::new(["#", "column", "Arrow", "in the file", "logical", "null"]);
        for (index, c) in self.columns.iter().enumerate() {
            let null = if c.nullable { "" } else { "NOT NULL" };
            let logical = c.logical_type.clone().unwrap_or_default();
            columns.row([(index + 1).to_string(), c.name.clone(), c.arrow_type.clone(), c.parquet_type.clone(), logical, null.to_owned()]);
        }
        writeln!(f, "{columns}")?;
        let mut files = TextTable::new(["file", "rows", "row groups", "size", "compression", "written by"]);
        for file in self.files.iter().take(MAX_FILES_SHOWN) {
            let size = (thousands(file.rows), thousands(file.row_groups as u64), bytes(file.size_bytes));
            let created_by = file.created_by.clone().unwrap_or_default();
            files.row([file.path.clone(), size.0, size.1, size.2, file.compression.join(" "), created_by]);
        }
        write!(f, "{files}")?;
        match self.files.len().saturating_sub(MAX_FILES_SHOWN) {
            0 => Ok(()),
            more => writeln!(f, "  and {}", count(more as u64, "more file")),
        }
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
