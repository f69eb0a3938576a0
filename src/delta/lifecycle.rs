//! Tables made, altered, put back and dropped.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use olbridge_delta::Location;
use olbridge_delta::table::{Alter, At, NewTable};
use serde_json::json;

use super::asked::{self, Change, losses, usage};
use super::columns::{data_type, field};
use super::done::{Done, Outcome};
use super::failure::failed;
use super::{DeltaTables, refuse_unasked};
use crate::error::Result;

impl DeltaTables {
    /// Makes a table, with nothing in it, of the columns that are asked for or of `schema`.
    ///
    /// # Errors
    /// [`crate::Error::Plan`] for columns that have no place in a Delta table, or a table that is there.
    pub fn create(&self, location: &Location, asked: &asked::Create, schema: Option<SchemaRef>) -> Result<Done> {
        let schema = match (schema, asked.columns.is_empty()) {
            (Some(schema), true) => schema,
            (None, false) => Arc::new(arrow::datatypes::Schema::new(asked.columns.iter().map(field).collect::<Result<Vec<_>>>()?)),
            (Some(_), false) => return Err(usage("columns and a schema are given", "leave out one")),
            (None, true) => return Err(usage("a table has columns", "--column \"id=int64 not null\", or --from FILE or TABLE")),
        };
        let new = NewTable {
            partition_columns: asked.partition_by.clone(),
            properties: asked.properties.clone(),
            name: asked.name.clone(),
            comment: asked.comment.clone(),
            losses: losses(&asked.cast)?,
            ..NewTable::new(schema)
        };
        let mut table = self.open(location)?;
        let created = table.create(&new, asked.if_not_exists, &asked.commit.options()?);
        let created = created.map_err(|error| failed(error, &location.to_string()))?;
        self.cache.keep(&table);
        let outcome = if created.created { Outcome::Committed } else { Outcome::Nothing };
        Ok(Done::new("create", &table, outcome).with(&created))
    }

    /// Changes the metadata.
    ///
    /// # Errors
    /// [`crate::Error::Plan`] for what the table does not have, its rows do not fulfil, or deltalake cannot do.
    pub fn alter(&self, location: &Location, asked: &asked::Alter) -> Result<Done> {
        let upgrade = asked.upgrade;
        let commit = asked.commit.options()?;
        let change = match &asked.change {
            Change::WidenColumn { column, r#type } => {
                let to = data_type(column, r#type)?;
                return self.with(location, |table| {
                    let done = table.widen_column(column, &to, &commit).map_err(|error| failed(error, &location.to_string()))?;
                    Ok(Done::of("alter", table, done))
                });
            }
            Change::AddColumn(column) => Alter::AddColumn(field(column)?),
            Change::RenameColumn { from, to } => Alter::RenameColumn { from: from.clone(), to: to.clone(), upgrade },
            Change::DropColumn(column) => {
                refuse_unasked(&format!("column {column} of {location}"), asked.allow_destructive)?;
                Alter::DropColumn { column: column.clone(), upgrade }
            }
            Change::SetNullable(column) => Alter::SetNullable { column: column.clone(), nullable: true },
            Change::SetNotNull(column) => Alter::SetNullable { column: column.clone(), nullable: false },
            Change::SetProperties(properties) => Alter::SetProperties(properties.clone()),
            Change::AddConstraint { name, expression } => Alter::AddConstraint { name: name.clone(), expression: expression.clone() },
            Change::DropConstraint(name) => Alter::DropConstraint { name: name.clone() },
        };
        self.with(location, |table| {
            let done = table.alter(&change, &commit).map_err(|error| failed(error, &location.to_string()))?;
            Ok(Done::of("alter", table, done))
        })
    }

    /// Makes the table what it was, as a new version.
    ///
    /// # Errors
    /// [`crate::Error::Plan`] for a version that is not there.
    pub fn restore(&self, location: &Location, asked: &asked::Restore) -> Result<Done> {
        let at = asked::Version { version: asked.version, timestamp: asked.timestamp.clone() }.at()?;
        if at == At::Latest {
            return Err(usage("which version the table is to have again is not said", "--delta-version N or --delta-timestamp TIME"));
        }
        refuse_unasked(&format!("from the newest version of {location} what came after that"), asked.allow_destructive)?;
        self.with(location, |table| {
            let done = table.restore(at, &asked.commit.options()?).map_err(|error| failed(error, &location.to_string()))?;
            Ok(Done::of("restore", table, done))
        })
    }

    /// Removes the table with all its versions and everything else in its folder, or says what would go.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] unless that is allowed.
    pub fn drop_table(&self, location: &Location, asked: &asked::Drop) -> Result<Done> {
        let mut table = self.open_existing(location)?;
        if !asked.dry_run {
            refuse_unasked(&format!("{location} with all its versions"), asked.allow_destructive)?;
        }
        let dropped = table.drop_table(asked.dry_run).map_err(|error| failed(error, &location.to_string()))?;
        if !asked.dry_run {
            self.cache.forget(location);
        }
        let outcome = if asked.dry_run { Outcome::Planned } else { Outcome::Done };
        let done = Done::new("drop", &table, outcome).count("file_count", dropped.files.len()).count("bytes", json!(dropped.bytes));
        let done = done.count("foreign_file_count", dropped.foreign_files);
        Ok(done.files(dropped.files))
    }
}
