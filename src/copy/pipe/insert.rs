//! From the array buffers of a fetch into those of an insert.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::fetch::{FetchedRows, Fetcher};
use crate::layout::{Layout, LongBinding, LongCells};
use crate::oci::{ArrayMode, ArrayRowError, ArrayStatement, LongValues, OciError, Session, Shape};

/// What became of the rows of a fetch.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) rows_affected: u64,
    pub(super) executes: u64,
    /// From buffer to buffer.
    pub(super) copy: Duration,
    /// In the client.
    pub(super) execute: Duration,
    /// The row that ended it, counted from the first of the fetch.
    pub(super) refused: Option<ArrayRowError>,
}

/// The inserting half of a pipe.
///
/// A value of a LOB is asked for by the client where it lies ([`LongBinding::Data`]). To that an empty one is NULL, so it goes as an empty locator:
/// the rows of a fetch are put together by which of their LOBs are empty.
pub(super) struct Insert<'s> {
    statement: ArrayStatement<'s>,
    layouts: Vec<Layout>,
    /// Indexes of the LOB columns.
    lobs: Vec<usize>,
    /// Which of `lobs` are bound for empty values; `None` before the first rows.
    bound_empty: Option<Vec<bool>>,
    capacity_rows: u32,
}

/// Rows of a fetch, by their indexes in it.
enum Rows {
    All(usize),
    Some(Vec<usize>),
}

impl<'s> Insert<'s> {
    pub(super) fn new(
        session: &'s Session,
        sql: &str,
        fetched: &[Layout],
        layouts: &[Layout],
        capacity_rows: u32,
    ) -> Result<Self, OciError> {
        let is_lob = |index: &usize| matches!(fetched[*index], Layout::Lob { .. });
        Ok(Insert {
            statement: session.array_statement(sql, layouts, capacity_rows)?,
            layouts: layouts.to_vec(),
            lobs: (0..layouts.len()).filter(is_lob).collect(),
            bound_empty: None,
            capacity_rows,
        })
    }

    /// Inserts the rows of a fetch, up to the first that the database refuses.
    pub(super) fn take(&mut self, source: &Fetcher<'_>, fetched: &FetchedRows) -> Result<Done, OciError> {
        let mut done = Done::default();
        for (empty, rows) in self.groups(source, fetched) {
            let began = Instant::now();
            self.bind(empty)?;
            self.copy(source, &fetched.rows, &rows);
            let long = self.lobs.iter().map(|&index| LongValues { index, values: rows.values(source, fetched, index) }).collect::<Vec<_>>();
            done.copy += began.elapsed();
            let began = Instant::now();
            let outcome = self.statement.execute_long(rows.len() as u32, ArrayMode::StopAtFirstError.into(), &long)?;
            done.execute += began.elapsed();
            done.executes += 1;
            done.rows_affected += outcome.rows_affected;
            if let Some(refused) = outcome.row_errors.into_iter().next() {
                let row_index = rows.at(refused.row_index as usize) as u32;
                done.refused = Some(ArrayRowError { row_index, ..refused });
                return Ok(done);
            }
        }
        Ok(done)
    }

    /// Rows that are bound alike, those first that need no other binding than the present one.
    fn groups(&self, source: &Fetcher<'_>, fetched: &FetchedRows) -> Vec<(Vec<bool>, Rows)> {
        let rows = fetched.rows.len();
        if self.lobs.is_empty() {
            return vec![(Vec::new(), Rows::All(rows))];
        }
        let mut groups: Vec<(Vec<bool>, Vec<usize>)> = Vec::new();
        groups.extend(self.bound_empty.clone().map(|bound| (bound, Vec::new())));
        for row in 0..rows {
            let is_empty = |&index: &usize| {
                let offsets = &fetched.lobs[index].offsets;
                offsets[row] == offsets[row + 1] && source.cells(index, fetched.rows.clone()).1[row] != -1
            };
            let empty: Vec<bool> = self.lobs.iter().map(is_empty).collect();
            match groups.iter_mut().find(|(known, _)| *known == empty) {
                Some((_, members)) => members.push(row),
                None => groups.push((empty, vec![row])),
            }
        }
        let used = groups.into_iter().filter(|(_, members)| !members.is_empty());
        used.map(|(empty, members)| if members.len() == rows { (empty, Rows::All(rows)) } else { (empty, Rows::Some(members)) }).collect()
    }

    fn bind(&mut self, empty: Vec<bool>) -> Result<(), OciError> {
        if self.lobs.is_empty() || self.bound_empty.as_ref() == Some(&empty) {
            return Ok(());
        }
        let shape = |index: usize| {
            let stride_bytes = self.layouts[index].stride_bytes();
            let binding = match self.lobs.iter().position(|&lob| lob == index) {
                None => LongBinding::Array,
                Some(place) if empty[place] => LongBinding::Locators { empty_is_temporary: false },
                Some(_) => LongBinding::Data,
            };
            Shape { stride_bytes, binding }
        };
        let shapes: Vec<Shape> = (0..self.layouts.len()).map(shape).collect();
        self.statement.rebind(&shapes, self.capacity_rows)?;
        self.bound_empty = Some(empty);
        Ok(())
    }

    /// Slots of NULLs hold leftovers on both sides.
    fn copy(&mut self, source: &Fetcher<'_>, fetched: &Range<usize>, rows: &Rows) {
        for index in (0..self.layouts.len()).filter(|index| !self.lobs.contains(index)) {
            let (cells, indicators) = source.cells(index, fetched.clone());
            let slots = self.statement.slots(index, 0..rows.len());
            match rows {
                Rows::All(_) => {
                    slots.indicators.copy_from_slice(indicators);
                    slots.values.copy_from_slice(cells.values);
                    slots.lengths.copy_from_slice(cells.lengths);
                }
                Rows::Some(members) => {
                    for (to, &from) in members.iter().enumerate() {
                        slots.indicators[to] = indicators[from];
                        let value = &cells.values[from * cells.stride_bytes..][..cells.stride_bytes];
                        slots.values[to * slots.stride_bytes..][..cells.stride_bytes].copy_from_slice(value);
                        if let Some(length) = cells.lengths.get(from) {
                            slots.lengths[to] = *length;
                        }
                    }
                }
            }
        }
    }
}

impl Rows {
    fn len(&self) -> usize {
        match self {
            Rows::All(rows) => *rows,
            Rows::Some(members) => members.len(),
        }
    }

    /// The index in the fetch of row `index` of these.
    fn at(&self, index: usize) -> usize {
        match self {
            Rows::All(_) => index,
            Rows::Some(members) => members.get(index).copied().unwrap_or(index),
        }
    }

    /// The LOBs of column `column`, where they lie.
    fn values<'f>(&self, source: &Fetcher<'_>, fetched: &'f FetchedRows, column: usize) -> Vec<Option<&'f [u8]>> {
        let (_, indicators) = source.cells(column, fetched.rows.clone());
        let LongCells { bytes, offsets } = &fetched.lobs[column];
        let value = |row: usize| (indicators[row] != -1).then(|| &bytes[offsets[row] as usize..offsets[row + 1] as usize]);
        (0..self.len()).map(|index| value(self.at(index))).collect()
    }
}
