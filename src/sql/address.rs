//! ROWID, the address of a row, in SELECT lists.

use super::select_list;
use crate::error::Result;
use crate::oracle_type::{ColumnDesc, OracleType};

pub use super::dml::ROWID;

/// The pseudo-column of a table: as if it were its last column.
pub fn column() -> ColumnDesc {
    ColumnDesc { name: ROWID.into(), oracle_type: OracleType::Other { name: ROWID.into() }, nullable: false }
}

/// `SELECT column, ROWID FROM …`; `rows` begins with FROM.
///
/// # Errors
/// As [`super::identifier`].
pub fn select_with(column: &ColumnDesc, rows: &str) -> Result<String> {
    Ok(format!("SELECT {}, {ROWID} {rows}", select_list::item(column)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pseudo_column_has_no_quotes() {
        let date = ColumnDesc { name: "DATE".into(), oracle_type: OracleType::Date, nullable: true };
        assert_eq!(select_with(&date, "FROM T").unwrap(), "SELECT \"DATE\", ROWID FROM T");
        assert_eq!(select_list::item(&column()).unwrap(), "ROWID");
    }
}
