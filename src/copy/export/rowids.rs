//! `--rowid`: the address of each row as one more column, by which a later update or delete finds it without an index.

use super::{ExportJob, Selection};
use crate::error::{Error, PlanProblem};
use crate::fetch::FetchColumn;
use crate::oracle_type::ColumnDesc;
use crate::sql::address::{self, ROWID};

/// Column of that name is not there; a join or an aggregate has no one row to be addressed.
const NO_ADDRESS: [i32; 5] = [904, 1410, 1445, 1446, 1732];

impl Selection {
    /// The columns of a table that are read, with its ROWID behind them where that is asked for.
    pub(super) fn with_address(&self, mut columns: Vec<ColumnDesc>) -> Vec<ColumnDesc> {
        columns.extend(self.rowid.is_some().then(address::column));
        columns
    }

    /// The same for the names of a query's columns.
    pub(super) fn with_address_name(&self, mut names: Vec<String>, problems: &mut Vec<PlanProblem>) -> Vec<String> {
        if self.rowid.is_none() {
            return names;
        }
        if names.iter().any(|name| name == ROWID) {
            problems.push(problem("the query selects ROWID by itself".into(), "leave out --rowid, or give the query's own an alias"));
        } else {
            names.push(ROWID.to_owned());
        }
        names
    }

    /// Gives the address the name that was asked for.
    pub(super) fn name_address(&self, columns: &mut [FetchColumn], problems: &mut Vec<PlanProblem>) {
        let Some(name) = &self.rowid else { return };
        if columns.iter().any(|column| column.column.name != ROWID && column.field.name() == name) {
            let reason = format!("{name} is the name of a column that is read, and of --rowid");
            return problems.push(problem(reason, "another name for the address: --rowid=NAME"));
        }
        let address = columns.iter_mut().rfind(|column| column.column.name == ROWID);
        if let Some(address) = address {
            address.field = address.field.clone().with_name(name);
        }
    }
}

impl ExportJob {
    /// What the database says of a query whose rows have no address, as a problem of the plan.
    pub(super) fn explain_address(&self, error: Error) -> Error {
        match &error {
            Error::Database { ora_code, message, .. } if self.selection.rowid.is_some() && NO_ADDRESS.contains(ora_code) => {
                let reason = format!("its rows have no ROWID to be read ({})", message.lines().next().unwrap_or_default());
                let remedy = "leave out --rowid, or select the ROWID of the table that is meant in --query: SELECT T.ROWID RID, …";
                self.refused(vec![problem(reason, remedy)])
            }
            _ => error,
        }
    }
}

fn problem(reason: String, remedy: &str) -> PlanProblem {
    PlanProblem { column: None, reason, remedy: remedy.into() }
}
