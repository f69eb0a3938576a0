//! Rows of a Delta table that a copy deletes: found by comparing all keys, or told by the source.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use olbridge_delta::table::Table;

use super::DeltaJob;
use super::deleted::{self, Deleted, Keys};
use super::plan::DeltaPlan;
use super::versions::as_of;
use crate::copy::export::{AsOf, ExportJob, Selection};
use crate::copy::progress::Cancel;
use crate::error::{Error, Phase, Result};
use crate::fetch::{FetchPlan, Fetcher};
use crate::lake::delta::store_error;
use crate::oci::Session;

/// What becomes of rows that the source has no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedRows {
    /// They stay.
    Stay,
    /// They are deleted, found by comparing the keys of both tables.
    ByKeys,
    /// They are deleted, as the versions of the source's rows say.
    ByVersions,
}

/// A query that tells what is deleted.
pub(super) enum DeleteQuery {
    /// All keys that the source has.
    Present(FetchPlan),
    /// The keys that it has no more.
    Gone(FetchPlan),
}

impl DeleteQuery {
    /// The query of the keys that the source has no more.
    pub fn gone_sql(&self) -> Option<String> {
        match self {
            DeleteQuery::Gone(plan) => Some(plan.sql.clone()),
            DeleteQuery::Present(_) => None,
        }
    }

    /// The rows to be deleted, as far as they have to be known before the first one of the source is read.
    pub fn find(self, table: &Table, names: &[String], session: &Session, cancel: &Cancel) -> Result<Deletes> {
        match self {
            DeleteQuery::Present(plan) => deleted::find(table, names, &plan, session, cancel).map(Deletes::Known),
            DeleteQuery::Gone(plan) => {
                let location = table.location().to_string();
                let schema = table.schema().map_err(|error| store_error(&error, Phase::Read, &location))?;
                let keys = Keys::new(names, &schema).map_err(|error| Error::Source {
                    phase: Phase::Read,
                    path: location.into(),
                    message: format!("its keys cannot be compared: {error}"),
                    remedy: "--incremental=rowscn, without --deletes compare".into(),
                })?;
                Ok(Deletes::Told { keys, plan })
            }
        }
    }
}

/// Rows to be deleted, behind those to be written.
pub(super) enum Deletes {
    /// Their keys.
    Known(Deleted),
    /// A query of their keys, which is read as it comes.
    Told {
        /// How keys become rows of the source.
        keys: Keys,
        /// The query.
        plan: FetchPlan,
    },
}

impl Deletes {
    /// Begins to read them.
    pub fn open<'a>(&'a self, session: &'a Session, schema: &SchemaRef) -> Result<DeleteBatches<'a>> {
        let schema = SchemaRef::clone(schema);
        Ok(match self {
            Deletes::Known(deleted) => {
                DeleteBatches { keys: &deleted.keys, schema, known: Some(deleted), told: None, made: Vec::new().into_iter() }
            }
            Deletes::Told { keys, plan } => {
                let told = Some(plan.with_sql(plan.sql.clone())?.open(session)?);
                DeleteBatches { keys, schema, known: None, told, made: Vec::new().into_iter() }
            }
        })
    }
}

/// Batches of rows that have a key and the mark of a deletion.
pub(super) struct DeleteBatches<'a> {
    keys: &'a Keys,
    schema: SchemaRef,
    known: Option<&'a Deleted>,
    told: Option<Fetcher<'a>>,
    made: std::vec::IntoIter<RecordBatch>,
}

/// Why there is no next batch.
pub(super) enum NoBatch {
    Database(Error),
    Arrow(ArrowError),
}

impl DeleteBatches<'_> {
    /// The next batch; `None` at the end.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, NoBatch> {
        loop {
            if let Some(batch) = self.made.next() {
                return Ok(Some(batch));
            }
            let made = if let Some(deleted) = self.known.take() {
                self.keys.deletes(deleted.rows.iter().map(|key| &key[..]), &self.schema)
            } else if let Some(fetcher) = &mut self.told {
                let Some(batch) = fetcher.next_batch().map_err(NoBatch::Database)? else { return Ok(None) };
                let rows = self.keys.of(&batch).map_err(NoBatch::Arrow)?;
                self.keys.deletes(rows.iter().map(|key| key.data()), &self.schema)
            } else {
                return Ok(None);
            };
            self.made = made.map_err(NoBatch::Arrow)?.into_iter();
        }
    }

    /// Time spent fetching and converting so far.
    pub fn times(&self) -> (Duration, Duration) {
        self.told.as_ref().map_or_else(Default::default, |told| (told.fetch_time(), told.convert_time()))
    }
}

impl DeltaJob {
    /// What becomes of rows that the source has no more.
    pub(super) fn deleted_rows(&self, epoch: Option<u64>) -> DeletedRows {
        match (self.compare_deletes, epoch) {
            (true, _) => DeletedRows::ByKeys,
            (false, Some(_)) if self.follow == Some(super::Follow::Versions) => DeletedRows::ByVersions,
            _ => DeletedRows::Stay,
        }
    }

    /// The query that tells what is deleted, at the moment of the plan.
    pub(super) fn delete_query(
        &self,
        session: &Session,
        plan: &DeltaPlan,
        fetch: &FetchPlan,
        (present, condition): (Option<&Schema>, Option<String>),
    ) -> Result<Option<DeleteQuery>> {
        let (after, scn) = (plan.followed.as_ref().and_then(|followed| followed.after_scn), plan.snapshot.scn);
        match (self.deleted_rows(after), after.zip(scn)) {
            (DeletedRows::ByKeys, _) => {
                let mut export = self.export_of_keys(present);
                export.selection.columns = Some(self.key.clone());
                export.selection.condition = condition;
                export.reading.as_of = as_of(&plan.snapshot);
                Ok(Some(DeleteQuery::Present(self.settled(session, &export, present)?)))
            }
            (DeletedRows::ByVersions, Some(between)) => {
                let mut export = self.export_of_keys(present);
                let query = self.deleted_versions(session, fetch, &plan.key, between, condition.as_deref())?;
                export.selection = Selection { query: Some(query), ..Selection::default() };
                export.reading.as_of = AsOf::Now;
                let settled = self.settled(session, &export, present).map_err(|error| self.explain_versions(error, after))?;
                Ok(Some(DeleteQuery::Gone(settled)))
            }
            _ => Ok(None),
        }
    }

    /// Keys alone, in one piece, with the types of the table.
    fn export_of_keys(&self, present: Option<&Schema>) -> ExportJob {
        let mut export = self.export.clone();
        export.reading.parallel = 0;
        export.types.columns.retain(|(name, _)| self.key.iter().any(|key| key.eq_ignore_ascii_case(name)));
        export.types.like = export.types.like.or_else(|| present.map(|present| SchemaRef::new(present.clone())));
        export
    }

    fn settled(&self, session: &Session, export: &ExportJob, present: Option<&Schema>) -> Result<FetchPlan> {
        let mut fetch = export.find(session)?.fetch;
        let mut problems = Vec::new();
        self.settle_types(&mut fetch, present, &mut problems)?;
        if problems.is_empty() { Ok(fetch) } else { Err(Error::Plan { table: self.location.to_string(), problems }) }
    }
}
