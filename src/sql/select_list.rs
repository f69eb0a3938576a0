//! Columns of a SELECT list whose type no array fetch takes: the database makes text or a number of them.

use super::dml::ROWID;
use super::identifier;
use crate::error::Result;
use crate::oracle_type::{ColumnDesc, OracleType, is_vector};

/// A column of a SELECT list, under its own name.
///
/// | type | what is read |
/// |---|---|
/// | JSON, XMLTYPE, VECTOR | their text, as a CLOB |
/// | BOOLEAN | 1 and 0 |
///
/// # Errors
/// As [`identifier`].
pub fn item(column: &ColumnDesc) -> Result<String> {
    if column.name == ROWID {
        // No table has a column of its own with this name.
        return Ok(ROWID.to_owned());
    }
    let name = identifier(&column.name)?;
    let OracleType::Other { name: type_name } = &column.oracle_type else { return Ok(name) };
    Ok(match type_name.as_str() {
        "JSON" => format!("JSON_SERIALIZE({name} RETURNING CLOB) {name}"),
        "XMLTYPE" => format!("XMLSERIALIZE(CONTENT {name} AS CLOB) {name}"),
        vector if is_vector(vector) => format!("FROM_VECTOR({name} RETURNING CLOB) {name}"),
        "BOOLEAN" => format!("CAST(CASE WHEN {name} THEN 1 WHEN NOT {name} THEN 0 END AS NUMBER(1)) {name}"),
        _ => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_fetch_takes_is_made_into_what_one_does() {
        let of = |name: &str, type_name: &str| {
            let oracle_type = OracleType::Other { name: type_name.into() };
            item(&ColumnDesc { name: name.into(), oracle_type, nullable: true }).unwrap()
        };
        assert_eq!(of("J", "JSON"), "JSON_SERIALIZE(J RETURNING CLOB) J");
        assert_eq!(of("my xml", "XMLTYPE"), "XMLSERIALIZE(CONTENT \"my xml\" AS CLOB) \"my xml\"");
        assert_eq!([of("V", "VECTOR"), of("V", "VECTOR(3,INT8)")], ["FROM_VECTOR(V RETURNING CLOB) V"; 2]);
        // A NULL is neither.
        assert_eq!(of("B", "BOOLEAN"), "CAST(CASE WHEN B THEN 1 WHEN NOT B THEN 0 END AS NUMBER(1)) B");
        assert_eq!([of("R", "UROWID"), of("L", "LONG")], ["R", "L"]);
    }
}
