//! Rows written, removed, set and merged.

use olbridge_delta::Location;
use olbridge_delta::table::{Clause, Merge, NewTable, SchemaMode, Source, Table, WriteMode, WriteOptions};

use super::asked::{self, losses, usage};
use super::done::{Done, Outcome};
use super::failure::failed;
use super::{DeltaTables, refuse_unasked};
use crate::error::Result;

impl DeltaTables {
    /// Writes the rows of `source` as one commit.
    ///
    /// # Errors
    /// [`crate::Error::Plan`] before a row moves, [`crate::Error::Row`] for a value that does not fit, with nothing written; the source's own errors.
    pub fn write(&self, location: &Location, asked: &asked::Write, source: &mut dyn Source) -> Result<Done> {
        let mut table = self.open(location)?;
        // One that was made meanwhile has rows that may not be replaced unasked.
        table.refresh().map_err(|error| failed(error, &location.to_string()))?;
        let options = write_options(asked, source, &table)?;
        if table.exists() && matches!(options.mode, WriteMode::Overwrite | WriteMode::OverwriteWhere(_)) {
            let which = asked.replace_where.as_ref().map_or("all rows".to_owned(), |condition| format!("the rows with {condition}"));
            refuse_unasked(&format!("{which} of {location}"), asked.allow_destructive)?;
        }
        table.set_file_options(asked.files.options()?);
        let done = table.write(source, &options, &asked.commit.options()?).map_err(|error| failed(error, &location.to_string()))?;
        self.cache.keep(&table);
        Ok(Done::of("write", &table, done))
    }

    /// Removes the rows that fulfil a condition, or counts them.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] unless that is allowed; [`crate::Error::Plan`] for a condition that is not understood.
    pub fn delete(&self, location: &Location, asked: &asked::Delete) -> Result<Done> {
        let condition = asked.r#where.as_deref();
        if asked.dry_run {
            return self.count("delete from", location, condition);
        }
        let which = condition.map_or("all rows".to_owned(), |condition| format!("the rows with {condition}"));
        refuse_unasked(&format!("{which} from {location}"), asked.allow_destructive)?;
        self.with(location, |table| {
            table.set_file_options(asked.files.options()?);
            let done = table.delete(condition, &asked.commit.options()?).map_err(|error| failed(error, &location.to_string()))?;
            Ok(Done::of("delete from", table, done))
        })
    }

    /// Sets columns in the rows that fulfil a condition, or counts them.
    ///
    /// # Errors
    /// [`crate::Error::Row`] for a value that its column cannot take exactly; [`crate::Error::Usage`] for all rows unless that is allowed.
    pub fn update(&self, location: &Location, asked: &asked::Update) -> Result<Done> {
        if asked.set.is_empty() {
            return Err(usage("nothing is to be set", "--set \"column = expression\""));
        }
        let condition = asked.r#where.as_deref();
        if asked.dry_run {
            return self.count("update", location, condition);
        }
        if condition.is_none() {
            refuse_unasked(&format!("the present values of all rows of {location}"), asked.allow_destructive)?;
        }
        let set: Vec<(String, String)> = asked.set.iter().map(|(column, value)| (column.clone(), value.clone())).collect();
        self.with(location, |table| {
            table.set_file_options(asked.files.options()?);
            let done = table.update(&set, condition, &asked.commit.options()?).map_err(|error| failed(error, &location.to_string()))?;
            Ok(Done::of("update", table, done))
        })
    }

    fn count(&self, operation: &'static str, location: &Location, condition: Option<&str>) -> Result<Done> {
        self.with(location, |table| {
            table.refresh().map_err(|error| failed(error, &location.to_string()))?;
            let rows = table.count_rows(condition).map_err(|error| failed(error, &location.to_string()))?;
            Ok(Done::new(operation, table, Outcome::Planned).count("rows", rows))
        })
    }

    /// Merges the rows of `source`, as one commit.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for clauses that are not understood, or that remove rows unless that is allowed; as [`Self::write`] otherwise.
    pub fn merge(&self, location: &Location, asked: &asked::Merge, source: &mut dyn Source) -> Result<Done> {
        let merge = asked.statement()?;
        if let Some(what) = removed(&merge) {
            refuse_unasked(&format!("{what} from {location}"), asked.allow_destructive)?;
        }
        self.with(location, |table| {
            table.set_file_options(asked.files.options()?);
            let done = table.merge(source, &merge, &asked.commit.options()?).map_err(|error| failed(error, &location.to_string()))?;
            Ok(Done::of("merge into", table, done))
        })
    }
}

impl asked::Merge {
    /// The statement in the table's own terms.
    fn statement(&self) -> Result<Merge> {
        let on = match (&self.on, self.key.is_empty()) {
            (Some(on), true) => on.clone(),
            (None, false) => Merge::on_keys(&self.key),
            _ => return Err(usage("rows are joined by a condition or by a key", "--key id, or --on \"target.id = source.id\"")),
        };
        let clauses = match self.when.is_empty() {
            true => Merge::upsert(&self.key).clauses,
            false => self.when.iter().map(|text| clause(text)).collect::<Result<_>>()?,
        };
        Ok(Merge { on, clauses, losses: losses(&self.cast)?, source_only: self.source_only.clone(), key: self.key.clone() })
    }
}

fn clause(text: &str) -> Result<Clause> {
    text.parse().map_err(|reason: String| usage(format!("--when {reason}"), "--when \"matched and source.op = 'D' then delete\""))
}

/// Which rows clauses remove, if they do.
fn removed(merge: &Merge) -> Option<&'static str> {
    let by_source = |clause: &Clause| matches!(clause, Clause::NotMatchedBySourceDelete { .. });
    let matched = |clause: &Clause| matches!(clause, Clause::MatchedDelete { .. });
    match (merge.clauses.iter().any(by_source), merge.clauses.iter().any(matched)) {
        (true, _) => Some("rows that the source does not have"),
        (false, true) => Some("rows that the source names"),
        (false, false) => None,
    }
}

fn write_options(asked: &asked::Write, source: &dyn Source, table: &Table) -> Result<WriteOptions> {
    let mode = match (asked.mode, &asked.replace_where) {
        (asked::WriteMode::Overwrite, Some(_)) if !table.exists() => {
            return Err(usage("--replace-where names rows of a table, and there is none yet", "--mode create without it"));
        }
        (asked::WriteMode::Overwrite, Some(condition)) => WriteMode::OverwriteWhere(condition.clone()),
        (_, Some(_)) => return Err(usage("--replace-where says which rows are replaced", "--mode overwrite with it")),
        (asked::WriteMode::Append | asked::WriteMode::Create, None) => WriteMode::Append,
        (asked::WriteMode::Overwrite, None) => WriteMode::Overwrite,
        (asked::WriteMode::ErrorIfExists, None) => WriteMode::ErrorIfExists,
        (asked::WriteMode::Ignore, None) => WriteMode::Ignore,
    };
    let may_create = asked.mode != asked::WriteMode::Append;
    let new =
        NewTable { partition_columns: asked.partition_by.clone(), properties: asked.properties.clone(), ..NewTable::new(source.schema()) };
    Ok(WriteOptions {
        mode,
        schema_mode: match asked.schema_mode {
            asked::SchemaMode::Strict => SchemaMode::Strict,
            asked::SchemaMode::Merge => SchemaMode::Merge,
            asked::SchemaMode::Overwrite => SchemaMode::Overwrite,
        },
        create: may_create.then_some(new),
        losses: losses(&asked.cast)?,
        target_file_bytes: asked.target_file_bytes,
        batch_rows: asked.batch_rows,
        ..WriteOptions::default()
    })
}
