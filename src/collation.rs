//! How the database compares the text of a table: as bytes, or by the rules of a language, by which different texts may be equal.

use crate::error::{Error, Result};
use crate::oci::Session;
use crate::oracle_type::{ColumnDesc, OracleType, TableName};
use crate::sql;

/// Invalid identifier: before release 12.2 no column has a collation.
const ORA_INVALID_IDENTIFIER: i32 = 904;

/// Table or view does not exist: a server without these dictionary views, which then says nothing of comparisons.
const ORA_NO_TABLE: i32 = 942;

/// What session and dictionary say of comparisons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextComparison {
    /// NLS_COMP is BINARY.
    pub is_binary: bool,
    /// Columns that have a collation of their own, other than BINARY; `None` where the dictionary does not know the table under this name, as for a
    /// synonym.
    pub collated: Option<Vec<String>>,
}

impl TextComparison {
    /// Asks; up to two round trips. Where nobody knows, texts are not taken for bytes.
    ///
    /// # Errors
    /// Those of the queries.
    pub fn of(session: &Session, table: &TableName) -> Result<Self> {
        let told = parameter(session, "NLS_COMP").and_then(|comparison| {
            let is_binary = comparison.is_some_and(|comparison| comparison == "BINARY");
            Ok(TextComparison { is_binary, collated: if is_binary { collated(session, table)? } else { None } })
        });
        match told {
            Err(Error::Database { ora_code: ORA_NO_TABLE, .. }) => Ok(TextComparison { is_binary: true, collated: None }),
            told => told,
        }
    }

    /// Why texts of this column may be equal that are not the same bytes; `None` when they are not.
    pub fn why_not_bytes(&self, column: &ColumnDesc) -> Option<String> {
        let is_text =
            matches!(column.oracle_type, OracleType::Varchar2(_) | OracleType::Nvarchar2(_) | OracleType::Char(_) | OracleType::Nchar(_));
        let name = &column.name;
        match &self.collated {
            _ if !is_text => None,
            _ if !self.is_binary => Some(format!("the session compares {name} by the rules of a language (NLS_COMP)")),
            None => Some(format!("the dictionary does not tell how {name} is compared")),
            Some(collated) if collated.contains(name) => Some(format!("{name} has a collation of its own")),
            Some(_) => None,
        }
    }
}

fn collated(session: &Session, table: &TableName) -> Result<Option<Vec<String>>> {
    let owner = table.schema.as_deref().map_or_else(|| "SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')".to_owned(), sql::literal);
    let select = |columns: &str| {
        let name = sql::literal(&table.table);
        format!("SELECT {columns} FROM ALL_TAB_COLS WHERE OWNER = {owner} AND TABLE_NAME = {name}")
    };
    let (mut names, mut is_known) = (Vec::new(), false);
    let asked = session.query_text(&select("COLUMN_NAME, COLLATION"), &mut |row| {
        is_known = true;
        if let [Some(name), Some(collation)] = row
            && !["USING_NLS_COMP", "BINARY"].contains(&collation.as_str())
        {
            names.push(name.clone());
        }
        Ok(())
    });
    match asked {
        Ok(_) => Ok(is_known.then_some(names)),
        Err(Error::Database { ora_code: ORA_INVALID_IDENTIFIER, .. }) => Ok(Some(Vec::new())),
        Err(error) => Err(error),
    }
}

fn parameter(session: &Session, name: &str) -> Result<Option<String>> {
    let mut value = None;
    let sql = format!("SELECT VALUE FROM NLS_SESSION_PARAMETERS WHERE PARAMETER = {}", sql::literal(name));
    session.query_text(&sql, &mut |row| {
        value = row.first().cloned().flatten();
        Ok(())
    })?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle_type::TextSize;

    #[test]
    fn texts_are_bytes_only_where_session_and_column_say_so() {
        let text = |name: &str| ColumnDesc { name: name.into(), oracle_type: OracleType::Varchar2(TextSize::bytes(9)), nullable: true };
        let number = ColumnDesc { oracle_type: OracleType::BinaryDouble, ..text("N") };
        let binary = TextComparison { is_binary: true, collated: Some(vec!["B".into()]) };
        assert_eq!(binary.why_not_bytes(&text("A")), None);
        assert!(binary.why_not_bytes(&text("B")).unwrap().contains("collation"));
        for unsure in [TextComparison { is_binary: false, collated: None }, TextComparison { is_binary: true, collated: None }] {
            assert!(unsure.why_not_bytes(&text("A")).is_some());
            assert_eq!(unsure.why_not_bytes(&number), None);
        }
    }
}
