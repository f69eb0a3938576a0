//! Object stores by URL: objects that are read in blocks, lists in the place of directories, and uploads that are there when they are whole.

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use olbridge_delta::object_store::{self, GetOptions, GetRange, ObjectStore, ObjectStoreExt, WriteMultipart};
use olbridge_delta::store::{self, Opened, store_error};
use olbridge_delta::{Location, Service, StoreOptions, runtime};

use super::source_error;
use crate::error::{Error, Phase, Result};

/// Bytes of a read from a store: few enough that a footer costs little, many enough that a round trip does not count.
const BLOCK_BYTES: u64 = 2 << 20;
/// Blocks of a file that are kept: a page of each of so many columns is at hand.
const MOST_BLOCKS: usize = 32;
/// Bytes of a part of an upload.
const PART_BYTES: usize = 8 << 20;
/// Parts on their way at the same time; with the one being filled the memory of an upload.
const PARTS_AT_ONCE: usize = 3;

/// Opens the store of a URL.
pub(super) fn open(url: &str, phase: Phase) -> Result<Opened> {
    let location = url.parse::<Location>().map_err(|error| refused(phase, url, &error))?;
    store::open(&location, &StoreOptions::default()).map_err(|error| refused(phase, url, &error))
}

fn refused(phase: Phase, url: &str, error: &olbridge_delta::Error) -> Error {
    let text = error.to_string();
    let (message, remedy) = text.split_once("\n  try: ").unwrap_or((&text, "a look at the URL and the credential"));
    source_error(phase, Path::new(url), message, remedy)
}

/// Waits for a call of a store.
pub(super) fn wait<T: Send>(
    opened: &Opened,
    (phase, action): (Phase, &'static str),
    call: impl Future<Output = object_store::Result<T>> + Send,
) -> Result<T> {
    let url = opened.location.to_string();
    let done = runtime::block_on(call).map_err(|error| source_error(phase, Path::new(&url), error.to_string(), "run the job again"))?;
    done.map_err(|error| refused(phase, &url, &store_error(action, &opened.location, &error)))
}

/// Whether an object is there.
pub(super) fn exists(url: &str, phase: Phase) -> Result<bool> {
    let opened = open(url, phase)?;
    let head = runtime::block_on(opened.store.head(&opened.path));
    match head {
        Ok(Err(object_store::Error::NotFound { .. })) => Ok(false),
        Ok(found) => wait(&opened, (phase, "look at"), async move { found }).map(|_| true),
        Err(error) => Err(source_error(phase, Path::new(url), error.to_string(), "run the job again")),
    }
}

/// An object that is read from anywhere; clones share the blocks that were read. It stays the object that was opened: one that takes its place is
/// an error where the store has ETags.
#[derive(Debug, Clone)]
pub(super) struct RemoteFile {
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
    pub(super) fn open(path: &Path, phase: Phase) -> Result<Self> {
        let opened = open(&path.to_string_lossy(), phase)?;
        let head = wait(&opened, (phase, "look at"), opened.store.head(&opened.path))?;
        let object = Object { opened, phase, size_bytes: head.size, e_tag: head.e_tag, blocks: Mutex::default() };
        Ok(RemoteFile { object: Arc::new(object), position: 0 })
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.object.size_bytes
    }

    /// What tells this object from another of its name, where the store has it.
    pub(super) fn e_tag(&self) -> Option<String> {
        self.object.e_tag.clone()
    }

    /// The same from `start` on.
    pub(super) fn at(&self, start: u64) -> Self {
        RemoteFile { object: Arc::clone(&self.object), position: start }
    }

    /// `length` bytes from `start` on.
    pub(super) fn bytes(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start + length as u64;
        if end > self.object.size_bytes {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
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
        let options = GetOptions { range: Some(GetRange::Bounded(start..end)), if_match: self.e_tag.clone(), ..GetOptions::default() };
        let get = async { self.opened.store.get_opts(&self.opened.path, options).await?.bytes().await };
        let bytes = wait(&self.opened, (self.phase, "read"), get).map_err(io::Error::other)?;
        if bytes.len() as u64 != end - start {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
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

/// An object that is being written. Nothing is there under its name before [`Self::finish`], and nothing afterwards if it is dropped before.
pub(super) struct Upload {
    url: String,
    opened: Opened,
    parts: Option<WriteMultipart>,
}

impl Upload {
    pub(super) fn begin(url: &str) -> Result<Self> {
        let opened = open(url, Phase::Write)?;
        if matches!(opened.location.service(), Service::Http { .. }) {
            return Err(source_error(
                Phase::Write,
                Path::new(url),
                "web servers are read, not written",
                "s3://, gs://, abfss:// or onelake://",
            ));
        }
        let upload = wait(&opened, (Phase::Write, "begin to write"), opened.store.put_multipart(&opened.path))?;
        let parts = Some(WriteMultipart::new_with_chunk_size(upload, PART_BYTES));
        Ok(Upload { url: url.to_owned(), opened, parts })
    }

    /// Gives the object its name; without `replace` only where none is there by now.
    pub(super) fn finish(mut self, replace: bool) -> io::Result<()> {
        if !replace && exists(&self.url, Phase::Write).map_err(io::Error::other)? {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let Some(parts) = self.parts.take() else { return Ok(()) };
        wait(&self.opened, (Phase::Write, "write"), parts.finish()).map(drop).map_err(io::Error::other)
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(parts) = &mut self.parts else { return Err(io::Error::from(io::ErrorKind::BrokenPipe)) };
        wait(&self.opened, (Phase::Write, "write"), parts.wait_for_capacity(PARTS_AT_ONCE)).map_err(io::Error::other)?;
        // Parts are tasks of the runtime.
        let runtime = runtime::handle()?;
        let _entered = runtime.enter();
        parts.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            // What cannot be taken back is no object either: stores forget parts that were never joined.
            let _ = runtime::block_on(parts.abort());
        }
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("url", &self.url).finish_non_exhaustive()
    }
}
