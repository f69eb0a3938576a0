//! What a copy into a table that is there must agree with, and what is worth knowing about its columns.

use arrow::datatypes::{DataType, Schema, TimeUnit};
use olbridge_delta::table::{HistoryEntry, Table};
use serde_json::{Value, json};

use super::{DeletedRows, DeltaJob, Loss};
use crate::copy::export::{AsOf, TypeChoices};
use crate::error::{Error, Phase, PlanProblem, Result};
use crate::fetch::{FetchColumn, FetchPlan};
use crate::oracle_type::OracleType;
use crate::type_map::LossyKind;

/// Commit info under which it stands which rows of which source a commit of a job holds.
pub(super) const SELECTION_KEY: &str = "olbridge.selection";
/// Commit info: what has become of rows that the source has no more.
pub(super) const DELETED_ROWS_KEY: &str = "olbridge.deleted_rows";
/// Commits of the history in which the last one of a job is looked for.
const COMMITS_LOOKED_AT: usize = 1000;

/// Options that make a table, where there is one: they are what it has, or refused, rather than left aside without a word.
pub(super) fn disagreements(job: &DeltaJob, partition_by: &[String], table: &Table) -> olbridge_delta::Result<Vec<PlanProblem>> {
    let mut problems = Vec::new();
    let mut problem = |reason: String, remedy: &str| problems.push(PlanProblem { column: None, reason, remedy: remedy.into() });
    let present = table.partition_columns()?;
    if !partition_by.is_empty() && partition_by != present {
        let by = if present.is_empty() { "nothing".to_owned() } else { present.join(", ") };
        let reason = format!("--partition-by {}: the table is there, and partitioned by {by}", partition_by.join(","));
        problem(reason, "leave it out, or make another table");
    }
    let properties = table.properties()?;
    // Those that become the protocol are not properties afterwards.
    let stays = |name: &str| !["delta.minReaderVersion", "delta.minWriterVersion", "delta.feature."].iter().any(|of| name.starts_with(of));
    for (name, value) in job.properties.iter().filter(|(name, _)| stays(name)) {
        let present = properties.get(name);
        if present != Some(value) {
            let has = present.map_or("does not have it".to_owned(), |present| format!("has {present:?}"));
            problem(
                format!("--property {name}={value}: the table is there, and {has}"),
                "leave it out: properties are given to a table that is made",
            );
        }
    }
    Ok(problems)
}

/// A date of the table would take a time of day away under a name that speaks of less than a second. Who chooses the type by name knows.
pub(super) fn cut_dates(fetch: &FetchPlan, present: Option<&Schema>, keys: &[String], job: &DeltaJob) -> Vec<PlanProblem> {
    let lossy = job.export.fetch.lossy.allows(LossyKind::SubSecond);
    let own = TypeChoices { like: None, ..job.export.types.clone() };
    let cut = |column: &&FetchColumn| {
        let is_date = *column.field.data_type() == DataType::Date32 && !keys.contains(column.field.name());
        is_date && !own.columns.iter().any(|(name, _)| name.eq_ignore_ascii_case(&column.column.name))
    };
    let problem = |column: &FetchColumn| PlanProblem {
        column: Some(column.column.name.clone()),
        reason: "is a date in the table, and --lossy subsecond would cut whole times of day".into(),
        remedy: format!("leave out --lossy subsecond, or name the type if they may go: --as {}=date", column.column.name),
    };
    fetch.columns.iter().filter(|column| lossy && present.is_some() && cut(column)).map(problem).collect()
}

/// The columns of the key lose nothing, whatever may be lost of others: what is finer than Delta's microseconds is refused as well, with its row.
pub(super) fn with_whole_keys(fetch: &FetchPlan, keys: &[String], job: &DeltaJob) -> Result<FetchPlan> {
    let is_key = |column: &FetchColumn| keys.contains(column.field.name());
    let mut columns = fetch.columns.clone();
    for column in columns.iter_mut().filter(|column| is_key(column) && job.losses.contains(&Loss::SubMicrosecond)) {
        let micros = match column.field.data_type() {
            DataType::Timestamp(TimeUnit::Nanosecond, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
            DataType::Duration(TimeUnit::Nanosecond) => DataType::Duration(TimeUnit::Microsecond),
            DataType::Time64(TimeUnit::Nanosecond) => DataType::Time64(TimeUnit::Microsecond),
            _ => continue,
        };
        column.field = column.field.clone().with_data_type(micros);
    }
    let whole = (0..columns.len()).filter(|index| is_key(&columns[*index])).collect();
    fetch.with_columns(columns)?.with_whole(whole)
}

/// As for files: the instant is kept, and the zone is not, which is said unless `--lossy zone` has said it before.
pub(super) fn zone_warnings(fetch: &FetchPlan) -> Vec<String> {
    let is_zoned = |column: &&FetchColumn| {
        matches!(column.column.oracle_type, OracleType::TimestampTz { .. }) && matches!(column.field.data_type(), DataType::Timestamp(..))
    };
    let warning = |column: &FetchColumn| format!("column {}: the instants are kept, in UTC; their time zones are not", column.column.name);
    fetch.columns.iter().filter(is_zoned).map(warning).collect()
}

/// Which rows of which source the job copies, whatever the moment. Not how: a job that has made a table goes on with changes, and what is there at a
/// moment is there by whatever mode.
pub(super) fn selection(job: &DeltaJob) -> Value {
    let selection = &job.export.selection;
    let order: Vec<String> = selection.order_by.iter().map(|key| format!("{key:?}")).collect();
    let parts = [
        ("source", json!(job.export.source.to_string())),
        ("query", json!(selection.query)),
        ("columns", json!(selection.columns)),
        ("where", json!(selection.condition)),
        ("limit", json!(selection.limit)),
        ("order", if order.is_empty() { Value::Null } else { json!(order) }),
    ];
    parts.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}

impl DeltaJob {
    /// Whether the epoch that the table has of the job is of the same work: a name for two pieces of work would skip the rows of one, and the SCNs of
    /// another database are no later moments of this one.
    ///
    /// # Errors
    /// [`Error::Usage`] with both.
    pub(super) fn refuse_other_work(&self, epoch: i64, scn: Option<u64>) -> Result<()> {
        let job = self.job.as_deref().unwrap_or_default();
        let usage = |message: String, remedy: &str| Err(Error::Usage { message, remedy: remedy.into() });
        let is_earlier = scn.is_some_and(|scn| i64::try_from(scn).is_ok_and(|scn| scn < epoch));
        if self.export.reading.as_of == AsOf::Now && is_earlier {
            return usage(
                format!(
                    "--job {job}: the database is at SCN {}, and {} has SCN {epoch} of this job: it is another database, or an earlier state of it",
                    scn.unwrap_or_default(),
                    self.location
                ),
                "another --job name for another database",
            );
        }
        let table = Table::open(&self.location, &self.store).map_err(|error| self.failed(&error, Phase::Describe))?;
        match self.other_selection(&table)? {
            None => Ok(()),
            Some(other) => usage(format!("--job {job}: {other}"), "a --job name for each piece of work"),
        }
    }

    /// That deletions were not looked for, where they are asked for at a moment that a commit without them has already.
    pub(super) fn not_compared(&self) -> Result<Option<String>> {
        if !self.compare_deletes {
            return Ok(None);
        }
        let table = Table::open(&self.location, &self.store).map_err(|error| self.failed(&error, Phase::Describe))?;
        let history = table.history(Some(COMMITS_LOOKED_AT)).map_err(|error| self.failed(&error, Phase::Describe))?;
        let of_job = |entry: &&HistoryEntry| entry.info.get("olbridge.job").and_then(Value::as_str) == self.job.as_deref();
        let deleted = history.iter().find(of_job).and_then(|entry| entry.info.get(DELETED_ROWS_KEY));
        let stay = deleted == Some(&json!(DeletedRows::Stay));
        let text = "--deletes compare has compared nothing: the table has this moment by a run without it; run it again after the next commit \
                    of the database";
        Ok(stay.then(|| text.to_owned()))
    }

    /// What the last commit of the job holds, where that are not the rows that are asked for now.
    pub(super) fn other_selection(&self, table: &Table) -> Result<Option<String>> {
        let history = table.history(Some(COMMITS_LOOKED_AT)).map_err(|error| self.failed(&error, Phase::Describe))?;
        let of_job = |entry: &&HistoryEntry| entry.info.get("olbridge.job").and_then(Value::as_str) == self.job.as_deref();
        // Commits of before, or that are cleaned up, do not say what they hold.
        Ok(history.iter().find(of_job).and_then(|entry| self.other_work(entry)))
    }

    /// The same of one commit.
    pub(super) fn other_work(&self, entry: &HistoryEntry) -> Option<String> {
        let (version, committed) = (entry.version, entry.info.get(SELECTION_KEY)?.as_str()?);
        let own = selection(self).to_string();
        let other = || format!("version {version} of {} holds other work under this name: {committed}; this is {own}", self.location);
        (committed != own).then(other)
    }
}
