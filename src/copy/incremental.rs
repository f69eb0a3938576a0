//! `--incremental` from a Delta table: what has changed since the version that the job has applied last, by key. That version is in the mark that the job
//! writes in the transaction of the rows ([`super::state`]), so that no change is applied twice and none is left out.

use std::fmt;

use arrow::datatypes::{DataType, Field};

use super::asked::ASKED;
use super::command_line::CommandLine;
use super::job::{CopyJob, Mode};
use super::matching::{Found, find, select};
use super::named_job::{NamedJob, qualified};
use super::plan::{CopyPlan, plan_error};
use super::state::{JobKey, JobState, Mark};
use crate::error::{Error, PlanProblem, Result};
use crate::lake::source::{CHANGE_COLUMN, ChangeWay, Source, TableVersion};
use crate::lake::stamp::FileStamps;
use crate::oci::Session;
use crate::oracle_type::TableName;
use crate::sql;
use crate::transaction::CommitPolicy;
use crate::type_map::TextStats;

/// What stands before the id of a table in the source of a mark.
const SOURCE_PREFIX: &str = "delta:";
/// The values of [`CHANGE_COLUMN`] that stand for a row to be deleted.
const DELETE: &str = "delete";

/// Which changes are carried out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Followed {
    /// The version that the job had applied before; `None` when it begins, with all rows.
    pub after_version: Option<u64>,
    /// The version that the table of the database then has.
    pub version: u64,
    /// How the changes are found.
    pub how: String,
}

impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.after_version {
            Some(after) => write!(f, "of versions {} to {}, {}", after + 1, self.version, self.how),
            None => write!(f, "all rows of version {}: {}", self.version, self.how),
        }
    }
}

/// The version of a table that a mark stands for.
fn marked_version(mark: &Mark) -> Option<(&str, u64)> {
    let (id, version) = mark.source.strip_prefix(SOURCE_PREFIX)?.rsplit_once('@')?;
    Some((id, version.parse().ok()?))
}

impl CopyJob {
    /// What `--incremental` asks for, without a session.
    pub(super) fn check_incremental(&self) -> Result<()> {
        let usage = |message: &str, remedy: &str| Err(Error::Usage { message: message.into(), remedy: remedy.into() });
        if self.incremental.is_none() {
            return Ok(());
        }
        if self.job.is_none() {
            return usage("--incremental goes on from the version that a job has applied, and the job has no name", "--job orders-sync");
        }
        if self.mode != Mode::Upsert || self.key.is_empty() {
            return usage("--incremental updates, inserts and deletes rows by their key", "--mode upsert --key id, or --key a,b");
        }
        if self.commit != CommitPolicy::AtEnd || self.parallel > 1 {
            return usage("--incremental is one transaction, and the version is written in it", "leave out --commit-rows and --parallel");
        }
        if self.delete_when.is_some() {
            return usage("--incremental knows from the Delta table which rows are deleted", "leave out --delete-when");
        }
        if !matches!(&self.source[..], [source] if source.starts_with(SOURCE_PREFIX)) {
            return usage("--incremental follows the versions of a Delta table", "name one: delta:LOCATION");
        }
        Ok(())
    }

    /// The job as it is carried out on changes.
    fn of_changes(&self) -> CopyJob {
        CopyJob { delete_when: Some((CHANGE_COLUMN.into(), DELETE.into())), ..self.clone() }
    }

    /// The job that begins: all rows of the version, into a table that is made or is empty.
    fn of_all_rows(&self, mode: Mode) -> CopyJob {
        let key = if mode.dml().has_key() { self.key.clone() } else { Vec::new() };
        let primary_key = if mode == Mode::Create && self.primary_key.is_empty() { self.key.clone() } else { self.primary_key.clone() };
        CopyJob { mode, key, primary_key, soft_delete: false, ..self.clone() }
    }

    /// Texts and binary values of a table that is made for changes to come have room for more than the values of today.
    pub(super) fn with_room(&self, field: &Field, stats: &TextStats) -> TextStats {
        let is_key = self.primary_key.iter().any(|key| key.eq_ignore_ascii_case(field.name()));
        let room = match field.data_type() {
            // Oracle indexes some 6,000 bytes at most.
            _ if is_key => 1000,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => 2000,
            _ => 4000,
        };
        match self.incremental {
            Some(_) => TextStats { max_bytes: Some(stats.max_bytes.unwrap_or(0).max(room)) },
            None => *stats,
        }
    }

    /// Whether rows of a mark are what this job makes of them: it may have been a full load, and soft deletes and stamps may begin at any time.
    fn goes_on_from(&self, mark: &Mark) -> bool {
        let full = [Mode::Append, Mode::Overwrite, Mode::Upsert].map(|mode| self.of_all_rows(mode));
        full.into_iter().chain([self.of_changes()]).any(|job| {
            [false, true].into_iter().any(|system_columns| {
                let soft = |soft_delete| CopyJob { soft_delete, system_columns, ..job.clone() }.asked();
                mark.asked == soft(false) || mark.asked == soft(true)
            })
        })
    }

    /// Decides which changes there are, and plans them.
    pub(super) fn plan_changes(
        &self,
        session: &Session,
        name: &TableName,
        source: Source,
        way: ChangeWay,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<CopyPlan> {
        let (Some((id, version)), Some(identity), Some(job)) = (source.table_version(), source.identity(), &self.job) else {
            return Err(Error::Usage { message: "--incremental follows a Delta table".into(), remedy: "delta:LOCATION".into() });
        };
        let begins = |plan: CopyPlan, how: &str| {
            let followed = Followed { after_version: None, version, how: how.to_owned() };
            CopyPlan { followed: Some(followed), ..plan }
        };
        let Some(existing) = session.describe_table(name)? else {
            let job = self.of_all_rows(Mode::Create);
            return Ok(begins(job.plan_source(session, name, source, proceed)?, "the table is not there yet"));
        };
        let key = JobKey { job: job.clone(), table: qualified(session, name)?, source: identity.clone() };
        let state = JobState::read(session, key, self.of_changes().asked(), FileStamps::take(std::iter::empty())?)?;
        let Some(mark) = last_applied(&state) else {
            if !is_empty(session, name)? {
                return Err(self.refused(name, format!("job {job} has not loaded it yet, and it has rows")));
            }
            let job = self.of_all_rows(Mode::Upsert);
            return Ok(begins(job.plan_source(session, name, source, proceed)?, "the table is empty"));
        };
        let after = self.version_to_go_on_from(name, (id, version), &state, mark)?;
        if after == version {
            let done = standing_done(&state, mark);
            let followed = Followed { after_version: Some(after), version, how: "which has been applied".into() };
            let plan = self.skip_plan(name.clone(), Some(existing), source);
            return Ok(CopyPlan { job: Some(done), followed: Some(followed), ..plan });
        }
        let keys = self.source_keys(&source, name)?;
        let superseded: Vec<String> = state
            .marks
            .iter()
            .filter(|mark| mark.source != identity && marked_version(mark).is_some())
            .map(|mark| mark.source.clone())
            .collect();
        let (changes, how) = source.changes_since(after, keys, way).map_err(|error| self.with_full_load(error))?;
        let mut plan = self.of_changes().plan_source(session, name, changes, proceed)?;
        plan.followed = Some(Followed { after_version: Some(after), version, how });
        if let Some(state) = &mut plan.work.job {
            state.superseded = superseded;
        }
        Ok(plan)
    }

    /// The version of a mark, where changes of the table that is there now go on from it.
    fn version_to_go_on_from(&self, name: &TableName, (id, version): (&str, u64), state: &JobState, mark: &Mark) -> Result<u64> {
        let job = &state.key.job;
        let (marked_id, after) = marked_version(mark).unwrap_or_default();
        let has_applied = format!("job {job} has applied version {after} by {}", mark.updated_at);
        if marked_id != id {
            return Err(self.refused(name, format!("{has_applied}, but of another Delta table: the one that is there now was made anew")));
        }
        if !state.is_same_table(mark) {
            return Err(self.refused(name, format!("{has_applied}, but to another table of this name, which has been dropped since")));
        }
        if !self.goes_on_from(mark) {
            return Err(self.refused(name, format!("{has_applied}, with other options ({ASKED})")));
        }
        if after > version {
            return Err(self.refused(name, format!("{has_applied}, which is later than version {version}")));
        }
        Ok(after)
    }

    /// The columns of the source that are the key.
    fn source_keys(&self, source: &Source, name: &TableName) -> Result<Vec<String>> {
        let schema = source.schema();
        let mut problems = Vec::new();
        let selected = select(schema, self.columns.as_deref(), &self.rename, &mut problems);
        let mut keys = Vec::new();
        for key in &self.key {
            let wanted = key.trim_matches('"');
            let of_table = find(wanted, selected.iter().map(|column| column.wanted.as_str()));
            let of_source = find(wanted, selected.iter().map(|column| schema.field(column.source_index).name().as_str()));
            match (of_table, of_source) {
                (Found::One(index), _) | (_, Found::One(index)) => keys.push(schema.field(selected[index].source_index).name().clone()),
                _ => problems.push(PlanProblem {
                    column: Some(key.clone()),
                    reason: "--key names it, and the Delta table has no such column among those that are copied".into(),
                    remedy: "olbridge describe delta:LOCATION shows the columns".into(),
                }),
            }
        }
        if problems.is_empty() { Ok(keys) } else { Err(plan_error(name, problems)) }
    }

    /// The load that makes the table and the job's mark anew.
    fn full_load(&self) -> String {
        let target = self.target.to_string();
        let casts: Vec<(String, String)> =
            self.cast.iter().filter_map(|(column, wanted)| Some((column.clone(), wanted.spelled()?))).collect();
        let version = match &self.reading.version {
            TableVersion::Number(number) => Some(("--delta-version", number.to_string())),
            TableVersion::AsOf(time) => Some(("--delta-timestamp", time.clone())),
            TableVersion::Latest => None,
        };
        let line = CommandLine::copy(self.source.iter().map(String::as_str).chain([&*target]))
            .option("--mode", "overwrite")
            .flag("--allow-destructive", true)
            .option("--job", self.job.as_deref())
            .list("--columns", self.columns.as_deref().unwrap_or_default())
            .pairs("--rename", self.rename.iter().map(|(from, to)| (from.as_str(), to.clone())))
            .pairs("--cast", casts.iter().map(|(column, wanted)| (column.as_str(), wanted.clone())))
            .option("--nested", self.nested_json.then_some("json"))
            .flag("--system-columns", self.system_columns)
            .types(&self.reading.types)
            .lossy(self.lossy);
        let line = version.iter().fold(line, |line, (name, value)| line.option(name, &**value));
        // Their text may hold a password.
        let with_sql = [("--pre-sql", &self.pre_sql), ("--post-sql", &self.post_sql)].into_iter().filter(|(_, sql)| !sql.is_empty());
        let with_sql: String = with_sql.map(|(name, _)| format!(" (with the same {name})")).collect();
        let tombstones = if self.soft_delete { " (rows that are marked as deleted go)" } else { "" };
        format!("load all of it: {line}{with_sql}{tombstones}")
    }

    fn refused(&self, name: &TableName, reason: String) -> Error {
        plan_error(name, vec![PlanProblem { column: None, reason, remedy: self.full_load() }])
    }

    fn with_full_load(&self, error: Error) -> Error {
        match error {
            Error::Source { phase, path, message, .. } => Error::Source { phase, path, message, remedy: self.full_load() },
            other => other,
        }
    }
}

/// The mark of the version that was applied last.
fn last_applied(state: &JobState) -> Option<&Mark> {
    let versions = state.marks.iter().filter(|mark| mark.complete && marked_version(mark).is_some());
    versions.max_by_key(|mark| mark.epoch)
}

fn standing_done(state: &JobState, mark: &Mark) -> NamedJob {
    NamedJob {
        name: state.key.job.clone(),
        target: state.key.target(),
        source: state.key.source.clone(),
        epoch: mark.epoch,
        rows_done_before: mark.rows_done,
        rows_rejected_before: mark.rows_rejected,
        reject_files: Vec::new(),
        complete_since: Some(mark.updated_at.clone()),
    }
}

fn is_empty(session: &Session, name: &TableName) -> Result<bool> {
    let mut found = false;
    session.query_rows(&format!("SELECT 1 FROM {} WHERE ROWNUM = 1", sql::table(name)?), &mut |_| {
        found = true;
        Ok(())
    })?;
    Ok(!found)
}
