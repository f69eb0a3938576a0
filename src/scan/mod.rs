//! A table as whoever plans queries over it sees it: columns, a condition and a limit go in, what the database does not carry out comes back.

mod predicate;
mod pushdown;

use arrow::datatypes::{DataType, Field, SchemaRef};

use crate::collation::TextComparison;
use crate::error::{Error, PlanProblem, Result};
use crate::fetch::{FetchColumn, FetchOptions, FetchPlan, Fetcher};
use crate::oci::Session;
use crate::oracle_type::{ColumnDesc, TableName};
use crate::sql;
use crate::type_map::default_arrow_type;

pub use predicate::{Comparison, Predicate};
use pushdown::{Pushdown, Split, TextRules};

/// A read of a table, as asked for. [`TableScan::plan`] says what the database does of it.
#[derive(Debug, Clone)]
pub struct TableScan {
    /// The table or view.
    pub table: TableName,
    /// Its columns in this order, by their names in the dictionary; `None` for all. None at all is a scan that counts.
    pub columns: Option<Vec<String>>,
    /// Only rows for which this is true.
    pub predicate: Option<Predicate>,
    /// Rows at most.
    pub limit: Option<u64>,
    /// As of this system change number.
    pub scn: Option<u64>,
    /// Arrow types where the defaults are not wanted: column → type.
    pub types: Vec<(String, DataType)>,
    /// The type of NUMBER and FLOAT columns that have no scale and are not in `types`; without it they are refused.
    pub number: Option<DataType>,
    /// Buffers and losses of the fetch.
    pub fetch: FetchOptions,
}

/// A read that has been planned.
#[derive(Debug)]
pub struct ScanPlan {
    /// The query.
    pub fetch: FetchPlan,
    /// How many of its columns were asked for; those behind them are what `residual` looks at besides.
    pub columns_wanted: usize,
    /// What of the condition the database does, in its SQL; `None` for nothing of it.
    pub pushed: Option<String>,
    /// What the database would not do exactly: the caller keeps only rows for which this is true ([`Predicate::evaluate`]).
    pub residual: Option<Predicate>,
    /// The limit is the database's; otherwise the caller counts, after the residual condition.
    pub limit_is_pushed: bool,
}

impl ScanPlan {
    /// The record batches' schema.
    pub fn schema(&self) -> SchemaRef {
        self.fetch.schema.clone()
    }

    /// Executes the query.
    ///
    /// # Errors
    /// As [`FetchPlan::open`].
    pub fn open(self, session: &Session) -> Result<Fetcher<'_>> {
        self.fetch.open(session)
    }
}

impl TableScan {
    /// All of a table.
    pub fn new(table: TableName) -> Self {
        TableScan {
            table,
            columns: None,
            predicate: None,
            limit: None,
            scn: None,
            types: Vec::new(),
            number: None,
            fetch: FetchOptions::default(),
        }
    }

    /// Describes the table and splits the condition. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Plan`] for columns that are not there, that cannot be read, or whose literals have another type; [`Error::Database`].
    pub fn plan(&self, session: &Session) -> Result<ScanPlan> {
        let Some(described) = session.describe_table(&self.table)? else {
            return Err(self.refused(vec![problem(None, "the table does not exist, or this user may not see it", "check the name")]));
        };
        let all = self.fields(described.columns)?;
        let split = match &self.predicate {
            None => Split::default(),
            Some(predicate) => {
                self.check(predicate, &all)?;
                self.pushdown(session, &all)?.split(predicate)?
            }
        };
        let (chosen, columns_wanted) = self.chosen(&all, split.residual.as_ref())?;
        let limit = self.limit.filter(|_| split.residual.is_none());
        let described: Vec<ColumnDesc> = chosen.iter().map(|column| column.column.clone()).collect();
        let sql = sql::select_at(&self.table, &described, self.scn, split.condition.as_deref(), limit)?;
        // What the select list makes of a column (JSON, BOOLEAN) is another type than the table's.
        let read = session.describe_query(&sql::select_at(&self.table, &described, self.scn, None, None)?)?;
        let columns = chosen.into_iter().zip(read).map(|(chosen, column)| FetchColumn { column, ..chosen }).collect();
        let fetch = FetchPlan::new(session, &self.table.to_string(), sql, columns, self.fetch)?.with_binds(split.binds);
        let limit_is_pushed = self.limit.is_some() && limit.is_some();
        Ok(ScanPlan { fetch, columns_wanted, pushed: split.condition, residual: split.residual, limit_is_pushed })
    }

    /// Every column of the table that can be read, with its type; the others are refused only where they are asked for.
    fn fields(&self, columns: Vec<ColumnDesc>) -> Result<Vec<FetchColumn>> {
        let mut fields = Vec::with_capacity(columns.len());
        for column in columns {
            let chosen = self.types.iter().find(|(name, _)| *name == column.name).map(|(_, data_type)| data_type.clone());
            let by_default = || match (default_arrow_type(&column.oracle_type), &self.number) {
                (Ok(_), _) if column.oracle_type.is_named("BOOLEAN") => Ok(DataType::Boolean),
                (Ok(data_type), _) => Ok(data_type),
                (Err(_), Some(number)) if column.oracle_type.is_number() => Ok(number.clone()),
                (Err(_), _) if column.oracle_type.is_named("BOOLEAN") => Ok(DataType::Boolean),
                (Err(_), _) if is_made_text(&column) => Ok(DataType::Utf8),
                (Err(remedy), _) => Err(remedy),
            };
            match chosen.map_or_else(by_default, Ok) {
                Ok(data_type) => fields.push(FetchColumn { field: Field::new(&column.name, data_type, column.nullable), column }),
                Err(remedy) if self.columns.as_ref().is_none_or(|wanted| wanted.contains(&column.name)) => {
                    let reason = format!("Oracle {} has no Arrow type that holds every value", column.oracle_type);
                    return Err(self.refused(vec![problem(Some(column.name.as_str()), &reason, remedy)]));
                }
                Err(_) => {}
            }
        }
        Ok(fields)
    }

    /// The columns that are read, and how many of them were asked for.
    fn chosen(&self, all: &[FetchColumn], residual: Option<&Predicate>) -> Result<(Vec<FetchColumn>, usize)> {
        let find = |name: &str| all.iter().find(|column| column.column.name == name).cloned();
        let mut chosen = Vec::new();
        match &self.columns {
            None => chosen.extend_from_slice(all),
            Some(names) => {
                for name in names {
                    let missing = || self.refused(vec![problem(Some(name.as_str()), "there is no such column", "name one that is there")]);
                    chosen.push(find(name).ok_or_else(missing)?);
                }
            }
        }
        let wanted = chosen.len();
        let mut looked_at = Vec::new();
        residual.into_iter().for_each(|residual| residual.columns(&mut looked_at));
        for name in looked_at {
            if !chosen.iter().any(|column| column.column.name == name) {
                chosen.extend(find(name));
            }
        }
        if chosen.is_empty() {
            // A query has a column; the narrowest will do.
            chosen.extend(all.iter().min_by_key(|column| column.column.oracle_type.is_lob()).cloned());
        }
        Ok((chosen, wanted))
    }

    /// Literals have the types of their columns.
    fn check(&self, predicate: &Predicate, all: &[FetchColumn]) -> Result<()> {
        let mut names = Vec::new();
        predicate.columns(&mut names);
        let missing = names.into_iter().find(|name| !all.iter().any(|column| column.field.name() == name));
        if let Some(name) = missing {
            return Err(self.refused(vec![problem(Some(name), "the condition names a column that is not there", "name one that is")]));
        }
        let schema = std::sync::Arc::new(arrow::datatypes::Schema::new(all.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
        let checked = predicate.evaluate(&arrow::array::RecordBatch::new_empty(schema));
        checked.map(drop).map_err(|error| self.refused(vec![problem(None, &error.to_string(), "cast the literal to the column's type")]))
    }

    fn pushdown<'a>(&self, session: &Session, columns: &'a [FetchColumn]) -> Result<Pushdown<'a>> {
        let charset = session.database_charset()?;
        let is = |name: &str| charset.as_ref().is_some_and(|charset| charset.name == name);
        let comparison = TextComparison::of(session, &self.table)?;
        let is_binary = comparison.is_binary;
        let is_unicode = charset.as_ref().is_some_and(|charset| charset.is_unicode());
        let text = TextRules { is_binary, is_unicode, is_utf8_order: is("AL32UTF8") };
        // Of a name that the dictionary does not know, a synonym, nobody knows how any column is compared.
        let all = || columns.iter().map(|column| column.column.name.clone()).collect();
        let collated = comparison.collated.unwrap_or_else(all);
        Ok(Pushdown { columns, text, collated, trim_char: self.fetch.trim_char, lossy: self.fetch.lossy })
    }

    fn refused(&self, problems: Vec<PlanProblem>) -> Error {
        Error::Plan { table: self.table.to_string(), problems }
    }
}

/// Types of which the select list makes text.
fn is_made_text(column: &ColumnDesc) -> bool {
    ["JSON", "XMLTYPE", "VECTOR"].iter().any(|name| column.oracle_type.is_named(name))
}

fn problem(column: Option<&str>, reason: &str, remedy: &str) -> PlanProblem {
    PlanProblem { column: column.map(str::to_owned), reason: reason.to_owned(), remedy: remedy.to_owned() }
}
