//! Rows by the values of columns, which become `column=value` directories as hive writes them.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema};

use crate::error::{Error, Phase, Result};
use crate::lake::discover::HIVE_NULL;
use crate::lake::source_error;
use crate::lake::text::{Form, column_text};

/// The partition columns of a schema, in the order in which their directories lie.
pub(super) struct Partitioning {
    columns: Vec<usize>,
    names: Vec<String>,
}

impl Partitioning {
    pub(super) fn new(path: &Path, schema: &Schema, wanted: &[String]) -> Result<Self> {
        let problem = |message: String, remedy: &str| source_error(Phase::Plan, path, message, remedy);
        let mut columns: Vec<usize> = Vec::with_capacity(wanted.len());
        for name in wanted {
            let exact = schema.fields().iter().position(|field| field.name() == name);
            let found = exact.or_else(|| schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name)));
            let Some(column) = found.filter(|column| !columns.contains(column)) else {
                return Err(problem(format!("--partition-by {name}: no such column, or named twice"), "name columns that are copied"));
            };
            let data_type = schema.field(column).data_type();
            if !is_partitionable(data_type) {
                let message = format!("--partition-by {name}: directories cannot be named by {data_type} values exactly");
                return Err(problem(message, "partition by integers, text, dates or booleans"));
            }
            columns.push(column);
        }
        if columns.len() == schema.fields().len() {
            return Err(problem(
                "all columns are partition columns, so none is left for the files".into(),
                "leave one out of --partition-by",
            ));
        }
        let names = columns.iter().map(|&column| percent_encode(schema.field(column).name())).collect();
        Ok(Partitioning { columns, names })
    }

    /// Columns that are in the files.
    pub(super) fn inner_columns(&self, columns: usize) -> Vec<usize> {
        (0..columns).filter(|column| !self.columns.contains(column)).collect()
    }

    pub(super) fn inner_schema(&self, schema: &Schema) -> Schema {
        let fields: Vec<FieldRef> =
            self.inner_columns(schema.fields().len()).into_iter().map(|column| schema.fields()[column].clone()).collect();
        Schema::new_with_metadata(fields, schema.metadata().clone())
    }

    /// The rows of each directory, in the order of their first rows.
    pub(super) fn split(&self, path: &Path, batch: &RecordBatch) -> Result<Vec<(String, Vec<u32>)>> {
        let texts = self.columns.iter().map(|&column| column_text(batch.column(column), Form::Json));
        let texts = texts.collect::<std::result::Result<Vec<_>, _>>();
        let texts = texts.map_err(|error| source_error(Phase::Write, path, error.to_string(), "partition by another column"))?;
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut parts: Vec<(String, Vec<u32>)> = Vec::new();
        let mut key = Vec::new();
        for row in 0..batch.num_rows() {
            key.clear();
            for text in &texts {
                key.extend_from_slice(text.cell(row));
                // No byte of JSON.
                key.push(0);
            }
            let place = match places.get(&key) {
                Some(place) => *place,
                None => {
                    let cells: Vec<&[u8]> = texts.iter().map(|text| text.cell(row)).collect();
                    parts.push((self.directory(path, &cells)?, Vec::new()));
                    places.insert(key.clone(), parts.len() - 1);
                    parts.len() - 1
                }
            };
            parts[place].1.push(row as u32);
        }
        Ok(parts)
    }

    /// `year=2024/country=DE` of JSON values.
    fn directory(&self, path: &Path, cells: &[&[u8]]) -> Result<String> {
        let mut parts = Vec::with_capacity(cells.len());
        for (name, cell) in self.names.iter().zip(cells) {
            let value = match *cell {
                b"null" => HIVE_NULL.to_owned(),
                quoted if quoted.first() == Some(&b'"') => match serde_json::from_slice::<String>(quoted).unwrap_or_default() {
                    text if text.is_empty() || text == HIVE_NULL => return Err(ambiguous(path, name, &text)),
                    text => percent_encode(&text),
                },
                plain => percent_encode(&String::from_utf8_lossy(plain)),
            };
            parts.push(format!("{name}={value}"));
        }
        Ok(parts.join("/"))
    }
}

fn ambiguous(path: &Path, name: &str, text: &str) -> Error {
    let message = format!("--partition-by {name}: the value {text:?} would be read as NULL");
    source_error(Phase::Write, path, message, "partition by another column, or replace the value in --query")
}

fn is_partitionable(data_type: &DataType) -> bool {
    use DataType::*;
    match data_type {
        Dictionary(_, values) => is_partitionable(values),
        Timestamp(_, None) | Boolean | Date32 | Utf8 | LargeUtf8 | Utf8View => true,
        Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => true,
        other => other.is_integer(),
    }
}

/// Everything but letters, digits, `-`, `_` and `.` as `%41`; letters of other scripts stay.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') => encoded.push(c),
            c => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| encoded.push_str(&format!("%{byte:02X}"))),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array, Int64Array, StringArray};

    use super::*;
    use crate::percent::decode as percent_decode;

    fn batch() -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(Int64Array::from_iter_values(0..4)) as ArrayRef, false),
            ("c", Arc::new(StringArray::from(vec![Some("a/b=c %"), None, Some("null"), Some("a/b=c %")])), true),
            ("d", Arc::new(Date32Array::from(vec![0, 0, 1, 0])), true),
        ])
        .unwrap()
    }

    #[test]
    fn rows_go_to_the_directory_of_their_values() {
        let partitioning = Partitioning::new(Path::new("t"), &batch().schema(), &["D".into(), "c".into()]).unwrap();
        let parts = partitioning.split(Path::new("t"), &batch()).unwrap();
        let want = [
            ("d=1970-01-01/c=a%2Fb%3Dc%20%25", vec![0, 3]),
            ("d=1970-01-01/c=__HIVE_DEFAULT_PARTITION__", vec![1]),
            ("d=1970-01-02/c=null", vec![2]),
        ];
        assert_eq!(parts, want.map(|(directory, rows)| (directory.to_owned(), rows)));
        assert_eq!(partitioning.inner_schema(&batch().schema()).fields().len(), 1);
        assert_eq!(percent_decode("a%2Fb%3Dc%20%25"), "a/b=c %");
    }

    #[test]
    fn what_would_not_come_back_is_refused() {
        let of = |names: &[&str]| {
            Partitioning::new(Path::new("t"), &batch().schema(), &names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).map(drop)
        };
        assert!(of(&["nope"]).is_err() && of(&["id", "ID"]).is_err() && of(&["id", "c", "d"]).is_err());
        let empty = RecordBatch::try_from_iter([
            ("c", Arc::new(StringArray::from(vec![""])) as ArrayRef),
            ("x", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ]);
        let empty = empty.unwrap();
        let partitioning = Partitioning::new(Path::new("t"), &empty.schema(), &["c".into()]).unwrap();
        assert!(partitioning.split(Path::new("t"), &empty).unwrap_err().to_string().contains("NULL"));
    }
}
