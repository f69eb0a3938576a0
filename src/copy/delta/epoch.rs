//! What an epoch is worth: changes go on from it only while the Delta table still is what the last commit of the job has made of it, and where that was
//! what the source was. The history says so; what it does not say is looked at once, or refused.

use arrow::array::Array;
use olbridge_delta::table::{HistoryEntry, OWN_ROWS_KEY, Scan, Table};
use serde_json::{Value, json};

use super::deleted::{KeySet, Keys};
use super::follow::Follow;
use super::{DeltaJob, checks};
use crate::error::{Error, Phase, PlanProblem, Result};

/// Commit info: the columns that have been found to name each row that the commit has left behind.
pub(super) const KEY_KEY: &str = "olbridge.key";
/// [`checks::DELETED_ROWS_KEY`] of a commit of all rows.
pub(super) const ALL_ROWS: &str = "all";
/// Commits that are looked through first for the last one of the job.
const COMMITS_LOOKED_AT: usize = 1000;

impl DeltaJob {
    /// Refuses an epoch that changes cannot go on from. The commit of the epoch.
    pub(super) fn check_epoch(&self, table: &Table) -> Result<HistoryEntry> {
        let history = self.history_with_own(table)?;
        let Some(at) = history.iter().position(|entry| self.is_own(entry)) else {
            let reason = "the table has an epoch of the job, and its log no longer has the commit that says of which rows";
            return Err(self.refused_follow(reason.into()));
        };
        let last = &history[at];
        if let Some(restored) = history[..at].iter().find(|entry| takes_back(entry, last.version)) {
            let job = self.job.as_deref().unwrap_or_default();
            let (restored, last) = (restored.version, last.version);
            return Err(self.refused_follow(format!(
                "version {restored} has restored the table to an earlier one than version {last}, which is the last of job {job}: what that has \
                 brought is gone"
            )));
        }
        if let Some(other) = history[..at].iter().find(|entry| !self.is_own(entry) && replaces(entry)) {
            let (version, job) = (other.version, self.job.as_deref().unwrap_or_default());
            return Err(self.refused_follow(format!(
                "version {version} is of another writer, and has replaced the rows of the table or taken away those that its own source has not: \
                 those of job {job} may be gone (the load below takes away those of others)"
            )));
        }
        // Rows that another selection has left out have not changed since, and would stay out.
        if let Some(other) = self.other_work(last) {
            return Err(self.refused_follow(other));
        }
        if self.follow == Some(Follow::Versions)
            && let Some(version) = self.deletions_left_by(&history[at..])
        {
            let reason =
                format!("version {version} has left rows that the source had no more, and versions of later moments do not tell them");
            let remedy = format!("{}; or {}", self.compare_once(), self.full_load());
            return Err(self.refused_with(None, reason, remedy));
        }
        let is_known = last.info.get(KEY_KEY).is_some_and(|known| is_same_key(known, &self.key));
        if !is_known {
            self.check_keys(table)?;
        }
        Ok(last.clone())
    }

    fn is_own(&self, entry: &HistoryEntry) -> bool {
        entry.info.get("olbridge.job").and_then(Value::as_str) == self.job.as_deref()
    }

    /// Newest first, as far back as the last commit of the job at least, if it is there.
    fn history_with_own(&self, table: &Table) -> Result<Vec<HistoryEntry>> {
        let read = |limit| table.history(limit).map_err(|error| self.failed(&error, Phase::Describe));
        let newest = read(Some(COMMITS_LOOKED_AT))?;
        if newest.len() < COMMITS_LOOKED_AT || newest.iter().any(|entry| self.is_own(entry)) { Ok(newest) } else { read(None) }
    }

    /// The version that has left rows in the table that the source had no more at its moment.
    fn deletions_left_by(&self, history: &[HistoryEntry]) -> Option<u64> {
        let own: Vec<&HistoryEntry> = history.iter().filter(|entry| self.is_own(entry)).collect();
        for entry in &own {
            match entry.info.get(checks::DELETED_ROWS_KEY).and_then(Value::as_str) {
                Some(ALL_ROWS | "by_keys") => return None,
                // It has gone on from an epoch that was looked at.
                Some("by_versions") if entry.info.contains_key(KEY_KEY) => return None,
                Some("by_versions") => {}
                Some(_) => return Some(entry.version),
                // Commits of before say nothing where they are no changes: a load of all rows, or an upsert.
                None if entry.operation.as_deref() == Some("MERGE") => return Some(entry.version),
                None => return None,
            }
        }
        own.last().map(|entry| entry.version)
    }

    /// A key that names two rows of the Delta table, or none, tells nothing of changes. Who has loaded it has not looked, so it is looked at once.
    fn check_keys(&self, table: &Table) -> Result<()> {
        let failed = |error: olbridge_delta::Error| self.failed(&error, Phase::Read);
        let schema = table.schema().map_err(failed)?;
        let spelled =
            |key: &String| schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(key)).map(|field| field.name().clone());
        // A column that is not there is somebody else's to say.
        let Some(names) = self.key.iter().map(spelled).collect::<Option<Vec<_>>>() else { return Ok(()) };
        let unreadable = |error: arrow::error::ArrowError| Error::Source {
            phase: Phase::Read,
            path: self.location.to_string().into(),
            message: format!("its keys cannot be compared: {error}"),
            remedy: "--key with other columns".into(),
        };
        let refused = |what: &str| {
            let reason = format!("the Delta table has {what}, so that it does not name a row");
            self.refused_with(
                Some(names.join(", ")),
                reason,
                format!("--key with columns that are unique and not NULL; or change such rows in the source and {}", self.full_load()),
            )
        };
        let keys = Keys::new(&names, &schema).map_err(unreadable)?;
        let mut seen = KeySet::default();
        for batch in table.read(&Scan { columns: Some(names.clone()), ..Scan::default() }).map_err(failed)? {
            let columns = keys.columns(&batch.map_err(unreadable)?).map_err(unreadable)?;
            if columns.iter().any(|column| column.null_count() > 0) {
                return Err(refused("NULL in this key"));
            }
            if keys.rows(&columns).map_err(unreadable)?.iter().any(|row| !seen.insert(row.as_ref())) {
                return Err(refused("rows of one and the same key"));
            }
        }
        Ok(())
    }

    pub(super) fn refused_with(&self, column: Option<String>, reason: String, remedy: String) -> Error {
        Error::Plan { table: self.location.to_string(), problems: vec![PlanProblem { column, reason, remedy }] }
    }
}

/// A RESTORE to a version before `last`, or to one that is not named.
fn takes_back(entry: &HistoryEntry, last: u64) -> bool {
    let to = entry.parameters.get("version").and_then(|to| to.as_u64().or_else(|| to.as_str()?.parse().ok()));
    entry.operation.as_deref().is_some_and(|operation| operation.eq_ignore_ascii_case("RESTORE")) && to.is_none_or(|to| to < last)
}

/// A commit after which rows of others are not there any more: a whole table overwritten, or compared with another source by keys.
fn replaces(entry: &HistoryEntry) -> bool {
    let said = |key: &str| entry.parameters.get(key).and_then(Value::as_str);
    let is_write = entry.operation.as_deref().is_some_and(|operation| operation.eq_ignore_ascii_case("WRITE"));
    let overwrites = is_write && said("mode").is_some_and(|mode| mode.eq_ignore_ascii_case("overwrite")) && said("predicate").is_none();
    let deleted = entry.info.get(checks::DELETED_ROWS_KEY).and_then(Value::as_str);
    (overwrites && !entry.info.contains_key(OWN_ROWS_KEY)) || deleted == Some("by_keys")
}

fn is_same_key(known: &Value, key: &[String]) -> bool {
    let sorted = |mut names: Vec<String>| {
        names.sort();
        json!(names)
    };
    let known = known.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_lowercase).collect();
    sorted(known) == sorted(key.iter().map(|name| name.to_lowercase()).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn entry(version: u64, operation: &str, info: &[(&str, Value)]) -> HistoryEntry {
        let info = info.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        HistoryEntry { version, timestamp: None, operation: Some(operation.into()), parameters: BTreeMap::new(), info }
    }

    #[test]
    fn what_a_restore_takes_back_is_known_by_its_version() {
        let to = |version: Value| HistoryEntry { parameters: BTreeMap::from([("version".into(), version)]), ..entry(9, "RESTORE", &[]) };
        assert!(takes_back(&to(json!(4)), 5) && takes_back(&to(json!("4")), 5) && takes_back(&to(Value::Null), 5));
        assert!(takes_back(&entry(9, "RESTORE", &[]), 5), "to a time");
        // Only what others have done since is gone.
        assert!(!takes_back(&to(json!(5)), 5) && !takes_back(&to(json!("7")), 5) && !takes_back(&entry(9, "WRITE", &[]), 5));
    }

    #[test]
    fn a_commit_that_takes_away_rows_of_others_is_known() {
        let write = |mode: &str| HistoryEntry { parameters: BTreeMap::from([("mode".into(), json!(mode))]), ..entry(9, "WRITE", &[]) };
        assert!(replaces(&write("Overwrite")));
        assert!(!replaces(&write("Append")));
        let mut part = write("Overwrite");
        part.parameters.insert("predicate".into(), json!("a = 1"));
        assert!(!replaces(&part), "of which rows it says itself");
        let own_rows = HistoryEntry { info: BTreeMap::from([(OWN_ROWS_KEY.into(), json!(true))]), ..write("Overwrite") };
        assert!(!replaces(&own_rows), "they are the same in other types");
        let merge = |deleted: &str| entry(9, "MERGE", &[(checks::DELETED_ROWS_KEY, json!(deleted))]);
        assert!(replaces(&merge("by_keys")) && !replaces(&merge("stay")) && !replaces(&merge("by_versions")));
    }

    #[test]
    fn deletions_are_left_until_a_load_or_a_comparison() {
        let job = DeltaJob { job: Some("j".into()), ..DeltaJob::new("embedded:a.db/T".parse().unwrap(), "lake/t".parse().unwrap()) };
        let own = |version, operation, deleted: Option<&str>, key: bool| {
            let mut info = vec![("olbridge.job", json!("j"))];
            info.extend(deleted.map(|deleted| (checks::DELETED_ROWS_KEY, json!(deleted))));
            info.extend(key.then(|| (KEY_KEY, json!(["id"]))));
            entry(version, operation, &info)
        };
        let left = |history: &[HistoryEntry]| job.deletions_left_by(history);
        let (load, upsert, other) = (own(0, "WRITE", None, false), own(1, "MERGE", None, false), entry(5, "MERGE", &[]));
        assert_eq!(left(&[other.clone(), load.clone()]), None, "what others do is theirs");
        assert_eq!(left(&[upsert, load.clone()]), Some(1));
        assert_eq!(left(&[own(3, "MERGE", Some("by_versions"), false), own(2, "MERGE", Some("stay"), true), load.clone()]), Some(2));
        assert_eq!(left(&[own(4, "MERGE", Some("by_keys"), true), own(2, "MERGE", Some("stay"), true), load.clone()]), None);
        assert_eq!(left(&[own(4, "MERGE", Some("by_versions"), true), own(2, "MERGE", Some("stay"), true)]), None, "it was refused then");
        assert_eq!(left(&[own(4, "WRITE", Some("all"), false), own(2, "MERGE", Some("stay"), true)]), None);
        assert_eq!(left(&[own(4, "MERGE", Some("by_versions"), false)]), Some(4), "what was before is not known");
        assert!(is_same_key(&json!(["B", "a"]), &["A".into(), "b".into()]) && !is_same_key(&json!(["a"]), &["A".into(), "b".into()]));
    }
}
