//! RETURNING in a load: what the database made of each row, as record batches.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};

use crate::column::{ColumnDefine, Origin};
use crate::define::plan_define;
use crate::error::{Error, PlanProblem};
use crate::fetch::{Decoder, FetchColumn};
use crate::layout::{Layout, LongCells};
use crate::oracle_type::{ColumnDesc, OracleType, TableDesc};
use crate::sql;
use crate::sql::dml::ROWID;
use crate::type_map::{DEFAULT_MAX_LOB_BYTES, default_arrow_type};

use super::dml::Dml;
use super::plan::LoadPlan;
use super::sender::Sender;

/// What one execute has given back.
#[derive(Debug, Clone)]
pub struct Returned {
    /// The columns that were asked for, a row for each row of the table that was changed: one for each good row of an INSERT; for UPDATE the new values
    /// and for DELETE the old ones, of as many rows as the key finds. In the order of the source rows.
    pub batch: RecordBatch,
    /// For each row of `batch` its source row: the 1-based number in its file, as [`super::Loader::write`] was told.
    pub source_rows: UInt64Array,
    /// First row of `batch` and file of the rows from there on.
    files: Vec<(usize, Option<Arc<Path>>)>,
}

impl Returned {
    /// The file that the source row of row `index` (0-based) of [`Self::batch`] is in.
    pub fn file_of(&self, index: usize) -> Option<&Arc<Path>> {
        let after = self.files.partition_point(|(first, _)| *first <= index);
        self.files.get(after.checked_sub(1)?).and_then(|(_, file)| file.as_ref())
    }
}

/// The columns of a RETURNING clause and their converters.
pub(super) struct ReturningPlan {
    table: String,
    columns: Vec<FetchColumn>,
    converters: Vec<Box<dyn ColumnDefine>>,
}

impl ReturningPlan {
    /// Memory of a returned row.
    pub(super) fn row_bytes(&self) -> usize {
        self.converters.iter().map(|converter| converter.layout().fetch_row_bytes() as usize).sum()
    }
}

impl LoadPlan {
    /// Has the statement give back these columns of each row that it changes, in these Arrow types or in those that the columns are read as by default.
    /// Columns are those of `table` and `ROWID`. [`super::Loader::with_returned`] takes the rows.
    ///
    /// # Errors
    /// [`Error::Plan`] for a column that is none, that the type cannot hold, and for [`Dml::Upsert`]: MERGE has RETURNING from 23ai on only.
    pub fn returning(mut self, table: &TableDesc, columns: &[(&str, Option<DataType>)]) -> Result<Self, Error> {
        let (mut problems, mut planned, mut converters) = (Vec::new(), Vec::new(), Vec::new());
        if self.dml == Dml::Upsert {
            problems.push(PlanProblem {
                column: None,
                reason: "a MERGE gives no rows back before Oracle 23ai".into(),
                remedy: "read the rows by their keys in the same transaction, or use INSERT and UPDATE".into(),
            });
        }
        if columns.is_empty() {
            problems.push(problem(None, "RETURNING names no column".into(), "name at least one"));
        }
        for (name, wanted) in columns {
            match self.returned_column(table, name, wanted.as_ref()) {
                Ok((column, converter)) => {
                    planned.push(column);
                    converters.push(converter);
                }
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(Error::Plan { table: self.table.to_string(), problems });
        }
        let names = planned.iter().map(|planned| match planned.column.name.as_str() {
            ROWID => Ok(ROWID.to_owned()),
            name => sql::identifier(name),
        });
        let names = names.collect::<Result<Vec<_>, _>>()?.join(", ");
        let first = self.columns.len() + 1;
        let places: Vec<String> = (first..first + planned.len()).map(|position| format!(":{position}")).collect();
        self.sql = format!("{} RETURNING {names} INTO {}", self.sql, places.join(", "));
        self.returning = Some(ReturningPlan { table: self.table.to_string(), columns: planned, converters });
        Ok(self)
    }

    fn returned_column(
        &self,
        table: &TableDesc,
        name: &str,
        wanted: Option<&DataType>,
    ) -> Result<(FetchColumn, Box<dyn ColumnDefine>), PlanProblem> {
        let rowid = ColumnDesc { name: ROWID.into(), oracle_type: OracleType::Other { name: ROWID.into() }, nullable: false };
        let exact = table.columns.iter().find(|column| column.name == name);
        let column = match exact.or_else(|| table.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))) {
            Some(column) => column,
            None if name.eq_ignore_ascii_case(ROWID) => &rowid,
            None => return Err(problem(Some(name), format!("is no column of {}", table.name), "see olbridge describe")),
        };
        let data_type = match wanted {
            Some(wanted) => wanted.clone(),
            None => default_arrow_type(&column.oracle_type).map_err(|_| {
                let reason = format!("no Arrow type holds every value of Oracle {}", column.oracle_type);
                problem(Some(name), reason, "say which Arrow type it is to be")
            })?,
        };
        let converter = plan_define(Origin {
            column,
            wanted: &data_type,
            lossy: self.options.lossy,
            max_lob_bytes: DEFAULT_MAX_LOB_BYTES,
            trim_char: false,
            keep_regions: false,
            utf8_database: self.options.charset.is_unicode(),
        })?;
        let field = Field::new(&column.name, data_type, column.nullable);
        Ok((FetchColumn { column: column.clone(), field }, converter))
    }
}

fn problem(column: Option<&str>, reason: String, remedy: &str) -> PlanProblem {
    PlanProblem { column: column.map(str::to_owned), reason, remedy: remedy.into() }
}

/// Takes what the caller asked for.
type ReturnSink<'t> = Box<dyn FnMut(Returned) -> Result<(), Error> + 't>;

/// The converters of what comes back, and who takes it.
pub(super) struct Returning<'t> {
    decoder: Decoder,
    pub(super) sink: Option<ReturnSink<'t>>,
}

impl Returning<'_> {
    pub(super) fn new(plan: ReturningPlan) -> Self {
        let schema = Arc::new(Schema::new(plan.columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
        Returning { decoder: Decoder::new(plan.table, plan.columns, schema, (plan.converters, Vec::new())), sink: None }
    }

    pub(super) fn layouts(&self) -> &[Layout] {
        &self.decoder.names.layouts
    }
}

impl Sender<'_> {
    /// Rows that nobody takes would be lost without a word.
    pub(super) fn check_returned(&self) -> Result<(), Error> {
        match &self.returning {
            Some(Returning { sink: None, .. }) => Err(Error::Usage {
                message: format!("the statement on {} returns rows and nobody takes them", self.table),
                remedy: "call Loader::with_returned".into(),
            }),
            _ => Ok(()),
        }
    }

    /// What the last execute has given back; it needs the segments of its rows.
    pub(super) fn returned_rows(&mut self) -> Result<Option<Returned>, Error> {
        if self.returning.is_none() || self.statement.returned_rows().is_empty() {
            return Ok(None);
        }
        let batch = self.decode_returned().map_err(|error| self.in_source(error))?;
        let rows = self.statement.returned_rows();
        let (mut source_rows, mut files) = (Vec::with_capacity(rows.len()), Vec::new());
        let mut segment_index = usize::MAX;
        for (index, &buffer_row) in rows.iter().enumerate() {
            let found = self.segments.partition_point(|segment| segment.buffer_row <= buffer_row).saturating_sub(1);
            let Some(segment) = self.segments.get(found) else { continue };
            if found != segment_index {
                segment_index = found;
                files.push((index, segment.file.clone()));
            }
            source_rows.push(segment.first_row + u64::from(buffer_row - segment.buffer_row));
        }
        Ok(Some(Returned { batch, source_rows: source_rows.into(), files }))
    }

    /// Gives it to the caller, after the rows of the execute have been accounted for.
    pub(super) fn hand_back(&mut self, returned: Option<Returned>) -> Result<(), Error> {
        match (returned, self.returning.as_mut().and_then(|returning| returning.sink.as_mut())) {
            (Some(returned), Some(sink)) => sink(returned),
            _ => Ok(()),
        }
    }

    fn decode_returned(&mut self) -> Result<RecordBatch, Error> {
        let (statement, Some(returning)) = (&self.statement, &mut self.returning) else { unreachable!("asked for before") };
        let names = Arc::clone(&returning.decoder.names);
        if let Some(cell) = statement.bad_returned_cell() {
            return Err(names.bad_cell(cell, 0));
        }
        let mut batches = Vec::new();
        for chunk in statement.returned_chunks() {
            let mut lobs: Vec<LongCells> = Vec::new();
            if names.layouts.iter().any(|layout| matches!(layout, Layout::Lob { .. })) {
                lobs.resize_with(names.layouts.len(), LongCells::default);
                for (index, cells) in lobs.iter_mut().enumerate().filter(|(index, _)| matches!(names.layouts[*index], Layout::Lob { .. })) {
                    for row in chunk.clone() {
                        let read = statement.read_returned_lob(index, row, cells);
                        read.map_err(|error| names.lob_failed(index, row as u64, error))?;
                    }
                }
            }
            let cells = |index: usize| statement.returned_cells(index, chunk.clone());
            batches.push(returning.decoder.decode(chunk.len(), chunk.start as u64, lobs, cells)?);
        }
        if let [_] = batches.as_slice() {
            return Ok(batches.remove(0));
        }
        concat_batches(&names.schema, &batches)
            .map_err(|error| Error::Usage { message: error.to_string(), remedy: "execute fewer rows at once".into() })
    }

    /// A returned value is refused as the source row that it belongs to.
    fn in_source(&self, error: Error) -> Error {
        let Error::Row(mut row) = error else { return error };
        let returned = usize::try_from(row.source.row.saturating_sub(1)).unwrap_or(usize::MAX);
        if let Some(&buffer_row) = self.statement.returned_rows().get(returned) {
            row.source = self.source_row(buffer_row);
        }
        row.message = format!("returned by the database: {}", row.message);
        Error::Row(row)
    }
}
