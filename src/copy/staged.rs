//! Which way an upsert takes, and the staged one.

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use super::failure::{first_line, is_session_dead};
use super::job::{CopyJob, OnError};
use super::plan::{CopyPlan, plan_error};
use super::progress::{Progress, ProgressEvent};
use super::tally::{Parts, Tally};
use crate::error::{Error, Phase, PlanProblem, Result};
use crate::load::{ColumnPair, Dml, Keyed, LoadOptions, LoadPlan, LoadReport, StageKind, StagedLoader, StagedPlan};
use crate::oci::Session;
use crate::oracle_type::TableName;
use crate::sql::literal;
use crate::transaction::{CommitPolicy, Transaction};

/// Source rows from which [`MergeWay::Auto`] stages: below, the DDL and a second pass over the rows cost what one statement saves.
const MIN_STAGED_ROWS: u64 = 100_000;
/// The first release with private temporary tables.
const FIRST_RELEASE: u32 = 18;
/// Set before the rows are staged.
const SAVEPOINT: &str = "OLBRIDGE_STAGED";

/// How the rows of an upsert get into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeWay {
    /// Staged from 100,000 source rows on, where nothing speaks against it; else arrays.
    #[default]
    Auto,
    /// A MERGE executed for arrays of binds.
    Arrays,
    /// Array INSERT into a private temporary table, then one MERGE from there; before server release 18, as [`MergeWay::Global`].
    Staged,
    /// The same through a global temporary table, which is made once and stays.
    Global,
}

impl MergeWay {
    /// All, in the order of the documentation.
    pub const ALL: [MergeWay; 4] = [MergeWay::Auto, MergeWay::Arrays, MergeWay::Staged, MergeWay::Global];

    /// As `--merge` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            MergeWay::Auto => "auto",
            MergeWay::Arrays => "arrays",
            MergeWay::Staged => "staged",
            MergeWay::Global => "global",
        }
    }
}

impl fmt::Display for MergeWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for MergeWay {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        MergeWay::ALL.into_iter().find(|way| way.name() == text).ok_or_else(|| Error::Usage {
            message: format!("unknown way {text:?} of a MERGE"),
            remedy: format!("one of {}", MergeWay::ALL.map(MergeWay::name).join(", ")),
        })
    }
}

/// The way that an upsert takes, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MergeChoice {
    /// `Arrays`, `Staged` or `Global`.
    pub way: MergeWay,
    /// Why.
    pub reason: String,
    /// Statements of the staged way, in their order.
    pub statements: Vec<String>,
}

/// The choice, and the plans of the staged way.
pub(super) type Chosen = (MergeChoice, Option<(StagedPlan, LoadPlan)>);

impl CopyJob {
    /// `--merge`, as far as the options tell.
    pub(super) fn check_merge(&self) -> Result<()> {
        let usage = |message: &str, remedy: &str| Err(Error::Usage { message: message.into(), remedy: remedy.into() });
        if self.merge != MergeWay::Auto && self.mode.dml() != Dml::Upsert {
            return usage("--merge says how an upsert is carried out, and this is none", "--mode upsert --key id, or leave it out");
        }
        let is_staged = matches!(self.merge, MergeWay::Staged | MergeWay::Global);
        if is_staged && self.on_error != OnError::Abort {
            return usage(
                "--merge staged changes all rows by one statement, which does not say which rows it refuses for --rejects",
                "--merge arrays, or leave out --rejects",
            );
        }
        if is_staged && self.commit != CommitPolicy::AtEnd {
            return usage(
                "--merge staged changes all rows by one statement, --commit-rows asks for several commits",
                "--merge arrays, or leave out --commit-rows",
            );
        }
        Ok(())
    }

    /// The way of an upsert, and its plan if it is staged; `None` for anything else.
    pub(super) fn merge_choice(
        &self,
        session: &Session,
        name: &TableName,
        pairs: &[ColumnPair],
        keyed: &Keyed,
        options: &LoadOptions,
        source_rows: Option<u64>,
    ) -> Result<Option<Chosen>> {
        if self.mode.dml() != Dml::Upsert {
            return Ok(None);
        }
        let arrays = |reason: String| Ok(Some((MergeChoice { way: MergeWay::Arrays, reason, statements: Vec::new() }, None)));
        let not_bytes = match self.merge {
            MergeWay::Arrays => None,
            _ => self.why_keys_are_not_bytes(session, name, pairs, &keyed.keys)?,
        };
        match (self.merge, not_bytes) {
            (_, None) => {}
            (MergeWay::Auto, Some(why)) => return arrays(format!("one MERGE takes rows of one key in turn, and {why}")),
            (_, Some(why)) => {
                let reason = format!("--merge {} takes rows of one key in turn, and {why}", self.merge.name());
                let problem = PlanProblem { column: None, reason, remedy: "--merge arrays, which leaves it to the database".into() };
                return Err(plan_error(name, vec![problem]));
            }
        }
        let reason = match (self.merge, source_rows) {
            (MergeWay::Arrays, _) => return arrays("asked for".into()),
            (MergeWay::Staged | MergeWay::Global, _) => "asked for".to_owned(),
            (MergeWay::Auto, _) if self.parallel > 1 => {
                return arrays("several sessions merge, and a staging table is one session's".into());
            }
            (MergeWay::Auto, _) if self.on_error != OnError::Abort => {
                return arrays("refused rows go to a file, and only an array says which they are".into());
            }
            (MergeWay::Auto, _) if self.commit != CommitPolicy::AtEnd => return arrays("rows are committed on the way".into()),
            (MergeWay::Auto, _) if keyed.delete_mark.is_some() => {
                return arrays("changes of one key follow one another where rows are deleted".into());
            }
            (MergeWay::Auto, None) => return arrays("the rows of the source are not counted beforehand".into()),
            (MergeWay::Auto, Some(rows)) if rows < MIN_STAGED_ROWS => {
                return arrays(format!("{rows} rows, fewer than {MIN_STAGED_ROWS}"));
            }
            (MergeWay::Auto, Some(rows)) => format!("{rows} rows, {MIN_STAGED_ROWS} or more"),
        };
        let release = session.server_release()?;
        let is_old = release < FIRST_RELEASE;
        let kind = if is_old || self.merge == MergeWay::Global { StageKind::Global } else { StageKind::Private };
        let (plan, insert) = StagedPlan::of_kind(kind, name, pairs, keyed, options.clone())?;
        if kind == StageKind::Private {
            let statements = [&plan.create_sql, &insert.sql, &plan.merge_sql].into_iter().chain(&plan.drop_sql).cloned().collect();
            return Ok(Some((MergeChoice { way: MergeWay::Staged, reason, statements }, Some((plan, insert)))));
        }
        let old = format!("the server is of release {release}, and private temporary tables came with {FIRST_RELEASE}");
        let is_there = stage_is_there(session, &plan)?;
        if self.merge == MergeWay::Auto && !is_there {
            return arrays(format!("{old}; --merge global makes a global temporary table, which stays, and from then on it is used"));
        }
        let stage = plan.stage().table.clone();
        let fate = if is_there { "is there and used again" } else { "is made, and stays for the next upsert of the same columns" };
        let because = if is_old { format!("; {old}") } else { String::new() };
        let reason = format!("{reason}{because}; the global temporary table {stage} {fate}");
        let created = (!is_there).then_some(&plan.create_sql);
        let statements = created.into_iter().chain([&insert.sql, &plan.merge_sql]).cloned().collect();
        Ok(Some((MergeChoice { way: MergeWay::Global, reason, statements }, Some((plan, insert)))))
    }
}

/// Whether the global temporary table of a plan is there. What is there by its name and is no such table, with these columns and no rows, is
/// never touched.
fn stage_is_there(session: &Session, plan: &StagedPlan) -> Result<bool> {
    let stage = plan.stage();
    let Some(found) = session.describe_table(stage)? else { return Ok(false) };
    let mut kind = String::from("no table of this user");
    let query = format!("SELECT TEMPORARY || ' ' || DURATION FROM USER_TABLES WHERE TABLE_NAME = {}", literal(&stage.table));
    session.query_text(&query, &mut |cells| {
        kind = cells.first().cloned().flatten().unwrap_or_default();
        Ok(())
    })?;
    match kind == "Y SYS$TRANSACTION" && found.columns == plan.stage_columns() {
        true => Ok(true),
        false => Err(Error::Usage {
            message: format!("{stage} is there, but is not the global temporary table that was to be made under this name ({kind})"),
            remedy: format!("DROP TABLE {stage} if it is nobody's, or --merge arrays"),
        }),
    }
}

/// Makes the global temporary table unless it is there; another session may make it at the same time.
fn make_global(session: &Session, staged: &StagedPlan) -> Result<()> {
    if stage_is_there(session, staged)? {
        return Ok(());
    }
    match session.execute_sql(Phase::Ddl, None, &staged.create_sql) {
        Err(error) if !stage_is_there(session, staged).unwrap_or(false) => Err(error),
        _ => Ok(()),
    }
}

impl CopyPlan {
    /// Makes the staging table, before the transaction. Where the way is a free choice and there can be none, the rows go by arrays.
    pub(super) fn create_stage(&mut self, session: &Session) -> Result<()> {
        let Some((staged, _)) = &self.work.staged else { return Ok(()) };
        if self.rows_done_before() > 0 {
            self.go_by_arrays("the job goes on where an earlier run has committed");
            self.work.staged = None;
            return Ok(());
        }
        let made = match staged.drop_sql {
            Some(_) => session.execute_sql(Phase::Ddl, None, &staged.create_sql).map(drop),
            None => make_global(session, staged),
        };
        match made {
            Ok(()) => Ok(()),
            Err(error) if self.merge_asked != MergeWay::Auto || is_session_dead(&error) => Err(error),
            Err(error) => {
                self.go_by_arrays(&format!("there is no staging table ({})", first_line(&error)));
                self.work.staged = None;
                Ok(())
            }
        }
    }

    /// Drops the staging table, after the transaction. What cannot be dropped ends with the session.
    pub(super) fn drop_stage(&self, session: &Session) {
        // Where a rollback has failed, this would commit.
        let drop_sql = self.work.staged.as_ref().and_then(|(staged, _)| staged.drop_sql.as_ref());
        if let (Some(drop_sql), Some(false)) = (drop_sql, session.transaction_in_progress()) {
            let _ = session.execute_sql(Phase::Ddl, None, drop_sql);
        }
    }

    /// The choice, and for the staged way its statements in the place of those of the arrays.
    pub(super) fn take_merge(&mut self, choice: Option<Chosen>) {
        let Some((choice, staged)) = choice else { return };
        if let Some((_, insert)) = &staged {
            self.statement = Some(insert.sql.clone());
            self.statement_reason = Some(
                "array INSERT into a table whose rows are this session's alone, then one MERGE; of rows with the same key the last one stays",
            );
            self.rows_per_execute = insert.rows_per_execute();
            self.buffer_bytes = insert.buffer_bytes() as u64;
        }
        self.merge = Some(choice);
        self.work.staged = staged.map(|(plan, insert)| (plan, Some(insert)));
    }

    pub(super) fn go_by_arrays(&mut self, why: &str) {
        self.warnings.push(format!("the rows go by arrays: {why}"));
        if let Some(merge) = &mut self.merge {
            *merge = MergeChoice { way: MergeWay::Arrays, reason: why.to_owned(), statements: Vec::new() };
        }
    }

    /// The staged way, from the first row to the MERGE. `Ok(Err(why))` when the MERGE was refused and taken back: sent by arrays, the same rows say
    /// which of them it is, or get through.
    pub(super) fn fill_staged(
        &self,
        transaction: &Transaction<'_>,
        (staged, insert): (&StagedPlan, LoadPlan),
        parts: &Parts<'_>,
        tally: &mut Tally,
        progress: &mut dyn Progress,
    ) -> Result<Result<LoadReport, String>> {
        transaction.savepoint(SAVEPOINT)?;
        let refused = match self.stage_and_merge(transaction, (staged, insert), parts, tally, progress) {
            Ok(report) => {
                tally.rows_open = report.rows_loaded;
                return Ok(Ok(report));
            }
            Err(error) => error,
        };
        // A value that no conversion takes is named already.
        let by_us = matches!(&refused, Error::Row(row) if row.phase == Phase::Convert) || matches!(refused, Error::Source { .. });
        let read_once = self.work.source.paths().is_none();
        if by_us || read_once || is_session_dead(&refused) || parts.cancel.is_requested() {
            return Err(refused);
        }
        transaction.rollback_to(SAVEPOINT)?;
        tally.rows_open = 0;
        tally.rows_read = 0;
        Ok(Err(first_line(&refused)))
    }

    fn stage_and_merge(
        &self,
        transaction: &Transaction<'_>,
        (staged, insert): (&StagedPlan, LoadPlan),
        parts: &Parts<'_>,
        tally: &mut Tally,
        progress: &mut dyn Progress,
    ) -> Result<LoadReport> {
        let mut loader = StagedLoader::new(transaction, staged, insert)?;
        let mut reader = self.work.source.read(self.work.read.clone()).inspect(|next| {
            if let (Some(job), Ok(next)) = (parts.job, next) {
                job.has_read(&next.file);
            }
        });
        loop {
            self.refuse_if_cancelled(parts.cancel, tally)?;
            let began = Instant::now();
            let next = reader.next().transpose()?;
            tally.read += began.elapsed();
            let Some(next) = next else { break };
            loader.write(&next.batch, Some(&next.file), next.first_row)?;
            tally.rows_open = loader.rows_staged();
            tally.rows_read += next.batch.num_rows() as u64;
            progress.event(&ProgressEvent::Batch { rows_done: tally.rows_read, bytes_done: next.bytes_done });
        }
        progress.event(&ProgressEvent::Statement { sql: staged.merge_sql.clone() });
        loader.finish()
    }
}
