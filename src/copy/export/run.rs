//! Carrying out an export: one thread fetches and converts, another encodes and writes.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;

use super::plan::{ExportPlan, FileAction};
use super::report::{ExportReport, ExportTimes};
use crate::copy::progress::{Cancel, Progress, ProgressEvent};
use crate::copy::report::ms;
use crate::copy::restore;
use crate::error::{Error, Phase, Result};
use crate::fetch::{FetchPlan, Fetcher};
use crate::lake::sink::{ORACLE_COLUMNS_KEY, Sink, SinkReport};
use crate::oci::Session;

/// User requested cancel of current operation.
const ORA_CANCELLED: i32 = 1013;
/// Batches that wait for the writer: with the one it writes and the one being made, three are in memory.
const WAITING_BATCHES: usize = 1;

#[derive(Debug, Default)]
struct Tally {
    rows: u64,
    batches: u64,
    fetch: Duration,
    convert: Duration,
    write: Duration,
}

impl ExportPlan {
    /// Moves the rows. The query sees one snapshot; the file appears when it is whole.
    ///
    /// # Errors
    /// Whatever happens, the file is not there, or still the old one. [`Error::ExportInterrupted`] when `cancel` was requested.
    pub fn run(mut self, session: &Session, progress: &mut dyn Progress, cancel: &Cancel) -> Result<ExportReport> {
        let began = Instant::now();
        let Some(fetch) = self.fetch.take() else {
            return Ok(self.report(&Tally::default(), None, began));
        };
        let metadata =
            vec![(ORACLE_COLUMNS_KEY.to_owned(), restore::describe(&fetch.columns)), ("olbridge.source".to_owned(), self.source.clone())];
        let sink = Sink::create(&self.path, &fetch.schema, &metadata, &self.file)?;
        let mut tally = Tally::default();
        cancel.arm(session.cancel_handle());
        let written = move_rows(fetch, sink, session, progress, cancel, &mut tally);
        cancel.disarm();
        let (sink, write) = written.map_err(|error| as_interruption(error, cancel, &self.path, tally.rows))?;
        tally.write = write;
        refuse_if_cancelled(cancel, &self.path, tally.rows)?;
        let began_finish = Instant::now();
        let file = finish(sink, &self.path, self.action, tally.rows)?;
        tally.write += began_finish.elapsed();
        Ok(self.report(&tally, Some(file), began))
    }

    fn report(self, tally: &Tally, file: Option<SinkReport>, began: Instant) -> ExportReport {
        let total = began.elapsed();
        ExportReport {
            source: self.source,
            path: self.path,
            action: self.action,
            select_sql: self.select_sql,
            rows: tally.rows,
            fetches: tally.batches,
            row_groups: file.map_or(0, |file| file.row_groups as u64),
            file_bytes: file.map_or(0, |file| file.size_bytes),
            buffer_bytes: self.buffer_bytes,
            rows_per_second: (tally.rows as f64 / total.as_secs_f64().max(1e-6)) as u64,
            times: ExportTimes { fetch_ms: ms(tally.fetch), convert_ms: ms(tally.convert), write_ms: ms(tally.write), total_ms: ms(total) },
            warnings: self.warnings,
        }
    }
}

/// Fetches on this thread, which the session stays with, and writes on another.
fn move_rows(
    plan: FetchPlan,
    sink: Sink,
    session: &Session,
    progress: &mut dyn Progress,
    cancel: &Cancel,
    tally: &mut Tally,
) -> Result<(Sink, Duration)> {
    let (sender, receiver) = sync_channel(WAITING_BATCHES);
    thread::scope(|scope| {
        let writer = scope.spawn(move || write_all(sink, &receiver));
        let fetched = plan.open(session).and_then(|mut fetcher| {
            let fetched = fetch_all(&mut fetcher, sender, progress, cancel, tally);
            (tally.fetch, tally.convert) = (fetcher.fetch_time(), fetcher.convert_time());
            fetched
        });
        let written = writer.join().unwrap_or_else(|_| Err(writer_panicked()));
        // The fetch ends early and without an error of its own when the writer has given up.
        fetched.and(written)
    })
}

fn fetch_all(
    fetcher: &mut Fetcher<'_>,
    sender: SyncSender<RecordBatch>,
    progress: &mut dyn Progress,
    cancel: &Cancel,
    tally: &mut Tally,
) -> Result<()> {
    progress.event(&ProgressEvent::Started { rows_total: 0, bytes_total: 0 });
    let mut bytes_done = 0;
    while !cancel.is_requested() {
        let Some(batch) = fetcher.next_batch()? else { break };
        bytes_done += batch.get_array_memory_size() as u64;
        if sender.send(batch).is_err() {
            break;
        }
        tally.rows = fetcher.rows_fetched();
        tally.batches += 1;
        progress.event(&ProgressEvent::Batch { rows_done: tally.rows, bytes_done });
    }
    Ok(())
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
