//! A table, its rows, and which of them are bad.

use std::collections::BTreeSet;
use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt64Array};
use olbridge::arrow::compute::take_record_batch;
use olbridge::arrow::datatypes::{Field, Schema};

use super::column::{Cell, Column, Decisions, Flaw, Kind};

const MAX_COLUMNS: usize = 6;
const MAX_ROWS: usize = 400;

/// What is wrong with a row; several things may be.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    /// Column index and flaw.
    pub(super) flaws: Vec<(usize, Flaw)>,
}

impl Verdict {
    pub(super) fn is_bad(&self) -> bool {
        !self.flaws.is_empty()
    }

    pub(super) fn in_conversion(&self) -> bool {
        self.flaws.iter().any(|(_, flaw)| *flaw == Flaw::Convert)
    }
}

/// What a bad row does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mode {
    Abort,
    /// With as many as may be refused.
    Reject(Option<u64>),
}

/// A table, its rows and how they are loaded.
pub(super) struct Case {
    pub(super) columns: Vec<Column>,
    pub(super) source: RecordBatch,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) row_group_rows: usize,
    pub(super) batch_rows: u32,
    pub(super) batch_bytes: usize,
    pub(super) overlap: bool,
    pub(super) as_parquet: bool,
    pub(super) mode: Mode,
}

impl Case {
    pub(super) fn arbitrary(decisions: &mut Decisions<'_>) -> Self {
        let columns: Vec<Column> = (0..1 + decisions.below(MAX_COLUMNS)).map(|_| Column::arbitrary(decisions)).collect();
        let row_group_rows = 1 + decisions.below(200);
        let batch_rows = 1 + decisions.below(100) as u32;
        let batch_bytes = [2 << 20, 4_096, 1][decisions.below(3)];
        let (overlap, as_parquet) = (decisions.one_in(2), decisions.one_in(2));
        let (limit, offset) = (decisions.below(6), decisions.below(3) as u64);
        let flawed_one_in = [20, 200, 5, 1][decisions.below(4)];
        let (cells, verdicts) = rows(&columns, decisions.below(MAX_ROWS), flawed_one_in, decisions);
        let bad = verdicts.iter().filter(|verdict| verdict.is_bad()).count() as u64;
        let mode = match limit {
            0..=2 => Mode::Reject(None),
            3 | 4 => Mode::Reject(Some((bad + offset).saturating_sub(1))),
            _ => Mode::Abort,
        };
        let row_id: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=verdicts.len() as i64));
        let mut fields = vec![Field::new("row_id", row_id.data_type().clone(), true)];
        let mut arrays = vec![row_id];
        for (index, column) in columns.iter().enumerate() {
            let array = column.array(cells.iter().map(|row| row[index].clone()));
            fields.push(Field::new(format!("c{index}"), array.data_type().clone(), true));
            arrays.push(array);
        }
        let source = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length");
        Case { columns, source, verdicts, row_group_rows, batch_rows, batch_bytes, overlap, as_parquet, mode }
    }

    /// 0-based rows, good or bad, in ascending order.
    pub(super) fn rows(&self, bad: bool) -> Vec<u64> {
        (0..).zip(&self.verdicts).filter(|(_, verdict)| verdict.is_bad() == bad).map(|(row, _)| row).collect()
    }

    pub(super) fn only(&self, rows: &[u64]) -> RecordBatch {
        take_record_batch(&self.source, &UInt64Array::from(rows.to_vec())).expect("rows of the source")
    }
}

/// Cells of every row, and what is wrong with it: in itself, or because a good row before has its key.
pub(super) fn rows(
    columns: &[Column],
    count: usize,
    flawed_one_in: usize,
    decisions: &mut Decisions<'_>,
) -> (Vec<Vec<Cell>>, Vec<Verdict>) {
    let mut taken: Vec<BTreeSet<i64>> = vec![BTreeSet::new(); columns.len()];
    let (mut all_cells, mut verdicts) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        let mut verdict = Verdict::default();
        let mut cells: Vec<Cell> = columns.iter().map(|column| column.good(decisions)).collect();
        if decisions.one_in(flawed_one_in) {
            for _ in 0..1 + decisions.below(2) {
                let index = decisions.below(columns.len());
                let (cell, flaw) = columns[index].bad(decisions);
                cells[index] = cell;
                verdict.flaws.retain(|(other, _)| *other != index);
                verdict.flaws.extend(flaw.map(|flaw| (index, flaw)));
            }
        }
        let keys = || cells.iter().zip(columns).enumerate().filter(|(_, (_, column))| column.kind == Kind::Unique);
        let own = |cell: &Cell| if let Cell::Int(key) = cell { Some(*key) } else { None };
        let doubled = keys().filter(|(index, (cell, _))| own(cell).is_some_and(|key| taken[*index].contains(&key)));
        let doubled: Vec<_> = doubled.map(|(index, _)| (index, Flaw::Execute(1))).collect();
        verdict.flaws.extend(doubled);
        if !verdict.is_bad() {
            keys().for_each(|(index, (cell, _))| taken[index].extend(own(cell)));
        }
        all_cells.push(cells);
        verdicts.push(verdict);
    }
    (all_cells, verdicts)
}
