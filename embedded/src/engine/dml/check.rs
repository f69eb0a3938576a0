//! Checking the kinds of binds against the columns they go to, without values.

use super::super::catalog::Table;
use super::super::nls::Nls;
use super::super::translate::{Cell, DmlPlan};
use super::super::value::{self, Target};
use super::super::{Datum, DatumKind, Result};

/// Whether values of these kinds convert to the columns that they are bound to, judged by a sample of each.
///
/// # Errors
/// ORA-00932 where they do not.
pub(in super::super) fn check_kinds(plan: &DmlPlan, kinds: &[DatumKind], nls: &Nls) -> Result<()> {
    let (table, cells): (&Table, Vec<(usize, &Cell)>) = match plan {
        DmlPlan::Insert { table, cells, .. } => (table, cells.iter().enumerate().collect()),
        DmlPlan::Update { table, assigned, .. } => (table, assigned.iter().map(|(index, cell)| (*index, cell)).collect()),
        DmlPlan::Merge(plan) => {
            let updated = plan.update.iter().flat_map(|update| update.assigned.iter().map(|(index, cell)| (*index, cell)));
            let inserted = plan.insert.iter().flat_map(|cells| cells.iter().enumerate());
            (&plan.table, updated.chain(inserted).collect())
        }
        DmlPlan::Delete { .. } => return Ok(()),
    };
    for (index, cell) in cells {
        let Cell::Bind(bind) = cell else { continue };
        let column = &table.columns[index];
        let sample = match kinds.get(*bind).copied().unwrap_or_default() {
            // Text converts, or not, by what it says.
            DatumKind::Null | DatumKind::Text => continue,
            DatumKind::Number => Datum::Int(0),
            DatumKind::BinaryFloat => Datum::BinaryFloat(0.0),
            DatumKind::BinaryDouble => Datum::BinaryDouble(0.0),
            DatumKind::Bytes => Datum::Bytes(&[0]),
            DatumKind::Date => Datum::Date([120, 100, 1, 1, 1, 1, 1]),
            DatumKind::Timestamp => Datum::Timestamp([120, 100, 1, 1, 1, 1, 1, 0, 0, 0, 0]),
            DatumKind::TimestampTz => Datum::TimestampTz([120, 100, 1, 1, 1, 1, 1, 0, 0, 0, 0, 20, 60]),
            DatumKind::IntervalDs => Datum::IntervalDs(0),
            DatumKind::IntervalYm => Datum::IntervalYm(0),
        };
        let target = Target { data_type: column.data_type, name: Some(&column.full_name) };
        if let Err(error) = value::assign(&target, sample, nls)
            && error.code == 932
        {
            return Err(error);
        }
    }
    Ok(())
}
