//! The source of rows or columns that the arguments name.

use olbridge::arrow::datatypes::SchemaRef;
use olbridge::copy::{ExportJob, Target};
use olbridge::delta::{FileRows, Location, QueryRows, Source, columns_of_files, columns_of_query};
use olbridge::lake::source::SourceOptions;
use olbridge::oci::Session;

use super::shared_arguments::SourceArguments;
use crate::failure::{Failure, usage};
use crate::format_arguments::arrow_type;
use crate::session;

/// Files, or a database.
enum Named {
    Files(Vec<String>, Box<SourceOptions>),
    Database(Box<ExportJob>),
}

impl SourceArguments {
    fn named(&self) -> Result<Named, Failure> {
        match &self.from[..] {
            [target] if session::is_target(target) => Ok(Named::Database(Box::new(self.job(target.parse()?)?))),
            many if many.iter().any(|word| session::is_target(word)) => {
                Err(usage("--from names a table of a database, and other sources beside it", "one table or query, or files"))
            }
            _ if self.query.is_some() || self.number.is_some() => {
                Err(usage("--query and --number are for a database", "--from oracle://USER@HOST:PORT/SERVICE"))
            }
            files => {
                let options = SourceOptions {
                    format: self.format.format()?,
                    csv: self.format.csv()?,
                    types: self.format.types()?,
                    like: self.format.like()?,
                    ..SourceOptions::default()
                };
                Ok(Named::Files(files.to_vec(), Box::new(options)))
            }
        }
    }

    fn job(&self, source: Target) -> Result<ExportJob, Failure> {
        if self.query.is_none() {
            source.require_table()?;
        }
        let mut job = ExportJob::new(source, "-".into());
        job.selection.query.clone_from(&self.query);
        job.types.columns = self.format.types()?;
        job.types.like = self.format.like()?;
        job.types.number = self.number.as_deref().map(|text| arrow_type("--number ", text)).transpose()?;
        Ok(job)
    }

    fn open(&self, job: &ExportJob) -> Result<Session, Failure> {
        session::open_with(&session::options(&job.source, &self.connection)?, &job.source)
    }

    /// Does `work` with the rows; texts and NUMBERs without a type of their own have that of the column of `like`.
    pub fn with_rows<T>(&self, like: Option<SchemaRef>, work: impl FnOnce(&mut dyn Source) -> Result<T, Failure>) -> Result<T, Failure> {
        if self.from.is_empty() {
            return Err(usage("no rows are named", "--from FILE, or --from oracle://USER@HOST:PORT/SERVICE/TABLE"));
        }
        match self.named()? {
            Named::Files(files, options) => work(&mut FileRows::open(&files, &options, like.as_deref())?),
            Named::Database(job) => {
                let session = self.open(&job)?;
                work(&mut QueryRows::new(&job, &session, like)?)
            }
        }
    }

    /// The columns that a table for the source would have; `None` without a source.
    pub fn columns(&self, location: &Location, lossy: &[String]) -> Result<Option<SchemaRef>, Failure> {
        if self.from.is_empty() {
            return Ok(None);
        }
        Ok(Some(match self.named()? {
            Named::Files(files, options) => columns_of_files(&files, &options)?,
            Named::Database(job) => columns_of_query(&job, location, lossy, &self.open(&job)?)?,
        }))
    }
}

/// A name and what stands behind the first `=`.
pub fn pair(option: &str, text: &str) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err(usage(format!("{option} {text} has no NAME before a ="), format!("{option} NAME=…"))),
    }
}
