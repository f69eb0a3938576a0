//! The order that a file's rows are said to have: written beside them only because every row was looked at.

use std::cmp::Ordering;
use std::path::Path;
use std::str::FromStr;

use arrow::array::{DynComparator, RecordBatch, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::Schema;
use parquet::file::metadata::SortingColumn;

use crate::error::{Error, Phase, Result};
use crate::lake::source_error;

/// A column of an order; NULLs come last.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SortKey {
    /// The column.
    pub column: String,
    /// From the highest to the lowest.
    pub descending: bool,
}

impl FromStr for SortKey {
    type Err = Error;

    /// `A`, `A ASC`, `A DESC`.
    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (column, order) = match words[..] {
            [column] => (column, "ASC"),
            [column, order] => (column, order),
            _ => ("", ""),
        };
        match order.to_ascii_uppercase().as_str() {
            "ASC" => Ok(SortKey { column: column.to_owned(), descending: false }),
            "DESC" => Ok(SortKey { column: column.to_owned(), descending: true }),
            _ => Err(Error::Usage { message: format!("{text:?} is no column to sort by"), remedy: "A,B DESC".into() }),
        }
    }
}

/// Where the columns of an order are among those of `schema`.
///
/// # Errors
/// A column that is not there.
fn places(schema: &Schema, keys: &[SortKey]) -> Result<Vec<usize>> {
    let place = |key: &SortKey| {
        let same = |name: &str| name == key.column || name == key.column.to_ascii_uppercase();
        schema.fields().iter().position(|field| same(field.name())).ok_or_else(|| Error::Usage {
            message: format!("--sorted-by {}: the file has no such column", key.column),
            remedy: "name columns of the file; those of --partition-by are none".into(),
        })
    };
    keys.iter().map(place).collect()
}

/// The order for the footer.
///
/// # Errors
/// A column that is not there.
pub(super) fn sorting_columns(schema: &Schema, keys: &[SortKey]) -> Result<Option<Vec<SortingColumn>>> {
    // Exported columns are not nested, so that leaves and fields are the same.
    let of = |(place, key): (usize, &SortKey)| SortingColumn { column_idx: place as i32, descending: key.descending, nulls_first: false };
    let columns: Vec<SortingColumn> = places(schema, keys)?.into_iter().zip(keys).map(of).collect();
    Ok((!columns.is_empty()).then_some(columns))
}

/// Looks at every row as it is written.
#[derive(Debug)]
pub(super) struct OrderCheck {
    places: Vec<usize>,
    keys: Vec<SortKey>,
    /// The last row before.
    last: Option<RecordBatch>,
    rows: u64,
}

impl OrderCheck {
    /// `None` where no order is said.
    ///
    /// # Errors
    /// A column that is not there.
    pub(super) fn new(schema: &Schema, keys: &[SortKey]) -> Result<Option<Self>> {
        let places = places(schema, keys)?;
        Ok((!keys.is_empty()).then(|| OrderCheck { places, keys: keys.to_vec(), last: None, rows: 0 }))
    }

    /// The next rows.
    ///
    /// # Errors
    /// [`Error::Source`] for the first row that comes before the one before it.
    pub(super) fn see(&mut self, path: &Path, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let refused = |message: String, remedy| source_error(Phase::Write, path, message, remedy);
        let unordered = |error: arrow::error::ArrowError| refused(error.to_string(), "leave the column out of --sorted-by");
        if let Some(last) = &self.last {
            let across = self.comparators(last, batch).map_err(unordered)?;
            self.check(&across, 0, 0).then_some(()).ok_or_else(|| self.out_of_order(path, 0))?;
        }
        let within = self.comparators(batch, batch).map_err(unordered)?;
        let bad = (1..batch.num_rows()).find(|&row| !self.check(&within, row - 1, row));
        if let Some(row) = bad {
            return Err(self.out_of_order(path, row));
        }
        self.rows += batch.num_rows() as u64;
        self.last = Some(batch.slice(batch.num_rows() - 1, 1));
        Ok(())
    }

    fn comparators(&self, left: &RecordBatch, right: &RecordBatch) -> Result<Vec<DynComparator>, arrow::error::ArrowError> {
        let of = |(&place, key): (&usize, &SortKey)| {
            let options = SortOptions { descending: key.descending, nulls_first: false };
            make_comparator(left.column(place), right.column(place), options)
        };
        self.places.iter().zip(&self.keys).map(of).collect()
    }

    fn check(&self, comparators: &[DynComparator], left: usize, right: usize) -> bool {
        let order = comparators.iter().map(|compare| compare(left, right)).find(|order| *order != Ordering::Equal);
        order != Some(Ordering::Greater)
    }

    fn out_of_order(&self, path: &Path, row: usize) -> Error {
        let keys: Vec<String> =
            self.keys.iter().map(|key| format!("{}{}", key.column, if key.descending { " DESC" } else { "" })).collect();
        let message = format!("row {} is not in the order of --sorted-by {}", self.rows + row as u64 + 1, keys.join(","));
        let remedy =
            "sort the rows: --order-by, or ORDER BY in --query (of text with NLS_SORT = BINARY, NULLS LAST); or leave out --sorted-by";
        source_error(Phase::Write, path, message, remedy)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, StringArray};

    use super::*;

    fn batch(numbers: &[Option<i32>], texts: &[&str]) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int32Array::from(numbers.to_vec()));
        let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        RecordBatch::try_from_iter_with_nullable([("N", numbers, true), ("T", texts, true)]).unwrap()
    }

    fn see(keys: &str, batches: &[RecordBatch]) -> Result<()> {
        let keys: Vec<SortKey> = keys.split(',').map(|key| key.parse().unwrap()).collect();
        let mut check = OrderCheck::new(&batches[0].schema(), &keys)?.unwrap();
        batches.iter().try_for_each(|batch| check.see(Path::new("f"), batch))
    }

    #[test]
    fn rows_are_compared_within_batches_and_across_them() {
        let first = batch(&[Some(1), Some(1), Some(3)], &["b", "b", "a"]);
        see("n,T", &[first.clone(), batch(&[Some(3), None, None], &["c", "a", "b"])]).unwrap();
        let message = |keys, batches: &[RecordBatch]| see(keys, batches).unwrap_err().to_string();
        assert!(
            message("N,T DESC", &[first.clone(), batch(&[Some(3)], &["b"])]).contains("row 4 is not in the order of --sorted-by N,T DESC")
        );
        assert!(message("T", std::slice::from_ref(&first)).contains("row 3"));
        assert!(message("N", &[batch(&[None, Some(1)], &["a", "a"])]).contains("row 2"));
        assert!(message("X", &[first]).contains("no such column"));
    }

    #[test]
    fn an_order_is_a_column_and_a_direction() {
        assert_eq!("A desc".parse::<SortKey>().unwrap(), SortKey { column: "A".into(), descending: true });
        for bad in ["", "A B", "A ASC NULLS"] {
            assert!(bad.parse::<SortKey>().is_err(), "{bad}");
        }
    }
}
