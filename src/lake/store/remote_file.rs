//! An object that is read from anywhere, in blocks.

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use olbridge_delta::object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore as _};
use olbridge_delta::store::Opened;

use super::{head, open, wait};
use crate::error::{Error, Phase, Result};
use crate::lake::source_error;

/// Bytes of a read from a store: few enough that a footer costs little, many enough that a round trip does not count.
pub(super) const BLOCK_BYTES: u64 = 2 << 20;
/// Blocks of a file that are kept: a page of each of so many columns is at hand.
const MOST_BLOCKS: usize = 32;

/// An object that is read from anywhere; clones share the blocks that were read. It stays the object that was opened: one that takes its place is
/// an error where the store has ETags that tell contents apart.
#[derive(Debug, Clone)]
pub(in crate::lake) struct RemoteFile {
    object: Arc<Object>,
    position: u64,
}

#[derive(Debug)]
struct Object {
    opened: Opened,
    phase: Phase,
    size_bytes: u64,
    e_tag: Option<String>,
    /// The last used one first.
    blocks: Mutex<VecDeque<(u64, Bytes)>>,
}

impl RemoteFile {
    pub(in crate::lake) fn open(path: &Path, phase: Phase) -> Result<Self> {
        let opened = open(&path.to_string_lossy(), phase)?;
        match head(&opened, phase)? {
            Some(found) => Ok(Self::of(opened, phase, found)),
            None => Err(source_error(phase, path, "there is no such object", "check the URL; upper and lower case count")),
        }
    }

    pub(super) fn of(opened: Opened, phase: Phase, found: ObjectMeta) -> Self {
        let object = Object { opened, phase, size_bytes: found.size, e_tag: found.e_tag, blocks: Mutex::default() };
        RemoteFile { object: Arc::new(object), position: 0 }
    }

    pub(in crate::lake) fn size_bytes(&self) -> u64 {
        self.object.size_bytes
    }

    /// What tells this object from another of its name, where the store has it.
    pub(in crate::lake) fn e_tag(&self) -> Option<String> {
        self.object.e_tag.clone()
    }

    /// The same from `start` on.
    pub(in crate::lake) fn at(&self, start: u64) -> Self {
        RemoteFile { object: Arc::clone(&self.object), position: start }
    }

    /// `length` bytes from `start` on.
    pub(in crate::lake) fn range(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.object.size_bytes);
        let Some(end) = end else { return Err(io::Error::from(io::ErrorKind::UnexpectedEof)) };
        if length == 0 {
            return Ok(Bytes::new());
        }
        if length as u64 > BLOCK_BYTES {
            return self.object.fetch(start, end);
        }
        let block = self.object.block(start / BLOCK_BYTES)?;
        let offset = (start % BLOCK_BYTES) as usize;
        if offset + length <= block.len() {
            return Ok(block.slice(offset..offset + length));
        }
        let mut bytes = Vec::with_capacity(length);
        self.at(start).take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Object {
    fn fetch(&self, start: u64, end: u64) -> io::Result<Bytes> {
        let range = Some(GetRange::Bounded(start..end));
        // A weak ETag never matches.
        let if_match = self.e_tag.clone().filter(|e_tag| !e_tag.starts_with("W/"));
        let options = GetOptions { range, if_match, ..GetOptions::default() };
        let get = async { self.opened.store.get_opts(&self.opened.path, options).await?.bytes().await };
        let bytes = wait(&self.opened, (self.phase, "read"), get).map_err(told)?;
        if bytes.len() as u64 != end - start {
            return Err(io::Error::other(format!("{} bytes from {start} on were asked for, and {} came", end - start, bytes.len())));
        }
        Ok(bytes)
    }

    fn block(&self, number: u64) -> io::Result<Bytes> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = blocks.iter().position(|(known, _)| *known == number)
            && let Some(found) = blocks.remove(place)
        {
            let bytes = found.1.clone();
            blocks.push_front(found);
            return Ok(bytes);
        }
        let (start, end) = (number * BLOCK_BYTES, ((number + 1) * BLOCK_BYTES).min(self.size_bytes));
        let bytes = self.fetch(start, end)?;
        blocks.push_front((number, bytes.clone()));
        blocks.truncate(MOST_BLOCKS);
        Ok(bytes)
    }
}

/// An error on its way through a decoder: whoever adds the place again finds message and remedy in it.
fn told(error: Error) -> io::Error {
    match error {
        Error::Source { message, remedy, .. } => io::Error::other(format!("{message}\n  try: {remedy}")),
        other => io::Error::other(other),
    }
}

impl Read for RemoteFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.object.size_bytes || out.is_empty() {
            return Ok(0);
        }
        let block = self.object.block(self.position / BLOCK_BYTES)?;
        let rest = &block[(self.position % BLOCK_BYTES) as usize..];
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for RemoteFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.object.size_bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
