//! A value that does not fit the type of its column, and columns that may get a wider one: nothing of the file is there before it is whole, so the reading can
//! begin again.

use arrow::datatypes::{DataType, Field, Schema};

use super::numbers::{self, Found};
use super::types::is_named;
use super::{AsOf, ExportJob};
use crate::error::{Error, Result, RowError};
use crate::oci::Session;
use crate::oracle_type::ColumnDesc;

/// Which columns get a wider type when a value does not fit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Widening {
    /// NUMBER and FLOAT: to the narrowest type that holds all their values.
    pub numbers: bool,
    /// Dates, timestamps and intervals: to text, in Oracle's words.
    pub dates: bool,
    /// Those that have got one.
    pub done: Vec<Widened>,
}

/// A column that has got a wider type.
#[derive(Debug, Clone, PartialEq)]
pub struct Widened {
    /// Name in the database.
    pub column: String,
    /// What it is read as now.
    pub data_type: DataType,
    /// The value that did not fit, and its row.
    pub why: String,
}

impl Widening {
    pub(super) fn is_asked_for(&self) -> bool {
        self.numbers || self.dates
    }

    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        self.done.iter().map(|Widened { column, data_type, why }| format!("column {column} is read as {data_type}: {why}"))
    }

    fn allows(&self, column: &ColumnDesc) -> bool {
        let known = self.done.iter().any(|done| done.column == column.name);
        !known && if column.oracle_type.is_number() { self.numbers } else { self.dates && column.oracle_type.is_temporal() }
    }
}

impl ExportJob {
    /// This job with a type that holds every value of the column that a run has ended for, as of the moment that was read. `None` when nothing wider is asked
    /// for or known: then the error stands. A column is widened once, so that a caller may run, widen and run again until there is no error.
    ///
    /// # Errors
    /// [`Error::Database`], where the values are looked at.
    pub fn widened(&self, session: &Session, scn: Option<u64>, error: &Error) -> Result<Option<ExportJob>> {
        let Error::Row(refused) = error else { return Ok(None) };
        let Some(name) = refused.column.as_deref().filter(|_| self.widening.is_asked_for()) else { return Ok(None) };
        let mut job = self.clone();
        if let (Some(scn), None) = (scn, &self.selection.query) {
            job.reading.as_of = AsOf::Scn(scn);
        }
        let mut problems = Vec::new();
        let sql = match job.selected(session, &mut problems)? {
            Some((table, columns)) => job.select_table(table, &columns, scn)?.sql,
            None if job.selection.query.is_some() => job.query_sql(session, &mut problems)?,
            None => return Ok(None),
        };
        let described = session.describe_query(&sql)?;
        let Some(column) = described.iter().find(|column| column.name == name && self.widening.allows(column)) else { return Ok(None) };
        let data_type = match column.oracle_type.is_number() {
            true => match numbers::find(session, &sql, std::slice::from_ref(column))?.0.pop() {
                Some(Found { data_type, .. }) => data_type,
                None => return Ok(None),
            },
            false => DataType::Utf8,
        };
        job.choose(column, data_type, refused);
        Ok(Some(job))
    }

    fn choose(&mut self, column: &ColumnDesc, data_type: DataType, refused: &RowError) {
        // A column that is like one of a file keeps its name.
        self.types.like = self.types.like.as_ref().map(|like| {
            let fields = like.fields().iter().map(|field| match is_named(&column.name, field.name()) {
                true => Field::new(field.name(), data_type.clone(), true).into(),
                false => field.clone(),
            });
            Schema::new_with_metadata(fields.collect::<Vec<_>>(), like.metadata().clone()).into()
        });
        let is_like = self.types.like.iter().flat_map(|like| like.fields().iter()).any(|field| is_named(&column.name, field.name()));
        let is_chosen = self.types.columns.iter().any(|(name, _)| is_named(&column.name, name));
        self.types.columns.retain(|(name, _)| !is_named(&column.name, name));
        if is_chosen || !is_like {
            self.types.columns.push((column.name.clone(), data_type.clone()));
        }
        let row = refused.rowid.as_ref().map_or_else(|| refused.source.to_string(), |rowid| format!("the row with ROWID {rowid}"));
        let why = format!("{row}: {}", refused.message);
        self.widening.done.push(Widened { column: column.name.clone(), data_type, why });
    }
}
