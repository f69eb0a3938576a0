//! Leading the sessions: reading, handing out, and one verdict for all.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::UInt32Array;
use arrow::compute::take_record_batch;

use super::SessionReport;
use super::board::{Board, Dismissal, Ended, Fault, Rows, Verdict};
use super::outcome::Left;
use super::plan::{Crew, sets_session};
use super::worker::{Shared, Worker};
use crate::copy::failure::{Failure, annotate, first_line, is_session_dead, was_broken_off};
use crate::copy::plan::{CopyPlan, TableAction};
use crate::copy::progress::{Progress, ProgressEvent};
use crate::copy::report::ms;
use crate::copy::tally::{Parts, Tally};
use crate::error::{Error, Phase, Result};
use crate::lake::read_ahead::SourceBatch;
use crate::load::{KeyRouter, LoadPlan, LoadReport};
use crate::oci::{CancelHandle, Session};
use crate::transaction::commit_outcome_unknown;

impl CopyPlan {
    /// Logs in for the other sessions, and sets in them what `--pre-sql` sets.
    pub(in crate::copy) fn open_crew(&self, session: &Session) -> Result<Vec<Session>> {
        (1..self.sessions.sessions)
            .map(|_| {
                let other = session.reconnect()?;
                for statement in self.pre_sql.iter().filter(|statement| sets_session(statement)) {
                    other.execute_sql(Phase::Execute, None, statement)?;
                }
                Ok(other)
            })
            .collect()
    }

    /// Moves the rows with several sessions, from the first row to the last commit.
    pub(in crate::copy) fn load_parallel(
        &self,
        session: &mut Session,
        (load, crew, mut others): (LoadPlan, Crew, Vec<Session>),
        parts: &Parts<'_>,
        tally: &mut Tally,
        progress: &mut dyn Progress,
    ) -> Result<LoadReport, Failure> {
        for statement in self.pre_sql.iter().filter(|statement| sets_session(statement)) {
            session.execute_sql(Phase::Execute, None, statement)?;
        }
        if let (true, TableAction::Create, Some(create)) = (crew.has_own_tables, self.action, &self.first_statement) {
            others.iter().try_for_each(|other| other.execute_sql(Phase::Ddl, Some(&self.table), create).map(drop))?;
        }
        progress.event(&ProgressEvent::Started { rows_total: self.source_rows.unwrap_or(0), bytes_total: self.source_bytes });
        let mut sessions: Vec<(&mut Session, LoadPlan)> =
            std::iter::once(session).chain(&mut others).zip(std::iter::once(load).chain(crew.plans)).collect();
        let breaks: Vec<CancelHandle> = sessions.iter().map(|(session, _)| session.cancel_handle()).collect();
        parts.cancel.disarm();
        breaks.iter().for_each(|call| parts.cancel.arm_also(call.clone()));
        let board = Board::new(sessions.len(), crew.router.is_some(), parts.cancel);
        let shared = Shared { board: &board, rejects: parts.rejects, cancel: parts.cancel, commit: self.commit, overlap: self.overlap };
        let sessions_count = sessions.len();
        let watch = Watch { board: &board, breaks, table: &self.table, limit: crew.longest_wait, broken: Vec::new() };
        let (router, spread) = (crew.router, Duration::ZERO);
        let mut lead = Lead {
            plan: self,
            board: &board,
            parts,
            tally,
            progress,
            router,
            sessions: sessions_count,
            watch,
            spread,
            in_doubt: Vec::new(),
        };
        let loaded = std::thread::scope(|scope| {
            let _dismissal = Dismissal(&board);
            for (index, (session, plan)) in sessions.drain(..).enumerate() {
                let thread = std::thread::Builder::new().name(format!("olbridge-load-{}", index + 1));
                let spawned = thread.spawn_scoped(scope, move || Worker::new(shared, index).run(session, plan));
                if let Err(error) = spawned {
                    board.fail(index, None, no_thread(&error));
                    board.ended(index, Ended::default());
                }
            }
            lead.run()
        });
        if let Some(panic) = board.take_panic() {
            resume_unwind(panic);
        }
        loaded
    }
}

fn is_of_commit(error: &Error) -> bool {
    matches!(error, Error::Database { phase: Phase::Commit, .. })
}

fn no_thread(error: impl std::fmt::Display) -> Error {
    Error::Usage {
        message: format!("no thread for a session: {error}"),
        remedy: "a smaller --parallel, or raise the limit of processes (ulimit -u)".into(),
    }
}

/// The thread that reads and decides.
struct Lead<'l> {
    plan: &'l CopyPlan,
    board: &'l Board<'l>,
    parts: &'l Parts<'l>,
    tally: &'l mut Tally,
    progress: &'l mut dyn Progress,
    router: Option<KeyRouter>,
    sessions: usize,
    watch: Watch<'l>,
    /// Spreading rows by key.
    spread: Duration,
    /// Sessions whose commit may have happened, beside the one that ended the load.
    in_doubt: Vec<usize>,
}

impl Lead<'_> {
    fn run(&mut self) -> Result<LoadReport, Failure> {
        let read = self.hand_out();
        self.board.close();
        let (board, watch) = (self.board, &mut self.watch);
        board.wait_for_all(&mut || watch.look());
        // Neither a commit nor a rollback is broken off.
        self.parts.cancel.disarm();
        let settled = match self.board.take_fault() {
            Some(Fault { session, error, .. }) if is_of_commit(&error) => return Err(self.commit_failed(session, error)),
            Some(fault) => Err(self.as_interruption(fault.error)),
            None => read.and_then(|()| self.check()),
        };
        match settled {
            Ok(report) => self.commit(report),
            Err(error) => Err(self.roll_back(error)),
        }
    }

    /// One session's commit has failed: all that have not committed roll back.
    fn commit_failed(&mut self, session: usize, error: Error) -> Failure {
        let error = self.roll_back_open(error);
        let left = self.left();
        let (error, is_unknown) = left.after_commit(session, error);
        Failure { error: left.others_in_doubt(error, Some(session)), outcome_unknown: is_unknown || !self.in_doubt.is_empty() }
    }

    /// Everything that has to hold before the first commit.
    fn check(&mut self) -> Result<LoadReport> {
        self.plan.refuse_if_cancelled(self.parts.cancel, self.tally)?;
        if self.board.has_panicked() {
            // The panic itself goes on when all have rolled back.
            return Err(no_thread("it has panicked"));
        }
        let mut report = LoadReport::default();
        self.board.reports().iter().for_each(|one| report.add(one));
        report.convert_time += self.spread;
        self.plan.check_counts(self.tally, &report)?;
        self.parts.rejects.close()?;
        Ok(report)
    }

    /// Reads the source to its end, or until a session has failed.
    fn hand_out(&mut self) -> Result<()> {
        let mut reader = self.plan.work.source.read(self.plan.work.read.clone());
        loop {
            self.plan.refuse_if_cancelled(self.parts.cancel, self.tally)?;
            let began = Instant::now();
            let next = reader.next().transpose()?;
            self.tally.read += began.elapsed();
            let Some(next) = next else { return Ok(()) };
            let began = Instant::now();
            let rows = spread(self.router.as_mut(), &next, self.tally.rows_read, self.sessions as u32)?;
            self.spread += began.elapsed();
            let (board, watch) = (self.board, &mut self.watch);
            if !board.push(rows, &mut || watch.look()) {
                return Ok(());
            }
            self.tally.rows_read += next.batch.num_rows() as u64;
            let tallies = self.board.tallies();
            self.tally.rows_open = tallies.iter().map(|tally| tally.rows_open).sum();
            self.tally.rows_committed = tallies.iter().map(|tally| tally.rows_committed).sum();
            self.progress.event(&ProgressEvent::Batch { rows_done: self.tally.rows_read, bytes_done: next.bytes_done });
        }
    }

    fn commit(&mut self, report: LoadReport) -> Result<LoadReport, Failure> {
        for session in 0..self.sessions {
            if let Some(error) = self.board.decide(session, Verdict::Commit) {
                return Err(self.commit_failed(session, error));
            }
            self.sum_up();
            self.progress.event(&ProgressEvent::Committed { rows_committed: self.tally.rows_committed });
        }
        self.tally.complete = true;
        self.tally.sessions = self.session_reports();
        Ok(report)
    }

    /// Takes everything back that is not committed.
    fn roll_back_open(&mut self, error: Error) -> Error {
        self.sum_up();
        self.tally.tells_what_is_left = true;
        self.progress.event(&ProgressEvent::RollingBack { rows: self.tally.rows_open });
        self.board.dismiss();
        for session in 0..self.sessions {
            if self.board.decide(session, Verdict::RollBack).is_some_and(|error| commit_outcome_unknown(&error)) {
                self.in_doubt.push(session);
            }
        }
        match self.board.take_rollback_error() {
            Some(rollback) if !is_session_dead(&rollback) && !is_session_dead(&error) => {
                annotate(error, &format!("a rollback failed too ({}); it happens when the session ends", first_line(&rollback)))
            }
            _ => error,
        }
    }

    /// As [`Self::roll_back_open`], and says what is committed.
    fn roll_back(&mut self, error: Error) -> Failure {
        let error = self.roll_back_open(error);
        let left = self.left();
        let error = match left.after_failure(error) {
            Error::Interrupted { table, .. } => {
                let tallies = self.board.tallies();
                let in_doubt: u64 = self.in_doubt.iter().map(|&session| tallies[session].rows_open).sum();
                let (rows_rolled_back, rows_committed) = (self.tally.rows_open.saturating_sub(in_doubt), self.tally.rows_committed);
                Error::Interrupted { table, rows_rolled_back, rows_committed }
            }
            other => other,
        };
        Failure { error: left.others_in_doubt(error, None), outcome_unknown: !self.in_doubt.is_empty() }
    }

    fn as_interruption(&self, error: Error) -> Error {
        match was_broken_off(&error, self.parts.cancel) {
            true => Error::Interrupted { table: self.plan.table.clone(), rows_rolled_back: 0, rows_committed: 0 },
            false => error,
        }
    }

    fn left(&self) -> Left<'_> {
        Left {
            board: self.board,
            table: &self.plan.table,
            dml: self.plan.mode.dml(),
            by_key: self.router.is_some(),
            sessions: self.sessions,
            action: self.plan.action,
            in_doubt: &self.in_doubt,
        }
    }

    fn sum_up(&mut self) {
        let tallies = self.board.tallies();
        self.tally.rows_open = tallies.iter().map(|tally| tally.rows_open).sum();
        self.tally.rows_committed = tallies.iter().map(|tally| tally.rows_committed).sum();
        self.tally.commits = tallies.iter().map(|tally| tally.commits).sum();
        self.tally.commit = tallies.iter().map(|tally| tally.commit).sum();
    }

    fn session_reports(&self) -> Vec<SessionReport> {
        let both = self.board.reports().into_iter().zip(self.board.tallies());
        both.enumerate()
            .map(|(index, (report, tally))| SessionReport {
                session: index + 1,
                rows_loaded: report.rows_loaded,
                rows_rejected: report.rows_rejected(),
                executes: report.executes,
                commits: tally.commits,
                wait_ms: ms(tally.wait),
                convert_ms: ms(report.convert_time),
                execute_ms: ms(report.execute_time),
                commit_ms: ms(tally.commit),
            })
            .collect()
    }
}

/// The rows of a batch, each part with its queue.
fn spread(router: Option<&mut KeyRouter>, next: &SourceBatch, rows_before: u64, sessions: u32) -> Result<Vec<(usize, Rows)>> {
    let part = |batch, picked| Rows { batch, file: Arc::clone(&next.file), first_row: next.first_row, rows_before, picked };
    let Some(router) = router else { return Ok(vec![(0, part(next.batch.clone(), None))]) };
    let mut picked: Vec<Vec<u32>> = vec![Vec::new(); sessions as usize];
    for (row, session) in router.route(&next.batch, sessions).into_iter().enumerate() {
        picked[session as usize].push(row as u32);
    }
    let mut parts = Vec::new();
    for (session, picked) in picked.into_iter().enumerate().filter(|(_, picked)| !picked.is_empty()) {
        let batch = take_record_batch(&next.batch, &UInt32Array::from(picked.clone())).map_err(|error| Error::Usage {
            message: format!("{}: rows cannot be taken apart: {error}", next.file.display()),
            remedy: "leave out --parallel".into(),
        })?;
        parts.push((session, part(batch, Some(picked.into()))));
    }
    Ok(parts)
}

/// Looks for a session that waits for another one of the same load.
struct Watch<'w> {
    board: &'w Board<'w>,
    breaks: Vec<CancelHandle>,
    table: &'w str,
    limit: Duration,
    /// Sessions whose call was broken off; what they do after that is rolling back.
    broken: Vec<usize>,
}

impl Watch<'_> {
    fn look(&mut self) {
        for session in self.board.stuck(self.limit) {
            if self.broken.contains(&session) {
                continue;
            }
            self.broken.push(session);
            self.board.fail(session, None, self.waited(session));
            // The error of the call that is broken off comes after this one, and is not told.
            let _ = self.breaks[session].cancel();
        }
    }

    fn waited(&self, session: usize) -> Error {
        Error::Database {
            phase: Phase::Execute,
            table: Some(self.table.to_owned()),
            ora_code: 0,
            message: format!(
                "session {} of {} has been in one call for {} s while the others had nothing to do: it is slow, or waits for one of them, as for a row \
                 with the same key or for the parent of a row",
                session + 1,
                self.breaks.len(),
                self.limit.as_secs()
            ),
            remedy: "leave out --parallel: one session names the row, or loads it; or give a slow statement time with --longest-wait"
                .into(),
            session_dead: false,
        }
    }
}
