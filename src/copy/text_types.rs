//! What the columns of CSV and NDJSON are read as when they go into a table that is there.

use arrow::datatypes::{DataType, TimeUnit};

use super::matching::{Selected, match_table};
use crate::lake::source::Source;
use crate::oracle_type::{OracleType, TableDesc};
use crate::type_map::default_arrow_type;

/// Columns whose type nobody has said are read as the columns of the table need it. (Of names that match nothing, the matching that follows speaks.)
pub(super) fn decide_by_table(source: &mut Source, selected: &[Selected], table: &TableDesc) {
    let schema = source.schema().clone();
    for pair in match_table(&schema, selected, table, &mut Vec::new()) {
        source.decide(pair.source_index, read_as(&pair.target.oracle_type));
    }
}

/// The type that holds every value of a column and refuses what the column would not take as it is.
fn read_as(oracle_type: &OracleType) -> DataType {
    match oracle_type {
        // 38 digits on either side of the point: more than a NUMBER has in all.
        OracleType::Number { scale: None, .. } | OracleType::Float { .. } => DataType::Decimal256(76, 38),
        OracleType::Timestamp { fractional_digits: 0 } | OracleType::Date => DataType::Timestamp(TimeUnit::Second, None),
        // A type that is not loaded is refused by the plan, whatever is read.
        other => default_arrow_type(other).unwrap_or(DataType::Utf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_and_moment_of_the_table_can_be_read() {
        assert_eq!(read_as(&OracleType::Number { precision: None, scale: None }), DataType::Decimal256(76, 38));
        assert_eq!(read_as(&OracleType::Number { precision: Some(9), scale: Some(2) }), DataType::Decimal128(9, 2));
        assert_eq!(read_as(&OracleType::Date), DataType::Timestamp(TimeUnit::Second, None));
        assert_eq!(read_as(&OracleType::Raw { max_bytes: 16 }), DataType::Binary);
    }
}
