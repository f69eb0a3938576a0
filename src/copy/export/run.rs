//! Carrying out an export: a thread for each session fetches and converts, another encodes and writes.

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;

use super::plan::{ExportPlan, FileAction};
use super::readers::{Tally, read_slices};
use super::report::{ExportReport, ExportTimes};
use crate::copy::progress::{Cancel, Progress};
use crate::copy::report::ms;
use crate::copy::restore;
use crate::error::{Error, Phase, Result};
use crate::fetch::FetchPlan;
use crate::lake::sink::{ORACLE_COLUMNS_KEY, SCN_KEY, Sink, SinkReport};
use crate::oci::Session;

/// User requested cancel of current operation.
const ORA_CANCELLED: i32 = 1013;
/// Batches that wait for the writer: with the one it writes and the one being made, three are in memory.
const WAITING_BATCHES: usize = 1;

impl ExportPlan {
    /// Moves the rows. The query sees one snapshot; the file appears when it is whole.
    ///
    /// # Errors
    /// Whatever happens, the file is not there, or still the old one. [`Error::ExportInterrupted`] when `cancel` was requested.
    pub fn run(self, session: &Session, progress: &mut dyn Progress, cancel: &Cancel) -> Result<ExportReport> {
        self.run_parallel(session, Vec::new(), progress, cancel)
    }

    /// As [`Self::run`], with more sessions of the same database that read at the same time: `Readers::sessions` less one are as many as are of use.
    /// All read the plan's SCN.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_parallel(
        mut self,
        session: &Session,
        others: Vec<Session>,
        progress: &mut dyn Progress,
        cancel: &Cancel,
    ) -> Result<ExportReport> {
        let began = Instant::now();
        let Some(fetch) = self.fetch.take() else {
            return Ok(self.report(&Tally::default(), Duration::ZERO, None, began));
        };
        let mut metadata = vec![
            (ORACLE_COLUMNS_KEY.to_owned(), restore::describe(&fetch.columns, &self.named)),
            ("olbridge.source".to_owned(), self.source.clone()),
        ];
        metadata.extend(self.snapshot.scn.map(|scn| (SCN_KEY.to_owned(), scn.to_string())));
        let sink = Sink::create(&self.path, &fetch.schema, &metadata, &self.file)?;
        cancel.arm(session.cancel_handle());
        let (tally, written) = self.move_rows(&fetch, sink, (session, others), progress, cancel);
        cancel.disarm();
        let (sink, mut write) = written.map_err(|error| as_interruption(error, cancel, &self.path, tally.rows))?;
        refuse_if_cancelled(cancel, &self.path, tally.rows)?;
        let began_finish = Instant::now();
        let file = finish(sink, &self.path, self.action, tally.rows)?;
        write += began_finish.elapsed();
        Ok(self.report(&tally, write, Some(file), began))
    }

    /// Reads on this thread, which the session stays with, and those of the other sessions; writes on one more.
    fn move_rows(
        &self,
        plan: &FetchPlan,
        sink: Sink,
        sessions: (&Session, Vec<Session>),
        progress: &mut dyn Progress,
        cancel: &Cancel,
    ) -> (Tally, Result<(Sink, Duration)>) {
        let (sender, receiver) = sync_channel(WAITING_BATCHES);
        thread::scope(|scope| {
            let writer = scope.spawn(move || write_all(sink, &receiver));
            let (tally, read) =
                read_slices(plan, &self.slices, self.readers.ordered, sessions, sender, self.expected.rows, (progress, cancel));
            let written = writer.join().unwrap_or_else(|_| Err(writer_panicked()));
            // Reading ends early and without an error of its own when the writer has given up.
            (tally, read.and(written))
        })
    }

    fn report(self, tally: &Tally, write: Duration, file: Option<SinkReport>, began: Instant) -> ExportReport {
        let total = began.elapsed();
        ExportReport {
            source: self.source,
            path: self.path,
            action: self.action,
            select_sql: self.select_sql,
            snapshot: self.snapshot,
            expected: self.expected,
            readers: self.readers,
            slices_retried: tally.slices_retried,
            rows: tally.rows,
            fetches: tally.batches,
            row_groups: file.map_or(0, |file| file.row_groups as u64),
            file_bytes: file.map_or(0, |file| file.size_bytes),
            buffer_bytes: self.buffer_bytes,
            rows_per_second: (tally.rows as f64 / total.as_secs_f64().max(1e-6)) as u64,
            times: ExportTimes { fetch_ms: ms(tally.fetch), convert_ms: ms(tally.convert), write_ms: ms(write), total_ms: ms(total) },
            warnings: self.warnings,
        }
    }
}

fn write_all(mut sink: Sink, batches: &Receiver<RecordBatch>) -> Result<(Sink, Duration)> {
    let mut busy = Duration::ZERO;
    for batch in batches {
        let began = Instant::now();
        sink.write(&batch)?;
        busy += began.elapsed();
    }
    Ok((sink, busy))
}

fn writer_panicked() -> Error {
    internal("the writer of the file panicked".into())
}

fn internal(message: String) -> Error {
    let remedy = "run the job again, and report this if it happens twice: the file was not written".into();
    Error::Database { phase: Phase::Write, table: None, ora_code: 0, message, remedy, session_dead: false }
}

/// Nothing lost, nothing twice: what was fetched and what was written is one number.
fn finish(sink: Sink, path: &Path, action: FileAction, rows_fetched: u64) -> Result<SinkReport> {
    if sink.rows() != rows_fetched {
        return Err(internal(format!("{rows_fetched} rows were fetched and {} written into {}", sink.rows(), path.display())));
    }
    sink.finish(action == FileAction::Replace)
}

fn refuse_if_cancelled(cancel: &Cancel, path: &Path, rows_fetched: u64) -> Result<()> {
    if cancel.is_requested() { Err(Error::ExportInterrupted { path: path.to_owned(), rows_fetched }) } else { Ok(()) }
}

/// A call that the cancel itself broke off is an interruption, not an error of the database.
fn as_interruption(error: Error, cancel: &Cancel, path: &Path, rows_fetched: u64) -> Error {
    match error {
        Error::Database { ora_code: ORA_CANCELLED, .. } if cancel.is_requested() => {
            Error::ExportInterrupted { path: path.to_owned(), rows_fetched }
        }
        other => other,
    }
}
