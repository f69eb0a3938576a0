//! Lists, structs and maps as JSON; in a CSV field the same, quoted.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait, StructArray, new_empty_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::error::ArrowError;
use serde_json::value::RawValue;

use super::cells::{Cell, CellColumn, Cells};
use super::decode::{BadCell, ParseOptions, parse_column as parse, shown};
use super::encode::{ColumnText, Form, column_text as cells, no_text_form, push_json_string, write_rows};

/// Lists as arrays, structs as objects with all their keys, maps as arrays of `{"key":…,"value":…}`: keys may be of any type and come twice.
pub(super) fn column_text(array: &dyn Array, form: Form<'_>) -> Result<ColumnText, ArrowError> {
    let json = match array.data_type() {
        DataType::List(_) => list::<i32>(array)?,
        DataType::LargeList(_) => list::<i64>(array)?,
        DataType::FixedSizeList(_, size) => {
            let values = array.as_fixed_size_list();
            let items = cells(values.values(), Form::Json)?;
            let size = usize::try_from(*size).unwrap_or(0);
            write_rows(array, Form::Json, |row, out| push_items(out, &items, row * size, size))
        }
        DataType::Struct(_) => structs(array.as_struct(), array)?,
        DataType::Map(_, _) => {
            let map = array.as_map();
            let (first, count) = span(map.offsets());
            let entries = map.entries().slice(first, count);
            let items = structs(&entries, &entries)?;
            write_rows(array, Form::Json, |row, out| {
                push_items(out, &items, map.offsets()[row] as usize - first, map.value_length(row) as usize);
            })
        }
        other => return Err(no_text_form(other)),
    };
    let Form::Csv(_) = form else { return Ok(json) };
    let text = |row: usize| std::str::from_utf8(json.cell(row)).unwrap_or_default();
    Ok(write_rows(array, form, |row, out| form.push_text(out, text(row))))
}

fn list<O: OffsetSizeTrait>(array: &dyn Array) -> Result<ColumnText, ArrowError> {
    let values = array.as_list::<O>();
    let (first, count) = span(values.value_offsets());
    let items = cells(&values.values().slice(first, count), Form::Json)?;
    Ok(write_rows(array, Form::Json, |row, out| {
        push_items(out, &items, values.value_offsets()[row].as_usize() - first, values.value_length(row).as_usize());
    }))
}

/// Where the items of all rows begin, and how many they are: a slice keeps the items of the whole array.
pub(in crate::lake) fn span<O: OffsetSizeTrait>(offsets: &[O]) -> (usize, usize) {
    let [first, last] = [offsets.first(), offsets.last()].map(|offset| offset.map_or(0, |offset| offset.as_usize()));
    (first, last - first)
}

fn push_items(out: &mut Vec<u8>, items: &ColumnText, first: usize, count: usize) {
    out.push(b'[');
    for item in first..first + count {
        if item > first {
            out.push(b',');
        }
        out.extend_from_slice(items.cell(item));
    }
    out.push(b']');
}

/// `whose_nulls` is the array itself, or for the entries of a map, which are never NULL, the entries.
fn structs(values: &StructArray, whose_nulls: &dyn Array) -> Result<ColumnText, ArrowError> {
    let mut members = Vec::with_capacity(values.num_columns());
    for (field, column) in values.fields().iter().zip(values.columns()) {
        let mut name = Vec::new();
        push_json_string(&mut name, field.name());
        name.push(b':');
        members.push((name, cells(column, Form::Json)?));
    }
    Ok(write_rows(whose_nulls, Form::Json, |row, out| {
        out.push(b'{');
        for (index, (name, text)) in members.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(name);
            out.extend_from_slice(text.cell(row));
        }
        out.push(b'}');
    }))
}

/// The other way.
pub(super) fn parse_column(data_type: &DataType, cells: &CellColumn<'_>, options: ParseOptions) -> Result<ArrayRef, BadCell> {
    match data_type {
        DataType::List(item) => parse_list::<i32>(item, cells, options),
        DataType::LargeList(item) => parse_list::<i64>(item, cells, options),
        DataType::FixedSizeList(item, size) => {
            let wanted = usize::try_from(*size).unwrap_or(0);
            let items = Items::split(cells, Some(wanted))?;
            let nulls = items.nulls();
            let values = items.parse(item, options)?;
            let list = FixedSizeListArray::try_new(item.clone(), *size, values, nulls);
            Ok(Arc::new(list.map_err(|error| BadCell { row: 0, reason: error.to_string() })?))
        }
        DataType::Struct(fields) => Ok(Arc::new(parse_structs(fields, cells, options)?)),
        DataType::Map(entries, sorted) => {
            let items = Items::split(cells, None)?;
            let (nulls, offsets) = (items.nulls(), items.offsets::<i32>());
            let values = items.parse(entries, options)?;
            let map = MapArray::try_new(entries.clone(), offsets, values.as_struct().clone(), nulls, *sorted);
            Ok(Arc::new(map.map_err(|error| BadCell { row: 0, reason: error.to_string() })?))
        }
        other => Err(BadCell { row: 0, reason: no_text_form(other).to_string() }),
    }
}

fn parse_list<O: OffsetSizeTrait>(item: &FieldRef, cells: &CellColumn<'_>, options: ParseOptions) -> Result<ArrayRef, BadCell> {
    let items = Items::split(cells, None)?;
    let (nulls, offsets) = (items.nulls(), items.offsets::<O>());
    let values = items.parse(item, options)?;
    let list = GenericListArray::<O>::try_new(item.clone(), offsets, values, nulls);
    Ok(Arc::new(list.map_err(|error| BadCell { row: 0, reason: error.to_string() })?))
}

/// The items of the arrays of a column, one array after the other.
struct Items {
    cells: Cells,
    /// Items up to the end of each row.
    ends: Vec<usize>,
    valid: Vec<bool>,
}

impl Items {
    /// `size` is that of a fixed-size list, in which a NULL takes room too.
    fn split(cells: &CellColumn<'_>, size: Option<usize>) -> Result<Self, BadCell> {
        let mut items = Items { cells: Cells::new(1), ends: Vec::with_capacity(cells.len()), valid: Vec::with_capacity(cells.len()) };
        for (row, cell) in cells.iter().enumerate() {
            let bad = |reason: String| BadCell { row, reason };
            items.valid.push(cell != Cell::Null);
            match cell {
                Cell::Null => (0..size.unwrap_or(0)).for_each(|_| items.cells.push_row()),
                Cell::Text(text) | Cell::Json(text) => {
                    let values: Vec<&RawValue> =
                        serde_json::from_str(text).map_err(|_| bad(format!("{} is no JSON array", shown(text))))?;
                    if size.is_some_and(|size| size != values.len()) {
                        return Err(bad(format!("{} has {} items, not {}", shown(text), values.len(), size.unwrap_or(0))));
                    }
                    for value in values {
                        items.cells.push_row();
                        set_json(&mut items.cells, 0, value).map_err(bad)?;
                    }
                }
            }
            items.ends.push(items.cells.rows());
        }
        Ok(items)
    }

    fn nulls(&self) -> Option<NullBuffer> {
        Some(NullBuffer::from(self.valid.clone())).filter(|nulls| nulls.null_count() > 0)
    }

    fn offsets<O: OffsetSizeTrait>(&self) -> OffsetBuffer<O> {
        let lengths = std::iter::once(0).chain(self.ends.iter().copied());
        OffsetBuffer::from_lengths(self.ends.iter().zip(lengths).map(|(end, start)| end - start))
    }

    fn parse(&self, field: &Field, options: ParseOptions) -> Result<ArrayRef, BadCell> {
        if self.cells.rows() == 0 {
            return Ok(new_empty_array(field.data_type()));
        }
        // The row of an item is that of its array.
        let row_of = |item: usize| self.ends.iter().position(|end| *end > item).unwrap_or(0);
        parse(field.data_type(), &self.cells.column(0, 0..self.cells.rows()), options)
            .map_err(|bad| BadCell { row: row_of(bad.row), reason: bad.reason })
    }
}

fn parse_structs(fields: &Fields, cells: &CellColumn<'_>, options: ParseOptions) -> Result<StructArray, BadCell> {
    let mut members = Cells::new(fields.len());
    let mut valid = Vec::with_capacity(cells.len());
    for (row, cell) in cells.iter().enumerate() {
        members.push_row();
        valid.push(cell != Cell::Null);
        if let Cell::Text(text) | Cell::Json(text) = cell {
            set_object(&mut members, text, |name| fields.iter().position(|field| field.name() == name))
                .map_err(|reason| BadCell { row, reason })?;
        }
    }
    let nulls = Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0);
    let mut columns = Vec::with_capacity(fields.len());
    for (index, field) in fields.iter().enumerate() {
        let column = parse(field.data_type(), &members.column(index, 0..cells.len()), options);
        columns.push(column.map_err(|bad| BadCell { reason: format!("{}: {}", field.name(), bad.reason), ..bad })?);
    }
    let structs = match fields.is_empty() {
        true => Ok(StructArray::new_empty_fields(cells.len(), nulls)),
        false => StructArray::try_new(fields.clone(), columns, nulls),
    };
    structs.map_err(|error| BadCell { row: 0, reason: error.to_string() })
}

/// Fills the last row from a JSON object; a key that `place` does not know, or that comes twice, is refused.
pub(super) fn set_object(cells: &mut Cells, text: &str, place: impl FnMut(&str) -> Option<usize>) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seen = &mut Vec::new();
    serde::Deserializer::deserialize_map(&mut deserializer, ObjectVisitor { cells, place, seen })
        .and_then(|()| deserializer.end())
        .map_err(|error| without_place(&error))
}

/// The keys of a JSON object.
pub(super) fn keys_of(text: &str) -> Result<Vec<String>, String> {
    struct Names;
    impl<'de> serde::de::Visitor<'de> for Names {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut names = Vec::new();
            while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                names.push(name);
            }
            Ok(names)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let names = serde::Deserializer::deserialize_map(&mut deserializer, Names);
    names.and_then(|names| deserializer.end().map(|()| names)).map_err(|error| without_place(&error))
}

/// What serde_json says, without `at line 1 column 7`: the line is another one here.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

struct ObjectVisitor<'c, P> {
    cells: &'c mut Cells,
    place: P,
    seen: &'c mut Vec<usize>,
}

impl<'de, P: FnMut(&str) -> Option<usize>> serde::de::Visitor<'de> for ObjectVisitor<'_, P> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(column) = map.next_key_seed(Key(&mut self.place))? {
            if self.seen.contains(&column) {
                return Err(serde::de::Error::custom("a key comes twice"));
            }
            self.seen.push(column);
            let value: &RawValue = map.next_value()?;
            set_json(self.cells, column, value).map_err(serde::de::Error::custom)?;
        }
        Ok(())
    }
}

/// A key, looked up without being copied.
struct Key<'p, P>(&'p mut P);

impl<'de, P: FnMut(&str) -> Option<usize>> serde::de::DeserializeSeed<'de> for Key<'_, P> {
    type Value = usize;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<P: FnMut(&str) -> Option<usize>> serde::de::Visitor<'_> for Key<'_, P> {
    type Value = usize;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        (self.0)(name).ok_or_else(|| E::custom(format!("there is no column {}", shown(name))))
    }
}

fn set_json(cells: &mut Cells, column: usize, value: &RawValue) -> Result<(), String> {
    match value.get() {
        "null" => cells.set(column, Cell::Null),
        text if text.starts_with('"') => {
            // Most strings have no escape and are taken as they are.
            let inner = &text[1..text.len() - 1];
            match inner.contains('\\') {
                false => cells.set(column, Cell::Text(inner)),
                true => cells.set(column, Cell::Text(&serde_json::from_str::<String>(text).map_err(|error| without_place(&error))?)),
            }
        }
        text => cells.set(column, Cell::Json(text)),
    }
    Ok(())
}
