//! `load::Loader` and `Transaction` as a library user drives them, on the embedded engine in this process.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, Decimal128Array, DictionaryArray, RecordBatch, StringArray};
use olbridge::arrow::datatypes::Int32Type;
use olbridge::copy::Target;
use olbridge::error::Phase;
use olbridge::layout::{DateTimeFields, Layout};
use olbridge::load::{ColumnPair, LoadOptions, LoadPlan, Loader};
use olbridge::oci::{ArrayMode, Session};
use olbridge::oracle_type::{DatabaseCharset, TableName};
use olbridge::transaction::Transaction;
use olbridge::type_map::{LossyKind, LossySet};

use crate::support::tables::{ids, table};
use crate::support::{TIME_LIMIT, Workspace, finish};

/// Where cargo has built the embedded engine.
pub fn engine_directory() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_olbridge")).parent().unwrap().join("deps")
}

/// A session of a database file that exists only for the test, with table T of these columns.
pub fn session_with_table(workspace: &Workspace, columns: &str) -> Session {
    let target: Target = format!("embedded:{}/T", workspace.file("api.db").display()).parse().unwrap();
    let mut options = target.connect_options(None);
    options.client_lib_dir = Some(engine_directory());
    let session = Session::connect(&options).unwrap();
    session.execute_sql(Phase::Ddl, None, &format!("CREATE TABLE T ({columns})")).unwrap();
    session
}

/// The columns of `batch` into the columns of T, one to one.
pub fn plan(session: &Session, batch: &RecordBatch) -> LoadPlan {
    let name = TableName { schema: None, table: "T".into() };
    let table = session.describe_table(&name).unwrap().unwrap();
    let pair = |(index, target): (usize, _)| ColumnPair { source_index: index, field: batch.schema().field(index).clone(), target };
    let pairs: Vec<ColumnPair> = table.columns.into_iter().enumerate().map(pair).collect();
    LoadPlan::new(&name, &pairs, LoadOptions { batch_rows: Some(100), lossy: LossySet::NONE, ..LoadOptions::default() }).unwrap()
}

fn rows(session: &Session) -> u64 {
    let mut count = None;
    session
        .query_text("SELECT COUNT(*) FROM T", &mut |values| {
            count = values[0].clone();
            Ok(())
        })
        .unwrap();
    count.unwrap().parse().unwrap()
}

fn decimals(scale: i8) -> RecordBatch {
    let values = Decimal128Array::from(vec![12_345]).with_precision_and_scale(10, scale).unwrap();
    table(vec![("id", ids(1..2)), ("d", Arc::new(values) as ArrayRef)])
}

#[test]
fn a_batch_that_is_not_of_the_planned_types_is_refused() {
    let workspace = Workspace::new();
    let mut session = session_with_table(&workspace, "ID NUMBER, D NUMBER(10,2)");
    let load = plan(&session, &decimals(2));
    let others = [
        (decimals(4), "Decimal128(10, 4), the plan has seen Decimal128(10, 2)"),
        (table(vec![("id", ids(1..2))]), "is missing, the batch has 1 columns"),
        (table(vec![("id", ids(1..2)), ("d", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)]), "has Arrow type Utf8"),
    ];
    let transaction = Transaction::begin(&mut session);
    let mut loader = Loader::new(&transaction, load).unwrap();
    loader.write(&decimals(2), None, 1).unwrap();
    let message = loader.write(&others[0].0, None, 2).unwrap_err().to_string();
    assert!(message.contains("T: batch from source row 2: column 2 (d)") && message.contains(others[0].1), "{message}");
    drop(loader);
    for (batch, part) in &others {
        let mut loader = Loader::new(&transaction, plan(transaction.session(), &decimals(2))).unwrap();
        let message = loader.write(batch, None, 1).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn rows_that_were_never_sent_are_not_committed_away() {
    let workspace = Workspace::new();
    let mut session = session_with_table(&workspace, "ID NUMBER");
    let batch = table(vec![("id", ids(0..250))]);
    let load = plan(&session, &batch);
    let transaction = Transaction::begin(&mut session);
    let mut loader = Loader::new(&transaction, load).unwrap();
    loader.write(&batch, None, 1).unwrap();
    drop(loader);
    let message = transaction.commit().unwrap_err().to_string();
    assert!(message.contains("50 rows were written and not sent") && message.contains("Loader::finish"), "{message}");
    assert_eq!(rows(&session), 0, "rolled back");

    let load = plan(&session, &batch);
    let transaction = Transaction::begin(&mut session);
    let mut loader = Loader::new(&transaction, load).unwrap();
    loader.write(&batch, None, 1).unwrap();
    transaction.commit_and_continue().unwrap();
    assert_eq!(loader.finish().unwrap().rows_loaded, 250);
    transaction.commit().unwrap();
    assert_eq!(rows(&session), 250);
}

#[test]
fn a_load_that_failed_is_not_committed() {
    let workspace = Workspace::new();
    let mut session = session_with_table(&workspace, "ID NUMBER PRIMARY KEY");
    let (batch, twice) = (table(vec![("id", ids(0..100))]), table(vec![("id", ids(50..150))]));
    let (first, second, third) = (plan(&session, &batch), plan(&session, &batch), plan(&session, &batch));
    let transaction = Transaction::begin(&mut session);
    let mut loader = Loader::new(&transaction, first).unwrap();
    loader.write(&batch, None, 1).unwrap();
    assert!(loader.write(&twice, None, 101).unwrap_err().to_string().contains("ORA-00001"));
    drop(loader);
    assert!(transaction.commit_and_continue().unwrap_err().to_string().contains("has failed"));
    assert!(transaction.commit().unwrap_err().to_string().contains("has failed"));
    assert_eq!(rows(&session), 0, "rolled back");

    let transaction = Transaction::begin(&mut session);
    let mut loader = Loader::new(&transaction, second).unwrap();
    loader.write(&batch, None, 1).unwrap();
    loader.finish().unwrap();
    transaction.savepoint("BEFORE").unwrap();
    let mut loader = Loader::new(&transaction, third).unwrap();
    assert!(loader.write(&twice, None, 1).is_err());
    drop(loader);
    transaction.rollback_to("BEFORE").unwrap();
    transaction.commit().unwrap();
    assert_eq!(rows(&session), 100);
}

#[test]
fn slots_that_the_client_would_misread_are_refused() {
    let workspace = Workspace::new();
    let session = session_with_table(&workspace, "ID NUMBER, AT TIMESTAMP(9) WITH TIME ZONE");
    let number = Layout::Fixed { external_type: oci_sys::SQLT_VNU, stride_bytes: 22 };
    let layouts = [number, Layout::DateTime { with_zone: true }];
    let mut statement = session.array_statement("INSERT INTO T (ID, AT) VALUES (:1, :2)", &layouts, 2).unwrap();
    let time = DateTimeFields { year: 2026, month: 1, day: 2, nanosecond: 999_999_999, offset_minutes: -899, ..DateTimeFields::default() };
    let mut insert = |length: u8, indicator: i16, time: DateTimeFields| {
        let slots = statement.slots(0, 0..2);
        for slot in slots.values.chunks_exact_mut(22) {
            slot[..3].copy_from_slice(&[2, 193, 2]);
        }
        slots.values[22] = length;
        slots.indicators.copy_from_slice(&[0, indicator]);
        let slots = statement.slots(1, 0..2);
        slots.indicators.fill(0);
        for slot in slots.values.as_chunks_mut().0 {
            time.write_to(slot);
        }
        statement.execute(2, ArrayMode::StopAtFirstError).map(|outcome| outcome.rows_affected).map_err(|error| error.message)
    };
    assert_eq!(insert(2, 0, time), Ok(2));
    assert_eq!(insert(255, -1, time), Ok(2), "a slot of a NULL is nobody's business");
    for length in [0, 22, 255] {
        let message = insert(length, 0, time).unwrap_err();
        assert_eq!(message, format!("placeholder 1, row 2: a NUMBER of {length} bytes; it has 1 to 21"));
    }
    let no_time = [
        DateTimeFields { nanosecond: 1_000_000_000, ..time },
        DateTimeFields { offset_minutes: 841, ..time },
        DateTimeFields { offset_minutes: -900, ..time },
    ];
    for time in no_time {
        let message = insert(2, 0, time).unwrap_err();
        assert!(message.starts_with("placeholder 2, row 1:") && message.ends_with("is no time"), "{message}");
    }
}

#[test]
fn every_value_of_an_array_has_its_own_zone() {
    let workspace = Workspace::new();
    let session = session_with_table(&workspace, "AT TIMESTAMP(9) WITH TIME ZONE");
    let mut statement = session.array_statement("INSERT INTO T (AT) VALUES (:1)", &[Layout::DateTime { with_zone: true }], 5).unwrap();
    let slots = statement.slots(0, 0..5);
    slots.indicators.fill(0);
    for (slot, offset_minutes) in slots.values.as_chunks_mut().0.iter_mut().zip([0, 330, 330, -30, 0]) {
        DateTimeFields { year: 2026, month: 1, day: 2, hour: 12, offset_minutes, ..DateTimeFields::default() }.write_to(slot);
    }
    assert_eq!(statement.execute(5, ArrayMode::StopAtFirstError).unwrap().rows_affected, 5);
    let mut zones = Vec::new();
    session
        .query_text("SELECT AT FROM T ORDER BY ROWID", &mut |values| {
            zones.push(values[0].clone().unwrap().replace(' ', "").rsplit_once(['+', '-']).unwrap().1.to_owned());
            Ok(())
        })
        .unwrap();
    assert_eq!(zones, ["00:00", "05:30", "05:30", "00:30", "00:00"]);
}

/// Tells the child test below that it has a process of its own.
const CHILD: &str = "OLBRIDGE_TEST_CHILD_DIRECTORY";

#[test]
fn a_client_that_somebody_else_loaded_is_refused() {
    let workspace = Workspace::new();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "loader_api::child_rust_oracle_first", "--ignored", "--nocapture"]).env(CHILD, workspace.path());
    child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = finish(child, TIME_LIMIT);
    assert!(outcome.code == 0 && outcome.stdout.contains("1 passed"), "{outcome}");
}

#[test]
#[ignore = "a part of a_client_that_somebody_else_loaded_is_refused, which runs it as a child process"]
fn child_rust_oracle_first() {
    let Some(directory) = std::env::var_os(CHILD) else {
        eprintln!("SKIPPED loader_api::child_rust_oracle_first: {CHILD} is not set");
        return;
    };
    let engine = engine_directory();
    // The same engine, so the same version, in another place.
    let library = engine.join(if cfg!(target_os = "macos") { "libclntsh.dylib" } else { "libclntsh.so" });
    std::fs::copy(&library, Path::new(&directory).join(library.file_name().unwrap())).unwrap();
    assert!(oracle::InitParams::new().oracle_client_lib_dir(&directory).unwrap().init().unwrap());
    let target: Target = "embedded:x.db/T".parse().unwrap();
    let mut options = target.connect_options(None);
    options.client_lib_dir = Some(engine);
    let Err(error) = Session::connect(&options) else { panic!("two client libraries") };
    let message = error.to_string();
    assert!(message.contains("before olbridge") && message.contains("open the first olbridge session"), "{message}");
}

#[test]
fn text_that_the_database_may_not_have_is_refused_or_left_to_it() {
    let workspace = Workspace::new();
    let mut session = session_with_table(&workspace, "V VARCHAR2(10), C CLOB, N NVARCHAR2(10)");
    let name = TableName { schema: None, table: "T".into() };
    let columns = session.describe_table(&name).unwrap().unwrap().columns;
    assert_eq!(session.database_charset().unwrap(), Some(DatabaseCharset::default()), "the engine is AL32UTF8");
    let dictionary: DictionaryArray<Int32Type> = [Some("aaaaaaaaaa"), Some("10 €"), None].into_iter().collect();
    let texts: [ArrayRef; 2] = [Arc::new(dictionary), Arc::new(StringArray::from(vec![Some("aaaaaaaaaa"), Some("üüüüüüüüüü"), None]))];
    let mut load = |text: &ArrayRef, column: usize, lossy: LossySet, charset: &str| {
        let batch = table(vec![("t", text.clone())]);
        let pairs = [ColumnPair { source_index: 0, field: batch.schema().field(0).clone(), target: columns[column].clone() }];
        let options = LoadOptions { lossy, charset: DatabaseCharset::named(charset), ..LoadOptions::default() };
        let transaction = Transaction::begin(&mut session);
        let mut loader = Loader::new(&transaction, LoadPlan::new(&name, &pairs, options).unwrap()).unwrap();
        loader.write(&batch, None, 1).and_then(|()| loader.finish()).map(|report| report.rows_loaded).map_err(|e| e.to_string())
    };
    for text in &texts {
        for (column, wider) in [(0, "NVARCHAR2"), (1, "NCLOB")] {
            let message = load(text, column, LossySet::NONE, "WE8ISO8859P1").unwrap_err();
            for part in ["source row 2: text for", "in WE8ISO8859P1, with characters beyond ASCII", wider, "--lossy charset"] {
                assert!(message.contains(part), "{part}: {message}");
            }
        }
        assert_eq!(load(text, 2, LossySet::NONE, "WE8ISO8859P1"), Ok(3), "national types are Unicode");
    }
    assert_eq!(load(&texts[0], 0, LossySet::NONE, "AL32UTF8"), Ok(3));
    assert!(load(&texts[1], 0, LossySet::NONE, "AL32UTF8").unwrap_err().contains("text of 20 bytes does not fit VARCHAR2(10)"));
    // 20 bytes of UTF-8 are 10 bytes there: the database counts. This one is AL32UTF8 and says so.
    let message = load(&texts[1], 0, LossySet::NONE.with(LossyKind::Charset), "WE8ISO8859P1").unwrap_err();
    assert!(message.contains("ORA-12899"), "{message}");
}
