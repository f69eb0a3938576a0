//! CHECK and foreign keys, as triggers of SQLite that fail in Oracle's words.
//!
//! Rows are checked one by one, but a foreign key of a table to itself when the statement ends (`dml::self_check`): only then its parents are
//! all there, or all gone; and the children of keys that several rows change (`dml::keys`).

use rusqlite::Connection;

use super::super::catalog::{Catalog, Constraint, ConstraintKind, OnDelete, Table};
use super::super::{OraError, Result};

/// Both ends of a foreign key.
pub(super) struct Ends<'a> {
    pub child: &'a Table,
    pub constraint: &'a Constraint,
    pub parent: &'a Table,
    pub keys: &'a [usize],
}

impl<'a> Ends<'a> {
    /// Those of a constraint of `child`.
    pub fn find(catalog: &'a Catalog, child: &'a Table, constraint: &'a Constraint) -> Option<Ends<'a>> {
        let reference = constraint.references?;
        // A new table is not in the catalog yet.
        let own = child.constraints.iter().find(|item| item.id == reference.constraint).map(|key| (child, key));
        let (parent, key) = own.or_else(|| catalog.constraint(reference.constraint).map(|(table, key)| (table.as_ref(), key)))?;
        Some(Ends { child, constraint, parent, keys: &key.columns })
    }

    /// `left.c0 = right.c3 AND …`, child's columns on the left.
    fn joined(&self, child: &str, parent: &str) -> String {
        let pairs = self.constraint.columns.iter().zip(self.keys);
        pairs.map(|(column, key)| format!("{child}.c{column} = {parent}.c{key}")).collect::<Vec<_>>().join(" AND ")
    }

    fn child_is_set(&self, child: &str) -> String {
        self.constraint.columns.iter().map(|column| format!("{child}.c{column} IS NOT NULL")).collect::<Vec<_>>().join(" AND ")
    }

    /// SQL of a child without parent.
    pub fn orphan(&self, child: &str) -> String {
        let (set, joined) = (self.child_is_set(child), self.joined(child, "p"));
        format!("{set} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {joined})", self.parent.storage_name())
    }

    fn name(&self) -> String {
        format!("{}.{}", self.child.owner, self.constraint.name)
    }

    pub fn is_to_itself(&self) -> bool {
        self.child.id == self.parent.id
    }
}

fn raise(code: i32, text: &str) -> String {
    let message = OraError::new(code, text).message.replace('\'', "''");
    format!("SELECT RAISE(ABORT, '{message}');")
}

/// Makes the triggers of a foreign key.
pub(super) fn create_foreign(connection: &Connection, ends: &Ends<'_>) -> Result<()> {
    let (id, child, parent) = (ends.constraint.id, ends.child.storage_name(), ends.parent.storage_name());
    let name = ends.name();
    if !ends.is_to_itself() {
        let missing = raise(2291, &format!("integrity constraint ({name}) violated - parent key not found"));
        let orphan = ends.orphan("NEW");
        let columns = ends.constraint.columns.iter().map(|column| format!("c{column}")).collect::<Vec<_>>().join(", ");
        connection.execute_batch(&format!(
            "CREATE TRIGGER fi{id} AFTER INSERT ON {child} WHEN {orphan} BEGIN {missing} END;
             CREATE TRIGGER fu{id} AFTER UPDATE OF {columns} ON {child} WHEN CASE WHEN o_moving() THEN 0 ELSE {orphan} END BEGIN {missing} END;"
        ))?;
    }
    let joined = ends.joined(&child, "OLD");
    let found = raise(2292, &format!("integrity constraint ({name}) violated - child record found"));
    let exists = format!("EXISTS (SELECT 1 FROM {child} WHERE {joined})");
    let on_delete = ends.constraint.references.map_or(OnDelete::Refuse, |reference| reference.on_delete);
    let nulls = ends.constraint.columns.iter().map(|column| format!("c{column} = NULL")).collect::<Vec<_>>().join(", ");
    let scn = super::super::undo::NEWEST_SCN;
    let action = match on_delete {
        OnDelete::Refuse if ends.is_to_itself() => None,
        OnDelete::Refuse => Some((format!("WHEN {exists}"), found.clone())),
        OnDelete::Cascade => Some((String::new(), format!("DELETE FROM {child} WHERE {joined};"))),
        OnDelete::SetNull => Some((String::new(), format!("UPDATE {child} SET {nulls}, s = {scn} WHERE {joined};"))),
    };
    if let Some((condition, action)) = action {
        connection.execute_batch(&format!("CREATE TRIGGER fd{id} AFTER DELETE ON {parent} {condition} BEGIN {action} END"))?;
    }
    if !ends.is_to_itself() {
        let keys = ends.keys.iter().map(|key| format!("c{key}")).collect::<Vec<_>>().join(", ");
        let changed = ends.keys.iter().map(|key| format!("OLD.c{key} IS NOT NEW.c{key}")).collect::<Vec<_>>().join(" OR ");
        connection.execute_batch(&format!(
            "CREATE TRIGGER fp{id} AFTER UPDATE OF {keys} ON {parent} WHEN CASE WHEN o_moving() THEN 0 ELSE ({changed}) AND {exists} END BEGIN {found} END"
        ))?;
    }
    Ok(())
}

/// Makes the triggers of a CHECK; `condition` is SQL of the row `NEW`.
pub(super) fn create_check(connection: &Connection, table: &Table, constraint: &Constraint, condition: &str) -> Result<()> {
    let (id, storage) = (constraint.id, table.storage_name());
    let violated = raise(2290, &format!("check constraint ({}.{}) violated", table.owner, constraint.name));
    Ok(connection.execute_batch(&format!(
        "CREATE TRIGGER ki{id} BEFORE INSERT ON {storage} WHEN NOT ({condition}) BEGIN {violated} END;
         CREATE TRIGGER ku{id} BEFORE UPDATE ON {storage} WHEN CASE WHEN o_moving() THEN 0 ELSE NOT ({condition}) END BEGIN {violated} END;"
    ))?)
}

/// Removes the triggers of a constraint, wherever they are.
pub(super) fn drop_rules(connection: &Connection, constraint: &Constraint) -> Result<()> {
    if matches!(constraint.kind, ConstraintKind::Check | ConstraintKind::Foreign) {
        for name in ["ki", "ku", "fi", "fu", "fd", "fp"] {
            connection.execute_batch(&format!("DROP TRIGGER IF EXISTS {name}{}", constraint.id))?;
        }
    }
    Ok(())
}
