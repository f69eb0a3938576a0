//! `--soft-delete` and `--system-columns`: the columns `_deleted` and `_updated`, by which a table says which of its rows count as deleted and when
//! each was last changed.
//!
//! Their names are fixed: who reads such tables, a change feed or a view, finds them under the same names everywhere. `_updated` is a TIMESTAMP(6)
//! WITH TIME ZONE: SYSTIMESTAMP, which is an instant, goes in as it is, whatever the zones of sessions and of the server's clock are, and it comes
//! back as one. Both have defaults, so that a row that something else inserts is stamped as well.

use super::job::CopyJob;
use crate::error::PlanProblem;
use crate::load::ColumnPair;
use crate::oracle_type::{ColumnDesc, OracleType, TableDesc};
use crate::sql::dml::SystemColumns;

/// 1 for a row that counts as deleted.
const DELETED_COLUMN: &str = "_deleted";
/// When a row was last changed.
const UPDATED_COLUMN: &str = "_updated";
/// What gives a table both.
const ADD_BOTH: &str =
    "ALTER TABLE … ADD (\"_updated\" TIMESTAMP(6) WITH TIME ZONE DEFAULT SYSTIMESTAMP NOT NULL, \"_deleted\" NUMBER(1) DEFAULT 0 NOT NULL)";

/// The columns that a created table gets, and their defaults.
pub(super) fn new_columns() -> [(ColumnDesc, &'static str); 2] {
    let column = |name: &str, oracle_type| ColumnDesc { name: name.into(), oracle_type, nullable: false };
    [
        (column(UPDATED_COLUMN, OracleType::TimestampTz { fractional_digits: 6 }), "SYSTIMESTAMP"),
        (column(DELETED_COLUMN, OracleType::Number { precision: Some(1), scale: Some(0) }), "0"),
    ]
}

impl CopyJob {
    /// The columns that a soft delete sets, and those that stamp what is inserted or updated. `existing` is the table, if it is there.
    pub(super) fn plan_system_columns(
        &self,
        existing: Option<&TableDesc>,
        pairs: &[ColumnPair],
        problems: &mut Vec<PlanProblem>,
    ) -> (Option<SystemColumns>, Option<SystemColumns>) {
        let soft_delete = existing.filter(|_| self.soft_delete).and_then(|table| of_table(table, pairs, "--soft-delete", false, problems));
        let stamp = match existing {
            _ if !self.system_columns => None,
            Some(table) => of_table(table, pairs, "--system-columns", true, problems),
            None => {
                refuse_filled([DELETED_COLUMN, UPDATED_COLUMN], pairs, "--system-columns", problems);
                Some(SystemColumns { deleted: DELETED_COLUMN.into(), updated: Some(UPDATED_COLUMN.into()) })
            }
        };
        (soft_delete, stamp)
    }
}

/// The columns of a table that is there, which `option` sets.
fn of_table(
    table: &TableDesc,
    pairs: &[ColumnPair],
    option: &str,
    needs_both: bool,
    problems: &mut Vec<PlanProblem>,
) -> Option<SystemColumns> {
    let named = |name: &str| table.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
    let mut problem = |reason: String, remedy: &str| problems.push(PlanProblem { column: None, reason, remedy: remedy.into() });
    let (deleted, updated) = (named(DELETED_COLUMN), named(UPDATED_COLUMN));
    match deleted.map(|column| &column.oracle_type) {
        Some(OracleType::Number { .. }) => {}
        Some(other) => problem(format!("{option} sets {DELETED_COLUMN} to 0 and 1, but it is {other}"), "make it NUMBER(1)"),
        None => problem(format!("{option} sets a column {DELETED_COLUMN}, which the table does not have"), ADD_BOTH),
    }
    match updated.map(|column| &column.oracle_type) {
        Some(OracleType::Date | OracleType::Timestamp { .. } | OracleType::TimestampTz { .. } | OracleType::TimestampLtz { .. }) => {}
        Some(other) => {
            problem(format!("{option} sets {UPDATED_COLUMN} to the time, but it is {other}"), "make it TIMESTAMP WITH TIME ZONE")
        }
        None if needs_both => problem(format!("{option} sets a column {UPDATED_COLUMN}, which the table does not have"), ADD_BOTH),
        None => {}
    }
    refuse_filled([deleted, updated].into_iter().flatten().map(|column| column.name.as_str()), pairs, option, problems);
    deleted.map(|deleted| SystemColumns { deleted: deleted.name.clone(), updated: updated.map(|column| column.name.clone()) })
}

fn refuse_filled<'a>(names: impl IntoIterator<Item = &'a str>, pairs: &[ColumnPair], option: &str, problems: &mut Vec<PlanProblem>) {
    for name in names {
        if pairs.iter().any(|pair| pair.target.name.eq_ignore_ascii_case(name)) {
            let (reason, remedy) = (format!("{option} sets {name}, and the source has values for it"), "leave it out with --columns");
            problems.push(PlanProblem { column: None, reason, remedy: remedy.into() });
        }
    }
}

/// The table without the columns that are stamped: those get a value.
pub(super) fn without_stamped(table: &TableDesc, stamp: Option<&SystemColumns>) -> TableDesc {
    let mut table = table.clone();
    if let Some(stamp) = stamp {
        table.columns.retain(|column| column.name != stamp.deleted && stamp.updated.as_ref() != Some(&column.name));
    }
    table
}
