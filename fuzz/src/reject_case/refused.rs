//! The reject file.

use std::fs::File;
use std::path::Path;

use olbridge::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use olbridge::arrow::compute::{concat_batches, sort_to_indices, take};
use olbridge::arrow::datatypes::{Int32Type, Int64Type, UInt64Type};
use olbridge::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::case::Case;
use super::column::Kind;

/// A row of the reject file.
#[derive(Debug)]
pub(super) struct Refused {
    /// 1-based.
    pub(super) row: u64,
    pub(super) phase: String,
    pub(super) column: Option<String>,
    pub(super) ora_code: Option<i32>,
}

/// The rows of the file by number, after their values have been compared with the source.
pub(super) fn refused(path: &Path, case: &Case) -> Vec<Refused> {
    if case.as_parquet { refused_parquet(path, case) } else { refused_lines(path, case) }
}

pub(super) fn refused_parquet(path: &Path, case: &Case) -> Vec<Refused> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("the file")).expect("Parquet");
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().expect("a reader").map(|batch| batch.expect("rows")).collect();
    let all = concat_batches(&schema, &batches).expect("one schema");
    let order = sort_to_indices(all.column_by_name("_reject_row").expect("a number"), None, None).expect("an order");
    let column = |name: &str| take(all.column_by_name(name).unwrap_or_else(|| panic!("{name}")), &order, None).expect("rows");
    let rows = column("_reject_row");
    let rows = rows.as_primitive::<UInt64Type>();
    let source = case.only(&rows.values().iter().map(|row| row - 1).collect::<Vec<_>>());
    for field in source.schema().fields() {
        assert_eq!(&column(field.name()), source.column_by_name(field.name()).expect("a column"), "{} of the refused rows", field.name());
    }
    let (phases, columns, codes) = (column("_reject_phase"), column("_reject_column"), column("_reject_ora_code"));
    let text = |array: &ArrayRef, row: usize| array.is_valid(row).then(|| array.as_string::<i32>().value(row).to_owned());
    (0..rows.len())
        .map(|row| Refused {
            row: rows.value(row),
            phase: text(&phases, row).expect("a phase"),
            column: text(&columns, row),
            ora_code: codes.is_valid(row).then(|| codes.as_primitive::<Int32Type>().value(row)),
        })
        .collect()
}

pub(super) fn refused_lines(path: &Path, case: &Case) -> Vec<Refused> {
    let text = std::fs::read_to_string(path).expect("the file");
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    lines.sort_by_key(|line| line["_reject_row"].as_u64());
    let refused = lines.iter().map(|line| {
        let row = line["_reject_row"].as_u64().expect("a number");
        assert_eq!(line["row_id"].as_u64(), Some(row), "the row is another");
        for (index, array) in case.source.columns().iter().enumerate().skip(1) {
            let found = &line[&format!("c{}", index - 1)];
            let row = row as usize - 1;
            let is_same = match case.columns[index - 1].kind {
                _ if array.is_null(row) => found.is_null(),
                Kind::Text(_) | Kind::Long => found.as_str() == Some(array.as_string::<i32>().value(row)),
                Kind::Whole(_) | Kind::Checked | Kind::Child | Kind::Unique => {
                    found.as_i64() == Some(array.as_primitive::<Int64Type>().value(row))
                }
                // NaN is no JSON number; the others have several spellings.
                _ => true,
            };
            assert!(is_same, "column {index} of row {row} is {found}");
        }
        Refused {
            row,
            phase: line["_reject_phase"].as_str().expect("a phase").to_owned(),
            column: line["_reject_column"].as_str().map(str::to_owned),
            ora_code: line["_reject_ora_code"].as_i64().map(|code| code as i32),
        }
    });
    refused.collect()
}
