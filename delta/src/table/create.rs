//! Making a table, with nothing in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{StructField, StructType};
use deltalake::protocol::SaveMode;

use super::Table;
use super::commit::{CommitOptions, Outcome, Ran};
use super::fault::delta_error;
use super::features::{Refusal, refused_at_creation};
use super::property_values;
use super::statistics;
use super::types::{Losses, delta_schema, needs_column_mapping};
use crate::error::{ColumnProblem, Error, Result};

/// Property that turns column mapping on.
pub(crate) const COLUMN_MAPPING: &str = "delta.columnMapping.mode";

/// A table to be made.
#[derive(Debug, Clone)]
pub struct NewTable {
    /// Its columns; types of Arrow become Delta's by the rules of [`delta_schema`].
    pub schema: SchemaRef,
    /// Columns whose values name the folders of the files.
    pub partition_columns: Vec<String>,
    /// Table properties (`delta.enableChangeDataFeed`, …).
    pub properties: BTreeMap<String, String>,
    /// Name in the metadata.
    pub name: Option<String>,
    /// Description in the metadata.
    pub comment: Option<String>,
    /// Losses of types that are accepted.
    pub losses: Losses,
}

impl NewTable {
    /// A table of these columns and nothing else said.
    pub fn new(schema: SchemaRef) -> NewTable {
        NewTable { schema, partition_columns: Vec::new(), properties: BTreeMap::new(), name: None, comment: None, losses: Losses::new() }
    }

    /// Its schema in Delta's types, and its properties with what our rules add. Pure: this is the plan.
    ///
    /// # Errors
    /// [`Error::Plan`] with every column that has no place in a Delta table.
    pub fn plan(&self, location: &str) -> Result<(Schema, BTreeMap<String, String>)> {
        let refused = |problems: Vec<ColumnProblem>| Error::Plan { location: location.to_owned(), problems };
        let schema = delta_schema(&self.schema, &self.losses).map_err(refused)?;
        let mut properties = self.properties.clone();
        let mapped = properties.get(COLUMN_MAPPING).is_some_and(|mode| mode != "none");
        let problems = [self.property_problems(&schema), self.name_problems(&schema, mapped), self.partition_problems(&schema)].concat();
        if !problems.is_empty() {
            return Err(refused(problems));
        }
        if mapped {
            // Without these, a timestamp_ntz beside it makes deltalake write a protocol that has forgotten column mapping, and a column that is
            // renamed then reads as NULL.
            properties.entry("delta.minReaderVersion".into()).or_insert_with(|| "3".into());
            properties.entry("delta.minWriterVersion".into()).or_insert_with(|| "7".into());
        }
        self.add_statistics(&schema, &mut properties).map_err(refused)?;
        Ok((schema, properties))
    }

    fn property_problems(&self, schema: &Schema) -> Vec<ColumnProblem> {
        let problem = |(key, value): (&String, &String)| {
            let (message, remedy) = match refused_at_creation(key, value).or_else(|| property_values::refused(schema, key, value))? {
                Refusal::Feature(name) => {
                    (format!("{value} needs the table feature {name}, by which tables are not written here"), "leaving it out")
                }
                Refusal::Value(message, remedy) => (message, remedy),
            };
            Some(ColumnProblem { column: format!("property {key}"), message, remedy: remedy.into() })
        };
        self.properties.iter().filter_map(problem).collect()
    }

    fn name_problems(&self, schema: &Schema, mapped: bool) -> Vec<ColumnProblem> {
        let unmapped = schema.fields().iter().filter(|field| !mapped && needs_column_mapping(field.name()));
        unmapped
            .map(|field| ColumnProblem {
                column: field.name().clone(),
                message: "other engines cannot read a name with blanks or one of ,;{}()= without column mapping".into(),
                remedy: format!("the property {COLUMN_MAPPING}=name, or renaming it"),
            })
            .collect()
    }

    fn partition_problems(&self, schema: &Schema) -> Vec<ColumnProblem> {
        let problem = |column: &String, message: &str, remedy: &str| {
            Some(ColumnProblem { column: column.clone(), message: message.into(), remedy: remedy.into() })
        };
        let of = |column: &String| match schema.field_with_name(column) {
            Err(_) => problem(column, "no such column to partition by", "a column of the table, in its own case"),
            Ok(field) if matches!(field.data_type(), DataType::Binary) || field.data_type().is_nested() => {
                problem(column, "a column of this type has no place in the name of a folder", "another partition column")
            }
            Ok(_) if schema.fields().len() == self.partition_columns.len() => {
                problem(column, "every column is a partition column", "leaving one out")
            }
            Ok(_) => None,
        };
        self.partition_columns.iter().filter_map(of).collect()
    }

    fn add_statistics(&self, schema: &Schema, properties: &mut BTreeMap<String, String>) -> Result<(), Vec<ColumnProblem>> {
        let Some((key, value)) = statistics::properties(schema, &self.partition_columns) else { return Ok(()) };
        match (properties.get(statistics::STATS_COLUMNS), properties.get(statistics::NUM_INDEXED).map(String::as_str)) {
            (None, Some("0")) => {}
            (None, _) => {
                properties.remove(statistics::NUM_INDEXED);
                properties.insert(key.into(), value);
            }
            (Some(listed), _) => {
                let listed: Vec<&str> = listed.split(',').map(|name| name.trim().trim_matches('`')).collect();
                let wrong: Vec<ColumnProblem> = statistics::inexact_columns(schema)
                    .into_iter()
                    .map(|path| path.join("."))
                    .filter(|path| listed.contains(&path.as_str()))
                    .map(|column| ColumnProblem {
                        column,
                        message: "its minima and maxima would not be exact, and readers would skip files that hold its rows".into(),
                        remedy: format!("leaving it out of {}", statistics::STATS_COLUMNS),
                    })
                    .collect();
                return if wrong.is_empty() { Ok(()) } else { Err(wrong) };
            }
        }
        Ok(())
    }
}

/// What [`Table::create`] found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Created {
    /// It was made now.
    pub created: bool,
    /// Where it was there before: whether its columns are those asked for.
    pub same_schema: bool,
    /// Where it was there before: whether its partition columns are those asked for.
    pub same_partitions: bool,
    /// Its version.
    pub version: u64,
}

fn same_columns(a: &Schema, b: &Schema) -> bool {
    let same = |(a, b): (&Arc<Field>, &Arc<Field>)| {
        a.name() == b.name() && a.data_type().equals_datatype(b.data_type()) && a.is_nullable() == b.is_nullable()
    };
    a.fields().len() == b.fields().len() && a.fields().iter().zip(b.fields()).all(same)
}

/// Columns in the kernel's form.
pub(crate) fn kernel_fields(schema: &Schema) -> Result<Vec<StructField>, deltalake::arrow::error::ArrowError> {
    let schema: StructType = schema.try_into_kernel()?;
    Ok(schema.fields().cloned().collect())
}

impl Table {
    /// Makes the table. Where there is one already, it is an error, or with `if_not_exists` left alone and compared.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::TableExists`], and what a store may fail with.
    pub fn create(&mut self, new: &NewTable, if_not_exists: bool, commit: &CommitOptions) -> Result<Created> {
        let (schema, properties) = new.plan(&self.location().to_string())?;
        let outcome = self.run(
            "create",
            commit,
            true,
            |table, commit| {
                if table.exists() {
                    return match if_not_exists {
                        true => Ok(Ran::Ignored),
                        false => Err(Error::TableExists { location: table.location().to_string() }.into()),
                    };
                }
                let fields = kernel_fields(&schema).map_err(deltalake::DeltaTableError::from)?;
                let mut builder = table
                    .inner
                    .create()
                    .with_save_mode(SaveMode::ErrorIfExists)
                    .with_columns(fields)
                    .with_partition_columns(new.partition_columns.clone())
                    .with_configuration(properties.iter().map(|(key, value)| (key.clone(), Some(value.clone()))))
                    // Properties of others (`custom.…`, those of Spark) are data.
                    .with_raise_if_key_not_exists(false)
                    .with_commit_properties(commit);
                if let Some(name) = &new.name {
                    builder = builder.with_table_name(name);
                }
                if let Some(comment) = &new.comment {
                    builder = builder.with_comment(comment);
                }
                let made = table.wait(async move { builder.await })??;
                Ok(Ran::Committed(Box::new(made), ()))
            },
            |_| (),
        )?;
        let version = self.version().unwrap_or_default();
        if matches!(outcome, Outcome::Committed { .. }) {
            return Ok(Created { created: true, same_schema: true, same_partitions: true, version });
        }
        Ok(Created {
            created: false,
            same_schema: same_columns(&schema, self.schema()?.as_ref()),
            same_partitions: self.partition_columns()? == new.partition_columns,
            version,
        })
    }

    /// An error of deltalake on this table.
    pub(crate) fn fault(&self, action: &'static str, error: &deltalake::DeltaTableError) -> Error {
        delta_error(action, self.location(), error)
    }
}
