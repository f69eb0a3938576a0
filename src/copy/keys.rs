//! Which columns are the key, in the modes that look for rows. Pure; every problem is collected.

use arrow::datatypes::Schema;

use super::matching::{Found, Selected, find, name_list};
use crate::error::PlanProblem;
use crate::load::{ColumnPair, DeleteMark};
use crate::oracle_type::{ColumnDesc, OracleType, TableDesc, TextSize};
use crate::sql::dml::ROWID;

/// Most bytes of a ROWID as text: 18 in a heap table, more where it is made of a primary key (UROWID).
const MAX_ROWID_BYTES: u32 = 4000;

fn is_row_address(key: &str) -> bool {
    key.eq_ignore_ascii_case(ROWID)
}

/// The table, with the address of its rows as a column if that is a key. It is bound as text, which Oracle converts.
pub(super) fn with_row_address(table: &TableDesc, keys: &[String]) -> TableDesc {
    let mut table = table.clone();
    if keys.iter().any(|key| is_row_address(key)) {
        let oracle_type = OracleType::Varchar2(TextSize::bytes(MAX_ROWID_BYTES));
        table.columns.push(ColumnDesc { name: ROWID.into(), oracle_type, nullable: false });
    }
    table
}

/// Leaves the key columns alone: a DELETE needs no other, and the rest of the source need not fit the table.
pub(super) fn keep_keys(schema: &Schema, selected: &mut Vec<Selected>, keys: &[String]) {
    let same = |left: &str, right: &str| left.to_lowercase() == right.trim_matches('"').to_lowercase();
    selected.retain(|column| keys.iter().any(|key| same(&column.wanted, key) || same(schema.field(column.source_index).name(), key)));
}

/// The source column that marks rows to be deleted, with its index in the schema.
pub(super) fn delete_mark(schema: &Schema, column: &str, value: &str, problems: &mut Vec<PlanProblem>) -> Option<DeleteMark> {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let mut problem =
        |reason: String, remedy: &str| problems.push(PlanProblem { column: Some(column.to_owned()), reason, remedy: remedy.into() });
    let Found::One(source_index) = find(column, names.clone()) else {
        problem(format!("--delete-when names it, but the source has {}", name_list(names)), "write its name as the source has it");
        return None;
    };
    let field = schema.field(source_index).clone();
    if !DeleteMark::is_comparable(field.data_type()) {
        problem(format!("--delete-when compares texts, and {} has none", field.data_type()), "name another column");
        return None;
    }
    Some(DeleteMark { source_index, field, value: value.to_owned() })
}

/// Makes the columns of a new table's primary key NOT NULL, and returns their names.
pub(super) fn primary_key(keys: &[String], pairs: &mut [ColumnPair], problems: &mut Vec<PlanProblem>) -> Vec<String> {
    let names = resolve_keys("--primary-key", keys, pairs, problems);
    for pair in pairs.iter_mut().filter(|pair| names.contains(&pair.target.name)) {
        pair.target.nullable = false;
        if matches!(pair.target.oracle_type, OracleType::Clob | OracleType::Nclob | OracleType::Blob) {
            let reason =
                format!("{} is in --primary-key, but would be {}, which Oracle does not index", pair.target.name, pair.target.oracle_type);
            problems.push(PlanProblem { column: Some(pair.field.name().clone()), reason, remedy: "name other columns".into() });
        }
    }
    names
}

/// The table columns that `keys`, the value of `option`, names: by their own name (literally in double quotes), or by the source column that goes there.
pub(super) fn resolve_keys(option: &str, keys: &[String], pairs: &[ColumnPair], problems: &mut Vec<PlanProblem>) -> Vec<String> {
    let targets = pairs.iter().map(|pair| pair.target.name.as_str());
    let sources = pairs.iter().map(|pair| pair.field.name().as_str());
    let mut found: Vec<String> = Vec::with_capacity(keys.len());
    for key in keys {
        let literal = key.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
        let index = match literal {
            Some(name) => targets.clone().position(|target| target == name),
            None => [find(key, targets.clone()), find(key, sources.clone())].into_iter().find_map(|found| match found {
                Found::One(index) => Some(index),
                Found::None | Found::Ambiguous(_) => None,
            }),
        };
        let problem = |reason: String, remedy: &str| PlanProblem { column: Some(key.clone()), reason, remedy: remedy.into() };
        match index.map(|index| pairs[index].target.name.clone()) {
            None => problems.push(problem(
                format!("{option} names it, but the columns that go into the table are {}", name_list(targets.clone())),
                "name columns of the table for which the source has values",
            )),
            Some(name) if found.contains(&name) => problems.push(problem(format!("is named twice in {option}"), "name it once")),
            Some(name) => found.push(name),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;
    use crate::oracle_type::TableName;

    fn pairs(names: &[(&str, &str)]) -> Vec<ColumnPair> {
        let pair = |(source_index, (source, target)): (usize, &(&str, &str))| ColumnPair {
            source_index,
            field: Field::new(*source, DataType::Int64, true),
            target: ColumnDesc { name: (*target).into(), oracle_type: OracleType::Number { precision: None, scale: None }, nullable: true },
        };
        names.iter().enumerate().map(pair).collect()
    }

    fn resolved(keys: &[&str], names: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let mut problems = Vec::new();
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let found = resolve_keys("--key", &keys, &pairs(names), &mut problems);
        (found, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn keys_are_named_by_table_or_source() {
        let names = [("order_id", "ID"), ("line", "LINE"), ("mixed", "Mixed")];
        assert_eq!(resolved(&["id", "LINE"], &names).0, ["ID", "LINE"]);
        assert_eq!(resolved(&["order_id", "\"Mixed\""], &names).0, ["ID", "Mixed"]);
        let (found, problems) = resolved(&["id", "order_id", "x", "\"line\""], &names);
        assert_eq!((found.len(), problems.len()), (1, 3), "{problems:?}");
        assert!(problems[0].contains("named twice") && problems[1].contains("ID, LINE, Mixed"), "{problems:?}");
    }

    #[test]
    fn the_row_address_is_a_column_only_as_a_key() {
        let table = TableDesc { name: TableName { schema: None, table: "T".into() }, columns: vec![] };
        assert_eq!(with_row_address(&table, &["id".into()]).columns.len(), 0);
        assert_eq!(with_row_address(&table, &["rowid".into()]).columns[0].name, "ROWID");
    }
}
