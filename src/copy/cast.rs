//! `--cast COLUMN=TYPE`: another Arrow type before binding, or another Oracle type for a column that is created; `--nested json`; and how wide a created
//! column has to be for what such columns are made into.

use std::str::FromStr;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Field, Schema};

use super::job::CopyJob;
use super::matching::{Found, find};
use crate::column::ValueError;
use crate::error::{PlanProblem, Result};
use crate::lake::nested_json::{NoJson, nested_json};
use crate::lake::source::Source;
use crate::lake::text_stats::scan_lengths;
use crate::load::{NestedText, Preparation, is_nested};
use crate::oracle_type::{DatabaseCharset, OracleType};
use crate::type_map::{ArrowFamily, TextStats, parse_arrow_type, spell_arrow_type};

/// What a source column is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cast {
    /// Cast before it is bound: each value exactly, or refused.
    Arrow(DataType),
    /// The type of the column that is created; the values are converted into it as into any column of that type.
    Oracle(OracleType),
}

impl Cast {
    /// What reads as this cast of a table that is there; `None` where there is nothing: an Oracle type is for one that is created.
    pub(super) fn spelled(&self) -> Option<String> {
        match self {
            Cast::Arrow(data_type) => spell_arrow_type(data_type),
            Cast::Oracle(_) => None,
        }
    }
}

impl FromStr for Cast {
    type Err = String;

    /// `int64`, `decimal(20,4)`, … as `--as` takes them, or an Oracle type as DDL spells it.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match parse_arrow_type(text) {
            // No cast makes one: the type of a column.
            Ok(data_type) if ArrowFamily::of(&data_type) != ArrowFamily::Vector => Ok(Cast::Arrow(data_type)),
            arrow => {
                let error = arrow.err().unwrap_or_else(|| format!("{text:?} is no vector"));
                let oracle = text.trim().to_ascii_uppercase().replace(", ", ",").parse().map(Cast::Oracle);
                oracle.map_err(|_| format!("{error}; or an Oracle type such as NUMBER(12,2) or VARCHAR2(40 CHAR)"))
            }
        }
    }
}

impl CopyJob {
    /// The names as the source spells them; unknown ones become problems. Oracle types say nothing of a table that is there.
    pub(super) fn with_source_names(&self, schema: &Schema, creates: bool, problems: &mut Vec<PlanProblem>) -> CopyJob {
        let mut cast = Vec::with_capacity(self.cast.len());
        for (name, wanted) in &self.cast {
            let problem = |reason: String, remedy: &str| PlanProblem { column: Some(name.clone()), reason, remedy: remedy.into() };
            match find(name, schema.fields().iter().map(|field| field.name().as_str())) {
                Found::One(_) if !creates && matches!(wanted, Cast::Oracle(_)) => {
                    let reason = "--cast to an Oracle type is for a table that is created, and this one exists".to_owned();
                    problems.push(problem(reason, "cast to an Arrow type (int64, decimal(20,4), text, …), or leave it out"));
                }
                Found::One(index) => cast.push((schema.field(index).name().clone(), wanted.clone())),
                _ => problems.push(problem("--cast names it, but the source has no one such column".into(), "olbridge describe FILE")),
            }
        }
        CopyJob { cast, ..self.clone() }
    }

    /// What is cast before it is bound.
    pub(super) fn casts(&self) -> Vec<(String, DataType)> {
        let arrow = |(name, cast): &(String, Cast)| match cast {
            Cast::Arrow(data_type) => Some((name.clone(), data_type.clone())),
            Cast::Oracle(_) => None,
        };
        self.cast.iter().filter_map(arrow).collect()
    }

    /// Nested columns as text, if they were asked for.
    pub(super) fn nested(&self) -> Option<NestedText> {
        self.nested_json.then_some(NestedText(as_json))
    }

    /// The longest value of each of `columns` of the source, as it is bound; nothing is read for a plan that fails anyway.
    pub(super) fn new_column_stats(
        &self,
        source: &Source,
        columns: &[usize],
        scan: bool,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<Vec<TextStats>> {
        if !scan {
            return Ok(vec![TextStats::default(); columns.len()]);
        }
        let options = self.load_options(DatabaseCharset::default(), Vec::new());
        let preparations: Vec<Option<Preparation>> =
            columns.iter().map(|&index| options.preparation_of(source.schema().field(index))).collect();
        let bound = |index: usize, array: &ArrayRef| match &preparations[index] {
            None => array.clone(),
            Some(preparation) => preparation.apply_to_good(array),
        };
        let lengths = scan_lengths(source, columns, &|index| preparations[index].is_some(), &bound, proceed)?;
        Ok(lengths.into_iter().map(|lengths| TextStats { max_bytes: Some(lengths.max_bytes) }).collect())
    }

    /// What a created column is made for: the type that was asked for, or the field after its cast.
    pub(super) fn created(&self, field: &Field) -> std::result::Result<OracleType, Option<Field>> {
        match self.cast.iter().find(|(name, _)| name == field.name()) {
            Some((_, Cast::Oracle(oracle_type))) => Ok(oracle_type.clone()),
            Some((_, Cast::Arrow(data_type))) => Err(Some(field.clone().with_data_type(data_type.clone()))),
            None if self.nested_json && is_nested(field.data_type()) => Err(Some(field.clone().with_data_type(NestedText::DATA_TYPE))),
            None => Err(None),
        }
    }
}

fn as_json(array: &dyn Array) -> std::result::Result<ArrayRef, ValueError> {
    nested_json(array).map_err(|NoJson { row, reason }| ValueError {
        row_index: row,
        reason: format!("--nested json: {reason}"),
        remedy: "leave the column out with --columns, or mend or flatten it in the source".into(),
    })
}
