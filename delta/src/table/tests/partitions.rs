//! Writes into many partitions: nothing is lost or moved whatever is held in memory, and the commit is the one that deltalake would make.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Date32Array, RecordBatchReader};
use arrow::datatypes::Int64Type;
use deltalake::datafusion::datasource::MemTable;
use deltalake::datafusion::datasource::provider_as_source;
use deltalake::datafusion::logical_expr::LogicalPlanBuilder;
use deltalake::operations::write::WriteBuilder;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Rows of `day`, `region` (with NULL) and what is in them; `row` counts them through.
fn sales(days: &[(i32, u8)], batch_rows: usize) -> Batches {
    let schema = Arc::new(Schema::new(vec![
        Field::new("row", DataType::Int64, false),
        Field::new("day", DataType::Date32, true),
        Field::new("text", DataType::Utf8, true),
        Field::new("region", DataType::Utf8, true),
        Field::new("amount", DataType::Decimal128(18, 4), true),
    ]));
    let of = |from: usize, days: &[(i32, u8)]| {
        let rows = from as i64..(from + days.len()) as i64;
        let region = |kind: &u8| (*kind > 0).then(|| ["", "Zürich / Süd", "a=b", "100 %"][usize::from(*kind % 4).max(1)]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(rows.clone())),
            Arc::new(Date32Array::from_iter(days.iter().map(|(day, _)| (*day != 3).then_some(*day - 40)))),
            Arc::new(StringArray::from_iter(rows.clone().map(|row| (row % 5 != 0).then(|| "x".repeat(row as usize % 50))))),
            Arc::new(StringArray::from_iter(days.iter().map(|(_, kind)| region(kind)))),
            decimals(&rows.map(|row| i128::from(row) * -12_345).collect::<Vec<_>>(), 18, 4),
        ];
        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
    };
    let batches = days.chunks(batch_rows).enumerate().map(|(index, days)| of(index * batch_rows, days)).collect();
    Batches::new(Arc::clone(&schema), batches)
}

fn by_day_and_region() -> NewTable {
    let mut new = NewTable::new(Arc::new(Schema::empty()));
    new.partition_columns = vec!["region".into(), "day".into()];
    new
}

fn options(held_bytes: Option<usize>) -> WriteOptions {
    WriteOptions { create: Some(by_day_and_region()), held_bytes, ..WriteOptions::default() }
}

/// Everything, in the order of `row`.
fn sorted(batch: &RecordBatch) -> Vec<String> {
    let rows = batch.column_by_name("row").unwrap().as_primitive::<Int64Type>();
    let mut order: Vec<usize> = (0..batch.num_rows()).collect();
    order.sort_by_key(|index| rows.value(*index));
    order.into_iter().map(|index| format!("{:?}", batch.slice(index, 1).columns())).collect()
}

fn given(source: &mut Batches) -> RecordBatch {
    let reader = source.open().unwrap();
    let schema = reader.schema();
    arrow::compute::concat_batches(&schema, &reader.map(Result::unwrap).collect::<Vec<_>>()).unwrap()
}

/// `add` actions of the last commit: folder, partition values and rows.
fn added(fixture: &Fixture) -> Vec<Value> {
    let commit = commits(fixture).pop().unwrap();
    let actions = commit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    actions.filter_map(|action| action.get("add").cloned()).collect()
}

fn partitions_of(days: &[(i32, u8)]) -> usize {
    let name = |(day, kind): &(i32, u8)| ((*day != 3).then_some(*day), (*kind > 0).then_some(usize::from(*kind % 4).max(1)));
    days.iter().map(name).collect::<BTreeSet<_>>().len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn rows_come_back_whatever_is_held(
        days in prop::collection::vec((0..30i32, 0..6u8), 1..600),
        batch_rows in 1..200usize,
        held_bytes in prop::sample::select(vec![1, 500, 5_000, 20_000, 1 << 20]),
    ) {
        let fixture = Fixture::new();
        let mut table = fixture.open();
        let mut source = sales(&days, batch_rows);
        for (mode, times) in [(WriteMode::Append, 1), (WriteMode::Append, 2), (WriteMode::Overwrite, 1)] {
            let counts = committed(table.write(&mut source, &WriteOptions { mode, ..options(Some(held_bytes)) }, &CommitOptions::default()).unwrap());
            prop_assert_eq!(counts.rows_written as usize, days.len());
            let found = read(&fixture.open(), &Scan::default());
            prop_assert_eq!(found.num_rows(), times * days.len());
            if times == 1 {
                let columns = ["row", "day", "text", "region", "amount"];
                let found = found.project(&columns.map(|name| found.schema().index_of(name).unwrap())).unwrap();
                prop_assert_eq!(sorted(&found), sorted(&given(&mut source)));
            }
        }
    }
}

#[test]
fn a_partition_is_one_file_though_its_rows_come_scattered() {
    let days: Vec<(i32, u8)> = (0..4_000).map(|n| ((n * 7) % 60, (n % 11) as u8)).collect();
    let fixture = Fixture::new();
    committed(fixture.open().write(&mut sales(&days, 100), &options(Some(8_000)), &CommitOptions::default()).unwrap());
    let files = added(&fixture);
    assert_eq!(files.len(), partitions_of(&days));
    assert!(files.len() > 100);
    // Rows of a partition keep their order.
    for file in files {
        let name = file["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let path = walk(fixture.folder.path()).into_iter().find(|path| path.ends_with(&name)).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(std::fs::File::open(path).unwrap(), 10_000).unwrap();
        for batch in reader {
            let rows = batch.unwrap().column_by_name("row").unwrap().as_primitive::<Int64Type>().values().to_vec();
            assert!(rows.is_sorted(), "{rows:?}");
        }
    }
}

#[test]
fn a_partition_that_comes_together_goes_to_files_while_rows_come() {
    // Ten days, one after the other: nothing is spilled but what is at the borders.
    let days: Vec<(i32, u8)> = (0..10_000).map(|n| (n / 1_000, 0)).collect();
    let fixture = Fixture::new();
    let counts = committed(fixture.open().write(&mut sales(&days, 64), &options(Some(20_000)), &CommitOptions::default()).unwrap());
    assert_eq!((counts.rows_written, counts.created), (10_000, true));
    assert!((10..=20).contains(&counts.files_added), "{counts:?}");
}

/// What is compared of a commit: everything but names, times and ids.
fn comparable(commit: &str) -> BTreeMap<String, Vec<Value>> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in commit.lines() {
        let Value::Object(action) = serde_json::from_str(line).unwrap() else { panic!("{line}") };
        let (kind, mut action) = action.into_iter().next().unwrap();
        match kind.as_str() {
            "metaData" => ["id", "createdTime"].iter().for_each(|key| drop(action.as_object_mut().unwrap().remove(*key))),
            "add" => {
                let path = action["path"].as_str().unwrap();
                let folder = path[..path.rfind('/').unwrap()].to_owned();
                action["path"] = folder.into();
                action["stats"] = serde_json::from_str(action["stats"].as_str().unwrap()).unwrap();
                // The order of pages in a file, and so its size, may differ.
                ["modificationTime", "size"].iter().for_each(|key| drop(action.as_object_mut().unwrap().remove(*key)));
            }
            "remove" => action = action["partitionValues"].clone(),
            "commitInfo" => {
                action = serde_json::json!([
                    action["operation"],
                    action["operationParameters"],
                    action["operationMetrics"]["num_added_rows"],
                    action["operationMetrics"]["num_added_files"],
                    action["operationMetrics"]["num_removed_files"]
                ]);
            }
            _ => {}
        }
        found.entry(kind).or_default().push(action);
    }
    found.values_mut().for_each(|actions| actions.sort_by_key(Value::to_string));
    found
}

/// The same batches by deltalake's own write.
fn by_deltalake(fixture: &Fixture, source: &mut Batches, new: Option<(&NewTable, Vec<(String, String)>)>, overwrite: bool) {
    let table = fixture.open();
    let batch = given(source);
    let rows = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
    let plan = LogicalPlanBuilder::scan("source", provider_as_source(Arc::new(rows)), None).unwrap().build().unwrap();
    let snapshot = table.inner.snapshot().ok().map(|state| state.snapshot().clone());
    let mode = if overwrite { deltalake::protocol::SaveMode::Overwrite } else { deltalake::protocol::SaveMode::Append };
    let schema = source.schema();
    let mut builder = WriteBuilder::new(table.inner.log_store(), snapshot)
        .with_save_mode(mode)
        .with_writer_properties(FileOptions::default().properties(&schema))
        .with_input_plan(plan);
    if let Some((new, properties)) = new {
        builder = builder.with_partition_columns(new.partition_columns.clone());
        builder = builder.with_configuration(properties.into_iter().map(|(key, value)| (key, Some(value))));
        builder = builder.with_table_name(new.name.clone().unwrap()).with_description(new.comment.clone().unwrap());
    }
    table.wait(async move { builder.await }).unwrap().unwrap();
}

#[test]
fn the_commit_is_what_deltalake_itself_would_make() {
    let days: Vec<(i32, u8)> = (0..300).map(|n| (n % 7, (n % 5) as u8)).collect();
    let mut new = by_day_and_region();
    new.name = Some("sales".into());
    new.comment = Some("of all regions".into());
    let properties = [
        ("delta.enableChangeDataFeed", "true"),
        ("delta.dataSkippingStatsColumns", "row,text"),
        ("delta.logRetentionDuration", "interval 7 days"),
    ];
    new.properties = properties.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let (ours, theirs) = (Fixture::new(), Fixture::new());
    let mut source = sales(&days, 50);
    let creating = WriteOptions { create: Some(new.clone()), held_bytes: Some(2_000), ..WriteOptions::default() };
    committed(ours.open().write(&mut source, &creating, &CommitOptions::default()).unwrap());
    let properties = ours.open().properties().unwrap().into_iter().collect();
    by_deltalake(&theirs, &mut source, Some((&new, properties)), false);
    let mut fewer = sales(&days[..90], 50);
    for overwrite in [false, true] {
        let mode = if overwrite { WriteMode::Overwrite } else { WriteMode::Append };
        let options = WriteOptions { mode, held_bytes: Some(1), ..WriteOptions::default() };
        committed(ours.open().write(&mut fewer, &options, &CommitOptions::default()).unwrap());
        by_deltalake(&theirs, &mut fewer, None, overwrite);
    }
    let (ours, theirs) = (commits(&ours), commits(&theirs));
    assert_eq!(ours.len(), 3);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(comparable(ours), comparable(theirs));
    }
}

/// Gives so many batches, then fails.
struct Failing(Batches, usize);

impl Source for Failing {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn open(&mut self) -> Result<Box<dyn RecordBatchReader + '_>, arrow::error::ArrowError> {
        let (schema, good) = (self.schema(), self.1);
        let batches = self.0.open()?.collect::<Vec<_>>().into_iter();
        let failed = || Err(arrow::error::ArrowError::ComputeError("the cable is out".into()));
        let batches = batches.enumerate().map(move |(index, batch)| if index < good { batch } else { failed() });
        Ok(Box::new(arrow::array::RecordBatchIterator::new(batches, schema)))
    }

    fn can_open_again(&self) -> bool {
        true
    }
}

#[test]
fn a_source_that_fails_leaves_no_file_and_no_commit() {
    let days: Vec<(i32, u8)> = (0..3_000).map(|n| (n / 500, (n % 9) as u8)).collect();
    let fixture = Fixture::new();
    committed(fixture.open().write(&mut sales(&days[..10], 5), &options(None), &CommitOptions::default()).unwrap());
    let before = walk(fixture.folder.path());
    for good in [0, 1, 20, 59] {
        let error =
            fixture.open().write(&mut Failing(sales(&days, 50), good), &options(Some(3_000)), &CommitOptions::default()).unwrap_err();
        assert!(error.to_string().contains("the cable is out"), "{error}");
        assert_eq!(walk(fixture.folder.path()), before, "{good}");
    }
}

#[test]
fn what_looks_at_each_row_is_left_to_plans() {
    let days = [(1, 1), (2, 2), (9, 3)];
    let fixture = Fixture::new();
    committed(fixture.open().write(&mut sales(&days, 2), &options(None), &CommitOptions::default()).unwrap());
    let constraint = Alter::AddConstraint { name: "positive".into(), expression: "row >= 0".into() };
    fixture.open().alter(&constraint, &CommitOptions::default()).unwrap();
    let mut wrong = given(&mut sales(&days, 3));
    let mut columns = wrong.columns().to_vec();
    columns[0] = Arc::new(Int64Array::from(vec![1, -1, 1]));
    wrong = RecordBatch::try_new(wrong.schema(), columns).unwrap();
    let mut source = Batches::new(wrong.schema(), vec![wrong]);
    let error = fixture.open().write(&mut source, &options(None), &CommitOptions::default()).unwrap_err();
    assert!(error.to_string().contains("row"), "{error}");
    assert_eq!(ids_of_rows(&fixture), [0, 1, 2]);
}

fn ids_of_rows(fixture: &Fixture) -> Vec<i64> {
    let found = read(&fixture.open(), &Scan { columns: Some(vec!["row".into()]), ..Scan::default() });
    let mut rows = found.column(0).as_primitive::<Int64Type>().values().to_vec();
    rows.sort_unstable();
    rows
}

const CHILD: &str = "OLBRIDGE_DELTA_TEST_PARTITIONS";

#[test]
fn memory_does_not_follow_the_number_of_partitions() {
    if let Ok(partitions) = std::env::var(CHILD) {
        let partitions: i32 = partitions.parse().unwrap();
        let days: Vec<(i32, u8)> = (0..60_000).map(|n| (n % partitions, 0)).collect();
        committed(Fixture::new().open().write(&mut sales(&days, 6_000), &options(None), &CommitOptions::default()).unwrap());
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        eprintln!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
        return;
    }
    let peak_kib = |partitions: i32| {
        let name = "table::tests::partitions::memory_does_not_follow_the_number_of_partitions";
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let done = command.args(["--exact", name, "--nocapture"]).env(CHILD, partitions.to_string()).output().unwrap();
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{text}");
        let line = text.lines().find(|line| line.starts_with("VmHWM")).map(str::to_owned);
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
    };
    let (Some(few), Some(many)) = (peak_kib(10), peak_kib(1_500)) else {
        eprintln!("SKIPPED: memory_does_not_follow_the_number_of_partitions: no /proc here");
        return;
    };
    eprintln!("peak memory: {few} KiB with 10 partitions, {many} KiB with 1,500");
    assert!(many < few + 100_000, "{few} KiB with 10 partitions, {many} KiB with 1,500");
}

/// What cannot be written is refused before a row of the source is read.
#[test]
fn a_partitioned_table_that_is_append_only_keeps_its_rows() {
    struct Unread(Arc<Schema>);
    impl Source for Unread {
        fn schema(&self) -> Arc<Schema> {
            Arc::clone(&self.0)
        }
        fn open(&mut self) -> Result<Box<dyn RecordBatchReader + '_>, arrow::error::ArrowError> {
            panic!("the source was opened");
        }
        fn can_open_again(&self) -> bool {
            true
        }
    }
    let fixture = Fixture::new();
    let mut table = fixture.open();
    committed(table.write(&mut sales(&[(1, 1), (2, 2)], 2), &options(None), &CommitOptions::default()).unwrap());
    let set = Alter::SetProperties([("delta.appendOnly".to_owned(), Some("true".to_owned()))].into());
    table.alter(&set, &CommitOptions::default()).unwrap();
    committed(table.write(&mut sales(&[(3, 3)], 1), &WriteOptions::default(), &CommitOptions::default()).unwrap());
    let overwrite = WriteOptions { mode: WriteMode::Overwrite, ..WriteOptions::default() };
    let error = table.write(&mut Unread(sales(&[], 1).schema()), &overwrite, &CommitOptions::default()).unwrap_err();
    assert!(error.to_string().to_lowercase().contains("append"), "{error}");
    assert_eq!(fixture.open().count_rows(None).unwrap(), 3);
}
