//! Dimensions and formats of VECTOR columns: no describe of a client before 23ai tells them, the dictionary does.

use crate::load::ColumnPair;
use crate::oci::Session;
use crate::oracle_type::{ColumnDesc, OracleType, TableName};
use crate::sql::literal;
use crate::type_map::{ArrowFamily, OracleFamily};

/// Completes the types of the VECTOR columns that vectors go to.
pub(super) fn complete_targets(session: &Session, table: &TableName, pairs: &mut [ColumnPair]) {
    let is_vector = |pair: &&mut ColumnPair| {
        ArrowFamily::of(pair.field.data_type()) == ArrowFamily::Vector && OracleFamily::of(&pair.target.oracle_type) == OracleFamily::Vector
    };
    complete_vectors(session, table, pairs.iter_mut().filter(is_vector).map(|pair| &mut pair.target));
}

/// Completes the types of VECTOR columns. Where the dictionary does not say, they stay as they are.
pub(super) fn complete_vectors<'c>(session: &Session, table: &TableName, vectors: impl Iterator<Item = &'c mut ColumnDesc>) {
    let mut vectors: Vec<&mut ColumnDesc> = vectors.collect();
    if vectors.is_empty() {
        return;
    }
    let owner = table.schema.as_deref().map_or("SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')".to_owned(), literal);
    let query = format!(
        "SELECT COLUMN_NAME, VECTOR_INFO FROM ALL_TAB_COLUMNS WHERE OWNER = {owner} AND TABLE_NAME = {} AND DATA_TYPE = 'VECTOR'",
        literal(&table.table)
    );
    // A dictionary without VECTOR_INFO says nothing, which the plan then says.
    let _ = session.query_text(&query, &mut |cells| {
        if let [Some(column), Some(info)] = cells
            && let Some(vector) = vectors.iter_mut().find(|vector| vector.name == *column)
            && let Some(oracle_type) = type_of(info)
        {
            vector.oracle_type = oracle_type;
        }
        Ok(())
    });
}

/// `VECTOR(3, FLOAT32)`, or `VECTOR(3, FLOAT32, DENSE)`.
fn type_of(info: &str) -> Option<OracleType> {
    let arguments = info.trim().strip_prefix("VECTOR(")?.strip_suffix(')')?;
    let first_two: Vec<&str> = arguments.split(',').map(str::trim).take(2).collect();
    format!("VECTOR({})", first_two.join(",")).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::type_of;

    #[test]
    fn what_the_dictionary_says_is_a_type() {
        for (info, want) in [
            ("VECTOR(3, FLOAT32)", "VECTOR(3,FLOAT32)"),
            ("VECTOR(*, *, DENSE)", "VECTOR(*,*)"),
            ("VECTOR(1024,INT8,DENSE)", "VECTOR(1024,INT8)"),
        ] {
            assert_eq!(type_of(info).unwrap().to_string(), want);
        }
        assert_eq!(type_of("NUMBER"), None);
    }
}
