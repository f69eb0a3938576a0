//! One commit, exactly once: what is said of it, and the loop that runs an operation again after another writer was faster.

use std::collections::BTreeMap;
use std::time::Duration;

use deltalake::kernel::Transaction;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableError};
use serde_json::Value;
use uuid::Uuid;

use super::Table;
use super::fault::{delta_error, is_conflict};
use super::guard::{Fate, Found, Sent};
use crate::error::{Error, Result};

/// Commit info under which each attempt's own name stands, by which people find a commit of unknown fate again.
const ATTEMPT_KEY: &str = "olbridge.attempt";
/// Commit info under which an operation's counts stand.
const METRICS_KEY: &str = "operationMetrics";
/// Commit info that says of an overwrite that the rows are those that were there.
pub const OWN_ROWS_KEY: &str = "olbridge.own_rows";
/// deltalake's own tries to put an append after those of others; its default of 15 is too few for eight writers.
const APPEND_RETRIES: usize = 100;
/// How often a store is asked what became of a commit whose answer was lost, with a pause before each time.
const LOOKS: u32 = 6;

/// A piece of work that must be in the table once: the application transaction of the Delta protocol. Epochs of one application only grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Name of the application, such as `olbridge/JOB`.
    pub app_id: String,
    /// Number of the piece.
    pub epoch: i64,
}

/// What is said of a commit.
#[derive(Debug, Clone)]
pub struct CommitOptions {
    /// The piece of work that it is; a commit of an epoch that the table has already, or a later one, is not made.
    pub epoch: Option<Epoch>,
    /// Keys and values of the commit info (`olbridge.scn`, …), seen in the history.
    pub metadata: BTreeMap<String, Value>,
    /// How often the whole operation is run when other writers are faster. One-shot sources have one attempt in any case.
    pub max_attempts: u32,
}

impl Default for CommitOptions {
    fn default() -> Self {
        CommitOptions { epoch: None, metadata: BTreeMap::new(), max_attempts: 10 }
    }
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<M> {
    /// It is in the table.
    Committed {
        /// The version that it made; the version before where nothing had to be changed.
        version: u64,
        /// Its counts.
        metrics: M,
        /// How often it was run.
        attempts: u32,
    },
    /// The table has this epoch, or a later one, already: nothing was done.
    AlreadyCommitted {
        /// The epoch that the table has.
        epoch: i64,
    },
    /// The table exists, and the mode is to leave it alone then.
    Ignored,
}

impl<M> Outcome<M> {
    /// The counts, if something was done.
    pub fn metrics(&self) -> Option<&M> {
        match self {
            Outcome::Committed { metrics, .. } => Some(metrics),
            _ => None,
        }
    }

    /// The same with other counts.
    pub fn map<N>(self, change: impl FnOnce(M) -> N) -> Outcome<N> {
        match self {
            Outcome::Committed { version, metrics, attempts } => Outcome::Committed { version, metrics: change(metrics), attempts },
            Outcome::AlreadyCommitted { epoch } => Outcome::AlreadyCommitted { epoch },
            Outcome::Ignored => Outcome::Ignored,
        }
    }
}

/// Why one run of an operation has failed.
pub(crate) enum Failure {
    /// In deltalake: it may be run again.
    Delta(DeltaTableError),
    /// Elsewhere: it is final.
    Final(Error),
}

impl From<DeltaTableError> for Failure {
    fn from(error: DeltaTableError) -> Self {
        Failure::Delta(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Final(error)
    }
}

/// What one run has done.
pub(crate) enum Ran<M> {
    /// The table after the commit, and counts.
    Committed(Box<DeltaTable>, M),
    /// The same, and the counts are in the commit info.
    Written(Box<DeltaTable>),
    /// Nothing was to be done.
    Ignored,
}

/// How one attempt has ended.
enum Tried<M> {
    /// The attempts are counted by who tries.
    Done(Outcome<M>),
    /// Others were faster, and nothing of it is in the table.
    Disturbed(String),
    /// The commit was sent, and nobody knows whether it is in the table.
    Unknown(Sent, String),
    /// The table could not be opened; nothing was begun.
    NotBegun(Error),
    /// Nothing of it is in the table, and the next attempt would fail as well.
    Failed(Error),
}

/// What the commit of one attempt says of itself.
#[derive(Clone)]
pub(crate) struct Said {
    metadata: BTreeMap<String, Value>,
    epoch: Option<Epoch>,
    retries: usize,
}

impl Said {
    /// With the counts of what was done, where deltalake does not put them there itself.
    pub fn with_metrics(mut self, metrics: Value) -> Said {
        self.metadata.insert(METRICS_KEY.into(), metrics);
        self
    }

    /// Not put after the commits of others.
    pub fn without_retries(self) -> Said {
        Said { retries: 0, ..self }
    }

    /// deltalake's form.
    pub fn properties(self) -> CommitProperties {
        let properties = CommitProperties::default().with_metadata(self.metadata).with_max_retries(self.retries);
        match &self.epoch {
            Some(epoch) => properties.with_application_transaction(Transaction::new(&epoch.app_id, epoch.epoch)),
            None => properties,
        }
    }
}

impl CommitOptions {
    fn said(&self, attempt: &str, retries: usize) -> Said {
        let mut metadata = self.metadata.clone();
        metadata.insert(ATTEMPT_KEY.into(), attempt.into());
        Said { metadata, epoch: self.epoch.clone(), retries }
    }
}

impl Table {
    /// Runs an operation until it is committed, is found to be committed, or cannot be. `run` begins with the newest version each time; `counts`
    /// reads its counts from the commit info.
    pub(crate) fn run<M>(
        &mut self,
        action: &'static str,
        options: &CommitOptions,
        may_run_again: bool,
        run: impl FnMut(&Table, CommitProperties) -> Result<Ran<M>, Failure>,
        counts: impl FnMut(&BTreeMap<String, Value>) -> M,
    ) -> Result<Outcome<M>> {
        self.run_judging(action, &[], options, may_run_again, run, counts)
    }

    /// The same for an operation that judges rows by `conditions`: statistics of the version it runs on that could mislead it are taken away first.
    pub(crate) fn run_judging<M>(
        &mut self,
        action: &'static str,
        conditions: &[&str],
        options: &CommitOptions,
        may_run_again: bool,
        mut run: impl FnMut(&Table, CommitProperties) -> Result<Ran<M>, Failure>,
        counts: impl FnMut(&BTreeMap<String, Value>) -> M,
    ) -> Result<Outcome<M>> {
        self.run_saying(action, conditions, options, may_run_again, |table, said| run(table, said.properties()), counts)
    }

    /// The same for an operation that may have more to say in its commit.
    pub(crate) fn run_saying<M>(
        &mut self,
        action: &'static str,
        conditions: &[&str],
        options: &CommitOptions,
        may_run_again: bool,
        mut run: impl FnMut(&Table, Said) -> Result<Ran<M>, Failure>,
        mut counts: impl FnMut(&BTreeMap<String, Value>) -> M,
    ) -> Result<Outcome<M>> {
        let max_attempts = if may_run_again { options.max_attempts.max(1) } else { 1 };
        let (mut attempts, mut doubt) = (0, None::<(Sent, Error)>);
        let error = loop {
            attempts += 1;
            match doubt.as_ref().map(|(sent, _)| self.wait(self.guard.0.look(sent))).transpose()?.zip(doubt.as_ref()) {
                Some((Found::Ours, (sent, _))) => {
                    return Ok(Outcome::Committed { version: sent.version(), metrics: counts(&sent.info()), attempts: attempts - 1 });
                }
                Some((Found::Another, _)) => doubt = None,
                _ => {}
            }
            let name = Uuid::new_v4().to_string();
            let more = attempts < max_attempts;
            match self.attempt(action, conditions, options, &name, &mut run, &mut counts) {
                Tried::Done(Outcome::Committed { version, metrics, .. }) => return Ok(Outcome::Committed { version, metrics, attempts }),
                Tried::Done(outcome) => return Ok(outcome),
                Tried::Unknown(sent, why) => {
                    let error = self.in_doubt(action, options, &sent, &name, why);
                    // What has an epoch cannot be in the table twice: a commit that comes late is refused, or refuses this one.
                    if !more || options.epoch.is_none() {
                        break error;
                    }
                    doubt = Some((sent, error));
                }
                Tried::Disturbed(_) if more => {}
                Tried::NotBegun(_) if more && doubt.is_some() => {}
                Tried::Disturbed(message) => break Error::Conflict { action, location: self.location().to_string(), attempts, message },
                Tried::NotBegun(error) | Tried::Failed(error) => break error,
            }
            std::thread::sleep(pause(attempts));
        };
        Err(doubt.map_or(error, |(_, in_doubt)| in_doubt))
    }

    /// One attempt, on the newest version.
    fn attempt<M>(
        &mut self,
        action: &'static str,
        conditions: &[&str],
        options: &CommitOptions,
        name: &str,
        run: &mut impl FnMut(&Table, Said) -> Result<Ran<M>, Failure>,
        counts: &mut impl FnMut(&BTreeMap<String, Value>) -> M,
    ) -> Tried<M> {
        match self.refresh().and_then(|()| self.epoch_done(options)) {
            Ok(None) => {}
            Ok(Some(epoch)) => return Tried::Done(Outcome::AlreadyCommitted { epoch }),
            Err(error) => return Tried::NotBegun(error),
        }
        if let Err(error) = self.repair_for(conditions) {
            return Tried::Failed(error);
        }
        self.guard.0.begin();
        let before = self.version();
        // Where there is no table, deltalake's own next try would put a second one on top of that of another writer, unlooked at.
        let retries = if before.is_some() { APPEND_RETRIES } else { 0 };
        let error = match run(self, options.said(name, retries)) {
            Ok(Ran::Ignored) => return Tried::Done(Outcome::Ignored),
            Ok(Ran::Committed(table, metrics)) => return self.committed(*table, before, metrics, options),
            Ok(Ran::Written(table)) => {
                let info = if let Fate::Made(sent) = self.guard.0.fate() { sent.info() } else { BTreeMap::new() };
                return self.committed(*table, before, counts(&info), options);
            }
            Err(error) => error,
        };
        match self.settled_fate() {
            // Whatever was said: a checkpoint after the commit may have failed, or its answer been lost.
            Fate::Made(sent) => {
                // It is in the table; that the newest version can be read as well is the next operation's matter.
                let _ = self.refresh();
                Tried::Done(Outcome::Committed { version: sent.version(), metrics: counts(&sent.info()), attempts: 0 })
            }
            Fate::Unknown(sent) => Tried::Unknown(sent, failure_text(&error)),
            Fate::NotMade => {
                if let Err(error) = self.remove_written() {
                    return Tried::Failed(error);
                }
                match error {
                    Failure::Final(error) => Tried::Failed(error),
                    Failure::Delta(error) if is_conflict(&error) => Tried::Disturbed(error.to_string()),
                    Failure::Delta(error) => Tried::Failed(delta_error(action, self.location(), &error)),
                }
            }
        }
    }

    /// Goes on from the table after a commit. An operation that had nothing to change has made none; its epoch is kept all the same.
    fn committed<M>(&mut self, table: DeltaTable, before: Option<u64>, metrics: M, options: &CommitOptions) -> Tried<M> {
        let made = if let Fate::Made(sent) = self.guard.0.fate() { Some(sent.version()) } else { None };
        self.inner = table;
        if self.version() == before
            && let Err(error) = self.commit_epoch_alone(options)
        {
            return Tried::Failed(error);
        }
        Tried::Done(Outcome::Committed { version: made.or(self.version()).unwrap_or_default(), metrics, attempts: 0 })
    }

    /// What has become of the commit, asked for a while where that is not known.
    fn settled_fate(&self) -> Fate {
        let fate = self.guard.0.fate();
        let Fate::Unknown(sent) = fate else { return fate };
        for look in 0..LOOKS {
            match self.wait(self.guard.0.look(&sent)) {
                Ok(Found::Ours) => return Fate::Made(sent),
                Ok(Found::Another) => {
                    self.guard.0.refused();
                    return Fate::NotMade;
                }
                _ => std::thread::sleep(pause(look)),
            }
        }
        Fate::Unknown(sent)
    }

    /// The error of a commit that may be in the table.
    fn in_doubt(&self, action: &'static str, options: &CommitOptions, sent: &Sent, attempt: &str, message: String) -> Error {
        let by_hand = format!("before it is run again, a look at whether the history has a version with {ATTEMPT_KEY} {attempt}");
        Error::InDoubt {
            action,
            location: self.location().to_string(),
            version: sent.version(),
            message,
            remedy: match &options.epoch {
                Some(epoch) => {
                    format!("the same again when the store answers: it looks for epoch {} of {} first", epoch.epoch, epoch.app_id)
                }
                None => by_hand,
            },
        }
    }

    fn epoch_done(&self, options: &CommitOptions) -> Result<Option<i64>> {
        let Some(epoch) = &options.epoch else { return Ok(None) };
        Ok(self.epoch(&epoch.app_id)?.filter(|done| *done >= epoch.epoch))
    }

    /// An operation that had nothing to change makes no commit; its epoch is done all the same.
    fn commit_epoch_alone(&mut self, options: &CommitOptions) -> Result<()> {
        if options.epoch.is_none() {
            return Ok(());
        }
        self.run(
            "commit to",
            options,
            true,
            |table, commit| {
                let snapshot = table.state()?.snapshot().clone();
                let (log_store, mut after) = (table.inner.log_store(), table.inner.clone());
                let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
                let after = table.wait(async move {
                    CommitBuilder::from(commit).with_actions(Vec::new()).build(Some(&snapshot), log_store, operation).await?;
                    after.update_state().await?;
                    Ok::<_, DeltaTableError>(after)
                })??;
                Ok(Ran::Committed(Box::new(after), ()))
            },
            |_| (),
        )
        .map(|_| ())
    }

    /// The highest epoch of an application that the table has; `None` when it has none, or there is no table.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn epoch(&self, app_id: &str) -> Result<Option<i64>> {
        let Ok(state) = self.inner.snapshot() else { return Ok(None) };
        let log_store = self.inner.log_store();
        self.wait(state.transaction_version(&log_store, app_id))?.map_err(|error| delta_error("read", self.location(), &error))
    }

    /// Removes the data files of an operation that came to no commit.
    pub(crate) fn remove_written(&self) -> Result<()> {
        self.wait(self.guard.0.remove_written())
    }
}

fn failure_text(error: &Failure) -> String {
    match error {
        Failure::Delta(error) => crate::store::without_queries(&error.to_string()),
        Failure::Final(error) => error.to_string(),
    }
}

/// 50 ms, doubled each time up to 5 s, less or more by half: writers that met once must not meet again.
fn pause(attempts: u32) -> Duration {
    let millis = 50u64.saturating_mul(1 << attempts.min(10)).min(5_000);
    let random = u64::from_le_bytes(Uuid::new_v4().as_u64_pair().0.to_le_bytes()) % millis.max(1);
    Duration::from_millis(millis / 2 + random)
}
