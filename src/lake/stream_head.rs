//! What the head of a file tells: names of columns, and of Arrow files their types; and whether files agree.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};

use super::format::{CsvOptions, Format};
use super::input::Input;
use super::stream_source::{SourceOptions, bad_line};
use super::text::{JsonLines, Records};
use super::{ipc, source_error};
use crate::error::{Phase, Result};

/// NDJSON objects that are looked at for their keys.
const SAMPLE_ROWS: usize = 1000;

/// Names of the columns, and for Arrow their types.
pub(super) fn head(format: Format, input: &Input, csv: &CsvOptions) -> Result<Schema> {
    let text = |names: Vec<String>| Schema::new(names.into_iter().map(|n| Field::new(n, DataType::Utf8, true)).collect::<Vec<_>>());
    match format {
        Format::Csv => input.peek(|reader| {
            let header = Records::new(reader, csv).header();
            header.map(text).map_err(|bad| bad_line(Phase::Describe, input, bad.line, None, &bad.reason))
        }),
        Format::Ndjson => input.peek(|reader| {
            let mut lines = JsonLines::new(reader);
            let mut names: Vec<String> = Vec::new();
            for row in 0..SAMPLE_ROWS {
                let keys = lines.keys().map_err(|bad| bad_line(Phase::Describe, input, bad.line, Some(row as u64 + 1), &bad.reason))?;
                let Some(keys) = keys else { break };
                for key in keys {
                    if !names.contains(&key) {
                        names.push(key);
                    }
                }
            }
            Ok(text(names))
        }),
        _ => ipc::schema(format, input),
    }
}

/// A key that comes late in NDJSON can be named beforehand.
pub(super) fn add_named_columns(format: Format, fields: &mut Vec<FieldRef>, options: &SourceOptions) {
    if format != Format::Ndjson {
        return;
    }
    for (name, data_type) in &options.types {
        if !fields.iter().any(|field| field.name().eq_ignore_ascii_case(name)) {
            fields.push(Arc::new(Field::new(name, data_type.clone(), true)));
        }
    }
}

/// Later files have the columns of the first one in any order; objects may have further keys.
pub(super) fn agree(format: Format, first: &mut Schema, other: Schema, first_input: &Input, input: &Input) -> Result<()> {
    let differs = |message: String| {
        source_error(Phase::Describe, &input.path, message, "load files of different columns one by one, or write them with one schema")
    };
    if format == Format::Ndjson {
        let known = |field: &FieldRef| first.field_with_name(field.name()).is_ok();
        let more: Vec<FieldRef> = other.fields().iter().filter(|field| !known(field)).cloned().collect();
        let fields = first.fields().iter().cloned().chain(more).collect::<Vec<_>>();
        *first = Schema::new(fields);
        return Ok(());
    }
    for field in first.fields() {
        match other.field_with_name(field.name()) {
            Ok(found) if found.data_type() == field.data_type() => {}
            Ok(found) => {
                let (name, here, there) = (field.name(), found.data_type(), field.data_type());
                return Err(differs(format!("column {name:?} has type {here}, but {there} in {}", first_input.path.display())));
            }
            Err(_) => return Err(differs(format!("column {:?} is missing, which {} has", field.name(), first_input.path.display()))),
        }
    }
    if let Some(extra) = other.fields().iter().find(|field| first.field_with_name(field.name()).is_err()) {
        return Err(differs(format!("column {:?} is not in {}", extra.name(), first_input.path.display())));
    }
    let nullable = |field: &FieldRef| {
        let is_nullable = field.is_nullable() || other.field_with_name(field.name()).is_ok_and(|other| other.is_nullable());
        field.as_ref().clone().with_nullable(is_nullable)
    };
    let fields: Vec<Field> = first.fields().iter().map(nullable).collect();
    let metadata = first.metadata().iter().filter(|(key, text)| other.metadata().get(*key) == Some(text));
    let metadata = metadata.map(|(key, text)| (key.clone(), text.clone())).collect();
    *first = Schema::new_with_metadata(fields, metadata);
    Ok(())
}
