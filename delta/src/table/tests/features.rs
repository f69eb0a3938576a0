//! Properties that stand for a table feature.

use arrow::array::TimestampMicrosecondArray;
use serde_json::{Value, json};

use super::*;

fn none() -> CommitOptions {
    CommitOptions::default()
}

/// Three rows beside a time without a zone: such a table has writer version 7.
fn of_version_seven() -> (Fixture, Table) {
    let fixture = Fixture::new();
    let mut table = fixture.open();
    committed(table.write(&mut timed(&[1, 2, 3]), &creating(), &none()).unwrap());
    (fixture, table)
}

fn timed(ids: &[i64]) -> Batches {
    let times = TimestampMicrosecondArray::from(ids.iter().map(|id| id * 1_000_000).collect::<Vec<_>>());
    columns(vec![("id", Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef), ("at", Arc::new(times))])
}

fn set(table: &mut Table, pairs: &[(&str, Option<&str>)]) -> Result<()> {
    let properties = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect();
    table.alter(&Alter::SetProperties(properties), &none()).map(|_| ())
}

/// The newest protocol of the log: features of readers and of writers.
fn protocol(fixture: &Fixture) -> Value {
    let commits = commits(fixture).concat();
    let mut actions =
        commits.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(|action| action.get("protocol").is_some());
    actions.next_back().unwrap()["protocol"].clone()
}

fn names(fixture: &Fixture, list: &str) -> Vec<String> {
    let protocol = protocol(fixture);
    let mut names: Vec<String> = protocol[list].as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// With a property taken away in the same statement, too.
#[test]
fn a_property_names_its_feature_and_has_its_effect() {
    for other in [&[][..], &[("mine", None)]] {
        let (fixture, mut table) = of_version_seven();
        set(&mut table, &[("mine", Some("1"))]).unwrap();
        let before = names(&fixture, "writerFeatures");
        assert!(!before.contains(&"appendOnly".to_owned()), "{before:?}");
        set(&mut table, &[other, &[("delta.appendOnly", Some("true")), ("delta.enableChangeDataFeed", Some("true"))]].concat()).unwrap();
        let after = names(&fixture, "writerFeatures");
        assert!(["appendOnly", "changeDataFeed", "timestampNtz"].iter().all(|name| after.contains(&(*name).to_owned())), "{after:?}");
        assert!(table.delete(Some("id = 1"), &none()).is_err());
        committed(table.write(&mut timed(&[4]), &WriteOptions::default(), &none()).unwrap());
        set(&mut table, &[("delta.appendOnly", Some("false"))]).unwrap();
        assert_eq!(committed(table.delete(Some("id = 1"), &none()).unwrap()).rows, Some(1));
        let last = commits(&fixture).pop().unwrap();
        assert!(last.contains("\"cdc\""), "the delete is in the change feed: {last}");
        assert_eq!(ids(&fixture.open()), [2, 3, 4]);
    }
}

/// Tables with deletion vectors allowed and with checkpoints of the second kind are written, cared for and read on.
#[test]
fn features_of_readers_are_named_for_both_and_the_table_goes_on() {
    let (fixture, mut table) = Fixture::with_ids(&[1, 2, 3, 4]);
    set(&mut table, &[("delta.enableDeletionVectors", Some("true")), ("delta.checkpointPolicy", Some("V2"))]).unwrap();
    assert_eq!(names(&fixture, "readerFeatures"), ["deletionVectors", "v2Checkpoint"]);
    let writers = names(&fixture, "writerFeatures");
    assert!(["appendOnly", "deletionVectors", "invariants", "v2Checkpoint"].iter().all(|name| writers.contains(&(*name).to_owned())));
    committed(table.write(&mut rows(&[5]), &WriteOptions::default(), &none()).unwrap());
    committed(table.delete(Some("id = 2"), &none()).unwrap());
    table.checkpoint().unwrap();
    committed(table.merge(&mut rows(&[5, 6]), &Merge::upsert(&["id".into()]), &none()).unwrap());
    for entry in std::fs::read_dir(fixture.location.local_path().unwrap().join("_delta_log")).unwrap() {
        // What the checkpoint has is read from it.
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".json") && name < format!("{:020}.json", 3) && !name.contains("checkpoint") {
            std::fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(ids(&fixture.open()), [1, 3, 4, 5, 6]);
}

#[test]
fn what_cannot_be_kept_is_refused_by_name_and_nothing_is_changed() {
    let (fixture, mut table) = of_version_seven();
    let version = table.version();
    for (key, value, name) in [
        ("delta.enableRowTracking", "true", "rowTracking"),
        ("delta.enableTypeWidening", "true", "typeWidening"),
        ("delta.enableInCommitTimestamps", "true", "inCommitTimestamp"),
        ("delta.feature.clustering", "supported", "clustering"),
        ("delta.constraints.positive", "id > 0", "constraint"),
        ("delta.appendOnly", "perhaps", "true or false"),
        ("delta.appendOnly", "yes", "delta.appendOnly=yes"),
        ("delta.checkpointInterval", "-3", "from 1 on"),
        ("delta.logRetentionDuration", "soon", "interval 30 days"),
        ("delta.targetFileSize", "big", "bytes"),
        ("delta.isolationLevel", "foo", "WriteSerializable"),
        ("delta.dataSkippingStatsColumns", "id,nosuch", "no column nosuch"),
        ("delta.minReaderVersion", "soon", "1 to 3"),
        ("delta.minWriterVersion", "99", "1 to 5, or 7"),
    ] {
        let error = set(&mut table, &[(key, Some(value)), ("mine", Some("1"))]).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        let new = NewTable { properties: [(key.to_owned(), value.to_owned())].into(), ..NewTable::new(rows(&[]).schema()) };
        let error = Fixture::new().open().create(&new, false, &none()).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
    assert_eq!(fixture.open().version(), version);
}

/// Made so, or by others: version 7, the property, and no feature.
#[test]
fn a_property_without_its_feature_means_the_same_to_every_operation() {
    let (fixture, table) = of_version_seven();
    let mut metadata: Value = commits(&fixture)[0]
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|action: &Value| action.get("metaData").is_some())
        .unwrap();
    metadata["metaData"]["configuration"] = json!({"delta.appendOnly": "true", "delta.enableChangeDataFeed": "true"});
    let next = table.version().unwrap() + 1;
    let log = fixture.location.local_path().unwrap().join("_delta_log");
    std::fs::write(log.join(format!("{next:020}.json")), format!("{metadata}\n")).unwrap();
    let mut table = fixture.open();
    assert!(table.delete(Some("id = 1"), &none()).is_err());
    assert!(table.update(&[("id".into(), "9".into())], Some("id = 1"), &none()).is_err());
    assert!(table.merge(&mut timed(&[1]), &Merge::upsert(&["id".into()]), &none()).is_err());
    committed(table.write(&mut timed(&[4]), &WriteOptions::default(), &none()).unwrap());
    let latest = table.version().unwrap();
    assert!(matches!(table.changes(latest, latest).unwrap(), Changes::NotAvailable(why) if why.contains("changeDataFeed")));
    set(&mut table, &[("delta.enableChangeDataFeed", Some("true"))]).unwrap();
    committed(table.write(&mut timed(&[5]), &WriteOptions::default(), &none()).unwrap());
    let newest = table.version().unwrap();
    assert!(matches!(table.changes(newest, newest).unwrap(), Changes::Feed(_)));
    assert!(matches!(table.changes(latest, newest).unwrap(), Changes::NotAvailable(why) if why.contains(&format!("version {latest}"))));
}

/// deltalake takes a protocol that is both of versions 3 and 7 apart again, and once ended the process over it.
#[test]
fn a_table_of_the_highest_versions_takes_a_checkpoint_policy_and_highest_versions() {
    let (fixture, mut table) = of_version_seven();
    set(&mut table, &[("delta.checkpointPolicy", Some("v2"))]).unwrap();
    committed(table.write(&mut timed(&[4]), &WriteOptions::default(), &none()).unwrap());
    assert_eq!(ids(&fixture.open()), [1, 2, 3, 4]);
    let create = |properties: &[(&str, &str)]| {
        let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let fixture = Fixture::new();
        let made = fixture.open().create(&NewTable { properties, ..NewTable::new(timed(&[]).schema()) }, false, &none());
        made.map(|_| committed(fixture.open().write(&mut timed(&[1]), &WriteOptions::default(), &none()).unwrap()))
    };
    assert!(create(&[("delta.checkpointPolicy", "v2")]).unwrap_err().to_string().contains("once it is made"));
    create(&[("delta.minReaderVersion", "3"), ("delta.minWriterVersion", "7")]).unwrap();
}

/// A table that is made with them names them from the start.
#[test]
fn a_table_is_made_with_the_features_of_its_properties() {
    let fixture = Fixture::new();
    let properties =
        ["delta.appendOnly", "delta.enableChangeDataFeed", "delta.enableDeletionVectors"].map(|key| (key.to_owned(), "true".to_owned()));
    let new = NewTable { properties: properties.into(), ..NewTable::new(timed(&[]).schema()) };
    fixture.open().create(&new, false, &none()).unwrap();
    let writers = names(&fixture, "writerFeatures");
    let expected = ["appendOnly", "changeDataFeed", "deletionVectors", "timestampNtz"];
    assert!(expected.iter().all(|name| writers.contains(&(*name).to_owned())), "{writers:?}");
    assert_eq!(names(&fixture, "readerFeatures"), ["deletionVectors", "timestampNtz"]);
}
