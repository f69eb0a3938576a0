//! Protocol upgrades (protocol, "Protocol Evolution"): a version below 7 implies features, which must be named when it becomes 7.

use serde_json::{Value, json};

/// Features that each writer version implies, beyond those of the version before.
const IMPLIED: [(i64, &[&str]); 5] = [
    (2, &["appendOnly", "invariants"]),
    (3, &["checkConstraints"]),
    (4, &["changeDataFeed", "generatedColumns"]),
    (5, &["columnMapping"]),
    (6, &["identityColumns"]),
];

/// Makes a protocol demand `feature` of writers, and of readers where `of_readers`.
pub(super) fn require(protocol: &mut Value, feature: &str, of_readers: bool) {
    name_features(protocol, of_readers);
    for list in ["writerFeatures", "readerFeatures"].into_iter().take(if of_readers { 2 } else { 1 }) {
        let mut features = names(&protocol[list]);
        add(&mut features, feature);
        protocol[list] = json!(features);
    }
}

/// Raises a protocol to the versions that name features: those of writers, and of readers where `of_readers`.
pub(super) fn name_features(protocol: &mut Value, of_readers: bool) {
    let writer = protocol["minWriterVersion"].as_i64().unwrap_or(1);
    let reader = protocol["minReaderVersion"].as_i64().unwrap_or(1);
    let mut writer_features = names(&protocol["writerFeatures"]);
    if writer < 7 {
        // Identity columns are implied by version 6 only, and no table of that version that is opened here has any.
        let implied = IMPLIED.iter().filter(|(version, _)| *version <= writer).flat_map(|(_, features)| features.iter());
        writer_features.extend(implied.filter(|name| **name != "identityColumns").map(|name| (*name).to_owned()));
        protocol["minWriterVersion"] = 7.into();
    }
    if of_readers {
        let mut reader_features = names(&protocol["readerFeatures"]);
        if reader == 2 {
            add(&mut reader_features, "columnMapping");
            add(&mut writer_features, "columnMapping");
        }
        protocol["minReaderVersion"] = 3.into();
        protocol["readerFeatures"] = json!(reader_features);
    }
    protocol["writerFeatures"] = json!(writer_features);
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn add(features: &mut Vec<String>, feature: &str) {
    if !features.iter().any(|name| name == feature) {
        features.push(feature.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_version_implies_is_named_when_it_becomes_seven() {
        let mut protocol = json!({"minReaderVersion": 1, "minWriterVersion": 4});
        require(&mut protocol, "columnMapping", true);
        assert_eq!(
            protocol,
            json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["columnMapping"],
                   "writerFeatures": ["appendOnly", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns", "columnMapping"]})
        );
    }

    #[test]
    fn a_feature_is_named_once() {
        let mut protocol =
            json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz"]});
        let before = protocol.clone();
        require(&mut protocol, "timestampNtz", true);
        assert_eq!(protocol, before);
    }
}
