//! A load that converts the next batch while the present one is executed does what one thread would do: the same rows, refusals, commits and errors.

use std::cell::Cell;
use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use olbridge::copy::{Cancel, CopyJob, CopyReport, OnError, Progress, ProgressEvent, Target};
use olbridge::error::{Error, Phase};
use olbridge::oci::Session;
use olbridge::transaction::CommitPolicy;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::loader_api::session_with_table;
use crate::support::Workspace;
use crate::support::tables::table;

const COLUMNS: &str = "ID NUMBER(3) PRIMARY KEY, T VARCHAR2(300) NOT NULL, N NUMBER(4)";

/// What a run leaves behind and tells, without times.
#[derive(Debug, PartialEq)]
struct Outcome {
    told: Result<(u64, u64, u64, u64), String>,
    rows: Vec<String>,
    commits: Vec<u64>,
    rejects: Option<String>,
}

struct Commits(Vec<u64>);

impl Progress for Commits {
    fn event(&mut self, event: &ProgressEvent) {
        if let ProgressEvent::Committed { rows_committed } = event {
            self.0.push(*rows_committed);
        }
    }
}

fn connect(workspace: &Workspace) -> (Session, Target) {
    let session = session_with_table(workspace, COLUMNS);
    (session, format!("embedded:{}/T", workspace.file("api.db").display()).parse().unwrap())
}

/// One row of the source, and how much of it is wrong.
type Row = (i64, usize, Option<i64>);

fn batch(rows: &[Row]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| "x".repeat(row.1))));
    let numbers: ArrayRef = Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>());
    table(vec![("id", ids), ("t", texts), ("n", numbers)])
}

#[derive(Debug, Clone)]
struct Case {
    rows: Vec<Row>,
    batch_rows: u32,
    commit_rows: Option<u64>,
    /// Bad rows are refused, and how many may be.
    rejects: Option<Option<u64>>,
}

fn run(case: &Case, overlap: bool) -> (Outcome, Option<CopyReport>) {
    let workspace = Workspace::new();
    let (mut session, target) = connect(&workspace);
    workspace.parquet("t.parquet", &[batch(&case.rows)]);
    let mut job = CopyJob::new(vec![workspace.file("t.parquet").display().to_string()], target);
    (job.batch_rows, job.overlap) = (Some(case.batch_rows), overlap);
    if let Some(rows) = case.commit_rows {
        job.commit = CommitPolicy::EveryRows(rows.try_into().unwrap());
    }
    let file = workspace.file("bad.ndjson");
    if let Some(max_rows) = case.rejects {
        job.on_error = OnError::Reject { file: file.clone(), max_rows };
    }
    let mut commits = Commits(Vec::new());
    let ran = job.plan(&session).and_then(|plan| plan.run(&mut session, &mut commits, &Cancel::new()));
    let in_workspace = |text: String| text.replace(&workspace.path().display().to_string(), "");
    let told = ran.as_ref().map(|r| (r.rows_loaded, r.rows_rejected_convert, r.rows_rejected_execute, r.executes));
    let told = told.map_err(|error: &Error| in_workspace(error.to_string()));
    let mut rows = Vec::new();
    session
        .query_text("SELECT ID || ' ' || LENGTH(T) || ' ' || N FROM T ORDER BY ID", &mut |values| {
            rows.push(values[0].clone().unwrap());
            Ok(())
        })
        .unwrap();
    let rejects = std::fs::read_to_string(&file).ok().map(in_workspace);
    (Outcome { told, rows, commits: commits.0, rejects }, ran.ok())
}

fn cases() -> impl Strategy<Value = Case> {
    // Keys that come twice, texts that are empty, too long or wider than the buffers begin with, numbers that are too large here or there.
    let row = (
        0..1200_i64,
        prop_oneof![30 => 1..20_usize, 5 => 40..300_usize, 1 => Just(0_usize), 1 => 301..305_usize],
        prop::option::weighted(0.9, prop_oneof![40 => 0..9999_i64, 1 => 9999..10_002_i64]),
    );
    let rejects = prop::option::weighted(0.7, prop::option::of(0..200_u64));
    let rows = prop::collection::vec(row, 0..700);
    (rows, 1..90_u32, prop::option::weighted(0.4, 1..300_u64), rejects).prop_map(|(mut rows, batch_rows, commit_rows, rejects)| {
        if rejects.is_none() {
            // Most of these end at an early row; some shall get far.
            for (index, row) in rows.iter_mut().enumerate() {
                if index % 400 != 399 {
                    *row = (index as i64, row.1.clamp(1, 300), row.2.map(|n| n.min(9999)));
                }
            }
        }
        Case { rows, batch_rows, commit_rows, rejects }
    })
}

#[test]
fn overlapping_changes_nothing_but_the_time() {
    let ends = [Cell::new(0), Cell::new(0)];
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    runner
        .run(&cases(), |case| {
            let ((there, report), (here, alone)) = (run(&case, true), run(&case, false));
            prop_assert_eq!(&there, &here);
            let end = &ends[usize::from(there.told.is_ok() && there.rejects.is_some())];
            end.set(end.get() + 1);
            if let (Some(report), Some(alone)) = (report, alone) {
                prop_assert!(report.times.overlapped && !alone.times.overlapped);
                prop_assert_eq!(report.peak_buffer_bytes, 2 * alone.peak_buffer_bytes);
            }
            Ok(())
        })
        .unwrap();
    // And the cases were of both kinds.
    let ends = ends.map(Cell::into_inner);
    assert!(ends.iter().all(|&count| count > 3), "{ends:?}");
}

#[test]
fn a_source_that_breaks_off_does_not_hide_the_bad_row_before() {
    for overlap in [false, true] {
        let workspace = Workspace::new();
        let (mut session, target) = connect(&workspace);
        session.execute_sql(Phase::Execute, None, "INSERT INTO T VALUES (7, 'x', 1)").unwrap();
        let good: Vec<Row> = (0..500).map(|id| (id, 3, Some(1))).collect();
        workspace.parquet("a.parquet", &[batch(&good)]);
        workspace.parquet("b.parquet", &[batch(&good)]);
        let mut job =
            CopyJob::new(["a", "b"].map(|name| workspace.file(&format!("{name}.parquet")).display().to_string()).to_vec(), target);
        (job.batch_rows, job.overlap) = (Some(50), overlap);
        let plan = job.plan(&session).unwrap();
        std::fs::remove_file(workspace.file("b.parquet")).unwrap();
        let error = plan.run(&mut session, &mut olbridge::copy::NoProgress, &Cancel::new()).unwrap_err().to_string();
        assert!(error.contains("a.parquet row 8") && error.contains("ORA-00001"), "{overlap}: {error}");
    }
}
