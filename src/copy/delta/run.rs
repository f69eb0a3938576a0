//! Carrying out a copy into a Delta table.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use olbridge_delta::table::{Assignments, CHANGE_COLUMN, Clause, CommitOptions, Epoch, Merge, Outcome, WriteMode, WriteOptions};
use serde_json::{Value, json};

use super::DeltaJob;
use super::definition::DEFINITION_KEY;
use super::deleted::{DELETE, UPSERT};
use super::epoch::{ALL_ROWS, KEY_KEY};
use super::follow::{DeltaFollowed, WATERMARK_COLUMN_KEY, WATERMARK_KEY};
use super::plan::{DeltaAction, DeltaPlan, Work};
use super::report::{Change, DeltaReport, DeltaTimes};
use super::source::{QuerySource, Read};
use super::{DeletedRows, DeltaMode, checks};
use crate::copy::guard;
use crate::copy::job::Mode;
use crate::copy::progress::{Cancel, Progress};
use crate::copy::report::ms;
use crate::copy::restore;
use crate::error::{Error, Phase, Result};
use crate::lake::sink::ORACLE_COLUMNS_KEY;
use crate::oci::Session;
use crate::transaction::ORA_CANCELLED;

impl DeltaPlan {
    /// Moves the rows: one snapshot, one commit.
    ///
    /// # Errors
    /// Nothing is committed then, except where the message says that a commit was made or is in doubt
    /// ([`crate::transaction::commit_outcome_unknown`]). [`Error::ExportInterrupted`] when `cancel` was requested.
    pub fn run(mut self, session: &Session, progress: &mut dyn Progress, cancel: &Cancel) -> Result<DeltaReport> {
        let began = Instant::now();
        let Some(work) = self.work.take() else {
            return Ok(self.report(Change::Nothing, &Read::default(), began.elapsed()));
        };
        let destroys = (self.action == DeltaAction::Replace).then(|| self.location.clone());
        guard::refuse_unasked(Mode::Overwrite, destroys, self.asked.allow_destructive)?;
        cancel.arm(session.cancel_handle());
        let read = Rc::new(RefCell::new(Read::default()));
        let done = self.commit_rows(work, session, &read, (progress, cancel));
        cancel.disarm();
        let change = done.map_err(|error| self.reason(&error, &mut read.borrow_mut(), cancel))?;
        if let Change::AlreadyThere { epoch } = &change {
            self.asked.refuse_other_work(*epoch, self.snapshot.scn)?;
            self.warnings.extend(self.asked.not_compared()?);
        }
        let read = read.borrow();
        self.check_counts(&change, read.rows)?;
        Ok(self.report(change, &read, began.elapsed()))
    }

    fn commit_rows(
        &self,
        mut work: Work,
        session: &Session,
        read: &Rc<RefCell<Read>>,
        (progress, cancel): (&mut dyn Progress, &Cancel),
    ) -> olbridge_delta::Result<Change> {
        let deletes = match work.deletes.take() {
            None => None,
            Some(query) => Some(
                query
                    .find(
                        &work.table,
                        &self.key,
                        session,
                        (cancel, format!("{}; or {}", self.asked.compare_once(), self.asked.full_load())),
                    )
                    .map_err(|error| {
                        let source =
                            olbridge_delta::Error::Source { location: self.location.clone(), message: error.to_string(), source: None };
                        read.borrow_mut().error = Some(error);
                        source
                    })?,
            ),
        };
        let Work { fetch, named, mut table, new, slices, .. } = work;
        table.set_file_options(self.asked.files.clone());
        let commit = self.commit_options(&restore::describe(&fetch.columns, &named));
        let names: Vec<String> = fetch.schema.fields().iter().map(|field| field.name().clone()).collect();
        let with_deletes = deletes.is_some();
        let slices = (self.readers.as_ref().map_or(1, |readers| readers.sessions), slices);
        let defined = (self.known.clone(), self.asked.export.source.table.clone());
        let mut source = QuerySource { plan: fetch, slices, session, progress, cancel, read: Rc::clone(read), deletes, defined };
        if self.action == DeltaAction::Merge {
            self.asked.add_columns(&mut table, &source.plan.schema)?;
            let merge = Merge { losses: self.asked.losses.clone(), ..self.merge(&names, with_deletes) };
            return Ok(match table.merge(&mut source, &merge, &commit)? {
                Outcome::Committed { version, metrics, attempts } => Change::Merged { version, attempts, metrics: metrics.into() },
                Outcome::AlreadyCommitted { epoch } => Change::AlreadyThere { epoch },
                Outcome::Ignored => Change::Nothing,
            });
        }
        let mode = match self.action {
            DeltaAction::Replace => WriteMode::Overwrite,
            // Somebody may make it meanwhile: what is done then is what is done with a table that is there.
            DeltaAction::Create => match self.asked.mode {
                // Its rows would be nobody's changes.
                DeltaMode::Create if self.followed.is_some() => WriteMode::ErrorIfExists,
                DeltaMode::Create => WriteMode::Append,
                DeltaMode::Ignore => WriteMode::Ignore,
                DeltaMode::Overwrite if self.asked.allow_destructive => WriteMode::Overwrite,
                _ => WriteMode::ErrorIfExists,
            },
            _ => WriteMode::Append,
        };
        let options = WriteOptions {
            mode,
            schema_mode: self.asked.schema_mode,
            create: new,
            losses: self.asked.losses.clone(),
            target_file_bytes: self.asked.target_file_bytes,
            key: self.key.clone(),
            ..WriteOptions::default()
        };
        Ok(match table.write(&mut source, &options, &commit)? {
            Outcome::Committed { version, metrics, attempts } => Change::Written {
                version,
                attempts,
                rows: metrics.rows_written,
                files_added: metrics.files_added,
                files_removed: metrics.files_removed,
                created: metrics.created,
            },
            Outcome::AlreadyCommitted { epoch } => Change::AlreadyThere { epoch },
            Outcome::Ignored => Change::Nothing,
        })
    }

    /// Rows that are as they were are left alone: those of an overlap come again and again.
    fn merge(&self, names: &[String], with_deletes: bool) -> Merge {
        if self.followed.is_none() {
            return Merge::upsert(&self.key);
        }
        let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
        let differs = names.iter().filter(|name| !self.key.contains(name));
        let differs: Vec<String> = differs.map(|name| format!("(target.{0} IS DISTINCT FROM source.{0})", quoted(name))).collect();
        let is = |what: &str| with_deletes.then(|| format!("source.\"{CHANGE_COLUMN}\" = '{what}'"));
        let mut clauses = Vec::new();
        if with_deletes {
            clauses.push(Clause::MatchedDelete { condition: is(DELETE) });
        }
        if !differs.is_empty() {
            let differs = format!("({})", differs.join(" OR "));
            let condition = Some(is(UPSERT).map_or(differs.clone(), |is| format!("{is} AND {differs}")));
            clauses.push(Clause::MatchedUpdate { condition, set: Assignments::All });
        }
        clauses.push(Clause::NotMatchedInsert { condition: is(UPSERT), set: Assignments::All });
        Merge { clauses, source_only: vec![CHANGE_COLUMN.into()], ..Merge::upsert(&self.key) }
    }

    /// What the commit says of itself: which moment of which source it is, and which columns that had.
    fn commit_options(&self, oracle_columns: &str) -> CommitOptions {
        let mut metadata: BTreeMap<String, Value> = BTreeMap::new();
        metadata.insert("olbridge.source".into(), json!(self.source));
        metadata.insert(ORACLE_COLUMNS_KEY.into(), json!(oracle_columns));
        if let Some(scn) = self.snapshot.scn {
            metadata.insert("olbridge.scn".into(), json!(scn));
        }
        if self.job.is_some() {
            metadata.insert(checks::DELETED_ROWS_KEY.into(), self.deleted_rows_said());
        }
        let is_looked_at = match &self.followed {
            Some(_) => true,
            None => self.asked.mode == DeltaMode::Overwrite && !self.key.is_empty(),
        };
        if is_looked_at {
            metadata.insert(KEY_KEY.into(), json!(self.key));
        }
        if let (Some(said), Some(_)) = (&self.known.said, &self.job) {
            metadata.insert(DEFINITION_KEY.into(), said.clone());
        }
        if let Some((column, Some(value))) = self.followed.as_ref().and_then(|followed| followed.watermark.as_ref()) {
            metadata.insert(WATERMARK_COLUMN_KEY.into(), json!(column));
            metadata.insert(WATERMARK_KEY.into(), json!(value));
        }
        let epoch = self.job.as_ref().zip(self.snapshot.scn).map(|(job, scn)| {
            metadata.insert("olbridge.job".into(), json!(job));
            metadata.insert(checks::SELECTION_KEY.into(), json!(checks::selection(&self.asked).to_string()));
            Epoch { app_id: DeltaJob::app_id(job), epoch: i64::try_from(scn).unwrap_or(i64::MAX) }
        });
        CommitOptions { epoch, metadata, ..CommitOptions::default() }
    }

    /// What the commit says of rows that the source has no more.
    fn deleted_rows_said(&self) -> Value {
        match (&self.followed, self.action) {
            (Some(DeltaFollowed { after_scn: Some(_), deleted_rows, .. }), _) => json!(deleted_rows),
            (Some(_), _) | (None, DeltaAction::Create | DeltaAction::Replace) => json!(ALL_ROWS),
            (None, _) => json!(DeletedRows::Stay),
        }
    }

    /// Why it failed: the database's own error where it was that, an interruption where that was asked for.
    fn reason(&self, error: &olbridge_delta::Error, read: &mut Read, cancel: &Cancel) -> Error {
        let broken_off = || Error::ExportInterrupted { path: self.location.clone().into(), rows_fetched: read.rows };
        match read.error.take() {
            // What a later attempt failed with does not matter to whoever has to find out about the earlier one.
            _ if error.outcome_unknown() => self.asked.failed(error, Phase::Write),
            Some(Error::Database { ora_code: ORA_CANCELLED, .. }) if cancel.is_requested() => broken_off(),
            Some(cause) => {
                let after = self.followed.as_ref().and_then(|followed| followed.after_scn);
                self.asked.explain_versions(cause, after)
            }
            None if cancel.is_requested() && matches!(error, olbridge_delta::Error::Source { .. }) => broken_off(),
            None => self.asked.failed(error, Phase::Write),
        }
    }

    /// Nothing lost, nothing twice: what was read and what the commit counts is one number.
    fn check_counts(&self, change: &Change, rows_read: u64) -> Result<()> {
        let (version, counted) = match change {
            Change::Written { version, rows, .. } => (version, *rows),
            Change::Merged { version, metrics, .. } => (version, metrics.source_rows),
            Change::AlreadyThere { .. } | Change::Nothing => return Ok(()),
        };
        if counted == rows_read {
            return Ok(());
        }
        Err(Error::Source {
            phase: Phase::Write,
            path: self.location.clone().into(),
            message: format!("the commit was made as version {version}, and counts {counted} rows where {rows_read} were read"),
            remedy: "compare the table with its source before it is run again, and report this".into(),
        })
    }

    fn report(self, change: Change, read: &Read, total: Duration) -> DeltaReport {
        let rows = if matches!(change, Change::AlreadyThere { .. } | Change::Nothing) { 0 } else { read.rows };
        DeltaReport {
            source: self.source,
            location: self.location,
            action: self.action,
            select_sql: self.select_sql,
            snapshot: self.snapshot,
            followed: self.followed,
            job: self.job,
            change,
            rows,
            readers: self.readers,
            fetches: read.batches,
            buffer_bytes: self.buffer_bytes,
            rows_per_second: (rows as f64 / total.as_secs_f64().max(1e-6)) as u64,
            times: DeltaTimes {
                fetch_ms: ms(read.fetch),
                convert_ms: ms(read.convert),
                write_ms: ms(total.saturating_sub(read.busy)),
                total_ms: ms(total),
                ..DeltaTimes::default()
            }
            .with_parts(read.busy, total),
            warnings: self.warnings,
        }
    }
}
