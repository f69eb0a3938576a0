//! Stores over a network, less what is not to be shown, and less what OneLake answers wrongly.

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, Result};

use super::layer::{Layer, Layered};

/// A store of object_store. For OneLake its listings never use `startFrom`: OneLake has answered that with nothing, and a table with a log then had
/// none (arrow-rs-object-store#695, delta-kernel-rs#2433). Listing all and filtering here is right with either answer.
pub(super) struct Remote {
    inner: Arc<dyn ObjectStore>,
    lists_from_an_offset: bool,
    is_read_only: bool,
}

impl Remote {
    pub fn store(inner: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(Layered(Remote { inner, lists_from_an_offset: true, is_read_only: false }))
    }

    pub fn onelake(inner: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(Layered(Remote { inner, lists_from_an_offset: false, is_read_only: false }))
    }

    /// A web server: what object_store would send there is WebDAV, which few understand, and which has no put-if-absent.
    pub fn read_only(inner: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(Layered(Remote { inner, lists_from_an_offset: true, is_read_only: true }))
    }
}

impl Layer for Remote {
    fn inner(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    fn may_write(&self) -> Result<()> {
        match self.is_read_only {
            true => Err(Error::NotSupported { source: "a web server is read, not written".into() }),
            false => Ok(()),
        }
    }

    fn list_from(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.lists_from_an_offset {
            return self.inner.list_with_offset(prefix, offset);
        }
        let offset = offset.clone();
        self.inner.list(prefix).try_filter(move |meta| std::future::ready(meta.location > offset)).boxed()
    }
}
