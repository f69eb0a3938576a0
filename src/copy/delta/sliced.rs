//! Slices of the query read by several sessions at one SCN, on threads of their own.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use arrow::array::RecordBatch;

use super::source::Rows;
use crate::copy::export::{Slice, Tally, read_slices};
use crate::copy::progress::{Cancel, NoProgress};
use crate::error::{Error, Phase, Result};
use crate::fetch::FetchPlan;
use crate::oci::Session;

/// Batches that wait for the table.
const WAITING_BATCHES: usize = 1;

/// Batches of all sessions, as they come.
pub(super) struct SlicedRows {
    // `None` only while dropping: the closed channel is what stops the readers.
    receiver: Option<Receiver<RecordBatch>>,
    readers: Option<JoinHandle<(Tally, Result<()>)>>,
    times: (Duration, Duration),
}

impl SlicedRows {
    /// Logs in as `session` has, as often as there are to be readers, and starts them.
    pub fn start(plan: FetchPlan, slices: Vec<Slice>, sessions: u32, session: &Session, cancel: &Cancel) -> Result<SlicedRows> {
        let mut others = (0..sessions).map(|_| session.reconnect()).collect::<Result<Vec<_>>>()?;
        let (sender, receiver) = sync_channel(WAITING_BATCHES);
        let cancel = cancel.clone();
        let failed = |message: String| Error::Database {
            phase: Phase::Query,
            table: None,
            ora_code: 0,
            message,
            remedy: "fewer sessions: --parallel 1".into(),
            session_dead: false,
        };
        let Some(first) = others.pop() else { return Err(failed("no session to read with".into())) };
        let readers = std::thread::Builder::new().name("olbridge-read".into()).spawn(move || {
            cancel.arm_also(first.cancel_handle());
            read_slices(&plan, &slices, false, (&first, others), sender, None, (&mut NoProgress, &cancel))
        });
        let readers = readers.map_err(|error| failed(format!("no thread for reading: {error}")))?;
        Ok(SlicedRows { receiver: Some(receiver), readers: Some(readers), times: Default::default() })
    }
}

impl Rows for SlicedRows {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.receiver.as_ref().and_then(|receiver| receiver.recv().ok()) {
            return Ok(Some(batch));
        }
        let Some(readers) = self.readers.take() else { return Ok(None) };
        match readers.join() {
            Ok((tally, result)) => {
                self.times = (tally.fetch, tally.convert);
                result.map(|()| None)
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn times(&self) -> (Duration, Duration) {
        self.times
    }
}

impl Drop for SlicedRows {
    fn drop(&mut self) {
        drop(self.receiver.take());
        if let Some(readers) = self.readers.take() {
            // Whoever drops it before the end has an error of its own.
            let _ = readers.join();
        }
    }
}
