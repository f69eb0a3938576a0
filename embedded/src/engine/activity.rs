//! The sessions of this process and what they did: the rows of `V$SESSION` and its kin, and who `ALTER SYSTEM KILL SESSION` ends.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::dictionary::{Filling, View};
use super::number::Number;
use super::types::DataType;
use super::value::Stored;

/// What one session did, shared with everybody who looks at it.
#[derive(Debug)]
pub struct Activity {
    /// Number of the session, `SYS_CONTEXT('USERENV', 'SID')`.
    pub sid: u32,
    user: String,
    database: String,
    context: Mutex<BTreeMap<String, String>>,
    round_trips: AtomicU64,
    parses: AtomicU64,
    is_killed: AtomicBool,
}

/// A session ends when its last reference goes; nothing here keeps one alive.
static SESSIONS: Mutex<Vec<Weak<Activity>>> = Mutex::new(Vec::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every session is the first of its number.
const SERIAL: u32 = 1;

impl Activity {
    /// Registers a session of a database.
    pub(super) fn begin(user: &str, database: &str) -> Arc<Activity> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let activity = Arc::new(Activity {
            sid: NEXT.fetch_add(1, Ordering::Relaxed),
            user: user.to_owned(),
            database: database.to_owned(),
            context: Mutex::default(),
            round_trips: AtomicU64::new(0),
            parses: AtomicU64::new(0),
            is_killed: AtomicBool::new(false),
        });
        let mut sessions = locked(&SESSIONS);
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(&activity));
        activity
    }

    /// Second number of the session, as `ALTER SYSTEM KILL SESSION` asks for it.
    pub fn serial(&self) -> u32 {
        SERIAL
    }

    /// Counts calls that a client sends to a server.
    pub fn add_round_trips(&self, count: u64) {
        self.round_trips.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts a statement that was parsed.
    pub fn add_parse(&self) {
        self.parses.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether somebody killed the session.
    pub fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::Relaxed)
    }

    pub(super) fn set_context(&self, name: &str, value: &str) {
        locked(&self.context).insert(name.to_owned(), value.to_owned());
    }

    fn context(&self, name: &str) -> Stored<'static> {
        locked(&self.context).get(name).filter(|value| !value.is_empty()).cloned().map_or(Stored::Null, Stored::text)
    }

    /// Kills a session of the same database; whether there is one.
    pub(super) fn kill(&self, sid: u32, serial: u32) -> bool {
        let found = self.others().into_iter().find(|session| session.sid == sid && serial == SERIAL);
        found.is_some_and(|session| !session.is_killed.swap(true, Ordering::Relaxed))
    }

    /// Sessions of the same database, this one too. A database in memory has one session.
    fn others(&self) -> Vec<Arc<Activity>> {
        let sessions: Vec<_> = locked(&SESSIONS).iter().filter_map(Weak::upgrade).collect();
        let is_shared = |session: &Arc<Activity>| session.database == self.database && self.database != ":memory:";
        sessions.into_iter().filter(|session| session.sid == self.sid || is_shared(session)).collect()
    }
}

const NUMBER: DataType = DataType::NUMBER;
const NAME: DataType = DataType::varchar2(128);

/// Statistics: number, name, what it counts.
type Statistic = (u32, &'static str, fn(&Activity) -> u64);
const STATISTICS: [Statistic; 2] = [
    (1, "SQL*Net roundtrips to/from client", |activity| activity.round_trips.load(Ordering::Relaxed)),
    (2, "parse count (total)", |activity| activity.parses.load(Ordering::Relaxed)),
];

static VIEWS: [View; 6] = [
    View {
        name: "V$STATNAME",
        columns: &[("STATISTIC#", NUMBER), ("NAME", NAME)],
        rows: |_| STATISTICS.iter().map(|(number, name, _)| vec![count(u64::from(*number)), text(name)]).collect(),
    },
    View {
        name: "V$SESSTAT",
        columns: &[("SID", NUMBER), ("STATISTIC#", NUMBER), ("VALUE", NUMBER)],
        rows: |filling| statistics(&filling.activity.others()),
    },
    View {
        name: "V$MYSTAT",
        columns: &[("SID", NUMBER), ("STATISTIC#", NUMBER), ("VALUE", NUMBER)],
        rows: |filling| statistics(std::slice::from_ref(filling.activity)),
    },
    View {
        name: "V$SESSION",
        columns: &[
            ("SID", NUMBER),
            ("SERIAL#", NUMBER),
            ("USERNAME", NAME),
            ("STATUS", DataType::varchar2(8)),
            ("MODULE", NAME),
            ("ACTION", NAME),
            ("CLIENT_INFO", NAME),
            ("CLIENT_IDENTIFIER", NAME),
            ("ECID", NAME),
            ("SQL_TRACE", DataType::varchar2(8)),
        ],
        rows: |filling| each(filling, session_row),
    },
    View {
        name: "V$SESSION_CONNECT_INFO",
        columns: &[("SID", NUMBER), ("SERIAL#", NUMBER), ("CLIENT_CHARSET", NAME), ("CLIENT_DRIVER", NAME)],
        rows: |filling| {
            each(filling, |session| {
                vec![count(u64::from(session.sid)), count(u64::from(SERIAL)), text("AL32UTF8"), session.context("CLIENT_DRIVER")]
            })
        },
    },
    View {
        name: "V$SQL_MONITOR",
        columns: &[("SID", NUMBER), ("STATUS", DataType::varchar2(19)), ("DBOP_NAME", NAME)],
        rows: |filling| {
            let mut rows = each(filling, |session| vec![count(u64::from(session.sid)), text("EXECUTING"), session.context("DBOP")]);
            rows.retain(|row| !row.last().is_some_and(Stored::is_null));
            rows
        },
    },
];

/// The view of this name.
pub(super) fn find(name: &str) -> Option<&'static View> {
    VIEWS.iter().find(|view| view.name == name)
}

fn text(value: &str) -> Stored<'static> {
    Stored::text(value.to_owned())
}

fn count(value: u64) -> Stored<'static> {
    Stored::number(&Number::from_u64(value))
}

fn each(filling: &Filling<'_>, row: impl Fn(&Activity) -> Vec<Stored<'static>>) -> Vec<Vec<Stored<'static>>> {
    filling.activity.others().iter().map(|session| row(session)).collect()
}

fn statistics(sessions: &[Arc<Activity>]) -> Vec<Vec<Stored<'static>>> {
    let of = |session: &Arc<Activity>| STATISTICS.map(|(number, _, value)| (session.sid, number, value(session)));
    sessions.iter().flat_map(of).map(|(sid, number, value)| vec![count(sid.into()), count(number.into()), count(value)]).collect()
}

fn session_row(session: &Activity) -> Vec<Stored<'static>> {
    let status = if session.is_killed() { "KILLED" } else { "ACTIVE" };
    let mut row = vec![count(session.sid.into()), count(SERIAL.into()), text(&session.user), text(status)];
    row.extend(["MODULE", "ACTION", "CLIENT_INFO", "CLIENT_IDENTIFIER", "ECID"].map(|name| session.context(name)));
    row.push(text("DISABLED"));
    row
}
