//! The store of one table, watched: a commit whose answer was lost is recognised as ours, and the data files of a write that failed are
//! known, so that they can be removed.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use deltalake::logstore::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, path::Path,
};
use futures::StreamExt;
use futures::stream::BoxStream;

/// Wraps the store at its root; paths begin there.
pub(crate) struct Guard {
    inner: Arc<dyn ObjectStore>,
    /// `TABLE/_delta_log`.
    log: Path,
    written: Mutex<Vec<Path>>,
}

impl Guard {
    pub fn new(inner: Arc<dyn ObjectStore>, table: &Path) -> Guard {
        Guard { inner, log: table.clone().join("_delta_log"), written: Mutex::new(Vec::new()) }
    }

    fn is_commit(&self, location: &Path) -> bool {
        location.prefix_matches(&self.log) && location.filename().is_some_and(|name| name.ends_with(".json"))
    }

    fn note(&self, location: &Path) {
        if !location.prefix_matches(&self.log) {
            self.written.lock().unwrap_or_else(PoisonError::into_inner).push(location.clone());
        }
    }

    /// Forgets the data files noted so far: they are in a commit, or may be.
    pub fn forget(&self) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Removes the data files noted so far, which no commit names. What cannot be removed is an orphan, which `care` finds later.
    pub async fn remove_written(&self) {
        let files = std::mem::take(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner));
        let files = futures::stream::iter(files.into_iter().map(Ok)).boxed();
        self.inner.delete_stream(files).for_each(|_| std::future::ready(())).await;
    }

    /// A put-if-absent of a commit that has not said yes: whether the commit at `location` is this very one all the same. A retried request
    /// whose first answer was lost finds its own commit there and is told "exists already"; taken at its word, deltalake would commit the same
    /// files as the next version too, and whoever follows the changes of the table would get the rows twice.
    async fn is_ours(&self, location: &Path, payload: &PutPayload) -> bool {
        let Ok(found) = self.inner.get(location).await else { return false };
        let Ok(found) = found.bytes().await else { return false };
        found == Bytes::from(payload.clone())
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

#[async_trait]
impl ObjectStore for Guard {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let is_new_commit = options.mode == PutMode::Create && self.is_commit(location);
        if !is_new_commit {
            self.note(location);
            return self.inner.put_opts(location, payload, options).await;
        }
        match self.inner.put_opts(location, payload.clone(), options).await {
            Err(Error::NotSupported { source }) => Err(Error::NotSupported { source }),
            Err(error) if self.is_ours(location, &payload).await => {
                drop(error);
                Ok(PutResult { e_tag: None, version: None })
            }
            answer => answer,
        }
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.note(location);
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.note(to);
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.note(to);
        self.inner.rename_opts(from, to, options).await
    }
}
