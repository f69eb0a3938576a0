//! Batches of a source → batches of the table: columns matched once, cast per batch, exactly or not at all.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray, TimestampNanosecondArray, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Decimal128Type, Field, Schema, SchemaRef, TimeUnit, TimestampNanosecondType};
use arrow::error::ArrowError;

use super::keys::Keys;
use super::types::{Loss, Losses, delta_type, widens};
use crate::error::{ColumnProblem, ValueCause};

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
    /// By way of these types, where arrow has no direct cast.
    via: Vec<DataType>,
    /// Digits below the microsecond are cut, towards the past.
    floors: bool,
    to: Field,
    /// The value is cast back and compared.
    checked: bool,
    /// A text that is no partition value is refused.
    names_folders: bool,
    /// A NULL is refused.
    names_rows: bool,
}

/// What is done to each batch.
pub(crate) struct BatchPlan {
    steps: Vec<Step>,
    schema: SchemaRef,
    rows_before: u64,
    keys: Option<Keys>,
}

/// A value that cannot be carried: column, 1-based row of everything read, and why.
#[derive(Debug)]
pub(crate) struct ValueProblem {
    pub column: String,
    pub row: u64,
    pub message: String,
    pub cause: ValueCause,
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
                None => steps.push(Step {
                    from: From::Nothing,
                    via: Vec::new(),
                    floors: false,
                    to: to.as_ref().clone(),
                    checked: false,
                    names_folders: false,
                    names_rows: false,
                }),
            }
        }
        for field in source.fields() {
            if !target.fields().iter().any(|to| to.name().to_lowercase() == field.name().to_lowercase()) {
                problem(field.name(), "the table lacks it".into(), "schema mode merge, which adds it, or leaving it out");
            }
        }
        if problems.is_empty() {
            Ok(BatchPlan { steps, schema: Arc::new(target.clone()), rows_before: 0, keys: None })
        } else {
            Err(problems)
        }
    }

    /// Refuses texts in partition columns that would be read back as NULL: the protocol takes an empty partition value for it, and deltalake the
    /// name of the folder of NULLs too.
    pub fn partitioned_by(mut self, columns: &[String]) -> BatchPlan {
        for step in &mut self.steps {
            step.names_folders = columns.contains(step.to.name()) && *step.to.data_type() == DataType::Utf8;
        }
        self
    }

    /// Takes views of text and bytes as they are, for a writer that makes files of them: a copy of each value is saved. Not where rows are told apart
    /// by them.
    pub fn keeping_views(mut self, source: &Schema) -> BatchPlan {
        for step in &mut self.steps {
            let From::Column(index) = step.from else { continue };
            let view = source.field(index).data_type();
            let same =
                matches!((view, step.to.data_type()), (DataType::Utf8View, DataType::Utf8) | (DataType::BinaryView, DataType::Binary));
            if same && !step.names_folders && !step.names_rows {
                step.to.set_data_type(view.clone());
            }
        }
        let fields: Vec<Field> = self.steps.iter().map(|step| step.to.clone()).collect();
        self.schema = Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()));
        self
    }

    /// Refuses NULL in the key of a merge: it equals no row, so that the row would be inserted again each time, or never be found. Refuses a key
    /// that comes twice as well: where the table does not have it both rows would be inserted, and every merge after that would fail.
    pub fn keyed_by(mut self, columns: &[String]) -> Result<BatchPlan, ArrowError> {
        let is_key = |name: &str| columns.iter().any(|column| column.to_lowercase() == name.to_lowercase());
        self.steps.iter_mut().for_each(|step| step.names_rows = is_key(step.to.name()));
        let columns: Vec<usize> = (0..self.steps.len()).filter(|index| self.steps[*index].names_rows).collect();
        if !columns.is_empty() {
            self.keys = Some(Keys::new(columns.into_iter().map(|index| (index, self.steps[index].to.data_type().clone())).collect())?);
        }
        Ok(self)
    }

    /// The memory of the operation, of which keys have a part.
    pub fn within(mut self, memory_bytes: usize) -> BatchPlan {
        self.keys.iter_mut().for_each(|keys| keys.keep_within(memory_bytes));
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
            let locate = |cause: ValueCause, (row, message): (Option<usize>, String)| ValueProblem {
                column: step.to.name().clone(),
                row: row.map_or(0, |row| self.rows_before + row as u64 + 1),
                message,
                cause,
            };
            let column = column.map_err(|unfit| locate(ValueCause::Loss, unfit))?;
            let refused = match (step.to.is_nullable(), step.names_rows) {
                (_, true) => Some((
                    ValueCause::Key,
                    "NULL in the key, which no row equals: the row would be inserted again each time, or never be found",
                )),
                (false, _) => Some((ValueCause::Null, "NULL, and the column of the table is NOT NULL")),
                (true, false) => None,
            };
            if let Some((cause, message)) = refused.filter(|_| column.null_count() > 0) {
                let row = (0..column.len()).find(|row| column.is_null(*row));
                return Err(locate(cause, (row, message.into())));
            }
            if let Some((row, message)) = Some(&column).filter(|_| step.names_folders).and_then(first_read_as_null) {
                return Err(locate(ValueCause::Loss, (Some(row), message)));
            }
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let wrong =
            |error: ArrowError| ValueProblem { column: "(all)".into(), row: 0, message: error.to_string(), cause: ValueCause::Loss };
        let converted = RecordBatch::try_new_with_options(self.schema(), columns, &options).map_err(wrong)?;
        if let Some(keys) = &mut self.keys
            && let Some(row) = keys.repeated(&converted, self.rows_before).map_err(wrong)?
        {
            return Err(self.repeated(row));
        }
        self.rows_before += batch.num_rows() as u64;
        Ok(converted)
    }

    /// After the last batch: what only all rows together show.
    pub fn finish(&mut self) -> Result<(), ValueProblem> {
        let wrong = |error: ArrowError| ValueProblem { column: "(key)".into(), row: 0, message: error.to_string(), cause: ValueCause::Key };
        let repeated = self.keys.as_mut().map(Keys::repeated_at_last).transpose().map_err(wrong)?.flatten();
        repeated.map_or(Ok(()), |row| Err(self.repeated(row)))
    }

    fn repeated(&self, row: u64) -> ValueProblem {
        let columns = self.keys.as_ref().map(Keys::columns).unwrap_or_default();
        let names: Vec<&str> = columns.iter().map(|index| self.steps[*index].to.name().as_str()).collect();
        let message = "the key of this row is that of an earlier one: the key is not unique in the source".to_owned();
        ValueProblem { column: names.join(", "), row: row + 1, message, cause: ValueCause::Key }
    }
}

/// The folder of the rows whose partition value is NULL.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The first text, 0-based, that has no place in a partition column, and why.
pub(crate) fn first_read_as_null(column: &ArrayRef) -> Option<(usize, String)> {
    let texts = column.as_string_opt::<i32>()?;
    let row = (0..texts.len()).find(|row| texts.is_valid(*row) && matches!(texts.value(*row), "" | HIVE_NULL))?;
    Some((row, format!("'' or {HIVE_NULL} in a partition column would be read back as NULL")))
}

fn step(index: usize, from: &Field, to: &Field, losses: &Losses) -> Result<Step, (String, String)> {
    let natural = delta_type(from.data_type(), losses)?;
    let exact = widens(&natural, to.data_type());
    let narrows = losses.contains(&Loss::Narrow) && can_narrow(&natural, to.data_type());
    if !exact && !narrows {
        let message = format!("{} in the source does not become {} in the table", from.data_type(), to.data_type());
        return Err((message, "the cast narrow by name, which takes what fits exactly, or a cast in the source".into()));
    }
    let via = by_way_of(from.data_type());
    let plain = via.iter().chain([from.data_type()]).any(|of| matches!(of, DataType::Timestamp(TimeUnit::Nanosecond, _)));
    let may_cut = losses.contains(&Loss::SubMicrosecond) && !from.data_type().is_nested();
    let cuts_digits = contains(from.data_type(), &is_nanoseconds) && !may_cut;
    let checked = !exact || cuts_digits || contains(from.data_type(), &|of| matches!(of, DataType::Date64));
    let floors = plain && may_cut && !checked;
    Ok(Step { from: From::Column(index), via, floors, to: to.clone(), checked, names_folders: false, names_rows: false })
}

/// arrow casts times to numbers of their own unit only, and dictionaries in one step only.
fn by_way_of(from: &DataType) -> Vec<DataType> {
    match from {
        DataType::Duration(_) => vec![DataType::Duration(TimeUnit::Microsecond)],
        DataType::Time32(_) | DataType::Time64(_) => vec![DataType::Time64(TimeUnit::Microsecond)],
        DataType::Date64 => vec![DataType::Date32],
        DataType::Dictionary(_, value) => [vec![value.as_ref().clone()], by_way_of(value)].concat(),
        _ => Vec::new(),
    }
}

/// Narrowing that casting back can prove exact.
pub(crate) fn can_narrow(from: &DataType, to: &DataType) -> bool {
    let number = |of: &DataType| of.is_integer() || of.is_floating() || matches!(of, DataType::Decimal128(..));
    let text = |of: &DataType| matches!(of, DataType::Utf8);
    (number(from) && number(to))
        || (number(from) && text(to))
        || (matches!(from, DataType::Date32) && matches!(to, DataType::Timestamp(_, None)))
}

fn is_nanoseconds(of: &DataType) -> bool {
    matches!(
        of,
        DataType::Timestamp(TimeUnit::Nanosecond, _) | DataType::Duration(TimeUnit::Nanosecond) | DataType::Time64(TimeUnit::Nanosecond)
    )
}

/// Whether a type, or one within it, is of that kind.
pub(crate) fn contains(of: &DataType, kind: &dyn Fn(&DataType) -> bool) -> bool {
    kind(of)
        || match of {
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::FixedSizeList(item, _)
            | DataType::Map(item, _) => contains(item.data_type(), kind),
            DataType::Struct(fields) => fields.iter().any(|field| contains(field.data_type(), kind)),
            DataType::Dictionary(_, value) => contains(value, kind),
            _ => false,
        }
}

/// A value that does not fit is an error, not NULL.
pub(crate) const STRICT: CastOptions<'static> = CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };
const LENIENT: CastOptions<'static> = CastOptions { safe: true, format_options: arrow::util::display::FormatOptions::new() };

impl Step {
    fn apply(&self, column: &ArrayRef) -> Result<ArrayRef, (Option<usize>, String)> {
        if column.data_type() == self.to.data_type() {
            return Ok(Arc::clone(column));
        }
        let mut way = vec![Arc::clone(column)];
        for via in &self.via {
            way.push(cast(&way[way.len() - 1], via)?);
        }
        let last = &way[way.len() - 1];
        let cast_column = match last.as_primitive_opt::<TimestampNanosecondType>().filter(|_| self.floors) {
            Some(nanoseconds) => cast(&floored(nanoseconds), self.to.data_type())?,
            None => cast(last, self.to.data_type())?,
        };
        if self.checked {
            self.prove(&way, &cast_column)?;
        }
        Ok(cast_column)
    }

    /// Casts back the way it came and compares: a value that changed is refused with its row.
    fn prove(&self, way: &[ArrayRef], cast_column: &ArrayRef) -> Result<(), (Option<usize>, String)> {
        let column = &way[0];
        let back = way.iter().rev().try_fold(Arc::clone(cast_column), |back, step| cast(&back, step.data_type()));
        let changed = |row: usize, back: &ArrayRef| back.slice(row, 1).to_data() != column.slice(row, 1).to_data();
        let row = match back {
            Ok(back) if back.to_data() == column.to_data() => return Ok(()),
            Ok(back) => (0..column.len()).find(|row| changed(*row, &back)),
            Err((row, _)) => row,
        };
        Err((row, format!("the value does not fit {} exactly", self.to.data_type())))
    }
}

/// Arrow's own cast cuts towards 1970, which makes an earlier time later.
fn floored(nanoseconds: &TimestampNanosecondArray) -> ArrayRef {
    let micros: TimestampMicrosecondArray = nanoseconds.unary(|value| value.div_euclid(1_000));
    Arc::new(micros.with_timezone_opt(nanoseconds.timezone()))
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
    let via = by_way_of(column.data_type());
    Step { from: From::Nothing, via, floors: false, to: field, checked: true, names_folders: false, names_rows: false }.apply(column)
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
        Date64Array, Decimal128Array, DictionaryArray, DurationSecondArray, Float64Array, Int32Array, Int64Array, ListArray, ListViewArray,
        StringArray, StructArray, UInt8Array, UInt64Array,
    };
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{Fields, Int16Type, Int64Type, TimestampMicrosecondType};

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
        assert_eq!(converted(column(), to.clone(), &[Loss::SubMicrosecond]).unwrap().len(), 3);
        // Cutting never makes a time later, before 1970 as little as after it.
        let column = Arc::new(TimestampNanosecondArray::from(vec![-500, -1_000, -617_716_799_999_999_999, 1_999])) as ArrayRef;
        let cut = converted(column, to, &[Loss::SubMicrosecond]).unwrap();
        assert_eq!(cut.as_primitive::<TimestampMicrosecondType>().values(), &[-1, -1, -617_716_800_000_000, 1]);
    }

    #[test]
    fn what_is_within_lists_and_dictionaries_is_looked_at_as_well() {
        let item = |of: DataType| Arc::new(Field::new_list_field(of, true));
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let times = Arc::new(TimestampNanosecondArray::from(vec![1_000, 1_001])) as ArrayRef;
        let to_list = |of: DataType| DataType::List(Arc::new(Field::new("element", of, true)));
        let view = ListViewArray::new(item(times.data_type().clone()), vec![0, 1].into(), vec![1, 1].into(), Arc::clone(&times), None);
        // Digits are cut at the top only: within a list they are refused whatever was asked for.
        for losses in [&[][..], &[Loss::SubMicrosecond]] {
            assert_eq!(converted(Arc::new(view.clone()), to_list(micros.clone()), losses).unwrap_err().0, 2);
        }
        assert_eq!(converted(Arc::new(view.slice(0, 1)), to_list(micros), &[]).unwrap().len(), 1);

        let days = Arc::new(Date64Array::from(vec![86_400_000, 86_400_001, -1])) as ArrayRef;
        let dictionary = |value: ArrayRef, keys: Vec<i32>| Arc::new(DictionaryArray::new(Int32Array::from(keys), value)) as ArrayRef;
        assert_eq!(converted(dictionary(Arc::clone(&days), vec![0, 0, 1]), DataType::Date32, &[]).unwrap_err().0, 3);
        assert_eq!(converted(dictionary(Arc::clone(&days), vec![0, 0]), DataType::Date32, &[]).unwrap().len(), 2);
        let lists = ListArray::new(item(DataType::Date64), OffsetBuffer::from_lengths([1, 1, 1]), days, None);
        assert_eq!(converted(Arc::new(lists), to_list(DataType::Date32), &[]).unwrap_err().0, 2);

        // A second is a million microseconds, in a dictionary as well; within a list it would stay one.
        let seconds = || Arc::new(DurationSecondArray::from(vec![1])) as ArrayRef;
        let found = converted(dictionary(seconds(), vec![0]), DataType::Int64, &[Loss::Duration]).unwrap();
        assert_eq!(found.as_primitive::<Int64Type>().value(0), 1_000_000);
        let lists = ListArray::new(item(seconds().data_type().clone()), OffsetBuffer::from_lengths([1]), seconds(), None);
        let (_, message) = converted(Arc::new(lists), to_list(DataType::Int64), &[Loss::Duration]).unwrap_err();
        assert!(message.contains("within"), "{message}");
    }

    #[test]
    fn fields_of_a_struct_are_matched_by_name() {
        let street = Field::new("street", DataType::Utf8, true);
        let of = |names: [&str; 2]| Fields::from(names.map(|name| street.clone().with_name(name)).to_vec());
        let texts = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
        let source = |names| Arc::new(StructArray::new(of(names), vec![texts("a"), texts("b")], None)) as ArrayRef;
        let to = DataType::Struct(of(["street", "city"]));
        assert!(converted(source(["Street", "CITY"]), to.clone(), &[]).is_ok());
        for names in [["city", "zip"], ["city", "street"]] {
            assert!(converted(source(names), to.clone(), &[]).unwrap_err().1.contains("does not become"), "{names:?}");
        }
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
