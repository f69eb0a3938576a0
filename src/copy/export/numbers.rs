//! Which type a NUMBER without a scale needs: that of its values.
//!
//! The optimizer's statistics have a column's lowest and highest value but not its scale, and are as old as they are, so the values themselves are asked: one
//! statement in the database, one row back. What is read later is checked all the same.

use arrow::datatypes::DataType;

use super::TypeChoices;
use crate::error::Result;
use crate::oci::Session;
use crate::oracle_type::{ColumnDesc, OracleType};
use crate::sql;
use crate::type_map::default_arrow_type;

/// Digits of the widest decimal.
const MOST_DIGITS: i32 = 76;
/// Of a column without any value.
const OF_NOTHING: DataType = DataType::Decimal128(38, 10);

/// What the values of a column need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) column: String,
    pub(super) data_type: DataType,
    /// For the plan.
    pub(super) note: String,
}

/// Whether the column's type does not tell its scale, nor anything else what is wanted of it.
pub(super) fn is_open(choices: &TypeChoices, column: &ColumnDesc) -> bool {
    let without_scale = column.oracle_type.is_number() && default_arrow_type(&column.oracle_type).is_err();
    without_scale && choices.number.is_none() && !choices.names(&column.name)
}

/// Looks at the values of `columns` in the rows of `query`, and counts the rows.
///
/// # Errors
/// [`crate::Error::Database`].
pub(super) fn find(session: &Session, query: &str, columns: &[ColumnDesc]) -> Result<(Vec<Found>, Option<u64>)> {
    let mut list = Vec::with_capacity(columns.len() * 3);
    for column in columns {
        let name = sql::identifier(&column.name)?;
        list.extend([format!("MIN({name})"), format!("MAX({name})"), format!("MAX({})", scale_of(&name))]);
    }
    list.push("COUNT(*)".into());
    let (mut values, sql) = (Vec::new(), format!("SELECT {} FROM ({query}\n)", list.join(", ")));
    session.query_text(&sql, &mut |row| {
        values = row.to_vec();
        Ok(())
    })?;
    let (triples, _) = values.as_chunks::<3>();
    let rows = values.last().cloned().flatten().and_then(|rows| rows.parse().ok());
    Ok((columns.iter().zip(triples).map(|(column, triple)| found(column, triple)).collect(), rows))
}

/// Digits after the point as a CASE: most values end it at its first branches. NUMBER is decimal, so TRUNC changes nothing by itself.
fn scale_of(name: &str) -> String {
    let branches: Vec<String> = (0..=MOST_DIGITS).map(|digits| format!("WHEN {name} = TRUNC({name}, {digits}) THEN {digits}")).collect();
    format!("CASE WHEN {name} IS NULL THEN NULL {} ELSE {} END", branches.join(" "), MOST_DIGITS + 1)
}

fn found(column: &ColumnDesc, [lowest, highest, scale]: &[Option<String>; 3]) -> Found {
    let (data_type, why) = match (lowest, highest, scale.as_deref().and_then(|scale| scale.parse::<i32>().ok())) {
        (Some(lowest), Some(highest), Some(scale)) => {
            (narrowest(lowest, highest, scale), format!("its values need it ({lowest} to {highest})"))
        }
        _ => (OF_NOTHING, "it has no value to tell".to_owned()),
    };
    let spelled = if matches!(column.oracle_type, OracleType::Float { .. }) { "FLOAT" } else { "NUMBER without a scale" };
    let note = format!("column {} is {spelled} and read as {data_type}: {why}; for another type --as {}=TYPE", column.name, column.name);
    Found { column: column.name.clone(), data_type, note }
}

/// The type for all values between these two, of so many digits after the point.
fn narrowest(lowest: &str, highest: &str, scale: i32) -> DataType {
    let integer_digits =
        |text: &str| text.trim_start_matches('-').split('.').next().unwrap_or_default().trim_start_matches('0').len() as i32;
    let before = integer_digits(lowest).max(integer_digits(highest));
    let is_int64 = || lowest.parse::<i64>().is_ok() && highest.parse::<i64>().is_ok();
    match (before + scale, scale) {
        (..=9, 0) => DataType::Int32,
        (..=19, 0) if is_int64() => DataType::Int64,
        (digits @ ..=38, _) => DataType::Decimal128(digits.max(1) as u8, scale as i8),
        (digits @ ..=MOST_DIGITS, _) => DataType::Decimal256(digits as u8, scale as i8),
        _ => DataType::Utf8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_get_the_narrowest_type_that_holds_them() {
        for (lowest, highest, scale, expected) in [
            ("-5", "999999999", 0, "Int32"),
            ("-9223372036854775808", "0", 0, "Int64"),
            ("0", "9223372036854775808", 0, "Decimal128(19, 0)"),
            ("-12.5", "3", 1, "Decimal128(3, 1)"),
            ("0", "0.001", 3, "Decimal128(3, 3)"),
            ("0", &"9".repeat(38), 5, "Decimal256(43, 5)"),
            ("0", &"9".repeat(38), 39, "Utf8"),
            ("0", "1", 77, "Utf8"),
        ] {
            assert_eq!(narrowest(lowest, highest, scale).to_string(), expected, "{lowest} {highest} {scale}");
        }
    }

    #[test]
    fn a_column_of_nulls_has_a_type_too() {
        let column = ColumnDesc { name: "N".into(), oracle_type: OracleType::Float { binary_precision: 126 }, nullable: true };
        let found = found(&column, &[None, None, None]);
        assert_eq!(found.data_type, OF_NOTHING);
        assert!(found.note.contains("FLOAT") && found.note.contains("--as N=TYPE"));
    }
}
