//! One commit, exactly once: what is said of it, and the loop that runs an operation again after another writer was faster.

use std::collections::BTreeMap;
use std::time::Duration;

use deltalake::kernel::Transaction;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;
use serde_json::Value;
use uuid::Uuid;

use super::Table;
use super::fault::{After, after, delta_error};
use crate::error::{Error, Result};

/// Commit info under which each attempt's own name stands, by which a commit of unknown fate is found again.
const ATTEMPT_KEY: &str = "olbridge.attempt";
/// deltalake's own tries to put an append after those of others; its default of 15 is too few for eight writers.
const APPEND_RETRIES: usize = 100;

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
    /// Nothing was to be done.
    Ignored,
}

impl CommitOptions {
    /// deltalake's form, with the name of this attempt.
    fn properties(&self, attempt: &str) -> CommitProperties {
        let mut metadata: Vec<(String, Value)> = self.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        metadata.push((ATTEMPT_KEY.into(), attempt.into()));
        let properties = CommitProperties::default().with_metadata(metadata).with_max_retries(APPEND_RETRIES);
        match &self.epoch {
            Some(epoch) => properties.with_application_transaction(Transaction::new(&epoch.app_id, epoch.epoch)),
            None => properties,
        }
    }
}

impl Table {
    /// Runs an operation until it is committed, is found to be committed, or cannot be. `run` begins with the newest version each time.
    pub(crate) fn run<M>(
        &mut self,
        action: &'static str,
        options: &CommitOptions,
        may_run_again: bool,
        mut run: impl FnMut(&Table, CommitProperties) -> Result<Ran<M>, Failure>,
        mut lost: impl FnMut(&BTreeMap<String, Value>) -> M,
    ) -> Result<Outcome<M>> {
        let max_attempts = if may_run_again { options.max_attempts.max(1) } else { 1 };
        let mut attempts = 0;
        loop {
            self.refresh()?;
            if let Some(done) = self.epoch_done(options)? {
                return Ok(Outcome::AlreadyCommitted { epoch: done });
            }
            let attempt = Uuid::new_v4().to_string();
            let before = self.version();
            attempts += 1;
            self.guard.forget();
            let error = match run(self, options.properties(&attempt)) {
                Ok(Ran::Ignored) => return Ok(Outcome::Ignored),
                Ok(Ran::Committed(table, metrics)) => {
                    self.take(*table, before, options)?;
                    return Ok(Outcome::Committed { version: self.version().unwrap_or_default(), metrics, attempts });
                }
                Err(Failure::Final(error)) => {
                    self.remove_written()?;
                    return Err(error);
                }
                Err(Failure::Delta(error)) => error,
            };
            // Whatever was said: a checkpoint after the commit may have failed, or an answer been lost. The log knows.
            if let Some((version, info)) = self.find_attempt(before, &attempt)? {
                self.guard.forget();
                return Ok(Outcome::Committed { version, metrics: lost(&info), attempts });
            }
            let next = after(&error);
            if next != After::Unknown {
                self.remove_written()?;
            }
            match next {
                After::Again if attempts < max_attempts => std::thread::sleep(pause(attempts)),
                // A commit that is still under way cannot come twice: the epoch makes deltalake refuse the second.
                After::Unknown if attempts < max_attempts && options.epoch.is_some() => std::thread::sleep(pause(attempts)),
                After::Again => {
                    let message = error.to_string();
                    return Err(Error::Conflict { action, location: self.location().to_string(), attempts, message });
                }
                _ => return Err(delta_error(action, self.location(), &error)),
            }
        }
    }

    /// Goes on from the table after a commit. An operation that had nothing to change has made none; its epoch is kept all the same.
    fn take(&mut self, table: DeltaTable, before: Option<u64>, options: &CommitOptions) -> Result<()> {
        self.guard.forget();
        self.inner = table;
        if self.version() == before { self.commit_epoch_alone(options) } else { Ok(()) }
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
        let snapshot = self.state()?.snapshot().clone();
        let (log_store, mut after) = (self.inner.log_store(), self.inner.clone());
        let properties = options.properties(&Uuid::new_v4().to_string());
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let done = self.wait(async move {
            CommitBuilder::from(properties).with_actions(Vec::new()).build(Some(&snapshot), log_store, operation).await?;
            after.update_state().await?;
            Ok::<_, DeltaTableError>(after)
        })?;
        match done {
            Ok(after) => self.inner = after,
            Err(error) => {
                self.refresh()?;
                if self.epoch_done(options)?.is_none() {
                    return Err(delta_error("commit to", self.location(), &error));
                }
            }
        }
        Ok(())
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

    /// The commit of an attempt, among those since `before`: version and commit info.
    fn find_attempt(&mut self, before: Option<u64>, attempt: &str) -> Result<Option<(u64, BTreeMap<String, Value>)>> {
        self.refresh()?;
        let Some(latest) = self.version() else { return Ok(None) };
        let new = latest + 1 - before.map_or(0, |before| before + 1).min(latest + 1);
        if new == 0 {
            return Ok(None);
        }
        let limit = usize::try_from(new).ok();
        let infos: Vec<_> = self
            .wait(async { self.inner.history(limit).try_collect().await })?
            .map_err(|error: DeltaTableError| delta_error("read", self.location(), &error))?;
        let found = infos.into_iter().zip(0..).find(|(info, _)| info.info.get(ATTEMPT_KEY).and_then(Value::as_str) == Some(attempt));
        Ok(found.map(|(info, back)| (latest - back, info.info.into_iter().collect())))
    }

    fn remove_written(&self) -> Result<()> {
        self.wait(self.guard.remove_written())
    }
}

/// 50 ms, doubled each time up to 5 s, less or more by half: writers that met once must not meet again.
fn pause(attempts: u32) -> Duration {
    let millis = 50u64.saturating_mul(1 << attempts.min(10)).min(5_000);
    let random = u64::from_le_bytes(Uuid::new_v4().as_u64_pair().0.to_le_bytes()) % millis.max(1);
    Duration::from_millis(millis / 2 + random)
}
