//! `--incremental` into a Delta table: which rows have changed since the epoch that the table has of the job. The epoch is an SCN; it is in the commit of
//! the rows, so that a run that was killed is run again from where the last commit has left it.

use std::collections::BTreeMap;
use std::fmt;

use olbridge_delta::table::{At, HistoryEntry, Table};
use serde_json::Value;

use super::definition::Known;
use super::deletes::DeletedRows;
use super::watermark::{Kind, Watermark};
use super::{DeltaJob, DeltaMode};
use crate::copy::export::Snapshot;
use crate::error::{Error, Phase, PlanProblem, Result};
use crate::oci::Session;
use crate::sql;

/// Commits that are looked through for the last one of the job.
const HISTORY: usize = 1000;
/// Commit info: the greatest value of the watermark column that is in the table.
pub(super) const WATERMARK_KEY: &str = "olbridge.watermark";
/// Commit info: its column.
pub(super) const WATERMARK_COLUMN_KEY: &str = "olbridge.watermark_column";

/// How changed rows are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follow {
    /// A column that every change sets to a later value: a time, or a number of a sequence.
    Watermark {
        /// Its name.
        column: String,
        /// How far before the greatest known value to begin: seconds of a time, or a number. Transactions that commit late bring smaller values.
        overlap: Option<u64>,
    },
    /// ORA_ROWSCN: the SCN of a row's last change, or of any change of its block, unless the table has ROWDEPENDENCIES.
    RowScn,
    /// A flashback version query: every version of every row since, deletions among them, as long as the database keeps them.
    Versions,
}

/// What an incremental copy goes on from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeltaFollowed {
    /// The SCN that the table has of the job; `None` when it begins, with all rows.
    pub after_scn: Option<u64>,
    /// Which rows are read.
    pub how: String,
    /// The column, and its greatest value at the moment that is read.
    pub watermark: Option<(String, Option<String>)>,
    /// What becomes of rows that the source has no more.
    pub deleted_rows: DeletedRows,
}

impl fmt::Display for DeltaFollowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.after_scn {
            Some(scn) => write!(f, "since SCN {scn}: {}", self.how)?,
            None => write!(f, "all rows: {}", self.how)?,
        }
        f.write_str(match self.deleted_rows {
            // There are none yet.
            _ if self.after_scn.is_none() => "",
            DeletedRows::ByKeys => "; deleted rows are found by their keys",
            DeletedRows::ByVersions => "; deleted rows go",
            DeletedRows::Stay => "; deleted rows stay",
        })
    }
}

/// Where a job stands that is planned.
pub(super) struct Standing {
    /// The job as it is carried out now.
    pub job: DeltaJob,
    /// The epoch that the table has.
    pub epoch: Option<u64>,
    /// The commit of that epoch.
    pub last: Option<HistoryEntry>,
    pub how: &'static str,
}

impl DeltaJob {
    /// The name under which the table knows the job's epochs.
    pub(super) fn app_id(job: &str) -> String {
        format!("olbridge/{job}")
    }

    pub(super) fn check_follow(&self) -> Result<()> {
        let usage = |message: &str, remedy: &str| Err(Error::Usage { message: message.into(), remedy: remedy.into() });
        if self.follow.is_none() {
            return match self.compare_deletes {
                true => usage("--deletes compare goes with --incremental", "--incremental=rowscn or --incremental=watermark"),
                false => Ok(()),
            };
        }
        if self.compare_deletes && self.follow == Some(Follow::Versions) {
            return usage("the versions of a table's rows say themselves which are deleted", "leave out --deletes compare");
        }
        let condition = self.export.selection.condition.as_deref();
        if !matches!(self.follow, Some(Follow::Watermark { .. }))
            && let Some(word) = condition.and_then(super::beyond::beyond_row)
        {
            let message =
                format!("--where looks beyond the row ({word}): rows come and go by it without a change of theirs, which no SCN tells");
            return usage(&message, "a condition on columns alone, or all rows each time: --mode overwrite --allow-destructive");
        }
        if self.job.is_none() {
            return usage("--incremental goes on from the epoch that a job has in the table, and the job has no name", "--job orders-sync");
        }
        if self.mode != DeltaMode::Upsert || self.key.is_empty() {
            return usage("--incremental updates, inserts and deletes rows by their key", "--mode upsert --key id, or --key a,b");
        }
        let selection = &self.export.selection;
        if selection.query.is_some() || selection.limit.is_some() || !selection.order_by.is_empty() || selection.rowid.is_some() {
            return usage("--incremental reads a table", "leave out --query, --limit, --order-by and --rowid");
        }
        Ok(())
    }

    /// What is done with the table as it is: made, filled, or changed from its epoch on.
    pub(super) fn standing(&self, table: &Table) -> Result<Standing> {
        let all = |mode: DeltaMode, how| {
            // The key stays: a table whose rows it does not name has no changes to go on with.
            Standing { job: DeltaJob { mode, compare_deletes: false, ..self.clone() }, epoch: None, last: None, how }
        };
        if !table.exists() {
            return Ok(all(DeltaMode::Create, "the table is not there yet"));
        }
        let job = self.job.as_deref().unwrap_or_default();
        let failed = |error: olbridge_delta::Error| self.failed(&error, Phase::Describe);
        match table.epoch(&Self::app_id(job)).map_err(failed)? {
            Some(epoch) => {
                let epoch = u64::try_from(epoch).unwrap_or(0);
                let last = Some(self.check_epoch(table)?);
                Ok(Standing { job: self.clone(), epoch: Some(epoch), last, how: "" })
            }
            None if table.describe().map_err(failed)?.rows == Some(0) => Ok(all(DeltaMode::Upsert, "the table is empty")),
            None => Err(self.refused_follow(format!("job {job} has not loaded it yet, and it has rows"))),
        }
    }

    pub(super) fn refused_follow(&self, reason: String) -> Error {
        self.refused_with(None, reason, self.full_load())
    }

    /// A present moment before the epoch is none of the same database.
    pub(super) fn refuse_earlier(&self, epoch: u64, scn: u64) -> Result<()> {
        let reason = || format!("the table has epoch {epoch} of the job, and the database is at SCN {scn}: another one, or restored");
        if scn >= epoch {
            return Ok(());
        }
        // Under its name the epoch would be one that is done.
        let other = DeltaJob { job: self.job.as_ref().map(|job| format!("{job}-anew")), ..self.clone() };
        Err(self.refused_with(None, reason(), format!("a later moment, where an earlier one was asked for; else {}", other.full_load())))
    }

    /// Which rows are read, where the table has an epoch.
    pub(super) fn changed_rows(
        &self,
        table: &Table,
        session: &Session,
        (epoch, scn): (u64, Option<u64>),
        known: &Known,
    ) -> Result<(String, String)> {
        // Rows may have come with DDL, as old as they were elsewhere. Those that are as they are in the Delta table change nothing.
        if let Some(difference) = known.difference() {
            return Ok(("1 = 1".into(), format!("all rows, because changes do not tell what DDL does: {difference}")));
        }
        match &self.follow {
            Some(Follow::RowScn) if known.is_untold() => Ok(("1 = 1".into(), "all rows, because DDL on it cannot be seen".into())),
            Some(Follow::Versions) => self.changed_versions(session, epoch, scn.unwrap_or(epoch)),
            Some(Follow::Watermark { column, overlap }) => {
                let kind = self.watermark_kind(session, column)?;
                let Some(known) = self.known_watermark(table, column)? else {
                    return Ok(("1 = 1".into(), format!("all rows, because the job's last commit tells no value of {column}")));
                };
                let from = Watermark { kind, text: known }.lower_bound(*overlap)?;
                let name = sql::identifier(&sql::dictionary_name(column))?;
                Ok((format!("{name} >= {} OR {name} IS NULL", from.literal), format!("{column} from {} on, or NULL", from.shown)))
            }
            // ORA_ROWSCN is not there as of an SCN, so the rows that have changed are found in the present, and read as they were.
            _ => {
                let changed = self.changed_by_rowscn(session, epoch, scn)?;
                Ok((changed, "rows whose ORA_ROWSCN is later".into()))
            }
        }
    }

    fn watermark_kind(&self, session: &Session, column: &str) -> Result<Kind> {
        let name = self.export.source.require_table()?;
        let wanted = sql::dictionary_name(column);
        let described = session.describe_table(name)?;
        let found = described.and_then(|table| table.columns.into_iter().find(|known| known.name == wanted));
        let problem = |reason: String| {
            let remedy = "--watermark with a column of numbers, dates or times, or --incremental=rowscn".into();
            Error::Plan { table: name.to_string(), problems: vec![PlanProblem { column: Some(column.to_owned()), reason, remedy }] }
        };
        let found = found.ok_or_else(|| problem("--watermark names it, and the table has no such column".into()))?;
        Kind::of(&found.oracle_type).ok_or_else(|| problem(format!("values of {} have no order that changes follow", found.oracle_type)))
    }

    /// The greatest value that the job has brought: as its last commit says, or, where that was a load of all rows, as the rows of that version say.
    fn known_watermark(&self, table: &Table, column: &str) -> Result<Option<String>> {
        let failed = |error: olbridge_delta::Error| self.failed(&error, Phase::Describe);
        let history = table.history(Some(HISTORY)).map_err(failed)?;
        let text = |info: &BTreeMap<String, Value>, key: &str| info.get(key)?.as_str().map(str::to_owned);
        let last = history.iter().find(|entry| text(&entry.info, "olbridge.job") == self.job);
        let of_column =
            last.filter(|entry| text(&entry.info, WATERMARK_COLUMN_KEY).is_some_and(|known| known.eq_ignore_ascii_case(column)));
        match (of_column.and_then(|entry| text(&entry.info, WATERMARK_KEY)), last) {
            (Some(known), _) => Ok(Some(known)),
            // Rows that others have put there may have a later value than any of the job's: so the rows as that load has left them, and nothing else, tell.
            (None, Some(last))
                if last.info.get(super::checks::DELETED_ROWS_KEY).and_then(Value::as_str) == Some(super::epoch::ALL_ROWS) =>
            {
                match Table::open_at(&self.location, &self.store, At::Version(last.version)) {
                    Ok(then) => super::watermark::greatest(&then, column).or(Ok(None)),
                    Err(_) => Ok(None),
                }
            }
            (None, _) => Ok(None),
        }
    }

    /// The greatest value of the watermark column at the moment that is read.
    pub(super) fn new_watermark(
        &self,
        session: &Session,
        snapshot: &Snapshot,
        condition: Option<&str>,
    ) -> Result<Option<(String, Option<String>)>> {
        let Some(Follow::Watermark { column, .. }) = &self.follow else { return Ok(None) };
        let kind = self.watermark_kind(session, column)?;
        let rows = sql::rows_at(self.export.source.require_table()?, snapshot.scn, condition, None)?;
        let name = sql::identifier(&sql::dictionary_name(column))?;
        let mut greatest = None;
        session.query_text(&format!("SELECT {} {rows}", kind.greatest(&name)), &mut |cells| {
            greatest = cells.first().cloned().flatten();
            Ok(())
        })?;
        Ok(Some((column.clone(), greatest)))
    }
}
