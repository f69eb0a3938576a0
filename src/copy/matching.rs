//! Which source column goes to which table column. Pure; every problem is collected.

use arrow::datatypes::{Field, Schema};

use crate::error::PlanProblem;
use crate::load::ColumnPair;
use crate::oracle_type::{ColumnDesc, OracleType, TableDesc};
use crate::sql;

/// A source column that is to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    /// Index in the source's schema.
    pub source_index: usize,
    /// The table column's name as the user or the file spells it.
    pub wanted: String,
    /// Taken literally (the user quoted it).
    literal: bool,
}

impl Selected {
    /// The name that a new table's column gets.
    fn new_name(&self) -> String {
        if self.literal { self.wanted.clone() } else { sql::dictionary_name(&self.wanted) }
    }
}

fn problem(column: &str, reason: impl Into<String>, remedy: impl Into<String>) -> PlanProblem {
    PlanProblem { column: Some(column.to_owned()), reason: reason.into(), remedy: remedy.into() }
}

/// At most ten names, for a message.
pub(super) fn name_list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let more = if names.len() > 10 { format!(" and {} more", names.len() - 10) } else { String::new() };
    format!("{}{more}", names.iter().take(10).copied().collect::<Vec<_>>().join(", "))
}

/// What a name finds among others: exactly first, then without regard to case.
pub(super) enum Found {
    One(usize),
    None,
    Ambiguous(Vec<usize>),
}

pub(super) fn find<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> Found {
    if let Some(index) = names.clone().position(|n| n == name) {
        return Found::One(index);
    }
    let folded = name.to_lowercase();
    let indices: Vec<usize> = names.enumerate().filter(|(_, n)| n.to_lowercase() == folded).map(|(i, _)| i).collect();
    match indices[..] {
        [] => Found::None,
        [index] => Found::One(index),
        _ => Found::Ambiguous(indices),
    }
}

/// Applies `--columns` and `--rename` to the source's schema.
pub(super) fn select(
    schema: &Schema,
    columns: Option<&[String]>,
    rename: &[(String, String)],
    problems: &mut Vec<PlanProblem>,
) -> Vec<Selected> {
    let mut indices: Vec<usize> = Vec::new();
    match columns {
        None => indices.extend(0..schema.fields().len()),
        Some(columns) => {
            for name in columns {
                match find_source(schema, name, "--columns", problems) {
                    Some(index) if indices.contains(&index) => problems.push(problem(name, "is named twice in --columns", "name it once")),
                    Some(index) => indices.push(index),
                    None => {}
                }
            }
        }
    }
    let mut selected: Vec<Selected> =
        indices.iter().map(|&i| Selected { source_index: i, wanted: schema.field(i).name().clone(), literal: false }).collect();
    let mut renamed = Vec::new();
    for (from, to) in rename {
        let Some(index) = find_source(schema, from, "--rename", problems) else { continue };
        if renamed.contains(&index) {
            problems.push(problem(from, "is renamed twice", "rename it once"));
            continue;
        }
        renamed.push(index);
        match selected.iter_mut().find(|s| s.source_index == index) {
            Some(selected) => rename_to(selected, to),
            None => problems.push(problem(from, "is renamed, but not among --columns", "add it to --columns or drop the --rename")),
        }
    }
    selected
}

fn rename_to(selected: &mut Selected, to: &str) {
    match to.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        Some(literal) => (selected.wanted, selected.literal) = (literal.to_owned(), true),
        None => selected.wanted = to.to_owned(),
    }
}

fn find_source(schema: &Schema, name: &str, option: &str, problems: &mut Vec<PlanProblem>) -> Option<usize> {
    let names = schema.fields().iter().map(|f| f.name().as_str());
    match find(name, names.clone()) {
        Found::One(index) => return Some(index),
        Found::None => {
            let reason = format!("{option} names it, but the source has {}", name_list(names));
            problems.push(problem(name, reason, "check the name with olbridge describe FILE"));
        }
        Found::Ambiguous(indices) => {
            let reason = format!("{option} may mean {}", name_list(indices.iter().map(|&i| schema.field(i).name().as_str())));
            problems.push(problem(name, reason, "write it in the exact case"));
        }
    }
    None
}

/// Pairs selected columns with those of a table that exists. A column that cannot be loaded exactly is found later, by type.
pub(super) fn match_table(schema: &Schema, selected: &[Selected], table: &TableDesc, problems: &mut Vec<PlanProblem>) -> Vec<ColumnPair> {
    let names = table.columns.iter().map(|c| c.name.as_str());
    let mut pairs: Vec<ColumnPair> = Vec::with_capacity(selected.len());
    for column in selected {
        let field = schema.field(column.source_index);
        let found = match column.literal {
            true => names.clone().position(|n| n == column.wanted).map_or(Found::None, Found::One),
            false => find(&column.wanted, names.clone()),
        };
        let target = match found {
            Found::One(index) => &table.columns[index],
            Found::None => {
                let reason = format!("the table has no column {}; it has {}", column.wanted, name_list(names.clone()));
                let remedy = format!("--rename {}=TABLE_COLUMN, or leave it out with --columns", field.name());
                problems.push(problem(field.name(), reason, remedy));
                continue;
            }
            Found::Ambiguous(indices) => {
                let candidates = name_list(indices.iter().map(|&i| table.columns[i].name.as_str()));
                let remedy = format!("choose one with --rename '{}=\"NAME\"'", field.name());
                problems.push(problem(field.name(), format!("the table has several such columns: {candidates}"), remedy));
                continue;
            }
        };
        push_pair(&mut pairs, column.source_index, field, target.clone(), problems);
    }
    pairs
}

/// Pairs selected columns with the columns of a table that is to be created. `type_of` chooses the type of the nth selected column.
pub(super) fn match_new_table(
    schema: &Schema,
    selected: &[Selected],
    type_of: impl Fn(usize, &Field) -> Result<OracleType, PlanProblem>,
    problems: &mut Vec<PlanProblem>,
) -> Vec<ColumnPair> {
    let mut pairs = Vec::with_capacity(selected.len());
    for (index, column) in selected.iter().enumerate() {
        let field = schema.field(column.source_index);
        let name = column.new_name();
        let rename = || format!("--rename {}=NEW_NAME", field.name());
        if let Err(error) = sql::identifier(&name) {
            let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
            problems.push(problem(field.name(), reason, rename()));
            continue;
        }
        if name == "ROWID" {
            problems.push(problem(field.name(), "Oracle does not allow a column called ROWID", rename()));
            continue;
        }
        match type_of(index, field) {
            Ok(oracle_type) => {
                let target = ColumnDesc { name, oracle_type, nullable: field.is_nullable() };
                push_pair(&mut pairs, column.source_index, field, target, problems);
            }
            Err(problem) => problems.push(problem),
        }
    }
    pairs
}

fn push_pair(pairs: &mut Vec<ColumnPair>, source_index: usize, field: &Field, target: ColumnDesc, problems: &mut Vec<PlanProblem>) {
    if let Some(other) = pairs.iter().find(|p| p.target.name == target.name) {
        let reason = format!("goes to column {}, as {} does", target.name, other.field.name());
        problems.push(problem(field.name(), reason, format!("--rename {}=ANOTHER_COLUMN, or leave one out with --columns", field.name())));
        return;
    }
    pairs.push(ColumnPair { source_index, field: field.clone(), target });
}

/// Columns of the table that get no value: those that are NOT NULL one by one (they may have a default, which a describe does not tell), the
/// others together.
pub(super) fn unfilled_warnings(table: &TableDesc, pairs: &[ColumnPair]) -> Vec<String> {
    let unfilled = || table.columns.iter().filter(|c| pairs.iter().all(|p| p.target.name != c.name));
    let required = unfilled().filter(|c| !c.nullable);
    let mut warnings: Vec<String> = required
        .map(|c| format!("column {} is NOT NULL and gets no value: every row is refused unless it has a default", c.name))
        .collect();
    let nullable: Vec<&str> = unfilled().filter(|c| c.nullable).map(|c| c.name.as_str()).collect();
    match nullable.as_slice() {
        [] => {}
        [name] => warnings.push(format!("column {name} gets no value from the source, it is NULL or its default in every row")),
        names => {
            warnings.push(format!("columns {} get no value from the source, they are NULL or their default in every row", names.join(", ")))
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::DataType;

    fn schema(names: &[&str]) -> Schema {
        Schema::new(names.iter().map(|n| Field::new(*n, DataType::Int64, true)).collect::<Vec<_>>())
    }

    fn number() -> OracleType {
        OracleType::Number { precision: None, scale: None }
    }

    fn table(columns: &[(&str, bool)]) -> TableDesc {
        TableDesc {
            name: crate::oracle_type::TableName { schema: None, table: "T".into() },
            columns: columns
                .iter()
                .map(|(name, nullable)| ColumnDesc { name: (*name).into(), oracle_type: number(), nullable: *nullable })
                .collect(),
        }
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    /// `source→target` of each pair, and the problems' text.
    fn matched(source: &[&str], columns: Option<&[&str]>, rename: &[(&str, &str)], target: Option<&[&str]>) -> (Vec<String>, Vec<String>) {
        let schema = schema(source);
        let mut problems = Vec::new();
        let rename: Vec<_> = rename.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let selected = select(&schema, columns.map(strings).as_deref(), &rename, &mut problems);
        let pairs = match target {
            Some(names) => match_table(&schema, &selected, &table(&names.iter().map(|n| (*n, true)).collect::<Vec<_>>()), &mut problems),
            None => match_new_table(&schema, &selected, |_, _| Ok(number()), &mut problems),
        };
        let shown = pairs.iter().map(|p| format!("{}→{}", p.field.name(), p.target.name)).collect();
        (shown, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn names_match_exactly_first_then_without_case() {
        assert_eq!(matched(&["id", "Name"], None, &[], Some(&["NAME", "ID", "X"])).0, ["id→ID", "Name→NAME"]);
        assert_eq!(matched(&["id"], None, &[], Some(&["ID", "id"])).0, ["id→id"]);
        assert!(matched(&["Id"], None, &[], Some(&["ID", "id"])).1[0].contains("several such columns: ID, id"));
        assert_eq!(matched(&["größe"], None, &[], Some(&["GRÖSSE", "GRÖßE"])).0, ["größe→GRÖßE"]);
    }

    #[test]
    fn columns_choose_and_order() {
        assert_eq!(matched(&["a", "b", "c"], Some(&["C", "a"]), &[], Some(&["A", "B", "C"])).0, ["c→C", "a→A"]);
        let (_, problems) = matched(&["a", "b"], Some(&["x", "a", "A"]), &[], Some(&["A"]));
        assert!(problems[0].contains("column x: --columns names it, but the source has a, b"), "{problems:?}");
        assert!(problems[1].contains("named twice"), "{problems:?}");
    }

    #[test]
    fn renames_apply_and_quotes_are_literal() {
        assert_eq!(matched(&["a", "b"], None, &[("A", "x"), ("b", "\"y z\"")], Some(&["X", "y z"])).0, ["a→X", "b→y z"]);
        assert_eq!(matched(&["a", "b"], None, &[("a", "x"), ("b", "\"y\"")], None).0, ["a→X", "b→y"]);
        assert!(matched(&["a"], None, &[("a", "\"x\"")], Some(&["X"])).1[0].contains("no column x; it has X"));
        let (_, problems) = matched(&["a", "b"], Some(&["a"]), &[("b", "x"), ("c", "d"), ("a", "e"), ("a", "f")], None);
        assert_eq!(problems.len(), 3, "{problems:?}");
    }

    #[test]
    fn all_problems_are_collected() {
        let (pairs, problems) = matched(&["id", "ID", "zz", "yy"], None, &[], Some(&["ID"]));
        assert_eq!(pairs, ["id→ID"]);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("goes to column ID, as id does"));
        assert!(problems[1].contains("--rename zz=TABLE_COLUMN"));
    }

    #[test]
    fn new_tables_get_names_that_oracle_takes() {
        assert_eq!(
            matched(&["order_id", "Two Words", "_x", "date"], None, &[], None).0,
            ["order_id→ORDER_ID", "Two Words→Two Words", "_x→_x", "date→DATE"]
        );
        let long = "x".repeat(129);
        let (_, problems) = matched(&["a\"b", &long, "rowid", "a", "A"], None, &[], None);
        assert_eq!(problems.len(), 4, "{problems:?}");
    }

    #[test]
    fn columns_without_a_source_are_warned_of() {
        let table = table(&[("A", false), ("B", false), ("C", true), ("D", true)]);
        let schema = schema(&["a"]);
        let selected = select(&schema, None, &[], &mut Vec::new());
        let pairs = match_table(&schema, &selected, &table, &mut Vec::new());
        let warnings = unfilled_warnings(&table, &pairs);
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].starts_with("column B is NOT NULL"));
        assert!(warnings[1].starts_with("columns C, D get no value"));
        let all = select(&schema, None, &[], &mut Vec::new());
        let table = TableDesc { columns: table.columns[..1].to_vec(), ..table };
        assert!(unfilled_warnings(&table, &match_table(&schema, &all, &table, &mut Vec::new())).is_empty());
    }
}
