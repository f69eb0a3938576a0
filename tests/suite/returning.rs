//! RETURNING in arrays as a library user drives it: on the embedded engine in this process, and its calls on Oracle's own client in a child.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use olbridge::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampSecondArray,
    UInt64Array,
};
use olbridge::arrow::compute::{concat_batches, take_record_batch};
use olbridge::arrow::datatypes::{DataType, Int64Type};
use olbridge::copy::Target;
use olbridge::error::{Error, Phase, RowError};
use olbridge::layout::Layout;
use olbridge::load::{ColumnPair, Dml, Keyed, LoadOptions, LoadPlan, Loader, NotFound, RejectSink, Returned};
use olbridge::oci::{ArrayMode, Secret, Session};
use olbridge::oracle_type::{TableDesc, TableName};
use olbridge::transaction::Transaction;
use serde_json::json;

use crate::loader_api::session_with_table;
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};
use crate::support::{TIME_LIMIT, Workspace, finish, skipped};

fn described(session: &Session) -> TableDesc {
    session.describe_table(&TableName { schema: None, table: "T".into() }).unwrap().unwrap()
}

/// The columns of `batch` into those of T that have their names.
fn plan(session: &Session, dml: Dml, batch: &RecordBatch, keys: &[&str], batch_rows: u32) -> LoadPlan {
    let table = described(session);
    let pair = |(source_index, field): (usize, &Arc<olbridge::arrow::datatypes::Field>)| ColumnPair {
        source_index,
        field: field.as_ref().clone(),
        target: table.columns.iter().find(|c| c.name.eq_ignore_ascii_case(field.name())).unwrap().clone(),
    };
    let pairs: Vec<ColumnPair> = batch.schema().fields().iter().enumerate().map(pair).collect();
    let keyed = Keyed { keys: keys.iter().map(|key| (*key).to_owned()).collect(), ..Keyed::default() };
    let options = LoadOptions { batch_rows: Some(batch_rows), not_found: NotFound::Count, ..LoadOptions::default() };
    LoadPlan::dml(dml, &table.name, &pairs, &keyed, options).unwrap()
}

/// Loads and commits; what came back.
fn load(session: &mut Session, plan: LoadPlan, batches: &[RecordBatch], overlapping: bool) -> Vec<Returned> {
    let found = RefCell::new(Vec::new());
    let transaction = Transaction::begin(session);
    let loader = Loader::new(&transaction, plan).unwrap().with_returned(|returned| {
        found.borrow_mut().push(returned);
        Ok(())
    });
    let mut loader = if overlapping { loader.overlapping() } else { loader };
    let mut first_row = 1;
    for (number, batch) in batches.iter().enumerate() {
        let file: Arc<Path> = Path::new(&format!("f{number}")).into();
        loader.write(batch, Some(&file), first_row).unwrap();
        first_row += batch.num_rows() as u64;
    }
    loader.finish().unwrap();
    transaction.commit().unwrap();
    found.into_inner()
}

fn together(returned: &[Returned]) -> (RecordBatch, Vec<u64>) {
    let batches: Vec<RecordBatch> = returned.iter().map(|returned| returned.batch.clone()).collect();
    let rows = returned.iter().flat_map(|returned| returned.source_rows.values().iter().copied());
    (concat_batches(&batches[0].schema(), &batches).unwrap(), rows.collect())
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    batch.column_by_name(column).unwrap().as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn numbers(batch: &RecordBatch, column: &str) -> Vec<i64> {
    batch.column_by_name(column).unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn query(session: &Session, sql: &str) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    session
        .query_rows(sql, &mut |cells| {
            rows.push(cells.to_vec());
            Ok(())
        })
        .unwrap();
    rows
}

const GENERATED: &str = "ID NUMBER(10) GENERATED ALWAYS AS IDENTITY, V VARCHAR2(20), MADE NUMBER(5) DEFAULT 7 NOT NULL";

#[test]
fn generated_identities_and_rowids_come_back_with_their_source_rows() {
    for overlapping in [false, true] {
        let workspace = Workspace::new();
        let mut session = session_with_table(&workspace, GENERATED);
        let text = |v: i64| (v % 3 != 0).then(|| format!("row {v}"));
        let batch = |range: std::ops::Range<i64>| table(vec![("v", Arc::new(range.map(text).collect::<StringArray>()) as ArrayRef)]);
        let batches = [batch(1..131), batch(131..132), batch(132..251)];
        let asked = [("id", None), ("ROWID", None), ("V", None), ("made", Some(DataType::Int64))];
        let plan = plan(&session, Dml::Insert, &batches[0], &[], 100).returning(&described(&session), &asked).unwrap();
        assert_eq!(plan.sql, "INSERT INTO T (V) VALUES (:1) RETURNING ID, ROWID, V, MADE INTO :2, :3, :4, :5");
        let returned = load(&mut session, plan, &batches, overlapping);
        assert_eq!(returned.iter().map(|returned| returned.batch.num_rows()).collect::<Vec<_>>(), [100, 100, 50]);
        let (all, rows) = together(&returned);
        assert_eq!(rows, (1..=250).collect::<Vec<_>>());
        assert_eq!(texts(&all, "V"), (1..251).map(text).collect::<Vec<_>>());
        assert_eq!(numbers(&all, "MADE"), [7; 250]);
        let identities: BTreeSet<i64> = numbers(&all, "ID").into_iter().collect();
        assert_eq!(identities.len(), 250, "each its own");
        let files: Vec<_> = (0..100).map(|row| returned[1].file_of(row).unwrap().to_str().unwrap().to_owned()).collect();
        assert_eq!(files, [vec!["f0".to_owned(); 30], vec!["f1".into()], vec!["f2".into(); 69]].concat());
        // Each row is where its ROWID says.
        let stored = query(&session, "SELECT ROWID, ID, V FROM T ORDER BY ID");
        let mut expected: Vec<_> = (0..250)
            .map(|row| vec![texts(&all, "ROWID")[row].clone(), Some(numbers(&all, "ID")[row].to_string()), texts(&all, "V")[row].clone()])
            .collect();
        expected.sort_by_key(|row| row[1].as_ref().unwrap().parse::<i64>().unwrap());
        assert_eq!(stored, expected);
    }
}

/// Takes the refused rows' numbers.
struct Refused<'a>(&'a RefCell<Vec<u64>>);

impl RejectSink for Refused<'_> {
    fn reject(&mut self, _batch: &RecordBatch, rows: &[(usize, RowError)]) -> Result<(), Error> {
        self.0.borrow_mut().extend(rows.iter().map(|(_, error)| error.source.row));
        Ok(())
    }
}

#[test]
fn rows_that_failed_return_nothing() {
    let workspace = Workspace::new();
    let mut session = session_with_table(&workspace, "K NUMBER(9) PRIMARY KEY, V VARCHAR2(4) NOT NULL, M NUMBER(9) DEFAULT 1");
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..300).map(|v| if v % 50 == 49 { 0 } else { v })));
    let values: ArrayRef = Arc::new(StringArray::from_iter((0..300).map(|v| match v % 20 {
        3 => None,
        7 => Some("too long".to_owned()),
        _ => Some(v.to_string()),
    })));
    let batch = table(vec![("k", keys), ("v", values)]);
    let plan = plan(&session, Dml::Insert, &batch, &[], 70).returning(&described(&session), &[("K", Some(DataType::Int64))]).unwrap();
    let (found, refused) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let transaction = Transaction::begin(&mut session);
    let mut loader = Loader::new(&transaction, plan).unwrap().with_rejects(Box::new(Refused(&refused)), None).with_returned(|returned| {
        found.borrow_mut().push(returned);
        Ok(())
    });
    loader.write(&batch, None, 1).unwrap();
    let report = loader.finish().unwrap();
    transaction.commit().unwrap();
    let (all, rows) = together(&found.into_inner());
    let is_bad = |v: i64| v % 50 == 49 || v % 20 == 3 || v % 20 == 7;
    let good: Vec<i64> = (0..300).filter(|v| !is_bad(*v)).collect();
    assert_eq!((numbers(&all, "K"), report.rows_loaded), (good.clone(), good.len() as u64));
    assert_eq!(rows, good.iter().map(|v| *v as u64 + 1).collect::<Vec<_>>());
    let mut refused = refused.into_inner();
    refused.sort_unstable();
    assert_eq!(refused, (0..300).filter(|v| is_bad(*v)).map(|v| v as u64 + 1).collect::<Vec<_>>());
}

#[test]
fn an_update_and_a_delete_return_as_many_rows_as_they_find() {
    let workspace = Workspace::new();
    let mut session = session_with_table(&workspace, "K NUMBER(9), V VARCHAR2(20), N NUMBER(9)");
    // Key k is there k times.
    let insert = "INSERT INTO T SELECT B.K, 'old ' || B.K, A.N FROM (SELECT LEVEL N FROM DUAL CONNECT BY LEVEL <= 40) A, \
                  (SELECT LEVEL K FROM DUAL CONNECT BY LEVEL <= 40) B WHERE A.N <= B.K";
    session.execute_sql(Phase::Execute, None, insert).unwrap();
    session.commit().unwrap();
    let keys = [3_i64, 0, 40, 50, 1, 2];
    let expected: Vec<(u64, i64)> =
        (1..).zip(keys).flat_map(|(row, key)| std::iter::repeat_n((row, key), if key > 40 { 0 } else { key as usize })).collect();
    let new: ArrayRef = Arc::new(StringArray::from_iter_values(keys.iter().map(|key| format!("new {key}"))));
    let batch = table(vec![("k", Arc::new(Int64Array::from(keys.to_vec())) as ArrayRef), ("v", new)]);
    let asked = [("K", Some(DataType::Int64)), ("V", None), ("N", Some(DataType::Int64))];
    for (dml, word) in [(Dml::Update, "new"), (Dml::Delete, "new")] {
        let plan = plan(&session, dml, &batch, &["K"], 4).returning(&described(&session), &asked).unwrap();
        let (all, rows) = together(&load(&mut session, plan, std::slice::from_ref(&batch), false));
        let found: Vec<(u64, i64)> = rows.into_iter().zip(numbers(&all, "K")).collect();
        assert_eq!(found, expected, "{dml:?}");
        assert!(texts(&all, "V").iter().zip(&expected).all(|(text, (_, key))| text.as_deref() == Some(&format!("{word} {key}"))));
        let of_40: BTreeSet<i64> = numbers(&all, "N").into_iter().zip(&expected).filter(|(_, (_, k))| *k == 40).map(|(n, _)| n).collect();
        assert_eq!(of_40.len(), 40, "{dml:?}");
    }
    assert_eq!(query(&session, "SELECT COUNT(*) FROM T WHERE K IN (1, 2, 3, 40)")[0][0].as_deref(), Some("0"));
}

#[test]
fn every_scalar_type_comes_back_as_it_is_read() {
    let workspace = Workspace::new();
    let columns = "K NUMBER(9), D DATE DEFAULT DATE '2024-02-29', TS TIMESTAMP(9) DEFAULT TIMESTAMP '2024-02-29 23:59:59.123456789', \
                   TZ TIMESTAMP(3) WITH TIME ZONE DEFAULT TIMESTAMP '2024-02-29 23:59:59.123 +05:30', F BINARY_FLOAT DEFAULT 0.1, \
                   B BINARY_DOUBLE DEFAULT -1.5, N NUMBER(20,4) DEFAULT -1234567890123456.7891, C CHAR(6) DEFAULT 'ab', \
                   NV NVARCHAR2(10) DEFAULT 'Ελλάδα', R RAW(4) DEFAULT HEXTORAW('00FF'), \
                   DS INTERVAL DAY(3) TO SECOND(6) DEFAULT NUMTODSINTERVAL(-90061.5, 'SECOND'), \
                   YM INTERVAL YEAR(4) TO MONTH DEFAULT NUMTOYMINTERVAL(-25, 'MONTH'), E VARCHAR2(9), L CLOB DEFAULT 'a long text', \
                   BL BLOB";
    let mut session = session_with_table(&workspace, columns);
    let described = described(&session);
    let batch = table(vec![("k", ids(0..25))]);
    let names: Vec<(&str, Option<DataType>)> = described.columns.iter().map(|column| (column.name.as_str(), None)).collect();
    let plan = plan(&session, Dml::Insert, &batch, &[], 10).returning(&described, &names).unwrap();
    let (returned, _) = together(&load(&mut session, plan, &[batch], false));
    // What a read of the table gives is the judge.
    let schema = returned.schema();
    let columns = described
        .columns
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| olbridge::fetch::FetchColumn { column: column.clone(), field: field.as_ref().clone() });
    let sql = "SELECT * FROM T ORDER BY K".to_owned();
    let read = olbridge::fetch::FetchPlan::new(&session, "T", sql, columns.collect(), olbridge::fetch::FetchOptions::default()).unwrap();
    let read: Vec<RecordBatch> = read.open(&session).unwrap().map(Result::unwrap).collect();
    assert_eq!(returned, concat_batches(&read[0].schema(), &read).unwrap());
    assert_eq!(returned.num_rows(), 25);
    assert!(returned.columns()[1..].iter().filter(|column| column.null_count() == 25).count() == 2, "E and BL alone are NULL");
}

#[test]
fn what_its_arrow_type_cannot_hold_ends_the_load_and_names_the_source_row() {
    let workspace = Workspace::new();
    let mut session = session_with_table(&workspace, "K NUMBER(19), V NUMBER DEFAULT 1");
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..50).map(|v| if v == 37 { 1 << 40 } else { v })));
    let batch = table(vec![("k", keys)]);
    let asked = [("V", Some(DataType::Int8)), ("K", Some(DataType::Int32))];
    let plan = plan(&session, Dml::Insert, &batch, &[], 20).returning(&described(&session), &asked).unwrap();
    let transaction = Transaction::begin(&mut session);
    let mut loader = Loader::new(&transaction, plan).unwrap().with_returned(|_| Ok(()));
    let error = loader.write(&batch, None, 1001).and_then(|()| loader.flush()).unwrap_err();
    let Error::Row(row) = &error else { panic!("{error}") };
    assert_eq!((row.source.row, row.column.as_deref()), (1038, Some("K")), "{error}");
    assert!(error.to_string().contains("returned by the database"), "{error}");
    drop(loader);
    assert!(transaction.commit().unwrap_err().to_string().contains("has failed"));
    assert_eq!(query(&session, "SELECT COUNT(*) FROM T")[0][0].as_deref(), Some("0"));
}

#[test]
fn what_cannot_be_returned_is_refused_before_a_row_moves() {
    let workspace = Workspace::new();
    let mut session = session_with_table(&workspace, "K NUMBER PRIMARY KEY, V VARCHAR2(9)");
    let batch = table(vec![("k", ids(0..5)), ("v", Arc::new(StringArray::from(vec!["a"; 5])) as ArrayRef)]);
    let table = described(&session);
    let refused = |session: &Session, dml, columns: &[(&str, Option<DataType>)]| {
        plan(session, dml, &batch, if dml == Dml::Insert { &[] } else { &["K"] }, 10).returning(&table, columns).err().unwrap().to_string()
    };
    assert!(refused(&session, Dml::Upsert, &[("V", None)]).contains("MERGE gives no rows back before Oracle 23ai"));
    assert!(refused(&session, Dml::Insert, &[("X", None)]).contains("is no column of T"));
    assert!(refused(&session, Dml::Insert, &[("K", None)]).contains("no Arrow type holds every value of Oracle NUMBER"));
    assert!(refused(&session, Dml::Insert, &[("V", Some(DataType::Int32))]).contains("Oracle VARCHAR2"));
    assert!(refused(&session, Dml::Insert, &[]).contains("no column"));
    // Rows that nobody takes.
    let plan = plan(&session, Dml::Insert, &batch, &[], 10).returning(&table, &[("V", None)]).unwrap();
    let transaction = Transaction::begin(&mut session);
    let mut loader = Loader::new(&transaction, plan).unwrap();
    assert!(loader.write(&batch, None, 1).unwrap_err().to_string().contains("nobody takes them"));
}

fn number(slot: &mut [u8], value: u8) {
    slot[..3].copy_from_slice(&[2, 193, value + 1]);
}

const NUMBER: Layout = Layout::Fixed { external_type: oci_sys::SQLT_VNU, stride_bytes: 22 };

#[test]
fn an_array_statement_hands_out_the_cells_of_each_row() {
    let workspace = Workspace::new();
    let session = session_with_table(&workspace, "K NUMBER, V VARCHAR2(20)");
    let insert = "INSERT INTO T SELECT MOD(LEVEL, 3), 'v' || LEVEL FROM DUAL CONNECT BY LEVEL <= 30";
    session.execute_sql(Phase::Execute, None, insert).unwrap();
    let text = |stride_bytes| Layout::Variable { external_type: oci_sys::SQLT_CHR, stride_bytes, national: false, long: false };
    let sql = "UPDATE T SET V = V || '!' WHERE K = :1 RETURNING V, K INTO :2, :3";
    // Room for four rows: thirty come back in chunks.
    let mut statement = session.returning_statement(sql, &[NUMBER], &[text(20), NUMBER], 4).unwrap();
    for (turn, bangs) in ["!", "!!"].into_iter().enumerate() {
        let slots = statement.slots(0, 0..4);
        slots.indicators.copy_from_slice(&[0, -1, 0, 0]);
        slots.values.chunks_exact_mut(22).zip([2, 0, 9, 1]).for_each(|(slot, key)| number(slot, key));
        assert_eq!(statement.execute(4, ArrayMode::BatchErrors).unwrap().rows_affected, 20);
        assert_eq!(statement.returned_rows(), [[0; 10], [3; 10]].concat());
        assert_eq!(statement.bad_returned_cell(), None);
        let mut found = Vec::new();
        for chunk in statement.returned_chunks() {
            let (cells, indicators) = statement.returned_cells(0, chunk.clone());
            assert!(indicators.iter().all(|indicator| *indicator == 0));
            for (value, &length) in cells.values.chunks_exact(20).zip(cells.lengths) {
                found.push(String::from_utf8(value[..length as usize].to_vec()).unwrap());
            }
            let (keys, _) = statement.returned_cells(1, chunk);
            assert!(keys.values.chunks_exact(22).all(|key| key[0] == 2), "turn {turn}");
        }
        let expected =
            [2, 1].into_iter().flat_map(|key| (1..=30).filter(move |level| level % 3 == key)).map(|level| format!("v{level}{bangs}"));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
    drop(statement);
    // A cell that does not fit is told, not cut.
    let mut statement = session.returning_statement(sql, &[NUMBER], &[text(4), NUMBER], 4).unwrap();
    let slots = statement.slots(0, 0..1);
    slots.indicators[0] = 0;
    number(slots.values, 2);
    statement.execute(1, ArrayMode::StopAtFirstError).unwrap();
    let bad = statement.bad_returned_cell().unwrap();
    assert_eq!((bad.row_index, bad.column_index, bad.ora_code), (0, 0, 1406));
    let wrong = session.returning_statement(sql, &[NUMBER], &[NUMBER], 4).unwrap_err();
    assert!(wrong.message.contains("3 placeholders but 2 layouts"), "{}", wrong.message);
}

const CHILD_TARGET: &str = "OLBRIDGE_TEST_CHILD_RETURNING";

/// That Oracle's client takes the binds is seen with any loopback server; what it does with the callbacks only with one that answers RETURNING.
#[test]
fn oracles_client_returns_what_the_server_made_of_each_row() {
    let Some(mut server) = Loopback::start("returning::oracles_client") else { return };
    server.sql("CREATE TABLE T (K NUMBER(9), V VARCHAR2(20), D DATE, F BINARY_DOUBLE, TS TIMESTAMP(6))");
    // Rows 3 and 7 of every execute are refused.
    server.control(json!({"cmd": "fault", "sql": "INSERT", "rows": [3, 7], "code": 1438}));
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "returning::child_on_oracles_client", "--ignored", "--nocapture"]);
    server.environment(&mut child);
    child.env(CHILD_TARGET, server.target("T"));
    child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = finish(child, TIME_LIMIT);
    assert!(outcome.code == 0 && outcome.stdout.contains("1 passed"), "{outcome}");
    if outcome.stderr.contains(NOT_ANSWERED) {
        skipped("returning::oracles_client", "the loopback server answers RETURNING with ORA-00933; Oracle's client took the binds");
    } else {
        server.assert_clean();
    }
}

const NOT_ANSWERED: &str = "the loopback server has no RETURNING";

/// The arrays of many types are bound, and whether the statement is understood.
fn is_answered(session: &Session) -> bool {
    let layouts = [
        NUMBER,
        Layout::Variable { external_type: oci_sys::SQLT_CHR, stride_bytes: 40, national: true, long: false },
        Layout::DateTime { with_zone: true },
        Layout::IntervalDaySecond,
        Layout::Lob { kind: olbridge::layout::LobKind::Clob, prefetch_bytes: 0 },
        Layout::Fixed { external_type: oci_sys::SQLT_DAT, stride_bytes: 7 },
    ];
    let sql = "INSERT INTO T (K) VALUES (:1) RETURNING K, V, V, V, V, V INTO :2, :3, :4, :5, :6, :7";
    let mut statement = session.returning_statement(sql, &[NUMBER], &layouts, 3).unwrap();
    let slots = statement.slots(0, 0..3);
    slots.indicators.fill(0);
    slots.values.chunks_exact_mut(22).zip(1..).for_each(|(slot, key)| number(slot, key));
    match statement.execute(3, ArrayMode::StopAtFirstError) {
        Err(error) => {
            assert_eq!(error.ora_code, 933, "{error}");
            false
        }
        Ok(outcome) => {
            assert_eq!((outcome.rows_affected, statement.returned_rows()), (3, &[0, 1, 2][..]));
            true
        }
    }
}

#[test]
#[ignore = "a part of oracles_client_returns_what_the_server_made_of_each_row, which runs it as a child process"]
fn child_on_oracles_client() {
    let Ok(target) = std::env::var(CHILD_TARGET) else {
        eprintln!("SKIPPED returning::child_on_oracles_client: {CHILD_TARGET} is not set");
        return;
    };
    let target: Target = target.parse().unwrap();
    let mut session = Session::connect(&target.connect_options(Some(Secret::new("tiger")))).unwrap();
    let answered = is_answered(&session);
    session.rollback().unwrap();
    let table_now = described(&session);
    if !answered {
        eprintln!("{NOT_ANSWERED}");
        return;
    }
    // Every key five times.
    let text = |v: i64| (v % 4 != 0).then(|| format!("ü {v}"));
    let seconds: ArrayRef = Arc::new(TimestampSecondArray::from_iter_values((0..250).map(|v| v * 86_399)));
    let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter((0..250).map(|v| (v % 3 != 0).then_some(v * 1_000_003))));
    let batch = table(vec![
        ("k", Arc::new(Int64Array::from_iter_values((0..250).map(|v| v % 50))) as ArrayRef),
        ("v", Arc::new((0..250).map(text).collect::<StringArray>())),
        ("d", seconds),
        ("f", Arc::new(Float64Array::from_iter_values((0..250).map(|v| 1.0 / f64::from(v + 1))))),
        ("ts", micros),
    ]);
    let asked = [("K", Some(DataType::Int64)), ("V", None), ("D", None), ("F", None), ("TS", None), ("ROWID", None)];
    let load = plan(&session, Dml::Insert, &batch, &[], 100).returning(&table_now, &asked).unwrap();
    let (found, refused) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let transaction = Transaction::begin(&mut session);
    let mut loader = Loader::new(&transaction, load).unwrap().with_rejects(Box::new(Refused(&refused)), None).with_returned(|returned| {
        found.borrow_mut().push(returned);
        Ok(())
    });
    loader.write(&batch, None, 1).unwrap();
    loader.finish().unwrap();
    transaction.commit().unwrap();
    assert_eq!(refused.into_inner(), [4, 8, 104, 108, 204, 208]);
    let (all, rows) = together(&found.into_inner());
    let good: Vec<u64> = (0..250).filter(|v| ![3, 7].contains(&(v % 100))).collect();
    assert_eq!(rows, good.iter().map(|row| row + 1).collect::<Vec<_>>());
    let expected = take_record_batch(&batch, &UInt64Array::from(good)).unwrap();
    assert_eq!(&all.columns()[..5], expected.columns());
    let rowids: BTreeSet<_> = texts(&all, "ROWID").into_iter().map(|rowid| rowid.unwrap()).collect();
    assert!(rowids.len() == 244 && rowids.iter().all(|rowid| rowid.len() == 18), "{rowids:?}");

    // Keys 3 and 7 have lost rows, key 60 has none.
    let changes = table(vec![
        ("k", Arc::new(Int64Array::from(vec![9_i64, 60, 7, 3])) as ArrayRef),
        ("v", Arc::new(StringArray::from(vec!["new"; 4]))),
    ]);
    let asked = [("K", Some(DataType::Int64)), ("V", None)];
    for dml in [Dml::Update, Dml::Delete] {
        let plan = plan(&session, dml, &changes, &["K"], 10).returning(&table_now, &asked).unwrap();
        let found = RefCell::new(Vec::new());
        let transaction = Transaction::begin(&mut session);
        let mut loader = Loader::new(&transaction, plan).unwrap().with_returned(|returned| {
            found.borrow_mut().push(returned);
            Ok(())
        });
        loader.write(&changes, None, 1).unwrap();
        loader.finish().unwrap();
        transaction.commit().unwrap();
        let (all, rows) = together(&found.into_inner());
        // Of rows 3, 103, 203 and of 7, 107, 207 those with indexes 53, 153 and 57, 157 are there.
        let expected = [vec![1; 5], vec![3; 2], vec![4; 2]].concat();
        assert_eq!(rows, expected, "{dml:?}");
        assert_eq!(numbers(&all, "K"), [vec![9; 5], vec![7; 2], vec![3; 2]].concat());
        assert!(texts(&all, "V").iter().all(|text| text.as_deref() == Some("new")), "{dml:?}: {:?}", texts(&all, "V"));
    }
}
