//! The queries that together are an export of a table, and the one that is read without a file.

use super::refusal::Slice;
use super::slices::Slices;
use super::{ExportJob, Selection, key_ranges};
use crate::error::{PlanProblem, Result};
use crate::fetch::FetchPlan;
use crate::lake::sink::SortKey;
use crate::oci::Session;
use crate::oracle_type::{ColumnDesc, TableName};
use crate::sql;

impl ExportJob {
    /// The query alone, for a reader that wants batches and no file: [`FetchPlan::open`] reads it. Unless a certain moment is asked for it is read as the
    /// session's transaction sees it, which flashback would not. The path is not looked at, and there is one reader.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub fn read_plan(&self, session: &Session) -> Result<FetchPlan> {
        self.check()?;
        if self.reading.as_of.is_past() {
            let whole = super::Reading { parallel: 0, ..self.reading.clone() };
            return Ok(ExportJob { reading: whole, ..self.clone() }.find(session)?.fetch);
        }
        let mut problems = Vec::new();
        let (sql, table) = match self.selected(session, &mut problems)? {
            Some((name, columns)) => (self.select_table(name, &columns, None)?.sql, columns),
            None if problems.is_empty() => (self.query_sql(session, &mut problems)?, Vec::new()),
            None => return Err(self.refused(problems)),
        };
        if !problems.is_empty() {
            return Err(self.refused(problems));
        }
        Ok(self.fetch_plan(session, &sql, &table)?.fetch)
    }

    /// Cuts a table for several readers, or says why not.
    pub(super) fn cut(&self, session: &Session, name: &TableName, scn: Option<u64>) -> Result<Slices> {
        if scn.is_none() {
            return Ok(Slices::whole("several readers need one SCN"));
        }
        if self.selection.limit.is_some() {
            return Ok(Slices::whole("--limit counts rows of one query"));
        }
        if !self.selection.order_by.is_empty() {
            return Ok(Slices::whole("--order-by sorts the rows of one query"));
        }
        let Some(key) = &self.reading.split_by else { return Slices::of_table(session, name, self.reading.parallel) };
        let columns = session.describe_table(name)?.map(|table| table.columns).unwrap_or_default();
        let in_dictionary = sql::dictionary_name(key);
        let column = columns.iter().find(|column| column.name == *key || column.name == in_dictionary);
        let refused = |reason: String| {
            let remedy = "--split-by with a column of numbers, dates or timestamps, or without it: ranges of ROWIDs".into();
            Err(self.refused(vec![PlanProblem { column: Some(key.clone()), reason, remedy }]))
        };
        match column {
            None => refused("there is no such column to split by".into()),
            Some(column) if !key_ranges::is_key(column) => refused(format!("Oracle {} has no even ranges", column.oracle_type)),
            Some(column) => {
                let rows = sql::rows_at(name, scn, self.selection.condition.as_deref(), None)?;
                Slices::of_key(session, column, &rows, self.reading.parallel)
            }
        }
    }

    /// The whole of a table, in the order that was asked for.
    pub(super) fn select_table(&self, name: &TableName, columns: &[ColumnDesc], scn: Option<u64>) -> Result<Slice> {
        let Selection { condition, limit, order_by, .. } = &self.selection;
        let rows = sql::rows_at(name, scn, condition.as_deref(), *limit)?;
        if order_by.is_empty() {
            return Ok(Slice { sql: sql::select_at(name, columns, scn, condition.as_deref(), *limit)?, rows });
        }
        let sorted = sql::select_at(name, columns, scn, condition.as_deref(), None)?;
        let sorted = format!("{sorted} ORDER BY {}", order(order_by)?);
        // The first rows of the order, not some rows in it.
        let sql = limit.map_or(sorted.clone(), |limit| format!("SELECT * FROM ({sorted}) WHERE ROWNUM <= {limit}"));
        Ok(Slice { sql, rows })
    }

    /// The rows of a range. Slices follow one another; within one the database reads as it likes, unless there is an order.
    pub(super) fn select_range(
        &self,
        name: &TableName,
        columns: &[ColumnDesc],
        scn: Option<u64>,
        range: Option<&str>,
        order_by: Option<&str>,
    ) -> Result<Slice> {
        let Some(range) = range else { return self.select_table(name, columns, scn) };
        let condition = match &self.selection.condition {
            Some(condition) => format!("({condition}\n) AND {range}"),
            None => range.to_owned(),
        };
        let rows = sql::rows_at(name, scn, Some(&condition), None)?;
        let order_by = order_by.map(|order_by| format!(" ORDER BY {order_by}")).unwrap_or_default();
        Ok(Slice { sql: sql::select_at(name, columns, scn, Some(&condition), None)? + &order_by, rows })
    }
}

/// NULLs last, whatever the direction: as files say it.
fn order(keys: &[SortKey]) -> Result<String> {
    let of = |key: &SortKey| -> Result<String> {
        let (name, direction) = (sql::identifier(&sql::dictionary_name(&key.column))?, if key.descending { " DESC" } else { "" });
        Ok(format!("{name}{direction} NULLS LAST"))
    };
    Ok(keys.iter().map(of).collect::<Result<Vec<_>>>()?.join(", "))
}
