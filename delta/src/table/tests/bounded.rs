//! What does not fit into memory: the same results, within the bound.

use std::process::Command;

use arrow::array::RecordBatchReader;
use arrow::error::ArrowError;

use super::merge_model::{Action, Condition, Row, model, rows_of, source_of};
use super::*;
use crate::table::{Assignments, Clause};

/// Numbers in no order: the same each time.
fn scattered(number: u64) -> u64 {
    let mixed = (number ^ (number >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

fn some_rows(ids: impl Iterator<Item = u64>, seed: u64) -> Vec<Row> {
    let text = |id: u64| format!("{:x}{:x}", scattered(id + seed), scattered(id + seed + 1)).repeat(24);
    let id = |id: u64| (!scattered(id).is_multiple_of(97)).then_some((scattered(id) >> 1) as i64);
    ids.map(|number| (id(number), (!number.is_multiple_of(7)).then_some((scattered(number + seed) % 10) as i64), Some(text(number))))
        .collect()
}

/// Keys in all files, several batches of a source that does not fit, clauses that change few rows, many, and those that nothing matches: as the model.
#[test]
fn a_merge_that_goes_to_disk_does_what_its_clauses_say() {
    let sets: [&[Action]; 5] = [
        &[Action::UpdateAll(Condition::None), Action::Insert(Condition::None)],
        &[
            Action::UpdateAll(Condition::TargetBelowSource),
            Action::Delete(Condition::SourceAbove(7)),
            Action::Insert(Condition::SourceAbove(4)),
        ],
        &[
            Action::Append(Condition::TargetAbove(8)),
            Action::CountUp(Condition::TargetAbove(6)),
            Action::DeleteUnmatched(Condition::TargetAbove(3)),
        ],
        &[Action::CountUp(Condition::None)],
        &[Action::Insert(Condition::SourceIsNull)],
    ];
    for (number, actions) in sets.into_iter().enumerate() {
        for feed in [false, true].into_iter().take(if number < 3 { 2 } else { 1 }) {
            let fixture = Fixture::new();
            let mut table = fixture.open();
            let mut options = creating();
            if let (true, Some(new)) = (feed, &mut options.create) {
                new.properties.insert("delta.enableChangeDataFeed".into(), "true".into());
            }
            let files: Vec<Vec<Row>> = (0..4).map(|file| some_rows((0..2500).map(|n| n * 4 + file), 1)).collect();
            for rows in &files {
                table.write(&mut source_of(rows), &options, &CommitOptions::default()).unwrap();
            }
            let source = some_rows(4000..16_000, 2);
            let batches = source.chunks(1000).map(source_of).map(|mut part| part.open().unwrap().next().unwrap().unwrap());
            let mut parts = Batches::new(source_of(&[]).schema(), batches.collect());
            table.set_memory(24 << 20);
            let merge = Merge {
                on: Merge::on_keys(&["id".into()]),
                clauses: actions.iter().map(|action| action.clause()).collect(),
                ..Merge::default()
            };
            let metrics = committed(table.merge(&mut parts, &merge, &CommitOptions::default()).unwrap());
            assert_eq!(metrics.source_rows, 12_000);
            assert!(rows_of(&fixture.open()) == model(&files.concat(), &source, Condition::None, actions), "{number} {feed}");
        }
    }
}

/// Rows that no row of a table matches, by which a source is too large to be held in [`LITTLE`] memory.
fn filling() -> Vec<Row> {
    (0..2000).map(|number| (Some(1_000_000 + number), Some(0), Some("fill".repeat(60)))).collect()
}

const LITTLE: usize = 1 << 20;

/// A row of the table that several rows of the source match, none of which changes it, stays, and stays one.
#[test]
fn a_row_that_several_rows_match_stays_one_whichever_way_they_are_joined() {
    let row = |id: i64, n: i64, s: &str| -> Row { (Some(id), Some(n), Some(s.into())) };
    let only = |set: &str| Assignments::Only(vec![("s".into(), set.into())]);
    let update = Clause::MatchedUpdate { condition: Some("source.n > 5".into()), set: only("source.s") };
    let delete_rest = Clause::NotMatchedBySourceDelete { condition: Some("target.n > 6".into()) };
    let target = [row(1, 1, "a"), row(2, 2, "b"), row(3, 3, "c"), row(4, 4, "d"), row(8, 8, "h")];
    // Two that change nothing, one of each, one that changes, and one that does not.
    let source = [row(1, 0, "x"), row(1, 1, "y"), row(2, 0, "x"), row(2, 9, "new"), row(3, 9, "new"), row(4, 0, "x")];
    let updated = vec![row(1, 1, "a"), row(2, 2, "new"), row(3, 3, "new"), row(4, 4, "d"), row(8, 8, "h")];
    let cases = [
        (vec![update.clone()], updated.clone()),
        (vec![update, delete_rest.clone()], updated[..4].to_vec()),
        (vec![delete_rest], target[..4].to_vec()),
    ];
    for (clauses, expected) in cases {
        for memory in [None, Some(LITTLE)] {
            let fixture = Fixture::new();
            let mut table = fixture.open();
            committed(table.write(&mut source_of(&target), &creating(), &CommitOptions::default()).unwrap());
            memory.into_iter().for_each(|memory| table.set_memory(memory));
            let merge = Merge { on: Merge::on_keys(&["id".into()]), clauses: clauses.clone(), ..Merge::default() };
            committed(table.merge(&mut source_of(&[&source[..], &filling()].concat()), &merge, &CommitOptions::default()).unwrap());
            assert_eq!(rows_of(&fixture.open()), expected, "{memory:?} {clauses:?}");
        }
    }
}

/// NaN equals NaN, zeros of both signs are one, and NULL equals nothing, whichever way the sides are joined.
#[test]
fn keys_that_are_floats_are_joined_alike_either_way() {
    let keyed = |keys: &[Option<f64>], text: &str, filling: i64| {
        let filled = (0..filling).map(|number| Some(1e9 + number as f64));
        let keys: arrow::array::Float64Array = keys.iter().copied().chain(filled).collect();
        let texts: StringArray = (0..arrow::array::Array::len(&keys)).map(|_| Some(text.repeat(60))).collect();
        columns(vec![("k", Arc::new(keys) as ArrayRef), ("s", Arc::new(texts))])
    };
    for memory in [None, Some(LITTLE)] {
        let fixture = Fixture::new();
        let mut table = fixture.open();
        committed(
            table
                .write(&mut keyed(&[Some(f64::NAN), Some(-0.0), Some(1.5), None], "old", 0), &creating(), &CommitOptions::default())
                .unwrap(),
        );
        memory.into_iter().for_each(|memory| table.set_memory(memory));
        let merge = Merge { key: Vec::new(), ..Merge::upsert(&["k".into()]) };
        let mut source = keyed(&[Some(f64::NAN), Some(0.0), Some(2.5), None], "new", 2000);
        let metrics = committed(table.merge(&mut source, &merge, &CommitOptions::default()).unwrap());
        assert_eq!((metrics.rows_updated, metrics.rows_inserted), (2, 2002), "{memory:?}");
        assert_eq!(table.count_rows(Some("k = 0")).unwrap(), 1);
        assert_eq!(committed(table.delete(Some("k <= 0"), &CommitOptions::default()).unwrap()).rows, Some(1));
        // Both zeros are one key.
        let twice = table.merge(&mut keyed(&[Some(0.0), Some(-0.0)], "twice", 0), &Merge::upsert(&["k".into()]), &CommitOptions::default());
        assert!(matches!(twice, Err(Error::Value { row: 2, .. })), "{twice:?}");
    }
}

/// A join by comparison alone holds its source: one that does not fit is refused, and told what helps.
#[test]
fn rows_are_matched_by_comparison_where_nothing_is_equal_and_the_source_fits() {
    let merge = |memory: usize| {
        let fixture = Fixture::new();
        let mut table = fixture.open();
        let target: Vec<Row> = (0..20).map(|n| (Some(n), Some(n), Some("old".into()))).collect();
        committed(table.write(&mut source_of(&target), &creating(), &CommitOptions::default()).unwrap());
        table.set_memory(memory);
        let clauses = vec![Clause::MatchedDelete { condition: None }, Clause::NotMatchedInsert { condition: None, set: Assignments::All }];
        let merge = Merge { on: "target.id > source.id and target.id < source.id + 6".into(), clauses, ..Merge::default() };
        let source = [vec![(Some(10), Some(0), Some("new".into()))], filling()].concat();
        let merged = table.merge(&mut source_of(&source), &merge, &CommitOptions::default());
        (merged, ids(&fixture.open()).len())
    };
    let (merged, rows) = merge(64 << 20);
    let metrics = committed(merged.unwrap());
    assert_eq!((metrics.rows_deleted, metrics.rows_inserted, rows), (5, 2000, 2015));
    let (merged, rows) = merge(LITTLE);
    let error = merged.unwrap_err().to_string();
    assert!(error.contains("OLBRIDGE_DELTA_MEMORY_MB") && rows == 20, "{error}");
}

/// Files whose keys are all beyond those of the source are not read, whichever way the sides are joined.
#[test]
fn files_without_a_key_of_the_source_are_not_read() {
    for memory in [None, Some(LITTLE)] {
        let fixture = Fixture::new();
        let mut table = fixture.open();
        for file in 0..5i64 {
            let rows: Vec<Row> = (0..100).map(|n| (Some(file * 2_000_000 + n), Some(n), None)).collect();
            committed(table.write(&mut source_of(&rows), &creating(), &CommitOptions::default()).unwrap());
        }
        memory.into_iter().for_each(|memory| table.set_memory(memory));
        let source = [vec![(Some(7), Some(7), Some("new".into()))], filling()].concat();
        committed(table.merge(&mut source_of(&source), &Merge::upsert(&["id".into()]), &CommitOptions::default()).unwrap());
        let newest = fixture.open().history(Some(1)).unwrap().remove(0);
        assert_eq!(newest.info["operationMetrics"]["num_target_files_scanned"], 1, "{memory:?} {newest:?}");
    }
}

/// A source of rows that are made as they are asked for.
struct Made {
    rows: u64,
    step: u64,
}

impl Source for Made {
    fn schema(&self) -> SchemaRef {
        source_of(&[]).schema()
    }

    fn open(&mut self) -> std::result::Result<Box<dyn RecordBatchReader + '_>, ArrowError> {
        let step = self.step;
        let batch = move |from: u64| {
            let rows: Vec<Row> = (from..from + 4000)
                .map(|number| {
                    let text = format!("{:x}{:x}{:x}", scattered(number), scattered(number + 1), scattered(number + 2)).repeat(4);
                    (Some((scattered(number * step) >> 1) as i64), Some(number as i64), Some(text))
                })
                .collect();
            source_of(&rows).open()?.next().unwrap_or_else(|| unreachable!())
        };
        let batches = (0..self.rows).step_by(4000).map(batch);
        Ok(Box::new(arrow::array::RecordBatchIterator::new(batches, self.schema())))
    }

    fn can_open_again(&self) -> bool {
        true
    }
}

fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

const ROWS: &str = "OLBRIDGE_TEST_ROWS";

/// What a step has held at most, on Linux.
fn measured(step: &str, rows: u64, run: impl FnOnce()) {
    // The peak begins anew.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    run();
    println!("PEAK {step} {rows} {}", peak_bytes() >> 20);
}

/// The process that [`memory_does_not_grow_with_the_rows`] starts. Run by hand with `OLBRIDGE_TEST_ROWS=4000000` it tells the figures.
#[test]
#[ignore = "another test runs it in a process of its own"]
fn in_a_process_of_its_own() {
    let rows: u64 = std::env::var(ROWS).unwrap().parse().unwrap();
    let fixture = Fixture::new();
    let mut table = fixture.open();
    // What readers and writers of files hold is not what this is about.
    table.set_file_options(FileOptions { row_group_rows: Some(8000), ..FileOptions::default() });
    table.set_memory(16 << 20);
    let (key, mut options) = (["id".to_owned()], creating());
    let new = options.create.as_mut().unwrap();
    new.properties.insert("delta.targetFileSize".into(), "4000000".into());
    let commit = CommitOptions::default();
    let made = |step: u64| Made { rows, step };
    measured("write", rows, || assert_eq!(committed(table.write(&mut made(1), &options, &commit).unwrap()).rows_written, rows));
    measured("merge few", rows, || {
        let few = committed(table.merge(&mut Made { rows: 4000, step: 1 }, &Merge::upsert(&key), &commit).unwrap());
        assert_eq!((few.rows_updated, few.rows_inserted), (4000, 0));
    });
    measured("merge many", rows, || {
        let many = committed(table.merge(&mut made(2), &Merge::upsert(&key), &commit).unwrap());
        assert_eq!((many.source_rows, many.rows_updated, many.rows_inserted), (rows, rows / 2, rows / 2));
    });
    measured("merge none", rows, || {
        let clauses = vec![Clause::MatchedUpdate { condition: Some("source.n < 0".into()), set: Assignments::All }];
        let merge = Merge { on: Merge::on_keys(&key), clauses, ..Merge::default() };
        let none = committed(table.merge(&mut made(2), &merge, &commit).unwrap());
        assert_eq!((none.rows_updated, none.files_removed), (0, 0));
    });
    measured("update", rows, || {
        let updated = committed(table.update(&[("n".into(), "n + 1".into())], Some("n % 2 = 0"), &commit).unwrap());
        assert!(updated.rows.unwrap() >= rows / 2);
    });
    measured("delete", rows, || assert!(committed(table.delete(Some("n % 3 = 0"), &commit).unwrap()).rows > Some(0)));
    measured("net", rows, || {
        let query = NetQuery { after: 0, keys: key.to_vec(), columns: ["id", "n", "s"].map(String::from).to_vec(), way: ChangeWay::Files };
        assert!(table.net_changes(&query).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>() > 0);
    });
    measured("optimize", rows, || {
        let options = OptimizeOptions { z_order: vec!["n".into()], ..OptimizeOptions::default() };
        committed(table.optimize(&options, &commit).unwrap());
    });
}

/// Four times the rows, in the source and in the table: the same memory.
#[test]
fn memory_does_not_grow_with_the_rows() {
    if !cfg!(target_os = "linux") {
        return eprintln!("SKIPPED: the peak of a process is read from /proc");
    }
    let peaks = |rows: u64| -> Vec<(String, u64)> {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "table::tests::bounded::in_a_process_of_its_own", "--ignored", "--nocapture"]);
        let done = child.env(ROWS, rows.to_string()).output().unwrap();
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{text}{}", String::from_utf8_lossy(&done.stderr));
        let split = |line: &str| line.strip_prefix("PEAK ")?.rsplit_once(' ').map(|(step, peak)| (step.to_owned(), peak.parse().unwrap()));
        text.lines().filter_map(split).collect()
    };
    let (little, much) = (peaks(40_000), peaks(160_000));
    println!("{little:?}\n{much:?}");
    assert_eq!(much.len(), 8);
    for ((_, little), (step, much)) in little.iter().zip(&much) {
        assert!(*much < little + 64, "{step}: {much} MB, and {little} with a quarter of the rows");
    }
}

/// The process that [`what_goes_to_disk_needs_few_descriptors`] starts.
#[test]
#[ignore = "another test runs it in a process of its own"]
fn with_few_descriptors() {
    let rows = 24_000;
    let fixture = Fixture::new();
    let mut table = fixture.open();
    table.set_memory(4 << 20);
    let commit = CommitOptions::default();
    committed(table.write(&mut Made { rows, step: 1 }, &creating(), &commit).unwrap());
    let merged = committed(table.merge(&mut Made { rows, step: 2 }, &Merge::upsert(&["id".to_owned()]), &commit).unwrap());
    assert_eq!((merged.rows_updated, merged.rows_inserted), (rows / 2, rows / 2));
    // Rows of files without a change wait to the end.
    let clauses = vec![Clause::MatchedUpdate { condition: Some("source.n < 0".into()), set: Assignments::All }];
    let merge = Merge { on: Merge::on_keys(&["id".into()]), clauses, ..Merge::default() };
    assert_eq!(committed(table.merge(&mut Made { rows, step: 2 }, &merge, &commit).unwrap()).files_removed, 0);
    committed(table.optimize(&OptimizeOptions { z_order: vec!["n".into()], ..OptimizeOptions::default() }, &commit).unwrap());
    assert_eq!(table.count_rows(None).unwrap(), rows * 3 / 2);
    println!("DONE");
}

/// Hundreds of runs on disk, and 64 descriptors for everything.
#[cfg(unix)]
#[test]
fn what_goes_to_disk_needs_few_descriptors() {
    let mut child = Command::new("sh");
    child.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    child.args(["--exact", "table::tests::bounded::with_few_descriptors", "--ignored", "--nocapture"]);
    let done = child.output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success() && text.contains("DONE"), "{text}{}", String::from_utf8_lossy(&done.stderr));
}
