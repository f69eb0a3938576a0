//! Values of table properties: deltalake takes one that it cannot read for one that is not there, and says nothing.

use arrow::datatypes::{DataType, Fields, Schema};

use super::features::Refusal;
use super::statistics::STATS_COLUMNS;

/// The form of a value.
enum Form {
    OneOf(&'static [&'static str]),
    /// A whole number from here on.
    AtLeast(i64),
    Interval,
}

use Form::{AtLeast, Interval, OneOf};

const BOOLEAN: Form = OneOf(&["true", "false"]);

/// Properties of the Delta documentation, beside those that stand for a table feature.
const FORMS: [(&str, Form, &str); 18] = [
    ("delta.checkpointInterval", AtLeast(1), "a whole number of commits from 1 on, such as 10"),
    ("delta.randomPrefixLength", AtLeast(1), "a whole number of letters from 1 on, such as 2"),
    ("delta.targetFileSize", AtLeast(1), "a whole number of bytes, such as 134217728"),
    ("delta.dataSkippingNumIndexedCols", AtLeast(-1), "a whole number of columns, or -1 for all"),
    ("delta.logRetentionDuration", Interval, "interval NUMBER UNIT, such as \"interval 30 days\""),
    ("delta.deletedFileRetentionDuration", Interval, "interval NUMBER UNIT, such as \"interval 7 days\""),
    ("delta.setTransactionRetentionDuration", Interval, "interval NUMBER UNIT, such as \"interval 30 days\""),
    ("delta.isolationLevel", OneOf(&["Serializable", "WriteSerializable", "SnapshotIsolation"]), "Serializable or WriteSerializable"),
    ("delta.columnMapping.mode", OneOf(&["none", "name", "id"]), "name or none"),
    ("delta.autoOptimize.autoCompact", OneOf(&["true", "false", "auto", "legacy"]), "true, false or auto"),
    ("delta.autoOptimize.optimizeWrite", BOOLEAN, "true or false"),
    ("delta.checkpoint.writeStatsAsJson", BOOLEAN, "true or false"),
    ("delta.checkpoint.writeStatsAsStruct", BOOLEAN, "true or false"),
    ("delta.enableExpiredLogCleanup", BOOLEAN, "true or false"),
    ("delta.randomizeFilePrefixes", BOOLEAN, "true or false"),
    ("delta.tuneFileSizesForRewrites", BOOLEAN, "true or false"),
    ("delta.minReaderVersion", OneOf(&["1", "2", "3"]), "1 to 3"),
    ("delta.minWriterVersion", OneOf(&["1", "2", "3", "4", "5", "7"]), "1 to 5, or 7"),
];

const UNITS: [&str; 8] = ["nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day", "week"];

impl Form {
    fn has(&self, value: &str) -> bool {
        match self {
            OneOf(values) => values.contains(&value),
            AtLeast(least) => value.parse::<i64>().is_ok_and(|number| number >= *least),
            Interval => is_interval(value),
        }
    }
}

/// As deltalake reads it: one number and one unit, in small letters.
fn is_interval(value: &str) -> bool {
    let words: Vec<&str> = value.split_whitespace().collect();
    let ["interval", number, unit] = words[..] else { return false };
    // Beyond that the nanoseconds of weeks would not fit 64 bits.
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<u64>().is_ok_and(|number| number <= 1_000_000);
    is_number && value.starts_with("interval ") && UNITS.contains(&unit.strip_suffix('s').unwrap_or(unit))
}

/// What is wrong with the value of a property in a table of these columns.
pub(super) fn refused(schema: &Schema, key: &str, value: &str) -> Option<Refusal> {
    if key == STATS_COLUMNS {
        let missing = paths(value).into_iter().find(|path| !has_path(schema.fields(), path))?;
        let message = format!("{key}={value}: no column {}", missing.join("."));
        return Some(Refusal::Value(message, "columns of the table in their own case, as a,b.field,`with blank`"));
    }
    let (_, form, right) = FORMS.iter().find(|(of, ..)| *of == key)?;
    (!form.has(value)).then(|| Refusal::Value(format!("{key}={value}"), right))
}

/// `a,b.c,`d.e``: names by commas, parts of them by dots, both plain within backticks.
fn paths(text: &str) -> Vec<Vec<String>> {
    let (mut found, mut path, mut part, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    for letter in text.chars().chain([',']) {
        match letter {
            '`' => quoted = !quoted,
            '.' if !quoted => path.push(std::mem::take(&mut part).trim().to_owned()),
            ',' if !quoted => {
                path.push(std::mem::take(&mut part).trim().to_owned());
                found.push(std::mem::take(&mut path));
            }
            other => part.push(other),
        }
    }
    found.retain(|path| path.iter().any(|part| !part.is_empty()));
    found
}

fn has_path(fields: &Fields, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    let field = fields.iter().find(|field| field.name() == first);
    field.is_some_and(|field| match field.data_type() {
        _ if rest.is_empty() => true,
        DataType::Struct(inner) => has_path(inner, rest),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn values_have_the_form_of_their_property() {
        let inner = DataType::Struct(vec![Field::new("x", DataType::Int64, true)].into());
        let schema = Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("a.b", DataType::Int64, true),
            Field::new("s", inner, true),
        ]);
        let is_right = |key: &str, value: &str| refused(&schema, key, value).is_none();
        for (key, value) in [
            ("delta.checkpointInterval", "10"),
            ("delta.dataSkippingNumIndexedCols", "-1"),
            ("delta.logRetentionDuration", "interval 0 weeks"),
            ("delta.deletedFileRetentionDuration", "interval 1 day"),
            ("delta.isolationLevel", "WriteSerializable"),
            (STATS_COLUMNS, "id, `a.b`,s.x,s"),
            (STATS_COLUMNS, ""),
            ("mine", "soon"),
        ] {
            assert!(is_right(key, value), "{key}={value}");
        }
        for (key, value) in [
            ("delta.checkpointInterval", "0"),
            ("delta.checkpointInterval", "1.5"),
            ("delta.dataSkippingNumIndexedCols", "-2"),
            ("delta.logRetentionDuration", "30 days"),
            ("delta.logRetentionDuration", "interval 1 week 2 days"),
            ("delta.logRetentionDuration", "interval -1 days"),
            ("delta.logRetentionDuration", "interval 9999999 weeks"),
            ("delta.targetFileSize", "100mb"),
            ("delta.autoOptimize.optimizeWrite", "yes"),
            (STATS_COLUMNS, "id,a.b"),
            (STATS_COLUMNS, "ID"),
            (STATS_COLUMNS, "s.y"),
        ] {
            assert!(!is_right(key, value), "{key}={value}");
        }
    }
}
