//! What a copy will do, decided before a row moves: this is what `--dry-run` prints and `run` carries out.

use arrow::datatypes::Field;

use super::columns::{PlanColumn, charset_for, only_needed, plan_columns, statement_reason};
use super::failure::was_broken_off;
use super::incremental::Followed;
use super::job::{CopyJob, Mode, OnError};
use super::keys::{delete_mark, keep_keys, primary_key, resolve_keys, with_row_address};
use super::matching::{match_new_table, match_table, select, unfilled_warnings};
use super::named_job::NamedJob;
use super::only_keys::Removal;
use super::parallel::{Crew, Sessions};
use super::preflight::PreflightReport;
use super::progress::Cancel;
use super::restore::original_type;
use super::staged::{MergeChoice, MergeWay};
use super::state::JobState;
use super::system_columns::{new_columns, without_stamped};
use super::text_types::decide_by_table;
use super::vectors::complete_targets;
use crate::error::{Error, PlanProblem, Result};
use crate::lake::parquet::ReadOptions;
use crate::lake::source::Source;
use crate::load::{ColumnPair, DeleteMark, Dml, Keyed, LoadPlan, NotFound, StagedPlan};
use crate::oci::Session;
use crate::oracle_type::{ColumnDesc, DatabaseCharset, OracleType, TableDesc, TableName};
use crate::sql;
use crate::transaction::CommitPolicy;
use crate::type_map::{TextStats, default_oracle_type};

/// Rows of a decoded batch at most: enough to amortise the work per batch, few enough to stay in the cache.
const MAX_READ_ROWS: usize = 8192;
/// Rows of a decoded batch at least, even when an execute takes fewer.
pub(super) const MIN_READ_ROWS: usize = 512;

/// What a run does to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableAction {
    /// Rows are added to a table that is there.
    Append,
    /// The table is created, and dropped again if the load fails.
    Create,
    /// TRUNCATE, then rows.
    Truncate,
    /// DELETE and INSERT in one transaction.
    Replace,
    /// The table is there, so nothing is done.
    Skip,
    /// MERGE by key.
    Upsert,
    /// UPDATE by key.
    Update,
    /// DELETE by key.
    Delete,
}

/// The plan of a copy. `Display` is for people, `Serialize` for `--report json`.
#[derive(Debug, serde::Serialize)]
pub struct CopyPlan {
    /// The target without any secret.
    pub target: String,
    /// The table.
    pub table: String,
    /// As asked for.
    pub mode: Mode,
    /// What the mode comes to, given the table that is or is not there.
    pub action: TableAction,
    /// What the user named.
    pub sources: Vec<String>,
    /// Files found.
    pub files: u64,
    /// Rows in them, where the format tells it beforehand.
    pub source_rows: Option<u64>,
    /// Bytes of them on disk.
    pub source_bytes: u64,
    /// Statement before the first row: CREATE TABLE, TRUNCATE or DELETE.
    pub first_statement: Option<String>,
    /// The rows that are there may be removed, where the mode does so.
    pub allow_destructive: bool,
    /// Of which versions changes are read, and how.
    pub followed: Option<Followed>,
    /// The user's statements before the rows.
    pub pre_sql: Vec<String>,
    /// The user's statements after the rows, in their transaction.
    pub post_sql: Vec<String>,
    /// The array statement; `None` when nothing is done.
    pub statement: Option<String>,
    /// The way that an upsert takes, and why.
    pub merge: Option<MergeChoice>,
    /// Why this statement.
    pub statement_reason: Option<&'static str>,
    /// What becomes of a source row whose key is not in the table, in the modes that look for it.
    pub not_found: Option<NotFound>,
    /// Its columns in placeholder order.
    pub columns: Vec<PlanColumn>,
    /// Rows per execute to begin with; long texts may lower it.
    pub rows_per_execute: u32,
    /// Memory of all array buffers.
    pub buffer_bytes: u64,
    /// The next batch is converted, into a second set of array buffers, while the present one is executed.
    pub overlap: bool,
    /// Sessions that load at the same time; each has its own array buffers.
    pub sessions: Sessions,
    /// Rows to be deleted are marked and stay.
    pub soft_delete: bool,
    /// Rows that are inserted or updated are stamped in `_updated` and `_deleted`, which a created table gets.
    pub system_columns: bool,
    /// What a bad row does.
    pub on_error: OnError,
    /// When rows become durable.
    pub commit: CommitPolicy,
    /// Losses that are accepted, comma-separated.
    pub lossy: String,
    /// What the database knows of the job, if it has a name.
    pub job: Option<NamedJob>,
    /// What a look at all values has found, if one was asked for.
    pub preflight: Option<PreflightReport>,
    /// What is allowed but worth knowing.
    pub warnings: Vec<String>,
    #[serde(skip)]
    pub(super) merge_asked: MergeWay,
    #[serde(skip)]
    pub(super) work: Work,
}

/// What a run needs beyond what is shown.
pub(super) struct Work {
    pub name: TableName,
    /// The table as it was described; `None` if it is to be created.
    pub existing: Option<TableDesc>,
    pub source: Source,
    pub read: ReadOptions,
    pub load: Option<LoadPlan>,
    /// The staged way of an upsert, if that is taken.
    pub staged: Option<(StagedPlan, Option<LoadPlan>)>,
    /// Of the sessions beside the first one.
    pub crew: Option<Crew>,
    pub job: Option<JobState>,
    /// Rows that a statement of its own deletes.
    pub removal: Option<Removal>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("name", &self.name).finish_non_exhaustive()
    }
}

impl CopyJob {
    /// Opens the source, describes the table, matches columns and types. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Plan`] with every problem found; [`Error::Usage`] for contradicting options; [`Error::Source`] for unreadable files.
    pub fn plan(&self, session: &Session) -> Result<CopyPlan> {
        self.plan_until(session, &Cancel::new())
    }

    /// As [`Self::plan`], which may read the whole source for the lengths of a new table's columns, until `cancel` is requested.
    ///
    /// # Errors
    /// As [`Self::plan`], and [`Error::Interrupted`].
    pub fn plan_until(&self, session: &Session, cancel: &Cancel) -> Result<CopyPlan> {
        self.check()?;
        let name = self.target.require_table()?.clone();
        cancel.arm(session.cancel_handle());
        let planned = self.plan_table(session, &name, &|| match cancel.is_requested() {
            true => Err(interrupted(&name)),
            false => Ok(()),
        });
        cancel.disarm();
        planned.map_err(|error| if was_broken_off(&error, cancel) { interrupted(&name) } else { error })
    }

    fn plan_table(&self, session: &Session, name: &TableName, proceed: &dyn Fn() -> Result<()>) -> Result<CopyPlan> {
        let source = Source::open(&self.source, &self.reading)?;
        self.check_order(&source)?;
        match self.incremental {
            Some(way) => self.plan_changes(session, name, source, way, proceed),
            None => self.plan_source(session, name, source, proceed),
        }
    }

    pub(super) fn plan_source(
        &self,
        session: &Session,
        name: &TableName,
        mut source: Source,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<CopyPlan> {
        let name = name.clone();
        let existing = session.describe_table(&name)?;
        let action = table_action(self.mode, existing.is_some()).map_err(|problem| plan_error(&name, vec![problem]))?;
        if action == TableAction::Skip {
            return Ok(self.skip_plan(name, existing, source));
        }
        let (job, job_state) = self.job_state(session, &name, action, &source, proceed)?.unzip();
        if job.as_ref().is_some_and(|job| job.complete_since.is_some()) {
            return Ok(CopyPlan { job, ..self.skip_plan(name, existing, source) });
        }
        let mut problems = Vec::new();
        let mut selected = select(source.schema(), self.columns.as_deref(), &self.rename, &mut problems);
        if self.mode == Mode::Delete {
            keep_keys(source.schema(), &mut selected, &self.key);
        }
        let mark = self.delete_when.as_ref().and_then(|(column, value)| delete_mark(source.schema(), column, value, &mut problems));
        if let (Some(mark), None) = (&mark, &self.columns) {
            selected.retain(|column| column.source_index != mark.source_index);
        }
        let indices: Vec<usize> = selected.iter().map(|s| s.source_index).collect();
        // A refused row is kept with all its columns, so all are read.
        let all_columns: Option<Vec<usize>> = (self.on_error != OnError::Abort).then(|| (0..source.schema().fields().len()).collect());
        proceed()?;
        source.settle_int96(all_columns.as_ref().unwrap_or(&indices))?;
        source.settle_intervals(all_columns.as_ref().unwrap_or(&indices))?;
        if all_columns.is_none() {
            source.narrow_decimals(&indices);
        }
        match &existing {
            Some(table) => decide_by_table(&mut source, &selected, table),
            None => source.infer(&indices, proceed)?,
        }
        let schema = source.schema().clone();
        let casting = self.with_source_names(&schema, existing.is_none(), &mut problems);
        let mut pairs = match &existing {
            Some(table) => match_table(&schema, &selected, &with_row_address(table, &self.key), &mut problems),
            None => {
                let stats = casting.new_column_stats(&source, &indices, problems.is_empty(), proceed)?;
                let type_of = |index: usize, field: &Field| match casting.created(field) {
                    Ok(oracle_type) => Ok(oracle_type),
                    Err(Some(made)) => new_column_type(&made, &stats[index]),
                    Err(None) => original_type(&source, field, &stats[index])
                        .map_or_else(|| new_column_type(field, &self.with_room(field, &stats[index])), Ok),
                };
                match_new_table(&schema, &selected, type_of, &mut problems)
            }
        };
        if existing.is_some() {
            complete_targets(session, &name, &mut pairs);
        }
        let keys = resolve_keys("--key", &self.key, &pairs, &mut problems);
        let primary_key = if existing.is_none() { primary_key(&self.primary_key, &mut pairs, &mut problems) } else { Vec::new() };
        let (soft_delete, stamp) = self.plan_system_columns(existing.as_ref(), &pairs, &mut problems);
        // Its type may have been settled since.
        let delete_mark = mark.map(|mark| DeleteMark { field: source.schema().field(mark.source_index).clone(), ..mark });
        let mut keyed = Keyed { keys, delete_mark, soft_delete, stamp };
        let (pairs, columns) = match all_columns {
            Some(columns) => (pairs, columns),
            None => only_needed(pairs, keyed.delete_mark.as_mut()),
        };
        let (charset, warning) = charset_for(session, &pairs)?;
        let removal = casting.split_removal(&name, &pairs, &mut keyed, &charset)?;
        let load = casting.load_plan(&name, &pairs, &keyed, problems, charset.clone())?;
        let another = || casting.load_plan(&name, &pairs, &keyed, Vec::new(), charset.clone());
        let (sessions, crew) = casting.crew(session, (&name, action), &pairs, &keyed, &primary_key, &another)?;
        let merge_way = if removal.is_some() { MergeWay::Arrays } else { casting.merge };
        let merge =
            CopyJob { merge: merge_way, ..casting.clone() }.merge_choice(session, &name, &pairs, &keyed, &load.options, source.rows())?;
        let mut plan = self.finish(name.clone(), existing, action, source, columns, &pairs, &primary_key, &keyed, load)?;
        plan.warnings.extend(warning);
        plan.take_merge(merge);
        if let (Some(removal), Some(statement)) = (&removal, &mut plan.statement) {
            *statement = format!("{};\n{statement}", removal.sql);
        }
        plan.work.removal = removal;
        plan.warnings.extend(sessions.note.as_ref().map(|note| format!("one session instead of {}: {note}", self.parallel)));
        (plan.sessions, plan.work.crew) = (sessions, crew);
        (plan.job, plan.work.job) = (job, job_state);
        if self.preflight {
            plan.preflight = Some(plan.look_at_values(another()?, &pairs, proceed)?);
        }
        Ok(plan)
    }

    fn load_plan(
        &self,
        name: &TableName,
        pairs: &[ColumnPair],
        keyed: &Keyed,
        mut problems: Vec<PlanProblem>,
        charset: DatabaseCharset,
    ) -> Result<LoadPlan> {
        let planned = match self.mode.dml() {
            // Without its keys there is no statement, and the reason is among the problems.
            dml if dml.has_key() && keyed.keys.is_empty() && !pairs.is_empty() => Err(plan_error(name, Vec::new())),
            dml => LoadPlan::dml(dml, name, pairs, keyed, self.load_options(charset, self.keys_to_come(pairs, keyed))),
        };
        match planned {
            Ok(plan) if problems.is_empty() => Ok(plan),
            // No pair at all is only worth a line of its own when nothing else explains it.
            Err(Error::Plan { .. }) if pairs.is_empty() && !problems.is_empty() => Err(plan_error(name, problems)),
            Err(Error::Plan { problems: more, .. }) => {
                problems.extend(more);
                Err(plan_error(name, problems))
            }
            Ok(_) => Err(plan_error(name, problems)),
            Err(other) => Err(other),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one plan, put together in one place")]
    fn finish(
        &self,
        name: TableName,
        existing: Option<TableDesc>,
        action: TableAction,
        source: Source,
        columns: Vec<usize>,
        pairs: &[ColumnPair],
        primary_key: &[String],
        keyed: &Keyed,
        load: LoadPlan,
    ) -> Result<CopyPlan> {
        let columns_of_pairs: Vec<ColumnDesc> = pairs.iter().map(|p| p.target.clone()).collect();
        let defaulted = if keyed.stamp.is_some() { &new_columns()[..] } else { &[] };
        let first_statement = match action {
            TableAction::Create => Some(sql::create_table_with(&name, &columns_of_pairs, defaulted, primary_key)?),
            TableAction::Truncate => Some(sql::truncate(&name)?),
            TableAction::Replace => Some(sql::delete_all(&name)?),
            TableAction::Append | TableAction::Skip | TableAction::Upsert | TableAction::Update | TableAction::Delete => None,
        };
        // An UPDATE or a DELETE makes no row.
        let inserted_into = existing.as_ref().filter(|_| !matches!(load.dml, Dml::Update | Dml::Delete));
        let mut warnings =
            inserted_into.map(|table| unfilled_warnings(&without_stamped(table, keyed.stamp.as_ref()), pairs)).unwrap_or_default();
        if existing.is_some() && !self.primary_key.is_empty() {
            warnings.push("the table exists: --primary-key is not applied".into());
        }
        let mut batch_rows = (load.rows_per_execute() as usize).clamp(MIN_READ_ROWS, MAX_READ_ROWS);
        if let CommitPolicy::EveryRows(rows) = self.commit {
            // The run looks between batches whether a commit is due.
            batch_rows = batch_rows.min(usize::try_from(rows.get()).unwrap_or(usize::MAX));
        }
        let work = Work {
            name,
            existing,
            source,
            read: ReadOptions { columns, batch_rows },
            load: None,
            staged: None,
            crew: None,
            job: None,
            removal: None,
        };
        Ok(CopyPlan {
            action,
            first_statement,
            statement: Some(load.sql.clone()),
            statement_reason: Some(statement_reason(&load)),
            not_found: matches!(load.dml, Dml::Update | Dml::Delete).then_some(load.options.not_found),
            columns: plan_columns(&load, pairs),
            rows_per_execute: load.rows_per_execute(),
            buffer_bytes: load.buffer_bytes() as u64,
            overlap: self.overlap && load.can_overlap() && !self.target.is_null(),
            warnings,
            ..self.empty_plan(Work { load: Some(load), ..work })
        })
    }
}

/// Nothing has moved yet.
fn interrupted(table: &TableName) -> Error {
    Error::Interrupted { table: table.to_string(), rows_rolled_back: 0, rows_committed: 0 }
}

pub(super) fn plan_error(table: &TableName, problems: Vec<PlanProblem>) -> Error {
    Error::Plan { table: table.to_string(), problems }
}

fn table_action(mode: Mode, exists: bool) -> Result<TableAction, PlanProblem> {
    let problem = |reason: &str, remedy: &str| Err(PlanProblem { column: None, reason: reason.into(), remedy: remedy.into() });
    match (mode, exists) {
        (Mode::Append | Mode::Truncate | Mode::Upsert | Mode::Update | Mode::Delete, false) => {
            problem("there is no such table, or this user may not see it", "--mode create to create it, or name its owner: SCHEMA.TABLE")
        }
        (Mode::ErrorIfExists, true) => problem("the table exists", "--mode append to add rows, --mode overwrite to replace them"),
        (Mode::Append | Mode::Create, true) => Ok(TableAction::Append),
        (Mode::Truncate, true) => Ok(TableAction::Truncate),
        (Mode::Overwrite, true) => Ok(TableAction::Replace),
        (Mode::Ignore, true) => Ok(TableAction::Skip),
        (Mode::Upsert, true) => Ok(TableAction::Upsert),
        (Mode::Update, true) => Ok(TableAction::Update),
        (Mode::Delete, true) => Ok(TableAction::Delete),
        (Mode::Overwrite | Mode::Create | Mode::ErrorIfExists | Mode::Ignore, false) => Ok(TableAction::Create),
    }
}

fn new_column_type(field: &Field, stats: &TextStats) -> Result<OracleType, PlanProblem> {
    default_oracle_type(field, stats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::DataType;

    #[test]
    fn every_mode_has_an_action_for_a_table_that_is_there_and_one_that_is_not() {
        use TableAction::*;
        for (mode, there, missing) in [
            (Mode::Append, Some(Append), None),
            (Mode::Truncate, Some(Truncate), None),
            (Mode::Overwrite, Some(Replace), Some(Create)),
            (Mode::Create, Some(Append), Some(Create)),
            (Mode::ErrorIfExists, None, Some(Create)),
            (Mode::Ignore, Some(Skip), Some(Create)),
            (Mode::Upsert, Some(Upsert), None),
            (Mode::Update, Some(Update), None),
            (Mode::Delete, Some(Delete), None),
        ] {
            assert_eq!(table_action(mode, true).ok(), there, "{mode}");
            assert_eq!(table_action(mode, false).ok(), missing, "{mode}");
        }
    }

    #[test]
    fn new_columns_are_as_wide_as_their_values() {
        let field = Field::new("t", DataType::Utf8, false);
        let of = |bytes| new_column_type(&field, &TextStats { max_bytes: Some(bytes) });
        assert_eq!(of(17).unwrap().to_string(), "VARCHAR2(17)");
        assert_eq!(of(4001).unwrap(), OracleType::Clob);
        assert_eq!(of(5_000_000_000).unwrap(), OracleType::Clob);
        assert!(new_column_type(&Field::new("l", DataType::new_list(DataType::Int8, true), true), &TextStats::default()).is_err());
    }
}
