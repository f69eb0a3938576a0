//! The sessions of this process and what they did: the rows of `V$SESSION` and its kin, and who `ALTER SYSTEM KILL SESSION` ends.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

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

    /// A setting of the session; none when it is empty.
    pub(super) fn context(&self, name: &str) -> Option<String> {
        locked(&self.context).get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// The user, as stored.
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// Calls that a client sent, as a server would count them.
    pub(super) fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    /// Statements that were parsed.
    pub(super) fn parses(&self) -> u64 {
        self.parses.load(Ordering::Relaxed)
    }

    /// Kills a session of the same database; whether there is one.
    pub(super) fn kill(&self, sid: u32, serial: u32) -> bool {
        let found = self.others().into_iter().find(|session| session.sid == sid && serial == SERIAL);
        found.is_some_and(|session| !session.is_killed.swap(true, Ordering::Relaxed))
    }

    /// Sessions of the same database, this one too. A database in memory has one session.
    pub(super) fn others(&self) -> Vec<Arc<Activity>> {
        let sessions: Vec<_> = locked(&SESSIONS).iter().filter_map(Weak::upgrade).collect();
        let is_shared = |session: &Arc<Activity>| session.database == self.database && self.database != ":memory:";
        sessions.into_iter().filter(|session| session.sid == self.sid || is_shared(session)).collect()
    }
}
