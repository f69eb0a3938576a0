//! Properties that stand for a table feature: by the protocol they mean nothing in a table of writer version 7 that does not name the feature, so that one
//! engine would keep to `delta.appendOnly` and another delete rows. The feature is named in the commit that sets the property, or the property is refused.

use serde_json::Value;

use super::protocol;

/// What can be done about a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feature {
    /// Of writers; before version 7 it is implied by this one.
    OfWriters(&'static str, i64),
    /// Of readers as well.
    OfBoth(&'static str),
    /// What is written here would not be what it demands.
    NotHere(&'static str),
}

use Feature::{NotHere, OfBoth, OfWriters};

/// Property, the value that turns it on (none: whatever is there), and its feature.
const SWITCHES: [(&str, Option<&str>, Feature); 14] = [
    ("delta.appendOnly", Some("true"), OfWriters("appendOnly", 2)),
    ("delta.enableChangeDataFeed", Some("true"), OfWriters("changeDataFeed", 4)),
    ("delta.enableDeletionVectors", Some("true"), OfBoth("deletionVectors")),
    ("delta.checkpointPolicy", Some("v2"), OfBoth("v2Checkpoint")),
    ("delta.enableRowTracking", Some("true"), NotHere("rowTracking")),
    ("delta.enableInCommitTimestamps", Some("true"), NotHere("inCommitTimestamp")),
    ("delta.enableTypeWidening", Some("true"), NotHere("typeWidening")),
    ("delta.enableIcebergCompatV1", Some("true"), NotHere("icebergCompatV1")),
    ("delta.enableIcebergCompatV2", Some("true"), NotHere("icebergCompatV2")),
    ("delta.enableIcebergCompatV3", Some("true"), NotHere("icebergCompatV3")),
    ("delta.enableVariantShredding", Some("true"), NotHere("variantShredding-preview")),
    ("delta.universalFormat.enabledFormats", None, NotHere("icebergCompatV2")),
    ("delta.coordinatedCommits.commitCoordinator-preview", None, NotHere("coordinatedCommits-preview")),
    ("delta.rowTracking.materializedRowIdColumnName", None, NotHere("rowTracking")),
];

/// How others name a feature itself: `delta.feature.NAME=supported`.
const BY_NAME: &str = "delta.feature.";
/// Features that may be named so. Column mapping comes with its mode, which names columns.
const NAMED: [Feature; 7] = [
    OfWriters("appendOnly", 2),
    OfWriters("invariants", 2),
    OfWriters("checkConstraints", 3),
    OfWriters("changeDataFeed", 4),
    OfWriters("generatedColumns", 4),
    OfBoth("deletionVectors"),
    OfBoth("v2Checkpoint"),
];
/// A constraint: a property that only `Alter::AddConstraint` may set.
const CONSTRAINT: &str = "delta.constraints.";
const MIN_READER: &str = "delta.minReaderVersion";
const MIN_WRITER: &str = "delta.minWriterVersion";

/// Why a property cannot be set.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its feature is not implemented.
    Feature(String),
    /// It has no such value, or is no property.
    Value(String, &'static str),
}

/// Makes a protocol name what a property needs. Gives the value that the property gets; none where it is of the protocol alone.
pub(super) fn demand(protocol: &mut Value, key: &str, value: &str) -> Result<Option<String>, Refusal> {
    if let Some(name) = key.strip_prefix(BY_NAME) {
        let known = NAMED.iter().find(|feature| matches!(feature, OfWriters(of, _) | OfBoth(of) if *of == name));
        let Some(feature) = known else { return Err(Refusal::Feature(name.to_owned())) };
        if !matches!(value, "supported" | "enabled") {
            return Err(Refusal::Value(format!("{key}={value}"), "supported"));
        }
        return add(protocol, *feature).map(|()| None);
    }
    if key.starts_with(CONSTRAINT) {
        return Err(Refusal::Value(
            format!("{key} is a constraint, and rows that are there would not be looked at"),
            "adding a constraint",
        ));
    }
    if key == MIN_READER || key == MIN_WRITER {
        return raise(protocol, key, value).map(|()| None);
    }
    let Some((_, on, feature)) = SWITCHES.iter().find(|(of, ..)| *of == key) else { return Ok(Some(value.to_owned())) };
    let small = value.trim().to_ascii_lowercase();
    match (on, small.as_str()) {
        (Some("true"), "false") | (Some("v2"), "classic") => Ok(Some(small)),
        (Some(on), given) if *on == given => add(protocol, *feature).map(|()| Some(small)),
        (Some("v2"), _) => Err(Refusal::Value(format!("{key}={value}"), "v2 or classic")),
        (Some(_), _) => Err(Refusal::Value(format!("{key}={value}"), "true or false")),
        (None, "") => Ok(Some(small)),
        (None, _) => add(protocol, *feature).map(|()| Some(value.to_owned())),
    }
}

fn add(protocol: &mut Value, feature: Feature) -> Result<(), Refusal> {
    match feature {
        OfWriters(_, version) if protocol["minWriterVersion"].as_i64().unwrap_or(1) < 7 => {
            protocol["minWriterVersion"] = protocol["minWriterVersion"].as_i64().unwrap_or(1).max(version).into();
        }
        OfWriters(name, _) => protocol::require(protocol, name, false),
        OfBoth(name) => protocol::require(protocol, name, true),
        NotHere(name) => return Err(Refusal::Feature(name.to_owned())),
    }
    Ok(())
}

/// Versions of the protocol only grow; the highest ones name what those before imply.
fn raise(protocol: &mut Value, key: &str, value: &str) -> Result<(), Refusal> {
    let present = |key: &str| protocol[key].as_i64().unwrap_or(1);
    let (reader, writer) = (present("minReaderVersion"), present("minWriterVersion"));
    match (key, value.trim().parse::<i64>()) {
        (MIN_WRITER, Ok(to @ 1..=5)) => protocol["minWriterVersion"] = writer.max(to).into(),
        (MIN_WRITER, Ok(6)) if writer < 6 => return Err(Refusal::Feature("identityColumns".into())),
        (MIN_WRITER, Ok(6)) => {}
        (MIN_WRITER, Ok(7)) => protocol::name_features(protocol, false),
        (MIN_READER, Ok(1)) => {}
        (MIN_READER, Ok(2)) if reader < 2 => {
            protocol["minReaderVersion"] = 2.into();
            protocol["minWriterVersion"] = writer.max(5).into();
            if writer >= 7 {
                protocol::require(protocol, "columnMapping", false);
            }
        }
        (MIN_READER, Ok(2)) => {}
        (MIN_READER, Ok(3)) => protocol::name_features(protocol, true),
        (MIN_WRITER, _) => return Err(Refusal::Value(format!("{key}={value}"), "1 to 5, or 7")),
        _ => return Err(Refusal::Value(format!("{key}={value}"), "1 to 3")),
    }
    Ok(())
}

/// Whether a property that stands for this feature has its effect: in a table of writer version 7 the feature must be named.
pub(super) fn has_effect(protocol: &Value, feature: &str) -> bool {
    let names = || protocol["writerFeatures"].as_array().into_iter().flatten().filter_map(Value::as_str);
    protocol["minWriterVersion"].as_i64().unwrap_or(1) < 7 || names().any(|name| name == feature)
}

/// Of a table that is to be made, what deltalake's own way of making it would leave out.
pub(super) fn refused_at_creation(key: &str, value: &str) -> Option<Refusal> {
    let mut protocol = serde_json::json!({"minReaderVersion": 1, "minWriterVersion": 2});
    if key.starts_with(BY_NAME) || key == "delta.checkpointPolicy" && value.trim().eq_ignore_ascii_case("v2") {
        return Some(Refusal::Value(format!("{key}={value} of a table that is not there yet"), "the same on the table once it is made"));
    }
    if key == MIN_READER || key == MIN_WRITER {
        return None;
    }
    demand(&mut protocol, key, value).err()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(protocol: Value, key: &str, value: &str) -> (Result<Option<String>, Refusal>, Value) {
        let mut protocol = protocol;
        (demand(&mut protocol, key, value), protocol)
    }

    #[test]
    fn a_feature_is_named_where_names_count_and_implied_where_versions_do() {
        let seven = json!({"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["invariants"]});
        let (set, protocol) = after(seven.clone(), "delta.appendOnly", "TRUE");
        assert_eq!((set, &protocol["writerFeatures"]), (Ok(Some("true".into())), &json!(["invariants", "appendOnly"])));
        let (_, protocol) = after(seven.clone(), "delta.enableDeletionVectors", "true");
        assert_eq!((&protocol["minReaderVersion"], &protocol["readerFeatures"]), (&json!(3), &json!(["deletionVectors"])));
        let (_, protocol) = after(json!({"minReaderVersion": 1, "minWriterVersion": 2}), "delta.enableChangeDataFeed", "true");
        assert_eq!(protocol, json!({"minReaderVersion": 1, "minWriterVersion": 4}));
        let (set, protocol) = after(seven.clone(), "delta.feature.changeDataFeed", "supported");
        assert_eq!((set, &protocol["writerFeatures"]), (Ok(None), &json!(["invariants", "changeDataFeed"])));
        assert_eq!(after(seven.clone(), "delta.appendOnly", "false"), (Ok(Some("false".into())), seven.clone()));
        assert_eq!(after(seven.clone(), "mine", "Yes"), (Ok(Some("Yes".into())), seven));
    }

    #[test]
    fn versions_are_raised_and_name_what_they_imply() {
        let four = || json!({"minReaderVersion": 1, "minWriterVersion": 4});
        let (_, protocol) = after(four(), MIN_WRITER, "7");
        let implied = json!(["appendOnly", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns"]);
        assert_eq!(protocol, json!({"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": implied}));
        let (_, protocol) = after(four(), MIN_READER, "3");
        assert_eq!((&protocol["minWriterVersion"], &protocol["readerFeatures"]), (&json!(7), &json!([])));
        let (_, protocol) = after(four(), MIN_READER, "2");
        assert_eq!(protocol, json!({"minReaderVersion": 2, "minWriterVersion": 5}));
        assert_eq!(after(four(), MIN_WRITER, "2"), (Ok(None), four()));
        assert_eq!(after(four(), MIN_WRITER, "6").0, Err(Refusal::Feature("identityColumns".into())));
    }

    #[test]
    fn what_is_not_implemented_is_refused_by_name() {
        let seven = json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": [], "writerFeatures": []});
        for (key, value, feature) in [
            ("delta.enableRowTracking", "true", "rowTracking"),
            ("delta.enableInCommitTimestamps", "True", "inCommitTimestamp"),
            ("delta.universalFormat.enabledFormats", "iceberg", "icebergCompatV2"),
            ("delta.feature.clustering", "supported", "clustering"),
        ] {
            assert_eq!(after(seven.clone(), key, value), (Err(Refusal::Feature(feature.into())), seven.clone()), "{key}");
        }
        for (key, value) in [("delta.appendOnly", "yes"), ("delta.checkpointPolicy", "v3"), ("delta.constraints.c", "id > 0")] {
            assert!(matches!(after(seven.clone(), key, value).0, Err(Refusal::Value(..))), "{key}");
        }
        assert_eq!(after(seven.clone(), "delta.enableRowTracking", "false").0, Ok(Some("false".into())));
    }
}
