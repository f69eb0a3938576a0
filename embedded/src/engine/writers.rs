//! Which session of this process writes to which file, and which thread uses it: a session that waits for one of its own thread would wait
//! for ever, because nobody is left to end the other's transaction.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

#[derive(Default)]
struct Writers {
    /// The session that has a transaction open in a file, and the one thread that used it since; none when there were more.
    holders: HashMap<PathBuf, (u64, Option<ThreadId>)>,
    /// Threads that wait to write to a file.
    waiting: HashMap<ThreadId, PathBuf>,
}

static WRITERS: LazyLock<Mutex<Writers>> = LazyLock::new(Mutex::default);

fn writers() -> MutexGuard<'static, Writers> {
    WRITERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn this_thread() -> ThreadId {
    std::thread::current().id()
}

/// An open transaction; what ends it drops this.
pub(super) struct Hold {
    file: PathBuf,
    session: u64,
    /// The thread that used the session so far.
    thread: Cell<Option<ThreadId>>,
}

impl Hold {
    pub fn begin(file: &Path, session: u64) -> Hold {
        let thread = Some(this_thread());
        writers().holders.insert(file.to_owned(), (session, thread));
        Hold { file: file.to_owned(), session, thread: Cell::new(thread) }
    }

    /// The session is used: by another thread than so far, which then may end the transaction too.
    pub fn touch(&self) {
        if self.thread.get().is_some_and(|thread| thread != this_thread()) {
            self.thread.set(None);
            if let Some((session, thread)) = writers().holders.get_mut(&self.file)
                && *session == self.session
            {
                *thread = None;
            }
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut writers = writers();
        // Another session holds the file by now where SQLite ended this one's transaction by itself.
        if writers.holders.get(&self.file).is_some_and(|(session, _)| *session == self.session) {
            writers.holders.remove(&self.file);
        }
    }
}

/// This thread waits to write to a file, until this is dropped.
pub(super) struct Wait(PathBuf);

impl Wait {
    pub fn begin(file: &Path) -> Wait {
        writers().waiting.insert(this_thread(), file.to_owned());
        Wait(file.to_owned())
    }

    /// Whether the transaction waited for belongs to this thread, or to one that waits in its turn for this one.
    pub fn is_deadlock(&self) -> bool {
        let writers = writers();
        let (mut file, mut seen) = (&self.0, 0);
        while let Some((_, Some(thread))) = writers.holders.get(file) {
            if *thread == this_thread() {
                return true;
            }
            match writers.waiting.get(thread) {
                Some(next) if seen < writers.waiting.len() => (file, seen) = (next, seen + 1),
                _ => return false,
            }
        }
        false
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        writers().waiting.remove(&this_thread());
    }
}
