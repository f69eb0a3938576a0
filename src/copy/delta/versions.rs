//! `--incremental=versions`: what has changed between the SCN that the Delta table has and the one that it gets, by a flashback version query.
//!
//! Let the table be what the source was at SCN *a*, and let it become what the source is at SCN *b*. Both ends are read from the database, so that what
//! happened in between needs no second account:
//!
//! * A row as of *b* is written if a version of its key began after *a*, or ended then. What began at *a* or before and still holds at *b* is there. By the
//!   key and not by the ROWID: a second row of a key is seen, and refused, and a row may have moved. Rows that were loaded past the undo may have no
//!   version, so that those whose ORA_ROWSCN is later are read as well.
//! * A key is deleted if a version with it ended, or was deleted, after *a* and no later than *b*, and no row has the key as of *b*. So a key that an UPDATE
//!   has changed goes under its old name, a row that was deleted and came back (under whatever ROWID) is an update, and so is one that has moved.
//!
//! The lower limit of the version query is *a* itself: a version that ended right after *a* held at *a*, and at no later SCN.

use super::DeltaJob;
use super::by_key::SourceKey;
use super::follow::Follow;
use crate::collation::TextComparison;
use crate::copy::export::{AsOf, Snapshot};
use crate::error::{Error, PlanProblem, Result};
use crate::fetch::FetchPlan;
use crate::oci::Session;
use crate::oracle_type::{ColumnDesc, TableName};
use crate::sql;

/// Undo that is gone: of a query, of the lower limit of a version query, of a time.
const UNDO_GONE: [i32; 3] = [1555, 30052, 8180];
/// The table was altered, truncated or made anew, or the SCN is none of this database.
const OTHER_TABLE: [i32; 2] = [1466, 8181];
/// VERSIONS of a view, or of a table that keeps none.
const NO_VERSIONS: [i32; 2] = [30051, 8198];
/// No privilege: in general, of an object that the user is not to know of, and as Oracle 23ai says it.
const FORBIDDEN: [i32; 3] = [1031, 942, 41900];

impl DeltaJob {
    fn follows_versions(&self) -> bool {
        self.follow == Some(Follow::Versions)
    }

    /// The SCN up to which changes are read by SCN, and whether the database gives versions where they are followed.
    pub(super) fn moment_of_changes(&self, session: &Session, epoch: Option<u64>) -> Result<Option<Snapshot>> {
        let Some(epoch) = epoch.filter(|_| matches!(self.follow, Some(Follow::Versions | Follow::RowScn))) else { return Ok(None) };
        let snapshot = self.export.reading.as_of.find(session)?;
        if !self.follows_versions() {
            return Ok(snapshot.scn.is_some().then_some(snapshot));
        }
        let Some(scn) = snapshot.scn else {
            let reason = format!("versions are read up to an SCN, and there is none: {}", snapshot.how);
            let remedy = "read as a user who may see the SCN, or --incremental=watermark".into();
            let problem = PlanProblem { column: None, reason, remedy };
            return Err(Error::Plan { table: self.location.to_string(), problems: vec![problem] });
        };
        self.refuse_earlier(epoch, scn)?;
        let name = self.export.source.require_table()?;
        // A table that is not there is somebody else's to say.
        if session.describe_table(name)?.is_some() {
            let try_it = format!("SELECT 1 FROM {} WHERE ROWNUM = 1", versions(name, epoch, scn)?);
            session.query_text(&try_it, &mut |_| Ok(())).map_err(|error| self.explain_versions(forbidden(error, name), Some(epoch)))?;
        }
        Ok(Some(snapshot))
    }

    /// The condition on the rows as of `scn` that have changed.
    pub(super) fn changed_versions(&self, session: &Session, epoch: u64, scn: u64) -> Result<(String, String)> {
        let name = self.export.source.require_table()?;
        let how = "the versions of its rows".to_owned();
        let Some(key) = self.source_key(session)? else { return Ok(("1 = 1".into(), how)) };
        let (list, table) = (key.list(), sql::table(name)?);
        let began_or_ended = format!("VERSIONS_STARTSCN > {epoch} OR VERSIONS_ENDSCN > {epoch}");
        let keys = format!(
            "SELECT {list} FROM {} WHERE {began_or_ended}\nUNION ALL\nSELECT {list} FROM {table} WHERE ORA_ROWSCN > {epoch}",
            versions(name, epoch, scn)?
        );
        Ok((key.rows_with(&format!("{table} AS OF SCN {scn}"), &keys), how))
    }

    /// The query of the keys that are there no more: each once, and none that a row has.
    pub(super) fn deleted_versions(
        &self,
        session: &Session,
        fetch: &FetchPlan,
        keys: &[String],
        (epoch, scn): (u64, u64),
        condition: Option<&str>,
    ) -> Result<String> {
        let name = self.export.source.require_table()?;
        let of_key = |key: &String| fetch.columns.iter().find(|column| column.field.name() == key).map(|column| &column.column);
        let key_columns: Vec<&ColumnDesc> = keys.iter().filter_map(of_key).collect();
        self.refuse_rules_of_language(session, name, &key_columns)?;
        let key = SourceKey::new(&key_columns)?;
        let columns = key.list();
        // The Delta table has no row without a key.
        let own: String = [key.is_whole()].into_iter().chain(condition.map(|own| format!(" AND ({own}\n)"))).collect();
        let ended = format!("VERSIONS_ENDSCN > {epoch} AND VERSIONS_ENDSCN <= {scn}");
        let deleted = format!("VERSIONS_OPERATION = 'D' AND VERSIONS_STARTSCN > {epoch}");
        let gone = format!("SELECT {columns} FROM {} WHERE ({ended} OR {deleted}){own}", versions(name, epoch, scn)?);
        Ok(format!("{gone}\nMINUS\nSELECT {columns} {}", sql::rows_at(name, Some(scn), condition, None)?))
    }

    /// MINUS takes for one key what a language does, and an UPDATE of one to the other would leave the former one.
    fn refuse_rules_of_language(&self, session: &Session, name: &TableName, keys: &[&ColumnDesc]) -> Result<()> {
        let is_text = TextComparison { is_binary: false, collated: None };
        if !keys.iter().any(|key| is_text.why_not_bytes(key).is_some()) {
            return Ok(());
        }
        let comparison = TextComparison::of(session, name)?;
        let problem = |key: &&ColumnDesc| {
            let reason = format!("{}, and keys that have gone are found by comparing them in the database", comparison.why_not_bytes(key)?);
            Some(PlanProblem { column: Some(key.name.clone()), reason, remedy: "--incremental=rowscn --deletes compare".into() })
        };
        let problems: Vec<PlanProblem> = keys.iter().filter_map(problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(Error::Plan { table: self.location.to_string(), problems }) }
    }

    /// What it means that versions cannot be read, and what to do then. Nothing is committed.
    pub(super) fn explain_versions(&self, error: Error, epoch: Option<u64>) -> Error {
        let Some(epoch) = epoch.filter(|_| self.follows_versions()) else { return error };
        let Error::Database { phase, table, ora_code, message, session_dead: false, remedy } = error else { return error };
        let other_ways = "--incremental=rowscn --deletes compare, which needs no versions of before";
        let (reason, remedy) = match ora_code {
            code if UNDO_GONE.contains(&code) => (
                format!("; the versions since SCN {epoch}, which the Delta table has, are not kept any more"),
                format!("{}; then run this more often than UNDO_RETENTION, or use {other_ways}", self.full_load()),
            ),
            code if OTHER_TABLE.contains(&code) => (
                format!("; the table was altered, truncated or made anew since SCN {epoch}, which the Delta table has"),
                format!("{}; or {}", self.full_load(), self.compare_once()),
            ),
            code if NO_VERSIONS.contains(&code) => (
                "; views, temporary and external tables and tables of a cluster have no versions".into(),
                "--incremental=watermark --watermark COLUMN".into(),
            ),
            _ => (String::new(), remedy),
        };
        Error::Database { phase, table, ora_code, message: message + &reason, session_dead: false, remedy }
    }
}

/// `T VERSIONS BETWEEN SCN a AND b`.
fn versions(name: &TableName, epoch: u64, scn: u64) -> Result<String> {
    Ok(format!("{} VERSIONS BETWEEN SCN {epoch} AND {scn}", sql::table(name)?))
}

/// Says which privilege is missing, where one is.
fn forbidden(error: Error, name: &TableName) -> Error {
    match error {
        Error::Database { phase, table, ora_code, message, session_dead: false, .. } if FORBIDDEN.contains(&ora_code) => Error::Database {
            phase,
            table,
            ora_code,
            message: format!("{message}; this user may read {name}, but not its former versions"),
            remedy: format!("GRANT FLASHBACK ON {name} TO the user, or --incremental=rowscn"),
            session_dead: false,
        },
        other => other,
    }
}

/// As the moment of the plan.
pub(super) fn as_of(snapshot: &Snapshot) -> AsOf {
    snapshot.scn.map_or(AsOf::Now, AsOf::Scn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Phase;

    fn job() -> DeltaJob {
        let mut job = DeltaJob::new("embedded:a.db/T".parse().unwrap(), "lake/t".parse().unwrap());
        job.follow = Some(Follow::Versions);
        job.job = Some("out".into());
        job
    }

    fn database(ora_code: i32, session_dead: bool) -> Error {
        let message = format!("ORA-{ora_code:05}: text");
        Error::Database { phase: Phase::Query, table: None, ora_code, message, remedy: "as ever".into(), session_dead }
    }

    #[test]
    fn each_reason_is_named_with_the_next_command() {
        let load = "olbridge copy embedded:a.db/T delta:";
        for (code, reason, remedy) in [
            (1555, "since SCN 7, which the Delta table has, are not kept any more", load),
            (30052, "are not kept any more", "--mode overwrite --allow-destructive --job out"),
            (1466, "altered, truncated or made anew since SCN 7", load),
            (8181, "altered, truncated or made anew", "--job out --incremental=rowscn --deletes compare"),
            (30051, "have no versions", "--incremental=watermark"),
            (12345, "ORA-12345: text", "as ever"),
        ] {
            let text = job().explain_versions(database(code, false), Some(7)).to_string();
            assert!(text.contains(reason) && text.contains(remedy) && text.contains(&format!("ORA-{code:05}")), "{text}");
        }
        let lost = job().explain_versions(database(1555, true), Some(7)).to_string();
        assert!(lost.contains("as ever"), "{lost}");
        let other = DeltaJob { follow: Some(Follow::RowScn), ..job() };
        assert!(other.explain_versions(database(1555, false), Some(7)).to_string().contains("as ever"));
        assert!(job().explain_versions(database(1555, false), None).to_string().contains("as ever"), "a full load");
        let name = TableName { schema: Some("S".into()), table: "T".into() };
        let forbidden = forbidden(database(1031, false), &name).to_string();
        assert!(forbidden.contains("GRANT FLASHBACK ON S.T") && forbidden.contains("ORA-01031"), "{forbidden}");
    }
}
