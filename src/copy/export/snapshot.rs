//! Which moment is read: one SCN for all of a job, where the database tells it and lets a table be read as of it.

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;

use crate::error::{Error, Result};
use crate::oci::Session;
use crate::sql;
use crate::value::datetime::{Calendar, fields_from_seconds};

/// The moment that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AsOf {
    /// The moment of the plan.
    #[default]
    Now,
    /// This system change number.
    Scn(u64),
    /// This time, as RFC 3339 with its zone.
    Timestamp(String),
}

/// The moment that is read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Snapshot {
    /// Its system change number; `None` when the database does not tell it, and the query then sees a snapshot of its own.
    pub scn: Option<u64>,
    /// Where the SCN comes from, or why there is none.
    pub how: String,
}

/// Ways to the present SCN, the usual privilege first.
const CURRENT_SCN: [(&str, &str); 2] = [
    ("SELECT TO_CHAR(CURRENT_SCN) FROM V$DATABASE", "V$DATABASE"),
    ("SELECT TO_CHAR(DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER()) FROM DUAL", "DBMS_FLASHBACK"),
];

impl Snapshot {
    pub(super) fn none(how: impl Into<String>) -> Self {
        Snapshot { scn: None, how: how.into() }
    }
}

impl AsOf {
    /// Whether a certain moment was asked for.
    pub fn is_past(&self) -> bool {
        *self != AsOf::Now
    }

    /// The SCN of the moment. For the present one there may be none; a certain moment is found or is an error.
    pub(in crate::copy) fn find(&self, session: &Session) -> Result<Snapshot> {
        match self {
            AsOf::Scn(scn) => Ok(Snapshot { scn: Some(*scn), how: "as asked for".into() }),
            AsOf::Timestamp(text) => {
                let (scn, offset) = scn_at(session, text)?;
                // The database has no offset of that moment to ask for.
                let clock =
                    format!("by the server's clock, which is at {offset} now: if it was changed to or from summer time since, an hour off");
                Ok(Snapshot {
                    scn: Some(scn),
                    how: format!("the newest at {text}, to the precision of TIMESTAMP_TO_SCN (3 seconds), {clock}"),
                })
            }
            AsOf::Now => current(session),
        }
    }
}

fn current(session: &Session) -> Result<Snapshot> {
    for (sql, place) in CURRENT_SCN {
        match number(session, sql) {
            Ok(scn) => return Ok(Snapshot { scn: Some(scn), how: format!("current, of {place}") }),
            Err(error) if is_refusal(&error) => {}
            Err(error) => return Err(error),
        }
    }
    let need = "the user may read neither V$DATABASE nor run DBMS_FLASHBACK";
    Ok(Snapshot::none(format!("{need}; the query sees one snapshot of its own")))
}

/// The database's answer, rather than a lost connection or a cancelled call.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Database { session_dead: false, ora_code, .. } if *ora_code != 1013)
}

fn number(session: &Session, sql: &str) -> Result<u64> {
    let text = text(session, sql)?;
    text.parse().map_err(|_| Error::Database {
        phase: crate::error::Phase::Plan,
        table: None,
        ora_code: 0,
        message: format!("{text:?} is no SCN ({sql})"),
        remedy: "report this as a bug".into(),
        session_dead: false,
    })
}

/// The one value of a query; empty for NULL.
pub(super) fn text(session: &Session, sql: &str) -> Result<String> {
    let mut text = String::new();
    session.query_text(sql, &mut |row| {
        text = row.first().cloned().flatten().unwrap_or_default();
        Ok(())
    })?;
    Ok(text)
}

/// Oracle's flashback takes times of the server's clock, without a zone. The SCN, and the offset that the clock was taken to have.
fn scn_at(session: &Session, time: &str) -> Result<(u64, String)> {
    let usage = |reason: &str| Error::Usage {
        message: format!("--as-of-timestamp {time}: {reason}"),
        remedy: "write it with its zone: --as-of-timestamp 2026-11-21T10:30:00+01:00 (or Z for UTC)".into(),
    };
    let has_zone = time.get(10..).is_some_and(|clock| clock.ends_with(['Z', 'z']) || clock.contains(['+', '-']));
    if !has_zone {
        return Err(usage("the time zone is missing"));
    }
    let utc_ns = string_to_timestamp_nanos(time).map_err(|_| usage("this is no time"))?;
    let offset = text(session, "SELECT TO_CHAR(SYSTIMESTAMP, 'TZH:TZM') FROM DUAL")?;
    let offset_minutes = minutes(&offset).ok_or_else(|| usage("the database does not tell its time zone"))?;
    let local_seconds = utc_ns.div_euclid(1_000_000_000) + i64::from(offset_minutes) * 60;
    let nanosecond = utc_ns.rem_euclid(1_000_000_000) as u32;
    let f = fields_from_seconds(local_seconds, nanosecond, 0, Calendar::SameDay).map_err(|_| usage("this is out of range"))?;
    let wall = format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{nanosecond:09}", f.year, f.month, f.day, f.hour, f.minute, f.second);
    let wall = sql::literal(&wall);
    let scn = number(session, &format!("SELECT TO_CHAR(TIMESTAMP_TO_SCN(TO_TIMESTAMP({wall}, 'YYYY-MM-DD HH24:MI:SS.FF9'))) FROM DUAL"))?;
    Ok((scn, offset.trim().to_owned()))
}

/// `+05:30` as minutes.
fn minutes(offset: &str) -> Option<i32> {
    let (hours, minutes) = offset.trim().split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let sign = if offset.trim().starts_with('-') { -1 } else { 1 };
    Some(hours * 60 + sign * minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_minutes_with_one_sign() {
        for (text, expected) in [("+00:00", 0), ("+05:30", 330), ("-03:30", -210), ("-00:30", -30), (" +01:00", 60)] {
            assert_eq!(minutes(text), Some(expected), "{text}");
        }
        assert_eq!(minutes("Europe/Berlin"), None);
    }
}
