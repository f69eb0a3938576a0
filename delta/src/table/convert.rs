//! Batches of a source → batches of the table: columns matched once, cast per batch, exactly or not at all.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Decimal128Type, Field, Schema, SchemaRef, TimeUnit};

use super::types::{Loss, Losses, delta_type, widens};
use crate::error::ColumnProblem;

/// How columns of a source that the table does not have, or the other way round, are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Refused both.
    Refuse,
    /// Columns that the source lacks are NULL.
    Null,
}

enum From {
    /// Index in the source.
    Column(usize),
    /// The source does not have it.
    Nothing,
}

struct Step {
    from: From,
    /// By way of this type, where arrow has no direct cast.
    via: Option<DataType>,
    to: Field,
    /// The value is cast back and compared.
    checked: bool,
    /// An empty text is refused.
    names_folders: bool,
}

/// What is done to each batch.
pub(crate) struct BatchPlan {
    steps: Vec<Step>,
    schema: SchemaRef,
    rows_before: u64,
}

/// A value that cannot be carried: column, 1-based row of everything read, and why.
#[derive(Debug)]
pub(crate) struct ValueProblem {
    pub column: String,
    pub row: u64,
    pub message: String,
}

impl BatchPlan {
    /// Matches `source` to `target`, which is in Delta's own types, by name without case.
    pub fn new(source: &Schema, target: &Schema, losses: &Losses, missing: Missing) -> Result<BatchPlan, Vec<ColumnProblem>> {
        let mut problems = Vec::new();
        let mut problem = |column: &str, message: String, remedy: &str| {
            problems.push(ColumnProblem { column: column.to_owned(), message, remedy: remedy.to_owned() });
        };
        let find = |name: &str| {
            source
                .fields()
                .iter()
                .position(|field| field.name().eq_ignore_ascii_case(name) || field.name().to_lowercase() == name.to_lowercase())
        };
        let mut steps = Vec::new();
        for to in target.fields() {
            match find(to.name()) {
                Some(index) => match step(index, source.field(index), to, losses) {
                    Ok(step) => steps.push(step),
                    Err((message, remedy)) => problem(to.name(), message, &remedy),
                },
                None if !to.is_nullable() => problem(to.name(), "the source lacks it and it is NOT NULL".into(), "a source with it"),
                None if missing == Missing::Refuse => {
                    problem(to.name(), "the source lacks it".into(), "schema mode merge, where it becomes NULL");
                }
                None => steps.push(Step { from: From::Nothing, via: None, to: to.as_ref().clone(), checked: false, names_folders: false }),
            }
        }
        for field in source.fields() {
            if !target.fields().iter().any(|to| to.name().to_lowercase() == field.name().to_lowercase()) {
                problem(field.name(), "the table lacks it".into(), "schema mode merge, which adds it, or leaving it out");
            }
        }
        if problems.is_empty() { Ok(BatchPlan { steps, schema: Arc::new(target.clone()), rows_before: 0 }) } else { Err(problems) }
    }

    /// Refuses empty texts in partition columns: the protocol takes an empty partition value for NULL.
    pub fn partitioned_by(mut self, columns: &[String]) -> BatchPlan {
        for step in &mut self.steps {
            step.names_folders = columns.contains(step.to.name()) && *step.to.data_type() == DataType::Utf8;
        }
        self
    }

    /// Of the batches that come out.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The batch as the table has it.
    pub fn convert(&mut self, batch: &RecordBatch) -> Result<RecordBatch, ValueProblem> {
        let mut columns = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let column = match step.from {
                From::Column(index) => step.apply(batch.column(index)),
                From::Nothing => Ok(new_null_array(step.to.data_type(), batch.num_rows())),
            };
            let locate = |(row, message): (Option<usize>, String)| ValueProblem {
                column: step.to.name().clone(),
                row: row.map_or(0, |row| self.rows_before + row as u64 + 1),
                message,
            };
            let column = column.map_err(locate)?;
            if !step.to.is_nullable() && column.null_count() > 0 {
                let row = (0..column.len()).find(|row| column.is_null(*row));
                return Err(locate((row, "NULL, and the column of the table is NOT NULL".into())));
            }
            if let Some(row) = column.as_string_opt::<i32>().filter(|_| step.names_folders).and_then(first_empty) {
                return Err(locate((Some(row), "'' in a partition column would be read back as NULL".into())));
            }
            columns.push(column);
        }
        self.rows_before += batch.num_rows() as u64;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema(), columns, &options).map_err(|error| ValueProblem {
            column: "(all)".into(),
            row: 0,
            message: error.to_string(),
        })
    }
}

fn first_empty(texts: &StringArray) -> Option<usize> {
    (0..texts.len()).find(|row| texts.is_valid(*row) && texts.value(*row).is_empty())
}

fn step(index: usize, from: &Field, to: &Field, losses: &Losses) -> Result<Step, (String, String)> {
    let natural = delta_type(from.data_type(), losses)?;
    let exact = widens(&natural, to.data_type());
    let narrows = losses.contains(&Loss::Narrow) && can_narrow(&natural, to.data_type());
    if !exact && !narrows {
        let message = format!("{} in the source does not become {} in the table", from.data_type(), to.data_type());
        return Err((message, "the cast narrow by name, which takes what fits exactly, or a cast in the source".into()));
    }
    // arrow casts times to numbers of their own unit only.
    let via = match from.data_type() {
        DataType::Duration(_) => Some(DataType::Duration(TimeUnit::Microsecond)),
        DataType::Time32(_) | DataType::Time64(_) => Some(DataType::Time64(TimeUnit::Microsecond)),
        DataType::Date64 => Some(DataType::Date32),
        DataType::Dictionary(_, value) => Some(value.as_ref().clone()),
        _ => None,
    };
    let cuts_digits = contains_nanoseconds(from.data_type()) && !losses.contains(&Loss::SubMicrosecond);
    let checked = !exact || cuts_digits || matches!(from.data_type(), DataType::Date64);
    Ok(Step { from: From::Column(index), via, to: to.clone(), checked, names_folders: false })
}

/// Narrowing that casting back can prove exact.
pub(crate) fn can_narrow(from: &DataType, to: &DataType) -> bool {
    let number = |of: &DataType| of.is_integer() || of.is_floating() || matches!(of, DataType::Decimal128(..));
    let text = |of: &DataType| matches!(of, DataType::Utf8);
    (number(from) && number(to))
        || (number(from) && text(to))
        || (matches!(from, DataType::Date32) && matches!(to, DataType::Timestamp(_, None)))
}

fn contains_nanoseconds(of: &DataType) -> bool {
    match of {
        DataType::Timestamp(TimeUnit::Nanosecond, _)
        | DataType::Duration(TimeUnit::Nanosecond)
        | DataType::Time64(TimeUnit::Nanosecond) => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) | DataType::Map(item, _) => {
            contains_nanoseconds(item.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| contains_nanoseconds(field.data_type())),
        DataType::Dictionary(_, value) => contains_nanoseconds(value),
        _ => false,
    }
}

const STRICT: CastOptions<'static> = CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };
const LENIENT: CastOptions<'static> = CastOptions { safe: true, format_options: arrow::util::display::FormatOptions::new() };

impl Step {
    fn apply(&self, column: &ArrayRef) -> Result<ArrayRef, (Option<usize>, String)> {
        if column.data_type() == self.to.data_type() {
            return Ok(Arc::clone(column));
        }
        let mid = match &self.via {
            Some(via) => cast(column, via)?,
            None => Arc::clone(column),
        };
        let cast_column = cast(&mid, self.to.data_type())?;
        if self.checked {
            self.prove(column, &mid, &cast_column)?;
        }
        Ok(cast_column)
    }

    /// Casts back the way it came and compares: a value that changed is refused with its row.
    fn prove(&self, column: &ArrayRef, mid: &ArrayRef, cast_column: &ArrayRef) -> Result<(), (Option<usize>, String)> {
        let back = cast(cast_column, mid.data_type()).and_then(|back| cast(&back, column.data_type()));
        let changed = |row: usize, back: &ArrayRef| back.slice(row, 1).to_data() != column.slice(row, 1).to_data();
        let row = match back {
            Ok(back) if back.to_data() == column.to_data() => return Ok(()),
            Ok(back) => (0..column.len()).find(|row| changed(*row, &back)),
            Err((row, _)) => row,
        };
        Err((row, format!("the value does not fit {} exactly", self.to.data_type())))
    }
}

/// The same values in another type: refused, with the index of the row, where one changes.
pub(crate) fn cast_exactly(column: &ArrayRef, to: &DataType) -> Result<ArrayRef, (Option<usize>, String)> {
    if let (DataType::Decimal128(precision, _), true) = (to, column.data_type() == to) {
        // A sum may have more digits than its type says.
        let unfit = || (None, format!("the value does not fit {to}"));
        column.as_primitive::<Decimal128Type>().validate_decimal_precision(*precision).map_err(|_| unfit())?;
        return Ok(Arc::clone(column));
    }
    let field = Field::new("value", to.clone(), true);
    Step { from: From::Nothing, via: None, to: field, checked: true, names_folders: false }.apply(column)
}

fn cast(column: &ArrayRef, to: &DataType) -> Result<ArrayRef, (Option<usize>, String)> {
    match cast_with_options(column, to, &STRICT) {
        Ok(column) => Ok(column),
        Err(error) => {
            // The row is where the lenient cast has a NULL more; the error's own text may hold the value, and is not repeated.
            let row = cast_with_options(column, to, &LENIENT)
                .ok()
                .and_then(|lenient| (0..column.len()).find(|row| lenient.is_null(*row) && !column.is_null(*row)));
            let message = if row.is_some() { format!("the value does not fit {to}") } else { format!("cannot be cast to {to}: {error}") };
            Err((row, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        Array, AsArray, Date64Array, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray, TimestampNanosecondArray,
        UInt8Array, UInt64Array,
    };
    use arrow::datatypes::Int16Type;

    fn batch(name: &str, column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([(name, column, true)]).unwrap()
    }

    fn converted(column: ArrayRef, to: DataType, losses: &[Loss]) -> Result<ArrayRef, (u64, String)> {
        let source = batch("c", column);
        let target = Schema::new(vec![Field::new("C", to, true)]);
        let losses = losses.iter().copied().collect();
        let mut plan =
            BatchPlan::new(&source.schema(), &target, &losses, Missing::Refuse).map_err(|problems| (0, problems[0].to_string()))?;
        plan.convert(&source).map(|batch| Arc::clone(batch.column(0))).map_err(|problem| (problem.row, problem.message))
    }

    #[test]
    fn unsigned_values_keep_their_value() {
        let column = converted(Arc::new(UInt8Array::from(vec![200])), DataType::Int16, &[]).unwrap();
        assert_eq!(column.as_primitive::<Int16Type>().value(0), 200);
        let column = converted(Arc::new(UInt64Array::from(vec![u64::MAX])), DataType::Decimal128(20, 0), &[]).unwrap();
        assert_eq!(column.as_primitive::<Decimal128Type>().value(0), i128::from(u64::MAX));
    }

    #[test]
    fn nanoseconds_are_refused_with_their_row_or_cut_when_asked() {
        let column = || Arc::new(TimestampNanosecondArray::from(vec![Some(1_000), None, Some(1_001)])) as ArrayRef;
        let to = DataType::Timestamp(TimeUnit::Microsecond, None);
        let (row, message) = converted(column(), to.clone(), &[]).unwrap_err();
        assert_eq!(row, 3, "{message}");
        assert_eq!(converted(column(), to, &[Loss::SubMicrosecond]).unwrap().len(), 3);
    }

    #[test]
    fn a_date_with_a_time_of_day_is_refused() {
        let column = |millis: i64| Arc::new(Date64Array::from(vec![millis])) as ArrayRef;
        assert!(converted(column(86_400_000), DataType::Date32, &[]).is_ok());
        assert_eq!(converted(column(86_400_001), DataType::Date32, &[]).unwrap_err().0, 1);
    }

    #[test]
    fn narrowing_takes_what_fits_and_only_when_asked() {
        let column = |value: i64| Arc::new(Int64Array::from(vec![1, value])) as ArrayRef;
        assert!(converted(column(5), DataType::Int32, &[]).unwrap_err().1.contains("narrow"));
        assert!(converted(column(5), DataType::Int32, &[Loss::Narrow]).is_ok());
        assert_eq!(converted(column(1 << 40), DataType::Int32, &[Loss::Narrow]).unwrap_err().0, 2);
        let column = |value: f64| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
        assert!(converted(column(3.0), DataType::Int32, &[Loss::Narrow]).is_ok());
        assert_eq!(converted(column(3.5), DataType::Int32, &[Loss::Narrow]).unwrap_err().0, 1);
        let column = |value: i128| Arc::new(Decimal128Array::from(vec![value]).with_precision_and_scale(10, 2).unwrap()) as ArrayRef;
        assert!(converted(column(500), DataType::Decimal128(9, 0), &[Loss::Narrow]).is_ok());
        assert_eq!(converted(column(501), DataType::Decimal128(9, 0), &[Loss::Narrow]).unwrap_err().0, 1);
    }

    #[test]
    fn columns_are_matched_without_case_and_missing_ones_named() {
        let source = RecordBatch::try_from_iter([
            ("B", Arc::new(StringArray::from(vec!["x"])) as ArrayRef),
            ("extra", Arc::new(Int32Array::from(vec![1])) as ArrayRef),
        ])
        .unwrap();
        let target = Schema::new(vec![Field::new("a", DataType::Int32, true), Field::new("b", DataType::Utf8, true)]);
        let problems = BatchPlan::new(&source.schema(), &target, &Losses::new(), Missing::Refuse).err().unwrap();
        let names: Vec<_> = problems.iter().map(|problem| problem.column.as_str()).collect();
        assert_eq!(names, ["a", "extra"]);
    }

    #[test]
    fn a_null_in_a_column_that_has_none_is_found() {
        let source = batch("c", Arc::new(Int32Array::from(vec![Some(1), None])));
        let target = Schema::new(vec![Field::new("c", DataType::Int32, false)]);
        let mut plan = BatchPlan::new(&source.schema(), &target, &Losses::new(), Missing::Refuse).unwrap();
        assert_eq!(plan.convert(&source).unwrap_err().row, 2);
    }
}
