//! A table's metadata and protocol as JSON, while they are edited.

use arrow::datatypes::{Field, Schema};
use serde_json::{Map, Value};

use super::create::COLUMN_MAPPING;
use super::mapping;
use super::statistics;

/// Metadata and protocol, being edited.
pub(super) struct Draft {
    /// `fields` of the schema.
    pub fields: Vec<Value>,
    pub configuration: Map<String, Value>,
    pub partition_columns: Vec<String>,
    pub protocol: Value,
    pub metadata: Value,
}

impl Draft {
    pub fn is_mapped(&self) -> bool {
        self.configuration.get(COLUMN_MAPPING).and_then(Value::as_str).is_some_and(|mode| mode != "none")
    }

    pub fn last_column_id(&self) -> i64 {
        self.configuration.get(mapping::MAX_COLUMN_ID).and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub fn position(&self, column: &str, exact: bool) -> Option<usize> {
        let name = |field: &Value| field["name"].as_str().map(str::to_owned).unwrap_or_default();
        let same = |name: String| if exact { name == column } else { name.to_lowercase() == column.to_lowercase() };
        self.fields.iter().position(|field| same(name(field)))
    }

    /// A column with inexact statistics more: no writer may make them.
    pub fn protect_statistics(&mut self, present: &Schema, new: &Field) {
        if statistics::inexact_columns(&Schema::new(vec![new.clone()])).is_empty()
            || self.configuration.contains_key(statistics::STATS_COLUMNS)
            || self.configuration.get(statistics::NUM_INDEXED).and_then(Value::as_str) == Some("0")
        {
            return;
        }
        let fields: Vec<Field> = present.fields().iter().map(|field| field.as_ref().clone()).chain([new.clone()]).collect();
        if let Some((key, value)) = statistics::properties(&Schema::new(fields), &self.partition_columns) {
            self.configuration.insert(key.into(), value.into());
        }
    }

    pub fn rename_in_statistics(&mut self, from: &str, to: Option<&str>) {
        let Some(listed) = self.configuration.get(statistics::STATS_COLUMNS).and_then(Value::as_str) else { return };
        let renamed: Vec<String> = listed
            .split(',')
            .filter_map(|name| match name.trim().trim_matches('`') == from {
                true => to.map(statistics::quoted),
                false => Some(name.to_owned()),
            })
            .collect();
        if renamed.is_empty() {
            self.configuration.remove(statistics::STATS_COLUMNS);
            self.configuration.insert(statistics::NUM_INDEXED.into(), "0".into());
        } else {
            self.configuration.insert(statistics::STATS_COLUMNS.into(), renamed.join(",").into());
        }
    }
}
