//! What an execute did, row by row: what the database refused, what it did not find, and whether its counts add up.

use crate::error::{Error, Phase, RowError};
use crate::oci::{ArrayOutcome, ArrayRowError, OciError, is_statement_level};

use super::blame::{ORA_PRECISION, exceeds_precision};
use super::dml::{Dml, NotFound};
use super::loader::TruncatedValues;
use super::sender::Sender;

impl Sender<'_> {
    /// Accounts for `rows` executed rows: bad ones end the load or go to the reject sink, and every other one has to be counted.
    pub(super) fn settle(&mut self, rows: u32, outcome: ArrayOutcome, truncated: &[(usize, Vec<u32>)]) -> Result<(), Error> {
        if let Some(error) = outcome.row_errors.iter().find(|error| is_statement_level(error.ora_code)) {
            return Err(self.statement_refused(error));
        }
        let (failed, affected) = (outcome.row_errors.len() as u64, outcome.rows_affected);
        let not_found = self.rows_not_found(rows, &outcome)?;
        let truncated = self.count_truncated(rows, truncated, &not_found, &outcome);
        let mut refused: Vec<(u32, RowError)> =
            outcome.row_errors.into_iter().map(|error| (error.row_index, self.database_refused(error))).collect();
        if self.not_found == NotFound::Refuse && self.dml != Dml::Upsert {
            refused.extend(not_found.iter().map(|&row| (row, self.no_such_row(row))));
            refused.sort_by_key(|(row, _)| *row);
        } else {
            self.report.rows_not_found += not_found.len() as u64;
        }
        match refused.first() {
            Some((_, first)) if self.rejects.is_none() => return Err(Error::Row(Box::new(first.clone()))),
            _ => self.hand_over(&refused)?,
        }
        let done = u64::from(rows) - failed - not_found.len() as u64;
        if self.dml == Dml::Insert && affected != done {
            return Err(self.miscounted(done, affected));
        }
        self.report.rows_loaded += done;
        self.report.rows_affected += affected;
        truncated.into_iter().for_each(|(column, values)| self.note_truncated(column, values));
        self.transaction.note_changed(affected);
        Ok(())
    }

    /// How many values of each column were cut off in rows that the database took.
    fn count_truncated(
        &mut self,
        rows: u32,
        truncated: &[(usize, Vec<u32>)],
        not_found: &[u32],
        outcome: &ArrayOutcome,
    ) -> Vec<(usize, u64)> {
        if truncated.is_empty() {
            return Vec::new();
        }
        let mark = self.columns.iter().position(|column| column.is_mark);
        // Of a row that is deleted, nothing but the key is used.
        let marked = mark.map(|mark| self.statement.slots(mark, 0..rows as usize).values.to_vec()).unwrap_or_default();
        let is_stored = |row: &&u32| {
            not_found.binary_search(row).is_err()
                && outcome.row_errors.binary_search_by_key(*row, |error| error.row_index).is_err()
                && marked.get(**row as usize) != Some(&1)
        };
        truncated.iter().map(|(column, rows)| (*column, rows.iter().filter(is_stored).count() as u64)).collect()
    }

    fn note_truncated(&mut self, column: usize, values: u64) {
        let name = &self.columns[column].target;
        match self.report.truncated.iter_mut().find(|known| known.column == *name) {
            Some(known) => known.values += values,
            None if values == 0 => {}
            None => self.report.truncated.push(TruncatedValues { column: name.clone(), values }),
        }
    }

    /// Rows that changed nothing although the database did not refuse them.
    fn rows_not_found(&mut self, rows: u32, outcome: &ArrayOutcome) -> Result<Vec<u32>, Error> {
        if self.dml == Dml::Insert {
            return Ok(Vec::new());
        }
        let counts = outcome.row_counts.as_ref().filter(|counts| counts.len() == rows as usize).ok_or_else(|| self.no_row_counts())?;
        let mut failed = outcome.row_errors.iter().map(|error| error.row_index).peekable();
        let unchanged = (0..rows).zip(counts).filter(|&(row, &count)| failed.next_if_eq(&row).is_none() && count == 0);
        let unchanged: Vec<u32> = unchanged.map(|(row, _)| row).collect();
        if let Some(mark) = self.columns.iter().position(|column| column.is_mark) {
            let marked = self.statement.slots(mark, 0..rows as usize).values;
            let deleted = (0..rows).zip(counts).filter(|&(row, &count)| marked[row as usize] == 1 && count > 0).count();
            self.report.rows_deleted += deleted as u64;
            // What is to be deleted may be gone already, as in a DELETE.
            match unchanged.iter().find(|&&row| marked[row as usize] != 1) {
                None => return Ok(unchanged),
                Some(_) => return Err(self.miscounted(u64::from(rows), u64::from(rows) - unchanged.len() as u64)),
            }
        }
        match (self.dml, unchanged.len()) {
            // Nothing but keys: a row that is there stays as it is.
            (Dml::Upsert, _) if self.columns.iter().all(|column| column.is_key) => Ok(Vec::new()),
            (Dml::Upsert, 1..) => Err(self.miscounted(u64::from(rows), u64::from(rows) - unchanged.len() as u64)),
            _ => Ok(unchanged),
        }
    }

    /// Gives refused rows (by buffer row, ascending) to the sink, each with the batch that it came in.
    fn hand_over(&mut self, refused: &[(u32, RowError)]) -> Result<(), Error> {
        let segments = std::mem::take(&mut self.segments);
        let mut rest = refused;
        for (index, segment) in segments.iter().enumerate() {
            let end = segments.get(index + 1).map_or(u32::MAX, |next| next.buffer_row);
            let (here, later) = rest.split_at(rest.partition_point(|(row, _)| *row < end));
            rest = later;
            if let (Some(batch), false) = (&segment.rows, here.is_empty()) {
                let rows: Vec<(usize, RowError)> =
                    here.iter().map(|(row, error)| ((row - segment.buffer_row) as usize, error.clone())).collect();
                self.report.rows_rejected_execute += rows.len() as u64;
                self.reject(batch, &rows)?;
            }
        }
        Ok(())
    }

    fn statement_refused(&self, error: &ArrayRowError) -> Error {
        let ArrayRowError { ora_code, message, .. } = error.clone();
        let error = OciError { function: "OCIStmtExecute", action: "execute the array", ora_code, message, parse_offset: None };
        error.into_error(Phase::Execute, Some(&self.table))
    }

    fn no_such_row(&self, buffer_row: u32) -> RowError {
        let keys: Vec<&str> = self.columns.iter().filter(|c| c.is_key).map(|c| c.target.as_str()).collect();
        RowError {
            phase: Phase::Execute,
            table: self.table.clone(),
            column: None,
            source: self.source_row(buffer_row),
            rowid: None,
            ora_code: None,
            message: format!("no row of the table has this key ({})", keys.join(", ")),
            remedy: "--mode upsert to insert such rows, --not-found count to count them and go on".into(),
        }
    }

    fn database_refused(&mut self, error: ArrayRowError) -> RowError {
        let remedy = crate::oci::remedy(error.ora_code).to_string();
        let (mut column, mut message) = (column_named_in(&error.message).map(str::to_string), error.message);
        if column.is_none()
            && error.ora_code == ORA_PRECISION
            && let Some(index) = self.column_that_exceeds(error.row_index)
        {
            let planned = &self.columns[index];
            message = format!("{message}: {} is {}", planned.target, planned.target_type);
            column = Some(planned.target.clone());
        }
        let (table, source) = (self.table.clone(), self.source_row(error.row_index));
        RowError { phase: Phase::Execute, table, column, source, rowid: None, ora_code: Some(error.ora_code), message, remedy }
    }

    /// The one column of a row whose value has too many digits; `None` when none or more than one may be meant.
    fn column_that_exceeds(&mut self, row_index: u32) -> Option<usize> {
        let row = row_index as usize..row_index as usize + 1;
        let mut found = None;
        for index in 0..self.columns.len() {
            let layout = self.statement.layout(index);
            let slots = self.statement.slots(index, row.clone());
            let exceeds = slots.indicators[0] == 0 && exceeds_precision(&self.columns[index].target_type, layout, slots.values);
            if exceeds && found.replace(index).is_some() {
                return None;
            }
        }
        found
    }

    fn miscounted(&self, sent_rows: u64, counted_rows: u64) -> Error {
        Error::Database {
            phase: Phase::Execute,
            table: Some(self.table.clone()),
            ora_code: 0,
            message: format!("{sent_rows} rows were sent but the database counts {counted_rows}"),
            remedy: "look for a trigger or a policy on the table that swallows rows".into(),
            session_dead: false,
        }
    }

    fn no_row_counts(&self) -> Error {
        Error::Database {
            phase: Phase::Execute,
            table: Some(self.table.clone()),
            ora_code: 0,
            message: "the client library does not tell how many rows each row of an array has changed".into(),
            remedy: "use a client of release 12.1 or later".into(),
            session_dead: false,
        }
    }
}

/// The column in messages such as `ORA-12899: value too large for column "S"."T"."C" (…)` and `ORA-01400: cannot insert NULL into ("S"."T"."C")`.
fn column_named_in(message: &str) -> Option<&str> {
    let (_, after) = message.rsplit_once("\".\"")?;
    after.split_once('"').map(|(column, _)| column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_column_in_oracle_messages() {
        let too_large = "ORA-12899: value too large for column \"SCOTT\".\"T\".\"NAME\" (actual: 12, maximum: 10)";
        assert_eq!(column_named_in(too_large), Some("NAME"));
        assert_eq!(column_named_in("ORA-01400: cannot insert NULL into (\"SCOTT\".\"T\".\"ID\")"), Some("ID"));
        assert_eq!(column_named_in("ORA-01438: value larger than specified precision allowed for this column"), None);
    }
}
