//! How a table of the database is defined, as far as the dictionary tells: DDL takes rows away, and brings others, without versions of them and with the
//! ORA_ROWSCN that they had. Oracle answers for some DDL with ORA-01466, and for other with fewer rows (a partition exchanged, a column added with a
//! default). So each commit of a job says how the table was defined before its moment, and the next one looks whether it still is.
//!
//! Object and segments (TRUNCATE, MOVE and the exchange of a partition give others), columns, and LAST_DDL_TIME, which is that of all DDL on the table and
//! what depends on it. The latter changes by a GRANT or an index, too: that is taken for more than it is, and nothing is lost by it.
//!
//! A partition that is added with a segment of its own (DATA_OBJECT_ID is its OBJECT_ID) brings no rows but those that are inserted, as any other does. An
//! INSERT makes one where partitions are made by interval, so that it is no DDL in the sense of this.

use std::thread::sleep;
use std::time::Duration;

use olbridge_delta::table::HistoryEntry;
use serde_json::{Value, json};

use super::dictionary::{Looked, hash_of, is_by_value, look_up};
use super::{DeltaJob, Follow};
use crate::error::{Error, Phase, Result};
use crate::oci::Session;
use crate::oracle_type::TableName;

/// Commit info: how the table was defined at the moment of the commit.
pub(super) const DEFINITION_KEY: &str = "olbridge.definition";
/// LAST_DDL_TIME has seconds: what happens in the same one after it was read would not show. So that second is waited for.
const ASK_AGAIN: (u32, Duration) = (15, Duration::from_millis(100));

/// A table, a view, or a partition of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub object_id: String,
    /// Of its segment; `None` where it has none, and where the user may not see it.
    pub data_object_id: Option<String>,
    /// OBJECT_TYPE.
    pub kind: String,
    pub created: String,
}

impl Part {
    /// A partition in the segment that was made with it, or one that consists of subpartitions.
    fn is_of_its_own(&self) -> bool {
        match (&*self.kind, &self.data_object_id) {
            ("TABLE PARTITION" | "TABLE SUBPARTITION", Some(data)) => *data == self.object_id,
            (kind, None) => kind == "TABLE PARTITION",
            _ => false,
        }
    }
}

/// The pluggable database; texts are empty where the user may not see them, and where the server has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Container {
    pub dbid: String,
    pub incarnation: String,
}

/// How a table is defined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Definition {
    pub owner: String,
    pub name: String,
    pub is_view: bool,
    /// OBJECT_ID of the table.
    pub object_id: String,
    /// Hash of the objects and segments of it and its partitions.
    pub segments: String,
    /// Them; commits do not have them.
    pub parts: Vec<Part>,
    /// Hash of names and types of its columns.
    pub columns: String,
    /// The latest of it and its partitions.
    pub last_ddl_time: String,
    /// Of the table alone; commits of before do not say it.
    pub own_ddl_time: String,
    /// Number and incarnation of the database; empty where the user may not see them.
    pub database: String,
    pub container: Container,
}

impl Definition {
    /// When the second of its last DDL is over.
    fn settled(session: &Session, name: &TableName) -> Result<Looked> {
        let (tries, pause) = ASK_AGAIN;
        for _ in 0..tries {
            match look_up(session, name)? {
                (_, true) => sleep(pause),
                (looked, false) => return Ok(looked),
            }
        }
        look_up(session, name).map(|(looked, _)| looked)
    }

    fn to_value(&self) -> Value {
        json!({"object_id": self.object_id, "segments": self.segments, "columns": self.columns, "last_ddl_time": self.last_ddl_time,
            "own_ddl_time": self.own_ddl_time, "database": self.database, "container": self.container.dbid,
            "container_incarnation": self.container.incarnation})
    }

    fn from_value(value: &Value) -> Option<Definition> {
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let known = |name: &str| text(name).unwrap_or_default();
        Some(Definition {
            object_id: text("object_id")?,
            segments: text("segments")?,
            columns: text("columns")?,
            last_ddl_time: text("last_ddl_time")?,
            own_ddl_time: known("own_ddl_time"),
            database: known("database"),
            container: Container { dbid: known("container"), incarnation: known("container_incarnation") },
            ..Definition::default()
        })
    }

    /// What makes rows of one table rows of another.
    fn difference_of_rows(&self, now: &Definition) -> Option<&'static str> {
        let is_other = |then: &String, now: &String| !then.is_empty() && !now.is_empty() && then != now;
        let (container, other) = (&self.container, &now.container);
        match () {
            () if is_other(&self.database, &now.database) => Some("it is another database, or an earlier state of it (RESETLOGS)"),
            () if is_other(&container.dbid, &other.dbid) => Some("it is another pluggable database"),
            () if is_other(&container.incarnation, &other.incarnation) => {
                Some("it is an earlier state of the pluggable database, which was restored or flashed back")
            }
            () if self.object_id != now.object_id => Some("it is another table of this name"),
            () if self.columns != now.columns => Some("its columns are others"),
            () if self.segments != now.segments => {
                Some("its segments are others (TRUNCATE, MOVE, or a partition exchanged, added or dropped)")
            }
            () => None,
        }
    }

    /// Between two runs. LAST_DDL_TIME of the table has changed by any DDL but an INSERT that makes a partition, if it changes by that: then this is not told
    /// from other DDL.
    fn difference(&self, now: &Definition) -> Option<String> {
        let is_new = |part: &&Part| part.created > self.last_ddl_time;
        let is_known_untouched = !self.own_ddl_time.is_empty() && self.own_ddl_time == now.own_ddl_time;
        if is_known_untouched && self.segments == hash_of(now.parts.iter().filter(|part| !is_new(part))) {
            let added: Vec<&Part> = now.parts.iter().filter(is_new).collect();
            let same = Definition { segments: self.segments.clone(), ..now.clone() };
            if brings_no_rows(&added) && self.difference_of_rows(&same).is_none() {
                return None;
            }
        }
        let is_touched = self.last_ddl_time != now.last_ddl_time;
        let touched = || format!("DDL has touched it at {} (ALTER TABLE, but a GRANT or an index, too)", now.last_ddl_time);
        self.difference_of_rows(now).map(str::to_owned).or_else(|| is_touched.then(touched))
    }

    /// While it is read, up to the last row: rows come from the segments of then.
    fn difference_while_read(&self, now: &Definition, session: &Session) -> Result<Option<String>> {
        let added: Vec<&Part> = now.parts.iter().filter(|part| !self.parts.contains(part)).collect();
        let is_all_there = self.parts.iter().all(|part| now.parts.contains(part));
        let same = Definition { segments: self.segments.clone(), ..now.clone() };
        if is_all_there && brings_no_rows(&added) && self.difference_of_rows(&same).is_none() && is_by_value(session, now)? {
            return Ok(None);
        }
        // Who does not own a table may not see its partitions; an index-organized one has its rows in an index, and a view has none. Then the time tells.
        let is_unseen = now.parts.iter().all(|part| part.data_object_id.is_none());
        let touched = || {
            format!(
                "DDL has touched it at {} (this user sees no segments of it, so that any DDL is taken for one that matters)",
                now.last_ddl_time
            )
        };
        let is_touched = is_unseen && self.last_ddl_time != now.last_ddl_time;
        Ok(self.difference_of_rows(now).map(str::to_owned).or_else(|| is_touched.then(touched)))
    }
}

/// Partitions that were made since, each with a segment of its own; subpartitions with a partition alone, because one that is added to a hash is filled from
/// others.
fn brings_no_rows(added: &[&Part]) -> bool {
    added.iter().any(|part| part.kind == "TABLE PARTITION") && added.iter().all(|part| part.is_of_its_own())
}

/// What is known of the definition when a job is planned.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Before the moment that is read.
    now: Looked,
    /// How it differs from that of the last epoch; `None` where it does not, or there is no epoch.
    difference: Option<String>,
    /// What the commit says: it holds at its moment.
    pub said: Option<Value>,
}

impl Known {
    /// A look that comes before the moment that is read.
    pub fn before_moment(job: &DeltaJob, session: &Session) -> Result<Looked> {
        match (&job.job, job.export.selection.query.is_none()) {
            (Some(_), true) => Definition::settled(session, job.export.source.require_table()?),
            _ => Ok(Looked::Nowhere),
        }
    }

    /// `is_before`: no DDL has been between the look and the moment. `last`: the commit of the epoch that is gone on from.
    pub fn new(now: Looked, is_before: bool, last: Option<&HistoryEntry>) -> Known {
        let then = last.and_then(|last| last.info.get(DEFINITION_KEY)).and_then(Definition::from_value);
        let difference = match (&then, &now, last) {
            (_, _, None) | (_, Looked::Nowhere, _) => None,
            (Some(then), Looked::Told(now), _) => then.difference(now),
            (None, Looked::Told(_), _) => Some("the commit of that epoch does not say how it was defined then".to_owned()),
            (Some(_), Looked::Untold, _) => Some("the dictionary does not tell this user any more how it is defined".to_owned()),
            // What was not known before and is not known now is no change.
            (None, Looked::Untold, _) => None,
        };
        let is_said = is_before || (last.is_some() && difference.is_none());
        let said = match &now {
            Looked::Told(now) if is_said => Some(now.to_value()),
            _ => None,
        };
        Known { now, difference, said }
    }

    /// Why changes may not tell all that is different.
    pub fn difference(&self) -> Option<&str> {
        self.difference.as_deref()
    }

    /// The dictionary does not have the table, and so no DDL on it is seen.
    pub fn is_untold(&self) -> bool {
        self.now == Looked::Untold
    }

    fn is_view(&self) -> bool {
        matches!(&self.now, Looked::Told(now) if now.is_view)
    }

    /// Refuses rows that were read while the table became another one: the dictionary is not as of the moment that is read.
    ///
    /// # Errors
    /// [`Error::Database`]; nothing is committed.
    pub fn check(&self, session: &Session, name: &TableName) -> Result<()> {
        let Looked::Told(then) = &self.now else { return Ok(()) };
        let difference = match look_up(session, name)?.0 {
            Looked::Told(now) => then.difference_while_read(&now, session)?,
            Looked::Untold | Looked::Nowhere => Some("it is no longer there".to_owned()),
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

/// Which objects the dictionary does not tell of.
const UNTOLD: &str = "the dictionary of this database does not tell how it is defined (it may be behind a database link)";

impl DeltaJob {
    /// Refuses versions of what has none, or none that can be relied on.
    pub(super) fn refuse_without_versions(&self, known: &Known) -> Result<()> {
        let reason = match () {
            () if self.follow != Some(Follow::Versions) => return Ok(()),
            () if known.is_view() => "a view has no versions".to_owned(),
            () if known.is_untold() => format!("{UNTOLD}, and versions do not tell what DDL does"),
            () => return Ok(()),
        };
        let reason = format!("{}: {reason}", self.export.source);
        Err(self.refused_with(None, reason, "--incremental=watermark --watermark COLUMN".into()))
    }

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

    /// What is read, and why, where DDL cannot be seen.
    pub(super) fn unseen_ddl(&self, known: &Known) -> Option<String> {
        let what = match &self.follow {
            _ if known.is_view() => {
                "it is a view: DDL on its tables is not seen, and rows that come or go by it are not; load all of it after that".into()
            }
            Some(Follow::Watermark { .. }) if known.is_untold() => {
                format!("{UNTOLD}: rows that come or go by DDL (TRUNCATE, a partition exchanged) are not seen; load all of it after that")
            }
            Some(_) if known.is_untold() => format!("{UNTOLD}, so that every run reads all rows"),
            _ => return None,
        };
        self.follow.is_some().then(|| format!("{}: {what}", self.export.source))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn part(kind: &str, id: &str, data: Option<&str>) -> Part {
        let created = "2026-01-01 00:00:00".to_owned();
        Part { object_id: id.into(), data_object_id: data.map(str::to_owned), kind: kind.into(), created }
    }

    fn told(definition: Definition) -> Looked {
        Looked::Told(Box::new(definition))
    }

    fn definition() -> Definition {
        let parts = vec![part("TABLE", "7", None), part("TABLE PARTITION", "8", Some("8"))];
        Definition {
            object_id: "7".into(),
            segments: hash_of(&parts),
            parts,
            columns: "c".into(),
            last_ddl_time: "2026-01-01 00:00:00".into(),
            own_ddl_time: "2026-01-01 00:00:00".into(),
            database: "1 1".into(),
            container: Container { dbid: "5".into(), incarnation: "1 0 1".into() },
            ..Definition::default()
        }
    }

    fn commit(value: Option<Value>) -> HistoryEntry {
        let info = value.map(|value| (DEFINITION_KEY.to_owned(), value)).into_iter().collect();
        HistoryEntry { version: 3, timestamp: None, operation: None, parameters: BTreeMap::new(), info }
    }

    #[test]
    fn each_part_of_a_definition_is_looked_at() {
        let (then, last) = (definition(), commit(Some(definition().to_value())));
        let difference = |now: Definition| Known::new(told(now), true, Some(&last)).difference;
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
        let container = |dbid: &str, incarnation: &str| Container { dbid: dbid.into(), incarnation: incarnation.into() };
        let moved = |dbid: &str, incarnation: &str| difference(Definition { container: container(dbid, incarnation), ..then.clone() });
        assert!(moved("6", "").is_some_and(|text| text.contains("another pluggable database")));
        assert!(moved("5", "1 1 900").is_some_and(|text| text.contains("restored or flashed back")));
        assert_eq!((moved("5", ""), moved("", "")), (None, None), "it is not to be seen any more");
        assert_eq!(difference(Definition { database: String::new(), ..then.clone() }), None, "it is not to be seen");
        // Commits of before say less.
        let mut before = then.to_value();
        for name in ["own_ddl_time", "container", "container_incarnation"] {
            before.as_object_mut().unwrap().remove(name).unwrap();
        }
        assert_eq!(Known::new(told(then.clone()), true, Some(&commit(Some(before)))).difference, None);
        assert_eq!(then.difference_of_rows(&Definition { last_ddl_time: String::new(), ..then.clone() }), None);
    }

    #[test]
    fn what_is_not_known_is_not_said_and_not_taken_for_the_same() {
        let known = |now: Option<Definition>, is_before, last: Option<Option<Value>>| {
            let known = Known::new(now.map_or(Looked::Untold, told), is_before, last.map(commit).as_ref());
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
        assert_eq!(known(None, true, Some(None)), (false, false), "unknown before, and unknown now");
    }

    #[test]
    fn a_partition_that_an_insert_has_made_is_no_ddl() {
        let then = definition();
        let grown = |added: &[Part], own_ddl_time: &str| {
            let created = "2026-01-02 00:00:00".to_owned();
            let parts: Vec<Part> =
                then.parts.iter().cloned().chain(added.iter().map(|part| Part { created: created.clone(), ..part.clone() })).collect();
            let now =
                Definition { segments: hash_of(&parts), parts, last_ddl_time: created, own_ddl_time: own_ddl_time.into(), ..then.clone() };
            then.difference(&now)
        };
        let untouched = &*then.own_ddl_time;
        let (partition, sub) = (part("TABLE PARTITION", "9", Some("9")), part("TABLE SUBPARTITION", "10", Some("10")));
        assert_eq!(grown(std::slice::from_ref(&partition), untouched), None);
        assert_eq!(grown(&[part("TABLE PARTITION", "9", None), sub.clone()], untouched), None, "of subpartitions");
        for (added, own_ddl_time) in [
            (vec![partition.clone()], "2026-01-02 00:00:00"),
            (vec![part("TABLE PARTITION", "9", Some("7000"))], untouched),
            (vec![part("TABLE PARTITION", "9", None), part("TABLE SUBPARTITION", "10", Some("7000"))], untouched),
            (vec![sub], untouched),
            (vec![partition.clone(), part("TABLE", "9", Some("9"))], untouched),
        ] {
            assert!(grown(&added, own_ddl_time).is_some_and(|text| text.contains("segments")), "{added:?} {own_ddl_time}");
        }
        // One that was there is gone, or has another segment.
        for others in [vec![part("TABLE", "7", None)], vec![part("TABLE", "7", None), part("TABLE PARTITION", "8", Some("11"))]] {
            let added = Part { created: "2026-01-02 00:00:00".into(), ..partition.clone() };
            let parts: Vec<Part> = others.into_iter().chain([added]).collect();
            let now = Definition { segments: hash_of(&parts), parts, last_ddl_time: "2026-01-02 00:00:00".into(), ..then.clone() };
            assert!(then.difference(&now).is_some(), "{now:?}");
        }
    }
}
