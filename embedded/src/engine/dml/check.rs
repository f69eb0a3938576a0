//! Checking the kinds of binds against the columns they go to, without values.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::super::catalog::Table;
use super::super::nls::Nls;
use super::super::translate::{Cell, DmlPlan, InsertSource};
use super::super::types::{CharUnit, DataType};
use super::super::value::{self, Target};
use super::super::{Datum, DatumKind, OraError, Result};
use super::is_constant;
use super::write::{Given, cell_datum};

/// Whether values of these kinds convert to the columns that they are bound to, judged by a sample of each.
///
/// # Errors
/// ORA-00932 where they do not.
pub(in super::super) fn check_kinds(plan: &DmlPlan, kinds: &[DatumKind], nls: &Nls) -> Result<()> {
    let Some((table, cells)) = targets(plan) else { return Ok(()) };
    for (index, cell) in cells {
        let Cell::Bind(bind) = cell else { continue };
        let column = &table.columns[index];
        let sample = match kinds.get(*bind).copied().unwrap_or_default() {
            // Text converts, or not, by what it says.
            DatumKind::Null | DatumKind::Text | DatumKind::Char | DatumKind::Clob => continue,
            DatumKind::Number => Datum::Int(0),
            DatumKind::BinaryFloat => Datum::BinaryFloat(0.0),
            DatumKind::BinaryDouble => Datum::BinaryDouble(0.0),
            DatumKind::Bytes | DatumKind::Blob => Datum::Bytes(&[0]),
            DatumKind::Date => Datum::Date([120, 100, 1, 1, 1, 1, 1]),
            DatumKind::Timestamp => Datum::Timestamp([120, 100, 1, 1, 1, 1, 1, 0, 0, 0, 0]),
            DatumKind::TimestampTz => Datum::TimestampTz([120, 100, 1, 1, 1, 1, 1, 0, 0, 0, 0, 20, 60]),
            DatumKind::IntervalDs => Datum::IntervalDs(0),
            DatumKind::IntervalYm => Datum::IntervalYm(0),
            DatumKind::Boolean => Datum::Boolean(false),
            DatumKind::Table => Datum::Table(&[]),
            DatumKind::Cursor => Datum::Cursor(0),
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

/// Whether the longest value of each bind fits its column, where the column counts bytes or the value is too long in characters of any size.
///
/// # Errors
/// ORA-12899 where it does not.
pub(in super::super) fn check_lengths(plan: &DmlPlan, kinds: &[DatumKind], longest_bytes: &[u32]) -> Result<()> {
    let Some((table, cells)) = targets(plan) else { return Ok(()) };
    for (index, cell) in cells {
        let Cell::Bind(bind) = cell else { continue };
        let column = &table.columns[index];
        let most = match column.data_type {
            DataType::Varchar2 { size, unit: CharUnit::Byte, national: false }
            | DataType::Char { size, unit: CharUnit::Byte, national: false } => size,
            DataType::Varchar2 { size, .. } | DataType::Char { size, .. } => size.saturating_mul(4),
            // Text is hexadecimal digits.
            DataType::Raw { size } if matches!(kinds.get(*bind), Some(DatumKind::Text | DatumKind::Char)) => size.saturating_mul(2),
            DataType::Raw { size } => size,
            _ => continue,
        };
        let longest = longest_bytes.get(*bind).copied().unwrap_or(0);
        if longest > most {
            let text = format!("value too large for column {} (actual: {longest}, maximum: {most})", column.full_name);
            return Err(OraError::new(12899, text));
        }
    }
    Ok(())
}

/// Whether an INSERT's values that are no binds may be stored.
///
/// # Errors
/// What storing them would fail with.
pub(in super::super) fn check_constants(connection: &Connection, plan: &DmlPlan, nls: &Nls) -> Result<()> {
    let DmlPlan::Insert { table, cells, source } = plan else { return Ok(()) };
    let outputs = match source {
        InsertSource::Expressions(text) if is_constant(text) => connection
            .prepare_cached(text)?
            .query_row([], |row| (0..row.as_ref().column_count()).map(|index| row.get(index)).collect::<rusqlite::Result<Vec<Value>>>())?,
        _ => Vec::new(),
    };
    for (column, cell) in table.columns.iter().zip(cells) {
        let datum = match cell {
            Cell::Null => Datum::Null,
            Cell::Output(index, _) if *index < outputs.len() => cell_datum(cell, Given { binds: &[], outputs: &outputs }, nls)?,
            _ => continue,
        };
        let target = Target { data_type: column.data_type, name: Some(&column.full_name) };
        if value::assign(&target, datum, nls)?.is_null() && !column.nullable {
            return Err(OraError::new(1400, format_args!("cannot insert NULL into ({})", column.full_name)));
        }
    }
    Ok(())
}

/// The table that a plan writes, and the cells of its columns.
fn targets(plan: &DmlPlan) -> Option<(&Table, Vec<(usize, &Cell)>)> {
    Some(match plan {
        DmlPlan::Insert { table, cells, .. } => (table, cells.iter().enumerate().collect()),
        DmlPlan::Update { table, assigned, .. } => (table, assigned.iter().map(|(index, cell)| (*index, cell)).collect()),
        DmlPlan::Merge(plan) => {
            let updated = plan.update.iter().flat_map(|update| update.assigned.iter().map(|(index, cell)| (*index, cell)));
            let inserted = plan.insert.iter().flat_map(|cells| cells.iter().enumerate());
            (&plan.table, updated.chain(inserted).collect())
        }
        DmlPlan::Delete { .. } => return None,
    })
}
