//! Views of the sessions of this process on this database.

use std::sync::Arc;

use super::super::Result;
use super::super::activity::Activity;
use super::super::types::DataType;
use super::super::value::Stored;
use super::{Columns, Family, Filling, NAME, NUMBER, Row, number, text};

pub(super) const VIEWS: &[Family] = &[
    Family::single("V$STATNAME", &[("STATISTIC#", NUMBER), ("NAME", DataType::varchar2(64))], |_| {
        Ok(STATISTICS.iter().map(|(id, name, _)| vec![number(*id), text(*name)]).collect())
    }),
    Family::single("V$SESSTAT", STATISTIC, |filling| Ok(statistics(&filling.activity.others()))),
    Family::single("V$MYSTAT", STATISTIC, |filling| Ok(statistics(std::slice::from_ref(filling.activity)))),
    Family::single("V$SESSION", SESSION, |filling| each(filling, session)),
    Family::single(
        "V$SESSION_CONNECT_INFO",
        &[("SID", NUMBER), ("SERIAL#", NUMBER), ("CLIENT_CHARSET", DataType::varchar2(40)), ("CLIENT_DRIVER", DataType::varchar2(30))],
        |filling| {
            each(filling, |session, _| {
                vec![number(session.sid), number(session.serial()), text("AL32UTF8"), setting(session, "CLIENT_DRIVER")]
            })
        },
    ),
    Family::single(
        "V$SQL_MONITOR",
        &[("SID", NUMBER), ("STATUS", DataType::varchar2(19)), ("DBOP_NAME", DataType::varchar2(30))],
        |filling| {
            let mut rows = each(filling, |session, _| vec![number(session.sid), text("EXECUTING"), setting(session, "DBOP")])?;
            rows.retain(|row| !row.last().is_some_and(Stored::is_null));
            Ok(rows)
        },
    ),
];

/// Number, name and value of a statistic.
type Statistic = (u32, &'static str, fn(&Activity) -> u64);
const STATISTICS: [Statistic; 2] =
    [(1, "SQL*Net roundtrips to/from client", Activity::round_trips), (2, "parse count (total)", Activity::parses)];
const STATISTIC: Columns = &[("SID", NUMBER), ("STATISTIC#", NUMBER), ("VALUE", NUMBER)];

const SESSION: Columns = &[
    ("SID", NUMBER),
    ("SERIAL#", NUMBER),
    ("AUDSID", NUMBER),
    ("USERNAME", NAME),
    ("STATUS", DataType::varchar2(8)),
    ("SCHEMANAME", NAME),
    ("OSUSER", NAME),
    ("MACHINE", DataType::varchar2(64)),
    ("PROGRAM", DataType::varchar2(48)),
    ("MODULE", DataType::varchar2(64)),
    ("ACTION", DataType::varchar2(64)),
    ("CLIENT_INFO", DataType::varchar2(64)),
    ("CLIENT_IDENTIFIER", DataType::varchar2(64)),
    ("ECID", DataType::varchar2(64)),
    ("TYPE", DataType::varchar2(10)),
];

fn each(filling: &Filling<'_>, row: impl Fn(&Activity, &Filling<'_>) -> Row) -> Result<Vec<Row>> {
    Ok(filling.activity.others().iter().map(|session| row(session, filling)).collect())
}

fn setting(session: &Activity, name: &str) -> Stored<'static> {
    session.context(name).map_or(Stored::Null, text)
}

fn statistics(sessions: &[Arc<Activity>]) -> Vec<Row> {
    let of = |session: &Arc<Activity>| STATISTICS.map(|(id, _, value)| (session.sid, id, value(session)));
    let row = |(sid, id, value): (u32, u32, u64)| vec![number(sid), number(id), number(i64::try_from(value).unwrap_or(i64::MAX))];
    sessions.iter().flat_map(of).map(row).collect()
}

fn session(session: &Activity, filling: &Filling<'_>) -> Row {
    let own = session.sid == filling.activity.sid;
    let status = if session.is_killed() { "KILLED" } else { "ACTIVE" };
    // What only the session itself knows is NULL for the others.
    let schema = if own { text(filling.schema) } else { Stored::Null };
    let mut row = vec![number(session.sid), number(session.serial()), number(session.sid), text(session.user()), text(status), schema];
    let settings =
        |name: &str| if own { filling.settings.get(name).map_or(Stored::Null, |value| text(value.as_str())) } else { Stored::Null };
    row.extend(["OS_USER", "HOST", "CLIENT_PROGRAM_NAME"].map(settings));
    row.extend(["MODULE", "ACTION", "CLIENT_INFO", "CLIENT_IDENTIFIER", "ECID"].map(|name| setting(session, name)));
    row.push(text("USER"));
    row
}
