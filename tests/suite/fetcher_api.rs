//! `fetch::Fetcher` as a library user drives it, on the embedded engine in this process: what is decoded behind the fetch comes in order, whole,
//! and errors come where they belong.

use olbridge::arrow::array::{Array, AsArray, RecordBatch};
use olbridge::arrow::datatypes::{DataType, Field, Int64Type};
use olbridge::error::Phase;
use olbridge::fetch::{FetchColumn, FetchOptions, FetchPlan};
use olbridge::oci::Session;

use crate::loader_api::session_with_table;
use crate::support::Workspace;

/// Rows 1 to 95 with a text, a date and a NULL now and then, ten to a fetch.
fn filled(workspace: &Workspace) -> Session {
    let session = session_with_table(workspace, "ID NUMBER(9), V VARCHAR2(20), TS TIMESTAMP(6), N NVARCHAR2(10)");
    let insert = "INSERT INTO T SELECT LEVEL, CASE WHEN MOD(LEVEL, 7) = 0 THEN NULL ELSE 'text ' || LEVEL END, \
                  TIMESTAMP '2024-01-01 00:00:00.25' + NUMTODSINTERVAL(LEVEL, 'DAY'), 'n' || LEVEL FROM DUAL CONNECT BY LEVEL <= 95";
    session.execute_sql(Phase::Execute, None, insert).unwrap();
    session
}

fn plan(session: &Session, sql: &str, types: &[DataType], decode_behind: bool) -> FetchPlan {
    let described = session.describe_query(sql).unwrap();
    let field = |(column, data_type): (_, &DataType)| -> FetchColumn {
        let column: olbridge::oracle_type::ColumnDesc = column;
        FetchColumn { field: Field::new(&column.name, data_type.clone(), true), column }
    };
    let columns = described.into_iter().zip(types).map(field).collect();
    let options = FetchOptions { batch_rows: Some(10), decode_behind, ..FetchOptions::default() };
    FetchPlan::new(session, "T", sql.into(), columns, options).unwrap()
}

/// The batches up to the end or the first error, and that error.
fn read(session: &Session, plan: FetchPlan) -> (Vec<RecordBatch>, Option<String>) {
    let mut fetcher = plan.open(session).unwrap();
    let mut batches = Vec::new();
    loop {
        match fetcher.next_batch() {
            Ok(Some(batch)) => batches.push(batch),
            Ok(None) => return (batches, None),
            Err(error) => {
                assert!(fetcher.next_batch().unwrap().is_none(), "nothing comes after an error");
                return (batches, Some(error.to_string()));
            }
        }
    }
}

#[test]
fn rows_decoded_behind_the_fetch_are_those_decoded_in_its_place() {
    let workspace = Workspace::new();
    let session = filled(&workspace);
    let microseconds = DataType::Timestamp(olbridge::arrow::datatypes::TimeUnit::Microsecond, None);
    let types = [DataType::Int64, DataType::Utf8, microseconds, DataType::Utf8];
    for rows in [1, 10, 11, 20, 30, 95] {
        let sql = format!("SELECT ID, V, TS, N FROM T WHERE ID <= {rows} ORDER BY ID");
        let (behind, error) = read(&session, plan(&session, &sql, &types, true));
        assert_eq!(error, None);
        let (here, _) = read(&session, plan(&session, &sql, &types, false));
        assert_eq!(behind, here, "{rows} rows");
        let ids: Vec<i64> = behind.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
        assert_eq!(ids, (1..=rows).collect::<Vec<i64>>());
        assert_eq!(behind.iter().map(|batch| batch.column(1).null_count()).sum::<usize>() as i64, rows / 7);
    }
}

#[test]
fn a_refused_value_comes_after_the_rows_before_it_and_names_its_row() {
    let workspace = Workspace::new();
    let session = filled(&workspace);
    for decode_behind in [true, false] {
        // The conversion refuses row 57: the fetch of row 61 and on has begun by then.
        let sql = "SELECT ID, CASE WHEN ID = 57 THEN 1e30 ELSE ID END V FROM T ORDER BY ID";
        let (batches, error) = read(&session, plan(&session, sql, &[DataType::Int64, DataType::Int64], decode_behind));
        let error = error.unwrap();
        assert!(error.contains("row 57") && error.contains("column V"), "{error}");
        assert_eq!(batches.len(), 5);
    }
}

#[test]
fn both_sets_of_buffers_are_within_the_budget() {
    let workspace = Workspace::new();
    let session = filled(&workspace);
    let sql = "SELECT ID, V FROM T";
    for (decode_behind, sets) in [(true, 2), (false, 1)] {
        let columns = plan(&session, sql, &[DataType::Int64, DataType::Utf8], decode_behind).columns;
        let options = FetchOptions { batch_bytes: 10_000, decode_behind, ..FetchOptions::default() };
        let plan = FetchPlan::new(&session, "T", sql.into(), columns, options).unwrap();
        assert_eq!(plan.buffer_bytes(), sets * plan.row_bytes() * plan.rows_per_fetch() as usize);
        assert!(plan.buffer_bytes() <= 10_000 && plan.buffer_bytes() > 9_000, "{}", plan.buffer_bytes());
    }
}

#[test]
fn rows_before_a_fetch_that_fails_are_delivered_first() {
    let workspace = Workspace::new();
    let session = filled(&workspace);
    session.commit().unwrap();
    for decode_behind in [true, false] {
        // The sixth fetch fails at its seventh row; the one before it is being converted meanwhile.
        let sql = "SELECT ID, 1 / (57 - ID) V FROM T";
        let (batches, error) = read(&session, plan(&session, sql, &[DataType::Int64, DataType::Utf8], decode_behind));
        assert!(error.unwrap().contains("ORA-01476"));
        let ids: Vec<i64> = batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
        assert_eq!(ids, (1..=50).collect::<Vec<i64>>());
    }
}
