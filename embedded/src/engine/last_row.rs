//! The last row that a statement changed, for `OCI_ATTR_ROWID`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::Connection;

use super::translate::DmlPlan;

/// No row yet: SQLite's own rowids of these tables are positive.
const NONE: i64 = 0;

/// Watches the rows of one table while a plan runs. An INSERT needs no watching: SQLite knows the last row inserted.
pub(super) struct LastRow {
    segment: i64,
    seen: Option<Arc<AtomicI64>>,
}

impl LastRow {
    pub fn watch(connection: &mut Connection, plan: &DmlPlan) -> LastRow {
        let (table, is_insert) = match plan {
            DmlPlan::Insert { table, .. } => (table, true),
            DmlPlan::Update { table, .. } | DmlPlan::Delete { table, .. } => (table, false),
            DmlPlan::Merge(plan) => (&plan.table, false),
        };
        let seen = (!is_insert).then(|| Arc::new(AtomicI64::new(NONE)));
        if let Some(seen) = &seen {
            let (seen, name) = (Arc::clone(seen), table.storage_name());
            let note = move |_, _: &str, changed: &str, rowid: i64| {
                if changed == name {
                    seen.store(rowid, Ordering::Relaxed);
                }
            };
            // Without the hook there is no ROWID to tell, and nothing else amiss.
            let _ = connection.update_hook(Some(note));
        }
        LastRow { segment: table.data_id, seen }
    }

    /// The table and the row last changed, when an iteration changed any.
    pub fn end(self, connection: &mut Connection, changed: bool) -> Option<(i64, i64)> {
        let rowid = match &self.seen {
            None => connection.last_insert_rowid(),
            Some(seen) => {
                let _ = connection.update_hook(None::<fn(rusqlite::hooks::Action, &str, &str, i64)>);
                seen.load(Ordering::Relaxed)
            }
        };
        (changed && rowid != NONE).then_some((self.segment, rowid))
    }
}
