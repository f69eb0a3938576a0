//! What a load does with each source row, and the statement and placeholder order that follow from it.

use arrow::datatypes::DataType;

use crate::error::{Error, PlanProblem};
use crate::layout::Layout;
use crate::oracle_type::{OracleType, TableName};
use crate::sql;
use crate::sql::dml::{MergeColumn, MergeOptions, ROWID, SystemColumns};
use crate::sql::form::FormedColumn;

use super::mark::{DeleteMark, MARK_COLUMN};
use super::plan::PlannedColumn;

/// `SQLT_AFC`: a CHAR, which Oracle compares blank-padded.
const SQLT_AFC: u16 = oci_sys::SQLT_AFC;

/// What is done with each source row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dml {
    /// INSERT.
    #[default]
    Insert,
    /// UPDATE of the rows that have the source row's key; the columns that are no key are set.
    Update,
    /// DELETE of the rows that have the source row's key.
    Delete,
    /// MERGE: UPDATE where the key is there, INSERT where it is not.
    Upsert,
}

/// What becomes of a source row whose key no row of the table has, in [`Dml::Update`] and [`Dml::Delete`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotFound {
    /// It is a bad row, as one that the database refuses.
    #[default]
    Refuse,
    /// It is counted.
    Count,
}

/// How rows are found and what else is done with them, in the modes that look for rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyed {
    /// Names of table columns among the pairs.
    pub keys: Vec<String>,
    /// Which rows of an upsert are deleted.
    pub delete_mark: Option<DeleteMark>,
    /// Rows to be deleted stay and are marked in these columns.
    pub soft_delete: Option<SystemColumns>,
    /// Rows that are inserted or updated are stamped in these columns.
    pub stamp: Option<SystemColumns>,
}

impl Dml {
    /// Whether rows of the table are found by key columns.
    pub fn has_key(self) -> bool {
        self != Dml::Insert
    }

    /// Puts the columns in placeholder order, makes keys compare as their column does, and writes the statement.
    pub(super) fn statement(self, table: &TableName, columns: &mut Vec<PlannedColumn>, keyed: &Keyed) -> Result<String, Error> {
        columns.retain(|column| self != Dml::Delete || column.is_key);
        for key in columns.iter_mut().filter(|column| column.is_key) {
            key.layout = key_layout(&key.target_type, key.layout);
        }
        // ORA-24816: binds that may exceed 4000 bytes come last, except for keys that end an UPDATE: those are short (an index entry is at most
        // 6398 bytes), and Oracle objects to expanded values only. The sort is stable, so the table's order is kept otherwise.
        columns.sort_by_key(|column| (self == Dml::Update && column.is_key, is_long(&column.layout)));
        let names = |keys: Option<bool>| -> Vec<FormedColumn<'_>> {
            let wanted = columns.iter().filter(|c| keys.is_none_or(|keys| keys == c.is_key));
            wanted.map(|c| FormedColumn { name: &c.target, form: c.form }).collect()
        };
        match (self, &keyed.soft_delete) {
            (Dml::Insert, _) => sql::dml::insert(table, &names(None), keyed.stamp.as_ref()),
            (Dml::Update, _) => sql::dml::update(table, &names(Some(false)), &names(Some(true)), keyed.stamp.as_ref()),
            (Dml::Delete, None) => sql::dml::delete(table, &names(Some(true))),
            (Dml::Delete, Some(system)) => sql::dml::soft_delete(table, system, &names(Some(true))),
            (Dml::Upsert, _) => {
                let sql = merge(table, columns, keyed)?;
                columns.extend(keyed.delete_mark.as_ref().map(DeleteMark::planned));
                Ok(sql)
            }
        }
    }

    /// What this statement cannot do with these columns.
    pub(super) fn problems(self, columns: &[PlannedColumn], keyed: &Keyed, problems: &mut Vec<PlanProblem>) {
        for column in columns.iter().filter(|column| column.is_key && column.target_type.takes_long_values()) {
            let reason = format!("{} is a key, but Oracle compares no {}", column.target, column.target_type);
            problems.push(problem(column, reason, "name another column in --key"));
        }
        if self == Dml::Upsert
            && let Some(column) = columns.iter().find(|column| column.target == ROWID)
        {
            problems.push(problem(column, "a new row has no ROWID yet".into(), "--mode update, or name key columns in --key"));
        }
        let deletes = keyed.delete_mark.is_some() && keyed.soft_delete.is_none() && keyed.stamp.is_none();
        if (self == Dml::Update || deletes) && columns.iter().all(|column| column.is_key) {
            let (reason, remedy) =
                ("every column is a key, so there is nothing to set", "name fewer columns in --key, or more in --columns");
            problems.push(PlanProblem { column: None, reason: reason.into(), remedy: remedy.into() });
        }
    }
}

fn merge(table: &TableName, columns: &[PlannedColumn], keyed: &Keyed) -> Result<String, Error> {
    let is_null = |column: &PlannedColumn| column.source_type == DataType::Null && !column.target_type.takes_long_values();
    let casts: Vec<Option<String>> = columns.iter().map(|c| is_null(c).then(|| c.target_type.to_string())).collect();
    let columns: Vec<MergeColumn<'_>> = columns
        .iter()
        .zip(&casts)
        .map(|(column, cast)| MergeColumn { name: &column.target, is_key: column.is_key, cast: cast.as_deref(), form: column.form })
        .collect();
    let mark = keyed.delete_mark.as_ref().map(|_| MARK_COLUMN);
    let options = MergeOptions { mark, soft_delete: keyed.soft_delete.as_ref(), stamp: keyed.stamp.as_ref() };
    sql::dml::merge(table, &columns, options)
}

fn problem(column: &PlannedColumn, reason: String, remedy: &str) -> PlanProblem {
    PlanProblem { column: Some(column.source.clone()), reason, remedy: remedy.into() }
}

fn is_long(layout: &Layout) -> bool {
    matches!(layout, Layout::Variable { long: true, .. })
}

/// A VARCHAR2 that is compared with a CHAR column is not padded, so that 'ab' would never find 'ab  '; a CHAR is.
fn key_layout(target_type: &OracleType, layout: Layout) -> Layout {
    match (target_type, layout) {
        (OracleType::Char(_) | OracleType::Nchar(_), Layout::Variable { stride_bytes, national, long, .. }) => {
            Layout::Variable { external_type: SQLT_AFC, stride_bytes, national, long }
        }
        (_, layout) => layout,
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::super::plan::{ColumnPair, LoadOptions, LoadPlan};
    use super::*;
    use crate::oracle_type::{ColumnDesc, TextSize};

    fn plan(dml: Dml, columns: &[(&str, OracleType)], keys: &[&str]) -> Result<LoadPlan, Error> {
        let pairs: Vec<ColumnPair> = columns
            .iter()
            .enumerate()
            .map(|(source_index, (name, oracle_type))| ColumnPair {
                source_index,
                field: Field::new(name.to_lowercase(), DataType::Utf8, true),
                target: ColumnDesc { name: (*name).into(), oracle_type: oracle_type.clone(), nullable: true },
            })
            .collect();
        let keyed = Keyed { keys: keys.iter().map(|k| (*k).to_owned()).collect(), ..Keyed::default() };
        LoadPlan::dml(dml, &TableName { schema: None, table: "T".into() }, &pairs, &keyed, LoadOptions::default())
    }

    fn text() -> OracleType {
        OracleType::Varchar2(TextSize::bytes(10))
    }

    #[test]
    fn long_binds_come_last_and_keys_end_an_update() {
        let columns = [("C", OracleType::Clob), ("K", text()), ("A", text())];
        assert_eq!(plan(Dml::Insert, &columns, &[]).unwrap().sql, "INSERT INTO T (K, A, C) VALUES (:1, :2, :3)");
        let update = plan(Dml::Update, &columns, &["K"]).unwrap();
        assert_eq!(update.sql, "UPDATE T SET A = :1, C = :2 WHERE K = :3");
        assert_eq!(update.columns.iter().map(|c| c.target.as_str()).collect::<Vec<_>>(), ["A", "C", "K"]);
        let delete = plan(Dml::Delete, &columns, &["K"]).unwrap();
        assert_eq!((delete.sql.as_str(), delete.columns.len()), ("DELETE FROM T WHERE K = :1", 1));
    }

    #[test]
    fn char_keys_are_bound_as_char() {
        let columns = [("K", OracleType::Char(TextSize::bytes(6))), ("A", OracleType::Char(TextSize::bytes(6)))];
        let plan = plan(Dml::Upsert, &columns, &["K"]).unwrap();
        let types = plan.columns.iter().map(|c| match c.layout {
            Layout::Variable { external_type, .. } => external_type,
            _ => 0,
        });
        assert_eq!(types.collect::<Vec<_>>(), [SQLT_AFC, oci_sys::SQLT_CHR]);
    }

    #[test]
    fn what_a_statement_cannot_do_is_said_before_a_row_moves() {
        let columns = [("C", OracleType::Clob), ("K", text())];
        for dml in [Dml::Upsert, Dml::Delete, Dml::Update] {
            let message = plan(dml, &columns, &["C"]).err().unwrap().to_string();
            assert!(message.contains("compares no CLOB"), "{message}");
        }
        assert!(plan(Dml::Update, &[("K", text())], &["K"]).err().unwrap().to_string().contains("nothing to set"));
        assert!(plan(Dml::Upsert, &[("ROWID", text()), ("A", text())], &["ROWID"]).err().unwrap().to_string().contains("no ROWID yet"));
        assert!(plan(Dml::Delete, &columns, &[]).is_err(), "a DELETE without a key would delete everything");
    }
}
