//! Memory that is shared out so that every side of a join can begin. What goes to disk when it gets no more has a fixed share: where it might take all
//! that is free, a side that is sorted first would keep the memory that the other one needs to begin.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use deltalake::datafusion::common::{Result, resources_err};
use deltalake::datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};

/// Shares of a part that goes through a join: rows on their way to and from it, the sorts of its sides, itself and what it makes have one each, and the
/// merges of sorted runs two.
const SHARES: usize = 12;

/// What does not go to disk itself and still makes do with less: it merges fewer runs at once, or keeps fewer rows of one key. Names of DataFusion.
const MAKES_DO: [(&str, usize); 2] = [("ExternalSorterMerge", 2), ("SMJStream", 1)];

/// The memory of an operation.
#[derive(Debug)]
pub(crate) struct SharedOut {
    bytes: usize,
    share_bytes: usize,
    reserved: AtomicUsize,
}

impl SharedOut {
    /// `bytes` for so many parts that run at once.
    pub fn new(bytes: usize, parts: usize) -> SharedOut {
        SharedOut { bytes, share_bytes: bytes / parts.max(1) / SHARES, reserved: AtomicUsize::new(0) }
    }
}

impl SharedOut {
    /// What a consumer may have.
    fn most(&self, consumer: &MemoryConsumer) -> usize {
        let makes_do = MAKES_DO.iter().find(|(name, _)| consumer.name().starts_with(name)).map(|(_, shares)| shares * self.share_bytes);
        makes_do.or(consumer.can_spill().then_some(self.share_bytes)).unwrap_or(self.bytes)
    }
}

impl fmt::Display for SharedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, of which {} are in use", self.bytes, self.reserved())
    }
}

impl MemoryPool for SharedOut {
    fn name(&self) -> &str {
        "shared out"
    }

    fn grow(&self, _: &MemoryReservation, additional: usize) {
        self.reserved.fetch_add(additional, Ordering::Relaxed);
    }

    fn shrink(&self, _: &MemoryReservation, shrink: usize) {
        self.reserved.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let consumer = reservation.consumer();
        let is_beyond_share = reservation.size().saturating_add(additional) > self.most(consumer);
        let more = |reserved: usize| reserved.checked_add(additional).filter(|reserved| *reserved <= self.bytes && !is_beyond_share);
        match self.reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(()),
            Err(_) => {
                resources_err!("{} asks for {additional} bytes more than {}: the memory is {self}", consumer.name(), reservation.size())
            }
        }
    }

    fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes)
    }
}
