//! The store of one table, watched: a commit whose answer was lost is recognised as ours, and the data files of a write that failed are
//! known, so that they can be removed.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use deltalake::logstore::object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, PutResult, Result, path::Path,
};
use futures::StreamExt;

use crate::store::layer::{Layer, Layered};

/// Wraps the store at its root; paths begin there.
pub(crate) struct Guard {
    inner: Arc<dyn ObjectStore>,
    /// `TABLE/_delta_log`.
    log: Path,
    written: Mutex<Vec<Path>>,
}

/// The guard as a store.
pub(crate) type Guarded = Layered<Guard>;

/// Guards the table at `table` in the store.
pub(crate) fn guarded(inner: Arc<dyn ObjectStore>, table: &Path) -> Guarded {
    Layered(Guard { inner, log: table.clone().join("_delta_log"), written: Mutex::new(Vec::new()) })
}

impl Guard {
    fn is_commit(&self, location: &Path) -> bool {
        location.prefix_matches(&self.log) && location.filename().is_some_and(|name| name.ends_with(".json"))
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

impl Guarded {
    /// Forgets the data files noted so far: they are in a commit, or may be.
    pub fn forget(&self) {
        self.0.written.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Removes the data files noted so far, which no commit names. What cannot be removed is an orphan, which `care` finds later.
    pub async fn remove_written(&self) {
        let files = std::mem::take(&mut *self.0.written.lock().unwrap_or_else(PoisonError::into_inner));
        let files = futures::stream::iter(files.into_iter().map(Ok)).boxed();
        self.0.inner.delete_stream(files).for_each(|_| std::future::ready(())).await;
    }
}

#[async_trait]
impl Layer for Guard {
    fn inner(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    fn writes(&self, location: &Path) {
        if !location.prefix_matches(&self.log) {
            self.written.lock().unwrap_or_else(PoisonError::into_inner).push(location.clone());
        }
    }

    async fn put(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let is_new_commit = options.mode == PutMode::Create && self.is_commit(location);
        if !is_new_commit {
            self.writes(location);
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
}
