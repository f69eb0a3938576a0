//! UPDATE, DELETE and MERGE with one placeholder a value, for array execution: each iteration is a statement about one source row.
//!
//! No placeholder is wrapped in a CAST: the converters bind every value in the type of its own column (a CHAR key as CHAR, see `load`), so
//! Oracle converts nothing, whereas CAST cuts text and rounds numbers without a word.

use super::{identifier, table};
use crate::error::{Error, Result};
use crate::oracle_type::TableName;

/// The name by which a row's address is meant. No table can have a column of this name.
pub const ROWID: &str = "ROWID";

/// `UPDATE t SET A = :1, B = :2 WHERE K = :3`: placeholders in the order of `columns`, then of `keys`.
///
/// # Errors
/// As [`identifier`]; also without a column or without a key.
pub fn update<S: AsRef<str>>(name: &TableName, columns: &[S], keys: &[S]) -> Result<String> {
    require(name, "update", columns)?;
    let set = columns.iter().zip(1..).map(|(column, position)| Ok(format!("{} = :{position}", identifier(column.as_ref())?)));
    let set = set.collect::<Result<Vec<_>>>()?.join(", ");
    Ok(format!("UPDATE {} SET {set} WHERE {}", table(name)?, key_condition(name, keys, columns.len() + 1)?))
}

/// `DELETE FROM t WHERE K = :1`.
///
/// # Errors
/// As [`identifier`]; also without a key.
pub fn delete<S: AsRef<str>>(name: &TableName, keys: &[S]) -> Result<String> {
    Ok(format!("DELETE FROM {} WHERE {}", table(name)?, key_condition(name, keys, 1)?))
}

/// `MERGE INTO t T USING (SELECT :1 K, :2 A FROM DUAL) S ON (T.K = S.K) WHEN MATCHED … WHEN NOT MATCHED …`: placeholders in the order of
/// `columns`, which hold the keys too. Columns that are no key are updated; where there are none, a row that is there stays as it is.
///
/// # Errors
/// As [`identifier`]; also without a key.
pub fn merge<S: AsRef<str>>(name: &TableName, columns: &[S], keys: &[S]) -> Result<String> {
    require(name, "merge", keys)?;
    let is_key = |column: &str| keys.iter().any(|key| key.as_ref() == column);
    let (mut source, mut set, mut names, mut values, mut on) = (vec![], vec![], vec![], vec![], vec![]);
    for (column, position) in columns.iter().zip(1..) {
        let quoted = identifier(column.as_ref())?;
        source.push(format!(":{position} {quoted}"));
        match is_key(column.as_ref()) {
            true => on.push(format!("T.{quoted} = S.{quoted}")),
            false => set.push(format!("T.{quoted} = S.{quoted}")),
        }
        values.push(format!("S.{quoted}"));
        names.push(quoted);
    }
    let matched = if set.is_empty() { String::new() } else { format!(" WHEN MATCHED THEN UPDATE SET {}", set.join(", ")) };
    Ok(format!(
        "MERGE INTO {} T USING (SELECT {} FROM DUAL) S ON ({}){matched} WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})",
        table(name)?,
        source.join(", "),
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
        assert_eq!(update(&t(), &["A", "b"], &["K", "DATE"]).unwrap(), "UPDATE S.T SET A = :1, \"b\" = :2 WHERE K = :3 AND \"DATE\" = :4");
        assert_eq!(delete(&t(), &["K", "L"]).unwrap(), "DELETE FROM S.T WHERE K = :1 AND L = :2");
    }

    #[test]
    fn a_row_address_is_no_name() {
        assert_eq!(update(&t(), &["A"], &["ROWID"]).unwrap(), "UPDATE S.T SET A = :1 WHERE ROWID = :2");
        assert_eq!(delete(&t(), &["ROWID"]).unwrap(), "DELETE FROM S.T WHERE ROWID = :1");
    }

    #[test]
    fn merge_updates_what_is_no_key() {
        assert_eq!(
            merge(&t(), &["A", "K", "b"], &["K"]).unwrap(),
            "MERGE INTO S.T T USING (SELECT :1 A, :2 K, :3 \"b\" FROM DUAL) S ON (T.K = S.K) \
             WHEN MATCHED THEN UPDATE SET T.A = S.A, T.\"b\" = S.\"b\" \
             WHEN NOT MATCHED THEN INSERT (A, K, \"b\") VALUES (S.A, S.K, S.\"b\")"
        );
        let only_keys = merge(&t(), &["K", "L"], &["K", "L"]).unwrap();
        assert!(only_keys.contains("ON (T.K = S.K AND T.L = S.L) WHEN NOT MATCHED"), "{only_keys}");
    }

    #[test]
    fn nothing_is_done_to_all_rows_by_mistake() {
        let none: [&str; 0] = [];
        for refused in [update(&t(), &["A"], &none), update(&t(), &none, &["K"]), delete(&t(), &none), merge(&t(), &["A"], &none)] {
            assert!(matches!(refused, Err(Error::Usage { .. })));
        }
    }
}
