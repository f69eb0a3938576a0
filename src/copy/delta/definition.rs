//! How a table of the database is defined, as far as the dictionary tells: DDL takes rows away, and brings others, without versions of them and with the
//! ORA_ROWSCN that they had. Oracle answers for some DDL with ORA-01466, and for other with fewer rows (a partition exchanged, a column added with a
//! default). So each commit of a job says how the table was defined before its moment, and the next one looks whether it still is.
//!
//! Object and segments (TRUNCATE, MOVE and the exchange of a partition give others), columns, and LAST_DDL_TIME, which is that of all DDL on the table and
//! what depends on it. The latter changes by a GRANT or an index, too: that is taken for more than it is, and nothing is lost by it.

use std::thread::sleep;
use std::time::Duration;

use olbridge_delta::table::HistoryEntry;
use serde_json::{Value, json};
use twox_hash::XxHash3_128;

use super::{DeltaJob, Follow};
use crate::copy::guard::current_schema;
use crate::error::{Error, Phase, Result};
use crate::oci::Session;
use crate::oracle_type::TableName;
use crate::sql;
use crate::transaction::ORA_CANCELLED;

/// Commit info: how the table was defined at the moment of the commit.
pub(super) const DEFINITION_KEY: &str = "olbridge.definition";
/// A synonym of a synonym, and so on; more than this is a circle.
const MOST_SYNONYMS: u32 = 8;
/// No such column, no such view: a server without this dictionary.
const DICTIONARY_LACKS: [i32; 2] = [904, 942];
/// LAST_DDL_TIME has seconds: what happens in the same one after it was read would not show. So that second is waited for.
const ASK_AGAIN: (u32, Duration) = (15, Duration::from_millis(100));

/// How a table is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    /// OBJECT_ID of the table.
    object_id: String,
    /// Hash of the objects and segments of it and its partitions.
    segments: String,
    /// Hash of names and types of its columns.
    columns: String,
    last_ddl_time: String,
    /// Number and incarnation of the database; empty where the user may not see them.
    database: String,
}

impl Definition {
    /// Asks the dictionary; `None` where it does not tell.
    ///
    /// # Errors
    /// Those of the queries.
    pub fn of(session: &Session, name: &TableName) -> Result<Option<Definition>> {
        let answer = look_up(session, name).map(|found| found.map(|(definition, _)| definition));
        none_without_dictionary(answer)
    }

    /// As [`Self::of`], when the second of its last DDL is over.
    fn settled(session: &Session, name: &TableName) -> Result<Option<Definition>> {
        let (tries, pause) = ASK_AGAIN;
        for _ in 0..tries {
            match none_without_dictionary(look_up(session, name))? {
                Some((_, true)) => sleep(pause),
                Some((definition, false)) => return Ok(Some(definition)),
                None => return Ok(None),
            }
        }
        Self::of(session, name)
    }

    fn to_value(&self) -> Value {
        json!({"object_id": self.object_id, "segments": self.segments, "columns": self.columns, "last_ddl_time": self.last_ddl_time,
            "database": self.database})
    }

    fn from_value(value: &Value) -> Option<Definition> {
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        Some(Definition {
            object_id: text("object_id")?,
            segments: text("segments")?,
            columns: text("columns")?,
            last_ddl_time: text("last_ddl_time")?,
            database: text("database").unwrap_or_default(),
        })
    }

    /// What makes rows of one table rows of another.
    fn difference_of_rows(&self, now: &Definition) -> Option<&'static str> {
        let is_other_database = [self, now].iter().all(|known| !known.database.is_empty()) && self.database != now.database;
        match () {
            () if is_other_database => Some("it is another database, or an earlier state of it (RESETLOGS)"),
            () if self.object_id != now.object_id => Some("it is another table of this name"),
            () if self.columns != now.columns => Some("its columns are others"),
            () if self.segments != now.segments => {
                Some("its segments are others (TRUNCATE, MOVE, or a partition exchanged, added or dropped)")
            }
            () => None,
        }
    }

    fn difference(&self, now: &Definition) -> Option<String> {
        let is_touched = self.last_ddl_time != now.last_ddl_time;
        let touched = || format!("DDL has touched it at {} (ALTER TABLE, but a GRANT or an index, too)", now.last_ddl_time);
        self.difference_of_rows(now).map(str::to_owned).or_else(|| is_touched.then(touched))
    }
}

fn none_without_dictionary<T>(answer: Result<Option<T>>) -> Result<Option<T>> {
    match answer {
        Err(Error::Database { ora_code, session_dead: false, .. }) if DICTIONARY_LACKS.contains(&ora_code) => Ok(None),
        answer => answer,
    }
}

/// And whether its last DDL is of this second.
fn look_up(session: &Session, name: &TableName) -> Result<Option<(Definition, bool)>> {
    let Some(table) = session.describe_table(name)? else { return Ok(None) };
    let columns: Vec<String> = table.columns.iter().map(|column| format!("{} {}", column.name, column.oracle_type)).collect();
    let mut found = Object { owner: name.schema.clone(), name: name.table.clone() };
    for _ in 0..MOST_SYNONYMS {
        let Some(owner) = found.owner.clone().map_or_else(|| current_schema(session), |owner| Ok(Some(owner)))? else { break };
        if let Some((mut definition, is_now)) = segments(session, &owner, &found.name)? {
            definition.columns = hash(&columns.join("\n"));
            definition.database = database(session)?;
            return Ok(Some((definition, is_now)));
        }
        match synonym(session, (&owner, found.owner.is_none()), &found.name)? {
            Some(next) => found = next,
            None => break,
        }
    }
    Ok(None)
}

/// SCNs of a restored database go on from an earlier one, and tell nothing of what was there then.
fn database(session: &Session) -> Result<String> {
    let mut found = String::new();
    let asked = session.query_text("SELECT TO_CHAR(DBID), TO_CHAR(RESETLOGS_CHANGE#) FROM V$DATABASE", &mut |cells| {
        found = cells.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        Ok(())
    });
    match asked {
        Err(Error::Database { session_dead: false, ora_code, .. }) if ora_code != ORA_CANCELLED => Ok(String::new()),
        asked => asked.map(|_| found),
    }
}

struct Object {
    owner: Option<String>,
    name: String,
}

fn segments(session: &Session, owner: &str, name: &str) -> Result<Option<(Definition, bool)>> {
    let sql = format!(
        "SELECT OBJECT_TYPE, TO_CHAR(OBJECT_ID), TO_CHAR(DATA_OBJECT_ID), TO_CHAR(LAST_DDL_TIME, 'YYYY-MM-DD HH24:MI:SS'), \
         CASE WHEN LAST_DDL_TIME >= SYSDATE AND LAST_DDL_TIME < SYSDATE + 2 / 86400 THEN 'Y' ELSE 'N' END \
         FROM ALL_OBJECTS WHERE OWNER = {} AND OBJECT_NAME = {} \
         AND OBJECT_TYPE IN ('TABLE', 'VIEW', 'TABLE PARTITION', 'TABLE SUBPARTITION')",
        sql::literal(owner),
        sql::literal(name)
    );
    let (mut object_id, mut segments, mut last_ddl_time, mut is_now) = (None, Vec::new(), String::new(), false);
    session.query_text(&sql, &mut |row| {
        if let [Some(kind), Some(id), data_id, ddl, now] = row {
            if matches!(kind.as_str(), "TABLE" | "VIEW") {
                object_id = Some(id.clone());
            }
            segments.push(format!("{id} {}", data_id.as_deref().unwrap_or("-")));
            last_ddl_time = last_ddl_time.clone().max(ddl.clone().unwrap_or_default());
            is_now |= now.as_deref() == Some("Y");
        }
        Ok(())
    })?;
    segments.sort_unstable();
    let segments = hash(&segments.join("\n"));
    Ok(object_id
        .map(|object_id| (Definition { object_id, segments, columns: String::new(), last_ddl_time, database: String::new() }, is_now)))
}

/// What a synonym of the schema, or one of all where the name has no schema, is for.
fn synonym(session: &Session, (owner, also_public): (&str, bool), name: &str) -> Result<Option<Object>> {
    let public = if also_public { " OR OWNER = 'PUBLIC'" } else { "" };
    let sql = format!(
        "SELECT TABLE_OWNER, TABLE_NAME FROM ALL_SYNONYMS WHERE (OWNER = {}{public}) AND SYNONYM_NAME = {} AND DB_LINK IS NULL \
         ORDER BY CASE OWNER WHEN 'PUBLIC' THEN 2 ELSE 1 END",
        sql::literal(owner),
        sql::literal(name)
    );
    let mut found = None;
    session.query_text(&sql, &mut |row| {
        if let ([owner, Some(name)], None) = (row, &found) {
            found = Some(Object { owner: owner.clone(), name: name.clone() });
        }
        Ok(())
    })?;
    Ok(found)
}

fn hash(text: &str) -> String {
    format!("{:032x}", XxHash3_128::oneshot(text.as_bytes()))
}

/// What is known of the definition when a job is planned.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Before the moment that is read.
    now: Option<Definition>,
    /// How it differs from that of the last epoch; `None` where it does not, or there is no epoch.
    difference: Option<String>,
    /// What the commit says: it holds at its moment.
    pub said: Option<Value>,
}

impl Known {
    /// A look that comes before the moment that is read; `None` where that moment is long past.
    pub fn before_moment(job: &DeltaJob, session: &Session) -> Result<Option<Definition>> {
        let name = match (&job.job, job.export.selection.query.is_none()) {
            (Some(_), true) => job.export.source.require_table()?,
            _ => return Ok(None),
        };
        Definition::settled(session, name)
    }

    /// `is_before`: no DDL has been between the look and the moment. `last`: the commit of the epoch that is gone on from.
    pub fn new(now: Option<Definition>, is_before: bool, last: Option<&HistoryEntry>) -> Known {
        let then = last.and_then(|last| last.info.get(DEFINITION_KEY)).and_then(Definition::from_value);
        let difference = match (&then, &now, last) {
            (_, _, None) => None,
            (Some(then), Some(now), _) => then.difference(now),
            (None, Some(_), _) => Some("the commit of that epoch does not say how it was defined then".to_owned()),
            (_, None, _) => Some("the dictionary does not tell this user how it is defined".to_owned()),
        };
        let is_said = is_before || (last.is_some() && difference.is_none());
        let said = now.as_ref().filter(|_| is_said).map(Definition::to_value);
        Known { now, difference, said }
    }

    /// Why changes may not tell all that is different.
    pub fn difference(&self) -> Option<&str> {
        self.difference.as_deref()
    }

    /// Refuses rows that were read while the table became another one: the dictionary is not as of the moment that is read.
    ///
    /// # Errors
    /// [`Error::Database`]; nothing is committed.
    pub fn check(&self, session: &Session, name: &TableName) -> Result<()> {
        let Some(then) = &self.now else { return Ok(()) };
        let difference = match Definition::of(session, name)? {
            Some(now) => then.difference_of_rows(&now),
            None => Some("it is no longer there"),
        };
        let Some(difference) = difference else { return Ok(()) };
        Err(Error::Database {
            phase: Phase::Query,
            table: Some(name.to_string()),
            ora_code: 0,
            message: format!("the table was altered while it was read: {difference}; nothing is committed"),
            remedy: "run it again when nobody alters the table".into(),
            session_dead: false,
        })
    }
}

impl DeltaJob {
    /// Refuses versions across DDL, which may not tell all.
    pub(super) fn refuse_altered(&self, known: &Known, epoch: Option<u64>) -> Result<()> {
        match (known.difference(), epoch, &self.follow) {
            (Some(difference), Some(epoch), Some(Follow::Versions)) => {
                let reason = format!(
                    "the versions since SCN {epoch}, which the Delta table has, may not tell all that has changed in {}: {difference}",
                    self.export.source
                );
                Err(self.refused_with(None, reason, format!("{}; or {}", self.compare_once(), self.full_load())))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn definition() -> Definition {
        Definition {
            object_id: "7".into(),
            segments: "s".into(),
            columns: "c".into(),
            last_ddl_time: "2026-01-01 00:00:00".into(),
            database: "1 1".into(),
        }
    }

    fn commit(value: Option<Value>) -> HistoryEntry {
        let info = value.map(|value| (DEFINITION_KEY.to_owned(), value)).into_iter().collect();
        HistoryEntry { version: 3, timestamp: None, operation: None, parameters: BTreeMap::new(), info }
    }

    #[test]
    fn each_part_of_a_definition_is_looked_at() {
        let (then, last) = (definition(), commit(Some(definition().to_value())));
        let difference = |now: Definition| Known::new(Some(now), true, Some(&last)).difference;
        assert_eq!(difference(then.clone()), None);
        for (now, part) in [
            (Definition { object_id: "8".into(), ..then.clone() }, "another table"),
            (Definition { database: "1 2".into(), ..then.clone() }, "RESETLOGS"),
            (Definition { segments: "t".into(), ..then.clone() }, "segments"),
            (Definition { columns: "d".into(), ..then.clone() }, "columns"),
            (Definition { last_ddl_time: "2026-01-01 00:00:01".into(), ..then.clone() }, "at 2026-01-01 00:00:01"),
        ] {
            assert!(difference(now.clone()).is_some_and(|text| text.contains(part)), "{now:?}");
        }
        assert_eq!(difference(Definition { database: String::new(), ..then.clone() }), None, "it is not to be seen");
        assert_eq!(then.difference_of_rows(&Definition { last_ddl_time: String::new(), ..then.clone() }), None);
    }

    #[test]
    fn what_is_not_known_is_not_said_and_not_taken_for_the_same() {
        let known = |now: Option<Definition>, is_before, last: Option<Option<Value>>| {
            let known = Known::new(now, is_before, last.map(commit).as_ref());
            (known.difference.is_some(), known.said.is_some())
        };
        let value = || Some(Some(definition().to_value()));
        assert_eq!(known(Some(definition()), true, None), (false, true), "the first load");
        assert_eq!(known(Some(definition()), false, None), (false, false), "of a moment that is past");
        assert_eq!(known(Some(definition()), false, value()), (false, true), "past, and nothing has changed");
        assert_eq!(known(Some(definition()), true, Some(None)), (true, true), "an epoch of before");
        assert_eq!(known(Some(definition()), true, Some(Some(json!({"object_id": 1})))), (true, true));
        assert_eq!(known(None, true, value()), (true, false));
        assert_eq!(known(None, true, None), (false, false));
    }
}
