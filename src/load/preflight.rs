//! Every value of a source that a load would refuse, or that the database would refuse for its type, before a row moves.
//!
//! What is asked is what a load asks: the converters write into buffers like those of a statement, and say which value they refuse. What they leave to
//! the database is looked at in what they have written: NULL, and digits before the point.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat, take};

use crate::column::ValueError;
use crate::error::{Error, Phase, RefusedValues, RowError};

use super::blame::{ORA_PRECISION, exceeds_precision};
use super::dml::Dml;
use super::filler::refused;
use super::plan::{LoadPlan, PlannedColumn};
use super::screen::screen_column;

/// NULL into a NOT NULL column.
const ORA_NULL: i32 = 1400;
/// The same in an UPDATE.
const ORA_UPDATE_TO_NULL: i32 = 1407;

/// Looks at the batches of a source.
pub struct Preflight {
    table: String,
    dml: Dml,
    columns: Vec<PlannedColumn>,
    /// By column: the database refuses NULL.
    is_not_null: Vec<bool>,
    found: Vec<Option<RefusedValues>>,
    rows_refused: u64,
}

/// Which of the rows of a batch are refused for one column, and why; ascending.
type Refusals = Vec<(usize, RowError)>;

impl Preflight {
    /// For the columns of `plan`; `not_null` are those of the table that take no NULL.
    pub fn new(plan: LoadPlan, not_null: &[&str]) -> Self {
        Preflight {
            table: plan.table.to_string(),
            dml: plan.dml,
            is_not_null: plan.columns.iter().map(|column| not_null.contains(&column.target.as_str())).collect(),
            found: plan.columns.iter().map(|_| None).collect(),
            columns: plan.columns,
            rows_refused: 0,
        }
    }

    /// Looks at all values of a batch whose first row has the number `first_row`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a batch of other columns than were planned.
    pub fn check(&mut self, batch: &RecordBatch, file: Option<&Arc<Path>>, first_row: u64) -> Result<(), Error> {
        let mut is_refused = vec![false; batch.num_rows()];
        let is_deleted = self.deleted_rows(batch);
        for index in 0..self.columns.len() {
            let refusals = self.check_column(index, batch, &is_deleted, file, first_row)?;
            let Some((_, first)) = refusals.first() else { continue };
            let column = &self.columns[index];
            let found = self.found[index].get_or_insert_with(|| RefusedValues {
                column: column.target.clone(),
                oracle_type: column.target_type.to_string(),
                source_column: column.source.clone(),
                rows: 0,
                first: first.clone(),
            });
            found.rows += refusals.len() as u64;
            refusals.iter().for_each(|(row, _)| is_refused[*row] = true);
        }
        self.rows_refused += is_refused.into_iter().filter(|refused| *refused).count() as u64;
        Ok(())
    }

    /// Rows with at least one value that is refused.
    pub fn rows_refused(&self) -> u64 {
        self.rows_refused
    }

    /// What was found, by column.
    pub fn finish(self) -> Vec<RefusedValues> {
        self.found.into_iter().flatten().collect()
    }

    /// In an upsert the rows whose mark says that they are deleted: of them only the key is used.
    fn deleted_rows(&mut self, batch: &RecordBatch) -> Vec<bool> {
        let mut is_deleted = vec![false; batch.num_rows()];
        if let Some(mark) = self.columns.iter_mut().find(|column| column.is_mark) {
            let array = batch.column(mark.source_index).clone();
            screen_column(mark, &array, &mut |_| {}, &mut |row, value| is_deleted[row] = value == Some(&[1_u8][..]));
        }
        is_deleted
    }

    fn check_column(
        &mut self,
        index: usize,
        batch: &RecordBatch,
        is_deleted: &[bool],
        file: Option<&Arc<Path>>,
        first_row: u64,
    ) -> Result<Refusals, Error> {
        let array = batch.columns().get(self.columns[index].source_index).cloned().ok_or_else(|| Error::Usage {
            message: format!("{}: a batch has {} columns, fewer than were planned", self.table, batch.num_columns()),
            remedy: "plan again".into(),
        })?;
        let (mut refusals, mut places, mut made) = (Vec::new(), None, array.clone());
        if let Some(preparation) = &self.columns[index].preparation {
            match preparation.apply(&array) {
                Ok(whole) => made = whole,
                Err(_) => {
                    let (good, rest) = self.made_one_by_one(index, &array, &mut refusals);
                    (made, places) = (rest, Some(good));
                }
            }
        }
        let place = |row: usize| places.as_ref().map_or(row, |places: &Vec<usize>| places[row]);
        let column = &mut self.columns[index];
        let (mut bad, mut by_database): (Vec<ValueError>, Vec<(usize, i32)>) = (Vec::new(), Vec::new());
        let (layout, target_type, dml) = (column.layout, column.target_type.clone(), self.dml);
        let is_not_null = self.is_not_null[index] && !column.is_mark;
        let is_used = |row: usize, is_key: bool| is_key || !is_deleted[place(row)];
        let is_key = column.is_key;
        screen_column(column, &made, &mut |error| bad.push(error), &mut |row, value| match value {
            _ if !is_used(row, is_key) => {}
            None if is_not_null => by_database.push((row, if dml == Dml::Update { ORA_UPDATE_TO_NULL } else { ORA_NULL })),
            Some(slot) if exceeds_precision(&target_type, layout, slot) => by_database.push((row, ORA_PRECISION)),
            _ => {}
        });
        let column = &self.columns[index];
        for error in bad {
            let row = place(error.row_index);
            refusals.push((row, refused(&self.table, column, file, first_row, ValueError { row_index: row, ..error })));
        }
        for (row, ora_code) in by_database {
            let row = place(row);
            refusals.push((row, self.refused_by_database(column, ora_code, file, first_row + row as u64)));
        }
        for (row, error) in &mut refusals {
            error.source.row = first_row + *row as u64;
            error.source.file = file.map(|file| file.to_path_buf());
        }
        refusals.sort_by_key(|(row, _)| *row);
        refusals.dedup_by_key(|(row, _)| *row);
        Ok(refusals)
    }

    /// The values that can be made of the others, and which they are; those that cannot go to `refusals`.
    fn made_one_by_one(&self, index: usize, array: &ArrayRef, refusals: &mut Refusals) -> (Vec<usize>, ArrayRef) {
        let column = &self.columns[index];
        let (mut good, mut made): (Vec<usize>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
        let Some(preparation) = &column.preparation else { return (good, array.clone()) };
        for row in 0..array.len() {
            match preparation.apply(&array.slice(row, 1)) {
                Ok(one) => {
                    good.push(row);
                    made.push(one);
                }
                Err(error) => refusals.push((row, refused(&self.table, column, None, 0, ValueError { row_index: row, ..error }))),
            }
        }
        let made: Vec<&dyn Array> = made.iter().map(|one| one.as_ref()).collect();
        match concat(&made) {
            Ok(made) => (good, made),
            // Nothing is left to look at.
            Err(_) => (Vec::new(), take(array, &UInt32Array::from(Vec::<u32>::new()), None).unwrap_or_else(|_| array.slice(0, 0))),
        }
    }

    fn refused_by_database(&self, column: &PlannedColumn, ora_code: i32, file: Option<&Arc<Path>>, row: u64) -> RowError {
        let (target, target_type) = (&column.target, &column.target_type);
        let message = match ora_code {
            ORA_PRECISION => {
                format!("the database would refuse it (ORA-01438): more digits before the point than {target} {target_type} takes")
            }
            code => format!("the database would refuse it (ORA-{code:05}): NULL, and {target} is NOT NULL"),
        };
        RowError {
            phase: Phase::Execute,
            table: self.table.clone(),
            column: Some(target.clone()),
            rowid: None,
            source: crate::error::SourceRow { file: file.map(|file| file.to_path_buf()), row },
            ora_code: Some(ora_code),
            message,
            remedy: crate::oci::remedy(ora_code).to_owned(),
        }
    }
}
