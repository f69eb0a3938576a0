//! MERGE against a model of it: random tables, sources and clauses.

use std::collections::HashMap;

use arrow::array::{Array, StringArray};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;

use super::*;
use crate::table::{Assignments, Clause, Merge};

/// id, n, s.
pub(super) type Row = (Option<i64>, Option<i64>, Option<String>);

pub(super) fn source_of(rows: &[Row]) -> Batches {
    let ids: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>());
    let numbers: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>());
    let texts: ArrayRef = Arc::new(rows.iter().map(|row| row.2.as_deref()).collect::<StringArray>());
    columns(vec![("id", ids), ("n", numbers), ("s", texts)])
}

pub(super) fn rows_of(table: &Table) -> Vec<Row> {
    let batch = read(table, &Scan { columns: Some(["id", "n", "s"].map(String::from).to_vec()), ..Scan::default() });
    let (ids, numbers) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
    let texts = batch.column(2).as_string::<i32>();
    let text = |row: usize| texts.is_valid(row).then(|| texts.value(row).to_owned());
    let mut rows: Vec<Row> = (0..batch.num_rows())
        .map(|row| (ids.is_valid(row).then(|| ids.value(row)), numbers.is_valid(row).then(|| numbers.value(row)), text(row)))
        .collect();
    rows.sort();
    rows
}

/// A condition in SQL, and as SQL means it: NULL is not true.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Condition {
    None,
    SourceAbove(i64),
    TargetAbove(i64),
    TargetBelowSource,
    SourceIsNull,
}

impl Condition {
    fn sql(self) -> Option<String> {
        match self {
            Condition::None => None,
            Condition::SourceAbove(limit) => Some(format!("source.n > {limit}")),
            Condition::TargetAbove(limit) => Some(format!("target.n > {limit}")),
            Condition::TargetBelowSource => Some("target.n < source.n".into()),
            Condition::SourceIsNull => Some("source.n is null".into()),
        }
    }

    fn holds(self, target: Option<&Row>, source: Option<&Row>) -> bool {
        let (target, source) = (target.and_then(|row| row.1), source.and_then(|row| row.1));
        match self {
            Condition::None => true,
            Condition::SourceAbove(limit) => source.is_some_and(|n| n > limit),
            Condition::TargetAbove(limit) => target.is_some_and(|n| n > limit),
            Condition::TargetBelowSource => target.zip(source).is_some_and(|(target, source)| target < source),
            Condition::SourceIsNull => source.is_none(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Action {
    UpdateAll(Condition),
    Append(Condition),
    Delete(Condition),
    Insert(Condition),
    CountUp(Condition),
    DeleteUnmatched(Condition),
}

impl Action {
    pub(super) fn clause(self) -> Clause {
        let only = |column: &str, sql: &str| Assignments::Only(vec![(column.into(), sql.into())]);
        match self {
            Action::UpdateAll(condition) => Clause::MatchedUpdate { condition: condition.sql(), set: Assignments::All },
            Action::Append(condition) => Clause::MatchedUpdate { condition: condition.sql(), set: only("s", "source.s || '!'") },
            Action::Delete(condition) => Clause::MatchedDelete { condition: condition.sql() },
            Action::Insert(condition) => Clause::NotMatchedInsert { condition: condition.sql(), set: Assignments::All },
            Action::CountUp(condition) => Clause::NotMatchedBySourceUpdate { condition: condition.sql(), set: only("n", "target.n + 1") },
            Action::DeleteUnmatched(condition) => Clause::NotMatchedBySourceDelete { condition: condition.sql() },
        }
    }

    /// What becomes of a row of the table that a row of the source matches; `None`: this clause does not apply.
    fn on_match(self, target: &Row, source: &Row) -> Option<Option<Row>> {
        let (condition, row) = match self {
            Action::UpdateAll(condition) => (condition, Some(source.clone())),
            Action::Append(condition) => (condition, Some((target.0, target.1, source.2.as_ref().map(|text| format!("{text}!"))))),
            Action::Delete(condition) => (condition, None),
            _ => return None,
        };
        condition.holds(Some(target), Some(source)).then_some(row)
    }

    /// The same of a row that none matches.
    fn on_target_alone(self, target: &Row) -> Option<Option<Row>> {
        let (condition, row) = match self {
            Action::CountUp(condition) => (condition, Some((target.0, target.1.map(|n| n + 1), target.2.clone()))),
            Action::DeleteUnmatched(condition) => (condition, None),
            _ => return None,
        };
        condition.holds(Some(target), None).then_some(row)
    }
}

pub(super) fn model(target: &[Row], source: &[Row], on: Condition, actions: &[Action]) -> Vec<Row> {
    let is_match = |target: &Row, source: &Row| target.0.is_some() && target.0 == source.0 && on.holds(Some(target), Some(source));
    fn by_id(rows: &[Row]) -> HashMap<i64, Vec<&Row>> {
        let mut ids: HashMap<i64, Vec<&Row>> = HashMap::new();
        rows.iter().for_each(|row| ids.entry(row.0.unwrap_or(i64::MIN)).or_default().push(row));
        ids
    }
    let (targets, sources) = (by_id(target), by_id(source));
    fn of<'r>(ids: &HashMap<i64, Vec<&'r Row>>, row: &Row) -> Vec<&'r Row> {
        ids.get(&row.0.unwrap_or(i64::MAX)).cloned().unwrap_or_default()
    }
    let mut rows: Vec<Row> = target
        .iter()
        .filter_map(|row| {
            let done = match of(&sources, row).into_iter().find(|source| is_match(row, source)) {
                Some(source) => actions.iter().find_map(|action| action.on_match(row, source)),
                None => actions.iter().find_map(|action| action.on_target_alone(row)),
            };
            done.unwrap_or_else(|| Some(row.clone()))
        })
        .collect();
    let unmatched = source.iter().filter(|source| !of(&targets, source).into_iter().any(|row| is_match(row, source)));
    let inserted =
        |row: &&Row| actions.iter().any(|action| matches!(action, Action::Insert(condition) if condition.holds(None, Some(row))));
    rows.extend(unmatched.filter(inserted).cloned());
    rows.sort();
    rows
}

fn row() -> impl Strategy<Value = Row> {
    (prop::option::weighted(0.9, 0..40i64), prop::option::weighted(0.8, 0..10i64), prop::option::weighted(0.8, "[ab]{0,3}"))
}

/// Rows of which no two have one id.
fn distinct(rows: Vec<Row>) -> Vec<Row> {
    let mut seen = std::collections::HashSet::new();
    rows.into_iter().filter(|row| row.0.is_none() || seen.insert(row.0)).collect()
}

/// Of both sides, of the source alone, and of the table alone.
fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![of_source(), of_target(), Just(Condition::TargetBelowSource)]
}

fn of_source() -> impl Strategy<Value = Condition> {
    prop_oneof![Just(Condition::None), (0..10i64).prop_map(Condition::SourceAbove), Just(Condition::SourceIsNull)]
}

fn of_target() -> impl Strategy<Value = Condition> {
    prop_oneof![Just(Condition::None), (0..10i64).prop_map(Condition::TargetAbove)]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        condition().prop_map(Action::UpdateAll),
        condition().prop_map(Action::Append),
        condition().prop_map(Action::Delete),
        of_source().prop_map(Action::Insert),
        of_target().prop_map(Action::CountUp),
        of_target().prop_map(Action::DeleteUnmatched),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_merge_does_what_its_clauses_say(
        files in prop::collection::vec(prop::collection::vec(row(), 1..25), 1..4),
        source in prop::collection::vec(row(), 0..40).prop_map(distinct),
        on in prop_oneof![3 => Just(Condition::None), 1 => Just(Condition::TargetBelowSource), 1 => of_target(), 1 => of_source()],
        actions in prop::collection::vec(action(), 1..5),
        partitioned in any::<bool>(),
    ) {
        let fixture = Fixture::new();
        let mut table = fixture.open();
        let mut options = creating();
        if let (true, Some(new)) = (partitioned, &mut options.create) {
            new.partition_columns = vec!["s".into()];
        }
        // An empty text in a partition column would be read back as NULL, and is refused.
        let plain = |rows: &Vec<Row>| -> Vec<Row> {
            rows.iter().cloned().map(|(id, n, s)| (id, n, s.filter(|text| !partitioned || !text.is_empty()))).collect()
        };
        let (files, source): (Vec<_>, _) = (files.iter().map(plain).collect(), plain(&source));
        for rows in &files {
            table.write(&mut source_of(rows), &options, &CommitOptions::default()).unwrap();
        }
        let condition = on.sql().map_or_else(String::new, |sql| format!(" AND {sql}"));
        let merge = Merge {
            on: format!("target.id = source.id{condition}"),
            clauses: actions.iter().map(|action| action.clause()).collect(),
            ..Merge::default()
        };
        table.merge(&mut source_of(&source), &merge, &CommitOptions::default()).unwrap();
        prop_assert_eq!(rows_of(&fixture.open()), model(&files.concat(), &source, on, &actions), "on {}, {:?}", merge.on, merge.clauses);
    }
}
