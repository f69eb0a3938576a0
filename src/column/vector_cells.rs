//! The text of vectors, as FROM_VECTOR writes it, into lists of one length.
//!
//! FROM_VECTOR gives a FLOAT32 nine significant digits, a FLOAT64 seventeen: as many as it takes to tell each from its neighbours, so that the nearest
//! number is the one that is stored. A number of more digits than that may be none of the wanted type, and is looked at more closely.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{ArrowPrimitiveType, DataType, FieldRef, Float32Type, Float64Type, Int8Type};

use super::decoded::broken;
use super::text::text_cells;
use super::{ColumnDefine, Origin, PlannedDefine, ValueError};
use crate::layout::{Cells, Layout, LongCells};
use crate::type_map::{LossyKind, vector_format};

/// Significant digits that tell any two numbers of the type apart.
const FLOAT32_DIGITS: usize = 9;
const FLOAT64_DIGITS: usize = 17;

/// A number of a vector from its text; `None` where the type has no such number.
trait VectorNumber: ArrowPrimitiveType {
    fn number(text: &str, rounds: bool) -> Option<Self::Native>;
}

impl VectorNumber for Float32Type {
    fn number(text: &str, rounds: bool) -> Option<f32> {
        let number: f32 = text.parse().ok().filter(|number: &f32| number.is_finite())?;
        let is_it = rounds || significant_digits(text) <= FLOAT32_DIGITS || text.parse() == Ok(f64::from(number));
        is_it.then_some(number)
    }
}

impl VectorNumber for Float64Type {
    fn number(text: &str, rounds: bool) -> Option<f64> {
        let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
        (rounds || significant_digits(text) <= FLOAT64_DIGITS).then_some(number)
    }
}

impl VectorNumber for Int8Type {
    fn number(text: &str, rounds: bool) -> Option<i8> {
        if let Ok(number) = text.parse() {
            return Some(number);
        }
        let number: f64 = text.parse().ok()?;
        let whole = number.round_ties_even();
        ((rounds || whole == number) && (-128.0..=127.0).contains(&whole)).then_some(whole as i8)
    }
}

/// Digits of a number's text without its exponent, and without zeros at both ends.
fn significant_digits(text: &str) -> usize {
    let digits = text.split(['e', 'E']).next().unwrap_or_default().trim_start_matches(['-', '+']);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = whole.len() + fraction.len();
    let leading = whole.bytes().chain(fraction.bytes()).take_while(|digit| *digit == b'0').count();
    let trailing = fraction.bytes().rev().chain(whole.bytes().rev()).take_while(|digit| *digit == b'0').count();
    all.saturating_sub(leading + trailing)
}

/// The text of a column as lists.
struct VectorCells {
    text: Box<dyn ColumnDefine>,
    item: FieldRef,
    width: i32,
    rounds: bool,
}

/// Text of vectors as lists of the wanted length and numbers.
pub(crate) fn vector_cells(origin: Origin<'_>) -> PlannedDefine {
    let DataType::FixedSizeList(item, width) = origin.wanted else { return Err(origin.problem("no vector", "report this as a bug")) };
    if vector_format(item.data_type()).is_none() || *width < 1 {
        return Err(origin.problem("no vector has these", "read it as text: --as COLUMN=text"));
    }
    let text = text_cells(Origin { wanted: &DataType::Utf8, ..origin })?;
    Ok(Box::new(VectorCells { text, item: Arc::clone(item), width: *width, rounds: origin.lossy.allows(LossyKind::Rounding) }))
}

impl VectorCells {
    fn lists(&self, texts: &dyn Array) -> Result<ArrayRef, ValueError> {
        match self.item.data_type() {
            DataType::Float32 => self.lists_of::<Float32Type>(texts),
            DataType::Float64 => self.lists_of::<Float64Type>(texts),
            _ => self.lists_of::<Int8Type>(texts),
        }
    }

    fn lists_of<T: VectorNumber>(&self, texts: &dyn Array) -> Result<ArrayRef, ValueError> {
        let texts = texts.as_string_opt::<i32>().ok_or_else(|| broken("no text"))?;
        let width = self.width as usize;
        let mut numbers: Vec<T::Native> = Vec::with_capacity(texts.len() * width);
        for (row_index, text) in texts.iter().enumerate() {
            if let Some(text) = text {
                let begin = numbers.len();
                push::<T>(text, self.rounds, &mut numbers).map_err(|reason| refused(row_index, reason))?;
                if numbers.len() - begin != width {
                    return Err(refused(row_index, format!("a vector of {} dimensions, not {width}", numbers.len() - begin)));
                }
            }
            // The place of a NULL.
            numbers.resize((row_index + 1) * width, T::Native::default());
        }
        let items: ArrayRef = Arc::new(PrimitiveArray::<T>::new(numbers.into(), None));
        let lists = FixedSizeListArray::try_new(Arc::clone(&self.item), self.width, items, texts.nulls().cloned());
        Ok(Arc::new(lists.map_err(broken)?))
    }
}

impl ColumnDefine for VectorCells {
    fn layout(&self) -> Layout {
        self.text.layout()
    }

    fn data_type(&self) -> DataType {
        DataType::FixedSizeList(Arc::clone(&self.item), self.width)
    }

    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let texts = self.text.read(cells, nulls)?;
        self.lists(&texts)
    }

    fn read_long(&mut self, cells: LongCells, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let texts = self.text.read_long(cells, nulls)?;
        self.lists(&texts)
    }
}

fn push<T: VectorNumber>(text: &str, rounds: bool, numbers: &mut Vec<T::Native>) -> Result<(), String> {
    let inside = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    // A sparse vector has lists inside, and a count before them.
    let inside = inside.filter(|inside| !inside.contains('[')).ok_or("not the text of a dense vector")?;
    for part in inside.split(',') {
        let number = T::number(part.trim(), rounds).ok_or_else(|| format!("{:?} is no {} of a vector", part.trim(), T::DATA_TYPE))?;
        numbers.push(number);
    }
    Ok(())
}

#[cold]
fn refused(row_index: usize, reason: impl Into<String>) -> ValueError {
    let remedy = "read the column as text: --as COLUMN=text, or allow the nearest numbers with --lossy rounding".into();
    ValueError { row_index, reason: reason.into(), remedy }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;
    use arrow::datatypes::Field;
    use proptest::prelude::*;

    use super::*;
    use crate::column::vector::vector_text;

    fn lists(item: DataType, width: i32, rounds: bool, texts: &[Option<&str>]) -> Result<ArrayRef, ValueError> {
        let column = crate::oracle_type::ColumnDesc { name: "V".into(), oracle_type: crate::oracle_type::OracleType::Clob, nullable: true };
        let wanted = DataType::FixedSizeList(Arc::new(Field::new("item", item.clone(), false)), width);
        let lossy = if rounds { crate::type_map::LossySet::ALL } else { crate::type_map::LossySet::NONE };
        let origin = Origin {
            column: &column,
            wanted: &wanted,
            lossy,
            max_lob_bytes: 100,
            trim_char: false,
            keep_regions: false,
            utf8_database: true,
        };
        assert_eq!(vector_cells(origin).map_err(|problem| problem.reason).unwrap().data_type(), wanted);
        let text = text_cells(Origin { wanted: &DataType::Utf8, ..origin }).map_err(|problem| problem.reason).unwrap();
        VectorCells { text, item: Arc::new(Field::new("item", item, false)), width, rounds }.lists(&StringArray::from(texts.to_vec()))
    }

    #[test]
    fn oracles_spelling_is_read_and_null_stays_null() {
        let found = lists(DataType::Float32, 2, false, &[Some("[3.45999985E+001,7.78000031E+001]"), None, Some(" [1, -0.5] ")]).unwrap();
        let found = found.as_fixed_size_list();
        assert_eq!(found.values().as_primitive::<Float32Type>().values()[..], [34.6, 77.8, 0.0, 0.0, 1.0, -0.5]);
        assert_eq!([0, 1, 2].map(|row| found.is_null(row)), [false, true, false]);
        let bytes = lists(DataType::Int8, 3, false, &[Some("[-128,0,127]"), Some("[1.0E+000,2,3]")]).unwrap();
        assert_eq!(bytes.as_fixed_size_list().values().as_primitive::<Int8Type>().values()[..], [-128, 0, 127, 1, 2, 3]);
    }

    #[test]
    fn what_is_not_the_vector_that_was_asked_for_is_refused_with_its_row() {
        for (item, text) in [
            (DataType::Float32, "[1,2,3]"),
            (DataType::Float32, "[1]"),
            (DataType::Float32, "[1,1.00000000001]"),
            (DataType::Float32, "[1,1e39]"),
            (DataType::Float32, "[1,NaN]"),
            (DataType::Float32, "[5,[0,1],[1,2]]"),
            (DataType::Float32, "1,2"),
            (DataType::Float64, "[0.1234567890123456789,2]"),
            (DataType::Int8, "[128,0]"),
            (DataType::Int8, "[0.5,0]"),
        ] {
            let error = lists(item.clone(), 2, false, &[Some("[1,2]"), Some(text)]).unwrap_err();
            assert_eq!(error.row_index, 1, "{item} {text}");
            assert!(error.remedy.contains("--as COLUMN=text"), "{error}");
        }
        // A double of few binary digits is a float, however many decimal ones it has.
        assert!(lists(DataType::Float32, 1, false, &[Some("[0.00006103515625]"), Some("[1.0000152587890625]")]).is_ok());
        assert!(lists(DataType::Int8, 2, true, &[Some("[0.5,1.5]")]).is_ok());
        assert!(lists(DataType::Int8, 2, true, &[Some("[0.5,200]")]).is_err());
    }

    #[test]
    fn significant_digits_are_counted_without_zeros() {
        for (text, digits) in [("0", 0), ("-1.50", 2), ("1000", 1), ("0.001", 1), ("1.0E+010", 1), ("10.01", 4), ("3.45999985E+001", 9)] {
            assert_eq!(significant_digits(text), digits, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(numbers in prop::collection::vec(any::<f64>().prop_filter("finite", |number| number.is_finite()), 6)) {
            let singles: Vec<f32> = numbers.iter().map(|number| *number as f32).map(|number| if number.is_finite() { number } else { 1.5 }).collect();
            let items: ArrayRef = Arc::new(PrimitiveArray::<Float64Type>::from(numbers));
            round_trip(items);
            round_trip(Arc::new(PrimitiveArray::<Float32Type>::from(singles)));
        }
    }

    /// By the shortest digits that a load writes.
    fn round_trip(items: ArrayRef) {
        let item = Arc::new(Field::new("item", items.data_type().clone(), false));
        let written = FixedSizeListArray::new(item, 3, items, None);
        let texts = vector_text(&written).unwrap();
        let texts: Vec<_> = texts.as_string::<i64>().iter().collect();
        let read = lists(written.value_type(), 3, false, &texts).unwrap();
        assert_eq!(read.as_fixed_size_list(), &written);
    }
}
