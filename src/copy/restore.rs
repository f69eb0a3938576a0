//! Oracle types that travel in the footer of a file: written by a copy out of Oracle, used by a load that creates the table.

use arrow::datatypes::Field;

use crate::fetch::FetchColumn;
use crate::lake::sink::ORACLE_COLUMNS_KEY;
use crate::lake::source::Source;
use crate::oracle_type::{ColumnDesc, OracleType};
use crate::type_map::{Conversion, TextStats, conversion_of};

/// A column as the footer has it.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct StoredColumn {
    /// Name in the file.
    field: String,
    /// Name in Oracle.
    name: String,
    /// As DDL spells it.
    #[serde(rename = "type")]
    oracle_type: String,
    /// NULL allowed.
    nullable: bool,
}

/// The columns for the footer. `named` are those of the table whose values the query reads as another type.
pub(super) fn describe(columns: &[FetchColumn], named: &[ColumnDesc]) -> String {
    let columns = columns.iter().map(|FetchColumn { column, field }| StoredColumn {
        field: field.name().clone(),
        name: column.name.clone(),
        oracle_type: named.iter().find(|named| named.name == column.name).unwrap_or(column).oracle_type.to_string(),
        nullable: column.nullable,
    });
    serde_json::to_string(&columns.collect::<Vec<_>>()).unwrap_or_default()
}

/// The Oracle type that a column of the source once had, if its footer says so and the values still fit: they may have been changed since.
pub(super) fn original_type(source: &Source, field: &Field, stats: &TextStats) -> Option<OracleType> {
    let stored: Vec<StoredColumn> = serde_json::from_str(source.footer_text(ORACLE_COLUMNS_KEY)?).ok()?;
    let oracle_type = stored.into_iter().find(|column| column.field == *field.name())?.oracle_type.parse().ok()?;
    holds(&oracle_type, field, stats).then_some(oracle_type)
}

fn holds(oracle_type: &OracleType, field: &Field, stats: &TextStats) -> bool {
    let longest_bytes = stats.max_bytes.unwrap_or(0);
    let has_room = match oracle_type {
        OracleType::Varchar2(size) | OracleType::Char(size) => longest_bytes <= u64::from(size.max_bytes),
        OracleType::Nvarchar2(size) | OracleType::Nchar(size) => longest_bytes <= u64::from(size.max_bytes / 2),
        OracleType::Raw { max_bytes } => longest_bytes <= u64::from(*max_bytes),
        _ => true,
    };
    has_room && matches!(conversion_of(field.data_type(), oracle_type), Conversion::Exact | Conversion::Checked { .. })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn a_type_is_restored_only_while_the_values_fit() {
        let of = |oracle_type: &str, data_type: DataType, max_bytes| {
            holds(&oracle_type.parse().unwrap(), &Field::new("c", data_type, true), &TextStats { max_bytes })
        };
        assert!(of("VARCHAR2(40)", DataType::Utf8, Some(40)));
        assert!(!of("VARCHAR2(40)", DataType::Utf8, Some(41)));
        assert!(of("DATE", DataType::Date32, None));
        assert!(!of("DATE", DataType::Int32, None));
        let instant = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
        assert!(of("TIMESTAMP(6) WITH LOCAL TIME ZONE", instant, None));
        assert!(!of("TIMESTAMP(6) WITH LOCAL TIME ZONE", DataType::Date32, None));
        // What is read through an expression is restored from what that makes, and from nothing else.
        for named in ["JSON", "XMLTYPE", "VECTOR(3,FLOAT32)"] {
            assert!(of(named, DataType::Utf8, Some(100_000)) && !of(named, DataType::Int64, None), "{named}");
        }
        assert!(of("BOOLEAN", DataType::Boolean, None) && !of("BOOLEAN", DataType::Utf8, None));
    }

    #[test]
    fn the_footer_has_the_types_of_the_table() {
        let column = |name: &str, oracle_type: OracleType| ColumnDesc { name: name.into(), oracle_type, nullable: true };
        let other = |name: &str| OracleType::Other { name: name.into() };
        let fetched = [("J", OracleType::Clob), ("C", OracleType::Clob), ("B", OracleType::Number { precision: Some(1), scale: Some(0) })];
        let fetched = fetched.map(|(name, oracle_type)| FetchColumn {
            field: Field::new(name.to_lowercase(), DataType::Utf8, true),
            column: column(name, oracle_type),
        });
        let footer = describe(&fetched, &[column("J", other("JSON")), column("B", other("BOOLEAN"))]);
        let stored: Vec<StoredColumn> = serde_json::from_str(&footer).unwrap();
        let types: Vec<_> = stored.iter().map(|column| (column.field.as_str(), column.oracle_type.as_str())).collect();
        assert_eq!(types, [("j", "JSON"), ("c", "CLOB"), ("b", "BOOLEAN")]);
    }
}
