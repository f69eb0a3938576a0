//! Which columns may have minima and maxima in the log. deltalake 1.1 writes those of decimals through a 64-bit float: a reader that trusts them
//! skips files that hold the row it looks for, so that a MERGE inserts a key that is there and a DELETE misses it. Exact are decimals of scale 0
//! that fit 64 bits, and those of at most 15 digits.

use arrow::datatypes::{DataType, Field, Schema};
use parquet::file::properties::{EnabledStatistics, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

/// Property that lists the columns with statistics.
pub(crate) const STATS_COLUMNS: &str = "delta.dataSkippingStatsColumns";
/// Property that says how many of the first columns have them, where the other is not set.
pub(crate) const NUM_INDEXED: &str = "delta.dataSkippingNumIndexedCols";
/// Field metadata of a column-mapped table.
const PHYSICAL_NAME: &str = "delta.columnMapping.physicalName";
/// The default of the latter.
const DEFAULT_INDEXED: usize = 32;

fn is_exact(of: &DataType) -> bool {
    match of {
        DataType::Decimal128(precision, scale) => *precision <= 15 || (*scale == 0 && *precision <= 18),
        _ => true,
    }
}

fn leaves<'a>(fields: impl IntoIterator<Item = &'a Field>, path: &[String], found: &mut Vec<(Vec<String>, DataType)>) {
    for field in fields {
        let path: Vec<String> = path.iter().cloned().chain([field.name().clone()]).collect();
        match field.data_type() {
            DataType::Struct(inner) => leaves(inner.iter().map(AsRef::as_ref), &path, found),
            other => found.push((path, other.clone())),
        }
    }
}

fn all_leaves(schema: &Schema) -> Vec<(Vec<String>, DataType)> {
    let mut found = Vec::new();
    leaves(schema.fields().iter().map(AsRef::as_ref), &[], &mut found);
    found
}

/// Paths of the columns whose statistics would not be exact.
pub(crate) fn inexact_columns(schema: &Schema) -> Vec<Vec<String>> {
    all_leaves(schema).into_iter().filter(|(_, of)| !is_exact(of)).map(|(path, _)| path).collect()
}

/// The same by the names that files and the log have, which differ on a table with column mapping.
pub(crate) fn inexact_physical(schema: &Schema) -> Vec<Vec<String>> {
    let physical = Schema::new(schema.fields().iter().map(|field| physical(field)).collect::<Vec<_>>());
    inexact_columns(&physical)
}

fn physical(field: &Field) -> Field {
    let name = field.metadata().get(PHYSICAL_NAME).unwrap_or(field.name());
    let of = match field.data_type() {
        DataType::Struct(inner) => DataType::Struct(inner.iter().map(|field| physical(field)).collect()),
        other => other.clone(),
    };
    Field::new(name, of, field.is_nullable())
}

/// The properties that keep every writer from writing inexact statistics into a table of this schema; none where all are exact.
pub(crate) fn properties(schema: &Schema, partition_columns: &[String]) -> Option<(&'static str, String)> {
    if inexact_columns(schema).is_empty() { None } else { Some(listed(schema, partition_columns)) }
}

/// The property that lists the columns of a schema whose statistics are exact, or says that there are none.
pub(crate) fn listed(schema: &Schema, partition_columns: &[String]) -> (&'static str, String) {
    let has_order = |of: &DataType| !matches!(of, DataType::Binary | DataType::List(_) | DataType::Map(..));
    let listed: Vec<String> = all_leaves(schema)
        .into_iter()
        .filter(|(path, of)| is_exact(of) && has_order(of) && !partition_columns.contains(&path[0]))
        .take(DEFAULT_INDEXED)
        .map(|(path, _)| path.iter().map(|part| quoted(part)).collect::<Vec<_>>().join("."))
        .collect();
    match listed.is_empty() {
        true => (NUM_INDEXED, "0".into()),
        false => (STATS_COLUMNS, listed.join(",")),
    }
}

pub(crate) fn quoted(name: &str) -> String {
    match name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        true => name.to_owned(),
        false => format!("`{}`", name.replace('`', "``")),
    }
}

/// No statistics for the inexact columns in the files that we write: the log's are made from them. For tables that others have made too.
pub(crate) fn without_inexact(mut builder: WriterPropertiesBuilder, schema: &Schema) -> WriterPropertiesBuilder {
    for path in inexact_physical(schema) {
        builder = builder.set_column_statistics_enabled(ColumnPath::new(path), EnabledStatistics::None);
    }
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_decimals_have_no_statistics_and_all_else_keeps_them() {
        let schema = Schema::new(vec![
            Field::new("id", DataType::Decimal128(38, 0), false),
            Field::new("small", DataType::Decimal128(18, 0), false),
            Field::new("money", DataType::Decimal128(15, 2), false),
            Field::new("precise", DataType::Decimal128(18, 4), false),
            Field::new("a.b", DataType::Utf8, false),
            Field::new("blob", DataType::Binary, false),
            Field::new(
                "s",
                DataType::Struct(vec![Field::new("x", DataType::Int64, true), Field::new("y", DataType::Decimal128(20, 0), true)].into()),
                true,
            ),
        ]);
        let (key, value) = properties(&schema, &[]).unwrap();
        assert_eq!((key, value.as_str()), (STATS_COLUMNS, "small,money,`a.b`,s.x"));
        assert_eq!(properties(&schema, &["small".into()]).unwrap().1, "money,`a.b`,s.x");
        let paths: Vec<String> = inexact_columns(&schema).iter().map(|path| path.join("/")).collect();
        assert_eq!(paths, ["id", "precise", "s/y"]);
    }

    #[test]
    fn a_table_without_wide_decimals_is_left_alone_and_one_of_nothing_else_has_none() {
        assert_eq!(properties(&Schema::new(vec![Field::new("id", DataType::Int64, false)]), &[]), None);
        let only = Schema::new(vec![Field::new("id", DataType::Decimal128(38, 0), false)]);
        assert_eq!(properties(&only, &[]), Some((NUM_INDEXED, "0".into())));
    }
}
