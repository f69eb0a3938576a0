//! `copy::CopyJob` as a library user drives it, on the embedded engine in this process: cancelling, and listeners that panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use olbridge::Error;
use olbridge::arrow::array::{ArrayRef, StringArray};
use olbridge::copy::{Cancel, CopyJob, Mode, NoProgress, Progress, ProgressEvent, Target};
use olbridge::oci::Session;
use olbridge::oracle_type::TableName;

use crate::loader_api::engine_directory;
use crate::support::Workspace;
use crate::support::tables::{ids, table};

/// A session of a database file, and a job that creates T in it from 1000 rows, 100 at a time.
fn job(workspace: &Workspace) -> (Session, CopyJob) {
    let texts: ArrayRef = Arc::new((0..1000).map(|n| Some(format!("text {n}"))).collect::<StringArray>());
    workspace.parquet("t.parquet", &[table(vec![("id", ids(0..1000)), ("t", texts)])]);
    let target: Target = format!("embedded:{}/T", workspace.file("api.db").display()).parse().unwrap();
    let mut options = target.connect_options(None);
    options.client_lib_dir = Some(engine_directory());
    let mut job = CopyJob::new(vec![workspace.file("t.parquet").to_str().unwrap().to_owned()], target);
    job.mode = Mode::Create;
    job.batch_rows = Some(100);
    (Session::connect(&options).unwrap(), job)
}

fn exists(session: &Session) -> bool {
    session.describe_table(&TableName { schema: None, table: "T".into() }).unwrap().is_some()
}

/// Calls `hear` for each event.
struct Listener<F>(F);

impl<F: FnMut(&ProgressEvent)> Progress for Listener<F> {
    fn event(&mut self, event: &ProgressEvent) {
        (self.0)(event);
    }
}

#[test]
fn hurry_leaves_rollback_commit_and_clean_up_alone() {
    let workspace = Workspace::new();
    let (mut session, job) = job(&workspace);
    let cancel = Cancel::new();
    let mut heard = Vec::new();
    let mut listener = Listener(|event: &ProgressEvent| {
        if matches!(event, ProgressEvent::Batch { .. } | ProgressEvent::RollingBack { .. }) {
            heard.push((matches!(event, ProgressEvent::Batch { .. }), cancel.hurry()));
        }
    });
    let error = job.plan(&session).unwrap().run(&mut session, &mut listener, &cancel).unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error}");
    assert_eq!(heard, [(true, true), (false, false)], "a batch may be broken off, the rollback may not");
    assert!(!exists(&session));

    let cancel = Cancel::new();
    let mut after_commit = None;
    let mut listener = Listener(|event: &ProgressEvent| {
        if matches!(event, ProgressEvent::Committed { .. }) {
            after_commit = Some(cancel.hurry());
        }
    });
    let report = job.plan(&session).unwrap().run(&mut session, &mut listener, &cancel).unwrap();
    assert_eq!((report.rows_loaded, after_commit), (1000, Some(false)));
    assert!(!cancel.hurry(), "nothing runs any more");
}

#[test]
fn a_cancelled_plan_moves_nothing() {
    let workspace = Workspace::new();
    let (mut session, job) = job(&workspace);
    let cancel = Cancel::new();
    let plan = job.plan_until(&session, &cancel).unwrap();
    cancel.request();
    for error in [job.plan_until(&session, &cancel).unwrap_err(), plan.run(&mut session, &mut NoProgress, &cancel).unwrap_err()] {
        assert_eq!(error.to_string(), "interrupted: rolled back, nothing of this job is in T");
    }
    assert!(!exists(&session));
}

#[test]
fn a_panic_rolls_back_and_drops_the_table_that_was_created() {
    let workspace = Workspace::new();
    let (mut session, job) = job(&workspace);
    let run = |session: &mut Session, at: fn(&ProgressEvent) -> bool| {
        let mut listener = Listener(|event: &ProgressEvent| assert!(!at(event), "a listener with a defect"));
        let plan = job.plan(session).unwrap();
        catch_unwind(AssertUnwindSafe(|| plan.run(session, &mut listener, &Cancel::new()).map(|_| ())))
    };
    assert!(run(&mut session, |event| matches!(event, ProgressEvent::Batch { .. })).is_err());
    assert!(!exists(&session));
    // After the commit the rows are there to stay.
    assert!(run(&mut session, |event| matches!(event, ProgressEvent::Committed { .. })).is_err());
    assert!(exists(&session));
}

#[test]
fn refused_rows_are_kept_when_a_listener_panics_after_a_commit() {
    let workspace = Workspace::new();
    let (mut session, job) = job(&workspace);
    session.execute_sql(olbridge::error::Phase::Ddl, None, "CREATE TABLE T (ID NUMBER CHECK (ID <> 3), T VARCHAR2(20))").unwrap();
    let file = workspace.file("refused.ndjson");
    let job = CopyJob {
        mode: Mode::Append,
        on_error: olbridge::copy::OnError::Reject { file: file.clone(), max_rows: None },
        commit: olbridge::transaction::CommitPolicy::EveryRows(std::num::NonZeroU64::new(50).unwrap()),
        ..job
    };
    let mut commits = 0;
    let mut listener = Listener(|event: &ProgressEvent| {
        if matches!(event, ProgressEvent::Committed { .. }) {
            commits += 1;
            assert!(commits < 2, "on purpose");
        }
    });
    let plan = job.plan(&session).unwrap();
    catch_unwind(AssertUnwindSafe(|| plan.run(&mut session, &mut listener, &Cancel::new()))).unwrap_err();
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.lines().count() == 1 && kept.contains("text 3"), "{kept}");
}
