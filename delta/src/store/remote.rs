//! Stores over a network, less what is not to be shown, and less what OneLake answers wrongly.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, RenameOptions, Result,
};

/// A store of object_store, whose own `Debug` prints tokens and keys; this one prints what `Display` does. For OneLake its listings never use
/// `startFrom`: OneLake has answered that with nothing, and a table with a log then had none (arrow-rs-object-store#695,
/// delta-kernel-rs#2433). Listing all and filtering here is right with either answer.
pub(super) struct Remote {
    inner: Arc<dyn ObjectStore>,
    lists_from_an_offset: bool,
    is_read_only: bool,
}

impl Remote {
    pub fn new(inner: Arc<dyn ObjectStore>) -> Remote {
        Remote { inner, lists_from_an_offset: true, is_read_only: false }
    }

    pub fn onelake(inner: Arc<dyn ObjectStore>) -> Remote {
        Remote { lists_from_an_offset: false, ..Remote::new(inner) }
    }

    /// A web server: what object_store would send there is WebDAV, which few understand, and which has no put-if-absent.
    pub fn read_only(inner: Arc<dyn ObjectStore>) -> Remote {
        Remote { is_read_only: true, ..Remote::new(inner) }
    }

    fn may_write(&self) -> Result<()> {
        match self.is_read_only {
            true => Err(Error::NotSupported { source: "a web server is read, not written".into() }),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

#[async_trait]
impl ObjectStore for Remote {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.may_write()?;
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.may_write()?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.may_write() {
            Ok(()) => self.inner.delete_stream(locations),
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.lists_from_an_offset {
            return self.inner.list_with_offset(prefix, offset);
        }
        let offset = offset.clone();
        self.inner.list(prefix).try_filter(move |meta| std::future::ready(meta.location > offset)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.may_write()?;
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.may_write()?;
        self.inner.rename_opts(from, to, options).await
    }
}
