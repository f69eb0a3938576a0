//! UPDATE, DELETE and MERGE with one placeholder a value, for array execution: each iteration is a statement about one source row.
//!
//! No placeholder is wrapped in a CAST: the converters bind every value in the type of its own column (a CHAR key as CHAR, see `load`), so
//! Oracle converts nothing, whereas CAST cuts text and rounds numbers without a word.

use super::{identifier, table};
use crate::error::{Error, Result};
use crate::oracle_type::TableName;

/// The name by which a row's address is meant. No table can have a column of this name.
pub const ROWID: &str = "ROWID";

/// The database's time, with its zone.
const NOW: &str = "SYSTIMESTAMP";

/// `UPDATE t SET A = :1, B = :2 WHERE K = :3`: placeholders in the order of `columns`, then of `keys`. With `stamp` the time is set, too; whether
/// the row counts as deleted stays as it is.
///
/// # Errors
/// As [`identifier`]; also without a column or without a key.
pub fn update<S: AsRef<str>>(name: &TableName, columns: &[S], keys: &[S], stamp: Option<&SystemColumns>) -> Result<String> {
    require(name, "update", columns)?;
    let set = columns.iter().zip(1..).map(|(column, position)| Ok(format!("{} = :{position}", identifier(column.as_ref())?)));
    let mut set = set.collect::<Result<Vec<_>>>()?;
    if let Some(updated) = stamp.and_then(|stamp| stamp.updated.as_ref()) {
        set.push(format!("{} = {NOW}", identifier(updated)?));
    }
    Ok(format!("UPDATE {} SET {} WHERE {}", table(name)?, set.join(", "), key_condition(name, keys, columns.len() + 1)?))
}

/// `INSERT INTO t (A, B, "_updated", "_deleted") VALUES (:1, :2, SYSTIMESTAMP, 0)`; without `stamp` as [`super::insert`].
///
/// # Errors
/// As there.
pub fn insert<S: AsRef<str>>(name: &TableName, columns: &[S], stamp: Option<&SystemColumns>) -> Result<String> {
    let sql = super::insert(name, columns)?;
    let Some(stamp) = stamp else { return Ok(sql) };
    let names: Vec<&str> = columns.iter().map(AsRef::as_ref).chain(stamp.updated.as_deref()).chain([stamp.deleted.as_str()]).collect();
    let names = names.into_iter().map(identifier).collect::<Result<Vec<_>>>()?.join(", ");
    let mut values: Vec<String> = (1..=columns.len()).map(|position| format!(":{position}")).collect();
    values.extend(stamp.updated.as_ref().map(|_| NOW.to_owned()));
    values.push("0".into());
    Ok(format!("INSERT INTO {} ({names}) VALUES ({})", table(name)?, values.join(", ")))
}

/// `DELETE FROM t WHERE K = :1`.
///
/// # Errors
/// As [`identifier`]; also without a key.
pub fn delete<S: AsRef<str>>(name: &TableName, keys: &[S]) -> Result<String> {
    Ok(format!("DELETE FROM {} WHERE {}", table(name)?, key_condition(name, keys, 1)?))
}

/// `UPDATE t SET "_deleted" = 1, "_updated" = SYSTIMESTAMP WHERE K = :1`: a DELETE that leaves the row.
///
/// # Errors
/// As [`identifier`]; also without a key.
pub fn soft_delete<S: AsRef<str>>(name: &TableName, system: &SystemColumns, keys: &[S]) -> Result<String> {
    let mut set = format!("{} = 1", identifier(&system.deleted)?);
    if let Some(updated) = &system.updated {
        set.push_str(&format!(", {} = {NOW}", identifier(updated)?));
    }
    Ok(format!("UPDATE {} SET {set} WHERE {}", table(name)?, key_condition(name, keys, 1)?))
}

/// Columns that say of a row whether it counts as deleted (1 or 0), and when it was last changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemColumns {
    /// A NUMBER.
    pub deleted: String,
    /// A DATE or TIMESTAMP, where the table has it.
    pub updated: Option<String>,
}

/// A column of a MERGE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeColumn<'a> {
    /// Name.
    pub name: &'a str,
    /// Rows are found by it.
    pub is_key: bool,
    /// What is bound is text, and NULL in every row. A branch of a CASE has to have the column's type all the same (ORA-00932), which this names.
    pub cast: Option<&'a str>,
}

/// What a MERGE does beside updating and inserting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeOptions<'a> {
    /// A last placeholder of this name, 1 or 0: whether the row is to be deleted. A matched row's other columns then stay as they are, so that a
    /// mark needs no values beside the key.
    pub mark: Option<&'a str>,
    /// Rows to be deleted stay and are marked in these columns.
    pub soft_delete: Option<&'a SystemColumns>,
    /// What is inserted or updated is stamped in these columns.
    pub stamp: Option<&'a SystemColumns>,
}

/// `MERGE INTO t T USING (SELECT :1 K, :2 A FROM DUAL) S ON (T.K = S.K) WHEN MATCHED … WHEN NOT MATCHED …`: placeholders in the order of
/// `columns`, then the mark. Columns that are no key are updated; where there are none, a row that is there stays as it is.
///
/// # Errors
/// As [`identifier`]; also without a key.
pub fn merge(name: &TableName, columns: &[MergeColumn<'_>], options: MergeOptions<'_>) -> Result<String> {
    let mut source = Vec::with_capacity(columns.len() + 1);
    for (column, position) in columns.iter().zip(1..) {
        let quoted = identifier(column.name)?;
        source.push(match column.cast {
            Some(oracle_type) => format!("CAST(:{position} AS {oracle_type}) {quoted}"),
            None => format!(":{position} {quoted}"),
        });
    }
    if let Some(mark) = options.mark {
        source.push(format!(":{} {}", columns.len() + 1, identifier(mark)?));
    }
    merge_from(name, columns, options, &format!("SELECT {} FROM DUAL", source.join(", ")))
}

/// As [`merge`], with the rows of the query `source`, which has the columns and the mark by their names.
///
/// # Errors
/// As [`identifier`]; also without a key.
pub fn merge_from(name: &TableName, columns: &[MergeColumn<'_>], options: MergeOptions<'_>, source: &str) -> Result<String> {
    require(name, "merge", &columns.iter().filter(|c| c.is_key).collect::<Vec<_>>())?;
    let mark = options.mark.map(identifier).transpose()?;
    let (mut set, mut names, mut values, mut on) = (vec![], vec![], vec![], vec![]);
    for column in columns {
        let quoted = identifier(column.name)?;
        match (column.is_key, &mark) {
            (true, _) => on.push(format!("T.{quoted} = S.{quoted}")),
            (false, None) => set.push(format!("T.{quoted} = S.{quoted}")),
            (false, Some(mark)) => set.push(format!("T.{quoted} = CASE WHEN S.{mark} = 1 THEN T.{quoted} ELSE S.{quoted} END")),
        }
        values.push(format!("S.{quoted}"));
        names.push(quoted);
    }
    if let Some(system) = options.soft_delete.or(options.stamp) {
        let deleted = identifier(&system.deleted)?;
        let marked = mark.as_ref().filter(|_| options.soft_delete.is_some());
        set.push(format!("T.{deleted} = {}", marked.map_or("0".into(), |mark| format!("S.{mark}"))));
        names.push(deleted);
        values.push("0".into());
        if let Some(updated) = &system.updated {
            let updated = identifier(updated)?;
            set.push(format!("T.{updated} = {NOW}"));
            names.push(updated);
            values.push(NOW.into());
        }
    }
    let (mut matched, mut inserted) = (String::new(), String::new());
    if !set.is_empty() {
        matched = format!(" WHEN MATCHED THEN UPDATE SET {}", set.join(", "));
    }
    if let Some(mark) = &mark {
        matched.push_str(&if options.soft_delete.is_none() { format!(" DELETE WHERE S.{mark} = 1") } else { String::new() });
        inserted = format!(" WHERE S.{mark} = 0");
    }
    Ok(format!(
        "MERGE INTO {} T USING ({source}) S ON ({}){matched} WHEN NOT MATCHED THEN INSERT ({}) VALUES ({}){inserted}",
        table(name)?,
        on.join(" AND "),
        names.join(", "),
        values.join(", ")
    ))
}

fn key_condition<S: AsRef<str>>(name: &TableName, keys: &[S], first_position: usize) -> Result<String> {
    require(name, "find rows by", keys)?;
    let condition = |(key, position): (&S, usize)| match key.as_ref() {
        // A pseudocolumn, not a name: quoted it would be ORA-00904.
        ROWID => Ok(format!("{ROWID} = :{position}")),
        key => Ok(format!("{} = :{position}", identifier(key)?)),
    };
    Ok(keys.iter().zip(first_position..).map(condition).collect::<Result<Vec<_>>>()?.join(" AND "))
}

fn require<S>(name: &TableName, what: &str, columns: &[S]) -> Result<()> {
    if columns.is_empty() {
        return Err(Error::Usage {
            message: format!("no column to {what} in {name}"),
            remedy: "name the key in --key and at least one more source column".into(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t() -> TableName {
        TableName { schema: Some("S".into()), table: "T".into() }
    }

    #[test]
    fn placeholders_follow_the_text() {
        assert_eq!(
            update(&t(), &["A", "b"], &["K", "DATE"], None).unwrap(),
            "UPDATE S.T SET A = :1, \"b\" = :2 WHERE K = :3 AND \"DATE\" = :4"
        );
        assert_eq!(delete(&t(), &["K", "L"]).unwrap(), "DELETE FROM S.T WHERE K = :1 AND L = :2");
    }

    #[test]
    fn a_row_address_is_no_name() {
        assert_eq!(update(&t(), &["A"], &["ROWID"], None).unwrap(), "UPDATE S.T SET A = :1 WHERE ROWID = :2");
        assert_eq!(delete(&t(), &["ROWID"]).unwrap(), "DELETE FROM S.T WHERE ROWID = :1");
    }

    fn columns<'a>(names: &[&'a str], keys: &[&str]) -> Vec<MergeColumn<'a>> {
        names.iter().map(|name| MergeColumn { name, is_key: keys.contains(name), cast: None }).collect()
    }

    #[test]
    fn merge_updates_what_is_no_key() {
        assert_eq!(
            merge(&t(), &columns(&["A", "K", "b"], &["K"]), MergeOptions::default()).unwrap(),
            "MERGE INTO S.T T USING (SELECT :1 A, :2 K, :3 \"b\" FROM DUAL) S ON (T.K = S.K) \
             WHEN MATCHED THEN UPDATE SET T.A = S.A, T.\"b\" = S.\"b\" \
             WHEN NOT MATCHED THEN INSERT (A, K, \"b\") VALUES (S.A, S.K, S.\"b\")"
        );
        let only_keys = merge(&t(), &columns(&["K", "L"], &["K", "L"]), MergeOptions::default()).unwrap();
        assert!(only_keys.contains("ON (T.K = S.K AND T.L = S.L) WHEN NOT MATCHED"), "{only_keys}");
    }

    #[test]
    fn a_mark_deletes_and_is_not_inserted() {
        let mut columns = columns(&["K", "A"], &["K"]);
        columns[1].cast = Some("DATE");
        let hard = MergeOptions { mark: Some("D"), ..MergeOptions::default() };
        assert_eq!(
            merge(&t(), &columns, hard).unwrap(),
            "MERGE INTO S.T T USING (SELECT :1 K, CAST(:2 AS DATE) A, :3 D FROM DUAL) S ON (T.K = S.K) \
             WHEN MATCHED THEN UPDATE SET T.A = CASE WHEN S.D = 1 THEN T.A ELSE S.A END DELETE WHERE S.D = 1 \
             WHEN NOT MATCHED THEN INSERT (K, A) VALUES (S.K, S.A) WHERE S.D = 0"
        );
        let system = SystemColumns { deleted: "_deleted".into(), updated: Some("_updated".into()) };
        let soft = merge(&t(), &columns, MergeOptions { mark: Some("D"), soft_delete: Some(&system), stamp: None }).unwrap();
        for part in [
            ", T.\"_deleted\" = S.D, T.\"_updated\" = SYSTIMESTAMP WHEN NOT MATCHED",
            "INSERT (K, A, \"_deleted\", \"_updated\") VALUES (S.K, S.A, 0, SYSTIMESTAMP) WHERE S.D = 0",
        ] {
            assert!(soft.contains(part), "{part}: {soft}");
        }
        assert_eq!(
            soft_delete(&t(), &system, &["K"]).unwrap(),
            "UPDATE S.T SET \"_deleted\" = 1, \"_updated\" = SYSTIMESTAMP WHERE K = :1"
        );
    }

    #[test]
    fn stamps_are_set_by_the_database() {
        let system = SystemColumns { deleted: "_deleted".into(), updated: Some("_updated".into()) };
        let stamp = Some(&system);
        assert_eq!(
            insert(&t(), &["A", "b"], stamp).unwrap(),
            "INSERT INTO S.T (A, \"b\", \"_updated\", \"_deleted\") VALUES (:1, :2, SYSTIMESTAMP, 0)"
        );
        assert_eq!(insert(&t(), &["A"], None).unwrap(), "INSERT INTO S.T (A) VALUES (:1)");
        assert_eq!(update(&t(), &["A"], &["K"], stamp).unwrap(), "UPDATE S.T SET A = :1, \"_updated\" = SYSTIMESTAMP WHERE K = :2");
        let columns = columns(&["K"], &["K"]);
        let stamped = merge(&t(), &columns, MergeOptions { mark: Some("D"), soft_delete: None, stamp }).unwrap();
        let matched = "WHEN MATCHED THEN UPDATE SET T.\"_deleted\" = 0, T.\"_updated\" = SYSTIMESTAMP DELETE WHERE S.D = 1";
        assert!(stamped.contains(matched) && stamped.ends_with("VALUES (S.K, 0, SYSTIMESTAMP) WHERE S.D = 0"), "{stamped}");
    }

    #[test]
    fn nothing_is_done_to_all_rows_by_mistake() {
        let none: [&str; 0] = [];
        for refused in [
            update(&t(), &["A"], &none, None),
            update(&t(), &none, &["K"], None),
            delete(&t(), &none),
            merge(&t(), &columns(&["A"], &[]), MergeOptions::default()),
        ] {
            assert!(matches!(refused, Err(Error::Usage { .. })));
        }
    }
}
