//! What a copy into a Delta table will do, decided before a row moves.

use arrow::datatypes::{DataType, Schema, SchemaRef};
use olbridge_delta::table::{NewTable, SchemaMode, Table, delta_type};

use super::definition::Known;
use super::deletes::DeleteQuery;
use super::dictionary::Looked;
use super::follow::{DeltaFollowed, Follow};
use super::versions::as_of;
use super::{DeltaJob, DeltaMode, Loss, checks};
use crate::copy::export::{Readers, Slice, Snapshot};
use crate::error::{Error, Phase, PlanProblem, Result};
use crate::fetch::FetchPlan;
use crate::lake::delta::store_error;
use crate::oci::Session;
use crate::oracle_type::ColumnDesc;

/// What a run does to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeltaAction {
    /// It is made, with the rows in the same commit or the next.
    Create,
    /// Rows are added.
    Append,
    /// Its rows are replaced, in one commit.
    Replace,
    /// Rows are merged by their key, in one commit.
    Merge,
    /// It is there, so nothing is done.
    Skip,
}

/// A column on its way into the table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeltaColumn {
    /// Name in the query.
    pub source: String,
    /// Oracle type, with NOT NULL.
    pub oracle_type: String,
    /// Name in the table.
    pub target: String,
    /// Arrow type that it is read as.
    pub arrow_type: String,
    /// Arrow type of its Delta type.
    pub delta_type: String,
}

/// The plan of a copy into a Delta table. `Display` is for people, `Serialize` for `--report json`.
#[derive(serde::Serialize)]
pub struct DeltaPlan {
    /// The source without any secret.
    pub source: String,
    /// The table.
    pub location: String,
    /// What is done to it.
    pub action: DeltaAction,
    /// Version of the table that the plan has seen.
    pub version: Option<u64>,
    /// The SELECT; `None` when nothing is done.
    pub select_sql: Option<String>,
    /// The SELECT of the keys that are deleted, where the source tells them.
    pub deletes_sql: Option<String>,
    /// Columns of the rows.
    pub columns: Vec<DeltaColumn>,
    /// Columns by which rows are found, as the table spells them.
    pub key: Vec<String>,
    /// The moment that is read.
    pub snapshot: Snapshot,
    /// What an incremental copy goes on from.
    pub followed: Option<DeltaFollowed>,
    /// Name of the job.
    pub job: Option<String>,
    /// Sessions and the pieces that they read.
    pub readers: Option<Readers>,
    /// Memory of the array buffers.
    pub buffer_bytes: u64,
    /// What is worth knowing.
    pub warnings: Vec<String>,
    #[serde(skip)]
    pub(super) work: Option<Work>,
    #[serde(skip)]
    pub(super) known: Known,
    #[serde(skip)]
    pub(super) asked: DeltaJob,
}

/// What a run needs beyond what is shown.
pub(super) struct Work {
    pub fetch: FetchPlan,
    /// Columns of the table whose type the query changes, as they are there.
    pub named: Vec<ColumnDesc>,
    pub table: Table,
    pub new: Option<NewTable>,
    /// What tells the rows to be deleted.
    pub deletes: Option<DeleteQuery>,
    /// Queries that together are the one of `fetch`, where several sessions read.
    pub slices: Vec<Slice>,
}

impl DeltaJob {
    /// Opens the table, describes the query, checks names and types. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Plan`] with every problem found; [`Error::Usage`] for contradicting options; [`Error::Source`] when the table cannot be opened.
    pub fn plan(&self, session: &Session) -> Result<DeltaPlan> {
        self.check()?;
        let defined = Known::before_moment(self, session)?;
        self.plan_defined(session, defined, !self.export.reading.as_of.is_past())
    }

    /// `defined`: how the table was defined when it was looked at, which was before the moment that is read where `is_before`.
    pub(super) fn plan_defined(&self, session: &Session, defined: Looked, is_before: bool) -> Result<DeltaPlan> {
        let table = Table::open(&self.location, &self.store).map_err(|error| self.failed(&error, Phase::Describe))?;
        match &self.follow {
            None => self.plan_for(session, table, (None, ""), Known::new(defined, is_before, None)),
            Some(_) => {
                let standing = self.standing(&table);
                let standing = standing.map_err(|error| self.fitting(session, &table, error, |job| job.standing(&table).err()))?;
                let known = Known::new(defined, is_before, standing.last.as_ref());
                standing.job.plan_for(session, table, (standing.epoch, standing.how), known)
            }
        }
    }

    /// `epoch`: what an incremental copy goes on from.
    fn plan_for(&self, session: &Session, table: Table, (epoch, how): (Option<u64>, &str), known: Known) -> Result<DeltaPlan> {
        let action = self.action(table.exists())?;
        let mut plan = self.empty_plan(action, table.version());
        if action == DeltaAction::Skip {
            return Ok(plan);
        }
        let present = if table.exists() { Some(table.schema().map_err(|error| self.failed(&error, Phase::Describe))?) } else { None };
        let mut export = self.export.clone();
        // As it was before lists were read: the table's type is a text.
        export.types.vector_text = true;
        // What is added has the types that are there: those of a NUMBER without a scale would follow from the values of today.
        if self.schema_mode != SchemaMode::Overwrite {
            export.types.like = export.types.like.or_else(|| present.clone());
        }
        let condition = export.selection.condition.clone();
        self.refuse_without_versions(&known)?;
        let moment = self.moment_of_changes(session, epoch);
        let moment = moment.map_err(|error| self.fitting(session, &table, error, |job| job.moment_of_changes(session, epoch).err()))?;
        let refused = self.refuse_altered(&known, epoch);
        refused.map_err(|error| self.fitting(session, &table, error, |job| job.refuse_altered(&known, epoch).err()))?;
        if let Some(moment) = &moment {
            export.reading.as_of = as_of(moment);
        }
        let scn = moment.as_ref().and_then(|moment| moment.scn);
        let changed = epoch.map(|epoch| self.changed_rows(&table, session, (epoch, scn), &known)).transpose()?;
        let (is_all, unseen) = (known.difference().is_some(), self.unseen_ddl(&known));
        plan.known = known;
        if let Some((changed, _)) = &changed {
            let own: String = condition.iter().map(|own| format!("({own}\n) AND ")).collect();
            export.selection.condition = Some(format!("{own}({changed})"));
        }
        let found = export.find(session).map_err(|error| self.explain_versions(error, epoch))?;
        let mut fetch = found.fetch;
        let mut problems = Vec::new();
        self.settle_types(&mut fetch, present.as_deref(), &mut problems)?;
        problems.extend(self.lacking_columns(&fetch, present.as_deref()));
        (plan.snapshot, plan.warnings) = (moment.unwrap_or(found.snapshot), found.warnings);
        plan.warnings.extend(self.evolution_warnings(action, &fetch, present.as_deref()));
        plan.warnings.extend(unseen);
        if self.job.is_some() && plan.snapshot.scn.is_none() {
            let reason = format!("a job's epoch is the SCN that it reads, and there is none: {}", plan.snapshot.how);
            problems.push(PlanProblem {
                column: None,
                reason,
                remedy: "leave out --job, or read a table as a user who may see the SCN".into(),
            });
        }
        plan.key = named(&self.key, "--key", &fetch.schema, &mut problems);
        if problems.is_empty() {
            fetch = checks::with_whole_keys(&fetch, &plan.key, self)?;
        }
        let partition_by = named(&self.partition_by, "--partition-by", &fetch.schema, &mut problems);
        if table.exists() {
            let refused = checks::disagreements(self, &partition_by, &table);
            problems.extend(refused.map_err(|error| self.failed(&error, Phase::Describe))?);
        }
        problems.extend(checks::cut_dates(&fetch, present.as_deref(), &plan.key, self));
        if !problems.is_empty() {
            return Err(Error::Plan { table: self.location.to_string(), problems });
        }
        if !self.losses.contains(&Loss::Zone) {
            plan.warnings.extend(checks::zone_warnings(&fetch));
        }
        if let (Some((changed, _)), Some(Follow::Watermark { .. }), false) = (&changed, &self.follow, is_all) {
            self.refuse_twins(session, plan.snapshot.scn, condition.as_deref(), changed)?;
        }
        if self.follow.is_some() {
            plan.followed =
                Some(self.followed(session, &plan, epoch, changed.map_or_else(|| how.to_owned(), |(_, how)| how), condition.as_deref())?);
        }
        let deletes = self.delete_query(session, &plan, &fetch, (present.as_deref(), condition))?;
        plan.columns = shown_columns(&fetch, &self.losses);
        plan.select_sql = Some(fetch.sql.clone());
        plan.deletes_sql = deletes.as_ref().and_then(DeleteQuery::gone_sql);
        plan.buffer_bytes = fetch.buffer_bytes() as u64 * u64::from(found.readers.sessions);
        plan.warnings.extend(found.readers.note.clone());
        plan.readers = Some(found.readers);
        let new = (action == DeltaAction::Create).then(|| NewTable {
            partition_columns: partition_by,
            properties: self.properties.iter().cloned().collect(),
            losses: self.losses.clone(),
            ..NewTable::new(SchemaRef::clone(&fetch.schema))
        });
        plan.work = Some(Work { fetch, named: found.named, table, new, deletes, slices: found.slices });
        Ok(plan)
    }

    /// The plan before anything is known of the source.
    fn empty_plan(&self, action: DeltaAction, version: Option<u64>) -> DeltaPlan {
        DeltaPlan {
            source: self.export.source.to_string(),
            location: self.location.to_string(),
            action,
            version,
            select_sql: None,
            deletes_sql: None,
            columns: Vec::new(),
            key: Vec::new(),
            snapshot: Snapshot { scn: None, how: "nothing is read".into() },
            followed: None,
            job: self.job.clone(),
            readers: None,
            buffer_bytes: 0,
            warnings: Vec::new(),
            work: None,
            known: Known::default(),
            asked: self.clone(),
        }
    }

    fn followed(
        &self,
        session: &Session,
        plan: &DeltaPlan,
        epoch: Option<u64>,
        how: String,
        condition: Option<&str>,
    ) -> Result<DeltaFollowed> {
        if let Some((epoch, scn)) = epoch.zip(plan.snapshot.scn) {
            self.refuse_earlier(epoch, scn)?;
        }
        let watermark = self.new_watermark(session, &plan.snapshot, condition)?;
        Ok(DeltaFollowed { after_scn: epoch, how, watermark, deleted_rows: self.deleted_rows(epoch) })
    }

    fn action(&self, exists: bool) -> Result<DeltaAction> {
        let refused = |reason: &str, remedy: &str| {
            let problem = PlanProblem { column: None, reason: reason.into(), remedy: remedy.into() };
            Err(Error::Plan { table: self.location.to_string(), problems: vec![problem] })
        };
        match (self.mode, exists) {
            (DeltaMode::Append | DeltaMode::Upsert, false) => refused("no Delta table is there", "make it with --mode create"),
            (DeltaMode::ErrorIfExists, true) => refused(TABLE_IS_THERE.0, TABLE_IS_THERE.1),
            (DeltaMode::Ignore, true) => Ok(DeltaAction::Skip),
            (_, false) => Ok(DeltaAction::Create),
            (DeltaMode::Append | DeltaMode::Create, true) => Ok(DeltaAction::Append),
            (DeltaMode::Overwrite, true) => Ok(DeltaAction::Replace),
            (DeltaMode::Upsert, true) => Ok(DeltaAction::Merge),
        }
    }

    /// Names as the table spells them, or as the lakehouse does (lower case where Oracle's is all upper case), and Delta's limits: a type that Delta has no
    /// place for is a problem here, not in the middle of the rows.
    pub(super) fn settle_types(&self, fetch: &mut FetchPlan, present: Option<&Schema>, problems: &mut Vec<PlanProblem>) -> Result<()> {
        let mut columns = fetch.columns.clone();
        for column in &mut columns {
            let name = column.field.name().clone();
            let spelled = present.and_then(|schema| schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(&name)));
            column.field = column.field.clone().with_name(match spelled {
                Some(field) => field.name().clone(),
                None => lake_name(&name),
            });
            if let Err((reason, remedy)) = delta_type(column.field.data_type(), &self.losses) {
                problems.push(PlanProblem { column: Some(name), reason, remedy });
            }
        }
        for (index, column) in columns.iter().enumerate() {
            let same = |other: &&crate::fetch::FetchColumn| other.field.name().eq_ignore_ascii_case(column.field.name());
            if columns[..index].iter().any(|other| same(&other)) {
                let reason = "differs from another column in case only, and Delta does not tell them apart".into();
                let remedy = "give one of them another name in --query".into();
                problems.push(PlanProblem { column: Some(column.column.name.clone()), reason, remedy });
            }
        }
        if problems.is_empty() {
            *fetch = fetch.with_columns(columns)?;
        }
        Ok(())
    }

    pub(super) fn failed(&self, error: &olbridge_delta::Error, phase: Phase) -> Error {
        match error {
            olbridge_delta::Error::Plan { problems, .. } => Error::Plan {
                table: self.location.to_string(),
                problems: problems
                    .iter()
                    .map(|problem| PlanProblem {
                        column: Some(problem.column.clone()),
                        reason: problem.message.clone(),
                        remedy: problem.remedy.clone(),
                    })
                    .collect(),
            },
            // Made since the plan; the answer is that of the plan.
            olbridge_delta::Error::TableExists { .. } => Error::Plan {
                table: self.location.to_string(),
                problems: vec![PlanProblem { column: None, reason: TABLE_IS_THERE.0.into(), remedy: TABLE_IS_THERE.1.into() }],
            },
            other => store_error(other, phase, &self.location.to_string()),
        }
    }
}

/// Why a table that is there is in the way, and what to do.
const TABLE_IS_THERE: (&str, &str) = ("a Delta table is there", "add rows with --mode append, or name another place");

/// Oracle's upper case is no choice of anybody; what is in mixed case was quoted, and stays.
pub(crate) fn lake_name(name: &str) -> String {
    if name.chars().any(char::is_lowercase) { name.to_owned() } else { name.to_lowercase() }
}

/// The columns that an option names, as the schema spells them.
fn named(names: &[String], option: &str, schema: &Schema, problems: &mut Vec<PlanProblem>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        match schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name)) {
            Some(field) if found.contains(field.name()) => {
                problems.push(PlanProblem {
                    column: Some(name.clone()),
                    reason: format!("is named twice in {option}"),
                    remedy: "name it once".into(),
                });
            }
            Some(field) => found.push(field.name().clone()),
            None => {
                let reason = format!("{option} names it, and it is no column of the source");
                problems.push(PlanProblem {
                    column: Some(name.clone()),
                    reason,
                    remedy: "olbridge describe TARGET shows the columns".into(),
                });
            }
        }
    }
    found
}

fn shown_columns(fetch: &FetchPlan, losses: &olbridge_delta::table::Losses) -> Vec<DeltaColumn> {
    let shown = |column: &crate::fetch::FetchColumn| DeltaColumn {
        source: column.column.name.clone(),
        oracle_type: format!("{}{}", column.column.oracle_type, if column.column.nullable { "" } else { " NOT NULL" }),
        target: column.field.name().clone(),
        arrow_type: column.field.data_type().to_string(),
        delta_type: delta_type(column.field.data_type(), losses).unwrap_or(DataType::Null).to_string(),
    };
    fetch.columns.iter().map(shown).collect()
}
