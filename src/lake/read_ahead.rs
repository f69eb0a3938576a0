//! Decoding on a thread of its own, at most two batches ahead, so that it overlaps with what the consumer does.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;

use super::source_error;
use crate::error::{Error, Phase, Result};

/// Texts and binary values of a batch, on average: a batch of long ones has fewer rows.
pub(super) const BATCH_TEXT_BYTES: usize = 16 << 20;

/// Batches decoded ahead of the consumer.
const AHEAD_BATCHES: usize = 2;

/// Bytes of these batches; one alone may have more.
const AHEAD_BYTES: usize = 64 << 20;

/// Rows of one file, in the columns that were asked for.
#[derive(Debug, Clone)]
pub struct SourceBatch {
    /// The rows.
    pub batch: RecordBatch,
    /// Where they come from.
    pub file: Arc<Path>,
    /// 1-based number of the first row in that file.
    pub first_row: u64,
    /// Bytes on disk up to the end of this batch, over all files; within a file in proportion to its rows.
    pub bytes_done: u64,
}

/// Hands out batches while a thread decodes. Dropping it stops the thread.
#[derive(Debug)]
pub struct BatchReader {
    // `None` only while dropping: the closed channel is what stops the thread.
    receiver: Option<Receiver<Result<Word>>>,
    ahead: Arc<Ahead>,
    thread: Option<JoinHandle<()>>,
    has_ended: bool,
}

/// What the decoding thread says. The end is a word of its own: a thread that is gone without it has not read the whole source.
#[derive(Debug)]
enum Word {
    Batch(SourceBatch),
    End,
}

/// What both threads know of the batches between them.
#[derive(Debug, Default)]
struct Ahead {
    /// Bytes of the batches that are decoded and not taken; `None` when nobody takes any more.
    bytes: Mutex<Option<usize>>,
    taken: Condvar,
    /// Time that decoding has taken, without waiting for room.
    decode_nanoseconds: AtomicU64,
}

/// The time that decoding has taken so far.
#[derive(Debug, Clone)]
pub struct DecodeClock(Arc<Ahead>);

impl DecodeClock {
    /// On its own thread, beside what the consumer does.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.decode_nanoseconds.load(Ordering::Relaxed))
    }
}

impl Ahead {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<usize>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a batch of this size has room.
    fn reserve(&self, size: usize) {
        let full = |bytes: &mut Option<usize>| bytes.is_some_and(|bytes| bytes > 0 && bytes + size > AHEAD_BYTES);
        let mut bytes = self.taken.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        *bytes = bytes.map(|bytes| bytes + size);
    }

    fn give_back(&self, size: usize) {
        let mut bytes = self.lock();
        *bytes = bytes.map(|bytes| bytes.saturating_sub(size));
        self.taken.notify_one();
    }

    fn close(&self) {
        *self.lock() = None;
        self.taken.notify_one();
    }
}

impl BatchReader {
    /// Runs `decode` on a thread of its own; what it is given sends a batch, and says when nobody wants another one. A panic of it is an error of
    /// the source.
    pub(super) fn start(decode: impl FnOnce(&dyn Fn(SourceBatch) -> bool) -> Result<()> + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(AHEAD_BATCHES);
        let failed = sender.clone();
        let ahead = Arc::new(Ahead { bytes: Mutex::new(Some(0)), ..Ahead::default() });
        let shared = Arc::clone(&ahead);
        let spawned = std::thread::Builder::new().name("olbridge-decode".into()).spawn(move || {
            let began = Cell::new(Instant::now());
            let last = RefCell::new(None);
            let send = |batch: SourceBatch| {
                shared.decode_nanoseconds.fetch_add(began.get().elapsed().as_nanos() as u64, Ordering::Relaxed);
                shared.reserve(batch.batch.get_array_memory_size());
                *last.borrow_mut() = Some((Arc::clone(&batch.file), batch.first_row + batch.batch.num_rows() as u64 - 1));
                let is_wanted = sender.send(Ok(Word::Batch(batch))).is_ok();
                began.set(Instant::now());
                is_wanted
            };
            let decoded = catch_unwind(AssertUnwindSafe(|| decode(&send))).unwrap_or_else(|panic| Err(gave_up(&*panic, last.take())));
            // A consumer that has gone away does not need the last word.
            let _ = sender.send(decoded.map(|()| Word::End));
        });
        let thread = match spawned {
            Ok(thread) => Some(thread),
            Err(error) => {
                let message = format!("no thread for decoding: {error}");
                let _ = failed.send(Err(source_error(Phase::Read, Path::new(""), message, "raise the limit of processes (ulimit -u)")));
                None
            }
        };
        BatchReader { receiver: Some(receiver), ahead, thread, has_ended: false }
    }

    /// How long decoding takes; good after the reader is gone, too.
    pub fn decode_clock(&self) -> DecodeClock {
        DecodeClock(Arc::clone(&self.ahead))
    }
}

/// A panic of a decoder as an error of the source, with the last row that it has given.
fn gave_up(panic: &(dyn Any + Send), last: Option<(Arc<Path>, u64)>) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let reason = text.unwrap_or("no reason given");
    let (file, place) = match &last {
        Some((file, row)) => (&**file, format!("after row {row}")),
        None => (Path::new("the source"), "before the first row".to_owned()),
    };
    source_error(Phase::Read, file, format!("the decoder gave up {place}: {reason}"), "report this as a bug, with the file if possible")
}

impl Iterator for BatchReader {
    type Item = Result<SourceBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let word = self.receiver.as_ref()?.recv();
        self.has_ended = !matches!(word, Ok(Ok(Word::Batch(_))));
        match word {
            Ok(Ok(Word::Batch(batch))) => {
                self.ahead.give_back(batch.batch.get_array_memory_size());
                Some(Ok(batch))
            }
            Ok(Ok(Word::End)) => None,
            Ok(Err(error)) => Some(Err(error)),
            Err(_) => Some(Err(gave_up(&"its thread is gone without a word", None))),
        }
    }
}

impl Drop for BatchReader {
    fn drop(&mut self) {
        self.ahead.close();
        drop(self.receiver.take());
        if let Some(thread) = self.thread.take() {
            // Decoder panics were caught inside; there is nothing to learn from the result.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array};

    fn batch() -> SourceBatch {
        let batch = RecordBatch::try_from_iter([("v", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef)]).unwrap();
        SourceBatch { batch, file: Path::new("f").into(), first_row: 5, bytes_done: 0 }
    }

    #[test]
    fn a_decoder_that_panics_is_not_one_that_is_at_the_end() {
        let mut reader = BatchReader::start(|send| {
            send(batch());
            panic!("on purpose")
        });
        assert_eq!(reader.next().unwrap().unwrap().batch.num_rows(), 3);
        let error = reader.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("f: the decoder gave up after row 7: on purpose"), "{error}");
        assert!(reader.next().is_none(), "and that is said once");
    }

    #[test]
    fn the_end_and_an_error_are_told_apart() {
        let mut whole = BatchReader::start(|send| {
            send(batch());
            Ok(())
        });
        assert!(whole.next().is_some_and(|next| next.is_ok()) && whole.next().is_none() && whole.next().is_none());
        let mut damaged = BatchReader::start(|_| Err(source_error(Phase::Read, Path::new("f"), "no".to_owned(), "")));
        assert!(damaged.next().is_some_and(|next| next.is_err()) && damaged.next().is_none());
    }
}
