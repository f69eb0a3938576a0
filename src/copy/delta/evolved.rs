//! Columns that only the source or only the Delta table has, and the commands that take them along.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use olbridge_delta::table::{Alter, CommitOptions, SchemaMode, Table, delta_type};

use super::plan::{DeltaAction, DeltaColumn, lake_name};
use super::{DeltaJob, Loss, Losses};
use crate::copy::command_line::CommandLine;
use crate::error::{Error, PlanProblem};
use crate::fetch::FetchPlan;
use crate::oci::Session;
use crate::sql;
use crate::type_map::spell_arrow_type;

fn has(schema: &Schema, name: &str) -> bool {
    schema.fields().iter().any(|field| field.name().to_lowercase() == name.to_lowercase())
}

/// Columns of the source that the table lacks.
fn lacking<'a>(source: &'a Schema, present: &Schema) -> Vec<&'a Arc<Field>> {
    source.fields().iter().filter(|field| !has(present, field.name())).collect()
}

/// The Delta type, in the place of the type that is read.
fn in_delta(data_type: &DataType, losses: &Losses) -> DataType {
    delta_type(data_type, losses).unwrap_or_else(|_| data_type.clone())
}

impl DeltaJob {
    fn merging(&self) -> DeltaJob {
        DeltaJob { schema_mode: SchemaMode::Merge, ..self.clone() }
    }

    /// Columns that the table lacks, where they are not to be added: refused before a row moves, with the commands that add them.
    pub(super) fn lacking_columns(&self, fetch: &FetchPlan, present: Option<&Schema>) -> Vec<PlanProblem> {
        let Some(present) = present.filter(|_| self.schema_mode == SchemaMode::Strict) else { return Vec::new() };
        let copy = self.merging().command();
        let problem = |field: &Arc<Field>| {
            let added = spell_arrow_type(&in_delta(field.data_type(), &self.losses)).map(|spelled| {
                let line = CommandLine::alter(&self.location.to_string());
                let line = line.option("--add-column", &*format!("{}={spelled}", field.name()));
                format!("{line}; or ")
            });
            PlanProblem {
                column: Some(field.name().clone()),
                reason: "the table lacks it".into(),
                remedy: format!("{}with the columns that it lacks: {copy}", added.unwrap_or_default()),
            }
        };
        lacking(&fetch.schema, present).into_iter().map(problem).collect()
    }

    /// What is worth knowing of columns that one side lacks, where rows are merged.
    pub(super) fn evolution_warnings(&self, action: DeltaAction, fetch: &FetchPlan, present: Option<&Schema>) -> Vec<String> {
        let Some(present) = present.filter(|_| action == DeltaAction::Merge) else { return Vec::new() };
        let added = lacking(&fetch.schema, present).into_iter().map(|field| {
            format!("column {}: the table lacks it; it is added first, in a commit of its own, and is NULL in rows that stay", field.name())
        });
        let selection = &self.export.selection;
        // Who names the columns knows what is left out.
        let is_whole = selection.columns.is_none() && selection.query.is_none();
        let gone = lacking(present, &fetch.schema).into_iter().filter(|_| is_whole).map(|field| {
            format!(
                "column {}: the source lacks it; rows of the table keep the values that it has, and new rows get NULL. To take it away, {}",
                field.name(),
                DeltaJob { schema_mode: SchemaMode::Overwrite, ..self.clone() }.full_load()
            )
        });
        added.chain(gone).collect()
    }

    /// Adds what the table lacks, before rows are merged: a MERGE adds no columns.
    pub(super) fn add_columns(&self, table: &mut Table, source: &Schema) -> olbridge_delta::Result<()> {
        if self.schema_mode != SchemaMode::Merge {
            return Ok(());
        }
        let present = table.schema()?;
        for field in lacking(source, &present) {
            let column = Field::new(field.name(), in_delta(field.data_type(), &self.losses), true);
            table.alter(&Alter::AddColumn(column), &CommitOptions::default())?;
        }
        Ok(())
    }

    /// The error as the job says it whose commands fit the columns that are there now: a load of all rows into other columns is refused.
    pub(super) fn fitting(&self, session: &Session, table: &Table, error: Error, say: impl FnOnce(&DeltaJob) -> Option<Error>) -> Error {
        match self.schema_mode == SchemaMode::Strict && self.is_evolved(session, table).unwrap_or(false) {
            true => say(&self.merging()).unwrap_or(error),
            false => error,
        }
    }

    /// Whether the source and the table have columns of other names; `None` where that is not to be seen.
    fn is_evolved(&self, session: &Session, table: &Table) -> Option<bool> {
        let present = table.schema().ok()?;
        let described = session.describe_table(self.export.source.require_table().ok()?).ok()??;
        let chosen: Option<Vec<String>> =
            self.export.selection.columns.as_ref().map(|names| names.iter().map(|name| sql::dictionary_name(name)).collect());
        let is_chosen = |name: &String| chosen.as_ref().is_none_or(|chosen| chosen.contains(name));
        let names = described.columns.iter().map(|column| &column.name).filter(|name| is_chosen(name));
        let source = Schema::new(names.map(|name| Field::new(lake_name(name), DataType::Null, true)).collect::<Vec<_>>());
        Some(!lacking(&source, &present).is_empty() || !lacking(&present, &source).is_empty())
    }
}

/// What becomes of digits that Delta has no place for, beside its type.
pub(super) fn cut_digits(column: &DeltaColumn, losses: &Losses) -> Option<&'static str> {
    let is_finer = ["Timestamp(ns", "Duration(ns", "Time64(ns"].iter().any(|nanos| column.arrow_type.starts_with(nanos));
    match is_finer && column.arrow_type != column.delta_type {
        false => None,
        true if losses.contains(&Loss::SubMicrosecond) => Some("digits below the microsecond are cut"),
        true => Some("values with digits below the microsecond are refused; --lossy subsecond cuts them"),
    }
}
