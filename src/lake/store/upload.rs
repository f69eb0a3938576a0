//! An object that is being written: sent in parts as they fill, and there when the last call has joined them.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::pin::Pin;

use olbridge_delta::object_store::{self, MultipartUpload, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use olbridge_delta::runtime;
use olbridge_delta::store::Opened;

use super::{head, open, refuse_web_server, wait};
use crate::error::{Error, Phase, Result};

/// Bytes of a part of an object by itself. Stores take 10,000 parts: 156 GiB.
const PART_BYTES: usize = 16 << 20;
/// Bytes of a part of one of many objects: the least that S3 and Google take.
const SMALL_PART_BYTES: usize = 5 << 20;
/// Parts on their way at the same time; with the one being filled the memory of an upload.
const PARTS_AT_ONCE: usize = 2;

const WRITE: super::Doing = (Phase::Write, "write");

/// An object that is being written. Nothing is there under its name before [`Self::finish`], and nothing afterwards if it is dropped before.
pub(in crate::lake) struct Upload {
    opened: Opened,
    /// What is not sent yet.
    part: Vec<u8>,
    part_bytes: usize,
    /// `None` as long as all of it is in `part`.
    parts: Option<Parts>,
}

/// Parts that the store keeps until they are joined.
struct Parts {
    upload: Box<dyn MultipartUpload>,
    sending: VecDeque<Sending>,
}

/// A part on its way.
type Sending = Pin<Box<dyn Future<Output = object_store::Result<()>> + Send>>;

impl Upload {
    /// Nothing is sent before the first part is full.
    pub(in crate::lake) fn begin(url: &str) -> Result<Self> {
        let opened = open(url, Phase::Write)?;
        refuse_web_server(&opened, url)?;
        Ok(Self::to(opened, PART_BYTES))
    }

    /// One of many that are written at the same time.
    pub(super) fn small(opened: Opened) -> Self {
        Self::to(opened, SMALL_PART_BYTES)
    }

    pub(super) fn to(opened: Opened, part_bytes: usize) -> Self {
        Upload { opened, part: Vec::new(), part_bytes, parts: None }
    }

    /// Gives the object its name; without `replace` only where none is there by now.
    pub(in crate::lake) fn finish(mut self, replace: bool) -> io::Result<()> {
        if self.parts.is_none() {
            let bytes = std::mem::take(&mut self.part);
            return self.put(bytes, replace);
        }
        self.send_part()?;
        self.wait_for_parts(0)?;
        // There is no call that joins parts only where the name is free: between this look and the call there is no lock.
        if !replace && head(&self.opened, Phase::Write).map_err(io::Error::other)?.is_some() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        self.join()
    }

    /// Everything is with the store, and [`Sealed::join`] will give it its name.
    pub(super) fn seal(mut self) -> io::Result<Sealed> {
        self.send_part()?;
        self.wait_for_parts(0)?;
        Ok(Sealed(self))
    }

    /// A small object in one call, which the store refuses where the name is taken.
    fn put(&self, bytes: Vec<u8>, replace: bool) -> io::Result<()> {
        let payload = PutPayload::from(bytes);
        if replace {
            return self.put_with(payload, PutMode::Overwrite);
        }
        let Opened { store, path, .. } = &self.opened;
        let created = async {
            match store.put_opts(path, payload.clone(), PutOptions::from(PutMode::Create)).await {
                Ok(_) => Ok(Some(true)),
                Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(Some(false)),
                // Some that speak the protocol of S3 do not have it.
                Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        match wait(&self.opened, WRITE, created).map_err(io::Error::other)? {
            Some(true) => Ok(()),
            Some(false) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
            None if head(&self.opened, Phase::Write).map_err(io::Error::other)?.is_some() => {
                Err(io::Error::from(io::ErrorKind::AlreadyExists))
            }
            None => self.put_with(payload, PutMode::Overwrite),
        }
    }

    fn put_with(&self, payload: PutPayload, mode: PutMode) -> io::Result<()> {
        let put = self.opened.store.put_opts(&self.opened.path, payload, PutOptions::from(mode));
        wait(&self.opened, WRITE, put).map(drop).map_err(io::Error::other)
    }

    /// Sends what is there as a part; nothing for nothing, unless there would be no part at all.
    fn send_part(&mut self) -> io::Result<()> {
        if self.part.is_empty() && self.parts.is_some() {
            return Ok(());
        }
        self.wait_for_parts(PARTS_AT_ONCE - 1)?;
        let bytes = std::mem::take(&mut self.part);
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => {
                let begun = self.opened.store.put_multipart(&self.opened.path);
                let upload = wait(&self.opened, WRITE, begun).map_err(io::Error::other)?;
                none.insert(Parts { upload, sending: VecDeque::new() })
            }
        };
        if bytes.is_empty() {
            return Ok(());
        }
        let task = runtime::handle()?.spawn(parts.upload.put_part(PutPayload::from(bytes)));
        parts
            .sending
            .push_back(Box::pin(async move { task.await.unwrap_or_else(|error| Err(object_store::Error::JoinError { source: error })) }));
        Ok(())
    }

    /// Until at most `left` parts are on their way.
    fn wait_for_parts(&mut self, left: usize) -> io::Result<()> {
        let Some(parts) = &mut self.parts else { return Ok(()) };
        while parts.sending.len() > left
            && let Some(sent) = parts.sending.pop_front()
        {
            wait(&self.opened, WRITE, sent).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn join(&mut self) -> io::Result<()> {
        let Some(parts) = &mut self.parts else { return Ok(()) };
        wait(&self.opened, WRITE, parts.upload.complete()).map_err(io::Error::other)?;
        self.parts = None;
        Ok(())
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.part_bytes - self.part.len());
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() >= self.part_bytes {
            self.send_part()?;
        }
        Ok(taken)
    }

    /// Parts have a size of their own: nothing is sent for this.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(mut parts) = self.parts.take() else { return };
        // What cannot be taken back is no object either: stores forget parts that were never joined, some after days.
        let _ = runtime::block_on(async {
            for sending in parts.sending {
                let _ = sending.await;
            }
            parts.upload.abort().await
        });
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("url", &self.opened.location.to_string()).finish_non_exhaustive()
    }
}

/// An object whose parts are all with the store. Dropped before [`Self::join`] it leaves nothing.
#[derive(Debug)]
pub(super) struct Sealed(Upload);

impl Sealed {
    /// Gives the object its name.
    pub(super) fn join(mut self) -> Result<Opened> {
        self.0.join().map_err(|error| as_told(error, &self.0.opened))?;
        Ok(self.0.opened.clone())
    }
}

fn as_told(error: io::Error, opened: &Opened) -> Error {
    let text = error.to_string();
    match error.into_inner().map(|inner| inner.downcast::<Error>()) {
        Some(Ok(error)) => *error,
        _ => crate::lake::source_error(Phase::Write, opened.location.to_string().as_ref(), text, "run the job again"),
    }
}
