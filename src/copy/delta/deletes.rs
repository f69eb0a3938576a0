//! Rows of a Delta table that a copy deletes: found by comparing all keys, or told by the source.

use std::time::Duration;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::Row;
use olbridge_delta::table::Table;

use super::deleted::{self, Deleted, KeySet, Keys};
use super::plan::DeltaPlan;
use super::versions::as_of;
use super::{DeltaJob, checks};
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
    /// `otherwise`: what to do where they cannot be told.
    pub fn find(self, table: &Table, names: &[String], session: &Session, (cancel, otherwise): (&Cancel, String)) -> Result<Deletes> {
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
                Ok(Deletes::Told { keys, plan, otherwise })
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
        /// What to do where a key cannot be converted: its row is gone, so that it cannot be changed.
        otherwise: String,
    },
}

impl Deletes {
    /// Keys of rows that are written, which are not deleted: two keys of the source may be one of the Delta table, where a loss was accepted.
    pub fn note_written(&self, batch: &RecordBatch, written: &mut KeySet) -> Result<(), ArrowError> {
        if let Deletes::Told { keys, .. } = self {
            for key in &keys.of(batch)? {
                written.insert(key.as_ref());
            }
        }
        Ok(())
    }

    /// Begins to read them.
    pub fn open<'a>(&'a self, session: &'a Session, schema: &SchemaRef, written: KeySet) -> Result<DeleteBatches<'a>> {
        let schema = SchemaRef::clone(schema);
        Ok(match self {
            Deletes::Known(deleted) => {
                DeleteBatches { keys: &deleted.keys, schema, known: Some(deleted), told: None, written, made: Vec::new().into_iter() }
            }
            Deletes::Told { keys, plan, otherwise } => {
                let told = Some((plan.with_sql(plan.sql.clone())?.open(session)?, otherwise.as_str()));
                DeleteBatches { keys, schema, known: None, told, written, made: Vec::new().into_iter() }
            }
        })
    }
}

/// Batches of rows that have a key and the mark of a deletion.
pub(super) struct DeleteBatches<'a> {
    keys: &'a Keys,
    schema: SchemaRef,
    known: Option<&'a Deleted>,
    told: Option<(Fetcher<'a>, &'a str)>,
    written: KeySet,
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
            } else if let Some((fetcher, otherwise)) = &mut self.told {
                let next = fetcher.next_batch().map_err(|error| NoBatch::Database(of_former_key(error, otherwise)));
                let Some(batch) = next? else { return Ok(None) };
                let columns = self.keys.columns(&batch).map_err(NoBatch::Arrow)?;
                let rows = self.keys.rows(&columns).map_err(NoBatch::Arrow)?;
                // What has no key in the table's types the table does not have.
                let is_gone =
                    |(row, key): &(usize, Row<'_>)| columns.iter().all(|column| column.is_valid(*row)) && self.written.insert(key.as_ref());
                let gone: Vec<Row<'_>> = rows.iter().enumerate().filter(is_gone).map(|(_, key)| key).collect();
                self.keys.deletes(gone.iter().map(|key| key.data()), &self.schema)
            } else {
                return Ok(None);
            };
            self.made = made.map_err(NoBatch::Arrow)?.into_iter();
        }
    }

    /// Time spent fetching and converting so far.
    pub fn times(&self) -> (Duration, Duration) {
        self.told.as_ref().map_or_else(Default::default, |(told, _)| (told.fetch_time(), told.convert_time()))
    }
}

/// A value that cannot be converted, of a row that is no more.
fn of_former_key(error: Error, otherwise: &str) -> Error {
    match error {
        Error::Row(mut row) => {
            row.message += "; it is the key of a row that has been deleted or changed since";
            otherwise.clone_into(&mut row.remedy);
            Error::Row(row)
        }
        other => other,
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
        if !problems.is_empty() {
            return Err(Error::Plan { table: self.location.to_string(), problems });
        }
        let keys: Vec<String> = fetch.schema.fields().iter().map(|field| field.name().clone()).collect();
        checks::with_whole_keys(&fetch, &keys, self)
    }
}
