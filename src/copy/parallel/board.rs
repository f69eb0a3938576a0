//! What the sessions of a parallel load share: the rows that wait for them, how far each has come, and how the load ends.

use std::any::Any;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;

use super::tally::{SessionTally, Stretches};
use crate::copy::progress::Cancel;
use crate::error::Error;
use crate::load::LoadReport;

/// Batches that wait for a session: one to go on with when it is done with the present one, and one more.
const WAITING_BATCHES: usize = 2;
/// How often a thread that waits looks up: a cancel wakes nobody.
pub(super) const LOOK_UP: Duration = Duration::from_millis(50);

/// Rows of the source, and where they come from.
pub(super) struct Rows {
    pub batch: RecordBatch,
    pub file: Arc<Path>,
    /// Number in the file, from 1, of the first row of the batch that was read.
    pub first_row: u64,
    /// Rows of the source before that one.
    pub rows_before: u64,
    /// Which rows of it these are, ascending; `None` for all.
    pub picked: Option<Arc<[u32]>>,
}

/// What a session that asks for rows is told.
pub(super) enum Next {
    Rows(Rows),
    /// There are no more.
    End,
    /// Another session has met a bad row: what was taken before is executed, because an earlier bad row may be in it.
    Finish,
    /// The load has failed, or is to be broken off.
    Stop,
}

/// What becomes of a session's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Commit,
    RollBack,
}

/// Why a load fails.
pub(super) struct Fault {
    /// Of a bad row, the rows of the source before it.
    pub row: Option<u64>,
    /// 0-based.
    pub session: usize,
    pub error: Error,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Converts, executes or rolls back.
    Works,
    /// Commits, which is not to be broken off however long it takes.
    Commits,
    /// Waits for rows.
    Waits,
    /// All its rows are executed; its transaction is open.
    IsReady,
    /// Its transaction has ended.
    HasEnded,
}

/// How a session's part of the load has ended.
#[derive(Default)]
pub(super) struct Ended {
    pub tally: SessionTally,
    /// Rows that are committed.
    pub committed: Stretches,
    /// Rows that its last transaction held.
    pub open: Stretches,
    pub commit_error: Option<Error>,
    pub rollback_error: Option<Error>,
}

struct Seat {
    standing: Standing,
    /// Since when it has been working without getting any further.
    since: Instant,
    verdict: Option<Verdict>,
    report: Option<LoadReport>,
    tally: SessionTally,
    /// Rows that are committed.
    committed: Stretches,
    /// Rows that its last transaction held.
    open: Stretches,
    /// How its commit failed.
    commit_error: Option<Error>,
    rollback_error: Option<Error>,
}

struct State {
    /// One for all, or one for each session.
    queues: Vec<VecDeque<Rows>>,
    is_closed: bool,
    fault: Option<Fault>,
    panic: Option<Box<dyn Any + Send>>,
    seats: Vec<Seat>,
}

/// The shared state, and who waits for it.
pub(super) struct Board<'a> {
    state: Mutex<State>,
    changed: Condvar,
    cancel: &'a Cancel,
}

impl<'a> Board<'a> {
    /// For so many sessions; each has a queue of its own where rows go by their key.
    pub fn new(sessions: usize, by_key: bool, cancel: &'a Cancel) -> Self {
        let seat = |_| Seat {
            standing: Standing::Works,
            since: Instant::now(),
            verdict: None,
            report: None,
            tally: SessionTally::default(),
            committed: Stretches::default(),
            open: Stretches::default(),
            commit_error: None,
            rollback_error: None,
        };
        let queues = (0..if by_key { sessions } else { 1 }).map(|_| VecDeque::new()).collect();
        let seats = (0..sessions).map(seat).collect();
        let state = State { queues, is_closed: false, fault: None, panic: None, seats };
        Board { state: Mutex::new(state), changed: Condvar::new(), cancel }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, guard: MutexGuard<'g, State>) -> MutexGuard<'g, State> {
        self.changed.wait_timeout(guard, LOOK_UP).unwrap_or_else(PoisonError::into_inner).0
    }

    // The reading thread.

    /// Puts rows into queues (one for all: number 0), when there is room in all of them; calls `look_up` while it waits. `false` when the load has failed.
    pub fn push(&self, rows: Vec<(usize, Rows)>, look_up: &mut dyn FnMut()) -> bool {
        let mut state = self.state();
        let room = |state: &State| {
            // A queue for all has room for each session.
            let most = if state.queues.len() == 1 { WAITING_BATCHES * state.seats.len() } else { WAITING_BATCHES };
            rows.iter().all(|(queue, _)| state.queues[*queue].len() < most)
        };
        while !self.is_over(&state) && !room(&state) {
            drop(state);
            look_up();
            state = self.wait(self.state());
        }
        if self.is_over(&state) {
            return false;
        }
        for (queue, rows) in rows {
            state.queues[queue].push_back(rows);
        }
        self.changed.notify_all();
        true
    }

    fn is_over(&self, state: &State) -> bool {
        state.fault.is_some() || state.panic.is_some() || self.cancel.is_requested()
    }

    /// No more rows come.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits until each session is ready or has ended.
    pub fn wait_for_all(&self, look_up: &mut dyn FnMut()) {
        let mut state = self.state();
        while state.seats.iter().any(|seat| !matches!(seat.standing, Standing::IsReady | Standing::HasEnded)) {
            drop(state);
            look_up();
            state = self.wait(self.state());
        }
    }

    /// Tells a session what becomes of its transaction, and waits until that is done; the error of a commit.
    pub fn decide(&self, session: usize, verdict: Verdict) -> Option<Error> {
        let mut state = self.state();
        state.seats[session].verdict.get_or_insert(verdict);
        self.changed.notify_all();
        while state.seats[session].standing != Standing::HasEnded {
            state = self.wait(state);
        }
        state.seats[session].commit_error.take()
    }

    /// No session waits any longer: all that are not told otherwise roll back.
    pub fn dismiss(&self) {
        let mut state = self.state();
        state.is_closed = true;
        for queue in &mut state.queues {
            queue.clear();
        }
        for seat in &mut state.seats {
            seat.verdict.get_or_insert(Verdict::RollBack);
        }
        self.changed.notify_all();
    }

    /// Why the load has failed, if it has.
    pub fn take_fault(&self) -> Option<Fault> {
        self.state().fault.take()
    }

    /// A session's thread has panicked.
    pub fn has_panicked(&self) -> bool {
        self.state().panic.is_some()
    }

    /// The panic of a session's thread.
    pub fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        self.state().panic.take()
    }

    /// The first error of a rollback.
    pub fn take_rollback_error(&self) -> Option<Error> {
        self.state().seats.iter_mut().find_map(|seat| seat.rollback_error.take())
    }

    /// What each session has done, as far as it has told.
    pub fn tallies(&self) -> Vec<SessionTally> {
        self.state().seats.iter().map(|seat| seat.tally).collect()
    }

    /// Rows that are committed, and those of the last transaction of one session; empty where rows go by their key.
    pub fn stretches(&self, session: usize) -> (Stretches, Stretches) {
        let state = self.state();
        let committed = Stretches::union(state.seats.iter().map(|seat| &seat.committed));
        (committed, state.seats[session].open.clone())
    }

    /// The reports of those that were ready.
    pub fn reports(&self) -> Vec<LoadReport> {
        self.state().seats.iter().filter_map(|seat| seat.report.clone()).collect()
    }

    /// Sessions that have been in one call for `limit` while another one, with its transaction open, does nothing: it may be that transaction which
    /// they wait for, and then they wait for ever. None while a session commits: they may wait for that one.
    pub fn stuck(&self, limit: Duration) -> Vec<usize> {
        let state = self.state();
        let is_idle = |seat: &Seat| matches!(seat.standing, Standing::Waits | Standing::IsReady);
        let all_else_idle = state.seats.iter().all(|seat| {
            is_idle(seat) || seat.standing == Standing::HasEnded || (seat.standing == Standing::Works && seat.since.elapsed() >= limit)
        });
        if !all_else_idle || !state.seats.iter().any(is_idle) {
            return Vec::new();
        }
        let works = |seat: &Seat| seat.standing == Standing::Works && seat.since.elapsed() >= limit;
        (0..state.seats.len()).filter(|&index| works(&state.seats[index])).collect()
    }

    // The threads of the sessions.

    /// The next rows for a session.
    pub fn next(&self, session: usize) -> Next {
        let mut state = self.state();
        let queue = session.min(state.queues.len() - 1);
        loop {
            if state.panic.is_some() || self.cancel.is_requested() {
                return Next::Stop;
            }
            let until = match &state.fault {
                None => u64::MAX,
                Some(Fault { row: Some(row), .. }) => *row,
                Some(_) => return Next::Stop,
            };
            if state.queues[queue].front().is_some_and(|rows| rows.rows_before <= until)
                && let Some(rows) = state.queues[queue].pop_front()
            {
                state.stand(session, Standing::Works);
                self.changed.notify_all();
                return Next::Rows(rows);
            }
            if until != u64::MAX || state.is_closed {
                let is_last = state.fault.is_none();
                state.stand(session, Standing::Works);
                return if is_last { Next::End } else { Next::Finish };
            }
            state.stand(session, Standing::Waits);
            state = self.wait(state);
        }
    }

    /// A session has got further.
    pub fn note(&self, session: usize, tally: SessionTally) {
        let mut state = self.state();
        state.seats[session].tally = tally;
        state.stand(session, Standing::Works);
    }

    /// A session commits from now on.
    pub fn note_commit(&self, session: usize) {
        self.state().stand(session, Standing::Commits);
    }

    /// A session fails. A bad row gives way to an earlier one, and to no other error. An error that is not the reason of the load's end is given back.
    pub fn fail(&self, session: usize, row: Option<u64>, error: Error) -> Option<Error> {
        let mut state = self.state();
        let is_first = match &state.fault {
            None => true,
            Some(known) => matches!((known.row, row), (Some(known), Some(row)) if row < known),
        };
        let others = if is_first {
            state.fault = Some(Fault { row, session, error });
            None
        } else {
            Some(error)
        };
        self.changed.notify_all();
        others
    }

    /// A session's thread has panicked.
    pub fn panicked(&self, panic: Box<dyn Any + Send>) {
        let mut state = self.state();
        state.panic.get_or_insert(panic);
        self.changed.notify_all();
    }

    /// A session has executed all its rows; what becomes of them, once that is known.
    pub fn ready(&self, session: usize, report: LoadReport) -> Verdict {
        let mut state = self.state();
        state.seats[session].report = Some(report);
        state.stand(session, Standing::IsReady);
        self.changed.notify_all();
        loop {
            if let Some(verdict) = state.seats[session].verdict {
                state.stand(session, Standing::Works);
                return verdict;
            }
            state = self.wait(state);
        }
    }

    /// A session's transaction has ended.
    pub fn ended(&self, session: usize, end: Ended) {
        let mut state = self.state();
        let seat = &mut state.seats[session];
        (seat.tally, seat.committed, seat.open) = (end.tally, end.committed, end.open);
        (seat.commit_error, seat.rollback_error) = (end.commit_error, end.rollback_error);
        state.stand(session, Standing::HasEnded);
        self.changed.notify_all();
    }
}

impl State {
    fn stand(&mut self, session: usize, standing: Standing) {
        let seat = &mut self.seats[session];
        (seat.standing, seat.since) = (standing, Instant::now());
    }
}

/// Sends the sessions home when the thread that leads them ends early.
pub(super) struct Dismissal<'b, 'a>(pub &'b Board<'a>);

impl Drop for Dismissal<'_, '_> {
    fn drop(&mut self) {
        self.0.dismiss();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array};

    fn rows(rows_before: u64) -> Rows {
        let array: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("v", array)]).unwrap();
        Rows { batch, file: Path::new("f").into(), first_row: rows_before + 1, rows_before, picked: None }
    }

    fn error() -> Error {
        Error::Usage { message: String::new(), remedy: String::new() }
    }

    #[test]
    fn after_a_bad_row_only_what_came_before_it_is_handed_out() {
        let cancel = Cancel::new();
        let board = Board::new(2, true, &cancel);
        assert!(board.push(vec![(0, rows(0)), (1, rows(0))], &mut || {}));
        assert!(board.push(vec![(0, rows(10)), (1, rows(10))], &mut || {}));
        assert!(board.fail(0, Some(7), error()).is_none());
        assert!(matches!(board.next(1), Next::Rows(rows) if rows.rows_before == 0));
        assert!(matches!(board.next(1), Next::Finish));
        assert!(!board.push(vec![(0, rows(20))], &mut || {}), "nothing more is taken");
        // An earlier bad row is the one to be named, a later one and other errors are not.
        assert!(board.fail(1, Some(3), error()).is_none());
        assert!(board.fail(1, Some(5), error()).is_some() && board.fail(1, None, error()).is_some());
        assert_eq!(board.take_fault().map(|fault| (fault.row, fault.session)), Some((Some(3), 1)));
    }

    #[test]
    fn other_errors_and_a_cancel_stop_at_once() {
        let cancel = Cancel::new();
        let board = Board::new(2, false, &cancel);
        assert!(board.push(vec![(0, rows(0)), (0, rows(1))], &mut || {}));
        assert!(matches!(board.next(1), Next::Rows(_)));
        cancel.request();
        assert!(matches!(board.next(0), Next::Stop));
        let cancel = Cancel::new();
        let board = Board::new(2, false, &cancel);
        assert!(board.push(vec![(0, rows(0))], &mut || {}));
        assert!(board.fail(1, None, error()).is_none() && board.fail(0, Some(1), error()).is_some());
        assert!(matches!(board.next(0), Next::Stop));
        assert_eq!(board.take_fault().map(|fault| fault.session), Some(1), "what came first is the reason");
    }

    #[test]
    fn a_session_that_waits_for_an_idle_one_is_seen() {
        let cancel = Cancel::new();
        let board = Board::new(2, false, &cancel);
        let (short, long) = (Duration::from_millis(20), Duration::from_secs(60));
        assert!(board.push(vec![(0, rows(0))], &mut || {}));
        assert!(matches!(board.next(0), Next::Rows(_)));
        std::thread::sleep(short * 2);
        assert_eq!(board.stuck(short), [0; 0], "both work, and the database sees to deadlocks by itself");
        board.note_commit(0);
        board.close();
        assert!(matches!(board.next(1), Next::End));
        std::thread::scope(|scope| {
            scope.spawn(|| board.ready(1, LoadReport::default()));
            std::thread::sleep(short * 3);
            assert_eq!(board.stuck(short), [0; 0], "no commit is broken off");
            board.dismiss();
        });
        let board = Board::new(2, false, &cancel);
        assert!(board.push(vec![(0, rows(0))], &mut || {}));
        assert!(matches!(board.next(0), Next::Rows(_)));
        board.close();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(matches!(board.next(1), Next::End));
                assert_eq!(board.ready(1, LoadReport::default()), Verdict::RollBack);
                board.ended(1, Ended::default());
            });
            while board.stuck(short) != [0] {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(board.stuck(long), [0; 0]);
            board.dismiss();
        });
    }
}
