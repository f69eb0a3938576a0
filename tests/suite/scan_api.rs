//! `scan::TableScan` as an attach would drive it: what the database filters and what is left to the caller are together what a filter of all rows is.

use std::sync::Arc;

use olbridge::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray, TimestampSecondArray,
};
use olbridge::arrow::compute::{concat_batches, filter_record_batch};
use olbridge::arrow::datatypes::DataType;
use olbridge::error::Phase;
use olbridge::fetch::FetchOptions;
use olbridge::oci::Session;
use olbridge::oracle_type::TableName;
use olbridge::scan::{Comparison, Predicate, ScanPlan, TableScan};
use proptest::prelude::*;

use crate::loader_api::session_with_table;
use crate::support::Workspace;

const COLUMNS: &str = "ID NUMBER(9) NOT NULL, N NUMBER(10,2), F BINARY_DOUBLE, G BINARY_FLOAT, B NUMBER(1), X NUMBER, V VARCHAR2(20), W NVARCHAR2(20), \
                       C CHAR(5), R RAW(8), D DATE, T TIMESTAMP(6), Z TIMESTAMP(6) WITH TIME ZONE, L CLOB";

/// Values that lie close to each other, so that conditions meet them.
fn filled(workspace: &Workspace) -> Session {
    let session = session_with_table(workspace, COLUMNS);
    let run = |sql: &str| session.execute_sql(Phase::Execute, None, sql).unwrap();
    run("INSERT INTO T SELECT LEVEL, MOD(LEVEL, 7) / 4, MOD(LEVEL, 5) / 2, MOD(LEVEL, 3) / 4, MOD(LEVEL, 2), MOD(LEVEL, 5) / 10, \
         CASE MOD(LEVEL, 6) WHEN 0 THEN NULL WHEN 1 THEN 'a' WHEN 2 THEN 'ab' WHEN 3 THEN 'a%' WHEN 4 THEN 'a ' ELSE 'Ä' END, \
         CASE MOD(LEVEL, 4) WHEN 0 THEN NULL WHEN 1 THEN N'a_' WHEN 2 THEN N'ab' ELSE N'ä' END, \
         CASE MOD(LEVEL, 4) WHEN 0 THEN NULL WHEN 1 THEN 'a' WHEN 2 THEN 'ab' ELSE ' ' END, \
         CASE MOD(LEVEL, 3) WHEN 0 THEN HEXTORAW('00') WHEN 1 THEN HEXTORAW('00FF') END, \
         DATE '2024-01-01' + MOD(LEVEL, 4), TIMESTAMP '2024-01-01 00:00:00.000001' + NUMTODSINTERVAL(MOD(LEVEL, 4), 'SECOND'), \
         TO_TIMESTAMP_TZ('2024-01-01 0' || MOD(LEVEL, 4) || ':00:00 +02:00', 'YYYY-MM-DD HH24:MI:SS TZH:TZM'), \
         CASE MOD(LEVEL, 3) WHEN 0 THEN NULL ELSE TO_CLOB('long') END FROM DUAL CONNECT BY LEVEL <= 120");
    run("INSERT INTO T (ID) VALUES (1000)");
    run("UPDATE T SET L = EMPTY_CLOB() WHERE ID = 5");
    run("UPDATE T SET F = TO_BINARY_DOUBLE('NaN'), G = TO_BINARY_FLOAT('Inf') WHERE ID = 6");
    session
}

fn scan() -> TableScan {
    let mut scan = TableScan::new(TableName { schema: None, table: "T".into() });
    scan.types = vec![
        ("B".into(), DataType::Boolean),
        ("X".into(), DataType::Float64),
        ("T".into(), DataType::Timestamp(olbridge::arrow::datatypes::TimeUnit::Microsecond, None)),
    ];
    scan
}

fn rows(session: &Session, plan: ScanPlan) -> RecordBatch {
    let schema = plan.schema();
    let batches: Vec<RecordBatch> = plan.open(session).unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn kept(batch: &RecordBatch, predicate: Option<&Predicate>) -> RecordBatch {
    match predicate {
        Some(predicate) => filter_record_batch(batch, &predicate.evaluate(batch).unwrap()).unwrap(),
        None => batch.clone(),
    }
}

fn ids(batch: &RecordBatch) -> Vec<i32> {
    let mut ids = batch.column_by_name("ID").unwrap().as_primitive::<olbridge::arrow::datatypes::Int32Type>().values().to_vec();
    ids.sort_unstable();
    ids
}

/// What comes back, and what of the condition was left to the caller.
#[track_caller]
fn check(session: &Session, whole: &RecordBatch, scan: &TableScan) -> (Option<String>, Option<Predicate>) {
    let plan = scan.plan(session).unwrap_or_else(|error| panic!("{error}\n{:?}", scan.predicate));
    let (pushed, residual) = (plan.pushed.clone(), plan.residual.clone());
    let found = kept(&rows(session, plan), residual.as_ref());
    let expected = kept(whole, scan.predicate.as_ref());
    assert_eq!(ids(&found), ids(&expected), "{:?}\npushed {pushed:?}, residual {residual:?}", scan.predicate);
    (pushed, residual)
}

fn literal(column: &str) -> BoxedStrategy<ArrayRef> {
    fn one<A: Array + 'static, T: std::fmt::Debug + Clone + 'static>(
        values: &[T],
        make: fn(Vec<Option<T>>) -> A,
    ) -> BoxedStrategy<ArrayRef> {
        let value = prop::option::weighted(0.95, prop::sample::select(values.to_vec()));
        value.prop_map(move |value| Arc::new(make(vec![value])) as ArrayRef).boxed()
    }
    const SECOND_2024: i64 = 1_704_067_200;
    match column {
        "ID" => one(&[-1, 1, 7, 60, 120, 1000], Int32Array::from),
        "N" => one(&[0i128, 25, 50, 99, 150, -1], |v| Decimal128Array::from(v).with_precision_and_scale(10, 2).unwrap()),
        "F" => one(&[0.0, -0.0, 0.5, 2.0, 1e300, f64::NAN, f64::NEG_INFINITY], Float64Array::from),
        "G" => one(&[0.0f32, -0.0, 0.25, 0.1, f32::INFINITY, f32::NAN], Float32Array::from),
        "X" => one(&[0.0, 0.1, 0.2, 0.30000000000000004, 1e-200, f64::NAN], Float64Array::from),
        "B" => one(&[true, false], BooleanArray::from),
        "V" => one(&["", "a", "ab", "a%", "a ", "Ä", "b", "A"], StringArray::from),
        "W" => one(&["", "a_", "ab", "ä", "\u{10000}", "\u{ffff}"], StringArray::from),
        "C" => one(&["", "a", "a    ", "ab", "ab   ", "     ", " ", "a\u{1}"], StringArray::from),
        "R" => one(&[&[][..], &[0], &[0, 255], &[0, 0]], BinaryArray::from),
        "D" => one(&[SECOND_2024, SECOND_2024 + 86_400, SECOND_2024 + 1, 0, -62_135_596_800], TimestampSecondArray::from),
        "T" => one(
            &[SECOND_2024 * 1_000_000 + 1, SECOND_2024 * 1_000_000, SECOND_2024 * 1_000_000 + 1_000_001],
            TimestampMicrosecondArray::from,
        ),
        "Z" => {
            let zoned = |v: Vec<Option<i64>>| TimestampMicrosecondArray::from(v).with_timezone("UTC");
            one(&[(SECOND_2024 - 7200) * 1_000_000, (SECOND_2024 - 3600) * 1_000_000, SECOND_2024 * 1_000_000 + 5], zoned)
        }
        _ => one(&["", "long", "lo"], StringArray::from),
    }
}

fn leaf() -> impl Strategy<Value = Predicate> {
    let column = prop::sample::select(vec!["ID", "N", "F", "G", "B", "X", "V", "W", "C", "R", "D", "T", "Z", "L"]);
    column.prop_flat_map(|column| {
        let name = column.to_owned();
        let comparison = prop::sample::select(vec![
            Comparison::Eq,
            Comparison::NotEq,
            Comparison::Lt,
            Comparison::LtEq,
            Comparison::Gt,
            Comparison::GtEq,
        ]);
        let of = name.clone();
        let compare = (comparison, literal(column)).prop_map(move |(comparison, literal)| Predicate::Compare {
            column: of.clone(),
            comparison,
            literal,
        });
        let of = name.clone();
        let list = prop::collection::vec(literal(column), 0..5).prop_flat_map(move |items| (Just(items), literal(column))).prop_map(
            move |(items, any)| {
                let arrays: Vec<&dyn Array> = items.iter().map(|item| item.as_ref() as &dyn Array).collect();
                let literals = if arrays.is_empty() { any.slice(0, 0) } else { olbridge::arrow::compute::concat(&arrays).unwrap() };
                Predicate::In { column: of.clone(), literals }
            },
        );
        let of = name.clone();
        let between = (literal(column), literal(column)).prop_map(move |(low, high)| Predicate::Between { column: of.clone(), low, high });
        let is_null = Just(Predicate::IsNull(name.clone()));
        let prefix = prop::sample::select(vec!["", "a", "a%", "a_", "ab", "a ", "Ä", "ä", "\\"]);
        let texts = matches!(column, "V" | "W" | "C" | "L");
        let starts = prefix.prop_map(move |prefix| match texts {
            true => Predicate::StartsWith { column: name.clone(), prefix: prefix.to_owned() },
            false => Predicate::IsNull(name.clone()),
        });
        prop_oneof![5 => compare, 2 => list, 1 => between, 1 => is_null, 1 => starts]
    })
}

fn predicate() -> impl Strategy<Value = Predicate> {
    leaf().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::Or),
            inner.prop_map(|part| Predicate::Not(Box::new(part))),
        ]
    })
}

#[test]
fn what_is_pushed_and_what_is_left_are_the_condition() {
    let workspace = Workspace::new();
    let session = filled(&workspace);
    let whole = [false, true].map(|trim_char| {
        let scan = TableScan { fetch: FetchOptions { trim_char, ..FetchOptions::default() }, ..scan() };
        rows(&session, scan.plan(&session).unwrap())
    });
    let (mut pushed, mut left) = (0, 0);
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() });
    let counts = std::cell::RefCell::new((&mut pushed, &mut left));
    let result = runner.run(&(predicate(), any::<bool>()), |(predicate, trim_char)| {
        let fetch = FetchOptions { trim_char, ..FetchOptions::default() };
        let scan = TableScan { predicate: Some(predicate), columns: Some(vec!["ID".into()]), fetch, ..scan() };
        let (condition, residual) = check(&session, &whole[usize::from(trim_char)], &scan);
        let mut counts = counts.borrow_mut();
        *counts.0 += u32::from(condition.is_some() && residual.is_none());
        *counts.1 += u32::from(residual.is_some());
        Ok(())
    });
    result.unwrap();
    assert!(pushed > 100 && left > 10, "{pushed} were pushed as a whole, of {left} something was left");
}

#[test]
fn what_the_database_does_exactly_is_pushed_with_binds() {
    let workspace = Workspace::new();
    let session = filled(&workspace);
    let whole = rows(&session, scan().plan(&session).unwrap());
    let text = |column: &str, comparison, text: &str| Predicate::compare(column, comparison, StringArray::from(vec![text]));
    for (predicate, expected) in [
        (Predicate::compare("ID", Comparison::LtEq, Int32Array::from(vec![7])), "ID <= :1"),
        (Predicate::Not(Box::new(text("V", Comparison::Eq, "it's"))), "V <> :1"),
        (text("V", Comparison::Gt, ""), "V IS NOT NULL"),
        (text("V", Comparison::Eq, ""), "1 = 0"),
        (text("C", Comparison::Eq, "ab   "), "C = :1"),
        (Predicate::StartsWith { column: "W".into(), prefix: "a_".into() }, "W LIKE :1 ESCAPE '\\'"),
        (
            Predicate::Or(vec![
                Predicate::In { column: "ID".into(), literals: Arc::new(Int32Array::from(vec![1, 2])) },
                Predicate::And(vec![Predicate::IsNull("L".into()), text("V", Comparison::NotEq, "Ä")]),
            ]),
            "(ID IN (:1, :2) OR (L IS NULL AND V <> :3))",
        ),
    ] {
        let (pushed, residual) = check(&session, &whole, &TableScan { predicate: Some(predicate), ..scan() });
        assert_eq!(pushed.as_deref(), Some(expected));
        assert!(residual.is_none());
    }
    // Not the order of UTF-8, not a comparison at all, digits that DATE has not.
    let of_day = Predicate::compare("L", Comparison::Eq, StringArray::from(vec!["long"]));
    for predicate in [text("W", Comparison::Lt, "b"), of_day] {
        let both = Predicate::And(vec![predicate, Predicate::compare("ID", Comparison::Gt, Int32Array::from(vec![3]))]);
        let (pushed, residual) = check(&session, &whole, &TableScan { predicate: Some(both), columns: Some(vec!["ID".into()]), ..scan() });
        assert_eq!(pushed.as_deref(), Some("ID > :1"));
        assert!(residual.is_some());
    }
}

#[test]
fn text_that_is_compared_by_a_language_is_not_filtered_by_the_database() {
    let workspace = Workspace::new();
    let session = filled(&workspace);
    let whole = rows(&session, scan().plan(&session).unwrap());
    let run = |sql: &str| {
        session.execute_sql(Phase::Ddl, None, sql).unwrap();
    };
    let is_pushed = |column: &str| {
        let predicate = Predicate::compare(column, Comparison::Eq, StringArray::from(vec!["a"]));
        let (pushed, residual) = check(&session, &whole, &TableScan { predicate: Some(predicate), ..scan() });
        assert_ne!(pushed.is_some(), residual.is_some());
        pushed.is_some()
    };
    // Tables that hide the dictionary's say what the engine never does: a column of its own collation, then a session that compares by a language.
    run(
        "CREATE TABLE ALL_TAB_COLS AS SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') OWNER, 'T' TABLE_NAME, 'V' COLUMN_NAME, 'BINARY_CI' COLLATION FROM DUAL",
    );
    assert_eq!([is_pushed("V"), is_pushed("W")], [false, true]);
    run("CREATE TABLE NLS_SESSION_PARAMETERS AS SELECT 'NLS_COMP' PARAMETER, 'LINGUISTIC' VALUE FROM DUAL");
    assert_eq!([is_pushed("V"), is_pushed("W")], [false, false]);
}

#[test]
fn limits_are_the_databases_only_when_the_condition_is() {
    let workspace = Workspace::new();
    let session = filled(&workspace);
    let id = |comparison| Predicate::compare("ID", comparison, Int32Array::from(vec![100]));
    let plan = TableScan { predicate: Some(id(Comparison::Gt)), limit: Some(5), ..scan() }.plan(&session).unwrap();
    assert!(plan.limit_is_pushed);
    assert_eq!(rows(&session, plan).num_rows(), 5);
    let residual = Predicate::compare("L", Comparison::Eq, StringArray::from(vec!["long"]));
    let scan_both = TableScan { predicate: Some(residual), limit: Some(5), columns: Some(vec!["V".into()]), ..scan() };
    let plan = scan_both.plan(&session).unwrap();
    assert!(!plan.limit_is_pushed && plan.columns_wanted == 1);
    assert_eq!(plan.schema().fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["V", "L"]);
    let error = |predicate| TableScan { predicate: Some(predicate), ..scan() }.plan(&session).unwrap_err().to_string();
    assert!(error(Predicate::IsNull("NOPE".into())).contains("column NOPE"));
    let wrong = Predicate::compare("ID", Comparison::Eq, Int64Array::from(vec![1]));
    assert!(error(wrong).contains("Int64 for a column of Int32"));
}
