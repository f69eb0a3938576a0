//! Changes of the metadata: columns, properties, constraints. deltalake has no builder for most of them; they are edits of the metadata's and the
//! protocol's own JSON, committed only onto the very version that they were made from.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field, Schema};
use deltalake::DeltaTableError;
use deltalake::kernel::Action;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::protocol::DeltaOperation;
use serde_json::{Value, json};

use super::commit::{CommitOptions, Outcome, Ran};
use super::create::{COLUMN_MAPPING, kernel_fields};
use super::draft::Draft;
use super::fault::without_mapping;
use super::features::{self, Refusal};
use super::mapping;
use super::property_values;
use super::protocol;
use super::types::{Losses, delta_schema, needs_column_mapping};
use super::write::{SchemaMode, WriteMode, WriteOptions};
use super::{Scan, Table};
use crate::error::{ColumnProblem, Error, Result};

/// A change of a table's metadata.
#[derive(Debug, Clone)]
pub enum Alter {
    /// A column more, which is NULL in the rows that are there. Types as in [`super::delta_schema`].
    AddColumn(Field),
    /// Another name for a column. The table must have column mapping, or is given it where `upgrade` allows: readers and writers then need it.
    RenameColumn {
        /// Present name.
        from: String,
        /// New name.
        to: String,
        /// Column mapping may be turned on.
        upgrade: bool,
    },
    /// A column less; its values stay in the files until these are written anew. As with renaming, column mapping is needed.
    DropColumn {
        /// Its name.
        column: String,
        /// Column mapping may be turned on.
        upgrade: bool,
    },
    /// Whether a column may be NULL. Turning NULL off looks at every row first.
    SetNullable {
        /// Its name.
        column: String,
        /// May it?
        nullable: bool,
    },
    /// Table properties, set, or with `None` taken away.
    SetProperties(BTreeMap<String, Option<String>>),
    /// A CHECK constraint, which every row that is there must fulfil.
    AddConstraint {
        /// Its name.
        name: String,
        /// SQL over the columns.
        expression: String,
    },
    /// A CHECK constraint less.
    DropConstraint {
        /// Its name.
        name: String,
    },
}

impl Table {
    /// Changes the metadata, as one commit.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what the table does not have or its rows do not fulfil, [`Error::Unsupported`] for what needs column mapping where
    /// that may not be turned on, [`Error::NoTable`], [`Error::Conflict`].
    pub fn alter(&mut self, change: &Alter, commit: &CommitOptions) -> Result<Outcome<()>> {
        let condition = if let Alter::AddConstraint { expression, .. } = change { Some(expression.as_str()) } else { None };
        self.run_judging(
            "alter",
            condition.as_slice(),
            commit,
            true,
            |table, commit| {
                table.state()?;
                // Only onto the version that it was made from: rows that others add meanwhile have not been looked at.
                let commit = commit.with_max_retries(0);
                match change {
                    Alter::AddConstraint { name, expression } => {
                        table.expression(expression, &table.own_names()?)?;
                        let builder = table.inner.clone().add_constraint().with_constraint(name, expression.as_str());
                        let after = table.wait(async move { builder.with_commit_properties(commit).await })??;
                        Ok(Ran::Committed(Box::new(after), ()))
                    }
                    Alter::DropConstraint { name } => {
                        let builder = table.inner.clone().drop_constraints().with_constraint(name);
                        let after = table.wait(async move { builder.with_commit_properties(commit).await })??;
                        Ok(Ran::Committed(Box::new(after), ()))
                    }
                    change => {
                        let mut draft = table.draft()?;
                        table.edit(&mut draft, change)?;
                        Ok(Ran::Committed(Box::new(table.commit_draft(draft, change, commit)?), ()))
                    }
                }
            },
            |_| (),
        )
    }

    fn draft(&self) -> Result<Draft> {
        let state = self.state()?;
        let broken = |_| self.invalid("alter", "its metadata cannot be read", "another engine");
        let metadata = serde_json::to_value(state.metadata()).map_err(broken)?;
        let protocol = serde_json::to_value(state.protocol()).map_err(broken)?;
        let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().unwrap_or("{}")).map_err(broken)?;
        Ok(Draft {
            fields: schema["fields"].as_array().cloned().unwrap_or_default(),
            configuration: metadata["configuration"].as_object().cloned().unwrap_or_default(),
            partition_columns: self.partition_columns()?,
            protocol,
            metadata,
        })
    }

    fn edit(&self, draft: &mut Draft, change: &Alter) -> Result<()> {
        match change {
            Alter::AddColumn(field) => self.add_column(draft, field),
            Alter::RenameColumn { from, to, upgrade } => self.rename_column(draft, from, to, *upgrade),
            Alter::DropColumn { column, upgrade } => self.drop_column(draft, column, *upgrade),
            Alter::SetNullable { column, nullable } => self.set_nullable(draft, column, *nullable),
            Alter::SetProperties(properties) => self.edit_properties(draft, properties),
            Alter::AddConstraint { .. } | Alter::DropConstraint { .. } => Ok(()),
        }
    }

    fn add_column(&self, draft: &mut Draft, field: &Field) -> Result<()> {
        let refused = |problems: Vec<ColumnProblem>| Error::Plan { location: self.location().to_string(), problems };
        if draft.position(field.name(), false).is_some() {
            return Err(self.invalid("alter", &format!("there is a column {} already; case does not count", field.name()), "another name"));
        }
        if !field.is_nullable() {
            return Err(self.invalid("alter", "the rows that are there would have no value", "a column that may be NULL"));
        }
        if needs_column_mapping(field.name()) && !draft.is_mapped() {
            let message = "a name with blanks or one of ,;{}()= needs column mapping";
            return Err(self.invalid("alter", message, &format!("another name, or the property {COLUMN_MAPPING}=name first")));
        }
        let schema = delta_schema(&Schema::new(vec![field.clone()]), &Losses::new()).map_err(refused)?;
        let fields = kernel_fields(&schema).map_err(|error| self.fault("alter", &error.into()))?;
        let mut json = serde_json::to_value(&fields[0]).map_err(|error| self.invalid("alter", &error.to_string(), "another type"))?;
        if draft.is_mapped() {
            let mut last = draft.last_column_id();
            mapping::assign(&mut json, &mut last, true);
            draft.configuration.insert(mapping::MAX_COLUMN_ID.into(), last.to_string().into());
        }
        if contains_ntz(schema.field(0).data_type()) {
            protocol::require(&mut draft.protocol, "timestampNtz", true);
        }
        draft.fields.push(json);
        let present = self.schema()?;
        draft.protect_statistics(&present, schema.field(0));
        Ok(())
    }

    fn rename_column(&self, draft: &mut Draft, from: &str, to: &str, upgrade: bool) -> Result<()> {
        let position = self.position(draft, from)?;
        if draft.position(to, false).is_some_and(|other| other != position) || to.is_empty() {
            return Err(self.invalid("alter", &format!("{to:?} is no new name"), "a name that no column has, in whatever case"));
        }
        self.refuse_constrained(draft, from)?;
        self.map_columns(draft, upgrade, "renaming a column")?;
        draft.fields[position]["name"] = to.into();
        draft.partition_columns.iter_mut().filter(|name| *name == from).for_each(|name| *name = to.to_owned());
        draft.rename_in_statistics(from, Some(to));
        Ok(())
    }

    fn drop_column(&self, draft: &mut Draft, column: &str, upgrade: bool) -> Result<()> {
        let position = self.position(draft, column)?;
        if draft.partition_columns.iter().any(|name| name == column) {
            return Err(self.invalid("alter", &format!("{column} is a partition column"), "writing the table anew with other partitions"));
        }
        if draft.fields.len() == draft.partition_columns.len() + 1 {
            return Err(self.invalid("alter", &format!("{column} is the only column"), "dropping the table"));
        }
        self.refuse_constrained(draft, column)?;
        self.map_columns(draft, upgrade, "dropping a column")?;
        draft.fields.remove(position);
        draft.rename_in_statistics(column, None);
        Ok(())
    }

    /// Constraints and generated columns hold names in SQL texts, which nobody would change with them.
    fn refuse_constrained(&self, draft: &Draft, column: &str) -> Result<()> {
        let mentions = |text: &str| text.to_lowercase().contains(&column.to_lowercase());
        let constraint = draft
            .configuration
            .iter()
            .find(|(key, value)| key.starts_with("delta.constraints.") && value.as_str().is_some_and(mentions))
            .map(|(key, _)| key.clone());
        let generated = || {
            let expression = |field: &&Value| {
                ["delta.generationExpression", "delta.invariants"].iter().any(|key| field["metadata"][key].as_str().is_some_and(mentions))
            };
            draft.fields.iter().find(expression).map(|field| format!("the column {}", field["name"]))
        };
        match constraint.or_else(generated) {
            Some(user) => Err(self.invalid("alter", &format!("{user} may use {column}"), "dropping that first")),
            None => Ok(()),
        }
    }

    fn set_nullable(&self, draft: &mut Draft, column: &str, nullable: bool) -> Result<()> {
        let position = self.position(draft, column)?;
        if !nullable {
            let predicate = Some(format!("\"{}\" IS NULL", column.replace('"', "\"\"")));
            let mut nulls = self.read(&Scan { columns: Some(vec![column.to_owned()]), predicate, ..Scan::default() })?;
            let found = nulls.find_map(|batch| match batch {
                Ok(batch) if batch.num_rows() == 0 => None,
                other => Some(other.map(|_| ())),
            });
            match found {
                Some(Ok(())) => {
                    return Err(self.invalid("alter", &format!("{column} has NULLs"), "an UPDATE that gives them values first"));
                }
                Some(Err(error)) => return Err(self.fault("alter", &error.into())),
                None => {}
            }
        }
        draft.fields[position]["nullable"] = nullable.into();
        Ok(())
    }

    fn edit_properties(&self, draft: &mut Draft, properties: &BTreeMap<String, Option<String>>) -> Result<()> {
        for (key, value) in properties {
            match (key.as_str(), value) {
                (COLUMN_MAPPING, Some(mode)) if mode == "name" => self.map_columns(draft, true, "column mapping")?,
                (COLUMN_MAPPING, _) => {
                    return Err(
                        self.unsupported("column mapping can be turned on with the mode name only, and not off", "a copy of the table")
                    );
                }
                (key, Some(value)) => {
                    if let Some(refusal) = property_values::refused(self.schema()?.as_ref(), key, value) {
                        return Err(self.refused("alter", key, refusal));
                    }
                    let set = features::demand(&mut draft.protocol, key, value).map_err(|refusal| self.refused("alter", key, refusal))?;
                    draft.configuration.extend(set.map(|value| (key.to_owned(), value.into())));
                }
                (key, None) => {
                    if draft.configuration.remove(key).is_none() {
                        return Err(self.invalid("alter", &format!("there is no property {key}"), "a property that describe lists"));
                    }
                }
            }
        }
        Ok(())
    }

    /// The error of a property that cannot be set.
    pub(super) fn refused(&self, action: &'static str, key: &str, refusal: Refusal) -> Error {
        match refusal {
            Refusal::Value(message, remedy) => self.invalid(action, &message, remedy),
            Refusal::Feature(feature) => Error::Unsupported {
                action,
                location: self.location().to_string(),
                message: format!("{key} needs the table feature {feature}, by which tables are not written here"),
                remedy: "the engine that has it".into(),
            },
        }
    }

    /// Turns column mapping on where it is not: names in the files stay what they are.
    fn map_columns(&self, draft: &mut Draft, upgrade: bool, what: &str) -> Result<()> {
        if draft.is_mapped() {
            return Ok(());
        }
        if !upgrade {
            let message = format!("{what} needs column mapping, which the table does not have; readers and writers must then know it");
            return Err(self.unsupported(
                &message,
                "the same with --upgrade; some readers, and OPTIMIZE, wider types and change feeds here, do not know it",
            ));
        }
        let mut last = 0;
        draft.fields.iter_mut().for_each(|field| mapping::assign(field, &mut last, false));
        draft.configuration.insert(COLUMN_MAPPING.into(), "name".into());
        draft.configuration.insert(mapping::MAX_COLUMN_ID.into(), last.to_string().into());
        protocol::require(&mut draft.protocol, "columnMapping", true);
        Ok(())
    }

    fn position(&self, draft: &Draft, column: &str) -> Result<usize> {
        draft
            .position(column, true)
            .ok_or_else(|| self.invalid("alter", &format!("no column {column}"), "a column of the table, in its own case"))
    }

    pub(super) fn unsupported(&self, message: &str, remedy: &str) -> Error {
        Error::Unsupported { action: "alter", location: self.location().to_string(), message: message.into(), remedy: remedy.into() }
    }

    fn commit_draft(
        &self,
        draft: Draft,
        change: &Alter,
        commit: CommitProperties,
    ) -> Result<deltalake::DeltaTable, super::commit::Failure> {
        let broken = |error: serde_json::Error| self.invalid("alter", &error.to_string(), "another engine");
        let mut metadata = draft.metadata;
        metadata["schemaString"] = json!({"type": "struct", "fields": draft.fields}).to_string().into();
        metadata["configuration"] = draft.configuration.into();
        metadata["partitionColumns"] = json!(draft.partition_columns);
        let mut actions = vec![Action::Metadata(serde_json::from_value(metadata).map_err(broken)?)];
        let protocol: deltalake::kernel::Protocol = serde_json::from_value(draft.protocol).map_err(broken)?;
        let state = self.state()?;
        if &protocol != state.protocol() {
            actions.push(Action::Protocol(protocol));
        }
        let operation = match change {
            Alter::AddColumn(_) => DeltaOperation::AddColumn { fields: Vec::new() },
            Alter::SetProperties(properties) => {
                let set = properties.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
                DeltaOperation::SetTableProperties { properties: set.collect() }
            }
            _ => DeltaOperation::UpdateFieldMetadata { fields: Vec::new() },
        };
        let (snapshot, log_store, mut after) = (state.snapshot().clone(), self.inner.log_store(), self.inner.clone());
        let after = self.wait(async move {
            CommitBuilder::from(commit).with_actions(actions).build(Some(&snapshot), log_store, operation).await?;
            after.update_state().await?;
            Ok::<_, DeltaTableError>(after)
        })??;
        Ok(after)
    }

    /// Gives a column a wider type: the table is read and written anew as one commit. Every value of the old type must be one of the new.
    ///
    /// # Errors
    /// [`Error::Plan`] for a type that is not wider; [`Error::Unsupported`] on a table with column mapping; [`Error::Conflict`] when others write
    /// meanwhile, to the end.
    pub fn widen_column(&mut self, column: &str, to: &DataType, commit: &CommitOptions) -> Result<Outcome<()>> {
        self.refresh()?;
        let schema = self.schema()?;
        let position =
            schema.index_of(column).map_err(|_| self.invalid("alter", &format!("no column {column}"), "a column of the table"))?;
        if self.properties()?.get(COLUMN_MAPPING).is_some_and(|mode| mode != "none") {
            let copy = without_mapping(self.location());
            return Err(self.unsupported("a table with column mapping cannot be written anew with other types", &copy));
        }
        let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
        let wider = delta_schema(&Schema::new(vec![Field::new(column, to.clone(), true)]), &Losses::new());
        let wider = wider.map_err(|problems| Error::Plan { location: self.location().to_string(), problems })?;
        fields[position] = fields[position].clone().with_data_type(wider.field(0).data_type().clone());
        let mut source = super::widen::Widened::new(self.opened.clone(), std::sync::Arc::new(Schema::new(fields)), &schema)
            .map_err(|problems| Error::Plan { location: self.location().to_string(), problems })?;
        let options = WriteOptions { mode: WriteMode::Overwrite, schema_mode: SchemaMode::Overwrite, ..WriteOptions::default() };
        self.write_onto_this_version(&mut source, &options, commit).map(|outcome| outcome.map(|_| ()))
    }
}

fn contains_ntz(of: &DataType) -> bool {
    match of {
        DataType::Timestamp(_, None) => true,
        DataType::List(item) | DataType::Map(item, _) => contains_ntz(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| contains_ntz(field.data_type())),
        _ => false,
    }
}
